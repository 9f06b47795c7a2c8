//! From the Intent to the verdict: rules 1 to 13, and cancel.

use crate::message::ResponseCode;
use crate::payment::answer::{PushAnswer, StatusAnswer};
use crate::payment::state::{
    Boottime, DeclineReason, ListedFor, Reversal, Settlement, Source, State, Tries, Verdict, Void,
};
use crate::payment::step::{Refusal, Request, Step};
use crate::payment::timers::{LateSuccess, Policy};
use crate::payment::{Alert, Rule, doubted, settlement};

impl State {
    /// Rule 1: the Intent, to be committed together with its numbers.
    pub fn intent(policy: &Policy, now: Boottime, attested: bool, seed: u16) -> State {
        let mut state = State {
            begun: now,
            window: now.plus(policy.timers.send_budget),
            attested,
            seed,
            verdict: None,
            cancelled: false,
            unheard: false,
            settlement: Settlement::Open(Reversal::NotNeeded),
            settling_since: now,
            settled_before_ms: 0,
            seen: false,
            asked_in_vain: false,
            duplicate_hint: false,
            check_refused: false,
            check_unavailable: !policy.check_payment,
            reversals: Tries::default(),
            checks: Tries::default(),
            overdue_alerts: 0,
            late_paid: false,
            listed: ListedFor::Nothing,
            doubted: false,
            void: Void::None,
            void_resent: false,
            phone_forgotten: false,
            acknowledged: false,
            due: None,
            touched: now,
        };
        state.due = Some(state.open_due(policy));
        state
    }

    /// Whether the push may be written now, on a connection ready since `connected` (rules 3 and
    /// 4). Connecting may be slow; standing still with a connection at hand is what a paused
    /// process does.
    pub fn may_send(&self, policy: &Policy, connected: Boottime, now: Boottime) -> bool {
        self.verdict.is_none()
            && now.since(self.begun) <= policy.timers.send_check
            && now.since(connected) <= policy.timers.connected_check
    }

    pub(super) fn open_due(&self, policy: &Policy) -> Boottime {
        let decide = self.window.plus(policy.timers.decide);
        if self.checks.count > 0 || self.check_unavailable {
            return decide;
        }
        // A check that was counted anew (behind a restart) keeps the pause of the one before: due
        // earlier it would be due, and do nothing, as fast as the machine can.
        self.window.plus(policy.timers.check).max(self.checks.not_before).min(decide)
    }

    /// The latest moment at which a late push or its session can still be alive: 60 s + D.
    pub(super) fn close_at(&self, policy: &Policy) -> Boottime {
        self.window.plus(policy.timers.session + policy.timers.delay_bound)
    }

    /// Whether a status asked for at `issued` says anything: earlier than 60 s behind the push "not
    /// found" says nothing, the customer may be paying (FAQ).
    pub(super) fn is_conclusive(&self, policy: &Policy, issued: Boottime) -> bool {
        issued >= self.window.plus(policy.timers.session)
    }

    pub(super) fn decide(&mut self, verdict: Verdict, now: Boottime) {
        debug_assert!(self.verdict.is_none() || self.verdict == Some(Verdict::Quarantined));
        self.verdict = Some(verdict);
        self.settling_since = now;
        self.settled_before_ms = 0;
        // A gateway that says so at 60.5 s and at 65 s restarts once.
        (self.checks.count, self.check_refused) = (0, false);
    }

    /// Rules 5 and 10, and an operator's ruling.
    pub(super) fn accept(mut self, policy: &Policy, source: Source, now: Boottime) -> Step {
        self.decide(Verdict::Accepted(source), now);
        self.late_paid = false;
        self.settlement = Settlement::closed(now);
        // A void may need the phone until the day is over.
        self.due = Some(now.plus(policy.timers.keep_phone));
        Step::to(self)
    }

    /// Rules 6 and 11.
    fn decline(mut self, policy: &Policy, reason: DeclineReason, now: Boottime) -> Step {
        self.decide(Verdict::Declined(reason), now);
        if self.late_paid {
            // Seen debited before OVO declined it: that is no decline to trust.
            return self.reopen(policy, now).alerting(Alert::LyingDecline(reason));
        }
        self.verify_decline(policy, reason, now)
    }

    /// A decline can hide a debit: it is verified by a late check, where there are checks. Of code
    /// 26 the customer may still find the prompt, log in and confirm: it is verified even where
    /// other declines are trusted, and without checks it is reversed (see `closing_is_due`).
    fn verify_decline(mut self, policy: &Policy, reason: DeclineReason, now: Boottime) -> Step {
        let verified = if is_undelivered(reason) {
            !policy.trust_undelivered
        } else {
            policy.verify_declines && !self.check_unavailable
        };
        if !verified {
            return self.close(policy, now);
        }
        self.settlement = Settlement::Open(Reversal::NotNeeded);
        self.due = Some(self.close_at(policy).max(now));
        Step::to(self)
    }

    /// Rule 13: nobody answered in time. Rule 12 comes here with the reversal already done.
    fn abandon(mut self, reversal: Reversal, now: Boottime) -> Step {
        self.decide(Verdict::Abandoned, now);
        self.settlement = Settlement::Open(reversal);
        self.due = Some(now);
        Step::to(self)
    }

    fn quarantine(mut self, policy: &Policy, now: Boottime) -> Step {
        self.decide(Verdict::Quarantined, now);
        self.hand_to_operator(policy, now)
    }
}

/// Whether OVO declined because it could not reach the customer's app (26).
pub(super) fn is_undelivered(reason: DeclineReason) -> bool {
    reason == DeclineReason::Code(ResponseCode::UNDELIVERABLE)
}

/// T_push starts: every wait counts from the last byte. Worth no commit of its own.
pub(super) fn sent(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if state.verdict.is_none() {
        state.window = now;
        state.due = Some(state.open_due(policy));
    }
    Step::to(state)
}

/// Rules 2 and 4. (Rule 4 once left a push that was not written in time to the resolution loop. The
/// process knows that it wrote nothing and never will, which is all that NotSent claims; so the
/// cashier can try again at once.)
pub(super) fn not_sent(mut state: State, now: Boottime) -> Step {
    if state.verdict.is_none() {
        state.decide(Verdict::NotSent, now);
        state.settlement = Settlement::closed(now);
        return Step::to(state.forget_phone());
    }
    Step::to(state)
}

pub(super) fn answered(
    policy: &Policy,
    mut state: State,
    answer: PushAnswer,
    now: Boottime,
) -> Step {
    if matches!(answer, PushAnswer::Approved | PushAnswer::Declined(_)) {
        state = heard_out(state, now);
    }
    match (state.verdict, answer) {
        // Rule 5.
        (None, PushAnswer::Approved) => state.accept(policy, Source::Push, now),
        // Rule 6.
        (None, PushAnswer::Declined(code)) => state.decline(policy, DeclineReason::Code(code), now),
        // Rule 7. After the decision, too: it forbids reversing these numbers unseen (I10).
        (None | Some(Verdict::Abandoned | Verdict::Declined(_)), PushAnswer::Duplicate(code)) => {
            state.duplicate_hint = true;
            // "Not found" under numbers that nobody vouches for any more was perhaps a sale of another
            // day: look again. A debit that OVO showed as ours stays ours.
            state.seen &= state.late_paid;
            Step::to(state).alerting(Alert::DuplicateNumbers(code))
        }
        // Rule 8: keep waiting for the clock.
        (None, PushAnswer::WrongEcho(field)) => Step::to(state).alerting(Alert::WrongEcho(field)),
        (None, PushAnswer::Unknown) => Step::to(state),
        // Policy 2.7: a success that lost against the decision is evidence; the decision stands
        // [M12].
        (Some(Verdict::Abandoned | Verdict::Declined(_)), PushAnswer::Approved) => {
            settlement::late_success(policy, state, now)
        }
        // Cancelled, then declined: there is nothing to reverse, unless it was debited after all. Of
        // code 26 the customer may still find the prompt: its reversal stays owed.
        (Some(Verdict::Abandoned), PushAnswer::Declined(code))
            if state.cancelled
                && (code != ResponseCode::UNDELIVERABLE || policy.trust_undelivered)
                && state.owes_reversal()
                && state.reversals.count == 0
                && !state.late_paid =>
        {
            state.verify_decline(policy, DeclineReason::Code(code), now)
        }
        (Some(Verdict::Quarantined), PushAnswer::Approved) => doubted::approved(policy, state, now),
        (Some(Verdict::NotSent), PushAnswer::Approved) => {
            state.contradict();
            Step::to(state).alerting(Alert::PaidButNotSent)
        }
        (Some(_), _) => Step::to(state),
    }
}

/// The merchant gives the payment up: Abandoned is durable and told at once, the reversal leaves
/// from 65 s on, like every other one. A success that comes later is returned: the shop may have
/// taken cash by then.
///
/// A cancel takes the vouching for the numbers back: OVO's word that they were used before may still
/// come, and who is to hear it may end first. It is given back by [`heard_out`]. Until then, and where
/// nobody listens, what is reversed is seen first. Without status checks that cannot be, and a cancel
/// that nobody listens behind is refused.
pub(super) fn cancelled(policy: &Policy, mut state: State, heard: bool, now: Boottime) -> Step {
    if state.verdict.is_some() {
        return Step::to(state);
    }
    if state.duplicate_hint || (state.check_unavailable && !(state.attested && heard)) {
        return Step::refused(state, Refusal::CannotBeReversed);
    }
    state.unheard = true;
    // Where 60.5 s have passed already, the check is asked again: it may be under way.
    let due = state.open_due(policy).max(now);
    state.cancelled = true;
    let mut step = state.abandon(Reversal::Needed, now);
    step.state.due = Some(due);
    step
}

/// The push's answer was listened for to the end, and it was no word about its numbers: they are
/// vouched for again, and "not found", which the listening held back, was about them.
pub(super) fn heard_out(mut state: State, now: Boottime) -> State {
    if !state.unheard {
        return state;
    }
    let left_alone = state.is_left_alone();
    state.unheard = false;
    if left_alone && state.is_certainly_ours() {
        state.settlement = Settlement::Open(Reversal::Needed);
        state.seen = true;
    }
    if state.owes_reversal() {
        state.due = Some(now);
    }
    state
}

/// Rules 9 and 13: one status check, then the decision.
pub(super) fn is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let timers = &policy.timers;
    if now >= state.window.plus(timers.decide) {
        if state.check_unavailable && !state.is_certainly_ours() {
            // Whose payment the numbers name cannot be asked: no reversal may go out (I10).
            return state.quarantine(policy, now).alerting(Alert::Doubtful).by(Rule::TimeUp);
        }
        return state.abandon(Reversal::Needed, now).by(Rule::TimeUp);
    }
    let may_ask = state.checks.count == 0 && !state.check_unavailable;
    if may_ask && now >= state.window.plus(timers.check).max(state.checks.not_before) {
        state.checks.count = 1;
        state.checks.not_before = now.plus(timers.backoff(1, state.seed));
        state.due = Some(state.open_due(policy));
        return Step::to(state).sending(Request::CheckPayment);
    }
    state.due = Some(state.open_due(policy));
    Step::to(state)
}

/// Rule 10 for whoever waits in another process than the one that asked: OVO's answer counts for them,
/// too, if it came before the decision was due. (What was said before a restart, or to somebody who died
/// since, is old. Of a payment that cannot be checked OVO's settlement file may say so, which nobody
/// waits for.)
pub(super) fn awaited(policy: &Policy, state: State, now: Boottime) -> Step {
    let is_shown = state.verdict.is_none() && state.late_paid;
    let restarted = state.begun == Boottime(0);
    let decide = state.window.plus(policy.timers.decide);
    let is_fresh = now < decide.plus(policy.timers.check_budget);
    let in_time = !restarted && state.touched <= decide && is_fresh;
    let is_certain = !state.check_unavailable && !state.duplicate_hint;
    if is_shown && in_time && is_certain && policy.late_success == LateSuccess::Accept {
        return state.accept(policy, Source::Status, now).by(Rule::FoundPaid);
    }
    Step::to(state)
}

/// Rules 9 to 12: the one check before the decision.
pub(super) fn checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    waiting: bool,
    now: Boottime,
) -> Step {
    let conclusive = state.is_conclusive(policy, issued);
    match answer {
        StatusAnswer::Paid => {
            state.seen |= conclusive;
            if waiting && policy.late_success == LateSuccess::Accept {
                return state.accept(policy, Source::Status, now).by(Rule::FoundPaid);
            }
            // Should the decision be to reverse, then what is reversed is somebody's money.
            state.late_paid = true;
            Step::to(state)
        }
        // OVO said of our own push that its numbers were used before: it did not execute it.
        StatusAnswer::ForeignSale if state.duplicate_hint => {
            let step = state.decline(policy, DeclineReason::ForeignSale, now);
            step.alerting(Alert::ForeignSale).by(Rule::ForeignSale)
        }
        // Our push may have been executed under numbers that name another sale.
        StatusAnswer::ForeignSale => {
            state.duplicate_hint = true;
            state.quarantine(policy, now).alerting(Alert::Doubtful).by(Rule::ForeignSale)
        }
        StatusAnswer::Doubtful => {
            state.quarantine(policy, now).alerting(Alert::Doubtful).by(Rule::Identity)
        }
        StatusAnswer::Reversed => {
            state.seen = true;
            let step = state.abandon(Reversal::Acknowledged(now), now);
            step.alerting(Alert::ForeignReversal).by(Rule::FoundReversed)
        }
        StatusAnswer::NotFound => {
            state.seen |= conclusive && state.is_certainly_ours();
            Step::to(state)
        }
        StatusAnswer::TooOld => state.quarantine(policy, now).alerting(Alert::TooOld),
        StatusAnswer::Unavailable if state.may_be_a_passing_error() => state.refused_in_passing(),
        StatusAnswer::Unavailable => {
            state.check_unavailable = true;
            state.due = Some(state.open_due(policy));
            Step::to(state).alerting(Alert::CheckUnavailable)
        }
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NoAnswer => Step::to(state),
        // What never left is asked first behind the decision; what did leave keeps its pause.
        StatusAnswer::NotSent => {
            let soon = issued.plus(policy.timers.early_retry(state.seed));
            state.checks.not_before = state.checks.not_before.min(soon);
            Step::to(state)
        }
    }
}
