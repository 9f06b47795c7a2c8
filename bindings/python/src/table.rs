//! Values and tables for programs, and for the case files of `tests/vectors`.

use ovo_ptp::message::response_code::{CustomerText, TABLE};
use ovo_ptp::message::{Language, Operation, Signer, SigningMode};
use ovo_ptp::{AppKey, Error, MerchantInvoice, PhoneNumber, Rupiah, WallTime};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::client::Hidden;
use crate::error::{KINDS, exception, raise};

/// A phone as OVO wants it and as it prints.
#[pyfunction]
pub(crate) fn normalise_phone(py: Python<'_>, typed: Hidden) -> PyResult<(String, String)> {
    let phone: PhoneNumber = typed.value.parse().map_err(|error: Error| raise(py, &error))?;
    Ok((phone.digits().to_owned(), phone.to_string()))
}

/// Whether an invoice can be used.
#[pyfunction]
pub(crate) fn check_invoice(py: Python<'_>, invoice: &str) -> PyResult<()> {
    invoice.parse::<MerchantInvoice>().map(drop).map_err(|error| raise(py, &error))
}

/// An amount as it prints.
#[pyfunction]
pub(crate) fn check_amount(py: Python<'_>, rupiah: i64) -> PyResult<String> {
    Rupiah::new(rupiah).map(|amount| amount.to_string()).map_err(|error| raise(py, &error))
}

/// The kinds of error: code, whether it is retryable, whether something at OVO is unknown.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<&'static str> {
    KINDS.iter().map(|(_, code)| *code).collect()
}

/// The table of response codes, one dictionary a row.
#[pyfunction]
pub(crate) fn response_codes(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for entry in TABLE {
        let row = PyDict::new(py);
        row.set_item("code", entry.code)?;
        row.set_item("meaning", entry.meaning)?;
        let any = entry.operations.len() == Operation::ALL.len();
        let names: Vec<&str> = entry.operations.iter().map(|operation| operation.name()).collect();
        row.set_item("operations", if any { vec!["any"] } else { names })?;
        row.set_item("decline_class", entry.class.name())?;
        row.set_item("customer_text", entry.text.in_language(Language::Indonesian))?;
        row.set_item("customer_text_en", entry.text.in_language(Language::English))?;
        row.set_item("shown", entry.shown)?;
        row.set_item("new_attempt_makes_sense", entry.new_attempt)?;
        row.set_item("action", entry.action)?;
        list.append(row)?;
    }
    Ok(list)
}

/// The texts that customers see: name -> (Indonesian, English).
#[pyfunction]
pub(crate) fn customer_texts() -> Vec<(&'static str, &'static str, &'static str)> {
    let named = [
        ("paid", CustomerText::Paid),
        ("voided", CustomerText::Voided),
        ("unregistered", CustomerText::Unregistered),
        ("cancelled", CustomerText::Cancelled),
        ("undeliverable", CustomerText::Undeliverable),
        ("timed out", CustomerText::TimedOut),
        ("given up", CustomerText::GivenUp),
        ("unclear", CustomerText::Unclear),
        ("by hand", CustomerText::ByHand),
        ("generic", CustomerText::Generic),
    ];
    let both = |(name, text): (_, CustomerText)| {
        (name, text.in_language(Language::Indonesian), text.in_language(Language::English))
    };
    named.into_iter().map(both).collect()
}

/// The hmac of a request.
#[pyfunction]
pub(crate) fn sign(
    py: Python<'_>,
    app_id: &str,
    app_key: &str,
    random: String,
    body: &[u8],
    with_body: bool,
) -> PyResult<String> {
    let key = AppKey::new(app_key).map_err(|error| raise(py, &error))?;
    let mode = if with_body { SigningMode::WithBody } else { SigningMode::WithoutBody };
    if random.is_empty() {
        return Err(exception(py, "invalid_input", "random: must not be empty"));
    }
    Ok(Signer::new(app_id, &key, mode).sign_text(body, random).hmac.clone())
}

/// The batch with which a journal begins that is made now; `None` where the clock is of no use.
#[pyfunction]
pub(crate) fn starting_batch() -> Option<u32> {
    ovo_ptp::journal::starting_batch(WallTime::now()).ok()
}

/// A Unix time in milliseconds as OVO's date field, the WIB day, and milliseconds since midnight.
#[pyfunction]
pub(crate) fn wib_text(unix_millis: i64) -> (String, i64, i64) {
    let time = WallTime::from_unix_millis(unix_millis);
    (time.wib_text(), time.wib_day(), time.wib_millis_of_day())
}
