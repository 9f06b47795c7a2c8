//! Where a journal lies: the file before SQLite touches it, and proof that it is still there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::failure;
use super::file_system::{self, Kept};
use super::files::{Files, Identity, Look, Room};
use super::opening::{self, Access};
use super::{aside, migration, schema};
use crate::journal::{JournalError, JournalErrorKind};
use crate::lock::lock;

/// What belongs to a journal beside its database, and goes with it.
pub(super) const LOGS: [&str; 2] = ["-wal", "-journal"];
/// The files of one journal beside its database, by what stands behind its name.
pub(super) const COMPANIONS: [&str; 9] =
    ["-wal", "-shm", "-journal", ".mark", ".reserve", ".turn", ".lock", ".moved", ".arriving"];
/// Length of an SQLite file's header.
const HEADER: usize = 100;
/// Where the header of a log has the chance that its generation began with (SQLite file format, 4.1).
const GENERATION: std::ops::Range<usize> = 16..24;

/// An open journal's file, for the time that it is open.
#[derive(Debug)]
pub(super) struct Place {
    files: Arc<dyn Files>,
    path: PathBuf,
    log: PathBuf,
    database: Identity,
    /// The write-ahead log, once there is one: commits live there until a checkpoint.
    write_ahead: Option<Identity>,
    /// Whether no other process may cut the log.
    alone: bool,
    /// How long the log was at the last look.
    log_length: AtomicU64,
    /// Which generation of it that was, by its header, where others may begin the next one, and cut it.
    generation: Mutex<Vec<u8>>,
    /// The log as this process left it; `None` where others may write it, too, or where this one may have
    /// written since.
    log_written: Mutex<Option<Stamp>>,
    /// The database as this process wrote it last; `None` where others may write it, too.
    written: Mutex<Option<Stamp>>,
    /// The index of the log, which processes that share the journal have together.
    index: Option<Identity>,
}

/// What can be told of a file without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    length: u64,
    at: SystemTime,
}

impl Stamp {
    /// Of a note that [`in_words`](Self::in_words) wrote; `None` if nothing is said there.
    pub(super) fn read(words: &[u8]) -> Option<Stamp> {
        let mut words = std::str::from_utf8(words).ok()?.split_whitespace();
        let mut next = || words.next()?.parse().ok();
        let (length, seconds, nanos) = (next()?, next()?, next()?);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Some(Stamp { length, at: at + Duration::from_nanos(nanos) })
    }

    pub(super) fn in_words(&self) -> Option<String> {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{} {} {}", self.length, at.as_secs(), at.subsec_nanos()))
    }

    fn of(look: Look) -> Option<Stamp> {
        look.modified.map(|at| Stamp { length: look.length, at })
    }

    /// Whether the file is as it was. A program that puts times back knows them to the second only.
    fn is_as(&self, before: &Stamp) -> bool {
        let put_back = Duration::from_secs(1);
        self.length == before.length
            && before.at.duration_since(self.at).is_ok_and(|earlier| earlier < put_back)
    }
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
        Place::claim_any(files, path, &[schema::APPLICATION_ID])
    }

    /// The same of one of these kinds: a journal, or an archive of one.
    pub(super) fn claim_any(
        files: &Arc<dyn Files>,
        path: &Path,
        kinds: &[i32],
    ) -> Result<Option<Place>, JournalError> {
        let look = match files.look(path) {
            Ok(look) => look,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure::at(path, &error)),
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
            alone: false,
            log_length: AtomicU64::new(0),
            generation: Mutex::default(),
            log_written: Mutex::default(),
            written: Mutex::default(),
            index: None,
        };
        check_header(&**files, path, kinds)?;
        Ok(Some(place))
    }

    /// The room there, where that can be told.
    pub(super) fn room(&self) -> Option<Room> {
        self.files.room(&self.path)
    }

    /// Another connection to it.
    pub(super) fn connect_reader(&self, access: Access) -> rusqlite::Result<Connection> {
        opening::connect_reader(&*self.files, &self.path, access)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn files(&self) -> &Arc<dyn Files> {
        &self.files
    }

    /// What lies there now.
    pub(super) fn look(&self) -> Result<Look, JournalError> {
        self.files.look(&self.path).map_err(|error| failure::file("journal file", &error))
    }

    /// Remembers which file the write-ahead log is, and of a shared journal which one its index.
    pub(super) fn settle(&mut self, access: Access) -> Result<(), JournalError> {
        self.check()?;
        let identity = |path: &Path| self.files.look(path).ok().map(|look| look.identity);
        self.write_ahead = identity(&self.log);
        self.index = identity(&self.index_path()).filter(|_| access == Access::Host);
        self.alone = access != Access::Host;
        self.log_was_cut();
        self.was_written();
        self.log_was_written();
        Ok(())
    }

    /// The engine itself has written to the database.
    pub(super) fn was_written(&self) {
        *lock(&self.written) = self.stamp_of(&self.path);
    }

    /// What only this process writes to, as it is now.
    fn stamp_of(&self, path: &Path) -> Option<Stamp> {
        // Elsewhere a time may change behind the writing.
        let is_telling = cfg!(unix) && self.alone && self.kept() != Kept::ByAProgram;
        self.files.look(path).ok().filter(|_| is_telling).and_then(Stamp::of)
    }

    /// The engine itself has written to the log.
    pub(super) fn log_was_written(&self) {
        *lock(&self.log_written) = self.stamp_of(&self.log);
    }

    /// The engine itself may write to the log from here on.
    pub(super) fn log_is_written(&self) {
        *lock(&self.log_written) = None;
    }

    /// Before the engine writes to the log: whether anybody else did. What it would read back from there
    /// would be somebody else's, and what it appends might be behind a hole.
    pub(super) fn check_log(&self) -> Result<(), JournalError> {
        let Some(before) = *lock(&self.log_written) else { return Ok(()) };
        match self.stamp_of(&self.log) {
            Some(now) if !now.is_as(&before) => Err(self.is_gone()),
            _ => Ok(()),
        }
    }

    /// What those who share the journal tell each other about the database as it is now; `None` where a
    /// time may change behind the writing.
    pub(super) fn as_shared(&self) -> Option<Stamp> {
        let is_telling = cfg!(unix) && !self.alone && self.kept() != Kept::ByAProgram;
        self.files.look(&self.path).ok().filter(|_| is_telling).and_then(Stamp::of)
    }

    /// As [`check`](Self::check), where others write to the database as well. `noted`: as they left it.
    pub(super) fn check_shared(&self, noted: Option<Stamp>) -> Result<(), JournalError> {
        match (noted, self.as_shared()) {
            (Some(before), Some(now)) if !now.is_as(&before) => Err(self.is_gone()),
            _ => Ok(()),
        }
    }

    fn is_gone(&self) -> JournalError {
        JournalError::new(
            JournalErrorKind::Gone,
            format!(
                "{} or its log was deleted, moved, replaced, written to or cut while it was open",
                self.path.display()
            ),
        )
    }

    /// Whether nobody else wrote to the database: a backup that is copied over it keeps the file, and the
    /// next pages that are written into it make it neither one journal nor the other (J22).
    fn is_as_written(&self, look: Look) -> bool {
        match (*lock(&self.written), Stamp::of(look)) {
            (Some(before), Some(now)) => now.is_as(&before),
            _ => true,
        }
    }

    /// The engine itself cuts the log, which it has moved into the database.
    pub(super) fn log_was_cut(&self) {
        self.log_length.store(0, Ordering::Relaxed);
    }

    /// Whether the log is the one that was there, with all that was in it: what somebody cuts off is
    /// a hole, behind which no commit is durable.
    fn has_its_log(&self, expected: Identity) -> bool {
        let Ok(look) = self.files.look(&self.log) else { return false };
        let last = self.log_length.swap(look.length, Ordering::Relaxed);
        look.identity == expected && self.has_its_generation(look.length < last)
    }

    /// Whether a log that is shorter than it was may be so: only with a new generation one is cut.
    fn has_its_generation(&self, is_shorter: bool) -> bool {
        if self.alone {
            return !is_shorter;
        }
        let header = self.files.read(&self.log, GENERATION.end).unwrap_or_default();
        let now = header.get(GENERATION).unwrap_or_default().to_vec();
        let before = std::mem::replace(&mut *lock(&self.generation), now.clone());
        // One that is begun anew is never empty.
        !is_shorter || (before != now && now.len() == GENERATION.len())
    }

    fn index_path(&self) -> PathBuf {
        with_suffix(&self.path, "-shm")
    }

    /// What its file system does with it.
    pub(super) fn kept(&self) -> Kept {
        file_system::of(&self.path)
    }

    /// J11: whether the journal is still where it was opened. A commit into a deleted file would
    /// be "durable" until the handle is closed.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        let is_there = |path: &Path, expected: Identity| {
            self.files.look(path).is_ok_and(|look| look.identity == expected)
        };
        let is_ours = |look: Look| look.identity == self.database && self.is_as_written(look);
        let whole = self.files.look(&self.path).is_ok_and(is_ours)
            && self.write_ahead.is_none_or(|expected| self.has_its_log(expected))
            // Those who came with another index would write over this process's commits.
            && self.index.is_none_or(|expected| is_there(&self.index_path(), expected));
        if whole { Ok(()) } else { Err(self.is_gone()) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let entry = (std::process::id(), self.database);
        lock(&OPEN).retain(|other| *other != entry);
    }
}

fn register(database: Identity) -> Result<(), JournalError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let mut open = lock(&OPEN);
    refuse_registered(&open, database)?;
    open.push((std::process::id(), database));
    Ok(())
}

fn refuse_registered(open: &[(u32, Identity)], database: Identity) -> Result<(), JournalError> {
    match open.iter().find(|(_, other)| *other == database) {
        Some((pid, _)) if *pid == std::process::id() => Err(JournalError::new(
            JournalErrorKind::Locked,
            "this process has the journal open already",
        )),
        Some(_) => Err(JournalError::new(
            JournalErrorKind::Forked,
            "this process was forked from one that had the journal open; open it after the fork",
        )),
        None => Ok(()),
    }
}

/// Says so if this process, or its parent, is the one that has the journal.
pub(super) fn refuse_if_open_here(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    match files.look(path) {
        Ok(look) if cfg!(unix) => {
            let open = lock(&OPEN);
            refuse_registered(&open, look.identity)
        }
        _ => Ok(()),
    }
}

/// J20: a journal that is missing beside its own log was moved or deleted without it. A new one
/// there would be taken for the log's, which SQLite would write into it.
pub(super) fn refuse_left_log(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    match left_log(files, path)? {
        None => Ok(()),
        Some(log) => Err(JournalError::new(
            JournalErrorKind::Misplaced,
            format!(
                "{} is missing beside its log {}, which holds payments; put it back{}",
                path.display(),
                log.display(),
                match aside::lies_aside(path) {
                    true => String::new(),
                    false => format!(
                        ", or run `ovo-ptp journal set-aside {}` and start anew",
                        path.display()
                    ),
                }
            ),
        )),
    }
}

/// The log of a journal, if there is one and it is not empty.
pub(super) fn left_log(files: &dyn Files, path: &Path) -> Result<Option<PathBuf>, JournalError> {
    for suffix in LOGS {
        let log = with_suffix(path, suffix);
        match files.read(&log, 1) {
            Ok(first) if first.is_empty() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(_) => return Ok(Some(log)),
            Err(error) => return Err(failure::at(&log, &error)),
        }
    }
    Ok(None)
}

/// J22: processes that share a journal and have read its files themselves hold no locks of SQLite's
/// any more. Who comes then would take itself for the first and cut the index of the log, which the
/// others have in their memory.
pub(super) fn refuse_lost_locks(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let log = with_suffix(path, "-wal");
    if files.look(&log).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(JournalError::new(
            JournalErrorKind::Locked,
            format!(
                "{} was deleted under the processes that share the journal; restart them",
                log.display()
            ),
        ));
    }
    let index = with_suffix(path, "-shm");
    let has_locks = files.open(&index).and_then(|mut index| index.has_record_locks());
    match has_locks {
        // A new index beside theirs, and each would write over the other's commits.
        Err(error) if error.kind() == io::ErrorKind::NotFound && files.vfs().is_none() => {
            Err(JournalError::new(
                JournalErrorKind::Locked,
                format!(
                    "the index {} of the log was deleted while other processes have the journal open; \
                 stop them all, and start them again",
                    index.display()
                ),
            ))
        }
        Ok(false) => Err(JournalError::new(
            JournalErrorKind::Locked,
            "a process that shares the journal has lost its locks, because it opened and closed the \
             journal's files by itself; restart it, and take copies with `ovo-ptp journal backup`",
        )),
        _ => Ok(()),
    }
}

/// Whether the file is certainly somebody else's.
pub(super) fn is_another_applications(files: &dyn Files, path: &Path) -> bool {
    application(files, path).is_some_and(|id| id != schema::APPLICATION_ID)
}

/// Refuses an archive before anything is made beside it, a lock for example: it takes no payment.
pub(super) fn refuse_archive(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    match application(files, path) {
        Some(schema::ARCHIVE_ID) => Err(is_archive(path)),
        _ => Ok(()),
    }
}

fn is_archive(path: &Path) -> JournalError {
    JournalError::new(
        JournalErrorKind::Misplaced,
        format!(
            "{} is an archive of a journal, which is only read; payments take the journal itself",
            path.display()
        ),
    )
}

/// Whose SQLite file it is, if it is one.
fn application(files: &dyn Files, path: &Path) -> Option<i32> {
    let header = files.read(path, HEADER).ok()?;
    if header.len() < HEADER || !header.starts_with(b"SQLite format 3\0") {
        return None;
    }
    Some(i32::from_be_bytes([header[68], header[69], header[70], header[71]]))
}

/// The first bytes of an SQLite file say whose it is (SQLite file format, 1.3).
fn check_header(files: &dyn Files, path: &Path, kinds: &[i32]) -> Result<(), JournalError> {
    let header = files.read(path, HEADER).map_err(|error| failure::at(path, &error))?;
    if header.len() < HEADER {
        return Err(corrupt("the file is empty or cut off"));
    }
    let number = |at: usize| {
        i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(corrupt("the file is not a journal"));
    }
    match number(68) {
        kind if kinds.contains(&kind) => {}
        schema::ARCHIVE_ID => return Err(is_archive(path)),
        schema::APPLICATION_ID => {
            return Err(JournalError::new(
                JournalErrorKind::Misplaced,
                format!("{} exists already, and is no archive", path.display()),
            ));
        }
        _ => return Err(corrupt("the file is the database of another application")),
    }
    if !(migration::OLDEST..=schema::VERSION).contains(&number(60)) {
        return Err(JournalError::new(
            JournalErrorKind::Version,
            format!(
                "the journal has schema {}, this library reads schemas {} to {}",
                number(60),
                migration::OLDEST,
                schema::VERSION
            ),
        ));
    }
    Ok(())
}

fn corrupt(message: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Corrupt, message)
}

/// Whether `other` is the name of something that belongs to the journal at `path`, beside its file.
pub(super) fn is_part_of(path: &Path, other: &Path) -> bool {
    let (path, other) = (path.as_os_str().as_encoded_bytes(), other.as_os_str().as_encoded_bytes());
    other.strip_prefix(path).is_some_and(|rest| {
        COMPANIONS.iter().any(|suffix| rest == suffix.as_bytes())
            || [".aside-", ".new-", ".stray-log-"]
                .iter()
                .any(|start| rest.starts_with(start.as_bytes()))
    })
}

/// Whether `other` is the journal at `path`, or belongs to it.
pub fn is_the_journals(path: &Path, other: &Path) -> bool {
    other == path || is_part_of(path, other)
}

/// `path` with something behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn refuse_if_readable_by_others(look: Look) -> Result<(), JournalError> {
    match look.mode {
        mode if mode & 0o077 != 0 => Err(JournalError::new(
            JournalErrorKind::ReadOnly,
            format!("others may read or write the file (mode {mode:04o}); make it 0600"),
        )),
        _ => Ok(()),
    }
}
