//! Names that belong to another journal: beside `shop.db` the name `shop.db-wal` is its log's, and SQLite
//! deletes whatever lies there and is none ([fault J20]). A journal is neither begun, moved, copied nor
//! archived there, and what lies there is not set aside: its journal may be open.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::copies::misplaced;
use super::files::Files;
use super::place::{self, COMPANIONS, LOGS};
use crate::journal::JournalError;

/// How an SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// The journal, or other database, beside which this is the name of one of its files. One that was
/// [set aside](super::aside) is a journal of its own.
pub(super) fn owner(files: &dyn Files, path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let of_a_companion = COMPANIONS.into_iter().filter_map(|suffix| name.strip_suffix(suffix));
    let of_a_draft = name.rsplit_once(".new-").filter(|(_, unique)| {
        unique.len() == 16 && unique.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    of_a_companion
        .chain(of_a_draft.map(|(owner, _)| owner))
        .filter(|owner| !owner.is_empty())
        .map(|owner| path.with_file_name(OsStr::new(owner)))
        .find_map(|owner| match has_a_journal(files, &owner) {
            true => Some(owner),
            false => self::owner(files, &owner),
        })
}

/// Whether a journal lies there, or lay there.
pub(super) fn has_a_journal(files: &dyn Files, path: &Path) -> bool {
    let is_file =
        |suffix| files.look(&place::with_suffix(path, suffix)).is_ok_and(|look| look.is_file);
    is_file(".mark") || is_file(".reserve") || is_open_here(files, path) || is_database(files, path)
}

/// Then it must not be read: closing another descriptor of it would drop the locks that this process has.
fn is_open_here(files: &dyn Files, path: &Path) -> bool {
    place::refuse_if_open_here(files, path).is_err()
}

fn is_database(files: &dyn Files, path: &Path) -> bool {
    // A pipe would be waited for.
    files.look(path).is_ok_and(|look| look.is_file)
        && files.read(path, SQLITE.len()).is_ok_and(|first| first == SQLITE)
}

/// # Errors
/// `Misplaced`, with both names.
pub(super) fn refuse(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let Some(owner) = owner(files, path) else { return Ok(()) };
    let there = match !is_open_here(files, &owner) && is_database(files, path) {
        true => "; what lies there gets a name of its own first, with `ovo-ptp journal move`",
        false => "",
    };
    Err(misplaced(format!(
        "{} is a name of the files of the journal {}: was that one meant? It is no place for another \
         journal{there}",
        path.display(),
        owner.display()
    )))
}

/// Refuses to open the journal at `path` while a whole database lies where its log would: SQLite would
/// delete that.
///
/// # Errors
/// `Misplaced`, with both names.
pub(super) fn refuse_as_log(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let mut logs = LOGS.into_iter().map(|suffix| place::with_suffix(path, suffix));
    match logs.find(|log| is_database(files, log)) {
        None => Ok(()),
        Some(log) => Err(misplaced(format!(
            "{} is no log but a database, perhaps a journal that was begun there by mistake, and would be \
             deleted: give it a name of its own (`ovo-ptp journal move`), and start again",
            log.display()
        ))),
    }
}
