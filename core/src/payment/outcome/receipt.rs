//! The proof of a paid payment, and what has become of it since.

use super::{CLOSED_BY_OPERATOR, Known};
use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::message::WalletDetails;
use crate::numbering::Numbers;
use crate::payment::{PaidWith, State, Void};

/// The proof of a paid payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub(super) invoice: MerchantInvoice,
    pub(super) amount: Rupiah,
    pub(super) numbers: Numbers,
    pub(super) approval_code: Option<String>,
    pub(super) trace_number: Option<String>,
    pub(super) host_date: Option<String>,
    pub(super) host_time: Option<String>,
    pub(super) late: bool,
    pub(super) voided: bool,
    pub(super) void_doubt: Option<VoidDoubt>,
    pub(super) paid_with: Box<PaidWith>,
    pub(super) wallet: Option<Box<WalletDetails>>,
    pub(super) known: Known,
}

impl Receipt {
    /// The invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }

    /// The amount debited.
    pub fn amount(&self) -> Rupiah {
        self.amount
    }

    /// Batch and reference.
    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// OVO's approval code; absent where its answer told none, or one that no code can be (with a blank in it).
    ///
    /// ```
    /// # fn example(receipt: &ovo_ptp::Receipt) {
    /// println!("OVO {} {}", receipt.approval_code().unwrap_or("-"), receipt.amount());
    /// # }
    /// ```
    pub fn approval_code(&self) -> Option<&str> {
        self.approval_code.as_deref()
    }

    /// OVO's trace number.
    pub fn trace_number(&self) -> Option<&str> {
        self.trace_number.as_deref()
    }

    /// OVO's date of the payment, `MMdd`.
    pub fn host_date(&self) -> Option<&str> {
        self.host_date.as_deref()
    }

    /// OVO's time of the payment, `HHmmss` WIB.
    pub fn host_time(&self) -> Option<&str> {
        self.host_time.as_deref()
    }

    /// Whether the success came from a status check (or an operator) instead of the push's answer.
    ///
    /// ```
    /// # fn example(receipt: &ovo_ptp::Receipt) {
    /// if receipt.is_late() {
    ///     println!("{} was paid; the answer was lost and found", receipt.invoice());
    /// }
    /// # }
    /// ```
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// Whether the payment has been voided since, as OVO acknowledged: it is no sale any more. It stays
    /// so where [`void_doubt`](Self::void_doubt) says that OVO's record shows something else.
    pub fn is_voided(&self) -> bool {
        self.voided
    }

    /// Why it is not known from here, in English, whether a void of it returned the money: it is under way,
    /// was left to an operator, was closed by one, or OVO's record shows none of one that it acknowledged
    /// ([fault VD6]). **Hand over nothing for such a payment**: somebody asked for its void. `None` where
    /// none was asked for, and as long as nothing speaks against how it ended.
    ///
    /// [fault VD6]: crate::manual::faults#vd-voids
    ///
    /// ```
    /// # fn example(receipt: &ovo_ptp::Receipt) {
    /// match receipt.void_doubt() {
    ///     Some(why) => println!("hand over nothing: {why}"),
    ///     None if receipt.is_voided() => println!("no sale; the customer has the money back"),
    ///     None => println!("hand over the goods"),
    /// }
    /// # }
    /// ```
    pub fn void_doubt(&self) -> Option<&'static str> {
        self.void_doubt.map(|doubt| match doubt {
            VoidDoubt::UnderWay => VOID_UNDER_WAY,
            VoidDoubt::Unknown => VOID_UNKNOWN,
            VoidDoubt::Contradicted => VOID_DOUBTED,
            VoidDoubt::Closed => CLOSED_BY_OPERATOR,
        })
    }

    /// How it was paid, as far as OVO told: kept with the payment, so that a receipt can be printed
    /// again.
    ///
    /// ```
    /// # fn example(receipt: &ovo_ptp::Receipt) {
    /// println!("OVO Cash {}", receipt.paid_with().cash.as_deref().unwrap_or("-"));
    /// println!("OVO Points {}", receipt.paid_with().points.as_deref().unwrap_or("-"));
    /// # }
    /// ```
    pub fn paid_with(&self) -> &PaidWith {
        &self.paid_with
    }

    /// The customer's wallet as OVO reported it: only in the outcome that the paying call itself
    /// returns, because it is personal data and never stored.
    ///
    /// ```
    /// # fn example(receipt: &ovo_ptp::Receipt) {
    /// // Print it, and do not keep it.
    /// if let Some(wallet) = receipt.wallet() {
    ///     println!("points earned: {}", wallet.points_earned.as_deref().unwrap_or("0"));
    /// }
    /// # }
    /// ```
    pub fn wallet(&self) -> Option<&WalletDetails> {
        self.wallet.as_deref()
    }

    pub(crate) fn set_wallet(&mut self, wallet: Option<WalletDetails>) {
        self.wallet = wallet.map(Box::new);
    }
}

/// Why it is not known whether the money went back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VoidDoubt {
    UnderWay,
    Unknown,
    Contradicted,
    Closed,
}

impl VoidDoubt {
    pub(super) fn of(state: &State) -> Option<VoidDoubt> {
        match state.void {
            Void::None | Void::Rejected(_) => None,
            Void::Sent | Void::Unknown | Void::Questioned(_) => Some(VoidDoubt::UnderWay),
            Void::Expired if state.is_closed_by_operator() => Some(VoidDoubt::Closed),
            Void::Expired => Some(VoidDoubt::Unknown),
            Void::Voided => (state.is_void_doubted() && !state.is_closed_by_operator())
                .then_some(VoidDoubt::Contradicted),
        }
    }
}

/// What [`Receipt::void_doubt`] says of a void whose end is not known yet.
pub const VOID_UNDER_WAY: &str = "its void is under way: how it ends is not known yet";
/// What it says of a void that was left to an operator.
pub const VOID_UNKNOWN: &str =
    "nobody knows whether its void was carried out: an operator finds out";
/// What it says of a void that OVO's record does not show.
pub const VOID_DOUBTED: &str =
    "OVO said that it was voided, and shows it as paid all the same: an operator finds out";
