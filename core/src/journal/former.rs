//! A journal that was set aside, as a part of the one that followed it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::failure;
use super::owing::{self, Debt};
use super::sqlite::SqliteJournal;
use crate::journal::{Finding, JournalError, JournalErrorKind};
use crate::lock::lock;
use crate::payment::{Payment, PaymentId};

/// The bits of a payment's number that say which former journal it is in.
pub(super) const JOURNAL_AT: u32 = 48;

/// What of one could not be done.
#[derive(Debug, Default)]
struct Trouble {
    why: Option<String>,
    /// Another program has it locked: it may be over any moment.
    passes: bool,
    is_told: bool,
}

/// One that was set aside, and is open. Whatever fails in it is its own: it ends no call of the present
/// one, and a person is told once.
#[derive(Debug)]
pub(super) struct Former {
    /// The number in its name: 1 for the one that was set aside first.
    pub(super) place: i64,
    pub(super) name: String,
    pub(super) journal: SqliteJournal,
    pub(super) boot: AtomicU32,
    /// It belongs to another kind of environment or another merchant.
    pub(super) foreign: AtomicBool,
    /// It was taken away while it was open, or its disk failed: it is only asked what it knows.
    pub(super) failed: AtomicBool,
    trouble: Mutex<Trouble>,
    /// Whether the present journal has it written down that this one owes something.
    pub(super) owing: AtomicBool,
}

impl Former {
    pub(super) fn new(number: u32, name: String, journal: SqliteJournal) -> Former {
        let (boot, foreign, failed, trouble, owing) = Default::default();
        Former { place: i64::from(number), name, journal, boot, foreign, failed, trouble, owing }
    }

    /// Whether it takes part. One that is left out stops no payment of the present one.
    pub(super) fn serves(&self) -> bool {
        self.knows() && self.can_be_read()
    }

    /// Whether its file is there and answers, whoever's it is.
    pub(super) fn can_be_read(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }

    /// Whether it is asked what it knows.
    pub(super) fn knows(&self) -> bool {
        !self.foreign.load(Ordering::Relaxed)
    }

    /// What it owes. Of a damaged one that cannot be told.
    pub(super) fn debt(&self) -> Debt {
        let of = self.journal.descent().ok().map(|(incarnation, _)| owing::name(&incarnation));
        match self.journal.owed() {
            Ok(payments) => Debt { payments: Some(payments), ..Debt::unknown(of, self.place) },
            Err(error) => {
                self.fails(&error);
                Debt::unknown(of, self.place)
            }
        }
    }

    /// What ends the archiving that was broken off before it was set aside; as long as that is not done
    /// nobody can read what left it.
    pub(super) fn finishes_its_archive(&self) -> Option<String> {
        let archive = self.or_nothing(self.journal.unfinished_archive())?;
        Some(format!(
            "`ovo-ptp journal archive -j {} --before DAY {}`, with the day that the archive was begun \
             with, while the shop is closed",
            self.name,
            archive.display()
        ))
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

    /// What it answered about a payment that would be pushed, or said to be unknown: one that is locked may
    /// know it, and answers another time.
    ///
    /// # Errors
    /// `Locked`: nothing may be begun now.
    pub(super) fn or_later<T: Default>(
        &self,
        answer: Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        match answer {
            Err(error) if error.kind == JournalErrorKind::Locked => {
                self.fails(&error);
                Err(cannot_be_asked(&self.name, failure::without_cure(&error)))
            }
            answer => Ok(self.or_nothing(answer)),
        }
    }

    /// What came of writing to it. What another program kept from being written is over once something
    /// is.
    pub(super) fn wrote<T>(&self, written: Result<T, JournalError>) -> Result<T, JournalError> {
        match &written {
            Ok(_) => self.goes_on(),
            // Any other failure may be the step's, and not the file's.
            Err(error) if is_its_own(error) => self.fails(error),
            Err(_) => {}
        }
        written
    }

    fn goes_on(&self) {
        let mut trouble = lock(&self.trouble);
        if trouble.passes && self.can_be_read() {
            *trouble = Trouble::default();
        }
    }

    /// What it must know before it takes part cannot be written into it: it is only asked what it knows,
    /// until the next opening.
    pub(super) fn is_left_out(&self, error: &JournalError) {
        self.failed.store(true, Ordering::Relaxed);
        self.fails(error);
    }

    /// What it answered; nothing where that failed.
    pub(super) fn or_nothing<T: Default>(&self, answer: Result<T, JournalError>) -> T {
        answer.unwrap_or_else(|error| {
            self.fails(&error);
            T::default()
        })
    }

    /// Something of it cannot be done; one that is out of sight is left alone from here on.
    pub(super) fn fails(&self, error: &JournalError) {
        if failure::poisons(error.kind) && !self.failed.swap(true, Ordering::Relaxed) {
            // What is not settled is more than was told before.
            lock(&self.trouble).is_told = false;
        }
        let why = failure::without_cure(error);
        let mut trouble = lock(&self.trouble);
        let passes = error.kind == JournalErrorKind::Locked;
        if trouble.why.is_none() || (trouble.passes && !passes) {
            *trouble = Trouble { why: Some(why.to_owned()), passes, is_told: false };
        }
    }

    /// What to tell of what could not be done with it, and cannot still.
    pub(super) fn trouble(&self) -> Option<String> {
        if lock(&self.trouble).passes {
            // Whether it is over only writing tells.
            let _ = self.wrote(self.journal.writes_nothing());
        }
        let trouble = lock(&self.trouble);
        trouble.why.as_ref().map(|why| self.in_words(why, trouble.passes))
    }

    /// The same, once.
    pub(super) fn news(&self) -> Option<Finding> {
        let mut trouble = lock(&self.trouble);
        let why = trouble.why.clone().filter(|_| !trouble.is_told)?;
        trouble.is_told = true;
        Some(Finding { critical: true, message: self.in_words(&why, trouble.passes) })
    }

    fn in_words(&self, why: &str, passes: bool) -> String {
        let name = &self.name;
        if passes && !self.can_be_read() {
            return format!(
                "{name}, which was set aside, was locked by another program when it was opened ({why}), and \
                 is left out: what it owes is not settled, and its invoices are known only as far as it \
                 can be read; end that program, and start again"
            );
        }
        if passes {
            return format!(
                "{name}, which was set aside, is locked by another program ({why}): as long as that \
                 lasts what it owes is not settled, and its invoices and customers may be unknown; end \
                 that program"
            );
        }
        if self.failed.load(Ordering::Relaxed) {
            return format!(
                "{name}, which was set aside, is left out: it was taken away while it was open, or its \
                 disk failed ({why}); what it owes is not settled, and its invoices are known only as \
                 far as it can still be read: put it back, and start again"
            );
        }
        format!(
            "{name}, which was set aside, is damaged, or its disk could not be read ({why}): what it owes is settled, \
             and its invoices and customers are known, only as far as it can be read; the present journal \
             is not concerned, and is not to be set aside for it: mend that file, or put a whole copy of \
             it there, and start again; or compare OVO's settlement file with your books, take it away, \
             and `ovo-ptp journal vouch`"
        )
    }

    pub(super) fn number(&self) -> u32 {
        u32::try_from(self.place).unwrap_or(u32::MAX)
    }

    pub(super) fn own(id: PaymentId) -> PaymentId {
        PaymentId(id.0 & ((1 << JOURNAL_AT) - 1))
    }
}

/// The file's own failure, which a person has to hear of.
fn is_its_own(error: &JournalError) -> bool {
    failure::poisons(error.kind) || error.kind == JournalErrorKind::Locked
}

/// Nobody may be pushed, or told that an invoice is unknown, as long as this one may know better.
pub(super) fn cannot_be_asked(name: &str, why: &str) -> JournalError {
    JournalError::new(
        JournalErrorKind::Locked,
        format!(
            "{name}, which was set aside, is locked by another program ({why}), and may know this \
             payment: nothing is begun; try again, or end that program"
        ),
    )
}
