//! Where a client works and as whom: OVO's host, the credentials, the journal, whom to trust.

use ptp::{AppKey, Credentials, Terminal};

use super::{ConfigBody, ovo_config, set};
use crate::argument::{Bytes, Text, flag};
use crate::code::Failure;
#[cfg(not(feature = "https"))]
use crate::code::ovo_code;
use crate::guard::outside;

/// Longest path and longest URL, in bytes.
pub(crate) const PATH: usize = 4095;
const URL: usize = 2047;
/// Longest value of a credential; the rules are the core's and shorter.
const CREDENTIAL: usize = 255;
/// Longest list of former app keys, in bytes: a key a month for five years.
const FORMER_KEYS: usize = 4095;
/// Longest trust store, in bytes: all public authorities together have a quarter of it.
const PEM: usize = 1 << 20;

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
    outside(config.addr(), &[], || {
        set(config, "trust", |body| {
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
    outside(config.addr(), &[], || {
        set(config, "trust", |body| {
            if pem.is_null() {
                return Err(Failure::null("pem"));
            }
            let pem = pem.read("pem", length, PEM)?;
            body.trust(|| ptp_trust::text(pem))
        })
    })
}

/// Goes through a proxy: the merchant's own way out, whose address OVO admits. Default: none, whatever
/// the environment says. OVO's name is resolved by the proxy, and its certificate verified behind it.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `url`: `http://[user:password@]host[:port]`, `https://` (TLS to the proxy, see
///   `ovo_config_set_proxy_trust_file`) or `socks5://`, with reserved characters of user and password percent-encoded; stays the caller's. NULL for none.
///
/// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: no such URL; `OVO_ERR_UNSUPPORTED`: this build has no
/// HTTPS; or a common code. No error shows the password.
///
/// Memory: the text is copied; what is copied is cleared with the configuration and the client.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_proxy(config: *mut ovo_config, url: Text) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "proxy", |body| {
            let url = url.read_if_any("url", URL)?;
            body.proxy(url)
        })
    })
}

/// Trusts the certificate authorities of a PEM file, and no others, with an `https://` proxy's own
/// certificate, and with nothing else: an authority of the merchant's own network that vouched for OVO,
/// too, would let the proxy answer in its place. Default: those of the operating system, whatever
/// `ovo_config_set_trust_file` says.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `path`: the file, read by `ovo_client_open`; stays the caller's.
///
/// Returns: `OVO_OK`; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a common code.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_proxy_trust_file(config: *mut ovo_config, path: Text) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "proxy_trust", |body| {
            let path = path.read("path", PATH)?;
            body.proxy_trust(|| ptp_trust::file(path))
        })
    })
}

/// The same from a PEM text in memory.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `pem`: the text, at most 1 MiB; stays the caller's.
/// - `length`: its length in bytes.
///
/// Returns: as `ovo_config_set_proxy_trust_file`, and `OVO_ERR_TOO_LONG`.
///
/// Memory: the text is copied.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_proxy_trust_pem(
    config: *mut ovo_config,
    pem: Bytes,
    length: usize,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "proxy_trust", |body| {
            if pem.is_null() {
                return Err(Failure::null("pem"));
            }
            let pem = pem.read("pem", length, PEM)?;
            body.proxy_trust(|| ptp_trust::text(pem))
        })
    })
}

/// Shows a certificate to a host that asks for one: an acquirer in front of OVO that terminates mutual
/// TLS. OVO's own hosts ask for none. Read now, once.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `certificate`: the path of a PEM file, the certificate first and then its intermediates; stays
///   the caller's. NULL for none.
/// - `key`: the path of a PEM file with its private key, not encrypted and of mode 0600; stays the
///   caller's. NULL: it is in the certificate's file.
///
/// Returns: `OVO_OK`; `OVO_ERR_CONFIGURATION`: a file cannot be read, or the key does not belong to the
/// certificate; `OVO_ERR_UNSUPPORTED`: this build has no HTTPS; or a common code. No error shows content.
///
/// Memory: what was read is wiped; the key lives as long as the configuration and its clients.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_client_certificate_file(
    config: *mut ovo_config,
    certificate: Text,
    key: Text,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "client_certificate", |body| {
            let certificate = certificate.read_if_any("certificate", PATH)?;
            let key = key.read_if_any("key", PATH)?;
            body.client_certificate_file(certificate, key)
        })
    })
}

/// The same from PEM texts in memory, for a terminal that keeps its key in a secure element's store.
///
/// Parameters:
/// - `config`: a configuration; stays the caller's.
/// - `certificate`: the text, at most 1 MiB; stays the caller's.
/// - `certificate_length`: its length in bytes.
/// - `key`: the key's text, which may be the same; stays the caller's, who wipes it.
/// - `key_length`: its length in bytes.
///
/// Returns: as `ovo_config_set_client_certificate_file`, and `OVO_ERR_TOO_LONG`.
///
/// Memory: what is copied is wiped; the key lives as long as the configuration and its clients.
#[unsafe(no_mangle)]
pub extern "C" fn ovo_config_set_client_certificate_pem(
    config: *mut ovo_config,
    certificate: Bytes,
    certificate_length: usize,
    key: Bytes,
    key_length: usize,
) -> i32 {
    outside(config.addr(), &[], || {
        set(config, "client_certificate", |body| {
            if certificate.is_null() {
                return Err(Failure::null("certificate"));
            }
            if key.is_null() {
                return Err(Failure::null("key"));
            }
            let certificate = certificate.read("certificate", certificate_length, PEM)?;
            let key = key.read("key", key_length, PEM)?;
            body.client_certificate_pem(certificate, key)
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

    #[cfg(feature = "https")]
    fn proxy(&mut self, url: Option<&str>) -> Result<(), Failure> {
        self.proxy = url.map(ptp::transport::Proxy::new).transpose()?;
        Ok(())
    }

    #[cfg(feature = "https")]
    fn proxy_trust(
        &mut self,
        trust: impl FnOnce() -> ptp::transport::Trust,
    ) -> Result<(), Failure> {
        self.proxy_trust = trust();
        Ok(())
    }

    #[cfg(feature = "https")]
    fn client_certificate_file(
        &mut self,
        certificate: Option<&str>,
        key: Option<&str>,
    ) -> Result<(), Failure> {
        let read =
            |path: &str| ptp::transport::ClientCertificate::from_files(path, key.unwrap_or(path));
        self.client_certificate = certificate.map(read).transpose()?;
        Ok(())
    }

    #[cfg(feature = "https")]
    fn client_certificate_pem(&mut self, certificate: &[u8], key: &[u8]) -> Result<(), Failure> {
        let ours = ptp::transport::ClientCertificate::from_pem(certificate, key)?;
        self.client_certificate = Some(ours);
        Ok(())
    }

    #[cfg(not(feature = "https"))]
    fn client_certificate_file(
        &mut self,
        _certificate: Option<&str>,
        _key: Option<&str>,
    ) -> Result<(), Failure> {
        Err(unsupported("a client's certificate"))
    }

    #[cfg(not(feature = "https"))]
    fn client_certificate_pem(&mut self, _certificate: &[u8], _key: &[u8]) -> Result<(), Failure> {
        Err(unsupported("a client's certificate"))
    }

    #[cfg(not(feature = "https"))]
    fn proxy(&mut self, _url: Option<&str>) -> Result<(), Failure> {
        Err(unsupported("a proxy"))
    }

    #[cfg(not(feature = "https"))]
    fn proxy_trust(&mut self, _trust: impl FnOnce()) -> Result<(), Failure> {
        Err(unsupported("a proxy"))
    }

    #[cfg(not(feature = "https"))]
    fn trust(&mut self, _trust: impl FnOnce()) -> Result<(), Failure> {
        Err(unsupported("trust"))
    }
}

#[cfg(not(feature = "https"))]
fn unsupported(what: &str) -> Failure {
    Failure::new(
        ovo_code::OVO_ERR_UNSUPPORTED,
        format!("config: this build has no HTTPS; {what} is the transport's business"),
    )
}
