//! Customers who cannot be told from others: their phones are sealed with an app key that nobody gave.
//!
//! Whether the next payment is a second push to one of them, nobody can know. So it waits as if it
//! were, for a quarter of an hour at most: a rotation of the key must not close a shop for a day.

use std::sync::atomic::Ordering;

use crate::client::Inner;
use crate::journal::{Filter, Finding, JournalError};
use crate::lock::lock;
use crate::payment::{Payment, Settlement, Verdict, Void};
use crate::wib::WallTime;

impl Inner {
    /// Notes which unsettled payments have a phone that cannot be read.
    pub(super) fn note_unreadable(&self) -> Result<(), JournalError> {
        let unsettled = Filter { unsettled: true, newest_first: true, ..Filter::default() };
        let rows = self.journal.list(&unsettled)?;
        let unreadable = rows.iter().filter(|row| self.is_unreadable(row)).map(|row| row.id);
        *lock(&self.unreadable) = unreadable.collect();
        Ok(())
    }

    /// Before a payment begins: another process may have made its app key the journal's since this client
    /// was opened. From then on there are customers whom this one cannot read.
    pub(super) fn note_another_key(&self) -> Result<(), JournalError> {
        if !self.shares_its_journal {
            return Ok(());
        }
        let key = self.journal.key()?;
        if key.is_none_or(|key| key == self.seal.key() || self.seal.former_keys().contains(&key)) {
            return Ok(());
        }
        let is_said = self.unknown_key.load(Ordering::Relaxed);
        if !self.key_is_former.swap(true, Ordering::Relaxed) && !is_said {
            self.found(Finding {
                critical: true,
                message: "another process has made another app key the journal's: customers of its \
                          payments cannot be told here, and nobody is pushed beside one of theirs that is \
                          open; give this process the new key, with the former one as a previous app key, \
                          and start it again"
                    .to_owned(),
            });
        }
        self.note_unreadable()
    }

    pub(super) fn is_unreadable(&self, payment: &Payment) -> bool {
        payment.intent.phone.is_some() && self.phone_of(payment).is_none()
    }

    /// Payments that OVO may yet be asked about, whose phones no key here opens: OVO wants the phone in a
    /// check and in a void, and answers BR without. What to tell of them, as long as there are any.
    pub(super) fn tell_of_unreadable(&self) -> Result<Option<String>, JournalError> {
        let unsettled = Filter { unsettled: true, newest_first: true, ..Filter::default() };
        // A sale can be voided on its day.
        let today = WallTime::of_wib_day(self.clock.wall().wib_day());
        let voidable = Filter { since: Some(today), newest_first: true, ..Filter::default() };
        let mut rows = self.journal.list(&unsettled)?;
        rows.extend(self.journal.list(&voidable)?);
        rows.retain(|row| self.is_unreadable(row) && self.may_be_asked_about(row));
        rows.sort_by_key(|row| row.id);
        rows.dedup_by_key(|row| row.id);
        Ok(rows.first().map(|first| {
            format!(
                "the phones of {} payments that are open or can be voided, first {}, cannot be read: they \
                 are sealed with an app key that is not known here, the former one or one that was set by \
                 mistake for a while. OVO may refuse to tell of them, or to void them (BR): give that key \
                 as a previous app key",
                rows.len(),
                first.intent.invoice
            )
        }))
    }

    fn may_be_asked_about(&self, payment: &Payment) -> bool {
        let state = &payment.state;
        let is_paid = matches!(state.verdict, Some(Verdict::Accepted(_)));
        !state.is_closed() || (is_paid && state.void != Void::Voided)
    }

    /// One of them that may still be debited, and is no older than a customer waits at a till.
    pub(super) fn unreadable_in_the_way(&self) -> Result<Option<Payment>, JournalError> {
        let mut unreadable = lock(&self.unreadable);
        while let Some(id) = unreadable.first() {
            match self.journal.payment(*id)? {
                Some(row) if self.is_in_the_way(&row) => return Ok(Some(row)),
                _ => drop(unreadable.remove(0)),
            }
        }
        Ok(None)
    }

    /// What waits for an operator, perhaps for a day, is alerted and keeps no other customer away.
    fn is_in_the_way(&self, payment: &Payment) -> bool {
        let state = &payment.state;
        let begun_anew = payment.boot != self.boot;
        let age = self.clock.boottime().since(state.window);
        self.is_unreadable(payment)
            && state.may_still_debit()
            && state.settlement != Settlement::WithOperator
            && (begun_anew || age < self.policy.timers.first_sweep)
    }
}
