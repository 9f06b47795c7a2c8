//! Phones, invoices and amounts: checked at the till, before a payment is begun.

use ptp::{MerchantInvoice, PhoneNumber, Rupiah};

use crate::argument::{Buffer, Out, Text};
use crate::code::Failure;
use crate::guard::anywhere;

/// Longest text of an invoice, in bytes; the rule is the core's.
const INVOICE: usize = 64;
/// Longest text that a person types as a phone number.
const PHONE: usize = 128;

pub(crate) fn invoice(text: &Text) -> Result<MerchantInvoice, Failure> {
    Ok(text.read("invoice", INVOICE)?.parse()?)
}

pub(crate) fn phone(text: &Text) -> Result<PhoneNumber, Failure> {
    Ok(text.read("phone", PHONE)?.parse()?)
}

/// Checks an invoice: 1 to 50 characters out of `A-Z a-z 0-9 - _ . /`.
///
/// Parameters:
/// - `invoice`: the text; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`, `OVO_ERR_TOO_LONG` or `OVO_ERR_NOT_UTF8`: take
/// another one; or a common code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_invoice_check(invoice: Text) -> i32 {
    anywhere(0, &[], || self::invoice(&invoice).map(drop))
}

/// Turns what a person typed as a phone number into the form that OVO wants, for example
/// `081234567890`.
///
/// Parameters:
/// - `typed`: the text; stays the caller's. Spaces, dashes, dots, brackets, `+62`, `62`, `0062`
///   or a bare `8` in front are fine.
/// - `buffer`: gets the number; 16 bytes are enough.
/// - `capacity`: size of the buffer.
/// - `needed`: gets the size that is needed, NUL included; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`, `OVO_ERR_TOO_LONG` or `OVO_ERR_NOT_UTF8`: let the
/// customer correct it (the detail names the rule and never the number);
/// `OVO_ERR_BUFFER_TOO_SMALL`; or a common code.
///
/// Memory: nothing is kept. If the buffer is too small nothing of the number is in it.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_phone_normalise(
    typed: Text,
    buffer: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    anywhere(0, &[&buffer.room(capacity), &needed.optional("needed")], || {
        buffer.write(capacity, &needed, phone(&typed)?.digits())
    })
}

/// Masks a phone number for a screen or a log, for example `0812****7890`.
///
/// Parameters:
/// - `typed`: the number as for `ovo_phone_normalise`; stays the caller's.
/// - `buffer`: gets the masked text; 16 bytes are enough.
/// - `capacity`: size of the buffer.
/// - `needed`: gets the size that is needed, NUL included; NULL if it is not wanted.
///
/// Returns: as `ovo_phone_normalise`.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_phone_mask(
    typed: Text,
    buffer: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    anywhere(0, &[&buffer.room(capacity), &needed.optional("needed")], || {
        buffer.write(capacity, &needed, &phone(&typed)?.to_string())
    })
}

/// Prints an amount as Indonesians write it, for example `Rp12.500`.
///
/// Parameters:
/// - `amount`: rupiah, at least 1.
/// - `buffer`: gets the text; 32 bytes are enough.
/// - `capacity`: size of the buffer.
/// - `needed`: gets the size that is needed, NUL included; NULL if it is not wanted.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: below 1; `OVO_ERR_BUFFER_TOO_SMALL`; or a common
/// code.
///
/// Memory: nothing is kept.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_rupiah_print(
    amount: i64,
    buffer: Buffer,
    capacity: usize,
    needed: Out<usize>,
) -> i32 {
    anywhere(0, &[&buffer.room(capacity), &needed.optional("needed")], || {
        buffer.write(capacity, &needed, &Rupiah::new(amount)?.to_string())
    })
}
