//! How often there was which finding.

use std::collections::HashMap;

use super::Finding;

/// How many there are of a finding, and their sum.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Count {
    /// Lines, or payments without one.
    pub payments: u64,
    /// Their amounts: the report's, or of what the report has not, the journal's.
    pub rupiah: i64,
}

impl Count {
    pub(super) fn add(&mut self, payments: u64, rupiah: i64) {
        self.payments = self.payments.saturating_add(payments);
        self.rupiah = self.rupiah.saturating_add(rupiah);
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<Finding, Count>);

impl Counts {
    pub(super) fn add(&mut self, finding: Finding, count: Count) {
        self.0.entry(finding).or_default().add(count.payments, count.rupiah);
    }

    /// A line that was counted as `finding` is explained by another one.
    pub(super) fn take_back(&mut self, finding: Finding, rupiah: i64) {
        if let Some(count) = self.0.get_mut(&finding) {
            count.payments = count.payments.saturating_sub(1);
            count.rupiah = count.rupiah.saturating_sub(rupiah);
        }
    }

    pub(super) fn of(&self, finding: Finding) -> Count {
        self.0.get(&finding).copied().unwrap_or_default()
    }

    pub(super) fn differ(&self) -> bool {
        self.0.iter().any(|(finding, count)| finding.is_difference() && count.payments > 0)
    }
}
