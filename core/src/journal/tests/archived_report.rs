//! OVO's report of days whose payments were archived since.

use super::archived::{archive, over};
use super::{Scratch, open};
use crate::journal::JournalErrorKind;
use crate::journal::conformance::{charge, fresh, write};
use crate::message::Language;
use crate::payment::{Boottime, Settlement, Verdict};
use crate::{Finding, JournalReader, Reconciliation, SettlementLine};

#[test]
fn a_report_that_lists_an_archived_payment_says_what_can_still_be_done() {
    let scratch = Scratch::new();
    let to = scratch.journal().with_file_name("archive.db");
    let journal = open(&scratch.journal());
    over(&journal, 1);
    let mut told_no = fresh(&journal, &charge(2));
    told_no.state.verdict = Some(Verdict::Abandoned);
    told_no.state.settlement = Settlement::closed(Boottime(1));
    told_no.state.due = None;
    told_no.state.acknowledged = true;
    told_no.state.phone_forgotten = true;
    let told_no = write(&journal, told_no);
    assert_eq!(archive(&journal, &to).unwrap().payments, 2);
    drop(journal);
    let intent = &told_no.intent;
    let paid = SettlementLine::paid(intent.invoice.as_str(), intent.amount);

    let read = JournalReader::open(&to).unwrap();
    let found = Reconciliation::new().line(&read, &paid).unwrap().unwrap();
    assert_eq!(found.finding, Finding::ExtraDebit);
    let numbers = intent.numbers;
    let named = format!("batch {:06} and reference {:06}", numbers.batch(), numbers.reference());
    let text = found.text(Language::English);
    assert!(text.contains("return it by hand") && text.contains(&named), "{text}");
    assert!(!text.contains("report_paid"), "nothing reports it any more: {text}");

    let read = JournalReader::open(scratch.journal()).unwrap();
    let found = Reconciliation::new().line(&read, &paid).unwrap().unwrap();
    assert_eq!(found.finding, Finding::MissingHere);
    for language in [Language::English, Language::Indonesian] {
        let text = found.text(language);
        assert!(text.contains(to.to_str().unwrap()), "{text}");
    }
}

#[test]
fn a_journal_says_which_archives_it_has_how_much_is_in_each_and_of_which_days_at_most() {
    let scratch = Scratch::new();
    let to = scratch.journal().with_file_name("archive.db");
    let journal = open(&scratch.journal());
    assert_eq!(journal.archives().unwrap(), []);
    let first = fresh(&journal, &charge(1));
    over(&journal, 2);
    over(&journal, 3);
    assert_eq!(archive(&journal, &to).unwrap().payments, 2);
    let [only] = &journal.archives().unwrap()[..] else { panic!("there is one") };
    assert_eq!((&only.path, only.payments), (&to, 2));
    let named = JournalReader::open(&to).unwrap().archive_name().unwrap();
    assert_eq!(named.as_ref(), Some(&only.name));
    assert_eq!((only.since, only.until), (Some(first.intent.wall), None));
    let last = fresh(&journal, &charge(4));
    drop(journal);
    let read = JournalReader::open(scratch.journal()).unwrap();
    let [beside] = &read.archives().unwrap()[..] else { panic!("there is one") };
    assert_eq!(beside.until, Some(last.intent.wall));
    assert_eq!(JournalReader::open(&to).unwrap().archives().unwrap(), [], "an archive has none");
}

#[test]
fn an_archive_is_read_for_its_merchant_and_for_no_other() {
    let scratch = Scratch::new();
    let to = scratch.journal().with_file_name("archive.db");
    let journal = open(&scratch.journal());
    over(&journal, 1);
    let last = fresh(&journal, &charge(2));
    assert_eq!(archive(&journal, &to).unwrap().payments, 1);
    drop(journal);
    let ours = last.intent.merchant_id;
    for (file, what) in [(scratch.journal(), "journal"), (to, "archive")] {
        let read = JournalReader::open_of(&file, &ours).unwrap();
        assert_eq!(read.merchant().unwrap().as_deref(), Some(ours.as_str()));
        let before = std::fs::read(&file).unwrap();
        let refused = JournalReader::open_of(&file, "another").unwrap_err();
        assert_eq!(refused.journal_kind(), Some(JournalErrorKind::Foreign));
        let why = refused.to_string();
        let named = format!("the {what} at {} belongs to merchant {ours}", file.display());
        assert!(why.contains(&named) && why.contains("about merchant another"), "{why}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
    // What holds nothing is nobody's yet.
    let empty = Scratch::new();
    drop(open(&empty.journal()));
    assert_eq!(
        JournalReader::open_of(empty.journal(), "another").unwrap().merchant().unwrap(),
        None
    );
}
