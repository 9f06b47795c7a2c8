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
use crate::payment::{Boottime, Evidence, History, Intent, Payment, PaymentId, State, Tries};
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// One table says which columns there are, in which order, of which type, and what is written
/// into them; reading names them by [`Column`].
macro_rules! columns {
    (|$payment:ident, $codes:ident| $($(#[$doc:meta])* $name:ident: $sql:literal = $value:expr;)*) => {
        /// The columns of table `payment`, in their order, and behind them the checksum.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, reason = "the columns' own names")]
        pub(super) enum Column { $($(#[$doc])* $name,)* checksum }

        /// Their names.
        pub(super) const COLUMNS: [&str; CHECKED + 1] = [$(stringify!($name),)* "checksum"];

        /// Their types in the schema; the sealed phone is in a table of its own.
        pub(super) const TYPES: [&str; CHECKED + 1] = [$($sql,)* "INTEGER NOT NULL"];

        fn values<'a>($payment: &'a Payment, $codes: &Codes<'a>) -> [Bound<'a>; CHECKED + 1] {
            [$($value,)* integer(0)]
        }
    };
}

/// How many columns stand before the checksum, which covers all of them.
pub(super) const CHECKED: usize = Column::checksum as usize;

/// How many columns stand before the phone: the intent, which no update writes.
pub(super) const INTENT: usize = Column::phone as usize;

/// The sealed phone, which is in a table of its own (see `schema.rs`).
pub(super) const PHONE: usize = Column::phone as usize;

columns! { |payment, codes|
    // Never changed after the insert (the phone only to nothing).
    id: "INTEGER PRIMARY KEY" = integer(payment.id.0);
    invoice: "TEXT NOT NULL" = text(payment.intent.invoice.as_str());
    amount: "INTEGER NOT NULL" = integer(payment.intent.amount.get());
    merchant_id: "TEXT NOT NULL" = text(&payment.intent.merchant_id);
    tid: "TEXT NOT NULL" = text(payment.intent.terminal.tid());
    mid: "TEXT NOT NULL" = text(payment.intent.terminal.mid());
    store_code: "TEXT NOT NULL" = text(payment.intent.terminal.store_code());
    batch: "INTEGER NOT NULL" = integer(payment.intent.numbers.batch().into());
    reference: "INTEGER NOT NULL" = integer(payment.intent.numbers.reference().into());
    wall: "INTEGER NOT NULL" = integer(payment.intent.wall.unix_millis());
    phone: "" = maybe_bytes(codes.phone.map(|phone| phone.sealed.as_slice()));
    phone_tag: "BLOB" = maybe_bytes(codes.phone.map(|phone| phone.tag.as_slice()));
    // The record.
    version: "INTEGER NOT NULL" = integer(codes.version);
    boot: "INTEGER NOT NULL" = integer(payment.boot.into());
    written: "INTEGER NOT NULL" = integer(payment.written.unix_millis());
    // The state.
    begun: "INTEGER NOT NULL" = at(payment.state.begun);
    window_at: "INTEGER NOT NULL" = at(payment.state.window);
    attested: "INTEGER NOT NULL" = flag(payment.state.attested);
    seed: "INTEGER NOT NULL" = integer(payment.state.seed.into());
    verdict: "INTEGER" = maybe_integer(codes.verdict.0);
    source: "INTEGER" = maybe_integer(codes.verdict.1);
    decline_code: "TEXT" = maybe_code(codes.verdict.2);
    cancelled: "INTEGER NOT NULL" = flag(payment.state.cancelled);
    unheard: "INTEGER NOT NULL" = flag(payment.state.unheard);
    settlement: "INTEGER NOT NULL" = integer(codes.settlement.settlement);
    reversal: "INTEGER NOT NULL" = integer(codes.settlement.reversal);
    reversal_at: "INTEGER" = maybe_integer(codes.settlement.reversal_at);
    closed: "INTEGER" = maybe_integer(codes.settlement.closed);
    looks: "INTEGER NOT NULL" = integer(codes.settlement.looks);
    settling_since: "INTEGER NOT NULL" = at(payment.state.settling_since);
    settled_before_ms: "INTEGER NOT NULL" = at(Boottime(payment.state.settled_before_ms));
    seen: "INTEGER NOT NULL" = flag(payment.state.seen);
    asked_in_vain: "INTEGER NOT NULL" = flag(payment.state.asked_in_vain);
    duplicate_hint: "INTEGER NOT NULL" = flag(payment.state.duplicate_hint);
    check_refused: "INTEGER NOT NULL" = flag(payment.state.check_refused);
    check_unavailable: "INTEGER NOT NULL" = flag(payment.state.check_unavailable);
    reversals: "INTEGER NOT NULL" = integer(payment.state.reversals.count.into());
    next_reversal: "INTEGER NOT NULL" = at(payment.state.reversals.not_before);
    checks: "INTEGER NOT NULL" = integer(payment.state.checks.count.into());
    next_check: "INTEGER NOT NULL" = at(payment.state.checks.not_before);
    overdue_alerts: "INTEGER NOT NULL" = integer(payment.state.overdue_alerts.into());
    late_paid: "INTEGER NOT NULL" = flag(payment.state.late_paid);
    listed: "INTEGER NOT NULL" = integer(codes::of_listed(payment.state.listed));
    doubted: "INTEGER NOT NULL" = flag(payment.state.doubted);
    void: "INTEGER NOT NULL" = integer(codes.void.0);
    void_code: "TEXT" = maybe_code(codes.void.1);
    void_resent: "INTEGER NOT NULL" = flag(payment.state.void_resent);
    phone_forgotten: "INTEGER NOT NULL" = flag(payment.state.phone_forgotten);
    acknowledged: "INTEGER NOT NULL" = flag(payment.state.acknowledged);
    due: "INTEGER" = maybe_integer(payment.state.due.map(codes::of_boottime));
    touched: "INTEGER NOT NULL" = at(payment.state.touched);
    // The evidence.
    code: "TEXT" = maybe_code(payment.evidence.code);
    approval_code: "TEXT" = maybe_text(payment.evidence.approval_code.as_deref());
    trace_number: "TEXT" = maybe_text(payment.evidence.trace_number.as_deref());
    host_date: "TEXT" = maybe_text(payment.evidence.host_date.as_deref());
    host_time: "TEXT" = maybe_text(payment.evidence.host_time.as_deref());
    void_date: "TEXT" = maybe_text(payment.evidence.void_date.as_deref());
    ruling: "TEXT" = maybe_text(payment.evidence.ruling.as_deref());
    paid_with: "TEXT" = maybe_owned(codes.paid_with.clone());
    // The history: what only grows, and what is counted.
    history: "BLOB" = maybe_bytes(codes.history.0);
    repeated: "BLOB" = maybe_bytes(codes.history.1);
}

/// What of a payment several columns share.
struct Codes<'a> {
    /// `None` once it is forgotten, whether the caller still holds it or not.
    phone: Option<&'a SealedPhone>,
    version: i64,
    verdict: codes::VerdictCodes,
    settlement: codes::SettlementCodes,
    void: (i64, Option<ResponseCode>),
    paid_with: Option<String>,
    history: (Option<&'a [u8]>, Option<&'a [u8]>),
}

/// The expressions that read [`COLUMNS`].
pub(super) fn selection() -> String {
    let mut columns = COLUMNS.map(str::to_owned);
    columns[PHONE] = "CASE WHEN phone_tag IS NOT NULL THEN \
                      (SELECT p.sealed FROM phone AS p WHERE p.id = payment.id) END"
        .to_owned();
    columns.join(", ")
}

/// The columns of table `payment` as the schema defines them.
pub(super) fn definitions() -> String {
    let stored = COLUMNS.iter().zip(TYPES).filter(|(_, kind)| !kind.is_empty());
    let lines: Vec<String> = stored.map(|(name, kind)| format!("  {name} {kind}")).collect();
    lines.join(",\n")
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

fn maybe_owned(value: Option<String>) -> Bound<'static> {
    ToSqlOutput::Owned(value.map_or(Value::Null, Value::Text))
}

fn maybe_code(value: Option<ResponseCode>) -> Bound<'static> {
    maybe_owned(value.map(|code| code.as_str().to_owned()))
}

fn maybe_bytes(value: Option<&[u8]>) -> Bound<'_> {
    match value {
        Some(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        None => ToSqlOutput::Owned(Value::Null),
    }
}

fn at(at: Boottime) -> Bound<'static> {
    integer(codes::of_boottime(at))
}

fn flag(value: bool) -> Bound<'static> {
    integer(value.into())
}

/// The columns of a payment, checksum included.
pub(super) fn encode<'a>(
    payment: &'a Payment,
    incarnation: &Incarnation,
) -> Result<[Bound<'a>; CHECKED + 1], JournalError> {
    let version = i64::try_from(payment.version)
        .map_err(|_| JournalError::new(JournalErrorKind::Forbidden, "version out of range"))?;
    let codes = Codes {
        phone: payment.intent.phone.as_ref().filter(|_| !payment.state.phone_forgotten),
        version,
        verdict: codes::of_verdict(payment.state.verdict),
        settlement: codes::of_settlement(payment.state.settlement),
        void: codes::of_void(payment.state.void),
        paid_with: codes::of_paid_with(&payment.evidence.paid_with),
        history: {
            let (history, repeated) = payment.history.as_bytes();
            let some = |bytes: &'a [u8]| (!bytes.is_empty()).then_some(bytes);
            (some(history), some(repeated))
        },
    };
    let mut columns = values(payment, &codes);
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

pub(super) struct Reader<'a> {
    pub(super) columns: [ValueRef<'a>; CHECKED + 1],
}

impl Reader<'_> {
    fn payment(&self, incarnation: &Incarnation) -> Option<Payment> {
        let checked = self.columns[..CHECKED].iter().copied();
        if self.integer(Column::checksum)? != checksum(incarnation, checked) {
            return None;
        }
        self.unchecked()
    }

    /// The same of columns whose checksum was looked at.
    pub(super) fn unchecked(&self) -> Option<Payment> {
        let phone = match (self.maybe_bytes(Column::phone)?, self.maybe_bytes(Column::phone_tag)?) {
            (None, None) => None,
            (Some(sealed), Some(tag)) => {
                Some(SealedPhone { sealed: sealed.to_vec(), tag: tag.try_into().ok()? })
            }
            _ => return None,
        };
        let terminal = Terminal::new(
            &self.text(Column::tid)?,
            &self.text(Column::mid)?,
            &self.text(Column::store_code)?,
        );
        Some(Payment {
            id: PaymentId(self.integer(Column::id)?),
            version: u64::try_from(self.integer(Column::version)?).ok()?,
            boot: self.small(Column::boot)?,
            written: self.wall(Column::written)?,
            intent: Intent {
                invoice: self.text(Column::invoice)?.parse().ok()?,
                amount: Rupiah::new(self.integer(Column::amount)?).ok()?,
                merchant_id: self.text(Column::merchant_id)?,
                terminal: terminal.ok()?,
                numbers: Numbers::new(self.small(Column::batch)?, self.small(Column::reference)?)
                    .ok()?,
                phone,
                wall: self.wall(Column::wall)?,
            },
            state: self.state()?,
            evidence: Evidence {
                code: self.maybe_code(Column::code)?,
                approval_code: self.maybe_text(Column::approval_code)?,
                trace_number: self.maybe_text(Column::trace_number)?,
                host_date: self.maybe_text(Column::host_date)?,
                host_time: self.maybe_text(Column::host_time)?,
                void_date: self.maybe_text(Column::void_date)?,
                ruling: self.maybe_text(Column::ruling)?,
                paid_with: codes::to_paid_with(self.maybe_text(Column::paid_with)?.as_deref()),
            },
            history: History::from_bytes(
                self.maybe_bytes(Column::history)?.unwrap_or_default(),
                self.maybe_bytes(Column::repeated)?.unwrap_or_default(),
            ),
        })
    }

    fn state(&self) -> Option<State> {
        let verdict = codes::to_verdict((
            self.maybe_integer(Column::verdict)?,
            self.maybe_integer(Column::source)?,
            self.maybe_code(Column::decline_code)?,
        ));
        let settlement = codes::to_settlement(codes::SettlementCodes {
            settlement: self.integer(Column::settlement)?,
            reversal: self.integer(Column::reversal)?,
            reversal_at: self.maybe_integer(Column::reversal_at)?,
            closed: self.maybe_integer(Column::closed)?,
            looks: self.integer(Column::looks)?,
        });
        let void = codes::to_void(self.integer(Column::void)?, self.maybe_code(Column::void_code)?);
        Some(State {
            begun: self.at(Column::begun)?,
            window: self.at(Column::window_at)?,
            attested: self.flag(Column::attested)?,
            seed: self.small(Column::seed)?,
            verdict: verdict?,
            cancelled: self.flag(Column::cancelled)?,
            unheard: self.flag(Column::unheard)?,
            settlement: settlement?,
            settling_since: self.at(Column::settling_since)?,
            settled_before_ms: self.at(Column::settled_before_ms)?.0,
            seen: self.flag(Column::seen)?,
            asked_in_vain: self.flag(Column::asked_in_vain)?,
            duplicate_hint: self.flag(Column::duplicate_hint)?,
            check_refused: self.flag(Column::check_refused)?,
            check_unavailable: self.flag(Column::check_unavailable)?,
            reversals: Tries {
                count: self.small(Column::reversals)?,
                not_before: self.at(Column::next_reversal)?,
            },
            checks: Tries {
                count: self.small(Column::checks)?,
                not_before: self.at(Column::next_check)?,
            },
            overdue_alerts: self.small(Column::overdue_alerts)?,
            late_paid: self.flag(Column::late_paid)?,
            listed: codes::to_listed(self.integer(Column::listed)?)?,
            doubted: self.flag(Column::doubted)?,
            void: void?,
            void_resent: self.flag(Column::void_resent)?,
            phone_forgotten: self.flag(Column::phone_forgotten)?,
            acknowledged: self.flag(Column::acknowledged)?,
            due: match self.maybe_integer(Column::due)? {
                None => None,
                Some(at) => Some(codes::to_boottime(at)?),
            },
            touched: self.at(Column::touched)?,
        })
    }

    // Each of these is `None` if the column does not hold what it should.

    fn maybe_integer(&self, column: Column) -> Option<Option<i64>> {
        match self.columns[column as usize] {
            ValueRef::Null => Some(None),
            ValueRef::Integer(value) => Some(Some(value)),
            _ => None,
        }
    }

    fn integer(&self, column: Column) -> Option<i64> {
        self.maybe_integer(column)?
    }

    fn small<T: TryFrom<i64>>(&self, column: Column) -> Option<T> {
        T::try_from(self.integer(column)?).ok()
    }

    fn flag(&self, column: Column) -> Option<bool> {
        match self.integer(column)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn at(&self, column: Column) -> Option<Boottime> {
        codes::to_boottime(self.integer(column)?)
    }

    fn wall(&self, column: Column) -> Option<WallTime> {
        Some(WallTime::from_unix_millis(self.integer(column)?))
    }

    fn maybe_text(&self, column: Column) -> Option<Option<String>> {
        match self.columns[column as usize] {
            ValueRef::Null => Some(None),
            ValueRef::Text(bytes) => Some(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
            _ => None,
        }
    }

    fn text(&self, column: Column) -> Option<String> {
        self.maybe_text(column)?
    }

    fn maybe_code(&self, column: Column) -> Option<Option<ResponseCode>> {
        match self.maybe_text(column)? {
            None => Some(None),
            Some(text) => Some(Some(ResponseCode::new(&text)?)),
        }
    }

    fn maybe_bytes(&self, column: Column) -> Option<Option<&[u8]>> {
        match self.columns[column as usize] {
            ValueRef::Null => Some(None),
            ValueRef::Blob(bytes) => Some(Some(bytes)),
            _ => None,
        }
    }
}

/// The first 64 bits of SHA-256 over every column with its type and length, salted with the
/// journal's random name: a row (or a whole write-ahead log, [fault J10]) out of another journal
/// is not taken for one of this.
///
/// [fault J10]: crate::manual::faults#j-disk-and-journal
pub(super) fn checksum<'a>(
    incarnation: &Incarnation,
    columns: impl IntoIterator<Item = ValueRef<'a>>,
) -> i64 {
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
