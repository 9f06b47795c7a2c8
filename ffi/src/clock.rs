//! A clock of the caller's.

use std::ffi::c_void;
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
    /// Milliseconds since the device started. Must count while it sleeps, must never be set.
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
    const FIRST: usize = size_of::<ovo_clock>();
}

/// The same for the core.
#[derive(Clone)]
pub(crate) struct OwnClock {
    userdata: Userdata,
    boottime: unsafe extern "C-unwind" fn(*mut c_void) -> u64,
    wall: unsafe extern "C-unwind" fn(*mut c_void) -> i64,
    sleep: unsafe extern "C-unwind" fn(*mut c_void, u32),
    boot_id: String,
}

impl OwnClock {
    pub(crate) fn of(clock: &ovo_clock) -> Result<OwnClock, Failure> {
        Ok(OwnClock {
            userdata: Userdata(clock.userdata),
            boottime: clock.boottime_ms.ok_or_else(|| Failure::null("boottime_ms"))?,
            wall: clock.wall_ms.ok_or_else(|| Failure::null("wall_ms"))?,
            sleep: clock.sleep_ms.ok_or_else(|| Failure::null("sleep_ms"))?,
            boot_id: clock.boot_id.read("boot_id", 128)?.to_owned(),
        })
    }
}

impl Clock for OwnClock {
    fn boottime(&self) -> Boottime {
        // SAFETY: the header's duties of `ovo_clock`; so below.
        Boottime(inside(|| unsafe { (self.boottime)(self.userdata.0) }))
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
