//! OVO's side for a merchant's own tests, in this process or as a program.

use std::ffi::OsString;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ovo_sandbox::{
    Customer, DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID, DEMO_STORE_CODE, DEMO_TID,
    HostConfig, Sandbox as Core, SandboxConfig, Script,
};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::credentials::Credentials;

/// See `ovo_ptp.sandbox.Sandbox`. Structured values travel as JSON text, which both sides have.
#[pyclass(frozen, module = "ovo_ptp._native")]
pub(crate) struct Sandbox {
    core: Mutex<Option<Core>>,
    base_url: String,
    control_url: String,
    page_url: String,
    ca_file: String,
    client_file: Option<String>,
    process: u32,
}

fn invalid(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

impl Sandbox {
    fn core(&self) -> PyResult<MutexGuard<'_, Option<Core>>> {
        if std::process::id() != self.process {
            return Err(PyRuntimeError::new_err("the sandbox belongs to the parent process"));
        }
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        if core.is_none() {
            Err(PyRuntimeError::new_err("the sandbox is closed"))
        } else {
            Ok(core)
        }
    }

    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&Core) -> T + Send) -> PyResult<T> {
        py.detach(|| {
            let core = self.core()?;
            match core.as_ref() {
                Some(core) => Ok(work(core)),
                None => Err(PyRuntimeError::new_err("the sandbox is closed")),
            }
        })
    }
}

#[pymethods]
impl Sandbox {
    #[new]
    fn start(
        py: Python<'_>,
        time_scale: f64,
        https: bool,
        client_certificate: bool,
        host: &str,
    ) -> PyResult<Sandbox> {
        let patch = serde_json::from_str(host).map_err(invalid)?;
        let host = HostConfig::patched(&HostConfig::default(), patch).map_err(invalid)?;
        let config = if https { SandboxConfig::https() } else { SandboxConfig::http() };
        let config = SandboxConfig { client_certificate, ..config };
        let config = config.time_scale(time_scale).host(host);
        let core = py
            .detach(|| Core::start(config))
            .map_err(|error| PyOSError::new_err(format!("the sandbox cannot start: {error}")))?;
        Ok(Sandbox {
            base_url: core.base_url(),
            control_url: core.control_url(),
            page_url: core.page_url(),
            ca_file: core.ca_pem_path().to_string_lossy().into_owned(),
            client_file: core.client_pem_path().map(|path| path.to_string_lossy().into_owned()),
            core: Mutex::new(Some(core)),
            process: std::process::id(),
        })
    }

    #[getter]
    fn base_url(&self) -> &str {
        &self.base_url
    }

    #[getter]
    fn control_url(&self) -> &str {
        &self.control_url
    }

    #[getter]
    fn page_url(&self) -> &str {
        &self.page_url
    }

    #[getter]
    fn ca_file(&self) -> &str {
        &self.ca_file
    }

    #[getter]
    fn client_file(&self) -> Option<&str> {
        self.client_file.as_deref()
    }

    fn configure(&self, py: Python<'_>, patch: &str) -> PyResult<()> {
        let patch = serde_json::from_str(patch).map_err(invalid)?;
        self.with(py, |core| core.configure(patch))?.map_err(invalid)
    }

    fn decide(&self, py: Python<'_>, invoice: &str, decision: &str) -> PyResult<()> {
        let decision = serde_json::from_value(decision.into()).map_err(invalid)?;
        self.with(py, |core| core.decide(invoice, decision))?.map_err(invalid)
    }

    fn script(&self, py: Python<'_>, steps: &str) -> PyResult<()> {
        let script = Script::from_json(steps.as_bytes()).map_err(invalid)?;
        self.with(py, |core| core.script(script))
    }

    fn customers(&self, py: Python<'_>, customers: &str) -> PyResult<()> {
        let customers: Vec<Customer> = serde_json::from_str(customers).map_err(invalid)?;
        self.with(py, |core| {
            core.with_host(|host| customers.into_iter().for_each(|it| host.put_customer(it)));
        })
    }

    fn ledger(&self, py: Python<'_>) -> PyResult<String> {
        let ledger = self.with(py, Core::ledger)?;
        serde_json::to_string(&ledger).map_err(invalid)
    }

    fn requests(&self, py: Python<'_>) -> PyResult<String> {
        let requests = self.with(py, Core::requests)?;
        serde_json::to_string(&requests).map_err(invalid)
    }

    fn connections(&self, py: Python<'_>) -> PyResult<String> {
        let counters = self.with(py, Core::counters)?;
        serde_json::to_string(&counters).map_err(invalid)
    }

    fn net(&self, py: Python<'_>, invoice: &str) -> PyResult<i64> {
        self.with(py, |core| core.net(invoice))
    }

    fn cut(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, Core::cut_all)
    }

    fn close(&self, py: Python<'_>) {
        if std::process::id() == self.process {
            let core = self.core.lock().unwrap_or_else(PoisonError::into_inner).take();
            py.detach(|| drop(core));
        }
    }

    #[staticmethod]
    fn credentials(py: Python<'_>) -> PyResult<Credentials> {
        let make = || {
            let terminal = ovo_ptp::Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE)?;
            let key = ovo_ptp::AppKey::new(DEMO_APP_KEY)?;
            ovo_ptp::Credentials::new(DEMO_MERCHANT_ID, terminal, DEMO_APP_ID, key)
        };
        make().map(|core| Credentials { core }).map_err(|error| crate::error::raise(py, &error))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            if let Ok(core) = self.core.get_mut() {
                // Its thread is in the parent; stopping it from here would wait for ever.
                std::mem::forget(core.take());
            }
        }
    }
}

/// The program `ovo-sandbox`; returns whether it ended well.
#[pyfunction]
pub(crate) fn sandbox_program(py: Python<'_>, arguments: Vec<OsString>) -> bool {
    py.detach(|| ovo_sandbox::program(arguments))
}
