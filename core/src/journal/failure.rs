//! From the errors of SQLite and of the file system to the kinds that a caller can act on.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use super::files::Files;
use super::place;
use crate::journal::{JournalError, JournalErrorKind};

/// What to do about a file in which SQLite finds damage.
const DAMAGED: &str = "; the journal's file is damaged, or its disk could not be read: start the shop \
                       again, which tells the one from the other; a damaged one `ovo-ptp journal \
                       set-aside`, and what can be read of it goes on being settled";

/// The same about one that a person need not set aside: it lies aside already.
pub(super) fn without_cure(error: &JournalError) -> &str {
    error.message.strip_suffix(DAMAGED).unwrap_or(&error.message)
}

/// What SQLite said, while `doing` something. SQLite's texts name columns and rules, never values.
pub(super) fn sqlite(doing: &str, error: &Error) -> JournalError {
    let Error::SqliteFailure(failure, text) = error else {
        // A column of another type, a missing row: not what this library wrote.
        return JournalError::new(JournalErrorKind::Corrupt, format!("{doing}: {error}"));
    };
    let kind = match failure.code {
        // The last one: the log could not be read for ten seconds because somebody kept its locks.
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => JournalErrorKind::Locked,
        ErrorCode::DiskFull => JournalErrorKind::Full,
        ErrorCode::ReadOnly if failure.extended_code == ffi::SQLITE_READONLY_DBMOVED => {
            JournalErrorKind::Gone
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            JournalErrorKind::ReadOnly
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => JournalErrorKind::Corrupt,
        ErrorCode::ConstraintViolation => JournalErrorKind::Forbidden,
        _ => JournalErrorKind::Io,
    };
    let text = text.as_deref().unwrap_or("no detail");
    let cure = if kind == JournalErrorKind::Corrupt { DAMAGED } else { "" };
    JournalError::new(kind, format!("{doing}: {text} ({}){cure}", failure.extended_code))
}

/// Reads the database and its log through, because SQLite calls a disk that fails to read a damaged file.
/// Only where no lock goes with a descriptor that is closed.
pub(super) fn refuse_unreadable(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    const PIECE: usize = 1 << 20;
    for suffix in [""].into_iter().chain(place::LOGS) {
        let path = place::with_suffix(path, suffix);
        if !files.look(&path).is_ok_and(|look| look.is_file) {
            continue;
        }
        let read = || -> io::Result<()> {
            let mut file = files.open(&path)?;
            let mut at = 0;
            loop {
                match file.read(at, PIECE)?.len() {
                    0 => return Ok(()),
                    length => at += length as u64,
                }
            }
        };
        read().map_err(|error| unreadable(&at(&path, &error).message))?;
    }
    Ok(())
}

/// What a disk that fails to read says.
const UNREADABLE: &str =
    ": the disk could not be read, which says nothing of the journal: mend that";

/// The disk failed to read: nothing is known of the file itself.
pub(super) fn unreadable(what: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Io, format!("{what}{UNREADABLE}"))
}

/// Whether an error tells of content that cannot be read: damaged, or not given by the disk.
pub(super) fn is_unreadable(error: &JournalError) -> bool {
    error.kind == JournalErrorKind::Corrupt || error.message.ends_with(UNREADABLE)
}

/// Whether SQLite itself was not given a page.
pub(super) fn is_failed_read(error: &Error) -> bool {
    const READS: [i32; 4] = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_DATA,
        ffi::SQLITE_IOERR_CORRUPTFS,
    ];
    matches!(error, Error::SqliteFailure(failure, _) if READS.contains(&failure.extended_code))
}

/// What the file system said, about a file.
pub(super) fn at(path: &Path, error: &io::Error) -> JournalError {
    let cure = match error.kind() {
        io::ErrorKind::PermissionDenied => "; it must belong to the user that runs the shop",
        _ => "",
    };
    let mut failed = file(&path.display().to_string(), error);
    failed.message.push_str(cure);
    failed
}

/// What the file system said, while `doing` something.
pub(super) fn file(doing: &str, error: &io::Error) -> JournalError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotFound => JournalErrorKind::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => JournalErrorKind::Full,
        _ => JournalErrorKind::Io,
    };
    JournalError::new(kind, format!("{doing}: {error}"))
}

/// An error about the file at `path`, with its name.
pub(super) fn named(path: &Path, mut error: JournalError) -> JournalError {
    use JournalErrorKind::{Corrupt, Io, ReadOnly, Version};
    let name = path.display().to_string();
    if matches!(error.kind, Corrupt | Io | ReadOnly | Version) && !error.message.contains(&name) {
        error.message = format!("{name}: {}", error.message);
    }
    error
}

/// Whether an error leaves it open what is on the disk. Then nothing may be trusted that comes
/// after it: a second sync can succeed although the first one lost data (J6, "fsyncgate").
pub(super) fn poisons(kind: JournalErrorKind) -> bool {
    matches!(kind, JournalErrorKind::Io | JournalErrorKind::Gone)
}
