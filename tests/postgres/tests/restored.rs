//! A journal that was put back from a copy, with nodes and without: what a node was told stays true, and where
//! nobody can know what is missing nothing is reversed unseen.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use ovo_postgres::journals::{dsn, open, schema};
use ovo_postgres::{APPLICATION, AS_IT_IS, OWNER, Server, until};
use ovo_ptp::BatchMethod;
use ovo_ptp::journal::conformance::{self, charge, fresh, write};
use ovo_ptp::journal::postgres::{Migration, PostgresJournal, migrate};
use ovo_ptp::journal::{Finding, Journal};
use ovo_ptp::payment::{Payment, Source, Verdict};

/// The first payment, told as Paid, and a second one with its numbers.
fn goes_on(journal: &PostgresJournal, first: Payment) -> (Payment, Payment) {
    let mut paid = first;
    paid.state.verdict = Some(Verdict::Accepted(Source::Push));
    (write(journal, paid), fresh(journal, &charge(2)))
}

/// Waits for the judgement. What was open when the copy was made is doubted, and no number is given again.
fn is_judged(journal: &PostgresJournal, first: &Payment, lost: &Payment) -> Vec<Finding> {
    let mut seen = Vec::new();
    until("the journal was judged", || {
        let _ = journal.tend();
        seen.extend(journal.found_since());
        journal.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    let third = journal.find(&conformance::invoice(3)).unwrap().unwrap();
    assert!(third.intent.numbers.batch() > lost.intent.numbers.batch(), "numbers jump");
    assert!(!third.state.attested);
    let first = journal.payment(first.id).unwrap().unwrap();
    assert_eq!(first.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
    assert!(journal.figures().unwrap().doubted);
    seen
}

#[test]
fn mp17_a_dump_put_back_under_running_nodes_is_judged_before_anything_is_written() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let journal = open(&dsn(&server.dsn(APPLICATION), &schema));
    journal.enter_boot("a").unwrap();
    let first = fresh(&journal, &charge(1));
    let dump = server.dump(&schema);
    let (paid, lost) = goes_on(&journal, first.clone());
    server.puts_back(&dump);
    let refused = journal.update(&paid).map(|_| ()).unwrap_err();
    assert!(refused.message.contains("nobody has judged"), "{refused}");
    let seen = is_judged(&journal, &first, &lost);
    assert!(seen.iter().any(|found| found.message.contains("lost 2 writes")), "{seen:?}");
}

#[test]
fn mp17_a_dump_put_back_while_no_node_runs_is_judged_by_the_first_that_opens() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let address = dsn(&server.dsn(APPLICATION), &schema);
    let journal = open(&address);
    journal.enter_boot("a").unwrap();
    let first = fresh(&journal, &charge(1));
    let dump = server.dump(&schema);
    let (_, lost) = goes_on(&journal, first.clone());
    drop(journal);
    server.puts_back(&dump);
    let journal = open(&address);
    until("it is judged", || journal.enter_boot("b").is_ok());
    is_judged(&journal, &first, &lost);
}

#[test]
fn mp17_a_disk_that_went_back_under_a_running_node_is_not_written_to() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let journal = open(&dsn(&server.dsn(APPLICATION), &schema));
    journal.enter_boot("a").unwrap();
    let first = fresh(&journal, &charge(1));
    server.remembers();
    until("it is served again", || journal.payment(first.id).is_ok());
    let (paid, lost) = goes_on(&journal, first.clone());
    server.goes_back();
    let mut told = Err(None);
    until("the server answers", || {
        told = journal.update(&paid).map(|_| ()).map_err(Some);
        !matches!(&told, Err(Some(error)) if !error.message.contains("(OV"))
    });
    let refused = told.unwrap_err().unwrap();
    assert!(refused.message.contains("went back"), "{refused}");
    is_judged(&journal, &first, &lost);
}

/// Nothing in the server tells, and no node was there to remember: whoever put it back says so.
#[test]
fn mp17_a_disk_that_was_put_back_while_no_node_ran_is_doubted_when_its_operator_says_so() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let address = dsn(&server.dsn(APPLICATION), &schema);
    let journal = open(&address);
    journal.enter_boot("a").unwrap();
    let first = fresh(&journal, &charge(1));
    server.remembers();
    until("it is served again", || journal.payment(first.id).is_ok());
    let (_, lost) = goes_on(&journal, first.clone());
    drop(journal);
    server.goes_back();
    // Who opens it is warned.
    let warned = open(&address);
    warned.enter_boot("b").unwrap();
    let seen = warned.found_since();
    assert!(seen.iter().any(|found| found.message.contains("migrate --restored")), "{seen:?}");
    drop(warned);
    let owner = dsn(&server.dsn(OWNER), &schema);
    migrate(&owner, &Migration { restored: true, ..AS_IT_IS }).unwrap();
    let journal = open(&address);
    until("it is judged", || journal.enter_boot("c").is_ok());
    let seen = is_judged(&journal, &first, &lost);
    assert!(seen.is_empty(), "the server was not restarted again: {seen:?}");
    let why = journal.findings();
    assert!(why.iter().any(|found| found.message.contains("put back from a copy")), "{why:?}");
}
