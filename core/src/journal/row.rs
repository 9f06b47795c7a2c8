//! A payment as a row: which column holds what, and the checksum that a hand or a worn flash cell
//! cannot forge by accident.

use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use sha2::{Digest, Sha256};

use super::codes;
use super::version::Incarnation;
use crate::amount::Rupiah;
use crate::journal::{JournalError, JournalErrorKind, SealedPhone};
use crate::message::ResponseCode;
use crate::numbering::Numbers;
use crate::payment::{Boottime, Evidence, Intent, Payment, PaymentId, State};
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// How many columns stand before the checksum, which covers all of them.
pub(super) const CHECKED: usize = 49;

/// The columns of table `payment`, in the order of [`encode`] and [`decode`].
pub(super) const COLUMNS: [&str; CHECKED + 1] = [
    // Never changed after the insert (the phone only to nothing).
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
    // The record.
    "version",
    "boot",
    "written",
    // The state.
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
    // The evidence.
    "code",
    "approval_code",
    "trace_number",
    "host_date",
    "host_time",
    "void_date",
    "ruling",
    "checksum",
];

/// How many columns stand before the phone: the intent, which no update writes.
pub(super) const INTENT: usize = 10;

/// The sealed phone, which is in a table of its own (see `schema.rs`).
pub(super) const PHONE: usize = 10;

/// The expressions that read [`COLUMNS`].
pub(super) fn selection() -> String {
    let mut columns = COLUMNS.map(str::to_owned);
    columns[PHONE] = "CASE WHEN phone_tag IS NOT NULL THEN \
                      (SELECT p.sealed FROM phone AS p WHERE p.id = payment.id) END"
        .to_owned();
    columns.join(", ")
}

type Bound<'a> = ToSqlOutput<'a>;

fn integer(value: i64) -> Bound<'static> {
    ToSqlOutput::Owned(Value::Integer(value))
}

fn maybe_integer(value: Option<i64>) -> Bound<'static> {
    value.map_or(ToSqlOutput::Owned(Value::Null), integer)
}

fn text(value: &str) -> Bound<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes()))
}

fn maybe_text(value: Option<&str>) -> Bound<'_> {
    value.map_or(ToSqlOutput::Owned(Value::Null), text)
}

fn maybe_code(value: Option<ResponseCode>) -> Bound<'static> {
    ToSqlOutput::Owned(value.map_or(Value::Null, |code| Value::Text(code.as_str().to_owned())))
}

fn maybe_bytes(value: Option<&[u8]>) -> Bound<'_> {
    match value {
        Some(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        None => ToSqlOutput::Owned(Value::Null),
    }
}

/// The columns of a payment, checksum included. A forgotten phone is not written, whether the
/// caller still holds it or not.
pub(super) fn encode<'a>(
    payment: &'a Payment,
    incarnation: &Incarnation,
) -> Result<[Bound<'a>; CHECKED + 1], JournalError> {
    let Payment { id, version, boot, written, intent, state, evidence } = payment;
    let version = i64::try_from(*version)
        .map_err(|_| JournalError::new(JournalErrorKind::Forbidden, "version out of range"))?;
    let phone = intent.phone.as_ref().filter(|_| !state.phone_forgotten);
    let (verdict, source, decline_code) = codes::of_verdict(state.verdict);
    let (reversal, reversal_at) = codes::of_reversal(state.reversal);
    let (void, void_code) = codes::of_void(state.void);
    let at = |at: Boottime| integer(codes::of_boottime(at));
    let maybe_at = |at: Option<Boottime>| maybe_integer(at.map(codes::of_boottime));
    let flag = |value: bool| integer(i64::from(value));
    let mut columns = [
        integer(id.0),
        text(intent.invoice.as_str()),
        integer(intent.amount.get()),
        text(&intent.merchant_id),
        text(intent.terminal.tid()),
        text(intent.terminal.mid()),
        text(intent.terminal.store_code()),
        integer(i64::from(intent.numbers.batch())),
        integer(i64::from(intent.numbers.reference())),
        integer(intent.wall.unix_millis()),
        maybe_bytes(phone.map(|phone| phone.sealed.as_slice())),
        maybe_bytes(phone.map(|phone| phone.tag.as_slice())),
        integer(version),
        integer(i64::from(*boot)),
        integer(written.unix_millis()),
        at(state.begun),
        at(state.window),
        flag(state.attested),
        integer(i64::from(state.seed)),
        maybe_integer(verdict),
        maybe_integer(source),
        maybe_code(decline_code),
        at(state.settling_since),
        flag(state.seen),
        flag(state.duplicate_hint),
        flag(state.check_unavailable),
        integer(reversal),
        maybe_integer(reversal_at),
        integer(i64::from(state.attempts)),
        integer(i64::from(state.checks)),
        integer(i64::from(state.overdue_alerts)),
        flag(state.late_paid),
        flag(state.needs_operator),
        maybe_at(state.closed),
        integer(i64::from(state.sweeps)),
        integer(void),
        maybe_code(void_code),
        flag(state.void_resent),
        flag(state.phone_forgotten),
        flag(state.acknowledged),
        maybe_at(state.due),
        at(state.touched),
        maybe_code(evidence.code),
        maybe_text(evidence.approval_code.as_deref()),
        maybe_text(evidence.trace_number.as_deref()),
        maybe_text(evidence.host_date.as_deref()),
        maybe_text(evidence.host_time.as_deref()),
        maybe_text(evidence.void_date.as_deref()),
        maybe_text(evidence.ruling.as_deref()),
        integer(0),
    ];
    let checksum = checksum(
        incarnation,
        columns[..CHECKED].iter().map(|column| match column {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(value) => value.into(),
            _ => ValueRef::Null,
        }),
    );
    columns[CHECKED] = integer(checksum);
    Ok(columns)
}

/// Reads a row whose columns are [`COLUMNS`].
///
/// # Errors
/// [`JournalErrorKind::Corrupt`], naming the row, if its checksum or a value is wrong (J8).
pub(super) fn decode(row: &Row<'_>, incarnation: &Incarnation) -> Result<Payment, JournalError> {
    let read = || {
        let mut columns = [ValueRef::Null; CHECKED + 1];
        for (index, column) in columns.iter_mut().enumerate() {
            *column = row.get_ref(index).ok()?;
        }
        Reader { columns }.payment(incarnation)
    };
    read().ok_or_else(|| {
        let id = row.get::<_, i64>(0).unwrap_or(0);
        JournalError::new(
            JournalErrorKind::Corrupt,
            format!("payment {id} is damaged or was edited by hand; it is not trusted"),
        )
    })
}

struct Reader<'a> {
    columns: [ValueRef<'a>; CHECKED + 1],
}

impl Reader<'_> {
    fn payment(&self, incarnation: &Incarnation) -> Option<Payment> {
        let checked = self.columns[..CHECKED].iter().copied();
        if self.integer(CHECKED)? != checksum(incarnation, checked) {
            return None;
        }
        let phone = match (self.maybe_bytes(10)?, self.maybe_bytes(11)?) {
            (None, None) => None,
            (Some(sealed), Some(tag)) => {
                Some(SealedPhone { sealed: sealed.to_vec(), tag: tag.try_into().ok()? })
            }
            _ => return None,
        };
        Some(Payment {
            id: PaymentId(self.integer(0)?),
            version: u64::try_from(self.integer(12)?).ok()?,
            boot: self.small(13)?,
            written: self.wall(14)?,
            intent: Intent {
                invoice: self.text(1)?.parse().ok()?,
                amount: Rupiah::new(self.integer(2)?).ok()?,
                merchant_id: self.text(3)?,
                terminal: Terminal::new(&self.text(4)?, &self.text(5)?, &self.text(6)?).ok()?,
                numbers: Numbers::new(self.small(7)?, self.small(8)?).ok()?,
                phone,
                wall: self.wall(9)?,
            },
            state: self.state()?,
            evidence: Evidence {
                code: self.maybe_code(42)?,
                approval_code: self.maybe_text(43)?,
                trace_number: self.maybe_text(44)?,
                host_date: self.maybe_text(45)?,
                host_time: self.maybe_text(46)?,
                void_date: self.maybe_text(47)?,
                ruling: self.maybe_text(48)?,
            },
        })
    }

    fn state(&self) -> Option<State> {
        let verdict = (self.maybe_integer(19)?, self.maybe_integer(20)?, self.maybe_code(21)?);
        Some(State {
            begun: self.at(15)?,
            window: self.at(16)?,
            attested: self.flag(17)?,
            seed: self.small(18)?,
            verdict: codes::to_verdict(verdict)?,
            settling_since: self.at(22)?,
            seen: self.flag(23)?,
            duplicate_hint: self.flag(24)?,
            check_unavailable: self.flag(25)?,
            reversal: codes::to_reversal(self.integer(26)?, self.maybe_at(27)?)?,
            attempts: self.small(28)?,
            checks: self.small(29)?,
            overdue_alerts: self.small(30)?,
            late_paid: self.flag(31)?,
            needs_operator: self.flag(32)?,
            closed: self.maybe_at(33)?,
            sweeps: self.small(34)?,
            void: codes::to_void(self.integer(35)?, self.maybe_code(36)?)?,
            void_resent: self.flag(37)?,
            phone_forgotten: self.flag(38)?,
            acknowledged: self.flag(39)?,
            due: self.maybe_at(40)?,
            touched: self.at(41)?,
        })
    }

    // Each of these is `None` if the column does not hold what it should.

    fn maybe_integer(&self, index: usize) -> Option<Option<i64>> {
        match self.columns[index] {
            ValueRef::Null => Some(None),
            ValueRef::Integer(value) => Some(Some(value)),
            _ => None,
        }
    }

    fn integer(&self, index: usize) -> Option<i64> {
        self.maybe_integer(index)?
    }

    fn small<T: TryFrom<i64>>(&self, index: usize) -> Option<T> {
        T::try_from(self.integer(index)?).ok()
    }

    fn flag(&self, index: usize) -> Option<bool> {
        match self.integer(index)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn at(&self, index: usize) -> Option<Boottime> {
        codes::to_boottime(self.integer(index)?)
    }

    fn maybe_at(&self, index: usize) -> Option<Option<Boottime>> {
        match self.maybe_integer(index)? {
            None => Some(None),
            Some(at) => Some(Some(codes::to_boottime(at)?)),
        }
    }

    fn wall(&self, index: usize) -> Option<WallTime> {
        Some(WallTime::from_unix_millis(self.integer(index)?))
    }

    fn maybe_text(&self, index: usize) -> Option<Option<String>> {
        match self.columns[index] {
            ValueRef::Null => Some(None),
            ValueRef::Text(bytes) => Some(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
            _ => None,
        }
    }

    fn text(&self, index: usize) -> Option<String> {
        self.maybe_text(index)?
    }

    fn maybe_code(&self, index: usize) -> Option<Option<ResponseCode>> {
        match self.maybe_text(index)? {
            None => Some(None),
            Some(text) => Some(Some(ResponseCode::new(&text)?)),
        }
    }

    fn maybe_bytes(&self, index: usize) -> Option<Option<&[u8]>> {
        match self.columns[index] {
            ValueRef::Null => Some(None),
            ValueRef::Blob(bytes) => Some(Some(bytes)),
            _ => None,
        }
    }
}

/// The first 64 bits of SHA-256 over every column with its type and length, salted with the
/// journal's random name: a row (or a whole write-ahead log, `faults.md` J10) out of another journal
/// is not taken for one of this.
fn checksum<'a>(incarnation: &Incarnation, columns: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
    // In one piece, because the digest takes its time for each. A row is some 800 bytes.
    let mut text = Vec::with_capacity(1024);
    text.extend_from_slice(incarnation);
    let mut add = |kind: u8, bytes: &[u8]| {
        text.push(kind);
        text.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        text.extend_from_slice(bytes);
    };
    for column in columns {
        match column {
            ValueRef::Null => add(0, &[]),
            ValueRef::Integer(value) => add(1, &value.to_le_bytes()),
            ValueRef::Real(value) => add(2, &value.to_le_bytes()),
            ValueRef::Text(text) => add(3, text),
            ValueRef::Blob(blob) => add(4, blob),
        }
    }
    let digest = Sha256::digest(&text);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}
