//! Archiving, broken off at every moment: each payment stays in the journal, in the archive, or in
//! both; reports tell none twice; done again it is done, and then each is told once. No invoice and
//! no number is given again ([fault OP7]).
//!
//! [fault OP7]: ovo_ptp::manual::faults#op-operations

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ovo_checkout::Life;
use ovo_ptp::journal::conformance::{charge, fresh, write};
use ovo_ptp::journal::{
    Archived, Begun, Filter, Journal, JournalCopy, JournalError, SqliteOptions, Succession,
};
use ovo_ptp::payment::{Boottime, Settlement, Source, Verdict};
use ovo_ptp::{BatchMethod, Numbers, WallTime};
use ovo_simulation::disk::{Cut, Fault, Mount, MountedFiles, SimDisk};
use ovo_simulation::random::Chance;

const JOURNAL: &str = "ovo.db";
const ARCHIVE: &str = "archive.db";
/// Payments that are over: more than leave the journal in one commit.
const OVER: u32 = 34;
/// The one that is not.
const OPEN: u32 = OVER + 1;

/// A till's disk, and the numbers that it has handed out.
struct Till {
    disk: Arc<SimDisk>,
    last: Numbers,
}

impl Till {
    fn new() -> Till {
        let disk = SimDisk::new(Chance::of(1));
        let journal = opens(&disk, &Arc::default()).unwrap();
        for number in 1..=OVER {
            let mut payment = fresh(&journal, &charge(number));
            let state = &mut payment.state;
            state.verdict = Some(Verdict::Accepted(Source::Push));
            state.settlement = Settlement::closed(Boottime(1));
            (state.acknowledged, state.due, state.phone_forgotten) = (true, None, true);
            write(&journal, payment);
        }
        let last = fresh(&journal, &charge(OPEN)).intent.numbers;
        drop(journal);
        Till { disk, last }
    }

    fn copy(&self) -> Till {
        // No two archives have the same name by chance.
        static NEXT: AtomicU64 = AtomicU64::new(2);
        let chance = Chance::of(NEXT.fetch_add(1, Ordering::Relaxed));
        Till { disk: self.disk.copy(chance), last: self.last }
    }

    fn archives(&self, life: &Arc<Life>) -> Result<Archived, JournalError> {
        let mount = Mount::new(&self.disk, life);
        let to = mount.path(ARCHIVE);
        let path = mount.path(JOURNAL);
        let journal = open_on(mount, &path)?;
        let before = WallTime::from_unix_millis(charge(1).wall.unix_millis() + 1);
        journal.archive(before, &to, &mut |_| ControlFlow::Continue(()))
    }

    /// What reports tell of the disk as it is: the journal's payments, and the archive's if it can be
    /// read. None twice.
    fn tells(&self) -> BTreeSet<String> {
        let folder = Folder::with(&self.disk);
        let mut told = BTreeSet::new();
        for name in [JOURNAL, ARCHIVE] {
            let Ok(copy) = JournalCopy::open(folder.0.join(name)) else {
                assert_eq!(name, ARCHIVE, "the journal is read: {}", self.disk.listing());
                continue;
            };
            for row in copy.list(&Filter::default()).unwrap() {
                let invoice = row.intent.invoice.to_string();
                assert!(told.insert(invoice), "{} is told twice", row.intent.invoice);
            }
        }
        told
    }

    /// Whatever happened: nothing is told twice, no invoice is pushed again, and the same call
    /// brings archiving to its end.
    fn goes_on(&self, what: &str) {
        self.tells();
        self.knows_its_invoices(what);
        let done = self.archives(&Arc::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((done.payments, done.left), (OVER.into(), 0), "{what}");
        let all: BTreeSet<String> = (1..=OPEN).map(|number| format!("INV-{number}")).collect();
        assert_eq!(self.tells(), all, "{what}: each once");
        self.knows_its_invoices(what);
        let again = self.archives(&Arc::default()).unwrap();
        assert_eq!(
            (again.payments, again.moved),
            (OVER.into(), 0),
            "{what}: nothing is left to do"
        );
        let drafts = self.disk.listing();
        assert!(!drafts.contains(".new-"), "{what}: {drafts}");
        let journal = opens(&self.disk, &Arc::default()).unwrap();
        let next = fresh(&journal, &charge(OPEN + 1));
        assert!(next.intent.numbers > self.last, "{what}: numbers go on");
        assert_eq!(journal.health().unwrap().problems, [""; 0], "{what}");
    }

    fn knows_its_invoices(&self, what: &str) {
        let journal = opens(&self.disk, &Arc::default()).unwrap();
        for number in [1, OVER / 2, OVER, OPEN] {
            let begun = journal.begin(&charge(number), BatchMethod::Continuous).unwrap();
            assert!(
                matches!(begun, Begun::Existing(_) | Begun::Archived(_)),
                "{what}: invoice {number} is pushed again: {begun:?}"
            );
        }
    }
}

fn opens(disk: &Arc<SimDisk>, life: &Arc<Life>) -> Result<Succession, JournalError> {
    let mount = Mount::new(disk, life);
    let path = mount.path(JOURNAL);
    open_on(mount, &path)
}

fn open_on(mount: Arc<Mount>, path: &std::path::Path) -> Result<Succession, JournalError> {
    let options = SqliteOptions { first_batch: Some(1), ..SqliteOptions::default() };
    Succession::open_on(Arc::new(MountedFiles(mount)), path, &options)
}

/// The disk's files in a directory of the machine, for those who read there.
struct Folder(PathBuf);

impl Folder {
    fn with(disk: &SimDisk) -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "ovo-archiving-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        for (name, bytes) in disk.contents() {
            let options = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).clone();
            let mut file = options.open(folder.join(name)).unwrap();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
        }
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Strikes at 1, 1 + `stride` and so on, until archiving is done without having been struck.
/// `strike` says whether it was.
fn at_every_point(from: u64, stride: usize, what: &str, strike: impl Fn(&Till, u64) -> bool) {
    let whole = Till::new();
    for point in (from..).step_by(stride) {
        let till = whole.copy();
        let struck = strike(&till, point);
        till.goes_on(&format!("{what} at {point}"));
        if !struck {
            assert!(point > 60, "archiving has {point} points only");
            return;
        }
    }
}

fn dies(till: &Till, point: u64) -> bool {
    let life = Arc::new(Life::default());
    life.ends_after(point - 1);
    drop(till.archives(&life));
    till.disk.process_ended();
    life.is_over()
}

#[test]
fn op7_archiving_that_is_killed_at_any_moment_loses_no_payment_and_tells_none_twice() {
    at_every_point(1, 1, "killed", dies);
}

#[test]
fn op7_a_power_cut_at_any_moment_of_archiving_loses_no_payment_and_tells_none_twice() {
    // Each at another third of the moments, so that all of them meet one.
    for (from, cut) in [(1, Cut::LosesAll), (2, Cut::KeepsAll), (3, Cut::Mixes)] {
        at_every_point(from, 3, &format!("{cut:?}"), |till, point| {
            let struck = dies(till, point);
            till.disk.loses_power(cut);
            struck
        });
    }
}

#[test]
fn op7_a_disk_that_fails_at_any_operation_of_archiving_loses_no_payment_and_tells_none_twice() {
    for (from, fault, lasting) in
        [(1, Fault::Io, false), (2, Fault::Io, true), (3, Fault::Full, true)]
    {
        at_every_point(from, 3, &format!("{fault:?}, lasting: {lasting}"), |till, point| {
            let failures = till.disk.failures();
            till.disk.fails(fault, point, lasting);
            drop(till.archives(&Arc::default()));
            let struck = till.disk.failures() > failures;
            till.disk.is_mended();
            struck
        });
    }
}

#[test]
fn op7_archiving_that_is_killed_and_then_meets_a_power_cut_when_it_goes_on_loses_no_payment() {
    let whole = Till::new();
    for first in (1..).step_by(11) {
        let killed = whole.copy();
        if !dies(&killed, first) {
            assert!(first > 60, "archiving has {first} points only");
            return;
        }
        // What was not synced before the kill is not on the disk at the next one's power cut either.
        for point in (1 + first % 13..).step_by(13) {
            let till = killed.copy();
            let struck = dies(&till, point);
            till.disk.loses_power(Cut::LosesAll);
            till.goes_on(&format!("killed at {first}, no power at {point}"));
            if !struck {
                break;
            }
        }
    }
}

/// What a wrong archiving would leave behind a kill.
type Wrong = fn(&SimDisk);

/// Rows leave the journal before the archive is durable: a power cut takes what only it has.
fn archive_was_not_durable(disk: &SimDisk) {
    disk.deletes(ARCHIVE);
}

/// The archive says that it is finished before the journal's rows are gone.
fn archive_was_finished_first(disk: &SimDisk) {
    if !disk.has(ARCHIVE) {
        return;
    }
    let folder = Folder::with(disk);
    let file = folder.0.join(ARCHIVE);
    let archive = rusqlite::Connection::open(&file).unwrap();
    let finished = "UPDATE meta SET v = 1 WHERE k = 'archive finished'";
    archive.execute_batch(finished).unwrap();
    archive.close().unwrap();
    for (name, _) in disk.contents() {
        if name.starts_with(ARCHIVE) {
            disk.deletes(&name);
        }
    }
    disk.puts(ARCHIVE, &fs::read(&file).unwrap(), true);
}

#[test]
fn op7_these_tests_catch_an_archiving_in_the_wrong_order() {
    for (what, wrong) in [
        ("not durable", archive_was_not_durable as Wrong),
        ("finished first", archive_was_finished_first),
    ] {
        let whole = Till::new();
        let is_caught = (1..).step_by(5).map_while(|point| {
            let till = whole.copy();
            if !dies(&till, point) {
                return None;
            }
            wrong(&till.disk);
            let held = AssertUnwindSafe(|| till.goes_on(what));
            Some(catch_unwind(held).is_err())
        });
        assert!(is_caught.into_iter().any(|caught| caught), "{what}: nobody noticed");
    }
}
