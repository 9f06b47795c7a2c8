//! The journal in one SQLite file: the engine for production. Here is its handle, which many threads and
//! several engines use: it stands before the engine with one lock, one group of writers and
//! one connection for reports, and lets nobody in after a fork.

mod health;
mod lineage;
mod listing;
mod rows;

use std::mem;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::belonging;
use super::engine::{Engine, Water, Write, Written};
use super::files::{Files, SystemFiles};
use super::group::{Group, Writer};
use super::opening::Purpose;
use super::view::{Reader, View};
use super::{copies, failure, fork, opening};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    ArchivePlace, ArchiveProgress, Archived, Begun, Belonging, Figures, Filter, Finding, Health,
    Journal, JournalError, JournalErrorKind, NewPayment, Setup, Update,
};
use crate::lock::lock;
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

/// How a journal is opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SqliteOptions {
    /// Whether several processes of this host use the journal at once. Not over a network file
    /// system. The default is one process, which shuts all others out.
    pub shared: bool,
    /// The batch of the first push, 1 to 999999; without it, one that no earlier journal of this
    /// terminal can have used (see [`starting_batch`](crate::journal::starting_batch)). Of no effect once
    /// the journal has a payment, and raised above what a lost journal at this path had used.
    pub first_batch: Option<u32>,
    /// Whether a journal that cannot be used (it is damaged, or missing beside its log) is
    /// [set aside](super::set_aside) at opening and a new one begun, which is a critical finding.
    /// For tills without a person at a shell; the default is to refuse, with the reason.
    pub set_aside_unusable: bool,
}

/// A journal in one SQLite file ([operations 3.1]).
///
/// Every commit is synced before it is reported. Many threads may call; writes that come at the
/// same time share one sync. The file is `path`, with `path-wal` beside it while it is open and
/// `path.mark` for good; all are for the owner's eyes only. They belong together and on a local
/// disk: on tmpfs a payment outlives the process but not the power.
///
/// A handle belongs to the process that opened it: in a forked child every call returns
/// [`JournalErrorKind::Forked`], and the child cannot open the same journal. It can open another one
/// if the fork was made between [`before_fork`](super::before_fork) and
/// [`after_fork`](super::after_fork).
///
/// [operations 3.1]: crate::manual::operations#31-the-engine
#[derive(Debug)]
pub struct SqliteJournal {
    pid: u32,
    group: Group<Write, Result<Written, JournalError>>,
    /// `None` only while it is dropped.
    engine: Mutex<Option<Engine>>,
    /// For reports, once there was one.
    reader: Mutex<Option<Reader>>,
    /// Held by whoever archives.
    pub(super) archiving: Mutex<()>,
}

/// How many rows are looked at before writers get their turn.
pub(super) const STRIDE: i64 = 10_000;

impl SqliteJournal {
    /// Opens the journal at `path`, or makes one if nothing is there.
    ///
    /// An existing file is never overwritten, cut short or repaired; a refused one is left as it
    /// is.
    ///
    /// # Errors
    /// * `Locked`: another process has it (or a reader of a shared one went on for 5 s).
    /// * `ReadOnly`: the file, its directory or the file system cannot be written, the directory
    ///   does not exist, or others may read the file.
    /// * `Full`: no room.
    /// * `Corrupt`: not a journal, empty, cut off, damaged, edited, or another application's.
    /// * `Version`: another version's journal, or an SQLite before 3.51.3.
    /// * `Numbers`: the first batch is not one.
    /// * `FileSystem`: the file would lie on another machine.
    /// * `Forked`: the process was forked from one that has the journal open.
    pub fn open(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, JournalError> {
        SqliteJournal::open_on(Arc::new(SystemFiles), path, options)
    }

    /// The same on another file system, for simulations.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_on(
        files: Arc<dyn Files>,
        path: impl AsRef<Path>,
        options: &SqliteOptions,
    ) -> Result<Self, JournalError> {
        SqliteJournal::open_for(files, path, options, Purpose::Sell)
    }

    pub(super) fn open_for(
        files: Arc<dyn Files>,
        path: impl AsRef<Path>,
        options: &SqliteOptions,
        purpose: Purpose,
    ) -> Result<Self, JournalError> {
        let _inside = fork::inside();
        Ok(SqliteJournal::over(opening::open(&files, path.as_ref(), options, purpose)?))
    }

    pub(super) fn over(engine: Engine) -> SqliteJournal {
        SqliteJournal {
            pid: std::process::id(),
            group: Group::new(),
            engine: Mutex::new(Some(engine)),
            reader: Mutex::new(None),
            archiving: Mutex::new(()),
        }
    }

    /// Ends the doubt about this journal (a copy, or one that lost a part of itself): from here on
    /// new payments are attested again. Numbers do not go back, and payments that were open when
    /// the doubt began stay with their checks. Who said so, when and why is kept in the journal;
    /// `false` if there was no doubt.
    ///
    /// # Errors
    /// [`JournalError`]; the doubt stays.
    pub fn vouch(&self, who_and_why: &str) -> Result<bool, JournalError> {
        match self.submit(Write::Vouch(who_and_why.to_owned()))? {
            Written::Vouched(ended) => Ok(ended),
            _ => Err(mixed_up()),
        }
    }

    /// For building large journals in tests.
    #[cfg(test)]
    pub(super) fn without_syncs(&self) {
        self.sql("PRAGMA synchronous = OFF").unwrap();
    }

    /// For what only an intruder does.
    #[cfg(test)]
    pub(super) fn sql(&self, sql: &str) -> rusqlite::Result<()> {
        let locked = self.lock();
        let engine = locked.1.as_ref().unwrap();
        engine.connection.execute_batch(sql)?;
        engine.place.log_was_written();
        Ok(())
    }

    /// Forking itself would need unsafe code.
    #[cfg(test)]
    pub(super) fn pretend_to_be_forked(&mut self) {
        self.pid = self.pid.wrapping_add(1);
    }

    /// Before anything else, the locks too: in a forked child another thread may hold them, for
    /// ever (MP11).
    fn refuse_after_fork(&self) -> Result<(), JournalError> {
        if std::process::id() == self.pid {
            return Ok(());
        }
        Err(JournalError::new(
            JournalErrorKind::Forked,
            "the process forked after opening the journal; only the parent may use it",
        ))
    }

    /// The engine, and the right to be inside SQLite, without which nobody gets it.
    fn lock(&self) -> (fork::Inside, MutexGuard<'_, Option<Engine>>) {
        (fork::inside(), lock(&self.engine))
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Engine) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.with(|engine| {
            engine.ready()?;
            read(engine)
        })
    }

    /// The same whatever became of the file: what was known once must not be pushed again.
    fn read_still<T>(
        &self,
        read: impl FnOnce(&Engine) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.with(|engine| {
            let _ = engine.ready();
            read(engine)
        })
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&mut Engine) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.refuse_after_fork()?;
        let (_inside, mut engine) = self.lock();
        act(engine.as_mut().ok_or_else(closed)?)
    }

    /// Reads for a report, which may take its time: on a connection of its own where there can be
    /// one, so that no payment waits.
    pub(super) fn report<T>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.refuse_after_fork()?;
        let _inside = fork::inside();
        let mut reader = lock(&self.reader);
        let mut engine = lock(&self.engine);
        let writing = engine.as_mut().ok_or_else(closed)?;
        writing.ready()?;
        if reader.is_none() {
            *reader = writing.reader();
        }
        match &*reader {
            Some(reader) => {
                drop(engine);
                read(&reader.view())
            }
            None => read(&writing.view()),
        }
    }

    /// Writes a copy of the journal to `to`, whole and synced, while payments go on. Whoever opens
    /// the copy as a journal is told that it is one: it is doubted then, because it does not know
    /// what came after it.
    ///
    /// # Errors
    /// `Misplaced` if there is a file already, `Full`, `ReadOnly`, `Io`. What was written of it is
    /// removed again.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), JournalError> {
        let files = self.read(|engine| Ok(Arc::clone(engine.place.files())))?;
        self.report(|view| copies::back_up(&*files, view.connection, to.as_ref()))
    }

    pub(super) fn submit(&self, write: Write) -> Result<Written, JournalError> {
        self.refuse_after_fork()?;
        self.group.submit(write, self)
    }
}

fn closed() -> JournalError {
    JournalError::new(JournalErrorKind::Io, "the journal is closed")
}

pub(super) fn mixed_up() -> JournalError {
    JournalError::new(JournalErrorKind::Forbidden, "a write got another write's result")
}

impl Writer<Write, Result<Written, JournalError>> for SqliteJournal {
    fn write(&self, group: Vec<Write>) -> Vec<Result<Written, JournalError>> {
        let (_inside, mut engine) = self.lock();
        match engine.as_mut() {
            Some(engine) => engine.write(&group),
            None => group.iter().map(|_| Err(closed())).collect(),
        }
    }

    fn tidy(&self, idle: bool) {
        let (_inside, mut engine) = self.lock();
        if let Some(engine) = engine.as_mut() {
            engine.tidy(idle);
        }
    }

    fn lost(&self) -> Result<Written, JournalError> {
        Err(JournalError::new(JournalErrorKind::Io, "the commit was broken off"))
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        let reader = self.reader.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let engine = self.engine.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if std::process::id() == self.pid {
            let _inside = fork::inside();
            drop(reader);
            if let Some(engine) = engine {
                engine.close();
            }
        } else {
            // Closing would move the parent's log into the database without the parent's lock.
            mem::forget((reader, engine));
        }
    }
}

impl Journal for SqliteJournal {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        match self.submit(Write::EnterBoot(boot_id.to_owned()))? {
            Written::Boot(boot) => Ok(boot),
            _ => Err(mixed_up()),
        }
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        match self.submit(Write::Begin(Box::new(new.clone()), method))? {
            Written::Begun(begun) => Ok(*begun),
            _ => Err(mixed_up()),
        }
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        match self.submit(Write::Update(Box::new(payment.clone())))? {
            Written::Update(update) => Ok(update),
            _ => Err(mixed_up()),
        }
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.read(|engine| engine.payment(id))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.read(|engine| engine.find_row(invoice.as_str())?.transpose())
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.read(|engine| {
            let mut due = Vec::new();
            if limit == 0 {
                return Ok(due);
            }
            // A damaged row waits for ever and would stand before all others: it is passed over.
            engine.due(boot, now, |payment| {
                due.push(payment);
                due.len() < limit
            })?;
            Ok(due)
        })
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.read(|engine| {
            let next = engine.next_due(boot)?;
            Ok(next.and_then(|payment| match payment.boot {
                earlier if earlier < boot => Some(Boottime(0)),
                _ => payment.state.due,
            }))
        })
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.listed(filter)
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.examined()
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        let mut figures = self.read(|engine| {
            let water = Water::read(&engine.connection)
                .map_err(|error| failure::sqlite("figures", &error))?;
            // A copy for reading lies elsewhere, and has no reserve.
            let is_open = engine.lock.is_some();
            Ok(Figures {
                begun: u64::try_from(water.last_id).ok(),
                doubted: water.doubted,
                room: engine.place.room().map(|room| room.own).filter(|_| is_open),
                reserve_spent: is_open.then(|| engine.lacks_its_reserve().is_some()),
                ..Figures::default()
            })
        })?;
        self.each_listed(|payment| figures.add(payment))?;
        Ok(figures)
    }

    fn belong_to(&self, setup: &Setup) -> Result<Belonging, JournalError> {
        match self.submit(Write::Belong(Box::new(setup.clone())))? {
            Written::Belonging(belonging) => Ok(*belonging),
            _ => Err(mixed_up()),
        }
    }

    fn key(&self) -> Result<Option<String>, JournalError> {
        self.read(|engine| belonging::key(&engine.connection))
    }

    fn adopt_key(&self, key: &str, key_ring: &[Vec<u8>]) -> Result<(), JournalError> {
        match self.submit(Write::AdoptKey(key.to_owned(), key_ring.to_vec()))? {
            Written::Adopted => Ok(()),
            _ => Err(mixed_up()),
        }
    }

    fn jump(&self, wall: WallTime) -> Result<Option<Finding>, JournalError> {
        match self.submit(Write::Jump(wall))? {
            Written::Jumped(found) => Ok(found),
            _ => Err(mixed_up()),
        }
    }

    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        match self.submit(Write::Probe(wall))? {
            Written::Probed(next) => Ok(next),
            _ => Err(mixed_up()),
        }
    }

    fn backup(&self, to: &Path) -> Result<(), JournalError> {
        SqliteJournal::backup(self, to)
    }

    fn archive(
        &self,
        before: WallTime,
        to: &Path,
        tell: &mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        SqliteJournal::archive(self, before, to, tell)
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, JournalError> {
        self.read(|engine| engine.archived(invoice.as_str())).map(|found| found.map(|(_, at)| at))
    }

    fn vouch(&self, who_and_why: &str) -> Result<bool, JournalError> {
        SqliteJournal::vouch(self, who_and_why)
    }

    fn findings(&self) -> Vec<Finding> {
        self.read(|engine| Ok(engine.findings.clone())).unwrap_or_default()
    }

    fn found_since(&self) -> Vec<Finding> {
        self.with(|engine| Ok(mem::take(&mut engine.found_since))).unwrap_or_default()
    }
}
