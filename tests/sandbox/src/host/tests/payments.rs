//! What becomes of a push, and what checks tell of it.

use super::*;

#[test]
fn an_approved_push_debits_the_customer_and_says_so_in_full() {
    let mut till = Till::open();
    till.host.put_customer(Customer {
        phone: PHONE.to_owned(),
        name: "BUDI".to_owned(),
        cash: 20_000,
        points: 500,
        behaviour: None,
    });
    till.phone = PHONE.to_owned();
    let answer = till.ask(PushToPay, 123);
    assert_eq!(answer["type"], "0210");
    assert_eq!(answer["processingCode"], "040000");
    assert_eq!(answer["amount"], 12_500);
    assert_eq!(answer["referenceNumber"], 123, "a number: the leading zeros are lost");
    assert_eq!(answer["approvalCode"].as_str().unwrap().len(), 6);
    assert_eq!(answer["hostTime"], "090807");
    assert_eq!(answer["hostDate"], "0131");
    let wallet = &answer["transactionResponseData"];
    assert_eq!(wallet["cashUsed"], "12000");
    assert_eq!(wallet["ovoPointsUsed"], "500");
    assert_eq!(wallet["cashBalance"], "8000");
    assert_eq!(wallet["ovoid"], "********7890");
    assert_eq!(wallet["paymentType"], "PUSH TO PAY");
    assert_eq!(till.net(123), 12_500);
    assert_eq!(till.host.balance(PHONE), 8_000);
}

#[test]
fn a_decline_moves_no_money_and_has_neither_approval_nor_wallet() {
    let mut till = Till::open();
    till.phone = "081200001707".to_owned();
    let ticket = till.start(PushToPay, 1);
    let reply = till.answer(ticket).unwrap();
    assert_eq!(till.now.ms, 8_000, "the customer cancels after seven seconds");
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["responseCode"], "17");
    assert!(answer.get("approvalCode").is_none());
    assert!(answer.get("transactionResponseData").is_none());
    assert_ne!(reply.status, 200);
    assert_eq!(till.net(1), 0);
}

#[test]
fn an_ignored_prompt_is_a_404_without_a_body_at_the_session_s_end() {
    let mut till = Till::open();
    till.phone = "081200009000".to_owned();
    let ticket = till.start(PushToPay, 1);
    let reply = till.answer(ticket).unwrap();
    assert_eq!((reply.status, reply.body.len(), till.now.ms), (404, 0, 61_000));
    assert_eq!(till.state(1), State::NotDebited);

    let config = HostConfig { expiry: Expiry::Silence, ..HostConfig::default() };
    let mut till = Till::new(config);
    till.phone = "081200009000".to_owned();
    let ticket = till.start(PushToPay, 1);
    assert_eq!(till.answer(ticket), None);
}

#[test]
fn the_ledger_knows_a_debit_whose_answer_was_lost() {
    let mut till = Till::open();
    till.phone = "081200009210".to_owned();
    let ticket = till.start(PushToPay, 1);
    assert_eq!(till.answer(ticket), None);
    till.wait(9_999);
    assert_eq!(till.state(1), State::Open);
    till.wait(1);
    assert_eq!(till.state(1), State::Debited);
    assert_eq!(till.net(1), 12_500);
    till.wait(50_500);
    assert_eq!(till.code(CheckPayment, 1), "00");
}

#[test]
fn a_check_wants_the_push_s_own_date_and_amount() {
    let mut till = Till::open();
    till.ask(PushToPay, 1);
    till.wait(60_500);
    assert_eq!(till.code(CheckPayment, 1), "00");
    let push_date = std::mem::replace(&mut till.push_date, date_text(till.now.wall));
    assert_eq!(till.code(CheckPayment, 1), "25", "today's date names another payment");
    till.push_date = push_date;
    till.amount = 1;
    assert_eq!(till.code(CheckPayment, 1), "25");
    till.amount = 12_500;
    till.wait(7 * 24 * 3_600_000);
    assert_eq!(till.code(CheckPayment, 1), "54");
}

#[test]
fn a_check_of_an_undecided_payment_finds_nothing() {
    let mut till = Till::open();
    till.phone = "081200000150".to_owned();
    let push = till.start(PushToPay, 1);
    till.wait(10_000);
    assert_eq!(till.code(CheckPayment, 1), "25");
    till.host.config_mut().choices.check_undecided = "68".to_owned();
    assert_eq!(till.code(CheckPayment, 1), "68");
    till.answer(push);
    assert_eq!(till.code(CheckPayment, 1), "00");
}

#[test]
fn pending_ends_in_a_debit_or_in_none() {
    for (phone, net) in [("081200006805", 0), ("081200006930", 12_500)] {
        let mut till = Till::open();
        till.phone = phone.to_owned();
        assert_eq!(till.code(PushToPay, 1), "68");
        assert_eq!(till.net(1), 0);
        till.wait(60_000);
        assert_eq!(till.net(1), net, "{phone}");
    }
}

#[test]
fn a_decline_can_lie_and_a_late_answer_still_says_what_the_debit_was() {
    let mut till = Till::open();
    till.phone = "081200009603".to_owned();
    assert_eq!(till.code(PushToPay, 1), "17");
    assert_eq!(till.net(1), 12_500);

    till.phone = "081200009310".to_owned();
    let push = till.start(PushToPay, 2);
    till.wait(65_000);
    assert_eq!(till.code(Reversal, 2), "00");
    let reply = till.answer(push).unwrap();
    assert!(String::from_utf8_lossy(&reply.body).contains("\"responseCode\":\"00\""));
    assert_eq!(till.net(2), 0, "answered 00 at 70 s, refunded at 65 s");
}

#[test]
fn a_balance_that_does_not_suffice_is_a_decline() {
    let mut till = Till::new(HostConfig { default_balance: 12_499, ..HostConfig::default() });
    assert_eq!(till.code(PushToPay, 1), "51");
    assert_eq!(till.net(1), 0);
    assert_eq!(till.host.balance(APPROVES), 12_499);
}

#[test]
fn a_customer_by_hand_pays_or_cancels_when_told_and_else_lets_the_prompt_run_out() {
    let mut till = Till::open();
    till.phone = "081200000200".to_owned();
    for (number, decision, code, net) in
        [(1, Decision::Pay, "00", 12_500), (2, Decision::Cancel, "17", 0)]
    {
        let push = till.start(PushToPay, number);
        till.wait(30_000);
        till.host.decide(till.now, u64::from(number), decision).unwrap();
        let reply = till.answer(push).unwrap();
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(answer["responseCode"], code);
        assert!(till.host.decide(till.now, u64::from(number), Decision::Pay).is_err());
        till.wait(100_000);
        assert_eq!(till.net(number), net);
    }
    let ignored = till.start(PushToPay, 3);
    let reply = till.answer(ignored).unwrap();
    assert_eq!((reply.status, reply.body.len()), (404, 0));
    assert!(till.host.decide(till.now, 3, Decision::Pay).is_err(), "the prompt is gone");
    assert_eq!(till.net(3), 0);
}

#[test]
fn whoever_decides_first_decides() {
    let mut till = Till::open();
    // Both would pay by themselves after 20 seconds.
    till.phone = "081200000120".to_owned();
    let cancelled = till.start(PushToPay, 1);
    let paid = till.start(PushToPay, 2);
    till.wait(5_000);
    till.host.decide(till.now, 1, Decision::Cancel).unwrap();
    till.host.decide(till.now, 2, Decision::Pay).unwrap();
    assert!(till.answer(cancelled).is_some() && till.answer(paid).is_some());
    till.wait(60_000);
    assert_eq!((till.net(1), till.net(2)), (0, 12_500));
    assert_eq!(till.host.ledger()[1].debits, 1);
}

#[test]
fn a_confirmation_by_hand_needs_the_balance() {
    let mut till =
        Till::new(HostConfig { by_hand: true, default_balance: 1, ..HostConfig::default() });
    till.phone = PHONE.to_owned();
    let push = till.start(PushToPay, 1);
    till.host.decide(till.now, 1, Decision::Pay).unwrap();
    let reply = till.answer(push).unwrap();
    assert!(String::from_utf8_lossy(&reply.body).contains("\"51\""));
    assert_eq!(till.net(1), 0);
}
