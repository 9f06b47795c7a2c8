//! The one door through which every exported function goes: no panic leaves, nothing re-enters.
//!
//! A test reads the sources and refuses an exported function that does not begin with one of the
//! three guards here.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::argument::{Place, place};
use crate::code::{Failure, ovo_code};
use crate::handle;

/// Longest detail that is kept, its NUL included.
const DETAIL: usize = 512;

/// The latest failure of this thread. Kept without allocation and without a destructor, so that
/// the pointer handed out stays good until the thread ends.
struct Detail {
    text: UnsafeCell<[u8; DETAIL]>,
    handle: Cell<usize>,
    facts: Cell<Facts>,
}

/// What the latest failure was about.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) code: i32,
    /// In milliseconds; 0 if it is not known.
    pub(crate) retry_after: i64,
    pub(crate) field: [c_char; 32],
    pub(crate) invoice: [c_char; 56],
}

impl Facts {
    const NONE: Facts = Facts { code: 0, retry_after: 0, field: [0; 32], invoice: [0; 56] };

    fn of(failure: &Failure) -> Facts {
        let mut facts = Facts { code: failure.code as i32, ..Facts::NONE };
        // Rounded up: a call that comes too early is refused again.
        facts.retry_after = failure.retry_after.map_or(0, |wait| {
            i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX).max(1)
        });
        place(&mut facts.field, failure.field.as_deref().unwrap_or(""));
        place(&mut facts.invoice, failure.invoice.as_ref().map_or("", |invoice| invoice.as_str()));
        facts
    }
}

thread_local! {
    static DETAIL_OF_THREAD: Detail =
        const {
            Detail {
                text: UnsafeCell::new([0; DETAIL]),
                handle: Cell::new(0),
                facts: Cell::new(Facts::NONE),
            }
        };
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
        detail.facts.set(Facts::of(failure));
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

/// What this thread's latest failure was about.
pub(crate) fn facts() -> Facts {
    DETAIL_OF_THREAD.with(|detail| detail.facts.get())
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
/// the handle that a failure is filed under, 0 if there is none. `results` are the places of the
/// function's results: after a failure, whatever it is, they are empty, and what an earlier call has
/// told is not there any more (F15).
pub(crate) fn anywhere(
    handle: usize,
    results: &[&dyn Place],
    body: impl FnOnce() -> Result<(), Failure>,
) -> i32 {
    let mut body = Some(body);
    guarded(handle, results, true, &mut || body.take().map_or(Ok(()), |body| body()))
}

/// Guard of a function that works on a configuration, a client or a payment: not from inside a
/// callback, where the client is in the middle of something and may hold its locks.
pub(crate) fn outside(
    handle: usize,
    results: &[&dyn Place],
    body: impl FnOnce() -> Result<(), Failure>,
) -> i32 {
    let mut body = Some(body);
    guarded(handle, results, false, &mut || body.take().map_or(Ok(()), |body| body()))
}

/// The guards' work, once in the library and not in each of its eighty functions: on a terminal that
/// is a twentieth of it.
fn guarded(
    handle: usize,
    results: &[&dyn Place],
    in_callbacks: bool,
    body: &mut dyn FnMut() -> Result<(), Failure>,
) -> i32 {
    let _until_it_returns = Uncancelled::begin();
    let result = caught(handle, || {
        results.iter().try_for_each(|place| place.check())?;
        if !in_callbacks && INSIDE.get() > 0 {
            return Err(Failure::new(
                ovo_code::OVO_ERR_REENTRANT,
                "called from inside a callback; return from it first",
            ));
        }
        body()
    });
    let result = result.unwrap_or_else(|| {
        Err(Failure::new(ovo_code::OVO_ERR_INTERNAL, "a defect in the library; see its panic line"))
    });
    match result {
        Ok(()) => ovo_code::OVO_OK as i32,
        Err(failure) => {
            // The size that is needed was told, and what else fitted.
            if failure.code != ovo_code::OVO_ERR_BUFFER_TOO_SMALL {
                results.iter().for_each(|place| place.clear());
            }
            remember(&failure, handle);
            failure.code as i32
        }
    }
}

/// Runs what may panic: `None` if it did, and its handle then refuses everything but being closed.
///
/// A function behind which something can leave this machine calls the core through this, so that a
/// defect behind the first byte is told as what it is, not known, and never as a code (F4, C18).
pub(crate) fn caught<T>(handle: usize, call: impl FnOnce() -> T) -> Option<T> {
    // Unwind safety: whatever a panic left half done is behind a handle that is poisoned here.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(panic) => {
            // Not dropped: the payload's own destructor may panic.
            std::mem::forget(panic);
            handle::poison(handle);
            None
        }
    }
}

/// While it lives, this thread cannot be cancelled. `pthread_cancel` unwinds a thread from the next
/// system call on, which Rust's frames would answer by ending the program with a payment half done;
/// now it takes effect behind the call (F18).
struct Uncancelled(#[cfg(target_os = "linux")] libc::c_int);

#[cfg(target_os = "linux")]
mod cancellation {
    /// The same number in every C library of Linux that has cancellation.
    pub(super) const DISABLE: libc::c_int = 1;

    unsafe extern "C" {
        pub(super) fn pthread_setcancelstate(
            state: libc::c_int,
            old: *mut libc::c_int,
        ) -> libc::c_int;
    }
}

#[cfg(target_os = "linux")]
impl Uncancelled {
    fn begin() -> Uncancelled {
        let mut old = cancellation::DISABLE;
        // SAFETY: any thread may ask this of itself; `old` is this frame's.
        unsafe { cancellation::pthread_setcancelstate(cancellation::DISABLE, &raw mut old) };
        Uncancelled(old)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Uncancelled {
    fn drop(&mut self) {
        let mut disabled = 0;
        // SAFETY: as above. It is no cancellation point: a cancellation that came meanwhile waits for
        // the caller's next one.
        unsafe { cancellation::pthread_setcancelstate(self.0, &raw mut disabled) };
    }
}

#[cfg(not(target_os = "linux"))]
impl Uncancelled {
    fn begin() -> Uncancelled {
        Uncancelled()
    }
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
        assert_eq!(anywhere(0, &[], panics), ovo_code::OVO_ERR_INTERNAL as i32);
        assert_eq!(outside(0, &[], panics), ovo_code::OVO_ERR_INTERNAL as i32);
        assert_eq!(value(7, || panic!("planted")), 7);
        assert_eq!(outside(0, &[], || Ok(())), 0);
    }

    #[test]
    fn f6_a_panicking_callback_leaves_the_thread_usable() {
        let _ = catch_unwind(|| inside(|| panic!("planted")));
        assert_eq!(outside(0, &[], || Ok(())), 0);
        inside(|| assert_eq!(outside(0, &[], || Ok(())), ovo_code::OVO_ERR_REENTRANT as i32));
    }

    #[test]
    fn a_detail_is_cut_at_a_whole_character_and_keeps_its_line() {
        let long = format!("two\nlines {}", "\u{e9}".repeat(DETAIL));
        anywhere(5, &[], || Err(Failure::new(ovo_code::OVO_ERR_REFUSED, long)));
        let kept = text(detail(0));
        assert!(kept.starts_with("two?lines \u{e9}") && kept.len() < DETAIL);
        assert_eq!(text(detail(5)), kept);
        assert_eq!(text(detail(7)), "", "another handle's failure is not this one's");
    }

    #[test]
    fn every_exported_function_goes_through_a_guard() {
        let (mut exported, mut places) = (0, 0);
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
                // Every place of a result is the guard's to empty.
                let guarded = &body[..body.find("|| ").unwrap_or(body.len())];
                let parameters = head.split_once('(').unwrap().1;
                for parameter in parameters.split(',').map(str::trim) {
                    let Some((place, kind)) = parameter.split_once(": ") else { continue };
                    if ["Out<", "OutStruct<", "Buffer"].iter().any(|out| kind.starts_with(out)) {
                        let named = ["required(", "optional(", "room("]
                            .iter()
                            .any(|call| guarded.contains(&format!("&{place}.{call}")));
                        assert!(named, "{}: {name} does not empty {place}", path.display());
                        places += 1;
                    }
                }
                // The guard is the whole body: its closing bracket is followed by the end.
                let end = body.find("\n}\n").unwrap();
                assert!(body[..end].trim_end().ends_with(')'), "{name} goes on after its guard");
            }
        }
        assert!(exported > 70, "only {exported} exported functions were found");
        assert!(places > 30, "only {places} places of results were found");
    }
}
