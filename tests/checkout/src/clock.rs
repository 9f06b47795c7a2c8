//! A clock that stands still until somebody waits.

use std::sync::Mutex;
use std::time::Duration;

use ovo_ptp::payment::Boottime;
use ovo_ptp::{Clock, WallTime};
use ovo_sandbox::Now;

/// 2026-03-02 10:00:00 WIB.
const MORNING: i64 = 1_772_420_400_000;

struct Times {
    /// OVO's milliseconds: they never stop, jump or go back.
    world_ms: u64,
    /// The terminal's boottime is `world_ms` less this.
    booted_at_ms: u64,
    boots: u32,
    /// The terminal's wall clock is OVO's plus this.
    wall_offset_ms: i64,
}

/// The terminal's clocks and OVO's, simulated.
pub struct SimClock(Mutex<Times>);

impl Default for SimClock {
    fn default() -> Self {
        SimClock(Mutex::new(Times {
            world_ms: 10_000_000,
            booted_at_ms: 0,
            boots: 1,
            wall_offset_ms: 0,
        }))
    }
}

impl SimClock {
    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// OVO's time.
    pub fn world(&self) -> Now {
        let times = self.times();
        Now {
            ms: times.world_ms,
            wall: MORNING + i64::try_from(times.world_ms).unwrap_or(0) - 10_000_000,
        }
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        self.times().world_ms += u64::try_from(duration.as_millis()).unwrap_or(0);
    }

    /// Lets time pass until OVO's clock shows `ms`.
    pub fn pass_until(&self, ms: u64) {
        let mut times = self.times();
        times.world_ms = times.world_ms.max(ms);
    }

    /// The terminal restarts: its boottime begins again.
    pub fn reboot(&self) {
        let mut times = self.times();
        times.booted_at_ms = times.world_ms;
        times.boots += 1;
    }

    /// Sets the terminal's wall clock this far from OVO's.
    pub fn set_wall_offset(&self, offset_ms: i64) {
        self.times().wall_offset_ms = offset_ms;
    }

    /// Moves to the next time OVO's wall clock shows this WIB time of day.
    pub fn pass_until_wib(&self, hour: i64, minute: i64, second: i64) {
        let of_day = ((hour * 60 + minute) * 60 + second) * 1000;
        let now = WallTime::from_unix_millis(self.world().wall).wib_millis_of_day();
        let ahead = (of_day - now).rem_euclid(86_400_000);
        self.pass(Duration::from_millis(u64::try_from(ahead).unwrap_or(0)));
    }
}

impl Clock for SimClock {
    fn boottime(&self) -> Boottime {
        let times = self.times();
        Boottime(times.world_ms - times.booted_at_ms)
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.times().boots)
    }

    fn wall(&self) -> WallTime {
        let world = self.world();
        WallTime::from_unix_millis(world.wall + self.times().wall_offset_ms)
    }

    fn sleep(&self, duration: Duration) {
        // A wait of nothing still lets the world go on, or a loop could stand still for ever.
        self.pass(duration.max(Duration::from_millis(1)));
    }
}
