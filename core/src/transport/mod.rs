//! How a request travels. [`Transport`] is public: a terminal may bring its own modem.

#[cfg(feature = "https")]
mod chunked;
#[cfg(feature = "https")]
mod client_certificate;
#[cfg(feature = "https")]
mod connection;
#[cfg(feature = "https")]
mod deadline;
#[cfg(feature = "https")]
mod delivery;
#[cfg(feature = "https")]
mod endpoint;
#[cfg(feature = "https")]
mod http;
#[cfg(feature = "https")]
mod https;
#[cfg(feature = "https")]
mod proxy;
mod recorder;
#[cfg(feature = "https")]
mod resolver;
#[cfg(feature = "https")]
mod response;
mod route;
#[cfg(feature = "https")]
mod tcp;
#[cfg(feature = "https")]
mod trust;

use std::sync::Arc;
use std::time::Duration;

use crate::message::{Operation, Response, Signature};
use crate::wib::WallTime;

#[cfg(feature = "https")]
pub use client_certificate::ClientCertificate;
#[cfg(feature = "https")]
pub use https::{HttpsOptions, HttpsTransport};
#[cfg(feature = "https")]
pub use proxy::Proxy;
pub(crate) use recorder::Recorder;
pub use route::{Route, Validity};
#[cfg(feature = "https")]
pub use trust::Trust;

/// One request: the bytes, how they are signed, and how long it may take.
pub struct HttpRequest<'a> {
    /// The operation, for logs and for choosing a connection: one that
    /// [`moves_money`](Operation::moves_money) gets a fresh connection that serves nothing else.
    pub operation: Operation,
    /// The JSON body, to be sent byte for byte.
    pub body: &'a [u8],
    /// The `app-id` header.
    pub app_id: &'a str,
    /// Makes the `random` and `hmac` headers of this attempt, as old as the call. To be called with the
    /// connection ready: connecting may take long, and OVO may refuse a `random` that is old.
    pub sign: &'a (dyn Fn() -> Signature + Sync),
    /// Longest time for name resolution, connecting, TLS and writing together.
    pub send_budget: Duration,
    /// Longest time from the start of the exchange to the end of the answer.
    pub total_budget: Duration,
}

/// What the transport reports while an exchange is under way. All calls come on the thread that
/// runs the exchange.
pub trait Watch: Send + Sync {
    /// Asked every now and then while there is no connection yet: is the request still wanted?
    /// `false` gives it up; the exchange ends as [`Exchange::NotSent`].
    fn connecting(&self) -> bool {
        true
    }

    /// The connection is ready, TLS handshake included: the request could be written now. Told
    /// once, before [`may_send`](Self::may_send) is asked. A transport that does not tell it leaves
    /// a push as little time as if its connection had been ready when the payment began.
    fn connected(&self) {}

    /// Asked once, with the connection ready, immediately before the first byte is written.
    /// `false` means that nothing may be written; the exchange ends as [`Exchange::NotSent`].
    fn may_send(&self) -> bool {
        true
    }

    /// The last byte of the request was accepted by the TLS layer, now.
    fn sent(&self) {}

    /// Bytes of the answer have come; perhaps not all of it ever does.
    fn answering(&self) {}

    /// Called before every wait for the answer. The transport waits at most the returned time
    /// before it calls again; `None` ends the exchange as [`Exchange::NoAnswer`].
    fn wait(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

/// A watch that only waits.
pub struct Unwatched;

impl Watch for Unwatched {}

/// How an exchange ended. The three cases are the three phases that money cares about.
#[derive(Clone, PartialEq, Eq)]
pub enum Exchange {
    /// Proven: not one byte of the request was written. (A TLS handshake may have been.)
    NotSent(Failure),
    /// Bytes were written, perhaps all, and no whole answer came.
    NoAnswer(Failure),
    /// An HTTP answer, whatever its status.
    Answered(HttpAnswer),
}

/// Why an exchange failed: what to tell an operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// One line; never holds header or body bytes.
    pub message: String,
}

/// Kinds of transport failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureKind {
    /// The host name could not be resolved.
    Resolve,
    /// No TCP connection.
    Connect,
    /// TLS failed: certificate (the host's or ours), name, version, an alert, a record that was
    /// tampered with.
    Tls,
    /// [`Watch::connecting`], [`Watch::may_send`] or [`Watch::wait`] said stop.
    Stopped,
    /// Time ran out.
    Timeout,
    /// The connection broke.
    Broken,
    /// The answer is not HTTP, too large, or cut.
    Malformed,
}

#[cfg(feature = "https")]
/// Longest failure message: an error may quote what the host sent, such as the names in a
/// certificate, and a host may send much.
const MAX_MESSAGE: usize = 200;

#[cfg(feature = "https")]
/// A failure with a message of one short line.
fn failure(kind: FailureKind, message: impl std::fmt::Display) -> Failure {
    let message = message.to_string();
    let line = message.chars().map(|c| if c.is_control() { '?' } else { c }).take(MAX_MESSAGE);
    Failure { kind, message: line.collect() }
}

/// An HTTP answer.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The body, at most [`MAX_RESPONSE_BODY`](crate::message::MAX_RESPONSE_BODY) bytes.
    pub body: Vec<u8>,
    /// The server's `Date`, as Unix seconds, if it sent a valid one over TLS. Before 1970 and behind the
    /// year 9999 there is none.
    pub server_date: Option<i64>,
    /// `Retry-After` in seconds, if it was sent as a number.
    pub retry_after: Option<u32>,
}

impl HttpAnswer {
    /// OVO's answer, if this is one. A redirect (3xx) is none, whatever its body says: it comes from what
    /// stands before the payment host, and means that the answer is elsewhere ([protocol 3.1]).
    ///
    /// [protocol 3.1]: crate::manual::protocol#31-http-status
    pub(crate) fn response(&self) -> Option<Response> {
        let is_redirect = (300..400).contains(&self.status);
        if is_redirect { None } else { Response::read(&self.body).ok() }
    }

    /// The server's clock. What no `Date` can say is not one: a void is judged by it, and a transport of
    /// the merchant's own may have read it wrongly (B13).
    pub(crate) fn date(&self) -> Option<WallTime> {
        let millis = self.server_date.filter(|seconds| *seconds >= 0)?.checked_mul(1_000)?;
        Some(WallTime::from_unix_millis(millis)).filter(|date| date.unix_millis() == millis)
    }
}

impl std::fmt::Debug for Exchange {
    /// Sizes and codes only: bodies hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exchange::NotSent(failure) => write!(f, "not sent: {}", failure.message),
            Exchange::NoAnswer(failure) => write!(f, "no answer: {}", failure.message),
            Exchange::Answered(answer) => {
                write!(f, "HTTP {}, {} bytes", answer.status, answer.body.len())
            }
        }
    }
}

/// Carries requests to OVO. Many threads may call.
pub trait Transport: Send + Sync {
    /// Sends the request once and waits for its answer. Never resends, never follows a redirect.
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange;

    /// Goes to the host once, within `budget` and as long as [`Watch::connecting`] allows it, and tells
    /// of the way; asks nothing there. For [`Client::doctor`](crate::Client::doctor). `None`: nothing is
    /// known of it.
    fn inspect(&self, _budget: Duration, _watch: &Arc<dyn Watch>) -> Option<Route> {
        None
    }
}
