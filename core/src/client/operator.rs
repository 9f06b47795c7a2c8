//! What people tell the client: outcomes stored, decisions, what OVO's settlement file shows.

use crate::client::apply::Proof;
use crate::client::{Client, Inner, PaymentReport};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::invoice::MerchantInvoice;
use crate::lock::lock;
use crate::payment::{Input, Payment, Ruling, Source, Verdict};

impl Client {
    /// Confirms that the caller has stored the outcome. Never done by time ([policy 2.4], P10).
    /// Not to be called for [`Outcome::Interrupted`](crate::Outcome::Interrupted), which is none:
    /// another process may bring the outcome this very moment, and nobody would have heard it.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// # fn store(_: &ovo_ptp::PaymentReport) {}
    /// for payment in client.unacknowledged()? {
    ///     store(&payment); // book first, and so that booking twice does no harm
    ///     client.acknowledge(&payment.invoice)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Of a payment that an operator ruled paid, the outcome told before was another one: it is confirmed
    /// only once this client has shown the new one, in a list, a report or an outcome.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if there is no outcome yet, or it was never
    /// shown, [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    ///
    /// [policy 2.4]: crate::manual::policy#24-commit-first
    pub fn acknowledge(&self, invoice: &MerchantInvoice) -> Result<(), Error> {
        self.inner.ready()?;
        let mut payment = self.inner.row(invoice)?;
        if payment.state.acknowledged {
            // Listed twice, it is acknowledged twice.
            payment = self.inner.journal.find_hidden(invoice)?.unwrap_or(payment);
        }
        if self.inner.is_news_to_the_shop(&payment) {
            return Err(Error::about(
                invoice,
                ErrorKind::Refused,
                "an operator ruled it paid, which was not told yet: look it up (unacknowledged), book it, and acknowledge it then",
            ));
        }
        match self.inner.apply(payment, Input::Acknowledged, Proof::None)?.refused {
            Some(refusal) => Err(Error::refused(invoice, refusal)),
            None => Ok(()),
        }
    }

    /// An operator's decision about a payment that waits for one (rule 19). The reason (1 to 200
    /// characters) is kept in the journal with the payment and reported to the observer.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::payment::Ruling;
    ///
    /// let invoice = "ORDER-77-1".parse()?;
    /// let payment = client.rule(&invoice, Ruling::Refund, "OVO's support: debited, ticket 4711")?;
    /// println!("{}", payment.settlement);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if nothing about the payment
    /// waits for an operator, the ruling does not fit, or it closes a payment that the customer may still confirm (before 60 s + D),
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) without a reason.
    pub fn rule(
        &self,
        invoice: &MerchantInvoice,
        ruling: Ruling,
        reason: &str,
    ) -> Result<PaymentReport, Error> {
        self.inner.ready()?;
        if reason.trim().is_empty() || reason.chars().count() > 200 {
            return Err(Error::invalid("reason", "must have 1 to 200 characters"));
        }
        let payment = self.inner.row(invoice)?;
        let applied = self.inner.apply(payment, Input::Ruled(ruling), Proof::Ruling(reason))?;
        if let Some(refusal) = applied.refused {
            return Err(Error::refused(invoice, refusal));
        }
        self.inner.tell(|| Event::Ruled { invoice: invoice.clone(), reason: reason.to_owned() });
        self.inner.wake_settler();
        Ok(PaymentReport::of(&applied.payment))
    }

    /// Tells the client that OVO's settlement file shows a payment as paid. If the journal has it
    /// as not paid and closed, its settlement opens again and the money goes back (rule 16, OP4).
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// // OVO's report of yesterday has a debit that the shop's books do not have.
    /// let payment = client.report_paid(&"ORDER-77-1".parse()?)?;
    /// println!("{}: {}", payment.invoice, payment.settlement);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound),
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal).
    pub fn report_paid(&self, invoice: &MerchantInvoice) -> Result<PaymentReport, Error> {
        self.inner.ready()?;
        let payment = self.inner.row(invoice)?;
        let applied = self.inner.apply(payment, Input::ReportedPaid, Proof::None)?;
        self.inner.wake_settler();
        Ok(PaymentReport::of(&applied.payment))
    }
}

impl Inner {
    /// Whether the payment was ruled paid behind another outcome, and nobody has confirmed that. An
    /// acknowledgement names no outcome: it may be meant for the one that was told before.
    fn is_ruled_paid(payment: &Payment) -> bool {
        payment.state.verdict == Some(Verdict::Accepted(Source::Operator))
            && !payment.state.acknowledged
    }

    fn is_news_to_the_shop(&self, payment: &Payment) -> bool {
        Self::is_ruled_paid(payment) && !lock(&self.shown).contains(&payment.id)
    }

    /// The shop is shown this payment as it stands now.
    pub(super) fn shows(&self, payment: &Payment) {
        if Self::is_ruled_paid(payment) {
            lock(&self.shown).insert(payment.id);
        }
    }

    pub(super) fn show(&self, payment: &Payment) -> PaymentReport {
        self.shows(payment);
        PaymentReport::of(payment)
    }
}
