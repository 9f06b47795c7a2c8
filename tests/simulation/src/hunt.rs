//! How many histories it takes until a mutant is noticed.

use ovo_mutants::{DriverFault, Mutant};

use crate::canary::Canary;
use crate::history::History;
use crate::plan::Plan;

/// A mutant that was noticed.
#[derive(Clone, Debug)]
pub struct Find {
    /// The seed whose history broke a rule, which is also how many it took.
    pub histories: u64,
    /// The first rule that it broke.
    pub broken: String,
}

/// Runs histories with a mutant in place until one of them breaks a rule, at most `most`.
pub fn hunt(mutant: Mutant, most: u64) -> Option<Find> {
    (1..=most).find_map(|seed| {
        let plan = Plan::for_mutant(seed, mutant);
        let verdict = History::with(plan, Canary(Some(mutant)), false);
        let broken = verdict.broken.into_iter().next()?;
        // It must be the mutant that did it. M13 is a world, not a client: what it is compared with
        // is the same history in which pushes keep to the bound.
        let mut plan = Plan::for_mutant(seed, mutant);
        if mutant.driver() == Some(DriverFault::DelayWithoutBound) {
            plan.odds.beyond_bound = 0;
        }
        let real = History::with(plan, Canary(None), false);
        if !real.broken.is_empty() {
            return None;
        }
        Some(Find { histories: seed, broken })
    })
}
