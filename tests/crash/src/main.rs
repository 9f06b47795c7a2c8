//! `ovo-crash campaign --kills 10000`: kills tills and compares the books. The other commands are
//! the tills.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ovo_crash::campaign::{Campaign, Progress};
use ovo_crash::fork::fork_while_paying;
use ovo_crash::merchant;
use ovo_crash::shop::Shop;
use ovo_crash::starving::Starving;
use ovo_crash::till;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Only a till that is told to be starved is.
#[global_allocator]
static ALLOCATOR: Starving = Starving;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match (words.as_slice(), Shop::from_environment()) {
        (["campaign", options @ ..], _) => campaign(options),
        (["sell", desk, life], Some(shop)) => merchant::sell(&shop, desk, life),
        (["pay", desk, invoice, phone, options @ ..], Some(shop)) => {
            till::pay(&shop, desk, invoice, phone, options)
        }
        (["rush", phones @ ..], Some(shop)) => till::rush(&shop, phones),
        (["archive", before, name], Some(shop)) => till::archive(&shop, before, name),
        (["fork", invoice, phone], Some(shop)) => fork_while_paying(&shop, invoice, phone),
        (["starve", memory, from, desk], Some(shop)) => till::starve(&shop, memory, from, desk),
        (["settle", options @ ..], Some(shop)) => till::settle(&shop, options),
        _ => {
            eprintln!("usage: ovo-crash campaign [--kills N] [--seed N] [--desks N]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn campaign(options: &[&str]) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut campaign = Campaign {
        program: std::env::current_exe()?,
        kills: 10_000,
        pauses: 0,
        per_round: 500,
        desks: 6,
        lives: 1,
        seed: now,
    };
    for option in options.chunks(2) {
        match option {
            ["--kills", number] => campaign.kills = number.parse()?,
            ["--seed", number] => campaign.seed = number.parse()?,
            ["--desks", number] => campaign.desks = number.parse()?,
            _ => return Err(format!("what is {option:?}?").into()),
        }
    }
    println!(
        "{} kills, {} tills at a time, seed {}",
        campaign.kills, campaign.desks, campaign.seed
    );
    let begun = Instant::now();
    let mut shown = 0;
    let done = campaign.run(|progress| {
        if progress.kills >= shown + 100 || progress.kills == campaign.kills {
            shown = progress.kills;
            show(progress, begun);
        }
    })?;
    println!(
        "every rupiah agrees: {} kills in {:.0} s, seed {}",
        done.kills,
        begun.elapsed().as_secs_f64(),
        campaign.seed
    );
    println!("{}", done.mix);
    Ok(())
}

fn show(progress: &Progress, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{:>6} kills, {:.1} a second, {} rounds compared, {} payments",
        progress.kills,
        progress.kills as f64 / seconds,
        progress.rounds,
        progress.mix.of("payments"),
    );
}
