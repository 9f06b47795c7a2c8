//! The transport of the product: HTTP/1.1 over TLS.
//!
//! HTTP itself is ureq's: it writes the head of a request and reads the heads of answers. What only
//! this library needs is ours: the one connection, ready before ureq hears of the request, the one
//! write, the phase of every failure, the deadline, the watch, and how an answer ends (`http.rs`,
//! `response.rs`). TLS is rustls.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::{ClientConfig, ProtocolVersion};

use super::client_certificate::{ClientCertificate, Presenter};
use super::connection::{Connection, Tls};
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::http::Http;
use super::proxy::Proxy;
use super::resolver::Resolver;
use super::tcp::Socket;
use super::trust::{Trust, client_config};
use super::{
    Exchange, Failure, FailureKind, HttpRequest, Route, Transport, Validity, Watch, failure,
};
use crate::error::{Error, ErrorKind};

/// How to reach the host.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HttpsOptions {
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The proxy to go through; `None` goes straight, whatever the environment says.
    pub proxy: Option<Proxy>,
    /// What is shown to a host that asks who this is; never to a proxy. `None`: nothing.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether a host name is looked up in the calling thread instead of one of its own. A look-up
    /// cannot be interrupted, so it may then take longer than the time to send; the exchange ends
    /// as [`Exchange::NotSent`]. An address instead of a name needs no look-up.
    pub without_threads: bool,
}

impl HttpsOptions {
    /// Options with this trust and the defaults for the rest.
    pub fn with_trust(trust: Trust) -> Self {
        HttpsOptions { trust, ..HttpsOptions::default() }
    }
}

/// [`Transport`] over HTTPS, or over plain HTTP to a sandbox on this machine.
///
/// Every exchange uses a connection of its own that serves nothing else: an old connection can die
/// under a request, and whether that request arrived is then unknown (fault N9). TLS sessions are
/// resumed, which gives back most of the cost.
///
/// * Nothing is ever sent twice, no redirect is followed, no proxy is taken from the environment,
///   nothing is decompressed, no cookie is kept.
/// * The TLS handshake is over before [`Watch::may_send`] is asked. A failure up to that point, and
///   one of the write that left nothing in the operating system's hands, is [`Exchange::NotSent`].
/// * A host that refuses the client's certificate may say so behind the handshake (TLS 1.3). Its word
///   is waited for; one that comes behind the request all the same leaves it unknown: nothing proves
///   that such a host has not read it.
/// * [`HttpRequest::total_budget`] wins over everything except a [`Watch`] that does not return.
/// * No lock is held while [`Watch`] is called; [`Watch::wait`] may run another exchange.
///
/// Memory: about 40 KB for each exchange that waits; the stack it needs is below 64 KB.
///
/// ```no_run
/// use ovo_ptp::transport::{HttpsOptions, HttpsTransport, Trust};
///
/// let bundled = HttpsOptions::with_trust(Trust::PemFile("/etc/pos/roots.pem".into()));
/// let transport = HttpsTransport::new("https://apigw.ovo.id/pos", bundled)?;
/// # Ok::<(), ovo_ptp::Error>(())
/// ```
pub struct HttpsTransport {
    endpoint: Endpoint,
    /// With the TLS settings for it: it is not shown the client's certificate.
    proxy: Option<(Proxy, Arc<ClientConfig>)>,
    /// Of the proxy, if there is one.
    resolver: Resolver,
    config: Arc<ClientConfig>,
    presenter: Arc<Presenter>,
    http: Http,
}

impl HttpsTransport {
    /// A transport for `https://host[:port][/path]`; `http://` only to 127.0.0.0/8, ::1 or
    /// localhost. Reads the trusted certificates; connects to nothing.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if the URL or the trusted certificates
    /// cannot be used.
    pub fn new(url: &str, options: HttpsOptions) -> Result<Self, Error> {
        let endpoint = Endpoint::parse(url)?;
        let presenter = Presenter::new(options.client_certificate);
        let config = Arc::new(client_config(&options.trust, &presenter)?);
        let http = Http::new(&endpoint)?;
        let threads = !options.without_threads;
        let (proxy, resolver) = match options.proxy {
            None => (None, Resolver::new(&endpoint, threads)),
            Some(_) if endpoint.tls_name.is_none() => {
                let why = "proxy cannot be used: a sandbox on this machine without TLS needs none";
                return Err(Error::new(ErrorKind::Configuration, why));
            }
            Some(proxy) => {
                let resolver = Resolver::to_proxy(&proxy, &endpoint, threads);
                let config = client_config(&options.trust, &Presenter::new(None))?;
                (Some((proxy, Arc::new(config))), resolver)
            }
        };
        Ok(HttpsTransport { proxy, resolver, endpoint, config, presenter, http })
    }

    /// A connection on which the request can be written at once.
    fn connect(&self, config: &Arc<ClientConfig>, by: Deadline) -> Result<Connection, Failure> {
        let addresses = self.resolver.addresses(by)?;
        let (socket, address) = Socket::connect(&addresses, by)?;
        let mut connection = Connection::Plain(socket);
        if let Some((proxy, config)) = &self.proxy {
            connection = proxy.lead_on(connection, &self.endpoint, config, by)?;
        }
        if let Some(name) = &self.endpoint.tls_name {
            connection = Tls::handshake(connection, config, name, by)?;
        }
        connection.look(self.presenter.was_asked(), by)?;
        self.resolver.prefer(address);
        Ok(connection)
    }
}

/// Validated where they were made; a line break here would forge a header (fault B1).
fn header_values(values: &[&str]) -> Result<(), Failure> {
    let visible = |value: &&str| value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if values.iter().all(visible) {
        return Ok(());
    }
    Err(failure(FailureKind::Malformed, "a header value is not visible ASCII"))
}

impl Transport for HttpsTransport {
    fn exchange(&self, request: &HttpRequest<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let total = Deadline::after(request.total_budget);
        let send_by = total.at_most(request.send_budget);
        if let Err(failure) = header_values(&[request.app_id]) {
            return Exchange::NotSent(failure);
        }
        let connection = match self.connect(&self.config, send_by) {
            Ok(connection) => connection,
            Err(failure) => {
                self.resolver.forget();
                return Exchange::NotSent(failure);
            }
        };
        watch.connected();
        let signature = (request.sign)();
        if let Err(failure) = header_values(&[&signature.random, &signature.hmac]) {
            return Exchange::NotSent(failure);
        }
        self.http.exchange(connection, request, &signature, watch, send_by, total)
    }

    fn inspect(&self, budget: Duration) -> Option<Route> {
        // A resumed session remembers the certificate of its beginning.
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::disabled();
        let connection = self.connect(&Arc::new(config), Deadline::after(budget));
        let session = connection.as_ref().ok().and_then(Connection::session);
        let ours = self.presenter.certificate();
        Some(Route {
            proxy: self.proxy.as_ref().map(|(proxy, _)| proxy.to_string()),
            tls: session.and_then(|session| match session.protocol_version()? {
                ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
                ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
                _ => None,
            }),
            http: connection.is_ok().then_some("HTTP/1.1"),
            host_certificate: session
                .and_then(|session| session.peer_certificates()?.first())
                .and_then(|certificate| Validity::of(certificate)),
            client_certificate: ours.and_then(|ours| Validity::of(ours.der())),
            asks_for_certificate: self.presenter.was_asked(),
        })
    }
}

impl std::fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpsTransport")
            .field("host", &self.endpoint.host)
            .field("port", &self.endpoint.port)
            .finish_non_exhaustive()
    }
}
