//! A journal that was put back from a copy, with nodes and without: what a node was told stays true, and where
//! nobody can know what is missing nothing is reversed unseen.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

use ovo_postgres::journals::{dsn, open, schema};
use ovo_postgres::{APPLICATION, AS_IT_IS, OWNER, Server, are_installed, until};
use ovo_ptp::journal::conformance::{self, charge, fresh, write};
use ovo_ptp::journal::postgres::{Dsn, Migration, PostgresJournal, migrate};
use ovo_ptp::journal::{Finding, Journal, JournalErrorKind, starting_batch};
use ovo_ptp::payment::{Boottime, Payment, Settlement, Source, Verdict, Void};
use ovo_ptp::{BatchMethod, WallTime};

/// A node with one payment that waits for its outcome.
struct Shop {
    server: Server,
    schema: String,
    address: Dsn,
    node: PostgresJournal,
    first: Payment,
}

impl Shop {
    fn opens() -> Option<Shop> {
        Server::if_installed().map(Shop::on)
    }

    fn on(server: Server) -> Shop {
        let schema = schema(&server);
        let address = dsn(&server.dsn(APPLICATION), &schema);
        let node = open(&address);
        node.enter_boot("a").unwrap();
        let first = fresh(&node, &charge(1));
        // Its void is under way: what becomes of it may be what a copy lacks.
        let mut voiding = fresh(&node, &charge(9));
        voiding.state.verdict = Some(Verdict::Accepted(Source::Push));
        voiding.state.settlement = Settlement::closed(Boottime(1));
        (voiding.state.void, voiding.state.due) = (Void::Sent, Some(Boottime(1)));
        write(&node, voiding);
        Shop { server, schema, address, node, first }
    }

    /// Keeps a copy of the server's disk.
    fn remembers(&self) {
        self.server.remembers();
        until("it is served again", || self.node.payment(self.first.id).is_ok());
    }
}

/// What a node hears whose write the server refuses.
fn is_refused(node: &PostgresJournal, payment: &Payment, why: &str) {
    let mut told = Err(None);
    until("the server answers", || {
        told = node.update(payment).map(|_| ()).map_err(Some);
        !matches!(&told, Err(Some(error)) if !error.message.contains("(OV"))
    });
    let refused = told.unwrap_err().unwrap();
    assert!(refused.message.contains(why), "{refused}");
}

/// The first payment, told as Paid, and a second one with its numbers.
fn goes_on(journal: &PostgresJournal, first: Payment) -> (Payment, Payment) {
    let mut paid = first;
    paid.state.verdict = Some(Verdict::Accepted(Source::Push));
    (write(journal, paid), fresh(journal, &charge(2)))
}

/// Waits for the judgement. What was open when the copy was made is doubted, and no number is given again.
fn is_judged(journal: &PostgresJournal, first: &Payment, lost: &Payment) -> Vec<Finding> {
    let mut seen = Vec::new();
    until("the journal was judged", || {
        let _ = journal.tend();
        seen.extend(journal.found_since());
        journal.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    let third = journal.find(&conformance::invoice(3)).unwrap().unwrap();
    assert!(third.intent.numbers.batch() > lost.intent.numbers.batch(), "numbers jump");
    assert!(!third.state.attested);
    let first = journal.payment(first.id).unwrap().unwrap();
    assert_eq!(first.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
    let voiding = journal.find(&conformance::invoice(9)).unwrap().unwrap();
    assert!(voiding.state.void == Void::Sent && voiding.state.doubted, "never sent again");
    assert!(journal.figures().unwrap().doubted);
    seen
}

#[test]
fn mp17_a_dump_put_back_under_running_nodes_is_judged_before_anything_is_written() {
    let Some(shop) = Shop::opens() else { return };
    let dump = shop.server.dump(&shop.schema);
    let (paid, lost) = goes_on(&shop.node, shop.first.clone());
    shop.server.puts_back(&dump);
    is_refused(&shop.node, &paid, "nobody has judged");
    let seen = is_judged(&shop.node, &shop.first, &lost);
    assert!(seen.iter().any(|found| found.message.contains("lost 2 writes")), "{seen:?}");
}

#[test]
fn mp17_a_dump_put_back_while_no_node_runs_is_judged_by_the_first_that_opens() {
    let Some(Shop { server, schema, address, node, first }) = Shop::opens() else { return };
    let dump = server.dump(&schema);
    let (_, lost) = goes_on(&node, first.clone());
    drop(node);
    server.puts_back(&dump);
    let node = open(&address);
    until("it is judged", || node.enter_boot("b").is_ok());
    is_judged(&node, &first, &lost);
}

/// What was open is told as Paid, a payment of now's numbers follows, and then nobody has the journal open.
fn goes_on_and_closes(address: &Dsn, first: &Payment) -> Payment {
    let node = open(address);
    node.enter_boot("b").unwrap();
    let first = node.payment(first.id).unwrap().unwrap();
    goes_on(&node, first).1
}

/// Whoever opens a copy first judges it, and says so.
fn a_copy_is_judged(address: &Dsn, first: &Payment, lost: &Payment) {
    let node = open(address);
    until("it is judged", || node.enter_boot("c").is_ok());
    let seen = is_judged(&node, first, lost);
    let is_said =
        |found: &Finding| found.critical && found.message.contains("replaced or restored");
    assert!(seen.iter().any(is_said), "{seen:?}");
    let why = node.findings();
    assert!(why.iter().any(|found| found.message.contains("put back from a copy")), "{why:?}");
}

/// A usual way to take an upgrade back; the server was not even restarted.
#[test]
fn mp17_a_database_that_was_renamed_back_from_its_clone_while_no_node_ran_is_judged() {
    let Some(Shop { server, address, node, first, .. }) = Shop::opens() else { return };
    drop(node);
    server.clones("bak");
    let lost = goes_on_and_closes(&address, &first);
    server.puts_in_its_place("bak", "shop_of_today");
    a_copy_is_judged(&address, &first, &lost);
    // The other one is what it was.
    server.puts_in_its_place("shop_of_today", "bak");
    let node = open(&address);
    node.enter_boot("d").unwrap();
    assert_eq!(node.found_since(), []);
    assert!(!node.figures().unwrap().doubted);
}

/// MP17: two databases of one journal; whoever sells in the copy has other numbers, and reverses nothing unseen.
#[test]
fn mp17_a_clone_beside_the_database_that_goes_on_is_judged() {
    let Some(Shop { server, schema, address, node, first }) = Shop::opens() else { return };
    drop(node);
    server.clones("bak");
    let lost = goes_on_and_closes(&address, &first);
    let beside = server.dsn(APPLICATION).replace("/shop?", "/bak?");
    a_copy_is_judged(&dsn(&beside, &schema), &first, &lost);
}

#[test]
fn mp17_rows_put_back_into_the_same_tables_while_no_node_ran_are_judged() {
    let Some(Shop { server, schema, address, node, first }) = Shop::opens() else { return };
    drop(node);
    let rows = server.dump_of_rows(&schema);
    let lost = goes_on_and_closes(&address, &first);
    server.puts_rows_back(&schema, &rows);
    // Nor does it become another one by what its owner does behind that.
    let owner = dsn(&server.dsn(OWNER), &schema);
    migrate(&owner, &Migration { loss_possible: true, ..AS_IT_IS }).unwrap();
    a_copy_is_judged(&address, &first, &lost);
}

/// Its tables are written anew, it is called otherwise and again as before: it is no copy.
#[test]
fn mp17_a_database_that_is_looked_after_is_not_taken_for_a_copy() {
    let Some(Shop { server, schema, address, node, .. }) = Shop::opens() else { return };
    drop(node);
    server.sql("VACUUM FULL FREEZE");
    server.restart();
    let owner = dsn(&server.dsn(OWNER), &schema);
    for loss_possible in [false, true] {
        migrate(&owner, &Migration { loss_possible, ..AS_IT_IS }).unwrap();
    }
    server.clones("bak");
    server.puts_in_its_place("bak", "other");
    server.puts_in_its_place("other", "bak");
    let node = open(&address);
    node.enter_boot("b").unwrap();
    fresh(&node, &charge(2));
    assert_eq!(server.sql(&format!("SELECT number FROM {schema}.epoch")), "1");
}

/// From a backup and the archive of its log, as section 6 of "Running a fleet" advises.
#[test]
fn mp17_a_server_that_was_restored_to_a_point_in_time_is_judged_before_anything_is_written() {
    if !are_installed() {
        return;
    }
    let server = Server::archiving();
    server.backs_up();
    let Shop { server, node, first, .. } = Shop::on(server);
    server.marks("before");
    let (paid, lost) = goes_on(&node, first.clone());
    server.is_restored_to("before");
    is_refused(&node, &paid, "nobody has judged");
    let seen = is_judged(&node, &first, &lost);
    assert!(seen.iter().any(|found| found.message.contains("lost 2 writes")), "{seen:?}");
}

#[test]
fn mp17_a_disk_that_went_back_under_a_running_node_is_not_written_to() {
    let Some(shop) = Shop::opens() else { return };
    shop.remembers();
    let (paid, lost) = goes_on(&shop.node, shop.first.clone());
    shop.server.goes_back();
    is_refused(&shop.node, &paid, "went back");
    is_judged(&shop.node, &shop.first, &lost);
}

/// Nothing in the server tells, and no node was there to remember: whoever put it back says so.
#[test]
fn mp17_a_disk_that_was_put_back_while_no_node_ran_is_doubted_when_its_operator_says_so() {
    let Some(shop) = Shop::opens() else { return };
    shop.remembers();
    let Shop { server, schema, address, node, first } = shop;
    let (_, lost) = goes_on(&node, first.clone());
    drop(node);
    server.goes_back();
    // Who opens it is warned.
    let warned = open(&address);
    warned.enter_boot("b").unwrap();
    let seen = warned.found_since();
    assert!(seen.iter().any(|found| found.message.contains("migrate --restored")), "{seen:?}");
    drop(warned);
    let owner = dsn(&server.dsn(OWNER), &schema);
    migrate(&owner, &Migration { restored: true, ..AS_IT_IS }).unwrap();
    let node = open(&address);
    until("it is judged", || node.enter_boot("c").is_ok());
    let seen = is_judged(&node, &first, &lost);
    assert!(seen.is_empty(), "the server was not restarted again: {seen:?}");
    let why = node.findings();
    assert!(why.iter().any(|found| found.message.contains("put back from a copy")), "{why:?}");
}

/// What is printed may be kept, and run behind one restore and again behind another: each is a time of its own.
#[test]
fn mp17_a_judgement_that_was_printed_is_another_one_each_time_that_it_is_run() {
    let Some(Shop { server, schema, node, .. }) = Shop::opens() else { return };
    drop(node);
    let owner = dsn(&server.dsn(OWNER), &schema);
    let restored = Migration { restored: true, print: true, ..AS_IT_IS };
    let text = migrate(&owner, &restored).unwrap();
    let epoch = || server.sql(&format!("SELECT number, nonce FROM {schema}.epoch"));
    let mut names = vec![epoch()];
    for _ in 0..2 {
        server.runs_a_file(OWNER, &text).unwrap();
        names.push(epoch());
    }
    let number = |index: usize| names[index].split('|').next().unwrap().to_owned();
    assert_eq!([number(0), number(1), number(2)], ["1", "2", "3"]);
    let nonce = |index: usize| names[index].split('|').nth(1).unwrap().to_owned();
    assert!(nonce(1) != nonce(2) && nonce(1).len() == 32, "{names:?}");
    // Numbers jump above those of the time at which it is run, not of that at which it was printed.
    let batch = starting_batch(WallTime::now()).unwrap().to_string();
    assert!(!text.contains(&batch), "the batch of the time at which it was printed");
    let floor = server.sql(&format!(
        "SELECT floor >= (extract(epoch FROM now())::bigint - 1735664400) / 900 FROM {schema}.water"
    ));
    assert_eq!(floor, "t");
}

/// As section 7 of "Running a fleet" has it: another system, and no node that ran before to say that nothing is
/// missing.
#[test]
fn mp17_a_cluster_that_pg_upgrade_made_is_judged_like_a_restore() {
    let Some(Shop { server, address, node, first, .. }) = Shop::opens() else { return };
    let (paid, last) = goes_on(&node, first.clone());
    let open_one = fresh(&node, &charge(4));
    drop(node);
    let system = "SELECT system_identifier FROM pg_control_system()";
    let before = server.sql(system);
    server.is_upgraded();
    assert_ne!(server.sql(system), before);
    let node = open(&address);
    until("it is judged", || node.enter_boot("b").is_ok());
    until("it is written to", || {
        let _ = node.tend();
        node.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    let third = node.find(&conformance::invoice(3)).unwrap().unwrap();
    assert!(third.intent.numbers.batch() > last.intent.numbers.batch(), "numbers jump");
    assert!(!third.state.attested);
    let there = node.payment(paid.id).unwrap().unwrap();
    assert_eq!((there.intent, there.state.verdict), (paid.intent, paid.state.verdict));
    let open_one = node.payment(open_one.id).unwrap().unwrap();
    assert_eq!(open_one.state.verdict, Some(Verdict::Quarantined), "never reversed unseen");
    assert!(node.figures().unwrap().doubted);
    assert!(node.vouch("the owner: upgraded, nothing was unsettled").unwrap());
    assert!(fresh(&node, &charge(5)).state.attested);
}

/// The node runs on meanwhile, and compares.
#[test]
fn mp17_a_cluster_that_pg_upgrade_made_under_a_running_node_has_lost_nothing() {
    let Some(Shop { server, node, first, .. }) = Shop::opens() else { return };
    let (_, last) = goes_on(&node, first.clone());
    server.is_upgraded();
    until("it is judged", || {
        let _ = node.tend();
        node.begin(&charge(3), BatchMethod::Continuous).is_ok()
    });
    let third = node.find(&conformance::invoice(3)).unwrap().unwrap();
    assert!(third.intent.numbers.batch() > last.intent.numbers.batch(), "numbers jump");
    let seen = node.findings();
    assert!(third.state.attested && !node.figures().unwrap().doubted, "{seen:?}");
    assert_eq!(node.payment(last.id).unwrap().map(|row| row.state), Some(last.state));
}

/// A server that went back gives an id again, and nothing else shows it: the whole intent is compared.
#[test]
fn mp6_what_a_node_writes_of_a_lost_payment_is_not_written_to_another_of_its_id() {
    let Some(server) = Server::if_installed() else { return };
    let address = dsn(&server.dsn(APPLICATION), &schema(&server));
    // Who has not begun remembers no beat.
    let node = open(&address);
    server.remembers();
    until("it is served again", || node.begin(&charge(1), BatchMethod::Continuous).is_ok());
    let mut lost = node.find(&conformance::invoice(1)).unwrap().unwrap();
    lost.state.verdict = Some(Verdict::Accepted(Source::Push));
    let reached = server.sql("SELECT pg_current_wal_insert_lsn()");
    server.goes_back();
    let other = open(&address);
    let second = fresh(&other, &charge(2));
    assert_eq!(second.id, lost.id);
    // The end of its log does not show it any more, either.
    until("its log is longer than it was", || {
        server.sql("SELECT pg_switch_wal()");
        server.sql("SELECT pg_create_restore_point('on')");
        server.sql(&format!("SELECT pg_current_wal_insert_lsn() > '{reached}'")) == "t"
    });
    let untouched = || assert_eq!(other.payment(second.id).unwrap().as_ref(), Some(&second));
    let mut refused = None;
    until("it is served again", || {
        refused = node.update(&lost).err();
        refused.as_ref().is_none_or(|error| error.kind != JournalErrorKind::Unreachable)
    });
    let refused = refused.unwrap();
    assert!(refused.message.contains("an intent never changes"), "{refused}");
    untouched();
    let mut told = second.clone();
    told.state.verdict = Some(Verdict::Accepted(Source::Push));
    let told = write(&other, told);
    let refused = node.update(&lost).expect_err("it is another's");
    assert_eq!(refused.kind, JournalErrorKind::Frozen, "{refused}");
    assert!(refused.message.contains("is another one than it was"), "{refused}");
    assert_eq!(other.payment(second.id).unwrap(), Some(told));
}
