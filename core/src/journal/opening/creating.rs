//! A new journal: there whole, or not at all. It is drawn up under another name, synced, and only then
//! gets its own, so that a power cut in the middle leaves nothing that could be taken for one.

use std::io;
use std::path::Path;

use super::connecting::{Access, configure, run, sqlite_on};
use crate::journal::files::Files;
use crate::journal::version::Incarnation;
use crate::journal::whereabouts::Whereabouts;
use crate::journal::{JournalError, JournalErrorKind, failure, place, restored, schema};
use crate::wib::WallTime;

/// A commit writes whole pages, some six of them, to flash: small ones wear it out less than half
/// as fast as SQLite's usual 4096 (11 KB per commit instead of 25). A row fits into one.
pub(in crate::journal) const PAGE_SIZE: u32 = 1024;

/// Makes a journal under another name, whole and synced, and only then gives it its own. So a
/// power cut leaves either no journal or a complete one, and an existing file is never touched.
pub(super) fn create(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let mut unique = [0; 8];
    random(files, &mut unique)?;
    let unique = u64::from_le_bytes(unique);
    let draft = place::with_suffix(path, &format!(".new-{unique:016x}"));
    let result = draw_up(files, &draft, path).and_then(|()| {
        // Unlike a rename, a link never replaces what another process made meanwhile.
        match files.link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.map_err(|error| failure::file("create", &error)),
        }
    });
    for left_over in ["", "-wal", "-shm", "-journal"] {
        // The draft is nobody's journal: what cannot be removed harms nobody.
        let _ = files.remove(&place::with_suffix(&draft, left_over));
    }
    result?;
    files.sync_directory(path).map_err(|error| failure::file("create", &error))
}

fn draw_up(files: &dyn Files, draft: &Path, path: &Path) -> Result<(), JournalError> {
    let in_file = |error: io::Error| failure::file("create", &error);
    let in_sqlite = |error: rusqlite::Error| failure::sqlite("create", &error);
    let mut incarnation: Incarnation = [0; 16];
    random(files, &mut incarnation)?;
    drop(files.create(draft).map_err(in_file)?);
    // In the file from its first moment on: whoever makes it may not live to tell.
    let follows_a_lost_one = restored::has_left_only_its_reserve(files, path);
    // The same, so that it knows them without its log, too.
    let whereabouts = Whereabouts::of(files.look(draft).map_err(in_file)?, path);
    let connection = sqlite_on(files, draft).map_err(in_sqlite)?;
    run(&connection, &format!("page_size = {PAGE_SIZE}")).map_err(in_sqlite)?;
    configure(&connection, Access::One).map_err(in_sqlite)?;
    let fill = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        run(&connection, &format!("application_id = {}", schema::APPLICATION_ID))?;
        run(&connection, &format!("user_version = {}", schema::VERSION))?;
        schema::create(&connection)?;
        connection.execute("INSERT INTO high_water VALUES (1, 0, 0, 0, 0, 0, 0)", [])?;
        let mut meta = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
        meta.execute(("incarnation", incarnation.as_slice()))?;
        meta.execute(("created", WallTime::now().unix_millis()))?;
        meta.execute(("boots", 0))?;
        meta.execute(("boot", 0))?;
        meta.execute(("boot_id", ""))?;
        whereabouts.remember(&connection)?;
        if follows_a_lost_one {
            restored::follows_a_lost_one(&connection)?;
        }
        connection.execute_batch("COMMIT")?;
        // Closing would do it too, but tell nobody if it failed; and the log does not get the
        // journal's name, so what is only in the log would be lost.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
    };
    let busy: i64 = fill().map_err(in_sqlite)?;
    if busy != 0 {
        return Err(JournalError::new(
            JournalErrorKind::Io,
            "create: the new journal cannot be completed",
        ));
    }
    connection.close().map_err(|(_, error)| in_sqlite(error))?;
    files.open(draft).and_then(|mut file| file.sync()).map_err(in_file)
}

pub(in crate::journal) fn random(files: &dyn Files, bytes: &mut [u8]) -> Result<(), JournalError> {
    files
        .random(bytes)
        .map_err(|error| JournalError::new(JournalErrorKind::Io, format!("randomness: {error}")))
}
