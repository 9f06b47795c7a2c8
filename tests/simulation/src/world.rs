//! What all processes of a history share, and what is watched there at every step: that what is told or
//! leaves is durable, that no secret leaves the client, that requests keep their pace, and that nobody is
//! debited behind a payment that is closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memchr::memmem::Finder;
use ovo_checkout::{SimClock, lock};
use ovo_ptp::journal::{Journal, SqliteJournal, SqliteOptions};
use ovo_ptp::message::Operation;
use ovo_ptp::payment::{Alert, Payment, Verdict};
use ovo_ptp::{Error, ErrorKind, Event, MerchantInvoice, Outcome};
use ovo_sandbox::{Behaviour, Entry, Host};

use crate::canary::Canary;
use crate::disk::{Mount, MountedFiles, SimDisk};
use crate::fleet::Fleet;
use crate::memory::outside;
use crate::plan::Plan;
use crate::process::Newborn;
use crate::story::Story;

/// Rust's side of one call may hold this much at once (I14).
const MOST_MEMORY: usize = 96 << 10;
/// OVO's 15 s, spread by 20 % and by the wait of a network that comes back.
const SHORTEST_PAUSE: u64 = 10_000;

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
    pub(crate) fn net(&self, invoice: &str) -> i64 {
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
        let durable = self.durable(&crate::process::invoice(invoice));
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

    pub(crate) fn observe(&self, who: &str, event: &Event) {
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

/// A customer who is debited although OVO declined: nobody can know, but for 26, which is no promise.
pub(crate) fn is_lie(entry: &Entry) -> bool {
    matches!(&entry.behaviour, Some(Behaviour::DeclineButDebited { code, .. }) if code != "26")
}
