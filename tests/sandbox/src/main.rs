//! The program: OVO on a loopback port, for tests of any language.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let served = ovo_sandbox::program(std::env::args_os().skip(1));
    if served { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
