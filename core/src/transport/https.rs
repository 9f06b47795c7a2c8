//! The transport of the product: HTTP/1.1 over TLS.
//!
//! Why not one of the HTTP clients: this library must know, for every failure, whether a byte of the
//! request can have left, must never resend one, and must never show its signature or its answer in
//! a log. The fitting client for blocking code, ureq 3.5, writes the request's head and the
//! answer's body to the process-wide log at trace level, and that cannot be turned off; its
//! connection pool, redirects, proxies and body decoders would all have to be switched off and the
//! connection be ours anyway. What is left is small: a head of ten lines, written here, and an
//! answer, read in `response.rs`. TLS (rustls) and the parsing of heads (httparse) are not ours.

use std::fmt::Write as _;
use std::sync::Arc;

use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::connection::{Connection, kind_of};
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::resolver::Resolver;
use super::response::read_answer;
use super::tcp::Socket;
use super::trust::{Trust, client_config};
use super::{Exchange, Failure, FailureKind, Request, Transport, Watch, failure};
use crate::error::Error;
use crate::message::Signature;

/// How to reach the host.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HttpsOptions {
    /// Whose certificates are believed.
    pub trust: Trust,
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
/// * [`Request::total_budget`] wins over everything except a [`Watch`] that does not return.
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
    resolver: Resolver,
    config: Arc<ClientConfig>,
    /// The part of the head that is the same for every request.
    head: String,
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
        let config = Arc::new(client_config(&options.trust)?);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: ovo-ptp/{}\r\n\
             Content-Type: application/json\r\nAccept: application/json\r\nConnection: close\r\n",
            endpoint.path,
            endpoint.host_header(),
            env!("CARGO_PKG_VERSION"),
        );
        let resolver = Resolver::new(&endpoint, !options.without_threads);
        Ok(HttpsTransport { resolver, endpoint, config, head })
    }

    /// A connection on which the request can be written at once.
    fn connect(&self, by: Deadline) -> Result<Connection, Failure> {
        let addresses = self.resolver.addresses(by)?;
        let (socket, address) = Socket::connect(&addresses, by)?;
        let mut connection = match &self.endpoint.tls_name {
            None => Connection::Plain(socket),
            Some(name) => Connection::handshake(socket, &self.config, name, by)?,
        };
        connection.look()?;
        self.resolver.prefer(address);
        Ok(connection)
    }

    /// The bytes of the request: head and body in one piece, so that they leave in one.
    fn encode(
        &self,
        request: &Request<'_>,
        signature: &Signature,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let Request { body, app_id, .. } = request;
        header_values(&[&signature.random, &signature.hmac])?;
        let mut head = String::with_capacity(self.head.len() + 256 + body.len());
        head.push_str(&self.head);
        let written = write!(
            head,
            "app-id: {app_id}\r\nrandom: {}\r\nhmac: {}\r\nContent-Length: {}\r\n\r\n",
            signature.random,
            signature.hmac,
            body.len(),
        );
        debug_assert!(written.is_ok(), "a string takes everything");
        let mut bytes = Zeroizing::new(head.into_bytes());
        bytes.extend_from_slice(body);
        Ok(bytes)
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
    fn exchange(&self, request: &Request<'_>, watch: &Arc<dyn Watch>) -> Exchange {
        let total = Deadline::after(request.total_budget);
        let send_by = total.at_most(request.send_budget);
        if let Err(failure) = header_values(&[request.app_id]) {
            return Exchange::NotSent(failure);
        }
        let mut connection = match self.connect(send_by) {
            Ok(connection) => connection,
            Err(failure) => {
                self.resolver.forget();
                return Exchange::NotSent(failure);
            }
        };
        watch.connected();
        let bytes = match self.encode(request, &(request.sign)()) {
            Ok(bytes) => bytes,
            Err(failure) => return Exchange::NotSent(failure),
        };
        if !watch.may_send() {
            return Exchange::NotSent(failure(FailureKind::Stopped, "sending was not allowed"));
        }
        if let Err(error) = connection.send(&bytes, send_by) {
            let failure =
                failure(kind_of(&error), format_args!("the request could not be written: {error}"));
            // Elsewhere than on Unix a failed write may have sent something all the same.
            let proven = cfg!(unix) && connection.written() == 0;
            return if proven { Exchange::NotSent(failure) } else { Exchange::NoAnswer(failure) };
        }
        drop(bytes);
        watch.sent();
        match read_answer(&mut connection, &**watch, total) {
            Ok(answer) => Exchange::Answered(answer),
            Err(failure) => Exchange::NoAnswer(failure),
        }
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
