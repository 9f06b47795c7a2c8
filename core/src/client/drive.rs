//! Driving one payment from its Intent to its verdict, on the caller's thread.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::client::Inner;
use crate::client::cancel::why_cancelled;
use crate::client::exchange::{Heard, WhyNotSent};
use crate::client::foreign;
use crate::client::under_way::{Owner, UnderWay};
use crate::event::{Event, Phase};
use crate::journal::JournalError;
use crate::lock::lock;
use crate::message::WalletDetails;
use crate::payment::history::Ended;
use crate::payment::{Boottime, Input, NotSentReason, Outcome, Payment, PushAnswer, State, step};
use crate::phone::PhoneNumber;
use crate::transport::Watch;

/// How often a waiting payment looks up: for the countdown, and to notice that the client closes.
const LOOK_UP: Duration = Duration::from_secs(1);
/// Who looks up less often than this did not listen all the while: this process stood still.
const LONGEST_SILENCE: u32 = 5;
/// How often a failed commit of a verdict is tried again before the call gives up.
pub(super) const COMMIT_RETRY: Duration = Duration::from_millis(200);

/// Where a payment stands, for a countdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Time left for the customer (while waiting for the customer), else until the outcome.
    pub remaining: Duration,
}

/// Hears of the progress of one payment, and may cancel it.
pub(super) type ProgressWatch = Box<dyn FnMut(&Progress) -> ControlFlow<()> + Send>;

/// Whether the caller cancels.
pub(super) fn is_broken_off(watch: &mut ProgressWatch, progress: &Progress) -> bool {
    foreign::call(|| watch(progress)) == Some(ControlFlow::Break(()))
}

/// On whose thread a payment is brought to its verdict.
pub(super) enum Seat {
    /// The caller's own: cancelled, it returns at once.
    Caller(Option<Mutex<ProgressWatch>>),
    /// One of the payment's own: cancelled, it goes on listening until OVO's time is over.
    Thread,
}

/// The payment while its push is under way. The transport calls it from inside the exchange, on
/// the driving thread; the mutex is there because the transport may be anybody's.
struct Driver {
    inner: Arc<Inner>,
    under_way: Arc<UnderWay>,
    seat: Seat,
    row: Mutex<Row>,
    /// When the answer was waited for last, in milliseconds of boottime.
    listened: AtomicU64,
    /// What OVO had to say about the push's numbers was heard, or never came in its whole time.
    heard_out: AtomicBool,
    /// Part of an answer has come: from here on silence says nothing, it may hold the word about the
    /// numbers.
    answering: AtomicBool,
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

impl Row {
    /// Somebody else wrote the row; what this thread saw stays part of its history.
    fn follow(&mut self, mut current: Payment) {
        current.history.take_over(&self.payment.history);
        self.payment = current;
    }
}

impl Driver {
    fn row(&self) -> MutexGuard<'_, Row> {
        lock(&self.row)
    }

    /// Applies an input; after a failure of the journal the row is read again before anything
    /// else happens to it (P9).
    fn apply(&self, row: &mut Row, input: Input, heard: Option<&Heard>) -> Applied {
        match self.inner.apply(row.payment.clone(), input, heard.into()) {
            Ok(applied) => {
                let undecided = row.payment.state.verdict.is_none();
                row.payment = applied.payment;
                if undecided && row.payment.state.verdict.is_some() {
                    let response = heard.and_then(|heard| heard.response.as_ref());
                    row.wallet = response.and_then(|response| response.wallet.clone());
                }
                Ok(applied.send)
            }
            Err(error) => {
                self.inner.journal_failed(&error);
                if let Ok(Some(current)) = self.inner.journal.payment(row.payment.id) {
                    // The same version: ours is that row, and knows when the push left besides.
                    if current.version != row.payment.version {
                        row.follow(current);
                    }
                }
                Err(error)
            }
        }
    }

    /// Looks what the journal has now: another process may have brought the verdict, or have been told
    /// by OVO what somebody here waits for, and whoever waits here is to hear of it (MP14). Often enough
    /// is once in a look-up, and before anything is done.
    fn look(&self) {
        let mut row = self.row();
        let now = self.inner.clock.boottime();
        let due = row.payment.state.due.is_some_and(|due| due <= now);
        let is_soon = now.since(row.looked) < self.inner.look_up;
        if row.payment.state.verdict.is_some() || (is_soon && !due) {
            return;
        }
        row.looked = now;
        // A failure of the journal is found by whoever has something to write.
        if let Ok(Some(current)) = self.inner.journal.payment(row.payment.id) {
            if current.version != row.payment.version {
                row.follow(current);
            }
        }
        let state = &row.payment.state;
        if state.verdict.is_none() && state.late_paid && self.under_way.is_awaited() {
            // A journal that does not take it now is asked again with the next look.
            let _ = self.apply(&mut row, Input::Awaited, None);
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
            let Some(request) = self.apply(&mut row, Input::Due, None)? else { continue };
            let payment = row.payment.clone();
            drop(row);
            self.progress(Phase::Checking);
            let heard = self.inner.perform(&payment, request, self.under_way.is_awaited());
            let input = match heard.input {
                // Somebody may have begun or stopped to wait while the check was under way.
                Input::Checked { issued, answer, .. } => {
                    Input::Checked { issued, answer, waiting: self.under_way.is_awaited() }
                }
                other => other,
            };
            self.apply(&mut self.row(), input, Some(&heard))?;
        }
    }

    fn progress(&self, phase: Phase) {
        let (invoice, progress) = {
            let row = self.row();
            let progress = self.inner.progress_of(&row.payment.state, phase);
            (row.payment.intent.invoice.clone(), progress)
        };
        let Progress { phase, remaining } = progress;
        self.inner.tell(|| Event::Progress { invoice, phase, remaining });
        let Seat::Caller(Some(watch)) = &self.seat else { return };
        if is_broken_off(&mut lock(watch), &progress) {
            let payment = self.row().payment.clone();
            if payment.state.verdict.is_none() {
                // Refused or failed: the next break is another try.
                let _ = self.inner.cancel_own(payment, &self.under_way);
            }
        }
    }

    fn is_watched(&self) -> bool {
        self.inner.observer.is_some() || matches!(self.seat, Seat::Caller(Some(_)))
    }

    /// Whether the merchant cancelled, and nobody waits for this thread any more.
    fn is_cancelled(&self) -> bool {
        self.under_way.outcome().is_some()
    }

    /// Another process, or this thread's own clock, has decided: only what another one cancelled
    /// is listened for any longer.
    fn decided_elsewhere(&self, payment: &Payment, before: Boottime) -> Option<Duration> {
        let outcome = Outcome::of(payment).filter(|_| payment.state.cancelled)?;
        self.inner.under_way.end_early(&payment.intent.invoice, &self.under_way, &outcome);
        self.inner.wake_settler();
        self.listening(before)
    }

    /// How long a cancelled payment's own thread still listens for an answer, having looked up
    /// `before`; `None`: no longer.
    fn listening(&self, before: Boottime) -> Option<Duration> {
        if !matches!(self.seat, Seat::Thread) {
            return None;
        }
        let end = self.row().payment.state.window.plus(self.inner.policy.timers.decide);
        let now = self.inner.clock.boottime();
        let left = end.since(now);
        if left.is_zero() {
            // What came while this process stood still lies unread on a connection that is given up.
            let awake = now.since(before) <= self.inner.look_up * LONGEST_SILENCE;
            let silent = !self.answering.load(Ordering::Acquire);
            self.heard_out.store(awake && silent, Ordering::Release);
            return None;
        }
        Some(left.min(self.inner.look_up))
    }

    /// Whether the exchange was ended by an answer without a readable code behind OVO's whole session.
    fn is_ended_by_ovo(&self, heard: &Heard) -> bool {
        let whole = matches!(heard.ended, Ended::Answered { code: None, .. });
        let session = self.inner.policy.timers.session;
        whole && self.inner.clock.boottime() >= self.row().payment.state.window.plus(session)
    }

    /// Commits that a cancelled payment was listened to: its numbers are vouched for again. Whoever
    /// is closed or killed before leaves that to the checks.
    fn commit_heard_out(&self) {
        if !self.heard_out.load(Ordering::Acquire) {
            return;
        }
        let mut row = self.row();
        let timers = &self.inner.policy.timers;
        let give_up = row.payment.state.window.plus(timers.decide + timers.exchange_budget);
        while !self.inner.is_closed() {
            if let Ok(Some(current)) = self.inner.journal.payment(row.payment.id) {
                let is_told = !current.state.unheard;
                row.follow(current);
                if is_told || self.apply(&mut row, Input::HeardOut, None).is_ok() {
                    return;
                }
            }
            if matches!(self.seat, Seat::Caller(_)) || self.inner.clock.boottime() >= give_up {
                return;
            }
            self.inner.clock.sleep(COMMIT_RETRY.min(self.inner.look_up));
        }
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
    /// Nobody is kept waiting for a connection whose payment is decided: by a cancel, because the
    /// client closes, or by another process, which has written the row (and `may_send` would refuse).
    fn connecting(&self) -> bool {
        let mut row = self.row();
        let now = self.inner.clock.boottime();
        if now.since(row.looked) >= self.inner.look_up {
            row.looked = now;
            let current = self.inner.journal.payment(row.payment.id);
            if matches!(current, Ok(Some(current)) if current.version != row.payment.version) {
                return false;
            }
            drop(row);
            if self.is_watched() {
                self.progress(Phase::Sending);
            }
        }
        !self.is_cancelled() && !self.inner.is_closed()
    }

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
            // Last: from here on a cancel knows that a byte may have left.
            && self.under_way.may_leave()
    }

    fn sent(&self) {
        let mut row = self.row();
        let now = self.inner.clock.boottime();
        // Kept in memory; the next commit writes it. A crash before that falls back on the Intent.
        self.inner.note_sent(&mut row.payment, now);
        let step = step(&self.inner.policy, &row.payment.state, Input::Sent, now);
        row.payment.state = step.state;
        drop(row);
        self.under_way.left(now);
        self.progress(Phase::WaitingForCustomer);
    }

    fn answering(&self) {
        self.answering.store(true, Ordering::Release);
    }

    fn wait(&self) -> Option<Duration> {
        self.under_way.awaits_answer();
        let now = self.inner.clock.boottime();
        let before = Boottime(self.listened.swap(now.0, Ordering::AcqRel));
        if self.inner.is_closed() {
            return None;
        }
        if self.is_cancelled() {
            return self.listening(before);
        }
        self.look();
        // A journal failure is not the end of the exchange: the answer may still come.
        let advanced = self.advance();
        let decided = {
            let row = self.row();
            row.payment.state.verdict.map(|_| row.payment.clone())
        };
        if let Some(payment) = decided {
            return self.decided_elsewhere(&payment, before);
        }
        if self.is_watched() {
            self.progress(Phase::WaitingForCustomer);
            if self.is_cancelled() {
                return self.listening(before);
            }
        }
        Some(self.pause(&advanced))
    }
}

impl Inner {
    /// Brings a payment to its verdict and tells it: with its push if it is `fresh`. Boxed, as it is
    /// large and waits on a small stack.
    pub(super) fn bring_to_verdict(
        self: &Arc<Self>,
        payment: Box<Payment>,
        fresh: bool,
        phone: &PhoneNumber,
        owner: Owner,
        seat: Seat,
    ) {
        if fresh && matches!(seat, Seat::Thread) {
            owner.payment().listens();
        }
        let driver = self.driver(payment, owner.payment(), seat);
        if fresh {
            self.push_and_wait(&driver, phone, owner);
        } else {
            self.resume(&driver, owner);
        }
    }

    /// Where a payment without a verdict stands.
    pub(super) fn progress_of(&self, state: &State, phase: Phase) -> Progress {
        let timers = &self.policy.timers;
        let (window, now) = (state.window, self.clock.boottime());
        let customer = timers.session.mul_f64(55.0 / 60.0);
        let (phase, end) = match phase {
            Phase::WaitingForCustomer if now < window.plus(customer) => {
                (phase, window.plus(customer))
            }
            Phase::Sending => (phase, window.plus(timers.decide)),
            _ => (Phase::Checking, window.plus(timers.decide)),
        };
        Progress { phase, remaining: end.since(now) }
    }

    /// Pushes a payment whose Intent was made by this very call, and waits for the verdict.
    fn push_and_wait(self: &Arc<Self>, driver: &Arc<Driver>, phone: &PhoneNumber, owner: Owner) {
        driver.progress(Phase::Sending);
        if driver.is_cancelled() {
            return self.finish(driver, owner);
        }
        let watch: Arc<dyn Watch> = driver.clone();
        let payment = Box::new(driver.row().payment.clone());
        let (heard, why_not_sent) = self.push(&payment, phone, &watch);
        if heard.input != Input::NotSent {
            driver.under_way.awaits_answer();
        }
        let to_another_push = matches!(heard.input, Input::Answered(PushAnswer::WrongEcho(_)));
        // OVO also answers without a code to a prompt that nobody touched: its time is over, and no
        // word about the numbers came in it.
        let heard_out = heard.response.is_some() || driver.is_ended_by_ovo(&heard);
        if heard_out && !to_another_push {
            driver.heard_out.store(true, Ordering::Release);
        } else {
            driver.under_way.listens_no_more();
        }
        driver.row().why_not_sent = why_not_sent;
        self.note_refused_set_up(&payment, heard.response.as_ref());
        self.commit_answer(driver, heard);
        self.finish(driver, owner);
    }

    /// Takes up a payment whose push was made by an earlier process or call: no second push.
    fn resume(self: &Arc<Self>, driver: &Driver, owner: Owner) {
        if driver.row().payment.boot != self.boot {
            // The window begins again in full before anything else is considered.
            let _ = driver.apply(&mut driver.row(), Input::Due, None);
        }
        self.finish(driver, owner);
    }

    fn driver(
        self: &Arc<Self>,
        payment: Box<Payment>,
        under_way: &Arc<UnderWay>,
        seat: Seat,
    ) -> Arc<Driver> {
        let looked = self.clock.boottime();
        Arc::new(Driver {
            inner: Arc::clone(self),
            under_way: Arc::clone(under_way),
            seat,
            row: Mutex::new(Row {
                payment: *payment,
                wallet: None,
                why_not_sent: None,
                connected: None,
                looked,
            }),
            listened: AtomicU64::new(looked.0),
            heard_out: AtomicBool::new(false),
            answering: AtomicBool::new(false),
        })
    }

    /// The answer is worth several tries: behind it stands a customer who may have paid. A word about
    /// the numbers that the journal does not take meanwhile is kept for whoever has this payment
    /// next: a decision without it could be about another customer's sale. (A success is not, since
    /// by then somebody was told otherwise: the check finds it, and it is returned.)
    fn commit_answer(&self, driver: &Driver, heard: Heard) {
        loop {
            let mut row = driver.row();
            if driver.apply(&mut row, heard.input, Some(&heard)).is_ok() {
                return;
            }
            let give_up = row.payment.state.window.plus(self.policy.timers.decide);
            if self.is_closed() || self.clock.boottime() >= give_up {
                if matches!(heard.input, Input::Answered(PushAnswer::Duplicate(_))) {
                    lock(&self.unwritten).insert(row.payment.id, heard);
                    self.wake_settler();
                }
                return;
            }
            drop(row);
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
            if let Some(told) = driver.under_way.outcome() {
                // Cancelled: everybody knows, and settlement has the row.
                driver.commit_heard_out();
                owner.end(told);
                self.wake_settler();
                return;
            }
            driver.look();
            // A client that closes asks nothing more: whoever takes the payment up has the check.
            let advanced = if self.is_closed() { Ok(()) } else { driver.advance() };
            let outcome = {
                let mut row = driver.row();
                let mut outcome = Outcome::of(&row.payment);
                // What is never stored is told here or nowhere.
                match &mut outcome {
                    Some(Outcome::Paid(receipt)) => receipt.set_wallet(row.wallet.take()),
                    Some(Outcome::NotSent(not_sent)) => {
                        let why = row.why_not_sent.take();
                        // The cancel is in the journal before it is told here.
                        let is_cancelled = driver.under_way.is_held_back()
                            && matches!(why, Some((NotSentReason::Stopped, _)));
                        not_sent.because(if is_cancelled { Some(why_cancelled()) } else { why });
                    }
                    _ => {}
                }
                outcome
            };
            if let Some(outcome) = outcome {
                if driver.row().payment.state.unheard {
                    driver.commit_heard_out();
                }
                owner.end(outcome);
                self.wake_settler();
                return;
            }
            // Closed, or a journal that does not come back: the truth is "not decided". The row is
            // taken up again by whoever opens the journal next.
            let stuck = advanced.is_err() && self.clock.boottime() >= deadline;
            if self.is_closed() || stuck {
                let invoice = driver.row().payment.intent.invoice.clone();
                owner.end(Outcome::interrupted(invoice));
                return;
            }
            driver.progress(Phase::Checking);
            self.clock.sleep(driver.pause(&advanced));
        }
    }

    pub(super) const LOOK_UP: Duration = LOOK_UP;
}
