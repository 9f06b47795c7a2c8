//! How high the numbers stand.

use rusqlite::Connection;

use crate::numbering::Numbers;

/// The row `high_water`.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Water {
    pub(in crate::journal) last_id: i64,
    pub(in crate::journal) batch: u32,
    pub(in crate::journal) reference: u32,
    pub(in crate::journal) day: i64,
    /// Batches below this one may have been used by another copy of this journal.
    pub(in crate::journal) floor: u32,
    /// Whether this journal was found to be a copy or to have lost something, and nobody has
    /// vouched for it since.
    pub(in crate::journal) doubted: bool,
}

impl Water {
    pub(in crate::journal) fn read(connection: &Connection) -> rusqlite::Result<Water> {
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

    /// The last batch that it, or another copy of it, may have handed out; 0 if there is none.
    pub(in crate::journal) fn stands_at(&self) -> u32 {
        self.batch.max(self.floor.saturating_sub(1))
    }

    pub(in crate::journal) fn last(&self) -> Option<Numbers> {
        Numbers::new(self.batch, self.reference).ok()
    }
}
