//! A till that stops itself with SIGSTOP at a step of its payment, whichever that is: the n-th moment of its
//! requests to OVO, or of its word to the cashier.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ovo_ptp::message::Operation;
use ovo_ptp::transport::{Exchange, HttpRequest, HttpsTransport, Transport, Watch};

use crate::till::stops;

/// The steps of one payment so far, and the one to stop at.
#[derive(Debug)]
pub(crate) struct Steps {
    invoice: String,
    at: u32,
    so_far: AtomicU32,
}

impl Steps {
    /// Counts from 1.
    pub(crate) fn new(invoice: &str, at: u32) -> Steps {
        Steps { invoice: invoice.to_owned(), at, so_far: AtomicU32::new(0) }
    }

    pub(crate) fn step(&self, name: &str) {
        if self.so_far.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            stops(name);
        }
    }
}

/// The real transport, with steps in the requests for one invoice. What the till settles for others has none.
pub(crate) struct Stepping {
    pub(crate) wire: HttpsTransport,
    pub(crate) steps: Arc<Steps>,
}

impl Transport for Stepping {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let invoice = self.steps.invoice.as_bytes();
        if !request.body.windows(invoice.len()).any(|bytes| bytes == invoice) {
            return self.wire.exchange(request, watch);
        }
        let stepped = Arc::new(Stepped {
            inner: Arc::clone(watch),
            steps: Arc::clone(&self.steps),
            operation: request.operation,
        });
        let as_watch: Arc<dyn Watch> = Arc::clone(&stepped) as _;
        let exchange = self.wire.exchange(request, &as_watch);
        stepped.step("is over");
        exchange
    }
}

struct Stepped {
    inner: Arc<dyn Watch>,
    steps: Arc<Steps>,
    operation: Operation,
}

impl Stepped {
    fn step(&self, moment: &str) {
        self.steps.step(&format!("{} {moment}", self.operation.name()));
    }
}

impl Watch for Stepped {
    fn connecting(&self) -> bool {
        self.inner.connecting()
    }

    fn connected(&self) {
        self.inner.connected();
    }

    fn may_send(&self) -> bool {
        self.step("before the look");
        let may = self.inner.may_send();
        self.step("before the write");
        may
    }

    fn sent(&self) {
        self.inner.sent();
        self.step("behind the write");
    }

    fn answering(&self) {
        self.inner.answering();
        self.step("with its answer");
    }

    fn wait(&self) -> Option<Duration> {
        self.inner.wait()
    }
}
