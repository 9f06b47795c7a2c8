//! What was set aside and cannot be opened though it is whole, above all because another program has it just
//! now: what it knows is not pushed again, and what it owes is settled when that is over.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::by_people::together;
use super::faulty::Faulty;
use super::hands::beside;
use super::opening::{child, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice};
use crate::journal::{
    Begun, Journal, JournalError, JournalErrorKind, NewPayment, SqliteOptions, Succession,
    set_aside,
};
use crate::numbering::BatchMethod;
use crate::payment::Boottime;

const SHARED: SqliteOptions =
    SqliteOptions { shared: true, first_batch: None, set_aside_unusable: false };

fn refused(journal: &Succession, new: &NewPayment) -> JournalError {
    match journal.begin(new, BatchMethod::Continuous) {
        Err(error) => error,
        Ok(begun) => panic!("{begun:?}"),
    }
}

/// A new invoice of the customer whose payment is open.
fn of_the_same_customer() -> NewPayment {
    let mut again = charge(7);
    again.phone = charge(1).phone;
    again.refuse_unsettled_customer = true;
    again
}

#[test]
fn j20_what_another_program_has_when_the_shop_opens_is_not_pushed_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    drop(open(&path));
    let aside = set_aside(&path).unwrap();
    // Three payments, which nobody but that program knows.
    let mut other = child("hands::child_pays_and_is_killed", &aside).spawn().unwrap();
    wait_for(&mut other, "result: paid");
    let journal = together(&path);
    let told = journal.findings();
    assert!(told[0].critical && told[0].message.contains("end that program"), "{told:?}");
    for new in [charge(1), of_the_same_customer()] {
        let error = refused(&journal, &new);
        assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
        assert!(error.message.contains(".aside-1"), "{error}");
    }
    assert_eq!(journal.find(&invoice(2)).unwrap_err().kind, JournalErrorKind::Locked);
    // The shop is not closed for whatever that one does not know.
    assert_eq!(journal.find(&invoice(9)), Ok(None));
    fresh(&journal, &charge(9));
    other.kill().unwrap();
    other.wait().unwrap();
    // Only an opening lets it in again.
    assert_eq!(refused(&journal, &charge(1)).kind, JournalErrorKind::Locked);
    drop(journal);
    let journal = together(&path);
    let begun = journal.begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
    let boot = journal.enter_boot("boot-a").unwrap();
    assert_eq!(journal.due(boot, Boottime(u64::MAX), 9).unwrap().len(), 4, "it is settled");
}

#[test]
fn j20_what_another_program_has_and_cannot_be_read_refuses_every_new_payment() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    drop(open(&path));
    let aside = set_aside(&path).unwrap();
    // This process's own second client, beside which no copy may be made (J22).
    let other = open(&aside);
    let journal = together(&path);
    let error = refused(&journal, &charge(1));
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    assert!(error.message.contains("try again"), "{error}");
    drop(other);
    fresh(&journal, &charge(1));
}

/// Keeps everybody from reading a shared journal, as SQLite's own recovery of a log does.
fn keep_from_reading(journal: &Path) -> Child {
    let program = "import fcntl, sys\n\
        index = open(sys.argv[1], 'r+b')\n\
        fcntl.lockf(index, fcntl.LOCK_EX, 5, 123)\n\
        print('result: locked', flush=True)\n\
        sys.stdin.readline()\n";
    let mut locker = Command::new("python3");
    locker.args(["-c", program]).arg(beside(journal, "-shm"));
    locker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn j20_what_cannot_be_looked_up_in_a_locked_journal_is_refused_and_may_be_tried_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let journal = Succession::open(&path, &SHARED).unwrap();
    journal.enter_boot("boot-a").unwrap();
    let mut other = keep_from_reading(&aside);
    wait_for(&mut other, "result: locked");
    let error = refused(&journal, &charge(1));
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    assert!(error.message.contains(".aside-1") && error.message.contains("try again"), "{error}");
    let told = journal.found_since();
    assert!(told[0].critical && told[0].message.contains("is locked"), "{told:?}");
    writeln!(other.stdin.take().unwrap()).unwrap();
    other.wait().unwrap();
    let begun = journal.begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Existing(_))), "it takes part still: {begun:?}");
}

/// Keeps everybody from writing to a shared journal.
fn keep_from_writing(journal: &Path) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(journal).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn j20_settlement_that_a_lock_keeps_from_being_written_is_told_once_and_tried_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let journal = Succession::open(&path, &SHARED).unwrap();
    let boot = journal.enter_boot("boot-a").unwrap();
    let mut step = journal.find(&invoice(1)).unwrap().unwrap();
    step.state.due = Some(Boottime(77));
    let problems = || journal.health().unwrap().problems;
    let refuse = || {
        let other = keep_from_writing(&aside);
        assert_eq!(journal.update(&step).unwrap_err().kind, JournalErrorKind::Locked);
        let told = journal.found_since();
        assert!(told[0].critical && told[0].message.contains("end that program"), "{told:?}");
        other
    };
    let other = refuse();
    assert!(problems().iter().any(|it| it.contains("end that program")), "as long as it lasts");
    assert_eq!(journal.found_since(), [], "once");
    assert_eq!(journal.due(boot, Boottime(u64::MAX), 9).unwrap().len(), 1, "it stays due");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(problems(), [""; 0], "it is over");
    // Another time it is told anew.
    refuse().execute_batch("ROLLBACK").unwrap();
    journal.update(&step).unwrap();
}

#[test]
fn j20_one_that_is_locked_before_it_takes_part_is_left_out_and_says_so_until_the_next_opening() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let journal = Succession::open(&path, &SHARED).unwrap();
    let other = keep_from_writing(&aside);
    let boot = journal.enter_boot("boot-a").unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    let told = journal.found_since();
    assert!(told[0].critical && told[0].message.contains("start again"), "{told:?}");
    assert_eq!(
        journal.due(boot, Boottime(u64::MAX), 9),
        Ok(Vec::new()),
        "it has no boot to count in"
    );
    for _ in 0..2 {
        let problems = journal.health().unwrap().problems;
        assert!(problems.iter().any(|it| it.contains("left out")), "{problems:?}");
    }
    let begun = journal.begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Existing(_))), "it is known: {begun:?}");
    drop((journal, other));
    let journal = together(&path);
    assert_eq!(journal.due(1, Boottime(u64::MAX), 9).unwrap().len(), 1);
}

/// It opens, tells that what lies aside cannot be opened, and begins nothing that may be known there.
fn asks_it(journal: &Succession, why: &str) {
    let told = journal.findings();
    assert!(told[0].critical && told[0].message.contains(why), "{told:?}");
    assert!(told[0].message.contains("that it may know is refused"), "{told:?}");
    for new in [charge(1), of_the_same_customer()] {
        let error = refused(journal, &new);
        assert_eq!(error.kind, JournalErrorKind::ReadOnly, "{error}");
        assert!(error.message.contains(why) && error.message.contains("knows this"), "{error}");
    }
    assert!(journal.find(&invoice(1)).is_err(), "nor is it called unknown");
    assert_eq!(journal.find(&invoice(9)), Ok(None));
    fresh(journal, &charge(9));
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn j20_what_others_may_read_is_asked_in_a_copy_and_not_pushed_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    // As `cp` or a restore makes it.
    mode(&aside, 0o644);
    let journal = together(&path);
    asks_it(&journal, "make it 0600");
    assert!(journal.health().unwrap().problems[0].contains("make it 0600"));
    // Taken away meanwhile it may know anything.
    let away = path.with_file_name("away.db");
    fs::rename(&aside, &away).unwrap();
    let error = refused(&journal, &charge(8));
    assert!(error.message.contains("nor read in a copy"), "{error}");
    fs::rename(&away, &aside).unwrap();
    drop(journal);
    mode(&aside, 0o600);
    let begun = together(&path).begin(&charge(1), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Existing(_))), "{begun:?}");
}

#[test]
fn j20_what_others_may_read_and_is_damaged_closes_no_shop() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    fs::write(&aside, vec![7; 4096]).unwrap();
    mode(&aside, 0o644);
    let journal = together(&path);
    let told = journal.findings();
    assert!(told[0].critical && told[0].message.contains("are unknown"), "{told:?}");
    fresh(&journal, &charge(1));
}

#[test]
fn j24_a_second_name_of_another_journal_is_asked_in_a_copy_and_not_pushed_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let other = path.with_file_name("other.db");
    fs::rename(&aside, &other).unwrap();
    drop(open(&other));
    fs::hard_link(&other, &aside).unwrap();
    asks_it(&together(&path), "second name");
}

#[test]
fn j20_what_the_disk_failed_to_open_once_is_asked_in_a_copy_and_not_pushed_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let fails = Arc::new(AtomicBool::new(true));
    let (failing, log) = (Arc::clone(&fails), beside(&aside, "-wal"));
    let files = Faulty::where_nothing_reads(move |it| it == log && failing.load(Ordering::Relaxed));
    let journal = Succession::open_on(files, &path, &SqliteOptions::default()).unwrap();
    fails.store(false, Ordering::Relaxed);
    journal.enter_boot("boot-a").unwrap();
    asks_it(&journal, "input/output error");
}
