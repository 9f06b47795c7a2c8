//! What no row may ever say or become ([policy 2.4], [policy 2.9]), for engines without SQL. The
//! SQLite schema states the same rules in its own language; a test compares the two.
//!
//! [policy 2.4]: crate::manual::policy#24-commit-first
//! [policy 2.9]: crate::manual::policy#29-invariants

use std::time::Duration;

use crate::journal::{Filter, JournalError, JournalErrorKind, NewPayment};
use crate::payment::{Payment, Reversal, Settlement, Source, State, Verdict, Void};

/// Whether something may still happen at OVO.
pub(super) fn is_unsettled(state: &State) -> bool {
    !state.is_closed() || state.void.is_open()
}

/// Whether the journal still owes something of it: to the customer, or to whoever is to hear of it.
pub(super) fn is_owed(state: &State) -> bool {
    is_unsettled(state) || state.due.is_some() || (state.verdict.is_some() && !state.acknowledged)
}

/// Whether nothing is left to do of it, to say or to ask for, and it may be archived.
#[cfg(feature = "postgres")]
pub(super) fn is_over(state: &State) -> bool {
    state.acknowledged
        && state.due.is_none()
        && state.phone_forgotten
        && !is_unsettled(state)
        && !state.needs_operator()
}

/// Whether a list of this filter has the payment, paging aside.
pub(super) fn is_listed(payment: &Payment, filter: &Filter) -> bool {
    let state = &payment.state;
    let wall = payment.intent.wall;
    (!filter.unacknowledged || (!state.acknowledged && state.verdict.is_some()))
        && (!filter.unsettled || is_unsettled(state))
        && (!filter.needs_operator || state.needs_operator())
        && filter.since.is_none_or(|since| wall >= since)
        && filter.until.is_none_or(|until| wall < until)
        && filter.tid.as_deref().is_none_or(|tid| tid == payment.intent.terminal.tid())
        && filter.mid.as_deref().is_none_or(|mid| mid == payment.intent.terminal.mid())
}

/// Whether `open`, a payment of the same customer, keeps a new one from beginning in boot `boot`.
pub(super) fn blocks(open: &Payment, new: &NewPayment, boot: u32) -> bool {
    if !open.state.may_still_debit() {
        return false;
    }
    if !open.state.blocks_for_a_time() {
        return true;
    }
    let is_prompt = open.state.is_undelivered_prompt();
    let age = if open.boot == boot {
        new.state.begun.since(open.state.window)
    } else if is_prompt {
        // Minutes are not counted by the wall clock, which somebody may have set: behind a restart the
        // prompt's time begins anew in full (rule 17), and settlement is about to write that down.
        return true;
    } else {
        // The other boot's clock says nothing here.
        let millis = new.wall.unix_millis().saturating_sub(open.intent.wall.unix_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    let timers = &new.timers;
    let until = if is_prompt {
        timers.session.saturating_add(timers.delay_bound)
    } else {
        timers.second_sweep
    };
    age < until
}

fn forbidden(rule: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Forbidden, rule)
}

/// What a payment begins as.
pub(super) fn check_begin(payment: &Payment) -> Result<(), JournalError> {
    let state = &payment.state;
    if payment.version != 1
        || state.verdict.is_some()
        || payment.intent.phone.is_none()
        || state.acknowledged
    {
        return Err(forbidden("a payment begins as an intent"));
    }
    check_row(payment)
}

/// What a payment may become. `after` has the version that it will be stored with.
pub(super) fn check_update(before: &Payment, after: &Payment) -> Result<(), JournalError> {
    if after.version != before.version + 1 {
        return Err(forbidden("a version grows by one"));
    }
    let same_intent = after.id == before.id
        && after.intent.invoice == before.intent.invoice
        && after.intent.amount == before.intent.amount
        && after.intent.merchant_id == before.intent.merchant_id
        && after.intent.terminal == before.intent.terminal
        && after.intent.numbers == before.intent.numbers
        && after.intent.wall == before.intent.wall
        && after.state.seed == before.state.seed;
    if !same_intent {
        return Err(forbidden("an intent never changes"));
    }
    if after.intent.phone.is_some() && after.intent.phone != before.intent.phone {
        return Err(forbidden("a phone can only be forgotten"));
    }
    if after.state.attested && !before.state.attested {
        return Err(forbidden("numbers are attested at the intent or never"));
    }
    // P4, I4, and rule 19.
    let allowed = match (before.state.verdict, after.state.verdict) {
        (None, _) => true,
        (before, after) if before == after => true,
        (Some(Verdict::Quarantined), Some(Verdict::Abandoned)) => true,
        (Some(Verdict::Quarantined), Some(Verdict::Accepted(Source::Operator))) => true,
        _ => false,
    };
    if !allowed {
        return Err(forbidden("a verdict is written once"));
    }
    check_row(after)
}

/// What a single row may say.
fn check_row(payment: &Payment) -> Result<(), JournalError> {
    let state = &payment.state;
    // I2, I3.
    let owes =
        matches!(state.settlement, Settlement::Open(Reversal::Needed | Reversal::Acknowledged(_)));
    if (owes || state.reversals.count > 0) && !state.is_reversible() {
        return Err(forbidden("only_abandoned_or_declined_is_reversed"));
    }
    if state.doubted && state.owes_reversal() {
        return Err(forbidden("doubted_is_not_reversed"));
    }
    if state.verdict.is_none() && !matches!(state.settlement, Settlement::Open(_)) {
        return Err(forbidden("undecided_is_open"));
    }
    if state.cancelled && state.verdict != Some(Verdict::Abandoned) {
        return Err(forbidden("only_abandoned_was_cancelled"));
    }
    if state.unheard && !state.cancelled {
        return Err(forbidden("only_cancelled_is_unheard"));
    }
    // VI1, VI3.
    if state.void != Void::None && !matches!(state.verdict, Some(Verdict::Accepted(_))) {
        return Err(forbidden("only_accepted_is_voided"));
    }
    if state.phone_forgotten != payment.intent.phone.is_none() {
        return Err(forbidden("forgotten_phone_is_gone"));
    }
    Ok(())
}
