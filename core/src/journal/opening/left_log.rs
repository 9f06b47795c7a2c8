//! The log that an earlier process left, and the one that is begun behind it. What can be read from a log
//! may not be on the disk yet: it is written anew, so that no payment is trusted that a power cut would
//! take back.

use std::io;
use std::path::Path;

use rusqlite::Connection;

use crate::journal::engine::Engine;
use crate::journal::files::Files;
use crate::journal::{JournalError, JournalErrorKind, failure, log, place};

/// From here on the log must be there, and not empty: first there is one, then the database says so.
/// `moved`: the generation of the log that is in the database now.
pub(super) fn begin_log(
    files: &dyn Files,
    engine: &mut Engine,
    moved: Option<String>,
    is_alone: bool,
) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    engine.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    if is_alone {
        log::says_open(&engine.connection, true).map_err(failed)?;
    }
    if let Some(moved) = moved {
        log::begin(files, &engine.connection, &moved)?;
    }
    engine.connection.execute_batch("COMMIT").map_err(failed)?;
    match is_alone.then(|| engine.move_log()) {
        // A log that is lost then is not missed; payments under way go on (J2, J3).
        Some(Err(full)) if full.kind == JournalErrorKind::Full => Ok(()),
        Some(moved) => moved,
        None => Ok(()),
    }
}

/// J6: an earlier process may have died of a failed sync. What it wrote last can then be read from
/// the log and is not on the disk, and no later sync of the log would bring it there, nor anything
/// behind it back after a power cut. So it is written anew: into the database, or where that has no
/// room (a full disk must not keep payments under way from being settled: J2, J3) or somebody else
/// still reads the log, over itself.
///
/// Returns whether it is in the database.
pub(super) fn make_log_durable(
    files: &dyn Files,
    path: &Path,
    connection: &Connection,
) -> Result<bool, JournalError> {
    let log = place::with_suffix(path, "-wal");
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    match moved.map_err(|error| failure::sqlite("open", &error)) {
        Ok(0) => {}
        Ok(_busy) => return write_again(files, &log, connection).map(|()| false),
        Err(error) if error.kind == JournalErrorKind::Full => {
            return write_again(files, &log, connection).map(|()| false);
        }
        Err(error) => return Err(error),
    }
    // What of the old log is on the disk must not come back either: it ends before what was moved.
    match files.open(&log).and_then(|mut log| log.sync()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure::file("open", &error)),
        _ => Ok(true),
    }
}

/// Writes the log over itself, which takes no room, and syncs it.
pub(super) fn write_again(
    files: &dyn Files,
    log: &Path,
    connection: &Connection,
) -> Result<(), JournalError> {
    const PIECE: usize = 64 << 10;
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let again = || {
        let mut log = files.open(log)?;
        let mut at = 0;
        loop {
            let piece = log.read(at, PIECE)?;
            if piece.is_empty() {
                return log.sync();
            }
            log.write(at, &piece)?;
            at += piece.len() as u64;
        }
    };
    // Meanwhile no other process may add to it, or begin it anew.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let written = again().map_err(|error| failure::file("open", &error));
    connection.execute_batch("ROLLBACK").map_err(failed)?;
    written
}
