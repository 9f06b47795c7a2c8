//! A clock of the caller's.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ptp::payment::Boottime;
use ptp::{Clock, WallTime};

use crate::argument::{Sized32, Text};
use crate::callback::Userdata;
use crate::code::Failure;
use crate::guard::inside;

/// A clock of the caller's, for tests and for systems whose clocks the library does not know.
/// Begin with `OVO_CLOCK_INIT`. Its functions are called often, on the threads of
/// `ovo_log_fn`, with the same duties.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_clock {
    /// Size of this struct in bytes, set by `OVO_CLOCK_INIT`.
    pub size: u32,
    /// Always 0.
    pub reserved: i32,
    /// Handed back to the functions.
    pub userdata: *mut c_void,
    /// Milliseconds since the device started. Must count while it sleeps, must never be set. A tick
    /// of 32 bits may wrap (every 49.7 days) while a client is open; before a client is opened
    /// again after a wrap, `boot_id` must change.
    pub boottime_ms: Option<unsafe extern "C-unwind" fn(userdata: *mut c_void) -> u64>,
    /// Milliseconds since 1970-01-01 UTC.
    pub wall_ms: Option<unsafe extern "C-unwind" fn(userdata: *mut c_void) -> i64>,
    /// Waits. May return early.
    pub sleep_ms: Option<unsafe extern "C-unwind" fn(userdata: *mut c_void, milliseconds: u32)>,
    /// A text that is the same as long as `boottime_ms` goes on and another one after a restart.
    /// Copied by `ovo_config_set_clock`.
    pub boot_id: Text,
}

// SAFETY: repr(C), its size in front; zeroes are NULL pointers and missing functions.
unsafe impl Sized32 for ovo_clock {
    const SIZES: &'static [usize] = &[8 + 5 * size_of::<*const ()>()];
}

/// The same for the core.
#[derive(Clone)]
pub(crate) struct OwnClock {
    userdata: Userdata,
    boottime: unsafe extern "C-unwind" fn(*mut c_void) -> u64,
    unwrapped: Arc<Mutex<Unwrapped>>,
    wall: unsafe extern "C-unwind" fn(*mut c_void) -> i64,
    sleep: unsafe extern "C-unwind" fn(*mut c_void, u32),
    boot_id: String,
}

/// The time behind a tick that may have 32 bits only (T8). It never goes back.
#[derive(Default)]
struct Unwrapped {
    tick: u64,
    wraps: u64,
}

impl Unwrapped {
    fn goes_to(&mut self, tick: u64) -> u64 {
        const RANGE: u64 = 1 << 32;
        if tick < self.tick {
            let wrapped = self.tick < RANGE && self.tick - tick > RANGE / 2;
            if wrapped {
                self.wraps += 1;
            } else {
                // Set back, against the rule: time stands still until it has caught up.
                return self.tick + self.wraps * RANGE;
            }
        }
        self.tick = tick;
        tick + self.wraps * RANGE
    }
}

impl OwnClock {
    pub(crate) fn of(clock: &ovo_clock) -> Result<OwnClock, Failure> {
        Ok(OwnClock {
            userdata: Userdata(clock.userdata),
            boottime: clock.boottime_ms.ok_or_else(|| Failure::null("boottime_ms"))?,
            unwrapped: Arc::default(),
            wall: clock.wall_ms.ok_or_else(|| Failure::null("wall_ms"))?,
            sleep: clock.sleep_ms.ok_or_else(|| Failure::null("sleep_ms"))?,
            boot_id: clock.boot_id.read("boot_id", 128)?.to_owned(),
        })
    }
}

impl Clock for OwnClock {
    fn boottime(&self) -> Boottime {
        // Read under the lock: readings that overtake each other would look like a wrap.
        let mut unwrapped = self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the header's duties of `ovo_clock`; so below.
        let tick = inside(|| unsafe { (self.boottime)(self.userdata.0) });
        Boottime(unwrapped.goes_to(tick))
    }

    fn boot_id(&self) -> String {
        self.boot_id.clone()
    }

    fn wall(&self) -> WallTime {
        // SAFETY: as above.
        WallTime::from_unix_millis(inside(|| unsafe { (self.wall)(self.userdata.0) }))
    }

    fn sleep(&self, duration: Duration) {
        let millis = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: as above.
        inside(|| unsafe { (self.sleep)(self.userdata.0, millis) });
    }
}

#[cfg(test)]
mod tests {
    use super::Unwrapped;

    #[test]
    fn t8_a_tick_of_32_bits_wraps_and_time_goes_on() {
        let mut time = Unwrapped::default();
        let top = u64::from(u32::MAX);
        assert_eq!(time.goes_to(top - 10), top - 10);
        assert_eq!(time.goes_to(5), top + 6);
        assert_eq!(time.goes_to(3), top + 6, "set back a little: it stands still");
        assert_eq!(time.goes_to(70_000), top + 70_001);
        assert_eq!(time.goes_to(top), 2 * top + 1);
        assert_eq!(time.goes_to(0), 2 * top + 2);
    }

    #[test]
    fn t8_a_tick_of_64_bits_that_is_set_back_is_no_wrap() {
        let mut time = Unwrapped::default();
        let month_60 = 60 * 30 * 86_400_000;
        assert_eq!(time.goes_to(month_60), month_60);
        assert_eq!(time.goes_to(1), month_60);
        assert_eq!(time.goes_to(month_60 + 1), month_60 + 1);
    }
}
