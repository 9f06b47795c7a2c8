//! What people tell the client: outcomes stored, decisions, what OVO's settlement file shows.

use crate::client::apply::Proof;
use crate::client::{Client, Inner, PaymentReport};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::invoice::MerchantInvoice;
use crate::lock::lock;
use crate::payment::{Input, Outcome, Payment, Ruling, Source, Verdict};

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
    /// only once this client has shown the new one, in a list, a report or an outcome. So it is where one
    /// told as paid waits for an operator since, because OVO's record contradicts it or its void: what is
    /// told of it now, a list or a report has (rule 17, VD6).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if there is no outcome yet, or what is told of it
    /// now was never shown, [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    ///
    /// [policy 2.4]: crate::manual::policy#24-commit-first
    pub fn acknowledge(&self, invoice: &MerchantInvoice) -> Result<(), Error> {
        self.inner.ready()?;
        let mut payment = self.inner.row(invoice)?;
        if payment.state.acknowledged {
            // Listed twice, it is acknowledged twice.
            payment = self.inner.journal.find_hidden(invoice)?.unwrap_or(payment);
        }
        let news = News::of(&payment).map(|news| (payment.id, news));
        if let Some(news) = news.filter(|news| !lock(&self.inner.shown).contains(news)) {
            return Err(Error::about(invoice, ErrorKind::Refused, news.1.untold()));
        }
        if let Some(refusal) = self.inner.apply(payment, Input::Acknowledged, Proof::None)?.refused
        {
            return Err(Error::refused(invoice, refusal));
        }
        // What is told of it behind this is news again.
        if let Some(news) = news {
            lock(&self.inner.shown).remove(&news);
        }
        Ok(())
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

/// What is told of a payment, and was not when its outcome was told first. An acknowledgement names no
/// outcome: it may be meant for that one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum News {
    /// An operator ruled that it is paid.
    RuledPaid,
    /// Told as paid, it waits for an operator: OVO's record contradicts it or its void, or nobody knows
    /// how its void ended.
    WithOperator,
}

impl News {
    /// Of what the shop has not confirmed.
    fn of(payment: &Payment) -> Option<News> {
        let state = &payment.state;
        match state.verdict {
            Some(Verdict::Accepted(_)) if state.acknowledged => None,
            Some(Verdict::Accepted(_)) if state.needs_operator() => Some(News::WithOperator),
            Some(Verdict::Accepted(Source::Operator)) => Some(News::RuledPaid),
            _ => None,
        }
    }

    fn untold(self) -> &'static str {
        match self {
            News::RuledPaid => {
                "an operator ruled it paid, which was not told yet: look it up (unacknowledged), book it, and acknowledge it then"
            }
            News::WithOperator => {
                "told as paid, it waits for an operator since, which was not told yet: look it up (unacknowledged), book that, and acknowledge it then"
            }
        }
    }
}

impl Inner {
    /// The shop is shown the payment's outcome as it stands now.
    pub(super) fn shows(&self, payment: &Payment) {
        // Of what an operator is to find out, an outcome tells no more than that a void is in doubt.
        let is_told = match News::of(payment) {
            Some(News::RuledPaid) => true,
            Some(News::WithOperator) => Outcome::of(payment).is_some_and(
                |outcome| matches!(outcome, Outcome::Paid(receipt) if receipt.void_doubt().is_some()),
            ),
            None => false,
        };
        if is_told {
            self.remember_shown(payment);
        }
    }

    /// The shop is shown the payment as a report has it.
    pub(super) fn show(&self, payment: &Payment) -> PaymentReport {
        self.remember_shown(payment);
        PaymentReport::of(payment)
    }

    fn remember_shown(&self, payment: &Payment) {
        if let Some(news) = News::of(payment) {
            lock(&self.shown).insert((payment.id, news));
        }
    }
}
