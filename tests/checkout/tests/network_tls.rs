//! Group N of the fault catalogue over real TCP and TLS: what the network and those on it
//! can do to a payment.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod tls;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use ovo_ptp::message::Operation;
use ovo_ptp::payment::{LateSuccess, Timers};
use ovo_ptp::transport::{ClientCertificate, Trust};
use ovo_ptp::{Environment, NotSentReason, Outcome};
use ovo_sandbox::{
    AnswerOf, AnswerPlan, Behaviour, ConnectionFault, Delivery, HostConfig, Merchant, Redirect,
    State, Step, Terminal, Then,
};
use tls::relay::{Manner, Relay};
use tls::*;

/// 65 s take two seconds.
const SCALE: f64 = 0.03;

const APPROVES: &str = "081200000000";
const APPROVES_AFTER_5_S: &str = "081200000105";
const IGNORES: &str = "081200009000";
/// Debited after ten seconds, and no answer ever comes.
const PAID_UNHEARD: &str = "081200009210";

fn push() -> Step {
    Step::on(Operation::PushToPay)
}

fn check() -> Step {
    Step::on(Operation::CheckPayment)
}

fn reversal() -> Step {
    Step::on(Operation::Reversal)
}

fn with(plan: AnswerPlan) -> Step {
    push().answer(plan)
}

/// Why nothing was sent.
fn why(outcome: &Outcome) -> Option<NotSentReason> {
    let Outcome::NotSent(not_sent) = outcome else { panic!("{outcome:?}") };
    assert!(!not_sent.detail().unwrap_or_default().is_empty(), "and what the network said");
    not_sent.reason()
}

/// A till at an address where no OVO is, or none that can be spoken to.
fn finds_nobody(shop: &Shop, invoice: &str) {
    assert!(matches!(shop.pay(invoice, APPROVES), Outcome::NotSent(_)), "{invoice}");
    let report = shop.report(invoice);
    assert!(report.settled && !report.needs_operator, "{report:?}");
    assert_eq!(shop.client().next_settlement().unwrap(), None, "nothing is left to do");
}

#[test]
fn n1_a_refused_connection_is_not_sent_and_causes_no_traffic() {
    let shop = Shop::open(SCALE);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("https://{nobody}");
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    let outcome = till.pay("INV-1", APPROVES);
    assert_eq!(why(&outcome), Some(NotSentReason::NoConnection));
    assert!(till.report("INV-1").settled);
    assert_eq!(till.client().next_settlement().unwrap(), None);
    assert!(till.results(Operation::PushToPay)[0].starts_with("not sent: no TCP connection"));
    assert!(till.results(Operation::CheckPayment).is_empty());
    assert!(till.results(Operation::Reversal).is_empty());
    assert_eq!(shop.ovo.counters().accepted, 0);
}

#[test]
fn n1_an_unknown_host_name_is_not_sent_and_the_same_customer_may_try_again() {
    // Not on this machine, so with OVO's own times.
    let address = "https://ovo.invalid";
    assert!(!Environment::custom(address).is_loopback());
    let till = Till::open(address, ovo_ptp::transport::Trust::Platform, Timers::OVO, |it| it);
    for invoice in ["INV-1", "INV-2"] {
        assert_eq!(why(&till.pay(invoice, APPROVES)), Some(NotSentReason::UnknownHost));
        assert!(till.report(invoice).settled);
    }
    assert_eq!(till.client().next_settlement().unwrap(), None);
    assert!(till.results(Operation::PushToPay)[0].contains("cannot be resolved"));
}

#[test]
fn n1_a_failed_handshake_is_not_sent_and_causes_no_traffic() {
    // One host never says a word: the send budget ends that.
    let shop = Shop::open(SCALE);
    for (number, fault) in [
        ConnectionFault::ResetAtAccept,
        ConnectionFault::CloseAtAccept,
        ConnectionFault::Stall,
        ConnectionFault::OldTls,
    ]
    .into_iter()
    .enumerate()
    {
        shop.script(connections(fault, 1));
        finds_nobody(&shop, &format!("INV-{number}"));
    }
    assert!(shop.ovo.requests().is_empty());
    assert_eq!(shop.ovo.counters().established, 0);
    // The network mends: the same customer pays at once, with a new invoice.
    assert!(shop.pay("INV-9", APPROVES).is_paid());
    shop.settle_and_compare();
}

#[test]
fn n2_a_break_within_the_request_is_reversed_because_nobody_knows_what_was_parsed() {
    let shop = Shop::open(SCALE);
    let relay = Relay::start("127.0.0.1", shop.ovo.address(), Manner::BreaksInTheRequest);
    let address = format!("https://{}", relay.address());
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    assert!(matches!(till.pay("INV-1", APPROVES), Outcome::NotCompleted(_)));
    till.settle();
    compare(&shop.ovo, &[&till]);
    assert_eq!(shop.heard(Operation::PushToPay, "INV-1"), 0, "OVO never read it");
    assert!(shop.heard(Operation::Reversal, "INV-1") >= 1);
    assert!(shop.heard(Operation::CheckPayment, "INV-1") >= 2, "the gate and the closing check");
}

#[test]
fn n3_a_reset_after_the_last_byte_is_unknown_whether_ovo_heard_it_or_not() {
    let shop = Shop::open(SCALE);
    // Heard by nobody.
    shop.script(connections(ConnectionFault::ResetAfterRequest, 1));
    std::thread::scope(|scope| {
        let unheard = scope.spawn(|| shop.pay("UNHEARD", &customer(1)));
        until("the push is lost", || !shop.results(Operation::PushToPay).is_empty());
        // Heard, and debited; the check tells.
        shop.script(push().invoice("HEARD").deliver(Delivery::CutMs(0)));
        let heard = scope.spawn(|| shop.pay("HEARD", &customer(2)));
        // Heard, and debited after the connection is gone; the check is lost.
        shop.script([
            push()
                .invoice("CUT")
                .behave(Behaviour::Approve { after_ms: 5_000 })
                .deliver(Delivery::CutMs(100)),
            check().invoice("CUT").unheard(),
        ]);
        let cut = scope.spawn(|| shop.pay("CUT", &customer(3)));
        assert!(matches!(unheard.join().unwrap(), Outcome::NotCompleted(_)));
        assert!(heard.join().unwrap().is_paid());
        assert!(matches!(cut.join().unwrap(), Outcome::NotCompleted(_)));
    });
    shop.settle_and_compare();
    assert_eq!(shop.heard(Operation::PushToPay, "UNHEARD"), 0);
    assert!(shop.heard(Operation::Reversal, "UNHEARD") >= 1);
    assert_eq!(shop.heard(Operation::PushToPay, "CUT"), 1);
}

#[test]
fn n3_a_relay_that_breaks_after_the_request_costs_a_check_and_no_second_push() {
    let shop = Shop::open(SCALE);
    let relay = Relay::start("127.0.0.1", shop.ovo.address(), Manner::BreaksAfterTheRequest);
    let address = format!("https://{}", relay.address());
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    let outcome = till.pay("INV-1", APPROVES_AFTER_5_S);
    assert!(matches!(outcome, Outcome::Paid(ref receipt) if receipt.is_late()), "{outcome:?}");
    compare(&shop.ovo, &[&till]);
}

#[test]
fn n4_a_host_that_never_answers_holds_the_call_no_longer_than_the_decision() {
    let timers = Timers { send_budget: Duration::from_secs(15), ..punctual(SCALE) };
    let shop = Shop::with(SCALE, timers, |it| it);
    shop.script([push().deliver(Delivery::Hang), check().unheard()]);
    let begun = Instant::now();
    assert!(matches!(shop.pay("INV-1", APPROVES), Outcome::NotCompleted(_)));
    // 66 s, and time for a busy machine. Without the decision it would wait 19 s for the answer.
    let limit = Duration::from_secs(66).mul_f64(SCALE) + Duration::from_secs(12);
    assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
    assert!(begun.elapsed() >= shop.timers.decide, "{:?}", begun.elapsed());
    shop.settle_and_compare();
    assert_eq!(shop.heard(Operation::PushToPay, "INV-1"), 1);
    // I8, by OVO's own clock, which starts a moment after the till's.
    let pushed = shop.requests(Operation::PushToPay, "INV-1")[0].at_ms;
    for reversal in shop.requests(Operation::Reversal, "INV-1") {
        assert!(reversal.at_ms - pushed >= 60_000, "{reversal:?}");
    }
}

#[test]
fn n5_a_lost_answer_is_told_as_paid_if_the_till_waits_and_accepts() {
    let shop = Shop::open(SCALE);
    match shop.pay("INV-1", PAID_UNHEARD) {
        Outcome::Paid(receipt) => {
            assert!(receipt.is_late());
            assert!(receipt.approval_code().is_some());
        }
        other => panic!("{other:?}"),
    }
    shop.settle_and_compare();
    assert_eq!(shop.heard(Operation::CheckPayment, "INV-1"), 1);
    let pushed = shop.requests(Operation::PushToPay, "INV-1")[0].at_ms;
    assert!(shop.requests(Operation::CheckPayment, "INV-1")[0].at_ms - pushed >= 60_000);
}

#[test]
fn n5_a_lost_answer_is_refunded_if_nobody_waits_or_the_order_is_gone() {
    let shop = Shop::with(SCALE, roomy(SCALE), |it| it.late_success(LateSuccess::Reverse));
    let nobody_waits = Shop::open(SCALE);
    drop(nobody_waits.client().start(&charge("INV-2", PAID_UNHEARD)).unwrap());
    assert!(matches!(shop.pay("INV-1", PAID_UNHEARD), Outcome::NotCompleted(_)));
    for (shop, invoice) in [(&shop, "INV-1"), (&nobody_waits, "INV-2")] {
        until("the decision", || shop.report(invoice).outcome.is_some());
        shop.settle_and_compare();
        match shop.report(invoice).outcome {
            Some(Outcome::NotCompleted(open)) => assert!(open.is_refund_settled()),
            other => panic!("{other:?}"),
        }
        let entry = &shop.ovo.ledger()[0];
        assert_eq!((entry.state, entry.debits, entry.refunds), (State::Reversed, 1, 1));
    }
}

#[test]
fn n6_an_answer_between_the_check_and_the_decision_is_accepted() {
    let late = |at| Behaviour::AnswerLate { after_ms: 10_000, answer_after_ms: at };
    // The decision is two real seconds away when the answer arrives.
    let shop = Shop::open(SCALE);
    shop.script(check().unheard());
    shop.script(push().behave(late(61_000)));
    match shop.pay("AT-61", &customer(1)) {
        Outcome::Paid(receipt) => assert!(!receipt.is_late(), "the push's own answer"),
        other => panic!("{other:?}"),
    }
    shop.settle_and_compare();
    assert_eq!(shop.heard(Operation::PushToPay, "AT-61"), 1);
    // Three milliseconds before the decision: either may win, and all who ask then hear the same.
    let shop = Shop::punctual(SCALE);
    shop.script(check().unheard());
    shop.script(push().behave(late(64_900)));
    let told = shop.pay("AT-64-9", &customer(2));
    let again = shop.pay("AT-64-9", &customer(2));
    assert_eq!(told.is_paid(), again.is_paid(), "{told:?}, then {again:?}");
    assert!(told.is_paid() || matches!(told, Outcome::NotCompleted(_)), "{told:?}");
    shop.settle_and_compare();
    assert_eq!(shop.heard(Operation::PushToPay, "AT-64-9"), 1);
}

#[test]
fn n7_an_answer_after_the_decision_changes_nothing_and_the_money_goes_back() {
    let shop = Shop::punctual(SCALE);
    let cases = [("AT-65-1", 65_100), ("AT-70", 70_000), ("AT-300", 300_000)];
    for (invoice, at) in cases {
        let late = Behaviour::AnswerLate { after_ms: 10_000, answer_after_ms: at };
        shop.script([push().invoice(invoice).behave(late), check().invoice(invoice).unheard()]);
    }
    std::thread::scope(|scope| {
        for (number, (invoice, at)) in cases.into_iter().enumerate() {
            let shop = &shop;
            scope.spawn(move || {
                let told = shop.pay(invoice, &customer(number));
                // Some milliseconds after the decision are a race on a busy machine.
                let raced = at < 300_000 && told.is_paid();
                assert!(raced || matches!(told, Outcome::NotCompleted(_)), "{invoice}: {told:?}");
            });
        }
    });
    shop.settle_and_compare();
    for (invoice, _) in cases {
        match shop.report(invoice).outcome {
            Some(Outcome::Paid(_)) if invoice != "AT-300" => {}
            Some(Outcome::NotCompleted(open)) => {
                assert!(open.was_debited(), "{invoice}: the evidence is kept");
                assert!(open.is_refund_settled(), "{invoice}");
            }
            other => panic!("{invoice}: {other:?}"),
        }
    }
}

#[test]
fn n8_a_push_that_a_proxy_doubled_is_never_told_as_declined() {
    let shop = Shop::open(SCALE);
    // The copy's answer, 94, comes first; the original's is lost.
    let doubled = |invoice: &str| push().invoice(invoice).duplicate(200, AnswerOf::Second);
    shop.script([doubled("PAID"), doubled("REFUNDED"), doubled("IGNORED")]);
    shop.script(check().invoice("REFUNDED").unheard());
    std::thread::scope(|scope| {
        let paid = scope.spawn(|| shop.pay("PAID", &customer(1)));
        let refunded = scope.spawn(|| shop.pay("REFUNDED", &customer(2)));
        let ignored = scope.spawn(|| shop.pay("IGNORED", IGNORES));
        assert!(paid.join().unwrap().is_paid());
        for outcome in [refunded.join().unwrap(), ignored.join().unwrap()] {
            assert!(matches!(outcome, Outcome::NotCompleted(_)), "{outcome:?}");
        }
    });
    shop.settle_and_compare();
    for entry in shop.ovo.ledger() {
        assert!(entry.debits <= 1, "{entry:?}");
    }
    assert!(shop.alerted("PAID", |it| matches!(it, ovo_ptp::payment::Alert::DuplicateNumbers(_))));
}

#[test]
fn n9_every_request_has_its_own_connection_and_a_stale_one_never_resends() {
    let shop = Shop::open(SCALE);
    // OVO promises to keep the connection, and closes or resets it.
    for (number, delivery) in
        [Delivery::ThenReset, Delivery::ThenClose, Delivery::Plain].into_iter().enumerate()
    {
        shop.script(push().deliver(delivery));
        let invoice = format!("INV-{number}");
        assert!(shop.pay(&invoice, &customer(number)).is_paid());
        assert_eq!(shop.heard(Operation::PushToPay, &invoice), 1);
        // A void moves money too.
        shop.script(Step::on(Operation::Void).deliver(Delivery::ThenReset));
        let voided = shop.client().void(&invoice.parse().unwrap()).unwrap();
        assert_eq!(voided, ovo_ptp::VoidOutcome::Voided);
        assert_eq!(shop.heard(Operation::Void, &invoice), 1);
    }
    shop.settle_and_compare();
    assert_eq!(shop.ovo.counters().accepted, 6, "one connection each, none made in vain");
}

#[test]
fn n12_a_check_without_a_usable_answer_leaves_the_decision_where_it_was() {
    let shop = Shop::punctual(SCALE);
    let answer = |plan| check().answer(plan);
    let faults = [
        ("EMPTY-500", answer(AnswerPlan { empty: Some(500), ..AnswerPlan::default() })),
        ("EMPTY-404", answer(AnswerPlan { empty: Some(404), ..AnswerPlan::default() })),
        ("HTML-200", answer(AnswerPlan { html: Some(200), ..AnswerPlan::default() })),
        ("HTML-502", answer(AnswerPlan { html: Some(502), ..AnswerPlan::default() })),
        ("SLOW", check().deliver(Delivery::Slow { bytes: 1, every_ms: 5_000 })),
        ("MUTE", check().deliver(Delivery::Hang)),
        ("RESET", check().deliver(Delivery::Reset)),
        ("LOST", check().unheard()),
        ("ER", check().code("ER")),
        ("PENDING", check().code("68")),
    ];
    let ways = || faults.iter().enumerate();
    for (_, (name, fault)) in ways() {
        // Debited, and the answer is lost; then the check is no help either.
        let paid_unheard = Behaviour::AnswerLost { after_ms: 10_000, cut: false };
        shop.script(push().invoice(name).behave(paid_unheard));
        shop.script(fault.clone().invoice(name));
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (number, (name, _)) in ways() {
            let shop = &shop;
            scope.spawn(move || {
                let told = shop.pay(name, &customer(number));
                assert!(matches!(told, Outcome::NotCompleted(_)), "{name}: {told:?}");
            });
        }
    });
    let limit = Duration::from_secs(66).mul_f64(SCALE) + Duration::from_secs(12);
    assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
    shop.settle_and_compare();
}

#[test]
fn n15_answers_that_never_end_are_ended_by_the_clock() {
    let shop = Shop::open(SCALE);
    unusable_answers(
        &shop,
        &[
            ("SLOW-LORIS", push().deliver(Delivery::Slow { bytes: 1, every_ms: 5_000 })),
            ("HEADERS", push().deliver(Delivery::EndlessHeaders { every_ms: 200 })),
            ("CHUNKS", push().deliver(Delivery::EndlessChunks { every_ms: 200 })),
            ("MUTE-HEAD", push().deliver(Delivery::HeadOnly { then: Then::Hang })),
            ("MUTE-BODY", push().deliver(Delivery::HalfBody { then: Then::Hang })),
        ],
    );
}

#[test]
fn n16_bodies_that_are_too_large_or_lie_about_themselves_are_no_answer() {
    let shop = Shop::open(SCALE);
    unusable_answers(
        &shop,
        &[
            ("TEN-MEGABYTES", push().deliver(Delivery::HugeBody { bytes: 10_000_000 })),
            ("OVER-64-K", push().deliver(Delivery::HugeBody { bytes: 65_536 })),
            ("GZIP", push().deliver(Delivery::Gzip { inflated_bytes: 0 })),
            ("GZIP-BOMB", push().deliver(Delivery::Gzip { inflated_bytes: 10_000_000 })),
            ("TOO-LONG", push().deliver(Delivery::LengthTooLong(10))),
            ("TOO-SHORT", push().deliver(Delivery::LengthTooShort(10))),
            ("TWO-LENGTHS", push().deliver(Delivery::LengthTwice)),
            ("CHUNK-ERROR", push().deliver(Delivery::ChunkError)),
            ("HALF", push().deliver(Delivery::HalfBody { then: Then::Close })),
            ("GARBAGE", push().deliver(Delivery::Garbage)),
        ],
    );
}

#[test]
fn n16_a_body_in_chunks_or_without_a_length_is_an_answer_if_tls_says_that_it_is_whole() {
    let shop = Shop::open(SCALE);
    let whole = [Delivery::Chunked, Delivery::LengthMissing, Delivery::HugeBody { bytes: 60_000 }];
    for (number, delivery) in whole.into_iter().enumerate() {
        shop.script(push().deliver(delivery.clone()));
        match shop.pay(&format!("INV-{number}"), &customer(number)) {
            Outcome::Paid(receipt) => assert!(!receipt.is_late(), "{delivery:?}"),
            other => panic!("{delivery:?}: {other:?}"),
        }
    }
    shop.settle_and_compare();
}

#[test]
fn n17_a_redirect_is_never_followed() {
    let shop = Shop::open(SCALE);
    let elsewhere = ovo(SCALE);
    let to = |url: String, status: u16| {
        with(AnswerPlan { redirect: Some(Redirect { status, to: url }), ..AnswerPlan::default() })
    };
    let there = format!("{}/pos", elsewhere.base_url());
    let here = format!("{}/pos", shop.ovo.base_url());
    unusable_answers(
        &shop,
        &[
            ("R301", to(there.clone(), 301)),
            ("R302", to(there.clone(), 302)),
            ("R303", to(there.clone(), 303)),
            ("R307", to(there.clone(), 307)),
            ("R308", to(there, 308)),
            ("SAME-HOST", to(here, 307)),
            ("RELATIVE", to("/pos".to_owned(), 308)),
        ],
    );
    assert_eq!(elsewhere.counters().accepted, 0);
    // The operator finds the reason among the events.
    assert!(shop.results(Operation::PushToPay).iter().any(|result| result.contains("HTTP 307")));
}

/// With OVO's own words in its body: a gateway in front of the payment host sent it.
#[test]
fn n17_a_redirect_with_a_code_is_unknown_and_what_the_check_says_counts() {
    let shop = Shop::open(SCALE);
    for (invoice, status) in [("R300", 300), ("R302", 302), ("R304", 304), ("R399", 399)] {
        let plan = AnswerPlan { status: Some(status), ..AnswerPlan::default() };
        shop.ovo.script([with(plan)]);
        match shop.pay(invoice, &customer(usize::from(status))) {
            Outcome::Paid(receipt) => assert!(receipt.is_late(), "{status}: the check found it"),
            other => panic!("{status}: {other:?}"),
        }
    }
    shop.settle_and_compare();
}

#[test]
fn n18_a_captive_portal_or_a_maintenance_page_is_no_answer() {
    let shop = Shop::open(SCALE);
    let html = |status| with(AnswerPlan { html: Some(status), ..AnswerPlan::default() });
    let body = |text: &str| with(AnswerPlan { body: Some(text.to_owned()), ..Default::default() });
    let portal = "<!doctype html><script>var responseCode=\"00\"</script><h1>Log in</h1>";
    unusable_answers(
        &shop,
        &[
            ("HTML-200", html(200)),
            ("HTML-503", html(503)),
            ("PORTAL", body(portal)),
            ("TEXT", body("OK 00")),
            ("JSON-TEXT", body("\"00\"")),
            ("OTHER-JSON", body(r#"{"status":"00","message":"maintenance"}"#)),
        ],
    );
}

#[test]
fn n19_an_empty_404_is_unknown_and_not_an_instant_failure() {
    let shop = Shop::open(SCALE);
    std::thread::scope(|scope| {
        // As OVO does it: at the session's end.
        scope.spawn(|| {
            assert!(matches!(shop.pay("IGNORED", IGNORES), Outcome::NotCompleted(_)));
        });
        // At 10 s, although the customer is debited at 30 s.
        let empty = AnswerPlan { empty: Some(404), ..AnswerPlan::default() };
        let pending = Behaviour::Pending { answer_after_ms: 10_000, paid_after_ms: Some(30_000) };
        shop.script(with(empty.clone()).invoice("EARLY").behave(pending));
        scope.spawn(|| {
            let told = shop.pay("EARLY", &customer(1));
            assert!(matches!(told, Outcome::Paid(ref receipt) if receipt.is_late()), "{told:?}");
        });
        // At 58 s.
        shop.script(with(AnswerPlan { at_ms: Some(58_000), ..empty }).invoice("AT-58"));
        scope.spawn(|| assert!(shop.pay("AT-58", &customer(2)).is_paid()));
    });
    shop.settle_and_compare();
    let pushed = shop.requests(Operation::PushToPay, "IGNORED")[0].at_ms;
    let reversals = shop.requests(Operation::Reversal, "IGNORED");
    assert!(!reversals.is_empty());
    for reversal in reversals {
        assert!(reversal.at_ms - pushed >= 60_000, "the session may still be alive: {reversal:?}");
    }
}

fn busy(status: u16, retry_after: &str) -> AnswerPlan {
    AnswerPlan {
        empty: Some(status),
        headers: [("Retry-After".to_owned(), retry_after.to_owned())].into(),
        ..AnswerPlan::default()
    }
}

#[test]
fn n20_a_busy_host_gets_the_pause_it_asks_for_and_the_reversal_still_arrives() {
    let shop = Shop::open(SCALE);
    shop.script([
        push().deliver(Delivery::Hang),
        check().unheard(),
        reversal().unheard().answer(busy(503, "1")),
        reversal().unheard().answer(busy(429, "1")),
    ]);
    assert!(matches!(shop.pay("INV-1", APPROVES), Outcome::NotCompleted(_)));
    shop.settle_and_compare();
    let at: Vec<i64> =
        shop.requests(Operation::Reversal, "INV-1").iter().map(|it| it.wall).collect();
    assert_eq!(at.len(), 3, "{at:?}");
    // Real seconds, less a clock's step. Unasked it would have tried after 0.45 s.
    assert!(at[1] - at[0] >= 950 && at[2] - at[1] >= 950, "{at:?}");
}

#[test]
fn n20_a_pause_without_end_is_cut_and_never_drops_the_reversal() {
    // The longest pause is sixty retries: here 0.6 s.
    let timers = Timers { retry: Duration::from_millis(10), ..roomy(SCALE) };
    let shop = Shop::with(SCALE, timers, |it| it);
    let for_ever = busy(503, "4294967295");
    shop.script([
        push().deliver(Delivery::Hang),
        check().unheard(),
        reversal().unheard().answer(for_ever.clone()),
        reversal().unheard().answer(for_ever),
    ]);
    assert!(matches!(shop.pay("INV-1", APPROVES), Outcome::NotCompleted(_)));
    shop.settle_and_compare();
    assert_eq!(shop.heard(Operation::Reversal, "INV-1"), 3);
}

#[test]
fn n26_nobody_waits_for_a_connection_that_a_close_or_a_cancel_has_made_useless() {
    // A host that accepts and is silent: connecting takes all of OVO's twenty seconds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", silent.local_addr().unwrap());
    for cancels in [false, true] {
        let mut till = Till::open(&address, Trust::Platform, Timers::scaled(1.0), |it| it);
        let (outcome, took) = std::thread::scope(|scope| {
            let payer = scope.spawn(|| till.pay("INV-1", APPROVES));
            std::thread::sleep(Duration::from_millis(500));
            let began = Instant::now();
            if cancels {
                till.client().cancel(&"INV-1".parse().unwrap()).unwrap();
            } else {
                till.client().close();
            }
            (payer.join().unwrap(), began.elapsed())
        });
        let reason = if cancels { NotSentReason::Cancelled } else { NotSentReason::Closed };
        let Outcome::NotSent(not_sent) = outcome else { panic!("{outcome:?}") };
        assert_eq!(not_sent.reason(), Some(reason));
        assert!(took < Duration::from_secs(5), "cancelled: {cancels}, {took:?}");
        till.leave();
    }
}

#[test]
fn n21_an_address_family_that_leads_nowhere_costs_no_payment() {
    // `localhost` is ::1 and 127.0.0.1; OVO is on the second only.
    let shop = Shop::open(SCALE);
    let address = format!("https://localhost:{}", shop.ovo.address().port());
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    assert!(till.pay("INV-1", &customer(1)).is_paid());
    assert!(till.pay("INV-2", &customer(2)).is_paid());
    compare(&shop.ovo, &[&till]);
}

#[test]
fn n21_the_certificate_proves_the_host_and_the_address_does_not() {
    let shop = Shop::open(SCALE);
    // Another address that leads to the real OVO: the certificate does not carry it.
    let relay = Relay::start("127.0.0.2", shop.ovo.address(), Manner::Honest);
    let address = format!("https://{}", relay.address());
    let stranger = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    assert!(matches!(stranger.pay("INV-1", APPROVES), Outcome::NotSent(_)));
    assert!(shop.ovo.requests().is_empty());
    // The right name at an address that leads there over a detour.
    let detour = Relay::start("127.0.0.1", shop.ovo.address(), Manner::Honest);
    let address = format!("https://{}", detour.address());
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    assert!(till.pay("INV-2", APPROVES).is_paid());
    compare(&shop.ovo, &[&stranger, &till]);
}

#[test]
fn n22_forty_tills_that_come_back_after_an_outage_all_settle_and_sell_meanwhile() {
    const TILLS: usize = 40;
    let tid = |number: usize| format!("{number:08}");
    let terminal = |number| Terminal { tid: tid(number), ..Merchant::demo().terminals[0].clone() };
    let merchant = Merchant { terminals: (0..TILLS).map(terminal).collect(), ..Merchant::demo() };
    let host = HostConfig { merchants: vec![merchant], ..HostConfig::default() };
    let ovo = ovo_with(SCALE, host);
    let tills: Vec<Till> = (0..TILLS)
        .map(|number| {
            let credentials = credentials(&tid(number));
            let (address, timers) = (ovo.base_url(), patient(SCALE));
            Till::with_credentials(credentials, &address, trust(&ovo), timers, |it| it)
        })
        .collect();
    // Every till has a payment under way: debited, and the answer is lost.
    let waiting: Vec<_> = tills
        .iter()
        .enumerate()
        .map(|(number, till)| {
            let invoice = format!("LOST-{number}");
            let unheard = Behaviour::AnswerLost { after_ms: 1_000, cut: false };
            // The check is lost even if the outage comes too late for it.
            ovo.script(push().invoice(&invoice).behave(unheard));
            ovo.script(check().invoice(&invoice).unheard());
            till.client().start(&charge(&invoice, &customer(number))).unwrap()
        })
        .collect();
    until("all pushes arrive", || ovo.ledger().len() == TILLS);
    ovo.script(connections(ConnectionFault::ResetAtAccept, 0));
    ovo.cut_all();
    for payment in &waiting {
        assert!(matches!(payment.outcome(), Outcome::NotCompleted(_)), "{payment:?}");
    }
    // The outage goes on while reversals fall due again and again, then ends for all at once.
    std::thread::sleep(Duration::from_secs(15).mul_f64(SCALE));
    ovo.with_host(|host| host.script_mut().connections.clear());
    std::thread::scope(|scope| {
        for (number, till) in tills.iter().enumerate() {
            scope.spawn(move || {
                let (invoice, phone) = (format!("NEW-{number}"), customer(100 + number));
                let told = till.pay(&invoice, &phone);
                assert!(told.is_paid(), "{invoice}: {told:?}");
            });
        }
    });
    tills.iter().for_each(Till::settle);
    compare(&ovo, &tills.iter().collect::<Vec<_>>());
    let refunded = |number: usize| ovo.net(&format!("LOST-{number}")) == 0;
    assert!((0..TILLS).all(refunded));
    assert_eq!(ovo.ledger().len(), 2 * TILLS);
}

#[test]
fn n23_interim_answers_are_passed_over() {
    let shop = Shop::open(SCALE);
    for (number, status) in [100, 102, 103].into_iter().enumerate() {
        shop.script(push().deliver(Delivery::Interim { status, times: 3 }));
        match shop.pay(&format!("INV-{number}"), &customer(number)) {
            Outcome::Paid(receipt) => assert!(!receipt.is_late(), "{status}"),
            other => panic!("{status}: {other:?}"),
        }
    }
    shop.settle_and_compare();
}

#[test]
fn n23_two_answers_or_another_protocol_are_no_answer() {
    let shop = Shop::open(SCALE);
    unusable_answers(
        &shop,
        &[
            ("TWICE", push().deliver(Delivery::Twice)),
            ("SWITCHED", push().deliver(Delivery::Interim { status: 101, times: 1 })),
            ("ENDLESS-INTERIM", push().deliver(Delivery::Interim { status: 100, times: 5_000 })),
        ],
    );
}

#[test]
fn n23_an_answer_that_lies_there_before_the_request_is_not_believed() {
    let shop = Shop::open(SCALE);
    shop.script([check().invoice("INV-1").unheard()]);
    shop.script(connections(ConnectionFault::SpeaksFirst, 1));
    let told = shop.pay("INV-1", APPROVES);
    // Seen before the request left, nothing is sent; seen after it, nobody knows.
    let heard = shop.requests(Operation::PushToPay, "INV-1");
    match told {
        Outcome::NotSent(_) => assert!(heard.is_empty()),
        Outcome::NotCompleted(_) => assert_eq!(heard.len(), 1),
        other => panic!("{other:?}"),
    }
    shop.settle_and_compare();
}

/// An acquirer in front of OVO that terminates mutual TLS.
#[test]
fn n27_a_host_that_wants_a_certificate_is_paid_through_with_ours_and_with_no_other() {
    let ovo = ovo_with_client_certificate(SCALE);
    let ours = std::fs::read(ovo.client_pem_path().unwrap()).unwrap();
    let foreign = {
        let another = ovo_with_client_certificate(SCALE);
        std::fs::read(another.client_pem_path().unwrap()).unwrap()
    };
    let open = |pem: Option<&[u8]>| {
        let pem = pem.map(|pem| ClientCertificate::from_pem(pem, pem).unwrap());
        Till::open(&ovo.base_url(), trust(&ovo), roomy(SCALE), |builder| match pem {
            Some(ours) => builder.client_certificate(ours),
            None => builder,
        })
    };

    let till = open(Some(&ours));
    assert!(matches!(till.pay("INV-OURS", APPROVES), Outcome::Paid(_)));
    let diagnosis = till.client().doctor().unwrap();
    assert!(diagnosis.problems().is_empty(), "{diagnosis}");
    assert!(diagnosis.to_string().contains("client's certificate: ends on "), "{diagnosis}");
    drop(till);

    for (name, pem) in [("NONE", None), ("FOREIGN", Some(&*foreign))] {
        let till = open(pem);
        let invoice = format!("INV-{name}");
        let outcome = till.pay(&invoice, APPROVES);
        assert_eq!(why(&outcome), Some(NotSentReason::NotTrusted), "{outcome:?}");
        assert!(till.report(&invoice).settled);
        let problems = till.client().doctor().unwrap().problems();
        assert!(problems[0].contains("fatal alert"), "{problems:?}");
        let says_none = problems.iter().any(|line| line.contains("none is set"));
        assert_eq!(says_none, pem.is_none(), "{problems:?}");
        assert_eq!(ovo.net(&invoice), 0);
    }
}

#[test]
fn doctor_tells_the_way_to_the_host_and_warns_before_a_certificate_ends() {
    let shop = Shop::open(SCALE);
    let diagnosis = shop.client().doctor().unwrap();
    assert!(diagnosis.problems().is_empty(), "{diagnosis}");
    let said = diagnosis.to_string();
    for line in ["proxy:                none", "protocol:             TLS 1.3, HTTP/1.1"] {
        assert!(said.contains(line), "{said}");
    }
    let days = |diagnosis: &ovo_ptp::Diagnosis| {
        diagnosis.route.as_ref().unwrap().host_certificate.unwrap().days_left
    };
    assert!(days(&diagnosis) > 3000, "{said}");

    shop.script(connections(ConnectionFault::EndingCertificate, 0));
    let diagnosis = shop.client().doctor().unwrap();
    assert_eq!(days(&diagnosis), 3);
    let problems = diagnosis.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("the host's certificate ends on "), "{problems:?}");
    assert!(problems[0].contains("in 3 days"), "{problems:?}");
    // It is good until then.
    assert!(matches!(shop.pay("INV-1", APPROVES), Outcome::Paid(_)));
    shop.settle_and_compare();
}
