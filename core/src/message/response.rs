//! Responses, read as `protocol.md` 2.3 says: any field may be missing, any number may come as
//! text and the reverse, unknown fields are ignored, and no status code replaces the response code.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::message::{MAX_RESPONSE_BODY, Operation, PaymentRef, ResponseCode};
use crate::phone::PhoneNumber;

/// Why a body is no readable answer. All of these mean "unknown", never "failed": an ignored
/// prompt is an HTTP 404 with an empty body (`protocol.md` 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unreadable {
    /// No body at all.
    Empty,
    /// Longer than [`MAX_RESPONSE_BODY`].
    TooLong,
    /// Not one JSON object: other text, a byte order mark, trailing characters, a key that stands
    /// twice, more than 128 levels.
    NotJson,
    /// JSON without a `responseCode` of one or two letters or digits.
    NoResponseCode,
}

/// The field of a response that does not repeat what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mismatch {
    /// `type`
    MessageType,
    /// `processingCode`
    ProcessingCode,
    /// `tid`
    Tid,
    /// `mid`
    Mid,
    /// `transactionRequestData.batchNo`
    Batch,
    /// `referenceNumber`
    Reference,
    /// `transactionRequestData.merchantInvoice`
    Invoice,
    /// `amount`
    Amount,
    /// `transactionRequestData.phone` (the only one that may be missing)
    Phone,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::MessageType => "type",
            Mismatch::ProcessingCode => "processingCode",
            Mismatch::Tid => "tid",
            Mismatch::Mid => "mid",
            Mismatch::Batch => "batchNo",
            Mismatch::Reference => "referenceNumber",
            Mismatch::Invoice => "merchantInvoice",
            Mismatch::Amount => "amount",
            Mismatch::Phone => "phone",
        })
    }
}

/// What OVO says of the customer's wallet on a success. Handed to the caller once, in memory;
/// never stored and never printed (`design.md` 6).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WalletDetails {
    /// Masked OVO id.
    pub ovo_id: Option<String>,
    /// The customer's name. Personal data.
    pub full_name: Option<String>,
    /// OVO Cash used, rupiah as text.
    pub cash_used: Option<String>,
    /// OVO Cash left, rupiah as text.
    pub cash_balance: Option<String>,
    /// OVO Points used, as text.
    pub points_used: Option<String>,
    /// OVO Points left, as text.
    pub points_balance: Option<String>,
    /// OVO Points earned, as text.
    pub points_earned: Option<String>,
    /// For example `PUSH TO PAY`.
    pub payment_type: Option<String>,
}

impl fmt::Debug for WalletDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WalletDetails(..)")
    }
}

/// A readable answer. Every field but the response code is optional.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The verdict of the host, two characters.
    pub code: ResponseCode,
    /// `type`
    pub message_type: Option<String>,
    /// `processingCode`
    pub processing_code: Option<String>,
    /// `amount`, rupiah
    pub amount: Option<String>,
    /// `date`
    pub date: Option<String>,
    /// `traceNumber`
    pub trace_number: Option<String>,
    /// `hostTime`, `HHmmss`
    pub host_time: Option<String>,
    /// `hostDate`, `MMdd` without a year
    pub host_date: Option<String>,
    /// `referenceNumber`; OVO returns a number, so leading zeros are lost
    pub reference: Option<String>,
    /// `approvalCode`; absent on failures
    pub approval_code: Option<String>,
    /// `tid`
    pub tid: Option<String>,
    /// `mid`
    pub mid: Option<String>,
    /// `transactionRequestData.batchNo`
    pub batch: Option<String>,
    /// `transactionRequestData.merchantInvoice`
    pub invoice: Option<String>,
    /// `transactionRequestData.phone`
    pub phone: Option<String>,
    /// `transactionResponseData`; absent on failures
    pub wallet: Option<WalletDetails>,
}

impl Response {
    /// Reads a body. The HTTP status plays no part: `responseCode` counts at any status
    /// (`protocol.md` 3.1).
    ///
    /// # Errors
    /// [`Unreadable`], which always means "no answer".
    pub fn read(body: &[u8]) -> Result<Response, Unreadable> {
        if body.is_empty() {
            return Err(Unreadable::Empty);
        }
        if body.len() > MAX_RESPONSE_BODY {
            return Err(Unreadable::TooLong);
        }
        let fields: Fields = serde_json::from_slice(body).map_err(|_| Unreadable::NotJson)?;
        let code = fields
            .response_code
            .0
            .and_then(|text| ResponseCode::new(&text))
            .ok_or(Unreadable::NoResponseCode)?;
        let request_data = fields.request_data.unwrap_or_default();
        Ok(Response {
            code,
            message_type: fields.message_type.0,
            processing_code: fields.processing_code.0,
            amount: fields.amount.0,
            date: fields.date.0,
            trace_number: fields.trace_number.0,
            host_time: fields.host_time.0,
            host_date: fields.host_date.0,
            reference: fields.reference_number.0,
            approval_code: fields.approval_code.0,
            tid: fields.tid.0,
            mid: fields.mid.0,
            batch: request_data.batch.0,
            invoice: request_data.invoice.0,
            phone: request_data.phone.0,
            wallet: fields.response_data.map(|wallet| WalletDetails {
                ovo_id: wallet.ovo_id.0,
                full_name: wallet.full_name.0,
                cash_used: wallet.cash_used.0,
                cash_balance: wallet.cash_balance.0,
                points_used: wallet.points_used.0,
                points_balance: wallet.points_balance.0,
                points_earned: wallet.points_earned.0,
                payment_type: wallet.payment_type.0,
            }),
        })
    }

    /// Whether this answers the question that was asked, complete: same operation, terminal, batch
    /// and reference.
    ///
    /// # Errors
    /// The first field that differs or is missing.
    pub fn verify_address(
        &self,
        operation: Operation,
        payment: &PaymentRef<'_>,
    ) -> Result<(), Mismatch> {
        let wrong = self
            .address(operation, payment)
            .into_iter()
            .find(|(_, echo)| *echo != Echo::Same)
            .map(|(field, _)| field);
        wrong.map_or(Ok(()), Err)
    }

    /// The first field that is there and is not what was asked: such an answer belongs to some
    /// other request (a proxy's mix-up), whatever it says. A failure may leave fields out, so a
    /// missing one contradicts nothing.
    pub fn contradicts_address(
        &self,
        operation: Operation,
        payment: &PaymentRef<'_>,
    ) -> Option<Mismatch> {
        self.address(operation, payment)
            .into_iter()
            .find(|(_, echo)| *echo == Echo::Different)
            .map(|(field, _)| field)
    }

    fn address(&self, operation: Operation, payment: &PaymentRef<'_>) -> [(Mismatch, Echo); 6] {
        let numbers = payment.numbers;
        [
            (Mismatch::MessageType, text_echo(&self.message_type, operation.response_type())),
            (
                Mismatch::ProcessingCode,
                text_echo(&self.processing_code, operation.processing_code()),
            ),
            (Mismatch::Tid, text_echo(&self.tid, payment.terminal.tid())),
            (Mismatch::Mid, text_echo(&self.mid, payment.terminal.mid())),
            (Mismatch::Batch, number_echo(&self.batch, i64::from(numbers.batch()))),
            (Mismatch::Reference, number_echo(&self.reference, i64::from(numbers.reference()))),
        ]
    }

    /// Whether this speaks of the very payment that was asked about: same invoice, same amount,
    /// and the same phone if it names one.
    ///
    /// # Errors
    /// The first field that differs, or that is missing where it must not be.
    pub fn verify_payment(&self, payment: &PaymentRef<'_>) -> Result<(), Mismatch> {
        if invoice_echo(&self.invoice, payment) != Echo::Same {
            return Err(Mismatch::Invoice);
        }
        if number_echo(&self.amount, payment.amount.get()) != Echo::Same {
            return Err(Mismatch::Amount);
        }
        if self.names_another_phone(payment) {
            return Err(Mismatch::Phone);
        }
        Ok(())
    }

    /// Whether a field that names the sale is present **and** differs: then the numbers belong to
    /// a sale that is not ours. A field that is merely missing proves nothing.
    pub fn names_another_sale(&self, payment: &PaymentRef<'_>) -> bool {
        invoice_echo(&self.invoice, payment) == Echo::Different
            || number_echo(&self.amount, payment.amount.get()) == Echo::Different
            || self.names_another_phone(payment)
    }

    fn names_another_phone(&self, payment: &PaymentRef<'_>) -> bool {
        match (&self.phone, payment.phone) {
            // OVO may write 62... for 08...; a masked or odd phone names nobody.
            (Some(text), Some(ours)) => {
                text.parse::<PhoneNumber>().is_ok_and(|theirs| theirs != *ours)
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response {{ code: {}, .. }}", self.code)
    }
}

/// How a field of the answer compares with what was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    Same,
    Missing,
    Different,
}

impl Echo {
    fn of(field: &Option<String>, same: impl FnOnce(&str) -> bool) -> Echo {
        match field {
            None => Echo::Missing,
            Some(text) if same(text) => Echo::Same,
            Some(_) => Echo::Different,
        }
    }
}

/// Equal as text, or equal as numbers where both are: `0210` may come back as `210`.
fn text_echo(field: &Option<String>, expected: &str) -> Echo {
    let unpadded = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.trim_start_matches('0').to_owned())
    };
    Echo::of(field, |text| {
        text == expected
            || matches!((unpadded(text), unpadded(expected)), (Some(a), Some(b)) if a == b)
    })
}

/// An invoice is the merchant's own text: `007` and `7` are two invoices.
fn invoice_echo(field: &Option<String>, payment: &PaymentRef<'_>) -> Echo {
    Echo::of(field, |text| text == payment.invoice.as_str())
}

/// Equal as numbers: `000123`, `123` and the number 123 are the same reference.
fn number_echo(field: &Option<String>, expected: i64) -> Echo {
    Echo::of(field, |text| {
        text.len() <= 19
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse() == Ok(expected)
    })
}

/// Text or a number, read as text; null and absence are the same.
#[derive(Default)]
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        // `12500.0` is the integer 12500 written by a careless encoder. Above 2^53 a float no
        // longer holds every integer, so it stays text that equals no amount.
        let whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
        let text = if whole { format!("{number:.0}") } else { number.to_string() };
        Ok(Scalar(Some(text)))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, rename = "responseCode")]
    response_code: Scalar,
    #[serde(default, rename = "type")]
    message_type: Scalar,
    #[serde(default, rename = "processingCode")]
    processing_code: Scalar,
    #[serde(default)]
    amount: Scalar,
    #[serde(default)]
    date: Scalar,
    #[serde(default, rename = "traceNumber")]
    trace_number: Scalar,
    #[serde(default, rename = "hostTime")]
    host_time: Scalar,
    #[serde(default, rename = "hostDate")]
    host_date: Scalar,
    #[serde(default, rename = "referenceNumber")]
    reference_number: Scalar,
    #[serde(default, rename = "approvalCode")]
    approval_code: Scalar,
    #[serde(default)]
    tid: Scalar,
    #[serde(default)]
    mid: Scalar,
    #[serde(default, rename = "transactionRequestData")]
    request_data: Option<RequestData>,
    #[serde(default, rename = "transactionResponseData")]
    response_data: Option<ResponseData>,
}

#[derive(Deserialize, Default)]
struct RequestData {
    #[serde(default, rename = "batchNo")]
    batch: Scalar,
    #[serde(default, rename = "merchantInvoice")]
    invoice: Scalar,
    #[serde(default)]
    phone: Scalar,
}

#[derive(Deserialize)]
struct ResponseData {
    #[serde(default, rename = "ovoid")]
    ovo_id: Scalar,
    #[serde(default, rename = "fullName")]
    full_name: Scalar,
    #[serde(default, rename = "cashUsed")]
    cash_used: Scalar,
    #[serde(default, rename = "cashBalance")]
    cash_balance: Scalar,
    #[serde(default, rename = "ovoPointsUsed")]
    points_used: Scalar,
    #[serde(default, rename = "ovoPointsBalance")]
    points_balance: Scalar,
    #[serde(default, rename = "ovoPointsEarned")]
    points_earned: Scalar,
    #[serde(default, rename = "paymentType")]
    payment_type: Scalar,
}
