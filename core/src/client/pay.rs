//! Pushing a payment, or joining, resuming or returning the one that is there.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::apply::Proof;
use crate::client::counters::Commit;
use crate::client::drive::{Progress, ProgressWatch, Seat, is_broken_off};
use crate::client::inner::archived;
use crate::client::under_way::{Owner, Purpose, TakenUp, UnderWay, Waiter};
use crate::client::{Charge, Client, PaymentHandle};
use crate::error::{Error, ErrorKind};
use crate::event::Phase;
use crate::invoice::MerchantInvoice;
use crate::journal::{Begun, NewPayment, SealedPhone};
use crate::payment::{Input, Outcome, Payment, State, Verdict};
use crate::phone::PhoneNumber;

/// What waits for an operator is not waited for longer than this by the customer's next payment.
const LONGEST_IN_THE_WAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a payment call found or began.
enum Taken {
    /// The invoice has its outcome already.
    Decided(Outcome),
    /// Another thread is at it.
    Joined(Waiter),
    /// This call brings it to its verdict: a fresh push, or the rest of one that was interrupted.
    Owned { payment: Box<Payment>, fresh: bool, owner: Owner, waiter: Waiter },
}

impl Client {
    /// Pushes a payment to the customer's phone and waits for its outcome, at most about 65
    /// seconds after the push has left (plus up to 20 s of connecting).
    ///
    /// The invoice is the idempotency key. Called again with the same invoice, amount and phone it
    /// never pushes again: it waits for, resumes, or returns the payment that is there, and
    /// [`was_known`](Outcome::was_known) says so.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::{Charge, Language, Outcome, Rupiah};
    ///
    /// let charge = Charge::new("ORDER-77-1", Rupiah::new(12_500)?, "0812-3456-7890".parse()?)?;
    /// match client.pay(&charge)? {
    ///     Outcome::Paid(receipt) => println!("approval code {:?}", receipt.approval_code()),
    ///     // Show it. Of a NotCompleted the reversal goes on by itself.
    ///     other => println!("{}", other.customer_text(Language::Indonesian)),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An error means that this call started nothing: invalid input, an unusable journal, an
    /// invoice used with other details, a customer with an unsettled payment, a closed client.
    pub fn pay(&self, charge: &Charge) -> Result<Outcome, Error> {
        self.wait_for(charge, None)
    }

    /// Like [`pay`](Self::pay), with a say for callers without threads: `watch` is called on this
    /// thread about once a second, and a `Break` cancels the payment as
    /// [`cancel`](Self::cancel) does. The call then returns at once, with whatever outcome is
    /// durable. Where cancelling is refused the payment goes on, and so do the calls of `watch`. It
    /// must return soon; a panic in it counts as `Continue`.
    ///
    /// ```no_run
    /// # use std::ops::ControlFlow;
    /// # fn wait(client: &ovo_ptp::Client, charge: &ovo_ptp::Charge, key: fn() -> bool)
    /// # -> Result<(), ovo_ptp::Error> {
    /// let outcome = client.pay_with(charge, move |progress| {
    ///     println!("{} s left", progress.remaining.as_secs());
    ///     if key() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`pay`](Self::pay).
    pub fn pay_with(
        &self,
        charge: &Charge,
        watch: impl FnMut(&Progress) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Outcome, Error> {
        self.wait_for(charge, Some(Box::new(watch)))
    }

    fn wait_for(&self, charge: &Charge, watch: Option<ProgressWatch>) -> Result<Outcome, Error> {
        match self.take(charge)? {
            Taken::Decided(outcome) => Ok(outcome),
            Taken::Joined(waiter) => Ok(self.wait_along(&waiter, charge, watch).known(true)),
            Taken::Owned { payment, fresh, owner, waiter } => {
                // Cancelled, the payment is off the list before this thread is done with it.
                let _lingering = self.inner.under_way.linger();
                let seat = Seat::Caller(watch.map(Mutex::new));
                self.inner.bring_to_verdict(payment, fresh, &charge.phone, owner, seat);
                Ok(waiter.payment().wait().known(!fresh))
            }
        }
    }

    /// Waits for a payment that another thread brings to its verdict.
    fn wait_along(
        &self,
        waiter: &Waiter,
        charge: &Charge,
        watch: Option<ProgressWatch>,
    ) -> Outcome {
        let Some(mut watch) = watch else {
            return waiter.payment().wait();
        };
        let (inner, invoice) = (&self.inner, &charge.invoice);
        loop {
            if let Some(outcome) = waiter.payment().wait_at_most(inner.look_up) {
                return outcome;
            }
            let Ok(row) = inner.row(invoice) else { continue };
            let progress = inner.progress_of(&row.state, Phase::WaitingForCustomer);
            if is_broken_off(&mut watch, &progress) {
                // Refused or failed: it is asked again with the next look.
                let _ = inner.cancel(invoice);
            }
        }
    }

    /// Like [`pay`](Self::pay), on a thread of its own: returns a handle at once (as soon as the
    /// payment is durably in the journal).
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// use std::time::Duration;
    /// use ovo_ptp::{Charge, Rupiah};
    ///
    /// let charge = Charge::new("ORDER-77-1", Rupiah::new(12_500)?, "0812-3456-7890".parse()?)?;
    /// let payment = client.start(&charge)?;
    /// let outcome = loop {
    ///     match payment.wait(Duration::from_secs(1)) {
    ///         Some(outcome) => break outcome,
    ///         None => println!("still waiting for the customer"),
    ///     }
    /// };
    /// println!("{}", outcome.name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`pay`](Self::pay); also if no thread can be started for a new payment, in which case nothing
    /// was pushed and it is closed as not sent (one that an earlier call began is told as `Interrupted`). A client that was opened without
    /// [`threads`](crate::ClientBuilder::threads) refuses at once.
    pub fn start(&self, charge: &Charge) -> Result<PaymentHandle, Error> {
        self.inner.ready_to_pay()?;
        if !self.inner.threads {
            return Err(Error::new(
                ErrorKind::Configuration,
                "client: opened without threads; a payment can then only be waited for",
            ));
        }
        let invoice = charge.invoice.clone();
        let (waiter, was_known) = match self.take(charge)? {
            Taken::Decided(outcome) => (Waiter::of(&UnderWay::decided(outcome)), true),
            Taken::Joined(waiter) => (waiter, true),
            Taken::Owned { payment, fresh, owner, waiter } => {
                self.on_a_thread(payment, fresh, &charge.phone, owner)?;
                (waiter, !fresh)
            }
        };
        Ok(PaymentHandle::new(invoice, waiter, was_known, Arc::downgrade(&self.inner)))
    }

    fn on_a_thread(
        &self,
        payment: Box<Payment>,
        fresh: bool,
        phone: &PhoneNumber,
        owner: Owner,
    ) -> Result<(), Error> {
        let row = payment.clone();
        let phone = phone.clone();
        let spawned = self.inner.on_a_thread("ovo-payment", move |inner| {
            inner.bring_to_verdict(payment, fresh, &phone, owner, Seat::Thread);
        });
        match spawned {
            Ok(()) => Ok(()),
            // The push of an earlier call may be alive: that is no error, but an outcome that nobody here
            // brings. (The owner went with the thread that never was.)
            Err(_) if !fresh => {
                self.inner.wake_settler();
                Ok(())
            }
            Err(error) => {
                self.inner.apply(*row, Input::NotSent, Proof::None)?;
                Err(Error::new(
                    ErrorKind::Configuration,
                    format!("no thread can be started for the payment ({})", error.kind()),
                ))
            }
        }
    }

    /// Rule 1, or whatever there is already under this invoice.
    fn take(&self, charge: &Charge) -> Result<Taken, Error> {
        let inner = &self.inner;
        inner.ready_to_pay()?;
        let invoice = charge.invoice.clone();
        let terminal =
            charge.terminal.clone().unwrap_or_else(|| inner.credentials.terminal().clone());
        let owner = loop {
            match inner.under_way.take_up(&invoice, Purpose::Verdict) {
                TakenUp::Owner(owner) => break owner,
                TakenUp::Waiter(waiter) => {
                    if self.joins(charge, &invoice, &waiter)? {
                        return Ok(Taken::Joined(waiter));
                    }
                    // Whoever was at it asked for other details, or nothing of his was begun: now it is
                    // our turn.
                }
                TakenUp::Settling(waiter) => {
                    // That can last as long as the host keeps silent. What is known waits for nobody.
                    let payment = inner.row(&invoice)?;
                    self.same_details(&payment, charge)?;
                    if let Some(outcome) = Outcome::of(&payment) {
                        inner.shows(&payment);
                        return Ok(Taken::Decided(outcome));
                    }
                    waiter.payment().wait();
                }
            }
        };
        let waiter = Waiter::of(owner.payment());
        if !charge.allow_second_push {
            if let Err(why) = inner.note_another_key() {
                owner.refused(&why);
                return Err(why.into());
            }
            if let Some(other) = inner.unreadable_in_the_way()? {
                // What is in the journal already is no second push.
                let is_new = inner.journal.find(&invoice)?.is_none()
                    && inner.journal.archived(&invoice)?.is_none();
                if is_new {
                    let wait = self.until_it_goes_on(&other);
                    return Err(Error::unreadable_customer(&other.intent.invoice, wait));
                }
            }
        }
        // The clock is read before the commit: a slow disk counts against the time to send (J15).
        let state = State::intent(&inner.policy, inner.clock.boottime(), false, 0);
        let new = NewPayment {
            phone: inner.seal.seal(&charge.phone, &invoice)?,
            former_tags: inner.seal.former_tags(&charge.phone),
            invoice,
            amount: charge.amount,
            merchant_id: inner.credentials.merchant_id().to_owned(),
            terminal,
            wall: inner.clock.wall(),
            state,
            refuse_unsettled_customer: !charge.allow_second_push,
            timers: inner.policy.timers,
        };
        let begun = inner.journal.begin(&new, inner.batch_method);
        if let Err(why) = &begun {
            owner.refused(why);
            inner.counters.committed(Commit::Failed);
        }
        match begun? {
            Begun::Fresh(mut payment) => {
                inner.counters.committed(Commit::Done);
                inner.counters.begun();
                payment.boot = inner.boot;
                owner.begin(true);
                Ok(Taken::Owned { payment: Box::new(payment), fresh: true, owner, waiter })
            }
            Begun::Existing(payment) => {
                self.same_details(&payment, charge)?;
                owner.begin(false);
                match Outcome::of(&payment) {
                    Some(outcome) => {
                        inner.shows(&payment);
                        owner.end(outcome.clone());
                        Ok(Taken::Decided(outcome))
                    }
                    None => {
                        Ok(Taken::Owned { payment: Box::new(payment), fresh: false, owner, waiter })
                    }
                }
            }
            Begun::Archived(_) => {
                let archive = inner.journal.archived(&new.invoice)?.unwrap_or_default();
                Err(archived(&new.invoice, ErrorKind::InvoiceReused, &archive))
            }
            Begun::UnsettledCustomer(other) => {
                Err(Error::unsettled_customer(&other.intent.invoice, self.until_it_goes_on(&other)))
            }
        }
    }

    /// How long until something happens to an unsettled payment that another one waits for.
    fn until_it_goes_on(&self, payment: &Payment) -> Duration {
        let inner = &self.inner;
        let (state, decide) = (&payment.state, inner.policy.timers.decide);
        let now = inner.clock.boottime();
        let left = match state.verdict {
            // After a restart of the machine it waits its window in full.
            _ if payment.boot != inner.boot => decide,
            None => state.window.plus(decide).since(now),
            Some(_) => state.due.map_or(decide, |due| due.since(now)),
        };
        left.clamp(inner.look_up, LONGEST_IN_THE_WAY)
    }

    /// Whether this charge is the payment that another thread is bringing to its verdict. False if
    /// that thread was refused one: what it asked for may not be what this one asks for.
    fn joins(
        &self,
        charge: &Charge,
        invoice: &MerchantInvoice,
        waiter: &Waiter,
    ) -> Result<bool, Error> {
        if !waiter.payment().begins()? {
            return Ok(false);
        }
        self.same_details(&self.inner.row(invoice)?, charge)?;
        Ok(true)
    }

    fn same_details(&self, payment: &Payment, charge: &Charge) -> Result<(), Error> {
        let intent = &payment.intent;
        let other = |field: &'static str| {
            let what =
                format!("already used with another {field}; a new attempt takes a new invoice");
            Err(Error::about(&intent.invoice, ErrorKind::InvoiceReused, what).about_field(field))
        };
        if intent.amount != charge.amount {
            return other("amount");
        }
        let seal = &self.inner.seal;
        let is_another =
            |phone: &SealedPhone| seal.is_another(phone, &intent.invoice, &charge.phone);
        if intent.phone.as_ref().is_some_and(is_another) {
            return other("phone");
        }
        // A shop whose numbers begin again would be told of an earlier customer's payment.
        let is_booked = payment.state.acknowledged
            && matches!(payment.state.verdict, Some(Verdict::Accepted(_)));
        if payment.state.phone_forgotten && is_booked {
            let what = "already used for a payment that is booked, and whose phone is forgotten: \
                        look it up, or take a new invoice";
            return Err(
                Error::about(&intent.invoice, ErrorKind::InvoiceReused, what).about_field("phone")
            );
        }
        if charge.terminal.as_ref().is_some_and(|terminal| *terminal != intent.terminal) {
            return other("terminal");
        }
        Ok(())
    }
}
