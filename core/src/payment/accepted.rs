//! What OVO's record says of a payment that was told as Paid, or voided: rule 17, OV10 and VD6.

use crate::payment::answer::StatusAnswer;
use crate::payment::state::{Boottime, ListedFor, Source, State, Verdict, Void};
use crate::payment::step::Step;
use crate::payment::timers::Policy;
use crate::payment::void::{self, voided_after_all};
use crate::payment::{Alert, Rule};

impl State {
    /// Whether a check was issued so long behind the moment at which the payment was closed (an
    /// accepted one, when it was approved) that OVO's record must show that.
    pub(super) fn is_asked_behind_its_end(&self, policy: &Policy, issued: Boottime) -> bool {
        let lag = policy.timers.record_lag();
        self.closed_at().is_some_and(|closed| issued.since(closed) >= lag)
    }

    /// The same of the moment at which its void was known to be carried out.
    pub(super) fn is_asked_behind_its_void(&self, policy: &Policy, issued: Boottime) -> bool {
        self.void == Void::Voided && issued.since(self.settling_since) >= policy.timers.record_lag()
    }

    /// Whether OVO's record contradicts a payment told as Paid in another way than that the money went
    /// back, or that a void had no effect: it, or its void's refusal, did not know the payment.
    pub(crate) fn is_paid_doubted(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Accepted(_)))
            && matches!(self.void, Void::None | Void::Rejected(_))
            && self.is_listed()
            && !self.late_paid
            && !self.is_closed_by_operator()
    }

    /// Whether a check that shows it as paid was issued behind what contradicted it, and when the record
    /// must show it.
    pub(super) fn is_doubt_over(&self, policy: &Policy, issued: Boottime) -> bool {
        self.is_paid_doubted()
            && issued >= self.touched
            && self.is_asked_behind_its_end(policy, issued)
    }

    /// OVO said something of a payment that people find out about, or have closed: nothing follows from it,
    /// and it stands in the history, for whoever opens the case.
    pub(super) fn hears(mut self, answer: StatusAnswer, now: Boottime) -> Step {
        let is_word = matches!(
            answer,
            StatusAnswer::Paid
                | StatusAnswer::NotFound
                | StatusAnswer::Reversed
                | StatusAnswer::ForeignSale
                | StatusAnswer::Doubtful
                | StatusAnswer::TooOld
        );
        if is_word {
            self.touched = now;
        }
        Step::to(self)
    }

    /// It is a sale as any other. Who heard of the doubt hears of its end.
    pub(super) fn undoubted(mut self) -> State {
        (self.listed, self.acknowledged) = (ListedFor::Nothing, false);
        self
    }

    /// Whether an operator ruled that it is paid: before that was told, or although OVO's record did not
    /// show it.
    pub(super) fn is_ruled_paid(&self) -> bool {
        let by_operator = self.verdict == Some(Verdict::Accepted(Source::Operator));
        by_operator || self.listed == ListedFor::RuledPaid
    }

    /// From when on a check counts, where one that was issued at `issued` contradicts what was told and came too
    /// early for that: OVO's record may lag. `None` if it contradicts nothing, or counts.
    pub(crate) fn counts_from(
        &self,
        policy: &Policy,
        issued: Boottime,
        answer: StatusAnswer,
    ) -> Option<Boottime> {
        let Some(Verdict::Accepted(source)) = self.verdict else { return None };
        let is_sale = matches!(self.void, Void::None | Void::Rejected(_));
        let since = match answer {
            _ if self.needs_operator() => return None,
            StatusAnswer::Paid if self.void == Void::Voided && !self.late_paid => {
                self.settling_since
            }
            StatusAnswer::NotFound | StatusAnswer::ForeignSale | StatusAnswer::Doubtful
                if is_sale && source != Source::Operator && !self.is_closed_by_operator() =>
            {
                self.closed_at()?
            }
            _ => return None,
        };
        let from = since.plus(policy.timers.record_lag());
        (since <= issued && issued < from).then_some(from)
    }
}

/// OV10, VD6: the verdict of a payment told as Paid never changes, nor is anything sent for it; the
/// operator hears of it.
pub(super) fn checked(
    policy: &Policy,
    mut state: State,
    issued: Boottime,
    answer: StatusAnswer,
    now: Boottime,
) -> Step {
    if state.counts_from(policy, issued, answer).is_some() {
        // Nothing follows from it; that it was heard is written down.
        state.touched = now;
        return Step::to(state);
    }
    if answer == StatusAnswer::Paid && state.is_asked_behind_its_void(policy, issued) {
        if state.late_paid {
            return state.hears(answer, now);
        }
        (state.late_paid, state.acknowledged) = (true, false);
        state.contradict();
        return Step::to(state).alerting(Alert::VoidWithoutEffect).by(Rule::Void);
    }
    // What it had to be found out about is in OVO's record after all.
    if answer == StatusAnswer::Paid && state.is_doubt_over(policy, issued) {
        return Step::to(state.undoubted());
    }
    let is_closed_by_operator = state.is_closed_by_operator();
    // Who ruled that it is paid knew what OVO's record of it shows.
    let was_ruled = state.is_ruled_paid();
    let alert = match answer {
        // That is the answer to the question that an operator was left with.
        StatusAnswer::Reversed if state.is_void_uncertain() => {
            return voided_after_all(state, now);
        }
        // So it is while a void's end is not known: the money is back, and no second copy is to leave.
        StatusAnswer::Reversed if state.void.is_open() => {
            return void::end(policy, state, Void::Voided, now);
        }
        // Who closed it knew what OVO showed until then.
        _ if is_closed_by_operator && state.late_paid => return state.hears(answer, now),
        StatusAnswer::Reversed => Alert::PaidButReversed,
        // OVO approved it, and its record has no such debit, or another sale's. What was asked before
        // it was approved says nothing, the customer was still to confirm, nor does what was asked
        // just behind that.
        StatusAnswer::NotFound | StatusAnswer::ForeignSale | StatusAnswer::Doubtful
            if !was_ruled
                && !is_closed_by_operator
                && state.is_asked_behind_its_end(policy, issued) =>
        {
            Alert::Doubtful
        }
        _ if state.needs_operator() || is_closed_by_operator => return state.hears(answer, now),
        _ => return Step::to(state),
    };
    // Perhaps that is the void: its end decides.
    if state.void.is_open() {
        state.late_paid = true;
        return Step::to(state);
    }
    if state.void == Void::Voided {
        return Step::to(state);
    }
    // Whoever finds out about it hears that the money went back, whatever else was told before.
    if state.needs_operator() && (alert != Alert::PaidButReversed || state.late_paid) {
        return state.hears(answer, now);
    }
    // Listed again among the unacknowledged, so that the caller hears of it too. That the money went back
    // is kept, also behind a ruling: nothing that OVO says later takes it back.
    state.acknowledged = false;
    state.contradict();
    state.late_paid |= answer == StatusAnswer::Reversed;
    Step::to(state).alerting(alert)
}
