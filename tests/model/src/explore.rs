//! Running the checker over one setting.

use std::thread;
use std::time::{Duration, Instant};

use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, Path};

use crate::action::Action;
use crate::model::PushToPay;
use crate::setting::Setting;
use crate::world::Moment;

const EVERY: Duration = Duration::from_secs(30);

/// What a run found.
#[derive(Debug)]
pub struct Found<const N: usize> {
    /// States that differ.
    pub unique: usize,
    /// States that were reached, also by other ways.
    pub generated: usize,
    /// Steps of the longest way that was followed.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether all was seen: neither a bound nor a broken invariant ended it.
    pub complete: bool,
    /// The first broken invariant, and the way to it.
    pub broken: Option<(&'static str, Path<Moment<N>, Action>)>,
}

impl<const N: usize> Found<N> {
    /// One line: states and time.
    pub fn figures(&self) -> String {
        format!(
            "{} unique states, {} generated, depth {}, {:.1} s",
            thousands(self.unique),
            thousands(self.generated),
            self.depth,
            self.took.as_secs_f64()
        )
    }
}

/// Explores everything that can happen in `setting`, breadth first, until all is seen or an
/// invariant is broken. With one thread the way to a broken invariant is a shortest one.
pub fn explore<const N: usize>(setting: &Setting, threads: usize) -> Found<N> {
    let began = Instant::now();
    let checker = checker(setting, threads).spawn_bfs().join();
    found(&checker, began, usize::MAX)
}

/// As [`explore`], but ends after some `most` states were generated, and says every half a minute
/// how many unique ones there are.
pub fn explore_at_most<const N: usize>(
    setting: &Setting,
    threads: usize,
    most: usize,
    mut progress: impl FnMut(usize, Duration),
) -> Found<N> {
    let began = Instant::now();
    let checker = checker(setting, threads).target_state_count(most).spawn_bfs();
    let mut told = Duration::ZERO;
    while !checker.is_done() {
        thread::sleep(Duration::from_millis(100));
        if began.elapsed() >= told + EVERY {
            told = began.elapsed();
            progress(checker.unique_state_count(), told);
        }
    }
    found(&checker.join(), began, most)
}

fn checker<const N: usize>(setting: &Setting, threads: usize) -> CheckerBuilder<PushToPay<N>> {
    PushToPay { setting: setting.clone() }
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::Any)
}

fn found<const N: usize>(
    checker: &impl Checker<PushToPay<N>>,
    began: Instant,
    most: usize,
) -> Found<N> {
    let broken = checker
        .discoveries()
        .into_iter()
        .min_by_key(|(name, path)| (path.clone().into_actions().len(), *name));
    Found {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        complete: checker.state_count() < most && broken.is_none(),
        broken,
    }
}

/// `1234567` as `1,234,567`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
