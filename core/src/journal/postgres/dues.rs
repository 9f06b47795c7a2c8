//! What is due, by the clocks of several machines: one's own payments at their time, those of a node that is
//! heard of a little later, those of one that is gone at once.

use std::sync::atomic::Ordering;

use super::PostgresJournal;
use super::clocks::{OVERDUE_MS, moved};
use super::store::{Ask, Which};
use crate::journal::JournalError;
use crate::journal::codes::of_boottime;
use crate::lock::lock;
use crate::payment::{Boottime, Payment};

/// Rows of a clock out of which a node takes its share. Each takes by chance out of as many as all nodes take
/// together: out of the first few alone, all would try the same, and all but one in vain.
const MOST: i64 = 2_048;

impl PostgresJournal {
    /// Payments that are due: evidence of a debit first; own ones before others'.
    pub(super) fn due_payments(
        &self,
        boot: u32,
        now: Boottime,
        limit: usize,
    ) -> Result<Vec<Payment>, JournalError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let own = self.shared.own.load(Ordering::Acquire);
        let wanted = limit;
        // Those that nobody can read stay due, and take nobody's place.
        let limit = limit.saturating_add(self.damaged());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut all: Vec<Payment> = Vec::new();
        for late in [true, false] {
            let limit = limit - i64::try_from(all.len()).unwrap_or(limit);
            if limit <= 0 {
                break;
            }
            let which = if own == 0 {
                Which::DueBefore { boot, due: of_boottime(now), late, limit }
            } else {
                let known = lock(&self.shared.clocks);
                let (clocks, until) = known.horizons(own, now);
                let among = limit.saturating_mul(known.live.max(1).into()).min(limit.max(MOST));
                Which::Due { own, clocks, until, late, among, limit }
            };
            all.extend(self.payments(which, false)?.into_iter().flatten());
        }
        all.truncate(wanted);
        if own > 0 {
            // What a better reading moved behind the present is not due.
            all.retain(|payment| payment.state.due.is_some_and(|due| due <= now));
        }
        Ok(all)
    }

    /// When the next payment is due.
    pub(super) fn next_due_time(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        let own = self.shared.own.load(Ordering::Acquire);
        let told = self.look(Ask::Dues)?;
        let now = self.shared.clock.boottime();
        let clocks = lock(&self.shared.clocks);
        let dues = told.as_array().into_iter().flatten().filter_map(|told| {
            let (clock, due) = (told[0].as_i64()?, told[1].as_i64()?);
            let due = crate::journal::codes::to_boottime(due)?;
            if own == 0 {
                return match clock.cmp(&i64::from(boot)) {
                    std::cmp::Ordering::Less => Some(Boottime(0)),
                    std::cmp::Ordering::Equal => Some(due),
                    std::cmp::Ordering::Greater => None,
                };
            }
            if clock == own {
                return Some(due);
            }
            // One of which nothing is known yet: the next beat tells.
            let (_, difference) = clocks.newest(clock)?;
            let late = if clocks.is_lively(clock, now) { OVERDUE_MS } else { 0 };
            Some(moved(due, difference.saturating_sub(late)))
        });
        Ok(dues.min())
    }
}
