//! Where a journal lies: the file before SQLite touches it, and proof that it is still there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::failure;
use super::file_system::{self, Kept};
use super::files::{Files, Identity, Look};
use super::{migration, schema};
use crate::journal::{JournalError, JournalErrorKind};

/// Length of an SQLite file's header.
const HEADER: usize = 100;

/// An open journal's file, for the time that it is open.
#[derive(Debug)]
pub(super) struct Place {
    files: Arc<dyn Files>,
    path: PathBuf,
    log: PathBuf,
    database: Identity,
    /// The write-ahead log, once there is one: commits live there until a checkpoint.
    write_ahead: Option<Identity>,
}

/// The journals that this process, or the one it was forked from, has open.
///
/// POSIX drops *all* locks of a process on a file when it closes any descriptor of it, so a second
/// opening in the same process must be refused before the file is touched. A forked child has
/// SQLite's own tables of locks in memory that are its parent's: it must not open this journal.
static OPEN: Mutex<Vec<(u32, Identity)>> = Mutex::new(Vec::new());

impl Place {
    /// Looks at an existing file without opening it by SQLite, which might write to it (a hot log
    /// is rolled forward): it must be a private file with this library's mark in its header.
    ///
    /// # Errors
    /// `Locked` if this process has it open, `Forked` if a parent had, `ReadOnly` if others may
    /// read it, `Corrupt`, `Version`; `None` if nothing is there.
    pub(super) fn claim(
        files: &Arc<dyn Files>,
        path: &Path,
    ) -> Result<Option<Place>, JournalError> {
        let look = match files.look(path) {
            Ok(look) => look,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure::file("journal file", &error)),
        };
        if !look.is_file {
            return Err(corrupt("the path is not a file"));
        }
        refuse_if_readable_by_others(look)?;
        let database = look.identity;
        register(database)?;
        let place = Place {
            files: Arc::clone(files),
            path: path.to_owned(),
            log: with_suffix(path, "-wal"),
            database,
            write_ahead: None,
        };
        check_header(&**files, path)?;
        Ok(Some(place))
    }

    /// Remembers which file the write-ahead log is.
    pub(super) fn settle(&mut self) -> Result<(), JournalError> {
        self.check()?;
        self.write_ahead = self.files.look(&self.log).ok().map(|look| look.identity);
        Ok(())
    }

    /// Whether a power cut takes it.
    pub(super) fn is_in_memory(&self) -> bool {
        file_system::of(&self.path) == Kept::InMemory
    }

    /// J11: whether the journal is still where it was opened. A commit into a deleted file would
    /// be "durable" until the handle is closed.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        let is_there = |path: &Path, expected: Identity| {
            self.files.look(path).is_ok_and(|look| look.identity == expected)
        };
        let whole = is_there(&self.path, self.database)
            && self.write_ahead.is_none_or(|expected| is_there(&self.log, expected));
        if whole {
            Ok(())
        } else {
            Err(JournalError::new(
                JournalErrorKind::Gone,
                "the file was deleted, moved or replaced while it was open",
            ))
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let entry = (std::process::id(), self.database);
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != entry);
    }
}

fn register(database: Identity) -> Result<(), JournalError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let own = std::process::id();
    match open.iter().find(|(_, other)| *other == database) {
        Some((pid, _)) if *pid == own => Err(JournalError::new(
            JournalErrorKind::Locked,
            "this process has the journal open already",
        )),
        Some(_) => Err(JournalError::new(
            JournalErrorKind::Forked,
            "this process was forked from one that had the journal open; open it after the fork",
        )),
        None => {
            open.push((own, database));
            Ok(())
        }
    }
}

/// The first bytes of an SQLite file say whose it is (SQLite file format, 1.3).
fn check_header(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let header = files.read(path, HEADER).map_err(|error| failure::file("journal file", &error))?;
    if header.len() < HEADER {
        return Err(corrupt("the file is empty or cut off"));
    }
    let number = |at: usize| {
        i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(corrupt("the file is not a journal"));
    }
    if number(68) != schema::APPLICATION_ID {
        return Err(corrupt("the file is the database of another application"));
    }
    if !(migration::OLDEST..=schema::VERSION).contains(&number(60)) {
        return Err(JournalError::new(
            JournalErrorKind::Version,
            format!(
                "the journal has schema {}, this library writes schema {}",
                number(60),
                schema::VERSION
            ),
        ));
    }
    Ok(())
}

fn corrupt(message: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Corrupt, message)
}

/// `path` with something behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn refuse_if_readable_by_others(look: Look) -> Result<(), JournalError> {
    match look.mode {
        mode if mode & 0o077 != 0 => Err(JournalError::new(
            JournalErrorKind::ReadOnly,
            format!("others may read or write the file (mode {mode:04o}); make it 0600"),
        )),
        _ => Ok(()),
    }
}
