//! A payment's durable state, as the policy sees it: small, plain, comparable.

use std::time::Duration;

use crate::message::ResponseCode;

/// Milliseconds since the machine booted, suspend included (see [`SystemClock`](crate::SystemClock)). It cannot be set,
/// and it means nothing after a reboot: see [`Event::Rebooted`](super::Event::Rebooted).
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

/// The write-once decision about a payment (`safety.md` 1.1). Nothing is told and no reversal is
/// sent before it is durable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// Paid.
    Accepted(Source),
    /// Refused by OVO.
    Declined(DeclineReason),
    /// No usable answer in time; will be reversed until OVO's own record is settled.
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

/// What a reversal still owes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reversal {
    /// None is needed.
    NotNeeded,
    /// One must be sent until it is acknowledged.
    Needed,
    /// OVO acknowledged one (which proves nothing yet, `safety.md` 1.2), at this time.
    Acknowledged(Boottime),
}

/// The void of an accepted payment (`safety.md` b.8).
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
    /// Refused by OVO.
    Rejected(ResponseCode),
    /// The day ended before it was known; the operator refunds.
    Expired,
}

impl Void {
    /// Whether its end is not known yet (VI4: then no second one may start).
    pub fn is_open(self) -> bool {
        matches!(self, Void::Sent | Void::Unknown)
    }
}

/// Everything the policy knows about one payment. Written as a whole, by compare-and-set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// When the Intent was made.
    pub begun: Boottime,
    /// The instant from which every wait counts: the push's last byte. Until that is known, and
    /// after a crash, `begun` + send budget; after a reboot, the restart.
    pub window: Boottime,
    /// Whether the numbers are certainly this payment's own (`safety.md` P8).
    pub attested: bool,
    /// Spreads retries of many terminals; no other meaning.
    pub seed: u16,
    /// The decision; `None` is the state Intent.
    pub verdict: Option<Verdict>,
    /// When it was made, or when settlement was opened again.
    pub settling_since: Boottime,
    /// A status answer, asked for after the session, showed that a reversal can hit no other sale:
    /// the payment is ours, or there is none under numbers that are certainly ours.
    pub seen: bool,
    /// OVO called the numbers duplicate, or showed another sale under them.
    pub duplicate_hint: bool,
    /// OVO refuses status checks (58, 96).
    pub check_unavailable: bool,
    /// The reversal's state.
    pub reversal: Reversal,
    /// Reversals sent since settlement began.
    pub attempts: u16,
    /// Status checks sent since the last step forward, or [`LAST_CHECK`](Self::LAST_CHECK).
    pub checks: u16,
    /// Alerts about overdue settlement so far.
    pub overdue_alerts: u8,
    /// OVO was seen to have debited the customer, and that was not, or not yet, accepted; evidence
    /// only.
    pub late_paid: bool,
    /// Nothing more can be done automatically; an operator must look.
    pub needs_operator: bool,
    /// When nothing was left to do at OVO.
    pub closed: Option<Boottime>,
    /// Looks taken behind the closed payment.
    pub sweeps: u8,
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
