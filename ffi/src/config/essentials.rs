//! Where a client works and as whom: OVO's host, the credentials, the journal.

use ptp::{AppKey, Credentials, Terminal};

use super::{ovo_config, set};
use crate::argument::{Text, flag};
use crate::code::Failure;
use crate::guard::outside;

/// Longest path and longest URL, in bytes.
pub(crate) const PATH: usize = 4095;
pub(super) const URL: usize = 2047;
/// Longest value of a credential; the rules are the core's and shorter.
const CREDENTIAL: usize = 255;
/// Longest list of former app keys, in bytes: a key a month for five years.
const FORMER_KEYS: usize = 4095;

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
    outside(config.addr(), &[], || {
        set(config, "environment", |body| {
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
    outside(config.addr(), &[], || {
        set(config, "credentials", |body| {
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
    outside(config.addr(), &[], || {
        set(config, "credentials", |body| {
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
    outside(config.addr(), &[], || {
        set(config, "credentials", |body| {
            body.credentials = Some(Credentials::from_file(path.read("path", PATH)?)?);
            Ok(())
        })
    })
}

/// Gives the app keys that the merchant had before the present one, beside those that the credentials'
/// file or environment names. A journal needs a former key once, when it is first opened with the next
/// one: it then keeps what it needs of it, sealed with the new one, and the former key can be left out.
/// Without it the journal opens with a critical line of the log, and requests about older payments
/// leave the phone out.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `app_keys`: each exactly 64 hexadecimal digits, parted by commas; stays the caller's, who should
///   wipe it. NULL for none, which is the default.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: one is no key; or a common code.
///
/// Memory: the text is copied; the copy is wiped when it is freed.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_previous_app_keys(config: *mut ovo_config, app_keys: Text) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "previous app keys", |body| {
            let keys = app_keys.read_if_any("app keys", FORMER_KEYS)?;
            let keys = keys.map(|keys| keys.split(',').map(AppKey::new).collect());
            body.previous_app_keys = keys.unwrap_or(Ok(Vec::new()))?;
            Ok(())
        })
    })
}

/// Says what kind of environment a host of one's own is, for example `production` for a gateway in
/// front of OVO's. A journal belongs to one kind and is refused by clients of another. Default:
/// `production` and `staging` for OVO's hosts, `loopback` for this machine, else the host itself.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `environment_class`: the kind, 1 to 255 bytes; stays the caller's. NULL for the default. Beside one
///   of OVO's own hosts `ovo_client_open` refuses another kind than theirs.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: an empty one; or a common code.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_environment_class(
    config: *mut ovo_config,
    environment_class: Text,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "environment class", |body| {
            let class = environment_class.read_if_any("environment class", CREDENTIAL)?;
            if class.is_some_and(str::is_empty) {
                return Err(Failure::unknown("environment class"));
            }
            body.environment_class = class.map(str::to_owned);
            Ok(())
        })
    })
}

/// Names the journal's file. Required. It is made if it does not exist, with mode 0600; its
/// directory must exist, on a local disk that keeps what it was told to sync. A library that was built with
/// the feature `postgres` also takes the address of a journal for several nodes:
/// `postgresql://user@host1,host2/database?schema=ovo`, with the password in `PGPASSWORD` or a password file.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `path`: the file or the address; stays the caller's. One journal serves one tid and mid.
///
/// Returns: `OVO_OK` or a common code; the file is looked at by `ovo_client_open`.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_journal(config: *mut ovo_config, path: Text) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "journal", |body| {
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
    outside(config.addr(), &[], || {
        set(config, "journal shared", |body| {
            body.journal_options.shared = flag("shared", shared)?;
            Ok(())
        })
    })
}

/// Lets `ovo_client_open` set a journal aside that cannot be used (it is damaged, or missing beside its
/// log) and begin a new one, which is a critical line of the log: for tills without a person at a shell.
/// See `ovo_journal_set_aside`. Default: it is refused, with the reason.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `on`: 1 or 0.
///
/// Returns: `OVO_OK`; `OVO_ERR_INVALID_INPUT`: neither 1 nor 0; or a common code.
///
/// Memory: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_journal_set_aside_unusable(
    config: *mut ovo_config,
    on: i32,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "journal set aside unusable", |body| {
            body.journal_options.set_aside_unusable = flag("on", on)?;
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
    outside(config.addr(), &[], || {
        set(config, "first batch", |body| {
            if batch > ptp::journal::MAX_NUMBER {
                return Err(Failure::unknown("batch"));
            }
            body.journal_options.first_batch = (batch != 0).then_some(batch);
            Ok(())
        })
    })
}
