//! The library's side of the measurements: one small program for each question. `tests/bench/run`
//! starts them, beside the same work in C and Python, and does the arithmetic.
#![forbid(unsafe_code)]

mod commits;
mod exchange;
mod history;
mod merchant;
mod own_connections;
mod pay;
mod raw_append;
mod reconciling;
mod rows;
mod waiting;

use std::process::ExitCode;

/// Whatever went wrong: a measurement that fails is not counted.
type Failed = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
ovo-bench exchange URL CA BATCH N               N pushes, the exchange alone, nothing stored
ovo-bench pay URL CA JOURNAL N background|foreground
                                                N approved and acknowledged payments, one by one
ovo-bench many URL CA JOURNAL THREADS SECONDS   the same from many threads at once
ovo-bench wait URL CA JOURNAL N                 N payments that wait for their customers
ovo-bench commits journal|raw|own FILE THREADS SECONDS
                                                durable commits: the journal, a raw grouped append,
                                                and SQLite connections of the threads' own
ovo-bench history REAL FILE N begun|none|kept   of N approved payments the Intents alone, all commits
                                                without a history, or with that of the first one in REAL
ovo-bench fill JOURNAL ROWS                     a journal with so many settled payments
ovo-bench open JOURNAL                          opens it and reads the first due rows
ovo-bench reconcile JOURNAL LINES               a report of so many lines beside it
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ovo-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failed> {
    match *arguments {
        ["exchange", url, ca, batch, count] => {
            exchange::many(url, ca, batch.parse()?, count.parse()?)
        }
        ["pay", url, ca, journal, count, "background"] => {
            pay::one_by_one(&merchant::open(url, ca, journal, true)?, count.parse()?)
        }
        ["pay", url, ca, journal, count, "foreground"] => {
            pay::one_by_one(&merchant::open(url, ca, journal, false)?, count.parse()?)
        }
        ["many", url, ca, journal, threads, seconds] => pay::from_many_threads(
            &merchant::open(url, ca, journal, true)?,
            threads.parse()?,
            seconds.parse()?,
        ),
        ["wait", url, ca, journal, count] => {
            waiting::many(&merchant::open(url, ca, journal, true)?, count.parse()?)
        }
        ["commits", "journal", file, threads, seconds] => {
            commits::through_the_journal(file, threads.parse()?, seconds.parse()?)
        }
        ["commits", "raw", file, threads, seconds] => {
            raw_append::grouped(file, threads.parse()?, seconds.parse()?)
        }
        ["commits", "own", file, threads, seconds] => {
            own_connections::measured(file, threads.parse()?, seconds.parse()?)
        }
        ["history", real, file, count, done] => {
            let done = match done {
                "begun" => history::Done::Begun,
                "none" => history::Done::WithoutHistory,
                "kept" => history::Done::WithHistory,
                _ => return Err(USAGE.into()),
            };
            history::commits(real, file, count.parse()?, done)
        }
        ["fill", journal, count] => rows::fill(journal, count.parse()?),
        ["open", journal] => rows::open(journal),
        ["reconcile", journal, lines] => reconciling::beside(journal, lines.parse()?),
        _ => Err(USAGE.into()),
    }
}
