//! Where payments are looked up that somebody else's books name.

use crate::client::Client;
use crate::error::Error;
use crate::invoice::MerchantInvoice;
use crate::journal::{ArchivePlace, Filter};
use crate::payment::Payment;

/// What a [`Reconciliation`](crate::Reconciliation) holds a report against: the journal of one's own
/// open [`Client`], or one that a [`JournalReader`](crate::JournalReader) reads beside another process. Of this library's
/// types only.
pub trait Ledger: sealed::Sealed {
    /// The row of an invoice.
    #[doc(hidden)]
    fn found(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error>;

    /// Where the archive was made that has the payment of an invoice.
    #[doc(hidden)]
    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, Error>;

    /// Whether this is an archive, with which nothing is done any more.
    #[doc(hidden)]
    fn is_archive(&self) -> Result<bool, Error>;

    /// A page of rows.
    #[doc(hidden)]
    fn listed(&self, filter: &Filter) -> Result<Vec<Payment>, Error>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Client {}
    impl Sealed for crate::JournalReader {}
}

impl Ledger for Client {
    fn found(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.find(invoice)?)
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.archived(invoice)?)
    }

    fn is_archive(&self) -> Result<bool, Error> {
        Ok(false)
    }

    fn listed(&self, filter: &Filter) -> Result<Vec<Payment>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.list(filter)?)
    }
}
