//! Wall-clock time as OVO wants it: Western Indonesian Time, UTC+7, all year.
//!
//! Computed arithmetically (the proleptic Gregorian calendar), without a time zone database and
//! whatever the host's own zone is: Indonesia has no daylight saving time.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// WIB is seven hours ahead of UTC.
const WIB_OFFSET_MS: i64 = 7 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A wall-clock instant in milliseconds since 1970-01-01 UTC.
///
/// Wall-clock time is used for text and for day boundaries only; every wait of the payment policy
/// runs on a clock that cannot be set ([policy 2.5]).
///
/// [policy 2.5]: crate::manual::policy#25-timers
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallTime(i64);

impl WallTime {
    /// From milliseconds since 1970-01-01 UTC.
    pub fn from_unix_millis(millis: i64) -> Self {
        // Four-digit years only: far beyond them the text form would grow, and no host means it.
        WallTime(millis.clamp(-62_135_596_800_000 + DAY_MS, 253_402_300_799_999 - DAY_MS))
    }

    /// The host's clock.
    pub fn now() -> Self {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)
            }
        };
        WallTime::from_unix_millis(millis)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01 UTC: the value of the `random` header.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The WIB calendar day, counted from 1970-01-01.
    pub fn wib_day(self) -> i64 {
        (self.0 + WIB_OFFSET_MS).div_euclid(DAY_MS)
    }

    /// Midnight at the beginning of a WIB calendar day, counted from 1970-01-01.
    pub(crate) fn of_wib_day(day: i64) -> WallTime {
        let midnight = day.saturating_mul(DAY_MS).saturating_sub(WIB_OFFSET_MS);
        WallTime::from_unix_millis(midnight)
    }

    /// Milliseconds since midnight WIB.
    pub fn wib_millis_of_day(self) -> i64 {
        (self.0 + WIB_OFFSET_MS).rem_euclid(DAY_MS)
    }

    /// The calendar date (year, month, day) in WIB.
    pub fn wib_date(self) -> (i64, u32, u32) {
        civil_from_days(self.wib_day())
    }

    /// This instant as OVO's `date` field: `yyyy-MM-dd HH:mm:ss.SSS`, exactly three digits of
    /// milliseconds (tech doc 1.7.1; [protocol 2.1]).
    ///
    /// ```
    /// use ovo_ptp::WallTime;
    ///
    /// assert_eq!(WallTime::from_unix_millis(0).wib_text(), "1970-01-01 07:00:00.000");
    /// ```
    ///
    /// [protocol 2.1]: crate::manual::protocol#21-fields-of-a-request
    pub fn wib_text(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.wib_date();
        let millis = self.wib_millis_of_day();
        let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
        let (second, milli) = (millis / 1000 % 60, millis % 1000);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
    }
}

/// Days since 1970-01-01 to year, month, day, in eras of 400 years that begin on 1 March, so that
/// the leap day is the last day of a year and needs no special case.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}
