//! Whose a journal is: another terminal's numbers are unknown to it.

use std::fs;

use super::by_people::together;
use super::hands::beside;
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice};
use crate::journal::{
    Filter, Finding, Journal, JournalCopy, Setup, SqliteJournal, SqliteOptions, Succession,
    set_aside, starting_batch,
};
use crate::terminal::Terminal;
use crate::wib::WallTime;

fn set_up_for(terminal: &str) -> Setup {
    Setup {
        class: "loopback".to_owned(),
        host: "https://127.0.0.1:1".to_owned(),
        proxy: None,
        merchant_id: "1234".to_owned(),
        terminal: terminal.to_owned(),
        key: "k".to_owned(),
        other_keys: Vec::new(),
    }
}

#[test]
fn j21_a_journal_that_comes_to_another_terminal_gives_none_of_its_numbers_again() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    assert_eq!(journal.belong_to(&set_up_for("T1/M1")).unwrap().findings, []);
    let mut last = fresh(&journal, &charge(1)).intent.numbers;
    assert_eq!(journal.belong_to(&set_up_for("T1/M1")).unwrap().findings, []);
    let next = fresh(&journal, &charge(2)).intent.numbers;
    assert_eq!(next.batch(), last.batch(), "the same terminal");
    last = next;
    // Swapped with another till's, and back: the other one has sold there meanwhile.
    for (number, terminal) in [(3, "T2/M1"), (4, "T1/M1"), (5, "T1/M2")] {
        let findings = journal.belong_to(&set_up_for(terminal)).unwrap().findings;
        assert!(findings[0].message.contains("numbers jump"), "{findings:?}");
        let next = fresh(&journal, &charge(number)).intent.numbers;
        assert!(next.batch() > last.batch(), "{terminal}: {next:?} behind {last:?}");
        last = next;
    }
}

#[test]
fn j21_a_charge_of_another_tills_terminal_gives_none_of_its_numbers_again() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let at = |number, tid: &str, days: i64| {
        let mut new = charge(number);
        new.terminal = Terminal::new(tid, "M1", "S1").unwrap();
        new.wall = WallTime::from_unix_millis(new.wall.unix_millis() + days * 86_400_000);
        fresh(&journal, &new).intent.numbers
    };
    journal.belong_to(&set_up_for("T1/M1")).unwrap();
    let own = at(1, "T1", 0);
    assert_eq!(journal.found_since(), []);
    // The other till's counter is closed; its journal has begun with the same batch.
    let theirs = at(2, "T2", 0);
    assert!(theirs.batch() > own.batch(), "{theirs:?} behind {own:?}");
    let told = journal.found_since();
    let batch = format!("jump to batch {:06}", theirs.batch());
    assert!(told.len() == 1 && told[0].message.contains("T2/M1"), "{told:?}");
    assert!(told[0].message.contains(&batch), "{told:?}");
    // From then on this journal counts there, too, also overnight.
    for (number, tid, days) in
        [(3, "T1", 0), (4, "T2", 0), (5, "T2", 1), (6, "T1", 2), (7, "T2", 2)]
    {
        assert_eq!(at(number, tid, days).batch(), theirs.batch(), "{number}");
    }
    assert_eq!(journal.found_since(), []);
    // The other till has sold there since, and counts on, day by day.
    assert!(at(8, "T2", 5).batch() > theirs.batch());
    assert_eq!(journal.found_since().len(), 1);
}

#[test]
fn j21_two_programs_that_open_by_turns_for_two_terminals_use_up_no_batch_unless_one_of_them_sells()
{
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    journal.belong_to(&set_up_for("T1/M1")).unwrap();
    let first = fresh(&journal, &charge(1)).intent.numbers.batch();
    for _ in 0..50 {
        journal.belong_to(&set_up_for("T2/M1")).unwrap();
        journal.belong_to(&set_up_for("T1/M1")).unwrap();
    }
    // The test's payments begin in another quarter of an hour than now.
    let now = starting_batch(WallTime::now()).unwrap().max(first);
    let next = fresh(&journal, &charge(2)).intent.numbers.batch();
    assert!(next > first && next <= now + 32, "{next} behind {first}, now {now}");
}

#[test]
fn j28_batches_that_are_nearly_used_up_are_told_in_time_and_who_set_them_aside_is_told_what_to_do()
{
    let scratch = Scratch::new();
    let path = scratch.journal();
    for (first_batch, is_told) in [(900_000, false), (999_999, true)] {
        let options = SqliteOptions { first_batch: Some(first_batch), ..SqliteOptions::default() };
        let path = path.with_file_name(format!("{first_batch}.db"));
        let journal = SqliteJournal::open(&path, &options).unwrap();
        fresh(&journal, &charge(1));
        let problems = journal.health().unwrap().problems;
        assert_eq!(problems.iter().any(|it| it.contains("used up")), is_told, "{problems:?}");
        drop(journal);
        set_aside(&path).unwrap();
        let next = Succession::open(&path, &SqliteOptions::default());
        let refused = next.err().map(|it| it.message).unwrap_or_default();
        assert_eq!(refused.contains("another terminal"), is_told, "{refused}");
    }
}

#[test]
fn j26_no_report_reads_what_another_environment_or_merchant_left_here_into_the_books() {
    let ours = set_up_for("T1/M1");
    for other in [
        Setup { class: "another".to_owned(), ..ours.clone() },
        Setup { merchant_id: "M00043".to_owned(), ..ours.clone() },
    ] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let journal = open(&path);
        journal.belong_to(&other).unwrap();
        (1..=2).for_each(|number| drop(fresh(&journal, &charge(number))));
        drop(journal);
        set_aside(&path).unwrap();
        let journal = together(&path);
        journal.belong_to(&ours).unwrap();
        fresh(&journal, &charge(3));
        drop(journal);
        let copy = JournalCopy::open(&path).unwrap();
        let listed = copy.list(&Filter::default()).unwrap();
        let listed: Vec<_> = listed.iter().map(|it| it.intent.invoice.as_str()).collect();
        assert_eq!(listed, ["INV-3"]);
        assert_eq!(copy.find(&invoice(1)), Ok(None));
        let health = copy.health().unwrap();
        assert_eq!(health.payments, 1);
        let said = [health.problems, health.notes].concat();
        assert!(said.iter().any(|it| it.contains(".aside-1")), "{said:?}");
    }
}

#[test]
fn j27_another_app_key_is_said_though_the_journal_that_knows_the_former_one_lies_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    journal.belong_to(&set_up_for("T1/M1")).unwrap();
    fresh(&journal, &charge(1));
    drop(journal);
    set_aside(&path).unwrap();
    let other = Setup { key: "another".to_owned(), ..set_up_for("T1/M1") };
    let journal = together(&path);
    let belonging = journal.belong_to(&other).unwrap();
    assert_eq!(belonging.another_key.as_deref(), Some("k"));
    assert_eq!(belonging.findings.len(), 1, "{:?}", belonging.findings);
    assert!(belonging.findings[0].critical && belonging.findings[0].message.contains("app key"));
    // Whoever gives the former key, too, is told nothing.
    let both = Setup { other_keys: vec!["k".to_owned()], ..other };
    assert_eq!(journal.belong_to(&both).unwrap().findings, []);
}

#[test]
fn j20_what_another_merchant_is_owed_and_nobody_settles_here_wakes_somebody_and_goes_into_backups()
{
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    journal.belong_to(&set_up_for("T1/M1")).unwrap();
    fresh(&journal, &charge(1));
    drop(journal);
    set_aside(&path).unwrap();
    let journal = together(&path);
    let other = Setup { merchant_id: "99".to_owned(), ..set_up_for("T1/M1") };
    let findings = journal.belong_to(&other).unwrap().findings;
    let said = |it: &Finding| it.critical && it.message.contains("owes 1 payments");
    assert!(findings.iter().any(said), "{findings:?}");
    let health = journal.health().unwrap();
    assert!(health.problems.iter().any(|it| it.contains("nobody settles it here")), "{health:?}");
    let to = path.with_file_name("backup.db");
    journal.backup(&to).unwrap();
    assert!(to.exists() && beside(&to, ".aside-1").exists());
}

#[test]
fn j21_j26_a_doubt_is_ended_by_its_own_merchant_and_keeps_no_other_one_from_vouching_for_payments()
{
    let scratch = Scratch::new();
    let path = scratch.journal();
    let till = path.with_file_name("till.db");
    let journal = open(&till);
    let first = set_up_for("T1/M1");
    journal.belong_to(&first).unwrap();
    fresh(&journal, &charge(1));
    drop(journal);
    fs::copy(&till, &path).unwrap();
    let copy = open(&path);
    copy.belong_to(&first).unwrap();
    assert!(copy.is_doubted().unwrap(), "it is a copy");
    drop(copy);
    let aside = set_aside(&path).unwrap();
    // Another merchant sells there: at once, and behind a restart.
    let second = Setup { merchant_id: "99".to_owned(), ..set_up_for("T1/M1") };
    for number in [2, 3] {
        let journal = together(&path);
        let mut found = journal.belong_to(&second).unwrap().findings;
        found.extend(journal.findings());
        assert!(!found.iter().any(|it| it.message.contains("is doubted")), "{found:?}");
        assert!(fresh(&journal, &charge(number)).state.attested);
        assert_eq!(journal.vouch("the second one: all is well"), Ok(false));
    }
    // The first merchant's next journal there is doubted with it, which only its client tells it.
    set_aside(&path).unwrap();
    let journal = together(&path);
    let found = journal.belong_to(&first).unwrap().findings;
    let is_told = |it: &Finding| it.critical && it.message.contains("set aside at its place");
    assert!(found.iter().any(is_told), "{found:?}");
    assert!(!fresh(&journal, &charge(4)).state.attested);
    drop(journal);
    assert!(open(&aside).is_doubted().unwrap(), "nobody of the first merchant's vouched");
}
