//! The engine itself against real servers: the conformance kit in every way that leads to a server, writes
//! whose connection is cut, guards that hold the application's role, clocks, promotions.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ovo_postgres::{APPLICATION, Cut, OWNER, Pooler, Proxy, Server, are_installed, until};

use ovo_ptp::journal::conformance::{self, charge, fresh, write};
use ovo_ptp::journal::postgres::{Dsn, PostgresJournal, PostgresOptions, migrate, migrate_with};
use ovo_ptp::journal::{
    ArchiveProgress, Archived, Begun, Figures, Filter, Health, Journal, JournalError,
    JournalErrorKind, NewPayment, Update,
};
use ovo_ptp::payment::{Boottime, Payment, PaymentId, Source, Verdict};
use ovo_ptp::{BatchMethod, Clock, MerchantInvoice, WallTime};

/// The name of a schema that no other test has.
fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("ovo_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn dsn(text: &str, schema: &str) -> Dsn {
    Dsn::parse(&format!("{text}&schema={schema}")).unwrap()
}

/// A schema of its own in a server, migrated.
fn schema(server: &Server) -> String {
    let name = name();
    migrate(&dsn(&server.dsn(OWNER), &name), APPLICATION, false).unwrap();
    name
}

fn direct(server: &Server) -> Dsn {
    dsn(&server.dsn(APPLICATION), &schema(server))
}

fn open(dsn: &Dsn) -> PostgresJournal {
    PostgresJournal::open(dsn, &PostgresOptions::default()).unwrap()
}

/// Four handles of one journal: what one writes the others read.
struct Four {
    all: Vec<PostgresJournal>,
    next: AtomicUsize,
}

impl Four {
    fn open(dsn: &Dsn) -> Four {
        Four { all: (0..4).map(|_| open(dsn)).collect(), next: AtomicUsize::new(0) }
    }

    fn next(&self) -> &PostgresJournal {
        &self.all[self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()]
    }

    /// Which clock a payment begins in is the handle's own: the kit's main thread has one.
    fn beginning(&self) -> &PostgresJournal {
        let is_main = std::thread::current().name().is_some();
        if is_main { &self.all[0] } else { self.next() }
    }
}

impl Journal for Four {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.all[0].enter_boot(boot_id)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.beginning().begin(new, method)
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.next().update(payment)
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.next().payment(id)
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.next().find(invoice)
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.next().due(boot, now, limit)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.next().next_due(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.next().list(filter)
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.next().health()
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        self.next().figures()
    }

    fn archive(
        &self,
        before: WallTime,
        to: &Path,
        tell: &mut dyn FnMut(ArchiveProgress) -> std::ops::ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        self.next().archive(before, to, tell)
    }
}

#[test]
fn the_kit_passes_over_tls() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    conformance::run(&|| Box::new(open(&direct(&server))));
}

#[test]
fn the_kit_passes_through_four_handles() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    conformance::run(&|| Box::new(Four::open(&direct(&server))));
}

#[test]
fn the_kit_passes_through_a_pooler_in_transaction_mode() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let pooler = Pooler::start(&server);
    conformance::run(&|| {
        let schema = schema(&server);
        Box::new(open(&dsn(&server.plain_dsn(APPLICATION, pooler.port()), &schema)))
    });
}

/// MP5: whatever becomes of the connection, a write is told once, and as what it is.
#[test]
fn mp5_a_write_whose_connection_is_cut_is_written_once_and_told() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port());
    let schema = schema(&server);
    let journal = open(&dsn(&server.plain_dsn(APPLICATION, proxy.port()), &schema));
    journal.enter_boot("a").unwrap();
    for (number, cut) in (1..).zip([Cut::Before, Cut::Inside, Cut::During, Cut::Behind]) {
        proxy.cuts(cut, ".write(", 0);
        let mut payment = fresh(&journal, &charge(number));
        assert_eq!(payment.id, PaymentId(i64::from(number)), "{cut:?}: one row, one number");
        proxy.cuts(cut, ".write(", 0);
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        let written = write(&journal, payment);
        assert_eq!(written.version, 2, "{cut:?}");
    }
    assert_eq!(proxy.hits(), 8);
    assert_eq!(proxy.cancel_requests(), 0, "what was sent is never broken off");
}

/// MP5: a server that says nothing holds nobody for long, and what was sent to it is known again later.
#[test]
fn mp5_every_call_is_bounded_while_the_server_is_silent() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port());
    let schema = schema(&server);
    let journal = open(&dsn(&server.plain_dsn(APPLICATION, proxy.port()), &schema));
    journal.enter_boot("a").unwrap();
    let payment = fresh(&journal, &charge(1));
    proxy.is_silent(true);
    let bounded = |what: &str, call: &dyn Fn() -> Result<(), JournalError>| {
        let begun = Instant::now();
        let error = call().expect_err(what);
        assert!(begun.elapsed() < Duration::from_secs(6), "{what}: {:?}", begun.elapsed());
        assert_eq!(error.kind, JournalErrorKind::Unreachable, "{what}: {error}");
    };
    bounded("update", &|| journal.update(&payment).map(|_| ()));
    bounded("begin", &|| journal.begin(&charge(2), BatchMethod::Continuous).map(|_| ()));
    bounded("find", &|| journal.find(&payment.intent.invoice).map(|_| ()));
    bounded("find", &|| journal.find(&payment.intent.invoice).map(|_| ()));
    bounded("list", &|| journal.list(&Filter::default()).map(|_| ()));
    let begun = Instant::now();
    proxy.is_silent(false);
    proxy.breaks_all();
    until("it is served again", || journal.update(&payment).is_ok());
    assert!(begun.elapsed() < Duration::from_secs(30));
    proxy.is_silent(true);
    let begun = Instant::now();
    drop(journal);
    assert!(begun.elapsed() < Duration::from_secs(6), "closing: {:?}", begun.elapsed());
}

#[test]
fn the_application_executes_functions_and_writes_no_other_way() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let schema = schema(&server);
    let journal = open(&dsn(&server.dsn(APPLICATION), &schema));
    fresh(&journal, &charge(1));
    for refused in [
        "UPDATE {}.payment SET amount = 1",
        "DELETE FROM {}.payment",
        "TRUNCATE {}.phone",
        "INSERT INTO {}.meta VALUES ('a', 'b')",
        "UPDATE {}.water SET reference = 0",
        "UPDATE {}.epoch SET timeline = ''",
        "SELECT {}.guard('')",
        "ALTER TABLE {}.payment DISABLE TRIGGER ALL",
    ] {
        let refused = refused.replace("{}", &schema);
        assert!(server.sql_as(APPLICATION, &refused).is_err(), "{refused}");
    }
    // What the owner's hand does the triggers refuse.
    for refused in [
        "UPDATE {}.payment SET amount = 1, version = 2",
        "DELETE FROM {}.payment",
        "TRUNCATE {}.payment",
    ] {
        let refused = refused.replace("{}", &schema);
        assert!(server.sql_as(OWNER, &refused).is_err(), "{refused}");
    }
}

#[test]
fn a_journal_whose_guards_were_altered_is_refused_until_it_is_migrated() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let schema = schema(&server);
    let app = dsn(&server.dsn(APPLICATION), &schema);
    drop(open(&app));
    for altered in [
        "ALTER TABLE {}.payment DISABLE TRIGGER payment_changes",
        "DROP TRIGGER payment_stays ON {}.payment",
        "CREATE OR REPLACE FUNCTION {}.stays() RETURNS trigger LANGUAGE plpgsql SET search_path = {}, pg_temp AS 'BEGIN RETURN NULL; END'",
        "ALTER FUNCTION {}.write(jsonb) RESET ALL",
        "ALTER TABLE {}.payment DROP CONSTRAINT undecided_is_open",
        "DROP INDEX {}.payment_numbers",
    ] {
        let altered = altered.replace("{}", &schema);
        server.sql_as(OWNER, &altered).unwrap();
        let error = PostgresJournal::open(&app, &PostgresOptions::default()).expect_err(&altered);
        assert_eq!(error.kind, JournalErrorKind::Corrupt, "{altered}: {error}");
        if altered.contains("TRIGGER") || altered.contains("FUNCTION") {
            server.sql_as(OWNER, &format!("ALTER TABLE {schema}.payment ENABLE TRIGGER ALL")).ok();
            let owner = dsn(&server.dsn(OWNER), &schema);
            migrate(&owner, APPLICATION, false).unwrap();
            drop(open(&app));
        }
    }
}

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
    if !are_installed() {
        return;
    }
    let server = Server::start();
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

/// MP6 to MP8: an asynchronous standby was promoted and has lost a verdict that was told.
#[test]
fn mp7_behind_a_lossy_failover_numbers_jump_and_open_payments_are_doubted() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let name = name();
    migrate_with(&dsn(&server.dsn(OWNER), &name), APPLICATION, false, false).unwrap();
    let replica = server.replica(false);
    let proxy = Proxy::start(server.port());
    let journal = open(&dsn(&server.plain_dsn(APPLICATION, proxy.port()), &name));
    journal.enter_boot("a").unwrap();
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
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let schema = schema(&server);
    let replica = server.replica(true);
    let proxy = Proxy::start(server.port());
    let journal = open(&dsn(&server.plain_dsn(APPLICATION, proxy.port()), &schema));
    journal.enter_boot("a").unwrap();
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

/// What a synchronous standby has not acknowledged is told by nobody, whoever breaks the wait for it off and
/// whatever the role is set to (MP7).
#[test]
fn mp7_a_commit_that_the_standby_does_not_have_is_not_told() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
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
    // Everybody sees the row now, and nobody is told it.
    let read = journal.payment(first.id);
    assert!(matches!(&read, Err(error) if error.kind == JournalErrorKind::Unreachable), "{read:?}");
    replica.stands_still(false);
    until("the standby is there again", || journal.payment(first.id).is_ok());
    let version = journal.payment(first.id).unwrap().map(|row| row.version);
    assert!(matches!(version, Some(2 | 3)), "{version:?}");
}

/// MP16: an embedder's own runtime, and a fork.
#[test]
fn a_tokio_task_may_call_the_journal() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let journal = open(&direct(&server));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        journal.enter_boot("a").unwrap();
        fresh(&journal, &charge(1));
        drop(journal);
    });
}
