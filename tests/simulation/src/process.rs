//! A process of the shop: it opens the journal, pays, settles, obeys its operator, and dies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memchr::memmem::Finder;
use ovo_checkout::{Disk, Life, MortalJournal, SimClock, SimWire, lock};
use ovo_ptp::journal::{Filter, Journal, SqliteJournal, SqliteOptions};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, Payment, Ruling, Verdict};
use ovo_ptp::{
    AppKey, Charge, Client, Credentials, Environment, Error, ErrorKind, Event, MerchantInvoice,
    Outcome, PaymentReport, PhoneNumber, Rupiah, Terminal, VoidOutcome,
};
use ovo_sandbox::{
    Behaviour, DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
    Entry, Host,
};

use crate::canary::Canary;
use crate::disk::{Mount, MountedFiles, SimDisk};
use crate::fleet::{Fleet, Opened};
use crate::memory::{of_call, outside};
use crate::plan::Plan;
use crate::random::Chance;
use crate::slow::SlowJournal;
use crate::story::Story;
use crate::till::Manner;
use crate::weather::Weather;

/// Rust's side of one call may hold this much at once (I14).
const MOST_MEMORY: usize = 96 << 10;
/// OVO's 15 s, spread by 20 % and by the wait of a network that comes back.
const SHORTEST_PAUSE: u64 = 10_000;
/// A service that cannot open its journal, or whose journal fails, is restarted after so many tries.
const MOST_FAILURES: u32 = 3;

/// What all processes of a history share.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) canary: Canary,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) host: Arc<Mutex<Host>>,
    pub(crate) disk: Arc<SimDisk>,
    /// The database of several machines, instead of the disk.
    pub(crate) fleet: Option<Fleet>,
    pub(crate) story: Arc<Story>,
    /// The faults have stopped.
    pub(crate) calm: Arc<AtomicBool>,
    /// Some request left so late that OVO's waits cannot be counted from it.
    pub(crate) late: Arc<AtomicBool>,
    pub(crate) told: Mutex<Vec<(MerchantInvoice, &'static str)>>,
    /// Payments that a verdict made paid.
    pub(crate) paid: Mutex<BTreeSet<String>>,
    /// Payments that are for people to settle: OVO reversed them by itself, or a void's end was
    /// never known.
    pub(crate) by_hand: Mutex<BTreeSet<String>>,
    /// When OVO reversed a payment by itself.
    pub(crate) taken_back: Mutex<BTreeMap<String, u64>>,
    /// Calls that wait for a payment's outcome.
    pub(crate) awaited: Mutex<BTreeMap<String, u32>>,
    /// When payments were closed first.
    pub(crate) closed: Mutex<BTreeMap<String, u64>>,
    /// When which request about which payment left: those that the policy makes by itself.
    pub(crate) sent: Mutex<BTreeMap<(String, &'static str), Vec<u64>>>,
    /// Payments that somebody asked about by hand.
    pub(crate) asked_by_hand: Mutex<BTreeSet<String>>,
    /// Payments whose void was left to people, and who heard that it was carried out.
    pub(crate) voided_after_all: Mutex<BTreeSet<String>>,
    /// When a cashier was told of a payment that a new attempt makes sense.
    pub(crate) invited: Mutex<BTreeMap<String, u64>>,
    /// Sales that some till has asked for.
    pub(crate) asked: Mutex<BTreeSet<String>>,
    /// Threads that clients have started and that have not had a turn.
    pub(crate) newborns: Mutex<Vec<Newborn>>,
    pub(crate) secrets: Arc<Vec<Finder<'static>>>,
    pub(crate) most_memory: AtomicU64,
}

impl World {
    /// What OVO has taken for an invoice by now.
    fn net(&self, invoice: &str) -> i64 {
        let mut host = lock(&self.host);
        host.advance(self.clock.world());
        host.net(invoice)
    }

    /// What would be left of a payment's row if all processes died and the power went now.
    pub(crate) fn durable(&self, invoice: &MerchantInvoice) -> Option<Payment> {
        outside(|| {
            if let Some(fleet) = &self.fleet {
                return fleet.twin.stored(invoice);
            }
            let disk = self.disk.after_a_power_cut();
            let mount = Mount::new(&disk, &Arc::default());
            let path = mount.path("ovo.db");
            let files = Arc::new(MountedFiles(mount));
            let journal = SqliteJournal::open_on(files, path, &SqliteOptions::default()).ok()?;
            journal.find(invoice).ok()?
        })
    }

    /// A reversal is about to leave: what allows it must be durable (I3).
    pub(crate) fn reverses(&self, invoice: &str) {
        if !self.plan.looks_behind {
            return;
        }
        let durable = self.durable(&self::invoice(invoice));
        let verdict = durable.and_then(|payment| payment.state.verdict);
        if !matches!(verdict, Some(Verdict::Abandoned | Verdict::Declined(_))) {
            self.story.breaks(format!("{invoice}: reversed before that was durable (I3)"));
        }
    }

    /// Paid is told: that must be durable (I1).
    fn told_paid(&self, invoice: &MerchantInvoice) {
        if !self.plan.looks_behind {
            return;
        }
        let durable = self.durable(invoice);
        let verdict = durable.and_then(|payment| payment.state.verdict);
        if !matches!(verdict, Some(Verdict::Accepted(_))) {
            self.story.breaks(format!("{invoice}: told paid before that was durable (I1)"));
        }
    }

    /// I13 for everything that leaves the client as text.
    fn inspect(&self, text: &str) {
        for secret in self.secrets.iter() {
            if secret.find(text.as_bytes()).is_some() {
                self.story.breaks(format!("a secret is in {text:?} (I13)"));
            }
        }
    }

    pub(crate) fn refused(&self, who: &str, error: &Error) {
        outside(|| {
            let text = error.to_string();
            self.inspect(&text);
            self.story.tell(who, || format!("  refused: {text}"));
            if error.kind() == ErrorKind::Internal {
                self.story.breaks(format!("a defect: {text}"));
            }
        });
    }

    /// I6: what is closed and not paid is neither debited now nor ever again.
    fn is_closed(&self, invoice: &str) {
        if lock(&self.paid).contains(invoice) || !self.plan.closed_is_closed() {
            return;
        }
        if self.net(invoice) > 0 {
            self.story.breaks(format!("{invoice}: closed, and debited (I6)"));
        }
        lock(&self.closed).entry(invoice.to_owned()).or_insert(self.clock.world().ms);
    }

    /// A dead machine's payments go on at a live one, and wait for nothing but their window.
    fn is_decided(&self, invoice: &str) {
        const LATEST: u64 = 65_000 + 60_000;
        if !self.plan.is_bounded {
            return;
        }
        let key = (invoice.to_owned(), Operation::PushToPay.name());
        let pushed = lock(&self.sent).get(&key).and_then(|times| times.first().copied());
        let now = self.clock.world().ms;
        if let Some(pushed) = pushed.filter(|pushed| now > pushed + LATEST) {
            let late = (now - pushed) / 1_000;
            self.story.breaks(format!("{invoice}: decided {late} s behind its push (MP10)"));
        }
    }

    /// A request about a payment is about to leave.
    pub(crate) fn leaves(&self, operation: Operation, invoice: &str) -> u64 {
        let now = self.clock.world().ms;
        let key = (invoice.to_owned(), operation.name());
        lock(&self.sent).entry(key).or_default().push(now);
        now
    }

    /// Not one byte of the request of that time left, after all.
    pub(crate) fn never_left(&self, operation: Operation, invoice: &str, at: u64) {
        let key = (invoice.to_owned(), operation.name());
        if let Some(times) = lock(&self.sent).get_mut(&key) {
            times.retain(|time| *time != at);
        }
    }

    /// However long it goes on and whatever OVO answers: no request is repeated within 10 s, nor
    /// more often than this in any ten minutes.
    pub(crate) fn keeps_pace(&self) {
        // Where a process stands still between its decision and the request, these are no pauses.
        if self.plan.suspends > 0 || self.plan.slow_disk || self.plan.odds.still > 0 {
            return;
        }
        for (operation, most) in [(Operation::Reversal, 12), (Operation::CheckPayment, 24)] {
            for ((invoice, name), times) in &*lock(&self.sent) {
                let by_hand = operation == Operation::CheckPayment
                    && lock(&self.asked_by_hand).contains(invoice);
                if *name != operation.name() || by_hand {
                    continue;
                }
                if times.windows(2).any(|pair| pair[1] < pair[0] + SHORTEST_PAUSE) {
                    self.story.breaks(format!("{invoice}: {name} repeated within 10 s (pace)"));
                }
                if times.windows(most + 1).any(|window| window[most] < window[0] + 600_000) {
                    self.story.breaks(format!("{invoice}: {name} {most} times in 10 min (pace)"));
                }
            }
        }
    }

    /// The cashier reads that a new attempt makes sense: then nobody may be debited for this one.
    fn invites(&self, invoice: &MerchantInvoice) {
        let mut host = lock(&self.host);
        let now = self.clock.world();
        host.advance(now);
        let debited =
            |entry: &Entry| entry.invoice == invoice.as_str() && entry.net() > 0 && !is_lie(entry);
        if host.ledger().iter().any(debited) {
            self.story.breaks(format!("{invoice}: a new attempt makes sense, and it is debited"));
        }
        lock(&self.invited).entry(invoice.as_str().to_owned()).or_insert(now.ms);
    }

    /// A cashier hears an outcome.
    pub(crate) fn tells_the_cashier(&self, outcome: &Outcome) {
        lock(&self.told).push((outcome.invoice().clone(), outcome.name()));
        if let Outcome::Declined(decline) = outcome {
            if decline.new_attempt_makes_sense() {
                self.invites(outcome.invoice());
            }
        }
        if outcome.is_paid() {
            self.told_paid(outcome.invoice());
        }
    }

    /// Somebody waits for a payment's outcome as long as what is returned lives.
    pub(crate) fn awaits(&self, invoice: &str) -> Awaited<'_> {
        *lock(&self.awaited).entry(invoice.to_owned()).or_default() += 1;
        Awaited(self, invoice.to_owned())
    }

    /// I14.
    pub(crate) fn weigh(&self, call: &str, bytes: usize) {
        self.most_memory.fetch_max(bytes as u64, Ordering::Relaxed);
        // The twin of the database is not the client's, and holds all that it could lose.
        if bytes > MOST_MEMORY && self.fleet.is_none() {
            self.story.breaks(format!("{call} held {bytes} bytes at once (I14)"));
        }
    }

    fn observe(&self, who: &str, event: &Event) {
        outside(|| match event {
            // Once a second; its text holds the invoice and a time.
            Event::Progress { .. } => {}
            event => {
                if let Event::Decided { invoice, .. } = event {
                    self.is_decided(invoice.as_str());
                }
                match event {
                    Event::Decided { invoice, outcome: "paid" } => {
                        lock(&self.paid).insert(invoice.as_str().to_owned());
                        // Who gave the payment up reads a durable Paid, perhaps before its owner tells this.
                        let is_told = lock(&self.told)
                            .iter()
                            .any(|(told, outcome)| told == invoice && *outcome == "paid");
                        if !is_told && !lock(&self.awaited).contains_key(invoice.as_str()) {
                            self.story.breaks(format!("{invoice}: paid, for nobody (rule 10)"));
                        }
                    }
                    Event::Alert { invoice, alert: Alert::VoidUnresolved, .. } => {
                        lock(&self.by_hand).insert(invoice.as_str().to_owned());
                    }
                    Event::Alert { invoice, alert: Alert::VoidedAfterAll, .. } => {
                        lock(&self.voided_after_all).insert(invoice.as_str().to_owned());
                    }
                    Event::Settled { invoice } => self.is_closed(invoice.as_str()),
                    _ => {}
                }
                let text = format!("{event:?}");
                self.inspect(&text);
                self.story.tell(who, || format!("  {event}"));
                // The codes of a CHECK and of a trigger: the database stops a defect of the client.
                if text.contains("(275)") || text.contains("(1811)") {
                    self.story.breaks(format!("the journal forbids: {text}"));
                }
            }
        });
    }
}

/// Somebody waits for a payment's outcome; also a process that dies stops to wait.
pub(crate) struct Awaited<'a>(&'a World, String);

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let mut awaited = lock(&self.0.awaited);
        match awaited.get_mut(&self.1) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                awaited.remove(&self.1);
            }
        }
    }
}

/// Something for the operator of a process to do.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Void(String),
    CheckVoid(String),
    /// Closes a paid payment whose void takes too long.
    CloseVoid(String),
    Check(String),
    Acknowledge,
    ReportPaid(String),
    /// Decides what OVO's books say.
    Rule,
    /// Pays again what is not known to be decided.
    Ask(Request),
    Inquire(String),
}

/// What a customer is to pay.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) invoice: String,
    pub(crate) phone: String,
    pub(crate) amount: i64,
    pub(crate) second_push: bool,
    pub(crate) manner: Manner,
}

impl Request {
    pub(crate) fn charge(&self) -> Charge {
        let phone: PhoneNumber = self.phone.parse().expect("a valid phone");
        let amount = Rupiah::new(self.amount).expect("a valid amount");
        let charge = Charge::new(&self.invoice, amount, phone).expect("a valid invoice");
        if self.second_push { charge.allow_second_push() } else { charge }
    }
}

/// One life of a process.
pub(crate) struct Process {
    pub(crate) name: String,
    /// Which of the shop's places it has.
    pub(crate) seat: usize,
    pub(crate) life: Arc<Life>,
    pub(crate) wire: Arc<SimWire>,
    pub(crate) world: Arc<World>,
    pub(crate) chance: Mutex<Chance>,
    client: Mutex<Option<Arc<Client>>>,
    /// The journal of a fleet's machine.
    journal: Mutex<Option<Arc<dyn Journal>>>,
    pub(crate) tasks: Mutex<VecDeque<Task>>,
    /// Invoices that a till of this process is bringing to their verdict.
    pub(crate) flying: Mutex<BTreeSet<String>>,
    /// The settler sleeps and may be woken.
    pub(crate) idle: AtomicBool,
    /// A till wants the settler.
    pub(crate) poked: AtomicBool,
    /// It ends in order.
    pub(crate) closing: AtomicBool,
    /// Threads that the client has.
    pub(crate) threads: Arc<AtomicU32>,
}

/// A thread that a client has started.
pub(crate) struct Newborn {
    pub(crate) life: Arc<Life>,
    pub(crate) body: Box<dyn FnOnce() + Send>,
}

/// A thread of a client lives, also if it dies of its process.
struct Living(Arc<AtomicU32>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(crate) fn invoice(text: &str) -> MerchantInvoice {
    text.parse().expect("a valid invoice")
}

impl Process {
    pub(crate) fn new(seat: usize, world: &Arc<World>, chance: Chance) -> Arc<Process> {
        let name = format!("shop {}", char::from(b'A' + u8::try_from(seat).unwrap_or(0)));
        let life = Arc::new(Life::default());
        let (clock, host) = (Arc::clone(&world.clock), Arc::clone(&world.host));
        Arc::new(Process {
            name,
            seat,
            wire: Arc::new(SimWire::new(clock, host, Arc::clone(&life))),
            life,
            world: Arc::clone(world),
            chance: Mutex::new(chance),
            client: Mutex::default(),
            journal: Mutex::default(),
            tasks: Mutex::default(),
            flying: Mutex::default(),
            idle: AtomicBool::new(false),
            poked: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            threads: Arc::default(),
        })
    }

    pub(crate) fn client(&self) -> Option<Arc<Client>> {
        lock(&self.client).clone()
    }

    /// Nothing of a dead process is left in memory.
    pub(crate) fn is_buried(&self) {
        drop(lock(&self.client).take());
        let journal = lock(&self.journal).take();
        drop(journal);
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        self.world.story.tell(&self.name, what);
    }

    /// The journal on the simulated disk.
    fn opens_the_disk(self: &Arc<Self>) -> Result<Arc<dyn Journal>, Error> {
        let world = &self.world;
        let mount = Mount::new(&world.disk, &self.life);
        let path = mount.path("ovo.db");
        let options = SqliteOptions {
            shared: world.plan.processes > 1,
            first_batch: Some(1),
            ..SqliteOptions::default()
        };
        let opened = SqliteJournal::open_on(Arc::new(MountedFiles(mount)), path, &options);
        // Death on the disk comes as an error.
        self.life.goes_on();
        let sqlite: Arc<dyn Journal> = Arc::new(opened?);
        let journal: Arc<dyn Journal> = Arc::new(MortalJournal {
            kept: world.canary.journal(sqlite, &world.disk),
            life: Arc::clone(&self.life),
            disk: Arc::new(Disk::default()),
        });
        let slow = world.plan.slow_disk || world.plan.odds.still > 0;
        Ok(if slow { Arc::new(SlowJournal::new(journal, self)) } else { journal })
    }

    fn open(self: &Arc<Self>) -> Result<Arc<Client>, Error> {
        let world = &self.world;
        let (journal, clock): Opened = match &world.fleet {
            Some(fleet) => {
                let (journal, clock) = fleet.open(self)?;
                // One that is closed says so, and that takes time.
                let former = lock(&self.journal).replace(Arc::clone(&journal));
                drop(former);
                (journal, clock)
            }
            None => (self.opens_the_disk()?, world.clock.clone()),
        };
        let credentials = Credentials::new(
            DEMO_MERCHANT_ID,
            Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?,
            DEMO_APP_ID,
            AppKey::new(DEMO_APP_KEY)?,
        )?;
        let weather = Weather {
            world: Arc::clone(world),
            wire: Arc::clone(&self.wire),
            host: Arc::clone(&world.host),
            chance: Mutex::new(lock(&self.chance).fork()),
            odds: world.plan.odds,
            // Together with customers who confirm late it must stay within D.
            queue: if world.plan.strange_customers { 55_000 } else { 115_000 },
            longest_queue: world.plan.longest_queue,
            calm: Arc::clone(&world.calm),
            late: Arc::clone(&world.late),
        };
        let (spawner, life, threads) =
            (Arc::clone(world), Arc::clone(&self.life), Arc::clone(&self.threads));
        let spawner = move |body: Box<dyn FnOnce() + Send>| {
            outside(|| {
                threads.fetch_add(1, Ordering::Relaxed);
                let (living, world) = (Living(Arc::clone(&threads)), Arc::clone(&spawner));
                let body = Box::new(move || {
                    let _living = living;
                    let ((), bytes) = of_call(body);
                    world.weigh("a payment's thread", bytes);
                });
                lock(&spawner.newborns).push(Newborn { life: Arc::clone(&life), body });
            });
        };
        let (observer, who) = (Arc::clone(world), self.name.clone());
        let builder = Client::builder(Environment::Staging, credentials)
            .journal_engine(journal)
            .transport(world.canary.transport(Arc::new(weather)))
            .clock(clock)
            .late_success(world.plan.late_success)
            .check_payment(world.plan.host.check_contracted)
            .background(false)
            .spawner(spawner)
            .observer(move |event| observer.observe(&who, event));
        Ok(Arc::new(world.canary.policy(builder).open()?))
    }

    /// The settler's life: opens, then settles and does what it is told, until the process dies.
    pub(crate) fn settles(self: &Arc<Self>) {
        let mut failures = 0;
        let client = loop {
            self.tell(|| "opens the journal".to_owned());
            match of_call(|| self.open()) {
                (Ok(client), _) => {
                    *lock(&self.client) = Some(Arc::clone(&client));
                    break client;
                }
                (Err(error), _) => {
                    failures += 1;
                    self.failed(&error, failures);
                    self.world.clock.pass(millis(2_000));
                }
            }
        };
        failures = 0;
        while !self.closing.load(Ordering::Relaxed) {
            while let Some(task) = { lock(&self.tasks).pop_front() } {
                self.does(&client, task);
            }
            let (settled, bytes) = of_call(|| client.settle());
            self.world.weigh("settle", bytes);
            match settled {
                Ok(_) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.failed(&error, failures);
                    self.sleeps(1_000);
                    continue;
                }
            }
            let due = client.next_settlement().ok().flatten();
            // As the background settler does, which looks up now and then for what other processes
            // leave behind; but not where there are none, nor in the long nights when nothing else
            // happens.
            let alone = self.world.plan.processes == 1;
            let calm = self.world.calm.load(Ordering::Relaxed);
            let longest = match (alone || calm, &self.world.fleet) {
                (true, None) => 6 * 3_600_000,
                (false, None) => 20_000,
                // Others see by it that this one lives.
                (_, Some(_)) => {
                    if calm {
                        600_000
                    } else {
                        2_000
                    }
                }
            };
            let due = due.and_then(|due| u64::try_from(due.as_millis()).ok()).unwrap_or(longest);
            // What a till works on stays due meanwhile.
            self.sleeps(due.clamp(500, longest));
        }
    }

    /// A fleet's machine shows its clock also while its settler brings a sale to its end: in a program these
    /// are two threads.
    pub(crate) fn tends(&self) {
        while !self.world.calm.load(Ordering::Relaxed) {
            let journal = lock(&self.journal).clone();
            if let Some(journal) = journal {
                // Whoever settles tells of what fails.
                let _ = journal.tend();
            }
            self.world.clock.pass(millis(2_000));
        }
    }

    fn failed(&self, error: &Error, failures: u32) {
        self.world.refused(&self.name, error);
        // A database that is away is tried again for ever.
        if failures >= MOST_FAILURES && self.world.fleet.is_none() {
            self.tell(|| "gives up and ends".to_owned());
            self.life.end();
        }
    }

    fn sleeps(&self, ms: u64) {
        if self.poked.swap(false, Ordering::Relaxed) || !lock(&self.tasks).is_empty() {
            // Whoever asked has waited long enough; the world goes on all the same.
            self.world.clock.pass(millis(1));
            return;
        }
        self.idle.store(true, Ordering::Relaxed);
        self.world.clock.pass(millis(ms));
        self.idle.store(false, Ordering::Relaxed);
    }

    /// Every payment, if this process can be asked.
    pub(crate) fn reports(&self) -> Option<Vec<PaymentReport>> {
        let all = Filter { limit: 100_000, ..Filter::default() };
        self.client()?.payments(&all).ok()
    }

    fn does(&self, client: &Arc<Client>, task: Task) {
        self.tell(|| format!("operator: {task:?}"));
        let note = |result: Result<(), Error>| {
            if let Err(error) = result {
                self.world.refused(&self.name, &error);
            }
        };
        let is_flying = |name: &str| lock(&self.flying).contains(name);
        match task {
            Task::Void(name) if !is_flying(&name) => {
                note(client.void(&invoice(&name)).map(|outcome| {
                    self.tell(|| format!("  void of {name}: {outcome:?}"));
                }));
            }
            Task::CheckVoid(name) if !is_flying(&name) => {
                note(self.asks_about_a_void(client, &name));
            }
            Task::CloseVoid(name) if !is_flying(&name) => note(self.closes_a_void(client, &name)),
            Task::Check(name) => note({
                lock(&self.world.asked_by_hand).insert(name.clone());
                client.check(&invoice(&name)).map(|status| {
                    self.tell(|| format!("  OVO says of {name}: {:?}", status.at_ovo));
                })
            }),
            Task::Acknowledge => {
                for report in client.unacknowledged().unwrap_or_default() {
                    note(client.acknowledge(&report.invoice));
                }
            }
            Task::ReportPaid(name) => {
                // Only what OVO's settlement file could show.
                if self.world.net(&name) > 0 {
                    note(client.report_paid(&invoice(&name)).map(|_| ()));
                }
            }
            Task::Rule => self.rules(client),
            Task::Ask(request) if !is_flying(&request.invoice) => {
                lock(&self.world.asked).insert(request.invoice.clone());
                self.pays(client, &request);
            }
            Task::Inquire(phone) => {
                note(client.inquire(&phone.parse().expect("a valid phone")).map(|_| ()));
            }
            Task::Void(_) | Task::CheckVoid(_) | Task::CloseVoid(_) | Task::Ask(_) => {}
        }
    }

    /// Where nothing goes wrong any more, whoever was to refund a void by hand hears that OVO did.
    fn asks_about_a_void(&self, client: &Client, name: &str) -> Result<(), Error> {
        let world = &self.world;
        let left = client.payment(&invoice(name))?.is_some_and(|report| is_left_to_people(&report));
        let voided = {
            let host = lock(&world.host);
            host.ledger().iter().any(|entry| entry.invoice == name && entry.voided_ms.is_some())
        };
        let result = client.check_void(&invoice(name));
        let is_told = matches!(result, Ok(VoidOutcome::Voided))
            && lock(&world.voided_after_all).contains(name);
        // What OVO cannot be asked, or says in words that nobody can read, tells nobody.
        let could_tell = world.calm.load(Ordering::Relaxed)
            && world.plan.host.check_contracted
            && world.plan.foreign == 0
            && world.plan.host.sloppy.is_empty();
        let kind = result.as_ref().map_err(Error::kind).err();
        let is_asked = !matches!(kind, Some(ErrorKind::Refused | ErrorKind::OutsideWindow));
        if left && voided && could_tell && is_asked && !is_told {
            world.story.breaks(format!(
                "{name}: voided, and whoever was to refund it by hand was not told: {result:?}"
            ));
        }
        result.map(|outcome| self.tell(|| format!("  void of {name}: {outcome:?}")))
    }

    fn closes_a_void(&self, client: &Client, name: &str) -> Result<(), Error> {
        let report = client.payment(&invoice(name))?;
        if !report.is_some_and(|report| matches!(report.outcome, Some(Outcome::Paid(_)))) {
            return Ok(());
        }
        // Noted first: its process may die of it.
        let is_new = lock(&self.world.by_hand).insert(name.to_owned());
        let ruled = client.rule(&invoice(name), Ruling::Close, "refunded by hand");
        let is_refused = ruled.as_ref().map_err(Error::kind).err() == Some(ErrorKind::Refused);
        if is_new && is_refused {
            lock(&self.world.by_hand).remove(name);
        }
        ruled.map(|_| ())
    }

    /// An operator with OVO's books in hand.
    fn rules(&self, client: &Client) {
        let filter = Filter { needs_operator: true, ..Filter::default() };
        for report in client.payments(&filter).unwrap_or_default() {
            let debited = self.world.net(report.invoice.as_str()) > 0;
            let decided = matches!(report.outcome, Some(Outcome::Paid(_)));
            if decided {
                // Also if whoever was to be alerted died before: the journal's list has it.
                lock(&self.world.by_hand).insert(report.invoice.as_str().to_owned());
            }
            let ruling = match report.outcome {
                _ if !debited || decided => Ruling::Close,
                Some(Outcome::NeedsOperator(_)) if lock(&self.chance).once_in(2) => Ruling::Paid,
                _ => Ruling::Refund,
            };
            let _awaited = self.world.awaits(report.invoice.as_str());
            let result = client.rule(&report.invoice, ruling, "as OVO's books say");
            self.tell(|| format!("  rules on {}: {ruling:?}", report.invoice));
            if let Err(error) = result {
                self.world.refused(&self.name, &error);
            }
        }
    }
}

/// A customer who is debited although OVO declined: nobody can know, but for 26, which is no promise.
pub(crate) fn is_lie(entry: &Entry) -> bool {
    matches!(&entry.behaviour, Some(Behaviour::DeclineButDebited { code, .. }) if code != "26")
}

/// Whether people are to return the money of a paid payment, perhaps because of a void.
pub(crate) fn is_left_to_people(report: &PaymentReport) -> bool {
    matches!(report.outcome, Some(Outcome::Paid(_)))
        && matches!(report.settlement, "waits for an operator" | "closed by an operator")
}

/// What [`Outcome::name`] says while it can still change.
pub(crate) fn is_open(told: &str) -> bool {
    matches!(told, "interrupted" | "needs operator")
}
