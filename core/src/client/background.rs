//! The background settler: one thread that looks what is due, and a few that work on it side by
//! side, so that a host that is silent about one payment holds up no other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::Inner;
use crate::client::drive::COMMIT_RETRY;
use crate::journal::JournalError;
use crate::lock::lock;
use crate::payment::Payment;

/// Threads that settle at once. They end when nothing is due.
const WORKERS: usize = 4;
/// Longest sleep of the background settler between two looks at the journal.
const NAP: Duration = Duration::from_secs(5);

/// What is due, and how many work on it.
#[derive(Default)]
pub(super) struct Work {
    rows: VecDeque<Payment>,
    workers: usize,
}

/// A worker's place; given back also if the worker panics.
struct Place<'a>(&'a Mutex<Work>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(self.0).workers -= 1;
    }
}

impl Inner {
    /// The background settler's life.
    pub(super) fn settle_in_background(self: &Arc<Self>) {
        while !self.is_closing() {
            let pause = match catch_unwind(AssertUnwindSafe(|| self.hand_out())) {
                Ok(Ok(pause)) => pause,
                Ok(Err(error)) => {
                    self.journal_failed(&error);
                    self.look_up
                }
                // Shown by the panic hook; what is due is still in the journal (C13).
                Err(_) => self.look_up,
            };
            self.nap(pause);
        }
        self.write_all_that_was_heard();
    }

    /// Hands out what is due, and says when to look again.
    fn hand_out(self: &Arc<Self>) -> Result<Duration, JournalError> {
        #[cfg(feature = "postgres")]
        let tended = self.tend();
        let is_behind = self.write_all_that_was_heard();
        let rows = self.due_rows(self.due_by())?.rows;
        let hands = {
            let mut work = lock(&self.work);
            // The list of the last look is part of this one.
            work.rows = rows.into();
            let hands = work.rows.len().min(WORKERS - work.workers);
            work.workers += hands;
            hands
        };
        for _ in 0..hands {
            self.hire();
        }
        let nap = if is_behind { COMMIT_RETRY.min(self.look_up) } else { NAP };
        #[cfg(feature = "postgres")]
        let nap = tended.map_or(nap, |tended| nap.min(tended));
        let due = self.until_due()?.unwrap_or(nap);
        // A row that is being worked on stays due: look again, but do not spin.
        Ok(due.min(nap).max(self.look_up / 10).max(Duration::from_millis(5)))
    }

    /// Starts a worker whose place is counted already. Without a thread for it this one works.
    fn hire(self: &Arc<Self>) {
        if self.on_a_thread("ovo-settling", Inner::work_off).is_err() {
            self.work_off();
        }
    }

    /// A worker's life: row after row until none is left.
    fn work_off(self: &Arc<Self>) {
        let place = Place(&self.work);
        while !self.is_closing() {
            let Some(row) = lock(&self.work).rows.pop_front() else { break };
            // A panic, for example of a terminal's own transport, was shown by the panic hook. What
            // was under way is still in the journal, and refunds must not end with it (C13).
            let _ = catch_unwind(AssertUnwindSafe(|| self.settle_row(row)));
        }
        drop(place);
        // What came due meanwhile finds a free place now.
        self.wake_settler();
    }
}
