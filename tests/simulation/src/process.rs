//! A process of the shop: it opens the journal, pays, settles, obeys its operator, and
//! dies. What it shares with others is the world's.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovo_checkout::{Disk, Life, MortalJournal, SimWire, lock};
use ovo_ptp::journal::{Filter, Journal, SqliteJournal, SqliteOptions};
use ovo_ptp::{
    AppKey, Charge, Client, Credentials, Environment, Error, MerchantInvoice, PaymentReport,
    PhoneNumber, Rupiah, Terminal,
};
use ovo_sandbox::{
    DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
};

use crate::disk::{Mount, MountedFiles};
use crate::fleet::Opened;
use crate::memory::{of_call, outside};
use crate::operator::Task;
use crate::random::Chance;
use crate::slow::SlowJournal;
use crate::till::Manner;
use crate::weather::Weather;
use crate::world::World;

/// A service that cannot open its journal, or whose journal fails, is restarted after so many tries.
const MOST_FAILURES: u32 = 3;

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
}

/// What [`Outcome::name`] says while it can still change.
pub(crate) fn is_open(told: &str) -> bool {
    matches!(told, "interrupted" | "needs operator")
}
