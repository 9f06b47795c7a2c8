//! Through a proxy: real ones of other people, and ones that misbehave before and behind the request
//! (fault N25).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use ovo_ptp::transport::{HttpsOptions, HttpsTransport, Proxy, Trust};

use crate::host::{AUTHORITY, Authority, Host, Peer};
use crate::*;

/// The authority of the merchant's own network, which vouches for its proxy and for nobody else.
static OWN_NETWORK: LazyLock<Authority> = LazyLock::new(|| Authority::new("Own Network"));

/// A way to `host`, by its name, through `proxy`.
fn through(proxy: &str, host: &Host) -> HttpsTransport {
    let mut options = HttpsOptions::with_trust(Trust::Pem(AUTHORITY.pem.clone().into_bytes()));
    let own = Trust::Pem(OWN_NETWORK.pem.clone().into_bytes());
    options.proxy = Some(Proxy::new(proxy).unwrap().with_trust(own));
    HttpsTransport::new(&format!("https://localhost:{}/pos", host.address.port()), options).unwrap()
}

/// Somebody else's proxy at work.
struct Running {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Running {
    /// `None` where it is not installed (`tests/tools` installs it on Debian).
    fn start(program: &str, arguments: impl Fn(u16, &PathBuf) -> Vec<String>) -> Option<Running> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("ovo-proxy-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let spawned = Command::new(program)
            .args(arguments(port, &folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = spawned else {
            eprintln!("SKIPPED: {program} is not installed");
            return None;
        };
        let running = Running { child, port, folder };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(running);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{program} does not listen");
    }

    fn tinyproxy() -> Option<Running> {
        Running::start("tinyproxy", |port, folder| {
            let file = folder.join("tinyproxy.conf");
            let settings = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n\
                 BasicAuth till s3cret-word\n"
            );
            std::fs::write(&file, settings).unwrap();
            vec!["-d".into(), "-c".into(), file.display().to_string()]
        })
    }

    fn microsocks() -> Option<Running> {
        Running::start("microsocks", |port, _| {
            ["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "till", "-P", "s3cret-word"]
                .map(str::to_owned)
                .to_vec()
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn n25_a_real_proxy_and_a_real_socks_server_lead_to_the_host() {
    let real = [("http", Running::tinyproxy()), ("socks5", Running::microsocks())];
    for (scheme, running) in real {
        let Some(running) = running else { continue };
        let host = Host::answering(ok("{}"));
        let at = format!("127.0.0.1:{}", running.port);
        let good = through(&format!("{scheme}://till:s3cret-word@{at}"), &host);
        for _ in 0..3 {
            let (result, watch) = watched(&good, Counting::default());
            assert_eq!(answered(result).body, b"{}", "{scheme}");
            assert_eq!(watch.sent.load(Ordering::SeqCst), 1);
        }
        assert_eq!(host.requests().len(), 3);
        for login in ["", "till:wr0ng@", "nobody:s3cret-word@"] {
            let failure = not_sent(exchange(&through(&format!("{scheme}://{login}{at}"), &host)));
            assert_eq!(failure.kind, FailureKind::Connect, "{scheme} {login}");
            assert!(failure.message.contains("password"), "{}", failure.message);
            assert!(!failure.message.contains("wr0ng"), "{}", failure.message);
        }
        assert_eq!(host.connections(), 3, "a refused one leads nowhere");
    }
}

#[test]
fn n25_a_real_proxy_that_reaches_no_host_sends_nothing() {
    let real = [("http", Running::tinyproxy()), ("socks5", Running::microsocks())];
    for (scheme, running) in real {
        let Some(running) = running else { continue };
        let mut host = Host::answering(ok("{}"));
        host.address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("{scheme}://till:s3cret-word@127.0.0.1:{}", running.port);
        assert_eq!(not_sent(exchange(&through(&url, &host))).kind, FailureKind::Connect);
    }
}

fn read_head(peer: &mut Peer) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// Carries bytes between a client and the host that it named, until it has had enough.
fn carry(peer: &mut Peer, port: u16, enough: impl Fn() -> bool) -> std::io::Result<()> {
    let mut host = TcpStream::connect(("127.0.0.1", port))?;
    let moment = Some(Duration::from_millis(5));
    host.set_read_timeout(moment)?;
    peer.socket.set_read_timeout(moment)?;
    let mut buffer = [0; 4096];
    let waits = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    while !enough() {
        match peer.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => host.write_all(&buffer[..count])?,
            Err(error) if waits(&error) => {}
            Err(error) => return Err(error),
        }
        match host.read(&mut buffer) {
            Ok(0) => {
                peer.close();
                return Ok(());
            }
            Ok(count) => peer.write_all(&buffer[..count])?,
            Err(error) if waits(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[test]
fn n25_a_proxy_behind_tls_leads_to_the_host_and_its_certificate_is_verified() {
    let host = Host::answering(ok("{}"));
    let port = host.address.port();
    let script = move |peer: &mut Peer| {
        let head = read_head(peer)?;
        assert!(
            head.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:"))
        );
        assert!(head.contains("\r\nProxy-Authorization: Basic dGlsbDpzM2NyZXQ=\r\n"), "{head}");
        peer.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")?;
        carry(peer, port, || false)
    };
    let proxy = Host::start(Some(OWN_NETWORK.certify(|_| {})), script);
    let url = format!("https://till:s3cret@localhost:{}", proxy.address.port());
    assert_eq!(answered(exchange(&through(&url, &host))).body, b"{}");

    // A stranger, and one for whom only the host's authority vouches.
    for config in [crate::host::self_signed(), AUTHORITY.certify(|_| {})] {
        let stranger = Host::start(Some(config), script);
        let url = format!("https://till:s3cret@127.0.0.1:{}", stranger.address.port());
        let failure = not_sent(exchange(&through(&url, &host)));
        assert_eq!(failure.kind, FailureKind::Tls);
        assert!(failure.message.contains("handshake with the proxy"), "{}", failure.message);
    }
    assert_eq!(host.requests().len(), 1);
}

/// The proxy has a certificate of its own network for OVO's name, and answers in its place.
#[test]
fn b6_the_authority_of_the_own_network_vouches_for_the_proxy_and_not_for_the_host() {
    let forger = Host::start(Some(OWN_NETWORK.certify(|_| {})), |peer| {
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())
    });
    let port = forger.address.port();
    let proxy = Host::start(Some(OWN_NETWORK.certify(|_| {})), move |peer| {
        read_head(peer)?;
        peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        carry(peer, port, || false)
    });
    let url = format!("https://localhost:{}", proxy.address.port());
    let failure = not_sent(exchange(&through(&url, &forger)));
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.message.contains("TLS handshake failed"), "{}", failure.message);
    assert!(forger.requests().is_empty(), "it read nothing");
}

#[test]
fn n25_interim_answers_of_a_proxy_come_before_the_one_that_counts() {
    let host = Host::answering(ok("{}"));
    let port = host.address.port();
    let speaks_first = |interim: &'static [u8]| {
        Host::http(move |peer| {
            read_head(peer)?;
            peer.write_all(interim)?;
            peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            carry(peer, port, || false)
        })
    };
    let proxy = speaks_first(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n");
    answered(exchange(&through(&format!("http://{}", proxy.address), &host)));
    static MANY: LazyLock<Vec<u8>> =
        LazyLock::new(|| b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000));
    let endless = speaks_first(&MANY);
    let failure = not_sent(exchange(&through(&format!("http://{}", endless.address), &host)));
    assert_eq!(failure.kind, FailureKind::Connect, "{}", failure.message);
}

#[test]
fn n25_a_proxy_that_refuses_cuts_or_talks_nonsense_before_the_request_sends_nothing() {
    let host = Host::answering(ok("{}"));
    let answers: [&[u8]; 9] = [
        b"",
        b"HTTP/1.1 403 Filtered\r\n\r\n",
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x05\x00",
        b"\x05\x02",
    ];
    for scheme in ["http", "socks5"] {
        for answer in answers {
            let proxy = Host::http(move |peer| {
                let mut some = [0; 3];
                peer.read_exact(&mut some)?;
                peer.write_all(answer)?;
                peer.close();
                Ok(())
            });
            let (result, watch) = watched(
                &through(&format!("{scheme}://{}", proxy.address), &host),
                Counting::default(),
            );
            not_sent(result);
            assert_eq!(watch.asked.load(Ordering::SeqCst), 0, "{scheme}: no request was near");
        }
    }
    // It says yes, and then something that is not the host's TLS.
    let proxy = Host::http(|peer| {
        read_head(peer)?;
        peer.write_all(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?;
        peer.drain();
        Ok(())
    });
    let result = exchange(&through(&format!("http://{}", proxy.address), &host));
    assert_eq!(not_sent(result).kind, FailureKind::Tls);
    assert_eq!(host.connections(), 0);
}

#[test]
fn n25_a_proxy_that_hangs_is_given_up_with_the_send_budget() {
    let host = Host::answering(ok("{}"));
    for (scheme, answer) in
        [("http", &b"HTTP/1.1 200 OK\r\n"[..]), ("socks5", b"\x05"), ("http", b"")]
    {
        let proxy = Host::http(move |peer| {
            peer.write_all(answer)?;
            peer.drain();
            Ok(())
        });
        let transport = through(&format!("{scheme}://{}", proxy.address), &host);
        let failure = not_sent(exchange_within(&transport, Duration::from_millis(400)));
        assert_eq!(failure.kind, FailureKind::Timeout);
    }
}

#[test]
fn n25_a_proxy_that_cuts_behind_the_request_leaves_it_unknown() {
    let host = Arc::new(Host::https(|peer| {
        peer.read_request()?;
        peer.drain();
        Ok(())
    }));
    let behind = Arc::clone(&host);
    let proxy = Host::http(move |peer| {
        read_head(peer)?;
        peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        carry(peer, behind.address.port(), || !behind.requests().is_empty())
    });
    let (result, watch) =
        watched(&through(&format!("http://{}", proxy.address), &host), Counting::default());
    assert_eq!(no_answer(result).kind, BROKEN);
    assert_eq!(watch.sent.load(Ordering::SeqCst), 1);
}

#[test]
fn a_sandbox_without_tls_takes_no_proxy() {
    let mut options = HttpsOptions::default();
    options.proxy = Some(Proxy::new("http://127.0.0.1:3128").unwrap());
    let error = HttpsTransport::new("http://127.0.0.1:8080/pos", options).unwrap_err();
    assert!(error.to_string().starts_with("proxy "), "{error}");
}
