//! Closing a client: nobody waits any more, nothing is lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::client::{Client, Inner, foreign};
use crate::lock::lock;

impl Client {
    /// Closes the client. Calls that wait for a payment return
    /// [`Outcome::Interrupted`](crate::Outcome::Interrupted) within about a second, and requests of
    /// settlement under way are given up (the one status check of a payment that is waited for, if it
    /// is written already, may take some seconds more); their payments stay in the journal
    /// and are taken up by whoever opens it next. Every later call is an error. Closing twice is
    /// harmless; dropping the client closes it. Inside an observer, a listener or a progress callback
    /// it waits for nobody: the payment that called it ends behind it, and then the journal closes.
    ///
    /// A sale that is interrupted is refunded if nobody takes it up again while the customer is
    /// there: [`close_within`](Self::close_within) lets those who wait hear their outcome first.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// // At shutdown: calls that wait return `Interrupted`, nothing is lost.
    /// client.close();
    /// assert!(client.payment(&"ORDER-77-1".parse()?).is_err_and(|error| error.is_closed()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.close_within(Duration::ZERO);
    }

    /// Closes the client with a grace: new payments are refused at once with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), payments that are being waited for may end
    /// within `grace` (90 seconds are enough for all of them), and then it closes like
    /// [`close`](Self::close). Returns as soon as nothing is left to wait for. Other calls, such as
    /// [`acknowledge`](Self::acknowledge), go on until the grace is over.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) {
    /// // A deployment at lunch must not turn sales into refunds.
    /// client.close_within(std::time::Duration::from_secs(80));
    /// # }
    /// ```
    pub fn close_within(&self, grace: Duration) {
        if std::process::id() != self.inner.process {
            // A forked child holds copies of the parent's locks and no thread to join.
            return;
        }
        self.inner.begin_to_close();
        // A payment's thread that drops the last reference in its listener would wait for itself.
        let waits = !foreign::is_running();
        if waits {
            self.inner.under_way.wait_for_verdicts(grace);
        }
        self.inner.end_waiting();
        let settler = lock(&self.settler).take();
        if let Some(settler) = settler {
            if waits {
                // A panic in the settler was already contained by its thread.
                let _ = settler.join();
            }
        }
        if waits {
            self.inner.under_way.wait_until_idle();
        }
    }
}

impl Inner {
    /// Nothing new begins.
    fn begin_to_close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake_settler();
    }

    /// Nobody waits any more.
    fn end_waiting(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// For a simulation, whose threads take turns and cannot wait for each other: the two moments of
/// [`close_within`](Client::close_within), without its waits.
#[cfg(all(ovo_mutants, debug_assertions))]
impl Client {
    #[doc(hidden)]
    pub fn grace_begins(&self) {
        self.inner.begin_to_close();
    }

    #[doc(hidden)]
    pub fn grace_is_over(&self) {
        self.inner.end_waiting();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}
