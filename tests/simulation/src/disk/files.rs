//! The journal's own files on the simulated disk: the mark, the reserve, the names.

use std::io::{self, Error, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use ovo_checkout::lock;
use ovo_ptp::journal::files::{Files, Look, OpenFile};

use super::platter::Inode;
use super::{Fault, Mount, Refusal, Touch};

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Dead => Error::other("the process is dead"),
            Refusal::Failed(Fault::Io) => Error::other("input/output error"),
            Refusal::Failed(Fault::Full) => ErrorKind::StorageFull.into(),
            Refusal::Failed(Fault::ReadOnly) => ErrorKind::ReadOnlyFilesystem.into(),
            Refusal::Missing => ErrorKind::NotFound.into(),
            Refusal::Taken => ErrorKind::AlreadyExists.into(),
        }
    }
}

/// The disk as a process sees it, for [`SqliteJournal::open_on`](ovo_ptp::journal::SqliteJournal).
#[derive(Debug)]
pub struct MountedFiles(pub Arc<Mount>);

impl MountedFiles {
    fn name<'a>(&self, path: &'a Path) -> io::Result<&'a str> {
        let name = path.file_name().and_then(|name| name.to_str());
        name.ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Files for MountedFiles {
    fn vfs(&self) -> Option<&str> {
        Some(super::vfs::NAME)
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        let inner = self.0.touch(Touch::Look)?;
        if path.parent() == Some(Path::new("/")) {
            // The one directory of the disk, which each process has mounted somewhere else.
            return Ok(Look {
                identity: (self.0.id, 0),
                is_file: false,
                mode: 0o700,
                born: None,
                length: 0,
                modified: None,
                names: 1,
            });
        }
        let inode = inner.platter.named(self.name(path)?).ok_or(Refusal::Missing)?;
        let length = inner.platter.file(inode).map_or(0, |file| file.content().len() as u64);
        Ok(Look {
            identity: (self.0.id, inode),
            is_file: true,
            mode: 0o600,
            born: None,
            length,
            modified: None,
            names: inner.platter.names_of(inode),
        })
    }

    fn read(&self, path: &Path, longest: usize) -> io::Result<Vec<u8>> {
        let inner = self.0.touch(Touch::Read)?;
        let inode = inner.platter.named(self.name(path)?).ok_or(Refusal::Missing)?;
        let content = inner.platter.file(inode).ok_or(Refusal::Missing)?.content();
        Ok(content[..content.len().min(longest)].to_vec())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let inode = self.0.create(self.name(path)?)?;
        Ok(Box::new(Opened { mount: Arc::clone(&self.0), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let inner = self.0.touch(Touch::Look)?;
        let inode = inner.platter.named(self.name(path)?).ok_or(Refusal::Missing)?;
        Ok(Box::new(Opened { mount: Arc::clone(&self.0), inode }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.0.touch(Touch::Name)?;
        let inode = inner.platter.named(self.name(from)?).ok_or(Refusal::Missing)?;
        let to = self.name(to)?;
        if inner.platter.named(to).is_some() {
            return Err(Refusal::Taken.into());
        }
        inner.platter.give(to, inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Ok(self.0.remove(self.name(path)?)?)
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        let mut inner = self.0.touch(Touch::Sync)?;
        if !inner.lies {
            inner.platter.sync_names();
        }
        Ok(())
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut inner = lock(&self.0.disk.0);
        for byte in bytes {
            *byte = inner.chance.below(256) as u8;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Opened {
    mount: Arc<Mount>,
    inode: Inode,
}

impl OpenFile for Opened {
    fn read(&mut self, at: u64, longest: usize) -> io::Result<Vec<u8>> {
        let inner = self.mount.touch(Touch::Read)?;
        let content = inner.platter.file(self.inode).ok_or(Refusal::Missing)?.content();
        let from = content.len().min(usize::try_from(at).unwrap_or(usize::MAX));
        Ok(content[from..content.len().min(from + longest)].to_vec())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        Ok(self.mount.write(self.inode, usize::try_from(at).unwrap_or(usize::MAX), bytes)?)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.mount.length(self.inode)? as u64)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        Ok(self.mount.cut(self.inode, usize::try_from(length).unwrap_or(usize::MAX))?)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(self.mount.sync(self.inode, false)?)
    }
}
