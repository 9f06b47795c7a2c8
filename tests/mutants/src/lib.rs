//! The canaries of the proofs: one mutant for every rule that money depends on.
//!
//! A checker that finds nothing wrong proves something only if it finds the policy that breaks a
//! rule. Each [`Mutant`] breaks one: in the policy, as a function around the production
//! [`step`](ovo_ptp::payment::step), or outside it, as a [`DriverFault`] for the driver, the
//! journal or the network. M1 to M16 were thought of before the policy was. A proof that lets one of
//! them pass in the [`World`] that shows it has gone blind, and fails the build.

#[cfg(not(ovo_mutants))]
compile_error!("RUSTFLAGS replaces .cargo/config.toml: add `--cfg ovo_mutants` to it");

mod driver;
mod policy;

pub use driver::DriverFault;

use ovo_ptp::payment;

type WrongStep =
    fn(&payment::Policy, &payment::State, payment::Input, payment::Boottime) -> payment::Step;

/// What must be possible around a payment before a mutant can do harm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum World {
    /// Crashes, lost, late and repeated messages, a customer who does what they like.
    Ordinary,
    /// OVO's answer of a decline may be a lie: the customer can still pay.
    LyingDeclines,
    /// The payment's numbers were used by another, completed sale, and the journal knows that it
    /// cannot vouch for them.
    ForeignSale,
    /// As `ForeignSale`, but the journal vouches for the numbers and OVO's duplicate code is heard.
    ForeignSaleUnderAttestedNumbers,
    /// The contract has no status check.
    NoCheckPayment,
    /// `ForeignSale` and `NoCheckPayment` together.
    ForeignSaleWithoutChecks,
    /// OVO reverses a payment by itself.
    ReversedByOvo,
    /// A push outlives the bound D, but not the first look behind a closed payment.
    DelayBeyondBound,
    /// The machine is restarted.
    Reboots,
    /// The merchant asks for a status by hand while declines lie.
    ManualChecks,
    /// The merchant voids.
    Voids,
    /// The same, and OVO refuses checks, perhaps in passing.
    RefusedVoids,
    /// Two payments share a journal.
    TwoPayments,
    /// The contract has no status check, and an operator decides whenever one is wanted.
    Operators,
    /// An operator rules on what is overdue, and what they close may have been returned outside of
    /// OVO; its settlement file then still shows it.
    OverdueRulings,
    /// A copy of the journal is put back in its place, and an operator decides what it lacks.
    Copies,
    /// The merchant cancels.
    Cancels,
    /// The contract has no status check, and OVO declines what it could not deliver (26), though the
    /// customer may still find the prompt.
    Undelivered,
    /// As `ForeignSaleUnderAttestedNumbers`, but the sale is another day's, so that OVO may not find
    /// it, and somebody asks by hand.
    ForeignSaleOfAnotherDay,
    /// The same, and the merchant cancels a payment that has a thread of its own.
    CancelledForeignSale,
    /// OVO's record may contradict what it approved, and somebody asks by hand.
    SloppyOvo,
    /// The merchant voids, and asks by hand.
    AskedBehindVoids,
    /// The same, and OVO may acknowledge a void without acting.
    HollowVoids,
}

/// A rule broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is described by Mutant::describes")]
pub enum Mutant {
    M1,
    M2,
    M3,
    M4,
    M5,
    M6,
    M7,
    M8,
    M9,
    M10,
    M11,
    M12,
    M13,
    M14,
    M15,
    M15b,
    M16,
    SilenceIsDeclined,
    SilenceIsNotSent,
    TimeoutWithoutReversal,
    EchoIgnored,
    DuplicateForgotten,
    ForeignSaleIsOurs,
    DoubtfulIsOurs,
    ReversedIsPaid,
    StaleCheckCloses,
    AnyAnswerAcknowledges,
    DebitAtClosingIgnored,
    UnconfirmedPaidReversed,
    NumbersAlwaysTrusted,
    NoSecondLook,
    RebootEndsEveryWait,
    ReopenedReversedAtOnce,
    AcceptedWithoutCaller,
    AnythingVoided,
    SilentVoidDone,
    SilentVoidReversed,
    VoidedTwiceAtOnce,
    VoidResentUnasked,
    LoserIgnoresWinner,
    PushedAgain,
    NumbersChosenEarly,
    ClosedByHandEarly,
    RefusedAndChanged,
    ClosedByOperatorAsks,
    CloseReopened,
    NoPauseBetweenReversals,
    NoPauseBetweenChecks,
    OverdueForgotten,
    PaddedIsAnother,
    ForeignSaleForgotten,
    SeenBeforeDuplicate,
    DeclineReversed,
    UndeliverableTrusted,
    UnsentCheckCounts,
    CancelToldEarly,
    CancelUndone,
    CancelReversedAtOnce,
    OverdueWaitsForPolicy,
    CancelVouches,
    VoidRefusalTrusted,
    HeardOutUnread,
    VoidedAfterAllDropped,
    VoidRefusedAtOnce,
    ContradictionHidden,
    ContradictionUndated,
    HollowVoidHidden,
    VoidCheckUndated,
    DoubtForgotten,
    DoubtEndsWithOperator,
}

enum Breaks {
    Policy(WrongStep),
    Driver(DriverFault),
}

struct Entry {
    name: &'static str,
    describes: &'static str,
    world: World,
    breaks: Breaks,
}

const fn wrong(
    name: &'static str,
    describes: &'static str,
    world: World,
    step: WrongStep,
) -> Entry {
    Entry { name, describes, world, breaks: Breaks::Policy(step) }
}

const fn fault(
    name: &'static str,
    describes: &'static str,
    world: World,
    fault: DriverFault,
) -> Entry {
    Entry { name, describes, world, breaks: Breaks::Driver(fault) }
}

impl Mutant {
    /// All of them.
    #[rustfmt::skip]
    pub const ALL: [Mutant; 70] = [
        Mutant::M1, Mutant::M2, Mutant::M3, Mutant::M4, Mutant::M5, Mutant::M6, Mutant::M7,
        Mutant::M8, Mutant::M9, Mutant::M10, Mutant::M11, Mutant::M12, Mutant::M13, Mutant::M14,
        Mutant::M15, Mutant::M15b, Mutant::M16,
        Mutant::SilenceIsDeclined, Mutant::SilenceIsNotSent, Mutant::TimeoutWithoutReversal,
        Mutant::EchoIgnored, Mutant::DuplicateForgotten, Mutant::ForeignSaleIsOurs,
        Mutant::DoubtfulIsOurs, Mutant::ReversedIsPaid, Mutant::StaleCheckCloses,
        Mutant::AnyAnswerAcknowledges, Mutant::DebitAtClosingIgnored,
        Mutant::UnconfirmedPaidReversed, Mutant::NumbersAlwaysTrusted, Mutant::NoSecondLook,
        Mutant::RebootEndsEveryWait, Mutant::ReopenedReversedAtOnce,
        Mutant::AcceptedWithoutCaller, Mutant::AnythingVoided, Mutant::SilentVoidDone,
        Mutant::SilentVoidReversed, Mutant::VoidedTwiceAtOnce, Mutant::VoidResentUnasked,
        Mutant::LoserIgnoresWinner, Mutant::PushedAgain, Mutant::NumbersChosenEarly,
        Mutant::ClosedByHandEarly, Mutant::RefusedAndChanged, Mutant::ClosedByOperatorAsks,
        Mutant::CloseReopened, Mutant::NoPauseBetweenReversals, Mutant::NoPauseBetweenChecks,
        Mutant::OverdueForgotten, Mutant::PaddedIsAnother, Mutant::ForeignSaleForgotten,
        Mutant::SeenBeforeDuplicate, Mutant::DeclineReversed, Mutant::UndeliverableTrusted, Mutant::UnsentCheckCounts,
        Mutant::CancelToldEarly, Mutant::CancelUndone, Mutant::CancelReversedAtOnce,
        Mutant::OverdueWaitsForPolicy, Mutant::CancelVouches, Mutant::VoidRefusalTrusted,
        Mutant::HeardOutUnread, Mutant::VoidedAfterAllDropped,
        Mutant::VoidRefusedAtOnce, Mutant::ContradictionHidden, Mutant::ContradictionUndated,
        Mutant::HollowVoidHidden, Mutant::VoidCheckUndated, Mutant::DoubtForgotten,
        Mutant::DoubtEndsWithOperator,
    ];

    /// A short name, unique: `M7 acknowledgement closes`.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The wrong rule, in one line.
    pub fn describes(self) -> &'static str {
        self.entry().describes
    }

    /// The world in which it does harm.
    pub fn world(self) -> World {
        self.entry().world
    }

    /// The wrong policy, to be put into [`Policy::mutant`](payment::Policy); `None` if the fault
    /// lies outside the policy.
    pub fn policy(self) -> Option<payment::Mutant> {
        match self.entry().breaks {
            Breaks::Policy(step) => Some(payment::Mutant(step)),
            Breaks::Driver(_) => None,
        }
    }

    /// The fault outside the policy; `None` if the policy itself is wrong.
    pub fn driver(self) -> Option<DriverFault> {
        match self.entry().breaks {
            Breaks::Policy(_) => None,
            Breaks::Driver(fault) => Some(fault),
        }
    }

    #[rustfmt::skip]
    fn entry(self) -> Entry {
        use DriverFault as Fault;
        use World as W;
        match self {
            Mutant::M1 => fault("M1 send before persist",
                "the push leaves before its Intent is in the journal (P1)",
                W::Ordinary, Fault::SendBeforePersist),
            Mutant::M2 => fault("M2 tell before persist",
                "Paid is told before the verdict is in the journal (P2)",
                W::Ordinary, Fault::TellBeforePersist),
            Mutant::M3 => fault("M3 verdict overwritten",
                "a commit overwrites whatever another process wrote (P4)",
                W::Ordinary, Fault::VerdictOverwritten),
            Mutant::M4 => fault("M4 reverse before durable",
                "a reversal leaves before the verdict that allows it is in the journal (P3)",
                W::Ordinary, Fault::ReverseBeforeDurable),
            Mutant::M5 => wrong("M5 no wait",
                "checks and reverses at once instead of after 60 and 65 s (rules 9 and 13)",
                W::Ordinary, policy::no_wait),
            Mutant::M6 => wrong("M6 not found is final",
                "a status of 25 closes the payment (rule 15)",
                W::Ordinary, policy::not_found_is_final),
            Mutant::M7 => wrong("M7 acknowledgement closes",
                "an acknowledged reversal closes the payment, nobody looks again (P6)",
                W::Ordinary, policy::acknowledgement_closes),
            Mutant::M8 => wrong("M8 duplicate is declined",
                "code 94 counts as a decline (rule 7)",
                W::Ordinary, policy::duplicate_is_declined),
            Mutant::M9 => fault("M9 no pre-send deadline",
                "a process that paused writes its push however late (rules 3 and 4)",
                W::Ordinary, Fault::NoSendDeadline),
            Mutant::M10 => fault("M10 commit not synced",
                "commits are not synced, and the power fails (P7)",
                W::Reboots, Fault::CommitNotSynced),
            Mutant::M11 => wrong("M11 reversal given up",
                "a reversal without an answer is not repeated (rule 14)",
                W::Ordinary, policy::reversal_given_up),
            Mutant::M12 => wrong("M12 late success trusted",
                "a 00 after the decision to reverse makes the payment Paid (policy 2.7)",
                W::Ordinary, policy::late_success_is_trusted),
            Mutant::M13 => fault("M13 no bound on delay",
                "a push may wait in the network for ever: the one assumption, removed (D)",
                W::Ordinary, Fault::DelayWithoutBound),
            Mutant::M14 => wrong("M14 decline trusted",
                "a decline is never verified (rule 6)",
                W::LyingDeclines, policy::decline_is_trusted),
            Mutant::M15 => wrong("M15 no identity gate",
                "reverses without having seen whose payment the numbers name (rule 14b)",
                W::ForeignSale, policy::no_identity_gate),
            Mutant::M15b => wrong("M15b identity gate after 94 only",
                "looks before the first reversal only if OVO called the numbers duplicate",
                W::ForeignSale, policy::gate_only_after_duplicate),
            Mutant::M16 => wrong("M16 closed before D",
                "the closing check does not wait for the delay bound (rule 15, P6)",
                W::Ordinary, policy::closed_before_the_delay_bound),
            Mutant::SilenceIsDeclined => wrong("silence is declined",
                "no usable answer to the push counts as a decline (rule 8)",
                W::Ordinary, policy::silence_is_declined),
            Mutant::SilenceIsNotSent => wrong("silence is not sent",
                "a push without an answer is told as never sent (rules 2 and 8)",
                W::Ordinary, policy::silence_is_not_sent),
            Mutant::TimeoutWithoutReversal => wrong("time-out without reversal",
                "after 65 s the payment is given up, but not reversed (rule 13)",
                W::Ordinary, policy::timeout_without_reversal),
            Mutant::EchoIgnored => wrong("echo ignored",
                "a 00 that repeats another sale's values counts (rule 5)",
                W::ForeignSale, policy::echo_is_ignored),
            Mutant::DuplicateForgotten => wrong("duplicate forgotten",
                "code 94 leaves no trace (rule 7)",
                W::ForeignSaleUnderAttestedNumbers, policy::duplicate_is_forgotten),
            Mutant::ForeignSaleIsOurs => wrong("foreign sale is ours",
                "a status of 00 for another sale counts as ours (rule 11)",
                W::ForeignSale, policy::foreign_sale_is_ours),
            Mutant::DoubtfulIsOurs => wrong("doubtful is ours",
                "a status of 00 whose identity is in doubt counts as ours (rule 11)",
                W::ForeignSale, policy::doubtful_is_ours),
            Mutant::ReversedIsPaid => wrong("reversed is paid",
                "a status of 73 counts as a payment (rule 12)",
                W::ReversedByOvo, policy::reversed_is_paid),
            Mutant::StaleCheckCloses => wrong("stale check closes",
                "a check counts from its answer, not from when it was asked (P6)",
                W::Ordinary, policy::stale_check_closes),
            Mutant::AnyAnswerAcknowledges => wrong("any answer acknowledges",
                "a reversal counts as done whatever came back (P5)",
                W::NoCheckPayment, policy::any_answer_acknowledges),
            Mutant::DebitAtClosingIgnored => wrong("debit at closing ignored",
                "a closing check that shows a debit closes all the same (rule 15)",
                W::Ordinary, policy::debit_at_closing_is_ignored),
            Mutant::UnconfirmedPaidReversed => wrong("unconfirmed paid is reversed",
                "a Paid that the caller did not confirm is reversed (rule 17)",
                W::Ordinary, policy::unconfirmed_paid_is_reversed),
            Mutant::NumbersAlwaysTrusted => wrong("numbers always trusted",
                "reverses blindly although nobody vouches for the numbers (rule 14b, P8)",
                W::ForeignSaleWithoutChecks, policy::numbers_are_always_trusted),
            Mutant::NoSecondLook => wrong("no second look",
                "nobody looks behind a closed payment (rule 16)",
                W::DelayBeyondBound, policy::no_second_look),
            Mutant::RebootEndsEveryWait => wrong("reboot ends every wait",
                "after a restart of the machine all waits count as over (policy 2.5)",
                W::Reboots, policy::reboot_ends_every_wait),
            Mutant::ReopenedReversedAtOnce => wrong("reopened is reversed at once",
                "a reversal that begins anew does not wait for the session's end (I8)",
                W::ManualChecks, policy::reopened_is_reversed_at_once),
            Mutant::AcceptedWithoutCaller => wrong("accepted without a caller",
                "a late success is accepted though nobody waits for it (rule 10)",
                W::Ordinary, policy::accepted_without_a_caller),
            Mutant::AnythingVoided => wrong("anything is voided",
                "a payment that is not Paid can be voided (VI1)",
                W::Voids, policy::anything_is_voided),
            Mutant::SilentVoidDone => wrong("silent void is done",
                "a void without an answer counts as done (VI2)",
                W::Voids, policy::silent_void_is_done),
            Mutant::SilentVoidReversed => wrong("silent void is reversed",
                "a void without an answer is helped along with a reversal (VI3)",
                W::Voids, policy::silent_void_is_reversed),
            Mutant::VoidedTwiceAtOnce => wrong("voided twice at once",
                "a second void may start while the first one's end is unknown (VI4)",
                W::Voids, policy::voided_twice_at_once),
            Mutant::VoidResentUnasked => wrong("void resent unasked",
                "a void without an answer is sent again without asking first (VI4)",
                W::Voids, policy::void_resent_without_asking),
            Mutant::LoserIgnoresWinner => fault("loser ignores winner",
                "whoever loses a commit acts as if it had won (policy 2.7)",
                W::Ordinary, Fault::LoserIgnoresWinner),
            Mutant::PushedAgain => fault("pushed again",
                "a payment found undecided after a restart is pushed again (I9)",
                W::Ordinary, Fault::PushedAgain),
            Mutant::NumbersChosenEarly => fault("numbers chosen early",
                "numbers are chosen before the commit that uses them (P8)",
                W::TwoPayments, Fault::NumbersChosenEarly),
            Mutant::ClosedByHandEarly => wrong("closed by hand early",
                "an operator may close a payment that the customer can still confirm (rule 19, P6)",
                W::Operators, policy::closed_by_hand_early),
            Mutant::RefusedAndChanged => wrong("refused and changed",
                "what is refused leaves a trace in the row all the same",
                W::Voids, policy::refused_and_changed),
            Mutant::ClosedByOperatorAsks => wrong("closed by operator asks",
                "OVO is asked about a payment that an operator closed (rule 19)",
                W::OverdueRulings, policy::closed_by_operator_asks),
            Mutant::CloseReopened => wrong("close is reopened",
                "evidence of a debit reopens a payment that an operator closed (rule 19)",
                W::OverdueRulings, policy::close_is_reopened),
            Mutant::NoPauseBetweenReversals => wrong("no pause between reversals",
                "a reversal is repeated as often as OVO shows a debit",
                W::Ordinary, policy::no_pause_between_reversals),
            Mutant::NoPauseBetweenChecks => wrong("no pause between checks",
                "a status check is repeated as often as anything else happens",
                W::Ordinary, policy::no_pause_between_checks),
            Mutant::OverdueForgotten => wrong("overdue is forgotten",
                "a payment that opens again has never been overdue",
                W::Ordinary, policy::overdue_is_forgotten),
            Mutant::PaddedIsAnother => wrong("padded is another",
                "a status of 00 that repeats our invoice in another form counts as another sale's, and as our decline",
                W::Ordinary, policy::padded_is_another),
            Mutant::ForeignSaleForgotten => wrong("foreign sale is forgotten",
                "what was not found yesterday is reversed although it is another sale today (I10)",
                W::ForeignSaleOfAnotherDay, policy::foreign_sale_is_forgotten),
            Mutant::SeenBeforeDuplicate => wrong("seen before the duplicate",
                "what was not found before OVO called the numbers duplicate is reversed all the same (I10)",
                W::ForeignSaleOfAnotherDay, policy::seen_before_the_duplicate),
            Mutant::DeclineReversed => wrong("decline is reversed",
                "without status checks a definite decline is reversed, just in case (rule 6)",
                W::NoCheckPayment, policy::decline_is_reversed),
            Mutant::UndeliverableTrusted => wrong("undeliverable is trusted",
                "code 26 is a decline like any other (rule 6)",
                W::Undelivered, policy::undeliverable_is_trusted),
            Mutant::UnsentCheckCounts => wrong("unsent check counts",
                "a status check that never left counts as one without an answer (rule 14b)",
                W::Ordinary, policy::unsent_check_counts),
            Mutant::CancelToldEarly => fault("cancel told early",
                "whoever cancels is told before the verdict is in the journal (P2)",
                W::Cancels, Fault::CancelToldEarly),
            Mutant::HeardOutUnread => fault("heard out unread",
                "whoever listens behind a cancel gives the vouching back though an answer lies unread (I10)",
                W::CancelledForeignSale, Fault::HeardOutUnread),
            Mutant::CancelUndone => wrong("cancel is undone",
                "a 00 that comes behind a cancel makes the payment Paid",
                W::Cancels, policy::cancel_is_undone),
            Mutant::CancelReversedAtOnce => wrong("cancel is reversed at once",
                "a cancelled payment is reversed without waiting for the session's end (I8)",
                W::Cancels, policy::cancel_is_reversed_at_once),
            Mutant::OverdueWaitsForPolicy => wrong("overdue waits for the policy",
                "what is overdue cannot be ruled on as long as the policy goes on by itself (rule 19)",
                W::OverdueRulings, policy::overdue_waits_for_the_policy),
            Mutant::CancelVouches => wrong("cancel vouches",
                "a cancelled payment's numbers stay vouched for though its answer may go unheard (I10)",
                W::Cancels, policy::cancel_vouches),
            Mutant::VoidRefusalTrusted => wrong("void refusal is trusted",
                "a void that was refused was not carried out, nobody asks (policy 2.8)",
                W::Voids, policy::void_refusal_is_trusted),
            Mutant::VoidedAfterAllDropped => wrong("voided after all is dropped",
                "a void that was left to an operator stays so though OVO says that it was carried out (policy 2.8)",
                W::Voids, policy::voided_after_all_is_dropped),
            Mutant::VoidRefusedAtOnce => wrong("void refused at once",
                "two refusals of a void's checks leave it to an operator, whenever they came (policy 2.8)",
                W::RefusedVoids, policy::void_is_refused_at_once),
            Mutant::ContradictionHidden => wrong("contradiction is hidden",
                "nobody hears that OVO's record contradicts a payment told as Paid (rule 17)",
                W::SloppyOvo, policy::contradiction_is_hidden),
            Mutant::ContradictionUndated => wrong("contradiction is undated",
                "a check from before the approval, heard late, contradicts a payment told as Paid (rule 17)",
                W::Ordinary, policy::contradiction_is_undated),
            Mutant::HollowVoidHidden => wrong("hollow void is hidden",
                "nobody hears that OVO shows a voided payment as paid (policy 2.8)",
                W::HollowVoids, policy::hollow_void_is_hidden),
            Mutant::VoidCheckUndated => wrong("void check is undated",
                "a check from before a void, heard late, says that it was not carried out (policy 2.8)",
                W::AskedBehindVoids, policy::void_check_is_undated),
            Mutant::DoubtForgotten => wrong("doubt is forgotten",
                "what a copy of the journal lacks is reversed like any other (rule 21)",
                W::Copies, policy::doubt_is_forgotten),
            Mutant::DoubtEndsWithOperator => wrong("doubt ends with an operator",
                "a debit that shows once an operator has the case, or behind the closing check, is reversed by itself (rule 21)",
                W::Copies, policy::doubt_ends_with_an_operator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own_and_breaks_one_thing() {
        for (at, mutant) in Mutant::ALL.iter().enumerate() {
            assert_eq!(*mutant as usize, at, "{mutant:?} is not listed in its place");
            assert_ne!(mutant.policy().is_some(), mutant.driver().is_some());
            let same_name = Mutant::ALL.iter().filter(|other| other.name() == mutant.name());
            assert_eq!(same_name.count(), 1, "{}", mutant.name());
        }
    }
}
