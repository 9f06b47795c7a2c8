//! What OVO answers, and what of it is true (OV1 to OV16).

use std::sync::Arc;

use ovo_checkout::{Link, Shop, days, hours, invoice, minutes, seconds, settled};
use ovo_ptp::message::{Mismatch, Operation};
use ovo_ptp::payment::{Alert, LateSuccess, Ruling, StatusAnswer};
use ovo_ptp::{Numbers, Outcome};
use ovo_sandbox::{
    AnswerOf, AnswerPlan, Behaviour, DEMO_MERCHANT_ID, DEMO_MID, DEMO_TID, Delivery, HostConfig,
    Mangle, MatchBy, Sale, Step,
};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";

fn push() -> Step {
    Step::on(Operation::PushToPay)
}

fn check() -> Step {
    Step::on(Operation::CheckPayment)
}

fn reversal() -> Step {
    Step::on(Operation::Reversal)
}

/// Somebody else's completed sale under the numbers that our next push will have.
fn book_the_next_numbers(shop: &Shop, amount: i64, phone: &str) {
    shop.pay("INV-BEFORE", APPROVES);
    let numbers = shop.report("INV-BEFORE").numbers;
    let next = Numbers::new(numbers.batch(), numbers.reference() + 1).expect("numbers");
    let sale = Sale {
        merchant_id: DEMO_MERCHANT_ID.to_owned(),
        tid: DEMO_TID.to_owned(),
        mid: DEMO_MID.to_owned(),
        batch: next.batch(),
        reference: next.reference(),
        invoice: "OTHER-1".to_owned(),
        amount,
        phone: phone.to_owned(),
    };
    let now = shop.world();
    shop.host().book_sale(now, &sale);
}

const DECLINES: [&str; 14] =
    ["13", "14", "17", "26", "51", "56", "58", "61", "63", "64", "65", "67", "EB", "BR"];

#[test]
fn ov1_a_decline_that_lies_is_told_and_the_money_goes_back() {
    for code in DECLINES {
        let shop = Shop::open();
        let lies = Behaviour::DeclineButDebited { code: code.to_owned(), after_ms: 4_000 };
        shop.script([push().behave(lies)]);
        let outcome = shop.pay("INV-1", APPROVES);
        let Outcome::Declined(decline) = &outcome else { panic!("{code}: {outcome:?}") };
        assert_eq!(decline.code().map(|code| code.to_string()).as_deref(), Some(code));
        assert_eq!(shop.net("INV-1"), 10_000, "{code}: the decline lies");
        settled(&shop);
        let critical =
            |alert: &Alert| matches!(alert, Alert::LyingDecline(_)) && alert.is_critical();
        assert!(shop.alerted(critical), "{code}: {:?}", shop.alerts());
        assert_eq!(shop.heard(Operation::Reversal), 1, "{code}");
    }
}

#[test]
fn ov1_a_debit_behind_the_decline_is_found_even_where_declines_are_trusted() {
    for (phone, code) in [("081200009605", "17"), (APPROVES, "26")] {
        let shop = Shop::with(HostConfig::default(), |builder| builder.verify_declines(false));
        let lies = Behaviour::DeclineButDebited { code: code.to_owned(), after_ms: 5_000 };
        shop.script([push().behave(lies)]);
        assert_eq!(shop.pay("INV-1", phone).name(), "declined");
        shop.settle_for(minutes(16)); // closed on the decline's word, and looked at again
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 1);
    }
}

#[test]
fn ov1_a_decline_whose_debit_comes_after_the_answer_is_returned() {
    for after_ms in [20_000, 61_000, 119_000, 170_000] {
        let shop = Shop::open();
        let late = Behaviour::Pending { answer_after_ms: 5_000, paid_after_ms: Some(after_ms) };
        shop.script([push().behave(late).code("17")]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "declined");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 1, "{after_ms}");
    }
}

#[test]
fn ov1_a_true_decline_is_verified_once_and_never_reversed() {
    for phone in ["081200001300", "081200001400", "081200001703", "081200005100"] {
        let shop = Shop::open();
        assert_eq!(shop.pay("INV-1", phone).name(), "declined");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 0);
        assert_eq!(shop.heard(Operation::CheckPayment), 3, "one to close, two sweeps");
        assert!(shop.alerts().is_empty(), "{:?}", shop.alerts());
    }
}

/// A field of the answer, a wrong value for it, and what the alert calls it.
fn wrong_echoes() -> Vec<(&'static str, serde_json::Value, Mismatch)> {
    vec![
        ("type", "0110".into(), Mismatch::MessageType),
        ("processingCode", "020040".into(), Mismatch::ProcessingCode),
        ("tid", "99999999".into(), Mismatch::Tid),
        ("mid", "000000000000009".into(), Mismatch::Mid),
        ("referenceNumber", 999_998.into(), Mismatch::Reference),
        ("transactionRequestData.batchNo", "999998".into(), Mismatch::Batch),
        ("transactionRequestData.merchantInvoice", "INV-2".into(), Mismatch::Invoice),
        ("amount", 10_001.into(), Mismatch::Amount),
        ("amount", (-10_000).into(), Mismatch::Amount),
        ("transactionRequestData.phone", "081299999999".into(), Mismatch::Phone),
    ]
}

#[test]
fn ov2_a_success_with_a_wrong_echo_is_not_believed_until_the_check_confirms_it() {
    for (field, value, mismatch) in wrong_echoes() {
        let shop = Shop::open();
        shop.script([push().set(field, value)]);
        let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("{field}") };
        assert!(receipt.is_late(), "{field}: believed at once");
        assert!(shop.alerted(|alert| *alert == Alert::WrongEcho(mismatch)), "{field}");
        settled(&shop);
        assert_eq!(shop.heard(Operation::CheckPayment), 1, "{field}");
    }
}

#[test]
fn ov17_a_success_that_leaves_one_field_out_is_ours_where_the_journal_vouches_for_the_numbers() {
    for (field, ..) in wrong_echoes() {
        let shop = Shop::open();
        let gap = AnswerPlan { remove: vec![field.to_owned()], ..AnswerPlan::default() };
        shop.script([push().answer(gap)]);
        let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("{field}") };
        assert!(!receipt.is_late(), "{field}");
        let noted = shop.alerted(|alert| *alert == Alert::SloppyEcho(Mismatch::Invoice));
        assert_eq!(noted, field.ends_with("merchantInvoice"), "{field}");
        settled(&shop);
    }
}

#[test]
fn ov2_a_success_pretended_with_a_wrong_echo_is_never_paid() {
    for (field, value, _) in wrong_echoes() {
        let shop = Shop::open();
        shop.script([push().pretend().set(field, value)]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed", "{field}");
        settled(&shop);
    }
}

#[test]
fn ov2_a_check_that_answers_another_question_is_no_answer_and_the_money_goes_back() {
    let shop = Shop::open();
    let other = || serde_json::Value::from("050000");
    shop.script([
        push().set("processingCode", other()),
        check().times(3).set("processingCode", other()),
    ]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    settled(&shop);
    assert_eq!(shop.net("INV-1"), 0);
}

#[test]
fn ov2_a_check_that_names_another_field_is_doubtful_and_moves_no_money() {
    for (field, value, _) in wrong_echoes().into_iter().skip(2) {
        let shop = Shop::open();
        shop.script([push().set(field, value.clone()), check().times(0).set(field, value)]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "needs operator", "{field}");
        shop.settle_for(days(3));
        shop.assert_every_rupiah_agrees_except(&["INV-1"]);
        assert_eq!(shop.heard(Operation::Reversal), 0, "{field}");
    }
}

#[test]
fn ov19_a_check_that_is_answered_like_a_sale_counts() {
    let shop = Shop::open();
    shop.script([
        push().deliver(Delivery::Hang),
        check().set("type", serde_json::Value::from("0210")),
    ]);
    let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("not paid") };
    assert!(receipt.is_late());
    settled(&shop);
}

#[test]
fn ov3_numbers_as_text_and_text_as_numbers_are_the_same_echo() {
    let shop = Shop::open();
    let loose = push()
        .set("amount", "10000")
        .set("type", 210)
        .set("processingCode", 40_000)
        .set("transactionRequestData.phone", "6281234567890");
    shop.script([loose]);
    let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("not believed") };
    assert!(!receipt.is_late());
    let batch = i64::from(receipt.numbers().batch());
    shop.script([push()
        .set("referenceNumber", "000002")
        .set("transactionRequestData.batchNo", batch)]);
    let Outcome::Paid(receipt) = shop.pay("INV-2", APPROVES) else { panic!("not believed") };
    assert!(!receipt.is_late());
    settled(&shop);
}

#[test]
fn ov4_pending_and_system_errors_are_unknown_until_the_check() {
    // Not debited: 68, ER, 96. Nobody is told Declined, the reversal runs.
    for (phone, code) in [("081200006803", "68"), ("081200009703", "ER"), (APPROVES, "96")] {
        let shop = Shop::open();
        if code == "96" {
            shop.script([push().behave(Behaviour::decline("96"))]);
        }
        let began = shop.world().ms;
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed", "{code}");
        assert!(shop.world().ms - began <= 66_000, "{code}");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 1, "{code}");
    }
    // Debited all the same: the check finds it while the customer still stands there.
    for phone in ["081200006920", "081200006959", "081200009803"] {
        let shop = Shop::open();
        let Outcome::Paid(receipt) = shop.pay("INV-1", phone) else { panic!("{phone}") };
        assert!(receipt.is_late());
        settled(&shop);
    }
    // Debited behind the check: returned.
    for phone in ["081200006961", "081200006964", "081200006966", "081200006999"] {
        let shop = Shop::open();
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed", "{phone}");
        settled(&shop);
    }
}

#[test]
fn ov5_a_duplicate_of_somebody_elses_sale_is_never_reversed() {
    for code in ["94", "40"] {
        for match_by in [MatchBy::Numbers, MatchBy::Everything] {
            let mut config = HostConfig { match_by, ..HostConfig::default() };
            config.choices.duplicate = code.to_owned();
            let shop = Shop::with(config, |builder| builder);
            book_the_next_numbers(&shop, 99_000, "081311112222");
            let outcome = shop.pay("INV-1", APPROVES);
            assert_ne!(outcome.name(), "paid");
            assert!(shop.alerted(|alert| matches!(alert, Alert::DuplicateNumbers(_))));
            if match_by == MatchBy::Numbers {
                assert_eq!(outcome.name(), "declined");
                assert!(shop.alerted(|alert| *alert == Alert::ForeignSale));
                assert_eq!(shop.heard(Operation::Reversal), 0);
            }
            settled(&shop);
            assert_eq!(shop.net("OTHER-1"), 99_000, "{code} {match_by:?}");
        }
    }
}

/// What another sale's answer says of that sale is no proof of ours.
#[test]
fn ov5_a_payment_that_an_operator_rules_paid_has_nothing_of_another_sale_on_its_receipt() {
    let shop = Shop::open();
    let others = Step::on(Operation::CheckPayment)
        .set("transactionRequestData.merchantInvoice", "OTHER-1")
        .set("amount", 99_000)
        .set("approvalCode", "666666")
        .set("hostDate", "0101");
    shop.script([others]);
    assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "needs operator");
    assert!(shop.alerted(|alert| *alert == Alert::Doubtful && alert.is_critical()));
    let ruled = shop.client().rule(&invoice("INV-1"), Ruling::Paid, "found at OVO").expect("ruled");
    let Some(Outcome::Paid(receipt)) = ruled.outcome else { panic!("{ruled:?}") };
    assert_eq!((receipt.approval_code(), receipt.host_date()), (None, None));
    // A void names numbers alone, and could return the other sale's money.
    let refused = shop.client().void(&invoice("INV-1")).unwrap_err();
    assert!(refused.to_string().contains("have OVO return it by hand"), "{refused}");
    assert_eq!(shop.heard(Operation::Void), 0);
    settled(&shop);
}

#[test]
fn ov5_even_a_twin_of_our_sale_is_not_ours() {
    // The other sale has our amount and our customer; only the invoice is another.
    let config = HostConfig { match_by: MatchBy::Numbers, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    book_the_next_numbers(&shop, 10_000, "081311112222");
    assert_ne!(shop.pay("INV-1", "081311112222").name(), "paid");
    // Amount, numbers and customer are ours, the invoice is another: an operator tells them apart.
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert_eq!(shop.net("OTHER-1"), 10_000);
}

#[test]
fn ov5_without_any_status_answer_a_duplicate_is_never_reversed_blindly() {
    let config = HostConfig { match_by: MatchBy::Numbers, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    book_the_next_numbers(&shop, 10_000, "081311112222");
    shop.script([check().times(0).unheard()]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_for(hours(6));
    assert_eq!(shop.heard(Operation::Reversal), 0, "nobody knows whose sale it is");
    assert!(shop.alerted(|alert| matches!(alert, Alert::Overdue(_))));
    shop.host().script_mut().steps.clear();
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert_eq!(shop.net("OTHER-1"), 10_000);
}

#[test]
fn ov5_whoever_was_away_asks_before_anything_is_reversed() {
    let away: [fn(&Shop); 2] = [
        |shop| shop.clock.pass(minutes(10)),
        |shop| {
            shop.wire.set_link(Link::Down);
            shop.settle_for(minutes(10));
            shop.wire.set_link(Link::Up);
        },
    ];
    for away in away {
        let config = HostConfig { match_by: MatchBy::Numbers, ..HostConfig::default() };
        let shop = Shop::with(config, |builder| builder);
        book_the_next_numbers(&shop, 10_000, "081311112222");
        // Neither the 94 nor the answer to the first check is heard.
        shop.script([push().deliver(Delivery::Hang), check().deliver(Delivery::Hang)]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
        away(&shop);
        shop.settle_for(minutes(10));
        // Ours may have been executed under the same numbers: who has OVO's books says that it was not.
        assert!(shop.report("INV-1").needs_operator);
        shop.client().rule(&invoice("INV-1"), Ruling::Close, "OVO has no INV-1").unwrap();
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 0);
        assert_eq!(shop.net("OTHER-1"), 10_000);
    }
    // Without a word from OVO's checks the reversal goes out all the same.
    let shop = Shop::open();
    shop.script([push().deliver(Delivery::Hang), check().times(0).unheard()]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_for(minutes(7));
    assert_eq!((shop.heard(Operation::Reversal), shop.net("INV-1")), (1, 0));
}

#[test]
fn ov5_without_check_payment_in_the_contract_a_duplicate_waits_for_the_operator() {
    let config =
        HostConfig { match_by: MatchBy::Numbers, check_contracted: false, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder.check_payment(false));
    book_the_next_numbers(&shop, 10_000, "081311112222");
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "needs operator");
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert_eq!(shop.net("OTHER-1"), 10_000);
}

#[test]
fn ov5_op4_a_report_about_a_payment_without_a_verdict_reverses_nothing_unseen() {
    // The 94 is heard, the check of 60.5 s is not; the report names an invoice, and its line is wrong.
    let config = HostConfig { match_by: MatchBy::Numbers, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    book_the_next_numbers(&shop, 10_000, "081311112222");
    shop.script([check().unheard()]);
    let client = Arc::clone(shop.client());
    shop.later(seconds(62.0), move |_| drop(client.report_paid(&invoice("INV-1")).unwrap()));
    assert_ne!(shop.pay("INV-1", APPROVES).name(), "paid");
    shop.settle_for(days(3));
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert_eq!(shop.net("OTHER-1"), 10_000);
}

#[test]
fn ov4_one_passing_96_or_58_ends_no_verification() {
    let lies = Behaviour::DeclineButDebited { code: "17".to_owned(), after_ms: 4_000 };
    for code in ["96", "58"] {
        // Said once, to the only check behind a decline; said for minutes, where a check was answered
        // before.
        for (answered_before, times) in [(false, 1), (true, 4)] {
            let shop = Shop::open();
            if answered_before {
                shop.pay("INV-0", PAYS_MUTELY_AT_10);
            }
            shop.script([
                push().invoice("INV-1").behave(lies.clone()),
                check().invoice("INV-1").times(times).code(code),
            ]);
            assert_eq!(shop.pay("INV-1", APPROVES).name(), "declined");
            settled(&shop);
            assert_eq!(shop.net("INV-1"), 0, "{code} {answered_before}");
        }
    }
}

#[test]
fn ov6_a_duplicate_of_our_own_push_is_paid_or_refunded() {
    // The first copy's answer is lost, the second copy is answered 94 (or 40).
    for code in ["94", "40"] {
        for phone in [APPROVES, "081200000130", "081200000155", IGNORES, "081200009503"] {
            let mut config = HostConfig::default();
            config.choices.duplicate = code.to_owned();
            let shop = Shop::with(config, |builder| builder);
            shop.script([push().duplicate(300, AnswerOf::Second)]);
            let outcome = shop.pay("INV-1", phone);
            let pays = [APPROVES, "081200000130", "081200000155"].contains(&phone);
            assert_eq!(outcome.is_paid(), pays, "{code} {phone}");
            settled(&shop);
        }
    }
}

#[test]
fn ov6_a_duplicate_of_our_own_push_is_refunded_if_nobody_waits_any_more() {
    let shop =
        Shop::with(HostConfig::default(), |builder| builder.late_success(LateSuccess::Reverse));
    shop.script([push().duplicate(300, AnswerOf::Second)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    settled(&shop);
    assert!(shop.heard(Operation::Reversal) >= 1);
}

#[test]
fn ov6_the_code_94_on_new_numbers_is_looked_into_and_closed() {
    for phone in ["081200009400", "081200004005"] {
        let shop = Shop::open();
        assert_eq!(shop.pay("INV-1", phone).name(), "not completed");
        settled(&shop);
    }
}

#[test]
fn ov7_not_found_at_60_s_and_debited_at_63_s_is_refunded() {
    let shop = Shop::open();
    assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
    assert_eq!(shop.net("INV-1"), 10_000);
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 1, "{:?}", shop.alerts());
}

#[test]
fn ov8_a_check_that_tells_of_the_past_is_corrected_by_the_sweep() {
    let shop = Shop::open();
    // Heard at 100 s, debited at once; the closing check at 180 s tells of 80 s.
    shop.script([push().queue_ms(100_000), check().skip(1).lag_ms(100_000)]);
    assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed");
    shop.settle_all();
    assert_eq!(shop.net("INV-1"), 10_000, "closed on old news");
    shop.settle_for(minutes(16));
    assert!(shop.alerted(|alert| *alert == Alert::DelayBoundBroken && alert.is_critical()));
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 2);
}

#[test]
fn ov8_paid_then_not_found_then_paid_ends_refunded() {
    let shop =
        Shop::with(HostConfig::default(), |builder| builder.late_success(LateSuccess::Reverse));
    shop.script([reversal().pretend(), check().skip(1).code("25")]);
    assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "not completed");
    shop.settle_for(minutes(20)); // closed on "not found", and looked at again
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 2);
}

#[test]
fn ov9_a_reversal_that_is_not_ours_is_no_payment_and_an_alert() {
    let shop = Shop::open();
    shop.later(seconds(30.0), |outside| {
        let now = outside.world();
        assert!(outside.host().reverse_by_operator(now, "INV-1"));
    });
    assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "not completed");
    assert!(shop.alerted(|alert| *alert == Alert::ForeignReversal));
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0, "it was reversed already");
    assert!(shop.heard(Operation::CheckPayment) >= 2, "closed by a late check only");
}

#[test]
fn ov10_a_paid_payment_that_ovo_reversed_stays_paid_and_calls_the_operator() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    shop.clock.pass(minutes(5));
    let now = shop.world();
    assert!(shop.host().reverse_by_operator(now, "INV-1"));
    let status = shop.client().check(&invoice("INV-1")).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::Reversed);
    assert!(shop.alerted(|alert| *alert == Alert::PaidButReversed && alert.is_critical()));
    assert_eq!(shop.report("INV-1").outcome.as_ref().map(Outcome::name), Some("paid"));
    let again = shop.client().unacknowledged().unwrap();
    assert_eq!(again.len(), 1, "the caller hears of it again");
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    shop.settle_for(days(3));
    assert_eq!(shop.heard(Operation::Reversal), 0);
    shop.client().rule(&invoice("INV-1"), Ruling::Close, "refunded by OVO, case 4711").unwrap();
    assert!(!shop.report("INV-1").needs_operator);
}

#[test]
fn ov11_a_reversal_is_tried_until_it_is_acknowledged() {
    let answers = [
        AnswerPlan { empty: Some(404), ..AnswerPlan::default() },
        AnswerPlan { code: Some("ER".to_owned()), ..AnswerPlan::default() },
        AnswerPlan { code: Some("Z9".to_owned()), ..AnswerPlan::default() },
        AnswerPlan { html: Some(502), ..AnswerPlan::default() },
        AnswerPlan { empty: Some(200), ..AnswerPlan::default() },
    ];
    for answer in answers {
        let shop = Shop::open();
        shop.script([reversal().times(10).unheard().answer(answer.clone())]);
        assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
        shop.settle_for(minutes(6));
        assert!(shop.alerted(|alert| matches!(alert, Alert::Overdue(_))), "{answer:?}");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 11, "{answer:?}");
    }
}

#[test]
fn ov11_an_acknowledgement_that_names_another_payment_is_none() {
    for (field, value) in [
        ("referenceNumber", 999_998.into()),
        ("tid", serde_json::Value::from("99999999")),
        ("transactionRequestData.merchantInvoice", "INV-2".into()),
        ("amount", 1.into()),
    ] {
        let shop = Shop::open();
        shop.script([reversal().unheard().code("00").set(field, value)]);
        shop.pay("INV-1", "081200009503");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), 2, "{field}");
    }
}

#[test]
fn ov12_an_acknowledged_reversal_that_moved_nothing_is_repeated() {
    for ignored in [1, 2, 5] {
        let shop = Shop::open();
        shop.script([reversal().times(ignored).pretend()]);
        assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
        settled(&shop);
        assert_eq!(shop.heard(Operation::Reversal), ignored as usize + 1);
        assert!(shop.alerted(|alert| *alert == Alert::LateDebit));
    }
}

#[test]
fn ov12_without_check_payment_two_reversals_close_and_each_must_be_acknowledged() {
    let config = HostConfig { check_contracted: false, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder.check_payment(false));
    shop.script([reversal().pretend(), reversal().code("ER").unheard()]);
    assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "not completed");
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 3);
    assert_eq!(shop.heard(Operation::CheckPayment), 0);
}

#[test]
fn ov13_only_the_two_characters_00_are_a_success() {
    let codes: [serde_json::Value; 11] = [
        "Z9".into(),
        0.into(),
        "0".into(),
        " 00".into(),
        "00 ".into(),
        "000".into(),
        "".into(),
        serde_json::Value::Null,
        false.into(),
        serde_json::json!(["00"]),
        serde_json::json!({"code": "00"}),
    ];
    for code in codes {
        let shop = Shop::open();
        shop.script([push().set("responseCode", code.clone())]);
        let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("{code}") };
        assert!(receipt.is_late(), "{code} was taken for a success");
        settled(&shop);
        // The same in every answer until after the decision: nobody is told Paid.
        let shop = Shop::open();
        shop.script([
            push().set("responseCode", code.clone()),
            check().times(2).set("responseCode", code.clone()),
            reversal().times(2).set("responseCode", code.clone()),
        ]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed", "{code}");
        settled(&shop);
    }
    let shop = Shop::open();
    let missing = AnswerPlan { remove: vec!["responseCode".to_owned()], ..AnswerPlan::default() };
    shop.script([push().answer(missing)]);
    let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("missing code") };
    assert!(receipt.is_late());
    settled(&shop);
}

#[test]
fn ov14_a_body_that_is_not_one_clean_object_is_no_answer() {
    let spoilt = [
        Mangle::ByteOrderMark,
        Mangle::DuplicateCode("00".to_owned()),
        Mangle::DuplicateCode("17".to_owned()),
        Mangle::TrailingGarbage,
        Mangle::NotANumber,
        Mangle::HugeNumber,
        Mangle::Deep(10_000),
        Mangle::Truncated,
        Mangle::InvalidUtf8,
        Mangle::Utf16,
        Mangle::Blank,
    ];
    for mangle in spoilt {
        let plan = || AnswerPlan { mangle: Some(mangle.clone()), ..AnswerPlan::default() };
        let shop = Shop::open();
        shop.script([push().answer(plan())]);
        let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("{mangle:?}") };
        assert!(receipt.is_late(), "{mangle:?} was read");
        settled(&shop);
        // In the first answers of everything: decided without them, and settled when they clear.
        let shop = Shop::open();
        shop.script([
            push().answer(plan()),
            check().times(2).answer(plan()),
            reversal().times(2).answer(plan()),
        ]);
        assert_eq!(shop.pay("INV-1", APPROVES).name(), "not completed", "{mangle:?}");
        settled(&shop);
    }
}

#[test]
fn ov15_a_payment_that_ovo_no_longer_knows_waits_for_the_operator() {
    // Before the decision: told so at once.
    let shop = Shop::open();
    shop.script([check().code("54")]);
    assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "needs operator");
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    assert_eq!(shop.heard(Operation::Reversal), 0);
    assert!(shop.alerted(|alert| *alert == Alert::TooOld && alert.is_critical()));
    // The operator finds it debited and has it returned.
    shop.client().rule(&invoice("INV-1"), Ruling::Refund, "debited, customer gone").unwrap();
    settled(&shop);

    // At the closing check: the reversal has run, the operator verifies.
    let shop = Shop::open();
    shop.script([check().skip(1).code("54")]);
    assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed");
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees_except(&["INV-1"]);
    assert_eq!(shop.net("INV-1"), 0);
}

#[test]
fn ov16_revoked_credentials_stop_nothing_for_good() {
    for revoked_at in [5.0, 30.0, 62.0, 64.99, 100.0] {
        let shop = Shop::open();
        // Not found at 60 s, debited at 63 s: the reversal must reach OVO in the end.
        shop.later(seconds(revoked_at), |outside| outside.revoke_credentials(true));
        assert_eq!(shop.pay("INV-1", "081200009503").name(), "not completed", "{revoked_at}");
        shop.settle_for(hours(3));
        assert_eq!(shop.unsettled().len(), 1, "{revoked_at}: never closed on a refusal");
        let told = |alert: &Alert| matches!(alert, Alert::Misconfigured(_));
        assert!(shop.alerted(told) || revoked_at == 100.0, "{revoked_at}: {:?}", shop.alerts());
        assert!(shop.alerted(|alert| matches!(alert, Alert::Overdue(_))), "{revoked_at}");
        shop.revoke_credentials(false);
        settled(&shop);
    }
}

#[test]
fn ov16_a_blocked_terminal_is_the_same() {
    let shop = Shop::open();
    shop.later(seconds(30.0), |outside| {
        outside.host().config_mut().merchants[0].terminals[0].blocked = true;
    });
    assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "not completed");
    shop.settle_for(hours(1));
    assert_eq!(shop.net("INV-1"), 10_000);
    assert_eq!(shop.unsettled().len(), 1);
    shop.host().config_mut().merchants[0].terminals[0].blocked = false;
    settled(&shop);
}
