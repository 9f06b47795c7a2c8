//! A log that an earlier process left is on the disk before anything in it is trusted (J6).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;

use super::Scratch;
use crate::journal::conformance::{charge, fresh, write};
use crate::journal::files::{Files, Look, OpenFile, SystemFiles};
use crate::journal::{Journal, JournalError, JournalErrorKind, SqliteJournal, SqliteOptions};
use crate::payment::{Source, Verdict};

/// The machine's files, with an eye on what the journal does to the log beside SQLite.
#[derive(Debug, Default)]
struct Watched {
    written: Arc<AtomicU64>,
    synced: Arc<AtomicBool>,
    unreadable: bool,
}

impl Watched {
    fn is_log(path: &Path) -> bool {
        path.to_string_lossy().ends_with("-wal")
    }
}

impl Files for Watched {
    fn vfs(&self) -> Option<&str> {
        SystemFiles.vfs()
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        SystemFiles.look(path)
    }

    fn read(&self, path: &Path, longest: usize) -> io::Result<Vec<u8>> {
        if self.unreadable && Watched::is_log(path) {
            return Err(io::Error::other("input/output error"));
        }
        SystemFiles.read(path, longest)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        SystemFiles.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = SystemFiles.open(path)?;
        if !Watched::is_log(path) {
            return Ok(file);
        }
        let (written, synced) = (Arc::clone(&self.written), Arc::clone(&self.synced));
        Ok(Box::new(Log { file, written, synced }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync_directory(path)
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        SystemFiles.random(bytes)
    }
}

#[derive(Debug)]
struct Log {
    file: Box<dyn OpenFile>,
    written: Arc<AtomicU64>,
    synced: Arc<AtomicBool>,
}

impl OpenFile for Log {
    fn read(&mut self, at: u64, longest: usize) -> io::Result<Vec<u8>> {
        self.file.read(at, longest)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.synced.store(false, Ordering::Relaxed);
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write(at, bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.file.set_length(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.synced.store(true, Ordering::Relaxed);
        Ok(())
    }
}

const SHARED: SqliteOptions =
    SqliteOptions { shared: true, first_batch: None, set_aside_unusable: false };

fn open(scratch: &Scratch, files: Watched) -> Result<SqliteJournal, JournalError> {
    SqliteJournal::open_on(Arc::new(files), scratch.journal(), &SHARED)
}

fn log_of(scratch: &Scratch) -> Vec<u8> {
    let log = scratch.files().into_iter().find(|(name, _)| name == "ovo.db-wal");
    log.map(|(_, bytes)| bytes).unwrap_or_default()
}

/// Leaves a log behind, of more than one piece, under a reader who saw the journal before it.
fn left_under_a_reader(scratch: &Scratch) -> Connection {
    let journal = open(scratch, Watched::default()).unwrap();
    journal.without_syncs();
    let reader = Connection::open(scratch.journal()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM payment").unwrap();
    for number in 0..40 {
        let mut payment = fresh(&journal, &charge(number));
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        write(&journal, payment);
    }
    drop(journal);
    assert!(log_of(scratch).len() > 100_000);
    reader
}

#[test]
fn j6_a_log_that_somebody_reads_is_written_over_itself() {
    let scratch = Scratch::new();
    let reader = left_under_a_reader(&scratch);
    let left = log_of(&scratch);
    let files = Watched::default();
    let (written, synced) = (Arc::clone(&files.written), Arc::clone(&files.synced));
    let journal = open(&scratch, files).unwrap();
    let log = log_of(&scratch);
    assert!(log.starts_with(&left), "not a byte of it changed; the opening itself was added");
    let written = written.load(Ordering::Relaxed);
    assert!((left.len() as u64..=log.len() as u64).contains(&written));
    assert!(synced.load(Ordering::Relaxed));
    drop(reader);
    fresh(&journal, &charge(100));
    let health = journal.health().unwrap();
    assert_eq!((health.payments, health.problems.len()), (41, 0), "{:?}", health.problems);
}

#[test]
fn j6_a_log_that_nobody_reads_is_moved_into_the_database() {
    let scratch = Scratch::new();
    // Still connected, or it would move the log itself when it goes.
    let reader = left_under_a_reader(&scratch);
    reader.execute_batch("COMMIT").unwrap();
    let files = Watched::default();
    let (written, synced) = (Arc::clone(&files.written), Arc::clone(&files.synced));
    let journal = open(&scratch, files).unwrap();
    assert!(log_of(&scratch).len() < 10_000, "the opening's own, behind what was moved");
    assert_eq!(written.load(Ordering::Relaxed), 0);
    assert!(synced.load(Ordering::Relaxed), "its end is durable");
    assert_eq!(journal.health().unwrap().payments, 40);
}

#[test]
fn j6_a_log_that_cannot_be_read_is_not_taken_for_none() {
    let scratch = Scratch::new();
    let _reader = left_under_a_reader(&scratch);
    let before = scratch.files();
    let unreadable = Watched { unreadable: true, ..Watched::default() };
    let error = open(&scratch, unreadable).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Io);
    assert!(error.message.contains("ovo.db-wal: "), "which file: {error}");
    assert!(scratch.files() == before, "and everything is left as it was");
}
