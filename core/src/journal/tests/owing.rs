//! Journals that were set aside and are taken away, damaged or opened with another key, while they owe.

use std::fs;

use super::by_people::{invoices, together};
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Filter, Finding, Journal, JournalCopy, set_aside};
use crate::payment::{Boottime, Payment, Reversal, Settlement, Source, Verdict};

fn says(findings: &[Finding], word: &str) -> bool {
    findings.iter().any(|found| found.critical && found.message.contains(word))
}

#[test]
fn j20_what_was_set_aside_and_is_archived_while_it_owes_is_missed() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let aside = set_aside(&path).unwrap();
    drop(together(&path));
    let archive = path.with_file_name("archive.db");
    fs::rename(&aside, &archive).unwrap();
    let journal = together(&path);
    assert!(says(&journal.findings(), "owed 3 payments"), "{:?}", journal.findings());
    drop(journal);
    let journal = together(&path);
    assert!(says(&journal.findings(), ".aside-1"), "until somebody answers for it");
    assert!(journal.health().unwrap().problems[0].contains("is gone"));
    let copy = JournalCopy::open(&path).map(|copy| copy.health());
    drop(journal);
    assert!(copy.is_err(), "its own client is asked");
    let copy = JournalCopy::open(&path).unwrap();
    assert!(copy.health().unwrap().problems[0].contains("is gone"));
    // Put back it is there, as if nothing had been.
    fs::rename(&archive, &aside).unwrap();
    let journal = together(&path);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal).len(), 3);
    drop(journal);
    fs::remove_file(&aside).unwrap();
    let journal = together(&path);
    assert_eq!(journal.vouch("Sari: compared with OVO's report"), Ok(true));
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
    drop(journal);
    assert_eq!(together(&path).findings(), []);
}

#[test]
fn j20_what_was_set_aside_and_owes_nothing_any_more_can_be_archived_without_a_word() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let aside = set_aside(&path).unwrap();
    let journal = together(&path);
    for number in 1..=3 {
        let mut row = journal.find(&invoice(number)).unwrap().unwrap();
        row.state.verdict = Some(Verdict::Accepted(Source::Status));
        row.state.settlement = Settlement::closed(Boottime(1));
        row.state.due = None;
        let mut row = write(&journal, row);
        let notes = journal.health().unwrap().notes;
        assert!(!notes.iter().any(|note| note.contains("can be taken away")), "nobody heard of it");
        row.state.acknowledged = true;
        write(&journal, row);
    }
    assert!(journal.health().unwrap().notes.iter().any(|note| note.contains("can be taken away")));
    // Killed, it would know as well.
    let archive = path.with_file_name("archive.db");
    drop(journal);
    fs::rename(&aside, &archive).unwrap();
    assert_eq!(together(&path).findings(), []);
}

#[test]
fn j20_what_was_gone_before_the_next_journal_began_is_missed_too() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let first = set_aside(&path).unwrap();
    fresh(&together(&path), &charge(4));
    set_aside(&path).unwrap();
    fs::remove_file(first).unwrap();
    let journal = together(&path);
    assert!(says(&journal.findings(), ".aside-1"), "{:?}", journal.findings());
}

#[test]
fn j20_a_log_left_of_what_was_set_aside_is_named_by_every_opening_and_by_doctor() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&together(&path), &charge(4));
    let log = beside(&path, ".aside-1-wal");
    fs::write(&log, "payments").unwrap();
    for _ in 0..2 {
        let journal = together(&path);
        assert!(says(&journal.findings(), ".aside-1-wal"), "{:?}", journal.findings());
        assert!(journal.health().unwrap().problems[0].contains(".aside-1-wal"));
    }
    let copy = JournalCopy::open(&path).unwrap();
    assert!(copy.health().unwrap().problems[0].contains(".aside-1-wal"));
    drop(copy);
    fs::remove_file(&log).unwrap();
    assert_eq!(together(&path).findings(), []);
}

#[test]
fn j20_what_was_set_aside_and_cannot_be_opened_is_named_and_hides_nothing_else() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    fresh(&together(&path), &charge(2));
    fs::write(&aside, vec![7; 4096]).unwrap();
    let journal = together(&path);
    assert!(says(&journal.findings(), "cannot be opened"));
    assert!(journal.health().unwrap().problems[0].contains("cannot be opened"));
    // A backup without it is told as one.
    assert_eq!(journal.found_since(), []);
    journal.backup(&path.with_file_name("kept.db")).unwrap();
    let told = journal.found_since();
    assert!(says(&told, "was written without it") && says(&told, ".aside-1"), "{told:?}");
    assert_eq!(journal.found_since(), [], "once");
    drop(journal);
    let copy = JournalCopy::open(&path).unwrap();
    assert_eq!(copy.list(&Filter::default()).unwrap().len(), 1);
    let problems = copy.health().unwrap().problems;
    assert!(problems[0].contains(".aside-1"), "{problems:?}");
}

#[test]
fn j20_what_was_set_aside_and_is_gone_before_the_next_opening_is_missed_though_its_mark_is_there() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let aside = set_aside(&path).unwrap();
    let archive = path.with_file_name("archive.db");
    fs::rename(&aside, &archive).unwrap();
    assert!(says(&together(&path).findings(), "was here and is gone"));
}

#[test]
fn j20_an_unreadable_file_is_never_taken_for_the_journal_that_was_set_aside_before_it() {
    for is_opened_between in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let owes = set_aside(&path).unwrap();
        // The restore of a backup went wrong; the mark at the place is still the first one's.
        fs::write(&path, vec![7; 4096]).unwrap();
        fs::set_permissions(&path, fs::metadata(&owes).unwrap().permissions()).unwrap();
        assert_eq!(set_aside(&path).unwrap(), beside(&path, ".aside-2"));
        if is_opened_between {
            let journal = together(&path);
            assert!(!says(&journal.findings(), "gone"), "{:?}", journal.findings());
            assert_eq!(journal.vouch("Sari: the second one is no journal"), Ok(false));
            assert_eq!(invoices(&journal).len(), 3);
        }
        fs::remove_file(&owes).unwrap();
        let found = together(&path).findings();
        assert!(says(&found, "is gone"), "{is_opened_between}: {found:?}");
    }
}

#[test]
fn j20_a_mark_that_the_shop_may_not_read_says_nothing_against_the_journal_beside_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    set_aside(&path).unwrap();
    let mark = beside(&path, ".aside-1.mark");
    fs::remove_file(&mark).unwrap();
    fs::create_dir(&mark).unwrap();
    let journal = together(&path);
    assert!(!says(&journal.findings(), "is gone"), "{:?}", journal.findings());
    assert_eq!(invoices(&journal).len(), 3);
}

/// A journal of which the customer's money is back, and everybody has heard of it.
pub(super) fn settled(journal: &dyn Journal, number: u32) -> Payment {
    let mut row = journal.find(&invoice(number)).unwrap().unwrap();
    row.state.verdict = Some(Verdict::Abandoned);
    row.state.settlement = Settlement::closed(Boottime(1));
    row.state.due = None;
    let mut row = write(journal, row);
    row.state.acknowledged = true;
    write(journal, row)
}

#[test]
fn j20_a_paid_that_nobody_has_heard_of_is_owed_and_so_is_a_look_that_is_due() {
    for (verdict, due) in
        [(Verdict::Accepted(Source::Push), None), (Verdict::Abandoned, Some(Boottime(9)))]
    {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let journal = open(&path);
        let mut row = fresh(&journal, &charge(1));
        row.state.verdict = Some(verdict);
        row.state.settlement = Settlement::closed(Boottime(1));
        row.state.due = due;
        let mut row = write(&journal, row);
        if due.is_some() {
            row.state.acknowledged = true;
            write(&journal, row);
        }
        drop(journal);
        let aside = set_aside(&path).unwrap();
        let journal = together(&path);
        let notes = journal.health().unwrap().notes;
        assert!(!notes.iter().any(|note| note.contains("can be taken away")), "{notes:?}");
        drop(journal);
        fs::remove_file(aside).unwrap();
        assert!(says(&together(&path).findings(), "owed 1 payments"), "{verdict:?}");
    }
}

#[test]
fn j20_a_payment_that_is_owed_again_where_all_was_settled_is_missed_with_its_journal() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let journal = together(&path);
    settled(&journal, 1);
    drop(journal);
    let journal = together(&path);
    let mut row = journal.find(&invoice(1)).unwrap().unwrap();
    row.state.settlement = Settlement::Open(Reversal::Needed);
    row.state.late_paid = true;
    row.state.due = Some(Boottime(2));
    write(&journal, row);
    // Killed, and the other one is carried away.
    drop(journal);
    fs::remove_file(aside).unwrap();
    assert!(says(&together(&path).findings(), "owed 1 payments"));
}

#[test]
fn j20_what_a_journal_misses_is_not_forgotten_with_that_journal() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let first = set_aside(&path).unwrap();
    drop(together(&path));
    fs::remove_file(first).unwrap();
    fs::remove_file(beside(&path, ".aside-1.mark")).unwrap();
    drop(together(&path));
    let second = set_aside(&path).unwrap();
    assert!(says(&together(&path).findings(), "owed 3 payments"));
    // It owes nothing itself, and is archived.
    fs::remove_file(second).unwrap();
    let journal = together(&path);
    assert!(says(&journal.findings(), "owed 3 payments"), "{:?}", journal.findings());
    assert_eq!(journal.vouch("Sari: compared with OVO's report"), Ok(true));
    drop(journal);
    assert_eq!(together(&path).findings(), []);
    // What was answered for stays answered for.
    set_aside(&path).unwrap();
    assert_eq!(together(&path).findings(), []);
}

#[test]
fn j20_one_that_could_not_be_opened_is_missed_when_it_is_gone_and_not_when_it_can_be_read_again() {
    for with_its_mark in [true, false] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        fresh(&open(&path), &charge(1));
        let aside = set_aside(&path).unwrap();
        let whole = fs::read(&aside).unwrap();
        if !with_its_mark {
            fs::remove_file(beside(&path, ".aside-1.mark")).unwrap();
            fs::remove_file(beside(&path, ".mark")).unwrap();
        }
        fs::write(&aside, vec![7; 4096]).unwrap();
        assert!(says(&together(&path).findings(), "cannot be opened"));
        let archive = path.with_file_name("archive.db");
        fs::rename(&aside, &archive).unwrap();
        for _ in 0..2 {
            let findings = together(&path).findings();
            assert!(says(&findings, "nobody knows what it owed"), "{findings:?}");
        }
        // Its disk is mended.
        fs::rename(&archive, &aside).unwrap();
        fs::write(&aside, whole).unwrap();
        let journal = together(&path);
        settled(&journal, 1);
        drop(journal);
        fs::remove_file(&aside).unwrap();
        assert_eq!(together(&path).findings(), [], "{with_its_mark}");
    }
}

#[test]
fn j20_what_is_missed_is_said_as_new_once() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let aside = set_aside(&path).unwrap();
    drop(together(&path));
    fs::remove_file(aside).unwrap();
    assert!(says(&together(&path).findings(), "found at this opening"));
    let findings = together(&path).findings();
    assert!(says(&findings, "missed since") && !says(&findings, "found at this"), "{findings:?}");
}

#[test]
fn j20_without_the_mark_too_no_number_of_what_was_set_aside_is_handed_out_again() {
    for carried_elsewhere in [false, true] {
        let scratch = Scratch::new();
        let mut path = scratch.journal();
        let last = fresh(&open(&path), &charge(1)).intent.numbers;
        let aside = set_aside(&path).unwrap();
        if carried_elsewhere {
            path = path.with_file_name("new.db");
            fs::rename(aside, beside(&path, ".aside-1")).unwrap();
        } else {
            fs::remove_file(beside(&path, ".mark")).unwrap();
        }
        let next = fresh(&together(&path), &charge(2)).intent.numbers;
        assert!(next.batch() > last.batch(), "{next:?} behind {last:?}");
    }
}

#[test]
fn j20_one_that_somebody_looks_into_for_a_moment_is_waited_for_and_its_invoices_are_known() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let held = open(&set_aside(&path).unwrap());
    let look = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(held);
    });
    let journal = together(&path);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal), ["INV-1"]);
    look.join().unwrap();
}
