//! The journal: every payment, durably, before anything is sent or told.
//!
//! [`Journal`] is what the client needs: an atomic Intent with its numbers, and compare-and-set of
//! whole rows. Durable on return means synced to the disk ([policy 2.4], P7). `SqliteJournal` is
//! the engine for production, `MemoryJournal` the one for tests; `conformance` holds both to
//! the same behaviour.
//!
//! [policy 2.4]: crate::manual::policy#24-commit-first

mod address;
mod anothers;
mod archive;
mod archiving;
mod aside;
pub(crate) mod belonging;
mod codes;
mod companion;
#[doc(hidden)]
pub mod conformance;
mod copies;
#[cfg(feature = "postgres")]
mod departing;
mod engine;
mod failure;
mod figures;
pub(crate) mod file_system;
#[doc(hidden)]
pub mod files;
mod fork;
mod former;
mod group;
mod handover;
mod indexes;
mod jump;
mod known_archives;
mod lock;
mod log;
#[cfg(feature = "postgres")]
mod machine;
mod mark;
mod memory;
mod meta;
mod migration;
mod moving;
mod notes;
mod opening;
mod owing;
mod parts;
mod place;
#[cfg(feature = "postgres")]
pub mod postgres;
mod probed;
mod reading;
mod reserve;
mod restored;
mod row;
mod rules;
mod schema;
mod sqlite;
mod stray_log;
mod succession;
#[cfg(test)]
mod tests;
mod twins;
mod version;
mod view;
mod whereabouts;

pub use crate::numbering::{HighWater, MAX_NUMBER, next_numbers, starting_batch};
#[doc(hidden)]
pub use address::is_address;
pub use archiving::{ArchiveProgress, Archived};
pub use aside::set_aside;
#[doc(hidden)]
pub use aside::set_aside_on;
pub use belonging::{Belonging, Setup};
pub use figures::{Figures, Tally};
pub use fork::{after_fork, before_fork};
pub use known_archives::{ArchivePlace, KnownArchive};
pub use memory::MemoryJournal;
pub use moving::move_journal;
#[doc(hidden)]
pub use moving::move_journal_on;
pub use place::is_the_journals;
pub use reading::JournalCopy;
pub use sqlite::{SqliteJournal, SqliteOptions};
pub use succession::Succession;

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
#[cfg(feature = "postgres")]
use std::time::Duration;

use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId, State, Timers};
use crate::terminal::Terminal;
use crate::wib::WallTime;

/// A phone number as the journal keeps it: encrypted by the client, with a tag that two rows of
/// the same customer share. The journal cannot read it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SealedPhone {
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
    /// Keyed hash of the number, for finding a customer's unsettled payment.
    pub tag: [u8; 16],
}

/// A payment to be begun (rule 1). Numbers and id are the journal's to give.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// The invoice, not in the journal yet.
    pub invoice: MerchantInvoice,
    /// The amount.
    pub amount: Rupiah,
    /// Merchant number.
    pub merchant_id: String,
    /// The terminal.
    pub terminal: Terminal,
    /// The customer's phone.
    pub phone: SealedPhone,
    /// The tags that the customer's payments have under former app keys.
    pub former_tags: Vec<[u8; 16]>,
    /// Wall time of the Intent.
    pub wall: WallTime,
    /// The state to begin with; `attested` and `seed` are set by the journal, which knows the
    /// numbers.
    pub state: State,
    /// Whether an unsettled payment of the same customer refuses this one.
    pub refuse_unsettled_customer: bool,
    /// The policy's times: how long a prompt may live, and a contradiction block.
    pub timers: Timers,
}

/// What came of [`Journal::begin`].
#[derive(Clone, Debug)]
pub enum Begun {
    /// The Intent is durable, with numbers of its own.
    Fresh(Payment),
    /// The invoice is in the journal already; nothing was written.
    Existing(Payment),
    /// The invoice's payment was archived; nothing was written.
    Archived(PaymentId),
    /// The same customer has an unsettled payment; nothing was written.
    UnsettledCustomer(Payment),
}

/// What came of [`Journal::update`].
#[derive(Clone, Debug)]
pub enum Update {
    /// The row is durable as given, with this new version.
    Won(u64),
    /// Somebody else wrote first; this is the row now. Nothing was written.
    Lost(Box<Payment>),
}

/// Which payments to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only payments whose outcome the caller has not acknowledged (and that have one).
    pub unacknowledged: bool,
    /// Only payments that are not settled.
    pub unsettled: bool,
    /// Only payments that wait for an operator.
    pub needs_operator: bool,
    /// Only payments begun at or after this wall time.
    pub since: Option<WallTime>,
    /// Only payments begun before this wall time.
    pub until: Option<WallTime>,
    /// Only payments of this terminal (`tid`). Not looked up but looked for: with `since` on a long journal.
    pub tid: Option<String>,
    /// Only payments of this merchant id (`mid`), in the same way.
    pub mid: Option<String>,
    /// Newest first, for people; else in the order in which they were begun.
    pub newest_first: bool,
    /// Only payments behind this one, the last of the page before, in the order of the list.
    pub after: Option<PaymentId>,
    /// At most so many; 0 means 1,000.
    pub limit: usize,
}

/// How many rows a list has if its filter does not say.
const DEFAULT_LIMIT: usize = 1_000;

/// What kind of failure a journal had.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum JournalErrorKind {
    /// Another process holds it.
    Locked,
    /// The disk is full.
    Full,
    /// The file or the file system cannot be written.
    ReadOnly,
    /// Its content is damaged, or it is not a journal.
    Corrupt,
    /// It was written by another version of this library, or the SQLite library is too old.
    Version,
    /// The file was deleted, moved or replaced while it was open.
    Gone,
    /// An input or output error. The handle refuses everything from then on: after a failed sync
    /// nobody knows what is on the disk.
    Io,
    /// All numbers are used up, or no first batch can be chosen.
    Numbers,
    /// It lies on a file system that does not keep it: on a network, or in memory.
    FileSystem,
    /// It belongs to another kind of environment, or to another merchant.
    Foreign,
    /// It does not lie where its other files are: missing beside its own log, opened under a second
    /// name, or moved without its log.
    Misplaced,
    /// The process forked after opening.
    Forked,
    /// A write that the database itself forbids was tried: a defect in this library.
    Forbidden,
    /// The database server cannot be reached, or does not answer in time. Nothing is refused from then
    /// on: the next call tries again.
    #[cfg(feature = "postgres")]
    Unreachable,
    /// Another database server answers, or the same one went back in time, and what was lost is not
    /// judged yet; or it is another journal. Nothing may be told from it.
    #[cfg(feature = "postgres")]
    Frozen,
}

/// A failure of the journal.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalError {
    /// What kind.
    pub kind: JournalErrorKind,
    /// One line without secrets or personal data.
    pub message: String,
}

impl JournalError {
    /// A failure.
    pub fn new(kind: JournalErrorKind, message: impl Into<String>) -> Self {
        JournalError { kind, message: message.into() }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "journal: {}", self.message)
    }
}

impl fmt::Debug for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for JournalError {}

/// How healthy a journal is (for `doctor`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Payments in it.
    pub payments: u64,
    /// Payments that are not settled.
    pub unsettled: u64,
    /// What is wrong, one line each; empty if nothing is.
    pub problems: Vec<String>,
    /// What is not wrong but risks something, for example the kind of file system.
    pub notes: Vec<String>,
}

/// Something about a journal that a person should know, found when it was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Whether somebody should act today.
    pub critical: bool,
    /// One line without secrets or personal data, with what to do about it.
    pub message: String,
}

/// A durable store of payments. Linearizable per row, durable on return; many threads may call.
pub trait Journal: Send + Sync {
    /// Names the present boot of the machine; called once after opening. Rows written in another
    /// boot have times that mean nothing now.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written.
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError>;

    /// Rule 1: allocates numbers and inserts the Intent in one durable commit.
    ///
    /// # Errors
    /// [`JournalError`]: nothing may be sent. (If the commit's fate is unknown the row may exist;
    /// it then looks like a push that was perhaps sent, and is settled like one.)
    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError>;

    /// Replaces the row's state, evidence, boot and write time if its version is still
    /// `payment.version`.
    ///
    /// # Errors
    /// [`JournalError`]: whether it is durable is unknown; read again before going on (P9).
    fn update(&self, payment: &Payment) -> Result<Update, JournalError>;

    /// Reads a row.
    ///
    /// # Errors
    /// [`JournalError`]
    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError>;

    /// Reads the row of an invoice.
    ///
    /// # Errors
    /// [`JournalError`]
    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError>;

    /// A payment under the invoice that another one hides from [`find`](Self::find), whose outcome nobody has
    /// acknowledged: the invoice was pushed again while a part of the journal was out of sight.
    ///
    /// # Errors
    /// [`JournalError`]
    fn find_hidden(&self, _invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        Ok(None)
    }

    /// Rows whose `due` has come, and rows of an earlier boot that have a `due`, at most `limit`:
    /// those with evidence of a debit (`late_paid`) first, because that is somebody's money, then
    /// the earliest.
    ///
    /// # Errors
    /// [`JournalError`]
    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError>;

    /// When the next row is due: `None` if none will be, zero if one of an earlier boot is.
    ///
    /// # Errors
    /// [`JournalError`]
    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError>;

    /// Lists rows in the order of their numbers, or in the opposite one.
    ///
    /// # Errors
    /// [`JournalError`]
    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError>;

    /// Looks for damage and for gaps (rows deleted by hand).
    ///
    /// # Errors
    /// [`JournalError`]
    fn health(&self) -> Result<Health, JournalError>;

    /// How it stands, in figures, for dashboards: asked for every few seconds, beside payments that
    /// must not wait for it.
    ///
    /// # Errors
    /// [`JournalError`]
    fn figures(&self) -> Result<Figures, JournalError> {
        Figures::by_listing(self)
    }

    /// Called once after opening: refuses a client that is set up for another kind of environment or
    /// another merchant, and says what else changed.
    ///
    /// # Errors
    /// `Foreign`, or another [`JournalError`]; nothing was written.
    fn belong_to(&self, _setup: &Setup) -> Result<Belonging, JournalError> {
        Ok(Belonging::default())
    }

    /// The app key that the journal knows now: another process may have made another one of it since
    /// [`belong_to`](Self::belong_to).
    ///
    /// # Errors
    /// [`JournalError`].
    fn key(&self) -> Result<Option<String>, JournalError> {
        Ok(None)
    }

    /// Makes `key` the journal's app key: OVO accepts it, or the former one is known.
    ///
    /// # Errors
    /// [`JournalError`]; the former key stays.
    fn adopt_key(&self, _key: &str, _key_ring: &[Vec<u8>]) -> Result<(), JournalError> {
        Ok(())
    }

    /// OVO said that numbers were used before: those of a journal that is new, and of which it has
    /// accepted and declined nothing, jump, at most once in a quarter of an hour. What happened, or
    /// `None` if nothing did.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written.
    fn jump(&self, _wall: WallTime) -> Result<Option<Finding>, JournalError> {
        Ok(None)
    }

    /// Somebody wants to sign wrongly, to see whether OVO looks at signatures. Allowed once a day:
    /// `None`, and durably noted; otherwise from when on it is.
    ///
    /// # Errors
    /// [`JournalError`]; it is not allowed. `Forbidden` for an engine that remembers nothing.
    fn note_probe(&self, _wall: WallTime) -> Result<Option<WallTime>, JournalError> {
        Err(JournalError::new(
            JournalErrorKind::Forbidden,
            "this engine cannot remember that a signature was probed",
        ))
    }

    /// Writes a copy to `to` while payments go on; see [`SqliteJournal::backup`].
    ///
    /// # Errors
    /// [`JournalError`]; `Misplaced` for an engine that is backed up by other means.
    fn backup(&self, _to: &Path) -> Result<(), JournalError> {
        Err(JournalError::new(
            JournalErrorKind::Misplaced,
            "this engine is backed up by other means",
        ))
    }

    /// Moves payments that are over into an archive; see [`SqliteJournal::archive`].
    ///
    /// # Errors
    /// [`JournalError`]; `Misplaced` for an engine that keeps every payment, as one in memory does.
    fn archive(
        &self,
        _before: WallTime,
        _to: &Path,
        _tell: &mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        Err(JournalError::new(
            JournalErrorKind::Misplaced,
            "nothing can be archived: this engine keeps every payment",
        ))
    }

    /// Where the archive was made that has the payment of an invoice; `None` if it was not archived.
    ///
    /// # Errors
    /// [`JournalError`]
    fn archived(&self, _invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, JournalError> {
        Ok(None)
    }

    /// Ends a doubt; see [`SqliteJournal::vouch`].
    ///
    /// # Errors
    /// [`JournalError`]; the doubt stays.
    fn vouch(&self, _who_and_why: &str) -> Result<bool, JournalError> {
        Ok(false)
    }

    /// Looks after what several nodes share: clocks, and which server they share it on. The settler calls
    /// it before every look; when it wants to come again, `None` if never.
    ///
    /// # Errors
    /// [`JournalError`]; it is tried again.
    #[cfg(feature = "postgres")]
    fn tend(&self) -> Result<Option<Duration>, JournalError> {
        Ok(None)
    }

    /// Clients that settle this journal at the same time, this one included: they share its rate, and one
    /// that OVO does not answer leaves what is due to the others for a while.
    #[cfg(feature = "postgres")]
    fn live_nodes(&self) -> u32 {
        1
    }

    /// What was found at opening; told to the client's observer.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// What was found since, each once; told to the client's observer, too.
    fn found_since(&self) -> Vec<Finding> {
        Vec::new()
    }
}
