//! OVO's settlement report beside a journal.

use std::sync::{Mutex, PoisonError};

use ovo_ptp::{
    Error, Finding, Language, Listed, Reconciled, Reconciliation as Core, Rupiah, SettlementLine,
    WallTime,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::raise;
use crate::reader::JournalReader;

/// What is handed over at a time.
const PAGE: usize = 500;

/// See `ovo_ptp.settlement.Reconciliation`.
#[pyclass(frozen, module = "ovo_ptp._native")]
#[derive(Default)]
pub(crate) struct Reconciliation {
    core: Mutex<Core>,
}

/// Invoice, amount (0 if the line has none), what it says, and a moment of its day.
type Line = (String, i64, Says, Option<i64>);

/// What a line says, by its word.
#[derive(FromPyObject)]
struct Says(String);

impl Says {
    fn of(&self, amount: i64) -> Result<Listed, Error> {
        Ok(match self.0.as_str() {
            "paid" => Listed::Paid(Rupiah::new(amount)?),
            "refunded" => Listed::Refunded(Rupiah::new(amount)?),
            "nothing" => Listed::Nothing(Rupiah::new(amount).ok()),
            _ => Listed::Elsewhere,
        })
    }
}

#[pymethods]
impl Reconciliation {
    #[new]
    fn new() -> Reconciliation {
        Reconciliation::default()
    }

    /// What lines come to that say something of money; without those that agree, unless `matched`.
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
            for (invoice, amount, says, day) in lines {
                let (says, day) = (says.of(amount)?, day.map(WallTime::from_unix_millis));
                let it = core.line(&reader.core, &SettlementLine { invoice, says, day })?;
                found.extend(it.filter(|it| matched || it.finding != Finding::Matched));
            }
            Ok(found)
        };
        let found = py.detach(compare).map_err(|error: Error| raise(py, &error))?;
        found.iter().map(|it| reconciled(py, it)).collect()
    }

    /// The next ones of what the end of the report shows; empty behind the last.
    fn missing<'py>(
        &self,
        py: Python<'py>,
        reader: &JournalReader,
        days: Option<(i64, i64)>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let moment = WallTime::from_unix_millis;
        let days = days.map(|(since, until)| (moment(since), moment(until)));
        let page = || {
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            let mut found = Vec::new();
            while found.len() < PAGE {
                let Some(it) = core.missing(&reader.core, days)? else { break };
                found.push(it);
            }
            Ok(found)
        };
        let found = py.detach(page).map_err(|error: Error| raise(py, &error))?;
        found.iter().map(|it| reconciled(py, it)).collect()
    }

    /// The first moment of the report's days and the first behind them, as far as its lines tell.
    fn days(&self) -> Option<(i64, i64)> {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.days().map(|(since, until)| (since.unix_millis(), until.unix_millis()))
    }

    /// The invoices of the extra debits that no refund's line took out again.
    fn extra_debits(&self, py: Python<'_>, reader: &JournalReader) -> PyResult<Vec<String>> {
        let all = || {
            let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut found, mut last) = (Vec::new(), None);
            while let Some((id, it)) = core.extra_debit(&reader.core, last)? {
                found.push(it.invoice);
                last = Some(id);
            }
            Ok(found)
        };
        py.detach(all).map_err(|error: Error| raise(py, &error))
    }

    /// How many there are of each finding, and their rupiah.
    fn counts(&self) -> Vec<(&'static str, u64, i64)> {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        Finding::ALL
            .map(|finding| {
                let count = core.count(finding);
                (finding.name(), count.payments, count.rupiah)
            })
            .into()
    }

    /// Whether a finding is a difference, and whether what is missing was looked for.
    fn standing(&self) -> (bool, bool) {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        (core.differs(), core.looked_for_missing())
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
