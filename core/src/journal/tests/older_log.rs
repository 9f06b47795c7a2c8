//! An older copy of the log, put beside a journal that was closed since (`cp -a`, a restore that puts back
//! what is missing): nobody reads it into anything, and what the file knows is not forgotten.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::by_people::together;
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice};
use crate::journal::{
    Filter, Journal, JournalCopy, JournalError, JournalErrorKind, NewPayment, SqliteJournal,
    SqliteOptions, Succession, set_aside,
};
use crate::numbering::BatchMethod;

const SHARED: SqliteOptions =
    SqliteOptions { shared: true, first_batch: None, set_aside_unusable: false };

/// A log that knows payment 1 alone, beside a closed file that knows 1 and 2.
fn older_log_of_an_earlier_run(path: &Path) -> Vec<u8> {
    let journal = open(path);
    fresh(&journal, &charge(1));
    let log = fs::read(beside(path, "-wal")).unwrap();
    drop(journal);
    fresh(&open(path), &charge(2));
    log
}

fn is_refused_by_name(error: &JournalError, path: &Path) {
    assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
    let log = beside(path, "-wal");
    let said = format!("the log {} is not this journal's", log.display());
    assert!(error.message.contains(&said), "{error}");
}

fn refused(journal: &Succession, new: &NewPayment) -> JournalError {
    match journal.begin(new, BatchMethod::Continuous) {
        Err(error) => error,
        Ok(begun) => panic!("{begun:?}"),
    }
}

fn of_the_same_customer(number: u32) -> NewPayment {
    let mut again = charge(7);
    again.phone = charge(number).phone;
    again.refuse_unsettled_customer = true;
    again
}

#[test]
fn j23_an_older_log_of_the_last_run_is_refused_and_the_closed_file_untouched() {
    // With its mark, without one, and with the one that the closing left.
    for (options, mark) in [
        (SqliteOptions::default(), "older"),
        (SqliteOptions::default(), "none"),
        (SqliteOptions::default(), "left"),
        (SHARED, "older"),
    ] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let journal = SqliteJournal::open(&path, &options).unwrap();
        fresh(&journal, &charge(1));
        let log = fs::read(beside(&path, "-wal")).unwrap();
        let older = fs::read(beside(&path, ".mark")).unwrap();
        fresh(&journal, &charge(2));
        drop(journal);
        assert!(!beside(&path, "-wal").exists(), "closed");
        fs::write(beside(&path, "-wal"), &log).unwrap();
        match mark {
            "older" => fs::write(beside(&path, ".mark"), &older).unwrap(),
            "none" => fs::remove_file(beside(&path, ".mark")).unwrap(),
            _ => {}
        }
        let file = fs::read(&path).unwrap();
        is_refused_by_name(&SqliteJournal::open(&path, &options).map(drop).unwrap_err(), &path);
        assert!(fs::read(&path).unwrap() == file, "{mark}: not a byte of it changed");
        fs::remove_file(beside(&path, "-wal")).unwrap();
        let journal = SqliteJournal::open(&path, &options).unwrap();
        assert_eq!(journal.list(&Filter::default()).unwrap().len(), 2, "{mark}");
    }
}

#[test]
fn j23_a_report_or_backup_is_not_made_with_an_older_log() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let log = older_log_of_an_earlier_run(&path);
    fs::write(beside(&path, "-wal"), &log).unwrap();
    is_refused_by_name(&JournalCopy::open(&path).map(drop).unwrap_err(), &path);
    fs::remove_file(beside(&path, "-wal")).unwrap();
    let copy = JournalCopy::open(&path).unwrap();
    assert_eq!(copy.list(&Filter::default()).unwrap().len(), 2);
    drop(copy);
    // Of what lies aside the report of the present one says so.
    let aside = set_aside(&path).unwrap();
    drop(together(&path));
    fs::write(beside(&aside, "-wal"), &log).unwrap();
    let problems = JournalCopy::open(&path).unwrap().health().unwrap().problems;
    assert!(problems.iter().any(|it| it.contains("is not this journal's")), "{problems:?}");
}

#[test]
fn j20_what_lies_aside_beside_an_older_log_is_asked_without_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let log = older_log_of_an_earlier_run(&path);
    let aside = set_aside(&path).unwrap();
    fs::write(beside(&aside, "-wal"), &log).unwrap();
    let journal = together(&path);
    let told = journal.findings();
    assert!(told[0].critical && told[0].message.contains("is not this journal's"), "{told:?}");
    for new in [charge(1), charge(2), of_the_same_customer(2)] {
        let error = refused(&journal, &new);
        assert!(error.message.contains("knows this payment"), "{error}");
    }
    assert!(journal.find(&invoice(2)).is_err(), "nor is it called unknown");
    fresh(&journal, &charge(9));
    assert!(fs::read(beside(&aside, "-wal")).unwrap() == log, "it is left as it was");
}

#[test]
fn j20_j23_an_older_log_is_not_taken_along_by_what_is_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let log = older_log_of_an_earlier_run(&path);
    fs::write(beside(&path, "-wal"), &log).unwrap();
    let aside = set_aside(&path).unwrap();
    assert!(!beside(&path, "-wal").exists() && !beside(&aside, "-wal").exists());
    let stray = beside(&path, ".stray-log-1");
    assert!(fs::read(&stray).unwrap() == log, "it is kept, under a name of its own");
    for opening in 0..2 {
        let journal = together(&path);
        let told = journal.findings();
        assert!(told.len() == 1 && told[0].critical, "{told:?}");
        assert!(told[0].message.contains(&stray.display().to_string()), "{told:?}");
        let boot = journal.enter_boot("boot-a").unwrap();
        let due = journal.due(boot, crate::payment::Boottime(u64::MAX), 9).unwrap();
        assert_eq!(due.len(), 2 + opening, "what it owes is settled");
        fresh(&journal, &charge(10 + u32::try_from(opening).unwrap()));
    }
    fs::remove_file(stray).unwrap();
    assert_eq!(together(&path).findings(), []);
}

/// `mv FILE FILE.aside-1` by hand behind a kill, and then the command that the refusal names.
#[test]
fn j20_a_log_that_was_left_behind_goes_to_its_journal_that_lies_aside() {
    for is_anothers in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let aside = beside(&path, ".aside-1");
        fs::rename(&path, &aside).unwrap();
        if is_anothers {
            let other = path.with_file_name("other.db");
            left_behind(&other);
            fs::rename(beside(&other, "-wal"), beside(&path, "-wal")).unwrap();
        }
        let log = fs::read(beside(&path, "-wal")).unwrap();
        let now = set_aside(&path).unwrap();
        assert!(!beside(&path, "-wal").exists());
        assert!(fs::read(beside(&now, "-wal")).unwrap() == log);
        let journal = together(&path);
        if is_anothers {
            assert_eq!(now, beside(&path, ".aside-2"), "it is not that one's");
            let told = journal.findings();
            assert!(
                told.iter().any(|it| it.message.contains(".aside-2-wal lies there")),
                "{told:?}"
            );
        } else {
            assert_eq!(now, aside);
            assert_eq!(journal.findings(), []);
            assert_eq!(journal.list(&Filter::default()).unwrap().len(), 3);
        }
    }
}

/// How a page of a table's rows, and one of an index's entries, begins.
const TABLE_LEAF: u8 = 0x0d;
const INDEX_LEAF: u8 = 0x0a;
const PAGE: usize = 1024;

fn damage(path: &Path, kind: u8, words: &[u8], at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let found = (PAGE..bytes.len() - words.len())
        .find(|it| bytes[it / PAGE * PAGE] == kind && bytes[*it..].starts_with(words));
    bytes[found.expect("it is there") + at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn j8_what_is_asked_in_a_copy_and_is_damaged_is_known_as_in_an_open_one() {
    // What stands behind the invoice in its row; the invoice in its index.
    for (kind, at) in [(TABLE_LEAF, 5), (INDEX_LEAF, 0)] {
        for mode in [0o600, 0o644] {
            let scratch = Scratch::new();
            let path = scratch.journal();
            let journal = open(&path);
            (1..=6).for_each(|number| drop(fresh(&journal, &charge(number))));
            drop(journal);
            let aside = set_aside(&path).unwrap();
            damage(&aside, kind, b"INV-3", at);
            fs::set_permissions(&aside, fs::Permissions::from_mode(mode)).unwrap();
            let journal = together(&path);
            let begun = journal.begin(&charge(3), BatchMethod::Continuous);
            let is_known = match begun {
                Err(_) => true,
                Ok(begun) => matches!(begun, crate::journal::Begun::Existing(_)),
            };
            assert!(is_known, "{kind:x} {mode:o}");
            fresh(&journal, &charge(9));
        }
    }
}
