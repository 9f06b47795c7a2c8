//! A row of the journal in 64 bits: the production `State`, normalised and packed.
//!
//! Normalising must not change what the policy does. What it does, and why that is so:
//!
//! * `touched` is only subtracted from the `due` of a closed row at a reboot: constant.
//! * `seed` spreads retries by 20 %, less than the ladder can tell: 0.
//! * `due` matters as reached or not: the first instant of the ladder that reaches it, or later. So
//!   does each `not_before`, which is compared with the present and nothing else: one that is
//!   reached stays reached, whatever it was.
//! * The counts of [`Tries`] beyond the first only lengthen a pause, and whatever pause is asked for
//!   at the last instant of the ladder ends there: 0 or 1. A try that never left is taken off
//!   again; off many it leaves at least one, where the model is left with none. But a second try of
//!   which no answer comes leaves the one that the first had left, at the same price of a lost
//!   message, so that no behaviour is missing; the model allows some more. A second check means
//!   something besides ("not found" behind a refused void counts when it is said twice): of checks it
//!   is 0, 1 or more.
//! * `settling_since` is read in one place that moves money, the five minutes of rule 14b; it
//!   counts as passed exactly at the ladder's last instant unless settlement began there: one bit.
//!   Of a void it is the moment behind which a question about a refusal counts, or, once it is done, a
//!   check must not find the payment paid: see the time of closing.
//!   `settled_before_ms` only ever dates alerts: 0.
//! * `overdue_alerts` decide whether an operator may rule, and when: 2, so that one may rule on
//!   every open row at any time, which is more than the policy allows.
//! * The time of closing only dates the next look, which is beyond the ladder anyway: none. Of an
//!   accepted row the policy asks one thing more, whether a check was issued behind it, or behind its
//!   void once that is refused or done, when nothing but the void is asked for: that is kept with the check
//!   (`Thread::behind`), by what came first, finer than the ladder could tell. The minute that
//!   the policy adds makes some checks say nothing, as OVO's silence does.
//! * Codes of declines differ in texts only, once the decline is made, but for 26.

use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{
    Boottime, Closer, DeclineReason, ListedFor, Reversal, Settlement, Source, State, Timers, Tries,
    Verdict, Void,
};

use crate::clock::{LADDER, LAST, LATER, reached_at};

/// A packed row; 0 is no row.
pub type Row = u64;

/// No row.
pub const NONE: Row = 0;

const DUE: u32 = 1;
const NEVER: u64 = 15;
const DUE_LATER: u64 = 14;
const FROM_INTENT: u64 = 8;
const FROM_ZERO: u64 = 9;
/// The first of the values for an acknowledgement at an instant.
const ACKNOWLEDGED: u64 = 7;

/// A code that declines.
pub fn decline_code() -> ResponseCode {
    ResponseCode::new("17").unwrap_or(ResponseCode::UNDELIVERABLE)
}

struct Packer {
    bits: u64,
    at: u32,
}

impl Packer {
    fn put(&mut self, value: u64, width: u32) {
        self.bits |= value << self.at;
        self.at += width;
    }
}

struct Unpacker {
    bits: u64,
}

impl Unpacker {
    fn take(&mut self, width: u32) -> u64 {
        let value = self.bits & ((1 << width) - 1);
        self.bits >>= width;
        value
    }

    fn flag(&mut self) -> bool {
        self.take(1) == 1
    }
}

fn instant(at: u64) -> Boottime {
    LADDER[usize::try_from(at).unwrap_or(0).min(LADDER.len() - 1)]
}

/// The row, normalised, as it is committed at instant `now`.
pub fn pack(state: &State, now: u8) -> Row {
    let index = |time: Boottime| u64::from(reached_at(time).unwrap_or(LAST));
    let mut row = Packer { bits: 1, at: DUE };
    let from_now_on = |time: Boottime| match reached_at(time) {
        None => DUE_LATER,
        Some(at) if at <= now => 0,
        Some(at) => u64::from(at),
    };
    row.put(state.due.map_or(NEVER, from_now_on), 4);
    row.put(from_now_on(state.reversals.not_before), 4);
    row.put(from_now_on(state.checks.not_before), 4);
    row.put(
        match state.verdict {
            None => 0,
            Some(Verdict::Accepted(Source::Push)) => 1,
            Some(Verdict::Accepted(Source::Status)) => 2,
            Some(Verdict::Accepted(Source::Operator)) => 3,
            Some(Verdict::Declined(DeclineReason::Code(ResponseCode::UNDELIVERABLE))) => 9,
            Some(Verdict::Declined(DeclineReason::Code(_))) => 4,
            Some(Verdict::Declined(DeclineReason::ForeignSale)) => 5,
            Some(Verdict::Abandoned) => 6,
            Some(Verdict::NotSent) => 7,
            Some(Verdict::Quarantined) => 8,
        },
        4,
    );
    let intent = LADDER[0].plus(Timers::OVO.send_budget);
    row.put(
        match state.window {
            Boottime(0) => FROM_ZERO,
            window if window == intent => FROM_INTENT,
            window => index(window),
        },
        4,
    );
    row.put(
        match state.settlement {
            Settlement::Open(Reversal::NotNeeded) => 0,
            Settlement::Open(Reversal::Needed) => 1,
            Settlement::WithOperator => 2,
            Settlement::Closed { by: Closer::Operator, .. } => 3,
            Settlement::Closed { by: Closer::Policy, looks, .. } => 4 + u64::from(looks.min(2)),
            Settlement::Open(Reversal::Acknowledged(at)) => ACKNOWLEDGED + index(at),
        },
        4,
    );
    row.put(
        match state.void {
            Void::None => 0,
            Void::Sent => 1,
            Void::Unknown => 2,
            Void::Voided => 3,
            Void::Rejected(_) => 4,
            Void::Expired => 5,
            Void::Questioned(_) => 6,
        },
        3,
    );
    let accepted = matches!(state.verdict, Some(Verdict::Accepted(_)));
    for flag in [
        state.settling_since >= LADDER[usize::from(LAST)] && !accepted,
        state.begun == Boottime(0),
        state.attested,
        state.cancelled,
        state.unheard,
        state.seen,
        state.asked_in_vain,
        state.duplicate_hint,
        state.check_refused,
        state.check_unavailable,
        state.reversals.count > 0,
        state.checks.count > 0,
        state.checks.count > 1,
        state.late_paid,
        state.void_resent,
        state.phone_forgotten,
        state.acknowledged,
        state.doubted,
    ] {
        row.put(u64::from(flag), 1);
    }
    row.put(
        match state.listed {
            ListedFor::Nothing => 0,
            ListedFor::Overdue => 1,
            ListedFor::Report => 2,
            ListedFor::Contradiction => 3,
            ListedFor::RuledPaid => 4,
        },
        3,
    );
    row.bits
}

/// The state that stands for all rows which pack alike.
pub fn unpack(row: Row) -> State {
    let mut bits = Unpacker { bits: row >> DUE };
    let time = |at| match at {
        DUE_LATER => LATER,
        at => instant(at),
    };
    let due = match bits.take(4) {
        NEVER => None,
        at => Some(time(at)),
    };
    let (reversal_not_before, check_not_before) = (time(bits.take(4)), time(bits.take(4)));
    let code = decline_code();
    let verdict = match bits.take(4) {
        0 => None,
        1 => Some(Verdict::Accepted(Source::Push)),
        2 => Some(Verdict::Accepted(Source::Status)),
        3 => Some(Verdict::Accepted(Source::Operator)),
        4 => Some(Verdict::Declined(DeclineReason::Code(code))),
        5 => Some(Verdict::Declined(DeclineReason::ForeignSale)),
        6 => Some(Verdict::Abandoned),
        7 => Some(Verdict::NotSent),
        9 => Some(Verdict::Declined(DeclineReason::Code(ResponseCode::UNDELIVERABLE))),
        _ => Some(Verdict::Quarantined),
    };
    let window = match bits.take(4) {
        FROM_INTENT => LADDER[0].plus(Timers::OVO.send_budget),
        FROM_ZERO => Boottime(0),
        at => instant(at),
    };
    let closed = |by, looks| Settlement::Closed { at: LADDER[0], by, looks };
    let settlement = match bits.take(4) {
        0 => Settlement::Open(Reversal::NotNeeded),
        1 => Settlement::Open(Reversal::Needed),
        2 => Settlement::WithOperator,
        3 => closed(Closer::Operator, 0),
        4 => closed(Closer::Policy, 0),
        5 => closed(Closer::Policy, 1),
        6 => closed(Closer::Policy, 2),
        at => Settlement::Open(Reversal::Acknowledged(instant(at - ACKNOWLEDGED))),
    };
    let void = match bits.take(3) {
        0 => Void::None,
        1 => Void::Sent,
        2 => Void::Unknown,
        3 => Void::Voided,
        4 => Void::Rejected(code),
        6 => Void::Questioned(code),
        _ => Void::Expired,
    };
    State {
        due,
        verdict,
        window,
        settlement,
        void,
        settling_since: if bits.flag() { LADDER[usize::from(LAST)] } else { LADDER[0] },
        begun: if bits.flag() { Boottime(0) } else { LADDER[0] },
        attested: bits.flag(),
        cancelled: bits.flag(),
        unheard: bits.flag(),
        seen: bits.flag(),
        asked_in_vain: bits.flag(),
        duplicate_hint: bits.flag(),
        check_refused: bits.flag(),
        check_unavailable: bits.flag(),
        reversals: Tries { count: u16::from(bits.flag()), not_before: reversal_not_before },
        checks: Tries {
            count: u16::from(bits.flag()) + u16::from(bits.flag()),
            not_before: check_not_before,
        },
        late_paid: bits.flag(),
        void_resent: bits.flag(),
        phone_forgotten: bits.flag(),
        acknowledged: bits.flag(),
        doubted: bits.flag(),
        listed: match bits.take(3) {
            0 => ListedFor::Nothing,
            1 => ListedFor::Overdue,
            2 => ListedFor::Report,
            3 => ListedFor::Contradiction,
            _ => ListedFor::RuledPaid,
        },
        settled_before_ms: 0,
        overdue_alerts: 2,
        seed: 0,
        touched: LADDER[0],
    }
}

/// Whether something is due at instant `now`. At the last one, which stands for all later times,
/// every `due` is reached in the end.
pub fn is_due(row: Row, now: u8) -> bool {
    match (row >> DUE) & 15 {
        NEVER => false,
        DUE_LATER => now == LAST,
        at => at <= u64::from(now),
    }
}

/// Whether the `due` lies beyond the ladder.
pub fn is_due_later(row: Row) -> bool {
    (row >> DUE) & 15 == DUE_LATER
}

/// Whether the row asks for nothing any more.
pub fn is_never_due(row: Row) -> bool {
    (row >> DUE) & 15 == NEVER
}

/// Time came to instant `now`: a time that is reached is as good as one that was reached before.
pub fn grown_old(row: Row, now: u8) -> Row {
    if row == NONE || row >> 63 == 1 {
        return row;
    }
    [DUE, DUE + 4, DUE + 8].into_iter().fold(row, |row, field| {
        let at = (row >> field) & 15;
        if at <= u64::from(now) { row & !(15 << field) } else { row }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ovo_ptp::payment::Policy;

    #[test]
    fn a_row_packs_to_what_it_was_unpacked_from() {
        let policy = Policy::default();
        let mut state = State::intent(&policy, LADDER[0], true, 0);
        for verdict in [
            None,
            Some(Verdict::Abandoned),
            Some(Verdict::Accepted(Source::Status)),
            Some(Verdict::Declined(DeclineReason::ForeignSale)),
        ] {
            for settlement in [
                Settlement::Open(Reversal::NotNeeded),
                Settlement::Open(Reversal::Needed),
                Settlement::Open(Reversal::Acknowledged(LADDER[0])),
                Settlement::Open(Reversal::Acknowledged(LADDER[usize::from(LAST)])),
                Settlement::WithOperator,
                Settlement::Closed { at: LADDER[0], by: Closer::Policy, looks: 2 },
                Settlement::Closed { at: LADDER[0], by: Closer::Operator, looks: 0 },
            ] {
                state.verdict = verdict;
                state.settlement = settlement;
                state.phone_forgotten ^= true;
                state.reversals = Tries { count: 1, not_before: LADDER[6] };
                let row = pack(&state, 0);
                assert_eq!(pack(&unpack(row), 0), row);
                assert_eq!(unpack(row).settlement, settlement);
                assert_eq!(unpack(row).reversals, state.reversals);
                assert_eq!(unpack(row).verdict, verdict);
                assert_eq!(unpack(row).window, state.window);
            }
        }
    }

    #[test]
    fn a_due_that_is_reached_stays_reached() {
        let policy = Policy::default();
        let row = pack(&State::intent(&policy, LADDER[0], true, 0), 0);
        let first = (0..=LAST).find(|now| is_due(row, *now));
        assert_eq!(first, Some(4), "60.5 s after the Intent + 15 s");
        assert!(is_due(grown_old(row, 5), 4));
        assert_eq!(grown_old(row, 3), row);
    }
}
