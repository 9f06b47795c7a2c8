//! What can happen to a payment.

use std::time::Duration;

use crate::payment::answer::{PushAnswer, ReversalAnswer, StatusAnswer, VoidAnswer};
use crate::payment::state::Boottime;

/// Something that happened to a payment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The last byte of the push was handed to the TLS layer, now.
    Sent,
    /// The process that made the Intent proves that it wrote no byte of the push and never will.
    NotSent,
    /// The push's exchange ended.
    Answered(PushAnswer),
    /// The merchant gives the payment up, and bytes of its push may have left.
    Cancelled {
        /// Whether somebody goes on listening for the push's answer. Where nobody does, a word that
        /// its numbers were used before (94, 40) is never heard.
        heard: bool,
    },
    /// Whoever listened for the answer to a cancelled push has listened to the end: another answer
    /// came, or OVO's whole time passed without one. Of a listener who was closed, killed or cut off
    /// this is never said.
    HeardOut,
    /// Time passed: the state's `due` may have come.
    Due,
    /// A caller waits for the outcome, and the journal has what somebody wrote who did not wait: another
    /// process's settlement, or an operator who asked from there (rule 10).
    Awaited,
    /// A status check ended.
    Checked {
        /// When it was sent.
        issued: Boottime,
        /// What it said.
        answer: StatusAnswer,
        /// Whether a caller still waits for the outcome (rule 10).
        waiting: bool,
    },
    /// A reversal ended.
    Reversed {
        /// When it was sent.
        issued: Boottime,
        /// What it said.
        answer: ReversalAnswer,
    },
    /// The machine was restarted since the state was written.
    Rebooted {
        /// How long ago the state was written, by the wall clock and as far as that can be
        /// trusted. It only moves times of a quarter of an hour and more.
        away: Duration,
    },
    /// The caller stored the outcome.
    Acknowledged,
    /// The merchant wants the payment voided.
    VoidAsked {
        /// Whether a void is still allowed today, as far as a trusted clock knows.
        in_time: bool,
    },
    /// A void ended.
    VoidAnswered(VoidAnswer),
    /// A check of a void ended.
    VoidChecked {
        /// When it was sent.
        issued: Boottime,
        /// What it said.
        answer: StatusAnswer,
        /// Whether a void is still allowed today.
        in_time: bool,
    },
    /// OVO's settlement file shows the payment as paid ([fault OP4]).
    ///
    /// [fault OP4]: crate::manual::faults#op-operations
    ReportedPaid,
    /// An operator decided.
    Ruled(Ruling),
}

/// An operator's decision about a payment that waits for one, or whose settlement is overdue
/// (rule 19).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ruling {
    /// It is paid and ours.
    Paid,
    /// It is ours and must be returned.
    Refund,
    /// It is dealt with outside this library: nothing more is sent for it, whatever is heard later.
    /// Of a payment that was not paid this can be said from 60 s + D after its push on; until then
    /// it can still be debited, whatever OVO's books show.
    Close,
}
