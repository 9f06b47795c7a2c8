//! The moment of a call: the engine itself has no clock.

/// When something happens. The engine takes both readings from its caller, so that it runs
/// unchanged under a simulated clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since any origin; never goes back. Sessions, delays and scripts count on it.
    pub ms: u64,
    /// Unix time in milliseconds. The calendar (void day, seven days), `hostTime` and the
    /// signature's clock window count on it.
    pub wall: i64,
}

impl Now {
    /// The engine's time this much later. A script may ask for any delay: beyond the end of time is
    /// never.
    pub(crate) fn later(self, ms: u64) -> u64 {
        self.ms.saturating_add(ms)
    }
}
