//! What every call of a client shares.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::client::background::Work;
use crate::client::counters::Counters;
use crate::client::exchange::Heard;
use crate::client::foreign;
use crate::client::operator::News;
#[cfg(feature = "postgres")]
use crate::client::reach::Reach;
use crate::client::seal::PhoneSeal;
use crate::client::server_clock::ServerClock;
use crate::client::under_way::AllUnderWay;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Observer};
use crate::invoice::MerchantInvoice;
use crate::journal::{ArchivePlace, Finding, Journal, JournalError};
use crate::lock::{lock, wait_at_most};
use crate::message::Signer;
use crate::numbering::BatchMethod;
use crate::payment::{Alert, Boottime, Payment, PaymentId, Policy};
use crate::transport::Transport;

pub(super) struct Inner {
    pub(super) credentials: Credentials,
    pub(super) signer: Signer,
    pub(super) seal: PhoneSeal,
    /// Whether the app key is one that the journal does not know, and OVO has not accepted yet.
    pub(super) unknown_key: AtomicBool,
    /// What the shop was shown of payments since their outcome was told, and has not confirmed.
    pub(super) shown: Mutex<HashSet<(PaymentId, News)>>,
    /// Unsettled payments whose phone cannot be read, as of the opening, or of the last look at a journal
    /// whose key another process has changed.
    pub(super) unreadable: Mutex<Vec<PaymentId>>,
    /// What is sent moves nobody's money.
    pub(super) is_sandbox: bool,
    /// Other processes may be at the journal.
    pub(super) shares_its_journal: bool,
    /// Another process has changed the journal's key, and it was said.
    pub(super) key_is_former: AtomicBool,
    pub(super) policy: Policy,
    pub(super) batch_method: BatchMethod,
    pub(super) phone_in_reversal: bool,
    pub(super) settle_pause: Duration,
    pub(super) look_up: Duration,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) boot: u32,
    /// Tells this client's steps from another process's, in histories.
    pub(super) name: u16,
    pub(super) observer: Option<Observer>,
    pub(super) counters: Counters,
    pub(super) under_way: Arc<AllUnderWay>,
    /// Answers to pushes that the journal could not take when they came, until it does.
    pub(super) unwritten: Mutex<HashMap<PaymentId, Heard>>,
    pub(super) server_clock: ServerClock,
    /// No payment is begun and nothing is settled any more; those who wait may still hear.
    pub(super) closing: AtomicBool,
    /// Nobody waits any more.
    pub(super) closed: AtomicBool,
    /// Whether a status check was answered since this client was opened: the contract has checks.
    pub(super) checks_are_told: AtomicBool,
    /// The fields that OVO was seen to repeat in its own way, a bit each: told once.
    pub(super) sloppy_fields: AtomicU32,
    /// When the operator heard last that OVO refuses the set-up.
    pub(super) refused_set_up: Mutex<Option<Boottime>>,
    /// The same of 58 and 96, which may be a passing error.
    pub(super) refused_checks: Mutex<Option<Boottime>>,
    /// Whether OVO answers this node.
    #[cfg(feature = "postgres")]
    pub(super) reach: Reach,
    /// Whether payments may have threads of their own.
    pub(super) threads: bool,
    /// Who starts them instead, in a simulation.
    #[cfg(all(ovo_mutants, debug_assertions))]
    pub(super) spawner: Option<crate::client::threads::Spawner>,
    /// What the background settler's threads are to do.
    pub(super) work: Mutex<Work>,
    /// Rows that the journal refused to take a step of, and until when they are left alone.
    pub(super) set_aside: Mutex<HashMap<PaymentId, Boottime>>,
    /// When settlement may send its next request, on the clock that cannot be set.
    pub(super) next_turn: Mutex<Duration>,
    /// Wakes the background settler early.
    pub(super) alarm: (Mutex<bool>, Condvar),
    /// The process that opened the client: a forked child must not use it.
    pub(super) process: u32,
}

impl Inner {
    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            let event = event();
            // An observer reports about money and must not decide about it.
            foreign::call(|| observer(&event));
        }
    }

    /// Tells an operator something about the journal.
    pub(super) fn found(&self, found: Finding) {
        self.counters.found(found.critical);
        self.tell(|| Event::JournalFound(found));
    }

    /// Tells an operator something about a payment.
    pub(super) fn alert(&self, payment: &Payment, alert: Alert) {
        self.counters.alerted(alert);
        self.tell(|| Event::Alert {
            invoice: payment.intent.invoice.clone(),
            numbers: payment.intent.numbers,
            alert,
        });
    }

    pub(super) fn journal_failed(&self, error: &JournalError) {
        self.tell(|| Event::JournalFailed { message: error.to_string() });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(super) fn wake_settler(&self) {
        *lock(&self.alarm.0) = true;
        self.alarm.1.notify_all();
    }

    pub(super) fn nap(&self, longest: Duration) {
        let mut rung = lock(&self.alarm.0);
        if !*rung {
            // Waking early does no harm: the settler looks at the journal and sleeps again.
            rung = wait_at_most(&self.alarm.1, rung, longest);
        }
        *rung = false;
    }

    /// Every public call that begins or resumes a payment begins here.
    pub(super) fn ready_to_pay(&self) -> Result<(), Error> {
        self.ready()?;
        if self.is_closing() {
            return Err(Error::new(ErrorKind::Closed, "client: closing"));
        }
        Ok(())
    }

    /// Every other public call begins here.
    pub(super) fn ready(&self) -> Result<(), Error> {
        if std::process::id() != self.process {
            return Err(Error::new(
                ErrorKind::Forked,
                "client: opened before a fork; open a client of its own in the child",
            ));
        }
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "client: closed"));
        }
        Ok(())
    }

    pub(super) fn row(&self, invoice: &MerchantInvoice) -> Result<Payment, Error> {
        self.find(invoice)?.ok_or_else(|| {
            Error::about(invoice, ErrorKind::NotFound, "no such payment in the journal")
        })
    }

    /// The row of an invoice; `None` if it was never pushed from here.
    pub(super) fn find(&self, invoice: &MerchantInvoice) -> Result<Option<Payment>, Error> {
        let found = self.journal.find(invoice)?;
        unless_archived(invoice, found, || self.journal.archived(invoice))
    }
}

/// The row that was found of an invoice; if none was, it may be in an archive.
pub(super) fn unless_archived(
    invoice: &MerchantInvoice,
    found: Option<Payment>,
    archive: impl FnOnce() -> Result<Option<ArchivePlace>, JournalError>,
) -> Result<Option<Payment>, Error> {
    if found.is_some() {
        return Ok(found);
    }
    match archive()? {
        Some(archive) => Err(archived(invoice, ErrorKind::NotFound, &archive)),
        None => Ok(None),
    }
}

/// A payment whose row an archive has.
pub(super) fn archived(
    invoice: &MerchantInvoice,
    kind: ErrorKind,
    archive: &ArchivePlace,
) -> Error {
    let text = format!("its payment was archived into {archive}, which says what became of it");
    Error::about(invoice, kind, text)
}
