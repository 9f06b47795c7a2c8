//! What people do with a journal: back it up, move it, set it aside, answer for it.

use ptp::journal::{move_journal, set_aside};
use ptp::{JournalReader, WallTime};

use crate::argument::{Out, Text};
use crate::client::{ClientBody, ovo_client};
use crate::code::{Failure, ovo_code};
use crate::config::PATH;
use crate::fork;
use crate::guard::outside;
use crate::operator::REASON;

/// Writes a copy of the client's journal, whole and synced, while payments go on. Any other way of
/// copying an open journal can copy half of it.
///
/// The copy is for reading, and for the day on which the disk is lost: whoever opens it as a journal
/// is told that it is one, and it is doubted then, because it does not know what came after it.
/// Journals that were set aside are copied beside it; one that cannot be read is left out, and told as
/// a critical line of the log.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `to`: the copy's file, which must not exist; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: there is a file already, or it cannot be written, and
/// nothing is left of it; or a common code.
///
/// Memory: nothing is kept. The file is the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_backup(client: *mut ovo_client, to: Text) -> i32 {
    outside(client.addr(), &[], || {
        let body = ClientBody::get(client)?;
        Ok(body.client.backup(to.read("to", PATH)?)?)
    })
}

/// Moves payments that are over (settled, acknowledged, with no look behind due, their phones
/// forgotten) out of the client's journal into a file of the same schema, while payments go on. Their
/// numbers and invoices stay known in the journal and are never given again; `ovo_pay` with one of
/// them says so. The archive is for reading: `ovo-ptp payments -j` and `explain -j`; no client opens it.
///
/// At every moment each payment is in the journal, in the archive, or in both. Whatever breaks this
/// off, a power cut or `ovo_client_close`, the same call finishes it; called once more it changes
/// nothing.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `before_ms`: payments that were begun before this, in milliseconds since 1970 UTC; not in the
///   future.
/// - `to`: the archive's file, which must not exist or be the one that was begun; stays the caller's.
/// - `payments`: gets how many payments the archive has: 0 if none was over, and then no file was made;
///   NULL if it is not wanted.
/// - `moved`: gets how many of them this call took out of the journal; NULL if it is not wanted.
/// - `left`: gets how many were changed meanwhile and stay in the journal; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: a time in the future; `OVO_ERR_JOURNAL`: another file is
/// at `to`, another archive is not finished, the journal is doubted, one that was set aside beside it
/// is in use, or a disk refuses; `OVO_ERR_JOURNAL_LOCKED`: somebody archives it already;
/// `OVO_ERR_CLOSED`: the client was closed meanwhile; or a common code.
///
/// Memory: nothing is kept. The file is the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_archive(
    client: *mut ovo_client,
    before_ms: i64,
    to: Text,
    payments: Out<i64>,
    moved: Out<i64>,
    left: Out<i64>,
) -> i32 {
    outside(
        client.addr(),
        &[&payments.optional("payments"), &moved.optional("moved"), &left.optional("left")],
        || {
            let body = ClientBody::get(client)?;
            let (before, to) = (WallTime::from_unix_millis(before_ms), to.read("to", PATH)?);
            let done = body.client.archive(before, to, |_| {})?;
            for (out, number) in
                [(&payments, done.payments), (&moved, done.moved), (&left, done.left)]
            {
                out.write(i64::try_from(number).unwrap_or(i64::MAX));
            }
            Ok(())
        },
    )
}

/// Ends the doubt about a journal that was found to be a copy, or to have lost something (a critical
/// line of the log said so at opening, and `ovo_doctor` says it): you have seen that no other copy is
/// in use, and have compared your books with OVO's settlement file.
///
/// Parameters:
/// - `client`: an open client; stays the caller's.
/// - `who_and_why`: 1 to 200 characters, kept in the journal; stays the caller's.
/// - `ended`: gets 1 if there was a doubt, 0 if there was none; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no reason, or a longer one; `OVO_ERR_JOURNAL`: the
/// doubt stays; or a common code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_vouch(client: *mut ovo_client, who_and_why: Text, ended: Out<i32>) -> i32 {
    outside(client.addr(), &[&ended.optional("ended")], || {
        let body = ClientBody::get(client)?;
        let doubted = body.client.vouch(who_and_why.read("who and why", REASON)?)?;
        ended.write(i32::from(doubted));
        Ok(())
    })
}

/// Writes a copy of a journal beside whatever other process has it open, as `ovo_backup` does for
/// an open client of this one.
///
/// Parameters:
/// - `path`: the journal; stays the caller's.
/// - `to`: the copy's file, which must not exist; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL`: there is no journal, or it cannot be read, or there is a file
/// at `to`, or it cannot be written; `OVO_ERR_JOURNAL_LOCKED`: this process has it open (use
/// `ovo_backup`), or it was not at rest for a moment, call again; or a common code.
///
/// Memory: nothing is kept. The file is the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_journal_backup(path: Text, to: Text) -> i32 {
    outside(0, &[], || {
        let (path, to) = (path.read("path", PATH)?, to.read("to", PATH)?);
        fork::is_watched();
        Ok(JournalReader::open(path)?.backup(to)?)
    })
}

/// Moves a journal to another directory, disk or name of this machine, with all that belongs to it.
/// Copied or moved in any other way it would be doubted, or refused.
///
/// Until the end the journal at `from` is the journal: behind a power cut call it again, and it
/// finishes what it began.
///
/// Where the library has the feature `postgres`, `to` may be the address of an empty, migrated journal
/// in PostgreSQL on which no node runs (`postgresql://owner@host/database?schema=ovo`), as the role that
/// owns the schema: all payments go there, those that are not settled too, and the file is refused from then on.
///
/// Parameters:
/// - `from`: the journal, which no client has open; stays the caller's.
/// - `to`: its new name, which must not exist, or a database's address; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL_LOCKED`: a client has it open; `OVO_ERR_JOURNAL`: nothing is at
/// `from`, something is at `to`, or the disk refuses; or a common code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_journal_move(from: Text, to: Text) -> i32 {
    outside(0, &[], || {
        let (from, to) = (from.read("from", PATH)?, to.read("to", PATH)?);
        fork::is_watched();
        #[cfg(feature = "postgres")]
        if ptp::journal::is_address(std::path::Path::new(to)) {
            use ptp::journal::postgres::{Dsn, move_to_postgres};
            move_to_postgres(from, &Dsn::parse(to)?, |_| {}).map_err(ptp::Error::from)?;
            return Ok(());
        }
        Ok(move_journal(from, to).map_err(ptp::Error::from)?)
    })
}

/// Takes a journal out of the way, all of its files as one, so that the next one can begin at its
/// place: the only way to begin anew that loses nothing. The next journal there begins above its
/// numbers, knows its invoices and settles what it owes, as long as it lies beside it.
///
/// Nothing in it changes; behind a power cut call it again.
///
/// Parameters:
/// - `path`: the journal, which no client has open; stays the caller's.
/// - `number`: gets the number in its new name, which is `path` with `.aside-` and the number behind
///   it (beside the file itself, if `path` is a symbolic link); NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_JOURNAL_LOCKED`: a client has it open; `OVO_ERR_JOURNAL`: nothing is
/// there, or the disk refuses; or a common code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_journal_set_aside(path: Text, number: Out<i32>) -> i32 {
    outside(0, &[&number.optional("number")], || {
        let path = path.read("path", PATH)?;
        fork::is_watched();
        let aside = set_aside(path).map_err(ptp::Error::from)?;
        let name = aside.to_string_lossy();
        let given = name.rsplit_once(".aside-").and_then(|(_, number)| number.parse().ok());
        number.write(given.ok_or_else(|| {
            Failure::new(ovo_code::OVO_ERR_INTERNAL, "journal: set aside without a number")
        })?);
        Ok(())
    })
}
