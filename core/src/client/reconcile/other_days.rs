//! Payments that match, and were begun on another day than the report has them.

use std::collections::BTreeMap;

use super::PAID_WITHIN_MS;
use super::counts::Count;
use super::reconciled::{Note, Reconciled};
use crate::amount::Rupiah;
use crate::client::reconcile::Finding;
use crate::wib::WallTime;

/// By the report's day and the journal's, in days of WIB. A column whose days and months are taken for
/// each other has few such pairs, and the payments that it lacks are looked for on days that it does
/// not mean.
#[derive(Debug, Default)]
pub(super) struct OtherDays(BTreeMap<(i64, i64), Several>);

#[derive(Debug)]
struct Several {
    first: (String, Rupiah),
    count: Count,
}

impl OtherDays {
    pub(super) fn note(
        &mut self,
        invoice: &str,
        amount: Rupiah,
        listed: WallTime,
        begun: WallTime,
    ) {
        let paid_by = WallTime::from_unix_millis(begun.unix_millis() + PAID_WITHIN_MS);
        let day = listed.wib_day();
        if (begun.wib_day()..=paid_by.wib_day()).contains(&day) {
            return;
        }
        let those = self.0.entry((day, begun.wib_day())).or_insert_with(|| Several {
            first: (invoice.to_owned(), amount),
            count: Count::default(),
        });
        those.count.add(1, amount.get());
    }

    /// Takes those that were begun on no day between these two, and how many each stands for.
    pub(super) fn take_outside(
        &mut self,
        (since, until): (WallTime, WallTime),
    ) -> Vec<(Count, Reconciled)> {
        let inside = |begun: i64| {
            WallTime::of_wib_day(begun) < until && since < WallTime::of_wib_day(begun + 1)
        };
        let (kept, taken) =
            std::mem::take(&mut self.0).into_iter().partition(|((_, begun), _)| inside(*begun));
        self.0 = kept;
        let told = |((listed, begun), those): ((i64, i64), Several)| {
            let (invoice, amount) = those.first;
            let (listed, begun) = (WallTime::of_wib_day(listed), WallTime::of_wib_day(begun));
            let note = Some(Note::Days { listed, begun, payments: those.count.payments });
            let finding = Finding::OtherDay;
            let it = Reconciled { finding, invoice, listed: Some(amount), payment: None, note };
            (those.count, it)
        };
        let taken: BTreeMap<_, _> = taken;
        taken.into_iter().map(told).collect()
    }
}
