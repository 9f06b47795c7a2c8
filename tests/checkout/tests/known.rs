//! Who began a payment, and who was told of one from the journal: an answer that comes from the journal
//! says so (J26), whoever asks, and all who are told are told the same (I5).

use std::sync::{Arc, mpsc};
use std::time::Duration;

use ovo_checkout::{Fault, Life, Shop, charge, invoice, seconds, settled};
use ovo_ptp::message::Operation;
use ovo_ptp::{Client, Outcome};

const APPROVES: &str = "081234567890";
const DECLINES: &str = "081200001703";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";
const DUPLICATE: &str = "081200009400";

/// A shop without Check Payment, where numbers that were used before are for an operator.
fn unchecked() -> Shop {
    Shop::with(ovo_sandbox::HostConfig::default(), |builder| builder.check_payment(false))
}

#[test]
fn j26_what_comes_from_the_journal_says_so_and_what_begins_here_does_not() {
    let endings = [
        ("paid", APPROVES),
        ("declined", DECLINES),
        ("not completed", IGNORES),
        ("needs operator", DUPLICATE),
        ("not sent", APPROVES),
    ];
    for (name, phone) in endings {
        let mut shop = if name == "needs operator" { unchecked() } else { Shop::open() };
        if name == "not sent" {
            shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
        }
        let first = shop.pay("INV-1", phone);
        assert_eq!((first.name(), first.was_known()), (name, false));
        for _ in 0..2 {
            let again = shop.pay("INV-1", phone);
            assert_eq!((again.name(), again.was_known()), (name, true));
            let started = shop.client().start(&charge("INV-1", phone)).expect("is known");
            assert!(started.was_known(), "{name}");
            let polled = started.poll().expect("is decided");
            assert_eq!((polled.name(), polled.was_known()), (name, true));
            let looked = shop.report("INV-1").outcome.expect("is decided");
            assert_eq!((looked.name(), looked.was_known()), (name, true));
            shop.reopen();
        }
        assert!(shop.heard(Operation::PushToPay) <= 1);
        if name != "needs operator" {
            settled(&shop);
        }
    }
}

/// Starts a payment, which OVO has, and holds simulated time at `at` until the returned sender speaks.
fn held(shop: &Shop, at: f64) -> (ovo_ptp::PaymentHandle, mpsc::Sender<()>) {
    let (go_on, waits) = mpsc::channel::<()>();
    shop.later(seconds(at), move |_| {
        let _ = waits.recv();
    });
    let started = shop.client().start(&charge("INV-1", PAYS_MUTELY_AT_10)).expect("starts");
    // Whoever waits besides lets time pass, which a push must not miss.
    while shop.heard(Operation::PushToPay) == 0 {
        std::thread::yield_now();
    }
    (started, go_on)
}

#[test]
fn j26_who_waits_for_a_payment_of_another_thread_or_process_is_told_so_at_once_and_at_its_end() {
    let shop = Shop::open();
    let desk = shop.second_client();
    let (first, go_on) = held(&shop, 20.0);
    let joined = shop.client().start(&charge("INV-1", PAYS_MUTELY_AT_10)).expect("joins");
    let taken_up = desk.start(&charge("INV-1", PAYS_MUTELY_AT_10)).expect("takes it up");
    assert!(!first.was_known());
    assert!(joined.was_known() && taken_up.was_known());
    let heard = listens(&joined);
    let began = listens(&first);
    drop(go_on);
    let told = first.outcome();
    // Which of the two processes the simulated clock lets decide first is chance.
    assert!(!told.was_known());
    assert!(!began.recv_timeout(Duration::from_secs(30)).expect("is told").was_known());
    assert!(heard.recv_timeout(Duration::from_secs(30)).expect("is told").was_known());
    assert_eq!(joined.outcome(), told, "how somebody came by it makes no difference (I5)");
    for handle in [&joined, &taken_up] {
        let outcome = handle.outcome();
        assert_eq!((outcome.name(), outcome.was_known()), (told.name(), true));
        assert!(handle.wait(Duration::from_secs(1)).expect("is decided").was_known());
        assert!(handle.cancel().expect("is decided").was_known());
    }
    assert_eq!(shop.heard(Operation::PushToPay), 1);
    settled(&shop);
}

fn listens(handle: &ovo_ptp::PaymentHandle) -> mpsc::Receiver<Outcome> {
    let (tell, told) = mpsc::channel();
    handle.on_outcome(move |outcome| drop(tell.send(outcome.clone())));
    told
}

#[test]
fn j26_who_waits_in_a_call_for_a_payment_that_is_under_way_is_told_so() {
    // The till's own thread is in its call; a desk asks for the same, and a second thread of the till.
    for of_another_process in [true, false] {
        let shop = Shop::open();
        let other =
            if of_another_process { shop.second_client() } else { Arc::clone(shop.client()) };
        let (tell, told) = mpsc::channel();
        shop.later(seconds(5.0), move |_| {
            let asking = std::thread::spawn(move || {
                let waited = other.pay(&charge("INV-1", PAYS_MUTELY_AT_10)).expect("waits along");
                tell.send(waited).is_ok()
            });
            if of_another_process {
                assert!(asking.join().expect("no panic"), "is heard");
            }
        });
        let outcome = shop.pay("INV-1", PAYS_MUTELY_AT_10);
        assert!(outcome.is_paid() && !outcome.was_known());
        let waited = told.recv_timeout(Duration::from_secs(30)).expect("is told");
        assert!(waited.is_paid() && waited.was_known());
        assert_eq!(shop.heard(Operation::PushToPay), 1);
        settled(&shop);
    }
}

#[test]
fn j26_a_payment_that_a_process_left_behind_is_known_to_the_next() {
    let mut shop = Shop::open();
    shop.dies_after(seconds(30.0));
    assert!(Life::until_death(|| shop.pay("INV-1", PAYS_MUTELY_AT_10)).is_none());
    shop.reopen();
    let outcome = shop.pay("INV-1", PAYS_MUTELY_AT_10);
    assert!(outcome.is_paid() && outcome.was_known());
    assert_eq!(shop.heard(Operation::PushToPay), 1);
    settled(&shop);
}

#[test]
fn j26_what_is_interrupted_says_who_may_have_pushed_it() {
    let mut shop = Shop::open();
    let client = Arc::clone(shop.client());
    shop.later(seconds(5.0), move |_| close_elsewhere(&client));
    let begun = shop.pay("INV-1", IGNORES);
    assert_eq!((begun.name(), begun.was_known()), ("interrupted", false));
    shop.reopen();
    let client = Arc::clone(shop.client());
    shop.later(seconds(5.0), move |_| close_elsewhere(&client));
    let resumed = shop.pay("INV-1", IGNORES);
    assert_eq!((resumed.name(), resumed.was_known()), ("interrupted", true));
    assert_eq!(begun, resumed);
    shop.reopen();
    settled(&shop);
}

fn close_elsewhere(client: &Arc<Client>) {
    let closing = Arc::clone(client);
    std::thread::spawn(move || closing.close());
    while !format!("{client:?}").contains("closed: true") {
        std::thread::yield_now();
    }
}

/// Giving up pushes nothing either; the handle that began the payment tells so all the same.
#[test]
fn j26_a_cancel_tells_what_the_journal_has_and_its_handle_who_began() {
    let shop = Shop::open();
    let (handle, go_on) = held(&shop, 20.0);
    let cancelled = handle.cancel().expect("is given up");
    assert_eq!((cancelled.name(), cancelled.was_known()), ("not completed", false));
    let again = shop.client().cancel(&invoice("INV-1")).expect("is decided");
    assert_eq!(again, cancelled);
    assert!(again.was_known());
    drop(go_on);
    settled(&shop);
}
