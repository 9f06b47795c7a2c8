//! What happened to one payment, step by step: for people, and for nothing else.
//!
//! No rule reads it, no request is built from it, and where it cannot be kept (a full disk, its own
//! limit) the payment goes on without. It rides in the commits that are made anyway: a step that
//! changes nothing durable is remembered with the payment in memory, and written with the next one.
//!
//! It holds nothing about a person, no key and no signature: times, codes and rules, and the reason
//! of an operator, who was asked to leave personal data out of it.

mod encoding;
mod entry;
#[cfg(test)]
mod tests;

use std::fmt;

pub use entry::{Ended, Entry, Meaning, Trouble, What};

/// Entries of one payment, at most; beyond that what moves nothing is only counted.
pub const MOST_ENTRIES: usize = 64;
/// Beyond [`MOST_ENTRIES`] there is room for so many verdicts, settlements, cancels and rulings.
const MOST_DECISIVE: usize = 96;
/// And no history is longer than so many bytes, whatever operators write.
const LONGEST: usize = 6 * 1024;
/// A repetition is looked for among so many last entries: a try and its answer, a reversal and the
/// check that shows it without effect.
const LOOK_BACK: usize = 6;

/// The history of one payment: a list of [`Entry`] that only grows.
///
/// What repeats is counted, not listed: [`Entry::count`] and [`Entry::last`].
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// What never changes once it is written.
    written: Vec<u8>,
    /// What does: counts, the times of last repetitions, and what found no room.
    repeated: Vec<u8>,
}

impl History {
    /// Whether nothing is known: a payment of an earlier release, or one that has just begun.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// The entries, oldest first. What is not readable (a later release wrote it) ends the list.
    pub fn entries(&self) -> Vec<Entry> {
        encoding::entries(&self.written, &self.repeated)
    }

    /// Steps that found no room any more.
    pub fn left_out(&self) -> u32 {
        encoding::Repeats::read(&self.repeated).left_out
    }

    /// Adds a step, or counts it if it is one of the last ones again.
    pub fn add(&mut self, entry: &Entry) {
        let entries = self.entries();
        let mut repeats = encoding::Repeats::read(&self.repeated);
        let recent = entries.len().saturating_sub(LOOK_BACK);
        let again = (recent..entries.len()).rev().find(|at| entries[*at].is_repeated_by(entry));
        if let Some(at) = again {
            repeats.count(at, entry);
        } else {
            let limit = if entry.is_decisive() { MOST_DECISIVE } else { MOST_ENTRIES };
            let before = self.written.len();
            encoding::write(&mut self.written, entry, entries.last());
            if entries.len() < limit && self.written.len() <= LONGEST {
                return;
            }
            self.written.truncate(before);
            repeats.left_out = repeats.left_out.saturating_add(1);
        }
        self.repeated = repeats.to_bytes();
    }

    /// Whether this history is `earlier`, and what came behind it.
    pub fn continues(&self, earlier: &History) -> bool {
        self.written.starts_with(&earlier.written) && self.repeated.len() >= earlier.repeated.len()
    }

    /// Adds what `ours`, a history of the same payment, has beside what both have: steps that were
    /// not written yet when somebody else wrote the row.
    pub fn take_over(&mut self, ours: &History) {
        if ours.written.len() <= self.written.len() && self.written.starts_with(&ours.written) {
            return;
        }
        let (mine, ours) = (self.entries(), ours.entries());
        let same = mine.iter().zip(&ours).take_while(|(mine, ours)| mine.is_same(ours)).count();
        for entry in &ours[same..] {
            self.add(entry);
        }
    }

    /// As a journal keeps it: what only grows, and what counts.
    pub(crate) fn as_bytes(&self) -> (&[u8], &[u8]) {
        (&self.written, &self.repeated)
    }

    /// From what a journal kept.
    pub(crate) fn from_bytes(written: &[u8], repeated: &[u8]) -> History {
        History { written: written.to_vec(), repeated: repeated.to_vec() }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}
