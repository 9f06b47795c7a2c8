//! The small files beside a journal: its mark, its reserve, its locks. What is written to them must not
//! reach anybody else's file ([fault J20]): a link, or a second name of what could be a journal, is left
//! alone, and the journal does without. What a backup by hard links shares is none: it is too short.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::Path;

use super::files::{Files, OpenFile};
use super::{failure, place};
use crate::journal::{Finding, JournalError, JournalErrorKind};

/// The file at `path`, made if there is none.
pub(super) fn open(files: &dyn Files, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    match files.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => files.open_own(path),
        other => other,
    }
}

/// The log and its index are SQLite's to write. A second name of something else in their place would be
/// written over; a log with a second name is a backup's, and the shop goes on.
pub(super) fn refuse_anothers_log(files: &dyn Files, journal: &Path) -> Result<(), JournalError> {
    // Of the log either byte order; of its index the one of this machine.
    const LOG: [[u8; 4]; 2] = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];
    const INDEX: [[u8; 4]; 2] = [3_007_000_u32.to_ne_bytes(), [0; 4]];
    for (suffix, beginnings) in [("-wal", LOG), ("-shm", INDEX)] {
        let path = place::with_suffix(journal, suffix);
        // Links and what is no file SQLite refuses itself.
        if !matches!(files.length_if_shared(&path), Ok(Some(1..))) {
            continue;
        }
        let first = files.read(&path, 4).map_err(|error| failure::at(&path, &error))?;
        if !beginnings.iter().any(|beginning| first == beginning) {
            let message = format!(
                "{} is a second name of another file, which would be written over: take that name \
                 away, and start again",
                path.display()
            );
            return Err(JournalError::new(JournalErrorKind::Misplaced, message));
        }
    }
    Ok(())
}

/// What to tell of those that cannot be used because they are not the journal's alone.
pub(super) fn not_its_own(files: &dyn Files, journal: &Path) -> Vec<Finding> {
    [".lock", ".turn", ".mark", ".reserve"]
        .into_iter()
        .map(|suffix| place::with_suffix(journal, suffix))
        .filter(|path| matches!(files.is_own(path), Ok(false)))
        .map(|path| Finding {
            critical: true,
            message: format!(
                "{} is a link, has a second name, or is no file: nothing is written to it, and the \
                 journal goes on without; take that name away, and start again",
                path.display()
            ),
        })
        .collect()
}
