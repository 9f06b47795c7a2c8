//! One that was set aside and cannot be opened, though nothing says that it is damaged: another program has
//! it just now, others may read it, it is somebody else's file, or the disk failed once ([fault J20]). What
//! it owes cannot be settled, but what it knows must not be pushed again. It is read as a report reads it,
//! in a copy.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Closed, Succession};
use crate::invoice::MerchantInvoice;
use crate::journal::belonging::Seen;
use crate::journal::files::Files;
use crate::journal::former::cannot_be_asked;
use crate::journal::log::Alone;
use crate::journal::reading::JournalCopy;
use crate::journal::{JournalError, JournalErrorKind, NewPayment, failure, twins};
use crate::payment::Payment;

/// Where it lies, and what keeps it from being opened.
#[derive(Debug)]
pub(super) struct Asked {
    aside: PathBuf,
    why: String,
    is_locked: bool,
    /// It was open when it was used last, and its log is not there: what was in that nobody can tell.
    lacks_its_log: bool,
    /// What it told of itself at the opening, as far as it could be read.
    pub(super) seen: Option<Seen>,
    /// It is another merchant's or another environment's.
    foreign: AtomicBool,
    /// Its customers are known under an app key that nobody gave.
    unknown_key: AtomicBool,
}

impl Asked {
    /// # Errors
    /// Why nothing can be read of it: it is damaged, or another release's.
    pub(super) fn of(
        files: &dyn Files,
        aside: &Path,
        error: &JournalError,
    ) -> Result<Asked, JournalError> {
        let is_locked = error.kind == JournalErrorKind::Locked;
        // On a simulated file system nobody makes copies.
        if !is_locked && (files.vfs().is_some() || is_beyond_reading(error)) {
            return Err(error.clone());
        }
        let why = failure::without_cure(error).to_owned();
        let aside = aside.to_owned();
        let (seen, foreign, unknown_key) = Default::default();
        let lacks_its_log = !is_locked && Alone::is_missed(files, &aside);
        let mut asked = Asked { aside, why, is_locked, lacks_its_log, seen, foreign, unknown_key };
        let copy = match files.vfs() {
            Some(_) => return Ok(asked),
            None => JournalCopy::of_what_is_refused(&asked.aside),
        };
        asked.seen = copy.as_ref().ok().and_then(|copy| copy.seen().ok());
        match copy {
            _ if is_locked => Ok(asked),
            Err(damaged) if is_beyond_reading(&damaged) => Err(damaged),
            Err(failed) if failed.kind == JournalErrorKind::Io => {
                // Whose disk failed, this one's or that of the copy, decides what can be known.
                failure::refuse_unreadable(files, &asked.aside).map(|()| asked)
            }
            _ => Ok(asked),
        }
    }

    /// Whether a copy tells all that it has handed out.
    pub(super) fn is_whole(&self) -> bool {
        self.seen.is_some() && !self.is_locked && !self.lacks_its_log
    }

    /// What it knows is nothing of this shop's.
    pub(super) fn is_anothers(&self) {
        self.foreign.store(true, Ordering::Relaxed);
    }

    /// Its customers cannot be told from others.
    pub(super) fn has_an_unknown_key(&self) {
        self.unknown_key.store(true, Ordering::Relaxed);
    }

    /// What to tell of it at the opening.
    pub(super) fn in_words(&self) -> String {
        let (name, why) = (self.aside.display(), &self.why);
        if self.lacks_its_log {
            return format!(
                "the journal {name}, which was set aside, cannot be opened ({why}), and its log, with its latest \
                 payments and verdicts, is not there: what it owes is not settled, and a new payment is refused \
                 only if the rest of it knows it; mend that, put its log beside it, and start again, or compare \
                 OVO's settlement file with your books"
            );
        }
        match self.is_locked {
            true => format!(
                "the journal {name}, which was set aside, is another program's ({why}): what it owes is \
                 not settled here, and a new payment that it may know is refused; end that program, \
                 and start again"
            ),
            false => format!(
                "the journal {name}, which was set aside, cannot be opened ({why}): what it owes is not \
                 settled, and a new payment that it may know is refused; mend that, and start again"
            ),
        }
    }

    /// # Errors
    /// `Locked` or `ReadOnly` if it knows the invoice, or cannot be read.
    pub(super) fn refuse_if_it_knows(&self, invoice: &MerchantInvoice) -> Result<(), JournalError> {
        self.refuse(|copy| copy.knows(invoice))
    }

    /// The same of a new payment: its customer may have an open one there.
    ///
    /// # Errors
    /// As for [`refuse_if_it_knows`](Self::refuse_if_it_knows).
    pub(super) fn refuse_what_it_knows(&self, new: &NewPayment) -> Result<(), JournalError> {
        let is_anybodys = self.unknown_key.load(Ordering::Relaxed);
        let is_in_the_way = |copy: &JournalCopy| match is_anybodys {
            true => Ok(copy.blocks(new)? || copy.may_debit_anybody(new)?),
            false => copy.blocks(new),
        };
        self.refuse(|copy| {
            let is_known = copy.knows(&new.invoice)?;
            Ok(is_known || (new.refuse_unsettled_customer && is_in_the_way(copy)?))
        })
    }

    fn refuse(
        &self,
        knows: impl Fn(&JournalCopy) -> Result<bool, JournalError>,
    ) -> Result<(), JournalError> {
        let asked = JournalCopy::of_what_is_refused(&self.aside).and_then(|copy| knows(&copy));
        match asked {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.it_knows()),
            // As of one that is open: what is damaged in it is known as far as it can be read.
            Err(damaged) if !self.is_locked && is_beyond_reading(&damaged) => Ok(()),
            Err(error) => Err(self.it_may_know(failure::without_cure(&error))),
        }
    }

    fn it_knows(&self) -> JournalError {
        let knows =
            "knows this payment, or one of this customer's that is not settled: nothing is begun";
        let (name, why) = (self.aside.display(), &self.why);
        match self.is_locked {
            true => JournalError::new(
                JournalErrorKind::Locked,
                format!(
                    "{name}, which was set aside, is another program's, and {knows}; end that program, \
                     and start again"
                ),
            ),
            false => JournalError::new(
                JournalErrorKind::ReadOnly,
                format!(
                    "{name}, which was set aside, cannot be opened ({why}), and {knows}; mend that, and \
                     start again"
                ),
            ),
        }
    }

    fn it_may_know(&self, unread: &str) -> JournalError {
        let (name, why) = (self.aside.display(), &self.why);
        match self.is_locked {
            true => cannot_be_asked(&name.to_string(), unread),
            false => JournalError::new(
                JournalErrorKind::ReadOnly,
                format!(
                    "{name}, which was set aside, can neither be opened ({why}) nor read in a copy \
                     ({unread}), and may know this payment: nothing is begun; mend that, and start again"
                ),
            ),
        }
    }
}

fn is_beyond_reading(error: &JournalError) -> bool {
    matches!(error.kind, JournalErrorKind::Corrupt | JournalErrorKind::Version)
}

impl Succession {
    /// Those that are asked in a copy.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Asked> {
        let all = self.closed.iter().filter_map(|closed: &Closed| closed.asked.as_ref());
        all.filter(|asked| !asked.foreign.load(Ordering::Relaxed))
    }

    /// Among those that are open.
    pub(super) fn find_here(
        &self,
        invoice: &MerchantInvoice,
    ) -> Result<Option<Payment>, JournalError> {
        let (found, damaged) = self.all_under(invoice)?;
        // One that is damaged in one of them may be whole in another; nowhere whole, it is refused.
        match (twins::most_known(found), damaged) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }
}
