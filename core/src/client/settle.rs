//! Settlement: reversals, closing checks, sweeps and voids of every payment that has them due.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::client::apply::Proof;
use crate::client::{Client, Inner, PaymentReport};
use crate::error::Error;
use crate::journal::JournalError;
use crate::payment::{Event, Payment};

/// Rows taken from the journal at a time.
const BATCH: usize = 64;
/// Steps of one row in one go: a check that allows a reversal, the reversal, and what follows.
const STEPS: usize = 6;
/// Longest sleep of the background settler between two looks at the journal.
const NAP: Duration = Duration::from_secs(5);

impl Client {
    /// Runs every reversal, check and void that is due now, and returns what changed. A client
    /// with `background` does this by itself. Blocks for the requests' duration.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal); what was due stays due.
    pub fn settle(&self) -> Result<Vec<PaymentReport>, Error> {
        self.inner.ready()?;
        let changed = self.inner.settle()?;
        Ok(changed.iter().map(PaymentReport::of).collect())
    }

    /// How long until [`settle`](Self::settle) has something to do: zero if now, `None` if never.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn next_settlement(&self) -> Result<Option<Duration>, Error> {
        self.inner.ready()?;
        let due = self.inner.journal.next_due(self.inner.boot)?;
        Ok(due.map(|due| due.since(self.inner.clock.boottime())))
    }
}

impl Inner {
    /// Runs what is due now and returns the payments that changed.
    pub(super) fn settle(self: &Arc<Self>) -> Result<Vec<Payment>, JournalError> {
        let mut changed: Vec<Payment> = Vec::new();
        // What becomes due meanwhile is the next call's: without a network a long list comes due
        // again faster than it is worked off, and this call would never end.
        let began = self.clock.boottime();
        loop {
            // Rows that callers' threads work on are due as well; they must not hide the others.
            let limit = BATCH + self.under_way.len();
            let rows = self.journal.due(self.boot, began, limit)?;
            let found = rows.len();
            let mut progressed = false;
            for row in rows {
                if self.is_closed() {
                    return Ok(changed);
                }
                let before = row.version;
                let Some(after) = self.settle_row(row)? else { continue };
                if after.version != before {
                    progressed = true;
                    changed.retain(|payment| payment.id != after.id);
                    changed.push(after);
                }
            }
            // Every row that was worked on has a later due now; a full batch may hide more.
            if found < limit || !progressed {
                return Ok(changed);
            }
        }
    }

    /// Works on one row; `None` if a caller's thread already does.
    fn settle_row(self: &Arc<Self>, row: Payment) -> Result<Option<Payment>, JournalError> {
        let Some(owner) = self.under_way.try_settle(&row.intent.invoice) else { return Ok(None) };
        let mut payment = row;
        for _ in 0..STEPS {
            let is_due = |payment: &Payment| {
                payment.boot != self.boot
                    || payment.state.due.is_some_and(|due| due <= self.clock.boottime())
            };
            if !is_due(&payment) || self.is_closed() {
                break;
            }
            let applied = self.apply(payment, Event::Due, Proof::None)?;
            payment = applied.payment;
            let mut send = applied.send;
            // An answer may call for another request at once: a void that was not found is resent.
            while let Some(request) = send {
                let heard = self.perform(&payment, request, owner.payment().is_awaited());
                let applied = self.apply(payment, heard.event, heard.response.as_ref().into())?;
                payment = applied.payment;
                send = applied.send;
                // The rate is one of requests: a row may need several.
                self.clock.sleep(self.settle_pause);
            }
        }
        drop(owner);
        Ok(Some(payment))
    }

    /// The background settler's life.
    pub(super) fn settle_in_background(self: &Arc<Self>) {
        while !self.is_closed() {
            // A panic, for example of a terminal's own transport, was shown by the panic hook. What
            // was under way is still in the journal, and refunds must not end with it (C13).
            let settled = catch_unwind(AssertUnwindSafe(|| self.settle()));
            if !matches!(settled, Ok(Ok(_))) {
                if let Ok(Err(error)) = settled {
                    self.journal_failed(&error);
                }
                self.nap(self.look_up);
                continue;
            }
            let due = self.journal.next_due(self.boot).ok().flatten();
            let pause = due.map_or(NAP, |due| due.since(self.clock.boottime()));
            // A row that a caller's thread works on stays due: look again, but do not spin.
            self.nap(pause.min(NAP).max(self.look_up / 10).max(Duration::from_millis(5)));
        }
    }
}
