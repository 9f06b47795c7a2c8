//! What adversaries broke with nothing but the README and the sources, one test for each finding.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovo_checkout::{Fault, Shop, SimWire, charge, days, hours, invoice, lock, minutes, seconds};
use ovo_ptp::journal::{Journal, MemoryJournal};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, Ruling, StatusAnswer};
use ovo_ptp::transport::{Exchange, HttpRequest, Transport, Watch};
use ovo_ptp::{
    AppKey, Client, Credentials, Environment, Error, ErrorKind, Event, Outcome, Phase, Terminal,
    VoidOutcome,
};
use ovo_sandbox::{
    AnswerTo, Behaviour, DEMO_APP_ID, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
    Delivery, Echo, HostConfig, How, MatchBy, Sale, Sloppiness, Step, Then,
};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";

fn on(operation: Operation) -> Step {
    Step::on(operation)
}

/// Another sale has the numbers of the next push, and the host matches by numbers.
fn under_foreign_numbers(contracted: bool) -> Shop {
    let host = HostConfig { check_contracted: contracted, ..HostConfig::default() };
    under_numbers_of_another(99_000, host)
}

fn under_numbers_of_another(amount: i64, host: HostConfig) -> Shop {
    let contracted = host.check_contracted;
    let config = HostConfig { match_by: MatchBy::Numbers, ..host };
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
        amount,
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
fn ov10_a_payment_whose_void_was_refused_and_that_ovo_reversed_is_told_as_voided_after_all() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([
        on(Operation::Void).pretend().code("17"),
        on(Operation::CheckPayment).times(0).code("73"),
    ]);
    shop.client().void(&invoice("INV-1")).unwrap();
    shop.settle_for(minutes(5));
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    let _ = shop.client().check(&invoice("INV-1"));
    // Of two copies one was refused, and the other carried out.
    let report = shop.report("INV-1");
    assert!(!report.needs_operator && !report.acknowledged && report.settlement == "voided");
    assert!(shop.alerted(|alert| *alert == Alert::VoidedAfterAll && alert.is_critical()));
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
fn ov5_no_ruling_reverses_what_ovo_called_a_duplicate() {
    let shop = Shop::with(HostConfig::default(), |builder| builder.check_payment(false));
    let debited = Behaviour::DeclineButDebited { code: "94".into(), after_ms: 5_000 };
    shop.script([on(Operation::PushToPay).behave(debited)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "needs operator");
    // The numbers may be another sale's as well: who returns it by hand is asked to be OVO.
    let shows = "the customer shows the debit";
    let refused = shop.client().rule(&invoice("INV-1"), Ruling::Refund, shows).unwrap_err();
    assert!(refused.to_string().contains("have OVO return it by hand"), "{refused}");
    shop.settle_for(days(1));
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "OVO returned it").unwrap();
    let report = shop.report("INV-1");
    assert!(report.settled && !report.needs_operator, "{}", report.settlement);
    assert_eq!(shop.heard(Operation::Reversal), 0);
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

#[test]
fn ov5_another_sale_seen_behind_the_decision_is_an_operator_s_and_not_a_refund() {
    // Our push was executed, nobody heard it, and the numbers name another sale as well.
    for cancelled in [false, true] {
        let shop = Shop::open();
        shop.script([
            on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
            on(Operation::CheckPayment).unheard(),
            on(Operation::CheckPayment)
                .times(0)
                .code("00")
                .set("transactionRequestData.merchantInvoice", "OTHER-1")
                .set("amount", 99_000),
        ]);
        if cancelled {
            cancelled_at_ten_seconds(&shop);
        }
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
        shop.settle_for(days(3));
        let report = shop.report("INV-1");
        assert!(report.needs_operator && !report.settled, "{}", report.settlement);
        assert!(shop.alerted(|alert| *alert == Alert::Doubtful));
        assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (0, 10_000));
        // A reversal could return the other sale's money, whoever asks for it.
        let shows = "OVO's portal shows it";
        let refused = shop.client().rule(&invoice("INV-1"), Ruling::Refund, shows).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        shop.client().rule(&invoice("INV-1"), Ruling::Close, "OVO returned it").unwrap();
        shop.settle_for(minutes(10));
        let report = shop.report("INV-1");
        assert!(report.settled && !report.needs_operator, "{}", report.settlement);
        assert_eq!(shop.heard(Operation::Reversal), 0);
    }
}

#[test]
fn c17_mp13_behind_a_cancel_the_second_push_waits_until_the_first_is_known_not_to_be_debited() {
    let shop = Shop::open();
    shop.script([
        on(Operation::PushToPay).behave(Behaviour::Approve { after_ms: 54_000 }),
        on(Operation::CheckPayment).lag_ms(15_000),
    ]);
    cancelled_at_ten_seconds(&shop);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    // "Not found" at 60.5 s, and nobody vouches for the numbers: nothing is reversed.
    shop.settle_for(seconds(52.0));
    assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (0, 10_000));
    let refused = shop.client().pay(&charge("INV-2", APPROVES)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnsettledCustomer);
    assert_eq!(refused.invoice(), Some(&invoice("INV-1")));
    shop.settle_for(minutes(5));
    assert_eq!(shop.net("INV-1"), 0);
    assert!(shop.pay("INV-2", APPROVES).is_paid());
}

#[test]
fn ov17_c17_a_host_that_repeats_the_invoice_its_own_way_returns_what_was_cancelled() {
    let forms = [&How::ABSENT[0], &How::LOOSE[0], &How::LOOSE[1]];
    for how in forms {
        let habit = Sloppiness::new(AnswerTo::Any, Echo::MerchantInvoice, how.clone());
        let host = HostConfig { sloppy: vec![habit], ..HostConfig::default() };
        let shop = Shop::with(host, |builder| builder);
        let debited = Behaviour::AnswerLost { after_ms: 30_000, cut: true };
        shop.script([on(Operation::PushToPay).behave(debited)]);
        cancelled_at_ten_seconds(&shop);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
        shop.settle_for(minutes(30));
        let report = shop.report("INV-1");
        assert!(report.settled && !report.needs_operator, "{how:?}: {}", report.settlement);
        assert_eq!(shop.net("INV-1"), 0, "{how:?}");
    }
}

#[test]
fn ov17_c17_another_customer_s_sale_without_an_invoice_is_not_taken_for_a_cancelled_one() {
    let habit = Sloppiness::new(AnswerTo::Any, Echo::MerchantInvoice, How::ABSENT[0].clone());
    let host = HostConfig { sloppy: vec![habit], ..HostConfig::default() };
    let shop = under_numbers_of_another(10_000, host);
    shop.script([on(Operation::PushToPay).at_ms(12_000)]);
    cancelled_at_ten_seconds(&shop);
    shop.pay("INV-1", IGNORES);
    shop.settle_for(minutes(10));
    assert_eq!((shop.heard(Operation::Reversal), shop.net("OTHER-1")), (0, 10_000));
}

#[test]
fn vd5_a_void_whose_end_is_never_known_is_not_sent_again() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([
        on(Operation::Void).queue_ms(40_000),
        on(Operation::CheckVoid).times(0).code("58"),
    ]);
    shop.client().void(&invoice("INV-1")).unwrap();
    shop.settle_for(seconds(30.0));
    assert!(!shop.report("INV-1").needs_operator, "said once it may pass");
    shop.settle_for(minutes(120));
    assert!(shop.report("INV-1").needs_operator);
    for closed in [false, true] {
        if closed {
            let ruled = shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded by hand");
            assert!(ruled.is_ok());
        }
        let again = shop.client().void(&invoice("INV-1")).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Refused, "closed: {closed}");
    }
    shop.settle_for(minutes(5));
    assert_eq!(shop.heard(Operation::Void), 1);
}

#[test]
fn vd3_one_refused_question_about_a_void_hands_nothing_to_an_operator() {
    for code in ["96", "58"] {
        let shop = Shop::open();
        assert!(shop.pay("INV-1", APPROVES).is_paid());
        shop.script([
            on(Operation::Void).deliver(Delivery::Hang),
            on(Operation::CheckVoid).code(code),
        ]);
        shop.client().void(&invoice("INV-1")).unwrap();
        shop.settle_for(minutes(5));
        assert_eq!(shop.client().check_void(&invoice("INV-1")).unwrap(), VoidOutcome::Voided);
        assert!(!shop.report("INV-1").needs_operator);
    }
}

#[test]
fn vd3_a_void_that_ovo_tells_about_behind_a_day_needs_no_operator_any_more() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([
        on(Operation::Void).deliver(Delivery::Hang),
        on(Operation::CheckVoid).times(0).unheard(),
    ]);
    shop.client().void(&invoice("INV-1")).unwrap();
    shop.settle_for(hours(26));
    assert!(shop.report("INV-1").needs_operator, "it takes too long");
    shop.host().script_mut().steps.clear();
    shop.settle_for(hours(3));
    let report = shop.report("INV-1");
    assert!(report.settled && !report.needs_operator, "{}", report.settlement);
}

#[test]
fn op4_what_was_quarantined_and_closed_and_shows_paid_goes_to_the_operator() {
    // OVO's first word is "older than seven days"; the operator looks at the wrong record.
    let shop = Shop::open();
    let unheard = Behaviour::AnswerLost { after_ms: 20_000, cut: true };
    shop.script([on(Operation::PushToPay).behave(unheard), on(Operation::CheckPayment).code("54")]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "needs operator");
    shop.settle_for(minutes(10));
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "not found").unwrap();
    let status = shop.client().check(&invoice("INV-1")).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::Paid);
    assert!(shop.alerted(|alert| *alert == Alert::DebitAfterClose));
    assert_eq!(shop.heard(Operation::Reversal), 0);
}

#[test]
fn vd5_what_an_operator_closed_is_not_voided_behind_that() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.script([on(Operation::CheckPayment).code("73")]);
    shop.clock.pass(minutes(2));
    drop(shop.client().check(&invoice("INV-1")));
    assert!(shop.report("INV-1").needs_operator, "OVO says that it is reversed");
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded by hand").unwrap();
    let refused = shop.client().void(&invoice("INV-1")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(shop.heard(Operation::Void), 0);
}

/// A terminal's own transport that asks for nothing and tells nothing of what it writes (F16).
struct Forgetful {
    wire: Arc<SimWire>,
    waits: bool,
}

struct Unasked {
    watch: Arc<dyn Watch>,
    waits: bool,
}

impl Watch for Unasked {
    fn wait(&self) -> Option<Duration> {
        if self.waits { self.watch.wait() } else { None }
    }
}

impl Transport for Forgetful {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        if request.operation != Operation::PushToPay {
            return self.wire.exchange(request, watch);
        }
        let unasked: Arc<dyn Watch> =
            Arc::new(Unasked { watch: Arc::clone(watch), waits: self.waits });
        self.wire.exchange(request, &unasked)
    }
}

#[test]
fn f16_c17_a_cancel_behind_a_push_that_its_transport_told_nothing_of_is_not_a_push_not_sent() {
    for waits in [true, false] {
        let shop = Shop::open();
        let wire = Arc::clone(&shop.wire);
        let client = shop.client_with(|builder| {
            builder.transport(Arc::new(Forgetful { wire: Arc::clone(&wire), waits }))
        });
        let mut seconds_shown = 0;
        let outcome = client.pay_with(&charge("INV-1", "081200000140"), move |progress| {
            seconds_shown += i32::from(progress.phase != Phase::Sending);
            if seconds_shown < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let outcome = outcome.unwrap();
        assert_eq!(outcome.name(), "not completed", "it was written, and waits: {waits}");
        assert_eq!(shop.heard(Operation::PushToPay), 1);
        shop.settle_for(minutes(30));
        assert!(shop.report("INV-1").settled);
        assert_eq!(shop.net("INV-1"), 0, "the customer confirms at 40 s");
    }
}

#[test]
fn c17_a_thread_whose_connection_is_gone_listens_to_nothing() {
    // The connection breaks right behind the push; the 94 that comes at 12 s is heard by nobody.
    for contracted in [false, true] {
        let shop = under_foreign_numbers(contracted);
        shop.script([
            on(Operation::PushToPay).at_ms(12_000),
            on(Operation::CheckPayment).times(0).code("ER"),
        ]);
        shop.wire.fail(Operation::PushToPay, Fault::BrokenAfterSend);
        match cancelled_at_10(&shop) {
            Ok(outcome) => assert!(contracted && outcome.name() == "not completed"),
            Err(error) => assert!(!contracted && error.kind() == ErrorKind::Refused, "{error}"),
        }
        shop.settle_for(minutes(12));
        if contracted {
            assert_eq!((shop.heard(Operation::Reversal), shop.net("OTHER-1")), (0, 99_000));
        }
    }
}

#[test]
fn c17_half_an_answer_behind_a_cancel_is_no_silence() {
    // It may be the 94: its numbers are another sale's, and nobody may reverse them unseen.
    let shop = under_foreign_numbers(true);
    shop.script([
        on(Operation::PushToPay).at_ms(12_000).deliver(Delivery::HalfBody { then: Then::Hang }),
        on(Operation::CheckPayment).times(0).pretend().code("25"),
    ]);
    assert_eq!(cancelled_at_10(&shop).unwrap().name(), "not completed");
    shop.settle_for(minutes(12));
    assert_eq!((shop.heard(Operation::Reversal), shop.net("OTHER-1")), (0, 99_000));
}

#[test]
fn c17_ovo_s_answer_to_a_prompt_that_nobody_touched_ends_the_listening() {
    // Without checks nobody else could tell whose the numbers are.
    let host = HostConfig { check_contracted: false, ..HostConfig::default() };
    let shop = Shop::with(host, |builder| builder.check_payment(false));
    assert_eq!(cancelled_at_10(&shop).unwrap().name(), "not completed");
    shop.settle_for(minutes(12));
    assert!(shop.report("INV-1").settled, "{}", shop.report("INV-1").settlement);
}

/// A payment whose customer does nothing, on its own thread; cancelled ten seconds behind its start.
fn cancelled_at_10(shop: &Shop) -> Result<Outcome, Error> {
    let (client, said) = (Arc::clone(shop.client()), Arc::new(Mutex::new(None)));
    let place = Arc::clone(&said);
    shop.later(seconds(10.0), move |_| {
        *lock(&place) = Some(client.cancel(&invoice("INV-1")));
    });
    let payment = shop.client().start(&charge("INV-1", IGNORES)).expect("a payment");
    payment.outcome();
    // Its thread lets the time come, and cancels.
    loop {
        if let Some(said) = lock(&said).take() {
            return said;
        }
        std::thread::yield_now();
    }
}

#[test]
fn c17_ov7_what_the_push_s_own_answer_showed_as_debited_is_returned_whatever_a_check_finds() {
    // The check of 60.5 s lags, or every check looks elsewhere.
    for not_found in [1, 0] {
        for second_client in [true, false] {
            let shop = Shop::open();
            shop.script([
                on(Operation::PushToPay)
                    .invoice("INV-1")
                    .behave(Behaviour::Approve { after_ms: 30_000 }),
                on(Operation::CheckPayment).times(not_found).code("25"),
            ]);
            let client =
                if second_client { shop.second_client() } else { Arc::clone(shop.client()) };
            shop.later(seconds(10.0), move |_| drop(client.cancel(&invoice("INV-1"))));
            let payment = shop.client().start(&charge("INV-1", APPROVES)).unwrap();
            assert_eq!(payment.outcome().name(), "not completed");
            // Its thread hears the success at 30 s; no time passes without it.
            while !shop.alerted(|alert| *alert == Alert::LateSuccess) {
                std::thread::yield_now();
            }
            shop.settle_for(minutes(2));
            assert_eq!(shop.net("INV-1"), 0, "before another push is let through");
            assert!(shop.pay("INV-2", APPROVES).is_paid());
            shop.settle_for(days(3));
            let Some(Outcome::NotCompleted(end)) = shop.report("INV-1").outcome else { panic!() };
            assert!(end.was_debited() && end.is_refund_settled());
            assert_eq!((shop.net("INV-1"), shop.net("INV-2")), (0, 10_000));
        }
    }
}

#[test]
fn a_set_up_that_is_refused_to_every_check_keeps_nobody_s_money() {
    for code in ["BR", "EB"] {
        let shop = Shop::open();
        shop.script([
            on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
            on(Operation::CheckPayment).times(0).code(code),
        ]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
        shop.settle_for(minutes(4));
        assert_eq!(shop.heard(Operation::Reversal), 0, "{code}: asked first");
        shop.settle_for(minutes(10));
        assert_eq!(shop.net("INV-1"), 0, "{code}: reversed unseen");
        assert!(shop.alerted(|alert| matches!(alert, Alert::Misconfigured(_))));
    }
}

#[test]
fn ov4_ov12_one_refused_check_of_a_payment_that_was_shown_ends_no_verification() {
    for code in ["96", "58"] {
        let shop = Shop::open();
        shop.script([
            on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
            // The check of 60.5 s is not answered, the next shows the debit.
            on(Operation::CheckPayment).unheard(),
            on(Operation::Reversal).pretend().code("00"),
        ]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
        shop.settle_for(seconds(60.0));
        assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (1, 10_000));
        shop.script([on(Operation::CheckPayment).code(code)]);
        shop.settle_for(minutes(30));
        assert!(shop.alerted(|alert| *alert == Alert::CheckUnavailable));
        assert_eq!(shop.net("INV-1"), 0, "{code}: the next check finds the debit");
        assert!(shop.report("INV-1").settled);
    }
}

#[test]
fn ov4_a_contract_that_loses_its_checks_closes_by_a_reversal_and_looks_no_more() {
    let shop = Shop::open();
    shop.script([
        on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
        on(Operation::CheckPayment).unheard(),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_for(seconds(60.0));
    shop.script([on(Operation::CheckPayment).times(0).code("58")]);
    shop.settle_for(minutes(50));
    assert!(!shop.report("INV-1").settled);
    shop.settle_for(minutes(60));
    assert!(shop.report("INV-1").settled);
    assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (2, 0));
}

#[test]
fn c17_was_debited_is_true_where_ovo_itself_says_that_a_debit_was_reversed() {
    for (pays, debited) in [(true, true), (false, false)] {
        let shop = Shop::open();
        if pays {
            let unheard = Behaviour::AnswerLost { after_ms: 54_000, cut: false };
            shop.script([on(Operation::PushToPay).behave(unheard)]);
        }
        // The check of 60.5 s does not show it yet.
        shop.script([on(Operation::CheckPayment).lag_ms(15_000)]);
        let phone = if pays { APPROVES } else { IGNORES };
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed");
        shop.settle_for(minutes(30));
        assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (1, 0));
        let Some(Outcome::NotCompleted(end)) = shop.report("INV-1").outcome else { panic!() };
        assert!(end.is_refund_settled());
        assert_eq!(end.was_debited(), debited);
    }
}

/// Closes a client on a thread of its own, and returns when nobody waits for anything any more.
fn closes(client: &Arc<Client>) -> std::thread::JoinHandle<()> {
    let closing = Arc::clone(client);
    let closer = std::thread::spawn(move || closing.close());
    while !client.payment(&invoice("INV-1")).is_err_and(|error| error.is_closed()) {
        std::thread::yield_now();
    }
    closer
}

#[test]
fn c17_who_cancels_and_is_closed_or_killed_before_the_94_reverses_nobody_else_s_sale() {
    for contracted in [false, true] {
        for killed in [false, true] {
            let mut shop = under_foreign_numbers(contracted);
            shop.script([
                on(Operation::PushToPay).at_ms(12_000),
                on(Operation::CheckPayment).times(0).code("ER"),
            ]);
            let (client, life) = (Arc::clone(shop.client()), Arc::clone(&shop.life));
            let (over, is_over) = std::sync::mpsc::channel();
            shop.later(seconds(10.0), move |_| {
                let cancelled = client.cancel(&invoice("INV-1")).unwrap();
                assert_eq!(cancelled.name(), "not completed");
                if killed {
                    life.is_ended();
                    over.send(None).unwrap();
                } else {
                    over.send(Some(closes(&client))).unwrap();
                }
            });
            let payment = shop.client().start(&charge("INV-1", IGNORES)).unwrap();
            if let Some(closer) = is_over.recv().unwrap() {
                closer.join().unwrap();
            }
            drop(payment);
            shop.reopen();
            shop.settle_for(minutes(12));
            let (reversals, net) = (shop.heard(Operation::Reversal), shop.net("OTHER-1"));
            assert_eq!((reversals, net), (0, 99_000), "checks {contracted}, killed {killed}");
            assert!(!shop.report("INV-1").settled);
        }
    }
}

#[test]
fn c17_a_started_payment_that_nobody_answers_is_vouched_for_again_when_ovo_s_time_is_over() {
    let shop = Shop::with(HostConfig::default(), |builder| builder.check_payment(false));
    let began = shop.world().ms;
    shop.script([
        on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: false })
    ]);
    cancelled_at_ten_seconds(&shop);
    let payment = shop.client().start(&charge("INV-1", APPROVES)).unwrap();
    assert_eq!(payment.outcome().name(), "not completed");
    // Its thread listens on; no time passes without it.
    while !shop.events().iter().any(is_end_of_push) {
        std::thread::yield_now();
    }
    // It may still be about to say so.
    while shop.heard(Operation::Reversal) == 0 {
        shop.client().settle().unwrap();
        std::thread::yield_now();
    }
    shop.settle_for(minutes(10));
    let first = shop.requests(Operation::Reversal)[0].at_ms - began;
    assert!((65_000..67_000).contains(&first), "{first} ms");
    assert_eq!(shop.net("INV-1"), 0);
    assert!(!shop.report("INV-1").needs_operator);
}

#[test]
fn c17_a_decline_behind_a_cancel_is_reversed_for_no_reason_but_a_debit() {
    let shop = Shop::open();
    shop.script([on(Operation::CheckPayment).times(0).code("58")]);
    cancelled_at_ten_seconds(&shop);
    let payment = shop.client().start(&charge("INV-1", "081200001730")).unwrap();
    assert_eq!(payment.outcome().name(), "not completed");
    // Its thread hears the decline at 30 s.
    while shop.report("INV-1").settlement != "to be verified" {
        std::thread::yield_now();
    }
    shop.settle_for(minutes(30));
    let report = shop.report("INV-1");
    assert!(report.settled && !report.needs_operator, "{}", report.settlement);
    assert_eq!(shop.heard(Operation::Reversal), 0);
}

/// OVO's key changes, and the shop's next program knows the new one only.
fn under_another_key(shop: &Shop, journal: Arc<dyn Journal>) -> Client {
    let key = "ab".repeat(32);
    shop.host().config_mut().merchants[0].app_key.clone_from(&key);
    let terminal = Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE).expect("a terminal");
    let key = AppKey::new(&key).expect("a key");
    let credentials =
        Credentials::new(DEMO_MERCHANT_ID, terminal, DEMO_APP_ID, key).expect("credentials");
    Client::builder(Environment::Staging, credentials)
        .journal_engine(journal)
        .transport(shop.wire.clone())
        .clock(shop.clock.clone())
        .background(false)
        .open()
        .expect("it opens")
}

#[test]
fn j27_mp13_under_an_unknown_app_key_nobody_is_pushed_beside_an_open_payment_of_nobody_knows_whom()
{
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let shop = Shop::with_journal(Arc::clone(&journal), HostConfig::default(), |builder| builder);
    shop.script([
        on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
        on(Operation::CheckPayment).unheard(),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    let next = under_another_key(&shop, journal);
    for phone in [APPROVES, "081311112222"] {
        let refused = next.pay(&charge("INV-2", phone)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UnsettledCustomer);
        assert_eq!(refused.invoice(), Some(&invoice("INV-1")));
        assert!(refused.to_string().contains("former key"), "{refused}");
    }
    let known = next.pay(&charge("INV-1", APPROVES)).unwrap();
    assert_eq!(known.name(), "not completed", "what is there is told");
    // The phone is lost and no check is answered: reversed unseen within minutes, and the shop is open.
    for _ in 0..600 {
        next.settle().unwrap();
        shop.clock.pass(seconds(1.0));
    }
    assert_eq!(shop.net("INV-1"), 0);
    assert!(next.pay(&charge("INV-2", APPROVES)).unwrap().is_paid());
}

#[test]
fn j27_a_rotation_closes_a_shop_for_a_quarter_of_an_hour_at_most() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let shop = Shop::with_journal(Arc::clone(&journal), HostConfig::default(), |builder| builder);
    shop.script([
        on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
        on(Operation::CheckPayment).times(0).unheard(),
        on(Operation::Reversal).times(0).unheard(),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    let next = under_another_key(&shop, journal);
    shop.clock.pass(minutes(13));
    assert!(next.pay(&charge("INV-2", "081311112222")).is_err());
    shop.clock.pass(minutes(1));
    assert!(next.pay(&charge("INV-2", "081311112222")).unwrap().is_paid());
}

#[test]
fn op6_an_acknowledgement_of_what_was_told_before_swallows_no_paid_that_an_operator_ruled() {
    let shop = Shop::open();
    shop.script([
        on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms: 20_000, cut: true }),
        on(Operation::CheckPayment).code("00").set("amount", 99_000),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "needs operator");
    let office = shop.second_client();
    office.rule(&invoice("INV-1"), Ruling::Paid, "OVO's portal shows it").unwrap();
    // The shop confirms what it was told, and has not heard of the ruling.
    let refused = shop.client().acknowledge(&invoice("INV-1")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let [waiting] = &shop.client().unacknowledged().unwrap()[..] else { panic!("it is listed") };
    assert!(waiting.outcome.as_ref().is_some_and(Outcome::is_paid));
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    assert!(shop.client().unacknowledged().unwrap().is_empty());
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
}
