//! A bit that fell over in an index, which has no checksum as a row has.

use std::fs;
use std::path::Path;

use super::by_people::together;
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Begun, Journal, JournalCopy, JournalErrorKind};
use crate::numbering::BatchMethod;
use crate::payment::Boottime;

/// How a page of an index's entries begins.
const INDEX_LEAF: u8 = 0x0a;
const PAGE: usize = 1024;

/// Changes the last bit of what stands `at` bytes behind `words` in an index of the closed journal.
fn damage(path: &Path, words: &[u8], at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let found = (PAGE..bytes.len() - words.len())
        .find(|it| bytes[it / PAGE * PAGE] == INDEX_LEAF && bytes[*it..].starts_with(words));
    bytes[found.expect("it is in an index") + at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn with_six(path: &Path) {
    let journal = open(path);
    (1..=6).for_each(|number| drop(fresh(&journal, &charge(number))));
}

#[test]
fn j8_an_invoice_that_a_damaged_index_hides_is_not_begun_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    with_six(&path);
    damage(&path, b"INV-3", 0);
    let seen = JournalCopy::open(&path).unwrap().health().unwrap().problems;
    assert!(seen.iter().any(|it| it.contains("payment_invoice")), "doctor sees it: {seen:?}");
    let journal = together(&path);
    let findings = journal.findings();
    let told = findings.iter().any(|it| it.critical && it.message.contains("payment_invoice"));
    assert!(told, "{findings:?}");
    let again = journal.begin(&charge(3), BatchMethod::Continuous).unwrap();
    assert!(matches!(again, Begun::Existing(_)), "{again:?}");
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
    drop(journal);
    assert!(together(&path).findings().is_empty(), "it is told once, and mended");
}

#[test]
fn j8_a_payment_that_a_damaged_index_hides_is_due_again() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    let boot = journal.enter_boot("boot-a").unwrap();
    let mut payment = fresh(&journal, &charge(1));
    payment.state.due = Some(Boottime(0x0040_4243_4445));
    write(&journal, payment);
    drop(journal);
    // To a day that never comes.
    damage(&path, &[0x40, 0x42, 0x43, 0x44, 0x45], 0);
    let journal = together(&path);
    let due = journal.due(boot, Boottime(0x0040_4243_4445), 9).unwrap();
    assert_eq!(due.len(), 1);
}

#[test]
fn j8_an_index_that_leads_to_another_invoice_tells_no_outcome_of_that_one() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    with_six(&path);
    // The entry of INV-6 is one of INV-7 now. A copy for reading mends nothing.
    damage(&path, b"INV-6", 4);
    let found = JournalCopy::open(&path).unwrap().find(&invoice(7)).unwrap_err();
    assert_eq!(found.kind, JournalErrorKind::Corrupt, "{found}");
    let journal = together(&path);
    assert_eq!(journal.find(&invoice(7)), Ok(None));
    assert!(journal.find(&invoice(6)).unwrap().is_some());
}
