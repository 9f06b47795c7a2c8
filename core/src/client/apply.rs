//! Commit first: the one place where the policy's step becomes durable.

use std::sync::Mutex;

use crate::client::Inner;
use crate::client::counters::Commit;
use crate::client::exchange::{Heard, keep};
use crate::event::Event;
use crate::journal::{JournalError, Update};
use crate::lock::lock;
use crate::payment::history::{Entry, What};
use crate::payment::{
    Alert, Boottime, Input, Outcome, Payment, PaymentId, PushAnswer, Refusal, Request, State,
    StatusAnswer, Step, Void, step,
};
use crate::wib::WallTime;

/// What an input brings along for the record.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// Nothing.
    None,
    /// OVO's answer, or how none came: kept if it decides.
    Heard(&'a Heard),
    /// An operator's reason.
    Ruling(&'a str),
}

impl<'a> From<Option<&'a Heard>> for Proof<'a> {
    fn from(heard: Option<&'a Heard>) -> Self {
        heard.map_or(Proof::None, Proof::Heard)
    }
}

/// What may be done now that the row is durable.
pub(super) struct Applied {
    /// The row as it is in the journal.
    pub(super) payment: Payment,
    /// The request to send.
    pub(super) send: Option<Request>,
    /// Why the input was refused.
    pub(super) refused: Option<Refusal>,
}

/// Whether an answer proves something of this payment: what decided it, and a success that came before
/// the decision, perhaps to another process than the one that waits. Not another sale's answer, whose
/// approval code no receipt of this payment may have, and whose date refuses no void.
fn is_proof(input: Input, before: &State, after: &State) -> bool {
    let is_ours = match input {
        Input::Answered(answer) => {
            matches!(answer, PushAnswer::Approved | PushAnswer::Declined(_))
        }
        Input::Checked { answer, .. } => {
            matches!(answer, StatusAnswer::Paid | StatusAnswer::Reversed)
        }
        _ => false,
    };
    let decides = before.verdict != after.verdict;
    let is_shown = after.verdict.is_none() && after.late_paid && !before.late_paid;
    is_ours && (decides || is_shown)
}

impl Inner {
    /// Steps `input` on `payment` and commits. If somebody else wrote the row first, steps again on
    /// theirs: the loser of a race follows the winner (policy 2.7).
    pub(super) fn apply(
        &self,
        payment: Payment,
        input: Input,
        proof: Proof<'_>,
    ) -> Result<Applied, JournalError> {
        let mut payment = self.write_what_was_heard(payment)?;
        loop {
            if payment.boot != self.boot {
                payment = self.rebase(payment)?;
                continue;
            }
            let now = self.clock.boottime();
            let step = step(&self.policy, &payment.state, input, now);
            if step.state == payment.state {
                self.announce(&payment, &payment, &step);
                // Worth no commit: it is written with the next one.
                let entry = self.entry(&payment, input, proof, &step, (now, self.clock.wall()));
                if let Some(entry) = entry {
                    payment.history.add(&entry);
                }
                return Ok(Applied { payment, send: step.send, refused: step.refused });
            }
            match self.commit(&payment, input, &step, proof, now)? {
                Ok(committed) => {
                    self.announce(&payment, &committed, &step);
                    return Ok(Applied {
                        payment: committed,
                        send: step.send,
                        refused: step.refused,
                    });
                }
                Err(theirs) => payment = theirs,
            }
        }
    }

    /// An answer that the journal could not take when it came goes before everything else that happens
    /// to its payment: a decision without it could be about another customer's sale.
    fn write_what_was_heard(&self, payment: Payment) -> Result<Payment, JournalError> {
        let Some(heard) = lock(&self.unwritten).remove(&payment.id) else { return Ok(payment) };
        let id = payment.id;
        match self.apply(payment, heard.input, Proof::Heard(&heard)) {
            Ok(applied) => Ok(applied.payment),
            Err(error) => {
                lock(&self.unwritten).insert(id, heard);
                Err(error)
            }
        }
    }

    /// Writes what the journal could not take earlier, and says whether anything is left of it: as soon
    /// as the journal takes it, lest another process decides without it.
    pub(super) fn write_all_that_was_heard(&self) -> bool {
        let kept: Vec<PaymentId> = lock(&self.unwritten).keys().copied().collect();
        for id in kept {
            // A failure of the journal was told when it began.
            if let Ok(Some(payment)) = self.journal.payment(id) {
                let _ = self.write_what_was_heard(payment);
            }
        }
        !lock(&self.unwritten).is_empty()
    }

    /// The push's last byte left at `at`: for the history, as everybody writes it who knows.
    pub(super) fn note_sent(&self, payment: &mut Payment, at: Boottime) {
        let since = at.since(payment.state.begun);
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let wall = payment.intent.wall.unix_millis().saturating_add(millis);
        let step = step(&self.policy, &payment.state, Input::Sent, at);
        let at = (at, WallTime::from_unix_millis(wall));
        let entry = self.entry(payment, Input::Sent, Proof::None, &step, at);
        if let Some(entry) = entry {
            payment.history.add(&entry);
        }
    }

    /// What `input` did, for the history; `None` if that is nothing.
    fn entry(
        &self,
        before: &Payment,
        input: Input,
        proof: Proof<'_>,
        step: &Step,
        (now, wall): (Boottime, WallTime),
    ) -> Option<Entry> {
        let heard = match proof {
            Proof::Heard(heard) => Some((heard.ended, heard.took)),
            Proof::None | Proof::Ruling(_) => None,
        };
        let reason = match proof {
            Proof::Ruling(reason) => reason,
            Proof::None | Proof::Heard(_) => "",
        };
        // What was begun before a restart knows only the wall clock.
        let since = if before.boot == self.boot && before.state.begun > Boottime(0) {
            now.since(before.state.begun)
        } else {
            let millis = wall.unix_millis().saturating_sub(before.intent.wall.unix_millis());
            std::time::Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        };
        let what = What::of(input, heard, reason)?;
        Entry::new(wall, since, self.name, what).followed_by(&before.state, step)
    }

    /// Gives a row of an earlier boot times that mean something now. Which input brings it here
    /// does not matter: its windows begin again before anything else happens to it.
    fn rebase(&self, payment: Payment) -> Result<Payment, JournalError> {
        let away = self.clock.wall().unix_millis() - payment.written.unix_millis();
        let away = std::time::Duration::from_millis(u64::try_from(away).unwrap_or(0));
        let now = self.clock.boottime();
        let mut step = step(&self.policy, &payment.state, Input::Rebooted { away }, now);
        step.state.touched = now;
        match self.commit(&payment, Input::Rebooted { away }, &step, Proof::None, now)? {
            Ok(committed) => Ok(committed),
            Err(theirs) => Ok(theirs),
        }
    }

    /// `Ok(Err(row))` if the compare-and-set lost.
    fn commit(
        &self,
        payment: &Payment,
        input: Input,
        step: &Step,
        proof: Proof<'_>,
        now: Boottime,
    ) -> Result<Result<Payment, Payment>, JournalError> {
        let mut next = payment.clone();
        next.state = step.state;
        next.boot = self.boot;
        next.written = self.clock.wall();
        match proof {
            Proof::Heard(heard) if is_proof(input, &payment.state, &step.state) => {
                if let Some(response) = &heard.response {
                    keep(&mut next.evidence, response);
                }
            }
            Proof::Ruling(reason) => next.evidence.ruling = Some(reason.to_owned()),
            Proof::Heard(_) | Proof::None => {}
        }
        let entry = self.entry(payment, input, proof, step, (now, next.written));
        if let Some(entry) = entry {
            next.history.add(&entry);
        }
        if step.send == Some(Request::Void) {
            next.evidence.void_date = Some(next.written.wib_text());
        }
        if step.state.phone_forgotten {
            next.intent.phone = None;
        }
        let written = self.journal.update(&next);
        self.counters.committed(match &written {
            Ok(Update::Won(_)) => Commit::Done,
            Ok(Update::Lost(_)) => Commit::Lost,
            Err(_) => Commit::Failed,
        });
        match written? {
            Update::Won(version) => {
                next.version = version;
                Ok(Ok(next))
            }
            Update::Lost(mut theirs) => {
                theirs.history.take_over(&payment.history);
                Ok(Err(*theirs))
            }
        }
    }

    /// A set-up that OVO refuses fails every request: it is told once a minute at most (K11).
    pub(super) fn is_news(&self, alert: &Alert) -> bool {
        !matches!(alert, Alert::Misconfigured(_)) || self.may_tell(&self.refused_set_up)
    }

    /// Whether something that is told once a minute at most is to be told now.
    pub(super) fn may_tell(&self, last: &Mutex<Option<Boottime>>) -> bool {
        let now = self.clock.boottime();
        let mut told = lock(last);
        // A minute, in the same scale as everything else.
        let is_news = told.is_none_or(|told| now.since(told) >= self.policy.timers.retry * 4);
        if is_news {
            *told = Some(now);
        }
        is_news
    }

    fn announce(&self, before: &Payment, after: &Payment, step: &Step) {
        let invoice = || after.intent.invoice.clone();
        // Without its phone OVO cannot read a request about it: the set-up is right, and what is wrong was
        // told at opening.
        let lacks_its_phone = |alert: &Alert| {
            matches!(alert, Alert::Misconfigured(code) if code.as_str() == "BR")
                && self.is_unreadable(after)
        };
        let alert = step.alert.filter(|alert| !lacks_its_phone(alert));
        if let Some(alert) = alert.filter(|alert| self.is_news(alert)) {
            self.alert(after, alert);
            if matches!(alert, Alert::DuplicateNumbers(_)) {
                self.leave_used_numbers();
            }
        }
        if before.state.verdict != after.state.verdict {
            if let Some(outcome) = Outcome::of(after) {
                self.counters.decided(&outcome);
                self.tell(|| Event::Decided { invoice: invoice(), outcome: outcome.name() });
            }
        }
        let is_closed = !before.state.is_closed() && after.state.is_closed();
        if is_closed {
            self.counters.settled();
        }
        // The end of a void, too: whoever asked for it may have been told that it is pending. One that never
        // left was told as that, and none is known of.
        let void = after.state.void;
        let is_void_over = before.state.void.is_open() && !void.is_open() && void != Void::None;
        if is_closed || is_void_over {
            self.tell(|| Event::Settled { invoice: invoice() });
        }
    }

    /// A new journal whose numbers another one has used goes on above them.
    fn leave_used_numbers(&self) {
        match self.journal.jump(self.clock.wall()) {
            Ok(Some(found)) => self.found(found),
            Ok(None) => {}
            Err(error) => self.tell(|| Event::JournalFailed { message: error.to_string() }),
        }
    }
}
