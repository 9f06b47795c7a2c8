//! `make model-check`, `make model-mutants`, `make model-story`: the checker by hand.

use std::process::ExitCode;

use ovo_model::canary::hunt;
use ovo_model::explore::thousands;
use ovo_model::runs::{self, Run};
use ovo_mutants::Mutant;

const THREADS: usize = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["every-time", ref part @ ..] => {
            let part = part.join(" ");
            let mut runs = runs::every_time();
            runs.retain(|run| run.name.contains(&part));
            check(&runs, usize::MAX)
        }
        ["large", most] => match most.parse::<usize>() {
            Ok(millions) => check(&runs::large(), millions.saturating_mul(1_000_000)),
            Err(_) => usage(),
        },
        ["mutants"] => mutants(),
        ["story", ref name @ ..] => story(&name.join(" ")),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!(
        "ovo-model every-time    the settings of every test run; with PART those named so\n\
         ovo-model large MOST    the large ones, each up to MOST million generated states\n\
         ovo-model mutants       each mutant, how it was caught\n\
         ovo-model story NAME    a mutant's shortest counterexample: M1, or its name's beginning"
    );
    ExitCode::FAILURE
}

fn check(runs: &[Run], most: usize) -> ExitCode {
    let mut total = 0;
    for run in runs {
        let result = run.at_most(THREADS, most);
        total += result.unique;
        let end = if result.complete { "holds" } else { "no fault up to the bound" };
        let end = if result.broken.is_some() { "BROKEN" } else { end };
        println!("{}: {end}: {}", run.name, result.figures);
        if let Some(story) = result.broken {
            println!("{story}");
            return ExitCode::FAILURE;
        }
    }
    println!("{} unique states in all", thousands(total));
    ExitCode::SUCCESS
}

fn mutants() -> ExitCode {
    let mut end = ExitCode::SUCCESS;
    for mutant in Mutant::ALL {
        let name = mutant.name();
        if let Some(caught) = hunt(mutant) {
            let states = thousands(caught.states);
            println!("| {name} | {} | {} | {states} |", caught.id(), caught.length);
        } else {
            println!("| {name} | MISSED | | |");
            end = ExitCode::FAILURE;
        }
    }
    end
}

fn story(name: &str) -> ExitCode {
    let named = |mutant: &&Mutant| {
        let full = mutant.name();
        full == name || full.split(' ').next() == Some(name)
    };
    let Some(mutant) = Mutant::ALL.iter().find(named) else { return usage() };
    let Some(caught) = hunt(*mutant) else {
        println!("{}: MISSED", mutant.name());
        return ExitCode::FAILURE;
    };
    println!("{}: {}\n\n{}", mutant.name(), mutant.describes(), caught.story);
    ExitCode::SUCCESS
}
