//! Many threads, one client, real TLS: payments side by side, on one invoice, and while it closes.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod tls;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use ovo_ptp::message::Operation;
use ovo_ptp::transport::{Exchange, HttpRequest, HttpsOptions, HttpsTransport, Transport, Watch};
use ovo_ptp::{ErrorKind, Event, Outcome, Rupiah, VoidOutcome};
use ovo_sandbox::{Behaviour, Step};
use tls::*;

const SCALE: f64 = 0.03;

/// For what must happen while a customer decides: 40 s of OVO's take four.
const SLOWER: f64 = 0.1;

fn unheard(after_ms: u64) -> Step {
    Step::on(Operation::PushToPay).behave(Behaviour::AnswerLost { after_ms, cut: false })
}

#[test]
fn i9_sixty_four_payments_at_once_keep_their_numbers_and_their_money_apart() {
    const PAYMENTS: usize = 64;
    let shop = Shop::with(SCALE, patient(SCALE), |it| it);
    shop.script(
        Step::on(Operation::PushToPay).times(0).behave(Behaviour::Approve { after_ms: 20_000 }),
    );
    let together = Barrier::new(PAYMENTS);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let (shop, together) = (&shop, &together);
        let paying = (0..PAYMENTS).map(|number| {
            scope.spawn(move || {
                let amount = Rupiah::new(AMOUNT + i64::try_from(number).unwrap()).unwrap();
                let phone = customer(number).parse().unwrap();
                let charge = ovo_ptp::Charge::new(format!("INV-{number}"), amount, phone).unwrap();
                together.wait();
                shop.client().pay(&charge).unwrap()
            })
        });
        paying.collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).collect()
    });
    let mut numbers = BTreeSet::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        let Outcome::Paid(receipt) = outcome else { panic!("{outcome:?}") };
        assert_eq!(receipt.amount().get(), AMOUNT + i64::try_from(number).unwrap());
        assert!(numbers.insert((receipt.numbers().batch(), receipt.numbers().reference())));
    }
    shop.settle_and_compare();
    assert_eq!(shop.ovo.ledger().len(), PAYMENTS);
    assert_eq!(shop.reports().len(), PAYMENTS);
}

#[test]
fn mp12_one_invoice_from_sixteen_threads_is_one_push_and_one_outcome() {
    const CALLERS: usize = 16;
    let shop = Shop::with(SCALE, patient(SCALE), |it| it);
    shop.script([
        Step::on(Operation::PushToPay)
            .invoice("PAID")
            .behave(Behaviour::Approve { after_ms: 20_000 }),
        Step::on(Operation::PushToPay)
            .invoice("DECLINED")
            .behave(Behaviour::Decline { code: "17".to_owned(), after_ms: 20_000 }),
        unheard(20_000).invoice("REFUNDED"),
        Step::on(Operation::CheckPayment).invoice("REFUNDED").unheard(),
    ]);
    for (invoice, name, phone) in
        [("PAID", "paid", 1), ("DECLINED", "declined", 2), ("REFUNDED", "not completed", 3)]
    {
        let together = Barrier::new(CALLERS);
        std::thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (shop, together) = (&shop, &together);
                scope.spawn(move || {
                    together.wait();
                    // Some call, some start, some look in from time to time.
                    let told = match caller % 3 {
                        0 => shop.pay(invoice, &customer(phone)),
                        1 => {
                            let charge = charge(invoice, &customer(phone));
                            shop.client().start(&charge).unwrap().outcome()
                        }
                        _ => {
                            let charge = charge(invoice, &customer(phone));
                            let handle = shop.client().start(&charge).unwrap();
                            until("an outcome", || handle.poll().is_some());
                            handle.poll().unwrap()
                        }
                    };
                    assert_eq!(told.name(), name, "{invoice}: {told:?}");
                });
            }
        });
        assert_eq!(shop.heard(Operation::PushToPay, invoice), 1, "{invoice}");
        // A caller who comes late hears the same.
        assert_eq!(shop.pay(invoice, &customer(phone)).name(), name);
        assert_eq!(shop.heard(Operation::PushToPay, invoice), 1, "{invoice}");
    }
    shop.settle_and_compare();
}

#[test]
fn mp12_one_invoice_with_two_amounts_is_one_payment_and_errors() {
    let shop = Shop::with(SCALE, patient(SCALE), |it| it);
    let together = Barrier::new(8);
    let told: Vec<_> = std::thread::scope(|scope| {
        let (shop, together) = (&shop, &together);
        let calls = (0..8).map(|caller: i64| {
            scope.spawn(move || {
                let amount = Rupiah::new(AMOUNT + caller % 2).unwrap();
                let phone = customer(1).parse().unwrap();
                together.wait();
                shop.client().pay(&ovo_ptp::Charge::new("INV-1", amount, phone).unwrap())
            })
        });
        calls.collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).collect()
    });
    // Whoever came first named the amount; all who ask for that one hear the same outcome.
    let agreed = shop.report("INV-1");
    let outcome = agreed.outcome.unwrap();
    for (caller, told) in (0..).zip(told) {
        if AMOUNT + caller % 2 == agreed.amount.get() {
            assert_eq!(told.unwrap().name(), outcome.name());
        } else {
            assert_eq!(told.unwrap_err().kind(), ErrorKind::InvoiceReused);
        }
    }
    assert!(outcome.is_paid(), "{outcome:?}");
    assert_eq!(shop.heard(Operation::PushToPay, "INV-1"), 1);
    shop.settle_and_compare();
}

#[test]
fn mp13_one_customer_at_sixteen_tills_is_pushed_once() {
    let shop = Shop::with(SLOWER, patient(SLOWER), |it| it);
    shop.script(
        Step::on(Operation::PushToPay).times(0).behave(Behaviour::Approve { after_ms: 40_000 }),
    );
    let together = Barrier::new(16);
    let paid: usize = std::thread::scope(|scope| {
        let (shop, together) = (&shop, &together);
        let calls = (0..16).map(|number| {
            scope.spawn(move || {
                let charge = charge(&format!("INV-{number}"), &customer(1));
                together.wait();
                match shop.client().pay(&charge) {
                    Ok(outcome) => {
                        assert!(outcome.is_paid(), "{outcome:?}");
                        1
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::UnsettledCustomer, "{error}");
                        0
                    }
                }
            })
        });
        calls.collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(paid, 1);
    assert_eq!(shop.ovo.ledger().len(), 1);
    shop.settle_and_compare();
}

#[test]
fn i5_whoever_waits_however_long_hears_the_same() {
    let shop = Shop::with(SLOWER, patient(SLOWER), |it| it);
    shop.script(Step::on(Operation::PushToPay).behave(Behaviour::Approve { after_ms: 40_000 }));
    let begun = Instant::now();
    let handle = shop.client().start(&charge("INV-1", &customer(1))).unwrap();
    // The intent is durable before the handle exists; the customer takes his time.
    assert!(shop.report("INV-1").outcome.is_none());
    assert_eq!(handle.poll(), None);
    assert_eq!(handle.wait(Duration::from_millis(1)), None);
    assert!(begun.elapsed() < Duration::from_secs(30));
    let waited = handle.wait(Duration::from_secs(30)).unwrap();
    assert!(waited.is_paid());
    assert_eq!(handle.poll().unwrap(), waited);
    assert_eq!(handle.outcome(), waited);
    assert_eq!(handle.wait(Duration::ZERO).unwrap(), waited);
    let listed = shop.client().unacknowledged().unwrap();
    assert_eq!(listed.len(), 1, "told to nobody who said that he kept it");
    shop.client().acknowledge(handle.invoice()).unwrap();
    assert!(shop.client().unacknowledged().unwrap().is_empty());
    shop.settle_and_compare();
}

#[test]
fn whoever_hears_paid_may_void_while_others_are_still_being_told() {
    let shop = Shop::with(SCALE, patient(SCALE), |it| it);
    let handle = shop.client().start(&charge("INV-1", &customer(1))).unwrap();
    let (told, hears) = std::sync::mpsc::channel();
    let (done, goes_on) = std::sync::mpsc::channel::<()>();
    handle.on_outcome(move |_| {
        told.send(()).unwrap();
        // The payment's thread stays here until the void is through.
        let _ = goes_on.recv_timeout(Duration::from_secs(60));
    });
    assert!(handle.outcome().is_paid());
    hears.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(shop.client().void(handle.invoice()).unwrap(), VoidOutcome::Voided);
    done.send(()).unwrap();
    shop.settle_and_compare();
}

#[test]
fn closing_waits_until_all_are_told() {
    let shop = Shop::with(SCALE, patient(SCALE), |it| it);
    shop.script(Step::on(Operation::PushToPay).behave(Behaviour::Approve { after_ms: 20_000 }));
    let heard = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        // The till's own thread lands the payment: no thread of the client's is there to wait for.
        scope.spawn(|| shop.client().pay(&charge("INV-1", &customer(1))).unwrap());
        while shop.reports().is_empty() {
            std::thread::yield_now();
        }
        let joined = shop.client().start(&charge("INV-1", &customer(1))).unwrap();
        let (told, hears) = std::sync::mpsc::channel();
        let flag = Arc::clone(&heard);
        joined.on_outcome(move |_| {
            told.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            flag.store(true, Ordering::SeqCst);
        });
        hears.recv_timeout(Duration::from_secs(60)).unwrap();
        shop.client().close();
        assert!(heard.load(Ordering::SeqCst), "closed while somebody was being told");
    });
}

#[test]
fn c11_closing_while_twenty_wait_interrupts_all_and_the_next_client_settles_all() {
    const PAYMENTS: usize = 20;
    let mut shop = Shop::with(SLOWER, roomy(SLOWER), |it| it);
    for number in 0..PAYMENTS {
        // Every second customer is debited, and nobody ever answers.
        let silent = if number % 2 == 0 {
            unheard(1_000)
        } else {
            Step::on(Operation::PushToPay).behave(Behaviour::IgnoreSilently {})
        };
        shop.script(silent.invoice(&format!("INV-{number}")));
    }
    let client = shop.client();
    let slowest = std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..PAYMENTS)
            .map(|number| {
                let charge = charge(&format!("INV-{number}"), &customer(number));
                scope.spawn(move || match number % 4 {
                    0 | 1 => client.pay(&charge).unwrap(),
                    _ => client.start(&charge).unwrap().outcome(),
                })
            })
            .collect();
        until("all pushes arrive", || shop.ovo.ledger().len() == PAYMENTS);
        let begun = Instant::now();
        client.close();
        for call in waiting {
            let told = call.join().unwrap();
            assert!(matches!(told, Outcome::Interrupted(_)), "{told:?}");
        }
        begun.elapsed()
    });
    assert!(slowest < Duration::from_secs(15), "{slowest:?}");
    let late = client.pay(&charge("LATE", &customer(99)));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(client.settle().unwrap_err().kind(), ErrorKind::Closed);
    client.close();

    // Half of the callers ask again; the others never come back.
    shop.reopen();
    std::thread::scope(|scope| {
        for number in (0..PAYMENTS).step_by(4) {
            let shop = &shop;
            scope.spawn(move || {
                let told = shop.pay(&format!("INV-{number}"), &customer(number));
                let decided = told.is_paid() || matches!(told, Outcome::NotCompleted(_));
                assert!(decided, "{told:?}");
            });
        }
    });
    shop.settle_and_compare();
    for number in 0..PAYMENTS {
        assert_eq!(shop.heard(Operation::PushToPay, &format!("INV-{number}")), 1);
    }
    assert_eq!(shop.client().unacknowledged().unwrap().len(), PAYMENTS);
}

#[test]
fn c8_a_client_dropped_between_reversal_and_closing_check_is_followed_by_the_next() {
    let mut shop = Shop::open(SCALE);
    shop.script([unheard(1_000), Step::on(Operation::CheckPayment).unheard()]);
    assert!(matches!(shop.pay("INV-1", &customer(1)), Outcome::NotCompleted(_)));
    until("the reversal", || shop.heard(Operation::Reversal, "INV-1") >= 1);
    let begun = Instant::now();
    shop.till.leave();
    assert!(begun.elapsed() < Duration::from_secs(5), "the settler ends with its client");
    let heard = shop.ovo.requests().len();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(shop.ovo.requests().len(), heard, "nobody works after the drop");
    shop.reopen();
    shop.settle_and_compare();
    assert_eq!(shop.ovo.ledger()[0].refunds, 1);
}

#[test]
fn c13_an_observer_that_panics_ends_no_settlement() {
    let panicked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&panicked);
    let shop = Shop::with(SCALE, roomy(SCALE), move |it| {
        it.observer(move |event| {
            let settling = matches!(event, Event::Exchanged { operation: Operation::Reversal, .. });
            if settling && !seen.swap(true, Ordering::SeqCst) {
                panic!("the observer is broken");
            }
        })
    });
    shop.script([unheard(1_000), Step::on(Operation::CheckPayment).unheard()]);
    assert!(matches!(shop.pay("INV-1", &customer(1)), Outcome::NotCompleted(_)));
    until("the panic", || panicked.load(Ordering::SeqCst));
    shop.settle_and_compare();
}

/// A terminal's own modem with a defect: it panics at its first reversal.
struct Defective {
    wire: HttpsTransport,
    panicked: AtomicBool,
}

impl Transport for Defective {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let first =
            request.operation == Operation::Reversal && !self.panicked.swap(true, Ordering::SeqCst);
        assert!(!first, "the modem is broken");
        self.wire.exchange(request, watch)
    }
}

#[test]
fn c13_a_transport_that_panics_ends_no_settlement() {
    let ovo = ovo(SCALE);
    let options = HttpsOptions::with_trust(trust(&ovo));
    let wire = HttpsTransport::new(&format!("{}/pos", ovo.base_url()), options).unwrap();
    let modem = Arc::new(Defective { wire, panicked: AtomicBool::new(false) });
    let own: Arc<dyn Transport> = modem.clone();
    let till = Till::open(&ovo.base_url(), trust(&ovo), roomy(SCALE), |it| it.transport(own));
    ovo.script([unheard(1_000), Step::on(Operation::CheckPayment).unheard()]);
    assert!(matches!(till.pay("INV-1", &customer(1)), Outcome::NotCompleted(_)));
    until("the panic", || modem.panicked.load(Ordering::SeqCst));
    till.settle();
    compare(&ovo, &[&till]);
}

#[test]
fn c13_an_observer_that_panics_in_a_payment_loses_no_money() {
    let panicked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&panicked);
    let shop = Shop::with(SCALE, roomy(SCALE), move |it| {
        it.observer(move |event| {
            let waiting =
                matches!(event, Event::Progress { phase: ovo_ptp::Phase::WaitingForCustomer, .. });
            if waiting && !seen.swap(true, Ordering::SeqCst) {
                panic!("the observer is broken");
            }
        })
    });
    shop.script(unheard(1_000));
    // The customer is debited, the answer is lost, the observer is gone: the check still tells.
    assert!(shop.pay("INV-1", &customer(1)).is_paid());
    assert!(panicked.load(Ordering::SeqCst));
    shop.settle_and_compare();
}
