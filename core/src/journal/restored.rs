//! A journal that was replaced by an older copy of itself, or by another ([fault J12]).
//!
//! Its mark is ahead of it then, or names another incarnation. What is lost cannot be known; so
//! numbering jumps above everything that was handed out, no new payment is attested (the other
//! copy may live on and count as well), and no payment without a verdict is reversed by itself:
//! in the lost rows it may have been told as Paid.
//!
//! [fault J12]: crate::manual::faults#j-disk-and-journal

use super::engine::{Engine, Water};
use super::failure;
use super::mark::Mark;
use crate::journal::{JournalError, JournalErrorKind};
use crate::numbering::MAX_NUMBER;
use crate::payment::{Payment, Settlement, Timers, Verdict};

/// Compares the mark with the journal, inside the transaction that opens it.
pub(super) fn judge(
    engine: &mut Engine,
    mut water: Water,
    mark: Option<Mark>,
) -> Result<Water, JournalError> {
    let own = (water.batch, water.reference);
    let Some(mark) = mark else {
        return Ok(water);
    };
    let same = mark.incarnation == engine.incarnation;
    if (same && mark.numbers <= own) || mark.numbers == (0, 0) {
        return Ok(water);
    }
    // Batch by batch: the mark is not synced and may lag by some references, not by a batch that
    // a quarter-hour count does not cover.
    let floor = mark.numbers.0.max(water.batch) + 1;
    if floor > MAX_NUMBER {
        return Err(JournalError::new(
            JournalErrorKind::Numbers,
            "batch 999999 was used by the journal that lay here before",
        ));
    }
    water.floor = water.floor.max(floor);
    // A journal that has handed out nothing yet is the successor of a lost one. Above the lost
    // one's mark its numbers are nobody else's.
    if water.last().is_some() {
        water.doubted = true;
        quarantine_open_payments(engine)?;
    }
    engine
        .connection
        .execute("UPDATE high_water SET floor = ?1, doubted = ?2", (water.floor, water.doubted))
        .map_err(|error| failure::sqlite("open", &error))?;
    Ok(water)
}

fn quarantine_open_payments(engine: &mut Engine) -> Result<(), JournalError> {
    let mut open: Vec<Payment> = Vec::new();
    engine.rows("open", "WHERE verdict IS NULL ORDER BY id", [], |_, payment| {
        // A damaged row cannot be written; it is never acted upon either.
        open.extend(payment);
        true
    })?;
    for mut payment in open {
        let state = &mut payment.state;
        state.verdict = Some(Verdict::Quarantined);
        state.settlement = Settlement::WithOperator;
        state.due = Some(state.touched.plus(Timers::OVO.keep_phone));
        engine.update(&payment)?;
    }
    Ok(())
}
