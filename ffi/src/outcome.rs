//! Outcomes as C sees them: one flat struct that owns its texts, so that nothing must be freed.

use std::ffi::c_char;
use std::mem::size_of;

use ptp::message::{ResponseCode, WalletDetails};
use ptp::{MerchantInvoice, Outcome};

use crate::argument::{In, Sized32, place};
use crate::guard::value;
use crate::texts;
use crate::vocabulary::{class, kind_of, not_sent_reason, ovo_class, ovo_outcome_kind};

/// The customer's wallet as OVO reported it. Personal data: it is in the outcome of the paying
/// call alone, and never stored or logged. Texts longer than their field are cut at a whole
/// character. This struct never grows.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_wallet {
    /// Masked OVO id.
    pub ovo_id: [c_char; 64],
    /// The customer's name.
    pub full_name: [c_char; 128],
    /// OVO Cash used, rupiah as text.
    pub cash_used: [c_char; 24],
    /// OVO Cash left, rupiah as text.
    pub cash_balance: [c_char; 24],
    /// OVO Points used, as text.
    pub points_used: [c_char; 24],
    /// OVO Points left, as text.
    pub points_balance: [c_char; 24],
    /// OVO Points earned, as text.
    pub points_earned: [c_char; 24],
    /// For example `PUSH TO PAY`.
    pub payment_type: [c_char; 40],
}

/// How a payment ended. Begin with `OVO_OUTCOME_INIT`. Holds no pointer: copy it as you like,
/// there is nothing to free.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ovo_outcome {
    /// Size of this struct in bytes, set by `OVO_OUTCOME_INIT`.
    pub size: u32,
    /// An `ovo_outcome_kind`. `OVO_PENDING` as long as there is no outcome.
    pub kind: i32,
    /// The amount in rupiah; of a paid payment, else 0.
    pub amount: i64,
    /// The batch, 1 to 999999; of a paid one or one that needs an operator, else 0.
    pub batch: u32,
    /// The reference, 1 to 999999; as for the batch.
    pub reference: u32,
    /// Paid: 1 if a status check or an operator reported the success instead of the push's answer.
    pub late: i32,
    /// Paid: 1 if the payment has been voided since. It stays so where `reason` says that OVO's record
    /// shows something else.
    pub voided: i32,
    /// Declined: the code's `ovo_class`.
    pub response_class: i32,
    /// Declined: 1 if a new attempt, with a new invoice, can succeed.
    pub new_attempt: i32,
    /// Not completed: 1 if OVO's record is settled, so that the customer is certainly not debited.
    pub refund_settled: i32,
    /// Not completed: 1 if there is evidence that the customer had been debited.
    pub was_debited: i32,
    /// Paid: 1 if `wallet` is filled.
    pub has_wallet: i32,
    /// Not sent: an `ovo_not_sent_reason`.
    pub not_sent_reason: i32,
    /// Not completed: 1 if the merchant gave the payment up, before its time was over.
    pub cancelled: i32,
    /// 1 if the payment was in the journal before the call that told this, so that **the call pushed
    /// nothing**: of whatever was joined, taken up, looked up or listed. 0 only of `ovo_pay` and
    /// `ovo_pay_with` that began the payment themselves, and of the handle of such an `ovo_start`, also
    /// while it is `OVO_PENDING`.
    pub was_known: i32,
    /// The invoice.
    pub invoice: [c_char; 56],
    /// Declined: OVO's code, empty if the numbers turned out to belong to another sale.
    pub response_code: [c_char; 8],
    /// Paid: OVO's approval code, empty where its answer told none that can be read.
    pub approval_code: [c_char; 40],
    /// Paid: OVO's trace number, or empty.
    pub trace_number: [c_char; 40],
    /// Paid: OVO's date of the payment, `MMdd`, or empty.
    pub host_date: [c_char; 40],
    /// Paid: OVO's time of the payment, `HHmmss` WIB, or empty.
    pub host_time: [c_char; 40],
    /// Declined, not sent and needs operator: what happened, in English, for the log. Not completed: empty,
    /// or that nothing goes back by itself any more, because it waits for an operator, one closed it, or OVO
    /// is asked first in a journal that cannot vouch for itself.
    /// Paid: empty, or why it is not known whether a void returned the money: under way, left to an
    /// operator, closed by one, or acknowledged and not shown by OVO's record. Hand over nothing then.
    pub reason: [c_char; 128],
    /// Paid: the customer's wallet, if `has_wallet`. What a receipt shows again (cash and points used,
    /// points earned) is kept with the payment and stands here without that, too.
    pub wallet: ovo_wallet,
}

// SAFETY: repr(C), its size in front, numbers and characters only.
unsafe impl Sized32 for ovo_outcome {
    const SIZES: &'static [usize] = &[768];
}

const _: () = assert!(size_of::<ovo_wallet>() == 352);
impl ovo_wallet {
    const EMPTY: ovo_wallet = ovo_wallet {
        ovo_id: [0; 64],
        full_name: [0; 128],
        cash_used: [0; 24],
        cash_balance: [0; 24],
        points_used: [0; 24],
        points_balance: [0; 24],
        points_earned: [0; 24],
        payment_type: [0; 40],
    };

    fn of(details: &WalletDetails) -> ovo_wallet {
        let mut wallet = ovo_wallet::EMPTY;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        place(&mut wallet.ovo_id, &text(&details.ovo_id));
        place(&mut wallet.full_name, &text(&details.full_name));
        place(&mut wallet.cash_used, &text(&details.cash_used));
        place(&mut wallet.cash_balance, &text(&details.cash_balance));
        place(&mut wallet.points_used, &text(&details.points_used));
        place(&mut wallet.points_balance, &text(&details.points_balance));
        place(&mut wallet.points_earned, &text(&details.points_earned));
        place(&mut wallet.payment_type, &text(&details.payment_type));
        wallet
    }
}

impl ovo_outcome {
    pub(crate) fn empty(invoice: &MerchantInvoice) -> ovo_outcome {
        let mut empty = ovo_outcome {
            size: size_of::<ovo_outcome>() as u32,
            kind: ovo_outcome_kind::OVO_PENDING as i32,
            amount: 0,
            batch: 0,
            reference: 0,
            late: 0,
            voided: 0,
            response_class: ovo_class::OVO_CLASS_UNKNOWN as i32,
            new_attempt: 0,
            refund_settled: 0,
            was_debited: 0,
            has_wallet: 0,
            not_sent_reason: 0,
            cancelled: 0,
            was_known: 0,
            invoice: [0; 56],
            response_code: [0; 8],
            approval_code: [0; 40],
            trace_number: [0; 40],
            host_date: [0; 40],
            host_time: [0; 40],
            reason: [0; 128],
            wallet: ovo_wallet::EMPTY,
        };
        place(&mut empty.invoice, invoice.as_str());
        empty
    }

    /// A payment without an outcome is `OVO_PENDING`.
    pub(crate) fn of(invoice: &MerchantInvoice, outcome: Option<&Outcome>) -> ovo_outcome {
        let mut flat = ovo_outcome::empty(invoice);
        flat.kind = kind_of(outcome);
        flat.was_known = outcome.is_none_or(Outcome::was_known).into();
        match outcome {
            Some(Outcome::Paid(receipt)) => {
                flat.amount = receipt.amount().get();
                flat.batch = receipt.numbers().batch();
                flat.reference = receipt.numbers().reference();
                flat.late = receipt.is_late().into();
                flat.voided = receipt.is_voided().into();
                place(&mut flat.reason, receipt.void_doubt().unwrap_or(""));
                place(&mut flat.approval_code, receipt.approval_code().unwrap_or(""));
                place(&mut flat.trace_number, receipt.trace_number().unwrap_or(""));
                place(&mut flat.host_date, receipt.host_date().unwrap_or(""));
                place(&mut flat.host_time, receipt.host_time().unwrap_or(""));
                // Kept with the payment, so that its receipt can be printed again.
                let kept = receipt.paid_with();
                let kept_text = |text: &Option<String>| text.clone().unwrap_or_default();
                place(&mut flat.wallet.cash_used, &kept_text(&kept.cash));
                place(&mut flat.wallet.points_used, &kept_text(&kept.points));
                place(&mut flat.wallet.points_earned, &kept_text(&kept.points_earned));
                if let Some(wallet) = receipt.wallet() {
                    flat.has_wallet = 1;
                    flat.wallet = ovo_wallet::of(wallet);
                }
            }
            Some(Outcome::Declined(decline)) => {
                flat.response_class = class(decline.class());
                flat.new_attempt = decline.new_attempt_makes_sense().into();
                if let Some(code) = decline.code() {
                    place(&mut flat.response_code, code.as_str());
                }
                place(&mut flat.reason, decline.meaning());
            }
            Some(Outcome::NotCompleted(open)) => {
                flat.refund_settled = open.is_refund_settled().into();
                flat.was_debited = open.was_debited().into();
                flat.cancelled = open.is_cancelled().into();
                place(&mut flat.reason, open.reason().unwrap_or(""));
            }
            Some(Outcome::NotSent(not_sent)) => {
                flat.not_sent_reason = not_sent_reason(not_sent.reason());
                place(&mut flat.reason, not_sent.detail().unwrap_or(""));
            }
            Some(Outcome::NeedsOperator(operator)) => {
                flat.batch = operator.numbers().batch();
                flat.reference = operator.numbers().reference();
                place(&mut flat.reason, operator.reason());
            }
            _ => {}
        }
        flat
    }
}

/// Names an outcome in one or two words of English, for logs.
///
/// Parameters:
/// - `kind`: an `ovo_outcome_kind`; any other number is fine.
///
/// Returns: the name; `unknown` for a number that is none.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_outcome_name(kind: i32) -> *const c_char {
    value(texts::EMPTY, || {
        (match kind {
            _ if kind == ovo_outcome_kind::OVO_PENDING as i32 => c"pending",
            _ if kind == ovo_outcome_kind::OVO_PAID as i32 => c"paid",
            _ if kind == ovo_outcome_kind::OVO_DECLINED as i32 => c"declined",
            _ if kind == ovo_outcome_kind::OVO_NOT_COMPLETED as i32 => c"not completed",
            _ if kind == ovo_outcome_kind::OVO_NOT_SENT as i32 => c"not sent",
            _ if kind == ovo_outcome_kind::OVO_NEEDS_OPERATOR as i32 => c"needs operator",
            _ if kind == ovo_outcome_kind::OVO_INTERRUPTED as i32 => c"interrupted",
            _ => c"unknown",
        })
        .as_ptr()
    })
}

/// What the till shows the customer at the end of a payment.
///
/// Parameters:
/// - `outcome`: an outcome that this library filled; stays the caller's.
/// - `language`: an `ovo_language`.
///
/// Returns: the text in UTF-8; an empty text if an argument is wrong or there is no outcome yet.
///
/// Memory: the text is constant and never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_customer_text(outcome: In<ovo_outcome>, language: i32) -> *const c_char {
    value(texts::EMPTY, || {
        let Ok(outcome) = outcome.read("outcome") else { return texts::EMPTY };
        texts::of_outcome(&outcome, language)
    })
}

impl ovo_outcome {
    /// The response code, if there is one.
    pub(crate) fn code(&self) -> Option<ResponseCode> {
        let bytes: Vec<u8> = self
            .response_code
            .iter()
            .map(|character| *character as u8)
            .take_while(|byte| *byte != 0)
            .collect();
        std::str::from_utf8(&bytes).ok().and_then(ResponseCode::new)
    }
}
