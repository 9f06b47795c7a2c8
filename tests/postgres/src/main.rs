//! `ovo-postgres serve`: a server of its own until this program ends, and where it is.

use std::io::Read;
use std::process::ExitCode;

use ovo_postgres::{APPLICATION, OWNER, Server};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => {
            serve();
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: ovo-postgres serve");
            ExitCode::from(2)
        }
    }
}

/// Until its standard input ends, or it is killed.
fn serve() {
    let server = Server::start();
    println!("process {}", server.process_id().unwrap_or_default());
    println!("owner {}", server.dsn(OWNER));
    println!("application {}", server.dsn(APPLICATION));
    // Whoever reads ended it.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
