//! The settings in which all invariants must hold: those of every test run, and the large ones.

use ovo_mutants::World;
use ovo_ptp::payment::LateSuccess;

use crate::explore::{Found, explore_at_most};
use crate::setting::{Checks, Setting};

/// A setting with a name.
#[derive(Debug)]
pub struct Run {
    /// What it is about.
    pub name: &'static str,
    /// The world.
    pub setting: Setting,
    /// Payments that share the journal: 1 or 2.
    pub payments: u8,
}

/// What is left of a [`Found`] when the number of payments does not matter any more.
#[derive(Debug)]
pub struct Result {
    /// States that differ.
    pub unique: usize,
    /// Whether all were seen.
    pub complete: bool,
    /// States and time, for a reader.
    pub figures: String,
    /// The story of a broken invariant.
    pub broken: Option<String>,
}

impl<const N: usize> From<Found<N>> for Result {
    fn from(found: Found<N>) -> Result {
        Result {
            unique: found.unique,
            complete: found.complete,
            figures: found.figures(),
            broken: found.broken.map(|(_, path)| crate::story::tell(path)),
        }
    }
}

impl Run {
    /// Explores it until some `most` states were generated, telling the progress.
    pub fn at_most(&self, threads: usize, most: usize) -> Result {
        let tell = |unique: usize, took: std::time::Duration| {
            let unique = crate::explore::thousands(unique);
            eprintln!("  {unique} unique states after {} s", took.as_secs());
        };
        match self.payments {
            1 => explore_at_most::<1>(&self.setting, threads, most, tell).into(),
            _ => explore_at_most::<2>(&self.setting, threads, most, tell).into(),
        }
    }
}

fn run(name: &'static str, setting: Setting) -> Run {
    Run { name, setting, payments: 1 }
}

fn sized(processes: u8, [crashes, losses, duplicates]: [u8; 3], world: Setting) -> Setting {
    Setting { processes, crashes, losses, duplicates, ..world }
}

/// Those of every test run.
pub fn every_time() -> Vec<Run> {
    let world = Setting::of;
    let hands = |setting| Setting { settlement_file: true, operator: true, ..setting };
    vec![
        run("one process, 2 crashes, 2 losses, 1 duplicate", {
            sized(1, [2, 2, 1], Setting::calm())
        }),
        run("1 crash, 1 loss", Setting::faults(1, 1, 0)),
        run("1 loss, 1 duplicate", Setting::faults(0, 1, 1)),
        run("callers in both processes, who may leave", {
            let both = Setting { second_caller: true, impatient: true, ..Setting::calm() };
            sized(2, [0, 0, 0], both)
        }),
        run("late successes are reversed, 1 crash", {
            Setting::faults(1, 0, 0).with_late_success(LateSuccess::Reverse)
        }),
        run("declines lie, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::LyingDeclines))
        }),
        run("declines lie, 1 loss", sized(2, [0, 1, 0], world(World::LyingDeclines))),
        run("numbers of a foreign sale, 1 crash, 1 loss, 1 duplicate", world(World::ForeignSale)),
        run("the same, under numbers that the journal vouches for, checks may be refused", {
            sized(2, [1, 0, 0], world(World::ForeignSaleUnderAttestedNumbers))
        }),
        run("no checks, 1 crash, 1 loss, 1 duplicate", world(World::NoCheckPayment)),
        run("no checks, foreign sale, 1 crash, 1 loss, 1 duplicate", {
            world(World::ForeignSaleWithoutChecks)
        }),
        run("no checks, operator and settlement file, 1 loss, 1 duplicate", {
            hands(sized(2, [0, 1, 1], world(World::Operators)))
        }),
        run("checks may be refused, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], hands(Setting::calm().with_checks(Checks::MayBeRefused)))
        }),
        run("OVO reverses by itself, one process, 1 crash, 1 loss, 1 duplicate", {
            hands(sized(1, [1, 1, 1], world(World::ReversedByOvo)))
        }),
        run("delay beyond the bound, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::DelayBeyondBound))
        }),
        run("a restart of the machine", sized(2, [0, 0, 0], world(World::Reboots))),
        run("checks by hand, one process, 1 crash, 1 loss", {
            sized(1, [1, 1, 0], world(World::ManualChecks))
        }),
        run("two voids, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::Voids))
        }),
        run("a void whose checks are refused, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::RefusedVoids))
        }),
        run("cancelled, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::Cancels))
        }),
        run("cancelled and listened to, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], Setting { started: true, ..world(World::Cancels) })
        }),
        run("cancelled and listened to, two processes, no faults", {
            sized(2, [0, 0, 0], Setting { started: true, ..world(World::Cancels) })
        }),
        run("cancelled and listened to, no checks, one process, 1 crash, 1 loss, 1 duplicate", {
            let bare = world(World::Cancels).with_checks(Checks::NotContracted);
            sized(1, [1, 1, 1], Setting { started: true, ..bare })
        }),
        run(
            "cancelled and listened to, a foreign sale, vouched-for numbers, 1 crash, 1 loss, 1 duplicate",
            sized(1, [1, 1, 1], world(World::CancelledForeignSale)),
        ),
        run("cancelled, callers in both processes, no faults", {
            let both = Setting { second_caller: true, ..world(World::Cancels) };
            sized(2, [0, 0, 0], both)
        }),
        run("cancelled, declines lie, one process, a restart of the machine", {
            let lies = Setting { lying_declines: true, reboots: 1, ..world(World::Cancels) };
            sized(1, [0, 0, 0], lies)
        }),
        run("cancelled, no checks, one process, 1 crash, 1 loss, 1 duplicate", {
            let bare = world(World::Cancels).with_checks(Checks::NotContracted);
            sized(1, [1, 1, 1], bare)
        }),
        run("an operator rules on what is overdue, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::OverdueRulings))
        }),
        run("a copy is put back, operator and settlement file, one process, 1 crash, 1 loss", {
            sized(1, [1, 1, 0], world(World::Copies))
        }),
        run("a copy is put back, declines lie, one process, 1 loss", {
            let lies = Setting { lying_declines: true, operator: false, ..world(World::Copies) };
            sized(1, [0, 1, 0], lies)
        }),
        run("a sloppy OVO that acknowledges without acting, one process, 1 crash, 1 loss", {
            let careless = Setting { sloppy: true, hollow: true, voids: 1, ..Setting::calm() };
            sized(1, [1, 1, 0], hands(careless))
        }),
        run("a sloppy OVO, two processes, no faults", {
            sized(2, [0, 0, 0], Setting { sloppy: true, ..Setting::calm() })
        }),
        run("a sloppy OVO, checks by hand, one process, 1 crash, 1 loss", {
            hands(sized(1, [1, 1, 0], world(World::SloppyOvo)))
        }),
        run("voids that OVO only acknowledges, checks by hand, one process, 1 loss", {
            hands(sized(1, [0, 1, 0], world(World::HollowVoids)))
        }),
        run("undelivered prompts, no checks, one process, 1 crash, 1 loss, 1 duplicate", {
            sized(1, [1, 1, 1], world(World::Undelivered))
        }),
        run("declines lie, no checks, settlement file, one process, 1 crash, 1 loss", {
            let bare = world(World::LyingDeclines).with_checks(Checks::NotContracted);
            sized(1, [1, 1, 0], Setting { settlement_file: true, ..bare })
        }),
        run("a foreign sale of another day, vouched-for numbers, one process, 1 crash, 1 loss", {
            sized(1, [1, 1, 1], world(World::ForeignSaleOfAnotherDay))
        }),
        run("two voids, no faults", sized(2, [0, 0, 0], world(World::Voids))),
        Run {
            payments: 2,
            ..run("two payments, one process", sized(1, [0, 0, 0], Setting::calm()))
        },
    ]
}

/// The large ones: hours of other machines' time, so that each has a bound.
pub fn large() -> Vec<Run> {
    vec![
        run("a restart of the machine, 1 loss", Setting::of(World::Reboots)),
        run("a void, a check by hand beside it, two processes, no faults", {
            sized(2, [0, 0, 0], Setting::of(World::AskedBehindVoids))
        }),
        run("all rules, 2 crashes, 2 losses, 1 duplicate", {
            let all = Setting { lying_declines: true, reversed_by_ovo: true, ..Setting::calm() };
            sized(2, [2, 2, 1], all)
        }),
        Run {
            payments: 2,
            ..run("two payments that share a journal, 1 crash, 1 loss", {
                Setting::faults(1, 1, 0)
            })
        },
    ]
}
