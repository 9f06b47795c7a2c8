//! Many nodes that take over a dead one's payments: claims a second, and tries that another node was first with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ovo_postgres::journals::{dsn, patiently, schema};
use ovo_postgres::{APPLICATION, Server};
use ovo_ptp::journal::conformance::{charge, fresh};
use ovo_ptp::journal::postgres::{Dsn, PostgresJournal, PostgresOptions};
use ovo_ptp::journal::{Journal, Update};
use ovo_ptp::payment::{Boottime, Input, Policy, step};
use ovo_ptp::{Clock, WallTime};
use serde_json::json;

use crate::Failed;
use crate::commits::number;

/// Rows that a client takes at a time.
const BATCH: usize = 64;

/// A clock that is set: nobody waits a minute for payments to be due.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn boottime(&self) -> Boottime {
        Boottime(self.0.load(Ordering::SeqCst))
    }

    fn boot_id(&self) -> String {
        "by hand".to_owned()
    }

    fn wall(&self) -> WallTime {
        WallTime::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

fn opened(dsn: &Dsn, clock: &Arc<Hand>) -> Result<PostgresJournal, Failed> {
    let clock: Arc<dyn Clock> = clock.clone();
    let options = PostgresOptions { clock: Some(clock), ..PostgresOptions::default() };
    let journal = patiently(|| PostgresJournal::open(dsn, &options))?;
    journal.enter_boot("a node")?;
    Ok(journal)
}

/// `rows` payments of a dead node, claimed by 1, 8 and 32 others.
pub(crate) fn all(rows: u32) -> Result<(), Failed> {
    let server = Server::start_with(&[("max_connections", "200"), ("shared_buffers", "128MB")]);
    for nodes in [1_usize, 8, 32] {
        let dsn = dsn(&server.plain_dsn(APPLICATION, server.port()), &schema(&server));
        let hand = Arc::new(Hand(AtomicU64::new((1 << 40) + 1_000_000)));
        let dead = opened(&dsn, &hand)?;
        let others: Vec<_> = (0..nodes).map(|_| opened(&dsn, &hand)).collect::<Result<_, _>>()?;
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    for _ in 0..rows / 32 {
                        let mut new = charge(number());
                        let now = hand.boottime();
                        (new.state.begun, new.state.window, new.state.touched) = (now, now, now);
                        new.state.due = Some(now.plus(Duration::from_secs(60)));
                        fresh(&dead, &new);
                    }
                });
            }
        });
        drop(dead);
        // Its time passes, and it is heard of no more.
        for _ in 0..50 {
            hand.0.fetch_add(2_000, Ordering::SeqCst);
            for other in &others {
                other.tend()?;
            }
        }
        let begun = Instant::now();
        let found = std::thread::scope(|scope| {
            let workers: Vec<_> = others
                .iter()
                .map(|node| {
                    let clock = &hand;
                    scope.spawn(move || claims(node, &**clock))
                })
                .collect();
            let mut all = (0, 0);
            for worker in workers {
                let (won, lost) = worker.join().map_err(|_| "a thread panicked")??;
                all = (all.0 + won, all.1 + lost);
            }
            Ok::<_, Failed>(all)
        })?;
        let (won, lost) = found;
        let rate = f64::from(won) / begun.elapsed().as_secs_f64();
        println!("{}", json!({"nodes": nodes, "won": won, "lost": lost, "per_second": rate}));
    }
    Ok(())
}

/// One node: the commit of what a due payment does next is the claim.
fn claims(node: &PostgresJournal, clock: &dyn Clock) -> Result<(u32, u32), Failed> {
    let boot = node.enter_boot("a node")?;
    let now = clock.boottime();
    let (mut won, mut lost) = (0, 0);
    loop {
        let rows = node.due(boot, now, BATCH)?;
        if rows.is_empty() {
            return Ok((won, lost));
        }
        for mut row in rows {
            row.state = step(&Policy::default(), &row.state, Input::Due, now).state;
            // Whatever it would do next is another claim.
            row.state.due = Some(now.plus(Duration::from_secs(600)));
            match node.update(&row)? {
                Update::Won(_) => won += 1,
                Update::Lost(_) => lost += 1,
            }
        }
    }
}
