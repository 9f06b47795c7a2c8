//! Reports about a journal without a client.

use std::path::PathBuf;

use ovo_ptp::{Error, JournalReader as Core, KnownArchive, Ledger as _, MerchantInvoice, WallTime};
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::client::Chosen;
use crate::error::raise;

/// An archive: where, on which machine, its name, how many, from when, until when.
type Known = (String, Option<String>, String, u64, Option<i64>, Option<i64>);

/// See `ovo_ptp.reader.JournalReader`.
#[pyclass(frozen, module = "ovo_ptp._native")]
pub(crate) struct JournalReader {
    pub(crate) core: Core,
}

#[pymethods]
impl JournalReader {
    #[new]
    #[pyo3(signature = (path, merchant=None))]
    fn open(py: Python<'_>, path: PathBuf, merchant: Option<&str>) -> PyResult<JournalReader> {
        let open = || match merchant {
            Some(merchant) => Core::open_of(path, merchant),
            None => Core::open(path),
        };
        let core = py.detach(open).map_err(|error| raise(py, &error))?;
        Ok(JournalReader { core })
    }

    /// Whose it is.
    fn merchant(&self, py: Python<'_>) -> PyResult<Option<String>> {
        py.detach(|| self.core.merchant()).map_err(|error| raise(py, &error))
    }

    fn payments(&self, py: Python<'_>, chosen: Chosen) -> PyResult<Py<PyAny>> {
        let filter = chosen.filter();
        let found = py.detach(|| self.core.payments(&filter)).map_err(|error| raise(py, &error))?;
        Answer::Reports(found).into_python(py)
    }

    fn is_archive(&self, py: Python<'_>) -> PyResult<bool> {
        py.detach(|| self.core.is_archive()).map_err(|error| raise(py, &error))
    }

    /// The name that its journal knows this archive by.
    fn archive_name(&self, py: Python<'_>) -> PyResult<Option<String>> {
        py.detach(|| self.core.archive_name()).map_err(|error| raise(py, &error))
    }

    /// Of each archive where it was made, on which machine if that is kept, its name, how many payments left for it, and between which
    /// moments they were begun, if that is known.
    fn archives(&self, py: Python<'_>) -> PyResult<Vec<Known>> {
        let known = py.detach(|| self.core.archives()).map_err(|error| raise(py, &error))?;
        let millis = |moment: Option<WallTime>| moment.map(WallTime::unix_millis);
        let told = |it: KnownArchive| {
            let (since, until) = (millis(it.since), millis(it.until));
            (it.path.display().to_string(), it.machine, it.name, it.payments, since, until)
        };
        Ok(known.into_iter().map(told).collect())
    }

    fn payment(&self, py: Python<'_>, invoice: &str) -> PyResult<Py<PyAny>> {
        let found = || {
            let invoice: MerchantInvoice = invoice.parse()?;
            self.core.payment(&invoice)
        };
        let found = py.detach(found).map_err(|error: Error| raise(py, &error))?;
        Answer::Report(found).into_python(py)
    }

    fn explain(&self, py: Python<'_>, invoice: &str) -> PyResult<Py<PyAny>> {
        let found = || {
            let invoice: MerchantInvoice = invoice.parse()?;
            self.core.explain(&invoice)
        };
        let found = py.detach(found).map_err(|error: Error| raise(py, &error))?;
        Answer::Explained(found.map(Box::new)).into_python(py)
    }

    fn backup(&self, py: Python<'_>, to: PathBuf) -> PyResult<()> {
        py.detach(|| self.core.backup(to)).map_err(|error| raise(py, &error))
    }

    fn metrics_text(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.core.metrics_text()).map_err(|error| raise(py, &error))
    }

    /// Payments, those that are not settled, and what is damaged.
    fn health(&self, py: Python<'_>) -> PyResult<(u64, u64, Vec<String>)> {
        let health = py.detach(|| self.core.health()).map_err(|error| raise(py, &error))?;
        Ok((health.payments, health.unsettled, health.problems))
    }
}

/// Sets a journal aside, and returns where it is then.
#[pyfunction]
pub(crate) fn set_aside(py: Python<'_>, path: PathBuf) -> PyResult<PathBuf> {
    py.detach(|| ovo_ptp::journal::set_aside(path)).map_err(|error| raise(py, &error.into()))
}

/// Whether a journal's place is, or was meant to be, a database's address and no path.
#[pyfunction]
pub(crate) fn is_address(place: PathBuf) -> bool {
    ovo_ptp::journal::is_address(&place)
}

/// Whether a file is the journal, or lies beside it as a part of it.
#[pyfunction]
pub(crate) fn is_the_journals(journal: PathBuf, file: PathBuf) -> bool {
    ovo_ptp::journal::is_the_journals(&journal, &file)
}

/// Makes the schema of a journal in PostgreSQL, or brings it up to date. Calls `waits`, if there is one, with a
/// line for whenever others have what it needs. Returns what was run.
#[pyfunction]
pub(crate) fn migrate_journal(
    py: Python<'_>,
    address: &str,
    app_role: &str,
    print_only: bool,
    loss_possible: bool,
    restored: bool,
    waits: Option<Py<PyAny>>,
) -> PyResult<String> {
    use ovo_ptp::journal::postgres::{Dsn, Migration, migrate_telling};

    let mut failed: Option<PyErr> = None;
    let made = py.detach(|| {
        let dsn = Dsn::parse(address)?;
        let migration = Migration { app_role, print: print_only, loss_possible, restored };
        Ok(migrate_telling(&dsn, &migration, &mut |line| {
            // As of a move: what the caller's own function raises is told behind it.
            if let Some(waits) = waits.as_ref().filter(|_| failed.is_none()) {
                failed = Python::attach(|py| waits.call1(py, (line,))).err();
            }
        })?)
    });
    let made = made.map_err(|error: Error| raise(py, &error))?;
    failed.map_or(Ok(made), Err)
}

/// Moves a journal in a file into the database of an address. Calls `progress`, if there is one, with the step
/// and how many of how many payments are written. Returns what was moved: payments, those that go on, those
/// that were archived before, and whether all of it was there already.
#[pyfunction]
pub(crate) fn move_journal_to_postgres(
    py: Python<'_>,
    from_path: PathBuf,
    address: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<(u64, u64, u64, bool)> {
    use ovo_ptp::journal::postgres::{Dsn, move_to_postgres};

    let dsn = Dsn::parse(address).map_err(|error| raise(py, &error))?;
    let mut failed: Option<PyErr> = None;
    let moved = py.detach(|| {
        move_to_postgres(from_path, &dsn, |now| {
            // What the caller's own function raises ends no move; it is told behind it.
            if let Some(progress) = progress.as_ref().filter(|_| failed.is_none()) {
                let step = format!("{:?}", now.step);
                failed = Python::attach(|py| progress.call1(py, (step, now.done, now.of))).err();
            }
        })
    });
    let moved = moved.map_err(|error| raise(py, &error.into()))?;
    failed.map_or(Ok((moved.payments, moved.unsettled, moved.archived, moved.was_there)), Err)
}

/// Moves a journal.
#[pyfunction]
pub(crate) fn move_journal(py: Python<'_>, from_path: PathBuf, to_path: PathBuf) -> PyResult<()> {
    py.detach(|| ovo_ptp::journal::move_journal(from_path, to_path))
        .map_err(|error| raise(py, &error.into()))
}
