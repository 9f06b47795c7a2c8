//! One that was set aside and is another program's just now ([fault J20]): what it owes cannot be settled,
//! but what it knows must not be pushed again. It is read as a report reads it, in a copy.
//!
//! [fault J20]: crate::manual::faults#j-disk-and-journal

use std::path::Path;

use super::{Closed, Succession};
use crate::invoice::MerchantInvoice;
use crate::journal::former::cannot_be_asked;
use crate::journal::reading::JournalCopy;
use crate::journal::{JournalError, JournalErrorKind, NewPayment, failure, twins};
use crate::payment::Payment;

/// What to tell of it at the opening.
pub(super) fn in_words(name: &str, why: &str) -> String {
    format!(
        "the journal {name}, which was set aside, is another program's ({why}): what it owes is not \
         settled here, and a new payment that it may know is refused; end that program, and start \
         again"
    )
}

impl Succession {
    /// Those that somebody else had when this was opened.
    pub(super) fn locked(&self) -> impl Iterator<Item = &Closed> {
        self.closed.iter().filter(|closed| closed.locked.is_some())
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

impl Closed {
    /// # Errors
    /// `Locked` if it knows the invoice, or cannot be read.
    pub(super) fn refuse_if_it_knows(&self, invoice: &MerchantInvoice) -> Result<(), JournalError> {
        self.ask(|copy| Ok(copy.find(invoice)?.is_some() || copy.archived(invoice)?.is_some()))
    }

    /// The same of a new payment: its customer may have an open one there.
    ///
    /// # Errors
    /// As for [`refuse_if_it_knows`](Self::refuse_if_it_knows).
    pub(super) fn refuse_what_it_knows(&self, new: &NewPayment) -> Result<(), JournalError> {
        self.ask(|copy| {
            let knows =
                copy.find(&new.invoice)?.is_some() || copy.archived(&new.invoice)?.is_some();
            Ok(knows || (new.refuse_unsettled_customer && copy.blocks(new)?))
        })
    }

    fn ask(
        &self,
        knows: impl Fn(&JournalCopy) -> Result<bool, JournalError>,
    ) -> Result<(), JournalError> {
        let Some(aside) = &self.locked else { return Ok(()) };
        let name = aside.display().to_string();
        match JournalCopy::open(aside).and_then(|copy| knows(&copy)) {
            Ok(false) => Ok(()),
            Ok(true) => Err(it_knows(aside)),
            Err(error) => Err(cannot_be_asked(&name, failure::without_cure(&error))),
        }
    }
}

fn it_knows(aside: &Path) -> JournalError {
    JournalError::new(
        JournalErrorKind::Locked,
        format!(
            "{}, which was set aside, is another program's, and knows this payment, or one of this \
             customer's that is not settled: nothing is begun; end that program, and start again",
            aside.display()
        ),
    )
}
