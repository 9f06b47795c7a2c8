//! Which library this is.

use std::ffi::c_char;

use crate::code::{Failure, ovo_code};
use crate::guard::value;
use crate::texts;

const fn number(text: &str) -> i32 {
    let bytes = text.as_bytes();
    let (mut at, mut number) = (0, 0);
    while at < bytes.len() {
        number = number * 10 + (bytes[at] - b'0') as i32;
        at += 1;
    }
    number
}

const MAJOR: i32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
const MINOR: i32 = number(env!("CARGO_PKG_VERSION_MINOR"));
const PATCH: i32 = number(env!("CARGO_PKG_VERSION_PATCH"));
const NUMBER: i32 = MAJOR * 1_000_000 + MINOR * 1_000 + PATCH;

/// The handshake (fault F14). A program that was compiled with an older header of the same series
/// works; one with a newer header may ask for what is not here.
pub(crate) fn admit(header: i32) -> Result<(), Failure> {
    let (major, minor) = (header / 1_000_000, header / 1_000 % 1_000);
    // Before 1.0 every minor version is a series of its own.
    let compatible = major == MAJOR && if MAJOR == 0 { minor == MINOR } else { minor <= MINOR };
    if compatible {
        return Ok(());
    }
    Err(Failure::new(
        ovo_code::OVO_ERR_VERSION,
        format!(
            "header version {major}.{minor} does not fit library version {}",
            env!("CARGO_PKG_VERSION")
        ),
    ))
}

/// The version of the library that runs, for example `0.2.0`. `OVO_VERSION` is the header's.
///
/// Returns: the text.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_version() -> *const c_char {
    value(texts::EMPTY, || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

/// The version of the library that runs as a number: major * 1000000 + minor * 1000 + patch.
/// `OVO_VERSION_NUMBER` is the header's.
///
/// Returns: the number.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_version_number() -> i32 {
    value(NUMBER, || NUMBER)
}
