//! Behind a payment that the policy closed: rule 16's two looks.

use crate::payment::Alert;
use crate::payment::answer::StatusAnswer;
use crate::payment::pace::try_now;
use crate::payment::state::{Boottime, Settlement, State, Verdict};
use crate::payment::step::{Request, Step};
use crate::payment::timers::Policy;

/// Rule 16: two looks behind a closed payment, then the phone is forgotten.
pub(super) fn is_due(policy: &Policy, mut state: State, looks: u8, now: Boottime) -> Step {
    let too_late = now.since(state.window) >= policy.timers.status_window;
    if looks >= 2 || state.check_unavailable || too_late {
        return Step::to(state.forget_phone());
    }
    // Behind a restart nobody knows how long ago the push was: its session must be over (I8).
    let earliest = state.window.plus(policy.timers.session);
    if now < earliest {
        state.due = Some(earliest);
        return Step::to(state);
    }
    try_now(policy, state, Request::CheckPayment, now)
}

/// Rule 16: a look behind a payment that the policy closed.
pub(super) fn checked(
    policy: &Policy,
    mut state: State,
    answer: StatusAnswer,
    was_expected: bool,
    now: Boottime,
) -> Step {
    match answer {
        StatusAnswer::Paid => state.reopen(policy, now).alerting(Alert::DelayBoundBroken),
        // A decline that was never reversed here: somebody else did it, or OVO itself. Told once.
        StatusAnswer::Reversed if state.is_unreversed_decline() => {
            state.late_paid = true;
            Step::to(state.looked(policy, now)).alerting(Alert::ForeignReversal)
        }
        StatusAnswer::NotFound | StatusAnswer::Reversed => Step::to(state.looked(policy, now)),
        // Rule 11, where OVO did not say before whose the numbers are.
        StatusAnswer::ForeignSale if was_expected => Step::to(state.looked(policy, now)),
        StatusAnswer::ForeignSale if matches!(state.verdict, Some(Verdict::Declined(_))) => {
            Step::to(state.looked(policy, now)).alerting(Alert::ForeignSale)
        }
        StatusAnswer::ForeignSale | StatusAnswer::Doubtful => {
            state.contradict();
            Step::to(state.looked(policy, now)).alerting(Alert::Doubtful)
        }
        // Nothing was owed, and nothing can be seen any more: it is over.
        StatusAnswer::TooOld if now.since(state.window) >= policy.timers.status_window => {
            Step::to(state.forget_phone())
        }
        // Behind a restart nobody knows how old it is. It may be true: nobody is troubled, and the
        // second look is still taken.
        StatusAnswer::TooOld if state.begun == Boottime(0) && !state.is_left_to_people() => {
            Step::to(state.looked(policy, now))
        }
        // Of a payment of this week it is about an older sale under the same numbers.
        StatusAnswer::TooOld => {
            state.contradict();
            Step::to(state.looked(policy, now)).alerting(Alert::TooOld)
        }
        StatusAnswer::Unavailable if state.may_be_a_passing_error() => state.refused_in_passing(),
        StatusAnswer::Unavailable => {
            // The look is over: a refused one behind a check that closed takes nothing back.
            if !state.check_unavailable
                && let Settlement::Closed { looks, .. } = &mut state.settlement
            {
                *looks = looks.saturating_add(1);
            }
            state.check_unavailable = true;
            state.due = Some(now);
            Step::to(state).alerting(Alert::CheckUnavailable)
        }
        StatusAnswer::Misconfigured(code) => Step::to(state).alerting(Alert::Misconfigured(code)),
        StatusAnswer::NotSent if state.checks.count > 0 => {
            Step::to(state.check_was_not_sent(policy, now))
        }
        StatusAnswer::NotSent | StatusAnswer::NoAnswer => Step::to(state),
    }
}

impl State {
    pub(super) fn next_look(&self, policy: &Policy, closed: Boottime, looks: u8) -> Boottime {
        let timers = &policy.timers;
        match looks {
            _ if self.check_unavailable => closed.plus(timers.keep_phone),
            0 => closed.plus(timers.first_sweep),
            1 => closed.plus(timers.second_sweep),
            _ => closed.plus(timers.keep_phone),
        }
    }

    /// Declined, and never reversed here: 73 about it is news.
    fn is_unreversed_decline(&self) -> bool {
        let is_declined = matches!(self.verdict, Some(Verdict::Declined(_)));
        is_declined && !self.late_paid && !self.check_unavailable
    }

    /// A scheduled look was answered. Somebody's question in between is none.
    fn looked(mut self, policy: &Policy, now: Boottime) -> State {
        if self.checks.count == 0 {
            return self;
        }
        if let Settlement::Closed { at, by, looks } = self.settlement {
            let looks = looks.saturating_add(1);
            self.settlement = Settlement::Closed { at, by, looks };
            self.checks.count = 0;
            self.due = Some(self.next_look(policy, at, looks).max(now));
        }
        self
    }
}
