//! Constant texts with a NUL at their end, for pointers that never go stale.
//!
//! The core's texts are Rust's, without a NUL. Their copies are made together at the first use,
//! without a lock: a fork must not leave one behind.

use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicPtr, Ordering};

use ptp::Language;
use ptp::message::ResponseCode;
use ptp::message::response_code::{CustomerText, TABLE};

use crate::outcome::ovo_outcome;
use crate::vocabulary::{self, ovo_outcome_kind};

pub(crate) const EMPTY: *const c_char = c"".as_ptr();

type Copies = Vec<(&'static str, CString)>;

static COPIES: AtomicPtr<Copies> = AtomicPtr::new(std::ptr::null_mut());

/// The copy of one of the core's constant texts.
pub(crate) fn constant(text: &str) -> *const c_char {
    copies().iter().find(|(original, _)| *original == text).map_or(EMPTY, |(_, copy)| copy.as_ptr())
}

fn copies() -> &'static Copies {
    loop {
        let found = COPIES.load(Ordering::Acquire);
        // SAFETY: what is stored is never freed and never changed.
        if let Some(copies) = unsafe { found.as_ref() } {
            return copies;
        }
        let fresh = Box::into_raw(Box::new(all()));
        if COPIES.compare_exchange(found, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: another thread was first, and nobody else has seen this one.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

fn all() -> Copies {
    use CustomerText::*;
    let customer = [Paid, Unregistered, Cancelled, Undeliverable, TimedOut, Generic];
    let customer = customer.into_iter().flat_map(|text| {
        [Language::Indonesian, Language::English].map(|language| text.in_language(language))
    });
    let table = TABLE.iter().flat_map(|entry| [entry.code, entry.meaning, entry.action]);
    customer.chain(table).map(|text| (text, CString::new(text).unwrap_or_default())).collect()
}

/// The customer's text of a response code.
pub(crate) fn of_code(code: ResponseCode, language: i32) -> *const c_char {
    match vocabulary::language(language) {
        Ok(language) => constant(code.customer_text(language)),
        Err(_) => EMPTY,
    }
}

/// The customer's text of an outcome, as [`ptp::Outcome::customer_text`] has it.
pub(crate) fn of_outcome(outcome: &ovo_outcome, language: i32) -> *const c_char {
    let Ok(spoken) = vocabulary::language(language) else { return EMPTY };
    let text = match outcome.kind {
        kind if kind == ovo_outcome_kind::OVO_PAID as i32 => CustomerText::Paid,
        kind if kind == ovo_outcome_kind::OVO_NOT_COMPLETED as i32 => CustomerText::TimedOut,
        kind if kind == ovo_outcome_kind::OVO_DECLINED as i32 => match outcome.code() {
            Some(code) => return of_code(code, language),
            None => CustomerText::Generic,
        },
        kind if kind == ovo_outcome_kind::OVO_PENDING as i32 => return EMPTY,
        _ => CustomerText::Generic,
    };
    constant(text.in_language(spoken))
}
