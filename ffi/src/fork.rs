//! A program may fork while the settler works: a child must find SQLite's locks free if it is to open
//! a client of its own.

use std::sync::Once;

use ptp::journal::{after_fork, before_fork};

extern "C" fn before() {
    before_fork();
}

extern "C" fn after() {
    after_fork();
}

/// Has forks of this process wait until no journal is at work. Once, with the first client; if the
/// library is unloaded the C library forgets the functions with it.
pub(crate) fn is_watched() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the functions are of this library, take and return nothing, and do not unwind:
        // they take and release a lock. Without memory for them (its one failure) forks are as
        // they would be without.
        let _ = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
    });
}
