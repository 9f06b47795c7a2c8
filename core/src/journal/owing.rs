//! What a journal remembers of those that were set aside at its place: how many payments each still
//! owes ([fault J20]). One that is taken away before that is missed, and one whose database is gone
//! beside its log is named.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use rusqlite::Connection;

use super::files::Files;
use super::version::Incarnation;
use super::{aside, meta, place};
use crate::wib::WallTime;

/// In a journal: what a former one owes, by its name.
const OWING: &str = "owing ";
/// By whom and why that was answered for.
const ANSWERED: &str = "answered for ";

/// What a journal that was set aside owed when it was last seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Debt {
    pub(super) of: String,
    /// The number in its name.
    pub(super) number: i64,
    pub(super) payments: i64,
}

impl Debt {
    pub(super) fn new(of: &Incarnation, number: i64, payments: i64) -> Debt {
        let of = of.iter().map(|byte| format!("{byte:02x}")).collect();
        Debt { of, number, payments }
    }

    /// What to tell a person if the journal is gone.
    pub(super) fn is_missed(&self, path: &Path) -> String {
        let gone = place::with_suffix(path, &format!(".aside-{}", self.number));
        format!(
            "the journal {}, which was set aside and owed {} payments when it was last open, is gone: \
             nothing of that is settled, and its invoices are unknown; put it back, or compare OVO's \
             settlement file with your books, then `ovo-ptp journal vouch`",
            gone.display(),
            self.payments
        )
    }
}

/// All debts, inside or outside a transaction.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Debt>> {
    let mut statement =
        connection.prepare_cached("SELECT k, v FROM meta WHERE k >= ?1 AND k < ?1 || 'g'")?;
    let found = statement.query_map([OWING], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let read = |(key, value): (String, String)| {
        let (number, payments) = value.split_once(' ')?;
        let of = key.strip_prefix(OWING)?.to_owned();
        Some(Debt { of, number: number.parse().ok()?, payments: payments.parse().ok()? })
    };
    Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(read).collect())
}

/// Remembers a debt, inside the caller's transaction.
pub(super) fn note(connection: &Connection, debt: &Debt) -> rusqlite::Result<()> {
    let value = format!("{} {}", debt.number, debt.payments);
    meta::put(connection, &format!("{OWING}{}", debt.of), value)
}

/// Somebody answers for it, inside the caller's transaction.
pub(super) fn answer_for(
    connection: &Connection,
    debt: &Debt,
    who_and_why: &str,
) -> rusqlite::Result<()> {
    note(connection, &Debt { payments: 0, ..debt.clone() })?;
    let at = WallTime::now().wib_text();
    let said = format!("{at} WIB: {who_and_why}");
    meta::put(connection, &format!("{ANSWERED}{}", debt.of), said)
}

/// What to tell of logs whose journal, set aside at `path`, is not beside them any more.
pub(super) fn left_logs(files: &dyn Files, path: &Path) -> Vec<String> {
    let left = aside::left_logs(files, path).into_iter();
    left.map(|(aside, log)| {
        format!(
            "{} lies there without the journal {}, which was set aside, and may hold its latest \
             payments: put that one back beside it; or move the log elsewhere, keep it, and compare \
             OVO's settlement file with your books",
            log.display(),
            aside.display()
        )
    })
    .collect()
}
