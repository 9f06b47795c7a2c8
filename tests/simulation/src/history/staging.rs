//! One exact flow in place of a drawn history: its customers, the blow that strikes each life of the process,
//! and what somebody does at one very point.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ovo_checkout::lock;

use super::{Happening, History, Verdict, made_journal, secrets};
use crate::canary::Canary;
use crate::disk::SimDisk;
use crate::operator::Task;
use crate::process::{Process, Request};
use crate::random::Chance;
use crate::scenario::{Blow, Deed, Scenario};

impl History {
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
    pub(super) fn strikes(&mut self, process: &Arc<Process>) {
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
    pub(super) fn counts_the_blow(&mut self, died: bool) {
        let struck = self.blow.take().is_some_and(|(blow, failures)| match blow {
            Blow::Death(_) | Blow::PowerCut(..) => died,
            Blow::DiskFails { .. } => self.world.disk.failures() > failures,
        });
        self.struck += usize::from(struck);
    }

    /// What a scenario has somebody do at this very point, before anybody else has a turn.
    pub(super) fn does_the_deed(&mut self) {
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
}
