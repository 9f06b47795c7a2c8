//! Names beside a journal that are somebody else's: links, second names, names of what is elsewhere.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::by_people::{invoices, together};
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{
    Journal, JournalErrorKind, SqliteJournal, SqliteOptions, move_journal, set_aside,
};

#[test]
fn j20_a_link_to_a_disk_that_is_away_costs_no_journal_its_only_name() {
    for suffix in ["", "-wal", ".mark"] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let taken = beside(&path, &format!(".aside-1{suffix}"));
        symlink("/mnt/archive/of-last-year.db", &taken).unwrap();
        let aside = set_aside(&path).unwrap();
        assert_eq!(aside, beside(&path, ".aside-2"), "{suffix}");
        assert!(fs::symlink_metadata(&taken).unwrap().is_symlink(), "{suffix}");
        assert_eq!(invoices(&together(&path)), ["INV-1", "INV-2", "INV-3"], "{suffix}");
    }
}

/// A mistyped path, or one that a shell has completed: SQLite took the new journal for the other one's
/// log, and deleted it with the debit in it.
#[test]
fn j20_no_journal_is_begun_moved_copied_or_set_aside_at_a_name_that_belongs_to_another() {
    for is_open in [true, false] {
        let scratch = Scratch::new();
        let (path, other) = (scratch.journal(), scratch.journal().with_file_name("other.db"));
        fresh(&open(&other), &charge(7));
        let shop = open(&path);
        fresh(&shop, &charge(1));
        let shop = is_open.then_some(shop);
        for suffix in ["-wal", "-journal", "-shm", ".mark", ".reserve", ".turn", ".lock"] {
            let taken = beside(&path, suffix);
            let was_there = fs::read(&taken).ok();
            let refused = [
                SqliteJournal::open(&taken, &SqliteOptions::default()).map(drop),
                set_aside(&taken).map(drop),
                move_journal(&other, &taken),
                open(&other).backup(&taken),
            ];
            for result in refused {
                let error = result.expect_err(suffix);
                assert_eq!(error.kind, JournalErrorKind::Misplaced, "{suffix}: {error}");
                assert!(error.message.contains("ovo.db: was that one meant?"), "{suffix}: {error}");
            }
            assert_eq!(fs::read(&taken).ok(), was_there, "{suffix}");
        }
        drop(shop);
        assert_eq!(invoices(&together(&path)), ["INV-1"]);
        assert_eq!(invoices(&together(&other)), ["INV-7"]);
        // Without a journal of that name it is a name like any other.
        let lone = path.with_file_name("daily-journal");
        fresh(&open(&lone), &charge(3));
    }
}

#[test]
fn j20_the_mark_of_what_was_archived_is_not_written_over_by_the_next_one() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let first = set_aside(&path).unwrap();
    fs::remove_file(&first).unwrap();
    let mark = fs::read(beside(&path, ".aside-1.mark")).unwrap();
    fresh(&together(&path), &charge(2));
    assert_eq!(set_aside(&path).unwrap(), beside(&path, ".aside-2"));
    assert_eq!(fs::read(beside(&path, ".aside-1.mark")).unwrap(), mark);
}

type Link = fn(PathBuf, PathBuf) -> io::Result<()>;

#[test]
fn j20_a_small_file_that_leads_to_another_journal_is_never_written_to() {
    for suffix in [".reserve", ".mark", ".lock", ".turn"] {
        for link in [symlink as Link, fs::hard_link as Link] {
            let scratch = Scratch::new();
            let path = scratch.journal();
            let other = path.with_file_name("other.db");
            fresh(&open(&other), &charge(7));
            let before = fs::read(&other).unwrap();
            link(other.clone(), beside(&path, suffix)).unwrap();
            let shared = suffix == ".turn";
            let options = SqliteOptions { shared, ..SqliteOptions::default() };
            let journal = SqliteJournal::open(&path, &options).unwrap();
            fresh(&journal, &charge(1));
            let findings = journal.findings();
            assert!(
                findings.iter().any(|it| it.critical && it.message.contains(suffix)),
                "{suffix}: {findings:?}"
            );
            drop(journal);
            assert_eq!(fs::read(&other).unwrap(), before, "{suffix}");
            fs::remove_file(beside(&path, suffix)).unwrap();
            assert_eq!(invoices(&open(&path)), ["INV-1"], "{suffix}");
            assert_eq!(invoices(&open(&other)), ["INV-7"], "{suffix}");
        }
    }
}

#[test]
fn j20_a_journal_linked_back_without_its_log_is_refused_and_the_log_stays() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    // As it was killed, with its log.
    let aside = beside(&path, ".aside-1");
    fs::rename(&path, &aside).unwrap();
    fs::rename(beside(&path, "-wal"), beside(&path, ".aside-1-wal")).unwrap();
    fs::hard_link(&aside, &path).unwrap();
    let refused = SqliteJournal::open(&path, &SqliteOptions::default()).map(drop).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Misplaced);
    assert!(refused.message.contains("take the name"), "{refused:?}");
    assert!(set_aside(&path).is_err());
    assert!(beside(&path, ".aside-1-wal").exists() && aside.exists());
    fs::remove_file(&path).unwrap();
    assert_eq!(invoices(&together(&path)), ["INV-1", "INV-2", "INV-3"]);
}

#[test]
fn j21_a_till_that_sets_aside_by_itself_still_hears_where_its_journal_was_moved() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    move_journal(&path, path.with_file_name("new.db")).unwrap();
    let options = SqliteOptions { set_aside_unusable: true, ..SqliteOptions::default() };
    let refused = SqliteJournal::open(&path, &options).map(drop).unwrap_err();
    assert!(refused.message.contains("was moved to"), "{refused:?}");
}
