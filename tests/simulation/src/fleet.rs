//! Several machines on one database: each with its own clock, its own way to the database, and its own
//! death.
//!
//! The engine is the real one, above its seam; below it is the twin of the schema's functions. What is
//! asked is cut before it arrives, behind its commit or on its way, so that it is done when nobody waits
//! for it any more. The database is away for a while, another server takes over from it, with all commits
//! or without the last ones, and a machine stands still with its clock.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovo_checkout::{Life, SimClock, lock};
use ovo_ptp::journal::postgres::store::{Ask, Failure, Function, Job, Later, Line, Reply, Store};
use ovo_ptp::journal::postgres::twin::{Fate, Twin, Way};
use ovo_ptp::journal::postgres::{FarClock, PostgresJournal, PostgresOptions};
use ovo_ptp::journal::{
    Begun, Belonging, Figures, Filter, Finding, Health, Journal, JournalError, NewPayment, Setup,
    Update,
};
use ovo_ptp::payment::{Boottime, Payment, PaymentId};
use ovo_ptp::{BatchMethod, Clock, MerchantInvoice, WallTime};
use serde_json::{Value as Json, json};

use crate::memory::outside;
use crate::process::Process;
use crate::random::Chance;
use crate::world::World;

/// What is wrong with a fleet's engine on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WrongFleet {
    /// Nothing.
    #[default]
    Nothing,
    /// A write whose answer is lost is told as done.
    BelievesTheUnknown,
    /// Another machine's clock is read two minutes ahead: payments are taken over within their window.
    TakesOverEarly,
    /// Nobody hears of another machine's clock, and so nobody looks after what it has left.
    LooksAfterItsOwn,
    /// A machine believes that it is the only one, and keeps what OVO does not answer.
    LeavesNothing,
    /// A server that took over is not noticed: nothing of what it lost, and no number jumps.
    NoticesNoFailover,
}

/// What goes wrong between the machines and their database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Troubles {
    /// Questions whose end is not heard of, in percent.
    pub cuts: u64,
    /// Questions that take up to a second, in percent.
    pub slow: u64,
    /// Times when the database is away.
    pub outages: u64,
    /// Times when one machine cannot reach it.
    pub separations: u64,
    /// Servers that take over with all that was told.
    pub failovers: u64,
    /// Whether one takes over without the last commits, once, or the disk goes back by them.
    pub loses: bool,
    /// What is wrong with the engine.
    pub wrong: WrongFleet,
}

/// The database of a history, and who can reach it.
pub(crate) struct Fleet {
    pub(crate) twin: Arc<Twin>,
    pub(crate) troubles: Troubles,
    /// Whether each machine can reach it.
    pub(crate) reach: Vec<Arc<AtomicBool>>,
    /// For how long each machine stood still, its clock included, in milliseconds.
    pub(crate) stood: Vec<Arc<AtomicU64>>,
    /// Sales that a server lost something of: for people, and OVO's settlement file.
    pub(crate) lost: Mutex<BTreeSet<String>>,
}

/// A journal, and the clock of the machine that has it open.
pub(crate) type Opened = (Arc<dyn Journal>, Arc<dyn Clock>);

impl Fleet {
    pub(crate) fn new(clock: &Arc<SimClock>, troubles: Troubles, machines: usize) -> Fleet {
        let clock: Arc<dyn Clock> = clock.clone();
        Fleet {
            twin: Twin::new(clock, troubles.loses),
            troubles,
            reach: (0..machines).map(|_| Arc::new(AtomicBool::new(true))).collect(),
            stood: (0..machines).map(|_| Arc::default()).collect(),
            lost: Mutex::default(),
        }
    }

    /// A server without the last commits takes over, or the disk goes back by them.
    pub(crate) fn loses(&self, commits: usize, is_other: bool) -> Vec<String> {
        let commits = commits.min(self.twin.commits());
        let is_noticed = self.troubles.wrong != WrongFleet::NoticesNoFailover;
        let lost = if is_other && is_noticed {
            self.twin.fails_over(commits)
        } else {
            self.twin.goes_back(commits)
        };
        let lost: BTreeSet<String> =
            lost.iter().map(|payment| payment.intent.invoice.as_str().to_owned()).collect();
        lock(&self.lost).extend(lost.iter().cloned());
        lost.into_iter().collect()
    }

    /// The journal of one life of a process, with the clock that goes with it.
    pub(crate) fn open(&self, process: &Arc<Process>) -> Result<Opened, JournalError> {
        let (seat, mut chance) = (process.seat, lock(&process.chance).fork());
        let clock: Arc<dyn Clock> = FarClock::of(Arc::new(MachineClock {
            sim: Arc::clone(&process.world.clock),
            // Every life may be another machine's.
            uptime: chance.below(40 * 86_400_000),
            boot: chance.any(),
            stood: Arc::clone(&self.stood[seat]),
            stood_before: self.stood[seat].load(Ordering::Relaxed),
        }));
        let way = FleetWay {
            world: Arc::clone(&process.world),
            who: process.name.clone(),
            life: Arc::clone(&process.life),
            troubles: self.troubles,
            reaches: Arc::clone(&self.reach[seat]),
            chance: Mutex::new(chance),
        };
        let store = self.twin.store(Arc::clone(&clock), Arc::new(way));
        let store: Arc<dyn Store> = match self.troubles.wrong {
            WrongFleet::Nothing => store,
            wrong => Arc::new(WrongStore { store, wrong }),
        };
        let options = PostgresOptions { first_batch: Some(1), clock: Some(Arc::clone(&clock)) };
        let journal = PostgresJournal::open_on(store, &options)?;
        let life = Arc::clone(&process.life);
        Ok((Arc::new(FleetJournal { journal, life }), clock))
    }
}

/// One machine's clock: it counts from its own start, and stands still with its machine.
struct MachineClock {
    sim: Arc<SimClock>,
    uptime: u64,
    boot: u64,
    stood: Arc<AtomicU64>,
    stood_before: u64,
}

impl Clock for MachineClock {
    fn boottime(&self) -> Boottime {
        let stood = self.stood.load(Ordering::Relaxed) - self.stood_before;
        Boottime(self.uptime + self.sim.world().ms - stood)
    }

    fn boot_id(&self) -> String {
        format!("machine {:x}", self.boot)
    }

    fn wall(&self) -> WallTime {
        self.sim.wall()
    }

    fn sleep(&self, duration: Duration) {
        self.sim.sleep(duration);
    }
}

/// From one machine to the database.
struct FleetWay {
    world: Arc<World>,
    who: String,
    life: Arc<Life>,
    troubles: Troubles,
    reaches: Arc<AtomicBool>,
    chance: Mutex<Chance>,
}

impl FleetWay {
    fn draw(&self) -> (Fate, &'static str) {
        let mut chance = lock(&self.chance);
        let ms = Duration::from_millis;
        let near = Duration::from_millis(1);
        if chance.percent(self.troubles.cuts) {
            let (arrives, heard, how) = match chance.below(4) {
                0 => (None, near, "cut before it arrives"),
                1 => (Some(near), near, "done, and its answer is lost"),
                2 => {
                    let late = ms(chance.between(100, 30_000));
                    // Nobody waits that long: the call is over, and it is done all the same.
                    (Some(late), near, "done late, and its answer is lost")
                }
                _ => (Some(near), ms(chance.between(3_000, 60_000)), "done, and then silence"),
            };
            return (Fate { arrives, heard, is_answered: false }, how);
        }
        if chance.percent(self.troubles.slow) {
            let (there, back) = (ms(chance.between(1, 800)), ms(chance.between(1, 800)));
            return (Fate { arrives: Some(there), heard: back, is_answered: true }, "");
        }
        (Fate { arrives: Some(near), heard: near, is_answered: true }, "")
    }
}

impl Way for FleetWay {
    fn fate(&self, ask: &Ask) -> Fate {
        outside(|| {
            if self.world.calm.load(Ordering::Relaxed) {
                return Fate::GOOD;
            }
            let (fate, how) = self.draw();
            if !how.is_empty() {
                self.world.story.tell(&self.who, || format!("  {}: {how}", ask.doing()));
            }
            fate
        })
    }

    fn is_up(&self) -> bool {
        self.reaches.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.life.is_over()
    }

    fn takes_turns(&self) -> bool {
        true
    }

    fn chance(&self, bytes: &mut [u8]) {
        let mut chance = lock(&self.chance);
        for byte in bytes {
            *byte = chance.any() as u8;
        }
    }
}

/// The journal of a process that dies.
struct FleetJournal {
    journal: PostgresJournal,
    life: Arc<Life>,
}

impl FleetJournal {
    fn write<T>(&self, write: impl FnOnce() -> T) -> T {
        self.life.moment();
        let result = write();
        self.life.moment();
        result
    }
}

impl Journal for FleetJournal {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        self.journal.enter_boot(boot_id)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.write(|| self.journal.begin(new, method))
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        self.write(|| self.journal.update(payment))
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        self.journal.payment(id)
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        self.journal.find(invoice)
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        self.journal.due(boot, now, limit)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        self.journal.next_due(boot)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        self.journal.list(filter)
    }

    fn health(&self) -> Result<Health, JournalError> {
        self.journal.health()
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        self.journal.figures()
    }

    fn belong_to(&self, setup: &Setup) -> Result<Belonging, JournalError> {
        self.journal.belong_to(setup)
    }

    fn adopt_key(&self, key: &str, key_ring: &[Vec<u8>]) -> Result<(), JournalError> {
        self.journal.adopt_key(key, key_ring)
    }

    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        self.journal.note_probe(wall)
    }

    fn tend(&self) -> Result<Option<Duration>, JournalError> {
        self.journal.tend()
    }

    fn live_nodes(&self) -> u32 {
        self.journal.live_nodes()
    }

    fn findings(&self) -> Vec<Finding> {
        self.journal.findings()
    }

    fn found_since(&self) -> Vec<Finding> {
        self.journal.found_since()
    }
}

/// A store below a wrong engine: what it should have made of an answer, or told, is done to it here.
struct WrongStore {
    store: Arc<dyn Store>,
    wrong: WrongFleet,
}

struct WrongLine {
    line: Arc<dyn Line>,
    wrong: WrongFleet,
}

impl Store for WrongStore {
    fn connect(&self, known: i64) -> Later<'_, Result<Arc<dyn Line>, JournalError>> {
        Box::pin(async move {
            let line = self.store.connect(known).await?;
            let line: Arc<dyn Line> = Arc::new(WrongLine { line, wrong: self.wrong });
            Ok(line)
        })
    }

    fn carry_out(&self, longest: Duration, job: Job) {
        self.store.carry_out(longest, job);
    }

    fn start(&self, job: Job) {
        self.store.start(job);
    }

    fn now(&self) -> Duration {
        self.store.now()
    }

    fn sleep(&self, time: Duration) -> Later<'static, ()> {
        self.store.sleep(time)
    }

    fn chance(&self, bytes: &mut [u8]) {
        self.store.chance(bytes);
    }

    fn lets_others_go_on(&self) -> bool {
        self.store.lets_others_go_on()
    }

    fn closes(&self) {
        self.store.closes();
    }

    fn name(&self) -> String {
        self.store.name()
    }
}

/// How far ahead another's clock is read.
const AHEAD_MS: i64 = 120_000;

impl Line for WrongLine {
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a, Result<Reply, Failure>> {
        Box::pin(async move {
            let forgetful = match (self.wrong, ask) {
                (WrongFleet::NoticesNoFailover, Ask::Call(function, told)) => {
                    let mut told = told.clone();
                    forgets(&mut told["known"]);
                    Some(Ask::Call(*function, told))
                }
                (WrongFleet::NoticesNoFailover, Ask::Payments(which, Some(known))) => {
                    let mut known = known.clone();
                    forgets(&mut known);
                    Some(Ask::Payments(which.clone(), Some(known)))
                }
                _ => None,
            };
            let answer = self.line.ask(forgetful.as_ref().unwrap_or(ask)).await;
            match (self.wrong, ask, answer) {
                (
                    WrongFleet::BelievesTheUnknown,
                    Ask::Call(Function::Write, told),
                    Err(Failure::Lost(_)),
                ) if told["begins"].as_array().is_none_or(Vec::is_empty) => {
                    let updates = told["updates"].as_array().map_or(0, Vec::len);
                    let won = vec!["won"; updates];
                    Ok(Reply::Told(json!({ "updates": won, "begins": [], "lsn": "0/0" })))
                }
                (
                    WrongFleet::TakesOverEarly,
                    Ask::Call(Function::Beat, _),
                    Ok(Reply::Told(mut told)),
                ) => {
                    for clock in told["clocks"].as_array_mut().into_iter().flatten() {
                        clock[2] = json!(clock[2].as_i64().unwrap_or(0) + AHEAD_MS);
                    }
                    Ok(Reply::Told(told))
                }
                (
                    WrongFleet::LooksAfterItsOwn,
                    Ask::Call(Function::Beat, _),
                    Ok(Reply::Told(mut told)),
                ) => {
                    told["clocks"] = json!([]);
                    Ok(Reply::Told(told))
                }
                (
                    WrongFleet::LeavesNothing,
                    Ask::Call(Function::Beat, _),
                    Ok(Reply::Told(mut told)),
                ) => {
                    told["live"] = json!(1);
                    Ok(Reply::Told(told))
                }
                (WrongFleet::NoticesNoFailover, Ask::Call(Function::Beat, _), Ok(reply)) => {
                    let Reply::Told(mut told) = reply else { return Ok(reply) };
                    // As if it had gone on.
                    told["lsn"] = json!("FFFFFF/0");
                    Ok(Reply::Told(told))
                }
                (_, _, answer) => answer,
            }
        })
    }

    fn is_closed(&self) -> bool {
        self.line.is_closed()
    }

    fn give_up(&self) {
        self.line.give_up();
    }
}

fn forgets(known: &mut Json) {
    if known.is_object() {
        known["lsn"] = json!("0/0");
        known["beats"] = json!(0);
    }
}
