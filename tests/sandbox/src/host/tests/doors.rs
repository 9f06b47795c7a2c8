//! What is refused before money is looked at, and what is not told.

use super::*;

#[test]
fn used_numbers_and_used_invoices_are_duplicates_and_change_nothing() {
    let mut till = Till::open();
    assert_eq!(till.code(PushToPay, 1), "00");
    assert_eq!(till.code(PushToPay, 1), "94");
    let mut same_invoice = till.body(PushToPay, 2);
    same_invoice["transactionRequestData"]["merchantInvoice"] = json!("INV-1");
    let mut same_numbers = till.body(PushToPay, 1);
    same_numbers["transactionRequestData"]["merchantInvoice"] = json!("INV-9");
    for body in [same_invoice, same_numbers] {
        let ticket = till.send(&body);
        let reply = till.answer(ticket).unwrap();
        assert!(String::from_utf8_lossy(&reply.body).contains("\"94\""));
    }
    assert_eq!(till.host.ledger().len(), 1);
    assert_eq!(till.net(1), 12_500);
}

#[test]
fn a_failed_attempt_consumes_its_numbers() {
    let mut till = Till::open();
    till.phone = "081200001700".to_owned();
    assert_eq!(till.code(PushToPay, 1), "17");
    till.phone = APPROVES.to_owned();
    assert_eq!(till.code(PushToPay, 1), "94");
}

#[test]
fn amounts_of_nothing_and_foreign_numbers_are_declined() {
    let mut till = Till::open();
    till.amount = 0;
    assert_eq!(till.code(PushToPay, 1), "13");
    till.amount = -5;
    assert_eq!(till.code(PushToPay, 2), "13");
    till.amount = 12_500;
    till.phone = "6281200000000".to_owned();
    assert_eq!(till.code(PushToPay, 3), "14");
    assert!(till.host.ledger().iter().all(|entry| entry.net() == 0));
}

#[test]
fn an_inquiry_knows_who_has_an_account_and_moves_nothing() {
    let mut till = Till::open();
    let answer = till.ask(Inquiry, 1);
    assert_eq!((&answer["type"], &answer["responseCode"]), (&json!("0110"), &json!("00")));
    till.phone = "081200001400".to_owned();
    assert_eq!(till.code(Inquiry, 1), "14");
    assert!(till.host.ledger().is_empty());
}

#[test]
fn signatures_are_checked_as_configured() {
    let body = Till::open().body(Inquiry, 1).to_string();
    let wall = Till::open().now.wall;
    let answer = |config: HostConfig, random: &str, signed: Option<&[u8]>| {
        let mut host = Host::new(config);
        let hmac = sign(DEMO_APP_ID, DEMO_APP_KEY, random, signed);
        let now = Now { ms: 0, wall };
        let head = Head::post(DEMO_APP_ID, random, &hmac);
        let ticket = host.receive(now, &head, body.as_bytes());
        let Progress::Reply(reply) = host.progress(ticket, now) else { panic!() };
        let value: Value = serde_json::from_slice(&reply.body).unwrap();
        value["responseCode"].as_str().unwrap().to_owned()
    };
    let with = |signing| HostConfig { signing, ..HostConfig::default() };
    let seconds = wall / 1000;
    let random = seconds.to_string();
    assert_eq!(answer(with(Signing::WithoutBody), &random, None), "00");
    assert_eq!(answer(with(Signing::WithoutBody), &random, Some(body.as_bytes())), "63");
    assert_eq!(answer(with(Signing::WithBody), &random, Some(body.as_bytes())), "00");
    assert_eq!(answer(with(Signing::WithBody), &random, None), "63");
    assert_eq!(answer(with(Signing::Either), &random, Some(b"another body")), "63");
    assert_eq!(answer(with(Signing::Either), &(seconds - 300).to_string(), None), "00");
    assert_eq!(answer(with(Signing::Either), &(seconds - 301).to_string(), None), "63");
    assert_eq!(answer(with(Signing::Either), &wall.to_string(), None), "63", "13 digits");
    let any_time = HostConfig { clock_window_s: 0, ..HostConfig::default() };
    assert_eq!(answer(any_time, "0000000001", None), "00");
    let mut revoked = HostConfig::default();
    revoked.merchants[0].revoked = true;
    assert_eq!(answer(revoked, &random, None), "63");
}

#[test]
fn only_registered_tills_may_call_and_only_what_is_contracted() {
    let mut till = Till::open();
    for (field, value) in
        [("tid", "00000002"), ("mid", "9"), ("storeCode", "X"), ("merchantId", "2")]
    {
        let mut body = till.body(PushToPay, 1);
        body[field] = json!(value);
        let ticket = till.send(&body);
        let reply = till.answer(ticket).unwrap();
        assert!(String::from_utf8_lossy(&reply.body).contains("\"EB\""), "{field}");
    }
    till.host.config_mut().merchants[0].terminals[0].blocked = true;
    assert_eq!(till.code(PushToPay, 1), "EB");
    till.host.config_mut().merchants[0].terminals[0].blocked = false;
    till.host.config_mut().check_contracted = false;
    assert_eq!(till.code(CheckPayment, 1), "58");
    assert_eq!(till.code(CheckVoid, 1), "58");
}

#[test]
fn a_date_in_utc_is_a_bad_request() {
    let mut till = Till::open();
    let mut body = till.body(PushToPay, 1);
    body["date"] = json!(date_text(till.now.wall - 7 * 3_600_000));
    let ticket = till.send(&body);
    let reply = till.answer(ticket).unwrap();
    assert!(String::from_utf8_lossy(&reply.body).contains("\"BR\""));
    assert!(till.host.requests()[0].refusal.as_deref().unwrap().contains("WIB"));
}

#[test]
fn neither_log_nor_refusal_holds_a_phone_or_a_key() {
    let mut till = Till::open();
    till.phone = PHONE.to_owned();
    till.ask(PushToPay, 1);
    let mut wrong = till.body(PushToPay, 2);
    wrong["transactionRequestData"]["batchNo"] = json!(PHONE);
    let ticket = till.send(&wrong);
    till.answer(ticket);
    let log = serde_json::to_string(&till.host.requests()[0]).unwrap();
    assert!(!log.contains(PHONE));
    assert!(!log.contains(DEMO_APP_KEY));
    let refusal = till.host.requests()[1].refusal.clone().unwrap();
    assert!(!refusal.contains(PHONE), "{refusal}");
}
