//! The sentence that everything serves, and the rules behind it, asserted from the outside: the
//! journal's reports on one side, OVO's books and request log on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use ovo_ptp::message::{Class, Operation, ResponseCode};
use ovo_ptp::{MerchantInvoice, Outcome, PaymentReport};
use ovo_sandbox::{Entry, RequestRecord};

use crate::shop::{Shop, script_name};

impl Shop {
    /// For every payment of the journal and every payment that OVO knows: debited exactly when
    /// told Paid (and not voided), whatever was told still holds, and no rule of OVO was broken.
    pub fn assert_every_rupiah_agrees(&self) {
        self.assert_every_rupiah_agrees_except(&[]);
    }

    /// The same, but for payments that must be waiting for an operator.
    pub fn assert_every_rupiah_agrees_except(&self, operators: &[&str]) {
        let reports = self.reports();
        let host = self.host();
        let requests = host.requests();
        let books = Books {
            reports: &reports,
            requests: &requests,
            ledger: host.ledger(),
            told: &|invoice| self.told(invoice),
            waits: !self.late_pushes.load(Ordering::Relaxed),
        };
        for report in &reports {
            let invoice = report.invoice.as_str();
            assert_eq!(
                report.needs_operator,
                operators.contains(&invoice),
                "{invoice}: needs an operator? ({})",
                report.settlement
            );
        }
        let broken = books.audit();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}

/// Both sides' books, to be compared.
pub struct Books<'a> {
    /// The journal.
    pub reports: &'a [PaymentReport],
    /// What reached OVO.
    pub requests: &'a [RequestRecord],
    /// OVO's ledger, up to date.
    pub ledger: &'a [Entry],
    /// What callers were told about a payment, in the order in which they were.
    pub told: &'a dyn Fn(&MerchantInvoice) -> Vec<&'static str>,
    /// Whether OVO heard everything about as soon as it was due: a process that paused before it
    /// wrote does not count for waits, nor for what other processes did meanwhile.
    pub waits: bool,
}

impl Books<'_> {
    /// Every rule that is broken, one line each. Money of payments that wait for an operator is
    /// left out.
    pub fn audit(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let requests = self.requests_by_invoice();
        for report in self.reports {
            let invoice = report.invoice.as_str();
            self.told_holds(report, &mut broken);
            let requests = requests.get(invoice).map_or(&[][..], Vec::as_slice);
            rules_hold(report, requests, &mut broken);
            if self.waits {
                waits_hold(report, requests, &mut broken);
                one_void_at_a_time(invoice, requests, &mut broken);
            }
            if report.needs_operator {
                continue;
            }
            let kept = match &report.outcome {
                Some(Outcome::Paid(receipt)) if !receipt.is_voided() => report.amount.get(),
                _ => 0,
            };
            let taken: i64 =
                self.ledger.iter().filter(|entry| entry.invoice == invoice).map(Entry::net).sum();
            if taken != kept {
                broken.push(format!("{invoice}: OVO took {taken}, the shop has {kept} (I6, I7)"));
            }
        }
        let numbers: BTreeSet<_> = self.reports.iter().map(|report| report.numbers).collect();
        if numbers.len() != self.reports.len() {
            broken.push("numbers were given out twice (I9)".to_owned());
        }
        for entry in self.ledger {
            let invoice = &entry.invoice;
            let known = self.reports.iter().any(|report| report.invoice.as_str() == invoice);
            let foreign = invoice.starts_with("OTHER-");
            if !known && !foreign {
                broken.push(format!("{invoice} is in OVO's books only (P1)"));
            }
            if foreign && entry.reversals > 0 {
                broken.push(format!("{invoice} is somebody else's, and was reversed (I10)"));
            }
        }
        broken
    }

    /// What a caller was told is never taken back (I5).
    fn told_holds(&self, report: &PaymentReport, broken: &mut Vec<String>) {
        let now = report.outcome.as_ref().map(Outcome::name);
        for told in (self.told)(&report.invoice) {
            let open = matches!(told, "interrupted" | "needs operator");
            if !open && now != Some(told) {
                broken.push(format!("{}: told {told}, now {now:?} (I5)", report.invoice));
            }
        }
    }

    fn requests_by_invoice(&self) -> BTreeMap<&str, Vec<&RequestRecord>> {
        let mut by_invoice: BTreeMap<&str, Vec<&RequestRecord>> = BTreeMap::new();
        for record in self.requests.iter().filter(|record| record.copy_of.is_none()) {
            if let Some(invoice) = &record.invoice {
                by_invoice.entry(invoice).or_default().push(record);
            }
        }
        by_invoice
    }
}

fn of<'a>(operation: Operation, requests: &[&'a RequestRecord]) -> Vec<&'a RequestRecord> {
    let name = script_name(operation);
    requests.iter().filter(|record| record.operation == Some(name.as_str())).copied().collect()
}

/// Every request that was written for a payment, against the rules (policy 2.9).
fn rules_hold(report: &PaymentReport, requests: &[&RequestRecord], broken: &mut Vec<String>) {
    let invoice = report.invoice.as_str();
    let pushes = of(Operation::PushToPay, requests).len();
    if pushes > 1 {
        broken.push(format!("{invoice}: pushed {pushes} times (I9)"));
    }
    match &report.outcome {
        Some(Outcome::Paid(_)) => {
            if !of(Operation::Reversal, requests).is_empty() {
                broken.push(format!("{invoice}: paid, yet reversed (I2)"));
            }
        }
        Some(Outcome::NotSent(_)) => {
            // Somebody may have asked about it while its process stood still before the push.
            if requests.iter().any(|request| request.operation != Some("check_payment")) {
                broken.push(format!("{invoice}: not sent, yet {requests:?}"));
            }
        }
        _ => {
            if !of(Operation::Void, requests).is_empty() {
                broken.push(format!("{invoice}: not paid, yet voided (VI1)"));
            }
        }
    }
}

/// Whoever sends a second void has heard that the first was refused, or has asked about it (VI4).
fn one_void_at_a_time(invoice: &str, requests: &[&RequestRecord], broken: &mut Vec<String>) {
    let refused = |void: &RequestRecord| {
        let class = void.code.as_deref().and_then(ResponseCode::new).map(ResponseCode::class);
        matches!(class, Some(Class::Declined | Class::Misconfigured))
            || void.code.as_deref() == Some("25")
    };
    let mut open = None;
    for request in requests {
        match request.operation {
            Some("void") => {
                if open.is_some_and(|first| !refused(first)) {
                    broken.push(format!("{invoice}: a second void beside an open one (VI4)"));
                }
                open = Some(request);
            }
            Some("check_void") => open = None,
            _ => {}
        }
    }
}

/// No status check before 60 s and no reversal before 65 s after the push (I8).
fn waits_hold(report: &PaymentReport, requests: &[&RequestRecord], broken: &mut Vec<String>) {
    let Some(push) = of(Operation::PushToPay, requests).first().map(|push| push.at_ms) else {
        return;
    };
    for (operation, wait) in [(Operation::CheckPayment, 60_000), (Operation::Reversal, 65_000)] {
        for request in of(operation, requests) {
            let after = i128::from(request.at_ms) - i128::from(push);
            if after < wait {
                let name = operation.name();
                let invoice = &report.invoice;
                broken.push(format!("{invoice}: {name} {after} ms after the push (I8)"));
            }
        }
    }
}
