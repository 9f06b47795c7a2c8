//! A shop with one terminal, its journal, and OVO on the other side.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ovo_ptp::journal::{Filter, Journal, MemoryJournal};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::Alert;
use ovo_ptp::payment::history::Entry;
use ovo_ptp::{
    AppKey, Charge, Client, ClientBuilder, Clock, Credentials, Environment, Error, Event,
    MerchantInvoice, Outcome, PaymentReport, Rupiah, Terminal,
};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID, Host,
    HostConfig, Now, RequestRecord, Step,
};

use crate::clock::SimClock;
use crate::mortal::{Disk, Life, MortalJournal};
use crate::wire::{SimWire, lock};

type Configure = Box<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>;

/// Everything that does not stop when the shop's process does: time, network, OVO.
#[derive(Clone)]
pub struct Outside {
    /// Time, for the shop and for OVO.
    pub clock: Arc<SimClock>,
    /// The wire between them.
    pub wire: Arc<SimWire>,
    host: Arc<Mutex<Host>>,
}

impl Outside {
    /// OVO's engine, brought up to now.
    pub fn host(&self) -> MutexGuard<'_, Host> {
        let now = self.clock.world();
        let mut host = lock(&self.host);
        host.advance(now);
        host
    }

    /// OVO's time.
    pub fn world(&self) -> Now {
        self.clock.world()
    }

    /// What goes wrong at OVO, in order.
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) {
        let steps: Vec<Step> = steps.into_iter().collect();
        self.host().script(steps);
    }

    /// OVO revokes the merchant's credentials, or gives them back.
    pub fn revoke_credentials(&self, revoked: bool) {
        self.host().config_mut().merchants[0].revoked = revoked;
    }

    /// Rupiah that OVO has finally taken for an invoice, by now.
    pub fn net(&self, invoice: &str) -> i64 {
        self.host().net(invoice)
    }

    /// Every request of an operation that reached OVO.
    pub fn requests(&self, operation: Operation) -> Vec<RequestRecord> {
        let name = script_name(operation);
        let all = self.host().requests();
        all.into_iter().filter(|record| record.operation == Some(name.as_str())).collect()
    }

    /// How many requests of an operation reached OVO.
    pub fn heard(&self, operation: Operation) -> usize {
        self.requests(operation).len()
    }
}

/// A shop under test.
pub struct Shop {
    outside: Outside,
    /// The present process's life.
    pub life: Arc<Life>,
    /// What its journal stands on.
    pub disk: Arc<Disk>,
    journal: Arc<dyn Journal>,
    events: Arc<Mutex<Vec<Event>>>,
    told: Mutex<Vec<Outcome>>,
    pub(crate) late_pushes: AtomicBool,
    configure: Configure,
    client: Option<Arc<Client>>,
}

impl Deref for Shop {
    type Target = Outside;

    fn deref(&self) -> &Outside {
        &self.outside
    }
}

impl Shop {
    /// A shop with OVO's times, a memory journal and an OVO with default manners.
    pub fn open() -> Shop {
        Shop::with(HostConfig::default(), |builder| builder)
    }

    /// The same with another OVO and other settings of the client.
    pub fn with(
        host: HostConfig,
        configure: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
    ) -> Shop {
        Shop::with_journal(Arc::new(MemoryJournal::new()), host, configure)
    }

    /// The same with a journal of one's own.
    pub fn with_journal(
        journal: Arc<dyn Journal>,
        host: HostConfig,
        configure: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
    ) -> Shop {
        let clock = Arc::new(SimClock::default());
        let host = Arc::new(Mutex::new(Host::new(host)));
        let (life, disk) = (Arc::new(Life::default()), Arc::new(Disk::default()));
        let wire = SimWire::new(Arc::clone(&clock), Arc::clone(&host), Arc::clone(&life));
        let mut shop = Shop {
            outside: Outside { clock, wire: Arc::new(wire), host },
            journal: Arc::new(MortalJournal {
                kept: journal,
                life: Arc::clone(&life),
                disk: Arc::clone(&disk),
            }),
            life,
            disk,
            events: Arc::default(),
            told: Mutex::default(),
            late_pushes: AtomicBool::default(),
            configure: Box::new(configure),
            client: None,
        };
        shop.reopen();
        shop
    }

    /// The terminal's client.
    pub fn client(&self) -> &Arc<Client> {
        self.client.as_ref().expect("the client is open")
    }

    /// Another client on the same journal, as another process of the same host would have.
    pub fn second_client(&self) -> Arc<Client> {
        self.client_with(|builder| builder)
    }

    /// The same with other settings.
    pub fn client_with(&self, change: impl Fn(ClientBuilder) -> ClientBuilder) -> Arc<Client> {
        let credentials = Credentials::new(
            DEMO_MERCHANT_ID,
            Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE).expect("demo terminal"),
            DEMO_APP_ID,
            AppKey::new(DEMO_APP_KEY).expect("demo key"),
        )
        .expect("demo credentials");
        let events = Arc::clone(&self.events);
        let builder = Client::builder(Environment::Staging, credentials)
            .journal_engine(Arc::clone(&self.journal))
            .transport(self.wire.clone())
            .clock(self.clock.clone())
            .background(false)
            .observer(move |event| lock(&events).push(event.clone()));
        Arc::new(change((self.configure)(builder)).open().expect("the client opens"))
    }

    /// The process ends and another begins on the same journal.
    pub fn reopen(&mut self) {
        self.client = None;
        self.life.begins();
        self.client = Some(self.client_with(|builder| builder));
    }

    /// The process ends, the machine restarts, and another process begins.
    pub fn reboot(&mut self) {
        self.client = None;
        self.clock.reboot();
        self.reopen();
    }

    /// Plans something outside of the shop for the moment at which so much time has passed.
    pub fn later(&self, after: Duration, act: impl FnOnce(&Outside) + Send + 'static) {
        let outside = self.outside.clone();
        self.clock.later(after, move || act(&outside));
    }

    /// The process that lets this time come dies of it.
    pub fn dies_after(&self, after: Duration) {
        let life = Arc::clone(&self.life);
        self.clock.later(after, move || life.end());
    }

    /// Pushes of this test leave so late that OVO's waits cannot be counted from them.
    pub fn pushes_leave_late(&self) {
        self.late_pushes.store(true, Ordering::Relaxed);
    }

    /// Pays.
    pub fn pay(&self, invoice: &str, phone: &str) -> Outcome {
        self.pay_with(self.client(), &charge(invoice, phone))
    }

    /// Pays with one client of several.
    pub fn pay_with(&self, client: &Client, charge: &Charge) -> Outcome {
        self.try_pay(client, charge).expect("the payment begins")
    }

    /// Pays, or cannot begin.
    pub fn try_pay(&self, client: &Client, charge: &Charge) -> Result<Outcome, Error> {
        let outcome = client.pay(charge)?;
        lock(&self.told).push(outcome.clone());
        Ok(outcome)
    }

    /// What callers were told about a payment so far, in one or two words each.
    pub fn told(&self, invoice: &MerchantInvoice) -> Vec<&'static str> {
        let told = lock(&self.told);
        told.iter().filter(|told| told.invoice() == invoice).map(Outcome::name).collect()
    }

    /// Everything that the journal knows.
    pub fn reports(&self) -> Vec<PaymentReport> {
        let all = Filter { limit: 100_000, ..Filter::default() };
        self.client().payments(&all).expect("the journal answers")
    }

    /// What the journal knows of a payment's past.
    pub fn history(&self, text: &str) -> Vec<Entry> {
        let found = self.journal.find(&invoice(text)).expect("the journal can be read");
        found.expect("the payment is there").history.entries()
    }

    /// How many commits a payment took.
    pub fn commits(&self, text: &str) -> u64 {
        let found = self.journal.find(&invoice(text)).expect("the journal can be read");
        found.expect("the payment is there").version
    }

    /// What the journal knows of one payment.
    pub fn report(&self, text: &str) -> PaymentReport {
        let found = self.client().payment(&invoice(text)).expect("the journal answers");
        found.unwrap_or_else(|| panic!("{text} is not in the journal"))
    }

    /// Every event so far.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    /// Every alert so far.
    pub fn alerts(&self) -> Vec<Alert> {
        let events = self.events();
        let alerts = events.iter().filter_map(|event| match event {
            Event::Alert { alert, .. } => Some(*alert),
            _ => None,
        });
        alerts.collect()
    }

    /// Whether an alert was raised that `wanted` accepts.
    pub fn alerted(&self, wanted: impl Fn(&Alert) -> bool) -> bool {
        self.alerts().iter().any(wanted)
    }

    /// Lets time pass and settlement run for this long.
    pub fn settle_for(&self, duration: Duration) {
        let end = self.clock.boottime().plus(duration);
        for _ in 0..100_000 {
            self.client().settle().expect("settles");
            let left = end.since(self.clock.boottime());
            if left.is_zero() {
                return;
            }
            let next = self.client().next_settlement().expect("the journal answers");
            self.clock.sleep(next.unwrap_or(left).min(left));
        }
        panic!("settlement turns in circles: {:?}", self.unsettled());
    }

    /// Lets settlement run until nothing is left that could be done at OVO by itself.
    pub fn settle_all(&self) {
        for _ in 0..10_000 {
            self.client().settle().expect("settles");
            if self.unsettled().is_empty() {
                return;
            }
            let next = self.client().next_settlement().expect("the journal answers");
            self.clock.sleep(next.expect("something is due"));
        }
        panic!("not settled: {:?}", self.unsettled());
    }

    /// Payments that are not settled and do not wait for an operator.
    pub fn unsettled(&self) -> Vec<PaymentReport> {
        // What takes more than a day is listed for an operator, and goes on all the same.
        let open = |report: &PaymentReport| {
            !report.settled && report.settlement != "waits for an operator"
        };
        self.reports().into_iter().filter(open).collect()
    }
}

/// An operation's name in OVO's request log.
pub(crate) fn script_name(operation: Operation) -> String {
    operation.name().replace(' ', "_")
}

/// A charge of Rp10.000.
pub fn charge(invoice: &str, phone: &str) -> Charge {
    Charge::new(
        invoice,
        Rupiah::new(10_000).expect("a valid amount"),
        phone.parse().expect("a valid phone"),
    )
    .expect("a valid invoice")
}

/// An invoice.
pub fn invoice(text: &str) -> MerchantInvoice {
    text.parse().expect("a valid invoice")
}

/// So many seconds, and parts of seconds.
pub fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

/// So many minutes.
pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// So many hours.
pub fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// So many days.
pub fn days(count: u64) -> Duration {
    hours(count * 24)
}

/// Settles everything and the next three days, in which both looks behind what is closed fall, and asserts
/// the whole truth at both ends.
pub fn settled(shop: &Shop) {
    shop.settle_all();
    shop.assert_every_rupiah_agrees();
    shop.settle_for(days(3));
    shop.assert_every_rupiah_agrees();
}
