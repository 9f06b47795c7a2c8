//! What happens at its time: a process starts or dies, the power goes, a network, a disk, a clock or the
//! database changes, somebody pays or asks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ovo_checkout::{Link, lock};

use super::History;
use crate::disk::{Cut, Fault};
use crate::operator::Task;
use crate::process::Request;

/// What comes at its time.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    Starts(usize),
    Pays(usize, Request),
    Dies(usize),
    /// Dies so many moments later.
    WillDie(usize, u64),
    LosesPower(Cut),
    Link(usize, Link),
    Suspended(usize, u64),
    WallClock(i64),
    DiskFails(Fault, u64, bool),
    DiskFills(usize),
    DiskMended,
    Operator(usize, Task),
    Cancels(usize, String),
    Closes(usize, u64),
    OvoReverses(String),
    DatabaseAway(bool),
    /// Reaches the database or does not.
    Reaches(usize, bool),
    /// Another server takes over, or the same one goes back, without so many commits.
    DatabaseLoses(usize, bool),
}

impl History {
    pub(super) fn happens(&mut self, happening: Happening) {
        let story = Arc::clone(&self.world.story);
        match happening {
            Happening::Starts(index) => self.starts(index),
            Happening::Pays(index, request) => {
                let Some(process) = self.shop[index].process.clone() else {
                    story.tell("till", || format!("nobody is there for {}", request.invoice));
                    return;
                };
                let (life, now) = (Arc::clone(&process.life), self.now());
                self.turns.spawn(&life, now, move || process.takes(&request));
            }
            Happening::Dies(index) => self.kill(index),
            Happening::WillDie(index, moments) => {
                if let Some(process) = &self.shop[index].process {
                    process.life.ends_after(moments);
                    story.tell("world", || format!("{} has {moments} moments", process.name));
                }
            }
            Happening::LosesPower(cut) => {
                for index in 0..self.shop.len() {
                    self.kill(index);
                }
                // The dead unwind before anything else happens.
                while let Some((0, actor)) = self.turns.next() {
                    self.lets(actor);
                }
                self.bury();
                self.world.disk.loses_power(cut);
                self.world.clock.reboot();
                story.tell("world", || {
                    format!("the power goes, {cut:?}; left: {}", self.world.disk.listing())
                });
            }
            Happening::Link(index, link) => {
                self.shop[index].link = link;
                if let Some(process) = &self.shop[index].process {
                    process.wire.set_link(link);
                }
                story.tell("world", || format!("network of process {index}: {link:?}"));
            }
            Happening::Suspended(index, ms) => {
                if let Some(process) = &self.shop[index].process {
                    let until = self.now() + ms;
                    self.world.late.store(true, Ordering::Relaxed);
                    self.turns.suspend(&process.life, until);
                    if let (Some(fleet), true) = (&self.world.fleet, ms % 2 == 0) {
                        // Its clock stands still as well: a virtual machine that is held.
                        fleet.stood[index].fetch_add(ms, Ordering::Relaxed);
                    }
                    story.tell("world", || format!("{} sleeps for {ms} ms", process.name));
                }
            }
            Happening::WallClock(offset) => {
                self.world.clock.set_wall_offset(offset);
                story.tell("world", || format!("the wall clock is off by {} s", offset / 1000));
            }
            Happening::DiskFails(fault, at, lasting) => {
                self.world.disk.fails(fault, at, lasting);
                let how = if lasting { "from operation" } else { "at operation" };
                story.tell("world", || format!("the disk will fail {how} {at}: {fault:?}"));
            }
            Happening::DiskFills(left) => {
                self.world.disk.fills_up(left);
                story.tell("world", || format!("the disk has {left} bytes left"));
            }
            Happening::DiskMended => {
                self.world.disk.is_mended();
                story.tell("world", || "the disk is mended".to_owned());
            }
            Happening::Cancels(index, invoice) => {
                self.cancels(index, &invoice);
            }
            Happening::Closes(index, grace) => {
                self.closes(index, grace);
            }
            Happening::OvoReverses(invoice) => {
                let now = self.world.clock.world();
                if lock(&self.world.host).reverse_by_operator(now, &invoice) {
                    story.tell("OVO", || format!("reverses {invoice} by itself"));
                    lock(&self.world.taken_back).insert(invoice.clone(), now.ms);
                    lock(&self.world.by_hand).insert(invoice);
                }
            }
            Happening::DatabaseAway(is_away) => {
                let Some(fleet) = &self.world.fleet else { return };
                fleet.twin.is_down(is_away);
                let how = if is_away { "away" } else { "there again" };
                story.tell("world", || format!("the database is {how}"));
            }
            Happening::Reaches(index, reaches) => {
                let Some(fleet) = &self.world.fleet else { return };
                fleet.reach[index].store(reaches, Ordering::Relaxed);
                let how = if reaches { "reaches" } else { "does not reach" };
                story.tell("world", || format!("machine {index} {how} the database"));
            }
            Happening::DatabaseLoses(commits, is_other) => {
                let Some(fleet) = &self.world.fleet else { return };
                let lost = fleet.loses(commits, is_other);
                story.tell("world", || {
                    let who =
                        if is_other { "another database takes over" } else { "its disk goes back" };
                    format!("{who}, without the last {commits} commits: {lost:?}")
                });
            }
            Happening::Operator(index, task) => {
                if let Some(process) = &self.shop[index].process {
                    lock(&process.tasks).push_back(task);
                    self.pokes();
                }
            }
        }
    }

    fn kill(&mut self, index: usize) {
        if let Some(process) = &self.shop[index].process {
            process.life.is_ended();
            self.world.story.tell("world", || format!("{} is killed", process.name));
        }
    }
}
