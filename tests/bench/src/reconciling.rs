//! A report of OVO's that is as long as the journal, beside it.

use std::time::Instant;

use ovo_ptp::{Clock, Finding, SystemClock};
use ovo_ptp::{JournalReader, Listed, Reconciliation, Rupiah, SettlementLine};

use crate::rows::peak_kb;
use crate::{Failed, merchant};

/// One line in so many says something else than that it was paid, or is left out.
const OTHERWISE: u64 = 1_000;

/// A journal that `fill` made today, and a report with a line for each of its payments but a few.
pub(crate) fn beside(file: &str, count: u64) -> Result<(), Failed> {
    let begun = Instant::now();
    let journal = JournalReader::open(file)?;
    let opened = begun.elapsed();
    let (amount, day) = (Rupiah::new(merchant::AMOUNT)?, Some(SystemClock.wall()));
    let mut books = Reconciliation::new();
    for number in 0..count {
        let says = match number % OTHERWISE {
            0 => continue,
            1 => Listed::Nothing(Some(amount)),
            2 => Listed::Refunded(amount),
            _ => Listed::Paid(amount),
        };
        let line = SettlementLine { invoice: format!("OLD-{number:07}"), says, day };
        books.line(&journal, &line)?;
    }
    let read = begun.elapsed();
    while books.missing(&journal, None)?.is_some() {}
    let (missing, next_day) = (Finding::MissingAtOvo, Finding::PerhapsNextDay);
    let missing = books.count(missing).payments + books.count(next_day).payments;
    if !books.looked_for_missing() || missing < count / OTHERWISE {
        return Err(format!("{missing} are missing: the journal is not of today").into());
    }
    println!(
        "{{\"open_s\": {:.2}, \"lines_s\": {:.2}, \"end_s\": {:.2}, \"peak_kb\": {}}}",
        opened.as_secs_f64(),
        (read - opened).as_secs_f64(),
        (begun.elapsed() - read).as_secs_f64(),
        peak_kb()?
    );
    Ok(())
}
