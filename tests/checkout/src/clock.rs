//! A clock that stands still until somebody waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use ovo_ptp::payment::Boottime;
use ovo_ptp::{Clock, WallTime};
use ovo_sandbox::Now;

use crate::wire::lock;

/// 2026-03-02 10:00:00 WIB.
const MORNING: i64 = 1_772_420_400_000;
/// OVO's milliseconds at that moment.
const BEGINNING: u64 = 10_000_000;

struct Times {
    /// OVO's milliseconds: they never stop, jump or go back.
    world_ms: u64,
    /// The terminal's boottime is `world_ms` less this.
    booted_at_ms: u64,
    boots: u32,
    /// The terminal's wall clock is OVO's plus this.
    wall_offset_ms: i64,
}

type Act = Box<dyn FnOnce() + Send>;

/// Waits until OVO's clock shows these milliseconds by giving the turn to others, who let that time
/// come; `false` if the caller is nobody who takes turns.
pub type Turns = fn(u64) -> bool;

/// The terminal's clocks and OVO's, simulated.
pub struct SimClock {
    times: Mutex<Times>,
    /// Who else may use the time that somebody waits.
    turns: OnceLock<Turns>,
    /// What happens at which time; what is planned for one time, in the order of planning.
    agenda: Mutex<BTreeMap<u64, VecDeque<Act>>>,
}

impl Default for SimClock {
    fn default() -> Self {
        let times = Times { world_ms: BEGINNING, booted_at_ms: 0, boots: 1, wall_offset_ms: 0 };
        SimClock { times: Mutex::new(times), turns: OnceLock::new(), agenda: Mutex::default() }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl SimClock {
    /// OVO's time.
    pub fn world(&self) -> Now {
        let ms = lock(&self.times).world_ms;
        Now { ms, wall: MORNING + i64::try_from(ms - BEGINNING).unwrap_or(0) }
    }

    /// From now on whoever waits gives the turn to others.
    pub fn take_turns(&self, turns: Turns) {
        // The first says it for good.
        let _ = self.turns.set(turns);
    }

    /// Plans something for the moment at which so much time has passed. It happens on whichever
    /// thread lets that time pass; what it waits for itself passes for everybody.
    pub fn later(&self, after: Duration, act: impl FnOnce() + Send + 'static) {
        let at = self.world().ms + millis(after);
        lock(&self.agenda).entry(at).or_default().push_back(Box::new(act));
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        self.pass_until(self.world().ms.saturating_add(millis(duration)));
    }

    /// Lets time pass until OVO's clock shows `ms`, and what is planned until then happen.
    pub fn pass_until(&self, ms: u64) {
        if self.turns.get().is_some_and(|turns| turns(ms)) {
            return;
        }
        loop {
            let due = {
                let mut agenda = lock(&self.agenda);
                agenda.first_entry().filter(|first| *first.key() <= ms).map(|mut first| {
                    let (at, act) = (*first.key(), first.get_mut().pop_front());
                    if first.get().is_empty() {
                        first.remove();
                    }
                    (at, act)
                })
            };
            let Some((at, act)) = due else { break };
            self.move_to(at);
            if let Some(act) = act {
                act();
            }
        }
        self.move_to(ms);
    }

    fn move_to(&self, ms: u64) {
        let mut times = lock(&self.times);
        times.world_ms = times.world_ms.max(ms);
    }

    /// The terminal restarts: its boottime begins again.
    pub fn reboot(&self) {
        let mut times = lock(&self.times);
        times.booted_at_ms = times.world_ms;
        times.boots += 1;
    }

    /// The terminal sleeps, and its boottime with it: a clock that does not count suspend.
    pub fn sleep_uncounted(&self, duration: Duration) {
        self.pass(duration);
        lock(&self.times).booted_at_ms += millis(duration);
    }

    /// Sets the terminal's wall clock this far from OVO's.
    pub fn set_wall_offset(&self, offset_ms: i64) {
        lock(&self.times).wall_offset_ms = offset_ms;
    }

    /// Sets the terminal's wall clock to this time since 1970, from where it goes on.
    pub fn set_wall(&self, unix_ms: i64) {
        self.set_wall_offset(unix_ms - self.world().wall);
    }

    /// Moves to the next time OVO's wall clock shows this WIB time of day.
    pub fn pass_until_wib(&self, hour: i64, minute: i64, second: i64) {
        let of_day = ((hour * 60 + minute) * 60 + second) * 1000;
        let now = WallTime::from_unix_millis(self.world().wall).wib_millis_of_day();
        let ahead = (of_day - now).rem_euclid(86_400_000);
        self.pass(Duration::from_millis(u64::try_from(ahead).unwrap_or(0)));
    }

    /// Moves to midnight WIB of the next such day of a year.
    pub fn pass_until_date(&self, month: u32, day: u32) {
        self.pass_until_wib(0, 0, 0);
        for _ in 0..366 * 8 {
            let (_, this_month, today) = WallTime::from_unix_millis(self.world().wall).wib_date();
            if (this_month, today) == (month, day) {
                return;
            }
            self.pass(Duration::from_secs(86_400));
        }
        panic!("no such day: {month}-{day}");
    }
}

impl Clock for SimClock {
    fn boottime(&self) -> Boottime {
        let times = lock(&self.times);
        Boottime(times.world_ms - times.booted_at_ms)
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", lock(&self.times).boots)
    }

    fn wall(&self) -> WallTime {
        let offset = lock(&self.times).wall_offset_ms;
        WallTime::from_unix_millis(self.world().wall + offset)
    }

    fn sleep(&self, duration: Duration) {
        // A wait of nothing still lets the world go on, or a loop could stand still for ever.
        self.pass(duration.max(Duration::from_millis(1)));
    }
}
