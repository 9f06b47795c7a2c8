//! The core's errors as exceptions. Their classes are Python's (`ovo_ptp.errors`): with the stable
//! interface of Python 3.10 a native class cannot extend `Exception`.

use ovo_ptp::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Every kind, with the name that programs see. A test compares the list with the Python classes.
pub(crate) const KINDS: [(ErrorKind, &str); 13] = [
    (ErrorKind::InvalidInput, "invalid_input"),
    (ErrorKind::Configuration, "configuration"),
    (ErrorKind::Journal, "journal"),
    (ErrorKind::JournalLocked, "journal_locked"),
    (ErrorKind::InvoiceReused, "invoice_reused"),
    (ErrorKind::UnsettledCustomer, "unsettled_customer"),
    (ErrorKind::NotFound, "not_found"),
    (ErrorKind::Refused, "refused"),
    (ErrorKind::OutsideWindow, "outside_window"),
    (ErrorKind::NoAnswer, "no_answer"),
    (ErrorKind::Closed, "closed"),
    (ErrorKind::Forked, "forked"),
    (ErrorKind::Internal, "internal"),
];

/// The name of a kind. The core may add kinds; until they are listed above they are internal.
pub(crate) fn code(kind: ErrorKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("internal", |(_, code)| code)
}

/// What programs are told of an error beside its message.
#[derive(Default)]
struct About<'e> {
    field: Option<&'e str>,
    invoice: Option<&'e str>,
    retry_after: Option<f64>,
    journal_kind: Option<String>,
}

fn make(py: Python<'_>, code: &str, message: &str, about: About<'_>) -> PyErr {
    let class = || {
        let classes = py.import("ovo_ptp.errors")?.getattr("BY_CODE")?;
        let told = PyDict::new(py);
        told.set_item("field", about.field)?;
        told.set_item("invoice", about.invoice)?;
        told.set_item("retry_after", about.retry_after)?;
        told.set_item("journal_kind", about.journal_kind)?;
        classes.get_item(code)?.call((message,), Some(&told))
    };
    match class() {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// The exception for a code, with this message.
pub(crate) fn exception(py: Python<'_>, code: &str, message: &str) -> PyErr {
    make(py, code, message, About::default())
}

/// An error of the core, raised.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let about = About {
        field: error.field(),
        invoice: error.invoice().map(|invoice| invoice.as_str()),
        retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
        journal_kind: error.journal_kind().map(|kind| snake_case(&format!("{kind:?}"))),
    };
    make(py, code(error.kind()), &error.to_string(), about)
}

/// `ReadOnly` as Python writes it: `read_only`.
fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 1);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// Why a call has no answer.
pub(crate) enum Failure {
    /// The core refused or failed.
    Core(Error),
    /// A panic, which the panic hook has shown: a defect of this library.
    Panicked,
}

impl Failure {
    pub(crate) fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Failure::Core(error) => raise(py, error),
            Failure::Panicked => {
                exception(py, "internal", "internal: a defect in the library ended the call")
            }
        }
    }
}

/// What went wrong in a call before or beside the core.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    exception(py, "closed", "client: closed")
}

/// The process forked; nothing that the parent's threads may have locked is touched.
pub(crate) fn forked(py: Python<'_>) -> PyErr {
    exception(py, "forked", "client: opened before a fork; open a client of its own in the child")
}
