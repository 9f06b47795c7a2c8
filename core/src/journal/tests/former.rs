//! What was set aside and is damaged, taken away or put back: it costs the present journal nothing, and
//! nothing of it goes without a word.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::by_people::{invoices, together};
use super::faulty::Faulty;
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    Begun, Filter, Finding, Journal, JournalCopy, JournalErrorKind, Setup, SqliteOptions,
    Succession, move_journal, move_journal_on, set_aside,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Settlement, Source, Verdict};

pub(super) fn says(findings: &[Finding], word: &str) -> bool {
    findings.iter().any(|found| found.critical && found.message.contains(word))
}

/// Everything that was found so far, at opening and since.
fn told(journal: &Succession) -> Vec<Finding> {
    [journal.findings(), journal.found_since()].concat()
}

pub(super) fn carry(from: &Path, to: &Path) {
    for suffix in ["", ".mark", "-wal"] {
        if beside(from, suffix).exists() {
            fs::rename(beside(from, suffix), beside(to, suffix)).unwrap();
        }
    }
}

#[test]
fn j9_j19_j20_no_damaged_page_of_what_was_set_aside_stops_the_journal_that_followed() {
    const PAGE: usize = 1024;
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    for number in 1..=12 {
        let mut row = fresh(&journal, &charge(number));
        if number < 10 {
            row.state.verdict = Some(Verdict::Accepted(Source::Push));
            row.state.settlement = Settlement::closed(Boottime(1));
            row.state.due = None;
            row.state.acknowledged = number < 6;
            write(&journal, row);
        }
    }
    drop(journal);
    let aside = set_aside(&path).unwrap();
    let whole = fs::read(&aside).unwrap();
    let setup = Setup {
        class: "staging".to_owned(),
        host: "https://api".to_owned(),
        proxy: None,
        merchant_id: "1".to_owned(),
        terminal: "T1/M1".to_owned(),
        key: "k".to_owned(),
        other_keys: Vec::new(),
    };
    let mut sold = 100;
    for page in 1..whole.len() / PAGE {
        let mut damaged = whole.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0x55);
        fs::write(&aside, damaged).unwrap();
        let journal = Succession::open(&path, &SqliteOptions::default()).unwrap();
        journal.belong_to(&setup).unwrap();
        let boot = journal.enter_boot("boot-a").unwrap();
        journal.adopt_key("k", &[]).unwrap();
        sold += 1;
        let next = fresh(&journal, &charge(sold));
        let due = journal.due(boot, Boottime(u64::MAX), 99).unwrap();
        assert!(due.iter().any(|row| row.id == next.id), "page {page}");
        assert!(journal.next_due(boot).unwrap().is_some(), "page {page}");
        assert!(invoices(&journal).contains(&format!("INV-{sold}")), "page {page}");
        let unheard = Filter { unacknowledged: true, ..Filter::default() };
        journal.list(&unheard).unwrap();
        journal.figures().unwrap();
        let problems = journal.health().unwrap().problems;
        let told = told(&journal);
        assert!(told.is_empty() || says(&told, ".aside-1"), "page {page}: {told:?}");
        assert!(
            !told.iter().any(|found| found.message.contains("set-aside` it")),
            "the cure is not to set the present one aside: {told:?}"
        );
        let is_whole = problems.is_empty() && told.is_empty();
        assert!(!is_whole || invoices(&journal).contains(&"INV-12".to_owned()), "page {page}");
    }
}

#[test]
fn j20_what_was_set_aside_and_is_taken_away_under_a_running_shop_is_told_and_known_still() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    let mut row = fresh(&journal, &charge(1));
    row.state.verdict = Some(Verdict::Accepted(Source::Push));
    row.state.settlement = Settlement::closed(Boottime(1));
    row.state.due = None;
    write(&journal, row);
    fresh(&journal, &charge(2));
    drop(journal);
    let aside = set_aside(&path).unwrap();
    let journal = together(&path);
    let open_row = journal.find(&invoice(2)).unwrap().unwrap();
    carry(&aside, &path.with_file_name("gone.db"));
    let mut step = open_row.clone();
    step.state.due = Some(Boottime(77));
    assert_eq!(journal.update(&step).unwrap_err().kind, JournalErrorKind::Gone);
    let since = journal.found_since();
    assert!(says(&since, ".aside-1") && says(&since, "put it back"), "{since:?}");
    assert_eq!(journal.found_since(), [], "once");
    let Ok(Begun::Existing(paid)) = journal.begin(&charge(1), BatchMethod::Continuous) else {
        panic!("it was pushed, and told as Paid");
    };
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Push)));
    assert_eq!(journal.payment(paid.id), Ok(Some(paid)));
    // The customer of the one that is still open is not pushed a second time.
    let mut again = charge(3);
    again.phone = charge(2).phone;
    again.refuse_unsettled_customer = true;
    let begun = journal.begin(&again, BatchMethod::Continuous).unwrap();
    assert!(matches!(begun, Begun::UnsettledCustomer(_)), "{begun:?}");
    assert!(journal.health().unwrap().problems.iter().any(|it| it.contains("put it back")));
    fresh(&journal, &charge(4));
}

#[test]
fn j20_what_nobody_could_read_and_is_missed_keeps_its_number() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let aside = set_aside(&path).unwrap();
    fs::write(&aside, vec![7; 4096]).unwrap();
    fs::remove_file(beside(&path, ".aside-1.mark")).unwrap();
    fs::remove_file(beside(&path, ".mark")).unwrap();
    drop(together(&path));
    fs::remove_file(&aside).unwrap();
    assert!(says(&together(&path).findings(), "nobody knows what it owed"));
    assert_eq!(set_aside(&path).unwrap(), beside(&path, ".aside-2"), "1 is to be put back");
    for _ in 0..2 {
        let journal = together(&path);
        assert!(says(&journal.findings(), "nobody knows what it owed"), "{:?}", journal.findings());
    }
}

#[test]
fn j20_where_one_is_to_be_put_back_no_other_one_is_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    fresh(&together(&path), &charge(2));
    let gone = path.with_file_name("gone.db");
    carry(&aside, &gone);
    assert_eq!(set_aside(&path).unwrap(), beside(&path, ".aside-2"));
    assert!(says(&together(&path).findings(), ".aside-1"));
    carry(&gone, &aside);
    let journal = together(&path);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal), ["INV-1", "INV-2"]);
}

#[test]
fn j20_one_that_is_put_back_over_the_journal_that_followed_it_is_doubted() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let last = fresh(&together(&path), &charge(2)).intent.numbers;
    carry(&aside, &path);
    for _ in 0..2 {
        let journal = together(&path);
        assert!(says(&journal.findings(), "followed it"), "{:?}", journal.findings());
    }
    let journal = together(&path);
    let next = fresh(&journal, &charge(3));
    assert!(next.intent.numbers.batch() > last.batch() && !next.state.attested);
    assert_eq!(journal.vouch("Sari: compared with OVO's report"), Ok(true));
    drop(journal);
    assert_eq!(together(&path).findings(), []);
}

#[test]
fn j20_one_that_is_put_back_with_the_one_that_followed_set_aside_is_whole() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let first = set_aside(&path).unwrap();
    let last = fresh(&together(&path), &charge(2)).intent.numbers;
    carry(&path, &beside(&path, ".aside-2"));
    carry(&first, &path);
    for number in 3..=4 {
        let journal = together(&path);
        assert_eq!(journal.findings(), []);
        let next = fresh(&journal, &charge(number)).intent.numbers;
        assert!(next.batch() > last.batch());
        assert!(invoices(&journal).contains(&"INV-2".to_owned()));
    }
}

#[test]
fn j20_one_that_was_moved_to_a_place_of_its_own_is_not_missed() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    drop(together(&path));
    let own = path.with_file_name("own.db");
    move_journal(&aside, &own).unwrap();
    let found = together(&path).findings();
    assert!(
        found.len() == 1 && !found[0].critical && found[0].message.contains("own.db"),
        "{found:?}"
    );
    assert_eq!(together(&path).findings(), []);
    assert_eq!(together(&own).findings(), [], "nobody followed it there");
}

#[test]
fn j20_a_first_opening_that_is_killed_forgets_nothing_that_was_set_aside() {
    for changes in 0..40 {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let aside = set_aside(&path).unwrap();
        let files = Faulty::the_power_goes(changes);
        let opened = Succession::open_on(files, &path, &SqliteOptions::default());
        let is_done = opened.is_ok();
        drop(opened);
        for suffix in ["", "-wal", ".mark"] {
            let _ = fs::remove_file(beside(&aside, suffix));
        }
        for _ in 0..2 {
            let found = together(&path).findings();
            assert!(says(&found, "is gone"), "killed at change {changes}: {found:?}");
        }
        if is_done {
            return;
        }
    }
    panic!("it never opened");
}

#[test]
fn j12_a_copy_made_while_it_was_open_and_put_back_behind_its_closing_is_doubted() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let kept = path.with_file_name("kept.db");
    // By another program: a descriptor that is closed here would end SQLite's locks.
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new("cp").args([from, to]).status().unwrap().success());
    };
    fresh(&open(&path), &charge(1));
    let journal = open(&path);
    let mut row = journal.find(&invoice(1)).unwrap().unwrap();
    row.state.due = Some(Boottime(7));
    let mut row = write(&journal, row);
    copy(&path, &kept);
    copy(&beside(&path, "-wal"), &beside(&kept, "-wal"));
    row.state.verdict = Some(Verdict::Accepted(Source::Push));
    row.state.settlement = Settlement::closed(Boottime(1));
    row.state.due = None;
    write(&journal, row);
    drop(journal);
    // Onto the file that is there: its number and its time of birth stay.
    copy(&kept, &path);
    copy(&beside(&kept, "-wal"), &beside(&path, "-wal"));
    let journal = open(&path);
    assert!(says(&journal.findings(), "before it was closed"), "{:?}", journal.findings());
    let row = journal.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(row.state.verdict, Some(Verdict::Quarantined), "it is asked about, never reversed");
}

#[test]
fn j21_j30_a_journal_that_was_moved_away_tells_a_report_nothing_and_is_backed_up_still() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    fresh(&journal, &charge(1));
    journal.sql("INSERT INTO meta VALUES ('moved to', '/var/lib/shop/new.db')").unwrap();
    drop(journal);
    let copy = JournalCopy::open(&path).unwrap();
    let refused = copy.list(&Filter::default()).unwrap_err();
    assert!(refused.message.contains("/var/lib/shop/new.db"), "{refused}");
    assert!(copy.find(&invoice(1)).is_err() && copy.health().is_err() && copy.figures().is_err());
    copy.backup(path.with_file_name("kept.db")).unwrap();
}

#[test]
fn j20_j24_a_journal_that_is_opened_by_a_link_can_be_set_aside_by_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let link = path.with_file_name("shop.db");
    std::os::unix::fs::symlink("ovo.db", &link).unwrap();
    fresh(&open(&path), &charge(1));
    assert_eq!(set_aside(&link).unwrap(), beside(&path, ".aside-1"));
    let journal = together(&link);
    fresh(&journal, &charge(2));
    assert_eq!(invoices(&journal), ["INV-1", "INV-2"]);
    drop(journal);
    assert!(path.exists() && fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn j21_a_move_that_is_killed_while_it_copies_lets_nobody_begin_at_the_new_place() {
    let mut times = 0;
    for changes in 0..200 {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let to = path.with_file_name("new.db");
        fresh(&open(&path), &charge(1));
        let moved = move_journal_on(&Faulty::the_power_goes(changes), &path, &to);
        let has_copied = fs::read_dir(path.parent().unwrap()).unwrap().any(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.starts_with("new.db.new-") && !name.contains("-wal")
        });
        if has_copied && !to.exists() {
            times += 1;
            let begun = Succession::open(&to, &SqliteOptions::default()).map(drop);
            assert!(
                begun.unwrap_err().message.contains("on its way"),
                "killed at change {changes}"
            );
        }
        if moved.is_ok() {
            assert!(times > 0, "it was never killed there");
            return;
        }
    }
    panic!("it never moved");
}

#[test]
fn j20_a_backup_beside_the_shop_takes_no_name_of_the_journal_s() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let copy = JournalCopy::open(&path).unwrap();
    for name in [".aside-1", "-wal", ".moved", ".turn"] {
        let error = copy.backup(beside(&path, name)).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{name}");
    }
    assert_eq!(copy.backup(path.with_file_name("kept.db")), Ok(()));
}
