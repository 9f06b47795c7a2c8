//! A shop with one terminal, its journal, and OVO on the other side.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ovo_ptp::journal::{Filter, Journal, MemoryJournal};
use ovo_ptp::message::Operation;
use ovo_ptp::{
    AppKey, Charge, Client, ClientBuilder, Clock, Credentials, Environment, Event, MerchantInvoice,
    Outcome, Rupiah, Terminal,
};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID, Host,
    HostConfig, Now, Step,
};

use crate::clock::SimClock;
use crate::wire::{SimWire, lock};

type Configure = Box<dyn Fn(ClientBuilder) -> ClientBuilder>;

/// A shop under test.
pub struct Shop {
    /// Time, for the shop and for OVO.
    pub clock: Arc<SimClock>,
    /// The wire between them.
    pub wire: Arc<SimWire>,
    host: Arc<Mutex<Host>>,
    journal: Arc<dyn Journal>,
    events: Arc<Mutex<Vec<Event>>>,
    configure: Configure,
    client: Option<Client>,
}

impl Shop {
    /// A shop with OVO's times, a memory journal and an OVO with default manners.
    pub fn open() -> Shop {
        Shop::with(HostConfig::default(), |builder| builder)
    }

    /// The same with another OVO and other settings of the client.
    pub fn with(
        host: HostConfig,
        configure: impl Fn(ClientBuilder) -> ClientBuilder + 'static,
    ) -> Shop {
        Shop::with_journal(Arc::new(MemoryJournal::new()), host, configure)
    }

    /// The same with a journal of one's own.
    pub fn with_journal(
        journal: Arc<dyn Journal>,
        host: HostConfig,
        configure: impl Fn(ClientBuilder) -> ClientBuilder + 'static,
    ) -> Shop {
        let clock = Arc::new(SimClock::default());
        let host = Arc::new(Mutex::new(Host::new(host)));
        let wire = Arc::new(SimWire::new(Arc::clone(&clock), Arc::clone(&host)));
        let mut shop = Shop {
            clock,
            wire,
            host,
            journal,
            events: Arc::default(),
            configure: Box::new(configure),
            client: None,
        };
        shop.reopen();
        shop
    }

    /// The terminal's client.
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("the client is open")
    }

    /// Another client on the same journal, as another process of the same host would have.
    pub fn second_client(&self) -> Client {
        self.build()
    }

    fn build(&self) -> Client {
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
        (self.configure)(builder).open().expect("the client opens")
    }

    /// The process ends and begins again on the same journal.
    pub fn reopen(&mut self) {
        self.client = None;
        self.client = Some(self.build());
    }

    /// Pays.
    pub fn pay(&self, invoice: &str, phone: &str) -> Outcome {
        self.client().pay(&charge(invoice, phone)).expect("the payment begins")
    }

    /// What goes wrong at OVO, in order.
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) {
        let steps: Vec<Step> = steps.into_iter().collect();
        self.host().script(steps);
    }

    /// OVO's engine.
    pub fn host(&self) -> MutexGuard<'_, Host> {
        lock(&self.host)
    }

    /// OVO's time.
    pub fn world(&self) -> Now {
        self.clock.world()
    }

    /// Rupiah that OVO has finally taken for an invoice, by now.
    pub fn net(&self, invoice: &str) -> i64 {
        let mut host = self.host();
        host.advance(self.clock.world());
        host.net(invoice)
    }

    /// How many requests of an operation OVO has heard.
    pub fn heard(&self, operation: Operation) -> usize {
        let name = operation.name();
        self.host().requests().iter().filter(|record| record.operation == Some(name)).count()
    }

    /// Every event so far.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    /// Whether an alert was raised that `wanted` accepts.
    pub fn alerted(&self, wanted: impl Fn(&ovo_ptp::payment::Alert) -> bool) -> bool {
        self.events()
            .iter()
            .any(|event| matches!(event, Event::Alert { alert, .. } if wanted(alert)))
    }

    /// Lets time pass and settlement run for this long.
    pub fn settle_for(&self, duration: Duration) {
        let end = self.clock.boottime().plus(duration);
        loop {
            self.client().settle().expect("settles");
            let left = end.since(self.clock.boottime());
            if left.is_zero() {
                return;
            }
            let next = self.client().next_settlement().expect("the journal answers");
            let pause = next.unwrap_or(left).min(left);
            self.clock.sleep(pause.max(Duration::from_millis(1)));
        }
    }

    /// Lets settlement run until nothing is left to do at OVO. Panics if a day is not enough.
    pub fn settle_all(&self) {
        let unsettled = Filter { unsettled: true, ..Filter::default() };
        for _ in 0..10_000 {
            self.client().settle().expect("settles");
            if self.client().payments(&unsettled).expect("the journal answers").is_empty() {
                return;
            }
            let next = self.client().next_settlement().expect("the journal answers");
            self.clock.sleep(next.expect("something is due").max(Duration::from_millis(1)));
        }
        panic!("not settled: {:?}", self.client().payments(&unsettled));
    }

    /// The sentence that everything serves, asserted for every payment of the journal and for
    /// every payment that OVO knows: debited exactly when told Paid (and not voided).
    pub fn assert_every_rupiah_agrees(&self) {
        let reports = self.client().payments(&Filter::default()).expect("the journal answers");
        for report in &reports {
            let kept = match &report.outcome {
                Some(Outcome::Paid(receipt)) if !receipt.is_voided() => report.amount.get(),
                _ => 0,
            };
            let taken = self.net(report.invoice.as_str());
            assert_eq!(taken, kept, "{}: OVO took {taken}, the shop has {kept}", report.invoice);
        }
        for entry in self.host().ledger() {
            let known = reports.iter().any(|report| report.invoice.as_str() == entry.invoice);
            let foreign = entry.invoice.starts_with("OTHER-");
            assert!(known || foreign, "{} is in OVO's books only", entry.invoice);
        }
    }
}

/// A charge of Rp10.000.
pub fn charge(invoice: &str, phone: &str) -> Charge {
    Charge::new(
        invoice,
        Rupiah::new(10_000).expect("a valid amount"),
        phone.parse().expect("a valid phone"),
    )
}

/// An invoice.
pub fn invoice(text: &str) -> MerchantInvoice {
    text.parse().expect("a valid invoice")
}
