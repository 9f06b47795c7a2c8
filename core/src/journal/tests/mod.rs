//! The engines under test, with real files.

mod anothers;
mod archived;
mod archived_fork;
mod archived_report;
mod asked;
mod belonging;
#[cfg(feature = "postgres")]
mod busy;
mod by_people;
mod engines;
mod failures;
mod faulty;
mod figures;
mod former;
mod guards;
mod handover;
mod hands;
mod indexes;
mod left_log;
mod left_to;
mod lost;
mod measure;
mod moving;
mod names;
mod numbers_aside;
mod older_log;
mod opening;
mod owing;
mod policy;
mod put_aside;
mod reading;
mod reserve;
mod restored;
mod surroundings;
mod twins;
mod unread;

use std::fs;
use std::path::{Path, PathBuf};

use crate::journal::conformance::{charge, fresh};
use crate::journal::{Journal, SqliteJournal, SqliteOptions, set_aside};
use crate::payment::{Payment, Reversal, Settlement, Verdict};

/// A directory of its own, removed at the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Scratch {
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).unwrap();
        let name = format!("ovo-ptp-{:016x}", u64::from_le_bytes(unique));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        Scratch(directory)
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.join("ovo.db")
    }

    /// Names and contents of all files. Read by another process: a descriptor of a
    /// journal that is closed here would drop SQLite's locks in this process.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .map(|name| {
                let bytes = std::process::Command::new("cat").arg(self.0.join(&name)).output();
                (name.into_string().unwrap(), bytes.unwrap().stdout)
            })
            .collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path, &SqliteOptions::default()).unwrap()
}

/// The journal of `scratch` is set aside, as `.aside-1`, and the backup put in its place that was made of
/// it behind `before`; `since` is what the backup does not know. Where it lies.
pub(super) fn backup_in_its_place(
    scratch: &Scratch,
    before: impl FnOnce(&SqliteJournal),
    since: impl FnOnce(&SqliteJournal),
) -> PathBuf {
    let path = scratch.journal();
    let kept = path.with_file_name("backup.db");
    let journal = open(&path);
    before(&journal);
    journal.backup(&kept).unwrap();
    since(&journal);
    drop(journal);
    set_aside(&path).unwrap();
    fs::rename(&kept, &path).unwrap();
    path
}

/// Given up, and its reversal is to be sent.
pub(super) fn owes_a_reversal(payment: &mut Payment) {
    payment.state.verdict = Some(Verdict::Abandoned);
    payment.state.settlement = Settlement::Open(Reversal::Needed);
}

/// A journal with pages that cannot be read as one's: an older copy of a part of the file, or a failing
/// card.
pub(super) fn with_unread_pages(scratch: &Scratch) {
    let path = scratch.journal();
    let journal = open(&path);
    (1..=60).for_each(|number| drop(fresh(&journal, &charge(number))));
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    let eighth = bytes.len() / 8;
    bytes[6 * eighth..7 * eighth].fill(0x5a);
    fs::write(&path, bytes).unwrap();
}

/// A journal whose files go with it.
pub(super) struct Temporary {
    journal: SqliteJournal,
    _scratch: Scratch,
}

pub(super) fn temporary(options: &SqliteOptions) -> Box<dyn Journal> {
    let scratch = Scratch::new();
    let journal = SqliteJournal::open(scratch.journal(), options).unwrap();
    Box::new(Temporary { journal, _scratch: scratch })
}

mod forward {
    use super::Temporary;
    use crate::MerchantInvoice;
    use crate::journal::{
        Begun, Figures, Filter, Health, Journal, JournalError, NewPayment, Update,
    };
    use crate::numbering::BatchMethod;
    use crate::payment::{Boottime, Payment, PaymentId};

    impl Journal for Temporary {
        fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
            self.journal.enter_boot(boot_id)
        }

        fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
            self.journal.begin(new, method)
        }

        fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
            self.journal.update(payment)
        }

        fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
            self.journal.payment(id)
        }

        fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
            self.journal.find(invoice)
        }

        fn due(
            &self,
            boot: u32,
            now: Boottime,
            limit: usize,
        ) -> Result<Vec<Payment>, JournalError> {
            self.journal.due(boot, now, limit)
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

        fn figures(&self) -> Result<Figures, JournalError> {
            self.journal.figures()
        }
    }
}
