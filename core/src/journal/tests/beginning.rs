//! With which numbers a journal begins, and that it keeps them.

use super::{Scratch, backup_in_its_place, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::version::{First, allocate};
use crate::journal::{
    JournalError, JournalErrorKind, SqliteJournal, SqliteOptions, Succession, move_journal,
    set_aside, starting_batch,
};
use crate::numbering::{BatchMethod, HIGHEST_FIRST_REFERENCE, Numbers, first_reference};

fn numbers(batch: u32, reference: u32) -> Numbers {
    Numbers::new(batch, reference).unwrap()
}

#[test]
fn j28_two_journals_that_begin_at_the_same_moment_share_no_numbers() {
    let here = Scratch::new();
    let there = Scratch::new();
    let sold = |scratch: &Scratch| {
        let journal = open(&scratch.journal());
        (1..=3).map(|number| fresh(&journal, &charge(number)).intent.numbers).collect::<Vec<_>>()
    };
    let (ours, theirs) = (sold(&here), sold(&there));
    assert_eq!(ours[0].batch(), theirs[0].batch(), "of one quarter of an hour");
    assert!(ours.iter().all(|it| !theirs.contains(it)), "{ours:?} and {theirs:?}");
}

#[test]
fn a_first_reference_leaves_a_quarter_of_an_hours_pushes_of_its_batch() {
    assert_eq!(first_reference(0), 1);
    assert_eq!(first_reference(899_999), HIGHEST_FIRST_REFERENCE);
    assert_eq!(first_reference(900_000), 1);
    assert!((1..=HIGHEST_FIRST_REFERENCE).contains(&first_reference(u64::MAX)));
    // A tenth of them each: the chance of this failing for a fair draw is below 10^-9.
    let mut tenths = [0; 10];
    for _ in 0..10_000 {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).unwrap();
        tenths[((first_reference(u64::from_le_bytes(chance)) - 1) / 90_000) as usize] += 1;
    }
    assert!(tenths.iter().all(|it| (800..1_200).contains(it)), "{tenths:?}");
}

#[test]
fn p8_a_journals_first_reference_is_drawn_once_and_none_is_handed_out_without_chance() {
    let wall = charge(1).wall;
    let drawn = |last, batch, floor, reference: Result<u32, JournalError>| {
        let first = First { batch, reference: || reference };
        allocate(last, 0, first, floor, BatchMethod::Continuous, wall)
    };
    let quarter = starting_batch(wall).unwrap();
    assert_eq!(drawn(None, None, 0, Ok(41)), Ok(numbers(quarter, 41)));
    assert_eq!(drawn(None, None, quarter + 7, Ok(41)), Ok(numbers(quarter + 7, 41)));
    assert_eq!(drawn(None, Some(500), 0, Ok(41)), Ok(numbers(500, 1)), "given by hand");
    assert_eq!(drawn(None, Some(500), 501, Ok(41)), Ok(numbers(quarter, 41)), "it was used");
    let last = Some(numbers(500, 41));
    assert_eq!(drawn(last, None, 0, Ok(77)), Ok(numbers(500, 42)));
    assert_eq!(drawn(last, None, quarter + 7, Ok(77)), Ok(numbers(quarter + 7, 1)));
    let last = Some(numbers(500, 999_999));
    assert_eq!(drawn(last, None, 0, Ok(77)), Ok(numbers(501, 1)));

    let no_chance = JournalError::new(JournalErrorKind::Io, "no chance");
    assert_eq!(drawn(None, None, 0, Err(no_chance.clone())), Err(no_chance.clone()));
    assert_eq!(drawn(last, None, 0, Err(no_chance)), Ok(numbers(501, 1)), "it needs none any more");
}

#[test]
fn numbers_go_on_behind_an_opening_a_move_and_beside_a_backup() {
    let scratch = Scratch::new();
    let (path, moved) = (scratch.journal(), scratch.journal().with_file_name("shop.db"));
    let first = fresh(&open(&path), &charge(1)).intent.numbers;
    let next = |step| numbers(first.batch(), first.reference() + step);
    let journal = open(&path);
    assert_eq!(fresh(&journal, &charge(2)).intent.numbers, next(1));
    journal.backup(path.with_file_name("backup.db")).unwrap();
    assert_eq!(fresh(&journal, &charge(3)).intent.numbers, next(2));
    drop(journal);
    move_journal(&path, &moved).unwrap();
    let journal = open(&moved);
    assert_eq!(fresh(&journal, &charge(4)).intent.numbers, next(3));
    drop(journal);
    // An explicit batch is for one that never pushed.
    let options = SqliteOptions { first_batch: Some(7), ..SqliteOptions::default() };
    let journal = SqliteJournal::open(&moved, &options).unwrap();
    assert_eq!(fresh(&journal, &charge(5)).intent.numbers, next(4));
}

#[test]
fn j20_a_backup_that_was_put_back_begins_above_what_it_does_not_know() {
    let scratch = Scratch::new();
    let mut last = None;
    let path = backup_in_its_place(
        &scratch,
        |journal| drop(fresh(journal, &charge(1))),
        |journal| last = Some(fresh(journal, &charge(2)).intent.numbers),
    );
    assert!(fresh(&open(&path), &charge(3)).intent.numbers.batch() > last.unwrap().batch());
}

#[test]
fn j28_the_next_journal_behind_one_set_aside_begins_above_it_and_by_chance() {
    let (here, there) = (Scratch::new(), Scratch::new());
    let next = |scratch: &Scratch| {
        let path = scratch.journal();
        let old = fresh(&open(&path), &charge(1)).intent.numbers;
        set_aside(&path).unwrap();
        let journal = Succession::open(&path, &SqliteOptions::default()).unwrap();
        let next = fresh(&journal, &charge(2)).intent.numbers;
        assert!(next.batch() > old.batch(), "{next} behind {old}");
        next
    };
    // The same happens to two journals of one terminal, at the same moment.
    let (ours, theirs) = (next(&here), next(&there));
    assert_eq!(ours.batch(), theirs.batch());
    assert_ne!(ours, theirs);
}
