//! Copies of a journal that are made on purpose: a backup, which knows that it is one, and the
//! journal itself at another place ([faults J21, J22]).
//!
//! A copy is drawn up under another name, synced, and only then gets its own, so that a power cut
//! leaves none or a whole one.
//!
//! [faults J21, J22]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension};

use super::files::{Files, Look, SystemFiles};
use super::lock::Lock;
use super::mark::{Mark, MarkFile};
use super::whereabouts::Whereabouts;
use super::{aside, failure, file_system, fork, meta, opening, place};
use crate::journal::{JournalError, JournalErrorKind, SqliteOptions};
use crate::wib::WallTime;

/// In a backup: when it was made. Empty once somebody opened it as a journal.
pub(super) const BACKUP: &str = "backup";
/// In a journal that was moved: which file it was before.
const MOVED_FROM: &str = "moved from";
const MOVED_INODE: &str = "moved inode";
const MOVED_BORN: &str = "moved born";

fn misplaced(message: String) -> JournalError {
    JournalError::new(JournalErrorKind::Misplaced, message)
}

/// A backup of the journal behind `source`.
pub(super) fn back_up(
    files: &dyn Files,
    source: &Connection,
    to: &Path,
) -> Result<(), JournalError> {
    let to = opening::resolve(files, to)?;
    file_system::refuse_elsewhere(&to)?;
    let at = format!("{} WIB", WallTime::now().wib_text());
    copy(files, source, &to, |copy, _| meta::put(copy, BACKUP, at.as_str()))
}

/// Copies the journal behind `source` to `to`, which must not exist; `sign` writes into the copy
/// what it must know of itself.
fn copy(
    files: &dyn Files,
    source: &Connection,
    to: &Path,
    sign: impl FnOnce(&Connection, Look) -> rusqlite::Result<()>,
) -> Result<(), JournalError> {
    let in_file = |error: io::Error| failure::file("copy", &error);
    if files.look(to).is_ok() {
        return Err(misplaced(format!("{} exists already", to.display())));
    }
    let mut unique = [0; 8];
    opening::random(files, &mut unique)?;
    let draft = place::with_suffix(to, &format!(".new-{:016x}", u64::from_le_bytes(unique)));
    let drawn_up = draw_up(files, source, &draft, sign).and_then(|()| {
        // Unlike a rename, a link never replaces what somebody made meanwhile.
        files.link(&draft, to).map_err(in_file)
    });
    for left_over in ["", "-wal", "-shm", "-journal"] {
        // The draft is nobody's journal: what cannot be removed harms nobody.
        let _ = files.remove(&place::with_suffix(&draft, left_over));
    }
    drawn_up?;
    files.sync_directory(to).map_err(in_file)
}

fn draw_up(
    files: &dyn Files,
    source: &Connection,
    draft: &Path,
    sign: impl FnOnce(&Connection, Look) -> rusqlite::Result<()>,
) -> Result<(), JournalError> {
    let in_file = |error: io::Error| failure::file("copy", &error);
    let in_sqlite = |error: rusqlite::Error| failure::sqlite("copy", &error);
    drop(files.create(draft).map_err(in_file)?);
    let look = files.look(draft).map_err(in_file)?;
    let mut copy = opening::sqlite_on(files, draft).map_err(in_sqlite)?;
    let fill = |copy: &mut Connection| {
        // All pages in one go: this reader sees one moment of the journal, however long it takes.
        Backup::new(source, copy)?.step(-1)?;
        opening::run(copy, "locking_mode = EXCLUSIVE")?;
        opening::run(copy, "synchronous = FULL")?;
        copy.execute_batch("BEGIN IMMEDIATE")?;
        sign(copy, look)?;
        copy.execute_batch("COMMIT")?;
        // Its log does not get the copy's name.
        copy.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
    };
    if fill(&mut copy).map_err(in_sqlite)? != 0 {
        return Err(JournalError::new(JournalErrorKind::Io, "copy: it cannot be completed"));
    }
    copy.close().map_err(|(_, error)| in_sqlite(error))?;
    files.open(draft).and_then(|mut file| file.sync()).map_err(in_file)
}

/// Moves the journal at `from` to `to`, to another directory, disk or name, with all that belongs to
/// it and without a doubt about it. Nothing is lost at a power cut: until the end the journal at
/// `from` is the journal; called again it finishes what it began.
///
/// # Errors
/// `Locked` if a process has it open, `Misplaced` if nothing is at `from` or something is at `to`,
/// and as for [`SqliteJournal::open`](crate::journal::SqliteJournal::open).
pub fn move_journal(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), JournalError> {
    let files: Arc<dyn Files> = Arc::new(SystemFiles);
    move_journal_on(&files, from.as_ref(), to.as_ref())
}

/// The same on another file system, for simulations.
///
/// # Errors
/// As for [`move_journal`].
#[doc(hidden)]
pub fn move_journal_on(files: &Arc<dyn Files>, from: &Path, to: &Path) -> Result<(), JournalError> {
    let _inside = fork::inside();
    let doing = |error: io::Error| failure::file("move", &error);
    let (from, to) = (opening::resolve(&**files, from)?, opening::resolve(&**files, to)?);
    file_system::refuse_elsewhere(&to)?;
    place::refuse_if_open_here(&**files, &from)?;
    let lock = Lock::take(files, &from, false, opening::SHARED_PATIENCE)?;
    if files.look(&from).is_err() && moved_from(&**files, &to)?.is_some_and(|old| old.path == from)
    {
        // All but the last step was done.
        return retire(&**files, &from).map_err(doing);
    }
    let engine = opening::attempt(files, &from, &SqliteOptions::default(), &lock, false)?;
    let old = Whereabouts::of(engine.place.look()?, &from);
    if moved_from(&**files, &to)? == Some(old.clone()) {
        // A copy that was never used: the journal is still the one at `from`, and may have gone on.
        aside::remove_names(&**files, &to).map_err(doing)?;
    }
    let water = super::engine::Water::read(&engine.connection)
        .map_err(|error| failure::sqlite("move", &error))?;
    copy(&**files, &engine.connection, &to, |copy, look| {
        Whereabouts::of(look, &to).remember(copy)?;
        meta::put(copy, MOVED_FROM, old.path.to_string_lossy().as_ref())?;
        meta::put(copy, MOVED_INODE, old.inode.unwrap_or(0))?;
        meta::put(copy, MOVED_BORN, old.born.unwrap_or(0))
    })?;
    let (mut mark, _) = MarkFile::open(&**files, &to);
    mark.write_durably(&Mark {
        incarnation: engine.incarnation,
        numbers: (water.batch, water.reference),
    });
    engine.close();
    retire(&**files, &from).map_err(doing)
}

/// Takes the journal's old names away, and with them its small files.
fn retire(files: &dyn Files, from: &Path) -> io::Result<()> {
    aside::remove_names(files, from)?;
    for suffix in [".mark", ".reserve", ".turn", ".lock"] {
        match files.remove(&place::with_suffix(from, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    files.sync_directory(from)
}

/// Which file the journal at `path` was before it was moved there, if anything is there.
fn moved_from(files: &dyn Files, path: &Path) -> Result<Option<Whereabouts>, JournalError> {
    if files.look(path).is_err() || place::is_another_applications(files, path) {
        return Ok(None);
    }
    place::refuse_if_open_here(files, path)?;
    let look = || {
        let connection = opening::sqlite_on(files, path)?;
        let has_meta: Option<i64> = connection
            .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'meta'", [], |row| row.get(0))
            .optional()?;
        if has_meta.is_none() { Ok(None) } else { remembered(&connection) }
    };
    // What cannot be read is nothing that a move has left.
    Ok(look().unwrap_or(None))
}

fn remembered(connection: &Connection) -> rusqlite::Result<Option<Whereabouts>> {
    let Some(path) = meta::get::<String>(connection, MOVED_FROM)? else { return Ok(None) };
    let known =
        |key| meta::get::<i64>(connection, key).map(|value| value.filter(|value| *value != 0));
    Ok(Some(Whereabouts {
        inode: known(MOVED_INODE)?,
        born: known(MOVED_BORN)?,
        path: path.into(),
    }))
}

/// A copy that a move has made and not finished is not the journal yet.
pub(super) fn refuse_broken_off_move(
    files: &dyn Files,
    connection: &Connection,
) -> Result<(), JournalError> {
    let old = remembered(connection).map_err(|error| failure::sqlite("open", &error))?;
    let Some(old) = old else { return Ok(()) };
    let is_there = files
        .look(&old.path)
        .is_ok_and(|look| !Whereabouts::of(look, &old.path).is_another_than(&old));
    if is_there && old.inode.is_some() {
        return Err(misplaced(format!(
            "the move from {} to here was broken off, and the journal is still there; run \
             `ovo-ptp journal move` again",
            old.path.display()
        )));
    }
    Ok(())
}
