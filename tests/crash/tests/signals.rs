//! Processes that are asked to end, or end again and again (C9, C11).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod street;

use std::time::Duration;

use ovo_ptp::message::Operation;
use street::*;

const SIGNALS: [libc::c_int; 2] = [libc::SIGTERM, libc::SIGINT];

#[test]
fn c11_a_signal_in_the_wait_ends_the_call_and_the_next_process_is_told_of_the_payment() {
    let street = Street::new(0.05);
    for (number, signal) in SIGNALS.into_iter().enumerate() {
        let invoice = format!("INV-{number}");
        // Debited while the till still waits; no answer comes.
        let mut till = street.till(&["pay", "D1", &invoice, PAID_UNHEARD, "closes-on-signal"]);
        till.says("open");
        street.debited(&invoice);
        till.signal(signal);
        assert_eq!(till.says("told"), "interrupted", "signal {signal}");
        assert!(till.ends().success(), "an orderly end");
        // The customer still stands there: found by the status check.
        let mut till = street.till(&["pay", "D1", &invoice, PAID_UNHEARD]);
        assert_eq!(till.says("told"), "paid", "signal {signal}");
        assert!(till.ends().success());
    }
    street.close();
}

#[test]
fn c11_a_signal_in_the_wait_and_nobody_who_asks_again_is_a_refund() {
    let street = Street::new(0.01);
    for (number, signal) in SIGNALS.into_iter().enumerate() {
        let invoice = format!("INV-{number}");
        // Whoever does not handle the signal ends at once, like a kill.
        for (desk, manner) in [("D1", Some("closes-on-signal")), ("D2", None)] {
            let invoice = format!("{invoice}-{desk}");
            let phone = format!("0812000092{:02}", 50 - number);
            let mut words = vec!["pay", desk, &invoice, &phone];
            words.extend(manner);
            let mut till = street.till(&words);
            till.says("open");
            until("the push arrives", || street.heard(Operation::PushToPay, &invoice) == 1);
            till.signal(signal);
            till.ends();
            // The same customer may not be pushed twice meanwhile.
            let client = street.shop.open().unwrap();
            ovo_crash::books::settle(&client).unwrap();
        }
    }
    let mix = street.close();
    assert_eq!(mix.of("payments"), 4, "{mix}");
}

#[test]
fn c9_a_crash_loop_holds_no_refund_off() {
    let street = Street::new(0.01);
    let mut rush = street.till(&["rush", PAID_UNHEARD]);
    rush.says("begun");
    street.debited("RUSH-0");
    rush.kill();
    // No life is as long as what is left to wait for: if each began to wait anew, none would ever
    // come to the reversal. Ten lives at the least.
    let window = street.shop.timers().decide;
    let mut lives = 0;
    until("the reversal", || {
        let mut till = street.till(&["settle"]);
        till.says("open");
        std::thread::sleep(window / 10);
        till.kill();
        lives += 1;
        lives >= 10 && street.heard(Operation::Reversal, "RUSH-0") > 0
    });
    assert!(window / 10 < Duration::from_secs(1));
    street.close();
    street.nobody_was_early("RUSH-0");
}
