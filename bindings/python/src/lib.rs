//! The native half of the Python package `ovo_ptp`: the core's client in shapes that Python takes.
//!
//! It holds no policy and makes no Python class of its own for results: what the core says becomes
//! plain dictionaries, which the Python half turns into outcomes, reports and errors. No thread
//! that was started here ever calls into Python; what happens on them is put into a
//! mailbox that a Python thread empties. So nothing here can deadlock on the interpreter's lock
//! or outlive the interpreter.
#![forbid(unsafe_code)]

mod answer;
mod call;
mod client;
mod config;
mod credentials;
mod error;
#[cfg(feature = "faults")]
mod fault;
mod mailbox;
mod password;
mod payment;
mod reader;
mod reconcile;
mod sandbox;
mod table;

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The interpreter that imported the module first, by its table of modules; 0 before that.
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);

/// Types and interned names are kept once a process, so a second interpreter in it would share
/// objects with the first. PyO3 does not refuse that for modules like this one; this does.
fn refuse_another_interpreter(py: Python<'_>) -> PyResult<()> {
    let here = py.import("sys")?.getattr("modules")?.as_ptr() as usize;
    match INTERPRETER.compare_exchange(0, here, Ordering::AcqRel, Ordering::Acquire) {
        Err(first) if first != here => Err(PyImportError::new_err(
            "ovo_ptp is in use by another interpreter of this process; subinterpreters are not supported",
        )),
        _ => Ok(()),
    }
}

/// Before a fork: waits, without the interpreter's lock, until no journal is at work.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(ovo_ptp::journal::before_fork);
}

/// After a fork, in the parent and in the child.
#[pyfunction]
fn after_fork() {
    ovo_ptp::journal::after_fork();
}

/// The extension module `ovo_ptp._native`.
///
/// The core and this layer share nothing without a lock; all the same a build for the free-threaded
/// interpreter is not declared, because none was there to test it on.
#[pymodule(gil_used = true)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::credentials::Credentials;
    #[pymodule_export]
    use super::mailbox::Mailbox;
    #[pymodule_export]
    use super::payment::Payment;
    #[pymodule_export]
    use super::reader::{
        JournalReader, is_address, is_the_journals, migrate_journal, move_journal,
        move_journal_to_postgres, set_aside,
    };
    #[pymodule_export]
    use super::reconcile::Reconciliation;
    #[pymodule_export]
    use super::sandbox::{Sandbox, sandbox_program};
    #[pymodule_export]
    use super::table::{
        check_amount, check_invoice, customer_texts, error_kinds, normalise_phone, response_codes,
        sign, starting_batch, wib_text,
    };
    #[pymodule_export]
    use super::{after_fork, before_fork};

    /// The version of the library.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::refuse_another_interpreter(module.py())
    }
}
