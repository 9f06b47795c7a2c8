//! What became of one payment, for whoever is asked: where the money is, why, what comes next, and
//! what to do. Made from the row and its history alone, so that every face tells the same.

mod advice;
mod json;
mod money;
mod page;
mod story;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use money::was_debited_behind_ruling;
pub use money::{Money, Next, NextStep};
pub use story::{Happened, Moment};

use crate::amount::Rupiah;
use crate::invoice::MerchantInvoice;
use crate::message::Language;
use crate::numbering::Numbers;
use crate::payment::{Outcome, Payment};
use crate::wib::WallTime;
use text::Words;

/// What became of one payment: structured, and in Indonesian and English. It holds nothing about
/// the person who paid.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The invoice.
    pub invoice: MerchantInvoice,
    /// The amount.
    pub amount: Rupiah,
    /// Batch and reference, which OVO's support asks for.
    pub numbers: Numbers,
    /// When it was begun.
    pub begun: WallTime,
    /// When this was asked for.
    pub asked: WallTime,
    /// What the cashier was told; `None` while there is no outcome.
    pub outcome: Option<Outcome>,
    /// Whether the caller has stored the outcome.
    pub acknowledged: bool,
    /// Whether nothing is left to do at OVO.
    pub settled: bool,
    /// Whether an operator must decide.
    pub needs_operator: bool,
    /// Where the money is.
    pub money: Money,
    /// What comes next by itself.
    pub next: Option<Next>,
    /// What happened, oldest first. Of a payment of 0.1.0 nothing but its beginning is known.
    pub story: Vec<Moment>,
    /// Steps that found no room in the history.
    pub left_out: u32,
    /// Why, and what to do, in Indonesian and in English.
    says: [Says; 2],
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Says {
    money: &'static str,
    why: String,
    cashier: &'static str,
    operator: &'static str,
}

impl Explanation {
    /// Explains a payment, as a row and its history have it. `asked` is now, by the wall clock.
    pub fn of(payment: &Payment, asked: WallTime) -> Explanation {
        let state = &payment.state;
        let money = Money::of(state);
        let says = [Language::Indonesian, Language::English].map(|language| Says {
            money: advice::money(payment, money, Words(language)),
            why: advice::why(payment, Words(language)),
            cashier: advice::cashier(payment, money, Words(language)),
            operator: advice::operator(payment, money, Words(language)),
        });
        Explanation {
            invoice: payment.intent.invoice.clone(),
            amount: payment.intent.amount,
            numbers: payment.intent.numbers,
            begun: payment.intent.wall,
            asked,
            outcome: Outcome::of(payment),
            acknowledged: state.acknowledged,
            settled: state.is_closed() && !state.void.is_open() && !state.needs_operator(),
            needs_operator: state.needs_operator(),
            money,
            next: Next::of(payment),
            story: story::story(payment),
            left_out: payment.history.left_out(),
            says,
        }
    }

    fn says(&self, language: Language) -> &Says {
        match language {
            Language::Indonesian => &self.says[0],
            Language::English => &self.says[1],
        }
    }

    /// Where the money is, in a sentence.
    pub fn money_text(&self, language: Language) -> &'static str {
        self.says(language).money
    }

    /// Why it is so.
    pub fn why(&self, language: Language) -> &str {
        &self.says(language).why
    }

    /// What the cashier does.
    pub fn cashier(&self, language: Language) -> &'static str {
        self.says(language).cashier
    }

    /// What an operator does.
    pub fn operator(&self, language: Language) -> &'static str {
        self.says(language).operator
    }
}
