//! What the journal knows about payments.

use crate::client::{Client, PaymentReport};
use crate::error::Error;
use crate::explain::Explanation;
use crate::invoice::MerchantInvoice;
use crate::journal::Filter;

/// Rows taken from the journal at a time by whoever walks through it: some 50 KB of reports.
const PAGE: usize = 100;

/// Payments one after the other, from [`Client::each_payment`]. Holds one page of them at a time.
pub struct EachPayment<'c> {
    client: &'c Client,
    filter: Filter,
    /// How many may still come; `None` for all.
    left: Option<usize>,
    page: std::vec::IntoIter<PaymentReport>,
    over: bool,
}

impl Iterator for EachPayment<'_> {
    type Item = Result<PaymentReport, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 && !self.over {
            self.filter.limit = self.left.unwrap_or(PAGE).min(PAGE);
            if self.filter.limit == 0 {
                return None;
            }
            match self.client.payments(&self.filter) {
                Ok(page) => {
                    self.over = page.len() < self.filter.limit;
                    self.filter.after = page.last().map(|last| last.id).or(self.filter.after);
                    self.left = self.left.map(|left| left - page.len());
                    self.page = page.into_iter();
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        self.page.next().map(Ok)
    }
}

impl std::fmt::Debug for EachPayment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EachPayment").field("filter", &self.filter).finish_non_exhaustive()
    }
}

impl Client {
    /// How many payments this client works on at this moment: calls and handles that wait for an
    /// outcome, and rows that are being settled. For gauges.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) {
    /// println!("ovo_payments_under_way {}", client.under_way());
    /// # }
    /// ```
    pub fn under_way(&self) -> usize {
        self.inner.under_way.len()
    }

    /// Payments that have an outcome which the caller has not confirmed with
    /// [`acknowledge`](Self::acknowledge): after a restart, here is what the crash swallowed. The
    /// 1,000 oldest at most; those behind them come when these are acknowledged, or one by one
    /// from [`each_payment`](Self::each_payment).
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// // At every start: what did a crash keep from us?
    /// for payment in client.unacknowledged()? {
    ///     let outcome = payment.outcome.as_ref().map_or("open", |outcome| outcome.name());
    ///     println!("{} {} {outcome}", payment.invoice, payment.amount);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn unacknowledged(&self) -> Result<Vec<PaymentReport>, Error> {
        self.payments(&Filter { unacknowledged: true, ..Filter::default() })
    }

    /// Walks through all payments of a filter, page by page: bounded memory, however many there
    /// are. A filter without a limit has none here. Each page is the journal as it is at that
    /// moment; an error is the last thing that comes.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::journal::Filter;
    ///
    /// let mut total = 0;
    /// for payment in client.each_payment(&Filter::default()) {
    ///     let payment = payment?;
    ///     if payment.outcome.as_ref().is_some_and(|outcome| outcome.is_paid()) {
    ///         total += payment.amount.get();
    ///     }
    /// }
    /// println!("{total} rupiah");
    /// # Ok(())
    /// # }
    /// ```
    pub fn each_payment(&self, filter: &Filter) -> EachPayment<'_> {
        let left = (filter.limit != 0).then_some(filter.limit);
        EachPayment {
            client: self,
            filter: filter.clone(),
            left,
            page: Vec::new().into_iter(),
            over: false,
        }
    }

    /// Lists payments in the order in which they were begun, or newest first.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::journal::Filter;
    ///
    /// let open = client.payments(&Filter { unsettled: true, ..Filter::default() })?;
    /// for payment in open {
    ///     println!("{} {}: {}", payment.invoice, payment.amount, payment.settlement);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn payments(&self, filter: &Filter) -> Result<Vec<PaymentReport>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.list(filter)?.iter().map(|row| self.inner.show(row)).collect())
    }

    /// One payment, `None` if the journal does not know the invoice.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// match client.payment(&"ORDER-77-1".parse()?)? {
    ///     Some(payment) => println!("{}: {}", payment.numbers, payment.settlement),
    ///     None => println!("never pushed from here"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if its payment was archived, with where;
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn payment(&self, invoice: &MerchantInvoice) -> Result<Option<PaymentReport>, Error> {
        self.inner.ready()?;
        Ok(self.inner.find(invoice)?.as_ref().map(|row| self.inner.show(row)))
    }

    /// What became of a payment: where the money is, why, what comes next and when, and what the
    /// cashier and an operator should do. `None` if the journal does not know the invoice. It asks
    /// OVO nothing.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Language;
    ///
    /// if let Some(it) = client.explain(&"ORDER-77-1".parse()?)? {
    ///     println!("{}", it.money_text(Language::English));
    ///     println!("{}", it.cashier(Language::Indonesian));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if its payment was archived, with where;
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn explain(&self, invoice: &MerchantInvoice) -> Result<Option<Explanation>, Error> {
        self.inner.ready()?;
        let found = self.inner.find(invoice)?;
        Ok(found.map(|payment| Explanation::of(&payment, self.inner.clock.wall())))
    }
}
