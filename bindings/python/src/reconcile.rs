//! OVO's settlement report beside a journal.

use std::sync::{Mutex, PoisonError};

use ovo_ptp::payment::PaymentId;
use ovo_ptp::{
    Error, Finding, Language, Reconciled, Reconciliation as Core, Rupiah, SettlementLine, WallTime,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::raise;
use crate::reader::JournalReader;

/// See `ovo_ptp.settlement.Reconciliation`.
#[pyclass(frozen, module = "ovo_ptp._native")]
#[derive(Default)]
pub(crate) struct Reconciliation {
    core: Mutex<Core>,
}

/// Invoice, amount, and whether it was refunded.
type Line = (String, i64, bool);

#[pymethods]
impl Reconciliation {
    #[new]
    fn new() -> Reconciliation {
        Reconciliation::default()
    }

    /// What lines come to; without those that agree, unless `matched`.
    fn lines<'py>(
        &self,
        py: Python<'py>,
        reader: &JournalReader,
        lines: Vec<Line>,
        matched: bool,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let compare = || {
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            let mut found = Vec::new();
            for (invoice, amount, refunded) in lines {
                let amount = Rupiah::new(amount)?;
                let it = core.line(&reader.core, &SettlementLine { invoice, amount, refunded })?;
                if matched || it.finding != Finding::Matched {
                    found.push(it);
                }
            }
            Ok(found)
        };
        let found = py.detach(compare).map_err(|error: Error| raise(py, &error))?;
        found.iter().map(|it| reconciled(py, it)).collect()
    }

    /// A page of payments that have had no line, and what to ask behind next.
    fn missing<'py>(
        &self,
        py: Python<'py>,
        reader: &JournalReader,
        since: i64,
        until: i64,
        after: Option<i64>,
    ) -> PyResult<(Vec<Bound<'py, PyDict>>, Option<i64>)> {
        let (since, until) = (WallTime::from_unix_millis(since), WallTime::from_unix_millis(until));
        let page = || {
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            core.missing(&reader.core, since, until, after.map(PaymentId))
        };
        let (found, next) = py.detach(page).map_err(|error| raise(py, &error))?;
        let found = found.iter().map(|it| reconciled(py, it)).collect::<PyResult<_>>()?;
        Ok((found, next.map(|id| id.0)))
    }

    /// How many there are of each finding and their rupiah, and whether it is a difference.
    fn counts(&self) -> Vec<(&'static str, u64, i64, bool)> {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        Finding::ALL
            .map(|finding| {
                let count = core.count(finding);
                (finding.name(), count.payments, count.rupiah, finding.is_difference())
            })
            .into()
    }
}

fn reconciled<'py>(py: Python<'py>, it: &Reconciled) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let payment = it.payment.as_deref();
    dict.set_item("finding", it.finding.name())?;
    dict.set_item("is_difference", it.finding.is_difference())?;
    dict.set_item("invoice", &it.invoice)?;
    dict.set_item("listed", it.listed.map(Rupiah::get))?;
    dict.set_item("amount", payment.map(|payment| payment.amount.get()))?;
    dict.set_item("money", payment.map(|payment| payment.money.name()))?;
    dict.set_item("text", it.text(Language::Indonesian))?;
    dict.set_item("text_en", it.text(Language::English))?;
    Ok(dict)
}
