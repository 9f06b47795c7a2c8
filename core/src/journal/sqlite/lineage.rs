//! What a journal knows of those before it and beside it: whose it is, what is owed where, and which
//! payments another one settles. Whoever sets aside, hands over or compares journals asks here, through a
//! handle that is open.

use super::{SqliteJournal, mixed_up};
use crate::journal::belonging::Owner;
use crate::journal::engine::{self, Water, Write, Written};
use crate::journal::jump::Unread;
use crate::journal::owing::{self, Debt};
use crate::journal::version::Incarnation;
use crate::journal::{Finding, JournalError, failure, meta, restored};
use crate::payment::{Payment, PaymentId};

impl SqliteJournal {
    fn water(&self) -> Result<Water, JournalError> {
        self.read(|engine| {
            Water::read(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Whether it cannot vouch for itself, and nobody has vouched for it.
    pub(in crate::journal) fn is_doubted(&self) -> Result<bool, JournalError> {
        self.water().map(|water| water.doubted)
    }

    /// Whose it says that it is.
    pub(in crate::journal) fn owner(&self) -> Result<Owner, JournalError> {
        self.read(|engine| Owner::read(&engine.connection))
    }

    /// Doubts it for the sake of another one, of which it is the successor. What is to be told, if
    /// it was not doubted before.
    pub(in crate::journal) fn doubt_beside(
        &self,
        why: &str,
    ) -> Result<Option<Finding>, JournalError> {
        match self.submit(Write::Doubt(why.to_owned()))? {
            Written::Doubted(found) => Ok(found),
            _ => Err(mixed_up()),
        }
    }

    /// The same whether it was doubted before or not.
    pub(in crate::journal) fn doubt_anew(
        &self,
        why: &str,
    ) -> Result<Option<Finding>, JournalError> {
        match self.submit(Write::DoubtAnew(why.to_owned()))? {
            Written::Doubted(found) => Ok(found),
            _ => Err(mixed_up()),
        }
    }

    /// Who followed it when it was set aside, and under which name of the file.
    pub(in crate::journal) fn follower(&self) -> Result<Option<String>, JournalError> {
        self.read(|engine| {
            meta::get::<String>(&engine.connection, owing::FOLLOWED_BY)
                .map(|found| found.filter(|found| !found.is_empty()))
                .map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Remembers it, if it does not yet.
    pub(in crate::journal) fn note_follower(&self, follower: &str) -> Result<(), JournalError> {
        match self.follower()?.unwrap_or_default() == follower {
            true => Ok(()),
            false => self.submit(Write::Follower(follower.to_owned())).map(drop),
        }
    }

    /// Whether it can be written to: a commit of nothing.
    pub(in crate::journal) fn writes_nothing(&self) -> Result<(), JournalError> {
        self.submit(Write::Nothing).map(drop)
    }

    /// Which journal it is or is a copy of, and how often it was doubted.
    pub(in crate::journal) fn descent(&self) -> Result<(Incarnation, i64), JournalError> {
        self.read(|engine| {
            let doubts = restored::doubts(&engine.connection)
                .map_err(|error| failure::sqlite("open", &error))?;
            Ok((engine.incarnation, doubts))
        })
    }

    /// The number of the last payment.
    pub(in crate::journal) fn last_id(&self) -> Result<i64, JournalError> {
        self.report(|view| view.last_id())
    }

    /// The payments that are not settled, that wait for an operator, or that were superseded.
    pub(in crate::journal) fn unfinished(&self) -> Result<Vec<i64>, JournalError> {
        self.report(|view| view.unfinished())
    }

    /// How many payments it still owes something of.
    pub(in crate::journal) fn owed(&self) -> Result<i64, JournalError> {
        self.report(|view| view.owed())
    }

    /// Whether there is one.
    pub(in crate::journal) fn owes(&self) -> Result<bool, JournalError> {
        self.report(|view| view.owes())
    }

    /// The batch that was handed out last; 0 if there is none.
    pub(in crate::journal) fn last_batch(&self) -> Result<u32, JournalError> {
        self.water().map(|water| water.batch)
    }

    /// The last batch that it, or another copy of it, may have handed out; 0 if there is none.
    pub(in crate::journal) fn stands_at(&self) -> Result<u32, JournalError> {
        self.water().map(|water| water.stands_at())
    }

    /// Whether it knows of one before it that is gone.
    pub(in crate::journal) fn misses(&self) -> Result<bool, JournalError> {
        self.read(|engine| {
            restored::misses(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Has it hand out numbers above those of a batch that another journal of its terminal had.
    pub(in crate::journal) fn begin_above(&self, batch: u32) -> Result<(), JournalError> {
        self.submit(Write::BeginAbove(batch)).map(drop)
    }

    /// Has it jump over what others may have handed out whose numbers nobody can read. What to tell of it,
    /// the first time.
    pub(in crate::journal) fn jump_over(
        &self,
        unread: Vec<Unread>,
    ) -> Result<Option<Finding>, JournalError> {
        match self.submit(Write::JumpOver(unread))? {
            Written::Jumped(found) => Ok(found),
            _ => Err(mixed_up()),
        }
    }

    /// The number of what it has heard of another one, by its name.
    pub(in crate::journal) fn has_heard(&self, name: &str) -> Result<Option<i64>, JournalError> {
        self.read(|engine| {
            meta::get(&engine.connection, name).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Remembers that.
    pub(in crate::journal) fn hears(&self, name: &str, number: i64) -> Result<(), JournalError> {
        self.submit(Write::Heard(name.to_owned(), number)).map(drop)
    }

    /// What it remembers of those that were set aside at its place.
    pub(in crate::journal) fn debts(&self) -> Result<Vec<Debt>, JournalError> {
        self.read(|engine| {
            owing::all(&engine.connection).map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Remembers what one that was set aside owes; `answered`: by whom and why that is answered for.
    pub(in crate::journal) fn note_debt(
        &self,
        debt: &Debt,
        answered: Option<&str>,
    ) -> Result<(), JournalError> {
        self.submit(Write::Owing(debt.clone(), answered.map(str::to_owned))).map(drop)
    }

    /// Whether another journal of its place settles this payment.
    pub(in crate::journal) fn is_superseded(&self, id: i64) -> Result<bool, JournalError> {
        self.read(|engine| {
            meta::get::<i64>(&engine.connection, &engine::superseded(PaymentId(id)))
                .map(|found| found.is_some_and(|found| found != engine::TAKEN_BACK))
                .map_err(|error| failure::sqlite("open", &error))
        })
    }

    /// Replaces the row, and notes that another journal settles the payment from here on, and whether
    /// that one owes something of it still.
    pub(in crate::journal) fn supersede(
        &self,
        payment: &Payment,
        is_owed: bool,
    ) -> Result<(), JournalError> {
        let note = if is_owed { engine::OWED_THERE } else { engine::SETTLED_THERE };
        self.submit(Write::Supersede(Box::new(payment.clone()), note)).map(drop)
    }

    /// Replaces the row: the other journal is gone, and nobody settles the payment.
    pub(in crate::journal) fn take_back(&self, payment: &Payment) -> Result<(), JournalError> {
        let write = Write::Supersede(Box::new(payment.clone()), engine::TAKEN_BACK);
        self.submit(write).map(drop)
    }

    /// The payments that were owed still when another journal began to settle them.
    pub(in crate::journal) fn left_owing(&self) -> Result<Vec<i64>, JournalError> {
        self.report(|view| view.superseded(engine::OWED_THERE))
    }
}
