//! A journal together with those that were set aside at its place ([fault J20]): they stay open, so
//! that what they owe is settled, what nobody has acknowledged is heard of, and an invoice that one
//! of them knows is never pushed again.
//!
//! To the client it is one journal. Payments of the present one keep their numbers; those of the
//! former ones get numbers above all of them. Each journal counts boots by itself.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::files::{Files, SystemFiles};
use super::former::{Former, JOURNAL_AT};
use super::mark::Mark;
use super::opening;
use super::owing::{self, Debt, Gone, Knowing};
use super::sqlite::SqliteJournal;
use super::twins::{self, Twins};
use super::{aside, failure, mark, rules};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    ArchiveProgress, Archived, Begun, Belonging, DEFAULT_LIMIT, Figures, Filter, Finding, Health,
    Journal, JournalError, JournalErrorKind, NewPayment, Setup, SqliteOptions, Update,
};
use crate::lock::lock;
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

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
}

impl Closed {
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
            Err(error) => self.closed.push(Closed {
                number: i64::from(number),
                mark: mark::read(files, aside),
                why: format!(
                    "the journal {name}, which was set aside, cannot be opened ({}): what it owes is \
                     not settled, and its invoices and customers are unknown; mend that and start \
                     again, or compare OVO's settlement file with your books",
                    failure::without_cure(&error)
                ),
            }),
        }
    }
}

impl Succession {
    /// Opens the journal at `path` as [`SqliteJournal::open`] does, and with it whatever was
    /// [set aside](super::set_aside) there. A former one that cannot be opened stops nothing; it is
    /// among the [findings](Journal::findings).
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
        let present = SqliteJournal::open_on(Arc::clone(&files), &path, options)
            .map_err(|error| opening::with_cure(&*files, path.as_ref(), error))?;
        let path = opening::resolve(&*files, path.as_ref())?;
        let mut former = SetAside::default();
        for (number, aside) in aside::former(&*files, &path) {
            let options = SqliteOptions { shared: options.shared, ..SqliteOptions::default() };
            let opened = open_former(&files, &aside, &options);
            former.add(&*files, number, &aside, opened);
        }
        let mut journal = Succession::join(&*files, path, present, former)?;
        journal.begin_above_the_former()?;
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
        findings.extend(gone.missing.iter().map(|debt| critical(debt.is_missed_now(&path))));
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
        })
    }

    /// Before anything is sold: whatever became of the mark, no number of a former one is handed out
    /// again.
    fn begin_above_the_former(&self) -> Result<(), JournalError> {
        let open = self.former.iter().filter_map(|former| former.journal.last_batch().ok());
        let closed = self.closed.iter().filter_map(|closed| closed.mark.map(|it| it.numbers.0));
        match open.chain(closed).max() {
            Some(last @ 1..) => self.present.begin_above(last),
            _ => Ok(()),
        }
    }

    /// Before anything is sold: what must be known if one of the others is gone the next time.
    fn remember_the_doubted_and_the_owing(&mut self) -> Result<(), JournalError> {
        let known = self.present.debts()?;
        let mut now = Vec::new();
        let own = self.present.owner()?;
        for former in &self.former {
            let theirs = former.or_nothing(former.journal.owner().map(Some));
            // Of a new one only its client knows whose it is: `belong_to` decides.
            let may_be_anothers = theirs.is_some_and(|theirs| {
                theirs.is_another_than(&own) || (own.is_nobody() && !theirs.is_nobody())
            });
            if !may_be_anothers {
                self.findings.extend(self.doubt_with(former)?);
            }
            let debt = former.debt();
            former.owing.store(debt.is_owed(), Ordering::Relaxed);
            now.push(debt);
            former.or_nothing(self.remind(former));
        }
        // One that could be read once is known better than it can be seen now.
        now.extend(self.closed.iter().map(Closed::debt));
        // What was noted of it while nobody could read it.
        for unread in known.iter().filter(|it| it.is_owed() && it.of == owing::file_name(it.number))
        {
            if now.iter().any(|it| it.number == unread.number && it.of != unread.of) {
                now.push(unread.struck_off());
            }
        }
        now.extend(self.accounted_for.iter().map(Debt::struck_off));
        now.retain(|debt| match known.iter().find(|known| known.is_of(debt)) {
            Some(known) => debt.payments.is_some() && known != debt,
            None => true,
        });
        // The newest knows best; and what it knows must not go with it.
        for former in self.former.iter().rev() {
            for debt in former.journal.debts().unwrap_or_default() {
                let own = owing::name(&self.present.descent()?.0);
                let is_this =
                    debt.of == own || (debt.number == PRESENT && debt.is_of_a_copy_of(&own));
                if !is_this && !known.iter().chain(&now).any(|other| other.is_of(&debt)) {
                    now.push(debt);
                }
            }
        }
        for missing in lock(&self.missing).iter().filter(|missing| missing.missed.is_none()) {
            now.retain(|debt| !debt.is_of(missing));
            now.push(missing.missed_from_now_on());
        }
        for debt in &now {
            self.present.note_debt(debt, None)?;
        }
        Ok(())
    }

    /// Whoever sets a doubted journal aside would otherwise be rid of its doubt, while its other copy sells
    /// on. What is to be told, if the present one was not doubted before.
    fn doubt_with(&self, former: &Former) -> Result<Option<Finding>, JournalError> {
        if !former.journal.is_doubted().unwrap_or(false) {
            return Ok(None);
        }
        let why = format!("{}, which was set aside at its place, is doubted", former.name);
        self.present.doubt_beside(&why)
    }

    /// Writes into one that was set aside what it must know if it is opened here as the journal again:
    /// who followed it, and what it has left to copies of itself.
    fn remind(&self, former: &Former) -> Result<(), JournalError> {
        let follower = owing::name(&self.present.descent()?.0);
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        former.journal.note_follower(&format!("{follower} {file}"))?;
        let (incarnation, _) = former.journal.descent()?;
        for (winner, payments) in self.twins.left_by(former.place) {
            let left = Debt::of_a_copy(&incarnation, winner, payments);
            let before = former.journal.debts()?.into_iter().find(|it| it.is_of(&left));
            if before.map_or(payments > 0, |before| before != left) {
                former.journal.note_debt(&left, None)?;
            }
        }
        Ok(())
    }

    /// Before anything is sold: one that was set aside here before, and lies in the place of the one
    /// that followed it, knows none of that one's payments.
    fn miss_who_followed(&mut self) -> Result<(), JournalError> {
        let Some(follower) = self.present.follower()? else { return Ok(()) };
        let Some((name, file)) = follower.split_once(' ') else { return Ok(()) };
        let is_there = |debt: Debt| debt.of == name || debt.of == owing::file_name(debt.number);
        let is_here = self.path.file_name().is_some_and(|own| own.to_string_lossy() == file)
            && !self.former.iter().map(Former::debt).any(is_there)
            && !self.closed.iter().map(Closed::debt).any(is_there);
        if is_here {
            let why = "it had been set aside, and was put back over the journal that followed it here, \
                       of whose payments it knows nothing, and which is gone: put that one back";
            self.findings.extend(self.present.doubt_anew(why)?);
        }
        self.present.note_follower("")
    }

    /// Before anything is sold: one followed what was set aside here, and is gone with its mark.
    fn miss_who_came_between(&mut self) -> Result<(), JournalError> {
        if self.present.last_batch()? > 0 || self.present.is_doubted()? || self.present.misses()? {
            return Ok(());
        }
        let mut here: Vec<Debt> = self.former.iter().map(Former::debt).collect();
        here.extend(self.closed.iter().map(Closed::debt));
        let present = owing::name(&self.present.descent()?.0);
        let is_gone = |follower: &str| {
            let name = follower.split_once(' ').map_or(follower, |(name, _)| name);
            // One of which only its file is known may be any.
            let may_be = |debt: &Debt| debt.of == name || debt.of == owing::file_name(debt.number);
            name != present && !here.iter().any(may_be)
        };
        let follower = |former: &Former| former.or_nothing(former.journal.follower());
        let is_missed =
            |former: &&Former| former.knows() && follower(former).is_some_and(|it| is_gone(&it));
        let Some(former) = self.former.iter().rev().find(is_missed) else { return Ok(()) };
        let why = format!(
            "the journal that followed {} here is gone, and this is a new one, which knows nothing of its \
             payments: put it back",
            former.name
        );
        self.findings.extend(self.present.doubt_anew(&why)?);
        Ok(())
    }

    /// Before anything is sold: a payment that was left to another copy counts as dealt with where it was
    /// left, and that copy is gone.
    pub(super) fn take_back_what_nobody_settles(&self) -> Result<(), JournalError> {
        for former in &self.former {
            former.or_nothing(self.take_back(former.place, &former.journal));
        }
        self.take_back(PRESENT, &self.present)
    }

    fn take_back(&self, place: i64, journal: &SqliteJournal) -> Result<(), JournalError> {
        for id in journal.left_owing()? {
            if self.twins.has_compared(place, id) {
                continue;
            }
            if let Ok(Some(left)) = journal.payment(PaymentId(id)) {
                journal.take_back(&twins::left_alone(&left))?;
            }
        }
        Ok(())
    }

    /// Whether the payment is to be told as this journal has it.
    fn answers(&self, journal: i64, payment: &Payment) -> bool {
        !self.is_archived_elsewhere(journal, payment)
            && self.twins.answers(journal, payment, |other| self.row_of(other, payment.id))
    }

    /// Whether a copy of this journal has archived the payment: its archive tells it.
    fn is_archived_elsewhere(&self, journal: i64, payment: &Payment) -> bool {
        self.twins.copies_of(journal).any(|place| {
            let archived = self.at(place).map(|other| other.archived_as(&payment.intent.invoice));
            matches!(archived, Some(Ok(Some(id))) if id == payment.id)
        })
    }

    /// One that can be asked.
    fn at(&self, place: i64) -> Option<&SqliteJournal> {
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
        let is_archived = |other: &SqliteJournal| other.has_archived(id) == Ok(true);
        self.row_of(place, id).is_some() || self.at(place).is_some_and(is_archived)
    }

    /// Of the listed payments those for which another journal answers.
    fn told_elsewhere(
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
    fn counted_elsewhere(&self, place: i64, journal: &SqliteJournal) -> Result<u64, JournalError> {
        let mut elsewhere = HashSet::new();
        for (other, last) in self.twins.shares(place) {
            let Some(theirs) = self.at(other) else { continue };
            if other < place {
                elsewhere.extend(theirs.ids_up_to(last)?);
            }
            elsewhere.extend(theirs.archived_between(0, last)?);
        }
        let shared = if elsewhere.is_empty() { Vec::new() } else { journal.ids_up_to(i64::MAX)? };
        Ok(shared.iter().filter(|id| elsewhere.contains(*id)).count() as u64)
    }

    /// How many of its open payments another journal tells.
    fn open_elsewhere(&self, place: i64, journal: &SqliteJournal) -> Result<u64, JournalError> {
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
    fn all_under(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<(Vec<Payment>, Option<JournalError>), JournalError> {
        let boot = self.boot.load(Ordering::Relaxed);
        let (mut found, mut damaged) = (Vec::new(), None);
        for former in self.knowing() {
            match former.or_nothing(former.journal.find_row(invoice)) {
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

    /// One that owes nothing any more may be taken away, and is not missed then.
    fn note_what_is_paid(&self, former: &Former) {
        if !former.owing.load(Ordering::Relaxed) {
            return;
        }
        // A note that fails is written at the next opening; the payment's own step is durable.
        if former.journal.owes() == Ok(false) {
            let debt = former.debt().struck_off();
            if self.present.note_debt(&debt, None).is_ok() {
                former.owing.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Before one that owed nothing any more owes again: it must not be taken away unseen.
    fn note_what_it_owes_again(&self, former: &Former) {
        if former.owing.load(Ordering::Relaxed) {
            return;
        }
        let debt = Debt { payments: Some(1), ..former.debt() };
        // The payment's own step must not fail for it.
        if self.present.note_debt(&debt, None).is_ok() {
            former.owing.store(true, Ordering::Relaxed);
        }
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

impl Journal for Succession {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        for former in self.serving() {
            let boot = former.or_nothing(former.journal.enter_boot(boot_id));
            former.boot.store(boot, Ordering::Relaxed);
        }
        let boot = self.present.enter_boot(boot_id)?;
        self.boot.store(boot, Ordering::Relaxed);
        Ok(boot)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        if self.former.is_empty() {
            return self.present.begin(new, method);
        }
        if let Some(known) = self.find(&new.invoice)? {
            return Ok(Begun::Existing(known));
        }
        let boot = self.boot.load(Ordering::Relaxed);
        for former in self.knowing() {
            if let Some(id) = former.or_nothing(former.journal.archived_as(&new.invoice)) {
                return Ok(Begun::Archived(id));
            }
        }
        if new.refuse_unsettled_customer {
            for former in self.knowing() {
                // A damaged row of the customer's is one that could still be debited.
                if let Some(open) = former.or_nothing(former.journal.blocking(new)).transpose()? {
                    return Ok(Begun::UnsettledCustomer(former.outward(open, boot)));
                }
            }
        }
        self.present.begin(new, method)
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        let Some(former) = self.former(payment.id) else {
            return self.present.update(payment);
        };
        let boot = self.boot.load(Ordering::Relaxed);
        let is_owed = rules::is_owed(&payment.state);
        if is_owed {
            self.note_what_it_owes_again(former);
        }
        let updated = former.journal.update(&former.inward(payment, boot));
        // The file's failure, not one for which this step is refused.
        if let Some(error) = updated.as_ref().err().filter(|it| failure::poisons(it.kind)) {
            former.fails(error);
        }
        Ok(match updated? {
            Update::Lost(row) => Update::Lost(Box::new(former.outward(*row, boot))),
            won @ Update::Won(_) => {
                if !is_owed {
                    self.note_what_is_paid(former);
                }
                won
            }
        })
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        let Some(former) = self.former(id) else { return self.present.payment(id) };
        let boot = self.boot.load(Ordering::Relaxed);
        let found = former.journal.row(Former::own(id))?.transpose()?;
        Ok(found.map(|payment| former.outward(payment, boot)))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        let (found, damaged) = self.all_under(invoice)?;
        // One that is damaged in one of them may be whole in another; nowhere whole, it is refused.
        match (twins::most_known(found), damaged) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    fn find_hidden(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        let told = self.find(invoice)?.map(|payment| payment.id);
        let (found, _) = self.all_under(invoice)?;
        Ok(found
            .into_iter()
            .find(|it| Some(it.id) != told && it.state.verdict.is_some() && !it.state.acknowledged))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        let mut due = Vec::new();
        // What the former ones owe is the oldest debt, and becomes less and less.
        for former in self.serving() {
            let own = former.boot.load(Ordering::Relaxed);
            let rows = former.or_nothing(former.journal.due(own, now, limit - due.len()));
            due.extend(rows.into_iter().map(|payment| former.outward(payment, boot)));
        }
        due.extend(self.present.due(boot, now, limit - due.len())?);
        Ok(due)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        let mut next = self.present.next_due(boot)?;
        for former in self.serving() {
            let own = former.boot.load(Ordering::Relaxed);
            let other = former.or_nothing(former.journal.next_due(own));
            next = [next, other].into_iter().flatten().min();
        }
        Ok(next)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
        let after = filter.after.filter(|after| after.0 > 0);
        let boot = self.boot.load(Ordering::Relaxed);
        // The former ones are the older ones; the present one is the last of all.
        let mut order: Vec<Option<&Former>> = self.serving().map(Some).collect();
        order.push(None);
        if filter.newest_first {
            order.reverse();
        }
        let place = |journal: &Option<&Former>| journal.map_or(PRESENT, |former| former.place);
        let first = after.and_then(|after| {
            order.iter().position(|journal| place(journal) == after.0 >> JOURNAL_AT)
        });
        let mut listed = Vec::new();
        for (index, journal) in order.iter().enumerate().skip(first.unwrap_or(0)) {
            if listed.len() >= limit {
                break;
            }
            let mut after = after.filter(|_| Some(index) == first).map(Former::own);
            // A page of which another journal tells some is filled up.
            while listed.len() < limit {
                let wanted = limit - listed.len();
                let filter = Filter { after, limit: wanted, ..filter.clone() };
                let rows = match journal {
                    None => self.present.list(&filter)?,
                    Some(former) => former.or_nothing(former.journal.list(&filter)),
                };
                let is_last = rows.len() < wanted;
                after = rows.last().map(|payment| payment.id);
                let own = rows.into_iter().filter(|row| self.answers(place(journal), row));
                listed.extend(own.map(|payment| match journal {
                    None => payment,
                    Some(former) => former.outward(payment, boot),
                }));
                if is_last {
                    break;
                }
            }
        }
        Ok(listed)
    }

    fn health(&self) -> Result<Health, JournalError> {
        let mut health = self.present.health()?;
        // A payment that two of them know is one.
        let (twice, open_twice) = (
            self.counted_elsewhere(PRESENT, &self.present)?,
            self.open_elsewhere(PRESENT, &self.present)?,
        );
        health.payments = health.payments.saturating_sub(twice);
        health.unsettled = health.unsettled.saturating_sub(open_twice);
        health.problems.extend(self.problems.iter().cloned());
        health.problems.extend(lock(&self.missing).iter().map(|debt| debt.is_missed(&self.path)));
        for former in &self.former {
            let name = &former.name;
            if former.foreign.load(Ordering::Relaxed) {
                let debt = former.debt();
                if debt.is_owed() {
                    health.problems.push(format!("{name}, {}", debt.is_of_another_merchant()));
                } else {
                    health.notes.push(format!(
                        "{name}, which was set aside, is left out: it is another merchant's or \
                         another environment's"
                    ));
                }
            }
        }
        for former in self.serving() {
            let theirs = match former.journal.health() {
                Ok(theirs) => theirs,
                // Read once more it may be whole: it goes on taking part.
                Err(error) if error.kind == JournalErrorKind::Io => {
                    health.problems.push(format!("{}: {}", former.name, error.message));
                    continue;
                }
                Err(error) => {
                    former.fails(&error);
                    continue;
                }
            };
            let Health { payments, unsettled, problems, notes } = theirs;
            let twice = former.or_nothing(self.counted_elsewhere(former.place, &former.journal));
            let open_twice = former.or_nothing(self.open_elsewhere(former.place, &former.journal));
            health.payments += payments.saturating_sub(twice);
            health.unsettled += unsettled.saturating_sub(open_twice);
            let named = |line: String| format!("{}: {line}", former.name);
            health.problems.extend(problems.into_iter().map(named));
            health.notes.extend(notes.into_iter().map(named));
            // What a report counts as settled may be unheard of, or still be looked at.
            let owes = former.journal.owes().unwrap_or(true);
            if !owes && self.twins.rest_on(former.place) {
                health.notes.push(format!(
                    "{}, which was set aside, owes nothing any more, but knows more than the backup \
                     that was put in its place: keep it there",
                    former.name
                ));
            } else if !owes {
                health.notes.push(format!(
                    "{}, which was set aside, owes nothing any more: it can be taken away",
                    former.name
                ));
            }
        }
        health.problems.extend(self.former.iter().filter_map(Former::trouble));
        Ok(health)
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        if self.former.is_empty() {
            return self.present.figures();
        }
        let present = self.present.figures()?;
        let mut figures = Figures {
            undecided: Default::default(),
            unsettled: Default::default(),
            needs_operator: Default::default(),
            unacknowledged: Default::default(),
            ..present
        };
        // What two of them know is told by one.
        let mut add = |place, journal: &SqliteJournal| {
            let elsewhere = self.told_elsewhere(place, journal)?;
            journal.each_listed(|payment| {
                if !elsewhere.contains(&payment.id) {
                    figures.add(payment);
                }
            })
        };
        add(PRESENT, &self.present)?;
        for former in self.serving() {
            former.or_nothing(add(former.place, &former.journal));
        }
        Ok(figures)
    }

    fn belong_to(&self, setup: &Setup) -> Result<Belonging, JournalError> {
        let mut belonging = self.present.belong_to(setup)?;
        for former in &self.former {
            match former.journal.belong_to(setup) {
                Ok(theirs) => {
                    belonging.findings.extend(self.doubt_with(former)?);
                    belonging.key_ring.extend(theirs.key_ring);
                    belonging.another_key = belonging.another_key.or(theirs.another_key);
                    belonging.unproven = belonging.unproven.or(theirs.unproven);
                    // A new journal takes any key for its own; those it follows know theirs.
                    for found in theirs.findings.into_iter().filter(|found| found.critical) {
                        if !belonging.findings.contains(&found) {
                            belonging.findings.push(found);
                        }
                    }
                }
                Err(error) if error.kind == JournalErrorKind::Foreign => {
                    former.foreign.store(true, Ordering::Relaxed);
                    let (name, debt, why) = (&former.name, former.debt(), &error.message);
                    belonging.findings.push(if debt.is_owed() {
                        let owed = debt.is_of_another_merchant();
                        Finding { critical: true, message: format!("{name}, {owed} ({why})") }
                    } else {
                        let message = format!("{name} is left alone: {why}");
                        Finding { critical: false, message }
                    });
                }
                Err(error) => {
                    // Whose it is cannot be told.
                    former.failed.store(true, Ordering::Relaxed);
                    former.fails(&error);
                }
            }
        }
        Ok(belonging)
    }

    fn adopt_key(&self, key: &str, key_ring: &[Vec<u8>]) -> Result<(), JournalError> {
        for former in self.serving() {
            former.or_nothing(former.journal.adopt_key(key, key_ring));
        }
        self.present.adopt_key(key, key_ring)
    }

    fn jump(&self, wall: WallTime) -> Result<Option<Finding>, JournalError> {
        self.present.jump(wall)
    }

    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        self.present.note_probe(wall)
    }

    /// The present journal's, and beside it those of the former ones, named as they are: what they
    /// owe must not be lost with the disk.
    fn backup(&self, to: &Path) -> Result<(), JournalError> {
        let mut made = Vec::new();
        let mut all = || {
            // Those of another merchant, too: they are no less lost with the disk.
            for former in self.former.iter().filter(|former| former.can_be_read()) {
                let beside = aside::numbered(to, former.number());
                former.journal.backup(&beside)?;
                made.push(beside);
            }
            self.present.backup(to)
        };
        let done = all();
        if done.is_err() {
            // A part of a backup is none.
            for beside in made {
                let _ = SystemFiles.remove(&beside);
            }
        } else {
            // One that nobody can open must not keep the others from being copied.
            let closed = self.closed.iter().map(|closed| closed.why.clone());
            let failed = self.former.iter().filter(|former| !former.can_be_read());
            let left_out = closed.chain(failed.filter_map(Former::trouble));
            lock(&self.news).extend(left_out.map(|why| Finding {
                critical: true,
                message: format!("the backup {} was written without it: {why}", to.display()),
            }));
        }
        done
    }

    /// Not as long as another journal of the place may know the same payments: one that is archived here
    /// and open there must not be told anew.
    fn archive(
        &self,
        before: WallTime,
        to: &Path,
        tell: &mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        let is_alone =
            self.former.is_empty() && self.closed.is_empty() && lock(&self.missing).is_empty();
        if !is_alone {
            return Err(JournalError::new(
                JournalErrorKind::Misplaced,
                "nothing can be archived as long as a journal that was set aside here is in use, or \
                 missed: let it settle what it owes, and take it away once `ovo-ptp doctor` says that \
                 it can be",
            ));
        }
        self.present.archive(before, to, tell)
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<PathBuf>, JournalError> {
        for former in self.serving() {
            let found = former.or_nothing(Journal::archived(&former.journal, invoice));
            if found.is_some() {
                return Ok(found);
            }
        }
        Journal::archived(&self.present, invoice)
    }

    /// The present one last: as long as one of the others is doubted, so is this.
    fn vouch(&self, who_and_why: &str) -> Result<bool, JournalError> {
        let mut ended = false;
        // Nobody answers for another merchant's.
        for former in self.knowing() {
            ended |= former.or_nothing(former.journal.vouch(who_and_why));
        }
        let mut missing = lock(&self.missing);
        while let Some(debt) = missing.last() {
            self.present.note_debt(debt, Some(who_and_why))?;
            missing.pop();
            ended = true;
        }
        Ok(self.present.vouch(who_and_why)? || ended)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.present.findings();
        // What is wrong with another merchant's is that one's to answer for.
        findings.extend(self.knowing().flat_map(|former| former.journal.findings()));
        findings.extend(self.findings.iter().cloned());
        findings
    }

    fn found_since(&self) -> Vec<Finding> {
        let mut news = std::mem::take(&mut *lock(&self.news));
        news.extend(self.former.iter().filter_map(Former::news));
        news
    }
}
