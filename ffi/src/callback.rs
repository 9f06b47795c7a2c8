//! The caller's log and progress functions.

use std::ffi::{CString, c_char, c_void};
use std::ops::ControlFlow;

use ptp::{Event, Progress};

use crate::guard::inside;
use crate::vocabulary::{level_of, ovo_level, ovo_watch_answer, phase};

/// Hears the client's log: exchanges, verdicts, alerts, journal failures. No secret and no personal
/// data is in it.
///
/// Called on the thread where it happens: the caller's own, or, in a client with threads, one of
/// the library's, several at once. Must return soon, must not throw or `longjmp`, and must not call
/// the library except for functions without a handle.
///
/// Parameters:
/// - `userdata`: what was given with the function.
/// - `level`: an `ovo_level`.
/// - `invoice`: the payment, NULL if it is about none; the library's, good until the return.
/// - `message`: one line of English in UTF-8; the library's, good until the return.
pub type ovo_log_fn = Option<
    unsafe extern "C-unwind" fn(
        userdata: *mut c_void,
        level: i32,
        invoice: *const c_char,
        message: *const c_char,
    ),
>;

/// Hears about once a second where a payment stands, for a countdown.
///
/// Threads and duties as for `ovo_log_fn`.
///
/// Parameters:
/// - `userdata`: what was given with the function.
/// - `invoice`: the payment; the library's, good until the return.
/// - `phase`: an `ovo_phase`.
/// - `remaining_ms`: time left for the customer while waiting for the customer, else until the
///   outcome.
pub type ovo_progress_fn = Option<
    unsafe extern "C-unwind" fn(
        userdata: *mut c_void,
        invoice: *const c_char,
        phase: i32,
        remaining_ms: u32,
    ),
>;

/// Hears where the payment of `ovo_pay_with` stands, about once a second, and may give it up.
///
/// Called on the thread of that call. Duties as for `ovo_log_fn`.
///
/// Parameters:
/// - `userdata`: what was given with the function.
/// - `phase`: an `ovo_phase`.
/// - `remaining_ms`: as for `ovo_progress_fn`.
///
/// Returns `OVO_CANCEL` to give the payment up as `ovo_cancel` does. Any other number lets it go on.
pub type ovo_watch_fn = Option<
    unsafe extern "C-unwind" fn(userdata: *mut c_void, phase: i32, remaining_ms: u32) -> i32,
>;

/// A pointer that the library only hands back.
#[derive(Clone, Copy)]
pub(crate) struct Userdata(pub(crate) *mut c_void);

// SAFETY: the library never looks behind it, and the header asks for functions that can be called
// from any thread.
unsafe impl Send for Userdata {}
// SAFETY: as above.
unsafe impl Sync for Userdata {}

/// The caller's two functions, as one observer of the core's.
#[derive(Clone, Copy)]
pub(crate) struct Callbacks {
    pub(crate) log: (ovo_log_fn, Userdata),
    pub(crate) progress: (ovo_progress_fn, Userdata),
}

impl Default for Callbacks {
    fn default() -> Self {
        let nothing = Userdata(std::ptr::null_mut());
        Callbacks { log: (None, nothing), progress: (None, nothing) }
    }
}

/// The caller's function as the core's watch: whether the payment goes on.
pub(crate) fn watch(
    function: ovo_watch_fn,
    userdata: *mut c_void,
) -> impl FnMut(&Progress) -> ControlFlow<()> + Send + 'static {
    let userdata = Userdata(userdata);
    move |progress| {
        // As a whole, or the pointer in it would be what this closure has.
        let userdata = userdata;
        let Some(function) = function else { return ControlFlow::Continue(()) };
        let left = u32::try_from(progress.remaining.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: the header's duties of `ovo_watch_fn`.
        let said = inside(|| unsafe { function(userdata.0, phase(progress.phase), left) });
        match said == ovo_watch_answer::OVO_CANCEL as i32 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Callbacks {
    pub(crate) fn are_set(&self) -> bool {
        self.log.0.is_some() || self.progress.0.is_some()
    }

    pub(crate) fn hear(&self, event: &Event) {
        let text = |text: &str| CString::new(text).unwrap_or_default();
        if let Event::Progress { invoice, phase: now, remaining } = event {
            let (Some(function), userdata) = self.progress else { return };
            let invoice = text(invoice.as_str());
            let left = u32::try_from(remaining.as_millis()).unwrap_or(u32::MAX);
            // SAFETY: the header's duties of `ovo_progress_fn`.
            inside(|| unsafe { function(userdata.0, invoice.as_ptr(), phase(*now), left) });
            return;
        }
        let (Some(function), userdata) = self.log else { return };
        let (level, invoice) = match event {
            Event::Alert { invoice, alert, .. } => (level_of(*alert), Some(invoice)),
            Event::JournalFound(found) if found.critical => {
                (ovo_level::OVO_LEVEL_CRITICAL as i32, None)
            }
            Event::JournalFound(_) | Event::JournalFailed { .. } => {
                (ovo_level::OVO_LEVEL_ALERT as i32, None)
            }
            Event::Decided { invoice, .. }
            | Event::Settled { invoice }
            | Event::Ruled { invoice, .. } => (ovo_level::OVO_LEVEL_INFO as i32, Some(invoice)),
            _ => (ovo_level::OVO_LEVEL_INFO as i32, None),
        };
        let invoice = invoice.map(|invoice| text(invoice.as_str()));
        let invoice = invoice.as_ref().map_or(std::ptr::null(), |invoice| invoice.as_ptr());
        let message = text(&event.to_string());
        // SAFETY: the header's duties of `ovo_log_fn`.
        inside(|| unsafe { function(userdata.0, level, invoice, message.as_ptr()) });
    }
}
