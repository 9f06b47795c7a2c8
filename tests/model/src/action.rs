//! What can happen next.

use crate::world::News;

/// One thing that happens, to which payment, in which process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Action {
    /// What.
    pub what: What,
    /// Which payment, from 0.
    pub payment: u8,
    /// Which process, from 0.
    pub process: u8,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The next instant comes.
    TimePasses,
    /// A process dies.
    Crash,
    /// A process that died starts again.
    Restart,
    /// The machine is restarted.
    Reboot,
    /// What was committed reaches the disk, where commits are not synced.
    DiskSyncs,
    /// Somebody copies the journal.
    Copy,
    /// And puts the copy in its place: whoever worked with it is gone.
    PutBack,

    /// The caller asks for a payment: its Intent is made.
    Pay,
    /// The caller asks again with the same invoice.
    Resume,
    /// The settler reads a row that is due.
    Settle,
    /// The caller reads the outcome from the list of unacknowledged payments.
    ReadOutcome,
    /// The merchant asks for a status.
    AskStatus,
    /// The merchant asks for a void.
    AskVoid,
    /// The merchant gives the payment up.
    Cancel,
    /// The merchant hands in OVO's settlement file.
    HandInFile,
    /// An operator decides.
    Rule(News),

    /// The compare-and-set, won or lost.
    Commit,
    /// The last look at clock and journal before the push.
    Look,
    /// No connection could be made: not one byte of the push left.
    ConnectFails,
    /// The push is written.
    WritePush,
    /// What is due is noticed, and committed.
    Wake,
    /// The push's answer is heard, and committed.
    HearPush,
    /// The push's connection breaks.
    ConnectionBreaks,
    /// The caller stops to wait.
    Leave,
    /// Whoever waits reads what OVO said to somebody else.
    HearWord,
    /// The outcome is told.
    Tell,
    /// A cancelled payment was listened to until OVO's time was over, or its answer was heard.
    HearOut,
    /// The committed request is sent.
    Send,
    /// The request never arrives.
    RequestLost,
    /// Not one byte of the request leaves.
    RequestNotSent,
    /// The thread gives up; the request is still on its way.
    RequestLate,
    /// The network delivers the request twice.
    RequestRepeated,
    /// The answer never arrives.
    AnswerLost,
    /// The outcome is told before the commit (M2).
    TellEarly,
    /// The reversal is sent before the commit (M4).
    ReverseEarly,

    /// OVO takes the request and answers.
    OvoAnswers(News),
    /// OVO takes the push.
    PushArrives,
    /// OVO takes the push, has it already, and answers this.
    PushRefused(News),
    /// The push never arrives.
    PushLost,
    /// The network delivers the push twice.
    PushRepeated,
    /// OVO takes the request, answers that it is done, and has done nothing.
    OvoPretends(News),
    /// The customer pays.
    CustomerPays,
    /// The customer pays, and OVO's answer repeats something else.
    CustomerPaysSloppily,
    /// The customer, or OVO, declines.
    CustomerDeclines,
    /// OVO answers a decline, and the customer can still pay.
    OvoLies,
    /// The session ends without an answer of the customer.
    SessionExpires,
    /// OVO debits, finds a fault of its own, and reverses.
    OvoReverses,
    /// A reversal arrives for which nobody waits.
    StrayReversalArrives,
    /// A void arrives for which nobody waits.
    StrayVoidArrives,
}
