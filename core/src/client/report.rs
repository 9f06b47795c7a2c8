//! What the client says about payments when it is asked.

use std::time::Duration;

use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::message::ResponseCode;
use crate::numbering::Numbers;
use crate::payment::{Outcome, Payment, PaymentId, StatusAnswer, Void, settlement_name};
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// Whether a phone number has an OVO account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Inquiry {
    /// It has (code 00): the push can follow.
    Registered,
    /// It has not (code 14): let the customer correct it.
    NotRegistered,
}

/// The answer to a manual check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// What OVO says.
    pub at_ovo: StatusAnswer,
    /// The payment, after what OVO said was taken into account.
    pub payment: PaymentReport,
    /// What OVO says contradicts what was told, and was asked too early to count: its record may lag behind
    /// its answer by a minute. Ask again in so long. `None` of everything else.
    pub ask_again: Option<Duration>,
}

/// How a void stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum VoidOutcome {
    /// The customer has the money back.
    Voided,
    /// OVO refused with this code; the payment stays paid.
    Rejected(ResponseCode),
    /// Not one byte left; try again.
    NotSent,
    /// Not known yet; it is asked for in the background or with `settle`.
    Pending,
    /// Could not be known within the day, or OVO's record contradicts its acknowledgement: an operator
    /// refunds.
    NeedsOperator,
}

impl VoidOutcome {
    pub(super) fn of(payment: &Payment) -> VoidOutcome {
        match payment.state.void {
            Void::None => VoidOutcome::NotSent,
            Void::Sent | Void::Unknown | Void::Questioned(_) => VoidOutcome::Pending,
            Void::Voided if payment.state.is_void_doubted() => VoidOutcome::NeedsOperator,
            Void::Voided => VoidOutcome::Voided,
            Void::Rejected(code) => VoidOutcome::Rejected(code),
            Void::Expired => VoidOutcome::NeedsOperator,
        }
    }
}

/// A payment as the journal knows it. Holds nothing about the person who paid.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PaymentReport {
    /// The journal's number of the payment, for paging.
    pub id: PaymentId,
    /// The invoice.
    pub invoice: MerchantInvoice,
    /// The amount.
    pub amount: Rupiah,
    /// Batch and reference.
    pub numbers: Numbers,
    /// The terminal.
    pub terminal: Terminal,
    /// When it was begun, by the wall clock of that time.
    pub begun: WallTime,
    /// The outcome, `None` while there is none.
    pub outcome: Option<Outcome>,
    /// Whether the caller has acknowledged the outcome.
    pub acknowledged: bool,
    /// Whether nothing is left to do at OVO.
    pub settled: bool,
    /// Whether an operator must decide.
    pub needs_operator: bool,
    /// Where settlement stands, in English.
    pub settlement: &'static str,
}

impl PaymentReport {
    pub(super) fn of(payment: &Payment) -> PaymentReport {
        let state = &payment.state;
        PaymentReport {
            id: payment.id,
            invoice: payment.intent.invoice.clone(),
            amount: payment.intent.amount,
            numbers: payment.intent.numbers,
            terminal: payment.intent.terminal.clone(),
            begun: payment.intent.wall,
            outcome: Outcome::of(payment),
            acknowledged: state.acknowledged,
            settled: state.is_closed() && !state.void.is_open() && !state.needs_operator(),
            needs_operator: state.needs_operator(),
            settlement: settlement_name(payment),
        }
    }
}
