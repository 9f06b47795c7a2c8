//! A payment that one copy of a journal left to another one: who settles it, and what is said when that
//! one is gone, or found again.

use std::fs;
use std::path::PathBuf;

use super::by_people::{invoices, together};
use super::former::{carry, says};
use super::hands::beside;
use super::owing::settled;
use super::twins::backup_put_back;
use super::{Scratch, backup_in_its_place, open, owes_a_reversal};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    Begun, Filter, Journal, JournalCopy, JournalErrorKind, SqliteJournal, Succession, set_aside,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Closer, ListedFor, Settlement, Source, Verdict};

#[test]
fn j20_j21_the_journal_itself_is_missed_though_its_backup_lies_set_aside_too() {
    for opened_before in [true, false] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let kept = path.with_file_name("backup.db");
        let journal = open(&path);
        journal.backup(&kept).unwrap();
        fresh(&journal, &charge(1));
        drop(journal);
        let first = set_aside(&path).unwrap();
        fs::rename(&kept, &path).unwrap();
        assert_eq!(together(&path).vouch("Sari: no other copy is used"), Ok(true));
        set_aside(&path).unwrap();
        if opened_before {
            for _ in 0..2 {
                assert_eq!(invoices(&together(&path)), ["INV-1"]);
            }
        }
        fs::remove_file(&first).unwrap();
        for _ in 0..2 {
            let found = together(&path).findings();
            assert!(says(&found, ".aside-1") && says(&found, "owed 1 payments"), "{found:?}");
        }
    }
}

#[test]
fn j20_j21_a_payment_that_the_backup_left_to_the_lost_journal_waits_for_an_operator() {
    let scratch = Scratch::new();
    let path = left_to_the_journal(&scratch);
    let aside = beside(&path, ".aside-1");
    let of = |journal: &Succession| journal.find(&invoice(1)).unwrap().unwrap().state;
    assert!(
        matches!(of(&together(&path)).settlement, Settlement::Open(_)),
        "settled where it can be"
    );
    let gone = path.with_file_name("gone.db");
    carry(&aside, &gone);
    let journal = together(&path);
    assert!(says(&journal.findings(), "is gone"));
    let state = of(&journal);
    assert!(state.needs_operator() && !state.is_closed() && !state.acknowledged, "{state:?}");
    let waiting = Filter { needs_operator: true, ..Filter::default() };
    assert_eq!(journal.list(&waiting).unwrap().len(), 1);
    // What the operator says is not asked again.
    let mut ruled = journal.find(&invoice(1)).unwrap().unwrap();
    ruled.state.settlement = Settlement::closed(Boottime(1));
    (ruled.state.listed, ruled.state.acknowledged) = (ListedFor::Nothing, true);
    ruled.state.doubted = false;
    write(&journal, ruled);
    drop(journal);
    assert!(of(&together(&path)).is_closed());
    carry(&gone, &aside);
    assert!(of(&together(&path)).is_closed(), "nor by the journal itself, if it is found again");
}

#[test]
fn j20_j21_so_does_one_that_the_backup_left_before_it_was_set_aside_itself() {
    for vouched in [true, false] {
        let scratch = Scratch::new();
        let path = left_to_the_journal(&scratch);
        let copy = together(&path);
        if vouched {
            assert_eq!(copy.vouch("Sari: no other copy is used"), Ok(true));
        }
        drop(copy);
        set_aside(&path).unwrap();
        let of = |journal: &Succession| journal.find(&invoice(1)).unwrap().unwrap().state;
        assert!(
            matches!(of(&together(&path)).settlement, Settlement::Open(_)),
            "settled in aside-1"
        );
        carry(&beside(&path, ".aside-1"), &path.with_file_name("gone.db"));
        let journal = together(&path);
        assert!(says(&journal.findings(), "is gone"));
        let state = of(&journal);
        assert!(state.needs_operator() && !state.acknowledged, "{state:?}");
        let waiting = Filter { needs_operator: true, ..Filter::default() };
        assert_eq!(journal.list(&waiting).unwrap().len(), 1);
    }
}

/// A backup of a journal in which a payment is owed, put in the place of the journal, which is set aside:
/// `.aside-1` settles it.
fn left_to_the_journal(scratch: &Scratch) -> PathBuf {
    let owed = |journal: &SqliteJournal| {
        let mut owed = fresh(journal, &charge(1));
        owes_a_reversal(&mut owed);
        write(journal, owed);
    };
    backup_in_its_place(scratch, owed, |_| ())
}

#[test]
fn op5_j21_what_a_person_closed_by_hand_is_not_reversed_when_the_lost_journal_is_put_back() {
    let scratch = Scratch::new();
    let path = left_to_the_journal(&scratch);
    let (aside, gone) = (beside(&path, ".aside-1"), path.with_file_name("gone.db"));
    drop(together(&path));
    carry(&aside, &gone);
    let journal = together(&path);
    let mut ruled = journal.find(&invoice(1)).unwrap().unwrap();
    assert!(ruled.state.needs_operator());
    let at = ruled.state.touched;
    ruled.state.settlement = Settlement::Closed { at, by: Closer::Operator, looks: 0 };
    (ruled.state.listed, ruled.state.acknowledged) = (ListedFor::Nothing, true);
    write(&journal, ruled);
    drop(journal);
    carry(&gone, &aside);
    // Busy since: a higher version is no better word.
    let lost = open(&aside);
    for _ in 0..5 {
        let busy = lost.find(&invoice(1)).unwrap().unwrap();
        write(&lost, busy);
    }
    drop(lost);
    for _ in 0..2 {
        let state = together(&path).find(&invoice(1)).unwrap().unwrap().state;
        assert!(state.is_closed() && state.due.is_none(), "{state:?}");
        assert_eq!(together(&path).due(1, Boottime(u64::MAX / 4), 10).unwrap(), []);
    }
}

#[test]
fn j21_a_payment_that_one_copy_told_as_paid_and_the_other_gave_back_waits_for_an_operator() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (kept, disk) = (path.with_file_name("backup.db"), path.with_file_name("disk.db"));
    let journal = open(&path);
    let waiting = fresh(&journal, &charge(1));
    journal.backup(&kept).unwrap();
    let mut paid = waiting;
    paid.state.verdict = Some(Verdict::Accepted(Source::Push));
    paid.state.settlement = Settlement::closed(paid.state.touched);
    paid.state.due = None;
    write(&journal, paid);
    drop(journal);
    carry(&path, &disk);
    carry(&kept, &path);
    let copy = together(&path);
    let mut returned = copy.find(&invoice(1)).unwrap().unwrap();
    returned.state.verdict = Some(Verdict::Abandoned);
    returned.state.settlement = Settlement::closed(returned.state.touched);
    (returned.state.late_paid, returned.state.due) = (true, None);
    write(&copy, returned);
    assert_eq!(copy.vouch("Sari: the disk is lost"), Ok(true));
    drop(copy);
    // The old disk can be read after all.
    carry(&disk, &beside(&path, ".aside-1"));
    let journal = together(&path);
    assert!(says(&journal.findings(), "gave the money back"), "{:?}", journal.findings());
    let told = journal.find(&invoice(1)).unwrap().unwrap().state;
    assert!(told.needs_operator(), "{told:?}");
}

#[test]
fn j20_j21_the_journal_that_answers_is_not_missed_when_its_copy_is_taken_away() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (kept, away) = (path.with_file_name("backup.db"), path.with_file_name("away.db"));
    let journal = open(&path);
    let mut owed = fresh(&journal, &charge(1));
    owes_a_reversal(&mut owed);
    write(&journal, owed);
    journal.backup(&kept).unwrap();
    drop(journal);
    // The wrong one first, and back again.
    carry(&path, &away);
    carry(&kept, &path);
    let aside = set_aside(&path).unwrap();
    carry(&away, &path);
    for _ in 0..2 {
        drop(together(&path));
    }
    settled(&together(&path), 1);
    drop(together(&path));
    together(&path).vouch("Sari: that was the backup").unwrap();
    carry(&aside, &path.with_file_name("archive.db"));
    for _ in 0..2 {
        assert_eq!(together(&path).findings(), []);
    }
}

#[test]
fn j20_j21_a_report_beside_the_shop_knows_what_was_left_to_a_journal_that_is_gone() {
    let scratch = Scratch::new();
    let path = left_to_the_journal(&scratch);
    drop(together(&path));
    carry(&beside(&path, ".aside-1"), &path.with_file_name("gone.db"));
    let copy = JournalCopy::open(&path).unwrap();
    assert!(copy.find(&invoice(1)).unwrap().unwrap().state.needs_operator());
}

#[test]
fn j20_an_invoice_that_was_pushed_in_two_journals_is_acknowledged_in_both() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let paid = |journal: &dyn Journal| {
        let mut paid = fresh(journal, &charge(1));
        paid.state.verdict = Some(Verdict::Accepted(Source::Push));
        paid.state.settlement = Settlement::closed(paid.state.touched);
        paid.state.due = None;
        write(journal, paid).id
    };
    paid(&open(&path));
    let aside = set_aside(&path).unwrap();
    let away = path.with_file_name("out-of-sight.db");
    carry(&aside, &away);
    paid(&open(&path));
    carry(&away, &aside);
    let journal = together(&path);
    let unheard = Filter { unacknowledged: true, ..Filter::default() };
    assert_eq!(journal.list(&unheard).unwrap().len(), 2);
    let mut told = journal.find(&invoice(1)).unwrap().unwrap();
    told.state.acknowledged = true;
    let told = write(&journal, told).id;
    let mut hidden = journal.find_hidden(&invoice(1)).unwrap().unwrap();
    assert_ne!(hidden.id, told);
    hidden.state.acknowledged = true;
    write(&journal, hidden);
    assert_eq!(journal.list(&unheard).unwrap(), []);
    assert_eq!(journal.find_hidden(&invoice(1)).unwrap(), None);
}

#[test]
fn j20_j21_where_the_other_one_goes_under_the_running_shop_nothing_is_told_twice_or_settled_twice()
{
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = backup_put_back(&scratch);
    let mut step = journal.find(&invoice(3)).unwrap().unwrap();
    carry(&beside(&path, ".aside-1"), &path.with_file_name("gone.db"));
    step.state.due = Some(Boottime(77));
    assert_eq!(journal.update(&step).unwrap_err().kind, JournalErrorKind::Gone);
    assert!(says(&journal.found_since(), "put it back"));
    // The backup never heard that 2 is paid, and left 3 to the other one.
    let Ok(Begun::Existing(paid)) = journal.begin(&charge(2), BatchMethod::Continuous) else {
        panic!("it was pushed and paid");
    };
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Push)));
    assert_eq!(invoices(&journal), ["INV-1", "INV-2", "INV-3"]);
    assert_eq!(journal.health().unwrap().payments, 3);
    let boot = journal.enter_boot("boot-a").unwrap();
    assert_eq!(journal.due(boot, Boottime(u64::MAX), 9), Ok(Vec::new()));
}
