//! Money given back, and the holes through which it is not.

use super::*;

#[test]
fn a_reversal_refunds_at_once_and_always_answers_00() {
    let mut till = Till::open();
    assert_eq!(till.code(PushToPay, 1), "00");
    let before = till.host.balance(APPROVES);
    assert_eq!(till.code(Reversal, 1), "00");
    assert_eq!(till.host.balance(APPROVES), before + 12_500);
    assert_eq!(till.code(Reversal, 1), "00");
    assert_eq!(till.net(1), 0, "a second reversal refunds nothing");
    assert_eq!(till.code(CheckPayment, 1), "73");
    assert_eq!(till.code(Reversal, 99), "00", "even of a payment that never was");
    assert_eq!(till.host.ledger()[0].reversals, 2);
}

#[test]
fn a_reversal_s_answer_does_not_tell_whether_money_moved() {
    let mut till = Till::open();
    till.ask(PushToPay, 1);
    let mut of_a_payment = till.ask(Reversal, 1);
    let mut of_nothing = till.ask(Reversal, 1);
    for answer in [&mut of_a_payment, &mut of_nothing] {
        answer.as_object_mut().unwrap().remove("traceNumber");
    }
    assert_eq!(of_a_payment, of_nothing);
}

#[test]
fn without_tombstones_a_push_that_overtakes_nothing_debits_after_its_own_reversal() {
    let mut till = Till::open();
    till.host.script(Step::on(PushToPay).queue_ms(100_000));
    let push = till.start(PushToPay, 1);
    till.wait(65_000);
    assert_eq!(till.code(Reversal, 1), "00");
    assert_eq!(till.net(1), 0);
    till.wait(35_000);
    assert_eq!(till.net(1), 12_500, "the hole of policy 1.2");
    assert_eq!(till.code(CheckPayment, 1), "00");
    assert_eq!(till.code(Reversal, 1), "00");
    assert_eq!(till.net(1), 0);
    assert!(till.answer(push).is_some());
}

#[test]
fn with_tombstones_a_push_after_its_own_reversal_is_refused() {
    let mut till = Till::new(HostConfig { tombstones: true, ..HostConfig::default() });
    till.host.script(Step::on(PushToPay).queue_ms(100_000));
    let push = till.start(PushToPay, 1);
    till.wait(65_000);
    assert_eq!(till.code(Reversal, 1), "00");
    let reply = till.answer(push).unwrap();
    assert!(String::from_utf8_lossy(&reply.body).contains("\"responseCode\":\"94\""));
    assert_eq!(till.net(1), 0);
}

#[test]
fn a_reversal_ends_a_session_only_where_it_leaves_a_tombstone() {
    for (tombstones, net) in [(false, 12_500), (true, 0)] {
        let mut till = Till::new(HostConfig { tombstones, ..HostConfig::default() });
        till.phone = "081200000130".to_owned();
        let push = till.start(PushToPay, 1);
        till.wait(10_000);
        assert_eq!(till.code(Reversal, 1), "00");
        let woken = till.host.take_woken().contains(&push);
        assert_eq!(woken, tombstones);
        let reply = till.answer(push).unwrap();
        assert_eq!(reply.status, if tombstones { 404 } else { 200 });
        till.wait(60_000);
        assert_eq!(till.net(1), net);
        assert_eq!(till.code(CheckPayment, 1), if tombstones { "73" } else { "00" });
    }
}

#[test]
fn a_late_confirmation_debits_after_the_session_unless_barred() {
    for tombstones in [false, true] {
        let mut till = Till::new(HostConfig { tombstones, ..HostConfig::default() });
        till.phone = "081200009510".to_owned();
        let push = till.start(PushToPay, 1);
        let reply = till.answer(push).unwrap();
        assert_eq!((reply.status, reply.body.is_empty()), (404, true));
        assert_eq!(till.code(CheckPayment, 1), "25");
        till.wait(5_000);
        assert_eq!(till.code(Reversal, 1), "00");
        till.wait(5_000);
        assert_eq!(till.net(1), if tombstones { 0 } else { 12_500 });
    }
}

#[test]
fn a_void_gives_back_once_the_whole_amount_on_the_same_day() {
    let mut till = Till::open();
    assert_eq!(till.code(Void, 1), "25", "nothing to void");
    till.ask(PushToPay, 1);
    assert_eq!(till.code(CheckVoid, 1), "25");
    till.amount = 10_000;
    assert_eq!(till.code(Void, 1), "13", "no partial void");
    till.amount = 12_500;
    assert_eq!(till.code(Void, 1), "00");
    assert_eq!(till.net(1), 0);
    assert_eq!(till.code(CheckVoid, 1), "00");
    assert_eq!(till.code(Void, 1), "94");
    assert_eq!(till.code(Reversal, 1), "00");
    assert_eq!(till.net(1), 0, "a reversal after a void refunds nothing more");
}

#[test]
fn a_void_after_the_cut_off_or_of_a_reversed_payment_is_refused() {
    let mut till = Till::open();
    till.now.wall = read_date("2026-01-31 23:59:00.000").unwrap();
    till.ask(PushToPay, 1);
    till.wait(59_000);
    assert_eq!(till.code(Void, 1), "40", "23:59:59 is too late");
    till.wait(2_000);
    assert_eq!(till.code(Void, 1), "40", "the next day is too late");
    assert_eq!(till.net(1), 12_500);
    till.code(Reversal, 1);
    assert_eq!(till.code(Void, 1), "25");
}

#[test]
fn an_operator_s_reversal_is_told_by_the_next_check() {
    let mut till = Till::open();
    till.ask(PushToPay, 1);
    assert!(till.host.reverse_by_operator(till.now, "INV-1"));
    assert_eq!(till.code(CheckPayment, 1), "73");
    assert_eq!(till.host.ledger()[0].reversals, 0);
    assert_eq!(till.net(1), 0);
}
