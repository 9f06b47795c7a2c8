//! What a driver, a journal or the network can do wrong although the policy is right.

/// A rule of policy 2.4 or policy 2.7 that is not kept outside the policy. The model obeys it in its
/// driver; a simulation obeys it in a decorator of the journal or the transport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DriverFault {
    /// The push leaves before its Intent is in the journal (P1).
    SendBeforePersist,
    /// Paid is told before the commit that says so (P2).
    TellBeforePersist,
    /// A commit overwrites whatever is there: no compare-and-set (P4).
    VerdictOverwritten,
    /// A reversal leaves before the commit that allows it (P3).
    ReverseBeforeDurable,
    /// The push is written without the look at clock and journal just before it (rules 3 and 4).
    NoSendDeadline,
    /// A commit returns before it is durable, and the power fails (P7).
    CommitNotSynced,
    /// Not a fault of ours: a push may wait in the network for ever, the bound D does not hold.
    DelayWithoutBound,
    /// Whoever loses a commit acts as if it had won (policy 2.7).
    LoserIgnoresWinner,
    /// A payment found undecided after a restart is pushed again, under the same numbers (I9).
    PushedAgain,
    /// Numbers are chosen before the commit that uses them, not in it (P8).
    NumbersChosenEarly,
    /// Whoever cancels is told before the commit that says so (P2).
    CancelToldEarly,
    /// Whoever listens behind a cancel takes the end of OVO's time for silence, though an answer lies
    /// unread (policy 2.11).
    HeardOutUnread,
}
