//! What a merchant asks for.

use crate::amount::Rupiah;
use crate::error::Error;
use crate::invoice::MerchantInvoice;
use crate::phone::PhoneNumber;
use crate::terminal::Terminal;

/// One payment to push to a customer's phone.
#[derive(Clone, Debug)]
pub struct Charge {
    pub(super) invoice: MerchantInvoice,
    pub(super) amount: Rupiah,
    pub(super) phone: PhoneNumber,
    pub(super) terminal: Option<Terminal>,
    pub(super) allow_second_push: bool,
}

impl Charge {
    /// A charge of `amount` to the customer with `phone`, under an invoice of one's own (1 to 50
    /// characters out of `A-Z a-z 0-9 - _ . /`, never used before).
    ///
    /// ```
    /// use ovo_ptp::{Charge, Rupiah};
    ///
    /// // An invoice names an attempt: order 77, first try.
    /// let charge = Charge::new("ORDER-77-1", Rupiah::new(12_500)?, "+62 812-3456-7890".parse()?)?;
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the invoice breaks its rule.
    pub fn new(
        invoice: impl AsRef<str>,
        amount: Rupiah,
        phone: PhoneNumber,
    ) -> Result<Self, Error> {
        Ok(Charge {
            invoice: invoice.as_ref().parse()?,
            amount,
            phone,
            terminal: None,
            allow_second_push: false,
        })
    }

    /// The same charge on another terminal than the client's default.
    ///
    /// ```
    /// # fn example(charge: ovo_ptp::Charge) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Terminal;
    ///
    /// // A kiosk of the same merchant that has a terminal of its own at OVO.
    /// let charge = charge.terminal(Terminal::new("00000002", "000000000000001", "KIOSK01")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn terminal(self, terminal: Terminal) -> Self {
        Charge { terminal: Some(terminal), ..self }
    }

    /// The same charge even if this customer has a payment that is not settled yet. Without this
    /// it is refused, because both could be debited.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client, charge: ovo_ptp::Charge) -> Result<(), ovo_ptp::Error> {
    /// // The customer bought twice on purpose, and the cashier has asked.
    /// let outcome = client.pay(&charge.allow_second_push())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn allow_second_push(self) -> Self {
        Charge { allow_second_push: true, ..self }
    }
}
