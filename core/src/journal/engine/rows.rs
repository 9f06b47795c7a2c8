//! How rows are found and read.

use std::sync::OnceLock;

use rusqlite::{OptionalExtension, Params, Row};

use super::Engine;
use crate::journal::opening::Access;
use crate::journal::row::{self, COLUMNS, PHONE};
use crate::journal::view::{Reader, View};
use crate::journal::{JournalError, JournalErrorKind, codes, failure, schema};
use crate::payment::{Boottime, Payment, PaymentId};

/// The texts of the statements, made once. One of them reads a payment, by its id; the others that
/// look for payments find ids only, because a statement with all columns takes its time to prepare.
#[derive(Debug)]
pub(super) struct Statements {
    select: String,
    by_id: String,
    pub(super) ids_by_customer: String,
    pub(super) insert: String,
    pub(super) update: String,
    /// Due payments with evidence of a debit, those without, and all.
    due_with_evidence: String,
    due_without: String,
    due: String,
}

pub(super) static STATEMENTS: OnceLock<Statements> = OnceLock::new();

/// The text that reads a payment.
pub(in crate::journal) fn select() -> &'static str {
    &STATEMENTS.get_or_init(Statements::new).select
}

const ID_BY_INVOICE: &str = "SELECT id FROM payment WHERE invoice = ?1";

impl Statements {
    pub(super) fn new() -> Statements {
        let select = format!("SELECT {} FROM payment", row::selection());
        let mut stored = COLUMNS.to_vec();
        stored.remove(PHONE);
        let places = vec!["?"; stored.len()].join(", ");
        let assignments: Vec<String> =
            COLUMNS[PHONE + 1..].iter().map(|column| format!("{column} = ?")).collect();
        // In the order of the index: all of earlier boots, then those of boot ?1 due by ?2.
        let due = |and: &str| {
            format!(
                "SELECT id FROM payment WHERE due IS NOT NULL{and} AND (boot, due) <= (?1, ?2) \
                 ORDER BY boot, due"
            )
        };
        Statements {
            by_id: format!("{select} WHERE id = ?1"),
            ids_by_customer: format!(
                "SELECT id FROM payment WHERE phone_tag = ?1 AND {} ORDER BY id",
                schema::may_still_debit()
            ),
            insert: format!("INSERT INTO payment ({}) VALUES ({places})", stored.join(", ")),
            update: format!("UPDATE payment SET {} WHERE id = ?", assignments.join(", ")),
            due_with_evidence: due(" AND late_paid = 1"),
            due_without: due(" AND late_paid = 0"),
            due: due(""),
            select,
        }
    }
}

/// A row if there is one, and whether it can be read.
pub(in crate::journal) type MaybeDamaged = Option<Result<Payment, JournalError>>;

impl Engine {
    pub(in crate::journal) fn payment(
        &self,
        id: PaymentId,
    ) -> Result<Option<Payment>, JournalError> {
        self.row(id)?.transpose()
    }

    /// The outer error is the file's, the inner one this row's: it is damaged (J8).
    pub(in crate::journal) fn row(&self, id: PaymentId) -> Result<MaybeDamaged, JournalError> {
        self.connection
            .prepare_cached(&self.statements.by_id)
            .and_then(|mut statement| {
                statement
                    .query_row([id.0], |row| Ok(row::decode(row, &self.incarnation)))
                    .optional()
            })
            .map_err(|error| failure::sqlite("payment", &error))
    }

    pub(super) fn find(&self, invoice: &str) -> Result<Option<Payment>, JournalError> {
        self.find_row(invoice)?.transpose()
    }

    /// As [`row`](Self::row), by its invoice.
    pub(in crate::journal) fn find_row(&self, invoice: &str) -> Result<MaybeDamaged, JournalError> {
        let found = self.found("find", ID_BY_INVOICE, [invoice])?;
        Ok(found.map(|row| match row {
            // The index says one thing, and the row another: nobody may hear of another one's money.
            Ok(payment) if payment.intent.invoice.as_str() != invoice => Err(JournalError::new(
                JournalErrorKind::Corrupt,
                format!("the index of invoices is damaged at payment {}", payment.id.0),
            )),
            row => row,
        }))
    }

    /// The row whose id a query finds.
    fn found(
        &self,
        doing: &str,
        sql: &str,
        values: impl Params,
    ) -> Result<MaybeDamaged, JournalError> {
        let id = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional())
            .map_err(|error| failure::sqlite(doing, &error))?;
        id.map_or(Ok(None), |id| self.row(PaymentId(id)))
    }

    /// What reports are made of, on this connection.
    pub(in crate::journal) fn view(&self) -> View<'_> {
        let select = &self.statements.select;
        View { connection: &self.connection, incarnation: &self.incarnation, select }
    }

    /// The same on a connection of its own; `None` where there can be only one.
    pub(in crate::journal) fn reader(&self) -> Option<Reader> {
        if self.access == Access::One {
            return None;
        }
        let connection = self.place.connect_reader(self.access).ok()?;
        Some(Reader { connection, incarnation: self.incarnation, select: &self.statements.select })
    }

    /// [`View::rows`].
    pub(in crate::journal) fn rows(
        &self,
        doing: &str,
        rest: &str,
        values: impl Params,
        each: impl FnMut(&Row<'_>, Result<Payment, JournalError>) -> bool,
    ) -> Result<(), JournalError> {
        self.view().rows(doing, rest, values, each)
    }

    /// Payments whose `due` has come by `now`: evidence of a debit first, because that is somebody's
    /// money; among equals those of an earlier boot, then those of `boot`, earliest first.
    pub(in crate::journal) fn due(
        &self,
        boot: u32,
        now: Boottime,
        mut each: impl FnMut(Payment) -> bool,
    ) -> Result<(), JournalError> {
        let now = codes::of_boottime(now);
        for statement in [&self.statements.due_with_evidence, &self.statements.due_without] {
            if !self.due_rows(statement, boot, now, &mut each)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The payment that is due first.
    pub(in crate::journal) fn next_due(&self, boot: u32) -> Result<Option<Payment>, JournalError> {
        let mut next = None;
        self.due_rows(&self.statements.due, boot, i64::MAX, &mut |payment| {
            next = Some(payment);
            false
        })?;
        Ok(next)
    }

    /// `false` if `each` has had enough. Damaged rows are passed over (J8).
    fn due_rows(
        &self,
        statement: &str,
        boot: u32,
        now: i64,
        each: &mut dyn FnMut(Payment) -> bool,
    ) -> Result<bool, JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite("due", &error);
        let mut statement = self.connection.prepare_cached(statement).map_err(failed)?;
        let mut ids = statement.query((boot, now)).map_err(failed)?;
        while let Some(row) = ids.next().map_err(failed)? {
            let id = PaymentId(row.get(0).map_err(failed)?);
            if let Some(Ok(payment)) = self.row(id)? {
                if !each(payment) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
