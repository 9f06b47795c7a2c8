//! Reports about a journal without a client.

use std::path::Path;

use crate::client::inner::unless_archived;
use crate::client::{Ledger, PaymentReport};
use crate::error::Error;
use crate::explain::Explanation;
use crate::invoice::MerchantInvoice;
#[cfg(feature = "postgres")]
use crate::journal::Journal as _;
#[cfg(feature = "postgres")]
use crate::journal::postgres::{Dsn, PostgresJournal, PostgresOptions};
use crate::journal::{
    ArchivePlace, Figures, Filter, Health, JournalCopy, JournalError, JournalErrorKind,
    KnownArchive, is_address,
};
use crate::payment::Payment;
use crate::wib::WallTime;

/// What a journal knows, for people and reports: beside whoever has it open, whatever its mode.
///
/// Sends nothing, writes nothing, makes no journal where there is none, and needs no credentials.
/// It shows the journal as it was when this was opened.
#[derive(Debug)]
pub struct JournalReader {
    journal: Source,
}

#[derive(Debug)]
enum Source {
    File(Box<JournalCopy>),
    /// Joined by no clock: rows are told as they stand.
    #[cfg(feature = "postgres")]
    Fleet(Box<PostgresJournal>),
}

/// The same question to whichever it is.
macro_rules! ask {
    ($journal:expr, $it:ident => $question:expr) => {
        match $journal {
            Source::File($it) => $question,
            #[cfg(feature = "postgres")]
            Source::Fleet($it) => $question,
        }
    };
}

impl JournalReader {
    /// Reads the journal at `path`, by way of a private copy in the directory for temporary files.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if there is none or it cannot be read,
    /// [`ErrorKind::JournalLocked`](crate::ErrorKind::JournalLocked) if this process has it open
    /// (ask its client) or it is never at rest.
    pub fn open(path: impl AsRef<Path>) -> Result<JournalReader, Error> {
        #[cfg(feature = "postgres")]
        if is_address(path.as_ref()) {
            let dsn = Dsn::parse(&path.as_ref().to_string_lossy())?;
            let journal = Box::new(PostgresJournal::open(&dsn, &PostgresOptions::default())?);
            return Ok(JournalReader { journal: Source::Fleet(journal) });
        }
        #[cfg(not(feature = "postgres"))]
        if is_address(path.as_ref()) {
            // Not told as a file that is missing: the address may hold a password.
            return Err(Error::invalid("journal", "this build has no PostgreSQL"));
        }
        Ok(JournalReader { journal: Source::File(Box::new(JournalCopy::open(path)?)) })
    }

    /// The same, for one merchant: what answers for another one is refused, be it a journal or an
    /// archive.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and [`ErrorKind::Journal`](crate::ErrorKind::Journal) of the kind
    /// [`Foreign`](JournalErrorKind::Foreign).
    pub fn open_of(path: impl AsRef<Path>, merchant_id: &str) -> Result<JournalReader, Error> {
        let path = path.as_ref();
        let reader = JournalReader::open(path)?;
        let Some(theirs) = reader.merchant()?.filter(|theirs| theirs != merchant_id) else {
            return Ok(reader);
        };
        let what = if reader.is_archive()? { "archive" } else { "journal" };
        // Of an address nothing is said: it may hold a password.
        let at = if is_address(path) { String::new() } else { format!(" at {}", path.display()) };
        let why = format!(
            "the {what}{at} belongs to merchant {theirs}, and what is asked is about merchant {merchant_id}"
        );
        Err(JournalError::new(JournalErrorKind::Foreign, why).into())
    }

    /// The number of the merchant whose payments these are; `None` as long as there never was one.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn merchant(&self) -> Result<Option<String>, Error> {
        match &self.journal {
            Source::File(journal) => Ok(journal.merchant()?),
            #[cfg(feature = "postgres")]
            Source::Fleet(journal) => {
                let last = Filter { newest_first: true, limit: 1, ..Filter::default() };
                Ok(journal.list(&last)?.pop().map(|payment| payment.intent.merchant_id))
            }
        }
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
        unless_archived(invoice, found, || ask!(&self.journal, it => it.archived(invoice)))
    }

    /// How the journal stands.
    pub(super) fn figures(&self) -> Result<Figures, Error> {
        Ok(ask!(&self.journal, it => it.figures())?)
    }

    /// Writes a backup of the journal to `to`, beside whoever has it open. Whoever opens it as a
    /// journal is told that it is one.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if there is a file already, or it cannot be
    /// written.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), Error> {
        Ok(ask!(&self.journal, it => it.backup(to.as_ref()))?)
    }

    /// The archives that payments left this journal for: where each was made, how many, and of which
    /// days at most. Empty of an archive.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn archives(&self) -> Result<Vec<KnownArchive>, Error> {
        match &self.journal {
            Source::File(journal) => Ok(journal.archives()?),
            #[cfg(feature = "postgres")]
            Source::Fleet(journal) => Ok(journal.archives()?),
        }
    }

    /// The random name of an archive, which its journal knows it by ([`archives`](Self::archives)); `None` of a
    /// journal.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn archive_name(&self) -> Result<Option<String>, Error> {
        match &self.journal {
            Source::File(journal) => Ok(journal.archive_name()?),
            #[cfg(feature = "postgres")]
            Source::Fleet(_) => Ok(None),
        }
    }

    /// How many payments there are, and what is damaged.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn health(&self) -> Result<Health, Error> {
        Ok(ask!(&self.journal, it => it.health())?)
    }
}

impl Ledger for JournalReader {
    fn found(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error> {
        Ok(ask!(&self.journal, it => it.find(invoice))?)
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, Error> {
        Ok(ask!(&self.journal, it => it.archived(invoice))?)
    }

    fn is_archive(&self) -> Result<bool, Error> {
        match &self.journal {
            Source::File(journal) => Ok(journal.is_archive()?),
            #[cfg(feature = "postgres")]
            Source::Fleet(_) => Ok(false),
        }
    }

    fn listed(&self, filter: &Filter) -> Result<Vec<Payment>, Error> {
        Ok(ask!(&self.journal, it => it.list(filter))?)
    }
}
