//! The one door through which every exported function goes: no panic leaves, nothing re-enters.
//!
//! A test reads the sources and refuses an exported function that does not begin with one of the
//! three guards here.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::code::{Failure, ovo_code};
use crate::handle;

/// Longest detail that is kept, its NUL included.
const DETAIL: usize = 512;

/// The latest failure of this thread. Kept without allocation and without a destructor, so that
/// the pointer handed out stays good until the thread ends.
struct Detail {
    text: UnsafeCell<[u8; DETAIL]>,
    handle: Cell<usize>,
}

thread_local! {
    static DETAIL_OF_THREAD: Detail =
        const { Detail { text: UnsafeCell::new([0; DETAIL]), handle: Cell::new(0) } };
    /// How many callbacks of this library this thread is inside of.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

fn remember(failure: &Failure, handle: usize) {
    DETAIL_OF_THREAD.with(|detail| {
        // A whole character, and room for the NUL.
        let text = &failure.detail[..failure.detail.floor_boundary(DETAIL - 1)];
        // SAFETY: the cell is this thread's alone, and no reference into it outlives this block.
        let buffer = unsafe { &mut *detail.text.get() };
        for (place, byte) in buffer.iter_mut().zip(text.bytes().chain([0])) {
            // No control character reaches a log line, and no NUL cuts the text short.
            *place = if byte != 0 && byte.is_ascii_control() { b'?' } else { byte };
        }
        detail.handle.set(handle);
    });
}

/// The detail of this thread's latest failure; of `handle` alone if it is not 0.
pub(crate) fn detail(handle: usize) -> *const c_char {
    DETAIL_OF_THREAD.with(|detail| {
        if handle != 0 && detail.handle.get() != handle {
            return c"".as_ptr();
        }
        detail.text.get() as *const c_char
    })
}

/// The largest index up to `most` at which `self` can be cut.
pub(crate) trait FloorBoundary {
    fn floor_boundary(&self, most: usize) -> usize;
}

impl FloorBoundary for str {
    fn floor_boundary(&self, most: usize) -> usize {
        let mut at = most.min(self.len());
        while !self.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Guard of a function that may be called from anywhere, also from inside a callback. `handle` is
/// the handle that a failure is filed under, 0 if there is none.
pub(crate) fn anywhere(handle: usize, body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    // Unwind safety: whatever a panic left half done is behind a handle that is poisoned below.
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        // Not dropped: the payload's own destructor may panic.
        std::mem::forget(panic);
        handle::poison(handle);
        Err(Failure::new(ovo_code::OVO_ERR_INTERNAL, "a defect in the library; see its panic line"))
    });
    match result {
        Ok(()) => ovo_code::OVO_OK as i32,
        Err(failure) => {
            remember(&failure, handle);
            failure.code as i32
        }
    }
}

/// Guard of a function that works on a configuration, a client or a payment: not from inside a
/// callback, where the client is in the middle of something and may hold its locks.
pub(crate) fn outside(handle: usize, body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    anywhere(handle, || {
        if INSIDE.get() > 0 {
            return Err(Failure::new(
                ovo_code::OVO_ERR_REENTRANT,
                "called from inside a callback; return from it first",
            ));
        }
        body()
    })
}

/// Guard of a function that returns a value instead of a code.
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        std::mem::forget(panic);
        fallback
    })
}

/// Runs a callback of the caller's, with re-entry refused meanwhile.
pub(crate) fn inside<T>(callback: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.set(INSIDE.get() - 1);
        }
    }
    INSIDE.set(INSIDE.get() + 1);
    let _leave = Leave;
    callback()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn text(pointer: *const c_char) -> String {
        // SAFETY: `detail` returns a terminated text of this thread.
        unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn f5_a_panic_becomes_a_code_and_the_next_call_works() {
        let panics = || -> Result<(), Failure> { panic!("planted") };
        assert_eq!(anywhere(0, panics), ovo_code::OVO_ERR_INTERNAL as i32);
        assert_eq!(outside(0, panics), ovo_code::OVO_ERR_INTERNAL as i32);
        assert_eq!(value(7, || panic!("planted")), 7);
        assert_eq!(outside(0, || Ok(())), 0);
    }

    #[test]
    fn f6_a_panicking_callback_leaves_the_thread_usable() {
        let _ = catch_unwind(|| inside(|| panic!("planted")));
        assert_eq!(outside(0, || Ok(())), 0);
        inside(|| assert_eq!(outside(0, || Ok(())), ovo_code::OVO_ERR_REENTRANT as i32));
    }

    #[test]
    fn a_detail_is_cut_at_a_whole_character_and_keeps_its_line() {
        let long = format!("two\nlines {}", "\u{e9}".repeat(DETAIL));
        anywhere(5, || Err(Failure::new(ovo_code::OVO_ERR_REFUSED, long)));
        let kept = text(detail(0));
        assert!(kept.starts_with("two?lines \u{e9}") && kept.len() < DETAIL);
        assert_eq!(text(detail(5)), kept);
        assert_eq!(text(detail(7)), "", "another handle's failure is not this one's");
    }

    #[test]
    fn every_exported_function_goes_through_a_guard() {
        let mut exported = 0;
        let mut paths = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                paths.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let mut pieces = source.split(concat!("#[unsafe(", "no_mangle)]"));
            pieces.next();
            for piece in pieces {
                exported += 1;
                let (head, body) = piece.split_once("{\n").unwrap();
                let name = head.split('(').next().unwrap().trim();
                assert!(head.contains("extern \"C\" fn"), "{}: {name}", path.display());
                let first = body.trim_start();
                assert!(
                    ["outside(", "anywhere(", "value("]
                        .iter()
                        .any(|guard| first.starts_with(guard)),
                    "{}: {name} does not begin with a guard",
                    path.display()
                );
                // The guard is the whole body: its closing bracket is followed by the end.
                let end = body.find("\n}\n").unwrap();
                assert!(body[..end].trim_end().ends_with(')'), "{name} goes on after its guard");
            }
        }
        assert!(exported > 70, "only {exported} exported functions were found");
    }
}
