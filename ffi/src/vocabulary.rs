//! The enumerations of the header. All of them travel as `int32_t`: an enum in C can hold any
//! number, an enum in Rust cannot, so numbers are looked up and never cast.
#![allow(non_camel_case_types, clippy::upper_case_acronyms)]

use ptp::message::{Class, Operation, SigningMode};
use ptp::payment::{Alert, LateSuccess, NotSentReason, Ruling, StatusAnswer};
use ptp::{BatchMethod, Inquiry, Language, Outcome, Phase, VoidOutcome};

use crate::code::Failure;

/// How a payment ended.
#[repr(i32)]
pub enum ovo_outcome_kind {
    /// There is no outcome yet.
    OVO_PENDING = 0,
    /// The customer is debited and stays debited. Hand over the goods.
    OVO_PAID = 1,
    /// OVO refused. Show the customer's text.
    OVO_DECLINED = 2,
    /// No usable answer in time. Tell the customer that any deduction is returned; settlement
    /// sees to it.
    OVO_NOT_COMPLETED = 3,
    /// Not one byte of the push left; `not_sent_reason` says why. Try again, with a new invoice.
    OVO_NOT_SENT = 4,
    /// The evidence contradicts itself. Call support; `ovo_rule` ends it.
    OVO_NEEDS_OPERATOR = 5,
    /// The client was closed, or failed, meanwhile. Nothing is decided and nothing lost: open it again
    /// and ask with the same invoice. Do not take another payment for the same goods.
    OVO_INTERRUPTED = 6,
}

/// Why not one byte of a push left.
#[repr(i32)]
pub enum ovo_not_sent_reason {
    /// Not told. Only the paying call itself tells it: it is not stored.
    OVO_NOT_SENT_UNTOLD = 0,
    /// The host's name is not known: no network, or a wrong address.
    OVO_NOT_SENT_UNKNOWN_HOST = 1,
    /// No connection to the host, or to the proxy before it.
    OVO_NOT_SENT_NO_CONNECTION = 2,
    /// The host could not prove who it is, does not take this client's certificate, or speaks no TLS:
    /// a certificate, a trust store, a clock.
    OVO_NOT_SENT_NOT_TRUSTED = 3,
    /// Connecting took too long.
    OVO_NOT_SENT_TOO_SLOW = 4,
    /// The merchant cancelled before anything was sent.
    OVO_NOT_SENT_CANCELLED = 5,
    /// The client was closed before anything was sent.
    OVO_NOT_SENT_CLOSED = 6,
    /// This process stood still too long, or another one took the payment over.
    OVO_NOT_SENT_STOPPED = 7,
}

/// What a response code means for the payment that it answers.
#[repr(i32)]
pub enum ovo_class {
    /// Says nothing certain: checked, then reversed. Also every code that is not in the table.
    OVO_CLASS_UNKNOWN = 0,
    /// Paid, if the rest of the answer matches.
    OVO_CLASS_APPROVED = 1,
    /// Definitely refused.
    OVO_CLASS_DECLINED = 2,
    /// Definitely refused because the merchant's set-up is wrong.
    OVO_CLASS_MISCONFIGURED = 3,
    /// The numbers or the invoice were used before.
    OVO_CLASS_DUPLICATE = 4,
}

/// A language for customer texts.
#[repr(i32)]
pub enum ovo_language {
    /// Bahasa Indonesia.
    OVO_INDONESIAN = 0,
    /// English.
    OVO_ENGLISH = 1,
}

/// Where a payment stands while its caller waits.
#[repr(i32)]
pub enum ovo_phase {
    /// The payment is in the journal; the connection is being made.
    OVO_PHASE_SENDING = 0,
    /// The prompt is on its way to the customer, or on the customer's phone.
    OVO_PHASE_WAITING = 1,
    /// The customer's time is over; OVO's record is checked.
    OVO_PHASE_CHECKING = 2,
}

/// What a watching function says.
#[allow(dead_code)] // "Go on" is also what every other number means: nothing compares with it.
#[repr(i32)]
pub enum ovo_watch_answer {
    /// Go on.
    OVO_GO_ON = 0,
    /// Give the payment up. A number that no function returns by accident.
    OVO_CANCEL = 1_128_353_347,
}

/// How much a log line matters.
#[repr(i32)]
pub enum ovo_level {
    /// For the log.
    OVO_LEVEL_INFO = 0,
    /// An operator should know.
    OVO_LEVEL_ALERT = 1,
    /// Somebody should be woken.
    OVO_LEVEL_CRITICAL = 2,
}

/// What a request asks of OVO.
#[repr(i32)]
pub enum ovo_operation {
    /// Push a payment to the customer's phone.
    OVO_OP_PUSH_TO_PAY = 1,
    /// Return whatever an unanswered push may have taken.
    OVO_OP_REVERSAL = 2,
    /// Return a paid payment.
    OVO_OP_VOID = 3,
    /// Ask what became of a push.
    OVO_OP_CHECK_PAYMENT = 4,
    /// Ask what became of a void.
    OVO_OP_CHECK_VOID = 5,
    /// Ask whether a phone has an OVO account.
    OVO_OP_INQUIRY = 6,
}

/// How a transport's exchange ended: the three phases that money cares about.
#[allow(dead_code)] // "No answer" is also what every unknown number means: nothing compares with it.
#[repr(i32)]
pub enum ovo_exchange_end {
    /// Something may have left, and no whole answer came. Also what a transport says that returns 0
    /// because nothing went wrong.
    OVO_EXCHANGE_NO_ANSWER = 0,
    /// The answer was handed over with `ovo_exchange_answer`.
    OVO_EXCHANGE_ANSWERED = 1,
    /// Proven: not one byte of the request left this device. Counts only as long as
    /// `ovo_exchange_begin` has not said that the request may be written.
    OVO_EXCHANGE_NOT_SENT = 2,
}

/// What OVO says about a payment that was checked.
#[repr(i32)]
pub enum ovo_status {
    /// Paid.
    OVO_STATUS_PAID = 1,
    /// OVO has no such payment.
    OVO_STATUS_NOT_FOUND = 2,
    /// It was reversed.
    OVO_STATUS_REVERSED = 3,
    /// The numbers belong to another sale.
    OVO_STATUS_FOREIGN_SALE = 4,
    /// Whose payment it is cannot be told.
    OVO_STATUS_DOUBTFUL = 5,
    /// Older than seven days.
    OVO_STATUS_TOO_OLD = 6,
    /// The contract has no status check.
    OVO_STATUS_UNAVAILABLE = 7,
}

/// How a void stands.
#[repr(i32)]
pub enum ovo_void_state {
    /// The customer has the money back.
    OVO_VOIDED = 1,
    /// OVO refused; the payment stays paid. The response code tells why.
    OVO_VOID_REJECTED = 2,
    /// Not one byte left. Try again.
    OVO_VOID_NOT_SENT = 3,
    /// Not known yet; settlement asks for it.
    OVO_VOID_PENDING = 4,
    /// Could not be known within the day. An operator refunds.
    OVO_VOID_NEEDS_OPERATOR = 5,
}

/// An operator's decision about a payment that waits for one.
#[repr(i32)]
pub enum ovo_ruling {
    /// It is paid, and by this customer.
    OVO_RULE_PAID = 1,
    /// It is this customer's and must be returned.
    OVO_RULE_REFUND = 2,
    /// It is dealt with outside this library. Of a payment that was not paid this is refused until
    /// 180 s (60 s + D) after its push: until then the customer can still be debited.
    OVO_RULE_CLOSE = 3,
}

/// What to do with a success that only the status check reported, while somebody still waits.
#[repr(i32)]
pub enum ovo_late_success {
    /// Tell it as paid, marked late. The default: the customer has paid and still stands there.
    OVO_LATE_ACCEPT = 1,
    /// Return the money, for merchants whose order is gone after a minute.
    OVO_LATE_REVERSE = 2,
}

/// When a new batch begins.
#[repr(i32)]
pub enum ovo_batch_method {
    /// Behind reference 999999 only. The default: it depends on no clock.
    OVO_BATCH_CONTINUOUS = 0,
    /// With the first push of each day (WIB).
    OVO_BATCH_DAILY = 1,
}

/// What the signature of a request covers.
#[repr(i32)]
pub enum ovo_signing {
    /// App id and random. The default, and OVO's published example.
    OVO_SIGN_WITHOUT_BODY = 0,
    /// App id, random and the body. `ovo_doctor` tells which one the host accepts.
    OVO_SIGN_WITH_BODY = 1,
}

use ovo_batch_method::*;
use ovo_class::*;
use ovo_late_success::*;
use ovo_not_sent_reason::*;
use ovo_operation::*;
use ovo_outcome_kind::*;
use ovo_ruling::*;
use ovo_signing::*;
use ovo_status::*;
use ovo_void_state::*;

/// Reads a number of the caller's as one of a few values.
pub(crate) fn one_of<T: Copy>(
    argument: &str,
    number: i32,
    values: &[(i32, T)],
) -> Result<T, Failure> {
    values
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, value)| *value)
        .ok_or_else(|| Failure::unknown(argument))
}

pub(crate) fn language(number: i32) -> Result<Language, Failure> {
    let values = [
        (ovo_language::OVO_INDONESIAN as i32, Language::Indonesian),
        (ovo_language::OVO_ENGLISH as i32, Language::English),
    ];
    one_of("language", number, &values)
}

pub(crate) fn ruling(number: i32) -> Result<Ruling, Failure> {
    let values = [
        (OVO_RULE_PAID as i32, Ruling::Paid),
        (OVO_RULE_REFUND as i32, Ruling::Refund),
        (OVO_RULE_CLOSE as i32, Ruling::Close),
    ];
    one_of("ruling", number, &values)
}

pub(crate) fn late_success(number: i32) -> Result<LateSuccess, Failure> {
    let values = [
        (OVO_LATE_ACCEPT as i32, LateSuccess::Accept),
        (OVO_LATE_REVERSE as i32, LateSuccess::Reverse),
    ];
    one_of("late success", number, &values)
}

pub(crate) fn batch_method(number: i32) -> Result<BatchMethod, Failure> {
    let values = [
        (OVO_BATCH_CONTINUOUS as i32, BatchMethod::Continuous),
        (OVO_BATCH_DAILY as i32, BatchMethod::Daily),
    ];
    one_of("batch method", number, &values)
}

pub(crate) fn signing(number: i32) -> Result<SigningMode, Failure> {
    let values = [
        (OVO_SIGN_WITHOUT_BODY as i32, SigningMode::WithoutBody),
        (OVO_SIGN_WITH_BODY as i32, SigningMode::WithBody),
    ];
    one_of("signing", number, &values)
}

pub(crate) fn kind_of(outcome: Option<&Outcome>) -> i32 {
    (match outcome {
        None => OVO_PENDING,
        Some(Outcome::Paid(_)) => OVO_PAID,
        Some(Outcome::Declined(_)) => OVO_DECLINED,
        Some(Outcome::NotCompleted(_)) => OVO_NOT_COMPLETED,
        Some(Outcome::NotSent(_)) => OVO_NOT_SENT,
        Some(Outcome::Interrupted(_)) => OVO_INTERRUPTED,
        // Also whatever a later core adds: nobody is told more than is known here.
        Some(_) => OVO_NEEDS_OPERATOR,
    }) as i32
}

pub(crate) fn not_sent_reason(reason: Option<NotSentReason>) -> i32 {
    (match reason {
        Some(NotSentReason::UnknownHost) => OVO_NOT_SENT_UNKNOWN_HOST,
        Some(NotSentReason::NoConnection) => OVO_NOT_SENT_NO_CONNECTION,
        Some(NotSentReason::NotTrusted) => OVO_NOT_SENT_NOT_TRUSTED,
        Some(NotSentReason::TooSlow) => OVO_NOT_SENT_TOO_SLOW,
        Some(NotSentReason::Cancelled) => OVO_NOT_SENT_CANCELLED,
        Some(NotSentReason::Closed) => OVO_NOT_SENT_CLOSED,
        Some(NotSentReason::Stopped) => OVO_NOT_SENT_STOPPED,
        // Also what a later core adds; a test compares the two.
        _ => OVO_NOT_SENT_UNTOLD,
    }) as i32
}

pub(crate) fn class(class: Class) -> i32 {
    (match class {
        Class::Approved => OVO_CLASS_APPROVED,
        Class::Declined => OVO_CLASS_DECLINED,
        Class::Misconfigured => OVO_CLASS_MISCONFIGURED,
        Class::Duplicate => OVO_CLASS_DUPLICATE,
        Class::Unknown => OVO_CLASS_UNKNOWN,
    }) as i32
}

pub(crate) fn phase(phase: Phase) -> i32 {
    (match phase {
        Phase::Sending => ovo_phase::OVO_PHASE_SENDING,
        Phase::WaitingForCustomer => ovo_phase::OVO_PHASE_WAITING,
        Phase::Checking => ovo_phase::OVO_PHASE_CHECKING,
    }) as i32
}

pub(crate) fn level_of(alert: Alert) -> i32 {
    (if alert.is_critical() { ovo_level::OVO_LEVEL_CRITICAL } else { ovo_level::OVO_LEVEL_ALERT })
        as i32
}

pub(crate) fn operation(operation: Operation) -> i32 {
    (match operation {
        Operation::PushToPay => OVO_OP_PUSH_TO_PAY,
        Operation::Reversal => OVO_OP_REVERSAL,
        Operation::Void => OVO_OP_VOID,
        Operation::CheckPayment => OVO_OP_CHECK_PAYMENT,
        Operation::CheckVoid => OVO_OP_CHECK_VOID,
        Operation::Inquiry => OVO_OP_INQUIRY,
    }) as i32
}

/// `None` for the three that are errors of the call instead.
pub(crate) fn status(answer: StatusAnswer) -> Option<i32> {
    Some(match answer {
        StatusAnswer::Paid => OVO_STATUS_PAID,
        StatusAnswer::NotFound => OVO_STATUS_NOT_FOUND,
        StatusAnswer::Reversed => OVO_STATUS_REVERSED,
        StatusAnswer::ForeignSale => OVO_STATUS_FOREIGN_SALE,
        StatusAnswer::Doubtful => OVO_STATUS_DOUBTFUL,
        StatusAnswer::TooOld => OVO_STATUS_TOO_OLD,
        StatusAnswer::Unavailable => OVO_STATUS_UNAVAILABLE,
        StatusAnswer::NotSent | StatusAnswer::NoAnswer | StatusAnswer::Misconfigured(_) => {
            return None;
        }
    } as i32)
}

pub(crate) fn void_state(outcome: VoidOutcome) -> i32 {
    (match outcome {
        VoidOutcome::Voided => OVO_VOIDED,
        VoidOutcome::Rejected(_) => OVO_VOID_REJECTED,
        VoidOutcome::NotSent => OVO_VOID_NOT_SENT,
        VoidOutcome::Pending => OVO_VOID_PENDING,
        // Also whatever a later core adds.
        _ => OVO_VOID_NEEDS_OPERATOR,
    }) as i32
}

pub(crate) fn is_registered(inquiry: Inquiry) -> i32 {
    i32::from(inquiry == Inquiry::Registered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_a_not_sent_has_a_number_of_its_own() {
        use NotSentReason::*;
        let reasons = [UnknownHost, NoConnection, NotTrusted, TooSlow, Cancelled, Closed, Stopped];
        // The core's own list, so that a reason which is added there is missed here.
        let core = include_str!("../../core/src/payment/outcome/not_sent.rs");
        let listed = core
            .lines()
            .skip_while(|line| !line.contains("pub enum NotSentReason"))
            .take_while(|line| *line != "}")
            .filter(|line| line.trim().ends_with(',') && !line.trim().starts_with("//"))
            .count();
        assert_eq!(reasons.len(), listed);
        let numbers: Vec<i32> = reasons.iter().map(|r| not_sent_reason(Some(*r))).collect();
        assert_eq!(numbers, (1..=7).collect::<Vec<i32>>());
        assert_eq!(not_sent_reason(None), 0);
    }
}
