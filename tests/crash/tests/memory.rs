//! Memory that runs out (C12): an error or an abort, never a lost Intent, never a wrong
//! tell.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod street;

use std::process::Output;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use street::*;

fn starve(street: &Street, memory: &str, from: i64) -> (Output, String) {
    let output = street.command(&["starve", memory, &from.to_string(), "D1"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// How many tills starve at a time. They mostly wait.
const AT_A_TIME: usize = 6;

/// Takes a payment for each of so many of all the allocations that can fail (for every one, with
/// `OVO_CRASH_EVERY_ALLOCATION` in the environment), and compares the books.
fn starved(memory: &str, samples: i64) {
    const PLENTY: i64 = 10_000_000;
    let street = Street::new(0.01);
    let (output, text) = starve(&street, memory, PLENTY);
    assert!(output.status.success(), "{text}");
    let left = text.lines().find_map(|line| line.strip_prefix("left "));
    let used = PLENTY - left.unwrap().parse::<i64>().unwrap();
    assert!(used > 100, "{used} allocations");
    let every = std::env::var_os("OVO_CRASH_EVERY_ALLOCATION").is_some();
    let step = if every { 1 } else { (used / samples).max(1) };
    // Not the same ones each day.
    let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let next = AtomicI64::new(i64::try_from(today).unwrap() % step);
    let (aborted, told, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(step, Ordering::SeqCst);
                    if from >= used {
                        return;
                    }
                    let (output, text) = starve(&street, memory, from);
                    let count = if !output.status.success() {
                        // Rust's answer: the process ends at once, like a kill. Not with a panic
                        // and not with an error of its own.
                        let said = String::from_utf8_lossy(&output.stderr).into_owned();
                        assert!(said.contains("memory allocation"), "{from}: {said}");
                        assert_eq!(memory, "rust", "{from}: {said}");
                        &aborted
                    } else if text.contains("told ") {
                        &told
                    } else {
                        &refused
                    };
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    println!(
        "{memory}: {used} allocations; {aborted:?} aborted, {told:?} told, {refused:?} refused"
    );
    assert!(aborted.into_inner() + refused.into_inner() > 0, "memory did run out");
    street.close();
}

#[test]
fn c12_a_client_that_runs_out_of_memory_ends_and_loses_no_rupiah() {
    starved("rust", 120);
}

#[test]
fn c12_a_journal_that_runs_out_of_memory_once_refuses_or_goes_on_and_loses_no_rupiah() {
    starved("sqlite-once", 60);
}

#[test]
fn c12_a_journal_that_runs_out_of_memory_for_good_loses_no_rupiah() {
    starved("sqlite-for-good", 60);
}
