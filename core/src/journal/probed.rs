//! When a wrong signature was tried last ([fault OV22]): one may lock an app id out, so that it is
//! tried once a day at most.
//!
//! [fault OV22]: crate::manual::faults#ov-what-ovo-answers

use rusqlite::Connection;

use super::{failure, meta};
use crate::journal::JournalError;
use crate::wib::WallTime;

/// The time of it, in milliseconds since 1970.
const PROBED: &str = "probed";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is remembered behind a wish at `wall`, and from when on one is granted if this one is not.
/// A clock that was set back begins the day anew: nobody knows how much of it is over.
pub(super) fn judge(last: Option<i64>, wall: WallTime) -> (i64, Option<WallTime>) {
    let now = wall.unix_millis();
    let next = |last: i64| Some(WallTime::from_unix_millis(last.saturating_add(DAY_MS)));
    match last {
        Some(last) if now < last => (now, next(now)),
        Some(last) if now < last.saturating_add(DAY_MS) => (last, next(last)),
        _ => (now, None),
    }
}

/// The same for a journal on the disk, inside the caller's transaction.
pub(super) fn note(
    connection: &Connection,
    wall: WallTime,
) -> Result<Option<WallTime>, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("note a probe", &error);
    let last = meta::get::<i64>(connection, PROBED).map_err(failed)?;
    let (remembered, next) = judge(last, wall);
    meta::put(connection, PROBED, remembered).map_err(failed)?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ov22_a_wrong_signature_is_tried_once_a_day_whatever_the_clock_does() {
        let at = |hour: i64| WallTime::from_unix_millis(hour * 3_600_000);
        let ms = |hour: i64| hour * 3_600_000;
        assert_eq!(judge(None, at(100)), (ms(100), None));
        assert_eq!(judge(Some(ms(100)), at(100)), (ms(100), Some(at(124))));
        assert_eq!(judge(Some(ms(100)), at(123)), (ms(100), Some(at(124))));
        assert_eq!(judge(Some(ms(100)), at(124)), (ms(124), None));
        // Set back: a day from now on.
        assert_eq!(judge(Some(ms(100)), at(50)), (ms(50), Some(at(74))));
    }
}
