//! Locks of files, and the memory that processes with the same journal share: both end with the
//! process that holds them.

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::Arc;

use ovo_checkout::Life;

use super::platter::Inode;

/// Which open file.
pub(super) type Handle = u64;

struct Held {
    by: Handle,
    life: Arc<Life>,
    level: i32,
}

/// SQLite's five levels: none, shared, reserved, pending, exclusive.
#[derive(Default)]
pub(super) struct Locks(HashMap<Inode, Vec<Held>>);

pub(super) const SHARED: i32 = 1;
pub(super) const RESERVED: i32 = 2;
const PENDING: i32 = 3;
pub(super) const EXCLUSIVE: i32 = 4;

impl Locks {
    /// Whether `by` now has `level`.
    pub(super) fn take(&mut self, inode: Inode, by: Handle, life: &Arc<Life>, level: i32) -> bool {
        let held = self.0.entry(inode).or_default();
        held.retain(|held| !held.life.is_over());
        let own = held.iter().find(|held| held.by == by).map_or(0, |held| held.level);
        if own >= level {
            return true;
        }
        let highest =
            held.iter().filter(|held| held.by != by).map(|held| held.level).max().unwrap_or(0);
        let granted = match level {
            SHARED if highest < PENDING => SHARED,
            RESERVED if highest < RESERVED => RESERVED,
            EXCLUSIVE if highest == 0 => EXCLUSIVE,
            // Readers may finish; no new one comes in.
            EXCLUSIVE if highest < RESERVED => PENDING,
            _ => own,
        };
        match held.iter_mut().find(|held| held.by == by) {
            Some(held) => held.level = granted,
            None => held.push(Held { by, life: Arc::clone(life), level: granted }),
        }
        granted == level
    }

    pub(super) fn lower(&mut self, inode: Inode, by: Handle, level: i32) {
        let Some(held) = self.0.get_mut(&inode) else { return };
        if let Some(own) = held.iter_mut().find(|held| held.by == by) {
            own.level = own.level.min(level);
        }
        held.retain(|held| held.level > 0);
    }

    pub(super) fn reserved(&self, inode: Inode) -> bool {
        self.0.get(&inode).is_some_and(|held| {
            held.iter().any(|held| !held.life.is_over() && held.level >= RESERVED)
        })
    }
}

/// 32 KiB of the write-ahead log's index.
pub(super) struct Region(UnsafeCell<Box<[u8]>>);

// SAFETY: A world with all its processes runs on one thread; the bytes are touched by SQLite alone.
unsafe impl Send for Region {}
// SAFETY: As above.
unsafe impl Sync for Region {}

impl Region {
    pub(super) fn bytes(&self) -> *mut u8 {
        // SAFETY: No reference to the box is kept; its bytes stay where they are while it lives.
        unsafe { (*self.0.get()).as_mut_ptr() }
    }
}

#[derive(Default)]
struct Slot {
    shared: Vec<(Handle, Arc<Life>)>,
    exclusive: Option<(Handle, Arc<Life>)>,
}

/// The shared memory of one database.
#[derive(Default)]
pub(super) struct SharedMemory {
    regions: Vec<Arc<Region>>,
    users: Vec<(Handle, Arc<Life>)>,
    slots: [Slot; 8],
}

impl SharedMemory {
    /// The region, made if `extend`; whoever comes to a memory without living users finds it empty.
    pub(super) fn map(
        &mut self,
        by: Handle,
        life: &Arc<Life>,
        index: usize,
        size: usize,
        extend: bool,
    ) -> Option<Arc<Region>> {
        self.users.retain(|(_, life)| !life.is_over());
        if !self.users.iter().any(|(user, _)| *user == by) {
            if self.users.is_empty() {
                // Not freed: a dead process's connection still points there until it is closed.
                self.regions.clear();
                self.slots = Default::default();
            }
            self.users.push((by, Arc::clone(life)));
        }
        while extend && self.regions.len() <= index {
            let bytes = vec![0; size].into_boxed_slice();
            self.regions.push(Arc::new(Region(UnsafeCell::new(bytes))));
        }
        self.regions.get(index).cloned()
    }

    pub(super) fn leave(&mut self, by: Handle) {
        self.users.retain(|(user, _)| *user != by);
        for slot in &mut self.slots {
            slot.shared.retain(|(user, _)| *user != by);
            slot.exclusive.take_if(|(user, _)| *user == by);
        }
    }

    pub(super) fn lock(
        &mut self,
        by: Handle,
        life: &Arc<Life>,
        slots: std::ops::Range<usize>,
        exclusive: bool,
    ) -> bool {
        let Some(slots) = self.slots.get_mut(slots) else { return false };
        for slot in slots.iter_mut() {
            slot.shared.retain(|(_, life)| !life.is_over());
            slot.exclusive.take_if(|(_, life)| life.is_over());
        }
        let free = |slot: &Slot| {
            slot.exclusive.as_ref().is_none_or(|(user, _)| *user == by)
                && (!exclusive || slot.shared.iter().all(|(user, _)| *user == by))
        };
        if !slots.iter().all(free) {
            return false;
        }
        for slot in slots {
            if exclusive {
                slot.exclusive = Some((by, Arc::clone(life)));
            } else if !slot.shared.iter().any(|(user, _)| *user == by) {
                slot.shared.push((by, Arc::clone(life)));
            }
        }
        true
    }

    pub(super) fn unlock(&mut self, by: Handle, slots: std::ops::Range<usize>) {
        for slot in self.slots.get_mut(slots).into_iter().flatten() {
            slot.shared.retain(|(user, _)| *user != by);
            slot.exclusive.take_if(|(user, _)| *user == by);
        }
    }
}
