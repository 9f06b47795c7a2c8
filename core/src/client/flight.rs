//! Payments that this process is working on now, and the callers that wait for them.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::invoice::MerchantInvoice;
use crate::payment::Outcome;

/// Why a thread works on a payment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// To bring it to its verdict: others may wait for the outcome.
    Payment,
    /// To settle or void it, for the length of a request or two: others wait for their turn.
    Settlement,
}

/// One payment under way.
pub(super) struct Flight {
    errand: Errand,
    progress: Mutex<Progress>,
    changed: Condvar,
}

/// Told once, on the thread that lands the flight.
type Listener = Box<dyn FnOnce(&Outcome) + Send>;

#[derive(Default)]
struct Progress {
    /// There is a payment under way or decided: who joins hears how it ends. Until then whoever
    /// boarded first may still be refused, and then his refusal is nobody else's.
    begun: bool,
    outcome: Option<Outcome>,
    /// Blocked calls and live handles: while there is one, a late success is accepted (rule 10).
    waiting: usize,
    /// Who is told of the landing. They do not count as waiting: their handles do.
    listeners: Vec<Listener>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The guarded values are plain and whole at every moment: a panic elsewhere does not break them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    fn new(errand: Errand) -> Arc<Flight> {
        Arc::new(Flight { errand, progress: Mutex::default(), changed: Condvar::new() })
    }

    /// A flight that has already landed: for a payment decided earlier.
    pub(super) fn landed(outcome: Outcome) -> Arc<Flight> {
        let flight = Flight::new(Errand::Payment);
        flight.begin();
        flight.land(outcome);
        flight
    }

    pub(super) fn is_awaited(&self) -> bool {
        lock(&self.progress).waiting > 0
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        lock(&self.progress).outcome.clone()
    }

    /// Waits until there is an outcome, at most `timeout` (for ever if `None`).
    pub(super) fn wait(&self, timeout: Option<Duration>) -> Option<Outcome> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut progress = lock(&self.progress);
        loop {
            if let Some(outcome) = &progress.outcome {
                return Some(outcome.clone());
            }
            progress = match deadline {
                None => self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    match self.changed.wait_timeout(progress, left) {
                        Ok((guard, _)) => guard,
                        Err(poisoned) => poisoned.into_inner().0,
                    }
                }
            };
        }
    }

    /// Waits until whoever boarded first has a payment (true) or was refused one (false): as long
    /// as a commit takes.
    pub(super) fn begins(&self) -> bool {
        let mut progress = lock(&self.progress);
        while !progress.begun && progress.outcome.is_none() {
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        progress.begun
    }

    fn begin(&self) {
        lock(&self.progress).begun = true;
        self.changed.notify_all();
    }

    fn land(&self, outcome: Outcome) {
        let mut progress = lock(&self.progress);
        if progress.outcome.is_some() {
            return;
        }
        let listeners = std::mem::take(&mut progress.listeners);
        progress.outcome = Some(outcome.clone());
        drop(progress);
        self.changed.notify_all();
        for listener in listeners {
            tell(listener, &outcome);
        }
    }

    /// Tells `listener` the outcome: now if there is one, else on the thread that lands the flight.
    pub(super) fn listen(&self, listener: Listener) {
        let mut progress = lock(&self.progress);
        match progress.outcome.clone() {
            Some(outcome) => {
                drop(progress);
                tell(listener, &outcome);
            }
            None => progress.listeners.push(listener),
        }
    }
}

/// A listener is foreign code on a thread that works for others: its panic ends here (C13).
fn tell(listener: Listener, outcome: &Outcome) {
    let _ = catch_unwind(AssertUnwindSafe(|| listener(outcome)));
}

/// Someone waits for a flight; dropping this says that nobody of theirs does any more.
pub(super) struct Interest(Arc<Flight>);

impl Interest {
    pub(super) fn in_flight(flight: &Arc<Flight>) -> Interest {
        lock(&flight.progress).waiting += 1;
        Interest(Arc::clone(flight))
    }

    pub(super) fn flight(&self) -> &Arc<Flight> {
        &self.0
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        lock(&self.0.progress).waiting -= 1;
    }
}

/// All flights of a client, by invoice.
#[derive(Default)]
pub(super) struct Flights {
    aloft: Mutex<HashMap<MerchantInvoice, Arc<Flight>>>,
    /// Whoever is not done with the client when his flight is off the list: threads that hold it,
    /// and those who tell the outcome.
    stays: Mutex<usize>,
    landed: Condvar,
    left: Condvar,
}

/// One of them; dropped when he holds nothing of the client any more.
pub(super) struct Stay(Arc<Flights>);

impl Drop for Stay {
    fn drop(&mut self) {
        *lock(&self.0.stays) -= 1;
        self.0.left.notify_all();
    }
}

/// What [`Flights::board`] found.
pub(super) enum Boarding {
    /// The caller is to fly it.
    Pilot(Pilot),
    /// Another thread already does; wait for it.
    Passenger(Interest),
}

impl Flights {
    /// Takes charge of an invoice, or joins whoever is bringing it to its verdict. One thread at a
    /// time works on a payment; a settlement under way is waited for.
    pub(super) fn board(self: &Arc<Self>, invoice: &MerchantInvoice, errand: Errand) -> Boarding {
        loop {
            let mut aloft = lock(&self.aloft);
            let Some(flight) = aloft.get(invoice) else {
                return Boarding::Pilot(self.launch(&mut aloft, invoice, errand));
            };
            let interest = Interest::in_flight(flight);
            drop(aloft);
            match interest.flight().errand {
                Errand::Payment => return Boarding::Passenger(interest),
                Errand::Settlement => drop(interest.flight().wait(None)),
            }
        }
    }

    /// Takes charge of an invoice for settlement if nobody has it.
    pub(super) fn try_board(self: &Arc<Self>, invoice: &MerchantInvoice) -> Option<Pilot> {
        let mut aloft = lock(&self.aloft);
        if aloft.contains_key(invoice) {
            return None;
        }
        Some(self.launch(&mut aloft, invoice, Errand::Settlement))
    }

    fn launch(
        self: &Arc<Self>,
        aloft: &mut HashMap<MerchantInvoice, Arc<Flight>>,
        invoice: &MerchantInvoice,
        errand: Errand,
    ) -> Pilot {
        let flight = Flight::new(errand);
        aloft.insert(invoice.clone(), Arc::clone(&flight));
        Pilot { flights: Arc::clone(self), invoice: invoice.clone(), flight, outcome: None }
    }

    /// How many payments are being worked on.
    pub(super) fn len(&self) -> usize {
        lock(&self.aloft).len()
    }

    /// Counts someone who outlasts his flight, before it is off the list.
    pub(super) fn stay(self: &Arc<Self>) -> Stay {
        *lock(&self.stays) += 1;
        Stay(Arc::clone(self))
    }

    /// Waits until nobody flies any more, all are told and no thread holds the client: its journal
    /// can then be opened again.
    pub(super) fn wait_empty(&self) {
        let mut aloft = lock(&self.aloft);
        while !aloft.is_empty() {
            aloft = self.landed.wait(aloft).unwrap_or_else(PoisonError::into_inner);
        }
        drop(aloft);
        let mut stays = lock(&self.stays);
        while *stays > 0 {
            stays = self.left.wait(stays).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The right and duty to work on a payment. Dropped without an outcome (a panic), it lands the
/// flight as interrupted, so that nobody waits for ever.
pub(super) struct Pilot {
    flights: Arc<Flights>,
    invoice: MerchantInvoice,
    flight: Arc<Flight>,
    outcome: Option<Outcome>,
}

impl Pilot {
    pub(super) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// The payment is in the journal, and its details are those that were asked for.
    pub(super) fn begin(&self) {
        self.flight.begin();
    }

    pub(super) fn land(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let _until_all_are_told = self.flights.stay();
        // Off the list first: whoever hears the outcome may void the payment at once.
        lock(&self.flights.aloft).remove(&self.invoice);
        self.flights.landed.notify_all();
        let interrupted = || Outcome::Interrupted(self.invoice.clone());
        self.flight.land(self.outcome.take().unwrap_or_else(interrupted));
    }
}
