//! What only the end of a report shows.

use std::collections::VecDeque;

use super::{Count, Finding, PAID_WITHIN_MS, Reconciled, Reconciliation};
use super::{by_number, name, told, was_told_paid};
use crate::client::Ledger;
use crate::error::Error;
use crate::explain::Money;
use crate::journal::Filter;
use crate::payment::{Payment, PaymentId};
use crate::wib::WallTime;

type Days = (WallTime, WallTime);

/// A walk through it.
#[derive(Debug)]
pub(super) struct Walk {
    days: Option<Days>,
    found: VecDeque<Reconciled>,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// The payments of which a line says that no money moved, behind a number.
    Failed(Option<PaymentId>),
    OtherDays,
    /// The payments of the days, behind a number.
    Missing(Option<PaymentId>),
    Nothing,
}

impl Reconciliation {
    /// What the end of the report shows, one after the other; `None` behind the last. Of each payment of
    /// which a line says that no money moved, and none says otherwise, whether that differs; those that
    /// match on another day; then the payments that were told Paid, were begun from the first of `days`
    /// on and before the second, and have had no line. Without `days` those of the lines decide
    /// ([`days`](Reconciliation::days)); if they have none, too, nothing is looked for
    /// ([`looked_for_missing`](Reconciliation::looked_for_missing)).
    ///
    /// Walk through the days once, behind the last line: what is told is counted. Asked about other
    /// days, it begins with these.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal); the same call goes on where it was.
    pub fn missing(
        &mut self,
        journal: &impl Ledger,
        days: Option<(WallTime, WallTime)>,
    ) -> Result<Option<Reconciled>, Error> {
        let days = days.or_else(|| self.days());
        let mut walk = self.walk.take().filter(|walk| walk.days == days).unwrap_or_else(|| Walk {
            days,
            found: VecDeque::new(),
            next: Next::Failed(None),
        });
        let next = self.next(journal, &mut walk);
        self.walk = Some(walk);
        next
    }

    fn next(
        &mut self,
        journal: &impl Ledger,
        walk: &mut Walk,
    ) -> Result<Option<Reconciled>, Error> {
        loop {
            if let Some(it) = walk.found.pop_front() {
                return Ok(Some(it));
            }
            walk.next = match walk.next {
                Next::Failed(after) => match self.failed.behind(after) {
                    Some(id) => {
                        walk.found.extend(self.failed_there(journal, id)?);
                        Next::Failed(Some(id))
                    }
                    None => Next::OtherDays,
                },
                Next::OtherDays => match walk.days {
                    Some(days) => {
                        for (count, it) in self.other_days.take_outside(days) {
                            self.counts.add(it.finding, count);
                            walk.found.push_back(it);
                        }
                        Next::Missing(None)
                    }
                    None => Next::Nothing,
                },
                Next::Missing(after) => {
                    let Some(days) = walk.days else { return Ok(None) };
                    let (page, behind) = self.without_a_line(journal, days, after)?;
                    walk.found.extend(page);
                    behind.map_or(Next::Nothing, |id| Next::Missing(Some(id)))
                }
                Next::Nothing => {
                    self.looked_for_missing |= walk.days.is_some();
                    return Ok(None);
                }
            };
        }
    }

    /// Whether the payment counts as the shop's money, and no line has it as paid or refunded: it may
    /// stand in the next file.
    fn failed_there(
        &mut self,
        journal: &impl Ledger,
        id: PaymentId,
    ) -> Result<Option<Reconciled>, Error> {
        if self.has_a_line(id) || self.failed_told.has(id) {
            return Ok(None);
        }
        let Some(payment) = by_number(journal, id)? else { return Ok(None) };
        if Money::of(&payment.state) != Money::Merchant {
            return Ok(None);
        }
        self.failed_told.add(id);
        let amount = payment.intent.amount;
        let listed = self.failed_otherwise.get(&id).copied().unwrap_or(Some(amount));
        let finding = Finding::FailedThere;
        self.counts.add(finding, Count { payments: 1, rupiah: amount.get() });
        Ok(Some(told(finding, name(&payment), listed, Some(&payment), None)))
    }

    fn has_a_line(&self, id: PaymentId) -> bool {
        self.paid.has(id) || self.refunded.has(id)
    }

    /// A page of those that have had no line, and what to ask behind next.
    fn without_a_line(
        &mut self,
        journal: &impl Ledger,
        (since, until): Days,
        after: Option<PaymentId>,
    ) -> Result<(Vec<Reconciled>, Option<PaymentId>), Error> {
        let filter = Filter {
            since: Some(since),
            until: Some(until),
            after,
            limit: 500,
            ..Filter::default()
        };
        let page = journal.listed(&filter)?;
        let next = (page.len() == filter.limit).then(|| page.last().map(|last| last.id)).flatten();
        let mut missing = Vec::new();
        for payment in &page {
            // Neither line is missing of what is told as refunded there.
            if self.has_a_line(payment.id) || self.failed_told.has(payment.id) {
                continue;
            }
            let Some(finding) = of_one_without(payment, until) else { continue };
            let it = told(finding, name(payment), None, Some(payment), None);
            missing.push(self.counted(it));
        }
        Ok((missing, next))
    }
}

/// What a payment comes to that no line has.
fn of_one_without(payment: &Payment, until: WallTime) -> Option<Finding> {
    let late = until.unix_millis().saturating_sub(PAID_WITHIN_MS);
    match Money::of(&payment.state) {
        Money::Merchant if payment.intent.wall.unix_millis() >= late => {
            Some(Finding::PerhapsNextDay)
        }
        Money::Merchant => Some(Finding::MissingAtOvo),
        // OVO took it back, or a void's end is unknown.
        Money::Unclear if was_told_paid(payment) => Some(Finding::WithOperator),
        _ => None,
    }
}
