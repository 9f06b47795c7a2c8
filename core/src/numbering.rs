//! Batch and reference numbers: how OVO tells one push from every other.
//!
//! Rules ([protocol 5]): the reference starts at 000001 in each batch and grows by one with
//! every push, successful or not; behind 999999 comes the next batch and reference 1. Reversal,
//! void and checks reuse the push's numbers. Numbers are allocated in the same durable commit as
//! the payment's Intent ([policy 2.4], P8), so no crash can hand the same pair out twice.
//!
//! [policy 2.4]: crate::manual::policy#24-commit-first
//! [protocol 5]: crate::manual::protocol#5-numbering

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::wib::WallTime;

/// The highest batch and the highest reference: six digits.
pub const MAX_NUMBER: u32 = 999_999;

/// A batch and a reference: the pair that names one push for good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Numbers {
    batch: u32,
    reference: u32,
}

impl Numbers {
    /// Takes a batch and a reference.
    ///
    /// ```
    /// use ovo_ptp::Numbers;
    ///
    /// assert_eq!(Numbers::new(4, 123)?.to_string(), "000004/000123");
    /// assert!(Numbers::new(4, 1_000_000).is_err());
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if either is outside 1 to 999999.
    pub fn new(batch: u32, reference: u32) -> Result<Self, Error> {
        if !(1..=MAX_NUMBER).contains(&batch) {
            return Err(Error::invalid("batch", "must be 1 to 999999"));
        }
        if !(1..=MAX_NUMBER).contains(&reference) {
            return Err(Error::invalid("reference", "must be 1 to 999999"));
        }
        Ok(Numbers { batch, reference })
    }

    /// The batch number, 1 to 999999. Six digits with leading zeros on the wire.
    pub fn batch(self) -> u32 {
        self.batch
    }

    /// The reference number, 1 to 999999. Six digits with leading zeros on the wire.
    pub fn reference(self) -> u32 {
        self.reference
    }
}

impl fmt::Display for Numbers {
    /// Prints as `batch/reference`, six digits each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}/{:06}", self.batch, self.reference)
    }
}

/// When a new batch begins (the FAQ's "two methods", [protocol 5]).
///
/// [protocol 5]: crate::manual::protocol#5-numbering
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BatchMethod {
    /// The batch changes only behind reference 999999; references go on over midnight.
    ///
    /// The default, because nothing depends on a clock once the journal exists.
    #[default]
    Continuous,
    /// A new batch with the first push of each WIB day.
    Daily,
}

/// The journal's counter: the numbers that were handed out last, and on which WIB day.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HighWater {
    /// The numbers handed out last; `None` in a journal that never pushed.
    pub last: Option<Numbers>,
    /// The batch that the first push of this journal takes.
    pub first_batch: u32,
    /// The WIB day (days since 1970-01-01) of the last push.
    pub day: i64,
}

/// Length of one step of [`starting_batch`], in seconds.
pub(crate) const BATCH_STEP: i64 = 15 * 60;
/// 2025-01-01 00:00:00 WIB as Unix seconds: no installation of this library is older.
pub(crate) const BATCH_EPOCH: i64 = 1_735_664_400;

/// The batch with which a fresh journal begins: quarters of an hour since 2025-01-01 WIB.
///
/// A terminal that lost its journal must not reuse its old numbers ([policy 2.9], I9). Every batch
/// that this library ever hands out is at most the quarter-hour count of the moment it was handed
/// out, unless a terminal makes more than 999,999 pushes in a quarter of an hour, or its journal was
/// doubted: then its numbers jump ahead, by up to eight hours of quarters each time, and so far ahead
/// one begins that the command line makes, whose path may be a mistyped one. So a journal
/// that begins in a later quarter-hour than the old one's last new batch begins above it; above a
/// jump the mark beside it keeps it. What is left (two fresh journals for one terminal within fifteen
/// minutes, a doubted one that is lost with its mark) ends in OVO's refusal of the duplicate (94),
/// which the payment policy treats as doubtful, never as ours. The count reaches 999999 in July 2053.
///
/// # Errors
/// [`ErrorKind::Configuration`] if the wall clock is before 2025 (a terminal whose clock battery
/// is dead says 1970): the batch would be wrong for ever after. Set the clock, or give the first
/// batch by hand.
///
/// [policy 2.9]: crate::manual::policy#29-invariants
pub fn starting_batch(now: WallTime) -> Result<u32, Error> {
    let steps = now.unix_seconds().saturating_sub(BATCH_EPOCH).div_euclid(BATCH_STEP);
    match u32::try_from(steps) {
        Ok(batch @ 1..=MAX_NUMBER) => Ok(batch),
        _ => Err(Error::new(
            ErrorKind::Configuration,
            "journal: the clock is outside 2025 to 2053, so no unused batch can be chosen for a new journal; set the clock or give the first batch",
        )),
    }
}

/// The numbers that follow `water` for a push at `now`.
///
/// # Errors
/// [`ErrorKind::Journal`] if batch 999999 is used up: this terminal needs a new journal and a word
/// with OVO.
pub fn next_numbers(
    water: &HighWater,
    method: BatchMethod,
    now: WallTime,
) -> Result<Numbers, Error> {
    let Some(last) = water.last else {
        return Numbers::new(water.first_batch, 1);
    };
    let new_day = now.wib_day() > water.day;
    if method == BatchMethod::Daily && new_day {
        // At least the quarter-hour count, so that the promise of `starting_batch` also holds for
        // daily batches; a clock outside its range changes nothing but that.
        let batch = (last.batch + 1).max(starting_batch(now).unwrap_or(0));
        return overflow_checked(batch, 1);
    }
    if last.reference < MAX_NUMBER {
        overflow_checked(last.batch, last.reference + 1)
    } else {
        overflow_checked(last.batch + 1, 1)
    }
}

fn overflow_checked(batch: u32, reference: u32) -> Result<Numbers, Error> {
    Numbers::new(batch, reference)
        .map_err(|_| Error::new(ErrorKind::Journal, "journal: batch 999999 is used up"))
}
