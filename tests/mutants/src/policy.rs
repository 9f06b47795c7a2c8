//! Wrong policies: each is the production `step` with one rule broken, before or after the call.

use std::time::Duration;

use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{
    Boottime, Closer, Input, Policy, PushAnswer, Refusal, Request, Reversal, ReversalAnswer,
    Ruling, Settlement, State, StatusAnswer, Step, Timers, Tries, Verdict, Void, VoidAnswer, step,
};

fn to(state: State) -> Step {
    Step { state, send: None, alert: None, refused: None, rule: None }
}

fn sending(state: State, request: Request) -> Step {
    Step { send: Some(request), ..to(state) }
}

fn with_timers(policy: &Policy, timers: Timers) -> Policy {
    Policy { timers, ..*policy }
}

fn is_settling(state: &State) -> bool {
    matches!(state.settlement, Settlement::Open(_))
        && matches!(state.verdict, Some(Verdict::Abandoned | Verdict::Declined(_)))
}

/// Closed for good: nobody looks behind it again.
fn closed_for_good(policy: &Policy, mut state: State, now: Boottime) -> Step {
    state.settlement = Settlement::Closed { at: now, by: Closer::Policy, looks: 2 };
    state.due = Some(now.plus(policy.timers.keep_phone));
    state.touched = now;
    to(state)
}

fn declined_for_good(policy: &Policy, state: &State, code: ResponseCode, now: Boottime) -> Step {
    let trusting = Policy { verify_declines: false, ..*policy };
    let declined = step(&trusting, state, Input::Answered(PushAnswer::Declined(code)), now);
    if state.verdict.is_none() { closed_for_good(policy, declined.state, now) } else { declined }
}

pub(crate) fn no_wait(policy: &Policy, state: &State, input: Input, now: Boottime) -> Step {
    let hasty = Timers {
        session: Duration::ZERO,
        check: Duration::from_secs(1),
        decide: Duration::from_secs(2),
        ..policy.timers
    };
    step(&with_timers(policy, hasty), state, input, now)
}

pub(crate) fn not_found_is_final(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let not_found = matches!(input, Input::Checked { answer: StatusAnswer::NotFound, .. });
    if not_found && (state.verdict.is_none() || is_settling(state)) {
        let verdict = Some(state.verdict.unwrap_or(Verdict::Abandoned));
        return closed_for_good(policy, State { verdict, ..*state }, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn acknowledgement_closes(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let acknowledged =
        matches!(input, Input::Reversed { answer: ReversalAnswer::Acknowledged, .. });
    if acknowledged && is_settling(state) {
        return closed_for_good(policy, *state, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn duplicate_is_declined(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Answered(PushAnswer::Duplicate(code)) => declined_for_good(policy, state, code, now),
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn reversal_given_up(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let failed = matches!(
        input,
        Input::Reversed { answer: ReversalAnswer::Again(_) | ReversalAnswer::NotSent, .. }
    );
    if failed && is_settling(state) {
        return closed_for_good(policy, *state, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn late_success_is_trusted(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let approved = input == Input::Answered(PushAnswer::Approved);
    if approved && state.verdict == Some(Verdict::Abandoned) {
        let settlement = Settlement::Open(Reversal::NotNeeded);
        let undecided = State { verdict: None, settlement, ..*state };
        return step(policy, &undecided, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn decline_is_trusted(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Answered(PushAnswer::Declined(code)) => declined_for_good(policy, state, code, now),
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn no_identity_gate(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let seen = state.seen || (input == Input::Due && is_settling(state));
    step(policy, &State { seen, ..*state }, input, now)
}

pub(crate) fn gate_only_after_duplicate(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if state.duplicate_hint {
        return step(policy, state, input, now);
    }
    no_identity_gate(policy, state, input, now)
}

pub(crate) fn closed_before_the_delay_bound(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let timers = Timers { delay_bound: Duration::ZERO, ..policy.timers };
    step(&with_timers(policy, timers), state, input, now)
}

pub(crate) fn silence_is_declined(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Answered(PushAnswer::Unknown) => {
            declined_for_good(policy, state, ResponseCode::APPROVED, now)
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn silence_is_not_sent(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Answered(PushAnswer::Unknown) => step(policy, state, Input::NotSent, now),
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn timeout_without_reversal(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let next = step(policy, state, input, now);
    if state.verdict.is_none() && next.state.verdict == Some(Verdict::Abandoned) {
        return closed_for_good(policy, next.state, now);
    }
    next
}

pub(crate) fn echo_is_ignored(policy: &Policy, state: &State, input: Input, now: Boottime) -> Step {
    match input {
        Input::Answered(PushAnswer::WrongEcho(_)) => {
            step(policy, state, Input::Answered(PushAnswer::Approved), now)
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn duplicate_is_forgotten(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Answered(PushAnswer::Duplicate(_)) => {
            step(policy, state, Input::Answered(PushAnswer::Unknown), now)
        }
        _ => step(policy, state, input, now),
    }
}

fn misread(input: Input, from: StatusAnswer, to: StatusAnswer) -> Input {
    match input {
        Input::Checked { issued, answer, waiting } if answer == from => {
            Input::Checked { issued, answer: to, waiting }
        }
        _ => input,
    }
}

pub(crate) fn foreign_sale_is_ours(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    step(policy, state, misread(input, StatusAnswer::ForeignSale, StatusAnswer::Paid), now)
}

pub(crate) fn doubtful_is_ours(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    step(policy, state, misread(input, StatusAnswer::Doubtful, StatusAnswer::Paid), now)
}

pub(crate) fn reversed_is_paid(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if state.verdict.is_some() {
        return step(policy, state, input, now);
    }
    step(policy, state, misread(input, StatusAnswer::Reversed, StatusAnswer::Paid), now)
}

pub(crate) fn stale_check_closes(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Checked { answer, waiting, .. } => {
            step(policy, state, Input::Checked { issued: now, answer, waiting }, now)
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn any_answer_acknowledges(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Reversed { issued, answer: ReversalAnswer::Again(_) } => {
            let answer = ReversalAnswer::Acknowledged;
            step(policy, state, Input::Reversed { issued, answer }, now)
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn debit_at_closing_is_ignored(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if is_settling(state) && !state.owes_reversal() {
        let input = misread(input, StatusAnswer::Paid, StatusAnswer::NotFound);
        return step(policy, state, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn unconfirmed_paid_is_reversed(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let unconfirmed =
        |state: &State| matches!(state.verdict, Some(Verdict::Accepted(_))) && !state.acknowledged;
    let is_due = input == Input::Due && state.due.is_some_and(|due| due <= now);
    if unconfirmed(state) && !state.void.is_open() && is_due {
        let due = Some(now.plus(policy.timers.keep_phone));
        return sending(State { due, touched: now, ..*state }, Request::Reversal);
    }
    let mut next = step(policy, state, input, now);
    if state.verdict.is_none() && unconfirmed(&next.state) {
        next.state.due = Some(now.plus(policy.timers.retry));
    }
    next
}

pub(crate) fn numbers_are_always_trusted(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    step(policy, &State { attested: true, ..*state }, input, now)
}

pub(crate) fn no_second_look(policy: &Policy, state: &State, input: Input, now: Boottime) -> Step {
    let mut state = *state;
    if let Settlement::Closed { looks, .. } = &mut state.settlement {
        *looks = 2;
    }
    step(policy, &state, input, now)
}

pub(crate) fn reboot_ends_every_wait(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let mut next = step(policy, state, input, now);
    if matches!(input, Input::Rebooted { .. }) {
        next.state.window = Boottime(0);
        next.state.due = next.state.due.map(|_| now);
    }
    next
}

pub(crate) fn reopened_is_reversed_at_once(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if input == Input::Due && is_settling(state) {
        let timers = Timers { decide: Duration::ZERO, ..policy.timers };
        return step(&with_timers(policy, timers), state, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn accepted_without_a_caller(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Checked { issued, answer, .. } => {
            step(policy, state, Input::Checked { issued, answer, waiting: true }, now)
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn anything_is_voided(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let accepted = matches!(state.verdict, Some(Verdict::Accepted(_)));
    if matches!(input, Input::VoidAsked { .. }) && state.verdict.is_some() && !accepted {
        return sending(State { void: Void::Sent, touched: now, ..*state }, Request::Void);
    }
    step(policy, state, input, now)
}

pub(crate) fn silent_void_is_done(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::VoidAnswered(VoidAnswer::Unknown) => {
            step(policy, state, Input::VoidAnswered(VoidAnswer::Voided), now)
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn silent_void_is_reversed(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let next = step(policy, state, input, now);
    if input == Input::VoidAnswered(VoidAnswer::Unknown) && next.state.void == Void::Unknown {
        return sending(next.state, Request::Reversal);
    }
    next
}

pub(crate) fn voided_twice_at_once(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if matches!(input, Input::VoidAsked { .. }) && state.void.is_open() {
        let closed = State { void: Void::None, ..*state };
        return step(policy, &closed, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn void_resent_without_asking(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let next = step(policy, state, input, now);
    if next.send == Some(Request::CheckVoid) {
        return sending(next.state, Request::Void);
    }
    next
}

pub(crate) fn closed_by_hand_early(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if input == Input::Ruled(Ruling::Close) {
        let timers =
            Timers { session: Duration::ZERO, delay_bound: Duration::ZERO, ..policy.timers };
        return step(&with_timers(policy, timers), state, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn refused_and_changed(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let mut next = step(policy, state, input, now);
    if next.refused.is_some() {
        next.state.acknowledged = !state.acknowledged;
    }
    next
}

fn is_closed_by_operator(state: &State) -> bool {
    matches!(state.settlement, Settlement::Closed { by: Closer::Operator, .. })
}

pub(crate) fn closed_by_operator_asks(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if input == Input::Due && is_closed_by_operator(state) {
        return step(policy, &State { settlement: Settlement::closed(now), ..*state }, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn close_is_reopened(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let debit = matches!(
        input,
        Input::ReportedPaid
            | Input::Answered(PushAnswer::Approved)
            | Input::Checked { answer: StatusAnswer::Paid, .. }
    );
    if debit && is_closed_by_operator(state) {
        return step(policy, &State { settlement: Settlement::closed(now), ..*state }, input, now);
    }
    step(policy, state, input, now)
}

/// A request of one kind that needs no pause before it, nor behind it.
fn without_pause(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
    (request, tries): (Request, fn(&mut State) -> &mut Tries),
) -> Step {
    let mut hasty = *state;
    tries(&mut hasty).not_before = Boottime(0);
    let mut next = step(policy, &hasty, input, now);
    if next.send == Some(request) {
        tries(&mut next.state).not_before = now;
    }
    next
}

pub(crate) fn no_pause_between_reversals(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    without_pause(policy, state, input, now, (Request::Reversal, |state| &mut state.reversals))
}

pub(crate) fn no_pause_between_checks(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    without_pause(policy, state, input, now, (Request::CheckPayment, |state| &mut state.checks))
}

pub(crate) fn overdue_is_forgotten(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let mut next = step(policy, state, input, now);
    if next.state.owes_reversal() && state.verdict.is_some() && !state.owes_reversal() {
        (next.state.overdue_alerts, next.state.settled_before_ms) = (0, 0);
    }
    next
}

pub(crate) fn padded_is_another(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let misread = misread(input, StatusAnswer::Paid, StatusAnswer::ForeignSale);
    if misread == input {
        return step(policy, state, input, now);
    }
    step(policy, &State { duplicate_hint: true, ..*state }, misread, now)
}

pub(crate) fn foreign_sale_is_forgotten(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let foreign = matches!(input, Input::Checked { answer: StatusAnswer::ForeignSale, .. });
    if foreign && state.seen && state.owes_reversal() {
        return to(*state);
    }
    step(policy, state, input, now)
}

pub(crate) fn seen_before_the_duplicate(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let mut next = step(policy, state, input, now);
    if matches!(input, Input::Answered(PushAnswer::Duplicate(_))) {
        next.state.seen = state.seen;
    }
    next
}

pub(crate) fn decline_is_reversed(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match input {
        Input::Answered(PushAnswer::Declined(_)) if state.check_unavailable => {
            let undelivered = PushAnswer::Declined(ResponseCode::UNDELIVERABLE);
            let mut next = step(policy, state, Input::Answered(undelivered), now);
            if state.verdict.is_none() {
                next.state.verdict = step(policy, state, input, now).state.verdict;
            }
            next
        }
        // What was declined is reversed when its time has come, and until that is acknowledged.
        Input::Due if is_settling(state) && matches!(state.verdict, Some(Verdict::Declined(_))) => {
            let settlement = match state.settlement {
                Settlement::Open(Reversal::NotNeeded) => Settlement::Open(Reversal::Needed),
                other => other,
            };
            let verdict = Some(Verdict::Abandoned);
            let abandoned = State { verdict, settlement, ..*state };
            let next = step(policy, &abandoned, input, now);
            Step { state: State { verdict: state.verdict, ..next.state }, ..next }
        }
        _ => step(policy, state, input, now),
    }
}

pub(crate) fn undeliverable_is_trusted(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    step(&Policy { trust_undelivered: true, ..*policy }, state, input, now)
}

pub(crate) fn unsent_check_counts(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    step(policy, state, misread(input, StatusAnswer::NotSent, StatusAnswer::NoAnswer), now)
}

pub(crate) fn cancel_is_undone(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let approved = input == Input::Answered(PushAnswer::Approved);
    if approved && state.cancelled && state.verdict == Some(Verdict::Abandoned) {
        let settlement = Settlement::Open(Reversal::NotNeeded);
        return step(policy, &State { verdict: None, settlement, ..*state }, input, now);
    }
    step(policy, state, input, now)
}

pub(crate) fn cancel_is_reversed_at_once(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let mut next = step(policy, state, input, now);
    if matches!(input, Input::Cancelled { .. }) && next.state != *state {
        next.state.reversals = Tries { count: 1, not_before: now.plus(policy.timers.retry) };
        return sending(next.state, Request::Reversal);
    }
    next
}

pub(crate) fn overdue_waits_for_the_policy(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if matches!(input, Input::Ruled(_)) && !state.needs_operator() {
        return Step { refused: Some(Refusal::NothingToRule), ..to(*state) };
    }
    step(policy, state, input, now)
}

pub(crate) fn cancel_vouches(policy: &Policy, state: &State, input: Input, now: Boottime) -> Step {
    let next = step(policy, state, input, now);
    match input {
        Input::Cancelled { .. } => Step { state: State { unheard: false, ..next.state }, ..next },
        _ => next,
    }
}

pub(crate) fn void_refusal_is_trusted(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let mut next = step(policy, state, input, now);
    if let Void::Questioned(code) = next.state.void {
        next.state.void = Void::Rejected(code);
    }
    next
}

pub(crate) fn voided_after_all_is_dropped(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let says = matches!(
        input,
        Input::VoidAnswered(VoidAnswer::Voided)
            | Input::VoidChecked { answer: StatusAnswer::Paid, .. }
    );
    if says && state.void == Void::Expired {
        return Step { alert: None, state: *state, ..step(policy, state, input, now) };
    }
    step(policy, state, input, now)
}

pub(crate) fn void_is_refused_at_once(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let says = matches!(input, Input::VoidChecked { answer: StatusAnswer::Unavailable, .. });
    if says && state.check_refused {
        // As if an hour's checks had been asked before.
        let checks = Tries { count: 10, ..state.checks };
        return step(policy, &State { checks, ..*state }, input, now);
    }
    step(policy, state, input, now)
}

/// Whether a check's answer contradicts that the payment is paid.
fn contradicts(state: &State, input: Input) -> bool {
    matches!(state.verdict, Some(Verdict::Accepted(_)))
        && matches!(
            input,
            Input::Checked {
                answer: StatusAnswer::NotFound | StatusAnswer::ForeignSale | StatusAnswer::Doubtful,
                ..
            }
        )
}

pub(crate) fn contradiction_is_hidden(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if contradicts(state, input) { to(*state) } else { step(policy, state, input, now) }
}

pub(crate) fn contradiction_is_undated(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    match state.settlement {
        Settlement::Closed { by, looks, .. } if contradicts(state, input) => {
            let long_ago = Settlement::Closed { at: Boottime(0), by, looks };
            let next = step(policy, &State { settlement: long_ago, ..*state }, input, now);
            Step { state: State { settlement: state.settlement, ..next.state }, ..next }
        }
        _ => step(policy, state, input, now),
    }
}

/// Whether a check's answer contradicts that the payment is voided.
fn denies_the_void(state: &State, input: Input) -> bool {
    state.void == Void::Voided && matches!(input, Input::Checked { answer: StatusAnswer::Paid, .. })
}

pub(crate) fn hollow_void_is_hidden(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if denies_the_void(state, input) { to(*state) } else { step(policy, state, input, now) }
}

pub(crate) fn void_check_is_undated(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    if !denies_the_void(state, input) {
        return step(policy, state, input, now);
    }
    let long_ago = State { settling_since: Boottime(0), ..*state };
    let next = step(policy, &long_ago, input, now);
    let settling_since = state.settling_since;
    Step { state: State { settling_since, ..next.state }, ..next }
}

pub(crate) fn doubt_is_forgotten(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let is_open = matches!(state.settlement, Settlement::Open(_));
    if !state.doubted || !is_open || state.verdict == Some(Verdict::Quarantined) {
        return step(policy, state, input, now);
    }
    let settlement = Settlement::Open(Reversal::Needed);
    step(policy, &State { settlement, doubted: false, ..*state }, input, now)
}

pub(crate) fn doubt_ends_with_an_operator(
    policy: &Policy,
    state: &State,
    input: Input,
    now: Boottime,
) -> Step {
    let is_open = matches!(state.settlement, Settlement::Open(_));
    step(policy, &State { doubted: state.doubted && is_open, ..*state }, input, now)
}
