//! Setting a journal aside: all of its files as one, under another name beside the next journal,
//! which begins above its numbers ([fault J20]).
//!
//! First every file gets its second name, then the first ones go, the database's before its log's.
//! So a power cut leaves the journal under its old name, or under its new one, each time with its
//! log; what then lies under the old name too is taken away by whoever comes next.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::engine::{self, Water};
use super::files::{Files, Identity, SystemFiles};
use super::lock::Lock;
use super::mark::{self, Mark};
use super::notes::Note;
use super::opening::Purpose;
use super::owing::Debt;
use super::place::LOGS;
use super::{anothers, companion, failure, fork, handover, log, opening, owing, place, stray_log};
use crate::journal::{JournalError, JournalErrorKind, SqliteOptions};

/// So many journals can be set aside at one place; nobody needs more, and each is looked at when
/// the next one opens.
const MOST: u32 = 99;

/// Sets the journal at `path` aside, so that the next one can begin there, and returns where it is
/// now: `<path>.aside-1`, or the next number that is free. Nothing in it changes. The next journal
/// at `path` begins above its numbers, and settles what it owes as long as it lies there.
///
/// Called again behind a power cut it finishes what it began.
///
/// # Errors
/// `Locked` if a process has it open, `Misplaced` if nothing is there, `Io`, `ReadOnly`, `Full`.
pub fn set_aside(path: impl AsRef<Path>) -> Result<PathBuf, JournalError> {
    set_aside_on(&(Arc::new(SystemFiles) as Arc<dyn Files>), path.as_ref())
}

/// The same on another file system, for simulations.
///
/// # Errors
/// As for [`set_aside`].
#[doc(hidden)]
pub fn set_aside_on(files: &Arc<dyn Files>, path: &Path) -> Result<PathBuf, JournalError> {
    let _inside = fork::inside();
    let path = opening::resolve(&**files, path)?;
    place::refuse_if_open_here(&**files, &path)?;
    place::refuse_archive(&**files, &path)?;
    anothers::refuse(&**files, &path)?;
    refuse_what_lies_aside(&path)?;
    let lock = Lock::take(files, &path, false, opening::SHARED_PATIENCE)?;
    under_lock(files, &path, &lock)
}

pub(super) fn under_lock(
    files: &Arc<dyn Files>,
    path: &Path,
    lock: &Lock,
) -> Result<PathBuf, JournalError> {
    let doing = |error: io::Error| failure::file("set aside", &error);
    finish(&**files, path).map_err(doing)?;
    take_back_all(&**files, path)?;
    if let Some(aside) = stray_log::give_back(&**files, path)? {
        return Ok(aside);
    }
    // A sound one is closed properly first: its log moved, its numbers in its mark. One that somebody
    // has open is not ours to take away, whatever became of its lock file.
    let open = || opening::attempt(files, path, &SqliteOptions::default(), lock, Purpose::SetAside);
    let mut opened = open();
    if opened.as_ref().is_err_and(|error| *error == log::foreign(path)) {
        stray_log::put_away(&**files, path)?;
        opened = open();
    }
    let (owing, takes_its_mark) = match opened {
        Ok(engine) => {
            let owing = owing::all(&engine.connection);
            engine.close();
            (owing, true)
        }
        // What only the disk, the mode or somebody else keeps from being opened is not damaged: its
        // log must be moved into it first.
        Err(error) if !is_beyond_repair(error.kind) => return Err(error),
        // Whose it is only the mark may tell, unless that is left of one that lies aside already.
        Err(_) => {
            let as_it_is = log::as_it_is(&**files, path);
            // In a database its numbers go on: the next journal here would hand them out, too.
            if let Ok(connection) = &as_it_is {
                handover::refuse_moved_into_a_database(connection)?;
            }
            let owing = as_it_is.and_then(|connection| owing::all(&connection));
            (owing, !is_left_mark(&**files, path))
        }
    };
    let files = &**files;
    if names(files, path).next().is_none() {
        return Err(JournalError::new(
            JournalErrorKind::Misplaced,
            format!("there is no journal at {}", path.display()),
        ));
    }
    // As far as it can be read.
    let aside = free_name(files, path, &owing.unwrap_or_default())?;
    let named = give_names(files, path, &aside)
        .and_then(|()| if takes_its_mark { copy_mark(files, path, &aside) } else { Ok(()) })
        .and_then(|()| files.sync_directory(path));
    if let Err(error) = named {
        // Nothing is aside: a second name of the log would later be taken for a log of its own.
        take_names_away(files, path, &aside);
        return Err(doing(error));
    }
    remove_names(files, path).map_err(doing)?;
    Ok(aside)
}

fn is_beyond_repair(kind: JournalErrorKind) -> bool {
    use JournalErrorKind::{Corrupt, Io, Misplaced, Version};
    matches!(kind, Corrupt | Io | Misplaced | Version)
}

fn give_names(files: &dyn Files, path: &Path, aside: &Path) -> io::Result<()> {
    for suffix in LOGS.into_iter().chain([""]) {
        let (from, to) = (place::with_suffix(path, suffix), place::with_suffix(aside, suffix));
        match files.link(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // By an earlier call that was broken off; what it is not must not lose its only name.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && identity(files, &from).is_some()
                    && identity(files, &from) == identity(files, &to) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Whether the mark at the place is that of a journal which was set aside before. Beside another file it
/// would have that one go by its name, and it would not be missed.
fn is_left_mark(files: &dyn Files, path: &Path) -> bool {
    let goes_on_from = |aside: &Path, mark: &Mark| {
        mark::read(files, aside).is_some_and(|theirs| theirs.goes_on_from(mark))
    };
    mark::read(files, path)
        .is_some_and(|mark| former(files, path).iter().any(|(_, aside)| goes_on_from(aside, &mark)))
}

/// Takes the names away again that a call which was broken off gave to the files of the journal, as
/// long as that has its own ones, too.
///
/// # Errors
/// `Misplaced` if the log is under the other name only: somebody linked a journal back without it.
pub(super) fn take_back_all(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    if !files.look(path).is_ok_and(|look| look.names > 1) {
        return Ok(());
    }
    for aside in (1..=MOST).map(|number| numbered(path, number)) {
        if !is_second(files, path, &aside, "") {
            continue;
        }
        if let Some(log) = place::left_log(files, &aside)? {
            if LOGS.into_iter().all(|suffix| !is_second(files, path, &aside, suffix)) {
                return Err(JournalError::new(
                    JournalErrorKind::Misplaced,
                    format!(
                        "{} is a second name of {}, and the log {}, which holds payments, has only \
                         that one: take the name {} away, and let what was set aside lie there",
                        path.display(),
                        aside.display(),
                        log.display(),
                        path.display()
                    ),
                ));
            }
        }
        take_names_away(files, path, &aside);
    }
    Ok(())
}

/// Whatever has its only name there is somebody else's, or all that is left of the journal.
fn take_names_away(files: &dyn Files, path: &Path, aside: &Path) {
    let is_second = |suffix: &str| is_second(files, path, aside, suffix);
    if !LOGS.into_iter().chain([""]).any(is_second) {
        return;
    }
    // The database last: without it the others are nobody's log. The mark is a copy, made there.
    for suffix in LOGS.into_iter().filter(|suffix| is_second(suffix)).chain([".mark"]) {
        let _ = files.remove(&place::with_suffix(aside, suffix));
    }
    if is_second("") {
        let _ = files.remove(aside);
    }
}

/// Whether a file of the journal has its name at `aside`, too.
fn is_second(files: &dyn Files, path: &Path, aside: &Path, suffix: &str) -> bool {
    let own = identity(files, &place::with_suffix(path, suffix));
    own.is_some() && own == identity(files, &place::with_suffix(aside, suffix))
}

fn identity(files: &dyn Files, path: &Path) -> Option<Identity> {
    files.look(path).ok().map(|look| look.identity)
}

/// The mark stays: the next journal must know the numbers of this one. This one takes a copy along.
pub(super) fn copy_mark(files: &dyn Files, path: &Path, aside: &Path) -> io::Result<()> {
    const LONGEST: usize = 1024;
    let mark = match files.read(&place::with_suffix(path, ".mark"), LONGEST) {
        Ok(mark) => mark,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let to = place::with_suffix(aside, ".mark");
    let mut file = companion::open(files, &to)?;
    file.write(0, &mark)?;
    file.sync()
}

/// What of the journal is there, by suffix.
fn names<'a>(files: &'a dyn Files, path: &'a Path) -> impl Iterator<Item = &'static str> + 'a {
    [""].into_iter().chain(LOGS).filter(move |suffix| {
        let there = place::with_suffix(path, suffix);
        // An empty log is what a closed journal may leave.
        if suffix.is_empty() {
            files.look(&there).is_ok()
        } else {
            files.read(&there, 1).is_ok_and(|first| !first.is_empty())
        }
    })
}

pub(super) fn remove_names(files: &dyn Files, path: &Path) -> io::Result<()> {
    for suffix in [""].into_iter().chain(LOGS).chain(["-shm"]) {
        match files.remove(&place::with_suffix(path, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    files.sync_directory(path)
}

/// Takes away what a broken-off call left under the old name: a log without its database that has
/// its new name already.
pub(super) fn finish(files: &dyn Files, path: &Path) -> io::Result<()> {
    if files.look(path).is_ok() {
        return Ok(());
    }
    let is_aside = |suffix: &str| {
        let own = identity(files, &place::with_suffix(path, suffix));
        own.is_some()
            && (1..=MOST).any(|number| {
                let aside = numbered(path, number);
                identity(files, &aside).is_some()
                    && identity(files, &place::with_suffix(&aside, suffix)) == own
            })
    };
    if LOGS.into_iter().any(is_aside) { remove_names(files, path) } else { Ok(()) }
}

/// The name of the journal that was set aside as the `number`th.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    place::with_suffix(path, &format!(".aside-{number}"))
}

/// The place at which the journal of this name was set aside, by the name alone.
pub(super) fn place_of(path: &Path) -> Option<PathBuf> {
    let (place, number) = path.file_name()?.to_str()?.rsplit_once(".aside-")?;
    let is_number = (1..=MOST).any(|it| it.to_string() == number);
    (is_number && !place.is_empty()).then(|| path.with_file_name(place))
}

/// Whether it lies set aside, whether the next journal is begun at the place or not: it stays there, where
/// that one looks for it.
pub(super) fn lies_aside(path: &Path) -> bool {
    place_of(path).is_some()
}

/// Under one more such name no journal would look for it.
fn refuse_what_lies_aside(path: &Path) -> Result<(), JournalError> {
    match place_of(path) {
        None => Ok(()),
        Some(place) => Err(JournalError::new(
            JournalErrorKind::Misplaced,
            format!(
                "{} lies set aside already, as its name says: leave it there, where the journal at {}, or \
                 the next one that begins there, settles what it owes and knows its invoices; a damaged \
                 one is mended there, or a whole copy of it is put there",
                path.display(),
                place.display()
            ),
        )),
    }
}

/// The names of the place under which nothing lies set aside.
pub(super) fn gone_from<'a>(
    files: &'a dyn Files,
    path: &'a Path,
) -> impl Iterator<Item = PathBuf> + 'a {
    (1..=MOST)
        .map(|number| numbered(path, number))
        .filter(|aside| matches!(files.is_taken(aside), Ok(false)))
}

/// Where the journal of this mark is, if it was set aside at `path` and moved to a place of its own since,
/// and the number in the name that it had.
pub(super) fn moved_away(files: &dyn Files, path: &Path, mark: &Mark) -> Option<(u32, PathBuf)> {
    const STEPS: usize = 9;
    let goes_to = |path: &Path| Note::Moved.read(files, path).ok().flatten();
    let is_at = |there: &PathBuf| {
        mark::read(files, there).is_some_and(|it| it.goes_on_from(mark)) || has(files, there, mark)
    };
    (1..=MOST).find_map(|number| {
        let first = goes_to(&numbered(path, number))?;
        let mut steps = std::iter::successors(Some(first), |there| goes_to(there)).take(STEPS);
        steps.find(is_at).map(|there| (number, there))
    })
}

/// Where what lay set aside at `path` lies, if an earlier release set it aside once more.
pub(super) fn set_aside_twice(files: &dyn Files, aside: &Path) -> Option<PathBuf> {
    former(files, aside).pop().map(|(_, twice)| twice)
}

/// The first name that is free, or that a broken-off call gave this very journal. One that is missed has
/// its number for itself: it is to be put back there.
fn free_name(files: &dyn Files, path: &Path, owing: &[Debt]) -> Result<PathBuf, JournalError> {
    let is_missed =
        |number: u32| owing.iter().any(|debt| debt.is_owed() && debt.number == i64::from(number));
    let is_second = |aside: &Path, suffix: &str| is_second(files, path, aside, suffix);
    // What cannot be looked at is taken, and so is a link that leads nowhere today.
    let is_free = |path: &Path| matches!(files.is_taken(path), Ok(false));
    (1..=MOST)
        .filter(|number| !is_missed(*number))
        .map(|number| numbered(path, number))
        .find(|aside| {
            [""].into_iter().chain(LOGS).all(|suffix| {
                is_free(&place::with_suffix(aside, suffix)) || is_second(aside, suffix)
            }) && (is_free(&place::with_suffix(aside, ".mark")) || is_second(aside, ""))
                && is_free(&place::with_suffix(aside, ".moved"))
        })
        .ok_or_else(|| {
            JournalError::new(
                JournalErrorKind::Misplaced,
                format!("{MOST} journals were set aside here; archive them"),
            )
        })
}

/// The journals that were set aside at `path`, oldest first, each with its number. One that is only
/// half aside, because that was broken off, is not among them, and each is there once.
pub(super) fn former(files: &dyn Files, path: &Path) -> Vec<(u32, PathBuf)> {
    names_of_former(files, path).0
}

/// Names under which a former journal lies aside once more, each with the one that counts.
pub(super) fn second_names(files: &dyn Files, path: &Path) -> Vec<(PathBuf, PathBuf)> {
    names_of_former(files, path).1
}

/// Links under such a name that lead nowhere today: the disk behind one may come back. Each with its number.
pub(super) fn dead_links(files: &dyn Files, path: &Path) -> Former {
    let is_dead = |aside: &Path| {
        files.look(aside).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            && matches!(files.is_taken(aside), Ok(true))
    };
    let all = (1..=MOST).map(|number| (number, numbered(path, number)));
    all.filter(|(_, aside)| is_dead(aside)).collect()
}

type Former = Vec<(u32, PathBuf)>;

fn names_of_former(files: &dyn Files, path: &Path) -> (Former, Vec<(PathBuf, PathBuf)>) {
    let own = files.look(path).ok().map(|look| look.identity);
    let mut named: Vec<(Identity, Former)> = Vec::new();
    for (number, aside) in (1..=MOST).map(|number| (number, numbered(path, number))) {
        // One that a disk does not show just now would be missed: it is looked at once more.
        let look = files.look(&aside).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Err(error),
            _ => files.look(&aside),
        });
        let Ok(look) = look else { continue };
        if !look.is_file || Some(look.identity) == own {
            continue;
        }
        // Elsewhere files have no numbers that tell one from another.
        match named.iter_mut().find(|(it, _)| cfg!(unix) && *it == look.identity) {
            Some((_, names)) => names.push((number, aside)),
            None => named.push((look.identity, vec![(number, aside)])),
        }
    }
    let (mut former, mut again) = (Former::new(), Vec::new());
    for (_, mut names) in named {
        // A log is known by the file's name: where one lies beside a name, that is the one to open. And no
        // link counts before what it leads to.
        let has_log = |(_, name): &(u32, PathBuf)| {
            place::left_log(files, name).map_or(true, |log| log.is_some())
        };
        let is_itself = |(_, name): &(u32, PathBuf)| {
            files.resolve(name).is_ok_and(|it| it.file_name() == name.file_name())
        };
        let chosen = match names.len() {
            // The disk is asked only where there is a choice.
            1 => None,
            _ => names.iter().position(has_log).or_else(|| names.iter().position(is_itself)),
        };
        let (number, counts) = names.remove(chosen.unwrap_or(0));
        again.extend(names.into_iter().map(|(_, name)| (name, counts.clone())));
        former.push((number, counts));
    }
    former.sort();
    (former, again)
}

/// The same for whoever must not leave one behind: what cannot be looked at is not taken for absent.
pub(super) fn every_former(files: &dyn Files, path: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let look = |path: &Path| match files.look(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    };
    let own = look(path)?.map(|look| look.identity);
    let mut former = Vec::new();
    for (number, aside) in (1..=MOST).map(|number| (number, numbered(path, number))) {
        if look(&aside)?.is_some_and(|look| look.is_file && Some(look.identity) != own) {
            former.push((number, aside));
        }
    }
    Ok(former)
}

/// Logs without the journal that was set aside with them, each with the number in its name and where that
/// one lay.
pub(super) fn left_logs(files: &dyn Files, path: &Path) -> Vec<(u32, PathBuf, PathBuf)> {
    (1..=MOST)
        .map(|number| (number, numbered(path, number)))
        .filter(|(_, aside)| files.look(aside).is_err())
        .filter_map(|(number, aside)| {
            let log = place::left_log(files, &aside).ok()??;
            Some((number, aside, log))
        })
        .collect()
}

/// Whether the journal of this mark lies set aside at `path`, and not only an older copy of it, or
/// its mark alone.
pub(super) fn has(files: &dyn Files, path: &Path, mark: &Mark) -> bool {
    (1..=MOST).map(|number| numbered(path, number)).any(|aside| {
        let is_there = files.look(&aside).is_ok_and(|look| look.is_file)
            || place::left_log(files, &aside).is_ok_and(|log| log.is_some());
        is_there
            && match files.read(&place::with_suffix(&aside, ".mark"), 1) {
                Ok(_) => mark::read(files, &aside).is_none_or(|it| it.goes_on_from(mark)),
                // By hand, without its mark: it says itself who it is.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    says_itself(files, &aside).is_some_and(|it| it.goes_on_from(mark))
                }
                // One that cannot be read says nothing against the journal beside it.
                Err(_) => true,
            }
    })
}

/// The same where nothing else is possible: what lies there says so itself, or its own mark does.
pub(super) fn surely_has(files: &dyn Files, path: &Path, mark: &Mark) -> bool {
    former(files, path).iter().any(|(_, aside)| {
        let said = mark::read(files, aside).or_else(|| says_itself(files, aside));
        said.is_some_and(|it| it.goes_on_from(mark))
    })
}

/// Whether the journal of this mark was set aside at `path`, and is not there any more: its own mark lies
/// there alone, and none of a later day of it.
pub(super) fn is_put_back(files: &dyn Files, path: &Path, own: &Mark) -> bool {
    let asides = || (1..=MOST).map(|number| numbered(path, number));
    let mark = |aside: &PathBuf| {
        mark::read(files, aside).filter(|mark| mark.incarnation == own.incarnation)
    };
    let is_gone = |aside: &PathBuf| matches!(files.is_taken(aside), Ok(false));
    asides().filter_map(|aside| mark(&aside)).all(|mark| own.goes_on_from(&mark))
        && asides().any(|aside| is_gone(&aside) && mark(&aside).is_some())
}

/// What the mark of the journal that lies there would say, for a moment in which nobody has it open.
fn says_itself(files: &dyn Files, aside: &Path) -> Option<Mark> {
    place::refuse_if_open_here(files, aside).ok()?;
    if !files.look(aside).ok()?.is_file || place::is_another_applications(files, aside) {
        return None;
    }
    let connection = log::as_it_is(files, aside).ok()?;
    let read = || -> rusqlite::Result<Mark> {
        let water = Water::read(&connection)?;
        let openings = engine::meta(&connection, "boots")?;
        let incarnation = engine::meta(&connection, "incarnation")?;
        Ok(Mark::open(incarnation, (water.batch, water.reference), openings))
    };
    read().ok()
}
