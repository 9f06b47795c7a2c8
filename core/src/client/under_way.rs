//! Payments that this process is working on now, who works on each, and who waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::client::foreign;
use crate::invoice::MerchantInvoice;
use crate::journal::JournalError;
use crate::lock::{lock, wait, wait_at_most};
use crate::payment::{Boottime, Outcome};

/// Why a thread works on a payment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To bring it to its verdict: others may wait for the outcome.
    Verdict,
    /// To settle or void it, for the length of a request or two: others wait for their turn.
    Settlement,
}

/// One payment under way.
pub(super) struct UnderWay {
    purpose: Purpose,
    /// Decides between a push that is about to leave and a merchant who cancels it. Held for a
    /// look and never across a wait.
    push: Mutex<Push>,
    /// An answer was waited for: no transport does that for what it has not written.
    answer_awaited: AtomicBool,
    heard: AtomicBool,
    /// Off the list while its owner still listens.
    ended_early: AtomicBool,
    standing: Mutex<Standing>,
    changed: Condvar,
}

/// Whether the push of a payment under way has left, and may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Push {
    /// The owner has no payment yet: nobody knows whether it is a fresh one.
    Unknown,
    /// The same, and the owner may write none.
    UnknownHeld,
    /// Not one byte is written.
    Waiting,
    /// Not one byte is written, and this process never will.
    Held,
    /// It may have left, now or earlier; the time is that of its last byte.
    Left(Option<Boottime>),
}

/// Told once, on the thread that brings the outcome.
type Listener = Box<dyn FnOnce(&Outcome) + Send>;

#[derive(Default)]
struct Standing {
    /// There is a payment under way or decided: who waits for it hears how it ends. Until then
    /// the owner may still be refused, and then his refusal is nobody else's.
    begun: bool,
    /// Why the journal could not take it: so it cannot for whoever asked for the same meanwhile.
    refused: Option<JournalError>,
    outcome: Option<Outcome>,
    /// Blocked calls and live handles: while there is one, a late success is accepted (rule 10).
    waiting: usize,
    /// Who is told the outcome. They do not count as waiting: their handles do.
    listeners: Vec<Listener>,
}

impl UnderWay {
    fn new(purpose: Purpose) -> Arc<UnderWay> {
        Arc::new(UnderWay {
            purpose,
            push: Mutex::new(Push::Unknown),
            answer_awaited: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            ended_early: AtomicBool::new(false),
            standing: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// A payment decided earlier, for whoever waits for a payment under way.
    pub(super) fn decided(outcome: Outcome) -> Arc<UnderWay> {
        let under_way = UnderWay::new(Purpose::Verdict);
        under_way.begin(false);
        under_way.tell(outcome);
        under_way
    }

    /// Whether the first byte of the push may be written now. After a yes nobody can hold it.
    pub(super) fn may_leave(&self) -> bool {
        let mut push = lock(&self.push);
        let may = *push == Push::Waiting;
        if may {
            *push = Push::Left(None);
        }
        may
    }

    /// A thread of the payment's own listens for the push's answer, also behind a cancel.
    pub(super) fn listens(&self) {
        self.heard.store(true, Ordering::Release);
    }

    /// Its exchange has ended without an answer: a word that still comes is heard by nobody.
    pub(super) fn listens_no_more(&self) {
        self.heard.store(false, Ordering::Release);
    }

    /// Whether one does.
    pub(super) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    /// The last byte of the push left at this time.
    pub(super) fn left(&self, at: Boottime) {
        *lock(&self.push) = Push::Left(Some(at));
    }

    /// The push may have left, whatever its transport has told: it waits for an answer, or has ended
    /// without saying that nothing left (F16).
    pub(super) fn awaits_answer(&self) {
        self.answer_awaited.store(true, Ordering::Release);
    }

    /// Keeps the push from leaving, unless it may have left already; returns which of both.
    pub(super) fn hold_push(&self) -> Push {
        let mut push = lock(&self.push);
        *push = match *push {
            Push::Unknown => Push::UnknownHeld,
            Push::Waiting if self.answer_awaited.load(Ordering::Acquire) => Push::Left(None),
            Push::Waiting => Push::Held,
            other => other,
        };
        *push
    }

    /// Whether a cancel has kept the push from leaving.
    pub(super) fn is_held_back(&self) -> bool {
        *lock(&self.push) == Push::Held
    }

    pub(super) fn is_awaited(&self) -> bool {
        lock(&self.standing).waiting > 0
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        lock(&self.standing).outcome.clone()
    }

    /// Waits until there is an outcome, at most `timeout`.
    pub(super) fn wait_at_most(&self, timeout: Duration) -> Option<Outcome> {
        let Some(deadline) = Instant::now().checked_add(timeout) else { return Some(self.wait()) };
        let mut standing = lock(&self.standing);
        loop {
            if let Some(outcome) = &standing.outcome {
                return Some(outcome.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            standing = wait_at_most(&self.changed, standing, left);
        }
    }

    /// Waits until there is an outcome. That is certain: an owner that goes away without one
    /// leaves `Interrupted`.
    pub(super) fn wait(&self) -> Outcome {
        let mut standing = lock(&self.standing);
        loop {
            if let Some(outcome) = &standing.outcome {
                return outcome.clone();
            }
            standing = wait(&self.changed, standing);
        }
    }

    /// Waits until the owner has a payment (true) or was refused one (false): as long as a commit
    /// takes.
    ///
    /// # Errors
    /// The journal's, if it could take none: were each to try in turn, the last would wait for all.
    pub(super) fn begins(&self) -> Result<bool, JournalError> {
        let mut standing = lock(&self.standing);
        while !standing.begun && standing.outcome.is_none() {
            standing = wait(&self.changed, standing);
        }
        match (standing.begun, &standing.refused) {
            (false, Some(refused)) => Err(refused.clone()),
            (begun, _) => Ok(begun),
        }
    }

    fn begin(&self, fresh: bool) {
        {
            let mut push = lock(&self.push);
            *push = match *push {
                _ if !fresh => Push::Left(None),
                Push::UnknownHeld => Push::Held,
                _ => Push::Waiting,
            };
        }
        lock(&self.standing).begun = true;
        self.changed.notify_all();
    }

    fn tell(&self, outcome: Outcome) {
        let mut standing = lock(&self.standing);
        if standing.outcome.is_some() {
            return;
        }
        let listeners = std::mem::take(&mut standing.listeners);
        standing.outcome = Some(outcome.clone());
        drop(standing);
        self.changed.notify_all();
        for listener in listeners {
            foreign::call(|| listener(&outcome));
        }
    }

    /// Tells `listener` the outcome: now if there is one, else on the thread that brings it.
    pub(super) fn listen(&self, listener: Listener) {
        let mut standing = lock(&self.standing);
        match standing.outcome.clone() {
            Some(outcome) => {
                drop(standing);
                foreign::call(|| listener(&outcome));
            }
            None => standing.listeners.push(listener),
        }
    }
}

/// Someone waits for a payment; dropping this says that nobody of theirs does any more.
pub(super) struct Waiter(Arc<UnderWay>);

impl Waiter {
    pub(super) fn of(under_way: &Arc<UnderWay>) -> Waiter {
        lock(&under_way.standing).waiting += 1;
        Waiter(Arc::clone(under_way))
    }

    pub(super) fn payment(&self) -> &Arc<UnderWay> {
        &self.0
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        lock(&self.0.standing).waiting -= 1;
    }
}

/// All payments that a client works on, by invoice.
#[derive(Default)]
pub(super) struct AllUnderWay {
    payments: Mutex<HashMap<MerchantInvoice, Arc<UnderWay>>>,
    /// Whoever is not done with the client when his payment is off the list: threads that hold
    /// it, and those who tell the outcome.
    lingering: Mutex<usize>,
    /// Owners whose payment was ended early and who still listen for its answer.
    listeners: AtomicUsize,
    one_less: Condvar,
    left: Condvar,
}

/// One of them; dropped when he holds nothing of the client any more.
pub(super) struct Lingering(Arc<AllUnderWay>);

impl Drop for Lingering {
    fn drop(&mut self) {
        *lock(&self.0.lingering) -= 1;
        self.0.left.notify_all();
    }
}

/// What [`AllUnderWay::take_up`] found.
pub(super) enum TakenUp {
    /// The caller is to work on it.
    Owner(Owner),
    /// Another thread is bringing it to its verdict; wait for it.
    Waiter(Waiter),
    /// Another thread settles it, for a request or two: as long as the host keeps silent.
    Settling(Waiter),
}

impl AllUnderWay {
    /// Takes charge of an invoice, or joins whoever is bringing it to its verdict. One thread at a
    /// time works on a payment.
    pub(super) fn take_up(
        self: &Arc<Self>,
        invoice: &MerchantInvoice,
        purpose: Purpose,
    ) -> TakenUp {
        let mut payments = lock(&self.payments);
        let Some(under_way) = payments.get(invoice) else {
            return TakenUp::Owner(self.own(&mut payments, invoice, purpose));
        };
        let waiter = Waiter::of(under_way);
        match waiter.payment().purpose {
            Purpose::Verdict => TakenUp::Waiter(waiter),
            Purpose::Settlement => TakenUp::Settling(waiter),
        }
    }

    /// Takes charge of an invoice to settle it, once it is its turn; `None` while another thread is
    /// bringing it to its verdict.
    pub(super) fn settle_in_turn(self: &Arc<Self>, invoice: &MerchantInvoice) -> Option<Owner> {
        loop {
            match self.take_up(invoice, Purpose::Settlement) {
                TakenUp::Owner(owner) => return Some(owner),
                TakenUp::Waiter(_) => return None,
                TakenUp::Settling(waiter) => drop(waiter.payment().wait()),
            }
        }
    }

    /// Takes charge of an invoice for settlement if nobody has it.
    pub(super) fn try_settle(self: &Arc<Self>, invoice: &MerchantInvoice) -> Option<Owner> {
        let mut payments = lock(&self.payments);
        if payments.contains_key(invoice) {
            return None;
        }
        Some(self.own(&mut payments, invoice, Purpose::Settlement))
    }

    fn own(
        self: &Arc<Self>,
        payments: &mut HashMap<MerchantInvoice, Arc<UnderWay>>,
        invoice: &MerchantInvoice,
        purpose: Purpose,
    ) -> Owner {
        let under_way = UnderWay::new(purpose);
        payments.insert(invoice.clone(), Arc::clone(&under_way));
        Owner { all: Arc::clone(self), invoice: invoice.clone(), under_way, outcome: None }
    }

    /// The payment of an invoice that a thread is bringing to its verdict.
    pub(super) fn find(&self, invoice: &MerchantInvoice) -> Option<Arc<UnderWay>> {
        let payments = lock(&self.payments);
        payments.get(invoice).filter(|payment| payment.purpose == Purpose::Verdict).cloned()
    }

    /// Tells the outcome of a payment whose owner is still at work. From now on others may settle
    /// it: its owner only waits for an answer that no longer decides.
    pub(super) fn end_early(
        self: &Arc<Self>,
        invoice: &MerchantInvoice,
        under_way: &UnderWay,
        outcome: &Outcome,
    ) {
        let _until_all_are_told = self.linger();
        self.take_off(invoice, under_way, || {
            under_way.ended_early.store(true, Ordering::Release);
            self.listeners.fetch_add(1, Ordering::AcqRel);
        });
        under_way.tell(outcome.clone());
    }

    /// Takes it off the list, if it is still there; `then` belongs to it.
    fn take_off(&self, invoice: &MerchantInvoice, under_way: &UnderWay, then: impl FnOnce()) {
        let mut payments = lock(&self.payments);
        if payments.get(invoice).is_some_and(|payment| std::ptr::eq(&**payment, under_way)) {
            payments.remove(invoice);
            then();
        }
        drop(payments);
        self.one_less.notify_all();
    }

    /// How many payments are being worked on.
    pub(super) fn len(&self) -> usize {
        lock(&self.payments).len()
    }

    /// Counts someone who outlasts his payment, before it is off the list.
    pub(super) fn linger(self: &Arc<Self>) -> Lingering {
        *lock(&self.lingering) += 1;
        Lingering(Arc::clone(self))
    }

    /// Waits until no payment is being brought to its verdict, and nobody listens behind a cancelled
    /// one any more, at most so long.
    pub(super) fn wait_for_verdicts(&self, longest: Duration) {
        let deadline = Instant::now().checked_add(longest);
        let mut payments = lock(&self.payments);
        let is_busy = |payments: &HashMap<_, Arc<UnderWay>>| {
            self.listeners.load(Ordering::Acquire) > 0
                || payments.values().any(|payment| payment.purpose == Purpose::Verdict)
        };
        while is_busy(&payments) {
            payments = match deadline {
                None => wait(&self.one_less, payments),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    wait_at_most(&self.one_less, payments, left)
                }
            };
        }
    }

    /// Waits until nobody works on a payment any more, all are told and no thread holds the
    /// client: its journal can then be opened again.
    pub(super) fn wait_until_idle(&self) {
        let mut payments = lock(&self.payments);
        while !payments.is_empty() {
            payments = wait(&self.one_less, payments);
        }
        drop(payments);
        let mut lingering = lock(&self.lingering);
        while *lingering > 0 {
            lingering = wait(&self.left, lingering);
        }
    }
}

/// The right and duty to work on a payment. Dropped without an outcome (a panic), it tells
/// whoever waits that the payment was interrupted, so that nobody waits for ever.
pub(super) struct Owner {
    all: Arc<AllUnderWay>,
    invoice: MerchantInvoice,
    under_way: Arc<UnderWay>,
    outcome: Option<Outcome>,
}

impl Owner {
    pub(super) fn payment(&self) -> &Arc<UnderWay> {
        &self.under_way
    }

    /// The payment is in the journal, and its details are those that were asked for. `fresh`: this
    /// owner made its Intent, and nobody has written its push.
    pub(super) fn begin(&self, fresh: bool) {
        self.under_way.begin(fresh);
    }

    /// The journal could not take it.
    pub(super) fn refused(&self, why: &JournalError) {
        lock(&self.under_way.standing).refused = Some(why.clone());
    }

    /// Ends the work and tells the outcome.
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _until_all_are_told = self.all.linger();
        // Off the list first: whoever hears the outcome may void the payment at once.
        self.all.take_off(&self.invoice, &self.under_way, || {});
        if self.under_way.ended_early.load(Ordering::Acquire) {
            // Under the lock, or whoever is about to wait would miss it.
            let payments = lock(&self.all.payments);
            self.all.listeners.fetch_sub(1, Ordering::AcqRel);
            drop(payments);
            self.all.one_less.notify_all();
        }
        let interrupted = || Outcome::interrupted(self.invoice.clone());
        self.under_way.tell(self.outcome.take().unwrap_or_else(interrupted));
    }
}
