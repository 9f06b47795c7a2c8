//! Copies of a journal that are made on purpose: a backup, which knows that it is one ([fault J22]),
//! and what a [move](super::moving) carries to another place.
//!
//! A copy is drawn up under another name, synced, and only then gets its own, so that a power cut
//! leaves none or a whole one.
//!
//! [fault J22]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::files::{Files, Look};
use super::{anothers, failure, file_system, handover, log, meta, opening, place};
use crate::journal::{JournalError, JournalErrorKind};
use crate::wib::WallTime;

/// In a backup: when it was made. Empty once somebody opened it as a journal.
pub(super) const BACKUP: &str = "backup";

pub(super) fn misplaced(message: String) -> JournalError {
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
    source.path().map_or(Ok(()), |of| refuse_part_of(Path::new(of), &to))?;
    refuse_what_is_there(files, &to)?;
    let draft = Draft::of(files, source, &to, &draft_name(files)?, |copy, _| {
        log::is_another_copy(files, copy)?;
        // Of one that was moved away, and lost where it went, this is what is left.
        handover::is_here(copy)?;
        meta::put(copy, BACKUP, at.as_str())
    })?;
    draft.publish()
}

/// What belongs to the journal at `path` is no place for a journal.
pub(super) fn refuse_part_of(path: &Path, to: &Path) -> Result<(), JournalError> {
    if place::is_part_of(path, to) {
        return Err(misplaced(format!("{} is a name of the journal's own files", to.display())));
    }
    Ok(())
}

/// Nothing may lie where a copy is to lie: not a file, and not the log of a journal that was there,
/// which SQLite would write into the copy.
pub(super) fn refuse_what_is_there(files: &dyn Files, to: &Path) -> Result<(), JournalError> {
    anothers::refuse(files, to)?;
    if files.look(to).is_ok() {
        return Err(misplaced(format!("{} exists already", to.display())));
    }
    for suffix in place::LOGS.into_iter().chain(["-shm"]) {
        let left = place::with_suffix(to, suffix);
        if files.look(&left).is_ok() {
            return Err(misplaced(format!(
                "{} lies there, left by another journal; put that one back or set it aside first, or \
                 choose another place",
                left.display()
            )));
        }
    }
    Ok(())
}

/// What stands behind the name of a journal in that of a draft of it: nobody else's.
pub(super) fn draft_name(files: &dyn Files) -> Result<String, JournalError> {
    let mut unique = [0; 8];
    opening::random(files, &mut unique)?;
    Ok(format!(".new-{:016x}", u64::from_le_bytes(unique)))
}

/// A copy that is whole and durable under a name that nobody looks for.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    files: &'a dyn Files,
    draft: PathBuf,
    to: PathBuf,
    is_kept: bool,
}

impl<'a> Draft<'a> {
    /// Copies the journal behind `source`, to be published as `to`; `sign` writes into the copy what
    /// it must know of itself.
    pub(super) fn of(
        files: &'a dyn Files,
        source: &Connection,
        to: &Path,
        name: &str,
        sign: impl FnOnce(&Connection, Look) -> rusqlite::Result<()>,
    ) -> Result<Draft<'a>, JournalError> {
        Draft::drawn(files, to, name, |draft| draw_up(files, source, draft, sign))
    }

    /// The same of whatever `draw` makes there, whole and durable.
    pub(super) fn drawn(
        files: &'a dyn Files,
        to: &Path,
        name: &str,
        draw: impl FnOnce(&Path) -> Result<(), JournalError>,
    ) -> Result<Draft<'a>, JournalError> {
        let (draft, to) = (place::with_suffix(to, name), to.to_owned());
        let draft = Draft { files, draft, to, is_kept: false };
        draw(&draft.draft)?;
        Ok(draft)
    }

    /// From here on it outlives this process: something is about to name it as the journal.
    pub(super) fn keep(mut self) -> Result<PathBuf, JournalError> {
        self.files
            .sync_directory(&self.draft)
            .map_err(|error: io::Error| failure::file("copy", &error))?;
        self.is_kept = true;
        Ok(self.draft.clone())
    }

    /// Gives it its name, durably.
    pub(super) fn publish(self) -> Result<(), JournalError> {
        let in_file = |error: io::Error| failure::file("copy", &error);
        // Unlike a rename, a link never replaces what somebody made meanwhile.
        self.files.link(&self.draft, &self.to).map_err(in_file)?;
        let (files, to) = (self.files, self.to.clone());
        drop(self);
        files.sync_directory(&to).map_err(in_file)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            take_away(self.files, &self.draft);
        }
    }
}

/// Takes away a draft that is nobody's journal, or has its own name: what cannot be removed harms
/// nobody.
pub(super) fn take_away(files: &dyn Files, draft: &Path) {
    for left_over in ["", "-wal", "-shm", "-journal"] {
        let _ = files.remove(&place::with_suffix(draft, left_over));
    }
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
