//! Rows that nobody can read: a bit fell over, or somebody edited them past the guards ([fault J8]). No node
//! settles one or tells of it, so that each is named: when the journal is opened, when it would be due, and
//! by whoever looks for it.
//!
//! [fault J8]: crate::manual::faults#j-disk-and-journal

use super::store::{Ask, Reply, Which};
use super::{PostgresJournal, mixed_up, rows};
use crate::journal::{Filter, Finding, Health, JournalError, JournalErrorKind, Update};
use crate::lock::lock;
use crate::payment::Payment;

/// How many problems a report names.
const MOST_PROBLEMS: usize = 100;
/// Rows read at a time.
const PAGE: usize = 500;

impl PostgresJournal {
    /// Says once that a row cannot be read.
    pub(super) fn name_damaged(&self, id: i64, damage: &JournalError) {
        if damage.kind != JournalErrorKind::Corrupt || !lock(&self.damaged).insert(id) {
            return;
        }
        lock(&self.findings).push(Finding {
            critical: true,
            message: format!(
                "{}: no node settles it or tells of it, and what its customer was debited is not taken back by \
                 itself; look its invoice up in OVO's settlement file and in the server's table of payments, and \
                 have the row put right from a backup",
                damage.message
            ),
        });
    }

    /// How many of the rows that were seen cannot be read.
    pub(super) fn damaged(&self) -> usize {
        lock(&self.damaged).len()
    }

    /// Every row of a list, whether it can be read or not.
    fn each_of(
        &self,
        mut filter: Filter,
        each: &mut dyn FnMut(i64, Result<Payment, JournalError>),
    ) -> Result<(), JournalError> {
        filter.limit = PAGE;
        loop {
            let ask = Ask::Payments(Which::Listed(filter.clone()), None);
            let Reply::Payments(page) = self.read(ask)? else { return Err(mixed_up()) };
            let Some(last) = page.last().map(rows::id_of) else { return Ok(()) };
            for row in &page {
                each(rows::id_of(row), self.decode(row));
            }
            if filter.after.is_some_and(|after| after.0 >= last) {
                return Ok(());
            }
            filter.after = Some(crate::payment::PaymentId(last));
        }
    }

    /// Names every row that cannot be read.
    pub(super) fn report_damaged(&self, health: &mut Health) -> Result<(), JournalError> {
        let mut more = 0;
        self.each_of(Filter::default(), &mut |_, row| {
            let Err(damage) = row else { return };
            if health.problems.len() < MOST_PROBLEMS {
                health.problems.push(damage.message);
            } else {
                more += 1;
            }
        })?;
        if more > 0 {
            health.problems.push(format!("and {more} more"));
        }
        Ok(())
    }

    /// Names the payments that are open and cannot be read. One that somebody put right behind a judgement
    /// that doubted all others is doubted now.
    pub(super) fn look_for_damaged(&self) -> Result<(), JournalError> {
        let mut mended = Vec::new();
        let doubted = self.doubt()?.map_or(Ok(0), |_| self.water().map(|water| water.doubted))?;
        self.each_of(Filter { unsettled: true, ..Filter::default() }, &mut |id, row| match row {
            Err(damage) => self.name_damaged(id, &damage),
            Ok(payment) if payment.state.verdict.is_none() && epoch_of(id) < doubted => {
                mended.push(payment);
            }
            Ok(_) => {}
        })?;
        for mut payment in mended {
            payment.leave_to_checks();
            // Another node may have done it.
            let (Update::Won(_) | Update::Lost(_)) = self.update_payment(&payment)?;
        }
        Ok(())
    }
}

/// In which epoch the payment of an id was begun.
fn epoch_of(id: i64) -> i64 {
    (id >> 40) + 1
}
