//! What a dead node owes, drained by the others: how fast, and what becomes of new payments meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ovo_crash::process::Process;
use ovo_crash::shop::Shop;
use ovo_crash::till::AMOUNT;
use ovo_ptp::journal::Filter;
use ovo_ptp::payment::Timers;
use ovo_ptp::{Charge, Client, ErrorKind, JournalReader, Outcome, Rupiah};

use crate::{APPLICATION, Server, Street, charge, until};

/// Real time over OVO's. What a settlement rate allows in a second of OVO's is asked in so much of ours.
const SCALE: f64 = 0.05;
/// Nodes that are left.
const NODES: usize = 4;
/// Requests that one node may have ready when their turns come, on a machine that was busy with something else.
const READY: u64 = 4;
/// How long the rate is counted, in seconds.
const WINDOW: u64 = 5;

/// What was seen.
#[derive(Debug)]
pub struct Drained {
    /// Rows that it left when it died.
    pub rows: u64,
    /// What the fleet may ask OVO in a second.
    pub rate: u64,
    /// From the first request for one of them to the last.
    pub lasted: Duration,
    /// Most requests for them in five seconds.
    pub most: u64,
    /// How long the new payments took that were paid meanwhile.
    pub paid: Vec<Duration>,
}

impl Drained {
    /// Whether it is the fleet's rate, and nobody was starved.
    ///
    /// # Panics
    /// If not.
    pub fn is_right(&self) {
        let allowed = (WINDOW + 1) * self.rate + READY * NODES as u64;
        assert!(self.most <= allowed, "{} in {WINDOW} s, allowed {allowed}: {self:?}", self.most);
        assert!(self.paid.len() >= 2, "new payments wait: {self:?}");
        let slowest = Duration::from_secs(60 + 4 * self.rows / self.rate);
        assert!(self.lasted < slowest, "{self:?}");
    }
}

/// Lets a node die that owes a look behind each of `rows` declines, beside four others that may ask `settle_rate`
/// times in a second of OVO's.
///
/// # Panics
/// If a payment ends otherwise than it should, or the drain does not.
pub fn drains(program: &Path, rows: u64, settle_rate: u32) -> Drained {
    let server = Server::migrated().expect("PostgreSQL is installed");
    let mut street = Street::at(SCALE);
    street.room = Duration::from_secs(5);
    let database = server.dsn(APPLICATION);
    let shop = street.shop(&database);
    let option = format!("settle-rate={settle_rate}");
    let _others: Vec<Process> = (1..NODES)
        .map(|_| {
            let mut node = Process::start(shop.command(program).args(["settle", &option]));
            node.says("open");
            node
        })
        .collect();
    let mut node = None;
    until("the fourth opens", || {
        let builder = shop.builder().expect("a set-up").settle_rate(settle_rate);
        node = builder.open().ok();
        node.is_some()
    });
    let node = node.expect("it opened");
    let mut dead = Process::start(shop.command(program).args(["owe", &rows.to_string()]));
    (0..rows / STEP).for_each(|_| drop(dead.says("so far")));
    dead.says("owes");
    dead.kill();
    let reader = JournalReader::open(&database).expect("a reader");
    let left = || reader.health().map_or(u64::MAX, |health| health.unsettled);
    let mut owed = 0;
    until("the journal says what is owed", || {
        owed = left();
        owed <= rows
    });
    let before = checks(&street).len();
    until("the others begin", || checks(&street).len() > before);
    let mut paid = Vec::new();
    let mut seen = (Instant::now(), left());
    loop {
        let begun = Instant::now();
        let sale = charge(&format!("NEW-{}", paid.len())).allow_second_push();
        let told = node.pay(&sale);
        let now = left();
        if now == 0 {
            break;
        }
        match told {
            Ok(Outcome::Paid(_)) => paid.push(begun.elapsed()),
            // A server on a busy machine may answer later than a node waits.
            Err(error) if error.kind() == ErrorKind::Journal => {}
            told => panic!("a new payment: {told:?}"),
        }
        if now < seen.1 {
            seen = (Instant::now(), now);
        }
        assert!(seen.0.elapsed() < crate::PATIENCE, "{now} are left, and none is settled");
        std::thread::sleep(Duration::from_millis(200));
    }
    // A payment without a word may be on its way.
    until("every rupiah is where it belongs", || {
        node.payments(&Filter { unsettled: true, ..Filter::default() })
            .is_ok_and(|it| it.is_empty())
    });
    for entry in street.ovo.ledger() {
        let wanted = if entry.invoice.starts_with("OWED-") { 0 } else { 12_500 };
        assert_eq!(entry.net(), wanted, "{}", entry.invoice);
    }
    let times = checks(&street);
    let in_window = |from: &u64| {
        times.iter().filter(|at| (*from..*from + WINDOW * 1_000).contains(at)).count() as u64
    };
    let (first, last) = (times.first().copied(), times.last().copied());
    Drained {
        rows: owed,
        rate: (f64::from(settle_rate) / SCALE) as u64,
        lasted: Duration::from_millis(last.unwrap_or(0) - first.unwrap_or(0)),
        most: times.iter().map(in_window).max().unwrap_or(0),
        paid,
    }
}

/// When OVO was asked about what the dead node left, in real milliseconds, sorted.
fn checks(street: &Street) -> Vec<u64> {
    let is_one =
        |invoice: &Option<String>| invoice.as_ref().is_some_and(|it| it.starts_with("OWED-"));
    let requests = street.ovo.requests().into_iter();
    let checks = requests.filter(|it| it.operation == Some("check_payment") && is_one(&it.invoice));
    let mut times: Vec<u64> = checks.map(|it| (it.at_ms as f64 * SCALE) as u64).collect();
    times.sort_unstable();
    times
}

/// How often [`owes`] says how far it is.
const STEP: u64 = 100;

/// The node that dies: takes payments whose customers decline, and looks behind none of them. Says so.
///
/// # Errors
/// The client's.
pub fn owes(shop: &Shop, rows: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // On a machine that is not too busy none is due before it is dead.
    let delay_bound = Duration::from_secs(10 + rows / 40);
    let timers = Timers { delay_bound, ..shop.timers() };
    let client = shop.builder()?.background(false).timers(timers).open()?;
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= rows {
                        return;
                    }
                    is_declined(&client, &format!("OWED-{number}"));
                    if number % STEP == STEP - 1 {
                        println!("so far {number}");
                    }
                }
            });
        }
    });
    println!("owes");
    Ok(())
}

fn is_declined(client: &Client, invoice: &str) {
    let amount = Rupiah::new(AMOUNT).expect("an amount");
    let phone = "081200001700".parse().expect("a phone");
    let charge = Charge::new(invoice, amount, phone).expect("an invoice").allow_second_push();
    until(invoice, || match client.pay(&charge) {
        Ok(Outcome::Declined(_)) => true,
        Ok(told) => panic!("{invoice}: {told:?}"),
        Err(_) => false,
    });
}
