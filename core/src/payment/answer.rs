//! From a response to what it means for the payment (`safety.md` b.6).

use std::time::Duration;

use crate::message::{Class, Mismatch, Operation, PaymentRef, Response, ResponseCode};

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

impl PushAnswer {
    /// Reads the answer to a push of `payment`.
    pub fn classify(response: &Response, payment: &PaymentRef<'_>) -> PushAnswer {
        if let Some(field) = response.contradicts_address(Operation::PushToPay, payment) {
            return PushAnswer::WrongEcho(field);
        }
        match response.code.class() {
            Class::Approved => {
                let echo = response
                    .verify_address(Operation::PushToPay, payment)
                    .and_then(|()| response.verify_payment(payment));
                match echo {
                    Ok(()) => PushAnswer::Approved,
                    Err(field) => PushAnswer::WrongEcho(field),
                }
            }
            // A decline of another sale says nothing about this one.
            Class::Declined | Class::Misconfigured if response.names_another_sale(payment) => {
                PushAnswer::WrongEcho(
                    response.verify_payment(payment).err().unwrap_or(Mismatch::Invoice),
                )
            }
            Class::Declined | Class::Misconfigured => PushAnswer::Declined(response.code),
            Class::Duplicate => PushAnswer::Duplicate(response.code),
            Class::Unknown => PushAnswer::Unknown,
        }
    }
}

impl StatusAnswer {
    /// Reads the answer to a status check of `payment`. `duplicate_hint` makes the reading of an
    /// identity stricter: then `same_time` must hold too (whether the host's own time of the sale
    /// fits this push; `None` if it gave none).
    pub fn classify(
        response: &Response,
        payment: &PaymentRef<'_>,
        duplicate_hint: bool,
        same_time: Option<bool>,
    ) -> StatusAnswer {
        if response.contradicts_address(Operation::CheckPayment, payment).is_some() {
            return StatusAnswer::NoAnswer;
        }
        match response.code.as_str() {
            // Rule 11. Our own invoice beside another amount is no other sale but a contradiction.
            "00" if response.names_another_sale(payment)
                && !response.repeats_our_invoice(payment) =>
            {
                StatusAnswer::ForeignSale
            }
            "00" => {
                let complete = response
                    .verify_address(Operation::CheckPayment, payment)
                    .and_then(|()| response.verify_payment(payment))
                    .is_ok();
                if complete && (!duplicate_hint || same_time == Some(true)) {
                    StatusAnswer::Paid
                } else {
                    StatusAnswer::Doubtful
                }
            }
            "25" => StatusAnswer::NotFound,
            "73" => StatusAnswer::Reversed,
            "54" => StatusAnswer::TooOld,
            "58" | "96" => StatusAnswer::Unavailable,
            _ if response.code.class() == Class::Misconfigured => {
                StatusAnswer::Misconfigured(response.code)
            }
            _ => StatusAnswer::NoAnswer,
        }
    }

    /// Reads the answer to a question about a void. Identity is not in doubt there: a void exists
    /// only for a payment that was verified as ours.
    pub fn classify_void(response: &Response, payment: &PaymentRef<'_>) -> StatusAnswer {
        if response.contradicts_address(Operation::CheckVoid, payment).is_some() {
            return StatusAnswer::NoAnswer;
        }
        match response.code.as_str() {
            "00" if response.names_another_sale(payment) => StatusAnswer::Doubtful,
            // A bare 00 may be anybody's: VI2 wants it to be this void's.
            "00" if response.verify_address(Operation::CheckVoid, payment).is_ok() => {
                StatusAnswer::Paid
            }
            "25" => StatusAnswer::NotFound,
            "54" => StatusAnswer::TooOld,
            "58" | "96" => StatusAnswer::Unavailable,
            _ if response.code.class() == Class::Misconfigured => {
                StatusAnswer::Misconfigured(response.code)
            }
            _ => StatusAnswer::NoAnswer,
        }
    }
}

impl ReversalAnswer {
    /// Reads the answer to a reversal of `payment`.
    pub fn classify(response: &Response, payment: &PaymentRef<'_>) -> ReversalAnswer {
        if response.contradicts_address(Operation::Reversal, payment).is_some() {
            return ReversalAnswer::Again(None);
        }
        match response.code.class() {
            Class::Approved
                if response.verify_address(Operation::Reversal, payment).is_ok()
                    && !response.names_another_sale(payment) =>
            {
                ReversalAnswer::Acknowledged
            }
            Class::Misconfigured => ReversalAnswer::Misconfigured(response.code),
            _ => ReversalAnswer::Again(None),
        }
    }
}

impl VoidAnswer {
    /// Reads the answer to a void of `payment`.
    pub fn classify(response: &Response, payment: &PaymentRef<'_>) -> VoidAnswer {
        if response.contradicts_address(Operation::Void, payment).is_some() {
            return VoidAnswer::Unknown;
        }
        match response.code.class() {
            Class::Approved => {
                let echo = response.verify_address(Operation::Void, payment);
                if echo.is_ok() && !response.names_another_sale(payment) {
                    VoidAnswer::Voided
                } else {
                    VoidAnswer::Unknown
                }
            }
            Class::Declined | Class::Misconfigured => VoidAnswer::Rejected(response.code),
            // 25: OVO does not know the sale that it approved. Refused, for the operator to see.
            _ if response.code.as_str() == "25" => VoidAnswer::Rejected(response.code),
            _ => VoidAnswer::Unknown,
        }
    }
}
