//! Real time to the host's time and back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::now::Now;

/// A hundred years.
pub(super) const MOST_OFFSET_MS: i64 = 100 * 365 * 86_400_000;

/// The host's clock. With a scale of 0.02, 55 s of the host take 1.1 s of real time; the wall time
/// is never scaled, because clients sign and date with their own.
pub(super) struct HostClock {
    start: Instant,
    scale: f64,
    wall_offset_ms: AtomicI64,
}

impl HostClock {
    pub(super) fn new(scale: f64, wall_offset_ms: i64) -> HostClock {
        HostClock {
            start: Instant::now(),
            // A scale of nothing would make every session end before it starts.
            scale: if scale > 0.0 { scale } else { 1.0 },
            wall_offset_ms: AtomicI64::new(wall_offset_ms.clamp(-MOST_OFFSET_MS, MOST_OFFSET_MS)),
        }
    }

    pub(super) fn now(&self) -> Now {
        let real_ms = self.start.elapsed().as_secs_f64() * 1000.0;
        Now { ms: (real_ms / self.scale) as u64, wall: self.wall_ms() }
    }

    /// The real instant of a moment of the host.
    pub(super) fn instant(&self, host_ms: u64) -> Instant {
        // A hair later, so that rounding does not bring the caller back a moment too early.
        self.start + self.real(host_ms) + Duration::from_micros(20)
    }

    /// How long a span of the host's time really takes.
    pub(super) fn real(&self, host_ms: u64) -> Duration {
        // Beyond a year nothing is waited for.
        Duration::from_secs_f64((host_ms as f64 * self.scale / 1000.0).min(31_536_000.0))
    }

    pub(super) fn wall_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis())
            .unwrap_or(i64::MAX)
            .saturating_add(self.wall_offset_ms.load(Ordering::Relaxed))
    }

    /// Real time over the host's.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Beyond a century no date could be written: an offset is drawn to that.
    pub(super) fn set_wall_offset(&self, offset_ms: i64) {
        let offset_ms = offset_ms.clamp(-MOST_OFFSET_MS, MOST_OFFSET_MS);
        self.wall_offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// The `Date` header, by the host's own (possibly wrong) clock.
    pub(super) fn date_header(&self) -> String {
        let wall = u64::try_from(self.wall_ms()).unwrap_or(0);
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(wall))
    }
}
