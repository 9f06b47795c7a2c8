//! The rules that the database itself enforces.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, StatementStatus};

use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, verdicts, write};
use crate::journal::view::BEGUN_BETWEEN;
use crate::journal::{Begun, Filter, Journal, JournalErrorKind, MemoryJournal, Update, schema};
use crate::message::ResponseCode;
use crate::numbering::BatchMethod;
use crate::payment::history::{Entry, What};
use crate::payment::{Boottime, Payment, Reversal, Settlement, Source, State, Verdict, Void};
use crate::wib::WallTime;

#[test]
fn a_wrong_transition_fails_in_the_database_itself() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let mut accepted = fresh(&journal, &charge(1));
    accepted.state.verdict = Some(Verdict::Accepted(Source::Push));
    for _ in 0..2 {
        let step = Entry::new(charge(1).wall, Duration::from_secs(3), 7, What::ReportedPaid);
        accepted.history.add(&step);
    }
    write(&journal, accepted);
    fresh(&journal, &charge(2));
    let cases = [
        (
            "UPDATE payment SET verdict = 3, source = NULL, version = version + 1 WHERE id = 1",
            "a verdict is written once",
        ),
        (
            "UPDATE payment SET verdict = NULL, source = NULL, version = version + 1 WHERE id = 1",
            "a verdict is written once",
        ),
        (
            "UPDATE payment SET source = 3, version = version + 1 WHERE id = 1",
            "a verdict is written once",
        ),
        (
            "UPDATE payment SET reversal = 1, version = version + 1 WHERE id = 1",
            "only_abandoned_or_declined_is_reversed",
        ),
        (
            "UPDATE payment SET reversals = 1, version = version + 1 WHERE id = 1",
            "only_abandoned_or_declined_is_reversed",
        ),
        (
            "UPDATE payment SET reversal = 1, version = version + 1 WHERE id = 2",
            "only_abandoned_or_declined_is_reversed",
        ),
        (
            "UPDATE payment SET closed = 1, settlement = 2, version = version + 1 WHERE id = 2",
            "undecided_is_open",
        ),
        (
            "UPDATE payment SET void = 1, version = version + 1 WHERE id = 2",
            "only_accepted_is_voided",
        ),
        ("UPDATE payment SET verdict = 9, version = version + 1 WHERE id = 2", "verdict_is_known"),
        ("UPDATE payment SET verdict = 1, version = version + 1 WHERE id = 2", "verdict_is_known"),
        (
            "UPDATE payment SET reversal = 2, verdict = 3, version = version + 1 WHERE id = 2",
            "settlement_is_known",
        ),
        (
            "UPDATE payment SET closed = 1, version = version + 1 WHERE id = 2",
            "settlement_is_known",
        ),
        (
            "UPDATE payment SET verdict = 3, settlement = 1, reversal = 1, version = version + 1
             WHERE id = 2",
            "settlement_is_known",
        ),
        (
            "UPDATE payment SET cancelled = 1, version = version + 1 WHERE id = 2",
            "only_abandoned_was_cancelled",
        ),
        (
            "UPDATE payment SET unheard = 1, version = version + 1 WHERE id = 2",
            "only_cancelled_is_unheard",
        ),
        ("UPDATE payment SET void = 4, version = version + 1 WHERE id = 1", "void_is_known"),
        ("UPDATE payment SET acknowledged = 1 WHERE id = 1", "a version grows by one"),
        (
            "UPDATE payment SET amount = 1, version = version + 1 WHERE id = 1",
            "an intent never changes",
        ),
        (
            "UPDATE payment SET id = 9, version = version + 1 WHERE id = 1",
            "an intent never changes",
        ),
        (
            "UPDATE payment SET invoice = 'X', version = version + 1 WHERE id = 1",
            "an intent never changes",
        ),
        (
            "UPDATE payment SET reference = 9, version = version + 1 WHERE id = 1",
            "an intent never changes",
        ),
        (
            "UPDATE payment SET history = NULL, version = version + 1 WHERE id = 1",
            "a history only grows",
        ),
        (
            "UPDATE payment SET history = zeroblob(length(history)), version = version + 1
             WHERE id = 1",
            "a history only grows",
        ),
        (
            "UPDATE payment SET history = substr(history, 2), version = version + 1 WHERE id = 1",
            "a history only grows",
        ),
        (
            "UPDATE payment SET repeated = NULL, version = version + 1 WHERE id = 1",
            "a history only grows",
        ),
        (
            "UPDATE payment SET phone_tag = x'00', version = version + 1 WHERE id = 1",
            "a phone can only be forgotten",
        ),
        (
            "UPDATE payment SET phone_tag = NULL, version = version + 1 WHERE id = 1",
            "forgotten_phone_is_gone",
        ),
        ("UPDATE phone SET sealed = x'00' WHERE id = 1", "a phone can only be forgotten"),
        ("INSERT INTO phone VALUES (9, x'00')", "a phone comes with its payment"),
        ("INSERT OR REPLACE INTO phone VALUES (1, x'00')", "a phone comes with its payment"),
        ("DELETE FROM phone", "a phone is never deleted"),
        (
            "UPDATE payment SET phone_forgotten = 1, version = version + 1 WHERE id = 1",
            "forgotten_phone_is_gone",
        ),
        (
            "UPDATE payment SET attested = 0, version = version + 1; UPDATE payment SET attested = 1, version = version + 1",
            "numbers are attested at the intent or never",
        ),
        (
            "UPDATE OR REPLACE payment SET id = 1, version = version + 1 WHERE id = 2",
            "an intent never changes",
        ),
        ("DELETE FROM payment", "a payment is never deleted"),
        ("INSERT INTO payment SELECT * FROM payment WHERE id = 2", "an invoice names one payment"),
        (
            "INSERT OR REPLACE INTO payment SELECT * FROM payment WHERE id = 2",
            "an invoice names one payment",
        ),
        (
            "CREATE TEMP TABLE t AS SELECT * FROM payment WHERE id = 2; UPDATE t SET invoice = 'X'; INSERT OR REPLACE INTO payment SELECT * FROM t",
            "numbers are handed out once and in order",
        ),
        (
            "INSERT INTO phone VALUES (3, x'00'); CREATE TEMP TABLE t AS SELECT * FROM payment WHERE id = 2; UPDATE t SET invoice = 'X', id = 3; INSERT INTO payment SELECT * FROM t",
            "numbers are handed out once and in order",
        ),
        (
            "CREATE TEMP TABLE t AS SELECT * FROM payment WHERE id = 2; UPDATE t SET invoice = 'X', id = 4, reference = 3; INSERT INTO payment SELECT * FROM t",
            "a payment begins as an intent",
        ),
        (
            "CREATE TEMP TABLE t AS SELECT * FROM payment WHERE id = 2; UPDATE t SET invoice = 'X', id = 3, reference = 3, verdict = 3; INSERT INTO payment SELECT * FROM t",
            "a payment begins as an intent",
        ),
        ("UPDATE high_water SET reference = 1", "the high-water mark never goes back"),
        (
            "UPDATE high_water SET batch = batch - 1, reference = 999999",
            "the high-water mark never goes back",
        ),
        ("UPDATE high_water SET last_id = 0", "the high-water mark never goes back"),
        ("DELETE FROM high_water", "the high-water mark stays"),
        (
            "INSERT OR REPLACE INTO high_water VALUES (1, 0, 0, 0, 0, 0, 0)",
            "there is one high-water mark",
        ),
        ("DELETE FROM meta", "what names a journal is never deleted"),
        ("UPDATE meta SET v = 'x' WHERE k = 'incarnation'", "what names a journal never changes"),
        ("UPDATE meta SET v = v - 1 WHERE k = 'boots'", "what names a journal never changes"),
        ("INSERT OR REPLACE INTO meta VALUES ('boot', 0)", "what names a journal never changes"),
    ];
    for (sql, says) in cases {
        journal.sql("BEGIN").unwrap();
        let error = journal.sql(sql).expect_err(sql).to_string();
        assert!(error.contains(says), "{sql}: {error}");
        journal.sql("ROLLBACK").unwrap();
    }
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
}

#[test]
fn j8_op1_a_row_edited_by_hand_is_not_trusted() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let open_row = fresh(&journal, &charge(1));
    fresh(&journal, &charge(2));
    // Allowed by every rule, and still nothing that this library wrote.
    journal.sql("UPDATE payment SET verdict = 1, source = 1, version = 2 WHERE id = 1").unwrap();
    assert_eq!(journal.payment(open_row.id).unwrap_err().kind, JournalErrorKind::Corrupt);
    let mut stale = open_row.clone();
    stale.version = 2;
    assert_eq!(journal.update(&stale).unwrap_err().kind, JournalErrorKind::Corrupt);
    assert_eq!(journal.find(&invoice(2)).unwrap().unwrap().id.0, 2);
    assert_eq!(journal.next_due(1), Ok(Some(Boottime(0))), "row 2 goes on");
    let mut settled = journal.find(&invoice(2)).unwrap().unwrap();
    settled.state.due = None;
    write(&journal, settled);
    assert_eq!(journal.next_due(1), Ok(None), "a damaged row wakes nobody up again and again");
    assert!(journal.health().unwrap().problems[0].contains("payment 1 "));
}

#[test]
fn op1_a_row_deleted_by_hand_leaves_a_gap_that_is_reported() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    for number in 1..=7 {
        fresh(&journal, &charge(number));
    }
    drop(journal);
    let intruder = Connection::open(scratch.journal()).unwrap();
    let guard: String = intruder
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'payment_stays'", [], |row| {
            row.get(0)
        })
        .unwrap();
    intruder
        .execute_batch("DROP TRIGGER payment_stays; DELETE FROM payment WHERE id IN (2, 4, 5, 7)")
        .unwrap();
    intruder.execute_batch(&guard).unwrap();
    drop(intruder);
    let journal = open(&scratch.journal());
    let problems = journal.health().unwrap().problems;
    assert_eq!(
        problems,
        ["payment 2 is missing", "payments 4 to 5 are missing", "payment 7 is missing"]
    );
    let next = fresh(&journal, &charge(8));
    assert_eq!((next.id.0, next.intent.numbers.reference()), (8, 8), "no number comes again");
}

#[test]
fn a_high_water_mark_behind_the_payments_is_corrupt() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    fresh(&journal, &charge(1));
    fresh(&journal, &charge(2));
    drop(journal);
    let intruder = Connection::open(scratch.journal()).unwrap();
    let guard: String = intruder
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'high_water_rises'", [], |row| {
            row.get(0)
        })
        .unwrap();
    intruder
        .execute_batch("DROP TRIGGER high_water_rises; UPDATE high_water SET reference = 1")
        .unwrap();
    intruder.execute_batch(&guard).unwrap();
    drop(intruder);
    let error = crate::journal::SqliteJournal::open(scratch.journal(), &Default::default());
    assert_eq!(error.unwrap_err().kind, JournalErrorKind::Corrupt);
}

/// A small generator, so that a failure comes again.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn change(state: &mut State, dice: &mut Dice) {
    for _ in 0..=dice.roll(3) {
        let at = Boottime(dice.roll(1_000));
        match dice.roll(13) {
            0..=2 => {
                let choice = dice.roll(9) as usize;
                state.verdict = verdicts().get(choice).copied();
            }
            3 => state.settlement = Settlement::Open(Reversal::Needed),
            4 => state.settlement = Settlement::Open(Reversal::Acknowledged(at)),
            5 => state.settlement = Settlement::Open(Reversal::NotNeeded),
            6 => state.reversals.count = dice.roll(2) as u16,
            7 if dice.roll(2) == 0 => state.settlement = Settlement::closed(at),
            7 => state.settlement = Settlement::WithOperator,
            11 => {
                state.cancelled = dice.roll(2) == 0;
                state.unheard = dice.roll(3) == 0;
                state.duplicate_hint = dice.roll(2) == 0;
            }
            8 => {
                let refused = ResponseCode::UNDELIVERABLE;
                let (asked, over) = (Void::Questioned(refused), Void::Rejected(refused));
                let voids = [Void::None, Void::Sent, Void::Unknown, Void::Voided, asked, over];
                state.void = voids[dice.roll(6) as usize];
            }
            9 => state.attested = dice.roll(2) == 0,
            10 if dice.roll(8) == 0 => state.phone_forgotten = !state.phone_forgotten,
            _ => state.acknowledged = dice.roll(2) == 0,
        }
    }
}

#[test]
fn both_engines_forbid_the_same() {
    let scratch = Scratch::new();
    let disk = open(&scratch.journal());
    disk.without_syncs();
    let memory = MemoryJournal::new();
    let mut dice = Dice(7);
    let mut answers = BTreeMap::new();
    let mut rows: [Option<Payment>; 2] = [None, None];
    let mut number = 0;
    for round in 0..20_000 {
        if round % 10 == 0 {
            number += 1;
            rows = [&memory as &dyn Journal, &disk]
                .map(|journal| Some(fresh(journal, &charge(number))));
        }
        let start = dice.0;
        let mut results = Vec::new();
        for (journal, row) in [&memory as &dyn Journal, &disk].into_iter().zip(&mut rows) {
            dice.0 = start;
            let mut changed = row.clone().unwrap();
            change(&mut changed.state, &mut dice);
            let result = journal.update(&changed);
            *row = journal.payment(changed.id).unwrap();
            results.push(match result {
                Ok(Update::Won(version)) => format!("won {version}"),
                Ok(Update::Lost(_)) => "lost".to_owned(),
                Err(error) => format!("{:?}", error.kind),
            });
        }
        assert_eq!(results[0], results[1], "round {round}: {:?}", rows[0]);
        let key = results[0].split(' ').next().unwrap().to_owned();
        *answers.entry(key).or_insert(0) += 1;
        let [of_memory, of_disk] = rows.clone().map(Option::unwrap);
        assert_eq!(of_memory.state.verdict, of_disk.state.verdict);
        assert_eq!(of_memory.state.settlement, of_disk.state.settlement);
    }
    assert!(answers["won"] > 2_000 && answers["Forbidden"] > 2_000, "{answers:?}");
}

#[test]
fn every_question_has_its_index() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    fresh(&journal, &charge(1));
    drop(journal);
    let connection = Connection::open(scratch.journal()).unwrap();
    for (condition, index) in [
        ("invoice = 'x'".to_owned(), "payment_invoice"),
        (
            "due IS NOT NULL AND (boot, due) <= (1, 2) ORDER BY boot, due".to_owned(),
            "payment_due ((boot,due)<(?,?))",
        ),
        (
            "due IS NOT NULL AND late_paid = 1 AND (boot, due) <= (1, 2) ORDER BY boot, due"
                .to_owned(),
            "payment_evidence ((boot,due)<(?,?))",
        ),
        (
            format!("phone_tag = x'00' AND {} ORDER BY id LIMIT 1", schema::may_still_debit()),
            "payment_customer",
        ),
        (
            format!("id > 1 AND id <= 9 AND {} ORDER BY id", schema::is_unsettled()),
            "payment_listed",
        ),
        (
            format!("id > 1 AND id <= 9 AND {} ORDER BY id", schema::IS_UNACKNOWLEDGED),
            "payment_listed",
        ),
        (
            format!("id > 1 AND id <= 9 AND {} ORDER BY id", schema::needs_operator()),
            "payment_listed",
        ),
        ("verdict IS NULL AND closed IS NULL ORDER BY id".to_owned(), "payment_listed"),
    ] {
        let plan: String = connection
            .query_row(
                &format!("EXPLAIN QUERY PLAN SELECT * FROM payment WHERE {condition}"),
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.contains(index), "{condition}: {plan}");
    }
}

#[test]
fn an_invoice_that_is_damaged_begins_nothing() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    fresh(&journal, &charge(1));
    journal.sql("UPDATE payment SET seen = 1, version = 2").unwrap();
    let mut same_customer = charge(2);
    same_customer.phone = charge(1).phone;
    same_customer.refuse_unsettled_customer = true;
    for new in [charge(1), same_customer] {
        let error = journal.begin(&new, BatchMethod::Continuous).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Corrupt);
    }
    let begun = journal.begin(&charge(3), BatchMethod::Continuous);
    assert!(matches!(begun, Ok(Begun::Fresh(_))), "other customers go on");
}

#[test]
fn a_walk_through_days_reads_their_index_at_its_ends_and_not_for_each_page() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    for number in 1..=40 {
        fresh(&journal, &charge(number));
    }
    let begun = charge(1).wall;
    let tomorrow = WallTime::from_unix_millis(begun.unix_millis() + 86_400_000);
    for newest_first in [false, true] {
        let days =
            Filter { since: Some(begun), until: Some(tomorrow), limit: 3, ..Filter::default() };
        let (mut seen, mut after) = (0, None);
        loop {
            let page = journal.list(&Filter { after, newest_first, ..days.clone() }).unwrap();
            seen += page.len();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
        }
        assert_eq!(seen, 40);
    }
    let read = journal.report(|view| {
        let index = view.connection.prepare_cached(BEGUN_BETWEEN).unwrap();
        Ok(index.get_status(StatementStatus::Run))
    });
    // The first page of each walk, and those at its end that are not full.
    let read = read.unwrap();
    assert!((2..=6).contains(&read), "{read} times for 28 pages");
}
