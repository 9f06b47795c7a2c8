//! Time: a clock that cannot be set for every wait, and the wall clock for text.

use std::time::Duration;

use crate::hex::hex;
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
/// On Linux `CLOCK_MONOTONIC_RAW` and the time that the machine slept, with the kernel's boot id: a
/// time daemon may make `CLOCK_BOOTTIME` itself 8 % faster, and 60.5 s would be 55.9. Elsewhere a monotonic clock that starts with
/// the process: every restart then waits its windows in full, and a suspend makes waits longer,
/// never shorter ([fault T7]).
///
/// [fault T7]: crate::manual::faults#t-time
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(target_os = "linux")]
impl Clock for SystemClock {
    fn boottime(&self) -> Boottime {
        use std::sync::atomic::{AtomicU64, Ordering};
        static LATEST: AtomicU64 = AtomicU64::new(0);
        let millis = u64::try_from(unslewed_nanos(nanos) / 1_000_000).unwrap_or(0);
        // The readings are not one: what their order leaves uncertain must not go back.
        Boottime(millis.max(LATEST.fetch_max(millis, Ordering::Relaxed)))
    }

    fn boot_id(&self) -> String {
        // Without the kernel's id no elapsed time is trusted over a restart of the process. The name
        // is this clock's: times that another clock left in a journal mean nothing to it.
        kernels_boot_id().map_or_else(process_id, |id| match own_time() {
            None => format!("{id} unslewed"),
            Some(offsets) => format!("{id} unslewed, {offsets}"),
        })
    }

    fn names_the_machines_boot(&self) -> bool {
        kernels_boot_id().is_some() && own_time().is_none()
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

/// How far this process's clocks are from the machine's, if they are: a container can have a time
/// namespace of its own, under the machine's boot id ([fault MP15]).
///
/// [fault MP15]: crate::manual::faults#mp-several-processes-and-nodes
#[cfg(target_os = "linux")]
fn own_time() -> Option<String> {
    // A kernel without the file has no such namespaces.
    shifted(&std::fs::read_to_string("/proc/self/timens_offsets").ok()?)
}

/// The offsets in the kernel's words, in one line; `None` if all are 0.
#[cfg(target_os = "linux")]
fn shifted(offsets: &str) -> Option<String> {
    let words: Vec<&str> = offsets.split_whitespace().collect();
    words
        .iter()
        .any(|word| word.parse().is_ok_and(|offset: i64| offset != 0))
        .then(|| words.join(" "))
}

/// A name for this process's run.
fn process_id() -> String {
    use std::sync::OnceLock;
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let mut bytes = [0u8; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => hex(&bytes),
            Err(_) => format!("{}-{}", std::process::id(), WallTime::now().unix_millis()),
        }
    })
    .clone()
}

#[cfg(target_os = "linux")]
fn nanos(clock: rustix::time::ClockId) -> i64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// Nanoseconds since boot, suspend included, at the speed of the machine's own oscillator.
///
/// `CLOCK_BOOTTIME` is `CLOCK_MONOTONIC` and the time slept: both are slewed alike, their difference
/// is not, and `CLOCK_MONOTONIC_RAW` is never slewed.
#[cfg(target_os = "linux")]
fn unslewed_nanos(read: impl Fn(rustix::time::ClockId) -> i64) -> i64 {
    use rustix::time::ClockId;
    /// A thread that stood still between two readings would count that time as sleep.
    const AT_ONCE: i64 = 100_000;
    const TRIES: usize = 8;
    let mut slept = (i64::MAX, 0);
    for _ in 0..TRIES {
        let before = read(ClockId::Monotonic);
        let boot = read(ClockId::Boottime);
        let took = read(ClockId::Monotonic) - before;
        if took < slept.0 {
            // From the later of the two, so that it is rather too short: waits then last longer.
            slept = (took, boot - before - took);
        }
        if took <= AT_ONCE {
            break;
        }
    }
    read(ClockId::MonotonicRaw) + slept.1
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::cell::Cell;

    use rustix::time::ClockId;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_time_daemon_that_slews_by_eight_percent_shortens_no_wait() {
        for (slew, slept) in [(108, 0), (92, 0), (108, 600)] {
            let at = |raw: i64, slept: i64| {
                let monotonic = raw * slew / 100;
                unslewed_nanos(|clock| match clock {
                    ClockId::MonotonicRaw => raw,
                    ClockId::Monotonic => monotonic,
                    _ => monotonic + slept,
                })
            };
            let passed = at(1_060 * SECOND, slept * SECOND) - at(1_000 * SECOND, 0);
            assert_eq!(passed, (60 + slept) * SECOND, "{slew} {slept}");
        }
    }

    #[test]
    fn a_thread_that_stands_still_between_the_readings_counts_no_sleep() {
        // Half a second passes at the first two readings of the time since boot.
        let (now, pauses) = (Cell::new(100 * SECOND), Cell::new(2));
        let read = |clock| {
            if clock == ClockId::Boottime && pauses.get() > 0 {
                pauses.set(pauses.get() - 1);
                now.set(now.get() + SECOND / 2);
            }
            now.get()
        };
        assert_eq!(unslewed_nanos(read), 101 * SECOND);
    }

    #[test]
    fn mp15_a_time_namespace_of_its_own_is_another_boot() {
        assert_eq!(
            shifted("monotonic           0         0\nboottime            0         0\n"),
            None
        );
        let own = "monotonic           0         0\nboottime      1000000         0\n";
        assert_eq!(shifted(own).as_deref(), Some("monotonic 0 0 boottime 1000000 0"));
        assert_eq!(shifted(""), None);
    }

    #[test]
    #[ignore = "run by another test"]
    fn child_names_its_boot() {
        println!("boot: {} {}", SystemClock.names_the_machines_boot(), SystemClock.boot_id());
    }

    #[test]
    fn mp15_a_process_restarted_an_hour_later_by_a_container_runtime_waits_its_minute_again() {
        let child = std::process::Command::new("unshare")
            .args(["--time", "--boottime", "3600", "--fork"])
            .arg(std::env::current_exe().unwrap())
            .args(["clock::tests::child_names_its_boot", "--exact", "--ignored", "--nocapture"])
            .output();
        // Not everybody may have a clock of their own.
        let Some(output) = child.ok().filter(|output| output.status.success()) else { return };
        let said = String::from_utf8(output.stdout).unwrap();
        let boot = said.lines().find_map(|line| line.split_once("boot: ")).unwrap().1;
        let there = boot.strip_prefix("false ").expect("nobody else has that clock");
        assert_ne!(there, SystemClock.boot_id());
        assert!(there.contains("boottime 3600"), "{there}");
    }

    #[test]
    fn t7_the_machines_clock_counts_its_sleep_and_never_goes_back() {
        let mut last = SystemClock.boottime();
        for _ in 0..10_000 {
            let now = SystemClock.boottime();
            assert!(now >= last);
            last = now;
        }
        let slept = nanos(ClockId::Boottime) - nanos(ClockId::Monotonic);
        let ours = i64::try_from(last.0).unwrap() * 1_000_000 - nanos(ClockId::MonotonicRaw);
        assert!((ours - slept).abs() < SECOND, "{ours} {slept}");
    }
}
