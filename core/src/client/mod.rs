//! The client: the policy run over a journal, a transport and a clock.
//!
//! | File | Holds |
//! |---|---|
//! | `builder`, `open`, `close` | how a client begins and ends |
//! | `pay`, `drive`, `handle`, `cancel` | a payment from its Intent to its verdict |
//! | `settle`, `background` | what follows: reversals, checks, sweeps |
//! | `void`, `check`, `operator`, `list`, `doctor` | the other calls |
//! | `counters`, `metrics` | what is counted, as text for Prometheus |
//! | `apply` | the one place that commits what the policy says |
//! | `exchange` | one request, built, sent and classified |
//! | `threads` | threads that outlive a call |
//! | `under_way` | who works on which payment, and who waits for it |
//! | `foreign` | callbacks of the merchant's program |

mod apply;
mod background;
mod builder;
mod cancel;
mod charge;
mod check;
mod close;
mod counters;
mod custody;
mod doctor;
mod drive;
mod exchange;
mod foreign;
mod handle;
mod inner;
mod ledger;
mod list;
mod metrics;
mod open;
mod operator;
mod pay;
#[cfg(feature = "postgres")]
mod reach;
mod reader;
mod reconcile;
mod report;
mod seal;
mod server_clock;
mod settle;
#[cfg(test)]
mod tests;
mod threads;
mod under_way;
mod unreadable;
mod void;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::credentials::Credentials;
use crate::environment::Environment;

pub use builder::ClientBuilder;
pub use charge::Charge;
pub use doctor::{Diagnosis, Probe};
pub use drive::Progress;
pub use handle::PaymentHandle;
pub use ledger::Ledger;
pub use list::EachPayment;
pub use reader::JournalReader;
pub use reconcile::{Count, Finding, Listed, Reconciled, Reconciliation, SettlementLine};
pub use report::{Inquiry, PaymentReport, Status, VoidOutcome};

use inner::Inner;

/// Stack of each thread that a client starts. Measured need: see `tests/README.md`, figures.
const THREAD_STACK: usize = 256 * 1024;

/// Takes OVO payments for one merchant and answers for every one of them.
///
/// One client per process and journal; many threads may use it at once. See the
/// [crate's front page](crate) for what it promises.
pub struct Client {
    inner: Arc<Inner>,
    settler: Mutex<Option<JoinHandle<()>>>,
}

impl Client {
    /// Begins setting a client up.
    ///
    /// ```no_run
    /// use ovo_ptp::{Client, Credentials, Environment};
    ///
    /// let credentials = Credentials::from_environment()?;
    /// let client = Client::builder(Environment::Staging, credentials).journal("ovo.db").open()?;
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    pub fn builder(environment: Environment, credentials: Credentials) -> ClientBuilder {
        ClientBuilder::new(environment, credentials)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("closed", &self.inner.is_closed()).finish_non_exhaustive()
    }
}
