//! The database's side of a [move](super::moving): all that comes is written in one transaction, which
//! nobody sees before its end.
//!
//! It writes what the schema's functions never write, payments that are on their way, and so it takes the
//! role that owns the schema. A trigger that would refuse them is away for that transaction alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::clocks::{FAR, move_state};
use super::connection::{Runner, Session, Value};
use super::dsn::Dsn;
use super::migrate::{check_guards, unfit};
use super::{rows, silent, unsure};
use crate::journal::belonging::{Owner, RING};
use crate::journal::codes::of_boottime;
use crate::journal::copies::misplaced;
use crate::journal::departing::Tombstone;
use crate::journal::engine::Water;
use crate::journal::version::Incarnation;
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::Payment;

/// How long the server may take for one step, waiting for its standby included.
const STEP: Duration = Duration::from_secs(60);

/// In a journal that came out of a file: the name of that move.
const MOVED_AS: &str = "moved as";
/// How many tombstones came along; nothing if there is none.
pub(super) const ARCHIVED: &str = "archived";

/// A database, looked at by the role that owns the schema.
pub(super) struct Arriving {
    runner: Runner,
    session: Arc<Session>,
    schema: String,
    place: String,
    known: BTreeMap<String, String>,
    incarnation: Incarnation,
    /// Of every row that is written here.
    token: i64,
    /// The clock that the payments' times are in: nobody's, and it stands still.
    clock: u32,
}

fn corrupt(message: impl Into<String>) -> JournalError {
    JournalError::new(JournalErrorKind::Corrupt, message)
}

/// What the journal knows of itself.
async fn meta(session: &Session, schema: &str) -> Result<BTreeMap<String, String>, JournalError> {
    let all = session.rows(&format!("SELECT k, v FROM {schema}.meta"), &[]).await?;
    Ok(all.iter().map(|row| (row.get(0), row.get(1))).collect())
}

impl Arriving {
    /// Looks, and changes nothing.
    ///
    /// # Errors
    /// `Version` if the schema is missing or another one's, or the role does not own it; `Corrupt` if its
    /// guards were altered; `Unreachable`.
    pub(super) fn look(dsn: &Dsn) -> Result<Arriving, JournalError> {
        let runner = Runner::start()?;
        let (to, schema) = (dsn.clone(), dsn.schema.clone());
        let looked = runner.run(STEP, async move {
            let session = Session::connect(&to, Some(0), false, &Arc::default()).await?;
            check_guards(&session, &to.schema).await?;
            let is_owner: bool = session
                .one(
                    "SELECT coalesce(bool_and(pg_has_role(c.relowner, 'MEMBER')), false) FROM pg_class AS c \
                     WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r'",
                    &[Value::text(&to.schema)],
                )
                .await?;
            if !is_owner {
                return Err(unfit(
                    "a move writes payments that are on their way, which only the role that owns the schema may: \
                     connect as the one that ran `ovo-ptp journal migrate`, not as the nodes'"
                        .to_owned(),
                ));
            }
            let meta =
                session.rows(&format!("SELECT k, v FROM {}.meta", to.schema), &[]).await?;
            let known: BTreeMap<String, String> =
                meta.iter().map(|row| (row.get(0), row.get(1))).collect();
            Ok((session, known))
        });
        let (session, known) = looked.unwrap_or_else(|| Err(silent("move")))?;
        let name = known.get("incarnation").map(String::as_str).unwrap_or_default();
        let incarnation = u128::from_str_radix(name, 16)
            .map_err(|_| corrupt("the journal has no name"))?
            .to_be_bytes();
        let mut token = [0; 8];
        let _ = getrandom::fill(&mut token);
        let token = i64::from_le_bytes(token);
        let (session, place) = (Arc::new(session), dsn.place());
        Ok(Arriving { runner, session, schema, place, known, incarnation, token, clock: 0 })
    }

    /// The move that filled it, if one did.
    pub(super) fn moved_as(&self) -> Option<&str> {
        self.known.get(MOVED_AS).map(String::as_str)
    }

    /// Refuses a journal of another merchant or environment, or one whose phones this one's app key does not
    /// open.
    pub(super) fn refuse_anothers(
        &self,
        owner: &Owner,
        belongings: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        let foreign = |message| Err(JournalError::new(JournalErrorKind::Foreign, message));
        let here = Owner::of(self.known.get("class"), self.known.get("merchant"));
        if here.is_another_than(owner) {
            return foreign(format!(
                "{} belongs to {}, and the journal to {}; one schema is for one merchant: name another",
                self.place,
                here.words().0,
                owner.words().0
            ));
        }
        let keys = self.known.get("key").zip(belongings.get("key"));
        if keys.is_some_and(|(theirs, ours)| theirs != ours) {
            return foreign(format!(
                "{} knows another app key than the journal: open the journal once with the database's key, and the \
                 journal's among the previous ones (`ovo-ptp journal rekey`), then move it",
                self.place
            ));
        }
        Ok(())
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, JournalError>> + Send + 'static,
    ) -> Result<T, JournalError> {
        self.runner.run(STEP, work).unwrap_or_else(|| Err(silent("move")))
    }

    fn one<T>(&self, sql: String, values: Vec<Value>) -> Result<T, JournalError>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a> + Send + 'static,
    {
        let session = Arc::clone(&self.session);
        self.run(async move { session.one(&sql, &values).await })
    }

    /// Begins the transaction, and keeps everybody else from writing until its end.
    ///
    /// # Errors
    /// `Frozen` if the server is not judged; `Locked` if nodes are running, or another move is under way;
    /// `Misplaced` if there are payments.
    pub(super) fn begin(&mut self, name: &str) -> Result<(), JournalError> {
        let session = Arc::clone(&self.session);
        let schema = self.schema.clone();
        let told = self.run(async move {
            let begun = format!(
                "BEGIN; SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0; \
                 LOCK TABLE {schema}.epoch, {schema}.water, {schema}.clock, {schema}.meta, {schema}.payment \
                 IN EXCLUSIVE MODE"
            );
            session.client.batch_execute(&begun).await.map_err(|error| {
                let is_held = error.code().is_some_and(|code| code.code() == "55P03");
                match is_held {
                    true => JournalError::new(
                        JournalErrorKind::Locked,
                        "somebody writes to the database: a node, or a move that was broken off and that the server \
                         has not noticed yet; stop the nodes, and run `ovo-ptp journal move` once more in a minute",
                    ),
                    false => super::failed("move", &error),
                }
            })?;
            let nonce: String =
                session.one(&format!("SELECT nonce FROM {schema}.epoch WHERE one = 1"), &[]).await?;
            let state: String = session
                .one(&format!("SELECT ({schema}.guard($1)).state"), &[Value::text(nonce)])
                .await
                .map_err(|mut error| {
                    if error.kind == JournalErrorKind::Frozen {
                        error.message.push_str(
                            "; have a node open it, which judges it, and stop that one again before you move",
                        );
                    }
                    error
                })?;
            let nodes: i64 = session
                .one(
                    &format!(
                        "SELECT count(*) FROM {schema}.clock WHERE NOT closed \
                         AND seen > clock_timestamp() - interval '10 seconds'"
                    ),
                    &[],
                )
                .await?;
            let payments: i64 = session
                .one(
                    &format!(
                        "SELECT (SELECT count(*) FROM {schema}.payment) + (SELECT count(*) FROM {schema}.archived) \
                         + (SELECT begun + batch FROM {schema}.water WHERE one = 1)"
                    ),
                    &[],
                )
                .await?;
            Ok((state, nodes, payments, meta(&session, &schema).await?))
        });
        let (state, nodes, payments, known) = told?;
        // From here on nobody else writes to it.
        self.known = known;
        if state != "open" {
            return Err(JournalError::new(
                JournalErrorKind::Frozen,
                "the database is being judged behind a failover: have a node open it until it sells, and stop that \
                 one again before you move",
            ));
        }
        if nodes > 0 {
            return Err(JournalError::new(
                JournalErrorKind::Locked,
                format!("{nodes} nodes have {} open; stop them, and wait 10 s", self.place),
            ));
        }
        if self.moved_as().is_some() {
            return Err(misplaced(format!(
                "another journal was moved into {}, and one takes one; name another schema",
                self.place
            )));
        }
        if payments > 0 {
            return Err(misplaced(format!(
                "{} has payments of its own, and a journal goes into an empty one; name another schema. If nodes \
                 began them in the middle of a move that was broken off, what the file holds is not lost: open a \
                 copy of it (`ovo-ptp journal backup`) with its own client, which settles it",
                self.place
            )));
        }
        let sql = format!(
            "INSERT INTO {0}.clock SELECT greatest(coalesce((SELECT max(id) FROM {0}.clock), 0), \
             ((SELECT number FROM {0}.epoch) - 1) << 20) + 1, $1, $2, $3, $3, 1, clock_timestamp(), \
             clock_timestamp(), true RETURNING id",
            self.schema
        );
        let base = i64::try_from(FAR).unwrap_or(i64::MAX);
        let values =
            vec![Value::text(format!("moved {name}")), Value::Int(self.token), Value::Int(base)];
        let clock: i64 = self.one(sql, values)?;
        self.clock = u32::try_from(clock).map_err(|_| corrupt("it has no clock left"))?;
        let away = format!("ALTER TABLE {}.payment DISABLE TRIGGER payment_begins", self.schema);
        self.execute(away)
    }

    fn execute(&self, sql: String) -> Result<(), JournalError> {
        let session = Arc::clone(&self.session);
        self.run(async move {
            let done = session.client.batch_execute(&sql).await;
            done.map_err(|error| super::failed("move", &error))
        })
    }

    /// A payment as it stands here. Whatever its own machine's clock showed, it was touched when the clock
    /// that nobody has stood still: all that it waits for it waits for in full, from when a node first sees
    /// it.
    fn settled_in(&self, payment: &Payment) -> Payment {
        let mut payment = payment.clone();
        let base = i64::try_from(FAR).unwrap_or(i64::MAX);
        let difference = of_boottime(payment.state.touched).saturating_sub(base);
        move_state(&mut payment.state, difference);
        payment.boot = self.clock;
        payment
    }

    /// Writes payments, reads them again, and compares.
    pub(super) fn take(&self, payments: &[Payment]) -> Result<(), JournalError> {
        let (mut told, mut phones) = (Vec::new(), Vec::new());
        for payment in payments {
            let mut row = rows::encode(&self.settled_in(payment), &self.incarnation)?;
            row["token"] = json!(self.token);
            told.push(row);
            let sealed = payment.intent.phone.as_ref().filter(|_| !payment.state.phone_forgotten);
            let sealed = sealed.map_or(&[][..], |phone| &phone.sealed);
            phones.push(json!({ "id": payment.id.0, "sealed": rows::hex(sealed) }));
        }
        let ids: Vec<i64> = payments.iter().map(|payment| payment.id.0).collect();
        let (session, schema) = (Arc::clone(&self.session), self.schema.clone());
        let (rows_text, phones) =
            (Json::from(told.clone()).to_string(), Json::from(phones).to_string());
        let read = self.run(async move {
            for (table, text) in [("phone", phones), ("payment", rows_text)] {
                let sql = format!(
                    "INSERT INTO {schema}.{table} SELECT * FROM jsonb_populate_recordset(NULL::{schema}.{table}, \
                     $1::jsonb)"
                );
                session.rows(&sql, &[Value::Text(text)]).await?;
            }
            let sql = format!(
                "SELECT {}, payment.token FROM {schema}.payment AS payment WHERE payment.id = ANY($1) ORDER BY id",
                rows::selection(&schema)
            );
            let read = session.rows(&sql, &[Value::Ints(ids)]).await?;
            Ok(read.iter().map(rows::stored).collect::<Vec<_>>())
        })?;
        let is_same = |(index, row)| {
            let there = rows::decode(row, &self.incarnation)?;
            let own: &Payment = &payments[index];
            let phone = own.intent.phone.as_ref().filter(|_| !own.state.phone_forgotten);
            let mut again = rows::encode(&there, &self.incarnation)?;
            again["token"] = json!(self.token);
            Ok::<_, JournalError>(there.intent.phone.as_ref() == phone && again == told[index])
        };
        let mut same = read.len() == payments.len();
        for found in read.iter().enumerate() {
            same = same && is_same(found)?;
        }
        if same {
            Ok(())
        } else {
            Err(corrupt("what the database has is not what was written to it"))
        }
    }

    /// Writes what is known of archived payments.
    pub(super) fn remember(&self, tombstones: &[Tombstone]) -> Result<(), JournalError> {
        let told: Vec<Json> = tombstones
            .iter()
            .map(|one| {
                json!({
                    "id": one.id, "invoice": one.invoice, "batch": one.batch,
                    "reference": one.reference, "archive": one.archive, "part": one.part,
                })
            })
            .collect();
        let sql = format!(
            "WITH told AS (INSERT INTO {0}.archived SELECT * FROM jsonb_populate_recordset(NULL::{0}.archived, \
             $1::jsonb) RETURNING 1) SELECT count(*) FROM told",
            self.schema
        );
        let written: i64 = self.one(sql, vec![Value::Text(Json::from(told).to_string())])?;
        if usize::try_from(written) == Ok(tombstones.len()) {
            return Ok(());
        }
        Err(corrupt("what the database has is not what was written to it"))
    }

    /// Writes the numbers and what the journal knows of itself, puts the guard back, and counts. What is left
    /// is the commit.
    pub(super) fn complete(
        &self,
        name: &str,
        water: &Water,
        (payments, tombstones): (u64, u64),
        belongings: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        let schema = &self.schema;
        let mut meta = belongings.clone();
        // Where nodes were before, they know their host and their terminal.
        meta.retain(|key, _| !self.known.contains_key(key) || key.starts_with(RING));
        meta.insert(MOVED_AS.to_owned(), name.to_owned());
        if tombstones > 0 {
            meta.insert(ARCHIVED.to_owned(), tombstones.to_string());
        }
        let sql = format!(
            "WITH told AS (INSERT INTO {schema}.meta SELECT key, value FROM jsonb_each_text($1::jsonb) \
             ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING 1) SELECT count(*) FROM told"
        );
        let _: i64 = self.one(sql, vec![Value::Text(json!(meta).to_string())])?;
        // Ids are counted within an epoch, and these are of the first.
        let sql = format!(
            "UPDATE {schema}.water SET begun = $1, \
             last_id = CASE WHEN (SELECT number FROM {schema}.epoch) = 1 THEN $1 ELSE last_id END, \
             batch = $2, reference = $3, day = $4, floor = greatest(floor, $5) WHERE one = 1 RETURNING last_id"
        );
        let values = vec![
            Value::Int(water.last_id),
            Value::Int(water.batch.into()),
            Value::Int(water.reference.into()),
            Value::Int(water.day),
            Value::Int(water.floor.into()),
        ];
        let _: i64 = self.one(sql, values)?;
        self.execute(format!("ALTER TABLE {schema}.payment ENABLE TRIGGER payment_begins"))?;
        let counted: String = self.one(
            format!(
                "SELECT concat_ws(' ', (SELECT count(*) FROM {schema}.payment), (SELECT count(*) FROM {schema}.phone), \
                 (SELECT count(*) FROM {schema}.archived), (SELECT count(*) FROM {schema}.payment AS p \
                 JOIN {schema}.archived AS a ON a.invoice = p.invoice OR a.id = p.id))"
            ),
            Vec::new(),
        )?;
        if counted != format!("{payments} {payments} {tombstones} 0") {
            return Err(corrupt(format!(
                "the database counts other payments ({counted}) than the journal has ({payments} and {tombstones} \
                 that were archived)"
            )));
        }
        let (session, schema) = (Arc::clone(&self.session), schema.clone());
        self.run(async move { check_guards(&session, &schema).await })
    }

    /// Ends the transaction. Behind an error nobody knows whether it was.
    pub(super) fn commit(&self) -> Result<(), JournalError> {
        let warned = self.session.warnings();
        self.execute("COMMIT".to_owned())?;
        if self.session.warnings() != warned { Err(unsure("move")) } else { Ok(()) }
    }

    /// Whether the database has the move for good: behind a barrier, so that what is seen lasts.
    pub(super) fn has(&self, name: &str) -> Result<bool, JournalError> {
        let (session, schema) = (Arc::clone(&self.session), self.schema.clone());
        let name = name.to_owned();
        self.run(async move {
            let warned = session.warnings();
            session.client.batch_execute("BEGIN").await.map_err(|e| super::failed("move", &e))?;
            let sql = format!(
                "SELECT ({schema}.guard(e.nonce)).number, pg_logical_emit_message(true, 'ovo', '')::text, \
                 (SELECT v FROM {schema}.meta WHERE k = '{MOVED_AS}') FROM {schema}.epoch AS e WHERE one = 1"
            );
            let read = session.rows(&sql, &[]).await?;
            session.client.batch_execute("COMMIT").await.map_err(|e| super::failed("move", &e))?;
            if session.warnings() != warned {
                return Err(unsure("move"));
            }
            let found: Option<String> = read.first().and_then(|row| row.get(2));
            Ok(found.as_deref() == Some(name.as_str()))
        })
    }
}
