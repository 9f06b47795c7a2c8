//! A backup that is put back where the journal itself lies set aside: both know the same payments.

use super::by_people::{invoices, together};
use super::{Scratch, backup_in_its_place, open, owes_a_reversal};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Begun, Filter, Journal, JournalCopy, SqliteJournal, Succession, set_aside};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Settlement, Source, Verdict, Void};

/// 1 was told Paid before the backup and 2 behind it; 3 is still open, 4 was begun behind it. Then
/// the journal was set aside and its backup put in its place.
pub(super) fn backup_put_back(scratch: &Scratch) -> Succession {
    let accept = |journal: &SqliteJournal, number| {
        let mut row = journal.find(&invoice(number)).unwrap().unwrap();
        row.state.verdict = Some(Verdict::Accepted(Source::Push));
        row.state.settlement = Settlement::closed(Boottime(1));
        row.state.due = None;
        write(journal, row);
    };
    let before = |journal: &SqliteJournal| {
        journal.enter_boot("boot-a").unwrap();
        (1..=3).for_each(|number| drop(fresh(journal, &charge(number))));
        accept(journal, 1);
    };
    let since = |journal: &SqliteJournal| {
        accept(journal, 2);
        fresh(journal, &charge(4));
    };
    together(&backup_in_its_place(scratch, before, since))
}

#[test]
fn j21_a_backup_beside_the_journal_itself_tells_no_second_truth() {
    let scratch = Scratch::new();
    let journal = backup_put_back(&scratch);
    assert!(journal.findings()[0].critical, "it is a backup, and said to be one");
    let paid = journal.find(&invoice(2)).unwrap().unwrap();
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Push)));
    let Ok(Begun::Existing(known)) = journal.begin(&charge(2), BatchMethod::Continuous) else {
        panic!("it was pushed and paid");
    };
    assert_eq!(known, paid, "whoever asks again hears what whoever looks it up sees");
    assert_eq!(journal.payment(paid.id), Ok(Some(paid.clone())));
    let health = journal.health().unwrap();
    assert_eq!((health.payments, health.unsettled), (4, 2), "each once");
    // Each payment once in every list, page by page.
    assert_eq!(invoices(&journal), ["INV-1", "INV-2", "INV-3", "INV-4"]);
    for newest_first in [false, true] {
        let mut pages = Vec::new();
        loop {
            let after = pages.last().map(|row: &crate::payment::Payment| row.id);
            let filter = Filter { after, limit: 1, newest_first, ..Filter::default() };
            let Some(row) = journal.list(&filter).unwrap().pop() else { break };
            pages.push(row);
        }
        assert_eq!(pages.len(), 4, "{newest_first}");
    }
    // Nothing of it is settled twice.
    let boot = journal.enter_boot("boot-a").unwrap();
    let due = journal.due(boot, Boottime(u64::MAX), 100).unwrap();
    let due: Vec<&str> = due.iter().map(|row| row.intent.invoice.as_str()).collect();
    assert_eq!(due, ["INV-3", "INV-4"]);
    // Acknowledged is acknowledged.
    let unheard = Filter { unacknowledged: true, ..Filter::default() };
    assert_eq!(journal.list(&unheard).unwrap().len(), 2);
    for number in [1, 2] {
        let mut row = journal.find(&invoice(number)).unwrap().unwrap();
        row.state.acknowledged = true;
        write(&journal, row);
    }
    assert_eq!(journal.list(&unheard).unwrap(), []);
    drop(journal);
    // The same from outside, and behind every further opening.
    let copy = JournalCopy::open(scratch.journal()).unwrap();
    assert_eq!(copy.find(&invoice(2)).unwrap().unwrap().state.verdict, paid.state.verdict);
    assert_eq!(copy.list(&unheard).unwrap(), []);
    assert_eq!(copy.list(&Filter::default()).unwrap().len(), 4);
    let journal = together(&scratch.journal());
    assert_eq!(journal.list(&unheard).unwrap(), []);
    assert_eq!(invoices(&journal).len(), 4);
    assert_eq!(journal.health().unwrap().unsettled, 2);
    // The next sale is the present journal's.
    fresh(&journal, &charge(5));
    assert_eq!(invoices(&journal).len(), 5);
}

#[test]
fn j21_no_customer_waits_for_a_payment_that_only_the_backup_has_open() {
    let scratch = Scratch::new();
    let owed = |journal: &SqliteJournal| {
        let mut owed = fresh(journal, &charge(1));
        owes_a_reversal(&mut owed);
        write(journal, owed);
    };
    let settled = |journal: &SqliteJournal| {
        let mut owed = journal.find(&invoice(1)).unwrap().unwrap();
        owed.state.settlement = Settlement::closed(Boottime(1));
        owed.state.due = None;
        write(journal, owed);
    };
    let journal = together(&backup_in_its_place(&scratch, owed, settled));
    let mut next = charge(2);
    next.phone = charge(1).phone;
    next.refuse_unsettled_customer = true;
    let begun = journal.begin(&next, BatchMethod::Continuous).unwrap();
    assert!(matches!(begun, Begun::Fresh(_)), "{begun:?}");
    assert_eq!(journal.due(2, Boottime(u64::MAX), 9).unwrap().len(), 1, "only the new one");
}

#[test]
fn j21_the_journal_itself_put_back_where_its_backup_lies_set_aside_is_believed() {
    let scratch = Scratch::new();
    let journal = backup_put_back(&scratch);
    drop(journal);
    let path = scratch.journal();
    set_aside(&path).unwrap();
    std::fs::rename(super::hands::beside(&path, ".aside-1"), &path).unwrap();
    let journal = together(&path);
    let paid = journal.find(&invoice(2)).unwrap().unwrap();
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Push)));
    assert_eq!(invoices(&journal).len(), 4);
}

/// A payment without a verdict, and a backup of it that was opened while the journal itself was out of
/// sight, and left the payment to an operator. Both are then there, the journal itself set aside.
fn left_to_an_operator(scratch: &Scratch, ruling: Option<Verdict>) -> Succession {
    let waiting = |journal: &SqliteJournal| {
        journal.enter_boot("boot-a").unwrap();
        fresh(journal, &charge(1));
    };
    let path = backup_in_its_place(scratch, waiting, |_| ());
    let (aside, away) = (super::hands::beside(&path, ".aside-1"), path.with_file_name("away.db"));
    std::fs::rename(&aside, &away).unwrap();
    let journal = together(&path);
    let mut row = journal.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(row.state.verdict, Some(Verdict::Quarantined));
    row.state.settlement = Settlement::WithOperator;
    row.state.due = None;
    let mut row = write(&journal, row);
    if ruling.is_some() {
        row.state.verdict = ruling;
        row.state.settlement = Settlement::closed(Boottime(1));
        write(&journal, row);
    }
    drop(journal);
    std::fs::rename(&away, &aside).unwrap();
    together(&path)
}

#[test]
fn j21_a_backup_that_knows_nothing_ends_no_payment_of_the_journal_itself() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = left_to_an_operator(&scratch, None);
    assert_eq!(journal.find(&invoice(1)).unwrap().unwrap().state.verdict, None, "it can settle it");
    let notes = journal.health().unwrap().notes;
    assert!(!notes.iter().any(|note| note.contains("can be taken away")), "{notes:?}");
    drop(journal);
    // It is the journal itself that goes on.
    std::fs::rename(super::hands::beside(&path, ".aside-1"), &path).unwrap();
    let journal = together(&path);
    let row = journal.find(&invoice(1)).unwrap().unwrap();
    assert!(!row.state.is_closed() && !row.state.acknowledged, "{row:?}");
}

#[test]
fn j21_a_journal_that_left_a_payment_to_its_backup_misses_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    // The operator has ruled in the backup, and nobody has acknowledged it.
    drop(left_to_an_operator(&scratch, Some(Verdict::Accepted(Source::Operator))));
    let aside = super::hands::beside(&path, ".aside-1");
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    let journal = together(&path);
    let missed = |journal: &Succession| {
        journal
            .findings()
            .iter()
            .any(|it| it.critical && it.message.contains("answered for payments"))
    };
    assert!(missed(&journal), "{:?}", journal.findings());
    assert_eq!(journal.vouch("Sari: the goods went out"), Ok(true));
    drop(journal);
    assert!(!missed(&together(&path)));
}

#[test]
fn j8_j21_a_damaged_row_makes_no_payment_of_the_one_journal_another_ones() {
    for damaged in 2..=9 {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let kept = path.with_file_name("backup.db");
        let journal = open(&path);
        fresh(&journal, &charge(1));
        journal.backup(&kept).unwrap();
        (2..=9).for_each(|number| drop(fresh(&journal, &charge(number))));
        journal
            .sql(&format!("UPDATE payment SET seen = 1, version = 2 WHERE id = {damaged}"))
            .unwrap();
        drop(journal);
        set_aside(&path).unwrap();
        std::fs::rename(&kept, &path).unwrap();
        let journal = together(&path);
        (12..=19).for_each(|number| drop(fresh(&journal, &charge(number))));
        let known = invoices(&journal);
        assert_eq!(known.len(), 1 + 7 + 8, "{damaged}");
        drop(journal);
        for _ in 0..2 {
            let journal = together(&path);
            assert_eq!(invoices(&journal), known, "{damaged}");
            for number in 12..=19 {
                let row = journal.find(&invoice(number)).unwrap().unwrap();
                assert!(
                    row.state.verdict.is_none() && !row.state.acknowledged,
                    "{damaged}: {row:?}"
                );
            }
            assert!(
                journal.find(&invoice(damaged)).is_err(),
                "it is known, and never pushed again"
            );
            let due = journal.due(1, Boottime(u64::MAX), 99).unwrap();
            assert_eq!(due.len(), known.len(), "{damaged}");
        }
    }
}

#[test]
fn j8_j21_what_is_damaged_in_the_journal_and_whole_in_its_backup_is_told_by_the_backup() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let kept = path.with_file_name("backup.db");
    let journal = open(&path);
    for number in 1..=5 {
        let mut row = fresh(&journal, &charge(number));
        row.state.verdict = Some(Verdict::Accepted(Source::Push));
        row.state.settlement = Settlement::closed(Boottime(1));
        row.state.due = None;
        write(&journal, row);
    }
    journal.backup(&kept).unwrap();
    journal.sql("UPDATE payment SET seen = 1, version = 3 WHERE id = 4").unwrap();
    drop(journal);
    set_aside(&path).unwrap();
    std::fs::rename(&kept, &path).unwrap();
    let journal = together(&path);
    assert_eq!(invoices(&journal).len(), 5);
    assert_eq!(journal.figures().unwrap().unacknowledged.payments, 5);
    let mut row = journal.find(&invoice(4)).unwrap().unwrap();
    row.state.acknowledged = true;
    write(&journal, row);
    assert!(journal.find(&invoice(4)).unwrap().unwrap().state.acknowledged);
}

#[test]
fn j21_an_older_copy_that_was_set_aside_takes_back_no_void_and_no_acknowledgement() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (kept, away) = (path.with_file_name("backup.db"), path.with_file_name("away.db"));
    let journal = open(&path);
    let mut row = fresh(&journal, &charge(1));
    row.state.verdict = Some(Verdict::Accepted(Source::Push));
    row.state.settlement = Settlement::closed(Boottime(1));
    row.state.due = None;
    let mut row = write(&journal, row);
    journal.backup(&kept).unwrap();
    row.state.acknowledged = true;
    row.state.void = Void::Sent;
    let mut row = write(&journal, row);
    row.state.void = Void::Voided;
    write(&journal, row);
    drop(journal);
    // The backup is put in by mistake, and set aside again; the journal itself is put back.
    std::fs::rename(&path, &away).unwrap();
    std::fs::rename(&kept, &path).unwrap();
    drop(together(&path));
    set_aside(&path).unwrap();
    std::fs::rename(&away, &path).unwrap();
    for _ in 0..3 {
        let journal = together(&path);
        let row = journal.find(&invoice(1)).unwrap().unwrap();
        assert!(row.state.acknowledged && row.state.void == Void::Voided, "{row:?}");
        assert_eq!(invoices(&journal).len(), 1);
        let unheard = Filter { unacknowledged: true, ..Filter::default() };
        assert_eq!(journal.list(&unheard).unwrap(), []);
        assert_eq!(journal.figures().unwrap().unacknowledged.payments, 0);
    }
}

/// Of a void that both know one asks what became of it: asked about by both it could be sent twice, behind
/// the other's word that OVO refused it.
#[test]
fn j21_a_void_under_way_in_a_copy_is_left_to_the_journal_that_knows_more_of_it() {
    for (known, is_left) in [(Some(Void::Voided), true), (Some(Void::Unknown), true), (None, false)]
    {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let (copy, away) = (path.with_file_name("backup.db"), path.with_file_name("away.db"));
        let journal = open(&path);
        let mut row = fresh(&journal, &charge(1));
        row.state.verdict = Some(Verdict::Accepted(Source::Push));
        row.state.settlement = Settlement::closed(Boottime(1));
        (row.state.due, row.state.void) = (Some(Boottime(1)), Void::Sent);
        let mut row = write(&journal, row);
        journal.backup(&copy).unwrap();
        row.state.void = known.unwrap_or(Void::None);
        row.state.due = None;
        write(&journal, row);
        drop(journal);
        // The backup is put in by mistake, and set aside again; the journal itself is put back.
        std::fs::rename(&path, &away).unwrap();
        std::fs::rename(&copy, &path).unwrap();
        drop(together(&path));
        let aside = set_aside(&path).unwrap();
        std::fs::rename(&away, &path).unwrap();
        let journal = together(&path);
        let told = journal.find(&invoice(1)).unwrap().unwrap();
        assert_eq!(
            told.state.void,
            known.unwrap_or(Void::None),
            "the one that knows more tells it"
        );
        let boot = journal.enter_boot("later").unwrap();
        let due = journal.due(boot, Boottime(u64::MAX / 4), 9).unwrap();
        assert_eq!(due.iter().any(|row| row.state.void == Void::Sent), !is_left, "{known:?}");
        drop(journal);
        let row = open(&aside).find(&invoice(1)).unwrap().unwrap();
        let expected = if is_left { Void::Expired } else { Void::Sent };
        assert_eq!((row.state.void, row.state.due.is_some()), (expected, !is_left), "{known:?}");
        assert!(!row.state.is_listed(), "the other one answers for it");
    }
}

#[test]
fn j21_what_two_of_them_know_is_counted_once_in_strides_of_any_length() {
    let scratch = Scratch::new();
    let journal = backup_put_back(&scratch);
    let former = journal.at(1).unwrap();
    for stride in [1, 2, 3, 4, 10_000] {
        assert_eq!(journal.counted_in_strides(1, former, stride), Ok(3), "{stride}");
        let present = journal.counted_in_strides(0, journal.present(), stride);
        assert_eq!(present, Ok(0), "of two the present one counts: {stride}");
    }
}
