//! A journal that goes from its file into a fleet's database: everything that it knows, and each side's word
//! about who goes on, whatever breaks the move off.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ovo_crash::process::Process;
use ovo_postgres::journals::{dsn, machine, name, open, patiently, schema};
use ovo_postgres::{APPLICATION, OWNER, PASSWORD, Server, Street, until};
use ovo_ptp::journal::conformance::{charge, fresh, invoice, write};
use ovo_ptp::journal::postgres::{Dsn, MoveStep, Moved, PostgresJournal, move_to_postgres};
use ovo_ptp::journal::{
    Begun, Filter, Journal, JournalError, JournalErrorKind, Setup, SqliteJournal, SqliteOptions,
    move_journal, set_aside,
};
use ovo_ptp::payment::{Boottime, ListedFor, Payment, Reversal, Settlement, Source, Verdict};
use ovo_ptp::{BatchMethod, JournalReader, WallTime};
use tempfile::TempDir;

/// How the client of these journals is set up.
fn setup() -> Setup {
    Setup {
        class: "staging".to_owned(),
        host: "https://ovo.example".to_owned(),
        merchant_id: "M00042".to_owned(),
        proxy: Some("none".to_owned()),
        terminal: "12345678/201904085000000".to_owned(),
        key: "name of a key".to_owned(),
        other_keys: Vec::new(),
    }
}

/// A journal in a file, and a schema for it.
struct Shop<'a> {
    server: &'a Server,
    folder: TempDir,
    schema: String,
}

impl<'a> Shop<'a> {
    fn on(server: &'a Server) -> Shop<'a> {
        Shop { server, folder: TempDir::new().unwrap(), schema: schema(server) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    fn opens(&self) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open(self.file(), &SqliteOptions::default())
    }

    fn opens_as_its_own(&self) -> SqliteJournal {
        let journal = self.opens().unwrap();
        journal.belong_to(&setup()).unwrap();
        journal.enter_boot("a").unwrap();
        journal
    }

    fn dsn(&self, role: &str) -> Dsn {
        dsn(&self.server.dsn(role), &self.schema)
    }

    fn moves(&self) -> Result<Moved, JournalError> {
        patiently(|| move_to_postgres(self.file(), &self.dsn(OWNER), |_| {}))
    }

    fn node(&self) -> PostgresJournal {
        let node = open(&self.dsn(APPLICATION));
        node.belong_to(&setup()).unwrap();
        node.enter_boot("node").unwrap();
        node
    }

    fn sql(&self, text: &str) -> String {
        self.server.sql(&text.replace("ovo.", &format!("{}.", self.schema)))
    }

    /// Refused for a reason, and nothing has changed: the file sells on, and the database has nothing.
    fn is_refused(&self, kind: JournalErrorKind, why: &str) {
        let error = self.moves().expect_err(why);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(why), "{why:?} is missing: {error}");
    }

    fn sells_on_in_its_file(&self) {
        let journal = self.opens().unwrap();
        journal.enter_boot("a").unwrap();
        let number = u32::try_from(journal.list(&Filter::default()).unwrap().len()).unwrap();
        fresh(&journal, &charge(1_000 + number));
        drop(journal);
        assert_eq!(self.sql("SELECT count(*) FROM ovo.payment"), "0");
    }
}

/// Of each kind of payment one; the last is archived.
fn sells(shop: &Shop<'_>) -> Vec<Payment> {
    let journal = shop.opens_as_its_own();
    let mut all = Vec::new();
    for number in 1..=5 {
        let mut payment = fresh(&journal, &charge(number));
        payment.state.touched = Boottime(5_000);
        match number {
            1 => {}
            2 => {
                payment.state.verdict = Some(Verdict::Accepted(Source::Push));
                payment.state.settlement = Settlement::closed(Boottime(2_000));
                payment.state.due = Some(Boottime(172_802_000));
                payment.evidence.approval_code = Some("123456".to_owned());
            }
            3 => {
                payment.state.verdict = Some(Verdict::Abandoned);
                payment.state.settlement = Settlement::Open(Reversal::Needed);
                payment.state.due = Some(Boottime(6_000));
            }
            _ => {
                payment.state.verdict = Some(Verdict::Accepted(Source::Push));
                payment.state.settlement = Settlement::closed(Boottime(2_000));
                payment.state.acknowledged = true;
                payment.state.phone_forgotten = true;
                payment.state.due = None;
            }
        }
        payment = write(&journal, payment);
        if number == 4 {
            // Of the next one nothing is left to do, and of this an operator must see to.
            payment.state.listed = ListedFor::Contradiction;
            payment = write(&journal, payment);
        }
        all.push(payment);
    }
    let archive = shop.folder.path().join("archive.db");
    let until = WallTime::from_unix_millis(charge(1).wall.unix_millis() + 86_400_000);
    let done = journal.archive(until, &archive, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(done.payments, 1);
    all
}

/// What must be the same on both sides: all but clocks.
fn without_times(payment: &Payment) -> Payment {
    let mut same = payment.clone();
    same.boot = 0;
    let state = &mut same.state;
    for at in [&mut state.begun, &mut state.window, &mut state.settling_since, &mut state.touched] {
        *at = Boottime(0);
    }
    state.reversals.not_before = Boottime(0);
    state.checks.not_before = Boottime(0);
    state.due = state.due.map(|_| Boottime(0));
    if let Settlement::Closed { at, .. } = &mut state.settlement {
        *at = Boottime(0);
    }
    same
}

/// The database has what the file had, the file is refused by name, and a new payment is a new one.
fn is_moved(shop: &Shop<'_>, sold: &[Payment]) {
    let refused = shop.opens().map(drop).expect_err("it was moved");
    assert_eq!(refused.kind, JournalErrorKind::Misplaced);
    let place = format!("/shop?schema={}", shop.schema);
    assert!(refused.message.contains("postgresql://localhost:"), "{refused}");
    assert!(refused.message.contains(&place) && !refused.message.contains(PASSWORD), "{refused}");
    assert!(!refused.message.contains("once more"), "nothing is left to do: {refused}");
    let node = shop.node();
    let (archived, open) = sold.split_last().unwrap();
    for before in open {
        let there = node.find(&before.intent.invoice).unwrap().expect("it went along");
        assert_eq!(without_times(&there), without_times(before));
        assert!(matches!(
            node.begin(&charge(number_of(before)), BatchMethod::Continuous),
            Ok(Begun::Existing(known)) if known.id == before.id
        ));
    }
    let id = archived.id;
    let again = node.begin(&charge(number_of(archived)), BatchMethod::Continuous);
    assert!(matches!(again, Ok(Begun::Archived(known)) if known == id), "{again:?}");
    let place = node.archived(&archived.intent.invoice).unwrap().unwrap();
    assert!(place.path.ends_with("archive.db"), "{place}");
    assert_eq!(place.machine, Some(machine()), "it lies here");
    let books =
        JournalReader::open(format!("{}&schema={}", shop.server.dsn(APPLICATION), shop.schema));
    let known = books.unwrap().archives().unwrap();
    let [archive] = known.as_slice() else { panic!("{known:?}") };
    let there = JournalReader::open(&place.path).unwrap().archive_name().unwrap();
    assert_eq!((Some(&archive.name), archive.payments), (there.as_ref(), 1), "it is known by name");
    assert_eq!(node.archived(&invoice(999)).unwrap(), None);
    let next = fresh(&node, &charge(900));
    assert!(next.intent.numbers > archived.intent.numbers, "no number twice");
    assert!(next.state.attested);
    assert_eq!(next.id.0, archived.id.0 + 1);
    let health = node.health().unwrap();
    assert_eq!((health.payments, health.problems), (open.len() as u64 + 1, Vec::new()));
    assert_eq!(node.figures().unwrap().begun, Some(sold.len() as u64 + 1));
}

fn number_of(payment: &Payment) -> u32 {
    payment.intent.invoice.as_str().strip_prefix("INV-").unwrap().parse().unwrap()
}

#[test]
fn j21_all_that_a_journal_in_a_file_knows_goes_into_a_database() {
    let Some(server) = Server::if_installed() else { return };
    let shop = Shop::on(&server);
    let sold = sells(&shop);
    let mut steps = Vec::new();
    let moved = move_to_postgres(shop.file(), &shop.dsn(OWNER), |progress| {
        assert_eq!(progress.of, 5);
        steps.push(progress.step);
        if progress.step == MoveStep::Copied {
            // A node that comes in the middle is not let in, and sees nothing.
            let early = open(&shop.dsn(APPLICATION));
            let refused = early.enter_boot("early").map(drop).unwrap_err();
            assert_eq!(refused.kind, JournalErrorKind::Unreachable, "{refused}");
            assert_eq!(early.find(&invoice(1)).unwrap(), None);
            assert!(early.belong_to(&setup()).is_err());
        }
    })
    .unwrap();
    assert_eq!(
        (moved.payments, moved.unsettled, moved.archived, moved.was_there),
        (4, 2, 1, false)
    );
    use MoveStep::{Arrived, Committed, Copied, Copying, HandedOver};
    assert_eq!(steps, [Copying, Copying, Copied, HandedOver, Committed, Arrived]);
    is_moved(&shop, &sold);
    // Said again, also while a node sells, it is done.
    let node = shop.node();
    assert!(shop.moves().unwrap().was_there);
    drop(node);
    assert_eq!(shop.sql("SELECT v FROM ovo.meta WHERE k = 'class'"), "staging");
    assert_eq!(shop.sql("SELECT count(*) FROM ovo.meta WHERE k LIKE '%moved to%'"), "0");
}

/// Whoever dies in it leaves the payments to one side or to nobody, and the same command finishes it.
#[test]
fn j21_a_move_into_a_database_that_dies_at_any_step_is_finished_by_the_same_command() {
    let Some(server) = Server::if_installed() else { return };
    for step in ["Copying", "Copied", "HandedOver", "Committed", "Arrived"] {
        let shop = Shop::on(&server);
        let sold = sells(&shop);
        let address = format!("{}&schema={}", server.dsn(OWNER), shop.schema);
        // More than once, too.
        for _ in 0..2 {
            let mut moves = Command::new(env!("CARGO_BIN_EXE_ovo-postgres"));
            moves.arg("move").arg(shop.file()).args([address.as_str(), step]);
            let died = moves.output().unwrap();
            assert!(!died.status.success(), "{step}: {died:?}");
            until("the server noticed it", || {
                server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_owner'")
                    == "0"
            });
            let has_it = shop.sql("SELECT count(*) FROM ovo.payment") != "0";
            let is_refused = shop.opens().is_err();
            assert_eq!(has_it, ["Committed", "Arrived"].contains(&step), "{step}");
            assert_eq!(is_refused, !["Copying", "Copied"].contains(&step), "{step}");
            if is_refused {
                // The next journal here would hand out the numbers that the database goes on with.
                let error = set_aside(shop.file()).unwrap_err();
                assert!(error.message.contains("was moved to"), "{error}");
            }
            if step == "HandedOver" {
                let error = shop.opens().unwrap_err();
                assert!(error.message.contains("once more"), "{error}");
            }
        }
        let finished = shop.moves().unwrap();
        assert_eq!(finished.was_there, ["Committed", "Arrived"].contains(&step), "{step}");
        is_moved(&shop, &sold);
    }
}

/// Whatever a till's own clock had come to: nothing that waits waits less.
#[test]
fn mp10_what_a_moved_payment_waits_for_it_waits_for_in_full() {
    let Some(server) = Server::if_installed() else { return };
    let shop = Shop::on(&server);
    let journal = shop.opens_as_its_own();
    // Of another boot each, the second one's clock far ahead of the first one's.
    for (number, boot, touched) in [(1, "a", 10_000), (2, "b", 900_000_000), (3, "b", 10_000)] {
        journal.enter_boot(boot).unwrap();
        let mut payment = fresh(&journal, &charge(number));
        payment.state.touched = Boottime(touched);
        payment.state.due = Some(Boottime(touched + 65_000));
        payment.state.checks.not_before = Boottime(touched + 65_000);
        write(&journal, payment);
    }
    drop(journal);
    shop.moves().unwrap();
    let node = shop.node();
    let boot = node.enter_boot("node").unwrap();
    let first = node.find(&invoice(1)).unwrap().unwrap();
    let now = first.state.touched;
    for number in 1..=3 {
        let there = node.find(&invoice(number)).unwrap().unwrap();
        assert_eq!(there.boot, boot, "it is this node's to act upon");
        let waits = |until: Boottime| until.since(there.state.touched).as_millis();
        assert_eq!(waits(there.state.due.unwrap()), 65_000, "{number}");
        assert_eq!(waits(there.state.checks.not_before), 65_000);
        // As of when it was first seen, however long the test took since.
        assert!(there.state.touched >= now, "{number}: seen as older than it is");
    }
    let early = now.plus(std::time::Duration::from_secs(60));
    assert_eq!(node.due(boot, early, 10).unwrap(), []);
    until("they are due in time", || {
        let _ = node.tend();
        let late = now.plus(std::time::Duration::from_secs(300));
        node.due(boot, late, 10).unwrap().len() == 3
    });
}

#[test]
fn j21_what_may_not_go_into_a_database_is_refused_and_nothing_changes() {
    use JournalErrorKind::{Foreign, Locked, Misplaced, Version};
    let Some(server) = Server::if_installed() else { return };
    let shop = Shop::on(&server);
    shop.is_refused(Misplaced, "no journal is there");
    sells(&shop);
    let held = shop.opens().unwrap();
    shop.is_refused(Locked, "open");
    drop(held);
    // Nodes that run, and a role that may not.
    let node = shop.node();
    shop.is_refused(Locked, "1 nodes have");
    shop.sells_on_in_its_file();
    drop(node);
    let as_node = move_to_postgres(shop.file(), &shop.dsn(APPLICATION), |_| {}).unwrap_err();
    assert_eq!(as_node.kind, Version, "{as_node}");
    assert!(as_node.message.contains("owns the schema"), "{as_node}");
    let nowhere = dsn(&server.dsn(OWNER), &name());
    let unmade = move_to_postgres(shop.file(), &nowhere, |_| {}).unwrap_err();
    assert_eq!(unmade.kind, Version, "{unmade}");
    assert!(unmade.message.contains("journal migrate"), "{unmade}");
    shop.sells_on_in_its_file();
    for (other, why) in [
        (Setup { merchant_id: "M00043".to_owned(), ..setup() }, "M00043"),
        (Setup { class: "production".to_owned(), ..setup() }, "production"),
        (Setup { key: "another".to_owned(), ..setup() }, "another app key"),
    ] {
        let theirs = Shop { schema: schema(&server), ..Shop::on(&server) };
        let node = open(&theirs.dsn(APPLICATION));
        node.belong_to(&other).unwrap();
        drop(node);
        let refused =
            patiently(|| move_to_postgres(shop.file(), &theirs.dsn(OWNER), |_| {})).unwrap_err();
        assert_eq!(refused.kind, Foreign, "{refused}");
        assert!(refused.message.contains(why), "{why}: {refused}");
    }
    shop.sells_on_in_its_file();
    shop.moves().unwrap();
    // A second one, and one into a database that sells.
    let second = Shop { schema: shop.schema.clone(), ..Shop::on(&server) };
    sells(&second);
    second.is_refused(Misplaced, "another journal was moved into");
    let third = Shop::on(&server);
    sells(&third);
    let node = third.node();
    fresh(&node, &charge(7));
    drop(node);
    third.is_refused(Misplaced, "payments of its own");
    assert!(third.opens().is_ok());
}

/// A database takes one journal: one that was set aside beside it goes its own way first.
#[test]
fn j20_a_journal_beside_others_that_were_set_aside_is_moved_when_those_have_gone_their_way() {
    let Some(server) = Server::if_installed() else { return };
    let shop = Shop::on(&server);
    sells(&shop);
    let aside = set_aside(shop.file()).unwrap();
    let journal = shop.opens_as_its_own();
    fresh(&journal, &charge(100));
    drop(journal);
    shop.is_refused(JournalErrorKind::Misplaced, "set aside, and a database takes one journal");
    let elsewhere = shop.folder.path().join("elsewhere.db");
    fs::rename(&aside, &elsewhere).unwrap();
    shop.is_refused(JournalErrorKind::Misplaced, "is gone");
    fs::rename(&elsewhere, &aside).unwrap();
    move_journal(&aside, &elsewhere).unwrap();
    assert_eq!(shop.moves().unwrap().payments, 1);
    assert!(SqliteJournal::open(&elsewhere, &SqliteOptions::default()).is_ok());
}

/// The server lost what it had; or another one answers.
#[test]
fn mp6_a_journal_whose_database_lost_it_goes_nowhere_else() {
    let Some(server) = Server::if_installed() else { return };
    let shop = Shop::on(&server);
    sells(&shop);
    shop.moves().unwrap();
    let elsewhere = Shop { schema: schema(&server), ..Shop::on(&server) };
    let refused = move_to_postgres(shop.file(), &elsewhere.dsn(OWNER), |_| {}).unwrap_err();
    assert_eq!(refused.kind, JournalErrorKind::Misplaced);
    assert!(refused.message.contains("does not have it"), "{refused}");
    assert_eq!(elsewhere.sql("SELECT count(*) FROM ovo.payment"), "0");
    // What is left of it in the file can be settled by a client of a copy.
    let copy = shop.folder.path().join("copy.db");
    JournalReader::open(shop.file()).unwrap().backup(&copy).unwrap();
    let journal = SqliteJournal::open(&copy, &SqliteOptions::default()).unwrap();
    assert!(journal.findings().iter().any(|found| found.message.contains("doubted")));
    assert_eq!(journal.list(&Filter { unsettled: true, ..Filter::default() }).unwrap().len(), 2);
}

#[test]
fn c16_a_journal_of_release_0_1_0_is_opened_once_and_then_moved() {
    let Some(server) = Server::if_installed() else { return };
    let shop = Shop::on(&server);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/journal-0.1.0.db");
    fs::copy(kept, shop.file()).unwrap();
    fs::set_permissions(shop.file(), fs::Permissions::from_mode(0o600)).unwrap();
    shop.is_refused(JournalErrorKind::Misplaced, "open it once with its own credentials");
    let journal = shop.opens().unwrap();
    journal.belong_to(&setup()).unwrap();
    journal.adopt_key(&setup().key, &[]).unwrap();
    drop(journal);
    shop.is_refused(JournalErrorKind::Misplaced, "doubted");
    let journal = shop.opens().unwrap();
    assert!(journal.vouch("Sari: there is no other copy").unwrap());
    let before = journal.list(&Filter::default()).unwrap();
    assert_eq!(before.len(), 4);
    drop(journal);
    shop.moves().unwrap();
    let node = shop.node();
    for payment in &before {
        let there = node.find(&payment.intent.invoice).unwrap().unwrap();
        assert_eq!(without_times(&there), without_times(payment));
    }
    assert_eq!(
        shop.sql("SELECT count(*) FROM ovo.meta WHERE k = 'before the move: vouch 1'"),
        "1",
        "who answered for it is kept"
    );
}

/// Whole clients, and OVO: a till dies in the middle of a payment, and a node of the fleet ends it.
#[test]
fn j21_a_payment_under_way_in_a_file_is_settled_by_a_node_of_the_fleet() {
    let Some(server) = Server::migrated() else { return };
    let street = Street::at(0.05);
    let mut till = street.shop("");
    till.database = None;
    let mut command = till.command(env!("CARGO_BIN_EXE_ovo-postgres"));
    // The customer takes forty seconds of OVO's: two of ours.
    let paying = Process::start(command.args(["pay", "1", "UNDER-WAY", "081200000140"]));
    until("the push arrives", || street.pushes("UNDER-WAY") > 0);
    paying.signal(libc::SIGKILL);
    assert!(!paying.ends().success());
    let to = Dsn::parse(&server.dsn(OWNER)).unwrap();
    let moved = patiently(|| move_to_postgres(till.journal(), &to, |_| {})).unwrap();
    assert_eq!((moved.payments, moved.unsettled), (1, 1));
    assert!(till.open().is_err(), "the till does not sell on");
    let node = street.node(&server.dsn(APPLICATION));
    let invoice = "UNDER-WAY".parse().unwrap();
    until("it is settled", || node.payment(&invoice).unwrap().is_some_and(|it| it.settled));
    let report = node.payment(&invoice).unwrap().unwrap();
    let word = match report.outcome {
        Some(ovo_ptp::Outcome::Paid(_)) => 10_000,
        _ => 0,
    };
    until("every rupiah agrees", || street.debited("UNDER-WAY") == word);
    // It is no second push, whoever asks again.
    let again = node.pay(
        &ovo_ptp::Charge::new(
            "UNDER-WAY",
            ovo_ptp::Rupiah::new(10_000).unwrap(),
            "081200000140".parse().unwrap(),
        )
        .unwrap(),
    );
    assert_eq!(street.pushes("UNDER-WAY"), 1, "{again:?}");
}
