//! The second copy of the high-water mark ([policy 2.4], P8): a small file beside the journal.
//!
//! It answers one question at opening: was the journal replaced by an older copy of itself, or by
//! another ([fault J12]), or did the end of its log go ([J10])? It counts openings, and is written behind every
//! commit of a payment, and then not synced: a sync would make every payment dearer by a third, and a mark that
//! lags proves nothing and harms nothing. Only a mark that is **ahead** of its journal is evidence: the journal's
//! commit is synced before the mark is written, so on an honest disk that cannot happen by itself. The last
//! commit stands for all: a log that ends early has lost its latest first, and SQLite says nothing of it.
//!
//! At a proper closing it says so, behind the journal: one that says it is open then, and was not opened
//! since, is a copy from before.
//!
//! What it cannot see: a copy of the whole directory, mark included.
//!
//! [fault J12]: crate::manual::faults#j-disk-and-journal
//! [J10]: crate::manual::faults#j-disk-and-journal
//! [policy 2.4]: crate::manual::policy#24-commit-first

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::files::{Files, OpenFile};
use super::version::Incarnation;
use super::{companion, failure, place};
use crate::hex::hex;
use crate::journal::JournalError;
use crate::payment::PaymentId;

/// A mark is one short line; more is none.
const LONGEST: usize = 1024;

/// What the file says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    pub(super) incarnation: Incarnation,
    /// Batch and reference handed out last; zeros before the first payment.
    pub(super) numbers: (u32, u32),
    /// How often the journal was opened; 0 where 0.1.0 wrote the mark.
    pub(super) openings: u32,
    /// The payment whose commit it follows, and the version that this made; `None` before the first of an
    /// opening.
    pub(super) committed: Option<(PaymentId, u64)>,
    /// An opening has found that the journal lost its log, and the journal itself may not know yet.
    pub(super) lost_log: bool,
    /// This opening of it was ended properly: it said that it is closed before the mark did.
    pub(super) closed: bool,
}

impl Mark {
    /// Of a journal that is open.
    pub(super) fn open(incarnation: Incarnation, numbers: (u32, u32), openings: u32) -> Mark {
        Mark { incarnation, numbers, openings, committed: None, lost_log: false, closed: false }
    }

    /// Whether this is `other`'s journal, as it was then or later.
    pub(super) fn goes_on_from(&self, other: &Mark) -> bool {
        self.incarnation == other.incarnation
            && self.openings >= other.openings
            && self.numbers >= other.numbers
    }

    /// One line of text, always of the same length, so that it is overwritten in place.
    fn line(&self) -> String {
        let (batch, reference) = self.numbers;
        let incarnation = hex(&self.incarnation);
        let body = match self.openings {
            0 => format!("ovo-ptp mark 1 {incarnation} {batch:06}/{reference:06}"),
            count => {
                let version = match (self.lost_log, self.closed) {
                    (true, _) => 3,
                    (false, true) => 4,
                    (false, false) => 2,
                };
                let (id, row) = self.committed.map_or((0, 0), |(id, version)| (id.0, version));
                format!(
                    "ovo-ptp mark {version} {incarnation} {batch:06}/{reference:06} {count:012} \
                     {id:019}/{row:020}"
                )
            }
        };
        let digest = Sha256::digest(body.as_bytes());
        format!("{body} {}\n", hex(&digest[..4]))
    }

    fn parse(line: &str) -> Option<Mark> {
        let (version, words) = line.strip_prefix("ovo-ptp mark ")?.split_once(' ')?;
        let mut words = words.split_ascii_whitespace();
        let name = words.next()?;
        let (batch, reference) = words.next()?.split_once('/')?;
        let mut incarnation = [0; 16];
        for (index, byte) in incarnation.iter_mut().enumerate() {
            *byte = u8::from_str_radix(name.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        let numbers = (batch.parse().ok()?, reference.parse().ok()?);
        let (mut openings, mut committed) = (0, None);
        if version != "1" {
            openings = words.next()?.parse().ok()?;
            let (id, row) = words.next()?.split_once('/')?;
            let (id, row) = (id.parse().ok()?, row.parse().ok()?);
            committed = (id != 0).then_some((PaymentId(id), row));
        }
        let (lost_log, closed) = (version == "3", version == "4");
        let mark = Mark { incarnation, numbers, openings, committed, lost_log, closed };
        // Torn or edited lines are no evidence of anything.
        (mark.line() == line).then_some(mark)
    }
}

/// The mark that lies at a place, for whoever would write another one over it: one that cannot be
/// read is none that may be overwritten.
pub(super) fn lying(files: &dyn Files, journal: &Path) -> Result<Option<Mark>, JournalError> {
    let path = place::with_suffix(journal, ".mark");
    match files.read(&path, LONGEST) {
        Ok(line) => Ok(std::str::from_utf8(&line).ok().and_then(Mark::parse)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure::at(&path, &error)),
    }
}

/// The mark that lies beside a journal.
pub(super) fn read(files: &dyn Files, journal: &Path) -> Option<Mark> {
    let line = files.read(&place::with_suffix(journal, ".mark"), LONGEST).ok()?;
    Mark::parse(std::str::from_utf8(&line).ok()?)
}

/// The open mark file. Its failures never stop a payment: the journal is the authority.
#[derive(Debug, Default)]
pub(super) struct MarkFile {
    file: Option<Box<dyn OpenFile>>,
}

impl MarkFile {
    /// Reads the mark and keeps the file for writing; no mark if there is none or it is damaged.
    pub(super) fn open(files: &dyn Files, journal: &Path) -> (MarkFile, Option<Mark>) {
        let path = place::with_suffix(journal, ".mark");
        let mark = read(files, journal);
        (MarkFile { file: companion::open(files, &path).ok() }, mark)
    }

    pub(super) fn is_writable(&self) -> bool {
        self.file.is_some()
    }

    /// Overwrites the mark, without a sync.
    pub(super) fn write(&mut self, mark: &Mark) -> bool {
        let Some(file) = &mut self.file else {
            return false;
        };
        let written = file.write(0, mark.line().as_bytes());
        if written.is_err() {
            self.file = None;
        }
        written.is_ok()
    }

    /// Overwrites the mark and syncs it: once per opening.
    pub(super) fn write_durably(&mut self, mark: &Mark) -> bool {
        let length = mark.line().len() as u64;
        self.write(mark)
            && self
                .file
                .as_mut()
                .is_some_and(|file| file.set_length(length).and_then(|()| file.sync()).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_a_torn_one_says_nothing() {
        let mark = Mark::open(*b"0123456789abcdef", (42, 999_999), 7);
        let line = mark.line();
        assert_eq!(Mark::parse(&line), Some(mark));
        for torn in [&line[..line.len() - 3], &line.replace("000042", "000043"), "", "ovo-ptp"] {
            assert_eq!(Mark::parse(torn), None);
        }
        let with_a_loss = Mark { lost_log: true, ..mark };
        assert_eq!(Mark::parse(&with_a_loss.line()), Some(with_a_loss));
        let closed = Mark { closed: true, ..mark };
        assert_eq!(Mark::parse(&closed.line()), Some(closed));
        let of_an_older_release = Mark { openings: 0, ..mark };
        assert_eq!(Mark::parse(&of_an_older_release.line()), Some(of_an_older_release));
        let behind_a_commit = Mark { committed: Some((PaymentId(7), 3)), ..mark };
        assert_eq!(Mark::parse(&behind_a_commit.line()), Some(behind_a_commit));
        let committed = Some((PaymentId(i64::MAX), u64::MAX));
        let longest = Mark { numbers: (999_999, 999_999), openings: u32::MAX, committed, ..mark };
        assert_eq!(longest.line().len(), Mark { numbers: (0, 0), ..mark }.line().len());
    }
}
