//! Which rule decided a step, by the numbers of the policy.

use crate::payment::answer::PushAnswer;
use crate::payment::input::Input;
use crate::payment::state::{Settlement, State, Verdict};

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $section:literal;)*) => {
        /// What of the policy decided a step: a rule of [policy 2.3], or another of its sections.
        ///
        /// [policy 2.3]: crate::manual::policy#23-rules
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Rule { $($(#[$doc])* $name = $number,)* }

        impl Rule {
            /// Every one, in the order of the policy.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];

            /// As the policy numbers it: a rule (`14b`), or a section (`2.7`).
            pub fn citation(self) -> &'static str {
                match self { $(Rule::$name => $section,)* }
            }
        }
    };
}

// The numbers are kept in journals: they keep their meaning, and retired ones stay as comments.
rules! {
    /// Rule 2 and 4: not one byte of the push left.
    NotSent = 2, "2";
    /// Rule 3: the push was written.
    Sent = 3, "3";
    /// Rule 5: the push was answered 00.
    Approved = 5, "5";
    /// Rule 6: the push was declined.
    Declined = 6, "6";
    /// Rule 7: OVO called the numbers duplicate.
    Duplicate = 7, "7";
    /// Rule 8: nothing usable; the clock decides.
    Unknown = 8, "8";
    /// Rule 9: the one check before the decision.
    Check = 9, "9";
    /// Rule 10: that check found the payment paid, and somebody waited for it.
    FoundPaid = 10, "10";
    /// Rule 11: the numbers name another sale.
    ForeignSale = 11, "11";
    /// Rule 12: it was reversed already.
    FoundReversed = 12, "12";
    /// Rule 13: no usable answer in 65 s.
    TimeUp = 13, "13";
    /// Rule 14: what was abandoned and seen is reversed.
    Reversal = 14, "14";
    /// Rule 15: the closing check.
    Closing = 15, "15";
    /// Rule 16: the looks behind a closed payment, and debits found there.
    LookBehind = 16, "16";
    /// Rule 17: told as Paid, which stays.
    Acknowledgement = 17, "17";
    /// Rule 18: the void.
    Void = 18, "18";
    /// Rule 19: an operator ruled.
    Ruling = 19, "19";
    /// Rule 20: the merchant cancelled.
    Cancel = 20, "20";
    /// Rule 21: open in a journal that cannot vouch for itself.
    InDoubt = 21, "21";
    /// Rule 14b: what was not seen is looked at before it is reversed.
    IdentityGate = 30, "14b";
    /// Section 2.5: a restart of the machine, after which windows begin again.
    Restart = 40, "2.5";
    /// Section 2.7: an answer that came behind the decision.
    Late = 41, "2.7";
    /// Section 2.10: whose payment an answer names cannot be told.
    Identity = 42, "2.10";
}

impl Rule {
    /// The rule whose number is kept as this one.
    pub(crate) fn from_number(number: u8) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| *rule as u8 == number)
    }

    /// The rule that an input falls under, where its branch names no other.
    pub(super) fn of(input: Input, before: &State) -> Rule {
        let undecided = before.verdict.is_none();
        match input {
            Input::Sent => Rule::Sent,
            Input::NotSent => Rule::NotSent,
            Input::Answered(_) if !undecided => Rule::Late,
            Input::Answered(PushAnswer::Approved) => Rule::Approved,
            Input::Answered(PushAnswer::Declined(_)) => Rule::Declined,
            Input::Answered(PushAnswer::Duplicate(_)) => Rule::Duplicate,
            Input::Answered(PushAnswer::WrongEcho(_)) => Rule::Identity,
            Input::Answered(PushAnswer::Unknown) => Rule::Unknown,
            Input::Cancelled { .. } | Input::HeardOut => Rule::Cancel,
            Input::Checked { .. } if before.owes_reversal() => Rule::IdentityGate,
            Input::Reversed { .. } => Rule::Reversal,
            Input::Due | Input::Awaited | Input::Checked { .. } => Rule::of_state(before),
            Input::Rebooted { .. } => Rule::Restart,
            Input::Acknowledged => Rule::Acknowledgement,
            Input::VoidAsked { .. } | Input::VoidAnswered(_) | Input::VoidChecked { .. } => {
                Rule::Void
            }
            // OP4.
            Input::ReportedPaid => Rule::LookBehind,
            Input::Ruled(_) => Rule::Ruling,
        }
    }

    /// What is being done about a payment in this state.
    fn of_state(state: &State) -> Rule {
        match (state.verdict, state.settlement) {
            (None, _) => Rule::Check,
            (Some(Verdict::Accepted(_)), _) if state.void.is_open() => Rule::Void,
            (Some(Verdict::Accepted(_)), _) => Rule::Acknowledgement,
            (Some(Verdict::Quarantined), _) => Rule::InDoubt,
            _ if state.is_in_doubt() => Rule::InDoubt,
            _ if state.owes_reversal() => Rule::Reversal,
            (_, Settlement::Open(_)) => Rule::Closing,
            (_, Settlement::Closed { .. } | Settlement::WithOperator) => Rule::LookBehind,
        }
    }
}
