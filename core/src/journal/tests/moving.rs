//! Moving a journal: what is moved along, what a broken-off move leaves, and who is the journal.

use std::fs;
use std::path::Path;

use super::by_people::{invoices, together};
use super::faulty::Faulty;
use super::hands::{beside, left_behind};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice};
use crate::journal::{
    Filter, Journal, JournalCopy, JournalError, JournalErrorKind, SqliteJournal, SqliteOptions,
    move_journal, move_journal_on, set_aside,
};

fn refused(path: &Path) -> JournalError {
    SqliteJournal::open(path, &SqliteOptions::default()).map(drop).expect_err("not the journal")
}

#[test]
fn j21_a_moved_journal_is_the_journal() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let to = path.with_file_name("new till").join("shop.db");
    fs::create_dir(to.parent().unwrap()).unwrap();
    left_behind(&path);
    move_journal(&path, &to).unwrap();
    for suffix in ["", "-wal", ".mark", ".lock", ".reserve"] {
        assert!(!beside(&path, suffix).exists(), "{suffix} is left");
    }
    let journal = open(&to);
    assert_eq!(journal.findings(), []);
    assert_eq!(journal.list(&Filter::default()).unwrap().len(), 3);
    let next = fresh(&journal, &charge(4));
    assert!(next.state.attested);
    assert_eq!(next.intent.numbers.reference(), 4, "numbers go on");
    let error = move_journal(&path, &to).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    drop(journal);
    // Whoever still looks at the old place is told where it is.
    for error in [refused(&path), JournalCopy::open(&path).map(drop).unwrap_err()] {
        assert_eq!(error.kind, JournalErrorKind::Misplaced);
        assert!(error.message.contains(&*to.to_string_lossy()), "{error}");
    }
    fs::remove_file(beside(&path, ".moved")).unwrap();
    // A new journal at the old place is another one, and may not be moved over this.
    fresh(&open(&path), &charge(5));
    assert_eq!(move_journal(&path, &to).unwrap_err().kind, JournalErrorKind::Misplaced);
    assert_eq!(open(&to).findings(), []);
}

#[test]
fn j21_moving_survives_a_power_cut_at_every_step_and_at_most_one_place_sells_on() {
    for changes in 0.. {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let to = path.with_file_name("moved.db");
        let journal = open(&path);
        (1..=3).for_each(|number| drop(fresh(&journal, &charge(number))));
        drop(journal);
        set_aside(&path).unwrap();
        fresh(&open(&path), &charge(4));
        let finished = move_journal_on(&Faulty::the_power_goes(changes), &path, &to).is_ok();
        let mut expected = 4;
        if to.exists() {
            // The copy has its name: it is the journal, and goes on.
            if path.exists() {
                assert_eq!(refused(&path).kind, JournalErrorKind::Misplaced, "behind {changes}");
            }
            fresh(&open(&to), &charge(5));
            expected += 1;
        } else if let Ok(home) = SqliteJournal::open(&path, &SqliteOptions::default()) {
            assert_eq!(home.findings(), [], "behind {changes} changes");
            fresh(&home, &charge(5));
            expected += 1;
        } else {
            // Moved away, and not there yet: for the length of a link.
            assert!(refused(&path).message.contains("journal move"), "behind {changes}");
        }
        // It can be done to the end, and what was done meanwhile comes along.
        move_journal(&path, &to).unwrap();
        assert!(!path.exists() && !beside(&path, ".aside-1").exists(), "behind {changes}");
        let journal = together(&to);
        assert_eq!(journal.findings(), [], "behind {changes} changes");
        assert_eq!(invoices(&journal).len(), expected, "behind {changes} changes");
        assert!(fresh(&journal, &charge(6)).state.attested);
        if finished {
            assert!(changes > 10, "{changes} steps");
            return;
        }
    }
}

#[test]
fn j21_what_was_set_aside_comes_along_and_the_next_journal_begins_above_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let to = path.with_file_name("shop.db");
    left_behind(&path);
    let last = open(&path).list(&Filter::default()).unwrap().pop().unwrap().intent.numbers;
    set_aside(&path).unwrap();
    // The next one is not begun yet.
    move_journal(&path, &to).unwrap();
    let journal = together(&to);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal).len(), 3, "what it owes is settled at the new place");
    assert!(fresh(&journal, &charge(4)).intent.numbers.batch() > last.batch());
    drop(journal);
    move_journal(&to, &path).unwrap();
    assert_eq!(invoices(&together(&path)).len(), 4, "and back");
}

#[test]
fn j21_a_broken_off_move_leaves_one_journal_even_if_a_place_is_out_of_sight() {
    // Broken off behind the hand-over: the new place is the journal, the old one is refused for good.
    let scratch = Scratch::new();
    let (old, new) =
        (scratch.journal().with_file_name("old"), scratch.journal().with_file_name("new"));
    for place in [&old, &new] {
        fs::create_dir(place).unwrap();
    }
    let (from, to) = (old.join("ovo.db"), new.join("ovo.db"));
    left_behind(&from);
    let broken_off = (0..).find(|changes| {
        let _ = move_journal_on(&Faulty::the_power_goes(*changes), &from, &to);
        to.exists()
    });
    assert!(broken_off.is_some() && from.exists());
    let error = refused(&from);
    assert!(error.message.contains(&*to.to_string_lossy()), "{error}");
    // Its disk is out of sight: the new one sells on.
    let hidden = scratch.journal().with_file_name("hidden");
    fs::rename(&old, &hidden).unwrap();
    let journal = open(&to);
    assert_eq!(journal.findings(), []);
    fresh(&journal, &charge(4));
    drop(journal);
    // It is back, and the move is finished: what was sold meanwhile is kept.
    fs::rename(&hidden, &old).unwrap();
    move_journal(&from, &to).unwrap();
    assert_eq!(invoices(&open(&to)).len(), 4);
    assert!(!from.exists());
}

#[test]
fn j24_a_snapshot_of_hard_links_put_back_behind_a_move_is_refused_and_ends_nothing() {
    let scratch = Scratch::new();
    let places = ["old", "new", "kept"].map(|name| scratch.journal().with_file_name(name));
    let [old, new, kept] = &places;
    places.iter().for_each(|place| fs::create_dir(place).unwrap());
    let (from, to) = (old.join("ovo.db"), new.join("ovo.db"));
    let journal = open(&from);
    fresh(&journal, &charge(1));
    drop(journal);
    for entry in fs::read_dir(old).unwrap() {
        let entry = entry.unwrap();
        fs::hard_link(entry.path(), kept.join(entry.file_name())).unwrap();
    }
    move_journal(&from, &to).unwrap();
    fresh(&open(&to), &charge(2));
    fs::remove_dir_all(old).unwrap();
    fs::rename(kept, old).unwrap();
    let error = refused(&from);
    assert_eq!(error.kind, JournalErrorKind::Misplaced);
    assert!(error.message.contains(&*to.to_string_lossy()), "{error}");
    // What the error says does no harm either, and the shop goes on where it is.
    move_journal(&from, &to).unwrap();
    let journal = open(&to);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal), ["INV-1", "INV-2"]);
}

#[test]
fn j21_nothing_is_moved_or_kept_where_another_journals_log_lies() {
    for suffix in ["-wal", "-journal", "-shm"] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let to = path.with_file_name("new.db");
        left_behind(&path);
        fs::write(beside(&to, suffix), "of another one").unwrap();
        let error = move_journal(&path, &to).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{suffix}: {error}");
        assert!(error.message.contains(suffix), "{error}");
        let journal = open(&path);
        let error = journal.backup(&to).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{suffix}: {error}");
        assert_eq!(journal.findings(), []);
        assert_eq!(invoices(&journal).len(), 3, "{suffix}");
        assert!(!to.exists());
    }
}

#[test]
fn j30_reports_and_backups_know_what_was_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    set_aside(&path).unwrap();
    // Before the next one is begun, and beside it.
    let copy = JournalCopy::open(&path).unwrap();
    assert_eq!(copy.list(&Filter::default()).unwrap().len(), 3);
    let journal = together(&path);
    fresh(&journal, &charge(4));
    drop(journal);
    let copy = JournalCopy::open(&path).unwrap();
    assert_eq!(copy.list(&Filter { unsettled: true, ..Filter::default() }).unwrap().len(), 4);
    assert!(copy.find(&invoice(1)).unwrap().is_some());
    assert_eq!(copy.health().unwrap().payments, 4);
    let kept = path.with_file_name("backup.db");
    copy.backup(&kept).unwrap();
    assert_eq!(invoices(&together(&kept)).len(), 4, "nothing of it is lost with the disk");
    let again = path.with_file_name("again.db");
    Journal::backup(&together(&path), &again).unwrap();
    assert_eq!(invoices(&together(&again)).len(), 4);
}

#[test]
fn j20_what_a_shop_has_open_is_not_set_aside_under_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mut shop = super::opening::child("hands::child_pays_and_is_killed", &path).spawn().unwrap();
    super::opening::wait_for(&mut shop, "result: paid");
    fs::remove_file(beside(&path, ".lock")).unwrap();
    let error = set_aside(&path).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    assert_eq!(move_journal(&path, path.with_file_name("new.db")).unwrap_err().kind, error.kind);
    shop.kill().unwrap();
    shop.wait().unwrap();
    assert_eq!(invoices(&open(&path)).len(), 3);
}

#[test]
fn j23_a_log_that_is_cut_under_a_running_shop_stops_it_before_the_next_commit() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    for number in 1..=3 {
        fresh(&journal, &charge(number));
    }
    let log = fs::OpenOptions::new().write(true).open(beside(&path, "-wal")).unwrap();
    log.set_len(0).unwrap();
    let refused = journal.begin(&charge(4), crate::numbering::BatchMethod::Continuous).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Gone, "nothing is told that is not durable");
    drop(journal);
    // Nor is the hole written into the database: what was there before the log still is.
    let journal = open(&path);
    assert!(journal.findings()[0].critical, "{:?}", journal.findings());
    assert!(!fresh(&journal, &charge(5)).state.attested);
}

#[test]
fn j20_what_an_administrator_makes_in_a_shops_directory_is_the_shops() {
    use std::os::unix::fs::{MetadataExt, chown};
    const SHOP: u32 = 65_534;
    let scratch = Scratch::new();
    let path = scratch.journal();
    let directory = path.with_file_name("shop");
    fs::create_dir(&directory).unwrap();
    if fs::metadata(&directory).unwrap().uid() != 0 {
        // Nobody but the administrator makes files for others.
        return;
    }
    chown(&directory, Some(SHOP), Some(SHOP)).unwrap();
    let to = directory.join("ovo.db");
    left_behind(&path);
    move_journal(&path, &to).unwrap();
    let journal = open(&to);
    fresh(&journal, &charge(4));
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), SHOP, "{:?}", entry.file_name());
    }
}

#[test]
fn j20_a_second_name_that_a_broken_off_call_left_is_taken_back() {
    // Killed, or the disk was full: the log and the database have their second names, and go on.
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    for suffix in ["-wal", ""] {
        fs::hard_link(beside(&path, suffix), beside(&path, &format!(".aside-1{suffix}"))).unwrap();
    }
    let journal = open(&path);
    fresh(&journal, &charge(4));
    drop(journal);
    assert!(!beside(&path, ".aside-1").exists() && !beside(&path, ".aside-1-wal").exists());
    set_aside(&path).unwrap();
    let journal = together(&path);
    assert_eq!(journal.findings(), []);
    assert_eq!(invoices(&journal).len(), 4, "none is played back from the older log");
}

#[test]
fn j20_a_journal_that_is_only_refused_for_its_mode_is_not_set_aside_with_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(set_aside(&path).unwrap_err().kind, JournalErrorKind::ReadOnly);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(invoices(&open(&path)).len(), 3);
}

#[test]
fn j21_a_name_of_the_journals_own_files_is_no_place_to_move_or_copy_it_to() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    for suffix in ["-journal", "-wal", ".turn", ".aside-7", ".moved"] {
        let to = beside(&path, suffix);
        assert_eq!(move_journal(&path, &to).unwrap_err().kind, JournalErrorKind::Misplaced);
        let error = open(&path).backup(&to).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{suffix}: {error}");
        assert_eq!(invoices(&open(&path)).len(), 3, "{suffix}");
    }
}

#[test]
fn j20_a_journal_under_any_name_settles_what_was_set_aside_at_its_place() {
    // But for a name under which journals lie set aside.
    for name in [".aside-0", ".aside-100", ".aside-old"] {
        let scratch = Scratch::new();
        let path = beside(&scratch.journal(), name);
        left_behind(&path);
        set_aside(&path).unwrap();
        assert_eq!(invoices(&together(&path)).len(), 3);
    }
}
