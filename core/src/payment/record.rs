//! A payment as the journal keeps it: what was asked, where it stands, what proves it.

use std::fmt;

use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::journal::SealedPhone;
use crate::message::{PaymentRef, ResponseCode};
use crate::numbering::Numbers;
use crate::payment::{History, State};
use crate::phone::PhoneNumber;
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// The journal's own number of a payment: 1, 2, 3, ... without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PaymentId(pub i64);

/// What was asked of OVO. Written once, before the push, and never changed (the phone is
/// overwritten when no request can need it any more).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// The merchant's invoice: the idempotency key.
    pub invoice: MerchantInvoice,
    /// The amount.
    pub amount: Rupiah,
    /// Merchant number.
    pub merchant_id: String,
    /// The terminal of the push.
    pub terminal: Terminal,
    /// Batch and reference of the push.
    pub numbers: Numbers,
    /// The customer's phone, sealed; `None` once it is forgotten.
    pub phone: Option<SealedPhone>,
    /// Wall time of the Intent. Its WIB text is the push's `date`, which status checks repeat.
    pub wall: WallTime,
}

impl Intent {
    /// The push's `date` field.
    pub fn date(&self) -> String {
        self.wall.wib_text()
    }

    /// What names this payment in a request.
    pub fn reference<'a>(&'a self, phone: Option<&'a PhoneNumber>) -> PaymentRef<'a> {
        PaymentRef {
            merchant_id: &self.merchant_id,
            terminal: &self.terminal,
            numbers: self.numbers,
            invoice: &self.invoice,
            amount: self.amount,
            phone,
        }
    }
}

/// What proves a verdict: codes and times, nothing about a person.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// The code that decided.
    pub code: Option<ResponseCode>,
    /// OVO's approval code, which the merchant's records need.
    pub approval_code: Option<String>,
    /// OVO's trace number.
    pub trace_number: Option<String>,
    /// OVO's date, `MMdd`.
    pub host_date: Option<String>,
    /// OVO's time, `HHmmss`.
    pub host_time: Option<String>,
    /// The `date` of the void that was sent last; a check of the void repeats it.
    pub void_date: Option<String>,
    /// The reason of the operator who ruled on the payment last (rule 19).
    pub ruling: Option<String>,
    /// What a receipt says of how it was paid; none of it is the customer's balance.
    pub paid_with: PaidWith,
}

/// How a payment was paid, as a receipt shows it again: rupiah and points as text, digits only.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct PaidWith {
    /// OVO Cash used.
    pub cash: Option<String>,
    /// OVO Points used.
    pub points: Option<String>,
    /// OVO Points earned.
    pub points_earned: Option<String>,
}

/// One payment: a row of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// The row's number.
    pub id: PaymentId,
    /// Counts the commits of this row; a commit names the version that it replaces.
    pub version: u64,
    /// The boot in which the row was written last; its times mean nothing in another.
    pub boot: u32,
    /// Wall time of the last commit.
    pub written: WallTime,
    /// What was asked.
    pub intent: Intent,
    /// Where it stands.
    pub state: State,
    /// What proves it.
    pub evidence: Evidence,
    /// What happened to it so far.
    pub history: History,
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.intent.invoice, self.intent.numbers, self.intent.amount)
    }
}
