//! Archiving: payments that are over leave the journal for a file of their own, each told by one of
//! both, and their numbers and invoices stay known for ever.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::by_people::{invoices, together};
use super::opening::{child, child_path, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    ArchiveProgress, Archived, Begun, Filter, Journal, JournalCopy, JournalError, JournalErrorKind,
    SqliteJournal, SqliteOptions, Succession, move_journal, set_aside,
};
use crate::numbering::BatchMethod;
use crate::payment::{
    Boottime, ListedFor, Payment, PaymentId, Settlement, Source, State, Verdict, Void,
};
use crate::wib::WallTime;

/// Paid, acknowledged, its phone forgotten, no look behind due.
pub(super) fn over(journal: &SqliteJournal, number: u32) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    let state = &mut payment.state;
    state.verdict = Some(Verdict::Accepted(Source::Push));
    state.settlement = Settlement::closed(Boottime(1));
    state.acknowledged = true;
    state.due = None;
    state.phone_forgotten = true;
    write(journal, payment)
}

/// Another one that was begun already, settled as `other` is.
pub(super) fn settled_as(journal: &SqliteJournal, number: u32, other: u32) -> Payment {
    let row = |number| journal.find(&invoice(number)).unwrap().unwrap();
    let mut payment = row(number);
    let seed = payment.state.seed;
    payment.state = State { seed, ..row(other).state };
    write(journal, payment)
}

/// Behind all payments of the tests.
pub(super) fn behind() -> WallTime {
    WallTime::from_unix_millis(charge(1).wall.unix_millis() + 1)
}

pub(super) fn archive(journal: &SqliteJournal, to: &Path) -> Result<Archived, JournalError> {
    journal.archive(behind(), to, &mut |_| ControlFlow::Continue(()))
}

pub(super) fn beside(scratch: &Scratch) -> PathBuf {
    scratch.journal().with_file_name("archive.db")
}

/// Where the archive of an invoice's payment is.
pub(super) fn place_of(journal: &dyn Journal, number: u32) -> Option<PathBuf> {
    let place = journal.archived(&invoice(number)).unwrap();
    assert!(place.iter().all(|place| place.machine.is_none()), "a file's are where it is");
    place.map(|place| place.path)
}

/// What the archive tells.
fn told(archive: &Path) -> Vec<String> {
    let copy = JournalCopy::open(archive).unwrap();
    assert_eq!(copy.health().unwrap().problems, [""; 0], "it is sound, gaps and all");
    let all = copy.list(&Filter::default()).unwrap();
    all.iter().map(|row| row.intent.invoice.to_string()).collect()
}

#[test]
fn an_archived_payment_is_in_the_archive_and_its_invoice_and_numbers_are_never_given_again() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let journal = open(&scratch.journal());
    let first = over(&journal, 1);
    let second = over(&journal, 2);
    let done = archive(&journal, &to).unwrap();
    assert_eq!(done, Archived { payments: 2, moved: 2, left: 0 });
    assert_eq!(journal.payment(first.id), Ok(None));
    assert_eq!(journal.find(&invoice(1)), Ok(None));
    assert_eq!(place_of(&journal, 1), Some(to.clone()));
    assert_eq!(Journal::archived(&journal, &invoice(9)), Ok(None));
    for round in 0..2 {
        let again = journal.begin(&charge(1), BatchMethod::Continuous).unwrap();
        assert!(matches!(again, Begun::Archived(id) if id == first.id), "{round}: {again:?}");
    }
    let copy = JournalCopy::open(&to).unwrap();
    assert_eq!(copy.find(&invoice(2)), Ok(Some(second.clone())), "it is the row as it was");
    let next = fresh(&journal, &charge(3));
    assert_eq!(next.id, PaymentId(3));
    assert!(next.intent.numbers > second.intent.numbers, "numbers go on above them");
    drop(journal);
    let journal = open(&scratch.journal());
    let health = journal.health().unwrap();
    assert_eq!(health.problems, [""; 0], "no gap: it is known where they went");
    assert_eq!(health.notes, [""; 0], "and nothing is left to do");
    assert_eq!(health.payments, 1);
    let again = journal.begin(&charge(2), BatchMethod::Continuous).unwrap();
    assert!(matches!(again, Begun::Archived(id) if id == second.id), "{again:?}");
    let names: Vec<String> = scratch.files().into_iter().map(|(name, _)| name).collect();
    assert!(
        names.iter().all(|name| name == "archive.db" || name.starts_with("ovo.db")),
        "an archive is one file: {names:?}"
    );
}

#[test]
fn only_a_payment_that_is_over_is_archived() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let journal = open(&scratch.journal());
    over(&journal, 1);
    let changes: [fn(&mut Payment); 5] = [
        |payment| payment.state.acknowledged = false,
        |payment| payment.state.void = Void::Sent,
        |payment| payment.state.due = Some(Boottime(9)),
        |payment| payment.state.listed = ListedFor::Contradiction,
        |payment| payment.state.settlement = Settlement::Open(crate::payment::Reversal::NotNeeded),
    ];
    for (number, change) in (2..).zip(changes) {
        let mut payment = over(&journal, number);
        change(&mut payment);
        write(&journal, payment);
    }
    let mut seen = fresh(&journal, &charge(7));
    seen.state.verdict = Some(Verdict::Accepted(Source::Push));
    seen.state.settlement = Settlement::closed(Boottime(1));
    seen.state.acknowledged = true;
    seen.state.due = None;
    write(&journal, seen);
    let mut newer = charge(8);
    newer.wall = behind();
    fresh(&journal, &newer);
    assert_eq!(archive(&journal, &to).unwrap().payments, 1);
    assert_eq!(told(&to), ["INV-1"]);
    let stay: Vec<String> = (2..=8).map(|number| format!("INV-{number}")).collect();
    assert_eq!(invoices(&journal), stay, "a phone may still be needed, a day is not over");
}

#[test]
fn what_was_archived_stays_known_whoever_writes_into_the_file() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    over(&journal, 1);
    archive(&journal, &beside(&scratch)).unwrap();
    over(&journal, 2);
    fresh(&journal, &charge(3));
    for (sql, says) in [
        ("DELETE FROM payment WHERE id = 2", "a payment is never deleted"),
        ("DELETE FROM phone WHERE id = 2", "a phone is never deleted"),
        ("DELETE FROM archived", "what was archived stays known"),
        ("UPDATE archived SET invoice = 'INV-9'", "what was archived stays known"),
        ("INSERT INTO archived VALUES (1, 'INV-1', 1, 1, 1)", "a payment is archived once"),
        ("INSERT INTO archived VALUES (3, 'INV-3', 1, 3, 1)", "only what is over is archived"),
        ("INSERT INTO archived VALUES (2, 'INV-2', 1, 9, 1)", "only what is over is archived"),
        ("INSERT INTO archived VALUES (7, 'INV-7', 1, 7, 1)", "only what is over is archived"),
        (
            "INSERT OR REPLACE INTO archived VALUES (1, 'INV-2', 1, 1, 1)",
            "a payment is archived once",
        ),
    ] {
        let error = journal.sql(sql).unwrap_err().to_string();
        assert!(error.contains(says), "{sql}: {error}");
    }
}

#[test]
fn archiving_once_more_changes_nothing_and_no_file_is_written_over() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let journal = open(&scratch.journal());
    assert_eq!(archive(&journal, &to), Ok(Archived::default()), "nothing is over");
    assert!(!to.exists(), "and no file is made");
    over(&journal, 1);
    archive(&journal, &to).unwrap();
    over(&journal, 2);
    let before = fs::read(&to).unwrap();
    let again = archive(&journal, &to).unwrap();
    assert_eq!(again, Archived { payments: 1, moved: 0, left: 0 });
    let other_day = WallTime::from_unix_millis(behind().unix_millis() + 1);
    let refused = journal.archive(other_day, &to, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Misplaced, "{refused}");
    assert!(refused.message.contains("payments from before"), "{refused}");
    let elsewhere = Scratch::new();
    let stranger = open(&elsewhere.journal());
    over(&stranger, 1);
    let refused = archive(&stranger, &to).unwrap_err();
    assert!(refused.message.contains("another journal's archive"), "{refused}");
    assert_eq!(fs::read(&to).unwrap(), before, "nothing of it changed");
    let text = to.with_file_name("letter.txt");
    fs::write(&text, "Dear auditor").unwrap();
    for (taken, kind) in [
        (text.clone(), JournalErrorKind::Misplaced),
        (scratch.journal(), JournalErrorKind::Locked),
        (elsewhere.journal().with_file_name("ovo.db-wal"), JournalErrorKind::Misplaced),
    ] {
        let journal = if taken.starts_with(elsewhere.journal().parent().unwrap()) {
            &stranger
        } else {
            &journal
        };
        let refused = archive(journal, &taken).unwrap_err();
        assert!(
            refused.kind == kind || refused.kind == JournalErrorKind::ReadOnly,
            "{taken:?}: {refused:?}"
        );
    }
    assert_eq!(fs::read_to_string(&text).unwrap(), "Dear auditor");
    assert_eq!(invoices(&journal), ["INV-2"]);
}

#[test]
fn an_archive_takes_no_payment_and_nothing_is_made_beside_it() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let journal = open(&scratch.journal());
    over(&journal, 1);
    archive(&journal, &to).unwrap();
    drop(journal);
    let before = scratch.files();
    for options in [
        SqliteOptions::default(),
        SqliteOptions { shared: true, ..SqliteOptions::default() },
        SqliteOptions { set_aside_unusable: true, ..SqliteOptions::default() },
    ] {
        let refused = Succession::open(&to, &options).unwrap_err();
        assert!(refused.message.contains("archive"), "{refused}");
    }
    let away = scratch.journal().with_file_name("away.db");
    for refused in [set_aside(&to).map(drop).unwrap_err(), move_journal(&to, away).unwrap_err()] {
        assert!(refused.message.contains("archive"), "{refused}");
    }
    assert_eq!(scratch.files(), before);
    // Beside a journal it is none that was set aside there.
    fs::rename(&to, scratch.journal().with_file_name("ovo.db.aside-1")).unwrap();
    let problems = JournalCopy::open(scratch.journal()).unwrap().health().unwrap().problems;
    assert!(problems.iter().any(|line| line.contains("cannot be opened")), "{problems:?}");
    let journal = together(&scratch.journal());
    assert_eq!(invoices(&journal), [""; 0]);
    assert!(journal.findings().iter().any(|found| found.critical), "and it is said");
}

/// Breaks archiving off at the `point`th time that it tells how far it is.
fn broken_off(journal: &SqliteJournal, to: &Path, point: u32) -> Result<Archived, JournalError> {
    let mut seen = 0;
    journal.archive(behind(), to, &mut |_: ArchiveProgress| {
        seen += 1;
        if seen == point { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

#[test]
fn op7_archiving_that_is_broken_off_goes_on_where_it_was_and_tells_nothing_twice() {
    for point in 1.. {
        let scratch = Scratch::new();
        let to = beside(&scratch);
        let journal = open(&scratch.journal());
        journal.without_syncs();
        (1..=70).for_each(|number| drop(over(&journal, number)));
        let broken = broken_off(&journal, &to, point);
        if broken.is_ok() {
            assert!(point > 4, "there are {point} points only");
            break;
        }
        let in_journal = invoices(&journal);
        if to.exists() {
            let refused = JournalCopy::open(&to).unwrap_err();
            assert!(refused.message.contains("not finished"), "{refused}");
            let note = journal.health().unwrap().notes.concat();
            assert!(note.contains("is not finished"), "{note}");
        } else {
            assert_eq!(in_journal.len(), 70, "{point}");
        }
        if in_journal.len() < 70 {
            let elsewhere = to.with_file_name("elsewhere.db");
            let refused = archive(&journal, &elsewhere).unwrap_err();
            assert!(refused.message.contains("archive.db is not finished"), "{refused}");
            assert!(!elsewhere.exists());
        }
        drop(journal);
        let journal = open(&scratch.journal());
        let done = archive(&journal, &to).unwrap();
        assert_eq!((done.payments, done.moved), (70, in_journal.len() as u64), "{point}");
        assert_eq!(told(&to).len(), 70);
        assert_eq!(invoices(&journal), [""; 0]);
        let names: Vec<String> = scratch.files().into_iter().map(|(name, _)| name).collect();
        assert!(!names.iter().any(|name| name.contains(".new-")), "{point}: {names:?}");
    }
}

#[test]
fn j25_payments_begin_between_the_steps_of_archiving_and_each_step_is_small() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let journal = open(&scratch.journal());
    (1..=70).for_each(|number| drop(over(&journal, number)));
    let (mut begun, mut last) = (0, 0);
    let done = journal.archive(behind(), &to, &mut |at| {
        assert!(at.moved - last <= 32, "{} rows in one commit", at.moved - last);
        last = at.moved;
        begun += 1;
        let mut new = charge(1_000 + begun);
        new.wall = behind();
        fresh(&journal, &new);
        ControlFlow::Continue(())
    });
    assert_eq!(done, Ok(Archived { payments: 70, moved: 70, left: 0 }));
    assert!(begun >= 4, "they had {begun} turns");
    assert_eq!(invoices(&journal).len(), begun as usize);
}

#[test]
fn op7_of_two_processes_that_archive_at_once_the_first_gives_way_and_says_why() {
    let scratch = Scratch::new();
    let shared = SqliteOptions { shared: true, ..SqliteOptions::default() };
    let journal = SqliteJournal::open(scratch.journal(), &shared).unwrap();
    journal.enter_boot("boot").unwrap();
    (1..=3).for_each(|number| drop(over(&journal, number)));
    let elsewhere = scratch.journal().with_file_name("elsewhere.db");
    let mut theirs = None;
    let error = journal
        .archive(behind(), &elsewhere, &mut |_| {
            theirs.get_or_insert_with(|| {
                let mut other = child("archived::child_archives", &scratch.journal());
                let mut other = other.spawn().unwrap();
                let said = wait_for(&mut other, "archived: ");
                other.wait().unwrap();
                said
            });
            ControlFlow::Continue(())
        })
        .unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    assert_eq!(theirs.as_deref(), Some("3"));
    assert_eq!(told(&beside(&scratch)), ["INV-1", "INV-2", "INV-3"]);
    assert_eq!(archive(&journal, &elsewhere), Ok(Archived::default()), "nothing is left to it");
}

#[test]
#[ignore = "run by other tests"]
fn child_archives() {
    let Some(path) = child_path() else { return };
    let shared = SqliteOptions { shared: true, ..SqliteOptions::default() };
    let journal = SqliteJournal::open(&path, &shared).unwrap();
    journal.enter_boot("boot").unwrap();
    let to = path.with_file_name("archive.db");
    println!("archived: {}", archive(&journal, &to).unwrap().payments);
}

#[test]
fn op7_an_archive_that_is_taken_away_or_replaced_meanwhile_gets_nothing_more() {
    let scratch = Scratch::new();
    let (to, away) = (beside(&scratch), scratch.journal().with_file_name("away.db"));
    let journal = open(&scratch.journal());
    (1..=70).for_each(|number| drop(over(&journal, number)));
    let mut take_away = |at: ArchiveProgress| {
        if at.moved > 0 && to.exists() {
            fs::rename(&to, &away).unwrap();
        }
        ControlFlow::Continue(())
    };
    let gone = journal.archive(behind(), &to, &mut take_away).unwrap_err();
    assert_eq!(gone.kind, JournalErrorKind::Gone, "{gone}");
    let left = invoices(&journal).len();
    assert!((1..70).contains(&left), "{left}");
    let refused = archive(&journal, &to).unwrap_err();
    assert!(refused.message.contains("put it back"), "{refused}");
    assert_eq!(invoices(&journal).len(), left, "the journal goes on as it is");
    // At its new place it is the same archive.
    assert_eq!(archive(&journal, &away).unwrap().payments, 70);
    assert_eq!(place_of(&journal, 1), Some(away));
}

/// Takes a payment out by hand.
fn without_its_first(archive: &Path) {
    let without = "DROP TRIGGER payment_stays; DELETE FROM payment WHERE id = 1";
    let forged = rusqlite::Connection::open(archive).unwrap();
    let rule: String = forged
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'payment_stays'", [], |row| {
            row.get(0)
        })
        .unwrap();
    forged.execute_batch(&format!("{without}; {rule}")).unwrap();
}

#[test]
fn op7_a_copy_of_the_unfinished_archive_is_finished_too_or_refused_if_it_lacks_a_payment() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let (copy, lacking) = (to.with_file_name("copy.db"), to.with_file_name("lacking.db"));
    let journal = open(&scratch.journal());
    (1..=40).for_each(|number| drop(over(&journal, number)));
    assert!(broken_off(&journal, &to, 3).is_err());
    for unfinished in [&copy, &lacking] {
        fs::copy(&to, unfinished).unwrap();
    }
    without_its_first(&lacking);
    assert_eq!(archive(&journal, &to).unwrap().payments, 40);
    assert!(JournalCopy::open(&copy).is_err(), "nobody reads it yet");
    assert_eq!(archive(&journal, &copy), Ok(Archived { payments: 40, moved: 0, left: 0 }));
    assert_eq!(told(&copy), told(&to));
    let refused = archive(&journal, &lacking).unwrap_err();
    assert!(refused.message.contains("lacking.db has 39 payments, and 40 left"), "{refused}");
}

#[test]
fn op7_a_journal_set_aside_amid_archiving_is_kept_until_its_archive_is_finished() {
    let scratch = Scratch::new();
    let (path, to) = (scratch.journal(), beside(&scratch));
    let journal = open(&path);
    (1..=40).for_each(|number| drop(over(&journal, number)));
    assert!(broken_off(&journal, &to, 3).is_err());
    drop(journal);
    let aside = set_aside(&path).unwrap();
    let both = together(&path);
    let notes = both.health().unwrap().notes.concat();
    let finish =
        format!("`ovo-ptp journal archive -j {} --before DAY {}`", aside.display(), to.display());
    assert!(notes.contains(&finish) && notes.contains("keep it there"), "{notes}");
    assert!(!notes.contains("can be taken away"), "{notes}");
    let refused = both.archive(behind(), &to, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(refused.message.contains(&finish), "{refused}");
    drop(both);
    assert_eq!(archive(&open(&aside), &to).unwrap().payments, 40, "as it is told");
    let notes = together(&path).health().unwrap().notes.concat();
    assert!(notes.contains("can be taken away"), "{notes}");
}

#[test]
fn op7_an_older_copy_of_the_archive_in_its_place_ends_nothing() {
    let scratch = Scratch::new();
    let (to, kept) = (beside(&scratch), scratch.journal().with_file_name("kept.db"));
    let journal = open(&scratch.journal());
    (1..=40).for_each(|number| drop(over(&journal, number)));
    assert!(broken_off(&journal, &to, 3).is_err());
    fs::rename(&to, &kept).unwrap();
    fs::copy(&kept, &to).unwrap();
    without_its_first(&to);
    let refused = archive(&journal, &to).unwrap_err();
    assert!(refused.message.contains("put the right one there"), "{refused}");
    assert!(JournalCopy::open(&to).is_err(), "it never says that it is finished");
    fs::rename(&kept, &to).unwrap();
    assert_eq!(archive(&journal, &to).unwrap().payments, 40);
}

#[test]
fn a_payment_that_changes_while_it_is_archived_stays_in_the_journal_as_it_is_then() {
    let scratch = Scratch::new();
    let to = beside(&scratch);
    let journal = open(&scratch.journal());
    (1..=3).for_each(|number| drop(over(&journal, number)));
    let mut changed = false;
    let done = journal
        .archive(behind(), &to, &mut |_| {
            if !changed {
                let mut row = journal.find(&invoice(2)).unwrap().unwrap();
                row.evidence.ruling = Some("seen again".to_owned());
                write(&journal, row);
                changed = true;
                let two = archive(&journal, &to).unwrap_err();
                assert_eq!(two.kind, JournalErrorKind::Locked, "one at a time: {two}");
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(done, Archived { payments: 2, moved: 2, left: 1 });
    assert_eq!(told(&to), ["INV-1", "INV-3"]);
    assert_eq!(invoices(&journal), ["INV-2"]);
    let next = to.with_file_name("next.db");
    assert_eq!(archive(&journal, &next).unwrap().payments, 1, "the next archive has it");
    assert_eq!(told(&next), ["INV-2"]);
}

#[test]
fn a_step_of_a_payment_that_was_archived_meanwhile_is_refused_and_says_so() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let row = over(&journal, 1);
    archive(&journal, &beside(&scratch)).unwrap();
    let refused = journal.update(&row).unwrap_err();
    assert!(refused.message.contains("was archived meanwhile"), "{refused}");
    fresh(&journal, &charge(2));
}

#[test]
fn a_doubted_journal_and_one_beside_others_archive_nothing() {
    let scratch = Scratch::new();
    let (path, to) = (scratch.journal(), beside(&scratch));
    let backup = path.with_file_name("backup.db");
    let journal = open(&path);
    over(&journal, 1);
    journal.backup(&backup).unwrap();
    drop(journal);
    let doubted = open(&backup);
    let refused = archive(&doubted, &to).unwrap_err();
    assert!(refused.message.contains("doubted"), "{refused}");
    doubted.vouch("auditor: it is the only one").unwrap();
    assert_eq!(archive(&doubted, &to).unwrap().payments, 1, "somebody has answered for it");
    set_aside(&path).unwrap();
    let beside = together(&path);
    over(beside.present(), 2);
    let refused = beside
        .archive(behind(), &to.with_file_name("x.db"), &mut |_| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(refused.message.contains("set aside"), "{refused}");
    assert_eq!(invoices(&beside), ["INV-1", "INV-2"]);
}
