//! The void sub-machine ([policy 2.8]): `Accepted -> Sent -> Voided | Questioned | Unknown`. From
//! Unknown it goes by way of check void, at most one resend, to the truth; a refusal is asked about
//! before it is one: Questioned, then Voided or Rejected.
//!
//! A void never touches the verdict, and a row that can be voided can never be reversed (VI3).
//!
//! [policy 2.8]: crate::manual::policy#28-void

use std::time::Duration;

use crate::message::ResponseCode;
use crate::payment::Alert;
use crate::payment::answer::{StatusAnswer, VoidAnswer};
use crate::payment::pace::try_now;
use crate::payment::state::{Boottime, ListedFor, State, Verdict, Void};
use crate::payment::step::{Refusal, Request, Step};
use crate::payment::timers::Policy;

/// Rule 18: the void is durable before it is sent (VI2).
pub(super) fn asked(policy: &Policy, mut state: State, in_time: bool, now: Boottime) -> Step {
    if !matches!(state.verdict, Some(Verdict::Accepted(_))) {
        return Step::refused(state, Refusal::NotPaid);
    }
    match state.void {
        Void::Sent | Void::Unknown | Void::Questioned(_) => {
            return Step::refused(state, Refusal::VoidInProgress);
        }
        Void::Voided if state.is_void_doubted() => {
            return Step::refused(state, Refusal::OperatorRefunds);
        }
        Void::Voided => return Step::refused(state, Refusal::AlreadyVoided),
        // Perhaps it was done: a second one could return the money twice (VD5).
        Void::Expired => return Step::refused(state, Refusal::OperatorRefunds),
        Void::None | Void::Rejected(_) => {}
    }
    // OVO said of a payment told as Paid that the money went back, that there is none, or that the
    // numbers are another sale's.
    if state.is_listed() {
        return Step::refused(state, Refusal::OperatorRefunds);
    }
    // Whoever closed it may have returned the money by other means (rule 19).
    if state.is_closed_by_operator() {
        return Step::refused(state, Refusal::OperatorRefunds);
    }
    // What it would hit is named by numbers alone, as by a reversal (I10).
    if state.duplicate_hint {
        return Step::refused(state, Refusal::NumbersDoubted);
    }
    if !in_time {
        return Step::refused(state, Refusal::VoidTooLate);
    }
    (state.void_resent, state.late_paid, state.doubted) = (false, false, false);
    // Its own time counts from here.
    state.settling_since = now;
    (state.settled_before_ms, state.overdue_alerts) = (0, 0);
    send(policy, state, now)
}

impl State {
    /// Whether a second copy of the void was sent (VD2: there is no third), or may have been in what the
    /// journal has lost.
    fn may_have_two_copies(&self) -> bool {
        self.void_resent || self.doubted
    }
}

fn send(policy: &Policy, mut state: State, now: Boottime) -> Step {
    state.void = Void::Sent;
    // What was asked about its first copy, and refused, says nothing of this one.
    (state.checks.count, state.check_refused) = (0, false);
    // If this process dies, whoever comes next asks first what became of it.
    state.due = Some(now.plus(policy.timers.exchange_budget + policy.timers.retry));
    Step::to(state).sending(Request::Void)
}

pub(super) fn answered(
    policy: &Policy,
    mut state: State,
    answer: VoidAnswer,
    now: Boottime,
) -> Step {
    // Of a doubted one that is what OVO said before.
    let is_news = matches!(state.void, Void::Expired | Void::Rejected(_));
    if is_news && answer == VoidAnswer::Voided {
        return voided_after_all(state, now);
    }
    if !state.void.is_open() {
        return Step::to(state);
    }
    match answer {
        VoidAnswer::Voided => answered_with(policy, state, Void::Voided, now),
        // A refusal may be about another copy of it having worked, and one of the resend about the
        // first one: ask.
        VoidAnswer::Rejected(code) if !state.may_have_two_copies() => {
            state.void = Void::Questioned(code);
            // How late a question about it is counts from here.
            state.counts_anew(now);
            state.due = Some(now);
            Step::to(state)
        }
        VoidAnswer::NotSent if !state.may_have_two_copies() => {
            answered_with(policy, state, Void::None, now)
        }
        // Of the second copy not a byte left: that was none. Asked first, it is sent again.
        VoidAnswer::NotSent => {
            (state.void, state.void_resent) = (Void::Unknown, false);
            state.due = Some(now.plus(policy.timers.early_retry(state.seed)));
            Step::to(state)
        }
        VoidAnswer::Rejected(_) | VoidAnswer::Unknown => {
            state.void = Void::Unknown;
            state.due = Some(now);
            Step::to(state)
        }
    }
}

/// The void's end is unknown and its time has come: ask.
pub(super) fn is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let too_late = Duration::from_millis(state.open_ms(now)) >= policy.timers.status_window;
    // Asked for all that time without an answer, a refusal is no more than a refusal: nobody knows.
    if too_late {
        return unresolved(policy, state, now);
    }
    if !matches!(state.void, Void::Questioned(_)) {
        state.void = Void::Unknown;
    }
    try_now(policy, state, Request::CheckVoid, now)
}

pub(super) fn checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    in_time: bool,
    now: Boottime,
) -> Step {
    match state.void {
        Void::Questioned(code) => return refused_checked(policy, state, code, issued, answer, now),
        Void::Unknown => {}
        // Asked by hand, or from another process, while its own answer is still awaited: what is done is
        // done, and everything else is left to that answer.
        Void::Sent if answer == StatusAnswer::Paid => return end(policy, state, Void::Voided, now),
        // Left to an operator, refused, or not shown by OVO's record when it was asked before.
        _ if answer == StatusAnswer::Paid && state.is_void_uncertain() => {
            return voided_after_all(state, now);
        }
        _ => return Step::to(state),
    }
    match answer {
        StatusAnswer::Paid => end(policy, state, Void::Voided, now),
        // VD2: the same void, the same numbers, the same day, once.
        StatusAnswer::NotFound if in_time && !state.may_have_two_copies() => {
            state.void_resent = true;
            // How late a question about it is counts from here.
            state.counts_anew(now);
            send(policy, state, now)
        }
        // OVO's record may lag behind a void that it carried out: as of a refused one, it counts to a
        // question that left a minute behind its last copy.
        StatusAnswer::NotFound if !in_time => {
            let record = state.settling_since.plus(policy.timers.record_lag());
            if issued >= record && state.checks.count > 1 {
                return unresolved(policy, state, now);
            }
            state.due = Some(record.max(state.checks.not_before));
            Step::to(state)
        }
        // Perhaps a passing error: an operator who refunds what was voided returns the money twice.
        StatusAnswer::Unavailable if policy.check_payment && !state.is_refused_for_good() => {
            Step::to(state.void_refused_in_passing())
        }
        StatusAnswer::Unavailable | StatusAnswer::TooOld | StatusAnswer::Doubtful => {
            unresolved(policy, state, now)
        }
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NotSent => Step::to(state.check_was_not_sent(policy, now)),
        // Asked again on schedule; at the end of the day "not found" ends it.
        _ => Step::to(state),
    }
}

/// The answer to the question about a void that was refused with `refusal`. "Not found" counts to a
/// question that left a minute behind the refusal, whoever asked: of two copies of one void OVO may have
/// carried out the other, and its record may lag behind that.
fn refused_checked(
    policy: &Policy,
    mut state: State,
    refusal: ResponseCode,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    let stands = Void::Rejected(refusal);
    let record = state.settling_since.plus(policy.timers.record_lag());
    match answer {
        StatusAnswer::Paid => end(policy, state, Void::Voided, now),
        StatusAnswer::NotFound if issued >= record => {
            // Whatever was refused before it, this one was answered.
            state.check_refused = false;
            let is_known = state.is_ruled_paid();
            let mut step = end(policy, state, stands, now);
            if refusal.as_str() == "25" && !is_known {
                // OVO approved the sale, and does not know it: whose the money is, people find out.
                step.state.contradict();
                step = step.alerting(Alert::Doubtful);
            }
            step
        }
        // A contract that tells nothing about voids: the refusal is all that will be known.
        StatusAnswer::Unavailable if !policy.check_payment || state.is_refused_for_good() => {
            end(policy, state, stands, now)
        }
        StatusAnswer::Unavailable => Step::to(state.void_refused_in_passing()),
        StatusAnswer::TooOld => unresolved(policy, state, now),
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NotSent => Step::to(state.check_was_not_sent(policy, now)),
        // Too early: asked again when OVO's record must show it.
        StatusAnswer::NotFound => {
            state.due = Some(record.max(state.checks.not_before));
            Step::to(state)
        }
        // Asked again on schedule.
        _ => Step::to(state),
    }
}

fn unresolved(policy: &Policy, state: State, now: Boottime) -> Step {
    let mut step = end(policy, state, Void::Expired, now);
    step.state.contradict();
    step.alerting(Alert::VoidUnresolved)
}

/// A void that an operator was to refund by hand, or that OVO refused, was carried out. It is told as voided
/// from here on, and whoever refunded it by hand, or gave the goods, hears of it.
pub(super) fn voided_after_all(mut state: State, now: Boottime) -> Step {
    state.void = Void::Voided;
    state.settling_since = now;
    (state.listed, state.late_paid, state.acknowledged) = (ListedFor::Nothing, false, false);
    Step::to(state).alerting(Alert::VoidedAfterAll)
}

/// Its own answer ends it: whoever asked for it waits for that, unless it is the answer to a second copy.
fn answered_with(policy: &Policy, state: State, void: Void, now: Boottime) -> Step {
    let is_heard = state.acknowledged && state.void == Void::Sent && !state.may_have_two_copies();
    let mut step = end(policy, state, void, now);
    step.state.acknowledged |= is_heard && step.alert.is_none();
    step
}

pub(super) fn end(policy: &Policy, mut state: State, void: Void, now: Boottime) -> Step {
    // Whoever asked for it was told at most that it is pending.
    (state.acknowledged, state.doubted) = (false, false);
    state.void = void;
    state.checks.count = 0;
    // From when on OVO's record must not show it as paid any more (VD6).
    state.counts_anew(now);
    if state.listed == ListedFor::Overdue {
        // OVO has said what became of it.
        state.listed = ListedFor::Nothing;
    }
    state.due = Some(now.plus(policy.timers.keep_phone));
    // What OVO's record said meanwhile against the payment was the void, if it was carried out.
    let is_contradicted = std::mem::take(&mut state.late_paid) && void != Void::Voided;
    if !is_contradicted {
        return Step::to(state);
    }
    state.contradict();
    Step::to(state).alerting(Alert::Doubtful)
}
