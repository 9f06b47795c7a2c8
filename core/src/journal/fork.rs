//! Forks wait until nobody is inside SQLite, so that a child can open a journal of its own.
//!
//! SQLite has locks that all its connections share, for its memory and its lists of files. A child
//! that is forked while another thread holds one never sees it released: that thread is not in the
//! child. Only whoever forks can prevent it, so the bindings of languages that fork call these.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::lock;

/// Read by whoever is inside SQLite, taken as a whole by whoever forks.
static INSIDE: RwLock<()> = RwLock::new(());

thread_local! {
    /// What this thread holds while it forks; the child has it too.
    static FORKING: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// The right to be inside SQLite; without a lock for whoever forks, who keeps all others out.
pub(super) struct Inside {
    _lock: Option<RwLockReadGuard<'static, ()>>,
}

/// To be held around everything that reaches SQLite, and taken before any other lock of a journal.
pub(super) fn inside() -> Inside {
    // What the program itself does around its forks may use a journal, and would wait for itself.
    let is_forking = FORKING.with_borrow(Option::is_some);
    let lock = || INSIDE.read().unwrap_or_else(PoisonError::into_inner);
    Inside { _lock: (!is_forking).then(lock) }
}

/// To be called immediately before a fork, on the thread that forks: waits until no journal of this
/// process is at work, and keeps it so.
pub fn before_fork() {
    FORKING.set(Some(INSIDE.write().unwrap_or_else(PoisonError::into_inner)));
}

/// To be called immediately after a fork, on the same thread, by the parent and by the child.
pub fn after_fork() {
    lock::let_go_of_the_parents();
    drop(FORKING.take());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mp11_a_fork_waits_for_whoever_is_inside_and_keeps_all_others_out() {
        let held = inside();
        let forking = std::thread::spawn(|| {
            before_fork();
            assert!(INSIDE.try_read().is_err());
            after_fork();
        });
        assert!(!forking.is_finished(), "while somebody is inside");
        drop(held);
        forking.join().unwrap();
        drop(inside());
    }

    #[test]
    fn mp11_what_a_program_does_around_its_own_fork_waits_for_nobody() {
        std::thread::spawn(|| {
            before_fork();
            drop(inside());
            after_fork();
            drop(inside());
        })
        .join()
        .unwrap();
    }
}
