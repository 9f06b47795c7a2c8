//! A journal that is older than its mark (J12), another journal's, or lost.

use std::fs;

use super::by_people::{invoices, together};
use super::faulty::Faulty;
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Journal, JournalErrorKind, SqliteJournal, SqliteOptions, set_aside};
use crate::payment::{Boottime, Reversal, Settlement, Source, Verdict, Void};

#[test]
fn j12_an_older_copy_reverses_nothing_by_itself_and_repeats_no_number() {
    let scratch = Scratch::new();
    let (path, backup) = (scratch.journal(), scratch.journal().with_extension("backup"));
    let journal = open(&path);
    let open_row = fresh(&journal, &charge(1));
    let mut abandoned = fresh(&journal, &charge(2));
    abandoned.state.verdict = Some(Verdict::Abandoned);
    abandoned.state.settlement = Settlement::Open(Reversal::Needed);
    let abandoned = write(&journal, abandoned);
    drop(journal);
    fs::copy(&path, &backup).unwrap();
    // After the backup the open payment was told as Paid, and another began.
    let journal = open(&path);
    let mut paid = open_row.clone();
    paid.state.verdict = Some(Verdict::Accepted(Source::Push));
    write(&journal, paid);
    let lost = fresh(&journal, &charge(3));
    drop(journal);
    fs::rename(&backup, &path).unwrap();

    for _ in 0..2 {
        let journal = open(&path);
        let row = journal.find(&invoice(1)).unwrap().unwrap();
        assert_eq!(row.state.verdict, Some(Verdict::Quarantined));
        assert!(row.state.due.is_some(), "it is asked about, and an operator decides if need be");
        let decided = journal.find(&invoice(2)).unwrap().unwrap().state;
        assert_eq!(decided.verdict, abandoned.state.verdict, "decided is decided");
        assert!(decided.is_in_doubt() && !decided.owes_reversal(), "closed since, perhaps");
        let problems = journal.health().unwrap().problems;
        assert!(problems[0].contains("older copy"), "reported again");
        let cure = format!("journal vouch -j {}`", path.display());
        assert!(problems[0].contains(&cure), "of this file: {problems:?}");
    }
    let journal = open(&path);
    let next = fresh(&journal, &charge(4));
    assert!(next.intent.numbers.batch() > lost.intent.numbers.batch());
    assert_eq!(next.intent.numbers.reference(), 1);
    assert!(!next.state.attested, "the other copy may live on");
    let then = fresh(&journal, &charge(5)).intent.numbers;
    assert_eq!((then.batch(), then.reference()), (next.intent.numbers.batch(), 2));
    let mut ruled = journal.find(&invoice(1)).unwrap().unwrap();
    ruled.state.verdict = Some(Verdict::Accepted(Source::Operator));
    ruled.state.settlement = Settlement::closed(Boottime(1));
    write(&journal, ruled);
}

#[test]
fn j12_another_journal_in_its_place_is_doubted() {
    let scratch = Scratch::new();
    let (path, other) = (scratch.journal(), scratch.journal().with_extension("other"));
    fresh(&open(&path), &charge(1));
    fresh(&open(&other), &charge(2));
    fs::rename(&other, &path).unwrap();
    let journal = open(&path);
    assert!(!fresh(&journal, &charge(3)).state.attested);
}

#[test]
fn the_successor_of_a_lost_journal_begins_above_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let lost = fresh(&open(&path), &charge(1)).intent.numbers;
    for options in [
        SqliteOptions::default(),
        SqliteOptions { first_batch: Some(5), ..SqliteOptions::default() },
    ] {
        fs::remove_file(&path).unwrap();
        // Killed before its first payment, it still knows.
        drop(SqliteJournal::open(&path, &options).unwrap());
        let journal = SqliteJournal::open(&path, &options).unwrap();
        let payment = fresh(&journal, &charge(1));
        assert!(payment.intent.numbers.batch() > lost.batch(), "in the same quarter of an hour");
        assert!(payment.state.attested);
        assert!(
            journal.health().unwrap().problems[0].contains("is gone"),
            "until somebody vouches"
        );
    }
}

#[test]
fn a_lost_or_torn_mark_is_no_evidence() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mark = path.with_file_name("ovo.db.mark");
    fresh(&open(&path), &charge(1));
    fs::remove_file(&mark).unwrap();
    fresh(&open(&path), &charge(2));
    fs::write(&mark, "torn").unwrap();
    let journal = open(&path);
    let third = fresh(&journal, &charge(3));
    assert!(third.state.attested);
    assert_eq!(third.intent.numbers.reference(), 3);
    assert_eq!(fs::read_to_string(&mark).unwrap().lines().count(), 1);
}

#[test]
fn j10_a_write_ahead_log_of_another_journal_is_not_believed() {
    let scratch = Scratch::new();
    let (path, other) = (scratch.journal(), scratch.journal().with_extension("other"));
    let journal = open(&path);
    fresh(&journal, &charge(1));
    drop(journal);
    let foreign = open(&other);
    for number in 10..13 {
        fresh(&foreign, &charge(number));
    }
    let log = path.with_file_name("ovo.other-wal");
    fs::copy(log, path.with_file_name("ovo.db-wal")).unwrap();
    drop(foreign);
    match SqliteJournal::open(&path, &SqliteOptions::default()) {
        Err(error) => assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}"),
        Ok(_) => panic!("it is believed"),
    }
}

#[test]
fn j28_a_fresh_journal_leaves_numbers_that_another_one_has_used() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let wall = charge(1).wall;
    let used = fresh(&journal, &charge(1)).intent.numbers;
    let found = journal.jump(wall).unwrap().expect("it jumps");
    let next = fresh(&journal, &charge(2));
    assert!(next.intent.numbers.batch() > used.batch());
    assert!(next.state.attested, "above them its numbers are its own");
    assert!(found.message.contains(&format!("{:06}", next.intent.numbers.batch())), "{found:?}");
    assert_eq!(journal.jump(wall), Ok(None), "once in a quarter of an hour");
    let later = crate::WallTime::from_unix_millis(wall.unix_millis() + 900_000);
    assert!(journal.jump(later).unwrap().is_some(), "two more journals may have been lost");
    let mut declined = fresh(&journal, &charge(3));
    let code = crate::message::ResponseCode::new("17").unwrap();
    declined.state.verdict = Some(Verdict::Declined(crate::payment::DeclineReason::Code(code)));
    declined.state.due = None;
    write(&journal, declined);
    let much_later = crate::WallTime::from_unix_millis(wall.unix_millis() + 9_000_000);
    assert_eq!(journal.jump(much_later), Ok(None), "from here on it is a used invoice");
}

fn told(journal: &dyn Journal) -> String {
    let critical = journal.findings().into_iter().filter(|found| found.critical);
    critical.map(|found| found.message).collect::<Vec<_>>().join("\n")
}

#[test]
fn j20_a_journal_that_is_gone_with_its_mark_is_told_whenever_the_first_opening_of_the_next_one_died()
 {
    for changes in 0..20 {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let last = fresh(&open(&path), &charge(1)).intent.numbers;
        fs::remove_file(&path).unwrap();
        fs::remove_file(beside(&path, ".mark")).unwrap();
        let files = Faulty::the_power_goes(changes);
        drop(SqliteJournal::open_on(files, &path, &SqliteOptions::default()));
        let journal = open(&path);
        assert!(told(&journal).contains("was here and is gone"), "{changes}: {}", told(&journal));
        let next = fresh(&journal, &charge(2)).intent.numbers;
        assert!(next.batch() > last.batch(), "{changes}: {next:?}");
    }
}

#[test]
fn j20_a_journal_set_aside_by_hand_without_its_mark_is_not_called_gone() {
    for is_killed in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        match is_killed {
            true => left_behind(&path),
            false => (1..=3).for_each(|number| drop(fresh(&open(&path), &charge(number)))),
        }
        fs::rename(&path, beside(&path, ".aside-1")).unwrap();
        if is_killed {
            fs::rename(beside(&path, "-wal"), beside(&path, ".aside-1-wal")).unwrap();
        }
        let journal = together(&path);
        assert_eq!(told(&journal), "", "{is_killed}");
        assert_eq!(invoices(&journal), ["INV-1", "INV-2", "INV-3"], "{is_killed}");
    }
}

#[test]
fn j20_an_older_copy_set_aside_by_hand_without_its_mark_is_not_the_one_that_is_gone() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    fs::copy(&path, beside(&path, ".aside-1")).unwrap();
    fresh(&open(&path), &charge(2));
    fs::remove_file(&path).unwrap();
    assert!(told(&together(&path)).contains("was here and is gone"));
}

#[test]
fn j20_a_set_aside_that_is_undone_doubts_nothing_and_misses_nobody() {
    for is_older in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        fresh(&open(&path), &charge(1));
        let older = path.with_file_name("older.db");
        fs::copy(&path, &older).unwrap();
        fresh(&open(&path), &charge(2));
        let first = set_aside(&path).unwrap();
        let last = fresh(&together(&path), &charge(3)).intent.numbers;
        set_aside(&path).unwrap();
        fs::rename(&first, &path).unwrap();
        if is_older {
            fs::rename(&older, &path).unwrap();
        }
        let journal = together(&path);
        assert_eq!(told(&journal).is_empty(), !is_older, "{}", told(&journal));
        let next = fresh(&journal, &charge(4)).intent.numbers;
        assert!(next.batch() > last.batch(), "{next:?}");
        if !is_older {
            assert_eq!(invoices(&journal).len(), 4);
        }
    }
}

/// What became of a void may be what the copy lacks: that OVO refused it, or that an operator returned the
/// money by hand. It is asked about, and never sent again.
#[test]
fn j21_an_open_void_of_a_copy_is_asked_about_and_never_sent_again() {
    for void in [Void::Sent, Void::Unknown] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let (copy, lost) = (path.with_file_name("backup.db"), path.with_file_name("lost.db"));
        let journal = open(&path);
        let mut row = fresh(&journal, &charge(1));
        row.state.verdict = Some(Verdict::Accepted(Source::Push));
        row.state.settlement = Settlement::closed(Boottime(1));
        (row.state.due, row.state.void) = (Some(Boottime(1)), void);
        let mut row = write(&journal, row);
        assert!(!row.state.doubted);
        journal.backup(&copy).unwrap();
        row.state.void = Void::Expired;
        write(&journal, row);
        drop(journal);
        std::fs::rename(&path, &lost).unwrap();
        std::fs::remove_file(&lost).unwrap();
        std::fs::rename(&copy, &path).unwrap();
        let restored = open(&path);
        let row = restored.find(&invoice(1)).unwrap().unwrap();
        assert!(row.state.void == void && row.state.doubted && row.state.due.is_some());
    }
}
