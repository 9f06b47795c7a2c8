//! The policy holds in every setting of `runs::every_time`, and they are worth something.

use std::time::Instant;

use ovo_model::explore::thousands;
use ovo_model::runs;

#[test]
fn the_invariants_hold_in_more_than_fifteen_million_states() {
    let began = Instant::now();
    let mut unique = 0;
    for run in runs::every_time() {
        let result = run.all(2);
        println!("{}: {}", run.name, result.figures);
        if let Some(story) = result.broken {
            panic!("{}:\n{story}", run.name);
        }
        assert!(result.complete, "{}", run.name);
        unique += result.unique;
    }
    println!("{} unique states, {:.0} s", thousands(unique), began.elapsed().as_secs_f64());
    assert!(unique >= 15_000_000, "only {} unique states", thousands(unique));
}
