//! Journals in a server, without a client: each in a schema that no other test has.

use std::sync::atomic::{AtomicUsize, Ordering};

use ovo_ptp::journal::postgres::{Dsn, PostgresJournal, PostgresOptions, migrate};
use ovo_ptp::journal::{Journal, JournalError, JournalErrorKind};

use crate::{APPLICATION, AS_IT_IS, OWNER, Proxy, Server};

/// The name of a schema that no other test has.
#[must_use]
pub fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("ovo_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An address of [`Server::dsn`]'s, of a schema in it.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn dsn(text: &str, schema: &str) -> Dsn {
    Dsn::parse(&format!("{text}&schema={schema}")).expect("an address")
}

/// A migrated schema of its own.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn schema(server: &Server) -> String {
    let name = name();
    patiently(|| migrate(&dsn(&server.dsn(OWNER), &name), &AS_IT_IS)).expect("a schema");
    name
}

/// The address of a journal of its own, straight to the server.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn direct(server: &Server) -> Dsn {
    dsn(&server.dsn(APPLICATION), &schema(server))
}

/// The machine's host name, by which a fleet says where an archive lies.
///
/// # Panics
/// If `uname` does not say it.
#[must_use]
pub fn machine() -> String {
    let said = std::process::Command::new("uname").arg("-n").output().expect("uname");
    String::from_utf8(said.stdout).expect("a name").trim().to_owned()
}

/// A handle.
///
/// # Panics
/// If it does not open.
#[must_use]
pub fn open(dsn: &Dsn) -> PostgresJournal {
    patiently(|| PostgresJournal::open(dsn, &PostgresOptions::default())).expect("it opens")
}

/// What a server says that answers: on a busy machine one takes longer to do so than a till would wait.
///
/// # Errors
/// Whatever it says.
pub fn patiently<T>(ask: impl Fn() -> Result<T, JournalError>) -> Result<T, JournalError> {
    let begun = std::time::Instant::now();
    loop {
        match ask() {
            Err(error)
                if error.kind == JournalErrorKind::Unreachable
                    && begun.elapsed() < std::time::Duration::from_secs(60) => {}
            told => return told,
        }
    }
}

/// A handle that has begun, of the journal in `schema`, whose way to the server is `proxy`.
///
/// # Panics
/// If it does not open.
#[must_use]
pub fn through(proxy: &Proxy, server: &Server, schema: &str) -> PostgresJournal {
    let journal = open(&dsn(&server.plain_dsn(APPLICATION, proxy.port()), schema));
    journal.enter_boot("a").expect("it begins");
    journal
}
