//! What a merchant asks for.

use crate::amount::Rupiah;
use crate::error::Error;
use crate::invoice::MerchantInvoice;
use crate::phone::PhoneNumber;
use crate::terminal::Terminal;

/// One payment to push to a customer's phone.
#[derive(Clone, Debug)]
pub struct Charge {
    pub(super) invoice: Result<MerchantInvoice, Error>,
    pub(super) amount: Rupiah,
    pub(super) phone: PhoneNumber,
    pub(super) terminal: Option<Terminal>,
    pub(super) allow_second_push: bool,
}

impl Charge {
    /// A charge of `amount` to the customer with `phone`, under an invoice of one's own (1 to 50
    /// characters out of `A-Z a-z 0-9 - _ . /`, never used before). An invalid invoice is reported
    /// by the call that takes the charge, before anything is written or sent.
    pub fn new(invoice: impl AsRef<str>, amount: Rupiah, phone: PhoneNumber) -> Self {
        Charge {
            invoice: invoice.as_ref().parse(),
            amount,
            phone,
            terminal: None,
            allow_second_push: false,
        }
    }

    /// The same charge on another terminal than the client's default.
    #[must_use]
    pub fn terminal(self, terminal: Terminal) -> Self {
        Charge { terminal: Some(terminal), ..self }
    }

    /// The same charge even if this customer has a payment that is not settled yet. Without this
    /// it is refused, because both could be debited.
    #[must_use]
    pub fn allow_second_push(self) -> Self {
        Charge { allow_second_push: true, ..self }
    }
}
