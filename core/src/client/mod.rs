//! The client: the policy run over a journal, a transport and a clock.

mod apply;
mod builder;
mod charge;
mod doctor;
mod drive;
mod exchange;
mod flight;
mod handle;
mod report;
mod seal;
mod server_clock;
mod settle;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::event::{Event as ClientEvent, Observer};
use crate::invoice::MerchantInvoice;
use crate::journal::{Begun, Filter, Journal, JournalError, JournalErrorKind, NewPayment};
use crate::message::{Class, Signer, inquiry};
use crate::numbering::BatchMethod;
use crate::payment::{
    Boottime, Event, Outcome, Payment, Policy, Refusal, Request, Ruling, State, StatusAnswer,
    Verdict,
};
use crate::phone::PhoneNumber;
use crate::transport::Transport;

pub use builder::ClientBuilder;
pub use charge::Charge;
pub use doctor::{Diagnosis, Probe};
pub use handle::PaymentHandle;
pub use report::{Inquiry, PaymentReport, Status, VoidOutcome};

use apply::Proof;
use flight::{Boarding, Errand, Flight, Flights, Interest};
use seal::PhoneSeal;
use server_clock::ServerClock;

/// Stack of a thread that drives one started payment. Measured need: see the README's figures.
const DRIVER_STACK: usize = 256 * 1024;

pub(crate) struct Inner {
    credentials: Credentials,
    signer: Signer,
    seal: PhoneSeal,
    policy: Policy,
    batch_method: BatchMethod,
    phone_in_reversal: bool,
    settle_pause: Duration,
    look_up: Duration,
    journal: Arc<dyn Journal>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    boot: u32,
    observer: Option<Observer>,
    flights: Arc<Flights>,
    server_clock: ServerClock,
    closed: AtomicBool,
    /// Whether OVO has taken a push of this opening without calling its numbers duplicate.
    proven: AtomicBool,
    /// The fields that OVO was seen to repeat in its own way, a bit each: told once.
    sloppy_fields: AtomicU32,
    /// Whether payments may fly on threads of their own.
    threads: bool,
    /// Wakes the background settler early.
    alarm: (Mutex<bool>, Condvar),
    /// The process that opened the client: a forked child must not use it.
    process: u32,
}

impl Inner {
    fn tell(&self, event: impl FnOnce() -> ClientEvent) {
        if let Some(observer) = &self.observer {
            let event = event();
            // An observer reports about money and must not decide about it: its panic, which the
            // panic hook has shown, ends here and neither a payment nor the settler with it (C13).
            let _ = catch_unwind(AssertUnwindSafe(|| observer(&event)));
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn wake_settler(&self) {
        *self.alarm.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = true;
        self.alarm.1.notify_all();
    }

    fn nap(&self, longest: Duration) {
        let rung = self.alarm.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let result = self.alarm.1.wait_timeout_while(rung, longest, |rung| !*rung);
        let mut rung = match result {
            Ok((rung, _)) => rung,
            Err(poisoned) => poisoned.into_inner().0,
        };
        *rung = false;
    }

    /// Every public call begins here.
    fn ready(&self) -> Result<(), Error> {
        if std::process::id() != self.process {
            return Err(Error::new(
                ErrorKind::Forked,
                "client: opened before a fork; open a client of its own in the child",
            ));
        }
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "client: closed"));
        }
        Ok(())
    }

    fn row(&self, invoice: &MerchantInvoice) -> Result<Payment, Error> {
        self.journal.find(invoice)?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("invoice {invoice}: no such payment in the journal"),
            )
        })
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        let kind = match error.kind {
            JournalErrorKind::Locked => ErrorKind::JournalLocked,
            JournalErrorKind::Forked => ErrorKind::Forked,
            JournalErrorKind::Forbidden => ErrorKind::Internal,
            _ => ErrorKind::Journal,
        };
        Error::new(kind, error.to_string())
    }
}

/// Takes OVO payments for one merchant and answers for every one of them.
///
/// One client per process and journal; many threads may use it at once. See the
/// [crate's front page](crate) for what it promises.
pub struct Client {
    inner: Arc<Inner>,
    settler: Mutex<Option<JoinHandle<()>>>,
}

/// What a payment call found or began.
enum Taken {
    /// The invoice has its outcome already.
    Decided(Outcome),
    /// Another thread is at it.
    Joined(Interest),
    /// This call flies it: a fresh push, or the rest of one that was interrupted.
    Flying { payment: Box<Payment>, fresh: bool, pilot: flight::Pilot, interest: Interest },
}

impl Client {
    /// Begins setting a client up.
    pub fn builder(environment: Environment, credentials: Credentials) -> ClientBuilder {
        ClientBuilder::new(environment, credentials)
    }

    fn launch(inner: Arc<Inner>, background: bool) -> Result<Client, Error> {
        let settler = if background {
            let inner = Arc::clone(&inner);
            let thread = std::thread::Builder::new()
                .name("ovo-settler".to_owned())
                .stack_size(DRIVER_STACK)
                .spawn(move || inner.settle_in_background())
                .map_err(|error| {
                    Error::new(
                        ErrorKind::Configuration,
                        format!("the settling thread cannot be started ({})", error.kind()),
                    )
                })?;
            Some(thread)
        } else {
            None
        };
        Ok(Client { inner, settler: Mutex::new(settler) })
    }

    /// Asks whether a phone number has an OVO account. OVO recommends it before a push.
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
        let (_, response) = inner.ask(&body, None, inner.policy.timers.exchange_budget);
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

    /// Pushes a payment to the customer's phone and waits for its outcome, at most about 65
    /// seconds after the push has left (plus up to 15 s of connecting).
    ///
    /// The invoice is the idempotency key. Called again with the same invoice, amount and phone it
    /// never pushes again: it waits for, resumes, or returns the payment that is there.
    ///
    /// # Errors
    /// An error means that this call started nothing: invalid input, an unusable journal, an
    /// invoice used with other details, a customer with an unsettled payment, a closed client.
    pub fn pay(&self, charge: &Charge) -> Result<Outcome, Error> {
        match self.take(charge)? {
            Taken::Decided(outcome) => Ok(outcome),
            Taken::Joined(interest) => Ok(self.see_through(interest.flight())),
            Taken::Flying { payment, fresh, pilot, interest } => {
                self.fly(*payment, fresh, charge, pilot);
                Ok(self.see_through(interest.flight()))
            }
        }
    }

    /// Like [`pay`](Self::pay), on a thread of its own: returns a handle at once (as soon as the
    /// payment is durably in the journal).
    ///
    /// # Errors
    /// As for [`pay`](Self::pay); also if no thread can be started, in which case nothing was
    /// pushed and the payment is closed as not sent. A client that was opened without
    /// [`threads`](ClientBuilder::threads) refuses at once.
    pub fn start(&self, charge: &Charge) -> Result<PaymentHandle, Error> {
        self.inner.ready()?;
        if !self.inner.threads {
            return Err(Error::new(
                ErrorKind::Configuration,
                "client: opened without threads; a payment can then only be waited for",
            ));
        }
        let invoice = charge.invoice.clone()?;
        let interest = match self.take(charge)? {
            Taken::Decided(outcome) => Interest::in_flight(&Flight::landed(outcome)),
            Taken::Joined(interest) => interest,
            Taken::Flying { payment, fresh, pilot, interest } => {
                self.fly_on_a_thread(*payment, fresh, charge, pilot)?;
                interest
            }
        };
        Ok(PaymentHandle::new(invoice, interest))
    }

    fn fly_on_a_thread(
        &self,
        payment: Payment,
        fresh: bool,
        charge: &Charge,
        pilot: flight::Pilot,
    ) -> Result<(), Error> {
        let row = payment.clone();
        let stay = self.inner.flights.stay();
        let inner = Arc::clone(&self.inner);
        let phone = charge.phone.clone();
        let spawned = std::thread::Builder::new()
            .name("ovo-payment".to_owned())
            .stack_size(DRIVER_STACK)
            .spawn(move || {
                if fresh {
                    inner.fly(payment, &phone, pilot);
                } else {
                    inner.resume(payment, pilot);
                }
                // In this order: whoever waits for the thread may open the journal again.
                drop(inner);
                drop(stay);
            });
        match spawned {
            Ok(_) => Ok(()),
            Err(error) => {
                if fresh {
                    self.inner.apply(row, Event::NotSent, Proof::None)?;
                }
                Err(Error::new(
                    ErrorKind::Configuration,
                    format!("no thread can be started for the payment ({})", error.kind()),
                ))
            }
        }
    }

    fn fly(&self, payment: Payment, fresh: bool, charge: &Charge, pilot: flight::Pilot) {
        if fresh {
            self.inner.fly(payment, &charge.phone, pilot);
        } else {
            self.inner.resume(payment, pilot);
        }
    }

    fn see_through(&self, flight: &Flight) -> Outcome {
        // Landing is certain: a pilot that goes away lands its flight as interrupted.
        flight.wait(None).unwrap_or_else(|| unreachable!("a wait without a time-out ends landed"))
    }

    /// Rule 1, or whatever there is already under this invoice.
    fn take(&self, charge: &Charge) -> Result<Taken, Error> {
        let inner = &self.inner;
        inner.ready()?;
        let invoice = charge.invoice.clone()?;
        let terminal =
            charge.terminal.clone().unwrap_or_else(|| inner.credentials.terminal().clone());
        let pilot = loop {
            match inner.flights.board(&invoice, Errand::Payment) {
                Boarding::Pilot(pilot) => break pilot,
                Boarding::Passenger(interest) => {
                    if self.joins(charge, &invoice, &interest)? {
                        return Ok(Taken::Joined(interest));
                    }
                    // Whoever was at it could not begin (a journal error, other details): now it
                    // is our turn.
                }
            }
        };
        let interest = Interest::in_flight(pilot.flight());
        // The clock is read before the commit: a slow disk counts against the time to send (J15).
        let proven = inner.proven.load(Ordering::Relaxed);
        let now = inner.clock.boottime();
        let state = State { proven, ..State::intent(&inner.policy, now, false, 0) };
        let new = NewPayment {
            phone: inner.seal.seal(&charge.phone, &invoice)?,
            invoice,
            amount: charge.amount,
            merchant_id: inner.credentials.merchant_id().to_owned(),
            terminal,
            wall: inner.clock.wall(),
            state,
            refuse_unsettled_customer: !charge.allow_second_push,
            timers: inner.policy.timers,
        };
        match inner.journal.begin(&new, inner.batch_method)? {
            Begun::Fresh(mut payment) => {
                payment.boot = inner.boot;
                pilot.begin();
                Ok(Taken::Flying { payment: Box::new(payment), fresh: true, pilot, interest })
            }
            Begun::Existing(payment) => {
                self.same_details(&payment, charge)?;
                pilot.begin();
                match Outcome::of(&payment) {
                    Some(outcome) => {
                        pilot.land(outcome.clone());
                        Ok(Taken::Decided(outcome))
                    }
                    None => Ok(Taken::Flying {
                        payment: Box::new(payment),
                        fresh: false,
                        pilot,
                        interest,
                    }),
                }
            }
            Begun::UnsettledCustomer(other) => Err(Error::new(
                ErrorKind::UnsettledCustomer,
                format!(
                    "customer: payment {} to the same phone is not settled yet; wait for it, or allow a second push",
                    other.intent.invoice
                ),
            )),
        }
    }

    /// Whether this charge is the payment that another thread is bringing to its verdict. False if
    /// that thread was refused one: what it asked for may not be what this one asks for.
    fn joins(
        &self,
        charge: &Charge,
        invoice: &MerchantInvoice,
        interest: &Interest,
    ) -> Result<bool, Error> {
        if !interest.flight().begins() {
            return Ok(false);
        }
        self.same_details(&self.inner.row(invoice)?, charge)?;
        Ok(true)
    }

    fn same_details(&self, payment: &Payment, charge: &Charge) -> Result<(), Error> {
        let intent = &payment.intent;
        let other = |field: &str| {
            Err(Error::new(
                ErrorKind::InvoiceReused,
                format!(
                    "invoice {}: already used with another {field}; a new attempt takes a new invoice",
                    intent.invoice
                ),
            ))
        };
        if intent.amount != charge.amount {
            return other("amount");
        }
        let tag = self.inner.seal.tag(&charge.phone);
        if intent.phone.as_ref().is_some_and(|phone| phone.tag != tag) {
            return other("phone");
        }
        if charge.terminal.as_ref().is_some_and(|terminal| *terminal != intent.terminal) {
            return other("terminal");
        }
        Ok(())
    }

    /// Asks OVO for a payment's status now, whatever the schedule says: for an operator. The
    /// answer also takes part in the payment's settlement.
    ///
    /// # Errors
    /// [`ErrorKind::OutsideWindow`] earlier than 60 s (after a restart of the machine, 60 s behind
    /// the restart) or later than 7 days after the push (FAQ), [`ErrorKind::Refused`] for a push
    /// that never left, [`ErrorKind::NoAnswer`] if the host gave no usable answer,
    /// [`ErrorKind::NotFound`] for an unknown invoice.
    pub fn check(&self, invoice: &MerchantInvoice) -> Result<Status, Error> {
        self.inner.ready()?;
        self.inner.check(invoice, None)
    }

    /// Like [`check`](Self::check) for a payment whose phone the journal has forgotten already.
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
        let Boarding::Pilot(pilot) = inner.flights.board(invoice, Errand::Settlement) else {
            return Err(refused(invoice, Refusal::VoidInProgress));
        };
        let in_time = inner.server_clock.void_in_time(&payment, inner.clock.boottime());
        let applied = inner.apply(payment, Event::VoidAsked { in_time }, Proof::None)?;
        match applied.refused {
            Some(Refusal::AlreadyVoided) => return Ok(VoidOutcome::Voided),
            Some(refusal) => return Err(refused(invoice, refusal)),
            None => {}
        }
        let payment = inner.pursue(applied.payment, applied.send)?;
        drop(pilot);
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
        if payment.state.void == crate::payment::Void::None {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("invoice {invoice}: no void was asked for"),
            ));
        }
        if !payment.state.void.is_open() {
            return Ok(VoidOutcome::of(&payment));
        }
        let Boarding::Pilot(pilot) = inner.flights.board(invoice, Errand::Settlement) else {
            return Ok(VoidOutcome::Pending);
        };
        let payment = inner.pursue(payment, Some(Request::CheckVoid))?;
        drop(pilot);
        Ok(VoidOutcome::of(&payment))
    }

    /// Runs every reversal, check and void that is due now, and returns what changed. A client
    /// with `background` does this by itself. Blocks for the requests' duration.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`]; what was due stays due.
    pub fn settle(&self) -> Result<Vec<PaymentReport>, Error> {
        self.inner.ready()?;
        let changed = self.inner.settle()?;
        Ok(changed.iter().map(PaymentReport::of).collect())
    }

    /// How long until [`settle`](Self::settle) has something to do: zero if now, `None` if never.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`]
    pub fn next_settlement(&self) -> Result<Option<Duration>, Error> {
        self.inner.ready()?;
        let due = self.inner.journal.next_due(self.inner.boot)?;
        Ok(due.map(|due| due.since(self.inner.clock.boottime())))
    }

    /// How many payments this client works on at this moment: calls and handles that wait for an
    /// outcome, and rows that are being settled. For gauges.
    pub fn under_way(&self) -> usize {
        self.inner.flights.len()
    }

    /// Payments that have an outcome which the caller has not confirmed with
    /// [`acknowledge`](Self::acknowledge): after a restart, here is what the crash swallowed.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`]
    pub fn unacknowledged(&self) -> Result<Vec<PaymentReport>, Error> {
        self.payments(&Filter { unacknowledged: true, limit: usize::MAX, ..Filter::default() })
    }

    /// Confirms that the caller has stored the outcome. Never done by time (`safety.md` P10).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if there is no outcome yet, [`ErrorKind::NotFound`].
    pub fn acknowledge(&self, invoice: &MerchantInvoice) -> Result<(), Error> {
        self.inner.ready()?;
        let payment = self.inner.row(invoice)?;
        match self.inner.apply(payment, Event::Acknowledged, Proof::None)?.refused {
            Some(refusal) => Err(refused(invoice, refusal)),
            None => Ok(()),
        }
    }

    /// Lists payments in the order in which they were begun.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`]
    pub fn payments(&self, filter: &Filter) -> Result<Vec<PaymentReport>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.list(filter)?.iter().map(PaymentReport::of).collect())
    }

    /// One payment, `None` if the journal does not know the invoice.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`]
    pub fn payment(&self, invoice: &MerchantInvoice) -> Result<Option<PaymentReport>, Error> {
        self.inner.ready()?;
        Ok(self.inner.journal.find(invoice)?.as_ref().map(PaymentReport::of))
    }

    /// An operator's decision about a payment that waits for one (rule 19). The reason (1 to 200
    /// characters) is kept in the journal with the payment and reported to the observer.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if nothing about the payment waits for an operator, the ruling does
    /// not fit, or it closes a payment that the customer may still confirm (before 60 s + D),
    /// [`ErrorKind::InvalidInput`] without a reason.
    pub fn rule(
        &self,
        invoice: &MerchantInvoice,
        ruling: Ruling,
        reason: &str,
    ) -> Result<PaymentReport, Error> {
        self.inner.ready()?;
        if reason.trim().is_empty() || reason.chars().count() > 200 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "reason: must have 1 to 200 characters",
            ));
        }
        let payment = self.inner.row(invoice)?;
        let applied = self.inner.apply(payment, Event::Ruled(ruling), Proof::Ruling(reason))?;
        if let Some(refusal) = applied.refused {
            return Err(refused(invoice, refusal));
        }
        self.inner
            .tell(|| ClientEvent::Ruled { invoice: invoice.clone(), reason: reason.to_owned() });
        self.inner.wake_settler();
        Ok(PaymentReport::of(&applied.payment))
    }

    /// Tells the client that OVO's settlement file shows a payment as paid. If the journal has it
    /// as not paid and closed, its settlement opens again and the money goes back (rule 16, OP4).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Journal`].
    pub fn report_paid(&self, invoice: &MerchantInvoice) -> Result<PaymentReport, Error> {
        self.inner.ready()?;
        let payment = self.inner.row(invoice)?;
        let applied = self.inner.apply(payment, Event::ReportedPaid, Proof::None)?;
        self.inner.wake_settler();
        Ok(PaymentReport::of(&applied.payment))
    }

    /// Looks whether everything is set up right, with two harmless inquiries: which signing mode
    /// the host accepts, clock skew, connection and journal health.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] or [`ErrorKind::Forked`] only: what is wrong is in the diagnosis.
    pub fn doctor(&self) -> Result<Diagnosis, Error> {
        self.inner.ready()?;
        Ok(self.inner.diagnose())
    }

    /// Closes the client. Calls that wait for a payment return [`Outcome::Interrupted`] within
    /// about a second (a connection being made may take longer to give up); their payments stay in
    /// the journal and are taken up by whoever opens it next. Every later call is an error.
    /// Closing twice is harmless; dropping the client closes it.
    pub fn close(&self) {
        if std::process::id() != self.inner.process {
            // A forked child holds copies of the parent's locks and no thread to join.
            return;
        }
        self.inner.closed.store(true, Ordering::Release);
        self.inner.wake_settler();
        let settler = self.settler.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(settler) = settler {
            if settler.thread().id() != std::thread::current().id() {
                // A panic in the settler was already contained by its thread.
                let _ = settler.join();
            }
        }
        self.inner.flights.wait_empty();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("closed", &self.inner.is_closed()).finish_non_exhaustive()
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

    fn check(
        self: &Arc<Self>,
        invoice: &MerchantInvoice,
        phone: Option<&PhoneNumber>,
    ) -> Result<Status, Error> {
        let mut payment = self.row(invoice)?;
        if payment.state.verdict == Some(Verdict::NotSent) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("invoice {invoice}: the push never left; there is nothing to ask for"),
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
            return Err(Error::new(
                ErrorKind::OutsideWindow,
                format!(
                    "invoice {invoice}: a check is meaningful from {} s after the push",
                    timers.session.as_secs()
                ),
            ));
        }
        // 7 days in 24 h units; the automatic sweeps stop half a day earlier.
        if by_wall >= timers.status_window + timers.status_window / 13 {
            return Err(Error::new(
                ErrorKind::OutsideWindow,
                format!("invoice {invoice}: OVO tells the status for 7 days only"),
            ));
        }
        let kept = self.phone_of(&payment);
        if let Some(phone) = phone {
            if kept.as_ref().is_some_and(|kept| kept != phone) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("phone: payment {invoice} was pushed to another one"),
                ));
            }
            payment.intent.phone = Some(self.seal.seal(phone, invoice)?);
        }
        let waiting = false;
        let heard = self.perform(&payment, Request::CheckPayment, waiting);
        let Event::Checked { answer, .. } = heard.event else {
            return Err(Error::new(ErrorKind::Internal, "check: answered with something else"));
        };
        // The stored row, not the one with a lent phone. Where nothing is left to compare a lent
        // phone with, it may be mistyped: another phone in the answer then says nothing about the row.
        let mut stored = self.row(invoice)?;
        let another = matches!(answer, StatusAnswer::ForeignSale | StatusAnswer::Doubtful);
        if kept.is_some() || phone.is_none() || !another {
            stored = self.apply(stored, heard.event, heard.response.as_ref().into())?.payment;
        }
        self.wake_settler();
        let said = match answer {
            StatusAnswer::NoAnswer | StatusAnswer::NotSent => "gave no usable answer".to_owned(),
            StatusAnswer::Misconfigured(code) => format!("refuses the set-up ({code})"),
            _ => return Ok(Status { at_ovo: answer, payment: PaymentReport::of(&stored) }),
        };
        Err(Error::new(ErrorKind::NoAnswer, format!("invoice {invoice}: the host {said}")))
    }
}

fn refused(invoice: &MerchantInvoice, refusal: Refusal) -> Error {
    let rule = match refusal {
        Refusal::NotPaid => "only a paid payment can be voided",
        Refusal::VoidTooLate => {
            "a void is possible on the day of the payment only, until 23:58 WIB"
        }
        Refusal::VoidInProgress => "the payment or its void is under way",
        Refusal::AlreadyVoided => "already voided",
        Refusal::NothingToRule => "nothing about it waits for this decision",
        Refusal::CloseTooEarly => {
            "the customer can still be debited; it can be closed 180 s after its push"
        }
        Refusal::NoOutcome => "there is no outcome yet",
        Refusal::CannotBeReversed => {
            "it cannot be cancelled: nobody could tell whose sale a reversal would return"
        }
    };
    Error::new(ErrorKind::Refused, format!("invoice {invoice}: {rule}"))
}
