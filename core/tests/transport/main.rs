//! The HTTPS transport against a host that misbehaves (groups N and B of the fault catalogue).
//!
//! What is judged is the phase: NotSent must be proven, NoAnswer must never look like an answer, and
//! an answer must be whole.

#![allow(clippy::unwrap_used)]

mod answers;
mod client_certificate;
mod host;
mod limits;
mod link;
mod mutated;
mod phases;
mod proxies;
mod secrets;
mod tls;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(crate) use host::signature;
use ovo_ptp::message::Signature;
use ovo_ptp::transport::{
    Exchange, Failure, FailureKind, HttpAnswer, HttpRequest, Transport, Unwatched, Watch,
};

pub(crate) const BODY: &[u8] = br#"{"type":"0200","phone":"081234567890"}"#;

pub(crate) fn request(sign: &(dyn Fn() -> Signature + Sync)) -> HttpRequest<'_> {
    let total_budget = Duration::from_secs(10);
    HttpRequest { body: BODY, total_budget, ..host::push(sign, Duration::from_secs(5)) }
}

/// One exchange with plenty of time.
pub(crate) fn exchange(transport: &impl Transport) -> Exchange {
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    transport.exchange(&request(&signature), &watch)
}

/// One exchange that ends within `total`; fails the test if it takes noticeably longer.
pub(crate) fn exchange_within(transport: &impl Transport, total: Duration) -> Exchange {
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let started = Instant::now();
    let result =
        transport.exchange(&HttpRequest { total_budget: total, ..request(&signature) }, &watch);
    let took = started.elapsed();
    assert!(took < total + Duration::from_secs(1), "{took:?} for a budget of {total:?}");
    result
}

pub(crate) fn not_sent(exchange: Exchange) -> Failure {
    match exchange {
        Exchange::NotSent(failure) => failure,
        other => panic!("expected NotSent: {other:?}"),
    }
}

pub(crate) fn no_answer(exchange: Exchange) -> Failure {
    match exchange {
        Exchange::NoAnswer(failure) => failure,
        other => panic!("expected NoAnswer: {other:?}"),
    }
}

pub(crate) fn answered(exchange: Exchange) -> HttpAnswer {
    match exchange {
        Exchange::Answered(answer) => answer,
        other => panic!("expected an answer: {other:?}"),
    }
}

/// A 200 with this body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Counts what the transport reports.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) connected: AtomicUsize,
    pub(crate) asked: AtomicUsize,
    pub(crate) sent: AtomicUsize,
    pub(crate) waits: AtomicUsize,
    pub(crate) forbid: bool,
    /// The wait that is answered with the end.
    pub(crate) stop_at: Option<usize>,
    pub(crate) slice: Option<Duration>,
}

impl Watch for Counting {
    fn connected(&self) {
        assert_eq!(self.asked.load(Ordering::SeqCst), 0);
        self.connected.fetch_add(1, Ordering::SeqCst);
    }

    fn may_send(&self) -> bool {
        assert_eq!(self.connected.load(Ordering::SeqCst), 1);
        assert_eq!(self.sent.load(Ordering::SeqCst), 0);
        self.asked.fetch_add(1, Ordering::SeqCst);
        !self.forbid
    }

    fn sent(&self) {
        assert_eq!(self.asked.load(Ordering::SeqCst), 1);
        assert_eq!(self.waits.load(Ordering::SeqCst), 0);
        self.sent.fetch_add(1, Ordering::SeqCst);
    }

    fn wait(&self) -> Option<Duration> {
        assert_eq!(self.sent.load(Ordering::SeqCst), 1);
        let wait = self.waits.fetch_add(1, Ordering::SeqCst) + 1;
        (Some(wait) != self.stop_at).then(|| self.slice.unwrap_or(Duration::from_secs(1)))
    }
}

/// Runs an exchange under a counting watch.
pub(crate) fn watched(transport: &impl Transport, watch: Counting) -> (Exchange, Arc<Counting>) {
    let watch = Arc::new(watch);
    let as_watch: Arc<dyn Watch> = watch.clone();
    (transport.exchange(&request(&signature), &as_watch), watch)
}

pub(crate) const MALFORMED: FailureKind = FailureKind::Malformed;
pub(crate) const BROKEN: FailureKind = FailureKind::Broken;
