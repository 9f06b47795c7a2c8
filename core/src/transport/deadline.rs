//! The end of a wait, on the clock that counts suspend time.

use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::payment::Boottime;

/// An instant after which nothing is waited for. `Instant` will not do: on Linux it stops while a
/// terminal sleeps, and 65 seconds could last an afternoon ([policy 1.7]).
///
/// [policy 1.7]: crate::manual::policy#17-the-usual-clock-stops-while-the-machine-sleeps
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Deadline(Boottime);

impl Deadline {
    /// `duration` from now.
    pub(super) fn after(duration: Duration) -> Self {
        Deadline(SystemClock.boottime().plus(duration))
    }

    /// The time left; `None` when there is none.
    pub(super) fn left(self) -> Option<Duration> {
        let left = self.0.since(SystemClock.boottime());
        (!left.is_zero()).then_some(left)
    }

    /// `duration` from now or this deadline, whichever comes first.
    pub(super) fn at_most(self, duration: Duration) -> Self {
        self.min(Deadline::after(duration))
    }
}
