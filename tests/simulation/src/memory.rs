//! What Rust's side of the client allocates, counted per call (I14).
//!
//! SQLite's own memory comes from C's allocator and is bounded by its page cache. What an actor
//! allocates on behalf of the world around the client (OVO's side, the story) is left out.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use mimalloc::MiMalloc;

/// Counts what the thread's present account holds, and hands on to the allocator.
pub(crate) struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static HIGHEST: Cell<isize> = const { Cell::new(0) };
    static OUTSIDE: Cell<u32> = const { Cell::new(1) };
}

fn count(change: isize) {
    // A thread that ends has no account any more.
    let _ = OUTSIDE.try_with(|outside| {
        if outside.get() == 0 {
            let held = HELD.get() + change;
            HELD.set(held);
            if held > HIGHEST.get() {
                HIGHEST.set(held);
            }
        }
    });
}

fn bytes(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

// SAFETY: Every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(bytes(layout));
        // SAFETY: The caller's contract is the system's.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-bytes(layout));
        // SAFETY: As above.
        unsafe { MiMalloc.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(isize::try_from(size).unwrap_or(isize::MAX) - bytes(layout));
        // SAFETY: As above.
        unsafe { MiMalloc.realloc(memory, layout, size) }
    }
}

/// What one actor holds.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Account {
    held: isize,
    highest: isize,
    outside: u32,
}

pub(crate) fn enter(account: &mut Account) {
    HELD.set(account.held);
    HIGHEST.set(account.highest);
    OUTSIDE.set(account.outside);
}

pub(crate) fn leave(account: &mut Account) {
    let outside = OUTSIDE.replace(1);
    *account = Account { held: HELD.get(), highest: HIGHEST.get(), outside };
}

/// Puts the depth back, however the call ends.
struct Depth(u32);

impl Drop for Depth {
    fn drop(&mut self) {
        OUTSIDE.set(self.0);
    }
}

/// Runs what belongs to the world and not to the client.
pub(crate) fn outside<T>(act: impl FnOnce() -> T) -> T {
    let depth = OUTSIDE.get();
    let _back = Depth(depth);
    OUTSIDE.set(depth + 1);
    act()
}

/// Runs what belongs to the client, in the midst of what does not.
pub(crate) fn inside<T>(act: impl FnOnce() -> T) -> T {
    let _back = Depth(OUTSIDE.replace(0));
    act()
}

/// Runs one call of the client and tells how much more it held at its highest than before.
pub(crate) fn of_call<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    HIGHEST.set(before);
    let result = call();
    (result, usize::try_from(HIGHEST.get() - before).unwrap_or(0))
}
