//! Why OVO refused, and what customer and cashier do about it.

use super::Known;
use crate::invoice::MerchantInvoice;
use crate::message::response_code::CustomerText;
use crate::message::{Class, Language, ResponseCode};
use crate::payment::DeclineReason;

/// Why OVO refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decline {
    pub(super) invoice: MerchantInvoice,
    pub(super) reason: DeclineReason,
    pub(super) may_still_debit: bool,
    /// What OVO's record says of it is an operator's case.
    pub(super) contradicted: bool,
    pub(super) known: Known,
}

impl Decline {
    /// The invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }

    /// OVO's code; `None` if the numbers turned out to belong to another sale.
    ///
    /// ```
    /// # fn example(decline: &ovo_ptp::Decline) {
    /// let code = decline.code().map_or_else(|| "-".to_owned(), |code| code.to_string());
    /// println!("{code}: {}", decline.meaning());
    /// # }
    /// ```
    pub fn code(&self) -> Option<ResponseCode> {
        match self.reason {
            DeclineReason::Code(code) => Some(code),
            DeclineReason::ForeignSale => None,
        }
    }

    /// The code's class.
    pub fn class(&self) -> Class {
        self.code().map_or(Class::Duplicate, ResponseCode::class)
    }

    /// What the code means, in English, for logs.
    pub fn meaning(&self) -> &'static str {
        self.code()
            .and_then(ResponseCode::entry)
            .map_or("the numbers were used by another sale", |entry| entry.meaning)
    }

    /// What the till shows the customer.
    pub fn customer_text(&self, language: Language) -> &'static str {
        match self.code() {
            _ if self.contradicted => CustomerText::ByHand.in_language(language),
            Some(code) => code.customer_text(language),
            None => CustomerText::Generic.in_language(language),
        }
    }

    /// Whether a new attempt, with a new invoice, can succeed, and cannot debit the customer twice:
    /// behind code 26 that is not so before 60 s + D, as long as the prompt may still be found, and
    /// never where OVO's record contradicts the decline, so that an operator must look.
    ///
    /// ```
    /// # fn example(decline: &ovo_ptp::Decline) {
    /// if decline.new_attempt_makes_sense() {
    ///     println!("try again, with a new invoice");
    /// }
    /// # }
    /// ```
    pub fn new_attempt_makes_sense(&self) -> bool {
        !self.may_still_debit
            && !self.contradicted
            && self.code().and_then(ResponseCode::entry).is_none_or(|entry| entry.new_attempt)
    }
}
