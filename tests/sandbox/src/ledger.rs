//! OVO's books: who was debited, refunded, voided. The oracle of every test: it knows what
//! happened even when no answer arrived.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::config::MatchBy;
use crate::customer::Taken;
use crate::now::Now;
use crate::request::Request;

/// What a payment has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Undecided: the prompt is shown, or the wallet is still at work.
    Open,
    /// Ended without a debit. A late confirmation can still come.
    NotDebited,
    /// The customer is debited.
    Debited,
    /// Reversed: refunded, or (with tombstones) barred from ever being debited.
    Reversed,
    /// Voided: refunded.
    Voided,
}

/// One payment in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Counts from 1 in the order in which OVO heard the pushes.
    pub id: u64,
    /// Merchant number.
    pub merchant_id: String,
    /// Terminal id.
    pub tid: String,
    /// Acceptor id.
    pub mid: String,
    /// Store code.
    pub store_code: String,
    /// Batch.
    pub batch: u32,
    /// Batch as it was written.
    pub batch_text: String,
    /// Reference.
    pub reference: u32,
    /// Invoice.
    pub invoice: String,
    /// Rupiah.
    pub amount: i64,
    /// The customer. In full: this is the test's own oracle, not a log.
    pub phone: String,
    /// What the customer was going to do with the prompt; absent for a sale of somebody else.
    pub behaviour: Option<Behaviour>,
    /// The push's `date` as it was written.
    pub date: String,
    /// What it has come to.
    pub state: State,
    /// The code that ended the session, if one did.
    pub code: Option<String>,
    /// Given at the debit.
    pub approval_code: Option<String>,
    /// Debits so far: 0 or 1.
    pub debits: u32,
    /// Refunds so far, by reversal or void.
    pub refunds: u32,
    /// Reversal requests that named it.
    pub reversals: u32,
    /// Void requests that named it.
    pub voids: u32,
    /// Taken from OVO Cash.
    pub cash_used: i64,
    /// Taken from OVO Points.
    pub points_used: i64,
    /// When OVO heard the push: the engine's milliseconds.
    pub opened_ms: u64,
    /// When OVO heard the push: Unix milliseconds.
    pub opened_wall: i64,
    /// When the session ended.
    pub ended_ms: Option<u64>,
    /// When the customer was debited.
    pub debited_ms: Option<u64>,
    /// When the customer was debited: Unix milliseconds.
    pub debited_wall: Option<i64>,
    /// When it was reversed.
    pub reversed_ms: Option<u64>,
    /// When it was voided.
    pub voided_ms: Option<u64>,
}

impl Entry {
    /// A payment as it stands when OVO hears its push.
    pub(crate) fn of(request: &Request, id: u64, now: Now) -> Entry {
        Entry {
            id,
            merchant_id: request.merchant_id.clone(),
            tid: request.tid.clone(),
            mid: request.mid.clone(),
            store_code: request.store_code.clone(),
            batch: request.batch.unwrap_or_default(),
            batch_text: request.batch_text.clone().unwrap_or_default(),
            reference: request.reference.unwrap_or_default(),
            invoice: request.invoice.clone().unwrap_or_default(),
            amount: request.amount.unwrap_or_default(),
            phone: request.phone.clone().unwrap_or_default(),
            date: request.date.clone(),
            behaviour: None,
            state: State::Open,
            code: None,
            approval_code: None,
            debits: 0,
            refunds: 0,
            reversals: 0,
            voids: 0,
            cash_used: 0,
            points_used: 0,
            opened_ms: now.ms,
            opened_wall: now.wall,
            ended_ms: None,
            debited_ms: None,
            debited_wall: None,
            reversed_ms: None,
            voided_ms: None,
        }
    }

    /// Rupiah finally taken from the customer by this payment.
    pub fn net(&self) -> i64 {
        (i64::from(self.debits) - i64::from(self.refunds)).saturating_mul(self.amount)
    }

    pub(crate) fn taken(&self) -> Taken {
        Taken { cash: self.cash_used, points: self.points_used }
    }

    /// The state at an earlier time.
    pub(crate) fn state_at(&self, ms: u64) -> Option<State> {
        let by = |at: Option<u64>| at.is_some_and(|at| at <= ms);
        if self.opened_ms > ms {
            None
        } else if by(self.voided_ms) {
            Some(State::Voided)
        } else if by(self.reversed_ms) {
            Some(State::Reversed)
        } else if by(self.debited_ms) {
            Some(State::Debited)
        } else {
            Some(if self.state == State::NotDebited { State::NotDebited } else { State::Open })
        }
    }
}

type Numbers = (String, String, u32, u32);

/// What is left of entries that are too old to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// How many. Their numbers and invoices are forgotten, too, and would be taken again.
    pub entries: usize,
    /// Rupiah finally taken by them.
    pub taken: i64,
}

/// The books.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The newest; those before have been forgotten.
    entries: Vec<Entry>,
    forgotten: Forgotten,
    by_numbers: BTreeMap<Numbers, usize>,
    by_invoice: BTreeMap<(String, String), usize>,
    tombstones: BTreeSet<(Numbers, String)>,
}

/// The numbers of a request, within the scope in which they must be new.
fn numbers(request: &Request, per_terminal: bool) -> Option<Numbers> {
    let scope = if per_terminal {
        // A text that cannot be confused: neither part may hold a line break.
        format!("{}\n{}", request.tid, request.mid)
    } else {
        String::new()
    };
    Some((request.merchant_id.clone(), scope, request.batch?, request.reference?))
}

impl Ledger {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, place: usize) -> &Entry {
        &self.entries[place - self.forgotten.entries]
    }

    pub(crate) fn entry_mut(&mut self, place: usize) -> &mut Entry {
        &mut self.entries[place - self.forgotten.entries]
    }

    pub(crate) fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Rupiah finally taken from all customers, by all entries ever.
    pub(crate) fn taken(&self) -> i64 {
        self.entries.iter().map(Entry::net).fold(self.forgotten.taken, i64::saturating_add)
    }

    /// Forgets the oldest entries beyond `limit`, a quarter of them at a time, up to the first that is
    /// still at work. Returns the place of the oldest that is kept.
    pub(crate) fn forget(&mut self, limit: usize, at_work: impl Fn(usize) -> bool) -> usize {
        let first = self.forgotten.entries;
        if self.entries.len() > limit.saturating_add(limit / 4) {
            let most = self.entries.len() - limit;
            let until = (0..most).find(|place| at_work(first + place)).unwrap_or(most);
            for (place, entry) in self.entries.drain(..until).enumerate() {
                self.forgotten.taken = self.forgotten.taken.saturating_add(entry.net());
                let invoice = (entry.merchant_id.clone(), entry.invoice.clone());
                if self.by_invoice.get(&invoice) == Some(&(first + place)) {
                    self.by_invoice.remove(&invoice);
                }
            }
            self.forgotten.entries += until;
            let kept = self.forgotten.entries;
            self.by_numbers.retain(|_, place| *place >= kept);
        }
        while self.tombstones.len() > limit {
            self.tombstones.pop_first();
        }
        self.forgotten.entries
    }

    /// Whether a push repeats numbers or an invoice (protocol 3.2, code 94).
    pub(crate) fn is_duplicate(&self, request: &Request, per_terminal: bool) -> bool {
        let invoice = request.invoice.clone().unwrap_or_default();
        self.by_invoice.contains_key(&(request.merchant_id.clone(), invoice))
            || numbers(request, per_terminal)
                .is_some_and(|numbers| self.by_numbers.contains_key(&numbers))
    }

    /// Enters a push. Every push consumes its numbers, successful or not (protocol 5).
    pub(crate) fn open(&mut self, request: &Request, per_terminal: bool, now: Now) -> usize {
        let place = self.forgotten.entries + self.entries.len();
        let invoice = request.invoice.clone().unwrap_or_default();
        if let Some(numbers) = numbers(request, per_terminal) {
            self.by_numbers.insert(numbers, place);
        }
        self.by_invoice.insert((request.merchant_id.clone(), invoice), place);
        self.entries.push(Entry::of(request, place as u64 + 1, now));
        place
    }

    /// The payment that a reversal, void or check names. A different amount is left to the caller.
    pub(crate) fn find(
        &self,
        request: &Request,
        match_by: MatchBy,
        per_terminal: bool,
    ) -> Option<usize> {
        let invoice = request.invoice.as_deref().unwrap_or_default();
        let of_invoice =
            || self.by_invoice.get(&(request.merchant_id.clone(), invoice.to_owned())).copied();
        let of_numbers =
            || numbers(request, per_terminal).and_then(|key| self.by_numbers.get(&key).copied());
        match match_by {
            MatchBy::Numbers => of_numbers(),
            MatchBy::Invoice => of_invoice(),
            MatchBy::Everything => of_numbers().filter(|place| {
                let entry = self.entry(*place);
                entry.invoice == invoice && entry.tid == request.tid && entry.mid == request.mid
            }),
        }
    }

    /// The first payment with this invoice, whoever the merchant.
    pub(crate) fn of_invoice(&self, invoice: &str) -> Option<usize> {
        let kept = self.entries.iter().position(|entry| entry.invoice == invoice)?;
        Some(self.forgotten.entries + kept)
    }

    pub(crate) fn bury(&mut self, request: &Request, per_terminal: bool) {
        if let Some(numbers) = numbers(request, per_terminal) {
            self.tombstones.insert((numbers, request.invoice.clone().unwrap_or_default()));
        }
    }

    pub(crate) fn is_buried(&self, request: &Request, per_terminal: bool) -> bool {
        !self.tombstones.is_empty()
            && numbers(request, per_terminal).is_some_and(|numbers| {
                let invoice = request.invoice.clone().unwrap_or_default();
                self.tombstones.contains(&(numbers, invoice))
            })
    }
}
