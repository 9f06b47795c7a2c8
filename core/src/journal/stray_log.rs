//! Logs that do not lie where they belong ([faults J20, J23]).
//!
//! One that lies beside a journal and is not its own is an older one, or another copy's. A journal that is
//! set aside does not take it along, where it would keep everybody from opening it; it gets a name that SQLite
//! does not know, and is told as long as it lies there. One that a person left behind, who set the journal
//! aside by hand (`mv FILE FILE.aside-1`), goes to where that is.
//!
//! [faults J20, J23]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::log::Alone;
use super::{aside, failure, place};
use crate::journal::{JournalError, JournalErrorKind};

/// So many lie beside one journal.
const MOST: u32 = 99;

fn names(path: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    (1..=MOST).map(|number| place::with_suffix(path, &format!(".stray-log-{number}")))
}

/// Gives the log beside the journal such a name, durably, before it loses its own.
///
/// # Errors
/// [`JournalError`]: it lies where it lay.
pub(super) fn put_away(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let log = place::with_suffix(path, "-wal");
    let in_file = |error: io::Error| failure::file("set aside", &error);
    let identity = |path: &Path| files.look(path).ok().map(|look| look.identity);
    // By a call that was broken off it may have one already.
    let is_its = |name: &PathBuf| identity(name).is_some() && identity(name) == identity(&log);
    let is_free = |name: &PathBuf| matches!(files.is_taken(name), Ok(false));
    match names(path).find(is_its) {
        Some(_) => {}
        None => {
            let name = names(path).find(is_free).ok_or_else(|| {
                JournalError::new(
                    JournalErrorKind::Misplaced,
                    format!(
                        "{MOST} logs that are not this journal's lie here; move them elsewhere"
                    ),
                )
            })?;
            files.link(&log, &name).map_err(in_file)?;
            files.sync_directory(path).map_err(in_file)?;
        }
    }
    files.remove(&log).and_then(|()| files.sync_directory(path)).map_err(in_file)
}

/// Gives a log without its journal to the one that lies aside without its log, if it is that one's beyond
/// doubt. Where that is.
///
/// # Errors
/// [`JournalError`]: it lies where it lay.
pub(super) fn give_back(files: &dyn Files, path: &Path) -> Result<Option<PathBuf>, JournalError> {
    let in_file = |error: io::Error| failure::file("set aside", &error);
    let log = place::with_suffix(path, "-wal");
    let has_log = || files.read(&log, 1).is_ok_and(|first| !first.is_empty());
    if files.look(path).is_ok() || !has_log() {
        return Ok(None);
    }
    for (_, aside) in aside::former(files, path) {
        let there = place::with_suffix(&aside, "-wal");
        let lacks_it = matches!(files.is_taken(&there), Ok(false))
            && place::refuse_if_open_here(files, &aside).is_ok();
        let alone = Alone::read(files, &aside).filter(|_| lacks_it);
        let Some(alone) = alone.filter(Alone::needs_its_log) else { continue };
        files.link(&log, &there).map_err(in_file)?;
        if alone.is_its_log(files, &aside) {
            files
                .sync_directory(path)
                .and_then(|()| files.remove(&log))
                .and_then(|()| files.sync_directory(path))
                .map_err(in_file)?;
            return Ok(Some(aside));
        }
        files.remove(&there).map_err(in_file)?;
    }
    Ok(None)
}

/// What to tell of those that lie there.
pub(super) fn told(files: &dyn Files, path: &Path) -> Vec<String> {
    let there = names(path).filter(|name| matches!(files.is_taken(name), Ok(true)));
    there
        .map(|name| {
            format!(
                "{} is the log that lay beside a journal which was set aside, and was not that one's: an \
                 older one, which holds nothing more, or another copy's, which may hold payments. Compare \
                 OVO's settlement file with your books, then keep it elsewhere",
                name.display()
            )
        })
        .collect()
}
