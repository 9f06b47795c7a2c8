//! Parts of a journal that are gone, are old, or are another's: noticed before a payment is harmed.

use std::fs;
use std::path::Path;

use super::hands::{beside, left_behind};
use super::opening::{child, child_path, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    Filter, Journal, JournalError, JournalErrorKind, SqliteJournal, SqliteOptions, Succession,
    set_aside,
};
use crate::payment::{Source, Verdict};

const SHARED: SqliteOptions =
    SqliteOptions { shared: true, first_batch: None, set_aside_unusable: false };

fn refused(path: &Path) -> JournalError {
    SqliteJournal::open(path, &SqliteOptions::default()).map(drop).expect_err("must not be opened")
}

/// What is said at opening, of which everything wakes somebody.
fn said(journal: &dyn Journal) -> String {
    let findings = journal.findings();
    assert!(findings.iter().all(|found| found.critical), "{findings:?}");
    findings.into_iter().map(|found| found.message).collect::<Vec<_>>().join("; ")
}

fn is_paid(journal: &dyn Journal, number: u32) {
    let mut paid = journal.find(&invoice(number)).unwrap().unwrap();
    paid.state.verdict = Some(Verdict::Accepted(Source::Status));
    paid.state.due = None;
    write(journal, paid);
}

#[test]
#[ignore = "run by other tests"]
fn child_hears_a_verdict_and_is_killed() {
    let Some(path) = child_path() else { return };
    let journal = open(&path);
    is_paid(&journal, 1);
    println!("result: told");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
#[ignore = "run by other tests"]
fn child_opens_and_is_killed() {
    let Some(path) = child_path() else { return };
    let _journal = SqliteJournal::open(path, &SHARED).unwrap();
    println!("result: open");
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn kill(child_of_ours: &str, path: &Path, word: &str) {
    let mut till = child(child_of_ours, path).spawn().unwrap();
    wait_for(&mut till, word);
    till.kill().unwrap();
    till.wait().unwrap();
}

type Loss = fn(&Path);

/// A till hears a verdict and is killed, and something of its files is lost: the next opening says so by
/// `word`, gives nothing back unseen, and attests nothing new.
fn is_missed(loses: Loss, word: &str) -> Scratch {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    // What the first till knew is in the database, what the second one was told is not.
    kill("lost::child_hears_a_verdict_and_is_killed", &path, "result: told");
    loses(&path);
    let journal = open(&path);
    let words = said(&journal);
    assert!(words.contains(word) && words.contains("vouch"), "{words}");
    let unsure = journal.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(unsure.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
    assert!(!fresh(&journal, &charge(9)).state.attested);
    scratch
}

#[test]
fn j23_a_log_that_is_gone_is_missed_even_if_only_a_verdict_was_in_it() {
    let deleted: Loss = |path| fs::remove_file(beside(path, "-wal")).unwrap();
    let emptied: Loss = |path| fs::write(beside(path, "-wal"), "").unwrap();
    let with_its_mark: Loss = |path| {
        fs::remove_file(beside(path, "-wal")).unwrap();
        fs::remove_file(beside(path, ".mark")).unwrap();
    };
    let left_behind_by_a_move: Loss = |path| {
        let elsewhere = path.with_file_name("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::rename(path, elsewhere.join("ovo.db")).unwrap();
        for suffix in ["-wal", ".mark", ".lock", ".reserve"] {
            fs::remove_file(beside(path, suffix)).unwrap();
        }
        fs::rename(elsewhere.join("ovo.db"), path).unwrap();
    };
    for loses in [deleted, emptied, with_its_mark, left_behind_by_a_move] {
        let scratch = is_missed(loses, "its log");
        assert!(said(&open(&scratch.journal())).contains("its log"), "said until somebody vouches");
    }
}

#[test]
fn j10_a_log_whose_end_is_damaged_or_gone_is_noticed_even_if_only_a_verdict_was_in_it() {
    fn changed(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let log = beside(path, "-wal");
        let mut bytes = fs::read(&log).unwrap();
        change(&mut bytes);
        fs::write(&log, bytes).unwrap();
    }
    let flipped: Loss = |path| {
        changed(path, |log| {
            let at = log.len() - 500;
            log[at] ^= 1;
        });
    };
    let cut: Loss = |path| changed(path, |log| log.truncate(log.len() - 1));
    let zeroed: Loss = |path| {
        changed(path, |log| {
            let from = log.len() - 4096;
            log[from..].fill(0);
        });
    };
    for loses in [flipped, cut, zeroed] {
        is_missed(loses, "latest commits are missing");
    }
    // Whole, it is taken as it is.
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    kill("lost::child_hears_a_verdict_and_is_killed", &path, "result: told");
    let journal = open(&path);
    assert_eq!(said(&journal), "");
    let paid = journal.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Status)));
}

#[test]
fn j23_a_till_that_is_killed_before_its_first_payment_has_lost_nothing() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    for _ in 0..3 {
        kill("lost::child_opens_and_is_killed", &path, "result: open");
        assert_eq!(open(&path).findings(), []);
    }
}

#[test]
fn j12_an_older_copy_over_the_file_is_noticed_though_no_number_was_handed_out_since() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    let older = fs::read(&path).unwrap();
    is_paid(&open(&path), 1);
    fs::write(&path, older).unwrap();
    let journal = open(&path);
    let words = said(&journal);
    assert!(words.contains("older copy"), "{words}");
    let unsure = journal.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(unsure.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
}

#[test]
fn j10_an_old_log_beside_a_closed_journal_is_refused_and_not_replayed() {
    for more in [0, 40] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        left_behind(&path);
        let log = fs::read(beside(&path, "-wal")).unwrap();
        let journal = open(&path);
        is_paid(&journal, 1);
        for number in 10..10 + more {
            fresh(&journal, &charge(number));
        }
        drop(journal);
        fs::write(beside(&path, "-wal"), &log).unwrap();
        let before = scratch.files();
        let error = refused(&path);
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
        assert!(error.message.contains("ovo.db-wal"), "{error}");
        let files = scratch.files();
        for (name, bytes) in before.iter().filter(|(name, _)| !name.ends_with(".lock")) {
            assert!(files.contains(&(name.clone(), bytes.clone())), "{name} was touched");
        }
        fs::rename(beside(&path, "-wal"), path.with_file_name("stray")).unwrap();
        let journal = open(&path);
        assert_eq!(journal.findings(), [], "the journal lacked nothing");
        let paid = journal.find(&invoice(1)).unwrap().unwrap();
        assert_eq!(paid.state.verdict, Some(Verdict::Accepted(Source::Status)));
        assert_eq!(journal.health().unwrap().problems, [""; 0]);
    }
}

#[test]
fn j10_j21_a_backup_put_over_a_killed_till_s_file_is_not_read_together_with_the_till_s_log() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let kept = path.with_file_name("backup.db");
    let journal = open(&path);
    for number in 10..15 {
        fresh(&journal, &charge(number));
    }
    journal.backup(&kept).unwrap();
    for number in 15..70 {
        fresh(&journal, &charge(number));
    }
    drop(journal);
    left_behind(&path);
    fs::write(&path, fs::read(&kept).unwrap()).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind, JournalErrorKind::Misplaced, "{error}");
    fs::rename(beside(&path, "-wal"), path.with_file_name("stray")).unwrap();
    let journal = open(&path);
    assert!(said(&journal).contains("backup"));
    assert_eq!(journal.health().unwrap().payments, 5);
}

#[test]
fn j11_j22_the_index_of_a_shared_journal_s_log_is_missed() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mut other = child("lost::child_opens_and_is_killed", &path).spawn().unwrap();
    wait_for(&mut other, "result: open");
    fs::remove_file(beside(&path, "-shm")).unwrap();
    let error = SqliteJournal::open(&path, &SHARED).map(drop).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    assert!(error.message.contains("-shm"), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    // And whoever has it open commits nothing that the others would not see.
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    let open_row = fresh(&journal, &charge(1));
    fs::remove_file(beside(&path, "-shm")).unwrap();
    assert_eq!(journal.update(&open_row).unwrap_err().kind, JournalErrorKind::Gone);
}

fn together(path: &Path) -> Succession {
    Succession::open(path, &SqliteOptions::default()).unwrap()
}

#[test]
fn j20_a_database_that_was_deleted_beside_its_mark_is_missed() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    fs::remove_file(&path).unwrap();
    let journal = open(&path);
    let words = said(&journal);
    assert!(words.contains("is gone") && words.contains("settlement file"), "{words}");
    assert!(fresh(&journal, &charge(1)).state.attested, "above the numbers of the one before");
    drop(journal);
    let journal = open(&path);
    assert!(said(&journal).contains("is gone"), "until somebody vouches");
    assert!(journal.vouch("head office: reconciled").unwrap());
    drop(journal);
    // Set aside, it is not gone.
    set_aside(&path).unwrap();
    assert_eq!(together(&path).findings(), []);
}

#[test]
fn j20_a_journal_that_somebody_has_open_is_not_set_aside_though_its_lock_was_deleted() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mut other = child("hands::child_pays_and_is_killed", &path).spawn().unwrap();
    wait_for(&mut other, "result: paid");
    fs::remove_file(beside(&path, ".lock")).unwrap();
    assert_eq!(set_aside(&path).unwrap_err().kind, JournalErrorKind::Locked);
    assert!(path.exists() && beside(&path, "-wal").exists());
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(open(&path).list(&Filter::default()).unwrap().len(), 3);
}

#[test]
fn j20_a_deleted_journal_is_missed_though_an_older_copy_of_it_lies_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let kept = path.with_file_name("kept.db");
    fresh(&open(&path), &charge(1));
    fs::copy(&path, &kept).unwrap();
    set_aside(&path).unwrap();
    // The older copy is taken into use again, sells, and is deleted.
    fs::rename(&kept, &path).unwrap();
    fresh(&open(&path), &charge(2));
    fs::remove_file(&path).unwrap();
    let journal = open(&path);
    assert!(said(&journal).contains("is gone"), "{}", said(&journal));
}

#[test]
fn j20_a_deleted_journal_is_missed_though_its_mark_knows_of_no_payment() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    drop(open(&path));
    // Killed between its first payment's commit and the mark, which then says this.
    let mark = fs::read(beside(&path, ".mark")).unwrap();
    fresh(&open(&path), &charge(1));
    fs::write(beside(&path, ".mark"), mark).unwrap();
    fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        let journal = open(&path);
        assert!(said(&journal).contains("is gone"), "{}", said(&journal));
    }
}

#[test]
fn j12_a_journal_that_is_gone_with_its_mark_is_missed_by_the_next_one() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let before = {
        let journal = open(&path);
        fresh(&journal, &charge(1)).intent.numbers
    };
    for gone in ["", ".mark"] {
        fs::remove_file(beside(&path, gone)).unwrap();
    }
    for opening in 1..=2 {
        let journal = open(&path);
        let said = said(&journal);
        assert!(said.contains("was here and is gone"), "opening {opening}: {said}");
        assert!(said.contains("reconcile"), "{said}");
    }
    let journal = open(&path);
    let now = fresh(&journal, &charge(2)).intent.numbers;
    assert!(now > before, "{now:?} behind {before:?}: its numbers may be used");
    assert!(journal.vouch("the owner: books compared").unwrap());
    drop(journal);
    assert!(open(&path).findings().is_empty());
}

#[test]
fn j12_j20_one_that_followed_what_is_set_aside_is_missed_when_it_is_gone_with_its_mark() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let together = || Succession::open(&path, &SqliteOptions::default()).unwrap();
    fresh(&together(), &charge(1));
    set_aside(&path).unwrap();
    fresh(&together(), &charge(2));
    for gone in ["", ".mark"] {
        fs::remove_file(beside(&path, gone)).unwrap();
    }
    for opening in 1..=2 {
        let said = said(&together());
        assert!(said.contains("that followed") && said.contains("is gone"), "{opening}: {said}");
    }
    let journal = together();
    assert!(journal.find(&invoice(1)).unwrap().is_some(), "what lies here is known");
    assert!(journal.vouch("the owner: books compared").unwrap());
    drop(journal);
    assert!(together().findings().is_empty());
}

#[test]
fn j12_nothing_is_missed_where_no_journal_was() {
    let scratch = Scratch::new();
    assert!(open(&scratch.journal()).findings().is_empty());
}

/// By another program: a descriptor that is closed here would end SQLite's locks.
fn run(program: &str, arguments: &[&Path]) {
    assert!(std::process::Command::new(program).args(arguments).status().unwrap().success());
}

#[test]
fn j11_j22_a_backup_copied_over_a_journal_that_several_share_is_noticed_by_each_of_them() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let kept = path.with_file_name("kept.db");
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    let open_row = fresh(&journal, &charge(9));
    journal.backup(&kept).unwrap();
    let mut other = child("hands::child_shares_and_sells", &path).spawn().unwrap();
    wait_for(&mut other, "result: ready");
    // Each has written to the database: what the others know of it goes with that.
    (10..50).for_each(|number| drop(fresh(&journal, &charge(number))));
    run("cp", &[&kept, &path]);
    assert_eq!(journal.update(&open_row).unwrap_err().kind, JournalErrorKind::Gone);
    drop(other.stdin.take());
    assert_eq!(wait_for(&mut other, "result: "), "Err(Gone)");
    other.wait().unwrap();
}

/// What a person, or a program, does to the log of a running shop.
fn tampers(log: &Path, how: &str) {
    let copy = log.with_extension("kept");
    match how {
        "cut" => run("truncate", &[Path::new("--size=-600"), log]),
        "emptied" => run("truncate", &[Path::new("--size=0"), log]),
        // As an editor, or a disk that goes back: other bytes, and not one more or less.
        "written over" => {
            run("cp", &[log, &copy]);
            // A file's time may be as coarse as this.
            std::thread::sleep(std::time::Duration::from_millis(50));
            run("cp", &[&copy, log]);
        }
        _ => unreachable!("{how}"),
    }
}

#[test]
fn j23_what_is_done_to_the_log_of_a_running_shop_is_noticed_by_its_next_commit() {
    // So many commits that the length of the log was asked for just now.
    for sold in [1, 32, 33, 70] {
        for (shared, how) in [
            (false, "cut"),
            (false, "emptied"),
            (false, "written over"),
            (true, "cut"),
            (true, "emptied"),
        ] {
            let scratch = Scratch::new();
            let path = scratch.journal();
            let options = if shared { SHARED } else { SqliteOptions::default() };
            let journal = SqliteJournal::open(&path, &options).unwrap();
            let rows: Vec<_> = (0..sold).map(|it| fresh(&journal, &charge(it))).collect();
            tampers(&beside(&path, "-wal"), how);
            let word = journal.update(&rows[0]);
            let gone = word.as_ref().is_err_and(|error| error.kind == JournalErrorKind::Gone);
            assert!(gone, "{how}, shared: {shared}, behind {sold} commits: {word:?}");
        }
    }
}

#[test]
fn j23_a_log_that_another_process_began_anew_is_no_log_that_was_cut() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    let mut other = child("hands::child_shares_and_sells", &path).spawn().unwrap();
    wait_for(&mut other, "result: ready");
    (10..60).for_each(|number| drop(fresh(&journal, &charge(number))));
    drop(other.stdin.take());
    assert_eq!(wait_for(&mut other, "result: "), "Ok(())");
    other.wait().unwrap();
    drop(journal);
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    fresh(&journal, &charge(70));
    assert_eq!(said(&journal), "");
}

#[test]
fn j22_where_nobody_could_note_how_the_shared_database_was_left_nobody_is_accused() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    fresh(&journal, &charge(1));
    // Somebody was killed while the log was moved: its note is gone, and the database is another.
    fs::write(beside(&path, ".turn"), "").unwrap();
    run("touch", &[&path]);
    fresh(&journal, &charge(2));
    drop(journal);
    assert_eq!(SqliteJournal::open(&path, &SHARED).unwrap().findings(), []);
}
