//! Payments that this process is working on now, who works on each, and who waits for it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::invoice::MerchantInvoice;
use crate::lock::{lock, wait, wait_at_most};
use crate::payment::Outcome;

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
    standing: Mutex<Standing>,
    changed: Condvar,
}

/// Told once, on the thread that brings the outcome.
type Listener = Box<dyn FnOnce(&Outcome) + Send>;

#[derive(Default)]
struct Standing {
    /// There is a payment under way or decided: who waits for it hears how it ends. Until then
    /// the owner may still be refused, and then his refusal is nobody else's.
    begun: bool,
    outcome: Option<Outcome>,
    /// Blocked calls and live handles: while there is one, a late success is accepted (rule 10).
    waiting: usize,
    /// Who is told the outcome. They do not count as waiting: their handles do.
    listeners: Vec<Listener>,
}

impl UnderWay {
    fn new(purpose: Purpose) -> Arc<UnderWay> {
        Arc::new(UnderWay { purpose, standing: Mutex::default(), changed: Condvar::new() })
    }

    /// A payment decided earlier, for whoever waits for a payment under way.
    pub(super) fn decided(outcome: Outcome) -> Arc<UnderWay> {
        let under_way = UnderWay::new(Purpose::Verdict);
        under_way.begin();
        under_way.tell(outcome);
        under_way
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
    pub(super) fn begins(&self) -> bool {
        let mut standing = lock(&self.standing);
        while !standing.begun && standing.outcome.is_none() {
            standing = wait(&self.changed, standing);
        }
        standing.begun
    }

    fn begin(&self) {
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
            tell(listener, &outcome);
        }
    }

    /// Tells `listener` the outcome: now if there is one, else on the thread that brings it.
    pub(super) fn listen(&self, listener: Listener) {
        let mut standing = lock(&self.standing);
        match standing.outcome.clone() {
            Some(outcome) => {
                drop(standing);
                tell(listener, &outcome);
            }
            None => standing.listeners.push(listener),
        }
    }
}

/// A listener is foreign code on a thread that works for others: its panic ends here (C13).
fn tell(listener: Listener, outcome: &Outcome) {
    let _ = catch_unwind(AssertUnwindSafe(|| listener(outcome)));
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

    /// How many payments are being worked on.
    pub(super) fn len(&self) -> usize {
        lock(&self.payments).len()
    }

    /// Counts someone who outlasts his payment, before it is off the list.
    pub(super) fn linger(self: &Arc<Self>) -> Lingering {
        *lock(&self.lingering) += 1;
        Lingering(Arc::clone(self))
    }

    /// Waits until no payment is being brought to its verdict, at most so long.
    pub(super) fn wait_for_verdicts(&self, longest: Duration) {
        let deadline = Instant::now().checked_add(longest);
        let mut payments = lock(&self.payments);
        while payments.values().any(|payment| payment.purpose == Purpose::Verdict) {
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

    /// The payment is in the journal, and its details are those that were asked for.
    pub(super) fn begin(&self) {
        self.under_way.begin();
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
        lock(&self.all.payments).remove(&self.invoice);
        self.all.one_less.notify_all();
        let interrupted = || Outcome::Interrupted(self.invoice.clone());
        self.under_way.tell(self.outcome.take().unwrap_or_else(interrupted));
    }
}
