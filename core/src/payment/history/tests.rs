//! What is written is what is read, storms are counted, and nothing grows without bound.

use super::*;
use crate::message::{Mismatch, Operation, ResponseCode};
use crate::payment::{
    Alert, Boottime, Closer, DeclineReason, Request, Reversal, Rule, Ruling, Settlement, Source,
    Verdict, Void,
};
use crate::wib::WallTime;
use std::time::Duration;

const BEGUN: i64 = 1_767_582_000_000;

fn at(seconds: u64, what: What) -> Entry {
    let wall = WallTime::from_unix_millis(BEGUN + 1_000 * seconds as i64);
    Entry::new(wall, Duration::from_secs(seconds), 7, what)
}

fn reversal(ended: Ended, meaning: Meaning, took: u64) -> What {
    let took = Duration::from_millis(took);
    What::Exchange { operation: Operation::Reversal, ended, meaning, took }
}

fn code(text: &str) -> ResponseCode {
    ResponseCode::new(text).unwrap()
}

/// Entries in which every number that is ever written comes up.
fn all() -> Vec<Entry> {
    let mut whats = vec![
        What::Sent,
        What::HeldBack,
        What::Time,
        What::Cancelled { heard: true },
        What::Cancelled { heard: false },
        What::Acknowledged,
        What::ReportedPaid,
        What::VoidAsked,
        What::Restarted,
        What::Doubted,
    ];
    for ruling in [Ruling::Paid, Ruling::Refund, Ruling::Close] {
        whats.push(What::Ruled { ruling, reason: "OVO: tiket 4711, dana kembali ✓".to_owned() });
    }
    let endings = Trouble::ALL
        .iter()
        .flat_map(|trouble| [Ended::NotSent(*trouble), Ended::NoAnswer(*trouble)])
        .chain([
            Ended::Answered { status: 200, code: Some(ResponseCode::APPROVED) },
            Ended::Answered { status: 404, code: None },
            Ended::Answered { status: 599, code: Some(code("9")) },
        ]);
    for ended in endings {
        whats.push(reversal(ended, Meaning::Nothing, 3));
    }
    let took = Duration::from_secs(64);
    let ended = Ended::Answered { status: 200, code: Some(code("25")) };
    for operation in Operation::ALL {
        let meaning = Meaning::NotFound;
        whats.push(What::Exchange { operation, ended, meaning, took });
    }
    for meaning in Meaning::ALL {
        whats.push(reversal(ended, meaning, 12_345));
    }
    let mut all: Vec<Entry> =
        whats.into_iter().enumerate().map(|(second, what)| at(second as u64, what)).collect();
    let mut with = |change: &dyn Fn(&mut Entry)| {
        let mut entry = at(1_000 + all.len() as u64, What::Time);
        change(&mut entry);
        all.push(entry);
    };
    for rule in Rule::ALL {
        with(&|entry| entry.rule = Some(*rule));
    }
    let reasons = [DeclineReason::Code(code("14")), DeclineReason::ForeignSale];
    let verdicts = [Source::Push, Source::Status, Source::Operator].map(Verdict::Accepted);
    let verdicts = verdicts.into_iter().chain(reasons.map(Verdict::Declined)).chain([
        Verdict::Abandoned,
        Verdict::NotSent,
        Verdict::Quarantined,
    ]);
    for verdict in verdicts {
        with(&|entry| entry.verdict = Some(verdict));
    }
    let closed = |by| Settlement::Closed { at: Boottime(0), by, looks: 0 };
    for settlement in [
        Settlement::Open(Reversal::NotNeeded),
        Settlement::Open(Reversal::Needed),
        Settlement::Open(Reversal::Acknowledged(Boottime(0))),
        Settlement::WithOperator,
        closed(Closer::Policy),
        closed(Closer::Operator),
    ] {
        with(&|entry| entry.settlement = Some(settlement));
    }
    let voids = [Void::None, Void::Sent, Void::Unknown, Void::Voided, Void::Expired];
    let refused = [Void::Questioned(code("17")), Void::Rejected(code("17"))];
    for void in voids.into_iter().chain(refused) {
        with(&|entry| entry.void = Some(void));
    }
    for asks in [Request::Reversal, Request::CheckPayment, Request::Void, Request::CheckVoid] {
        with(&|entry| entry.asks = Some(asks));
    }
    let fields = [
        Mismatch::MessageType,
        Mismatch::ProcessingCode,
        Mismatch::Tid,
        Mismatch::Mid,
        Mismatch::Batch,
        Mismatch::Reference,
        Mismatch::Invoice,
        Mismatch::Amount,
        Mismatch::Phone,
    ];
    let about_fields =
        fields.map(Alert::WrongEcho).into_iter().chain(fields.map(Alert::SloppyEcho));
    let alerts = [
        Alert::DuplicateNumbers(code("94")),
        Alert::ForeignSale,
        Alert::Doubtful,
        Alert::ForeignReversal,
        Alert::LateSuccess,
        Alert::LyingDecline(reasons[0]),
        Alert::LyingDecline(reasons[1]),
        Alert::LateDebit,
        Alert::ReversalWithoutEffect,
        Alert::DelayBoundBroken,
        Alert::DebitAfterClose,
        Alert::Misconfigured(code("EB")),
        Alert::CheckUnavailable,
        Alert::TooOld,
        Alert::PaidButReversed,
        Alert::PaidButNotSent,
        Alert::Overdue(Duration::from_secs(300)),
        Alert::OverdueForADay,
        Alert::VoidUnresolved,
        Alert::VoidedAfterAll,
        Alert::Unverified,
        Alert::VoidWithoutEffect,
    ];
    for alert in alerts.into_iter().chain(about_fields) {
        with(&|entry| entry.alert = Some(alert));
    }
    with(&|entry| entry.client = 65_535);
    with(&|entry| entry.wall = WallTime::from_unix_millis(BEGUN - 86_400_000));
    with(&|entry| entry.since = Duration::from_secs(400 * 86_400));
    all
}

#[test]
fn what_is_written_of_a_step_is_what_is_read() {
    for entry in all() {
        let mut history = History::default();
        history.add(&at(0, What::Sent));
        history.add(&entry);
        // Another first byte of the same step is a step of its own.
        if entry != at(0, What::Sent) {
            let (written, repeated) = history.as_bytes();
            let read = History::from_bytes(written, repeated);
            assert_eq!(read.entries().last(), Some(&entry));
            assert_eq!(read, history);
        }
    }
}

#[test]
fn numbers_in_journals_keep_their_meaning() {
    let digest = |bytes: &[u8]| {
        use sha2::{Digest, Sha256};
        Sha256::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let mut whole = Vec::new();
    for entry in all() {
        encoding::write(&mut whole, &entry, None);
    }
    assert_eq!(digest(&whole), "cba4beb0b257", "a number that was written keeps its meaning");
}

#[test]
fn a_storm_of_retries_is_counted_and_not_listed() {
    let mut history = History::default();
    history.add(&at(0, What::Sent));
    for round in 1..=10_000 {
        let mut due = at(60 * round, What::Time);
        due.asks = Some(Request::Reversal);
        history.add(&due);
        let ended = Ended::NoAnswer(Trouble::Timeout);
        history.add(&at(60 * round + 15, reversal(ended, Meaning::Nothing, 15_000 + round)));
    }
    let entries = history.entries();
    assert_eq!(entries.len(), 3);
    assert_eq!((entries[1].count, entries[2].count), (10_000, 10_000));
    let last = Duration::from_secs(600_015);
    assert_eq!(entries[2].last.map(|(since, _)| since), Some(last));
    assert_eq!(history.left_out(), 0);
    let (written, repeated) = history.as_bytes();
    assert!(written.len() + repeated.len() < 100, "{} bytes", written.len() + repeated.len());
}

#[test]
fn a_circle_of_reversals_without_effect_is_counted_too() {
    let mut history = History::default();
    for round in 0..500 {
        let ok = Ended::Answered { status: 200, code: Some(ResponseCode::APPROVED) };
        let mut acknowledged = at(600 * round, reversal(ok, Meaning::Success, 300));
        acknowledged.settlement = Some(Settlement::Open(Reversal::Acknowledged(Boottime(0))));
        history.add(&acknowledged);
        let operation = Operation::CheckPayment;
        let (ended, meaning, took) = (ok, Meaning::Success, Duration::from_millis(200));
        let what = What::Exchange { operation, ended, meaning, took };
        let mut paid = at(600 * round + 300, what);
        paid.settlement = Some(Settlement::Open(Reversal::Needed));
        paid.alert = Some(if round == 1 { Alert::ReversalWithoutEffect } else { Alert::LateDebit });
        history.add(&paid);
    }
    let entries = history.entries();
    assert_eq!(entries.len(), 3, "{entries:#?}");
    assert_eq!(entries.iter().map(|entry| entry.count).sum::<u32>(), 1_000);
}

#[test]
fn a_history_never_grows_beyond_its_limits_and_keeps_what_decides() {
    let mut history = History::default();
    for second in 0..1_000 {
        let mut entry = at(second, What::Restarted);
        entry.client = second as u16;
        history.add(&entry);
    }
    assert_eq!(history.entries().len(), MOST_ENTRIES);
    assert_eq!(history.left_out(), 1_000 - MOST_ENTRIES as u32);
    let ruled = |round: u64| {
        let reason = "x".repeat(800);
        at(2_000 + round, What::Ruled { ruling: Ruling::Refund, reason })
    };
    for round in 0..50 {
        history.add(&ruled(round));
    }
    let entries = history.entries();
    assert!(entries.contains(&ruled(0)), "what people decide still has its room");
    let (written, repeated) = history.as_bytes();
    assert!(written.len() + repeated.len() <= LONGEST + 64);
    assert_eq!(entries.len() as u32 + history.left_out(), 1_050);
}

#[test]
fn steps_that_were_not_written_yet_go_to_whoever_won_the_race() {
    let mut base = History::default();
    base.add(&at(0, What::Sent));
    let mut ours = base.clone();
    ours.add(&at(3, reversal(Ended::NoAnswer(Trouble::Broken), Meaning::Nothing, 9)));
    let mut theirs = base.clone();
    theirs.add(&at(4, What::Cancelled { heard: true }));
    let winner = theirs.clone();
    theirs.take_over(&ours);
    let what: Vec<What> = theirs.entries().into_iter().map(|entry| entry.what).collect();
    assert!(theirs.continues(&winner) && what.len() == 3, "{what:?}");
    // Once is enough, and what is known already is not added.
    let known = theirs.clone();
    theirs.take_over(&base);
    theirs.take_over(&winner);
    assert_eq!(theirs, known);
}

#[test]
fn bytes_that_a_later_release_wrote_end_the_list_and_harm_nothing() {
    let mut history = History::default();
    history.add(&at(0, What::Sent));
    let (written, _) = history.as_bytes();
    let mut longer = written.to_vec();
    longer.extend([200, 0, 1, 2, 3]);
    let mut read = History::from_bytes(&longer, &[0xff; 40]);
    assert_eq!(read.entries().len(), 1);
    read.add(&at(5, What::Time));
    assert!(read.continues(&History::from_bytes(&longer, &[])), "nothing of it is lost");
    for cut in 0..longer.len() {
        let _ = History::from_bytes(&longer[..cut], &longer[cut..]).entries();
    }
}
