//! What lies set aside and is set aside once more, moved away, or has its name mixed up.

use std::fs;
use std::path::Path;

use super::by_people::together;
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{
    Begun, Finding, Journal, JournalErrorKind, SqliteOptions, Succession, move_journal, set_aside,
};
use crate::numbering::BatchMethod;

const ALONE: SqliteOptions =
    SqliteOptions { shared: false, first_batch: None, set_aside_unusable: true };

/// A journal with a payment that is open, set aside; the next one is not begun.
fn owing(scratch: &Scratch) -> std::path::PathBuf {
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    set_aside(&path).unwrap()
}

fn one(findings: &[Finding], critical: bool, word: &str) {
    let about = findings.iter().filter(|it| it.critical == critical && it.message.contains(word));
    assert_eq!(about.count(), 1, "{word}: {findings:?}");
}

#[test]
fn j20_what_lies_set_aside_is_not_set_aside_once_more() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = owing(&scratch);
    let stays = || {
        let error = set_aside(&aside).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
        assert!(error.message.contains("leave it there"), "{error}");
        assert!(aside.exists() && !beside(&aside, ".aside-1").exists());
    };
    stays();
    drop(together(&path));
    stays();
    // Nor is that offered for a damaged one, or done by a till without a person.
    fs::write(&aside, vec![7; 4096]).unwrap();
    stays();
    for options in [SqliteOptions::default(), ALONE] {
        let error = Succession::open(&aside, &options).map(drop).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Corrupt, "{error}");
        assert!(!error.message.contains("set-aside"), "{error}");
    }
    fs::rename(&aside, path.with_file_name("away.db")).unwrap();
    fs::write(beside(&aside, "-wal"), "payments").unwrap();
    let error = Succession::open(&aside, &ALONE).map(drop).unwrap_err();
    assert!(error.message.contains("put it back"), "{error}");
    assert!(!error.message.contains("set-aside"), "{error}");
}

/// Everything but that one file was lost, or it was carried to another machine.
#[test]
fn j20_what_lies_aside_alone_is_a_former_journal_and_nothing_else() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = owing(&scratch);
    for (name, _) in scratch.files().into_iter().filter(|(name, _)| name != "ovo.db.aside-1") {
        fs::remove_file(path.with_file_name(name)).unwrap();
    }
    let error = set_aside(&aside).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
    assert!(error.message.contains("leave it there"), "{error}");
    let whole = fs::read(&aside).unwrap();
    fs::write(&aside, vec![7; 4096]).unwrap();
    for options in [SqliteOptions::default(), ALONE] {
        let error = Succession::open(&aside, &options).map(drop).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Corrupt, "{error}");
        let (place, cure) = (path.display().to_string(), "payments go into the journal at");
        assert!(error.message.contains(cure) && error.message.contains(&place), "{error}");
        assert!(!beside(&aside, ".aside-1").exists(), "its place is known");
    }
    fs::write(&aside, whole).unwrap();
    let journal = together(&path);
    let begun = journal.begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
}

/// What lay aside was carried to another disk, which is not mounted today.
#[test]
fn j20_j28_a_link_to_what_lies_aside_that_leads_nowhere_is_told_and_its_numbers_are_jumped_over() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = owing(&scratch);
    let disk = path.with_file_name("disk.db");
    fs::rename(&aside, &disk).unwrap();
    std::os::unix::fs::symlink(&disk, &aside).unwrap();
    for mark in [&path, &aside] {
        fs::remove_file(beside(mark, ".mark")).unwrap();
    }
    let unmounted = path.with_file_name("unmounted.db");
    fs::rename(&disk, &unmounted).unwrap();
    let journal = together(&path);
    one(&journal.findings(), true, "ovo.db.aside-1 is a link that leads nowhere");
    one(&journal.findings(), false, "jump to batch");
    let last = fresh(&journal, &charge(2)).intent.numbers.batch();
    drop(journal);
    let journal = together(&path);
    one(&journal.findings(), true, "leads nowhere");
    assert_eq!(fresh(&journal, &charge(3)).intent.numbers.batch(), last, "once");
    drop(journal);
    fs::rename(&unmounted, &disk).unwrap();
    let begun = together(&path).begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
}

/// `ln`, or a link that an earlier move of the disk has left.
#[test]
fn j20_j24_a_second_name_of_what_lies_aside_closes_no_shop() {
    for is_symbolic in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let aside = owing(&scratch);
        let second = beside(&path, ".aside-2");
        match is_symbolic {
            true => std::os::unix::fs::symlink(&aside, &second).unwrap(),
            false => fs::hard_link(&aside, &second).unwrap(),
        }
        for number in [2, 3] {
            let journal = together(&path);
            one(&journal.findings(), true, "ovo.db.aside-2 is a second name of");
            assert_eq!(journal.findings().len(), 1, "{:?}", journal.findings());
            fresh(&journal, &charge(number));
            let begun = journal.begin(&charge(1), BatchMethod::Continuous);
            assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
        }
        fs::remove_file(&second).unwrap();
        assert_eq!(together(&path).findings(), []);
    }
}

/// The log of a killed one lies beside one of its names alone: under the other it would be opened without.
#[test]
fn j20_j24_what_was_killed_is_opened_under_the_name_that_has_its_log() {
    for is_symbolic in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let aside = beside(&path, ".aside-2");
        for suffix in ["", "-wal", ".mark"] {
            fs::rename(beside(&path, suffix), beside(&aside, suffix)).unwrap();
        }
        let second = beside(&path, ".aside-1");
        match is_symbolic {
            true => std::os::unix::fs::symlink(&aside, &second).unwrap(),
            false => fs::hard_link(&aside, &second).unwrap(),
        }
        let journal = together(&path);
        one(&journal.findings(), true, "ovo.db.aside-1 is a second name of");
        assert!(!journal.findings().iter().any(|it| it.message.contains("its log")), "it has it");
        for number in 1..=3 {
            let begun = journal.begin(&charge(number), BatchMethod::Continuous);
            assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
        }
    }
}

/// As releases before this one did.
fn set_aside_once_more(aside: &Path) {
    for suffix in ["", ".mark"] {
        fs::rename(beside(aside, suffix), beside(&beside(aside, ".aside-1"), suffix)).unwrap();
    }
}

#[test]
fn j20_what_an_earlier_release_set_aside_once_more_is_found_by_whoever_misses_it() {
    for is_opened_between in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let aside = owing(&scratch);
        if is_opened_between {
            drop(together(&path));
        }
        set_aside_once_more(&aside);
        let journal = together(&path);
        one(&journal.findings(), true, "ovo.db.aside-1.aside-1 may be it");
        let problems = journal.health().unwrap().problems;
        assert!(
            problems.iter().any(|it| it.contains(".aside-1.aside-1 may be it")),
            "{problems:?}"
        );
        drop(journal);
        // The cure is one.
        fs::rename(beside(&aside, ".aside-1"), &aside).unwrap();
        let begun = together(&path).begin(&charge(1), BatchMethod::Continuous);
        assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
    }
}

#[test]
fn j20_what_was_moved_away_before_the_next_journal_began_is_not_called_gone() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = owing(&scratch);
    let (own, last) = (path.with_file_name("own.db"), path.with_file_name("last.db"));
    move_journal(&aside, &own).unwrap();
    // Moved on, or set aside there, it is as known where it is.
    move_journal(&own, &last).unwrap();
    set_aside(&last).unwrap();
    let journal = together(&path);
    one(&journal.findings(), false, "last.db");
    assert_eq!(journal.findings().len(), 1, "{:?}", journal.findings());
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
    fresh(&journal, &charge(2));
    drop(journal);
    assert_eq!(together(&path).findings(), [], "once");
}

#[test]
fn j20_the_move_of_one_journal_hides_no_other_that_is_gone() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = owing(&scratch);
    move_journal(&aside, path.with_file_name("own.db")).unwrap();
    let journal = together(&path);
    fresh(&journal, &charge(2));
    drop(journal);
    let second = set_aside(&path).unwrap();
    assert_eq!(second, beside(&path, ".aside-2"));
    fs::remove_file(second).unwrap();
    one(&together(&path).findings(), true, "was here and is gone");
}

#[test]
fn j21_backups_put_back_under_each_others_names_are_doubted_and_none_is_called_gone() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = owing(&scratch);
    let journal = together(&path);
    fresh(&journal, &charge(2));
    let kept = path.with_file_name("kept.db");
    journal.backup(&kept).unwrap();
    drop(journal);
    for (name, _) in scratch.files().into_iter().filter(|(name, _)| name.starts_with("ovo.db")) {
        fs::remove_file(path.with_file_name(name)).unwrap();
    }
    fs::rename(beside(&kept, ".aside-1"), &path).unwrap();
    fs::rename(&kept, &aside).unwrap();
    for _ in 0..2 {
        let journal = together(&path);
        let told = journal.findings();
        assert!(told.iter().all(|it| !it.message.contains("is gone")), "{told:?}");
        one(&told, true, "if names were mixed up");
        let problems = journal.health().unwrap().problems;
        assert!(problems.iter().any(|it| it.contains("if names were mixed up")), "{problems:?}");
        for number in [1, 2] {
            let begun = journal.begin(&charge(number), BatchMethod::Continuous);
            assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
        }
    }
}
