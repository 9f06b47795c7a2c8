//! What people say about a payment: acknowledgements, OVO's settlement file, rulings (rule 19).

use crate::payment::answer::StatusAnswer;
use crate::payment::input::Ruling;
use crate::payment::settlement::{checked, debit_alert};
use crate::payment::state::{
    Boottime, Closer, ListedFor, Settlement, Source, State, Verdict, Void,
};
use crate::payment::step::{Refusal, Step};
use crate::payment::timers::Policy;
use crate::payment::{Alert, doubted};

impl State {
    /// Whether an operator may rule on the payment: it waits for one, or its settlement (or its
    /// void) takes longer than it should.
    pub fn may_be_ruled(&self) -> bool {
        let is_open = self.void.is_open()
            || (matches!(self.settlement, Settlement::Open(_)) && self.verdict.is_some());
        self.needs_operator() || (is_open && self.overdue_alerts > 0)
    }

    /// Whether OVO's record can be asked about a debit that somebody says there is.
    pub(super) fn is_contradictable(&self) -> bool {
        !self.check_unavailable && !self.phone_forgotten
    }

    /// Whether OVO's file was heard of already, and what follows from it is under way, or an operator's.
    fn is_reported(&self) -> bool {
        self.listed == ListedFor::Report && self.is_contradictable()
    }
}

/// P10: only the caller acknowledges.
pub(super) fn acknowledged(mut state: State) -> Step {
    if state.verdict.is_none() {
        return Step::refused(state, Refusal::NoOutcome);
    }
    state.acknowledged = true;
    Step::to(state)
}

/// OVO's settlement file shows the payment as paid (OP4). It names an invoice, and what a reversal hits
/// is named by numbers: OVO is asked about these first. Where nobody vouches for them the file is no
/// evidence of a debit under them, only a reason to ask.
pub(super) fn reported_paid(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if state.verdict.is_none() {
        // Nobody waits for a file, and the policy asks wherever OVO can be asked.
        state.late_paid |= state.check_unavailable && state.is_certainly_ours();
        return Step::to(state);
    }
    // A file may have been made before the payment was voided; it has no moment of its own.
    if matches!(state.verdict, Some(Verdict::Accepted(_))) {
        return Step::to(state);
    }
    if state.is_left_to_people() {
        return doubted::reported(policy, state, now);
    }
    if !state.is_reversible() || state.is_closed_by_operator() {
        return checked(policy, state, now, StatusAnswer::Paid, now);
    }
    if state.is_reported() {
        return state.hears(StatusAnswer::Paid, now);
    }
    let is_ours = state.is_certainly_ours() || (state.owes_reversal() && state.seen);
    // Whose the numbers are people find out: asked again, OVO shows the other sale again.
    if state.settlement == Settlement::WithOperator && !is_ours {
        if state.is_contradictable() {
            state.listed = ListedFor::Report;
        }
        return Step::to(state).alerting(Alert::Doubtful);
    }
    let alert = match state.settlement {
        _ if !is_ours => Alert::Doubtful,
        Settlement::Closed { .. } => Alert::DelayBoundBroken,
        _ => debit_alert(&state),
    };
    // Its settlement counts as opened once more.
    if !state.is_closed() {
        state.counts_anew(now);
    }
    let (late_paid, seen) = (state.late_paid, state.seen && state.owes_reversal());
    let is_contradictable = state.is_contradictable();
    let mut step = state.reopen(policy, now);
    // Listed until OVO's own record shows the debit, too: a file and a record that contradict each other
    // are an operator's case, whatever is answered to the reversal.
    if is_contradictable {
        step.state.listed = ListedFor::Report;
    }
    step.state.seen = seen;
    // Where OVO can be asked, its answer is the evidence.
    step.state.late_paid = late_paid || (is_ours && step.state.check_unavailable);
    step.alerting(alert)
}

/// Rule 19, and the end of everything that was handed to an operator or takes too long.
pub(super) fn ruled(policy: &Policy, mut state: State, ruling: Ruling, now: Boottime) -> Step {
    if !state.may_be_ruled() {
        return Step::refused(state, Refusal::NothingToRule);
    }
    let quarantined = state.verdict == Some(Verdict::Quarantined);
    match ruling {
        Ruling::Paid if quarantined && !state.is_closed() => {
            (state.listed, state.acknowledged, state.doubted) = (ListedFor::Nothing, false, false);
            state.accept(policy, Source::Operator, now)
        }
        // OVO's record did not show what was told as paid; whoever looked it up knows that it is. What its
        // record goes on not to show is no news.
        Ruling::Paid if state.is_paid_doubted() => {
            state = state.undoubted();
            state.listed = ListedFor::RuledPaid;
            Step::to(state)
        }
        // I10 holds for people, too: they know that the customer is debited, and not what a reversal hits.
        Ruling::Refund if state.duplicate_hint && !state.seen => {
            Step::refused(state, Refusal::NumbersDoubted)
        }
        Ruling::Refund if quarantined || state.is_reversible() => {
            if quarantined {
                state.decide(Verdict::Abandoned, now);
            }
            (state.acknowledged, state.doubted) = (false, false);
            // A ruling is no evidence of a debit. Where it was made because OVO's file and record
            // contradict each other they still do, until the record shows the debit, or its return.
            let (late_paid, listed) = (state.late_paid, state.listed);
            let is_contradicted = state.is_contradictable()
                && (listed == ListedFor::Report
                    || (listed == ListedFor::Contradiction && state.is_closed()));
            let step = state.reopen(policy, now);
            let listed = if is_contradicted { listed } else { step.state.listed };
            Step { state: State { late_paid, listed, ..step.state }, ..step }
        }
        Ruling::Close => {
            let payable = quarantined || state.is_reversible();
            // P6 holds for people, too.
            if payable && now < state.close_at(policy) {
                return Step::refused(state, Refusal::CloseTooEarly);
            }
            let at = state.closed_at().unwrap_or(now);
            state.settlement = Settlement::Closed { at, by: Closer::Operator, looks: 0 };
            if state.void.is_open() {
                state.void = Void::Expired;
            }
            (state.listed, state.acknowledged, state.doubted) = (ListedFor::Nothing, false, false);
            state.due = Some(now.plus(policy.timers.keep_phone));
            Step::to(state)
        }
        Ruling::Paid | Ruling::Refund => Step::refused(state, Refusal::NothingToRule),
    }
}
