//! What an archive has leaves its journal: its number and its invoice stay known there for ever.

use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Begun, Journal, JournalErrorKind, SqliteJournal};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId, Settlement, Source, Verdict, Void};

/// Paid, acknowledged, its phone forgotten, no look behind due.
fn over(journal: &SqliteJournal, number: u32) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    let state = &mut payment.state;
    state.verdict = Some(Verdict::Accepted(Source::Push));
    state.settlement = Settlement::closed(Boottime(1));
    state.acknowledged = true;
    state.due = None;
    state.phone_forgotten = true;
    write(journal, payment)
}

#[test]
fn an_archived_payment_is_gone_and_its_invoice_and_numbers_are_never_given_again() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let first = over(&journal, 1);
    let second = over(&journal, 2);
    journal.archive(vec![first.id, second.id]).unwrap();
    assert_eq!(journal.payment(first.id), Ok(None));
    assert_eq!(journal.find(&invoice(1)), Ok(None));
    for round in 0..2 {
        let again = journal.begin(&charge(1), BatchMethod::Continuous).unwrap();
        assert!(matches!(again, Begun::Archived(id) if id == first.id), "{round}: {again:?}");
    }
    let next = fresh(&journal, &charge(3));
    assert_eq!(next.id, PaymentId(3));
    assert!(next.intent.numbers > second.intent.numbers, "numbers go on above them");
    drop(journal);
    let journal = open(&scratch.journal());
    assert_eq!(journal.health().unwrap().problems, [""; 0], "no gap: it is known where they went");
    assert_eq!(journal.health().unwrap().payments, 1);
    let again = journal.begin(&charge(2), BatchMethod::Continuous).unwrap();
    assert!(matches!(again, Begun::Archived(id) if id == second.id), "{again:?}");
}

#[test]
fn only_a_payment_that_is_over_can_be_taken_out_and_one_that_is_not_keeps_its_neighbours() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let done = over(&journal, 1);
    let changes: [fn(&mut Payment); 5] = [
        |payment| payment.state.acknowledged = false,
        |payment| payment.state.void = Void::Sent,
        |payment| payment.state.due = Some(Boottime(9)),
        |payment| payment.state.listed = true,
        |payment| payment.state.settlement = Settlement::Open(crate::payment::Reversal::NotNeeded),
    ];
    for (number, change) in (2..).zip(changes) {
        let mut payment = over(&journal, number);
        change(&mut payment);
        let payment = write(&journal, payment);
        let refused = journal.archive(vec![done.id, payment.id]).unwrap_err();
        assert_eq!(refused.kind, JournalErrorKind::Forbidden, "{number}: {refused}");
        assert!(journal.payment(payment.id).unwrap().is_some(), "{number}");
        assert!(journal.payment(done.id).unwrap().is_some(), "{number}: all or none");
    }
    let mut seen = fresh(&journal, &charge(9));
    seen.state.verdict = Some(Verdict::Accepted(Source::Push));
    seen.state.settlement = Settlement::closed(Boottime(1));
    seen.state.acknowledged = true;
    seen.state.due = None;
    let seen = write(&journal, seen);
    assert!(journal.archive(vec![seen.id]).is_err(), "its phone may still be needed");
    journal.archive(vec![done.id]).unwrap();
    assert!(journal.archive(vec![done.id]).is_ok(), "a second time changes nothing");
}

#[test]
fn what_was_archived_stays_known_whoever_writes_into_the_file() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let done = over(&journal, 1);
    over(&journal, 2);
    journal.archive(vec![done.id]).unwrap();
    for (sql, says) in [
        ("DELETE FROM payment WHERE id = 2", "a payment is never deleted"),
        ("DELETE FROM phone WHERE id = 2", "a phone is never deleted"),
        ("DELETE FROM archived", "what was archived stays known"),
        ("UPDATE archived SET invoice = 'INV-9'", "what was archived stays known"),
        ("INSERT INTO archived VALUES (1, 'INV-1')", "a payment is archived once"),
        ("INSERT INTO archived VALUES (7, 'INV-7')", "only what is over is archived"),
        ("INSERT OR REPLACE INTO archived VALUES (1, 'INV-2')", "a payment is archived once"),
    ] {
        let error = journal.sql(sql).unwrap_err().to_string();
        assert!(error.contains(says), "{sql}: {error}");
    }
}
