//! An answer on its way out, and the JSON of it (protocol 2.3).

use ovo_ptp::message::Operation;
use serde::Serialize;

use crate::customer::Customer;
use crate::delivery::Delivery;
use crate::ledger::Entry;
use crate::now::Now;
use crate::request::Request;
use crate::wib;

/// An answer, and how it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside date, length and connection.
    pub headers: Vec<(String, String)>,
    /// The body as it is written.
    pub body: Vec<u8>,
    /// How it is sent, or not.
    pub delivery: Delivery,
}

impl Reply {
    /// A status without a body: an ignored prompt, a wrong path.
    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new(), delivery: Delivery::Plain }
    }
}

/// The fields in the order in which the known samples have them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    r#type: &'a str,
    processing_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    trace_number: u32,
    host_time: String,
    host_date: String,
    /// A number: the leading zeros of the request are lost (2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_number: Option<u32>,
    /// Absent on failures (2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_code: Option<&'a str>,
    response_code: &'a str,
    tid: &'a str,
    mid: &'a str,
    transaction_request_data: RequestData<'a>,
    /// Absent unless successful (2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_response_data: Option<ResponseData<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_invoice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

/// Money as numeric strings (2.3).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseData<'a> {
    ovoid: String,
    full_name: &'a str,
    store_name: &'a str,
    store_code: &'a str,
    store_address1: &'a str,
    store_address2: &'a str,
    cash_used: String,
    cash_balance: String,
    ovo_points_used: String,
    ovo_points_balance: String,
    ovo_points_earned: String,
    payment_type: &'a str,
}

/// What an answer is made of.
pub(crate) struct Source<'a> {
    pub(crate) request: &'a Request,
    pub(crate) code: &'a str,
    pub(crate) trace: u32,
    pub(crate) now: Now,
    /// The payment that a success tells of, with its customer.
    pub(crate) paid: Option<(&'a Entry, &'a Customer)>,
}

/// The JSON text of an answer.
pub(crate) fn body(source: &Source<'_>) -> Vec<u8> {
    let Source { request, code, trace, now, paid } = source;
    let operation = request.operation;
    // A reversal's 00 says nothing about whether money had moved (3.2), so its shape must not tell
    // either; what an inquiry's success carries is not published.
    let told = paid.filter(|_| {
        *code == "00" && !matches!(operation, Operation::Reversal | Operation::Inquiry)
    });
    let found = paid.filter(|_| *code == "00").map(|(entry, _)| entry);
    let batch = found.map_or(request.batch_text.as_deref(), |entry| Some(&entry.batch_text));
    let fields = Fields {
        r#type: operation.response_type(),
        processing_code: operation.processing_code(),
        amount: found.map(|entry| entry.amount).or(request.amount),
        date: Some(&request.date),
        trace_number: *trace,
        host_time: wib::host_time(now.wall),
        host_date: wib::host_date(now.wall),
        reference_number: found.map(|entry| entry.reference).or(request.reference),
        approval_code: told.and_then(|(entry, _)| entry.approval_code.as_deref()),
        response_code: code,
        tid: &request.tid,
        mid: &request.mid,
        transaction_request_data: RequestData {
            merchant_invoice: found
                .map(|entry| entry.invoice.as_str())
                .or(request.invoice.as_deref()),
            batch_no: batch,
            phone: found
                .map(|entry| entry.phone.as_str())
                .filter(|_| request.phone.is_some())
                .or(request.phone.as_deref()),
        },
        transaction_response_data: told.map(|(entry, customer)| response_data(entry, customer)),
    };
    // Strings and integers cannot fail to serialise into memory.
    serde_json::to_vec(&fields).unwrap_or_default()
}

fn response_data<'a>(entry: &'a Entry, customer: &'a Customer) -> ResponseData<'a> {
    let last_four = &entry.phone[entry.phone.len().saturating_sub(4)..];
    ResponseData {
        ovoid: format!("********{last_four}"),
        full_name: &customer.name,
        // Trailing blanks have been seen in the store fields (2.3).
        store_name: "Sandbox Store ",
        store_code: &entry.store_code,
        store_address1: "Jl. Contoh 1 ",
        store_address2: "-",
        cash_used: entry.cash_used.to_string(),
        cash_balance: customer.cash.to_string(),
        ovo_points_used: entry.points_used.to_string(),
        ovo_points_balance: customer.points.to_string(),
        ovo_points_earned: "0".to_owned(),
        payment_type: "PUSH TO PAY",
    }
}

/// The body for a request that could not be read far enough to be echoed.
pub(crate) fn bare_body(code: &str, message: &str) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({ "responseCode": code, "message": message }))
        .unwrap_or_default()
}
