//! Journals that were set aside and are taken away, damaged or opened with another key, while they owe.

use std::fs;

use super::by_people::{invoices, together};
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Filter, Finding, Journal, JournalCopy, set_aside};
use crate::payment::{Boottime, Settlement, Source, Verdict};

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
        write(&journal, row);
    }
    assert!(journal.health().unwrap().notes.iter().any(|note| note.contains("can be archived")));
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
