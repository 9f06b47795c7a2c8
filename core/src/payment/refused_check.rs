//! A check that OVO refuses with 58 or 96: a gateway that restarts, or a contract without Check Payment.
//!
//! Both say the same. A gateway says so for seconds, the contract for ever, so what tells them apart is
//! asking again on schedule. Too early a verdict stops the questions that find a debit; too late a one
//! holds back the reversal that needs no check (rule 14b).

use crate::payment::Alert;
use crate::payment::state::State;
use crate::payment::step::Step;

/// So many checks without an answer take an hour by the schedule, and longer once they are hourly.
const CHECKS_IN_AN_HOUR: u16 = 10;

impl State {
    /// Whether 58 or 96 to a check may be a host's passing error. Said once it may be: a gateway that
    /// restarts says so for seconds, and nothing before. Said again to the second check on schedule behind
    /// the first refusal it means that the contract has no checks (whoever asks in between asks the same
    /// restart twice), unless OVO has shown before what it knows of this payment, or it was cancelled and
    /// only a check can tell whose the numbers are: then not before it was asked for an hour.
    pub(super) fn may_be_a_passing_error(&self) -> bool {
        let was_asked_again = self.check_refused && self.checks.count > 1;
        !was_asked_again || (self.needs_checks() && !self.has_asked_for_an_hour())
    }

    /// The first of them is told, and the next try is already scheduled.
    pub(super) fn refused_in_passing(mut self) -> Step {
        let is_first = !self.check_refused;
        self.check_refused = true;
        // What was asked before it says nothing: twice more, on schedule. (Before the decision OVO is
        // asked once.)
        if is_first && self.verdict.is_some() {
            let hour_is_over = self.needs_checks() && self.has_asked_for_an_hour();
            self.checks.count = if hour_is_over { CHECKS_IN_AN_HOUR - 2 } else { 0 };
        }
        let step = Step::to(self);
        if is_first { step.alerting(Alert::CheckUnavailable) } else { step }
    }

    fn needs_checks(&self) -> bool {
        self.seen || self.unheard
    }

    /// Of a void: 58 or 96 is no passing error where it was said before, an hour of asking did not end it,
    /// and two checks of that hour were on schedule behind the first refusal: asked twice within a second
    /// a gateway that restarts says it twice.
    pub(super) fn is_refused_for_good(&self) -> bool {
        self.check_refused && self.has_asked_for_an_hour()
    }

    /// Of a void it is not told: the next try is already scheduled.
    pub(super) fn void_refused_in_passing(mut self) -> State {
        if !self.check_refused {
            self.checks.count = self.checks.count.min(CHECKS_IN_AN_HOUR - 2);
        }
        self.check_refused = true;
        self
    }

    /// Whether an hour's asking, all but the last two checks on schedule, can have been before it.
    pub(crate) fn leaves_two_checks_of_the_hour(&self) -> bool {
        self.checks.count <= CHECKS_IN_AN_HOUR - 2
    }

    pub(crate) fn has_asked_for_an_hour(&self) -> bool {
        self.checks.count >= CHECKS_IN_AN_HOUR
    }
}
