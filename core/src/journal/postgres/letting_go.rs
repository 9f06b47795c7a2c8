//! Payments of a fleet that are over, into an archive in a file ([archiving](crate::journal::archiving)).
//!
//! The node that archives writes the file; the journal lets a row go in a function of the schema alone, which
//! compares it with what was read (its version and its token), keeps its invoice and its numbers, and refuses
//! what is not over. So it is whole beside other nodes, and wherever it is broken off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::types::Value;
use serde_json::{Value as Json, json};

use super::remembering::Decision;
use super::store::{Ask, Function, Reply, StoredRow, Which};
use super::{PostgresJournal, mixed_up, rows};
use crate::journal::archive::TAKEN_OVER;
use crate::journal::archiving::Shelves;
use crate::journal::files::{Files, SystemFiles};
use crate::journal::machine;
use crate::journal::parts::{self, PARTS, Part, Progress};
use crate::journal::version::Incarnation;
use crate::journal::{ArchivePlace, JournalError, KnownArchive};
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

/// Payments that are read at a time.
const PAGE: i64 = 500;

impl PostgresJournal {
    /// Rows as they stand: of which clock their times are is the archive's, too.
    fn as_they_stand(&self, which: Which) -> Result<Vec<StoredRow>, JournalError> {
        match self.read(Ask::Payments(which, None))? {
            Reply::Payments(rows) => Ok(rows),
            Reply::Told(_) => Err(mixed_up()),
        }
    }

    /// See [`SqliteJournal::archives`](crate::journal::SqliteJournal::archives).
    pub(crate) fn archives(&self) -> Result<Vec<KnownArchive>, JournalError> {
        let parts = self.parts()?;
        let told = self.look(Ask::Archives)?;
        let known = told.as_array().into_iter().flatten().map(|told| {
            let wall = |index: usize| told[index].as_i64().map(WallTime::from_unix_millis);
            let part = parts.iter().find(|part| Some(part.number.into()) == told[0].as_u64());
            let place = place(part, told[4].as_str());
            KnownArchive {
                path: place.path,
                machine: place.machine,
                name: part.map_or_else(String::new, |part| part.token.clone()),
                payments: told[1].as_u64().unwrap_or(0),
                since: wall(2),
                until: wall(3),
            }
        });
        Ok(known.collect())
    }

    /// See [`Journal::archived`](crate::journal::Journal::archived).
    pub(super) fn archive_of(&self, invoice: &str) -> Result<Option<ArchivePlace>, JournalError> {
        let told = self.look(Ask::Archived(invoice.to_owned()))?;
        if told.is_null() {
            return Ok(None);
        }
        let parts = self.parts()?;
        let part = parts.iter().find(|part| Some(part.number.into()) == told[0].as_u64());
        Ok(Some(place(part, told[1].as_str())))
    }

    /// Writes down that an archive lies on this machine.
    fn lies_here(&self, token: &str) -> Result<Option<String>, JournalError> {
        let Some(machine) = machine::name() else { return Ok(None) };
        let key = parts::machine_key(token);
        self.decide(|known| {
            let is_new = known.get(&key) != Some(&machine);
            let is = is_new.then(|| (key.clone(), machine.clone())).into_iter().collect();
            Ok(Decision { told: (), is, floor: None })
        })?;
        Ok(Some(machine))
    }
}

/// Where an archive is: what is kept of it knows more than its rows, if it is kept.
fn place(part: Option<&Part>, told: Option<&str>) -> ArchivePlace {
    part.map_or_else(
        || ArchivePlace { path: told.unwrap_or_default().into(), machine: None },
        Part::place,
    )
}

impl Shelves for PostgresJournal {
    fn archiving(&self) -> &Mutex<()> {
        &self.archiving
    }

    fn surroundings(&self) -> Result<(Arc<dyn Files>, Option<PathBuf>), JournalError> {
        self.refuse_after_fork()?;
        Ok((Arc::new(SystemFiles), None))
    }

    fn doubted(&self) -> Result<Option<String>, JournalError> {
        self.doubt()
    }

    fn name(&self) -> Result<Incarnation, JournalError> {
        Ok(self.incarnation)
    }

    fn belongings(&self) -> Result<Vec<(String, Value)>, JournalError> {
        let meta = self.meta()?;
        let value = |name: &&str| {
            let value = match *name {
                "incarnation" => Value::Blob(self.incarnation.to_vec()),
                name => Value::Text(meta.get(name)?.clone()),
            };
            Some(((*name).to_owned(), value))
        };
        Ok(TAKEN_OVER.iter().filter_map(value).collect())
    }

    fn parts(&self) -> Result<Vec<Part>, JournalError> {
        let meta = self.meta()?;
        let last = meta.get(PARTS).and_then(|last| last.parse().ok()).unwrap_or(0);
        let part = |number| {
            let part = Part::parse(number, meta.get(&parts::key(number))?)?;
            let machine = meta.get(&parts::machine_key(&part.token)).cloned();
            Some(Part { machine, ..part })
        };
        Ok((1..=last).filter_map(part).collect())
    }

    fn taken(&self, number: u32) -> Result<u64, JournalError> {
        self.look(Ask::Taken(number))?.as_u64().ok_or_else(mixed_up)
    }

    fn begin_part(&self, token: String, path: &Path) -> Result<Part, JournalError> {
        // First, so that at no moment an archive that has payments is anywhere.
        let machine = self.lies_here(&token)?;
        let path = path.to_owned();
        let part = Part { number: 0, token, progress: Progress::Open, path, machine };
        let told = json!({ "begin": [part.token, part.text()] });
        let told = self.function(Function::Archive, told)?;
        if let Some(other) = told["in_the_way"].as_u64() {
            let other = self.parts()?.into_iter().find(|part| u64::from(part.number) == other);
            let other = other.ok_or_else(mixed_up)?;
            return Err(parts::is_in_the_way(&other, self.taken(other.number)?));
        }
        let number = told["number"].as_u64().and_then(|number| u32::try_from(number).ok());
        Ok(Part { number: number.ok_or_else(mixed_up)?, ..part })
    }

    fn end_part(&self, part: Part) -> Result<(), JournalError> {
        if part.progress == Progress::Whole {
            // It may have been finished elsewhere than it was begun.
            self.lies_here(&part.token)?;
        }
        let told = json!({ "end": [parts::key(part.number), part.text()] });
        self.function(Function::Archive, told).map(drop)
    }

    fn next_over(&self, seen: &mut i64, before: WallTime) -> Result<Vec<Payment>, JournalError> {
        loop {
            let before = before.unix_millis();
            let page = self.as_they_stand(Which::Over { above: *seen, before, limit: PAGE })?;
            let Some(last) = page.last() else { return Ok(Vec::new()) };
            *seen = rows::id_of(last);
            let found: Vec<Payment> =
                page.iter().filter_map(|row| rows::decode(row, &self.incarnation).ok()).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    fn take_out(
        &self,
        number: u32,
        taken: Vec<Payment>,
    ) -> Result<(u64, Vec<PaymentId>), JournalError> {
        let ids = taken.iter().map(|payment| payment.id.0).collect();
        let there: BTreeMap<i64, StoredRow> = self
            .as_they_stand(Which::Ids(ids))?
            .into_iter()
            .map(|row| (rows::id_of(&row), row))
            .collect();
        let (mut stay, mut told, mut found) = (Vec::new(), Vec::new(), 0);
        for payment in &taken {
            let id = payment.id.0;
            let numbers = payment.intent.numbers;
            let token = match there.get(&id) {
                // A damaged row proves nothing of what it was.
                Some(row) if rows::decode(row, &self.incarnation).as_ref() != Ok(payment) => {
                    stay.push(payment.id);
                    continue;
                }
                Some(row) => {
                    found += 1;
                    row.token
                }
                None => None,
            };
            told.push(json!([
                id,
                payment.version,
                token,
                payment.intent.invoice.as_str(),
                numbers.batch(),
                numbers.reference()
            ]));
        }
        let told = json!({ "take": { "number": number, "rows": told } });
        let told = self.function(Function::Archive, told)?;
        if told["overtaken"] == true {
            return Err(parts::is_overtaken());
        }
        let ids = |key: &str| {
            let all = told[key].as_array().into_iter().flatten();
            all.filter_map(Json::as_i64).map(PaymentId).collect::<Vec<_>>()
        };
        if let Some(strange) = ids("strange").first() {
            return Err(parts::was_never_there(*strange));
        }
        let changed = ids("stay");
        found -= changed.len() as u64;
        stay.extend(changed);
        Ok((found, stay))
    }
}
