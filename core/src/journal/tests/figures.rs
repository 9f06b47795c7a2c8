//! Figures of journals with a history: whoever counts counts each payment once.

use super::twins::backup_put_back;
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::{Figures, Journal, JournalCopy};

#[test]
fn figures_count_what_two_journals_of_one_place_know_once() {
    let scratch = Scratch::new();
    let journal = backup_put_back(&scratch);
    let figures = journal.figures().unwrap();
    assert!(figures.doubted, "a backup was put back");
    let listed = Figures::by_listing(&journal).unwrap();
    assert_eq!(listed.unsettled.payments, 2, "INV-3 and INV-4");
    assert_eq!(figures.unsettled, listed.unsettled);
    assert_eq!(figures.undecided, listed.undecided);
    assert_eq!(figures.unacknowledged, listed.unacknowledged);
    assert_eq!(figures.needs_operator, listed.needs_operator);
}

#[test]
fn figures_of_more_payments_than_a_page_miss_none() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    journal.without_syncs();
    (1..=2_001).for_each(|number| drop(fresh(&journal, &charge(number))));
    let figures = journal.figures().unwrap();
    assert_eq!((figures.undecided.payments, figures.begun), (2_001, Some(2_001)));
    assert_eq!(figures.undecided.rupiah, 12_500 * 2_001 + 2_001 * 2_002 / 2);
}

#[test]
fn figures_of_a_copy_for_reading_tell_the_room_beside_the_journal_itself() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    fresh(&journal, &charge(1));
    let own = journal.figures().unwrap();
    assert_eq!(own.reserve_spent, Some(false));
    drop(journal);
    let copy = JournalCopy::open(scratch.journal()).unwrap().figures().unwrap();
    assert_eq!(copy.unsettled, own.unsettled);
    assert_eq!(copy.room.is_some(), own.room.is_some());
    assert_eq!(copy.reserve_spent, None, "a copy has none");
}
