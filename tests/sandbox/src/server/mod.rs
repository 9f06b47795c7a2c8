//! The engine behind sockets.

mod clock;
mod connection;
mod control;
mod door;
mod events;
mod feed;
mod http;
mod socket;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use mio::{Poll, Waker};
use serde::Serialize;
use socket2::{Domain, Protocol, Type};

use self::clock::HostClock;
use self::connection::Kind;
use self::door::Door;
use self::events::{EventLoop, Listener, WAKE};
use self::tls::Certificates;
use crate::config::HostConfig;
use crate::host::{Decision, Host, Ticket};
use crate::ledger::Entry;
use crate::page::Page;
use crate::record::RequestRecord;
use crate::script::Script;

/// On which kinds of sockets merchants are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Plain HTTP.
    Http,
    /// HTTPS with a certificate from the sandbox's own authority.
    Https,
    /// Both, on two ports, with the same books.
    Both,
}

type Observer = Box<dyn Fn(&RequestRecord) + Send + Sync>;

/// How a [`Sandbox`] is set up.
pub struct SandboxConfig {
    /// The engine's configuration.
    pub host: HostConfig,
    /// Plain, TLS or both.
    pub security: Security,
    /// The merchants' port; 0 = any free one. With [`Security::Both`] it is the TLS one's.
    pub port: u16,
    /// The control endpoints' port; 0 = any free one.
    pub control_port: u16,
    /// The address of this machine at which it listens; loopback unless others shall reach it. Then
    /// the control endpoints and the page ask for a key.
    pub listen: IpAddr,
    /// More names or addresses by which it is called, for the certificate and the page.
    pub names: Vec<String>,
    /// The key of the control endpoints; without one, and with another address than loopback, it is made
    /// at random.
    pub key: Option<String>,
    /// Where the authority's certificate is written; without it, into the temporary directory,
    /// from which it is removed at the end.
    pub ca_file: Option<PathBuf>,
    /// Whether merchants must show a certificate, as acquirers that terminate mutual TLS ask for: the
    /// one of [`Sandbox::client_pem_path`].
    pub client_certificate: bool,
    /// Real time over the host's time: with 0.02, 55 s take 1.1 s. The wall time (`Date`,
    /// `hostTime`, the signature's clock window) is not scaled.
    pub time_scale: f64,
    /// How far the host's wall clock is ahead, in milliseconds.
    pub wall_offset_ms: i64,
    /// Called on the serving thread for each request when its answer is settled. It must not call
    /// back into the sandbox.
    pub on_answer: Option<Observer>,
}

impl SandboxConfig {
    /// HTTPS on any free port, real time, the demo merchant.
    pub fn https() -> SandboxConfig {
        SandboxConfig {
            host: HostConfig::default(),
            security: Security::Https,
            port: 0,
            control_port: 0,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            names: Vec::new(),
            key: None,
            ca_file: None,
            client_certificate: false,
            time_scale: 1.0,
            wall_offset_ms: 0,
            on_answer: None,
        }
    }

    /// The same over plain HTTP.
    pub fn http() -> SandboxConfig {
        SandboxConfig { security: Security::Http, ..SandboxConfig::https() }
    }

    /// With this time scale.
    pub fn time_scale(self, time_scale: f64) -> SandboxConfig {
        SandboxConfig { time_scale, ..self }
    }

    /// Whose merchants must show a certificate.
    pub fn with_client_certificate(self) -> SandboxConfig {
        SandboxConfig { client_certificate: true, ..self }
    }

    /// With this engine.
    pub fn host(self, host: HostConfig) -> SandboxConfig {
        SandboxConfig { host, ..self }
    }
}

/// What has happened to merchants' connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Accepted TCP connections.
    pub accepted: u64,
    /// Those that got as far as HTTP: TLS agreed, or none wanted.
    pub established: u64,
    /// TLS handshakes that failed.
    pub handshakes_failed: u64,
    /// Open now.
    pub open: u64,
}

#[derive(Default)]
struct LiveCounters {
    accepted: AtomicU64,
    established: AtomicU64,
    handshakes_failed: AtomicU64,
    open: AtomicU64,
}

/// What the serving thread and the test share.
struct Shared {
    host: Mutex<Host>,
    clock: HostClock,
    certificates: Certificates,
    counters: LiveCounters,
    door: Door,
    page: Page,
    watchers: AtomicUsize,
    /// A payment to be tried in a shell.
    command: String,
    stop: AtomicBool,
    cut_all: AtomicBool,
    on_answer: Option<Observer>,
}

impl Shared {
    fn host(&self) -> MutexGuard<'_, Host> {
        // A test that panicked inside `with_host` must not hide its message behind another panic.
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine with everything done that is due by now.
    fn host_now(&self) -> MutexGuard<'_, Host> {
        let mut host = self.host();
        host.advance(self.clock.now());
        host
    }

    fn note_gone(&self, ticket: Ticket) {
        let now = self.clock.now();
        self.host().gone(ticket, now);
    }

    fn report_answers(&self) {
        let answered = self.host().take_answered();
        if let Some(observer) = &self.on_answer {
            answered.iter().for_each(observer);
        }
    }

    fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            accepted: read(&self.counters.accepted),
            established: read(&self.counters.established),
            handshakes_failed: read(&self.counters.handshakes_failed),
            open: read(&self.counters.open),
        }
    }
}

/// A running OVO on the loopback interface. Dropping it closes everything.
pub struct Sandbox {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    control: SocketAddr,
    ca_file: PathBuf,
    client_file: Option<PathBuf>,
    ca_is_temporary: bool,
}

/// A listener with a queue that holds the rush of a whole shop opening at once.
fn listen(ip: IpAddr, port: u16) -> io::Result<(mio::net::TcpListener, SocketAddr)> {
    let address = SocketAddr::new(ip, port);
    let socket =
        socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into()).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen at {address}: {error}"))
    })?;
    socket.listen(4096)?;
    let listener = std::net::TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((mio::net::TcpListener::from_std(listener), address))
}

/// A file with a key in it: its owner's alone.
fn write_own(path: PathBuf, text: &str) -> io::Result<PathBuf> {
    // Who left it there may have left it open to all.
    let _ = std::fs::remove_file(&path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(&path)?, text.as_bytes())?;
    Ok(path)
}

/// A payment by the Python package's program to the customer who decides on the page.
fn command(
    https: Option<SocketAddr>,
    http: Option<SocketAddr>,
    ca_file: &Path,
    client_file: Option<&Path>,
    time_scale: f64,
) -> String {
    let mut command = "ovo-ptp pay KOPI-1 25000 081200000200 --sandbox-credentials".to_owned();
    match (https, http) {
        (Some(address), _) => {
            let ca_file = ca_file.display();
            command.push_str(&format!(" -e https://{} --ca-file {ca_file}", dialled(address)));
            if let Some(file) = client_file {
                command.push_str(&format!(" --client-certificate {}", file.display()));
            }
        }
        (None, Some(address)) => command.push_str(&format!(" -e http://{}", dialled(address))),
        (None, None) => {}
    }
    if time_scale != 1.0 {
        command.push_str(&format!(" --time-scale {time_scale}"));
    }
    command
}

/// What to call for a socket: one that listens everywhere is called on this machine.
fn dialled(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

impl Sandbox {
    /// Opens the sockets and starts to serve.
    pub fn start(config: SandboxConfig) -> io::Result<Sandbox> {
        let address = (!config.listen.is_unspecified()).then(|| config.listen.to_string());
        let names: Vec<String> = address.into_iter().chain(config.names).collect();
        let certificates = Certificates::make(&names, config.client_certificate)?;
        let mut listeners = Vec::new();
        let mut open = |port, kind, tls| -> io::Result<SocketAddr> {
            let (tcp, address) = listen(config.listen, port)?;
            listeners.push(Listener { tcp, kind, tls });
            Ok(address)
        };
        let https = match config.security {
            Security::Http => None,
            Security::Https | Security::Both => Some(open(config.port, Kind::Ovo, true)?),
        };
        let http = match config.security {
            Security::Https => None,
            Security::Http => Some(open(config.port, Kind::Ovo, false)?),
            Security::Both => Some(open(0, Kind::Ovo, false)?),
        };
        let control = open(config.control_port, Kind::Control, false)?;
        let ca_is_temporary = config.ca_file.is_none();
        let ca_file = config.ca_file.unwrap_or_else(|| {
            // The control port is this process's alone, so the name is too.
            let name = format!("ovo-sandbox-{}-{}.pem", std::process::id(), control.port());
            std::env::temp_dir().join(name)
        });
        std::fs::write(&ca_file, &certificates.authority_pem)?;
        let client_file = match &certificates.client_pem {
            None => None,
            Some(pem) => Some(write_own(ca_file.with_extension("client.pem"), pem)?),
        };
        let shared = Arc::new(Shared {
            host: Mutex::new(Host::new(config.host)),
            clock: HostClock::new(config.time_scale, config.wall_offset_ms),
            certificates,
            counters: LiveCounters::default(),
            door: Door::new(config.listen, &names, config.key)?,
            page: Page::new(&door::secret()?),
            watchers: AtomicUsize::new(0),
            command: command(https, http, &ca_file, client_file.as_deref(), config.time_scale),
            stop: AtomicBool::new(false),
            cut_all: AtomicBool::new(false),
            on_answer: config.on_answer,
        });
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let events = EventLoop::new(poll, listeners, Arc::clone(&shared))?;
        let thread =
            std::thread::Builder::new().name("ovo-sandbox".to_owned()).spawn(|| events.run())?;
        let thread = Some(thread);
        Ok(Sandbox {
            shared,
            waker,
            thread,
            http,
            https,
            control,
            ca_file,
            client_file,
            ca_is_temporary,
        })
    }

    /// Where merchants call, without the path: `https://127.0.0.1:PORT`, or `http://...` if there
    /// is no TLS. The certificate is good for `localhost` as well.
    pub fn base_url(&self) -> String {
        self.https_url().or_else(|| self.http_url()).unwrap_or_default()
    }

    /// The plain HTTP address, if there is one.
    pub fn http_url(&self) -> Option<String> {
        self.http.map(|address| format!("http://{}", dialled(address)))
    }

    /// The HTTPS address, if there is one.
    pub fn https_url(&self) -> Option<String> {
        self.https.map(|address| format!("https://{}", dialled(address)))
    }

    /// The merchants' socket address behind [`Sandbox::base_url`].
    pub fn address(&self) -> SocketAddr {
        self.https.or(self.http).unwrap_or(self.control)
    }

    /// The control endpoints: `http://127.0.0.1:PORT`.
    pub fn control_url(&self) -> String {
        format!("http://{}", dialled(self.control))
    }

    /// The key that the control endpoints ask for, in the header `X-Sandbox-Key`; with loopback none.
    pub fn control_key(&self) -> Option<&str> {
        self.shared.door.key()
    }

    /// Real time over the host's time.
    pub fn time_scale(&self) -> f64 {
        self.shared.clock.scale()
    }

    /// The page on which one is the customer, with the key if it needs one.
    pub fn page_url(&self) -> String {
        match self.control_key() {
            None => format!("{}/", self.control_url()),
            Some(key) => format!("{}/?key={key}", self.control_url()),
        }
    }

    /// Decides on the prompt of the newest payment with this invoice.
    ///
    /// # Errors
    /// If there is no such payment, or its prompt is no longer shown.
    pub fn decide(&self, invoice: &str, decision: Decision) -> Result<(), String> {
        let now = self.now();
        self.with_host(|host| {
            let entry = host.ledger().iter().rev().find(|entry| entry.invoice == invoice);
            let id = entry.map(|entry| entry.id).ok_or("no payment has this invoice")?;
            host.decide(now, id, decision)
        })
    }

    /// The authority's certificate, PEM.
    pub fn ca_pem_path(&self) -> &Path {
        &self.ca_file
    }

    /// The authority's certificate, as text.
    pub fn ca_pem(&self) -> &str {
        &self.shared.certificates.authority_pem
    }

    /// What merchants must show, a PEM file with certificate and key beside the authority's; `None` if
    /// nothing.
    pub fn client_pem_path(&self) -> Option<&Path> {
        self.client_file.as_deref()
    }

    /// Works on the engine, which is brought up to now first. Nothing is served meanwhile.
    pub fn with_host<T>(&self, work: impl FnOnce(&mut Host) -> T) -> T {
        let result = work(&mut self.shared.host_now());
        self.wake();
        result
    }

    /// The engine's time now, for [`Host`] methods that want it inside [`Sandbox::with_host`].
    pub fn now(&self) -> crate::now::Now {
        self.shared.clock.now()
    }

    /// Changes fields of the configuration, for requests to come: see [`HostConfig::patched`].
    pub fn configure(&self, patch: serde_json::Value) -> Result<(), String> {
        self.with_host(|host| {
            *host.config_mut() = host.config().patched(patch)?;
            Ok(())
        })
    }

    /// Adds steps to the script.
    pub fn script(&self, steps: impl Into<Script>) {
        self.with_host(|host| host.script(steps));
    }

    /// The books as they stand now.
    pub fn ledger(&self) -> Vec<Entry> {
        self.shared.host_now().ledger().to_vec()
    }

    /// Rupiah finally taken from customers under an invoice, as it stands now.
    pub fn net(&self, invoice: &str) -> i64 {
        self.shared.host_now().net(invoice)
    }

    /// The request log as it stands now, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.host_now().requests()
    }

    /// What has happened to merchants' connections.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Sets how far the host's wall clock is ahead. Its sessions do not notice.
    pub fn set_wall_offset(&self, offset_ms: i64) {
        self.shared.clock.set_wall_offset(offset_ms);
    }

    /// Resets every merchant's connection. Sessions go on as configured.
    pub fn cut_all(&self) {
        self.shared.cut_all.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        // It fails only when the loop is gone, and then there is nobody to wake.
        let _ = self.waker.wake();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; a second one here would abort the test process.
            let _ = thread.join();
        }
        if self.ca_is_temporary {
            let _ = std::fs::remove_file(&self.ca_file);
            if let Some(file) = &self.client_file {
                let _ = std::fs::remove_file(file);
            }
        }
    }
}
