//! Outages, backlogs, operators and full number spaces (N13, N20, N22, OP2 to OP4).

use std::sync::Arc;
use std::time::Duration;

use ovo_checkout::{Fault, Link, Shop, days, hours, invoice, minutes, seconds, settled};
use ovo_ptp::journal::MemoryJournal;
use ovo_ptp::journal::{HighWater, MAX_NUMBER};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, LateSuccess, Ruling, StatusAnswer};
use ovo_ptp::{ErrorKind, Numbers, Outcome, WallTime};
use ovo_sandbox::{AnswerPlan, Behaviour, Delivery, HostConfig, RequestRecord, Step};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";

fn push() -> Step {
    Step::on(Operation::PushToPay)
}

fn check() -> Step {
    Step::on(Operation::CheckPayment)
}

fn reversal() -> Step {
    Step::on(Operation::Reversal)
}

fn phone(number: usize) -> String {
    format!("0813{number:08}")
}

/// Requests that reached OVO at or after this time of OVO's.
fn since(shop: &Shop, ms: u64) -> Vec<RequestRecord> {
    shop.host().requests().into_iter().filter(|request| request.at_ms >= ms).collect()
}

#[test]
fn n13_after_an_outage_of_any_length_the_first_attempt_is_made_within_15_s() {
    let outages = [
        seconds(5.0),
        seconds(58.0),
        seconds(70.0),
        minutes(2),
        minutes(4),
        seconds(299.0),
        minutes(8),
        minutes(11),
        minutes(40),
        hours(3),
    ];
    for outage in outages {
        for phone in [PAYS_MUTELY_AT_10, "081200009503", IGNORES] {
            let shop = Shop::open();
            shop.later(seconds(1.0), |outside| outside.wire.set_link(Link::Down));
            let began = shop.world().ms;
            shop.later(seconds(1.0) + outage, |outside| outside.wire.set_link(Link::Up));
            let outcome = shop.pay("INV-1", phone);
            assert!(shop.world().ms - began < 66_000, "the call itself returned at 65 s");
            let up = began + 1_000 + u64::try_from(outage.as_millis()).unwrap();
            if !outcome.is_paid() {
                shop.settle_for(outage + minutes(1));
                let first = since(&shop, up).first().map(|request| request.at_ms - up);
                let decided = up < began + 65_000;
                assert!(
                    decided || first.is_some_and(|after| after <= 15_500),
                    "{outage:?} {phone}: first attempt {first:?} ms after the outage"
                );
            }
            settled(&shop);
        }
    }
}

#[test]
fn n13_a_network_that_comes_and_goes_settles_in_the_end() {
    for period in [7, 16, 61, 200] {
        let shop = Shop::open();
        for number in 0..200 {
            let link = if number % 3 == 2 { Link::Up } else { Link::BlackHole };
            let at = seconds(f64::from(1 + number * period));
            shop.later(at, move |outside| outside.wire.set_link(link));
        }
        shop.later(seconds(f64::from(1 + 200 * period)), |o| o.wire.set_link(Link::Up));
        shop.pay("INV-1", "081200009503");
        settled(&shop);
    }
}

#[test]
fn n13_without_a_network_nothing_is_pushed_and_the_customer_may_try_again_at_once() {
    let shop = Shop::open();
    for (number, link) in [Link::Down, Link::BlackHole].into_iter().enumerate() {
        shop.wire.set_link(link);
        let began = shop.world().ms;
        assert_eq!(shop.pay(&format!("INV-{number}"), APPROVES).name(), "not sent");
        assert!(shop.world().ms - began < 26_000);
    }
    shop.wire.set_link(Link::Up);
    assert!(shop.pay("INV-9", APPROVES).is_paid());
    settled(&shop);
    assert_eq!(shop.host().requests().len(), 1, "no status, no reversal for what never left");
}

#[test]
fn n20_a_host_that_asks_for_a_pause_gets_it_up_to_the_longest_retry() {
    for (status, pause, code) in [
        (503, 120, None),
        (429, 300, None),
        (503, 300, Some("ER")),
        (429, 86_400, None),
        (503, 86_400, Some("ER")),
    ] {
        let shop = Shop::open();
        let busy = AnswerPlan {
            code: code.map(str::to_owned),
            empty: if code.is_none() { Some(status) } else { None },
            status: Some(status),
            headers: [("Retry-After".to_owned(), pause.to_string())].into(),
            ..AnswerPlan::default()
        };
        shop.script([reversal().unheard().answer(busy)]);
        shop.pay("INV-1", "081200009503");
        settled(&shop);
        let reversals = shop.requests(Operation::Reversal);
        let waited = (reversals[1].at_ms - reversals[0].at_ms) / 1000;
        let wanted = pause.min(900);
        assert!((wanted..=wanted + 20).contains(&waited), "{status} {pause} {code:?}: {waited} s");
    }
}

#[test]
fn n22_many_terminals_that_fail_together_do_not_knock_together() {
    // One journal for each of 200 terminals; all lose the network at the same moment of their
    // payment, and it comes back for all at once.
    let mut firsts: Vec<u64> = (0..200)
        .map(|number| {
            let shop = Shop::open();
            for burnt in 0..number % 20 {
                shop.pay(&format!("BEFORE-{burnt}"), APPROVES);
            }
            let began = shop.world().ms;
            shop.later(seconds(1.0), |outside| outside.wire.set_link(Link::Down));
            shop.later(minutes(20), |outside| outside.wire.set_link(Link::Up));
            shop.pay("INV-1", PAYS_MUTELY_AT_10);
            shop.settle_all();
            shop.assert_every_rupiah_agrees();
            since(&shop, began + 1_200_000)[0].at_ms - began
        })
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert!(firsts.len() >= 15, "20 kinds of terminals knocked at {} moments", firsts.len());
    assert!(firsts.last().unwrap() - firsts[0] > 2_000, "spread over seconds");
}

#[test]
fn n22_op3_a_new_payment_is_not_starved_by_a_backlog() {
    let shop = backlog(150, |_| false);
    let client = Arc::clone(shop.client());
    for number in 0..10 {
        let client = Arc::clone(&client);
        shop.later(seconds(0.5 + f64::from(number)), move |outside| {
            let began = outside.world().ms;
            let charge = ovo_checkout::charge(&format!("NEW-{number}"), APPROVES);
            assert!(client.pay(&charge).expect("begins").is_paid());
            assert!(outside.world().ms - began < 1_000);
        });
    }
    settled(&shop);
}

/// So many payments that lost their answer before a day without any network; now it is back.
/// `seen` tells of which the check still saw the debit.
fn backlog(count: usize, seen: impl Fn(usize) -> bool) -> Shop {
    let shop = Shop::with(HostConfig::default(), |builder| {
        builder.late_success(LateSuccess::Reverse).settle_rate(5)
    });
    for number in 0..count {
        let invoice = format!("INV-{number:03}");
        let mute = Behaviour::AnswerLost { after_ms: 5_000, cut: false };
        shop.script([push().behave(mute).invoice(&invoice)]);
        if !seen(number) {
            shop.script([check().invoice(&invoice).unheard()]);
        }
        assert_eq!(shop.pay(&invoice, &phone(number)).name(), "not completed");
    }
    shop.wire.set_link(Link::Down);
    shop.clock.pass(days(1));
    shop.wire.set_link(Link::Up);
    shop
}

#[test]
fn op3_a_backlog_of_a_day_drains_at_the_configured_rate() {
    let shop = backlog(300, |_| false);
    let up = shop.world().ms;
    shop.settle_all();
    let requests = since(&shop, up);
    for (place, first) in requests.iter().enumerate() {
        let window =
            requests[place..].iter().take_while(|other| other.at_ms < first.at_ms + 10_000);
        let rate = window.count();
        assert!(rate <= 51, "{rate} requests in 10 s at 5 a second");
    }
    let took = (requests.last().unwrap().at_ms - up) / 1000;
    assert!(took < 600, "three requests for each of 300: {took} s");
    settled(&shop);
}

#[test]
fn op3_evidence_of_a_debit_is_settled_first() {
    let shop = backlog(60, |number| number % 20 == 19);
    let up = shop.world().ms;
    shop.settle_all();
    let mut reversals: Vec<String> = since(&shop, up)
        .into_iter()
        .filter(|request| request.operation == Some("reversal"))
        .filter_map(|request| request.invoice)
        .collect();
    assert_eq!(reversals.len(), 60);
    reversals[..3].sort();
    assert_eq!(reversals[..3], ["INV-019", "INV-039", "INV-059"]);
    settled(&shop);
}

#[test]
fn op3_evidence_of_a_debit_is_settled_first_in_a_long_backlog_too() {
    let shop = backlog(200, |number| number == 199);
    let up = shop.world().ms;
    shop.settle_all();
    let reversals = since(&shop, up)
        .into_iter()
        .find(|request| request.operation == Some("reversal"))
        .and_then(|request| request.invoice);
    assert_eq!(reversals.as_deref(), Some("INV-199"));
}

#[test]
fn op2_behind_reference_999999_comes_the_next_batch() {
    let last = Numbers::new(41_000, MAX_NUMBER - 1).unwrap();
    let water = HighWater { last: Some(last), first_batch: 41_000, day: 20_000 };
    let journal = Arc::new(MemoryJournal::after(water));
    let shop = Shop::with_journal(journal, HostConfig::default(), |builder| builder);
    shop.pay("INV-1", APPROVES);
    shop.pay("INV-2", "081200009503");
    shop.pay("INV-3", APPROVES);
    let numbers = |text: &str| shop.report(text).numbers;
    assert_eq!(numbers("INV-1"), Numbers::new(41_000, MAX_NUMBER).unwrap());
    assert_eq!(numbers("INV-2"), Numbers::new(41_001, 1).unwrap());
    assert_eq!(numbers("INV-3"), Numbers::new(41_001, 2).unwrap());
    settled(&shop);
    assert_eq!(shop.requests(Operation::PushToPay)[1].reference.as_deref(), Some("000001"));
}

#[test]
fn op2_a_used_up_number_space_pushes_nothing() {
    let last = Numbers::new(MAX_NUMBER, MAX_NUMBER - 1).unwrap();
    let day = WallTime::from_unix_millis(4_000_000_000_000).wib_day();
    let water = HighWater { last: Some(last), first_batch: 1, day };
    let journal = Arc::new(MemoryJournal::after(water));
    let shop = Shop::with_journal(journal, HostConfig::default(), |builder| builder);
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    let charge = ovo_checkout::charge("INV-2", APPROVES);
    assert_eq!(shop.client().pay(&charge).unwrap_err().kind(), ErrorKind::Journal);
    settled(&shop);
    assert_eq!(shop.heard(Operation::PushToPay), 1);
}

/// A payment that OVO debited a day after everything was closed.
fn closed_and_debited_later(after: Duration) -> Shop {
    let config = HostConfig { clock_window_s: 0, date_window_s: 0, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    let queue_ms = u64::try_from(after.as_millis()).expect("a span of days");
    shop.script([push().queue_ms(queue_ms)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_for(after + minutes(5));
    assert_eq!(shop.net("INV-1"), 10_000, "behind the last sweep");
    shop
}

/// An answer about our numbers that names another invoice: nobody can say whose payment it is.
fn contradictory() -> AnswerPlan {
    let invoice = "transactionRequestData.merchantInvoice".to_owned();
    AnswerPlan { set: [(invoice, "SOMEBODY-ELSE".into())].into(), ..AnswerPlan::default() }
}

#[test]
fn op4_a_report_behind_the_end_of_the_phone_still_returns_the_money() {
    let shop = Shop::open();
    shop.script([
        push().deliver(Delivery::Hang),
        check().unheard(),
        check().answer(contradictory()),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_for(days(3));
    assert!(shop.report("INV-1").needs_operator);
    assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (0, 10_000));
    // Nothing is left to check with: the reversal's word has to do.
    let report = shop.client().report_paid(&invoice("INV-1")).unwrap();
    assert!(!report.needs_operator && !report.settled);
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 1);
}

/// A payment of which neither the decline nor the check behind it tells the truth.
fn left_to_an_operator() -> Shop {
    let shop = Shop::open();
    let lies = Behaviour::DeclineButDebited { code: "17".to_owned(), after_ms: 4_000 };
    shop.script([
        push().behave(lies),
        check().answer(contradictory()),
        // And then the reversal is no more than a word.
        reversal().pretend(),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "declined");
    shop.settle_for(minutes(4));
    assert!(shop.report("INV-1").needs_operator, "whose payment it is cannot be told");
    shop
}

#[test]
fn an_operators_question_that_stays_without_an_answer_costs_nothing() {
    let shop = left_to_an_operator();
    for link in [Link::Down, Link::Mute] {
        shop.wire.set_link(link);
        let error = shop.client().check(&invoice("INV-1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAnswer);
        shop.wire.set_link(Link::Up);
        shop.settle_for(hours(1));
    }
    // The phone is still there to ask with, and the answer leaves no doubt.
    let status = shop.client().check(&invoice("INV-1")).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::Paid);
    assert!(!status.payment.needs_operator && !status.payment.settled);
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 2);
}

#[test]
fn op4_what_the_settlement_file_shows_needs_no_operator_once_the_record_shows_it_too() {
    let shop = left_to_an_operator();
    let report = shop.client().report_paid(&invoice("INV-1")).unwrap();
    assert!(report.needs_operator && !report.settled);
    settled(&shop);
    assert!(!shop.report("INV-1").needs_operator);
    assert_eq!(shop.heard(Operation::Reversal), 2);
}

#[test]
fn op4_a_payment_in_ovos_settlement_file_that_we_closed_is_opened_and_returned() {
    for after in [hours(26), days(4)] {
        let shop = closed_and_debited_later(after);
        let report = shop.client().report_paid(&invoice("INV-1")).unwrap();
        assert!(!report.settled);
        assert!(shop.alerted(|alert| *alert == Alert::DelayBoundBroken && alert.is_critical()));
        settled(&shop);
        assert!(shop.heard(Operation::Reversal) >= 2);
        // The file may name it again: nothing is owed any more, and nothing breaks.
        shop.client().report_paid(&invoice("INV-1")).unwrap();
        settled(&shop);
    }
}

#[test]
fn op4_a_report_of_what_is_paid_changes_nothing() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    assert!(shop.client().report_paid(&invoice("INV-1")).unwrap().settled);
    assert_eq!(
        shop.client().report_paid(&invoice("INV-9")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0);
}

#[test]
fn op4_a_report_decides_nothing_before_its_time() {
    let shop = Shop::open();
    let client = Arc::clone(shop.client());
    shop.later(seconds(30.0), move |_| {
        client.report_paid(&invoice("INV-1")).expect("the journal answers");
    });
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    settled(&shop);
}

#[test]
fn op4_a_declined_payment_reported_as_paid_is_returned() {
    let shop = Shop::with(HostConfig::default(), |builder| builder.verify_declines(false));
    assert_eq!(shop.pay("INV-1", "081200009605").name(), "declined");
    shop.client().report_paid(&invoice("INV-1")).unwrap();
    settled(&shop);
    assert_eq!(shop.net("INV-1"), 0);
}

#[test]
fn op4_a_report_of_what_never_left_calls_the_operator() {
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not sent");
    shop.client().report_paid(&invoice("INV-1")).unwrap();
    assert!(shop.alerted(|alert| *alert == Alert::PaidButNotSent));
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    assert_eq!(shop.heard(Operation::Reversal), 0);
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "the file was wrong").unwrap();
    settled(&shop);
}

/// A payment in quarantine: OVO answered 54 to its check. Debited or not.
fn quarantined(debited: bool) -> Shop {
    let shop = Shop::open();
    shop.script([check().code("54")]);
    let phone = if debited { PAYS_MUTELY_AT_10 } else { IGNORES };
    assert_eq!(shop.pay("INV-1", phone).name(), "needs operator");
    shop
}

fn rule(shop: &Shop, ruling: Ruling) {
    shop.client().rule(&invoice("INV-1"), ruling, "case 4711").expect("ruled");
}

#[test]
fn a_ruling_of_paid_is_told_as_paid_and_never_reversed() {
    let shop = quarantined(true);
    rule(&shop, Ruling::Paid);
    let Outcome::Paid(receipt) = shop.pay("INV-1", PAYS_MUTELY_AT_10) else { panic!("ruled") };
    assert!(receipt.is_late());
    assert_eq!(shop.client().unacknowledged().unwrap().len(), 1, "the caller must hear of it");
    settled(&shop);
    assert_eq!(shop.heard(Operation::PushToPay), 1);
}

#[test]
fn a_ruling_of_refund_is_carried_out_and_verified() {
    for debited in [true, false] {
        for after in [Duration::ZERO, hours(1), days(2), days(5)] {
            let shop = quarantined(debited);
            shop.settle_for(after);
            rule(&shop, Ruling::Refund);
            settled(&shop);
            assert_eq!(shop.report("INV-1").outcome.unwrap().name(), "not completed");
            assert_eq!(shop.net("INV-1"), 0);
        }
    }
}

#[test]
fn a_ruling_may_be_made_once_and_only_where_one_is_wanted() {
    let shop = quarantined(false);
    let client = shop.client();
    let kind =
        |ruling, reason: &str| client.rule(&invoice("INV-1"), ruling, reason).unwrap_err().kind();
    assert_eq!(kind(Ruling::Paid, "  "), ErrorKind::InvalidInput);
    assert_eq!(kind(Ruling::Paid, &"x".repeat(201)), ErrorKind::InvalidInput);
    let early = client.rule(&invoice("INV-1"), Ruling::Close, "not in the portal").unwrap_err();
    assert!(early.to_string().contains("can still be debited"), "{early}");
    shop.settle_for(minutes(3));
    rule(&shop, Ruling::Close);
    for ruling in [Ruling::Paid, Ruling::Refund, Ruling::Close] {
        assert_eq!(kind(ruling, "again"), ErrorKind::Refused);
    }
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0, "closed outside of this library");
    assert!(shop.pay("INV-2", APPROVES).is_paid());
    let kind = client.rule(&invoice("INV-2"), Ruling::Refund, "please").unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Refused, "a paid payment is voided, not reversed");
    settled(&shop);
}

#[test]
fn a_reversed_payment_that_ovo_no_longer_knows_can_be_ruled_on() {
    for (ruling, reversals) in [(Ruling::Refund, 2), (Ruling::Close, 1)] {
        let shop = Shop::open();
        shop.script([check().skip(1).code("54")]);
        shop.pay("INV-1", "081200009503");
        shop.settle_for(minutes(10));
        assert!(shop.report("INV-1").needs_operator);
        let client = shop.client();
        let paid = client.rule(&invoice("INV-1"), Ruling::Paid, "no").unwrap_err();
        assert_eq!(paid.kind(), ErrorKind::Refused, "told NotCompleted: never Paid");
        rule(&shop, ruling);
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), reversals);
    }
}

#[test]
fn n14_a_day_of_lost_answers_costs_requests_and_no_money() {
    let shop = Shop::open();
    shop.script([push().deliver(Delivery::Hang)]);
    shop.later(seconds(1.0), |outside| outside.wire.set_link(Link::Mute));
    shop.pay("INV-1", "081200000120");
    shop.settle_for(days(1));
    let requests = shop.host().requests().len();
    assert!((50..300).contains(&requests), "{requests}: neither given up nor a flood");
    shop.wire.set_link(Link::Up);
    settled(&shop);
}
