//! A journal whose calls take time: others get their turn between any two of them (J15).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ovo_checkout::lock;
use ovo_ptp::journal::{Begun, Filter, Health, Journal, JournalError, NewPayment, Update};
use ovo_ptp::payment::{Boottime, Payment, PaymentId};
use ovo_ptp::{BatchMethod, MerchantInvoice};

use crate::process::Process;

pub(crate) struct SlowJournal {
    journal: Arc<dyn Journal>,
    process: Weak<Process>,
}

impl SlowJournal {
    pub(crate) fn new(journal: Arc<dyn Journal>, process: &Arc<Process>) -> SlowJournal {
        SlowJournal { journal, process: Arc::downgrade(process) }
    }

    fn takes_time<T>(&self, act: impl FnOnce() -> T) -> T {
        self.pause();
        let result = act();
        self.pause();
        result
    }

    /// C15, before the last look at the clock: a push that is too late must not leave.
    fn stands_still(&self) {
        let Some(process) = self.process.upgrade() else { return };
        let ms = {
            let mut chance = lock(&process.chance);
            if !chance.percent(process.world.plan.odds.still) {
                return;
            }
            chance.between(1_000, 400_000)
        };
        if !process.world.calm.load(Ordering::Relaxed) {
            process.world.clock.pass(Duration::from_millis(ms));
        }
    }

    fn pause(&self) {
        let Some(process) = self.process.upgrade() else { return };
        if !process.world.plan.slow_disk {
            return;
        }
        let ms = {
            let mut chance = lock(&process.chance);
            match chance.below(100) {
                0 => chance.between(1_000, 6_000),
                1..=20 => chance.between(1, 60),
                _ => return,
            }
        };
        if !process.world.calm.load(Ordering::Relaxed) {
            process.world.clock.pass(Duration::from_millis(ms));
        }
    }
}

impl Journal for SlowJournal {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.takes_time(|| self.journal.enter_boot(boot_id))
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        let begun = self.takes_time(|| self.journal.begin(new, method));
        self.stands_still();
        begun
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.takes_time(|| self.journal.update(payment))
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.takes_time(|| self.journal.payment(id))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.takes_time(|| self.journal.find(invoice))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.takes_time(|| self.journal.due(boot, now, limit))
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.journal.next_due(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.journal.list(filter)
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.journal.health()
    }
}
