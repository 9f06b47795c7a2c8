//! Running the checker over one setting.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Path};

use crate::action::Action;
use crate::model::PushToPay;
use crate::setting::Setting;
use crate::world::Moment;

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
    let model = PushToPay::<N> { setting: setting.clone() };
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::Any)
        .spawn_bfs()
        .join();
    let broken = checker
        .discoveries()
        .into_iter()
        .min_by_key(|(name, path)| (path.clone().into_actions().len(), *name));
    Found {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
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
