//! The engine itself against real servers: the conformance kit, directly and through four handles.

use std::sync::atomic::{AtomicUsize, Ordering};

use ovo_postgres::{APPLICATION, OWNER, Server, are_installed};
use ovo_ptp::journal::conformance;
use ovo_ptp::journal::postgres::{Dsn, PostgresJournal, PostgresOptions, migrate};

/// A schema of its own in a server, migrated.
fn schema(server: &Server) -> Dsn {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("ovo_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let of = |role: &str| Dsn::parse(&format!("{}&schema={name}", server.dsn(role))).unwrap();
    migrate(&of(OWNER), APPLICATION, false).unwrap();
    of(APPLICATION)
}

fn open(dsn: &Dsn) -> PostgresJournal {
    PostgresJournal::open(dsn, &PostgresOptions::default()).unwrap()
}

#[test]
fn one_handle_passes_the_conformance_kit_over_tls() {
    if !are_installed() {
        return;
    }
    let server = Server::start();
    conformance::run(&|| Box::new(open(&schema(&server))));
}
