//! Memory that runs out at a chosen allocation: Rust's, which aborts, and SQLite's own, which
//! becomes an error of the journal.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

/// The system's allocator, which fails once or from some allocation on.
#[derive(Debug)]
pub struct Starving;

/// Rust allocations that still succeed; negative for ever.
static LEFT: AtomicI64 = AtomicI64::new(i64::MIN);

/// After so many more allocations of the Rust side, the next one fails.
pub fn starve_rust(after: i64) {
    LEFT.store(after, Ordering::SeqCst);
}

/// How many of those allocations are left: what a whole run did not use.
pub fn left() -> i64 {
    LEFT.load(Ordering::SeqCst)
}

fn runs_out() -> bool {
    LEFT.load(Ordering::Relaxed) >= 0 && LEFT.fetch_sub(1, Ordering::SeqCst) == 0
}

// SAFETY: everything is the system allocator's, or null, which every caller must expect.
unsafe impl GlobalAlloc for Starving {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if runs_out() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is the system allocator's, as every block of this one.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if runs_out() {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

mod sqlite {
    //! SQLite's allocator between SQLite and the system.

    use std::ffi::{c_int, c_void};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use rusqlite::ffi;

    type Allocate = unsafe extern "C" fn(c_int) -> *mut c_void;
    type Reallocate = unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void;

    static INNER: OnceLock<(Allocate, Reallocate)> = OnceLock::new();
    static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);
    static FOR_GOOD: AtomicBool = AtomicBool::new(false);

    fn runs_out() -> bool {
        match LEFT.fetch_sub(1, Ordering::SeqCst) {
            0 => true,
            left => left < 0 && FOR_GOOD.load(Ordering::SeqCst),
        }
    }

    unsafe extern "C" fn allocate(size: c_int) -> *mut c_void {
        match INNER.get() {
            // SAFETY: the function that SQLite would have called itself.
            Some((inner, _)) if !runs_out() => unsafe { inner(size) },
            _ => std::ptr::null_mut(),
        }
    }

    unsafe extern "C" fn reallocate(block: *mut c_void, size: c_int) -> *mut c_void {
        match INNER.get() {
            // SAFETY: the function that SQLite would have called itself.
            Some((_, inner)) if !runs_out() => unsafe { inner(block, size) },
            _ => std::ptr::null_mut(),
        }
    }

    /// Puts the allocator in place: before SQLite is used for the first time.
    pub(super) fn install() -> bool {
        let mut inner = ffi::sqlite3_mem_methods {
            xMalloc: None,
            xFree: None,
            xRealloc: None,
            xSize: None,
            xRoundup: None,
            xInit: None,
            xShutdown: None,
            pAppData: std::ptr::null_mut(),
        };
        // SAFETY: called before any other use of SQLite, with the pointer that GETMALLOC fills.
        if unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut inner) } != 0 {
            return false;
        }
        let (Some(allocates), Some(reallocates)) = (inner.xMalloc, inner.xRealloc) else {
            return false;
        };
        if INNER.set((allocates, reallocates)).is_err() {
            return false;
        }
        inner.xMalloc = Some(allocate as Allocate);
        inner.xRealloc = Some(reallocate as Reallocate);
        // SAFETY: still before any other use of SQLite, which copies the table.
        unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const inner) == 0 }
    }

    pub(super) fn starve(after: i64, for_good: bool) {
        FOR_GOOD.store(for_good, Ordering::SeqCst);
        LEFT.store(after, Ordering::SeqCst);
    }

    pub(super) fn left() -> i64 {
        LEFT.load(Ordering::SeqCst)
    }
}

/// Prepares to starve SQLite; once, before its first use. False if SQLite refuses.
pub fn prepare_sqlite() -> bool {
    sqlite::install()
}

/// After so many more allocations of SQLite's, the next one fails, or all from there on.
pub fn starve_sqlite(after: i64, for_good: bool) {
    sqlite::starve(after, for_good);
}

/// How many of those are left.
pub fn sqlite_left() -> i64 {
    sqlite::left()
}
