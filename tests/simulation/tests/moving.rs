//! A move of a journal, killed at every change of the disk and then treated in every order: opened
//! where it was, opened where it goes, moved again. At every moment at most one place sells, no
//! invoice and no number is lost, and moved again it is moved ([faults J21]).
//!
//! [faults J21]: ovo_ptp::manual::faults#j-disk-and-journal

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ovo_checkout::Life;
use ovo_ptp::journal::conformance::{charge, fresh};
use ovo_ptp::journal::{
    Filter, Journal, JournalError, JournalErrorKind, SqliteOptions, Succession, move_journal_on,
    set_aside_on,
};
use ovo_simulation::disk::{Cut, Fault, Mount, MountedFiles, SimDisk};
use ovo_simulation::random::Chance;

const OLD: &str = "old.db";
const NEW: &str = "new.db";

/// What lies at the old place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Alone,
    WithOneSetAside,
    /// The next one is not begun.
    OnlySetAside,
}

/// A machine whose only disk is mounted at one place, by one process behind the other.
struct Machine {
    disk: Arc<SimDisk>,
    mounted: Arc<Mount>,
    sold: u32,
}

impl Machine {
    fn new(shape: Shape) -> Machine {
        let disk = SimDisk::new(Chance::of(1));
        let mounted = Mount::new(&disk, &Arc::default());
        let mut machine = Machine { disk, mounted, sold: 0 };
        assert_eq!(machine.sells_at(OLD).unwrap(), [""; 0]);
        if shape != Shape::Alone {
            let mount = machine.mount(&Arc::default());
            let path = mount.path(OLD);
            set_aside_on(&(Arc::new(MountedFiles(mount)) as _), &path).unwrap();
        }
        if shape == Shape::WithOneSetAside {
            assert_eq!(machine.sells_at(OLD).unwrap(), [""; 0]);
        }
        machine
    }

    fn copy(&self) -> Machine {
        // No two journals have the same name by chance.
        static NEXT: AtomicU64 = AtomicU64::new(2);
        let disk = self.disk.copy(Chance::of(NEXT.fetch_add(1, Ordering::Relaxed)));
        Machine { disk, mounted: Arc::clone(&self.mounted), sold: self.sold }
    }

    fn mount(&self, life: &Arc<Life>) -> Arc<Mount> {
        self.mounted.again(&self.disk, life)
    }

    fn opens(&self, name: &str) -> Result<Succession, JournalError> {
        let mount = self.mount(&Arc::default());
        let path = mount.path(name);
        Succession::open_on(Arc::new(MountedFiles(mount)), path, &SqliteOptions::default())
    }

    /// Sells as the journal that knows all that was sold, without a word; otherwise, what is wrong.
    fn sells_at(&mut self, name: &str) -> Result<Vec<String>, JournalError> {
        let journal = self.opens(name)?;
        let known = journal.list(&Filter::default()).unwrap().len();
        let mut wrong: Vec<_> = journal.findings().into_iter().map(|it| it.message).collect();
        if known != self.sold as usize {
            wrong.push(format!("{known} of {} payments are known", self.sold));
        }
        self.sold += 1;
        if !fresh(&journal, &charge(self.sold)).state.attested {
            wrong.push("it is not attested".to_owned());
        }
        Ok(wrong)
    }

    fn moves(&self, life: &Arc<Life>) -> Result<(), JournalError> {
        let mount = self.mount(life);
        let (from, to) = (mount.path(OLD), mount.path(NEW));
        move_journal_on(&(Arc::new(MountedFiles(mount)) as _), &from, &to)
    }

    /// A move that is killed at a change of the disk; `None` if it has no more so many.
    fn moves_until(&self, change: u64) -> Option<Machine> {
        let machine = self.copy();
        let life = Arc::new(Life::default());
        life.ends_after(change);
        let done = machine.moves(&life);
        machine.disk.process_ended();
        assert_eq!(done.is_ok(), !life.is_over(), "at {change}: {done:?}");
        life.is_over().then_some(machine)
    }

    /// Everything is at the new place, and nothing is at the old one.
    fn is_moved(&self, when: &str) {
        self.moves(&Arc::default()).unwrap_or_else(|error| panic!("{when}: {error}"));
        self.moves(&Arc::default()).unwrap_or_else(|error| panic!("{when}, once more: {error}"));
        let error = self.opens(OLD).map(drop).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{when}");
        assert!(error.message.contains(NEW), "{when}: {error}");
        let journal = self.opens(NEW).unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_eq!(journal.findings(), [], "{when}");
        let known = journal.list(&Filter::default()).unwrap();
        assert_eq!(known.len(), self.sold as usize, "{when}");
        let numbers: HashSet<_> = known.iter().map(|payment| payment.intent.numbers).collect();
        assert_eq!(numbers.len(), known.len(), "{when}: numbers twice");
        drop(journal);
        for left in ["", "-wal", ".mark", ".aside-1", ".aside-1.mark"] {
            assert!(!self.disk.has(&format!("{OLD}{left}")), "{when}: {left} is left");
        }
        assert!(!self.disk.has(&format!("{NEW}.arriving")), "{when}");
    }
}

const SHAPES: [Shape; 3] = [Shape::Alone, Shape::WithOneSetAside, Shape::OnlySetAside];
const CUTS: [Option<Cut>; 3] = [None, Some(Cut::LosesAll), Some(Cut::Mixes)];

/// Every moment at which a move can be killed, with what is then on the disk.
fn at_every_change(shape: Shape, then: impl Fn(&str, &Machine)) {
    let machine = Machine::new(shape);
    for change in 0.. {
        let Some(killed) = machine.moves_until(change) else {
            assert!(change > 40, "{shape:?} has {change} changes only");
            return;
        };
        for cut in CUTS {
            let killed = killed.copy();
            if let Some(cut) = cut {
                killed.disk.loses_power(cut);
            }
            then(&format!("{shape:?} killed at {change}, {cut:?}"), &killed);
        }
    }
}

/// Sells wherever a shop that is set up for this place may, and whether it may. What may sell is the
/// journal; only where nothing was handed over, and not even begun to be, another one may begin at
/// the new place.
fn visits(machine: &mut Machine, place: &str, when: &str) -> bool {
    match machine.sells_at(place) {
        Ok(wrong) => {
            assert_eq!(wrong, [""; 0], "{when}: {place}, {}", machine.disk.listing());
            true
        }
        Err(error) => {
            assert_eq!(error.kind, JournalErrorKind::Misplaced, "{when}: {error}");
            assert!(error.message.contains("journal move"), "{when}: {error}");
            false
        }
    }
}

/// Whether the killed move has changed anything that anybody looks at.
fn is_begun(machine: &Machine) -> bool {
    [".arriving", "", ".aside-1"].iter().any(|name| machine.disk.has(&format!("{NEW}{name}")))
}

#[test]
fn j21_a_move_killed_at_any_moment_leaves_one_journal_whoever_opens_which_place_first() {
    for shape in SHAPES {
        at_every_change(shape, |when, killed| {
            for order in [[OLD, NEW], [NEW, OLD]] {
                let mut machine = killed.copy();
                let mut selling = Vec::new();
                for place in order {
                    if place == NEW && !is_begun(&machine) {
                        continue;
                    }
                    let when = format!("{when}, {place} of {order:?}");
                    if visits(&mut machine, place, &when) {
                        selling.push(place);
                    }
                }
                assert!(selling.len() < 2, "{when}: {selling:?} sell");
                machine.is_moved(&format!("{when}, {order:?}"));
            }
            // Moved again first of all.
            killed.copy().is_moved(when);
        });
    }
}

#[test]
fn j21_a_move_that_is_killed_again_where_it_is_finished_is_finished_by_the_next() {
    for shape in SHAPES {
        let machine = Machine::new(shape);
        for first in (0..).step_by(5) {
            let Some(killed) = machine.moves_until(first) else { break };
            for second in (0..).step_by(3) {
                let Some(mut again) = killed.moves_until(second) else { break };
                let when = format!("{shape:?} killed at {first} and at {second}");
                again.disk.loses_power(Cut::LosesAll);
                if is_begun(&again) {
                    visits(&mut again, NEW, &when);
                }
                again.is_moved(&when);
            }
        }
    }
}

#[test]
fn j3_j4_j6_j21_a_disk_that_fails_at_any_operation_of_a_move_leaves_one_journal_and_it_can_be_finished()
 {
    for (fault, lasting) in [(Fault::Io, false), (Fault::Full, true), (Fault::ReadOnly, true)] {
        let machine = Machine::new(Shape::WithOneSetAside);
        for at in (1..).step_by(2) {
            let mut machine = machine.copy();
            let failures = machine.disk.failures();
            machine.disk.fails(fault, at, lasting);
            let moved = machine.moves(&Arc::default());
            let struck = machine.disk.failures() > failures;
            machine.disk.is_mended();
            assert!(struck || moved.is_ok(), "{fault:?} at {at}: {moved:?}");
            let when = format!("{fault:?} at {at}, {lasting}, {moved:?}");
            let mut selling = visits(&mut machine, OLD, &when) as u32;
            if is_begun(&machine) {
                selling += visits(&mut machine, NEW, &when) as u32;
            }
            assert!(selling < 2, "{when}: both sell");
            machine.is_moved(&when);
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn j2_j21_a_disk_with_too_little_room_for_all_of_it_leaves_everything_at_the_old_place() {
    let machine = Machine::new(Shape::WithOneSetAside);
    for room in (0..).step_by(3_000) {
        let mut machine = machine.copy();
        machine.disk.fills_up(room);
        let moved = machine.moves(&Arc::default());
        machine.disk.is_mended();
        let when = format!("{room} bytes of room");
        let Err(error) = moved else {
            assert!(room > 40_000, "{when} are enough");
            return machine.is_moved(&when);
        };
        if !error.message.contains("once more") {
            let here = visits(&mut machine, OLD, &when);
            assert!(here && !machine.disk.has("new.db.aside-1"), "{when}: {error}");
        }
        machine.is_moved(&when);
    }
}

#[test]
fn j21_what_was_handed_over_and_lost_is_never_drawn_up_again_from_the_old_place() {
    for shape in SHAPES {
        at_every_change(shape, |when, killed| {
            let head = if shape == Shape::OnlySetAside { "new.db.aside-1" } else { NEW };
            let old = if shape == Shape::OnlySetAside { "old.db.aside-1" } else { OLD };
            if !killed.disk.has(head) || !killed.disk.has(old) {
                return;
            }
            for and_its_mark in [false, true] {
                let mut machine = killed.copy();
                if !visits(&mut machine, NEW, when) {
                    continue;
                }
                for suffix in ["", "-wal"] {
                    machine.disk.deletes(&format!("{head}{suffix}"));
                    machine.disk.deletes(&format!("{NEW}{suffix}"));
                }
                if and_its_mark {
                    machine.disk.deletes(&format!("{head}.mark"));
                    machine.disk.deletes(&format!("{NEW}.mark"));
                }
                let moved = machine.moves(&Arc::default());
                let refused = moved.is_err_and(|error| error.kind == JournalErrorKind::Misplaced);
                assert!(refused, "{when}: {}", machine.disk.listing());
                assert!(!machine.disk.has(head), "{when}: drawn up again");
                assert!(machine.opens(OLD).is_err(), "{when}: the old place sells on");
            }
        });
    }
}
