//! What an operator should hear about a payment.

use std::fmt;
use std::time::Duration;

use crate::message::{Mismatch, ResponseCode};
use crate::payment::state::DeclineReason;

/// Something that an operator should hear about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Alert {
    /// OVO says that the numbers were used before.
    DuplicateNumbers(ResponseCode),
    /// The numbers belong to another sale; nothing of it is touched.
    ForeignSale,
    /// Whose payment it is cannot be told. Critical.
    Doubtful,
    /// OVO reversed a payment that we did not reverse.
    ForeignReversal,
    /// A success came after the decision; the payment is being returned.
    LateSuccess,
    /// A payment that OVO had declined is debited; it is being returned. Critical.
    LyingDecline(DeclineReason),
    /// A reversed payment is debited (again); it is being returned.
    LateDebit,
    /// OVO acknowledges reversals of a payment and goes on showing it as paid. Critical.
    ReversalWithoutEffect,
    /// A closed payment turned out debited: the delay bound D does not hold here, or OVO's record showed a
    /// late debit later than the check that closed it. Critical.
    DelayBoundBroken,
    /// A payment that an operator closed shows as debited; nothing is sent. Critical.
    DebitAfterClose,
    /// An answer repeats other values than were asked about.
    WrongEcho(Mismatch),
    /// A field of an answer was accepted although it is missing or written in another form. Told
    /// once for each field and opening.
    SloppyEcho(Mismatch),
    /// OVO refuses the set-up (58, 63, EB, BR). Told once a minute at most. Critical.
    Misconfigured(ResponseCode),
    /// OVO refuses status checks.
    CheckUnavailable,
    /// OVO no longer knows the payment's status (54). Critical.
    TooOld,
    /// A payment told as Paid was reversed at OVO. Critical.
    PaidButReversed,
    /// A success for a push that never left. Critical.
    PaidButNotSent,
    /// Settlement has taken longer than it should.
    Overdue(Duration),
    /// Settlement has taken longer than a day; an operator can end it. Critical.
    OverdueForADay,
    /// A void's end could not be known.
    VoidUnresolved,
    /// A void that was refused, or left to an operator, turned out to have been carried out. Critical.
    VoidedAfterAll,
    /// OVO acknowledged a void and shows the payment as paid all the same. Critical.
    VoidWithoutEffect,
    /// OVO answered checks of a payment, then refused them, and it was closed without one: that the
    /// customer is not debited was not confirmed.
    Unverified,
}

impl Alert {
    /// All kinds by their [names](Self::name), and whether they are [critical](Self::is_critical): for
    /// whoever shows those that have not come yet, too.
    pub const KINDS: [(&'static str, bool); 23] = [
        ("DuplicateNumbers", false),
        ("ForeignSale", false),
        ("Doubtful", true),
        ("ForeignReversal", false),
        ("LateSuccess", false),
        ("LyingDecline", true),
        ("LateDebit", false),
        ("ReversalWithoutEffect", true),
        ("DelayBoundBroken", true),
        ("DebitAfterClose", true),
        ("WrongEcho", false),
        ("SloppyEcho", false),
        ("Misconfigured", true),
        ("CheckUnavailable", false),
        ("TooOld", true),
        ("PaidButReversed", true),
        ("PaidButNotSent", true),
        ("Overdue", false),
        ("OverdueForADay", true),
        ("VoidUnresolved", false),
        ("VoidedAfterAll", true),
        ("VoidWithoutEffect", true),
        ("Unverified", false),
    ];

    /// Its kind, as [operations 2] names it.
    ///
    /// [operations 2]: crate::manual::operations#2-alerts
    pub fn name(self) -> &'static str {
        match self {
            Alert::DuplicateNumbers(_) => "DuplicateNumbers",
            Alert::ForeignSale => "ForeignSale",
            Alert::Doubtful => "Doubtful",
            Alert::ForeignReversal => "ForeignReversal",
            Alert::LateSuccess => "LateSuccess",
            Alert::LyingDecline(_) => "LyingDecline",
            Alert::LateDebit => "LateDebit",
            Alert::ReversalWithoutEffect => "ReversalWithoutEffect",
            Alert::DelayBoundBroken => "DelayBoundBroken",
            Alert::DebitAfterClose => "DebitAfterClose",
            Alert::WrongEcho(_) => "WrongEcho",
            Alert::SloppyEcho(_) => "SloppyEcho",
            Alert::Misconfigured(_) => "Misconfigured",
            Alert::CheckUnavailable => "CheckUnavailable",
            Alert::TooOld => "TooOld",
            Alert::PaidButReversed => "PaidButReversed",
            Alert::PaidButNotSent => "PaidButNotSent",
            Alert::Overdue(_) => "Overdue",
            Alert::OverdueForADay => "OverdueForADay",
            Alert::VoidUnresolved => "VoidUnresolved",
            Alert::VoidedAfterAll => "VoidedAfterAll",
            Alert::VoidWithoutEffect => "VoidWithoutEffect",
            Alert::Unverified => "Unverified",
        }
    }

    /// Whether somebody should be woken.
    pub fn is_critical(self) -> bool {
        matches!(
            self,
            Alert::DelayBoundBroken
                | Alert::PaidButReversed
                | Alert::PaidButNotSent
                | Alert::LyingDecline(_)
                | Alert::ReversalWithoutEffect
                | Alert::DebitAfterClose
                | Alert::OverdueForADay
                | Alert::Doubtful
                | Alert::Misconfigured(_)
                | Alert::TooOld
                | Alert::VoidedAfterAll
                | Alert::VoidWithoutEffect
        )
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alert::DuplicateNumbers(code) => {
                write!(f, "OVO says the numbers were used before (code {code})")
            }
            Alert::ForeignSale => {
                f.write_str("the numbers belong to another sale; it is left alone")
            }
            Alert::Doubtful => {
                f.write_str("whose payment it is, or how it ended, cannot be told; an operator decides")
            }
            Alert::ForeignReversal => f.write_str("OVO reversed the payment without our asking"),
            Alert::LateSuccess => f.write_str("a success came after the decision; it is returned"),
            Alert::LyingDecline(_) => {
                f.write_str("OVO declined, yet the customer is debited; it is returned")
            }
            Alert::LateDebit => f.write_str("debited in spite of the reversal; it is reversed again"),
            Alert::ReversalWithoutEffect => f.write_str(
                "OVO acknowledges the reversal and still shows the debit; it is reversed again, ever more slowly: ask OVO",
            ),
            Alert::DelayBoundBroken => f.write_str(
                "a settled payment turned out debited: pushes, or OVO's record, are later than assumed; it is returned",
            ),
            Alert::DebitAfterClose => {
                f.write_str("a payment that an operator closed shows as debited; nothing is sent")
            }
            Alert::WrongEcho(field) => write!(f, "the answer repeats another {field}"),
            Alert::SloppyEcho(field) => {
                write!(f, "OVO repeats {field} in another form, or not at all; it is accepted")
            }
            Alert::Misconfigured(code) => write!(f, "OVO refuses the set-up (code {code})"),
            Alert::CheckUnavailable => f.write_str("OVO refuses status checks"),
            Alert::TooOld => f.write_str("OVO no longer knows the payment; reconcile by hand"),
            Alert::PaidButReversed => f.write_str("told as paid, but OVO says reversed"),
            Alert::PaidButNotSent => f.write_str("OVO says paid for a push that never left"),
            Alert::Overdue(late) => write!(f, "not settled for {} s", late.as_secs()),
            Alert::OverdueForADay => {
                f.write_str("not settled for a day; it goes on hourly, and an operator can end it")
            }
            Alert::VoidUnresolved => f.write_str("the void's end is unknown; an operator refunds"),
            Alert::VoidedAfterAll => {
                f.write_str("a void that was refused, or left to an operator, was carried out: who refunded it by hand paid twice, and goods that were given are not paid for")
            }
            Alert::VoidWithoutEffect => f.write_str(
                "OVO said that it was voided, and still shows the debit; nothing more is sent: ask OVO",
            ),
            Alert::Unverified => f.write_str(
                "closed, and OVO refuses the check that would confirm that the customer is not debited; compare its settlement file",
            ),
        }
    }
}
