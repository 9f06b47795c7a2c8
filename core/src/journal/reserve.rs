//! Room on a full disk for payments that are under way (`safety.md` 3.6, J1 to J3).
//!
//! A small file beside the journal is given up when a verdict finds no room. New payments are
//! refused until it could be filled again, so that they cannot eat what settlement needs.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::place;

/// Some forty commits, of a few pages each.
const SIZE: usize = 256 << 10;

/// The reserve of one journal; several processes may share it.
#[derive(Debug)]
pub(super) struct Reserve {
    /// `None` where it could not be made: then a full disk is simply full.
    file: Option<File>,
}

impl Reserve {
    /// Finds or makes the file, without filling it: the room may be wanted for the opening itself.
    pub(super) fn open(journal: &Path) -> Reserve {
        let path = place::with_suffix(journal, ".reserve");
        let file = match place::create_private(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(&path).ok()
            }
            other => other.ok(),
        };
        Reserve { file }
    }

    /// Whether new payments may begin: the reserve is there, or could be filled now.
    pub(super) fn is_whole(&mut self) -> bool {
        let Some(file) = &mut self.file else {
            return true;
        };
        match file.metadata() {
            Ok(metadata) if metadata.len() >= SIZE as u64 => true,
            _ => {
                let filled = fill(file).is_ok();
                if !filled {
                    // Half a reserve would be taken for a whole one that somebody keeps.
                    let _ = file.set_len(0);
                }
                filled
            }
        }
    }

    /// Gives the room up. `false` if there is none to give.
    pub(super) fn release(&mut self) -> bool {
        self.file.as_mut().is_some_and(|file| {
            file.metadata().is_ok_and(|metadata| metadata.len() > 0) && file.set_len(0).is_ok()
        })
    }
}

/// With bytes, not with a hole; and not with zeros, which some file systems keep as one.
fn fill(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    for _ in 0..SIZE / 4096 {
        file.write_all(&[0xa5; 4096])?;
    }
    file.sync_all()
}
