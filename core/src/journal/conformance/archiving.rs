//! Payments that are over, moved into an archive beside payments that go on ([fault OP7]). An engine
//! that keeps every payment refuses it, and nothing has changed then.
//!
//! [fault OP7]: crate::manual::faults#op-operations

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::patient::Patient;
use super::{Behaviour, MORNING, charge, fresh, invoice, valid, write};
use crate::journal::{Archived, Begun, Filter, Journal, JournalCopy, JournalErrorKind};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, ListedFor, Payment, Settlement, Source, Verdict};
use crate::wib::WallTime;

pub(super) const ALL: &[Behaviour] = &[
    what_was_archived_is_told_by_the_archive_only_and_never_begun_again,
    payments_that_begin_beside_archiving_share_no_numbers_and_stay,
    what_is_not_over_is_not_archived,
];

/// A place for an archive, which is taken away with this.
struct Shelf(PathBuf);

impl Shelf {
    fn new() -> Shelf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ovo-shelf-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        valid(fs::create_dir(&folder));
        Shelf(folder)
    }

    fn archive(&self) -> PathBuf {
        self.0.join("archive.db")
    }

    /// What was begun until now goes there. `None` if the engine keeps every payment.
    fn takes(&self, journal: &dyn Journal, before: WallTime) -> Option<Archived> {
        match Patient(journal).archive(before, &self.archive(), &mut |_| ControlFlow::Continue(()))
        {
            Ok(done) => Some(done),
            Err(error) => {
                assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
                assert!(!self.archive().exists(), "what is refused makes no file");
                None
            }
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // Nobody looks for what could not be taken away.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Paid, acknowledged, its phone forgotten, no look behind due.
fn over(journal: &dyn Journal, number: u32) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    let state = &mut payment.state;
    state.verdict = Some(Verdict::Accepted(Source::Push));
    state.settlement = Settlement::closed(Boottime(1));
    (state.acknowledged, state.due, state.phone_forgotten) = (true, None, true);
    write(journal, payment)
}

fn behind_them() -> WallTime {
    WallTime::from_unix_millis(MORNING + 1)
}

fn what_was_archived_is_told_by_the_archive_only_and_never_begun_again(journal: &dyn Journal) {
    let rows: Vec<Payment> = (1..=40).map(|number| over(journal, number)).collect();
    let open = fresh(journal, &charge(41));
    let shelf = Shelf::new();
    let Some(done) = shelf.takes(journal, behind_them()) else {
        for row in &rows {
            assert_eq!(valid(journal.find(&row.intent.invoice)).as_ref(), Some(row));
            assert_eq!(valid(journal.archived(&row.intent.invoice)), None);
        }
        return;
    };
    assert_eq!(done, Archived { payments: 40, moved: 40, left: 0 });
    let archive = valid(JournalCopy::open(shelf.archive()));
    for row in &rows {
        let invoice = &row.intent.invoice;
        assert_eq!(valid(archive.find(invoice)).as_ref(), Some(row), "as it was");
        assert_eq!(valid(journal.find(invoice)), None, "told by one of both");
        assert_eq!(valid(journal.payment(row.id)), None);
        assert!(valid(journal.archived(invoice)).is_some(), "{invoice}: where it is");
        let again = valid(journal.begin(&charge(row.id.0 as u32), BatchMethod::Continuous));
        assert!(matches!(again, Begun::Archived(id) if id == row.id), "{again:?}");
        let refused = journal.update(row).map_err(|error| error.kind);
        assert!(matches!(refused, Err(JournalErrorKind::Forbidden)), "{refused:?}");
    }
    let told = valid(journal.list(&Filter::default()));
    assert_eq!(told, std::slice::from_ref(&open));
    assert_eq!(valid(journal.archived(&open.intent.invoice)), None);
    assert_eq!(valid(journal.health()).problems, [""; 0], "it is known where they went");
    let next = fresh(journal, &charge(42));
    assert!(next.intent.numbers > open.intent.numbers, "numbers go on above all of them");
    assert!(next.id > open.id);
}

fn payments_that_begin_beside_archiving_share_no_numbers_and_stay(journal: &dyn Journal) {
    const TILLS: u32 = 8;
    let before: Vec<Payment> = (1..=70).map(|number| over(journal, number)).collect();
    let shelf = Shelf::new();
    let later = |number: u32| {
        let mut new = charge(number);
        new.wall = behind_them();
        fresh(journal, &new)
    };
    let (done, begun) = thread::scope(|scope| {
        let tills: Vec<_> = (0..TILLS)
            .map(|till| {
                scope.spawn(move || (0..8).map(|n| later(1_000 + till * 8 + n)).collect::<Vec<_>>())
            })
            .collect();
        let done = shelf.takes(journal, behind_them());
        let begun = tills.into_iter().flat_map(|till| valid(till.join())).collect::<Vec<_>>();
        (done, begun)
    });
    let all = before.iter().chain(&begun);
    let numbers: HashSet<_> = all.clone().map(|row| row.intent.numbers).collect();
    assert_eq!(numbers.len(), 70 + begun.len(), "no two payments share their numbers");
    if let Some(done) = done {
        assert_eq!(done, Archived { payments: 70, moved: 70, left: 0 });
    }
    let stay: HashSet<_> = valid(journal.list(&Filter { limit: usize::MAX, ..Filter::default() }))
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert!(begun.iter().all(|row| stay.contains(&row.id)), "none of them was taken along");
    assert_eq!(stay.len(), if done.is_some() { begun.len() } else { begun.len() + 70 });
}

fn what_is_not_over_is_not_archived(journal: &dyn Journal) {
    let gone = over(journal, 1);
    let changes: [fn(&mut Payment); 3] = [
        |payment| payment.state.acknowledged = false,
        |payment| payment.state.due = Some(Boottime(9)),
        |payment| payment.state.listed = ListedFor::Contradiction,
    ];
    let mut stay = Vec::new();
    for (number, change) in (2..).zip(changes) {
        let mut payment = over(journal, number);
        change(&mut payment);
        stay.push(write(journal, payment));
    }
    let mut unforgotten = fresh(journal, &charge(5));
    unforgotten.state.verdict = Some(Verdict::Accepted(Source::Push));
    unforgotten.state.settlement = Settlement::closed(Boottime(1));
    (unforgotten.state.acknowledged, unforgotten.state.due) = (true, None);
    stay.push(write(journal, unforgotten));
    let shelf = Shelf::new();
    if let Some(done) = shelf.takes(journal, WallTime::from_unix_millis(MORNING)) {
        assert_eq!(done, Archived::default(), "none was begun before");
        assert!(!shelf.archive().exists());
    }
    let Some(done) = shelf.takes(journal, behind_them()) else { return };
    assert_eq!(done.payments, 1);
    assert_eq!(valid(journal.find(&invoice(1))), None, "{gone}");
    for row in stay {
        assert_eq!(valid(journal.payment(row.id)), Some(row));
    }
}
