//! Single rows, and which numbers have one: whatever became of the file, and apart from what was
//! archived. A journal that has predecessors looks for a payment in all of them by these.

use super::SqliteJournal;
use crate::invoice::MerchantInvoice;
use crate::journal::engine::MaybeDamaged;
use crate::journal::{JournalError, NewPayment, archive, failure, parts};
use crate::payment::PaymentId;

impl SqliteJournal {
    /// A row, apart from whether the file can be read; also of a handle that takes no commit any more.
    pub(in crate::journal) fn row(&self, id: PaymentId) -> Result<MaybeDamaged, JournalError> {
        self.read_still(|engine| engine.row(id))
    }

    /// The same, by its invoice.
    pub(in crate::journal) fn find_row(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<MaybeDamaged, JournalError> {
        self.read_still(|engine| engine.find_row(invoice.as_str()))
    }

    /// A payment of the same customer that refuses this one.
    pub(in crate::journal) fn blocking(
        &self,
        new: &NewPayment,
    ) -> Result<MaybeDamaged, JournalError> {
        self.read_still(|engine| engine.blocking(new))
    }

    /// The number of an invoice's payment that was archived.
    pub(in crate::journal) fn archived_as(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<Option<PaymentId>, JournalError> {
        self.read(|engine| engine.archived(invoice.as_str())).map(|found| found.map(|(id, _)| id))
    }

    /// Whether this is an archive, and no journal.
    pub(in crate::journal) fn is_archive(&self) -> Result<bool, JournalError> {
        self.read(|engine| {
            archive::is_one(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Which payment was archived under a number.
    pub(in crate::journal) fn archived_under(
        &self,
        id: PaymentId,
    ) -> Result<Option<parts::Name>, JournalError> {
        self.read(|engine| {
            parts::archived(&engine.connection, id).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// The numbers of its payments above `low` and up to `high`, in their order.
    pub(in crate::journal) fn ids_between(
        &self,
        low: i64,
        high: i64,
    ) -> Result<Vec<i64>, JournalError> {
        self.numbers("SELECT id FROM payment WHERE id > ?1 AND id <= ?2 ORDER BY id", low, high)
    }

    /// The numbers above `low` and up to `high` that were archived, in their order.
    pub(in crate::journal) fn archived_between(
        &self,
        low: i64,
        high: i64,
    ) -> Result<Vec<i64>, JournalError> {
        self.numbers("SELECT id FROM archived WHERE id > ?1 AND id <= ?2 ORDER BY id", low, high)
    }

    fn numbers(&self, sql: &str, low: i64, high: i64) -> Result<Vec<i64>, JournalError> {
        let mut found = Vec::new();
        self.report(|view| {
            view.read("health", sql, (low, high), |row| {
                found.push(row.get(0)?);
                Ok(())
            })
        })?;
        Ok(found)
    }
}
