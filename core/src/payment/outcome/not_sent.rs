//! Nothing left, and why.

use super::Known;
use crate::invoice::MerchantInvoice;

/// Not one byte of the push left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotSent {
    pub(super) invoice: MerchantInvoice,
    pub(super) why: Option<(NotSentReason, String)>,
    pub(super) known: Known,
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
