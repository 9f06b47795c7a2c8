//! Moving a journal out of its file into a fleet's database, with every payment that is not settled going on.
//!
//! At no moment both sides sell or settle. In this order:
//!
//! 1. The file is held: whoever has it open is named, and nothing changes.
//! 2. One transaction writes everything into the database, reads every payment again and compares, and
//!    counts. Nobody sees it yet; whatever fails up to here leaves both sides as they were.
//! 3. One durable commit in the file says where it went, and as which move (a random name). From here on it
//!    is refused, whoever opens it.
//! 4. The transaction is committed, with the name of the move in it.
//! 5. The database is asked behind a barrier whether it has that name for good; then the file says that
//!    nothing is left to do. It is never deleted: if the server loses what it had, there it is.
//!
//! Broken off between 3 and 4, neither side has the payments for anybody, and the same command begins again
//! at 1 with what did not change meanwhile; between 4 and 5 it finds the name, and finishes. So it ends the
//! same however often it is broken off ([fault J21]).
//!
//! Times do not travel: a row's own machine may be off, its boots have no order for others, so that each row
//! is touched, for the database, when a clock that nobody has stood still. What it waits for it waits for in
//! full from when a node first sees it.
//!
//! [fault J21]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use super::arriving::Arriving;
use super::dsn::Dsn;
use crate::hex::hex;
use crate::journal::copies::misplaced;
use crate::journal::departing::{Departing, Gone};
use crate::journal::files::SystemFiles;
use crate::journal::{JournalError, JournalErrorKind, opening};

/// Payments of one statement.
const PAGE: usize = 500;

/// How far a move is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MoveStep {
    /// Payments are written; nobody sees them yet.
    Copying,
    /// All of them are written and were compared. Nothing has changed yet.
    Copied,
    /// The file is the journal no more: from here on the move can only be finished.
    HandedOver,
    /// The database has them, and shows them.
    Committed,
    /// It has them for good, and the file says that nothing is left to do.
    Arrived,
}

/// How far a move is, and how many payments were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MoveProgress {
    /// What was done last.
    pub step: MoveStep,
    /// Payments, and payments that were archived before, that were written.
    pub done: u64,
    /// Of so many.
    pub of: u64,
}

/// What was moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Moved {
    /// Payments.
    pub payments: u64,
    /// Those of them that are not settled, and go on in the database.
    pub unsettled: u64,
    /// Payments that were archived before: their invoices and numbers stay refused.
    pub archived: u64,
    /// It had been moved before: this call has changed nothing in the database.
    pub was_there: bool,
}

/// Moves the journal in the file `from` into the database that `to` names, which was migrated and is empty.
/// Connects as the role that owns the schema: a move writes what no node may. Called again it finishes what
/// was broken off. `progress` hears of every some hundred payments, and of every step.
///
/// The order of things, and who may go on when, is in "[Running a fleet]" 2.1.
///
/// [Running a fleet]: crate::manual::fleet
///
/// # Errors
/// Each says what to do. `Locked` if a process has the file open, or nodes the database; `Misplaced` if
/// nothing is at `from`, the database has payments of its own, or the journal must be seen to first (it is
/// doubted, of release 0.1.0 and was never opened since, or has others beside it that were set aside);
/// `Foreign` if the database is another merchant's, another environment's or knows another app key;
/// `Version` if it is not migrated, or the role does not own it; `Frozen` behind a failover that nobody
/// judged; `Corrupt`, `Unreachable`.
pub fn move_to_postgres(
    from: impl AsRef<Path>,
    to: &Dsn,
    mut progress: impl FnMut(&MoveProgress),
) -> Result<Moved, JournalError> {
    let mut leaving = Departing::open(from.as_ref())?;
    let mut arriving = Arriving::look(to)?;
    let (payments, archived) = leaving.counts()?;
    let moved = Moved { payments, unsettled: leaving.unsettled()?, archived, was_there: true };
    let of = payments + archived;
    let mut tell = |step, done| progress(&MoveProgress { step, done, of });
    let gone = leaving.gone().cloned();
    if let Some(gone) = &gone {
        if arriving.moved_as() == Some(&gone.name) {
            tell(MoveStep::Committed, of);
            finish(&mut leaving, &arriving, &gone.name)?;
            tell(MoveStep::Arrived, of);
            return Ok(moved);
        }
        refuse_another_way(gone, to)?;
    }
    if gone.is_none() {
        leaving.refuse_unfit()?;
    }
    let belongings = leaving.belongings()?;
    let name = match &gone {
        Some(gone) => gone.name.clone(),
        None => fresh_name()?,
    };
    arriving.begin(&name)?;
    arriving.refuse_anothers(&leaving.owner()?, &belongings)?;
    let mut done = 0;
    let mut above = 0;
    loop {
        let page = leaving.payments(above, PAGE)?;
        let Some(last) = page.last() else { break };
        above = last.id.0;
        arriving.take(&page)?;
        done += page.len() as u64;
        tell(MoveStep::Copying, done);
    }
    above = 0;
    loop {
        let page = leaving.tombstones(above, 10 * PAGE)?;
        let Some(last) = page.last() else { break };
        above = last.id;
        arriving.remember(&page)?;
        done += page.len() as u64;
        tell(MoveStep::Copying, done);
    }
    arriving.complete(&name, &leaving.water()?, (payments, archived), &belongings)?;
    tell(MoveStep::Copied, done);
    if gone.is_none() {
        leaving.set_out(&to.place(), &name)?;
    }
    tell(MoveStep::HandedOver, done);
    let finished = arriving.commit().and_then(|()| {
        tell(MoveStep::Committed, done);
        finish(&mut leaving, &arriving, &name)
    });
    finished.map_err(|mut error| {
        error.message.push_str("; the move is begun: run `ovo-ptp journal move` once more");
        error
    })?;
    tell(MoveStep::Arrived, done);
    Ok(Moved { was_there: false, ..moved })
}

/// What is left once the database has it.
fn finish(leaving: &mut Departing, arriving: &Arriving, name: &str) -> Result<(), JournalError> {
    if !arriving.has(name)? {
        return Err(JournalError::new(
            JournalErrorKind::Unreachable,
            "the database does not have what was committed",
        ));
    }
    leaving.has_arrived()
}

/// Of one that was handed over and that this database does not have.
fn refuse_another_way(gone: &Gone, to: &Dsn) -> Result<(), JournalError> {
    let lost = "if it is lost for good, open a copy of the file (`ovo-ptp journal backup`) with its own client: it \
                is doubted when it is opened";
    if gone.has_arrived {
        return Err(misplaced(format!(
            "the journal was moved to {}, which took payments since, and {} does not have it: see that the right \
             server answers, or put the database back; {lost}",
            gone.to,
            to.place()
        )));
    }
    if gone.to != to.place() {
        return Err(misplaced(format!(
            "the move to {} was broken off; finish that one first, with `ovo-ptp journal move`; {lost}",
            gone.to
        )));
    }
    Ok(())
}

fn fresh_name() -> Result<String, JournalError> {
    let mut bytes = [0; 16];
    opening::random(&SystemFiles, &mut bytes)?;
    Ok(hex(&bytes))
}
