//! Voids: the whole amount of a paid payment, on the same WIB day.

use std::sync::Arc;

use crate::client::apply::Proof;
use crate::client::under_way::{Purpose, TakenUp};
use crate::client::{Client, Inner, VoidOutcome};
use crate::error::{Error, ErrorKind};
use crate::invoice::MerchantInvoice;
use crate::payment::{Event, Payment, Refusal, Request, Void};

impl Client {
    /// Returns the whole amount of a payment told as Paid, on the WIB day of the payment. If the
    /// answer is lost, the void's status is asked before it is sent again, in the background or
    /// with [`settle`](Self::settle).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], naming the rule: not paid, day over (23:58 WIB by OVO's clock),
    /// void under way.
    pub fn void(&self, invoice: &MerchantInvoice) -> Result<VoidOutcome, Error> {
        let inner = &self.inner;
        inner.ready()?;
        let payment = inner.row(invoice)?;
        let TakenUp::Owner(owner) = inner.under_way.take_up(invoice, Purpose::Settlement) else {
            return Err(Error::refused(invoice, Refusal::VoidInProgress));
        };
        let in_time = inner.server_clock.void_in_time(&payment, inner.clock.boottime());
        let applied = inner.apply(payment, Event::VoidAsked { in_time }, Proof::None)?;
        match applied.refused {
            Some(Refusal::AlreadyVoided) => return Ok(VoidOutcome::Voided),
            Some(refusal) => return Err(Error::refused(invoice, refusal)),
            None => {}
        }
        let payment = inner.pursue(applied.payment, applied.send)?;
        drop(owner);
        inner.wake_settler();
        Ok(VoidOutcome::of(&payment))
    }

    /// Asks what became of a void whose answer was lost, now instead of on schedule.
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
        if !payment.state.void.is_open() {
            return Ok(VoidOutcome::of(&payment));
        }
        let TakenUp::Owner(owner) = inner.under_way.take_up(invoice, Purpose::Settlement) else {
            return Ok(VoidOutcome::Pending);
        };
        let payment = inner.pursue(payment, Some(Request::CheckVoid))?;
        drop(owner);
        Ok(VoidOutcome::of(&payment))
    }
}

impl Inner {
    /// Sends a request and whatever its answers call for.
    fn pursue(self: &Arc<Self>, payment: Payment, send: Option<Request>) -> Result<Payment, Error> {
        let (mut payment, mut send) = (payment, send);
        while let Some(request) = send {
            let heard = self.perform(&payment, request, false);
            let applied = self.apply(payment, heard.event, heard.response.as_ref().into())?;
            payment = applied.payment;
            send = applied.send;
            let due_now = payment.state.due.is_some_and(|due| due <= self.clock.boottime());
            if send.is_none() && payment.state.void.is_open() && due_now {
                // Unknown: ask once at once, while the merchant waits (VD2).
                let applied = self.apply(payment, Event::Due, Proof::None)?;
                payment = applied.payment;
                send = applied.send;
            }
        }
        Ok(payment)
    }
}
