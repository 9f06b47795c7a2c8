//! Whole clients on one journal in PostgreSQL, against the sandbox over TLS.

use std::time::Duration;

use ovo_crash::process::Process;
use ovo_postgres::{APPLICATION, Cut, Pooler, Proxy, Server, Street, charge, until};
use ovo_ptp::journal::Filter;
use ovo_ptp::{
    Client, ErrorKind, Finding, JournalReader, Listed, Outcome, Reconciliation, Rupiah,
    SettlementLine,
};

/// On a machine that does a lot beside, a server may answer later than a node waits: it is asked again.
fn is_paid(node: &Client, invoice: &str) {
    until(invoice, || match node.pay(&charge(invoice)) {
        Ok(outcome) => {
            assert!(matches!(outcome, Outcome::Paid(_)), "{invoice}: {outcome:?}");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Journal, "{invoice}: {error}");
            false
        }
    });
}

#[test]
fn mp8_a_payment_over_tls_and_one_through_a_pooler_in_transaction_mode() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let direct = street.node(&server.dsn(APPLICATION));
    let pooler = Pooler::start(&server);
    let pooled = street.node(&server.plain_dsn(APPLICATION, pooler.port()));
    is_paid(&direct, "OVER-TLS");
    is_paid(&pooled, "THROUGH-A-POOLER");
    // Either node knows both.
    for node in [&direct, &pooled] {
        for invoice in ["OVER-TLS", "THROUGH-A-POOLER"] {
            let report = node.payment(&invoice.parse().expect("an invoice")).expect("it is known");
            assert!(report.is_some_and(|report| report.outcome.is_some()), "{invoice}");
        }
    }
    assert_eq!(street.debited("OVER-TLS"), 12_500);
    let encrypted = server.sql(
        "SELECT bool_or(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'shop_till'",
    );
    assert_eq!(encrypted, "t");
}

/// Whoever keeps the books has no credentials of OVO's, joins no clock and writes nothing.
#[test]
fn op7_a_reader_looks_into_a_fleet_s_journal_beside_its_nodes() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let node = street.node(&server.dsn(APPLICATION));
    let reader = JournalReader::open(server.dsn(APPLICATION)).expect("a reader");
    for invoice in ["BOOKS-1", "BOOKS-2"] {
        is_paid(&node, invoice);
    }
    let clocks = server.sql("SELECT count(*) FROM ovo.clock");
    let listed = reader.payments(&Filter::default()).expect("a list");
    assert_eq!(listed.len(), 2, "as it is now, and not as it was at opening");
    let invoice = "BOOKS-1".parse().expect("an invoice");
    assert!(reader.explain(&invoice).expect("it answers").is_some());
    assert!(reader.metrics_text().expect("figures").contains("ovo_ptp_journal"));
    assert_eq!(reader.health().expect("it looks").payments, 2);
    let mut books = Reconciliation::new();
    let line = |invoice: &str, amount| SettlementLine {
        invoice: invoice.to_owned(),
        says: Listed::Paid(Rupiah::new(amount).expect("an amount")),
        day: None,
    };
    let matched = books.line(&reader, &line("BOOKS-1", 12_500)).expect("it looks");
    assert_eq!(matched.expect("a finding").finding, Finding::Matched);
    let other = books.line(&reader, &line("BOOKS-2", 1)).expect("it looks").expect("a finding");
    assert_eq!(other.finding, Finding::OtherAmount);
    assert_eq!(server.sql("SELECT count(*) FROM ovo.clock"), clocks, "it joins none");
    let to = std::env::temp_dir().join("never-made.db");
    assert_eq!(reader.backup(&to).expect_err("of a server").kind(), ErrorKind::Journal);
}

#[test]
fn mp12_nodes_that_push_one_invoice_at_once_push_it_once() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let nodes: Vec<Client> = (0..4).map(|_| street.node(&server.dsn(APPLICATION))).collect();
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| is_paid(node, "THE-SAME"));
        }
    });
    assert_eq!((street.pushes("THE-SAME"), street.debited("THE-SAME")), (1, 12_500));
}

#[test]
fn j13_whatever_is_cut_at_whatever_write_one_payment_is_one_debit_and_one_word() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let mut paid = 0;
    let mut hits = 0;
    for cut in Cut::ALL {
        // The Intent, the verdict, and that the shop has it.
        for skip in 0..3 {
            let proxy = Proxy::start(server.port());
            let node = street.node(&server.plain_dsn(APPLICATION, proxy.port()));
            let invoice = format!("CUT-{cut:?}-{skip}").to_uppercase();
            proxy.cuts(cut, ".write(", skip);
            let told = node.pay(&charge(&invoice));
            let acknowledged = node.acknowledge(&invoice.parse().expect("an invoice"));
            hits += proxy.hits();
            proxy.cuts_nothing();
            assert_eq!(proxy.cancel_requests(), 0, "a write is never broken off");
            if let (Ok(_), Err(error)) = (&told, &acknowledged) {
                // Nobody answered in time: it may be said again.
                assert_eq!((cut, error.kind()), (Cut::Silent, ErrorKind::Journal), "{error}");
                until("the shop has it", || {
                    node.acknowledge(&invoice.parse().expect("an invoice")).is_ok()
                });
            }
            let word = match &told {
                Ok(Outcome::Paid(_)) => 12_500,
                Ok(_) => 0,
                // Nothing was begun, or nobody knows: the list tells.
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Journal, "{invoice}: {error}");
                    drop(node);
                    let other = street.node(&server.dsn(APPLICATION));
                    let id = invoice.parse().expect("an invoice");
                    let mut known = None;
                    until("it is settled", || {
                        known = other.payment(&id).ok();
                        known.as_ref().is_some_and(|it| it.as_ref().is_none_or(|it| it.settled))
                    });
                    match known.flatten().and_then(|report| report.outcome) {
                        Some(Outcome::Paid(_)) => 12_500,
                        _ => 0,
                    }
                }
            };
            until("every rupiah agrees", || street.debited(&invoice) == word);
            paid += i64::from(word > 0);
        }
    }
    assert_eq!(hits, 15);
    assert!(paid >= 10, "{paid} were paid");
    let twice = "SELECT count(*) FROM (SELECT 1 FROM ovo.payment GROUP BY batch, reference HAVING count(*) > 1) q";
    assert_eq!(server.sql(twice), "0");
}

#[test]
fn mp10_a_silent_server_holds_no_call_up_and_closing_neither() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let proxy = Proxy::start(server.port());
    let node = street.node(&server.plain_dsn(APPLICATION, proxy.port()));
    is_paid(&node, "BEFORE");
    proxy.is_silent(true);
    let begun = std::time::Instant::now();
    let refused = node.pay(&charge("SILENT")).expect_err("nobody answers");
    assert_eq!(refused.kind(), ErrorKind::Journal, "{refused}");
    // 5 s are promised; a busy machine takes its time.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    drop(node);
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    proxy.is_silent(false);
    assert_eq!(street.debited("SILENT"), 0);
}

#[test]
fn mp10_many_callers_of_one_invoice_wait_for_a_silent_server_once() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let proxy = Proxy::start(server.port());
    let node = street.node(&server.plain_dsn(APPLICATION, proxy.port()));
    is_paid(&node, "BEFORE");
    proxy.is_silent(true);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let refused = node.pay(&charge("THE-SAME")).expect_err("nobody answers");
                assert_eq!(refused.kind(), ErrorKind::Journal, "{refused}");
            });
        }
    });
    // 5 s are promised; one behind the other would be a minute, and more.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    proxy.is_silent(false);
    proxy.breaks_all();
    assert_eq!(street.debited("THE-SAME"), 0);
}

#[test]
fn mp11_a_forked_child_can_do_nothing_and_its_parents_payment_does_not_notice() {
    let Some(server) = Server::migrated() else { return };
    let mut street = Street::at(0.05);
    street.room = Duration::from_secs(10);
    let shop = street.shop(&server.dsn(APPLICATION));
    let mut command = shop.command(env!("CARGO_BIN_EXE_ovo-postgres"));
    // The customer takes forty seconds of OVO's: two of ours.
    let mut parent = Process::start(command.args(["fork", "FORKED", "081200000140"]));
    parent.says("begun");
    until("the push arrives", || !street.ovo.ledger().is_empty());
    parent.hears("fork now");
    assert_eq!(parent.says("told"), "paid");
    assert_eq!(parent.says("then"), "paid");
    assert!(parent.ends().success());
    assert_eq!((street.debited("FORKED"), street.debited("FORKED-NEXT")), (10_000, 10_000));
}

#[test]
fn a_task_of_the_callers_own_runtime_may_open_pay_and_drop() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let node = street.node(&server.dsn(APPLICATION));
        is_paid(&node, "IN-A-TASK");
        drop(node);
    });
    assert_eq!(street.debited("IN-A-TASK"), 12_500);
}
