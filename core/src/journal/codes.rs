//! The small numbers that stand for verdicts, reversals and voids in a journal's columns.
//!
//! Written once, here: the schema's constraints and the rows are both made from these. A number
//! that was ever written to a file keeps its meaning; retired ones stay as comments.

use crate::message::ResponseCode;
use crate::payment::{
    Boottime, Closer, DeclineReason, ListedFor, PaidWith, Reversal, Settlement, Source, Verdict,
    Void,
};

pub(super) const ACCEPTED: i64 = 1;
pub(super) const DECLINED: i64 = 2;
pub(super) const ABANDONED: i64 = 3;
pub(super) const NOT_SENT: i64 = 4;
pub(super) const QUARANTINED: i64 = 5;

pub(super) const BY_PUSH: i64 = 1;
pub(super) const BY_STATUS: i64 = 2;
pub(super) const BY_OPERATOR: i64 = 3;

pub(super) const OPEN: i64 = 0;
pub(super) const WITH_OPERATOR: i64 = 1;
pub(super) const CLOSED_BY_POLICY: i64 = 2;
pub(super) const CLOSED_BY_OPERATOR: i64 = 3;

pub(super) const NOT_NEEDED: i64 = 0;
pub(super) const NEEDED: i64 = 1;
pub(super) const ACKNOWLEDGED: i64 = 2;

pub(super) const NOT_LISTED: i64 = 0;
pub(super) const OVERDUE: i64 = 1;
pub(super) const REPORTED: i64 = 2;
pub(super) const CONTRADICTED: i64 = 3;
pub(super) const RULED_PAID: i64 = 4;

pub(super) const NO_VOID: i64 = 0;
pub(super) const VOID_SENT: i64 = 1;
pub(super) const VOID_UNKNOWN: i64 = 2;
pub(super) const VOIDED: i64 = 3;
pub(super) const VOID_REJECTED: i64 = 4;
pub(super) const VOID_EXPIRED: i64 = 5;
pub(super) const VOID_QUESTIONED: i64 = 6;

/// A verdict as three columns: which, who said so (if accepted), which code (if declined by one).
pub(super) type VerdictCodes = (Option<i64>, Option<i64>, Option<ResponseCode>);

pub(super) fn of_verdict(verdict: Option<Verdict>) -> VerdictCodes {
    match verdict {
        None => (None, None, None),
        Some(Verdict::Accepted(source)) => {
            let source = match source {
                Source::Push => BY_PUSH,
                Source::Status => BY_STATUS,
                Source::Operator => BY_OPERATOR,
            };
            (Some(ACCEPTED), Some(source), None)
        }
        Some(Verdict::Declined(DeclineReason::Code(code))) => (Some(DECLINED), None, Some(code)),
        Some(Verdict::Declined(DeclineReason::ForeignSale)) => (Some(DECLINED), None, None),
        Some(Verdict::Abandoned) => (Some(ABANDONED), None, None),
        Some(Verdict::NotSent) => (Some(NOT_SENT), None, None),
        Some(Verdict::Quarantined) => (Some(QUARANTINED), None, None),
    }
}

/// `None` if no verdict was ever written like this.
pub(super) fn to_verdict(codes: VerdictCodes) -> Option<Option<Verdict>> {
    Some(Some(match codes {
        (None, None, None) => return Some(None),
        (Some(ACCEPTED), Some(BY_PUSH), None) => Verdict::Accepted(Source::Push),
        (Some(ACCEPTED), Some(BY_STATUS), None) => Verdict::Accepted(Source::Status),
        (Some(ACCEPTED), Some(BY_OPERATOR), None) => Verdict::Accepted(Source::Operator),
        (Some(DECLINED), None, Some(code)) => Verdict::Declined(DeclineReason::Code(code)),
        (Some(DECLINED), None, None) => Verdict::Declined(DeclineReason::ForeignSale),
        (Some(ABANDONED), None, None) => Verdict::Abandoned,
        (Some(NOT_SENT), None, None) => Verdict::NotSent,
        (Some(QUARANTINED), None, None) => Verdict::Quarantined,
        _ => return None,
    }))
}

/// A settlement as columns: what it is, what a reversal owes while it is open, and when and how
/// it was closed.
#[derive(Clone, Copy)]
pub(super) struct SettlementCodes {
    pub(super) settlement: i64,
    pub(super) reversal: i64,
    pub(super) reversal_at: Option<i64>,
    pub(super) closed: Option<i64>,
    pub(super) looks: i64,
}

pub(super) fn of_settlement(settlement: Settlement) -> SettlementCodes {
    let nothing = SettlementCodes {
        settlement: OPEN,
        reversal: NOT_NEEDED,
        reversal_at: None,
        closed: None,
        looks: 0,
    };
    match settlement {
        Settlement::Open(Reversal::NotNeeded) => nothing,
        Settlement::Open(Reversal::Needed) => SettlementCodes { reversal: NEEDED, ..nothing },
        Settlement::Open(Reversal::Acknowledged(at)) => SettlementCodes {
            reversal: ACKNOWLEDGED,
            reversal_at: Some(of_boottime(at)),
            ..nothing
        },
        Settlement::WithOperator => SettlementCodes { settlement: WITH_OPERATOR, ..nothing },
        Settlement::Closed { at, by, looks } => SettlementCodes {
            settlement: match by {
                Closer::Policy => CLOSED_BY_POLICY,
                Closer::Operator => CLOSED_BY_OPERATOR,
            },
            closed: Some(of_boottime(at)),
            looks: looks.into(),
            ..nothing
        },
    }
}

/// `None` if no settlement was ever written like this.
pub(super) fn to_settlement(codes: SettlementCodes) -> Option<Settlement> {
    let SettlementCodes { settlement, reversal, reversal_at, closed, looks } = codes;
    let closed_by = |by, closed| {
        let (at, looks) = (to_boottime(closed)?, u8::try_from(looks).ok()?);
        Some(Settlement::Closed { at, by, looks })
    };
    match (settlement, reversal, reversal_at, closed) {
        (OPEN, NOT_NEEDED, None, None) => Some(Settlement::Open(Reversal::NotNeeded)),
        (OPEN, NEEDED, None, None) => Some(Settlement::Open(Reversal::Needed)),
        (OPEN, ACKNOWLEDGED, Some(at), None) => {
            Some(Settlement::Open(Reversal::Acknowledged(to_boottime(at)?)))
        }
        (WITH_OPERATOR, NOT_NEEDED, None, None) => Some(Settlement::WithOperator),
        (CLOSED_BY_POLICY, NOT_NEEDED, None, Some(at)) => closed_by(Closer::Policy, at),
        (CLOSED_BY_OPERATOR, NOT_NEEDED, None, Some(at)) => closed_by(Closer::Operator, at),
        _ => None,
    }
}

pub(super) fn of_listed(listed: ListedFor) -> i64 {
    match listed {
        ListedFor::Nothing => NOT_LISTED,
        ListedFor::Overdue => OVERDUE,
        ListedFor::Report => REPORTED,
        ListedFor::Contradiction => CONTRADICTED,
        ListedFor::RuledPaid => RULED_PAID,
    }
}

pub(super) fn to_listed(listed: i64) -> Option<ListedFor> {
    let all = [
        ListedFor::Nothing,
        ListedFor::Overdue,
        ListedFor::Report,
        ListedFor::Contradiction,
        ListedFor::RuledPaid,
    ];
    all.into_iter().find(|it| of_listed(*it) == listed)
}

pub(super) fn of_void(void: Void) -> (i64, Option<ResponseCode>) {
    match void {
        Void::None => (NO_VOID, None),
        Void::Sent => (VOID_SENT, None),
        Void::Unknown => (VOID_UNKNOWN, None),
        Void::Voided => (VOIDED, None),
        Void::Rejected(code) => (VOID_REJECTED, Some(code)),
        Void::Expired => (VOID_EXPIRED, None),
        Void::Questioned(code) => (VOID_QUESTIONED, Some(code)),
    }
}

pub(super) fn to_void(void: i64, code: Option<ResponseCode>) -> Option<Void> {
    match (void, code) {
        (NO_VOID, None) => Some(Void::None),
        (VOID_SENT, None) => Some(Void::Sent),
        (VOID_UNKNOWN, None) => Some(Void::Unknown),
        (VOIDED, None) => Some(Void::Voided),
        (VOID_REJECTED, Some(code)) => Some(Void::Rejected(code)),
        (VOID_EXPIRED, None) => Some(Void::Expired),
        (VOID_QUESTIONED, Some(code)) => Some(Void::Questioned(code)),
        _ => None,
    }
}

/// Cash, points and points earned, in this order; nothing if none is known.
pub(super) fn of_paid_with(paid_with: &PaidWith) -> Option<String> {
    let facts = [&paid_with.cash, &paid_with.points, &paid_with.points_earned];
    let facts = facts.map(|fact| fact.as_deref().unwrap_or(""));
    facts.iter().any(|fact| !fact.is_empty()).then(|| facts.join("|"))
}

pub(super) fn to_paid_with(text: Option<&str>) -> PaidWith {
    let mut facts = text.unwrap_or("").split('|').map(str::to_owned);
    let mut next = || facts.next().filter(|fact| !fact.is_empty());
    PaidWith { cash: next(), points: next(), points_earned: next() }
}

/// SQL's integers are signed. The end of time ([`Boottime::plus`] stops there) stays the end of
/// time, and the order of instants is kept; nothing lies between 292 million years and it.
pub(super) fn of_boottime(at: Boottime) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

pub(super) fn to_boottime(at: i64) -> Option<Boottime> {
    if at == i64::MAX { Some(Boottime(u64::MAX)) } else { u64::try_from(at).ok().map(Boottime) }
}
