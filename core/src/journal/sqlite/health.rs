//! Every row looked at, and SQLite's own check of the file, while payments go on. A gap in the numbers
//! is a problem: no row is ever deleted but by the archive, which keeps their numbers.

use std::sync::Arc;

use super::{STRIDE, SqliteJournal};
use crate::journal::opening::Access;
use crate::journal::{Health, JournalError, JournalErrorKind, failure, rules, view};

/// How many problems a report names.
const MOST_PROBLEMS: usize = 100;
/// Up to this size the whole file is checked by SQLite too, its indexes with it; it takes a second or two.
const CHECKED_WHOLE: i64 = 64 << 20;

impl SqliteJournal {
    /// What is wrong with the journal, and how many payments it has.
    pub(super) fn examined(&self) -> Result<Health, JournalError> {
        match self.look_through() {
            Err(error) if error.kind == JournalErrorKind::Corrupt => {
                self.refuse_unreadable()?;
                self.look_through()
            }
            other => other,
        }
    }

    /// Every row, and SQLite's own check.
    fn look_through(&self) -> Result<Health, JournalError> {
        // Payments of an archive do not follow on each other.
        let is_archive = self.is_archive()?;
        let report_gap = |first, last, problems: &mut Vec<String>| {
            if !is_archive {
                report_gap(first, last, problems);
            }
        };
        let mut health =
            Health { payments: 0, unsettled: 0, problems: Vec::new(), notes: Vec::new() };
        let mut seen = 0;
        self.read(|engine| engine.report(&mut health))?;
        let last = self.report(|view| {
            view::check_file(view.connection, CHECKED_WHOLE, &mut health)?;
            view.last_id()
        })?;
        while seen < last {
            let end = seen.saturating_add(STRIDE).min(last);
            let mut archived = self.archived_between(seen, end)?.into_iter().peekable();
            self.report(|view| {
                let rest = "WHERE id > ?1 AND id <= ?2 ORDER BY id";
                view.rows("health", rest, (seen, end), |row, payment| {
                    let id = row.get(0).unwrap_or(seen + 1);
                    while let Some(gone) = archived.next_if(|gone| *gone < id) {
                        report_gap(seen + 1, gone - 1, &mut health.problems);
                        seen = gone;
                    }
                    report_gap(seen + 1, id - 1, &mut health.problems);
                    seen = id;
                    health.payments += 1;
                    match payment {
                        Ok(payment) => {
                            health.unsettled += u64::from(rules::is_unsettled(&payment.state));
                        }
                        Err(damage) => health.problems.push(damage.message),
                    }
                    true
                })
            })?;
            for gone in archived {
                report_gap(seen + 1, gone - 1, &mut health.problems);
                seen = gone;
            }
            report_gap(seen + 1, end, &mut health.problems);
            seen = end;
        }
        if health.problems.len() > MOST_PROBLEMS {
            let more = health.problems.len() - MOST_PROBLEMS;
            health.problems.truncate(MOST_PROBLEMS);
            health.problems.push(format!("and {more} more"));
        }
        Ok(health)
    }

    /// Tells a disk that fails from a damaged file, where that harms no lock.
    fn refuse_unreadable(&self) -> Result<(), JournalError> {
        let (files, path) = self.read(|engine| {
            let place = &engine.place;
            let path = (engine.access == Access::Process).then(|| place.path().to_owned());
            Ok((Arc::clone(place.files()), path))
        })?;
        // Without the engine, so that no payment waits.
        path.map_or(Ok(()), |path| failure::refuse_unreadable(&*files, &path))
    }
}

/// OP1: ids are given without gaps and rows are never deleted, so a gap was made by hand.
fn report_gap(first: i64, last: i64, problems: &mut Vec<String>) {
    match last - first {
        gap if gap < 0 => {}
        0 => problems.push(format!("payment {first} is missing")),
        _ => problems.push(format!("payments {first} to {last} are missing")),
    }
}
