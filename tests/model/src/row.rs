//! A row of the journal in 64 bits: the production `State`, normalised and packed.
//!
//! Normalising must not change what the policy does. What it does, and why that is so:
//!
//! * `touched` is only subtracted from the `due` of a closed row at a reboot: constant.
//! * `seed` spreads retries by 20 %, less than the ladder can tell: 0.
//! * `attempts` and `checks` beyond the first only lengthen a pause, and the last instant of the
//!   ladder covers every pause: 0 or 1; for `checks` also the last one of rule 14b.
//!   `overdue_alerts` beyond two never alert again; alerts are not modelled: 2.
//! * `settling_since` is read in one place that moves money, the five minutes of rule 14b; it
//!   counts as passed exactly at the ladder's last instant unless settlement began there: one bit.
//! * `closed` only dates the next look, which is beyond the ladder anyway: one bit.
//! * `due` matters as reached or not: the first instant of the ladder that reaches it, or later.
//! * Codes of declines differ in texts only, once the decline is made.

use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{Boottime, DeclineReason, Reversal, Source, State, Verdict, Void};

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
    row.put(
        match state.due.map(reached_at) {
            None => NEVER,
            Some(None) => DUE_LATER,
            Some(Some(at)) if at <= now => 0,
            Some(Some(at)) => u64::from(at),
        },
        4,
    );
    row.put(
        match state.verdict {
            None => 0,
            Some(Verdict::Accepted(Source::Push)) => 1,
            Some(Verdict::Accepted(Source::Status)) => 2,
            Some(Verdict::Accepted(Source::Operator)) => 3,
            Some(Verdict::Declined(DeclineReason::Code(_))) => 4,
            Some(Verdict::Declined(DeclineReason::ForeignSale)) => 5,
            Some(Verdict::Abandoned) => 6,
            Some(Verdict::NotSent) => 7,
            Some(Verdict::Quarantined) => 8,
        },
        4,
    );
    let intent = Boottime(LADDER[0].0 + 25_000);
    row.put(
        match state.window {
            Boottime(0) => FROM_ZERO,
            window if window == intent => FROM_INTENT,
            window => index(window),
        },
        4,
    );
    row.put(
        match state.reversal {
            Reversal::NotNeeded => 0,
            Reversal::Needed => 1,
            Reversal::Acknowledged(at) => 2 + index(at),
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
        },
        3,
    );
    row.put(u64::from(state.sweeps.min(2)), 2);
    row.put(
        match state.checks {
            0 => 0,
            State::LAST_CHECK => 2,
            _ => 1,
        },
        2,
    );
    for flag in [
        state.settling_since >= LADDER[usize::from(LAST)],
        state.begun == Boottime(0),
        state.attested,
        state.seen,
        state.duplicate_hint,
        state.check_unavailable,
        state.attempts > 0,
        state.late_paid,
        state.needs_operator,
        state.closed.is_some(),
        state.void_resent,
        state.phone_forgotten,
        state.acknowledged,
    ] {
        row.put(u64::from(flag), 1);
    }
    row.bits
}

/// The state that stands for all rows which pack alike.
pub fn unpack(row: Row) -> State {
    let mut bits = Unpacker { bits: row >> DUE };
    let due = match bits.take(4) {
        NEVER => None,
        DUE_LATER => Some(LATER),
        at => Some(instant(at)),
    };
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
        _ => Some(Verdict::Quarantined),
    };
    let window = match bits.take(4) {
        FROM_INTENT => Boottime(LADDER[0].0 + 25_000),
        FROM_ZERO => Boottime(0),
        at => instant(at),
    };
    let reversal = match bits.take(4) {
        0 => Reversal::NotNeeded,
        1 => Reversal::Needed,
        at => Reversal::Acknowledged(instant(at - 2)),
    };
    let void = match bits.take(3) {
        0 => Void::None,
        1 => Void::Sent,
        2 => Void::Unknown,
        3 => Void::Voided,
        4 => Void::Rejected(code),
        _ => Void::Expired,
    };
    let sweeps = u8::try_from(bits.take(2)).unwrap_or(2);
    let checks = match bits.take(2) {
        2 => State::LAST_CHECK,
        few => u16::from(few > 0),
    };
    State {
        due,
        verdict,
        window,
        reversal,
        void,
        sweeps,
        settling_since: if bits.flag() { LADDER[usize::from(LAST)] } else { LADDER[0] },
        begun: if bits.flag() { Boottime(0) } else { LADDER[0] },
        attested: bits.flag(),
        seen: bits.flag(),
        duplicate_hint: bits.flag(),
        check_unavailable: bits.flag(),
        attempts: u16::from(bits.flag()),
        checks,
        late_paid: bits.flag(),
        needs_operator: bits.flag(),
        closed: bits.flag().then_some(LADDER[0]),
        void_resent: bits.flag(),
        phone_forgotten: bits.flag(),
        acknowledged: bits.flag(),
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

/// Time came to instant `now`: a `due` that is reached is as good as one that was reached before.
pub fn grown_old(row: Row, now: u8) -> Row {
    let due = (row >> DUE) & 15;
    if row != NONE && row >> 63 == 0 && due <= u64::from(now) && due < DUE_LATER {
        row & !(15 << DUE)
    } else {
        row
    }
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
            for reversal in [Reversal::Needed, Reversal::Acknowledged(LADDER[6])] {
                state.verdict = verdict;
                state.reversal = reversal;
                state.phone_forgotten ^= true;
                state.closed = state.closed.xor(Some(LADDER[0]));
                let row = pack(&state, 0);
                assert_eq!(pack(&unpack(row), 0), row);
                assert_eq!(unpack(row).reversal, reversal);
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
