//! Constant texts with a NUL at their end, for pointers that never go stale.
//!
//! The core's texts are Rust's, without a NUL. Their copies are made together at the first use,
//! without a lock: a fork must not leave one behind.

use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicPtr, Ordering};

use ptp::Language;
use ptp::message::ResponseCode;
use ptp::message::response_code::{CustomerText, TABLE};
use ptp::payment::{
    CLOSED_BY_OPERATOR, LEFT_TO_CHECKS, VOID_DOUBTED, VOID_UNDER_WAY, VOID_UNKNOWN,
    WAITS_FOR_OPERATOR,
};

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

/// The core's texts for customers.
const CUSTOMER: [CustomerText; 10] = [
    CustomerText::Paid,
    CustomerText::Voided,
    CustomerText::Unregistered,
    CustomerText::Cancelled,
    CustomerText::Undeliverable,
    CustomerText::TimedOut,
    CustomerText::GivenUp,
    CustomerText::Unclear,
    CustomerText::ByHand,
    CustomerText::Generic,
];

fn all() -> Copies {
    let customer = CUSTOMER.into_iter().flat_map(|text| {
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
        kind if is_dealt_with_by_hand(kind, outcome) => CustomerText::ByHand,
        kind if kind == ovo_outcome_kind::OVO_PAID as i32 => match outcome.voided {
            _ if says(outcome, VOID_UNDER_WAY) => CustomerText::Unclear,
            0 => CustomerText::Paid,
            _ => CustomerText::Voided,
        },
        kind if kind == ovo_outcome_kind::OVO_NOT_COMPLETED as i32 => match outcome.cancelled {
            _ if says(outcome, LEFT_TO_CHECKS) => CustomerText::Unclear,
            0 => CustomerText::TimedOut,
            _ => CustomerText::GivenUp,
        },
        kind if kind == ovo_outcome_kind::OVO_DECLINED as i32 => match outcome.code() {
            Some(code) => return of_code(code, language),
            None => CustomerText::Generic,
        },
        kind if kind == ovo_outcome_kind::OVO_NOT_SENT as i32 => CustomerText::Generic,
        kind if kind == ovo_outcome_kind::OVO_PENDING as i32 => return EMPTY,
        // The customer may be debited, or a newer library says what is not known here: nothing may
        // invite a second payment (E5).
        _ => CustomerText::Unclear,
    };
    constant(text.in_language(spoken))
}

/// Whether its reason is this one.
fn says(outcome: &ovo_outcome, text: &str) -> bool {
    let said = outcome.reason.iter().map(|it| it.to_ne_bytes()[0]);
    said.take_while(|it| *it != 0).eq(text.bytes())
}

/// Whether an operator deals with it, or has: its reason says so.
fn is_dealt_with_by_hand(kind: i32, outcome: &ovo_outcome) -> bool {
    let says = |text: &str| says(outcome, text);
    match kind {
        kind if kind == ovo_outcome_kind::OVO_NOT_COMPLETED as i32 => {
            says(WAITS_FOR_OPERATOR) || says(CLOSED_BY_OPERATOR)
        }
        kind if kind == ovo_outcome_kind::OVO_NEEDS_OPERATOR as i32 => says(CLOSED_BY_OPERATOR),
        kind if kind == ovo_outcome_kind::OVO_PAID as i32 => {
            says(VOID_DOUBTED) || says(VOID_UNKNOWN) || says(CLOSED_BY_OPERATOR)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn every_customer_text_of_the_core_has_its_copy() {
        // The core's own list, so that a text which is added there is missed here.
        let core = include_str!("../../core/src/message/response_code.rs");
        let listed = core
            .lines()
            .skip_while(|line| !line.contains("pub enum CustomerText"))
            .take_while(|line| *line != "}")
            .filter(|line| line.trim().ends_with(',') && !line.trim().starts_with("//"))
            .count();
        assert_eq!(CUSTOMER.len(), listed);
    }

    #[test]
    fn what_may_have_debited_the_customer_never_invites_a_second_payment() {
        let mut outcome = ovo_outcome::empty(&"INV-1".parse().unwrap());
        // From the kinds that are not sure on; also one that a newer library may add.
        for kind in [3, 5, 6, 7, 99] {
            outcome.kind = kind;
            for (language, invitation) in [(0, "oba lagi"), (1, "gain or")] {
                // SAFETY: constant and terminated.
                let text = unsafe { CStr::from_ptr(of_outcome(&outcome, language)) };
                let text = text.to_str().unwrap();
                assert!(!text.is_empty() && !text.contains(invitation), "{kind}: {text}");
            }
        }
        outcome.kind = ovo_outcome_kind::OVO_NOT_COMPLETED as i32;
        outcome.cancelled = 1;
        // SAFETY: as above.
        let text = unsafe { CStr::from_ptr(of_outcome(&outcome, 1)) };
        assert_eq!(text.to_str(), Ok(CustomerText::GivenUp.in_language(Language::English)));
    }
}
