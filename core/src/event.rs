//! What a client reports while it works: for countdowns, logs and alarms.
//!
//! Events go to the client's own observer, never to a global logger, and hold no secret and no
//! personal data: the invoice, batch and reference name a payment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::invoice::MerchantInvoice;
use crate::journal::Finding;
use crate::message::Operation;
use crate::numbering::Numbers;
use crate::payment::Alert;

/// Where a payment stands while its caller waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// The Intent is durable; the connection is being made.
    Sending,
    /// The prompt is on its way to the customer, or on the customer's phone.
    WaitingForCustomer,
    /// The customer's time is over; OVO may still answer, then its record is checked.
    Checking,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// About once a second while a caller waits.
    Progress {
        /// The payment.
        invoice: MerchantInvoice,
        /// Where it stands.
        phase: Phase,
        /// Time left for the customer (while waiting for the customer), else until the outcome.
        remaining: Duration,
    },
    /// A request ended.
    Exchanged {
        /// The payment; `None` for an inquiry.
        numbers: Option<Numbers>,
        /// What was asked.
        operation: Operation,
        /// How it ended: `HTTP 200, code 00`, `no answer: ...`, `not sent: ...`.
        result: String,
    },
    /// A verdict is durable.
    Decided {
        /// The payment.
        invoice: MerchantInvoice,
        /// `paid`, `declined`, ...
        outcome: &'static str,
    },
    /// Nothing is left to do at OVO for this payment; told again when a void of it has ended.
    Settled {
        /// The payment.
        invoice: MerchantInvoice,
    },
    /// An operator should know.
    Alert {
        /// The payment.
        invoice: MerchantInvoice,
        /// Its batch and reference.
        numbers: Numbers,
        /// What happened.
        alert: Alert,
    },
    /// An operator ruled on a payment (rule 19): for the audit trail.
    Ruled {
        /// The payment.
        invoice: MerchantInvoice,
        /// The operator's reason.
        reason: String,
    },
    /// Something about the journal that a person should know, found when it was opened or since; of several
    /// nodes on one journal also that OVO does not answer this one, and that it does again.
    JournalFound(Finding),
    /// The journal failed in the middle of something; what it concerned is taken up again later.
    JournalFailed {
        /// The journal's own line.
        message: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Progress { invoice, phase, remaining } => {
                let phase = match phase {
                    Phase::Sending => "sending",
                    Phase::WaitingForCustomer => "waiting for the customer",
                    Phase::Checking => "checking",
                };
                write!(f, "{invoice}: {phase}, {} s left", remaining.as_secs())
            }
            Event::Exchanged { numbers: Some(numbers), operation, result } => {
                write!(f, "{numbers}: {}: {result}", operation.name())
            }
            Event::Exchanged { numbers: None, operation, result } => {
                write!(f, "{}: {result}", operation.name())
            }
            Event::Decided { invoice, outcome } => write!(f, "{invoice}: {outcome}"),
            Event::Settled { invoice } => write!(f, "{invoice}: settled"),
            Event::Alert { invoice, numbers, alert } => {
                let level = if alert.is_critical() { "CRITICAL" } else { "alert" };
                write!(f, "{level}: {invoice} ({numbers}): {alert}")
            }
            Event::Ruled { invoice, reason } => write!(f, "{invoice}: operator ruled: {reason}"),
            Event::JournalFound(found) => {
                let level = if found.critical { "CRITICAL" } else { "alert" };
                write!(f, "{level}: {}", found.message)
            }
            Event::JournalFailed { message } => f.write_str(message),
        }
    }
}

/// Receives events, on the thread where they happen. Must return soon. May call the client, but not
/// close it: closing waits for the very call that reports the event. Its panics end nothing.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;
