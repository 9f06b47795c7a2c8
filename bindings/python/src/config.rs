//! A client's options, from the dictionary that the Python half has checked and completed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ovo_ptp::journal::{MemoryJournal, SqliteOptions};
use ovo_ptp::message::SigningMode;
use ovo_ptp::payment::{LateSuccess, Timers};
use ovo_ptp::transport::{ClientCertificate, Proxy, Trust};
use ovo_ptp::{BatchMethod, Client, Error};
use pyo3::prelude::*;
use zeroize::Zeroizing;

use crate::client::{Hidden, HiddenPath};
use crate::credentials::Credentials;
use crate::error::{exception, raise};
use crate::mailbox::Letters;

/// Every key is there; `ovo_ptp.client` gives the defaults.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    /// `None`: for questions to OVO, which leave no trace.
    journal: Option<HiddenPath>,
    /// Whether the mailbox's questions are answered.
    journal_password: bool,
    shared: bool,
    first_batch: Option<u32>,
    set_aside_unusable: bool,
    environment_class: Option<String>,
    record: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    proxy: Option<Hidden>,
    proxy_ca_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
    late_success: String,
    check_payment: bool,
    verify_declines: bool,
    batch_method: String,
    signing: String,
    phone_in_reversal: bool,
    background: bool,
    settle_rate: u32,
    time_scale: f64,
    timers: Vec<(String, f64)>,
}

impl Options {
    /// The core's builder with these options; opening it is left to the caller, without the
    /// interpreter's lock.
    pub(crate) fn builder(
        self,
        py: Python<'_>,
        environment: &str,
        credentials: &Credentials,
        letters: &Arc<Letters>,
    ) -> PyResult<impl FnOnce() -> Result<Client, Error> + Send + use<>> {
        let refuse = |message: String| exception(py, "configuration", &message);
        let one_of = |name: &str, first: &str, second: &str| {
            refuse(format!("{name}: must be {first:?} or {second:?}"))
        };
        let environment = environment.parse().map_err(|error: Error| raise(py, &error))?;
        let late_success = match self.late_success.as_str() {
            "accept" => LateSuccess::Accept,
            "reverse" => LateSuccess::Reverse,
            _ => return Err(one_of("late_success", "accept", "reverse")),
        };
        let batch_method = match self.batch_method.as_str() {
            "continuous" => BatchMethod::Continuous,
            "daily" => BatchMethod::Daily,
            _ => return Err(one_of("batch_method", "continuous", "daily")),
        };
        let signing = match self.signing.as_str() {
            "without_body" => SigningMode::WithoutBody,
            "with_body" => SigningMode::WithBody,
            _ => return Err(one_of("signing", "without_body", "with_body")),
        };
        let mut timers = Timers::scaled(self.time_scale);
        for (name, seconds) in &self.timers {
            let duration = Duration::try_from_secs_f64(*seconds).map_err(|_| {
                refuse(format!("timers: {name} must be a length of time in seconds"))
            })?;
            *timer(&mut timers, name)
                .ok_or_else(|| refuse(format!("timers: there is none called {name:?}")))? =
                duration;
        }
        let journal_options = SqliteOptions {
            shared: self.shared,
            first_batch: self.first_batch,
            set_aside_unusable: self.set_aside_unusable,
        };
        let letters = Arc::clone(letters);
        let mut builder = Client::builder(environment, credentials.core.clone());
        if let Some(class) = &self.environment_class {
            builder = builder.environment_class(class);
        }
        if let Some(path) = &self.record {
            builder = builder.record(path);
        }
        if self.journal_password {
            let letters = Arc::clone(&letters);
            builder = builder.journal_password(move |login| letters.questions.ask(login));
        }
        let builder = match self.journal {
            Some(path) => builder.journal(path.value).journal_options(journal_options),
            None => builder.journal_engine(Arc::new(MemoryJournal::new())),
        };
        let builder = builder
            .trust(self.ca_file.map_or(Trust::Platform, Trust::PemFile))
            .late_success(late_success)
            .check_payment(self.check_payment)
            .verify_declines(self.verify_declines)
            .batch_method(batch_method)
            .signing(signing)
            .phone_in_reversal(self.phone_in_reversal)
            .background(self.background)
            .settle_rate(self.settle_rate)
            .timers(timers)
            .observer(move |event| letters.observe(event));
        let proxy_trust = self.proxy_ca_file.map_or(Trust::Platform, Trust::PemFile);
        let builder = match self.proxy.map(|hidden| Zeroizing::new(hidden.value)) {
            Some(url) => {
                let proxy = Proxy::new(&url).map_err(|error| raise(py, &error))?;
                builder.proxy(proxy.with_trust(proxy_trust))
            }
            None => builder,
        };
        // Without a key of its own the certificate's file has both.
        let key = self.client_key.or_else(|| self.client_certificate.clone());
        let builder = match (self.client_certificate, key) {
            (Some(certificate), Some(key)) => builder.client_certificate(
                ClientCertificate::from_files(certificate, key)
                    .map_err(|error| raise(py, &error))?,
            ),
            (None, Some(_)) => {
                return Err(refuse("client_key: needs client_certificate beside it".to_owned()));
            }
            _ => builder,
        };
        Ok(move || builder.open())
    }
}

fn timer<'a>(timers: &'a mut Timers, name: &str) -> Option<&'a mut Duration> {
    Some(match name {
        "send_check" => &mut timers.send_check,
        "connected_check" => &mut timers.connected_check,
        "send_budget" => &mut timers.send_budget,
        "session" => &mut timers.session,
        "check" => &mut timers.check,
        "check_budget" => &mut timers.check_budget,
        "decide" => &mut timers.decide,
        "exchange_budget" => &mut timers.exchange_budget,
        "delay_bound" => &mut timers.delay_bound,
        "retry" => &mut timers.retry,
        "gate_escape" => &mut timers.gate_escape,
        "first_sweep" => &mut timers.first_sweep,
        "second_sweep" => &mut timers.second_sweep,
        "status_window" => &mut timers.status_window,
        "keep_phone" => &mut timers.keep_phone,
        _ => return None,
    })
}
