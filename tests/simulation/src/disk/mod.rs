//! A disk in memory: SQLite's files and the journal's own, counted, failing, and losing power.

mod files;
mod locks;
mod platter;
mod vfs;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use memchr::memmem::Finder;
use ovo_checkout::{Life, lock};

use crate::memory::outside;
use crate::random::Chance;
use locks::{Locks, SharedMemory};
use platter::{Inode, Platter};

pub use files::MountedFiles;
pub use platter::Cut;

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An input or output error.
    Io,
    /// No room.
    Full,
    /// The file system was mounted again, for reading only, as ext4 does after an error of its own.
    ReadOnly,
}

/// Operations that fail.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    fault: Fault,
    /// The first one that fails, counted among those that can fail so.
    at: u64,
    /// Whether all later ones fail too.
    lasting: bool,
}

/// What a process wants of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    Look,
    Read,
    Write,
    Sync,
    Name,
}

impl Touch {
    fn changes(self) -> bool {
        matches!(self, Touch::Write | Touch::Sync | Touch::Name)
    }

    fn takes_room(self) -> bool {
        matches!(self, Touch::Write | Touch::Name)
    }
}

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The process that asks is dead.
    Dead,
    Failed(Fault),
    Missing,
    Taken,
}

struct Inner {
    platter: Platter,
    chance: Chance,
    trouble: Option<Trouble>,
    capacity: Option<usize>,
    /// Operations so far, and those of them that need room.
    operations: u64,
    room_operations: u64,
    syncs: u64,
    failures: u64,
    /// Syncs do nothing (mutant M10).
    lies: bool,
    /// The disk as it was when a mutant began to keep a write back.
    held: Option<Platter>,
    locks: Locks,
    memories: HashMap<Inode, SharedMemory>,
    /// What must not be in any byte that is written (I13).
    secrets: Arc<Vec<Finder<'static>>>,
    leaks: Vec<String>,
}

/// A disk. It outlives the processes that use it, each through a [`Mount`] of its own.
pub struct SimDisk(Mutex<Inner>);

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}

impl SimDisk {
    /// An empty disk with a chance of its own.
    pub fn new(chance: Chance) -> Arc<SimDisk> {
        SimDisk::with(Platter::default(), chance)
    }

    fn with(platter: Platter, chance: Chance) -> Arc<SimDisk> {
        Arc::new(SimDisk(Mutex::new(Inner {
            platter,
            chance,
            trouble: None,
            capacity: None,
            operations: 0,
            room_operations: 0,
            syncs: 0,
            failures: 0,
            lies: false,
            held: None,
            locks: Locks::default(),
            memories: HashMap::new(),
            secrets: Arc::default(),
            leaks: Vec::new(),
        })))
    }

    /// Another disk with the same content.
    pub fn copy(&self, chance: Chance) -> Arc<SimDisk> {
        SimDisk::with(lock(&self.0).platter.clone(), chance)
    }

    /// What a power cut now, with everything lost that was not synced, would leave.
    pub fn after_a_power_cut(&self) -> Arc<SimDisk> {
        let inner = lock(&self.0);
        let mut platter = inner.held.as_ref().unwrap_or(&inner.platter).clone();
        platter.lose_power(Cut::LosesAll, &mut Chance::of(0));
        SimDisk::with(platter, Chance::of(0))
    }

    /// Looks for these in every byte that is written from now on.
    pub fn watch_for(&self, secrets: Arc<Vec<Finder<'static>>>) {
        lock(&self.0).secrets = secrets;
    }

    /// Which of them were found, and where.
    pub fn leaks(&self) -> Vec<String> {
        lock(&self.0).leaks.clone()
    }

    /// The operation that is `at` operations away (1: the next) fails, and all later ones if the
    /// trouble lasts. A full disk counts only what needs room.
    pub fn fails(&self, fault: Fault, at: u64, lasting: bool) {
        let mut inner = lock(&self.0);
        let base = match fault {
            Fault::Io => inner.operations,
            Fault::Full | Fault::ReadOnly => inner.room_operations,
        };
        inner.trouble = Some(Trouble { fault, at: base + at, lasting });
    }

    /// There is no more room than is used now, and this much.
    pub fn fills_up(&self, left: usize) {
        let mut inner = lock(&self.0);
        inner.capacity = Some(inner.platter.used() + left);
    }

    /// Nothing fails any more.
    pub fn is_mended(&self) {
        let mut inner = lock(&self.0);
        (inner.trouble, inner.capacity) = (None, None);
    }

    /// How many operations failed.
    pub fn failures(&self) -> u64 {
        lock(&self.0).failures
    }

    /// How many of a file or a directory.
    pub fn syncs(&self) -> u64 {
        lock(&self.0).syncs
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        lock(&self.0).operations
    }

    /// Syncs return at once and do nothing (M10).
    pub fn lies(&self) {
        lock(&self.0).lies = true;
    }

    /// What is written from now on is gone if the process ends before [`lets_go`](Self::lets_go).
    pub fn holds_back(&self) {
        let mut inner = lock(&self.0);
        if inner.held.is_none() {
            inner.held = Some(outside(|| inner.platter.clone()));
        }
    }

    /// What was held back is written.
    pub fn lets_go(&self) {
        lock(&self.0).held = None;
    }

    /// The process ended.
    pub fn process_ended(&self) {
        let mut inner = lock(&self.0);
        if let Some(held) = inner.held.take() {
            inner.platter = held;
        }
    }

    /// The power goes, after all processes that use the disk are dead.
    pub fn loses_power(&self, cut: Cut) {
        let mut inner = lock(&self.0);
        inner.held = None;
        inner.memories.clear();
        let Inner { platter, chance, .. } = &mut *inner;
        platter.lose_power(cut, chance);
    }

    /// A file's bytes, for somebody who keeps them.
    pub fn bytes(&self, name: &str) -> Option<Arc<Vec<u8>>> {
        let inner = lock(&self.0);
        let inode = inner.platter.named(name)?;
        inner.platter.file(inode).map(|file| Arc::clone(file.content()))
    }

    /// Somebody deletes a file, while no process is up.
    pub fn deletes(&self, name: &str) {
        lock(&self.0).platter.by_hand(|platter| {
            platter.take(name);
        });
    }

    /// Somebody puts a file there: over the one of that name, or as another file.
    pub fn puts(&self, name: &str, bytes: &[u8], over: bool) {
        lock(&self.0).platter.by_hand(|platter| {
            let inode = match platter.named(name).filter(|_| over) {
                Some(inode) => inode,
                None => platter.create(name),
            };
            if let Some(file) = platter.file_mut(inode) {
                file.cut(0);
                file.write(0, bytes);
            }
        });
    }

    /// Somebody gives a file another name; what has that name is gone.
    pub fn renames(&self, from: &str, to: &str) {
        lock(&self.0).platter.by_hand(|platter| {
            if let Some(inode) = platter.named(from) {
                platter.take(from);
                platter.give(to, inode);
            }
        });
    }

    /// Somebody puts a copy of everything in the place of everything: the same names and bytes, and
    /// other files.
    pub fn is_copied(&self) {
        lock(&self.0).platter.by_hand(|platter| {
            let all: Vec<(String, Arc<Vec<u8>>)> =
                platter.all().map(|(name, bytes)| (name.to_owned(), Arc::clone(bytes))).collect();
            for (name, bytes) in all {
                let inode = platter.create(&name);
                if let Some(file) = platter.file_mut(inode) {
                    file.write(0, &bytes);
                }
            }
        });
    }

    /// Names and sizes, for a story.
    pub fn listing(&self) -> String {
        let inner = lock(&self.0);
        let files = inner.platter.all().map(|(name, content)| format!("{name} {}", content.len()));
        files.collect::<Vec<_>>().join(", ")
    }

    /// Whether a file is there.
    pub fn has(&self, name: &str) -> bool {
        lock(&self.0).platter.named(name).is_some()
    }

    /// Every file's name and bytes.
    pub fn contents(&self) -> Vec<(String, Arc<Vec<u8>>)> {
        let inner = lock(&self.0);
        inner.platter.all().map(|(name, bytes)| (name.to_owned(), Arc::clone(bytes))).collect()
    }
}

/// The disk as one process has it: with its own device number, and dead when the process is.
#[derive(Debug)]
pub struct Mount {
    id: u64,
    disk: Arc<SimDisk>,
    life: MountedLife,
}

struct MountedLife(Arc<Life>);

impl fmt::Debug for MountedLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Life")
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Where SQLite's VFS, which knows names only, finds the disk.
fn mounts() -> MutexGuard<'static, HashMap<u64, std::sync::Weak<Mount>>> {
    static MOUNTS: OnceLock<Mutex<HashMap<u64, std::sync::Weak<Mount>>>> = OnceLock::new();
    lock(MOUNTS.get_or_init(Mutex::default))
}

impl Mount {
    /// Mounts a disk for the process whose life this is.
    pub fn new(disk: &Arc<SimDisk>, life: &Arc<Life>) -> Arc<Mount> {
        Mount::at(NEXT.fetch_add(1, Ordering::Relaxed), disk, life)
    }

    /// Mounts it where another process had it, which has ended: the paths are the same.
    pub fn again(&self, disk: &Arc<SimDisk>, life: &Arc<Life>) -> Arc<Mount> {
        Mount::at(self.id, disk, life)
    }

    fn at(id: u64, disk: &Arc<SimDisk>, life: &Arc<Life>) -> Arc<Mount> {
        vfs::register();
        let mount =
            Arc::new(Mount { id, disk: Arc::clone(disk), life: MountedLife(Arc::clone(life)) });
        mounts().insert(id, Arc::downgrade(&mount));
        mount
    }

    /// The path of a file on it.
    pub fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/{}/{name}", self.id))
    }

    fn find(path: &str) -> Option<(Arc<Mount>, &str)> {
        let (id, name) = path.strip_prefix('/')?.split_once('/')?;
        let mount = mounts().get(&id.parse().ok()?)?.upgrade()?;
        Some((mount, name))
    }

    /// Counts an operation, and lets it fail if it must.
    fn touch(&self, touch: Touch) -> Result<MutexGuard<'_, Inner>, Refusal> {
        let alive = if touch.changes() { self.life.0.passes() } else { !self.life.0.is_over() };
        if !alive {
            return Err(Refusal::Dead);
        }
        let mut inner = lock(&self.disk.0);
        inner.operations += 1;
        inner.room_operations += u64::from(touch.takes_room());
        inner.syncs += u64::from(touch == Touch::Sync);
        let Some(trouble) = inner.trouble else { return Ok(inner) };
        let count = match trouble.fault {
            Fault::Io => inner.operations,
            _ if touch.takes_room() => inner.room_operations,
            Fault::Full | Fault::ReadOnly => return Ok(inner),
        };
        if count == trouble.at || (trouble.lasting && count > trouble.at) {
            inner.failures += 1;
            return Err(Refusal::Failed(trouble.fault));
        }
        Ok(inner)
    }

    fn write(&self, inode: Inode, at: usize, bytes: &[u8]) -> Result<(), Refusal> {
        outside(|| self.write_counted(inode, at, bytes))
    }

    fn write_counted(&self, inode: Inode, at: usize, bytes: &[u8]) -> Result<(), Refusal> {
        let mut inner = match self.touch(Touch::Write) {
            Err(Refusal::Failed(Fault::Io)) => {
                // Nobody knows what a failed write has written.
                let mut inner = lock(&self.disk.0);
                let part = usize::try_from(inner.chance.below(bytes.len() as u64 + 1)).unwrap_or(0);
                if let Some(file) = inner.platter.file_mut(inode) {
                    file.write(at, &bytes[..part]);
                }
                return Err(Refusal::Failed(Fault::Io));
            }
            other => other?,
        };
        let length = inner.platter.file(inode).ok_or(Refusal::Missing)?.content().len();
        let grows = (at + bytes.len()).saturating_sub(length);
        if grows > 0 && inner.capacity.is_some_and(|most| inner.platter.used() + grows > most) {
            inner.failures += 1;
            return Err(Refusal::Failed(Fault::Full));
        }
        let secrets = Arc::clone(&inner.secrets);
        for secret in secrets.iter() {
            if secret.find(bytes).is_some() {
                let secret = String::from_utf8_lossy(secret.needle()).into_owned();
                inner.leaks.push(format!("{secret} was written to the disk (I13)"));
            }
        }
        inner.platter.file_mut(inode).ok_or(Refusal::Missing)?.write(at, bytes);
        Ok(())
    }

    fn cut(&self, inode: Inode, length: usize) -> Result<(), Refusal> {
        outside(|| self.cut_counted(inode, length))
    }

    fn cut_counted(&self, inode: Inode, length: usize) -> Result<(), Refusal> {
        self.touch(Touch::Write)?.platter.file_mut(inode).ok_or(Refusal::Missing)?.cut(length);
        Ok(())
    }

    /// `names`: the directory is synced too.
    fn sync(&self, inode: Inode, names: bool) -> Result<(), Refusal> {
        outside(|| self.sync_counted(inode, names))
    }

    fn sync_counted(&self, inode: Inode, names: bool) -> Result<(), Refusal> {
        let touched = self.touch(Touch::Sync);
        if matches!(touched, Err(Refusal::Failed(Fault::Io))) {
            let mut inner = lock(&self.disk.0);
            if inner.chance.once_in(2) {
                if let Some(file) = inner.platter.file_mut(inode) {
                    file.sync_in_vain();
                }
            }
        }
        let mut inner = touched?;
        if inner.lies {
            return Ok(());
        }
        if let Some(file) = inner.platter.file_mut(inode) {
            file.sync();
        }
        if names {
            inner.platter.sync_names();
        }
        Ok(())
    }

    fn length(&self, inode: Inode) -> Result<usize, Refusal> {
        let inner = self.touch(Touch::Look)?;
        Ok(inner.platter.file(inode).ok_or(Refusal::Missing)?.content().len())
    }

    fn create(&self, name: &str) -> Result<Inode, Refusal> {
        outside(|| self.create_counted(name))
    }

    fn create_counted(&self, name: &str) -> Result<Inode, Refusal> {
        let mut inner = self.touch(Touch::Name)?;
        if inner.platter.named(name).is_some() {
            return Err(Refusal::Taken);
        }
        Ok(inner.platter.create(name))
    }

    fn remove(&self, name: &str) -> Result<(), Refusal> {
        outside(|| self.remove_counted(name))
    }

    fn remove_counted(&self, name: &str) -> Result<(), Refusal> {
        if self.touch(Touch::Name)?.platter.take(name) { Ok(()) } else { Err(Refusal::Missing) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mut mounts = mounts();
        // Unless it was mounted there again.
        if mounts.get(&self.id).is_some_and(|mount| mount.strong_count() == 0) {
            mounts.remove(&self.id);
        }
    }
}
