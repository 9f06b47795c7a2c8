//! A started payment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ovo_ptp::{Outcome, PaymentHandle};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answer::{Answer, outcome};
use crate::call::{SLICE, Wait};
use crate::error::{closed, forked};
use crate::mailbox::Letters;

/// See `ovo_ptp.client.StartedPayment`.
#[pyclass(frozen, module = "ovo_ptp._native")]
pub(crate) struct Payment {
    /// `None` once nobody cares for the outcome any more.
    handle: Mutex<Option<Arc<PaymentHandle>>>,
    invoice: String,
    letters: Arc<Letters>,
    process: u32,
}

impl Payment {
    /// The countdown of `invoice` must be watched already.
    pub(crate) fn new(handle: PaymentHandle, invoice: String, letters: Arc<Letters>) -> Payment {
        let handle = Mutex::new(Some(Arc::new(handle)));
        Payment { handle, invoice, letters, process: std::process::id() }
    }

    fn handle(&self, py: Python<'_>) -> PyResult<Arc<PaymentHandle>> {
        if std::process::id() != self.process {
            return Err(forked(py));
        }
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone();
        handle.ok_or_else(|| closed(py))
    }
}

type Told<'py> = PyResult<Option<Bound<'py, PyDict>>>;

fn told<'py>(py: Python<'py>, outcome: Option<Outcome>) -> Told<'py> {
    outcome.map(|outcome| self::outcome(py, &outcome)).transpose()
}

#[pymethods]
impl Payment {
    #[getter]
    fn invoice(&self) -> &str {
        &self.invoice
    }

    /// The outcome, if there is one.
    fn poll<'py>(&self, py: Python<'py>) -> Told<'py> {
        told(py, self.handle(py)?.poll())
    }

    /// Waits for the outcome, at most `timeout` seconds.
    fn wait<'py>(&self, py: Python<'py>, timeout: Option<f64>, wait: i64) -> Told<'py> {
        let handle = self.handle(py)?;
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
            let outcome = py.detach(|| match slice {
                Some(slice) => handle.wait(slice),
                None => Some(handle.outcome()),
            });
            if outcome.is_some() || left.is_some_and(|left| left.is_zero()) {
                return told(py, outcome);
            }
            py.check_signals()?;
        }
    }

    /// Waits for a countdown with another number than `seen`: (number, phase, seconds), or `None`
    /// once there is an outcome.
    fn countdown(&self, py: Python<'_>, seen: u64) -> PyResult<Option<(u64, &'static str, f64)>> {
        let handle = self.handle(py)?;
        loop {
            if handle.poll().is_some() {
                return Ok(None);
            }
            if let Some(now) = self.letters.countdown(&self.invoice) {
                if now.number != seen {
                    return Ok(Some((now.number, now.phase, now.remaining.as_secs_f64())));
                }
            }
            py.detach(|| handle.wait(SLICE));
            py.check_signals()?;
        }
    }

    /// Posts the outcome into the mailbox under this number when it is known.
    fn post_outcome(&self, py: Python<'_>, number: u64) -> PyResult<()> {
        let letters = Arc::clone(&self.letters);
        self.handle(py)?.on_outcome(move |outcome| {
            letters.answer(number, Ok(Answer::Outcome(outcome.clone())));
        });
        Ok(())
    }

    /// Nobody waits for the outcome any more. The payment goes on.
    fn release(&self) {
        if std::process::id() == self.process {
            let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(handle);
        }
    }
}

impl Drop for Payment {
    fn drop(&mut self) {
        if std::process::id() == self.process {
            self.letters.unwatch(&self.invoice);
        } else if let Ok(handle) = self.handle.get_mut() {
            // Dropping it would take locks that the parent's threads may have held at the fork.
            std::mem::forget(handle.take());
        }
    }
}
