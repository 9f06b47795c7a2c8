//! A payment whose debit an operator decides about: OVO's evidence contradicts itself, or the journal cannot
//! vouch for itself, because it is a copy, or lost a part of itself ([faults J12, J21, J23]).
//!
//! What the journal has lost may have told the payment as Paid, or had it returned by hand. So it is asked
//! about and never reversed: where OVO has no debit nothing is owed; where there is one, now or behind that,
//! an operator decides.
//!
//! [faults J12, J21, J23]: crate::manual::faults#j-disk-and-journal

use std::time::Duration;

use crate::payment::answer::StatusAnswer;
use crate::payment::history::{Entry, What};
use crate::payment::pace::try_now;
use crate::payment::state::{
    Boottime, Closer, ListedFor, Reversal, Settlement, State, Verdict, Void,
};
use crate::payment::step::{Request, Step};
use crate::payment::timers::Policy;
use crate::payment::{Alert, Payment, Rule, look};
use crate::wib::WallTime;

impl State {
    /// Whether its settlement is still asked about for that.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubted && matches!(self.settlement, Settlement::Open(_))
    }

    /// Whether a debit of it, and it alone, is an operator's to decide about: nothing of it is returned by itself.
    pub(super) fn is_left_to_people(&self) -> bool {
        self.verdict == Some(Verdict::Quarantined) || (self.doubted && self.is_reversible())
    }

    /// Whether the journal, if it lacks what came behind this, could act on what is no more so: tell as not
    /// completed what was told as Paid, or send a void again that was refused, or refunded by hand.
    pub fn rests_on_what_came_last(&self) -> bool {
        self.verdict.is_none() || (matches!(self.void, Void::Sent | Void::Unknown) && !self.doubted)
    }

    /// Whether the policy may still reverse it by itself, now or behind a look, although an operator may have
    /// closed it since: in what an older copy of a file lacks, which may be a day. What a failover of a fleet
    /// loses is seconds, and all its open reversals would wait for an operator: a fleet goes on with them. A
    /// limit: what is looked at no more is not among these.
    pub fn may_be_closed_since(&self) -> bool {
        let is_looked_at = !self.is_closed() || self.due.is_some();
        self.is_reversible() && is_looked_at && !self.is_closed_by_operator() && !self.doubted
    }

    /// Makes a payment one of those that could still be told as not completed, or be reversed: it is asked
    /// about anew, from the first check on. So is an open void, which is not sent any more.
    pub fn leave_to_checks(&mut self) {
        debug_assert!(self.rests_on_what_came_last() || self.may_be_closed_since());
        self.doubted = true;
        if self.verdict.is_none() {
            self.verdict = Some(Verdict::Quarantined);
            self.attested = false;
        } else if self.owes_reversal() {
            self.settlement = Settlement::Open(Reversal::NotNeeded);
        }
        if self.is_in_doubt() || self.void.is_open() {
            self.checks.count = 0;
            self.due = Some(self.touched);
        }
    }
}

impl Payment {
    /// What every engine does, in a journal that cannot vouch for itself, to a payment that
    /// [rests on what came last](State::rests_on_what_came_last).
    pub(crate) fn leave_to_checks(&mut self) {
        self.state.leave_to_checks();
        self.note_doubt();
    }

    /// Its history says that the journal, or two journals that disagree, put it in doubt.
    pub(crate) fn note_doubt(&mut self) {
        let wall = WallTime::now();
        let millis = wall.unix_millis().saturating_sub(self.intent.wall.unix_millis());
        let since = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let mut entry = Entry::new(wall, since, 0, What::Doubted);
        (entry.rule, entry.verdict) = (Some(Rule::InDoubt), self.state.verdict);
        self.history.add(&entry);
    }
}

/// Asks once "not found" is final, and goes on asking until there is an answer.
pub(super) fn is_due(policy: &Policy, mut state: State, now: Boottime) -> Step {
    let close_at = state.close_at(policy);
    if now < close_at {
        state.due = Some(close_at);
        return Step::to(state);
    }
    if state.check_unavailable {
        return state.hand_to_operator(policy, now).alerting(Alert::Doubtful);
    }
    try_now(policy, state, Request::CheckPayment, now)
}

/// The answer to a check of a payment whose debit an operator decides about.
pub(super) fn checked(
    policy: &Policy,
    state: State,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    match (state.settlement, answer) {
        // Whoever is to find out whether there is a debit has been told.
        (Settlement::WithOperator, StatusAnswer::Paid) if state.late_paid => {
            state.hears(answer, now)
        }
        (_, StatusAnswer::Paid) => debited(policy, state.recorded(), now),
        (Settlement::Open(_), _) => asked(policy, state, issued, answer, now),
        (Settlement::Closed { by: Closer::Policy, .. }, _) => {
            look::checked(policy, state, answer, false, now)
        }
        (Settlement::WithOperator | Settlement::Closed { .. }, _) => state.hears(answer, now),
    }
}

/// The push's own success: who is to find out whether there is a debit is told, and nothing is returned by
/// itself.
pub(super) fn approved(policy: &Policy, state: State, now: Boottime) -> Step {
    debited(policy, state.recorded(), now)
}

/// OVO's settlement file shows it as paid (OP4): no more than that, until its record does.
pub(super) fn reported(policy: &Policy, mut state: State, now: Boottime) -> Step {
    if state.is_closed_by_operator() || !state.is_contradictable() {
        return checked(policy, state, now, StatusAnswer::Paid, now);
    }
    let is_known = state.listed == ListedFor::Report
        || (state.settlement == Settlement::WithOperator && state.late_paid);
    if is_known {
        return state.hears(StatusAnswer::Paid, now);
    }
    state.listed = ListedFor::Report;
    handed(policy, state, now)
}

fn debited(policy: &Policy, mut state: State, now: Boottime) -> Step {
    state.late_paid = true;
    if state.is_closed_by_operator() {
        return Step::to(state).alerting(Alert::DebitAfterClose);
    }
    handed(policy, state, now)
}

fn handed(policy: &Policy, mut state: State, now: Boottime) -> Step {
    // Told as settled so far.
    state.acknowledged &= !state.is_closed();
    state.hand_to_operator(policy, now).alerting(Alert::Doubtful)
}

/// The answer to what was asked because the journal cannot vouch for itself.
fn asked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    match answer {
        StatusAnswer::NotFound | StatusAnswer::Reversed if issued < state.close_at(policy) => {
            Step::to(state)
        }
        // A debit that OVO showed before, and of which no reversal is known, does not end like this.
        StatusAnswer::NotFound
            if state.late_paid && state.settlement == Settlement::Open(Reversal::NotNeeded) =>
        {
            state.hand_to_operator(policy, now).alerting(Alert::Doubtful)
        }
        StatusAnswer::NotFound | StatusAnswer::Reversed => {
            // What was given back had been debited.
            state.late_paid |= answer == StatusAnswer::Reversed;
            if state.verdict == Some(Verdict::Quarantined) {
                // Told as an operator's case so far. It is not paid, and nobody can say any more that it is.
                state.decide(Verdict::Abandoned, now);
                state.acknowledged = false;
            }
            state.seen = true;
            state.close(policy, now)
        }
        StatusAnswer::Paid => debited(policy, state.recorded(), now),
        StatusAnswer::ForeignSale | StatusAnswer::Doubtful => {
            state.hand_to_operator(policy, now).alerting(Alert::Doubtful)
        }
        StatusAnswer::TooOld => state.hand_to_operator(policy, now).alerting(Alert::TooOld),
        StatusAnswer::Unavailable if state.may_be_a_passing_error() => state.refused_in_passing(),
        StatusAnswer::Unavailable => {
            state.check_unavailable = true;
            state.hand_to_operator(policy, now).alerting(Alert::CheckUnavailable)
        }
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NotSent => Step::to(state.check_was_not_sent(policy, now)),
        // The next try is already scheduled.
        StatusAnswer::NoAnswer => Step::to(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::conformance::{charge, fresh};
    use crate::payment::input::{Input, Ruling};
    use crate::payment::step::step;
    use crate::payment::{DeclineReason, Outcome, PushAnswer};

    fn left_open() -> State {
        let mut state = State::intent(&Policy::default(), Boottime(0), false, 0);
        state.leave_to_checks();
        state
    }

    /// Decided, and not settled: whether an operator has closed it since, the journal does not know.
    fn left_decided() -> Vec<State> {
        let intent = State::intent(&Policy::default(), Boottime(0), true, 0);
        let declined = Verdict::Declined(DeclineReason::ForeignSale);
        let decided = [Verdict::Abandoned, declined].into_iter().flat_map(|verdict| {
            let acknowledged = Reversal::Acknowledged(Boottime(70_000));
            let owed = [Reversal::NotNeeded, Reversal::Needed, acknowledged];
            owed.map(|owed| (verdict, owed))
        });
        let left = decided.flat_map(|(verdict, reversal)| {
            let (verdict, settlement) = (Some(verdict), Settlement::Open(reversal));
            // Also where a reversal needed no look any more.
            [false, true].map(|seen| {
                let mut state = State { verdict, settlement, seen, ..intent };
                assert!(state.may_be_closed_since());
                state.leave_to_checks();
                assert!(!state.may_be_closed_since() && state.verdict == verdict);
                state
            })
        });
        left.collect()
    }

    /// Lets an hour pass with one answer to every check, and returns how it ended and when it was
    /// first asked about.
    fn ends(answer: StatusAnswer) -> (State, Option<Boottime>) {
        ends_from(left_open(), answer)
    }

    fn ends_from(mut state: State, answer: StatusAnswer) -> (State, Option<Boottime>) {
        let policy = Policy::default();
        let mut asked = None;
        for second in 0..3_600 {
            let now = Boottime(second * 1_000);
            let told = step(&policy, &state, Input::Due, now);
            state = told.state;
            assert!(!state.owes_reversal() && state.reversals.count == 0);
            if told.send == Some(Request::CheckPayment) {
                asked = asked.or(Some(now));
                let checked = Input::Checked { issued: now, answer, waiting: false };
                let told = step(&policy, &state, checked, now);
                assert_eq!(told.send, None, "nothing but checks goes out");
                state = told.state;
            } else {
                assert_eq!(told.send, None, "nothing but checks goes out");
            }
        }
        (state, asked)
    }

    #[test]
    fn j21_what_was_open_in_a_copy_is_closed_where_ovo_has_no_debit() {
        let policy = Policy::default();
        for answer in [StatusAnswer::NotFound, StatusAnswer::Reversed] {
            let (state, asked) = ends(answer);
            assert!(state.is_closed() && !state.needs_operator(), "{answer:?}");
            assert!(asked >= Some(left_open().close_at(&policy)), "when not found is final");
        }
    }

    #[test]
    fn j21_what_was_to_be_reversed_in_a_copy_is_reversed_by_an_operator_alone() {
        for left in left_decided() {
            assert!(left.may_still_debit(), "its customer's next push waits for a day at most");
            for (answer, is_returned) in
                [(StatusAnswer::NotFound, false), (StatusAnswer::Reversed, true)]
            {
                let (state, asked) = ends_from(left, answer);
                assert!(state.is_closed() && !state.needs_operator(), "{answer:?}");
                assert!(asked >= Some(left.close_at(&Policy::default())), "when it is final");
                assert_eq!(state.late_paid, is_returned, "what was given back had been debited");
            }
            for answer in [StatusAnswer::Paid, StatusAnswer::Doubtful, StatusAnswer::TooOld] {
                let (state, _) = ends_from(left, answer);
                assert_eq!(state.settlement, Settlement::WithOperator, "{answer:?}");
            }
            let (mut state, _) = ends_from(left, StatusAnswer::NoAnswer);
            assert!(state.is_in_doubt() && state.may_be_ruled(), "asked for ever");
            // Neither OVO's file nor the push's own answer has it reversed unasked.
            let hour = Boottime(3_600_000);
            for input in [Input::ReportedPaid, Input::Answered(PushAnswer::Approved)] {
                let told = step(&Policy::default(), &state, input, hour);
                assert_eq!((told.alert, told.send), (Some(Alert::Doubtful), None));
                assert_eq!(told.state.settlement, Settlement::WithOperator);
            }
            let refund = Input::Ruled(Ruling::Refund);
            state = step(&Policy::default(), &state, refund, hour).state;
            assert!(state.owes_reversal(), "a person knows");
        }
    }

    #[test]
    fn j21_what_was_found_without_a_debit_is_told_as_that() {
        let mut payment = fresh(&crate::journal::MemoryJournal::default(), &charge(1));
        for answer in [StatusAnswer::NotFound, StatusAnswer::Reversed] {
            (payment.state, _) = ends(answer);
            assert!(!payment.state.acknowledged, "nobody has heard it");
            let Some(Outcome::NotCompleted(told)) = Outcome::of(&payment) else {
                panic!("settled")
            };
            assert!(told.is_refund_settled() && told.reason().is_none());
            assert_eq!(told.was_debited(), answer == StatusAnswer::Reversed);
        }
        // OVO contradicts itself.
        let checked = Input::Checked {
            issued: Boottime(4_000_000),
            answer: StatusAnswer::Paid,
            waiting: false,
        };
        payment.state =
            step(&Policy::default(), &payment.state, checked, Boottime(4_000_000)).state;
        let Some(Outcome::NotCompleted(told)) = Outcome::of(&payment) else { panic!("not paid") };
        assert!(told.reason().is_some() && !told.is_refund_settled(), "an operator decides");
        assert!(!payment.state.acknowledged);
    }

    #[test]
    fn j21_a_debit_that_shows_behind_the_closing_check_goes_to_an_operator() {
        let policy = Policy::default();
        let (closed, _) = ends(StatusAnswer::NotFound);
        assert!(closed.is_closed() && closed.due.is_some(), "looked at again");
        let (issued, answer) = (Boottime(4_000_000), StatusAnswer::Paid);
        let told =
            step(&policy, &closed, Input::Checked { issued, answer, waiting: false }, issued);
        assert_eq!(told.alert, Some(Alert::Doubtful));
        assert!(told.state.needs_operator() && told.state.may_be_ruled());
    }

    #[test]
    fn j21_what_was_open_in_a_copy_and_is_paid_goes_to_an_operator() {
        for answer in [StatusAnswer::Paid, StatusAnswer::Doubtful, StatusAnswer::TooOld] {
            let (state, _) = ends(answer);
            assert!(!state.is_closed() && state.needs_operator(), "{answer:?}");
        }
        let (state, asked) = ends(StatusAnswer::NoAnswer);
        assert!(asked.is_some() && state.is_in_doubt() && state.due.is_some(), "asked for ever");
    }
}
