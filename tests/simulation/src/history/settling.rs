//! The faults stop, and everything must close and stay closed (I12): operators answer what was handed over,
//! OVO's settlement file is handed in, and both looks behind what is closed are waited for.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use ovo_checkout::{Link, lock};

use super::{DAY, HOUR, Happening, History, MINUTE};
use crate::operator::{Task, is_left_to_people};

/// After the faults have stopped, everything must be settled within this time (I12). The longest is
/// a void that OVO can no longer be asked about, because the phone was forgotten: after the 6.5 days
/// in which it could be, an operator hears of it.
const PATIENCE: u64 = 8 * DAY;

impl History {
    /// The faults stop.
    pub(super) fn calms_down(&mut self) {
        self.world.story.tell("world", || "everything works from now on".to_owned());
        self.world.calm.store(true, Ordering::Relaxed);
        self.agenda.retain(|_, happening| matches!(happening, Happening::Starts(_)));
        self.world.disk.is_mended();
        self.world.clock.set_wall_offset(0);
        lock(&self.world.host).script_mut().steps.clear();
        if let Some(fleet) = &self.world.fleet {
            fleet.twin.is_down(false);
            for reaches in &fleet.reach {
                reaches.store(true, Ordering::Relaxed);
            }
        }
        for index in 0..self.shop.len() {
            self.shop[index].link = Link::Up;
            if let Some(process) = &self.shop[index].process {
                process.wire.set_link(Link::Up);
                // A death that was already certain comes with the faults or never.
                process.life.goes_on_for_good();
            }
        }
    }

    /// Everything closes, and stays closed.
    pub(super) fn settles(&mut self) {
        let began = self.now();
        let mut reported = self.world.plan.host.check_contracted;
        let mut asked_about = BTreeSet::new();
        loop {
            self.until(20 * MINUTE);
            // Without status checks nobody but the merchant, who hands in OVO's settlement file,
            // sees the debit behind a decline.
            let was_reported = reported;
            if let (false, Some(process)) = (reported, self.somebody()) {
                let file = self.requests.iter().map(|sale| Task::ReportPaid(sale.invoice.clone()));
                lock(&process.tasks).extend(file);
                reported = true;
            }
            // Before the till has closed, somebody asks for every sale that has no outcome.
            let reports = self.reports();
            // Whoever is to refund a void by hand asks OVO about it first.
            let left = reports.iter().flatten().filter(|report| is_left_to_people(report));
            let left: Vec<String> = left.map(|report| report.invoice.as_str().to_owned()).collect();
            let new = left.into_iter().filter(|invoice| asked_about.insert(invoice.clone()));
            let new: Vec<Task> = new.map(Task::CheckVoid).collect();
            let is_asked = !new.is_empty();
            if let Some(process) = self.somebody() {
                lock(&process.tasks).extend(new);
            }
            let open = !was_reported
                || is_asked
                || reports.as_ref().is_none_or(|reports| {
                    reports.iter().any(|report| !report.settled || report.needs_operator)
                });
            if !open {
                break;
            }
            if let Some(process) = self.somebody() {
                lock(&process.tasks).push_back(Task::Rule);
            }
            self.pokes();
            let patience = if reports.is_some() { PATIENCE } else { 3 * HOUR };
            if self.now() > began + patience {
                let left = reports.map_or("the journal does not open".to_owned(), |reports| {
                    let open = reports.iter().filter(|report| !report.settled);
                    open.map(|report| format!("{}: {}", report.invoice, report.settlement))
                        .collect::<Vec<_>>()
                        .join("; ")
                });
                self.world.story.breaks(format!("not settled (I12): {left}"));
                return;
            }
        }
        // Both looks behind what is closed, and the phone forgotten.
        self.until(3 * DAY + 2 * HOUR);
        self.audits();
    }
}
