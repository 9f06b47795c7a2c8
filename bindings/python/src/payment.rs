//! A started payment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ovo_ptp::{Error, MerchantInvoice, Outcome, PaymentHandle};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answer::{Answer, outcome};
use crate::call::{SLICE, Wait, contained, waited_for};
use crate::error::{closed, forked, raise};
use crate::mailbox::{Mailbox, Watching};

/// Where the outcome comes from.
#[derive(Clone)]
enum Source {
    UnderWay(Arc<PaymentHandle>),
    /// The call that began it did not come back with a handle: only the journal knows more.
    Interrupted(MerchantInvoice),
}

impl Source {
    fn poll(&self) -> Option<Outcome> {
        match self {
            Source::UnderWay(handle) => handle.poll(),
            Source::Interrupted(invoice) => Some(Outcome::interrupted(invoice.clone())),
        }
    }

    /// `None`: however long it takes.
    fn wait(&self, timeout: Option<Duration>) -> Option<Outcome> {
        match (self, timeout) {
            (Source::UnderWay(handle), Some(timeout)) => handle.wait(timeout),
            (Source::UnderWay(handle), None) => Some(handle.outcome()),
            (Source::Interrupted(_), _) => self.poll(),
        }
    }

    fn cancel(&self) -> Result<Outcome, Error> {
        match self {
            Source::UnderWay(handle) => handle.cancel(),
            Source::Interrupted(invoice) => Ok(Outcome::interrupted(invoice.clone())),
        }
    }

    fn on_outcome(&self, told: impl FnOnce(&Outcome) + Send + 'static) {
        match self {
            Source::UnderWay(handle) => handle.on_outcome(told),
            Source::Interrupted(invoice) => told(&Outcome::interrupted(invoice.clone())),
        }
    }
}

/// See `ovo_ptp.client.StartedPayment`.
#[pyclass(frozen, module = "ovo_ptp._native")]
pub(crate) struct Payment {
    /// `None` once nobody cares for the outcome any more.
    source: Mutex<Option<Source>>,
    was_known: bool,
    watching: Watching,
    process: u32,
}

impl Payment {
    fn new(source: Source, watching: Watching) -> Payment {
        let was_known = matches!(&source, Source::UnderWay(handle) if handle.was_known());
        let (source, process) = (Mutex::new(Some(source)), std::process::id());
        Payment { source, was_known, watching, process }
    }

    pub(crate) fn under_way(handle: PaymentHandle, watching: Watching) -> Payment {
        Payment::new(Source::UnderWay(Arc::new(handle)), watching)
    }

    /// One that may have begun, and of which nothing else is known.
    pub(crate) fn interrupted(invoice: MerchantInvoice, watching: Watching) -> Payment {
        Payment::new(Source::Interrupted(invoice), watching)
    }

    fn source(&self, py: Python<'_>) -> PyResult<Source> {
        if std::process::id() != self.process {
            return Err(forked(py));
        }
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
        source.ok_or_else(|| closed(py))
    }
}

type Told<'py> = PyResult<Option<Bound<'py, PyDict>>>;

fn told<'py>(py: Python<'py>, outcome: Option<Outcome>) -> Told<'py> {
    outcome.map(|outcome| self::outcome(py, &outcome)).transpose()
}

#[pymethods]
impl Payment {
    /// A payment that may have begun before its client was closed.
    #[new]
    fn lost(py: Python<'_>, invoice: &str, mailbox: &Mailbox) -> PyResult<Payment> {
        let watching = Watching::new(&mailbox.letters, invoice);
        let invoice = invoice.parse().map_err(|error| raise(py, &error))?;
        Ok(Payment::interrupted(invoice, watching))
    }

    #[getter]
    fn invoice(&self) -> &str {
        self.watching.invoice()
    }

    /// Whether the payment was in the journal before the call that made this.
    #[getter]
    fn was_known(&self) -> bool {
        self.was_known
    }

    /// The outcome, if there is one.
    fn poll<'py>(&self, py: Python<'py>) -> Told<'py> {
        told(py, self.source(py)?.poll())
    }

    /// Waits for the outcome, at most `timeout` seconds.
    fn wait<'py>(&self, py: Python<'py>, timeout: Option<f64>, wait: i64) -> Told<'py> {
        let source = self.source(py)?;
        let timeout = timeout.and_then(|timeout| {
            // What does not fit (inf, or far beyond) is no limit; what is below zero is none at all.
            Duration::try_from_secs_f64(timeout.max(0.0)).ok()
        });
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let slice = match wait.into() {
                Wait::Watchful => Some(left.map_or(SLICE, |left| left.min(SLICE))),
                _ => left,
            };
            let outcome = py.detach(|| source.wait(slice));
            if outcome.is_some() || left.is_some_and(|left| left.is_zero()) {
                return told(py, outcome);
            }
            py.check_signals()?;
        }
    }

    /// Waits for a countdown with another number than `seen`: (number, phase, seconds), or `None`
    /// once there is an outcome.
    fn countdown(&self, py: Python<'_>, seen: u64) -> PyResult<Option<(u64, &'static str, f64)>> {
        let source = self.source(py)?;
        loop {
            if source.poll().is_some() {
                return Ok(None);
            }
            if let Some(now) = self.watching.letters().countdown(self.invoice()) {
                if now.number != seen {
                    return Ok(Some((now.number, now.phase, now.remaining.as_secs_f64())));
                }
            }
            py.detach(|| source.wait(Some(SLICE)));
            py.check_signals()?;
        }
    }

    /// Posts the outcome into the mailbox under this number when it is known.
    fn post_outcome(&self, py: Python<'_>, number: u64) -> PyResult<()> {
        let letters = Arc::clone(self.watching.letters());
        self.source(py)?.on_outcome(move |outcome| {
            letters.answer(number, Ok(Answer::Outcome(outcome.clone())));
        });
        Ok(())
    }

    /// Gives the payment up: the outcome that is durable then.
    fn cancel(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        let source = self.source(py)?;
        let invoice: MerchantInvoice = self.invoice().parse().map_err(|error| raise(py, &error))?;
        waited_for(py, self.watching.letters(), wait.into(), move || {
            let lost = Answer::Outcome(Outcome::interrupted(invoice));
            (contained(|| source.cancel().map(Answer::Outcome), Some(lost)), source)
        })
    }

    /// Nobody waits for the outcome any more. The payment goes on.
    fn release(&self) {
        if std::process::id() == self.process {
            let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(source);
        }
    }
}

impl Drop for Payment {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            if let Ok(source) = self.source.get_mut() {
                // Dropping it would take locks that the parent's threads may have held at the fork.
                std::mem::forget(source.take());
            }
        }
    }
}
