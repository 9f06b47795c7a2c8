//! Numbers that jump by themselves ([fault J28]): a fresh journal begins with the quarter-hour's
//! batch, and so did another one that was lost within the same quarter of an hour, mark and all.
//! OVO then calls the numbers used (94, or 40), a minute for every customer.
//!
//! [fault J28]: crate::manual::faults#j-disk-and-journal

use rusqlite::Connection;

use super::codes::{ACCEPTED, DECLINED};
use super::engine::Water;
use super::files::Files;
use super::{meta, restored};
use crate::journal::{Finding, JournalError};
use crate::numbering::starting_batch;
use crate::wib::WallTime;

/// The quarter of an hour in which the numbers last jumped.
const JUMPED: &str = "jumped";

/// Jumps because the journal serves another terminal from now on ([fault J21]): the journal that
/// served it before has handed out numbers there, and this one vouches for its own only. Inside the
/// caller's transaction.
///
/// [fault J21]: crate::manual::faults#j-disk-and-journal
pub(super) fn jump_to_another_terminal(
    files: &dyn Files,
    connection: &Connection,
) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| super::failure::sqlite("jump", &error);
    let water = Water::read(connection).map_err(failed)?;
    let floor = restored::above_a_twin(files, &water, WallTime::now())?;
    connection.execute("UPDATE high_water SET floor = ?1", [floor]).map_err(failed)?;
    Ok(())
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
