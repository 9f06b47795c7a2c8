//! Voids: the whole amount of a paid payment, on the same WIB day.

use std::sync::Arc;

use crate::client::apply::Proof;
use crate::client::{Client, Inner, VoidOutcome};
use crate::error::{Error, ErrorKind};
use crate::invoice::MerchantInvoice;
use crate::journal::JournalError;
use crate::payment::{Input, Payment, PaymentId, Refusal, Request, StatusAnswer, Void};

impl Client {
    /// Returns the whole amount of a payment told as Paid, on the WIB day of the payment. If the
    /// answer is lost, the void's status is asked before it is sent again, in the background or
    /// with [`settle`](Self::settle). The end of one that was pending is told: the payment is among the
    /// [`unacknowledged`](Self::unacknowledged) again, and an [`Event::Settled`](crate::Event::Settled) comes.
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
        let (outcome, _) = inner.pursue(applied.payment, applied.send);
        drop(owner);
        inner.wake_settler();
        Ok(outcome)
    }

    /// Asks what became of a void whose answer was lost, now instead of on schedule; of one that was left
    /// to an operator before, or that OVO's record did not show, too: of that
    /// [`VoidOutcome::NeedsOperator`] says that OVO was asked just now and shows none. Of one that was
    /// refused OVO is asked again as long as there is a phone to ask with (another copy of it may have been
    /// carried out late); it stays [`VoidOutcome::Rejected`] where OVO shows none.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// println!("{:?}", client.check_void(&"ORDER-77-1".parse()?)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if no void was asked for. Of a void that was refused, or left to an operator before, who
    /// may have to refund by hand: [`ErrorKind::NoAnswer`] if OVO gave no usable answer (ask again first),
    /// [`ErrorKind::OutsideWindow`] if it can tell nothing any more, the contract has no status checks and
    /// it refuses this one, too, or nobody can ask it because the journal has forgotten the phone (look the
    /// void up at OVO first). Of one that an operator closed: [`ErrorKind::Refused`] if OVO shows no void of it.
    pub fn check_void(&self, invoice: &MerchantInvoice) -> Result<VoidOutcome, Error> {
        let inner = &self.inner;
        inner.ready()?;
        let payment = inner.row(invoice)?;
        if payment.state.void == Void::None {
            return Err(Error::about(invoice, ErrorKind::Refused, "no void was asked for"));
        }
        let was_left = payment.state.void_is_with_operator();
        let is_closed = payment.state.is_closed_by_operator();
        let is_askable = inner.policy.check_payment && !payment.state.phone_forgotten;
        let was_refused = matches!(payment.state.void, Void::Rejected(_)) && is_askable;
        if !was_left && !was_refused && !payment.state.void.is_open() {
            return Ok(VoidOutcome::of(&payment));
        }
        // Whoever is to refund by hand may ask once more whether OVO did, and must not take silence for
        // an answer.
        let unknown = |kind, why: &str| {
            Error::about(
                invoice,
                kind,
                format_args!(
                    "what became of its void is not known: {why} before you refund by hand"
                ),
            )
        };
        if was_left && payment.state.phone_forgotten {
            let why = "the phone is forgotten, and OVO is not asked without it; look it up at OVO";
            return Err(unknown(ErrorKind::OutsideWindow, why));
        }
        let Some(owner) = inner.under_way.settle_in_turn(invoice) else {
            // Of a refused one nothing is awaited.
            let outcome = VoidOutcome::of(&payment);
            return Ok(if was_refused { outcome } else { VoidOutcome::Pending });
        };
        let (outcome, said) = inner.pursue(payment, Some(Request::CheckVoid));
        drop(owner);
        match (outcome, said) {
            // That it was refused is what OVO said before, and no answer to this question.
            (VoidOutcome::Rejected(_), said)
                if was_refused && said != Some(StatusAnswer::NotFound) =>
            {
                Err(unknown(
                    ErrorKind::NoAnswer,
                    "OVO refused it, and gave no usable answer now; ask again",
                ))
            }
            (outcome, _) if !was_left => Ok(outcome),
            // Nothing waits for an operator any more.
            (VoidOutcome::NeedsOperator, Some(StatusAnswer::NotFound)) if is_closed => {
                Err(Error::about(
                    invoice,
                    ErrorKind::Refused,
                    "an operator closed it as dealt with by hand; OVO was asked just now, and shows no void of it",
                ))
            }
            // A contract without status checks never tells it.
            (VoidOutcome::NeedsOperator, Some(StatusAnswer::Unavailable))
                if !inner.policy.check_payment =>
            {
                Err(unknown(
                    ErrorKind::OutsideWindow,
                    "the contract has no status checks; look it up at OVO",
                ))
            }
            (VoidOutcome::NeedsOperator, Some(StatusAnswer::TooOld)) => Err(unknown(
                ErrorKind::OutsideWindow,
                "OVO tells it no more (54); look it up at OVO",
            )),
            (VoidOutcome::NeedsOperator, said) if said != Some(StatusAnswer::NotFound) => {
                Err(unknown(ErrorKind::NoAnswer, "the host gave no usable answer; ask again"))
            }
            (outcome, _) => Ok(outcome),
        }
    }
}

impl Inner {
    /// Sends a request of a void and whatever its answers call for. What the journal does not take
    /// is pending: the void stands in it as sent, and settlement asks what became of it (J18). Beside it,
    /// what OVO said to the last question about it.
    fn pursue(
        self: &Arc<Self>,
        payment: Payment,
        send: Option<Request>,
    ) -> (VoidOutcome, Option<StatusAnswer>) {
        self.try_to_pursue(payment, send).unwrap_or_else(|error| {
            self.journal_failed(&error);
            (VoidOutcome::Pending, None)
        })
    }

    fn try_to_pursue(
        self: &Arc<Self>,
        mut payment: Payment,
        mut send: Option<Request>,
    ) -> Result<(VoidOutcome, Option<StatusAnswer>), JournalError> {
        let mut said = None;
        while let Some(request) = send {
            let heard = self.perform(&payment, request, true);
            if let Input::VoidChecked { answer, .. } = heard.input {
                said = Some(answer);
            }
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
        Ok((VoidOutcome::of(&payment), said))
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
