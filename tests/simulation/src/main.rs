//! `make simulate`, `make simulate-long`: one history as a story, or millions of them counted.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ovo_mutants::Mutant;
use ovo_simulation::{Canary, History, Plan, Verdict, hunt};

fn usage() -> ExitCode {
    eprintln!(
        "ovo-simulation seed N                       one history, told\n\
         ovo-simulation fleet N                      one history of several machines on one database\n\
         ovo-simulation dead-machine N               one in which nothing but a machine dies\n\
         ovo-simulation cut-machine N                one in which nothing but a machine's way to OVO is cut\n\
         ovo-simulation run HISTORIES [FROM] [CORES] many, counted\n\
         ovo-simulation mutants MOST [NAME]          how many each mutant takes\n\
         ovo-simulation mutant SEED NAME             one history of a mutant, told\n\
         ovo-simulation without SEED NAME            the same history without the mutant"
    );
    ExitCode::FAILURE
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
    match (words.first().map(String::as_str), number(1)) {
        (Some("seed"), Some(seed)) => {
            let Verdict { broken, story, .. } = History::of(seed, true);
            print!("{story}");
            if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        (Some(mode @ ("fleet" | "dead-machine" | "cut-machine")), Some(seed)) => {
            let plan = match mode {
                "fleet" => Plan::fleet(seed),
                "dead-machine" => Plan::dead_machine(seed),
                _ => Plan::cut_machine(seed),
            };
            let Verdict { broken, story, .. } = History::with(plan, Canary::default(), true);
            print!("{story}");
            if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        (Some("run"), Some(histories)) => {
            run(histories, number(2).unwrap_or(1), number(3).unwrap_or(1))
        }
        (Some("mutants"), Some(most)) => mutants(most, words.get(2)),
        (Some(mode @ ("mutant" | "without")), Some(seed)) => {
            let named = |mutant: &&Mutant| Some(mutant.name()) == words.get(2).map(String::as_str);
            let Some(mutant) = Mutant::ALL.iter().find(named) else { return usage() };
            let canary = Canary((mode == "mutant").then_some(*mutant));
            print!("{}", History::with(Plan::for_mutant(seed, *mutant), canary, true).story);
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

/// The table of README.md.
fn mutants(most: u64, name: Option<&String>) -> ExitCode {
    let mut blind = 0;
    for mutant in Mutant::ALL {
        if name.is_some_and(|name| !mutant.name().contains(name.as_str())) {
            continue;
        }
        if !Canary(Some(mutant)).is_simulated() {
            println!("| {} | - | not simulated |", mutant.name());
            continue;
        }
        match hunt(mutant, most) {
            Some(find) => println!("| {} | {} | {} |", mutant.name(), find.histories, find.broken),
            None => {
                blind += 1;
                println!("| {} | > {most} | not noticed |", mutant.name());
            }
        }
    }
    if blind == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs `histories` from seed `from` on, and says how fast.
fn run(histories: u64, from: u64, cores: u64) -> ExitCode {
    let began = Instant::now();
    let (next, memory) = (AtomicU64::new(0), AtomicU64::new(0));
    let wrong = Mutex::new(0u64);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= histories {
                        return;
                    }
                    if number > 0 && number % 10_000 == 0 {
                        let rate = number as f64 / began.elapsed().as_secs_f64();
                        println!(
                            "{number} histories, {:.0} a second and core, {} bytes at most in a call",
                            rate / cores as f64,
                            memory.load(Ordering::Relaxed),
                        );
                    }
                    let verdict = History::of(from + number, false);
                    memory.fetch_max(verdict.most_memory, Ordering::Relaxed);
                    if !verdict.broken.is_empty() {
                        let mut wrong = wrong.lock().unwrap_or_else(|dead| dead.into_inner());
                        *wrong += 1;
                        println!("seed {}: {}", from + number, verdict.broken.join("; "));
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let wrong = *wrong.lock().unwrap_or_else(|dead| dead.into_inner());
    println!(
        "{histories} histories in {seconds:.1} s: {:.0} a second and core on {cores}; {wrong} wrong",
        histories as f64 / seconds / cores as f64,
    );
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
