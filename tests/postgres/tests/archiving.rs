//! Payments of a fleet that are over go into a file, beside nodes that sell, whatever breaks it off.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ovo_postgres::journals::{dsn, machine, open, patiently, schema};
use ovo_postgres::{APPLICATION, OWNER, Server, until};
use ovo_ptp::journal::conformance::{charge, fresh, invoice, write};
use ovo_ptp::journal::postgres::PostgresJournal;
use ovo_ptp::journal::{
    Archived, Begun, Filter, Journal, JournalCopy, JournalError, JournalErrorKind,
};
use ovo_ptp::payment::{Boottime, ListedFor, Payment, Settlement, Source, Verdict};
use ovo_ptp::{
    AppKey, BatchMethod, Client, Credentials, Environment, ErrorKind, Event, JournalReader,
    Terminal, WallTime,
};
use tempfile::TempDir;

/// Paid, acknowledged, its phone forgotten, no look behind due.
fn over(journal: &dyn Journal, number: u32) -> Payment {
    let mut payment = fresh(journal, &charge(number));
    let state = &mut payment.state;
    state.verdict = Some(Verdict::Accepted(Source::Push));
    state.settlement = Settlement::closed(Boottime(1));
    (state.acknowledged, state.due, state.phone_forgotten) = (true, None, true);
    write(journal, payment)
}

fn behind_them() -> WallTime {
    WallTime::from_unix_millis(charge(1).wall.unix_millis() + 1)
}

fn archive(journal: &dyn Journal, to: &Path) -> Result<Archived, JournalError> {
    patiently(|| journal.archive(behind_them(), to, &mut |_| ControlFlow::Continue(())))
}

fn node(address: &ovo_ptp::journal::postgres::Dsn) -> PostgresJournal {
    let node = open(address);
    node.enter_boot("node").unwrap();
    node
}

/// Whoever dies in it leaves each payment in the journal, in the archive, or in both; nodes sell on; and the
/// same call finishes it.
#[test]
fn op7_archiving_a_fleet_that_dies_at_any_point_goes_on_where_it_was() {
    let Some(server) = Server::if_installed() else { return };
    // Of the archive being drawn up, and of rows that left the journal, in commits of 32.
    for dies in ["drawn", "32", "64", "100"] {
        let schema = schema(&server);
        let text = format!("{}&schema={schema}", server.dsn(APPLICATION));
        let seller = node(&dsn(&server.dsn(APPLICATION), &schema));
        let rows: Vec<Payment> = (1..=100).map(|number| over(&seller, number)).collect();
        let open_one = fresh(&seller, &charge(101));
        let folder = TempDir::new().unwrap();
        let to = folder.path().join("archive.db");
        for _ in 0..2 {
            let mut archives = Command::new(env!("CARGO_BIN_EXE_ovo-postgres"));
            let before = behind_them().unix_millis().to_string();
            archives.arg("archive").arg(&text).arg(&to).args([before.as_str(), dies]);
            let died = archives.output().unwrap();
            assert!(!died.status.success(), "{dies}: {died:?}");
            let left: BTreeSet<_> =
                patiently(|| seller.list(&Filter { limit: 1_000, ..Filter::default() }))
                    .unwrap()
                    .into_iter()
                    .map(|row| row.id)
                    .collect();
            assert!(left.contains(&open_one.id));
            let gone = rows.iter().filter(|row| !left.contains(&row.id)).count();
            assert_eq!(gone, dies.parse().unwrap_or(0), "{dies}: what left the journal is whole");
            if gone > 0 {
                assert!(to.exists(), "they are in the file");
                let elsewhere = archive(&seller, &folder.path().join("other.db")).unwrap_err();
                assert!(elsewhere.message.contains("is not finished"), "{elsewhere}");
                assert!(elsewhere.message.contains("archive.db"), "{elsewhere}");
            }
            if to.exists() {
                let early = JournalCopy::open(&to).map(drop).unwrap_err();
                assert!(early.message.contains("not finished"), "{early}");
            }
        }
        // Beside it another one sells.
        let next = fresh(&seller, &charge(102));
        let done = archive(&seller, &to).unwrap();
        assert_eq!((done.payments, done.left), (100, 0), "{dies}");
        let again = archive(&node(&dsn(&server.dsn(APPLICATION), &schema)), &to).unwrap();
        assert_eq!(again, Archived { payments: 100, moved: 0, left: 0 }, "{dies}");
        is_archived(&seller, &to, &rows);
        let stay: Vec<Payment> = seller.list(&Filter::default()).unwrap();
        assert_eq!(stay, [open_one, next]);
        assert_eq!(seller.health().unwrap().problems, [""; 0]);
        // No draft of it stays.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{dies}");
    }
}

/// The file has them as they were, and the journal begins none of them again.
fn is_archived(journal: &PostgresJournal, to: &Path, rows: &[Payment]) {
    let copy = JournalCopy::open(to).unwrap();
    for row in rows {
        let invoice = &row.intent.invoice;
        assert_eq!(copy.find(invoice).unwrap().as_ref(), Some(row));
        assert_eq!(patiently(|| journal.find(invoice)).unwrap(), None);
        let place = patiently(|| journal.archived(invoice)).unwrap();
        assert_eq!(
            place.map(|place| (place.path, place.machine)),
            Some((to.to_owned(), Some(machine())))
        );
        let number: u32 = invoice.as_str().strip_prefix("INV-").unwrap().parse().unwrap();
        let begins = || journal.begin(&charge(number), BatchMethod::Continuous);
        let again = patiently(begins).unwrap();
        assert!(matches!(again, Begun::Archived(id) if id == row.id), "{again:?}");
        let refused = patiently(|| journal.update(row)).unwrap_err();
        assert_eq!(refused.kind, JournalErrorKind::Forbidden, "{refused}");
    }
}

#[test]
fn op7_what_a_fleet_archived_is_known_to_every_node_and_reader() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let address = dsn(&server.dsn(APPLICATION), &schema);
    let (one, other) = (node(&address), node(&address));
    let rows: Vec<Payment> = (1..=3).map(|number| over(&one, number)).collect();
    let last = fresh(&one, &charge(4));
    let folder = TempDir::new().unwrap();
    let (to, second) = (folder.path().join("first.db"), folder.path().join("second.db"));
    assert_eq!(archive(&other, &to).unwrap().payments, 3);
    is_archived(&one, &to, &rows);
    let reader = JournalReader::open(format!("{}&schema={schema}", server.dsn(APPLICATION)));
    let known = reader.unwrap().archives().unwrap();
    assert_eq!(known.len(), 1);
    let archived = JournalReader::open(&to).unwrap();
    assert_eq!(Some(&known[0].name), archived.archive_name().unwrap().as_ref());
    assert_eq!((known[0].payments, known[0].path.as_path()), (3, to.as_path()));
    assert_eq!((known[0].since, known[0].until), (None, Some(last.intent.wall)));
    // OVO has answered, whatever is left here.
    assert_eq!(one.jump(last.intent.wall).unwrap(), None);
    // A later one, and one of nothing.
    assert_eq!(archive(&one, &second).unwrap(), Archived::default());
    assert!(!second.exists());
    let fifth = over(&other, 5);
    assert_eq!(archive(&one, &second).unwrap().payments, 1);
    is_archived(&other, &second, &[fifth]);
    // In the place of another journal's, and into one of other days.
    let stranger = node(&dsn(&server.dsn(APPLICATION), &ovo_postgres::journals::schema(&server)));
    over(&stranger, 9);
    let refused = archive(&stranger, &to).unwrap_err();
    assert!(refused.message.contains("another journal's archive"), "{refused}");
    let days = WallTime::from_unix_millis(behind_them().unix_millis() + 86_400_000);
    let refused = one.archive(days, &to, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(refused.message.contains("payments from before"), "{refused}");
    assert_eq!(stranger.find(&invoice(9)).unwrap().map(|it| it.intent.invoice), Some(invoice(9)));
}

/// Runs a command on a machine of another name, as far as the kernel tells one; on this one if nobody may do so.
fn at_till_7() -> Command {
    let named = "echo till-7 > /proc/sys/kernel/hostname && exec \"$@\"";
    let elsewhere = || {
        let mut command = Command::new("unshare");
        command.args(["--uts", "sh", "-c", named, "sh"]);
        command
    };
    match elsewhere().arg("true").output() {
        Ok(done) if done.status.success() => elsewhere(),
        _ => Command::new("env"),
    }
}

/// A file of that path on another machine is another file: whoever is told of it hears where it lies.
#[test]
fn op7_which_machine_has_a_fleets_archive_is_said_wherever_it_is_named() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let text = format!("{}&schema={schema}", server.dsn(APPLICATION));
    let journal = node(&dsn(&server.dsn(APPLICATION), &schema));
    (1..=40).for_each(|number| drop(over(&journal, number)));
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("archive.db");
    let before = behind_them().unix_millis().to_string();
    let mut archives = at_till_7();
    archives.arg(env!("CARGO_BIN_EXE_ovo-postgres"));
    archives.arg("archive").arg(&text).arg(&to).args([before.as_str(), "32"]);
    assert!(!archives.output().unwrap().status.success());
    let known = || JournalReader::open(&text).unwrap().archives().unwrap().remove(0);
    if known().machine == Some(machine()) {
        // Whoever may not name a machine here says so for it.
        server.sql(&format!("UPDATE {schema}.meta SET v = 'till-7' WHERE k LIKE 'archive-host %'"));
    }
    let keys = format!("{schema}.meta WHERE k LIKE 'archive-host %'");
    assert_eq!((known().path, known().machine), (to.clone(), Some("till-7".to_owned())));
    let there = format!("{} on machine till-7", to.display());
    let [note] = &journal.health().unwrap().notes[..] else { panic!("it is not finished") };
    assert!(note.contains(&there) && note.contains("once more, on machine till-7"), "{note}");
    let refused = archive(&journal, &folder.path().join("other.db")).unwrap_err();
    assert!(refused.message.contains(&there), "{refused}");
    assert!(refused.message.contains("once more, on machine till-7"), "{refused}");
    let told = JournalReader::open(&text).unwrap().payment(&invoice(1)).unwrap_err();
    assert!(told.to_string().contains(&format!("archived into {there}, which says")), "{told}");
    // It was brought here since, and is finished here.
    let moved = folder.path().join("brought.db");
    std::fs::rename(&to, &moved).unwrap();
    assert_eq!(archive(&journal, &moved).unwrap().payments, 40);
    let place = patiently(|| journal.archived(&invoice(1))).unwrap().unwrap();
    assert_eq!((place.path, place.machine), (moved.clone(), Some(machine())));
    assert_eq!((known().path, known().machine), (moved.clone(), Some(machine())));
    // A node of before wrote none: nothing else is other.
    server.sql(&format!("SET session_replication_role = replica; DELETE FROM {keys}"));
    assert_eq!((known().path, known().machine), (moved.clone(), None));
    assert_eq!(archive(&journal, &moved).unwrap().payments, 40);
    let told = JournalReader::open(&text).unwrap().payment(&invoice(1)).unwrap_err();
    assert!(told.to_string().contains("brought.db, which says"), "{told}");
    assert_eq!(journal.health().unwrap().notes, [""; 0]);
}

/// Two at once: one of them goes on, the other takes nothing out and says so.
#[test]
fn op7_of_two_that_archive_a_fleet_one_makes_way() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let address = dsn(&server.dsn(APPLICATION), &schema);
    let (one, other) = (node(&address), node(&address));
    let rows: Vec<Payment> = (1..=40).map(|number| over(&one, number)).collect();
    let folder = TempDir::new().unwrap();
    let (to, second) = (folder.path().join("first.db"), folder.path().join("second.db"));
    let mut begun = None;
    let overtaken = one.archive(behind_them(), &to, &mut |progress| {
        if progress.moved == 0 && begun.is_none() {
            begun = Some(archive(&other, &second));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(overtaken.unwrap_err().kind, JournalErrorKind::Locked);
    assert_eq!(begun.unwrap().unwrap(), Archived { payments: 40, moved: 40, left: 0 });
    is_archived(&one, &second, &rows);
}

/// Only what is over leaves, and by the schema's own function alone; behind a failover it is not missed.
#[test]
fn op7_the_database_lets_nothing_else_go() {
    let Some(server) = Server::if_installed() else { return };
    let schema = schema(&server);
    let address = dsn(&server.dsn(APPLICATION), &schema);
    let journal = node(&address);
    let gone = over(&journal, 1);
    // One that is over no more, and one that still is, and says something else.
    let (mut listed, mut told) = (over(&journal, 2), over(&journal, 3));
    listed.state.listed = ListedFor::Contradiction;
    told.evidence.approval_code = Some("123456".to_owned());
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("archive.db");
    // Changed between the archive's reading and its commit: it stays.
    let mut changed = Vec::new();
    let done = journal.archive(behind_them(), &to, &mut |progress| {
        if progress.payments == 3 && changed.is_empty() {
            changed = [&listed, &told].map(|it| write(&journal, it.clone())).to_vec();
        }
        ControlFlow::Continue(())
    });
    assert_eq!(done.unwrap(), Archived { payments: 1, moved: 1, left: 2 });
    is_archived(&journal, &to, std::slice::from_ref(&gone));
    let copy = JournalCopy::open(&to).unwrap();
    for stays in changed {
        assert_eq!(copy.find(&stays.intent.invoice).unwrap(), None);
        assert_eq!(journal.find(&stays.intent.invoice).unwrap(), Some(stays));
    }
    for table in ["payment", "phone", "archived"] {
        let sql = format!("DELETE FROM {schema}.{table}");
        let refused = server.sql_as(OWNER, &sql).unwrap_err();
        assert!(refused.contains("never deleted"), "{table}: {refused}");
        assert!(server.sql_as(APPLICATION, &sql).unwrap_err().contains("permission denied"));
    }
    let remembers = format!(
        "SELECT {schema}.reassert(jsonb_build_object('known', jsonb_build_object('nonce', nonce, 'clock', 1), \
         'rows', '[[{}, {}, 7]]'::jsonb)) FROM {schema}.epoch",
        gone.id.0, gone.version
    );
    assert_eq!(server.sql(&remembers), "[]", "a node that was told it misses nothing");
    until("it is not doubted", || journal.health().unwrap().problems.is_empty());
}

fn credentials() -> Credentials {
    let terminal = Terminal::new("12345678", "123456789012345", "STORE").unwrap();
    Credentials::new(
        "100001",
        terminal,
        "yourapp",
        AppKey::new(&"0123456789abcdef".repeat(4)).unwrap(),
    )
    .unwrap()
}

/// An archive has its payments alone: in memory it is refused where money is real, and told of elsewhere.
#[cfg(target_os = "linux")]
#[test]
fn e16_a_fleet_is_not_archived_into_memory_unless_the_host_is_a_sandbox() {
    let Some(server) = Server::if_installed() else { return };
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let is_memory = |at: &&str| mounts.lines().any(|line| line.contains(&format!(" {at} tmpfs ")));
    let Some(memory) = ["/dev/shm", "/run", "/tmp"].into_iter().find(is_memory) else {
        println!("skipped: no file system in memory here");
        return;
    };
    let folder = tempfile::tempdir_in(memory).unwrap();
    let to = folder.path().join("archive.db");
    for class in ["production", "sandbox"] {
        let schema = schema(&server);
        let journal = node(&dsn(&server.dsn(APPLICATION), &schema));
        over(&journal, 1);
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let address = format!("{}&schema={schema}", server.dsn(APPLICATION));
        let client = Client::builder(Environment::custom("https://localhost:1"), credentials())
            .environment_class(class)
            .journal(address)
            .background(false)
            .observer(move |event| {
                if let Event::JournalFound(found) = event {
                    hears.lock().unwrap().push(found.message.clone());
                }
            })
            .open()
            .unwrap();
        let done = client.archive(behind_them(), &to, |_| {});
        let is_told =
            told.lock().unwrap().iter().any(|told| told.contains("lies in memory (tmpfs)"));
        if class == "production" {
            let refused = done.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Journal, "{refused}");
            assert!(refused.to_string().contains("in memory"), "{refused}");
            assert!(!to.exists() && journal.find(&invoice(1)).unwrap().is_some(), "it stays");
        } else {
            assert_eq!(done.unwrap().payments, 1);
            assert!(is_told, "{told:?}");
        }
    }
}
