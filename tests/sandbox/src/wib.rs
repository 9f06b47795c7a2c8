//! Western Indonesian Time, UTC+7 without daylight saving: the zone of every date on the wire
//! (protocol 2.1). Written apart from the core's own, so that a mistake there shows here.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

const WIB_SECONDS: i32 = 7 * 3600;

/// The wall reading `unix_ms` as a WIB calendar time. Readings outside the calendar's range are
/// drawn to its start.
fn calendar(unix_ms: i64) -> OffsetDateTime {
    let offset = UtcOffset::from_whole_seconds(WIB_SECONDS).unwrap_or(UtcOffset::UTC);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(offset)
}

/// The WIB day as a number that grows by one each midnight.
pub(crate) fn day(unix_ms: i64) -> i64 {
    (unix_ms + i64::from(WIB_SECONDS) * 1000).div_euclid(86_400_000)
}

/// Milliseconds since the WIB midnight before.
pub(crate) fn millis_of_day(unix_ms: i64) -> i64 {
    (unix_ms + i64::from(WIB_SECONDS) * 1000).rem_euclid(86_400_000)
}

/// `HHmmss`, as in `hostTime`.
pub(crate) fn host_time(unix_ms: i64) -> String {
    let at = calendar(unix_ms);
    format!("{:02}{:02}{:02}", at.hour(), at.minute(), at.second())
}

/// `MMdd`, as in `hostDate`: OVO sends no year.
pub(crate) fn host_date(unix_ms: i64) -> String {
    let at = calendar(unix_ms);
    format!("{:02}{:02}", u8::from(at.month()), at.day())
}

/// `yyyy-MM-dd HH:mm:ss.SSS`, as in `date`.
pub fn date_text(unix_ms: i64) -> String {
    let at = calendar(unix_ms);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

/// Reads `yyyy-MM-dd HH:mm:ss.SSS`, exactly three digits of milliseconds, as Unix milliseconds.
pub(crate) fn read_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 23 {
        return None;
    }
    for (place, byte) in bytes.iter().enumerate() {
        let right = match place {
            4 | 7 => *byte == b'-',
            10 => *byte == b' ',
            13 | 16 => *byte == b':',
            19 => *byte == b'.',
            _ => byte.is_ascii_digit(),
        };
        if !right {
            return None;
        }
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u16>().ok();
    let small = |from: usize, to: usize| text[from..to].parse::<u8>().ok();
    let month = Month::try_from(small(5, 7)?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(8, 10)?).ok()?;
    let time =
        Time::from_hms_milli(small(11, 13)?, small(14, 16)?, small(17, 19)?, number(20, 23)?)
            .ok()?;
    let offset = UtcOffset::from_whole_seconds(WIB_SECONDS).ok()?;
    let at = OffsetDateTime::new_in_offset(date, time, offset);
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-01-31 02:08:07.006 UTC.
    const MORNING: i64 = 1_769_825_287_006;

    #[test]
    fn a_date_is_written_and_read_in_wib() {
        assert_eq!(date_text(MORNING), "2026-01-31 09:08:07.006");
        assert_eq!(read_date("2026-01-31 09:08:07.006"), Some(MORNING));
        assert_eq!(host_time(MORNING), "090807");
        assert_eq!(host_date(MORNING), "0131");
    }

    #[test]
    fn a_date_with_other_digits_or_an_impossible_day_is_refused() {
        for text in [
            "2026-01-31 09:08:07",
            "2026-01-31 09:08:07.006123",
            "2026-02-30 09:08:07.006",
            "2026-01-31T09:08:07.006",
            "2026-01-31 24:08:07.006",
            "",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_changes_at_wib_midnight() {
        let midnight = read_date("2026-02-01 00:00:00.000").unwrap();
        assert_eq!(day(midnight), day(midnight - 1) + 1);
        assert_eq!(millis_of_day(midnight), 0);
        assert_eq!(millis_of_day(midnight - 1), 86_399_999);
    }
}
