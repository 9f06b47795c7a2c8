//! The client: each of the core's calls, in the way of waiting that Python asks for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ovo_ptp::journal::Filter;
use ovo_ptp::payment::{PaymentId, Ruling};
use ovo_ptp::{
    ArchiveProgress, Charge, Client as Core, Error, MerchantInvoice, Outcome, PhoneNumber, Rupiah,
    Terminal, VoidOutcome, WallTime,
};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::call::{Calls, Inside, Job, Wait, run};
use crate::config::Options;
use crate::credentials::Credentials;
use crate::error::{closed, exception, forked, raise};
use crate::mailbox::{Letters, Mailbox, Watching};
use crate::payment::Payment;

/// Longest wait at closing for calls that are on their way back to Python. Those that talk to OVO
/// about something else than a payment may take longer; they are left to end by themselves.
const GOODBYE: Duration = Duration::from_secs(2);

/// See `ovo_ptp.client.Client`.
#[pyclass(frozen, module = "ovo_ptp._native")]
pub(crate) struct Client {
    /// `None` once closed: then also the journal is free for others.
    core: Mutex<Option<Arc<Core>>>,
    letters: Arc<Letters>,
    calls: Arc<Calls>,
    archiving: Arc<Mutex<ArchiveProgress>>,
    process: u32,
}

/// What `ovo_ptp._hidden.Hidden` hides: a phone, or a proxy with its password.
#[derive(FromPyObject)]
pub(crate) struct Hidden {
    pub(crate) value: String,
}

/// The same of a journal's file, or of the address of one.
#[derive(FromPyObject)]
pub(crate) struct HiddenPath {
    pub(crate) value: PathBuf,
}

/// What `ovo_ptp._hidden.Charge` holds. The terminal is (tid, mid, store code).
#[derive(FromPyObject)]
struct Charged {
    invoice: String,
    amount: i64,
    phone: Hidden,
    terminal: Option<(String, String, String)>,
    allow_second_push: bool,
}

/// Which payments to list, from a dictionary that `ovo_ptp` has completed. Times are Unix milliseconds.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Chosen {
    unacknowledged: bool,
    unsettled: bool,
    needs_operator: bool,
    since: Option<i64>,
    until: Option<i64>,
    tid: Option<String>,
    mid: Option<String>,
    newest_first: bool,
    after: Option<i64>,
    limit: usize,
}

impl Chosen {
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            unacknowledged: self.unacknowledged,
            unsettled: self.unsettled,
            needs_operator: self.needs_operator,
            since: self.since.map(WallTime::from_unix_millis),
            until: self.until.map(WallTime::from_unix_millis),
            tid: self.tid.clone(),
            mid: self.mid.clone(),
            newest_first: self.newest_first,
            after: self.after.map(PaymentId),
            limit: self.limit,
        }
    }
}

fn charge(py: Python<'_>, wanted: &Charged) -> PyResult<(MerchantInvoice, Charge)> {
    let make = || {
        let invoice: MerchantInvoice = wanted.invoice.parse()?;
        let amount = Rupiah::new(wanted.amount)?;
        let mut charge = Charge::new(invoice.as_str(), amount, wanted.phone.value.parse()?)?;
        if let Some((tid, mid, store_code)) = &wanted.terminal {
            charge = charge.terminal(Terminal::new(tid, mid, store_code)?);
        }
        if wanted.allow_second_push {
            charge = charge.allow_second_push();
        }
        Ok((invoice, charge))
    };
    make().map_err(|error: Error| raise(py, &error))
}

fn parsed<T: std::str::FromStr<Err = Error>>(py: Python<'_>, text: &str) -> PyResult<T> {
    text.parse().map_err(|error| raise(py, &error))
}

impl Client {
    fn enter(&self, py: Python<'_>) -> PyResult<Inside> {
        if std::process::id() != self.process {
            return Err(forked(py));
        }
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Inside::new(core.ok_or_else(|| closed(py))?, &self.calls))
    }

    fn run(
        &self,
        py: Python<'_>,
        wait: i64,
        work: impl FnOnce(&Core) -> Result<Answer, Error> + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        run(py, self.enter(py)?, &self.letters, wait.into(), Job::new(work))
    }

    /// Closes the core and waits for the calls inside it, without the interpreter's lock.
    fn shut(&self) {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(core) = core {
            core.close();
            self.calls.wait_empty(GOODBYE);
        }
    }
}

#[pymethods]
impl Client {
    #[new]
    fn open(
        py: Python<'_>,
        environment: &str,
        credentials: &Credentials,
        options: Options,
        mailbox: &Mailbox,
    ) -> PyResult<Client> {
        let letters = Arc::clone(&mailbox.letters);
        let open = options.builder(py, environment, credentials, &letters)?;
        let core = py.detach(open).map_err(|error| raise(py, &error))?;
        let core = Mutex::new(Some(Arc::new(core)));
        let (calls, archiving) = Default::default();
        Ok(Client { core, letters, calls, archiving, process: std::process::id() })
    }

    #[getter]
    fn is_closed(&self) -> bool {
        std::process::id() == self.process
            && self.core.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Pays on the calling thread. For the main thread there is `start`, which can be left.
    fn pay(&self, py: Python<'_>, wanted: Charged) -> PyResult<Py<PyAny>> {
        let (invoice, charge) = charge(py, &wanted)?;
        let job = Job::new(move |core| core.pay(&charge).map(Answer::Outcome))
            .or_if_it_panics(Answer::Outcome(Outcome::interrupted(invoice)));
        run(py, self.enter(py)?, &self.letters, Wait::Here, job)
    }

    fn start(&self, py: Python<'_>, wanted: Charged, wait: i64) -> PyResult<Py<PyAny>> {
        let (invoice, charge) = charge(py, &wanted)?;
        // Before the payment begins, so that its first countdown is seen.
        let watch = || Watching::new(&self.letters, invoice.as_str());
        let (watching, watching_still) = (watch(), watch());
        let job = Job::new(move |core| {
            core.start(&charge).map(|handle| Answer::Started(Payment::under_way(handle, watching)))
        })
        .or_if_it_panics(Answer::Started(Payment::interrupted(invoice, watching_still)));
        run(py, self.enter(py)?, &self.letters, wait.into(), job)
    }

    fn cancel(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        let lost = Answer::Outcome(Outcome::interrupted(invoice.clone()));
        let job = Job::new(move |core| core.cancel(&invoice).map(Answer::Outcome));
        run(py, self.enter(py)?, &self.letters, wait.into(), job.or_if_it_panics(lost))
    }

    fn inquire(&self, py: Python<'_>, phone: Hidden, wait: i64) -> PyResult<Py<PyAny>> {
        let phone: PhoneNumber = parsed(py, &phone.value)?;
        self.run(py, wait, move |core| core.inquire(&phone).map(Answer::Inquiry))
    }

    fn check(
        &self,
        py: Python<'_>,
        invoice: &str,
        phone: Option<Hidden>,
        wait: i64,
    ) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        let phone: Option<PhoneNumber> = phone.map(|phone| parsed(py, &phone.value)).transpose()?;
        self.run(py, wait, move |core| {
            let status = match &phone {
                Some(phone) => core.check_with_phone(&invoice, phone),
                None => core.check(&invoice),
            };
            status.map(Answer::Status)
        })
    }

    fn void(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        let job = Job::new(move |core| core.void(&invoice).map(Answer::Void))
            .or_if_it_panics(Answer::Void(VoidOutcome::Pending));
        run(py, self.enter(py)?, &self.letters, wait.into(), job)
    }

    fn check_void(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        // It may send the void once more.
        let job = Job::new(move |core| core.check_void(&invoice).map(Answer::Void))
            .or_if_it_panics(Answer::Void(VoidOutcome::Pending));
        run(py, self.enter(py)?, &self.letters, wait.into(), job)
    }

    fn settle(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, |core| core.settle().map(Answer::Reports))
    }

    fn next_settlement(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, |core| core.next_settlement().map(Answer::Wait))
    }

    fn unacknowledged(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, |core| core.unacknowledged().map(Answer::Reports))
    }

    fn acknowledge(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        self.run(py, wait, move |core| core.acknowledge(&invoice).map(|()| Answer::Nothing))
    }

    fn payments(&self, py: Python<'_>, chosen: Chosen, wait: i64) -> PyResult<Py<PyAny>> {
        let filter = chosen.filter();
        self.run(py, wait, move |core| core.payments(&filter).map(Answer::Reports))
    }

    fn payment(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        self.run(py, wait, move |core| core.payment(&invoice).map(Answer::Report))
    }

    fn explain(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        self.run(py, wait, move |core| {
            core.explain(&invoice).map(|found| Answer::Explained(found.map(Box::new)))
        })
    }

    fn rule(
        &self,
        py: Python<'_>,
        invoice: &str,
        ruling: &str,
        reason: String,
        wait: i64,
    ) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        let ruling = match ruling {
            "paid" => Ruling::Paid,
            "refund" => Ruling::Refund,
            "close" => Ruling::Close,
            _ => {
                let message = "ruling: must be \"paid\", \"refund\" or \"close\"";
                return Err(exception(py, "invalid_input", message));
            }
        };
        self.run(py, wait, move |core| {
            core.rule(&invoice, ruling, &reason).map(|report| Answer::Report(Some(report)))
        })
    }

    fn report_paid(&self, py: Python<'_>, invoice: &str, wait: i64) -> PyResult<Py<PyAny>> {
        let invoice: MerchantInvoice = parsed(py, invoice)?;
        self.run(py, wait, move |core| {
            core.report_paid(&invoice).map(|report| Answer::Report(Some(report)))
        })
    }

    fn backup(&self, py: Python<'_>, to: PathBuf, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, move |core| core.backup(to).map(|()| Answer::Nothing))
    }

    fn archive(&self, py: Python<'_>, before: i64, to: PathBuf, wait: i64) -> PyResult<Py<PyAny>> {
        let so_far = Arc::clone(&self.archiving);
        self.run(py, wait, move |core| {
            let before = WallTime::from_unix_millis(before);
            let tell = |at| *so_far.lock().unwrap_or_else(PoisonError::into_inner) = at;
            core.archive(before, to, tell).map(Answer::Archived)
        })
    }

    /// Payments that left the journal, of those that the archive has so far.
    fn archived_so_far(&self) -> (u64, u64) {
        let at = *self.archiving.lock().unwrap_or_else(PoisonError::into_inner);
        (at.moved, at.payments)
    }

    fn vouch(&self, py: Python<'_>, who_and_why: String, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, move |core| core.vouch(&who_and_why).map(Answer::Flag))
    }

    fn probe_signature(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, |core| {
            core.probe_signature().map(|found| Answer::Diagnosis(Box::new(found)))
        })
    }

    fn metrics_text(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, |core| core.metrics_text().map(Answer::Text))
    }

    fn doctor(&self, py: Python<'_>, wait: i64) -> PyResult<Py<PyAny>> {
        self.run(py, wait, |core| core.doctor().map(|found| Answer::Diagnosis(Box::new(found))))
    }

    /// How many payments are worked on.
    fn under_way(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.enter(py)?.core().under_way())
    }

    /// Lets payments that are waited for end, at most so many seconds; new ones are refused.
    fn end_within(&self, py: Python<'_>, grace: f64, wait: i64) -> PyResult<Py<PyAny>> {
        // What does not fit is no limit; the core's own waits end within minutes.
        let grace = Duration::try_from_secs_f64(grace.max(0.0)).unwrap_or(Duration::MAX);
        self.run(py, wait, move |core| {
            core.close_within(grace);
            Ok(Answer::Nothing)
        })
    }

    /// Closes. Harmless a second time and in a forked child.
    fn close(&self, py: Python<'_>) {
        if std::process::id() == self.process {
            py.detach(|| self.shut());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::process::id() == self.process {
            // Nothing inside needs the interpreter but who is asked for the journal's password, which is
            // waited for no longer than a silent server: holding its lock here delays and cannot
            // deadlock. `ovo_ptp.client.Client` closes earlier, without it.
            self.shut();
        } else if let Ok(core) = self.core.get_mut() {
            // The child's copies of the parent's locks may be held by threads that are not here.
            std::mem::forget(core.take());
        }
    }
}
