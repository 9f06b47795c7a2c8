//! What reports are made of: rows in their order, and SQLite's own check. On the connection that
//! writes, or on one of its own, where a report keeps no payment waiting ([fault J25]).
//!
//! [fault J25]: crate::manual::faults#j-disk-and-journal

use rusqlite::{Connection, Params, Row};

use super::engine::{SUPERSEDED, Water};
use super::schema::{self, IS_UNACKNOWLEDGED};
use super::version::Incarnation;
use super::{failure, row};
use crate::journal::{Health, JournalError};
use crate::payment::Payment;

/// Reads the index of times from one end of the days to the other.
pub(super) const BEGUN_BETWEEN: &str = "SELECT min(id), max(id) FROM payment INDEXED BY payment_wall \
                                        WHERE wall >= ?1 AND wall < ?2";

/// A connection that only reads.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) incarnation: Incarnation,
    pub(super) select: &'static str,
}

impl Reader {
    pub(super) fn view(&self) -> View<'_> {
        View { connection: &self.connection, incarnation: &self.incarnation, select: self.select }
    }
}

/// A journal as one of its connections sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) connection: &'a Connection,
    pub(super) incarnation: &'a Incarnation,
    pub(super) select: &'a str,
}

impl View<'_> {
    /// Hands `each` every row of `SELECT all columns {rest}` until it says that it has enough.
    /// Damaged rows come as errors, so that each caller decides to pass over them (J8).
    pub(super) fn rows(
        &self,
        doing: &str,
        rest: &str,
        values: impl Params,
        mut each: impl FnMut(&Row<'_>, Result<Payment, JournalError>) -> bool,
    ) -> Result<(), JournalError> {
        let sql = format!("{} {rest}", self.select);
        let failed = |error: rusqlite::Error| failure::sqlite(doing, &error);
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(values).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if !each(row, row::decode(row, self.incarnation)) {
                break;
            }
        }
        Ok(())
    }

    /// Hands `each` every row of another query.
    pub(super) fn read(
        &self,
        doing: &str,
        sql: &str,
        values: impl Params,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite(doing, &error);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(values).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(row).map_err(failed)?;
        }
        Ok(())
    }

    /// The number of the last payment.
    pub(super) fn last_id(&self) -> Result<i64, JournalError> {
        Water::read(self.connection)
            .map(|water| water.last_id)
            .map_err(|error| failure::sqlite("read", &error))
    }

    /// How many payments the journal still owes something of ([`rules::is_owed`](super::rules::is_owed)).
    pub(super) fn owed(&self) -> Result<i64, JournalError> {
        // Each by its own index.
        let count = format!(
            "SELECT count(*) FROM (SELECT id FROM payment WHERE {} UNION SELECT id FROM payment WHERE \
             {IS_UNACKNOWLEDGED} UNION SELECT id FROM payment WHERE due IS NOT NULL)",
            schema::is_unsettled()
        );
        self.connection
            .query_row(&count, [], |row| row.get(0))
            .map_err(|error| failure::sqlite("open", &error))
    }

    /// Whether there is one.
    pub(super) fn owes(&self) -> Result<bool, JournalError> {
        let any = [schema::is_unsettled().as_str(), IS_UNACKNOWLEDGED, "due IS NOT NULL"]
            .map(|owed| format!("EXISTS (SELECT 1 FROM payment WHERE {owed})"))
            .join(" OR ");
        self.connection
            .query_row(&format!("SELECT {any}"), [], |row| row.get(0))
            .map_err(|error| failure::sqlite("open", &error))
    }

    /// The payments that are not settled, that wait for an operator or for a look, or that were
    /// superseded.
    pub(super) fn unfinished(&self) -> Result<Vec<i64>, JournalError> {
        // Each of the first three by its own index.
        let queries = [
            format!("SELECT id FROM payment WHERE {}", schema::is_unsettled()),
            format!("SELECT id FROM payment WHERE {}", schema::needs_operator()),
            "SELECT id FROM payment WHERE due IS NOT NULL".to_owned(),
            // What was given back here, another one may have told as paid.
            "SELECT id FROM payment WHERE late_paid = 1".to_owned(),
            format!(
                "SELECT CAST(substr(k, {}) AS INTEGER) FROM meta WHERE k >= '{SUPERSEDED}' AND k < '{SUPERSEDED}:'",
                SUPERSEDED.len() + 1
            ),
        ];
        let mut ids = Vec::new();
        for query in &queries {
            let all = || {
                let mut statement = self.connection.prepare(query)?;
                let found = statement.query_map([], |row| row.get(0))?;
                found.collect::<rusqlite::Result<Vec<i64>>>()
            };
            ids.extend(all().map_err(|error| failure::sqlite("open", &error))?);
        }
        Ok(ids)
    }

    /// The payments that were superseded with this note.
    pub(super) fn superseded(&self, note: i64) -> Result<Vec<i64>, JournalError> {
        let sql = format!(
            "SELECT CAST(substr(k, {}) AS INTEGER) FROM meta \
             WHERE k >= '{SUPERSEDED}' AND k < '{SUPERSEDED}:' AND v = ?1",
            SUPERSEDED.len() + 1
        );
        let mut ids = Vec::new();
        self.read("open", &sql, [note], |row| {
            ids.push(row.get(0)?);
            Ok(())
        })?;
        Ok(ids)
    }

    /// The lowest and the highest number of the payments begun from `since` on and before `until`,
    /// in Unix milliseconds.
    pub(super) fn begun_between(
        &self,
        since: Option<i64>,
        until: Option<i64>,
    ) -> Result<Option<(i64, i64)>, JournalError> {
        let from = since.unwrap_or(i64::MIN);
        let to = until.unwrap_or(i64::MAX);
        let found: (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached(BEGUN_BETWEEN)
            .and_then(|mut statement| {
                statement.query_row((from, to), |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .map_err(|error| failure::sqlite("list", &error))?;
        Ok(found.0.zip(found.1))
    }
}

/// Has SQLite check the file, if it has at most `largest` bytes; otherwise a note says that it was not.
pub(super) fn check_file(
    connection: &Connection,
    largest: i64,
    health: &mut Health,
) -> Result<(), JournalError> {
    let notes = &mut health.notes;
    let mut check = || {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        if pages.saturating_mul(size) > largest {
            notes.push(format!(
                "its file has more than {} MiB, so that its indexes were compared with its payments only where \
                 it was opened: check a copy (`ovo-ptp journal backup`) with `sqlite3 COPY 'PRAGMA \
                 integrity_check'`",
                largest >> 20
            ));
            return Ok(Vec::new());
        }
        // Its quick check compares no index with its rows.
        connection
            .prepare("PRAGMA integrity_check(20)")?
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<Vec<String>>>()
    };
    let lines = check().map_err(|error| match failure::is_failed_read(&error) {
        true => failure::unreadable(&format!("health: {error}")),
        false => failure::sqlite("health", &error),
    })?;
    if let Some(line) = lines.iter().find(|line| is_unreadable(line)) {
        return Err(failure::unreadable(&format!("health: {line}")));
    }
    health.problems.extend(lines.into_iter().filter(|line| line != "ok"));
    Ok(())
}

/// Whether a line of the check tells of a page that the disk did not give.
fn is_unreadable(line: &str) -> bool {
    let code =
        line.rsplit_once("error code=").and_then(|(_, code)| code.trim().parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == rusqlite::ffi::SQLITE_IOERR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j8_a_file_that_is_too_large_to_be_compared_with_its_indexes_is_said_to_be() {
        let small = Connection::open_in_memory().unwrap();
        small.execute_batch("CREATE TABLE t (a)").unwrap();
        for (largest, notes) in [(1 << 20, 0), (0, 1)] {
            let mut health =
                Health { payments: 0, unsettled: 0, problems: Vec::new(), notes: Vec::new() };
            check_file(&small, largest, &mut health).unwrap();
            assert_eq!((health.problems.len(), health.notes.len()), (0, notes), "{health:?}");
        }
    }

    #[test]
    fn a_page_that_the_disk_does_not_give_is_no_damage() {
        assert!(is_unreadable("Tree 4 page 7: unable to get the page. error code=266"));
        assert!(!is_unreadable("Tree 4 page 7: btreeInitPage() returns error code 11"));
        assert!(!is_unreadable("Tree 4 page 7: unable to get the page. error code=11"));
        assert!(!is_unreadable("row 3 missing from index payment_due"));
    }
}
