//! Which file systems keep what a journal writes ([operations 3.1]).
//!
//! [operations 3.1]: crate::manual::operations#31-the-engine

use std::path::Path;

use crate::journal::{JournalError, JournalErrorKind};

/// What a file system does with a synced write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// As far as can be told, it keeps it.
    OnDisk,
    /// In memory: a power cut takes it.
    InMemory,
    /// On another machine, whose locks and syncs SQLite cannot rely on (sqlite.org, "File Locking
    /// And Concurrency", 6.0).
    Elsewhere,
}

/// The magic numbers of statfs(2).
const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6]; // tmpfs, ramfs
const ELSEWHERE: [u32; 7] = [
    0x6969,      // nfs
    0x517b,      // smb
    0xff53_4d42, // cifs
    0xfe53_4d42, // smb2
    0x5346_414f, // afs
    0x00c3_6400, // ceph
    0x7375_7245, // coda
];

fn kept_by(magic: u32) -> Kept {
    match magic {
        magic if IN_MEMORY.contains(&magic) => Kept::InMemory,
        magic if ELSEWHERE.contains(&magic) => Kept::Elsewhere,
        _ => Kept::OnDisk,
    }
}

/// Where `file` lies. What cannot be found out counts as a disk.
#[cfg(target_os = "linux")]
pub(super) fn of(file: &Path) -> Kept {
    // Its type differs between processors; the numbers have 32 bits on all of them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::unnecessary_cast)]
    rustix::fs::statfs(file).map_or(Kept::OnDisk, |stat| kept_by(stat.f_type as u32))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: &Path) -> Kept {
    Kept::OnDisk
}

/// Refuses a journal on another machine before anything is written there.
pub(super) fn refuse_elsewhere(path: &Path) -> Result<(), JournalError> {
    refuse(
        path,
        Kept::Elsewhere,
        "on a network file system, whose locks and syncs cannot be relied on",
    )
}

/// Refuses a journal in memory where real money is paid.
///
/// # Errors
/// `FileSystem`; nothing was written.
pub(crate) fn refuse_in_memory(path: &Path) -> Result<(), JournalError> {
    refuse(path, Kept::InMemory, "in memory (tmpfs), where a power cut takes it")
}

fn refuse(path: &Path, unfit: Kept, because: &str) -> Result<(), JournalError> {
    // The file need not exist yet; its directory must.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if of(directory.unwrap_or(Path::new("."))) != unfit {
        return Ok(());
    }
    Err(JournalError::new(
        JournalErrorKind::FileSystem,
        format!("the file lies {because}; keep it on a disk of this machine"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_and_memory_are_told_from_disks() {
        assert_eq!(kept_by(0xef53), Kept::OnDisk, "ext4");
        assert_eq!(kept_by(0x9123_683e), Kept::OnDisk, "btrfs");
        assert_eq!(kept_by(0x6969), Kept::Elsewhere, "nfs");
        assert_eq!(kept_by(0xff53_4d42), Kept::Elsewhere, "cifs");
        assert_eq!(kept_by(0x0102_1994), Kept::InMemory, "tmpfs");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_is_asked_and_believed() {
        assert_eq!(of(Path::new("/proc/self/no such file")), Kept::OnDisk, "cannot be found out");
        let mounts = std::fs::read_to_string("/proc/self/mounts").expect("Linux has it");
        for line in mounts.lines() {
            let mut words = line.split(' ').skip(1);
            if let (Some(at), Some("tmpfs")) = (words.next(), words.next()) {
                assert_eq!(of(Path::new(at)), Kept::InMemory, "{at}");
            }
        }
    }
}
