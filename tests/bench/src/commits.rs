//! Durable commits from many threads on one journal: begin, verdict, acknowledgement, and again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ovo_ptp::journal::{
    Begun, Journal, NewPayment, SealedPhone, SqliteJournal, SqliteOptions, Update,
};
use ovo_ptp::message::ResponseCode;
use ovo_ptp::payment::{Input, Payment, Policy, PushAnswer, State, Timers, step};
use ovo_ptp::{BatchMethod, Clock, Rupiah, SystemClock};

use crate::{Failed, merchant};

/// The Intent of a payment, with a phone as long as a sealed one.
pub(crate) fn begin(journal: &dyn Journal, invoice: &str) -> Result<Payment, Failed> {
    let mut tag = [0; 16];
    for (to, from) in tag.iter_mut().zip(invoice.bytes().rev()) {
        *to = from;
    }
    let new = NewPayment {
        invoice: invoice.parse()?,
        amount: Rupiah::new(merchant::AMOUNT)?,
        merchant_id: merchant::MERCHANT_ID.to_owned(),
        terminal: merchant::terminal()?,
        former_tags: Vec::new(),
        phone: SealedPhone { sealed: vec![0x5a; 56], tag },
        wall: SystemClock.wall(),
        state: State::intent(&Policy::default(), SystemClock.boottime(), false, 0),
        refuse_unsettled_customer: true,
        timers: Timers::OVO,
    };
    match journal.begin(&new, BatchMethod::Continuous)? {
        Begun::Fresh(payment) => Ok(payment),
        _ => Err(format!("{invoice}: not a fresh payment").into()),
    }
}

/// Commits the row as it is.
pub(crate) fn commit(journal: &dyn Journal, payment: &mut Payment) -> Result<(), Failed> {
    match journal.update(payment)? {
        Update::Won(version) => {
            payment.version = version;
            Ok(())
        }
        Update::Lost(_) => Err("nobody else writes this row".into()),
    }
}

/// The row's state after a push that OVO approved.
pub(crate) fn approve(payment: &mut Payment) {
    let policy = Policy::default();
    for event in [Input::Sent, Input::Answered(PushAnswer::Approved)] {
        payment.state = step(&policy, &payment.state, event, SystemClock.boottime()).state;
    }
    payment.evidence.code = ResponseCode::new("00");
    payment.evidence.approval_code = Some("100200".to_owned());
    payment.evidence.trace_number = Some("1001".to_owned());
    payment.evidence.host_date = Some("0131".to_owned());
    payment.evidence.host_time = Some("090841".to_owned());
}

/// The row's state after the caller's confirmation.
pub(crate) fn acknowledge(payment: &mut Payment) {
    let now = SystemClock.boottime();
    payment.state = step(&Policy::default(), &payment.state, Input::Acknowledged, now).state;
}

pub(crate) fn through_the_journal(file: &str, threads: u32, seconds: f64) -> Result<(), Failed> {
    let journal = SqliteJournal::open(file, &SqliteOptions::default())?;
    journal.enter_boot(&SystemClock.boot_id())?;
    // Three commits a payment, as the client makes them for a plain approval.
    measure(threads, seconds, |thread, turn| {
        let mut payment = begin(&journal, &format!("COMMITS-{thread}-{turn}"))?;
        approve(&mut payment);
        commit(&journal, &mut payment)?;
        acknowledge(&mut payment);
        commit(&journal, &mut payment)?;
        Ok(3)
    })
}

/// Calls `work` with thread and turn until the time is up, from all threads at once, and prints how
/// many durable commits that made in a second.
pub(crate) fn measure(
    threads: u32,
    seconds: f64,
    work: impl Fn(u32, u64) -> Result<u64, Failed> + Sync,
) -> Result<(), Failed> {
    let (commits, longest) = (AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (work, commits, longest) = (&work, &commits, &longest);
                scope.spawn(move || -> Result<(), Failed> {
                    let mut last = Instant::now();
                    for turn in 0.. {
                        if last >= end {
                            break;
                        }
                        commits.fetch_add(work(thread, turn)?, Ordering::Relaxed);
                        let now = Instant::now();
                        let took = now.duration_since(last).as_micros();
                        longest.fetch_max(u64::try_from(took)?, Ordering::Relaxed);
                        last = now;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a thread panicked")?)
    })?;
    let commits = commits.into_inner();
    let rate = commits as f64 / begun.elapsed().as_secs_f64();
    let longest = longest.into_inner() as f64 / 1000.0;
    println!(
        "{{\"commits\": {commits}, \"commits_per_second\": {rate:.0}, \"longest_turn_ms\": {longest:.1}}}"
    );
    Ok(())
}
