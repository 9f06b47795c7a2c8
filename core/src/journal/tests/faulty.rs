//! The machine's own files, of which some changes fail.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use crate::journal::files::{Files, Look, OpenFile, Room, SystemFiles};

/// Whether a name may be made, given away or synced.
type Refuses = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

pub(super) struct Faulty {
    refuses: Box<Refuses>,
    /// Whether a file is on a part of the disk that cannot be read.
    is_unreadable: Box<dyn Fn(&Path) -> bool + Send + Sync>,
    /// What the file system says of its room.
    room: Option<Arc<Mutex<Room>>>,
}

impl Faulty {
    pub(super) fn where_it(
        refuses: impl Fn(&Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<dyn Files> {
        let is_unreadable = Box::new(|_: &Path| false);
        Arc::new(Faulty { refuses: Box::new(refuses), is_unreadable, room: None })
    }

    /// Where these files cannot be read.
    pub(super) fn where_nothing_reads(
        is_unreadable: impl Fn(&Path) -> bool + Send + Sync + 'static,
    ) -> Arc<dyn Files> {
        let refuses = Box::new(|_: &Path| Ok(()));
        Arc::new(Faulty { refuses, is_unreadable: Box::new(is_unreadable), room: None })
    }

    /// Where there is so much room.
    pub(super) fn with_room(room: &Arc<Mutex<Room>>) -> Arc<dyn Files> {
        Arc::new(Faulty {
            refuses: Box::new(|_| Ok(())),
            is_unreadable: Box::new(|_| false),
            room: Some(Arc::clone(room)),
        })
    }

    /// Behind so many changes.
    pub(super) fn the_power_goes(changes: i64) -> Arc<dyn Files> {
        let left = AtomicI64::new(changes);
        Faulty::where_it(move |_| match left.fetch_sub(1, Ordering::Relaxed) {
            1.. => Ok(()),
            _ => Err(io::Error::other("the power went")),
        })
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl Files for Faulty {
    fn vfs(&self) -> Option<&str> {
        SystemFiles.vfs()
    }

    fn room(&self, path: &Path) -> Option<Room> {
        match &self.room {
            Some(room) => Some(*room.lock().unwrap()),
            None => SystemFiles.room(path),
        }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        SystemFiles.resolve(path)
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        SystemFiles.look(path)
    }

    fn read(&self, path: &Path, longest: usize) -> io::Result<Vec<u8>> {
        SystemFiles.read(path, longest)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        (self.refuses)(path)?;
        SystemFiles.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        if (self.is_unreadable)(path) {
            return Err(io::Error::other("input/output error"));
        }
        SystemFiles.open(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.refuses)(to)?;
        SystemFiles.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.refuses)(path)?;
        SystemFiles.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        (self.refuses)(path)?;
        SystemFiles.sync_directory(path)
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        SystemFiles.random(bytes)
    }
}
