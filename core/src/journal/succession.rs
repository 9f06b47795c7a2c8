//! A journal together with those that were set aside at its place ([fault J20]): they stay open, so
//! that what they owe is settled, what nobody has acknowledged is heard of, and an invoice that one
//! of them knows is never pushed again.
//!
//! To the client it is one journal. Payments of the present one keep their numbers; those of the
//! former ones get numbers above all of them. Each journal counts boots by itself.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

mod as_one;
mod asked;
mod numbers;
mod remembering;
mod telling;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use self::asked::Asked;
use self::numbers::Height;
use super::belonging::{Owner, Seen};
use super::files::{Files, SystemFiles};
use super::former::{Former, JOURNAL_AT};
use super::mark::{self, Mark};
use super::opening;
use super::owing::{self, Debt, Gone, Here, Knowing};
use super::sqlite::SqliteJournal;
use super::twins::Twins;
use super::{aside, failure, stray_log};
use crate::journal::{Finding, JournalError, JournalErrorKind, KnownArchive, SqliteOptions};
use crate::payment::PaymentId;

/// The number of the present journal among those of its place; the others have theirs in their names.
const PRESENT: i64 = 0;

/// The journal of now, and its former ones.
#[derive(Debug)]
pub struct Succession {
    present: SqliteJournal,
    boot: AtomicU32,
    former: Vec<Former>,
    closed: Vec<Closed>,
    twins: Twins,
    /// Of all of them together; each has its own.
    findings: Vec<Finding>,
    /// What of the place is not served, for `doctor`.
    problems: Vec<String>,
    path: PathBuf,
    /// Debts of those that are gone.
    missing: Mutex<Vec<Debt>>,
    /// Debts of those that are known to be elsewhere.
    accounted_for: Vec<Debt>,
    /// What was found since the opening, and not told yet.
    news: Mutex<Vec<Finding>>,
    /// How high those stand of which only a client, or a payment, can tell whether they are another's.
    later: Mutex<Vec<Height>>,
}

/// What was set aside at a place: the journals that could be opened, and what is wrong with the rest.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    pub(super) open: Vec<Former>,
    pub(super) closed: Vec<Closed>,
}

/// One that lies there and cannot be opened.
#[derive(Debug)]
pub(super) struct Closed {
    number: i64,
    /// What can still be told of it.
    mark: Option<Mark>,
    why: String,
    /// How it is asked what it knows, if it can be.
    asked: Option<Asked>,
    aside: PathBuf,
}

impl Closed {
    /// What it tells of itself in a copy.
    fn seen(&self) -> Option<&Seen> {
        self.asked.as_ref()?.seen.as_ref()
    }

    /// Whose it says that it is, if it says anything.
    fn owner(&self) -> Option<&Owner> {
        self.seen().map(|seen| &seen.owner)
    }

    fn debt(&self) -> Debt {
        Debt::unknown(self.mark.map(|mark| owing::name(&mark.incarnation)), self.number)
    }
}

impl SetAside {
    /// One that cannot be opened stops nothing.
    pub(super) fn add(
        &mut self,
        files: &dyn Files,
        number: u32,
        aside: &Path,
        opened: Result<SqliteJournal, JournalError>,
    ) {
        let name = aside.display().to_string();
        match opened {
            Ok(journal) => self.open.push(Former::new(number, name, journal)),
            Err(error) => {
                let asked = Asked::of(files, aside, &error);
                self.closed.push(Closed {
                    number: i64::from(number),
                    mark: mark::read(files, aside),
                    aside: aside.to_owned(),
                    why: match &asked {
                        Ok(asked) => asked.in_words(),
                        Err(error) => format!(
                            "the journal {name}, which was set aside, cannot be opened ({}): what \
                             it owes is not settled, and its invoices and customers are unknown; mend \
                             that and start again, or compare OVO's settlement file with your books",
                            failure::without_cure(error)
                        ),
                    },
                    asked: asked.ok(),
                });
            }
        }
    }
}

impl Succession {
    /// The archives of all of them.
    pub(super) fn archives(&self) -> Result<Vec<KnownArchive>, JournalError> {
        let mut known = Vec::new();
        for former in self.serving() {
            known.extend(former.or_nothing(former.journal.archives()));
        }
        known.extend(self.present.archives()?);
        Ok(known)
    }

    /// Opens the journal at `path` as [`SqliteJournal::open`] does, and with it whatever was
    /// [set aside](super::set_aside) there. A former one that cannot be opened stops nothing; it is
    /// among the [findings](crate::journal::Journal::findings).
    ///
    /// # Errors
    /// As for [`SqliteJournal::open`].
    pub fn open(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, JournalError> {
        Succession::open_on(Arc::new(SystemFiles), path, options)
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
        let succeed = opening::Purpose::Succeed;
        let present = SqliteJournal::open_for(Arc::clone(&files), &path, options, succeed)
            .map_err(|error| opening::with_cure(&*files, path.as_ref(), error))?;
        let path = opening::resolve(&*files, path.as_ref())?;
        let mut former = SetAside::default();
        for (number, aside) in aside::former(&*files, &path) {
            let options = SqliteOptions { shared: options.shared, ..SqliteOptions::default() };
            let opened = open_former(&files, &aside, &options);
            former.add(&*files, number, &aside, opened);
        }
        let mut journal = Succession::join(&*files, path, present, former)?;
        journal.begin_above_the_former(&*files)?;
        journal.miss_who_followed()?;
        journal.miss_who_came_between()?;
        journal.take_back_what_nobody_settles()?;
        journal.remember_the_doubted_and_the_owing()?;
        Ok(journal)
    }

    /// Journals that are open already, as one.
    ///
    /// # Errors
    /// [`JournalError`]: the present one cannot be read.
    pub(super) fn join(
        files: &dyn Files,
        path: PathBuf,
        present: SqliteJournal,
        former: SetAside,
    ) -> Result<Self, JournalError> {
        let SetAside { open: former, closed } = former;
        let mut findings = Vec::new();
        let mut journals: Vec<_> = former.iter().map(|it| (it.place, &it.journal)).collect();
        journals.push((PRESENT, &present));
        let critical = |message| Finding { critical: true, message };
        let mut wrong: Vec<Finding> =
            closed.iter().map(|closed| critical(closed.why.clone())).collect();
        wrong.extend(owing::left_logs(files, &path).into_iter().map(critical));
        wrong.extend(stray_log::told(files, &path).into_iter().map(critical));
        wrong.extend(aside::dead_links(files, &path).into_iter().map(|(_, link)| {
            critical(format!(
                "{} is a link that leads nowhere: of the journal behind it nothing is settled, and its \
                 invoices and customers are unknown; mount that disk, or put the journal back, and start \
                 again; or compare OVO's settlement file with your books, and take the link away",
                link.display()
            ))
        }));
        wrong.extend(aside::second_names(files, &path).into_iter().map(|(name, first)| {
            critical(format!(
                "{} is a second name of {}, which was set aside: it takes part once, under that one; take \
                 the name {} away",
                name.display(),
                first.display(),
                name.display()
            ))
        }));
        let twins = Twins::among(&journals).unwrap_or_else(|error| {
            wrong.push(critical(format!(
                "whether what was set aside here is a copy of the journal cannot be told ({}): a \
                 payment that both know may be told in two ways",
                error.message
            )));
            Twins::default()
        });
        findings.extend(twins.contradicted.iter().map(|invoice| {
            critical(format!(
                "invoice {invoice}: one journal here told it as paid, and another one gave the money back; \
                 it waits for an operator: compare OVO's settlement file with your books"
            ))
        }));
        let gone = gone(files, &path, &present, &former, &closed)?;
        let own = owing::name(&present.descent()?.0);
        let here = Here { files, path: &path, own: &own };
        findings.extend(gone.missing.iter().map(|debt| critical(debt.is_missed_now(&here))));
        findings.extend(
            gone.moved
                .iter()
                .map(|(debt, to)| Finding { critical: false, message: debt.is_at(&path, to) }),
        );
        let problems = wrong.iter().map(|found| found.message.clone()).collect();
        findings.extend(wrong);
        let moved = gone.moved.into_iter().map(|(debt, _)| debt);
        let accounted_for = moved.chain(gone.renamed).collect();
        let (boot, missing) = (AtomicU32::new(0), Mutex::new(gone.missing));
        Ok(Succession {
            present,
            boot,
            former,
            closed,
            twins,
            findings,
            problems,
            path,
            missing,
            accounted_for,
            news: Mutex::default(),
            later: Mutex::default(),
        })
    }

    /// Where the journal of now lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The journal of now.
    pub fn present(&self) -> &SqliteJournal {
        &self.present
    }

    fn serving(&self) -> impl DoubleEndedIterator<Item = &Former> {
        self.former.iter().filter(|former| former.serves())
    }

    fn knowing(&self) -> impl Iterator<Item = &Former> {
        self.former.iter().filter(|former| former.knows())
    }

    /// Also one that is left out: its payments are no present ones.
    fn former(&self, id: PaymentId) -> Option<&Former> {
        let place = id.0 >> JOURNAL_AT;
        self.knowing().find(|former| former.place == place)
    }
}

/// A command that looks into one for a moment must not cost its customers a second push: it is waited
/// for, as a turn is.
fn open_former(
    files: &Arc<dyn Files>,
    aside: &Path,
    options: &SqliteOptions,
) -> Result<SqliteJournal, JournalError> {
    let began = Instant::now();
    loop {
        match SqliteJournal::open_on(Arc::clone(files), aside, options) {
            Err(error)
                if error.kind == JournalErrorKind::Locked
                    && files.vfs().is_none()
                    && began.elapsed() < opening::SHARED_PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            opened => return opened,
        }
    }
}

/// What those owe that were set aside here and are gone.
fn gone(
    files: &dyn Files,
    path: &Path,
    present: &SqliteJournal,
    former: &[Former],
    closed: &[Closed],
) -> Result<Gone, JournalError> {
    // What the present one has seen itself counts; what was gone before its first opening only those
    // know that it follows, and the newest of them best.
    let mut lists = vec![Knowing { place: PRESENT, debts: present.debts()? }];
    lists.extend(former.iter().rev().map(|former| {
        let debts = former.or_nothing(former.journal.debts());
        Knowing { place: former.place, debts }
    }));
    let own = owing::name(&present.descent()?.0);
    let open = former.iter().map(Former::debt);
    let there: Vec<Debt> = open.chain(closed.iter().map(Closed::debt)).collect();
    Ok(owing::gone(files, path, &own, present.is_doubted()?, &lists, &there))
}
