//! The sentence that everything serves, and the rules behind it, asserted from the outside: the
//! journal's reports on one side, OVO's books and request log on the other.

use std::collections::{BTreeMap, BTreeSet};

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
            assert_rules(report, requests.get(invoice).map_or(&[], Vec::as_slice));
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

/// Every request that was written for a payment, against the rules (`safety.md` b.9).
fn assert_rules(report: &PaymentReport, requests: &[RequestRecord]) {
    let invoice = report.invoice.as_str();
    let of = |operation: Operation| {
        let name = script_name(operation);
        requests.iter().filter(move |record| record.operation == Some(name.as_str()))
    };
    let pushes: Vec<&RequestRecord> = of(Operation::PushToPay).collect();
    assert!(pushes.len() <= 1, "{invoice}: pushed {} times (I9)", pushes.len());
    match &report.outcome {
        Some(Outcome::Paid(_)) => {
            assert_eq!(of(Operation::Reversal).count(), 0, "{invoice}: paid, yet reversed (I2)");
        }
        Some(Outcome::NotSent(_)) => {
            assert!(requests.is_empty(), "{invoice}: not sent, yet {requests:?}");
        }
        _ => assert_eq!(of(Operation::Void).count(), 0, "{invoice}: not paid, yet voided (VI1)"),
    }
    let Some(push) = pushes.first() else { return };
    for check in of(Operation::CheckPayment) {
        let after = check.at_ms - push.at_ms;
        assert!(after >= 60_000, "{invoice}: checked {after} ms after the push (I8)");
    }
    for reversal in of(Operation::Reversal) {
        let after = reversal.at_ms - push.at_ms;
        assert!(after >= 65_000, "{invoice}: reversed {after} ms after the push (I8)");
    }
}
