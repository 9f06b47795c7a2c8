//! What a journal knows of its archives: which there are, where each was made, and whether all that
//! it has was taken out ([fault OP7]).
//!
//! An archive is begun here before its file has a name, and ends here last. So at every moment the
//! journal says which file has the rows that it has no more, and no other archive gets the rest.
//!
//! [fault OP7]: crate::manual::faults#op-operations

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::copies::misplaced;
use super::engine::Engine;
use super::{ArchivePlace, failure, meta};
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::{Payment, PaymentId};

/// How many archives were begun.
pub(super) const PARTS: &str = "archives";

pub(super) fn key(number: u32) -> String {
    format!("archive {number}")
}

/// Under which a fleet keeps on which machine an archive was made, by its random name: a library that knows
/// nothing of it goes on beside one that does.
#[cfg(feature = "postgres")]
pub(super) fn machine_key(token: &str) -> String {
    format!("archive-host {token}")
}

/// How far an archive is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// Rows are in both files, or in its own only.
    Open,
    /// All of its rows are in its own file only.
    Whole,
    /// It was begun, took nothing out, and made way for another one.
    GivenUp,
}

/// An archive as the journal knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// Counted from 1.
    pub(super) number: u32,
    /// A random name, which its file knows too: 16 hexadecimal digits.
    pub(super) token: String,
    pub(super) progress: Progress,
    /// Where its file was when it was last written to.
    pub(super) path: PathBuf,
    /// On which machine, if that is kept and known.
    pub(super) machine: Option<String>,
}

impl Part {
    pub(super) fn place(&self) -> ArchivePlace {
        ArchivePlace { path: self.path.clone(), machine: self.machine.clone() }
    }

    /// As it is kept, under [`key`].
    pub(super) fn text(&self) -> String {
        let progress = match self.progress {
            Progress::Open => "open",
            Progress::Whole => "whole",
            Progress::GivenUp => "given-up",
        };
        format!("{progress} {} {}", self.token, self.path.display())
    }

    pub(super) fn parse(number: u32, text: &str) -> Option<Part> {
        let mut words = text.splitn(3, ' ');
        let progress = match words.next()? {
            "open" => Progress::Open,
            "whole" => Progress::Whole,
            "given-up" => Progress::GivenUp,
            _ => return None,
        };
        let token = words.next()?.to_owned();
        Some(Part { number, token, progress, path: words.next()?.into(), machine: None })
    }
}

/// All that were begun, in their order.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for number in 1..=meta::get::<u32>(connection, PARTS)?.unwrap_or(0) {
        let text: Option<String> = meta::get(connection, &key(number))?;
        parts.extend(text.and_then(|text| Part::parse(number, &text)));
    }
    Ok(parts)
}

/// The one that is not whole; there is one at a time.
pub(super) fn open(connection: &Connection) -> rusqlite::Result<Option<Part>> {
    Ok(all(connection)?.into_iter().find(|part| part.progress == Progress::Open))
}

/// How many rows an archive has that the journal has no more.
pub(super) fn taken(connection: &Connection, number: u32) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM archived WHERE part = ?1")?
        .query_row([number], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}

/// The one that is not whole, if it may make way for another one.
///
/// # Errors
/// `Misplaced` if it has rows that are in no other file.
fn in_the_way(connection: &Connection) -> Result<Option<Part>, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("archive", &error);
    let Some(other) = open(connection).map_err(failed)? else { return Ok(None) };
    match taken(connection, other.number).map_err(failed)? {
        0 => Ok(Some(other)),
        taken => Err(is_in_the_way(&other, taken)),
    }
}

/// Of one that is not whole, and has rows that are in no other file.
pub(super) fn is_in_the_way(other: &Part, taken: u64) -> JournalError {
    misplaced(format!(
        "the archive {} is not finished, and {taken} payments are in no other file: archive into \
         that one once more{} (put it back first, if it is not there)",
        other.place(),
        there(other)
    ))
}

/// Begins one, inside the caller's transaction.
///
/// # Errors
/// As for [`in_the_way`].
pub(super) fn begin(
    connection: &Connection,
    token: &str,
    path: &Path,
) -> Result<Part, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("archive", &error);
    if let Some(other) = in_the_way(connection)? {
        // Whoever began it and is still at it takes nothing out from here on (`take_out`).
        put(connection, &Part { progress: Progress::GivenUp, ..other })?;
    }
    let number = meta::get::<u32>(connection, PARTS).map_err(failed)?.unwrap_or(0) + 1;
    meta::put(connection, PARTS, number).map_err(failed)?;
    let (token, path) = (token.to_owned(), path.to_owned());
    let part = Part { number, token, progress: Progress::Open, path, machine: None };
    put(connection, &part)?;
    Ok(part)
}

/// Writes down what became of one, inside the caller's transaction.
pub(super) fn put(connection: &Connection, part: &Part) -> Result<(), JournalError> {
    meta::put(connection, &key(part.number), part.text())
        .map_err(|error| failure::sqlite("archive", &error))
}

/// Refuses to go on with an archive that was given up, because another process began one.
///
/// # Errors
/// `Locked`, if so.
fn refuse_overtaken(connection: &Connection, number: u32) -> Result<(), JournalError> {
    let open = open(connection).map_err(|error| failure::sqlite("archive", &error))?;
    if open.is_some_and(|part| part.number == number) {
        return Ok(());
    }
    Err(is_overtaken())
}

/// Where to go on with it, if it may be another machine than this.
fn there(part: &Part) -> String {
    part.machine.as_ref().map_or_else(String::new, |machine| format!(", on machine {machine}"))
}

/// What is said of one that is begun, for whoever looks after the journal.
pub(super) fn is_not_finished(part: &Part) -> String {
    format!(
        "the archive {} is not finished: unless that is going on just now, archive into it once \
         more{}; until then nobody reads what it has",
        part.place(),
        there(part)
    )
}

/// Of an archive that made way for another one.
pub(super) fn is_overtaken() -> JournalError {
    JournalError::new(
        JournalErrorKind::Locked,
        "another process began to archive the journal meanwhile; this one took nothing more out",
    )
}

/// Of a row that an archive has, and that the journal neither has nor ever let go.
pub(super) fn was_never_there(id: PaymentId) -> JournalError {
    JournalError::new(
        JournalErrorKind::Corrupt,
        format!("payment {} is in the archive, and was never in the journal", id.0),
    )
}

/// Takes rows out that the archive has, inside the caller's transaction: all of them or none.
/// Returns how many went, and those that are not what the archive has, because they were changed
/// meanwhile: they stay.
pub(super) fn take_out(
    engine: &Engine,
    number: u32,
    rows: &[Payment],
) -> Result<(u64, Vec<PaymentId>), JournalError> {
    let connection = &engine.connection;
    let failed = |error: rusqlite::Error| failure::sqlite("archive", &error);
    refuse_overtaken(connection, number)?;
    let (mut gone, mut stay) = (0, Vec::new());
    for row in rows {
        match engine.payment(row.id) {
            Ok(Some(own)) if own == *row => {
                take_one_out(connection, number, row.id)?;
                gone += 1;
            }
            Ok(None) if archived(connection, row.id).map_err(failed)? == Some(Name::of(row)) => {}
            Ok(None) => {
                return Err(was_never_there(row.id));
            }
            Ok(Some(_)) => stay.push(row.id),
            // A damaged row proves nothing of what it was.
            Err(error) if error.kind == JournalErrorKind::Corrupt => stay.push(row.id),
            Err(error) => return Err(error),
        }
    }
    Ok((gone, stay))
}

/// The database refuses it of one that is not over.
fn take_one_out(connection: &Connection, number: u32, id: PaymentId) -> Result<(), JournalError> {
    let all = || {
        connection
            .prepare_cached(
                "INSERT INTO archived (id, invoice, batch, reference, part) \
                 SELECT id, invoice, batch, reference, ?2 FROM payment WHERE id = ?1",
            )?
            .execute((id.0, number))?;
        connection.prepare_cached("DELETE FROM payment WHERE id = ?1")?.execute([id.0])?;
        connection.prepare_cached("DELETE FROM phone WHERE id = ?1")?.execute([id.0])
    };
    all().map(drop).map_err(|error| failure::sqlite("archive", &error))
}

/// What tells a payment from every other one, also from another of its number in a copy of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Name {
    invoice: String,
    batch: u32,
    reference: u32,
}

impl Name {
    pub(super) fn of(payment: &Payment) -> Name {
        let intent = &payment.intent;
        let (batch, reference) = (intent.numbers.batch(), intent.numbers.reference());
        Name { invoice: intent.invoice.to_string(), batch, reference }
    }
}

/// The payment of that number that was archived.
pub(super) fn archived(connection: &Connection, id: PaymentId) -> rusqlite::Result<Option<Name>> {
    connection
        .prepare_cached("SELECT invoice, batch, reference FROM archived WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok(Name { invoice: row.get(0)?, batch: row.get(1)?, reference: row.get(2)? })
        })
        .optional()
}

/// The number of an invoice's payment that was archived, and where its archive was made.
pub(super) fn of_invoice(
    connection: &Connection,
    invoice: &str,
) -> rusqlite::Result<Option<(PaymentId, ArchivePlace)>> {
    let found: Option<(i64, u32)> = connection
        .prepare_cached("SELECT id, part FROM archived WHERE invoice = ?1")?
        .query_row([invoice], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, number)) = found else { return Ok(None) };
    let part = all(connection)?.into_iter().find(|part| part.number == number);
    Ok(Some((PaymentId(id), part.map_or_else(ArchivePlace::default, |part| part.place()))))
}
