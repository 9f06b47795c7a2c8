//! The table of response codes.

use std::ffi::c_char;
use std::mem::size_of;

use ptp::message::ResponseCode;
use ptp::message::response_code::TABLE;

use crate::argument::{OutStruct, Sized32, Text, place};
use crate::code::{Failure, ovo_code};
use crate::guard::{anywhere, value};
use crate::texts;
use crate::vocabulary::class;

/// What is known about a response code. Begin with `OVO_RESPONSE_CODE_INIT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_response_code {
    /// Size of this struct in bytes, set by `OVO_RESPONSE_CODE_INIT`.
    pub size: u32,
    /// The `ovo_class` of the code as the answer to a push.
    pub class_of_push: i32,
    /// 1 if the code is shown to the customer with a text of its own.
    pub shown: i32,
    /// 1 if a new attempt, with a new invoice, can succeed.
    pub new_attempt: i32,
    /// 1 if the code is in the table.
    pub known: i32,
    /// Always 0.
    pub reserved: i32,
    /// The code.
    pub code: [c_char; 8],
    /// What OVO means by it, in English.
    pub meaning: [c_char; 128],
    /// What the merchant does, in English.
    pub action: [c_char; 128],
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_response_code {
    const SIZES: &'static [usize] = &[288];
}

fn describe(code: ResponseCode) -> ovo_response_code {
    let entry = code.entry();
    let mut result = ovo_response_code {
        size: size_of::<ovo_response_code>() as u32,
        class_of_push: class(code.class()),
        shown: entry.is_some_and(|entry| entry.shown).into(),
        new_attempt: entry.is_some_and(|entry| entry.new_attempt).into(),
        known: entry.is_some().into(),
        reserved: 0,
        code: [0; 8],
        meaning: [0; 128],
        action: [0; 128],
    };
    place(&mut result.code, code.as_str());
    place(&mut result.meaning, entry.map_or("", |entry| entry.meaning));
    place(&mut result.action, entry.map_or("", |entry| entry.action));
    result
}

fn read(code: &Text) -> Result<ResponseCode, Failure> {
    ResponseCode::new(code.read("code", 16)?).ok_or_else(|| {
        Failure::new(
            ovo_code::OVO_ERR_INVALID_INPUT,
            "code: a response code is one or two letters or digits",
        )
    })
}

/// Looks a response code up.
///
/// Parameters:
/// - `code`: the code as OVO sent it, for example `17`; stays the caller's.
/// - `result`: gets what is known.
///
/// Returns: `OVO_OK`, also for a code that is not in the table (`known` is then 0);
/// `OVO_ERR_INVALID_INPUT` or `OVO_ERR_TOO_LONG`: it is no response code; or a common code.
///
/// Memory: the result is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_response_code_lookup(
    code: Text,
    result: OutStruct<ovo_response_code>,
) -> i32 {
    anywhere(0, &[&result.required("result")], || {
        result.write(&describe(read(&code)?));
        Ok(())
    })
}

/// Goes through the table of response codes.
///
/// Parameters:
/// - `index`: from 0 on.
/// - `result`: gets what is known of the code at this place.
///
/// Returns: `OVO_OK`; `OVO_ERR_OUT_OF_RANGE` behind the last one; or a common code.
///
/// Memory: the result is a copy.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_response_code_at(index: u32, result: OutStruct<ovo_response_code>) -> i32 {
    anywhere(0, &[&result.required("result")], || {
        let entry = TABLE.get(index as usize).and_then(|entry| ResponseCode::new(entry.code));
        let code = entry.ok_or_else(|| {
            Failure::new(
                ovo_code::OVO_ERR_OUT_OF_RANGE,
                format!("index: the table has {} codes", TABLE.len()),
            )
        })?;
        result.write(&describe(code));
        Ok(())
    })
}

/// What the till shows the customer for a response code.
///
/// Parameters:
/// - `code`: the code as OVO sent it; stays the caller's.
/// - `language`: an `ovo_language`.
///
/// Returns: the text in UTF-8, the general one for codes without a text of their own; an empty
/// text if an argument is wrong.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_response_code_text(code: Text, language: i32) -> *const c_char {
    value(texts::EMPTY, || read(&code).map_or(texts::EMPTY, |code| texts::of_code(code, language)))
}
