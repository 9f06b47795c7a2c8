//! The write-ahead log as a part of the journal: there when it must be, and this journal's own
//! ([faults J10, J23]).
//!
//! SQLite replays whatever log lies beside a database, and takes none for nothing left to replay. So
//! the database says whether its log must be there: as long as somebody has the journal open, and
//! when that one died. And every generation of the log, from one move into the database to the next,
//! begins with a commit that names it and the one before it; the database names the last one that was
//! moved into it. A log that is neither that one nor the one behind it is older, or another copy's.
//!
//! [faults J10, J23]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::files::Files;
use super::{failure, meta, opening, place};
use crate::journal::{JournalError, JournalErrorKind};

/// 1 while the journal is open: its log is there then, and not empty.
const OPEN: &str = "open";
/// The generation of the log, and the one before it.
const NAME: &str = "log";
const AFTER: &str = "log after";

/// What the database says without its log.
#[derive(Debug)]
pub(super) struct Alone {
    is_open: bool,
    log: Option<String>,
}

impl Alone {
    /// Reads the database as if no log lay beside it, before anybody has it open. `None` if that
    /// tells nothing: in the middle of a move of the log a database need not make sense alone.
    pub(super) fn read(files: &dyn Files, path: &Path) -> Option<Alone> {
        let connection = without_log(files, path)?;
        let is_open = is_open(&connection).ok()?;
        let log: Option<String> = meta::get(&connection, NAME).ok()?;
        Some(Alone { is_open, log: log.filter(|name| is_whole(name)) })
    }

    /// Whether a log must lie beside it.
    pub(super) fn needs_its_log(&self) -> bool {
        self.is_open
    }

    /// Whether the journal at `path`, which this process does not have open, says that a log must lie beside it,
    /// and there is none.
    pub(super) fn is_missed(files: &dyn Files, path: &Path) -> bool {
        place::refuse_if_open_here(files, path).is_ok()
            && place::left_log(files, path).is_ok_and(|log| log.is_none())
            && Alone::read(files, path).is_some_and(|it| it.needs_its_log())
    }

    /// Whether the log that lies beside it now is its own, by its name: one without a name may be any.
    pub(super) fn is_its_log(&self, files: &dyn Files, path: &Path) -> bool {
        let fits = |together: Connection| {
            // Read first, so that a log which fits none is found out.
            is_open(&together).is_ok() && self.refuse_foreign_log(&together, path).is_ok()
        };
        self.log.is_some() && as_it_is(files, path).is_ok_and(fits)
    }

    /// Refuses a log that is not this journal's, before anything in it is moved into the database.
    /// `together`: the database with its log.
    pub(super) fn refuse_foreign_log(
        &self,
        together: &Connection,
        path: &Path,
    ) -> Result<(), JournalError> {
        let Some(own) = &self.log else { return Ok(()) };
        let names = |key| meta::get::<String>(together, key).ok().flatten();
        if names(NAME).as_ref() == Some(own) || names(AFTER).as_ref() == Some(own) {
            return Ok(());
        }
        Err(foreign(path))
    }
}

/// Of a private copy, which nobody has open and whose log is moved nowhere by this: whether the log that was
/// copied with it is its own. `original`: what it is a copy of.
///
/// # Errors
/// `Misplaced` as at the opening; whatever keeps the two from being read together.
pub(super) fn refuse_foreign_beside_copy(
    files: &dyn Files,
    copy: &Path,
    original: &Path,
) -> Result<(), JournalError> {
    let Some(alone) = Alone::read(files, copy) else { return Ok(()) };
    let failed = |error: rusqlite::Error| failure::sqlite("read", &error);
    let judged = as_it_is(files, copy).map_err(failed).and_then(|together| {
        is_open(&together).map_err(failed)?;
        alone.refuse_foreign_log(&together, original)
    });
    match judged {
        // Without its log it can be read, and with it it cannot.
        Err(error) if error.kind == JournalErrorKind::Corrupt && is_sound_without(files, copy) => {
            Err(foreign(original))
        }
        judged => judged,
    }
}

/// The log is another one's.
pub(super) fn foreign(path: &Path) -> JournalError {
    let log = place::with_suffix(path, "-wal");
    JournalError::new(
        JournalErrorKind::Misplaced,
        format!(
            "the log {} is not this journal's: it is older, or a copy's, and would overwrite payments; \
             move it somewhere else and keep it, then open again: the journal says what it lacks, if \
             it lacks anything",
            log.display()
        ),
    )
}

/// The database as if no log lay beside it: SQLite looks at none of a file that is said never to
/// change. For a moment in which nobody has it open.
pub(super) fn without_log(files: &dyn Files, path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let uri = format!("file:{}?immutable=1", escaped(path)?);
    let connection = match files.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(uri, flags, vfs),
        None => Connection::open_with_flags(uri, flags),
    };
    connection.ok()
}

/// The database with the log beside it, for looking at it: nothing of the log is moved. For a moment
/// in which nobody has it open.
pub(super) fn as_it_is(files: &dyn Files, path: &Path) -> rusqlite::Result<Connection> {
    let connection = opening::sqlite_on(files, path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    opening::run(&connection, "locking_mode = EXCLUSIVE")?;
    opening::run(&connection, "query_only = ON")?;
    Ok(connection)
}

/// Whether the database is whole without the log beside it.
pub(super) fn is_sound_without(files: &dyn Files, path: &Path) -> bool {
    let check = |connection: Connection| {
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    };
    without_log(files, path).is_some_and(|connection| check(connection).is_ok_and(|it| it == "ok"))
}

/// A path as it stands in a URI of SQLite's; `None` if it is no text.
fn escaped(path: &Path) -> Option<String> {
    let mut escaped = String::new();
    for byte in path.to_str()?.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                escaped.push(char::from(byte));
            }
            other => escaped.push_str(&format!("%{other:02x}")),
        }
    }
    Some(escaped)
}

/// Whether it says that somebody has the journal open.
pub(super) fn is_open(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(meta::get::<i64>(connection, OPEN)? == Some(1))
}

/// Says whether somebody has the journal open, inside the caller's transaction.
pub(super) fn says_open(connection: &Connection, is_open: bool) -> rusqlite::Result<()> {
    let now = i64::from(is_open);
    match meta::get::<i64>(connection, OPEN)?.unwrap_or(0) {
        known if known == now => Ok(()),
        _ => meta::put(connection, OPEN, now),
    }
}

/// The name of the present generation, empty before the first.
pub(super) fn name(connection: &Connection) -> rusqlite::Result<String> {
    Ok(meta::get(connection, NAME)?.unwrap_or_default())
}

/// Names the generation of the log that begins with the caller's transaction. `moved`: the one that
/// was moved into the database, and nothing if another process has named the next one already.
pub(super) fn begin(
    files: &dyn Files,
    connection: &Connection,
    moved: &str,
) -> Result<(), JournalError> {
    let mut unique = [0; 8];
    opening::random(files, &mut unique)?;
    let next = named(unique);
    let begin = || {
        if name(connection)? != moved {
            return Ok(());
        }
        meta::put(connection, AFTER, moved)?;
        meta::put(connection, NAME, next)
    };
    begin().map_err(|error| failure::sqlite("begin the log", &error))
}

/// A whole copy, which has no log.
pub(super) fn is_another_copy(files: &dyn Files, copy: &Connection) -> rusqlite::Result<()> {
    let mut unique = [0; 8];
    // Without chance the copy's logs are known by their names still.
    let _ = files.random(&mut unique);
    meta::put(copy, OPEN, 0)?;
    meta::put(copy, NAME, named(unique))
}

/// A name says the same twice. Of a page that was written in part, its beginning or its end, the database
/// alone shows one that begins as the new name and ends as the old one: no generation was ever called so.
fn named(unique: [u8; 8]) -> String {
    let unique = u64::from_le_bytes(unique);
    format!("{unique:016x}{unique:016x}")
}

fn is_whole(name: &str) -> bool {
    name.split_at_checked(name.len() / 2).is_some_and(|(first, second)| first == second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_two_generations_is_none() {
        let (old, new) =
            (named([0x15, 0x22, 0x78, 7, 7, 7, 7, 1]), named([0x15, 0x22, 0x79, 7, 7, 7, 8, 1]));
        for at in 0..=old.len() {
            for (first, second) in [(&old, &new), (&new, &old)] {
                let mixed = format!("{}{}", &first[..at], &second[at..]);
                assert_eq!(is_whole(&mixed), mixed == old || mixed == new, "{mixed}");
            }
        }
    }

    #[test]
    fn a_path_is_escaped_for_a_uri() {
        let escaped = |path: &str| escaped(Path::new(path)).unwrap();
        assert_eq!(escaped("/var/lib/shop-1/ovo_a.db"), "/var/lib/shop-1/ovo_a.db");
        assert_eq!(escaped("/a b/100%?#.db"), "/a%20b/100%25%3f%23.db");
        assert_eq!(escaped("/\u{e9}"), "/%c3%a9");
    }
}
