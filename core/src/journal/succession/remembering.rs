//! What a journal must know of those before and behind it at its place, written down before it is needed:
//! their numbers, their doubts, what they owe, and who followed whom ([fault J20]).
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::sync::atomic::Ordering;

use super::{Closed, Former, PRESENT, Succession};
use crate::journal::owing::{self, Debt, Here};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::twins;
use crate::journal::{Finding, Journal, JournalError};
use crate::lock::lock;
use crate::payment::PaymentId;

impl Succession {
    /// For reports, which no client opens: what was set aside here in another environment, or by another
    /// merchant, is nothing of this shop's books.
    pub(in crate::journal) fn leave_out_what_is_anothers(&self) -> Result<(), JournalError> {
        let own = self.present.owner()?;
        for former in &self.former {
            let theirs = former.or_nothing(former.journal.owner().map(Some));
            if theirs.is_some_and(|theirs| theirs.is_another_than(&own)) {
                former.foreign.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Before anything is sold: what must be known if one of the others is gone the next time.
    pub(super) fn remember_the_doubted_and_the_owing(&mut self) -> Result<(), JournalError> {
        let known = self.present.debts()?;
        let mut now = Vec::new();
        let own = self.present.owner()?;
        for former in &self.former {
            let theirs = former.or_nothing(former.journal.owner().map(Some));
            // Of a new one only its client knows whose it is: `belong_to` decides.
            if !theirs.is_some_and(|theirs| theirs.may_be_another_than(&own)) {
                self.findings.extend(self.doubt_with(former)?);
            }
            let debt = former.debt();
            former.owing.store(debt.is_owed(), Ordering::Relaxed);
            now.push(debt);
            former.or_nothing(self.remind(former));
        }
        for closed in &self.closed {
            if !closed.owner().is_some_and(|theirs| theirs.may_be_another_than(&own)) {
                self.findings.extend(self.doubt_with_closed(closed)?);
            }
        }
        // One that could be read once is known better than it can be seen now.
        now.extend(self.closed.iter().map(Closed::debt));
        // What was noted of it while nobody could read it.
        for unread in known.iter().filter(|it| it.is_owed() && it.of == owing::file_name(it.number))
        {
            if now.iter().any(|it| it.number == unread.number && it.of != unread.of) {
                now.push(unread.struck_off());
            }
        }
        now.extend(self.accounted_for.iter().map(Debt::struck_off));
        now.retain(|debt| match known.iter().find(|known| known.is_of(debt)) {
            Some(known) => debt.payments.is_some() && known != debt,
            None => true,
        });
        // The newest knows best; and what it knows must not go with it.
        for former in self.former.iter().rev() {
            for debt in former.journal.debts().unwrap_or_default() {
                let own = owing::name(&self.present.descent()?.0);
                let is_this =
                    debt.of == own || (debt.number == PRESENT && debt.is_of_a_copy_of(&own));
                if !is_this && !known.iter().chain(&now).any(|other| other.is_of(&debt)) {
                    now.push(debt);
                }
            }
        }
        for missing in lock(&self.missing).iter().filter(|missing| missing.missed.is_none()) {
            now.retain(|debt| !debt.is_of(missing));
            now.push(missing.missed_from_now_on());
        }
        for debt in &now {
            self.present.note_debt(debt, None)?;
        }
        Ok(())
    }

    /// Whoever sets a doubted journal aside would otherwise be rid of its doubt, while its other copy sells
    /// on. What is to be told, if the present one was not doubted before.
    pub(super) fn doubt_with(&self, former: &Former) -> Result<Option<Finding>, JournalError> {
        if !former.or_nothing(former.journal.is_doubted()) {
            return Ok(None);
        }
        let why = format!("{}, which was set aside at its place, is doubted", former.name);
        self.present.doubt_beside(&why)
    }

    /// The same of one that cannot be opened. Nobody can vouch for it there: it is heard of once, and a word
    /// for the journal that has heard of it is one for both.
    pub(super) fn doubt_with_closed(
        &self,
        closed: &Closed,
    ) -> Result<Option<Finding>, JournalError> {
        let Some((name, doubts)) = closed.seen().and_then(|seen| seen.doubt.as_ref()) else {
            return Ok(None);
        };
        let heard = format!("doubted beside {name} {}", closed.number);
        let has_heard = |journal: &SqliteJournal| {
            journal.has_heard(&heard).is_ok_and(|known| known.is_some_and(|known| known >= *doubts))
        };
        let by_a_former = || self.knowing().any(|former| has_heard(&former.journal));
        if has_heard(&self.present) || by_a_former() {
            return Ok(None);
        }
        let name = closed.aside.display();
        let why = format!("{name}, which was set aside at its place, is doubted");
        let found = self.present.doubt_beside(&why)?;
        self.present.hears(&heard, *doubts)?;
        Ok(found)
    }

    /// Writes into one that was set aside what it must know if it is opened here as the journal again:
    /// who followed it, and what it has left to copies of itself.
    fn remind(&self, former: &Former) -> Result<(), JournalError> {
        let follower = owing::name(&self.present.descent()?.0);
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        former.journal.note_follower(&format!("{follower} {file}"))?;
        let (incarnation, _) = former.journal.descent()?;
        for (winner, payments) in self.twins.left_by(former.place) {
            let left = Debt::of_a_copy(&incarnation, winner, payments);
            let before = former.journal.debts()?.into_iter().find(|it| it.is_of(&left));
            if before.map_or(payments > 0, |before| before != left) {
                former.journal.note_debt(&left, None)?;
            }
        }
        Ok(())
    }

    /// Before anything is sold: one that was set aside here before, and lies in the place of the one
    /// that followed it, knows none of that one's payments.
    pub(super) fn miss_who_followed(&mut self) -> Result<(), JournalError> {
        let Some(follower) = self.present.follower()? else { return Ok(()) };
        let Some((name, file)) = follower.split_once(' ') else { return Ok(()) };
        let is_there = |debt: Debt| debt.of == name || debt.of == owing::file_name(debt.number);
        let is_here = self.path.file_name().is_some_and(|own| own.to_string_lossy() == file)
            && !self.former.iter().map(Former::debt).any(is_there)
            && !self.closed.iter().map(Closed::debt).any(is_there);
        if is_here {
            let why = "it had been set aside, and was put back over the journal that followed it here, \
                       of whose payments it knows nothing, and which is gone: put that one back";
            self.findings.extend(self.present.doubt_anew(why)?);
        }
        self.present.note_follower("")
    }

    /// Before anything is sold: one followed what was set aside here, and is gone with its mark.
    pub(super) fn miss_who_came_between(&mut self) -> Result<(), JournalError> {
        if self.present.last_batch()? > 0 || self.present.is_doubted()? || self.present.misses()? {
            return Ok(());
        }
        let mut here: Vec<Debt> = self.former.iter().map(Former::debt).collect();
        here.extend(self.closed.iter().map(Closed::debt));
        let present = owing::name(&self.present.descent()?.0);
        let is_gone = |follower: &str| {
            let name = follower.split_once(' ').map_or(follower, |(name, _)| name);
            // One of which only its file is known may be any.
            let may_be = |debt: &Debt| debt.of == name || debt.of == owing::file_name(debt.number);
            name != present && !here.iter().any(may_be)
        };
        let follower = |former: &Former| former.or_nothing(former.journal.follower());
        let is_missed =
            |former: &&Former| former.knows() && follower(former).is_some_and(|it| is_gone(&it));
        let Some(former) = self.former.iter().rev().find(is_missed) else { return Ok(()) };
        let why = format!(
            "the journal that followed {} here is gone, and this is a new one, which knows nothing of its \
             payments: put it back",
            former.name
        );
        self.findings.extend(self.present.doubt_anew(&why)?);
        Ok(())
    }

    /// Before anything is sold: a payment that was left to another copy counts as dealt with where it was
    /// left, and that copy is gone.
    pub(in crate::journal) fn take_back_what_nobody_settles(&self) -> Result<(), JournalError> {
        for former in &self.former {
            former.or_nothing(self.take_back(former.place, &former.journal));
        }
        self.take_back(PRESENT, &self.present)
    }

    fn take_back(&self, place: i64, journal: &SqliteJournal) -> Result<(), JournalError> {
        for id in journal.left_owing()? {
            if self.twins.has_compared(place, id) {
                continue;
            }
            if let Ok(Some(left)) = journal.payment(PaymentId(id)) {
                journal.take_back(&twins::left_alone(&left))?;
            }
        }
        Ok(())
    }

    /// What to tell of those that are gone.
    pub(super) fn missed(&self) -> Result<Vec<String>, JournalError> {
        let own = owing::name(&self.present.descent()?.0);
        self.present.read(|engine| {
            let here = Here { files: &**engine.place.files(), path: &self.path, own: &own };
            Ok(lock(&self.missing).iter().map(|debt| debt.is_missed(&here)).collect())
        })
    }

    /// One that owes nothing any more may be taken away, and is not missed then.
    pub(super) fn note_what_is_paid(&self, former: &Former) {
        if !former.owing.load(Ordering::Relaxed) {
            return;
        }
        // A note that fails is written at the next opening; the payment's own step is durable.
        if former.journal.owes() == Ok(false) {
            let debt = former.debt().struck_off();
            if self.present.note_debt(&debt, None).is_ok() {
                former.owing.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Before one that owed nothing any more owes again: it must not be taken away unseen.
    pub(super) fn note_what_it_owes_again(&self, former: &Former) {
        if former.owing.load(Ordering::Relaxed) {
            return;
        }
        let debt = Debt { payments: Some(1), ..former.debt() };
        // The payment's own step must not fail for it.
        if self.present.note_debt(&debt, None).is_ok() {
            former.owing.store(true, Ordering::Relaxed);
        }
    }
}
