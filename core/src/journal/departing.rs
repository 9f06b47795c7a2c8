//! A journal in a file that is to go into a database ([`postgres`](super::postgres)), or has gone there.
//!
//! In its own file stands where it went, and under which name: a random one, which the database has, too,
//! once it has the payments. So both sides know for good of the same move, and this one never goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::ValueRef;

use super::belonging::{self, Owner, RING};
use super::copies::misplaced;
use super::engine::{Engine, Water};
use super::files::{Files, SystemFiles};
use super::handover::{self, ARRIVED, MOVED_INTO, MOVED_TO};
use super::lock::Lock;
use super::notes::Note;
use super::opening::{self, Purpose};
use super::parts::Part;
use super::{
    anothers, aside, failure, fork, machine, meta, owing, parts, place, postgres, restored, schema,
};
use crate::journal::{JournalCopy, JournalError, JournalErrorKind, SqliteOptions};
use crate::payment::Payment;

/// What a journal knows of itself and takes along as it stands.
const KEPT: [&str; 8] =
    ["class", "host", "proxy", "merchant", "terminal", "key", "probed", "jumped"];
/// What people said and heard of it: kept to be read, under a name that means nothing to the next one.
const TOLD: [&str; 5] = ["doubt ", "vouch ", "answered for ", "created", "incarnation"];
const BEFORE: &str = "before the move: ";

/// Where it went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Gone {
    /// The database, without secrets.
    pub(super) to: String,
    pub(super) name: String,
    /// Whether the database was seen to have it.
    pub(super) has_arrived: bool,
}

/// A payment that was archived: its number and its invoice are never given again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tombstone {
    pub(super) id: i64,
    pub(super) invoice: String,
    pub(super) batch: u32,
    pub(super) reference: u32,
    /// Where its archive was made.
    pub(super) archive: String,
    /// Which one it is.
    pub(super) part: u32,
}

/// The journal, which nobody else has open.
pub(super) struct Departing {
    /// `None` only while it is dropped.
    engine: Option<Engine>,
    path: PathBuf,
    gone: Option<Gone>,
    /// Behind the engine: who has the right to it closes it first.
    _lock: Lock,
}

impl Departing {
    /// # Errors
    /// `Locked` if anybody has it open; `Misplaced` if nothing is there, or it was moved to another file.
    pub(super) fn open(from: &Path) -> Result<Departing, JournalError> {
        let _inside = fork::inside();
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        let path = opening::resolve(&*files, from)?;
        place::refuse_if_open_here(&*files, &path)?;
        place::refuse_archive(&*files, &path)?;
        anothers::refuse(&*files, &path)?;
        let lock = Lock::take(&files, &path, false, opening::SHARED_PATIENCE)?;
        let named = |error| failure::named(&path, error);
        let engine =
            opening::attempt(&files, &path, &SqliteOptions::default(), &lock, Purpose::Move)
                .map_err(named)?;
        let gone = gone(&engine).map_err(named)?;
        Ok(Departing { engine: Some(engine), path, gone, _lock: lock })
    }

    pub(super) fn gone(&self) -> Option<&Gone> {
        self.gone.as_ref()
    }

    fn engine(&self) -> Result<&Engine, JournalError> {
        self.engine.as_ref().ok_or_else(|| JournalError::new(JournalErrorKind::Gone, "closed"))
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Engine) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let _inside = fork::inside();
        read(self.engine()?)
            .map_err(|error| failure::named(&self.path, failure::sqlite("move", &error)))
    }

    /// Refuses what a database has no place for, or what a person must answer for first; each with its cure.
    pub(super) fn refuse_unfit(&self) -> Result<(), JournalError> {
        let _inside = fork::inside();
        let engine = self.engine()?;
        let connection = &engine.connection;
        let here = self.path.display();
        let failed = |error: rusqlite::Error| failure::sqlite("move", &error);
        let files = &**engine.place.files();
        let former = aside::every_former(files, &self.path)
            .map_err(|error| failure::at(&self.path, &error))?;
        if let Some((_, aside)) = former.first() {
            return Err(misplaced(format!(
                "{} lies beside {here}, set aside, and a database takes one journal; move that one to a place of \
                 its own first (`ovo-ptp journal move`), and open it there until it owes nothing",
                aside.display()
            )));
        }
        for debt in owing::all(connection).map_err(failed)?.iter().filter(|debt| debt.is_owed()) {
            let number = u32::try_from(debt.number).unwrap_or(0);
            let was_moved = number > 0
                && Note::Moved.read(files, &aside::numbered(&self.path, number))?.is_some();
            if !was_moved {
                let own = owing::name(&engine.incarnation);
                return Err(misplaced(debt.is_missed(&owing::Here {
                    files,
                    path: &self.path,
                    own: &own,
                })));
            }
        }
        if let Some(part) = parts::open(connection).map_err(failed)? {
            return Err(misplaced(format!(
                "the archive {} of {here} is not finished: run the same `ovo-ptp journal archive` once more, then \
                 move it",
                part.path.display()
            )));
        }
        let water = Water::read(connection).map_err(failed)?;
        let (_, is_known) = Owner::read(connection)?.words();
        let lacks_its_key = belonging::with_a_phone(connection).map_err(failed)?.is_some();
        if water.last_id > 0 && (!is_known || lacks_its_key) {
            return Err(misplaced(format!(
                "{here} is of release 0.1.0 and does not say of which environment, merchant and app key it is; open \
                 it once with its own credentials (`ovo-ptp doctor -j {here}`), then move it"
            )));
        }
        let why = restored::reason(connection, &water).map_err(failed)?;
        if water.doubted || restored::misses(connection).map_err(failed)? {
            return Err(misplaced(format!(
                "{}; only then it can be moved into a database",
                why.unwrap_or_else(|| "the journal misses another one".to_owned())
            )));
        }
        Ok(())
    }

    pub(super) fn water(&self) -> Result<Water, JournalError> {
        self.read(|engine| Water::read(&engine.connection))
    }

    pub(super) fn owner(&self) -> Result<Owner, JournalError> {
        let _inside = fork::inside();
        Owner::read(&self.engine()?.connection)
    }

    /// How many payments and how many tombstones there are.
    pub(super) fn counts(&self) -> Result<(u64, u64), JournalError> {
        self.read(|engine| {
            let count = |table| {
                let sql = format!("SELECT count(*) FROM {table}");
                engine.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))
            };
            Ok((count("payment")?.unsigned_abs(), count("archived")?.unsigned_abs()))
        })
    }

    /// How many payments are not settled.
    pub(super) fn unsettled(&self) -> Result<u64, JournalError> {
        self.read(|engine| {
            let sql = format!("SELECT count(*) FROM payment WHERE {}", schema::is_unsettled());
            engine.connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
        })
    }

    /// The next payments above a number, in their order.
    ///
    /// # Errors
    /// `Corrupt`, naming it, if one is damaged: nobody can say of what a copy of it would be one.
    pub(super) fn payments(&self, above: i64, limit: usize) -> Result<Vec<Payment>, JournalError> {
        let _inside = fork::inside();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Ok(Vec::new());
        self.engine()?.rows(
            "move",
            "WHERE id > ?1 ORDER BY id LIMIT ?2",
            (above, limit),
            |_, row| {
                match (row, &mut found) {
                    (Ok(payment), Ok(all)) => all.push(payment),
                    (Err(damaged), _) => found = Err(damaged),
                    (Ok(_), Err(_)) => {}
                }
                found.is_ok()
            },
        )?;
        found.map_err(|mut error| {
            error.message.push_str("; a journal with such a payment stays in its file");
            failure::named(&self.path, error)
        })
    }

    /// The next ones above a number that were archived, in their order.
    pub(super) fn tombstones(
        &self,
        above: i64,
        limit: usize,
    ) -> Result<Vec<Tombstone>, JournalError> {
        self.read(|engine| {
            let archives: BTreeMap<u32, String> = parts::all(&engine.connection)?
                .into_iter()
                .map(|part| (part.number, part.path.display().to_string()))
                .collect();
            let mut statement = engine.connection.prepare_cached(
                "SELECT id, invoice, batch, reference, part FROM archived WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((above, limit), |row| {
                Ok(Tombstone {
                    id: row.get(0)?,
                    invoice: row.get(1)?,
                    batch: row.get(2)?,
                    reference: row.get(3)?,
                    archive: archives.get(&row.get(4)?).cloned().unwrap_or_default(),
                    part: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    /// What it knows of itself and takes along, as the database's journal keeps it.
    pub(super) fn belongings(&self) -> Result<BTreeMap<String, String>, JournalError> {
        let mut all = self.own_belongings()?;
        all.extend(self.archives_here()?);
        Ok(all)
    }

    /// Which of its archives lie on this machine: elsewhere their paths lead to other files, or nowhere.
    fn archives_here(&self) -> Result<BTreeMap<String, String>, JournalError> {
        let Some(machine) = machine::name() else { return Ok(BTreeMap::new()) };
        let lies_here = |part: &Part| {
            JournalCopy::open(&part.path)
                .and_then(|archive| archive.archive_name())
                .is_ok_and(|name| name.as_ref() == Some(&part.token))
        };
        let parts = self.read(|engine| parts::all(&engine.connection))?;
        let here = parts.into_iter().filter(lies_here);
        Ok(here.map(|part| (parts::machine_key(&part.token), machine.clone())).collect())
    }

    fn own_belongings(&self) -> Result<BTreeMap<String, String>, JournalError> {
        self.read(|engine| {
            let mut statement = engine.connection.prepare("SELECT k, v FROM meta")?;
            let mut rows = statement.query([])?;
            let mut all = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let key: String = row.get(0)?;
                let value = match row.get_ref(1)? {
                    ValueRef::Blob(bytes) => postgres::hex(bytes),
                    ValueRef::Integer(number) => number.to_string(),
                    _ => row.get(1)?,
                };
                if key == "terminal" {
                    // It vouches for its numbers there; elsewhere they jump.
                    all.insert(format!("terminal {value}"), "known".to_owned());
                }
                let is_of_archives = key == parts::PARTS || key.starts_with("archive ");
                if KEPT.contains(&key.as_str()) || key.starts_with(RING) || is_of_archives {
                    all.insert(key, value);
                } else if TOLD.iter().any(|told| key.starts_with(told)) {
                    all.insert(format!("{BEFORE}{key}"), value);
                }
            }
            Ok(all)
        })
    }

    /// Says in its own file where it went, in one durable commit: it is refused from then on.
    pub(super) fn set_out(&mut self, to: &str, name: &str) -> Result<(), JournalError> {
        self.note(&[(MOVED_INTO, name), (ARRIVED, ""), (MOVED_TO, to)])?;
        let (to, name) = (to.to_owned(), name.to_owned());
        self.gone = Some(Gone { to, name, has_arrived: false });
        Ok(())
    }

    /// Says that the database has it all.
    pub(super) fn has_arrived(&mut self) -> Result<(), JournalError> {
        let Some(gone) = self.gone.clone().filter(|gone| !gone.has_arrived) else { return Ok(()) };
        self.note(&[(ARRIVED, &gone.name)])?;
        self.gone = Some(Gone { has_arrived: true, ..gone });
        Ok(())
    }

    fn note(&self, all: &[(&str, &str)]) -> Result<(), JournalError> {
        let _inside = fork::inside();
        let engine = self.engine()?;
        let connection = &engine.connection;
        engine.place.check()?;
        engine.place.log_is_written();
        let write = || {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for (key, value) in all {
                meta::put(connection, key, *value)?;
            }
            connection.execute_batch("COMMIT")
        };
        write().map_err(|error| failure::named(&self.path, failure::sqlite("move", &error)))?;
        engine.place.check()
    }
}

impl Drop for Departing {
    fn drop(&mut self) {
        let _inside = fork::inside();
        if let Some(engine) = self.engine.take() {
            engine.close();
        }
    }
}

fn gone(engine: &Engine) -> Result<Option<Gone>, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("move", &error);
    let connection = &engine.connection;
    let text = |key| meta::get::<String>(connection, key).map_err(failed);
    let Some(to) = handover::moved_to(connection).map_err(failed)? else { return Ok(None) };
    if !super::is_address(Path::new(&to)) {
        // To another file.
        handover::refuse_moved_away(connection)?;
    }
    let name = text(MOVED_INTO)?.unwrap_or_default();
    let has_arrived = text(ARRIVED)?.is_some_and(|arrived| arrived == name);
    Ok(Some(Gone { to, name, has_arrived }))
}
