//! A program may fork while the settler works: a child must find SQLite's locks free if it is to open
//! a client of its own.

use once_cell::sync::OnceCell;
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
    static WATCHED: OnceCell<()> = OnceCell::new();
    let _ = WATCHED.get_or_try_init(|| {
        // SAFETY: the functions are of this library, take and return nothing, and do not unwind:
        // they take and release a lock.
        match unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) } {
            0 => Ok(()),
            // No memory, its one failure: forks are as they would be without, and the next client
            // tries again.
            code => Err(code),
        }
    });
}
