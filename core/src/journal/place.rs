//! Where a journal lies: the file before SQLite touches it, and proof that it is still there.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::failure;
use super::file_system::{self, Kept};
use super::schema;
use crate::journal::{JournalError, JournalErrorKind};

/// Device and inode.
type Identity = (u64, u64);

/// An open journal's file, for the time that it is open.
#[derive(Debug)]
pub(super) struct Place {
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
    pub(super) fn claim(path: &Path) -> Result<Option<Place>, JournalError> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure::file("journal file", &error)),
        };
        if !metadata.is_file() {
            return Err(corrupt("the path is not a file"));
        }
        refuse_if_readable_by_others(&metadata)?;
        let database = identity(&metadata);
        register(database)?;
        let place = Place {
            path: path.to_owned(),
            log: with_suffix(path, "-wal"),
            database,
            write_ahead: None,
        };
        check_header(path)?;
        Ok(Some(place))
    }

    /// Remembers which file the write-ahead log is.
    pub(super) fn settle(&mut self) -> Result<(), JournalError> {
        self.check()?;
        self.write_ahead = fs::metadata(&self.log).ok().map(|metadata| identity(&metadata));
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
            fs::metadata(path).is_ok_and(|metadata| identity(&metadata) == expected)
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
fn check_header(path: &Path) -> Result<(), JournalError> {
    let mut header = [0; 100];
    let read = |header: &mut [u8]| File::open(path)?.read_exact(header);
    match read(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(corrupt("the file is empty or cut off"));
        }
        Err(error) => return Err(failure::file("journal file", &error)),
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
    if number(60) != schema::VERSION {
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

/// A new file that only its owner may read; never an existing one.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Syncs the names in the directory of `path`.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere an open file cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

#[cfg(unix)]
fn refuse_if_readable_by_others(metadata: &Metadata) -> Result<(), JournalError> {
    use std::os::unix::fs::MetadataExt;
    match metadata.mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(JournalError::new(
            JournalErrorKind::ReadOnly,
            format!("others may read or write the file (mode {mode:04o}); make it 0600"),
        )),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_if_readable_by_others(_: &Metadata) -> Result<(), JournalError> {
    Ok(())
}
