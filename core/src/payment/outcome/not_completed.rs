//! No usable answer in time: what is returned by itself, and what people see to.

use super::Known;
use crate::invoice::MerchantInvoice;
use crate::payment::{Closer, Settlement, State};

/// No usable answer came in time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotCompleted {
    pub(super) invoice: MerchantInvoice,
    pub(super) refund_settled: bool,
    pub(super) late_paid: bool,
    pub(super) cancelled: bool,
    pub(super) by_hand: Option<ByHand>,
    pub(super) known: Known,
}

impl NotCompleted {
    /// The invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }

    /// Whether the merchant gave the payment up, before its time was over.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Whether OVO's record is settled: reversed, and verified not to be debited. Where the contract has
    /// no status checks, or OVO stopped answering them, OVO's acknowledgement behind 60 s + D is all that
    /// is known: [`explain`](crate::Client::explain) says so.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client, invoice: &ovo_ptp::MerchantInvoice) -> Result<(), ovo_ptp::Error> {
    /// use ovo_ptp::Outcome;
    ///
    /// // Some minutes later.
    /// if let Some(Some(Outcome::NotCompleted(open))) = client.payment(invoice)?.map(|it| it.outcome) {
    ///     println!("nothing is left at OVO: {}", open.is_refund_settled());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_refund_settled(&self) -> bool {
        self.refund_settled
    }

    /// Whether there is evidence that the customer had been debited.
    pub fn was_debited(&self) -> bool {
        self.late_paid
    }

    /// Why nothing goes back by itself any more, in English: the payment waits for an operator, one closed it,
    /// or the journal cannot vouch for itself and OVO is asked first. `None` as long as the policy sees to it,
    /// and where it has.
    pub fn reason(&self) -> Option<&'static str> {
        self.by_hand.map(|by_hand| match by_hand {
            ByHand::Asked => LEFT_TO_CHECKS,
            ByHand::Waits => WAITS_FOR_OPERATOR,
            ByHand::Closed => CLOSED_BY_OPERATOR,
        })
    }
}

/// What [`NotCompleted::reason`] says of a payment that OVO is asked about because the journal cannot vouch for itself.
pub const LEFT_TO_CHECKS: &str =
    "its journal cannot vouch for itself: OVO is asked, and nothing is returned by itself";
/// What [`NotCompleted::reason`] says of a payment that waits for an operator.
pub const WAITS_FOR_OPERATOR: &str =
    "it waits for an operator: nothing is returned by itself any more";
/// What [`NotCompleted::reason`] and [`NeedsOperator::reason`](super::NeedsOperator::reason) say of one that an operator closed.
pub const CLOSED_BY_OPERATOR: &str = "an operator closed it: it was dealt with by hand";

/// A payment of which the policy returns nothing by itself any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByHand {
    Asked,
    Waits,
    Closed,
}

impl ByHand {
    pub(super) fn of(state: &State) -> Option<ByHand> {
        match state.settlement {
            Settlement::Closed { by: Closer::Operator, .. } => Some(ByHand::Closed),
            Settlement::WithOperator => Some(ByHand::Waits),
            // A look behind it was contradictory.
            Settlement::Closed { .. } if state.is_listed() => Some(ByHand::Waits),
            Settlement::Open(_) if state.doubted => Some(ByHand::Asked),
            Settlement::Open(_) | Settlement::Closed { .. } => None,
        }
    }
}
