//! A comparison is worth something only if it notices what it looks for.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::ops::ControlFlow;
use std::time::Duration;

use ovo_crash::books;
use ovo_crash::shop::Shop;
use ovo_crash::told::ToldLog;
use ovo_ptp::{Charge, Phase, Rupiah};
use ovo_sandbox::{Sandbox, SandboxConfig};
use tempfile::TempDir;

const APPROVES: &str = "081300000001";
const CANCELS: &str = "081200001700";
const IGNORES: &str = "081200009000";

fn empty_shop() -> (TempDir, Sandbox, Shop) {
    let folder = TempDir::new().unwrap();
    let ovo = Sandbox::start(SandboxConfig::https().time_scale(0.01)).unwrap();
    let shop = Shop {
        address: ovo.base_url(),
        authority: ovo.ca_pem_path().to_owned(),
        folder: folder.path().to_owned(),
        database: None,
        scale: 0.01,
        shared: true,
        forgets: false,
        room: Duration::ZERO,
    };
    (folder, ovo, shop)
}

fn charge(invoice: &str, phone: &str) -> Charge {
    Charge::new(invoice, Rupiah::new(10_000).unwrap(), phone.parse().unwrap()).unwrap()
}

/// A shop that sold one thing, and did not sell another.
fn closing(after: impl FnOnce(&ToldLog, &Sandbox)) -> Result<books::Mix, String> {
    let (_folder, ovo, shop) = empty_shop();
    let log = ToldLog::open(&shop.told("D0")).unwrap();
    let client = shop.open().unwrap();
    for (invoice, phone) in [("SOLD", APPROVES), ("NOT-SOLD", CANCELS)] {
        let outcome = client.pay(&charge(invoice, phone)).unwrap();
        assert_eq!(outcome.is_paid(), invoice == "SOLD");
        log.outcome(&outcome).unwrap();
        client.acknowledge(outcome.invoice()).unwrap();
    }
    drop(client);
    after(&log, &ovo);
    books::close(&shop, &ovo)
}

fn difference(after: impl FnOnce(&ToldLog, &Sandbox)) -> String {
    closing(after).expect_err("a difference")
}

#[test]
fn the_books_agree_if_nothing_went_wrong() {
    let mix = closing(|_, _| ()).unwrap();
    assert_eq!((mix.of("payments"), mix.of("paid"), mix.of("declined")), (2, 1, 1), "{mix}");
}

#[test]
fn a_cashier_who_was_told_something_else_is_noticed() {
    let found = difference(|log, _| log.tell("NOT-SOLD", "paid", "").unwrap());
    assert!(found.contains("NOT-SOLD: cashiers were told"), "{found}");
    let found = difference(|log, _| log.tell("SOLD", "voided", "").unwrap());
    assert!(found.contains("SOLD: a cashier was told of a void"), "{found}");
    let found = difference(|log, _| log.tell("UNKNOWN", "paid", "").unwrap());
    assert!(found.contains("UNKNOWN: told"), "{found}");
}

#[test]
fn a_cancel_that_is_told_and_not_durable_is_noticed() {
    let found = difference(|log, _| {
        log.tell("SOLD", "cancels", "").unwrap();
        log.tell("SOLD", "not completed", "").unwrap();
    });
    assert!(found.contains("SOLD: cashiers were told"), "{found}");
}

#[test]
fn a_payment_that_is_cancelled_and_nobody_wanted_it_is_noticed() {
    for wanted in [true, false] {
        let (_folder, ovo, shop) = empty_shop();
        let log = ToldLog::open(&shop.told("D0")).unwrap();
        let client = shop.open().unwrap();
        let charge = charge("GIVEN-UP", IGNORES);
        let outcome = client.pay_with(&charge, |progress| match progress.phase {
            Phase::WaitingForCustomer => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        if wanted {
            log.tell("GIVEN-UP", "cancels", "").unwrap();
        }
        log.outcome(&outcome.unwrap()).unwrap();
        drop(client);
        match books::close(&shop, &ovo) {
            Ok(mix) => assert!(wanted && mix.of("cancelled") == 1, "{mix}"),
            Err(found) => assert!(!wanted && found.contains("no cashier wanted that"), "{found}"),
        }
    }
}

#[test]
fn a_refund_behind_a_sale_is_noticed() {
    let found = difference(|_, ovo| {
        let now = ovo.now();
        assert!(ovo.with_host(|host| host.reverse_by_operator(now, "SOLD")));
    });
    assert!(found.contains("OVO took 0, the shop has 10000"), "{found}");
}

#[test]
fn a_payment_that_is_acknowledged_and_told_to_nobody_is_noticed() {
    let (_folder, ovo, shop) = empty_shop();
    let client = shop.open().unwrap();
    let outcome = client.pay(&charge("SOLD", APPROVES)).unwrap();
    client.acknowledge(outcome.invoice()).unwrap();
    drop(client);
    let found = books::close(&shop, &ovo).expect_err("a difference");
    assert!(found.contains("SOLD: acknowledged, and told to nobody"), "{found}");
}
