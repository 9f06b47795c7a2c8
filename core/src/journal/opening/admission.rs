//! What the file claims to be, checked in the first commit, before anything of it is trusted: its version,
//! its tables, its numbers, whether it is the newest of itself and lies where it was. Only then is it
//! marked as open.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::Purpose;
use super::left_log::{begin_log, make_log_durable, write_again};
use crate::journal::engine::{self, Engine, Water};
use crate::journal::files::Files;
use crate::journal::indexes::{self, Damage};
use crate::journal::log::{self, Alone};
use crate::journal::mark::{Mark, MarkFile};
use crate::journal::place::{self, Place};
use crate::journal::reserve::Reserve;
use crate::journal::restored::{self, Beside};
use crate::journal::whereabouts::{self, Whereabouts};
use crate::journal::{
    Health, JournalError, JournalErrorKind, SqliteOptions, failure, handover, migration, owing,
    schema, view,
};

/// What lay there before SQLite was let in.
pub(super) struct Found {
    /// Nobody else can have it open.
    pub(super) is_alone: bool,
    /// What the database says without its log, where that can be told.
    pub(super) alone: Option<Alone>,
    pub(super) log_was_left: bool,
    /// Indexes that do not fit their rows.
    pub(super) damage: Option<Damage>,
    /// Others have it open.
    pub(super) has_company: bool,
    pub(super) purpose: Purpose,
}

/// Takes the lock by a first commit (MP1, J4), and checks in it what the file claims to be.
pub(super) fn admit(
    files: &dyn Files,
    path: &Path,
    connection: Connection,
    place: Place,
    options: &SqliteOptions,
    found: &Found,
) -> Result<Engine, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let mut lost_its_log = false;
    if let Some(alone) = &found.alone {
        lost_its_log = alone.needs_its_log() && !found.log_was_left;
        if found.log_was_left {
            alone.refuse_foreign_log(&connection, path)?;
        }
    }
    let incarnation = engine::meta(&connection, "incarnation").map_err(failed)?;
    let migrated = migration::bring_up_to_date(&connection, &incarnation)?;
    // Where others have it open, they compared when they opened it.
    let mended = match &found.damage {
        Some(damage) => Some(indexes::mend(&connection, damage)?),
        None => None,
    };
    if options.set_aside_unusable {
        refuse_damaged(&connection)?;
    }
    if !schema::is_intact(&connection).map_err(failed)? {
        return Err(JournalError::new(
            JournalErrorKind::Corrupt,
            "the tables or their rules were changed by hand",
        ));
    }
    let (mark_file, mark) = MarkFile::open(files, path);
    let reserve = Reserve::open(files, path);
    let mut engine =
        Engine::new(connection, place, mark_file, reserve, incarnation, options.first_batch);
    engine.findings.extend(mended);
    let water = Water::read(&engine.connection).map_err(failed)?;
    compare_with_rows(&engine.connection, &water)?;
    let now = Whereabouts::of(engine.place.look()?, path);
    let remembered = Whereabouts::remembered(&engine.connection).map_err(failed)?;
    if let Some(remembered) = &remembered {
        whereabouts::refuse_second_name(files, engine.place.look()?, path, &remembered.path)?;
    }
    let openings: u32 = engine::meta(&engine.connection, "boots").map_err(failed)?;
    let own_mark = mark.filter(|mark| mark.incarnation == incarnation);
    if lost_its_log && mark.is_none_or(|_| own_mark.is_some()) {
        // Before there is another log: whoever dies in between must not have hidden the loss.
        let last = own_mark.unwrap_or(Mark {
            incarnation,
            numbers: (0, 0),
            openings,
            committed: None,
            lost_log: true,
            closed: false,
        });
        let last = Mark { openings: last.openings.max(1), lost_log: true, ..last };
        engine.mark.write_durably(&last);
    }
    let lost_its_log = lost_its_log || own_mark.is_some_and(|mark| mark.lost_log);
    let is_open = log::is_open(&engine.connection).map_err(failed)?;
    let was_closed = own_mark.is_some_and(|it| it.closed && it.openings == openings) && is_open;
    let asks_the_former = found.purpose == Purpose::Succeed;
    let beside = Beside { path, mark, openings, lost_its_log, was_closed, asks_the_former };
    let water = restored::judge(files, &mut engine, water, &beside, &now, remembered.as_ref())?;
    if found.purpose != Purpose::Move {
        handover::refuse_moved_away(&engine.connection)?;
    }
    let is_elsewhere = remembered.as_ref() != Some(&now);
    if is_elsewhere {
        now.remember(&engine.connection).map_err(failed)?;
    }
    owing::expect_the_former(files, &engine.connection, path).map_err(failed)?;
    engine
        .connection
        .execute_batch("UPDATE meta SET v = v + 1 WHERE k = 'boots'; COMMIT")
        .map_err(failed)?;
    engine.openings = openings + 1;
    // A journal of an earlier release says so on its first page, until the log is moved there.
    if found.log_was_left || is_elsewhere || migrated || found.is_alone {
        if !found.has_company {
            // Until the next log is there, none is missed.
            engine.says_closed()?;
        }
        let name = log::name(&engine.connection).map_err(failed)?;
        let in_database = if found.has_company {
            // It is not cut: should all of them die before the next commit, it would be missed.
            write_again(files, &place::with_suffix(path, "-wal"), &engine.connection)?;
            false
        } else {
            make_log_durable(files, path, &engine.connection)?
        };
        let moved = in_database.then_some(name);
        begin_log(files, &mut engine, moved, found.is_alone)?;
    }
    engine.numbers = (water.batch, water.reference);
    let mark = Mark::open(incarnation, engine.numbers, engine.openings);
    engine.mark.write_durably(&mark);
    Ok(engine)
}

/// Some 0.2 s, and seconds from a slow flash card.
const CHECKED_WHOLE: i64 = 16 << 20;

/// Refuses a file with damaged pages, for tills that set such a one aside by themselves: opened, it
/// would fail at payments. Where a person is near, most of it is worth more than a closed shop.
fn refuse_damaged(connection: &Connection) -> Result<(), JournalError> {
    let mut health = Health { payments: 0, unsettled: 0, problems: Vec::new(), notes: Vec::new() };
    view::check_file(connection, CHECKED_WHOLE, &mut health).map_err(|error| {
        // A page that the disk does not give is as lost for such a till as a damaged one. A lock, a full
        // disk, or whatever else passes, says nothing of the file.
        match failure::is_unreadable(&error) {
            true => JournalError { kind: JournalErrorKind::Corrupt, ..error },
            false => error,
        }
    })?;
    match health.problems.first() {
        None => Ok(()),
        Some(first) => {
            Err(JournalError::new(JournalErrorKind::Corrupt, format!("it is damaged: {first}")))
        }
    }
}

/// P8: the mark is kept twice, in its own row and as the highest of the payments. Below them it
/// would hand out numbers again. (Above them is a gap: `health` reports it, OP1.)
fn compare_with_rows(connection: &Connection, water: &Water) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let id: i64 = connection
        .query_row("SELECT coalesce(max(id), 0) FROM payment", [], |row| row.get(0))
        .map_err(failed)?;
    let numbers: Option<(u32, u32)> = connection
        .query_row(
            "SELECT batch, reference FROM payment ORDER BY batch DESC, reference DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(failed)?;
    if id > water.last_id || numbers.is_some_and(|top| top > (water.batch, water.reference)) {
        return Err(JournalError::new(
            JournalErrorKind::Corrupt,
            "the high-water mark is behind the payments",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::Scratch;

    fn checked(connection: &Connection) -> JournalErrorKind {
        refuse_damaged(connection).expect_err("it cannot be checked").kind
    }

    #[test]
    fn j9_a_sound_journal_that_is_locked_for_a_moment_is_not_called_damaged() {
        let scratch = Scratch::new();
        let connection = Connection::open(scratch.journal()).unwrap();
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
        let other = Connection::open(scratch.journal()).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        assert_eq!(checked(&connection), JournalErrorKind::Locked);
        other.execute_batch("ROLLBACK").unwrap();
        refuse_damaged(&connection).unwrap();
    }

    #[test]
    fn j9_a_file_whose_pages_are_lost_is_refused_whoever_lost_them() {
        let scratch = Scratch::new();
        let connection = Connection::open(scratch.journal()).unwrap();
        connection.execute_batch("CREATE TABLE t (a); CREATE TABLE u (a)").unwrap();
        // The last page is gone, with its sectors.
        let file = std::fs::OpenOptions::new().write(true).open(scratch.journal()).unwrap();
        file.set_len(2 * 4096).unwrap();
        assert_eq!(checked(&connection), JournalErrorKind::Corrupt);
        assert!(failure::is_unreadable(&failure::unreadable("health")));
    }
}
