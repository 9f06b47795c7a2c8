//! Which payments had which line, in little room.

use std::collections::BTreeMap;

use crate::payment::PaymentId;

/// A set of payments: a bit for each, 64 of them in a word.
#[derive(Debug, Default)]
pub(super) struct Payments(BTreeMap<i64, u64>);

impl Payments {
    /// Whether it was not there before.
    pub(super) fn add(&mut self, id: PaymentId) -> bool {
        let (word, bit) = place(id);
        let word = self.0.entry(word).or_default();
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    pub(super) fn has(&self, id: PaymentId) -> bool {
        let (word, bit) = place(id);
        self.0.get(&word).is_some_and(|word| word & bit != 0)
    }

    /// Whether it was there; it is no longer.
    pub(super) fn take(&mut self, id: PaymentId) -> bool {
        let was_there = self.has(id);
        let (word, bit) = place(id);
        if let Some(word) = self.0.get_mut(&word) {
            *word &= !bit;
        }
        was_there
    }

    /// The first of them behind a number.
    pub(super) fn behind(&self, after: Option<PaymentId>) -> Option<PaymentId> {
        let from = match after {
            Some(id) => id.0.checked_add(1)?,
            None => i64::MIN,
        };
        self.0.range(from >> 6..).find_map(|(&word, &bits)| {
            let bits = if word == from >> 6 { bits & (u64::MAX << (from & 63)) } else { bits };
            (bits != 0).then(|| PaymentId((word << 6) + i64::from(bits.trailing_zeros())))
        })
    }
}

fn place(id: PaymentId) -> (i64, u64) {
    (id.0 >> 6, 1 << (id.0 & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [i64; 7] = [0, 1, 63, 64, 65, 1_000_000, (7 << 48) + 1];

    #[test]
    fn a_payment_is_seen_once_wherever_its_number_lies() {
        let mut seen = Payments::default();
        for id in NUMBERS.map(PaymentId) {
            assert!(!seen.has(id) && !seen.take(id));
            assert!(seen.add(id));
            assert!(!seen.add(id));
            assert!(seen.has(id) && seen.take(id));
            assert!(!seen.has(id));
        }
    }

    #[test]
    fn they_are_told_one_behind_the_other() {
        let mut seen = Payments::default();
        assert_eq!(seen.behind(None), None);
        for id in NUMBERS.iter().rev() {
            seen.add(PaymentId(*id));
        }
        seen.add(PaymentId(i64::MAX));
        seen.take(PaymentId(64));
        let all = std::iter::successors(seen.behind(None), |last| seen.behind(Some(*last)));
        let all: Vec<i64> = all.map(|id| id.0).collect();
        assert_eq!(all, [0, 1, 63, 65, 1_000_000, (7 << 48) + 1, i64::MAX]);
    }
}
