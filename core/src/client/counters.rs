//! What a client counts while it works, for [`Client::metrics_text`](crate::Client::metrics_text): it begins at
//! nothing with the process, as counters of its kind do.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::lock::lock;
use crate::message::{Operation, ResponseCode};
use crate::payment::{Alert, Outcome};
use crate::transport::Exchange;

/// How an exchange ended, in the order of its variants; and the answer without a code.
pub(super) const RESULTS: [&str; 4] = ["not_sent", "no_answer", "unreadable", "answered"];

/// Upper bounds of what an exchange takes, in seconds: a host that answers at once, one that is slow,
/// and a customer's 55 seconds with the answer behind them.
pub(super) const BOUNDS: [f64; 13] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 55.0, 65.0];

/// What the journal made of a commit.
#[derive(Clone, Copy)]
pub(super) enum Commit {
    /// Durable.
    Done,
    /// Another process had written the row first.
    Lost,
    /// Not known to be durable.
    Failed,
}

pub(super) const COMMITS: [&str; 3] = ["done", "lost", "failed"];

/// The outcomes that a payment can be decided to have.
pub(super) const OUTCOMES: [&str; 5] =
    ["paid", "declined", "not completed", "not sent", "needs operator"];

/// How long the exchanges of one operation took.
#[derive(Clone, Copy, Default)]
pub(super) struct Histogram {
    /// Those up to each bound and above the one before; those above all are in the count only.
    pub(super) up_to: [u64; BOUNDS.len()],
    pub(super) count: u64,
    pub(super) sum: Duration,
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        if let Some(bucket) = BOUNDS.iter().position(|bound| took.as_secs_f64() <= *bound) {
            self.up_to[bucket] += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
    }
}

/// All of it. Of a fixed size: codes outside OVO's table are counted as one.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) begun: u64,
    pub(super) decided: [u64; OUTCOMES.len()],
    pub(super) paid_rupiah: u64,
    pub(super) settled: u64,
    /// By operation and result.
    pub(super) exchanges: [[u64; RESULTS.len()]; Operation::ALL.len()],
    pub(super) took: [Histogram; Operation::ALL.len()],
    pub(super) codes: BTreeMap<(Operation, &'static str), u64>,
    pub(super) alerts: [u64; Alert::KINDS.len()],
    /// What was found of the journal: what should be known, and what somebody should act on today.
    pub(super) found: [u64; 2],
    pub(super) commits: [u64; COMMITS.len()],
}

/// The counts of one client, under one lock, so that what is shown together belongs together.
#[derive(Default)]
pub(super) struct Counters(Mutex<Counts>);

impl Counters {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.0)
    }

    /// All as they are now.
    pub(super) fn shown(&self) -> Counts {
        self.counts().clone()
    }

    pub(super) fn begun(&self) {
        self.counts().begun += 1;
    }

    pub(super) fn decided(&self, outcome: &Outcome) {
        let Some(place) = OUTCOMES.iter().position(|name| *name == outcome.name()) else { return };
        let mut counts = self.counts();
        counts.decided[place] += 1;
        if let Outcome::Paid(receipt) = outcome {
            counts.paid_rupiah += u64::try_from(receipt.amount().get()).unwrap_or(0);
        }
    }

    pub(super) fn settled(&self) {
        self.counts().settled += 1;
    }

    pub(super) fn alerted(&self, alert: Alert) {
        let place = Alert::KINDS.iter().position(|(name, _)| *name == alert.name());
        if let Some(place) = place {
            self.counts().alerts[place] += 1;
        }
    }

    pub(super) fn found(&self, critical: bool) {
        self.counts().found[usize::from(critical)] += 1;
    }

    pub(super) fn committed(&self, commit: Commit) {
        self.counts().commits[commit as usize] += 1;
    }

    pub(super) fn exchanged(
        &self,
        operation: Operation,
        exchange: &Exchange,
        code: Option<ResponseCode>,
        took: Duration,
    ) {
        let result = match (exchange, code) {
            (Exchange::NotSent(_), _) => 0,
            (Exchange::NoAnswer(_), _) => 1,
            (Exchange::Answered(_), None) => 2,
            (Exchange::Answered(_), Some(_)) => 3,
        };
        let mut counts = self.counts();
        counts.exchanges[operation as usize][result] += 1;
        counts.took[operation as usize].add(took);
        if let Some(code) = code {
            let known = code.entry().map_or("other", |entry| entry.code);
            *counts.codes.entry((operation, known)).or_default() += 1;
        }
    }
}
