//! What is known to be wrong without looking at the rows.

use super::{Engine, Water};
use crate::journal::file_system::{self, Kept};
use crate::journal::files::Room;
use crate::journal::{Health, JournalError, failure, parts, restored};
use crate::numbering::MAX_NUMBER;

/// Room on the disk that is called little: a quiet day's payments. Of a small one, a sixteenth.
const LITTLE_ROOM: u64 = 16 << 20;

/// So many batches are called few: a quarter of a year of quarter-hours.
const FEW_BATCHES: u32 = 9_000;

impl Engine {
    /// What is known to be wrong without looking at the rows.
    pub(in crate::journal) fn report(&self, health: &mut Health) -> Result<(), JournalError> {
        self.place.check()?;
        let failed = |error: rusqlite::Error| failure::sqlite("health", &error);
        let water = Water::read(&self.connection).map_err(failed)?;
        let problems = &mut health.problems;
        let used = water.batch.max(water.floor);
        if MAX_NUMBER - used < FEW_BATCHES {
            problems.push(format!(
                "the batches of this terminal are nearly used up ({used:06} of {MAX_NUMBER}; a clock that was \
                 years ahead once does that): this journal sells on in its last one, but another one cannot \
                 follow it. Do not set it aside; have OVO give you another terminal, and give that a journal \
                 at another place"
            ));
        }
        problems.extend(restored::reason(&self.connection, &water).map_err(failed)?);
        if self.lock.is_some() && self.place.look()?.born.is_none() {
            health.notes.push(
                "the file system remembers no times of birth, so that a directory put back from a \
                 backup may look like the one that was there: after putting one back compare OVO's \
                 settlement file with your books"
                    .to_owned(),
            );
        }
        let open = parts::open(&self.connection).map_err(failed)?;
        health.notes.extend(open.as_ref().map(parts::is_not_finished));
        let kept = self.place.kept();
        let risk = file_system::risk(kept).map(str::to_owned);
        if kept == Kept::InMemory {
            problems.extend(risk)
        } else {
            health.notes.extend(risk)
        }
        // A copy for reading has neither.
        if let Some(lock) = &self.lock {
            let little = |room: &Room| room.own < LITTLE_ROOM.min(room.all / 16);
            if let Some(lacks) = self.lacks_its_reserve() {
                problems.push(lacks);
            } else if let Some(room) = self.place.room().filter(little) {
                problems.push(format!(
                    "the journal's disk has {} KiB left, and a payment takes up to 60; make room",
                    room.own >> 10
                ));
            }
            if !self.reserve.is_kept() {
                problems.push(
                    "the reserve beside the journal cannot be written: on a full disk payments under \
                     way are interrupted"
                        .to_owned(),
                );
            }
            if !lock.is_held() {
                health.notes.push(
                    "the file system has no locks for the journal beside SQLite's: a program that \
                     reads the journal's own files would let others in"
                        .to_owned(),
                );
            }
        }
        if !self.mark.is_writable() {
            health.problems.push("the mark beside the journal cannot be written".to_owned());
        }
        Ok(())
    }
}
