//! The customer's phone number, which is also the OVO account.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::error::Error;

/// An Indonesian mobile number in the form OVO asks for: `08` and 8 to 11 more digits.
///
/// Parsing accepts what people type: `+62`, `62`, `0062` or a bare `8` in front, and spaces,
/// dashes, dots and round brackets anywhere ([protocol 7]). Landlines, foreign numbers and
/// anything else are refused.
///
/// A phone number is personal data: it prints masked (`0812****7890`), also with `{:?}`, and an
/// error about it never repeats it. [`digits`](Self::digits) is the only way to the whole number. It is
/// wiped from memory when dropped.
///
/// ```
/// let phone: ovo_ptp::PhoneNumber = "+62 812-3456-7890".parse()?;
/// assert_eq!(phone.digits(), "081234567890");
/// assert_eq!(phone.to_string(), "0812****7890");
/// # Ok::<(), ovo_ptp::Error>(())
/// ```
///
/// [protocol 7]: crate::manual::protocol#7-phone-and-amount
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(Zeroizing<String>);

/// No form of a valid number is longer than this, brackets and spaces included.
const MAX_TYPED: usize = 40;

impl PhoneNumber {
    /// The whole number as OVO wants it, for example `081234567890`.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        let refuse = |rule: &'static str| Err(Error::invalid("phone", rule));
        let typed = typed.trim();
        if typed.len() > MAX_TYPED {
            return refuse("too long for a phone number");
        }
        let as_number = typed.strip_suffix(".0");
        if as_number.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())) {
            // A spreadsheet's number: read as digits it would be another customer's, one longer.
            return refuse("ends in .0, as if it had been stored as a number");
        }
        let mut digits = Zeroizing::new(String::with_capacity(typed.len()));
        for (index, character) in typed.char_indices() {
            match character {
                '0'..='9' => digits.push(character),
                '+' if index == 0 => {}
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => {
                    return refuse("only digits, spaces, - . ( ) and a leading + are allowed");
                }
            }
        }
        let international = typed.starts_with('+');
        let national = match digits.as_str() {
            d if d.starts_with("0062") && !international => &d["0062".len()..],
            d if d.starts_with("62") => &d["62".len()..],
            _ if international => {
                return refuse("only Indonesian numbers (+62) have an OVO account");
            }
            d if d.starts_with("00") => {
                return refuse("only Indonesian numbers (0062) have an OVO account");
            }
            d => d,
        };
        // "+62 (0)812..." is written often enough: the trunk zero may stand behind the country code.
        let subscriber = national.strip_prefix('0').unwrap_or(national);
        let mut rest = subscriber.chars();
        if rest.next() != Some('8') || !matches!(rest.next(), Some('1'..='9')) {
            return refuse(
                "must be an Indonesian mobile number (08...), not a landline or service number",
            );
        }
        if !(9..=12).contains(&subscriber.len()) {
            return refuse("an Indonesian mobile number has 10 to 13 digits, counted from 08");
        }
        Ok(PhoneNumber(Zeroizing::new(["0", subscriber].concat())))
    }
}

impl Hash for PhoneNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, tail) = (&self.0[..4], &self.0[self.0.len() - 4..]);
        f.pad(&format!("{head}****{tail}"))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
