//! A till: how it waits for a payment, changes its mind about one, and closes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ovo_checkout::lock;
use ovo_ptp::{Client, Error, MerchantInvoice, Outcome};

use crate::memory::{of_call, outside};
use crate::operator::Task;
use crate::process::{Process, Request};
use crate::random::Chance;
use crate::world::World;

/// How a till waits for a payment. Times are in milliseconds behind its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// In one call.
    #[default]
    Waits,
    /// In one call that shows a countdown, in which the merchant cancels then.
    Cancels(u64),
    /// On a thread of the payment's own, and the merchant cancels then, if at all.
    Starts(Option<u64>),
}

/// How often a till looks what became of a payment with a thread of its own.
const GLANCE: u64 = 250;
/// Calls that wait have heard `Interrupted` by then: about a second, and whatever a connection and
/// the one status check may take.
const LONGEST_TO_CLOSE: u64 = 60_000;

impl Manner {
    /// One of them: half of the payments are given up where merchants do that.
    pub(crate) fn of(chance: &mut Chance, cancels: bool) -> Manner {
        let at = match chance.below(4) {
            // Before the first byte, or just behind it.
            0 => chance.below(300),
            1 => chance.between(59_000, 66_000),
            _ => chance.below(66_000),
        };
        match chance.below(4) {
            0 if cancels => Manner::Cancels(at),
            1 => Manner::Starts(cancels.then_some(at)),
            2 if cancels => Manner::Starts(None),
            _ => Manner::Waits,
        }
    }
}

impl World {
    /// What a cancel said is durable when it says it (P2).
    fn heard_of_a_cancel(&self, outcome: &Outcome) {
        self.tells_the_cashier(outcome);
        let open = matches!(outcome, Outcome::Interrupted(_));
        if !self.plan.looks_behind || open || outcome.is_paid() {
            return;
        }
        let durable = self.durable(outcome.invoice()).and_then(|row| Outcome::of(&row));
        if durable.as_ref().map(Outcome::name) != Some(outcome.name()) {
            let (invoice, name) = (outcome.invoice(), outcome.name());
            self.story.breaks(format!("{invoice}: told {name} before that was durable (P2)"));
        }
    }
}

impl Process {
    /// A till's life: one payment.
    pub(crate) fn takes(self: &Arc<Self>, request: &Request) {
        for _ in 0..60 {
            if let Some(client) = self.client() {
                if lock(&self.world.asked).insert(request.invoice.clone()) {
                    self.pays(&client, request);
                } else if !self.world.plan.is_bounded {
                    // A sale that is begun may be under settlement: in one process, a till that
                    // waits for its own settler would have to be a real thread.
                    lock(&self.tasks).push_back(Task::Ask(request.clone()));
                }
                self.poked.store(true, Ordering::Relaxed);
                return;
            }
            self.world.clock.pass(Duration::from_millis(500));
        }
        self.tell(|| format!("has no journal: {} is not begun", request.invoice));
    }

    pub(crate) fn pays(&self, client: &Client, request: &Request) {
        let name = request.invoice.clone();
        if !lock(&self.flying).insert(name.clone()) {
            return;
        }
        self.tell(|| format!("pays {name}, Rp{}, {}", request.amount, &request.phone[..4]));
        let awaited = self.world.awaits(&name);
        let (result, bytes) = of_call(|| self.asks(client, request));
        drop(awaited);
        self.world.weigh("pay", bytes);
        outside(|| match result {
            Ok(outcome) => {
                self.tell(|| format!("tells the cashier of {name}: {}", outcome.name()));
                self.world.tells_the_cashier(&outcome);
            }
            Err(error) => self.world.refused(&self.name, &error),
        });
        lock(&self.flying).remove(&name);
    }

    fn asks(&self, client: &Client, request: &Request) -> Result<Outcome, Error> {
        let charge = request.charge();
        let clock = Arc::clone(&self.world.clock);
        let began = clock.world().ms;
        match request.manner {
            Manner::Waits => client.pay(&charge),
            Manner::Cancels(after) => client.pay_with(&charge, move |_| {
                let over = clock.world().ms >= began + after;
                if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }),
            Manner::Starts(mut after) => {
                let payment = client.start(&charge)?;
                loop {
                    if let Some(outcome) = payment.poll() {
                        return Ok(outcome);
                    }
                    let now = clock.world().ms;
                    if after.is_some_and(|after| now >= began + after) {
                        after = None;
                        self.tell(|| format!("gives {} up", request.invoice));
                        match payment.cancel() {
                            Ok(outcome) => {
                                outside(|| self.world.heard_of_a_cancel(&outcome));
                                return Ok(outcome);
                            }
                            Err(error) => self.world.refused(&self.name, &error),
                        }
                    }
                    let left = after.map_or(GLANCE, |after| (began + after).saturating_sub(now));
                    clock.pass(Duration::from_millis(left.clamp(1, GLANCE)));
                }
            }
        }
    }

    /// Somebody gives a payment up, who is not the one that waits for it.
    pub(crate) fn cancels(&self, invoice: &MerchantInvoice) {
        let Some(client) = self.client() else { return };
        self.tell(|| format!("gives {invoice} up"));
        let (result, bytes) = of_call(|| client.cancel(invoice));
        self.world.weigh("cancel", bytes);
        outside(|| match result {
            Ok(outcome) => {
                self.tell(|| format!("  {invoice} is given up: {}", outcome.name()));
                self.world.heard_of_a_cancel(&outcome);
            }
            Err(error) => self.world.refused(&self.name, &error),
        });
        self.poked.store(true, Ordering::Relaxed);
    }

    /// The process ends in order: `close_within`, taken apart, because here nobody can wait on a
    /// lock.
    pub(crate) fn closes(&self, grace: u64) {
        let clock = &self.world.clock;
        let nap = || clock.pass(Duration::from_millis(100));
        let is_waited_for = || !lock(&self.flying).is_empty();
        if let Some(client) = self.client() {
            self.tell(|| format!("closes within {grace} ms"));
            client.grace_begins();
            self.closing.store(true, Ordering::Relaxed);
            let over = clock.world().ms + grace;
            while is_waited_for() && clock.world().ms < over {
                nap();
            }
            client.grace_is_over();
            let over = clock.world().ms + LONGEST_TO_CLOSE;
            // A process that stands still notices nothing.
            let odds = self.world.plan.odds;
            let stands_still =
                || odds.still + odds.pause > 0 || self.world.late.load(Ordering::Relaxed);
            while is_waited_for() || self.threads.load(Ordering::Relaxed) > 0 {
                if clock.world().ms >= over && !stands_still() {
                    self.world.story.breaks("who waits is not told that it closes".to_owned());
                    break;
                }
                nap();
            }
        }
        self.tell(|| "ends".to_owned());
        self.life.end();
    }
}
