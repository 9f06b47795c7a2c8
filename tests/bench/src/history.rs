//! What a payment's history costs its commits: those of a plain approval, with the history of a real
//! one and with none.

use ovo_ptp::journal::{Filter, Journal, SqliteJournal, SqliteOptions};
use ovo_ptp::payment::history::Entry;
use ovo_ptp::{Clock, SystemClock};

use crate::Failed;
use crate::commits::{acknowledge, approve, begin, commit};

/// The entries of the first payment of a journal that a client has written.
fn of_a_real_one(file: &str) -> Result<Vec<Entry>, Failed> {
    let journal = SqliteJournal::open(file, &SqliteOptions::default())?;
    let page = journal.list(&Filter { limit: 1, ..Filter::default() })?;
    let entries = page.first().map(|payment| payment.history.entries()).unwrap_or_default();
    if entries.is_empty() {
        return Err(format!("{file}: no payment with a history").into());
    }
    Ok(entries)
}

/// What is done of each payment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Its Intent alone.
    Begun,
    /// All of its commits, without a history.
    WithoutHistory,
    /// All, with one.
    WithHistory,
}

pub(crate) fn commits(real: &str, file: &str, count: u32, done: Done) -> Result<(), Failed> {
    let entries = of_a_real_one(real)?;
    let (acknowledged, decided) = entries.split_last().ok_or("it has entries")?;
    let journal = SqliteJournal::open(file, &SqliteOptions::default())?;
    journal.enter_boot(&SystemClock.boot_id())?;
    for number in 0..count {
        let mut payment = begin(&journal, &format!("HISTORY-{number}"))?;
        if done == Done::Begun {
            continue;
        }
        let kept = done == Done::WithHistory;
        approve(&mut payment);
        if kept {
            decided.iter().for_each(|entry| payment.history.add(entry));
        }
        commit(&journal, &mut payment)?;
        acknowledge(&mut payment);
        if kept {
            payment.history.add(acknowledged);
        }
        commit(&journal, &mut payment)?;
    }
    Ok(())
}
