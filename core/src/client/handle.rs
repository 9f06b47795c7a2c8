//! A started payment.

use std::sync::Weak;
use std::time::Duration;

use crate::client::Inner;
use crate::client::under_way::Waiter;
use crate::error::{Error, ErrorKind};
use crate::invoice::MerchantInvoice;
use crate::payment::Outcome;

/// A payment under way on a thread of its own.
///
/// As long as a handle lives, somebody cares for the outcome: a success that only the status check
/// reports is then accepted. Giving up waiting never gives up the payment: dropping the handle
/// leaves it to be settled, and a Paid that nobody waited for is found among
/// [`unacknowledged`](crate::Client::unacknowledged).
pub struct PaymentHandle {
    invoice: MerchantInvoice,
    waiter: Waiter,
    was_known: bool,
    /// Does not keep the client, and its journal, from closing.
    client: Weak<Inner>,
}

impl PaymentHandle {
    pub(super) fn new(
        invoice: MerchantInvoice,
        waiter: Waiter,
        was_known: bool,
        client: Weak<Inner>,
    ) -> Self {
        PaymentHandle { invoice, waiter, was_known, client }
    }

    /// The payment's invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }

    /// Whether the payment was in the journal before [`start`](crate::Client::start): it pushed
    /// nothing, and tells how that payment ends. Known at once; the outcome
    /// [says the same](Outcome::was_known).
    ///
    /// ```
    /// # fn example(payment: &ovo_ptp::PaymentHandle) {
    /// if payment.was_known() {
    ///     println!("{} was begun before: nothing is pushed again", payment.invoice());
    /// }
    /// # }
    /// ```
    pub fn was_known(&self) -> bool {
        self.was_known
    }

    /// The outcome, if there is one. Does not wait.
    ///
    /// ```
    /// # fn example(payment: &ovo_ptp::PaymentHandle) {
    /// // Once in every turn of the till's own loop.
    /// if let Some(outcome) = payment.poll() {
    ///     println!("{}", outcome.name());
    /// }
    /// # }
    /// ```
    pub fn poll(&self) -> Option<Outcome> {
        self.waiter.payment().outcome().map(|outcome| outcome.known(self.was_known))
    }

    /// Waits for the outcome, at most `timeout`; `None` if it is not known by then. May be called
    /// again.
    ///
    /// ```
    /// # fn example(payment: &ovo_ptp::PaymentHandle) {
    /// use std::time::Duration;
    ///
    /// while payment.wait(Duration::from_secs(1)).is_none() {
    ///     println!("{}: waiting for the customer", payment.invoice());
    /// }
    /// # }
    /// ```
    pub fn wait(&self, timeout: Duration) -> Option<Outcome> {
        let outcome = self.waiter.payment().wait_at_most(timeout)?;
        Some(outcome.known(self.was_known))
    }

    /// Waits for the outcome, however long it takes (90 seconds at the most).
    ///
    /// ```
    /// # fn example(payment: &ovo_ptp::PaymentHandle) {
    /// let outcome = payment.outcome();
    /// println!("{}: {}", outcome.invoice(), outcome.name());
    /// # }
    /// ```
    pub fn outcome(&self) -> Outcome {
        self.waiter.payment().wait().known(self.was_known)
    }

    /// Gives the payment up, as [`Client::cancel`](crate::Client::cancel) does. The thread goes on
    /// listening until OVO's time is over: a decline that still comes spares the reversal, and a
    /// success is recorded, alerted and returned.
    ///
    /// ```
    /// # fn example(payment: &ovo_ptp::PaymentHandle) -> Result<(), ovo_ptp::Error> {
    /// let outcome = payment.cancel()?;
    /// println!("{}: {}", outcome.invoice(), outcome.name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Client::cancel`](crate::Client::cancel).
    pub fn cancel(&self) -> Result<Outcome, Error> {
        if let Some(outcome) = self.poll() {
            return Ok(outcome);
        }
        let closed = || Error::new(ErrorKind::Closed, "client: closed");
        let inner = self.client.upgrade().ok_or_else(closed)?;
        // Closing waits for whoever holds the client.
        let lingering = inner.under_way.linger();
        let outcome = inner.cancel(&self.invoice);
        drop(inner);
        drop(lingering);
        outcome.map(|outcome| outcome.known(self.was_known))
    }

    /// Calls `told` once with the outcome: at once, on this thread, if it is known already, else
    /// on the thread that brings it. For event loops, which cannot wait. It must return soon, and is told of [`Outcome::Interrupted`] as well. Dropping the handle
    /// does not take it back; a panic in it ends nothing.
    ///
    /// ```
    /// # fn example(payment: &ovo_ptp::PaymentHandle) {
    /// use std::sync::mpsc;
    ///
    /// let (told, outcomes) = mpsc::channel();
    /// payment.on_outcome(move |outcome| {
    ///     let _ = told.send(outcome.clone());
    /// });
    /// println!("{}", outcomes.recv().map_or("gone", |outcome| outcome.name()));
    /// # }
    /// ```
    pub fn on_outcome(&self, told: impl FnOnce(&Outcome) + Send + 'static) {
        let was_known = self.was_known;
        let told = move |outcome: &Outcome| told(&outcome.clone().known(was_known));
        self.waiter.payment().listen(Box::new(told));
    }
}

impl std::fmt::Debug for PaymentHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaymentHandle").field("invoice", &self.invoice).finish_non_exhaustive()
    }
}
