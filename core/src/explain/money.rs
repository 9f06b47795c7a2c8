//! Where the money is, and what comes next.

use crate::payment::{Alert, Closer, Payment, Reversal, Settlement, State, Verdict, Void};
use crate::wib::WallTime;

/// Where a payment's money is, as far as anybody here can know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Money {
    /// The customer is being asked: perhaps they are paying at this moment.
    Waiting,
    /// The customer is debited, and stays debited.
    Merchant,
    /// The customer was not debited.
    NotDebited,
    /// The customer was debited, and has the money back.
    Returned,
    /// OVO says that the customer was not debited; that is checked once more.
    SaidNotDebited,
    /// Nobody knows whether the customer was debited; if so, it is taken back.
    Unsettled,
    /// The customer was seen debited; it is being taken back.
    BeingReturned,
    /// It was paid, and a void of it is under way.
    Voiding,
    /// It was paid, and voided: the customer has the money back.
    Voided,
    /// The evidence contradicts itself: an operator finds out.
    Unclear,
    /// An operator closed it: it was dealt with by hand.
    ByHand,
}

impl Money {
    /// In a word or two, the same in every language and release.
    pub fn name(self) -> &'static str {
        match self {
            Money::Waiting => "waiting",
            Money::Merchant => "merchant",
            Money::NotDebited => "not debited",
            Money::Returned => "returned",
            Money::SaidNotDebited => "said not debited",
            Money::Unsettled => "unsettled",
            Money::BeingReturned => "being returned",
            Money::Voiding => "voiding",
            Money::Voided => "voided",
            Money::Unclear => "unclear",
            Money::ByHand => "by hand",
        }
    }

    pub(crate) fn of(state: &State) -> Money {
        let by_operator = state.is_closed_by_operator();
        match state.verdict {
            _ if state.settlement == Settlement::WithOperator => Money::Unclear,
            None => Money::Waiting,
            Some(Verdict::Accepted(_)) => match state.void {
                Void::Voided if !state.is_void_doubted() => Money::Voided,
                Void::Sent | Void::Unknown | Void::Questioned(_) => Money::Voiding,
                // What they were told since counts for more than what they closed.
                _ if state.is_listed() => Money::Unclear,
                // Only what could not be told was theirs to close: whose the money is, they know.
                _ if by_operator => Money::ByHand,
                Void::Expired | Void::Voided => Money::Unclear,
                Void::None | Void::Rejected(_) => Money::Merchant,
            },
            _ if by_operator => Money::ByHand,
            // A look behind it was contradictory, or OVO says paid for a push that never left.
            _ if state.is_closed() && state.is_listed() => Money::Unclear,
            _ if state.is_closed() && state.late_paid => Money::Returned,
            _ if state.is_closed() => Money::NotDebited,
            _ if state.is_in_doubt() => Money::Unclear,
            _ if state.late_paid => Money::BeingReturned,
            Some(Verdict::Declined(_)) => match state.settlement {
                Settlement::Open(Reversal::NotNeeded) => Money::SaidNotDebited,
                _ => Money::Unsettled,
            },
            Some(Verdict::Abandoned | Verdict::NotSent | Verdict::Quarantined) => Money::Unsettled,
        }
    }
}

/// Whether OVO showed a debit of it behind the ruling that closed it: whoever closed it did not know.
pub(crate) fn was_debited_behind_ruling(payment: &Payment) -> bool {
    was_told(payment, Alert::DebitAfterClose)
}

/// Whether OVO acknowledged reversals of it and showed the debit all the same.
pub(crate) fn was_reversed_in_vain(payment: &Payment) -> bool {
    was_told(payment, Alert::ReversalWithoutEffect)
}

fn was_told(payment: &Payment, alert: Alert) -> bool {
    payment.history.entries().iter().any(|entry| entry.alert == Some(alert))
}

/// What comes next by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NextStep {
    /// OVO is asked whether it was paid.
    Check,
    /// The decision, if there is no answer by then.
    Decision,
    /// A reversal.
    Reversal,
    /// The check that closes.
    ClosingCheck,
    /// A look behind a closed payment.
    Look,
    /// OVO is asked what became of the void.
    VoidCheck,
}

impl NextStep {
    /// In a word or two, the same in every language and release.
    pub fn name(self) -> &'static str {
        match self {
            NextStep::Check => "check",
            NextStep::Decision => "decision",
            NextStep::Reversal => "reversal",
            NextStep::ClosingCheck => "closing check",
            NextStep::Look => "look behind",
            NextStep::VoidCheck => "void check",
        }
    }
}

/// What comes next, and when.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Next {
    /// What.
    pub step: NextStep,
    /// When, at the latest, by the wall clock; while the machine runs and a client has the journal
    /// open. One that is past begins as soon as that is so.
    pub at: WallTime,
}

impl Next {
    pub(super) fn of(payment: &Payment) -> Option<Next> {
        let state = &payment.state;
        let step = match (state.verdict, state.settlement) {
            (_, Settlement::WithOperator) => return None,
            (None, _) if state.checks.count == 0 && !state.check_unavailable => NextStep::Check,
            (None, _) => NextStep::Decision,
            (Some(Verdict::Accepted(_)), _) if state.void.is_open() => NextStep::VoidCheck,
            (Some(Verdict::Accepted(_) | Verdict::NotSent), _) => return None,
            (_, Settlement::Open(Reversal::Needed)) if state.seen || state.check_unavailable => {
                NextStep::Reversal
            }
            (_, Settlement::Open(Reversal::Needed)) => NextStep::Check,
            (_, Settlement::Open(_)) => NextStep::ClosingCheck,
            (_, Settlement::Closed { by: Closer::Policy, looks: 0 | 1, .. })
                if !state.check_unavailable =>
            {
                NextStep::Look
            }
            (_, Settlement::Closed { .. }) => return None,
        };
        // The row says both when it was written and what was due then: no clock is needed, and it
        // holds for a journal that is read elsewhere.
        let wait = state.due?.since(state.touched);
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let at = WallTime::from_unix_millis(payment.written.unix_millis().saturating_add(wait));
        Some(Next { step, at })
    }
}
