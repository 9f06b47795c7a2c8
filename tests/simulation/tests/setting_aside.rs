//! A journal that is set aside, and one that is backed up, struck at every change of the disk: nothing is
//! lost, nothing is half there, and what was broken off can be done again ([faults J20, J22]).
//!
//! [faults J20, J22]: ovo_ptp::manual::faults#j-disk-and-journal

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ovo_checkout::Life;
use ovo_ptp::BatchMethod;
use ovo_ptp::journal::conformance::{charge, fresh};
use ovo_ptp::journal::{
    Begun, Filter, Finding, Journal, JournalError, JournalErrorKind, SqliteOptions, Succession,
    set_aside_on,
};
use ovo_simulation::disk::{Cut, Fault, Mount, MountedFiles, SimDisk};
use ovo_simulation::random::Chance;

const PLACE: &str = "ovo.db";
const BACKUP: &str = "backup.db";

/// What lies at the place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Closed,
    /// Its last process was killed: most of it is in its log.
    Killed,
    WithOneSetAside,
}

const SHAPES: [Shape; 3] = [Shape::Closed, Shape::Killed, Shape::WithOneSetAside];
const CUTS: [Option<Cut>; 3] = [None, Some(Cut::LosesAll), Some(Cut::Mixes)];

struct Till {
    disk: Arc<SimDisk>,
    mounted: Arc<Mount>,
    sold: u32,
    /// No two journals have the same name by chance; and a test takes the same chances each time.
    chances: Arc<AtomicU64>,
}

impl Till {
    fn new(shape: Shape) -> Till {
        let disk = SimDisk::new(Chance::of(1));
        let mounted = Mount::new(&disk, &Arc::default());
        let mut till = Till { disk, mounted, sold: 0, chances: Arc::new(AtomicU64::new(2)) };
        till.sells("at first", false);
        if shape == Shape::WithOneSetAside {
            till.sets_aside(&Arc::default()).unwrap();
        }
        till.sells("at first", shape == Shape::Killed);
        till
    }

    fn copy(&self) -> Till {
        let disk = self.disk.copy(Chance::of(self.chances.fetch_add(1, Ordering::Relaxed)));
        let (mounted, chances) = (Arc::clone(&self.mounted), Arc::clone(&self.chances));
        Till { disk, mounted, sold: self.sold, chances }
    }

    fn opens(&self, name: &str, life: &Arc<Life>) -> Result<Succession, JournalError> {
        let mount = self.mounted.again(&self.disk, life);
        let path = mount.path(name);
        Succession::open_on(Arc::new(MountedFiles(mount)), path, &SqliteOptions::default())
    }

    /// Knows all that was sold, without a word, and sells two more.
    fn sells(&mut self, when: &str, is_killed: bool) {
        let life = Arc::new(Life::default());
        let journal = self.opens(PLACE, &life).unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_eq!(journal.findings(), [], "{when}");
        self.is_known(&journal, when);
        for _ in 0..2 {
            self.sold += 1;
            assert!(fresh(&journal, &charge(self.sold)).state.attested, "{when}");
        }
        self.is_known(&journal, when);
        if is_killed {
            life.ends_after(0);
        }
        drop(journal);
        self.disk.process_ended();
    }

    /// Each payment once, with numbers of its own, and none is pushed again.
    fn is_known(&self, journal: &Succession, when: &str) {
        let known = journal.list(&Filter::default()).unwrap();
        assert_eq!(known.len(), self.sold as usize, "{when}, {}", self.disk.listing());
        let numbers: HashSet<_> = known.iter().map(|payment| payment.intent.numbers).collect();
        assert_eq!(numbers.len(), known.len(), "{when}: numbers twice");
        for number in 1..=self.sold {
            let again = journal.begin(&charge(number), BatchMethod::Continuous);
            assert!(matches!(again, Ok(Begun::Existing(_))), "{when}: {number}: {again:?}");
        }
    }

    fn sets_aside(&self, life: &Arc<Life>) -> Result<(), JournalError> {
        let mount = self.mounted.again(&self.disk, life);
        let path = mount.path(PLACE);
        set_aside_on(&(Arc::new(MountedFiles(mount)) as _), &path).map(drop)
    }

    fn backs_up(&self, life: &Arc<Life>) -> Result<(), JournalError> {
        let journal = self.opens(PLACE, life)?;
        journal.backup(&self.mounted.path(BACKUP))?;
        let is_without = |found: &Finding| found.message.contains("was written without it");
        if journal.found_since().iter().any(|found| found.critical && is_without(found)) {
            // One that could not be read just then: whoever is told so takes another backup.
            drop(journal);
            for file in [BACKUP, format!("{BACKUP}.aside-1").as_str()] {
                self.disk.deletes(file);
            }
        }
        Ok(())
    }

    /// Whether there is one, which is whole then.
    fn has_a_backup(&self, when: &str) -> bool {
        if !self.disk.has(BACKUP) {
            return false;
        }
        let copy = self.copy();
        let backup = copy.opens(BACKUP, &Arc::default());
        let backup = backup.unwrap_or_else(|error| panic!("{when}: {error}"));
        let told = backup.findings();
        assert!(told.iter().any(|found| found.message.contains("backup")), "{when}: {told:?}");
        copy.is_known(&backup, when);
        true
    }
}

type Act = fn(&Till, &Arc<Life>) -> Result<(), JournalError>;

/// Every moment at which `act` can be killed, and what is then on the disk.
fn at_every_change(shape: Shape, act: Act, then: impl Fn(&str, Till)) {
    let till = Till::new(shape);
    for change in 0.. {
        let killed = till.copy();
        let life = Arc::new(Life::default());
        life.ends_after(change);
        let done = act(&killed, &life);
        killed.disk.process_ended();
        if !life.is_over() {
            done.unwrap();
            assert!(change > 10, "{shape:?} has {change} changes only");
            return;
        }
        for cut in CUTS {
            let killed = killed.copy();
            if let Some(cut) = cut {
                killed.disk.loses_power(cut);
            }
            then(&format!("{shape:?} killed at {change}, {cut:?}"), killed);
        }
    }
}

/// Every third operation of the disk at which `act` can fail, and what is then on it.
fn at_every_failure(shape: Shape, act: Act, then: impl Fn(&str, Till)) {
    let till = Till::new(shape);
    for (fault, lasting) in [(Fault::Io, false), (Fault::Full, true), (Fault::ReadOnly, true)] {
        for at in (1..).step_by(3) {
            let till = till.copy();
            let failures = till.disk.failures();
            till.disk.fails(fault, at, lasting);
            let done = act(&till, &Arc::default());
            let struck = till.disk.failures() > failures;
            till.disk.is_mended();
            assert!(struck || done.is_ok(), "{fault:?} at {at}: {done:?}");
            then(&format!("{shape:?}, {fault:?} at {at}, {done:?}"), till);
            if !struck {
                break;
            }
        }
    }
}

/// Whatever became of it: the next journal knows everything, and it can be set aside.
fn goes_on(when: &str, mut till: Till) {
    till.sells(when, false);
    till.sets_aside(&Arc::default()).unwrap_or_else(|error| panic!("{when}: {error}"));
    till.sells(when, false);
}

#[test]
fn j20_setting_aside_that_is_struck_at_any_moment_loses_no_payment_and_can_be_done_again() {
    for shape in SHAPES {
        at_every_change(shape, Till::sets_aside, |when, till| {
            goes_on(when, till.copy());
            // Called again first of all.
            let again = till.sets_aside(&Arc::default());
            let is_done = again.as_ref().is_err_and(|it| it.kind == JournalErrorKind::Misplaced);
            assert!(again.is_ok() || is_done, "{when}: {again:?}");
            goes_on(when, till);
        });
        at_every_failure(shape, Till::sets_aside, goes_on);
    }
}

#[test]
fn j22_a_backup_that_is_struck_at_any_moment_is_whole_or_not_there_and_harms_no_payment() {
    for shape in SHAPES {
        let leaves_both_whole = |when: &str, mut till: Till| {
            let is_there = till.has_a_backup(when);
            let mut again = till.backs_up(&Arc::default());
            if let Some(error) = again.as_ref().err().filter(|_| !is_there) {
                // A part of one, which is in the way, and said to be.
                assert!(error.message.contains("broken off"), "{when}: {error}");
                till.disk.deletes(&format!("{BACKUP}.aside-1"));
                again = till.backs_up(&Arc::default());
            }
            assert_eq!(again.is_err(), is_there, "{when}: {again:?}");
            assert!(till.has_a_backup(when), "{when}");
            till.sells(when, false);
        };
        at_every_change(shape, Till::backs_up, leaves_both_whole);
        at_every_failure(shape, Till::backs_up, leaves_both_whole);
    }
}

#[test]
fn j23_a_journal_whose_closing_fails_at_any_moment_opens_again() {
    // With the page half written on which the database names its log, too: it is cut at another place
    // each time.
    const CHANCES: u32 = 24;
    for shape in SHAPES {
        let till = Till::new(shape);
        for at in 1.. {
            let mut is_over = true;
            for chance in 0..CHANCES {
                let mut till = till.copy();
                let journal = till.opens(PLACE, &Arc::default()).unwrap();
                let failures = till.disk.failures();
                till.disk.fails(Fault::Io, at, false);
                drop(journal);
                till.disk.process_ended();
                is_over &= till.disk.failures() == failures;
                till.disk.is_mended();
                till.sells(&format!("{shape:?} at {at}, {chance}"), false);
            }
            if is_over {
                assert!(at > 5, "{shape:?}: closing is {at} operations only");
                break;
            }
        }
    }
}
