//! One node that is cut off or stands still in the middle of a payment, beside another that goes on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ovo_crash::process::{Process, send};
use ovo_postgres::{APPLICATION, Proxy, Server, Street, Wire, until};
use ovo_ptp::{Charge, Client, Event, Outcome, Rupiah};

/// OVO's customers: one approves at once, the others when they have looked at the prompt for so many seconds.
const APPROVES: &str = "081300000001";
const APPROVES_AFTER_20: &str = "081200000120";
const APPROVES_AFTER_40: &str = "081200000140";

fn charge(invoice: &str, phone: &str) -> Charge {
    let amount = Rupiah::new(10_000).expect("an amount");
    Charge::new(invoice, amount, phone.parse().expect("a phone")).expect("an invoice")
}

/// What a node says of a payment, when it can.
fn outcome(node: &Client, invoice: &str) -> Option<Outcome> {
    let report = node.payment(&invoice.parse().expect("an invoice")).ok().flatten();
    report.and_then(|report| report.outcome)
}

/// What a node counts of requests in a row that nobody answered.
fn unanswered(node: &Client) -> u32 {
    let text = node.metrics_text().expect("an open client");
    let found = text.lines().find_map(|line| line.strip_prefix("ovo_ptp_unanswered_in_a_row "));
    found.expect("it is told").parse().expect("a number")
}

#[test]
fn mp18_what_a_node_gave_up_that_is_cut_from_ovo_only_is_refunded_by_the_other_while_it_lives() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(0.05);
    let wire = Wire::to(&street.ovo.base_url());
    let mut shop = street.shop(&server.dsn(APPLICATION));
    shop.address = wire.address().to_owned();
    let heard: Arc<Mutex<String>> = Arc::default();
    let log = Arc::clone(&heard);
    let builder = shop.builder().expect("a set-up").observer(move |event| {
        if let Event::JournalFound(found) = event {
            log.lock().expect("no panic").push_str(&found.message);
        }
    });
    let says = |text: &str| heard.lock().expect("no panic").contains(text);
    let cut_off = builder.open().expect("a node");
    let other = street.node(&server.dsn(APPLICATION));
    std::thread::scope(|scope| {
        let paying = scope.spawn(|| cut_off.pay(&charge("CUT-OFF", APPROVES_AFTER_40)));
        until("the push arrives", || street.pushes("CUT-OFF") == 1);
        wire.is_cut(true);
        until("its customer approves", || street.debited("CUT-OFF") == 10_000);
        let told = paying.join().expect("no panic");
        assert!(matches!(told, Ok(Outcome::NotCompleted(_))), "no check was answered: {told:?}");
    });
    until("the other refunds it", || street.debited("CUT-OFF") == 0);
    assert_eq!(street.pushes("CUT-OFF"), 1);
    assert!(matches!(outcome(&other, "CUT-OFF"), Some(Outcome::NotCompleted(_))));
    assert!(unanswered(&cut_off) >= 2);
    assert_eq!(unanswered(&other), 0);
    // What it begins now reaches nobody, and a person hears why.
    let mut number = 0;
    until("a person is told", || {
        number += 1;
        let told = cut_off.pay(&charge(&format!("UNHEARD-{number}"), APPROVES));
        let told = told.expect("the journal is there");
        assert!(matches!(told, Outcome::NotSent(_)), "{told:?}");
        says("this node cannot reach OVO")
    });
    assert_eq!(street.pushes("UNHEARD-1"), 0);
    wire.is_cut(false);
    let told = cut_off.pay(&charge("AGAIN", APPROVES)).expect("all is there");
    assert!(matches!(told, Outcome::Paid(_)), "{told:?}");
    assert_eq!(unanswered(&cut_off), 0);
    assert!(says("OVO answers this node again"));
    let entry = street.ovo.ledger().into_iter().find(|entry| entry.invoice == "CUT-OFF");
    assert_eq!(entry.map(|entry| (entry.debits, entry.refunds)), Some((1, 1)));
}

/// MP10: OVO says that it is paid, and the node cannot write that down. It tells nobody so; the other, who sees only
/// that nothing came, decides and refunds; and what the cut node wrote arrives late.
#[test]
fn mp5_mp10_a_node_cut_from_the_database_only_tells_nothing_that_the_other_does_not_know() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(0.05);
    let proxy = Proxy::start(server.port());
    let cut_off = street.node(&server.plain_dsn(APPLICATION, proxy.port()));
    let other = street.node(&server.dsn(APPLICATION));
    std::thread::scope(|scope| {
        let paying = scope.spawn(|| cut_off.pay(&charge("CUT-OFF", APPROVES_AFTER_20)));
        until("the push arrives", || street.pushes("CUT-OFF") == 1);
        proxy.is_silent(true);
        until("its customer approves", || street.debited("CUT-OFF") == 10_000);
        let told = paying.join().expect("no panic");
        assert!(!matches!(told, Ok(Outcome::Paid(_))), "not without a commit: {told:?}");
        assert!(matches!(told, Ok(Outcome::Interrupted(_))), "it was pushed: {told:?}");
    });
    until("the other refunds it", || street.debited("CUT-OFF") == 0);
    assert!(matches!(outcome(&other, "CUT-OFF"), Some(Outcome::NotCompleted(_))));
    // What it does not reach it does not begin.
    assert!(cut_off.pay(&charge("UNWRITTEN", APPROVES)).is_err());
    assert_eq!(street.pushes("UNWRITTEN"), 0);
    proxy.is_silent(false);
    let mut told = None;
    until("it hears what the other decided", || {
        told = cut_off.pay(&charge("CUT-OFF", APPROVES_AFTER_20)).ok();
        told.as_ref().is_some_and(|told| !matches!(told, Outcome::Interrupted(_)))
    });
    assert!(matches!(told, Some(Outcome::NotCompleted(_))), "{told:?}");
    assert_eq!(proxy.cancel_requests(), 0, "what was sent is never broken off");
    let entry = street.ovo.ledger().into_iter().find(|entry| entry.invoice == "CUT-OFF");
    assert_eq!(entry.map(|entry| (entry.debits, entry.refunds)), Some((1, 1)));
    assert_eq!(street.pushes("CUT-OFF"), 1);
}

/// MP5: a process of the server's stands still with what all others need. Nobody waits for it for ever, nobody is told
/// anything of what it holds, and when it goes on so do all.
#[test]
fn mp5_mp16_a_server_process_that_stands_still_in_a_write_holds_no_call_up_and_loses_none() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::open();
    let replica = server.replica(true);
    let nodes = [(); 2].map(|()| street.node(&server.dsn(APPLICATION)));
    let pays = |node: &Client, invoice: &str| {
        let begun = Instant::now();
        // Each a customer of its own, who approves at once.
        let told = node.pay(&ovo_postgres::charge(invoice));
        // 5 s are promised; a busy machine takes its time.
        assert!(begun.elapsed() < Duration::from_secs(30), "{invoice}: {:?}", begun.elapsed());
        told
    };
    for (node, invoice) in nodes.iter().zip(["FIRST-1", "FIRST-2"]) {
        until(invoice, || matches!(pays(node, invoice), Ok(Outcome::Paid(_))));
    }
    // It has its locks until the standby has what it wrote, and then stands still with them.
    replica.stands_still(true);
    let waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%.write(%' LIMIT 1";
    let stopped = std::thread::scope(|scope| {
        let paying = scope.spawn(|| pays(&nodes[0], "HELD"));
        until("it waits for the standby", || !server.sql(waits).is_empty());
        let stopped: i32 = server.sql(waits).parse().expect("a process");
        send(stopped, libc::SIGSTOP).expect("it is ours");
        replica.stands_still(false);
        let told = paying.join().expect("no panic");
        assert!(told.is_err(), "nobody knows what became of its Intent: {told:?}");
        stopped
    });
    let told = pays(&nodes[1], "BEHIND-IT");
    assert!(told.is_err(), "a number is what all need: {told:?}");
    assert_eq!((street.pushes("HELD"), street.pushes("BEHIND-IT")), (0, 0));
    send(stopped, libc::SIGCONT).expect("it is ours");
    for (node, invoice) in nodes.iter().zip(["HELD", "BEHIND-IT"]) {
        let mut told = None;
        until(invoice, || {
            told = pays(node, invoice).ok();
            told.is_some()
        });
        // An Intent that was found behind its time is not pushed any more.
        let debited = if matches!(told, Some(Outcome::Paid(_))) { 12_500 } else { 0 };
        until("every rupiah agrees", || street.debited(invoice) == debited);
        assert!(street.pushes(invoice) <= 1);
    }
    until("they sell", || matches!(pays(&nodes[1], "NEXT"), Ok(Outcome::Paid(_))));
    let twice = "SELECT count(*) FROM (SELECT 1 FROM ovo.payment GROUP BY batch, reference HAVING count(*) > 1) q";
    assert_eq!(server.sql(twice), "0");
}

/// A till that stops itself at a moment of its first push, and the node beside it.
fn stopped(street: &Street, server: &Server, phone: &str, moment: &str) -> (Process, Client) {
    let database = server.dsn(APPLICATION);
    let mut command = street.shop(&database).command(env!("CARGO_BIN_EXE_ovo-postgres"));
    let mut till = Process::start(command.args(["pay", "D1", "STOPPED", phone, moment]));
    till.says("stopping");
    till.stands_still();
    (till, street.node(&database))
}

#[test]
fn c15_mp3_mp5_a_node_that_stands_still_while_its_customer_pays_tells_what_the_other_told() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(0.05);
    let (mut till, other) = stopped(&street, &server, APPROVES_AFTER_20, "stops-while-waiting");
    until("its customer approves", || street.debited("STOPPED") == 10_000);
    until("the other decides", || {
        matches!(outcome(&other, "STOPPED"), Some(Outcome::NotCompleted(_)))
    });
    until("the other refunds it", || street.debited("STOPPED") == 0);
    // OVO's answer, that it is paid, lies in the socket.
    till.signal(libc::SIGCONT);
    assert_eq!(till.says("told"), "not completed");
    assert!(till.ends().success());
    let entry = &street.ovo.ledger()[0];
    assert_eq!((entry.debits, entry.refunds), (1, 1));
}

#[test]
fn c15_mp4_a_node_that_stands_still_before_its_push_sends_nothing_behind_the_others_decision() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(0.05);
    let (mut till, other) = stopped(&street, &server, APPROVES, "stops-before-the-write");
    until("the other decides", || {
        matches!(outcome(&other, "STOPPED"), Some(Outcome::NotCompleted(_)))
    });
    assert_eq!(street.pushes("STOPPED"), 0, "not one byte yet");
    till.signal(libc::SIGCONT);
    assert_eq!(till.says("told"), "not completed");
    assert!(till.ends().success());
    assert_eq!((street.pushes("STOPPED"), street.debited("STOPPED")), (0, 0));
}
