//! Voids: the whole amount of a paid payment, on the same WIB day.

use std::sync::Arc;

use crate::client::apply::Proof;
use crate::client::{Client, Inner, VoidOutcome};
use crate::error::{Error, ErrorKind};
use crate::invoice::MerchantInvoice;
use crate::journal::JournalError;
use crate::payment::{Input, Payment, PaymentId, Refusal, Request, Void};

impl Client {
    /// Returns the whole amount of a payment told as Paid, on the WIB day of the payment. If the
    /// answer is lost, the void's status is asked before it is sent again, in the background or
    /// with [`settle`](Self::settle).
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::VoidOutcome;
    ///
    /// match client.void(&"ORDER-77-1".parse()?)? {
    ///     VoidOutcome::Voided => println!("the customer has the money back"),
    ///     VoidOutcome::Pending => println!("OVO did not answer; it is asked in the background"),
    ///     other => println!("not voided: {other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], naming the rule: not paid, day over (23:58 WIB by OVO's clock),
    /// void under way. [`ErrorKind::Journal`] only if nothing was started: once the void is, or may
    /// be, in the journal it may be sent, and the answer is [`VoidOutcome::Pending`] at least.
    pub fn void(&self, invoice: &MerchantInvoice) -> Result<VoidOutcome, Error> {
        let inner = &self.inner;
        inner.ready()?;
        let payment = inner.row(invoice)?;
        let Some(owner) = inner.under_way.settle_in_turn(invoice) else {
            return Err(Error::refused(invoice, Refusal::VoidInProgress));
        };
        let in_time = inner.server_clock.void_in_time(&payment, inner.clock.boottime());
        let before = (payment.id, payment.state.void);
        let applied = match inner.apply(payment, Input::VoidAsked { in_time }, Proof::None) {
            Ok(applied) => applied,
            Err(error) if inner.may_hold_a_void(before) => {
                inner.journal_failed(&error);
                inner.wake_settler();
                return Ok(VoidOutcome::Pending);
            }
            Err(error) => return Err(error.into()),
        };
        match applied.refused {
            Some(Refusal::AlreadyVoided) => return Ok(VoidOutcome::Voided),
            Some(refusal) => return Err(Error::refused(invoice, refusal)),
            None => {}
        }
        let outcome = inner.pursue(applied.payment, applied.send);
        drop(owner);
        inner.wake_settler();
        Ok(outcome)
    }

    /// Asks what became of a void whose answer was lost, now instead of on schedule.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// println!("{:?}", client.check_void(&"ORDER-77-1".parse()?)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if no void was asked for.
    pub fn check_void(&self, invoice: &MerchantInvoice) -> Result<VoidOutcome, Error> {
        let inner = &self.inner;
        inner.ready()?;
        let payment = inner.row(invoice)?;
        if payment.state.void == Void::None {
            return Err(Error::about(invoice, ErrorKind::Refused, "no void was asked for"));
        }
        // Whoever is to refund by hand may ask once more whether OVO did: as long as there is a phone to
        // ask with.
        let is_left_to_a_person =
            payment.state.void == Void::Expired && !payment.state.phone_forgotten;
        if !payment.state.void.is_open() && !is_left_to_a_person {
            return Ok(VoidOutcome::of(&payment));
        }
        let Some(owner) = inner.under_way.settle_in_turn(invoice) else {
            return Ok(VoidOutcome::Pending);
        };
        let outcome = inner.pursue(payment, Some(Request::CheckVoid));
        drop(owner);
        Ok(outcome)
    }
}

impl Inner {
    /// Sends a request of a void and whatever its answers call for. What the journal does not take
    /// is pending: the void stands in it as sent, and settlement asks what became of it (J18).
    fn pursue(self: &Arc<Self>, payment: Payment, send: Option<Request>) -> VoidOutcome {
        self.try_to_pursue(payment, send).unwrap_or_else(|error| {
            self.journal_failed(&error);
            VoidOutcome::Pending
        })
    }

    fn try_to_pursue(
        self: &Arc<Self>,
        mut payment: Payment,
        mut send: Option<Request>,
    ) -> Result<VoidOutcome, JournalError> {
        while let Some(request) = send {
            let heard = self.perform(&payment, request, false);
            let applied = self.apply(payment, heard.input, Proof::Heard(&heard))?;
            payment = applied.payment;
            send = applied.send;
            let due_now = payment.state.due.is_some_and(|due| due <= self.clock.boottime());
            if send.is_none() && payment.state.void.is_open() && due_now {
                // Unknown, or refused: ask once at once, while the merchant waits (VD2).
                let applied = self.apply(payment, Input::Due, Proof::None)?;
                payment = applied.payment;
                send = applied.send;
            }
        }
        Ok(VoidOutcome::of(&payment))
    }

    /// Whether a void whose commit failed may be in the journal all the same, and then be sent by
    /// whoever settles next (P9). A journal that cannot be read does not say no.
    fn may_hold_a_void(&self, (id, before): (PaymentId, Void)) -> bool {
        match self.journal.payment(id) {
            Ok(Some(row)) => row.state.void.is_open() && row.state.void != before,
            Ok(None) | Err(_) => true,
        }
    }
}
