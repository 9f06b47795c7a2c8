//! What the journal knows about payments.

use crate::client::{Client, PaymentReport};
use crate::error::Error;
use crate::invoice::MerchantInvoice;
use crate::journal::Filter;

impl Client {
    /// How many payments this client works on at this moment: calls and handles that wait for an
    /// outcome, and rows that are being settled. For gauges.
    pub fn under_way(&self) -> usize {
        self.inner.under_way.len()
    }

    /// Payments that have an outcome which the caller has not confirmed with
    /// [`acknowledge`](Self::acknowledge): after a restart, here is what the crash swallowed.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn unacknowledged(&self) -> Result<Vec<PaymentReport>, Error> {
        self.payments(&Filter { unacknowledged: true, limit: usize::MAX, ..Filter::default() })
    }

    /// Lists payments in the order in which they were begun.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn payments(&self, filter: &Filter) -> Result<Vec<PaymentReport>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.list(filter)?.iter().map(PaymentReport::of).collect())
    }

    /// One payment, `None` if the journal does not know the invoice.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn payment(&self, invoice: &MerchantInvoice) -> Result<Option<PaymentReport>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.find(invoice)?.as_ref().map(PaymentReport::of))
    }
}
