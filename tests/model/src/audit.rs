//! The invariants of policy 2.8 and policy 2.9, as bits that a transition sets when it breaks one.

use ovo_mutants::DriverFault;
use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{
    Boottime, Closer, DeclineReason, Input, Outcome, Reversal, Settlement, Source, State, Step,
    Timers, Verdict, Void, postcondition,
};

use crate::clock::{LADDER, LAST, LATER};
use crate::model::{COPIES, PushToPay};
use crate::row::{self, NONE};
use crate::setting::{Checks, Delay};
use crate::world::{Moment, News, Payment, Place, Record, happened};

macro_rules! invariants {
    ($($(#[$doc:meta])* $id:ident = $bit:expr, $name:expr;)*) => {
        $($(#[$doc])* pub const $id: u32 = 1 << $bit;)*
        /// Every invariant: its bit and its name.
        pub const INVARIANTS: &[(u32, &str)] = &[$(($id, $name)),*];
    };
}

invariants! {
    /// I1
    I1 = 1, "I1 Paid is told only after Accepted is durable";
    /// I2
    I2 = 2, "I2 what is accepted or told Paid is never reversed";
    /// I3
    I3 = 3, "I3 a reversal is sent only after the verdict that allows it is durable";
    /// I4
    I4 = 4, "I4 a verdict is written once";
    /// I5
    I5 = 5, "I5 all that is told about a payment agrees";
    /// I6
    I6 = 6, "I6 what is closed and not accepted is neither paid nor payable";
    /// I7
    I7 = 7, "I7 what is told Paid is debited, and not refunded";
    /// I8
    I8 = 8, "I8 no check before 60 s, no reversal before 65 s";
    /// I9
    I9 = 9, "I9 at most one push for each pair of numbers";
    /// I10
    I10 = 10, "I10 no reversal names another sale";
    /// I11
    I11 = 11, "I11 what is open has a next step, soon";
    /// I12
    I12 = 12, "I12 in the end all is closed and told, and nobody is debited without Accepted";
    /// VI1
    VI1 = 13, "VI1 no void without Accepted";
    /// VI2
    VI2 = 14, "VI2 what is told Voided is voided";
    /// VI3
    VI3 = 15, "VI3 no payment is both voided and reversed";
    /// VI4
    VI4 = 16, "VI4 one void at a time";
    /// Rule 10
    R10 = 17, "R10 a late success is accepted only while a caller waits";
    /// The postconditions of `step`
    P = 18, "P every step keeps the policy's own postconditions";
    /// Rule 14b
    R14 = 19, "R14 what is reversed unseen was asked about, and no answer came";
    /// Rule 6
    E9 = 20, "E9 a definite decline is reversed only on evidence of a debit";
}

/// The longest pause the policy may ask for while a payment is open: 15 min, 20 % spread, and
/// where the closing act must wait for 60 s + D there is less to wait for. What is listed for an
/// operator goes on hourly.
const LONGEST_PAUSE: u64 = 18 * 60 * 1_000;

/// A bit for what is told, from the same table as the client's outcome.
pub fn outcome_bit(verdict: Option<Verdict>) -> u8 {
    match verdict {
        None => 0,
        Some(Verdict::Accepted(_)) => PAID,
        Some(Verdict::Declined(_)) => 2,
        Some(Verdict::Abandoned) => 4,
        Some(Verdict::NotSent) => 8,
        Some(Verdict::Quarantined) => OPERATOR,
    }
}

/// Told Paid.
pub const PAID: u8 = 1;
/// Told that an operator must look.
pub const OPERATOR: u8 = 16;
/// Told, and not as paid, before a copy of the journal was put back that does not know of it.
pub const FORGOTTEN: u8 = 32;

/// The outcome's name as a caller sees it.
pub fn outcome_name(bit: u8) -> &'static str {
    // The names are the client's own; see Outcome::name.
    let _: fn(&Outcome) -> &'static str = Outcome::name;
    match bit {
        PAID => "paid",
        2 => "declined",
        4 => "not completed",
        8 => "not sent",
        _ => "needs operator",
    }
}

impl<const N: usize> PushToPay<N> {
    /// What survives a power failure now.
    fn durable(&self, payment: &Payment) -> u64 {
        let unsynced = self.setting.fault == Some(DriverFault::CommitNotSynced);
        if unsynced { payment.kept } else { payment.row }
    }

    /// Something is told about payment `i`.
    pub(crate) fn tell(&self, moment: &mut Moment<N>, i: usize, bit: u8) {
        let payment = &mut moment.payments[i];
        payment.told |= bit;
        let durable = self.durable(payment);
        let accepted = durable != NONE && outcome_bit(row::unpack(durable).verdict) == PAID;
        let mut broken = 0;
        if bit == PAID && !accepted {
            broken |= I1;
        }
        // After an operator's ruling the caller hears the new outcome, and was told to expect it.
        let ruled = payment.history & happened::RULED != 0;
        // So they do where a copy of the journal was put back, and OVO was asked.
        let is_copy = self.is_put_back(moment);
        let payment = &moment.payments[i];
        let mut told = if ruled || is_copy { payment.told & !OPERATOR } else { payment.told };
        if told & PAID == 0 {
            told &= !FORGOTTEN;
        }
        if told.count_ones() > 1 {
            broken |= I5;
        }
        moment.broken |= broken;
    }

    /// Whether the journal is a copy of an earlier one.
    fn is_put_back(&self, moment: &Moment<N>) -> bool {
        moment.left[COPIES] < self.setting.copies
    }

    /// A reversal leaves for payment `i`.
    pub(crate) fn audit_reversal(&self, moment: &mut Moment<N>, i: usize) {
        let now = moment.now;
        let payment = &mut moment.payments[i];
        payment.history |= happened::REVERSAL_SENT;
        let mut broken = 0;
        if payment.history & happened::REVERSAL_ALLOWED == 0 {
            broken |= I3;
        }
        if is_early(payment, now, 65) {
            broken |= I8;
        }
        moment.broken |= broken;
    }

    /// A status check leaves for payment `i`.
    pub(crate) fn audit_check(&self, moment: &mut Moment<N>, i: usize) {
        if is_early(&moment.payments[i], moment.now, 60) {
            moment.broken |= I8;
        }
    }

    /// A void leaves for payment `i`.
    pub(crate) fn audit_void(&self, moment: &mut Moment<N>, i: usize) {
        let payment = &mut moment.payments[i];
        payment.history |= happened::VOID_SENT;
        if outcome_bit(row::unpack(payment.row).verdict) != PAID {
            moment.broken |= VI1;
        }
    }

    /// A row is written over another. `waiting` is whether a caller waits for what was heard.
    pub(crate) fn audit_commit(
        &self,
        moment: &mut Moment<N>,
        i: usize,
        before: &State,
        after: &State,
        commit: &Committed,
    ) {
        let payment = &mut moment.payments[i];
        let mut broken = 0;
        let ruled = before.verdict == Some(Verdict::Quarantined)
            && (matches!(commit.news, News::RuledPaid | News::RuledRefund)
                // OVO has no debit of what a journal without its latest rows left open.
                || (before.doubted && after.verdict == Some(Verdict::Abandoned)));
        if before.verdict.is_some() && before.verdict != after.verdict && !ruled {
            broken |= I4;
        }
        let reversible = match after.verdict {
            Some(Verdict::Abandoned) => true,
            Some(Verdict::Declined(_)) => matches!(
                after.settlement,
                Settlement::Open(Reversal::Needed | Reversal::Acknowledged(_))
            ),
            _ => false,
        };
        if reversible {
            payment.history |= happened::REVERSAL_ALLOWED;
        }
        if matches!(commit.news, News::Duplicate | News::ForeignSale | News::Doubtful) {
            payment.history |= happened::NUMBERS_DOUBTED;
        }
        // Where the journal vouches for numbers that are not ours, no policy can know better before
        // OVO says so; from then on no reversal may be decided.
        if commit.reverses
            && payment.record == Record::Foreign
            && payment.history & happened::NUMBERS_DOUBTED != 0
        {
            broken |= I10;
        }
        let unseen = !after.seen && !after.check_unavailable;
        if commit.reverses && unseen && payment.history & happened::ASKED_IN_VAIN == 0 {
            broken |= R14;
        }
        let undelivered = DeclineReason::Code(ResponseCode::UNDELIVERABLE);
        let definite =
            matches!(after.verdict, Some(Verdict::Declined(reason)) if reason != undelivered);
        if commit.reverses && definite && !after.late_paid {
            broken |= E9;
        }
        let open = matches!(after.settlement, Settlement::Open(_));
        let longest = if after.is_listed() { 4 * LONGEST_PAUSE } else { LONGEST_PAUSE };
        let limit = Boottime(commit.now.0 + longest);
        // LATER is no promise of the policy's: it stands for one made in an earlier commit.
        if open && after.due.is_none_or(|due| due > limit && due != LATER) {
            broken |= I11;
        }
        let resent = before.void == Void::Unknown && after.void_resent && !before.void_resent;
        if commit.voids && before.void.is_open() && !resent {
            broken |= VI4;
        }
        if before.verdict.is_none()
            && after.verdict == Some(Verdict::Accepted(Source::Status))
            && !commit.waiting
        {
            broken |= R10;
        }
        moment.broken |= broken;
    }

    /// The policy answered an input.
    pub(crate) fn audit_step(
        &self,
        moment: &mut Moment<N>,
        before: &State,
        input: Input,
        step: &Step,
        now: Boottime,
    ) {
        if postcondition::broken(&self.setting.policy, before, input, step, now).is_some() {
            moment.broken |= P;
        }
    }

    /// What can be seen in a moment alone.
    pub(crate) fn audit(&self, moment: &mut Moment<N>) {
        let mut broken = 0;
        for (i, payment) in moment.payments.iter().enumerate() {
            broken |= self.audit_payment(payment);
            let shared = |other: &Payment| {
                other.number == payment.number && other.written > 0 && payment.written > 0
            };
            if payment.written > 1 || moment.payments[..i].iter().any(shared) {
                broken |= I9;
            }
            if self.is_at_rest(moment, payment) && !self.ended_well(payment) {
                broken |= I12;
            }
        }
        moment.broken |= broken;
    }

    fn audit_payment(&self, payment: &Payment) -> u32 {
        let mut broken = 0;
        let state = row::unpack(payment.row);
        let exists = payment.row != NONE;
        let accepted = exists && outcome_bit(state.verdict) == PAID;
        let told_paid = payment.told & PAID != 0;
        let reversed = payment.history & happened::REVERSAL_SENT != 0;
        if reversed && (accepted || told_paid) {
            broken |= I2;
        }
        let payable = matches!(payment.record, Record::Pending | Record::PendingLie)
            || (payment.record == Record::None
                && (payment.pushes > 0
                    || payment.threads.iter().any(|thread| thread.place == Place::Cleared)));
        let closed = exists && state.is_closed() && !accepted;
        // Where pushes outlive the bound this cannot hold at every moment; I12 remains.
        if closed
            && self.setting.delay != Delay::BeyondBound
            && !self.is_blind(&state)
            && (payable || payment.record == Record::Paid)
        {
            broken |= I6;
        }
        let voided = payment.record == Record::Voided && payment.history & happened::VOID_SENT != 0;
        if told_paid && payment.record != Record::Paid && !voided {
            broken |= I7;
        }
        if payment.record == Record::ForeignReversed && !self.setting.attested {
            broken |= I10;
        }
        // Where OVO does what it acknowledges, a void is done, and nobody is alerted that it is not.
        let is_done = payment.record == Record::Voided && !state.is_void_doubted();
        if exists && state.void == Void::Voided && !is_done && !self.setting.hollow {
            broken |= VI2;
        }
        if reversed && payment.history & happened::VOID_SENT != 0 {
            broken |= VI3;
        }
        broken
    }

    /// Nothing is left to do, or to happen, but faults.
    fn is_at_rest(&self, moment: &Moment<N>, payment: &Payment) -> bool {
        moment.now == LAST
            && payment.history & happened::BEGUN != 0
            && payment.threads.iter().all(|thread| thread.place == Place::Idle)
            && payment.pushes == 0
            && payment.stray_reversals == 0
            && payment.stray_voids == 0
            && !matches!(payment.record, Record::Pending | Record::PendingLie)
            && !self.can_report(payment)
            && (payment.row == NONE || (row::is_never_due(payment.row) && payment.told != 0))
    }

    /// I12, at the end of everything.
    fn ended_well(&self, payment: &Payment) -> bool {
        if payment.row == NONE {
            return payment.record != Record::Paid;
        }
        let state = row::unpack(payment.row);
        if state.needs_operator() {
            return !self.setting.is_unambiguous();
        }
        let accepted = outcome_bit(state.verdict) == PAID;
        let blind = self.is_blind(&state);
        let debited_in_vain = payment.record == Record::Paid && !accepted && !blind;
        // Whoever is told that a void was refused keeps the goods handed over, and needs the money.
        let void_hidden =
            payment.record == Record::Voided && !matches!(state.void, Void::Voided | Void::Expired);
        state.is_closed() && !state.void.is_open() && !debited_in_vain && !void_hidden
    }

    /// Whether a debit of this payment can be seen by nobody but whoever reads OVO's settlement file:
    /// one that comes after a contract without checks has closed; one behind a decline there, which
    /// is no reason to reverse (FAQ: reversals are for what got no answer); one that a reversal was
    /// acknowledged for and not carried out, when OVO can no longer be asked. What an operator closed
    /// may have been returned outside of OVO.
    fn is_blind(&self, state: &State) -> bool {
        let setting = &self.setting;
        if setting.outside && is_closed_by_operator(state) {
            return true;
        }
        let undelivered = DeclineReason::Code(ResponseCode::UNDELIVERABLE);
        let declined = matches!(state.verdict, Some(Verdict::Declined(why)) if why != undelivered);
        let unasked = setting.checks != Checks::Told
            && (setting.delay == Delay::BeyondBound || (setting.lying_declines && declined));
        (unasked && !state.late_paid) || (setting.hollow && state.check_unavailable)
    }

    /// Whether OVO's settlement file would show a debit that the journal has as settled.
    pub(crate) fn can_report(&self, payment: &Payment) -> bool {
        self.setting.settlement_file
            && payment.record == Record::Paid
            && payment.history & happened::REPORTED == 0
            && payment.row != NONE
            && outcome_bit(row::unpack(payment.row).verdict) != PAID
    }
}

/// What a commit was about.
pub(crate) struct Committed {
    pub(crate) news: News,
    pub(crate) waiting: bool,
    pub(crate) reverses: bool,
    pub(crate) voids: bool,
    pub(crate) now: Boottime,
}

/// Whether less than `seconds` passed since the push's last byte. A process that pauses between
/// its last look and the write, for longer than the send budget, and dies with the knowledge, has
/// no successor that could know: for it the time counts from the end of the budget. That is a limit
/// of I8, not of I6: D holds that pause.
fn is_early(payment: &Payment, now: u8, seconds: u64) -> bool {
    let budget_ends = LADDER[0].plus(Timers::OVO.send_budget);
    let since = LADDER[usize::from(payment.flushed)].min(budget_ends);
    let passed = LADDER[usize::from(now)].since(since);
    payment.written > 0 && passed.as_secs() < seconds
}

fn is_closed_by_operator(state: &State) -> bool {
    matches!(state.settlement, Settlement::Closed { by: Closer::Operator, .. })
}
