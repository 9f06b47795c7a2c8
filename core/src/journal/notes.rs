//! What lies where a journal does not: a file that says where it went, or from where one is on its
//! way ([moving](super::moving)). A journal that began there would know nothing.

use std::io;
use std::path::{Path, PathBuf};

use super::copies::misplaced;
use super::files::Files;
use super::{companion, failure, place};
use crate::journal::JournalError;

/// Of which kind a note is: what stands behind the journal's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Note {
    /// At the old place, for good: where the journal is now.
    Moved,
    /// At the new place, until the journal has its name there: where it comes from.
    Arriving,
}

impl Note {
    fn at(self, path: &Path) -> PathBuf {
        match self {
            Note::Moved => place::with_suffix(path, ".moved"),
            Note::Arriving => place::with_suffix(path, ".arriving"),
        }
    }

    /// Leaves it at `path`, durably.
    pub(super) fn leave(self, files: &dyn Files, path: &Path, other: &Path) -> io::Result<()> {
        let mut file = companion::open(files, &self.at(path))?;
        let text = format!("{}\n", other.display());
        file.write(0, text.as_bytes())?;
        file.set_length(text.len() as u64)?;
        file.sync()?;
        files.sync_directory(path)
    }

    /// Takes it away from `path`, if it is there.
    pub(super) fn take_away(self, files: &dyn Files, path: &Path) -> io::Result<()> {
        match files.remove(&self.at(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// The place that it names. One that is there and cannot be read is a refusal: whom it would
    /// stop is not known.
    pub(super) fn read(
        self,
        files: &dyn Files,
        path: &Path,
    ) -> Result<Option<PathBuf>, JournalError> {
        const LONGEST: usize = 4096;
        let note = self.at(path);
        match files.read(&note, LONGEST) {
            Ok(text) => Ok(Some(PathBuf::from(String::from_utf8_lossy(&text).trim_end()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let unread = failure::at(&note, &error).message;
                Err(misplaced(format!(
                    "a journal was moved from or to {}, and what says where it is cannot be read: {unread}",
                    path.display()
                )))
            }
        }
    }
}

/// Refuses to begin a journal where one was moved away, or is on its way to: it would push known
/// invoices again.
pub(super) fn refuse_to_begin(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    if let Some(from) = Note::Arriving.read(files, path)? {
        return Err(misplaced(format!(
            "the journal at {} is on its way to {}: run `ovo-ptp journal move` once more to finish the \
             move (or, to give it up as long as the journal can be opened where it was, remove {})",
            from.display(),
            path.display(),
            Note::Arriving.at(path).display()
        )));
    }
    if let Some(to) = Note::Moved.read(files, path)? {
        return Err(misplaced(format!(
            "the journal that lay at {} was moved to {}; open it there; if it cannot be opened there \
             because the move was broken off, run `ovo-ptp journal move` once more (or remove {} to \
             begin another one here)",
            path.display(),
            to.display(),
            Note::Moved.at(path).display()
        )));
    }
    Ok(())
}
