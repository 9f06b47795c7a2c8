//! Foreign code on threads that work for money: observers, listeners, progress callbacks.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Calls it. A panic in it, which the panic hook has shown, ends neither a payment nor the settler:
/// then there is no answer (C13).
pub(super) fn call<T>(code: impl FnOnce() -> T) -> Option<T> {
    DEPTH.set(DEPTH.get() + 1);
    let answer = catch_unwind(AssertUnwindSafe(code));
    DEPTH.set(DEPTH.get() - 1);
    answer.ok()
}

/// Whether this thread is inside such code. It must then not wait for what it is itself a part of.
pub(super) fn is_running() -> bool {
    DEPTH.get() > 0
}
