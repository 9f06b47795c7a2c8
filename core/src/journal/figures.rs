//! How a journal stands, in figures: for dashboards and alarms.

use super::sqlite::SqliteJournal;
use super::{Filter, Journal, JournalError, schema};
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

/// Payments of one list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub payments: u64,
    /// Their amounts together.
    pub rupiah: i64,
    /// When the oldest of them was begun; `None` if there is none.
    pub oldest: Option<WallTime>,
}

impl Tally {
    fn add(&mut self, amount: i64, begun: WallTime) {
        self.payments += 1;
        self.rupiah = self.rupiah.saturating_add(amount);
        self.oldest = Some(self.oldest.map_or(begun, |oldest| oldest.min(begun)));
    }
}

/// How a journal stands. A payment may be on several lists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Figures {
    /// Payments begun in it since it was made; `None` if the engine does not tell.
    pub begun: Option<u64>,
    /// Payments without an outcome.
    pub undecided: Tally,
    /// Payments that are not settled.
    pub unsettled: Tally,
    /// Payments that wait for an operator.
    pub needs_operator: Tally,
    /// Payments with an outcome that the caller has not acknowledged.
    pub unacknowledged: Tally,
    /// Whether the journal cannot vouch for itself, and nobody has vouched for it.
    pub doubted: bool,
    /// Bytes that can still be written on its disk, where that can be told.
    pub room: Option<u64>,
    /// Whether the disk was full and its reserve could not be filled since; `None` for a copy or an
    /// engine without one.
    pub reserve_spent: Option<bool>,
}

/// On which lists a payment is, and what it adds to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) id: PaymentId,
    amount: i64,
    begun: WallTime,
    undecided: bool,
    unsettled: bool,
    needs_operator: bool,
    unacknowledged: bool,
}

impl Figures {
    pub(super) fn add(&mut self, payment: &Listed) {
        let lists = [
            (payment.undecided, &mut self.undecided),
            (payment.unsettled, &mut self.unsettled),
            (payment.needs_operator, &mut self.needs_operator),
            (payment.unacknowledged, &mut self.unacknowledged),
        ];
        for (_, tally) in lists.into_iter().filter(|(is_listed, _)| *is_listed) {
            tally.add(payment.amount, payment.begun);
        }
    }

    /// Of an engine that can list, and knows no shorter way.
    pub(super) fn by_listing(journal: &(impl Journal + ?Sized)) -> Result<Figures, JournalError> {
        let mut figures = Figures::default();
        let each = |filter: Filter, add: &mut dyn FnMut(&Payment)| {
            let mut filter = filter;
            loop {
                let page = journal.list(&filter)?;
                page.iter().for_each(&mut *add);
                match page.last() {
                    Some(last) => filter.after = Some(last.id),
                    None => return Ok::<(), JournalError>(()),
                }
            }
        };
        let add = |tally: &mut Tally, payment: &Payment| {
            tally.add(payment.intent.amount.get(), payment.intent.wall);
        };
        each(Filter { unsettled: true, ..Filter::default() }, &mut |payment| {
            add(&mut figures.unsettled, payment);
            if payment.state.verdict.is_none() {
                add(&mut figures.undecided, payment);
            }
        })?;
        each(Filter { needs_operator: true, ..Filter::default() }, &mut |payment| {
            add(&mut figures.needs_operator, payment);
        })?;
        each(Filter { unacknowledged: true, ..Filter::default() }, &mut |payment| {
            add(&mut figures.unacknowledged, payment);
        })?;
        Ok(figures)
    }
}

/// Rows read at a time, where a report and the payments share one connection: some milliseconds.
const PAGE: i64 = 1_000;

impl SqliteJournal {
    /// Hands `each` every payment that is on a list, in the order of their numbers; of the others
    /// not even the index is touched.
    pub(super) fn each_listed(&self, mut each: impl FnMut(&Listed)) -> Result<(), JournalError> {
        let (unsettled, needs_operator) = (schema::is_unsettled(), schema::needs_operator());
        let sql = format!(
            "SELECT id, amount, wall, verdict IS NULL, {unsettled}, {needs_operator}, {} \
             FROM payment INDEXED BY payment_listed WHERE ({}) AND id > ?1 ORDER BY id LIMIT {PAGE}",
            schema::IS_UNACKNOWLEDGED,
            schema::is_listed(),
        );
        let mut after = 0;
        loop {
            let before = after;
            self.report(|view| {
                view.read("figures", &sql, [after], |row| {
                    let listed = Listed {
                        id: PaymentId(row.get(0)?),
                        amount: row.get(1)?,
                        begun: WallTime::from_unix_millis(row.get(2)?),
                        undecided: row.get(3)?,
                        unsettled: row.get(4)?,
                        needs_operator: row.get(5)?,
                        unacknowledged: row.get(6)?,
                    };
                    after = listed.id.0;
                    each(&listed);
                    Ok(())
                })
            })?;
            if after == before {
                return Ok(());
            }
        }
    }
}
