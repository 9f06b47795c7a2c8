//! The state machine: `safety.md` b.3, rule by rule.

use std::time::Duration;

use crate::message::{Mismatch, ResponseCode};
use crate::payment::answer::{PushAnswer, ReversalAnswer, StatusAnswer, VoidAnswer};
use crate::payment::state::{Boottime, DeclineReason, Reversal, Source, State, Verdict, Void};
use crate::payment::timers::{LateSuccess, Policy};
use crate::payment::{doubted, void};

/// Something that happened to a payment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// The last byte of the push was handed to the TLS layer, now.
    Sent,
    /// The process that made the Intent proves that it wrote no byte of the push and never will.
    NotSent,
    /// The push's exchange ended.
    Answered(PushAnswer),
    /// Time passed: the state's `due` may have come.
    Due,
    /// A status check ended.
    Checked {
        /// When it was sent.
        issued: Boottime,
        /// What it said.
        answer: StatusAnswer,
        /// Whether a caller still waits for the outcome (rule 10).
        waiting: bool,
    },
    /// A reversal ended.
    Reversed {
        /// When it was sent.
        issued: Boottime,
        /// What it said.
        answer: ReversalAnswer,
    },
    /// The machine was restarted since the state was written.
    Rebooted {
        /// How long ago the state was written, by the wall clock and as far as that can be
        /// trusted. It only moves times of a quarter of an hour and more.
        away: Duration,
    },
    /// The caller stored the outcome.
    Acknowledged,
    /// The merchant wants the payment voided.
    VoidAsked {
        /// Whether a void is still allowed today, as far as a trusted clock knows.
        in_time: bool,
    },
    /// A void ended.
    VoidAnswered(VoidAnswer),
    /// A check of a void ended.
    VoidChecked {
        /// What it said.
        answer: StatusAnswer,
        /// Whether a void is still allowed today.
        in_time: bool,
    },
    /// OVO's settlement file shows the payment as paid (`faults.md` OP4).
    ReportedPaid,
    /// An operator decided.
    Ruled(Ruling),
}

/// An operator's decision about a payment that the policy gave up (rule 19).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ruling {
    /// It is paid and ours.
    Paid,
    /// It is ours and must be returned.
    Refund,
    /// It is dealt with outside this library: nothing more is sent for it. Of a payment that was
    /// not paid this can be said from 60 s + D after its push on; until then it can still be
    /// debited, whatever OVO's books show.
    Close,
}

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

/// Something that an operator should hear about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Alert {
    /// OVO says that the numbers were used before.
    DuplicateNumbers(ResponseCode),
    /// The numbers belong to another sale; nothing of it is touched.
    ForeignSale,
    /// Whose payment it is cannot be told.
    Doubtful,
    /// OVO reversed a payment that we did not reverse.
    ForeignReversal,
    /// A success came after the decision; the payment is being returned.
    LateSuccess,
    /// A payment that OVO had declined is debited; it is being returned.
    LyingDecline(DeclineReason),
    /// A reversed payment is debited (again); it is being returned.
    LateDebit,
    /// A closed payment turned out debited: the delay bound D does not hold here. Critical.
    DelayBoundBroken,
    /// An answer repeats other values than were asked about.
    WrongEcho(Mismatch),
    /// OVO refuses the set-up (63, EB, BR) while money is at stake.
    Misconfigured(ResponseCode),
    /// OVO refuses status checks.
    CheckUnavailable,
    /// OVO no longer knows the payment's status (54).
    TooOld,
    /// A payment told as Paid was reversed at OVO. Critical.
    PaidButReversed,
    /// A success for a push that never left. Critical.
    PaidButNotSent,
    /// Settlement has taken longer than it should.
    Overdue(Duration),
    /// A void's end could not be known.
    VoidUnresolved,
}

impl Alert {
    /// Whether somebody should be woken.
    pub fn is_critical(self) -> bool {
        matches!(
            self,
            Alert::DelayBoundBroken
                | Alert::PaidButReversed
                | Alert::PaidButNotSent
                | Alert::LyingDecline(_)
                | Alert::Doubtful
                | Alert::TooOld
        )
    }
}

/// Why an event that asks for something was refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// Only a payment told as Paid can be voided (VD1).
    NotPaid,
    /// The day of the payment is over, or nearly (FAQ: same day only).
    VoidTooLate,
    /// A void is already under way (VI4).
    VoidInProgress,
    /// The payment is already voided.
    AlreadyVoided,
    /// Nothing about this payment waits for an operator.
    NothingToRule,
    /// The customer can still be debited: nobody can know how it ends before 60 s + D.
    CloseTooEarly,
    /// There is no outcome yet that could be acknowledged.
    NoOutcome,
}

/// What follows from an event.
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
}

impl Step {
    pub(super) fn to(state: State) -> Step {
        Step { state, send: None, alert: None, refused: None }
    }

    pub(super) fn sending(self, request: Request) -> Step {
        Step { send: Some(request), ..self }
    }

    pub(super) fn alerting(self, alert: Alert) -> Step {
        Step { alert: Some(alert), ..self }
    }

    pub(super) fn refused(state: State, refusal: Refusal) -> Step {
        Step { refused: Some(refusal), ..Step::to(state) }
    }
}

impl State {
    /// In `checks`: the check that rule 14b asks behind its five minutes was sent. If it gets no
    /// answer either, a reversal goes out unseen.
    pub const LAST_CHECK: u16 = u16::MAX;

    /// Rule 1: the Intent, to be committed together with its numbers.
    pub fn intent(policy: &Policy, now: Boottime, attested: bool, seed: u16) -> State {
        let mut state = State {
            begun: now,
            window: now.plus(policy.timers.send_budget),
            attested,
            seed,
            verdict: None,
            settling_since: now,
            seen: false,
            duplicate_hint: false,
            check_unavailable: !policy.check_payment,
            reversal: Reversal::NotNeeded,
            attempts: 0,
            checks: 0,
            overdue_alerts: 0,
            late_paid: false,
            needs_operator: false,
            closed: None,
            sweeps: 0,
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

    /// Whether another push to the same customer could debit twice (`faults.md` MP13): no verdict
    /// yet, or a reversal not yet acknowledged.
    pub fn is_unsettled(&self) -> bool {
        self.verdict.is_none() || self.reversal == Reversal::Needed
    }

    /// Whether a reversal or void that was decided on in `decided` may still be written, now that
    /// the journal shows this state (`safety.md` 3.4): nobody has settled the payment meanwhile,
    /// handed it to an operator, or learned that its numbers may be another sale's.
    pub fn still_calls_for(&self, decided: &State) -> bool {
        let what_it_rests_on = |state: &State| {
            (
                (state.verdict, state.reversal, state.closed, state.needs_operator),
                (state.attested, state.duplicate_hint),
                (state.void, state.void_resent),
            )
        };
        what_it_rests_on(self) == what_it_rests_on(decided)
    }

    fn open_due(&self, policy: &Policy) -> Boottime {
        let timers = &policy.timers;
        let one_check_left = self.checks == 0 && !self.check_unavailable;
        self.window.plus(if one_check_left { timers.check } else { timers.decide })
    }

    /// The latest moment at which a late push or its session can still be alive: 60 s + D.
    pub(super) fn close_at(&self, policy: &Policy) -> Boottime {
        self.window.plus(policy.timers.session + policy.timers.delay_bound)
    }

    /// Whether a reversal of these numbers can only hit this payment, even without a look.
    fn is_certainly_ours(&self) -> bool {
        self.attested && !self.duplicate_hint
    }

    fn decide(&mut self, verdict: Verdict, now: Boottime) {
        debug_assert!(self.verdict.is_none() || self.verdict == Some(Verdict::Quarantined));
        self.verdict = Some(verdict);
        self.settling_since = now;
        self.checks = 0;
    }

    /// Rules 5 and 10, and an operator's ruling.
    fn accept(mut self, policy: &Policy, source: Source, now: Boottime) -> Step {
        self.decide(Verdict::Accepted(source), now);
        self.late_paid = false;
        self.closed = Some(now);
        // A void may need the phone until the day is over.
        self.due = Some(now.plus(policy.timers.keep_phone));
        Step::to(self)
    }

    /// Rules 6 and 11.
    fn decline(mut self, policy: &Policy, reason: DeclineReason, now: Boottime) -> Step {
        self.decide(Verdict::Declined(reason), now);
        let must_verify = reason == DeclineReason::Code(ResponseCode::UNDELIVERABLE);
        if policy.verify_declines || must_verify {
            self.due = Some(self.close_at(policy).max(now));
            Step::to(self)
        } else {
            self.close(policy, now)
        }
    }

    /// Rule 13: nobody answered in time. Rule 12 comes here with the reversal already done.
    fn abandon(mut self, reversal: Reversal, now: Boottime) -> Step {
        self.decide(Verdict::Abandoned, now);
        self.reversal = reversal;
        self.due = Some(now);
        Step::to(self)
    }

    fn quarantine(mut self, policy: &Policy, now: Boottime) -> Step {
        self.decide(Verdict::Quarantined, now);
        self.needs_operator = true;
        self.due = Some(now.plus(policy.timers.keep_phone));
        Step::to(self)
    }

    /// Nothing is left to do at OVO but to look again later (rule 16).
    fn close(mut self, policy: &Policy, now: Boottime) -> Step {
        self.closed = Some(now);
        self.checks = 0;
        self.due = Some(self.next_sweep(policy, now));
        Step::to(self)
    }

    fn next_sweep(&self, policy: &Policy, closed: Boottime) -> Boottime {
        let timers = &policy.timers;
        match self.sweeps {
            _ if self.check_unavailable => closed.plus(timers.keep_phone),
            0 => closed.plus(timers.first_sweep),
            1 => closed.plus(timers.second_sweep),
            _ => closed.plus(timers.keep_phone),
        }
    }

    /// Money of this payment is at OVO although the verdict says it must not be: settlement opens
    /// again (rules 15 and 16).
    fn reopen(mut self, now: Boottime) -> Step {
        self.late_paid = true;
        self.seen = true;
        self.reversal = Reversal::Needed;
        // Whoever was to find out whether there is a debit has been told.
        self.needs_operator = false;
        // Without the phone OVO answers no check: the reversal's acknowledgement must close.
        self.check_unavailable |= self.phone_forgotten;
        self.settling_since = now;
        (self.attempts, self.checks, self.overdue_alerts, self.sweeps) = (0, 0, 0, 0);
        self.closed = None;
        self.due = Some(now);
        Step::to(self)
    }

    /// Ends everything automatic; the phone goes when its time comes.
    pub(super) fn hand_to_operator(mut self, policy: &Policy, now: Boottime) -> Step {
        self.needs_operator = true;
        self.due = Some(now.plus(policy.timers.keep_phone));
        Step::to(self)
    }

    pub(super) fn retry_after_check(mut self, policy: &Policy, now: Boottime) -> State {
        self.checks = self.checks.saturating_add(1);
        self.due = Some(now.plus(policy.timers.backoff(self.checks, self.seed)));
        self
    }

    fn forget_phone(mut self) -> State {
        self.phone_forgotten = true;
        self.due = None;
        self
    }
}

/// The policy: what `event` at `now` does to a payment in `state`.
///
/// Pure: same arguments, same answer. The returned state is to be committed (if it differs from
/// `state`) before the returned request is sent.
pub fn step(policy: &Policy, state: &State, event: Event, now: Boottime) -> Step {
    #[cfg(feature = "mutants")]
    if let Some(mutant) = policy.mutant {
        return mutant.step(policy, state, event, now);
    }
    let mut step = match event {
        Event::Sent => sent(policy, *state, now),
        Event::NotSent => not_sent(*state, now),
        Event::Answered(answer) => answered(policy, *state, answer, now),
        Event::Due => due(policy, *state, now),
        Event::Checked { issued, answer, waiting } => {
            checked(policy, *state, issued, answer, waiting, now)
        }
        Event::Reversed { issued, answer } => reversed(policy, *state, issued, answer, now),
        Event::Rebooted { away } => rebooted(policy, *state, away, now),
        Event::Acknowledged => acknowledged(*state),
        Event::VoidAsked { in_time } => void::asked(policy, *state, in_time, now),
        Event::VoidAnswered(answer) => void::answered(policy, *state, answer, now),
        Event::VoidChecked { answer, in_time } => {
            void::checked(policy, *state, answer, in_time, now)
        }
        Event::ReportedPaid => checked(policy, *state, now, StatusAnswer::Paid, false, now),
        Event::Ruled(ruling) => ruled(policy, *state, ruling, now),
    };
    let is_answer = matches!(
        event,
        Event::Answered(_) | Event::Checked { .. } | Event::Reversed { .. } | Event::ReportedPaid
    );
    if is_answer && state.needs_operator && step.state.needs_operator {
        // Nothing but the end of the phone is due of what waits for an operator: it must not come
        // earlier because somebody asked in between.
        step.state.due = state.due;
    }
    if step.state != *state {
        step.state.touched = now;
    }
    step
}

/// T_push starts: every wait counts from the last byte. Worth no commit of its own.
fn sent(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if state.verdict.is_none() {
        state.window = now;
        state.due = Some(state.open_due(policy));
    }
    Step::to(state)
}

/// Rules 2 and 4. (Rule 4 as it stands in safety.md leaves a push that was not written in time to
/// the resolution loop. The process knows that it wrote nothing and never will, which is all that
/// NotSent claims; so the cashier can try again at once.)
fn not_sent(mut state: State, now: Boottime) -> Step {
    if state.verdict.is_none() {
        state.decide(Verdict::NotSent, now);
        state.closed = Some(now);
        return Step::to(state.forget_phone());
    }
    Step::to(state)
}

fn answered(policy: &Policy, mut state: State, answer: PushAnswer, now: Boottime) -> Step {
    match (state.verdict, answer) {
        // Rule 5.
        (None, PushAnswer::Approved) => state.accept(policy, Source::Push, now),
        // Rule 6.
        (None, PushAnswer::Declined(code)) => state.decline(policy, DeclineReason::Code(code), now),
        // Rule 7.
        (None, PushAnswer::Duplicate(code)) => {
            state.duplicate_hint = true;
            Step::to(state).alerting(Alert::DuplicateNumbers(code))
        }
        // Rule 8: keep waiting for the clock.
        (None, PushAnswer::WrongEcho(field)) => Step::to(state).alerting(Alert::WrongEcho(field)),
        (None, PushAnswer::Unknown) => Step::to(state),
        // b.7: a success that lost against the decision is evidence; the decision stands [M12].
        (Some(Verdict::Abandoned | Verdict::Declined(_)), PushAnswer::Approved) => {
            late_success(state, now)
        }
        // Nor may a late word about the numbers be lost: it forbids reversing them unseen (I10).
        (Some(Verdict::Abandoned | Verdict::Declined(_)), PushAnswer::Duplicate(code)) => {
            state.duplicate_hint = true;
            Step::to(state).alerting(Alert::DuplicateNumbers(code))
        }
        (Some(Verdict::Quarantined), PushAnswer::Approved) => {
            state.late_paid = true;
            Step::to(state).alerting(Alert::LateSuccess)
        }
        (Some(Verdict::NotSent), PushAnswer::Approved) => {
            state.hand_to_operator(policy, now).alerting(Alert::PaidButNotSent)
        }
        (Some(_), _) => Step::to(state),
    }
}

fn late_success(mut state: State, now: Boottime) -> Step {
    state.late_paid = true;
    if state.closed.is_some() {
        // The push outlived its closing check: settle all of it again.
        return state.reopen(now).alerting(Alert::DelayBoundBroken);
    }
    if state.reversal == Reversal::NotNeeded {
        // Declined on one answer, approved on another.
        return state.reopen(now).alerting(Alert::LateSuccess);
    }
    // A reversal is under way or acknowledged; the closing check has the last word.
    Step::to(state).alerting(Alert::LateSuccess)
}

fn due(policy: &Policy, state: State, now: Boottime) -> Step {
    if state.due.is_none_or(|due| due > now) {
        return Step::to(state);
    }
    match state.verdict {
        None => open_is_due(policy, state, now),
        Some(Verdict::Accepted(_)) if state.void.is_open() => void::due(policy, state, now),
        Some(Verdict::Declined(_) | Verdict::Abandoned) if !state.needs_operator => {
            if state.closed.is_some() {
                closed_is_due(policy, state, now)
            } else if state.reversal == Reversal::Needed {
                reversal_is_due(policy, state, now)
            } else {
                closing_is_due(policy, state, now)
            }
        }
        Some(_) if state.is_in_doubt() => doubted::due(policy, state, now),
        Some(_) => Step::to(state.forget_phone()),
    }
}

/// Rules 9 and 13: one status check, then the decision.
fn open_is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if now >= state.window.plus(policy.timers.decide) {
        if state.check_unavailable && !state.is_certainly_ours() {
            // Whose payment the numbers name cannot be asked: no reversal may go out (I10).
            return state.quarantine(policy, now).alerting(Alert::Doubtful);
        }
        return state.abandon(Reversal::Needed, now);
    }
    if now >= state.window.plus(policy.timers.check)
        && state.checks == 0
        && !state.check_unavailable
    {
        state.checks = 1;
        state.due = Some(state.open_due(policy));
        return Step::to(state).sending(Request::CheckPayment);
    }
    state.due = Some(state.open_due(policy));
    Step::to(state)
}

/// Rules 14 and 14b: reverse what was seen to be ours; otherwise look first.
fn reversal_is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let timers = &policy.timers;
    let earliest = state.window.plus(timers.decide);
    if now < earliest {
        // I8, in the one place that begins a reversal: never before the session can be over. (A
        // reboot moves the window, so that a refund may then be a minute late.)
        state.due = Some(earliest);
        return Step::to(state);
    }
    let asked_in_vain = state.checks == State::LAST_CHECK;
    let blind = (state.check_unavailable || asked_in_vain) && state.is_certainly_ours();
    if state.seen || blind {
        state.attempts = state.attempts.saturating_add(1);
        state.due = Some(now.plus(timers.backoff(state.attempts, state.seed)));
        return overdue(policy, state, now).sending(Request::Reversal);
    }
    if state.check_unavailable {
        return state.hand_to_operator(policy, now).alerting(Alert::Doubtful);
    }
    if now.since(state.settling_since) >= timers.gate_escape && state.is_certainly_ours() {
        // The five minutes may have been sleep, or a network that was down: what is reversed unseen
        // was asked about once more, behind them, and everybody had the time for an answer.
        state.checks = State::LAST_CHECK;
        state.due = Some(now.plus(timers.exchange_budget + timers.backoff(1, state.seed)));
        return overdue(policy, state, now).sending(Request::CheckPayment);
    }
    overdue(policy, state.retry_after_check(policy, now), now).sending(Request::CheckPayment)
}

/// Rule 15: the closing act, never before 60 s + D: a check, or where the contract has none, one
/// more reversal.
fn closing_is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let close_at = state.close_at(policy);
    if now < close_at {
        state.due = Some(close_at);
        return Step::to(state);
    }
    if !state.check_unavailable {
        return overdue(policy, state.retry_after_check(policy, now), now)
            .sending(Request::CheckPayment);
    }
    if !state.is_certainly_ours() {
        return state.hand_to_operator(policy, now).alerting(Alert::Doubtful);
    }
    // From here on this row is one that is being reversed, also if it was declined (I3).
    if state.reversal == Reversal::NotNeeded {
        state.reversal = Reversal::Needed;
    }
    state.attempts = state.attempts.saturating_add(1);
    state.due = Some(now.plus(policy.timers.backoff(state.attempts, state.seed)));
    overdue(policy, state, now).sending(Request::Reversal)
}

/// Rule 16: two looks behind a closed payment, then the phone is forgotten.
fn closed_is_due(policy: &Policy, state: State, now: Boottime) -> Step {
    let too_late = now.since(state.window) >= policy.timers.status_window;
    if state.sweeps >= 2 || state.check_unavailable || too_late {
        return Step::to(state.forget_phone());
    }
    Step::to(state.retry_after_check(policy, now)).sending(Request::CheckPayment)
}

/// Alerts once after five minutes and once after an hour of unfinished settlement (b.5).
pub(super) fn overdue(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let limit = |alerts| match alerts {
        0 => Some(policy.timers.gate_escape),
        1 => Some(policy.timers.gate_escape * 12),
        _ => None,
    };
    // A reversal is overdue from the decision on, everything else from the moment it may be done.
    let since = if state.reversal == Reversal::Needed {
        state.settling_since
    } else {
        state.settling_since.max(state.close_at(policy))
    };
    let late = now.since(since);
    let alert = limit(state.overdue_alerts).is_some_and(|limit| late >= limit);
    state.overdue_alerts += u8::from(alert);
    // The pauses between tries grow: they must delay neither an alert nor rule 14b's escape.
    if let Some(limit) = limit(state.overdue_alerts).filter(|limit| *limit > late) {
        state.due = state.due.map(|due| due.min(since.plus(limit)));
    }
    let step = Step::to(state);
    if alert { step.alerting(Alert::Overdue(late)) } else { step }
}

fn checked(
    policy: &Policy,
    state: State,
    issued: Boottime,
    answer: StatusAnswer,
    waiting: bool,
    now: Boottime,
) -> Step {
    match state.verdict {
        None => open_checked(policy, state, issued, answer, waiting, now),
        Some(Verdict::Declined(_) | Verdict::Abandoned) => {
            settlement_checked(policy, state, issued, answer, now)
        }
        Some(Verdict::Accepted(_)) => accepted_checked(policy, state, answer, now),
        Some(Verdict::Quarantined) if state.is_in_doubt() => {
            doubted::checked(policy, state, issued, answer, now)
        }
        Some(Verdict::Quarantined) => {
            let late_paid = state.late_paid || answer == StatusAnswer::Paid;
            Step::to(State { late_paid, ..state })
        }
        Some(Verdict::NotSent) => match answer {
            StatusAnswer::Paid => {
                state.hand_to_operator(policy, now).alerting(Alert::PaidButNotSent)
            }
            _ => Step::to(state),
        },
    }
}

/// Rules 9 to 12: the one check before the decision.
fn open_checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    waiting: bool,
    now: Boottime,
) -> Step {
    // Earlier than this "not found" says nothing: the customer may be paying (FAQ).
    let conclusive = issued >= state.window.plus(policy.timers.session);
    match answer {
        StatusAnswer::Paid => {
            state.seen |= conclusive;
            if waiting && policy.late_success == LateSuccess::Accept {
                return state.accept(policy, Source::Status, now);
            }
            // Should the decision be to reverse, then what is reversed is somebody's money.
            state.late_paid = true;
            Step::to(state)
        }
        StatusAnswer::ForeignSale => {
            state.duplicate_hint = true;
            state.decline(policy, DeclineReason::ForeignSale, now).alerting(Alert::ForeignSale)
        }
        StatusAnswer::Doubtful => state.quarantine(policy, now).alerting(Alert::Doubtful),
        StatusAnswer::Reversed => {
            state.seen = true;
            state.abandon(Reversal::Acknowledged(now), now).alerting(Alert::ForeignReversal)
        }
        StatusAnswer::NotFound => {
            state.seen |= conclusive && state.is_certainly_ours();
            Step::to(state)
        }
        StatusAnswer::TooOld => state.quarantine(policy, now).alerting(Alert::TooOld),
        StatusAnswer::Unavailable => {
            state.check_unavailable = true;
            state.due = Some(state.open_due(policy));
            Step::to(state).alerting(Alert::CheckUnavailable)
        }
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NotSent | StatusAnswer::NoAnswer => Step::to(state),
    }
}

/// Rules 14b, 15 and 16: identity gate, closing check and sweeps.
fn settlement_checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    // Whatever vouched for the numbers was wrong: should checks end here (58, 96), no blind
    // reversal may follow (I10).
    state.duplicate_hint |= answer == StatusAnswer::ForeignSale;
    match answer {
        StatusAnswer::Paid if state.reversal == Reversal::Needed && !state.needs_operator => {
            state.seen = true;
            state.late_paid = true;
            state.due = Some(now);
            Step::to(state)
        }
        StatusAnswer::Paid => {
            let alert = match (state.closed, state.verdict) {
                (Some(_), _) => Alert::DelayBoundBroken,
                (None, Some(Verdict::Declined(reason))) => Alert::LyingDecline(reason),
                (None, _) => Alert::LateDebit,
            };
            state.reopen(now).alerting(alert)
        }
        StatusAnswer::ForeignSale | StatusAnswer::NotFound
            if state.reversal == Reversal::Needed && !state.seen && !state.is_certainly_ours() =>
        {
            // Never reverse somebody else's sale (I10): this one, or one of another day, which OVO
            // does not find on our date and a reversal, which names no date, may hit. Should a
            // payment of ours be alive after all, the check that closes, later, sees it.
            state.reversal = Reversal::NotNeeded;
            state.due = Some(now);
            let step = closes(policy, state, issued, now);
            if answer == StatusAnswer::ForeignSale {
                return step.alerting(Alert::ForeignSale);
            }
            step
        }
        StatusAnswer::Reversed if state.reversal == Reversal::Needed => {
            // OVO's own word that a reversal was carried out, ours with a lost answer or another's.
            let unexpected = state.attempts == 0;
            state.seen = true;
            state.reversal = Reversal::Acknowledged(now);
            state.checks = 0;
            state.due = Some(now.max(state.close_at(policy)));
            let step = Step::to(state);
            if unexpected { step.alerting(Alert::ForeignReversal) } else { step }
        }
        StatusAnswer::NotFound | StatusAnswer::Reversed | StatusAnswer::ForeignSale => {
            state.seen = true;
            if state.reversal == Reversal::Needed {
                state.due = Some(now);
                return Step::to(state);
            }
            closes(policy, state, issued, now)
        }
        StatusAnswer::Doubtful => state.hand_to_operator(policy, now).alerting(Alert::Doubtful),
        StatusAnswer::TooOld => state.hand_to_operator(policy, now).alerting(Alert::TooOld),
        StatusAnswer::Unavailable => {
            state.check_unavailable = true;
            state.due = Some(now);
            Step::to(state).alerting(Alert::CheckUnavailable)
        }
        StatusAnswer::NotSent if state.closed.is_none() => {
            // The last check before a reversal unseen is asked again, too: it is the last no more.
            state.checks = state.checks.saturating_sub(1);
            state.due = Some(now.plus(policy.timers.early_retry(state.seed)));
            Step::to(state)
        }
        // The next try is already scheduled.
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NotSent | StatusAnswer::NoAnswer => Step::to(state),
    }
}

/// P6: only a check that was issued after the acknowledgement and after 60 s + D closes.
fn closes(policy: &Policy, mut state: State, issued: Boottime, now: Boottime) -> Step {
    if let Some(closed) = state.closed {
        if state.checks == 0 {
            // Somebody's question in between is neither of the two looks behind.
            return Step::to(state);
        }
        state.sweeps = state.sweeps.saturating_add(1);
        state.checks = 0;
        state.due = Some(state.next_sweep(policy, closed).max(now));
        return Step::to(state);
    }
    let after_reversal = match state.reversal {
        Reversal::NotNeeded => true,
        Reversal::Acknowledged(at) => issued >= at,
        Reversal::Needed => false,
    };
    if after_reversal && issued >= state.close_at(policy) {
        state.close(policy, now)
    } else {
        Step::to(state)
    }
}

/// OV10: the verdict of a payment told as Paid never changes; the operator hears of it.
fn accepted_checked(
    policy: &Policy,
    mut state: State,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    let voided = state.void != Void::None;
    if answer == StatusAnswer::Reversed && !voided && !state.needs_operator {
        // Listed again among the unacknowledged, so that the caller hears of it too.
        state.acknowledged = false;
        return state.hand_to_operator(policy, now).alerting(Alert::PaidButReversed);
    }
    Step::to(state)
}

/// Rule 14's answer. P5: only 00 acknowledges, and a lost acknowledgement is simply repeated.
fn reversed(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: ReversalAnswer,
    now: Boottime,
) -> Step {
    let settling = matches!(state.verdict, Some(Verdict::Abandoned | Verdict::Declined(_)));
    if !settling || state.closed.is_some() {
        return Step::to(state);
    }
    match answer {
        ReversalAnswer::Acknowledged => {
            if state.check_unavailable && issued >= state.close_at(policy) {
                state.reversal = Reversal::Acknowledged(now);
                return state.close(policy, now);
            }
            if state.reversal == Reversal::Needed {
                state.reversal = Reversal::Acknowledged(now);
                state.checks = 0;
                state.due = Some(now.max(state.close_at(policy)));
            }
            Step::to(state)
        }
        ReversalAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        ReversalAnswer::NotSent => {
            // The network is down: try again soon, and do not count what never left.
            state.attempts = state.attempts.saturating_sub(1);
            state.due = Some(now.plus(policy.timers.early_retry(state.seed)));
            Step::to(state)
        }
        ReversalAnswer::Again(pause) => {
            // N20: a host that asks for a pause gets it, up to the longest retry.
            let longest = policy.timers.retry * 60;
            let pause = pause.unwrap_or_default().min(longest);
            state.due = state.due.map(|due| due.max(now.plus(pause)));
            Step::to(state)
        }
    }
}

/// After a reboot elapsed time is unknown: windows begin again in full, never shortened by the
/// wall clock (b.5). Only times of a quarter of an hour and more are moved by it.
fn rebooted(policy: &Policy, mut state: State, away: Duration, now: Boottime) -> Step {
    let left = state.due.map(|due| due.since(state.touched));
    state.begun = Boottime(0);
    state.window = now;
    state.settling_since = now;
    if let Reversal::Acknowledged(at) = &mut state.reversal {
        *at = now;
    }
    if let Some(closed) = &mut state.closed {
        *closed = now;
    }
    let unfinished = state.closed.is_none() && !state.needs_operator;
    state.due = match state.verdict {
        None => {
            state.checks = 0;
            Some(state.open_due(policy))
        }
        Some(Verdict::Abandoned | Verdict::Declined(_)) if unfinished => {
            state.checks = 0;
            Some(now)
        }
        Some(Verdict::Accepted(_)) if state.void.is_open() => Some(now),
        Some(_) if state.is_in_doubt() => Some(now),
        Some(_) => left.map(|left| now.plus(left.saturating_sub(away))),
    };
    Step::to(state)
}

/// P10: only the caller acknowledges.
fn acknowledged(mut state: State) -> Step {
    if state.verdict.is_none() {
        return Step::refused(state, Refusal::NoOutcome);
    }
    state.acknowledged = true;
    Step::to(state)
}

/// Rule 19, and the end of everything that was handed to an operator.
fn ruled(policy: &Policy, mut state: State, ruling: Ruling, now: Boottime) -> Step {
    if !state.needs_operator {
        return Step::refused(state, Refusal::NothingToRule);
    }
    let quarantined = state.verdict == Some(Verdict::Quarantined);
    let reversible = matches!(state.verdict, Some(Verdict::Abandoned | Verdict::Declined(_)));
    // P6 holds for people, too.
    if ruling == Ruling::Close && (quarantined || reversible) && now < state.close_at(policy) {
        return Step::refused(state, Refusal::CloseTooEarly);
    }
    state.needs_operator = false;
    state.acknowledged = false;
    match ruling {
        Ruling::Paid if quarantined => state.accept(policy, Source::Operator, now),
        Ruling::Refund if quarantined || reversible => {
            if quarantined {
                state.decide(Verdict::Abandoned, now);
            }
            state.reopen(now)
        }
        Ruling::Close => {
            state.closed = Some(state.closed.unwrap_or(now));
            state.due = Some(now.plus(policy.timers.keep_phone));
            Step::to(state)
        }
        Ruling::Paid | Ruling::Refund => {
            state.needs_operator = true;
            Step::refused(state, Refusal::NothingToRule)
        }
    }
}
