//! A till's journal that people have copied, at OVO's door, over real TLS and with real files: both
//! copies sell on, and what one of them was told as paid is never refunded by the other (J21, J22).
//!
//! OVO here finds payments by their numbers alone, so that a number which both copies hand out would
//! cost a customer or the shop money.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod tls;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ovo_ptp::journal::Filter;
use ovo_ptp::message::Operation;
use ovo_ptp::{Client, Environment, Error, ErrorKind, Event, Outcome, PaymentReport, Ruling};
use ovo_sandbox::{CheckDate, DEMO_TID, Decision, HostConfig, MatchBy, Sandbox};
use tempfile::TempDir;
use tls::{AMOUNT, charge, credentials, customer, lock, ovo_with, requests, roomy, trust, until};

const SCALE: f64 = 0.1;
/// Decides when somebody decides for them.
const BY_HAND: &str = "081200000200";
/// Approves after 56 seconds, which is never.
const NEVER: &str = "081200000156";

fn by_numbers() -> Sandbox {
    let host = HostConfig {
        match_by: MatchBy::Numbers,
        check_date: CheckDate::Any,
        ..HostConfig::default()
    };
    ovo_with(SCALE, host)
}

/// A client with the journal in a directory of its own.
struct Till {
    client: Client,
    found: Arc<Mutex<Vec<String>>>,
}

impl Till {
    fn open(ovo: &Sandbox, directory: &Path) -> Result<Till, Error> {
        let found: Arc<Mutex<Vec<String>>> = Arc::default();
        let hears = Arc::clone(&found);
        let client = Client::builder(Environment::custom(&ovo.base_url()), credentials(DEMO_TID))
            .journal(directory.join("ovo.db"))
            .trust(trust(ovo))
            .timers(roomy(SCALE))
            .settle_rate(200)
            .observer(move |event| {
                if let Event::JournalFound(finding) = event {
                    lock(&hears).push(finding.message.clone());
                }
            })
            .open()?;
        Ok(Till { client, found })
    }

    fn found(&self) -> Vec<String> {
        lock(&self.found).clone()
    }

    /// Sells to so many customers, each of whom approves.
    fn sells(&self, name: &str, sales: usize, first_customer: usize) {
        for sale in 0..sales {
            let charge = charge(&format!("{name}-{sale}"), &customer(first_customer + sale));
            let outcome = self.client.pay(&charge).unwrap();
            assert!(outcome.is_paid(), "{name}-{sale}: {outcome:?}");
        }
    }

    fn reports(&self) -> Vec<PaymentReport> {
        self.client.payments(&Filter { limit: 10_000, ..Filter::default() }).unwrap()
    }

    /// Until nothing is left to do but what an operator must decide.
    fn settles(&self) {
        until("everything settles, or waits for an operator", || {
            self.reports().iter().all(|report| report.settled || report.needs_operator)
        });
    }
}

/// What a till was told as paid is taken and never reversed, and what it was told as given up is not
/// taken. (What a copy has only from the other one is for its operator.)
fn agrees(ovo: &Sandbox, till: &Till) {
    for report in till.reports() {
        let invoice = report.invoice.as_str();
        match &report.outcome {
            Some(Outcome::Paid(_)) => {
                assert_eq!(ovo.net(invoice), AMOUNT, "{invoice}");
                assert!(requests(ovo, Operation::Reversal, invoice).is_empty(), "{invoice}");
            }
            Some(Outcome::NeedsOperator(_)) => {}
            _ => assert_eq!(ovo.net(invoice), 0, "{invoice}"),
        }
    }
}

/// By a program of its own: a descriptor that is closed in this process would drop SQLite's locks.
fn cp(how: &str, from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(how).arg(from).arg(to).status().unwrap().success());
}

/// The doubt is there until a person ends it, and then for good.
fn is_vouched_for(ovo: &Sandbox, till: Till, directory: &Path) {
    let doubts = |till: &Till| {
        let report = till.client.doctor().unwrap().to_string();
        report.contains("is doubted")
    };
    assert!(doubts(&till));
    assert!(till.client.vouch("shop 7: the other copy is gone, books compared").unwrap());
    assert!(!doubts(&till));
    drop(till);
    let till = Till::open(ovo, directory).unwrap();
    assert_eq!(till.found(), [""; 0]);
    assert!(!till.client.vouch("shop 7: again").unwrap());
    // A payment that is given up is returned as ever.
    let outcome = till.client.pay(&charge("VOUCHED", NEVER)).unwrap();
    assert_eq!(outcome.name(), "not completed");
    till.sells("VOUCHED", 1, 900);
    till.settles();
    assert!(
        till.reports().iter().any(|report| report.invoice.as_str() == "VOUCHED" && report.settled)
    );
    agrees(ovo, &till);
}

#[test]
fn j21_a_till_s_directory_copied_while_payments_are_open_refunds_no_sale_of_the_other() {
    let (ovo, home) = (by_numbers(), TempDir::new().unwrap());
    let (here, there) = (home.path().join("till"), home.path().join("clone"));
    std::fs::create_dir(&here).unwrap();
    let till = Till::open(&ovo, &here).unwrap();
    till.sells("SOLD", 2, 0);
    let clone = std::thread::scope(|scope| {
        let open = scope.spawn(|| till.client.pay(&charge("OPEN-PAID", BY_HAND)).unwrap());
        let given_up = scope.spawn(|| till.client.pay(&charge("OPEN-NEVER", NEVER)).unwrap());
        until("both prompts are on their phones", || {
            ["OPEN-PAID", "OPEN-NEVER"]
                .iter()
                .all(|invoice| requests(&ovo, Operation::PushToPay, invoice).len() == 1)
        });
        cp("-a", &here, &there);
        let clone = Till::open(&ovo, &there).unwrap();
        // Where a machine stood still for longer than the customer has, nobody is debited.
        let _ = ovo.decide("OPEN-PAID", Decision::Pay);
        // Both sell, one after the other and at the same time.
        clone.sells("CLONE", 2, 100);
        till.sells("TILL", 2, 200);
        std::thread::scope(|both| {
            both.spawn(|| clone.sells("CLONE-TOO", 3, 300));
            till.sells("TILL-TOO", 3, 400);
        });
        let paid = open.join().unwrap();
        assert_eq!(ovo.net("OPEN-PAID"), if paid.is_paid() { AMOUNT } else { 0 });
        assert_eq!(given_up.join().unwrap().name(), "not completed");
        clone
    });
    let found = clone.found();
    assert!(
        found.iter().any(|line| line.contains("a copy") && line.contains("vouch")),
        "{found:?}"
    );
    assert_eq!(till.found(), [""; 0], "the till itself is what it was");
    till.settles();
    clone.settles();
    agrees(&ovo, &till);
    agrees(&ovo, &clone);
    drop(till);
    is_vouched_for(&ovo, clone, &there);
}

#[test]
fn j21_j22_a_backup_put_back_over_a_day_s_sales_refunds_none_of_them() {
    for mark_stays in [false, true] {
        let (ovo, home) = (by_numbers(), TempDir::new().unwrap());
        let (here, kept) = (home.path().join("till"), home.path().join("backup.db"));
        std::fs::create_dir(&here).unwrap();
        let till = Till::open(&ovo, &here).unwrap();
        till.sells("SOLD", 2, 0);
        std::thread::scope(|scope| {
            let open = scope.spawn(|| till.client.pay(&charge("OPEN", BY_HAND)).unwrap());
            until("the prompt is on the phone", || {
                requests(&ovo, Operation::PushToPay, "OPEN").len() == 1
            });
            till.client.backup(&kept).unwrap();
            let _ = ovo.decide("OPEN", Decision::Pay);
            let paid = open.join().unwrap();
            assert_eq!(ovo.net("OPEN"), if paid.is_paid() { AMOUNT } else { 0 });
        });
        // The day that the backup does not know of.
        till.sells("DAY", 3, 100);
        let of_the_day = till.reports();
        till.settles();
        drop(till);
        if mark_stays {
            std::fs::remove_file(here.join("ovo.db")).unwrap();
        } else {
            std::fs::remove_dir_all(&here).unwrap();
            std::fs::create_dir(&here).unwrap();
        }
        cp("-p", &kept, &here.join("ovo.db"));
        let restored = Till::open(&ovo, &here).unwrap();
        let found = restored.found();
        assert!(found.iter().any(|line| line.contains("a backup")), "{found:?}");
        restored.sells("RESTORED", 3, 200);
        restored.settles();
        agrees(&ovo, &restored);
        for report in of_the_day.iter().filter(|report| report.invoice.as_str() != "OPEN") {
            assert_eq!(ovo.net(report.invoice.as_str()), AMOUNT, "{}", report.invoice);
        }
        assert!(requests(&ovo, Operation::Reversal, "OPEN").is_empty() || ovo.net("OPEN") == 0);
        is_vouched_for(&ovo, restored, &here);
    }
}

#[test]
fn j21_j22_what_was_to_be_returned_in_a_backup_is_returned_once_by_whoever_decides() {
    let (ovo, home) = (by_numbers(), TempDir::new().unwrap());
    let (here, kept) = (home.path().join("till"), home.path().join("backup.db"));
    std::fs::create_dir(&here).unwrap();
    let till = Till::open(&ovo, &here).unwrap();
    // Given up, and debited all the same: a reversal is owed, and not sent yet.
    let open = till.client.start(&charge("OWED", BY_HAND)).unwrap();
    until("the prompt is on the phone", || requests(&ovo, Operation::PushToPay, "OWED").len() == 1);
    assert_eq!(open.cancel().unwrap().name(), "not completed");
    till.client.backup(&kept).unwrap();
    let _ = ovo.decide("OWED", Decision::Pay);
    // What came behind the backup (an operator returned the money by hand, and closed it) went with the
    // disk.
    drop((open, till));
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::create_dir(&here).unwrap();
    cp("-p", &kept, &here.join("ovo.db"));
    let restored = Till::open(&ovo, &here).unwrap();
    restored.settles();
    let invoice = "OWED".parse().unwrap();
    let report = restored.client.payment(&invoice).unwrap().unwrap();
    assert!(report.needs_operator, "{report:?}");
    assert!(requests(&ovo, Operation::Reversal, "OWED").is_empty(), "nobody asked for it");
    assert_eq!(ovo.net("OWED"), AMOUNT);
    restored.client.rule(&invoice, Ruling::Refund, "Sari: not returned yet").unwrap();
    restored.settles();
    assert_eq!(ovo.net("OWED"), 0);
}

#[test]
fn j24_a_backup_of_hard_links_closes_no_shop_and_is_no_second_journal() {
    let (ovo, home) = (by_numbers(), TempDir::new().unwrap());
    let (here, there) = (home.path().join("till"), home.path().join("links"));
    std::fs::create_dir(&here).unwrap();
    let till = Till::open(&ovo, &here).unwrap();
    std::thread::scope(|scope| {
        let open = scope.spawn(|| till.client.pay(&charge("OPEN", BY_HAND)).unwrap());
        until("the prompt is on the phone", || {
            requests(&ovo, Operation::PushToPay, "OPEN").len() == 1
        });
        cp("-al", &here, &there);
        // Under the second name: this process has it, whatever it is called.
        let error = Till::open(&ovo, &there).map(drop).expect_err("the till has it open");
        assert_eq!(error.kind(), ErrorKind::JournalLocked, "{error}");
        till.sells("SOLD", 2, 0);
        let _ = ovo.decide("OPEN", Decision::Pay);
        let paid = open.join().unwrap();
        assert_eq!(ovo.net("OPEN"), if paid.is_paid() { AMOUNT } else { 0 });
    });
    drop(till);
    // Refused by name while the journal lies under the name that it knows.
    let error = Till::open(&ovo, &there).map(drop).expect_err("a second name");
    assert_eq!(error.kind(), ErrorKind::Journal);
    for word in ["second name", "till/ovo.db", "links/ovo.db"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    let till = Till::open(&ovo, &here).unwrap();
    assert_eq!(till.found(), [""; 0]);
    till.sells("NEXT", 2, 100);
    till.settles();
    agrees(&ovo, &till);
    assert!(till.client.payment(&"OPEN".parse().unwrap()).unwrap().is_some());
}
