//! Settlement: reversals, closing checks, sweeps and voids of every payment that has them due.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::client::apply::Proof;
use crate::client::{Client, Inner, PaymentReport};
use crate::error::Error;
use crate::journal::JournalError;
use crate::lock::lock;
use crate::payment::{Boottime, Input, Payment, PaymentId};

/// Rows taken from the journal at a time.
const BATCH: usize = 64;
/// Steps of one row in one go: a check that allows a reversal, the reversal, and what follows.
const STEPS: usize = 6;

impl Client {
    /// Runs every reversal, check and void that is due now, and returns what changed. A client
    /// with `background` does this by itself. Blocks for the requests' duration.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// // A till without threads, in its idle loop.
    /// for payment in client.settle()? {
    ///     println!("{}: {}", payment.invoice, payment.settlement);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if nothing could be done; what was due
    /// stays due. A payment that the journal refuses to take a step of is tried again later, and
    /// holds up no other.
    pub fn settle(&self) -> Result<Vec<PaymentReport>, Error> {
        self.inner.ready()?;
        let changed = self.inner.settle()?;
        Ok(changed.iter().map(PaymentReport::of).collect())
    }

    /// How long until [`settle`](Self::settle) has something to do: zero if now, `None` if never.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client) -> Result<(), ovo_ptp::Error> {
    /// match client.next_settlement()? {
    ///     Some(wait) => println!("call settle() in {} s", wait.as_secs()),
    ///     None => println!("nothing is open"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal)
    pub fn next_settlement(&self) -> Result<Option<Duration>, Error> {
        self.inner.ready()?;
        Ok(self.inner.until_due()?)
    }
}

impl Inner {
    /// Runs what is due now, on this thread, and returns the payments that changed.
    fn settle(self: &Arc<Self>) -> Result<Vec<Payment>, JournalError> {
        #[cfg(feature = "postgres")]
        self.tend();
        self.write_all_that_was_heard();
        let mut changed: Vec<Payment> = Vec::new();
        let mut failure = None;
        // What becomes due meanwhile is the next call's: without a network a long list comes due
        // again faster than it is worked off, and this call would never end.
        let began = self.due_by();
        loop {
            let Due { rows, more } = self.due_rows(began)?;
            let mut progressed = false;
            for row in rows {
                if self.is_closing() {
                    return Ok(changed);
                }
                let before = row.version;
                match self.settle_row(row) {
                    Ok(Some(after)) if after.version != before => {
                        progressed = true;
                        changed.retain(|payment| payment.id != after.id);
                        changed.push(after);
                    }
                    Ok(_) => {}
                    Err(error) => failure = Some(error),
                }
            }
            // Every row that was worked on has a later due now; a full batch may hide more.
            if more && progressed {
                continue;
            }
            return match failure {
                Some(error) if changed.is_empty() => Err(error),
                _ => Ok(changed),
            };
        }
    }

    /// Rows that are due and that the journal has not just refused to take a step of.
    pub(super) fn due_rows(&self, now: Boottime) -> Result<Due, JournalError> {
        let set_aside = self.set_aside();
        // Rows that other threads work on are due as well; they must not hide the others.
        let limit = BATCH + self.under_way.len() + set_aside.len();
        let rows = self.journal.due(self.boot, now, limit);
        self.tell_what_was_found();
        let mut rows = rows?;
        let more = rows.len() == limit;
        rows.retain(|row| !set_aside.contains_key(&row.id));
        Ok(Due { rows, more })
    }

    /// What the journal found out since it was opened: one that was set aside has failed.
    pub(super) fn tell_what_was_found(&self) {
        for found in self.journal.found_since() {
            self.found(found);
        }
    }

    /// How long until something is due: zero if now, `None` if never.
    pub(super) fn until_due(&self) -> Result<Option<Duration>, JournalError> {
        let now = self.due_by();
        let Some(due) = self.journal.next_due(self.boot)? else { return Ok(None) };
        let set_aside = self.set_aside();
        let Some(first) = set_aside.values().min().filter(|_| due <= now) else {
            return Ok(Some(due.since(now)));
        };
        // If all that is due is set aside, nothing can be done before the first of it returns.
        let rows = self.journal.due(self.boot, now, set_aside.len() + 1)?;
        let is_idle = rows.iter().all(|row| set_aside.contains_key(&row.id));
        Ok(Some(if is_idle { first.since(self.clock.boottime()) } else { Duration::ZERO }))
    }

    fn set_aside(&self) -> HashMap<PaymentId, Boottime> {
        let now = self.clock.boottime();
        let mut set_aside = lock(&self.set_aside);
        set_aside.retain(|_, until| *until > now);
        set_aside.clone()
    }

    /// Works on one row; `None` if another thread already does. A row that the journal refuses to
    /// take a step of is set aside for a while, so that it holds up no other (J19).
    pub(super) fn settle_row(
        self: &Arc<Self>,
        row: Payment,
    ) -> Result<Option<Payment>, JournalError> {
        let id = row.id;
        let settled = self.try_to_settle_row(row);
        if let Err(error) = &settled {
            self.journal_failed(error);
            let until = self.clock.boottime().plus(self.policy.timers.retry);
            lock(&self.set_aside).insert(id, until);
        }
        settled
    }

    fn try_to_settle_row(self: &Arc<Self>, row: Payment) -> Result<Option<Payment>, JournalError> {
        let Some(owner) = self.under_way.try_settle(&row.intent.invoice) else { return Ok(None) };
        let mut payment = row;
        for _ in 0..STEPS {
            let is_due = |payment: &Payment| {
                payment.boot != self.boot
                    || payment.state.due.is_some_and(|due| due <= self.due_by())
            };
            if !is_due(&payment) || self.is_closing() {
                break;
            }
            let applied = self.apply(payment, Input::Due, Proof::None)?;
            payment = applied.payment;
            let mut send = applied.send;
            // An answer may call for another request at once: a void that was not found is resent.
            while let Some(request) = send {
                self.take_turn();
                let heard = self.perform(&payment, request, owner.payment().is_awaited());
                let applied = self.apply(payment, heard.input, Proof::Heard(&heard))?;
                payment = applied.payment;
                send = applied.send;
            }
        }
        drop(owner);
        Ok(Some(payment))
    }

    /// Looks after what several nodes share; when to do it again.
    #[cfg(feature = "postgres")]
    pub(super) fn tend(&self) -> Option<Duration> {
        self.journal.tend().unwrap_or_else(|error| {
            self.journal_failed(&error);
            Some(Duration::from_secs(2))
        })
    }

    /// Without others there is nobody to leave anything to.
    #[cfg(not(feature = "postgres"))]
    #[inline(always)]
    pub(super) fn due_by(&self) -> Boottime {
        self.clock.boottime()
    }

    /// The rate is the fleet's.
    #[cfg(feature = "postgres")]
    fn settle_pause(&self) -> Duration {
        self.settle_pause * self.journal.live_nodes()
    }

    #[cfg(not(feature = "postgres"))]
    #[inline(always)]
    fn settle_pause(&self) -> Duration {
        self.settle_pause
    }

    /// Waits for the turn of one request: settlement sends only so many a second, from however
    /// many threads.
    fn take_turn(&self) {
        let now = Duration::from_millis(self.clock.boottime().0);
        let turn = {
            let mut next = lock(&self.next_turn);
            let turn = now.max(*next);
            *next = turn + self.settle_pause();
            turn
        };
        if turn > now {
            self.clock.sleep(turn - now);
        }
    }
}

/// What [`Inner::due_rows`] found.
pub(super) struct Due {
    pub(super) rows: Vec<Payment>,
    /// There may be more behind them.
    more: bool,
}
