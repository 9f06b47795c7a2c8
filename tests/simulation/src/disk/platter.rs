//! What is on the disk, what only looks as if it were, and what a power cut makes of it.
//!
//! Every file has two contents: the one that processes see, and the one that is durable. Between
//! them lie the writes since the last sync. A power cut keeps any of those, loses any, and tears
//! any at sectors of 512 or 4096 bytes. Names are files of their own kind: a new name, and a name
//! taken away, are durable from the next sync of the directory on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::random::Chance;

/// Which file.
pub(crate) type Inode = u64;

/// A change that is not durable yet.
#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

/// A file's content, twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    live: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Since the last sync.
    changes: Vec<Change>,
}

fn write(content: &mut Arc<Vec<u8>>, at: usize, bytes: &[u8]) {
    let content = Arc::make_mut(content);
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Change {
    fn apply(&self, content: &mut Arc<Vec<u8>>) {
        match self {
            Change::Write { at, bytes } => write(content, *at, bytes),
            Change::Cut(length) => Arc::make_mut(content).resize(*length, 0),
        }
    }

    /// Some of its sectors, as a power cut in the middle leaves it.
    fn tear(&self, content: &mut Arc<Vec<u8>>, chance: &mut Chance) {
        let Change::Write { at, bytes } = self else { return };
        let sector = if chance.once_in(2) { 512 } else { 4096 };
        let mut from = 0;
        while from < bytes.len() {
            let place = at + from;
            let to = bytes.len().min(from + sector - place % sector);
            if chance.once_in(2) {
                write(content, place, &bytes[from..to]);
            }
            from = to;
        }
    }
}

impl File {
    pub(crate) fn content(&self) -> &Arc<Vec<u8>> {
        &self.live
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        write(&mut self.live, at, bytes);
        self.changes.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(crate) fn cut(&mut self, length: usize) {
        if self.live.len() != length {
            Arc::make_mut(&mut self.live).resize(length, 0);
            self.changes.push(Change::Cut(length));
        }
    }

    pub(crate) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A sync that failed: what was to be written counts as clean from now on, and is not there.
    pub(crate) fn sync_in_vain(&mut self) {
        self.changes.clear();
    }

    fn lose_power(&mut self, cut: Cut, chance: &mut Chance) {
        for change in std::mem::take(&mut self.changes) {
            match cut {
                Cut::LosesAll => break,
                Cut::KeepsAll => change.apply(&mut self.durable),
                Cut::Mixes => match chance.below(3) {
                    0 => change.apply(&mut self.durable),
                    1 => change.tear(&mut self.durable, chance),
                    _ => {}
                },
            }
        }
        self.live = Arc::clone(&self.durable);
    }
}

/// What a power cut does to writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// None of them is there.
    LosesAll,
    /// All of them are there.
    KeepsAll,
    /// Some are, some are torn, some are not, whatever their order.
    Mixes,
}

#[derive(Clone, Debug)]
enum NameChange {
    Given(String, Inode),
    Taken(String),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Inode>) {
        match self {
            NameChange::Given(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            NameChange::Taken(name) => {
                names.remove(name);
            }
        }
    }
}

/// A disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Platter {
    files: BTreeMap<Inode, File>,
    names: BTreeMap<String, Inode>,
    durable_names: BTreeMap<String, Inode>,
    name_changes: Vec<NameChange>,
    newest: Inode,
}

impl Platter {
    pub(crate) fn named(&self, name: &str) -> Option<Inode> {
        self.names.get(name).copied()
    }

    /// How many names a file has.
    pub(crate) fn names_of(&self, inode: Inode) -> u64 {
        self.names.values().filter(|other| **other == inode).count() as u64
    }

    pub(crate) fn file(&self, inode: Inode) -> Option<&File> {
        self.files.get(&inode)
    }

    pub(crate) fn file_mut(&mut self, inode: Inode) -> Option<&mut File> {
        self.files.get_mut(&inode)
    }

    pub(crate) fn create(&mut self, name: &str) -> Inode {
        self.newest += 1;
        self.files.insert(self.newest, File::default());
        self.give(name, self.newest);
        self.newest
    }

    pub(crate) fn give(&mut self, name: &str, inode: Inode) {
        self.names.insert(name.to_owned(), inode);
        self.name_changes.push(NameChange::Given(name.to_owned(), inode));
    }

    pub(crate) fn take(&mut self, name: &str) -> bool {
        let there = self.names.remove(name).is_some();
        if there {
            self.name_changes.push(NameChange::Taken(name.to_owned()));
        }
        there
    }

    pub(crate) fn sync_names(&mut self) {
        self.name_changes.clear();
        self.durable_names = self.names.clone();
    }

    /// What a person does with the files, which lasts.
    pub(crate) fn by_hand(&mut self, does: impl FnOnce(&mut Platter)) {
        does(self);
        for file in self.files.values_mut() {
            file.sync();
        }
        self.sync_names();
    }

    /// Bytes that a capacity counts: those of files with a name.
    pub(crate) fn used(&self) -> usize {
        let mut inodes: Vec<Inode> = self.names.values().copied().collect();
        inodes.sort_unstable();
        inodes.dedup();
        inodes.iter().filter_map(|inode| self.files.get(inode)).map(|file| file.live.len()).sum()
    }

    /// Files with their names, as processes see them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Arc<Vec<u8>>)> {
        self.names
            .iter()
            .filter_map(|(name, inode)| Some((name.as_str(), &self.files.get(inode)?.live)))
    }

    pub(crate) fn lose_power(&mut self, cut: Cut, chance: &mut Chance) {
        for file in self.files.values_mut() {
            file.lose_power(cut, chance);
        }
        // A directory's journal keeps the order: some first ones of the changes are there.
        let kept = match cut {
            Cut::LosesAll => 0,
            Cut::KeepsAll => self.name_changes.len(),
            Cut::Mixes => {
                usize::try_from(chance.below(self.name_changes.len() as u64 + 1)).unwrap_or(0)
            }
        };
        for change in self.name_changes.drain(..).take(kept) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        let names = &self.names;
        self.files.retain(|inode, _| names.values().any(|named| named == inode));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_outlives_every_power_cut() {
        for seed in 0..200 {
            let mut chance = Chance::of(seed);
            let mut platter = Platter::default();
            let inode = platter.create("a");
            platter.file_mut(inode).unwrap().write(0, &[1; 2000]);
            platter.file_mut(inode).unwrap().sync();
            platter.sync_names();
            platter.file_mut(inode).unwrap().write(2000, &[2; 3000]);
            platter.create("b");
            platter.lose_power(Cut::Mixes, &mut chance);
            let content = platter.file(platter.named("a").unwrap()).unwrap().content();
            assert_eq!(content[..2000], [1; 2000]);
            assert!(content[2000..].iter().all(|byte| [0, 2].contains(byte)));
        }
    }

    #[test]
    fn what_was_not_synced_can_be_lost() {
        let mut platter = Platter::default();
        let inode = platter.create("a");
        platter.sync_names();
        platter.file_mut(inode).unwrap().write(0, b"words");
        platter.create("b");
        platter.lose_power(Cut::LosesAll, &mut Chance::of(1));
        assert!(platter.file(inode).unwrap().content().is_empty());
        assert_eq!(platter.named("b"), None);
    }
}
