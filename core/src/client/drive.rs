//! Driving one payment from its Intent to its verdict, on the caller's thread.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::client::Inner;
use crate::client::exchange::WhyNotSent;
use crate::client::under_way::{Owner, UnderWay};
use crate::event::{Event as ClientEvent, Phase};
use crate::journal::JournalError;
use crate::lock::lock;
use crate::message::{Response, WalletDetails};
use crate::payment::{Boottime, Event, Outcome, Payment, step};
use crate::phone::PhoneNumber;
use crate::transport::Watch;

/// How often a waiting payment looks up: for the countdown, and to notice that the client closes.
const LOOK_UP: Duration = Duration::from_secs(1);
/// How often a failed commit of a verdict is tried again before the call gives up.
const COMMIT_RETRY: Duration = Duration::from_millis(200);

/// The payment while its push is under way. The transport calls it from inside the exchange, on
/// the driving thread; the mutex is there because the transport may be anybody's.
struct Driver {
    inner: Arc<Inner>,
    under_way: Arc<UnderWay>,
    row: Mutex<Row>,
}

struct Row {
    payment: Payment,
    wallet: Option<WalletDetails>,
    why_not_sent: Option<WhyNotSent>,
    /// When the connection for the push was ready.
    connected: Option<Boottime>,
    /// When the journal was read last.
    looked: Boottime,
}

impl Driver {
    fn row(&self) -> MutexGuard<'_, Row> {
        lock(&self.row)
    }

    /// Applies an event; after a failure of the journal the row is read again before anything
    /// else happens to it (P9).
    fn apply(&self, row: &mut Row, event: Event, response: Option<&Response>) -> Applied {
        match self.inner.apply(row.payment.clone(), event, response.into()) {
            Ok(applied) => {
                let undecided = row.payment.state.verdict.is_none();
                row.payment = applied.payment;
                if undecided && row.payment.state.verdict.is_some() {
                    row.wallet = response.and_then(|response| response.wallet.clone());
                }
                Ok(applied.send)
            }
            Err(error) => {
                self.inner.journal_failed(&error);
                if let Ok(Some(current)) = self.inner.journal.payment(row.payment.id) {
                    // The same version: ours is that row, and knows when the push left besides.
                    if current.version != row.payment.version {
                        row.payment = current;
                    }
                }
                Err(error)
            }
        }
    }

    /// Looks what the journal has now: another process may have brought the verdict, and whoever
    /// waits here is to hear of it (MP14). Often enough is once in a look-up.
    fn look(&self) {
        let mut row = self.row();
        let now = self.inner.clock.boottime();
        if row.payment.state.verdict.is_some() || now.since(row.looked) < self.inner.look_up {
            return;
        }
        row.looked = now;
        // A failure of the journal is found by whoever has something to write.
        if let Ok(Some(current)) = self.inner.journal.payment(row.payment.id) {
            if current.version != row.payment.version {
                row.payment = current;
            }
        }
    }

    /// Runs what is due: the check at 60.5 s, the decision at 65 s.
    fn advance(&self) -> Result<(), JournalError> {
        loop {
            let mut row = self.row();
            let now = self.inner.clock.boottime();
            let due = row.payment.state.due.is_some_and(|due| due <= now);
            if row.payment.state.verdict.is_some() || !due {
                return Ok(());
            }
            let Some(request) = self.apply(&mut row, Event::Due, None)? else { continue };
            let payment = row.payment.clone();
            drop(row);
            self.progress(Phase::Checking);
            let heard = self.inner.perform(&payment, request, self.under_way.is_awaited());
            let event = match heard.event {
                // Somebody may have begun or stopped to wait while the check was under way.
                Event::Checked { issued, answer, .. } => {
                    Event::Checked { issued, answer, waiting: self.under_way.is_awaited() }
                }
                other => other,
            };
            self.apply(&mut self.row(), event, heard.response.as_ref())?;
        }
    }

    fn progress(&self, phase: Phase) {
        let row = self.row();
        let timers = &self.inner.policy.timers;
        let window = row.payment.state.window;
        let customer = timers.session.mul_f64(55.0 / 60.0);
        let (phase, end) = match phase {
            Phase::WaitingForCustomer if self.inner.clock.boottime() < window.plus(customer) => {
                (phase, window.plus(customer))
            }
            Phase::Sending => (phase, window.plus(timers.decide)),
            _ => (Phase::Checking, window.plus(timers.decide)),
        };
        let invoice = row.payment.intent.invoice.clone();
        drop(row);
        let remaining = end.since(self.inner.clock.boottime());
        self.inner.tell(|| ClientEvent::Progress { invoice, phase, remaining });
    }

    /// Until the next thing is due, at most one look-up interval. What the journal failed to take
    /// stays due, and is tried again only every now and then: the disk has enough to do.
    fn pause(&self, advanced: &Result<(), JournalError>) -> Duration {
        let row = self.row();
        let now = self.inner.clock.boottime();
        let pause = match advanced {
            Ok(()) => row.payment.state.due.map_or(LOOK_UP, |due| due.since(now)),
            Err(_) => COMMIT_RETRY,
        };
        pause.min(self.inner.look_up).max(Duration::from_millis(1))
    }
}

type Applied = Result<Option<crate::payment::Request>, JournalError>;

impl Watch for Driver {
    fn connected(&self) {
        self.row().connected = Some(self.inner.clock.boottime());
    }

    /// Rules 3 and 4: in time, and still undecided in the journal itself.
    fn may_send(&self) -> bool {
        if self.inner.is_closed() {
            return false;
        }
        let row = self.row();
        let Ok(Some(current)) = self.inner.journal.payment(row.payment.id) else { return false };
        // Who does not say when it connected may have stood still ever since the Intent.
        let connected = row.connected.unwrap_or(current.state.begun);
        let now = self.inner.clock.boottime();
        current.version == row.payment.version
            && current.state.may_send(&self.inner.policy, connected, now)
    }

    fn sent(&self) {
        let mut row = self.row();
        let now = self.inner.clock.boottime();
        // Kept in memory; the next commit writes it. A crash before that falls back on the Intent.
        let step = step(&self.inner.policy, &row.payment.state, Event::Sent, now);
        row.payment.state = step.state;
        drop(row);
        self.progress(Phase::WaitingForCustomer);
    }

    fn wait(&self) -> Option<Duration> {
        if self.inner.is_closed() {
            return None;
        }
        self.look();
        // A journal failure is not the end of the exchange: the answer may still come.
        let advanced = self.advance();
        if self.row().payment.state.verdict.is_some() {
            return None;
        }
        if self.inner.observer.is_some() {
            self.progress(Phase::WaitingForCustomer);
        }
        Some(self.pause(&advanced))
    }
}

impl Inner {
    /// Brings a payment to its verdict and tells it: with its push if it is `fresh`.
    pub(super) fn bring_to_verdict(
        self: &Arc<Self>,
        payment: Payment,
        fresh: bool,
        phone: &PhoneNumber,
        owner: Owner,
    ) {
        if fresh {
            self.push_and_wait(payment, phone, owner);
        } else {
            self.resume(payment, owner);
        }
    }

    /// Pushes a payment whose Intent was made by this very call, and waits for the verdict.
    fn push_and_wait(self: &Arc<Self>, payment: Payment, phone: &PhoneNumber, owner: Owner) {
        let driver = self.driver(payment, owner.payment());
        driver.progress(Phase::Sending);
        let watch: Arc<dyn Watch> = driver.clone();
        let payment = driver.row().payment.clone();
        let (heard, why_not_sent) = self.push(&payment, phone, &watch);
        driver.row().why_not_sent = why_not_sent;
        self.commit_answer(&driver, heard.event, heard.response.as_ref());
        self.finish(&driver, owner);
    }

    /// Takes up a payment whose push was made by an earlier process or call: no second push.
    fn resume(self: &Arc<Self>, payment: Payment, owner: Owner) {
        let driver = self.driver(payment, owner.payment());
        if driver.row().payment.boot != self.boot {
            // The window begins again in full before anything else is considered.
            let _ = driver.apply(&mut driver.row(), Event::Due, None);
        }
        self.finish(&driver, owner);
    }

    fn driver(self: &Arc<Self>, payment: Payment, under_way: &Arc<UnderWay>) -> Arc<Driver> {
        let looked = self.clock.boottime();
        Arc::new(Driver {
            inner: Arc::clone(self),
            under_way: Arc::clone(under_way),
            row: Mutex::new(Row {
                payment,
                wallet: None,
                why_not_sent: None,
                connected: None,
                looked,
            }),
        })
    }

    /// The answer is worth several tries: behind it stands a customer who may have paid.
    fn commit_answer(&self, driver: &Driver, event: Event, response: Option<&Response>) {
        loop {
            let mut row = driver.row();
            if driver.apply(&mut row, event, response).is_ok() {
                return;
            }
            let give_up = row.payment.state.window.plus(self.policy.timers.decide);
            drop(row);
            if self.is_closed() || self.clock.boottime() >= give_up {
                return;
            }
            self.clock.sleep(COMMIT_RETRY.min(self.look_up));
        }
    }

    /// Waits for the clock until there is a verdict, and tells it.
    fn finish(&self, driver: &Driver, owner: Owner) {
        let deadline = {
            let row = driver.row();
            let timers = &self.policy.timers;
            row.payment.state.window.plus(timers.decide + timers.exchange_budget)
        };
        loop {
            driver.look();
            // A client that closes asks nothing more: whoever takes the payment up has the check.
            let advanced = if self.is_closed() { Ok(()) } else { driver.advance() };
            let outcome = {
                let mut row = driver.row();
                let mut outcome = Outcome::of(&row.payment);
                // What is never stored is told here or nowhere.
                match &mut outcome {
                    Some(Outcome::Paid(receipt)) => receipt.set_wallet(row.wallet.take()),
                    Some(Outcome::NotSent(not_sent)) => not_sent.because(row.why_not_sent.take()),
                    _ => {}
                }
                outcome
            };
            if let Some(outcome) = outcome {
                owner.end(outcome);
                self.wake_settler();
                return;
            }
            // Closed, or a journal that does not come back: the truth is "not decided". The row is
            // taken up again by whoever opens the journal next.
            let stuck = advanced.is_err() && self.clock.boottime() >= deadline;
            if self.is_closed() || stuck {
                let invoice = driver.row().payment.intent.invoice.clone();
                owner.end(Outcome::Interrupted(invoice));
                return;
            }
            driver.progress(Phase::Checking);
            self.clock.sleep(driver.pause(&advanced));
        }
    }

    pub(super) const LOOK_UP: Duration = LOOK_UP;
}
