//! What a journal costs. Run by hand, in a release build:
//! `cargo test --release -p ovo-ptp journal::tests::measure -- --ignored --nocapture --test-threads 1`

use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::faulty::Faulty;
use super::{Scratch, open};
use crate::journal::conformance::{charge, fresh};
use crate::journal::group::{Group, Writer};
use crate::journal::{Filter, Journal, SqliteJournal, SqliteOptions, Update};
use crate::message::{Operation, ResponseCode};
use crate::payment::history::{Ended, Entry, Meaning, What};
use crate::payment::{Boottime, PaidWith, Payment, Rule, Settlement, Source, Verdict};
use crate::wib::WallTime;

const TILLS: u32 = 32;

fn accepted(mut payment: Payment) -> Payment {
    payment.state.verdict = Some(Verdict::Accepted(Source::Push));
    payment.state.settlement = Settlement::closed(Boottime(2_000));
    payment.state.due = Some(Boottime(172_802_000));
    payment.evidence.approval_code = Some("123456".to_owned());
    payment.evidence.trace_number = Some("000123".to_owned());
    payment.evidence.host_date = Some("0105".to_owned());
    payment.evidence.host_time = Some("100003".to_owned());
    payment.evidence.paid_with = PaidWith {
        cash: Some("12500".to_owned()),
        points: Some("0".to_owned()),
        points_earned: Some("12".to_owned()),
    };
    payment
}

/// Intent, verdict, acknowledgement: the three commits of a plain approval, with their history.
fn approve(journal: &SqliteJournal, number: u32) {
    let mut payment = accepted(fresh(journal, &charge(number)));
    let note = |payment: &mut Payment, millis: u64, what: What, rule, verdict| {
        let wall = WallTime::from_unix_millis(payment.intent.wall.unix_millis() + millis as i64);
        let mut entry = Entry::new(wall, Duration::from_millis(millis), 4_711, what);
        (entry.rule, entry.verdict) = (Some(rule), verdict);
        payment.history.add(&entry);
    };
    note(&mut payment, 180, What::Sent, Rule::Sent, None);
    let what = What::Exchange {
        operation: Operation::PushToPay,
        ended: Ended::Answered { status: 200, code: Some(ResponseCode::APPROVED) },
        meaning: Meaning::Success,
        took: Duration::from_millis(12_300),
    };
    let verdict = payment.state.verdict;
    note(&mut payment, 12_345, what, Rule::Approved, verdict);
    for _ in 0..2 {
        match journal.update(&payment) {
            Ok(Update::Won(version)) => payment.version = version,
            other => panic!("{other:?}"),
        }
        if !payment.state.acknowledged {
            payment.state.acknowledged = true;
            note(&mut payment, 12_360, What::Acknowledged, Rule::Acknowledgement, None);
        }
    }
}

/// The floor: as many bytes appended, and one sync for all who wait.
struct Append(Mutex<File>);

impl Writer<Vec<u8>, ()> for Append {
    fn write(&self, group: Vec<Vec<u8>>) -> Vec<()> {
        let mut file = self.0.lock().unwrap();
        file.write_all(&group.concat()).unwrap();
        file.sync_data().unwrap();
        vec![(); group.len()]
    }

    fn tidy(&self, _: bool) {}

    fn lost(&self) {}
}

/// Bytes that this process has sent to the disk.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

fn for_a_while(work: impl Fn(u32) + Sync, tills: u32, time: Duration) -> (u64, f64) {
    let start = Instant::now();
    let done: u64 = thread::scope(|scope| {
        let work = &work;
        let tills: Vec<_> = (0..tills)
            .map(|till| {
                scope.spawn(move || {
                    let mut done = 0;
                    while start.elapsed() < time {
                        work(till * 1_000_000 + done);
                        done += 1;
                    }
                    u64::from(done)
                })
            })
            .collect();
        tills.into_iter().map(|till| till.join().unwrap()).sum()
    });
    (done, start.elapsed().as_secs_f64())
}

#[test]
#[ignore = "a measurement"]
fn how_many_commits_a_second() {
    let scratch = Scratch::new();
    for tills in [1, 8, TILLS] {
        let group = Group::new();
        let path = scratch.journal().with_extension(format!("raw{tills}"));
        let append = Append(Mutex::new(File::create(path).unwrap()));
        let journal = open(&scratch.journal().with_extension(format!("db{tills}")));
        let (mut raw, mut payments) = ((0, 0.0), (0, 0.0));
        let mut written = 0;
        // In turns, because the disk and the neighbours do not stay the same.
        for round in 0..8 {
            let time = Duration::from_millis(500);
            let (done, seconds) = for_a_while(|_| group.submit(vec![7; 256], &append), tills, time);
            raw = (raw.0 + done, raw.1 + seconds);
            let before = bytes_written();
            let pay = |number| approve(&journal, round * 100_000_000 + number);
            let (done, seconds) = for_a_while(pay, tills, time);
            payments = (payments.0 + done, payments.1 + seconds);
            written += bytes_written() - before;
        }
        let appends = raw.0 as f64 / raw.1;
        let commits = 3.0 * payments.0 as f64 / payments.1;
        println!(
            "{tills:3} threads: appends with fdatasync {appends:6.0}/s, journal commits {commits:6.0}/s \
             ({:.0} %), {:.1} KB each",
            100.0 * commits / appends,
            written as f64 / 3000.0 / payments.0 as f64
        );
    }
}

/// For counting system calls: three syncs of the log for each approval, and two or three more for
/// every checkpoint.
#[test]
#[ignore = "a measurement"]
fn a_hundred_approvals() {
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    for number in 0..100 {
        approve(&journal, number);
    }
}

#[test]
#[ignore = "a measurement, with a million payments"]
fn a_million_payments_open_at_once() {
    let scratch = Scratch::new();
    let path = scratch.journal();
    let start = Instant::now();
    let journal = open(&path);
    let boot = journal.enter_boot("boot-a").unwrap();
    journal.without_syncs();
    thread::scope(|scope| {
        for till in 0..TILLS {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..1_000_000 / TILLS {
                    let mut payment = fresh(journal, &charge(till * 1_000_000 + n));
                    payment = accepted(payment);
                    payment.state.acknowledged = true;
                    // One in a hundred waits for its time, the others are done with.
                    if n % 100 > 0 {
                        payment.state.due = None;
                        payment.state.phone_forgotten = true;
                    }
                    assert!(matches!(journal.update(&payment), Ok(Update::Won(_))));
                }
            });
        }
    });
    println!("built in {:?}", start.elapsed());
    drop(journal);
    println!("{} MB", std::fs::metadata(&path).unwrap().len() >> 20);
    let memory = resident();
    let start = Instant::now();
    let journal = open(&path);
    let opened = start.elapsed();
    let due = journal.due(boot, Boottime(172_802_000), 100).unwrap();
    println!("open {opened:?}, open + due {:?} ({} rows)", start.elapsed(), due.len());
    let start = Instant::now();
    println!("next_due {:?} in {:?}", journal.next_due(boot).unwrap(), start.elapsed());
    let start = Instant::now();
    let due = journal.due(boot, Boottime(u64::MAX), 10_000).unwrap();
    println!("due: {} rows in {:?}", due.len(), start.elapsed());
    drop(due);
    let start = Instant::now();
    journal.list(&Filter { unsettled: true, ..Default::default() }).unwrap();
    println!("list unsettled in {:?}", start.elapsed());
    let start = Instant::now();
    let health = journal.health().unwrap();
    println!("health in {:?}: {} payments {:?}", start.elapsed(), health.payments, health.problems);
    println!("memory grew by {} KB", resident().saturating_sub(memory));
    let start = Instant::now();
    approve(&journal, 999_999_999);
    println!("one approval in {:?}", start.elapsed());
    beside_reports(&journal, &scratch, 2_000_000_000);
    drop(journal);
    // Where the file system has no `flock` there can be one connection only.
    let no_lock = |path: &Path| path.extension().is_some_and(|last| last == "lock");
    let files = Faulty::where_nothing_reads(no_lock);
    let journal = SqliteJournal::open_on(files, &path, &SqliteOptions::default()).unwrap();
    println!("on one connection, because the journal's lock cannot be made:");
    beside_reports(&journal, &scratch, 3_000_000_000);
}

/// What a payment waits for, without and beside reports (J25).
fn beside_reports(journal: &SqliteJournal, scratch: &Scratch, first: u32) {
    let longest = |until: &dyn Fn() -> bool, first: u32| {
        let (mut number, mut read, mut paid) = (first, Duration::ZERO, Duration::ZERO);
        while !until() {
            let start = Instant::now();
            journal.find(&charge(number - 1).invoice).unwrap();
            read = read.max(start.elapsed());
            let start = Instant::now();
            approve(journal, number);
            paid = paid.max(start.elapsed());
            number += 1;
        }
        println!("  {} payments; longest look-up {read:?}, approval {paid:?}", number - first);
    };
    println!("without reports, ten seconds:");
    let start = Instant::now();
    longest(&|| start.elapsed() > Duration::from_secs(10), first);
    let day =
        Filter { since: Some(charge(1).wall), until: Some(charge(1).wall), ..Filter::default() };
    let all = Filter { limit: 100_000, ..Filter::default() };
    let unsettled = Filter { unsettled: true, limit: 100_000, ..Filter::default() };
    let till = Filter { tid: Some("none".to_owned()), ..Filter::default() };
    let totals = || {
        let mut page = Filter { limit: 1_000, ..Filter::default() };
        while let Some(last) = journal.list(&page).unwrap().last() {
            page.after = Some(last.id);
        }
    };
    let copy = scratch.journal().with_extension("backup");
    for (place, (name, report)) in (1..).zip([
        ("doctor (health)", &(|| drop(journal.health().unwrap())) as &(dyn Fn() + Sync)),
        ("metrics", &|| {
            journal.figures().unwrap();
        }),
        ("an empty hour", &|| drop(journal.list(&day).unwrap())),
        ("a list of 100,000", &|| drop(journal.list(&all).unwrap())),
        ("a list of what is not settled", &|| drop(journal.list(&unsettled).unwrap())),
        ("a list of another till's", &|| drop(journal.list(&till).unwrap())),
        ("totals, page by page", &totals),
        ("a backup", &|| journal.backup(&copy).unwrap()),
    ]) {
        thread::scope(|scope| {
            let start = Instant::now();
            let report = scope.spawn(report);
            println!("beside {name}:");
            longest(&|| report.is_finished(), first + place * 10_000_000);
            println!("  which took {:?}", start.elapsed());
        });
    }
    std::fs::remove_file(&copy).unwrap();
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Behind the two days in which a paid payment keeps its phone.
fn over(journal: &SqliteJournal, number: u32) {
    let mut payment = accepted(fresh(journal, &charge(number)));
    let state = &mut payment.state;
    (state.due, state.acknowledged, state.phone_forgotten) = (None, true, true);
    journal.update(&payment).unwrap();
}

#[test]
#[ignore = "a measurement"]
fn how_long_an_intent_waits_beside_archiving() {
    const OVER: u32 = 20_000;
    let scratch = Scratch::new();
    let journal = open(&scratch.journal());
    journal.without_syncs();
    (1..=OVER).for_each(|number| over(&journal, number));
    journal.sql("PRAGMA synchronous = FULL").unwrap();
    let waits = |is_over: &dyn Fn() -> bool, first: u32| {
        let mut waits = Vec::new();
        while !is_over() {
            let began = Instant::now();
            fresh(&journal, &charge(first + waits.len() as u32));
            waits.push(began.elapsed());
            thread::sleep(Duration::from_millis(2));
        }
        waits.sort();
        let at = |part: usize| waits[(waits.len() - 1) * part / 1000].as_secs_f64() * 1e3;
        println!(
            "{:5} Intents: median {:.1} ms, 99 % {:.1} ms, longest {:.1} ms",
            waits.len(),
            at(500),
            at(990),
            at(1000)
        );
    };
    let began = Instant::now();
    print!("alone:             ");
    waits(&|| began.elapsed() > Duration::from_secs(5), 1_000_000);
    let to = scratch.journal().with_file_name("archive.db");
    let before = WallTime::from_unix_millis(charge(1).wall.unix_millis() + 1);
    print!("beside archiving:  ");
    thread::scope(|scope| {
        let began = Instant::now();
        let archiving =
            scope.spawn(|| journal.archive(before, &to, &mut |_| ControlFlow::Continue(())));
        waits(&|| archiving.is_finished(), 2_000_000);
        let done = archiving.join().unwrap().unwrap();
        println!("{} payments archived in {:.1} s", done.payments, began.elapsed().as_secs_f64());
    });
}
