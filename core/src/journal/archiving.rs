//! Moving payments that are over into an [archive](super::archive), beside payments that go on
//! ([fault OP7]).
//!
//! First the journal writes down which archive is begun. Then a copy of the rows is drawn up, whole and
//! synced, and only then gets its name. Only then rows leave the journal, some at a time, each
//! compared as a whole with the archive's in the commit that takes it out: at every moment a payment
//! is in at least one of both. The archive says last that it is finished, and until then no report
//! reads it. Whatever breaks this off, calling again finishes it.
//!
//! [fault OP7]: crate::manual::faults#op-operations

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Instant;

use rusqlite::types::Value;

use super::archive::{self, ArchiveFile, Head};
use super::copies::{self, Draft, draft_name, misplaced, refuse_part_of, refuse_what_is_there};
use super::engine::{Write, Written};
use super::files::Files;
use super::parts::{self, Part, Progress};
use super::sqlite::{STRIDE, SqliteJournal};
use super::version::Incarnation;
use super::{anothers, failure, file_system, opening, place, restored, schema};
use crate::journal::{JournalError, JournalErrorKind};
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

/// Rows that leave the journal in one commit: few, because the payments beside them wait for it.
const BATCH: usize = 32;

/// What came of archiving.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Archived {
    /// Payments that the archive has. 0 if none was over: then no file was made.
    pub payments: u64,
    /// How many of them this call took out of the journal; the others an earlier one had, which was
    /// broken off.
    pub moved: u64,
    /// Payments that were changed meanwhile, and stay in the journal.
    pub left: u64,
}

/// How far archiving is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArchiveProgress {
    /// Payments that were taken out of the journal.
    pub moved: u64,
    /// Payments that the archive has so far.
    pub payments: u64,
}

/// Told how far it is; may break it off.
pub(super) type Tell<'a> = &'a mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>;

/// A journal that lets payments go into archives: what each of them must keep, and in which order, is said
/// here once for all engines ([`archive`]).
pub(super) trait Shelves {
    /// Held by whoever archives.
    fn archiving(&self) -> &Mutex<()>;

    /// Where archives lie, and the journal's own file if it has one.
    fn surroundings(&self) -> Result<(Arc<dyn Files>, Option<PathBuf>), JournalError>;

    /// Why it cannot vouch for itself, if it cannot.
    fn doubted(&self) -> Result<Option<String>, JournalError>;

    fn name(&self) -> Result<Incarnation, JournalError>;

    /// What it knows of itself under the names of [`archive::TAKEN_OVER`].
    fn belongings(&self) -> Result<Vec<(String, Value)>, JournalError>;

    /// All archives that were begun, in their order.
    fn parts(&self) -> Result<Vec<Part>, JournalError>;

    /// How many rows left it for an archive.
    fn taken(&self, number: u32) -> Result<u64, JournalError>;

    /// Begins one, durably; the one that is not whole makes way for it, if it has taken nothing out.
    fn begin_part(&self, token: String, path: &Path) -> Result<Part, JournalError>;

    /// What became of one, durably.
    fn end_part(&self, part: Part) -> Result<(), JournalError>;

    /// The next payments behind number `seen` that are over, some at a time; none if there are no more.
    /// Damaged ones stay where they are.
    fn next_over(&self, seen: &mut i64, before: WallTime) -> Result<Vec<Payment>, JournalError>;

    /// Takes rows out, in one durable commit, if the archive is still the one that is begun: how many went, and
    /// those that are not what the archive has, because they were changed meanwhile: they stay.
    fn take_out(
        &self,
        number: u32,
        rows: Vec<Payment>,
    ) -> Result<(u64, Vec<PaymentId>), JournalError>;
}

/// Moves payments that were begun before `before` and are over into a file at `to`; see
/// [`SqliteJournal::archive`].
pub(super) fn archive(
    journal: &impl Shelves,
    before: WallTime,
    to: &Path,
    tell: Tell<'_>,
) -> Result<Archived, JournalError> {
    let _one = match journal.archiving().try_lock() {
        Ok(one) => one,
        Err(TryLockError::Poisoned(left)) => left.into_inner(),
        Err(TryLockError::WouldBlock) => {
            return Err(JournalError::new(
                JournalErrorKind::Locked,
                "this program is archiving the journal already",
            ));
        }
    };
    let (files, own) = journal.surroundings()?;
    // Not proven to be the truth, its rows must not become anybody's only ones.
    if let Some(doubt) = journal.doubted()? {
        return Err(misplaced(format!("nothing can be archived: {doubt}")));
    }
    let to = opening::resolve(&*files, to)?;
    anothers::refuse(&*files, &to)?;
    file_system::refuse_elsewhere(&to)?;
    if let Some(own) = &own {
        refuse_part_of(own, &to)?;
    }
    place::refuse_if_open_here(&*files, &to)?;
    let (part, file) = match begun_at(journal, &files, before, &to)? {
        Some((part, file)) if part.progress == Progress::Whole => {
            let (payments, moved, left) = (all_of_it(journal, &part, &file, &to)?, 0, 0);
            // A copy that was made before the archive itself was finished: nobody could read it.
            if !file.is_finished()? {
                file.finish(&*files, &to)?;
            }
            return Ok(Archived { payments, moved, left });
        }
        Some(begun) => begun,
        None => match begin(journal, &files, before, &to, tell)? {
            Some(begun) => begun,
            None => return Ok(Archived::default()),
        },
    };
    // Whoever gave it its name may have died before the name was durable.
    files.sync_directory(&to).map_err(|error| failure::at(&to, &error))?;
    copies::take_away(&*files, &draft(&to, &part.token));
    take_drafts_away(journal, &*files)?;
    let (moved, left) = take_out(journal, &part, &file, tell)?;
    let payments = all_of_it(journal, &part, &file, &to)?;
    file.finish(&*files, &to)?;
    journal.end_part(Part { progress: Progress::Whole, path: to, ..part })?;
    Ok(Archived { payments, moved, left })
}

/// How many payments the archive has: those that left the journal for it, no fewer and no more.
fn all_of_it(
    journal: &impl Shelves,
    part: &Part,
    file: &ArchiveFile,
    to: &Path,
) -> Result<u64, JournalError> {
    let payments = file.count()?;
    let taken = journal.taken(part.number)?;
    if taken == payments {
        return Ok(payments);
    }
    Err(JournalError::new(
        JournalErrorKind::Corrupt,
        format!(
            "{} has {payments} payments, and {taken} left the journal for it; it is an older copy, \
             or was changed: put the right one there",
            to.display()
        ),
    ))
}

/// The archive at `to`, if one was begun there.
fn begun_at(
    journal: &impl Shelves,
    files: &Arc<dyn Files>,
    before: WallTime,
    to: &Path,
) -> Result<Option<(Part, ArchiveFile)>, JournalError> {
    let opened = ArchiveFile::open(files, to).map_err(|error| match error.kind {
        JournalErrorKind::Corrupt => misplaced(format!(
            "{} exists already, and is no archive ({})",
            to.display(),
            error.message
        )),
        _ => failure::named(to, error),
    })?;
    let Some(file) = opened else { return Ok(None) };
    let exists = |why: &str| misplaced(format!("{} exists already: {why}", to.display()));
    if *file.incarnation() != journal.name()? {
        return Err(exists("it is another journal's archive"));
    }
    let token = file.token()?;
    let known = journal.parts()?.into_iter().find(|part| part.token == token);
    let part = known.ok_or_else(|| {
        exists("this journal knows nothing of that archive, as an older copy of it would not")
    })?;
    if part.progress == Progress::GivenUp {
        return Err(exists("that archive took nothing out, and was given up; remove it"));
    }
    let other = file.before()?;
    if other != before {
        let until = other.wib_text();
        return Err(exists(&format!("that archive has payments from before {until} WIB")));
    }
    Ok(Some((part, file)))
}

/// Draws an archive up at `to`; `None` if no payment is over.
fn begin(
    journal: &impl Shelves,
    files: &Arc<dyn Files>,
    before: WallTime,
    to: &Path,
    tell: Tell<'_>,
) -> Result<Option<(Part, ArchiveFile)>, JournalError> {
    let other = in_the_way(journal)?;
    refuse_what_is_there(&**files, to)?;
    let mut seen = 0;
    let mut rows = journal.next_over(&mut seen, before)?;
    if rows.is_empty() && other.is_none() {
        return Ok(None);
    }
    let token = draft_name(&**files)?.replace(".new-", "");
    let part = journal.begin_part(token, to)?;
    take_drafts_away(journal, &**files)?;
    if rows.is_empty() {
        journal.end_part(Part { progress: Progress::GivenUp, ..part })?;
        return Ok(None);
    }
    let head = Head {
        token: part.token.clone(),
        before,
        journal: journal.belongings()?,
        incarnation: journal.name()?,
    };
    let mut progress = ArchiveProgress::default();
    let published = Draft::drawn(&**files, to, &draft_suffix(&part.token), |draft| {
        archive::draw_up(&**files, draft, &head, || {
            let next = std::mem::take(&mut rows);
            rows = match next.is_empty() {
                true => Vec::new(),
                false => journal.next_over(&mut seen, before)?,
            };
            progress.payments += next.len() as u64;
            told(tell, progress)?;
            Ok(next)
        })
    })
    .and_then(|drawn| drawn.publish().map_err(|error| failure::named(to, error)));
    if let Err(error) = published {
        // Whoever begins one gives the other up and takes its draft away.
        return Err(overtaken(journal, &part).unwrap_or(error));
    }
    let file = ArchiveFile::open(files, to)?.ok_or_else(|| gone(to))?;
    Ok(Some((part, file)))
}

/// The one that is not whole, if it may make way for another one.
fn in_the_way(journal: &impl Shelves) -> Result<Option<Part>, JournalError> {
    let is_open = |part: &Part| part.progress == Progress::Open;
    let Some(other) = journal.parts()?.into_iter().find(is_open) else { return Ok(None) };
    match journal.taken(other.number)? {
        0 => Ok(Some(other)),
        taken => Err(parts::is_in_the_way(&other, taken)),
    }
}

/// What to say of a failure if somebody else has begun to archive meanwhile.
fn overtaken(journal: &impl Shelves, part: &Part) -> Option<JournalError> {
    let parts = journal.parts().ok()?;
    let open = parts.into_iter().find(|part| part.progress == Progress::Open);
    (open.map(|open| open.number) != Some(part.number)).then(parts::is_overtaken)
}

/// Takes away what was drawn up of archives that were given up since: nobody looks for it.
fn take_drafts_away(journal: &impl Shelves, files: &dyn Files) -> Result<(), JournalError> {
    let parts = journal.parts()?;
    for part in parts.iter().filter(|part| part.progress == Progress::GivenUp) {
        copies::take_away(files, &draft(&part.path, &part.token));
    }
    Ok(())
}

/// Takes what the archive has out of the journal. How many it took, and how many stay.
fn take_out(
    journal: &impl Shelves,
    part: &Part,
    file: &ArchiveFile,
    tell: Tell<'_>,
) -> Result<(u64, u64), JournalError> {
    let mut progress = ArchiveProgress { moved: 0, payments: file.count()? };
    let (mut stay, mut moved) = (Vec::new(), 0);
    let mut last = PaymentId(0);
    loop {
        let rows = file.behind(last, BATCH)?;
        let Some(newest) = rows.last() else { break };
        last = newest.id;
        let began = Instant::now();
        let count = rows.len() as u64;
        let (gone, changed) = journal.take_out(part.number, rows)?;
        moved += gone;
        progress.moved += count - changed.len() as u64;
        stay.extend(changed);
        told(tell, progress)?;
        // Half of the time is the payments'.
        std::thread::sleep(began.elapsed());
    }
    file.drop_rows(&stay)?;
    Ok((moved, stay.len() as u64))
}

impl SqliteJournal {
    /// Moves payments that were begun before `before` and are over (settled, acknowledged, with no look
    /// behind due, their phones forgotten) into a file of the same schema at `to`, while payments go on.
    /// Their numbers and invoices stay known here, and are never given again.
    ///
    /// Broken off, it is called again with the same `before` and `to`, and finishes what it began; called
    /// once more, it changes nothing. `tell` may break it off.
    ///
    /// # Errors
    /// `Misplaced` if something else is at `to`, another archive is not finished, or the journal is
    /// doubted; `Locked` if somebody archives it already, or began to meanwhile; `Gone` if the archive was taken away
    /// meanwhile; `Full`, `ReadOnly`, `Io`. Every payment is in the journal, in the archive, or in both.
    pub fn archive(
        &self,
        before: WallTime,
        to: &Path,
        tell: Tell<'_>,
    ) -> Result<Archived, JournalError> {
        archive(self, before, to, tell)
    }

    /// Where the archive is that was begun, and is not finished.
    pub(super) fn unfinished_archive(&self) -> Result<Option<PathBuf>, JournalError> {
        let part = self.read(|engine| {
            parts::open(&engine.connection).map_err(|error| failure::sqlite("archive", &error))
        })?;
        Ok(part.map(|part| part.path))
    }
}

impl Shelves for SqliteJournal {
    fn archiving(&self) -> &Mutex<()> {
        &self.archiving
    }

    fn surroundings(&self) -> Result<(Arc<dyn Files>, Option<PathBuf>), JournalError> {
        self.read(|engine| {
            let own = engine.connection.path().map(PathBuf::from);
            Ok((Arc::clone(engine.place.files()), own))
        })
    }

    fn doubted(&self) -> Result<Option<String>, JournalError> {
        self.read(|engine| {
            super::engine::Water::read(&engine.connection)
                .and_then(|water| restored::reason(&engine.connection, &water))
                .map_err(|error| failure::sqlite("archive", &error))
        })
    }

    fn name(&self) -> Result<Incarnation, JournalError> {
        self.read(|engine| Ok(engine.incarnation))
    }

    fn belongings(&self) -> Result<Vec<(String, Value)>, JournalError> {
        self.read(|engine| {
            let value = |name: &&str| {
                super::meta::get::<Value>(&engine.connection, name)
                    .map(|value| value.map(|value| ((*name).to_owned(), value)))
                    .map_err(|error| failure::sqlite("archive", &error))
            };
            let known: Vec<Option<(String, Value)>> =
                archive::TAKEN_OVER.iter().map(value).collect::<Result<_, _>>()?;
            Ok(known.into_iter().flatten().collect())
        })
    }

    fn parts(&self) -> Result<Vec<Part>, JournalError> {
        self.read(|engine| {
            parts::all(&engine.connection).map_err(|error| failure::sqlite("archive", &error))
        })
    }

    fn taken(&self, number: u32) -> Result<u64, JournalError> {
        self.read(|engine| {
            parts::taken(&engine.connection, number)
                .map_err(|error| failure::sqlite("archive", &error))
        })
    }

    fn begin_part(&self, token: String, path: &Path) -> Result<Part, JournalError> {
        match self.submit(Write::BeginPart(token, path.to_owned()))? {
            Written::Part(part) => Ok(part),
            _ => Err(super::sqlite::mixed_up()),
        }
    }

    fn end_part(&self, part: Part) -> Result<(), JournalError> {
        self.submit(Write::EndPart(part)).map(drop)
    }

    fn next_over(&self, seen: &mut i64, before: WallTime) -> Result<Vec<Payment>, JournalError> {
        let last = self.last_id()?;
        let rest = format!(
            "WHERE id > ?1 AND id <= ?2 AND wall < ?3 AND {} ORDER BY id",
            schema::is_over()
        );
        let mut found = Vec::new();
        while *seen < last && found.is_empty() {
            let end = seen.saturating_add(STRIDE).min(last);
            self.report(|view| {
                view.rows("archive", &rest, (*seen, end, before.unix_millis()), |_, row| {
                    found.extend(row);
                    true
                })
            })?;
            *seen = end;
        }
        Ok(found)
    }

    fn take_out(
        &self,
        number: u32,
        rows: Vec<Payment>,
    ) -> Result<(u64, Vec<PaymentId>), JournalError> {
        match self.submit(Write::TakeOut(number, rows))? {
            Written::TakenOut(gone, changed) => Ok((gone, changed)),
            _ => Err(super::sqlite::mixed_up()),
        }
    }
}

/// What stands behind the archive's name in that of its draft.
fn draft_suffix(token: &str) -> String {
    format!(".new-{token}")
}

fn draft(to: &Path, token: &str) -> PathBuf {
    place::with_suffix(to, &draft_suffix(token))
}

fn told(tell: Tell<'_>, progress: ArchiveProgress) -> Result<(), JournalError> {
    match tell(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(JournalError::new(
            JournalErrorKind::Io,
            "archiving was broken off; archive into the same file once more, and it goes on",
        )),
    }
}

fn gone(path: &Path) -> JournalError {
    failure::at(path, &io::ErrorKind::NotFound.into())
}
