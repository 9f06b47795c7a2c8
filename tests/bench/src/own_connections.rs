//! The same durability with a SQLite connection for each thread: what a program gets that lets
//! every worker open the database for itself.

use std::cell::RefCell;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::{Failed, commits};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS payment (
    id INTEGER PRIMARY KEY, invoice TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, rest BLOB)";

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

fn connect(file: &str) -> Result<Connection, Failed> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

pub(crate) fn measured(file: &str, threads: u32, seconds: f64) -> Result<(), Failed> {
    connect(file)?.execute_batch(SCHEMA)?;
    commits::measure(threads, seconds, |thread, turn| {
        CONNECTION.with_borrow_mut(|slot| {
            let connection = match slot {
                Some(connection) => connection,
                None => slot.insert(connect(file)?),
            };
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction
                .prepare_cached("INSERT INTO payment (invoice, amount, rest) VALUES (?, ?, ?)")?
                .execute((format!("OWN-{thread}-{turn}"), 12_500, [0x5a_u8; 320]))?;
            transaction.commit()?;
            Ok(1)
        })
    })
}
