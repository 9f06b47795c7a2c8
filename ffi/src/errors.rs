//! Codes in words, for programs and for people.

use std::ffi::c_char;

use crate::argument::{OutStruct, Sized32};
use crate::client::ovo_client;
use crate::code::ovo_code;
use crate::guard::{self, anywhere, value};
use crate::texts;

/// What the latest failed call of a thread was about. Begin with `OVO_ERROR_FACTS_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_error_facts {
    /// Size of this struct in bytes, set by `OVO_ERROR_FACTS_INIT`.
    pub size: u32,
    /// The code of that call; `OVO_OK` if no call of this thread has failed.
    pub code: i32,
    /// How long to wait before the same call is worth another try, in milliseconds; 0 if that is not
    /// known. For an unsettled customer it may be refused again then.
    pub retry_after_ms: i64,
    /// The field or argument that is wrong, for example `amount` or `store_code`; else empty.
    pub field: [c_char; 32],
    /// The payment that the failure is about, or empty. For an unsettled customer that is the
    /// payment which the new one has to wait for.
    pub invoice: [c_char; 56],
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_error_facts {
    const SIZES: &'static [usize] = &[104];
}

/// Describes a code in one line of English.
///
/// Parameters:
/// - `code`: what a function returned; any number is fine.
///
/// Returns: the text; `unknown code` for a number that is none.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_strerror(code: i32) -> *const c_char {
    value(texts::EMPTY, || match ovo_code::of(code) {
        Some(row) => row.text.as_ptr().cast(),
        None => c"unknown code".as_ptr(),
    })
}

/// Names a code as the header does, for example `OVO_ERR_JOURNAL`.
///
/// Parameters:
/// - `code`: what a function returned; any number is fine.
///
/// Returns: the name; an empty text for a number that is none.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_code_name(code: i32) -> *const c_char {
    value(texts::EMPTY, || ovo_code::of(code).map_or(texts::EMPTY, |row| row.name.as_ptr().cast()))
}

/// Whether the same call may succeed later without a change of input or set-up.
///
/// Parameters:
/// - `code`: what a function returned; any number is fine.
///
/// Returns: 1 or 0.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_is_retryable(code: i32) -> i32 {
    value(0, || ovo_code::is_retryable(code).into())
}

/// Whether the state of something at OVO is unknown after this code. No code leaves a *debit* in
/// doubt: that is what outcomes are for.
///
/// Parameters:
/// - `code`: what a function returned; any number is fine.
///
/// Returns: 1 or 0.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_is_outcome_unknown(code: i32) -> i32 {
    value(0, || (code == ovo_code::OVO_ERR_NO_ANSWER as i32).into())
}

/// One line about the latest call of this thread that failed, whatever it was about: which field
/// breaks which rule, which file cannot be opened. Without secrets and personal data. A call that
/// succeeds does not erase it.
///
/// Returns: the text in UTF-8; an empty text if no call of this thread has failed.
///
/// Memory: valid on this thread until its next failing call of this library.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_last_error() -> *const c_char {
    value(texts::EMPTY, || guard::detail(0))
}

/// Like `ovo_last_error`, if this thread's latest failure was a call with this client.
///
/// Parameters:
/// - `client`: the client of the call, also one that was closed since; stays the caller's.
///
/// Returns: the text in UTF-8; an empty text if the latest failure was about something else.
///
/// Memory: valid on this thread until its next failing call of this library.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_client_error(client: *const ovo_client) -> *const c_char {
    value(
        texts::EMPTY,
        || {
            if client.is_null() { texts::EMPTY } else { guard::detail(client.addr()) }
        },
    )
}

/// Tells what this thread's latest failed call was about, beside `ovo_last_error`. A call that
/// succeeds does not erase it.
///
/// Parameters:
/// - `facts`: gets the code, the field, the payment, and when to try again.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: the result is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_last_error_facts(facts: OutStruct<ovo_error_facts>) -> i32 {
    anywhere(0, &[&facts.required("facts")], || {
        let latest = guard::facts();
        facts.write(&ovo_error_facts {
            size: size_of::<ovo_error_facts>() as u32,
            code: latest.code,
            retry_after_ms: latest.retry_after,
            field: latest.field,
            invoice: latest.invoice,
        });
        Ok(())
    })
}
