//! Both sides' books beside each other at the end of a history: the journal's reports, what the cashiers were
//! told, and the ledger and requests of OVO's side.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ovo_checkout::{Books, lock};
use ovo_ptp::message::ResponseCode;
use ovo_ptp::{Outcome, PaymentReport};
use ovo_sandbox::Entry;

use super::History;
use crate::world::is_lie;

impl History {
    pub(super) fn audits(&mut self) {
        let world = Arc::clone(&self.world);
        let Some(reports) = self.reports() else {
            world.story.breaks("the journal cannot be read at the end".to_owned());
            return;
        };
        let now = world.clock.world();
        let mut host = lock(&world.host);
        host.advance(now);
        let told = lock(&world.told);
        let told = |invoice: &ovo_ptp::MerchantInvoice| {
            told.iter().filter(|(of, _)| of == invoice).map(|(_, told)| *told).collect()
        };
        let books = Books {
            reports: &reports,
            requests: &host.requests(),
            ledger: host.ledger(),
            told: &told,
            waits: !world.late.load(Ordering::Relaxed),
        };
        for broken in books.audit() {
            // What OVO took back after Paid, and what became of a void that nobody can ask about, is
            // between OVO and the operator (OV10, policy 2.8).
            let name = broken.split(':').next().unwrap_or_default();
            let is_excused = |report: &PaymentReport| {
                report.invoice.as_str() == name
                    && matches!(&report.outcome, Some(Outcome::Paid(receipt))
                        if !(receipt.is_late() && self.was_told_of_the_reversal(name, &books)))
            };
            if !(lock(&world.by_hand).contains(name) && reports.iter().any(is_excused)) {
                world.story.breaks(broken);
            }
        }
        for (invoice, closed) in &*lock(&world.closed) {
            let later = |at: u64| at > *closed;
            let entries = host.ledger().iter().filter(|entry| entry.invoice == *invoice);
            if entries.filter_map(|entry| entry.debited_ms).any(later) {
                world.story.breaks(format!("{invoice}: debited after it was closed (I6)"));
            }
        }
        if let Some(within) = world.plan.refunded_within {
            let paid = |entry: &Entry| lock(&world.paid).contains(&entry.invoice);
            for entry in host.ledger().iter().filter(|entry| entry.debits > 0 && !paid(entry)) {
                let back = entry.reversed_ms.map(|at| at.saturating_sub(entry.opened_ms));
                if back.is_none_or(|back| back > within) {
                    let invoice = &entry.invoice;
                    world.story.breaks(format!("{invoice}: refunded {back:?} ms behind its push"));
                }
            }
        }
        for (invoice, told) in &*lock(&world.invited) {
            let entries = host.ledger().iter().filter(|entry| entry.invoice == *invoice);
            if entries.filter(|entry| !is_lie(entry)).any(|entry| entry.debited_ms > Some(*told)) {
                world.story.breaks(format!(
                    "{invoice}: debited after the cashier was told that a new attempt makes sense"
                ));
            }
        }
        world.keeps_pace();
        for request in host.requests().iter().filter(|one| one.operation == Some("reversal")) {
            let invoice = request.invoice.as_deref().unwrap_or_default();
            let declined = reports.iter().any(|report| {
                report.invoice.as_str() == invoice
                    && matches!(&report.outcome, Some(Outcome::Declined(decline))
                        if decline.code() != Some(ResponseCode::UNDELIVERABLE))
            });
            let debited =
                host.ledger().iter().any(|entry| entry.invoice == invoice && entry.debits > 0);
            if declined && !debited {
                world.story.breaks(format!("{invoice}: declined, and reversed for nothing (E9)"));
            }
        }
        for report in &reports {
            let outcome = report.outcome.as_ref().map_or("undecided", Outcome::name);
            let net = host.net(report.invoice.as_str());
            world.story.tell("audit", || {
                format!("{}: {outcome}, OVO has Rp{net}, {}", report.invoice, report.settlement)
            });
            if report.outcome.is_none() {
                world.story.breaks(format!("{}: no outcome (I12)", report.invoice));
            }
        }
        for leak in world.disk.leaks() {
            world.story.breaks(leak);
        }
    }

    /// Whether OVO reversed a payment by itself before it was ever asked about it, so that all its
    /// answers to checks said so.
    fn was_told_of_the_reversal(&self, invoice: &str, books: &Books<'_>) -> bool {
        let Some(&reversed) = lock(&self.world.taken_back).get(invoice) else { return false };
        let asked_before = books.requests.iter().any(|request| {
            request.operation == Some("check_payment")
                && request.invoice.as_deref() == Some(invoice)
                && request.at_ms <= reversed
        });
        !asked_before && self.world.plan.odds.lies == 0
    }
}
