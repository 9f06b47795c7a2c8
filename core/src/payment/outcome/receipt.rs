//! The proof of a paid payment, and what has become of it since.

use super::Known;
use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::message::WalletDetails;
use crate::numbering::Numbers;
use crate::payment::PaidWith;

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
    pub(super) void_doubted: bool,
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

    /// Why it is not known, in English, whether a void that OVO acknowledged returned the money. `None`
    /// as long as nothing speaks against it ([fault VD6]).
    ///
    /// [fault VD6]: crate::manual::faults#vd-voids
    ///
    /// ```
    /// # fn example(receipt: &ovo_ptp::Receipt) {
    /// if receipt.is_voided() {
    ///     println!("no sale; {}", receipt.void_doubt().unwrap_or("the customer has the money back"));
    /// }
    /// # }
    /// ```
    pub fn void_doubt(&self) -> Option<&'static str> {
        self.void_doubted.then_some(VOID_DOUBTED)
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

/// What [`Receipt::void_doubt`] says of a void that OVO's record does not show.
pub const VOID_DOUBTED: &str =
    "OVO acknowledged its void and shows it as paid all the same: an operator finds out";
