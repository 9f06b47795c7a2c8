//! OVO's clock, learnt from the `Date` header of its TLS-authenticated answers and carried forward
//! by a clock that cannot be set. The wish for a void is judged by it alone; sending it again by the till's
//! clock where OVO tells no time (policy 2.8).

use std::sync::Mutex;

use crate::lock::lock;
use crate::message::Response;
use crate::payment::{Boottime, Payment};
use crate::wib::WallTime;

/// A void is not begun in the last two minutes of the day (policy 2.8): OVO takes it until
/// 23:59:59.
const LAST_VOID_MS: i64 = (23 * 60 + 58) * 60_000;
/// How much earlier than the push the host's time of the sale may be, for clocks that differ.
const SAME_EVENT_MS: i64 = 15 * 60_000;

#[derive(Default)]
pub(super) struct ServerClock {
    /// Unix milliseconds at boottime zero.
    origin: Mutex<Option<i64>>,
}

impl ServerClock {
    pub(super) fn learn(&self, unix_seconds: i64, now: Boottime) {
        let origin = unix_seconds.saturating_mul(1000).saturating_sub_unsigned(now.0);
        *lock(&self.origin) = Some(origin);
    }

    /// OVO's time, if an answer has told it.
    pub(super) fn now(&self, now: Boottime) -> Option<WallTime> {
        let origin = *lock(&self.origin);
        origin.map(|origin| WallTime::from_unix_millis(origin.saturating_add_unsigned(now.0)))
    }

    /// Whether `payment` may still be voided. Without a trusted clock the host decides.
    pub(super) fn void_in_time(&self, payment: &Payment, now: Boottime) -> bool {
        self.now(now).is_none_or(|today| is_voidable(payment, today))
    }

    /// Whether its void may still be sent again. Nobody asked for that, so that a clock of one's own is
    /// better than none: what was sent today is not sent again tomorrow.
    pub(super) fn void_again_in_time(
        &self,
        payment: &Payment,
        now: Boottime,
        wall: WallTime,
    ) -> bool {
        is_voidable(payment, self.now(now).unwrap_or(wall))
    }
}

fn is_voidable(payment: &Payment, today: WallTime) -> bool {
    let (_, month, day) = today.wib_date();
    let is_month_and_day =
        |date: &&str| date.len() == 4 && date.bytes().all(|digit| digit.is_ascii_digit());
    // A date of another shape is none (B13).
    let same_day = match payment.evidence.host_date.as_deref().filter(is_month_and_day) {
        // No year: two payments a year apart share it, so the Intent must be near too.
        Some(host_date) => {
            host_date == format!("{month:02}{day:02}")
                && today.wib_day().abs_diff(payment.intent.wall.wib_day()) < 180
        }
        None => today.wib_day() == payment.intent.wall.wib_day(),
    };
    same_day && today.wib_millis_of_day() < LAST_VOID_MS
}

/// Whether the host's own date and time can be those of a push made at `pushed`; `None` if the
/// answer has none.
///
/// Only an **earlier** time speaks against it: the numbers then named a sale before this push was
/// made. A later one may be the time of the check itself; OVO does not say which it tells.
pub(super) fn host_time_fits(response: &Response, pushed: WallTime) -> Option<bool> {
    let (date, time) = (response.host_date.as_deref()?, response.host_time.as_deref()?);
    let number = |text: &str, at: usize| text.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (number(date, 0)?, number(date, 2)?);
    let (hour, minute, second) = (number(time, 0)?, number(time, 2)?, number(time, 4)?);
    let earliest = WallTime::from_unix_millis(pushed.unix_millis() - SAME_EVENT_MS);
    let (_, earliest_month, earliest_day) = earliest.wib_date();
    // Seconds since the year began, had every month 31 days: it keeps the order, which is all that
    // is asked. The missing year is the one that brings the two nearest.
    let of_year = |month: i64, day: i64, of_day: i64| (month * 31 + day) * 86_400 + of_day;
    let year = of_year(12, 0, 0);
    let told = of_year(month, day, hour * 3600 + minute * 60 + second);
    let bound =
        of_year(earliest_month.into(), earliest_day.into(), earliest.wib_millis_of_day() / 1000);
    Some((told - bound).rem_euclid(year) < year / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(host_date: &str, host_time: &str, pushed: i64) -> Option<bool> {
        let body =
            format!(r#"{{"responseCode":"00","hostDate":"{host_date}","hostTime":"{host_time}"}}"#);
        let response = Response::read(body.as_bytes()).unwrap();
        host_time_fits(&response, WallTime::from_unix_millis(pushed))
    }

    /// 2026-01-01 00:05:00 WIB.
    const NEW_YEAR: i64 = 1_767_200_700_000;

    #[test]
    fn t6_a_sale_before_the_push_is_another_one_also_over_the_year_s_end() {
        assert_eq!(fits("0101", "000501", NEW_YEAR), Some(true));
        assert_eq!(fits("1231", "235100", NEW_YEAR), Some(true), "within fifteen minutes");
        assert_eq!(fits("1231", "234900", NEW_YEAR), Some(false));
        assert_eq!(fits("1225", "120000", NEW_YEAR), Some(false));
        assert_eq!(fits("0108", "120000", NEW_YEAR), Some(true), "the check's own time");
    }

    #[test]
    fn b13_a_host_date_of_another_shape_refuses_no_void() {
        use crate::journal::MemoryJournal;
        use crate::journal::conformance::{charge, fresh};
        let mut payment = fresh(&MemoryJournal::new(), &charge(1));
        let clock = ServerClock::default();
        clock.learn(payment.intent.wall.unix_millis() / 1000, Boottime(0));
        let (_, month, day) = payment.intent.wall.wib_date();
        let today = format!("{month:02}{day:02}");
        let in_time = |payment: &Payment| clock.void_in_time(payment, Boottime(60_000));
        for date in ["", "03-02", "2026-03-02", "20260302", "02/03", "MAR02", &today] {
            payment.evidence.host_date = Some(date.to_owned());
            assert!(in_time(&payment), "{date:?}");
        }
        payment.evidence.host_date = Some("0101".to_owned());
        assert!(!in_time(&payment), "another day");
    }

    #[test]
    fn vd3_where_the_host_tells_no_time_a_void_is_wished_for_but_not_sent_again_the_next_day() {
        use crate::journal::MemoryJournal;
        use crate::journal::conformance::{charge, fresh};
        let payment = fresh(&MemoryJournal::new(), &charge(1));
        let (clock, now) = (ServerClock::default(), Boottime(60_000));
        let pushed = payment.intent.wall;
        let tomorrow = WallTime::from_unix_millis(pushed.unix_millis() + 86_400_000);
        assert!(clock.void_in_time(&payment, now));
        assert!(clock.void_again_in_time(&payment, now, pushed));
        assert!(!clock.void_again_in_time(&payment, now, tomorrow));
    }

    #[test]
    fn a_host_that_tells_no_time_says_nothing() {
        assert_eq!(fits("", "000501", NEW_YEAR), None);
        assert_eq!(fits("0101", "soon", NEW_YEAR), None);
    }
}
