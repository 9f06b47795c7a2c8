//! From the verdict to a settled record at OVO: rules 14 and 15. What is asked behind that is in
//! [`look`](super::look), what OVO says of what was told as paid in [`accepted`](super::accepted),
//! when a request may leave in [`pace`](super::pace), what a check means that OVO refuses in
//! [`refused_check`](super::refused_check).

use crate::payment::answer::{ReversalAnswer, StatusAnswer};
use crate::payment::open::is_undelivered;
use crate::payment::pace::try_now;
use crate::payment::state::{Boottime, Closer, ListedFor, Reversal, Settlement, State, Verdict};
use crate::payment::step::{Request, Step};
use crate::payment::timers::Policy;
use crate::payment::{Alert, Rule, accepted, doubted, look};

impl State {
    /// Nothing is left to do at OVO but to look again later (rule 16).
    pub(super) fn close(mut self, policy: &Policy, now: Boottime) -> Step {
        self.settlement = Settlement::closed(now);
        (self.checks.count, self.reversals.count) = (0, 0);
        if !self.check_unavailable && self.listed == ListedFor::Overdue {
            // OVO's own record says that it is over.
            self.listed = ListedFor::Nothing;
        }
        self.due = Some(self.next_look(policy, now, 0));
        // OVO's file showed a debit (OP4), and its record neither that nor its return since.
        let is_contradicted = self.is_listed() && !self.check_unavailable;
        let step = Step::to(self);
        if is_contradicted { step.alerting(Alert::Doubtful) } else { step }
    }

    /// Money of this payment is at OVO although the verdict says it must not be: settlement opens
    /// again (rules 15 and 16). How often and how long was tried before is not forgotten.
    pub(super) fn reopen(mut self, policy: &Policy, now: Boottime) -> Step {
        if let Settlement::Closed { at, .. } = self.settlement {
            self.settled_before_ms = self.open_ms(at);
            self.settling_since = now;
            self.reversals.count = 0;
        }
        self = self.with_new_evidence(policy, now);
        self.seen = true;
        // Rule 14b asks for five minutes of asking in this opening.
        self.asked_in_vain = false;
        // Without the phone OVO answers no check: the reversal's acknowledgement must close.
        self.check_unavailable |= self.phone_forgotten;
        self.settlement = Settlement::Open(Reversal::Needed);
        self.checks.count = 0;
        self.due = Some(now);
        Step::to(self)
    }

    /// OVO shows a debit. Where that is news, no pause holds back the reversal longer than OVO's own
    /// 15 s between two requests.
    fn with_new_evidence(mut self, policy: &Policy, now: Boottime) -> State {
        if !self.late_paid || self.is_closed() {
            let soon = now.plus(policy.timers.retry);
            self.reversals.not_before = self.reversals.not_before.min(soon);
        }
        self.late_paid = true;
        self.recorded()
    }

    /// OVO's record shows the debit, or its return: its file (OP4) has told no more than that.
    pub(super) fn recorded(mut self) -> State {
        let is_contradicted = matches!(self.listed, ListedFor::Report | ListedFor::Contradiction);
        if is_contradicted && !self.check_unavailable {
            self.listed = ListedFor::Nothing;
        }
        self
    }

    /// Ends everything automatic; the phone goes when its time comes.
    pub(super) fn hand_to_operator(mut self, policy: &Policy, now: Boottime) -> Step {
        self.settlement = Settlement::WithOperator;
        self.due = Some(now.plus(policy.timers.keep_phone));
        Step::to(self)
    }

    pub(super) fn forget_phone(mut self) -> State {
        self.phone_forgotten = true;
        self.due = None;
        self
    }
}

/// What is due of a payment that was declined or abandoned.
pub(super) fn is_due(policy: &Policy, state: State, now: Boottime) -> Step {
    match state.settlement {
        Settlement::Open(Reversal::Needed) => reversal_is_due(policy, state, now),
        Settlement::Open(_) => closing_is_due(policy, state, now),
        Settlement::Closed { by: Closer::Policy, looks, .. } => {
            look::is_due(policy, state, looks, now)
        }
        Settlement::Closed { by: Closer::Operator, .. } | Settlement::WithOperator => {
            Step::to(state.forget_phone())
        }
    }
}

/// Rules 14 and 14b: reverse what was seen to be ours; otherwise look first.
fn reversal_is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let timers = &policy.timers;
    let earliest = state.window.plus(timers.decide);
    let blind = (state.check_unavailable || state.asked_in_vain) && state.is_certainly_ours();
    if now < earliest {
        // I8, in the one place that begins a reversal: never before the session can be over. (A
        // reboot moves the window, so that a refund may then be a minute late.) The check of 60.5 s
        // is asked of a cancelled payment, too.
        let check = state.window.plus(timers.check);
        let unasked = state.checks.count == 0 && !state.check_unavailable && !state.seen;
        if unasked && now >= check {
            return try_now(policy, state, Request::CheckPayment, now).by(Rule::Check);
        }
        state.due = Some(if unasked { check } else { earliest });
        return Step::to(state);
    }
    if state.seen {
        return try_now(policy, state, Request::Reversal, now).by(Rule::Reversal);
    }
    if blind {
        return try_now(policy, state, Request::Reversal, now).by(Rule::IdentityGate);
    }
    if state.check_unavailable {
        // Whoever listens behind a cancel ends at this very moment: they have the first word.
        let listened = earliest.plus(timers.exchange_budget);
        if state.unheard && now < listened {
            state.due = Some(listened);
            return Step::to(state);
        }
        return state
            .hand_to_operator(policy, now)
            .alerting(Alert::Doubtful)
            .by(Rule::IdentityGate);
    }
    try_now(policy, state, Request::CheckPayment, now).by(Rule::IdentityGate)
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
        return try_now(policy, state, Request::CheckPayment, now);
    }
    match state.verdict {
        // A reversal is for what got no answer (FAQ); a definite decline is one.
        Some(Verdict::Declined(reason)) if !is_undelivered(reason) && !state.late_paid => {
            return close_unverified(policy, state, now);
        }
        // The same, behind a cancel.
        Some(Verdict::Abandoned)
            if state.settlement == Settlement::Open(Reversal::NotNeeded)
                && state.is_certainly_ours()
                && !state.late_paid =>
        {
            return close_unverified(policy, state, now);
        }
        // What was seen to be ours, by OVO's word or an operator's, needs nobody to vouch for it.
        _ if !state.is_certainly_ours() && !state.seen => {
            return state.hand_to_operator(policy, now).alerting(Alert::Doubtful);
        }
        _ => {}
    }
    // From here on this row is one that is being reversed, also if it was declined (I3).
    if state.settlement == Settlement::Open(Reversal::NotNeeded) {
        state.settlement = Settlement::Open(Reversal::Needed);
    }
    try_now(policy, state, Request::Reversal, now)
}

/// Closed without a check behind 60 s + D. Whoever has no checks in the contract knows that, and who is
/// listed was told; where OVO answered before it refused, somebody else has to look.
fn close_unverified(policy: &Policy, state: State, now: Boottime) -> Step {
    let is_news = policy.check_payment && (state.seen || state.late_paid) && !state.is_listed();
    let step = state.close(policy, now);
    if is_news { step.alerting(Alert::Unverified) } else { step }
}

/// The answer to a check of a payment that has its verdict.
pub(super) fn checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    match state.verdict {
        Some(Verdict::Declined(_) | Verdict::Abandoned | Verdict::Quarantined) => {}
        Some(Verdict::Accepted(_)) => return accepted::checked(policy, state, issued, answer, now),
        Some(Verdict::NotSent) | None => {
            // Said again, by the next day's file or a second question, it is no news.
            if answer != StatusAnswer::Paid || state.late_paid {
                return Step::to(state);
            }
            state.late_paid = true;
            state.contradict();
            return Step::to(state).alerting(Alert::PaidButNotSent);
        }
    }
    // Whatever vouched for the numbers was wrong: should checks end here (58, 96), no blind
    // reversal may follow, nor one that rests on an earlier "not found" (I10).
    let expected = state.duplicate_hint;
    if answer == StatusAnswer::ForeignSale {
        state.duplicate_hint = true;
        state.seen = false;
    }
    if state.is_left_to_people() {
        return doubted::checked(policy, state, issued, answer, now);
    }
    if answer == StatusAnswer::ForeignSale {
        // Rule 11, behind the decision: our push may have been executed under numbers that name
        // another sale as well, unless OVO said that it did not execute it (94, 40, a decline).
        let abandoned = state.verdict == Some(Verdict::Abandoned);
        if abandoned && !expected && matches!(state.settlement, Settlement::Open(_)) {
            let step = state.hand_to_operator(policy, now);
            return step.alerting(Alert::Doubtful).by(Rule::ForeignSale);
        }
    }
    match state.settlement {
        Settlement::Open(reversal) => {
            open_settlement_checked(policy, state, reversal, issued, answer, now)
        }
        Settlement::WithOperator if answer == StatusAnswer::Paid => {
            // Whoever was to find out whether there is a debit has been told.
            let alert = debit_alert(&state);
            state.reopen(policy, now).alerting(alert)
        }
        Settlement::WithOperator => state.hears(answer, now),
        Settlement::Closed { by: Closer::Operator, .. } => {
            if answer != StatusAnswer::Paid {
                return state.hears(answer, now);
            }
            state.late_paid = true;
            Step::to(state).alerting(Alert::DebitAfterClose)
        }
        Settlement::Closed { by: Closer::Policy, .. } => {
            look::checked(policy, state, answer, expected, now)
        }
    }
}

/// What a debit means for a payment that is declined, or abandoned and thought to be reversed.
pub(super) fn debit_alert(state: &State) -> Alert {
    match (state.verdict, state.reversals.count) {
        (Some(Verdict::Declined(reason)), _) if !state.late_paid => Alert::LyingDecline(reason),
        (_, 0) => Alert::LateSuccess,
        // How many of them were acknowledged nobody counts: a lost answer hides one. A debit that is
        // news may have come behind all of them.
        (_, 2..) if state.late_paid => Alert::ReversalWithoutEffect,
        _ => Alert::LateDebit,
    }
}

/// Rules 14b and 15: identity gate and closing check.
fn open_settlement_checked(
    policy: &Policy,
    mut state: State,
    reversal: Reversal,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    let conclusive = state.is_conclusive(policy, issued);
    match (answer, reversal) {
        (StatusAnswer::Paid, Reversal::Needed) => {
            state = state.with_new_evidence(policy, now);
            state.seen |= conclusive;
            state.due = Some(now);
            Step::to(state)
        }
        // Asked before the acknowledgement: the check that closes is still to come.
        (StatusAnswer::Paid, Reversal::Acknowledged(at)) if issued < at => {
            state.late_paid = true;
            Step::to(state)
        }
        // What OVO had shown before, its record may go on showing for a minute: asked again then.
        (StatusAnswer::Paid, Reversal::Acknowledged(at))
            if state.late_paid && !state.is_asked_behind_its_reversal(policy, issued) =>
        {
            let shown = at.plus(policy.timers.record_lag());
            let again = shown.max(state.checks.not_before).max(state.close_at(policy));
            state.due = Some(again);
            Step::to(state)
        }
        (StatusAnswer::Paid, _) => {
            let alert = debit_alert(&state);
            state.reopen(policy, now).alerting(alert)
        }
        // Ours was seen debited under numbers that name another sale as well.
        (StatusAnswer::ForeignSale, Reversal::Needed) if state.late_paid => {
            state.hand_to_operator(policy, now).alerting(Alert::Doubtful)
        }
        (StatusAnswer::ForeignSale, Reversal::Needed) => {
            leave_alone(policy, state, issued, now).alerting(Alert::ForeignSale)
        }
        (StatusAnswer::NotFound, Reversal::Needed) if !conclusive => Step::to(state),
        // Never reverse somebody else's sale (I10): perhaps one of another day, which OVO does not
        // find on our date and a reversal, which names no date, may hit. Should a payment of ours
        // be alive after all, the check that closes, later, sees it.
        // Unless it was seen debited: then "not found" is OVO's delay, or a look elsewhere.
        (StatusAnswer::NotFound, Reversal::Needed)
            if !state.seen && !state.is_certainly_ours() && !state.late_paid =>
        {
            leave_alone(policy, state, issued, now)
        }
        (StatusAnswer::NotFound, Reversal::Needed) => {
            state.seen = true;
            state.due = Some(now);
            Step::to(state)
        }
        (StatusAnswer::Reversed, Reversal::Needed) => {
            // OVO's own word that a reversal was carried out, ours with a lost answer or another's.
            let unexpected = state.reversals.count == 0;
            state.seen = true;
            let step = Step::to(state.recorded().acknowledge_reversal(policy, now));
            if unexpected { step.alerting(Alert::ForeignReversal) } else { step }
        }
        // Behind a reversal of ours: it may have hit that sale.
        (StatusAnswer::ForeignSale, Reversal::Acknowledged(_)) => {
            state.hand_to_operator(policy, now).alerting(Alert::Doubtful).by(Rule::ForeignSale)
        }
        (StatusAnswer::ForeignSale, _) => closes(policy, state, reversal, issued, now),
        (StatusAnswer::NotFound | StatusAnswer::Reversed, _) => {
            state.seen |= conclusive;
            let is_returned = answer == StatusAnswer::Reversed;
            // Nothing was reversed here, and OVO's record says that something was.
            let is_foreign = is_returned && state.reversals.count == 0;
            // Whoever was never debited has nothing that a reversal of ours could have returned: of
            // him OVO says "not found".
            state.late_paid |= is_returned && !is_foreign;
            state = if is_returned { state.recorded() } else { state };
            let mut step = closes(policy, state, reversal, issued, now);
            // It had been debited. As long as it is open, that would ask for a reversal of ours.
            step.state.late_paid |= is_foreign && step.state.is_closed();
            // Told already, where that is what was taken for the acknowledgement.
            let is_news = is_foreign && reversal == Reversal::NotNeeded;
            if is_news { step.alerting(Alert::ForeignReversal) } else { step }
        }
        (StatusAnswer::Doubtful, _) => {
            state.hand_to_operator(policy, now).alerting(Alert::Doubtful)
        }
        // OVO can tell nothing any more. What is owed is owed: hourly, until it is acknowledged.
        (StatusAnswer::TooOld, Reversal::Needed) if state.may_be_too_old(policy, now) => {
            state.check_unavailable = true;
            state.seen = true;
            state.contradict();
            state.due = Some(now);
            Step::to(state).alerting(Alert::TooOld)
        }
        (StatusAnswer::TooOld, _) => state.hand_to_operator(policy, now).alerting(Alert::TooOld),
        (StatusAnswer::Unavailable, _) if state.may_be_a_passing_error() => {
            state.refused_in_passing()
        }
        (StatusAnswer::Unavailable, _) => {
            state.check_unavailable = true;
            state.due = Some(now);
            Step::to(state).alerting(Alert::CheckUnavailable)
        }
        (StatusAnswer::NotSent, _) => Step::to(state.check_was_not_sent(policy, now)),
        // The next try is already scheduled.
        // A refused set-up answers no question about a payment: as good as silence.
        (StatusAnswer::Misconfigured(code), _) => {
            let step = Step::to(state.asked_in_vain(policy, issued, now));
            step.alerting(Alert::Misconfigured(code))
        }
        (StatusAnswer::NoAnswer, _) => Step::to(state.asked_in_vain(policy, issued, now)),
    }
}

/// No reversal goes out under these numbers; the closing check is still to come.
fn leave_alone(policy: &Policy, mut state: State, issued: Boottime, now: Boottime) -> Step {
    state.settlement = Settlement::Open(Reversal::NotNeeded);
    state.due = Some(now);
    closes(policy, state, Reversal::NotNeeded, issued, now)
}

/// P6: only a check that was issued after the acknowledgement and after 60 s + D closes.
fn closes(
    policy: &Policy,
    state: State,
    reversal: Reversal,
    issued: Boottime,
    now: Boottime,
) -> Step {
    let after_reversal = match reversal {
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

impl State {
    /// Whether "older than 7 days" can be about this payment, and a reversal of it is known to hit
    /// it. Of a payment of this week it is about an older sale under the same numbers.
    fn may_be_too_old(&self, policy: &Policy, now: Boottime) -> bool {
        let restarted = self.begun == Boottime(0);
        let old = now.since(self.window) >= policy.timers.status_window;
        if restarted && !old { self.seen } else { old && (self.seen || self.is_certainly_ours()) }
    }

    /// Rule 14b. Five minutes of sleep, or of a network that was down, are no five minutes of asking:
    /// what is reversed unseen was asked about behind them, and got no answer. (To reverse at 65 s
    /// behind one unanswered check, as the FAQ has it, takes another customer's money where the
    /// numbers are also another sale's and the 94 was lost: OV5.)
    fn asked_in_vain(mut self, policy: &Policy, issued: Boottime, now: Boottime) -> State {
        let waited = issued.since(self.settling_since) >= policy.timers.gate_escape;
        if self.is_conclusive(policy, issued) && waited && !self.asked_in_vain {
            self.asked_in_vain = true;
            if self.owes_reversal() && self.is_certainly_ours() {
                self.due = Some(now);
            }
        }
        self
    }

    /// Whether a check was issued so long behind the acknowledgement of a reversal that OVO's record must
    /// show it.
    pub(super) fn is_asked_behind_its_reversal(&self, policy: &Policy, issued: Boottime) -> bool {
        let lag = policy.timers.record_lag();
        matches!(self.settlement, Settlement::Open(Reversal::Acknowledged(at)) if issued >= at.plus(lag))
    }

    fn acknowledge_reversal(mut self, policy: &Policy, now: Boottime) -> State {
        self.settlement = Settlement::Open(Reversal::Acknowledged(now));
        self.checks.count = 0;
        self.due = Some(now.max(self.close_at(policy)));
        self
    }
}

/// A success that came behind the decision.
pub(super) fn late_success(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if state.is_left_to_people() {
        return doubted::approved(policy, state, now);
    }
    match state.settlement {
        Settlement::Closed { by: Closer::Operator, .. } => {
            state.late_paid = true;
            Step::to(state).alerting(Alert::DebitAfterClose)
        }
        // The push outlived its closing check: settle all of it again. Where the debit was known, the
        // answer says nothing of when it came: it may have lain unread in a process that stood still.
        Settlement::Closed { by: Closer::Policy, .. } => {
            let alert = match state.late_paid {
                true => Alert::LateSuccess,
                false => Alert::DelayBoundBroken,
            };
            state.reopen(policy, now).alerting(alert)
        }
        // Declined on one answer, approved on another.
        Settlement::Open(Reversal::NotNeeded) => {
            state.reopen(policy, now).alerting(Alert::LateSuccess)
        }
        // Its own answer names the payment as well as any check does: whatever a check finds behind
        // that, it is reversed. What OVO acknowledged earlier may have overtaken this debit.
        Settlement::Open(_) => {
            state = state.with_new_evidence(policy, now);
            // Numbers that OVO called duplicate are seen by a check first (I10).
            state.seen |= !state.duplicate_hint;
            state.settlement = Settlement::Open(Reversal::Needed);
            state.due = Some(now);
            Step::to(state).alerting(Alert::LateSuccess)
        }
        // Whatever made it an operator's case: whose the numbers are, this answer says.
        Settlement::WithOperator
            if state.verdict == Some(Verdict::Abandoned) && !state.duplicate_hint =>
        {
            state.reopen(policy, now).alerting(Alert::LateSuccess)
        }
        // The operator decides.
        Settlement::WithOperator => {
            state.late_paid = true;
            Step::to(state).alerting(Alert::Doubtful)
        }
    }
}

/// Rule 14's answer. P5: only 00 acknowledges, and a lost acknowledgement is simply repeated.
pub(super) fn reversed(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: ReversalAnswer,
    now: Boottime,
) -> Step {
    let Settlement::Open(reversal) = state.settlement else { return Step::to(state) };
    // Sent by a node that lives on, before the journal was doubted: what is asked for now, it does not tell.
    if !state.is_reversible() || state.doubted {
        return Step::to(state);
    }
    match (answer, reversal) {
        (ReversalAnswer::Acknowledged, _)
            if state.check_unavailable && issued >= state.close_at(policy) =>
        {
            close_unverified(policy, state, now)
        }
        (ReversalAnswer::Acknowledged, Reversal::Needed) => {
            Step::to(state.acknowledge_reversal(policy, now))
        }
        (ReversalAnswer::Acknowledged, _) => Step::to(state),
        (ReversalAnswer::Misconfigured(code), _) => {
            Step::to(state).alerting(Alert::Misconfigured(code))
        }
        (ReversalAnswer::NotSent, _) => {
            // The network is down: try again soon, and do not count what never left.
            state.reversals.count = state.reversals.count.saturating_sub(1);
            state.reversals.not_before = now.plus(policy.timers.early_retry(state.seed));
            if reversal == Reversal::Needed {
                state.due = Some(state.reversals.not_before);
            }
            Step::to(state)
        }
        (ReversalAnswer::Again(pause), _) => {
            // N20: a host that asks for a pause gets it, up to the longest retry.
            let longest = policy.timers.retry * 60;
            let asked = now.plus(pause.unwrap_or_default().min(longest));
            state.reversals.not_before = state.reversals.not_before.max(asked);
            state.due = state.due.map(|due| due.max(asked));
            Step::to(state)
        }
    }
}
