//! Histories of the real client: its policy, driver, settlement, messages and SQLite journal over
//! a simulated clock, network and disk, with the sandbox's ledger as the oracle.
//!
//! One seed is one history: [`History::of`] runs it and tells whether a customer was debited
//! exactly when the merchant was told Paid, and which rule was broken if not.

mod canary;
pub mod disk;
mod fleet;
mod history;
mod hunt;
mod memory;
mod operator;
mod people;
mod plan;
mod process;
pub mod random;
mod scenario;
mod slow;
mod story;
mod till;
mod turns;
mod weather;
mod world;

pub use canary::Canary;
pub use fleet::{Troubles, WrongFleet};
pub use history::{History, Verdict};
pub use hunt::{Find, hunt};
pub use people::people;
pub use plan::{Odds, Plan};
pub use scenario::{Blow, Deed, Scenario};
pub use till::Manner;

/// Every allocation of this crate's programs is counted (I14).
#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;
