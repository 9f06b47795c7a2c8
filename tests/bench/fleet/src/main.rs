//! A journal in PostgreSQL, measured beside one in a file. `tests/bench/run` starts it and does the arithmetic.
#![forbid(unsafe_code)]

mod claims;
mod commits;
mod delay;
mod shop;

use std::process::ExitCode;

/// Whatever went wrong: a measurement that fails is not counted.
type Failed = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
ovo-bench-fleet trips              statements of an approved payment
ovo-bench-fleet commits SECONDS    Intents and updates: a file, a server, a pool without groups
ovo-bench-fleet claims ROWS        a dead node's payments, taken over by 1, 8 and 32 nodes
ovo-bench-fleet payments SECONDS   whole payments: a file, one node, four nodes
ovo-bench-fleet memory COUNT       what a waiting payment costs on a file and on a server
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ovo-bench-fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failed> {
    match *arguments {
        ["trips"] => shop::trips(),
        ["commits", seconds] => commits::all(seconds.parse()?),
        ["claims", rows] => claims::all(rows.parse()?),
        ["payments", seconds] => shop::payments(seconds.parse()?),
        ["memory", count] => shop::memory(count),
        ["ovo", approve_after_ms] => shop::ovo(approve_after_ms.parse()?),
        ["wait", url, ca, journal, count] => shop::wait(url, ca, journal, count.parse()?),
        _ => Err(USAGE.into()),
    }
}
