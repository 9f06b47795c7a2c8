//! Tills that are killed, paused, forked and starved.
//!
//! Nothing is replaced: the production client with its SQLite journal in processes of their own,
//! OVO's side over real TLS, and real signals. What cashiers were told is in logs of their own,
//! synced before anything else happens; at the end [`books`] holds OVO's ledger, the journal and
//! those logs against each other: *a customer is debited exactly when the merchant was told Paid*.
//!
//! Only the waits are scaled. No assertion depends on how fast the machine is.

pub mod books;
pub mod campaign;
mod dice;
pub mod fork;
pub mod merchant;
mod order;
pub mod process;
pub mod shop;
pub mod starving;
mod steps;
pub mod till;
pub mod told;

pub use dice::Dice;
pub use order::Order;
