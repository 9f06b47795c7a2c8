//! Customers: a balance and a way of behaving.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::phones;

/// One OVO account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The phone number, `08...`.
    pub phone: String,
    /// The account holder's name, as `fullName` shows it.
    #[serde(default = "demo_name")]
    pub name: String,
    /// OVO Cash, rupiah.
    pub cash: i64,
    /// OVO Points, rupiah. Spent before cash, so that `cashUsed` + `ovoPointsUsed` = `amount`
    /// (protocol 2.3) has two terms to test.
    #[serde(default)]
    pub points: i64,
    /// What the customer does, if it is not what the phone table says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<Behaviour>,
}

fn demo_name() -> String {
    "SANDBOX CUSTOMER".to_owned()
}

/// How an amount was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) cash: i64,
    pub(crate) points: i64,
}

/// All accounts. A number that is seen for the first time gets an account with the default
/// balance: tests need not announce every customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customers {
    accounts: BTreeMap<String, Customer>,
}

impl Customers {
    pub(crate) fn put(&mut self, customer: Customer) {
        self.accounts.insert(customer.phone.clone(), customer);
    }

    pub(crate) fn account(&mut self, phone: &str, default_cash: i64) -> &mut Customer {
        self.accounts.entry(phone.to_owned()).or_insert_with(|| Customer::new(phone, default_cash))
    }

    /// The customer's own behaviour, else (if nobody decides by hand) the phone table's.
    pub(crate) fn behaviour(&self, phone: &str, by_hand: bool) -> Option<Behaviour> {
        self.accounts.get(phone).and_then(|customer| customer.behaviour.clone()).or_else(|| {
            if by_hand { Some(Behaviour::ByHand {}) } else { phones::behaviour_of(phone) }
        })
    }

    /// An account as it is or would be made.
    pub(crate) fn get(&self, phone: &str, default_cash: i64) -> Customer {
        self.accounts.get(phone).cloned().unwrap_or_else(|| Customer::new(phone, default_cash))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Customer> {
        self.accounts.values()
    }

    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
    }
}

impl Customer {
    fn new(phone: &str, cash: i64) -> Customer {
        let name = demo_name();
        Customer { phone: phone.to_owned(), name, cash, points: 0, behaviour: None }
    }

    /// Takes `amount`, points first. `None`, and nothing taken, if the balance does not suffice.
    pub(crate) fn take(&mut self, amount: i64) -> Option<Taken> {
        if amount < 0 || self.cash.checked_add(self.points)? < amount {
            return None;
        }
        let points = self.points.min(amount);
        let taken = Taken { cash: amount - points, points };
        self.cash -= taken.cash;
        self.points -= taken.points;
        Some(taken)
    }

    /// Gives back what was taken, to the purse it came from.
    pub(crate) fn give_back(&mut self, taken: Taken) {
        // Whoever set the balance may have set the largest there is.
        self.cash = self.cash.saturating_add(taken.cash);
        self.points = self.points.saturating_add(taken.points);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spent_first_and_a_refund_restores_both_purses() {
        let mut customers = Customers::default();
        let customer = customers.account("081234567890", 10_000);
        customer.points = 3_000;
        let taken = customer.take(12_500).unwrap();
        assert_eq!(taken, Taken { cash: 9_500, points: 3_000 });
        assert_eq!((customer.cash, customer.points), (500, 0));
        assert_eq!(customer.take(501), None);
        customer.give_back(taken);
        assert_eq!((customer.cash, customer.points), (10_000, 3_000));
    }
}
