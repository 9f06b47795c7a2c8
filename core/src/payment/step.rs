//! The state machine: one pure function over the rules of its neighbours.
//!
//! Read on in the order of a payment's life: [`open`](super::open) until there is a verdict,
//! [`settlement`](super::settlement) until OVO's own record is settled, [`look`](super::look) behind that, [`operator`](super::operator)
//! for what people decide, [`void`](super::void) for a paid payment that is returned. Aside from these are
//! [`refused_check`](super::refused_check), [`doubted`](super::doubted) and [`reboot`](super::reboot).

use crate::payment::input::Input;
use crate::payment::state::{Boottime, Settlement, State, Verdict};
use crate::payment::timers::Policy;
use crate::payment::{
    Alert, Rule, doubted, open, operator, pace, postcondition, reboot, settlement, void,
};

/// A request that may be sent once the new state is durable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Request {
    /// A reversal.
    Reversal,
    /// A status check of the payment.
    CheckPayment,
    /// A void.
    Void,
    /// A status check of the void.
    CheckVoid,
}

/// Why an input that asks for something was refused. Nothing about the payment changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// Only a payment told as Paid can be voided (VD1).
    NotPaid,
    /// The day of the payment is over, or nearly (FAQ: same day only).
    VoidTooLate,
    /// A void is already under way (VI4).
    VoidInProgress,
    /// The payment is already voided.
    AlreadyVoided,
    /// The end of an earlier void is not known, OVO's record contradicts the payment, or an operator closed
    /// it: what is still to be returned is between the operator and OVO.
    OperatorRefunds,
    /// The numbers may name another sale: a reversal or a void of them could return that one's money.
    NumbersDoubted,
    /// Nothing about this payment waits for an operator.
    NothingToRule,
    /// The customer can still be debited: nobody can know how it ends before 60 s + D.
    CloseTooEarly,
    /// There is no outcome yet that could be acknowledged.
    NoOutcome,
    /// A cancelled payment must be reversed, and nobody could tell whose sale a reversal of these
    /// numbers would hit: OVO called them duplicate, or nobody vouches for them and the contract
    /// has no status check.
    CannotBeReversed,
}

/// What follows from an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The new state, to be committed before anything else if it differs.
    pub state: State,
    /// The request to send after the commit.
    pub send: Option<Request>,
    /// What to tell the operator after the commit.
    pub alert: Option<Alert>,
    /// Why nothing was done.
    pub refused: Option<Refusal>,
    /// Which rule decided: for the history of the payment, nothing depends on it.
    pub rule: Option<Rule>,
}

impl Step {
    pub(super) fn to(state: State) -> Step {
        Step { state, send: None, alert: None, refused: None, rule: None }
    }

    pub(super) fn sending(self, request: Request) -> Step {
        Step { send: Some(request), ..self }
    }

    pub(super) fn alerting(self, alert: Alert) -> Step {
        Step { alert: Some(alert), ..self }
    }

    pub(super) fn by(self, rule: Rule) -> Step {
        Step { rule: Some(rule), ..self }
    }

    pub(super) fn refused(state: State, refusal: Refusal) -> Step {
        Step { refused: Some(refusal), ..Step::to(state) }
    }
}

/// The policy: what `input` at `now` does to a payment in `state`.
///
/// Pure: same arguments, same answer. The returned state is to be committed (if it differs from
/// `state`) before the returned request is sent.
pub fn step(policy: &Policy, state: &State, input: Input, now: Boottime) -> Step {
    #[cfg(all(ovo_mutants, debug_assertions))]
    if let Some(mutant) = policy.mutant {
        return mutant.step(policy, state, input, now);
    }
    let mut step = rules(policy, *state, input, now);
    step.rule = step.rule.or_else(|| Some(Rule::of(input, state)));
    if is_answer(input) && is_with_operator(state) && is_with_operator(&step.state) {
        // Nothing but the end of the phone is due of what waits for an operator: it must not come
        // earlier because somebody asked in between.
        step.state.due = state.due;
    }
    pace::spread(policy, input, &mut step.state, now);
    if step.state != *state {
        step.state.touched = now;
    }
    debug_assert_eq!(postcondition::broken(policy, state, input, &step, now), None);
    step
}

fn is_with_operator(state: &State) -> bool {
    state.settlement == Settlement::WithOperator
}

fn is_answer(input: Input) -> bool {
    matches!(
        input,
        Input::Answered(_) | Input::Checked { .. } | Input::Reversed { .. } | Input::ReportedPaid
    )
}

fn rules(policy: &Policy, state: State, input: Input, now: Boottime) -> Step {
    match input {
        Input::Sent => open::sent(policy, state, now),
        Input::NotSent => open::not_sent(state, now),
        Input::Answered(answer) => open::answered(policy, state, answer, now),
        Input::Cancelled { heard } => open::cancelled(policy, state, heard, now),
        Input::HeardOut => Step::to(open::heard_out(state, now)),
        Input::Due => due(policy, state, now),
        Input::Awaited => open::awaited(policy, state, now),
        Input::Checked { issued, answer, waiting } if state.verdict.is_none() => {
            open::checked(policy, state, issued, answer, waiting, now)
        }
        Input::Checked { issued, answer, .. } => {
            settlement::checked(policy, state, issued, answer, now)
        }
        Input::Reversed { issued, answer } => {
            settlement::reversed(policy, state, issued, answer, now)
        }
        Input::Rebooted { away } => reboot::rebooted(policy, state, away, now),
        Input::Acknowledged => operator::acknowledged(state),
        Input::VoidAsked { in_time } => void::asked(policy, state, in_time, now),
        Input::VoidAnswered(answer) => void::answered(policy, state, answer, now),
        Input::VoidChecked { issued, answer, in_time } => {
            void::checked(policy, state, issued, answer, in_time, now)
        }
        Input::ReportedPaid => operator::reported_paid(policy, state, now),
        Input::Ruled(ruling) => operator::ruled(policy, state, ruling, now),
    }
}

/// Time passed: what is due now?
fn due(policy: &Policy, state: State, now: Boottime) -> Step {
    if state.due.is_none_or(|due| due > now) {
        return Step::to(state);
    }
    match state.verdict {
        None => open::is_due(policy, state, now),
        Some(_) if state.is_in_doubt() => doubted::is_due(policy, state, now),
        Some(Verdict::Accepted(_)) if state.void.is_open() => void::is_due(policy, state, now),
        Some(Verdict::Declined(_) | Verdict::Abandoned | Verdict::Quarantined) => {
            settlement::is_due(policy, state, now)
        }
        Some(Verdict::Accepted(_) | Verdict::NotSent) => Step::to(state.forget_phone()),
    }
}
