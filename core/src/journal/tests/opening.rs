//! What may be opened, by whom, and what is left alone.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{
    Filter, Journal, JournalError, JournalErrorKind, SqliteJournal, SqliteOptions, Succession,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Source, Verdict};

const ALONE: SqliteOptions =
    SqliteOptions { shared: false, first_batch: None, set_aside_unusable: false };
const SHARED: SqliteOptions =
    SqliteOptions { shared: true, first_batch: None, set_aside_unusable: false };

fn refused(path: &Path, options: &SqliteOptions) -> JournalError {
    SqliteJournal::open(path, options).expect_err("must not be opened")
}

/// Starts this program again, to run one of the tests that only children run.
pub(super) fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([&format!("journal::tests::{test}"), "--exact", "--ignored", "--nocapture"])
        .env("OVO_PTP_CHILD", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// In a child: the journal that it is about.
pub(super) fn child_path() -> Option<std::path::PathBuf> {
    std::env::var_os("OVO_PTP_CHILD").map(Into::into)
}

/// Waits until the child says `word`, and returns what follows it in the line.
pub(super) fn wait_for(child: &mut Child, word: &str) -> String {
    let mut reader = BufReader::new(child.stdout.as_mut().unwrap());
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the child ended before {word}");
        if let Some((_, rest)) = line.split_once(word) {
            return rest.trim().to_owned();
        }
    }
}

#[test]
fn a_payment_outlives_the_program() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    assert_eq!(journal.enter_boot("boot-a"), Ok(1));
    let mut payment = fresh(&journal, &charge(1));
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.evidence.approval_code = Some("123456".to_owned());
    let payment = write(&journal, payment);
    drop(journal);
    let journal = open(&scratch.journal());
    assert_eq!(journal.enter_boot("boot-a"), Ok(1), "the machine went on");
    assert_eq!(journal.find(&invoice(1)), Ok(Some(payment)));
    let second = fresh(&journal, &charge(2));
    assert_eq!((second.id.0, second.intent.numbers.reference()), (2, 2));
    drop(journal);
    let journal = open(&scratch.journal());
    assert_eq!(journal.enter_boot("boot-b"), Ok(2), "the machine was restarted");
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
}

#[test]
fn b8_a_journal_is_for_its_owners_eyes_only() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    fresh(&journal, &charge(1));
    let mut names: Vec<_> = scratch.files().into_iter().map(|(name, _)| name).collect();
    names.sort();
    let expected = ["ovo.db", "ovo.db-wal", "ovo.db.lock", "ovo.db.mark", "ovo.db.reserve"];
    assert_eq!(names, expected, "and no drafts");
    for name in names {
        let mode = fs::metadata(scratch.journal().with_file_name(&name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    drop(journal);
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(scratch.journal(), fs::Permissions::from_mode(mode)).unwrap();
        let error = refused(&scratch.journal(), &ALONE);
        assert_eq!(error.kind, JournalErrorKind::ReadOnly);
        assert!(error.message.contains("0600"), "{error}");
    }
    fs::set_permissions(scratch.journal(), fs::Permissions::from_mode(0o600)).unwrap();
    open(&scratch.journal());
}

#[test]
fn a_second_handle_in_the_same_process_is_locked_out() {
    let scratch = Scratch::new();
    for options in [&ALONE, &SHARED] {
        let journal = SqliteJournal::open(scratch.journal(), options).unwrap();
        assert_eq!(refused(&scratch.journal(), options).kind, JournalErrorKind::Locked);
        // POSIX: a close of any descriptor would have dropped the first handle's lock.
        let mut other = child("opening::child_tries_to_open", &scratch.journal());
        let mut other = other.spawn().unwrap();
        let expected = if options.shared { "opened" } else { "Locked" };
        assert_eq!(wait_for(&mut other, "result: "), expected);
        other.wait().unwrap();
        drop(journal);
    }
    open(&scratch.journal());
}

#[test]
#[ignore = "run by other tests"]
fn child_tries_to_open() {
    let Some(path) = child_path() else { return };
    let exclusive = SqliteJournal::open(&path, &ALONE).map(drop);
    let result = exclusive.or_else(|_| SqliteJournal::open(&path, &SHARED).map(drop));
    match result {
        Ok(()) => println!("result: opened"),
        Err(error) => println!("result: {:?}", error.kind),
    }
}

#[test]
#[ignore = "run by other tests"]
fn child_holds_the_journal() {
    let Some(path) = child_path() else { return };
    let journal = open(&path);
    fresh(&journal, &charge(1));
    println!("result: held");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn mp1_a_second_process_is_locked_out_until_the_first_is_gone() {
    let scratch = Scratch::new();
    let mut holder = child("opening::child_holds_the_journal", &scratch.journal()).spawn().unwrap();
    wait_for(&mut holder, "result: held");
    assert_eq!(refused(&scratch.journal(), &ALONE).kind, JournalErrorKind::Locked);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let journal = open(&scratch.journal());
    assert_eq!(fresh(&journal, &charge(2)).id.0, 2, "what was killed is not lost");
}

#[test]
#[ignore = "run by other tests"]
fn child_pays_in_a_shared_journal() {
    let Some(path) = child_path() else { return };
    let journal = SqliteJournal::open(&path, &SHARED).unwrap();
    println!("result: ready");
    let _ = std::io::stdin().read_line(&mut String::new());
    let first = std::process::id() * 1000;
    for number in first..first + 50 {
        let mut payment = fresh(&journal, &charge(number));
        payment.state.verdict = Some(Verdict::NotSent);
        write(&journal, payment);
    }
}

#[test]
fn processes_that_share_a_journal_never_share_numbers() {
    let scratch = Scratch::new();
    let journal = SqliteJournal::open(scratch.journal(), &SHARED).unwrap();
    let mut tills: Vec<Child> = (0..4)
        .map(|_| {
            child("opening::child_pays_in_a_shared_journal", &scratch.journal()).spawn().unwrap()
        })
        .collect();
    for till in &mut tills {
        wait_for(till, "result: ready");
    }
    for till in &mut tills {
        till.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    for number in 0..50 {
        fresh(&journal, &charge(number));
    }
    for mut till in tills {
        assert!(till.wait().unwrap().success());
    }
    let all = journal.list(&Filter::default()).unwrap();
    let references: Vec<_> = all.iter().map(|row| row.intent.numbers.reference()).collect();
    assert_eq!(references, (1..=250).collect::<Vec<_>>());
    assert_eq!(journal.health().unwrap().problems, [""; 0]);
}

#[test]
fn j9_what_is_not_a_journal_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    drop(open(&path));
    let sound = fs::read(&path).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = sound.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let cases = [
        ("empty", Vec::new(), JournalErrorKind::Corrupt),
        (
            "garbage",
            b"not a database, but long enough to be one ".repeat(50),
            JournalErrorKind::Corrupt,
        ),
        ("a cut header", sound[..60].to_vec(), JournalErrorKind::Corrupt),
        ("a cut file", sound[..sound.len() / 2].to_vec(), JournalErrorKind::Corrupt),
        ("another application's", with(68, b"\0\0\0\x01"), JournalErrorKind::Corrupt),
        ("a later version's", with(60, b"\0\0\0\x03"), JournalErrorKind::Version),
        ("a broken first page", with(100, &[0xff; 200]), JournalErrorKind::Corrupt),
    ];
    for (name, content, kind) in cases {
        let mut file = OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        file.write_all(&content).unwrap();
        for options in [&ALONE, &SHARED] {
            let error = refused(&path, options);
            assert_eq!(error.kind, kind, "{name}: {error}");
            assert!(error.message.contains(&*path.to_string_lossy()), "{name}: {error}");
            // Another application's file is not ours to move.
            let is_ours = kind == JournalErrorKind::Corrupt && name != "another application's";
            let error = Succession::open(&path, options).map(drop).unwrap_err();
            assert_eq!(error.message.contains("set-aside"), is_ours, "{name}: {error}");
        }
        assert!(fs::read(&path).unwrap() == content, "{name}: the file was changed");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(&path, &ALONE).kind, JournalErrorKind::Corrupt);
    let error = refused(Path::new("/nowhere/ovo.db"), &ALONE);
    assert_eq!(error.kind, JournalErrorKind::ReadOnly);
    assert!(error.message.starts_with("/nowhere/ovo.db: "), "{error}");
    // The one directory that root cannot write to either.
    assert_eq!(refused(Path::new("/proc/ovo.db"), &ALONE).kind, JournalErrorKind::ReadOnly);
}

#[test]
fn a_journal_without_its_guards_is_refused() {
    let scratch = Scratch::new();
    for tampering in [
        "DROP TRIGGER payment_changes",
        "DROP INDEX payment_invoice",
        "CREATE TRIGGER mine AFTER UPDATE ON payment BEGIN SELECT 1; END",
        "CREATE TABLE mine (x)",
    ] {
        let path = scratch.journal().with_extension(format!("{}", tampering.len()));
        drop(open(&path));
        rusqlite::Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
        let error = refused(&path, &ALONE);
        assert_eq!(error.kind, JournalErrorKind::Corrupt, "{tampering}: {error}");
    }
}

#[test]
fn j9_a_damaged_page_fails_its_own_payments_only() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    for number in 1..=40 {
        fresh(&journal, &charge(number));
    }
    drop(journal);
    // One flipped bit in the sealed phone of one row (J8).
    let content = fs::read(&path).unwrap();
    let needle = b"sealed phone of customer 00000017";
    let at = content.windows(needle.len()).position(|bytes| bytes == needle).unwrap();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(b"S").unwrap();
    drop(file);
    let journal = open(&path);
    let error = journal.find(&invoice(17)).unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Corrupt);
    assert!(error.message.contains("payment 17 "), "{error}");
    let again = journal.begin(&charge(17), BatchMethod::Continuous).unwrap_err();
    assert_eq!(again.kind, JournalErrorKind::Corrupt, "never a second push");
    assert_eq!(journal.due(0, Boottime(u64::MAX), 100).unwrap().len(), 39);
    assert_eq!(journal.list(&Filter::default()).unwrap().len(), 39);
    let health = journal.health().unwrap();
    assert_eq!((health.payments, health.problems.len()), (40, 1), "{:?}", health.problems);
    assert!(health.problems[0].contains("payment 17 "));
    assert_eq!(fresh(&journal, &charge(41)).id.0, 41);
}

#[test]
fn the_first_batch_can_be_given() {
    let scratch = Scratch::new();
    for batch in [0, 1_000_000] {
        let options = SqliteOptions { first_batch: Some(batch), ..ALONE };
        assert_eq!(refused(&scratch.journal(), &options).kind, JournalErrorKind::Numbers);
    }
    let options = SqliteOptions { first_batch: Some(77), ..ALONE };
    let journal = SqliteJournal::open(scratch.journal(), &options).unwrap();
    assert_eq!(fresh(&journal, &charge(1)).intent.numbers.to_string(), "000077/000001");
    drop(journal);
    let options = SqliteOptions { first_batch: Some(99), ..ALONE };
    let journal = SqliteJournal::open(scratch.journal(), &options).unwrap();
    assert_eq!(fresh(&journal, &charge(2)).intent.numbers.to_string(), "000077/000002");
    // OP2: behind the last reference comes the next batch, in the same commit.
    journal.sql("UPDATE high_water SET reference = 999999").unwrap();
    assert_eq!(fresh(&journal, &charge(3)).intent.numbers.to_string(), "000078/000001");
}
