//! A wire in memory between the client and the sandbox's engine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ovo_ptp::message::Operation;
use ovo_ptp::transport::{
    Exchange, Failure, FailureKind, HttpAnswer, HttpRequest, Transport, Watch,
};
use ovo_sandbox::{Delivery, Head, Host, Progress, Then, Ticket};

use crate::clock::SimClock;
use crate::mortal::Life;

/// What the wire does to one request, before OVO's own script has its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection: nothing is sent.
    Unreachable,
    /// Connecting takes this long, then works.
    SlowConnect(Duration),
    /// The process stands still this long with the connection ready, before its last look at the
    /// clock.
    PausedBeforeLook(Duration),
    /// The process stands still this long between its last look at the clock and the write.
    PausedBeforeSend(Duration),
    /// The request is written and never arrives.
    LostOnTheWay,
    /// The request arrives; the answer is lost and the connection breaks at once.
    BrokenAfterSend,
    /// The request arrives; nothing ever comes back.
    AnswerLost,
}

/// How the whole network stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// It works.
    #[default]
    Up,
    /// No connection is made, and that is known at once; what is under way hears nothing.
    Down,
    /// No connection is made, and each attempt waits as long as it may.
    BlackHole,
    /// Requests arrive at OVO, answers never come back.
    Mute,
}

/// A transport without sockets. Time moves on the [`SimClock`] while an exchange waits.
pub struct SimWire {
    clock: Arc<SimClock>,
    host: Arc<Mutex<Host>>,
    faults: Mutex<VecDeque<(Option<Operation>, Fault)>>,
    link: Mutex<Link>,
    life: Arc<Life>,
}

/// A connection takes this long, and so does the way back.
const LATENCY: Duration = Duration::from_millis(40);

impl SimWire {
    /// A wire for one process.
    pub fn new(clock: Arc<SimClock>, host: Arc<Mutex<Host>>, life: Arc<Life>) -> Self {
        SimWire { clock, host, faults: Mutex::default(), link: Mutex::default(), life }
    }

    /// The next request (of this operation, or of any) meets this fault.
    pub fn fail(&self, operation: impl Into<Option<Operation>>, fault: Fault) {
        lock(&self.faults).push_back((operation.into(), fault));
    }

    /// Cuts or mends the network.
    pub fn set_link(&self, link: Link) {
        *lock(&self.link) = link;
    }

    fn link(&self) -> Link {
        *lock(&self.link)
    }

    fn fault_for(&self, operation: Operation) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let place = faults
            .iter()
            .position(|(wanted, _)| wanted.is_none_or(|wanted| wanted == operation))?;
        faults.remove(place).map(|(_, fault)| fault)
    }

    /// Waits for the answer as a transport must: in slices, calling the watch before each.
    fn await_answer(
        &self,
        ticket: Option<Ticket>,
        watch: &Arc<dyn Watch>,
        deadline_ms: u64,
    ) -> Exchange {
        loop {
            let Some(slice) = watch.wait() else {
                return no_answer(FailureKind::Stopped, "stopped waiting");
            };
            let now = self.clock.world();
            if now.ms >= deadline_ms {
                return no_answer(FailureKind::Timeout, "time ran out");
            }
            let slice_ms = u64::try_from(slice.as_millis()).unwrap_or(u64::MAX).max(1);
            let mut wake = now.ms.saturating_add(slice_ms).min(deadline_ms);
            if let Some(ticket) = ticket.filter(|_| self.link() == Link::Up) {
                // Bound first: the guard must be gone before the watch runs a request of its own.
                let progress = lock(&self.host).progress(ticket, now);
                match progress {
                    Progress::WaitUntil(ms) => wake = wake.min(ms.max(now.ms + 1)),
                    Progress::Reply(reply) => return self.deliver(reply, watch, deadline_ms),
                    Progress::Silence => return self.await_answer(None, watch, deadline_ms),
                }
            }
            self.clock.pass_until(wake);
        }
    }

    fn deliver(
        &self,
        reply: ovo_sandbox::Reply,
        watch: &Arc<dyn Watch>,
        deadline_ms: u64,
    ) -> Exchange {
        match reply.delivery {
            Delivery::Plain => {
                self.clock.pass(LATENCY);
                self.life.moment();
                Exchange::Answered(HttpAnswer {
                    status: reply.status,
                    body: reply.body,
                    server_date: Some(self.clock.world().wall.div_euclid(1000)),
                    retry_after: reply
                        .headers
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
                        .and_then(|(_, value)| value.parse().ok()),
                })
            }
            Delivery::Hang => self.await_answer(None, watch, deadline_ms),
            Delivery::HalfBody { then: Then::Hang } => {
                watch.answering();
                self.await_answer(None, watch, deadline_ms)
            }
            _ => no_answer(FailureKind::Broken, "the connection broke"),
        }
    }
}

impl Transport for SimWire {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let started = self.clock.world().ms;
        let deadline_ms = started.saturating_add(ms(request.total_budget));
        let fault = self.fault_for(request.operation);
        if fault == Some(Fault::Unreachable) || self.link() == Link::Down {
            self.clock.pass(LATENCY);
            return not_sent(FailureKind::Connect, "no connection");
        }
        let connecting = match fault {
            Some(Fault::SlowConnect(duration)) => duration,
            _ if self.link() == Link::BlackHole => Duration::MAX,
            _ => LATENCY,
        };
        self.clock.pass(connecting.min(request.send_budget));
        if connecting > request.send_budget {
            return not_sent(FailureKind::Timeout, "connecting took too long");
        }
        watch.connected();
        if let Some(Fault::PausedBeforeLook(duration)) = fault {
            self.clock.pass(duration);
        }
        let signature = (request.sign)();
        if !watch.may_send() {
            return not_sent(FailureKind::Stopped, "sending was not allowed");
        }
        if let Some(Fault::PausedBeforeSend(duration)) = fault {
            self.clock.pass(duration);
        }
        self.life.moment();
        let ticket = if fault == Some(Fault::LostOnTheWay) {
            None
        } else {
            let head = Head::post(request.app_id, &signature.random, &signature.hmac);
            Some(lock(&self.host).receive(self.clock.world(), &head, request.body))
        };
        self.life.moment();
        watch.sent();
        match fault {
            Some(Fault::BrokenAfterSend) => no_answer(FailureKind::Broken, "the connection broke"),
            Some(Fault::AnswerLost) => self.await_answer(None, watch, deadline_ms),
            _ => self.await_answer(ticket, watch, deadline_ms),
        }
    }
}

/// Locks; a panic elsewhere breaks nothing that is kept here.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn failure(kind: FailureKind, message: &str) -> Failure {
    Failure { kind, message: message.to_owned() }
}

fn not_sent(kind: FailureKind, message: &str) -> Exchange {
    Exchange::NotSent(failure(kind, message))
}

fn no_answer(kind: FailureKind, message: &str) -> Exchange {
    Exchange::NoAnswer(failure(kind, message))
}
