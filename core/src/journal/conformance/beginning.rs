//! Beginning payments: invoices, customers, numbers.

use std::time::Duration;

use super::{Behaviour, DAY, MORNING, charge, fresh, fresh_by, invoice, valid, write};
use crate::journal::{Begun, Journal, JournalErrorKind};
use crate::message::ResponseCode;
use crate::numbering::{BatchMethod, starting_batch};
use crate::payment::{Boottime, DeclineReason, PaymentId, Reversal, Settlement, Source, Verdict};
use crate::wib::WallTime;

pub(super) const ALL: &[Behaviour] = &[
    a_payment_begins_as_an_intent_with_numbers_of_its_own,
    every_push_takes_the_next_reference,
    an_invoice_begins_one_payment_only,
    a_customer_with_an_unsettled_payment_is_not_pushed_again,
    a_prompt_and_a_contradiction_block_for_as_long_as_they_may_debit,
    a_continuous_batch_goes_on_over_midnight,
    a_daily_batch_begins_with_the_first_push_of_a_wib_day,
    no_number_is_left_behind_the_last_batch,
    a_dead_clock_begins_no_journal,
    a_payment_does_not_begin_decided,
    a_boot_has_one_number_for_as_long_as_it_lasts,
];

fn a_payment_begins_as_an_intent_with_numbers_of_its_own(journal: &dyn Journal) {
    let boot = valid(journal.enter_boot("boot-a"));
    let new = charge(1);
    let payment = fresh(journal, &new);
    assert_eq!((payment.id, payment.version, payment.boot), (PaymentId(1), 1, boot));
    assert_eq!(payment.written, new.wall);
    assert_eq!(payment.intent.invoice, new.invoice);
    assert_eq!(payment.intent.amount, new.amount);
    assert_eq!(payment.intent.merchant_id, new.merchant_id);
    assert_eq!(payment.intent.terminal, new.terminal);
    assert_eq!(payment.intent.phone, Some(new.phone.clone()));
    assert_eq!(payment.intent.wall, new.wall);
    assert_eq!(payment.intent.numbers.batch(), valid(starting_batch(new.wall)));
    assert_eq!(payment.intent.numbers.reference(), 1);
    assert!(payment.state.attested, "a sound journal vouches for its numbers");
    let mut given = new.state;
    (given.attested, given.seed) = (true, payment.state.seed);
    assert_eq!(payment.state, given, "the rest of the state is the caller's");
    assert_eq!(valid(journal.payment(PaymentId(1))), Some(payment.clone()));
    assert_eq!(valid(journal.find(&new.invoice)), Some(payment));
    assert_eq!(valid(journal.payment(PaymentId(2))), None);
    assert_eq!(valid(journal.find(&invoice(2))), None);
}

fn every_push_takes_the_next_reference(journal: &dyn Journal) {
    let first = fresh(journal, &charge(1));
    let mut seeds = vec![first.state.seed];
    for number in 2..=20 {
        let payment = fresh(journal, &charge(number));
        assert_eq!(payment.id, PaymentId(i64::from(number)));
        assert_eq!(payment.intent.numbers.batch(), first.intent.numbers.batch());
        assert_eq!(payment.intent.numbers.reference(), number);
        seeds.push(payment.state.seed);
    }
    seeds.dedup();
    assert!(seeds.len() > 10, "retries are spread: {seeds:?}");
}

fn an_invoice_begins_one_payment_only(journal: &dyn Journal) {
    let payment = fresh(journal, &charge(1));
    let mut again = charge(2);
    again.invoice = invoice(1);
    again.refuse_unsettled_customer = true;
    match journal.begin(&again, BatchMethod::Continuous) {
        Ok(Begun::Existing(existing)) => assert_eq!(existing, payment),
        other => panic!("one invoice, one push: {other:?}"),
    }
    assert_eq!(fresh(journal, &charge(3)).intent.numbers.reference(), 2, "no number was used");
}

fn a_customer_with_an_unsettled_payment_is_not_pushed_again(journal: &dyn Journal) {
    let mut open = fresh(journal, &charge(1));
    let mut number = 100;
    let mut push = |careful: bool| {
        number += 1;
        let mut new = charge(number);
        new.phone = charge(1).phone;
        new.refuse_unsettled_customer = careful;
        let begun = valid(journal.begin(&new, BatchMethod::Continuous));
        if let Begun::Fresh(payment) = &begun {
            let mut payment = payment.clone();
            payment.state.verdict = Some(Verdict::NotSent);
            write(journal, payment);
        }
        begun
    };
    let mut refused = |open: &crate::payment::Payment| match push(true) {
        Begun::UnsettledCustomer(found) => assert_eq!(&found, open),
        other => panic!("the customer could be debited twice: {other:?}"),
    };
    refused(&open);
    open.state.verdict = Some(Verdict::Abandoned);
    open.state.settlement = Settlement::Open(Reversal::Needed);
    open = write(journal, open);
    refused(&open);
    assert!(matches!(push(false), Begun::Fresh(_)), "the caller may insist");
    open.state.settlement = Settlement::Open(Reversal::Acknowledged(Boottime(2_000)));
    write(journal, open);
    assert!(matches!(push(true), Begun::Fresh(_)), "a reversed payment is in nobody's way");
    let mut other = charge(900);
    other.refuse_unsettled_customer = true;
    fresh(journal, &other);
}

/// Code 26 blocks until its prompt is dead, at 60 s + D; what contradicts itself until an operator
/// has ruled, at most a day.
fn a_prompt_and_a_contradiction_block_for_as_long_as_they_may_debit(journal: &dyn Journal) {
    let undelivered = Verdict::Declined(DeclineReason::Code(ResponseCode::UNDELIVERABLE));
    let prompt = (undelivered, Settlement::Open(Reversal::NotNeeded), 180);
    let day = 24 * 60 * 60;
    let contradiction = (Verdict::Quarantined, Settlement::WithOperator, day);
    let in_doubt = (Verdict::Quarantined, Settlement::Open(Reversal::NotNeeded), day);
    let mut number = 0;
    for (verdict, settlement, seconds) in [prompt, contradiction, in_doubt] {
        number += 10;
        let mut open = fresh(journal, &charge(number));
        (open.state.verdict, open.state.settlement) = (Some(verdict), settlement);
        open.state.doubted = (verdict, settlement, seconds) == in_doubt;
        let mut open = write(journal, open);
        let mut begin = |seconds: u64| {
            number += 1;
            let mut new = charge(number);
            new.phone = open.intent.phone.clone().expect("a phone");
            new.refuse_unsettled_customer = true;
            new.state.begun = open.state.window.plus(Duration::from_secs(seconds));
            valid(journal.begin(&new, BatchMethod::Continuous))
        };
        assert!(matches!(begin(seconds - 1), Begun::UnsettledCustomer(_)), "{verdict:?}");
        assert!(matches!(begin(seconds + 1), Begun::Fresh(_)), "{verdict:?}");
        open.state.settlement = Settlement::closed(Boottime(2_000));
        write(journal, open);
    }
    // Behind a restart the prompt's time begins anew, whatever somebody set the clock to.
    let mut open = fresh(journal, &charge(50));
    (open.state.verdict, open.state.settlement) = (Some(undelivered), prompt.1);
    let open = write(journal, open);
    valid(journal.enter_boot("behind a restart"));
    let mut new = charge(51);
    new.phone = open.intent.phone.clone().expect("a phone");
    new.refuse_unsettled_customer = true;
    new.wall = WallTime::from_unix_millis(open.intent.wall.unix_millis() + 2 * DAY);
    assert!(matches!(
        valid(journal.begin(&new, BatchMethod::Continuous)),
        Begun::UnsettledCustomer(_)
    ));
}

fn a_continuous_batch_goes_on_over_midnight(journal: &dyn Journal) {
    let first = fresh(journal, &charge(1));
    let mut tomorrow = charge(2);
    tomorrow.wall = WallTime::from_unix_millis(MORNING + DAY);
    let second = fresh(journal, &tomorrow);
    assert_eq!(second.intent.numbers.batch(), first.intent.numbers.batch());
    assert_eq!(second.intent.numbers.reference(), 2);
}

fn a_daily_batch_begins_with_the_first_push_of_a_wib_day(journal: &dyn Journal) {
    // 23:59:59.999 and 00:00:00.000 WIB.
    let midnight = MORNING + 14 * 3_600_000;
    let mut batches = Vec::new();
    for (number, at) in
        [midnight - 1_000, midnight - 1, midnight, midnight + 1, midnight - 1, midnight + DAY]
            .into_iter()
            .enumerate()
    {
        let mut new = charge(number as u32);
        new.wall = WallTime::from_unix_millis(at);
        let payment = fresh_by(journal, &new, BatchMethod::Daily);
        batches.push((payment.intent.numbers.batch(), payment.intent.numbers.reference()));
    }
    let day = |at: i64| valid(starting_batch(WallTime::from_unix_millis(at)));
    let (first, second) = (day(midnight - 1_000), day(midnight));
    assert_eq!(batches[..4], [(first, 1), (first, 2), (second, 1), (second, 2)]);
    assert_eq!(batches[4], (second, 3), "a clock set back begins no batch");
    assert_eq!(batches[5], (day(midnight + DAY), 1));
}

fn no_number_is_left_behind_the_last_batch(journal: &dyn Journal) {
    // The quarter-hour of July 2053 in which a fresh journal begins with batch 999999.
    let last_batch = 1_735_664_400_000 + 999_999 * 900_000;
    let mut new = charge(1);
    new.wall = WallTime::from_unix_millis(last_batch);
    assert_eq!(fresh(journal, &new).intent.numbers.to_string(), "999999/000001");
    let mut tomorrow = charge(2);
    tomorrow.wall = WallTime::from_unix_millis(last_batch + DAY);
    let error = journal.begin(&tomorrow, BatchMethod::Daily).expect_err("batch 1000000");
    assert_eq!(error.kind, JournalErrorKind::Numbers);
    assert_eq!(valid(journal.find(&tomorrow.invoice)), None, "nothing was begun");
    assert_eq!(fresh(journal, &tomorrow).intent.numbers.to_string(), "999999/000002");
}

fn a_dead_clock_begins_no_journal(journal: &dyn Journal) {
    let mut new = charge(1);
    new.wall = WallTime::from_unix_millis(0);
    let error = journal.begin(&new, BatchMethod::Continuous).expect_err("no batch in 1970");
    assert_eq!(error.kind, JournalErrorKind::Numbers);
    let first = fresh(journal, &charge(1));
    let mut dead = charge(2);
    dead.wall = WallTime::from_unix_millis(0);
    let second = fresh(journal, &dead).intent.numbers;
    assert_eq!(second.batch(), first.intent.numbers.batch(), "later it does not matter");
    assert_eq!(second.reference(), 2);
}

fn a_payment_does_not_begin_decided(journal: &dyn Journal) {
    let refused = |change: &dyn Fn(&mut crate::payment::State)| {
        let mut new = charge(1);
        change(&mut new.state);
        let error = journal.begin(&new, BatchMethod::Continuous).expect_err("not an intent");
        assert_eq!(error.kind, JournalErrorKind::Forbidden, "{error:?}");
    };
    refused(&|state| state.verdict = Some(Verdict::Accepted(Source::Push)));
    refused(&|state| state.settlement = Settlement::Open(Reversal::Needed));
    refused(&|state| state.reversals.count = 1);
    refused(&|state| state.settlement = Settlement::closed(Boottime(1)));
    refused(&|state| state.phone_forgotten = true);
    refused(&|state| state.acknowledged = true);
    assert_eq!(fresh(journal, &charge(1)).intent.numbers.reference(), 1, "no number was used");
}

fn a_boot_has_one_number_for_as_long_as_it_lasts(journal: &dyn Journal) {
    let first = valid(journal.enter_boot("boot-a"));
    assert!(first > 0);
    assert_eq!(valid(journal.enter_boot("boot-a")), first);
    let second = valid(journal.enter_boot("boot-b"));
    assert!(second > first);
    assert_eq!(fresh(journal, &charge(1)).boot, second);
    assert!(valid(journal.enter_boot("boot-a")) > second, "it cannot come back");
}
