//! Opening a journal: made whole or not at all, checked before it is trusted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::SqliteOptions;
use super::address;
use super::anothers;
use super::archive;
use super::aside;
use super::companion;
use super::engine::{self, Engine, Water};
use super::failure;
use super::file_system;
use super::files::Files;
use super::handover;
use super::indexes::{self, Damage};
use super::lock::Lock;
use super::log::{self, Alone};
use super::mark::{Mark, MarkFile};
use super::migration;
use super::notes;
use super::owing;
use super::place::{self, Place};
use super::reserve::Reserve;
use super::restored::{self, Beside};
use super::schema;
use super::version::Incarnation;
use super::view;
use super::whereabouts::{self, Whereabouts};
use crate::journal::{Finding, Health, JournalError, JournalErrorKind};
use crate::numbering::MAX_NUMBER;
use crate::wib::WallTime;

/// The first SQLite without the write-ahead log's reset race ([policy 1.8], J14). 3.52.0, which
/// was withdrawn, has the repair too.
///
/// [policy 1.8]: crate::manual::policy#18-sqlite-before-3513-could-lose-a-log
const OLDEST_SQLITE: i32 = 3_051_003;
/// Of the processes of one host that share a journal, one writes at a time; each for milliseconds.
pub(super) const SHARED_PATIENCE: Duration = Duration::from_secs(5);
/// A commit writes whole pages, some six of them, to flash: small ones wear it out less than half
/// as fast as SQLite's usual 4096 (11 KB per commit instead of 25). A row fits into one.
pub(super) const PAGE_SIZE: u32 = 1024;

pub(super) fn open(
    files: &Arc<dyn Files>,
    path: &Path,
    options: &SqliteOptions,
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
    let opened = match attempt_with_reserve(files, &path, options, &lock) {
        Err(unusable)
            if options.set_aside_unusable
                && !lock.found_others()
                && is_unusable(&**files, &path, &unusable) =>
        {
            let aside = aside::under_lock(files, &path, &lock)?;
            attempt_with_reserve(files, &path, options, &lock).map(|mut engine| {
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
) -> Result<Engine, JournalError> {
    let owes = || files.look(path).is_ok() || !aside::former(&**files, path).is_empty();
    let mut opened = attempt(files, path, options, lock, Purpose::Sell);
    if opened.as_ref().is_err_and(|error| error.kind == JournalErrorKind::Corrupt) {
        // A page that the disk did not give once is no damage.
        opened = attempt(files, path, options, lock, Purpose::Sell);
    }
    match opened {
        Err(full) if full.kind == JournalErrorKind::Full && owes() => {
            if Reserve::open(&**files, path).release() {
                attempt(files, path, options, lock, Purpose::Sell)
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
            if purpose != Purpose::Sell {
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

/// A private copy that was made to be read: nothing in it is judged, remembered or marked, and nobody
/// else has it. Of an earlier release's journal the copy is brought up to date.
pub(super) fn open_copy(
    files: &Arc<dyn Files>,
    path: &Path,
    kinds: &[i32],
) -> Result<Engine, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("read", &error);
    refuse_old_sqlite(rusqlite::version_number())?;
    let gone = || JournalError::new(JournalErrorKind::Gone, "the copy for reading is gone");
    let place = Place::claim_any(files, path, kinds)?.ok_or_else(gone)?;
    let connection = connect(&**files, path, Access::One)?;
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    archive::refuse_unfinished(&connection)?;
    let incarnation = engine::meta(&connection, "incarnation").map_err(failed)?;
    migration::bring_up_to_date(&connection, &incarnation)?;
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

/// Makes a journal under another name, whole and synced, and only then gives it its own. So a
/// power cut leaves either no journal or a complete one, and an existing file is never touched.
fn create(files: &dyn Files, path: &Path) -> Result<(), JournalError> {
    let mut unique = [0; 8];
    random(files, &mut unique)?;
    let unique = u64::from_le_bytes(unique);
    let draft = place::with_suffix(path, &format!(".new-{unique:016x}"));
    let result = draw_up(files, &draft, path).and_then(|()| {
        // Unlike a rename, a link never replaces what another process made meanwhile.
        match files.link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other.map_err(|error| failure::file("create", &error)),
        }
    });
    for left_over in ["", "-wal", "-shm", "-journal"] {
        // The draft is nobody's journal: what cannot be removed harms nobody.
        let _ = files.remove(&place::with_suffix(&draft, left_over));
    }
    result?;
    files.sync_directory(path).map_err(|error| failure::file("create", &error))
}

fn draw_up(files: &dyn Files, draft: &Path, path: &Path) -> Result<(), JournalError> {
    let in_file = |error: io::Error| failure::file("create", &error);
    let in_sqlite = |error: rusqlite::Error| failure::sqlite("create", &error);
    let mut incarnation: Incarnation = [0; 16];
    random(files, &mut incarnation)?;
    drop(files.create(draft).map_err(in_file)?);
    // In the file from its first moment on: whoever makes it may not live to tell.
    let follows_a_lost_one = restored::has_left_only_its_reserve(files, path);
    // The same, so that it knows them without its log, too.
    let whereabouts = Whereabouts::of(files.look(draft).map_err(in_file)?, path);
    let connection = sqlite_on(files, draft).map_err(in_sqlite)?;
    run(&connection, &format!("page_size = {PAGE_SIZE}")).map_err(in_sqlite)?;
    configure(&connection, Access::One).map_err(in_sqlite)?;
    let fill = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        run(&connection, &format!("application_id = {}", schema::APPLICATION_ID))?;
        run(&connection, &format!("user_version = {}", schema::VERSION))?;
        schema::create(&connection)?;
        connection.execute("INSERT INTO high_water VALUES (1, 0, 0, 0, 0, 0, 0)", [])?;
        let mut meta = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
        meta.execute(("incarnation", incarnation.as_slice()))?;
        meta.execute(("created", WallTime::now().unix_millis()))?;
        meta.execute(("boots", 0))?;
        meta.execute(("boot", 0))?;
        meta.execute(("boot_id", ""))?;
        whereabouts.remember(&connection)?;
        if follows_a_lost_one {
            restored::follows_a_lost_one(&connection)?;
        }
        connection.execute_batch("COMMIT")?;
        // Closing would do it too, but tell nobody if it failed; and the log does not get the
        // journal's name, so what is only in the log would be lost.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
    };
    let busy: i64 = fill().map_err(in_sqlite)?;
    if busy != 0 {
        return Err(JournalError::new(
            JournalErrorKind::Io,
            "create: the new journal cannot be completed",
        ));
    }
    connection.close().map_err(|(_, error)| in_sqlite(error))?;
    files.open(draft).and_then(|mut file| file.sync()).map_err(in_file)
}

pub(super) fn random(files: &dyn Files, bytes: &mut [u8]) -> Result<(), JournalError> {
    files
        .random(bytes)
        .map_err(|error| JournalError::new(JournalErrorKind::Io, format!("randomness: {error}")))
}

fn flags() -> OpenFlags {
    // No CREATE: the file is made by us. No mutex: the engine's own lock is around every call.
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

pub(super) fn sqlite_on(files: &dyn Files, path: &Path) -> rusqlite::Result<Connection> {
    match files.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags(), vfs),
        None => Connection::open_with_flags(path, flags()),
    }
}

/// Who may be at the file by SQLite's own locks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// One connection.
    One,
    /// The connections of this process, which keep the log's index in its memory.
    Process,
    /// Every process.
    Host,
}

impl Access {
    fn connect(self, files: &dyn Files, path: &Path) -> rusqlite::Result<Connection> {
        match self {
            // One of SQLite's own, for just this.
            Access::Process => Connection::open_with_flags_and_vfs(path, flags(), "unix-excl"),
            Access::One | Access::Host => sqlite_on(files, path),
        }
    }
}

/// A second connection, for reports that take long: they keep no payment waiting.
pub(super) fn connect_reader(
    files: &dyn Files,
    path: &Path,
    access: Access,
) -> rusqlite::Result<Connection> {
    // Not read-only to SQLite: in a process that keeps all others out, its locks would then take
    // the place of those that do.
    let connection = access.connect(files, path)?;
    connection.busy_timeout(SHARED_PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    for pragma in
        ["query_only = ON", "temp_store = MEMORY", "trusted_schema = OFF", "mmap_size = 0"]
    {
        run(&connection, pragma)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(connection)
}

pub(super) fn connect(
    files: &dyn Files,
    path: &Path,
    access: Access,
) -> Result<Connection, JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let connection = access.connect(files, path).map_err(failed)?;
    let shared = access == Access::Host;
    // SQLite opens for reading what it may not write, and then fails at a lock with another error.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(JournalError::new(
            JournalErrorKind::ReadOnly,
            "the file cannot be written: its mode, or a file system that is mounted read-only",
        ));
    }
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .and_then(|_| {
            connection.busy_timeout(if shared { SHARED_PATIENCE } else { Duration::ZERO })
        })
        .and_then(|()| configure(&connection, access))
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// [operations 3.1].
///
/// [operations 3.1]: crate::manual::operations#31-the-engine
pub(super) fn configure(connection: &Connection, access: Access) -> rusqlite::Result<()> {
    // First of all: in this mode the log's index is in memory, and no second process gets in.
    let one = access == Access::One;
    run(connection, if one { "locking_mode = EXCLUSIVE" } else { "locking_mode = NORMAL" })?;
    for pragma in [
        // One sync per commit, and none is left out (P7).
        "synchronous = FULL",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        // A phone is overwritten, not only let go.
        "secure_delete = ON",
        "temp_store = MEMORY",
        // A hostile or damaged file gets no more to work with than it must.
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "mmap_size = 0",
        // The engine does it, and listens to what comes of it.
        "wal_autocheckpoint = 0",
        "journal_mode = WAL",
    ] {
        run(connection, pragma)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode == "wal" && synchronous == 2 {
        Ok(())
    } else {
        Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
            Some(format!("no durable commits here: {mode}, {synchronous}")),
        ))
    }
}

/// Runs a pragma; some answer with a row, some with none.
pub(super) fn run(connection: &Connection, pragma: &str) -> rusqlite::Result<()> {
    connection.prepare(&format!("PRAGMA {pragma}"))?.query([])?.next().map(|_| ())
}

/// What lay there before SQLite was let in.
struct Found {
    /// Nobody else can have it open.
    is_alone: bool,
    /// What the database says without its log, where that can be told.
    alone: Option<Alone>,
    log_was_left: bool,
    /// Indexes that do not fit their rows.
    damage: Option<Damage>,
    /// Others have it open.
    has_company: bool,
    purpose: Purpose,
}

/// Takes the lock by a first commit (MP1, J4), and checks in it what the file claims to be.
fn admit(
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
    let beside = Beside { path, mark, openings, lost_its_log, was_closed };
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

/// From here on the log must be there, and not empty: first there is one, then the database says so.
/// `moved`: the generation of the log that is in the database now.
fn begin_log(
    files: &dyn Files,
    engine: &mut Engine,
    moved: Option<String>,
    is_alone: bool,
) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    engine.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    if is_alone {
        log::says_open(&engine.connection, true).map_err(failed)?;
    }
    if let Some(moved) = moved {
        log::begin(files, &engine.connection, &moved)?;
    }
    engine.connection.execute_batch("COMMIT").map_err(failed)?;
    match is_alone.then(|| engine.move_log()) {
        // A log that is lost then is not missed; payments under way go on (J2, J3).
        Some(Err(full)) if full.kind == JournalErrorKind::Full => Ok(()),
        Some(moved) => moved,
        None => Ok(()),
    }
}

/// J6: an earlier process may have died of a failed sync. What it wrote last can then be read from
/// the log and is not on the disk, and no later sync of the log would bring it there, nor anything
/// behind it back after a power cut. So it is written anew: into the database, or where that has no
/// room (a full disk must not keep payments under way from being settled: J2, J3) or somebody else
/// still reads the log, over itself.
///
/// Returns whether it is in the database.
fn make_log_durable(
    files: &dyn Files,
    path: &Path,
    connection: &Connection,
) -> Result<bool, JournalError> {
    let log = place::with_suffix(path, "-wal");
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    match moved.map_err(|error| failure::sqlite("open", &error)) {
        Ok(0) => {}
        Ok(_busy) => return write_again(files, &log, connection).map(|()| false),
        Err(error) if error.kind == JournalErrorKind::Full => {
            return write_again(files, &log, connection).map(|()| false);
        }
        Err(error) => return Err(error),
    }
    // What of the old log is on the disk must not come back either: it ends before what was moved.
    match files.open(&log).and_then(|mut log| log.sync()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure::file("open", &error)),
        _ => Ok(true),
    }
}

/// Writes the log over itself, which takes no room, and syncs it.
fn write_again(files: &dyn Files, log: &Path, connection: &Connection) -> Result<(), JournalError> {
    const PIECE: usize = 64 << 10;
    let failed = |error: rusqlite::Error| failure::sqlite("open", &error);
    let again = || {
        let mut log = files.open(log)?;
        let mut at = 0;
        loop {
            let piece = log.read(at, PIECE)?;
            if piece.is_empty() {
                return log.sync();
            }
            log.write(at, &piece)?;
            at += piece.len() as u64;
        }
    };
    // Meanwhile no other process may add to it, or begin it anew.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let written = again().map_err(|error| failure::file("open", &error));
    connection.execute_batch("ROLLBACK").map_err(failed)?;
    written
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

    #[test]
    fn j14_an_sqlite_that_can_lose_a_log_is_refused() {
        assert_eq!(refuse_old_sqlite(3_051_002).unwrap_err().kind, JournalErrorKind::Version);
        refuse_old_sqlite(3_051_003).unwrap();
        refuse_old_sqlite(rusqlite::version_number()).unwrap();
    }
}
