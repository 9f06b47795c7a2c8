//! A moment: the journal, the processes, the network, OVO. Everything in a few machine words.

use std::hash::{Hash, Hasher};

use ovo_ptp::message::{Mismatch, ResponseCode};
use ovo_ptp::payment::{
    Boottime, Input, PushAnswer, Request, ReversalAnswer, Ruling, StatusAnswer, VoidAnswer,
};

use crate::row::{NONE, Row, decline_code};

/// What a thread has heard and not yet committed, or what is on its way to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is one input of the policy")]
pub enum News {
    Nothing,
    Due,
    // Of the push.
    NotSent,
    Approved,
    Declined,
    Undelivered,
    Duplicate,
    WrongEcho,
    Silence,
    // Of a status check.
    Paid,
    ForeignSale,
    Doubtful,
    NotFound,
    Reversed,
    CheckRefused,
    CheckNotSent,
    CheckSilence,
    // Of a reversal.
    Acknowledged,
    ReversalNotSent,
    ReversalSilence,
    // Of a void, and of a check of it.
    VoidAsked,
    Voided,
    VoidRejected,
    VoidNotSent,
    VoidSilence,
    VoidFound,
    VoidNotFound,
    VoidCheckSilence,
    VoidCheckRefused,
    // From the merchant.
    ReportedPaid,
    RuledPaid,
    RuledRefund,
    RuledClose,
    Cancelled,
    CancelledHeard,
    HeardOut,
    Awaited,
}

impl News {
    /// The policy's input. `issued` is when the request left, `waiting` whether a caller waits.
    pub fn input(self, issued: Boottime, waiting: bool, in_time: bool) -> Input {
        let checked = |answer| Input::Checked { issued, answer, waiting };
        let reversed = |answer| Input::Reversed { issued, answer };
        let duplicate = ResponseCode::new("94").unwrap_or(decline_code());
        match self {
            News::Nothing | News::Due => Input::Due,
            News::NotSent => Input::NotSent,
            News::Approved => Input::Answered(PushAnswer::Approved),
            News::Declined => Input::Answered(PushAnswer::Declined(decline_code())),
            News::Undelivered => Input::Answered(PushAnswer::Declined(ResponseCode::UNDELIVERABLE)),
            News::Duplicate => Input::Answered(PushAnswer::Duplicate(duplicate)),
            News::WrongEcho => Input::Answered(PushAnswer::WrongEcho(Mismatch::Invoice)),
            News::Silence => Input::Answered(PushAnswer::Unknown),
            News::Paid => checked(StatusAnswer::Paid),
            News::ForeignSale => checked(StatusAnswer::ForeignSale),
            News::Doubtful => checked(StatusAnswer::Doubtful),
            News::NotFound => checked(StatusAnswer::NotFound),
            News::Reversed => checked(StatusAnswer::Reversed),
            News::CheckRefused => checked(StatusAnswer::Unavailable),
            News::CheckNotSent => checked(StatusAnswer::NotSent),
            News::CheckSilence => checked(StatusAnswer::NoAnswer),
            News::Acknowledged => reversed(ReversalAnswer::Acknowledged),
            News::ReversalNotSent => reversed(ReversalAnswer::NotSent),
            News::ReversalSilence => reversed(ReversalAnswer::Again(None)),
            News::VoidAsked => Input::VoidAsked { in_time },
            News::Voided => Input::VoidAnswered(VoidAnswer::Voided),
            News::VoidRejected => Input::VoidAnswered(VoidAnswer::Rejected(decline_code())),
            News::VoidNotSent => Input::VoidAnswered(VoidAnswer::NotSent),
            News::VoidSilence => Input::VoidAnswered(VoidAnswer::Unknown),
            News::VoidFound => Input::VoidChecked { issued, answer: StatusAnswer::Paid, in_time },
            News::VoidNotFound => {
                Input::VoidChecked { issued, answer: StatusAnswer::NotFound, in_time }
            }
            News::VoidCheckSilence => {
                Input::VoidChecked { issued, answer: StatusAnswer::NoAnswer, in_time }
            }
            News::VoidCheckRefused => {
                Input::VoidChecked { issued, answer: StatusAnswer::Unavailable, in_time }
            }
            News::ReportedPaid => Input::ReportedPaid,
            News::RuledPaid => Input::Ruled(Ruling::Paid),
            News::RuledRefund => Input::Ruled(Ruling::Refund),
            News::RuledClose => Input::Ruled(Ruling::Close),
            News::Cancelled => Input::Cancelled { heard: false },
            News::CancelledHeard => Input::Cancelled { heard: true },
            News::HeardOut => Input::HeardOut,
            News::Awaited => Input::Awaited,
        }
    }
}

/// A request of a thread. The numbers are only for hashing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the policy's requests")]
pub enum Ask {
    Nothing,
    Reversal,
    Check,
    Void,
    CheckVoid,
}

impl From<Option<Request>> for Ask {
    fn from(request: Option<Request>) -> Ask {
        match request {
            None => Ask::Nothing,
            Some(Request::Reversal) => Ask::Reversal,
            Some(Request::CheckPayment) => Ask::Check,
            Some(Request::Void) => Ask::Void,
            Some(Request::CheckVoid) => Ask::CheckVoid,
        }
    }
}

impl Ask {
    /// What is heard if no answer comes.
    pub fn silence(self) -> News {
        match self {
            Ask::Reversal => News::ReversalSilence,
            Ask::Void => News::VoidSilence,
            Ask::CheckVoid => News::VoidCheckSilence,
            Ask::Nothing | Ask::Check => News::CheckSilence,
        }
    }

    /// What is heard if not one byte left.
    pub fn not_sent(self) -> News {
        match self {
            Ask::Reversal => News::ReversalNotSent,
            Ask::Void => News::VoidNotSent,
            Ask::CheckVoid => News::VoidCheckSilence,
            Ask::Nothing | Ask::Check => News::CheckNotSent,
        }
    }
}

/// Where a thread stands. A crash may fall between any two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Place {
    /// No thread works on the payment in this process.
    Idle,
    /// The Intent is made and not yet in the journal.
    Beginning,
    /// It is in the journal; the push has not been written.
    Connecting,
    /// The look at clock and journal allowed the push; it is about to be written.
    Cleared,
    /// Nothing to do before an answer, or the clock.
    Waiting,
    /// News is on its way to the thread, or was heard, and is to be committed. (The two are one:
    /// nobody else can tell them apart, and a crash forgets both.)
    Committing,
    /// Committed; the request is about to be sent.
    Sending,
    /// The request is on its way to OVO.
    InFlight,
}

/// What a thread is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Errand {
    /// The push's own call, its connection open.
    Exchange,
    /// A call that waits for the verdict, without a connection.
    Drive,
    /// The settler.
    Settle,
    /// A void, a manual check, a ruling: one input and its request.
    Hand,
}

/// One process's work on one payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thread {
    /// The row as this thread knows it.
    pub local: Row,
    /// Where it stands.
    pub place: Place,
    /// What it is for.
    pub errand: Errand,
    /// Whether `local` is the journal's version. (Versions only count commits, and all that is
    /// ever asked of them is whether they are equal.)
    pub fresh: bool,
    /// Whether `local` was written before the machine was restarted.
    pub old_boot: bool,
    /// Whether a caller waits.
    pub waiting: bool,
    /// Whether OVO's word about the push's numbers was heard, or cannot come any more.
    pub heard_out: bool,
    /// The request being sent or answered.
    pub ask: Ask,
    /// When it was sent.
    pub issued: u8,
    /// Whether it is a check that was sent when the payment was accepted already; once that is voided,
    /// when it was voided already.
    pub behind: bool,
    /// What was heard.
    pub news: News,
}

impl Thread {
    /// No thread.
    pub const IDLE: Thread = Thread {
        local: NONE,
        place: Place::Idle,
        errand: Errand::Settle,
        fresh: false,
        old_boot: false,
        waiting: false,
        heard_out: false,
        ask: Ask::Nothing,
        issued: 0,
        behind: false,
        news: News::Nothing,
    };

    fn word(&self) -> u64 {
        u64::from_le_bytes([
            self.place as u8,
            self.errand as u8,
            u8::from(self.fresh)
                | u8::from(self.old_boot) << 1
                | u8::from(self.waiting) << 2
                | u8::from(self.behind) << 3,
            self.ask as u8,
            self.issued,
            self.news as u8,
            u8::from(self.heard_out),
            0,
        ])
    }
}

/// OVO's record of the payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Record {
    /// OVO has never heard of it.
    None,
    /// The customer is being asked.
    Pending,
    /// The customer is being asked although the merchant was told of a decline.
    PendingLie,
    /// The customer is debited.
    Paid,
    /// Declined, ignored or expired.
    Refused,
    /// Debited and refunded.
    Reversed,
    /// Debited and voided.
    Voided,
    /// The numbers are another sale's.
    Foreign,
    /// And that sale was reversed.
    ForeignReversed,
}

/// A bit of [`Payment::history`].
#[expect(missing_docs, reason = "each says what happened at least once")]
pub mod happened {
    pub const REVERSAL_SENT: u8 = 1;
    pub const REVERSAL_ALLOWED: u8 = 2;
    pub const NUMBERS_DOUBTED: u8 = 4;
    pub const VOID_SENT: u8 = 8;
    pub const REPORTED: u8 = 16;
    pub const RULED: u8 = 32;
    pub const BEGUN: u8 = 64;
    pub const ASKED_IN_VAIN: u8 = 128;
}

/// Everything about one payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payment {
    /// The journal's row.
    pub row: Row,
    /// What a power failure leaves of it, where commits are not synced; what a copy has of it.
    pub kept: Row,
    /// The threads of both processes.
    pub threads: [Thread; 2],
    /// Whether the row was written before the machine was restarted.
    pub old_boot: bool,
    /// Its numbers; 0 before it has any.
    pub number: u8,
    /// Pushes written.
    pub written: u8,
    /// When the (last) push was written.
    pub flushed: u8,
    /// Pushes on their way to OVO.
    pub pushes: u8,
    /// The push's answer on its way back.
    pub answer: News,
    /// Reversals on their way for which nobody waits.
    pub stray_reversals: u8,
    /// Voids on their way for which nobody waits.
    pub stray_voids: u8,
    /// OVO's record.
    pub record: Record,
    /// The outcomes told, a bit each.
    pub told: u8,
    /// What happened before: see [`happened`].
    pub history: u8,
}

/// A moment of `N` payments that share a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment<const N: usize> {
    /// The instant, as a number of the ladder.
    pub now: u8,
    /// Which processes run, a bit each.
    pub alive: u8,
    /// Faults that may still strike: crashes, losses, duplicates, reboots, copies that are put back.
    pub left: [u8; 5],
    /// Voids, manual checks and cancels that may still be asked for.
    pub wishes: [u8; 3],
    /// Whether the last delayed push is gone.
    pub drained: bool,
    /// The invariants that are broken, a bit each.
    pub broken: u32,
    /// The payments.
    pub payments: [Payment; N],
}

impl Hash for Payment {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.row);
        hasher.write_u64(self.kept);
        for thread in &self.threads {
            hasher.write_u64(thread.local);
            hasher.write_u64(thread.word());
        }
        hasher.write_u64(u64::from_le_bytes([
            u8::from(self.old_boot) | self.number << 1,
            self.written,
            self.flushed,
            self.pushes,
            self.answer as u8,
            self.stray_reversals << 4 | self.stray_voids,
            self.record as u8,
            self.told,
        ]));
        hasher.write_u8(self.history);
    }
}

impl<const N: usize> Hash for Moment<N> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let [crashes, losses, duplicates, reboots, copies] = self.left;
        let [voids, checks, cancels] = self.wishes;
        hasher.write_u64(u64::from_le_bytes([
            self.now,
            self.alive | u8::from(self.drained) << 7,
            crashes | copies << 4,
            losses,
            duplicates,
            reboots,
            voids | cancels << 4,
            checks,
        ]));
        hasher.write_u32(self.broken);
        for payment in &self.payments {
            payment.hash(hasher);
        }
    }
}
