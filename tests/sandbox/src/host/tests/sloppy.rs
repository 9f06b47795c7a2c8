//! A host that repeats carelessly what it was asked, and stays honest in its books.

use super::*;
use crate::sloppy::{AnswerTo, Echo, How, Sloppiness};

fn sloppy(operation: AnswerTo, field: Echo, how: How) -> Till {
    let sloppy = vec![Sloppiness::new(operation, field, how)];
    let mut till = Till::new(HostConfig { sloppy, ..HostConfig::default() });
    till.phone = PHONE.to_owned();
    till
}

/// What becomes of a field in the answer to a push that was approved.
fn echoed(field: Echo, how: How) -> Option<Value> {
    let answer = sloppy(AnswerTo::PushToPay, field, how).ask(PushToPay, 1);
    let holder = match answer.get(field.name()) {
        None => &answer["transactionRequestData"],
        Some(_) => &answer,
    };
    holder.get(field.name()).cloned()
}

#[test]
fn ov17_every_field_is_repeated_in_every_careless_way() {
    let table = [
        (Echo::MerchantInvoice, How::BlanksBefore, json!("  INV-1")),
        (Echo::MerchantInvoice, How::BlanksBehind, json!("INV-1  ")),
        (Echo::MerchantInvoice, How::Newline, json!("INV-1\n")),
        (Echo::MerchantInvoice, How::ControlCharacters, json!("\tINV-1\0\r")),
        (Echo::MerchantInvoice, How::OtherCase, json!("inv-1")),
        (Echo::MerchantInvoice, How::Cut(3), json!("INV")),
        (Echo::MerchantInvoice, How::Empty, json!("")),
        (Echo::MerchantInvoice, How::Null, Value::Null),
        (Echo::MerchantInvoice, How::Masked, json!("*****")),
        (Echo::MerchantInvoice, How::OtherSale, json!("ANOTHER-SALE-0001")),
        (Echo::MerchantInvoice, How::Exactly(json!(["INV-1"])), json!(["INV-1"])),
        (Echo::Phone, How::Masked, json!("0812****7890")),
        (Echo::Phone, How::CountryCode, json!("6281234567890")),
        (Echo::Phone, How::PlusCountryCode, json!("+6281234567890")),
        (Echo::Phone, How::OtherSale, json!("081234567891")),
        (Echo::Tid, How::WithZeros, json!("0000000001")),
        (Echo::Tid, How::WithoutZeros, json!("1")),
        (Echo::Tid, How::OtherType, json!(1)),
        (Echo::Mid, How::Masked, json!("0000*******0001")),
        (Echo::BatchNo, How::OtherType, json!(4)),
        (Echo::BatchNo, How::OtherSale, json!("000005")),
        (Echo::ReferenceNumber, How::OtherType, json!("1")),
        (Echo::ReferenceNumber, How::WithZeros, json!("001")),
        (Echo::ReferenceNumber, How::WithoutZeros, json!(1)),
        (Echo::ReferenceNumber, How::OtherSale, json!(2)),
        (Echo::Amount, How::OtherType, json!("12500")),
        (Echo::Amount, How::OtherCase, json!(12_500)),
        (Echo::Amount, How::OtherSale, json!(12_501)),
        (Echo::Type, How::OtherSale, json!("0110")),
        (Echo::Type, How::OtherType, json!(210)),
        (Echo::ProcessingCode, How::OtherSale, json!("050000")),
        // B13: a date of other shape.
        (Echo::HostDate, How::OtherType, json!(131)),
        (Echo::RequestData, How::Null, Value::Null),
        (Echo::RequestData, How::Empty, json!({})),
    ];
    for (field, how, expected) in table {
        assert_eq!(echoed(field, how.clone()), Some(expected), "{field:?} {how:?}");
    }
    for field in Echo::IDENTITY.iter().chain(&[Echo::RequestData, Echo::HostDate]) {
        assert_eq!(echoed(*field, How::Absent), None, "{field:?}");
    }
    let text = echoed(Echo::RequestData, How::OtherType).unwrap();
    assert!(text.as_str().unwrap().contains("INV-1"));
    let inner = echoed(Echo::RequestData, How::BlanksBehind).unwrap();
    assert_eq!(inner["phone"], "081234567890  ");
}

#[test]
fn a_long_invoice_is_cut_and_a_long_number_stays_a_text() {
    let mut till = sloppy(AnswerTo::Any, Echo::MerchantInvoice, How::Cut(20));
    let mut body = till.body(PushToPay, 1);
    body["transactionRequestData"]["merchantInvoice"] = json!("ORDER-2026-11-26-0000017");
    let ticket = till.send(&body);
    let reply = till.answer(ticket).unwrap();
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["transactionRequestData"]["merchantInvoice"], "ORDER-2026-11-26-000");
    assert_eq!(till.host.ledger()[0].invoice, "ORDER-2026-11-26-0000017");
}

#[test]
fn only_the_named_answers_are_sloppy() {
    let operations =
        [PushToPay, CheckPayment, Void, CheckVoid, Reversal, Inquiry].map(|operation| {
            let kind = serde_json::to_value(crate::operation::On::Only(operation)).unwrap();
            (operation, serde_json::from_value::<AnswerTo>(kind).unwrap())
        });
    for (sloppy_one, kind) in operations {
        let mut till = sloppy(kind, Echo::Tid, How::Absent);
        for (operation, _) in operations {
            let answer = till.ask(operation, 1);
            assert_eq!(answer.get("tid").is_none(), operation == sloppy_one, "{operation:?}");
        }
    }
    assert_eq!(operations.len() + 1, AnswerTo::EACH.len(), "a decline is the seventh");
    let mut till = sloppy(AnswerTo::Decline, Echo::Tid, How::Absent);
    assert!(till.ask(PushToPay, 1).get("tid").is_some());
    till.phone = "081200001700".to_owned();
    assert!(till.ask(PushToPay, 2).get("tid").is_none());
}

#[test]
fn ov23_failures_may_say_their_code_and_nothing_else() {
    let sloppy = vec![Sloppiness::bare_failures()];
    let mut till = Till::new(HostConfig { sloppy, ..HostConfig::default() });
    till.phone = "081200001700".to_owned();
    assert_eq!(till.ask(PushToPay, 1), json!({"responseCode": "17"}));
    assert_eq!(till.ask(CheckPayment, 1), json!({"responseCode": "25"}));
    assert_eq!(till.ask(Reversal, 1)["transactionRequestData"]["merchantInvoice"], "INV-1");
}

#[test]
fn ov19_answers_may_carry_the_type_of_another_operation() {
    let mut till = sloppy(AnswerTo::Any, Echo::Type, How::OtherSale);
    till.ask(PushToPay, 1);
    assert_eq!(till.ask(CheckPayment, 1)["type"], "0210");
    assert_eq!(till.ask(Reversal, 1)["type"], "0210");
    let mut till = sloppy(AnswerTo::CheckVoid, Echo::ProcessingCode, How::OtherSale);
    assert_eq!(till.ask(CheckVoid, 1)["processingCode"], "040000");
}

#[test]
fn a_step_makes_one_answer_sloppy() {
    let mut till = Till::open();
    till.host.script(Step::on(CheckPayment).sloppy(Echo::Everything, How::BlanksBehind));
    till.ask(PushToPay, 1);
    let answer = till.ask(CheckPayment, 1);
    assert_eq!(answer["tid"], "00000001  ");
    assert_eq!(answer["amount"], "12500  ");
    assert_eq!(till.ask(CheckPayment, 1)["tid"], "00000001");
}

#[test]
fn ov18_a_host_may_acknowledge_reversals_for_ever_and_carry_out_none() {
    let mut till = Till::new(HostConfig { reversals_ignored: true, ..HostConfig::default() });
    till.ask(PushToPay, 1);
    for _ in 0..3 {
        assert_eq!(till.code(Reversal, 1), "00");
        assert_eq!(till.code(CheckPayment, 1), "00");
        till.wait(3_600_000);
    }
    assert_eq!(till.net(1), 12_500);
    assert_eq!(till.host.ledger()[0].reversals, 3);
    let now = till.now;
    assert!(till.host.reverse_by_operator(now, "INV-1"), "OVO's own operator still can");
}

#[test]
fn ov21_a_check_may_repeat_the_declines_code() {
    let mut till = Till::new(HostConfig { check_repeats_decline: true, ..HostConfig::default() });
    till.phone = "081200001700".to_owned();
    assert_eq!(till.code(PushToPay, 1), "17");
    assert_eq!(till.code(CheckPayment, 1), "17");
    till.phone = APPROVES.to_owned();
    assert_eq!(till.code(CheckPayment, 2), "25");
    assert_eq!(till.code(PushToPay, 2), "00");
    assert_eq!(till.code(CheckPayment, 2), "00");
}

#[test]
fn ov22_a_host_may_accept_any_signature_and_its_log_knows() {
    let config = HostConfig { signing: Signing::Unchecked, ..HostConfig::default() };
    let mut till = Till::new(config);
    let body = till.body(PushToPay, 1).to_string();
    let random = till.now.wall.div_euclid(1000).to_string();
    let head = Head::post(DEMO_APP_ID, &random, "no signature at all");
    let ticket = till.host.receive(till.now, &head, body.as_bytes());
    let reply = till.answer(ticket).unwrap();
    assert!(String::from_utf8_lossy(&reply.body).contains(r#""responseCode":"00""#));
    assert_eq!(till.host.requests()[0].signature, crate::signature::Signed::Wrong);
    assert_eq!(till.code(Inquiry, 2), "00");
    assert_eq!(till.host.requests()[1].signature, crate::signature::Signed::WithoutBody);
}

#[test]
fn habits_are_read_from_json_and_misspelt_ones_refused() {
    let patched = |text: &str| {
        let patch = serde_json::from_str(text).unwrap();
        HostConfig::default().patched(patch).map(|config| config.sloppy)
    };
    assert_eq!(
        patched(
            r#"{"sloppy":[{"operation":"check_payment","field":"merchantInvoice","how":{"cut":20}},
                          {"field":"transactionRequestData","how":"absent"},
                          {"field":"everything","how":{"exactly":7}}]}"#
        ),
        Ok(vec![
            Sloppiness::new(AnswerTo::CheckPayment, Echo::MerchantInvoice, How::Cut(20)),
            Sloppiness::new(AnswerTo::Any, Echo::RequestData, How::Absent),
            Sloppiness::new(AnswerTo::Any, Echo::Everything, How::Exactly(json!(7))),
        ])
    );
    assert!(patched(r#"{"sloppy":[{"field":"invoice","how":"absent"}]}"#).is_err());
    assert!(patched(r#"{"sloppy":[{"field":"tid","how":"missing"}]}"#).is_err());
}
