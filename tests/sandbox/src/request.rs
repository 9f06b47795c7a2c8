//! Reads a request as strictly as the fact sheet allows (protocol 2.1, 2.2): types, lengths,
//! formats, presence. The reading is the sandbox's own, so that it can disagree with the client.

use ovo_ptp::message::Operation;
use serde_json::{Map, Number, Value};

use crate::wib;

/// A request whose fields all passed.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// Rupiah; may be zero or negative here: that is code 13, not BR.
    pub(crate) amount: Option<i64>,
    pub(crate) date: String,
    pub(crate) date_ms: i64,
    pub(crate) reference: Option<u32>,
    pub(crate) batch: Option<u32>,
    pub(crate) batch_text: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) tid: String,
    pub(crate) mid: String,
    pub(crate) merchant_id: String,
    pub(crate) store_code: String,
}

/// Why a request is refused before anybody looks at what it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    /// Names the field and the rule, never the value.
    pub(crate) why: String,
}

/// What can be told of a request even if it is wrong: for the log and for script matchers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Glance {
    pub(crate) operation: Option<Operation>,
    pub(crate) invoice: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) batch: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) tid: Option<String>,
    pub(crate) mid: Option<String>,
    pub(crate) amount: Option<i64>,
}

/// Looks at a body without judging it.
pub(crate) fn glance(body: Option<&Value>) -> Glance {
    let Some(Value::Object(fields)) = body else { return Glance::default() };
    let text = |fields: &Map<String, Value>, name: &str| match fields.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(as_text(name, number)),
        _ => None,
    };
    let inner = match fields.get("transactionRequestData") {
        Some(Value::Object(inner)) => inner.clone(),
        _ => Map::new(),
    };
    let operation = text(fields, "type")
        .zip(text(fields, "processingCode"))
        .and_then(|(kind, processing)| Operation::from_request(&kind, &processing));
    Glance {
        operation,
        invoice: text(&inner, "merchantInvoice"),
        phone: text(&inner, "phone"),
        batch: text(&inner, "batchNo"),
        reference: text(fields, "referenceNumber"),
        date: text(fields, "date"),
        tid: text(fields, "tid"),
        mid: text(fields, "mid"),
        amount: fields.get("amount").and_then(Value::as_i64),
    }
}

/// A number where a text belongs, with the leading zeros that it has lost (protocol 2).
fn as_text(name: &str, number: &Number) -> String {
    let digits = number.to_string();
    match name {
        "type" => format!("{digits:0>4}"),
        "processingCode" => format!("{digits:0>6}"),
        "tid" => format!("{digits:0>8}"),
        "mid" => format!("{digits:0>15}"),
        "phone" => format!("0{digits}"),
        _ => digits,
    }
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal { code: "BR", why: why.into() }
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    lenient: bool,
}

impl Reader<'_> {
    fn optional_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) if self.lenient => Ok(Some(as_text(name, number))),
            Some(_) => Err(bad(format!("{name} is not a string"))),
        }
    }

    fn text(&self, name: &str, longest: usize) -> Result<String, Refusal> {
        let text = self.optional_text(name)?.ok_or_else(|| bad(format!("{name} is missing")))?;
        if text.is_empty() || text.len() > longest {
            return Err(bad(format!("{name} is not 1 to {longest} characters long")));
        }
        // The charset is not published; controls and other scripts would be an injection.
        if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(bad(format!("{name} has characters outside printable ASCII")));
        }
        Ok(text)
    }

    fn digits(&self, name: &str, longest: usize) -> Result<String, Refusal> {
        let text = self.text(name, longest)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad(format!("{name} is not all digits")));
        }
        Ok(text)
    }

    /// A number of 1 to 6 digits that counts from one. Unpadded texts pass: OVO evidently parses
    /// them (2.1).
    fn counter(&self, name: &str) -> Result<(u32, String), Refusal> {
        let text = self.digits(name, 6)?;
        match text.parse() {
            Ok(number) if number >= 1 => Ok((number, text)),
            _ => Err(bad(format!("{name} does not count from 1"))),
        }
    }

    fn amount(&self) -> Result<i64, Refusal> {
        match self.fields.get("amount") {
            Some(Value::Number(number)) => {
                number.as_i64().ok_or_else(|| bad("amount is not a whole number of rupiah"))
            }
            Some(Value::String(text)) if self.lenient => {
                text.parse().map_err(|_| bad("amount is not a whole number of rupiah"))
            }
            Some(_) => Err(bad("amount is not a number")),
            None => Err(bad("amount is missing")),
        }
    }
}

/// Reads a body; the first rule that it breaks decides.
pub(crate) fn read(body: Option<&Value>, lenient: bool) -> Result<Request, Refusal> {
    let Some(Value::Object(fields)) = body else {
        return Err(bad("the body is not one JSON object"));
    };
    let outer = Reader { fields, lenient };
    let kind = outer.digits("type", 4)?;
    let processing = outer.digits("processingCode", 6)?;
    let Some(operation) = Operation::from_request(&kind, &processing) else {
        // 96 is documented for a status call with a wrong processing code (3.2).
        let code = if kind == "0100" { "96" } else { "BR" };
        let why = "type and processingCode name no operation".to_owned();
        return Err(Refusal { code, why });
    };
    let date = outer.text("date", 23)?;
    let date_ms =
        wib::read_date(&date).ok_or_else(|| bad("date is not yyyy-MM-dd HH:mm:ss.SSS"))?;
    let tid = outer.text("tid", 8)?;
    let mid = outer.text("mid", 15)?;
    let merchant_id = outer.digits("merchantId", 10)?;
    let store_code = outer.text("storeCode", 20)?;
    let source = outer.text("appSource", 10)?;
    if source != "POS" && source != "EDC" {
        return Err(bad("appSource is neither POS nor EDC"));
    }
    let inner = match fields.get("transactionRequestData") {
        Some(Value::Object(inner)) => Reader { fields: inner, lenient },
        Some(_) => return Err(bad("transactionRequestData is not an object")),
        None => return Err(bad("transactionRequestData is missing")),
    };
    let mut request = Request {
        operation,
        amount: None,
        date,
        date_ms,
        reference: None,
        batch: None,
        batch_text: None,
        invoice: None,
        phone: None,
        tid,
        mid,
        merchant_id,
        store_code,
    };
    // An inquiry has neither amount nor numbers nor invoice (2.2).
    if operation != Operation::Inquiry {
        request.amount = Some(outer.amount()?);
        request.reference = Some(outer.counter("referenceNumber")?.0);
        let (batch, text) = inner.counter("batchNo")?;
        request.batch = Some(batch);
        request.batch_text = Some(text);
        request.invoice = Some(inner.text("merchantInvoice", 50)?);
    }
    // Only the reversal is seen both with and without the phone (2.2).
    request.phone = match operation {
        Operation::Reversal => inner.optional_text("phone")?,
        _ => Some(inner.text("phone", 20)?),
    };
    Ok(request)
}

/// Whether a text is an Indonesian mobile number as OVO wants it, `08...` (protocol 7).
pub(crate) fn is_phone(text: &str) -> bool {
    let bytes = text.as_bytes();
    (10..=13).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_digit)
        && bytes.starts_with(b"08")
        && bytes[2] != b'0'
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn push() -> Value {
        json!({
            "type": "0200", "processingCode": "040000", "amount": 12500,
            "date": "2026-01-31 09:08:07.006", "referenceNumber": "000123", "tid": "00000001",
            "mid": "000000000000001", "merchantId": "100001", "storeCode": "DEMO01",
            "appSource": "POS",
            "transactionRequestData": {
                "batchNo": "000004", "merchantInvoice": "DEMO-1", "phone": "081200000000"
            }
        })
    }

    fn code_with(pointer: &str, value: Value) -> Option<&'static str> {
        let mut body = push();
        *body.pointer_mut(pointer).unwrap() = value;
        read(Some(&body), false).err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_sample_of_the_fact_sheet_is_read() {
        let request = read(Some(&push()), false).unwrap();
        assert_eq!(request.operation, Operation::PushToPay);
        assert_eq!((request.reference, request.batch), (Some(123), Some(4)));
        assert_eq!(request.amount, Some(12_500));
    }

    #[test]
    fn every_broken_rule_is_a_bad_request() {
        let cases: Vec<(&str, Value)> = vec![
            ("/amount", json!(12500.5)),
            ("/amount", json!("12500")),
            ("/amount", Value::Null),
            ("/date", json!("2026-01-31 09:08:07")),
            ("/referenceNumber", json!(123)),
            ("/referenceNumber", json!("1000000")),
            ("/referenceNumber", json!("000000")),
            ("/referenceNumber", json!("12a")),
            ("/tid", json!("000000001")),
            ("/mid", json!("0000000000000001")),
            ("/merchantId", json!("12345678901")),
            ("/merchantId", json!("A1")),
            ("/storeCode", json!("")),
            ("/appSource", json!("WEB")),
            ("/type", json!("0300")),
            ("/type", json!(200)),
            ("/transactionRequestData", json!("x")),
            ("/transactionRequestData/batchNo", json!(4)),
            ("/transactionRequestData/batchNo", json!("1234567")),
            ("/transactionRequestData/merchantInvoice", json!("x".repeat(51))),
            ("/transactionRequestData/merchantInvoice", json!("a\r\nb")),
            ("/transactionRequestData/phone", Value::Null),
        ];
        for (path, value) in cases {
            assert_eq!(code_with(path, value.clone()), Some("BR"), "{path:?} = {value}");
        }
        assert_eq!(read(None, false).err().map(|refusal| refusal.code), Some("BR"));
    }

    #[test]
    fn a_status_call_with_a_wrong_processing_code_is_96() {
        let mut body = push();
        body["type"] = json!("0100");
        body["processingCode"] = json!("090000");
        assert_eq!(read(Some(&body), false).unwrap_err().code, "96");
    }

    #[test]
    fn a_lenient_host_takes_numbers_for_texts() {
        let mut body = push();
        body["referenceNumber"] = json!(123);
        body["transactionRequestData"]["batchNo"] = json!(4);
        body["type"] = json!(200);
        body["processingCode"] = json!(40000);
        body["tid"] = json!(1);
        body["mid"] = json!(1);
        body["transactionRequestData"]["phone"] = json!(81_200_000_000_u64);
        assert!(read(Some(&body), false).is_err());
        let request = read(Some(&body), true).unwrap();
        assert_eq!((request.operation, request.reference), (Operation::PushToPay, Some(123)));
        assert_eq!((request.tid.as_str(), request.mid.len()), ("00000001", 15));
        assert_eq!(request.phone.as_deref(), Some("081200000000"));
    }

    #[test]
    fn phones_are_indonesian_mobile_numbers() {
        for phone in ["0812345678", "0812345678901"] {
            assert!(is_phone(phone), "{phone}");
        }
        for phone in ["6281234567890", "+6281234567", "0212345678", "0802345678", "081234567"] {
            assert!(!is_phone(phone), "{phone}");
        }
    }
}
