//! The SQLite schema: one table of payments, one row of high-water marks, and the rules of the
//! policy that the database itself enforces.
//!
//! Every rule here is also in `rules.rs` for engines without SQL; a test compares the two. With
//! them in the database a coding bug fails loudly instead of moving money ([operations 3.1]).
//!
//! [operations 3.1]: crate::manual::operations#31-the-engine

use once_cell::sync::OnceCell;

use rusqlite::Connection;

use super::codes::{
    ABANDONED, ACCEPTED, ACKNOWLEDGED, BY_OPERATOR, CLOSED_BY_OPERATOR, CLOSED_BY_POLICY,
    CONTRADICTED, DECLINED, NEEDED, NOT_LISTED, NOT_NEEDED, OPEN, OVERDUE, QUARANTINED, RULED_PAID,
    VOID_QUESTIONED, VOID_REJECTED, VOID_SENT, VOID_UNKNOWN, WITH_OPERATOR,
};
use super::row::{COLUMNS, INTENT, definitions};
use crate::message::ResponseCode;
use crate::numbering::MAX_NUMBER;

/// "OVOJ": marks the file as this library's journal.
pub(super) const APPLICATION_ID: i32 = 0x4f56_4f4a;
/// "OVOA": marks an archive of a journal, which has the same tables and takes no payment.
pub(super) const ARCHIVE_ID: i32 = 0x4f56_4f41;
/// Grows with every change of the schema.
pub(super) const VERSION: i32 = 2;

/// Rows of one customer that another push could debit twice (`State::may_still_debit`). Index and
/// query must use the same words, or SQLite does not see that the index fits.
pub(super) fn may_still_debit() -> String {
    format!(
        "(verdict IS NULL OR reversal = {NEEDED} OR settlement = {WITH_OPERATOR} \
         OR (verdict = {ABANDONED} AND settlement = {OPEN} AND reversal = {NOT_NEEDED} \
             AND (attested = 0 OR duplicate_hint = 1 OR unheard = 1)) \
         OR (doubted = 1 AND settlement = {OPEN}) \
         OR (decline_code = '{}' AND settlement = {OPEN}))",
        ResponseCode::UNDELIVERABLE
    )
}

/// Rows that are not settled: something may still happen at OVO.
pub(super) fn is_unsettled() -> String {
    format!("(closed IS NULL OR void IN ({VOID_SENT}, {VOID_UNKNOWN}, {VOID_QUESTIONED}))")
}

/// Rows with an outcome that the caller has not acknowledged.
pub(super) const IS_UNACKNOWLEDGED: &str = "(acknowledged = 0 AND verdict IS NOT NULL)";

/// Rows that wait for an operator.
pub(super) fn needs_operator() -> String {
    format!("(listed BETWEEN {OVERDUE} AND {CONTRADICTED} OR settlement = {WITH_OPERATOR})")
}

/// Rows of which nothing is left to do, to say or to ask for: what may be moved into an archive. No look
/// behind is due, and the phone is forgotten.
pub(super) fn is_over() -> String {
    format!(
        "(acknowledged = 1 AND due IS NULL AND phone_tag IS NULL AND NOT {} AND NOT {})",
        is_unsettled(),
        needs_operator()
    )
}

/// Rows that any of the lists of open payments could want: one index serves them all, and a plain
/// approval touches it twice only (with its Intent and with its acknowledgement).
pub(super) fn is_listed() -> String {
    format!("acknowledged = 0 OR {} OR {}", is_unsettled(), needs_operator())
}

/// The tables that no schema has changed yet, one statement each.
fn common_tables() -> Vec<String> {
    vec![
        "CREATE TABLE meta (k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT, WITHOUT ROWID".to_owned(),
        format!(
            "CREATE TABLE high_water (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  last_id INTEGER NOT NULL CHECK (last_id >= 0),
  batch INTEGER NOT NULL CHECK (batch BETWEEN 0 AND {MAX_NUMBER}),
  reference INTEGER NOT NULL CHECK (reference BETWEEN 0 AND {MAX_NUMBER}),
  day INTEGER NOT NULL,
  floor INTEGER NOT NULL CHECK (floor >= 0),
  doubted INTEGER NOT NULL CHECK (doubted IN (0, 1))
) STRICT"
        ),
        // Apart from the payments, because SQLite leaves copies behind where it moves a row to
        // another page, secure_delete or not. Rows of this table never move: they come in order,
        // never grow, are overwritten in place and never deleted.
        "CREATE TABLE phone (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT".to_owned(),
    ]
}

/// The indexes and triggers, one statement each.
fn rules() -> Vec<String> {
    let mut all = vec![
        "CREATE UNIQUE INDEX payment_invoice ON payment (invoice)".to_owned(),
        // Numbers are handed out once per journal, whatever the merchant and the terminal: that
        // is stricter than once per (merchant, tid, mid), smaller, and always appended to.
        "CREATE UNIQUE INDEX payment_numbers ON payment (batch, reference)".to_owned(),
        "CREATE INDEX payment_due ON payment (boot, due) WHERE due IS NOT NULL".to_owned(),
        // Few rows at any time: it lets them overtake the backlog of an outage (OP3).
        "CREATE INDEX payment_evidence ON payment (boot, due) WHERE due IS NOT NULL AND late_paid = 1"
            .to_owned(),
        format!(
            "CREATE INDEX payment_customer ON payment (phone_tag) \
             WHERE phone_tag IS NOT NULL AND {}",
            may_still_debit()
        ),
        // What was archived keeps its number and its invoice for ever: neither is given again.
        "CREATE UNIQUE INDEX archived_invoice ON archived (invoice)".to_owned(),
        // For reports by date, beside payments.
        "CREATE INDEX payment_wall ON payment (wall)".to_owned(),
        format!("CREATE INDEX payment_listed ON payment (id) WHERE {}", is_listed()),
    ];
    all.extend(triggers());
    all
}

/// What a single row may say, in the words of both engines: `is` compares with NULL as with a value,
/// `as_number` turns a condition into 0 or 1.
pub(super) fn constraints(is: &str, as_number: &str) -> String {
    format!(
        "  CONSTRAINT amount_is_positive CHECK (amount > 0),
  CONSTRAINT numbers_have_six_digits
    CHECK (batch BETWEEN 1 AND {MAX_NUMBER} AND reference BETWEEN 1 AND {MAX_NUMBER}),
  CONSTRAINT verdict_is_known CHECK (
    (verdict IS NULL OR verdict BETWEEN {ACCEPTED} AND {QUARANTINED})
    AND (source IS NOT NULL) = (verdict {is} {ACCEPTED})
    AND (decline_code IS NULL OR verdict {is} {DECLINED})),
  CONSTRAINT settlement_is_known CHECK (
    settlement BETWEEN {OPEN} AND {CLOSED_BY_OPERATOR}
    AND (closed IS NOT NULL) = (settlement IN ({CLOSED_BY_POLICY}, {CLOSED_BY_OPERATOR}))
    AND reversal BETWEEN {NOT_NEEDED} AND {ACKNOWLEDGED}
    AND listed BETWEEN {NOT_LISTED} AND {RULED_PAID}
    AND (reversal_at IS NOT NULL) = (reversal = {ACKNOWLEDGED})
    AND (reversal = 0 OR settlement = {OPEN})),
  CONSTRAINT void_is_known CHECK (
    void BETWEEN 0 AND {VOID_QUESTIONED}
    AND (void_code IS NOT NULL) = (void IN ({VOID_REJECTED}, {VOID_QUESTIONED}))),
  CONSTRAINT only_abandoned_or_declined_is_reversed CHECK (
    (reversal = 0 AND reversals = 0)
    OR coalesce(verdict, 0) IN ({ABANDONED}, {DECLINED})),
  CONSTRAINT doubted_is_not_reversed CHECK (doubted = 0 OR reversal <> {NEEDED}),
  CONSTRAINT undecided_is_open CHECK (verdict IS NOT NULL OR settlement = {OPEN}),
  CONSTRAINT only_abandoned_was_cancelled CHECK (
    cancelled = 0 OR coalesce(verdict, 0) = {ABANDONED}),
  CONSTRAINT only_cancelled_is_unheard CHECK (unheard <= cancelled),
  CONSTRAINT only_accepted_is_voided CHECK (void = 0 OR coalesce(verdict, 0) = {ACCEPTED}),
  CONSTRAINT forgotten_phone_is_gone CHECK (phone_forgotten = (phone_tag IS NULL){as_number})"
    )
}

fn payment_table() -> String {
    let (columns, constraints) = (definitions(), constraints("IS", ""));
    format!(
        "CREATE TABLE payment (
{columns},
{constraints}
) STRICT"
    )
}

/// What refuses a change: the first of `rules` whose condition holds, in its own words. One trigger
/// for all rules of an event, because each trigger costs every commit a few microseconds.
fn refuse(name: &str, event: &str, rules: &[(&str, &str)]) -> String {
    let cases: String = rules
        .iter()
        .map(|(when, says)| format!("WHEN {when}\n THEN RAISE(ABORT, '{says}')\n"))
        .collect();
    format!("CREATE TRIGGER {name} BEFORE {event} BEGIN\nSELECT CASE\n{cases}END;\nEND")
}

fn triggers() -> Vec<String> {
    let intent_changed = COLUMNS[..INTENT]
        .iter()
        .chain(&["seed"])
        .map(|column| format!("new.{column} IS NOT old.{column}"))
        .collect::<Vec<_>>()
        .join(" OR ");
    // P4, I4: None to v once; rule 19 is the one exception.
    let verdict_changed = format!(
        "old.verdict IS NOT NULL
  AND (new.verdict IS NOT old.verdict OR new.source IS NOT old.source
    OR new.decline_code IS NOT old.decline_code)
  AND NOT (old.verdict = {QUARANTINED} AND (new.verdict IS {ABANDONED}
    OR (new.verdict IS {ACCEPTED} AND new.source IS {BY_OPERATOR})))"
    );
    vec![
        // P1 and P8: a row begins as an Intent, with the next id and with unused numbers; the
        // high-water mark rises in the same statement. (Looking for the invoice here keeps an
        // INSERT OR REPLACE from deleting a row unseen.)
        refuse(
            "payment_begins",
            "INSERT ON payment",
            &[
                (
                    "new.version IS NOT 1 OR new.verdict IS NOT NULL OR new.acknowledged IS NOT 0
    OR NOT EXISTS (SELECT 1 FROM phone WHERE id = new.id)",
                    "a payment begins as an intent",
                ),
                (
                    "EXISTS (SELECT 1 FROM payment WHERE invoice = new.invoice)
    OR EXISTS (SELECT 1 FROM archived WHERE invoice = new.invoice)",
                    "an invoice names one payment",
                ),
                (
                    "NOT EXISTS (SELECT 1 FROM high_water AS h WHERE new.id = h.last_id + 1
    AND (new.batch > h.batch OR (new.batch = h.batch AND new.reference > h.reference)))",
                    "numbers are handed out once and in order",
                ),
            ],
        ),
        "CREATE TRIGGER payment_raises_high_water AFTER INSERT ON payment BEGIN
UPDATE high_water SET last_id = new.id, batch = new.batch, reference = new.reference,
  day = (new.wall + 25200000) / 86400000 - ((new.wall + 25200000) % 86400000 < 0)
  WHERE only = 1;
END"
        .to_owned(),
        refuse(
            "payment_stays",
            "DELETE ON payment",
            &[(
                "NOT EXISTS (SELECT 1 FROM archived WHERE id = old.id AND invoice = old.invoice
    AND batch = old.batch AND reference = old.reference)",
                "a payment is never deleted",
            )],
        ),
        refuse(
            "archived_is_over",
            "INSERT ON archived",
            &[
                (
                    "EXISTS (SELECT 1 FROM archived WHERE id = new.id OR invoice = new.invoice)",
                    "a payment is archived once",
                ),
                (
                    &format!(
                        "NOT EXISTS (SELECT 1 FROM payment
    WHERE id = new.id AND invoice = new.invoice
      AND batch = new.batch AND reference = new.reference AND {})",
                        is_over()
                    ),
                    "only what is over is archived",
                ),
            ],
        ),
        refuse("archived_changes", "UPDATE ON archived", &[("1", "what was archived stays known")]),
        refuse("archived_stays", "DELETE ON archived", &[("1", "what was archived stays known")]),
        refuse(
            "payment_changes",
            "UPDATE ON payment",
            &[
                ("new.version IS NOT old.version + 1", "a version grows by one"),
                (&intent_changed, "an intent never changes"),
                (
                    "new.phone_tag IS NOT old.phone_tag AND new.phone_tag IS NOT NULL",
                    "a phone can only be forgotten",
                ),
                // A reversal may go out unseen only on attested numbers (rule 14b).
                (
                    "new.attested IS NOT old.attested AND new.attested IS NOT 0",
                    "numbers are attested at the intent or never",
                ),
                (&verdict_changed, "a verdict is written once"),
                (
                    "substr(new.history, 1, length(old.history)) IS NOT old.history
    OR coalesce(length(new.repeated), 0) < coalesce(length(old.repeated), 0)",
                    "a history only grows",
                ),
            ],
        ),
        "CREATE TRIGGER payment_forgets_phone AFTER UPDATE ON payment
WHEN new.phone_tag IS NULL AND old.phone_tag IS NOT NULL BEGIN
UPDATE phone SET sealed = zeroblob(length(sealed)) WHERE id = new.id;
END"
        .to_owned(),
        refuse(
            "phone_changes",
            "UPDATE ON phone",
            &[(
                "new.id IS NOT old.id OR new.sealed IS NOT zeroblob(length(old.sealed))",
                "a phone can only be forgotten",
            )],
        ),
        refuse(
            "phone_is_next",
            "INSERT ON phone",
            &[(
                "NOT EXISTS (SELECT 1 FROM high_water WHERE new.id = last_id + 1)
  OR EXISTS (SELECT 1 FROM phone WHERE id = new.id)",
                "a phone comes with its payment",
            )],
        ),
        refuse(
            "phone_stays",
            "DELETE ON phone",
            &[(
                "NOT EXISTS (SELECT 1 FROM archived WHERE id = old.id)
  OR old.sealed IS NOT zeroblob(length(old.sealed))",
                "a phone is never deleted",
            )],
        ),
        refuse(
            "high_water_rises",
            "UPDATE ON high_water",
            &[(
                "new.only IS NOT old.only OR new.last_id < old.last_id OR new.batch < old.batch
  OR (new.batch = old.batch AND new.reference < old.reference)
  OR new.floor < old.floor OR new.doubted < old.doubted",
                "the high-water mark never goes back",
            )],
        ),
        refuse(
            "high_water_is_one",
            "INSERT ON high_water",
            &[("EXISTS (SELECT 1 FROM high_water)", "there is one high-water mark")],
        ),
        refuse("high_water_stays", "DELETE ON high_water", &[("1", "the high-water mark stays")]),
        refuse(
            "meta_is_constant",
            "UPDATE ON meta",
            &[(
                "new.k IS NOT old.k OR old.k IN ('incarnation', 'created')
  OR (old.k IN ('boot', 'boots') AND new.v < old.v)",
                "what names a journal never changes",
            )],
        ),
        refuse(
            "meta_is_new",
            "INSERT ON meta",
            &[(
                "EXISTS (SELECT 1 FROM meta WHERE k = new.k)",
                "what names a journal never changes",
            )],
        ),
        refuse("meta_stays", "DELETE ON meta", &[("1", "what names a journal is never deleted")]),
    ]
}

/// Makes the tables of an empty journal, inside the caller's transaction.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    create_tables(connection)?;
    create_rules(connection)
}

/// Makes the tables alone.
pub(super) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    for statement in common_tables() {
        connection.execute_batch(&statement)?;
    }
    create_payments(connection)
}

/// Makes the table of payments, and that of those which were archived.
pub(super) fn create_payments(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&payment_table())?;
    // With the numbers: a copy that was made before may have another payment under the same id and invoice.
    connection.execute_batch(
        "CREATE TABLE archived (
  id INTEGER PRIMARY KEY,
  invoice TEXT NOT NULL,
  batch INTEGER NOT NULL,
  reference INTEGER NOT NULL,
  part INTEGER NOT NULL
) STRICT",
    )
}

/// Takes the indexes and triggers away, for what they forbid; whoever does it makes them again in the
/// same transaction.
pub(super) fn drop_rules(connection: &Connection) -> rusqlite::Result<()> {
    let mut rules = connection.prepare(
        "SELECT type, name FROM sqlite_schema \
         WHERE sql IS NOT NULL AND type IN ('trigger', 'index')",
    )?;
    let rules: Vec<(String, String)> =
        rules.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (kind, name) in rules {
        connection.execute_batch(&format!("DROP {kind} \"{name}\""))?;
    }
    Ok(())
}

/// Makes the indexes and triggers.
pub(super) fn create_rules(connection: &Connection) -> rusqlite::Result<()> {
    for statement in rules() {
        connection.execute_batch(&statement)?;
    }
    Ok(())
}

/// Whether the file's tables, indexes and triggers are exactly those of [`create`]: a journal
/// whose guards were removed by hand is not trusted.
pub(super) fn is_intact(connection: &Connection) -> rusqlite::Result<bool> {
    // The same for every journal: made once, for some milliseconds of a small terminal.
    static EXPECTED: OnceCell<Vec<(String, String)>> = OnceCell::new();
    let expected = EXPECTED.get_or_try_init(|| {
        let expected = Connection::open_in_memory()?;
        create(&expected)?;
        objects(&expected)
    })?;
    Ok(objects(connection)? == *expected)
}

/// The names and texts of the file's tables, indexes and triggers.
pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    // SQLite's own statistics and automatic indexes have no text or no say.
    let mut statement = connection.prepare(
        "SELECT name, sql FROM sqlite_schema \
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
