//! What people do with a journal on purpose: set it aside, back it up; and power cuts in the middle
//! of it.

use std::fs;
use std::path::Path;

use super::faulty::Faulty;
use super::hands::{beside, left_behind};
use super::{Scratch, open, with_unread_pages};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    Begun, Filter, Journal, JournalErrorKind, SqliteJournal, SqliteOptions, Succession, set_aside,
    set_aside_on,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, Source, Verdict};

pub(super) fn together(path: &Path) -> Succession {
    let journal = Succession::open(path, &SqliteOptions::default()).unwrap();
    journal.enter_boot("boot-a").unwrap();
    journal
}

pub(super) fn invoices(journal: &dyn Journal) -> Vec<String> {
    let all = journal.list(&Filter::default()).unwrap();
    all.iter().map(|row| row.intent.invoice.as_str().to_owned()).collect()
}

#[test]
fn j20_a_journal_set_aside_goes_as_one_and_its_debts_are_settled_by_the_next() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let old = open(&path);
    old.enter_boot("boot-a").unwrap();
    let owed = old.find(&invoice(1)).unwrap().unwrap();
    let last = old.list(&Filter::default()).unwrap().pop().unwrap().intent.numbers;
    drop(old);
    let aside = set_aside(&path).unwrap();
    assert_eq!(aside, beside(&path, ".aside-1"));
    assert!(!path.exists() && aside.exists());

    let journal = together(&path);
    assert_eq!(journal.findings(), []);
    let Ok(Begun::Existing(known)) = journal.begin(&charge(1), BatchMethod::Continuous) else {
        panic!("an invoice of the old journal is never pushed again");
    };
    assert_eq!(known.intent, owed.intent);
    let next = fresh(&journal, &charge(9));
    assert!(next.intent.numbers.batch() > last.batch(), "above the old numbers");
    assert!(next.state.attested);
    // What the old one owes comes due, is written there, and is heard of.
    let boot = journal.enter_boot("boot-a").unwrap();
    let due = journal.due(boot, Boottime(u64::MAX), 100).unwrap();
    assert_eq!(due.len(), 4);
    for mut row in due.into_iter().filter(|row| row.intent.invoice != invoice(9)) {
        assert_eq!(journal.payment(row.id).unwrap().as_ref(), Some(&row));
        row.state.verdict = Some(Verdict::Accepted(Source::Push));
        row.state.due = None;
        write(&journal, row);
    }
    assert_eq!(journal.due(boot, Boottime(u64::MAX), 100).unwrap().len(), 1);
    let unheard = Filter { unacknowledged: true, ..Filter::default() };
    assert_eq!(journal.list(&unheard).unwrap().len(), 3);
    assert_eq!(invoices(&journal).len(), 4);
    // Paged, each once, the older ones of the old journal before those of the new one.
    for newest_first in [false, true] {
        let mut paged: Vec<Payment> = Vec::new();
        loop {
            let after = paged.last().map(|row| row.id);
            let filter = Filter { after, limit: 1, newest_first, ..Filter::default() };
            let page = journal.list(&filter).unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        let filter = Filter { newest_first, ..Filter::default() };
        assert_eq!(paged, journal.list(&filter).unwrap());
        let last = if newest_first { paged.first() } else { paged.last() };
        assert_eq!(last.map(|row| &row.intent.invoice), Some(&invoice(9)));
    }
    let health = journal.health().unwrap();
    assert_eq!((health.payments, health.problems), (4, Vec::new()));
    drop(journal);
    let old = open(&aside);
    assert!(old.list(&unheard).unwrap().iter().all(|row| row.state.verdict.is_some()));
}

#[test]
fn j20_a_till_without_a_person_sets_aside_what_it_cannot_use_and_sells_on() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let options = SqliteOptions { set_aside_unusable: true, ..SqliteOptions::default() };
    // Missing beside its log.
    left_behind(&path);
    fs::rename(&path, path.with_file_name("lost.db")).unwrap();
    let journal = Succession::open(&path, &options).unwrap();
    assert!(
        journal.findings().iter().any(|found| found.critical && found.message.contains("aside"))
    );
    fresh(&journal, &charge(4));
    drop(journal);
    assert!(beside(&path, ".aside-1-wal").exists(), "the log is kept");
    // Damaged.
    let lost = beside(&path, ".aside-2");
    fs::write(&path, vec![7; 4096]).unwrap();
    let journal = Succession::open(&path, &options).unwrap();
    let findings = journal.findings();
    assert!(
        findings.iter().any(|found| found.message.contains("cannot be opened")),
        "{findings:?}"
    );
    assert_eq!(fs::read(&lost).unwrap(), vec![7; 4096], "kept as it was");
    fresh(&journal, &charge(5));
    drop(journal);
    // Another application's file is not ours to move.
    let foreign = path.with_file_name("books.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o600)).unwrap();
    let error = SqliteJournal::open(&foreign, &options).map(drop).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Corrupt);
    assert!(foreign.exists());
}

#[test]
fn j9_pages_that_are_damaged_are_named_with_a_cure_and_a_till_alone_sells_on() {
    let scratch = Scratch::new();
    with_unread_pages(&scratch);
    let path = scratch.journal();
    // Where a person is near it opens, and what fails says what to do.
    let journal = open(&path);
    let told = journal.list(&Filter::default()).map(drop).unwrap_err();
    assert_eq!(told.kind, JournalErrorKind::Corrupt);
    assert!(told.message.contains("damaged") && told.message.contains("set-aside"), "{told}");
    drop(journal);
    let options = SqliteOptions { set_aside_unusable: true, ..SqliteOptions::default() };
    let journal = Succession::open(&path, &options).unwrap();
    let findings = journal.findings();
    assert!(
        findings.iter().any(|it| it.critical && it.message.contains("damaged")),
        "{findings:?}"
    );
    fresh(&journal, &charge(100));
    drop(journal);
    let journal = Succession::open(&path, &options).unwrap();
    assert!(!beside(&path, ".aside-2").exists(), "the next one is sound");
    assert!(journal.find(&invoice(100)).unwrap().is_some());
}

#[test]
fn j20_setting_aside_survives_a_power_cut_at_every_step() {
    for changes in 0.. {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let finished = set_aside_on(&Faulty::the_power_goes(changes), &path).is_ok();
        // Whoever comes next finds all payments, without a word, and never twice.
        let journal = together(&path);
        let mut found = invoices(&journal);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 3, "behind {changes} changes: {found:?}");
        assert_eq!(journal.health().unwrap().payments, 3, "behind {changes} changes");
        assert_eq!(journal.findings(), [], "behind {changes} changes");
        let next = fresh(&journal, &charge(9));
        assert!(next.state.attested);
        drop(journal);
        // And it can be done to the end.
        set_aside(&path).unwrap();
        assert_eq!(invoices(&together(&path)).len(), 4, "behind {changes} changes");
        if finished {
            assert!(changes > 5, "{changes} steps");
            return;
        }
    }
}

#[test]
fn j22_a_backup_is_whole_while_payments_run_and_known_for_one_when_it_is_opened() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    for shared in [false, true] {
        let kept = path.with_file_name(format!("backup-{shared}.db"));
        let options = SqliteOptions { shared, ..SqliteOptions::default() };
        let journal = SqliteJournal::open(&path, &options).unwrap();
        let before = journal.list(&Filter::default()).unwrap().len();
        std::thread::scope(|scope| {
            let payer = scope.spawn(|| {
                let first = if shared { 1_000 } else { 0 };
                for number in first..first + 200 {
                    fresh(&journal, &charge(number));
                }
            });
            while journal.list(&Filter::default()).unwrap().len() < before + 20 {
                std::thread::yield_now();
            }
            journal.backup(&kept).unwrap();
            payer.join().unwrap();
        });
        let error = journal.backup(&kept).unwrap_err();
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "never over another one");
        assert_eq!(journal.health().unwrap().problems, [""; 0], "shared: {shared}");
        let last = journal.list(&Filter::default()).unwrap().pop().unwrap();
        drop(journal);
        let copy = open(&kept);
        let rows = copy.list(&Filter::default()).unwrap().len();
        assert!((before + 20..=before + 200).contains(&rows), "{rows} of one moment");
        assert!(copy.findings()[0].message.contains("backup"), "{:?}", copy.findings());
        let next = fresh(&copy, &charge(9_999));
        assert!(!next.state.attested);
        assert!(next.intent.numbers.batch() > last.intent.numbers.batch());
        drop(copy);
        let again = open(&kept);
        assert!(again.findings()[0].message.contains("backup"), "said until somebody vouches");
        assert!(again.vouch("test").unwrap());
        drop(again);
        assert_eq!(open(&kept).findings(), []);
    }
}

#[test]
fn j22_a_backup_that_is_broken_off_leaves_nothing_that_looks_like_one() {
    for changes in 0.. {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let kept = path.with_file_name("backup.db");
        drop(open(&path));
        // Six of them are the opening's own.
        let Ok(journal) = SqliteJournal::open_on(
            Faulty::the_power_goes(changes),
            &path,
            &SqliteOptions::default(),
        ) else {
            continue;
        };
        let finished = journal.backup(&kept).is_ok();
        drop(journal);
        if kept.exists() {
            assert!(open(&kept).findings()[0].message.contains("backup"));
        }
        assert!(open(&path).findings().is_empty());
        if finished {
            return;
        }
    }
}

#[test]
fn j25_no_payment_waits_for_a_report() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    for (shared, first) in [(false, 0), (true, 100)] {
        let options = SqliteOptions { shared, ..SqliteOptions::default() };
        let journal = SqliteJournal::open(&path, &options).unwrap();
        fresh(&journal, &charge(first));
        // In the middle of a report, however long it takes, a whole payment is made.
        let rows = journal
            .report(|view| {
                let mut rows = 0;
                view.rows("test", "ORDER BY id", [], |_, _| {
                    let journal = &journal;
                    std::thread::scope(|scope| {
                        scope.spawn(move || {
                            let mut paid = fresh(journal, &charge(first + 1 + rows));
                            paid.state.verdict = Some(Verdict::Accepted(Source::Push));
                            let paid = write(journal, paid);
                            assert_eq!(journal.payment(paid.id), Ok(Some(paid)));
                        });
                    });
                    rows += 1;
                    true
                })?;
                Ok(rows)
            })
            .unwrap();
        assert!(rows >= 1);
        let all = journal.list(&Filter::default()).unwrap().len();
        assert!(all > rows as usize, "and the next report sees it");
    }
}

#[test]
fn j20_a_journal_set_aside_whose_disk_fails_stops_no_payment() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let aside = set_aside(&path).unwrap();
    let journal = together(&path);
    fs::remove_file(&aside).unwrap();
    let owed = journal.find(&invoice(1)).unwrap().unwrap();
    let error = journal.update(&owed).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Gone);
    assert!(error.message.contains(".aside-1"), "which of them: {error}");
    let boot = journal.enter_boot("boot-a").unwrap();
    fresh(&journal, &charge(2));
    assert_eq!(journal.due(boot, Boottime(u64::MAX), 10).unwrap().len(), 1);
    let problems = journal.health().unwrap().problems;
    assert!(problems[0].contains("aside-1") && problems[0].contains("put it back"), "{problems:?}");
}

#[test]
fn j21_setting_a_doubted_journal_aside_does_not_end_the_doubt() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let till = path.with_file_name("till.db");
    fresh(&open(&till), &charge(1));
    fs::copy(&till, &path).unwrap();
    let copy = together(&path);
    let jumped = fresh(&copy, &charge(2));
    assert!(!jumped.state.attested);
    drop(copy);
    set_aside(&path).unwrap();
    let journal = together(&path);
    let findings = journal.findings();
    assert!(
        findings.iter().any(|it| it.critical && it.message.contains("set aside at its place")),
        "{findings:?}"
    );
    let next = fresh(&journal, &charge(3));
    assert!(!next.state.attested, "the other copy may sell on");
    assert!(next.intent.numbers.batch() > jumped.intent.numbers.batch());
    drop(journal);
    // One word ends both, and both stay ended.
    let journal = together(&path);
    assert_eq!(journal.vouch("Sari: till 1 is broken"), Ok(true));
    assert_eq!(journal.vouch("Sari: till 1 is broken"), Ok(false));
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
    drop(journal);
    let journal = together(&path);
    assert_eq!(journal.findings(), []);
    assert!(fresh(&journal, &charge(4)).state.attested);
}
