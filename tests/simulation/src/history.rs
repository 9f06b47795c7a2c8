//! One history, from its first push to the last sweep.
//!
//! First faults fall as they were drawn. Then they stop: the network is up, the disk is mended, the
//! processes run, an operator answers what was handed over. Everything must then close, and both
//! sides' books must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use memchr::memmem::Finder;
use ovo_checkout::{Books, Link, SimClock, lock};
use ovo_ptp::message::{Operation, ResponseCode};
use ovo_ptp::{Outcome, PaymentReport};
use ovo_sandbox::{
    AnswerPlan, Behaviour, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_TID, Entry, Host, Sale,
    Step,
};

use crate::canary::Canary;
use crate::disk::{Cut, Fault, SimDisk};
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::process::{Newborn, Process, Request, Task, World, is_left_to_people, is_lie};
use crate::random::Chance;
use crate::scenario::{Blow, Deed, Scenario};
use crate::story::Story;
use crate::till::Manner;
use crate::turns::{self, ActorId, Turns};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// After the faults have stopped, everything must be settled within this time (I12). The longest is
/// a void that OVO can no longer be asked about, because the phone was forgotten: after the 6.5 days
/// in which it could be, an operator hears of it.
const PATIENCE: u64 = 8 * DAY;

/// What comes at its time.
#[derive(Clone, Debug)]
enum Happening {
    Starts(usize),
    Pays(usize, Request),
    Dies(usize),
    /// Dies so many moments later.
    WillDie(usize, u64),
    LosesPower(Cut),
    Link(usize, Link),
    Suspended(usize, u64),
    WallClock(i64),
    DiskFails(Fault, u64, bool),
    DiskFills(usize),
    DiskMended,
    Operator(usize, Task),
    Cancels(usize, String),
    Closes(usize, u64),
    OvoReverses(String),
    DatabaseAway(bool),
    /// Reaches the database or does not.
    Reaches(usize, bool),
    /// Another server takes over, or the same one goes back, without so many commits.
    DatabaseLoses(usize, bool),
}

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

    /// Runs one exact flow.
    pub fn scene(scenario: &Scenario, written: bool) -> Verdict {
        let (secrets, plan) = (secrets(), scenario.plan());
        let disk = if scenario.fresh_journal {
            SimDisk::new(Chance::of(scenario.seed))
        } else {
            made_journal(scenario.seed, &secrets)
        };
        let mut history = History::on(plan, Canary::default(), written, disk);
        let blows = scenario.blows.len();
        history.scenario = Some(scenario.clone());
        history.lays_out(scenario);
        let length = history.world.plan.length;
        history.until(length);
        history.counts_the_blow(false);
        history.calms_down();
        history.settles();
        let done = history.scenario.as_ref().is_none_or(|scenario| scenario.deed.is_none());
        Verdict { struck: done && history.struck >= blows, ..history.verdict() }
    }

    fn lays_out(&mut self, scenario: &Scenario) {
        for index in 0..self.shop.len() {
            self.plan(0, Happening::Starts(index));
        }
        for (index, (after, behaviour)) in scenario.customers.iter().enumerate() {
            let number = index + 1;
            let request = Request {
                invoice: format!("INV-{number}"),
                phone: format!("0813777{number:05}"),
                amount: 10_000,
                second_push: false,
                manner: scenario.manner,
            };
            lock(&self.world.host).set_behaviour(&request.phone, behaviour.clone());
            self.requests.push(request.clone());
            self.plan(*after, Happening::Pays(0, request));
        }
        for (after, index) in &scenario.voids {
            let task = Task::Void(self.requests[*index].invoice.clone());
            self.plan(*after, Happening::Operator(0, task));
        }
        for (after, index) in &scenario.cancels {
            self.plan(*after, Happening::Cancels(0, self.requests[*index].invoice.clone()));
        }
        for (after, index) in &scenario.inquiries {
            let task = Task::Inquire(self.requests[*index].phone.clone());
            self.plan(*after, Happening::Operator(0, task));
        }
    }

    /// What strikes the life that begins.
    fn strikes(&mut self, process: &Arc<Process>) {
        let Some(scenario) = &mut self.scenario else { return };
        for (operation, fault) in std::mem::take(&mut scenario.wire) {
            process.wire.fail(operation, fault);
        }
        let blow = scenario.blows.pop_front();
        self.blow = blow.map(|blow| (blow, self.world.disk.failures()));
        match blow {
            Some(Blow::Death(moment)) => process.life.ends_after(moment - 1),
            Some(Blow::PowerCut(moment, cut)) => {
                process.life.ends_after(moment - 1);
                self.cut = Some(cut);
            }
            Some(Blow::DiskFails { fault, at, lasting }) => {
                self.world.disk.fails(fault, at, lasting);
            }
            None => {}
        }
    }

    /// Whether the present process's blow was struck, now that it is over or `died`.
    fn counts_the_blow(&mut self, died: bool) {
        let struck = self.blow.take().is_some_and(|(blow, failures)| match blow {
            Blow::Death(_) | Blow::PowerCut(..) => died,
            Blow::DiskFails { .. } => self.world.disk.failures() > failures,
        });
        self.struck += usize::from(struck);
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

    /// Lays out the first phase.
    fn draw(&mut self) {
        let plan = self.world.plan.clone();
        let mut chance = self.chance.fork();
        let chance = &mut chance;
        let processes = plan.processes as u64;
        let which = |chance: &mut Chance| usize::try_from(chance.below(processes)).unwrap_or(0);
        for seat in 0..plan.processes {
            let after = if seat == 0 { 0 } else { chance.below(20 * SECOND) };
            self.plan(after, Happening::Starts(seat));
        }
        for number in 1..=plan.payments {
            let request = self.customer(number, chance);
            let after = chance.below(plan.length * 2 / 3);
            self.requests.push(request.clone());
            if processes > 1 && chance.once_in(4) {
                // The same sale at two tills (MP12).
                let (seat, later) = (which(chance), after + chance.below(5 * SECOND));
                self.plan(later, Happening::Pays(seat, request.clone()));
            }
            self.plan(after, Happening::Pays(which(chance), request));
        }
        for _ in 0..plan.cut_off {
            let now = self.now();
            let pays = self.agenda.iter().filter_map(|((at, _), happening)| match happening {
                Happening::Pays(seat, _) => Some((*at - now, *seat)),
                _ => None,
            });
            let (after, seat) = *chance.one_of(&pays.collect::<Vec<_>>());
            let link = *chance.one_of(&[Link::Down, Link::BlackHole]);
            self.plan(after + chance.below(40 * SECOND), Happening::Link(seat, link));
        }
        for number in 0..plan.foreign {
            // Numbering begins with batch 1, reference 1.
            let sale = Sale {
                merchant_id: DEMO_MERCHANT_ID.to_owned(),
                tid: DEMO_TID.to_owned(),
                mid: DEMO_MID.to_owned(),
                batch: 1,
                reference: u32::try_from(1 + number).unwrap_or(1),
                invoice: format!("OTHER-{number}"),
                amount: if chance.once_in(2) { 10_000 } else { 77_000 },
                phone: "081377700000".to_owned(),
            };
            lock(&self.world.host).book_sale(self.world.clock.world(), &sale);
        }
        for _ in 0..plan.kills {
            let (after, seat) = (chance.below(plan.length), which(chance));
            let happening = if chance.once_in(2) {
                Happening::Dies(seat)
            } else {
                Happening::WillDie(seat, chance.below(120))
            };
            self.plan(after, happening);
        }
        for _ in 0..plan.power_cuts {
            let cut = *chance.one_of(&[Cut::LosesAll, Cut::KeepsAll, Cut::Mixes, Cut::Mixes]);
            self.plan(chance.below(plan.length), Happening::LosesPower(cut));
        }
        for _ in 0..plan.outages {
            let (after, seat) = (chance.below(plan.length), which(chance));
            let link = *chance.one_of(&[Link::Down, Link::BlackHole, Link::Mute]);
            self.plan(after, Happening::Link(seat, link));
            self.plan(after + chance.between(SECOND, 6 * MINUTE), Happening::Link(seat, Link::Up));
        }
        for _ in 0..plan.suspends {
            let (after, seat) = (chance.below(plan.length), which(chance));
            self.plan(after, Happening::Suspended(seat, chance.between(SECOND, 15 * MINUTE)));
        }
        for _ in 0..plan.jumps {
            let hour = 3_600_000;
            let jumps =
                [-24 * hour, -2 * hour, -1_000, 1_000, 2 * hour, 24 * hour, 365 * 24 * hour];
            let jump = *chance.one_of(&jumps);
            self.plan(chance.below(plan.length), Happening::WallClock(jump));
        }
        for _ in 0..plan.disk_errors {
            let (at, lasting) = (chance.between(1, 60), chance.once_in(3));
            let after = chance.below(plan.length);
            self.plan(after, Happening::DiskFails(Fault::Io, at, lasting));
            self.plan(after + chance.between(SECOND, 3 * MINUTE), Happening::DiskMended);
        }
        for _ in 0..plan.full_disks {
            let after = chance.below(plan.length);
            let happening = if chance.once_in(2) {
                Happening::DiskFills(usize::try_from(chance.below(40_000)).unwrap_or(0))
            } else {
                Happening::DiskFails(Fault::Full, chance.between(1, 30), chance.once_in(2))
            };
            self.plan(after, happening);
            self.plan(after + chance.between(SECOND, 5 * MINUTE), Happening::DiskMended);
        }
        for _ in 0..plan.reversed_by_ovo {
            let invoice = chance.one_of(&self.requests).invoice.clone();
            self.plan(chance.below(plan.length), Happening::OvoReverses(invoice));
        }
        for _ in 0..plan.cancels {
            let invoice = chance.one_of(&self.requests).invoice.clone();
            self.plan(chance.below(plan.length), Happening::Cancels(which(chance), invoice));
        }
        for _ in 0..plan.closes {
            let grace = *chance.one_of(&[0, 5 * SECOND, 80 * SECOND]);
            self.plan(chance.below(plan.length), Happening::Closes(which(chance), grace));
        }
        for _ in 0..plan.operations {
            let name = chance.one_of(&self.requests).clone();
            let task = match chance.below(8) {
                0 | 1 => Task::Void(name.invoice),
                2 => Task::CheckVoid(name.invoice),
                3 => Task::Check(name.invoice),
                4 => Task::Acknowledge,
                5 => Task::ReportPaid(name.invoice),
                6 => Task::Rule,
                _ => Task::Inquire(name.phone),
            };
            let after = chance.below(plan.length);
            if processes > 1 && chance.once_in(4) {
                // The same at two desks.
                let (seat, later) = (which(chance), after + chance.below(5 * SECOND));
                self.plan(later, Happening::Operator(seat, task.clone()));
            }
            self.plan(after, Happening::Operator(which(chance), task));
        }
        for _ in 0..plan.void_closes {
            self.draws_a_closed_void(&plan, chance);
        }
        self.draws_the_databases_troubles(&plan, chance);
    }

    fn draws_the_databases_troubles(&mut self, plan: &Plan, chance: &mut Chance) {
        let Some(troubles) = plan.fleet else { return };
        for _ in 0..troubles.outages {
            let after = chance.below(plan.length);
            self.plan(after, Happening::DatabaseAway(true));
            let over = after + chance.between(SECOND, 90 * SECOND);
            self.plan(over, Happening::DatabaseAway(false));
        }
        for _ in 0..troubles.separations {
            let (after, seat) =
                (chance.below(plan.length), chance.below(plan.processes as u64) as usize);
            self.plan(after, Happening::Reaches(seat, false));
            let over = after + chance.between(SECOND, 3 * MINUTE);
            self.plan(over, Happening::Reaches(seat, true));
        }
        // The one that loses something comes first: a server that has lost another one's judgement is
        // refused by every node that knows of it, until people have restarted them all.
        let mut first = 0;
        if troubles.loses {
            let (commits, is_other) = (chance.between(1, 12), !chance.once_in(4));
            let commits = usize::try_from(commits).unwrap_or(1);
            // At best while something is under way.
            first = chance.below(plan.length * 2 / 3);
            self.plan(first, Happening::DatabaseLoses(commits, is_other));
        }
        for _ in 0..troubles.failovers {
            let after = chance.between(first, plan.length);
            self.plan(after, Happening::DatabaseLoses(0, true));
        }
    }

    /// OVO carries out a void, and no answer comes back until an operator has closed the payment.
    fn draws_a_closed_void(&mut self, plan: &Plan, chance: &mut Chance) {
        let invoice = chance.one_of(&self.requests).invoice.clone();
        let which = |chance: &mut Chance| chance.below(plan.processes as u64) as usize;
        let begins = chance.between(plan.length / 3, plan.length - 560 * SECOND);
        let closes = begins + chance.between(330 * SECOND, 480 * SECOND);
        let ends = closes + chance.below(MINUTE);
        for seat in 0..plan.processes {
            self.plan(begins, Happening::Link(seat, Link::Mute));
            self.plan(ends, Happening::Link(seat, Link::Up));
        }
        let void = Task::Void(invoice.clone());
        self.plan(begins + SECOND, Happening::Operator(which(chance), void));
        let close = Task::CloseVoid(invoice.clone());
        self.plan(closes, Happening::Operator(which(chance), close));
        if chance.once_in(2) {
            let asks = Task::CheckVoid(invoice);
            self.plan(ends + chance.below(20 * SECOND), Happening::Operator(which(chance), asks));
        }
    }

    /// A customer for a payment, and what they will do with the prompt.
    fn customer(&mut self, number: u64, chance: &mut Chance) -> Request {
        let same = number > 1 && chance.once_in(6);
        let phone = format!("0813777{:05}", if same { 1 } else { number });
        let ms = |chance: &mut Chance, most: u64| chance.below(most * SECOND);
        let behaviour = if self.world.plan.strange_customers {
            match chance.below(8) {
                0 => Behaviour::Approve { after_ms: ms(chance, 57) },
                1 => Behaviour::IgnoreSilently {},
                2 => Behaviour::Pending {
                    answer_after_ms: ms(chance, 20),
                    paid_after_ms: chance.once_in(2).then(|| ms(chance, 120)),
                },
                3 => Behaviour::AnswerLost { after_ms: ms(chance, 59), cut: chance.once_in(2) },
                4 => {
                    let after_ms = ms(chance, 59);
                    let answer_after_ms = after_ms + ms(chance, 20);
                    Behaviour::AnswerLate { after_ms, answer_after_ms }
                }
                5 => Behaviour::ConfirmLate { after_ms: 60 * SECOND + ms(chance, 60) },
                6 => {
                    let code = (*chance.one_of(&["17", "26", "14"])).to_owned();
                    Behaviour::DeclineButDebited { code, after_ms: ms(chance, 50) }
                }
                _ => Behaviour::Ignore {},
            }
        } else {
            match chance.below(6) {
                0 => Behaviour::Ignore {},
                1 => {
                    let codes = ["17", "26", "14", "51", "61", "63", "EB"];
                    let code = (*chance.one_of(&codes)).to_owned();
                    Behaviour::Decline { code, after_ms: ms(chance, 50) }
                }
                _ => Behaviour::Approve { after_ms: ms(chance, 40) },
            }
        };
        lock(&self.world.host).set_behaviour(&phone, behaviour);
        let cancels = self.world.plan.cancels > 0;
        Request {
            invoice: format!("INV-{number}"),
            phone,
            amount: i64::try_from(1 + number).unwrap_or(1) * 5_000,
            second_push: chance.once_in(2),
            manner: Manner::of(&mut Chance::of(self.world.plan.seed ^ number << 32), cancels),
        }
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

    /// What a scenario has somebody do at this very point, before anybody else has a turn.
    fn does_the_deed(&mut self) {
        let Some(scenario) = &mut self.scenario else { return };
        // Behind the flow itself there are only looks, days apart.
        if self.world.calm.load(Ordering::Relaxed) {
            return;
        }
        let Some(deed) = scenario.deed.take_if(|deed| deed.turn() <= self.taken) else { return };
        let actor = match deed {
            Deed::Cancel(_, customer, seat) => self.cancels(seat, &format!("INV-{}", customer + 1)),
            Deed::Close(_, grace) => self.closes(0, grace),
        };
        if let Some(actor) = actor {
            self.lets(actor);
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

    fn happens(&mut self, happening: Happening) {
        let story = Arc::clone(&self.world.story);
        match happening {
            Happening::Starts(index) => self.starts(index),
            Happening::Pays(index, request) => {
                let Some(process) = self.shop[index].process.clone() else {
                    story.tell("till", || format!("nobody is there for {}", request.invoice));
                    return;
                };
                let (life, now) = (Arc::clone(&process.life), self.now());
                self.turns.spawn(&life, now, move || process.takes(&request));
            }
            Happening::Dies(index) => self.kill(index),
            Happening::WillDie(index, moments) => {
                if let Some(process) = &self.shop[index].process {
                    process.life.ends_after(moments);
                    story.tell("world", || format!("{} has {moments} moments", process.name));
                }
            }
            Happening::LosesPower(cut) => {
                for index in 0..self.shop.len() {
                    self.kill(index);
                }
                // The dead unwind before anything else happens.
                while let Some((0, actor)) = self.turns.next() {
                    self.lets(actor);
                }
                self.bury();
                self.world.disk.loses_power(cut);
                self.world.clock.reboot();
                story.tell("world", || {
                    format!("the power goes, {cut:?}; left: {}", self.world.disk.listing())
                });
            }
            Happening::Link(index, link) => {
                self.shop[index].link = link;
                if let Some(process) = &self.shop[index].process {
                    process.wire.set_link(link);
                }
                story.tell("world", || format!("network of process {index}: {link:?}"));
            }
            Happening::Suspended(index, ms) => {
                if let Some(process) = &self.shop[index].process {
                    let until = self.now() + ms;
                    self.world.late.store(true, Ordering::Relaxed);
                    self.turns.suspend(&process.life, until);
                    if let (Some(fleet), true) = (&self.world.fleet, ms % 2 == 0) {
                        // Its clock stands still as well: a virtual machine that is held.
                        fleet.stood[index].fetch_add(ms, Ordering::Relaxed);
                    }
                    story.tell("world", || format!("{} sleeps for {ms} ms", process.name));
                }
            }
            Happening::WallClock(offset) => {
                self.world.clock.set_wall_offset(offset);
                story.tell("world", || format!("the wall clock is off by {} s", offset / 1000));
            }
            Happening::DiskFails(fault, at, lasting) => {
                self.world.disk.fails(fault, at, lasting);
                let how = if lasting { "from operation" } else { "at operation" };
                story.tell("world", || format!("the disk will fail {how} {at}: {fault:?}"));
            }
            Happening::DiskFills(left) => {
                self.world.disk.fills_up(left);
                story.tell("world", || format!("the disk has {left} bytes left"));
            }
            Happening::DiskMended => {
                self.world.disk.is_mended();
                story.tell("world", || "the disk is mended".to_owned());
            }
            Happening::Cancels(index, invoice) => {
                self.cancels(index, &invoice);
            }
            Happening::Closes(index, grace) => {
                self.closes(index, grace);
            }
            Happening::OvoReverses(invoice) => {
                let now = self.world.clock.world();
                if lock(&self.world.host).reverse_by_operator(now, &invoice) {
                    story.tell("OVO", || format!("reverses {invoice} by itself"));
                    lock(&self.world.taken_back).insert(invoice.clone(), now.ms);
                    lock(&self.world.by_hand).insert(invoice);
                }
            }
            Happening::DatabaseAway(is_away) => {
                let Some(fleet) = &self.world.fleet else { return };
                fleet.twin.is_down(is_away);
                let how = if is_away { "away" } else { "there again" };
                story.tell("world", || format!("the database is {how}"));
            }
            Happening::Reaches(index, reaches) => {
                let Some(fleet) = &self.world.fleet else { return };
                fleet.reach[index].store(reaches, Ordering::Relaxed);
                let how = if reaches { "reaches" } else { "does not reach" };
                story.tell("world", || format!("machine {index} {how} the database"));
            }
            Happening::DatabaseLoses(commits, is_other) => {
                let Some(fleet) = &self.world.fleet else { return };
                let lost = fleet.loses(commits, is_other);
                story.tell("world", || {
                    let who =
                        if is_other { "another database takes over" } else { "its disk goes back" };
                    format!("{who}, without the last {commits} commits: {lost:?}")
                });
            }
            Happening::Operator(index, task) => {
                if let Some(process) = &self.shop[index].process {
                    lock(&process.tasks).push_back(task);
                    self.pokes();
                }
            }
        }
    }

    fn kill(&mut self, index: usize) {
        if let Some(process) = &self.shop[index].process {
            process.life.is_ended();
            self.world.story.tell("world", || format!("{} is killed", process.name));
        }
    }

    /// The faults stop.
    fn calms_down(&mut self) {
        self.world.story.tell("world", || "everything works from now on".to_owned());
        self.world.calm.store(true, Ordering::Relaxed);
        self.agenda.retain(|_, happening| matches!(happening, Happening::Starts(_)));
        self.world.disk.is_mended();
        self.world.clock.set_wall_offset(0);
        lock(&self.world.host).script_mut().steps.clear();
        if let Some(fleet) = &self.world.fleet {
            fleet.twin.is_down(false);
            for reaches in &fleet.reach {
                reaches.store(true, Ordering::Relaxed);
            }
        }
        for index in 0..self.shop.len() {
            self.shop[index].link = Link::Up;
            if let Some(process) = &self.shop[index].process {
                process.wire.set_link(Link::Up);
                // A death that was already certain comes with the faults or never.
                process.life.goes_on_for_good();
            }
        }
    }

    fn reports(&self) -> Option<Vec<PaymentReport>> {
        self.shop.iter().find_map(|seat| seat.process.as_ref()?.reports())
    }

    fn somebody(&self) -> Option<&Arc<Process>> {
        self.shop.iter().find_map(|seat| seat.process.as_ref())
    }

    /// Everything closes, and stays closed.
    fn settles(&mut self) {
        let began = self.now();
        let mut reported = self.world.plan.host.check_contracted;
        let mut asked_about = BTreeSet::new();
        loop {
            self.until(20 * MINUTE);
            // Without status checks nobody but the merchant, who hands in OVO's settlement file,
            // sees the debit behind a decline.
            let was_reported = reported;
            if let (false, Some(process)) = (reported, self.somebody()) {
                let file = self.requests.iter().map(|sale| Task::ReportPaid(sale.invoice.clone()));
                lock(&process.tasks).extend(file);
                reported = true;
            }
            // Before the till has closed, somebody asks for every sale that has no outcome.
            let reports = self.reports();
            // Whoever is to refund a void by hand asks OVO about it first.
            let left = reports.iter().flatten().filter(|report| is_left_to_people(report));
            let left: Vec<String> = left.map(|report| report.invoice.as_str().to_owned()).collect();
            let new = left.into_iter().filter(|invoice| asked_about.insert(invoice.clone()));
            let new: Vec<Task> = new.map(Task::CheckVoid).collect();
            let is_asked = !new.is_empty();
            if let Some(process) = self.somebody() {
                lock(&process.tasks).extend(new);
            }
            let open = !was_reported
                || is_asked
                || reports.as_ref().is_none_or(|reports| {
                    reports.iter().any(|report| !report.settled || report.needs_operator)
                });
            if !open {
                break;
            }
            if let Some(process) = self.somebody() {
                lock(&process.tasks).push_back(Task::Rule);
            }
            self.pokes();
            let patience = if reports.is_some() { PATIENCE } else { 3 * HOUR };
            if self.now() > began + patience {
                let left = reports.map_or("the journal does not open".to_owned(), |reports| {
                    let open = reports.iter().filter(|report| !report.settled);
                    open.map(|report| format!("{}: {}", report.invoice, report.settlement))
                        .collect::<Vec<_>>()
                        .join("; ")
                });
                self.world.story.breaks(format!("not settled (I12): {left}"));
                return;
            }
        }
        // Both looks behind what is closed, and the phone forgotten.
        self.until(3 * DAY + 2 * HOUR);
        self.audits();
    }

    fn audits(&mut self) {
        let world = Arc::clone(&self.world);
        let Some(reports) = self.reports() else {
            world.story.breaks("the journal cannot be read at the end".to_owned());
            return;
        };
        let now = world.clock.world();
        let mut host = lock(&world.host);
        host.advance(now);
        let told = lock(&world.told);
        let told = |invoice: &ovo_ptp::MerchantInvoice| {
            told.iter().filter(|(of, _)| of == invoice).map(|(_, told)| *told).collect()
        };
        let books = Books {
            reports: &reports,
            requests: &host.requests(),
            ledger: host.ledger(),
            told: &told,
            waits: !world.late.load(Ordering::Relaxed),
        };
        for broken in books.audit() {
            // What OVO took back after Paid, and what became of a void that nobody can ask about, is
            // between OVO and the operator (OV10, policy 2.8).
            let name = broken.split(':').next().unwrap_or_default();
            let is_excused = |report: &PaymentReport| {
                report.invoice.as_str() == name
                    && matches!(&report.outcome, Some(Outcome::Paid(receipt))
                        if !(receipt.is_late() && self.was_told_of_the_reversal(name, &books)))
            };
            if !(lock(&world.by_hand).contains(name) && reports.iter().any(is_excused)) {
                world.story.breaks(broken);
            }
        }
        for (invoice, closed) in &*lock(&world.closed) {
            let later = |at: u64| at > *closed;
            let entries = host.ledger().iter().filter(|entry| entry.invoice == *invoice);
            if entries.filter_map(|entry| entry.debited_ms).any(later) {
                world.story.breaks(format!("{invoice}: debited after it was closed (I6)"));
            }
        }
        if let Some(within) = world.plan.refunded_within {
            let paid = |entry: &Entry| lock(&world.paid).contains(&entry.invoice);
            for entry in host.ledger().iter().filter(|entry| entry.debits > 0 && !paid(entry)) {
                let back = entry.reversed_ms.map(|at| at.saturating_sub(entry.opened_ms));
                if back.is_none_or(|back| back > within) {
                    let invoice = &entry.invoice;
                    world.story.breaks(format!("{invoice}: refunded {back:?} ms behind its push"));
                }
            }
        }
        for (invoice, told) in &*lock(&world.invited) {
            let entries = host.ledger().iter().filter(|entry| entry.invoice == *invoice);
            if entries.filter(|entry| !is_lie(entry)).any(|entry| entry.debited_ms > Some(*told)) {
                world.story.breaks(format!(
                    "{invoice}: debited after the cashier was told that a new attempt makes sense"
                ));
            }
        }
        world.keeps_pace();
        for request in host.requests().iter().filter(|one| one.operation == Some("reversal")) {
            let invoice = request.invoice.as_deref().unwrap_or_default();
            let declined = reports.iter().any(|report| {
                report.invoice.as_str() == invoice
                    && matches!(&report.outcome, Some(Outcome::Declined(decline))
                        if decline.code() != Some(ResponseCode::UNDELIVERABLE))
            });
            let debited =
                host.ledger().iter().any(|entry| entry.invoice == invoice && entry.debits > 0);
            if declined && !debited {
                world.story.breaks(format!("{invoice}: declined, and reversed for nothing (E9)"));
            }
        }
        for report in &reports {
            let outcome = report.outcome.as_ref().map_or("undecided", Outcome::name);
            let net = host.net(report.invoice.as_str());
            world.story.tell("audit", || {
                format!("{}: {outcome}, OVO has Rp{net}, {}", report.invoice, report.settlement)
            });
            if report.outcome.is_none() {
                world.story.breaks(format!("{}: no outcome (I12)", report.invoice));
            }
        }
        for leak in world.disk.leaks() {
            world.story.breaks(leak);
        }
    }

    /// Whether OVO reversed a payment by itself before it was ever asked about it, so that all its
    /// answers to checks said so.
    fn was_told_of_the_reversal(&self, invoice: &str, books: &Books<'_>) -> bool {
        let Some(&reversed) = lock(&self.world.taken_back).get(invoice) else { return false };
        let asked_before = books.requests.iter().any(|request| {
            request.operation == Some("check_payment")
                && request.invoice.as_deref() == Some(invoice)
                && request.at_ms <= reversed
        });
        !asked_before && self.world.plan.odds.lies == 0
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
