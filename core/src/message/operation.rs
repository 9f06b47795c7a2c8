//! The six operations ([protocol 2]).
//!
//! [protocol 2]: crate::manual::protocol#2-operations

/// What is asked of OVO. One path (`/pos`) serves all six; the pair of message type and
/// processing code tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    /// Push a payment prompt to the customer's app and wait for the answer.
    PushToPay,
    /// Return whatever an unanswered push may have taken.
    Reversal,
    /// Cancel a payment that was answered as paid, whole, on the same WIB day.
    Void,
    /// Ask what became of a push.
    CheckPayment,
    /// Ask what became of a void.
    CheckVoid,
    /// Ask whether a phone number has an OVO account.
    Inquiry,
}

impl Operation {
    /// All six, in the order of [protocol 2].
    ///
    /// [protocol 2]: crate::manual::protocol#2-operations
    pub const ALL: [Operation; 6] = [
        Operation::PushToPay,
        Operation::Reversal,
        Operation::Void,
        Operation::CheckPayment,
        Operation::CheckVoid,
        Operation::Inquiry,
    ];

    /// The request's message type indicator.
    pub fn request_type(self) -> &'static str {
        match self {
            Operation::PushToPay | Operation::Void => "0200",
            Operation::Reversal => "0400",
            Operation::CheckPayment | Operation::CheckVoid | Operation::Inquiry => "0100",
        }
    }

    /// The response's message type indicator.
    pub fn response_type(self) -> &'static str {
        match self {
            Operation::PushToPay | Operation::Void => "0210",
            Operation::Reversal => "0410",
            Operation::CheckPayment | Operation::CheckVoid | Operation::Inquiry => "0110",
        }
    }

    /// The processing code, the same in request and response.
    pub fn processing_code(self) -> &'static str {
        match self {
            Operation::PushToPay | Operation::Reversal | Operation::CheckPayment => "040000",
            Operation::Void | Operation::CheckVoid => "020040",
            Operation::Inquiry => "050000",
        }
    }

    /// The operation that a request's type and processing code name, if any.
    pub fn from_request(message_type: &str, processing_code: &str) -> Option<Operation> {
        Operation::ALL.into_iter().find(|operation| {
            operation.request_type() == message_type
                && operation.processing_code() == processing_code
        })
    }

    /// A short English name for logs and events.
    pub fn name(self) -> &'static str {
        match self {
            Operation::PushToPay => "push to pay",
            Operation::Reversal => "reversal",
            Operation::Void => "void",
            Operation::CheckPayment => "check payment",
            Operation::CheckVoid => "check void",
            Operation::Inquiry => "inquiry",
        }
    }

    /// Whether the request itself can move money: such a request never shares a connection with
    /// another and is never resent by the transport ([protocol 1.4]).
    ///
    /// [protocol 1.4]: crate::manual::protocol#14-how-it-is-carried
    pub fn moves_money(self) -> bool {
        matches!(self, Operation::PushToPay | Operation::Reversal | Operation::Void)
    }
}
