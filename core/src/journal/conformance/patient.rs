//! An engine on a machine that may be busy: where it says that nobody knows, it is asked again.
//!
//! A server that does not answer in time leaves open what became of a write. That is no failure of the
//! engine's: whoever asks again finds the row that was written, or writes it.

use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::MerchantInvoice;
use crate::journal::{
    ArchivePlace, ArchiveProgress, Archived, Begun, Figures, Filter, Finding, Health, Journal,
    JournalError, JournalErrorKind, NewPayment, Update,
};
use crate::numbering::BatchMethod;
use crate::payment::{Boottime, Payment, PaymentId};
use crate::wib::WallTime;

/// How long an answer is waited for, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);
/// Before it is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// The same engine for a caller who can wait.
pub(super) struct Patient<'a>(pub(super) &'a dyn Journal);

/// Whether nobody knows what became of it.
pub(super) fn is_unknown(error: &JournalError) -> bool {
    #[cfg(feature = "postgres")]
    return error.kind == JournalErrorKind::Unreachable;
    #[cfg(not(feature = "postgres"))]
    {
        let _: &JournalErrorKind = &error.kind;
        false
    }
}

/// The last answer, and whether nobody knew what became of one before it.
fn until_it_is_known<T>(
    mut ask: impl FnMut() -> Result<T, JournalError>,
) -> (Result<T, JournalError>, Option<JournalError>) {
    let begun = Instant::now();
    let mut unknown = None;
    loop {
        match ask() {
            Err(error) if is_unknown(&error) && begun.elapsed() < PATIENCE => unknown = Some(error),
            told => return (told, unknown),
        }
        thread::sleep(PAUSE);
    }
}

fn known<T>(ask: impl FnMut() -> Result<T, JournalError>) -> Result<T, JournalError> {
    until_it_is_known(ask).0
}

/// Whether `found` is what `new` begins as.
fn is_begun_as(found: &Payment, new: &NewPayment) -> bool {
    let mut state = new.state;
    (state.attested, state.seed) = (found.state.attested, found.state.seed);
    found.version == 1
        && found.state == state
        && found.intent.invoice == new.invoice
        && found.intent.amount == new.amount
        && found.intent.merchant_id == new.merchant_id
        && found.intent.terminal == new.terminal
        && found.intent.phone.as_ref() == Some(&new.phone)
        && found.intent.wall == new.wall
}

impl Journal for Patient<'_> {
    fn enter_boot(&self, boot_id: &str) -> Result<u32, JournalError> {
        known(|| self.0.enter_boot(boot_id))
    }

    /// What was begun by a call that nobody knew the end of is this caller's.
    fn begin(&self, new: &NewPayment, method: BatchMethod) -> Result<Begun, JournalError> {
        match until_it_is_known(|| self.0.begin(new, method)) {
            (Ok(Begun::Existing(found)), Some(_)) if is_begun_as(&found, new) => {
                Ok(Begun::Fresh(found))
            }
            (told, _) => told,
        }
    }

    /// An equal row was written by this caller, if nobody else writes the same; of one that somebody went on
    /// with nobody knows.
    fn update(&self, payment: &Payment) -> Result<Update, JournalError> {
        match until_it_is_known(|| self.0.update(payment)) {
            (Ok(Update::Lost(now)), Some(unknown)) => {
                let mut written = payment.clone();
                written.version += 1;
                if written.state.phone_forgotten {
                    written.intent.phone = None;
                }
                // A past that is known stays, whatever the caller holds of it.
                written.history = now.history.clone();
                match now.version.cmp(&written.version) {
                    std::cmp::Ordering::Greater => Err(unknown),
                    _ if *now == written => Ok(Update::Won(written.version)),
                    _ => Ok(Update::Lost(now)),
                }
            }
            (told, _) => told,
        }
    }

    fn payment(&self, id: PaymentId) -> Result<Option<Payment>, JournalError> {
        known(|| self.0.payment(id))
    }

    fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, JournalError> {
        known(|| self.0.find(invoice))
    }

    fn due(&self, boot: u32, now: Boottime, limit: usize) -> Result<Vec<Payment>, JournalError> {
        known(|| self.0.due(boot, now, limit))
    }

    fn next_due(&self, boot: u32) -> Result<Option<Boottime>, JournalError> {
        known(|| self.0.next_due(boot))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Payment>, JournalError> {
        known(|| self.0.list(filter))
    }

    fn health(&self) -> Result<Health, JournalError> {
        known(|| self.0.health())
    }

    fn figures(&self) -> Result<Figures, JournalError> {
        known(|| self.0.figures())
    }

    fn archive(
        &self,
        before: WallTime,
        to: &Path,
        tell: &mut dyn FnMut(ArchiveProgress) -> ControlFlow<()>,
    ) -> Result<Archived, JournalError> {
        known(|| self.0.archive(before, to, tell))
    }

    fn archived(&self, invoice: &MerchantInvoice) -> Result<Option<ArchivePlace>, JournalError> {
        known(|| self.0.archived(invoice))
    }

    fn findings(&self) -> Vec<Finding> {
        self.0.findings()
    }

    fn found_since(&self) -> Vec<Finding> {
        self.0.found_since()
    }
}
