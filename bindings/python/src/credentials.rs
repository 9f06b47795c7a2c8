//! What OVO issues to a merchant, kept on the native side: the app key never comes back to Python.

use ovo_ptp::{AppKey, Credentials as Core, Terminal};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use std::path::PathBuf;

use crate::error::raise;

/// See the stub.
#[pyclass(frozen, module = "ovo_ptp")]
pub(crate) struct Credentials {
    pub(crate) core: Core,
}

#[pymethods]
impl Credentials {
    #[new]
    #[pyo3(signature = (*, merchant_id, store_code, tid, mid, app_id, app_key, previous_app_keys=Vec::new()))]
    #[allow(clippy::too_many_arguments)] // They are Python's, by name.
    fn new(
        py: Python<'_>,
        merchant_id: &str,
        store_code: &str,
        tid: &str,
        mid: &str,
        app_id: &str,
        app_key: &str,
        previous_app_keys: Vec<PyBackedStr>,
    ) -> PyResult<Credentials> {
        let make = || {
            let terminal = Terminal::new(tid, mid, store_code)?;
            let previous: Result<Vec<AppKey>, _> =
                previous_app_keys.iter().map(|key| AppKey::new(key)).collect();
            Core::new(merchant_id, terminal, app_id, AppKey::new(app_key)?)
                .and_then(|core| Ok(core.with_previous_app_keys(previous?)))
        };
        make().map(|core| Credentials { core }).map_err(|error| raise(py, &error))
    }

    #[staticmethod]
    fn from_environment(py: Python<'_>) -> PyResult<Credentials> {
        Core::from_environment().map(|core| Credentials { core }).map_err(|error| raise(py, &error))
    }

    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Credentials> {
        Core::from_file(path).map(|core| Credentials { core }).map_err(|error| raise(py, &error))
    }

    #[getter]
    fn merchant_id(&self) -> &str {
        self.core.merchant_id()
    }

    #[getter]
    fn store_code(&self) -> &str {
        self.core.terminal().store_code()
    }

    #[getter]
    fn tid(&self) -> &str {
        self.core.terminal().tid()
    }

    #[getter]
    fn mid(&self) -> &str {
        self.core.terminal().mid()
    }

    #[getter]
    fn app_id(&self) -> &str {
        self.core.app_id()
    }

    fn __repr__(&self) -> String {
        format!(
            "Credentials(merchant_id={:?}, store_code={:?}, tid={:?}, mid={:?}, app_id={:?}, app_key=...)",
            self.merchant_id(),
            self.store_code(),
            self.tid(),
            self.mid(),
            self.app_id()
        )
    }

    /// A pickle is a file or a wire: no place for a key.
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("Credentials hold a secret and cannot be pickled"))
    }
}
