//! The journal in one SQLite file: the engine for production.

use std::mem;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::belonging::{self, Owner};
use super::engine::{self, Engine, MaybeDamaged, Water, Write, Written};
use super::files::{Files, SystemFiles};
use super::group::{Group, Writer};
use super::opening::Access;
use super::owing::{self, Debt};
use super::schema;
use super::version::Incarnation;
use super::view::{self, Reader, View};
use super::{DEFAULT_LIMIT, archive, copies, failure, fork, meta, opening, parts, restored, rules};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    ArchiveProgress, Archived, Begun, Belonging, Figures, Filter, Finding, Health, Journal,
    JournalError, JournalErrorKind, NewPayment, Setup, Update,
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
    /// terminal can have used (see [`starting_batch`](crate::journal::starting_batch)), at a reference by
    /// chance. One that is given begins with reference 1. Of no effect once the journal has a payment,
    /// and raised above what a lost journal at this path had used.
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
/// How many problems a report names.
const MOST_PROBLEMS: usize = 100;
/// Up to this size the whole file is checked by SQLite too, its indexes with it; it takes a second or two.
const CHECKED_WHOLE: i64 = 64 << 20;

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
        let _inside = fork::inside();
        Ok(SqliteJournal::over(opening::open(&files, path.as_ref(), options)?))
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

    /// Whether it cannot vouch for itself, and nobody has vouched for it.
    pub(super) fn is_doubted(&self) -> Result<bool, JournalError> {
        self.read(|engine| {
            Water::read(&engine.connection)
                .map(|water| water.doubted)
                .map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Whose it says that it is.
    pub(super) fn owner(&self) -> Result<Owner, JournalError> {
        self.read(|engine| Owner::read(&engine.connection))
    }

    /// Doubts it for the sake of another one, of which it is the successor. What is to be told, if
    /// it was not doubted before.
    pub(super) fn doubt_beside(&self, why: &str) -> Result<Option<Finding>, JournalError> {
        match self.submit(Write::Doubt(why.to_owned()))? {
            Written::Doubted(found) => Ok(found),
            _ => Err(mixed_up()),
        }
    }

    /// The same whether it was doubted before or not.
    pub(super) fn doubt_anew(&self, why: &str) -> Result<Option<Finding>, JournalError> {
        match self.submit(Write::DoubtAnew(why.to_owned()))? {
            Written::Doubted(found) => Ok(found),
            _ => Err(mixed_up()),
        }
    }

    /// Who followed it when it was set aside, and under which name of the file.
    pub(super) fn follower(&self) -> Result<Option<String>, JournalError> {
        self.read(|engine| {
            meta::get::<String>(&engine.connection, owing::FOLLOWED_BY)
                .map(|found| found.filter(|found| !found.is_empty()))
                .map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Remembers it, if it does not yet.
    pub(super) fn note_follower(&self, follower: &str) -> Result<(), JournalError> {
        match self.follower()?.unwrap_or_default() == follower {
            true => Ok(()),
            false => self.submit(Write::Follower(follower.to_owned())).map(drop),
        }
    }

    /// Whether it can be written to: a commit of nothing.
    pub(super) fn writes_nothing(&self) -> Result<(), JournalError> {
        self.submit(Write::Nothing).map(drop)
    }

    /// Which journal it is or is a copy of, and how often it was doubted.
    pub(super) fn descent(&self) -> Result<(Incarnation, i64), JournalError> {
        self.read(|engine| {
            let doubts = restored::doubts(&engine.connection)
                .map_err(|error| failure::sqlite("open", &error))?;
            Ok((engine.incarnation, doubts))
        })
    }

    /// The number of the last payment.
    pub(super) fn last_id(&self) -> Result<i64, JournalError> {
        self.report(|view| view.last_id())
    }

    /// The payments that are not settled, that wait for an operator, or that were superseded.
    pub(super) fn unfinished(&self) -> Result<Vec<i64>, JournalError> {
        self.report(|view| view.unfinished())
    }

    /// How many payments it still owes something of.
    pub(super) fn owed(&self) -> Result<i64, JournalError> {
        self.report(|view| view.owed())
    }

    /// Whether there is one.
    pub(super) fn owes(&self) -> Result<bool, JournalError> {
        self.report(|view| view.owes())
    }

    /// The batch that was handed out last; 0 if there is none.
    pub(super) fn last_batch(&self) -> Result<u32, JournalError> {
        self.read(|engine| {
            Water::read(&engine.connection)
                .map(|water| water.batch)
                .map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Whether it knows of one before it that is gone.
    pub(super) fn misses(&self) -> Result<bool, JournalError> {
        self.read(|engine| {
            restored::misses(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Has it hand out numbers above those of a batch that another journal of its terminal had.
    pub(super) fn begin_above(&self, batch: u32) -> Result<(), JournalError> {
        self.submit(Write::BeginAbove(batch)).map(drop)
    }

    /// What it remembers of those that were set aside at its place.
    pub(super) fn debts(&self) -> Result<Vec<Debt>, JournalError> {
        self.read(|engine| {
            owing::all(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Remembers what one that was set aside owes; `answered`: by whom and why that is answered for.
    pub(super) fn note_debt(
        &self,
        debt: &Debt,
        answered: Option<&str>,
    ) -> Result<(), JournalError> {
        self.submit(Write::Owing(debt.clone(), answered.map(str::to_owned))).map(drop)
    }

    /// Whether another journal of its place settles this payment.
    pub(super) fn is_superseded(&self, id: i64) -> Result<bool, JournalError> {
        self.read(|engine| {
            meta::get::<i64>(&engine.connection, &engine::superseded(PaymentId(id)))
                .map(|found| found.is_some_and(|found| found != engine::TAKEN_BACK))
                .map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Replaces the row, and notes that another journal settles the payment from here on, and whether
    /// that one owes something of it still.
    pub(super) fn supersede(&self, payment: &Payment, is_owed: bool) -> Result<(), JournalError> {
        let note = if is_owed { engine::OWED_THERE } else { engine::SETTLED_THERE };
        self.submit(Write::Supersede(Box::new(payment.clone()), note)).map(drop)
    }

    /// Replaces the row: the other journal is gone, and nobody settles the payment.
    pub(super) fn take_back(&self, payment: &Payment) -> Result<(), JournalError> {
        let write = Write::Supersede(Box::new(payment.clone()), engine::TAKEN_BACK);
        self.submit(write).map(drop)
    }

    /// The payments that were owed still when another journal began to settle them.
    pub(super) fn left_owing(&self) -> Result<Vec<i64>, JournalError> {
        self.report(|view| view.superseded(engine::OWED_THERE))
    }

    /// A row, apart from whether the file can be read; also of a handle that takes no commit any more.
    pub(super) fn row(&self, id: PaymentId) -> Result<MaybeDamaged, JournalError> {
        self.read_still(|engine| engine.row(id))
    }

    /// The same, by its invoice.
    pub(super) fn find_row(&self, invoice: &MerchantInvoice) -> Result<MaybeDamaged, JournalError> {
        self.read_still(|engine| engine.find_row(invoice.as_str()))
    }

    /// A payment of the same customer that refuses this one.
    pub(super) fn blocking(&self, new: &NewPayment) -> Result<MaybeDamaged, JournalError> {
        self.read_still(|engine| engine.blocking(new))
    }

    /// The number of an invoice's payment that was archived.
    pub(super) fn archived_as(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<Option<PaymentId>, JournalError> {
        self.read(|engine| engine.archived(invoice.as_str())).map(|found| found.map(|(id, _)| id))
    }

    /// Whether this is an archive, and no journal.
    pub(super) fn is_archive(&self) -> Result<bool, JournalError> {
        self.read(|engine| {
            archive::is_one(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Which payment was archived under a number.
    pub(super) fn archived_under(
        &self,
        id: PaymentId,
    ) -> Result<Option<parts::Name>, JournalError> {
        self.read(|engine| {
            parts::archived(&engine.connection, id).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// The numbers of its payments above `low` and up to `high`, in their order.
    pub(super) fn ids_between(&self, low: i64, high: i64) -> Result<Vec<i64>, JournalError> {
        let mut found = Vec::new();
        let sql = "SELECT id FROM payment WHERE id > ?1 AND id <= ?2 ORDER BY id";
        self.report(|view| {
            view.read("health", sql, (low, high), |row| {
                found.push(row.get(0)?);
                Ok(())
            })
        })?;
        Ok(found)
    }

    /// The numbers above `low` and up to `high` that were archived, in their order.
    pub(super) fn archived_between(&self, low: i64, high: i64) -> Result<Vec<i64>, JournalError> {
        let mut found = Vec::new();
        let sql = "SELECT id FROM archived WHERE id > ?1 AND id <= ?2 ORDER BY id";
        self.report(|view| {
            view.read("health", sql, (low, high), |row| {
                found.push(row.get(0)?);
                Ok(())
            })
        })?;
        Ok(found)
    }

    /// Every row, and SQLite's own check.
    fn look_through(&self) -> Result<Health, JournalError> {
        // Payments of an archive do not follow on each other.
        let is_archive = self.is_archive()?;
        let report_gap = |first, last, problems: &mut Vec<String>| {
            if !is_archive {
                report_gap(first, last, problems);
            }
        };
        let mut health =
            Health { payments: 0, unsettled: 0, problems: Vec::new(), notes: Vec::new() };
        let mut seen = 0;
        self.read(|engine| engine.report(&mut health))?;
        let last = self.report(|view| {
            view::check_file(view.connection, CHECKED_WHOLE, &mut health)?;
            view.last_id()
        })?;
        while seen < last {
            let end = seen.saturating_add(STRIDE).min(last);
            let mut archived = self.archived_between(seen, end)?.into_iter().peekable();
            self.report(|view| {
                let rest = "WHERE id > ?1 AND id <= ?2 ORDER BY id";
                view.rows("health", rest, (seen, end), |row, payment| {
                    let id = row.get(0).unwrap_or(seen + 1);
                    while let Some(gone) = archived.next_if(|gone| *gone < id) {
                        report_gap(seen + 1, gone - 1, &mut health.problems);
                        seen = gone;
                    }
                    report_gap(seen + 1, id - 1, &mut health.problems);
                    seen = id;
                    health.payments += 1;
                    match payment {
                        Ok(payment) => {
                            health.unsettled += u64::from(rules::is_unsettled(&payment.state));
                        }
                        Err(damage) => health.problems.push(damage.message),
                    }
                    true
                })
            })?;
            for gone in archived {
                report_gap(seen + 1, gone - 1, &mut health.problems);
                seen = gone;
            }
            report_gap(seen + 1, end, &mut health.problems);
            seen = end;
        }
        if health.problems.len() > MOST_PROBLEMS {
            let more = health.problems.len() - MOST_PROBLEMS;
            health.problems.truncate(MOST_PROBLEMS);
            health.problems.push(format!("and {more} more"));
        }
        Ok(health)
    }

    /// Tells a disk that fails from a damaged file, where that harms no lock.
    fn refuse_unreadable(&self) -> Result<(), JournalError> {
        let (files, path) = self.read(|engine| {
            let place = &engine.place;
            let path = (engine.access == Access::Process).then(|| place.path().to_owned());
            Ok((Arc::clone(place.files()), path))
        })?;
        // Without the engine, so that no payment waits.
        path.map_or(Ok(()), |path| failure::refuse_unreadable(&*files, &path))
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
        let mut conditions = String::new();
        let unsettled = schema::is_unsettled();
        let needs_operator = schema::needs_operator();
        for (wanted, condition) in [
            (filter.unacknowledged, schema::IS_UNACKNOWLEDGED),
            (filter.unsettled, unsettled.as_str()),
            (filter.needs_operator, needs_operator.as_str()),
        ] {
            if wanted {
                conditions.push_str(" AND ");
                conditions.push_str(condition);
            }
        }
        // With a condition an index names the rows; without one a narrow time may pass over all of
        // them.
        let stride = if conditions.is_empty() { STRIDE } else { i64::MAX };
        let order = if filter.newest_first { "DESC" } else { "ASC" };
        let rest = format!(
            "WHERE id > ?1 AND id <= ?2{conditions} AND (?3 IS NULL OR wall >= ?3) \
             AND (?4 IS NULL OR wall < ?4) \
             AND (?5 IS NULL OR tid = ?5) AND (?6 IS NULL OR mid = ?6) ORDER BY id {order}"
        );
        let (tid, mid) = (filter.tid.as_deref(), filter.mid.as_deref());
        let since = filter.since.map(|wall| wall.unix_millis());
        let until = filter.until.map(|wall| wall.unix_millis());
        let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
        let mut listed = Vec::new();
        let last = self.report(|view| view.last_id())?;
        // What is left to look at: numbers above the first and up to the second.
        let after = filter.after.map(|after| after.0.max(0));
        let (mut low, mut high) = match (filter.newest_first, after) {
            (true, Some(after)) => (0, last.min(after.saturating_sub(1))),
            (true, None) => (0, last),
            (false, after) => (after.unwrap_or(0), last),
        };
        // The index of times bounds them: a clock may have jumped, so they need not be in order. A page that
        // goes on behind another is begun without it, or a walk would read that index once for each page.
        let mut is_bounded = since.is_none() && until.is_none();
        let mut goes_on = after.is_some();
        while low < high && listed.len() < limit {
            if !is_bounded && !goes_on {
                match self.report(|view| view.begun_between(since, until))? {
                    Some((first, last)) => (low, high) = (low.max(first - 1), high.min(last)),
                    None => break,
                }
                is_bounded = true;
                continue;
            }
            goes_on = false;
            let (from, to) = match filter.newest_first {
                true => (low.max(high.saturating_sub(stride)), high),
                false => (low, high.min(low.saturating_add(stride))),
            };
            self.report(|view| {
                view.rows("list", &rest, (from, to, since, until, tid, mid), |_, payment| {
                    listed.extend(payment);
                    listed.len() < limit
                })
            })?;
            match filter.newest_first {
                true => high = from,
                false => low = to,
            }
        }
        Ok(listed)
    }

    fn health(&self) -> Result<Health, JournalError> {
        match self.look_through() {
            Err(error) if error.kind == JournalErrorKind::Corrupt => {
                self.refuse_unreadable()?;
                self.look_through()
            }
            other => other,
        }
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

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<PathBuf>, JournalError> {
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

/// OP1: ids are given without gaps and rows are never deleted, so a gap was made by hand.
fn report_gap(first: i64, last: i64, problems: &mut Vec<String>) {
    match last - first {
        gap if gap < 0 => {}
        0 => problems.push(format!("payment {first} is missing")),
        _ => problems.push(format!("payments {first} to {last} are missing")),
    }
}
