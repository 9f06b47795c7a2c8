//! Intents and updates a second from many threads: one journal that groups, and a pool of one connection a thread
//! that sends the same statements.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ovo_postgres::journals::{dsn, open, schema};
use ovo_postgres::{APPLICATION, Server};
use ovo_ptp::journal::conformance::{charge, fresh};
use ovo_ptp::journal::{Journal, SqliteJournal, SqliteOptions, Update};
use ovo_ptp::{Clock, SystemClock};
use serde_json::json;

use crate::{Failed, delay};

const THREADS: [u32; 3] = [1, 8, 32];
/// As between two machines of a data centre.
const ROUND_TRIP: Duration = Duration::from_micros(1_200);

static NEXT: AtomicU32 = AtomicU32::new(1);

/// One that no other run has begun.
pub(crate) fn number() -> u32 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Intents,
    Updates,
}

/// What came of a run: commits, the time it took, and how long each took, in microseconds.
#[derive(Default)]
struct Run {
    seconds: f64,
    took: Vec<u64>,
}

impl Run {
    fn add(&mut self, other: Run) {
        self.seconds += other.seconds;
        self.took.extend(other.took);
    }

    fn told(mut self) -> serde_json::Value {
        self.took.sort_unstable();
        let at = |share: f64| {
            let index = ((self.took.len() as f64 * share) as usize).min(self.took.len() - 1);
            self.took[index] as f64 / 1_000.0
        };
        json!({"per_second": self.took.len() as f64 / self.seconds, "p50": at(0.5), "p99": at(0.99)})
    }
}

/// `threads` threads for `seconds`, each on its journal of `journals`.
fn run(journals: &[&dyn Journal], what: What, threads: u32, seconds: f64) -> Result<Run, Failed> {
    let mut rows = Vec::new();
    for thread in 0..threads as usize {
        rows.push(match what {
            What::Intents => None,
            What::Updates => Some(fresh(journals[thread % journals.len()], &charge(number()))),
        });
    }
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(seconds);
    let took = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..)
            .zip(rows)
            .map(|(thread, mut row): (usize, _)| {
                let journal = journals[thread % journals.len()];
                scope.spawn(move || -> Result<Vec<u64>, Failed> {
                    let mut took = Vec::new();
                    let mut last = Instant::now();
                    while last < end {
                        match &mut row {
                            None => drop(fresh(journal, &charge(number()))),
                            Some(row) => match journal.update(row)? {
                                Update::Won(version) => row.version = version,
                                Update::Lost(_) => return Err("nobody else writes it".into()),
                            },
                        }
                        let now = Instant::now();
                        took.push(u64::try_from(now.duration_since(last).as_micros())?);
                        last = now;
                    }
                    Ok(took)
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread panicked")??);
        }
        Ok::<_, Failed>(all)
    })?;
    Ok(Run { seconds: begun.elapsed().as_secs_f64(), took })
}

/// Everything; one line of JSON each.
pub(crate) fn all(seconds: f64) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = SqliteJournal::open(folder.path().join("a.db"), &SqliteOptions::default())?;
    file.enter_boot(&SystemClock.boot_id())?;
    for (what, name) in [(What::Intents, "Intent"), (What::Updates, "update")] {
        for threads in THREADS {
            let found = run(&[&file], what, threads, seconds)?.told();
            let about =
                json!({"engine": "sqlite", "what": name, "threads": threads, "way": "file"});
            println!("{}", json!({"about": about, "found": found}));
        }
    }
    // A pool has a connection a thread, and what was read to open it another.
    let server = Server::start_with(&[("max_connections", "200"), ("shared_buffers", "128MB")]);
    let far = delay::start(server.port(), ROUND_TRIP)?;
    let mut standby = None;
    for (port, has_standby, way) in [
        (server.port(), false, "direct"),
        (far, false, "1.2 ms away"),
        (server.port(), true, "synchronous standby"),
        (far, true, "1.2 ms away, synchronous standby"),
    ] {
        if has_standby && standby.is_none() {
            standby = Some(server.replica(true));
        }
        let address = dsn(&server.plain_dsn(APPLICATION, port), &schema(&server));
        let journals: Vec<_> = (0..32)
            .map(|_| {
                let journal = open(&address);
                journal.enter_boot("bench").map(|_| journal)
            })
            .collect::<Result<_, _>>()?;
        let pool: Vec<&dyn Journal> = journals.iter().map(|it| it as &dyn Journal).collect();
        for (what, name) in [(What::Intents, "Intent"), (What::Updates, "update")] {
            for threads in THREADS {
                let (mut grouped, mut bare) = (Run::default(), Run::default());
                // By turns: the machine is never as it was.
                for _ in 0..2 {
                    grouped.add(run(&pool[..1], what, threads, seconds / 2.0)?);
                    bare.add(run(&pool[..threads as usize], what, threads, seconds / 2.0)?);
                }
                for (engine, found) in [("grouped", grouped.told()), ("pool", bare.told())] {
                    let about =
                        json!({"engine": engine, "what": name, "threads": threads, "way": way});
                    println!("{}", json!({"about": about, "found": found}));
                }
            }
        }
    }
    Ok(())
}
