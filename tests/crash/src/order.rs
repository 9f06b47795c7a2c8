//! What is sold under an invoice. The invoice says it all, so a till that was killed needs no
//! memory of its own to ask for the same payment again.

use ovo_ptp::{Charge, Rupiah};

use crate::dice::Dice;

/// One order.
#[derive(Clone, Debug)]
pub struct Order {
    /// The invoice.
    pub invoice: String,
    /// Rupiah.
    pub amount: i64,
    /// The customer.
    pub phone: String,
    /// Whether the customer may be pushed although an earlier payment of theirs is open.
    pub in_any_case: bool,
    /// Whether it turns out to be the wrong item, once it is paid.
    pub regretted: bool,
}

/// Customers (see the sandbox's README): how many in a hundred, and how their number begins. The
/// last two digits are the seconds they take, or whatever the sandbox makes of them.
const CUSTOMERS: [(u64, &str); 16] = [
    (24, "0813000000"), // approves at once
    (14, "0812000001"), // approves after a while, or never
    (7, "0812000017"),  // cancels
    (2, "0812000026"),  // no prompt
    (2, "0812000051"),  // no money
    (3, "0812000068"),  // pending, never paid
    (4, "0812000069"),  // pending, then debited
    (5, "0812000090"),  // ignores the prompt
    (4, "0812000091"),  // the same, and no answer
    (13, "0812000092"), // debited, no answer
    (5, "0812000093"),  // debited, answered too late
    (4, "0812000095"),  // debited behind the session's end
    (4, "0812000096"),  // declined, yet debited
    (2, "0812000097"),  // system error
    (3, "0812000098"),  // system error, yet debited
    (4, "0812000099"),  // debited, and the connection closes
];

impl Order {
    /// The order of this invoice.
    pub fn of(invoice: &str) -> Order {
        let mut dice = Dice::of(invoice);
        let mut place = dice.below(100);
        let mut phone = CUSTOMERS[0].1;
        for (share, number) in CUSTOMERS {
            phone = number;
            match place.checked_sub(share) {
                Some(rest) => place = rest,
                None => break,
            }
        }
        Order {
            invoice: invoice.to_owned(),
            amount: 1_000 + i64::try_from(dice.below(500_000)).unwrap_or(0),
            phone: format!("{phone}{:02}", dice.below(100)),
            in_any_case: dice.one_in(2),
            regretted: dice.one_in(6),
        }
    }

    /// What the till asks OVO for.
    ///
    /// # Errors
    /// Never for an invoice that the journal took.
    pub fn charge(&self) -> Result<Charge, ovo_ptp::Error> {
        let charge = Charge::new(&self.invoice, Rupiah::new(self.amount)?, self.phone.parse()?)?;
        Ok(if self.in_any_case { charge.allow_second_push() } else { charge })
    }
}
