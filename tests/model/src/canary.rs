//! The mutants: each must be caught, or the checker is blind.

use std::time::Duration;

use ovo_mutants::{Mutant, World};

use crate::audit::INVARIANTS;
use crate::explore::{Found, explore};
use crate::setting::Setting;
use crate::story;

/// How a mutant was caught.
#[derive(Debug)]
pub struct Caught {
    /// The broken invariant.
    pub invariant: &'static str,
    /// Actions of the shortest way to it.
    pub length: usize,
    /// Unique states that were looked at, in all worlds that were tried.
    pub states: usize,
    /// How long that took.
    pub took: Duration,
    /// The way, told.
    pub story: String,
}

impl Caught {
    /// The invariant's short name: `I6`.
    pub fn id(&self) -> &'static str {
        self.invariant.split(' ').next().unwrap_or_default()
    }
}

/// Looks for `mutant` in ever larger worlds, with one thread: the first that shows it tells a
/// shortest story. `None` if none does.
pub fn hunt(mutant: Mutant) -> Option<Caught> {
    if mutant.world() == World::TwoPayments {
        hunt_among::<2>(mutant)
    } else {
        hunt_among::<1>(mutant)
    }
}

fn hunt_among<const N: usize>(mutant: Mutant) -> Option<Caught> {
    let (mut states, mut took) = (0, Duration::ZERO);
    for setting in Setting::with_mutant(mutant) {
        let Found { unique, took: more, broken, .. } = explore::<N>(&setting, 1);
        states += unique;
        took += more;
        if let Some((_, path)) = broken {
            let bits = path.last_state().broken;
            let invariant = INVARIANTS.iter().find(|(bit, _)| bits & bit != 0)?.1;
            let length = path.clone().into_actions().len();
            return Some(Caught { invariant, length, states, took, story: story::tell(path) });
        }
    }
    None
}
