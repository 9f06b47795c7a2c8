//! The one error type: what kind of failure, and what a caller may do about it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

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
    /// A check was asked too early or too late: 60 seconds to 7 days after the push, and from 85 seconds
    /// after the payment's beginning on as long as the journal does not know when the push left
    /// ([`Client::check`](crate::Client::check)); of a void, as long as the journal has the phone.
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
/// Displays as one line without secrets or personal data. Two errors are equal if they say the
/// same about the same; what lies behind them is not compared.
///
/// ```
/// use ovo_ptp::{ErrorKind, Rupiah};
///
/// let error = Rupiah::new(0).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(error.field(), Some("amount"));
/// assert_eq!(error.to_string(), "amount: must be at least 1 rupiah");
/// ```
#[derive(Clone)]
pub struct Error(Box<Detail>);

#[derive(Clone)]
struct Detail {
    kind: ErrorKind,
    message: Cow<'static, str>,
    field: Option<&'static str>,
    invoice: Option<MerchantInvoice>,
    retry_after: Option<Duration>,
    journal: Option<JournalError>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Error(Box::new(Detail {
            kind,
            message: message.into(),
            field: None,
            invoice: None,
            retry_after: None,
            journal: None,
        }))
    }

    /// A value that breaks a rule; `field` as a program would write it.
    pub(crate) fn invalid(field: &'static str, rule: impl fmt::Display) -> Self {
        let named = field.replace('_', " ");
        Error::new(ErrorKind::InvalidInput, format!("{named}: {rule}")).about_field(field)
    }

    /// An error about one payment.
    pub(crate) fn about(
        invoice: &MerchantInvoice,
        kind: ErrorKind,
        what: impl fmt::Display,
    ) -> Self {
        let mut error = Error::new(kind, format!("invoice {invoice}: {what}"));
        error.0.invoice = Some(invoice.clone());
        error
    }

    pub(crate) fn about_field(mut self, field: &'static str) -> Self {
        self.0.field = Some(field);
        self
    }

    /// An operation that a rule of the payment's present state refuses.
    pub(crate) fn refused(invoice: &MerchantInvoice, refusal: Refusal) -> Self {
        let rule = match refusal {
            Refusal::NotPaid => "only a paid payment can be voided",
            Refusal::VoidTooLate => {
                "a void is possible on the day of the payment only, until 23:58 WIB"
            }
            Refusal::VoidInProgress => "the payment or its void is under way",
            Refusal::AlreadyVoided => "already voided",
            Refusal::OperatorRefunds => {
                "a void of it may have been carried out, OVO's record contradicts it, or an operator closed it: what is still to be returned is returned by hand"
            }
            Refusal::NumbersDoubted => {
                "OVO called its numbers used, or showed another sale under them, whose money a reversal or a void could return: have OVO return it by hand, then rule `close`"
            }
            Refusal::NothingToRule => "nothing about it waits for this decision",
            Refusal::CloseTooEarly => {
                "the customer can still be debited; it can be closed 180 s after its push"
            }
            Refusal::NoOutcome => "there is no outcome yet",
            Refusal::CannotBeReversed => {
                "it cannot be cancelled, because nobody could tell whose sale a reversal would return: OVO called its numbers used, or the contract has no Check Payment and nobody goes on listening for the answer (a blocking call never does) or vouches for the numbers; go on waiting"
            }
        };
        Error::about(invoice, ErrorKind::Refused, rule)
    }

    pub(crate) fn retry_in(mut self, retry_after: Duration) -> Self {
        self.0.retry_after = Some(retry_after);
        self
    }

    /// An unsettled payment may be this customer's, and nobody can tell.
    pub(crate) fn unreadable_customer(other: &MerchantInvoice, retry_after: Duration) -> Self {
        let rule = "is not settled yet, and its phone cannot be read with this app key: it may be the \
                    same customer's; open the client with the former key (previous app keys), or try \
                    again in";
        Error::blocked_by(other, rule, retry_after)
    }

    /// The customer's payment `other` is not settled; it may be in `retry_after`.
    pub(crate) fn unsettled_customer(other: &MerchantInvoice, retry_after: Duration) -> Self {
        let rule =
            "to the same phone is not settled yet; wait for it, a new push may be possible in";
        Error::blocked_by(other, rule, retry_after)
    }

    fn blocked_by(other: &MerchantInvoice, rule: &str, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs().max(1);
        let message = format!("customer: payment {other} {rule} {seconds} s");
        let mut error = Error::new(ErrorKind::UnsettledCustomer, message);
        error.0.invoice = Some(other.clone());
        error.retry_in(retry_after)
    }

    /// The kind, for programs.
    ///
    /// ```
    /// # fn example(error: &ovo_ptp::Error) {
    /// use ovo_ptp::ErrorKind;
    ///
    /// match error.kind() {
    ///     ErrorKind::InvalidInput => println!("{error}"),
    ///     ErrorKind::UnsettledCustomer => println!("this customer's last payment is not settled yet"),
    ///     ErrorKind::Journal => println!("take no payments: nothing could be recorded"),
    ///     _ => eprintln!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The value that breaks a rule ([`ErrorKind::InvalidInput`]) or differs from what the journal
    /// holds ([`ErrorKind::InvoiceReused`]), as a program would write it: `amount`, `phone`,
    /// `store_code`.
    ///
    /// ```
    /// use ovo_ptp::PhoneNumber;
    ///
    /// let error = "021-555-1234".parse::<PhoneNumber>().unwrap_err();
    /// assert_eq!(error.field(), Some("phone"));
    /// ```
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }

    /// The payment that the error is about. For an unsettled customer that is the payment which
    /// the new one has to wait for, not the one that was asked for.
    pub fn invoice(&self) -> Option<&MerchantInvoice> {
        self.0.invoice.as_ref()
    }

    /// How long to wait before the same call is worth another try, as far as that is known: of an
    /// unsettled customer, until the policy's next step for the payment in the way (it may be
    /// refused again then); of a check, until it is meaningful.
    ///
    /// ```
    /// # fn example(error: &ovo_ptp::Error) {
    /// if let (Some(invoice), Some(wait)) = (error.invoice(), error.retry_after()) {
    ///     println!("payment {invoice} to this phone is not settled; ask again in {} s", wait.as_secs());
    /// }
    /// # }
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What kind of failure the journal had, if it is the journal's.
    pub fn journal_kind(&self) -> Option<JournalErrorKind> {
        self.0.journal.as_ref().map(|error| error.kind)
    }

    /// Whether a value breaks a rule; [`field`](Self::field) names it.
    pub fn is_invalid_input(&self) -> bool {
        self.kind() == ErrorKind::InvalidInput
    }

    /// Whether the journal cannot be used; [`journal_kind`](Self::journal_kind) says why.
    pub fn is_journal(&self) -> bool {
        matches!(self.kind(), ErrorKind::Journal | ErrorKind::JournalLocked)
    }

    /// Whether the customer's last payment has to be waited for; [`invoice`](Self::invoice) names
    /// it, [`retry_after`](Self::retry_after) says how long.
    pub fn is_unsettled_customer(&self) -> bool {
        self.kind() == ErrorKind::UnsettledCustomer
    }

    /// Whether the journal has no such payment.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether a rule of the payment's present state refuses the operation.
    pub fn is_refused(&self) -> bool {
        self.kind() == ErrorKind::Refused
    }

    /// Whether the client is closed.
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    /// Whether the same call may succeed later without a change of input or set-up.
    ///
    /// ```
    /// # fn example(error: &ovo_ptp::Error) {
    /// if error.is_retryable() {
    ///     println!("the same call may succeed later");
    /// }
    /// # }
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::JournalLocked | ErrorKind::UnsettledCustomer | ErrorKind::NoAnswer
        )
    }

    /// Whether the state of something at OVO is unknown after this error.
    ///
    /// True only for [`ErrorKind::NoAnswer`]: the question was not answered. No error leaves a
    /// *debit* in doubt; that is what outcomes are for.
    pub fn is_outcome_unknown(&self) -> bool {
        self.kind() == ErrorKind::NoAnswer
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let said = |error: &Error| (error.0.kind, error.0.field, error.0.retry_after);
        said(self) == said(other)
            && self.0.message == other.0.message
            && self.0.invoice == other.0.invoice
    }
}

impl Eq for Error {}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.journal.as_ref().map(|error| error as &(dyn std::error::Error + 'static))
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        let kind = match error.kind {
            JournalErrorKind::Locked => ErrorKind::JournalLocked,
            JournalErrorKind::Forked => ErrorKind::Forked,
            JournalErrorKind::Forbidden => ErrorKind::Internal,
            _ => ErrorKind::Journal,
        };
        let mut failed = Error::new(kind, error.to_string());
        failed.0.journal = Some(error);
        failed
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn an_error_of_the_journal_says_of_what_kind_and_keeps_what_lies_behind() {
        let full = JournalError::new(JournalErrorKind::Full, "no room");
        let error = Error::from(full.clone());
        assert!(error.is_journal());
        assert_eq!(error.journal_kind(), Some(JournalErrorKind::Full));
        assert_eq!(error.source().map(ToString::to_string), Some(full.to_string()));
        let locked = Error::from(JournalError::new(JournalErrorKind::Locked, "in use"));
        assert!(locked.is_journal() && locked.is_retryable() && !error.is_retryable());
    }

    #[test]
    fn an_unsettled_customer_s_error_names_the_payment_in_the_way_and_proposes_no_second_push() {
        let first: MerchantInvoice = "INV-1".parse().unwrap();
        let error = Error::unsettled_customer(&first, Duration::from_millis(12_300));
        assert_eq!(error.invoice(), Some(&first));
        assert_eq!(error.retry_after(), Some(Duration::from_millis(12_300)));
        let text = error.to_string();
        assert!(text.contains("INV-1") && text.contains("12 s"), "{text}");
        assert!(!text.contains("allow") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn a_value_that_breaks_a_rule_is_named_as_a_program_would_write_it() {
        let error = Error::invalid("store_code", "must have 1 to 20 characters");
        assert_eq!(error.field(), Some("store_code"));
        assert_eq!(error.to_string(), "store code: must have 1 to 20 characters");
    }

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
