//! A journal with very many payments: made once, then opened.

use std::time::Instant;

use ovo_ptp::journal::{Journal, SqliteJournal, SqliteOptions};
use ovo_ptp::payment::{Boottime, Closer, Payment, Settlement};
use ovo_ptp::{Clock, SystemClock};

use crate::Failed;
use crate::commits::{acknowledge, approve, begin, commit};

/// How many payments from the end are not settled yet: what a shop has open at a time.
const OPEN: u64 = 100;
/// Enough to keep the one writer's groups large.
const THREADS: u64 = 64;

/// A payment of the past: approved, confirmed, looked at twice, its phone forgotten.
fn settle(payment: &mut Payment) {
    approve(payment);
    acknowledge(payment);
    let state = &mut payment.state;
    state.settlement = Settlement::Closed { at: state.touched, by: Closer::Policy, looks: 2 };
    state.phone_forgotten = true;
    state.due = None;
    payment.intent.phone = None;
}

pub(crate) fn fill(file: &str, count: u64) -> Result<(), Failed> {
    let journal = SqliteJournal::open(file, &SqliteOptions::default())?;
    journal.enter_boot(&SystemClock.boot_id())?;
    let settled = count.saturating_sub(OPEN);
    std::thread::scope(|scope| {
        let journal = &journal;
        let clerks: Vec<_> = (0..THREADS)
            .map(|clerk| {
                scope.spawn(move || -> Result<(), Failed> {
                    for number in (clerk..settled).step_by(usize::try_from(THREADS)?) {
                        let mut payment = begin(journal, &format!("OLD-{number:07}"))?;
                        settle(&mut payment);
                        commit(journal, &mut payment)?;
                    }
                    Ok(())
                })
            })
            .collect();
        clerks.into_iter().try_for_each(|clerk| clerk.join().map_err(|_| "a clerk panicked")?)
    })?;
    for number in settled..count {
        let mut payment = begin(&journal, &format!("OPEN-{number:07}"))?;
        approve(&mut payment);
        payment.state.due = Some(Boottime(1));
        commit(&journal, &mut payment)?;
    }
    Ok(())
}

/// What a client does before it can take its first payment and settle its first old one.
pub(crate) fn open(file: &str) -> Result<(), Failed> {
    let begun = Instant::now();
    let journal = SqliteJournal::open(file, &SqliteOptions::default())?;
    let boot = journal.enter_boot(&SystemClock.boot_id())?;
    let opened = begun.elapsed();
    let due = journal.due(boot, SystemClock.boottime(), 1)?;
    let found = begun.elapsed();
    if due.len() != 1 {
        return Err("no payment is due".into());
    }
    println!(
        "{{\"open_ms\": {:.2}, \"first_due_ms\": {:.2}, \"peak_kb\": {}}}",
        opened.as_secs_f64() * 1000.0,
        found.as_secs_f64() * 1000.0,
        peak_kb()?
    );
    Ok(())
}

/// The largest resident set of this process so far.
pub(crate) fn peak_kb() -> Result<u64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number.ok_or("the kernel does not tell the peak memory")?.trim().parse()?)
}
