//! The file system below a journal: the machine's own, or a simulated one.
//!
//! SQLite reaches its files through its VFS; everything that this library does beside SQLite (the
//! mark, the reserve, the name of a new journal) goes through [`Files`]. So a simulation can hold
//! the whole of a journal, in every byte, and take the power away from it.

use std::fmt::Debug;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::place;

/// Device and inode.
pub type Identity = (u64, u64);

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Which file it is.
    pub identity: Identity,
    /// Whether it is a file and not, say, a directory.
    pub is_file: bool,
    /// Permissions, the lowest nine bits.
    pub mode: u32,
    /// When the file was made, where the file system remembers it. A copy is made later.
    pub born: Option<SystemTime>,
    /// How long it is, in bytes.
    pub length: u64,
    /// When it was last written, where that can be told.
    pub modified: Option<SystemTime>,
    /// How many names it has.
    pub names: u64,
}

/// How long and against whom a file is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// Beside others who hold it alike.
    Shared,
    /// Alone.
    Alone,
    /// No longer.
    Not,
}

/// Room on a file system, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// What this user can still write.
    pub own: u64,
    /// What is free beside that, and kept for root.
    pub kept: u64,
    /// How large the file system is.
    pub all: u64,
}

/// A file system. Everything in it is for its owner's eyes only.
pub trait Files: Send + Sync + Debug {
    /// Under which name SQLite knows it; `None` for SQLite's own default.
    fn vfs(&self) -> Option<&str>;
    /// The name of a file without symbolic links; the file itself need not be there.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
    /// The room beside a file, where that can be told.
    fn room(&self, _: &Path) -> Option<Room> {
        None
    }
    /// What is there under a name.
    fn look(&self, path: &Path) -> io::Result<Look>;
    /// A file's first bytes.
    fn read(&self, path: &Path, longest: usize) -> io::Result<Vec<u8>>;
    /// A new file that only its owner may read; never an existing one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// An existing file, for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// Whether a name is taken, be it by a link that leads nowhere.
    fn is_taken(&self, path: &Path) -> io::Result<bool> {
        match self.look(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other.map(|_| true),
        }
    }
    /// The length of a file that has other names, too; `None` of any other, and of a link.
    fn length_if_shared(&self, _: &Path) -> io::Result<Option<u64>> {
        Ok(None)
    }
    /// Whether what is there is a file that has this name only, and no link to one; or one so short that
    /// it is no journal, which a backup by hard links shares with nobody's harm.
    fn is_own(&self, path: &Path) -> io::Result<bool> {
        self.look(path).map(|look| look.is_file)
    }
    /// As [`open`](Self::open), of one that is [its own](Self::is_own); `InvalidInput` otherwise.
    fn open_own(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        if self.is_own(path)? { self.open(path) } else { Err(not_its_own()) }
    }
    /// Another name for a file, unless the name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Syncs the names in the directory of a file.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Bytes that nobody can guess, for the names of new journals.
    fn random(&self, bytes: &mut [u8]) -> io::Result<()>;
}

/// An open file.
pub trait OpenFile: Send + Sync + Debug {
    /// Reads from a place on; fewer bytes than asked for only at the end.
    fn read(&mut self, at: u64, longest: usize) -> io::Result<Vec<u8>>;
    /// Writes at a place, without a sync.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// How long it is.
    fn length(&self) -> io::Result<u64>;
    /// Cuts or stretches it.
    fn set_length(&mut self, length: u64) -> io::Result<()>;
    /// Everything written so far is durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Which file it is, where that can be told.
    fn identity(&self) -> io::Result<Identity> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Holds the file against other openings of it, or says `false` if one of those does. The hold
    /// belongs to this opening alone: no other one that is closed, in this process or another, ends
    /// it. `Unsupported` where the file system has no such holds.
    fn hold(&mut self, _: Hold) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Whether another process has a record lock on it, which is what SQLite's locks are.
    fn has_record_locks(&mut self) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The machine's own files.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn vfs(&self) -> Option<&str> {
        None
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        if let Ok(target) = fs::read_link(path) {
            // One that was set aside leaves its mark there, for the next one.
            let there = self.resolve(&directory_of(path).join(&target));
            let has_mark = |it: &PathBuf| place::with_suffix(it, ".mark").is_file();
            if let Some(there) = there.ok().filter(has_mark) {
                return Ok(there);
            }
            // To make a file there could be to make one on a disk that is not mounted yet.
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("it is a symbolic link to {}, which is not there", target.display()),
            ));
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(fs::canonicalize(directory_of(path))?.join(name))
    }

    #[cfg(unix)]
    fn room(&self, path: &Path) -> Option<Room> {
        let stat = rustix::fs::statvfs(directory_of(path)).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        let kept = match rustix::process::geteuid().is_root() {
            true => 0,
            false => stat.f_bfree.saturating_sub(stat.f_bavail),
        };
        Some(Room { own: bytes(stat.f_bavail), kept: bytes(kept), all: bytes(stat.f_blocks) })
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        let metadata = fs::metadata(path)?;
        Ok(Look {
            identity: identity(&metadata),
            is_file: metadata.is_file(),
            mode: mode(&metadata),
            born: metadata.created().ok(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
            names: names(&metadata),
        })
    }

    fn read(&self, path: &Path, longest: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(longest as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        #[cfg(unix)]
        give_to_the_directorys_owner(&file, path)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn is_taken(&self, path: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other.map(|_| true),
        }
    }

    fn length_if_shared(&self, path: &Path) -> io::Result<Option<u64>> {
        let metadata = fs::symlink_metadata(path)?;
        Ok((metadata.is_file() && names(&metadata) > 1).then_some(metadata.len()))
    }

    fn is_own(&self, path: &Path) -> io::Result<bool> {
        fs::symlink_metadata(path).map(|it| is_own(&it))
    }

    fn open_own(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        // First a look: whoever opens and closes a journal's file under another name drops SQLite's
        // locks on it (J22).
        if !self.is_own(path)? {
            return Err(not_its_own());
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(unix)]
        {
            let not_through_a_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
            std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, not_through_a_link);
        }
        let file = options.open(path)?;
        if is_own(&file.metadata()?) { Ok(Box::new(file)) } else { Err(not_its_own()) }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        File::open(directory_of(path))?.sync_all()
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
    }
}

impl OpenFile for File {
    fn read(&mut self, at: u64, longest: usize) -> io::Result<Vec<u8>> {
        self.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        self.take(longest as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }

    fn identity(&self) -> io::Result<Identity> {
        self.metadata().map(|metadata| identity(&metadata))
    }

    // flock(2), not the record locks of SQLite: those end with the first descriptor of the file
    // that the process closes, whoever opened it.
    #[cfg(unix)]
    fn hold(&mut self, hold: Hold) -> io::Result<bool> {
        use rustix::fs::FlockOperation;
        use rustix::io::Errno;
        let operation = match hold {
            Hold::Shared => FlockOperation::NonBlockingLockShared,
            Hold::Alone => FlockOperation::NonBlockingLockExclusive,
            Hold::Not => FlockOperation::NonBlockingUnlock,
        };
        match rustix::fs::flock(&*self, operation) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(unix)]
    fn has_record_locks(&mut self) -> io::Result<bool> {
        use rustix::fs::FlockOperation;
        use rustix::io::Errno;
        // Taken for a moment, and dropped with this descriptor.
        match rustix::fs::fcntl_lock(&*self, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(false),
            Err(Errno::ACCESS | Errno::AGAIN) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// What an administrator's command makes beside a shop's journal is the shop's: it could not open it
/// otherwise (and would do without its lock).
#[cfg(unix)]
fn give_to_the_directorys_owner(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let own = file.metadata()?;
    let directory = fs::metadata(directory_of(path))?;
    if own.uid() != 0 || directory.uid() == 0 {
        return Ok(());
    }
    fchown(file, Some(directory.uid()), Some(directory.gid()))
}

/// The directory of a file.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// A database is longer; a lock and a mark are shorter.
const NO_JOURNAL: u64 = 1024;

fn is_own(metadata: &Metadata) -> bool {
    metadata.is_file() && (names(metadata) <= 1 || metadata.len() <= NO_JOURNAL)
}

fn not_its_own() -> io::Error {
    let why = "it is a link, has a second name, or is no file";
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Elsewhere an open file cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

#[cfg(unix)]
fn names(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn names(_: &Metadata) -> u64 {
    1
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0o600
}
