//! Processes that stand still at the worst moments (C15, MP3, MP4, MP5): the journal's
//! truth goes on without them, and they obey it when they wake.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod street;

use std::time::Duration;

use ovo_crash::campaign::Campaign;
use ovo_ptp::Outcome;
use ovo_ptp::message::Operation;
use ovo_sandbox::Delivery;
use street::*;

const SCALE: f64 = 0.01;

/// A peer decides and refunds while the owner stands still.
fn peer_decides(street: &Street, invoice: &str) {
    let client = street.shop.open().unwrap();
    until("the peer decides", || {
        let row = client.payment(&invoice.parse().unwrap()).unwrap().unwrap();
        matches!(row.outcome, Some(Outcome::NotCompleted(_)))
    });
    until("the peer reverses", || street.heard(Operation::Reversal, invoice) > 0);
}

/// Whoever gives a push up aborts its connection (N24): mostly a late push dies with it, unread.
fn has_arrived(street: &Street) -> bool {
    std::thread::sleep(Duration::from_secs(2));
    street.heard(Operation::PushToPay, "INV-1") > 0
}

#[test]
fn c15_mp3_mp4_a_push_that_leaves_after_its_refund_is_refunded_by_the_closing_check() {
    let street = Street::new(SCALE);
    let mut owner = street.till(&["pay", "D1", "INV-1", APPROVES, "stops-before-a-late-write"]);
    owner.says("stopping");
    owner.stands_still();
    peer_decides(&street, "INV-1");
    assert_eq!(street.heard(Operation::PushToPay, "INV-1"), 0, "not one byte yet");
    // The customer is debited by a push that everybody else had given up, if it still arrives.
    owner.signal(libc::SIGCONT);
    assert_eq!(owner.says("told"), "not completed");
    assert!(owner.ends().success());
    if has_arrived(&street) {
        street.decided("INV-1");
    }
    street.close_after_the_sweep();
}

#[test]
fn c15_a_push_that_leaves_after_everything_was_closed_is_aborted_or_refunded_by_the_sweep() {
    let street = Street::new(SCALE);
    // Nobody hears of the debit: only the sweep can find it.
    let mut owner = street.till(&["pay", "D1", "INV-1", PAID_UNHEARD, "stops-before-a-late-write"]);
    owner.says("stopping");
    owner.stands_still();
    let client = street.shop.open().unwrap();
    // Longer than D: the one assumption of the policy is broken.
    ovo_crash::books::settle(&client).unwrap();
    drop(client);
    owner.signal(libc::SIGCONT);
    assert_eq!(owner.says("told"), "not completed");
    assert!(owner.ends().success());
    if has_arrived(&street) {
        street.debited("INV-1");
    }
    street.close_after_the_sweep();
    let books = street.ovo.ledger();
    assert!(books.iter().all(|entry| entry.debits == entry.refunds && entry.debits <= 1));
}

#[test]
fn c15_a_pause_between_the_last_look_and_the_write_sends_nothing_behind_the_peers_decision() {
    let street = Street::new(SCALE);
    let mut owner = street.till(&["pay", "D1", "INV-1", APPROVES, "stops-before-the-write"]);
    owner.says("stopping");
    owner.stands_still();
    peer_decides(&street, "INV-1");
    // The time to send is over long before anybody may decide: so is the peer's decision a promise.
    owner.signal(libc::SIGCONT);
    assert_eq!(owner.says("told"), "not completed");
    assert!(owner.ends().success());
    assert_eq!(street.heard(Operation::PushToPay, "INV-1"), 0);
    street.close();
}

#[test]
fn c15_a_pause_before_the_last_look_sends_nothing() {
    let street = Street::new(SCALE);
    // Connected and shaken hands; then it stands still for longer than it may take to send.
    let mut owner = street.till(&["pay", "D1", "INV-1", APPROVES, "stops-before-the-look"]);
    owner.says("stopping");
    owner.stands_still();
    std::thread::sleep(street.shop.timers().send_check + Duration::from_millis(100));
    owner.signal(libc::SIGCONT);
    assert_eq!(owner.says("told"), "not sent");
    assert!(owner.ends().success());
    assert_eq!(street.heard(Operation::PushToPay, "INV-1"), 0);
    street.close();
}

#[test]
fn mp5_an_owner_that_finds_a_success_behind_its_peers_refund_does_not_tell_it() {
    let street = Street::new(SCALE);
    // The answer lies in the socket when the owner wakes; only the check is lost.
    street.ovo.script([
        ovo_sandbox::Step::on(Operation::PushToPay).deliver(Delivery::Plain),
        ovo_sandbox::Step::on(Operation::CheckPayment).unheard(),
    ]);
    let mut owner = street.till(&["pay", "D1", "INV-1", "081200000120", "stops-while-waiting"]);
    owner.says("stopping");
    owner.stands_still();
    street.debited("INV-1");
    peer_decides(&street, "INV-1");
    owner.signal(libc::SIGCONT);
    assert_eq!(owner.says("told"), "not completed");
    assert!(owner.ends().success());
    street.close();
    let entry = &street.ovo.ledger()[0];
    assert_eq!((entry.debits, entry.refunds), (1, 1));
}

#[test]
fn c15_mp3_mp4_tills_that_are_stopped_at_random_moments_longer_than_the_window_lose_no_rupiah() {
    let campaign = Campaign {
        program: env!("CARGO_BIN_EXE_ovo-crash").into(),
        kills: 30,
        pauses: 2,
        per_round: 30,
        desks: 6,
        lives: 1,
        seed: 15,
    };
    let done = campaign.run(|_| ()).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(done.pauses > 0, "{done:?}");
}
