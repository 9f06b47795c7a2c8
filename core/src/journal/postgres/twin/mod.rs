//! The seam's database in memory: the schema's functions and rules, without a server.
//!
//! For simulators. What is asked travels: it arrives later or never, its answer is lost or late, and what
//! was sent is done also if nobody waits for it any more. The server can be away, lose the last commits to
//! one that takes over, or go back with its disk. Nothing runs by itself: time is what the clocks show, and
//! what has arrived meanwhile is done whenever somebody looks.
//!
//! What it does not have: two servers that answer at once, poolers, roles and privileges, a commit whose
//! wait for the standby somebody breaks off (it looks like one whose answer is lost), and locks that are
//! waited for, because every statement is done in one step.

mod tables;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use self::tables::{Machine, Refusal, Tables};
use super::judgement::fresh_name;
use super::store::{Ask, Failure, Job, Later, Line, Reply, Store};
use super::{kind_of, unreachable};
use crate::clock::Clock;
use crate::invoice::MerchantInvoice;
use crate::journal::JournalError;
use crate::lock::lock;
use crate::payment::Payment;

/// How many commits a standby may be behind.
const MOST_BEHIND: usize = 64;

/// What becomes of a question.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// When it is there; `None`: never.
    pub arrives: Option<Duration>,
    /// How long behind that its end is heard of.
    pub heard: Duration,
    /// Whether that is an answer; else the line is gone, and nobody knows what became of it.
    pub is_answered: bool,
}

impl Fate {
    /// Nothing goes wrong, and nothing takes time.
    pub const GOOD: Fate =
        Fate { arrives: Some(Duration::ZERO), heard: Duration::ZERO, is_answered: true };
}

/// What lies between a node and the database.
pub trait Way: Send + Sync {
    /// Of the next question.
    fn fate(&self, _ask: &Ask) -> Fate {
        Fate::GOOD
    }

    /// Whether a line can be had.
    fn is_up(&self) -> bool {
        true
    }

    /// The node has died, and asks nothing any more.
    fn is_over(&self) -> bool {
        false
    }

    /// Whether the node's threads take turns: none of them may wait for another but by its clock.
    fn takes_turns(&self) -> bool {
        false
    }

    /// Chance.
    fn chance(&self, bytes: &mut [u8]) {
        let _ = getrandom::fill(bytes);
    }
}

/// A way on which nothing happens.
#[derive(Clone, Copy, Default, Debug)]
pub struct ShortWay;

impl Way for ShortWay {}

/// A database.
pub struct Twin {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

type Slot = Arc<Mutex<Option<Result<Reply, Failure>>>>;

struct Inner {
    tables: Tables,
    /// How they were before each of the last commits.
    past: VecDeque<Tables>,
    machine: Machine,
    /// Grows with every server: lines to the one before are gone.
    server: u64,
    is_down: bool,
    /// What is on its way, by the time of its arrival.
    sent: BTreeMap<(u64, u64), (Ask, Slot)>,
    count: u64,
}

impl Twin {
    /// An empty journal, on a server with this clock.
    pub fn new(clock: Arc<dyn Clock>, loss_possible: bool) -> Arc<Twin> {
        let machine = Machine { timeline: 1, system: 1, wall: clock.wall().unix_millis() };
        let name = fresh_name(&mut |bytes| bytes.fill(7), &[b"twin"]);
        let inner = Inner {
            tables: Tables::new(machine, loss_possible, &name),
            past: VecDeque::new(),
            machine,
            server: 1,
            is_down: false,
            sent: BTreeMap::new(),
            count: 0,
        };
        Arc::new(Twin { clock, inner: Mutex::new(inner) })
    }

    /// A node's way in; `clock` is what it waits by.
    pub fn store(self: &Arc<Self>, clock: Arc<dyn Clock>, way: Arc<dyn Way>) -> Arc<dyn Store> {
        let twin = Arc::clone(self);
        Arc::new(TwinStore { twin, clock, way, parked: Mutex::default() })
    }

    /// Another server takes over, which does not have the last commits. The payments that it knows
    /// differently, as they were.
    pub fn fails_over(&self, commits: usize) -> Vec<Payment> {
        self.loses(commits, true)
    }

    /// The same server goes back with its disk.
    pub fn goes_back(&self, commits: usize) -> Vec<Payment> {
        self.loses(commits, false)
    }

    fn loses(&self, commits: usize, is_other: bool) -> Vec<Payment> {
        self.works();
        let mut inner = lock(&self.inner);
        let before = inner.tables.clone();
        for _ in 0..commits {
            if let Some(tables) = inner.past.pop_back() {
                inner.tables = tables;
            }
        }
        inner.machine.timeline += u32::from(is_other);
        inner.server += 1;
        inner.sent.clear();
        let has = |payment: &&Payment| inner.tables.payments().any(|other| other == *payment);
        before.payments().filter(|payment| !has(payment)).cloned().collect()
    }

    /// The server is away, or there again: what was on its way is gone, and all lines are.
    pub fn is_down(&self, is_down: bool) {
        self.works();
        let mut inner = lock(&self.inner);
        inner.is_down = is_down;
        inner.server += 1;
        inner.sent.clear();
    }

    /// Commits that a standby which takes over now could lack at most.
    pub fn commits(&self) -> usize {
        lock(&self.inner).past.len()
    }

    /// The payment of an invoice, as it is stored now, in its last writer's clock.
    pub fn stored(&self, invoice: &MerchantInvoice) -> Option<Payment> {
        self.works();
        let inner = lock(&self.inner);
        inner.tables.payments().find(|one| one.intent.invoice == *invoice).cloned()
    }

    fn now(&self) -> u64 {
        self.clock.boottime().0
    }

    /// Does what has arrived.
    fn works(&self) {
        let now = self.now();
        let wall = self.clock.wall().unix_millis();
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        inner.machine.wall = wall;
        while let Some(first) = inner.sent.first_entry() {
            if first.key().0 > now {
                return;
            }
            let (ask, slot) = first.remove();
            let before = inner.tables.clone();
            let answer = inner.tables.answer(inner.machine, &ask);
            if answer.is_err() {
                inner.tables = before;
            } else if inner.tables.lsn != before.lsn {
                inner.past.push_back(before);
                if inner.past.len() > MOST_BEHIND {
                    inner.past.pop_front();
                }
            }
            *lock(&slot) = Some(answer.map_err(|Refusal(code, why)| {
                let told = format!("{}: {why} ({code})", ask.doing());
                Failure::Refused(JournalError::new(kind_of(code), told))
            }));
        }
    }

    fn is_up(&self) -> bool {
        !lock(&self.inner).is_down
    }
}

/// One node's way in.
struct TwinStore {
    twin: Arc<Twin>,
    clock: Arc<dyn Clock>,
    way: Arc<dyn Way>,
    /// What nobody waits for any more.
    parked: Mutex<Vec<Job>>,
}

/// A time of the server's.
struct Until(Arc<Twin>, u64);

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.now() >= self.1 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Whether it is done.
fn goes_on(job: &mut Job) -> bool {
    job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

impl TwinStore {
    fn parked_go_on(&self) {
        let mut parked = std::mem::take(&mut *lock(&self.parked));
        parked.retain_mut(|job| !goes_on(job));
        lock(&self.parked).extend(parked);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Store for TwinStore {
    fn connect(&self, known: i64) -> Later<'_, Result<Arc<dyn Line>, JournalError>> {
        Box::pin(async move {
            if !self.way.is_up() || !self.twin.is_up() {
                return Err(unreachable("connect: nobody answers"));
            }
            let inner = lock(&self.twin.inner);
            if inner.tables.epoch() < known {
                return Err(unreachable("only a server of an older time answers; it is not used"));
            }
            let line: Arc<dyn Line> = Arc::new(TwinLine {
                twin: Arc::clone(&self.twin),
                way: Arc::clone(&self.way),
                server: inner.server,
                is_closed: AtomicBool::new(false),
            });
            Ok(line)
        })
    }

    fn carry_out(&self, longest: Duration, mut job: Job) {
        if self.way.is_over() {
            return;
        }
        let until = self.now() + longest;
        let mut pause = Duration::from_millis(1);
        loop {
            self.parked_go_on();
            if goes_on(&mut job) {
                return;
            }
            if self.now() >= until {
                lock(&self.parked).push(job);
                return;
            }
            self.clock.sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(64));
        }
    }

    fn start(&self, mut job: Job) {
        if !goes_on(&mut job) {
            lock(&self.parked).push(job);
        }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.twin.now())
    }

    fn sleep(&self, time: Duration) -> Later<'static, ()> {
        Box::pin(Until(Arc::clone(&self.twin), self.twin.now().saturating_add(millis(time))))
    }

    fn chance(&self, bytes: &mut [u8]) {
        self.way.chance(bytes);
    }

    fn lets_others_go_on(&self) -> bool {
        let takes_turns = self.way.takes_turns();
        if takes_turns {
            self.clock.sleep(Duration::from_millis(1));
        }
        takes_turns
    }

    fn closes(&self) {
        lock(&self.parked).clear();
    }

    fn name(&self) -> String {
        "in memory".to_owned()
    }
}

struct TwinLine {
    twin: Arc<Twin>,
    way: Arc<dyn Way>,
    server: u64,
    is_closed: AtomicBool,
}

impl Line for TwinLine {
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a, Result<Reply, Failure>> {
        Box::pin(async move {
            let slot = Slot::default();
            if !self.is_closed() && self.way.is_up() {
                let fate = self.way.fate(ask);
                let sent = self.twin.now();
                let there = fate.arrives.map(|time| sent.saturating_add(millis(time)));
                if let Some(there) = there {
                    let mut inner = lock(&self.twin.inner);
                    inner.count += 1;
                    let order = (there, inner.count);
                    inner.sent.insert(order, (ask.clone(), Arc::clone(&slot)));
                }
                let heard = there.unwrap_or(sent).saturating_add(millis(fate.heard));
                Until(Arc::clone(&self.twin), heard).await;
                self.twin.works();
                let answer = lock(&slot).take();
                if let (true, true, Some(answer)) =
                    (fate.is_answered, self.way.is_up() && !self.is_closed(), answer)
                {
                    return answer;
                }
            }
            self.give_up();
            Err(Failure::Lost(unreachable(format!("{}: the connection is gone", ask.doing()))))
        })
    }

    fn is_closed(&self) -> bool {
        let inner = lock(&self.twin.inner);
        self.is_closed.load(Ordering::Acquire) || inner.server != self.server || inner.is_down
    }

    fn give_up(&self) {
        self.is_closed.store(true, Ordering::Release);
    }
}
