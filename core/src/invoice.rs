//! The merchant's invoice: the idempotency key of a payment.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The merchant's own name for one payment attempt: 1 to 50 characters out of
/// `A-Z a-z 0-9 - _ . /`.
///
/// OVO gives the length (50, [protocol 2.1]) but no character set; this set holds everything
/// seen in merchants' code and nothing that needs escaping in JSON, SQL, a shell or a file of
/// comma-separated values.
///
/// An invoice names one attempt, not one order: OVO refuses an invoice that was used before, also
/// by a failed attempt ([protocol 5]). Add an attempt suffix to the order number
/// (`ORDER-77-1`, `ORDER-77-2`).
///
/// [protocol 2.1]: crate::manual::protocol#21-fields-of-a-request
/// [protocol 5]: crate::manual::protocol#5-numbering
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MerchantInvoice(String);

impl MerchantInvoice {
    /// The longest invoice OVO takes, in characters.
    pub const MAX_LENGTH: usize = 50;

    /// The invoice as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MerchantInvoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(Error::invalid("invoice", "must have 1 to 50 characters"));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if !text.bytes().all(allowed) {
            return Err(Error::invalid("invoice", "only letters, digits and - _ . / are allowed"));
        }
        Ok(MerchantInvoice(text.to_owned()))
    }
}

impl fmt::Display for MerchantInvoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MerchantInvoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
