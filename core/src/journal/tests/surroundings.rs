//! What is around a journal: read-only file systems, wrong file times, a great many rows, and the
//! release before.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::opening::{child, child_path, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::{Journal, SqliteJournal, SqliteOptions};
use crate::payment::{Boottime, DeclineReason, Payment, Reversal, Settlement, Source, Verdict};

#[test]
#[ignore = "run by other tests"]
fn child_opens_and_begins() {
    let Some(path) = child_path() else { return };
    match SqliteJournal::open(&path, &SqliteOptions::default()) {
        Ok(_) => println!("result: opened"),
        Err(error) => println!("result: {:?}: {error}", error.kind),
    }
}

#[test]
fn j4_a_read_only_file_system_is_refused_before_anything_is_begun() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let payment = {
        let journal = open(&path);
        fresh(&journal, &charge(1))
    };
    let before = scratch.files();
    for name in ["ovo.db", "new.db"] {
        // Root may write to any file but not to a file system that is mounted read-only: a mount of
        // this process alone.
        let inside = child("surroundings::child_opens_and_begins", &path.with_file_name(name));
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg("mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"")
            .arg(path.parent().unwrap())
            .arg(inside.get_program())
            .args(inside.get_args())
            .env("OVO_PTP_CHILD", path.with_file_name(name))
            .stdin(Stdio::null());
        let Ok(output) = command.output() else {
            eprintln!("SKIPPED: there is no unshare here");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        if !said.contains("result:") {
            let why = String::from_utf8_lossy(&output.stderr);
            assert!(why.contains("unshare") || why.contains("mount"), "{said}{why}");
            eprintln!("SKIPPED: mounts are not allowed here: {why}");
            return;
        }
        assert!(said.contains("result: ReadOnly: "), "{name}: {said}");
    }
    assert!(scratch.files() == before, "nothing was made or changed");
    assert_eq!(open(&path).find(&invoice(1)), Ok(Some(payment)), "and it opens again as it was");
}

#[test]
fn j17_file_times_mean_nothing() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let mut payment = fresh(&open(&path), &charge(1));
    let century = Duration::from_secs(100 * 365 * 86_400);
    for time in [SystemTime::UNIX_EPOCH, SystemTime::now() + century] {
        for (name, _) in scratch.files() {
            let times = FileTimes::new().set_modified(time).set_accessed(time);
            File::options()
                .write(true)
                .open(path.with_file_name(name))
                .and_then(|file| file.set_times(times))
                .unwrap();
        }
        let journal = open(&path);
        assert_eq!(journal.find(&invoice(1)), Ok(Some(payment.clone())));
        payment.state.checks.count += 1;
        payment = write(&journal, payment);
        assert_eq!(journal.health().unwrap().problems, [""; 0]);
    }
}

/// Bytes that this process asked the system to read.
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    line.parse().unwrap()
}

#[test]
#[ignore = "run by other tests"]
fn child_opens_and_counts() {
    let Some(path) = child_path() else { return };
    let before = bytes_read();
    let journal = open(&path);
    let boot = journal.enter_boot("boot-b").unwrap();
    let due = journal.due(boot, Boottime(u64::MAX), 100).unwrap();
    println!("result: {} {}", due.len(), bytes_read() - before);
}

/// A journal in which one payment in ten is due, and what it takes to open it and to find the first
/// hundred of them: their number and the bytes read.
fn opened_with(payments: u32) -> (u64, u64) {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = open(&path);
    journal.enter_boot("boot-a").unwrap();
    journal.without_syncs();
    for number in 0..payments {
        let mut payment = fresh(&journal, &charge(number));
        if number % 10 > 0 {
            payment.state.verdict = Some(Verdict::Accepted(Source::Push));
            payment.state.settlement = Settlement::closed(Boottime(2_000));
            payment.state.due = None;
            payment.state.phone_forgotten = true;
            journal.update(&payment).unwrap();
        }
    }
    drop(journal);
    let mut child = child("surroundings::child_opens_and_counts", &path).spawn().unwrap();
    let said = wait_for(&mut child, "result:");
    child.wait().unwrap();
    let (due, read) = said.split_once(' ').unwrap();
    (due.parse().unwrap(), read.parse().unwrap())
}

#[test]
fn j16_opening_reads_no_more_of_a_large_journal_than_of_a_small_one() {
    // By bytes, which no busy machine changes. A million rows are measured in measure.rs.
    let (due, small) = opened_with(1_000);
    assert_eq!(due, 100);
    let (due, large) = opened_with(30_000);
    assert_eq!(due, 100);
    assert!(large < small * 2, "{large} bytes read with 30,000 payments, {small} with 1,000");
}

/// A journal that release 0.1.0 has left behind, in `tests/vectors`: of each kind of row one.
fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/journal-0.1.0.db")
}

fn of_each_kind(journal: &dyn Journal) -> Vec<Payment> {
    let accepted = |payment: &mut Payment| {
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        payment.state.settlement = Settlement::closed(Boottime(2_000));
        payment.state.due = Some(Boottime(172_802_000));
        payment.evidence.approval_code = Some("123456".to_owned());
    };
    let declined = |payment: &mut Payment| {
        let code = crate::message::ResponseCode::new("17").unwrap();
        payment.state.verdict = Some(Verdict::Declined(DeclineReason::Code(code)));
        payment.state.due = Some(Boottime(181_000));
    };
    let abandoned = |payment: &mut Payment| {
        payment.state.verdict = Some(Verdict::Abandoned);
        payment.state.settlement = Settlement::Open(Reversal::Needed);
        payment.state.due = Some(Boottime(66_000));
    };
    let kinds: [&dyn Fn(&mut Payment); 4] = [&|_| {}, &accepted, &declined, &abandoned];
    (1..)
        .zip(kinds)
        .map(|(number, kind)| {
            let mut payment = fresh(journal, &charge(number));
            kind(&mut payment);
            if payment.state.verdict.is_some() { write(journal, payment) } else { payment }
        })
        .collect()
}

/// Run once for a release: it leaves the file that later releases must understand.
#[test]
#[ignore = "makes tests/vectors/journal-0.1.0.db"]
fn keep_a_journal_of_this_release() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let journal = SqliteJournal::open(
        &path,
        &SqliteOptions { first_batch: Some(7), ..SqliteOptions::default() },
    )
    .unwrap();
    journal.enter_boot("boot-a").unwrap();
    of_each_kind(&journal);
    drop(journal);
    fs::copy(&path, kept()).unwrap();
}

#[test]
fn c16_a_journal_of_release_0_1_0_is_understood_and_goes_on() {
    let scratch = Scratch::new();
    fs::copy(kept(), scratch.journal()).unwrap();
    fs::set_permissions(scratch.journal(), fs::Permissions::from_mode(0o600)).unwrap();
    let journal = open(&scratch.journal());
    // One of its payments has no outcome: in another copy of the file it may have one (J21).
    let problems = journal.health().unwrap().problems;
    assert!(problems.len() == 1 && problems[0].contains("release 0.1.0"), "{problems:?}");
    assert!(journal.findings().iter().any(|it| it.critical && it.message.contains("1 payments")));
    let twin = Scratch::new();
    let fresh_journal = SqliteJournal::open(
        twin.journal(),
        &SqliteOptions { first_batch: Some(7), ..SqliteOptions::default() },
    )
    .unwrap();
    fresh_journal.enter_boot("boot-a").unwrap();
    for expected in of_each_kind(&fresh_journal) {
        let mut found = journal.find(&expected.intent.invoice).unwrap().expect("is there");
        let mut alike = found.clone();
        // One field that chance chose.
        alike.state.seed = expected.state.seed;
        // And that release allowed 15 s for a push to leave.
        assert_eq!(alike.state.window, alike.state.begun.plus(Duration::from_secs(15)));
        alike.state.window = expected.state.window;
        if expected.state.rests_on_what_came_last() || expected.state.may_be_closed_since() {
            let mut left = expected.clone();
            left.leave_to_checks();
            assert_eq!(alike.state, left.state, "asked after, and never reversed unseen");
            continue;
        }
        assert_eq!(alike, expected, "reads as what this release would have written");
        found.state.acknowledged = true;
        write(&journal, found);
    }
    let next = fresh(&journal, &charge(5)).intent.numbers;
    assert!(next.batch() > 7, "no number twice, nor one of a copy that nobody can know");
    drop(journal);
    assert_eq!(open(&scratch.journal()).vouch("Sari: there is no other copy"), Ok(true));
    assert_eq!(open(&scratch.journal()).health().unwrap().problems, [""; 0]);
}
