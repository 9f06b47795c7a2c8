//! Moving a journal to another directory, disk or name, without a doubt about it ([fault J21]).
//!
//! At every moment there is one journal. Whole copies of it, and of what was
//! [set aside](super::aside) beside it, are drawn up at the new place under other names: whatever
//! cannot be copied leaves everything as it was. Then, in one durable commit, the old journal
//! [hands over](super::handover) to its copy, and is refused from there on; the others follow, and
//! the journal's own copy gets its name last. Until then a note keeps anybody from beginning
//! another one there. Whatever breaks the move off, and whichever of both places is out of sight
//! afterwards, nobody goes on at both, and calling again finishes it.
//!
//! [fault J21]: crate::manual::faults#j-disk-and-journal

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::copies::{draft_name, misplaced, refuse_part_of};
use super::files::{Files, SystemFiles};
use super::handover::{Leaving, Seen, refuse_to_lose_a_mark};
use super::lock::Lock;
use super::notes::Note;
use super::{anothers, aside, failure, file_system, fork, mark, opening, place};
use crate::journal::JournalError;

/// Moves the journal at `from` to `to`, to another directory, disk or name, with all that belongs to
/// it (those that were set aside there, too) and without a doubt about it. Nothing is lost at a power
/// cut: called again it finishes what it began, and until then neither place begins another journal.
///
/// # Errors
/// `Locked` if a process has it open, `Misplaced` if nothing is at `from`, something is at `to`, a
/// mark at `to` is another journal's or ahead of this one, the copy that it handed over to is gone,
/// or another move of it was broken off, and as for
/// [`SqliteJournal::open`](crate::journal::SqliteJournal::open).
pub fn move_journal(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), JournalError> {
    let files: Arc<dyn Files> = Arc::new(SystemFiles);
    move_journal_on(&files, from.as_ref(), to.as_ref())
}

/// The same on another file system, for simulations.
///
/// # Errors
/// As for [`move_journal`].
#[doc(hidden)]
pub fn move_journal_on(files: &Arc<dyn Files>, from: &Path, to: &Path) -> Result<(), JournalError> {
    let _inside = fork::inside();
    let (from, to) = (opening::resolve(&**files, from)?, opening::resolve(&**files, to)?);
    file_system::refuse_elsewhere(&to)?;
    if file_system::refuse_in_memory(&from).is_ok() {
        file_system::refuse_in_memory(&to)?;
    }
    if from == to {
        return Err(misplaced(format!("{} lies there already", from.display())));
    }
    refuse_part_of(&from, &to)?;
    refuse_part_of(&to, &from)?;
    anothers::refuse(&**files, &to)?;
    // Nobody may open the journal, or begin another one at the new place, in between.
    let mut locks = Vec::new();
    for path in [&from, &to] {
        place::refuse_if_open_here(&**files, path)?;
        place::refuse_archive(&**files, path)?;
        locks.push(Lock::take(files, path, false, opening::SHARED_PATIENCE)?);
    }
    let former =
        aside::every_former(&**files, &from).map_err(|error| failure::at(&from, &error))?;
    let present = match files.look(&from) {
        Ok(_) => Some(locks.remove(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failure::at(&from, &error)),
    };
    let is_present = present.is_some();
    if !is_present {
        aside::finish(&**files, &from).map_err(|error| failure::at(&from, &error))?;
        place::refuse_left_log(&**files, &from)?;
    }
    if !is_present && former.is_empty() {
        return refuse_unless_done(&**files, &from, &to);
    }
    // The last of all is their head: where it is, they are. Without a present one that is the one
    // which was set aside last.
    let mut journals = Vec::new();
    for (number, old) in former {
        place::refuse_if_open_here(&**files, &old)?;
        let lock = Lock::take(files, &old, false, opening::SHARED_PATIENCE)?;
        journals.push((old, aside::numbered(&to, number), lock));
    }
    journals.extend(present.map(|lock| (from.clone(), to.clone(), lock)));
    // Copying takes its time: whoever dies in it must not leave an empty place to begin another one in.
    let is_announced = announce(&**files, &from, &to)?;
    let prepared = prepare(files, (&from, &to), &journals, is_present);
    if prepared.is_err() && is_announced {
        let _ = Note::Arriving.take_away(&**files, &to);
    }
    let (mut head, rest) = prepared?;
    set_out(&**files, &from, &to, is_present, &mut head)?;
    let finished = finish(&**files, &from, &to, head, rest);
    finished.map_err(|mut error| {
        error.message.push_str("; the move is begun: run `ovo-ptp journal move` once more");
        error
    })
}

/// Whether it is said at the new place, from here on, that a journal is on its way there; unless that was
/// said before, or what lies there needs none.
fn announce(files: &dyn Files, from: &Path, to: &Path) -> Result<bool, JournalError> {
    if files.look(to).is_ok() || Note::Arriving.read(files, to)?.is_some() {
        return Ok(false);
    }
    Note::Arriving.leave(files, to, from).map(|()| true).map_err(|error| {
        let _ = Note::Arriving.take_away(files, to);
        failure::at(to, &error)
    })
}

/// A journal's old and new place, and its lock.
type Journey = (PathBuf, PathBuf, Lock);

/// Draws up the copies of all of them: the head, and the others.
fn prepare<'a>(
    files: &'a Arc<dyn Files>,
    (from, to): (&Path, &Path),
    journals: &[Journey],
    is_present: bool,
) -> Result<(Leaving<'a>, Vec<Leaving<'a>>), JournalError> {
    let others = journals.len() - 1;
    let (old, new, lock) = &journals[others];
    let head = Leaving::prepare(files, old, new, &draft_name(&**files)?, lock)?;
    if head.is_here() {
        let expected: Vec<&Path> = journals.iter().map(|(_, new, _)| new.as_path()).collect();
        refuse_strangers(&**files, to, &expected)?;
    }
    let mut rest = Vec::new();
    for (old, new, lock) in &journals[..others] {
        rest.push(Leaving::prepare(files, old, new, head.name(), lock)?);
    }
    if !is_present && !head.has_arrived() {
        // The next one is not begun: it must begin above the numbers of the mark.
        if let Some(own) = mark::lying(&**files, from)? {
            refuse_to_lose_a_mark(&**files, to, &own)?;
        }
    }
    Ok((head, rest))
}

/// Hands the head over: from its commit on the move can only be finished.
fn set_out(
    files: &dyn Files,
    from: &Path,
    to: &Path,
    is_present: bool,
    head: &mut Leaving<'_>,
) -> Result<(), JournalError> {
    if head.has_arrived() {
        return Ok(());
    }
    let was_here = head.is_here();
    let noted = Note::Arriving
        .leave(files, to, from)
        .map_err(|error| failure::at(to, &error))
        .and_then(|()| match is_present {
            true => Ok(()),
            // Nothing else keeps another one from beginning where these lay.
            false => Note::Moved
                .leave(files, from, to)
                .and_then(|()| aside::copy_mark(files, from, to))
                .map_err(|error| failure::at(from, &error)),
        });
    if let Err(error) = noted {
        if was_here {
            let _ = Note::Arriving.take_away(files, to);
            if !is_present {
                let _ = Note::Moved.take_away(files, from);
            }
        }
        return Err(error);
    }
    head.hand_over()
}

/// What is left to do once the head is handed over, from wherever it was broken off.
fn finish(
    files: &dyn Files,
    from: &Path,
    to: &Path,
    mut head: Leaving<'_>,
    mut rest: Vec<Leaving<'_>>,
) -> Result<(), JournalError> {
    for former in &mut rest {
        former.hand_over()?;
        former.arrive()?;
    }
    head.arrive()?;
    // Whoever still looks at the old place is told, and nobody is kept from the new one any more.
    let notes = || {
        Note::Moved.leave(files, from, to)?;
        Note::Arriving.take_away(files, to)?;
        Note::Moved.take_away(files, to)?;
        files.sync_directory(to)
    };
    notes().map_err(|error| failure::at(to, &error))?;
    // Without a present journal its small files may be there still.
    retire(files, from, false).map_err(|error| failure::at(from, &error))?;
    // The head last: as long as anything is left, it says what became of it.
    for left in rest.into_iter().chain([head]) {
        let old = left.close();
        retire(files, &old, true).map_err(|error| failure::at(&old, &error))?;
    }
    Ok(())
}

/// Takes the journal's small files away, and then its old names: behind those nobody could tell
/// whose the small ones are.
fn retire(files: &dyn Files, from: &Path, with_names: bool) -> io::Result<()> {
    let remove = |suffix| match files.remove(&place::with_suffix(from, suffix)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for suffix in [".mark", ".reserve", ".turn"] {
        remove(suffix)?;
    }
    files.sync_directory(from)?;
    if with_names {
        aside::remove_names(files, from)?;
    }
    remove(".lock")?;
    files.sync_directory(from)
}

/// What was set aside at the new place, by others, would be taken for this journal's.
fn refuse_strangers(files: &dyn Files, to: &Path, expected: &[&Path]) -> Result<(), JournalError> {
    let there = aside::every_former(files, to).map_err(|error| failure::at(to, &error))?;
    match there
        .into_iter()
        .map(|(_, aside)| aside)
        .find(|aside| !expected.contains(&aside.as_path()))
    {
        None => Ok(()),
        Some(stranger) => Err(misplaced(format!(
            "{} lies there, set aside by another journal; put it somewhere else first, or choose another \
             place",
            stranger.display()
        ))),
    }
}

/// Nothing is at the old place: all of it was moved, or there never was a journal.
fn refuse_unless_done(files: &dyn Files, from: &Path, to: &Path) -> Result<(), JournalError> {
    let is_from_here = |there: &PathBuf| -> Result<bool, JournalError> {
        let seen = Seen::at(files, there)?;
        let old = seen.and_then(|seen| seen.from);
        Ok(old.is_some_and(|old| place::is_the_journals(from, &old)))
    };
    if Note::Moved.read(files, from)?.as_deref() == Some(to) {
        let set_aside = aside::former(files, to).into_iter().map(|(_, aside)| aside);
        for there in [to.to_owned()].into_iter().chain(set_aside) {
            if is_from_here(&there)? {
                return Ok(());
            }
        }
    }
    Err(misplaced(format!("no journal is at {}", from.display())))
}
