//! A wrong policy in place of [`step`]: the canaries of the proofs.
//!
//! A checker is worth something only if it catches the policy that breaks a rule. The proofs wrap
//! [`step`] in functions that break one rule each and run the same model, the same client and the
//! same journal over them. Only under `--cfg ovo_mutants`, which this checkout sets for itself
//! (`.cargo/config.toml`) and which no dependent can turn on as it could a feature; and never in a build
//! without debug assertions, so that what is shipped has no such door.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::payment::input::Input;
use crate::payment::state::{Boottime, State};
use crate::payment::step::Step;
use crate::payment::timers::Policy;

/// A function to be called instead of [`step`](crate::payment::step).
///
/// It is called with a policy that has no mutant, so it may call `step` itself.
#[derive(Clone, Copy)]
pub struct Mutant(pub fn(&Policy, &State, Input, Boottime) -> Step);

impl Mutant {
    pub(super) fn step(self, policy: &Policy, state: &State, input: Input, now: Boottime) -> Step {
        (self.0)(&Policy { mutant: None, ..*policy }, state, input, now)
    }
}

impl PartialEq for Mutant {
    fn eq(&self, other: &Mutant) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Mutant {}

impl Hash for Mutant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0 as usize).hash(state);
    }
}

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutant")
    }
}
