//! The one connection of a journal: what runs inside a transaction, and what a failure means.

mod checkpoint;
mod health;
mod rows;
mod water;
mod write;

use rusqlite::{Connection, Params};

pub(super) use self::rows::MaybeDamaged;
pub(super) use self::rows::select;
use self::rows::{STATEMENTS, Statements};
pub(super) use self::water::Water;
pub(super) use self::write::{Write, Written};
use super::failure;
use super::lock::Lock;
use super::log;
use super::mark::{Mark, MarkFile};
use super::opening::{Access, SHARED_PATIENCE};
use super::place::{Place, Stamp};
use super::reserve::{self, Reserve};
use super::version::Incarnation;
use crate::journal::{Begun, Finding, JournalError, JournalErrorKind, Update};
use crate::payment::PaymentId;

/// In a journal: that another one of its place settles this payment.
pub(super) const SUPERSEDED: &str = "superseded ";
/// Its value: nothing was owed any more there, something was; or this one has it back.
pub(super) const SETTLED_THERE: i64 = 1;
pub(super) const OWED_THERE: i64 = 2;
pub(super) const TAKEN_BACK: i64 = 0;

pub(super) fn superseded(id: PaymentId) -> String {
    format!("{SUPERSEDED}{}", id.0)
}

/// What table `meta` has under `key`.
pub(super) fn meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<T> {
    connection.prepare_cached("SELECT v FROM meta WHERE k = ?1")?.query_row([key], |row| row.get(0))
}

/// The connection and what is known about its file.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) connection: Connection,
    pub(super) place: Place,
    /// Behind the connection: who has the right to it closes it first.
    pub(super) lock: Option<Lock>,
    pub(super) mark: MarkFile,
    pub(super) reserve: Reserve,
    pub(super) incarnation: Incarnation,
    pub(super) first_batch: Option<u32>,
    pub(super) access: Access,
    /// What was found at opening.
    pub(super) findings: Vec<Finding>,
    /// What was found since, and not told yet.
    pub(super) found_since: Vec<Finding>,
    /// The boot of this handle; 0, earlier than every boot, until it is named.
    pub(super) boot: u32,
    /// Handed out last, as far as this handle knows.
    pub(super) numbers: (u32, u32),
    statements: &'static Statements,
    /// Why every further call is refused.
    refusal: Option<JournalError>,
    /// Phones forgotten since their traces were last overwritten.
    forgotten: u32,
    /// Writes since the log's length was last looked at.
    unmeasured: usize,
    /// Whether updates leave their history out.
    sheds: bool,
    /// The generation of the log that was moved into the database, until a commit begins the next.
    moved_log: Option<String>,
    /// How often the journal was opened, this time included; 0 in a copy for reading.
    pub(super) openings: u32,
}

impl Engine {
    pub(super) fn new(
        connection: Connection,
        place: Place,
        mark: MarkFile,
        reserve: Reserve,
        incarnation: Incarnation,
        first_batch: Option<u32>,
    ) -> Engine {
        Engine {
            connection,
            place,
            lock: None,
            mark,
            reserve,
            incarnation,
            first_batch,
            access: Access::One,
            findings: Vec::new(),
            found_since: Vec::new(),
            boot: 0,
            numbers: (0, 0),
            statements: STATEMENTS.get_or_init(Statements::new),
            refusal: None,
            forgotten: 0,
            unmeasured: 0,
            sheds: false,
            moved_log: None,
            openings: 0,
        }
    }

    /// Writes all of a group in one transaction with one sync. If that fails, it fails for all;
    /// a write that is refused for its own sake fails alone.
    pub(super) fn write(&mut self, group: &[Write]) -> Vec<Result<Written, JournalError>> {
        let turn = self.lock.as_ref().map_or(Ok(()), |lock| lock.wait_for_turn(SHARED_PATIENCE));
        let written = match turn {
            Ok(()) => self.write_in_turn(group),
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        };
        self.end_turn();
        written
    }

    pub(super) fn end_turn(&self) {
        if let Some(lock) = &self.lock {
            lock.end_turn();
        }
    }

    fn write_in_turn(&mut self, group: &[Write]) -> Vec<Result<Written, JournalError>> {
        // What can wait for room. (What is archived makes none before its pages are used again.)
        let begins = |write: &Write| {
            matches!(write, Write::Begin(..) | Write::BeginPart(..) | Write::TakeOut(..))
        };
        let room = !group.iter().any(begins) || self.has_its_reserve();
        let mut result = self.commit(group, room);
        // J2, J3: the disk is full for new payments; those under way get the reserve.
        let full = matches!(&result, Err(error) if error.kind == JournalErrorKind::Full);
        if full && !group.iter().all(begins) {
            if self.reserve.release() {
                result = self.commit(group, false);
            }
            if matches!(&result, Err(error) if error.kind == JournalErrorKind::Full) {
                result = self.without_history(|engine| engine.commit(group, false));
            }
        }
        match result {
            Ok(results) => results,
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Whether new payments may begin: those under way find room on a full disk.
    pub(super) fn has_its_reserve(&mut self) -> bool {
        let room = self.place.room();
        self.reserve.learn(room);
        self.reserve.is_whole() && self.reserve.would_help(room)
    }

    /// Why none may, as it was found last; for people.
    pub(super) fn lacks_its_reserve(&self) -> Option<String> {
        let room = self.place.room();
        if self.reserve.is_spent() {
            return Some(reserve::is_spent(room.map(|room| room.own)));
        }
        (!self.reserve.would_help(room)).then(reserve::is_roots)
    }

    /// On a full disk: an outcome gets the room that its history would take.
    fn without_history<T>(&mut self, write: impl FnOnce(&mut Engine) -> T) -> T {
        self.sheds = true;
        let written = write(self);
        self.sheds = false;
        written
    }

    /// `room`: whether new payments may begin.
    fn commit(
        &mut self,
        group: &[Write],
        room: bool,
    ) -> Result<Vec<Result<Written, JournalError>>, JournalError> {
        self.ready()?;
        self.place.check_log().map_err(|gone| self.abort(gone))?;
        self.place.log_is_written();
        self.execute("BEGIN IMMEDIATE").map_err(|error| self.abort(error))?;
        let mut results = Vec::with_capacity(group.len());
        for write in group {
            // A write that fails is undone by itself (it is one statement, or has a savepoint), and
            // its neighbours go on.
            let result = match write {
                // One that is known is no new one: whoever asks again hears what became of it.
                Write::Begin(new, _) if !room => match self.find(new.invoice.as_str()) {
                    Ok(Some(known)) => Ok(Written::Begun(Box::new(Begun::Existing(known)))),
                    Ok(None) => Err(no_room_for_more()),
                    Err(error) => Err(error),
                },
                Write::BeginPart(..) | Write::TakeOut(..) if !room => Err(no_room_for_more()),
                Write::Update(_) => self.apply(write).or_else(|error| {
                    if error.kind != JournalErrorKind::Full || self.connection.is_autocommit() {
                        return Err(error);
                    }
                    self.without_history(|engine| engine.apply(write))
                }),
                _ => self.apply(write),
            };
            if let Err(error) = &result {
                if failure::poisons(error.kind) || self.connection.is_autocommit() {
                    return Err(self.abort(error.clone()));
                }
            }
            results.push(result);
        }
        if let Some(moved) = &self.moved_log {
            let begun = log::begin(&**self.place.files(), &self.connection, moved);
            begun.map_err(|error| self.abort(error))?;
        }
        // J22: whether this process is still the one that may write, and where the journal lies.
        let lock = self.lock.as_ref().map_or(Ok(()), Lock::keep);
        lock.and_then(|()| self.is_in_place()).map_err(|gone| self.abort(gone))?;
        self.execute("COMMIT").map_err(|error| self.abort(error))?;
        // Deleted in between: the commit went into a file that nobody will find.
        self.place.check().map_err(|gone| self.abort(gone))?;
        self.place.log_was_written();
        self.moved_log = None;
        self.unmeasured += group.len();
        self.note(group, &results);
        Ok(results)
    }

    pub(super) fn meta<T: rusqlite::types::FromSql>(&self, key: &str) -> rusqlite::Result<T> {
        meta(&self.connection, key)
    }

    /// Behind a commit: the mark follows it, and rows get the boot that was entered.
    fn note(&mut self, group: &[Write], results: &[Result<Written, JournalError>]) {
        let (mut committed, mut begun_here) = (None, false);
        for (write, result) in group.iter().zip(results) {
            match (write, result) {
                (_, Ok(Written::Begun(begun))) => {
                    if let Begun::Fresh(payment) = &**begun {
                        let numbers = payment.intent.numbers;
                        self.numbers = (numbers.batch(), numbers.reference());
                        begun_here = true;
                        committed = Some((payment.id, payment.version));
                    }
                }
                (
                    Write::Update(payment) | Write::Supersede(payment, _),
                    Ok(Written::Update(Update::Won(version))),
                ) => committed = Some((payment.id, *version)),
                (_, Ok(Written::Boot(boot))) => self.boot = *boot,
                _ => {}
            }
        }
        if committed.is_none() {
            return;
        }
        // Others may have handed out numbers meanwhile.
        if self.access == Access::Host && !begun_here {
            if let Ok(water) = Water::read(&self.connection) {
                self.numbers = (water.batch, water.reference);
            }
        }
        let mark = Mark::open(self.incarnation, self.numbers, self.openings);
        self.mark.write(&Mark { committed, ..mark });
    }

    /// Whether the journal is where it was, and as those who write to it left it.
    fn is_in_place(&self) -> Result<(), JournalError> {
        self.place.check()?;
        self.place.check_log()?;
        self.place.check_shared(self.lock.as_ref().and_then(Lock::noted))
    }

    /// How the database looks, to those who share it.
    pub(super) fn tell_the_others(&self, written: Option<Stamp>) -> Result<(), JournalError> {
        let Some(lock) = &self.lock else { return Ok(()) };
        lock.note(written).map_err(|error| failure::file("checkpoint", &error))
    }

    /// Refuses a poisoned handle, and clears up behind a leader that died of a panic.
    pub(super) fn ready(&mut self) -> Result<(), JournalError> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK").map_err(|error| self.abort(error))?;
        }
        Ok(())
    }

    /// Undoes the transaction. If that fails, or the error leaves open what is on the disk, the
    /// handle refuses everything from now on.
    fn abort(&mut self, error: JournalError) -> JournalError {
        let mut poisoned = failure::poisons(error.kind);
        if !self.connection.is_autocommit() {
            poisoned |= self.execute("ROLLBACK").is_err();
        }
        if poisoned {
            let kind = match error.kind {
                JournalErrorKind::Gone => JournalErrorKind::Gone,
                _ => JournalErrorKind::Io,
            };
            self.refusal = Some(JournalError::new(kind, error.message.clone()));
        }
        error
    }

    fn execute(&self, sql: &str) -> Result<(), JournalError> {
        self.change(sql, sql, [])
    }

    fn change(&self, doing: &str, sql: &str, values: impl Params) -> Result<(), JournalError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map(|_| ())
            .map_err(|error| failure::sqlite(doing, &error))
    }
}

fn no_room_for_more() -> JournalError {
    JournalError::new(
        JournalErrorKind::Full,
        "the disk is full; what is left of it is for payments under way",
    )
}
