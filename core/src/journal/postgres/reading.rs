//! Reads, on a line of their own: asked again where the line is gone, and with a barrier where somebody may
//! be told what was read.

use std::sync::Arc;

use serde_json::Value as Json;

use super::store::{Ask, Failure, Line, Reply, StoredRow, Which};
use super::{LONGEST, PAUSE, PostgresJournal, TRIES, mixed_up, rows, silent};
use crate::journal::{JournalError, JournalErrorKind};
use crate::lock::lock;
use crate::numbering::MAX_NUMBER;
use crate::payment::Payment;

/// A row's number, and whether it can be read.
pub(super) type Numbered = (i64, Result<Payment, JournalError>);

pub(super) struct Water {
    pub(super) begun: i64,
    /// The last batch, or the one below which none is given.
    pub(super) batch: u32,
    /// The last epoch before which something was lost.
    pub(super) doubted: i64,
}

impl PostgresJournal {
    /// An answer on the line for reading; asked again if the line is gone.
    pub(super) fn read(&self, ask: Ask) -> Result<Reply, JournalError> {
        self.refuse_after_fork()?;
        let doing = ask.doing();
        let shared = Arc::clone(&self.shared);
        let read = async move {
            let until = shared.store.now() + TRIES;
            loop {
                let line = shared.reading().await?;
                let (error, is_lost) = match line.ask(&ask).await {
                    Ok(reply) => return Ok(reply),
                    Err(Failure::Lost(error)) => (error, true),
                    Err(Failure::Passes(error) | Failure::Refused(error)) => (error, false),
                };
                let mut reader = shared.reader.lock().await;
                let is_kept = reader.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &line));
                if is_kept && (is_lost || line.is_closed()) {
                    *reader = None;
                }
                drop(reader);
                if !is_lost || shared.store.now() >= until {
                    return Err(error);
                }
                shared.store.sleep(PAUSE).await;
            }
        };
        let answer = self.run(LONGEST, read);
        if answer.is_none() {
            // The next call takes another line, and this one does not stay behind.
            let shared = Arc::clone(&self.shared);
            self.shared.store.start(Box::pin(async move {
                if let Some(silent) = shared.reader.lock().await.take() {
                    silent.give_up();
                }
            }));
        }
        answer.unwrap_or_else(|| Err(silent(doing)))
    }

    pub(super) fn look(&self, ask: Ask) -> Result<Json, JournalError> {
        match self.read(ask)? {
            Reply::Told(told) => Ok(told),
            Reply::Payments(_) => Err(mixed_up()),
        }
    }

    pub(super) fn decode(&self, row: &StoredRow) -> Result<Payment, JournalError> {
        let payment = rows::decode(row, &self.incarnation)?;
        Ok(self.inward(payment))
    }

    /// Payments. With a barrier what is read is as durable as what was written: whoever tells or reverses
    /// because of it must not have seen what a failover loses.
    pub(super) fn payments(
        &self,
        which: Which,
        barrier: bool,
    ) -> Result<Vec<Result<Payment, JournalError>>, JournalError> {
        Ok(self.rows(which, barrier)?.into_iter().map(|(_, row)| row).collect())
    }

    /// The same with the number of each, also of those that cannot be read.
    pub(super) fn rows(&self, which: Which, barrier: bool) -> Result<Vec<Numbered>, JournalError> {
        let barrier = barrier && self.shared.is_joined();
        let known = barrier.then(|| self.shared.known());
        let read = self.read(Ask::Payments(which, known)).inspect_err(|error| {
            self.shared.note_refusal(error);
        })?;
        let Reply::Payments(read) = read else { return Err(mixed_up()) };
        let rows: Vec<_> = read
            .iter()
            .map(|row| {
                let id = rows::id_of(row);
                (id, self.decode(row).inspect_err(|damage| self.name_damaged(id, damage)))
            })
            .collect();
        if barrier {
            // Somebody may be told it: behind a failover it must be there.
            let mut memory = lock(&self.shared.memory);
            for (row, (_, payment)) in read.iter().zip(&rows) {
                if let (Ok(payment), Some(token)) = (payment, row.token) {
                    memory.told(payment, token);
                }
            }
        }
        Ok(rows)
    }

    pub(super) fn water(&self) -> Result<Water, JournalError> {
        let told = self.look(Ask::Water)?;
        let number = |index: usize| {
            told[index]
                .as_i64()
                .ok_or_else(|| JournalError::new(JournalErrorKind::Corrupt, "its numbers are gone"))
        };
        let batch = u32::try_from(number(1)?.max(number(2)?)).unwrap_or(MAX_NUMBER);
        Ok(Water { begun: number(0)?, batch, doubted: number(3)? })
    }
}

/// One look on a line, before anything is tried again.
pub(super) async fn asked(line: &dyn Line, ask: &Ask) -> Result<Json, JournalError> {
    match line.ask(ask).await {
        Ok(Reply::Told(told)) => Ok(told),
        Ok(Reply::Payments(_)) => Err(mixed_up()),
        Err(Failure::Refused(error) | Failure::Passes(error) | Failure::Lost(error)) => Err(error),
    }
}
