//! The file system below a journal: the machine's own, or a simulated one.
//!
//! SQLite reaches its files through its VFS; everything that this library does beside SQLite (the
//! mark, the reserve, the name of a new journal) goes through [`Files`]. So a simulation can hold
//! the whole of a journal, in every byte, and take the power away from it.

use std::fmt::Debug;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

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
}

/// A file system. Everything in it is for its owner's eyes only.
pub trait Files: Send + Sync + Debug {
    /// Under which name SQLite knows it; `None` for SQLite's own default.
    fn vfs(&self) -> Option<&str>;
    /// What is there under a name.
    fn look(&self, path: &Path) -> io::Result<Look>;
    /// A file's first bytes.
    fn read(&self, path: &Path, longest: usize) -> io::Result<Vec<u8>>;
    /// A new file that only its owner may read; never an existing one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// An existing file, for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
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
pub trait OpenFile: Send + Debug {
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
}

/// The machine's own files.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn vfs(&self) -> Option<&str> {
        None
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        let metadata = fs::metadata(path)?;
        Ok(Look {
            identity: identity(&metadata),
            is_file: metadata.is_file(),
            mode: mode(&metadata),
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
        Ok(Box::new(options.open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
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
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)?.sync_all()
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
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere an open file cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
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
