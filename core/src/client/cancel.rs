//! Cancelling: the merchant gives a payment up that has no verdict yet.
//!
//! Before the first byte it ends as not sent. Behind it the payment is given up durably and at
//! once; the money goes back as after every other push without an answer ([policy]).
//!
//! [policy]: crate::manual::policy

use crate::client::apply::Proof;
use crate::client::exchange::WhyNotSent;
use crate::client::under_way::{Push, UnderWay};
use crate::client::{Client, Inner};
use crate::error::Error;
use crate::invoice::MerchantInvoice;
use crate::payment::{Input, NotSentReason, Outcome, Payment, step};

impl Client {
    /// Gives up a payment that has no outcome yet, from any thread or process, and returns the
    /// outcome that is durable now: [`NotSent`](Outcome::NotSent) if not one byte of the push had
    /// left, else [`NotCompleted`](Outcome::NotCompleted), or whatever came first, perhaps
    /// [`Paid`](Outcome::Paid). Whoever waits for the payment hears the same: at once from
    /// [`start`](Self::start), within about a second from a blocking [`pay`](Self::pay)
    /// and from another process.
    ///
    /// The prompt on the customer's phone cannot be taken back: OVO may show the payment as paid
    /// for some minutes. Hand over nothing; the money is returned, and
    /// [`was_debited`](crate::NotCompleted::was_debited) tells afterwards whether there was any.
    /// A client that goes on listening for the answer is better left open until OVO's time is over (65
    /// seconds behind the push): closed before, it cannot hear that the numbers were used before, so the
    /// money goes back only once a status check shows it, and without Check Payment an operator decides.
    /// Another push to the same customer is refused until OVO has acknowledged the reversal, or, where
    /// none could be sent, shows that nobody was debited.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::{Language, Outcome};
    ///
    /// match client.cancel(&"ORDER-77-1".parse()?)? {
    ///     Outcome::Paid(_) => println!("too late: it was paid; hand over the goods, or void it"),
    ///     outcome => println!("{}", outcome.customer_text(Language::Indonesian)),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the payment could not be returned by
    /// itself: OVO called its numbers duplicate, or the contract has no Check Payment and nobody
    /// vouches for them or goes on listening for the answer. Only the thread of [`start`](Self::start)
    /// listens on: **without Check Payment a blocking [`pay`](Self::pay) or `pay_with` cannot be
    /// cancelled once its push may have left**. Go on waiting.
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for an unknown invoice. [`ErrorKind::Journal`](crate::ErrorKind::Journal) if it is not known to be
    /// cancelled: nothing more is sent than would have been, ask again.
    pub fn cancel(&self, invoice: &MerchantInvoice) -> Result<Outcome, Error> {
        self.inner.cancel(invoice)
    }
}

impl Inner {
    pub(super) fn cancel(&self, invoice: &MerchantInvoice) -> Result<Outcome, Error> {
        self.ready()?;
        // In this order: who is not on the list when the row is read cannot write its push any
        // more without seeing what is committed here.
        let under_way = self.under_way.find(invoice);
        let payment = self.row(invoice)?;
        if let Some(outcome) = Outcome::of(&payment) {
            self.shows(&payment);
            return Ok(outcome);
        }
        match under_way {
            Some(under_way) => self.cancel_own(payment, &under_way),
            None => self.commit_cancel(payment, Input::Cancelled { heard: false }),
        }
    }

    /// Cancels a payment that a thread of this process is bringing to its verdict.
    pub(super) fn cancel_own(
        &self,
        mut payment: Payment,
        under_way: &UnderWay,
    ) -> Result<Outcome, Error> {
        let input = match under_way.hold_push() {
            Push::Held => Input::NotSent,
            Push::Left(Some(at)) => {
                // The thread knows when its push left, the journal does not yet.
                self.note_sent(&mut payment, at);
                payment.state = step(&self.policy, &payment.state, Input::Sent, at).state;
                Input::Cancelled { heard: under_way.is_heard() }
            }
            Push::Left(None) | Push::Unknown | Push::UnknownHeld | Push::Waiting => {
                Input::Cancelled { heard: under_way.is_heard() }
            }
        };
        let invoice = payment.intent.invoice.clone();
        let mut outcome = self.commit_cancel(payment, input)?;
        if let Outcome::NotSent(not_sent) = &mut outcome {
            not_sent.because(Some(why_cancelled()));
        }
        // A receipt is told by whoever heard the answer: only he has all of it.
        if !outcome.is_paid() {
            self.under_way.end_early(&invoice, under_way, &outcome);
        }
        Ok(outcome)
    }

    fn commit_cancel(&self, payment: Payment, input: Input) -> Result<Outcome, Error> {
        let (id, invoice) = (payment.id, payment.intent.invoice.clone());
        let committed = match self.apply(payment, input, Proof::None) {
            Ok(applied) => match applied.refused {
                Some(refusal) => return Err(Error::refused(&invoice, refusal)),
                None => applied.payment,
            },
            // It may be durable all the same (P9).
            Err(error) => match self.journal.payment(id) {
                Ok(Some(row)) if row.state.verdict.is_some() => row,
                _ => return Err(error.into()),
            },
        };
        self.wake_settler();
        // Neither input leaves a payment that they are not refused for without a verdict.
        Ok(Outcome::of(&committed).unwrap_or(Outcome::interrupted(invoice).known(true)))
    }
}

/// Why nothing was sent of a payment that was cancelled in time.
pub(super) fn why_cancelled() -> WhyNotSent {
    (NotSentReason::Cancelled, "cancelled by the merchant".to_owned())
}
