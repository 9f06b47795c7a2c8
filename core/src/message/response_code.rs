//! THE table of response codes. Classes, texts, the manual's page and every language's look-up
//! come from here and nowhere else ([protocol 3.2], [protocol 3.3]).
//!
//! [protocol 3.2]: crate::manual::protocol#32-response-codes
//! [protocol 3.3]: crate::manual::protocol#33-what-the-customer-is-told

use std::fmt;

use crate::message::Operation;

/// A response code: one or two letters or digits, exactly as received.
///
/// Nothing is trimmed or padded that means success: only the two characters `00` do, so `0`, ` 00` and
/// the number 0 do not ([fault OV13]).
///
/// [fault OV13]: crate::manual::faults#ov-what-ovo-answers
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode([u8; 2]);

impl ResponseCode {
    /// Approved.
    pub const APPROVED: ResponseCode = ResponseCode(*b"00");
    /// The push notification could not be delivered.
    pub const UNDELIVERABLE: ResponseCode = ResponseCode(*b"26");

    /// Takes the text of a `responseCode`; `None` if it is not one or two ASCII letters or digits.
    pub fn new(text: &str) -> Option<ResponseCode> {
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        match *bytes {
            [one] => Some(ResponseCode([one, 0])),
            [one, two] => Some(ResponseCode([one, two])),
            _ => None,
        }
    }

    /// Reads a `responseCode` as an answer has it. What is not exact is no code, but for a warning: a
    /// padded 94 or 40 says no less that the numbers were used before, and forbids a blind reversal.
    pub(crate) fn read(text: &str) -> Option<ResponseCode> {
        let padding = |letter: char| letter.is_whitespace() || letter == '\u{feff}';
        let bare = || ResponseCode::new(text.trim_matches(padding).trim_start_matches('0'));
        ResponseCode::new(text).or_else(|| bare().filter(|code| code.class() == Class::Duplicate))
    }

    /// Whether the host was out of order: it has looked at nothing, the signature neither.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self.as_str(), "ER" | "68" | "96")
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        let length = if self.0[1] == 0 { 1 } else { 2 };
        // Only ASCII gets in.
        std::str::from_utf8(&self.0[..length]).unwrap_or("")
    }

    /// The code's row in the table, if it has one.
    pub fn entry(self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.code == self.as_str())
    }

    /// The code's class as the answer to a push. Unknown codes are [`Class::Unknown`].
    pub fn class(self) -> Class {
        self.entry().map_or(Class::Unknown, |entry| entry.class)
    }

    /// What a till shows the customer. Codes without a text of their own get the generic one
    /// (OVO's guidance: most codes are not shown).
    pub fn customer_text(self, language: Language) -> &'static str {
        self.entry().map_or(CustomerText::Generic, |entry| entry.text).in_language(language)
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a code means for the payment it answers ([policy 2.6]).
///
/// [policy 2.6]: crate::manual::policy#26-what-an-answer-means
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Paid, if the echo matches.
    Approved,
    /// Definitely refused. Verified by a late check all the same: codes can lie ([policy 1.5]).
    ///
    /// [policy 1.5]: crate::manual::policy#15-a-decline-can-hide-a-debit
    Declined,
    /// Definitely refused because the merchant's set-up is wrong; the operator must act.
    Misconfigured,
    /// The numbers or the invoice were used before: perhaps by another sale, perhaps by this very
    /// request arriving twice. Never a reason to reverse ([policy 1.4]).
    ///
    /// [policy 1.4]: crate::manual::policy#14-duplicate-codes-are-dangerous-both-ways
    Duplicate,
    /// Says nothing certain: check, then reverse.
    Unknown,
}

impl Class {
    /// The class in one word.
    pub fn name(self) -> &'static str {
        match self {
            Class::Approved => "approved",
            Class::Declined => "declined",
            Class::Misconfigured => "misconfigured",
            Class::Duplicate => "duplicate",
            Class::Unknown => "unknown",
        }
    }
}

/// A language for customer texts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Language {
    /// Bahasa Indonesia.
    Indonesian,
    /// English.
    English,
}

/// The six things a customer is told ([protocol 3.3]).
///
/// [protocol 3.3]: crate::manual::protocol#33-what-the-customer-is-told
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CustomerText {
    /// Paid.
    Paid,
    /// Paid, and voided since.
    Voided,
    /// The number has no OVO account.
    Unregistered,
    /// The customer cancelled.
    Cancelled,
    /// The app could not be reached.
    Undeliverable,
    /// No answer in time; any deduction is returned.
    TimedOut,
    /// The shop gave the payment up; any deduction is returned.
    GivenUp,
    /// Nobody knows yet whether the customer is debited: nothing may invite a second payment.
    Unclear,
    /// An operator deals with it, or has: nothing is promised that nobody does by itself.
    ByHand,
    /// Anything else.
    Generic,
}

impl CustomerText {
    /// The text.
    pub fn in_language(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            CustomerText::Paid => ("Pembayaran berhasil.", "Payment received."),
            CustomerText::Voided => (
                "Pembayaran dibatalkan. Dana sudah dikembalikan.",
                "The payment was voided. The money was returned.",
            ),
            CustomerText::Unregistered => (
                "Nomor ini belum terdaftar di OVO. Periksa lalu coba lagi.",
                "This number has no OVO account. Check it and try again.",
            ),
            CustomerText::Cancelled => {
                ("Pembayaran dibatalkan di aplikasi OVO.", "You cancelled the payment in OVO.")
            }
            CustomerText::Undeliverable => (
                "Notifikasi gagal terkirim. Masuk ke aplikasi OVO; coba lagi setelah kasir memberi tanda.",
                "OVO could not reach your app. Log in to OVO; try again when the cashier says so.",
            ),
            CustomerText::TimedOut => (
                "Waktu habis. Jika saldo terpotong, dana dikembalikan.",
                "Time ran out. Any deduction is returned.",
            ),
            CustomerText::GivenUp => (
                "Dibatalkan kasir. Jangan konfirmasi di OVO. Jika saldo terpotong, dana dikembalikan.",
                "Cancelled by the shop. Do not confirm in OVO. Any deduction is returned.",
            ),
            CustomerText::Unclear => (
                "Pembayaran sedang diperiksa. Jangan bayar lagi; mohon tunggu.",
                "The payment is being checked. Do not pay again; please wait.",
            ),
            CustomerText::ByHand => (
                "Pembayaran ini ditangani petugas. Tanyakan kepada kasir.",
                "Staff deal with this payment. Ask the cashier.",
            ),
            CustomerText::Generic => (
                "Pembayaran gagal. Coba lagi atau pakai metode lain.",
                "Payment failed. Try again or use another method.",
            ),
        };
        match language {
            Language::Indonesian => indonesian,
            Language::English => english,
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// The code.
    pub code: &'static str,
    /// What OVO means by it, latest document first.
    pub meaning: &'static str,
    /// The operations that answer with it.
    pub operations: &'static [Operation],
    /// Its class as the answer to a push.
    pub class: Class,
    /// What the customer is shown.
    pub text: CustomerText,
    /// Whether OVO's guidance has the code shown to the customer with its own text.
    pub shown: bool,
    /// Whether a new attempt (with a new invoice) can succeed.
    pub new_attempt: bool,
    /// What the merchant does.
    pub action: &'static str,
}

use Operation::{CheckPayment, CheckVoid, Inquiry, PushToPay};
const PUSH: &[Operation] = &[PushToPay];
const CHECKS: &[Operation] = &[CheckPayment, CheckVoid];
const ANY: &[Operation] = &Operation::ALL;

const fn row(
    code: &'static str,
    meaning: &'static str,
    operations: &'static [Operation],
    class: Class,
    new_attempt: bool,
    action: &'static str,
) -> Entry {
    Entry {
        code,
        meaning,
        operations,
        class,
        text: CustomerText::Generic,
        shown: false,
        new_attempt,
        action,
    }
}

const fn shown(entry: Entry, text: CustomerText) -> Entry {
    Entry { text, shown: true, ..entry }
}

/// Every known code. Sources: [protocol 3.2]; classes: [policy 2.6].
///
/// [policy 2.6]: crate::manual::policy#26-what-an-answer-means
/// [protocol 3.2]: crate::manual::protocol#32-response-codes
pub const TABLE: &[Entry] = &[
    shown(
        row("00", "approved", ANY, Class::Approved, false, "hand over the goods"),
        CustomerText::Paid,
    ),
    row("13", "invalid amount", PUSH, Class::Declined, false, "correct the amount"),
    shown(
        row(
            "14",
            "phone number unknown to OVO",
            &[PushToPay, Inquiry],
            Class::Declined,
            true,
            "let the customer correct the number",
        ),
        CustomerText::Unregistered,
    ),
    shown(
        row(
            "17",
            "customer declined in the app",
            PUSH,
            Class::Declined,
            true,
            "ask for another method, or push again if the customer wants",
        ),
        CustomerText::Cancelled,
    ),
    row(
        "25",
        "no such transaction",
        CHECKS,
        Class::Unknown,
        false,
        "nothing; not paid only if asked later than 60 s after the push",
    ),
    shown(
        row(
            "26",
            "push notification undeliverable",
            PUSH,
            Class::Declined,
            true,
            "let the customer log in to OVO, then push again",
        ),
        CustomerText::Undeliverable,
    ),
    row(
        "40",
        "failed; in older documents duplicate numbers or a third party's error",
        PUSH,
        Class::Duplicate,
        true,
        "wait for the outcome; the library checks whose payment it is",
    ),
    row(
        "51",
        "insufficient funds (older documents)",
        PUSH,
        Class::Declined,
        true,
        "ask for another method",
    ),
    row(
        "54",
        "transaction older than 7 days",
        CHECKS,
        Class::Unknown,
        false,
        "reconcile by hand with OVO",
    ),
    row(
        "56",
        "account blocked (older documents)",
        PUSH,
        Class::Declined,
        false,
        "ask for another method",
    ),
    row(
        "58",
        "operation or module not registered for this merchant",
        ANY,
        Class::Misconfigured,
        false,
        "ask OVO to enable the operation",
    ),
    row(
        "61",
        "customer's own limit exceeded (older documents)",
        PUSH,
        Class::Declined,
        true,
        "ask for another method",
    ),
    row(
        "63",
        "authentication failed: app id, key or signature",
        ANY,
        Class::Misconfigured,
        false,
        "check the credentials and the signing mode; run doctor",
    ),
    row(
        "64",
        "account blocked (older documents)",
        PUSH,
        Class::Declined,
        false,
        "ask for another method",
    ),
    row(
        "65",
        "OVO's limit exceeded (older documents)",
        PUSH,
        Class::Declined,
        true,
        "ask for another method",
    ),
    row(
        "67",
        "below the smallest payment (older documents)",
        PUSH,
        Class::Declined,
        false,
        "ask for another method",
    ),
    Entry {
        text: CustomerText::TimedOut,
        ..row(
            "68",
            "wallet answered too late: pending",
            &[PushToPay, CheckPayment],
            Class::Unknown,
            false,
            "wait for the outcome; the library checks, then reverses",
        )
    },
    row("73", "already reversed", CHECKS, Class::Unknown, false, "nothing; the money is back"),
    row(
        "94",
        "invoice, batch or reference used before",
        PUSH,
        Class::Duplicate,
        true,
        "wait for the outcome; the library checks whose payment it is and never reverses blindly",
    ),
    row(
        "96",
        "wrong processing code in a status request",
        CHECKS,
        Class::Unknown,
        false,
        "ask OVO whether Check Payment is in the contract",
    ),
    row(
        "BR",
        "badly formed request",
        ANY,
        Class::Misconfigured,
        false,
        "report it: the library sent something OVO refuses",
    ),
    row(
        "EB",
        "tid or mid not registered, or blocked",
        ANY,
        Class::Misconfigured,
        false,
        "check the terminal's tid and mid with OVO",
    ),
    row(
        "ER",
        "OVO internal error",
        ANY,
        Class::Unknown,
        false,
        "wait for the outcome; the library checks, then reverses",
    ),
];

/// The table as the manual prints it. A test holds the two against each other.
pub fn markdown_table() -> String {
    let mut text = String::from(
        "| Code | Meaning | Operations | As answer to a push | Shown to the customer (id / en) | What the merchant does |\n|---|---|---|---|---|---|\n",
    );
    for entry in TABLE {
        let operations: Vec<&str> = if entry.operations.len() == Operation::ALL.len() {
            vec!["any"]
        } else {
            entry.operations.iter().map(|operation| operation.name()).collect()
        };
        let customer = if entry.shown {
            format!(
                "{} / {}",
                entry.text.in_language(Language::Indonesian),
                entry.text.in_language(Language::English)
            )
        } else {
            "generic text".to_owned()
        };
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            entry.code,
            entry.meaning,
            operations.join(", "),
            entry.class.name(),
            customer,
            entry.action
        ));
    }
    text
}
