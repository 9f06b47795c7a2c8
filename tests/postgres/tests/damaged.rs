//! Rows that nobody can read any more: the others go on, and each is named where somebody hears of it.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use ovo_postgres::journals::{dsn, open, schema};
use ovo_postgres::{APPLICATION, AS_IT_IS, OWNER, Server, until};
use ovo_ptp::journal::conformance::{self, charge, fresh};
use ovo_ptp::journal::postgres::{Dsn, Migration, PostgresJournal, migrate};
use ovo_ptp::journal::{Filter, Finding, Journal, JournalErrorKind, NewPayment};
use ovo_ptp::payment::{Boottime, Verdict};

/// A journal that nobody has open.
fn journal(server: &Server) -> (String, Dsn) {
    let schema = schema(server);
    let address = dsn(&server.dsn(APPLICATION), &schema);
    (schema, address)
}

/// The same behind a node that has begun three payments.
fn with_three_payments(server: &Server) -> (String, Dsn) {
    let (schema, address) = journal(server);
    let node = open(&address);
    node.enter_boot("a").unwrap();
    (1..=3).for_each(|number| drop(fresh(&node, &charge(number))));
    (schema, address)
}

/// A charge that is due at once.
fn due(number: u32) -> NewPayment {
    let mut due = charge(number);
    due.state.due = Some(Boottime(u64::from(number)));
    due
}

/// Changes a row past the guards, as a bit that falls over does.
fn damages(server: &Server, schema: &str, number: u32, by: i32) {
    let invoice = conformance::invoice(number);
    server.sql(&format!(
        "SET session_replication_role = replica; \
         UPDATE {schema}.payment SET amount = amount + {by} WHERE invoice = '{}'",
        invoice.as_str()
    ));
}

fn names(found: &[Finding], number: u32) -> usize {
    let damaged = format!("payment {number} is damaged");
    found.iter().filter(|found| found.critical && found.message.contains(&damaged)).count()
}

fn ids(node: &PostgresJournal, filter: &Filter) -> Vec<i64> {
    node.list(filter).unwrap().iter().map(|payment| payment.id.0).collect()
}

#[test]
fn j8_an_open_payment_that_cannot_be_read_is_named_at_opening_and_by_doctor_and_counted() {
    let Some(server) = Server::if_installed() else { return };
    let (schema, address) = with_three_payments(&server);
    let sound = open(&address);
    sound.enter_boot("b").unwrap();
    assert_eq!(sound.found_since(), []);
    assert!(sound.health().unwrap().problems.is_empty());
    drop(sound);
    damages(&server, &schema, 2, 1);
    let node = open(&address);
    node.enter_boot("c").unwrap();
    assert_eq!(names(&node.found_since(), 2), 1);
    let health = node.health().unwrap();
    assert!(health.problems.iter().any(|one| one.contains("payment 2 is damaged")), "{health:?}");
    let figures = node.figures().unwrap();
    assert_eq!((figures.unsettled.payments, figures.undecided.payments), (3, 3));
    // The others go on, and it is told by nobody.
    assert_eq!(ids(&node, &Filter { unsettled: true, ..Filter::default() }), [1, 3]);
    let refused = node.find(&conformance::invoice(2)).expect_err("it is damaged");
    assert_eq!(refused.kind, JournalErrorKind::Corrupt, "{refused}");
    fresh(&node, &charge(4));
    assert_eq!(node.found_since(), [], "said once");
}

#[test]
fn j8_a_payment_that_is_damaged_while_a_node_runs_is_named_when_it_is_due_and_takes_no_other_ones_place()
 {
    let Some(server) = Server::if_installed() else { return };
    let (schema, address) = journal(&server);
    let node = open(&address);
    let boot = node.enter_boot("a").unwrap();
    (1..=3).for_each(|number| drop(fresh(&node, &due(number))));
    damages(&server, &schema, 1, 1);
    damages(&server, &schema, 2, 1);
    let mut taken = Vec::new();
    until("the one that can be read is taken up", || {
        let due = node.due(boot, Boottime(1_000), 1).unwrap();
        taken.extend(due.iter().map(|payment| payment.id.0));
        !taken.is_empty()
    });
    assert_eq!(taken, [3]);
    let found = node.found_since();
    assert_eq!((names(&found, 1), names(&found, 2), found.len()), (1, 1, 2), "{found:?}");
    // A list names it, too.
    let other = open(&address);
    assert_eq!(ids(&other, &Filter::default()), [3]);
    assert_eq!(names(&other.found_since(), 1), 1);
}

/// The judgement of a journal ends, and whoever puts the row right behind it does not have it reversed unseen.
#[test]
fn j8_mp17_a_payment_that_cannot_be_read_keeps_no_judgement_from_its_end() {
    let Some(server) = Server::if_installed() else { return };
    let (schema, address) = with_three_payments(&server);
    damages(&server, &schema, 2, 1);
    let owner = dsn(&server.dsn(OWNER), &schema);
    migrate(&owner, &Migration { restored: true, ..AS_IT_IS }).unwrap();
    let node = open(&address);
    until("it is judged", || node.enter_boot("b").is_ok());
    assert_eq!(names(&node.found_since(), 2), 1);
    let verdict = |node: &PostgresJournal, number: u32| {
        node.find(&conformance::invoice(number)).unwrap().unwrap().state.verdict
    };
    for number in [1, 3] {
        assert_eq!(verdict(&node, number), Some(Verdict::Quarantined), "never reversed unseen");
    }
    fresh(&node, &charge(4));
    drop(node);
    damages(&server, &schema, 2, -1);
    let node = open(&address);
    node.enter_boot("c").unwrap();
    assert_eq!(node.found_since(), []);
    assert_eq!(verdict(&node, 2), Some(Verdict::Quarantined), "it is doubted as the others were");
    assert_eq!(verdict(&node, 4), None, "what was begun since is not");
}
