//! A payment's durable state, as the policy sees it: small, plain, comparable.

use std::time::Duration;

use crate::message::ResponseCode;

/// Milliseconds since the machine booted, suspend included (see [`SystemClock`](crate::SystemClock)). It cannot be set,
/// and it means nothing after a reboot: see [`Input::Rebooted`](super::Input::Rebooted).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Boottime(pub u64);

impl Boottime {
    /// This instant and `duration`, at most the end of time.
    pub fn plus(self, duration: Duration) -> Boottime {
        Boottime(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time from `earlier` to this instant, zero if it is not earlier.
    pub fn since(self, earlier: Boottime) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The write-once decision about a payment ([policy 1.1]). Nothing is told and no reversal is
/// sent before it is durable.
///
/// [policy 1.1]: crate::manual::policy#11-one-verdict-written-once
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// Paid.
    Accepted(Source),
    /// Refused by OVO.
    Declined(DeclineReason),
    /// No usable answer in time, or given up by the merchant; will be reversed until OVO's own
    /// record is settled.
    Abandoned,
    /// Not one byte of the push left this process.
    NotSent,
    /// The evidence contradicts itself; an operator decides.
    Quarantined,
}

/// Who said that the payment is paid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// The push's own answer.
    Push,
    /// A status check.
    Status,
    /// An operator's ruling.
    Operator,
}

/// Why a payment was declined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeclineReason {
    /// OVO's definite code.
    Code(ResponseCode),
    /// The numbers turned out to belong to another sale (rule 11).
    ForeignSale,
}

/// What is left to do at OVO about a payment.
///
/// A reversal can only be owed while this is open: a payment that is closed, or that waits for an
/// operator, sends none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Settlement {
    /// The answer is awaited, or the policy still asks and reverses.
    Open(Reversal),
    /// The policy may do nothing more by itself: only an operator's ruling ends it.
    WithOperator,
    /// Nothing is left to do.
    Closed {
        /// Since when.
        at: Boottime,
        /// Who closed it.
        by: Closer,
        /// Looks taken behind it (rule 16).
        looks: u8,
    },
}

impl Settlement {
    /// Closed by the policy, at this time, with no look behind it yet.
    pub const fn closed(at: Boottime) -> Settlement {
        Settlement::Closed { at, by: Closer::Policy, looks: 0 }
    }
}

/// Who closed a payment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Closer {
    /// The policy: OVO's own record was seen to be settled, or there is nothing to settle.
    Policy,
    /// An operator: nothing is sent for it any more, whatever is heard.
    Operator,
}

/// What a reversal still owes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reversal {
    /// None is needed.
    NotNeeded,
    /// One must be sent until it is acknowledged.
    Needed,
    /// OVO acknowledged one (which proves nothing yet, [policy 1.2]), at this time.
    ///
    /// [policy 1.2]: crate::manual::policy#12-the-answer-to-a-reversal-proves-nothing
    Acknowledged(Boottime),
}

/// Whether an operator should look, beside whatever the policy still does by itself, and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ListedFor {
    /// None should.
    Nothing,
    /// It takes more than a day. Over as soon as OVO tells what became of it.
    Overdue,
    /// OVO's settlement file shows a debit (OP4) that its record has not shown, nor its return.
    Report,
    /// What OVO says contradicts itself, or what was told.
    Contradiction,
    /// None any more: of a payment told as Paid that OVO's record does not show an operator ruled that it
    /// is. What the record goes on not to show is no news.
    RuledPaid,
}

/// The void of an accepted payment ([policy 2.8]).
///
/// [policy 2.8]: crate::manual::policy#28-void
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Void {
    /// None was asked for.
    None,
    /// Intended durably; its answer is awaited.
    Sent,
    /// No usable answer; its status is asked until it is known.
    Unknown,
    /// Done: the customer has the money back.
    Voided,
    /// Refused by OVO, which can hide one that was carried out (of two copies of one request OVO
    /// answers the second with a refusal): it is asked about before the refusal stands.
    Questioned(ResponseCode),
    /// Refused by OVO, and not carried out as far as OVO tells.
    Rejected(ResponseCode),
    /// The day ended before it was known; the operator refunds.
    Expired,
}

impl Void {
    /// Whether its end is not known yet (VI4: then no second one may start).
    pub fn is_open(self) -> bool {
        matches!(self, Void::Sent | Void::Unknown | Void::Questioned(_))
    }
}

/// How often one kind of request was sent, and when the next one may be.
///
/// It outlives every re-opening of the settlement: whatever OVO answers, no request of a payment is
/// repeated without a pause, and the pauses grow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tries {
    /// Sent since the last step forward. What never left the machine is not counted.
    pub count: u16,
    /// None is sent earlier than this.
    pub not_before: Boottime,
}

/// Everything the policy knows about one payment. Written as a whole, by compare-and-set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// When the Intent was made.
    pub begun: Boottime,
    /// The instant from which every wait counts: the push's last byte. Until that is known, and
    /// after a crash, `begun` + send budget; after a reboot, the restart.
    pub window: Boottime,
    /// Whether the numbers are certainly this payment's own ([policy 2.4], P8).
    ///
    /// [policy 2.4]: crate::manual::policy#24-commit-first
    pub attested: bool,
    /// Spreads retries of many terminals; no other meaning.
    pub seed: u16,
    /// The decision; `None` is the state Intent.
    pub verdict: Option<Verdict>,
    /// Whether the merchant gave the payment up before there was a verdict.
    pub cancelled: bool,
    /// Whether OVO's word that the numbers were used before (94, 40) may have gone unheard: the payment
    /// was cancelled, and nobody has listened for the push's answer to its end, or not yet.
    pub unheard: bool,
    /// What is left to do at OVO.
    pub settlement: Settlement,
    /// When the verdict was made, or settlement was opened again behind a closed payment, or the
    /// machine restarted; of a void, when it was asked for, refused, or known to be carried out.
    pub settling_since: Boottime,
    /// How long settlement had been open before [`settling_since`](Self::settling_since), in
    /// milliseconds: what is overdue stays overdue over restarts and re-openings.
    pub settled_before_ms: u64,
    /// A status answer, asked for after the session, showed that a reversal can hit no other sale:
    /// the payment is ours, or there is none under numbers that are certainly ours.
    pub seen: bool,
    /// A status check that was written late enough stayed without an answer (rule 14b).
    pub asked_in_vain: bool,
    /// OVO called the numbers duplicate, or showed another sale under them.
    pub duplicate_hint: bool,
    /// OVO refused a status check of it (58, 96): said again it is no passing error.
    pub check_refused: bool,
    /// OVO refuses status checks (58, 96), or no longer knows the payment (54).
    pub check_unavailable: bool,
    /// Reversals.
    pub reversals: Tries,
    /// Status checks, of the payment or of its void.
    pub checks: Tries,
    /// Alerts about overdue settlement so far: after five minutes, an hour, a day.
    pub overdue_alerts: u8,
    /// OVO was seen to have debited the customer, and that was not, or not yet, accepted. Of a payment
    /// told as Paid: OVO's record said that the money went back, contradicted its void, or said anything against
    /// it while a void was open. Evidence only.
    pub late_paid: bool,
    /// Whether an operator should look.
    pub listed: ListedFor,
    /// The journal cannot vouch for itself, and what it has lost may have ended this payment, or its void
    /// (rule 21). OVO is asked, and nothing is returned by itself: that is an operator's, until one rules. Of a
    /// void that ends with it.
    pub doubted: bool,
    /// The void's state.
    pub void: Void,
    /// The void was sent a second time (VD2: at most once).
    pub void_resent: bool,
    /// The phone is overwritten.
    pub phone_forgotten: bool,
    /// The caller confirmed that it stored the outcome.
    pub acknowledged: bool,
    /// When the policy wants to be asked again; `None` if never.
    pub due: Option<Boottime>,
    /// When this state was committed.
    pub touched: Boottime,
}

impl State {
    /// Whether OVO acknowledged a void and showed the debit all the same: whether the money went back
    /// people find out.
    pub fn is_void_doubted(&self) -> bool {
        self.void == Void::Voided && self.late_paid
    }

    /// Whether people find out whether a void returned the money.
    pub fn void_is_with_operator(&self) -> bool {
        self.void == Void::Expired || self.is_void_doubted()
    }

    /// Whether a void may have been carried out after all: it is with an operator, or OVO refused it, which
    /// can be the answer to another copy than the one that still lies in a queue.
    pub(super) fn is_void_uncertain(&self) -> bool {
        self.void_is_with_operator() || matches!(self.void, Void::Rejected(_))
    }

    /// Whether an operator must look: in the policy's place, or beside it.
    pub fn needs_operator(&self) -> bool {
        self.is_listed() || self.settlement == Settlement::WithOperator
    }

    /// Whether an operator must look beside the policy.
    pub fn is_listed(&self) -> bool {
        matches!(self.listed, ListedFor::Overdue | ListedFor::Report | ListedFor::Contradiction)
    }

    /// What OVO says contradicts itself, or what was told. Its file is named until its record shows that, too.
    pub(super) fn contradict(&mut self) {
        if self.listed != ListedFor::Report {
            self.listed = ListedFor::Contradiction;
        }
    }

    /// When nothing was left to do at OVO.
    pub fn closed_at(&self) -> Option<Boottime> {
        match self.settlement {
            Settlement::Closed { at, .. } => Some(at),
            Settlement::Open(_) | Settlement::WithOperator => None,
        }
    }

    /// Whether nothing is left to do at OVO.
    pub fn is_closed(&self) -> bool {
        self.closed_at().is_some()
    }

    /// Whether an operator closed it: nothing is sent for it any more.
    pub fn is_closed_by_operator(&self) -> bool {
        matches!(self.settlement, Settlement::Closed { by: Closer::Operator, .. })
    }

    /// Whether a check confirmed that a payment which is closed and was not paid is not debited. One that was
    /// closed without (OVO refuses checks, the phone is forgotten) is looked at no more behind that.
    pub fn is_confirmed(&self) -> bool {
        let was_looked_at = !matches!(self.settlement, Settlement::Closed { looks: 0, .. });
        self.is_closed() && self.seen && (!self.check_unavailable || was_looked_at)
    }

    /// Whether its verdict allows a reversal.
    pub(crate) fn is_reversible(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Abandoned | Verdict::Declined(_)))
    }

    /// Whether a reversal is to be sent until it is acknowledged.
    pub fn owes_reversal(&self) -> bool {
        self.settlement == Settlement::Open(Reversal::Needed)
    }

    /// Whether a reversal of these numbers can only hit this payment, even without a look.
    pub fn is_certainly_ours(&self) -> bool {
        self.attested && !self.duplicate_hint && !self.unheard
    }
}

impl State {
    /// Whether a reversal or void that was decided on in `decided` may still be written, now that
    /// the journal shows this state ([operations 3.4]): nobody has settled the payment meanwhile,
    /// handed it to an operator, or learned that its numbers may be another sale's.
    ///
    /// [operations 3.4]: crate::manual::operations#34-who-may-act
    pub fn still_calls_for(&self, decided: &State) -> bool {
        let what_it_rests_on = |state: &State| {
            (
                (state.verdict, state.settlement),
                // That nobody listened comes with the verdict, and only ends behind it.
                (state.attested, state.duplicate_hint),
                (state.void, state.void_resent, state.doubted),
            )
        };
        what_it_rests_on(self) == what_it_rests_on(decided)
    }

    /// Whether a payment of the same customer that is in this state could still be debited, so that
    /// another push could debit twice ([fault MP13]): no verdict yet, a reversal not yet
    /// acknowledged, or left out because nobody could tell whose sale it would hit and the check that
    /// closes is still to come, a prompt that OVO could not deliver and the customer may still find,
    /// or contradicting evidence that nobody has ruled on.
    ///
    /// The last two do not last: a prompt is dead at 60 s + D, and after a day the customer's next
    /// purchase is no repetition of this one. Whoever asks knows how old the payment is.
    ///
    /// [fault MP13]: crate::manual::faults#mp-several-processes-and-nodes
    pub fn may_still_debit(&self) -> bool {
        self.verdict.is_none()
            || self.owes_reversal()
            || self.is_left_alone()
            || self.blocks_for_a_time()
    }

    /// Abandoned and not reversed, because nobody could tell whose sale that would hit: only the
    /// check at 60 s + D will tell whether it was debited.
    pub(super) fn is_left_alone(&self) -> bool {
        self.verdict == Some(Verdict::Abandoned)
            && self.settlement == Settlement::Open(Reversal::NotNeeded)
            && !self.doubted
            && !self.is_certainly_ours()
    }

    /// The part of [`may_still_debit`](Self::may_still_debit) that ends by time.
    pub fn blocks_for_a_time(&self) -> bool {
        self.settlement == Settlement::WithOperator
            || self.is_in_doubt()
            || self.is_undelivered_prompt()
    }

    /// Whether a prompt may still be found in the customer's app (code 26).
    pub fn is_undelivered_prompt(&self) -> bool {
        let undelivered = DeclineReason::Code(ResponseCode::UNDELIVERABLE);
        self.verdict == Some(Verdict::Declined(undelivered))
            && matches!(self.settlement, Settlement::Open(_))
    }
}
