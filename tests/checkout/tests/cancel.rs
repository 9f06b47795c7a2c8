//! The merchant gives a payment up (C17): before, during and behind its answer, from another thread
//! or process, and with a death behind it.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ovo_checkout::{Fault, Life, Shop, charge, invoice, lock, minutes, seconds, settled};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::Alert;
use ovo_ptp::{Client, Error, ErrorKind, Event, NotSentReason, Outcome};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_AT_30: &str = "081200000130";
const DECLINES_AT_30: &str = "081200001730";

/// One customer of each kind that matters here.
const CUSTOMERS: [&str; 9] = [
    APPROVES,
    PAYS_AT_30,
    "081200000159",
    DECLINES_AT_30,
    IGNORES,
    // Pays at 10 s, and nobody hears of it.
    "081200009210",
    // Is debited behind the check.
    "081200009503",
    // Pending, then debited.
    "081200006930",
    "081200006800",
];

type Cancelled = Arc<Mutex<Option<Result<Outcome, Error>>>>;

/// Cancels INV-1 when so much time has passed; what that said comes into the returned place.
fn cancels_after(shop: &Shop, client: &Arc<Client>, after: f64) -> Cancelled {
    let (said, client) = (Cancelled::default(), Arc::clone(client));
    let place = Arc::clone(&said);
    shop.later(seconds(after), move |_| {
        *lock(&place) = Some(client.cancel(&invoice("INV-1")));
    });
    said
}

/// What the cancel said, if its time has come.
fn said(cancelled: &Cancelled) -> Option<Outcome> {
    lock(cancelled).take().map(|said| said.expect("it may be cancelled"))
}

#[test]
fn c17_before_its_first_byte_a_cancelled_payment_is_not_sent_and_the_customer_may_be_asked_again() {
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(3.0)));
    let cancelled = cancels_after(&shop, shop.client(), 1.0);
    let outcome = shop.pay("INV-1", APPROVES);
    assert_eq!(said(&cancelled).as_ref(), Some(&outcome));
    let Outcome::NotSent(not_sent) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(not_sent.reason(), Some(NotSentReason::Cancelled));
    assert_eq!(shop.heard(Operation::PushToPay), 0);
    assert!(shop.pay("INV-2", APPROVES).is_paid(), "at once, and nothing was debited twice");
    settled(&shop);
}

#[test]
fn c17_a_payment_cancelled_at_any_moment_has_one_outcome_and_every_rupiah_agrees() {
    for at in [0.02, 0.06, 0.5, 10.0, 29.99, 30.05, 59.5, 60.3, 60.52, 63.0, 64.99, 65.2, 90.0] {
        for phone in CUSTOMERS {
            let shop = Shop::open();
            let began = shop.world().ms;
            let cancelled = cancels_after(&shop, shop.client(), at);
            let outcome = shop.pay("INV-1", phone);
            let took = (shop.world().ms - began) as f64 / 1000.0;
            if let Some(durable) = said(&cancelled) {
                assert_eq!(durable.name(), outcome.name(), "{at} {phone}: all are told the same");
                assert!(took < at + 4.1, "{at} {phone}: {took} s");
                if at < 60.0 {
                    assert!(took < at + 1.1, "{at} {phone}: {took} s");
                }
            }
            settled(&shop);
            assert_eq!(shop.net("INV-1") != 0, outcome.is_paid(), "{at} {phone}: {outcome:?}");
            assert!(shop.heard(Operation::PushToPay) <= 1);
        }
    }
}

#[test]
fn c17_another_process_cancels_and_who_waits_hears_it_within_two_seconds() {
    for phone in CUSTOMERS {
        let shop = Shop::open();
        let began = shop.world().ms;
        let cancelled = cancels_after(&shop, &shop.second_client(), 20.0);
        let outcome = shop.pay("INV-1", phone);
        if let Some(durable) = said(&cancelled) {
            assert_eq!(durable.name(), outcome.name(), "{phone}");
            assert!((shop.world().ms - began) < 22_000, "{phone}");
        }
        settled(&shop);
        assert_eq!(shop.net("INV-1") != 0, outcome.is_paid(), "{phone}: {outcome:?}");
    }
}

#[test]
fn c17_a_process_that_dies_of_a_cancel_at_any_moment_leaves_one_outcome() {
    // All but the one who has approved by then.
    for phone in &CUSTOMERS[1..] {
        for moments in 0..8 {
            let mut shop = Shop::open();
            let (life, client) = (Arc::clone(&shop.life), Arc::clone(shop.client()));
            shop.later(seconds(20.0), move |_| {
                life.ends_after(moments);
                let _ = client.cancel(&invoice("INV-1"));
            });
            let told = Life::until_death(|| shop.pay("INV-1", phone));
            shop.reopen();
            settled(&shop);
            let outcome = shop.report("INV-1").outcome.expect("it is decided");
            if let Some(told) = told {
                assert_eq!(told.name(), outcome.name(), "{phone} {moments}");
            }
            assert_eq!(shop.net("INV-1") != 0, outcome.is_paid(), "{phone} {moments}");
        }
    }
}

fn is_end_of_push(event: &Event) -> bool {
    matches!(event, Event::Exchanged { operation: Operation::PushToPay, .. })
}

#[test]
fn c17_a_started_payment_s_thread_listens_on_and_what_it_hears_is_worth_something() {
    for (phone, reversed) in [(PAYS_AT_30, true), (DECLINES_AT_30, false)] {
        let shop = Shop::open();
        let cancelled = cancels_after(&shop, shop.client(), 10.0);
        let payment = shop.client().start(&charge("INV-1", phone)).unwrap();
        assert_eq!(payment.outcome().name(), "not completed");
        // Its thread hears the answer at 30 s; no time passes without it.
        while !shop.events().iter().any(is_end_of_push) {
            std::thread::yield_now();
        }
        while shop.report("INV-1").settlement == "reversal under way" && !reversed {
            std::thread::yield_now();
        }
        assert_eq!(said(&cancelled).unwrap().name(), "not completed");
        assert_eq!(payment.cancel().unwrap().name(), "not completed", "a second time is harmless");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal) > 0, reversed, "{phone}");
        assert_eq!(shop.alerted(|alert| *alert == Alert::LateSuccess), reversed, "{phone}");
        let Some(Outcome::NotCompleted(end)) = shop.report("INV-1").outcome else { panic!() };
        assert!(end.is_cancelled() && end.is_refund_settled());
        assert_eq!(end.was_debited(), reversed);
        assert_eq!(shop.net("INV-1"), 0);
    }
}

#[test]
fn c17_a_caller_without_threads_cancels_from_its_progress_and_returns_at_once() {
    for (limit, sent) in [(0, false), (45, true)] {
        let shop = Shop::with(Default::default(), |builder| builder.threads(false));
        let began = shop.world().ms;
        let mut calls = 0;
        let outcome = shop.client().pay_with(&charge("INV-1", IGNORES), move |progress| {
            calls += 1;
            let is_over = if sent { progress.remaining <= seconds(45.0) } else { calls > limit };
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(outcome.unwrap().name(), if sent { "not completed" } else { "not sent" });
        assert!(shop.world().ms - began < 12_000);
        assert_eq!(shop.heard(Operation::PushToPay), usize::from(sent));
        settled(&shop);
    }
}

#[test]
fn c17_a_panic_in_the_progress_of_a_payment_cancels_nothing() {
    let shop = Shop::open();
    let outcome =
        shop.client().pay_with(&charge("INV-1", APPROVES), |_| panic!("a display that broke"));
    assert!(outcome.unwrap().is_paid());
    settled(&shop);
}

#[test]
fn c17_the_customer_s_next_payment_waits_for_the_cancelled_one_and_is_told_how_long() {
    let shop = Shop::open();
    let cancelled = cancels_after(&shop, shop.client(), 10.0);
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    assert_eq!(said(&cancelled).unwrap().name(), "not completed");
    let error = shop.client().pay(&charge("INV-2", IGNORES)).unwrap_err();
    assert_eq!(error.invoice(), Some(&invoice("INV-1")));
    let wait = error.retry_after().expect("how long");
    assert!(wait > seconds(30.0) && wait < seconds(60.0), "until OVO's session is over: {wait:?}");
    assert!(shop.client().payment(&invoice("INV-2")).unwrap().is_none());
    settled(&shop);
    assert!(shop.client().pay(&charge("INV-2", IGNORES)).is_ok());
    settled(&shop);
}

#[test]
fn c17_the_reversal_of_a_cancelled_payment_leaves_no_earlier_and_no_later_than_of_any_other() {
    let shop = Shop::open();
    let began = shop.world().ms;
    let _cancelled = cancels_after(&shop, shop.client(), 15.0);
    // Debited at 10 s, and nobody hears of it before the check of 60.5 s.
    assert_eq!(shop.pay("INV-1", "081200009210").name(), "not completed");
    shop.settle_for(minutes(2));
    let first = shop.requests(Operation::Reversal)[0].at_ms - began;
    assert!((65_000..70_000).contains(&first), "{first} ms");
    settled(&shop);
}

#[test]
fn c17_a_cancelled_payment_that_nobody_listens_to_and_nobody_paid_needs_no_reversal() {
    let shop = Shop::open();
    let _cancelled = cancels_after(&shop, shop.client(), 5.0);
    assert_eq!(shop.pay("INV-1", IGNORES).name(), "not completed");
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert!(shop.report("INV-1").settled);
}

#[test]
fn c17_what_could_not_be_returned_is_not_cancelled_and_goes_on() {
    let shop = Shop::open();
    // 94: the numbers may be another sale's, and no reversal may go out.
    let cancelled = cancels_after(&shop, shop.client(), 10.0);
    let outcome = shop.pay("INV-1", "081200009400");
    let error = lock(&cancelled).take().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(shop.world().ms > 0 && !outcome.is_paid(), "{outcome:?}");
    settled(&shop);
}

#[test]
fn c17_what_is_decided_is_returned_and_what_is_unknown_is_not_found() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    assert!(shop.client().cancel(&invoice("INV-1")).unwrap().is_paid(), "that came first");
    let unknown = shop.client().cancel(&invoice("INV-9")).unwrap_err();
    assert!(unknown.is_not_found());
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0);
}

#[test]
fn c17_a_payment_whose_process_is_gone_is_cancelled_and_settled_by_the_next() {
    let mut shop = Shop::open();
    shop.dies_after(seconds(5.0));
    assert!(Life::until_death(|| shop.pay("INV-1", PAYS_AT_30)).is_none());
    shop.reopen();
    let outcome = shop.client().cancel(&invoice("INV-1")).unwrap();
    assert_eq!(outcome.name(), "not completed");
    shop.clock.pass(Duration::from_secs(40));
    settled(&shop);
    assert_eq!(shop.net("INV-1"), 0);
    let told = shop.client().pay(&charge("INV-1", PAYS_AT_30)).unwrap();
    assert_eq!(told.name(), "not completed", "asked again, nothing else is told");
}

#[test]
fn c17_many_who_wait_hear_of_the_cancel_at_once() {
    let shop = Shop::open();
    let _cancelled = cancels_after(&shop, shop.client(), 10.0);
    let (tell, told) = mpsc::channel();
    let payment = shop.client().start(&charge("INV-1", IGNORES)).unwrap();
    payment.on_outcome(move |outcome| tell.send(outcome.name()).unwrap());
    assert_eq!(payment.outcome().name(), "not completed");
    assert_eq!(told.recv().unwrap(), "not completed");
    settled(&shop);
}
