//! The policy holds in every setting of `runs::every_time`, and they are worth something.
//!
//! With `SMALL_DOSES` in the environment each is seen up to a bound only; `make proof` sees all of them.

use std::time::Instant;

use ovo_model::explore::thousands;
use ovo_model::runs;

/// Generated states of a setting in a small dose.
const SMALL_DOSE: usize = 200_000;

#[test]
fn the_invariants_hold_in_more_than_fifteen_million_states() {
    let small = std::env::var_os("SMALL_DOSES").is_some();
    let began = Instant::now();
    let mut unique = 0;
    for run in runs::every_time() {
        let result = if small { run.at_most(2, SMALL_DOSE) } else { run.all(2) };
        println!("{}: {}", run.name, result.figures);
        if let Some(story) = result.broken {
            panic!("{}:\n{story}", run.name);
        }
        assert!(small || result.complete, "{}", run.name);
        unique += result.unique;
    }
    println!("{} unique states, {:.0} s", thousands(unique), began.elapsed().as_secs_f64());
    let least = if small { 500_000 } else { 15_000_000 };
    assert!(unique >= least, "only {} unique states", thousands(unique));
}
