//! Room on a full disk for payments that are under way ([operations 3.3], J1 to J3).
//!
//! A small file beside the journal is given up when a verdict finds no room. New payments are
//! refused until it could be filled again, so that they cannot eat what settlement needs. What it frees
//! is the journal's only where the file system keeps no room for root (ext4 keeps 5 %): a disk that root
//! has filled takes it in. New payments are refused then as well, and people are told so.
//!
//! [operations 3.3]: crate::manual::operations#33-when-it-fails

use std::io;
use std::path::Path;

use super::files::{Files, OpenFile, Room};
use super::{companion, place};

/// Some forty commits, of a few pages each.
pub(super) const SIZE: usize = 256 << 10;
/// Room without which no verdict can be written.
const ONE_COMMIT: u64 = 16 << 10;

/// The reserve of one journal; several processes may share it.
#[derive(Debug)]
pub(super) struct Reserve {
    /// `None` where it could not be made: then a full disk is simply full.
    file: Option<Box<dyn OpenFile>>,
    /// What the file system keeps for root, as long as that has it all: known once there was more room.
    roots: Option<u64>,
}

impl Reserve {
    /// Finds or makes the file, without filling it: the room may be wanted for the opening itself.
    pub(super) fn open(files: &dyn Files, journal: &Path) -> Reserve {
        let path = place::with_suffix(journal, ".reserve");
        // A backup by hard links has it, too; and room is given up for all of its names at once.
        if matches!(files.length_if_shared(&path), Ok(Some(length)) if length == SIZE as u64) {
            let _ = files.remove(&path);
        }
        Reserve { file: companion::open(files, &path).ok(), roots: None }
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

    /// Looks what the file system keeps for root, as long as that can be told.
    pub(super) fn learn(&mut self, room: Option<Room>) {
        if let Some(room) = room.filter(|room| room.own > 0) {
            self.roots = Some(room.kept);
        }
    }

    /// Whether what it frees would be the shop's. Where root has filled the disk into its own share, that
    /// takes it in.
    pub(super) fn would_help(&self, room: Option<Room>) -> bool {
        let Some(room) = room.filter(|room| room.own == 0 && self.file.is_some()) else {
            return true;
        };
        match self.roots {
            Some(roots) => room.kept + SIZE as u64 >= roots + ONE_COMMIT,
            // How large its share is cannot be told any more.
            None => room.kept == 0,
        }
    }

    /// Whether it was given up, and could not be filled since.
    pub(super) fn is_spent(&self) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|file| file.length().is_ok_and(|length| length < SIZE as u64))
    }

    /// Whether the file could be opened or made.
    pub(super) fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Gives the room up. `false` if there is none to give.
    pub(super) fn release(&mut self) -> bool {
        self.file.as_mut().is_some_and(|file| {
            file.length().is_ok_and(|length| length > 0) && file.set_length(0).is_ok()
        })
    }
}

/// What to tell of a reserve that was given up. `room`: the bytes that this user can still write there.
pub(super) fn is_spent(room: Option<u64>) -> String {
    let (under_way, only) = match room {
        Some(..ONE_COMMIT) => (
            "nothing is settled, and payments under way are interrupted",
            "its reserve is used up, or what that freed the file system keeps for root",
        ),
        _ => ("payments under way end", "its reserve is being spent"),
    };
    format!("the journal's disk is full and {only}: {under_way}, new ones are refused; make room")
}

/// What to tell of one that would free nothing.
pub(super) fn is_roots() -> String {
    "the journal's disk is full, and what its reserve would free the file system keeps for root: payments \
     under way would be interrupted, so new ones are refused; make room"
        .to_owned()
}

/// With bytes, not with a hole; and not with zeros, which some file systems keep as one.
fn fill(file: &mut dyn OpenFile) -> io::Result<()> {
    for page in 0..SIZE / 4096 {
        file.write(4096 * page as u64, &[0xa5; 4096])?;
    }
    file.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j2_j3_a_reserve_that_freed_nothing_for_the_shop_is_told_so() {
        let kept_for_root = is_spent(Some(0));
        assert!(kept_for_root.contains("for root") && kept_for_root.contains("interrupted"));
        for of_use in [is_spent(Some(200 << 10)), is_spent(None)] {
            assert!(of_use.contains("payments under way end"), "{of_use}");
        }
    }
}
