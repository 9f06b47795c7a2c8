//! The schema: made and upgraded by a person with the right to, in one transaction; never by opening.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Runner, Session, Value};
use super::dsn::Dsn;
use super::waiting::{self, Stopped, TURN, turn};
use super::{judgement, silent};
use crate::journal::codes::{
    ABANDONED, ACCEPTED, BY_OPERATOR, NEEDED, QUARANTINED, VOID_SENT, VOID_UNKNOWN, WITH_OPERATOR,
};
use crate::journal::row::{COLUMNS, INTENT, PHONE, TYPES};
use crate::journal::schema::{constraints, is_listed, is_over, may_still_debit};
use crate::journal::{JournalError, JournalErrorKind};

/// Grows with every change of the schema. Version N serves libraries N and N + 1.
pub(super) const VERSION: u32 = 1;

/// How long the server may take to be looked at and migrated, once.
const LONGEST: Duration = Duration::from_secs(60);

const TABLES: &str = include_str!("schema.sql");
const FUNCTIONS: &str = include_str!("functions.sql");

/// What a journal gets behind its beginning, too.
const ADDED: &str = include_str!("archived.sql");

/// And that, when its table's turn has come.
const PART: &str = include_str!("part.sql");

/// The functions that the application may execute.
const APPLICATIONS: [&str; 9] = [
    "write(jsonb)",
    "barrier(jsonb)",
    "join_clock(text, text, bigint, bigint, bigint)",
    "beat(jsonb)",
    "remember(jsonb)",
    "archive(jsonb)",
    "judge(jsonb)",
    "reassert(jsonb)",
    "conclude(jsonb)",
];

/// Which trigger calls what, when and on which table. In the order in which `write` comes to the tables: a
/// migration that has to change them waits for a payment, and never has what that payment waits for.
const TRIGGERS: [(&str, &str, &str, &str); 15] = [
    ("epoch_rises", "BEFORE UPDATE", "epoch", "epoch_rises"),
    ("epoch_stays", "BEFORE DELETE", "epoch", "stays"),
    ("payment_begins", "BEFORE INSERT", "payment", "payment_begins"),
    ("payment_changes", "BEFORE UPDATE", "payment", "payment_changes"),
    ("payment_stays", "BEFORE DELETE", "payment", "payment_leaves"),
    ("payment_is_kept", "BEFORE TRUNCATE", "payment", "stays"),
    ("water_rises", "BEFORE UPDATE", "water", "water_rises"),
    ("water_stays", "BEFORE DELETE", "water", "stays"),
    ("archived_stays", "BEFORE UPDATE OR DELETE", "archived", "stays"),
    ("archived_is_kept", "BEFORE TRUNCATE", "archived", "stays"),
    ("phone_changes", "BEFORE UPDATE", "phone", "phone_changes"),
    ("phone_stays", "BEFORE DELETE", "phone", "phone_leaves"),
    ("phone_is_kept", "BEFORE TRUNCATE", "phone", "stays"),
    ("failover_stays", "BEFORE UPDATE OR DELETE", "failover", "stays"),
    ("meta_stays", "BEFORE DELETE", "meta", "stays"),
];

/// An event as PostgreSQL keeps it: before it, for each row or for the statement.
fn kind(event: &str) -> i64 {
    let row = i64::from(!event.contains("TRUNCATE"));
    let bits = [("INSERT", 4), ("DELETE", 8), ("UPDATE", 16), ("TRUNCATE", 32)];
    bits.iter().filter(|(word, _)| event.contains(word)).fold(row | 2, |all, (_, bit)| all | bit)
}

fn columns() -> String {
    let kinds = COLUMNS.iter().zip(TYPES).filter(|(_, kind)| !kind.is_empty());
    let lines: Vec<String> = kinds
        .map(|(name, kind)| {
            let kind =
                kind.replace("INTEGER", "bigint").replace("TEXT", "text").replace("BLOB", "bytea");
            format!("  {name} {kind}")
        })
        .collect();
    lines.join(",\n")
}

/// A text of this directory, filled in.
fn filled(text: &str, schema: &str) -> String {
    let of = |row: &str, names: &[&str]| -> String {
        names.iter().map(|name| format!("{row}{name}")).collect::<Vec<_>>().join(", ")
    };
    let intent: Vec<&str> = COLUMNS[..INTENT].iter().copied().chain(["seed"]).collect();
    let asked: Vec<&str> = intent.iter().copied().filter(|name| *name != "seed").collect();
    let compared: Vec<&str> =
        asked.iter().copied().filter(|name| !["id"].contains(name)).chain(["seed"]).collect();
    let replaced: Vec<&str> = COLUMNS[PHONE + 1..].iter().copied().chain(["token"]).collect();
    let mut text = text.to_owned();
    for (name, value) in [
        ("columns", columns()),
        ("checks", constraints("IS NOT DISTINCT FROM", "::int")),
        ("may_still_debit", may_still_debit()),
        ("is_listed", is_listed()),
        ("is_over", is_over()),
        ("new_intent", of("NEW.", &intent)),
        ("old_intent", of("OLD.", &intent)),
        ("x_intent", of("x.", &compared)),
        ("r_intent", of("r.", &compared)),
        ("stored", of("", &replaced)),
        ("r_stored", of("r.", &replaced)),
        ("VOID_SENT", VOID_SENT.to_string()),
        ("VOID_UNKNOWN", VOID_UNKNOWN.to_string()),
        ("QUARANTINED", QUARANTINED.to_string()),
        ("ABANDONED", ABANDONED.to_string()),
        ("ACCEPTED", ACCEPTED.to_string()),
        ("BY_OPERATOR", BY_OPERATOR.to_string()),
        ("NEEDED", NEEDED.to_string()),
        ("WITH_OPERATOR", WITH_OPERATOR.to_string()),
        ("s", schema.to_owned()),
    ] {
        text = text.replace(&format!("@{name}@"), &value);
    }
    text
}

/// A function as PostgreSQL keeps it: its text, and what it sets while it runs.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Function {
    body: String,
    sets: Vec<String>,
}

/// What stands between a function's name and its text: the settings, each as `name=value`.
fn settings(head: &str) -> Vec<String> {
    let mut sets: Vec<String> = head
        .split(" SET ")
        .skip(1)
        .filter_map(|set| {
            let (name, value) = set.split_once(" = ")?;
            Some(format!("{}={}", name.trim(), value.trim().trim_matches('\'')))
        })
        .collect();
    sets.sort();
    sets
}

/// The functions by their names.
pub(super) fn expected_functions(schema: &str) -> BTreeMap<String, Function> {
    let text = filled(FUNCTIONS, schema);
    let head = format!("CREATE OR REPLACE FUNCTION {schema}.");
    text.split(&head)
        .skip(1)
        .filter_map(|function| {
            let name = function.split_once('(')?.0.to_owned();
            let mut parts = function.split("$f$");
            let head = parts.next()?.replace('\n', " ").replace(" AS ", " ");
            let body = parts.next()?.to_owned();
            Some((name, Function { body, sets: settings(&head) }))
        })
        .collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What is there before a migration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Nothing,
    EmptySchema,
    Journal,
}

/// How a migration begins: at most one of a schema at a time. For that it may wait, as it has nothing yet
/// that anybody else waits for; for a table it waits `most`, as all who sell wait behind it.
fn begin(schema: &str, most: Duration) -> String {
    format!(
        "BEGIN;\nSET LOCAL lock_timeout = '{}ms';\n\
         SELECT pg_advisory_xact_lock({});\nSET LOCAL lock_timeout = '{}ms';\n",
        TURN.as_millis(),
        turn(schema),
        most.as_millis()
    )
}

/// What makes the schema, or brings it up to date, behind [`begin`].
fn statements(schema: &str, found: Found, migration: &Migration<'_>) -> String {
    let loss_possible = migration.loss_possible;
    let is_new = found != Found::Journal;
    let mut text = String::new();
    if found == Found::Nothing {
        text.push_str(&format!("CREATE SCHEMA {schema};\n"));
    }
    if is_new {
        text.push_str(&filled(TABLES, schema));
        text.push_str(&format!(
            "INSERT INTO {schema}.meta VALUES ('incarnation', md5(random()::text || clock_timestamp()::text || \
             txid_current()::text)), ('created', clock_timestamp()::text), ('schema', '{VERSION}');\n\
             INSERT INTO {schema}.epoch SELECT 1, 1, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), \
             system_identifier, '{schema}.payment'::regclass::oid::bigint, \
             md5(random()::text || clock_timestamp()::text), 'open', false, true, {loss_possible}, \
             (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), \
             pg_current_xact_id()::text::bigint & 4294967295 FROM pg_control_system();\n\
             INSERT INTO {schema}.failover SELECT 1, nonce, NULL, clock_timestamp(), 'made' FROM {schema}.epoch;\n"
        ));
    }
    text.push_str(&filled(ADDED, schema));
    text.push_str(&filled(FUNCTIONS, schema));
    for (name, event, table, function) in TRIGGERS {
        if name == "archived_stays" {
            text.push_str(&filled(PART, schema));
        }
        let each = if event.contains("TRUNCATE") { "STATEMENT" } else { "ROW" };
        let kind = kind(event);
        text.push_str(&format!(
            "DO $do$ BEGIN\n  IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = '{schema}.{table}'::regclass AND \
             tgname = '{name}' AND tgfoid = '{schema}.{function}()'::regprocedure AND tgenabled = 'O' AND tgtype = {kind} \
             AND tgqual IS NULL AND tgattr::text = '' AND NOT tgisinternal) THEN\n    \
             CREATE OR REPLACE TRIGGER {name} {event} ON {schema}.{table} FOR EACH {each} \
             EXECUTE FUNCTION {schema}.{function}();\n  END IF;\nEND $do$;\n"
        ));
    }
    if !is_new {
        // A journal that was made before it knew; what is known is compared.
        text.push_str(&format!(
            "UPDATE {schema}.epoch SET database = {schema}.database() WHERE one = 1 AND database IS NULL;\n"
        ));
        // Whoever accepts a loss later says so later; nobody takes it back.
        if loss_possible {
            text.push_str(&format!(
                "UPDATE {schema}.epoch SET loss_possible = true WHERE one = 1;\n"
            ));
        }
    }
    let role = quoted(migration.app_role);
    text.push_str(&format!(
        "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC, {role};\n\
         REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {role};\n\
         REVOKE ALL ON SCHEMA {schema} FROM PUBLIC, {role};\n\
         GRANT USAGE ON SCHEMA {schema} TO {role};\n\
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};\n"
    ));
    for function in APPLICATIONS {
        text.push_str(&format!("GRANT EXECUTE ON FUNCTION {schema}.{function} TO {role};\n"));
    }
    text.push_str(&format!(
        "INSERT INTO {schema}.meta SELECT 'constraints', ({}) ON CONFLICT (k) DO UPDATE SET v = excluded.v \
         WHERE meta.v IS DISTINCT FROM excluded.v;\n",
        digest_of_constraints(schema)
    ));
    if migration.restored && !is_new {
        text.push_str(&judgement::by_owner(schema));
    }
    text.push_str("COMMIT;\n");
    text
}

/// The constraints and indexes as the server words them, in a few bytes: what the words are differs from
/// one release of it to the next, so that they are compared with those of the last `migrate`. Without
/// quotes, which a role's `quote_all_identifiers` adds, and parentheses, which a dump takes away.
fn digest_of_constraints(schema: &str) -> String {
    format!(
        "SELECT count(*) || ' ' || coalesce(sum(('x' || substr(md5(q.t), 1, 8))::bit(32)::bigint), 0) FROM (\
         SELECT k.conname::text || ' ' || k.contype::text || ' ' || k.convalidated::text || ' ' || c.relname::text || ' ' || \
         coalesce(translate(pg_get_expr(k.conbin, k.conrelid), '() ' || chr(34), ''), '') AS t \
         FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid \
         WHERE k.connamespace = '{schema}'::regnamespace UNION ALL \
         SELECT n.relname::text || ' ' || c.relname::text || ' ' || i.indisunique::text || ' ' || i.indisvalid::text || ' ' || \
         i.indkey::text || ' ' || coalesce(translate(pg_get_expr(i.indpred, i.indrelid), '() ' || chr(34), ''), '') FROM pg_index AS i \
         JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_class AS n ON n.oid = i.indexrelid \
         WHERE c.relnamespace = '{schema}'::regnamespace) AS q"
    )
}

pub(super) fn unfit(message: String) -> JournalError {
    JournalError::new(JournalErrorKind::Version, message)
}

/// What `migrate` is asked for.
#[derive(Clone, Copy, Default, Debug)]
pub struct Migration<'a> {
    /// The role of the nodes: it may execute the schema's functions and read its tables, nothing else.
    pub app_role: &'a str,
    /// Only say what would be done.
    pub print: bool,
    /// A failover may lose what was committed: the standbys are asynchronous. A schema keeps it from then
    /// on, also where it is said of one that is there.
    pub loss_possible: bool,
    /// The journal was put back from a copy, and what came behind that is lost: numbers jump, and payments
    /// without a verdict are asked about and never reversed unseen. Much is noticed without it; a disk that
    /// was put back while no node was running is not.
    pub restored: bool,
}

/// Makes the schema that `dsn` names, or brings it up to date, in one transaction, and lets `app_role`
/// use it. Connects as the role that owns it. See the page "[Running a fleet]".
///
/// Returns the text of what was done; with `print` nothing is done.
///
/// [Running a fleet]: crate::manual::fleet
///
/// # Errors
/// [`JournalErrorKind::Version`] for a schema of a newer library, a role that could do more than it
/// should, and a server that has no timelines; `Unreachable`.
pub fn migrate(dsn: &Dsn, migration: &Migration<'_>) -> Result<String, JournalError> {
    migrate_telling(dsn, migration, &mut |_| ())
}

/// The same, and tells `waits` a line whenever others have what it needs, before it waits and tries again.
///
/// Beside nodes that sell it asks for a table only where something of it changes, waits for one at most 1.5 s,
/// and for all 30 s.
///
/// # Errors
/// As [`migrate`]; `Unreachable` that names who has the tables, behind 30 s: nothing has changed then.
pub fn migrate_telling(
    dsn: &Dsn,
    migration: &Migration<'_>,
    waits: &mut dyn FnMut(&str),
) -> Result<String, JournalError> {
    let runner = Runner::start()?;
    let (to, role) = (dsn.clone(), migration.app_role.to_owned());
    let connected = runner.run(LONGEST, async move {
        let session = Session::connect(&to, None, true, &Arc::default()).await?;
        check_server(&session, &role).await?;
        Ok::<_, JournalError>(Arc::new(session))
    });
    let session = connected.unwrap_or_else(|| Err(silent("migrate")))?;
    let begun = Instant::now();
    let mut tried = 0_u32;
    loop {
        tried = tried.saturating_add(1);
        let begin = begin(&dsn.schema, waiting::at_most(tried));
        let (on, schema, first) = (Arc::clone(&session), dsn.schema.clone(), begin.clone());
        // Of several at once one goes first, and the others find what it made.
        let looked = runner.run(LONGEST, async move {
            waiting::asks(&on, &schema, &first).await?;
            Ok(look(&on, &schema).await?)
        });
        let tried = match looked.unwrap_or_else(|| Err(silent("migrate").into())) {
            Err(stopped) => Err(stopped),
            Ok(found) => {
                let text = statements(&dsn.schema, found, migration);
                if migration.print {
                    let begin = self::begin(&dsn.schema, waiting::BY_HAND);
                    return Ok(format!("{}{begin}{text}", waiting::by_hand(&dsn.schema)));
                }
                let whole = format!("{begin}{text}");
                let (on, schema) = (Arc::clone(&session), dsn.schema.clone());
                let done = runner.run(LONGEST, async move {
                    waiting::asks(&on, &schema, &text).await.map(|()| whole)
                });
                done.unwrap_or_else(|| Err(silent("migrate").into()))
            }
        };
        match tried {
            Ok(whole) => return Ok(whole),
            Err(Stopped::Failed(error)) => return Err(error),
            Err(Stopped::InTheWay(who)) if begun.elapsed() > waiting::PATIENCE => {
                return Err(waiting::gave_up(&dsn.schema, &who));
            }
            Err(Stopped::InTheWay(who)) => waits(&waiting::line(&dsn.schema, &who)),
        }
        std::thread::sleep(waiting::PAUSE);
    }
}

/// What the schema holds, if it may be migrated.
async fn look(session: &Session, schema: &str) -> Result<Found, JournalError> {
    let name = [Value::text(schema)];
    if !session.one::<bool>("SELECT to_regnamespace($1) IS NOT NULL", &name).await? {
        return Ok(Found::Nothing);
    }
    let meta = [Value::text(format!("{schema}.meta"))];
    if session.one::<bool>("SELECT to_regclass($1) IS NOT NULL", &meta).await? {
        let version: String =
            session.one(&format!("SELECT v FROM {schema}.meta WHERE k = 'schema'"), &[]).await?;
        if version.parse::<u32>().ok().is_none_or(|version| version > VERSION) {
            return Err(unfit(format!(
                "schema {schema} is of version {version}, and this library makes {VERSION}; upgrade the library"
            )));
        }
        return Ok(Found::Journal);
    }
    let tables: i64 = session
        .one("SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1)", &name)
        .await?;
    if tables > 0 {
        return Err(unfit(format!(
            "schema {schema} holds tables of something else; name one of the journal's own"
        )));
    }
    Ok(Found::EmptySchema)
}

async fn check_server(session: &Session, role: &str) -> Result<(), JournalError> {
    let number: String = session.one("SELECT current_setting('server_version_num')", &[]).await?;
    if number.parse::<u32>().unwrap_or(0) < 140_000 {
        return Err(unfit("PostgreSQL 14 or newer is required".to_owned()));
    }
    let timeline: Result<String, _> = session
        .one(
            "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system()",
            &[],
        )
        .await;
    if timeline.is_err() {
        return Err(unfit(
            "this database does not tell its timeline: a failover could not be noticed, and a customer be \
             debited twice; use PostgreSQL itself"
                .to_owned(),
        ));
    }
    let is_superuser: Option<bool> = session
        .maybe("SELECT rolsuper FROM pg_roles WHERE rolname = $1", &[Value::text(role)])
        .await?;
    let mine: String = session.one("SELECT current_user::text", &[]).await?;
    match is_superuser {
        None => Err(unfit(format!("app role: there is no role {role}; CREATE ROLE it first"))),
        Some(true) => Err(unfit(format!(
            "app role: {role} is a superuser, whom no guard holds; use a plain role"
        ))),
        Some(false) if mine == role => Err(unfit(format!(
            "app role: {role} would own the schema and could take its guards away; migrate as another role"
        ))),
        Some(false) => {
            let stands_for: Option<String> = session
                .maybe(
                    "SELECT rolname::text FROM pg_roles WHERE (rolname = current_user OR rolsuper \
                     OR rolname = 'pg_write_all_data') AND pg_has_role($1, oid, 'MEMBER') LIMIT 1",
                    &[Value::text(role)],
                )
                .await?;
            match stands_for {
                None => Ok(()),
                Some(other) => Err(unfit(format!(
                    "app role: {role} is a member of {other}, and could take the guards away; use a plain role"
                ))),
            }
        }
    }
}

/// Whether the schema's functions, triggers and constraints are those that the library made, and hold who
/// connects: a journal whose guards were altered by hand is not trusted.
pub(super) async fn check(session: &Session, schema: &str) -> Result<(), JournalError> {
    check_guards(session, schema).await?;
    let may_write: Option<String> = session
        .maybe(
            "SELECT 'schema ' || nspname FROM pg_namespace \
             WHERE nspname = $1 AND (pg_has_role(nspowner, 'MEMBER') OR has_schema_privilege(oid, 'CREATE')) \
             UNION ALL SELECT 'table ' || relname FROM pg_class \
             WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND (pg_has_role(relowner, 'MEMBER') \
             OR has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES') \
             OR has_any_column_privilege(oid, 'INSERT, UPDATE, REFERENCES')) LIMIT 1",
            &[Value::text(schema)],
        )
        .await?;
    if let Some(what) = may_write {
        return Err(unfit(format!(
            "the role that connects could write past the guards, or take them away ({what}); connect as the app \
             role of `ovo-ptp journal migrate`, which is no superuser, no owner and no member of one. What was \
             granted to it or to everybody since, `migrate` takes back"
        )));
    }
    Ok(())
}

/// The same, whoever connects.
pub(super) async fn check_guards(session: &Session, schema: &str) -> Result<(), JournalError> {
    let version: Option<String> =
        session.maybe(&format!("SELECT v FROM {schema}.meta WHERE k = 'schema'"), &[]).await?;
    let version = version.and_then(|version| version.parse::<u32>().ok());
    if version.is_none_or(|version| version + 1 < VERSION || version > VERSION) {
        return Err(unfit(format!(
            "schema {schema} is not one that this library serves; run `ovo-ptp journal migrate`"
        )));
    }
    let fires: String =
        session.one("SELECT current_setting('session_replication_role')", &[]).await?;
    if fires == "replica" {
        return Err(unfit(
            "session_replication_role is replica for who connects: no guard holds it; ALTER ROLE or ALTER \
             DATABASE ... RESET session_replication_role"
                .to_owned(),
        ));
    }
    let altered = |what: &str| {
        JournalError::new(
            JournalErrorKind::Corrupt,
            format!(
                "schema {schema}: {what} is not what the library made, and its guards are not trusted; find out \
                 who altered it, then run `ovo-ptp journal migrate`"
            ),
        )
    };
    let rows = session
        .rows(
            "SELECT p.proname::text, p.prosrc::text, p.prosecdef, coalesce(array_to_string(p.proconfig, E'\n'), ''), \
             p.proowner = n.nspowner FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace \
             WHERE p.pronamespace = to_regnamespace($1)",
            &[Value::text(schema)],
        )
        .await?;
    let mut expected = expected_functions(schema);
    for row in &rows {
        let (name, body, config): (String, String, String) = (row.get(0), row.get(1), row.get(3));
        let (is_definers, is_owners): (bool, bool) = (row.get(2), row.get(4));
        let is_called = APPLICATIONS.iter().any(|known| known.starts_with(&format!("{name}(")));
        let mut sets: Vec<String> = config.lines().map(str::to_owned).collect();
        sets.sort();
        if expected.remove(&name) != Some(Function { body, sets })
            || is_called != is_definers
            || !is_owners
        {
            return Err(altered(&format!("function {name}")));
        }
    }
    if let Some(name) = expected.keys().next() {
        return Err(altered(&format!("function {name}, which is missing,")));
    }
    let rows = session
        .rows(
            "SELECT t.tgname::text, c.relname::text, p.proname::text, t.tgenabled::text, t.tgtype::int8 \
             FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid \
             WHERE NOT t.tgisinternal AND c.relnamespace = to_regnamespace($1)",
            &[Value::text(schema)],
        )
        .await?;
    for (name, event, table, function) in TRIGGERS {
        let is_there = rows.iter().any(|row| {
            let found: (String, String, String) = (row.get(0), row.get(1), row.get(2));
            found == (name.to_owned(), table.to_owned(), function.to_owned())
                && row.get::<_, String>(3) == "O"
                && row.get::<_, i64>(4) == kind(event)
        });
        if !is_there {
            return Err(altered(&format!("trigger {name}")));
        }
    }
    if rows.len() != TRIGGERS.len() {
        return Err(altered("the number of triggers"));
    }
    // A rule that swallows writes, rows that are hidden, and a table that no log keeps.
    let strange: Option<String> = session
        .maybe(
            "SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r' \
             AND (c.relrowsecurity OR c.relpersistence <> 'p' OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = c.oid))",
            &[Value::text(schema)],
        )
        .await?;
    if let Some(table) = strange {
        return Err(altered(&format!("table {table} (its rules, row security or persistence)")));
    }
    let known: Option<String> =
        session.maybe(&format!("SELECT v FROM {schema}.meta WHERE k = 'constraints'"), &[]).await?;
    let now: String = session.one(&digest_of_constraints(schema), &[]).await?;
    if known != Some(now) {
        return Err(altered("a constraint or an index"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_texts_is_filled_in() {
        let text = statements(
            "ovo",
            Found::Nothing,
            &Migration { app_role: "till", ..Migration::default() },
        );
        let is_place = |piece: &str| {
            !piece.is_empty() && piece.bytes().all(|l| l.is_ascii_alphanumeric() || l == b'_')
        };
        assert_eq!(text.split('@').find(|piece| is_place(piece)), None);
        let functions = expected_functions("ovo");
        for known in APPLICATIONS {
            let name = known.split('(').next().unwrap();
            assert!(
                functions[name].body.contains("guard") || name == "judge",
                "{name} asks the guard"
            );
        }
    }
}
