//! Rupiah: a whole, positive amount of money.

use std::fmt;

use crate::error::Error;

/// A payment amount in whole rupiah, always positive.
///
/// OVO takes an integer and refuses decimals (additional guidance; [protocol 7]). OVO publishes
/// neither a minimum nor a maximum, so none is built in; a merchant's own limits belong to the
/// merchant. The upper end is that of a signed 64-bit number, which every language here can hold.
///
/// [protocol 7]: crate::manual::protocol#7-phone-and-amount
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rupiah(i64);

impl Rupiah {
    /// Takes a whole number of rupiah.
    ///
    /// ```
    /// use ovo_ptp::Rupiah;
    ///
    /// assert_eq!(Rupiah::new(12_500)?.to_string(), "Rp12.500");
    /// assert!(Rupiah::new(0).is_err());
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the amount is zero or
    /// negative.
    pub fn new(rupiah: i64) -> Result<Self, Error> {
        if rupiah > 0 {
            Ok(Rupiah(rupiah))
        } else {
            Err(Error::invalid("amount", "must be at least 1 rupiah"))
        }
    }

    /// The amount as a number of rupiah.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Rupiah {
    /// Prints as Indonesians write it: `Rp12.500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 2);
        text.push_str("Rp");
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index) % 3 == 0 {
                text.push('.');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Rupiah {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_amount_is_whole_and_positive() {
        assert_eq!(Rupiah::new(1).unwrap().get(), 1);
        assert_eq!(Rupiah::new(i64::MAX).unwrap().get(), i64::MAX);
        for refused in [0, -1, i64::MIN] {
            let error = Rupiah::new(refused).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("amount"));
        }
    }

    #[test]
    fn an_amount_prints_with_dots() {
        for (rupiah, text) in
            [(1, "Rp1"), (999, "Rp999"), (12_500, "Rp12.500"), (1_000_000, "Rp1.000.000")]
        {
            assert_eq!(Rupiah::new(rupiah).unwrap().to_string(), text);
        }
    }
}
