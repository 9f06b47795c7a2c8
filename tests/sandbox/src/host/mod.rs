//! The engine: OVO without sockets and without a clock.
//!
//! Every call brings its own [`Now`]. A request gets a [`Ticket`]; [`Host::progress`] tells when to
//! ask again, what to answer, or that no answer will ever come. What happens in between (debits,
//! expiries, late confirmations) stands in an agenda that is worked off up to each call's time, so
//! that the same calls always have the same result.

mod decide;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::behaviour::{Behaviour, Say};
use crate::bodies::{Bodies, BodyLog};
use crate::config::HostConfig;
use crate::customer::{Customer, Customers};
use crate::delivery::Delivery;
use crate::ledger::{Entry, Forgotten, Ledger, State};
use crate::now::Now;
use crate::operation;
use crate::record::{RequestLog, RequestRecord, masked};
use crate::reply::Reply;
use crate::request::{self, Glance};
use crate::script::{AnswerOf, ConnectionFault, Script, Step, label};
use crate::signature::Signed;

/// A request that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What is to be done about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing before this time (the engine's milliseconds), unless another request changes it:
    /// see [`Host::take_woken`].
    WaitUntil(u64),
    /// This is the answer. The ticket is used up.
    Reply(Reply),
    /// There will never be an answer. The ticket is used up.
    Silence,
}

/// The parts of a request's head that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `POST`, if it is right.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The `app-id` header.
    pub app_id: Option<String>,
    /// The `random` header.
    pub random: Option<String>,
    /// The `hmac` header.
    pub hmac: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// A number for the connection, for the log; 0 in memory.
    pub connection: u64,
    /// The how-manieth request on its connection, from 1; 0 in memory.
    pub nth: u32,
}

impl Head {
    /// A POST of JSON to `/pos` with these three headers.
    pub fn post(app_id: &str, random: &str, hmac: &str) -> Head {
        Head {
            method: "POST".to_owned(),
            path: "/pos".to_owned(),
            app_id: Some(app_id.to_owned()),
            random: Some(random.to_owned()),
            hmac: Some(hmac.to_owned()),
            content_type: Some("application/json".to_owned()),
            connection: 0,
            nth: 0,
        }
    }
}

/// A completed sale that the test puts into the books: somebody else's, whose numbers ours may
/// collide with (OV5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// Merchant number.
    pub merchant_id: String,
    /// Terminal id.
    pub tid: String,
    /// Acceptor id.
    pub mid: String,
    /// Batch.
    pub batch: u32,
    /// Reference.
    pub reference: u32,
    /// Invoice.
    pub invoice: String,
    /// Rupiah.
    pub amount: i64,
    /// The customer.
    pub phone: String,
}

/// What a person does with a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Confirms.
    Pay,
    /// Cancels: 17.
    Cancel,
}

#[derive(Clone, Debug)]
enum Event {
    Hear(u64),
    Debit { place: usize },
    Say { place: usize, call: u64, say: Say, debit_follows: bool },
    Cut(u64),
}

#[derive(Clone, Debug)]
enum Outcome {
    /// Look again at this time.
    Pending(u64),
    Due {
        at: u64,
        reply: Reply,
    },
    Never,
}

/// A request on its way through the engine.
#[derive(Clone, Debug)]
struct Call {
    seq: u64,
    head: Head,
    body: Vec<u8>,
    value: Option<Value>,
    received: u64,
    step: Step,
    outcome: Outcome,
    /// Nobody will ask for its answer: the lost copy of a duplicate, or the client has gone.
    hidden: bool,
    /// OVO has yet to hear it.
    queued: bool,
    /// What the debit came to, made at the debit: an answer that is under way is not rewritten.
    formed: Option<(Reply, String)>,
    request: Option<request::Request>,
}

/// OVO.
#[derive(Clone, Debug)]
pub struct Host {
    config: HostConfig,
    ledger: Ledger,
    customers: Customers,
    script: Script,
    log: RequestLog,
    bodies: BodyLog,
    calls: BTreeMap<u64, Call>,
    /// The call that waits for the end of an entry's session.
    waiting: BTreeMap<usize, u64>,
    /// Entries whose session was ended from outside: nothing may debit them any more.
    barred: BTreeSet<usize>,
    /// How many events of the agenda are about an entry.
    at_work: BTreeMap<usize, u8>,
    agenda: BTreeMap<(u64, u64), Event>,
    woken: Vec<Ticket>,
    answered: Vec<u64>,
    resets: u64,
    next_call: u64,
    next_event: u64,
    trace: u32,
    approval: u32,
}

impl Host {
    /// Empty books.
    pub fn new(config: HostConfig) -> Host {
        Host {
            config,
            ledger: Ledger::default(),
            customers: Customers::default(),
            script: Script::default(),
            log: RequestLog::default(),
            bodies: BodyLog::default(),
            calls: BTreeMap::new(),
            waiting: BTreeMap::new(),
            barred: BTreeSet::new(),
            at_work: BTreeMap::new(),
            agenda: BTreeMap::new(),
            woken: Vec::new(),
            answered: Vec::new(),
            resets: 0,
            next_call: 1,
            next_event: 1,
            trace: 1000,
            approval: 100_200,
        }
    }

    /// The configuration.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// The configuration, to be changed for requests to come: revoked credentials, a blocked
    /// terminal, another signing mode.
    pub fn config_mut(&mut self) -> &mut HostConfig {
        &mut self.config
    }

    /// Hears a request. Whatever the client does afterwards, it has been heard.
    pub fn receive(&mut self, now: Now, head: &Head, body: &[u8]) -> Ticket {
        self.advance(now);
        let value: Option<Value> = serde_json::from_slice(body).ok();
        let glance = request::glance(value.as_ref());
        let step = self.script.take(&glance);
        let seq = self.note(now, head, &glance, step.as_ref());
        self.bodies.asked(seq, body, self.config.bodies_limit);
        let step = step.unwrap_or_default();
        let act = step.act.clone();
        let call = Call {
            seq,
            head: head.clone(),
            body: body.to_vec(),
            value,
            received: now.ms,
            step,
            outcome: Outcome::Pending(now.later(act.queue_ms)),
            hidden: false,
            queued: false,
            formed: None,
            request: None,
        };
        if let Delivery::CutMs(after) = call.step.deliver {
            let id = self.next_call;
            self.schedule(now.later(after), Event::Cut(id));
        }
        let id = self.enter(call);
        if act.unheard {
            self.answer_unheard(id, now);
            return Ticket(id);
        }
        self.hear_at(id, now, act.queue_ms);
        let Some(duplicate) = act.duplicate else { return Ticket(id) };
        let Some(first) = self.calls.get(&id) else { return Ticket(id) };
        let mut second = first.clone();
        second.seq = match self.log.get(seq).cloned() {
            Some(record) => {
                let copy = RequestRecord {
                    copy_of: Some(seq),
                    heard: false,
                    code: None,
                    status: None,
                    delivery: None,
                    answered_ms: None,
                    ..record
                };
                self.log.push(copy, self.config.log_limit)
            }
            None => seq,
        };
        if second.seq != seq {
            self.bodies.asked(second.seq, body, self.config.bodies_limit);
        }
        let second_after = act.queue_ms.saturating_add(duplicate.gap_ms);
        second.outcome = Outcome::Pending(now.later(second_after));
        second.formed = None;
        second.request = None;
        second.hidden = duplicate.answer == AnswerOf::First;
        let second = self.enter(second);
        self.hear_at(second, now, second_after);
        match duplicate.answer {
            AnswerOf::First => Ticket(id),
            AnswerOf::Second => {
                self.hide(id);
                Ticket(second)
            }
        }
    }

    /// Tells what is to be done about a request now.
    pub fn progress(&mut self, ticket: Ticket, now: Now) -> Progress {
        self.advance(now);
        let Some(call) = self.calls.get(&ticket.0) else { return Progress::Silence };
        // A cut comes whatever else is planned; once it has come, it is the outcome.
        let cut = match call.step.deliver {
            Delivery::CutMs(after) => {
                Some(call.received.saturating_add(after)).filter(|at| *at > now.ms)
            }
            _ => None,
        };
        let wait = |at: u64| Progress::WaitUntil(cut.map_or(at, |cut| cut.min(at)));
        match &call.outcome {
            // Never in the past: a caller that sleeps until then must come back later than now.
            Outcome::Pending(at) => wait((*at).max(now.later(1))),
            Outcome::Due { at, .. } if *at > now.ms => wait(*at),
            Outcome::Never if cut.is_some() => wait(u64::MAX),
            Outcome::Due { .. } | Outcome::Never => {
                let progress = match &call.outcome {
                    Outcome::Due { reply, .. } => Progress::Reply(reply.clone()),
                    _ => Progress::Silence,
                };
                self.hide(ticket.0);
                progress
            }
        }
    }

    /// The client has gone away before its answer. The session goes on, unless configured
    /// otherwise (policy 4, Q7: not published).
    pub fn gone(&mut self, ticket: Ticket, now: Now) {
        self.advance(now);
        let Some(call) = self.calls.get(&ticket.0) else { return };
        if let Some(record) = self.log.get_mut(call.seq) {
            record.client_gone = true;
        }
        if self.config.drop_cancels_session {
            let place =
                self.waiting.iter().find(|(_, call)| **call == ticket.0).map(|(place, _)| *place);
            if let Some(place) =
                place.filter(|place| self.ledger.entry(*place).state == State::Open)
            {
                self.ledger.entry_mut(place).state = State::NotDebited;
                self.barred.insert(place);
                self.waiting.remove(&place);
            }
        }
        self.hide(ticket.0);
    }

    /// Works off everything that was due up to `now`.
    pub fn advance(&mut self, now: Now) {
        while let Some((&(at, number), _)) = self.agenda.first_key_value() {
            if at > now.ms {
                break;
            }
            let Some(event) = self.agenda.remove(&(at, number)) else { break };
            let past = i64::try_from(now.ms - at).unwrap_or(i64::MAX);
            let then = Now { ms: at, wall: now.wall.saturating_sub(past) };
            match event {
                Event::Hear(id) => self.hear(id, then),
                Event::Debit { place } => {
                    self.one_less(place);
                    self.debit(place, then);
                }
                Event::Say { place, call, say, debit_follows } => {
                    self.one_less(place);
                    self.say(place, call, &say, debit_follows, then);
                }
                Event::Cut(id) => self.cut(id, then),
            }
        }
    }

    /// When something will happen by itself next, if anything will.
    pub fn next_event(&self) -> Option<u64> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Tickets whose answer time has changed since the last call, because of another request.
    pub fn take_woken(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.woken)
    }

    /// Records whose answer has been settled since the last call.
    pub fn take_answered(&mut self) -> Vec<RequestRecord> {
        let answered = std::mem::take(&mut self.answered);
        answered.into_iter().filter_map(|seq| self.log.get(seq).cloned()).collect()
    }

    /// The books, in the order in which the pushes were heard. As of the last call with a time:
    /// see [`Host::advance`].
    pub fn ledger(&self) -> &[Entry] {
        self.ledger.entries()
    }

    /// Rupiah finally taken from customers under an invoice.
    pub fn net(&self, invoice: &str) -> i64 {
        let entries = self.ledger.entries().iter();
        let net = entries.filter(|entry| entry.invoice == invoice).map(Entry::net);
        net.fold(0, i64::saturating_add)
    }

    /// Rupiah finally taken from all customers, those of forgotten payments included.
    pub fn taken(&self) -> i64 {
        self.ledger.taken()
    }

    /// What is left of payments that are too old to be kept.
    pub fn forgotten(&self) -> Forgotten {
        self.ledger.forgotten()
    }

    /// The accounts that have been seen or set.
    pub fn customers(&self) -> impl Iterator<Item = &Customer> {
        self.customers.all()
    }

    /// One account, as it is or would be made.
    pub(crate) fn customer(&self, phone: &str) -> Customer {
        self.customers.get(phone, self.config.default_balance)
    }

    /// What a customer does with the next prompt.
    pub(crate) fn behaviour(&self, phone: &str) -> Behaviour {
        self.customers
            .behaviour(phone, self.config.by_hand)
            .unwrap_or(Behaviour::Approve { after_ms: self.config.approve_after_ms })
    }

    /// Sets an account.
    pub fn put_customer(&mut self, customer: Customer) {
        self.customers.put(customer);
    }

    /// Sets what a customer does from now on; the balance stays.
    pub fn set_behaviour(&mut self, phone: &str, behaviour: Behaviour) {
        let account = self.customers.account(phone, self.config.default_balance);
        account.behaviour = Some(behaviour);
    }

    /// What a customer owns.
    pub fn balance(&mut self, phone: &str) -> i64 {
        let account = self.customers.account(phone, self.config.default_balance);
        account.cash.saturating_add(account.points)
    }

    /// The request log, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.log.all()
    }

    /// The bodies of a request and its answer, if they are still kept.
    pub(crate) fn bodies(&self, seq: u64) -> Option<&Bodies> {
        self.bodies.get(seq)
    }

    /// The newest records, oldest first.
    pub(crate) fn newest_requests(&self, most: usize) -> impl Iterator<Item = &RequestRecord> {
        self.log.newest(most)
    }

    /// How often everything was emptied.
    pub(crate) fn resets(&self) -> u64 {
        self.resets
    }

    /// Adds steps after those that are still to come.
    pub fn script(&mut self, more: impl Into<Script>) {
        self.script.append(more.into());
    }

    /// The steps that are still to come.
    pub fn pending_script(&self) -> &Script {
        &self.script
    }

    /// The steps that are still to come, to be changed: an outage ends when its connection faults
    /// are taken out.
    pub fn script_mut(&mut self) -> &mut Script {
        &mut self.script
    }

    /// What shall go wrong with the connection that has just been made.
    pub fn connected(&mut self) -> Option<ConnectionFault> {
        self.script.take_connection()
    }

    /// Empties books, accounts, script and log; the configuration stays. Requests that wait are
    /// never answered.
    pub fn reset(&mut self) {
        self.woken.extend(self.calls.keys().map(|id| Ticket(*id)));
        self.ledger = Ledger::default();
        self.customers.clear();
        self.script = Script::default();
        self.log.clear();
        self.bodies.clear();
        self.resets += 1;
        self.calls.clear();
        self.waiting.clear();
        self.barred.clear();
        self.at_work.clear();
        self.agenda.clear();
        self.answered.clear();
    }

    fn note(&mut self, now: Now, head: &Head, glance: &Glance, step: Option<&Step>) -> u64 {
        let record = RequestRecord {
            seq: 0,
            at_ms: now.ms,
            wall: now.wall,
            operation: glance.operation.map(operation::name),
            batch: glance.batch.clone(),
            reference: glance.reference.clone(),
            invoice: glance.invoice.clone(),
            phone: glance.phone.as_deref().map(masked),
            amount: glance.amount,
            date: glance.date.clone(),
            tid: glance.tid.clone(),
            mid: glance.mid.clone(),
            random: head.random.clone(),
            signature: Signed::Unread,
            connection: head.connection,
            nth: head.nth,
            heard: false,
            copy_of: None,
            script: step.map(label).unwrap_or_default(),
            code: None,
            status: None,
            delivery: None,
            answered_ms: None,
            client_gone: false,
            refusal: None,
        };
        self.log.push(record, self.config.log_limit)
    }

    fn enter(&mut self, call: Call) -> u64 {
        let id = self.next_call;
        self.next_call += 1;
        self.calls.insert(id, call);
        id
    }

    fn hear_at(&mut self, id: u64, now: Now, delay: u64) {
        if delay == 0 {
            self.hear(id, now);
        } else {
            if let Some(call) = self.calls.get_mut(&id) {
                call.queued = true;
            }
            self.schedule(now.later(delay), Event::Hear(id));
        }
    }

    fn schedule_for(&mut self, place: usize, at: u64, event: Event) {
        *self.at_work.entry(place).or_default() += 1;
        self.schedule(at, event);
    }

    fn one_less(&mut self, place: usize) {
        match self.at_work.get_mut(&place) {
            Some(events) if *events > 1 => *events -= 1,
            _ => {
                self.at_work.remove(&place);
            }
        }
    }

    /// Forgets payments beyond the limit, except those that something may still happen to.
    fn forget(&mut self) {
        let at_work = &self.at_work;
        let kept =
            self.ledger.forget(self.config.ledger_limit, |place| at_work.contains_key(&place));
        if self.barred.first().is_some_and(|place| *place < kept) {
            self.barred = self.barred.split_off(&kept);
        }
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.agenda.insert((at, self.next_event), event);
        self.next_event += 1;
    }

    fn hide(&mut self, id: u64) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.hidden = true;
            if call.queued {
                // Its connection is over, but OVO will still hear it.
                call.outcome = Outcome::Pending(u64::MAX);
            } else if !matches!(call.outcome, Outcome::Pending(_)) {
                self.calls.remove(&id);
            }
        }
    }
}
