//! Whoever asks for a payment hears what is known of it, soon.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::journal::Update;
use crate::payment::{Input, Policy, PushAnswer, step};

#[test]
fn mp14_a_process_that_waits_for_another_s_payment_hears_of_it_within_two_seconds() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::Death);
    let first = shop.till();
    let died = catch_unwind(AssertUnwindSafe(|| first.pay(&charge("INV-1"))));
    assert!(died.is_err());
    // Its push is out, and yet another process hears the answer at 20 s.
    let (journal, answered) = (Arc::clone(&shop.journal), Duration::from_secs(20));
    shop.clock.at(answered, move || {
        let mut row = journal.find(&invoice("INV-1")).unwrap().unwrap();
        let now = Boottime(1_000_000).plus(Duration::from_secs(20));
        let answer = Input::Answered(PushAnswer::Approved);
        row.state = step(&Policy::default(), &row.state, answer, now).state;
        assert!(matches!(journal.update(&row), Ok(Update::Won(_))));
    });
    let outcome = shop.till().pay(&charge("INV-1")).unwrap();
    assert!(outcome.is_paid(), "{outcome:?}");
    let heard = shop.clock.now();
    assert!(heard <= answered + Duration::from_secs(2), "heard at {heard:?}");
    assert_eq!(shop.host.heard(Operation::PushToPay, "INV-1"), 1);
}

#[test]
fn an_outcome_that_is_known_is_returned_while_its_settlement_is_stuck() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::Silence);
    assert_eq!(shop.till().pay(&charge("INV-1")).unwrap().name(), "not completed");
    shop.clock.sleep(Duration::from_secs(3_600));
    let (stuck, door) = (Arc::new(Door::default()), Arc::new(Door::default()));
    let (is_stuck, shut) = (Arc::clone(&stuck), Arc::clone(&door));
    shop.host.answers(move |_, _| {
        is_stuck.open();
        shut.pass();
        Reply::Code("25")
    });
    let client = shop.client(|builder| builder.background(true));
    stuck.pass();
    // The settler holds the payment at this moment, and goes on holding it.
    assert_eq!(client.pay(&charge("INV-1")).unwrap().name(), "not completed");
    assert_eq!(client.start(&charge("INV-1")).unwrap().poll().unwrap().name(), "not completed");
    let other =
        Charge::new("INV-1", Rupiah::new(1).unwrap(), "081234567890".parse().unwrap()).unwrap();
    assert_eq!(client.pay(&other).unwrap_err().kind(), crate::ErrorKind::InvoiceReused);
    door.open();
}

#[test]
fn n2_a_transport_that_waits_for_ever_keeps_no_customer_waiting() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::OpenLine);
    let client = shop.till();
    assert_eq!(client.pay(&charge("INV-1")).unwrap().name(), "not completed");
    let decided = shop.clock.now();
    assert!(decided <= Duration::from_secs(66), "decided at {decided:?}");
    assert_eq!(shop.host.heard(Operation::CheckPayment, "INV-1"), 1);
    // Behind the decision it is no other.
    client.settle().unwrap();
    let settled = shop.clock.now() - decided;
    assert!(settled <= Duration::from_secs(60), "settled for {settled:?}");
}
