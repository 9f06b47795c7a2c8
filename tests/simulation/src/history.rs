//! One history, from its first push to the last sweep.
//!
//! First faults fall as they were drawn. Then they stop: the network is up, the disk is mended, the
//! processes run, an operator answers what was handed over. Everything must then close, and both
//! sides' books must agree.

mod audit;
mod drawing;
mod happening;
mod settling;
mod staging;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use memchr::memmem::Finder;
use ovo_checkout::{Link, SimClock, lock};
use ovo_ptp::PaymentReport;
use ovo_ptp::message::Operation;
use ovo_sandbox::{AnswerPlan, DEMO_APP_KEY, Host, Step};

use self::happening::Happening;
use crate::canary::Canary;
use crate::disk::{Cut, SimDisk};
use crate::fleet::Fleet;
use crate::operator::Task;
use crate::plan::Plan;
use crate::process::{Newborn, Process, Request};
use crate::random::Chance;
use crate::scenario::{Blow, Scenario};
use crate::story::Story;
use crate::turns::{self, ActorId, Turns};
use crate::world::World;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How a history ended.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Rules that were broken; none should be.
    pub broken: Vec<String>,
    /// The story, if it was wanted.
    pub story: String,
    /// The most that one call held in memory (I14).
    pub most_memory: u64,
    /// Disk operations.
    pub operations: u64,
    /// Whether every blow of a scenario was struck.
    pub struck: bool,
}

/// A history under way.
pub struct History {
    world: Arc<World>,
    chance: Chance,
    turns: Turns,
    agenda: BTreeMap<(u64, u64), Happening>,
    planned: u64,
    /// Turns that were taken.
    taken: u64,
    shop: Vec<Seat>,
    requests: Vec<Request>,
    scenario: Option<Scenario>,
    /// A power cut that comes with the present process's death.
    cut: Option<Cut>,
    /// What strikes the present process, with the failures of the disk before.
    blow: Option<(Blow, u64)>,
    /// How many blows were struck.
    struck: usize,
}

/// A process's place: the process comes and goes.
struct Seat {
    process: Option<Arc<Process>>,
    settler: ActorId,
    link: Link,
}

/// All status checks of a payment are answered without its invoice and phone.
fn nameless_checks() -> Step {
    let names = ["merchantInvoice", "phone"].map(|name| format!("transactionRequestData.{name}"));
    let answer = AnswerPlan { remove: names.into(), ..AnswerPlan::default() };
    Step::on(Operation::CheckPayment).times(0).answer(answer)
}

/// Journals that were made once, by the real code on the simulated disk, to begin histories with.
fn made_journal(seed: u64, secrets: &Arc<Vec<Finder<'static>>>) -> Arc<SimDisk> {
    static MADE: [OnceLock<Arc<SimDisk>>; 16] = [const { OnceLock::new() }; 16];
    let which = usize::try_from(seed % 16).unwrap_or(0);
    let made = MADE[which].get_or_init(|| {
        let disk = SimDisk::new(Chance::of(which as u64));
        let mut plan = Plan::of(0);
        plan.processes = 1;
        let mut history = History::on(plan, Canary::default(), false, Arc::clone(&disk));
        history.world.calm.store(true, Ordering::Relaxed);
        history.starts(0);
        history.until(MINUTE);
        history.ends();
        disk
    });
    let disk = made.copy(Chance::of(seed ^ 0xd15c));
    disk.watch_for(Arc::clone(secrets));
    disk
}

fn secrets() -> Arc<Vec<Finder<'static>>> {
    static SECRETS: OnceLock<Arc<Vec<Finder<'static>>>> = OnceLock::new();
    Arc::clone(SECRETS.get_or_init(|| {
        // Every customer's number begins so, whatever the prefix of the country (a history has fewer
        // than a thousand). Long enough that no time in milliseconds has it by chance.
        let secrets: [&str; 3] = ["81377700", "SANDBOX CUSTOMER", DEMO_APP_KEY];
        Arc::new(secrets.iter().map(|secret| Finder::new(secret.as_bytes())).collect())
    }))
}

impl History {
    /// Runs the history of a seed; its story is kept if `written`.
    pub fn of(seed: u64, written: bool) -> Verdict {
        History::with(Plan::of(seed), Canary::default(), written)
    }

    /// Runs a planned history.
    pub fn with(plan: Plan, canary: Canary, written: bool) -> Verdict {
        let secrets = secrets();
        let disk = if plan.fresh_journal {
            let disk = SimDisk::new(Chance::of(plan.seed ^ 0xd15c));
            disk.watch_for(secrets);
            disk
        } else {
            made_journal(plan.seed, &secrets)
        };
        let mut history = History::on(plan, canary, written, disk);
        history.run();
        history.verdict()
    }

    fn on(plan: Plan, canary: Canary, written: bool, disk: Arc<SimDisk>) -> History {
        let clock = Arc::new(SimClock::default());
        clock.take_turns(turns::wait_until);
        let processes = plan.processes;
        let mut chance = Chance::of(plan.seed.wrapping_add(0x5eed));
        let mut host = Host::new(plan.host.clone());
        if plan.nameless_checks {
            host.script([nameless_checks()]);
        }
        if plan.hollow > 0 {
            let times = u32::try_from(plan.hollow).unwrap_or(1);
            host.script([Step::on(Operation::Reversal).times(times).pretend()]);
        }
        let world = Arc::new(World {
            canary,
            host: Arc::new(Mutex::new(host)),
            disk,
            fleet: plan.fleet.map(|troubles| Fleet::new(&clock, troubles, processes)),
            story: Arc::new(Story::new(&clock, written)),
            clock,
            calm: Arc::new(AtomicBool::new(false)),
            late: Arc::new(AtomicBool::new(false)),
            told: Mutex::default(),
            asked: Mutex::default(),
            paid: Mutex::default(),
            by_hand: Mutex::default(),
            taken_back: Mutex::default(),
            awaited: Mutex::default(),
            closed: Mutex::default(),
            sent: Mutex::default(),
            asked_by_hand: Mutex::default(),
            voided_after_all: Mutex::default(),
            invited: Mutex::default(),
            newborns: Mutex::default(),
            secrets: secrets(),
            most_memory: AtomicU64::new(0),
            plan,
        });
        world.story.tell("", || world.plan.describe());
        let seat = || Seat { process: None, settler: 0, link: Link::Up };
        History {
            chance: chance.fork(),
            world,
            turns: Turns::default(),
            agenda: BTreeMap::new(),
            planned: 0,
            taken: 0,
            shop: (0..processes).map(|_| seat()).collect(),
            requests: Vec::new(),
            scenario: None,
            cut: None,
            blow: None,
            struck: 0,
        }
    }

    fn now(&self) -> u64 {
        self.world.clock.world().ms
    }

    fn plan(&mut self, after: u64, happening: Happening) {
        self.planned += 1;
        self.agenda.insert((self.now() + after, self.planned), happening);
    }

    fn run(&mut self) {
        self.draw();
        let length = self.world.plan.length;
        self.until(length);
        self.calms_down();
        self.settles();
    }

    /// Lets this much time pass.
    fn until(&mut self, length: u64) {
        let end = self.now() + length;
        loop {
            self.bury();
            let act = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let turn = self.turns.next();
            let at = match (act, turn) {
                (Some(act), Some((turn, _))) => act.min(turn),
                (Some(at), None) | (None, Some((at, _))) => at,
                (None, None) => end,
            };
            if at >= end {
                self.world.clock.pass_until(end);
                return;
            }
            self.world.clock.pass_until(at);
            if turn.is_some_and(|(turn, _)| turn == at || turn < self.now()) && act != Some(at) {
                if let Some((_, actor)) = turn {
                    self.lets(actor);
                    self.does_the_deed();
                    self.pokes();
                }
            } else if let Some((_, happening)) = self.agenda.pop_first() {
                self.happens(happening);
            }
        }
    }

    /// Lets an actor have its turn; threads that it started get theirs.
    fn lets(&mut self, actor: ActorId) {
        self.turns.run(actor);
        self.taken += 1;
        for defect in self.turns.defects() {
            self.world.story.breaks(format!("a defect: {defect}"));
        }
        let now = self.now();
        for Newborn { life, body } in std::mem::take(&mut *lock(&self.world.newborns)) {
            self.turns.spawn(&life, now, body);
        }
    }

    fn cancels(&mut self, index: usize, invoice: &str) -> Option<ActorId> {
        let invoice = crate::process::invoice(invoice);
        let process = Arc::clone(self.shop[index].process.as_ref()?);
        let (life, now) = (Arc::clone(&process.life), self.now());
        Some(self.turns.spawn(&life, now, move || process.cancels(&invoice)))
    }

    fn closes(&mut self, index: usize, grace: u64) -> Option<ActorId> {
        let process = Arc::clone(self.shop[index].process.as_ref()?);
        let (life, now) = (Arc::clone(&process.life), self.now());
        Some(self.turns.spawn(&life, now, move || process.closes(grace)))
    }

    /// Wakes settlers that a till has something for.
    fn pokes(&mut self) {
        let now = self.now();
        for seat in &self.shop {
            let Some(process) = &seat.process else { continue };
            let wanted = process.poked.load(Ordering::Relaxed) || !lock(&process.tasks).is_empty();
            if wanted && process.idle.load(Ordering::Relaxed) {
                process.poked.store(false, Ordering::Relaxed);
                self.turns.wake(seat.settler, now);
            }
        }
    }

    /// Clears up behind dead processes; a supervisor starts them again.
    fn bury(&mut self) {
        for index in 0..self.shop.len() {
            let Some(process) = &self.shop[index].process else { continue };
            if !process.life.is_over() || self.turns.of(&process.life) > 0 {
                continue;
            }
            process.is_buried();
            self.shop[index].process = None;
            self.world.disk.process_ended();
            if let Some(cut) = self.cut.take() {
                self.world.disk.loses_power(cut);
                self.world.clock.reboot();
                self.world.story.tell("world", || format!("the power goes, {cut:?}"));
            }
            self.counts_the_blow(true);
            let pause = if self.world.calm.load(Ordering::Relaxed) || self.scenario.is_some() {
                2 * SECOND
            } else {
                self.chance.between(SECOND, 2 * MINUTE)
            };
            self.plan(pause, Happening::Starts(index));
        }
    }

    fn starts(&mut self, index: usize) {
        if self.shop[index].process.is_some() {
            return;
        }
        let process = Process::new(index, &self.world, self.chance.fork());
        process.wire.set_link(self.shop[index].link);
        self.strikes(&process);
        let settling = Arc::clone(&process);
        let now = self.now();
        let life = Arc::clone(&process.life);
        self.shop[index].settler = self.turns.spawn(&life, now, move || settling.settles());
        if self.world.fleet.is_some() {
            let tending = Arc::clone(&process);
            self.turns.spawn(&life, now, move || tending.tends());
        }
        // Till staff ask again for what they have not heard of.
        for request in self.requests.clone() {
            let told = lock(&self.world.told);
            let open = !told.iter().any(|(name, told)| {
                name.as_str() == request.invoice && !crate::process::is_open(told)
            });
            drop(told);
            let asks = match &self.scenario {
                Some(scenario) => scenario.asks_again && self.now() > 3 * SECOND,
                None => self.chance.once_in(3) && self.now() > self.world.plan.length / 4,
            };
            // A settler that waits for a sale itself looks after nothing else meanwhile.
            if open && asks && !self.world.plan.is_bounded {
                lock(&process.tasks).push_back(Task::Ask(request));
            }
        }
        self.shop[index].process = Some(process);
    }

    fn reports(&self) -> Option<Vec<PaymentReport>> {
        self.shop.iter().find_map(|seat| seat.process.as_ref()?.reports())
    }

    fn somebody(&self) -> Option<&Arc<Process>> {
        self.shop.iter().find_map(|seat| seat.process.as_ref())
    }

    /// All processes end.
    fn ends(&mut self) {
        for index in 0..self.shop.len() {
            if let Some(process) = self.shop[index].process.clone() {
                process.life.is_ended();
            }
        }
        while let Some((0, actor)) = self.turns.next() {
            self.lets(actor);
        }
        for seat in &mut self.shop {
            if let Some(process) = seat.process.take() {
                process.is_buried();
            }
        }
    }

    fn verdict(mut self) -> Verdict {
        self.ends();
        let story = &self.world.story;
        let mut broken = story.broken();
        if let Some(fleet) = &self.world.fleet {
            // Of what the database itself forgot the settlement file tells, and people.
            let lost = lock(&fleet.lost);
            broken.retain(|rule| {
                !lost.iter().any(|name| {
                    [":", " "].iter().any(|behind| rule.starts_with(&format!("{name}{behind}")))
                })
            });
        }
        story.tell("", || match broken.len() {
            0 => "every rupiah agrees".to_owned(),
            count => format!("{count} rules broken"),
        });
        Verdict {
            broken,
            story: story.text(),
            most_memory: self.world.most_memory.load(Ordering::Relaxed),
            operations: self.world.disk.operations(),
            struck: true,
        }
    }
}
