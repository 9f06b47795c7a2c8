//! A till's process for one deed: a payment, a rush of them, or settling what others left.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use ovo_ptp::payment::Boottime;
use ovo_ptp::transport::{
    Exchange, HttpRequest, HttpsOptions, HttpsTransport, Transport, Trust, Watch,
};
use ovo_ptp::{Charge, Client, ClientBuilder, Clock, Rupiah, SystemClock, VoidOutcome, WallTime};

use crate::merchant::{ends_with_its_parent, open};
use crate::process::send;
use crate::shop::Shop;
use crate::starving;
use crate::steps::{Stepping, Steps};
use crate::told::ToldLog;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What every payment of these tills costs.
pub const AMOUNT: i64 = 10_000;

/// The moment at which a till stops itself with SIGSTOP, every thread of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Between the handshake and the last look into the journal.
    BeforeTheLook,
    /// Between the last look into the journal and the first byte of the push.
    BeforeTheWrite,
    /// The same, and its transport writes however late that is: a modem of the merchant's own, or
    /// a pause behind the last look at the clock.
    BeforeALateWrite,
    /// While it waits for the answer.
    WhileWaiting,
}

/// What is unusual about a till.
#[derive(Clone, Debug, Default)]
struct Manner {
    stop: Option<Stop>,
    wall_ahead_ms: i64,
    closes_on_signal: bool,
    /// Stops at this step of its payment.
    steps: Option<u32>,
    /// Goes on until its payment is settled.
    stays: bool,
    /// What was paid is given back at once.
    voids: bool,
    /// Its customer may have another payment that is not settled.
    second_push: bool,
    settle_rate: Option<u32>,
}

impl Manner {
    fn read(options: &[&str]) -> Result<Manner> {
        let mut manner = Manner::default();
        for option in options {
            match option.split_once('=') {
                None if *option == "stops-before-the-look" => {
                    manner.stop = Some(Stop::BeforeTheLook);
                }
                None if *option == "stops-before-the-write" => {
                    manner.stop = Some(Stop::BeforeTheWrite);
                }
                None if *option == "stops-before-a-late-write" => {
                    manner.stop = Some(Stop::BeforeALateWrite);
                }
                None if *option == "stops-while-waiting" => {
                    manner.stop = Some(Stop::WhileWaiting);
                }
                None if *option == "closes-on-signal" => manner.closes_on_signal = true,
                None if *option == "stays" => manner.stays = true,
                None if *option == "voids" => manner.voids = true,
                None if *option == "second-push" => manner.second_push = true,
                Some(("stops-at-step", step)) => manner.steps = Some(step.parse()?),
                Some(("settle-rate", rate)) => manner.settle_rate = Some(rate.parse()?),
                Some(("wall-ahead-ms", ms)) => manner.wall_ahead_ms = ms.parse()?,
                _ => return Err(format!("what is {option:?}?").into()),
            }
        }
        Ok(manner)
    }

    fn open(
        &self,
        shop: &Shop,
        steps: Option<&Arc<Steps>>,
    ) -> std::result::Result<Client, ovo_ptp::Error> {
        let mut builder: ClientBuilder = shop.builder()?;
        let wire = || {
            let options = HttpsOptions::with_trust(Trust::PemFile(shop.authority.clone()));
            HttpsTransport::new(&format!("{}/pos", shop.address), options)
        };
        if let Some(stop) = self.stop {
            builder = builder.transport(Arc::new(Stopping { wire: wire()?, stop }));
        }
        if let Some(steps) = steps {
            let steps = Arc::clone(steps);
            builder = builder.transport(Arc::new(Stepping { wire: wire()?, steps }));
        }
        if let Some(rate) = self.settle_rate {
            builder = builder.settle_rate(rate);
        }
        if self.wall_ahead_ms != 0 {
            builder = builder.clock(Arc::new(Ahead(self.wall_ahead_ms)));
        }
        builder.open()
    }
}

fn say(text: &str) {
    println!("{text}");
    // A parent that is gone hears nothing.
    let _ = std::io::stdout().flush();
}

/// Every thread of this process, until it is continued or killed.
pub(crate) fn stops(at: &str) {
    say(&format!("stopping {at}"));
    let own = libc::pid_t::try_from(std::process::id());
    // Who cannot stop fails the test, which waits for it.
    let _ = own.map(|pid| send(pid, libc::SIGSTOP));
}

fn charge(invoice: &str, phone: &str) -> Result<Charge> {
    Ok(Charge::new(invoice, Rupiah::new(AMOUNT)?, phone.parse()?)?)
}

/// Takes one payment and says how it went.
///
/// # Errors
/// What is not the client's answer.
pub fn pay(shop: &Shop, desk: &str, invoice: &str, phone: &str, options: &[&str]) -> Result<()> {
    ends_with_its_parent();
    let manner = Manner::read(options)?;
    let log = ToldLog::open(&shop.told(desk))?;
    let steps = manner.steps.map(|at| Arc::new(Steps::new(invoice, at)));
    let step = |name: &str| steps.iter().for_each(|steps| steps.step(name));
    let client = match manner.open(shop, steps.as_ref()) {
        Ok(client) => client,
        Err(error) => {
            say(&format!("error {:?}", error.kind()));
            return Ok(());
        }
    };
    say("open");
    if manner.closes_on_signal {
        close_on_signal();
    }
    let done = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        if manner.closes_on_signal {
            let (client, done) = (&client, &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    if SIGNAL.load(Ordering::SeqCst) != 0 {
                        client.close();
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
        }
        let told = charge(invoice, phone).map(|charge| {
            client.pay(&if manner.second_push { charge.allow_second_push() } else { charge })
        });
        done.store(true, Ordering::SeqCst);
        told
    })?;
    step("before telling");
    let is_paid = matches!(&told, Ok(outcome) if outcome.is_paid());
    match told {
        Ok(outcome) => {
            log.outcome(&outcome)?;
            say(&format!("told {}", outcome.name()));
            step("behind telling");
        }
        Err(error) => {
            log.tell(invoice, "error", &format!("{:?} {error}", error.kind()))?;
            say(&format!("error {:?}", error.kind()));
            return Ok(());
        }
    }
    let invoice = invoice.parse()?;
    if manner.voids && is_paid {
        match client.void(&invoice) {
            Ok(VoidOutcome::Voided) => log.tell(invoice.as_str(), "voided", "")?,
            other => log.tell(invoice.as_str(), "error", &format!("void: {other:?}"))?,
        }
        step("behind the word of its void");
    }
    // A journal that is away for a while says nothing of it.
    while manner.stays && !client.payment(&invoice).ok().flatten().is_some_and(|it| it.settled) {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Moves what is over and was begun before `before`, in Unix milliseconds, into an archive of the shop's
/// folder, and says how many payments that one has.
///
/// # Errors
/// The client's.
pub fn archive(shop: &Shop, before: &str, name: &str) -> Result<()> {
    ends_with_its_parent();
    let client = open(shop)?;
    say("open");
    let before = WallTime::from_unix_millis(before.parse()?);
    let done = client.archive(before, shop.folder.join(name), |at| {
        say(&format!("at {} of {}", at.moved, at.payments));
    })?;
    say(&format!("archived {}", done.payments));
    Ok(())
}

/// Pushes many payments at once, and never gets to tell anybody: it waits to be killed.
///
/// # Errors
/// What is not the client's answer.
pub fn rush(shop: &Shop, phones: &[&str]) -> Result<()> {
    ends_with_its_parent();
    let client = shop.open()?;
    let handles = phones
        .iter()
        .enumerate()
        .map(|(number, phone)| {
            Ok(client.start(&charge(&format!("RUSH-{number}"), phone)?.allow_second_push())?)
        })
        .collect::<Result<Vec<_>>>()?;
    say("begun");
    loop {
        std::thread::sleep(Duration::from_secs(1));
        drop(handles.iter().map(ovo_ptp::PaymentHandle::poll).collect::<Vec<_>>());
    }
}

/// Takes one payment while memory runs out: at the allocation `from` of the client (`rust`) or of
/// its journal (`sqlite-once`, `sqlite-for-good`), counted from the moment before it opens.
///
/// Says how many allocations were left, if it lives to say it.
///
/// # Errors
/// What is not the client's answer.
pub fn starve(shop: &Shop, memory: &str, from: &str, desk: &str) -> Result<()> {
    let from: i64 = from.parse()?;
    let log = ToldLog::open(&shop.told(desk))?;
    let invoice = format!("{memory}-{from}");
    // Every second customer cancels.
    let phone = if from % 2 == 0 { "081300000001" } else { "081200001700" };
    let charge = charge(&invoice, phone)?.allow_second_push();
    let builder = shop.builder()?;
    match memory {
        "rust" => starving::starve_rust(from),
        _ if !starving::prepare_sqlite() => return Err("SQLite takes no other allocator".into()),
        _ => starving::starve_sqlite(from, memory == "sqlite-for-good"),
    }
    let client = builder.open();
    let told = client.as_ref().map(|client| client.pay(&charge));
    let left = if memory == "rust" { starving::left() } else { starving::sqlite_left() };
    match told {
        Ok(Ok(outcome)) => {
            log.outcome(&outcome)?;
            say(&format!("told {}", outcome.name()));
        }
        Ok(Err(error)) => {
            log.tell(&invoice, "error", &format!("{:?} {error}", error.kind()))?;
            say(&format!("error {error}"));
        }
        Err(error) => say(&format!("not open: {error}")),
    }
    say(&format!("left {left}"));
    Ok(())
}

/// Settles what others left, until it is killed or its parent is gone.
///
/// # Errors
/// The client's.
pub fn settle(shop: &Shop, options: &[&str]) -> Result<()> {
    ends_with_its_parent();
    let _client = Manner::read(options)?.open(shop, None)?;
    say("open");
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// The signal that came.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: libc::c_int) {
    SIGNAL.store(signal, Ordering::SeqCst);
}

/// As a merchant's program would: the handler notes the signal, a thread closes the client.
fn close_on_signal() {
    let handler: extern "C" fn(libc::c_int) = note;
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: the handler does nothing but store into an atomic, which a handler may.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// The real transport of a process that is stopped at the worst moments of its first push.
struct Stopping {
    wire: HttpsTransport,
    stop: Stop,
}

impl Transport for Stopping {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        if request.operation != ovo_ptp::message::Operation::PushToPay {
            return self.wire.exchange(request, watch);
        }
        let watch: Arc<dyn Watch> = Arc::new(Stopped {
            inner: Arc::clone(watch),
            stop: self.stop,
            over: AtomicBool::new(false),
        });
        let for_ever = Duration::from_secs(600);
        let patient = HttpRequest { send_budget: for_ever, total_budget: for_ever, ..*request };
        let late = self.stop == Stop::BeforeALateWrite;
        self.wire.exchange(if late { &patient } else { request }, &watch)
    }
}

struct Stopped {
    inner: Arc<dyn Watch>,
    stop: Stop,
    over: AtomicBool,
}

impl Stopped {
    fn moment(&self, here: Stop) {
        if self.stop == here && !self.over.swap(true, Ordering::SeqCst) {
            stops("");
        }
    }
}

impl Watch for Stopped {
    fn connected(&self) {
        self.inner.connected();
    }

    fn may_send(&self) -> bool {
        self.moment(Stop::BeforeTheLook);
        let may = self.inner.may_send();
        self.moment(Stop::BeforeTheWrite);
        self.moment(Stop::BeforeALateWrite);
        may
    }

    fn sent(&self) {
        self.inner.sent();
    }

    fn wait(&self) -> Option<Duration> {
        let next = self.inner.wait();
        self.moment(Stop::WhileWaiting);
        next
    }
}

/// The machine's clocks, its wall clock set wrong.
struct Ahead(i64);

impl Clock for Ahead {
    fn boottime(&self) -> Boottime {
        SystemClock.boottime()
    }

    fn boot_id(&self) -> String {
        SystemClock.boot_id()
    }

    fn wall(&self) -> WallTime {
        WallTime::from_unix_millis(SystemClock.wall().unix_millis() + self.0)
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration);
    }
}
