//! Clocks that jump, stop, restart and cross midnight (T1 to T3, T5 to T7).

use ovo_checkout::{
    Fault, Life, Link, Shop, charge, days, hours, invoice, minutes, seconds, settled,
};
use ovo_ptp::message::Operation;
use ovo_ptp::{BatchMethod, ErrorKind, Outcome, VoidOutcome};
use ovo_sandbox::{AnswerOf, AnswerTo, Echo, HostConfig, How, Sloppiness, Step};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";
const DAY_MS: i64 = 86_400_000;

#[test]
fn n26_a_network_that_swallows_everything_is_told_after_twenty_seconds() {
    let shop = Shop::open();
    shop.wire.set_link(Link::BlackHole);
    let (took, outcome) = timed(&shop, "INV-1", APPROVES);
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    assert!(took <= 20.1, "{took} s, and nothing may be written behind 20");
    shop.wire.set_link(Link::Up);
    assert!(shop.pay("INV-2", APPROVES).is_paid());
    settled(&shop);
}

fn push() -> Step {
    Step::on(Operation::PushToPay)
}

fn timed(shop: &Shop, invoice: &str, phone: &str) -> (f64, Outcome) {
    let began = shop.world().ms;
    let outcome = shop.pay(invoice, phone);
    ((shop.world().ms - began) as f64 / 1000.0, outcome)
}

#[test]
fn t1_a_wall_clock_that_jumps_during_the_wait_moves_no_timer() {
    let jumps = [-DAY_MS, 365 * DAY_MS, -20_000 * DAY_MS, -60_000, 60_000, 200_000, 3_600_000];
    for jump in jumps {
        // From just behind the signature on.
        for at in [0.05, 5.0, 30.0, 59.9, 62.0] {
            let jumping = |phone: &str| {
                let shop = Shop::open();
                shop.later(seconds(at), move |outside| outside.clock.set_wall_offset(jump));
                let (took, outcome) = timed(&shop, "INV-1", phone);
                (shop, took, outcome.name())
            };
            let (shop, took, outcome) = jumping("081200000150");
            assert_eq!(outcome, "paid", "{jump} at {at}");
            assert!((50.0..50.5).contains(&took), "{jump} at {at}: {took}");
            settled(&shop);
            for phone in [IGNORES, PAYS_MUTELY_AT_10, "081200009503"] {
                let (shop, took, outcome) = jumping(phone);
                assert!((60.5..65.5).contains(&took), "{jump} at {at} {phone}: {took}");
                // Requests signed by a wrong clock are refused: nothing is told that is not known.
                assert!(matches!(outcome, "paid" | "not completed"), "{outcome}");
                shop.settle_for(minutes(30));
                shop.clock.set_wall_offset(0);
                settled(&shop);
            }
        }
    }
}

#[test]
fn t1_a_wrong_wall_clock_behind_the_decision_delays_the_refund_and_loses_nothing() {
    for jump in [-DAY_MS, 365 * DAY_MS, 7 * DAY_MS] {
        let shop = Shop::open();
        assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
        shop.clock.set_wall_offset(jump);
        shop.settle_for(hours(2));
        assert_eq!(shop.unsettled().len(), 1, "OVO refuses what that clock signs");
        shop.clock.set_wall_offset(0);
        settled(&shop);
    }
}

#[test]
fn t1_a_wall_clock_that_jumped_over_a_reboot_lets_no_check_out_early() {
    let mut shop = Shop::open();
    shop.dies_after(seconds(5.0));
    assert!(Life::until_death(|| shop.pay("INV-1", PAYS_MUTELY_AT_10)).is_none());
    shop.reboot();
    shop.clock.set_wall_offset(7_200_000);
    let check = || shop.client().check(&invoice("INV-1"));
    assert_eq!(check().unwrap_err().kind(), ErrorKind::OutsideWindow);
    shop.clock.pass(seconds(59.9));
    assert_eq!(check().unwrap_err().kind(), ErrorKind::OutsideWindow);
    assert_eq!(shop.heard(Operation::CheckPayment), 0);
    shop.clock.set_wall_offset(0);
    settled(&shop);
}

#[test]
fn t1_a_wall_clock_that_was_set_right_makes_no_payment_of_today_too_old_for_a_check() {
    for jump in [8 * DAY_MS, -8 * DAY_MS] {
        let shop = Shop::open();
        assert!(shop.pay("INV-1", APPROVES).is_paid());
        shop.clock.pass(minutes(2));
        shop.clock.set_wall_offset(jump);
        let asked = shop.client().check(&invoice("INV-1"));
        assert_ne!(asked.map(|_| ()).map_err(|it| it.kind()), Err(ErrorKind::OutsideWindow));
        shop.clock.set_wall_offset(0);
        settled(&shop);
    }
}

#[test]
fn t2_a_suspend_counts_and_what_was_due_is_done_on_waking() {
    // Sleeps from 20 s to 620 s. The customer paid at 30 s: the answer lies there, too late.
    for phone in ["081200000130", PAYS_MUTELY_AT_10, IGNORES, "081200009503"] {
        let shop = Shop::open();
        shop.later(seconds(20.0), |outside| outside.clock.pass(minutes(10)));
        let (took, outcome) = timed(&shop, "INV-1", phone);
        assert_eq!(outcome.name(), "not completed", "{phone}");
        assert!((620.0..621.0).contains(&took), "decided on waking, not {took}");
        settled(&shop);
    }
}

#[test]
fn t2_a_short_suspend_leaves_the_rest_of_the_window() {
    // Wakes at 50 s: the answer of 40 s is read.
    let shop = Shop::open();
    shop.later(seconds(20.0), |outside| outside.clock.pass(seconds(30.0)));
    assert!(shop.pay("INV-1", "081200000140").is_paid());
    settled(&shop);
    // Wakes at 62 s: the check is due at once and finds the debit.
    let shop = Shop::open();
    shop.later(seconds(20.0), |outside| outside.clock.pass(seconds(42.0)));
    let (took, outcome) = timed(&shop, "INV-1", PAYS_MUTELY_AT_10);
    assert!(outcome.is_paid());
    assert!((62.0..62.5).contains(&took), "{took}");
    settled(&shop);
}

#[test]
fn t2_a_suspend_between_intent_and_push_sends_nothing() {
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(20.5)));
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not sent");
    shop.later(seconds(0.02), |outside| outside.clock.pass(minutes(10)));
    assert_eq!(shop.pay("INV-2", APPROVES).name(), "not sent");
    settled(&shop);
    assert_eq!(shop.heard(Operation::PushToPay), 0);
}

#[test]
fn t2_a_suspend_while_settling_loses_nothing() {
    for at in [0.01, 0.05, 20.0, 115.1, 130.0] {
        let shop = Shop::open();
        shop.pay("INV-1", "081200009503");
        shop.later(seconds(at), |outside| outside.clock.pass(hours(10)));
        settled(&shop);
    }
}

#[test]
fn t3_after_a_reboot_into_1970_every_wait_begins_again_and_settles_once_the_clock_is_set() {
    for died_at in [1.0, 30.0, 59.0, 63.0] {
        for phone in ["081200000150", PAYS_MUTELY_AT_10, IGNORES, "081200009503"] {
            let mut shop = Shop::open();
            shop.dies_after(seconds(died_at));
            if Life::until_death(|| shop.pay("INV-1", phone)).is_some() {
                continue; // answered before
            }
            shop.clock.pass(seconds(40.0));
            shop.reboot();
            shop.clock.set_wall(86_400_000);
            let restarted = shop.world().ms;
            shop.settle_for(hours(1));
            assert_eq!(shop.unsettled().len(), 1, "{died_at} {phone}");
            for request in shop.requests(Operation::Reversal) {
                assert!(request.at_ms >= restarted + 65_000, "{died_at} {phone}: too early");
            }
            shop.clock.set_wall_offset(0);
            settled(&shop);
        }
    }
}

#[test]
fn t3_a_new_journal_is_not_begun_in_1970() {
    let shop = Shop::open();
    shop.clock.set_wall(0);
    let error = shop.client().pay(&charge("INV-1", APPROVES)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
    assert!(shop.reports().is_empty() && shop.host().requests().is_empty());
    shop.clock.set_wall_offset(0);
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    settled(&shop);
}

#[test]
fn t5_pushes_around_midnight_get_numbers_of_their_method() {
    for method in [BatchMethod::Daily, BatchMethod::Continuous] {
        let shop = Shop::with(HostConfig::default(), move |builder| builder.batch_method(method));
        let mut numbers = Vec::new();
        for (number, (hour, minute, second)) in
            [(23, 59, 58), (23, 59, 59), (0, 0, 0), (0, 0, 2)].into_iter().enumerate()
        {
            shop.clock.pass_until_wib(hour, minute, second);
            assert!(shop.pay(&format!("INV-{number}"), APPROVES).is_paid());
            numbers.push(shop.report(&format!("INV-{number}")).numbers);
        }
        assert_eq!(numbers[0].batch(), numbers[1].batch());
        assert_eq!(numbers[2].batch(), numbers[3].batch());
        if method == BatchMethod::Daily {
            assert!(numbers[2].batch() > numbers[1].batch());
            assert_eq!((numbers[2].reference(), numbers[3].reference()), (1, 2));
        } else {
            assert_eq!(numbers[2].batch(), numbers[1].batch());
            assert_eq!(numbers[3].reference(), 4);
        }
        settled(&shop);
    }
}

#[test]
fn t5_a_clock_set_back_over_midnight_gives_no_numbers_twice() {
    let shop =
        Shop::with(HostConfig::default(), |builder| builder.batch_method(BatchMethod::Daily));
    for (number, offset) in [0, DAY_MS, 0, -DAY_MS, 2 * DAY_MS, 0].into_iter().enumerate() {
        shop.clock.set_wall_offset(offset);
        shop.pay(&format!("INV-{number}"), &format!("08123456789{number}"));
    }
    shop.clock.set_wall_offset(0);
    settled(&shop);
    let mut numbers: Vec<_> = shop.reports().iter().map(|report| report.numbers).collect();
    let given = numbers.clone();
    numbers.sort();
    assert_eq!(numbers, given, "numbers only grow");
}

#[test]
fn t5_a_reversal_after_midnight_names_the_push_of_the_day_before() {
    for method in [BatchMethod::Daily, BatchMethod::Continuous] {
        let shop = Shop::with(HostConfig::default(), move |builder| builder.batch_method(method));
        shop.clock.pass_until_wib(23, 59, 30);
        assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
        settled(&shop);
        let (push, reversal) =
            (&shop.requests(Operation::PushToPay)[0], &shop.requests(Operation::Reversal)[0]);
        assert_eq!((&push.batch, &push.reference), (&reversal.batch, &reversal.reference));
        assert_ne!(
            push.date.as_ref().map(|date| &date[..10]),
            reversal.date.as_ref().map(|date| &date[..10])
        );
        // A check repeats the push's own date, whatever the day.
        for check in shop.requests(Operation::CheckPayment) {
            assert_eq!(check.date, push.date);
        }
    }
}

#[test]
fn t5_a_void_keeps_to_the_day_by_ovos_clock_not_the_terminals() {
    for offset in [0, -4 * 60_000, 4 * 60_000] {
        let shop = Shop::open();
        shop.clock.set_wall_offset(offset);
        shop.clock.pass_until_wib(23, 50, 0);
        assert!(shop.pay("INV-1", APPROVES).is_paid());
        assert!(shop.pay("INV-2", APPROVES).is_paid());
        shop.clock.pass_until_wib(23, 57, 55);
        assert_eq!(shop.client().void(&invoice("INV-1")).unwrap(), VoidOutcome::Voided);
        shop.clock.pass_until_wib(23, 58, 1);
        let late = shop.client().void(&invoice("INV-2")).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Refused, "{offset}");
        shop.clock.pass_until_wib(0, 0, 2);
        assert_eq!(shop.client().void(&invoice("INV-2")).unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(shop.heard(Operation::Void), 1);
        settled(&shop);
    }
}

#[test]
fn t5_a_payment_confirmed_after_midnight_is_of_the_new_day() {
    let shop = Shop::open();
    shop.clock.pass_until_wib(23, 59, 58);
    assert!(shop.pay("INV-1", "081200000105").is_paid());
    shop.clock.pass_until_wib(12, 0, 0);
    assert_eq!(shop.client().void(&invoice("INV-1")).unwrap(), VoidOutcome::Voided);
    settled(&shop);
}

/// A `hostDate` of 0201 that came as a number is 201. Read as no date at all, the day of the till's own clock
/// would count, and that day is over.
#[test]
fn t6_ov3_b13_a_host_date_that_lost_its_leading_zero_is_the_day_on_which_its_sale_is_voided() {
    let number = Sloppiness::new(AnswerTo::PushToPay, Echo::HostDate, How::OtherType);
    let host = HostConfig { sloppy: vec![number], ..HostConfig::default() };
    let shop = Shop::with(host, |builder| builder);
    shop.clock.pass_until_date(1, 31);
    shop.clock.pass_until_wib(23, 59, 58);
    let outcome = shop.pay("INV-1", "081200000105");
    shop.clock.pass_until_wib(12, 0, 0);
    assert_eq!(shop.client().void(&invoice("INV-1")), Ok(VoidOutcome::Voided));
    let Outcome::Paid(receipt) = outcome else { panic!("{outcome:?}") };
    assert_eq!(receipt.host_date(), Some("0201"));
    settled(&shop);
}

#[test]
fn t6_a_payment_at_the_year_s_end_is_voided_on_its_own_day_only() {
    let shop = Shop::open();
    shop.clock.pass_until_date(12, 31);
    shop.clock.pass_until_wib(20, 0, 0);
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.clock.pass_until_wib(23, 59, 58);
    assert!(shop.pay("INV-2", "081200000105").is_paid());
    assert_eq!(shop.client().payment(&invoice("INV-2")).unwrap().unwrap().begun.wib_date().0, 2026);
    shop.clock.pass(minutes(10));
    assert_eq!(shop.client().void(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(shop.client().void(&invoice("INV-2")).unwrap(), VoidOutcome::Voided);
    settled(&shop);
}

#[test]
fn t6_a_payment_of_the_29th_of_february_is_voided_on_that_day_only() {
    let shop = Shop::open();
    shop.clock.pass_until_date(2, 29);
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    assert!(shop.pay("INV-2", APPROVES).is_paid());
    shop.clock.pass_until_wib(23, 0, 0);
    assert_eq!(shop.client().void(&invoice("INV-1")).unwrap(), VoidOutcome::Voided);
    shop.clock.pass(hours(2));
    assert_eq!(shop.client().void(&invoice("INV-2")).unwrap_err().kind(), ErrorKind::Refused);
    settled(&shop);
}

#[test]
fn t6_the_same_day_a_year_later_is_another_day() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.clock.pass(days(365));
    shop.pay("INV-2", APPROVES);
    assert_eq!(shop.client().void(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(shop.heard(Operation::Void), 0);
    settled(&shop);
}

#[test]
fn t6_a_doubled_push_over_the_year_s_end_is_still_ours() {
    for (month, day) in [(12, 31), (2, 28), (2, 29)] {
        for second in [30, 59] {
            let shop = Shop::open();
            shop.clock.pass_until_date(month, day);
            shop.clock.pass_until_wib(23, 59, second);
            shop.script([push().duplicate(300, AnswerOf::Second)]);
            let outcome = shop.pay("INV-1", APPROVES);
            assert!(outcome.is_paid(), "{month}-{day}: {outcome:?}");
            settled(&shop);
        }
    }
}

#[test]
fn t7_a_clock_that_stops_in_suspend_waits_longer_never_shorter() {
    for phone in ["081200000130", PAYS_MUTELY_AT_10, IGNORES, "081200009503"] {
        let shop = Shop::open();
        shop.later(seconds(20.0), |outside| outside.clock.sleep_uncounted(minutes(10)));
        let (took, _) = timed(&shop, "INV-1", phone);
        assert!(took >= 620.0, "{phone}: {took}");
        settled(&shop);
    }
}
