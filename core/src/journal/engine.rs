//! The one connection of a journal: what runs inside a transaction, and what a failure means.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, Row, params_from_iter};

use super::belonging::{self, Belonging, Setup};
use super::failure;
use super::file_system::{self, Kept};
use super::files::Room;
use super::jump;
use super::lock::Lock;
use super::log;
use super::mark::{Mark, MarkFile};
use super::meta;
use super::opening::{self, Access, SHARED_PATIENCE};
use super::owing::{self, Debt};
use super::parts::{self, Part};
use super::place::{Place, Stamp};
use super::probed;
use super::reserve::{self, Reserve};
use super::restored;
use super::row::{self, COLUMNS, PHONE};
use super::rules;
use super::schema;
use super::version::{Incarnation, allocate, first_version, next_version};
use super::view::{Reader, View};
use crate::journal::{Begun, Finding, Health, JournalError, JournalErrorKind, NewPayment, Update};
use crate::numbering::{BatchMethod, Numbers};
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

/// One write of one caller.
#[derive(Debug)]
pub(super) enum Write {
    Begin(Box<NewPayment>, BatchMethod),
    Update(Box<Payment>),
    /// The same, of a payment that another journal of this place settles from here on, or not any more.
    Supersede(Box<Payment>, i64),
    EnterBoot(String),
    /// By whom and why.
    Vouch(String),
    /// Why, for the sake of another journal.
    Doubt(String),
    /// Why, whether it is doubted already or not.
    DoubtAnew(String),
    /// Who follows it at the place where it was set aside.
    Follower(String),
    Belong(Box<Setup>),
    AdoptKey(String, Vec<Vec<u8>>),
    /// What one that was set aside here owes; and who answers for it if it is gone.
    Owing(Debt, Option<String>),
    /// The last batch of one that was set aside here.
    BeginAbove(u32),
    Jump(WallTime),
    Probe(WallTime),
    /// The random name and the place of an archive that is begun.
    BeginPart(String, PathBuf),
    /// Rows that an archive has: they go, their numbers and invoices stay known.
    TakeOut(u32, Vec<Payment>),
    /// What became of an archive.
    EndPart(Part),
    /// Shows that it can be written to.
    Nothing,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Written {
    Begun(Box<Begun>),
    Update(Update),
    Boot(u32),
    /// Whether there was a doubt to end.
    Vouched(bool),
    /// If it was not doubted before.
    Doubted(Option<Finding>),
    Belonging(Box<Belonging>),
    Adopted,
    Noted,
    Jumped(Option<Finding>),
    Probed(Option<WallTime>),
    Part(Part),
    /// How many went, and those that stay because they are not what the archive has.
    TakenOut(u64, Vec<PaymentId>),
}

/// Frames of the write-ahead log after which they are moved to the database file: 800 KB, as
/// [operations 3.1] has it with pages four times as large.
///
/// [operations 3.1]: crate::manual::operations#31-the-engine
const CHECKPOINT_FRAMES: i64 = 800;
/// Writes after which the log's length is looked at: SQLite prepares that question anew each time.
/// A write adds some ten frames at most, so the log is found too long by 320 of them at most.
const LOOK_AFTER: usize = 32;
/// Room on the disk that is called little: a quiet day's payments. Of a small one, a sixteenth.
const LITTLE_ROOM: u64 = 16 << 20;
/// Forgotten phones after which their last traces are overwritten, however busy the journal is.
const ERASE_AT_LATEST: u32 = 64;

/// The row `high_water`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Water {
    pub(super) last_id: i64,
    pub(super) batch: u32,
    pub(super) reference: u32,
    pub(super) day: i64,
    /// Batches below this one may have been used by another copy of this journal.
    pub(super) floor: u32,
    /// Whether this journal was found to be a copy or to have lost something, and nobody has
    /// vouched for it since.
    pub(super) doubted: bool,
}

impl Water {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Water> {
        connection
            .prepare_cached(
                "SELECT last_id, batch, reference, day, floor, doubted AND \
                 coalesce((SELECT v FROM meta WHERE k = 'vouched'), 0) < \
                 coalesce((SELECT v FROM meta WHERE k = 'doubts'), 1) \
                 FROM high_water WHERE only = 1",
            )?
            .query_row([], |row| {
                Ok(Water {
                    last_id: row.get(0)?,
                    batch: row.get(1)?,
                    reference: row.get(2)?,
                    day: row.get(3)?,
                    floor: row.get(4)?,
                    doubted: row.get(5)?,
                })
            })
    }

    pub(super) fn last(&self) -> Option<Numbers> {
        Numbers::new(self.batch, self.reference).ok()
    }
}

/// The texts of the statements, made once. One of them reads a payment, by its id; the others that
/// look for payments find ids only, because a statement with all columns takes its time to prepare.
#[derive(Debug)]
struct Statements {
    select: String,
    by_id: String,
    ids_by_customer: String,
    insert: String,
    update: String,
    /// Due payments with evidence of a debit, those without, and all.
    due_with_evidence: String,
    due_without: String,
    due: String,
}

static STATEMENTS: OnceLock<Statements> = OnceLock::new();

const ID_BY_INVOICE: &str = "SELECT id FROM payment WHERE invoice = ?1";

impl Statements {
    fn new() -> Statements {
        let select = format!("SELECT {} FROM payment", row::selection());
        let mut stored = COLUMNS.to_vec();
        stored.remove(PHONE);
        let places = vec!["?"; stored.len()].join(", ");
        let assignments: Vec<String> =
            COLUMNS[PHONE + 1..].iter().map(|column| format!("{column} = ?")).collect();
        // In the order of the index: all of earlier boots, then those of boot ?1 due by ?2.
        let due = |and: &str| {
            format!(
                "SELECT id FROM payment WHERE due IS NOT NULL{and} AND (boot, due) <= (?1, ?2) \
                 ORDER BY boot, due"
            )
        };
        Statements {
            by_id: format!("{select} WHERE id = ?1"),
            ids_by_customer: format!(
                "SELECT id FROM payment WHERE phone_tag = ?1 AND {} ORDER BY id",
                schema::may_still_debit()
            ),
            insert: format!("INSERT INTO payment ({}) VALUES ({places})", stored.join(", ")),
            update: format!("UPDATE payment SET {} WHERE id = ?", assignments.join(", ")),
            due_with_evidence: due(" AND late_paid = 1"),
            due_without: due(" AND late_paid = 0"),
            due: due(""),
            select,
        }
    }
}

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

/// A row if there is one, and whether it can be read.
pub(super) type MaybeDamaged = Option<Result<Payment, JournalError>>;

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
    /// The boot of this handle; 0, earlier than every boot, until it is named.
    pub(super) boot: u32,
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
            boot: 0,
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
        self.moved_log = None;
        self.unmeasured += group.len();
        self.note(&results);
        Ok(results)
    }

    fn apply(&mut self, write: &Write) -> Result<Written, JournalError> {
        match write {
            Write::Begin(new, method) => {
                self.begin(new, *method).map(|begun| Written::Begun(Box::new(begun)))
            }
            Write::Update(payment) => self.update(payment).map(Written::Update),
            Write::Supersede(payment, note) => {
                let updated = self.update(payment)?;
                if matches!(updated, Update::Won(_)) {
                    meta::put(&self.connection, &superseded(payment.id), *note)
                        .map_err(|error| failure::sqlite("supersede", &error))?;
                }
                Ok(Written::Update(updated))
            }
            Write::EnterBoot(id) => self.enter_boot(id).map(Written::Boot),
            Write::Belong(setup) => {
                let mut belonging = belonging::compare(&self.connection, setup)?;
                let unproven = belonging::with_a_phone(&self.connection)
                    .map_err(|error| failure::sqlite("open", &error))?;
                // A damaged row proves nothing.
                let unproven = unproven.and_then(|id| self.payment(id).ok().flatten());
                belonging.unproven = unproven.map(Box::new);
                if belonging.another_terminal {
                    jump::jump_to_another_terminal(&**self.place.files(), &self.connection)?;
                }
                Ok(Written::Belonging(Box::new(belonging)))
            }
            Write::AdoptKey(key, ring) => belonging::adopt(&self.connection, key, ring)
                .map(|()| Written::Adopted)
                .map_err(|error| failure::sqlite("adopt key", &error)),
            Write::Owing(debt, None) => owing::note(&self.connection, debt)
                .map(|()| Written::Noted)
                .map_err(|error| failure::sqlite("open", &error)),
            Write::Owing(debt, Some(who_and_why)) => {
                owing::answer_for(&self.connection, debt, who_and_why)
                    .map(|()| Written::Noted)
                    .map_err(|error| failure::sqlite("vouch", &error))
            }
            Write::BeginAbove(batch) => {
                restored::begin_above(&self.connection, *batch).map(|()| Written::Noted)
            }
            Write::Jump(wall) => {
                jump::jump(&**self.place.files(), &self.connection, *wall).map(Written::Jumped)
            }
            Write::BeginPart(token, path) => {
                parts::begin(&self.connection, token, path).map(Written::Part)
            }
            Write::TakeOut(number, rows) => {
                self.execute("SAVEPOINT archive")?;
                let gone = parts::take_out(self, *number, rows);
                if gone.is_err() && !self.connection.is_autocommit() {
                    self.execute("ROLLBACK TO archive")?;
                }
                if !self.connection.is_autocommit() {
                    self.execute("RELEASE archive")?;
                }
                gone.map(|(gone, stay)| Written::TakenOut(gone, stay))
            }
            Write::EndPart(part) => parts::put(&self.connection, part).map(|()| Written::Noted),
            Write::Nothing => Ok(Written::Noted),
            Write::Probe(wall) => probed::note(&self.connection, *wall).map(Written::Probed),
            Write::Doubt(why) => {
                restored::doubt_beside(&**self.place.files(), &self.connection, why)
                    .map(Written::Doubted)
            }
            Write::DoubtAnew(why) => {
                restored::doubt_anew(&**self.place.files(), &self.connection, why)
                    .map(|found| Written::Doubted(Some(found)))
            }
            Write::Follower(follower) => {
                meta::put(&self.connection, owing::FOLLOWED_BY, follower.as_str())
                    .map(|()| Written::Noted)
                    .map_err(|error| failure::sqlite("open", &error))
            }
            Write::Vouch(who_and_why) => Water::read(&self.connection)
                .and_then(|water| restored::vouch(&self.connection, &water, who_and_why))
                .map(Written::Vouched)
                .map_err(|error| failure::sqlite("vouch", &error)),
        }
    }

    /// Rule 1.
    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        let doing = "begin";
        if let Some(existing) = self.find(new.invoice.as_str())? {
            return Ok(Begun::Existing(existing));
        }
        if let Some((id, _)) = self.archived(new.invoice.as_str())? {
            return Ok(Begun::Archived(id));
        }
        if new.refuse_unsettled_customer {
            if let Some(open) = self.blocking(new)?.transpose()? {
                return Ok(Begun::UnsettledCustomer(open));
            }
        }
        let water =
            Water::read(&self.connection).map_err(|error| failure::sqlite(doing, &error))?;
        let numbers =
            allocate(water.last(), water.day, self.first_batch, water.floor, method, new.wall)?;
        let id = water.last_id + 1;
        let attested = !water.doubted;
        let payment = first_version(new, id, numbers, self.boot, attested, &self.incarnation);
        let columns = row::encode(&payment, &self.incarnation)?;
        self.execute("SAVEPOINT intent")?;
        let insert = || {
            let phone = "INSERT INTO phone (id, sealed) VALUES (?, ?)";
            self.change(doing, phone, params_from_iter([&columns[0], &columns[PHONE]]))?;
            let rest = columns[..PHONE].iter().chain(&columns[PHONE + 1..]);
            self.change(doing, &self.statements.insert, params_from_iter(rest))
        };
        let inserted = insert();
        if inserted.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK TO intent")?;
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE intent")?;
        }
        inserted.map(|()| Begun::Fresh(payment))
    }

    /// The number of an invoice's payment that was archived, and where its archive was made.
    pub(super) fn archived(
        &self,
        invoice: &str,
    ) -> Result<Option<(PaymentId, PathBuf)>, JournalError> {
        parts::of_invoice(&self.connection, invoice)
            .map_err(|error| failure::sqlite("find", &error))
    }

    /// The customer's first payment that could still be debited beside a new one, or that is damaged.
    pub(super) fn blocking(&self, new: &NewPayment) -> Result<MaybeDamaged, JournalError> {
        let doing = "begin";
        let failed = |error: rusqlite::Error| failure::sqlite(doing, &error);
        let mut ids =
            self.connection.prepare_cached(&self.statements.ids_by_customer).map_err(failed)?;
        for tag in [&new.phone.tag].into_iter().chain(&new.former_tags) {
            let ids = ids.query_map([tag.as_slice()], |row| row.get(0)).map_err(failed)?;
            for id in ids {
                match self.row(PaymentId(id.map_err(failed)?))? {
                    Some(Ok(open)) if !rules::blocks(&open, new, self.boot) => {}
                    Some(open) => return Ok(Some(open)),
                    None => {}
                }
            }
        }
        Ok(None)
    }

    /// Compare-and-set of a whole row.
    pub(super) fn update(&mut self, update: &Payment) -> Result<Update, JournalError> {
        let doing = "update";
        let Some(before) = self.payment(update.id)? else {
            if parts::archived(&self.connection, update.id)
                .map_err(|error| failure::sqlite(doing, &error))?
                .is_some()
            {
                return Err(JournalError::new(
                    JournalErrorKind::Forbidden,
                    format!("payment {} was archived meanwhile", update.id.0),
                ));
            }
            return Err(JournalError::new(
                JournalErrorKind::Corrupt,
                format!("payment {} is missing", update.id.0),
            ));
        };
        if before.version != update.version {
            return Ok(Update::Lost(Box::new(before)));
        }
        let mut after = next_version(&before, update)?;
        if self.sheds {
            after.history.clone_from(&before.history);
        }
        let columns = row::encode(&after, &self.incarnation)?;
        let [id, ..] = &columns;
        let values = columns[PHONE + 1..].iter().chain([id]);
        self.change(doing, &self.statements.update, params_from_iter(values))?;
        self.forgotten += u32::from(before.intent.phone.is_some() && after.intent.phone.is_none());
        Ok(Update::Won(after.version))
    }

    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        let doing = "enter boot";
        let failed = |error: rusqlite::Error| failure::sqlite(doing, &error);
        let known: String = self.meta("boot_id").map_err(failed)?;
        let mut boot: u32 = self.meta("boot").map_err(failed)?;
        if known != boot_id {
            boot += 1;
            let both = "UPDATE meta SET v = CASE k WHEN 'boot' THEN ?1 ELSE ?2 END \
                        WHERE k IN ('boot', 'boot_id')";
            self.change(doing, both, (boot, boot_id))?;
        }
        Ok(boot)
    }

    pub(super) fn meta<T: rusqlite::types::FromSql>(&self, key: &str) -> rusqlite::Result<T> {
        meta(&self.connection, key)
    }

    /// Behind a commit: the mark follows the numbers, and rows get the boot that was entered.
    fn note(&mut self, results: &[Result<Written, JournalError>]) {
        let mut newest = None;
        for result in results {
            match result {
                Ok(Written::Begun(begun)) => {
                    if let Begun::Fresh(payment) = &**begun {
                        newest = Some(payment.intent.numbers);
                    }
                }
                Ok(Written::Boot(boot)) => self.boot = *boot,
                _ => {}
            }
        }
        if let Some(numbers) = newest {
            let numbers = (numbers.batch(), numbers.reference());
            self.mark.write(&Mark::open(self.incarnation, numbers, self.openings));
        }
    }

    /// Moves the write-ahead log into the database when it is long, and overwrites forgotten
    /// phones in it. SQLite would do the first by itself, but would ignore a failed sync; and a
    /// sync that failed once must stop everything (J6).
    pub(super) fn tidy(&mut self, idle: bool) {
        if self.refusal.is_some() || !self.connection.is_autocommit() {
            return;
        }
        let erase = self.forgotten > 0 && (idle || self.forgotten >= ERASE_AT_LATEST);
        if !erase && self.unmeasured < LOOK_AFTER {
            return;
        }
        if self.lock.as_ref().is_some_and(|lock| lock.wait_for_turn(Duration::ZERO).is_err()) {
            // Somebody else writes; the next one tidies up.
            return;
        }
        let result = if erase {
            self.erase_log()
        } else {
            self.unmeasured = 0;
            self.checkpoint("PRAGMA wal_checkpoint(NOOP)").and_then(|(_, frames, _)| {
                if frames >= CHECKPOINT_FRAMES { self.move_log() } else { Ok(()) }
            })
        };
        self.end_turn();
        if let Err(error) = result {
            // A full disk or a reader of another process: the log grows, and the next one tries
            // again.
            if failure::poisons(error.kind) {
                self.refusal = Some(error);
            }
        }
    }

    /// Moves what is in the log into the database. The log stays, and is written over from the next
    /// commit on.
    pub(super) fn move_log(&mut self) -> Result<(), JournalError> {
        let name = self.log_name()?;
        let (busy, frames, moved) = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")?;
        if !busy && frames == moved {
            self.moved_log = Some(name);
        }
        Ok(())
    }

    fn log_name(&self) -> Result<String, JournalError> {
        log::name(&self.connection).map_err(|error| failure::sqlite("checkpoint", &error))
    }

    /// The same, and nothing of it is left in the log. It is cut by the commit that begins the next
    /// generation, and so never empty (see `log`).
    fn erase_log(&mut self) -> Result<(), JournalError> {
        let name = self.log_name()?;
        let (busy, ..) = self.checkpoint("PRAGMA wal_checkpoint(RESTART)")?;
        if busy {
            return Ok(());
        }
        self.execute("BEGIN IMMEDIATE")?;
        let begun = self
            .limit_log(0)
            .and_then(|()| log::begin(&**self.place.files(), &self.connection, &name))
            .and_then(|()| self.execute("COMMIT"))
            .map_err(|error| self.abort(error));
        self.limit_log(-1)?;
        begun?;
        self.moved_log = None;
        self.forgotten = 0;
        Ok(())
    }

    /// To how many bytes a log is cut when it is begun anew; below 0: not at all.
    fn limit_log(&self, bytes: i64) -> Result<(), JournalError> {
        opening::run(&self.connection, &format!("journal_size_limit = {bytes}"))
            .map_err(|error| failure::sqlite("checkpoint", &error))
    }

    /// Whether it was kept from finishing, the frames in the log, and how many of them were moved.
    fn checkpoint(&self, pragma: &str) -> Result<(bool, i64, i64), JournalError> {
        self.is_in_place()?;
        self.tell_the_others(None)?;
        self.place.log_was_cut();
        let moved = self.connection.prepare_cached(pragma).and_then(|mut statement| {
            statement
                .query_row([], |row| Ok((row.get::<_, i64>(0)? != 0, row.get(1)?, row.get(2)?)))
        });
        self.place.was_written();
        self.tell_the_others(self.place.as_shared())?;
        moved.map_err(|error| failure::sqlite("checkpoint", &error))
    }

    /// Whether the journal is where it was, and as those who write to it left it.
    fn is_in_place(&self) -> Result<(), JournalError> {
        self.place.check()?;
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

    pub(super) fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.row(id)?.transpose()
    }

    /// The outer error is the file's, the inner one this row's: it is damaged (J8).
    pub(super) fn row(&self, id: PaymentId) -> Result<MaybeDamaged, JournalError> {
        self.connection
            .prepare_cached(&self.statements.by_id)
            .and_then(|mut statement| {
                statement
                    .query_row([id.0], |row| Ok(row::decode(row, &self.incarnation)))
                    .optional()
            })
            .map_err(|error| failure::sqlite("payment", &error))
    }

    fn find(&self, invoice: &str) -> Result<Option<Payment>, JournalError> {
        self.find_row(invoice)?.transpose()
    }

    /// As [`row`](Self::row), by its invoice.
    pub(super) fn find_row(&self, invoice: &str) -> Result<MaybeDamaged, JournalError> {
        self.found("find", ID_BY_INVOICE, [invoice])
    }

    /// The row whose id a query finds.
    fn found(
        &self,
        doing: &str,
        sql: &str,
        values: impl Params,
    ) -> Result<MaybeDamaged, JournalError> {
        let id = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional())
            .map_err(|error| failure::sqlite(doing, &error))?;
        id.map_or(Ok(None), |id| self.row(PaymentId(id)))
    }

    /// The text that reads a payment.
    pub(super) fn select(&self) -> &'static str {
        &self.statements.select
    }

    /// What reports are made of, on this connection.
    pub(super) fn view(&self) -> View<'_> {
        let select = &self.statements.select;
        View { connection: &self.connection, incarnation: &self.incarnation, select }
    }

    /// The same on a connection of its own; `None` where there can be only one.
    pub(super) fn reader(&self) -> Option<Reader> {
        if self.access == Access::One {
            return None;
        }
        let connection = self.place.connect_reader(self.access).ok()?;
        Some(Reader { connection, incarnation: self.incarnation, select: &self.statements.select })
    }

    /// [`View::rows`].
    pub(super) fn rows(
        &self,
        doing: &str,
        rest: &str,
        values: impl Params,
        each: impl FnMut(&Row<'_>, Result<Payment, JournalError>) -> bool,
    ) -> Result<(), JournalError> {
        self.view().rows(doing, rest, values, each)
    }

    /// Payments whose `due` has come by `now`: evidence of a debit first, because that is somebody's
    /// money; among equals those of an earlier boot, then those of `boot`, earliest first.
    pub(super) fn due(
        &self,
        boot: u32,
        now: Boottime,
        mut each: impl FnMut(Payment) -> bool,
    ) -> Result<(), JournalError> {
        let now = super::codes::of_boottime(now);
        for statement in [&self.statements.due_with_evidence, &self.statements.due_without] {
            if !self.due_rows(statement, boot, now, &mut each)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The payment that is due first.
    pub(super) fn next_due(&self, boot: u32) -> Result<Option<Payment>, JournalError> {
        let mut next = None;
        self.due_rows(&self.statements.due, boot, i64::MAX, &mut |payment| {
            next = Some(payment);
            false
        })?;
        Ok(next)
    }

    /// `false` if `each` has had enough. Damaged rows are passed over (J8).
    fn due_rows(
        &self,
        statement: &str,
        boot: u32,
        now: i64,
        each: &mut dyn FnMut(Payment) -> bool,
    ) -> Result<bool, JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite("due", &error);
        let mut statement = self.connection.prepare_cached(statement).map_err(failed)?;
        let mut ids = statement.query((boot, now)).map_err(failed)?;
        while let Some(row) = ids.next().map_err(failed)? {
            let id = PaymentId(row.get(0).map_err(failed)?);
            if let Some(Ok(payment)) = self.row(id)? {
                if !each(payment) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// What is known to be wrong without looking at the rows.
    pub(super) fn report(&self, health: &mut Health) -> Result<(), JournalError> {
        self.place.check()?;
        let failed = |error: rusqlite::Error| failure::sqlite("health", &error);
        let water = Water::read(&self.connection).map_err(failed)?;
        let problems = &mut health.problems;
        problems.extend(restored::reason(&self.connection, &water).map_err(failed)?);
        if self.lock.is_some() && self.place.look()?.born.is_none() {
            health.notes.push(
                "the file system remembers no times of birth, so that a directory put back from a \
                 backup may look like the one that was there: after putting one back compare OVO's \
                 settlement file with your books"
                    .to_owned(),
            );
        }
        health.notes.extend(parts::open(&self.connection).map_err(failed)?.map(|part| {
            format!(
                "the archive {} is not finished: unless that is going on just now, archive into it once \
                 more; until then nobody reads what it has",
                part.path.display()
            )
        }));
        let kept = self.place.kept();
        let risk = file_system::risk(kept).map(str::to_owned);
        if kept == Kept::InMemory {
            problems.extend(risk)
        } else {
            health.notes.extend(risk)
        }
        // A copy for reading has neither.
        if let Some(lock) = &self.lock {
            let little = |room: &Room| room.own < LITTLE_ROOM.min(room.all / 16);
            if let Some(lacks) = self.lacks_its_reserve() {
                problems.push(lacks);
            } else if let Some(room) = self.place.room().filter(little) {
                problems.push(format!(
                    "the journal's disk has {} KiB left, and a payment takes up to 60; make room",
                    room.own >> 10
                ));
            }
            if !self.reserve.is_kept() {
                problems.push(
                    "the reserve beside the journal cannot be written: on a full disk payments under \
                     way are interrupted"
                        .to_owned(),
                );
            }
            if !lock.is_held() {
                health.notes.push(
                    "the file system has no locks for the journal beside SQLite's: a program that \
                     reads the journal's own files would let others in"
                        .to_owned(),
                );
            }
        }
        if !self.mark.is_writable() {
            health.problems.push("the mark beside the journal cannot be written".to_owned());
        }
        Ok(())
    }

    /// The log may go from here on. First all that is in it is moved into the database, and only then
    /// the database says so: in the middle of a move one page may be there without another.
    ///
    /// Returns whether it says so.
    pub(super) fn says_closed(&mut self) -> Result<bool, JournalError> {
        let failed = |error: rusqlite::Error| failure::sqlite("close", &error);
        self.place.check()?;
        if !log::is_open(&self.connection).map_err(failed)? {
            return Ok(true);
        }
        match self.move_log() {
            Err(full) if full.kind == JournalErrorKind::Full => return Ok(false),
            other => other?,
        }
        if self.moved_log.is_none() {
            return Ok(false);
        }
        self.execute("BEGIN IMMEDIATE")?;
        log::says_open(&self.connection, false).map_err(failed)?;
        self.execute("COMMIT")?;
        Ok(true)
    }

    /// Closes the file; a poisoned one is left as it is, for whoever opens it next.
    pub(super) fn close(mut self) {
        use rusqlite::config::DbConfig;
        // J22: who shares a journal and is not its last must not take the log away, whatever is
        // left of SQLite's own locks.
        let last = self
            .lock
            .as_ref()
            .is_none_or(|lock| lock.wait_for_turn(SHARED_PATIENCE).is_ok() && lock.is_last());
        if self.refusal.is_some() || !last || !self.says_closed().unwrap_or(false) {
            return;
        }
        // Of several processes none knows how often it was opened.
        if self.access != Access::Host {
            if let Ok(water) = Water::read(&self.connection) {
                let numbers = (water.batch, water.reference);
                let mark = Mark::open(self.incarnation, numbers, self.openings);
                self.mark.write(&Mark { closed: true, ..mark });
            }
        }
        if self.forgotten > 0 {
            // The log is removed at closing, but not overwritten.
            let _ = self.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        // Only here, so that whatever was refused or broken off is left as it is, its log included.
        // SQLite checkpoints once more; if that fails the log stays and is read at the next open.
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    }
}

fn no_room_for_more() -> JournalError {
    JournalError::new(
        JournalErrorKind::Full,
        "the disk is full; what is left of it is for payments under way",
    )
}
