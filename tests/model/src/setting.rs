//! What may happen in one run of the checker.

use ovo_mutants::{DriverFault, Mutant, World};
use ovo_ptp::payment::{LateSuccess, Policy};

/// Whether OVO tells a payment's status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checks {
    /// Yes.
    Told,
    /// The contract has none.
    NotContracted,
    /// It may answer 58 or 96 at any time.
    MayBeRefused,
}

/// How long a push, and the session that it opens, may live after the push was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delay {
    /// At most 60 s + D: the assumption of the policy.
    Bounded,
    /// Longer, but not until the first look behind a closed payment.
    BeyondBound,
    /// For ever.
    Unbounded,
}

/// A world to explore. How often each fault strikes is limited, when it strikes is not.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The policy under test.
    pub policy: Policy,
    /// What is wrong outside the policy, if anything.
    pub fault: Option<DriverFault>,
    /// Processes that share the journal: 1 or 2.
    pub processes: u8,
    /// Whether a caller in the other process asks for the same payment. (Its settler works on it
    /// in any case.)
    pub second_caller: bool,
    /// Processes that die.
    pub crashes: u8,
    /// Messages that are lost, or late beyond anybody's patience.
    pub losses: u8,
    /// Requests that the network delivers twice.
    pub duplicates: u8,
    /// Restarts of the machine.
    pub reboots: u8,
    /// Whether an answer of a decline may be a lie.
    pub lying_declines: bool,
    /// Whether the numbers belong to another, completed sale.
    pub foreign_sale: bool,
    /// Whether the journal vouches for the numbers.
    pub attested: bool,
    /// Whether OVO may reverse a payment by itself instead of approving it.
    pub reversed_by_ovo: bool,
    /// Status checks.
    pub checks: Checks,
    /// The delay of pushes.
    pub delay: Delay,
    /// Voids that the merchant asks for.
    pub voids: u8,
    /// Checks that the merchant asks for by hand.
    pub manual_checks: u8,
    /// Whether the merchant hands in OVO's settlement file.
    pub settlement_file: bool,
    /// Whether an operator decides about what the policy gave up.
    pub operator: bool,
    /// Whether callers may stop to wait.
    pub impatient: bool,
    /// Cancels that the merchant asks for.
    pub cancels: u8,
    /// Whether each payment has a thread of its own: cancelled, it listens for OVO's word about the
    /// numbers until OVO's time is over.
    pub started: bool,
    /// Whether a lying decline is a 26: OVO could not deliver the prompt.
    pub undelivered: bool,
    /// Whether the foreign sale is another day's: OVO may find none on ours.
    pub other_day: bool,
    /// Whether OVO's answers may repeat so little, or so much else, that they tell nothing certain, and
    /// what it approved may not be what its record shows.
    pub sloppy: bool,
    /// Whether OVO may acknowledge a reversal or a void and not act.
    pub hollow: bool,
    /// Whether what an operator closes may have been returned outside of OVO.
    pub outside: bool,
    /// Copies of the journal that are made, and put back later in its place.
    pub copies: u8,
}

impl Setting {
    /// Nothing goes wrong; two processes.
    pub fn calm() -> Setting {
        Setting {
            policy: Policy::default(),
            fault: None,
            processes: 2,
            second_caller: false,
            crashes: 0,
            losses: 0,
            duplicates: 0,
            reboots: 0,
            lying_declines: false,
            foreign_sale: false,
            attested: true,
            reversed_by_ovo: false,
            checks: Checks::Told,
            delay: Delay::Bounded,
            voids: 0,
            manual_checks: 0,
            settlement_file: false,
            operator: false,
            impatient: false,
            cancels: 0,
            started: false,
            undelivered: false,
            other_day: false,
            sloppy: false,
            hollow: false,
            outside: false,
            copies: 0,
        }
    }

    /// Crashes, losses and duplicates, as many as given.
    pub fn faults(crashes: u8, losses: u8, duplicates: u8) -> Setting {
        Setting { crashes, losses, duplicates, ..Setting::calm() }
    }

    /// The world that shows a mutant, as small as it may be.
    pub fn of(world: World) -> Setting {
        let one_of_each = Setting::faults(1, 1, 1);
        let foreign = Setting { foreign_sale: true, attested: false, ..one_of_each.clone() };
        match world {
            World::Ordinary => one_of_each,
            World::LyingDeclines => Setting { lying_declines: true, ..one_of_each },
            World::ForeignSale => foreign,
            World::ForeignSaleUnderAttestedNumbers => {
                Setting { attested: true, checks: Checks::MayBeRefused, ..foreign }
            }
            World::NoCheckPayment => one_of_each.with_checks(Checks::NotContracted),
            World::ForeignSaleWithoutChecks => foreign.with_checks(Checks::NotContracted),
            World::ReversedByOvo => Setting { reversed_by_ovo: true, ..one_of_each },
            World::DelayBeyondBound => Setting { delay: Delay::BeyondBound, ..one_of_each },
            World::Reboots => Setting { reboots: 1, ..Setting::faults(0, 1, 0) },
            World::ManualChecks => {
                Setting { lying_declines: true, manual_checks: 1, ..Setting::faults(0, 1, 0) }
            }
            World::Voids => Setting { voids: 2, ..Setting::faults(0, 1, 1) },
            World::RefusedVoids => {
                Setting { voids: 1, checks: Checks::MayBeRefused, ..Setting::faults(0, 1, 1) }
            }
            World::TwoPayments => Setting::calm(),
            World::Cancels => Setting { cancels: 1, ..one_of_each },
            World::Undelivered => {
                Setting { lying_declines: true, undelivered: true, ..one_of_each }
                    .with_checks(Checks::NotContracted)
            }
            World::ForeignSaleOfAnotherDay => {
                Setting { attested: true, other_day: true, manual_checks: 1, ..foreign }
            }
            World::AskedBehindVoids => {
                Setting { voids: 1, manual_checks: 1, ..Setting::faults(0, 1, 0) }
            }
            World::HollowVoids => Setting { hollow: true, ..Setting::of(World::AskedBehindVoids) },
            World::SloppyOvo => {
                Setting { sloppy: true, manual_checks: 1, ..Setting::faults(0, 1, 0) }
            }
            World::CancelledForeignSale => Setting {
                cancels: 1,
                started: true,
                manual_checks: 0,
                ..Setting::of(World::ForeignSaleOfAnotherDay)
            },
            World::OverdueRulings => Setting {
                operator: true,
                outside: true,
                settlement_file: true,
                ..Setting::faults(0, 1, 1)
            },
            World::Copies => Setting {
                copies: 1,
                operator: true,
                settlement_file: true,
                ..Setting::faults(0, 1, 0)
            },
            World::Operators => Setting {
                operator: true,
                ..Setting::faults(0, 1, 1).with_checks(Checks::NotContracted)
            },
        }
    }

    /// The worlds that show `mutant`, with the mutant in them: ever larger ones, so that the first
    /// that shows it tells a short story in a short time.
    pub fn with_mutant(mutant: Mutant) -> Vec<Setting> {
        let mut world = Setting::of(mutant.world());
        world.policy.mutant = mutant.policy();
        world.fault = mutant.driver();
        if world.fault == Some(DriverFault::DelayWithoutBound) {
            world.delay = Delay::Unbounded;
        }
        let sized = |processes, crashes, losses, duplicates| Setting {
            processes,
            crashes,
            losses,
            duplicates,
            ..world.clone()
        };
        let mut sizes = vec![
            sized(1, 0, 0, 0),
            sized(1, 0, 1, 0),
            sized(1, 1, 1, 1),
            sized(2, 0, 0, 0),
            sized(2, 1, 1, 0),
        ];
        if mutant.world() == World::TwoPayments {
            sizes.drain(..3);
        }
        sizes
    }

    /// With or without status checks.
    #[must_use]
    pub fn with_checks(mut self, checks: Checks) -> Setting {
        self.checks = checks;
        self.policy.check_payment = checks != Checks::NotContracted;
        self
    }

    /// With the merchant's choice about late successes.
    #[must_use]
    pub fn with_late_success(mut self, late_success: LateSuccess) -> Setting {
        self.policy.late_success = late_success;
        self
    }

    /// Whether nothing in this world is a reason to trouble an operator.
    pub fn is_unambiguous(&self) -> bool {
        !self.foreign_sale
            && !self.reversed_by_ovo
            && self.voids == 0
            && !self.sloppy
            && self.copies == 0
            && (self.checks == Checks::Told || (self.attested && self.duplicates == 0))
    }
}
