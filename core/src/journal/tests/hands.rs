//! The journal in people's hands: moved, copied, linked, read and half deleted.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::opening::{child, child_path, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    Begun, Filter, Journal, JournalError, JournalErrorKind, SqliteJournal, SqliteOptions, Update,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, Reversal, Settlement, Source, Verdict};

const ALONE: SqliteOptions =
    SqliteOptions { shared: false, first_batch: None, set_aside_unusable: false };
const SHARED: SqliteOptions =
    SqliteOptions { shared: true, first_batch: None, set_aside_unusable: false };

fn refused(path: &Path) -> JournalError {
    SqliteJournal::open(path, &ALONE).map(drop).expect_err("must not be opened")
}

/// A file of the journal, by what stands behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[test]
#[ignore = "run by other tests"]
fn child_pays_and_is_killed() {
    let Some(path) = child_path() else { return };
    let journal = open(&path);
    for number in 1..=3 {
        fresh(&journal, &charge(number));
    }
    println!("result: paid");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Leaves a journal with three open payments as a killed program leaves it: most of it in its log.
pub(super) fn left_behind(path: &Path) {
    let mut till = child("hands::child_pays_and_is_killed", path).spawn().unwrap();
    wait_for(&mut till, "result: paid");
    till.kill().unwrap();
    till.wait().unwrap();
    assert!(fs::metadata(beside(path, "-wal")).unwrap().len() > 0);
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // With mode and times, like a backup.
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn j20_a_journal_moved_away_from_its_log_is_not_begun_anew_beside_it() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let aside = path.with_file_name("aside.db");
    left_behind(&path);
    fs::rename(&path, &aside).unwrap();
    let before = scratch.files().len();
    let error = refused(&path);
    assert_eq!(error.kind, JournalErrorKind::Misplaced);
    for word in ["ovo.db-wal", "set-aside"] {
        assert!(error.message.contains(word), "{error}");
    }
    assert_eq!(scratch.files().len(), before, "nothing was made");
    // Nor is the file opened without the log that it was moved away from.
    let error = refused(&aside);
    assert_eq!(error.kind, JournalErrorKind::Misplaced);
    assert!(error.message.contains("without its log"), "{error}");
    fs::rename(&aside, &path).unwrap();
    let journal = open(&path);
    assert_eq!(journal.list(&Filter::default()).unwrap().len(), 3, "everything is there");
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
    drop(journal);
    // What a program of another journal mode leaves is as much a log.
    fs::rename(&path, &aside).unwrap();
    fs::write(beside(&path, "-journal"), "hot").unwrap();
    assert_eq!(refused(&path).kind, JournalErrorKind::Misplaced);
}

#[test]
fn j21_a_copied_journal_sells_on_with_numbers_of_its_own_and_reverses_nothing_unseen() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (till, clone) = (path.with_file_name("till"), path.with_file_name("clone"));
    fs::create_dir(&till).unwrap();
    let path = till.join("ovo.db");
    let journal = open(&path);
    let open_row = fresh(&journal, &charge(1));
    let mut abandoned = fresh(&journal, &charge(2));
    abandoned.state.verdict = Some(Verdict::Abandoned);
    abandoned.state.settlement = Settlement::Open(Reversal::Needed);
    let abandoned = write(&journal, abandoned);
    // Looked at once more, or with an operator.
    for (number, settlement) in
        [(3, Settlement::closed(Boottime(1))), (4, Settlement::WithOperator)]
    {
        let mut decided = fresh(&journal, &charge(number));
        (decided.state.verdict, decided.state.settlement) = (abandoned.state.verdict, settlement);
        write(&journal, decided);
    }
    drop(journal);
    copy_directory(&till, &clone);
    // The hour that the copy does not know of.
    let journal = open(&path);
    let sold: Vec<Payment> = (5..8).map(|number| fresh(&journal, &charge(number))).collect();
    assert!(journal.findings().is_empty());
    drop(journal);

    let copy = open(&clone.join("ovo.db"));
    let findings = copy.findings();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].critical && findings[0].message.contains("a copy"), "{findings:?}");
    assert!(copy.health().unwrap().problems[0].contains("vouch"));
    for number in 10..13 {
        let payment = fresh(&copy, &charge(number));
        assert!(!payment.state.attested, "the other one may count as well");
        let numbers = payment.intent.numbers;
        assert!(sold.iter().all(|sale| sale.intent.numbers.batch() < numbers.batch()));
    }
    let doubtful = copy.find(&invoice(1)).unwrap().unwrap();
    assert_eq!(doubtful.state.verdict, Some(Verdict::Quarantined));
    assert!(!doubtful.state.needs_operator() && doubtful.state.due.is_some(), "it is asked about");
    let decided = copy.find(&invoice(2)).unwrap().unwrap().state;
    assert_eq!(decided.verdict, abandoned.state.verdict, "decided is decided");
    assert_eq!(decided.settlement, Settlement::Open(Reversal::NotNeeded), "and asked about, too");
    for number in 2..5 {
        let state = copy.find(&invoice(number)).unwrap().unwrap().state;
        assert!(state.doubted, "{number}: people may have returned it since");
    }
    drop(copy);
    // It is one doubt, said until somebody vouches: whoever heard of it may have been killed.
    let copy = open(&clone.join("ovo.db"));
    assert!(copy.findings()[0].critical && copy.findings()[0].message.contains("a copy"));
    assert!(copy.health().unwrap().problems[0].contains("doubted"));
    // The original is no copy.
    let journal = open(&path);
    assert!(fresh(&journal, &charge(9)).state.attested);
    assert_eq!(journal.find(&invoice(1)), Ok(Some(open_row)));
}

#[test]
fn j21_a_person_ends_the_doubt_and_is_remembered() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (till, clone) = (path.with_file_name("till"), path.with_file_name("clone"));
    fs::create_dir(&till).unwrap();
    fresh(&open(&till.join("ovo.db")), &charge(1));
    copy_directory(&till, &clone);
    let clone = clone.join("ovo.db");
    let copy = open(&clone);
    let jumped = fresh(&copy, &charge(2)).intent.numbers;
    assert_eq!(copy.vouch("Sari: till 1 burnt down"), Ok(true));
    assert_eq!(copy.vouch("Sari: till 1 burnt down"), Ok(false), "there is no doubt any more");
    assert_eq!(copy.health().unwrap().problems, [""; 0]);
    drop(copy);
    let copy = open(&clone);
    let next = fresh(&copy, &charge(3));
    assert!(next.state.attested && next.intent.numbers > jumped);
    drop(copy);
    let kept: String = rusqlite::Connection::open(&clone)
        .unwrap()
        .query_row("SELECT v FROM meta WHERE k = 'vouch 1'", [], |row| row.get(0))
        .unwrap();
    assert!(kept.ends_with("Sari: till 1 burnt down"), "{kept}");
    // A copy of the copy is one more doubt.
    let twice = path.with_file_name("twice");
    copy_directory(clone.parent().unwrap(), &twice);
    let copy = open(&twice.join("ovo.db"));
    assert!(!fresh(&copy, &charge(4)).state.attested);
}

#[test]
fn j21_restarts_renamed_directories_and_volumes_seen_elsewhere_are_no_copies() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (volume, elsewhere) = (path.with_file_name("volume"), path.with_file_name("elsewhere"));
    fs::create_dir(&volume).unwrap();
    let mut number = 0;
    let mut sells = |path: &Path| {
        number += 1;
        let journal = open(path);
        assert!(journal.findings().is_empty(), "{:?}", journal.findings());
        assert!(fresh(&journal, &charge(number)).state.attested);
    };
    sells(&volume.join("ovo.db"));
    sells(&volume.join("ovo.db"));
    // Another mount point, or another name for the directory.
    fs::rename(&volume, &elsewhere).unwrap();
    sells(&elsewhere.join("ovo.db"));
    symlink(&elsewhere, &volume).unwrap();
    sells(&volume.join("ovo.db"));
    fs::rename(elsewhere.join("ovo.db"), elsewhere.join("shop.db")).unwrap();
    sells(&elsewhere.join("shop.db"));
}

#[test]
#[ignore = "run by other tests"]
fn child_tries_both_ways() {
    let Some(path) = child_path() else { return };
    for options in [&ALONE, &SHARED] {
        let said = match SqliteJournal::open(&path, options) {
            Ok(_) => "opened".to_owned(),
            Err(error) => format!("{:?}: {error}", error.kind),
        };
        println!("result: {said}");
    }
}

#[test]
fn j22_a_program_that_reads_its_own_journal_lets_nobody_in() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    fresh(&journal, &charge(1));
    // POSIX drops every lock of this process on these files here.
    for suffix in ["", "-wal", ".mark", ".lock"] {
        fs::read(beside(&path, suffix)).unwrap();
    }
    let mut other = child("hands::child_tries_both_ways", &path).spawn().unwrap();
    let own = format!("(pid {})", std::process::id());
    for _ in 0..2 {
        let said = wait_for(&mut other, "result: ");
        assert!(said.starts_with("Locked: ") && said.contains(&own), "{said}");
    }
    other.wait().unwrap();
    fresh(&journal, &charge(2));
    drop(journal);
    assert_eq!(open(&path).list(&Filter::default()).unwrap().len(), 2);
}

#[test]
fn j22_a_lock_file_that_is_deleted_is_made_anew_or_the_journal_is_given_up() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    fs::remove_file(beside(&path, ".lock")).unwrap();
    fresh(&journal, &charge(1));
    let mut other = child("hands::child_tries_both_ways", &path).spawn().unwrap();
    assert!(wait_for(&mut other, "result: ").starts_with("Locked: "), "the lock is a lock again");
    other.wait().unwrap();
}

#[test]
#[ignore = "run by other tests"]
fn child_shares_and_reads_everything() {
    let Some(path) = child_path() else { return };
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    println!("result: ready");
    let _ = std::io::stdin().read_line(&mut String::new());
    let first = std::process::id() * 1000;
    for number in first..first + 40 {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::read(beside(&path, suffix));
        }
        let new = charge(number);
        let begun = in_turn(|| journal.begin(&new, BatchMethod::Continuous));
        let Begun::Fresh(mut payment) = begun else { panic!("{begun:?}") };
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        let told = in_turn(|| journal.update(&payment));
        assert!(matches!(told, Update::Won(_)), "{told:?}");
    }
    println!("result: done");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Asks again where the others have been writing for too long, as a till does on a busy machine.
fn in_turn<T>(ask: impl Fn() -> Result<T, JournalError>) -> T {
    let begun = std::time::Instant::now();
    loop {
        match ask() {
            Err(error)
                if error.kind == JournalErrorKind::Locked && begun.elapsed().as_secs() < 60 => {}
            told => return told.unwrap(),
        }
    }
}

#[test]
fn j22_processes_that_share_a_journal_and_read_its_files_lose_no_payment() {
    use std::io::Write;
    let scratch = Scratch::new();
    let path = scratch.journal();
    drop(SqliteJournal::open(&path, &SHARED).unwrap());
    let mut tills: Vec<_> = (0..3)
        .map(|_| child("hands::child_shares_and_reads_everything", &path).spawn().unwrap())
        .collect();
    for till in &mut tills {
        wait_for(till, "result: ready");
    }
    for till in &mut tills {
        till.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
    for till in &mut tills {
        wait_for(till, "result: done");
    }
    // Nobody has a lock of SQLite's any more: whoever came now would take itself for the first.
    let error = SqliteJournal::open(&path, &SHARED).map(drop).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Locked);
    assert!(error.message.contains("backup"), "{error}");
    for till in &mut tills {
        till.kill().unwrap();
        till.wait().unwrap();
    }
    let journal = open(&path);
    let all = journal.list(&Filter::default()).unwrap();
    assert_eq!(all.len(), 120);
    assert!(all.iter().all(|row| row.state.verdict == Some(Verdict::Accepted(Source::Push))));
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
}

#[test]
#[ignore = "run by other tests"]
fn child_shares_and_sells() {
    let Some(path) = child_path() else { return };
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    fresh(&journal, &charge(1));
    println!("result: ready");
    let _ = std::io::stdin().read_line(&mut String::new());
    let sold = journal.begin(&charge(2), crate::numbering::BatchMethod::Continuous);
    println!("result: {:?}", sold.map(drop).map_err(|error| error.kind));
}

#[test]
fn j22_a_deleted_index_lets_nobody_in_and_no_commit_be_overwritten() {
    use std::io::Write;
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mut till = child("hands::child_shares_and_sells", &path).spawn().unwrap();
    wait_for(&mut till, "result: ready");
    fs::remove_file(beside(&path, "-shm")).unwrap();
    // With an index of its own it would write over the other one's log.
    let error = SqliteJournal::open(&path, &SHARED).map(drop).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Locked, "{error}");
    assert!(error.message.contains("-shm") && error.message.contains("stop them"), "{error}");
    // Nor does the other one go on: whoever came before this was refused may have made one.
    till.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(wait_for(&mut till, "result: "), "Err(Gone)");
    till.wait().unwrap();
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    assert_eq!(journal.list(&Filter::default()).unwrap().len(), 1, "all that was told");
    assert_eq!(journal.findings(), []);
}

#[test]
fn j23_a_lost_log_of_a_young_journal_is_doubted() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    fs::remove_file(beside(&path, "-wal")).unwrap();
    let journal = open(&path);
    let findings = journal.findings();
    assert!(findings[0].critical && findings[0].message.contains("missing"), "{findings:?}");
    assert!(journal.health().unwrap().problems[0].contains("log was lost"));
    let next = fresh(&journal, &charge(9));
    assert!(!next.state.attested);
    assert_eq!(next.intent.numbers.reference(), 1, "in a batch above the lost ones");
}

#[test]
fn j24_a_link_to_the_journal_is_the_journal() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let (real, links) = (path.with_file_name("real"), path.with_file_name("links"));
    fs::create_dir(&real).unwrap();
    fs::create_dir(&links).unwrap();
    symlink(real.join("ovo.db"), links.join("ovo.db")).unwrap();
    let error = refused(&links.join("ovo.db"));
    assert!(error.message.contains("symbolic link"), "a disk that is not mounted? {error}");
    left_behind(&real.join("ovo.db"));
    let journal = open(&links.join("ovo.db"));
    assert_eq!(journal.list(&Filter::default()).unwrap().len(), 3);
    fresh(&journal, &charge(9));
    let names: Vec<_> =
        fs::read_dir(&links).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["ovo.db"], "log, mark and lock lie beside the file");
    // And the guards see: a log that is deleted there stops payments (J11).
    fs::remove_file(real.join("ovo.db-wal")).unwrap();
    let error = journal.begin(&charge(10), crate::numbering::BatchMethod::Continuous).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Gone);
}

#[test]
fn j24_a_second_name_of_the_journal_is_refused_while_the_first_is_there() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    let second = path.with_file_name("second.db");
    fs::hard_link(&path, &second).unwrap();
    let error = refused(&second);
    assert_eq!(error.kind, JournalErrorKind::Misplaced);
    assert!(error.message.contains("second name"), "{error}");
    // A backup of hard links closes no shop.
    let journal = open(&path);
    assert_eq!(journal.list(&Filter::default()).unwrap().len(), 3);
    assert!(fresh(&journal, &charge(9)).state.attested);
}

#[test]
fn j3_a_spent_reserve_is_reported() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
    // As a full disk leaves it.
    fs::File::options().write(true).open(beside(&path, ".reserve")).unwrap().set_len(0).unwrap();
    let problems = journal.health().unwrap().problems;
    assert!(problems.len() == 1 && problems[0].contains("reserve"), "{problems:?}");
    fresh(&journal, &charge(1));
    assert_eq!(
        journal.health().unwrap().problems,
        [""; 0],
        "there is room, so it was filled again"
    );
    // Somebody else's, as root's command leaves it.
    drop(journal);
    fs::remove_file(beside(&path, ".reserve")).unwrap();
    fs::create_dir(beside(&path, ".reserve")).unwrap();
    let problems = open(&path).health().unwrap().problems;
    let told = "the reserve beside the journal cannot be written";
    assert!(problems.iter().any(|it| it.starts_with(told)), "{problems:?}");
}

#[test]
fn j20_what_has_a_second_name_in_the_place_of_a_log_is_not_written_over() {
    let scratch = Scratch::new();
    let (path, other) = (scratch.journal(), scratch.journal().with_file_name("other.db"));
    for journal in [&path, &other] {
        fresh(&open(journal), &charge(1));
    }
    let whole = fs::read(&other).unwrap();
    for (name, options) in [("-wal", ALONE), ("-shm", SHARED), ("-wal", SHARED)] {
        let link = beside(&path, name);
        let _ = fs::remove_file(&link);
        fs::hard_link(&other, &link).unwrap();
        let error = SqliteJournal::open(&path, &options).map(drop).expect_err("must not be opened");
        assert_eq!(error.kind, JournalErrorKind::Misplaced, "{name}: {error}");
        assert!(error.message.contains(&link.display().to_string()), "{error}");
        fs::remove_file(&link).unwrap();
        assert!(fs::read(&other).unwrap() == whole, "{name}: the other journal was written to");
    }
}

#[test]
fn j20_a_log_that_a_backup_has_by_a_second_name_keeps_no_shop_closed() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    left_behind(&path);
    fs::hard_link(beside(&path, "-wal"), path.with_file_name("last-night.db-wal")).unwrap();
    assert_eq!(open(&path).health().unwrap().payments, 3);
}

/// Another program writes over a file, as `cp` does: it stays the same file.
fn copied_over(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// A hurried restore: the backup is copied over the journal of a running shop, which is restarted then.
/// What the shop wrote from its memory made the backup look like the journal.
#[test]
fn j22_a_backup_that_is_copied_over_an_open_journal_is_never_taken_for_it() {
    for sells_on in [true, false] {
        let scratch = Scratch::new();
        let path = scratch.journal();
        let kept = path.with_file_name("kept.db");
        let journal = open(&path);
        let waiting = fresh(&journal, &charge(1));
        journal.backup(&kept).unwrap();
        let mut paid = waiting;
        paid.state.verdict = Some(Verdict::Accepted(Source::Push));
        paid.state.settlement = Settlement::closed(paid.state.touched);
        (paid.state.due, paid.state.acknowledged) = (None, true);
        write(&journal, paid);
        drop(journal);
        let journal = open(&path);
        copied_over(&kept, &path);
        if sells_on {
            let error = journal.begin(&charge(2), BatchMethod::Continuous).unwrap_err();
            assert_eq!(error.kind, JournalErrorKind::Gone);
            assert!(error.message.contains("written to"), "{error}");
        }
        drop(journal);
        match SqliteJournal::open(&path, &ALONE) {
            // By name: its log is another generation's.
            Err(error) => {
                assert!(
                    matches!(error.kind, JournalErrorKind::Misplaced | JournalErrorKind::Corrupt),
                    "{error}"
                );
                assert!(error.message.contains("-wal"), "{error}");
            }
            Ok(journal) => {
                let found = journal.findings();
                assert!(found.iter().any(|it| it.message.contains("doubted")), "{found:?}");
            }
        }
    }
}

#[test]
fn j22_a_journal_whose_time_is_put_back_by_a_backup_program_sells_on() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    fresh(&journal, &charge(1));
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    let since = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let program = std::process::Command::new("touch")
        .arg("-m")
        .arg("-d")
        .arg(format!("@{since}"))
        .arg(&path)
        .status();
    assert!(program.unwrap().success());
    fresh(&journal, &charge(2));
}
