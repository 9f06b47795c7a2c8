//! The numbers of what was set aside and cannot be opened, whoever took its mark: the next journal hands
//! out none of them again, and is not moved by what is another merchant's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::by_people::together;
use super::hands::{beside, left_behind};
use super::opening::{child, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{
    Begun, Finding, Journal, JournalErrorKind, Setup, SqliteJournal, SqliteOptions, Succession,
    set_aside, starting_batch,
};
use crate::numbering::BatchMethod;
use crate::wib::WallTime;

/// A journal that was opened for `first_batch` and has handed out a number lies set aside, as people leave
/// it: without any mark. Where, and the batch of that number.
fn aside_without_a_mark(scratch: &Scratch, first_batch: Option<u32>) -> (PathBuf, u32) {
    let path = scratch.journal();
    let options = SqliteOptions { first_batch, ..SqliteOptions::default() };
    let journal = SqliteJournal::open(&path, &options).unwrap();
    let batch = batch_of(&journal, 30);
    drop(journal);
    let aside = set_aside(&path).unwrap();
    for mark in [&path, &aside] {
        fs::remove_file(beside(mark, ".mark")).unwrap();
    }
    (aside, batch)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn batch_of(journal: &dyn Journal, number: u32) -> u32 {
    fresh(journal, &charge(number)).intent.numbers.batch()
}

fn jumps(findings: &[Finding]) -> usize {
    findings.iter().filter(|it| it.message.contains("jump to batch")).count()
}

#[test]
fn j28_numbers_of_what_others_may_read_are_asked_in_a_copy_and_not_given_again() {
    for first in [None, Some(700_000)] {
        let scratch = Scratch::new();
        let (aside, last) = aside_without_a_mark(&scratch, first);
        mode(&aside, 0o644);
        let options = SqliteOptions { first_batch: first, ..SqliteOptions::default() };
        let journal = Succession::open(scratch.journal(), &options).unwrap();
        assert_eq!(batch_of(&journal, 2), last + 1, "above the one that was handed out");
        assert_eq!(jumps(&journal.findings()), 0, "{:?}", journal.findings());
    }
}

#[test]
fn j28_numbers_of_what_cannot_be_read_are_jumped_over_once_and_it_is_said() {
    // Damaged, another client's of this very process, and another program's.
    for (how, first) in [
        ("damaged", None),
        ("damaged", Some(700_000)),
        ("ours", None),
        ("ours", Some(700_000)),
        ("another's", None),
    ] {
        let scratch = Scratch::new();
        let (path, (aside, last)) = (scratch.journal(), aside_without_a_mark(&scratch, first));
        let (mut ours, mut other) = (None, None);
        match how {
            "damaged" => fs::write(&aside, vec![7; 4096]).unwrap(),
            "ours" => ours = Some(open(&aside)),
            _ => {
                let mut program = child("hands::child_pays_and_is_killed", &aside).spawn().unwrap();
                wait_for(&mut program, "result: paid");
                other = Some(program);
            }
        }
        // Whoever has it has a mark again.
        let _ = fs::remove_file(beside(&aside, ".mark"));
        let options = SqliteOptions { first_batch: first, ..SqliteOptions::default() };
        let opened = || {
            let journal = Succession::open(&path, &options).unwrap();
            let of_ours = journal.belong_to(&set_up(&charge(1).merchant_id)).unwrap().findings;
            let told = [journal.findings(), of_ours].concat();
            (journal, told)
        };
        let (journal, told) = opened();
        assert_eq!(jumps(&told), 1, "{how}: {told:?}");
        drop(journal);
        let (journal, told) = opened();
        assert_eq!(jumps(&told), 0, "{how}: once");
        let begun = loop {
            match journal.begin(&charge(20), BatchMethod::Continuous) {
                // Nobody can know whether that one knows the payment: it lets go first.
                Err(error) if error.kind == JournalErrorKind::Locked && ours.is_some() => {
                    ours = None
                }
                begun => break begun.unwrap(),
            }
        };
        let Begun::Fresh(next) = begun else { panic!("{how}: {begun:?}") };
        let next = next.intent.numbers.batch();
        assert!(next > last + 10, "{how}: {next} behind {last}");
        drop(journal);
        if let Some(mut other) = other {
            other.kill().unwrap();
            other.wait().unwrap();
        }
        let (journal, _) = opened();
        assert_eq!(batch_of(&journal, 21), next, "{how}: nothing more is used up");
    }
}

/// A copy of it alone tells less than it has handed out.
#[test]
fn j23_j28_numbers_of_what_others_may_read_and_lacks_its_log_are_jumped_over() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let aside = beside(&path, ".aside-1");
    fs::rename(&path, &aside).unwrap();
    fs::rename(beside(&path, "-wal"), path.with_file_name("left elsewhere")).unwrap();
    fs::remove_file(beside(&path, ".mark")).unwrap();
    mode(&aside, 0o644);
    let journal = together(&path);
    assert_eq!(jumps(&journal.findings()), 1, "{:?}", journal.findings());
    let says =
        |word: &str| journal.findings().iter().any(|it| it.critical && it.message.contains(word));
    assert!(says("its log, with its latest payments"), "{:?}", journal.findings());
    let next = batch_of(&journal, 4);
    assert!(
        next > starting_batch(WallTime::now()).unwrap() + 100,
        "above all that it can have given"
    );
}

#[test]
fn j28_numbers_of_a_log_that_lies_aside_alone_are_jumped_over() {
    let scratch = Scratch::new();
    let (path, (aside, last)) = (scratch.journal(), aside_without_a_mark(&scratch, None));
    fs::remove_file(&aside).unwrap();
    fs::write(beside(&aside, "-wal"), "payments").unwrap();
    let journal = together(&path);
    assert_eq!(jumps(&journal.findings()), 1, "{:?}", journal.findings());
    assert!(batch_of(&journal, 2) > last);
}

#[test]
fn j12_j28_a_first_batch_that_is_given_is_none_that_a_lost_journal_has_used() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let options = SqliteOptions { first_batch: Some(700_000), ..SqliteOptions::default() };
    let last = batch_of(&SqliteJournal::open(&path, &options).unwrap(), 1);
    for gone in ["", ".mark"] {
        fs::remove_file(beside(&path, gone)).unwrap();
    }
    let next = batch_of(&SqliteJournal::open(&path, &options).unwrap(), 2);
    assert!(next > last, "{next} behind {last}");
}

/// Of the mark at the place only its number is left: what lies aside is another journal, whose mark is torn.
#[test]
fn j28_numbers_of_a_mark_whose_journal_is_gone_are_not_given_again() {
    let scratch = Scratch::new();
    let (path, (aside, _)) = (scratch.journal(), aside_without_a_mark(&scratch, None));
    let options = SqliteOptions { first_batch: Some(700_000), ..SqliteOptions::default() };
    let last = batch_of(&Succession::open(&path, &options).unwrap(), 2);
    fs::remove_file(&path).unwrap();
    fs::write(beside(&aside, ".mark"), "torn").unwrap();
    let next = batch_of(&Succession::open(&path, &options).unwrap(), 3);
    assert!(next > last, "{next} behind {last}");
}

/// An older copy lies aside in the place of the journal, whose mark knows better.
#[test]
fn j28_numbers_that_only_the_mark_of_what_lies_aside_knows_are_not_given_again() {
    for is_open in [true, false] {
        let scratch = Scratch::new();
        let (path, (aside, _)) = (scratch.journal(), aside_without_a_mark(&scratch, None));
        drop(open(&aside));
        let older = fs::read(&aside).unwrap();
        let mut new = charge(31);
        new.wall = WallTime::from_unix_millis(new.wall.unix_millis() + 3 * 86_400_000);
        let Begun::Fresh(last) = open(&aside).begin(&new, BatchMethod::Daily).unwrap() else {
            panic!("it is new");
        };
        fs::write(&aside, older).unwrap();
        mode(&aside, if is_open { 0o600 } else { 0o644 });
        let next = batch_of(&together(&path), 2);
        assert!(next > last.intent.numbers.batch(), "{is_open}: {next} behind {last}");
    }
}

fn set_up(merchant: &str) -> Setup {
    Setup {
        class: "loopback".to_owned(),
        host: "https://127.0.0.1:1".to_owned(),
        proxy: None,
        merchant_id: merchant.to_owned(),
        terminal: charge(1).terminal.name(),
        key: "k".to_owned(),
        other_keys: Vec::new(),
    }
}

/// The journal of merchant 1 lies set aside, in its last batch; of a copy of it, if it is to be doubted.
fn of_merchant_1(scratch: &Scratch, is_doubted: bool, first_batch: u32) -> PathBuf {
    let path = scratch.journal();
    let options = SqliteOptions { first_batch: Some(first_batch), ..SqliteOptions::default() };
    let journal = SqliteJournal::open(&path, &options).unwrap();
    journal.belong_to(&set_up("1")).unwrap();
    fresh(&journal, &charge(1));
    drop(journal);
    if is_doubted {
        let kept = path.with_file_name("kept.db");
        fs::copy(&path, &kept).unwrap();
        fs::rename(&kept, &path).unwrap();
        assert!(open(&path).is_doubted().unwrap());
    }
    set_aside(&path).unwrap()
}

#[test]
fn j26_j28_another_merchants_journal_that_lies_aside_neither_moves_nor_doubts_a_new_one() {
    for (mode_of_it, has_marks) in [(0o600, true), (0o600, false), (0o644, true), (0o644, false)] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let aside = of_merchant_1(&scratch, true, 900_000);
        if !has_marks {
            fs::remove_file(beside(&path, ".mark")).unwrap();
            fs::remove_file(beside(&aside, ".mark")).unwrap();
        }
        mode(&aside, mode_of_it);
        for opening in 0..2 {
            let journal = together(&path);
            journal.belong_to(&set_up("2")).unwrap();
            let case = format!("{mode_of_it:o}, marks: {has_marks}, opening {opening}");
            assert!(!journal.present().is_doubted().unwrap(), "{case}: {:?}", journal.findings());
            // Nor is an invoice the other one's.
            let next = fresh(&journal, &charge(1 + opening)).intent.numbers.batch();
            assert_eq!(next, starting_batch(charge(1).wall).unwrap(), "{case}");
        }
    }
}

#[test]
fn j28_numbers_that_another_merchant_used_up_close_no_shop() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    of_merchant_1(&scratch, false, 999_999);
    let journal = together(&path);
    journal.belong_to(&set_up("2")).unwrap();
    fresh(&journal, &charge(1));
    // Of the same merchant they are used up.
    let scratch = Scratch::new();
    of_merchant_1(&scratch, false, 999_999);
    let refused = together(&scratch.journal()).belong_to(&set_up("1")).map(drop).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Numbers, "{refused}");
}

#[test]
fn j28_whoever_sells_without_saying_whose_it_is_sells_above_everything_that_lies_aside() {
    let scratch = Scratch::new();
    of_merchant_1(&scratch, false, 900_000);
    assert_eq!(batch_of(&together(&scratch.journal()), 2), 900_001);
}

#[test]
fn j21_the_doubt_of_what_others_may_read_is_taken_over_and_one_word_ends_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = of_merchant_1(&scratch, true, 70_000);
    mode(&aside, 0o644);
    let opened = || {
        let journal = together(&path);
        journal.belong_to(&set_up("1")).unwrap();
        journal
    };
    let journal = opened();
    assert!(!fresh(&journal, &charge(2)).state.attested, "the other copy may sell on");
    drop(journal);
    let journal = opened();
    assert_eq!(journal.vouch("Sari: the other till is broken"), Ok(true));
    drop(journal);
    for number in 3..5 {
        let journal = opened();
        assert!(fresh(&journal, &charge(number)).state.attested, "{:?}", journal.findings());
    }
    // Nor does the next journal ask once more.
    set_aside(&path).unwrap();
    assert!(fresh(&opened(), &charge(6)).state.attested);
    // Readable again it says itself that it is doubted, which nobody has answered in it; then no more.
    mode(&aside, 0o600);
    opened().vouch("Sari: the other till is broken").unwrap();
    let journal = opened();
    assert!(fresh(&journal, &charge(7)).state.attested, "{:?}", journal.findings());
}
