//! A journal that was set aside, as a part of the one that followed it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::owing::{self, Debt};
use super::sqlite::SqliteJournal;
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::{Payment, PaymentId};

/// The bits of a payment's number that say which former journal it is in.
pub(super) const JOURNAL_AT: u32 = 48;

/// One that was set aside, and is open.
#[derive(Debug)]
pub(super) struct Former {
    /// The number in its name: 1 for the one that was set aside first.
    pub(super) place: i64,
    pub(super) name: String,
    pub(super) journal: SqliteJournal,
    pub(super) boot: AtomicU32,
    /// It belongs to another kind of environment or another merchant.
    pub(super) foreign: AtomicBool,
    /// It was taken away while it was open, or its disk failed.
    pub(super) failed: AtomicBool,
    /// Whether the present journal has it written down that this one owes something.
    pub(super) owing: AtomicBool,
}

impl Former {
    pub(super) fn new(number: u32, name: String, journal: SqliteJournal) -> Former {
        let (boot, foreign, failed, owing) = Default::default();
        Former { place: i64::from(number), name, journal, boot, foreign, failed, owing }
    }

    /// Whether it is asked. One that is left out stops no payment of the present one.
    pub(super) fn serves(&self) -> bool {
        !self.foreign.load(Ordering::Relaxed) && !self.failed.load(Ordering::Relaxed)
    }

    /// What it owes. Of a damaged one that cannot be told.
    pub(super) fn debt(&self) -> Debt {
        let of = self.journal.descent().ok().map(|(incarnation, _)| owing::name(&incarnation));
        match self.journal.owed() {
            Ok(payments) => Debt { payments: Some(payments), ..Debt::unknown(of, self.place) },
            Err(_) => Debt::unknown(of, self.place),
        }
    }

    /// As the client sees it.
    pub(super) fn outward(&self, mut payment: Payment, present_boot: u32) -> Payment {
        payment.id.0 |= self.place << JOURNAL_AT;
        let now = payment.boot == self.boot.load(Ordering::Relaxed);
        payment.boot = if now { present_boot } else { 0 };
        payment
    }

    /// As the journal knows it.
    pub(super) fn inward(&self, payment: &Payment, present_boot: u32) -> Payment {
        let mut payment = payment.clone();
        payment.id = Former::own(payment.id);
        let now = payment.boot == present_boot;
        payment.boot = if now { self.boot.load(Ordering::Relaxed) } else { 0 };
        payment
    }

    /// What it answered; nothing, from here on, if its disk failed.
    pub(super) fn or_nothing<T: Default>(
        &self,
        answer: Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        match answer {
            Err(error) if matches!(error.kind, JournalErrorKind::Io | JournalErrorKind::Gone) => {
                self.failed.store(true, Ordering::Relaxed);
                Ok(T::default())
            }
            other => other,
        }
    }

    pub(super) fn number(&self) -> u32 {
        u32::try_from(self.place).unwrap_or(u32::MAX)
    }

    pub(super) fn own(id: PaymentId) -> PaymentId {
        PaymentId(id.0 & ((1 << JOURNAL_AT) - 1))
    }
}
