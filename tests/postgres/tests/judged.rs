//! Clocks of several machines on one journal, and what a node finds behind a promotion.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ovo_postgres::journals::{direct, dsn, open, schema, through};
use ovo_postgres::{APPLICATION, Proxy, Server, until};
use ovo_ptp::journal::conformance::{self, charge, fresh};
use ovo_ptp::journal::postgres::{Dsn, PostgresJournal, PostgresOptions};
use ovo_ptp::journal::{Journal, JournalErrorKind};
use ovo_ptp::payment::{Boottime, Verdict};
use ovo_ptp::{BatchMethod, Clock, WallTime};

/// A clock that the test moves.
struct Hand(AtomicU64);

impl Hand {
    fn at(millis: u64) -> Arc<Hand> {
        Arc::new(Hand(AtomicU64::new((1 << 40) + millis)))
    }

    fn passes(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

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

fn open_at(dsn: &Dsn, clock: &Arc<Hand>) -> PostgresJournal {
    let clock: Arc<dyn Clock> = clock.clone();
    let options = PostgresOptions { clock: Some(clock), ..PostgresOptions::default() };
    let journal = PostgresJournal::open(dsn, &options).unwrap();
    journal.enter_boot("a node").unwrap();
    journal
}

/// MP10: another machine's uptime shortens no wait, and a dead node's payments go on.
#[test]
fn mp10_a_dead_node_s_payment_goes_on_at_another_and_not_too_early() {
    let Some(server) = Server::if_installed() else { return };
    let dsn = direct(&server);
    // A machine that is up for ten days, and one that was just started.
    let (old, new) = (Hand::at(864_000_000), Hand::at(5_000));
    let first = open_at(&dsn, &old);
    let second = open_at(&dsn, &new);
    let mut charged = charge(1);
    let now = old.boottime();
    (charged.state.begun, charged.state.window, charged.state.touched) = (now, now, now);
    charged.state.due = Some(now.plus(Duration::from_secs(60)));
    let begun = fresh(&first, &charged);
    drop(first);
    let boot = begun.boot + 1;
    let theirs = |at: u64| {
        second.tend().unwrap();
        second.due(boot, new.boottime(), 10).unwrap().len() as u64 * at
    };
    for second in 0..30 {
        assert_eq!(theirs(second + 1), 0, "after {second} s of 60");
        old.passes(2_000);
        new.passes(2_000);
    }
    new.passes(2_000);
    assert_eq!(theirs(1), 1, "it is due here as well");
    let due = second.due(boot, new.boottime(), 10).unwrap();
    assert_eq!(due[0].boot, boot, "as a payment of the own clock");
    let age = new.boottime().since(due[0].state.begun);
    assert!((60..=64).contains(&age.as_secs()), "{age:?}");
}

/// MP3: all nodes see a dead one's payments at the same moment, and do not all try the same few.
#[test]
fn mp3_nodes_that_take_over_a_dead_one_s_payments_take_different_ones() {
    const SHARE: usize = 16;
    let Some(server) = Server::if_installed() else { return };
    let dsn = direct(&server);
    let clock = Hand::at(5_000);
    let dead = open_at(&dsn, &clock);
    let others: Vec<_> = (0..4).map(|_| open_at(&dsn, &clock)).collect();
    for number in 1..=4 * SHARE as u32 {
        let mut charged = charge(number);
        let now = clock.boottime();
        (charged.state.begun, charged.state.window, charged.state.touched) = (now, now, now);
        charged.state.due = Some(now.plus(Duration::from_secs(5)));
        fresh(&dead, &charged);
    }
    drop(dead);
    let boots: Vec<u32> = others.iter().map(|other| other.enter_boot("a node").unwrap()).collect();
    for _ in 0..10 {
        clock.passes(2_000);
        for other in &others {
            let _ = other.tend().unwrap();
        }
    }
    let mut found = std::collections::BTreeSet::new();
    for (other, boot) in others.iter().zip(boots) {
        let due = other.due(boot, clock.boottime(), SHARE).unwrap();
        assert_eq!(due.len(), SHARE);
        found.extend(due.iter().map(|payment| payment.id));
    }
    assert!(found.len() > SHARE, "all four see the same {SHARE}");
}

/// MP6 to MP8: an asynchronous standby was promoted and has lost a verdict that was told.
#[test]
fn mp7_behind_a_lossy_failover_numbers_jump_and_open_payments_are_doubted() {
    let Some(server) = Server::if_installed() else { return };
    let name = schema(&server);
    let replica = server.replica(false);
    let proxy = Proxy::start(server.port());
    let journal = through(&proxy, &server, &name);
    let kept = fresh(&journal, &charge(1));
    let count = format!("SELECT count(*) FROM {name}.payment");
    until("the standby has the first", || replica.sql(&count) == "1");
    replica.follows_nobody();
    let lost = fresh(&journal, &charge(2));
    server.kill();
    replica.promote();
    proxy.leads_to(replica.port());
    let mut seen = Vec::new();
    until("the new server was judged", || {
        let _ = journal.tend();
        seen.extend(journal.found_since());
        journal.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    assert!(seen.iter().any(|found| found.message.contains("lost 1 writes")), "{seen:?}");
    let third = journal.find(&conformance::invoice(3)).unwrap().unwrap();
    assert!(third.intent.numbers.batch() > lost.intent.numbers.batch(), "numbers jump");
    assert!(third.id > lost.id && !third.state.attested);
    let kept = journal.payment(kept.id).unwrap().unwrap();
    assert_eq!(
        kept.state.verdict,
        Some(Verdict::Quarantined),
        "asked about, never reversed unseen"
    );
    assert_eq!(journal.find(&lost.intent.invoice).unwrap(), None);
    assert!(journal.figures().unwrap().doubted);
    assert!(journal.vouch("the owner: compared with the settlement file").unwrap());
    assert!(!journal.figures().unwrap().doubted);
    assert!(fresh(&journal, &charge(4)).state.attested);
}

/// MP6: promoted without loss; nothing is doubted.
#[test]
fn mp6_behind_a_failover_without_loss_numbers_jump_and_payments_go_on() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let replica = server.replica(true);
    let proxy = Proxy::start(server.port());
    let journal = through(&proxy, &server, &schema);
    let before = fresh(&journal, &charge(1));
    server.kill();
    replica.promote();
    proxy.leads_to(replica.port());
    until("the new server was judged", || {
        let _ = journal.tend();
        journal.begin(&charge(2), BatchMethod::Continuous).is_ok()
    });
    let second = journal.find(&conformance::invoice(2)).unwrap().unwrap();
    assert!(second.intent.numbers.batch() > before.intent.numbers.batch());
    assert!(second.state.attested, "nothing was lost");
    assert_eq!(journal.payment(before.id).unwrap().map(|row| row.state), Some(before.state));
}

/// MP7, twice: nodes know of a judgement that the next server has never heard of.
#[test]
fn mp7_a_failover_that_lost_an_earlier_judgement_is_judged_by_nodes_that_are_restarted() {
    let Some(first) = Server::if_installed() else { return };
    let name = schema(&first);
    let proxy = Proxy::start(first.port());
    let journal = through(&proxy, &first, &name);
    let kept = fresh(&journal, &charge(1));
    let [second, third] = [(), ()].map(|()| {
        let replica = first.replica(false);
        replica.follows_nobody();
        replica
    });
    first.kill();
    second.promote();
    proxy.leads_to(second.port());
    until("the second server was judged", || {
        let _ = journal.tend();
        journal.begin(&charge(2), BatchMethod::Continuous).is_ok()
    });
    second.kill();
    third.promote();
    proxy.leads_to(third.port());
    let refused = journal.find(&conformance::invoice(1)).expect_err("it is of an older time");
    assert_eq!(refused.kind, JournalErrorKind::Unreachable, "{refused}");
    assert!(refused.message.contains("restart all nodes"), "{refused}");
    drop(journal);
    let journal = open(&dsn(&first.plain_dsn(APPLICATION, proxy.port()), &name));
    until("it is judged", || journal.enter_boot("b").is_ok());
    until("it is written to", || {
        let _ = journal.tend();
        journal.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    let kept = journal.payment(kept.id).unwrap().unwrap();
    assert_eq!(kept.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
    assert!(journal.figures().unwrap().doubted);
}

/// MP7: and the server that is being judged dies, too. What the judgement before found is not forgotten.
#[test]
fn mp7_a_second_promotion_during_a_judgement_is_judged_anew_and_forgets_no_loss() {
    let Some(first) = Server::if_installed() else { return };
    let name = schema(&first);
    let second = first.replica(false);
    let third = second.replica(false);
    let proxy = Proxy::start(first.port());
    let [journal, witness] = [(); 2].map(|()| through(&proxy, &first, &name));
    let kept = fresh(&journal, &charge(1));
    until("the other is told it", || witness.payment(kept.id).is_ok_and(|it| it.is_some()));
    let count = format!("SELECT count(*) FROM {name}.payment");
    until("both have the first", || [&second, &third].iter().all(|it| it.sql(&count) == "1"));
    second.follows_nobody();
    let lost = fresh(&journal, &charge(2));
    first.kill();
    second.promote();
    proxy.leads_to(second.port());
    let epoch = format!("SELECT number, state, lost FROM {name}.epoch");
    // Nobody looks after it from here on, so that it does not end.
    until("it is being judged, and a loss was found", || {
        let _ = journal.tend();
        second.sql(&epoch) == "2|judging|t"
    });
    assert!(journal.begin(&charge(3), BatchMethod::Continuous).is_err(), "it is being judged");
    second.is_followed();
    second.kill();
    third.promote();
    proxy.leads_to(third.port());
    // Who was told what is missing is gone as well, and the other one misses nothing.
    drop(journal);
    let journal = witness;
    until("it is judged anew", || {
        let _ = journal.tend();
        journal.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    assert_eq!(third.sql(&epoch), "3|open|t");
    let next = journal.find(&conformance::invoice(3)).unwrap().unwrap();
    assert!(next.intent.numbers.batch() > lost.intent.numbers.batch(), "numbers jump");
    assert!(next.id > lost.id && !next.state.attested);
    let kept = journal.payment(kept.id).unwrap().unwrap();
    assert_eq!(kept.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
    assert!(journal.figures().unwrap().doubted);
}

/// What a synchronous standby has not acknowledged is told by nobody, whoever breaks the wait for it off and
/// whatever the role is set to (MP7).
#[test]
fn mp7_a_commit_that_the_standby_does_not_have_is_not_told() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let replica = server.replica(true);
    for setting in ["synchronous_commit = off", "client_min_messages = error"] {
        server.sql(&format!("ALTER ROLE {APPLICATION} SET {setting}"));
    }
    let journal = open(&dsn(&server.dsn(APPLICATION), &schema));
    journal.enter_boot("a").unwrap();
    let first = fresh(&journal, &charge(1));
    replica.stands_still(true);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    for how in ["pg_cancel_backend", "pg_terminate_backend"] {
        std::thread::scope(|scope| {
            let update = scope.spawn(|| journal.update(&first));
            until("it waits for the standby", || server.sql(waits) != "0");
            server.sql(&format!(
                "SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            ));
            let told = update.join().expect("no panic");
            assert!(
                matches!(&told, Err(error) if error.kind == JournalErrorKind::Unreachable),
                "{how}: {told:?}"
            );
        });
    }
    // Everybody sees the row now, and nobody is told it, whoever breaks the wait of the look off.
    std::thread::scope(|scope| {
        let read = scope.spawn(|| journal.payment(first.id));
        until("it ends", || {
            server.sql(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
            );
            read.is_finished()
        });
        let read = read.join().expect("no panic");
        assert!(
            matches!(&read, Err(error) if error.kind == JournalErrorKind::Unreachable),
            "{read:?}"
        );
    });
    replica.stands_still(false);
    until("the standby is there again", || journal.payment(first.id).is_ok());
    let version = journal.payment(first.id).unwrap().map(|row| row.version);
    assert!(matches!(version, Some(2 | 3)), "{version:?}");
}

/// However long it waits: its session would stay at the server, and each one behind it, until there are no more.
#[test]
fn mp5_a_write_that_waits_for_the_standby_is_not_given_up() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let replica = server.replica(true);
    let journal = open(&dsn(&server.dsn(APPLICATION), &schema));
    journal.enter_boot("a").unwrap();
    let first = fresh(&journal, &charge(1));
    replica.stands_still(true);
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{APPLICATION}'");
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        assert!(journal.update(&first).is_err());
        assert!(server.sql(&sessions).parse::<u32>().unwrap() <= 6);
        std::thread::sleep(Duration::from_millis(200));
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    assert!(server.sql(waiting).parse::<u32>().unwrap() <= 3, "two writers, and a clock");
    replica.stands_still(false);
    until("the standby is there again", || journal.payment(first.id).is_ok());
}
