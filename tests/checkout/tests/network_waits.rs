//! Answers that are late, lost or doubled, and pushes that are (N2 to N12, N14, N18, N26).

use std::sync::Arc;
use std::time::Duration;

use ovo_checkout::{Fault, Life, Link, Shop, charge, hours, invoice, minutes, seconds, settled};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, LateSuccess};
use ovo_ptp::transport::{Exchange, HttpRequest, Transport, Watch};
use ovo_ptp::{Outcome, PaymentHandle};
use ovo_sandbox::{AnswerOf, AnswerPlan, Behaviour, Delivery, HostConfig, State, Step, Then};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";

fn push() -> Step {
    Step::on(Operation::PushToPay)
}

fn check() -> Step {
    Step::on(Operation::CheckPayment)
}

fn impatient() -> Shop {
    Shop::with(HostConfig::default(), |builder| builder.late_success(LateSuccess::Reverse))
}

/// Debited at `debit_ms`, answered 00 at `answer_ms` (or never).
fn debited_and_answered(debit_ms: u64, answer_ms: Option<u64>) -> Step {
    push().behave(match answer_ms {
        Some(answer_after_ms) => Behaviour::AnswerLate { after_ms: debit_ms, answer_after_ms },
        None => Behaviour::AnswerLost { after_ms: debit_ms, cut: false },
    })
}

/// How long a payment took, and what came of it.
fn timed(shop: &Shop, phone: &str) -> (f64, Outcome) {
    let began = shop.world().ms;
    let outcome = shop.pay("INV-1", phone);
    ((shop.world().ms - began) as f64 / 1000.0, outcome)
}

#[test]
fn n2_n3_a_connection_that_breaks_after_the_push_is_unknown_never_a_second_push() {
    let deliveries = [
        Delivery::Drop,
        Delivery::Reset,
        Delivery::CutMs(0),
        Delivery::CutMs(30_000),
        Delivery::HalfBody { then: Then::Reset },
    ];
    for delivery in deliveries {
        for (phone, paid) in [("081200000130", true), (IGNORES, false)] {
            let shop = Shop::open();
            shop.script([push().deliver(delivery.clone())]);
            let (took, outcome) = timed(&shop, phone);
            assert_eq!(outcome.is_paid(), paid, "{delivery:?} {phone}");
            assert!((60.0..66.0).contains(&took), "{delivery:?}: {took}");
            settled(&shop);
        }
    }
    for fault in [Fault::BrokenAfterSend, Fault::LostOnTheWay] {
        let shop = Shop::open();
        shop.wire.fail(Operation::PushToPay, fault);
        shop.pay("INV-1", APPROVES);
        settled(&shop);
        assert!(shop.heard(Operation::PushToPay) <= 1);
    }
}

#[test]
fn n26_a_payment_can_be_made_over_a_link_that_takes_its_time_to_connect() {
    for connecting in [5.5, 15.0, 19.5] {
        let shop = Shop::open();
        shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(connecting)));
        let (took, outcome) = timed(&shop, APPROVES);
        assert!(outcome.is_paid(), "{connecting}: {outcome:?}");
        assert!(took > connecting, "{took}");
        settled(&shop);
    }
    // Longer, and it would be written where nobody looks for it any more.
    for connecting in [20.5, 24.0, 40.0] {
        let shop = Shop::open();
        shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(connecting)));
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not sent", "{connecting}");
        assert_eq!(shop.heard(Operation::PushToPay), 0);
        settled(&shop);
    }
}

#[test]
fn n26_what_takes_a_push_back_leaves_on_every_way_that_lets_the_push_out() {
    for connecting in [14.0, 17.0, 19.5] {
        let shop = Shop::open();
        for operation in [Operation::PushToPay, Operation::CheckPayment, Operation::Reversal] {
            for _ in 0..30 {
                shop.wire.fail(operation, Fault::SlowConnect(seconds(connecting)));
            }
        }
        assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "not completed", "{connecting}");
        shop.settle_for(minutes(10));
        assert!(
            shop.heard(Operation::Reversal) > 0,
            "{connecting}: the customer waits for the money"
        );
        assert_eq!(shop.net("INV-1"), 0, "{connecting}");
        shop.assert_every_rupiah_agrees();
    }
}

/// A terminal's own modem that does not tell when its connection is ready.
struct Untold(Arc<dyn Transport>);

struct Unconnected(Arc<dyn Watch>);

impl Watch for Unconnected {
    fn may_send(&self) -> bool {
        self.0.may_send()
    }

    fn sent(&self) {
        self.0.sent();
    }

    fn wait(&self) -> Option<Duration> {
        self.0.wait()
    }
}

impl Transport for Untold {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let watch: Arc<dyn Watch> = Arc::new(Unconnected(Arc::clone(watch)));
        self.0.exchange(request, &watch)
    }
}

#[test]
fn n26_who_does_not_tell_when_it_connected_may_not_write_later_than_five_seconds_after_the_intent()
{
    for (connecting, told) in [(4.9, "paid"), (5.1, "not sent")] {
        let shop = Shop::open();
        let client =
            shop.client_with(|builder| builder.transport(Arc::new(Untold(shop.wire.clone()))));
        shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(connecting)));
        let outcome = shop.pay_with(&client, &charge("INV-1", APPROVES));
        assert_eq!(outcome.name(), told, "{connecting}");
        settled(&shop);
    }
}

#[test]
fn n26_a_crash_behind_a_slow_connection_reverses_nothing_before_65_s_behind_the_last_byte() {
    let mut shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::SlowConnect(seconds(19.5)));
    // Dies right behind the write: nothing durable says when that was.
    shop.life.ends_after(3);
    assert!(Life::until_death(|| shop.pay("INV-1", IGNORES)).is_none());
    shop.reopen();
    settled(&shop);
    let first = |operation| shop.requests(operation)[0].at_ms;
    let (pushed, reversed) = (first(Operation::PushToPay), first(Operation::Reversal));
    assert!(reversed - pushed >= 65_000, "{pushed} {reversed}");
}

#[test]
fn n4_a_mute_host_is_given_up_within_66_s() {
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::AnswerLost);
    let (took, outcome) = timed(&shop, IGNORES);
    assert_eq!(outcome.name(), "not completed");
    assert!((65.0..66.0).contains(&took), "{took}");
    settled(&shop);
    // Mute to the check as well: its three seconds do not delay the decision.
    let shop = Shop::open();
    shop.wire.set_link(Link::Mute);
    let (took, outcome) = timed(&shop, APPROVES);
    assert_eq!(outcome.name(), "not completed");
    assert!((65.0..66.0).contains(&took), "{took}");
    assert_eq!(shop.net("INV-1"), 10_000);
    shop.wire.set_link(Link::Up);
    settled(&shop);
}

#[test]
fn n5_a_lost_answer_of_a_customer_who_paid_is_found_by_the_check() {
    let shop = Shop::open();
    let (took, outcome) = timed(&shop, PAYS_MUTELY_AT_10);
    let Outcome::Paid(receipt) = outcome else { panic!("{outcome:?}") };
    assert!(receipt.is_late());
    assert!(receipt.approval_code().is_some());
    assert!((60.5..61.0).contains(&took), "{took}");
    settled(&shop);
}

#[test]
fn n5_where_a_late_success_is_not_wanted_the_lost_answer_is_refunded() {
    let shop = impatient();
    let (took, outcome) = timed(&shop, PAYS_MUTELY_AT_10);
    assert!((65.0..66.0).contains(&took), "{took}");
    let Outcome::NotCompleted(open) = outcome else { panic!("{outcome:?}") };
    assert!(open.was_debited(), "the check has seen the debit");
    assert!(!open.is_refund_settled());
    settled(&shop);
    let Some(Outcome::NotCompleted(closed)) = shop.report("INV-1").outcome else { panic!() };
    assert!(closed.is_refund_settled());
}

/// Starts a payment whose handle is dropped after five seconds; returns when it is decided.
fn started_and_forgotten(shop: &Shop, phone: &str) -> Outcome {
    let (dropped, wait_for_drop) = std::sync::mpsc::channel::<()>();
    shop.later(seconds(5.0), move |_| wait_for_drop.recv().expect("the handle is dropped"));
    let handle: PaymentHandle = shop.client().start(&charge("INV-1", phone)).expect("starts");
    drop(handle);
    dropped.send(()).expect("somebody waits");
    // Asking again would be somebody who waits: look at the journal alone.
    for _ in 0..2_000 {
        if let Some(outcome) = shop.report("INV-1").outcome {
            return outcome;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    panic!("never decided");
}

#[test]
fn n5_a_late_success_that_nobody_waits_for_is_refunded() {
    let shop = Shop::open();
    let outcome = started_and_forgotten(&shop, PAYS_MUTELY_AT_10);
    assert_eq!(outcome.name(), "not completed");
    settled(&shop);
    assert!(shop.heard(Operation::Reversal) >= 1);
}

#[test]
fn n6_an_answer_before_the_decision_counts() {
    // The customer confirms behind the check and the answer still beats the 65 seconds.
    for (debit_ms, answer_ms) in [(50_000, 61_000), (61_000, 64_900), (63_900, 64_940)] {
        let shop = Shop::open();
        shop.script([debited_and_answered(debit_ms, Some(answer_ms))]);
        let (took, outcome) = timed(&shop, APPROVES);
        assert!(outcome.is_paid(), "{answer_ms}: {outcome:?}");
        assert!(took < 65.1, "{took}");
        settled(&shop);
    }
    // Even if a late success of the check would have been refunded.
    let shop = impatient();
    shop.script([debited_and_answered(50_000, Some(64_900))]);
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    settled(&shop);
}

#[test]
fn n6_n7_whatever_the_moment_of_the_answer_there_is_one_outcome() {
    // Every 10 ms around the decision: the push's last byte leaves at 40 ms.
    for answer_ms in (64_700..65_300).step_by(10) {
        let shop = Shop::open();
        shop.script([debited_and_answered(61_500, Some(answer_ms))]);
        let outcome = shop.pay("INV-1", APPROVES);
        assert!(matches!(outcome.name(), "paid" | "not completed"), "{answer_ms}: {outcome:?}");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), usize::from(!outcome.is_paid()));
    }
}

#[test]
fn n7_an_answer_after_the_decision_changes_nothing_and_the_money_goes_back() {
    for answer_ms in [65_100, 70_000, 300_000] {
        let shop = impatient();
        shop.script([debited_and_answered(50_000, Some(answer_ms))]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed", "{answer_ms}");
        settled(&shop);
        let shop = Shop::open();
        shop.script([debited_and_answered(62_000, Some(answer_ms))]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed", "{answer_ms}");
        settled(&shop);
    }
}

#[test]
fn n8_a_push_doubled_by_a_proxy_is_never_declined_and_never_debited_twice() {
    for gap_ms in [0, 300, 20_000] {
        for answered in [AnswerOf::First, AnswerOf::Second] {
            for (phone, pays) in [(APPROVES, true), ("081200000130", true), (IGNORES, false)] {
                let shop = Shop::open();
                shop.script([push().duplicate(gap_ms, answered)]);
                let outcome = shop.pay("INV-1", phone);
                assert_eq!(outcome.is_paid(), pays, "{gap_ms} {answered:?} {phone}: {outcome:?}");
                settled(&shop);
                assert_eq!(shop.host().ledger().len(), 1);
            }
        }
    }
}

#[test]
fn n8_a_doubled_push_whose_check_is_lost_is_refunded_not_stuck() {
    for lost in [1, 2, 4, 12, 30] {
        doubled_and_its_checks_lost(lost);
    }
}

fn doubled_and_its_checks_lost(lost: u32) {
    let shop = Shop::open();
    shop.script([push().duplicate(300, AnswerOf::Second), check().times(lost).unheard()]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    settled(&shop);
}

#[test]
fn n10_a_push_that_waits_in_a_queue_is_paid_or_refunded() {
    // Heard 30 s late: the customer still has time before the decision.
    for (phone, pays) in [(APPROVES, true), ("081200000120", true), ("081200000150", false)] {
        let shop = Shop::open();
        shop.script([push().queue_ms(30_000)]);
        assert_eq!(shop.pay("INV-1", phone).is_paid(), pays, "{phone}");
        settled(&shop);
    }
    // Heard 100 s late: the reversal was acknowledged before the session opened.
    for phone in [APPROVES, "081200000130", "081200000155", "081200009210", "081200009515"] {
        let shop = Shop::open();
        shop.script([push().queue_ms(100_000)]);
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed", "{phone}");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 2, "{phone}: {:?}", shop.alerts());
        assert!(shop.alerted(|alert| *alert == Alert::LateDebit), "{phone}");
    }
}

#[test]
fn n10_a_check_before_the_delay_bound_closes_nothing() {
    // Reversed at 65 s, or declined at once by a proxy of its own; heard at 100 s all the same.
    let declined = AnswerPlan { code: Some("17".to_owned()), ..AnswerPlan::default() };
    for answer in [AnswerPlan::default(), declined] {
        let shop = Shop::open();
        let heard = if answer.code.is_some() {
            push().behave(Behaviour::Pending { answer_after_ms: 0, paid_after_ms: Some(100_000) })
        } else {
            push().queue_ms(100_000)
        };
        shop.script([heard.answer(answer)]);
        let began = shop.world().ms;
        shop.pay("INV-1", APPROVES);
        while shop.world().ms < began + 88_000 {
            shop.settle_for(seconds(10.0));
            // Refused in the first minute, "not found" in the next half.
            let _ = shop.client().check(&invoice("INV-1"));
            assert_eq!(shop.unsettled().len(), 1, "too early to be the last word (P6)");
        }
        settled(&shop);
    }
}

#[test]
fn n10_a_queued_push_is_refunded_without_check_payment_too() {
    for phone in [APPROVES, "081200000130", "081200000155"] {
        let config = HostConfig { check_contracted: false, ..HostConfig::default() };
        let shop = Shop::with(config, |builder| builder.check_payment(false));
        shop.script([push().queue_ms(100_000)]);
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed");
        settled(&shop);
    }
}

#[test]
fn n10_a_host_with_tombstones_needs_no_second_reversal() {
    let config = HostConfig { tombstones: true, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    shop.script([push().queue_ms(100_000)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 1);
}

#[test]
fn n11_a_push_delayed_beyond_the_bound_is_found_by_the_sweeps() {
    // A host that does not look at the age of a request, or such a push would be refused.
    let ageless = || HostConfig { clock_window_s: 0, date_window_s: 0, ..HostConfig::default() };
    for delay in [minutes(4), minutes(10), hours(1), hours(23)] {
        let shop = Shop::with(ageless(), |builder| builder);
        let delay_ms = u64::try_from(delay.as_millis()).unwrap();
        shop.script([push().queue_ms(delay_ms)]);
        assert_eq!(shop.pay("INV-1", "081200000130").name(), "not completed", "{delay:?}");
        shop.settle_for(hours(25));
        let critical = |alert: &Alert| *alert == Alert::DelayBoundBroken && alert.is_critical();
        assert!(shop.alerted(critical), "{delay:?}: {:?}", shop.alerts());
        settled(&shop);
        assert_eq!(shop.host().ledger()[0].state, State::Reversed);
    }
    // An operator's questions in the minutes behind the end are none of the sweeps.
    let shop = Shop::with(ageless(), |builder| builder);
    shop.script([push().queue_ms(600_000)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_for(minutes(3));
    for _ in 0..3 {
        let checked = shop.client().check(&invoice("INV-1")).unwrap();
        assert!(checked.payment.settled, "{checked:?}");
    }
    shop.settle_for(minutes(15));
    assert!(shop.alerted(|alert| *alert == Alert::DelayBoundBroken));
    settled(&shop);
    // With OVO's window on the age of a request such a push is refused and debits nobody.
    let shop = Shop::open();
    shop.script([push().queue_ms(3_600_000)]);
    shop.pay("INV-1", APPROVES);
    settled(&shop);
    assert!(shop.host().ledger().is_empty());
}

#[test]
fn n12_a_status_request_without_an_answer_does_not_delay_the_decision() {
    let plan = AnswerPlan::default;
    let faults = [
        check().unheard(),
        check().deliver(Delivery::Hang),
        check().deliver(Delivery::Reset),
        check().answer(AnswerPlan { delay_ms: 2_900, ..plan() }),
        check().answer(AnswerPlan { delay_ms: 3_100, ..plan() }),
        check().answer(AnswerPlan { empty: Some(500), ..plan() }),
        check().answer(AnswerPlan { empty: Some(404), ..plan() }),
        check().answer(AnswerPlan { html: Some(200), ..plan() }),
        check().answer(AnswerPlan { html: Some(503), ..plan() }),
        check().code("ER"),
        check().code("68"),
        check().code("63"),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let shop = Shop::open();
        shop.script([fault]);
        let (took, outcome) = timed(&shop, PAYS_MUTELY_AT_10);
        // A slow answer within three seconds is one; all others leave the ruling to the 65 s.
        let answered = number == 3;
        assert_eq!(outcome.is_paid(), answered, "fault {number}: {outcome:?}");
        assert!(took < 66.0, "fault {number}: {took}");
        settled(&shop);
    }
}

#[test]
fn n12_lost_closing_checks_are_repeated_until_one_is_answered() {
    for lost in [1, 3, 10, 30] {
        let shop = Shop::open();
        shop.script([push().queue_ms(100_000), check().skip(1).times(lost).unheard()]);
        shop.pay("INV-1", APPROVES);
        settled(&shop);
    }
}

#[test]
fn n14_where_requests_arrive_and_answers_do_not_nothing_closes_until_they_do() {
    for (phone, healed) in [
        (APPROVES, hours(1)),
        (APPROVES, hours(30)),
        ("081200009503", hours(5)),
        (IGNORES, hours(5)),
    ] {
        let shop = Shop::open();
        shop.later(seconds(1.0), |outside| outside.wire.set_link(Link::Up));
        shop.wire.set_link(Link::Mute);
        shop.later(seconds(1.5), |outside| outside.wire.set_link(Link::Mute));
        shop.script([push().deliver(Delivery::Hang)]);
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed");
        shop.settle_for(healed);
        assert!(!shop.report("INV-1").settled);
        assert!(shop.heard(Operation::Reversal) >= 3, "it keeps trying");
        assert_eq!(shop.net("INV-1"), 0, "OVO has heard the reversals");
        shop.wire.set_link(Link::Up);
        settled(&shop);
    }
}

#[test]
fn n18_n19_pages_and_empty_answers_are_unknown() {
    let plans = [
        AnswerPlan { html: Some(200), ..AnswerPlan::default() },
        AnswerPlan { html: Some(503), ..AnswerPlan::default() },
        AnswerPlan { empty: Some(404), ..AnswerPlan::default() },
        AnswerPlan { empty: Some(200), ..AnswerPlan::default() },
        AnswerPlan { body: Some("OK".to_owned()), ..AnswerPlan::default() },
    ];
    for plan in plans {
        for (phone, pays) in [("081200000110", true), ("081200009000", false)] {
            let shop = Shop::open();
            shop.script([push().answer(plan.clone())]);
            let (took, outcome) = timed(&shop, phone);
            assert_eq!(outcome.is_paid(), pays, "{plan:?}");
            assert!(took >= 60.5, "{plan:?}: decided after {took}");
            settled(&shop);
        }
    }
}
