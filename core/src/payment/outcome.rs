//! What a caller is told. Derived from the durable row alone, so that all tells about one payment
//! agree ([policy 2.9], I5).
//!
//! [policy 2.9]: crate::manual::policy#29-invariants

use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::message::response_code::CustomerText;
use crate::message::{Class, Language, ResponseCode, WalletDetails};
use crate::numbering::Numbers;
use crate::payment::{
    Closer, DeclineReason, PaidWith, Payment, Reversal, Settlement, Source, State, Verdict, Void,
};

/// How a payment ended, as far as its caller is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The customer is debited, and stays debited. Hand over the goods.
    Paid(Receipt),
    /// OVO refused. Show the text.
    Declined(Decline),
    /// No usable answer in time. Tell the customer that any deduction is returned: the reversal
    /// goes on, in the background or with `settle`, until OVO's record is settled, unless its
    /// [`reason`](NotCompleted::reason) says that an operator sees to it.
    NotCompleted(NotCompleted),
    /// Not one byte of the push left. Try again, with a new invoice.
    NotSent(NotSent),
    /// The evidence contradicts itself. No money is moved automatically; call support.
    NeedsOperator(NeedsOperator),
    /// The client was closed while the payment was under way, or its journal took no answer in
    /// time. Nothing is decided and nothing is lost: ask again with the same invoice, after a close
    /// from a client on the same journal. There is nothing to acknowledge.
    Interrupted(Interrupted),
}

impl Outcome {
    /// The outcome of a payment, `None` as long as it has no verdict.
    pub fn of(payment: &Payment) -> Option<Outcome> {
        let invoice = payment.intent.invoice.clone();
        let known = Known(true);
        Some(match payment.state.verdict? {
            Verdict::Accepted(source) => Outcome::Paid(Receipt {
                invoice,
                amount: payment.intent.amount,
                numbers: payment.intent.numbers,
                approval_code: payment.evidence.approval_code.clone(),
                trace_number: payment.evidence.trace_number.clone(),
                host_date: payment.evidence.host_date.clone(),
                host_time: payment.evidence.host_time.clone(),
                late: source != Source::Push,
                voided: payment.state.void == Void::Voided,
                void_doubted: payment.state.is_void_doubted(),
                paid_with: Box::new(payment.evidence.paid_with.clone()),
                wallet: None,
                known,
            }),
            Verdict::Declined(reason) => Outcome::Declined(Decline {
                invoice,
                reason,
                may_still_debit: payment.state.may_still_debit(),
                known,
            }),
            Verdict::Abandoned => Outcome::NotCompleted(NotCompleted {
                invoice,
                refund_settled: matches!(
                    payment.state.settlement,
                    Settlement::Closed { by: Closer::Policy, .. }
                ),
                late_paid: payment.state.late_paid,
                cancelled: payment.state.cancelled,
                by_hand: ByHand::of(&payment.state),
                known,
            }),
            Verdict::NotSent => Outcome::NotSent(NotSent { invoice, why: None, known }),
            Verdict::Quarantined => Outcome::NeedsOperator(NeedsOperator {
                invoice,
                numbers: payment.intent.numbers,
                duplicate: payment.state.duplicate_hint,
                closed: ByHand::of(&payment.state) == Some(ByHand::Closed),
                known,
            }),
        })
    }

    /// Of a payment whose call did not come to its end: it may have pushed, and nothing is decided.
    pub fn interrupted(invoice: MerchantInvoice) -> Outcome {
        Outcome::Interrupted(Interrupted { invoice, known: Known(false) })
    }

    /// The same, as somebody is told whose call found the payment in the journal, or began it.
    pub(crate) fn known(mut self, was_known: bool) -> Outcome {
        *self.mark() = Known(was_known);
        self
    }

    fn mark(&mut self) -> &mut Known {
        match self {
            Outcome::Paid(receipt) => &mut receipt.known,
            Outcome::Declined(decline) => &mut decline.known,
            Outcome::NotCompleted(open) => &mut open.known,
            Outcome::NeedsOperator(operator) => &mut operator.known,
            Outcome::NotSent(not_sent) => &mut not_sent.known,
            Outcome::Interrupted(interrupted) => &mut interrupted.known,
        }
    }

    /// The invoice of the payment.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client, outcome: &ovo_ptp::Outcome) -> Result<(), ovo_ptp::Error> {
    /// client.acknowledge(outcome.invoice())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn invoice(&self) -> &MerchantInvoice {
        match self {
            Outcome::Paid(receipt) => &receipt.invoice,
            Outcome::Declined(decline) => &decline.invoice,
            Outcome::NotCompleted(open) => &open.invoice,
            Outcome::NeedsOperator(operator) => &operator.invoice,
            Outcome::NotSent(not_sent) => &not_sent.invoice,
            Outcome::Interrupted(interrupted) => &interrupted.invoice,
        }
    }

    /// Whether the payment was in the journal before the call that returned this: **that call pushed
    /// nothing**. False only in what [`pay`](crate::Client::pay), `pay_with` and a handle of
    /// [`start`](crate::Client::start) tell of a payment that they began themselves; whoever joined,
    /// took up or looked up one was told from the journal. Outcomes that differ in nothing else are
    /// equal.
    ///
    /// ```
    /// # fn example(client: &ovo_ptp::Client, charge: &ovo_ptp::Charge) -> Result<(), ovo_ptp::Error> {
    /// let outcome = client.pay(charge)?;
    /// if outcome.was_known() {
    ///     println!("{} is not new: nothing was pushed, this is how it ended", outcome.invoice());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn was_known(&self) -> bool {
        let Known(was_known) = match self {
            Outcome::Paid(receipt) => receipt.known,
            Outcome::Declined(decline) => decline.known,
            Outcome::NotCompleted(open) => open.known,
            Outcome::NeedsOperator(operator) => operator.known,
            Outcome::NotSent(not_sent) => not_sent.known,
            Outcome::Interrupted(interrupted) => interrupted.known,
        };
        was_known
    }

    /// Whether the customer is debited and the goods may be handed over.
    ///
    /// ```
    /// # fn example(outcome: &ovo_ptp::Outcome) {
    /// if outcome.is_paid() {
    ///     println!("hand over the goods");
    /// }
    /// # }
    /// ```
    pub fn is_paid(&self) -> bool {
        matches!(self, Outcome::Paid(_))
    }

    /// The outcome in one or two words.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Paid(_) => "paid",
            Outcome::Declined(_) => "declined",
            Outcome::NotCompleted(_) => "not completed",
            Outcome::NotSent(_) => "not sent",
            Outcome::NeedsOperator(_) => "needs operator",
            Outcome::Interrupted(_) => "interrupted",
        }
    }

    /// What the till shows the customer.
    ///
    /// ```
    /// # fn example(outcome: &ovo_ptp::Outcome) {
    /// use ovo_ptp::Language;
    ///
    /// println!("{}", outcome.customer_text(Language::Indonesian));
    /// # }
    /// ```
    pub fn customer_text(&self, language: Language) -> &'static str {
        let text = match self {
            // Nothing promises that the money went back.
            Outcome::Paid(receipt) if receipt.void_doubted => CustomerText::ByHand,
            Outcome::Paid(receipt) if receipt.voided => CustomerText::Voided,
            Outcome::Paid(_) => CustomerText::Paid,
            Outcome::Declined(decline) => return decline.customer_text(language),
            Outcome::NotCompleted(open) if open.by_hand.is_some() => CustomerText::ByHand,
            Outcome::NotCompleted(open) if open.cancelled => CustomerText::GivenUp,
            Outcome::NotCompleted(_) => CustomerText::TimedOut,
            Outcome::NotSent(_) => CustomerText::Generic,
            Outcome::NeedsOperator(operator) if operator.closed => CustomerText::ByHand,
            // The customer may be debited: nothing may invite a second payment.
            Outcome::NeedsOperator(_) | Outcome::Interrupted(_) => CustomerText::Unclear,
        };
        text.in_language(language)
    }
}

/// The proof of a paid payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    invoice: MerchantInvoice,
    amount: Rupiah,
    numbers: Numbers,
    approval_code: Option<String>,
    trace_number: Option<String>,
    host_date: Option<String>,
    host_time: Option<String>,
    late: bool,
    voided: bool,
    void_doubted: bool,
    paid_with: Box<PaidWith>,
    wallet: Option<Box<WalletDetails>>,
    known: Known,
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

/// Why OVO refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decline {
    invoice: MerchantInvoice,
    reason: DeclineReason,
    may_still_debit: bool,
    known: Known,
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
            Some(code) => code.customer_text(language),
            None => CustomerText::Generic.in_language(language),
        }
    }

    /// Whether a new attempt, with a new invoice, can succeed, and cannot debit the customer twice:
    /// behind code 26 that is not so before 60 s + D, as long as the prompt may still be found.
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
            && self.code().and_then(ResponseCode::entry).is_none_or(|entry| entry.new_attempt)
    }
}

/// No usable answer came in time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotCompleted {
    invoice: MerchantInvoice,
    refund_settled: bool,
    late_paid: bool,
    cancelled: bool,
    by_hand: Option<ByHand>,
    known: Known,
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

    /// Why nothing goes back by itself any more, in English: the payment waits for an operator, or one
    /// closed it. `None` as long as the policy sees to it, and where it has.
    pub fn reason(&self) -> Option<&'static str> {
        self.by_hand.map(|by_hand| match by_hand {
            ByHand::Waits => WAITS_FOR_OPERATOR,
            ByHand::Closed => CLOSED_BY_OPERATOR,
        })
    }
}

/// What [`NotCompleted::reason`] says of a payment that waits for an operator.
pub const WAITS_FOR_OPERATOR: &str =
    "it waits for an operator: nothing is returned by itself any more";
/// What [`NotCompleted::reason`] and [`NeedsOperator::reason`] say of one that an operator closed.
pub const CLOSED_BY_OPERATOR: &str = "an operator closed it: it was dealt with by hand";

/// What [`Receipt::void_doubt`] says of a void that OVO's record does not show.
pub const VOID_DOUBTED: &str =
    "OVO acknowledged its void and shows it as paid all the same: an operator finds out";

/// A payment of which the policy returns nothing by itself any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ByHand {
    Waits,
    Closed,
}

impl ByHand {
    fn of(state: &State) -> Option<ByHand> {
        match state.settlement {
            Settlement::Closed { by: Closer::Operator, .. } => Some(ByHand::Closed),
            Settlement::WithOperator => Some(ByHand::Waits),
            // A look behind it was contradictory.
            Settlement::Closed { .. } if state.listed => Some(ByHand::Waits),
            Settlement::Open(_) | Settlement::Closed { .. } => None,
        }
    }
}

/// Not one byte of the push left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotSent {
    invoice: MerchantInvoice,
    why: Option<(NotSentReason, String)>,
    known: Known,
}

impl NotSent {
    /// The invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }

    /// Why: only in the outcome that the paying call itself returns, because it is not stored.
    pub fn reason(&self) -> Option<NotSentReason> {
        self.why.as_ref().map(|(reason, _)| *reason)
    }

    /// The reason in one line of English, with what the network said: for logs and whoever mends
    /// the connection. `None` where there is no [`reason`](Self::reason).
    pub fn detail(&self) -> Option<&str> {
        self.why.as_ref().map(|(_, detail)| detail.as_str())
    }

    pub(crate) fn because(&mut self, why: Option<(NotSentReason, String)>) {
        self.why = why;
    }
}

/// Why not one byte of a push left.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NotSentReason {
    /// The host's name is not known: no network, or a wrong address.
    UnknownHost,
    /// No connection to the host, or to the proxy before it.
    NoConnection,
    /// The host could not prove who it is, does not take this client's certificate, or speaks no TLS:
    /// a certificate, a trust store, a clock.
    NotTrusted,
    /// Connecting took too long.
    TooSlow,
    /// The merchant cancelled before anything was sent.
    Cancelled,
    /// The client was closed before anything was sent.
    Closed,
    /// This process stood still too long, or another one took the payment over.
    Stopped,
}

impl NotSentReason {
    /// The reason in a word or two, the same in every language.
    pub fn name(self) -> &'static str {
        match self {
            NotSentReason::UnknownHost => "unknown host",
            NotSentReason::NoConnection => "no connection",
            NotSentReason::NotTrusted => "not trusted",
            NotSentReason::TooSlow => "too slow",
            NotSentReason::Cancelled => "cancelled",
            NotSentReason::Closed => "closed",
            NotSentReason::Stopped => "stopped",
        }
    }
}

/// The evidence contradicts itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeedsOperator {
    invoice: MerchantInvoice,
    numbers: Numbers,
    duplicate: bool,
    closed: bool,
    known: Known,
}

impl NeedsOperator {
    /// The invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }

    /// Batch and reference, which OVO's support will ask for.
    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Why, in English.
    ///
    /// ```
    /// # fn example(case: &ovo_ptp::NeedsOperator) {
    /// println!("{} ({}): {}", case.invoice(), case.numbers(), case.reason());
    /// # }
    /// ```
    pub fn reason(&self) -> &'static str {
        if self.closed {
            CLOSED_BY_OPERATOR
        } else if self.duplicate {
            "OVO says that the numbers were used before, or shows another sale under them: whose payment they name cannot be told"
        } else {
            "OVO's record of the payment is contradictory or too old"
        }
    }
}

/// Nothing is decided, and nothing is lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interrupted {
    invoice: MerchantInvoice,
    known: Known,
}

impl Interrupted {
    /// The invoice.
    pub fn invoice(&self) -> &MerchantInvoice {
        &self.invoice
    }
}

/// How somebody came by an outcome. It makes no difference between two: all who are told of one
/// payment are told the same (I5).
#[derive(Clone, Copy, Debug)]
struct Known(bool);

impl PartialEq for Known {
    fn eq(&self, _: &Known) -> bool {
        true
    }
}

impl Eq for Known {}

/// Where the settlement of a payment stands, for lists and operators.
pub(crate) fn settlement_name(payment: &Payment) -> &'static str {
    let state = &payment.state;
    match (state.verdict, state.settlement) {
        _ if state.settlement == Settlement::WithOperator => "waits for an operator",
        (None, _) => "waiting for the answer",
        (Some(Verdict::Accepted(_)), settlement) => match (state.void, settlement) {
            (Void::Sent | Void::Unknown | Void::Questioned(_), _) => "void under way",
            _ if state.listed => "waits for an operator",
            (Void::Voided, Settlement::Closed { by: Closer::Operator, .. }) if state.late_paid => {
                "closed by an operator"
            }
            (Void::Voided, _) => "voided",
            (Void::Expired, _) | (_, Settlement::Closed { by: Closer::Operator, .. }) => {
                "closed by an operator"
            }
            (Void::None, _) => "settled",
            (Void::Rejected(_), _) => "settled, void rejected",
        },
        (_, Settlement::Closed { by: Closer::Operator, .. }) => "closed by an operator",
        (_, Settlement::Closed { .. }) if state.listed => "waits for an operator",
        (_, Settlement::Closed { .. }) => "settled",
        (_, Settlement::Open(Reversal::Needed)) => "reversal under way",
        (_, Settlement::Open(Reversal::Acknowledged(_))) => "reversed, to be verified",
        (_, _) => "to be verified",
    }
}
