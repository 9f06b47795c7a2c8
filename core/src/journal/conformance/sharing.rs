//! Many threads at one journal.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::patient::is_unknown;
use super::{Behaviour, charge, fresh, invoice, valid};
use crate::journal::{Begun, Filter, Journal, Update};
use crate::numbering::BatchMethod;
use crate::payment::{PaymentId, Source, Verdict};

pub(super) const ALL: &[Behaviour] = &[
    payments_at_many_tills_never_share_their_numbers,
    one_invoice_at_many_tills_is_one_payment,
    of_many_writers_of_one_row_each_version_has_one_winner,
];

const TILLS: u32 = 32;

fn payments_at_many_tills_never_share_their_numbers(journal: &dyn Journal) {
    let pay = |number: u32| {
        let mut payment = fresh(journal, &charge(number));
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        payment.version = won(journal, &payment);
        payment.state.acknowledged = true;
        won(journal, &payment);
        payment
    };
    let payments: Vec<_> = thread::scope(|scope| {
        let tills: Vec<_> = (0..TILLS)
            .map(|till| scope.spawn(move || (0..6).map(|n| pay(till * 6 + n)).collect::<Vec<_>>()))
            .collect();
        tills.into_iter().flat_map(|till| valid(till.join())).collect()
    });
    let numbers: HashSet<_> = payments.iter().map(|payment| payment.intent.numbers).collect();
    assert_eq!(numbers.len(), payments.len(), "no two payments share their numbers");
    let mut ids: Vec<_> = payments.iter().map(|payment| payment.id.0).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=i64::from(TILLS * 6)).collect::<Vec<_>>(), "no gaps");
    for payment in payments {
        let stored = valid(journal.payment(payment.id)).expect("a begun payment stays");
        assert_eq!((stored.version, stored.state), (3, payment.state));
    }
    assert_eq!(valid(journal.list(&Filter { unacknowledged: true, ..Filter::default() })), []);
}

fn won(journal: &dyn Journal, payment: &crate::payment::Payment) -> u64 {
    match journal.update(payment) {
        Ok(Update::Won(version)) => version,
        other => panic!("nobody else writes {payment}: {other:?}"),
    }
}

fn one_invoice_at_many_tills_is_one_payment(journal: &dyn Journal) {
    let begun: Vec<_> = thread::scope(|scope| {
        let tills: Vec<_> = (0..TILLS)
            .map(|till| {
                let mut new = charge(till);
                new.invoice = invoice(7);
                scope.spawn(move || valid(journal.begin(&new, BatchMethod::Continuous)))
            })
            .collect();
        tills.into_iter().map(|till| valid(till.join())).collect()
    });
    let fresh = begun.iter().filter(|begun| matches!(begun, Begun::Fresh(_))).count();
    assert_eq!(fresh, 1, "MP12: one push");
    for begun in &begun {
        match begun {
            Begun::Fresh(payment) | Begun::Existing(payment) => {
                assert_eq!(payment.id, PaymentId(1))
            }
            Begun::Archived(_) | Begun::UnsettledCustomer(_) => panic!("nobody asked"),
        }
    }
}

fn of_many_writers_of_one_row_each_version_has_one_winner(journal: &dyn Journal) {
    let payment = fresh(journal, &charge(1));
    // Writes that somebody went on with before anybody knew what became of them.
    let unknown = AtomicU64::new(0);
    let wins: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let mut row = payment.clone();
                let unknown = &unknown;
                scope.spawn(move || {
                    let mut wins = Vec::new();
                    while wins.len() < 5 {
                        row.state.checks.count += 1;
                        // Whose row it is can be seen.
                        row.evidence.trace_number = Some(format!("writer {writer}"));
                        match journal.update(&row) {
                            Ok(Update::Won(version)) => {
                                wins.push(version);
                                row.version = version;
                            }
                            Ok(Update::Lost(now)) => row = *now,
                            Err(error) if is_unknown(&error) => {
                                unknown.fetch_add(1, Ordering::Relaxed);
                                row = valid(journal.payment(row.id)).expect("the payment");
                            }
                            Err(error) => panic!("{row}: {error}"),
                        }
                    }
                    wins
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| valid(writer.join())).collect()
    });
    let distinct: HashSet<_> = wins.iter().copied().collect();
    assert_eq!(distinct.len(), 16 * 5, "a version was won twice");
    let last = valid(journal.payment(payment.id)).expect("the payment");
    let most = 16 * 5 + unknown.into_inner();
    assert!((16 * 5..=most).contains(&(last.version - 1)), "{last}");
    assert_eq!(u64::from(last.state.checks.count), last.version - 1, "an update was lost");
}
