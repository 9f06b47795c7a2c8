//! What a move must never write over or draw up again, and what a person can do where it stops.

use std::fs;
use std::path::Path;

use super::by_people::{invoices, together};
use super::faulty::Faulty;
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{
    Journal, JournalCopy, JournalError, JournalErrorKind, SqliteJournal, SqliteOptions, Succession,
    move_journal, move_journal_on, set_aside,
};

fn refused(path: &Path) -> JournalError {
    Succession::open(path, &SqliteOptions::default()).map(drop).expect_err("not the journal")
}

fn not_moved(from: &Path, to: &Path, names: &str) {
    let error = move_journal(from, to).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
    assert!(error.message.contains(names), "{error}");
}

/// A move that is broken off as soon as `until` holds, with both places as they are then.
fn broken_off(from: &Path, to: &Path, until: impl Fn() -> bool) {
    let changes = (0..200).find(|changes| {
        let _ = move_journal_on(&Faulty::the_power_goes(*changes), from, to);
        until()
    });
    assert!(changes.is_some(), "the move never came there");
}

fn remove(path: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        let _ = fs::remove_file(beside(path, suffix));
    }
}

#[test]
fn j21_a_journal_that_sold_on_where_it_was_moved_and_was_lost_is_not_rolled_back_by_moving_again() {
    for lost in [&["", "-wal"][..], &["", "-wal", ".mark"][..]] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let to = path.with_file_name("new.db");
        fresh(&open(&path), &charge(1));
        broken_off(&path, &to, || to.exists());
        let last = fresh(&open(&to), &charge(2)).intent.numbers;
        remove(&to, lost);
        // What the old place says is to be done draws no second copy of what it was.
        assert!(refused(&path).message.contains("journal move"));
        not_moved(&path, &to, "journal backup");
        assert!(!to.exists() && refused(&path).kind == JournalErrorKind::Misplaced);
        // What was handed over is not lost, if a person says so: as a copy, which is doubted.
        JournalCopy::open(&path).unwrap().backup(&to).unwrap();
        let journal = open(&to);
        assert!(journal.findings().iter().any(|found| found.critical), "{lost:?}");
        let next = fresh(&journal, &charge(3));
        assert!(next.intent.numbers.batch() > last.batch() && !next.state.attested);
        drop(journal);
        move_journal(&path, &to).unwrap();
        assert!(!path.exists());
        assert_eq!(invoices(&open(&to)), ["INV-1", "INV-3"]);
    }
}

#[test]
fn j21_an_older_backup_at_the_new_place_is_not_what_was_handed_over() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (to, kept) = (path.with_file_name("new.db"), path.with_file_name("kept.db"));
    fresh(&open(&path), &charge(1));
    move_journal(&path, &to).unwrap();
    open(&to).backup(&kept).unwrap();
    move_journal(&to, &path).unwrap();
    fresh(&open(&path), &charge(2));
    // Handed over, and not there yet: somebody helps himself with the backup.
    broken_off(&path, &to, || refused_as_moved(&path));
    assert!(!to.exists());
    fs::copy(&kept, &to).unwrap();
    not_moved(&path, &to, "new.db is not the copy");
    assert!(path.exists(), "the only whole one");
    fs::remove_file(&to).unwrap();
    move_journal(&path, &to).unwrap();
    let journal = open(&to);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal), ["INV-1", "INV-2"]);
}

fn refused_as_moved(path: &Path) -> bool {
    SqliteJournal::open(path, &SqliteOptions::default())
        .is_err_and(|error| error.message.contains("was moved to"))
}

#[test]
fn j21_the_mark_of_a_journal_that_is_gone_is_not_written_over() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let to = path.with_file_name("new.db");
    fresh(&open(&path), &charge(1));
    fresh(&open(&to), &charge(2));
    let mark = fs::read(beside(&to, ".mark")).unwrap();
    remove(&to, &["", "-wal"]);
    not_moved(&path, &to, "new.db.mark");
    assert_eq!(fs::read(beside(&to, ".mark")).unwrap(), mark);
    let journal = open(&path);
    assert_eq!(journal.findings(), [], "nothing was handed over");
    fresh(&journal, &charge(3));
    drop(journal);
    // Nor one that cannot be read.
    fs::remove_file(beside(&to, ".mark")).unwrap();
    fs::create_dir(beside(&to, ".mark")).unwrap();
    let error = move_journal(&path, &to).unwrap_err();
    assert!(error.message.contains("new.db.mark"), "{error}");
    fs::remove_dir(beside(&to, ".mark")).unwrap();
    move_journal(&path, &to).unwrap();
    assert_eq!(invoices(&open(&to)), ["INV-1", "INV-3"]);
}

#[test]
fn j21_moving_again_long_afterwards_takes_nothing_of_another_journal_away() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let to = path.with_file_name("new.db");
    fresh(&open(&path), &charge(1));
    move_journal(&path, &to).unwrap();
    // Another one begins at the old place, and is lost.
    fs::remove_file(beside(&path, ".moved")).unwrap();
    let last = fresh(&open(&path), &charge(2)).intent.numbers;
    remove(&path, &["", "-wal"]);
    not_moved(&path, &to, "no journal is at");
    let journal = open(&path);
    assert!(journal.findings().iter().any(|found| found.message.contains("is gone")));
    assert!(fresh(&journal, &charge(3)).intent.numbers.batch() > last.batch());
}

#[test]
fn j21_what_says_that_a_journal_was_moved_and_cannot_be_read_is_a_refusal() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    for note in [".moved", ".arriving"] {
        // A directory: like a file of another user's, it is there and cannot be read.
        fs::create_dir(beside(&path, note)).unwrap();
        let errors = [refused(&path), JournalCopy::open(&path).map(drop).unwrap_err()];
        for error in errors {
            assert_eq!(error.kind, JournalErrorKind::Misplaced, "{note}: {error}");
            assert!(error.message.contains(note), "{error}");
        }
        assert!(!path.exists());
        fs::remove_dir(beside(&path, note)).unwrap();
    }
    assert_eq!(open(&path).findings(), []);
}

#[test]
fn j21_what_cannot_be_moved_leaves_everything_where_it_was() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let to = path.with_file_name("new.db");
    left_behind(&path);
    set_aside(&path).unwrap();
    for number in 4..=5 {
        fresh(&together(&path), &charge(number));
        set_aside(&path).unwrap();
    }
    fresh(&together(&path), &charge(6));
    // One of those behind the first is damaged.
    let damaged = beside(&path, ".aside-2");
    let whole = fs::read(&damaged).unwrap();
    fs::write(&damaged, [&[0; 16][..], &whole[16..]].concat()).unwrap();
    let error = move_journal(&path, &to).unwrap_err();
    assert!(error.message.contains("aside-2"), "it is named: {error}");
    let left: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("new.db") && !name.ends_with(".lock"))
        .collect();
    assert_eq!(left, [""; 0]);
    assert_eq!(invoices(&together(&path)).len(), 5, "all but the damaged one's");
    // What would be taken for this one's there stops it, too.
    fs::write(&damaged, whole).unwrap();
    fresh(&open(&path.with_file_name("another.db")), &charge(9));
    fs::rename(path.with_file_name("another.db"), beside(&to, ".aside-7")).unwrap();
    not_moved(&path, &to, "new.db.aside-7");
    fs::remove_file(beside(&to, ".aside-7")).unwrap();
    move_journal(&path, &to).unwrap();
    let journal = together(&to);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal).len(), 6);
}

#[test]
fn j21_a_till_that_sets_aside_by_itself_is_told_where_the_journal_was_moved() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let to = path.with_file_name("new.db");
    fresh(&open(&path), &charge(1));
    move_journal(&path, &to).unwrap();
    let options = SqliteOptions { set_aside_unusable: true, ..SqliteOptions::default() };
    let error = Succession::open(&path, &options).map(drop).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Misplaced);
    assert!(error.message.contains("new.db"), "{error}");
}
