//! An OVO that repeats fields in its own way: every field of the answers to every operation, in
//! every form, with customers who pay, decline, ignore, and pay unheard (OV17, OV19, OV21, OV22).

use ovo_checkout::{Shop, days, minutes};
use ovo_ptp::Outcome;
use ovo_ptp::message::Operation;
use ovo_ptp::payment::Alert;
use ovo_sandbox::{AnswerTo, Echo, HostConfig, How, Sloppiness, Step};

const INVOICE: &str = "SHOP-2026-11-26-000123-2";
const APPROVES: &str = "081234567890";
const IGNORES: &str = "081200009000";
const PAYS_MUTELY_AT_10: &str = "081200009210";
const DECLINES: &str = "081200001705";

fn shop(habits: Vec<Sloppiness>) -> Shop {
    Shop::with(HostConfig { sloppy: habits, ..HostConfig::default() }, |builder| builder)
}

/// Pays, lets nine days pass, and holds the books against each other. Returns whether an operator
/// was troubled.
fn lives_through(shop: &Shop, phone: &str, what: &str) -> bool {
    let outcome = shop.pay(INVOICE, phone);
    if let Outcome::Declined(decline) = &outcome {
        let debited = shop.net(INVOICE) > 0;
        assert!(!debited || !decline.new_attempt_makes_sense(), "{what}: invites a second debit");
    }
    shop.settle_for(minutes(10));
    let so_far = shop.host().requests().len();
    assert!(so_far <= 24, "{what}: {so_far} requests in ten minutes");
    shop.settle_for(days(9));
    let operator = shop.report(INVOICE).needs_operator;
    let waiting: &[&str] = if operator { &[INVOICE] } else { &[] };
    shop.assert_every_rupiah_agrees_except(waiting);
    if shop.net(INVOICE) > 0 && !operator {
        assert!(outcome.is_paid(), "{what}: debited, and told {}", outcome.name());
    }
    operator
}

#[test]
fn ov23_a_payment_that_was_seen_and_returned_is_over_whatever_the_failure_repeats() {
    for field in [Echo::RequestData, Echo::Everything] {
        let habit = Sloppiness::new(AnswerTo::Failure, field, How::Absent);
        let shop = shop(vec![habit]);
        shop.script([Step::on(Operation::CheckPayment).unheard()]);
        assert_eq!(shop.pay(INVOICE, PAYS_MUTELY_AT_10).name(), "not completed");
        shop.settle_for(minutes(10));
        let report = shop.report(INVOICE);
        assert!(report.settled && !report.needs_operator, "{}", report.settlement);
        shop.settle_for(days(3));
        shop.assert_every_rupiah_agrees();
    }
}

fn forms() -> Vec<How> {
    let cut = [How::Cut(22)];
    How::ABSENT.iter().chain(How::LOOSE).chain(&cut).cloned().collect()
}

#[test]
fn ov17_a_field_in_another_form_costs_nobody_a_rupiah_and_troubles_no_operator() {
    for phone in [APPROVES, DECLINES, IGNORES, PAYS_MUTELY_AT_10] {
        for operation in AnswerTo::EACH {
            for field in Echo::IDENTITY {
                for how in forms() {
                    let what = format!("{phone} {operation:?} {field:?} {how:?}");
                    // A cut number, terminal or phone is another one; so is an invoice with zeros.
                    let invoice = *field == Echo::MerchantInvoice;
                    let another = match how {
                        How::Cut(_) => !invoice,
                        How::WithZeros => invoice,
                        _ => false,
                    };
                    if another {
                        continue;
                    }
                    let shop = shop(vec![Sloppiness::new(*operation, *field, how)]);
                    assert!(!lives_through(&shop, phone, &what), "{what}: an operator");
                }
            }
        }
    }
}

#[test]
fn ov17_a_field_of_another_sale_is_never_paid_for_by_the_customer() {
    for phone in [APPROVES, DECLINES, IGNORES, PAYS_MUTELY_AT_10] {
        for operation in AnswerTo::EACH.iter().chain(&[AnswerTo::Any, AnswerTo::Failure]) {
            for field in Echo::IDENTITY.iter().chain(&[Echo::RequestData, Echo::Everything]) {
                for how in [How::OtherSale, How::Absent, How::OtherType] {
                    let what = format!("{phone} {operation:?} {field:?} {how:?}");
                    let shop = shop(vec![Sloppiness::new(*operation, *field, how)]);
                    lives_through(&shop, phone, &what);
                }
            }
        }
    }
}

#[test]
fn ov23_failures_that_say_their_code_and_nothing_else_are_read() {
    for phone in [APPROVES, DECLINES, IGNORES, PAYS_MUTELY_AT_10] {
        let shop = shop(vec![Sloppiness::bare_failures()]);
        assert!(!lives_through(&shop, phone, phone), "{phone}");
    }
}

#[test]
fn a_field_that_is_accepted_in_another_form_is_told_once() {
    let shop = shop(vec![Sloppiness::new(AnswerTo::Any, Echo::Tid, How::BlanksBehind)]);
    for number in 0..3 {
        assert!(shop.pay(&format!("INV-{number}"), APPROVES).is_paid());
    }
    let told = |alert: &Alert| matches!(alert, Alert::SloppyEcho(_));
    assert_eq!(shop.alerts().iter().filter(|alert| told(alert)).count(), 1);
}

#[test]
fn ov18_reversals_that_are_acknowledged_and_not_carried_out_are_paced_and_can_be_ended() {
    let config = HostConfig { reversals_ignored: true, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    assert_eq!(shop.pay(INVOICE, "081200009503").name(), "not completed");
    shop.settle_for(minutes(20));
    let reversals = shop.heard(Operation::Reversal);
    assert!((3..=9).contains(&reversals), "{reversals} in twenty minutes");
    assert!(shop.alerted(|alert| *alert == Alert::ReversalWithoutEffect));
    shop.settle_for(days(2));
    assert!(shop.report(INVOICE).needs_operator);
    let client = shop.client();
    let ruling = ovo_ptp::payment::Ruling::Close;
    client.rule(&ovo_checkout::invoice(INVOICE), ruling, "OVO refunds by hand").unwrap();
    let before = shop.host().requests().len();
    shop.settle_for(days(9));
    assert_eq!(shop.host().requests().len(), before, "nothing more is sent");
}

#[test]
fn ov21_a_status_code_that_belongs_to_no_status_ends_with_an_operator() {
    let config = HostConfig { check_repeats_decline: true, ..HostConfig::default() };
    let shop = Shop::with(config, |builder| builder);
    assert_eq!(shop.pay(INVOICE, DECLINES).name(), "declined");
    shop.settle_for(days(2));
    assert!(shop.report(INVOICE).needs_operator, "listed at the latest after a day");
    assert_eq!(shop.heard(Operation::Reversal), 0);
}
