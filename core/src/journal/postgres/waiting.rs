//! A migration beside nodes that sell: it gives way to whoever has the tables, and says who that is.
//!
//! Whoever waits for a table that somebody reads, to change it, has all others wait behind it, for as long as
//! that reading lasts: a dump of a large journal takes an hour.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::connection::{Session, Value};
use super::failed;
use super::failure::unreachable;
use crate::journal::JournalError;

/// How long a migration may wait for another one of the same schema.
pub(super) const TURN: Duration = Duration::from_secs(20);
/// How long it tries again.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries the nodes sell.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// Who holds a table for so long, in one transaction, is no node.
const TO_HOLD: Duration = Duration::from_millis(300);
/// A write of a node waits 2 s for a table: a migration is gone before.
const MOST: u32 = 1_500;
const LEAST: u32 = 250;
/// Of those in the way so many are named.
const NAMED: usize = 5;

/// Why a try came to nothing.
pub(super) enum Stopped {
    /// Others have what it needs. Each in words, as far as the server tells.
    InTheWay(Vec<String>),
    Failed(JournalError),
}

impl From<JournalError> for Stopped {
    fn from(error: JournalError) -> Stopped {
        Stopped::Failed(error)
    }
}

/// How long the try of this number, from 1 on, waits for a table. The first ones hardly disturb anybody; behind a
/// second the server takes its own vacuum out of the way.
pub(super) fn at_most(tried: u32) -> Duration {
    Duration::from_millis(MOST.min(LEAST.saturating_mul(tried)).into())
}

/// How long one waits for a table that a person runs by hand, and that nobody tries again.
pub(super) const BY_HAND: Duration = Duration::from_millis(MOST as u64);

/// What a person should know who runs the statements by hand.
pub(super) fn by_hand(schema: &str) -> String {
    format!(
        "-- What schema {schema} needs now; behind another migration of it, print it anew.\n\
         -- To run it by hand: psql -v ON_ERROR_STOP=1 -f FILE, as the role that owns the schema.\n\
         -- It is one transaction. It waits at most {:.1} s for a table, as nodes that sell wait behind it. Behind\n\
         -- \"canceling statement due to lock timeout\" nothing has changed: run it again, or let whoever has the\n\
         -- table (pg_locks: a dump, a report, a session left open) come to an end.\n",
        BY_HAND.as_secs_f64()
    )
}

/// The lock that a migration of the schema has, as a number.
pub(super) fn turn(schema: &str) -> String {
    format!("hashtextextended('ovo-ptp migrate {schema}', 0)")
}

/// Has statements of a migration done. Where others are in the way nothing of it stays.
pub(super) async fn asks(session: &Session, schema: &str, text: &str) -> Result<(), Stopped> {
    let Err(error) = session.client.batch_execute(text).await else { return Ok(()) };
    let passes = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    if !error.code().is_some_and(|code| passes.contains(code)) {
        return Err(Stopped::Failed(failed("migrate", &error)));
    }
    let back = session.client.batch_execute("ROLLBACK").await;
    back.map_err(|error| failed("migrate", &error))?;
    let first = holders(session, schema).await?;
    tokio::time::sleep(TO_HOLD).await;
    let then = holders(session, schema).await?;
    let stays = then.into_iter().filter(|(of, _)| first.iter().any(|(known, _)| known == of));
    Err(Stopped::InTheWay(stays.map(|(_, who)| who).collect()))
}

/// Who has a table of the schema, or migrates it: the transaction, and in words. When it began the server tells
/// only a role that may know.
async fn holders(session: &Session, schema: &str) -> Result<Vec<(String, String)>, JournalError> {
    let sql = format!(
        "SELECT l.virtualtransaction, 'process ' || l.pid || ' (application ' || \
         coalesce(nullif(a.application_name, ''), 'without a name') || ', role ' || coalesce(a.usename::text, 'none') || \
         coalesce(', ' || a.state, '') || coalesce(', transaction since ' || to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '') || \
         coalesce(', query since ' || to_char(a.query_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '') || ') has ' || \
         string_agg(DISTINCT coalesce(c.relname::text, 'a migration'), ', ') \
         FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid LEFT JOIN pg_class AS c ON c.oid = l.relation \
         WHERE l.granted AND l.pid <> pg_backend_pid() \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND ((l.locktype = 'relation' AND c.relnamespace = to_regnamespace($1) AND c.relkind = 'r') \
         OR (l.locktype = 'advisory' AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = {})) \
         GROUP BY l.virtualtransaction, l.pid, a.application_name, a.usename, a.state, a.xact_start, a.query_start \
         ORDER BY a.xact_start, l.pid",
        turn(schema)
    );
    let rows = session.rows(&sql, &[Value::text(schema)]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn named(who: &[String]) -> String {
    if who.is_empty() {
        return "nobody for long, as it seems: payments came between".to_owned();
    }
    let more = who.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", who[..who.len().min(NAMED)].join("; "))
}

/// What is told of a wait.
pub(super) fn line(schema: &str, who: &[String]) -> String {
    format!("waiting for the tables of schema {schema}: {}", named(who))
}

pub(super) fn gave_up(schema: &str, who: &[String]) -> JournalError {
    unreachable(format!(
        "migrate: gave way for {} s to those who have tables of schema {schema}, and nothing has changed: {}. Let them \
         come to an end (a dump, a report, a session left open), or end one with SELECT pg_terminate_backend(PROCESS), \
         and migrate again",
        PATIENCE.as_secs(),
        named(who)
    ))
}
