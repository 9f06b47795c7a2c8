//! What scripts do to requests.

use super::*;

#[test]
fn a_duplicated_request_is_heard_twice_and_debits_once() {
    for (answer, code) in [(AnswerOf::First, "00"), (AnswerOf::Second, "94")] {
        let mut till = Till::open();
        till.host.script(Step::on(PushToPay).duplicate(500, answer));
        assert_eq!(till.code(PushToPay, 1), code);
        till.wait(1_000);
        assert_eq!(till.net(1), 12_500);
        let log = till.host.requests();
        assert_eq!(log.len(), 2);
        assert_eq!(log[1].copy_of, Some(1));
        assert_eq!(log[1].code.as_deref(), Some("94"));
    }
}

#[test]
fn a_lagging_check_tells_of_the_past() {
    let mut till = Till::open();
    till.ask(PushToPay, 1);
    till.wait(10_000);
    till.host.script([Step::on(CheckPayment).lag_ms(20_000), Step::on(CheckPayment).lag_ms(5_000)]);
    assert_eq!(till.code(CheckPayment, 1), "25");
    assert_eq!(till.code(CheckPayment, 1), "00");
}

#[test]
fn an_ignored_reversal_answers_00_and_moves_nothing() {
    let mut till = Till::open();
    till.ask(PushToPay, 1);
    till.host.script(Step::on(Reversal).pretend());
    assert_eq!(till.code(Reversal, 1), "00");
    assert_eq!(till.net(1), 12_500);
    assert_eq!(till.code(CheckPayment, 1), "00");
}

#[test]
fn a_push_can_be_answered_as_paid_without_a_debit() {
    let mut till = Till::open();
    till.host.script(Step::on(PushToPay).pretend());
    let answer = till.ask(PushToPay, 1);
    assert_eq!(answer["responseCode"], "00");
    assert_eq!(answer["transactionResponseData"]["cashUsed"], "12500");
    assert!(till.host.ledger().is_empty());
}

#[test]
fn an_unheard_request_has_no_effect_whatever_is_answered() {
    let mut till = Till::open();
    till.host.script([
        Step::on(PushToPay).unheard(),
        Step::on(PushToPay).unheard().deliver(Delivery::Hang),
        Step::on(PushToPay).unheard().code("ER"),
    ]);
    let first = till.start(PushToPay, 1);
    assert_eq!(till.answer(first).unwrap().delivery, Delivery::Drop);
    let second = till.start(PushToPay, 1);
    assert_eq!(till.answer(second), None);
    assert_eq!(till.code(PushToPay, 1), "ER");
    assert!(till.host.ledger().is_empty());
    assert!(till.host.requests().iter().all(|record| !record.heard));
    assert_eq!(till.code(PushToPay, 1), "00");
}

#[test]
fn a_wrong_echo_leaves_the_books_right() {
    let mut till = Till::open();
    till.host.script(
        Step::on(PushToPay)
            .set("amount", 1)
            .set("transactionRequestData.merchantInvoice", "SOMEBODY-ELSE"),
    );
    let answer = till.ask(PushToPay, 1);
    assert_eq!(answer["amount"], 1);
    assert_eq!(answer["transactionRequestData"]["merchantInvoice"], "SOMEBODY-ELSE");
    assert_eq!(till.net(1), 12_500);
}

#[test]
fn an_answer_can_be_held_back() {
    let mut till = Till::open();
    till.host.script(Step::on(PushToPay).at_ms(65_100));
    let push = till.start(PushToPay, 1);
    till.answer(push).unwrap();
    assert_eq!(till.now.ms, 66_100);
    assert_eq!(till.host.ledger()[0].debited_ms, Some(1_000));
}

#[test]
fn a_cut_connection_does_not_end_the_session() {
    let mut till = Till::open();
    till.phone = "081200000120".to_owned();
    till.host.script(Step::on(PushToPay).deliver(Delivery::CutMs(5_000)));
    let push = till.start(PushToPay, 1);
    assert_eq!(till.answer(push).unwrap().delivery, Delivery::Reset);
    assert_eq!(till.now.ms, 6_000);
    till.wait(15_000);
    assert_eq!(till.net(1), 12_500);
}

#[test]
fn a_client_that_hangs_up_ends_its_session_only_if_configured() {
    for (cancels, net) in [(false, 12_500), (true, 0)] {
        let config = HostConfig { drop_cancels_session: cancels, ..HostConfig::default() };
        let mut till = Till::new(config);
        till.phone = "081200000120".to_owned();
        let push = till.start(PushToPay, 1);
        till.wait(5_000);
        till.host.gone(push, till.now);
        till.wait(60_000);
        assert_eq!(till.net(1), net);
        assert!(till.host.requests()[0].client_gone);
        assert!(till.host.calls.is_empty(), "nothing is kept for a client that has gone");
    }
}

#[test]
fn matching_by_numbers_alone_finds_somebody_else_s_sale() {
    let mut till = Till::new(HostConfig { match_by: MatchBy::Numbers, ..HostConfig::default() });
    till.host.config_mut().check_date = CheckDate::Any;
    let sale = Sale {
        merchant_id: DEMO_MERCHANT_ID.to_owned(),
        tid: DEMO_TID.to_owned(),
        mid: DEMO_MID.to_owned(),
        batch: 4,
        reference: 7,
        invoice: "THEIRS".to_owned(),
        amount: 99_000,
        phone: PHONE.to_owned(),
    };
    till.host.book_sale(till.now, &sale);
    assert_eq!(till.code(PushToPay, 7), "94");
    let answer = till.ask(CheckPayment, 7);
    assert_eq!(answer["responseCode"], "00");
    assert_eq!(answer["transactionRequestData"]["merchantInvoice"], "THEIRS");
    assert_eq!(answer["amount"], 99_000);
    assert_eq!(till.host.net("THEIRS"), 99_000);
}

#[test]
fn the_same_calls_always_have_the_same_answers() {
    let run = || {
        let mut till = Till::open();
        let mut answers = Vec::new();
        for number in 1..20 {
            till.phone = format!("0812000095{number:02}");
            let push = till.start(PushToPay, number);
            till.wait(61_000);
            answers.push(till.answer(push));
            answers.push(Some(Reply::empty(0)));
            let ticket = till.start(CheckPayment, number);
            answers.push(till.answer(ticket));
            till.wait(1_000);
        }
        (answers, till.host.ledger().to_vec(), till.host.requests())
    };
    assert_eq!(run(), run());
}
