//! Time: a clock that cannot be set for every wait, and the wall clock for text.

use std::time::Duration;

use crate::payment::Boottime;
use crate::wib::WallTime;

/// Where the client gets its time from. Public so that simulators and firmware can bring their own.
pub trait Clock: Send + Sync {
    /// Milliseconds since boot, **suspend included**. `Instant` will not do: on Linux it stops
    /// while the machine sleeps ([policy 1.7]).
    ///
    /// [policy 1.7]: crate::manual::policy#17-the-usual-clock-stops-while-the-machine-sleeps
    fn boottime(&self) -> Boottime;

    /// A text that is the same as long as `boottime` goes on and differs after a reboot.
    fn boot_id(&self) -> String;

    /// Whether every process of the machine gets the same [`boot_id`](Self::boot_id). Without that
    /// no two of them can share a journal.
    fn names_the_machines_boot(&self) -> bool {
        true
    }

    /// The wall clock.
    fn wall(&self) -> WallTime;

    /// Waits. May return early, never because the wall clock was set.
    fn sleep(&self, duration: Duration);
}

/// The machine's clocks.
///
/// On Linux `CLOCK_BOOTTIME` and the kernel's boot id. Elsewhere a monotonic clock that starts with
/// the process: every restart then waits its windows in full, and a suspend makes waits longer,
/// never shorter ([fault T7]).
///
/// [fault T7]: crate::manual::faults#t-time
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(target_os = "linux")]
impl Clock for SystemClock {
    fn boottime(&self) -> Boottime {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let millis = time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000);
        Boottime(u64::try_from(millis).unwrap_or(0))
    }

    fn boot_id(&self) -> String {
        // Without the kernel's id no elapsed time is trusted over a restart of the process.
        kernels_boot_id().unwrap_or_else(process_id)
    }

    fn names_the_machines_boot(&self) -> bool {
        kernels_boot_id().is_some()
    }

    fn wall(&self) -> WallTime {
        WallTime::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[cfg(not(target_os = "linux"))]
impl Clock for SystemClock {
    fn boottime(&self) -> Boottime {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        let elapsed = START.get_or_init(Instant::now).elapsed();
        Boottime(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    fn boot_id(&self) -> String {
        process_id()
    }

    fn names_the_machines_boot(&self) -> bool {
        false
    }

    fn wall(&self) -> WallTime {
        WallTime::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[cfg(target_os = "linux")]
fn kernels_boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// A name for this process's run.
fn process_id() -> String {
    use std::sync::OnceLock;
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let mut bytes = [0u8; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(_) => format!("{}-{}", std::process::id(), WallTime::now().unix_millis()),
        }
    })
    .clone()
}
