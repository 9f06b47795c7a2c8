//! Reports beside whoever has the journal open.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::opening::{child, child_path, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Filter, JournalCopy, JournalErrorKind, SqliteJournal, SqliteOptions};
use crate::payment::{Source, Verdict};

fn ids(copy: &JournalCopy) -> Vec<i64> {
    let all = copy.list(&Filter { limit: usize::MAX, ..Filter::default() }).unwrap();
    all.iter().map(|payment| payment.id.0).collect()
}

fn sells(shared: bool) {
    let Some(path) = child_path() else { return };
    let options = SqliteOptions { shared, ..SqliteOptions::default() };
    let journal = SqliteJournal::open(&path, &options).unwrap();
    for number in 1..=3 {
        fresh(&journal, &charge(number));
    }
    println!("result: open");
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        told.store(true, Ordering::Release);
    });
    let mut number = 3;
    while !over.load(Ordering::Acquire) {
        if std::env::var_os("OVO_PTP_TEST_BUSY").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(5));
            continue;
        }
        number += 1;
        let mut payment = fresh(&journal, &charge(number));
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        write(&journal, payment);
    }
}

#[test]
#[ignore = "run by other tests"]
fn child_sells_alone() {
    sells(false);
}

#[test]
#[ignore = "run by other tests"]
fn child_sells_with_others() {
    sells(true);
}

#[test]
fn j30_a_report_reads_beside_a_shop_and_changes_nothing() {
    for child_name in ["reading::child_sells_alone", "reading::child_sells_with_others"] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let mut shop = child(child_name, &path).spawn().unwrap();
        wait_for(&mut shop, "result: open");
        let before = scratch.files();
        let copy = JournalCopy::open(&path).unwrap();
        assert_eq!(ids(&copy), [1, 2, 3]);
        assert_eq!(copy.find(&invoice(2)).unwrap().unwrap().id.0, 2);
        let open = Filter { unsettled: true, ..Filter::default() };
        assert_eq!(copy.list(&open).unwrap().len(), 3, "not judged to be a copy of a lost journal");
        assert_eq!(copy.health().unwrap().problems, Vec::<String>::new());
        drop(copy);
        let after = scratch.files();
        assert!(before == after, "{:?}", after.iter().map(|(name, _)| name).collect::<Vec<_>>());
        let mut told = shop.stdin.take().unwrap();
        writeln!(told).unwrap();
        assert!(shop.wait().unwrap().success());
        assert_eq!(ids(&JournalCopy::open(&path).unwrap()), [1, 2, 3], "and when it is closed");
    }
}

#[test]
fn j30_what_is_read_beside_a_busy_shop_is_whole() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mut shop = child("reading::child_sells_alone", &path);
    let mut shop = shop.env("OVO_PTP_TEST_BUSY", "1").spawn().unwrap();
    wait_for(&mut shop, "result: open");
    let (mut last, mut copies) = (0, 0);
    // The log is moved into the file every hundred payments or so: over and over again meanwhile.
    while last < 1_500 {
        let copy = match JournalCopy::open(&path) {
            Ok(copy) => copy,
            // A disk that stands still for none of the hundred looks: said, and nothing wrong is.
            Err(busy) => {
                assert_eq!(busy.kind, JournalErrorKind::Locked, "{busy:?}");
                continue;
            }
        };
        let found = ids(&copy);
        assert_eq!(found, (1..=found.len() as i64).collect::<Vec<_>>());
        assert!(found.len() >= last, "what was durable is in every later copy");
        assert_eq!(copy.health().unwrap().problems, Vec::<String>::new());
        (last, copies) = (found.len(), copies + 1);
    }
    assert!(copies > 3);
    shop.kill().unwrap();
    shop.wait().unwrap();
}

#[test]
fn j30_a_report_makes_no_journal_and_leaves_a_log_alone() {
    let scratch = Scratch::new();
    let missing = JournalCopy::open(scratch.journal()).unwrap_err();
    assert_eq!(missing.kind, JournalErrorKind::Misplaced);
    assert!(missing.message.contains("there is none at"), "{missing:?}");
    assert!(scratch.files().is_empty());
}

#[test]
fn a_program_asks_its_own_client_and_not_its_own_files() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let mut payment = fresh(&journal, &charge(1));
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    write(&journal, payment);
    assert_eq!(JournalCopy::open(scratch.journal()).unwrap_err().kind, JournalErrorKind::Locked);
    drop(journal);
    let copy = JournalCopy::open(scratch.journal()).unwrap();
    let paid = copy.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Push)));
}
