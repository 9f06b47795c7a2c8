//! The write-ahead log: moved into the database, overwritten, and given up at closing.

use std::time::Duration;

use super::{Engine, Water};
use crate::journal::mark::Mark;
use crate::journal::opening::{self, Access, SHARED_PATIENCE};
use crate::journal::{JournalError, JournalErrorKind, failure, log};

/// Frames of the write-ahead log after which they are moved to the database file: 800 KB, as
/// [operations 3.1] has it with pages four times as large.
///
/// [operations 3.1]: crate::manual::operations#31-the-engine
const CHECKPOINT_FRAMES: i64 = 800;
/// Writes after which the log's length is looked at: SQLite prepares that question anew each time.
/// A write adds some ten frames at most, so the log is found too long by 320 of them at most.
const LOOK_AFTER: usize = 32;
/// Forgotten phones after which their last traces are overwritten, however busy the journal is.
const ERASE_AT_LATEST: u32 = 64;

impl Engine {
    /// Moves the write-ahead log into the database when it is long, and overwrites forgotten
    /// phones in it. SQLite would do the first by itself, but would ignore a failed sync; and a
    /// sync that failed once must stop everything (J6).
    pub(in crate::journal) fn tidy(&mut self, idle: bool) {
        if self.refusal.is_some() || !self.connection.is_autocommit() {
            return;
        }
        let erase = self.forgotten > 0 && (idle || self.forgotten >= ERASE_AT_LATEST);
        if !erase && self.unmeasured < LOOK_AFTER {
            return;
        }
        if self.lock.as_ref().is_some_and(|lock| lock.wait_for_turn(Duration::ZERO).is_err()) {
            // Somebody else writes; the next one tidies up.
            return;
        }
        let result = if erase {
            self.erase_log()
        } else {
            self.unmeasured = 0;
            self.checkpoint("PRAGMA wal_checkpoint(NOOP)").and_then(|(_, frames, _)| {
                if frames >= CHECKPOINT_FRAMES { self.move_log() } else { Ok(()) }
            })
        };
        self.end_turn();
        if let Err(error) = result {
            // A full disk or a reader of another process: the log grows, and the next one tries
            // again.
            if failure::poisons(error.kind) {
                self.refusal = Some(error);
            }
        }
    }

    /// Moves what is in the log into the database. The log stays, and is written over from the next
    /// commit on.
    pub(in crate::journal) fn move_log(&mut self) -> Result<(), JournalError> {
        let name = self.log_name()?;
        let (busy, frames, moved) = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")?;
        if !busy && frames == moved {
            self.moved_log = Some(name);
        }
        Ok(())
    }

    fn log_name(&self) -> Result<String, JournalError> {
        log::name(&self.connection).map_err(|error| failure::sqlite("checkpoint", &error))
    }

    /// The same, and nothing of it is left in the log. It is cut by the commit that begins the next
    /// generation, and so never empty (see `log`).
    fn erase_log(&mut self) -> Result<(), JournalError> {
        let name = self.log_name()?;
        let (busy, ..) = self.checkpoint("PRAGMA wal_checkpoint(RESTART)")?;
        if busy {
            return Ok(());
        }
        self.place.log_was_cut();
        self.place.log_is_written();
        self.execute("BEGIN IMMEDIATE")?;
        let begun = self
            .limit_log(0)
            .and_then(|()| log::begin(&**self.place.files(), &self.connection, &name))
            .and_then(|()| self.execute("COMMIT"))
            .map_err(|error| self.abort(error));
        self.limit_log(-1)?;
        begun?;
        self.place.log_was_written();
        self.moved_log = None;
        self.forgotten = 0;
        Ok(())
    }

    /// To how many bytes a log is cut when it is begun anew; below 0: not at all.
    fn limit_log(&self, bytes: i64) -> Result<(), JournalError> {
        opening::run(&self.connection, &format!("journal_size_limit = {bytes}"))
            .map_err(|error| failure::sqlite("checkpoint", &error))
    }

    /// Whether it was kept from finishing, the frames in the log, and how many of them were moved.
    fn checkpoint(&self, pragma: &str) -> Result<(bool, i64, i64), JournalError> {
        self.is_in_place()?;
        self.tell_the_others(None)?;
        let moved = self.connection.prepare_cached(pragma).and_then(|mut statement| {
            statement
                .query_row([], |row| Ok((row.get::<_, i64>(0)? != 0, row.get(1)?, row.get(2)?)))
        });
        self.place.was_written();
        self.tell_the_others(self.place.as_shared())?;
        moved.map_err(|error| failure::sqlite("checkpoint", &error))
    }

    /// The log may go from here on. First all that is in it is moved into the database, and only then
    /// the database says so: in the middle of a move one page may be there without another.
    ///
    /// Returns whether it says so.
    pub(in crate::journal) fn says_closed(&mut self) -> Result<bool, JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite("close", &error);
        self.place.check()?;
        if !log::is_open(&self.connection).map_err(failed)? {
            return Ok(true);
        }
        match self.move_log() {
            Err(full) if full.kind == JournalErrorKind::Full => return Ok(false),
            other => other?,
        }
        let Some(moved) = self.moved_log.clone() else { return Ok(false) };
        self.place.log_is_written();
        self.execute("BEGIN IMMEDIATE")?;
        log::says_open(&self.connection, false).map_err(failed)?;
        // An older copy of this run's log is known by its name then, whose place in the database this
        // one takes.
        log::begin(&**self.place.files(), &self.connection, &moved)?;
        self.execute("COMMIT")?;
        self.moved_log = None;
        Ok(true)
    }

    /// Closes the file; a poisoned one is left as it is, for whoever opens it next.
    pub(in crate::journal) fn close(mut self) {
        use rusqlite::config::DbConfig;
        // J22: who shares a journal and is not its last must not take the log away, whatever is
        // left of SQLite's own locks.
        let last = self
            .lock
            .as_ref()
            .is_none_or(|lock| lock.wait_for_turn(SHARED_PATIENCE).is_ok() && lock.is_last());
        if self.refusal.is_some() || !last || !self.says_closed().unwrap_or(false) {
            return;
        }
        // Of several processes none knows how often it was opened.
        if self.access != Access::Host {
            if let Ok(water) = Water::read(&self.connection) {
                let numbers = (water.batch, water.reference);
                let mark = Mark::open(self.incarnation, numbers, self.openings);
                self.mark.write(&Mark { closed: true, ..mark });
            }
        }
        if self.forgotten > 0 {
            // The log is removed at closing, but not overwritten.
            self.place.log_was_cut();
            self.place.log_is_written();
            let _ = self.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        // Only here, so that whatever was refused or broken off is left as it is, its log included.
        // SQLite checkpoints once more; if that fails the log stays and is read at the next open.
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    }
}
