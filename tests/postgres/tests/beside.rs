//! One node that is cut off or stands still in the middle of a payment, beside another that goes on.

use ovo_crash::process::Process;
use ovo_postgres::{APPLICATION, Server, Street, Wire, until};
use ovo_ptp::{Charge, Client, Outcome, Rupiah};

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

/// Its own payments wait for it as long as it lives, as it still shows the others that it does: whoever sees it
/// stops it.
#[test]
fn mp2_what_a_node_that_is_cut_from_ovo_only_gave_up_is_refunded_by_the_other_when_it_is_stopped() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(0.05);
    let wire = Wire::to(&street.ovo.base_url());
    let mut shop = street.shop(&server.dsn(APPLICATION));
    shop.address = wire.address().to_owned();
    let cut_off = shop.open().expect("a node");
    let other = street.node(&server.dsn(APPLICATION));
    std::thread::scope(|scope| {
        let paying = scope.spawn(|| cut_off.pay(&charge("CUT-OFF", APPROVES_AFTER_40)));
        until("the push arrives", || street.pushes("CUT-OFF") == 1);
        wire.is_cut(true);
        until("its customer approves", || street.debited("CUT-OFF") == 10_000);
        let told = paying.join().expect("no panic");
        assert!(matches!(told, Ok(Outcome::NotCompleted(_))), "no check was answered: {told:?}");
    });
    // What it begins now reaches nobody.
    let told = cut_off.pay(&charge("UNHEARD", APPROVES)).expect("the journal is there");
    assert!(matches!(told, Outcome::NotSent(_)), "{told:?}");
    assert_eq!(street.pushes("UNHEARD"), 0);
    drop(cut_off);
    until("the other refunds it", || street.debited("CUT-OFF") == 0);
    assert_eq!(street.pushes("CUT-OFF"), 1);
    assert!(matches!(outcome(&other, "CUT-OFF"), Some(Outcome::NotCompleted(_))));
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
