//! The kit on a busy machine: an engine of which nobody knows, every other time, what became of a write.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::MerchantInvoice;
use crate::journal::{
    Begun, Figures, Filter, Health, Journal, JournalError, JournalErrorKind, MemoryJournal,
    NewPayment, Update, conformance,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId};

/// The journal in memory, whose answers come too late.
#[derive(Default)]
struct Busy {
    journal: MemoryJournal,
    calls: AtomicU32,
}

impl Busy {
    /// Of five answers two are late: one to what was done, and one to what was not.
    fn answers<T>(&self, ask: impl FnOnce() -> Result<T, JournalError>) -> Result<T, JournalError> {
        let late = || Err(JournalError::new(JournalErrorKind::Unreachable, "no answer in time"));
        match self.calls.fetch_add(1, Ordering::Relaxed) % 5 {
            1 => ask().and(late()),
            3 => late(),
            _ => ask(),
        }
    }
}

impl Journal for Busy {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.answers(|| self.journal.enter_boot(boot_id))
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.answers(|| self.journal.begin(new, method))
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.answers(|| self.journal.update(payment))
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.answers(|| self.journal.payment(id))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.answers(|| self.journal.find(invoice))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.answers(|| self.journal.due(boot, now, limit))
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.answers(|| self.journal.next_due(boot))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.answers(|| self.journal.list(filter))
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.answers(|| self.journal.health())
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        self.answers(|| self.journal.figures())
    }
}

#[test]
fn the_kit_takes_no_late_answer_for_a_failure() {
    conformance::run(&|| Box::new(Busy::default()));
}
