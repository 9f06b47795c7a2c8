//! Metrics: what is counted is what happened, and nothing of a person is in it.

use super::settling::Refusing;
use super::*;
use crate::payment::Alert;

/// The value of a sample, by its name with its labels.
fn sample(text: &str, named: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(named)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {named} in\n{text}")).parse().unwrap()
}

#[test]
fn metrics_count_payments_exchanges_and_alerts() {
    let shop = Shop::new();
    shop.host.answers(|operation, invoice| match (operation, invoice) {
        (Operation::PushToPay, "PAID" | "PAID-2") => Reply::Code("00"),
        (Operation::PushToPay, "DECLINED") => Reply::Code("17"),
        (Operation::PushToPay, "REFUSED") => Reply::Code("63"),
        (Operation::PushToPay, "STRANGE") => Reply::Code("Z9"),
        (Operation::CheckPayment, _) => Reply::Code("25"),
        _ => Reply::Silence,
    });
    let till = shop.till();
    let before = till.metrics_text().unwrap();
    assert_eq!(
        sample(&before, "ovo_ptp_alerts_total{alert=\"Misconfigured\",critical=\"true\"}"),
        0.0
    );
    for text in ["PAID", "PAID-2", "DECLINED", "REFUSED", "STRANGE"] {
        till.pay(&charge(text)).unwrap();
    }
    till.acknowledge(&invoice("PAID")).unwrap();
    let text = till.metrics_text().unwrap();
    for (named, value) in [
        ("payments_begun_total", 5.0),
        ("payments_decided_total{outcome=\"paid\"}", 2.0),
        ("payments_decided_total{outcome=\"declined\"}", 2.0),
        ("payments_decided_total{outcome=\"not_completed\"}", 1.0),
        ("payments_decided_total{outcome=\"needs_operator\"}", 0.0),
        ("paid_rupiah_total", 20_000.0),
        ("exchanges_total{operation=\"push_to_pay\",result=\"answered\"}", 5.0),
        ("exchanges_total{operation=\"check_payment\",result=\"answered\"}", 1.0),
        ("exchanges_total{operation=\"void\",result=\"answered\"}", 0.0),
        ("responses_total{operation=\"push_to_pay\",code=\"00\"}", 2.0),
        ("responses_total{operation=\"push_to_pay\",code=\"other\"}", 1.0),
        ("exchange_duration_seconds_count{operation=\"push_to_pay\"}", 5.0),
        ("exchange_duration_seconds_bucket{operation=\"push_to_pay\",le=\"+Inf\"}", 5.0),
        ("exchange_duration_seconds_bucket{operation=\"push_to_pay\",le=\"0.05\"}", 5.0),
        ("alerts_total{alert=\"Misconfigured\",critical=\"true\"}", 1.0),
        ("journal_commits_total{result=\"failed\"}", 0.0),
        ("journal_payments_total", 5.0),
        ("journal_readable", 1.0),
        ("listed_payments{list=\"undecided\"}", 0.0),
        ("listed_payments{list=\"unacknowledged\"}", 4.0),
        ("listed_rupiah{list=\"unacknowledged\"}", 40_000.0),
        ("payments_under_way", 0.0),
        ("app_key_unknown", 0.0),
    ] {
        assert_eq!(sample(&text, &format!("ovo_ptp_{named}")), value, "{named}\n{text}");
    }
    assert!(sample(&text, "ovo_ptp_journal_commits_total{result=\"done\"}") >= 5.0 * 2.0);
    let age = "ovo_ptp_listed_oldest_age_seconds{list=\"unsettled\"}";
    assert!(sample(&text, age) >= 60.0, "the unanswered one is not settled");
    shop.clock.sleep(Duration::from_secs(100));
    let later = till.metrics_text().unwrap();
    assert_eq!(sample(&later, age), sample(&text, age) + 100.0);
}

#[test]
fn metrics_of_another_client_begin_anew_and_the_journal_goes_on() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::Code("00"));
    shop.till().pay(&charge("INV-1")).unwrap();
    let text = shop.till().metrics_text().unwrap();
    assert_eq!(sample(&text, "ovo_ptp_payments_begun_total"), 0.0);
    assert_eq!(sample(&text, "ovo_ptp_journal_payments_total"), 1.0);
    assert_eq!(sample(&text, "ovo_ptp_listed_payments{list=\"unacknowledged\"}"), 1.0);
}

#[test]
fn metrics_tell_a_journal_that_cannot_be_read_and_go_on_counting() {
    let shop = Shop::on(Arc::new(Refusing(MemoryJournal::new(), "", Arc::default())));
    shop.host.answers(|_, _| Reply::Code("00"));
    let till = shop.till();
    till.pay(&charge("INV-1")).unwrap();
    let text = till.metrics_text().unwrap();
    assert_eq!(sample(&text, "ovo_ptp_journal_readable"), 0.0);
    assert_eq!(sample(&text, "ovo_ptp_payments_decided_total{outcome=\"paid\"}"), 1.0);
    assert!(!text.contains("ovo_ptp_listed_payments"), "nothing is claimed of it");
}

#[test]
fn i13_metrics_name_no_invoice_no_phone_and_no_key() {
    let shop = Shop::new();
    shop.host.answers(|_, _| Reply::Code("00"));
    let till = shop.till();
    let charge = charge("INV-4711");
    till.pay(&charge).unwrap();
    let text = till.metrics_text().unwrap();
    for secret in ["INV-4711", "0812", "aaaa", "100001", "STORE01"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

#[test]
fn every_kind_of_alert_is_there_before_the_first_one_comes() {
    let text = Shop::new().till().metrics_text().unwrap();
    for (name, critical) in Alert::KINDS {
        let named = format!("ovo_ptp_alerts_total{{alert=\"{name}\",critical=\"{critical}\"}}");
        assert_eq!(sample(&text, &named), 0.0);
    }
}
