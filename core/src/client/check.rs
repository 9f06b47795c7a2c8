//! Questions that move no money: is there an account, how does a payment stand at OVO.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::client::apply::Proof;
use crate::client::{Client, Inner, Inquiry, PaymentReport, Status};
use crate::error::{Error, ErrorKind};
use crate::invoice::MerchantInvoice;
use crate::message::{Class, inquiry};
use crate::payment::{Boottime, Input, Payment, Request, StatusAnswer, Verdict};
use crate::phone::PhoneNumber;

impl Client {
    /// Asks whether a phone number has an OVO account. OVO recommends it before a push.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Inquiry;
    ///
    /// match client.inquire(&"0812-3456-7890".parse()?)? {
    ///     Inquiry::Registered => println!("push"),
    ///     Inquiry::NotRegistered => println!("this number has no OVO account; ask for another"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NoAnswer`] if the host gave no usable answer (nothing is at stake: ask again
    /// or push), [`ErrorKind::Configuration`] if it refuses the set-up.
    pub fn inquire(&self, phone: &PhoneNumber) -> Result<Inquiry, Error> {
        let inner = &self.inner;
        inner.ready()?;
        let credentials = &inner.credentials;
        let date = inner.clock.wall().wib_text();
        let body = inquiry(credentials.merchant_id(), credentials.terminal(), phone, &date);
        let (_, response) = inner.ask(&body, None);
        let no_answer =
            || Error::new(ErrorKind::NoAnswer, "inquiry: the host gave no usable answer");
        let code = response.ok_or_else(no_answer)?.code;
        match (code.as_str(), code.class()) {
            ("00", _) => Ok(Inquiry::Registered),
            ("14", _) => Ok(Inquiry::NotRegistered),
            (_, Class::Misconfigured) => Err(Error::new(
                ErrorKind::Configuration,
                format!("inquiry: OVO refuses the set-up with code {code}"),
            )),
            _ => Err(no_answer()),
        }
    }

    /// Asks OVO for a payment's status now, whatever the schedule says: for an operator. The
    /// answer also takes part in the payment's settlement.
    ///
    /// It is refused until 60 s behind the push's last byte, as the journal has it. When that left the
    /// journal is told with the pushing process's next commit: the status check at 60.5 s, a cancel, or
    /// the outcome. Until then, and also from the process that pushed, the whole send budget is taken to
    /// have passed before it: refused until **85 s behind the payment's beginning**. That holds for good
    /// where the process died before such a commit, and no longer than to 60.5 s behind the push where
    /// it waits (where the contract has no Check Payment, to 65 s). Behind a restart of the machine it
    /// is refused for 60 s from the restart on, of a payment that settlement has taken up behind it from
    /// then on. [`Error::retry_after`] says how long it still is ([policy 2.12]).
    ///
    /// [policy 2.12]: crate::manual::policy#212-the-operator
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// let status = client.check(&"ORDER-77-1".parse()?)?;
    /// println!("OVO says {:?}; here: {}", status.at_ovo, status.payment.settlement);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::OutsideWindow`] earlier than that, or later than 7 days behind the payment's
    /// beginning (FAQ; by the clock that cannot be set, behind a restart of the machine by the wall clock),
    /// [`ErrorKind::Refused`] for a push that never left, [`ErrorKind::NoAnswer`] if the host gave no usable answer,
    /// [`ErrorKind::NotFound`] for an unknown invoice.
    pub fn check(&self, invoice: &MerchantInvoice) -> Result<Status, Error> {
        self.inner.ready()?;
        self.inner.check(invoice, None)
    }

    /// Like [`check`](Self::check) for a payment whose phone the journal has forgotten already.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// // Two days later the journal has forgotten the phone; the customer on the line has not.
    /// let status = client.check_with_phone(&"ORDER-77-1".parse()?, &"0812-3456-7890".parse()?)?;
    /// println!("OVO says {:?}", status.at_ovo);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`check`](Self::check); [`ErrorKind::InvalidInput`] if the journal still has the
    /// phone and it is another one.
    pub fn check_with_phone(
        &self,
        invoice: &MerchantInvoice,
        phone: &PhoneNumber,
    ) -> Result<Status, Error> {
        self.inner.ready()?;
        self.inner.check(invoice, Some(phone))
    }
}

impl Inner {
    /// From which moment on the time until a check is counted, as the journal has it.
    fn checks_count_from(&self, payment: &Payment) -> Cow<'static, str> {
        let state = &payment.state;
        if payment.boot != self.boot {
            return "the restart of this machine".into();
        }
        if state.begun == Boottime(0) {
            return "this payment was taken up again, behind a restart of this machine".into();
        }
        let budget = self.policy.timers.send_budget;
        if state.window == state.begun.plus(budget) {
            let budget = budget.as_secs();
            return format!(
                "the push, which may have left as late as {budget} s after the payment began as far as \
                 the journal knows"
            )
            .into();
        }
        "the push".into()
    }

    fn check(
        self: &Arc<Self>,
        invoice: &MerchantInvoice,
        phone: Option<&PhoneNumber>,
    ) -> Result<Status, Error> {
        let mut payment = self.row(invoice)?;
        if payment.state.verdict == Some(Verdict::NotSent) {
            return Err(Error::about(
                invoice,
                ErrorKind::Refused,
                "the push never left; there is nothing to ask for",
            ));
        }
        let timers = &self.policy.timers;
        let by_wall = self.clock.wall().unix_millis() - payment.intent.wall.unix_millis();
        let by_wall = Duration::from_millis(u64::try_from(by_wall).unwrap_or(0));
        let elapsed = if payment.boot == self.boot {
            self.clock.boottime().since(payment.state.window)
        } else {
            // The push is older than this boot; a wall clock may have jumped (T1).
            by_wall.min(self.clock.boottime().since(Boottime(0)))
        };
        if elapsed < timers.session {
            let wait = timers.session - elapsed;
            let from = self.checks_count_from(&payment);
            let session = timers.session.as_secs();
            return Err(Error::about(
                invoice,
                ErrorKind::OutsideWindow,
                format_args!(
                    "a check is meaningful from {session} s after {from}: in {} s",
                    wait.as_millis().div_ceil(1_000)
                ),
            )
            .retry_in(wait));
        }
        // 7 days in 24 h units; the automatic sweeps stop half a day earlier.
        // By the clock that cannot be set, as long as it knows (T1).
        let age = match payment.boot == self.boot && payment.state.begun > Boottime(0) {
            true => self.clock.boottime().since(payment.state.begun),
            false => by_wall,
        };
        if age >= timers.status_window + timers.status_window / 13 {
            return Err(Error::about(
                invoice,
                ErrorKind::OutsideWindow,
                "OVO tells the status for 7 days only",
            ));
        }
        let kept = self.phone_of(&payment);
        if let Some(phone) = phone {
            if kept.as_ref().is_some_and(|kept| kept != phone) {
                return Err(Error::invalid(
                    "phone",
                    format_args!("payment {invoice} was pushed to another one"),
                ));
            }
            payment.intent.phone = Some(self.seal.seal(phone, invoice)?);
        }
        let heard = self.perform(&payment, Request::CheckPayment, false);
        let Input::Checked { issued, answer, .. } = heard.input else {
            return Err(Error::new(ErrorKind::Internal, "check: answered with something else"));
        };
        // Whoever waits for the outcome at the till hears it from this answer, too.
        let waiting = self.under_way.find(invoice).is_some_and(|payment| payment.is_awaited());
        let input = Input::Checked { issued, answer, waiting };
        // The stored row, not the one with a lent phone. Where nothing is left to compare a lent
        // phone with, it may be mistyped: another phone in the answer, or no payment, then says nothing
        // about the row. Nor does it where OVO was asked without the phone, by which it finds payments.
        let mut stored = self.row(invoice)?;
        let is_elsewhere = matches!(
            answer,
            StatusAnswer::ForeignSale | StatusAnswer::Doubtful | StatusAnswer::NotFound
        );
        let mut counts_from = None;
        if kept.is_some() || !is_elsewhere {
            stored = self.apply(stored, input, Proof::Heard(&heard))?.payment;
            counts_from = stored.state.counts_from(&self.policy, issued, answer);
        }
        let ask_again = counts_from.map(|from| from.since(self.clock.boottime()));
        self.wake_settler();
        let said = match answer {
            StatusAnswer::NoAnswer | StatusAnswer::NotSent => "gave no usable answer".to_owned(),
            StatusAnswer::Misconfigured(code) => format!("refuses the set-up ({code})"),
            _ => {
                let payment = PaymentReport::of(&stored);
                return Ok(Status { at_ovo: answer, payment, ask_again });
            }
        };
        Err(Error::about(invoice, ErrorKind::NoAnswer, format_args!("the host {said}")))
    }
}
