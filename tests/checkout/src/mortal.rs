//! A process that dies: at a chosen moment it stops for good, wherever it is.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use ovo_ptp::journal::{
    Begun, Filter, Health, Journal, JournalError, JournalErrorKind, NewPayment, Update,
};
use ovo_ptp::{BatchMethod, MerchantInvoice, WallTime};

use ovo_ptp::payment::{Boottime, Payment, PaymentId};

use crate::wire::lock;

/// The life of the shop's process, in moments: before and after each write of the journal, before
/// and after each request, after each answer. Between two moments nothing happens that a test
/// could tell from the outside.
#[derive(Default)]
pub struct Life(Mutex<Span>);

#[derive(Default)]
struct Span {
    moments: u64,
    last: Option<u64>,
    over: bool,
}

/// What unwinds a dying process.
struct Death;

impl Life {
    /// The process dies this many moments from now (0: at the next).
    pub fn ends_after(&self, moments: u64) {
        let mut span = lock(&self.0);
        span.last = Some(span.moments + moments + 1);
    }

    /// The process whose thread this is dies now.
    pub fn end(&self) -> ! {
        lock(&self.0).over = true;
        resume_unwind(Box::new(Death))
    }

    /// The process dies; each of its threads notices at its next moment.
    pub fn is_ended(&self) {
        lock(&self.0).over = true;
    }

    /// Whether the process is dead.
    pub fn is_over(&self) -> bool {
        lock(&self.0).over
    }

    /// No death lies ahead any more; one that has come stays.
    pub fn goes_on_for_good(&self) {
        lock(&self.0).last = None;
    }

    /// How many moments there were.
    pub fn moments(&self) -> u64 {
        lock(&self.0).moments
    }

    /// A moment in which nothing can unwind, such as a call from C: `false` if the process is dead.
    pub fn passes(&self) -> bool {
        let mut span = lock(&self.0);
        if !span.over {
            span.moments += 1;
            span.over = span.last == Some(span.moments);
        }
        !span.over
    }

    /// Ends the thread of a process that has died meanwhile.
    pub fn goes_on(&self) {
        if self.is_over() {
            self.end();
        }
    }

    /// A new process.
    pub fn begins(&self) {
        let mut span = lock(&self.0);
        (span.last, span.over) = (None, false);
    }

    /// A moment.
    pub fn moment(&self) {
        if !self.passes() {
            self.end();
        }
    }

    /// Runs what a process does; `None` if it dies of it.
    pub fn until_death<T>(act: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(act)) {
            Ok(value) => Some(value),
            Err(cause) if cause.is::<Death>() => None,
            Err(cause) => resume_unwind(cause),
        }
    }
}

/// The disk below the journal.
#[derive(Default)]
pub struct Disk(Mutex<Trouble>);

#[derive(Default)]
struct Trouble {
    good: u32,
    bad: u32,
    written: bool,
}

impl Disk {
    /// After so many good writes, so many fail. Whether a failed one is on the disk all the same
    /// (a commit whose end nobody knows) is said by `written`.
    pub fn fails(&self, good: u32, bad: u32, written: bool) {
        *lock(&self.0) = Trouble { good, bad, written };
    }

    /// Nothing fails any more.
    pub fn is_mended(&self) {
        self.fails(0, 0, false);
    }

    /// `Some(written)` if this write fails.
    fn failure(&self) -> Option<bool> {
        let mut trouble = lock(&self.0);
        if trouble.good > 0 {
            trouble.good -= 1;
            return None;
        }
        trouble.bad = trouble.bad.checked_sub(1)?;
        Some(trouble.written)
    }
}

/// A journal that outlives the processes which write to it.
pub struct MortalJournal {
    /// What outlives them.
    pub kept: Arc<dyn Journal>,
    /// The present process.
    pub life: Arc<Life>,
    /// What fails on top of what the kept journal's own disk does.
    pub disk: Arc<Disk>,
}

impl MortalJournal {
    fn write<T>(&self, write: impl FnOnce() -> Result<T, JournalError>) -> Result<T, JournalError> {
        self.life.moment();
        let failure = self.disk.failure();
        let result = if failure == Some(false) { None } else { Some(write()) };
        self.life.moment();
        match (result, failure) {
            (Some(result), None) => result,
            _ => Err(JournalError::new(JournalErrorKind::Full, "the disk is full")),
        }
    }

    /// The read itself may have been the process's end. (A dead one's journal can be looked at.)
    fn read<T>(&self, read: impl FnOnce() -> T) -> T {
        let alive = !self.life.is_over();
        let result = read();
        if alive {
            self.life.goes_on();
        }
        result
    }
}

impl Journal for MortalJournal {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.read(|| self.kept.enter_boot(boot_id))
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.write(|| self.kept.begin(new, method))
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.write(|| self.kept.update(payment))
    }

    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        self.write(|| self.kept.note_probe(wall))
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.read(|| self.kept.payment(id))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.read(|| self.kept.find(invoice))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.read(|| self.kept.due(boot, now, limit))
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.read(|| self.kept.next_due(boot))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.read(|| self.kept.list(filter))
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.read(|| self.kept.health())
    }
}
