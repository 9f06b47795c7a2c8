//! How one journal changes hands in a [move](super::moving): a copy is drawn up at the new place
//! under another name; one durable commit in the old file makes that very copy the journal, by its
//! name; then the copy gets the journal's own.
//!
//! So the old file knows for good which copy it handed over to, and never draws another one: what
//! lies at the new place is that copy, or the copy still waits for its name, or it is lost, and a
//! person must know.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::copies::{self, Draft, misplaced, refuse_what_is_there};
use super::engine::{Engine, Water};
use super::files::Files;
use super::lock::Lock;
use super::mark::{self, Mark, MarkFile};
use super::opening::{self, Purpose};
use super::version::Incarnation;
use super::whereabouts::Whereabouts;
use super::{aside, engine, failure, log, meta, owing, place};
use crate::journal::{JournalError, SqliteOptions, is_address};

/// In a journal that was moved away: where to. It is the journal no longer.
pub(super) const MOVED_TO: &str = "moved to";
/// In a journal that was moved: where it lay before.
const MOVED_FROM: &str = "moved from";
/// In both: what stood behind the name of the copy that was handed over to. No other move's is the
/// same.
const MOVED_AS: &str = "moved as";
/// In a journal that was moved away: how often it had been opened when the copy was drawn up.
const MOVED_AT: &str = "moved at opening";

/// In a journal that was moved into a database: the name of that move, which the database has, too, and no
/// other one.
pub(super) const MOVED_INTO: &str = "moved into as";
/// In the same: the name again, once the database was seen to have it all.
pub(super) const ARRIVED: &str = "moved into for good";

/// A journal that is to leave, or has.
#[derive(Debug)]
pub(super) struct Leaving<'a> {
    files: &'a dyn Files,
    engine: Engine,
    pub(super) from: PathBuf,
    to: PathBuf,
    /// What stands behind the copy's name.
    name: String,
    copy: Copy<'a>,
    /// The copy's.
    mark: Mark,
}

#[derive(Debug)]
enum Copy<'a> {
    /// Nobody's yet.
    Drawn(Draft<'a>),
    /// It is the journal, and waits for its name.
    Waits,
    /// It is the journal, and has had its name.
    Arrived,
}

impl<'a> Leaving<'a> {
    /// Opens what lies at `from`, under a lock of it, and draws up its copy for `to` unless it was
    /// handed over before. `name`: what shall stand behind the copy's name. At `to` nothing changes.
    pub(super) fn prepare(
        files: &'a Arc<dyn Files>,
        from: &Path,
        to: &Path,
        name: &str,
        lock: &Lock,
    ) -> Result<Leaving<'a>, JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite("move", &error);
        let engine = opening::attempt(files, from, &SqliteOptions::default(), lock, Purpose::Move)
            .map_err(|error| failure::named(from, error))?;
        let files = &**files;
        let connection = &engine.connection;
        let target = to.to_string_lossy();
        let gone_to = moved_to(connection).map_err(failed)?;
        if let Some(other) = gone_to.as_deref().filter(|other| *other != target) {
            return Err(misplaced(format!(
                "the move of {} to {other} was broken off; finish that one first, with `ovo-ptp \
                 journal move`",
                from.display()
            )));
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        if gone_to.is_none() {
            let (batch, reference) = {
                let water = Water::read(connection).map_err(failed)?;
                (water.batch, water.reference)
            };
            let mark = Mark::open(engine.incarnation, (batch, reference), engine.openings);
            refuse_what_is_there(files, &to)?;
            refuse_to_lose_a_mark(files, &to, &mark)?;
            // Of a move that was killed: it was never anybody's.
            copies::take_away(files, &place::with_suffix(&to, name));
            let draft = Draft::of(files, connection, &to, name, |copy, look| {
                Whereabouts::of(look, &to).remember(copy)?;
                log::is_another_copy(files, copy)?;
                is_here(copy)?;
                // Where it goes nobody followed it.
                meta::put(copy, owing::FOLLOWED_BY, "")?;
                meta::put(copy, MOVED_AS, name)?;
                meta::put(copy, MOVED_FROM, from.to_string_lossy().as_ref())
            });
            let copy = Copy::Drawn(draft.map_err(|mut error| {
                error.message = format!("{}: {}", to.display(), error.message);
                error
            })?);
            return Ok(Leaving { files, engine, from, to, name: name.to_owned(), copy, mark });
        }
        let name: String = engine::meta(connection, MOVED_AS).map_err(failed)?;
        let openings: u32 = engine::meta(connection, MOVED_AT).map_err(failed)?;
        let is_it = |seen: &Seen| seen.name == name && seen.mark.incarnation == engine.incarnation;
        // It may have been set aside there since.
        let set_aside = aside::former(files, &to).into_iter().map(|(_, aside)| aside);
        for there in [to.clone()].into_iter().chain(set_aside) {
            if let Some(seen) = Seen::at(files, &there)?.filter(is_it) {
                let (copy, mark) = (Copy::Arrived, seen.mark);
                return Ok(Leaving { files, engine, from, to, name, copy, mark });
            }
        }
        let draft = place::with_suffix(&to, &name);
        // One that was opened has had its name, and lost it with what was written since.
        let waits = Seen::at(files, &draft)?.filter(is_it).map(|seen| seen.mark);
        let Some(mark) = waits.filter(|mark| mark.openings == openings) else {
            return Err(misplaced(lost(&from, &to)));
        };
        if files.look(&to).is_ok() {
            return Err(misplaced(format!(
                "{} is not the copy that the journal at {} was handed over to; put it somewhere else, and \
                 run `ovo-ptp journal move` once more",
                to.display(),
                from.display()
            )));
        }
        refuse_what_is_there(files, &to)?;
        refuse_to_lose_a_mark(files, &to, &mark)?;
        Ok(Leaving { files, engine, from, to, name, copy: Copy::Waits, mark })
    }

    /// Whether it is the journal still.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.copy, Copy::Drawn(_))
    }

    /// Whether its copy has, or had, its name.
    pub(super) fn has_arrived(&self) -> bool {
        matches!(self.copy, Copy::Arrived)
    }

    /// What stands behind the copy's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the copy the journal, in one durable commit: this file is refused from then on.
    pub(super) fn hand_over(&mut self) -> Result<(), JournalError> {
        match std::mem::replace(&mut self.copy, Copy::Waits) {
            // Whatever becomes of the commit: nobody but it may say whether the copy is needed.
            Copy::Drawn(draft) => drop(draft.keep()?),
            other => {
                self.copy = other;
                return Ok(());
            }
        }
        let connection = &self.engine.connection;
        self.engine.place.log_is_written();
        let leave = || {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            meta::put(connection, MOVED_TO, self.to.to_string_lossy().as_ref())?;
            meta::put(connection, MOVED_AS, self.name.as_str())?;
            meta::put(connection, MOVED_AT, self.mark.openings)?;
            connection.execute_batch("COMMIT")
        };
        leave().map_err(|error| failure::named(&self.from, failure::sqlite("move", &error)))
    }

    /// Gives the copy the journal's name, with its mark beside it.
    pub(super) fn arrive(&mut self) -> Result<(), JournalError> {
        let in_file = |error: io::Error| failure::at(&self.to, &error);
        let draft = place::with_suffix(&self.to, &self.name);
        if !self.has_arrived() {
            let (mut mark, _) = MarkFile::open(self.files, &self.to);
            mark.write_durably(&self.mark);
            // Unlike a rename, a link never replaces what somebody made meanwhile.
            self.files.link(&draft, &self.to).map_err(in_file)?;
            self.files.sync_directory(&self.to).map_err(in_file)?;
            self.copy = Copy::Arrived;
        }
        copies::take_away(self.files, &draft);
        Ok(())
    }

    /// Closes the old file, and says where it lies.
    pub(super) fn close(self) -> PathBuf {
        self.engine.close();
        self.from
    }
}

/// What to do where neither the copy nor its draft is there.
fn lost(from: &Path, to: &Path) -> String {
    format!(
        "the journal at {} was handed over to {}, where payments may have been taken since, and what \
         lies there is not that journal: see that its disk is mounted, or put it back; if it is lost \
         for good, take a copy of what was handed over, with `ovo-ptp journal backup`, and put that \
         there: it is doubted when it is opened",
        from.display(),
        to.display()
    )
}

/// A mark is all that is left of a journal that lay there, or of what this one did there since.
pub(super) fn refuse_to_lose_a_mark(
    files: &dyn Files,
    to: &Path,
    own: &Mark,
) -> Result<(), JournalError> {
    let Some(there) = mark::lying(files, to)? else { return Ok(()) };
    let file = place::with_suffix(to, ".mark");
    if there.incarnation != own.incarnation {
        return Err(misplaced(format!(
            "{} is the mark of another journal, which lay at {} and is gone, and keeps its numbers from \
             being handed out again; put that one back, or choose another place",
            file.display(),
            to.display()
        )));
    }
    if !own.goes_on_from(&there) || there.lost_log {
        return Err(misplaced(format!(
            "{} knows of later openings of this journal than it does itself: it went on at {}, and is \
             gone there; put that one back, or choose another place",
            file.display(),
            to.display()
        )));
    }
    Ok(())
}

/// What a file says of the move that brought it there.
#[derive(Debug)]
pub(super) struct Seen {
    name: String,
    pub(super) from: Option<PathBuf>,
    mark: Mark,
}

impl Seen {
    /// Of the file at `path`, if it is a journal that was moved. It is not changed.
    pub(super) fn at(files: &dyn Files, path: &Path) -> Result<Option<Seen>, JournalError> {
        match files.look(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure::at(path, &error)),
            Ok(_) if place::is_another_applications(files, path) => return Ok(None),
            Ok(_) => place::refuse_if_open_here(files, path)?,
        }
        let read = |connection: &Connection| -> rusqlite::Result<Option<Seen>> {
            let name: Option<String> = meta::get(connection, MOVED_AS)?;
            let from: Option<String> = meta::get(connection, MOVED_FROM)?;
            let incarnation: Incarnation = engine::meta(connection, "incarnation")?;
            let openings = engine::meta(connection, "boots")?;
            let water = Water::read(connection)?;
            let numbers = (water.batch, water.reference);
            let mark = Mark::open(incarnation, numbers, openings);
            Ok(name.map(|name| Seen { name, from: from.map(PathBuf::from), mark }))
        };
        // All of this was in the file itself before it had its name: its log, which is the next
        // opening's, is not needed. In the middle of a move of the log it does not make sense alone.
        let alone = log::without_log(files, path).and_then(|alone| read(&alone).ok());
        Ok(match alone {
            Some(seen) => seen,
            None => log::as_it_is(files, path).and_then(|together| read(&together)).unwrap_or(None),
        })
    }
}

/// Where it was moved to, if it was.
pub(super) fn moved_to(connection: &Connection) -> rusqlite::Result<Option<String>> {
    Ok(meta::get::<String>(connection, MOVED_TO)?.filter(|to| !to.is_empty()))
}

/// In a copy that is a journal of its own, inside the caller's transaction: it was not moved away.
pub(super) fn is_here(copy: &Connection) -> rusqlite::Result<()> {
    meta::put(copy, MOVED_TO, "")
}

/// Refuses what was moved away.
pub(super) fn refuse_moved_away(connection: &Connection) -> Result<(), JournalError> {
    match moved_to(connection).map_err(|error| failure::sqlite("open", &error))? {
        None => Ok(()),
        // Its database was seen to have it (see `departing`): nothing is left to do.
        Some(to) if is_address(Path::new(&to)) && has_arrived(connection)? => {
            Err(misplaced(format!("the journal was moved to {to}; open it there")))
        }
        Some(to) => Err(misplaced(format!(
            "the journal was moved to {to}; open it there, and run `ovo-ptp journal move` once more \
             to finish the move"
        ))),
    }
}

/// Refuses what a database has, or is about to have. Of a damaged one nobody can tell.
pub(super) fn refuse_moved_into_a_database(connection: &Connection) -> Result<(), JournalError> {
    let to = moved_to(connection).ok().flatten();
    match to.is_some_and(|to| is_address(Path::new(&to))) {
        true => refuse_moved_away(connection),
        false => Ok(()),
    }
}

fn has_arrived(connection: &Connection) -> Result<bool, JournalError> {
    let read = |key| meta::get::<String>(connection, key);
    let both = read(ARRIVED).and_then(|arrived| Ok((arrived, read(MOVED_INTO)?)));
    let (arrived, name) = both.map_err(|error| failure::sqlite("open", &error))?;
    Ok(arrived.is_some_and(|arrived| !arrived.is_empty() && Some(arrived) == name))
}
