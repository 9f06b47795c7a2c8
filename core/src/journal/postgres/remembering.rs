//! What the journal knows of itself: whose it is, under which key, for which terminals, how high its numbers
//! must jump. Several nodes may write it at once: each reads, decides and remembers, until nobody else wrote
//! in between.

use std::collections::BTreeMap;

use super::store::{Ask, Function};
use super::{PostgresJournal, rows, unreachable};
use crate::journal::belonging::{self, Belonging, RING, Setup};
use crate::journal::{Finding, JournalError, JournalErrorKind, meta, schema};
use crate::lock::lock;
use crate::numbering::{MAX_NUMBER, starting_batch};
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// What comes of a look at what the journal knows of itself.
pub(super) struct Decision<T> {
    pub(super) told: T,
    pub(super) is: BTreeMap<String, String>,
    pub(super) floor: Option<u32>,
}

impl PostgresJournal {
    pub(super) fn meta(&self) -> Result<BTreeMap<String, String>, JournalError> {
        let told = self.look(Ask::Meta)?;
        let all = told.as_object().into_iter().flatten();
        Ok(all.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
    }

    /// Writes down what the journal knows of itself, if it still is what was read.
    pub(super) fn remember(
        &self,
        was: &BTreeMap<String, String>,
        is: &BTreeMap<String, String>,
        floor: Option<u32>,
    ) -> Result<bool, JournalError> {
        if is.is_empty() && floor.is_none() {
            return Ok(true);
        }
        let was: BTreeMap<&String, Option<&String>> =
            is.keys().map(|key| (key, was.get(key))).collect();
        let told = serde_json::json!({ "was": was, "is": is, "floor": floor });
        let told = match self.function(Function::Remember, told) {
            // Whoever opens first behind a failover judges it, also if it has something to say before it
            // joins; and then looks again.
            Err(error) if error.kind == JournalErrorKind::Frozen && !self.shared.is_joined() => {
                self.judge_before_joining()?;
                return Ok(false);
            }
            told => told?,
        };
        Ok(told.as_bool().unwrap_or(false))
    }

    /// Reads, decides and remembers, until nobody else wrote in between.
    pub(super) fn decide<T>(
        &self,
        decide: impl Fn(&BTreeMap<String, String>) -> Result<Decision<T>, JournalError>,
    ) -> Result<T, JournalError> {
        for _ in 0..16 {
            let was = self.meta()?;
            let Decision { told, is, floor } = decide(&was)?;
            if self.remember(&was, &is, floor)? {
                return Ok(told);
            }
        }
        Err(unreachable("others write too often; try again"))
    }

    /// A batch that no twin of this journal has used.
    pub(super) fn above(&self, wall: WallTime) -> Result<u32, JournalError> {
        let water = self.water()?;
        let above = water.batch.max(starting_batch(wall).unwrap_or(0)) + 1;
        if above > MAX_NUMBER {
            return Err(JournalError::new(JournalErrorKind::Numbers, "batch 999999 is used up"));
        }
        Ok(above)
    }

    /// Before the first payment of a terminal that is no client's own (a charge names it): another journal may
    /// have served it before, so the numbers jump.
    pub(super) fn serve(&self, terminal: &Terminal, wall: WallTime) -> Result<(), JournalError> {
        let name = terminal.name();
        let is_known = {
            let terminals = lock(&self.terminals);
            terminals.is_empty() || terminals.contains(&name)
        };
        if is_known {
            return Ok(());
        }
        let key = format!("terminal {name}");
        let told = self.decide(|known| {
            if known.contains_key(&key) {
                return Ok(Decision { told: None, is: BTreeMap::new(), floor: None });
            }
            let floor = self.above(wall)?;
            let told = Finding {
                critical: false,
                message: format!(
                    "payments of terminal {name} go into this journal, too, from now on: another journal may \
                     have handed out numbers there, and those of this one jump to batch {floor:06}"
                ),
            };
            let is = BTreeMap::from([(key.clone(), "known".to_owned())]);
            Ok(Decision { told: Some(told), is, floor: Some(floor) })
        })?;
        lock(&self.findings).extend(told);
        lock(&self.terminals).insert(name);
        Ok(())
    }
}

/// What SQLite's journal says to a set-up, from what this one knows: one policy for both.
pub(super) fn compare(
    known: &BTreeMap<String, String>,
    setup: &Setup,
) -> Result<(Belonging, BTreeMap<String, String>), JournalError> {
    let broken =
        |error: rusqlite::Error| JournalError::new(JournalErrorKind::Io, format!("open: {error}"));
    let table = rusqlite::Connection::open_in_memory().map_err(broken)?;
    schema::create_tables(&table).map_err(broken)?;
    for (key, value) in known {
        if key.starts_with(RING) {
            meta::put(&table, key, unhex(value)).map_err(broken)?;
        } else {
            meta::put(&table, key, value.as_str()).map_err(broken)?;
        }
    }
    let belonging = belonging::compare(&table, setup)?;
    Ok((belonging, changed(&table, known).map_err(broken)?))
}

/// What is other in `table` than it was.
pub(super) fn changed(
    table: &rusqlite::Connection,
    known: &BTreeMap<String, String>,
) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = table.prepare("SELECT k, v FROM meta")?;
    let mut rows = statement.query([])?;
    let mut is = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        let value = match row.get_ref(1)? {
            rusqlite::types::ValueRef::Blob(bytes) => rows::hex(bytes),
            _ => row.get(1)?,
        };
        if known.get(&key) != Some(&value) {
            is.insert(key, value);
        }
    }
    Ok(is)
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").unwrap_or(text).as_bytes();
    digits
        .chunks(2)
        .filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        .collect()
}
