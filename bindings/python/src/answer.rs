//! What the core says, as plain dictionaries. Python classes are made of them in `ovo_ptp`.

use std::time::Duration;

use ovo_ptp::message::{ResponseCode, SigningMode, WalletDetails};
use ovo_ptp::payment::StatusAnswer;
use ovo_ptp::transport::Validity;
use ovo_ptp::{
    Archived, Diagnosis, Explanation, Inquiry, Language, Outcome, PaymentReport, Probe, Status,
    VoidOutcome,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::payment::Payment;

/// The answer to any call.
pub(crate) enum Answer {
    Nothing,
    Flag(bool),
    Text(String),
    Inquiry(Inquiry),
    Outcome(Outcome),
    Started(Payment),
    Status(Status),
    Void(VoidOutcome),
    Report(Option<PaymentReport>),
    Reports(Vec<PaymentReport>),
    Explained(Option<Box<Explanation>>),
    Wait(Option<Duration>),
    Diagnosis(Box<Diagnosis>),
    Archived(Archived),
}

impl Answer {
    pub(crate) fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let any = match self {
            Answer::Nothing => return Ok(py.None()),
            Answer::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
            Answer::Text(text) => text.into_pyobject(py)?.into_any(),
            Answer::Inquiry(inquiry) => {
                (inquiry == Inquiry::Registered).into_pyobject(py)?.to_owned().into_any()
            }
            Answer::Outcome(outcome) => self::outcome(py, &outcome)?.into_any(),
            Answer::Started(payment) => Bound::new(py, payment)?.into_any(),
            Answer::Status(status) => {
                let dict = PyDict::new(py);
                dict.set_item("at_ovo", at_ovo(status.at_ovo))?;
                dict.set_item("ask_again", status.ask_again.map(|wait| wait.as_secs_f64()))?;
                dict.set_item("payment", report(py, &status.payment)?)?;
                dict.into_any()
            }
            Answer::Void(void) => self::void(py, void)?.into_any(),
            Answer::Report(None) => return Ok(py.None()),
            Answer::Report(Some(payment)) => report(py, &payment)?.into_any(),
            Answer::Reports(payments) => {
                let list = PyList::empty(py);
                for payment in &payments {
                    list.append(report(py, payment)?)?;
                }
                list.into_any()
            }
            Answer::Explained(None) => return Ok(py.None()),
            Answer::Explained(Some(it)) => explained(py, &it)?.into_any(),
            Answer::Archived(done) => {
                let dict = PyDict::new(py);
                dict.set_item("payments", done.payments)?;
                dict.set_item("moved", done.moved)?;
                dict.set_item("left", done.left)?;
                dict.into_any()
            }
            Answer::Wait(wait) => wait.map(|wait| wait.as_secs_f64()).into_pyobject(py)?,
            Answer::Diagnosis(diagnosis) => self::diagnosis(py, &diagnosis)?.into_any(),
        };
        Ok(any.unbind())
    }
}

/// The fields of an outcome's class, and its name under `kind`.
pub(crate) fn outcome<'py>(py: Python<'py>, outcome: &Outcome) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("kind", outcome.name())?;
    dict.set_item("invoice", outcome.invoice().as_str())?;
    dict.set_item("customer_text", outcome.customer_text(Language::Indonesian))?;
    dict.set_item("customer_text_en", outcome.customer_text(Language::English))?;
    dict.set_item("was_known", outcome.was_known())?;
    match outcome {
        Outcome::Paid(receipt) => {
            dict.set_item("amount", receipt.amount().get())?;
            dict.set_item("batch", receipt.numbers().batch())?;
            dict.set_item("reference", receipt.numbers().reference())?;
            dict.set_item("approval_code", receipt.approval_code())?;
            dict.set_item("trace_number", receipt.trace_number())?;
            dict.set_item("host_date", receipt.host_date())?;
            dict.set_item("host_time", receipt.host_time())?;
            dict.set_item("is_late", receipt.is_late())?;
            dict.set_item("is_voided", receipt.is_voided())?;
            dict.set_item("void_doubt", receipt.void_doubt())?;
            dict.set_item("cash_used", &receipt.paid_with().cash)?;
            dict.set_item("points_used", &receipt.paid_with().points)?;
            dict.set_item("points_earned", &receipt.paid_with().points_earned)?;
            let wallet = receipt.wallet().map(|wallet| self::wallet(py, wallet)).transpose()?;
            dict.set_item("wallet", wallet)?;
        }
        Outcome::Declined(decline) => {
            dict.set_item("code", text(decline.code()))?;
            dict.set_item("decline_class", decline.class().name())?;
            dict.set_item("meaning", decline.meaning())?;
            dict.set_item("new_attempt_makes_sense", decline.new_attempt_makes_sense())?;
        }
        Outcome::NotCompleted(open) => {
            dict.set_item("is_refund_settled", open.is_refund_settled())?;
            dict.set_item("was_debited", open.was_debited())?;
            dict.set_item("is_cancelled", open.is_cancelled())?;
            dict.set_item("reason", open.reason())?;
        }
        Outcome::NotSent(not_sent) => {
            dict.set_item("reason", not_sent.reason().map(|reason| reason.name()))?;
            dict.set_item("detail", not_sent.detail())?;
        }
        Outcome::NeedsOperator(operator) => {
            dict.set_item("batch", operator.numbers().batch())?;
            dict.set_item("reference", operator.numbers().reference())?;
            dict.set_item("reason", operator.reason())?;
        }
        _ => {}
    }
    Ok(dict)
}

fn text(code: Option<ResponseCode>) -> Option<String> {
    code.map(|code| code.as_str().to_owned())
}

fn wallet<'py>(py: Python<'py>, wallet: &WalletDetails) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ovo_id", &wallet.ovo_id)?;
    dict.set_item("full_name", &wallet.full_name)?;
    dict.set_item("cash_used", &wallet.cash_used)?;
    dict.set_item("cash_balance", &wallet.cash_balance)?;
    dict.set_item("points_used", &wallet.points_used)?;
    dict.set_item("points_balance", &wallet.points_balance)?;
    dict.set_item("points_earned", &wallet.points_earned)?;
    dict.set_item("payment_type", &wallet.payment_type)?;
    Ok(dict)
}

fn report<'py>(py: Python<'py>, report: &PaymentReport) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", report.id.0)?;
    dict.set_item("invoice", report.invoice.as_str())?;
    dict.set_item("amount", report.amount.get())?;
    dict.set_item("batch", report.numbers.batch())?;
    dict.set_item("reference", report.numbers.reference())?;
    let terminal = &report.terminal;
    dict.set_item("terminal", (terminal.tid(), terminal.mid(), terminal.store_code()))?;
    dict.set_item("begun", report.begun.unix_millis())?;
    let outcome = report.outcome.as_ref().map(|outcome| self::outcome(py, outcome)).transpose()?;
    dict.set_item("outcome", outcome)?;
    dict.set_item("acknowledged", report.acknowledged)?;
    dict.set_item("settled", report.settled)?;
    dict.set_item("needs_operator", report.needs_operator)?;
    dict.set_item("settlement", report.settlement)?;
    Ok(dict)
}

/// The facts as JSON, and the same as texts and as pages, in Indonesian and in English.
fn explained<'py>(py: Python<'py>, it: &Explanation) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("json", it.json())?;
    for (key, language) in [("id", Language::Indonesian), ("en", Language::English)] {
        dict.set_item(key, (it.text(language), it.html(language)))?;
    }
    Ok(dict)
}

fn at_ovo(answer: StatusAnswer) -> &'static str {
    match answer {
        StatusAnswer::Paid => "paid",
        StatusAnswer::ForeignSale => "foreign_sale",
        StatusAnswer::Doubtful => "doubtful",
        StatusAnswer::NotFound => "not_found",
        StatusAnswer::Reversed => "reversed",
        StatusAnswer::TooOld => "too_old",
        StatusAnswer::Unavailable => "unavailable",
        // These three are errors before they come here.
        StatusAnswer::NotSent | StatusAnswer::NoAnswer | StatusAnswer::Misconfigured(_) => {
            "no_answer"
        }
    }
}

fn void(py: Python<'_>, void: VoidOutcome) -> PyResult<Bound<'_, PyDict>> {
    let (state, code) = match void {
        VoidOutcome::Voided => ("voided", None),
        VoidOutcome::Rejected(code) => ("rejected", Some(code)),
        VoidOutcome::NotSent => ("not_sent", None),
        VoidOutcome::NeedsOperator => ("needs_operator", None),
        // What is not known is pending.
        _ => ("pending", None),
    };
    let dict = PyDict::new(py);
    dict.set_item("state", state)?;
    dict.set_item("code", text(code))?;
    Ok(dict)
}

fn diagnosis<'py>(py: Python<'py>, found: &Diagnosis) -> PyResult<Bound<'py, PyDict>> {
    let probe = |probe: &Probe| match probe {
        Probe::Accepted(code) => ("accepted", Some(code.as_str().to_owned()), None),
        Probe::Refused(code) => ("refused", Some(code.as_str().to_owned()), None),
        Probe::NoAnswer(how) => ("no_answer", None, Some(how.clone())),
    };
    let dict = PyDict::new(py);
    dict.set_item("signing", signing_name(found.signing))?;
    dict.set_item("without_body", probe(&found.without_body))?;
    dict.set_item("with_body", probe(&found.with_body))?;
    dict.set_item("wrong_signature", found.wrong_signature.as_ref().map(probe))?;
    dict.set_item("clock_ahead_seconds", found.clock_ahead_seconds)?;
    let route = found.route.as_ref();
    dict.set_item("proxy", route.and_then(|route| route.proxy.as_deref()))?;
    dict.set_item("tls", route.and_then(|route| route.tls))?;
    dict.set_item("http", route.and_then(|route| route.http))?;
    let days = |validity: Option<Validity>| validity.map(|validity| validity.days_left);
    let (host, ours) =
        route.map_or((None, None), |route| (route.host_certificate, route.client_certificate));
    dict.set_item("host_certificate_days", days(host))?;
    dict.set_item("client_certificate_days", days(ours))?;
    let health = found.journal.as_ref().ok();
    dict.set_item("payments", health.map(|health| health.payments))?;
    dict.set_item("unsettled", health.map(|health| health.unsettled))?;
    dict.set_item("problems", found.problems())?;
    dict.set_item("text", found.to_string())?;
    Ok(dict)
}

pub(crate) fn signing_name(mode: SigningMode) -> &'static str {
    match mode {
        SigningMode::WithoutBody => "without_body",
        SigningMode::WithBody => "with_body",
    }
}
