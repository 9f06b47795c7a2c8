//! What a client shall be: the settings together, and the builder that they make.

use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ptp::journal::SqliteOptions;
use ptp::message::SigningMode;
use ptp::payment::{LateSuccess, Timers};
use ptp::{AppKey, BatchMethod, Client, ClientBuilder, Credentials, Environment};

use crate::argument::Out;
use crate::callback::Callbacks;
use crate::clock::OwnClock;
use crate::code::{Failure, ovo_code};
use crate::guard::{anywhere, outside};
use crate::handle;
#[cfg(feature = "postgres")]
use crate::password::Asked;
use crate::transport::OwnTransport;
use crate::version;

// In the order of the header.
mod essentials;
mod network;
mod policy;
mod provided;

pub(crate) use essentials::PATH;

/// What a client shall be. One thread at a time should fill it.
pub struct ovo_config {
    _opaque: [u8; 0],
}

/// What a configuration's handle stands for.
#[derive(Default)]
pub(crate) struct ConfigBody {
    environment: Option<Environment>,
    credentials: Option<Credentials>,
    previous_app_keys: Vec<AppKey>,
    environment_class: Option<String>,
    journal: Option<String>,
    journal_options: SqliteOptions,
    #[cfg(feature = "postgres")]
    journal_password: Option<(crate::password::Function, crate::callback::Userdata)>,
    #[cfg(feature = "https")]
    trust: ptp::transport::Trust,
    #[cfg(feature = "https")]
    proxy: Option<ptp::transport::Proxy>,
    #[cfg(feature = "https")]
    proxy_trust: ptp::transport::Trust,
    #[cfg(feature = "https")]
    client_certificate: Option<ptp::transport::ClientCertificate>,
    threads: bool,
    background: bool,
    late_success: LateSuccess,
    no_check_payment: bool,
    trust_declines: bool,
    batch_method: BatchMethod,
    signing: SigningMode,
    phone_in_reversal: bool,
    settle_rate: Option<u32>,
    time_scale: Option<f64>,
    record: Option<String>,
    callbacks: Callbacks,
    transport: Option<OwnTransport>,
    clock: Option<OwnClock>,
    /// Settings whose latest call failed. A client is not opened without what was asked for: many
    /// programs look at the code of opening alone.
    failed: Vec<(Setting, Failure)>,
}

/// What a setter sets; several setters may set the same.
type Setting = &'static str;

impl ConfigBody {
    pub(crate) fn threads(&self) -> bool {
        self.threads || self.background
    }

    /// The function for one client that is opened with this, if there is one.
    #[cfg(feature = "postgres")]
    pub(crate) fn asked(&self) -> Option<Arc<Asked>> {
        self.journal_password.map(|(function, userdata)| Asked::new(function, userdata))
    }

    /// The core's builder with everything that was set; what was not set is the core's default,
    /// except for threads.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        if let Some((_, first)) = self.failed.first() {
            return Err(first.clone());
        }
        let missing = |what: &str| {
            Failure::new(ovo_code::OVO_ERR_CONFIGURATION, format!("config: {what} is not set"))
        };
        let environment = self.environment.clone().ok_or_else(|| missing("the environment"))?;
        let credentials = self.credentials.clone().ok_or_else(|| missing("the credentials"))?;
        let former: Vec<AppKey> = credentials
            .previous_app_keys()
            .iter()
            .chain(&self.previous_app_keys)
            .cloned()
            .collect();
        let credentials = credentials.with_previous_app_keys(former);
        let url = environment.url();
        let mut builder = Client::builder(environment, credentials)
            .journal(self.journal.as_ref().ok_or_else(|| missing("the journal"))?)
            .journal_options(self.journal_options.clone())
            .threads(self.threads())
            .background(self.background)
            .late_success(self.late_success)
            .check_payment(!self.no_check_payment)
            .verify_declines(!self.trust_declines)
            .batch_method(self.batch_method)
            .signing(self.signing)
            .phone_in_reversal(self.phone_in_reversal);
        #[cfg(feature = "https")]
        {
            builder = builder.trust(self.trust.clone());
            if let Some(proxy) = &self.proxy {
                let proxy = proxy.clone().with_trust(self.proxy_trust.clone());
                builder = builder.proxy(proxy);
            }
            if let Some(certificate) = &self.client_certificate {
                builder = builder.client_certificate(certificate.clone());
            }
        }
        if let Some(class) = &self.environment_class {
            builder = builder.environment_class(class);
        }
        if let Some(file) = &self.record {
            builder = builder.record(file);
        }
        if let Some(rate) = self.settle_rate {
            builder = builder.settle_rate(rate);
        }
        if let Some(factor) = self.time_scale {
            builder = builder.timers(Timers::scaled(factor));
        }
        if self.callbacks.are_set() {
            let callbacks = self.callbacks;
            builder = builder.observer(move |event| callbacks.hear(event));
        }
        if let Some(clock) = &self.clock {
            builder = builder.clock(Arc::new(clock.clone()));
        }
        match &self.transport {
            Some(transport) => {
                let url = CString::new(url).unwrap_or_default();
                let transport = OwnTransport { url, ..transport.clone() };
                Ok(builder.transport(Arc::new(transport)))
            }
            None if cfg!(feature = "https") => Ok(builder),
            None => Err(Failure::new(
                ovo_code::OVO_ERR_UNSUPPORTED,
                "config: this build has no HTTPS; give it a transport",
            )),
        }
    }
}

pub(crate) fn get(config: *const ovo_config) -> Result<Arc<Mutex<ConfigBody>>, Failure> {
    handle::get::<Mutex<ConfigBody>, _>(config)
}

pub(crate) fn lock(config: &Mutex<ConfigBody>) -> MutexGuard<'_, ConfigBody> {
    config.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shape of every setter. One that fails is remembered until the same setting is made well.
fn set(
    config: *mut ovo_config,
    setting: Setting,
    change: impl FnOnce(&mut ConfigBody) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut change = Some(change);
    // One copy of the work for all setters, as in the guards.
    set_by(config, setting, &mut |body| change.take().map_or(Ok(()), |change| change(body)))
}

fn set_by(
    config: *mut ovo_config,
    setting: Setting,
    change: &mut dyn FnMut(&mut ConfigBody) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = get(config)?;
    let mut body = lock(&config);
    body.failed.retain(|(failed, _)| *failed != setting);
    let changed = change(&mut body);
    if let Err(failure) = &changed {
        body.failed.push((setting, failure.clone()));
    }
    changed
}

/// Begins a configuration. Environment, credentials and journal must be set; everything else has a
/// safe default.
///
/// Parameters:
/// - `header`: `OVO_VERSION_NUMBER`, so that a program compiled with a newer header is found out.
/// - `config`: gets the configuration.
///
/// Returns: `OVO_OK`; `OVO_ERR_VERSION`: install the library of the header; or a common code.
///
/// Memory: on success the caller frees `*config` with `ovo_config_free`; else it is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_new(header: i32, config: Out<*mut ovo_config>) -> i32 {
    outside(0, &[&config.required("config")], || {
        version::admit(header)?;
        config.write(handle::open(Arc::new(Mutex::new(ConfigBody::default())))?);
        Ok(())
    })
}

/// Frees a configuration. The app key in it is wiped.
///
/// Parameters:
/// - `config`: a configuration, the library's from now on. NULL is fine; a second time is a code.
///
/// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a configuration any more. In a callback, too.
///
/// Memory: clients opened with it stay good.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_free(config: *mut ovo_config) -> i32 {
    anywhere(config.addr(), &[], || {
        if !config.is_null() {
            drop(handle::close::<Mutex<ConfigBody>, _>(config)?);
        }
        Ok(())
    })
}
