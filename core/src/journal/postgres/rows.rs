//! A payment on its way to the server and back: the columns of the SQLite journal, under the same names.

use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use serde_json::{Map, Value as Json, json};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::store::StoredRow;
use crate::journal::row::{self, CHECKED, COLUMNS, Column, PHONE, Reader};
use crate::journal::version::Incarnation;
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::Payment;

/// Where the token of the row's last write stands behind the payment's columns.
pub(super) const TOKEN: usize = CHECKED + 1;

/// The expressions that read a payment, in the order of its columns.
pub(super) fn selection(schema: &str) -> String {
    let mut columns = COLUMNS.map(|column| format!("payment.{column}"));
    columns[PHONE] = format!(
        "CASE WHEN payment.phone_tag IS NOT NULL THEN \
         (SELECT p.sealed FROM {schema}.phone AS p WHERE p.id = payment.id) END"
    );
    columns.join(", ")
}

/// What the checksum does not cover: the server gives the numbers of a new row, and keeps the phone,
/// which is sealed by itself, and the history, whatever the caller holds of them.
fn is_the_servers(index: usize, is_first: bool) -> bool {
    const KEPT: [usize; 4] = [
        Column::phone as usize,
        Column::phone_tag as usize,
        Column::history as usize,
        Column::repeated as usize,
    ];
    const GIVEN: [usize; 4] = [
        Column::id as usize,
        Column::batch as usize,
        Column::reference as usize,
        Column::attested as usize,
    ];
    KEPT.contains(&index) || (is_first && GIVEN.contains(&index))
}

fn checksum<'a>(
    incarnation: &Incarnation,
    columns: impl Iterator<Item = ValueRef<'a>>,
    is_first: bool,
) -> i64 {
    let covered = columns
        .take(CHECKED)
        .enumerate()
        .map(|(index, value)| if is_the_servers(index, is_first) { ValueRef::Null } else { value });
    row::checksum(incarnation, covered)
}

fn value<'a>(column: &'a ToSqlOutput<'a>) -> ValueRef<'a> {
    match column {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => value.into(),
        _ => ValueRef::Null,
    }
}

/// Bytes as PostgreSQL reads them.
pub(super) fn hex(bytes: &[u8]) -> String {
    format!("\\x{}", crate::hex::hex(bytes))
}

/// The row for `payment`, as the server takes it. Its version is the one that it will be stored with.
pub(super) fn encode(payment: &Payment, incarnation: &Incarnation) -> Result<Json, JournalError> {
    let mut payment = payment.clone();
    // PostgreSQL's texts hold no zero; the evidence is what a host said.
    let evidence = &mut payment.evidence;
    for text in [
        &mut evidence.approval_code,
        &mut evidence.trace_number,
        &mut evidence.host_date,
        &mut evidence.host_time,
        &mut evidence.void_date,
        &mut evidence.ruling,
        &mut evidence.paid_with.cash,
        &mut evidence.paid_with.points,
        &mut evidence.paid_with.points_earned,
    ] {
        if let Some(text) = text.as_mut().filter(|text| text.contains('\0')) {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    let columns = row::encode(&payment, &[0; 16])?;
    let sum = checksum(incarnation, columns.iter().map(value), payment.version == 1);
    let mut row = Map::new();
    for (index, (name, column)) in COLUMNS.iter().zip(&columns).enumerate() {
        if index == PHONE {
            continue;
        }
        let json = match value(column) {
            _ if index == CHECKED => json!(sum),
            ValueRef::Null => Json::Null,
            ValueRef::Integer(number) => json!(number),
            ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
            ValueRef::Blob(bytes) => json!(hex(bytes)),
            ValueRef::Real(_) => {
                return Err(JournalError::new(
                    JournalErrorKind::Forbidden,
                    "no column is a fraction",
                ));
            }
        };
        row.insert((*name).to_owned(), json);
    }
    Ok(Json::Object(row))
}

fn read(row: &Row, index: usize) -> Option<Sql> {
    let null = |value: Option<Sql>| value.unwrap_or(Sql::Null);
    match *row.columns().get(index)?.type_() {
        Type::INT8 => {
            row.try_get(index).ok().map(|value: Option<i64>| null(value.map(Sql::Integer)))
        }
        Type::TEXT => {
            row.try_get(index).ok().map(|value: Option<String>| null(value.map(Sql::Text)))
        }
        Type::BYTEA => {
            row.try_get(index).ok().map(|value: Option<Vec<u8>>| null(value.map(Sql::Blob)))
        }
        _ => None,
    }
}

/// A row that [`selection`] read, with its token behind it.
pub(super) fn stored(row: &Row) -> StoredRow {
    let columns = (0..=CHECKED).map_while(|index| read(row, index)).collect();
    StoredRow { columns, token: row.try_get(TOKEN).ok() }
}

/// The number of a stored row.
pub(super) fn id_of(row: &StoredRow) -> i64 {
    match row.columns.first() {
        Some(Sql::Integer(id)) => *id,
        _ => 0,
    }
}

/// The columns of a stored row as the journal's other engine reads them.
fn references(row: &StoredRow) -> Option<[ValueRef<'_>; CHECKED + 1]> {
    if row.columns.len() != CHECKED + 1 {
        return None;
    }
    let mut columns = [ValueRef::Null; CHECKED + 1];
    for (column, value) in columns.iter_mut().zip(&row.columns) {
        *column = value.into();
    }
    Some(columns)
}

/// The same, whatever its checksum says.
pub(super) fn unchecked(row: &StoredRow) -> Option<Payment> {
    Reader { columns: references(row)? }.unchecked()
}

/// The payment of a stored row.
///
/// # Errors
/// `Corrupt`, naming it, if its checksum or a value is wrong.
pub(super) fn decode(row: &StoredRow, incarnation: &Incarnation) -> Result<Payment, JournalError> {
    let payment = || {
        let columns = references(row)?;
        let is_first = columns[Column::version as usize] == ValueRef::Integer(1);
        if columns[CHECKED]
            != ValueRef::Integer(checksum(incarnation, columns.iter().copied(), is_first))
        {
            return None;
        }
        unchecked(row)
    };
    payment().ok_or_else(|| {
        let id = id_of(row);
        JournalError::new(
            JournalErrorKind::Corrupt,
            format!("payment {id} is damaged or was edited by hand; it is not trusted"),
        )
    })
}
