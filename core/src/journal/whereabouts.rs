//! Which file a journal is, and under which name: what it remembers of itself ([faults J21, J24]).
//!
//! A copy is another file: it has another inode, or was born at another time. Device numbers and
//! names of machines change with every restart of a container, every volume that is attached again
//! and every live migration, so they accuse nobody. What keeps inode and birth time (snapshots and
//! clones of whole disks) is not noticed.
//!
//! [faults J21, J24]: crate::manual::faults#j-disk-and-journal

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rusqlite::Connection;

use super::file_system::{self, Kept};
use super::files::{Files, Look, directory_of};
use super::{meta, place};
use crate::journal::{JournalError, JournalErrorKind};

/// Which file a journal is, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Whereabouts {
    /// `None` where the system or the file system gives files no lasting numbers.
    pub(super) inode: Option<i64>,
    /// Nanoseconds since 1970; `None` where the file system does not remember it.
    pub(super) born: Option<i64>,
    pub(super) path: PathBuf,
}

const INODE: &str = "inode";
const BORN: &str = "born";
const PATH: &str = "path";
/// What is not known, in the journal.
const UNKNOWN: i64 = 0;

impl Whereabouts {
    /// Of the file that lies at `path` now.
    pub(super) fn of(look: Look, path: &Path) -> Whereabouts {
        // Where another program makes up the numbers, they may be others after every restart.
        let lasting = file_system::of(path) != Kept::ByAProgram;
        let known = |value: i64| Some(value).filter(|value| lasting && *value != UNKNOWN);
        let born = look.born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Whereabouts {
            inode: known(i64::from_ne_bytes(look.identity.1.to_ne_bytes())),
            born: born.and_then(|born| known(i64::try_from(born.as_nanos()).ok()?)),
            path: path.to_owned(),
        }
    }

    /// As the journal remembers them; `None` in one that never wrote them down.
    pub(super) fn remembered(connection: &Connection) -> rusqlite::Result<Option<Whereabouts>> {
        let Some(path) = meta::get::<String>(connection, PATH)? else { return Ok(None) };
        let number = |key| {
            meta::get::<i64>(connection, key).map(|found| found.filter(|found| *found != UNKNOWN))
        };
        Ok(Some(Whereabouts { inode: number(INODE)?, born: number(BORN)?, path: path.into() }))
    }

    /// Writes them down, inside the caller's transaction.
    pub(super) fn remember(&self, connection: &Connection) -> rusqlite::Result<()> {
        meta::put(connection, INODE, self.inode.unwrap_or(UNKNOWN))?;
        meta::put(connection, BORN, self.born.unwrap_or(UNKNOWN))?;
        meta::put(connection, PATH, self.path.to_string_lossy().as_ref())
    }

    /// Whether this is another file than `remembered`.
    pub(super) fn is_another_than(&self, remembered: &Whereabouts) -> bool {
        let differ = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| a != b);
        differ(self.inode, remembered.inode) || differ(self.born, remembered.born)
    }
}

/// Refuses a journal under a second name while it lies under the first: its log, its mark and its
/// locks are beside the first, where this opening would not see them.
pub(super) fn refuse_second_name(
    files: &dyn Files,
    look: Look,
    path: &Path,
    remembered: &Path,
) -> Result<(), JournalError> {
    if path == remembered {
        return Ok(());
    }
    let misplaced = |message| Err(JournalError::new(JournalErrorKind::Misplaced, message));
    match files.look(remembered) {
        Ok(there) if there.identity == look.identity => {
            // The same directory by another way, for example a volume in a container.
            let directory = |path| files.look(directory_of(path)).ok().map(|look| look.identity);
            let same_directory =
                directory(path).is_some() && directory(path) == directory(remembered);
            if same_directory && path.file_name() == remembered.file_name() {
                return Ok(());
            }
            misplaced(format!(
                "{} is a second name of the journal {}; open it under that one, or take the other \
                 name away",
                path.display(),
                remembered.display()
            ))
        }
        // Another journal, which has its own log.
        Ok(_) => Ok(()),
        Err(_) => {
            let log = place::with_suffix(remembered, "-wal");
            match files.read(&log, 1) {
                Ok(first) if !first.is_empty() => misplaced(format!(
                    "the journal was moved here from {} without its log {}, which holds payments; \
                     move {} back and use `ovo-ptp journal move`",
                    remembered.display(),
                    log.display(),
                    path.display(),
                )),
                _ => Ok(()),
            }
        }
    }
}
