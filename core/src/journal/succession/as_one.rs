//! To the client the journals of a place are one.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::{Former, PRESENT, Succession};
use crate::invoice::MerchantInvoice;
use crate::journal::belonging::Owner;
use crate::journal::files::{Files, SystemFiles};
use crate::journal::former::JOURNAL_AT;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{
    ArchivePlace, ArchiveProgress, Archived, Begun, Belonging, DEFAULT_LIMIT, Figures, Filter,
    Finding, Health, Journal, JournalError, JournalErrorKind, NewPayment, Setup, Update, aside,
    rules,
};
use crate::lock::lock;
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

/// A backup that was killed may have left those of the former journals, without the present one's.
fn is_in_the_way(mut error: JournalError) -> JournalError {
    if error.kind == JournalErrorKind::Misplaced {
        error.message.push_str(
            ": if it is what a backup that was broken off has left, take it away; or choose another place",
        );
    }
    error
}

impl Journal for Succession {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        for former in self.serving() {
            match former.wrote(former.journal.enter_boot(boot_id)) {
                Ok(boot) => former.boot.store(boot, Ordering::Relaxed),
                // Without a boot of its own every wait in it would begin anew, again and again.
                Err(error) => former.is_left_out(&error),
            }
        }
        let boot = self.present.enter_boot(boot_id)?;
        self.boot.store(boot, Ordering::Relaxed);
        Ok(boot)
    }

    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        self.begin_above_whomever()?;
        if self.former.is_empty() && self.asked().next().is_none() {
            return self.present.begin(new, method);
        }
        if let Some(known) = self.find_here(&new.invoice)? {
            return Ok(Begun::Existing(known));
        }
        let boot = self.boot.load(Ordering::Relaxed);
        for former in self.knowing() {
            if let Some(id) = former.or_later(former.journal.archived_as(&new.invoice))? {
                return Ok(Begun::Archived(id));
            }
        }
        if new.refuse_unsettled_customer {
            for former in self.knowing() {
                // A damaged row of the customer's is one that could still be debited.
                if let Some(open) = former.or_later(former.journal.blocking(new))?.transpose()? {
                    return Ok(Begun::UnsettledCustomer(former.outward(open, boot)));
                }
            }
        }
        for asked in self.asked() {
            asked.refuse_what_it_knows(new)?;
        }
        self.present.begin(new, method)
    }

    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        let Some(former) = self.former(payment.id) else {
            return self.present.update(payment);
        };
        let boot = self.boot.load(Ordering::Relaxed);
        let is_owed = rules::is_owed(&payment.state);
        if is_owed {
            self.note_what_it_owes_again(former);
        }
        let updated = former.wrote(former.journal.update(&former.inward(payment, boot)));
        Ok(match updated? {
            Update::Lost(row) => Update::Lost(Box::new(former.outward(*row, boot))),
            won @ Update::Won(_) => {
                if !is_owed {
                    self.note_what_is_paid(former);
                }
                won
            }
        })
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        let Some(former) = self.former(id) else { return self.present.payment(id) };
        let boot = self.boot.load(Ordering::Relaxed);
        let found = former.journal.row(Former::own(id))?.transpose()?;
        Ok(found.map(|payment| former.outward(payment, boot)))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        let found = self.find_here(invoice)?;
        if found.is_none() {
            for asked in self.asked() {
                asked.refuse_if_it_knows(invoice)?;
            }
        }
        Ok(found)
    }

    fn find_hidden(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        let told = self.find(invoice)?.map(|payment| payment.id);
        let (found, _) = self.all_under(invoice)?;
        Ok(found
            .into_iter()
            .find(|it| Some(it.id) != told && it.state.verdict.is_some() && !it.state.acknowledged))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        let mut due = Vec::new();
        // What the former ones owe is the oldest debt, and becomes less and less.
        for former in self.serving() {
            let own = former.boot.load(Ordering::Relaxed);
            let rows = former.or_nothing(former.journal.due(own, now, limit - due.len()));
            due.extend(rows.into_iter().map(|payment| former.outward(payment, boot)));
        }
        due.extend(self.present.due(boot, now, limit - due.len())?);
        Ok(due)
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        let mut next = self.present.next_due(boot)?;
        for former in self.serving() {
            let own = former.boot.load(Ordering::Relaxed);
            let other = former.or_nothing(former.journal.next_due(own));
            next = [next, other].into_iter().flatten().min();
        }
        Ok(next)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit };
        let after = filter.after.filter(|after| after.0 > 0);
        let boot = self.boot.load(Ordering::Relaxed);
        // The former ones are the older ones; the present one is the last of all.
        let mut order: Vec<Option<&Former>> = self.serving().map(Some).collect();
        order.push(None);
        if filter.newest_first {
            order.reverse();
        }
        let place = |journal: &Option<&Former>| journal.map_or(PRESENT, |former| former.place);
        let first = after.and_then(|after| {
            order.iter().position(|journal| place(journal) == after.0 >> JOURNAL_AT)
        });
        let mut listed = Vec::new();
        for (index, journal) in order.iter().enumerate().skip(first.unwrap_or(0)) {
            if listed.len() >= limit {
                break;
            }
            let mut after = after.filter(|_| Some(index) == first).map(Former::own);
            // A page of which another journal tells some is filled up.
            while listed.len() < limit {
                let wanted = limit - listed.len();
                let filter = Filter { after, limit: wanted, ..filter.clone() };
                let rows = match journal {
                    None => self.present.list(&filter)?,
                    Some(former) => former.or_nothing(former.journal.list(&filter)),
                };
                let is_last = rows.len() < wanted;
                after = rows.last().map(|payment| payment.id);
                let own = rows.into_iter().filter(|row| self.answers(place(journal), row));
                listed.extend(own.map(|payment| match journal {
                    None => payment,
                    Some(former) => former.outward(payment, boot),
                }));
                if is_last {
                    break;
                }
            }
        }
        Ok(listed)
    }

    fn health(&self) -> Result<Health, JournalError> {
        let mut health = self.present.health()?;
        // A payment that two of them know is one.
        let (twice, open_twice) = (
            self.counted_elsewhere(PRESENT, &self.present)?,
            self.open_elsewhere(PRESENT, &self.present)?,
        );
        health.payments = health.payments.saturating_sub(twice);
        health.unsettled = health.unsettled.saturating_sub(open_twice);
        health.problems.extend(self.problems.iter().cloned());
        health.problems.extend(self.missed()?);
        for former in &self.former {
            let name = &former.name;
            if former.foreign.load(Ordering::Relaxed) {
                let debt = former.debt();
                if debt.is_owed() {
                    health.problems.push(format!("{name}, {}", debt.is_of_another_merchant()));
                } else {
                    health.notes.push(format!(
                        "{name}, which was set aside, is left out: it is another merchant's or \
                         another environment's"
                    ));
                }
            }
        }
        for former in self.serving() {
            let theirs = match former.journal.health() {
                Ok(theirs) => theirs,
                // Read once more it may be whole: it goes on taking part.
                Err(error) if error.kind == JournalErrorKind::Io => {
                    health.problems.push(format!("{}: {}", former.name, error.message));
                    continue;
                }
                Err(error) => {
                    former.fails(&error);
                    continue;
                }
            };
            let Health { payments, unsettled, problems, notes } = theirs;
            let twice = former.or_nothing(self.counted_elsewhere(former.place, &former.journal));
            let open_twice = former.or_nothing(self.open_elsewhere(former.place, &former.journal));
            health.payments += payments.saturating_sub(twice);
            health.unsettled += unsettled.saturating_sub(open_twice);
            let named = |line: String| format!("{}: {line}", former.name);
            health.problems.extend(problems.into_iter().map(named));
            health.notes.extend(notes.into_iter().map(named));
            // What a report counts as settled may be unheard of, or still be looked at.
            let owes = former.journal.owes().unwrap_or(true);
            if !owes && self.twins.rest_on(former.place) {
                health.notes.push(format!(
                    "{}, which was set aside, owes nothing any more, but knows more than the backup \
                     that was put in its place: keep it there",
                    former.name
                ));
            } else if let Some(finish) = former.finishes_its_archive().filter(|_| !owes) {
                health.notes.push(format!(
                    "{}, which was set aside, owes nothing any more, but its archive is not finished: \
                     keep it there, and finish that first ({finish})",
                    former.name
                ));
            } else if !owes {
                health.notes.push(format!(
                    "{}, which was set aside, owes nothing any more: it can be taken away",
                    former.name
                ));
            }
        }
        health.problems.extend(self.former.iter().filter_map(Former::trouble));
        Ok(health)
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        if self.former.is_empty() {
            return self.present.figures();
        }
        let present = self.present.figures()?;
        let mut figures = Figures {
            undecided: Default::default(),
            unsettled: Default::default(),
            needs_operator: Default::default(),
            unacknowledged: Default::default(),
            ..present
        };
        // What two of them know is told by one.
        let mut add = |place, journal: &SqliteJournal| {
            let elsewhere = self.told_elsewhere(place, journal)?;
            journal.each_listed(|payment| {
                if !elsewhere.contains(&payment.id) {
                    figures.add(payment);
                }
            })
        };
        add(PRESENT, &self.present)?;
        for former in self.serving() {
            former.or_nothing(add(former.place, &former.journal));
        }
        Ok(figures)
    }

    fn belong_to(&self, setup: &Setup) -> Result<Belonging, JournalError> {
        let mut belonging = self.present.belong_to(setup)?;
        for former in &self.former {
            match former.journal.belong_to(setup) {
                Ok(theirs) => {
                    belonging.findings.extend(self.doubt_with(former)?);
                    belonging.key_ring.extend(theirs.key_ring);
                    let given = |key: &String| setup.other_keys.contains(key);
                    if belonging.another_key.as_ref().is_none_or(given) {
                        belonging.another_key = theirs.another_key.or(belonging.another_key);
                    }
                    belonging.unproven = belonging.unproven.or(theirs.unproven);
                    // A new journal takes any key for its own; those it follows know theirs.
                    for found in theirs.findings.into_iter().filter(|found| found.critical) {
                        if !belonging.findings.contains(&found) {
                            belonging.findings.push(found);
                        }
                    }
                }
                Err(error) if error.kind == JournalErrorKind::Foreign => {
                    former.foreign.store(true, Ordering::Relaxed);
                    let (name, debt, why) = (&former.name, former.debt(), &error.message);
                    belonging.findings.push(if debt.is_owed() {
                        let owed = debt.is_of_another_merchant();
                        Finding { critical: true, message: format!("{name}, {owed} ({why})") }
                    } else {
                        let message = format!("{name} is left alone: {why}");
                        Finding { critical: false, message }
                    });
                }
                // Whose it is cannot be told.
                Err(error) => former.is_left_out(&error),
            }
        }
        self.closed_belong_to(setup, &mut belonging)?;
        belonging.findings.extend(self.begin_above_their_own(&Owner::set_up(setup))?);
        Ok(belonging)
    }

    fn key(&self) -> Result<Option<String>, JournalError> {
        self.present.key()
    }

    fn adopt_key(&self, key: &str, key_ring: &[Vec<u8>]) -> Result<(), JournalError> {
        for former in self.serving() {
            former.or_nothing(former.wrote(former.journal.adopt_key(key, key_ring)));
        }
        self.present.adopt_key(key, key_ring)
    }

    fn jump(&self, wall: WallTime) -> Result<Option<Finding>, JournalError> {
        self.present.jump(wall)
    }

    fn note_probe(&self, wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        self.present.note_probe(wall)
    }

    /// The present journal's, and beside it those of the former ones, named as they are: what they
    /// owe must not be lost with the disk.
    fn backup(&self, to: &Path) -> Result<(), JournalError> {
        let mut made = Vec::new();
        let mut all = || {
            // Those of another merchant, too: they are no less lost with the disk.
            for former in self.former.iter().filter(|former| former.can_be_read()) {
                let beside = aside::numbered(to, former.number());
                former.journal.backup(&beside).map_err(is_in_the_way)?;
                made.push(beside);
            }
            self.present.backup(to)
        };
        let done = all();
        if done.is_err() {
            // A part of a backup is none.
            for beside in made {
                let _ = SystemFiles.remove(&beside);
            }
        } else {
            // One that nobody can open must not keep the others from being copied.
            let closed = self.closed.iter().map(|closed| closed.why.clone());
            let failed = self.former.iter().filter(|former| !former.can_be_read());
            let left_out = closed.chain(failed.filter_map(Former::trouble));
            lock(&self.news).extend(left_out.map(|why| Finding {
                critical: true,
                message: format!("the backup {} was written without it: {why}", to.display()),
            }));
        }
        done
    }

    /// Not as long as another journal of the place may know the same payments: one that is archived here
    /// and open there must not be told anew.
    fn archive(
        &self,
        before: WallTime,
        to: &Path,
        tell: &mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        let is_alone =
            self.former.is_empty() && self.closed.is_empty() && lock(&self.missing).is_empty();
        if let Some(finish) = self.former.iter().find_map(Former::finishes_its_archive) {
            return Err(JournalError::new(
                JournalErrorKind::Misplaced,
                format!(
                    "nothing can be archived as long as the archive of a journal that was set aside \
                     here is not finished: {finish}"
                ),
            ));
        }
        if !is_alone {
            return Err(JournalError::new(
                JournalErrorKind::Misplaced,
                "nothing can be archived as long as a journal that was set aside here is in use, or \
                 missed: let it settle what it owes, and take it away once `ovo-ptp doctor` says that \
                 it can be",
            ));
        }
        self.present.archive(before, to, tell)
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, JournalError> {
        for former in self.serving() {
            let found = former.or_later(Journal::archived(&former.journal, invoice))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Journal::archived(&self.present, invoice)
    }

    /// The present one last: as long as one of the others is doubted, so is this.
    fn vouch(&self, who_and_why: &str) -> Result<bool, JournalError> {
        let mut ended = false;
        // Nobody answers for another merchant's.
        for former in self.knowing() {
            ended |= former.or_nothing(former.wrote(former.journal.vouch(who_and_why)));
        }
        let mut missing = lock(&self.missing);
        while let Some(debt) = missing.last() {
            self.present.note_debt(debt, Some(who_and_why))?;
            missing.pop();
            ended = true;
        }
        Ok(self.present.vouch(who_and_why)? || ended)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.present.findings();
        // What is wrong with another merchant's is that one's to answer for.
        findings.extend(self.knowing().flat_map(|former| former.journal.findings()));
        findings.extend(self.findings.iter().cloned());
        findings
    }

    fn found_since(&self) -> Vec<Finding> {
        let mut news = std::mem::take(&mut *lock(&self.news));
        news.extend(self.present.found_since());
        news.extend(self.former.iter().filter_map(Former::news));
        news
    }
}
