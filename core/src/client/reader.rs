//! Reports about a journal without a client.

use std::path::Path;

use crate::client::inner::unless_archived;
use crate::client::{Ledger as _, PaymentReport};
use crate::error::Error;
use crate::explain::Explanation;
use crate::invoice::MerchantInvoice;
use crate::journal::{Figures, Filter, Health, JournalCopy, KnownArchive, is_address};
use crate::payment::Payment;
use crate::wib::WallTime;

/// What a journal knows, for people and reports: beside whoever has it open, whatever its mode.
///
/// Sends nothing, writes nothing, makes no journal where there is none, and needs no credentials.
/// It shows the journal as it was when this was opened.
#[derive(Debug)]
pub struct JournalReader {
    pub(super) journal: JournalCopy,
}

impl JournalReader {
    /// Reads the journal at `path`, by way of a private copy in the directory for temporary files.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if there is none or it cannot be read,
    /// [`ErrorKind::JournalLocked`](crate::ErrorKind::JournalLocked) if this process has it open
    /// (ask its client) or it is never at rest.
    pub fn open(path: impl AsRef<Path>) -> Result<JournalReader, Error> {
        if is_address(path.as_ref()) {
            // Not told as a file that is missing: the address may hold a password.
            return Err(Error::invalid(
                "journal",
                "of a fleet is read by a client, which may stand beside the others",
            ));
        }
        Ok(JournalReader { journal: JournalCopy::open(path)? })
    }

    /// As [`Client::payments`](crate::Client::payments).
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn payments(&self, filter: &Filter) -> Result<Vec<PaymentReport>, Error> {
        Ok(self.listed(filter)?.iter().map(PaymentReport::of).collect())
    }

    /// As [`Client::payment`](crate::Client::payment).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if its payment was archived, with where;
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn payment(&self, invoice: &MerchantInvoice) -> Result<Option<PaymentReport>, Error> {
        Ok(self.told(invoice)?.as_ref().map(PaymentReport::of))
    }

    /// As [`Client::explain`](crate::Client::explain).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if its payment was archived, with where;
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn explain(&self, invoice: &MerchantInvoice) -> Result<Option<Explanation>, Error> {
        Ok(self.told(invoice)?.map(|payment| Explanation::of(&payment, WallTime::now())))
    }

    /// The row of an invoice, or where its payment was archived.
    fn told(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error> {
        let found = self.found(invoice)?;
        unless_archived(invoice, found, || self.journal.archived(invoice))
    }

    /// How the journal stands.
    pub(super) fn figures(&self) -> Result<Figures, Error> {
        Ok(self.journal.figures()?)
    }

    /// Writes a backup of the journal to `to`, beside whoever has it open. Whoever opens it as a
    /// journal is told that it is one.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if there is a file already, or it cannot be
    /// written.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), Error> {
        Ok(self.journal.backup(to)?)
    }

    /// The archives that payments left this journal for: where each was made, how many, and of which
    /// days at most. Empty of an archive.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn archives(&self) -> Result<Vec<KnownArchive>, Error> {
        Ok(self.journal.archives()?)
    }

    /// How many payments there are, and what is damaged.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn health(&self) -> Result<Health, Error> {
        Ok(self.journal.health()?)
    }
}
