//! A line of a report, as whoever reads the file gives it.

use crate::amount::Rupiah;
use crate::wib::WallTime;

/// A line of OVO's settlement report, which lists what OVO pays out the day after. OVO publishes no
/// format for Push To Pay; whoever reads the file knows its columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementLine {
    /// The merchant's invoice as the report has it. Reports list other payments, too: one that could
    /// not be an invoice of this library is missing here, and no error.
    pub invoice: String,
    /// What it says.
    pub says: Listed,
    /// The day of the transaction in WIB, by any moment of it; `None` if the report does not tell.
    pub day: Option<WallTime>,
}

/// What a line says of the customer's money. Amounts are those of the payment, before fees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Listed {
    /// The customer paid.
    Paid(Rupiah),
    /// The customer has the money back.
    Refunded(Rupiah),
    /// No money moved (FAILED, PENDING); the amount, if the line has one.
    Nothing(Option<Rupiah>),
    /// It is another till's, or a sum: of it nothing but the day counts.
    Elsewhere,
}

#[cfg(test)]
impl SettlementLine {
    pub(crate) fn paid(invoice: &str, amount: Rupiah) -> SettlementLine {
        SettlementLine { invoice: invoice.to_owned(), says: Listed::Paid(amount), day: None }
    }
}
