//! Which archives a journal knows of, for whoever misses a payment or a day in it.

use std::fmt;
use std::path::PathBuf;

use super::sqlite::SqliteJournal;
use super::{failure, parts};
use crate::journal::JournalError;
use crate::wib::WallTime;

/// Where an archive was made: it may be elsewhere now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ArchivePlace {
    /// Its file.
    pub path: PathBuf,
    /// The machine on whose disk that is, by its host name, where several share the journal: a file of this path
    /// on another one is another file. `None` where it is not known, and of a journal that is a file itself.
    pub machine: Option<String>,
}

impl fmt::Display for ArchivePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match &self.machine {
            Some(machine) => write!(f, " on machine {machine}"),
            None => Ok(()),
        }
    }
}

/// An archive that payments left the journal for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct KnownArchive {
    /// Where it was made: it may be elsewhere now.
    pub path: PathBuf,
    /// On which machine: see [`ArchivePlace::machine`].
    pub machine: Option<String>,
    /// The random name that its file knows, too ([`archive_name`](crate::JournalReader::archive_name)): whatever
    /// else lies there has none of these payments.
    pub name: String,
    /// How many payments left the journal for it.
    pub payments: u64,
    /// None of them was begun before this, by the wall clock of that time: it is the last payment in the
    /// journal before them. `None` if there is none.
    pub since: Option<WallTime>,
    /// None of them was begun after this: it is the first payment in the journal behind them. `None` if
    /// there is none.
    pub until: Option<WallTime>,
}

impl SqliteJournal {
    /// The archives that payments left this journal for, in the order in which they were begun. An
    /// archive knows of none.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn archives(&self) -> Result<Vec<KnownArchive>, JournalError> {
        if self.is_archive()? {
            return Ok(Vec::new());
        }
        let parts = self.read(|engine| {
            parts::all(&engine.connection).map_err(|error| failure::sqlite("archives", &error))
        })?;
        self.report(|view| {
            let mut taken = Vec::new();
            let sql =
                "SELECT part, count(*), min(id), max(id) FROM archived GROUP BY part ORDER BY part";
            view.read("archives", sql, (), |row| {
                let (part, payments): (u32, i64) = (row.get(0)?, row.get(1)?);
                taken.push((part, payments.unsigned_abs(), row.get(2)?, row.get(3)?));
                Ok(())
            })?;
            let begun = |sql: &str, id: i64| {
                let mut found = None;
                view.read("archives", sql, [id], |row| {
                    found = Some(WallTime::from_unix_millis(row.get(0)?));
                    Ok(())
                })?;
                Ok(found)
            };
            let mut known = Vec::new();
            for (number, payments, first, last) in taken {
                let part = parts.iter().find(|part| part.number == number);
                known.push(KnownArchive {
                    path: part.map_or_else(PathBuf::new, |part| part.path.clone()),
                    machine: None,
                    name: part.map_or_else(String::new, |part| part.token.clone()),
                    payments,
                    since: begun(
                        "SELECT wall FROM payment WHERE id < ?1 ORDER BY id DESC LIMIT 1",
                        first,
                    )?,
                    until: begun(
                        "SELECT wall FROM payment WHERE id > ?1 ORDER BY id LIMIT 1",
                        last,
                    )?,
                });
            }
            Ok(known)
        })
    }
}
