//! Opening a journal: made whole or not at all, checked before it is trusted. Here is the order of it, from
//! the lock to the set-up engine; how one is created, connected to and admitted stands in the rooms below.

mod admission;
mod connecting;
mod creating;
mod left_log;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::admission::{Found, admit};
pub(super) use self::connecting::{
    Access, SHARED_PATIENCE, configure, connect, connect_reader, run, sqlite_on,
};
use self::creating::create;
pub(super) use self::creating::{PAGE_SIZE, random};
use super::SqliteOptions;
use super::address;
use super::anothers;
use super::archive;
use super::aside;
use super::companion;
use super::engine::{self, Engine};
use super::failure;
use super::file_system;
use super::files::Files;
use super::indexes::{self, Damage};
use super::lock::Lock;
use super::log::{self, Alone};
use super::mark::MarkFile;
use super::migration;
use super::notes;
use super::place::{self, Place};
use super::reserve::Reserve;
use crate::journal::{Finding, JournalError, JournalErrorKind};
use crate::numbering::MAX_NUMBER;

/// The first SQLite without the write-ahead log's reset race ([policy 1.8], J14). 3.52.0, which
/// was withdrawn, has the repair too.
///
/// [policy 1.8]: crate::manual::policy#18-sqlite-before-3513-could-lose-a-log
const OLDEST_SQLITE: i32 = 3_051_003;

pub(super) fn open(
    files: &Arc<dyn Files>,
    path: &Path,
    options: &SqliteOptions,
    purpose: Purpose,
) -> Result<Engine, JournalError> {
    refuse_old_sqlite(rusqlite::version_number())?;
    if options.first_batch.is_some_and(|batch| !(1..=MAX_NUMBER).contains(&batch)) {
        return Err(JournalError::new(
            JournalErrorKind::Numbers,
            "the first batch must be 1 to 999999",
        ));
    }
    let path = resolve(&**files, path)?;
    file_system::refuse_elsewhere(&path)?;
    anothers::refuse(&**files, &path)?;
    if files.vfs().is_none() {
        file_system::refuse_lone_mount(&path)?;
    }
    place::refuse_if_open_here(&**files, &path)?;
    place::refuse_archive(&**files, &path)?;
    let lock = Lock::take(files, &path, options.shared, SHARED_PATIENCE)?;
    let opened = match attempt_with_reserve(files, &path, options, &lock, purpose) {
        Err(unusable)
            if options.set_aside_unusable
                && !lock.found_others()
                && is_unusable(&**files, &path, &unusable) =>
        {
            let aside = aside::under_lock(files, &path, &lock)?;
            attempt_with_reserve(files, &path, options, &lock, purpose).map(|mut engine| {
                engine.findings.push(Finding {
                    critical: true,
                    message: format!(
                        "the journal could not be used ({}); it was set aside as {}, and a new one \
                         was begun",
                        unusable.message,
                        aside.display()
                    ),
                });
                engine
            })
        }
        // Nobody has the file open now, whose locks could go.
        Err(error) if error.kind == JournalErrorKind::Corrupt && !lock.found_others() => {
            failure::refuse_unreadable(&**files, &path).and(Err(error))
        }
        other => other,
    };
    let mut engine = opened.map_err(|error| failure::named(&path, error))?;
    let obstacle = lock.obstacle();
    engine.findings.extend(obstacle.map(|message| Finding { critical: true, message }));
    engine.findings.extend(companion::not_its_own(&**files, &path));
    let is_first = !lock.found_others();
    engine.lock = Some(lock);
    if is_first {
        // What was noted for those who shared it before is over.
        engine.tell_the_others(engine.place.as_shared())?;
    }
    engine.end_turn();
    Ok(engine)
}

/// What is in the journal, or was set aside there, must be settled on a full disk too (J2, J3).
fn attempt_with_reserve(
    files: &Arc<dyn Files>,
    path: &Path,
    options: &SqliteOptions,
    lock: &Lock,
    purpose: Purpose,
) -> Result<Engine, JournalError> {
    let owes = || files.look(path).is_ok() || !aside::former(&**files, path).is_empty();
    let mut opened = attempt(files, path, options, lock, purpose);
    if opened.as_ref().is_err_and(|error| error.kind == JournalErrorKind::Corrupt) {
        // A page that the disk did not give once is no damage.
        opened = attempt(files, path, options, lock, purpose);
    }
    match opened {
        Err(full) if full.kind == JournalErrorKind::Full && owes() => {
            if Reserve::open(&**files, path).release() {
                attempt(files, path, options, lock, purpose)
            } else {
                Err(full)
            }
        }
        other => other,
    }
}

/// The journal's own name, whatever directory the process changes to.
pub(super) fn resolve(files: &dyn Files, path: &Path) -> Result<PathBuf, JournalError> {
    address::refuse(path)?;
    // Log, mark and lock lie beside the file itself, not beside a link to it (J24).
    std::path::absolute(path)
        .and_then(|path| files.resolve(&path))
        .map_err(|error| failure::at(path, &error))
}

/// With what to do about a journal of now that is damaged.
pub(super) fn with_cure(files: &dyn Files, path: &Path, mut error: JournalError) -> JournalError {
    let place = resolve(files, path).ok().and_then(|path| aside::place_of(&path));
    if let Some(place) = place {
        error.message = failure::without_cure(&error).to_owned();
        if error.kind == JournalErrorKind::Corrupt {
            error.message.push_str(&format!(
                "; it lies set aside: mend it there, or put a whole copy of it there; payments go into the \
                 journal at {}, which settles what this one owes",
                place.display()
            ));
        }
        return error;
    }
    // Any file may be given by mistake; a journal that is damaged was one.
    let is_ours = resolve(files, path).is_ok_and(|path| {
        anothers::has_a_journal(files, &path) && is_unusable(files, &path, &error)
    });
    if error.kind == JournalErrorKind::Corrupt && is_ours && !error.message.contains("set-aside") {
        error
            .message
            .push_str("; put the right file there, or `ovo-ptp journal set-aside` this one");
    }
    error
}

/// Whether opening again would fail again: the file is damaged, or missing beside its log.
fn is_unusable(files: &dyn Files, path: &Path, error: &JournalError) -> bool {
    match error.kind {
        // It would go where no journal looks for it.
        _ if aside::lies_aside(path) => false,
        JournalErrorKind::Corrupt => {
            files.look(path).is_ok_and(|look| look.is_file)
                && !place::is_another_applications(files, path)
        }
        // Not where one was moved away: that one is whole, and only elsewhere.
        JournalErrorKind::Misplaced => {
            files.look(path).is_err() && place::left_log(files, path).is_ok_and(|log| log.is_some())
        }
        _ => false,
    }
}

/// What a journal is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// To take payments: it is made if there is none.
    Sell,
    /// The same, as one with those that were set aside there, which are asked for their numbers.
    Succeed,
    /// To be set aside.
    SetAside,
    /// To be moved: one whose move was broken off is admitted, too.
    Move,
}

/// Opens what is at `path`, once, under a lock that the caller has.
pub(super) fn attempt(
    files: &Arc<dyn Files>,
    path: &Path,
    options: &SqliteOptions,
    lock: &Lock,
    purpose: Purpose,
) -> Result<Engine, JournalError> {
    anothers::refuse_as_log(&**files, path)?;
    companion::refuse_anothers_log(&**files, path)?;
    let place = match Place::claim(files, path)? {
        Some(place) => {
            aside::take_back_all(&**files, path)?;
            place
        }
        None => {
            aside::finish(&**files, path).map_err(|error| failure::file("open", &error))?;
            place::refuse_left_log(&**files, path)?;
            if !matches!(purpose, Purpose::Sell | Purpose::Succeed) {
                return Err(JournalError::new(JournalErrorKind::Misplaced, "no journal is there"));
            }
            notes::refuse_to_begin(&**files, path)?;
            create(&**files, path)?;
            Place::claim(files, path)?.ok_or_else(|| {
                JournalError::new(JournalErrorKind::Gone, "the file was deleted while it was made")
            })?
        }
    };
    // Where others have it open, or could have, database and log are on their way.
    let is_alone = !lock.found_others() && (lock.is_held() || !options.shared);
    let alone = if is_alone { Alone::read(&**files, path) } else { None };
    let log_was_left = match files.read(&place::with_suffix(path, "-wal"), 1) {
        Ok(first) => !first.is_empty(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        // Taken for no log, one with a hole would be trusted (J6).
        Err(error) => return Err(failure::at(&place::with_suffix(path, "-wal"), &error)),
    };
    let damage = match is_alone {
        true => Damage::look(&**files, path, log_was_left),
        false => None,
    };
    if lock.found_others() {
        place::refuse_lost_locks(&**files, path)?;
    }
    let access = match options.shared {
        true => Access::Host,
        false if cfg!(unix) && lock.is_held() && files.vfs().is_none() => Access::Process,
        false => Access::One,
    };
    let opened = connect(&**files, path, access).and_then(|connection| {
        let has_company = lock.found_others();
        let found = Found { is_alone, alone, log_was_left, damage, has_company, purpose };
        admit(&**files, path, connection, place, options, &found)
    });
    let mut engine = opened.map_err(|error| match error.kind {
        // Without its log it can be read, and with it it cannot.
        JournalErrorKind::Corrupt
            if log_was_left && is_alone && log::is_sound_without(&**files, path) =>
        {
            log::foreign(path)
        }
        JournalErrorKind::ReadOnly => {
            let message = format!(
                "{}: {}; the file, its log and its directory must be writable for the user that runs \
                 the shop",
                path.display(),
                error.message
            );
            JournalError { message, ..error }
        }
        _ => error,
    })?;
    engine.access = access;
    engine.place.settle(access)?;
    if !engine.has_its_reserve() {
        let lacks = engine.lacks_its_reserve();
        engine.findings.extend(lacks.map(|message| Finding { critical: true, message }));
    }
    Ok(engine)
}

/// What a private copy is read for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CopyFor {
    /// What it says is told, or kept as a backup.
    Telling,
    /// Whether it knows a payment that would be pushed otherwise, of a journal that its shop refuses.
    Asking,
}

/// A private copy that was made to be read: but for the log, which is judged as at the shop's own opening,
/// nothing in it is judged, remembered or marked, and nobody else has it. Of an earlier release's journal
/// the copy is brought up to date. `original`: what it is a copy of.
pub(super) fn open_copy(
    files: &Arc<dyn Files>,
    path: &Path,
    original: &Path,
    kinds: &[i32],
    purpose: CopyFor,
) -> Result<Engine, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("read", &error);
    refuse_old_sqlite(rusqlite::version_number())?;
    let gone = || JournalError::new(JournalErrorKind::Gone, "the copy for reading is gone");
    let place = Place::claim_any(files, path, kinds)?.ok_or_else(gone)?;
    let log = place::with_suffix(path, "-wal");
    let mut has_log = files.look(&log).is_ok();
    if has_log {
        match log::refuse_foreign_beside_copy(&**files, path, original) {
            // Closed, the file alone is whole; with its own log missing it may know any payment.
            Err(foreign)
                if purpose == CopyFor::Asking
                    && foreign.kind == JournalErrorKind::Misplaced
                    && Alone::read(&**files, path).is_some_and(|it| !it.needs_its_log()) =>
            {
                files.remove(&log).map_err(|error| failure::file("read", &error))?;
                has_log = false;
            }
            judged => judged?,
        }
    }
    // A report finds damage and says so; whoever asks hears what an open one would answer.
    let damage = match purpose {
        CopyFor::Asking => Damage::look(&**files, path, has_log),
        CopyFor::Telling => None,
    };
    let connection = connect(&**files, path, Access::One)?;
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    archive::refuse_unfinished(&connection)?;
    let incarnation = engine::meta(&connection, "incarnation").map_err(failed)?;
    migration::bring_up_to_date(&connection, &incarnation)?;
    if let Some(damage) = &damage {
        indexes::mend(&connection, damage)?;
    }
    connection.execute_batch("COMMIT").map_err(failed)?;
    let (mark, _) = MarkFile::open(&**files, path);
    let reserve = Reserve::open(&**files, path);
    Ok(Engine::new(connection, place, mark, reserve, incarnation, None))
}

fn refuse_old_sqlite(version: i32) -> Result<(), JournalError> {
    if version >= OLDEST_SQLITE {
        return Ok(());
    }
    Err(JournalError::new(
        JournalErrorKind::Version,
        format!(
            "SQLite {version} can damage a write-ahead log; {OLDEST_SQLITE} or newer is needed"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j14_an_sqlite_that_can_lose_a_log_is_refused() {
        assert_eq!(refuse_old_sqlite(3_051_002).unwrap_err().kind, JournalErrorKind::Version);
        refuse_old_sqlite(3_051_003).unwrap();
        refuse_old_sqlite(rusqlite::version_number()).unwrap();
    }
}
