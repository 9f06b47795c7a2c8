//! OVO, and whole clients that find one journal in PostgreSQL.

use std::time::{Duration, Instant};

use ovo_crash::shop::Shop;
use ovo_ptp::{Charge, Client, ErrorKind, Rupiah};
use ovo_sandbox::{Entry, Sandbox, SandboxConfig};
use tempfile::TempDir;

use crate::PATIENCE;

/// Enough for a machine with a load of twenty for each of its cores.
const ROOM: Duration = Duration::from_secs(10);

/// The sandbox, and a folder for what its shops keep.
pub struct Street {
    /// OVO.
    pub ovo: Sandbox,
    folder: TempDir,
    scale: f64,
    /// What a shop here gets of real time beside the usual ([`Shop::room`]).
    pub room: Duration,
}

impl Street {
    /// With real time at a hundredth of OVO's, and room for a machine that does a lot beside.
    ///
    /// # Panics
    /// If the sandbox does not start.
    #[must_use]
    pub fn open() -> Street {
        Street { room: ROOM, ..Street::at(0.01) }
    }

    /// With real time at `scale` of OVO's.
    ///
    /// # Panics
    /// If the sandbox does not start.
    #[must_use]
    pub fn at(scale: f64) -> Street {
        let ovo = Sandbox::start(SandboxConfig::https().time_scale(scale)).expect("a sandbox");
        Street { ovo, folder: TempDir::new().expect("a directory"), scale, room: Duration::ZERO }
    }

    /// A shop whose journal is at `database`.
    #[must_use]
    pub fn shop(&self, database: &str) -> Shop {
        Shop {
            address: self.ovo.base_url(),
            authority: self.ovo.ca_pem_path().to_owned(),
            folder: self.folder.path().to_owned(),
            database: Some(database.to_owned()),
            scale: self.scale,
            shared: true,
            forgets: false,
            room: self.room,
        }
    }

    /// A client of such a shop. A server on a busy machine may answer later than a till waits.
    ///
    /// # Panics
    /// If it does not open.
    #[must_use]
    pub fn node(&self, database: &str) -> Client {
        let begun = Instant::now();
        loop {
            match self.shop(database).open() {
                Ok(node) => return node,
                Err(error) if error.kind() == ErrorKind::Journal && begun.elapsed() < PATIENCE => {}
                Err(error) => panic!("a node: {error}"),
            }
        }
    }

    /// What OVO keeps of an invoice, in rupiah.
    #[must_use]
    pub fn debited(&self, invoice: &str) -> i64 {
        self.entries(invoice).iter().map(Entry::net).sum()
    }

    /// How often OVO heard of an invoice.
    #[must_use]
    pub fn pushes(&self, invoice: &str) -> usize {
        self.entries(invoice).len()
    }

    fn entries(&self, invoice: &str) -> Vec<Entry> {
        let mut entries = self.ovo.ledger();
        entries.retain(|entry| entry.invoice == invoice);
        entries
    }
}

/// A sale of Rp12.500 to a customer who approves at once: one of a hundred, as a customer's payments wait for
/// each other.
///
/// # Panics
/// If the invoice is none.
#[must_use]
pub fn charge(invoice: &str) -> Charge {
    let amount = Rupiah::new(12_500).expect("an amount");
    let hash = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
    let customer = invoice.bytes().fold(7, hash) % 100;
    let phone = format!("0813000000{customer:02}").parse().expect("a phone");
    Charge::new(invoice, amount, phone).expect("an invoice")
}
