//! Room on a full disk for payments that are under way ([operations 3.3], J1 to J3).
//!
//! A small file beside the journal is given up when a verdict finds no room. New payments are
//! refused until it could be filled again, so that they cannot eat what settlement needs.
//!
//! [operations 3.3]: crate::manual::operations#33-when-it-fails

use std::io;
use std::path::Path;

use super::files::{Files, OpenFile};
use super::{companion, place};

/// Some forty commits, of a few pages each.
const SIZE: usize = 256 << 10;

/// The reserve of one journal; several processes may share it.
#[derive(Debug)]
pub(super) struct Reserve {
    /// `None` where it could not be made: then a full disk is simply full.
    file: Option<Box<dyn OpenFile>>,
}

impl Reserve {
    /// Finds or makes the file, without filling it: the room may be wanted for the opening itself.
    pub(super) fn open(files: &dyn Files, journal: &Path) -> Reserve {
        let path = place::with_suffix(journal, ".reserve");
        // A backup by hard links has it, too; and room is given up for all of its names at once.
        if matches!(files.length_if_shared(&path), Ok(Some(length)) if length == SIZE as u64) {
            let _ = files.remove(&path);
        }
        Reserve { file: companion::open(files, &path).ok() }
    }

    /// Whether new payments may begin: the reserve is there, or could be filled now.
    pub(super) fn is_whole(&mut self) -> bool {
        let Some(file) = &mut self.file else {
            return true;
        };
        match file.length() {
            Ok(length) if length >= SIZE as u64 => true,
            _ => {
                let filled = fill(&mut **file).is_ok();
                if !filled {
                    // Half a reserve would be taken for a whole one that somebody keeps.
                    let _ = file.set_length(0);
                }
                filled
            }
        }
    }

    /// Whether it was given up, and could not be filled since.
    pub(super) fn is_spent(&self) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|file| file.length().is_ok_and(|length| length < SIZE as u64))
    }

    /// Gives the room up. `false` if there is none to give.
    pub(super) fn release(&mut self) -> bool {
        self.file.as_mut().is_some_and(|file| {
            file.length().is_ok_and(|length| length > 0) && file.set_length(0).is_ok()
        })
    }
}

/// With bytes, not with a hole; and not with zeros, which some file systems keep as one.
fn fill(file: &mut dyn OpenFile) -> io::Result<()> {
    for page in 0..SIZE / 4096 {
        file.write(4096 * page as u64, &[0xa5; 4096])?;
    }
    file.sync()
}
