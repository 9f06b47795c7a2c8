//! Whom the TLS layer believes, and who it says that it is.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::client_certificate::Presenter;
use crate::error::{Error, ErrorKind};

/// The certificate authorities that may vouch for OVO. There is no way to switch verification off.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the operating system.
    #[default]
    Platform,
    /// The certificates of a PEM text, and no others. For terminals without a system store.
    Pem(Vec<u8>),
    /// The certificates of a PEM file, and no others. Read once, when the transport is made.
    PemFile(PathBuf),
}

/// The TLS settings that all connections of a transport share.
pub(super) fn client_config(
    trust: &Trust,
    presenter: &Arc<Presenter>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| invalid(format!("TLS cannot be set up: {error}")))?;
    let builder = match trust {
        Trust::Platform => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                invalid(format!("the platform's trusted certificates cannot be used: {error}"))
            })?;
            // "Dangerous" in name only: this is how rustls takes every verifier but its own.
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Pem(text) => builder.with_root_certificates(roots(text)?),
        Trust::PemFile(path) => {
            let text = std::fs::read(path).map_err(|error| {
                invalid(format!("the trust file {} cannot be read: {error}", path.display()))
            })?;
            builder.with_root_certificates(roots(&text)?)
        }
    };
    let presenter: Arc<dyn ResolvesClientCert> = Arc::clone(presenter) as _;
    let mut config = builder.with_client_cert_resolver(presenter);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Both are rustls's defaults and both matter: early data can be replayed by anyone on the way
    // (fault B5), and a key log would let SSLKEYLOGFILE in a terminal's environment open every
    // session. Said here so that a changed default cannot go unnoticed.
    config.enable_early_data = false;
    config.key_log = Arc::new(rustls::NoKeyLog);
    Ok(config)
}

/// The certificates of a PEM text. A certificate that cannot be used is an error, not a warning: it
/// may be the one that is needed.
fn roots(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|_| invalid("the trusted certificates are not valid PEM"))?;
        roots.add(certificate).map_err(|_| {
            invalid(format!("trusted certificate {} cannot be used", roots.len() + 1))
        })?;
    }
    if roots.is_empty() {
        return Err(invalid("the trusted certificates hold no certificate"));
    }
    Ok(roots)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
