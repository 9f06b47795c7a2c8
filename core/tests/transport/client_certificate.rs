//! Who this side is, for hosts that ask: acquirers that terminate mutual TLS (N27).

use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovo_ptp::ErrorKind;
use ovo_ptp::transport::{
    ClientCertificate, FailureKind, HttpsOptions, HttpsTransport, Proxy, Transport, Trust,
    Unwatched, Watch,
};
use rcgen::{Certificate, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;

use crate::host::{AUTHORITY, Authority, GOOD, Host};
use crate::*;

/// A certificate of this authority and its key.
fn pair(authority: &Authority) -> (Certificate, KeyPair) {
    authority.issue(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "till 7");
    })
}

fn shown(authority: &Authority) -> ClientCertificate {
    let (certificate, key) = pair(authority);
    ClientCertificate::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
        .unwrap()
}

/// A good host that takes nobody without a certificate of the test authority.
fn asking(versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(AUTHORITY.der()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let (certificate, key) = AUTHORITY.issue(|_| {});
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    Arc::new(config)
}

fn showing(certificate: Option<ClientCertificate>, url: &str) -> HttpsTransport {
    let mut options = HttpsOptions::with_trust(Trust::Pem(AUTHORITY.pem.clone().into_bytes()));
    options.client_certificate = certificate;
    HttpsTransport::new(url, options).unwrap()
}

const BOTH: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS13, &rustls::version::TLS12];

#[test]
fn n27_a_host_that_asks_is_shown_the_certificate() {
    for version in BOTH {
        let host = Host::start(Some(asking(&[version])), |peer| {
            peer.read_request()?;
            peer.write_all(ok("{}").as_bytes())?;
            peer.close();
            Ok(())
        });
        let transport = showing(Some(shown(&AUTHORITY)), &host.url());
        // The second session is resumed.
        for _ in 0..2 {
            assert_eq!(answered(exchange(&transport)).status, 200);
        }
        assert_eq!(host.requests().len(), 2);
    }
}

#[test]
fn n27_without_a_certificate_or_with_a_foreign_one_nothing_is_sent() {
    let foreign = Authority::new("Somebody Else's Root");
    for version in BOTH {
        for (certificate, why) in [(None, "CertificateRequired"), (Some(shown(&foreign)), "alert")]
        {
            let host = Host::start(Some(asking(&[version])), |peer| peer.read_request().map(drop));
            let transport = showing(certificate, &host.url());
            let (result, watch) = watched(&transport, Counting::default());
            let failure = not_sent(result);
            assert_eq!(failure.kind, FailureKind::Tls, "{}", failure.message);
            // TLS 1.2 knows no alert of that name.
            let why = if version == &rustls::version::TLS12 { "alert" } else { why };
            assert!(failure.message.contains(why), "{}", failure.message);
            assert_eq!(watch.asked.load(Ordering::SeqCst), 0);
            assert!(host.requests().is_empty());
        }
    }
}

/// Tells when the request is written.
struct Telling(Mutex<Sender<()>>);

impl Watch for Telling {
    fn sent(&self) {
        self.0.lock().unwrap().send(()).unwrap();
    }
}

/// With TLS 1.3 the client's handshake is over before the host has looked at its certificate.
#[test]
fn n27_a_refusal_that_comes_behind_the_request_leaves_it_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/pos", listener.local_addr().unwrap());
    let (written, until_written) = channel();
    let host = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut session = rustls::ServerConnection::new(asking(&BOTH)).unwrap();
        // The host's own flight, and no look at what the client says to it until it has said all.
        while !session.wants_write() {
            session.read_tls(&mut socket).unwrap();
            session.process_new_packets().unwrap();
        }
        while session.wants_write() {
            session.write_tls(&mut socket).unwrap();
        }
        until_written.recv().unwrap();
        while session.complete_io(&mut socket).is_ok() {}
    });
    let watch: Arc<dyn Watch> = Arc::new(Telling(Mutex::new(written)));
    let result = showing(None, &url).exchange(&request(&signature), &watch);
    let failure = no_answer(result);
    assert_eq!(failure.kind, FailureKind::Tls, "{}", failure.message);
    assert!(failure.message.contains("CertificateRequired"), "{}", failure.message);
    host.join().unwrap();
}

/// A host that asks, and says nothing to what it is shown.
#[test]
fn n27_a_host_that_is_silent_behind_the_handshake_is_asked_all_the_same() {
    let mut silent = ServerConfig::clone(&asking(&BOTH));
    silent.send_tls13_tickets = 0;
    let host = Host::start(Some(Arc::new(silent)), |peer| {
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())?;
        peer.close();
        Ok(())
    });
    let transport = showing(Some(shown(&AUTHORITY)), &host.url());
    assert_eq!(answered(exchange(&transport)).status, 200);
}

#[test]
fn n27_a_proxy_that_asks_is_not_shown_the_certificate() {
    let proxy =
        Host::start(Some(asking(&[&rustls::version::TLS12])), |peer| peer.read_request().map(drop));
    let mut options = HttpsOptions::with_trust(Trust::Pem(AUTHORITY.pem.clone().into_bytes()));
    options.client_certificate = Some(shown(&AUTHORITY));
    let proxy_at = Proxy::new(&format!("https://{}", proxy.address)).unwrap();
    options.proxy = Some(proxy_at.with_trust(options.trust.clone()));
    let transport = HttpsTransport::new("https://localhost/pos", options).unwrap();
    assert_eq!(not_sent(exchange(&transport)).kind, FailureKind::Tls);
    assert!(proxy.requests().is_empty());
}

#[test]
fn the_way_to_the_host_is_told() {
    let wait = |peer: &mut host::Peer| {
        peer.drain();
        Ok(())
    };
    let host = Host::start(Some(Arc::clone(&GOOD)), wait);
    let budget = Duration::from_secs(5);
    let unwatched: Arc<dyn Watch> = Arc::new(Unwatched);
    let route = host.transport().inspect(budget, &unwatched).unwrap();
    assert_eq!((route.tls, route.http), (Some("TLS 1.3"), Some("HTTP/1.1")));
    assert!(route.host_certificate.is_some_and(|validity| validity.days_left > 300));
    assert_eq!((route.client_certificate, route.asks_for_certificate), (None, false));
    assert_eq!(route.proxy, None);

    let host = Host::start(Some(asking(&[&rustls::version::TLS12])), wait);
    let route = showing(Some(shown(&AUTHORITY)), &host.url()).inspect(budget, &unwatched).unwrap();
    assert_eq!(route.tls, Some("TLS 1.2"));
    assert!(route.asks_for_certificate && route.client_certificate.is_some());

    let mut options = HttpsOptions::with_trust(Trust::Pem(AUTHORITY.pem.clone().into_bytes()));
    options.proxy = Some(Proxy::new("http://till:s3cret@127.0.0.1:1").unwrap());
    let nobody = HttpsTransport::new("https://localhost/pos", options).unwrap();
    let route = nobody.inspect(budget, &unwatched).unwrap();
    assert_eq!(route.proxy.as_deref(), Some("http://127.0.0.1:1"));
    assert_eq!((route.tls, route.http, route.host_certificate), (None, None, None));
    assert!(route.failure.is_some_and(|why| why.contains("no TCP connection")));
}

/// What is wrong with these texts; nothing of them may be repeated.
fn refused(certificate: &str, key: &str) -> String {
    let error = ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let said = format!("{error} {error:?}");
    for secret in key.lines().filter(|line| line.len() > 20 && !line.starts_with("--")) {
        assert!(!said.contains(&secret[..16]), "{said}");
    }
    error.to_string()
}

#[test]
fn b13_a_pair_that_cannot_be_used_is_refused_by_field_and_rule() {
    let (certificate, key) = pair(&AUTHORITY);
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let (_, another) = pair(&AUTHORITY);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
               DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let garbled = key.replacen("MIG", "AAA", 1);
    let cut = key.replace("-----END PRIVATE KEY-----", "");
    let broken = certificate.replace("-----END CERTIFICATE-----", "");
    for (certificate, key, rule) in [
        ("", &*key, "client_certificate: holds no certificate"),
        (&*key, &key, "client_certificate: holds no certificate"),
        (&broken, &key, "client_certificate: is not valid PEM of a certificate"),
        (&certificate, "", "client_key: holds no private key"),
        (&certificate, &certificate, "client_key: holds no private key"),
        (&certificate, &cut, "client_key: is not valid PEM of a private key"),
        (&certificate, &garbled, "client_key: is of no kind that TLS can sign with"),
        (&certificate, &encrypted, "client_key: is encrypted"),
        (&certificate, old, "client_key: is encrypted"),
        (
            &certificate,
            &another.serialize_pem(),
            "client_key: does not belong to the first certificate",
        ),
    ] {
        let said = refused(certificate, key);
        assert!(said.contains(rule), "{said}: not {rule}");
    }
}

/// Of X.509 version 1 (`openssl x509 -req` without extensions), until 2126, and its key.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBHTCBxQIULjJUE6Mb8C1xwPyyBUx2xzT4eh4wCgYIKoZIzj0EAwIwETEPMA0G
A1UEAwwGdGlsbC0xMCAXDTI2MTEyNzA2NTMxNloYDzIxMjYxMTAzMDY1MzE2WjAR
MQ8wDQYDVQQDDAZ0aWxsLTEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ7G5BT
vQXaoQs9IzJdvBErBheWjexjs8VhYpilw2QcJItzbEypEXtPYnBGU4WTnOkVSvMR
/yUkxjaBLxESyrHmMAoGCCqGSM49BAMCA0cAMEQCIDE9MP0YfAX5d0Rrk2oSPCjL
uCWMiLRwlrSszyarOEiMAiA4e2CV1DoDkz9OaPYQrh3fYTCeHQcc9XVYDonYlIuT
mw==
-----END CERTIFICATE-----";
const ITS_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAeB/ziUVQ74GE1UE
ahlGX/TZT5lWhuUKfDBfKq+2w/ChRANCAAQ7G5BTvQXaoQs9IzJdvBErBheWjexj
s8VhYpilw2QcJItzbEypEXtPYnBGU4WTnOkVSvMR/yUkxjaBLxESyrHm
-----END PRIVATE KEY-----";

#[test]
fn n27_a_certificate_of_version_1_is_shown_and_comments_may_be_in_any_alphabet() {
    let pem = |text: &str| [b"# Kasse f\xfcr Caf\xe9\n", text.as_bytes()].concat();
    ClientCertificate::from_pem(&pem(VERSION_1), &pem(ITS_KEY)).unwrap();
    let (certificate, another) = pair(&AUTHORITY);
    ClientCertificate::from_pem(&pem(&certificate.pem()), &pem(&another.serialize_pem())).unwrap();
    let said = refused(VERSION_1, &another.serialize_pem());
    assert!(said.contains("client_key: does not belong"), "{said}");
    let said = refused(&VERSION_1.replacen("MII", "MIA", 1), ITS_KEY);
    assert!(said.contains("client_certificate: is not valid PEM"), "{said}");
}

#[test]
fn b13_files_are_read_if_they_are_one_s_own() {
    use std::os::unix::fs::PermissionsExt;

    let (certificate, key) = pair(&AUTHORITY);
    let folder = std::env::temp_dir().join(format!("ovo-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (one, other) = (folder.join("till.pem"), folder.join("till.key"));
    let mode = |path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::write(&one, certificate.pem()).unwrap();
    std::fs::write(&other, key.serialize_pem()).unwrap();
    mode(&one, 0o644);
    mode(&other, 0o600);
    ClientCertificate::from_files(&one, &other).unwrap();

    mode(&other, 0o644);
    let said = ClientCertificate::from_files(&one, &other).unwrap_err().to_string();
    assert!(said.contains("client_key: ") && said.contains("chmod 600"), "{said}");
    let said = ClientCertificate::from_files(folder.join("none"), &other).unwrap_err().to_string();
    assert!(said.contains("client_certificate: ") && said.contains("none"), "{said}");
    let said = ClientCertificate::from_files(&one, &folder).unwrap_err().to_string();
    assert!(said.contains("client_key: ") && said.contains("is not a file"), "{said}");

    // Both in one.
    std::fs::write(&one, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    mode(&one, 0o600);
    ClientCertificate::from_files(&one, &one).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn b7_the_key_is_not_shown() {
    let ours = shown(&AUTHORITY);
    assert_eq!(format!("{ours:?}"), "ClientCertificate");
    let mut options = HttpsOptions::default();
    options.client_certificate = Some(ours);
    let said = format!("{options:?}");
    assert!(said.contains("client_certificate: Some(ClientCertificate)"), "{said}");
}
