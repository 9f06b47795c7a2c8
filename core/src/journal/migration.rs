//! Journals of earlier releases become journals of this one, in the transaction that opens them:
//! whole or not at all, and only if they are what that release would have written.
//!
//! Schema 1 (release 0.1.0) kept what is left to do at OVO as five columns that could contradict
//! each other; schema 2 keeps one value.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use sha2::{Digest, Sha256};

use super::row::{self, COLUMNS, PHONE};
use super::version::Incarnation;
use super::{codes, failure, schema};
use crate::hex::hex;
use crate::journal::{JournalError, JournalErrorKind, SealedPhone};
use crate::message::ResponseCode;
use crate::numbering::Numbers;
use crate::payment::{
    Boottime, Closer, Evidence, History, Intent, ListedFor, PaidWith, Payment, PaymentId, Reversal,
    Settlement, State, Tries, Verdict,
};
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// The oldest schema that is understood.
pub(super) const OLDEST: i32 = 1;

/// The columns of schema 1's table `payment`, in the order of its checksum.
const COLUMNS_1: [&str; 49] = [
    "id",
    "invoice",
    "amount",
    "merchant_id",
    "tid",
    "mid",
    "store_code",
    "batch",
    "reference",
    "wall",
    "phone",
    "phone_tag",
    "version",
    "boot",
    "written",
    "begun",
    "window_at",
    "attested",
    "seed",
    "verdict",
    "source",
    "decline_code",
    "settling_since",
    "seen",
    "duplicate_hint",
    "check_unavailable",
    "reversal",
    "reversal_at",
    "attempts",
    "checks",
    "overdue_alerts",
    "late_paid",
    "needs_operator",
    "closed",
    "sweeps",
    "void",
    "void_code",
    "void_resent",
    "phone_forgotten",
    "acknowledged",
    "due",
    "touched",
    "code",
    "approval_code",
    "trace_number",
    "host_date",
    "host_time",
    "void_date",
    "ruling",
];

/// SHA-256 over the names and texts of schema 1's tables, indexes and triggers: a journal whose
/// guards were removed by hand is not carried over.
const OBJECTS_1: &str = "f0207d5de96cb923004d79ebc0115697e8aa8e02de7c212f10a7cde0cd57157e";

/// Brings the journal to the present schema, inside the caller's transaction. True if there was
/// something to do.
///
/// # Errors
/// [`JournalErrorKind::Corrupt`] if the tables or their rules are not those of its release.
pub(super) fn bring_up_to_date(
    connection: &Connection,
    incarnation: &Incarnation,
) -> Result<bool, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let version: i32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if version != 1 {
        return Ok(false);
    }
    if digest_of_objects(connection).map_err(failed)? != OBJECTS_1 {
        return Err(JournalError::new(
            JournalErrorKind::Corrupt,
            "the tables or their rules were changed by hand",
        ));
    }
    from_1(connection, incarnation)?;
    connection.pragma_update(None, "user_version", schema::VERSION).map_err(failed)?;
    Ok(true)
}

fn digest_of_objects(connection: &Connection) -> rusqlite::Result<String> {
    let mut text = String::new();
    for (name, sql) in schema::objects(connection)? {
        text.push_str(&name);
        text.push('\0');
        text.push_str(&sql);
        text.push('\0');
    }
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

fn from_1(connection: &Connection, incarnation: &Incarnation) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    // The rules come back with the new tables. Phones stay where they are: nothing of them moves.
    schema::drop_rules(connection).map_err(failed)?;
    connection
        .execute_batch("ALTER TABLE payment RENAME TO payment_of_schema_1")
        .map_err(failed)?;
    schema::create_payments(connection).map_err(failed)?;
    copy_rows(connection, incarnation)?;
    connection.execute_batch("DROP TABLE payment_of_schema_1").map_err(failed)?;
    schema::create_rules(connection).map_err(failed)
}

fn copy_rows(connection: &Connection, incarnation: &Incarnation) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let mut selected = COLUMNS_1.map(str::to_owned);
    selected[PHONE] = "CASE WHEN phone_tag IS NOT NULL THEN \
                       (SELECT p.sealed FROM phone AS p WHERE p.id = old.id) END"
        .to_owned();
    let select = format!(
        "SELECT {}, checksum FROM payment_of_schema_1 AS old ORDER BY id",
        selected.join(", ")
    );
    let mut stored = COLUMNS.to_vec();
    stored.remove(PHONE);
    let places = vec!["?"; stored.len()].join(", ");
    let insert = format!("INSERT INTO payment ({}) VALUES ({places})", stored.join(", "));
    let mut insert = connection.prepare(&insert).map_err(failed)?;
    let mut select = connection.prepare(&select).map_err(failed)?;
    let mut rows = select.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let old = Old::read(row).map_err(failed)?;
        let written = match old.payment(incarnation) {
            Some(payment) => {
                let columns = row::encode(&payment, incarnation)?;
                let values = columns[..PHONE].iter().chain(&columns[PHONE + 1..]);
                insert.execute(params_from_iter(values))
            }
            None => insert.execute(params_from_iter(old.damaged(&stored))),
        };
        if let Err(error) = written {
            let id = old.integer("id").unwrap_or(0);
            return Err(JournalError::new(
                JournalErrorKind::Corrupt,
                format!("payment {id} cannot be carried over from schema 1 ({error})"),
            ));
        }
    }
    Ok(())
}

/// A row of schema 1.
struct Old {
    values: Vec<Value>,
}

impl Old {
    fn read(row: &Row<'_>) -> rusqlite::Result<Old> {
        let values = (0..=COLUMNS_1.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
        Ok(Old { values })
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let at = COLUMNS_1.iter().position(|column| *column == name)?;
        self.values.get(at)
    }

    fn maybe_integer(&self, name: &str) -> Option<Option<i64>> {
        match self.value(name)? {
            Value::Null => Some(None),
            Value::Integer(value) => Some(Some(*value)),
            _ => None,
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.maybe_integer(name)?
    }

    fn small<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        T::try_from(self.integer(name)?).ok()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        Some(self.integer(name)? != 0)
    }

    fn at(&self, name: &str) -> Option<Boottime> {
        codes::to_boottime(self.integer(name)?)
    }

    fn wall(&self, name: &str) -> Option<WallTime> {
        Some(WallTime::from_unix_millis(self.integer(name)?))
    }

    fn maybe_text(&self, name: &str) -> Option<Option<String>> {
        match self.value(name)? {
            Value::Null => Some(None),
            Value::Text(text) => Some(Some(text.clone())),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.maybe_text(name)?
    }

    fn maybe_code(&self, name: &str) -> Option<Option<ResponseCode>> {
        match self.maybe_text(name)? {
            None => Some(None),
            Some(text) => Some(Some(ResponseCode::new(&text)?)),
        }
    }

    /// The payment, `None` if the row is damaged.
    fn payment(&self, incarnation: &Incarnation) -> Option<Payment> {
        let (checked, checksum) = self.values.split_at(COLUMNS_1.len());
        let found = row::checksum(incarnation, checked.iter().map(Into::into));
        if checksum != [Value::Integer(found)] {
            return None;
        }
        let phone = match (self.value("phone")?, self.value("phone_tag")?) {
            (Value::Null, Value::Null) => None,
            (Value::Blob(sealed), Value::Blob(tag)) => {
                Some(SealedPhone { sealed: sealed.clone(), tag: tag.as_slice().try_into().ok()? })
            }
            _ => return None,
        };
        let terminal =
            Terminal::new(&self.text("tid")?, &self.text("mid")?, &self.text("store_code")?);
        Some(Payment {
            id: PaymentId(self.integer("id")?),
            version: self.small("version")?,
            boot: self.small("boot")?,
            written: self.wall("written")?,
            intent: Intent {
                invoice: self.text("invoice")?.parse().ok()?,
                amount: crate::Rupiah::new(self.integer("amount")?).ok()?,
                merchant_id: self.text("merchant_id")?,
                terminal: terminal.ok()?,
                numbers: Numbers::new(self.small("batch")?, self.small("reference")?).ok()?,
                phone,
                wall: self.wall("wall")?,
            },
            state: self.state()?,
            evidence: Evidence {
                code: self.maybe_code("code")?,
                approval_code: self.maybe_text("approval_code")?,
                trace_number: self.maybe_text("trace_number")?,
                host_date: self.maybe_text("host_date")?,
                host_time: self.maybe_text("host_time")?,
                void_date: self.maybe_text("void_date")?,
                ruling: self.maybe_text("ruling")?,
                paid_with: PaidWith::default(),
            },
            // 0.1.0 kept none.
            history: History::default(),
        })
    }

    fn state(&self) -> Option<State> {
        let verdict = codes::to_verdict((
            self.maybe_integer("verdict")?,
            self.maybe_integer("source")?,
            self.maybe_code("decline_code")?,
        ))?;
        let needs_operator = self.flag("needs_operator")?;
        let settlement = self.settlement(needs_operator)?;
        // 65535 checks stood for the one that rule 14b asks last. It is asked again.
        let checks: u16 = self.small("checks")?;
        Some(State {
            begun: self.at("begun")?,
            window: self.at("window_at")?,
            attested: self.flag("attested")?,
            seed: self.small("seed")?,
            verdict,
            cancelled: false,
            unheard: false,
            settlement,
            settling_since: self.at("settling_since")?,
            settled_before_ms: 0,
            seen: self.flag("seen")?,
            asked_in_vain: false,
            duplicate_hint: self.flag("duplicate_hint")?,
            check_refused: false,
            check_unavailable: self.flag("check_unavailable")?,
            reversals: Tries { count: self.small("attempts")?, not_before: Boottime(0) },
            checks: Tries {
                count: if checks == u16::MAX { 1 } else { checks },
                not_before: Boottime(0),
            },
            overdue_alerts: self.small("overdue_alerts")?,
            late_paid: self.flag("late_paid")?,
            listed: match needs_operator && settlement != Settlement::WithOperator {
                true => ListedFor::Contradiction,
                false => ListedFor::Nothing,
            },
            // What 0.1.0 left to checks.
            doubted: verdict == Some(Verdict::Quarantined)
                && matches!(settlement, Settlement::Open(_)),
            void: codes::to_void(self.integer("void")?, self.maybe_code("void_code")?)?,
            void_resent: self.flag("void_resent")?,
            phone_forgotten: self.flag("phone_forgotten")?,
            acknowledged: self.flag("acknowledged")?,
            due: match self.maybe_integer("due")? {
                None => None,
                Some(at) => Some(codes::to_boottime(at)?),
            },
            touched: self.at("touched")?,
        })
    }

    fn settlement(&self, needs_operator: bool) -> Option<Settlement> {
        let reversal = match (self.integer("reversal")?, self.maybe_integer("reversal_at")?) {
            (codes::NEEDED, None) => Reversal::Needed,
            (codes::ACKNOWLEDGED, Some(at)) => Reversal::Acknowledged(codes::to_boottime(at)?),
            (codes::NOT_NEEDED, None) => Reversal::NotNeeded,
            _ => return None,
        };
        let Some(closed) = self.maybe_integer("closed")? else {
            let handed_over = needs_operator && self.maybe_integer("verdict")?.is_some();
            return Some(if handed_over {
                Settlement::WithOperator
            } else {
                Settlement::Open(reversal)
            });
        };
        // Only an operator's ruling could close what still owed a reversal. Other closings by hand
        // cannot be told from the policy's: those rows are looked behind, as they were.
        let by = if reversal == Reversal::Needed { Closer::Operator } else { Closer::Policy };
        let at = codes::to_boottime(closed)?;
        Some(Settlement::Closed { at, by, looks: self.small("sweeps")? })
    }

    /// A damaged row as it is, under a checksum that stays wrong: it is as little trusted as
    /// before, and in nobody's way.
    fn damaged(&self, stored: &[&str]) -> Vec<Value> {
        let closed = self.value("closed").is_some_and(|closed| *closed != Value::Null);
        stored
            .iter()
            .map(|column| match *column {
                "settlement" if closed => Value::Integer(codes::CLOSED_BY_POLICY),
                "settlement" | "reversal" | "reversals" | "checksum" | "cancelled" => {
                    Value::Integer(0)
                }
                "reversal_at" => Value::Null,
                "listed" | "asked_in_vain" | "unheard" | "check_refused" | "next_reversal"
                | "next_check" | "settled_before_ms" | "looks" => Value::Integer(0),
                name => self.value(name).cloned().unwrap_or(Value::Null),
            })
            .collect()
    }
}
