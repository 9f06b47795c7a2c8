//! Where payments are looked up that somebody else's books name.

use crate::client::{Client, JournalReader};
use crate::error::Error;
use crate::invoice::MerchantInvoice;
use crate::journal::Filter;
use crate::payment::Payment;

/// What a [`Reconciliation`](crate::Reconciliation) holds a report against: the journal of one's own
/// open [`Client`], or one that a [`JournalReader`] reads beside another process. Of this library's
/// types only.
pub trait Ledger: sealed::Sealed {
    /// The row of an invoice.
    #[doc(hidden)]
    fn found(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error>;

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

    fn listed(&self, filter: &Filter) -> Result<Vec<Payment>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.list(filter)?)
    }
}

impl Ledger for JournalReader {
    fn found(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error> {
        Ok(self.journal.find(invoice)?)
    }

    fn listed(&self, filter: &Filter) -> Result<Vec<Payment>, Error> {
        Ok(self.journal.list(filter)?)
    }
}
