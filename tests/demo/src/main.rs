//! `make demo`: a shop's morning. Everything is real but the host: HTTPS, a SQLite journal, a
//! process that is killed. Times run 25 times faster than OVO's, on both sides.
#![forbid(unsafe_code)]

mod backstage;
mod books;
mod morning;
mod power_cut;
mod till;

use std::process::ExitCode;

/// Real time over OVO's time.
const SCALE: f64 = 0.04;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => morning::run(false),
        ["-v" | "--verbose"] => morning::run(true),
        ["--till", address, authority, journal] => {
            power_cut::doomed_till(&till::Shop::at(address, authority, journal)).map(|()| true)
        }
        _ => {
            eprintln!("usage: ovo-demo [-v]\n  -v  show the requests and the settlement, too");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("\nOVO's books and the shop's disagree.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("\nThe demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}
