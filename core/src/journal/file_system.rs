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
    /// Wherever a program in user space, or the host of a virtual machine, keeps it.
    ByAProgram,
    /// In a layer that goes with its container.
    InAContainer,
    /// On another machine, whose locks and syncs SQLite cannot rely on (sqlite.org, "File Locking
    /// And Concurrency", 6.0).
    Elsewhere,
}

/// The magic numbers of statfs(2).
#[cfg(target_os = "linux")]
mod magic {
    // Their type differs between processors; the numbers have 32 bits on all of them.
    #![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::unnecessary_cast)]

    const RAMFS: u32 = 0x8584_58f6;
    pub(super) const IN_MEMORY: [u32; 2] = [libc::TMPFS_MAGIC as u32, RAMFS];
    pub(super) const CIFS: u32 = 0xff53_4d42;
    const SMB2: u32 = 0xfe53_4d42;
    const CEPH: u32 = 0x00c3_6400;
    pub(super) const ELSEWHERE: [u32; 7] = [
        libc::NFS_SUPER_MAGIC as u32,
        libc::SMB_SUPER_MAGIC as u32,
        CIFS,
        SMB2,
        libc::AFS_SUPER_MAGIC as u32,
        CEPH,
        libc::CODA_SUPER_MAGIC as u32,
    ];
    pub(super) const FUSE: u32 = libc::FUSE_SUPER_MAGIC as u32;
    pub(super) const PLAN_9: u32 = 0x0102_1997;
    pub(super) const OVERLAY: u32 = libc::OVERLAYFS_SUPER_MAGIC as u32;
}

#[cfg(target_os = "linux")]
fn kept_by(magic: u32) -> Kept {
    match magic {
        magic if magic::IN_MEMORY.contains(&magic) => Kept::InMemory,
        magic if magic::ELSEWHERE.contains(&magic) => Kept::Elsewhere,
        magic::FUSE | magic::PLAN_9 => Kept::ByAProgram,
        magic::OVERLAY => Kept::InAContainer,
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

/// What a file system risks that is not refused (E16): for `doctor` and for the opening.
pub(super) fn risk(kept: Kept) -> Option<&'static str> {
    match kept {
        Kept::OnDisk | Kept::Elsewhere => None,
        Kept::InMemory => Some("the journal lies in memory (tmpfs); a power cut takes it"),
        Kept::ByAProgram => Some(
            "the journal lies on a file system that a program provides (FUSE or 9p): whether a \
             synced write is on a disk is that program's word, and a copy of the journal cannot be \
             told from the journal; keep it on a disk of this machine",
        ),
        Kept::InAContainer => Some(
            "the journal lies in a container's own layer (overlayfs): it is lost when the container \
             is made anew, payments that are owed included; keep it on a volume",
        ),
    }
}

/// What may become of a finished archive where it lies: its payments are nowhere else.
pub(crate) fn risk_of_archive(archive: &Path) -> Option<String> {
    let takes_it = match of(archive) {
        Kept::OnDisk | Kept::Elsewhere => return None,
        Kept::InMemory => "in memory (tmpfs); a power cut takes it",
        Kept::ByAProgram => {
            "on a file system that a program provides (FUSE or 9p); whether it is on a disk is that program's word"
        }
        Kept::InAContainer => {
            "in a container's own layer (overlayfs); it is lost when the container is made anew"
        }
    };
    Some(format!(
        "the archive {} lies {takes_it}, and no other file has its payments: copy it to a volume, or to where \
         backups are",
        archive.display()
    ))
}

/// Refuses a journal on another machine before anything is written there.
pub(super) fn refuse_elsewhere(path: &Path) -> Result<(), JournalError> {
    refuse(
        path,
        Kept::Elsewhere,
        "on a network file system, whose locks and syncs cannot be relied on",
    )
}

/// Refuses a file that is mounted by itself, as containers do with single files: its log and its mark
/// would lie beside the mount, and go with the container.
pub(super) fn refuse_lone_mount(path: &Path) -> Result<(), JournalError> {
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    if !is_mounted(&mounts, path) {
        return Ok(());
    }
    Err(JournalError::new(
        JournalErrorKind::FileSystem,
        "the file is mounted by itself, and its log would lie elsewhere and be lost with the \
         container; mount its directory",
    ))
}

/// Whether something is mounted at `path`, by the table of proc_pid_mountinfo(5): the fifth word of a
/// line is the place, with what would be no word escaped in octal.
fn is_mounted(mounts: &[u8], path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    let escaped: String = path
        .chars()
        .map(|letter| match letter {
            ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", u32::from(letter)),
            other => other.to_string(),
        })
        .collect();
    mounts
        .split(|byte| *byte == b'\n')
        .any(|line| line.split(|byte| *byte == b' ').nth(4) == Some(escaped.as_bytes()))
}

/// Refuses a journal, or an archive of one, in memory where real money is paid.
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

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_and_memory_are_told_from_disks() {
        assert_eq!(kept_by(0xef53), Kept::OnDisk, "ext4");
        assert_eq!(kept_by(0x9123_683e), Kept::OnDisk, "btrfs");
        assert_eq!(kept_by(0x6969), Kept::Elsewhere, "nfs");
        assert_eq!(kept_by(magic::CIFS), Kept::Elsewhere, "cifs");
        assert_eq!(kept_by(0x0102_1994), Kept::InMemory, "tmpfs");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn e16_what_is_not_refused_is_named_with_what_it_risks() {
        for (magic, says) in
            [(magic::FUSE, "FUSE"), (magic::PLAN_9, "9p"), (magic::OVERLAY, "overlayfs")]
        {
            assert!(risk(kept_by(magic)).is_some_and(|risk| risk.contains(says)), "{says}");
        }
        assert_eq!(risk(kept_by(0xef53)), None, "ext4");
    }

    #[test]
    fn j21_a_file_that_is_mounted_by_itself_is_found_in_the_table_of_mounts() {
        let mounts = b"36 35 98:0 /host/ovo.db /data/ovo.db rw - ext4 /dev/sda1 rw\n\
            37 35 98:0 /host/a /data/a\\040b.db rw shared:1 - ext4 /dev/sda1 rw\n";
        for (path, is_alone) in [
            ("/data/ovo.db", true),
            ("/data/a b.db", true),
            ("/data", false),
            ("/host/ovo.db", false),
        ] {
            assert_eq!(is_mounted(mounts, Path::new(path)), is_alone, "{path}");
        }
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
