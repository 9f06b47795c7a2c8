//! Whom the TLS layer believes, and who it says that it is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore};

use super::Validity;
use super::client_certificate::Presenter;
use crate::error::{Error, ErrorKind};
use crate::lock::lock;
use crate::secret_file;
use crate::wib::WallTime;

/// Longest trust file: all public authorities together have a quarter of it.
const MAX_FILE: usize = 1 << 20;

/// The certificate authorities that may vouch for OVO, or for a proxy. There is no way to switch
/// verification off.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the operating system.
    #[default]
    Platform,
    /// The certificates of a PEM text, and no others. For terminals without a system store.
    Pem(Vec<u8>),
    /// The certificates of a PEM file of at most 1 MiB, and no others. Read once, when the transport is
    /// made.
    PemFile(PathBuf),
}

/// One with whom TLS is spoken: whom it must be, and who vouches for it.
pub(super) struct TlsPeer {
    name: ServerName<'static>,
    /// For failures: nothing, or that it is the proxy's.
    pub(super) whose: &'static str,
    sessions: Mutex<Sessions>,
}

/// The settings with the sessions that can be resumed, and the end of the first certificate that
/// does for one of them: a resumed session shows none, and would outlive it.
struct Sessions {
    config: Arc<ClientConfig>,
    end: Option<WallTime>,
}

impl TlsPeer {
    pub(super) fn host(
        name: ServerName<'static>,
        trust: &Trust,
        presenter: &Arc<Presenter>,
    ) -> Result<Self, Error> {
        let config = client_config(trust, presenter).map_err(|rule| invalid("ca_file", &rule))?;
        Ok(TlsPeer::new(name, "", config))
    }

    /// It is not shown the client's certificate.
    pub(super) fn proxy(name: ServerName<'static>, trust: &Trust) -> Result<Self, Error> {
        let config = client_config(trust, &Presenter::new(None));
        let config = config.map_err(|rule| invalid("proxy_ca_file", &rule))?;
        Ok(TlsPeer::new(name, " with the proxy", config))
    }

    fn new(name: ServerName<'static>, whose: &'static str, config: ClientConfig) -> Self {
        let sessions = Mutex::new(Sessions { config: Arc::new(config), end: None });
        TlsPeer { name, whose, sessions }
    }

    /// A session to begin, resumed if every certificate that vouched for one is still good.
    pub(super) fn session(&self) -> Result<ClientConnection, rustls::Error> {
        self.session_at(SystemTime::now())
    }

    fn session_at(&self, now: SystemTime) -> Result<ClientConnection, rustls::Error> {
        if now < SystemTime::UNIX_EPOCH {
            // rustls would panic over it, and no certificate is good then.
            let what = "this machine's clock is before 1970; set it";
            return Err(rustls::Error::General(what.to_owned()));
        }
        if lock(&self.sessions).end.is_some_and(|end| WallTime::now() > end) {
            self.forget();
        }
        let config = Arc::clone(&lock(&self.sessions).config);
        ClientConnection::new(config, self.name.clone())
    }

    /// A session has begun.
    pub(super) fn remember(&self, session: &ClientConnection) {
        if session.handshake_kind() == Some(HandshakeKind::Resumed) {
            return;
        }
        if let Some(validity) = Validity::of_peer(session) {
            let mut sessions = lock(&self.sessions);
            sessions.end = Some(sessions.end.map_or(validity.ends, |end| end.min(validity.ends)));
        }
    }

    /// Resumes none of the sessions until now.
    pub(super) fn forget(&self) {
        let mut sessions = lock(&self.sessions);
        Arc::make_mut(&mut sessions.config).resumption = Resumption::default();
        sessions.end = None;
    }
}

/// The TLS settings that all connections to one share. The error is the rule that the trust breaks.
fn client_config(trust: &Trust, presenter: &Arc<Presenter>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| format!("TLS cannot be set up ({error})"))?;
    let builder = match trust {
        Trust::Platform => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                format!("the platform's trusted certificates cannot be used ({error})")
            })?;
            // "Dangerous" in name only: this is how rustls takes every verifier but its own.
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Pem(text) => builder.with_root_certificates(roots(text)?),
        Trust::PemFile(path) => {
            let named = |rule: String| format!("{}: {rule}", path.display());
            let text = secret_file::read(path, MAX_FILE).map_err(named)?;
            builder.with_root_certificates(roots(&text).map_err(named)?)
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
fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "is not valid PEM of certificates")?;
        roots
            .add(certificate)
            .map_err(|_| format!("its certificate {} cannot be used", roots.len() + 1))?;
    }
    if roots.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    Ok(roots)
}

fn invalid(field: &'static str, rule: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{field}: {rule}")).about_field(field)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn t3_a_clock_before_1970_is_named_and_no_defect() {
        let name = ServerName::try_from("ovo.example").unwrap();
        let peer = TlsPeer::host(name, &Trust::Platform, &Presenter::new(None)).unwrap();
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        let refused = peer.session_at(before).map(drop).unwrap_err().to_string();
        assert!(refused.contains("clock is before 1970"), "{refused}");
        assert!(peer.session().is_ok());
    }
}
