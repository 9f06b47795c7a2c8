//! What a journal knows about itself: names and values beside the payments.

use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Connection, OptionalExtension};

/// The value of a name, if there is one.
pub(super) fn get<T: FromSql>(connection: &Connection, key: &str) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached("SELECT v FROM meta WHERE k = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Gives a name its value, inside the caller's transaction.
pub(super) fn put(connection: &Connection, key: &str, value: impl ToSql) -> rusqlite::Result<()> {
    let known =
        connection.prepare_cached("UPDATE meta SET v = ?2 WHERE k = ?1")?.execute((key, &value))?;
    if known == 0 {
        connection.prepare_cached("INSERT INTO meta VALUES (?1, ?2)")?.execute((key, &value))?;
    }
    Ok(())
}
