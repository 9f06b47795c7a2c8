//! What a caller is told. Derived from the durable row alone, so that all tells about one payment
//! agree ([policy 2.9], I5).
//!
//! [policy 2.9]: crate::manual::policy#29-invariants

mod decline;
mod not_completed;
mod not_sent;
mod receipt;

pub use decline::Decline;
use not_completed::ByHand;
pub use not_completed::{CLOSED_BY_OPERATOR, LEFT_TO_CHECKS, NotCompleted, WAITS_FOR_OPERATOR};
pub use not_sent::{NotSent, NotSentReason};
use receipt::VoidDoubt;
pub use receipt::{Receipt, VOID_DOUBTED, VOID_UNDER_WAY, VOID_UNKNOWN};

use crate::invoice::MerchantInvoice;
use crate::message::Language;
use crate::message::response_code::CustomerText;
use crate::numbering::Numbers;
use crate::payment::{Closer, Payment, Reversal, Settlement, Source, State, Verdict, Void};

/// How a payment ended, as far as its caller is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The customer is debited, and stays debited. Hand over the goods, unless it was
    /// [voided](Receipt::is_voided) since, or its [void is in doubt](Receipt::void_doubt).
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
                void_doubt: VoidDoubt::of(&payment.state),
                paid_with: Box::new(payment.evidence.paid_with.clone()),
                wallet: None,
                known,
            }),
            Verdict::Declined(reason) => Outcome::Declined(Decline {
                invoice,
                reason,
                may_still_debit: payment.state.may_still_debit(),
                contradicted: payment.state.needs_operator(),
                known,
            }),
            Verdict::Abandoned => not_completed(invoice, &payment.state, known),
            Verdict::NotSent => Outcome::NotSent(NotSent { invoice, why: None, known }),
            Verdict::Quarantined => Outcome::NeedsOperator(NeedsOperator {
                invoice,
                numbers: payment.intent.numbers,
                duplicate: payment.state.duplicate_hint,
                closed: payment.state.is_closed_by_operator(),
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
            Outcome::Paid(receipt) => match receipt.void_doubt {
                // Neither a sale nor returned, as far as anybody knows.
                Some(VoidDoubt::UnderWay) => CustomerText::Unclear,
                // Nothing promises that the money went back.
                Some(_) => CustomerText::ByHand,
                None if receipt.voided => CustomerText::Voided,
                None => CustomerText::Paid,
            },
            Outcome::Declined(decline) => return decline.customer_text(language),
            Outcome::NotCompleted(open) if open.by_hand == Some(ByHand::Asked) => {
                CustomerText::Unclear
            }
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

fn is_closed_by_policy(state: &State) -> bool {
    matches!(state.settlement, Settlement::Closed { by: Closer::Policy, .. })
}

fn not_completed(invoice: MerchantInvoice, state: &State, known: Known) -> Outcome {
    Outcome::NotCompleted(NotCompleted {
        invoice,
        // A look behind it may have been contradictory.
        refund_settled: !state.is_listed() && is_closed_by_policy(state),
        late_paid: state.late_paid,
        cancelled: state.cancelled,
        by_hand: ByHand::of(state),
        known,
    })
}

/// Where the settlement of a payment stands, for lists and operators.
pub(crate) fn settlement_name(payment: &Payment) -> &'static str {
    let state = &payment.state;
    match (state.verdict, state.settlement) {
        _ if state.settlement == Settlement::WithOperator => "waits for an operator",
        (None, _) => "waiting for the answer",
        (Some(Verdict::Accepted(_)), settlement) => match (state.void, settlement) {
            (Void::Sent | Void::Unknown | Void::Questioned(_), _) => "void under way",
            _ if state.is_listed() => "waits for an operator",
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
        (_, Settlement::Closed { .. }) if state.is_listed() => "waits for an operator",
        (_, Settlement::Closed { .. }) => "settled",
        (_, Settlement::Open(Reversal::Needed)) => "reversal under way",
        (_, Settlement::Open(Reversal::Acknowledged(_))) => "reversed, to be verified",
        (_, _) => "to be verified",
    }
}
