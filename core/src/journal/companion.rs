//! The small files beside a journal: its mark, its reserve, its locks. What is written to them must not
//! reach anybody else's file ([fault J20]): a link, or a second name of what could be a journal, is left
//! alone, and the journal does without. What a backup by hard links shares is none: it is too short.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::Path;

use super::files::{Files, OpenFile};
use super::place;
use crate::journal::Finding;

/// The file at `path`, made if there is none.
pub(super) fn open(files: &dyn Files, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    match files.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => files.open_own(path),
        other => other,
    }
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
