//! What adversaries broke with nothing but the README and the sources, one test for each finding.

use std::sync::Arc;

use ovo_checkout::{Fault, Shop, charge, days, invoice, minutes, seconds};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, Ruling};
use ovo_ptp::{ErrorKind, Event, Outcome};
use ovo_sandbox::{
    Behaviour, DEMO_MERCHANT_ID, DEMO_MID, DEMO_TID, HostConfig, MatchBy, Sale, Step,
};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";

fn on(operation: Operation) -> Step {
    Step::on(operation)
}

/// Another sale has the numbers of the next push, and the host matches by numbers.
fn under_foreign_numbers(contracted: bool) -> Shop {
    let config = HostConfig {
        match_by: MatchBy::Numbers,
        check_contracted: contracted,
        ..HostConfig::default()
    };
    let shop = Shop::with(config, move |builder| builder.check_payment(contracted));
    assert!(shop.pay("INV-BEFORE", APPROVES).is_paid());
    let numbers = shop.report("INV-BEFORE").numbers;
    let sale = Sale {
        merchant_id: DEMO_MERCHANT_ID.into(),
        tid: DEMO_TID.into(),
        mid: DEMO_MID.into(),
        batch: numbers.batch(),
        reference: numbers.reference() + 1,
        invoice: "OTHER-1".into(),
        amount: 99_000,
        phone: "081311112222".into(),
    };
    let now = shop.world();
    shop.host().book_sale(now, &sale);
    shop
}

fn cancelled_at_ten_seconds(shop: &Shop) {
    let client = Arc::clone(shop.client());
    shop.later(seconds(10.0), move |_| drop(client.cancel(&invoice("INV-1"))));
}

#[test]
fn c17_a_cancel_that_nobody_listens_behind_reverses_nobody_else_s_sale() {
    // The 94 comes at 12 s, two seconds behind the cancel.
    for contracted in [false, true] {
        for second_client in [false, true] {
            let shop = under_foreign_numbers(contracted);
            shop.script([
                on(Operation::PushToPay).at_ms(12_000),
                on(Operation::CheckPayment).times(0).code("ER"),
            ]);
            let client =
                if second_client { shop.second_client() } else { Arc::clone(shop.client()) };
            shop.later(seconds(10.0), move |_| drop(client.cancel(&invoice("INV-1"))));
            shop.pay("INV-1", IGNORES);
            shop.settle_for(minutes(10));
            assert_eq!((shop.heard(Operation::Reversal), shop.net("OTHER-1")), (0, 99_000));
        }
    }
}

#[test]
fn c17_without_checks_only_a_payment_that_is_listened_to_can_be_cancelled() {
    let shop = Shop::with(HostConfig::default(), |builder| builder.check_payment(false));
    let client = Arc::clone(shop.client());
    shop.later(seconds(10.0), move |_| {
        let refused = client.cancel(&invoice("INV-1")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
    });
    assert!(shop.pay("INV-1", "081200000120").is_paid(), "the customer pays at 20 s");
}

#[test]
fn ov15_code_54_about_a_push_of_a_minute_ago_reverses_no_older_sale() {
    let shop = under_foreign_numbers(true);
    shop.script([
        on(Operation::PushToPay).at_ms(20_000),
        on(Operation::CheckPayment).times(0).code("54"),
    ]);
    cancelled_at_ten_seconds(&shop);
    shop.pay("INV-1", IGNORES);
    shop.settle_for(minutes(5));
    assert_eq!(shop.net("OTHER-1"), 99_000);
}

#[test]
fn op4_a_report_and_then_a_decline_return_the_money_without_checks_too() {
    let shop = Shop::with(HostConfig::default(), |builder| builder.check_payment(false));
    let lies = Behaviour::DeclineButDebited { code: "17".into(), after_ms: 2_000 };
    shop.script([on(Operation::PushToPay).behave(lies).at_ms(40_000)]);
    let client = shop.second_client();
    shop.later(seconds(30.0), move |_| drop(client.report_paid(&invoice("INV-1"))));
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "declined");
    shop.settle_for(days(3));
    assert_eq!(shop.net("INV-1"), 0);
    assert!(shop.alerted(|alert| matches!(alert, Alert::LyingDecline(_))));
}

fn is_end_of_push(event: &Event) -> bool {
    matches!(event, Event::Exchanged { operation: Operation::PushToPay, .. })
}

#[test]
fn c17_code_26_behind_a_cancel_keeps_the_second_push_from_the_phone() {
    let shop = Shop::open();
    let lies = Behaviour::DeclineButDebited { code: "26".into(), after_ms: 20_000 };
    shop.script([on(Operation::PushToPay).behave(lies)]);
    cancelled_at_ten_seconds(&shop);
    let payment = shop.client().start(&charge("INV-1", APPROVES)).unwrap();
    assert_eq!(payment.outcome().name(), "not completed");
    while !shop.events().iter().any(is_end_of_push) {
        std::thread::yield_now();
    }
    let second = shop.client().pay(&charge("INV-2", APPROVES)).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::UnsettledCustomer);
}

#[test]
fn a_ruling_is_no_evidence_of_a_debit() {
    let shop = Shop::open();
    shop.script([on(Operation::Reversal).times(6).unheard()]);
    shop.pay("INV-1", IGNORES);
    shop.settle_for(minutes(7));
    shop.client().rule(&invoice("INV-1"), Ruling::Refund, "the customer asks for it").unwrap();
    shop.settle_all();
    let Some(Outcome::NotCompleted(end)) = shop.report("INV-1").outcome else { panic!() };
    assert!(!end.was_debited());
}

#[test]
fn ov10_a_payment_whose_void_was_refused_and_that_ovo_reversed_calls_the_operator() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([
        on(Operation::Void).pretend().code("17"),
        on(Operation::CheckPayment).times(0).code("73"),
    ]);
    shop.client().void(&invoice("INV-1")).unwrap();
    shop.clock.pass(minutes(5));
    let _ = shop.client().check(&invoice("INV-1"));
    assert!(shop.report("INV-1").needs_operator);
    assert!(shop.alerted(|alert| *alert == Alert::PaidButReversed));
}

#[test]
fn a_void_that_an_operator_closed_waits_for_nobody() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([on(Operation::Void).unheard(), on(Operation::CheckVoid).times(0).unheard()]);
    shop.client().void(&invoice("INV-1")).unwrap();
    shop.settle_for(minutes(10));
    let report = shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded by hand").unwrap();
    assert!(!report.needs_operator);
    assert_eq!(report.settlement, "closed by an operator");
}

#[test]
fn a_ruled_refund_that_ovo_acknowledged_is_over() {
    let shop = Shop::with(HostConfig::default(), |builder| builder.check_payment(false));
    let debited = Behaviour::DeclineButDebited { code: "94".into(), after_ms: 5_000 };
    shop.script([on(Operation::PushToPay).behave(debited)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "needs operator");
    shop.client().rule(&invoice("INV-1"), Ruling::Refund, "the customer shows the debit").unwrap();
    shop.settle_for(days(1));
    let report = shop.report("INV-1");
    assert!(report.settled && !report.needs_operator, "{}", report.settlement);
    assert_eq!(shop.net("INV-1"), 0);
}

fn gaps(shop: &Shop, operation: Operation) -> Vec<u64> {
    let requests = shop.requests(operation);
    requests.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect()
}

#[test]
fn a_question_that_never_left_shortens_no_pause_of_one_that_did() {
    let shop = Shop::open();
    shop.script([on(Operation::CheckPayment).unheard()]);
    let (other, wire) = (shop.second_client(), Arc::clone(&shop.wire));
    shop.later(seconds(64.0), move |_| {
        wire.fail(Operation::CheckPayment, Fault::Unreachable);
        drop(other.check(&invoice("INV-1")));
    });
    shop.pay("INV-1", IGNORES);
    shop.settle_for(minutes(10));
    let gaps = gaps(&shop, Operation::CheckPayment);
    assert!(gaps.iter().all(|gap| *gap >= 10_000), "{gaps:?}");
}

#[test]
fn a_slow_connection_does_not_eat_the_pause_behind_it() {
    let shop = Shop::open();
    shop.pay("INV-1", IGNORES);
    shop.wire.fail(Operation::Reversal, Fault::SlowConnect(seconds(14.0)));
    shop.script([on(Operation::Reversal).times(3).unheard()]);
    shop.settle_for(minutes(10));
    let gaps = gaps(&shop, Operation::Reversal);
    assert!(gaps.iter().all(|gap| *gap >= 10_000), "{gaps:?}");
}

#[test]
fn a_void_is_not_asked_about_at_every_restart() {
    let mut shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([on(Operation::Void).unheard(), on(Operation::CheckVoid).times(5).unheard()]);
    shop.client().void(&invoice("INV-1")).unwrap();
    for _ in 0..4 {
        shop.clock.pass(seconds(1.0));
        shop.reboot();
        shop.client().settle().unwrap();
    }
    let gaps = gaps(&shop, Operation::CheckVoid);
    assert!(gaps.iter().all(|gap| *gap >= 10_000), "{gaps:?}");
}
