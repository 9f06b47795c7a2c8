//! Indexes that do not fit their rows ([fault J8]): a row has a checksum, an index has none, and SQLite
//! asks the index alone whether an invoice is known or a payment is due. Whoever opens a journal alone
//! compares them with the newest rows, and makes them anew from the rows where one is wrong.
//!
//! [fault J8]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use rusqlite::Connection;

use super::files::Files;
use super::{aside, failure, log, schema};
use crate::journal::{Finding, JournalError, JournalErrorKind};

/// So many of the newest rows: most of what is open, and of what is asked for again, is among them, and a large
/// journal opens as fast as a small one (J16).
const NEWEST: i64 = 1_000;

/// Each with its table, which of its rows it has, and how row `p` is found in it as `q`.
fn indexes() -> [(&'static str, &'static str, String, &'static str); 6] {
    let all = || "1".to_owned();
    [
        ("payment_invoice", "payment", all(), "q.invoice = p.invoice"),
        ("payment_numbers", "payment", all(), "q.batch = p.batch AND q.reference = p.reference"),
        (
            "payment_due",
            "payment",
            "due IS NOT NULL".to_owned(),
            "q.boot = p.boot AND q.due = p.due",
        ),
        (
            "payment_evidence",
            "payment",
            "due IS NOT NULL AND late_paid = 1".to_owned(),
            "q.boot = p.boot AND q.due = p.due",
        ),
        (
            "payment_customer",
            "payment",
            format!("phone_tag IS NOT NULL AND {}", schema::may_still_debit()),
            "q.phone_tag = p.phone_tag",
        ),
        ("archived_invoice", "archived", all(), "q.invoice = p.invoice"),
    ]
}

/// The indexes in which one of the newest rows is missing.
fn damaged(connection: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let misses = |(index, table, rows, found): &(&str, &str, String, &str)| {
        // The row is read from the table, and the index is asked as a payment asks it.
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} AS p NOT INDEXED \
             WHERE p.id > (SELECT coalesce(max(id), 0) FROM {table}) - {NEWEST} AND {rows} \
             AND NOT EXISTS (SELECT 1 FROM {table} AS q INDEXED BY {index} \
                             WHERE {rows} AND {found} AND q.id = p.id))"
        );
        connection.query_row(&sql, [], |row| row.get::<_, bool>(0))
    };
    let mut damaged = Vec::new();
    for index in &indexes() {
        if misses(index)? {
            damaged.push(index.0);
        }
    }
    Ok(damaged)
}

/// Whether all pages are whole: what is made anew is read from them, and written over others.
fn is_whole(connection: &Connection) -> bool {
    let check = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    check.is_ok_and(|it| it == "ok")
}

/// What a look at a journal found.
#[derive(Debug)]
pub(super) struct Damage {
    names: String,
    is_whole: bool,
}

impl Damage {
    /// On a connection of its own, before the journal is opened: what SQLite finds damaged on the way must
    /// not keep it from being opened. For a moment in which nobody has it open.
    pub(super) fn look(files: &dyn Files, path: &Path, has_log: bool) -> Option<Damage> {
        let connection = match has_log {
            true => log::as_it_is(files, path).ok()?,
            false => log::without_log(files, path)?,
        };
        // What cannot be read hides nothing: whoever asks it gets an error.
        let names = damaged(&connection).ok()?.join(", ");
        (!names.is_empty()).then(|| Damage { is_whole: is_whole(&connection), names })
    }
}

/// Makes them anew, inside the caller's transaction. What to tell of it.
///
/// # Errors
/// `Full`, and whatever ended the transaction.
pub(super) fn mend(connection: &Connection, damage: &Damage) -> Result<Finding, JournalError> {
    let names = &damage.names;
    let made = if damage.is_whole {
        make_anew(connection)?
    } else {
        Err(JournalError::new(JournalErrorKind::Corrupt, "other pages are damaged, too"))
    };
    let became = match made {
        Ok(()) => "it was made anew from the rows, and what it hid is known and goes on".to_owned(),
        Err(error) => format!(
            "it cannot be made anew ({}): an invoice that it hides would be pushed again, and a payment not \
             be settled; {}",
            error.message,
            match connection.path().and_then(|path| aside::place_of(Path::new(path))) {
                Some(_) => "mend it, or put a whole copy of it there",
                None => "`ovo-ptp journal set-aside` this one",
            }
        ),
    };
    Ok(Finding {
        critical: true,
        message: format!(
            "the journal was damaged: its index {names} did not fit its rows (a bit that fell over, or a \
             failing disk); {became}. Look at the disk, and compare OVO's settlement file with your books"
        ),
    })
}

/// The outer error ends the opening, the inner one leaves everything as it was.
fn make_anew(connection: &Connection) -> Result<Result<(), JournalError>, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    connection.execute_batch("SAVEPOINT indexes").map_err(failed)?;
    let made = connection.execute_batch("REINDEX payment; REINDEX archived").map_err(failed);
    if let Err(error) = &made {
        if error.kind == JournalErrorKind::Full || connection.is_autocommit() {
            return Err(error.clone());
        }
        connection.execute_batch("ROLLBACK TO indexes").map_err(failed)?;
    }
    connection.execute_batch("RELEASE indexes").map_err(failed)?;
    Ok(made)
}
