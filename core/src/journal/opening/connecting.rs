//! A connection of SQLite's to the file, set up as a journal needs it: every commit synced, phones
//! overwritten, a hostile file given as little to work with as can be. A second one is for reports.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::journal::files::Files;
use crate::journal::{JournalError, JournalErrorKind, failure};

/// Of the processes of one host that share a journal, one writes at a time; each for milliseconds.
pub(in crate::journal) const SHARED_PATIENCE: Duration = Duration::from_secs(5);

fn flags() -> OpenFlags {
    // No CREATE: the file is made by us. No mutex: the engine's own lock is around every call.
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

pub(in crate::journal) fn sqlite_on(
    files: &dyn Files,
    path: &Path,
) -> rusqlite::Result<Connection> {
    match files.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags(), vfs),
        None => Connection::open_with_flags(path, flags()),
    }
}

/// Who may be at the file by SQLite's own locks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::journal) enum Access {
    /// One connection.
    One,
    /// The connections of this process, which keep the log's index in its memory.
    Process,
    /// Every process.
    Host,
}

impl Access {
    fn connect(self, files: &dyn Files, path: &Path) -> rusqlite::Result<Connection> {
        match self {
            // One of SQLite's own, for just this.
            Access::Process => Connection::open_with_flags_and_vfs(path, flags(), "unix-excl"),
            Access::One | Access::Host => sqlite_on(files, path),
        }
    }
}

/// A second connection, for reports that take long: they keep no payment waiting.
pub(in crate::journal) fn connect_reader(
    files: &dyn Files,
    path: &Path,
    access: Access,
) -> rusqlite::Result<Connection> {
    // Not read-only to SQLite: in a process that keeps all others out, its locks would then take
    // the place of those that do.
    let connection = access.connect(files, path)?;
    connection.busy_timeout(SHARED_PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    for pragma in
        ["query_only = ON", "temp_store = MEMORY", "trusted_schema = OFF", "mmap_size = 0"]
    {
        run(&connection, pragma)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(connection)
}

pub(in crate::journal) fn connect(
    files: &dyn Files,
    path: &Path,
    access: Access,
) -> Result<Connection, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let connection = access.connect(files, path).map_err(failed)?;
    let shared = access == Access::Host;
    // SQLite opens for reading what it may not write, and then fails at a lock with another error.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(JournalError::new(
            JournalErrorKind::ReadOnly,
            "the file cannot be written: its mode, or a file system that is mounted read-only",
        ));
    }
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .and_then(|_| {
            connection.busy_timeout(if shared { SHARED_PATIENCE } else { Duration::ZERO })
        })
        .and_then(|()| configure(&connection, access))
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// [operations 3.1].
///
/// [operations 3.1]: crate::manual::operations#31-the-engine
pub(in crate::journal) fn configure(
    connection: &Connection,
    access: Access,
) -> rusqlite::Result<()> {
    // First of all: in this mode the log's index is in memory, and no second process gets in.
    let one = access == Access::One;
    run(connection, if one { "locking_mode = EXCLUSIVE" } else { "locking_mode = NORMAL" })?;
    for pragma in [
        // One sync per commit, and none is left out (P7).
        "synchronous = FULL",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        // A phone is overwritten, not only let go.
        "secure_delete = ON",
        "temp_store = MEMORY",
        // A hostile or damaged file gets no more to work with than it must.
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "mmap_size = 0",
        // The engine does it, and listens to what comes of it.
        "wal_autocheckpoint = 0",
        "journal_mode = WAL",
    ] {
        run(connection, pragma)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode == "wal" && synchronous == 2 {
        Ok(())
    } else {
        Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
            Some(format!("no durable commits here: {mode}, {synchronous}")),
        ))
    }
}

/// Runs a pragma; some answer with a row, some with none.
pub(in crate::journal) fn run(connection: &Connection, pragma: &str) -> rusqlite::Result<()> {
    connection.prepare(&format!("PRAGMA {pragma}"))?.query([])?.next().map(|_| ())
}
