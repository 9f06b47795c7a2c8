//! One step of a payment's history.

use std::time::Duration;

use crate::message::{Operation, ResponseCode};
use crate::payment::answer::{PushAnswer, ReversalAnswer, StatusAnswer, VoidAnswer};
use crate::payment::input::{Input, Ruling};
use crate::payment::state::{Boottime, Reversal, Settlement, State, Verdict, Void};
use crate::payment::{Alert, Request, Rule, Step};
use crate::wib::WallTime;

/// One step: what happened, when, and what followed from it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// When, by the wall clock of that moment.
    pub wall: WallTime,
    /// How long after the Intent, by the clock that cannot be set; behind a restart of the machine
    /// by the wall clock.
    pub since: Duration,
    /// Which client wrote it: a number that it drew at its opening. Another one than in the entry
    /// before means that another process took the payment up.
    pub client: u16,
    /// What happened.
    pub what: What,
    /// Which rule decided what follows.
    pub rule: Option<Rule>,
    /// The verdict, if this step decided.
    pub verdict: Option<Verdict>,
    /// What is left to do at OVO, if that changed here. Its times mean nothing.
    pub settlement: Option<Settlement>,
    /// The void, if it changed here.
    pub void: Option<Void>,
    /// The request that was decided on here, and left behind it unless the process ended.
    pub asks: Option<Request>,
    /// What an operator was told.
    pub alert: Option<Alert>,
    /// How often, this time included.
    pub count: u32,
    /// The last repetition: how long after the Intent, and by the wall clock.
    pub last: Option<(Duration, WallTime)>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What {
    /// The push's last byte was handed over; every wait counts from here.
    Sent,
    /// The push was held back: not one byte left. Of one that failed to leave, [`What::Exchange`]
    /// says why.
    HeldBack,
    /// A request ended.
    Exchange {
        /// Which.
        operation: Operation,
        /// How far it came.
        ended: Ended,
        /// How the policy read that.
        meaning: Meaning,
        /// From the decision to send it to its end.
        took: Duration,
    },
    /// Time passed.
    Time,
    /// The merchant gave the payment up.
    Cancelled {
        /// Whether somebody went on listening for the answer.
        heard: bool,
    },
    /// The caller stored the outcome.
    Acknowledged,
    /// An operator ruled.
    Ruled {
        /// How.
        ruling: Ruling,
        /// Why, in the operator's words; empty if there was no room.
        reason: String,
    },
    /// OVO's settlement file showed the payment as paid.
    ReportedPaid,
    /// The merchant asked for a void.
    VoidAsked,
    /// The machine was restarted since the step before.
    Restarted,
    /// The journal could not vouch for itself (a copy, a lost log): what was open is doubted.
    Doubted,
}

/// How far a request came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Ended {
    /// Not one byte of it left.
    NotSent(Trouble),
    /// Bytes left, and no whole answer came.
    NoAnswer(Trouble),
    /// An HTTP answer.
    Answered {
        /// Its status.
        status: u16,
        /// OVO's code, if it was readable.
        code: Option<ResponseCode>,
    },
}

/// What kept a request or its answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Trouble {
    /// The host name could not be resolved.
    Resolve = 1,
    /// No TCP connection.
    Connect = 2,
    /// TLS failed.
    Tls = 3,
    /// It was not to be sent, or not to be waited for, any more.
    Stopped = 4,
    /// Time ran out.
    Timeout = 5,
    /// The connection broke.
    Broken = 6,
    /// The answer was not HTTP, too large, or cut.
    Malformed = 7,
}

impl Trouble {
    pub(super) const ALL: [Trouble; 7] = [
        Trouble::Resolve,
        Trouble::Connect,
        Trouble::Tls,
        Trouble::Stopped,
        Trouble::Timeout,
        Trouble::Broken,
        Trouble::Malformed,
    ];
}

/// How the policy read the end of a request ([policy 2.6], [policy 2.10]).
///
/// [policy 2.6]: crate::manual::policy#26-what-an-answer-means
/// [policy 2.10]: crate::manual::policy#210-whose-answer-is-it
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Meaning {
    /// 00, and it is ours: approved, paid, acknowledged, voided.
    Success = 1,
    /// Definitely refused.
    Refused = 2,
    /// The numbers were used before.
    Duplicate = 3,
    /// It repeats other values than were sent.
    WrongEcho = 4,
    /// 25.
    NotFound = 5,
    /// 73.
    Reversed = 6,
    /// Another sale has these numbers.
    ForeignSale = 7,
    /// Whose payment it is cannot be told.
    Doubtful = 8,
    /// 54.
    TooOld = 9,
    /// The contract has no status checks.
    Unavailable = 10,
    /// OVO refuses the set-up.
    Misconfigured = 11,
    /// Nothing usable, or nothing at all.
    Nothing = 12,
}

impl Meaning {
    pub(super) const ALL: [Meaning; 12] = [
        Meaning::Success,
        Meaning::Refused,
        Meaning::Duplicate,
        Meaning::WrongEcho,
        Meaning::NotFound,
        Meaning::Reversed,
        Meaning::ForeignSale,
        Meaning::Doubtful,
        Meaning::TooOld,
        Meaning::Unavailable,
        Meaning::Misconfigured,
        Meaning::Nothing,
    ];
}

impl From<PushAnswer> for Meaning {
    fn from(answer: PushAnswer) -> Meaning {
        match answer {
            PushAnswer::Approved => Meaning::Success,
            PushAnswer::Declined(_) => Meaning::Refused,
            PushAnswer::Duplicate(_) => Meaning::Duplicate,
            PushAnswer::WrongEcho(_) => Meaning::WrongEcho,
            PushAnswer::Unknown => Meaning::Nothing,
        }
    }
}

impl From<StatusAnswer> for Meaning {
    fn from(answer: StatusAnswer) -> Meaning {
        match answer {
            StatusAnswer::Paid => Meaning::Success,
            StatusAnswer::ForeignSale => Meaning::ForeignSale,
            StatusAnswer::Doubtful => Meaning::Doubtful,
            StatusAnswer::NotFound => Meaning::NotFound,
            StatusAnswer::Reversed => Meaning::Reversed,
            StatusAnswer::TooOld => Meaning::TooOld,
            StatusAnswer::Unavailable => Meaning::Unavailable,
            StatusAnswer::Misconfigured(_) => Meaning::Misconfigured,
            StatusAnswer::NotSent | StatusAnswer::NoAnswer => Meaning::Nothing,
        }
    }
}

impl From<ReversalAnswer> for Meaning {
    fn from(answer: ReversalAnswer) -> Meaning {
        match answer {
            ReversalAnswer::Acknowledged => Meaning::Success,
            ReversalAnswer::Misconfigured(_) => Meaning::Misconfigured,
            ReversalAnswer::NotSent | ReversalAnswer::Again(_) => Meaning::Nothing,
        }
    }
}

impl From<VoidAnswer> for Meaning {
    fn from(answer: VoidAnswer) -> Meaning {
        match answer {
            VoidAnswer::Voided => Meaning::Success,
            VoidAnswer::Rejected(_) => Meaning::Refused,
            VoidAnswer::NotSent | VoidAnswer::Unknown => Meaning::Nothing,
        }
    }
}

impl What {
    /// What `input` is to a history. `heard` is how the request ended whose end it is, `reason` an
    /// operator's; `None` if it is the end of a request of which nothing is known.
    pub(crate) fn of(input: Input, heard: Option<(Ended, Duration)>, reason: &str) -> Option<What> {
        let exchange = |operation, meaning| {
            let (ended, took) = heard?;
            Some(What::Exchange { operation, ended, meaning, took })
        };
        Some(match input {
            // How the push's exchange ended says it.
            Input::HeardOut => return None,
            Input::Sent => What::Sent,
            Input::NotSent if heard.is_none() => What::HeldBack,
            Input::NotSent => return exchange(Operation::PushToPay, Meaning::Nothing),
            Input::Answered(answer) => return exchange(Operation::PushToPay, answer.into()),
            Input::Checked { answer, .. } => {
                return exchange(Operation::CheckPayment, answer.into());
            }
            Input::Reversed { answer, .. } => return exchange(Operation::Reversal, answer.into()),
            Input::VoidAnswered(answer) => return exchange(Operation::Void, answer.into()),
            Input::VoidChecked { answer, .. } => {
                return exchange(Operation::CheckVoid, answer.into());
            }
            Input::Cancelled { heard } => What::Cancelled { heard },
            Input::Due | Input::Awaited => What::Time,
            Input::Rebooted { .. } => What::Restarted,
            Input::Acknowledged => What::Acknowledged,
            Input::VoidAsked { .. } => What::VoidAsked,
            Input::ReportedPaid => What::ReportedPaid,
            Input::Ruled(ruling) => What::Ruled { ruling, reason: reason.to_owned() },
        })
    }
}

impl Entry {
    /// With what followed from it; `None` if it was refused, or time passed and that was all.
    pub(crate) fn followed_by(mut self, before: &State, step: &Step) -> Option<Entry> {
        let after = &step.state;
        self.rule = step.rule;
        self.verdict = after.verdict.filter(|_| after.verdict != before.verdict);
        let is_new = super::encoding::settlement(after.settlement)
            != super::encoding::settlement(before.settlement);
        self.settlement = is_new.then(|| timeless(after.settlement));
        self.void = (after.void != before.void).then_some(after.void);
        self.asks = step.send;
        self.alert = step.alert;
        let nothing = self.verdict.is_none()
            && self.settlement.is_none()
            && self.void.is_none()
            && self.asks.is_none()
            && self.alert.is_none();
        let is_idle = nothing
            && match self.what {
                What::Time => true,
                What::Acknowledged => before.acknowledged,
                _ => false,
            };
        (step.refused.is_none() && !is_idle).then_some(self)
    }

    /// A step of which nothing followed yet.
    pub fn new(wall: WallTime, since: Duration, client: u16, what: What) -> Entry {
        Entry {
            wall,
            since,
            client,
            what,
            rule: None,
            verdict: None,
            settlement: None,
            void: None,
            asks: None,
            alert: None,
            count: 1,
            last: None,
        }
    }

    /// Whether it changed what becomes of the payment, or a person decided.
    pub fn is_decisive(&self) -> bool {
        self.verdict.is_some()
            || self.settlement.is_some()
            || self.void.is_some()
            || matches!(self.what, What::Cancelled { .. } | What::Ruled { .. } | What::Acknowledged)
    }

    /// Whether `next` is the same step again, apart from its time. What decided is never the same.
    pub(super) fn is_repeated_by(&self, next: &Entry) -> bool {
        self.client == next.client
            && self.rule == next.rule
            && self.asks == next.asks
            && self.alert == next.alert
            && self.verdict.is_none()
            && next.verdict.is_none()
            && self.void == next.void
            && self.settlement == next.settlement
            && self.what.is_like(&next.what)
    }

    /// Whether both are the same step, whatever was counted since.
    pub(super) fn is_same(&self, other: &Entry) -> bool {
        let bare = |entry: &Entry| Entry { count: 1, last: None, ..entry.clone() };
        bare(self) == bare(other)
    }
}

/// What is left to do, whenever.
fn timeless(settlement: Settlement) -> Settlement {
    let at = Boottime(0);
    match settlement {
        Settlement::Open(Reversal::Acknowledged(_)) => Settlement::Open(Reversal::Acknowledged(at)),
        Settlement::Closed { by, .. } => Settlement::Closed { at, by, looks: 0 },
        Settlement::Open(_) | Settlement::WithOperator => settlement,
    }
}

impl What {
    fn is_like(&self, other: &What) -> bool {
        match (self, other) {
            (
                What::Exchange { operation, ended, meaning, .. },
                What::Exchange { operation: other, ended: ends, meaning: means, .. },
            ) => (operation, ended, meaning) == (other, ends, means),
            // A ruling is somebody's word, each time.
            (What::Ruled { .. }, _) => false,
            _ => self == other,
        }
    }
}
