//! Journals that fail in the middle of a payment (J1 to J3, J13, J15).

use ovo_checkout::{Shop, charge, days, invoice, minutes, seconds, settled};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::Alert;
use ovo_ptp::{ErrorKind, Event, Outcome};
use ovo_sandbox::Step;

const CUSTOMERS: [&str; 7] = [
    "081234567890",
    "081200000150",
    "081200001703",
    "081200009603",
    "081200009000",
    "081200009210",
    "081200009503",
];

#[test]
fn j1_a_full_disk_at_the_intent_pushes_nothing() {
    let shop = Shop::open();
    shop.disk.fails(0, 1, false);
    let error = shop.try_pay(shop.client(), &charge("INV-1", CUSTOMERS[0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(shop.host().requests().is_empty());
    // The same invoice may be used: nothing was begun.
    assert!(shop.pay("INV-1", CUSTOMERS[0]).is_paid());
    settled(&shop);
}

#[test]
fn j1_j13_an_intent_of_which_nobody_knows_is_settled_like_a_push_that_perhaps_left() {
    let shop = Shop::open();
    shop.disk.fails(0, 1, true);
    let error = shop.try_pay(shop.client(), &charge("INV-1", CUSTOMERS[0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    // The till asks again: never pushed, so never paid.
    assert_eq!(shop.pay("INV-1", CUSTOMERS[0]).name(), "not completed");
    settled(&shop);
    assert_eq!(shop.heard(Operation::PushToPay), 0);
}

#[test]
fn j2_a_94_that_the_journal_takes_late_still_forbids_the_blind_reversal() {
    // From the answer until behind the decision nothing can be written; then OVO finds nothing by date
    // under numbers that another customer's sale of another day may have.
    for bad in [40, 330, 340, 400] {
        let shop = Shop::open();
        shop.script([
            Step::on(Operation::PushToPay).pretend().code("94"),
            Step::on(Operation::CheckPayment).times(0).pretend().code("25"),
        ]);
        shop.disk.fails(1, bad, false);
        let _ = shop.try_pay(shop.client(), &charge("INV-1", CUSTOMERS[0]));
        for _ in 0..100 {
            let _ = shop.client().settle();
            shop.clock.pass(seconds(5.0));
        }
        assert!(shop.alerted(|alert| matches!(alert, Alert::DuplicateNumbers(_))), "{bad}");
        shop.settle_for(days(1));
        assert_eq!(shop.heard(Operation::Reversal), 0, "{bad}: perhaps another customer's money");
    }
}

#[test]
fn j2_j3_j13_whichever_write_fails_and_for_however_long_no_rupiah_is_lost() {
    for phone in CUSTOMERS {
        for good in 0..8 {
            for bad in [1, 2, 7, 500] {
                for written in [false, true] {
                    let mut shop = Shop::open();
                    shop.disk.fails(good, bad, written);
                    let told = shop.try_pay(shop.client(), &charge("INV-1", phone));
                    // Settlement reports the failure and takes the row up again later.
                    for _ in 0..40 {
                        let _ = shop.client().settle();
                        shop.clock.pass(seconds(20.0));
                    }
                    shop.disk.is_mended();
                    if good % 2 == 0 {
                        shop.reopen();
                    }
                    if matches!(told, Ok(Outcome::Interrupted(_))) {
                        // Nothing was decided, as it says: the till asks again.
                        shop.pay("INV-1", phone);
                    }
                    settled(&shop);
                }
            }
        }
    }
}

#[test]
fn j2_mp10_a_success_that_cannot_be_kept_is_not_told_as_paid() {
    let mut shop = Shop::open();
    shop.disk.fails(1, u32::MAX, false);
    let began = shop.world().ms;
    let outcome = shop.pay("INV-1", CUSTOMERS[0]);
    assert_eq!(outcome.name(), "interrupted", "the journal knows of no decision");
    assert!(shop.world().ms - began < 81_000);
    assert_eq!(shop.net("INV-1"), 10_000);
    shop.disk.is_mended();
    shop.reboot();
    settled(&shop);
    assert_eq!(shop.report("INV-1").outcome.unwrap().name(), "not completed");
}

#[test]
fn j2_a_disk_that_recovers_within_the_wait_keeps_the_success() {
    for (bad, written) in [(1, false), (20, false), (200, false), (1, true), (20, true)] {
        let shop = Shop::open();
        shop.disk.fails(1, bad, written);
        assert!(shop.pay("INV-1", CUSTOMERS[0]).is_paid(), "{bad} {written}");
        shop.disk.is_mended();
        settled(&shop);
    }
}

#[test]
fn j3_a_disk_that_fails_at_the_decision_sends_no_reversal_before_it_is_durable() {
    let shop = Shop::open();
    // Good: the Intent, the check's schedule. Bad: everything from the decision on.
    shop.disk.fails(2, u32::MAX, false);
    let outcome = shop.pay("INV-1", "081200009503");
    assert_eq!(outcome.name(), "interrupted");
    let _ = shop.client().settle();
    shop.clock.pass(minutes(5));
    let _ = shop.client().settle();
    assert_eq!(shop.heard(Operation::Reversal), 0, "not before Abandoned is durable (I3)");
    shop.disk.is_mended();
    settled(&shop);
}

#[test]
fn j3_a_disk_that_fails_for_good_is_tried_again_now_and_then_but_not_hammered() {
    let shop = Shop::open();
    // Good: the Intent. Bad: the check at 60.5 s, and everything behind it.
    shop.disk.fails(1, u32::MAX, false);
    assert_eq!(shop.pay("INV-1", "081200009100").name(), "interrupted");
    let is_failure = |event: &&Event| matches!(event, Event::JournalFailed { .. });
    let tries = shop.events().iter().filter(is_failure).count();
    // Five times a second, until the push's own time is over at 105 s.
    assert!((50..250).contains(&tries), "{tries}");
    shop.disk.is_mended();
    settled(&shop);
}

#[test]
fn a_failing_disk_refuses_what_it_cannot_keep() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", CUSTOMERS[0]).is_paid());
    shop.disk.fails(0, u32::MAX, false);
    let client = shop.client();
    assert_eq!(client.acknowledge(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Journal);
    assert_eq!(client.void(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Journal);
    assert_eq!(shop.heard(Operation::Void), 0, "not before it is durable (VI2)");
    shop.disk.is_mended();
    settled(&shop);
    assert_eq!(client.unacknowledged().unwrap().len(), 1);
}
