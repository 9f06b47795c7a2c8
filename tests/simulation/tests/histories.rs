//! A hundred thousand histories, each with its own faults, and none with a wrong rupiah.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ovo_simulation::History;

/// `HISTORIES` in the environment overrides both, for a quick look or a long night.
const HISTORIES: u64 = 100_000;
const SMALL_DOSE: u64 = 5_000;

#[test]
fn c1_c2_c14_n5_n10_j15_t1_t2_whatever_goes_wrong_a_customer_is_debited_exactly_when_told_paid() {
    let histories = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok());
    let small = std::env::var_os("SMALL_DOSES").is_some();
    let histories = histories.unwrap_or(if small { SMALL_DOSE } else { HISTORIES });
    let (next, wrong) = (AtomicU64::new(1), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed @ 1.. = next.fetch_add(1, Ordering::Relaxed) {
                    let mut wrong_so_far = wrong.lock().unwrap();
                    if seed > histories || wrong_so_far.len() >= 10 {
                        return;
                    }
                    drop(wrong_so_far);
                    let verdict = History::of(seed, false);
                    if !verdict.broken.is_empty() {
                        wrong_so_far = wrong.lock().unwrap();
                        wrong_so_far.push(format!("seed {seed}: {}", verdict.broken.join("; ")));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "`make simulate SEED=n` tells these:\n{}", wrong.join("\n"));
}

#[test]
fn the_same_seed_is_the_same_history_byte_for_byte() {
    for seed in 1..=60 {
        let (first, again) = (History::of(seed, true), History::of(seed, true));
        assert_eq!(first.story, again.story, "seed {seed}");
        assert_eq!(first.operations, again.operations, "seed {seed}");
        assert!(first.story.len() > 100);
    }
}
