//! Closing: what waits hears, what is new is refused, what is under way is given up.

use super::*;

/// OVO approves whatever is asked once the door is opened.
fn approves_behind_a_door(shop: &Shop) -> Arc<Door> {
    let door = Arc::new(Door::default());
    let shut = Arc::clone(&door);
    shop.host.answers(move |_, _| {
        shut.pass();
        Reply::Code("00")
    });
    door
}

#[test]
fn a_grace_lets_those_who_wait_hear_their_outcome_and_refuses_new_payments() {
    let shop = Shop::new();
    let door = approves_behind_a_door(&shop);
    let client = Arc::new(shop.till());
    let payment = client.start(&charge("INV-1")).unwrap();
    let closing = {
        let client = Arc::clone(&client);
        std::thread::spawn(move || client.close_within(Duration::MAX))
    };
    until("the client closes", || client.inner.is_closing());
    assert!(client.pay(&charge("INV-2")).unwrap_err().is_closed(), "refused at once");
    assert!(client.payment(&invoice("INV-2")).unwrap().is_none(), "nothing was begun");
    door.open();
    assert!(payment.outcome().is_paid());
    closing.join().unwrap();
    assert!(client.payment(&invoice("INV-1")).unwrap_err().is_closed());
}

#[test]
fn without_a_grace_those_who_wait_are_interrupted_and_their_payment_stays() {
    let shop = Shop::new();
    let client = Arc::new(shop.till());
    let door = Arc::new(Door::default());
    let shut = Arc::clone(&door);
    // The push is heard; its status check, 60 s later, is where the client is closed.
    shop.host.answers(move |operation, _| {
        if operation == Operation::CheckPayment {
            shut.pass();
        }
        Reply::Silence
    });
    let payment = client.start(&charge("INV-1")).unwrap();
    until("the push left", || shop.host.heard(Operation::PushToPay, "INV-1") == 1);
    let closing = {
        let client = Arc::clone(&client);
        std::thread::spawn(move || client.close())
    };
    until("the client is closed", || client.inner.is_closed());
    door.open();
    closing.join().unwrap();
    assert_eq!(payment.outcome().name(), "interrupted");
    let row = shop.journal.find(&invoice("INV-1")).unwrap().unwrap();
    assert_eq!(row.state.verdict, None, "whoever opens the journal next takes it up");
}

#[test]
fn a_request_of_settlement_under_way_is_given_up_when_the_client_closes() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::Silence);
    assert_eq!(shop.till().pay(&charge("INV-1")).unwrap().name(), "not completed");
    shop.clock.sleep(Duration::from_secs(3_600));
    let client = Arc::new(shop.till());
    let closes = Arc::clone(&client);
    // The client is closed while its first request waits for an answer that never comes.
    shop.host.answers(move |_, _| {
        let client = Arc::clone(&closes);
        std::thread::spawn(move || client.close());
        until("the client is closed", || closes.inner.is_closed());
        Reply::Silence
    });
    let (began, sent) = (shop.clock.now(), lock(&shop.host.heard).len());
    let _ = client.settle();
    assert!(shop.clock.now() - began <= Duration::from_secs(1), "it does not wait for the answer");
    assert_eq!(lock(&shop.host.heard).len(), sent + 1, "and no request follows");
}

#[test]
fn the_last_reference_may_be_dropped_in_a_listener() {
    let shop = Shop::new();
    let door = approves_behind_a_door(&shop);
    let client = Arc::new(shop.till());
    let payment = client.start(&charge("INV-1")).unwrap();
    let last = Arc::clone(&client);
    let (told, outcomes) = std::sync::mpsc::channel();
    payment.on_outcome(move |outcome| {
        last.acknowledge(outcome.invoice()).unwrap();
        drop(last);
        told.send(outcome.name()).unwrap();
    });
    drop(client);
    door.open();
    assert_eq!(outcomes.recv().unwrap(), "paid", "and the payment's thread ends");
    until("the journal is let go of", || Arc::strong_count(&shop.journal) == 1);
}
