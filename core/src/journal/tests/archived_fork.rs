//! A journal that archived payments, beside its backup from before: one that knows them as its own, or
//! that sold under the same invoices, as orders do whose numbers came from the same backup.

use std::fs;
use std::path::Path;

use super::archived::{archive, beside, over, place_of, settled_as};
use super::by_people::{invoices, together};
use super::opening::{child, wait_for};
use super::{Scratch, backup_in_its_place, open, owes_a_reversal};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Begun, Filter, Journal, SqliteJournal, SqliteOptions, Succession, set_aside};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, Reversal, Settlement, Source, Verdict};

/// Both know 1 and 2. The journal sold 3 and 4 and archived all; its backup, restored where the
/// journal's disk was lost, sold what `sell` sells. Then the journal was found, and laid beside it.
fn found_again(scratch: &Scratch, sell: impl FnOnce(&SqliteJournal)) -> Succession {
    let path = scratch.journal();
    let (backup, lost) = (path.with_file_name("backup.db"), path.with_file_name("lost.db"));
    let journal = open(&path);
    journal.enter_boot("boot-a").unwrap();
    (1..=2).for_each(|number| drop(over(&journal, number)));
    journal.backup(&backup).unwrap();
    (3..=4).for_each(|number| drop(over(&journal, number)));
    assert_eq!(archive(&journal, &path.with_file_name("archive.db")).unwrap().payments, 4);
    drop(journal);
    take(&set_aside(&path).unwrap(), &lost);
    // Nothing of it is left there, as on a new disk.
    fs::remove_file(path.with_file_name("ovo.db.mark")).unwrap();
    fs::rename(&backup, &path).unwrap();
    let restored = open(&path);
    restored.enter_boot("boot-a").unwrap();
    sell(&restored);
    drop(restored);
    take(&lost, &path.with_file_name("ovo.db.aside-1"));
    together(&path)
}

/// The database, and the mark beside it.
fn take(from: &Path, to: &Path) {
    for suffix in ["", ".mark"] {
        let name = |path: &Path| [path.to_str().unwrap(), suffix].concat();
        fs::rename(name(from), name(to)).unwrap();
    }
}

/// 1 is over, and 2 is under way.
fn two(journal: &SqliteJournal) {
    journal.enter_boot("boot-a").unwrap();
    over(journal, 1);
    fresh(journal, &charge(2));
}

fn owed(journal: &SqliteJournal, number: u32) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    owes_a_reversal(&mut payment);
    payment.state.due = Some(Boottime(1));
    write(journal, payment)
}

#[test]
fn j21_a_payment_told_paid_is_not_hidden_behind_an_archived_one_of_its_invoice_and_row() {
    let scratch = Scratch::new();
    let both = found_again(&scratch, |restored| {
        let mut paid = fresh(restored, &charge(3));
        paid.state.verdict = Some(Verdict::Accepted(Source::Push));
        paid.state.settlement = Settlement::closed(Boottime(1));
        paid.state.due = None;
        write(restored, paid);
    });
    let paid = both.find(&invoice(3)).unwrap().unwrap();
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Push)));
    assert_eq!(invoices(&both), ["INV-3"], "the archive tells the others");
    let unheard = Filter { unacknowledged: true, ..Filter::default() };
    assert_eq!(both.list(&unheard), Ok(vec![paid]), "and whoever took the money hears of it");
    assert_eq!(both.figures().unwrap().unacknowledged.payments, 1);
}

#[test]
fn j21_what_a_customer_is_owed_is_not_closed_for_an_archived_one_of_its_invoice_and_row() {
    let scratch = Scratch::new();
    let both = found_again(&scratch, |restored| drop(owed(restored, 3)));
    let boot = both.enter_boot("boot-a").unwrap();
    let due = both.due(boot, Boottime(u64::MAX), 9).unwrap();
    let due: Vec<_> = due.iter().map(|row| (&row.intent.invoice, row.state.settlement)).collect();
    assert_eq!(due, [(&invoice(3), Settlement::Open(Reversal::Needed))]);
    assert_eq!(both.health().unwrap().unsettled, 1);
}

#[test]
fn j21_a_payment_behind_the_fork_is_told_whatever_the_journal_archived_of_it_before() {
    let scratch = Scratch::new();
    // Its rows are behind those that were archived: nothing of them stands at the numbers of the others.
    let both = found_again(&scratch, |restored| {
        (3..=6).for_each(|number| drop(over(restored, number)));
        owed(restored, 7);
    });
    assert_eq!(invoices(&both), ["INV-3", "INV-4", "INV-5", "INV-6", "INV-7"]);
}

#[test]
fn j21_a_backup_from_before_the_archiving_tells_no_archived_payment_anew() {
    let scratch = Scratch::new();
    let (path, to) = (scratch.journal(), beside(&scratch));
    let backup = path.with_file_name("backup.db");
    let journal = open(&path);
    two(&journal);
    journal.backup(&backup).unwrap();
    settled_as(&journal, 2, 1);
    assert_eq!(archive(&journal, &to).unwrap().payments, 2);
    drop(journal);
    // Put back in the place of a lost one: doubted, its rows are known, and nothing is pushed again.
    let alone = Scratch::new();
    fs::copy(&backup, alone.journal()).unwrap();
    let restored = together(&alone.journal());
    assert!(restored.present().is_doubted().unwrap());
    for number in 1..=2 {
        let again = restored.begin(&charge(number), BatchMethod::Continuous).unwrap();
        assert!(matches!(again, Begun::Existing(_)), "{number}: {again:?}");
    }
    // Beside the journal that archived them: that one knows that they are over.
    set_aside(&path).unwrap();
    fs::rename(&backup, &path).unwrap();
    let both = together(&path);
    let boot = both.enter_boot("boot-a").unwrap();
    assert_eq!(invoices(&both), [""; 0], "the archive tells them");
    assert_eq!(both.health().unwrap().payments, 0, "and counts them");
    for stride in [1, 2, 3, 10_000] {
        assert_eq!(both.counted_in_strides(0, both.present(), stride), Ok(2), "{stride}");
    }
    let unheard = Filter { unacknowledged: true, ..Filter::default() };
    assert_eq!(both.list(&unheard), Ok(Vec::new()));
    assert_eq!(both.due(boot, Boottime(u64::MAX), 9), Ok(Vec::new()), "nothing is settled twice");
    assert_eq!(place_of(&both, 2), Some(to));
    for number in 1..=2 {
        let again = both.begin(&charge(number), BatchMethod::Continuous).unwrap();
        assert!(matches!(again, Begun::Archived(_)), "{number}: {again:?}");
    }
}

#[test]
fn j8_j21_a_payment_whose_row_is_damaged_in_a_copy_is_told_by_the_archive_alone() {
    let scratch = Scratch::new();
    let before = |journal: &SqliteJournal| {
        two(journal);
        over(journal, 3);
    };
    let path = backup_in_its_place(&scratch, before, |journal| {
        settled_as(journal, 2, 1);
        assert_eq!(archive(journal, &beside(&scratch)).unwrap().payments, 3);
    });
    let copy = open(&path);
    copy.sql("UPDATE payment SET seen = 1, version = version + 1 WHERE id = 2").unwrap();
    assert!(copy.find(&invoice(2)).is_err(), "it is damaged");
    drop(copy);
    let both = together(&path);
    assert_eq!(both.figures().unwrap().unacknowledged.payments, 0, "the archive tells it");
    assert_eq!(invoices(&both), [""; 0]);
}

#[test]
fn j21_what_another_program_archives_under_the_running_shop_is_told_by_the_archive_alone() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let path = backup_in_its_place(&scratch, two, |journal| drop(settled_as(journal, 2, 1)));
    let aside = path.with_file_name("ovo.db.aside-1");
    let shared = SqliteOptions { shared: true, ..SqliteOptions::default() };
    let both = Succession::open(&path, &shared).unwrap();
    let boot = both.enter_boot("boot-a").unwrap();
    assert_eq!(invoices(&both), ["INV-1", "INV-2"], "each once");
    let mut other = child("archived::child_archives", &aside).spawn().unwrap();
    assert_eq!(wait_for(&mut other, "archived: "), "2");
    other.wait().unwrap();
    for number in 1..=2 {
        assert_eq!(both.find(&invoice(number)), Ok(None), "{number}");
        assert_eq!(place_of(&both, number), Some(to.clone()));
        let again = both.begin(&charge(number), BatchMethod::Continuous).unwrap();
        assert!(matches!(again, Begun::Archived(_)), "{number}: {again:?}");
    }
    assert_eq!(invoices(&both), [""; 0]);
    assert_eq!(both.health().unwrap().payments, 0);
    assert_eq!(both.due(boot, Boottime(u64::MAX), 9), Ok(Vec::new()));
}
