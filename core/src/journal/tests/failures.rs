//! Disks that fill up or fail, files that go away, processes that fork or die.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::faulty::Faulty;
use super::hands::beside;
use super::opening::{child, child_path, wait_for};
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh, invoice, write};
use crate::journal::files::Files;
use crate::journal::{
    Begun, Filter, Journal, JournalErrorKind, SqliteJournal, SqliteOptions, Succession, Update,
    set_aside,
};
use crate::numbering::BatchMethod;
use crate::payment::history::{Entry, What};
use crate::payment::{Boottime, PaymentId, Reversal, Ruling, Settlement, Source, Verdict};

#[test]
fn j1_a_full_disk_stops_new_payments_and_nothing_else() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let mut first = fresh(&journal, &charge(1));
    journal.sql("PRAGMA max_page_count = 1").unwrap();
    let mut begun = 1;
    let error = loop {
        match journal.begin(&charge(begun + 1), BatchMethod::Continuous) {
            Ok(_) => begun += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, JournalErrorKind::Full);
    assert_eq!(journal.find(&invoice(begun + 1)), Ok(None), "nothing was begun");
    first.state.verdict = Some(Verdict::Abandoned);
    let mut first = write(&journal, first);
    first.state.settlement = Settlement::Open(Reversal::Needed);
    write(&journal, first);
    journal.sql("PRAGMA max_page_count = 1000000").unwrap();
    let payment = fresh(&journal, &charge(begun + 1));
    assert_eq!(payment.id.0, i64::from(begun + 1), "and no number was lost");
}

/// A disk that has room for a new journal only when the reserve is given up.
fn cramped(path: &Path) -> Arc<dyn Files> {
    let reserve = beside(path, ".reserve");
    Faulty::where_it(move |path| {
        let is_kept = fs::metadata(&reserve).is_ok_and(|it| it.len() > 0);
        match path.to_string_lossy().contains(".new-") && is_kept {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    })
}

#[test]
fn j2_j20_behind_a_set_aside_on_a_full_disk_what_is_owed_is_settled() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    fresh(&open(&path), &charge(1));
    set_aside(&path).unwrap();
    let journal = Succession::open_on(cramped(&path), &path, &SqliteOptions::default()).unwrap();
    assert!(journal.find(&invoice(1)).unwrap().is_some());
    // Where nothing is owed, a full disk is simply full.
    let scratch = Scratch::new();
    let path = scratch.journal();
    fs::write(beside(&path, ".reserve"), [7; 4096]).unwrap();
    let opened = Succession::open_on(cramped(&path), &path, &SqliteOptions::default());
    let error = opened.unwrap_err();
    assert_eq!(error.kind, JournalErrorKind::Full);
}

#[test]
fn j2_a_full_disk_takes_the_outcome_without_its_history() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let mut payment = fresh(&journal, &charge(1));
    journal.sql("PRAGMA max_page_count = 1").unwrap();
    let mut number = 2;
    while journal.begin(&charge(number), BatchMethod::Continuous).is_ok() {
        number += 1;
    }
    payment.state.verdict = Some(Verdict::Abandoned);
    for second in 0..5 {
        let reason = "a long story ".repeat(60);
        let what = What::Ruled { ruling: Ruling::Refund, reason };
        payment.history.add(&Entry::new(charge(1).wall, Duration::from_secs(second), 7, what));
    }
    let Ok(Update::Won(version)) = journal.update(&payment) else {
        panic!("an outcome was lost for its history");
    };
    let kept = journal.payment(payment.id).unwrap().unwrap();
    assert_eq!(kept.state.verdict, Some(Verdict::Abandoned));
    assert!(kept.history.is_empty(), "there was no room for it");
    // With room again, whoever still knows it writes it with the next step.
    journal.sql("PRAGMA max_page_count = 1000000").unwrap();
    payment.version = version;
    payment.state.acknowledged = true;
    let payment = write(&journal, payment);
    assert_eq!(payment.history.entries().len(), 5);
}

/// A small file system of its own, if this process may mount one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn new(scratch: &Scratch) -> Option<SmallDisk> {
        let place = scratch.journal().with_extension("disk");
        fs::create_dir(&place).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&place);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(SmallDisk(place))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_payments_under_way_get_their_verdict() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::new(&scratch) else {
        println!("skipped: may not mount");
        return;
    };
    let path = disk.0.join("ovo.db");
    let journal = open(&path);
    let mut under_way: Vec<_> = (0..20).map(|number| fresh(&journal, &charge(number))).collect();
    let ballast = disk.0.join("ballast");
    let fill = || {
        use std::io::Write;
        let mut file = fs::File::options().append(true).create(true).open(&ballast).unwrap();
        while file.write_all(&[1; 512]).is_ok() {}
    };
    // Until the log's own room is used up too.
    let mut number = 100;
    let error = loop {
        fill();
        match journal.begin(&charge(number), BatchMethod::Continuous) {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, JournalErrorKind::Full);
    for payment in &mut under_way {
        payment.state.verdict = Some(Verdict::Accepted(Source::Push));
        *payment = write(&journal, payment.clone());
        let refused = journal.begin(&charge(number), BatchMethod::Continuous).unwrap_err();
        assert_eq!(refused.kind, JournalErrorKind::Full, "the reserve is not for new payments");
    }
    drop(journal);
    let journal = open(&path);
    assert_eq!(journal.payment(under_way[19].id), Ok(Some(under_way[19].clone())));
    fs::remove_file(&ballast).unwrap();
    fresh(&journal, &charge(number));
    let only = ["the journal lies in memory (tmpfs); a power cut takes it"];
    assert_eq!(journal.health().unwrap().problems, only, "which is what a small disk is made of");
    // A restart on a full disk goes on with the settlement as well.
    drop(journal);
    fill();
    let journal = open(&path);
    under_way[7].state.acknowledged = true;
    write(&journal, under_way[7].clone());
    let refused = journal.begin(&charge(999), BatchMethod::Continuous).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Full);
}

#[test]
fn in_a_group_a_failure_is_its_own() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let good = fresh(&journal, &charge(1));
    std::thread::scope(|scope| {
        for till in 0..16 {
            let (journal, good) = (&journal, &good);
            scope.spawn(move || {
                for n in 0..10 {
                    let mut wrong = good.clone();
                    wrong.state.settlement = Settlement::Open(Reversal::Needed);
                    let error = journal.update(&wrong).unwrap_err();
                    assert_eq!(error.kind, JournalErrorKind::Forbidden);
                    fresh(journal, &charge(1_000 * (till + 1) + n));
                }
            });
        }
    });
    assert_eq!(journal.health().unwrap().payments, 161);
}

#[test]
fn j5_a_journal_that_can_no_longer_be_written_says_so() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    let payment = fresh(&journal, &charge(1));
    journal.sql("PRAGMA query_only = ON").unwrap();
    assert_eq!(journal.update(&payment).unwrap_err().kind, JournalErrorKind::ReadOnly);
    assert_eq!(journal.payment(payment.id), Ok(Some(payment.clone())));
    journal.sql("PRAGMA query_only = OFF").unwrap();
    write(&journal, payment);
}

type Accident = fn(&Scratch);

#[test]
fn j11_a_journal_that_was_deleted_commits_nothing_more() {
    let gone: [(&str, Accident); 4] = [
        ("deleted", |scratch| fs::remove_file(scratch.journal()).unwrap()),
        ("its log deleted", |scratch| {
            fs::remove_file(scratch.journal().with_file_name("ovo.db-wal")).unwrap();
        }),
        ("moved", |scratch| {
            fs::rename(scratch.journal(), scratch.journal().with_extension("old")).unwrap();
        }),
        ("replaced", |scratch| {
            let copy = scratch.journal().with_extension("copy");
            fs::copy(scratch.journal(), &copy).unwrap();
            fs::rename(copy, scratch.journal()).unwrap();
        }),
    ];
    for (how, remove) in gone {
        for shared in [false, true] {
            let scratch = Scratch::new();
            let options = SqliteOptions { shared, ..SqliteOptions::default() };
            let journal = SqliteJournal::open(scratch.journal(), &options).unwrap();
            let payment = fresh(&journal, &charge(1));
            remove(&scratch);
            let error = journal.begin(&charge(2), BatchMethod::Continuous).unwrap_err();
            assert_eq!(error.kind, JournalErrorKind::Gone, "{how}");
            assert_eq!(journal.update(&payment).unwrap_err().kind, JournalErrorKind::Gone, "{how}");
        }
    }
}

#[test]
fn mp11_a_forked_child_can_do_nothing_and_harms_nothing() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.journal());
    let payment = fresh(&journal, &charge(1));
    journal.pretend_to_be_forked();
    let kinds = [
        journal.enter_boot("x").map(drop),
        journal.begin(&charge(2), BatchMethod::Continuous).map(drop),
        journal.update(&payment).map(drop),
        journal.payment(PaymentId(1)).map(drop),
        journal.find(&invoice(1)).map(drop),
        journal.due(1, Boottime(0), 1).map(drop),
        journal.next_due(1).map(drop),
        journal.list(&Filter::default()).map(drop),
        journal.health().map(drop),
    ]
    .map(|result| result.unwrap_err().kind);
    assert_eq!(kinds, [JournalErrorKind::Forked; 9]);
    let log = scratch.journal().with_file_name("ovo.db-wal");
    let before = (fs::read(scratch.journal()).unwrap(), fs::read(&log).unwrap());
    drop(journal);
    let after = (fs::read(scratch.journal()).unwrap(), fs::read(&log).unwrap());
    assert!(before == after, "the child's end moved the parent's log");
}

#[test]
#[ignore = "run by other tests"]
fn child_pays_until_it_dies() {
    let Some(path) = child_path() else { return };
    let journal = open(&path);
    let first = std::process::id() * 10_000;
    std::thread::scope(|scope| {
        for till in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0.. {
                    let mut payment = fresh(journal, &charge(first + till * 2_500 + n));
                    println!("durable: {} {}", payment.id.0, payment.version);
                    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
                    match journal.update(&payment) {
                        Ok(Update::Won(version)) => println!("durable: {} {version}", payment.id.0),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

#[test]
fn every_commit_that_was_reported_survives_a_kill() {
    let scratch = Scratch::new();
    let mut payments = 0;
    for round in 0..12_u64 {
        let mut victim = child("failures::child_pays_until_it_dies", &scratch.journal())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let output = victim.stdout.take().unwrap();
        let listener = std::thread::spawn(move || {
            let mut durable = std::collections::BTreeMap::new();
            // The last line may be torn by the kill: its commit was reported, its number was not.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let words: Vec<_> =
                    line.split_whitespace().skip_while(|w| *w != "durable:").collect();
                if let [_, id, version] = words[..] {
                    durable.insert(id.parse::<i64>().unwrap(), version.parse::<u64>().unwrap());
                }
            }
            durable
        });
        std::thread::sleep(Duration::from_millis(60 + 37 * round));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let durable = listener.join().unwrap();
        let journal = open(&scratch.journal());
        for (id, version) in &durable {
            let payment = journal.payment(PaymentId(*id)).unwrap().expect("a reported payment");
            assert!(payment.version >= *version, "payment {id} lost its version {version}");
            assert_eq!(payment.state.verdict.is_some(), payment.version == 2);
        }
        let health = journal.health().unwrap();
        assert_eq!(health.problems, [""; 0]);
        payments = health.payments;
    }
    assert!(payments > 20, "the children paid {payments} times only");
}

#[test]
#[ignore = "run by other tests"]
fn child_meets_an_io_error() {
    let Some(path) = child_path() else { return };
    let journal = open(&path);
    let first = fresh(&journal, &charge(1));
    let mut number = 2;
    let error = loop {
        match journal.begin(&charge(number), BatchMethod::Continuous) {
            Ok(Begun::Fresh(_)) => number += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    println!("result: {:?} {:?}", error.kind, journal.update(&first).unwrap_err().kind);
    println!("result: {:?}", journal.payment(first.id).unwrap_err().kind);
    println!("result: {number}");
}

/// A file-size limit makes every write beyond it fail, for root too; SQLite calls that an I/O error.
#[test]
fn j6_after_an_io_error_the_handle_refuses_everything() {
    let scratch = Scratch::new();
    drop(open(&scratch.journal()));
    let plain = child("failures::child_meets_an_io_error", &scratch.journal());
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 800; exec \"$@\"", "sh"]);
    limited.arg(plain.get_program()).args(plain.get_args());
    let mut process =
        limited.env("OVO_PTP_CHILD", scratch.journal()).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(wait_for(&mut process, "result: "), "Io Io");
    assert!(process.wait().unwrap().success());
    // Whoever opens it next finds everything that was reported.
    let journal = open(&scratch.journal());
    let health = journal.health().unwrap();
    assert_eq!(health.problems, [""; 0]);
    assert!(health.payments > 10);
}

#[test]
fn a_forgotten_phone_is_in_no_file_any_more() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    journal.without_syncs();
    let mut rows: Vec<_> = (0..400).map(|number| fresh(&journal, &charge(number))).collect();
    let traces = || {
        let needle = b"sealed phone of customer";
        let count = |bytes: &[u8]| bytes.windows(needle.len()).filter(|w| w == needle).count();
        scratch.files().iter().map(|(_, bytes)| count(bytes)).sum::<usize>()
    };
    assert!(traces() >= 400, "the search finds what is there");
    // Rows grow, move and are rewritten before their phones go.
    for step in 0..3 {
        for index in 0..rows.len() {
            let index = (index * 173) % rows.len();
            let mut row = rows[index].clone();
            match step {
                0 => {
                    row.state.verdict = Some(Verdict::Accepted(Source::Push));
                    row.state.due = Some(Boottime(172_800_000));
                    row.evidence.approval_code = Some("123456".repeat(1 + index % 5));
                    row.evidence.host_date = Some("0105".to_owned());
                }
                1 => row.state.acknowledged = true,
                _ => {
                    row.state.phone_forgotten = true;
                    row.state.due = None;
                }
            }
            rows[index] = write(&journal, row);
        }
    }
    assert_eq!(traces(), 0);
    drop(journal);
    assert_eq!(traces(), 0);
}
