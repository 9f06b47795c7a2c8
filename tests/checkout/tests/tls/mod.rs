//! A till at OVO's door: the production client over real TCP and TLS, and the sandbox.
//!
//! Nothing is replaced. Only the waits are scaled, on both sides by the same factor, and one
//! sentence is asserted at the end of every test: OVO took exactly what the till was told as paid.

#![allow(dead_code)] // Each test file uses its own part.

pub(crate) mod child;
pub(crate) mod relay;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ovo_ptp::journal::Filter;
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, Timers};
use ovo_ptp::transport::Trust;
use ovo_ptp::{
    AppKey, Charge, Client, ClientBuilder, Credentials, Environment, Event, Outcome, PaymentReport,
    Rupiah, Terminal,
};
use ovo_sandbox::{
    ConnectionFault, ConnectionStep, DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID,
    DEMO_STORE_CODE, DEMO_TID, HostConfig, RequestRecord, Sandbox, SandboxConfig, Script, Step,
};
use tempfile::TempDir;

/// What every payment here costs.
pub(crate) const AMOUNT: i64 = 10_000;

/// Real time that no wait of a test exceeds, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(40);

/// OVO's times multiplied by `scale`, with room where a busy machine would need it.
///
/// What protects against a slow network is not scaled at all: milliseconds of a stalled machine
/// must not look like seconds of OVO's. The check and the decision behind it have real seconds too,
/// or a machine that stalls for one would turn a payment into a refund. D is a quarter of its
/// default, so that a refund closes soon after its decision.
pub(crate) fn roomy(scale: f64) -> Timers {
    let ovo = Timers::scaled(scale);
    let real = Duration::from_secs(4);
    let room = Duration::from_secs(2);
    Timers {
        send_check: real,
        connected_check: real,
        send_budget: real,
        exchange_budget: real,
        check_budget: room,
        decide: ovo.check + room,
        delay_bound: Duration::from_secs(30).mul_f64(scale),
        ..ovo
    }
}

/// The same, but the decision falls at OVO's 65 s.
pub(crate) fn punctual(scale: f64) -> Timers {
    let ovo = Timers::scaled(scale);
    Timers { check_budget: ovo.check_budget, decide: ovo.decide, ..roomy(scale) }
}

/// For a rush of threads, each of which shall be told Paid: all of OVO's real seconds for sending,
/// and six before the decision.
pub(crate) fn patient(scale: f64) -> Timers {
    let Timers { send_check, connected_check, send_budget, exchange_budget, .. } = Timers::OVO;
    let decide = Timers::scaled(scale).check + Duration::from_secs(6);
    Timers { send_check, connected_check, send_budget, exchange_budget, decide, ..roomy(scale) }
}

/// The demo merchant's credentials for one of its terminals.
pub(crate) fn credentials(tid: &str) -> Credentials {
    Credentials::new(
        DEMO_MERCHANT_ID,
        Terminal::new(tid, DEMO_MID, DEMO_STORE_CODE).unwrap(),
        DEMO_APP_ID,
        AppKey::new(DEMO_APP_KEY).unwrap(),
    )
    .unwrap()
}

/// A charge of Rp10.000.
pub(crate) fn charge(invoice: &str, phone: &str) -> Charge {
    Charge::new(invoice, Rupiah::new(AMOUNT).unwrap(), phone.parse().unwrap()).unwrap()
}

/// A phone number that approves at once and that no other `number` shares.
pub(crate) fn customer(number: usize) -> String {
    format!("0813{number:08}")
}

/// A fault for so many connections; 0 is an outage.
pub(crate) fn connections(fault: ConnectionFault, times: u32) -> Script {
    let step = ConnectionStep { fault, skip: 0, times };
    Script { connections: [step].into(), ..Script::default() }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `done`.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The operation's name in the sandbox's log.
fn logged(operation: Operation) -> String {
    operation.name().replace(' ', "_")
}

/// A client, its journal and its events.
pub(crate) struct Till {
    client: Option<Client>,
    journal: TempDir,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Till {
    /// A till that finds OVO at `address` and believes `trust`; `configure` has the last word.
    pub(crate) fn open(
        address: &str,
        trust: Trust,
        timers: Timers,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Till {
        Till::with_credentials(credentials(DEMO_TID), address, trust, timers, configure)
    }

    pub(crate) fn with_credentials(
        credentials: Credentials,
        address: &str,
        trust: Trust,
        timers: Timers,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Till {
        let mut till =
            Till { client: None, journal: TempDir::new().unwrap(), events: Arc::default() };
        till.reopen_with(credentials, address, trust, timers, configure);
        till
    }

    /// Opens another client on the same journal; the last one must be closed or gone.
    pub(crate) fn reopen_with(
        &mut self,
        credentials: Credentials,
        address: &str,
        trust: Trust,
        timers: Timers,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) {
        self.client = None;
        let events = Arc::clone(&self.events);
        let builder = Client::builder(Environment::custom(address), credentials)
            .journal(self.journal.path().join("till.db"))
            .trust(trust)
            .timers(timers)
            .settle_rate(200)
            .observer(move |event| lock(&events).push(event.clone()));
        self.client = Some(configure(builder).open().unwrap());
    }

    pub(crate) fn client(&self) -> &Client {
        self.client.as_ref().unwrap()
    }

    /// Where the journal's files are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.journal.path()
    }

    /// Drops the client; the journal stays.
    pub(crate) fn leave(&mut self) {
        self.client = None;
    }

    pub(crate) fn pay(&self, invoice: &str, phone: &str) -> Outcome {
        self.client().pay(&charge(invoice, phone)).unwrap()
    }

    pub(crate) fn reports(&self) -> Vec<PaymentReport> {
        self.client().payments(&Filter { limit: 10_000, ..Filter::default() }).unwrap()
    }

    pub(crate) fn report(&self, invoice: &str) -> PaymentReport {
        self.client().payment(&invoice.parse().unwrap()).unwrap().unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    /// Whether an alert about the invoice was raised that `wanted` accepts.
    pub(crate) fn alerted(&self, about: &str, wanted: impl Fn(&Alert) -> bool) -> bool {
        self.events().iter().any(|event| {
            matches!(event, Event::Alert { invoice, alert, .. }
                if invoice.as_str() == about && wanted(alert))
        })
    }

    /// How the exchanges of an operation ended, in their order.
    pub(crate) fn results(&self, wanted: Operation) -> Vec<String> {
        let of = |event| match event {
            Event::Exchanged { operation, result, .. } if operation == wanted => Some(result),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }

    /// Waits until nothing is left to do at OVO for any payment.
    pub(crate) fn settle(&self) {
        until("every payment settles", || self.reports().iter().all(|report| report.settled));
    }
}

/// A till and OVO.
pub(crate) struct Shop {
    // The till goes first: it must not see OVO vanish while it closes.
    pub(crate) till: Till,
    pub(crate) ovo: Sandbox,
    pub(crate) timers: Timers,
}

impl std::ops::Deref for Shop {
    type Target = Till;

    fn deref(&self) -> &Till {
        &self.till
    }
}

/// OVO over TLS, its clock faster by `scale`.
pub(crate) fn ovo(scale: f64) -> Sandbox {
    ovo_with(scale, HostConfig::default())
}

pub(crate) fn ovo_with(scale: f64, host: HostConfig) -> Sandbox {
    Sandbox::start(SandboxConfig::https().time_scale(scale).host(host)).unwrap()
}

/// One that wants a certificate of its merchants.
pub(crate) fn ovo_with_client_certificate(scale: f64) -> Sandbox {
    Sandbox::start(SandboxConfig::https().with_client_certificate().time_scale(scale)).unwrap()
}

/// Belief in the sandbox's own authority.
pub(crate) fn trust(ovo: &Sandbox) -> Trust {
    Trust::Pem(ovo.ca_pem().as_bytes().to_vec())
}

impl Shop {
    /// Roomy times.
    pub(crate) fn open(scale: f64) -> Shop {
        Shop::with(scale, roomy(scale), |builder| builder)
    }

    /// The decision at OVO's 65 s.
    pub(crate) fn punctual(scale: f64) -> Shop {
        Shop::with(scale, punctual(scale), |builder| builder)
    }

    pub(crate) fn with(
        scale: f64,
        timers: Timers,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Shop {
        let ovo = ovo(scale);
        let till = Till::open(&ovo.base_url(), trust(&ovo), timers, configure);
        Shop { till, ovo, timers }
    }

    /// The process ends and begins again on the same journal.
    pub(crate) fn reopen(&mut self) {
        let (address, trust) = (self.ovo.base_url(), trust(&self.ovo));
        self.till.reopen_with(credentials(DEMO_TID), &address, trust, self.timers, |it| it);
    }

    /// What goes wrong at OVO, in order.
    pub(crate) fn script(&self, steps: impl Into<Script>) {
        self.ovo.script(steps);
    }

    /// The requests of an operation for an invoice that reached OVO's door.
    pub(crate) fn requests(&self, operation: Operation, invoice: &str) -> Vec<RequestRecord> {
        requests(&self.ovo, operation, invoice)
    }

    /// How many there were.
    pub(crate) fn heard(&self, operation: Operation, invoice: &str) -> usize {
        self.requests(operation, invoice).len()
    }

    /// Waits until all is settled and compares the till's account with OVO's books.
    pub(crate) fn settle_and_compare(&self) {
        self.till.settle();
        compare(&self.ovo, &[&self.till]);
    }
}

/// The requests of an operation for an invoice that reached OVO's door.
pub(crate) fn requests(ovo: &Sandbox, operation: Operation, invoice: &str) -> Vec<RequestRecord> {
    let name = logged(operation);
    let wanted = |record: &RequestRecord| {
        record.operation == Some(&*name)
            && record.invoice.as_deref() == Some(invoice)
            && record.copy_of.is_none()
    };
    ovo.requests().into_iter().filter(wanted).collect()
}

/// The sentence that everything serves, for every payment of every till, and what must hold of the
/// requests whatever happened.
pub(crate) fn compare(ovo: &Sandbox, tills: &[&Till]) {
    let mut known = BTreeSet::new();
    for report in tills.iter().flat_map(|till| till.reports()) {
        let invoice = report.invoice.as_str().to_owned();
        let kept = match &report.outcome {
            Some(Outcome::Paid(receipt)) if !receipt.is_voided() => report.amount.get(),
            _ => 0,
        };
        let taken = ovo.net(&invoice);
        assert_eq!(taken, kept, "{invoice}: OVO took {taken}, the till has {kept}");
        let pushes = requests(ovo, Operation::PushToPay, &invoice).len();
        match &report.outcome {
            // I2: what was told as paid is never reversed.
            Some(Outcome::Paid(_)) => {
                assert_eq!(requests(ovo, Operation::Reversal, &invoice).len(), 0, "{invoice}");
                assert_eq!(pushes, 1, "{invoice}");
            }
            // Proven: not one byte.
            Some(Outcome::NotSent(_)) => assert_eq!(pushes, 0, "{invoice}"),
            // I9. (A push can be lost before OVO's log sees it.)
            _ => assert!(pushes <= 1, "{invoice}: {pushes} pushes"),
        }
        known.insert(invoice);
    }
    for entry in ovo.ledger() {
        assert!(known.contains(&entry.invoice), "{} is in OVO's books only", entry.invoice);
    }
    every_request_had_a_connection_of_its_own(ovo);
}

/// N9: a connection that served before can die under a request, and nobody would know whether the
/// request arrived.
pub(crate) fn every_request_had_a_connection_of_its_own(ovo: &Sandbox) {
    let mut connections = BTreeSet::new();
    for record in ovo.requests().iter().filter(|record| record.copy_of.is_none()) {
        assert_eq!(record.nth, 1, "{record:?}");
        assert!(connections.insert(record.connection), "{record:?}");
    }
}

/// Pays twice for each way in which a push's answer can be unusable, all at once.
///
/// Every customer is debited at once, so only OVO's books know. One payment's check is answered:
/// the till is told Paid, late. The other's check is lost too: NotCompleted, and the money goes
/// back. Neither is pushed a second time.
pub(crate) fn unusable_answers(shop: &Shop, ways: &[(&str, Step)]) {
    std::thread::scope(|scope| {
        for (number, (name, way)) in ways.iter().enumerate() {
            for (fate, lost) in [("CHECKED", false), ("LOST", true)] {
                let invoice = format!("{name}-{fate}");
                shop.script(Step { invoice: Some(invoice.clone()), ..way.clone() });
                if lost {
                    let check = Step::on(Operation::CheckPayment);
                    shop.script(check.invoice(&invoice).unheard());
                }
                let phone = customer(2 * number + usize::from(lost));
                // The checks will fall due as the pushes left: not all in the same millisecond.
                std::thread::sleep(Duration::from_millis(10));
                scope.spawn(move || match shop.pay(&invoice, &phone) {
                    Outcome::Paid(receipt) if !lost => assert!(receipt.is_late(), "{invoice}"),
                    Outcome::NotCompleted(_) if lost => {}
                    other => panic!("{invoice}: {other:?}"),
                });
            }
        }
    });
    shop.settle_and_compare();
    for (name, _) in ways {
        let lost = format!("{name}-LOST");
        assert_eq!(shop.heard(Operation::PushToPay, &lost), 1, "{lost}");
        assert!(shop.heard(Operation::Reversal, &lost) >= 1, "{lost}");
        let entry = shop.ovo.ledger().into_iter().find(|entry| entry.invoice == lost).unwrap();
        assert_eq!((entry.debits, entry.refunds), (1, 1), "{lost}");
    }
}
