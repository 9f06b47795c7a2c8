//! The engine itself against real servers: the conformance kit in every way that leads to a server, writes
//! whose connection is cut, guards that hold the application's role.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ovo_postgres::journals::{direct, dsn, open, patiently, schema, through};
use ovo_postgres::{
    APPLICATION, AS_IT_IS, Cut, OWNER, Pooler, Proxy, Server, are_installed, until,
};

use ovo_ptp::journal::conformance::{self, charge, fresh, write};
use ovo_ptp::journal::postgres::{Dsn, Migration, PostgresJournal, PostgresOptions, migrate};
use ovo_ptp::journal::{
    ArchivePlace, ArchiveProgress, Archived, Begun, Figures, Filter, Health, Journal, JournalError,
    JournalErrorKind, NewPayment, Update,
};
use ovo_ptp::payment::{Boottime, Payment, PaymentId, Source, Verdict};
use ovo_ptp::{BatchMethod, MerchantInvoice, WallTime};

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

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, JournalError> {
        self.next().archived(invoice)
    }
}

#[test]
fn the_kit_passes_over_tls() {
    let Some(server) = Server::if_installed() else { return };
    conformance::run(&|| Box::new(open(&direct(&server))));
}

#[test]
fn the_kit_passes_through_four_handles() {
    let Some(server) = Server::if_installed() else { return };
    conformance::run(&|| Box::new(Four::open(&direct(&server))));
}

#[test]
fn the_kit_passes_through_a_pooler_in_transaction_mode() {
    let Some(server) = Server::if_installed() else { return };
    let pooler = Pooler::start(&server);
    conformance::run(&|| {
        let schema = schema(&server);
        Box::new(open(&dsn(&server.plain_dsn(APPLICATION, pooler.port()), &schema)))
    });
}

/// MP5: whatever becomes of the connection, a write is told once, and as what it is.
#[test]
fn mp5_a_write_whose_connection_is_cut_is_written_once_and_told() {
    let Some(server) = Server::if_installed() else { return };
    let proxy = Proxy::start(server.port());
    let schema = schema(&server);
    let journal = through(&proxy, &server, &schema);
    for (number, cut) in (1..).zip([Cut::Before, Cut::Inside, Cut::During, Cut::Behind]) {
        proxy.cuts(cut, ".write(", 0);
        let begun = Instant::now();
        let told = journal.begin(&charge(number), BatchMethod::Continuous);
        // On a busy machine nobody may know in time; never before that.
        assert!(told.is_ok() || begun.elapsed() > Duration::from_secs(3), "{cut:?}: {told:?}");
        let mut payment = match told {
            Ok(Begun::Fresh(payment)) => payment,
            Ok(other) => panic!("{cut:?}: {other:?}"),
            Err(_) => {
                let found = patiently(|| journal.find(&conformance::invoice(number)));
                found.unwrap().expect("it is known")
            }
        };
        assert_eq!(payment.id, PaymentId(i64::from(number)), "{cut:?}: one row, one number");
        proxy.cuts(cut, ".write(", 0);
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        let written = write(&journal, payment);
        assert_eq!(written.version, 2, "{cut:?}");
    }
    assert_eq!(proxy.hits(), 8);
    assert_eq!(proxy.cancel_requests(), 0, "what was sent is never broken off");
}

/// A begin whose answer is lost is known again by its token, until another node has gone on with its payment:
/// then that one's word holds, and nothing is pushed anew (MP5, MP12).
#[test]
fn mp5_mp12_a_begin_without_an_answer_that_another_node_went_on_with_is_told_as_that_nodes() {
    let Some(server) = Server::if_installed() else { return };
    let proxy = Proxy::start(server.port());
    let schema = schema(&server);
    let journal = through(&proxy, &server, &schema);
    let other = open(&dsn(&server.dsn(APPLICATION), &schema));
    other.enter_boot("b").unwrap();
    // On a busy machine the other one may come too late: then the next payment is tried.
    let (told, gone_on) = (1..20)
        .find_map(|number| {
            proxy.cuts(Cut::Behind, ".write(", 0);
            // Until the other one has been there.
            (0..200).for_each(|_| proxy.cuts(Cut::Before, ".write(", 0));
            let invoice = conformance::invoice(number);
            std::thread::scope(|scope| {
                let begin = scope.spawn(|| journal.begin(&charge(number), BatchMethod::Continuous));
                let mut written = None;
                until("it is written", || {
                    written = patiently(|| other.find(&invoice)).unwrap();
                    written.is_some() || begin.is_finished()
                });
                let gone_on = written.map(|mut payment| {
                    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
                    write(&other, payment)
                });
                let is_in_time = !begin.is_finished();
                proxy.cuts_nothing();
                let told = begin.join().expect("no panic");
                Some((told.ok()?, gone_on?)).filter(|_| is_in_time)
            })
        })
        .expect("one of them in time");
    let Begun::Existing(told) = told else { panic!("{told:?}") };
    assert_eq!((told.id, told.intent, told.version), (gone_on.id, gone_on.intent, 2));
    assert_eq!(told.state.verdict, Some(Verdict::Accepted(Source::Push)));
}

/// 5 s are promised; a busy machine takes its time.
const BOUNDED: Duration = Duration::from_secs(30);

/// MP5: a server that says nothing holds nobody for long, and what was sent to it is known again later.
#[test]
fn mp5_every_call_is_bounded_while_the_server_is_silent() {
    let Some(server) = Server::if_installed() else { return };
    let proxy = Proxy::start(server.port());
    let schema = schema(&server);
    let journal = through(&proxy, &server, &schema);
    let payment = fresh(&journal, &charge(1));
    proxy.is_silent(true);
    let bounded = |what: &str, call: &dyn Fn() -> Result<(), JournalError>| {
        let begun = Instant::now();
        let error = call().expect_err(what);
        assert!(begun.elapsed() < BOUNDED, "{what}: {:?}", begun.elapsed());
        assert_eq!(error.kind, JournalErrorKind::Unreachable, "{what}: {error}");
    };
    bounded("update", &|| journal.update(&payment).map(|_| ()));
    bounded("begin", &|| journal.begin(&charge(2), BatchMethod::Continuous).map(|_| ()));
    bounded("find", &|| journal.find(&payment.intent.invoice).map(|_| ()));
    bounded("find", &|| journal.find(&payment.intent.invoice).map(|_| ()));
    bounded("list", &|| journal.list(&Filter::default()).map(|_| ()));
    proxy.is_silent(false);
    proxy.breaks_all();
    until("it is served again", || journal.update(&payment).is_ok());
    proxy.is_silent(true);
    let begun = Instant::now();
    drop(journal);
    assert!(begun.elapsed() < BOUNDED, "closing: {:?}", begun.elapsed());
}

/// MP5: what keeps connections alive and carries nothing over them, as a load balancer that forgot them, holds a
/// node up for some seconds, however often.
#[test]
fn mp5_a_node_whose_connections_all_fall_silent_writes_and_beats_again_over_others() {
    let Some(server) = Server::if_installed() else { return };
    let proxy = Proxy::start(server.port());
    let schema = schema(&server);
    let journal = through(&proxy, &server, &schema);
    let beats = || {
        let _ = journal.tend();
        server.sql(&format!("SELECT max(beats) FROM {schema}.clock")).parse::<u32>().unwrap()
    };
    for round in 1..=3 {
        fresh(&journal, &charge(round));
        let before = beats();
        proxy.forgets();
        until("it is written to", || {
            let again = journal.begin(&charge(100 + round), BatchMethod::Continuous);
            matches!(again, Ok(Begun::Fresh(_) | Begun::Existing(_)))
        });
        until("its clock goes on", || beats() > before);
    }
    assert_eq!(proxy.cancel_requests(), 0, "what was sent is never broken off");
}

/// What is told, and that there is nothing to tell, stands behind one barrier a statement, however long the list.
#[test]
fn mp17_a_look_that_is_told_asks_the_guard_once() {
    if !are_installed() {
        return;
    }
    let server = Server::start_with(&[("track_functions", "all")]);
    let schema = schema(&server);
    let told = |look: &dyn Fn(&PostgresJournal)| {
        let journal = open(&dsn(&server.dsn(APPLICATION), &schema));
        journal.enter_boot("a").unwrap();
        look(&journal);
        drop(journal);
        // A server process hands in what it counted before it is gone.
        let there =
            format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{APPLICATION}'");
        until("its connections end", || server.sql(&there) == "0");
        let calls =
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'barrier'";
        server.sql(calls).parse::<u32>().unwrap()
    };
    let begun = told(&|journal| {
        for number in 1..=5 {
            let mut payment = fresh(journal, &charge(number));
            payment.state.verdict = Some(Verdict::Accepted(Source::Push));
            write(journal, payment);
        }
    });
    let filter = Filter { unacknowledged: true, ..Filter::default() };
    let listed = told(&|journal| assert_eq!(journal.list(&filter).unwrap().len(), 5));
    assert_eq!(listed - begun, 1, "five rows, one barrier");
    let missing = told(&|journal| {
        assert_eq!(journal.find(&conformance::invoice(6)).unwrap(), None);
    });
    assert_eq!(missing - listed, 1, "that it is not there is told, too");
}

#[test]
fn the_application_executes_functions_and_writes_no_other_way() {
    let Some(server) = Server::if_installed() else { return };
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
fn a_journal_whose_guards_were_altered_is_refused() {
    let Some(server) = Server::if_installed() else { return };
    for altered in [
        "ALTER TABLE {}.payment DISABLE TRIGGER payment_changes",
        "DROP TRIGGER payment_stays ON {}.payment",
        "CREATE OR REPLACE FUNCTION {}.stays() RETURNS trigger LANGUAGE plpgsql SET search_path = {}, pg_temp AS 'BEGIN RETURN NULL; END'",
        "ALTER FUNCTION {}.write(jsonb) RESET ALL",
        "ALTER FUNCTION {}.write(jsonb) SET synchronous_commit = off",
        "ALTER TABLE {}.payment DROP CONSTRAINT undecided_is_open",
        "DROP INDEX {}.payment_numbers",
        "CREATE RULE swallows AS ON UPDATE TO {}.payment DO INSTEAD NOTHING",
        "ALTER TABLE {}.phone SET UNLOGGED",
        "ALTER TABLE {}.payment ENABLE ROW LEVEL SECURITY",
    ] {
        let schema = schema(&server);
        let app = dsn(&server.dsn(APPLICATION), &schema);
        drop(open(&app));
        let altered = altered.replace("{}", &schema);
        server.sql_as(OWNER, &altered).unwrap();
        let opened = patiently(|| PostgresJournal::open(&app, &PostgresOptions::default()));
        let error = opened.expect_err(&altered);
        assert_eq!(error.kind, JournalErrorKind::Corrupt, "{altered}: {error}");
        if altered.contains("FUNCTION") {
            patiently(|| migrate(&dsn(&server.dsn(OWNER), &schema), &AS_IT_IS)).unwrap();
            drop(open(&app));
        }
    }
    // How a role has texts shown to it alters nothing.
    server.sql(&format!("ALTER ROLE {APPLICATION} SET quote_all_identifiers = on"));
    drop(open(&direct(&server)));
}

#[test]
fn a_role_that_could_write_past_the_guards_is_no_nodes() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let refused = |role: &str| {
        let dsn = dsn(&server.dsn(role), &schema);
        let error = PostgresJournal::open(&dsn, &PostgresOptions::default()).expect_err(role);
        assert_eq!(error.kind, JournalErrorKind::Version, "{role}: {error}");
        assert!(error.message.contains("past the guards"), "{error}");
    };
    refused(OWNER);
    let owner = dsn(&server.dsn(OWNER), &schema);
    for stands_for in [OWNER, "pg_write_all_data"] {
        server.sql(&format!("GRANT {stands_for} TO {APPLICATION}"));
        refused(APPLICATION);
        let error = migrate(&owner, &AS_IT_IS).expect_err(stands_for);
        assert!(error.message.contains(stands_for), "{error}");
        server.sql(&format!("REVOKE {stands_for} FROM {APPLICATION}"));
    }
    drop(open(&dsn(&server.dsn(APPLICATION), &schema)));
}

#[test]
fn a_role_that_was_granted_more_since_is_no_nodes_until_it_is_migrated() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let (app, owner) = (dsn(&server.dsn(APPLICATION), &schema), dsn(&server.dsn(OWNER), &schema));
    for (right, on) in [
        ("UPDATE (due, verdict, settlement, version)", "payment"),
        ("TRIGGER", "payment"),
        ("INSERT", "water"),
        ("UPDATE", "epoch"),
        ("DELETE", "clock"),
        ("TRUNCATE", "failover"),
        ("UPDATE (v)", "meta"),
        ("ALL", "phone"),
        ("CREATE", ""),
    ] {
        for whom in [APPLICATION, "PUBLIC"] {
            let on =
                if on.is_empty() { format!("SCHEMA {schema}") } else { format!("{schema}.{on}") };
            server.sql(&format!("GRANT {right} ON {on} TO {whom}"));
            let opened = patiently(|| PostgresJournal::open(&app, &PostgresOptions::default()));
            let error = opened.expect_err(&format!("{right} on {on}"));
            assert_eq!(error.kind, JournalErrorKind::Version, "{right} on {on}: {error}");
            assert!(error.message.contains("past the guards"), "{error}");
            patiently(|| migrate(&owner, &AS_IT_IS)).unwrap();
            drop(open(&app));
        }
    }
}

/// A role or a database for which no trigger fires: nobody opens a journal, and who has it open writes nothing.
#[test]
fn a_role_for_which_no_guard_fires_writes_nothing() {
    let Some(server) = Server::if_installed() else { return };
    let app = direct(&server);
    let node = open(&app);
    for whom in [format!("ROLE {APPLICATION}"), "DATABASE shop".to_owned()] {
        server.sql(&format!("ALTER {whom} SET session_replication_role = replica"));
        let opened = patiently(|| PostgresJournal::open(&app, &PostgresOptions::default()));
        let error = opened.expect_err(&whom);
        assert_eq!(error.kind, JournalErrorKind::Version, "{error}");
        assert!(error.message.contains("session_replication_role"), "{error}");
        // It connects for writing now.
        let begun = patiently(|| node.begin(&charge(1), BatchMethod::Continuous));
        assert_eq!(begun.expect_err(&whom).kind, JournalErrorKind::Version);
        server.sql(&format!("ALTER {whom} RESET session_replication_role"));
    }
    drop(node);
    fresh(&open(&app), &charge(1));
}

#[test]
fn of_several_migrations_at_once_each_succeeds() {
    let Some(server) = Server::if_installed() else { return };
    let owner = dsn(&server.dsn(OWNER), &ovo_postgres::journals::name());
    for made in ["new", "there"] {
        let all: Vec<_> = std::thread::scope(|scope| {
            let each = || patiently(|| migrate(&owner, &AS_IT_IS));
            let all: Vec<_> = (0..3).map(|_| scope.spawn(each)).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        for one in all {
            one.unwrap_or_else(|error| panic!("{made}: {error}"));
        }
    }
}

/// MP16: an embedder's own runtime, and a fork.
#[test]
fn a_tokio_task_may_call_the_journal() {
    let Some(server) = Server::if_installed() else { return };
    let journal = open(&direct(&server));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        journal.enter_boot("a").unwrap();
        fresh(&journal, &charge(1));
        drop(journal);
    });
}

/// Whoever moves to asynchronous standbys later accepts a loss from then on.
#[test]
fn op_a_schema_that_is_there_takes_the_word_that_a_failover_may_lose_something() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    let schema = schema(&server);
    let accepted = || server.sql(&format!("SELECT loss_possible FROM {schema}.epoch"));
    assert_eq!(accepted().trim(), "f");
    let owner = dsn(&server.dsn(OWNER), &schema);
    migrate(&owner, &Migration { loss_possible: true, ..AS_IT_IS }).unwrap();
    assert_eq!(accepted().trim(), "t");
    migrate(&owner, &AS_IT_IS).unwrap();
    assert_eq!(accepted().trim(), "t", "nobody takes it back");
}
