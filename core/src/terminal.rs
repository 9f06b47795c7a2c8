//! The terminal's identity at OVO.

use crate::error::Error;

/// Which till of which outlet asks: terminal id, merchant (acceptor) id and store code, all issued
/// by OVO.
///
/// A client has a default terminal and every charge may name another, because one merchant's
/// outlets share an app id ([protocol 2.1]). A payment's reversal, void and checks always use
/// the terminal of its push: it is stored with the payment.
///
/// [protocol 2.1]: crate::manual::protocol#21-fields-of-a-request
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Terminal {
    tid: String,
    mid: String,
    store_code: String,
}

impl Terminal {
    /// Takes a terminal id (1 to 8 characters in ISO 8583's sense, up to 16 accepted), a merchant
    /// id (up to 15 in samples, up to 24 accepted) and a store code (up to 20).
    ///
    /// ```
    /// use ovo_ptp::Terminal;
    ///
    /// let terminal = Terminal::new("00000001", "000000000000001", "STORE01")?;
    /// assert_eq!(terminal.tid(), "00000001");
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a value is empty, too
    /// long, or has characters other than
    /// ASCII letters, digits, `-`, `_` and `.`.
    pub fn new(tid: &str, mid: &str, store_code: &str) -> Result<Self, Error> {
        Ok(Terminal {
            tid: issued_by_ovo("tid", tid, 16)?,
            mid: issued_by_ovo("mid", mid, 24)?,
            store_code: issued_by_ovo("store_code", store_code, 20)?,
        })
    }

    /// Terminal id (`tid`).
    pub fn tid(&self) -> &str {
        &self.tid
    }

    /// Merchant id in the card sense (`mid`); not the merchant number of the credentials.
    pub fn mid(&self) -> &str {
        &self.mid
    }

    /// What names it in a journal: with the same two, OVO counts the same numbers.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.tid, self.mid)
    }

    /// Store code (`storeCode`).
    pub fn store_code(&self) -> &str {
        &self.store_code
    }
}

/// A short code that OVO issued: no character that could break a header line or a JSON string.
pub(crate) fn issued_by_ovo(
    field: &'static str,
    text: &str,
    longest: usize,
) -> Result<String, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || text.len() > longest {
        return Err(Error::invalid(field, format_args!("must have 1 to {longest} characters")));
    }
    if !text.bytes().all(allowed) {
        return Err(Error::invalid(field, "only letters, digits and - _ . are allowed"));
    }
    Ok(text.to_owned())
}
