//! A host to talk to: real sockets, real TLS, and a script for every connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use ovo_ptp::message::{Operation, Signature};
use ovo_ptp::transport::{HttpRequest, HttpsOptions, HttpsTransport, Trust};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

/// A push without a customer, which may take so long to be sent and to be answered.
pub(crate) fn push(sign: &(dyn Fn() -> Signature + Sync), budget: Duration) -> HttpRequest<'_> {
    HttpRequest {
        operation: Operation::PushToPay,
        body: b"{}",
        app_id: "test-app",
        sign,
        send_budget: budget,
        total_budget: budget,
    }
}

/// Of no key.
pub(crate) fn signature() -> Signature {
    Signature { random: "1735689600".into(), hmac: "ab".repeat(32) }
}

/// The authority that the transports under test trust.
pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("Test Root"));

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    der: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Authority { issuer: Issuer::new(params, key), pem, der }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    /// A certificate for this machine, changed by `change`.
    pub(crate) fn certify(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(change);
        server_config(certificate.der().clone(), key)
    }

    /// The same, with its key.
    pub(crate) fn issue(
        &self,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (Certificate, KeyPair) {
        let mut params =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A good certificate at a host that has not heard of TLS 1.3.
pub(crate) fn only_tls_1_2() -> Arc<ServerConfig> {
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &AUTHORITY.issuer).unwrap();
    server_config_of(certificate.der().clone(), key, &[&rustls::version::TLS12])
}

/// A certificate that nobody but its own key vouches for.
pub(crate) fn self_signed() -> Arc<ServerConfig> {
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    server_config(certificate.der().clone(), key)
}

fn server_config(certificate: CertificateDer<'static>, key: KeyPair) -> Arc<ServerConfig> {
    server_config_of(certificate, key, rustls::ALL_VERSIONS)
}

fn server_config_of(
    certificate: CertificateDer<'static>,
    key: KeyPair,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
    Arc::new(config)
}

/// A good certificate of the trusted authority.
pub(crate) static GOOD: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| AUTHORITY.certify(|_| {}));

/// What a script does with one connection.
pub(crate) type Script = dyn Fn(&mut Peer) -> io::Result<()> + Send + Sync;

/// A listening host. Every connection runs the script in a thread of its own.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Host {
    /// A host with a good certificate.
    pub(crate) fn https(
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Host {
        Host::start(Some(Arc::clone(&GOOD)), script)
    }

    /// A host without TLS.
    pub(crate) fn http(
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Host {
        Host::start(None, script)
    }

    /// A host that reads the request and says `answer`, then closes properly.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Host {
        let answer = answer.into();
        Host::https(move |peer| {
            peer.read_request()?;
            peer.write_all(&answer)?;
            peer.close();
            Ok(())
        })
    }

    pub(crate) fn start(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Host {
        Host::start_early(tls, b"", script)
    }

    /// A host that says `early` before it was asked anything.
    pub(crate) fn start_early(
        tls: Option<Arc<ServerConfig>>,
        early: &'static [u8],
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let host = Host {
            address,
            tls: tls.is_some(),
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                connections.fetch_add(1, Ordering::SeqCst);
                let (tls, script, requests) = (tls.clone(), script.clone(), requests.clone());
                let thread = std::thread::Builder::new().stack_size(256 * 1024);
                let _ = thread.spawn(move || {
                    // A script that fails is a host that hangs up: the client's side is judged.
                    let _ = Peer::accept(stream, tls, requests, early)
                        .and_then(|mut peer| script(&mut peer));
                });
            }
        });
        host
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests that were read whole.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}/pos", if self.tls { "https" } else { "http" }, self.address)
    }

    /// A transport to this host that trusts the test authority alone.
    pub(crate) fn transport(&self) -> HttpsTransport {
        transport(&self.url())
    }
}

/// A transport that trusts the test authority alone.
pub(crate) fn transport(url: &str) -> HttpsTransport {
    let trust = Trust::Pem(AUTHORITY.pem.clone().into_bytes());
    HttpsTransport::new(url, HttpsOptions::with_trust(trust)).unwrap()
}

/// The host's end of a connection.
pub(crate) struct Peer {
    pub(crate) socket: TcpStream,
    session: Option<ServerConnection>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Peer {
    fn accept(
        socket: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        requests: Arc<Mutex<Vec<Vec<u8>>>>,
        early: &[u8],
    ) -> io::Result<Peer> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut peer = Peer { socket, session: None, requests };
        if let Some(config) = tls {
            let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
            // Leaves together with the handshake's last message.
            session.writer().write_all(early)?;
            while session.is_handshaking() || session.wants_write() {
                session.complete_io(&mut peer.socket)?;
            }
            peer.session = Some(session);
        }
        Ok(peer)
    }

    /// The host's end of a connection that was accepted elsewhere, without TLS.
    pub(crate) fn plain(socket: TcpStream) -> Peer {
        Peer { socket, session: None, requests: Arc::default() }
    }

    /// Reads one request by its Content-Length and records it.
    pub(crate) fn read_request(&mut self) -> io::Result<Vec<u8>> {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = self.read(&mut buffer)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            request.extend_from_slice(&buffer[..count]);
            let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
            let length: usize = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|value| value.parse().ok())
                .unwrap_or(0);
            if request.len() >= head + 4 + length {
                self.requests.lock().unwrap().push(request.clone());
                return Ok(request);
            }
        }
    }

    /// Whether the client offered early data and the host took it.
    pub(crate) fn took_early_data(&mut self) -> bool {
        self.session.as_mut().is_some_and(|session| session.early_data().is_some())
    }

    /// Encrypted bytes that are not sent yet.
    pub(crate) fn encrypt(&mut self, plain: &[u8]) -> Vec<u8> {
        let session = self.session.as_mut().unwrap();
        session.writer().write_all(plain).unwrap();
        let mut bytes = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// The proper end: with TLS it is announced.
    pub(crate) fn close(&mut self) {
        if let Some(session) = &mut self.session {
            session.send_close_notify();
            let _ = session.write_tls(&mut self.socket);
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
        self.drain();
    }

    /// Ends the TCP connection in order, but without a word from TLS.
    pub(crate) fn cut(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
        self.drain();
    }

    /// Resets the connection.
    pub(crate) fn reset(self: &mut Peer) {
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.socket, linger).unwrap();
    }

    /// Waits until the client is gone, so that unread input does not turn a close into a reset.
    pub(crate) fn drain(&mut self) {
        let _ = io::copy(&mut self.socket, &mut io::sink());
    }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.session {
            None => self.socket.read(buffer),
            Some(session) => rustls::Stream::new(session, &mut self.socket).read(buffer),
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.session {
            None => self.socket.write(bytes),
            Some(session) => {
                let count = session.writer().write(bytes)?;
                while session.wants_write() {
                    session.write_tls(&mut self.socket)?;
                }
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
