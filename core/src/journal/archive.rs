//! An archive's file: the tables and rules of a journal, payments that are over, and no numbers to
//! hand out. Nobody sells with it ([`place::refuse_archive`]); everything that reads takes it.
//!
//! As long as it is unfinished the journal tells its rows, and readers refuse it: nothing is told
//! twice.

use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::copies::misplaced;
use super::files::Files;
use super::opening::{self, Access};
use super::place::Place;
use super::row::{self, COLUMNS, PHONE};
use super::version::Incarnation;
use super::view::View;
use super::{engine, failure, fork, meta, schema};
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

/// Whether all that it has was taken out of its journal: 0 or 1.
const FINISHED: &str = "archive finished";
/// Its random name, which the journal knows too.
const TOKEN: &str = "archive";
/// It has payments that were begun before this, in Unix milliseconds.
const BEFORE: &str = "archive before";

/// What an archive takes over from what its journal knows of itself: whose it is. Its keys stay
/// where the phones are.
pub(super) const TAKEN_OVER: [&str; 9] =
    ["incarnation", "created", "boots", "boot", "boot_id", "class", "host", "merchant", "terminal"];

fn in_sqlite(error: &rusqlite::Error) -> JournalError {
    failure::sqlite("archive", error)
}

/// Its random name, which the journal knows it by; `None` of a journal.
pub(super) fn name(connection: &Connection) -> rusqlite::Result<Option<String>> {
    meta::get(connection, TOKEN)
}

/// Whether this is an archive, finished or not.
pub(super) fn is_one(connection: &Connection) -> rusqlite::Result<bool> {
    meta::get::<i64>(connection, FINISHED).map(|found| found.is_some())
}

/// Refuses to read one of which the journal still tells the rows.
pub(super) fn refuse_unfinished(connection: &Connection) -> Result<(), JournalError> {
    match meta::get::<i64>(connection, FINISHED).map_err(|error| in_sqlite(&error))? {
        Some(0) => Err(misplaced(
            "this archive is not finished: archive into it once more, and it is; until then payments \
             may be in the journal too"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// A connection beside the journal's own: whatever reaches SQLite by it is inside ([`fork`]), its end
/// included. Not to be dropped by whoever is inside already.
#[derive(Debug)]
struct Beside(Option<Connection>);

impl Beside {
    /// `None` only while it ends.
    fn run<T>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let _inside = fork::inside();
        let gone = rusqlite::Error::InvalidQuery;
        self.0.as_ref().ok_or(gone).and_then(run).map_err(|error| in_sqlite(&error))
    }

    fn close(mut self) -> Result<(), JournalError> {
        let _inside = fork::inside();
        match self.0.take().map(Connection::close) {
            Some(Err((left, error))) => {
                drop(left);
                Err(in_sqlite(&error))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            let _inside = fork::inside();
            drop(connection);
        }
    }
}

/// What a new archive is told of itself.
pub(super) struct Head {
    pub(super) token: String,
    pub(super) before: WallTime,
    /// Names and values of [`TAKEN_OVER`].
    pub(super) journal: Vec<(String, Value)>,
    pub(super) incarnation: Incarnation,
}

/// Makes an unfinished archive at `draft`, whole and synced. `next`: the next payments, some at a time
/// and in the order of their numbers, until there are none.
pub(super) fn draw_up(
    files: &dyn Files,
    draft: &Path,
    head: &Head,
    mut next: impl FnMut() -> Result<Vec<Payment>, JournalError>,
) -> Result<(), JournalError> {
    let in_file = |error: std::io::Error| failure::file("archive", &error);
    drop(files.create(draft).map_err(in_file)?);
    let opened = {
        let _inside = fork::inside();
        opening::sqlite_on(files, draft).map_err(|error| in_sqlite(&error))?
    };
    let connection = Beside(Some(opened));
    connection.run(|connection| begin(connection, head))?;
    let mut last: Option<Payment> = None;
    loop {
        let mut rows = next()?;
        connection.run(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for payment in &rows {
                insert(connection, payment, &head.incarnation)?;
            }
            connection.execute_batch("COMMIT")
        })?;
        match rows.pop() {
            Some(newest) => last = Some(newest),
            None => break,
        }
    }
    let busy = connection.run(|connection| {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let water = "INSERT INTO high_water VALUES (1, ?1, ?2, ?3, 0, 0, 0)";
        let numbers = last.as_ref().map(|last| last.intent.numbers);
        let (batch, reference) = numbers.map_or((0, 0), |it| (it.batch(), it.reference()));
        connection.execute(water, (last.map_or(0, |last| last.id.0), batch, reference))?;
        schema::create_rules(connection)?;
        connection.execute_batch("COMMIT")?;
        move_log(connection)
    })?;
    if busy != 0 {
        return Err(incomplete());
    }
    connection.close()?;
    files.open(draft).and_then(|mut file| file.sync()).map_err(in_file)
}

fn begin(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    opening::run(connection, &format!("page_size = {}", opening::PAGE_SIZE))?;
    opening::configure(connection, Access::One)?;
    // Its log does not get its name, and should not become as long as itself.
    opening::run(connection, "wal_autocheckpoint = 1000")?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    opening::run(connection, &format!("application_id = {}", schema::ARCHIVE_ID))?;
    opening::run(connection, &format!("user_version = {}", schema::VERSION))?;
    schema::create_tables(connection)?;
    for (name, value) in &head.journal {
        meta::put(connection, name, value)?;
    }
    meta::put(connection, TOKEN, &head.token)?;
    meta::put(connection, BEFORE, head.before.unix_millis())?;
    meta::put(connection, FINISHED, 0)?;
    connection.execute_batch("COMMIT")
}

/// Not 0 if somebody was in the way.
fn move_log(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
}

fn incomplete() -> JournalError {
    JournalError::new(JournalErrorKind::Io, "archive: it cannot be completed")
}

fn insert(
    connection: &Connection,
    payment: &Payment,
    incarnation: &Incarnation,
) -> rusqlite::Result<()> {
    let mut stored = COLUMNS.to_vec();
    stored.remove(PHONE);
    let places = vec!["?"; stored.len()].join(", ");
    let sql = format!("INSERT INTO payment ({}) VALUES ({places})", stored.join(", "));
    let columns = row::encode(payment, incarnation)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let values = columns[..PHONE].iter().chain(&columns[PHONE + 1..]);
    connection.prepare_cached(&sql)?.execute(params_from_iter(values)).map(drop)
}

/// An open archive: one at a time, by SQLite's own locks.
#[derive(Debug)]
pub(super) struct ArchiveFile {
    connection: Beside,
    // Behind the connection, which is closed first.
    place: Place,
    incarnation: Incarnation,
    select: &'static str,
}

impl ArchiveFile {
    /// The archive at `path`; `None` if nothing is there.
    ///
    /// # Errors
    /// `Misplaced` if what is there is no archive, `Locked` if somebody else writes to it, `Corrupt`.
    pub(super) fn open(
        files: &Arc<dyn Files>,
        path: &Path,
    ) -> Result<Option<ArchiveFile>, JournalError> {
        let Some(place) = Place::claim_any(files, path, &[schema::ARCHIVE_ID])? else {
            return Ok(None);
        };
        let opened = {
            let _inside = fork::inside();
            opening::connect(&**files, path, Access::One)?
        };
        let connection = Beside(Some(opened));
        let (is_intact, incarnation) = connection.run(|connection| {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            // With it come the locks, which stay until it is closed.
            connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
            Ok((schema::is_intact(connection)?, engine::meta(connection, "incarnation")?))
        })?;
        if !is_intact {
            return Err(JournalError::new(
                JournalErrorKind::Corrupt,
                "the tables or their rules were changed by hand",
            ));
        }
        Ok(Some(ArchiveFile { connection, place, incarnation, select: engine::select() }))
    }

    /// Its random name.
    pub(super) fn token(&self) -> Result<String, JournalError> {
        self.connection.run(|connection| engine::meta(connection, TOKEN))
    }

    /// Before when its payments were begun.
    pub(super) fn before(&self) -> Result<WallTime, JournalError> {
        let before = self.connection.run(|connection| engine::meta(connection, BEFORE))?;
        Ok(WallTime::from_unix_millis(before))
    }

    /// Which journal it is of.
    pub(super) fn incarnation(&self) -> &Incarnation {
        &self.incarnation
    }

    /// Whether readers take it.
    pub(super) fn is_finished(&self) -> Result<bool, JournalError> {
        self.connection
            .run(|connection| engine::meta::<i64>(connection, FINISHED))
            .map(|it| it == 1)
    }

    /// How many payments it has.
    pub(super) fn count(&self) -> Result<u64, JournalError> {
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM payment", [], |row| row.get::<_, i64>(0))
        };
        self.connection.run(count).map(i64::unsigned_abs)
    }

    /// The payments behind a number, at most `limit`, in their order.
    ///
    /// # Errors
    /// `Gone` if the file was taken away: what is then only in it must not leave the journal.
    /// `Corrupt` if one of them is damaged.
    pub(super) fn behind(&self, id: PaymentId, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.place.check()?;
        let mut found = Vec::new();
        let mut damage = Ok(());
        let read = self.connection.run(|connection| {
            let view = View { connection, incarnation: &self.incarnation, select: self.select };
            Ok(view.rows("archive", "WHERE id > ?1 ORDER BY id", [id.0], |_, row| match row {
                Ok(payment) => {
                    found.push(payment);
                    found.len() < limit
                }
                Err(error) => {
                    damage = Err(error);
                    false
                }
            }))
        });
        read?.and(damage).map(|()| found)
    }

    /// Drops rows that the journal has in another state, which it keeps; in one commit.
    pub(super) fn drop_rows(&self, ids: &[PaymentId]) -> Result<(), JournalError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.connection.run(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            schema::drop_rules(connection)?;
            for id in ids {
                connection.execute("DELETE FROM payment WHERE id = ?1", [id.0])?;
            }
            schema::create_rules(connection)?;
            connection.execute_batch("COMMIT")
        })
    }

    /// Says that all that it has was taken out of the journal, durably.
    pub(super) fn finish(self, files: &dyn Files, path: &Path) -> Result<(), JournalError> {
        let in_file = |error: std::io::Error| failure::file("archive", &error);
        let busy = self.connection.run(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            meta::put(connection, FINISHED, 1)?;
            connection.execute_batch("COMMIT")?;
            // From here on it is one file, which can be copied and put on a shelf.
            move_log(connection)
        })?;
        if busy != 0 {
            return Err(incomplete());
        }
        self.connection.close()?;
        drop(self.place);
        files.open(path).and_then(|mut file| file.sync()).map_err(in_file)?;
        files.sync_directory(path).map_err(in_file)
    }
}
