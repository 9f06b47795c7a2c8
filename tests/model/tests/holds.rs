//! The policy holds in every setting of `runs::every_time`, and they are worth something.
//!
//! Each is seen up to a bound: a low one with `SMALL_DOSES` in the environment, one that most settings end before in
//! `make proof`. `make model-check` sees all of them to their end.

use std::time::Instant;

use ovo_model::explore::thousands;
use ovo_model::runs;

/// Generated states of a setting in a small dose.
const SMALL_DOSE: usize = 200_000;
/// The same in `make proof`: a change of policy meets a broken rule early, and CI has an hour.
const DOSE: usize = 6_000_000;

#[test]
fn the_invariants_hold_in_more_than_fifteen_million_states() {
    let small = std::env::var_os("SMALL_DOSES").is_some();
    let began = Instant::now();
    let (mut unique, mut ended) = (0, 0);
    for run in runs::every_time() {
        let result = run.at_most(2, if small { SMALL_DOSE } else { DOSE });
        println!("{}: {}", run.name, result.figures);
        if let Some(story) = result.broken {
            panic!("{}:\n{story}", run.name);
        }
        unique += result.unique;
        ended += usize::from(result.complete);
    }
    println!(
        "{} unique states, {ended} settings to their end, {:.0} s",
        thousands(unique),
        began.elapsed().as_secs_f64()
    );
    let least = if small { 500_000 } else { 15_000_000 };
    assert!(unique >= least, "only {} unique states", thousands(unique));
}
