//! THE table of error codes: numbers, names, texts and what a program may do about them.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use ptp::{Error, ErrorKind, MerchantInvoice};

/// What every function that can fail returns. 0 is success. Numbers are explicit and never change
/// their meaning; new ones are added, retired ones stay as comments.
///
/// An error means that the call started nothing: no payment, no void. Settlement is never in doubt
/// either: what was due stays due.
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum ovo_code {
    /// Done. Results are written; after any other code they are cleared.
    OVO_OK = 0,

    /// A pointer that must not be NULL is. Mend the program.
    OVO_ERR_NULL = 100,
    /// Not an open handle of this kind: closed, freed, or never one. Mend the program.
    OVO_ERR_BAD_HANDLE = 101,
    /// A value breaks a rule; the detail names the field and the rule. Let the user correct it.
    OVO_ERR_INVALID_INPUT = 102,
    /// A text is not UTF-8. Let the user correct it, or mend the program.
    OVO_ERR_NOT_UTF8 = 103,
    /// A text is longer than its field allows, or has no terminating NUL. Mend the program.
    OVO_ERR_TOO_LONG = 104,
    /// A struct's `size` is none that this library knows: it was not set by its INIT macro, or the
    /// header is newer than the library.
    OVO_ERR_STRUCT_SIZE = 105,
    /// The header is of another series than the library. Install the library of the header.
    OVO_ERR_VERSION = 106,
    /// Called from inside a callback of this library. Return from it first.
    OVO_ERR_REENTRANT = 107,
    /// The handle was made before a fork. Open a client of its own in the child.
    OVO_ERR_FORKED = 108,
    /// The client was opened without threads. Ask for them with `ovo_config_set_threads`.
    OVO_ERR_NO_THREADS = 109,
    /// The buffer is too small; the needed size was told. Call again with a larger one.
    OVO_ERR_BUFFER_TOO_SMALL = 110,
    /// No element has this index. Ask for the length first.
    OVO_ERR_OUT_OF_RANGE = 111,
    /// Another thread than the one that runs the exchange. Mend the transport.
    OVO_ERR_WRONG_THREAD = 112,
    /// Too many handles are open. Free some.
    OVO_ERR_TOO_MANY_HANDLES = 113,

    /// The client, its credentials or its files are set up wrongly; the detail says how.
    OVO_ERR_CONFIGURATION = 200,
    /// This build of the library has no such part (see the feature table).
    OVO_ERR_UNSUPPORTED = 201,

    /// The journal cannot be used (disk full, read-only, damaged, deleted). Call an operator.
    OVO_ERR_JOURNAL = 300,
    /// Another process has the journal open. Wait for it, then call again.
    OVO_ERR_JOURNAL_LOCKED = 301,

    /// The invoice was used before with another amount, phone or terminal. Take a new invoice.
    OVO_ERR_INVOICE_REUSED = 400,
    /// The customer has a payment that is not settled yet. Wait for it, then call again.
    OVO_ERR_UNSETTLED_CUSTOMER = 401,
    /// No payment with this invoice is in the journal.
    OVO_ERR_NOT_FOUND = 402,
    /// A rule of the payment's present state refuses the operation; the detail names it.
    OVO_ERR_REFUSED = 403,
    /// A check was asked too early or too late (see `ovo_check`); the detail says for how long.
    OVO_ERR_OUTSIDE_WINDOW = 404,

    /// The host gave no usable answer to a request that moves no money. Call again.
    OVO_ERR_NO_ANSWER = 500,
    /// The exchange must end now. Return from the transport function.
    OVO_ERR_STOPPED = 501,

    /// The client was closed by another thread while this call was under way.
    OVO_ERR_CLOSED = 600,

    /// A defect in this library; the handle refuses everything but being closed. Report it.
    OVO_ERR_INTERNAL = 900,
    // Last added: 900. A new code goes to the end of its group and into the README's table.
}

use ovo_code::*;

/// One row of the table.
pub(crate) struct Row {
    pub(crate) code: ovo_code,
    /// The C name, with its terminating NUL.
    pub(crate) name: &'static str,
    /// One line, with its terminating NUL.
    pub(crate) text: &'static str,
}

macro_rules! rows {
    ($($code:ident: $text:literal,)*) => {
        &[$(Row {
            code: $code,
            name: concat!(stringify!($code), "\0"),
            text: concat!($text, "\0"),
        }),*]
    };
}

/// Every code, in the order of the header.
pub(crate) const TABLE: &[Row] = rows! {
    OVO_OK: "success",
    OVO_ERR_NULL: "a pointer that must not be NULL is NULL",
    OVO_ERR_BAD_HANDLE: "not an open handle of this kind (closed, freed, or never one)",
    OVO_ERR_INVALID_INPUT: "a value breaks a rule",
    OVO_ERR_NOT_UTF8: "a text is not UTF-8",
    OVO_ERR_TOO_LONG: "a text is too long or has no terminating NUL",
    OVO_ERR_STRUCT_SIZE: "a struct's size was not set by its INIT macro",
    OVO_ERR_VERSION: "the header is not of the library's series",
    OVO_ERR_REENTRANT: "called from inside a callback",
    OVO_ERR_FORKED: "the handle was made before a fork",
    OVO_ERR_NO_THREADS: "the client was opened without threads",
    OVO_ERR_BUFFER_TOO_SMALL: "the buffer is too small",
    OVO_ERR_OUT_OF_RANGE: "no element has this index",
    OVO_ERR_WRONG_THREAD: "another thread than the one that runs the exchange",
    OVO_ERR_TOO_MANY_HANDLES: "too many handles are open",
    OVO_ERR_CONFIGURATION: "the set-up is wrong",
    OVO_ERR_UNSUPPORTED: "not part of this build of the library",
    OVO_ERR_JOURNAL: "the journal cannot be used",
    OVO_ERR_JOURNAL_LOCKED: "another process has the journal open",
    OVO_ERR_INVOICE_REUSED: "the invoice was used before with other details",
    OVO_ERR_UNSETTLED_CUSTOMER: "the customer has a payment that is not settled yet",
    OVO_ERR_NOT_FOUND: "no payment with this invoice",
    OVO_ERR_REFUSED: "refused by a rule of the payment's state",
    OVO_ERR_OUTSIDE_WINDOW: "a check is possible from 60 seconds to 7 days after the push",
    OVO_ERR_NO_ANSWER: "the host gave no usable answer",
    OVO_ERR_STOPPED: "the exchange must end",
    OVO_ERR_CLOSED: "the client was closed",
    OVO_ERR_INTERNAL: "a defect in the library",
};

impl ovo_code {
    /// The code with this number, if there is one.
    pub(crate) fn of(number: i32) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.code as i32 == number)
    }

    /// Whether the same call may succeed later without a change of input or set-up.
    pub(crate) fn is_retryable(number: i32) -> bool {
        [OVO_ERR_JOURNAL_LOCKED, OVO_ERR_UNSETTLED_CUSTOMER, OVO_ERR_NO_ANSWER]
            .iter()
            .any(|code| *code as i32 == number)
    }

    fn of_kind(kind: ErrorKind) -> ovo_code {
        match kind {
            ErrorKind::InvalidInput => OVO_ERR_INVALID_INPUT,
            ErrorKind::Configuration => OVO_ERR_CONFIGURATION,
            ErrorKind::Journal => OVO_ERR_JOURNAL,
            ErrorKind::JournalLocked => OVO_ERR_JOURNAL_LOCKED,
            ErrorKind::InvoiceReused => OVO_ERR_INVOICE_REUSED,
            ErrorKind::UnsettledCustomer => OVO_ERR_UNSETTLED_CUSTOMER,
            ErrorKind::NotFound => OVO_ERR_NOT_FOUND,
            ErrorKind::Refused => OVO_ERR_REFUSED,
            ErrorKind::OutsideWindow => OVO_ERR_OUTSIDE_WINDOW,
            ErrorKind::NoAnswer => OVO_ERR_NO_ANSWER,
            ErrorKind::Closed => OVO_ERR_CLOSED,
            ErrorKind::Forked => OVO_ERR_FORKED,
            // A kind that was added to the core and forgotten here; a test compares the two.
            _ => OVO_ERR_INTERNAL,
        }
    }
}

/// Why a call failed: the code, one line of detail without secrets or personal data, and what it is
/// about.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: ovo_code,
    pub(crate) detail: Cow<'static, str>,
    /// The argument or field, as a program would write it.
    pub(crate) field: Option<Cow<'static, str>>,
    pub(crate) invoice: Option<MerchantInvoice>,
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(code: ovo_code, detail: impl Into<Cow<'static, str>>) -> Failure {
        Failure { code, detail: detail.into(), field: None, invoice: None, retry_after: None }
    }

    /// What is wrong with one argument or field.
    pub(crate) fn of_field(code: ovo_code, field: &str, what: impl Display) -> Failure {
        let mut failure = Failure::new(code, format!("{field}: {what}"));
        failure.field = Some(field.replace(' ', "_").into());
        failure
    }

    /// A required argument is NULL.
    pub(crate) fn null(argument: &str) -> Failure {
        Failure::of_field(OVO_ERR_NULL, argument, "must not be NULL")
    }

    /// A number that names nothing.
    pub(crate) fn unknown(argument: &str) -> Failure {
        Failure::of_field(OVO_ERR_INVALID_INPUT, argument, "no such value")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure {
            code: ovo_code::of_kind(error.kind()),
            detail: error.to_string().into(),
            field: error.field().map(Cow::Borrowed),
            invoice: error.invoice().cloned(),
            retry_after: error.retry_after(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_row_and_numbers_only_rise() {
        let source = include_str!("code.rs");
        let declared: Vec<&str> = source
            .lines()
            .skip_while(|line| !line.contains("pub enum ovo_code"))
            .take_while(|line| *line != "}")
            .filter_map(|line| line.trim().split_once(" = ").map(|(name, _)| name))
            .collect();
        let rows: Vec<&str> = TABLE.iter().map(|row| row.name.trim_end_matches('\0')).collect();
        assert_eq!(declared, rows);
        let numbers: Vec<i32> = TABLE.iter().map(|row| row.code as i32).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(TABLE.iter().all(|row| !row.text.trim_end_matches('\0').is_empty()));
    }

    #[test]
    fn the_core_s_kinds_have_codes_of_their_own() {
        use ErrorKind::*;
        let kinds = [
            InvalidInput,
            Configuration,
            Journal,
            JournalLocked,
            InvoiceReused,
            UnsettledCustomer,
            NotFound,
            Refused,
            OutsideWindow,
            NoAnswer,
            Closed,
            Forked,
            Internal,
        ];
        // The core's own list, so that a kind which is added there is missed here.
        let core = include_str!("../../core/src/error.rs");
        let listed = core
            .lines()
            .skip_while(|line| !line.contains("pub enum ErrorKind"))
            .take_while(|line| *line != "}")
            .filter(|line| line.trim().ends_with(',') && !line.trim().starts_with("//"))
            .count();
        assert_eq!(kinds.len(), listed);
        let mut codes: Vec<i32> =
            kinds.into_iter().map(|kind| ovo_code::of_kind(kind) as i32).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), kinds.len());
    }
}
