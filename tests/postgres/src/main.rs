//! `ovo-postgres campaign --kills 2000`: kills nodes, cuts their connections and promotes, and compares the books.
//! `ovo-postgres drain 10000 5`: a node that owes so many looks dies; the others may ask so often in a second of OVO's.
//! `ovo-postgres move FILE DATABASE [STEP]`: moves a journal, and dies at a step of it.
//! `ovo-postgres archive DATABASE FILE BEFORE [POINT]`: archives what is over, and dies where the file is drawn up
//! (`drawn`) or where so many payments have left the journal.
//! `ovo-postgres serve`: a server of its own until this program ends, and where it is. The other command is a node.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ovo_crash::campaign::Campaign;
use ovo_crash::fork::fork_while_paying;
use ovo_crash::merchant::{self, ends_with_its_parent};
use ovo_crash::shop::Shop;
use ovo_crash::till;
use ovo_postgres::{APPLICATION, Fleet, OWNER, Server, drains, owes};
use ovo_ptp::WallTime;
use ovo_ptp::journal::Journal;
use ovo_ptp::journal::postgres::{Dsn, PostgresJournal, PostgresOptions, move_to_postgres};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match (words.as_slice(), Shop::from_environment()) {
        (["serve"], _) => {
            serve();
            Ok(())
        }
        (["campaign", options @ ..], _) => campaign(options),
        (["move", from, to, dies @ ..], _) => moves(from, to, dies.first().copied()),
        (["archive", from, to, before, dies @ ..], _) => {
            archives(from, to, before, dies.first().copied())
        }
        (["fork", invoice, phone], Some(shop)) => fork_while_paying(&shop, invoice, phone),
        (["sell", desk, life], Some(shop)) => merchant::sell(&shop, desk, life),
        (["settle", options @ ..], Some(shop)) => till::settle(&shop, options),
        (["owe", rows], Some(shop)) => owe(&shop, rows),
        (["drain", rows, rate], _) => drain(rows, rate),
        (["pay", desk, invoice, phone, options @ ..], Some(shop)) => {
            till::pay(&shop, desk, invoice, phone, options)
        }
        _ => {
            eprintln!(
                "usage: ovo-postgres serve | drain ROWS RATE | move FILE DATABASE [STEP] | archive DATABASE FILE BEFORE [POINT] | campaign [--kills N] [--seed N] [--nodes N]"
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
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

/// Dies as by SIGKILL.
fn moves(from: &str, to: &str, dies: Option<&str>) -> Result<()> {
    let moved = move_to_postgres(from, &Dsn::parse(to)?, |progress| {
        if dies.is_some_and(|step| format!("{:?}", progress.step) == step) {
            std::process::abort();
        }
    })?;
    println!("{moved:?}");
    Ok(())
}

/// Dies of nothing but SIGKILL, or its parent's end.
fn owe(shop: &Shop, rows: &str) -> Result<()> {
    ends_with_its_parent();
    owes(shop, rows.parse()?)?;
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// Drains what a dead node owes, and says how it went.
fn drain(rows: &str, rate: &str) -> Result<()> {
    let drained = drains(&std::env::current_exe()?, rows.parse()?, rate.parse()?);
    drained.is_right();
    let mut paid = drained.paid.clone();
    paid.sort_unstable();
    let at = |share: usize| paid[(paid.len() - 1) * share / 100].as_millis();
    let seconds = drained.lasted.as_secs_f64();
    println!(
        "{} rows in {seconds:.0} s, {:.0} a second of {} allowed; {} in the busiest 5 s",
        drained.rows,
        drained.rows as f64 / seconds,
        drained.rate,
        drained.most,
    );
    println!("{} new payments meanwhile: p50 {} ms, p99 {} ms", paid.len(), at(50), at(99));
    Ok(())
}

/// Dies as by SIGKILL.
fn archives(from: &str, to: &str, before: &str, dies: Option<&str>) -> Result<()> {
    let journal = PostgresJournal::open(&Dsn::parse(from)?, &PostgresOptions::default())?;
    journal.enter_boot("archives")?;
    let before = WallTime::from_unix_millis(before.parse()?);
    let archived = journal.archive(before, Path::new(to), &mut |progress| {
        if dies.is_some_and(|point| match point {
            "drawn" => progress.moved == 0,
            moved => moved.parse() == Ok(progress.moved),
        }) {
            std::process::abort();
        }
        ControlFlow::Continue(())
    })?;
    println!("{archived:?}");
    Ok(())
}

fn campaign(options: &[&str]) -> Result<()> {
    let mut campaign = Campaign {
        program: std::env::current_exe()?,
        kills: 2_000,
        pauses: 0,
        per_round: 100,
        desks: 4,
        lives: 4,
        seed: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    for option in options.chunks(2) {
        match option {
            ["--kills", number] => campaign.kills = number.parse()?,
            ["--seed", number] => campaign.seed = number.parse()?,
            ["--nodes", number] => campaign.desks = number.parse()?,
            _ => return Err(format!("what is {option:?}?").into()),
        }
    }
    let (kills, nodes, seed) = (campaign.kills, campaign.desks, campaign.seed);
    println!("{kills} kills, {nodes} nodes at a time, seed {seed}");
    let begun = Instant::now();
    let mut shown = 0;
    let done = campaign.run_at(
        |round| Ok(Box::new(Fleet::start(round, nodes)?)),
        |progress| {
            if progress.kills >= shown + 50 || progress.kills == kills {
                shown = progress.kills;
                println!(
                    "{:>6} kills in {:.0} s, {} rounds compared, {} payments",
                    progress.kills,
                    begun.elapsed().as_secs_f64(),
                    progress.rounds,
                    progress.mix.of("payments"),
                );
            }
        },
    )?;
    println!(
        "every rupiah agrees: {} kills in {:.0} s, {} primaries died, seed {seed}",
        done.kills,
        begun.elapsed().as_secs_f64(),
        Fleet::promotions(),
    );
    println!("{}", done.mix);
    Ok(())
}
