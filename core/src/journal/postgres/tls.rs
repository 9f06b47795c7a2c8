//! TLS towards the server, by rustls with ring as in the rest of this library. The server's certificate
//! is always verified, its name too.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use super::dsn::Dsn;
use crate::journal::{JournalError, JournalErrorKind};

/// How every connection of a journal speaks TLS.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    pub(super) fn new(dsn: &Dsn) -> Result<Tls, JournalError> {
        let unfit = |rule: String| JournalError::new(JournalErrorKind::Unreachable, rule);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| unfit(format!("TLS cannot be set up ({error})")))?;
        let builder = match &dsn.roots {
            None => {
                let verifier =
                    rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                        unfit(format!(
                            "the platform's trusted certificates cannot be used ({error})"
                        ))
                    })?;
                // "Dangerous" in name only: this is how rustls takes every verifier but its own.
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
            Some(path) => {
                let named =
                    |rule: String| unfit(format!("sslrootcert: {}: {rule}", path.display()));
                let mut roots = RootCertStore::empty();
                let all = CertificateDer::pem_file_iter(path)
                    .map_err(|error| named(error.to_string()))?;
                for certificate in all {
                    let certificate = certificate.map_err(|error| named(error.to_string()))?;
                    roots.add(certificate).map_err(|error| named(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(named("holds no certificate".to_owned()));
                }
                builder.with_root_certificates(roots)
            }
        };
        let mut config = builder.with_no_client_auth();
        config.enable_early_data = false;
        config.key_log = Arc::new(rustls::NoKeyLog);
        Ok(Tls(Arc::new(config)))
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Stream;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> io::Result<Connect> {
        let name = ServerName::try_from(domain.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "host: no name for TLS"))?;
        Ok(Connect { config: Arc::clone(&self.0), name })
    }
}

/// One handshake.
pub(super) struct Connect {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for Connect {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let connector = tokio_rustls::TlsConnector::from(self.config);
            connector.connect(self.name, socket).await.map(|stream| Stream(Box::new(stream)))
        })
    }
}

/// What is sent and read through it.
pub(super) struct Stream(Box<tokio_rustls::client::TlsStream<Socket>>);

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
