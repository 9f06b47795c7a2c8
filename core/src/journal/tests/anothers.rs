//! Names that belong to another journal.

use std::fs;

use super::by_people::{invoices, together};
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{
    Journal, JournalErrorKind, SqliteJournal, SqliteOptions, Succession, move_journal, set_aside,
};

/// Behind the name of a journal: its own files, and those of one that was set aside beside it.
const NAMES: [&str; 10] = [
    "-wal",
    "-journal",
    "-shm",
    ".mark",
    ".reserve",
    ".turn",
    ".lock",
    ".arriving",
    ".new-0123456789abcdef",
    "-wal-wal",
];

#[test]
fn j20_no_journal_is_begun_at_a_name_that_belongs_to_another_one() {
    for name in NAMES {
        let scratch = Scratch::new();
        let path = scratch.journal();
        fresh(&open(&path), &charge(1));
        let before = scratch.files().len();
        let typed = beside(&path, name);
        let lies_there = typed.exists();
        let refused = Succession::open(&typed, &SqliteOptions::default()).map(drop).unwrap_err();
        assert_eq!(refused.kind, JournalErrorKind::Misplaced, "{name}: {refused}");
        let named = format!("journal {}:", path.display());
        assert!(refused.message.contains(&named), "{name}: {refused}");
        assert_eq!(typed.exists(), lies_there, "{name}");
        assert_eq!(scratch.files().len(), before, "{name}: nothing was made");
        assert_eq!(invoices(&open(&path)), ["INV-1"], "{name}");
    }
}

#[test]
fn j20_such_a_name_beside_what_is_no_journal_is_a_name_like_any_other() {
    let scratch = Scratch::new();
    let path = scratch.journal().with_file_name("shop-journal");
    fs::write(path.with_file_name("shop"), "a list of prices").unwrap();
    fresh(&open(&path), &charge(1));
    assert_eq!(invoices(&open(&path)), ["INV-1"]);
}

#[test]
fn j20_no_journal_is_moved_or_backed_up_to_a_name_that_belongs_to_another_one() {
    for name in NAMES.into_iter().filter(|name| ![".mark", ".reserve", ".lock"].contains(name)) {
        let scratch = Scratch::new();
        let path = scratch.journal();
        fresh(&open(&path), &charge(1));
        let other = path.with_file_name("other.db");
        fresh(&open(&other), &charge(2));
        let before = scratch.files().len();
        let typed = beside(&path, name);
        let moved = move_journal(&other, &typed).unwrap_err();
        assert_eq!(moved.kind, JournalErrorKind::Misplaced, "{name}: {moved}");
        assert!(moved.message.contains("is a name of the files"), "{name}: {moved}");
        assert_eq!(scratch.files().len(), before, "{name}: nothing was made");
        let copied = together(&other).backup(&typed).unwrap_err();
        assert!(copied.message.contains("is a name of the files"), "{name}: {copied}");
        assert!(!typed.exists(), "{name}");
        assert_eq!(invoices(&open(&other)), ["INV-2"], "{name}");
        assert_eq!(invoices(&open(&path)), ["INV-1"], "{name}");
    }
}

#[test]
fn j20_a_journal_that_lies_where_a_log_would_is_not_deleted() {
    for name in ["-wal", "-journal"] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        fresh(&open(&path), &charge(1));
        // As an earlier release let it be begun.
        let other = path.with_file_name("other.db");
        fresh(&open(&other), &charge(2));
        let typed = beside(&path, name);
        fs::rename(&other, &typed).unwrap();
        let refused = SqliteJournal::open(&path, &SqliteOptions::default()).map(drop).unwrap_err();
        assert_eq!(refused.kind, JournalErrorKind::Misplaced, "{name}: {refused}");
        assert!(refused.message.contains("would be deleted"), "{name}: {refused}");
        let kept = path.with_file_name("kept.db");
        move_journal(&typed, &kept).unwrap();
        assert_eq!(invoices(&open(&kept)), ["INV-2"], "{name}");
        assert_eq!(invoices(&open(&path)), ["INV-1"], "{name}");
    }
}

#[test]
fn j20_the_files_of_a_journal_are_not_set_aside_one_by_one() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    for name in ["-wal", "-shm", ".mark", ".reserve", ".lock"] {
        let typed = beside(&path, name);
        let lies_there = typed.exists();
        let refused = Succession::open(&typed, &SqliteOptions::default()).map(drop).unwrap_err();
        assert!(!refused.message.contains("set-aside"), "{name}: {refused}");
        let refused = set_aside(&typed).unwrap_err();
        assert_eq!(refused.kind, JournalErrorKind::Misplaced, "{name}: {refused}");
        assert_eq!(typed.exists(), lies_there, "{name}");
    }
    assert_eq!(invoices(&open(&path)), ["INV-1", "INV-2", "INV-3"]);
}

#[test]
fn j20_of_a_file_that_never_was_a_journal_it_is_not_said_that_it_is_to_be_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.journal().with_file_name("credentials.env");
    fs::write(&path, "OVO_APP_ID=shop\n".repeat(20)).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&path, mode).unwrap();
    let refused = Succession::open(&path, &SqliteOptions::default()).map(drop).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Corrupt, "{refused}");
    assert!(!refused.message.contains("set-aside"), "{refused}");
}
