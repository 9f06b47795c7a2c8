//! A street with one shop, OVO behind the wire, and processes to send to the shop's tills.

#![allow(dead_code)] // Each test file uses its own part.

use std::process::Command;
use std::time::{Duration, Instant};

use ovo_crash::books::{self, Mix};
use ovo_crash::process::{PATIENCE, Process};
use ovo_crash::shop::Shop;
use ovo_ptp::message::Operation;
use ovo_sandbox::{HostConfig, RequestRecord, Sandbox, SandboxConfig};
use tempfile::TempDir;

pub(crate) const APPROVES: &str = "081300000001";
/// Debited at once, and no answer ever comes.
pub(crate) const PAID_UNHEARD: &str = "081200009200";

/// A shop and its OVO.
pub(crate) struct Street {
    pub(crate) shop: Shop,
    pub(crate) ovo: Sandbox,
    _folder: TempDir,
}

impl Street {
    /// One shop whose tills share a journal; OVO's times are multiplied by `scale`.
    pub(crate) fn new(scale: f64) -> Street {
        Street::with(scale, HostConfig::default(), true)
    }

    /// The same, where a payment is over as soon as it is settled and somebody was told.
    pub(crate) fn forgetting(scale: f64) -> Street {
        let mut street = Street::new(scale);
        street.shop.forgets = true;
        street
    }

    /// One shop with an OVO of one's own, or a till that has its journal to itself.
    pub(crate) fn with(scale: f64, host: HostConfig, shared: bool) -> Street {
        let folder = TempDir::new().unwrap();
        let ovo = Sandbox::start(SandboxConfig::https().time_scale(scale).host(host)).unwrap();
        let shop = Shop {
            address: ovo.base_url(),
            authority: ovo.ca_pem_path().to_owned(),
            folder: folder.path().to_owned(),
            database: None,
            scale,
            shared,
            forgets: false,
            room: Duration::ZERO,
        };
        Street { shop, ovo, _folder: folder }
    }

    /// A till's program, with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.shop.command(env!("CARGO_BIN_EXE_ovo-crash"));
        command.args(words);
        command
    }

    /// A till's process.
    pub(crate) fn till(&self, words: &[&str]) -> Process {
        Process::start(&mut self.command(words))
    }

    /// The requests of an operation for an invoice that reached OVO's door.
    pub(crate) fn requests(&self, operation: Operation, invoice: &str) -> Vec<RequestRecord> {
        let name = operation.name().replace(' ', "_");
        let wanted = |record: &RequestRecord| {
            record.operation == Some(&*name)
                && record.invoice.as_deref() == Some(invoice)
                && record.copy_of.is_none()
        };
        self.ovo.requests().into_iter().filter(wanted).collect()
    }

    /// How many there were.
    pub(crate) fn heard(&self, operation: Operation, invoice: &str) -> usize {
        self.requests(operation, invoice).len()
    }

    /// Waits until OVO has debited the invoice's customer.
    pub(crate) fn debited(&self, invoice: &str) {
        until("the debit", || self.ovo.net(invoice) > 0);
    }

    /// Waits until OVO has heard a push and does not wait for its customer any more.
    pub(crate) fn decided(&self, invoice: &str) {
        let decided = |entry: &ovo_sandbox::Entry| {
            entry.invoice == invoice && entry.state != ovo_sandbox::State::Open
        };
        until("OVO's decision", || self.ovo.ledger().iter().any(decided));
    }

    /// All tills are gone: everything settles, and the accounts agree.
    pub(crate) fn close(&self) -> Mix {
        books::close(&self.shop, &self.ovo).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// The same, with time for the sweep behind the closing.
    pub(crate) fn close_after_the_sweep(&self) -> Mix {
        books::close_after_the_sweep(&self.shop, &self.ovo)
            .unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// Nothing is checked or reversed while the customer may still pay (I8), whoever does it.
    pub(crate) fn nobody_was_early(&self, invoice: &str) {
        let pushed = self.requests(Operation::PushToPay, invoice)[0].at_ms;
        for operation in [Operation::CheckPayment, Operation::Reversal] {
            for request in self.requests(operation, invoice) {
                assert!(request.at_ms - pushed >= 60_000, "{invoice}: {request:?}");
            }
        }
    }
}

/// Waits until `done`.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
