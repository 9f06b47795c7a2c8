//! The way to OVO: whom to trust, through which proxy, and the client's own certificate. A build without
//! HTTPS has none of it: the bytes then go over the caller's transport.

use super::essentials::{PATH, URL};
use super::{ConfigBody, ovo_config, set};
use crate::argument::{Bytes, Text};
use crate::code::Failure;
#[cfg(not(feature = "https"))]
use crate::code::ovo_code;
use crate::guard::outside;

/// Longest trust store, in bytes: all public authorities together have a quarter of it.
const PEM: usize = 1 << 20;

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
