//! A push as it unfolds, and how answers are made and leave.

use ovo_ptp::message::Operation;

use super::{Decision, Event, Host, Outcome, Ticket};
use crate::behaviour::{Behaviour, Say};
use crate::config::Expiry;
use crate::delivery::Delivery;
use crate::ledger::{Entry, State};
use crate::now::Now;
use crate::reply::{self, Reply, Source};
use crate::request::Request;
use crate::sloppy;
use crate::status::status_of;

impl Host {
    /// Shows the prompt: the course of the session is fixed now, and other requests may bend it.
    pub(super) fn open_session(
        &mut self,
        id: u64,
        request: &Request,
        behaviour: &Behaviour,
        now: Now,
    ) {
        let place = self.ledger.open(request, self.config.numbers_per_terminal, now);
        let mut course = behaviour.course(self.config.window_ms, self.config.session_ms);
        if course.say == Say::Expired && self.config.expiry == Expiry::Silence {
            course.say = Say::Nothing;
        }
        let pending =
            self.calls.get_mut(&id).filter(|call| matches!(call.outcome, Outcome::Pending(_)));
        if let Some(call) = pending {
            call.outcome = match course.say {
                Say::Nothing => Outcome::Never,
                _ => Outcome::Pending(now.later(course.say_after)),
            };
            if course.say == Say::Nothing {
                self.settle_record(id, None, None, "none", now);
                if self.calls.get(&id).is_some_and(|call| call.hidden) {
                    self.calls.remove(&id);
                }
            }
        }
        self.ledger.entry_mut(place).behaviour = Some(behaviour.clone());
        self.waiting.insert(place, id);
        if let Some(after) = course.debit_after {
            self.schedule_for(place, now.later(after), Event::Debit { place });
        }
        let debit_follows = course.debit_after.is_some_and(|debit| debit > course.say_after);
        let event = Event::Say { place, call: id, say: course.say, debit_follows };
        self.schedule_for(place, now.later(course.say_after), event);
        self.forget();
        // What is due at once happens at once: the caller may ask for progress at the same time.
        self.advance(now);
    }

    /// The customer's confirmation reaches the wallet.
    pub(super) fn debit(&mut self, place: usize, now: Now) {
        let state = self.ledger.entry(place).state;
        if self.barred.contains(&place) || !matches!(state, State::Open | State::NotDebited) {
            return;
        }
        let (phone, amount) = {
            let entry = self.ledger.entry(place);
            (entry.phone.clone(), entry.amount)
        };
        let taken = self.customers.account(&phone, self.config.default_balance).take(amount);
        let approval = self.next_approval();
        let entry = self.ledger.entry_mut(place);
        let code = match taken {
            Some(taken) => {
                entry.state = State::Debited;
                entry.debits += 1;
                entry.cash_used = taken.cash;
                entry.points_used = taken.points;
                entry.approval_code = Some(approval);
                entry.debited_ms = Some(now.ms);
                entry.debited_wall = Some(now.wall);
                "00".to_owned()
            }
            None => {
                entry.state = State::NotDebited;
                self.config.choices.insufficient.clone()
            }
        };
        let Some(id) = self.waiting.get(&place).copied() else { return };
        let Some(request) = self.calls.get(&id).and_then(|call| call.request.clone()) else {
            return;
        };
        let formed = self.form(id, Some(&request), &code, Some(place), now);
        if let Some(call) = self.calls.get_mut(&id) {
            call.formed = Some(formed);
        }
    }

    /// The session says its last word.
    pub(super) fn say(&mut self, place: usize, id: u64, say: &Say, debit_follows: bool, now: Now) {
        // Pending means that the wallet is still at work; every other word ends the session for
        // OVO, even if a confirmation is still under way.
        let still_open = debit_follows && matches!(say, Say::Code(code) if code == "68");
        let entry = self.ledger.entry_mut(place);
        if entry.state == State::Open && !still_open {
            entry.state = State::NotDebited;
        }
        entry.ended_ms.get_or_insert(now.ms);
        if self.waiting.get(&place) == Some(&id) {
            self.waiting.remove(&place);
        }
        let pending =
            self.calls.get(&id).is_some_and(|call| matches!(call.outcome, Outcome::Pending(_)));
        let formed = self.calls.get_mut(&id).and_then(|call| call.formed.take());
        let request = self.calls.get(&id).and_then(|call| call.request.clone());
        let (reply, code) = match say {
            Say::Outcome => match formed {
                Some((reply, code)) => (reply, Some(code)),
                None => (self.expired(id), None),
            },
            Say::Code(code) => {
                let (reply, code) = self.form(id, request.as_ref(), code, None, now);
                (reply, Some(code))
            }
            Say::Expired => (self.expired(id), None),
            Say::Cut => (Reply { delivery: Delivery::Drop, ..Reply::empty(200) }, None),
            Say::Nothing => return,
        };
        if self.ledger.entry(place).code.is_none() {
            self.ledger.entry_mut(place).code = code.clone();
        }
        if pending {
            self.finish(id, reply, code, now);
        }
    }

    /// Somebody decides on a prompt, whatever its customer was going to do.
    ///
    /// # Errors
    /// If there is no such payment, or its prompt is no longer shown.
    pub fn decide(&mut self, now: Now, id: u64, decision: Decision) -> Result<(), String> {
        self.advance(now);
        let place = usize::try_from(id.wrapping_sub(1)).unwrap_or(usize::MAX);
        let gone = || format!("payment {id} shows no prompt");
        let known = self.ledger.entries().iter().any(|entry| entry.id == id);
        let call = self.waiting.get(&place).copied().filter(|_| known).ok_or_else(gone)?;
        let entry = self.ledger.entry(place);
        let over = now.ms > entry.opened_ms.saturating_add(self.config.window_ms);
        if entry.state != State::Open || over {
            return Err(gone());
        }
        match decision {
            Decision::Pay => {
                self.debit(place, now);
                self.say(place, call, &Say::Outcome, false, now);
            }
            Decision::Cancel => {
                // What the customer was going to do does not happen any more.
                self.barred.insert(place);
                self.say(place, call, &Say::Code("17".to_owned()), false, now);
            }
        }
        Ok(())
    }

    /// Ends a session that a reversal named (only with tombstones): it looks like an expiry.
    pub(super) fn bar(&mut self, place: usize, now: Now) {
        self.barred.insert(place);
        let Some(id) = self.waiting.remove(&place) else { return };
        let pending =
            self.calls.get(&id).is_some_and(|call| matches!(call.outcome, Outcome::Pending(_)));
        if !pending {
            return;
        }
        match self.config.expiry {
            Expiry::Empty404 => {
                let reply = self.expired(id);
                self.finish(id, reply, None, now);
            }
            Expiry::Silence => {
                self.settle_record(id, None, None, "none", now);
                if let Some(call) = self.calls.get_mut(&id) {
                    call.outcome = Outcome::Never;
                }
            }
        }
        self.woken.push(Ticket(id));
    }

    /// The connection dies while the session goes on.
    pub(super) fn cut(&mut self, id: u64, now: Now) {
        let reply = Reply { delivery: Delivery::Reset, ..Reply::empty(200) };
        // The lost copy of a duplicate has no connection to cut.
        if self.calls.get(&id).is_some_and(|call| !call.hidden) {
            self.settle_record(id, None, None, "cut_ms", now);
            if let Some(call) = self.calls.get_mut(&id) {
                call.outcome = Outcome::Due { at: now.ms, reply };
            }
            self.woken.push(Ticket(id));
        }
    }

    /// The end of a session without an outcome (protocol 3.1), as the script changes it.
    fn expired(&self, id: u64) -> Reply {
        let mut reply = Reply::empty(404);
        if let Some(call) = self.calls.get(&id) {
            call.step.answer.apply(&mut reply);
            reply.delivery = call.step.deliver.clone();
        }
        reply
    }

    /// The answer of a host that was made not to hear.
    pub(super) fn answer_unheard(&mut self, id: u64, now: Now) {
        let Some(call) = self.calls.get(&id) else { return };
        let step = call.step.clone();
        let value = call.value.clone();
        let request = crate::request::read(value.as_ref(), true).ok();
        let (reply, code) = match &step.answer.code {
            Some(code) => {
                let (reply, code) = self.form(id, request.as_ref(), code, None, now);
                (reply, Some(code))
            }
            None => {
                let mut reply = Reply::empty(200);
                step.answer.apply(&mut reply);
                let mute = !step.answer.speaks_for_itself() && step.deliver.is_plain();
                reply.delivery = if mute { Delivery::Drop } else { step.deliver };
                (reply, None)
            }
        };
        self.finish(id, reply, code, now);
    }

    /// Makes an answer, with the script's changes. Returns it with the code that it carries.
    pub(super) fn form(
        &mut self,
        id: u64,
        request: Option<&Request>,
        code: &str,
        place: Option<usize>,
        now: Now,
    ) -> (Reply, String) {
        let step = self.calls.get(&id).map(|call| call.step.clone()).unwrap_or_default();
        let code = step.answer.code.clone().unwrap_or_else(|| code.to_owned());
        self.trace = if self.trace >= 999_999 { 1 } else { self.trace + 1 };
        let mut reply = Reply {
            status: self
                .config
                .http_statuses
                .get(&code)
                .copied()
                .unwrap_or_else(|| status_of(&code)),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: Vec::new(),
            delivery: step.deliver.clone(),
        };
        reply.body = match request {
            None => {
                let seq = self.calls.get(&id).map_or(0, |call| call.seq);
                let why = self.log.get(seq).and_then(|record| record.refusal.clone());
                reply::bare_body(&code, why.as_deref().unwrap_or("refused"))
            }
            Some(request) => {
                let entry = self.entry_to_tell(request, &code, place, now);
                let customer = entry.as_ref().map(|entry| {
                    self.customers.account(&entry.phone, self.config.default_balance).clone()
                });
                let paid = entry.as_ref().zip(customer.as_ref());
                reply::body(&Source { request, code: &code, trace: self.trace, now, paid })
            }
        };
        if let Some(request) = request {
            let habits = self.config.sloppy.iter().chain(&step.answer.sloppy);
            sloppy::apply(habits, request.operation, &code, &mut reply.body);
        }
        step.answer.apply(&mut reply);
        (reply, code)
    }

    /// The entry that a success tells of. A script can force a success where the books have none:
    /// then one is made up for the answer, and only for it.
    fn entry_to_tell(
        &mut self,
        request: &Request,
        code: &str,
        place: Option<usize>,
        now: Now,
    ) -> Option<Entry> {
        if code != "00" || request.operation == Operation::Inquiry {
            return None;
        }
        let mut entry = match place {
            Some(place) => self.ledger.entry(place).clone(),
            None if request.operation == Operation::Reversal => return None,
            None => Entry { cash_used: request.amount?, ..Entry::of(request, 0, now) },
        };
        if entry.approval_code.is_none() {
            entry.approval_code = Some(self.next_approval());
        }
        Some(entry)
    }

    /// Lets an answer leave, at the time that the script allows.
    pub(super) fn finish(&mut self, id: u64, reply: Reply, code: Option<String>, now: Now) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if matches!(call.outcome, Outcome::Due { .. }) {
            // A cut connection stays cut.
            return;
        }
        let answer = &call.step.answer;
        let earliest = call.received.saturating_add(answer.at_ms.unwrap_or(0));
        let at = now.ms.max(earliest).saturating_add(answer.delay_ms);
        let (status, name) = (reply.status, reply.delivery.name());
        self.bodies.answered(call.seq, &reply.body);
        // A mute connection is no answer at all; a cut one is answered by its cut.
        call.outcome = match reply.delivery {
            Delivery::Hang | Delivery::CutMs(_) => Outcome::Never,
            _ => Outcome::Due { at, reply },
        };
        let hidden = call.hidden;
        self.settle_record(id, code, Some(status), &name, Now { ms: at, ..now });
        if hidden {
            self.calls.remove(&id);
        } else {
            self.woken.push(Ticket(id));
        }
    }

    fn settle_record(
        &mut self,
        id: u64,
        code: Option<String>,
        status: Option<u16>,
        delivery: &str,
        now: Now,
    ) {
        let Some(seq) = self.calls.get(&id).map(|call| call.seq) else { return };
        let Some(record) = self.log.get_mut(seq) else { return };
        record.code = code;
        record.status = status;
        record.delivery = Some(delivery.to_owned());
        record.answered_ms = Some(now.ms);
        // Nobody need ask for these: the list is as bounded as the log.
        if self.answered.len() < self.config.log_limit {
            self.answered.push(seq);
        }
    }

    pub(super) fn next_approval(&mut self) -> String {
        self.approval = if self.approval >= 999_999 { 100_000 } else { self.approval + 1 };
        format!("{:06}", self.approval)
    }
}
