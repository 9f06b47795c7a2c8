//! The seam between the engine and its database: what is asked, and what may become of a question.
//!
//! The engine is everything above it: groups of writes, tokens, what is tried again, clocks, barriers,
//! judgements. Below it is a server, or its [twin] in memory, with the same functions and rules. A
//! simulator's nodes meet a database there whose answers are late or lost, which loses what it told, and
//! which another server takes over from.
//!
//! [twin]: super::twin::Twin

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value;
use serde_json::Value as Json;

use crate::journal::{Filter, JournalError};

/// What is there later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Work that goes on if nobody waits for it any more.
pub type Job = Later<'static, ()>;

/// A function of the schema, by which alone is written (see `functions.sql`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// All that a group of callers writes.
    Write,
    /// A clock for a client.
    Join,
    /// Publishes clocks, and tells everybody's.
    Beat,
    /// What the journal knows of itself.
    Remember,
    /// Lets payments go that are over, and that an archive has.
    Archive,
    /// Looks at a server that is another one, or went back.
    Judge,
    /// What a node was told before the judgement.
    Reassert,
    /// Ends a judgement whose time is over.
    Conclude,
}

/// Which payments are read.
#[derive(Clone, Debug)]
pub enum Which {
    /// The one of an id.
    Id(i64),
    /// The one of an invoice.
    Invoice(String),
    /// Those of a list.
    Listed(Filter),
    /// Those of some ids that are there.
    Ids(Vec<i64>),
    /// Those that are over, in the order of their ids.
    Over { above: i64, before: i64, limit: i64 },
    /// Due by `(boot, due)`, for whoever has not joined.
    DueBefore { boot: u32, due: i64, late: bool, limit: i64 },
    /// Due by each clock's own time: those of `own` first, others' by chance out of each clock's first `among`.
    Due { own: i64, clocks: Vec<i64>, until: Vec<i64>, late: bool, among: i64, limit: i64 },
}

/// One question: one statement, done as a whole or not at all.
#[derive(Clone, Debug)]
pub enum Ask {
    /// A function of the schema, with what it is told.
    Call(Function, Json),
    /// Payments; behind a barrier, with what the node knows, if somebody may be told what they say.
    Payments(Which, Option<Json>),
    /// The first due of every clock: `[[clock, due]]`.
    Dues,
    /// What the journal knows of itself: an object.
    Meta,
    /// `[begun, batch, floor, doubted]`.
    Water,
    /// `[payments, unsettled, fsync, full_page_writes, missing]`.
    Health,
    /// `[[payments, rupiah, wall of the oldest]]`: undecided, unsettled, with an operator, unacknowledged.
    Figures,
    /// Why the journal is doubted, if it is and nobody has answered for it.
    Doubt,
    /// Whether OVO has accepted or declined a payment.
    IsAnswered,
    /// `[archive, place]` of an invoice's payment, if it has one.
    Archived(String),
    /// How many payments left the journal for an archive.
    Taken(u32),
    /// `[[archive, payments, wall, wall, place]]`: with the last payment before them and the first behind.
    Archives,
    /// Whether the server has been at work for a while on something of the nodes' role's.
    IsAtWork,
    /// `[number, nonce, state]`.
    Epoch,
    /// Whether an epoch of this nonce was before.
    Follows(String),
}

impl Ask {
    /// What is being done, for whoever reads of a failure.
    #[must_use]
    pub fn doing(&self) -> &'static str {
        match self {
            Ask::Call(Function::Write, _) => "write",
            Ask::Call(Function::Join, _) => "join",
            Ask::Call(Function::Beat, _) => "beat",
            Ask::Call(Function::Remember, _) => "remember",
            Ask::Call(Function::Archive, _)
            | Ask::Payments(Which::Ids(_) | Which::Over { .. }, _)
            | Ask::Taken(_)
            | Ask::Archives => "archive",
            Ask::Call(Function::Judge, _) => "judge",
            Ask::Call(Function::Reassert, _) => "reassert",
            Ask::Call(Function::Conclude, _) => "conclude",
            Ask::Payments(Which::Id(_), _) => "payment",
            Ask::Payments(Which::Invoice(_), _) | Ask::Archived(_) => "find",
            Ask::Payments(Which::Listed(_), _) => "list",
            Ask::Payments(Which::DueBefore { .. } | Which::Due { .. }, _) => "due",
            Ask::Dues => "next due",
            Ask::Health => "health",
            Ask::Figures => "figures",
            Ask::IsAnswered => "jump",
            Ask::Epoch | Ask::Follows(_) | Ask::IsAtWork => "look",
            Ask::Meta | Ask::Water | Ask::Doubt => "read",
        }
    }
}

/// A payment as it is stored.
#[derive(Clone, Debug)]
pub struct StoredRow {
    /// The columns in their order, up to the first that is no column of a payment.
    pub columns: Vec<Value>,
    /// The token of its last write.
    pub token: Option<i64>,
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Of everything but payments.
    Told(Json),
    /// Of [`Ask::Payments`].
    Payments(Vec<StoredRow>),
}

/// What else may become of a question.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Nothing was written, and nothing will be.
    Refused(JournalError),
    /// Nothing was written; the same may succeed soon.
    Passes(JournalError),
    /// Nobody knows what became of it, and the line is of no use any more.
    Lost(JournalError),
}

/// One connection. What was sent on it is never taken back.
pub trait Line: Send + Sync {
    /// Asks, and waits for the answer as long as it takes.
    fn ask<'a>(&'a self, ask: &'a Ask) -> Later<'a, Result<Reply, Failure>>;

    /// Whether nothing can be asked on it any more.
    fn is_closed(&self) -> bool;

    /// Ends it, whatever it still waits for.
    fn give_up(&self);
}

/// A database that holds a journal.
pub trait Store: Send + Sync {
    /// A line to the server that may be written to: never to one of an older epoch than `known`.
    fn connect(&self, known: i64) -> Later<'_, Result<Arc<dyn Line>, JournalError>>;

    /// Has it done, and waits at most so long for its end. It goes on behind that.
    fn carry_out(&self, longest: Duration, job: Job);

    /// Has it done, and does not wait.
    fn start(&self, job: Job);

    /// Time that passes, by a clock that only this store needs to know.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> Later<'static, ()>;

    /// Chance: of tokens, and of names.
    fn chance(&self, bytes: &mut [u8]);

    /// Lets others go on in a world without threads of its own; `false` in the real one, where they do.
    fn lets_others_go_on(&self) -> bool {
        false
    }

    /// Its journal is closed.
    fn closes(&self) {}

    /// Its name, without secrets.
    fn name(&self) -> String;
}

/// The same with an answer.
pub(super) fn run<T: Send + 'static>(
    store: &dyn Store,
    longest: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (done, end) = std::sync::mpsc::sync_channel(1);
    store.carry_out(
        longest,
        Box::pin(async move {
            let _ = done.send(work.await);
        }),
    );
    end.try_recv().ok()
}

/// A number by chance.
pub(super) fn random(store: &dyn Store) -> i64 {
    let mut bytes = [0; 8];
    // Without chance a write whose answer is lost is told as another's.
    store.chance(&mut bytes);
    i64::from_le_bytes(bytes)
}
