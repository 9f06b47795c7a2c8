//! Which journal of the place tells a payment that several of them know ([fault J21]).
//!
//! [fault J21]: crate::manual::faults#j-disk-and-journal

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::{PRESENT, Succession};
use crate::invoice::MerchantInvoice;
use crate::journal::parts::Name;
use crate::journal::sqlite::{STRIDE, SqliteJournal};
use crate::journal::{Filter, Journal, JournalError};
use crate::payment::{Payment, PaymentId};

impl Succession {
    /// Whether the payment is to be told as this journal has it.
    pub(super) fn answers(&self, journal: i64, payment: &Payment) -> bool {
        !self.is_archived_elsewhere(journal, payment)
            && self.twins.answers(journal, payment, |other| self.row_of(other, payment.id))
    }

    /// Whether a copy of this journal has archived the payment: its archive tells it.
    fn is_archived_elsewhere(&self, journal: i64, payment: &Payment) -> bool {
        self.twins.copies_of(journal).any(|place| {
            let archived = self.at(place).map(|other| other.archived_under(payment.id));
            matches!(archived, Some(Ok(Some(name))) if name == Name::of(payment))
        })
    }

    /// One that can be asked.
    pub(in crate::journal) fn at(&self, place: i64) -> Option<&SqliteJournal> {
        match place {
            PRESENT => Some(&self.present),
            place => self.serving().find(|former| former.place == place).map(|it| &it.journal),
        }
    }

    /// Another journal's row, if that one can be asked and can read it.
    fn row_of(&self, place: i64, id: PaymentId) -> Option<Payment> {
        self.at(place)?.payment(id).ok().flatten()
    }

    /// Whether another journal, or its archive, tells the payment of that number.
    fn tells(&self, place: i64, id: PaymentId) -> bool {
        let is_archived = |other: &SqliteJournal| matches!(other.archived_under(id), Ok(Some(_)));
        self.row_of(place, id).is_some() || self.at(place).is_some_and(is_archived)
    }

    /// Of the listed payments those for which another journal answers.
    pub(super) fn told_elsewhere(
        &self,
        place: i64,
        journal: &SqliteJournal,
    ) -> Result<HashSet<PaymentId>, JournalError> {
        let mut listed = HashSet::new();
        if self.twins.has_copies(place) {
            journal.each_listed(|payment| {
                listed.insert(payment.id);
            })?;
        }
        // Behind the list: two lists at a time, each of which asks the other's journal, would wait for
        // each other for ever.
        listed.retain(|id| match journal.payment(*id) {
            Ok(own) => own.is_some_and(|own| !self.answers(place, &own)),
            Err(_) => self.twins.is_whole_elsewhere(place, *id, |other| self.tells(other, *id)),
        });
        Ok(listed)
    }

    /// How many of its payments are counted elsewhere: in a copy of it with a lower number, or in a copy's
    /// archive.
    pub(super) fn counted_elsewhere(
        &self,
        place: i64,
        journal: &SqliteJournal,
    ) -> Result<u64, JournalError> {
        self.counted_in_strides(place, journal, STRIDE)
    }

    /// The same, so many numbers at a time.
    pub(in crate::journal) fn counted_in_strides(
        &self,
        place: i64,
        journal: &SqliteJournal,
        stride: i64,
    ) -> Result<u64, JournalError> {
        let shares = || self.twins.shares(place);
        let last = shares().map(|(_, last)| last).max().unwrap_or(0);
        let (mut count, mut seen) = (0, 0);
        while seen < last {
            let end = seen.saturating_add(stride).min(last);
            let mut elsewhere = HashSet::new();
            for (other, last) in shares() {
                let Some(theirs) = self.at(other) else { continue };
                let last = last.min(end);
                if other < place {
                    elsewhere.extend(theirs.ids_between(seen, last)?);
                }
                elsewhere.extend(theirs.archived_between(seen, last)?);
            }
            if !elsewhere.is_empty() {
                let own = journal.ids_between(seen, end)?;
                count += own.iter().filter(|id| elsewhere.contains(*id)).count() as u64;
            }
            seen = end;
        }
        Ok(count)
    }

    /// How many of its open payments another journal tells.
    pub(super) fn open_elsewhere(
        &self,
        place: i64,
        journal: &SqliteJournal,
    ) -> Result<u64, JournalError> {
        let mut filter = Filter { unsettled: true, ..Filter::default() };
        let mut elsewhere = 0;
        while self.twins.has_copies(place) {
            let open = journal.list(&filter)?;
            let Some(last) = open.last() else { break };
            filter.after = Some(last.id);
            elsewhere += open.iter().filter(|payment| !self.answers(place, payment)).count();
        }
        Ok(elsewhere as u64)
    }

    /// The payments under an invoice, each from where it is answered for, and what is damaged.
    pub(super) fn all_under(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<(Vec<Payment>, Option<JournalError>), JournalError> {
        let boot = self.boot.load(Ordering::Relaxed);
        let (mut found, mut damaged) = (Vec::new(), None);
        for former in self.knowing() {
            match former.or_later(former.journal.find_row(invoice))? {
                Some(Ok(known)) if self.answers(former.place, &known) => {
                    found.push(former.outward(known, boot));
                }
                Some(Err(error)) => damaged = Some(error),
                _ => {}
            }
        }
        match self.present.find_row(invoice)? {
            Some(Ok(known)) if self.answers(PRESENT, &known) => found.push(known),
            Some(Err(error)) => damaged = Some(error),
            _ => {}
        }
        Ok((found, damaged))
    }
}
