//! A payment that was open in a journal which cannot vouch for itself: a copy, or one that lost a
//! part of itself ([faults J12, J21, J23]).
//!
//! What the journal has lost may have told this payment as Paid. So it is asked about and never
//! reversed: where OVO has no debit nothing is owed; where there is one, an operator decides.
//!
//! [faults J12, J21, J23]: crate::manual::faults#j-disk-and-journal

use std::time::Duration;

use crate::payment::answer::StatusAnswer;
use crate::payment::history::{Entry, What};
use crate::payment::pace::try_now;
use crate::payment::state::{Boottime, Settlement, State, Verdict, Void};
use crate::payment::step::{Request, Step};
use crate::payment::timers::Policy;
use crate::payment::{Alert, Payment, Rule};
use crate::wib::WallTime;

impl State {
    /// Whether this payment is one of those.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.verdict == Some(Verdict::Quarantined) && matches!(self.settlement, Settlement::Open(_))
    }

    /// Whether the journal, if it lacks what came behind this, could act on what is no more so: tell as not
    /// completed what was told as Paid, or send a void again that was refused, or refunded by hand.
    pub(crate) fn rests_on_what_came_last(&self) -> bool {
        self.verdict.is_none()
            || (matches!(self.void, Void::Sent | Void::Unknown) && !self.void_resent)
    }

    /// Makes a payment without a verdict one of those: it is asked about anew, from the first check on. So
    /// is an open void, which is not sent any more.
    fn leave_to_checks(&mut self) {
        debug_assert!(self.rests_on_what_came_last());
        if self.verdict.is_none() {
            self.verdict = Some(Verdict::Quarantined);
            self.attested = false;
        } else {
            self.void_resent = true;
        }
        self.checks.count = 0;
        self.due = Some(self.touched);
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

pub(super) fn checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    match answer {
        StatusAnswer::NotFound | StatusAnswer::Reversed => {
            if issued >= state.close_at(policy) {
                state.close(policy, now)
            } else {
                Step::to(state)
            }
        }
        StatusAnswer::Paid => {
            state.late_paid = true;
            state.hand_to_operator(policy, now).alerting(Alert::Doubtful)
        }
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
    use crate::payment::input::Input;
    use crate::payment::step::step;

    fn left_open() -> State {
        let mut state = State::intent(&Policy::default(), Boottime(0), false, 0);
        state.leave_to_checks();
        state
    }

    /// Lets an hour pass with one answer to every check, and returns how it ended and when it was
    /// first asked about.
    fn ends(answer: StatusAnswer) -> (State, Option<Boottime>) {
        let policy = Policy::default();
        let (mut state, mut asked) = (left_open(), None);
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
