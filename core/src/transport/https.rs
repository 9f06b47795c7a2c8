//! The transport of the product: HTTP/1.1 over TLS.
//!
//! HTTP itself is ureq's: it writes the head of a request and reads the heads of answers. What only
//! this library needs is ours: the one connection, which ureq never has, the one
//! write, the phase of every failure, the deadline, the watch, and how an answer ends (`http.rs`,
//! `response.rs`). TLS is rustls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ProtocolVersion;

use super::client_certificate::{ClientCertificate, Presenter};
use super::connection::{Connection, Tls, kind_of};
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::http::Http;
use super::proxy::Proxy;
use super::resolver::Resolver;
use super::tcp::Socket;
use super::trust::{TlsPeer, Trust};
use super::{
    Exchange, Failure, FailureKind, HttpRequest, Route, Transport, Validity, Watch, failure,
};
use crate::error::{Error, ErrorKind};

/// How to reach the host.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HttpsOptions {
    /// Who vouches for the host's certificate. For a proxy's see [`Proxy::with_trust`].
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
/// * While it connects, [`Watch::connecting`] is asked five times a second (on Linux; elsewhere not
///   while TCP connects). An address that accepts and fails later is followed by the next one.
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
    /// `None`: a sandbox on this machine, without TLS.
    host: Option<TlsPeer>,
    proxy: Option<Proxy>,
    /// The proxy, if TLS is spoken with it.
    proxy_peer: Option<TlsPeer>,
    /// Of the proxy, if there is one.
    resolver: Resolver,
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
        let host = |name| TlsPeer::host(name, &options.trust, &presenter);
        let host = endpoint.tls_name.clone().map(host).transpose()?;
        let http = Http::new(&endpoint)?;
        let threads = !options.without_threads;
        let (proxy_peer, resolver) = match &options.proxy {
            None => (None, Resolver::new(&endpoint, threads)),
            Some(_) if host.is_none() => {
                let why = "proxy cannot be used: a sandbox on this machine without TLS needs none";
                return Err(Error::new(ErrorKind::Configuration, why).about_field("proxy"));
            }
            Some(proxy) => (proxy.tls_peer()?, Resolver::to_proxy(proxy, &endpoint, threads)),
        };
        let proxy = options.proxy;
        Ok(HttpsTransport { host, proxy, proxy_peer, resolver, endpoint, presenter, http })
    }

    /// A connection on which the request can be written at once, to the first address that leads to
    /// one: what accepts TCP need not be alive behind it.
    fn connect(&self, by: Deadline, watch: &Arc<dyn Watch>) -> Result<Connection, Failure> {
        let addresses = self.resolver.addresses(by, watch.as_ref())?;
        let mut last = failure(FailureKind::Connect, "no TCP connection: time ran out");
        for (tried, address) in addresses.iter().enumerate() {
            let others = addresses.len() - tried - 1;
            match self.connect_to(address, others, by, watch) {
                Ok(connection) => {
                    self.resolver.prefer(*address);
                    return Ok(connection);
                }
                Err(failure) => last = failure,
            }
            if last.kind == FailureKind::Stopped || by.left().is_none() {
                break;
            }
        }
        Err(last)
    }

    fn connect_to(
        &self,
        address: &SocketAddr,
        others: usize,
        by: Deadline,
        watch: &Arc<dyn Watch>,
    ) -> Result<Connection, Failure> {
        let socket = Socket::connect(address, others, by, watch).map_err(|error| {
            let kind = match kind_of(&error) {
                FailureKind::Stopped => FailureKind::Stopped,
                _ => FailureKind::Connect,
            };
            failure(kind, format_args!("no TCP connection: {error}"))
        })?;
        let mut connection = Connection::Plain(socket);
        if let Some(proxy) = &self.proxy {
            let peer = self.proxy_peer.as_ref();
            connection = proxy.lead_on(connection, &self.endpoint, peer, by)?;
        }
        if let Some(peer) = &self.host {
            connection = Tls::handshake(connection, peer, by)?;
        }
        connection.look(self.presenter.was_asked(), by)?;
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
        let connection = match self.connect(send_by, watch) {
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

    fn inspect(&self, budget: Duration, watch: &Arc<dyn Watch>) -> Option<Route> {
        // A resumed session remembers the certificate of its beginning.
        self.host.iter().chain(&self.proxy_peer).for_each(TlsPeer::forget);
        let connection = self.connect(Deadline::after(budget), watch);
        let reached = connection.as_ref().ok();
        let session = reached.and_then(Connection::session);
        let ours = self.presenter.certificate();
        Some(Route {
            proxy: self.proxy.as_ref().map(ToString::to_string),
            failure: connection.as_ref().err().map(|failure| failure.message.clone()),
            tls: session.and_then(|session| match session.protocol_version()? {
                ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
                ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
                _ => None,
            }),
            http: reached.map(|_| "HTTP/1.1"),
            host_certificate: session.and_then(Validity::of_peer),
            proxy_certificate: reached
                .and_then(Connection::session_with_proxy)
                .and_then(Validity::of_peer),
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};

    use super::*;
    use crate::message::{Operation, Signature};
    use crate::transport::Unwatched;

    /// A host at 127.0.0.1 that serves `ovo.test`, another at 127.0.0.2 that does `ill`, and a client
    /// to whom the name means both, the second first.
    fn beside_an_ill_one(ill: fn(TcpStream)) -> HttpsTransport {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["ovo.test".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            );
        let config = Arc::new(config.unwrap());
        let sound = move |stream: TcpStream| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(session, stream);
            let _ = tls.read(&mut [0; 4096]);
            let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            let _ = tls.flush();
        };
        let listeners = loop {
            let first = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = first.local_addr().unwrap().port();
            if let Ok(second) = TcpListener::bind(("127.0.0.2", port)) {
                break (first, second, port);
            }
        };
        let (first, second, port) = listeners;
        std::thread::spawn(move || first.incoming().flatten().for_each(sound));
        std::thread::spawn(move || second.incoming().flatten().for_each(ill));
        let trust = Trust::Pem(certificate.pem().into_bytes());
        let url = format!("https://ovo.test:{port}");
        let mut transport = HttpsTransport::new(&url, HttpsOptions::with_trust(trust)).unwrap();
        transport.resolver = Resolver::looking_up(&transport.endpoint, |_, port| {
            Ok([[127, 0, 0, 2], [127, 0, 0, 1]].map(|ip| SocketAddr::from((ip, port))).to_vec())
        });
        transport
    }

    fn ask(transport: &HttpsTransport) -> (Exchange, Duration) {
        let sign = || Signature { random: "1".into(), hmac: "ab".into() };
        let request = HttpRequest {
            operation: Operation::PushToPay,
            body: b"{}",
            app_id: "till",
            sign: &sign,
            send_budget: Duration::from_secs(4),
            total_budget: Duration::from_secs(8),
        };
        let (watch, began): (Arc<dyn Watch>, _) = (Arc::new(Unwatched), Instant::now());
        (transport.exchange(&request, &watch), began.elapsed())
    }

    #[test]
    fn n21_an_address_that_accepts_and_fails_later_does_not_hide_the_healthy_one() {
        let ills: [fn(TcpStream); 3] = [
            |_| {},
            |mut stream| stream.write_all(b"HTTP/1.1 503 Out\r\n\r\n").unwrap(),
            // Half of the time that there is, once.
            |stream| std::mem::forget(stream),
        ];
        for (number, ill) in ills.into_iter().enumerate() {
            let transport = beside_an_ill_one(ill);
            let (result, _) = ask(&transport);
            assert!(matches!(result, Exchange::Answered(_)), "{number}: {result:?}");
            transport.resolver.forget();
            let (result, took) = ask(&transport);
            assert!(matches!(result, Exchange::Answered(_)), "{number}: {result:?}");
            // Whoever does not remember waits two seconds.
            assert!(took < Duration::from_millis(1_900), "{number}: {took:?}, though it was known");
        }
    }
}
