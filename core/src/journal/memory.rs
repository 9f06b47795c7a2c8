//! The journal without a file: for tests and simulators.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use super::version::{allocate, first_version, next_version};
use super::{probed, rules};
use crate::invoice::MerchantInvoice;
use crate::journal::{
    Begun, Figures, Filter, Health, Journal, JournalError, JournalErrorKind, NewPayment, Update,
};
use crate::lock::lock;
use crate::numbering::{BatchMethod, HighWater, Numbers};
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

/// A journal in memory, with the same rules as the one on disk and the same answers.
///
/// It outlives the client but not the process. A clone is the same journal, so that a simulator
/// can crash one client and open the next on what it left.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    payments: BTreeMap<i64, Payment>,
    by_invoice: HashMap<MerchantInvoice, i64>,
    /// Boot, due and id of every row that has a due; those with evidence of a debit apart.
    due: [BTreeSet<(u32, Boottime, i64)>; 2],
    /// Tag and id of every row whose customer has an unsettled payment.
    customers: BTreeSet<([u8; 16], i64)>,
    first_batch: Option<u32>,
    last: Option<Numbers>,
    day: i64,
    boot: u32,
    boot_id: String,
    probed: Option<i64>,
}

impl MemoryJournal {
    /// An empty journal, whose first batch comes from the wall clock.
    pub fn new() -> Self {
        MemoryJournal::default()
    }

    /// An empty journal that goes on behind these numbers.
    pub fn after(water: HighWater) -> Self {
        let inner = Inner {
            first_batch: Some(water.first_batch),
            last: water.last,
            day: water.day,
            ..Inner::default()
        };
        MemoryJournal { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn put(&mut self, payment: Payment) {
        let due = |payment: &Payment| Some((payment.boot, payment.state.due?, payment.id.0));
        let customer = |payment: &Payment| {
            let tag = payment.intent.phone.as_ref()?.tag;
            payment.state.may_still_debit().then_some((tag, payment.id.0))
        };
        if let Some(before) = self.payments.get(&payment.id.0) {
            due(before).map(|entry| self.due[usize::from(before.state.late_paid)].remove(&entry));
            customer(before).map(|entry| self.customers.remove(&entry));
        }
        self.due[usize::from(payment.state.late_paid)].extend(due(&payment));
        self.customers.extend(customer(&payment));
        self.payments.insert(payment.id.0, payment);
    }
}

impl Journal for MemoryJournal {
    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        let mut inner = self.lock();
        let (remembered, next) = probed::judge(inner.probed, wall);
        inner.probed = Some(remembered);
        Ok(next)
    }

    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        let mut inner = self.lock();
        if inner.boot_id != boot_id {
            boot_id.clone_into(&mut inner.boot_id);
            inner.boot += 1;
        }
        Ok(inner.boot)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        let mut inner = self.lock();
        if let Some(id) = inner.by_invoice.get(&new.invoice) {
            return Ok(Begun::Existing(inner.payments[id].clone()));
        }
        if new.refuse_unsettled_customer {
            let tag = new.phone.tag;
            let theirs = inner.customers.range((tag, 0)..=(tag, i64::MAX));
            let mut theirs = theirs.map(|(_, id)| &inner.payments[id]);
            if let Some(open) = theirs.find(|open| rules::blocks(open, new, inner.boot)) {
                return Ok(Begun::UnsettledCustomer(open.clone()));
            }
        }
        let numbers = allocate(inner.last, inner.day, inner.first_batch, 0, method, new.wall)?;
        let id = inner.payments.len() as i64 + 1;
        let payment = first_version(new, id, numbers, inner.boot, true, &[0; 16]);
        rules::check_begin(&payment)?;
        (inner.last, inner.day) = (Some(numbers), new.wall.wib_day());
        inner.by_invoice.insert(new.invoice.clone(), id);
        inner.put(payment.clone());
        Ok(Begun::Fresh(payment))
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        let mut inner = self.lock();
        let Some(before) = inner.payments.get(&payment.id.0) else {
            return Err(JournalError::new(
                JournalErrorKind::Corrupt,
                format!("payment {} is missing", payment.id.0),
            ));
        };
        if before.version != payment.version {
            return Ok(Update::Lost(Box::new(before.clone())));
        }
        let after = next_version(before, payment)?;
        rules::check_update(before, &after)?;
        let version = after.version;
        inner.put(after);
        Ok(Update::Won(version))
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        Ok(self.lock().payments.get(&id.0).cloned())
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        let inner = self.lock();
        Ok(inner.by_invoice.get(invoice).map(|id| inner.payments[id].clone()))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        let inner = self.lock();
        let come = inner.due.iter().rev().flat_map(|due| due.range(..=(boot, now, i64::MAX)));
        Ok(come.take(limit).map(|(_, _, id)| inner.payments[id].clone()).collect())
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        let inner = self.lock();
        let first = inner.due.iter().filter_map(BTreeSet::first).min();
        let first = first.filter(|(row_boot, ..)| *row_boot <= boot);
        Ok(first.map(|(row_boot, due, _)| if *row_boot < boot { Boottime(0) } else { *due }))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        let inner = self.lock();
        let limit = if filter.limit == 0 { super::DEFAULT_LIMIT } else { filter.limit };
        let listed = |payment: &&Payment| rules::is_listed(payment, filter);
        if filter.newest_first {
            let before = filter.after.map_or(i64::MAX, |after| after.0);
            let behind = inner.payments.range(..before).rev().map(|(_, payment)| payment);
            return Ok(behind.filter(listed).take(limit).cloned().collect());
        }
        let after = filter.after.map_or(0, |after| after.0.max(0)).saturating_add(1);
        let behind = inner.payments.range(after..).map(|(_, payment)| payment);
        Ok(behind.filter(listed).take(limit).cloned().collect())
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        let begun = Some(self.lock().payments.len() as u64);
        Ok(Figures { begun, ..Figures::by_listing(self)? })
    }

    fn health(&self) -> Result<Health, JournalError> {
        let inner = self.lock();
        let unsettled =
            inner.payments.values().filter(|payment| rules::is_unsettled(&payment.state));
        Ok(Health {
            payments: inner.payments.len() as u64,
            unsettled: unsettled.count() as u64,
            problems: Vec::new(),
            notes: Vec::new(),
        })
    }
}
