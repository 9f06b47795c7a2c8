//! A row's versions, alike in every engine: the first with its numbers and its seed, and the next
//! with what an update may replace.

use crate::error::Error;
use crate::journal::{JournalError, JournalErrorKind, NewPayment};
use crate::numbering::{BatchMethod, HighWater, Numbers, next_numbers, starting_batch};
use crate::payment::{Evidence, History, Intent, Payment, PaymentId};
use crate::wib::WallTime;

/// The random name of a journal.
pub(super) type Incarnation = [u8; 16];

fn used_up(error: &Error) -> JournalError {
    let text = error.to_string();
    JournalError::new(JournalErrorKind::Numbers, text.trim_start_matches("journal: "))
}

/// The numbers of the next push (P8, I9), given the numbers handed out last and on which WIB day.
/// `first_batch` is for a journal that never handed out any; no batch is below `floor`.
pub(super) fn allocate(
    last: Option<Numbers>,
    day: i64,
    first_batch: Option<u32>,
    floor: u32,
    method: BatchMethod,
    wall: WallTime,
) -> Result<Numbers, JournalError> {
    let first_batch = match (last, first_batch) {
        (Some(last), _) => last.batch(),
        (None, Some(batch)) => batch,
        (None, None) => starting_batch(wall).map_err(|error| used_up(&error))?,
    };
    let next = next_numbers(&HighWater { last, first_batch, day }, method, wall)
        .map_err(|error| used_up(&error))?;
    if next.batch() >= floor {
        return Ok(next);
    }
    // A quarter-hour count is above everything that any copy of this journal has handed out.
    Numbers::new(floor.max(starting_batch(wall).unwrap_or(0)), 1).map_err(|error| used_up(&error))
}

/// Spreads the retries of many terminals, also of those that begin with the same numbers.
fn seed(numbers: Numbers, incarnation: &Incarnation) -> u16 {
    let name = u128::from_le_bytes(*incarnation) as u64;
    let mixed = name ^ (u64::from(numbers.batch()) << 20 | u64::from(numbers.reference()));
    // Fibonacci hashing: the upper bits depend on every lower one.
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16
}

/// The row that a begun payment becomes.
pub(super) fn first_version(
    new: &NewPayment,
    id: i64,
    numbers: Numbers,
    boot: u32,
    attested: bool,
    incarnation: &Incarnation,
) -> Payment {
    let mut state = new.state;
    state.attested = attested;
    state.seed = seed(numbers, incarnation);
    Payment {
        id: PaymentId(id),
        version: 1,
        boot,
        written: new.wall,
        intent: Intent {
            invoice: new.invoice.clone(),
            amount: new.amount,
            merchant_id: new.merchant_id.clone(),
            terminal: new.terminal.clone(),
            numbers,
            phone: Some(new.phone.clone()),
            wall: new.wall,
        },
        state,
        evidence: Evidence::default(),
        history: History::default(),
    }
}

/// The row that replaces `before`: state, evidence, history, boot and time of the update, Intent as
/// it was.
///
/// # Errors
/// `Forbidden` if the update names another Intent: it was made for another row.
pub(super) fn next_version(before: &Payment, update: &Payment) -> Result<Payment, JournalError> {
    let mut after = update.clone();
    // The phone is the journal's to keep and to forget.
    after.intent.phone.clone_from(&before.intent.phone);
    if after.intent != before.intent {
        return Err(JournalError::new(JournalErrorKind::Forbidden, "an intent never changes"));
    }
    if after.state.phone_forgotten {
        after.intent.phone = None;
    }
    if !after.history.continues(&before.history) {
        // What happened before stays, and no outcome may fail for its history.
        after.history.clone_from(&before.history);
    }
    after.version = before.version + 1;
    Ok(after)
}
