//! The one error type: what kind of failure, and what a caller may do about it.

use std::fmt;

use crate::invoice::MerchantInvoice;
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::Refusal;

/// What went wrong, coarse enough to act on.
///
/// Kinds are only ever added; the C and Python faces carry the same names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value breaks a rule; the message names the field and the rule, never the value.
    InvalidInput,
    /// The client, its credentials or its files are set up wrongly.
    Configuration,
    /// The journal cannot be used (disk full, read-only, damaged, wrong version, deleted).
    Journal,
    /// Another process has the journal open.
    JournalLocked,
    /// The invoice is already in the journal with another amount, phone or terminal.
    InvoiceReused,
    /// The same customer has a payment that is not settled yet; a second push could debit twice.
    UnsettledCustomer,
    /// No payment with this invoice is in the journal.
    NotFound,
    /// The operation is refused by a rule of the payment's present state (the message says which).
    Refused,
    /// A check was asked too early or too late (60 seconds to 7 days after the push).
    OutsideWindow,
    /// The host gave no usable answer to a request that moves no money (inquiry, check).
    NoAnswer,
    /// The client is closed.
    Closed,
    /// The process forked after the client was opened; the child must open its own.
    Forked,
    /// A defect in this library.
    Internal,
}

/// Why a call started nothing.
///
/// Every error of this library means that **no payment was started by the call that returned
/// it**. Once a push may have left, the answer is an [`Outcome`](crate::Outcome) instead.
///
/// Displays as one line without secrets or personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: std::borrow::Cow<'static, str>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Error { kind, message: message.into() }
    }

    /// An operation that a rule of the payment's present state refuses.
    pub(crate) fn refused(invoice: &MerchantInvoice, refusal: Refusal) -> Error {
        let rule = match refusal {
            Refusal::NotPaid => "only a paid payment can be voided",
            Refusal::VoidTooLate => {
                "a void is possible on the day of the payment only, until 23:58 WIB"
            }
            Refusal::VoidInProgress => "the payment or its void is under way",
            Refusal::AlreadyVoided => "already voided",
            Refusal::NothingToRule => "nothing about it waits for this decision",
            Refusal::CloseTooEarly => {
                "the customer can still be debited; it can be closed 180 s after its push"
            }
            Refusal::NoOutcome => "there is no outcome yet",
        };
        Error::new(ErrorKind::Refused, format!("invoice {invoice}: {rule}"))
    }

    /// The kind, for programs.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later without a change of input or set-up.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::JournalLocked | ErrorKind::UnsettledCustomer | ErrorKind::NoAnswer
        )
    }

    /// Whether the state of something at OVO is unknown after this error.
    ///
    /// True only for [`ErrorKind::NoAnswer`]: the question was not answered. No error leaves a
    /// *debit* in doubt; that is what outcomes are for.
    pub fn is_outcome_unknown(&self) -> bool {
        self.kind == ErrorKind::NoAnswer
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Error {}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        let kind = match error.kind {
            JournalErrorKind::Locked => ErrorKind::JournalLocked,
            JournalErrorKind::Forked => ErrorKind::Forked,
            JournalErrorKind::Forbidden => ErrorKind::Internal,
            _ => ErrorKind::Journal,
        };
        Error::new(kind, error.to_string())
    }
}
