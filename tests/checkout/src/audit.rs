//! The sentence that everything serves, and the rules behind it, asserted from the outside: the
//! journal's reports on one side, OVO's books and request log on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use ovo_ptp::message::Operation;
use ovo_ptp::{Outcome, PaymentReport};
use ovo_sandbox::RequestRecord;

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
        let requests = self.requests_by_invoice();
        for report in &reports {
            let invoice = report.invoice.as_str();
            self.assert_told(report);
            let requests = requests.get(invoice).map_or(&[][..], Vec::as_slice);
            assert_rules(report, requests);
            if !self.late_pushes.load(Ordering::Relaxed) {
                assert_waits(report, requests);
            }
            assert_eq!(
                report.needs_operator,
                operators.contains(&invoice),
                "{invoice}: needs an operator? ({})",
                report.settlement
            );
            if report.needs_operator {
                continue;
            }
            let kept = match &report.outcome {
                Some(Outcome::Paid(receipt)) if !receipt.is_voided() => report.amount.get(),
                _ => 0,
            };
            let taken = self.net(invoice);
            assert_eq!(taken, kept, "{invoice}: OVO took {taken}, the shop has {kept}");
        }
        let numbers: BTreeSet<_> = reports.iter().map(|report| report.numbers).collect();
        assert_eq!(numbers.len(), reports.len(), "numbers were given out twice");
        for entry in self.host().ledger() {
            let known = reports.iter().any(|report| report.invoice.as_str() == entry.invoice);
            let foreign = entry.invoice.starts_with("OTHER-");
            assert!(known || foreign, "{} is in OVO's books only", entry.invoice);
            assert!(!foreign || entry.reversals == 0, "{} is somebody else's", entry.invoice);
        }
    }

    /// What a caller was told is never taken back (`safety.md` I5).
    fn assert_told(&self, report: &PaymentReport) {
        let now = report.outcome.as_ref().map(Outcome::name);
        for told in self.told(&report.invoice) {
            let open = matches!(told, "interrupted" | "needs operator");
            assert!(open || now == Some(told), "{}: told {told}, now {now:?}", report.invoice);
        }
    }

    fn requests_by_invoice(&self) -> BTreeMap<String, Vec<RequestRecord>> {
        let mut by_invoice: BTreeMap<String, Vec<RequestRecord>> = BTreeMap::new();
        for record in self.host().requests() {
            if let Some(invoice) = record.invoice.clone().filter(|_| record.copy_of.is_none()) {
                by_invoice.entry(invoice).or_default().push(record);
            }
        }
        by_invoice
    }
}

fn of(operation: Operation, requests: &[RequestRecord]) -> Vec<&RequestRecord> {
    let name = script_name(operation);
    requests.iter().filter(|record| record.operation == Some(name.as_str())).collect()
}

/// Every request that was written for a payment, against the rules (`safety.md` b.9).
fn assert_rules(report: &PaymentReport, requests: &[RequestRecord]) {
    let invoice = report.invoice.as_str();
    let pushes = of(Operation::PushToPay, requests).len();
    assert!(pushes <= 1, "{invoice}: pushed {pushes} times (I9)");
    match &report.outcome {
        Some(Outcome::Paid(_)) => {
            let reversals = of(Operation::Reversal, requests);
            assert!(reversals.is_empty(), "{invoice}: paid, yet reversed (I2)");
        }
        Some(Outcome::NotSent(_)) => {
            assert!(requests.is_empty(), "{invoice}: not sent, yet {requests:?}");
        }
        _ => {
            let voids = of(Operation::Void, requests);
            assert!(voids.is_empty(), "{invoice}: not paid, yet voided (VI1)");
        }
    }
}

/// No status check before 60 s and no reversal before 65 s after the push (I8).
fn assert_waits(report: &PaymentReport, requests: &[RequestRecord]) {
    let Some(push) = of(Operation::PushToPay, requests).first().map(|push| push.at_ms) else {
        return;
    };
    for (operation, wait) in [(Operation::CheckPayment, 60_000), (Operation::Reversal, 65_000)] {
        for request in of(operation, requests) {
            let after = i128::from(request.at_ms) - i128::from(push);
            let name = operation.name();
            assert!(after >= wait, "{}: {name} {after} ms after the push (I8)", report.invoice);
        }
    }
}
