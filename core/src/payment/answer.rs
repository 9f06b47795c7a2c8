//! From a response to what it means for the payment ([policy 2.6], [policy 2.10]).
//!
//! | differences | push 00 | push, decline | check 00 / 73 | reversal 00 | void, check void 00 |
//! |---|---|---|---|---|---|
//! | none | approved | declined | paid / reversed | acknowledged | done |
//! | one | wait, check | wait, check | doubtful | acknowledged if a check follows | pending |
//! | two or more | wait, check | wait, check | another's sale | again | pending |
//!
//! [policy 2.6]: crate::manual::policy#26-what-an-answer-means
//! [policy 2.10]: crate::manual::policy#210-whose-answer-is-it

use std::time::Duration;

use crate::message::{
    Answers, Class, Echo, Identity, Mismatch, Operation, PaymentRef, Response, ResponseCode,
};

/// What came back for a push.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PushAnswer {
    /// `00`, and every field of the echo matches.
    Approved,
    /// A definite decline.
    Declined(ResponseCode),
    /// 94 or 40: the numbers were used before, by whom is not known.
    Duplicate(ResponseCode),
    /// `00` or a decline whose echo is not ours: unknown, and worth an alert.
    WrongEcho(Mismatch),
    /// Anything else, or nothing.
    Unknown,
}

/// What came back for a status check.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StatusAnswer {
    /// `00`, and it is this payment.
    Paid,
    /// `00`, but these numbers belong to another sale.
    ForeignSale,
    /// `00`, but whose it is cannot be told: a field is missing, or our own invoice stands beside
    /// another amount or phone.
    Doubtful,
    /// 25: OVO has no such payment.
    NotFound,
    /// 73: it was reversed.
    Reversed,
    /// 54: older than 7 days.
    TooOld,
    /// 58 or 96: the contract has no status check.
    Unavailable,
    /// 63, EB, BR: the set-up broke after the push. Asked again, with an alert.
    Misconfigured(ResponseCode),
    /// Not one byte left: the network is down, worth an early retry.
    NotSent,
    /// 68, another code, or nothing readable.
    NoAnswer,
}

/// What came back for a reversal. Only `00` is an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReversalAnswer {
    /// `00` with a matching address.
    Acknowledged,
    /// 63, EB, BR: the set-up broke after the push. Kept trying, with an alert.
    Misconfigured(ResponseCode),
    /// Not one byte left: the network is down, worth an early retry.
    NotSent,
    /// Anything else; the host may have asked for a pause (`Retry-After`).
    Again(Option<Duration>),
}

/// What came back for a void.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VoidAnswer {
    /// `00` with a matching echo.
    Voided,
    /// A definite refusal.
    Rejected(ResponseCode),
    /// Not one byte left.
    NotSent,
    /// Anything else, or nothing.
    Unknown,
}

/// What is known about a payment beside its fields when an answer to it is read.
pub struct Asked<'a> {
    /// What was asked about.
    pub payment: &'a PaymentRef<'a>,
    /// Whether the journal vouches for its numbers, and OVO never called them duplicate.
    pub vouched: bool,
    /// Whether OVO may have called them duplicate, and nobody listened: a success must then name the
    /// customer and the push's own time, too.
    pub unheard: bool,
    /// Whether OVO called the numbers duplicate: a success must then be of the push's own time, too.
    pub duplicate_hint: bool,
    /// Whether OVO has shown this payment as debited, under numbers that the journal vouches for.
    pub shown: bool,
    /// Whether a status check can follow (no reversal is the last word then).
    pub check_follows: bool,
    /// Whether the host's own time of the sale fits the push; `None` if it told none.
    pub same_time: Option<bool>,
    /// Whether a text is the invoice of another payment of this journal.
    pub is_another: &'a dyn Fn(&str) -> bool,
}

impl Asked<'_> {
    /// What `response`, the answer to `operation`, repeats of the payment.
    pub fn identity(&self, operation: Operation, response: &Response) -> Identity {
        Identity::of(response, operation, self.payment, self.is_another)
    }

    /// Whether the answer is of the push's own customer and time.
    fn same_sale(&self, identity: &Identity) -> bool {
        identity.repeats_phone() && self.same_time == Some(true)
    }

    /// Whether the answer names the payment: by its invoice, or by numbers that somebody vouches
    /// for.
    fn is_named(&self, identity: &Identity) -> bool {
        identity.names(self.vouched && (!self.unheard || self.same_sale(identity)))
    }
}

/// Whose sale an answer about a sale speaks of.
enum Whose {
    Ours,
    Unclear,
    Anothers,
}

fn whose(identity: &Identity, asked: &Asked<'_>) -> Whose {
    match identity.differences() {
        0 if asked.is_named(identity) => Whose::Ours,
        0 | 1 => Whose::Unclear,
        // Our own invoice beside other numbers is no other sale but a contradiction.
        _ if identity.invoice == Echo::Equal => Whose::Unclear,
        _ => Whose::Anothers,
    }
}

impl PushAnswer {
    /// Reads the answer to a push. The connection is the push's own; a decline may leave fields
    /// out, a success must name the payment.
    pub fn classify(response: &Response, asked: &Asked<'_>) -> PushAnswer {
        let identity = asked.identity(Operation::PushToPay, response);
        match (response.code.class(), identity.answers, identity.first_difference()) {
            // Whatever it repeats (perhaps the sale that had the numbers first, and was reversed): it
            // is a warning.
            (Class::Duplicate, ..) => PushAnswer::Duplicate(response.code),
            (_, Answers::Other(field), _) => PushAnswer::WrongEcho(field),
            (Class::Unknown, ..) => PushAnswer::Unknown,
            (.., Some(field)) => PushAnswer::WrongEcho(field),
            (Class::Declined | Class::Misconfigured, _, None) => {
                PushAnswer::Declined(response.code)
            }
            (Class::Approved, _, None) => {
                if identity.names(asked.vouched || asked.same_sale(&identity)) {
                    PushAnswer::Approved
                } else {
                    PushAnswer::WrongEcho(Mismatch::Invoice)
                }
            }
        }
    }
}

impl StatusAnswer {
    /// Reads the answer to a status check of a payment.
    pub fn classify(response: &Response, asked: &Asked<'_>) -> StatusAnswer {
        let identity = asked.identity(Operation::CheckPayment, response);
        if matches!(identity.answers, Answers::Other(_)) {
            return StatusAnswer::NoAnswer;
        }
        let in_time = !asked.duplicate_hint || asked.same_time == Some(true);
        match response.code.as_str() {
            code @ ("00" | "73") => match whose(&identity, asked) {
                Whose::Ours if in_time && code == "00" => StatusAnswer::Paid,
                Whose::Ours if in_time => StatusAnswer::Reversed,
                // A failure may repeat next to nothing.
                Whose::Unclear if code == "73" && asked.shown && identity.differences() == 0 => {
                    StatusAnswer::Reversed
                }
                Whose::Ours | Whose::Unclear => StatusAnswer::Doubtful,
                // Rule 11.
                Whose::Anothers => StatusAnswer::ForeignSale,
            },
            // "Not found" needs no echo; one that names another sale twice answers another question.
            "25" if identity.differences() < 2 => StatusAnswer::NotFound,
            "54" => StatusAnswer::TooOld,
            "58" | "96" => StatusAnswer::Unavailable,
            _ if response.code.class() == Class::Misconfigured => {
                StatusAnswer::Misconfigured(response.code)
            }
            _ => StatusAnswer::NoAnswer,
        }
    }

    /// Reads the answer to a question about a void. VI2 wants a success to be this void's: the
    /// sale's own 00, or a bare one, is none.
    pub fn classify_void(response: &Response, asked: &Asked<'_>) -> StatusAnswer {
        let identity = asked.identity(Operation::CheckVoid, response);
        if matches!(identity.answers, Answers::Other(_) | Answers::Sale) {
            return StatusAnswer::NoAnswer;
        }
        let told = identity.answers == Answers::Asked;
        match (response.code.as_str(), identity.differences()) {
            ("00", 0) if told && asked.is_named(&identity) => StatusAnswer::Paid,
            ("25", 0) => StatusAnswer::NotFound,
            ("54", _) => StatusAnswer::TooOld,
            ("58" | "96", _) => StatusAnswer::Unavailable,
            _ if response.code.class() == Class::Misconfigured => {
                StatusAnswer::Misconfigured(response.code)
            }
            _ => StatusAnswer::NoAnswer,
        }
    }
}

impl ReversalAnswer {
    /// Reads the answer to a reversal. An acknowledgement proves nothing by itself, so one that is
    /// not quite whole counts where a status check follows.
    pub fn classify(response: &Response, asked: &Asked<'_>) -> ReversalAnswer {
        let identity = asked.identity(Operation::Reversal, response);
        let answers = match identity.answers {
            Answers::Asked | Answers::Untold => true,
            Answers::Sale => asked.check_follows,
            Answers::Other(_) => false,
        };
        let whole = identity.differences() == 0 && asked.is_named(&identity);
        let good_enough = asked.check_follows && identity.differences() < 2;
        match response.code.class() {
            Class::Approved if answers && (whole || good_enough) => ReversalAnswer::Acknowledged,
            Class::Misconfigured if answers => ReversalAnswer::Misconfigured(response.code),
            _ => ReversalAnswer::Again(None),
        }
    }
}

impl VoidAnswer {
    /// Reads the answer to a void. A success must be whole; anything else is asked about.
    pub fn classify(response: &Response, asked: &Asked<'_>) -> VoidAnswer {
        let identity = asked.identity(Operation::Void, response);
        if matches!(identity.answers, Answers::Other(_) | Answers::Sale)
            || identity.differences() > 0
        {
            return VoidAnswer::Unknown;
        }
        let told = identity.answers == Answers::Asked;
        match response.code.class() {
            Class::Approved if told && asked.is_named(&identity) => VoidAnswer::Voided,
            Class::Approved => VoidAnswer::Unknown,
            Class::Declined | Class::Misconfigured => VoidAnswer::Rejected(response.code),
            // 25: OVO does not know the sale that it approved. Refused, for the operator to see.
            _ if response.code.as_str() == "25" => VoidAnswer::Rejected(response.code),
            _ => VoidAnswer::Unknown,
        }
    }
}
