//! A schema is migrated beside nodes that sell: nobody waits for it who need not, and it waits for nobody unsaid.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ovo_postgres::journals::{dsn, name, open, schema};
use ovo_postgres::{APPLICATION, AS_IT_IS, OWNER, Server, until};
use ovo_ptp::BatchMethod;
use ovo_ptp::journal::conformance::charge;
use ovo_ptp::journal::postgres::{Migration, migrate, migrate_telling};
use ovo_ptp::journal::{Begun, Journal, JournalErrorKind, Update};
use ovo_ptp::payment::{Boottime, Settlement, Source, Verdict};

/// What a schema of an earlier library lacks.
const LACKS: &str = "BEGIN; DROP TRIGGER IF EXISTS payment_stays ON {}.payment; ALTER TABLE {}.archived DROP COLUMN IF EXISTS part; COMMIT";

/// A session that has done something and does not end its transaction.
struct Idle(Child);

impl Idle {
    fn does(server: &Server, text: &str) -> Idle {
        let mut psql = server
            .session()
            .env("PGAPPNAME", "month's report")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let into = psql.stdin.as_mut().unwrap();
        writeln!(into, "BEGIN; {text};").unwrap();
        into.flush().unwrap();
        let idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
        until("it has them", || server.sql(idle).trim() == "1");
        Idle(psql)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// Nodes that begin payments and decide them until `work` ends: what was refused, and the longest write.
fn beside_nodes<T>(
    server: &Server,
    schema: &str,
    work: impl FnOnce() -> T,
) -> (T, Vec<String>, Duration, u32) {
    let stops = AtomicBool::new(false);
    let (next, opened) = (AtomicU32::new(1), Barrier::new(4));
    let address = dsn(&server.dsn(APPLICATION), schema);
    std::thread::scope(|scope| {
        let node = || {
            let node = open(&address);
            node.enter_boot("node").unwrap();
            opened.wait();
            let (mut refused, mut longest, mut sold) = (Vec::new(), Duration::ZERO, 0);
            while !stops.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let number = next.fetch_add(1, Ordering::Relaxed);
                match node.begin(&charge(number), BatchMethod::Continuous) {
                    Ok(Begun::Fresh(mut payment)) => {
                        let state = &mut payment.state;
                        state.verdict = Some(Verdict::Accepted(Source::Push));
                        (state.settlement, state.due) = (Settlement::closed(Boottime(1)), None);
                        match node.update(&payment) {
                            Ok(Update::Won(_)) => sold += 1,
                            other => refused.push(format!("{other:?}")),
                        }
                    }
                    other => refused.push(format!("{other:?}")),
                }
                longest = longest.max(begun.elapsed());
            }
            (refused, longest, sold)
        };
        let nodes: Vec<_> = (0..3).map(|_| scope.spawn(node)).collect();
        opened.wait();
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stops.store(true, Ordering::Relaxed);
        let (mut refused, mut longest, mut sold) = (Vec::new(), Duration::ZERO, 0);
        for node in nodes {
            let (of, most, count) = node.join().unwrap();
            refused.extend(of);
            longest = longest.max(most);
            sold += count;
        }
        let worked = worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (worked, refused, longest, sold)
    })
}

/// Whoever reads, and whoever writes, may go on for as long as it likes.
#[test]
fn a_migration_that_changes_nothing_waits_for_nobody() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let all = ["payment", "phone", "water", "epoch", "archived", "meta", "clock", "failover"];
    let all: Vec<String> = all.iter().map(|table| format!("{schema}.{table}")).collect();
    // As a write has them.
    let idle = Idle::does(&server, &format!("LOCK TABLE {} IN ROW EXCLUSIVE MODE", all.join(", ")));
    let waits = &mut |line: &str| panic!("{line}");
    migrate_telling(&dsn(&server.dsn(OWNER), &schema), &AS_IT_IS, waits).unwrap();
    drop(idle);
}

/// It gives way, says to whom, and is done when they are gone.
#[test]
fn a_migration_behind_a_reader_lets_the_nodes_sell_and_names_who_reads() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let owner = dsn(&server.dsn(OWNER), &schema);
    let is_named = |text: &str| {
        assert!(text.contains("application month's report, role"), "{text}");
        assert!(text.contains("has archived"), "{text}");
    };
    let ((error, told, mut idle), refused, longest, sold) = beside_nodes(&server, &schema, || {
        server.sql(&LACKS.replace("{}", &schema));
        let reads = format!("SELECT count(*) FROM {schema}.archived");
        let idle = Idle::does(&server, &reads);
        let mut told = Vec::new();
        let error = migrate_telling(&owner, &AS_IT_IS, &mut |line| told.push(line.to_owned()));
        (error.unwrap_err(), told, Some(idle))
    });
    let named = "SELECT pid FROM pg_stat_activity WHERE application_name = 'month''s report'";
    assert!(error.message.contains(&format!("process {} ", server.sql(named).trim())), "{error}");
    assert_eq!(error.kind, JournalErrorKind::Unreachable);
    is_named(&error.message);
    assert!(error.message.contains("pg_terminate_backend"), "{error}");
    assert!(told.len() > 3, "{told:?}");
    told.iter().for_each(|line| is_named(line));
    assert_eq!(refused, [""; 0]);
    assert!(sold > 100 && longest < Duration::from_secs(5), "{sold} sold, one in {longest:?}");
    // Nothing of it stayed.
    let triggers =
        format!("SELECT count(*) FROM pg_trigger WHERE tgrelid = '{schema}.payment'::regclass");
    assert_eq!(server.sql(&triggers).trim(), "3");
    migrate_telling(&owner, &AS_IT_IS, &mut |_| drop(idle.take())).unwrap();
    assert_eq!(server.sql(&triggers).trim(), "4");
    drop(open(&dsn(&server.dsn(APPLICATION), &schema)));
}

/// What is printed is right for a person: tried once, so it waits for a table as long as a node lets it.
#[test]
fn what_migrate_prints_is_run_by_hand_beside_nodes() {
    let Some(server) = Server::if_installed() else { return };
    let schema = name();
    let owner = dsn(&server.dsn(OWNER), &schema);
    let printed = || migrate(&owner, &Migration { print: true, ..AS_IT_IS }).unwrap();
    // Of a schema that is not there yet.
    let text = printed();
    assert!(text.starts_with("-- ") && text.contains("ON_ERROR_STOP=1"), "{text}");
    assert_eq!(server.sql(&format!("SELECT to_regnamespace('{schema}') IS NULL")), "t");
    server.runs_a_file(OWNER, &text).unwrap();
    drop(open(&dsn(&server.dsn(APPLICATION), &schema)));
    let again = server.runs_a_file(OWNER, &text).unwrap_err();
    assert!(again.contains("already exists"), "{again}");
    let triggers =
        format!("SELECT count(*) FROM pg_trigger WHERE tgrelid = '{schema}.payment'::regclass");
    let ((gave_way, left, done), refused, longest, _) = beside_nodes(&server, &schema, || {
        server.sql(&LACKS.replace("{}", &schema));
        let text = printed();
        let reads = || Idle::does(&server, &format!("SELECT count(*) FROM {schema}.archived"));
        let report = reads();
        let gave_way = server.runs_a_file(OWNER, &text);
        let left = server.sql(&triggers);
        drop(report);
        let report = reads();
        let done = std::thread::scope(|scope| {
            let by_hand = scope.spawn(|| server.runs_a_file(OWNER, &text));
            std::thread::sleep(Duration::from_secs(1));
            drop(report);
            by_hand.join().unwrap()
        });
        (gave_way, left, done)
    });
    let gave_way = gave_way.unwrap_err();
    assert!(gave_way.contains("canceling statement due to lock timeout"), "{gave_way}");
    assert_eq!(left.trim(), "3", "nothing of it stayed");
    done.unwrap_or_else(|error| panic!("a report of a second: {error}"));
    assert_eq!(refused, [""; 0]);
    assert!(longest < Duration::from_secs(5), "one in {longest:?}");
    assert_eq!(server.sql(&triggers).trim(), "4");
    drop(open(&dsn(&server.dsn(APPLICATION), &schema)));
}

/// It comes to the tables in the order in which a payment does, and tries again.
#[test]
fn a_migration_and_payments_never_wait_for_each_other() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let owner = dsn(&server.dsn(OWNER), &schema);
    let (failed, refused, longest, sold) = beside_nodes(&server, &schema, || {
        let mut failed = Vec::new();
        for round in 0..16 {
            // Of every other one there is something to change.
            if round % 2 == 0 {
                server.sql(&LACKS.replace("{}", &schema));
            }
            failed.extend(migrate(&owner, &AS_IT_IS).err().map(|error| error.to_string()));
        }
        failed
    });
    assert_eq!(failed, [""; 0]);
    assert_eq!(refused, [""; 0]);
    assert!(sold > 30 && longest < Duration::from_secs(5), "{sold} sold, one in {longest:?}");
}
