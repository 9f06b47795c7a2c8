//! PostgreSQL for tests: own servers in temporary directories, on free ports.
//!
//! Nothing is replaced. [`Server`] runs the machine's PostgreSQL with TLS and passwords, also for root (whom
//! it refuses: it then runs as `postgres` or `nobody`); [`Server::replica`] copies one and follows it,
//! [`Server::promote`] makes that one the primary. [`Pooler`] is pgbouncer in transaction mode. [`Proxy`] stands
//! between a node and a server, and breaks the connection before, inside or behind a statement, or keeps
//! silent.
//!
//! Every process ends with the test's, however that ends: the kernel sees to it. No assertion depends on how
//! fast the machine is.

mod backlog;
mod certificates;
mod fleet;
mod folder;
pub mod journals;
mod pooler;
mod programs;
mod protocol;
mod proxy;
mod server;
mod street;
mod wire;

pub use backlog::{Drained, drains, owes};
pub use fleet::{AS_IT_IS, Fleet, migrates};
pub use pooler::Pooler;
pub use programs::are_installed;
pub use proxy::{Cut, Hold, Proxy};
pub use server::{APPLICATION, DATABASE, OWNER, PASSWORD, Server};
pub use street::{Street, charge};
pub use wire::Wire;

use std::time::{Duration, Instant};

/// Longest time that any single step may take, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until it is so.
///
/// # Panics
/// If it never is.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
