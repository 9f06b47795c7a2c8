//! Numbers that jump by themselves ([fault J28]): a fresh journal begins with the quarter-hour's
//! batch, and so did another one that was lost within the same quarter of an hour, mark and all.
//! OVO then calls the numbers used (94, or 40), a minute for every customer.
//!
//! [fault J28]: crate::manual::faults#j-disk-and-journal

use rusqlite::Connection;

use super::codes::{ACCEPTED, DECLINED};
use super::engine::Water;
use super::files::Files;
use super::{belonging, meta, restored};
use crate::journal::{Finding, JournalError};
use crate::numbering::starting_batch;
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// The quarter of an hour in which the numbers last jumped.
const JUMPED: &str = "jumped";
/// Before the number of one that was set aside and cannot be read: which file that was.
const OVER: &str = "jumped over ";
/// Before the name of a terminal that is not the client's own: the day on which numbers of it were last
/// handed out.
const SERVED: &str = "served ";

/// One that was set aside, and whose numbers nobody can read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unread {
    /// The number in its name.
    pub(super) number: i64,
    /// Its name, for people.
    pub(super) name: String,
    /// Which file it is.
    pub(super) file: String,
    /// It has handed out this batch, as far as something is known.
    pub(super) at_least: u32,
}

/// Jumps over whatever those may have handed out that cannot be read, once for each of them. What to tell
/// of it; inside the caller's transaction.
pub(super) fn over_the_unread(
    files: &dyn Files,
    connection: &Connection,
    first_batch: Option<u32>,
    unread: &[Unread],
) -> Result<Option<Finding>, JournalError> {
    let failed = |error: rusqlite::Error| super::failure::sqlite("jump", &error);
    let mut names = Vec::new();
    let mut water = Water::read(connection).map_err(failed)?;
    for it in unread {
        let key = format!("{OVER}{}", it.number);
        if meta::get::<String>(connection, &key).map_err(failed)?.as_ref() != Some(&it.file) {
            meta::put(connection, &key, it.file.as_str()).map_err(failed)?;
            names.push(it.name.as_str());
            water.floor = water.floor.max(it.at_least);
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    let floor = restored::above_the_unread(files, &water, first_batch, WallTime::now())?;
    connection.execute("UPDATE high_water SET floor = ?1", [floor]).map_err(failed)?;
    Ok(Some(Finding {
        critical: false,
        message: format!(
            "which numbers {} has handed out cannot be read: those of this journal jump to batch \
             {floor:06}, above all that it can have given",
            names.join(", ")
        ),
    }))
}

/// Jumps because the journal serves another terminal from now on ([fault J21]): the journal that
/// served it before has handed out numbers there, and this one vouches for its own only. Inside the
/// caller's transaction.
///
/// [fault J21]: crate::manual::faults#j-disk-and-journal
pub(super) fn jump_to_another_terminal(
    files: &dyn Files,
    connection: &Connection,
) -> Result<(), JournalError> {
    to_another(files, connection, WallTime::now()).map(drop)
}

/// Jumps for a payment of a terminal that is not the client's own (a charge names it, or another process
/// of this journal has another one): this journal vouches there for what it has handed out today or the
/// day before. What to tell of it; inside the caller's transaction.
pub(super) fn jump_for_a_charge(
    files: &dyn Files,
    connection: &Connection,
    terminal: &Terminal,
    wall: WallTime,
) -> Result<Option<Finding>, JournalError> {
    let failed = |error: rusqlite::Error| super::failure::sqlite("jump", &error);
    let name = terminal.name();
    let own = belonging::terminal(connection).map_err(failed)?;
    if own.is_none_or(|own| own == name) {
        return Ok(None);
    }
    let (served, today) = (format!("{SERVED}{name}"), wall.wib_day());
    let last: Option<i64> = meta::get(connection, &served).map_err(failed)?;
    let is_vouched_for = last.is_some_and(|last| (today - 1..=today + 1).contains(&last));
    let floor = match is_vouched_for {
        true => None,
        false => Some(to_another(files, connection, wall)?),
    };
    if last != Some(today) {
        meta::put(connection, &served, today).map_err(failed)?;
    }
    Ok(floor.map(|floor| Finding {
        critical: false,
        message: format!(
            "payments of terminal {name} go into this journal, too, from now on: another journal may have \
             handed out numbers there, and those of this one jump to batch {floor:06}"
        ),
    }))
}

/// The batch from which on numbers are nobody else's. Nothing is used up by a jump behind which no number
/// was handed out: two programs may open a journal by turns, each for its own terminal.
fn to_another(
    files: &dyn Files,
    connection: &Connection,
    wall: WallTime,
) -> Result<u32, JournalError> {
    let failed = |error: rusqlite::Error| super::failure::sqlite("jump", &error);
    let water = Water::read(connection).map_err(failed)?;
    let handed_out = Water { floor: 0, ..water };
    let floor = water.floor.max(restored::above_a_twin(files, &handed_out, wall)?);
    connection.execute("UPDATE high_water SET floor = ?1", [floor]).map_err(failed)?;
    Ok(floor)
}

/// Jumps, at most once in a quarter of an hour and only as long as OVO has accepted or declined
/// nothing of this journal: later a duplicate can only mean an invoice that was used before. Inside
/// the caller's transaction.
pub(super) fn jump(
    files: &dyn Files,
    connection: &Connection,
    wall: WallTime,
) -> Result<Option<Finding>, JournalError> {
    let failed = |error: rusqlite::Error| super::failure::sqlite("jump", &error);
    let answered = format!(
        "SELECT EXISTS (SELECT 1 FROM payment WHERE verdict IN ({ACCEPTED}, {DECLINED}) LIMIT 1) \
         OR EXISTS (SELECT 1 FROM archived)"
    );
    if connection.query_row(&answered, [], |row| row.get(0)).map_err(failed)? {
        return Ok(None);
    }
    let quarter = starting_batch(wall).unwrap_or(0);
    if meta::get::<u32>(connection, JUMPED).map_err(failed)? == Some(quarter) {
        return Ok(None);
    }
    let water = Water::read(connection).map_err(failed)?;
    let floor = restored::above_a_twin(files, &water, wall)?;
    meta::put(connection, JUMPED, quarter).map_err(failed)?;
    connection.execute("UPDATE high_water SET floor = ?1", [floor]).map_err(failed)?;
    Ok(Some(Finding {
        critical: false,
        message: format!(
            "OVO says that numbers or an invoice were used before, and has accepted nothing of this \
             journal yet: another journal of this terminal may have handed out the same. The next payments \
             begin with batch {floor:06}; the one that got this answer is checked and told as not completed"
        ),
    }))
}
