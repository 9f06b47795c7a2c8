//! What a client shall be, setting by setting.

use std::ffi::{CString, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ptp::journal::SqliteOptions;
use ptp::message::SigningMode;
use ptp::payment::{LateSuccess, Timers};
use ptp::{AppKey, BatchMethod, Client, ClientBuilder, Credentials, Environment, Terminal};

use crate::argument::{Bytes, In, Out, Text, flag};
use crate::callback::{Callbacks, Userdata, ovo_log_fn, ovo_progress_fn};
use crate::clock::{OwnClock, ovo_clock};
use crate::code::{Failure, ovo_code};
use crate::guard::outside;
use crate::handle;
use crate::transport::{OwnTransport, ovo_transport_fn};
use crate::version;
use crate::vocabulary;

/// Longest path and longest URL, in bytes.
const PATH: usize = 4095;
const URL: usize = 2047;
/// Longest value of a credential; the rules are the core's and shorter.
const CREDENTIAL: usize = 255;
/// Longest trust store, in bytes: all public authorities together have a quarter of it.
const PEM: usize = 1 << 20;

/// What a client shall be. One thread at a time should fill it.
pub struct ovo_config {
    _opaque: [u8; 0],
}

/// What a configuration's handle stands for.
#[derive(Default)]
pub(crate) struct ConfigBody {
    environment: Option<Environment>,
    credentials: Option<Credentials>,
    journal: Option<String>,
    journal_options: SqliteOptions,
    #[cfg(feature = "https")]
    trust: ptp::transport::Trust,
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
    callbacks: Callbacks,
    transport: Option<OwnTransport>,
    clock: Option<OwnClock>,
}

impl ConfigBody {
    pub(crate) fn threads(&self) -> bool {
        self.threads || self.background
    }

    /// The core's builder with everything that was set; what was not set is the core's default,
    /// except for threads.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        let missing = |what: &str| {
            Failure::new(ovo_code::OVO_ERR_CONFIGURATION, format!("config: {what} is not set"))
        };
        let environment = self.environment.clone().ok_or_else(|| missing("the environment"))?;
        let credentials = self.credentials.clone().ok_or_else(|| missing("the credentials"))?;
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

/// The shape of every setter.
fn set(
    config: *mut ovo_config,
    change: impl FnOnce(&mut ConfigBody) -> Result<(), Failure>,
) -> Result<(), Failure> {
    change(&mut lock(&*get(config)?))
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
/// Memory: on success the caller frees `*config` with `ovo_config_free`; else it is not written.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_new(header: i32, config: Out<*mut ovo_config>) -> i32 {
    outside(0, || {
        config.required("config")?;
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
/// Returns: `OVO_OK`, or `OVO_ERR_BAD_HANDLE` for what is not a configuration any more.
///
/// Memory: clients opened with it stay good.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_free(config: *mut ovo_config) -> i32 {
    outside(config.addr(), || {
        if !config.is_null() {
            drop(handle::close::<Mutex<ConfigBody>, _>(config)?);
        }
        Ok(())
    })
}

/// Says where OVO is. Required.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `environment`: `staging`, `staging-old`, `production`, `production-old` (OVO's new and old
///   hosts), or a URL: `https://...`, or `http://` to this machine only, for a sandbox. Stays the
///   caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: no such environment; or a common code.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_environment(config: *mut ovo_config, environment: Text) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.environment = Some(environment.read("environment", URL)?.parse()?);
            Ok(())
        })
    })
}

/// Gives the six values that OVO issued. Required, unless they are read from the environment or a
/// file.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `merchant_id`, `store_code`, `tid`, `mid`, `app_id`: as issued; stay the caller's.
/// - `app_key`: exactly 64 hexadecimal digits; stays the caller's, who should wipe it.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: the detail names the field and its rule, never the
/// value; or a common code.
///
/// Memory: the texts are copied; the app key's copy is wiped when it is freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_credentials(
    config: *mut ovo_config,
    merchant_id: Text,
    store_code: Text,
    tid: Text,
    mid: Text,
    app_id: Text,
    app_key: Text,
) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            let terminal = Terminal::new(
                tid.read("tid", CREDENTIAL)?,
                mid.read("mid", CREDENTIAL)?,
                store_code.read("store code", CREDENTIAL)?,
            )?;
            body.credentials = Some(Credentials::new(
                merchant_id.read("merchant id", CREDENTIAL)?,
                terminal,
                app_id.read("app id", CREDENTIAL)?,
                AppKey::new(app_key.read("app key", CREDENTIAL)?)?,
            )?);
            Ok(())
        })
    })
}

/// Reads the credentials from the environment variables `OVO_MERCHANT_ID`, `OVO_STORE_CODE`,
/// `OVO_TID`, `OVO_MID`, `OVO_APP_ID` and `OVO_APP_KEY`.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: one is missing; `OVO_ERR_INVALID_INPUT`: one breaks
/// its rule; or a common code.
///
/// Memory: the values are copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_credentials_from_environment(config: *mut ovo_config) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.credentials = Some(Credentials::from_environment()?);
            Ok(())
        })
    })
}

/// Reads the credentials from a file: TOML if its name ends in `.toml`, JSON if in `.json`, with
/// the keys `merchant_id`, `store_code`, `tid`, `mid`, `app_id` and `app_key`, all text.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `path`: the file, which other users of the machine must not be able to read; stays the
///   caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: the file cannot be used; `OVO_ERR_INVALID_INPUT`: a
/// value breaks its rule; or a common code.
///
/// Memory: the values are copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_credentials_from_file(config: *mut ovo_config, path: Text) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.credentials = Some(Credentials::from_file(path.read("path", PATH)?)?);
            Ok(())
        })
    })
}

/// Names the journal's file. Required. It is made if it does not exist, with mode 0600; its
/// directory must exist, on a local disk that keeps what it was told to sync.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `path`: the file; stays the caller's. One journal serves one tid and mid.
///
/// Returns: `OVO_OK` or a common code; the file is looked at by `ovo_client_open`.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_journal(config: *mut ovo_config, path: Text) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.journal = Some(path.read("path", PATH)?.to_owned());
            Ok(())
        })
    })
}

/// Lets several processes of this host use the journal at once. Default: one, which shuts all
/// others out.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `shared`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_journal_shared(config: *mut ovo_config, shared: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.journal_options.shared = flag("shared", shared)?;
            Ok(())
        })
    })
}

/// Chooses the batch of a fresh journal's first push. Default: one that no earlier journal of this
/// terminal can have used, taken from the wall clock, which must be right for that.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `batch`: 1 to 999999; 0 for the default.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no batch; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_first_batch(config: *mut ovo_config, batch: u32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            if batch > ptp::MAX_NUMBER {
                return Err(Failure::unknown("batch"));
            }
            body.journal_options.first_batch = (batch != 0).then_some(batch);
            Ok(())
        })
    })
}

/// Trusts the certificate authorities of a PEM file and no others. Default: those of the operating
/// system. Verification cannot be switched off.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `path`: the file, read by `ovo_client_open`; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a common code.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_trust_file(config: *mut ovo_config, path: Text) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            let path = path.read("path", PATH)?;
            body.trust(|| ptp_trust::file(path))
        })
    })
}

/// Trusts the certificate authorities of a PEM text in memory and no others, for a terminal without
/// files.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `pem`: the text, at most 1 MiB; stays the caller's.
/// - `length`: its length in bytes.
///
/// Returns: `OVO_OK`; `OVO_ERR_TOO_LONG`; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a
/// common code.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_trust_pem(
    config: *mut ovo_config,
    pem: Bytes,
    length: usize,
) -> i32 {
    outside(config.addr(), || {
        if pem.is_null() {
            return Err(Failure::null("pem"));
        }
        let pem = pem.read("pem", length, PEM)?;
        set(config, |body| body.trust(|| ptp_trust::text(pem)))
    })
}

/// Lets payments have threads of their own (`ovo_start`), and host names be looked up on one.
/// Default: the library starts no thread. Without threads a look-up takes as long as the system's
/// resolver takes; an address instead of a name needs none.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `threads`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_threads(config: *mut ovo_config, threads: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.threads = flag("threads", threads)?;
            Ok(())
        })
    })
}

/// Lets the client settle by itself, on one thread of its own; implies `ovo_config_set_threads`.
/// Default: it does not, and refunds wait for `ovo_settle` from the idle loop.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `background`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_background(config: *mut ovo_config, background: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.background = flag("background", background)?;
            Ok(())
        })
    })
}

/// Chooses what becomes of a success that only the status check reported.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `late_success`: an `ovo_late_success`; default `OVO_LATE_ACCEPT`.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_late_success(config: *mut ovo_config, late_success: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.late_success = vocabulary::late_success(late_success)?;
            Ok(())
        })
    })
}

/// Says whether the contract with OVO has Check Payment. Default: it has.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `contracted`: 1 or 0. Without it doubtful payments need an operator.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_check_payment(config: *mut ovo_config, contracted: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.no_check_payment = !flag("contracted", contracted)?;
            Ok(())
        })
    })
}

/// Says whether every decline is verified by a late check. Default: it is; a decline can hide a
/// debit.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `verify`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_verify_declines(config: *mut ovo_config, verify: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.trust_declines = !flag("verify", verify)?;
            Ok(())
        })
    })
}

/// Chooses when a new batch begins.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `method`: an `ovo_batch_method`; default `OVO_BATCH_CONTINUOUS`.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_batch_method(config: *mut ovo_config, method: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.batch_method = vocabulary::batch_method(method)?;
            Ok(())
        })
    })
}

/// Chooses what the signature covers. `ovo_doctor` tells which one the host accepts.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `signing`: an `ovo_signing`; default `OVO_SIGN_WITHOUT_BODY`.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such value; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_signing(config: *mut ovo_config, signing: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.signing = vocabulary::signing(signing)?;
            Ok(())
        })
    })
}

/// Says whether reversals carry the phone. Default: they do not, as in OVO's newer documents.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `carry`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_phone_in_reversal(config: *mut ovo_config, carry: i32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.phone_in_reversal = flag("carry", carry)?;
            Ok(())
        })
    })
}

/// Bounds the requests of settlement, so that a backlog does not crowd out new payments.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `per_second`: at least 1; default 10.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_settle_rate(config: *mut ovo_config, per_second: u32) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            if per_second == 0 {
                return Err(Failure::unknown("per_second"));
            }
            body.settle_rate = Some(per_second);
            Ok(())
        })
    })
}

/// Scales all of OVO's waiting times, for a sandbox on this machine whose clock runs faster by the
/// same factor. Towards any other host `ovo_client_open` refuses it.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `factor`: above 0 and at most 1, for example 0.02.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: no such factor; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_time_scale(config: *mut ovo_config, factor: f64) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            if !(factor > 0.0 && factor <= 1.0) {
                return Err(Failure::unknown("factor"));
            }
            body.time_scale = Some(factor);
            Ok(())
        })
    })
}

/// Gives the client a log. Default: none; the library never writes anywhere else.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `log`: the function; NULL for none.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_log(
    config: *mut ovo_config,
    log: ovo_log_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.callbacks.log = (log, Userdata(userdata));
            Ok(())
        })
    })
}

/// Gives the client a countdown.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `progress`: the function; NULL for none.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_progress(
    config: *mut ovo_config,
    progress: ovo_progress_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.callbacks.progress = (progress, Userdata(userdata));
            Ok(())
        })
    })
}

/// Gives the client a transport of the caller's: a modem, another TLS stack. Trust is then that
/// transport's business.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `transport`: the function; NULL for the library's own.
/// - `userdata`: handed back to it, may be NULL; must live until `ovo_client_close` has returned.
///
/// Returns: `OVO_OK` or a common code.
///
/// Memory: nothing behind `userdata` is looked at.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_transport(
    config: *mut ovo_config,
    transport: ovo_transport_fn,
    userdata: *mut c_void,
) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.transport = transport.map(|function| OwnTransport {
                function,
                userdata: Userdata(userdata),
                url: CString::default(),
            });
            Ok(())
        })
    })
}

/// Gives the client a clock of the caller's.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `clock`: the clock, all of its functions set; stays the caller's. NULL for the system's.
///
/// Returns: `OVO_OK`; `OVO_ERR_NULL`: a function or the boot id is missing; or a common code.
///
/// Memory: the struct and its boot id are copied; its `userdata` must live until
/// `ovo_client_close` has returned.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_clock(config: *mut ovo_config, clock: In<ovo_clock>) -> i32 {
    outside(config.addr(), || {
        set(config, |body| {
            body.clock = match clock.is_null() {
                true => None,
                false => Some(OwnClock::of(&clock.read("clock")?)?),
            };
            Ok(())
        })
    })
}

#[cfg(feature = "https")]
mod ptp_trust {
    use ptp::transport::Trust;

    pub(super) fn file(path: &str) -> Trust {
        Trust::PemFile(path.into())
    }

    pub(super) fn text(pem: &[u8]) -> Trust {
        Trust::Pem(pem.to_vec())
    }
}

#[cfg(not(feature = "https"))]
mod ptp_trust {
    pub(super) fn file(_path: &str) {}

    pub(super) fn text(_pem: &[u8]) {}
}

impl ConfigBody {
    #[cfg(feature = "https")]
    fn trust(&mut self, trust: impl FnOnce() -> ptp::transport::Trust) -> Result<(), Failure> {
        self.trust = trust();
        Ok(())
    }

    #[cfg(not(feature = "https"))]
    fn trust(&mut self, _trust: impl FnOnce()) -> Result<(), Failure> {
        Err(Failure::new(
            ovo_code::OVO_ERR_UNSUPPORTED,
            "config: this build has no HTTPS; trust is the transport's business",
        ))
    }
}
