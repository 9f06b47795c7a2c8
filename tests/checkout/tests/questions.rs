//! What a client answers when it is asked about payments, and what it never says
//! (operations 1, operations 3.5).

use std::sync::Arc;
use std::time::Duration;

use ovo_checkout::{
    Fault, Life, Link, Shop, charge, days, hours, invoice, minutes, seconds, settled,
};
use ovo_ptp::journal::Filter;
use ovo_ptp::message::{Operation, SigningMode};
use ovo_ptp::payment::StatusAnswer;
use ovo_ptp::{ErrorKind, Event, Inquiry, MerchantInvoice, Outcome, Probe};
use ovo_sandbox::{Customer, DEMO_APP_KEY, Delivery, HostConfig, Signed, Signing, Step};

const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";
const PAYS_BEHIND_THE_CHECK: &str = "081200009503";

#[test]
fn n2_what_an_operator_asks_for_in_the_last_seconds_is_told_to_the_cashier_who_waits() {
    let shop = Shop::open();
    shop.script([Step::on(Operation::CheckPayment).unheard()]);
    let client = Arc::clone(shop.client());
    shop.later(seconds(62.5), move |_| {
        let status = client.check(&invoice("INV-1")).unwrap();
        assert_eq!(status.at_ovo, StatusAnswer::Paid);
    });
    assert!(shop.pay("INV-1", PAYS_MUTELY_AT_10).is_paid());
    settled(&shop);
    assert_eq!(shop.heard(Operation::Reversal), 0);
}

#[test]
fn an_invoice_whose_customer_is_forgotten_tells_no_other_customers_payment_as_paid() {
    let shop = Shop::open();
    assert!(shop.pay("TABLE-7", APPROVES).is_paid());
    shop.client().acknowledge(&invoice("TABLE-7")).unwrap();
    shop.settle_for(days(3));
    let error = shop.client().pay(&charge("TABLE-7", IGNORES)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvoiceReused);
    assert_eq!(shop.heard(Operation::PushToPay), 1);
    // Whoever was never told may still ask for it.
    assert!(shop.pay("TABLE-8", APPROVES).is_paid());
    shop.settle_for(days(3));
    assert!(shop.pay("TABLE-8", APPROVES).is_paid());
}

#[test]
fn what_was_not_acknowledged_is_listed_until_it_is() {
    let mut shop = Shop::open();
    shop.pay("INV-1", APPROVES);
    shop.pay("INV-2", "081200001700");
    shop.pay("INV-3", IGNORES);
    shop.dies_after(seconds(5.0));
    assert!(Life::until_death(|| shop.pay("INV-4", "081200000120")).is_none());
    shop.reopen();
    let listed = |shop: &Shop| -> Vec<String> {
        let open = shop.client().unacknowledged().unwrap();
        open.iter().map(|report| report.invoice.as_str().to_owned()).collect()
    };
    assert_eq!(listed(&shop), ["INV-1", "INV-2", "INV-3"], "what has no outcome yet is not listed");
    let open = shop.client().acknowledge(&invoice("INV-4")).unwrap_err();
    assert_eq!(open.kind(), ErrorKind::Refused);
    assert_eq!(
        shop.client().acknowledge(&invoice("INV-9")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    shop.reboot();
    settled(&shop);
    assert_eq!(listed(&shop), ["INV-2", "INV-3", "INV-4"]);
    shop.settle_for(days(40));
    assert_eq!(listed(&shop).len(), 3, "never acknowledged by time");
}

#[test]
fn payments_are_listed_by_what_was_asked_for() {
    let shop = Shop::open();
    shop.pay("INV-1", APPROVES);
    shop.clock.pass(hours(1));
    let middle = shop.reports()[0].begun.unix_millis() + 1_800_000;
    let middle = ovo_ptp::WallTime::from_unix_millis(middle);
    shop.pay("INV-2", IGNORES);
    shop.script([Step::on(Operation::CheckPayment).code("54")]);
    shop.pay("INV-3", PAYS_MUTELY_AT_10);
    let list = |filter: Filter| -> Vec<String> {
        let found = shop.client().payments(&filter).unwrap();
        found.iter().map(|report| report.invoice.as_str().to_owned()).collect()
    };
    let any = Filter::default;
    assert_eq!(list(any()), ["INV-1", "INV-2", "INV-3"]);
    assert_eq!(list(Filter { since: Some(middle), ..any() }), ["INV-2", "INV-3"]);
    assert_eq!(list(Filter { until: Some(middle), ..any() }), ["INV-1"]);
    assert_eq!(list(Filter { needs_operator: true, ..any() }), ["INV-3"]);
    assert!(list(Filter { unsettled: true, ..any() }).contains(&"INV-2".to_owned()));
    assert_eq!(list(Filter { limit: 2, ..any() }), ["INV-1", "INV-2"]);
    let after = shop.report("INV-1").id;
    assert_eq!(list(Filter { after: Some(after), limit: 1, ..any() }), ["INV-2"]);
    shop.client().acknowledge(&invoice("INV-1")).unwrap();
    assert_eq!(list(Filter { unacknowledged: true, ..any() }), ["INV-2", "INV-3"]);
}

#[test]
fn j29_what_nobody_acknowledged_is_walked_through_page_by_page() {
    let shop = Shop::open();
    for number in 0..250 {
        shop.pay(&format!("INV-{number}"), &format!("0812345{number:05}"));
    }
    let client = shop.client();
    let walked = |filter: Filter| -> Vec<i64> {
        client.each_payment(&filter).map(|report| report.unwrap().id.0).collect()
    };
    let open = Filter { unacknowledged: true, ..Filter::default() };
    assert_eq!(walked(open.clone()), (1..=250).collect::<Vec<_>>());
    let newest = Filter { newest_first: true, limit: 110, ..open.clone() };
    assert_eq!(walked(newest), (141..=250).rev().collect::<Vec<_>>());
    assert_eq!(walked(Filter { limit: 2, ..open.clone() }), [1, 2]);
    // Acknowledged on the way, as a shop does at its start: none is passed over.
    let mut seen = 0;
    for report in client.each_payment(&open) {
        client.acknowledge(&report.unwrap().invoice).unwrap();
        seen += 1;
    }
    assert_eq!(seen, 250);
    assert!(client.unacknowledged().unwrap().is_empty());
    client.close();
    let mut closed = client.each_payment(&open);
    assert_eq!(closed.next().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(closed.next().is_none());
}

#[test]
fn a_check_is_refused_before_60_s_and_after_7_days() {
    let shop = Shop::open();
    let client = Arc::clone(shop.client());
    for at in [1.0, 30.0, 59.9] {
        let client = Arc::clone(&client);
        shop.later(seconds(at), move |_| {
            let error = client.check(&invoice("INV-1")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutsideWindow);
        });
    }
    assert!(shop.pay("INV-1", PAYS_MUTELY_AT_10).is_paid());
    assert!(shop.pay("INV-2", APPROVES).is_paid());
    let early = client.check(&invoice("INV-2")).unwrap_err();
    assert_eq!(early.kind(), ErrorKind::OutsideWindow);
    assert_eq!(client.check(&invoice("INV-9")).unwrap_err().kind(), ErrorKind::NotFound);
    shop.clock.pass(seconds(60.1));
    let status = client.check(&invoice("INV-2")).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::Paid);
    assert_eq!(status.payment.outcome.as_ref().map(Outcome::name), Some("paid"));
    shop.settle_for(days(3));
    // The phone is forgotten: whoever has it may lend it.
    assert_eq!(client.check(&invoice("INV-2")).unwrap_err().kind(), ErrorKind::NoAnswer);
    let phone = APPROVES.parse().unwrap();
    let lent = client.check_with_phone(&invoice("INV-2"), &phone).unwrap();
    assert_eq!(lent.at_ovo, StatusAnswer::Paid);
    shop.settle_for(days(4) - minutes(10));
    assert!(client.check_with_phone(&invoice("INV-2"), &phone).is_ok());
    shop.settle_for(minutes(20));
    let late = client.check_with_phone(&invoice("INV-2"), &phone).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::OutsideWindow);
    settled(&shop);
}

#[test]
fn a_check_of_what_never_left_is_refused() {
    let shop = Shop::open();
    shop.wire.fail(Operation::PushToPay, Fault::Unreachable);
    shop.pay("INV-1", APPROVES);
    shop.clock.pass(minutes(2));
    assert_eq!(shop.client().check(&invoice("INV-1")).unwrap_err().kind(), ErrorKind::Refused);
    assert!(shop.host().requests().is_empty());
}

#[test]
fn a_check_never_accepts_a_payment_that_nobody_waits_for() {
    for reboots in [false, true] {
        let mut shop = Shop::open();
        shop.dies_after(seconds(30.0));
        assert!(Life::until_death(|| shop.pay("INV-1", PAYS_MUTELY_AT_10)).is_none());
        shop.clock.pass(seconds(56.0));
        if reboots {
            shop.reboot();
            shop.clock.pass(seconds(60.0));
        } else {
            shop.reopen()
        }
        let status = shop.client().check(&invoice("INV-1")).unwrap();
        assert_eq!(status.at_ovo, StatusAnswer::Paid);
        assert_eq!(status.payment.outcome, None, "nobody stands at the till");
        settled(&shop);
        assert_eq!(shop.report("INV-1").outcome.unwrap().name(), "not completed");
    }
}

#[test]
fn a_check_with_a_mistyped_phone_ends_no_refund() {
    for wait in [1.0, 30.0, 120.0, 200.0] {
        let shop = Shop::open();
        // No check is answered before the operator's, so the refund waits for a look.
        shop.script([Step::on(Operation::CheckPayment).times(2).unheard()]);
        assert_eq!(shop.pay("INV-1", PAYS_MUTELY_AT_10).name(), "not completed");
        shop.client().settle().unwrap();
        shop.script([Step::on(Operation::CheckPayment).times(0).unheard()]);
        shop.settle_for(seconds(wait));
        shop.host().script_mut().steps.clear();
        let mistyped = "081299998888".parse().unwrap();
        let error = shop.client().check_with_phone(&invoice("INV-1"), &mistyped).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.to_string().contains("99998888"));
        settled(&shop);
    }
}

#[test]
fn a_mistyped_phone_says_nothing_about_a_payment_whose_own_is_forgotten() {
    let shop = Shop::open();
    shop.pay("INV-1", PAYS_BEHIND_THE_CHECK);
    settled(&shop);
    // The refund was a pretence after all; OVO's file says so, and the reversal is out again.
    shop.script([Step::on(Operation::Reversal).times(3).unheard()]);
    shop.client().report_paid(&invoice("INV-1")).unwrap();
    shop.client().settle().unwrap();
    let before = shop.report("INV-1");
    let mistyped = "081299998888".parse().unwrap();
    shop.script([Step::on(Operation::CheckPayment)
        .code("00")
        .set("transactionRequestData.phone", PAYS_BEHIND_THE_CHECK)]);
    let status = shop.client().check_with_phone(&invoice("INV-1"), &mistyped).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::Doubtful);
    assert_eq!(shop.report("INV-1"), before);
    settled(&shop);
}

/// OVO may look a payment up by its phone, too.
#[test]
fn a_mistyped_phone_that_ovo_finds_nothing_under_contradicts_no_paid_payment() {
    let shop = Shop::open();
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    shop.settle_for(days(3));
    let mistyped = "081299998888".parse().unwrap();
    shop.script([Step::on(Operation::CheckPayment).code("25")]);
    let status = shop.client().check_with_phone(&invoice("INV-1"), &mistyped).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::NotFound);
    assert!(!shop.report("INV-1").needs_operator);
    settled(&shop);
}

#[test]
fn settle_reports_what_changed_and_when_to_come_again() {
    let shop = Shop::open();
    assert!(shop.client().settle().unwrap().is_empty());
    assert_eq!(shop.client().next_settlement().unwrap(), None);
    shop.pay("INV-1", IGNORES);
    assert_eq!(shop.client().next_settlement().unwrap(), Some(Duration::ZERO));
    let changed = shop.client().settle().unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].settlement, "reversed, to be verified");
    let next = shop.client().next_settlement().unwrap().unwrap();
    assert!((seconds(110.0)..seconds(116.0)).contains(&next), "{next:?}");
    assert!(shop.client().settle().unwrap().is_empty(), "nothing is due");
    shop.clock.pass(next);
    let changed = shop.client().settle().unwrap();
    assert!(changed[0].settled);
    settled(&shop);
}

#[test]
fn settling_in_the_background_needs_no_call() {
    let shop = Shop::open();
    let client = shop.client_with(|builder| builder.background(true));
    shop.pay_with(&client, &charge("INV-1", PAYS_BEHIND_THE_CHECK));
    for number in 0..300 {
        if shop.unsettled().is_empty() {
            break;
        }
        shop.clock.pass(seconds(10.0));
        shop.pay_with(&client, &charge(&format!("WAKE-{number}"), APPROVES));
        std::thread::sleep(Duration::from_millis(3));
    }
    client.close();
    shop.assert_every_rupiah_agrees();
    assert!(shop.unsettled().is_empty());
}

#[test]
fn an_inquiry_tells_who_has_an_account_and_charges_nobody() {
    let shop = Shop::open();
    let ask = |phone: &str| shop.client().inquire(&phone.parse().unwrap());
    assert_eq!(ask(APPROVES).unwrap(), Inquiry::Registered);
    assert_eq!(ask("081200001400").unwrap(), Inquiry::NotRegistered);
    shop.script([Step::on(Operation::Inquiry).deliver(Delivery::Hang)]);
    assert_eq!(ask(APPROVES).unwrap_err().kind(), ErrorKind::NoAnswer);
    shop.revoke_credentials(true);
    assert_eq!(ask(APPROVES).unwrap_err().kind(), ErrorKind::Configuration);
    assert!(shop.reports().is_empty());
}

#[test]
fn doctor_names_what_must_be_mended() {
    let problems = |shop: &Shop| shop.client().doctor().unwrap().problems();
    assert!(problems(&Shop::open()).is_empty());

    let config = HostConfig { signing: Signing::WithBody, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder.signing(SigningMode::WithoutBody));
    assert!(problems(&shop)[0].contains("change the signing mode"), "{:?}", problems(&shop));

    let mut config = HostConfig::default();
    config.merchants[0].app_key = "f".repeat(64);
    let shop = Shop::with(config, |builder| builder);
    let diagnosis = shop.client().doctor().unwrap();
    assert!(matches!(diagnosis.without_body, Probe::Refused(code) if code.as_str() == "63"));
    assert!(diagnosis.problems()[0].contains("code 63"));

    for (offset, word) in [(120_000, "ahead of"), (-240_000, "behind"), (7_200_000, "ahead of")] {
        let shop = Shop::open();
        shop.clock.set_wall_offset(offset);
        assert!(problems(&shop).iter().any(|line| line.contains(word)), "{:?}", problems(&shop));
    }

    let shop = Shop::open();
    shop.wire.set_link(Link::Down);
    assert!(problems(&shop)[0].contains("no readable answer"));
    assert!(shop.reports().is_empty());
}

fn wrong_signatures(shop: &Shop) -> usize {
    let requests = shop.requests(Operation::Inquiry);
    requests.iter().filter(|request| request.signature == Signed::Wrong).count()
}

#[test]
fn ov22_a_probed_host_says_whether_it_checks_signatures_once_a_day_at_most() {
    for (signing, checks) in [(Signing::Either, true), (Signing::Unchecked, false)] {
        let config = HostConfig { signing, ..HostConfig::default() };
        let mut shop = Shop::with(config, |builder| builder);
        let unasked = shop.client().doctor().unwrap();
        assert_eq!((unasked.wrong_signature, wrong_signatures(&shop)), (None, 0));

        let found = shop.client().probe_signature().unwrap();
        assert_eq!(wrong_signatures(&shop), 1);
        match &found.wrong_signature {
            Some(Probe::Refused(code)) => assert!(checks && code.as_str() == "63"),
            Some(Probe::Accepted(_)) => assert!(!checks),
            other => panic!("{other:?}"),
        }
        let meaning = if checks { "the host checks signatures" } else { "checks no signature" };
        assert!(found.to_string().contains(meaning), "{found}");
        assert_eq!(found.problems().is_empty(), checks, "{found}");

        // The journal remembers it, over restarts of process and machine.
        for hours_later in [0, 23] {
            shop.clock.pass(hours(hours_later));
            shop.reboot();
            let refused = shop.client().probe_signature().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Refused);
            assert!(refused.to_string().contains("WIB"), "{refused}");
            assert!(refused.retry_after().is_some_and(|wait| wait <= hours(24 - hours_later)));
        }
        assert_eq!(wrong_signatures(&shop), 1);
        shop.clock.pass(hours(1));
        assert!(shop.client().probe_signature().unwrap().wrong_signature.is_some());
        assert_eq!(wrong_signatures(&shop), 2);
    }
}

#[test]
fn ov22_no_wrong_signature_is_sent_to_a_host_that_does_not_accept_the_right_one() {
    let mut config = HostConfig::default();
    config.merchants[0].app_key = "f".repeat(64);
    let shop = Shop::with(config, |builder| builder);
    // Both ways of signing are wrong to it; there is nothing to learn from a third.
    let found = shop.client().probe_signature().unwrap();
    assert_eq!((found.wrong_signature, shop.heard(Operation::Inquiry)), (None, 2));
    shop.host().config_mut().merchants[0].app_key = DEMO_APP_KEY.to_owned();
    let found = shop.client().probe_signature().unwrap();
    assert!(found.wrong_signature.is_some(), "nothing was counted");
}

#[test]
fn the_wallet_is_told_once_and_never_kept() {
    let mut shop = Shop::open();
    let Outcome::Paid(receipt) = shop.pay("INV-1", APPROVES) else { panic!("approved") };
    assert!(receipt.wallet().is_some_and(|wallet| wallet.full_name.is_some()));
    let Outcome::Paid(again) = shop.pay("INV-1", APPROVES) else { panic!("paid") };
    assert!(again.wallet().is_none());
    shop.reopen();
    let Some(Outcome::Paid(kept)) = shop.report("INV-1").outcome else { panic!("paid") };
    assert!(kept.wallet().is_none());
}

#[test]
fn nothing_that_is_said_about_payments_names_a_person_or_a_key() {
    const NAME: &str = "RAHASIA BINTI CONTOH";
    let shop = Shop::open();
    let mut said: Vec<String> = Vec::new();
    let mut planted: Vec<String> = Vec::new();
    for (number, block) in ["00", "17", "90", "92", "93", "95", "96", "94"].into_iter().enumerate()
    {
        let phone = format!("08120000{block}0{number}");
        shop.host().put_customer(Customer {
            phone: phone.clone(),
            name: NAME.to_owned(),
            cash: 76_543_210,
            points: 1_234,
            behaviour: None,
        });
        let outcome = shop.pay(&format!("INV-{number}"), &phone);
        said.push(format!("{outcome:?} {}", outcome.name()));
        // Whole, and without its first zero.
        planted.extend([phone.clone(), phone[1..].to_owned()]);
    }
    let client = shop.client();
    said.push(format!("{:?}", client.void(&invoice("INV-0"))));
    let say = |error: ovo_ptp::Error| format!("{error} {error:?}");
    said.push(say(client.pay(&charge("INV-0", "081277766655")).unwrap_err()));
    said.push(say("081277766655 X".parse::<MerchantInvoice>().unwrap_err()));
    said.push(say(client.pay(&charge("INV-9", "081200009002")).unwrap_err()));
    said.push(say(client.check(&invoice("INV-404")).unwrap_err()));
    let phone: ovo_ptp::PhoneNumber = "081277766655".parse().unwrap();
    said.push(format!("{phone:?} {phone} {:?}", charge("INV-9", "081277766655")));
    said.push(format!("{:?}", client.doctor().unwrap()));
    said.push(client.doctor().unwrap().to_string());
    shop.settle_all();
    said.extend(shop.reports().iter().map(|report| format!("{report:?}")));
    said.extend(shop.events().iter().map(|event: &Event| format!("{event} {event:?}")));
    said.push(format!("{client:?}"));
    assert!(said.len() > 300);
    planted.extend(["081277766655", "81277766655", "77766655"].map(str::to_owned));
    planted.extend([NAME.to_owned(), DEMO_APP_KEY.to_owned(), "76543210".to_owned()]);
    for text in &said {
        for secret in &planted {
            assert!(!text.contains(secret), "{secret} in: {text}");
        }
        let hex = text.split(|letter: char| !letter.is_ascii_hexdigit());
        assert!(hex.clone().all(|word| word.len() < 32), "a key or an hmac in: {text}");
    }
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees();
}
