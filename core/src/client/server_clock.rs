//! OVO's clock, learnt from the `Date` header of its TLS-authenticated answers and carried forward
//! by a clock that cannot be set. The void's day is judged by it and by nothing else (b.8).

use std::sync::Mutex;

use crate::message::Response;
use crate::payment::{Boottime, Payment};
use crate::wib::WallTime;

/// A void is not begun in the last two minutes of the day (b.8): OVO takes it until 23:59:59.
const LAST_VOID_MS: i64 = (23 * 60 + 58) * 60_000;
/// How far the host's time of a sale may lie from the push for both to be the same event.
const SAME_EVENT_SECONDS: i64 = 15 * 60;

#[derive(Default)]
pub(super) struct ServerClock {
    /// Unix milliseconds at boottime zero.
    origin: Mutex<Option<i64>>,
}

impl ServerClock {
    pub(super) fn learn(&self, unix_seconds: i64, now: Boottime) {
        let origin = unix_seconds.saturating_mul(1000).saturating_sub_unsigned(now.0);
        *self.origin.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(origin);
    }

    /// OVO's time, if an answer has told it.
    pub(super) fn now(&self, now: Boottime) -> Option<WallTime> {
        let origin = *self.origin.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        origin.map(|origin| WallTime::from_unix_millis(origin.saturating_add_unsigned(now.0)))
    }

    /// Whether `payment` may still be voided. Without a trusted clock the host decides.
    pub(super) fn void_in_time(&self, payment: &Payment, now: Boottime) -> bool {
        let Some(today) = self.now(now) else { return true };
        let (_, month, day) = today.wib_date();
        let same_day = match payment.evidence.host_date.as_deref() {
            // No year: two payments a year apart share it, so the Intent must be near too.
            Some(host_date) => {
                host_date == format!("{month:02}{day:02}")
                    && today.wib_day().abs_diff(payment.intent.wall.wib_day()) < 180
            }
            None => today.wib_day() == payment.intent.wall.wib_day(),
        };
        same_day && today.wib_millis_of_day() < LAST_VOID_MS
    }
}

/// Whether the host's own date and time of a sale fit a push made at `pushed`; `None` if the
/// answer has none. The missing year is the one that brings the two nearest.
pub(super) fn host_time_fits(response: &Response, pushed: WallTime) -> Option<bool> {
    let (date, time) = (response.host_date.as_deref()?, response.host_time.as_deref()?);
    let number = |text: &str, at: usize| text.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (number(date, 0)?, number(date, 2)?);
    let (hour, minute, second) = (number(time, 0)?, number(time, 2)?, number(time, 4)?);
    let (_, pushed_month, pushed_day) = pushed.wib_date();
    let of_day = hour * 3600 + minute * 60 + second;
    let pushed_of_day = pushed.wib_millis_of_day() / 1000;
    let same_date = (month, day) == (i64::from(pushed_month), i64::from(pushed_day));
    let near = if same_date {
        (of_day - pushed_of_day).abs() <= SAME_EVENT_SECONDS
    } else {
        // Around midnight the dates differ by a day; a difference of hours is another sale anyway.
        let (_, next_month, next_day) =
            WallTime::from_unix_millis(pushed.unix_millis() + 86_400_000).wib_date();
        let (_, last_month, last_day) =
            WallTime::from_unix_millis(pushed.unix_millis() - 86_400_000).wib_date();
        let day_seconds = 86_400;
        if (month, day) == (i64::from(next_month), i64::from(next_day)) {
            of_day + day_seconds - pushed_of_day <= SAME_EVENT_SECONDS
        } else if (month, day) == (i64::from(last_month), i64::from(last_day)) {
            pushed_of_day + day_seconds - of_day <= SAME_EVENT_SECONDS
        } else {
            false
        }
    };
    Some(near)
}
