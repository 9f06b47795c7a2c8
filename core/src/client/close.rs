//! Closing a client: nobody waits any more, nothing is lost.

use std::sync::atomic::Ordering;

use crate::client::Client;
use crate::lock::lock;

impl Client {
    /// Closes the client. Calls that wait for a payment return
    /// [`Outcome::Interrupted`](crate::Outcome::Interrupted) within about a second (a connection
    /// being made may take longer to give up); their payments stay in the journal and are taken up
    /// by whoever opens it next. Every later call is an error. Closing twice is harmless; dropping
    /// the client closes it.
    pub fn close(&self) {
        if std::process::id() != self.inner.process {
            // A forked child holds copies of the parent's locks and no thread to join.
            return;
        }
        self.inner.closed.store(true, Ordering::Release);
        self.inner.wake_settler();
        let settler = lock(&self.settler).take();
        if let Some(settler) = settler {
            if settler.thread().id() != std::thread::current().id() {
                // A panic in the settler was already contained by its thread.
                let _ = settler.join();
            }
        }
        self.inner.under_way.wait_until_idle();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}
