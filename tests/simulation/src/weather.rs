//! The network as a process meets it: what goes wrong with each request is drawn when it is made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovo_checkout::{Fault, SimWire, lock};
use ovo_ptp::message::Operation;
use ovo_ptp::transport::{Exchange, HttpRequest, Transport, Watch};
use ovo_sandbox::{AnswerOf, Delivery, Host, Step};

use crate::memory::{inside, outside};
use crate::plan::Odds;
use crate::random::Chance;
use crate::world::World;

pub(crate) struct Weather {
    pub(crate) world: Arc<World>,
    pub(crate) wire: Arc<SimWire>,
    pub(crate) host: Arc<Mutex<Host>>,
    pub(crate) chance: Mutex<Chance>,
    pub(crate) odds: Odds,
    /// The longest that a push waits within the bound D, and beyond it, in milliseconds.
    pub(crate) queue: u64,
    pub(crate) longest_queue: u64,
    /// The faults have stopped.
    pub(crate) calm: Arc<AtomicBool>,
    /// A request may have left so late that OVO's waits cannot be counted from it.
    pub(crate) late: Arc<AtomicBool>,
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Weather {
    fn draw(&self, operation: Operation) {
        let mut chance = lock(&self.chance);
        let odds = self.odds;
        let fault = if chance.percent(odds.unreachable) {
            Some(if chance.once_in(2) {
                Fault::Unreachable
            } else {
                Fault::SlowConnect(seconds(chance.between(1, 20)))
            })
        } else if chance.percent(odds.loss) {
            Some(*chance.one_of(&[
                Fault::LostOnTheWay,
                Fault::BrokenAfterSend,
                Fault::AnswerLost,
                Fault::AnswerLost,
            ]))
        } else if chance.percent(odds.pause) {
            self.late.store(true, Ordering::Relaxed);
            Some(Fault::PausedBeforeSend(seconds(chance.between(1, 100))))
        } else {
            None
        };
        if let Some(fault) = fault {
            self.wire.fail(operation, fault);
        }
        let push = operation == Operation::PushToPay;
        let step = Step::on(operation);
        let step = if push && chance.percent(odds.beyond_bound) {
            step.queue_ms(chance.between(120_000, self.longest_queue))
        } else if chance.percent(odds.delay) {
            match chance.below(3) {
                0 if push => step.queue_ms(chance.between(1_000, self.queue)),
                1 => step.at_ms(chance.between(1_000, 70_000)),
                _ => step.queue_ms(chance.between(10, 2_000)),
            }
        } else if chance.percent(odds.duplication) {
            let answer = *chance.one_of(&[AnswerOf::First, AnswerOf::Second]);
            step.duplicate(chance.between(1, 20_000), answer)
        } else if chance.percent(odds.lies) {
            match operation {
                Operation::Reversal if chance.once_in(2) => step.pretend(),
                Operation::CheckPayment if chance.once_in(2) => {
                    step.lag_ms(chance.between(1_000, 60_000))
                }
                _ => match chance.below(6) {
                    0 => step.code("ER"),
                    1 => step.code("68"),
                    2 => step.deliver(Delivery::Drop),
                    3 => step.unheard().code("Z9"),
                    4 => step.set("tid", "00000000"),
                    _ => step.set("amount", 1),
                },
            }
        } else {
            return;
        };
        lock(&self.host).script([step]);
    }
}

/// The invoice that a request names.
fn invoice_of(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).ok()?;
    body.split_once("\"merchantInvoice\":\"")?.1.split('"').next()
}

/// The client's side of an exchange, on the client's account.
struct Inside(Arc<dyn Watch>);

impl Watch for Inside {
    fn connected(&self) {
        inside(|| self.0.connected());
    }

    fn may_send(&self) -> bool {
        inside(|| self.0.may_send())
    }

    fn sent(&self) {
        inside(|| self.0.sent());
    }

    fn wait(&self) -> Option<Duration> {
        inside(|| self.0.wait())
    }
}

impl Transport for Weather {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        outside(|| {
            if !self.calm.load(Ordering::Relaxed) {
                self.draw(request.operation);
            }
            let invoice = invoice_of(request.body).unwrap_or_default();
            if request.operation == Operation::Reversal {
                self.world.reverses(invoice);
            }
            let at = self.world.leaves(request.operation, invoice);
            let watch: Arc<dyn Watch> = Arc::new(Inside(Arc::clone(watch)));
            let exchange = self.wire.exchange(request, &watch);
            if matches!(exchange, Exchange::NotSent(_)) {
                self.world.never_left(request.operation, invoice, at);
            }
            exchange
        })
    }
}
