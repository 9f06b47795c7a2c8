//! Responses, read as [protocol 2.3] says: any field may be missing, any number may come as
//! text and the reverse, unknown fields are ignored, and no status code replaces the response code
//! (but a redirect has none).
//!
//! [protocol 2.3]: crate::manual::protocol#23-fields-of-an-answer

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::message::{MAX_RESPONSE_BODY, ResponseCode};

/// Why a body is no readable answer. All of these mean "unknown", never "failed": an ignored
/// prompt is an HTTP 404 with an empty body ([protocol 3.1]).
///
/// [protocol 3.1]: crate::manual::protocol#31-http-status
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unreadable {
    /// No body at all.
    Empty,
    /// Longer than [`MAX_RESPONSE_BODY`].
    TooLong,
    /// Not one JSON object: other text, a list, a byte order mark, trailing characters, a key that
    /// stands twice at any level, a number beyond a double, more than 128 levels. Or a field of a
    /// response is there in another shape (a list for an amount).
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
/// never stored and never printed ([operations 3.5]).
///
/// [operations 3.5]: crate::manual::operations#35-people
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

impl WalletDetails {
    fn read(mut data: Object) -> Result<WalletDetails, Unreadable> {
        Ok(WalletDetails {
            ovo_id: data.text("ovoid")?,
            full_name: data.text("fullName")?,
            cash_used: data.text("cashUsed")?,
            cash_balance: data.text("cashBalance")?,
            points_used: data.text("ovoPointsUsed")?,
            points_balance: data.text("ovoPointsBalance")?,
            points_earned: data.text("ovoPointsEarned")?,
            payment_type: data.text("paymentType")?,
        })
    }
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
    /// ([protocol 3.1]).
    ///
    /// # Errors
    /// [`Unreadable`], which always means "no answer".
    ///
    /// [protocol 3.1]: crate::manual::protocol#31-http-status
    pub fn read(body: &[u8]) -> Result<Response, Unreadable> {
        if body.is_empty() {
            return Err(Unreadable::Empty);
        }
        if body.len() > MAX_RESPONSE_BODY {
            return Err(Unreadable::TooLong);
        }
        let Ok(Json::Object(mut fields)) = serde_json::from_slice(body) else {
            return Err(Unreadable::NotJson);
        };
        let code = fields
            .text("responseCode")?
            .and_then(|text| ResponseCode::read(&text))
            .ok_or(Unreadable::NoResponseCode)?;
        let mut request_data = fields.object("transactionRequestData")?.unwrap_or_default();
        let response_data = fields.object("transactionResponseData")?;
        Ok(Response {
            code,
            message_type: fields.text("type")?,
            processing_code: fields.text("processingCode")?,
            amount: fields.text("amount")?,
            date: fields.text("date")?,
            trace_number: fields.text("traceNumber")?,
            host_time: padded(fields.text("hostTime")?, 6),
            host_date: padded(fields.text("hostDate")?, 4),
            reference: fields.text("referenceNumber")?,
            approval_code: fields.text("approvalCode")?,
            tid: fields.text("tid")?,
            mid: fields.text("mid")?,
            batch: request_data.text("batchNo")?,
            invoice: request_data.text("merchantInvoice")?,
            phone: request_data.text("phone")?,
            wallet: response_data.map(WalletDetails::read).transpose()?,
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response {{ code: {}, .. }}", self.code)
    }
}

/// A date or time that OVO wrote as a number has lost its leading zeros.
fn padded(text: Option<String>, width: usize) -> Option<String> {
    text.map(|text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && text.len() < width { format!("{text:0>width$}") } else { text }
    })
}

/// A JSON value, as much of it as a response can use.
///
/// Read by hand and not by derived structures, because those are too kind: they take a list for an
/// object by position (`["00", "0210", ...]` would be a success), and they skip what they do not
/// know without a look at its depth, its numbers or its keys. The depth is bounded by serde_json,
/// which refuses more than 128 levels of what it is asked to read.
enum Json {
    Null,
    /// Text, or a number as text.
    Scalar(String),
    Object(Object),
    /// True, false or a list: no field of a response is one.
    Other,
}

/// The members of an object, each key once.
#[derive(Default)]
struct Object(BTreeMap<String, Json>);

impl Object {
    /// Takes a field out, as text. Null and absence are the same.
    fn text(&mut self, key: &str) -> Result<Option<String>, Unreadable> {
        match self.0.remove(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Scalar(text)) => Ok(Some(text)),
            Some(Json::Object(_) | Json::Other) => Err(Unreadable::NotJson),
        }
    }

    /// Takes an object out. Null and absence are the same.
    fn object(&mut self, key: &str) -> Result<Option<Object>, Unreadable> {
        match self.0.remove(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Object(object)) => Ok(Some(object)),
            Some(Json::Scalar(_) | Json::Other) => Err(Unreadable::NotJson),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Scalar(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Scalar(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Scalar(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        // `12500.0` is the integer 12500 written by a careless encoder. From 2^53 on a float no
        // longer holds every integer: with an exponent its text equals no amount.
        Ok(Json::Scalar(if number.fract() != 0.0 {
            number.to_string()
        } else if number.abs() < 9_007_199_254_740_992.0 {
            format!("{number:.0}")
        } else {
            format!("{number:e}")
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        while list.next_element::<Json>()?.is_some() {}
        Ok(Json::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((key, value)) = members.next_entry::<String, Json>()? {
            // Two parsers on the way would disagree about which of the two counts (OV14).
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Json::Object(Object(object)))
    }
}
