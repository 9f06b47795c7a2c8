//! What goes wrong between a node and its database server, as the journal tells it: which failure passes,
//! which is of the set-up, and which leaves unknown what became of a write.

use crate::journal::{JournalError, JournalErrorKind};

pub(super) fn unreachable(message: impl Into<String>) -> JournalError {
    JournalError::new(JournalErrorKind::Unreachable, message)
}

pub(super) fn silent(doing: &str) -> JournalError {
    unreachable(format!("{doing}: the database server does not answer"))
}

/// Success, with a warning beside it: the wait for the standby was broken off.
pub(super) fn unsure(doing: &str) -> JournalError {
    unreachable(format!("{doing}: the server does not know whether it lasts"))
}

/// What the server, or the way to it, said while `doing` something. Its texts name rules and columns, and
/// never values: details are left out.
pub(super) fn failed(doing: &str, error: &tokio_postgres::Error) -> JournalError {
    let Some(told) = error.as_db_error() else {
        // What lies behind it names addresses and names, and no secret.
        let behind = std::error::Error::source(error).map(|source| format!(" ({source})"));
        return unreachable(format!("{doing}: {error}{}", behind.unwrap_or_default()));
    };
    let code = told.code().code();
    JournalError::new(kind_of(code), format!("{doing}: {} ({code})", told.message()))
}

/// What an SQLSTATE is to the journal.
pub(super) fn kind_of(code: &str) -> JournalErrorKind {
    use JournalErrorKind::{Corrupt, Forbidden, Frozen, Full, Unreachable, Version};
    match code {
        "OV001" | "OV003" | "OV004" | "OV006" => Frozen,
        "OV002" => Forbidden,
        "53100" => Full,
        "OV007" | "42501" | "42P01" | "3F000" | "42883" => Version,
        "XX001" | "XX002" => Corrupt,
        _ if code.starts_with("23") || code.starts_with("22") => Forbidden,
        _ => Unreachable,
    }
}

/// Whether nobody knows what became of it: the connection is gone, or the server ends it.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_none_or(|told| !told.severity().eq("ERROR"))
}

pub(super) fn mixed_up() -> JournalError {
    JournalError::new(JournalErrorKind::Forbidden, "a write got another write's result")
}
