//! Moving a journal to another directory, disk or name, without a doubt about it ([fault J21]).
//!
//! At every moment there is one journal. A whole copy is drawn up at the new place under another
//! name; then, in one durable commit, the old file says that it was moved, and is refused from there
//! on; only then the copy gets its name. Whatever breaks the move off, and whichever of both places
//! is out of sight afterwards, nobody goes on at both, and calling again finishes it.
//!
//! What was [set aside](super::aside) beside the journal goes first and comes along.
//!
//! [fault J21]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::copies::{Draft, misplaced, refuse_part_of, refuse_what_is_there};
use super::files::{Files, SystemFiles};
use super::lock::Lock;
use super::mark::{Mark, MarkFile};
use super::opening::{self, Purpose};
use super::whereabouts::Whereabouts;
use super::{aside, engine, failure, file_system, fork, log, meta, place};
use crate::journal::{JournalError, SqliteOptions};

/// In a journal that was moved away: where to. It is the journal no longer.
const MOVED_TO: &str = "moved to";
/// In a journal that was moved: where it lay before.
const MOVED_FROM: &str = "moved from";

/// Moves the journal at `from` to `to`, to another directory, disk or name, with all that belongs to
/// it (those that were set aside there, too) and without a doubt about it. Nothing is lost at a power
/// cut: called again it finishes what it began, and until then what it has moved already is refused
/// at the old place.
///
/// # Errors
/// `Locked` if a process has it open, `Misplaced` if nothing is at `from`, something is at `to`, or
/// another move of it was broken off, and as for
/// [`SqliteJournal::open`](crate::journal::SqliteJournal::open).
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
    if file_system::refuse_in_memory(&from).is_ok() {
        file_system::refuse_in_memory(&to)?;
    }
    if from == to {
        return Err(misplaced(format!("{} lies there already", from.display())));
    }
    refuse_part_of(&from, &to)?;
    refuse_part_of(&to, &from)?;
    // Nobody may open the journal, or begin another one at the new place, in between.
    let mut locks = Vec::new();
    for path in [&from, &to] {
        place::refuse_if_open_here(&**files, path)?;
        locks.push(Lock::take(files, path, false, opening::SHARED_PATIENCE)?);
    }
    let present = files.look(&from).is_ok();
    let mut moved = Vec::new();
    for (number, old) in aside::former(&**files, &from) {
        place::refuse_if_open_here(&**files, &old)?;
        let lock = Lock::take(files, &old, false, opening::SHARED_PATIENCE)?;
        hand_over(files, &old, &aside::numbered(&to, number), &lock)?;
        moved.push(old);
        locks.push(lock);
    }
    if present {
        hand_over(files, &from, &to, &locks[0])?;
    } else if moved.is_empty() {
        place::refuse_left_log(&**files, &from)?;
        // All but the last step may have been done.
        if moved_from(&**files, &to)?.as_deref() != Some(&from) {
            return Err(misplaced(format!("no journal is at {}", from.display())));
        }
    } else {
        // Set aside, and the next one is not begun: it must begin above the numbers of the mark.
        aside::copy_mark(&**files, &from, &to).map_err(doing)?;
    }
    // Whoever still looks here is told: a journal that began here would know nothing.
    leave_note(&**files, &from, &to).map_err(doing)?;
    for old in [&from].into_iter().chain(&moved) {
        retire(&**files, old).map_err(doing)?;
    }
    match files.remove(&place::with_suffix(&to, NOTE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(doing(error)),
        _ => Ok(()),
    }
}

/// Where a journal has lain: a file that says where it is now.
const NOTE: &str = ".moved";

fn leave_note(files: &dyn Files, from: &Path, to: &Path) -> io::Result<()> {
    let note = place::with_suffix(from, NOTE);
    let mut file = match files.create(&note) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => files.open(&note)?,
        other => other?,
    };
    let text = format!("{}\n", to.display());
    file.write(0, text.as_bytes())?;
    file.set_length(text.len() as u64)?;
    file.sync()
}

/// Refuses to begin a journal where one was moved away: it would push known invoices again.
pub(super) fn refuse_where_one_was(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    const LONGEST: usize = 4096;
    let note = place::with_suffix(path, NOTE);
    let Ok(text) = files.read(&note, LONGEST) else { return Ok(()) };
    Err(misplaced(format!(
        "the journal that lay at {} was moved to {}; open it there (or remove {} to begin another one \
         here)",
        path.display(),
        String::from_utf8_lossy(&text).trim_end(),
        note.display()
    )))
}

/// Makes the file at `to` the journal in place of the one at `from`, which is refused from then on.
fn hand_over(
    files: &Arc<dyn Files>,
    from: &Path,
    to: &Path,
    lock: &Lock,
) -> Result<(), JournalError> {
    let in_sqlite = |error: rusqlite::Error| failure::sqlite("move", &error);
    let engine = opening::attempt(files, from, &SqliteOptions::default(), lock, Purpose::Move)?;
    let connection = &engine.connection;
    let target = to.to_string_lossy();
    let begun = moved_to(connection).map_err(in_sqlite)?;
    if let Some(other) = begun.as_deref().filter(|other| *other != target) {
        return Err(misplaced(format!(
            "its move to {other} was broken off; finish that one first, with `ovo-ptp journal move`"
        )));
    }
    if begun.is_some() && moved_from(&**files, to)?.as_deref() == Some(from) {
        // Done, but for the old names.
        engine.close();
        return Ok(());
    }
    refuse_what_is_there(&**files, to)?;
    let draft = Draft::of(&**files, connection, to, |copy, look| {
        Whereabouts::of(look, to).remember(copy)?;
        log::is_another_copy(&**files, copy)?;
        meta::put(copy, MOVED_TO, "")?;
        meta::put(copy, MOVED_FROM, from.to_string_lossy().as_ref())
    })?;
    let water = engine::Water::read(connection).map_err(in_sqlite)?;
    let (mut mark, _) = MarkFile::open(&**files, to);
    mark.write_durably(&Mark {
        incarnation: engine.incarnation,
        numbers: (water.batch, water.reference),
        openings: engine.openings,
        lost_log: false,
    });
    // From this commit on the old file is no journal any more.
    let leave = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        meta::put(connection, MOVED_TO, target.as_ref())?;
        connection.execute_batch("COMMIT")
    };
    leave().map_err(in_sqlite)?;
    draft.publish()?;
    engine.close();
    Ok(())
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

/// Where the journal at `path` lay before it was moved there, if one is there that was.
fn moved_from(files: &dyn Files, path: &Path) -> Result<Option<PathBuf>, JournalError> {
    if files.look(path).is_err() || place::is_another_applications(files, path) {
        return Ok(None);
    }
    place::refuse_if_open_here(files, path)?;
    let look = || {
        let connection = opening::sqlite_on(files, path)?;
        let has_meta: Option<i64> = connection
            .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'meta'", [], |row| row.get(0))
            .optional()?;
        match has_meta {
            Some(_) => meta::get::<String>(&connection, MOVED_FROM),
            None => Ok(None),
        }
    };
    // What cannot be read is nothing that a move has left.
    Ok(look().unwrap_or(None).map(PathBuf::from))
}

fn moved_to(connection: &Connection) -> rusqlite::Result<Option<String>> {
    Ok(meta::get::<String>(connection, MOVED_TO)?.filter(|to| !to.is_empty()))
}

/// Refuses what was moved away.
pub(super) fn refuse_moved_away(connection: &Connection) -> Result<(), JournalError> {
    match moved_to(connection).map_err(|error| failure::sqlite("open", &error))? {
        None => Ok(()),
        Some(to) => Err(misplaced(format!(
            "the journal was moved to {to}; open it there, and run `ovo-ptp journal move` once more \
             to finish the move"
        ))),
    }
}
