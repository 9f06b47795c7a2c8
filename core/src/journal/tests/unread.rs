//! What the disk did not give, or another program keeps locked, is not told as damage.

use std::fs;
use std::sync::Arc;

use super::by_people::together;
use super::faulty::Faulty;
use super::{Scratch, open, with_unread_pages};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{
    Journal, JournalErrorKind, SqliteJournal, SqliteOptions, Succession, set_aside,
};

#[test]
fn j9_a_disk_that_cannot_be_read_is_named_and_its_journal_is_not_called_damaged() {
    for is_disk in [true, false] {
        let scratch = Scratch::new();
        with_unread_pages(&scratch);
        let path = scratch.journal();
        let bad = path.clone();
        let files = Faulty::where_nothing_reads(move |path| is_disk && path == bad);
        let journal =
            SqliteJournal::open_on(Arc::clone(&files), &path, &SqliteOptions::default()).unwrap();
        let told = journal.health().map(drop).unwrap_err();
        assert_eq!(told.message.contains("the disk could not be read"), is_disk, "{told}");
        assert_eq!(told.message.contains("set-aside"), !is_disk, "{told}");
        drop(journal);
        // Where nothing of it can be read, too.
        fs::write(&path, vec![7; 4096]).unwrap();
        let told = Succession::open_on(Arc::clone(&files), &path, &SqliteOptions::default())
            .map(drop)
            .unwrap_err();
        let kind = if is_disk { JournalErrorKind::Io } else { JournalErrorKind::Corrupt };
        assert_eq!(told.kind, kind, "{told}");
        assert_eq!(told.message.contains("set-aside"), !is_disk, "{told}");
        // A till without a person sells on, whatever it was.
        let alone = SqliteOptions { set_aside_unusable: true, ..SqliteOptions::default() };
        let journal = Succession::open_on(files, &path, &alone).unwrap();
        fresh(&journal, &charge(100));
    }
}

#[test]
fn j20_what_was_set_aside_and_is_locked_for_a_moment_is_not_told_as_damaged() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let shared = SqliteOptions { shared: true, ..SqliteOptions::default() };
    let journal = Succession::open(&path, &shared).unwrap();
    let other = rusqlite::Connection::open(&aside).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    journal.adopt_key("k", &[]).unwrap();
    let told = journal.found_since();
    assert!(told[0].critical && told[0].message.contains("is locked by another program"));
    assert!(!told[0].message.contains("damaged"), "{told:?}");
    assert!(journal.health().unwrap().problems.iter().any(|it| it.contains("end that program")));
    other.execute_batch("ROLLBACK").unwrap();
    journal.adopt_key("k", &[]).unwrap();
    assert_eq!(journal.health().unwrap().problems, [""; 0], "it is over");
    drop(journal);
    drop(other);
    assert_eq!(together(&path).findings(), []);
}
