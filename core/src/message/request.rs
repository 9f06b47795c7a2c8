//! Request bodies: exactly the fields of [protocol 2.1] and [protocol 2.2], serialised once.
//!
//! [protocol 2.1]: crate::manual::protocol#21-fields-of-a-request
//! [protocol 2.2]: crate::manual::protocol#22-fields-of-each-operation

use serde::Serialize;
use zeroize::Zeroizing;

use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::message::Operation;
use crate::numbering::Numbers;
use crate::phone::PhoneNumber;
use crate::terminal::Terminal;

/// What names a payment at OVO. Every request about a payment repeats these as its push had them;
/// only the date follows the operation.
#[derive(Clone, Copy, Debug)]
pub struct PaymentRef<'a> {
    /// Merchant number, issued by OVO.
    pub merchant_id: &'a str,
    /// The terminal of the push.
    pub terminal: &'a Terminal,
    /// The push's batch and reference.
    pub numbers: Numbers,
    /// The push's invoice.
    pub invoice: &'a MerchantInvoice,
    /// The push's amount. A void is for the whole amount only (FAQ).
    pub amount: Rupiah,
    /// The customer's phone, if it is still known and the operation carries it.
    pub phone: Option<&'a PhoneNumber>,
}

/// The bytes of one request: what is signed is what is sent. They hold a phone number and are wiped from
/// memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestBody {
    operation: Operation,
    bytes: Zeroizing<Vec<u8>>,
}

/// Room for every valid body: one that grows leaves copies of the phone behind.
const ROOM: usize = 768;

impl RequestBody {
    /// The operation asked for.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The JSON text.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn encode(operation: Operation, fields: &Fields<'_>) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
        // Strings and integers cannot fail to serialise into memory; an empty body would be
        // refused by OVO (BR), not misread.
        if serde_json::to_writer(&mut *bytes, fields).is_err() {
            bytes.clear();
        }
        RequestBody { operation, bytes }
    }
}

impl std::fmt::Debug for RequestBody {
    /// Names the operation and the size: the body holds a phone number.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} request, {} bytes", self.operation.name(), self.bytes.len())
    }
}

#[derive(Serialize)]
struct Fields<'a> {
    r#type: &'static str,
    #[serde(rename = "processingCode")]
    processing_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    date: &'a str,
    #[serde(rename = "referenceNumber", skip_serializing_if = "Option::is_none")]
    reference_number: Option<String>,
    tid: &'a str,
    mid: &'a str,
    #[serde(rename = "merchantId")]
    merchant_id: &'a str,
    #[serde(rename = "storeCode")]
    store_code: &'a str,
    #[serde(rename = "appSource")]
    app_source: &'static str,
    #[serde(rename = "transactionRequestData")]
    transaction: Transaction<'a>,
}

#[derive(Serialize)]
struct Transaction<'a> {
    #[serde(rename = "batchNo", skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    #[serde(rename = "merchantInvoice", skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

/// `POS` is what every known merchant sends ([protocol 2.1]).
///
/// [protocol 2.1]: crate::manual::protocol#21-fields-of-a-request
const APP_SOURCE: &str = "POS";

impl PaymentRef<'_> {
    /// A push of this payment, dated now.
    pub fn push_to_pay(&self, now: &str) -> RequestBody {
        self.encode(Operation::PushToPay, now)
    }

    /// A reversal of this payment with a fresh date. Whether the phone is carried is the caller's
    /// switch ([protocol 2.2]: the 1.6 documents omit it, which is the default): leave `phone`
    /// empty to omit it.
    ///
    /// [protocol 2.2]: crate::manual::protocol#22-fields-of-each-operation
    pub fn reversal(&self, now: &str) -> RequestBody {
        self.encode(Operation::Reversal, now)
    }

    /// A void of this payment with a fresh date.
    pub fn void(&self, now: &str) -> RequestBody {
        self.encode(Operation::Void, now)
    }

    /// A question for this payment's status, with the **push's own date** (FAQ).
    pub fn check_payment(&self, push_date: &str) -> RequestBody {
        self.encode(Operation::CheckPayment, push_date)
    }

    /// A question for this payment's void, with the date of the void. (The FAQ gives the rule for
    /// payments only; by the same reading the original request's date names it.)
    pub fn check_void(&self, void_date: &str) -> RequestBody {
        self.encode(Operation::CheckVoid, void_date)
    }

    fn encode(&self, operation: Operation, date: &str) -> RequestBody {
        RequestBody::encode(
            operation,
            &Fields {
                r#type: operation.request_type(),
                processing_code: operation.processing_code(),
                amount: Some(self.amount.get()),
                date,
                reference_number: Some(format!("{:06}", self.numbers.reference())),
                tid: self.terminal.tid(),
                mid: self.terminal.mid(),
                merchant_id: self.merchant_id,
                store_code: self.terminal.store_code(),
                app_source: APP_SOURCE,
                transaction: Transaction {
                    batch: Some(format!("{:06}", self.numbers.batch())),
                    invoice: Some(self.invoice.as_str()),
                    phone: self.phone.map(PhoneNumber::digits),
                },
            },
        )
    }
}

/// A question whether `phone` has an OVO account: no amount, no numbers, no invoice
/// ([protocol 2.2]).
///
/// [protocol 2.2]: crate::manual::protocol#22-fields-of-each-operation
pub fn inquiry(
    merchant_id: &str,
    terminal: &Terminal,
    phone: &PhoneNumber,
    now: &str,
) -> RequestBody {
    RequestBody::encode(
        Operation::Inquiry,
        &Fields {
            r#type: Operation::Inquiry.request_type(),
            processing_code: Operation::Inquiry.processing_code(),
            amount: None,
            date: now,
            reference_number: None,
            tid: terminal.tid(),
            mid: terminal.mid(),
            merchant_id,
            store_code: terminal.store_code(),
            app_source: APP_SOURCE,
            transaction: Transaction { batch: None, invoice: None, phone: Some(phone.digits()) },
        },
    )
}
