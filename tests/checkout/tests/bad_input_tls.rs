//! Group B of the fault catalogue over real TLS: what an attacker, a broken host or a
//! broken configuration sends, shows or sets.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod tls;

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ovo_ptp::message::{Mismatch, Operation};
use ovo_ptp::payment::{Alert, StatusAnswer};
use ovo_ptp::transport::Trust;
use ovo_ptp::{AppKey, Credentials, Environment, ErrorKind, Outcome, Terminal};
use ovo_sandbox::{
    AnswerPlan, ConnectionFault, DEMO_APP_ID, DEMO_APP_KEY, DEMO_MERCHANT_ID, DEMO_MID,
    DEMO_STORE_CODE, DEMO_TID, Delivery, Mangle, Step,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tls::relay::{Manner, Relay};
use tls::*;

const SCALE: f64 = 0.03;
const APPROVES: &str = "081200000000";

fn push() -> Step {
    Step::on(Operation::PushToPay)
}

/// What forges a header, a second request, or a JSON field, wherever it is let in.
const FORGERIES: [&str; 7] = [
    "x\r\nhmac: 0",
    "x\nhmac: 0",
    "x\rhmac: 0",
    "x\0hmac: 0",
    "x\",\"hmac\":\"0",
    "x\\hmac",
    "x\u{2028}hmac",
];

#[test]
fn b1_line_breaks_and_nulls_are_refused_at_the_door_and_never_repeated() {
    let shop = Shop::open(SCALE);
    let refused = |what: &str, error: ovo_ptp::Error| {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what}");
        assert!(!error.to_string().contains("hmac"), "{what}: {error}");
    };
    for text in FORGERIES {
        let terminal = || Terminal::new(DEMO_TID, DEMO_MID, DEMO_STORE_CODE).unwrap();
        let key = || AppKey::new(DEMO_APP_KEY).unwrap();
        let credentials = Credentials::new(DEMO_MERCHANT_ID, terminal(), text, key());
        refused("app id", credentials.unwrap_err());
        let credentials = Credentials::new(text, terminal(), DEMO_APP_ID, key());
        refused("merchant id", credentials.unwrap_err());
        refused("app key", AppKey::new(text).unwrap_err());
        refused("tid", Terminal::new(text, DEMO_MID, DEMO_STORE_CODE).unwrap_err());
        refused("mid", Terminal::new(DEMO_TID, text, DEMO_STORE_CODE).unwrap_err());
        refused("store code", Terminal::new(DEMO_TID, DEMO_MID, text).unwrap_err());
        refused("phone", text.parse::<ovo_ptp::PhoneNumber>().unwrap_err());
        refused("invoice", text.parse::<ovo_ptp::MerchantInvoice>().unwrap_err());
    }
    assert!(shop.reports().is_empty(), "nothing was written");
    assert_eq!(shop.ovo.counters().accepted, 0, "nothing was sent");
}

/// A payment towards a host that cannot prove who it is.
fn is_not_sent(till: &Till, invoice: &str) {
    let outcome = till.pay(invoice, APPROVES);
    let Outcome::NotSent(not_sent) = outcome else { panic!("{invoice}: {outcome:?}") };
    assert_eq!(not_sent.reason(), Some(ovo_ptp::NotSentReason::NotTrusted), "{invoice}");
    let result = till.results(Operation::PushToPay).pop().unwrap();
    assert!(result.starts_with("not sent: the TLS handshake failed"), "{invoice}: {result}");
    assert!(till.report(invoice).settled);
}

#[test]
fn b4_a_certificate_that_proves_nothing_ends_the_payment_before_any_byte() {
    let shop = Shop::open(SCALE);
    let faults = [
        ("EXPIRED", ConnectionFault::ExpiredCertificate),
        ("WRONG-HOST", ConnectionFault::WrongHostCertificate),
        ("UNKNOWN-AUTHORITY", ConnectionFault::UnknownAuthority),
    ];
    for (name, fault) in faults {
        shop.script(connections(fault, 1));
        is_not_sent(&shop, name);
    }
    assert_eq!(shop.ovo.counters().established, 0);
    until("the host learns that it was refused", || shop.ovo.counters().handshakes_failed == 3);
    // Every request is protected, not only the push.
    shop.script(connections(ConnectionFault::ExpiredCertificate, 1));
    let inquiry = shop.client().inquire(&APPROVES.parse().unwrap());
    assert_eq!(inquiry.unwrap_err().kind(), ErrorKind::NoAnswer);
    assert!(shop.ovo.requests().is_empty());
    assert!(shop.pay("GOOD", APPROVES).is_paid());
    shop.settle_and_compare();
}

#[test]
fn b4_a_refund_waits_for_a_host_that_can_prove_who_it_is() {
    let shop = Shop::open(SCALE);
    let unheard = ovo_sandbox::Behaviour::AnswerLost { after_ms: 1_000, cut: false };
    shop.script([push().behave(unheard), Step::on(Operation::CheckPayment).unheard()]);
    let payment = shop.client().start(&charge("INV-1", APPROVES)).unwrap();
    until("the push arrives", || shop.ovo.net("INV-1") == AMOUNT);
    shop.script(connections(ConnectionFault::WrongHostCertificate, 0));
    assert!(matches!(payment.outcome(), Outcome::NotCompleted(_)));
    until("refused reversals", || shop.ovo.counters().handshakes_failed >= 3);
    assert!(!shop.report("INV-1").settled);
    shop.ovo.with_host(|host| host.script_mut().connections.clear());
    shop.settle_and_compare();
}

/// A host with a certificate for this very address that it signed itself. Counts what it is sent
/// after the handshake.
fn self_signed_host(heard: &Arc<AtomicUsize>) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let heard = Arc::clone(heard);
    std::thread::spawn(move || {
        for mut wire in listener.incoming().flatten() {
            wire.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut request = [0; 1024];
            let read = rustls::Stream::new(&mut session, &mut wire).read(&mut request);
            heard.fetch_add(read.unwrap_or(0), Ordering::SeqCst);
        }
    });
    address
}

#[test]
fn b4_a_self_signed_certificate_is_refused() {
    let shop = Shop::open(SCALE);
    let heard = Arc::default();
    let address = self_signed_host(&heard);
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    is_not_sent(&till, "INV-1");
    drop(till);
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}

#[test]
fn b4_verification_has_no_off_switch() {
    // Every way to say whom to trust. A fourth would not compile here and needs a test of its own.
    let says_whom = |trust: &Trust| match trust {
        Trust::Platform | Trust::Pem(_) | Trust::PemFile(_) => true,
    };
    let shop = Shop::open(SCALE);
    let missing = shop.folder().join("no-such-file.pem");
    // Trust in nobody, or in something unreadable, is an error and not trust in everybody.
    for nobody in [
        Trust::Pem(Vec::new()),
        Trust::Pem(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec()),
        Trust::Pem(b"none".to_vec()),
        Trust::PemFile(missing),
    ] {
        assert!(says_whom(&nobody));
        let folder = tempfile::TempDir::new().unwrap();
        let opened = ovo_ptp::Client::builder(
            Environment::custom(&shop.ovo.base_url()),
            credentials(DEMO_TID),
        )
        .journal(folder.path().join("till.db"))
        .trust(nobody)
        .timers(roomy(SCALE))
        .open();
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Configuration);
    }
    // Nor does plain HTTP lead out of this machine.
    for address in ["http://apigw.ovo.id", "http://192.0.2.1"] {
        let folder = tempfile::TempDir::new().unwrap();
        let opened = ovo_ptp::Client::builder(Environment::custom(address), credentials(DEMO_TID))
            .journal(folder.path().join("till.db"))
            .open();
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Configuration, "{address}");
    }
    assert_eq!(shop.ovo.counters().accepted, 0);
}

#[test]
fn b4_the_environment_adds_nobody_to_a_trust_of_ones_own() {
    if child::is_child() {
        return;
    }
    // The till trusts another sandbox's authority; the environment wants it to trust this one's.
    let (here, other) = (ovo(SCALE), ovo(SCALE));
    let file = here.ca_pem_path().display().to_string();
    let folder = here.ca_pem_path().parent().unwrap().display().to_string();
    let told = child::run(
        "b4_the_environment_adds_nobody_to_a_trust_of_ones_own",
        &here,
        Some(other.ca_pem()),
        &[("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)],
    );
    assert!(told.contains("outcome: not sent"), "{told}");
    assert!(told.contains("the TLS handshake failed"), "{told}");
    assert!(here.requests().is_empty());
}

#[test]
fn b5_a_host_of_tls_1_1_is_refused() {
    let shop = Shop::open(SCALE);
    shop.script(connections(ConnectionFault::OldTls, 1));
    is_not_sent(&shop, "INV-1");
    assert!(shop.ovo.requests().is_empty());
}

/// The extensions of the client hello with which a connection's bytes begin.
fn extensions(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let number = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    assert_eq!((bytes[0], bytes[5]), (22, 1), "a handshake record with a client hello");
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(bytes[at]); // session id
    at += 2 + number(at); // cipher suites
    at += 1 + usize::from(bytes[at]); // compression
    let end = at + 2 + number(at);
    at += 2;
    let mut found = Vec::new();
    while at < end {
        let length = number(at + 2);
        found.push((number(at) as u16, bytes[at + 4..at + 4 + length].to_vec()));
        at += 4 + length;
    }
    found
}

#[test]
fn b5_the_hello_offers_tls_1_2_and_1_3_alone_and_never_early_data() {
    const EARLY_DATA: u16 = 42;
    const SUPPORTED_VERSIONS: u16 = 43;
    const PRE_SHARED_KEY: u16 = 41;
    let shop = Shop::open(SCALE);
    let relay = Relay::start("127.0.0.1", shop.ovo.address(), Manner::Honest);
    let address = format!("https://{}", relay.address());
    let till = Till::open(&address, trust(&shop.ovo), roomy(SCALE), |it| it);
    assert!(till.pay("INV-1", &customer(1)).is_paid());
    assert!(till.pay("INV-2", &customer(2)).is_paid());
    let hellos: Vec<_> = relay.seen().iter().map(|bytes| extensions(bytes)).collect();
    assert_eq!(hellos.len(), 2);
    for hello in &hellos {
        let of = |wanted| hello.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| data);
        assert_eq!(of(SUPPORTED_VERSIONS).unwrap()[..], [4, 3, 4, 3, 3]);
        assert_eq!(of(EARLY_DATA), None, "anyone on the way could replay it");
    }
    // The second one resumes: there early data would have been possible.
    assert!(hellos[1].iter().any(|(kind, _)| *kind == PRE_SHARED_KEY));
    compare(&shop.ovo, &[&till]);
}

#[test]
fn b5_a_key_log_in_the_environment_is_ignored() {
    if child::is_child() {
        return;
    }
    let ovo = ovo(SCALE);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("keys.log");
    let told = child::run(
        "b5_a_key_log_in_the_environment_is_ignored",
        &ovo,
        Some(ovo.ca_pem()),
        &[("SSLKEYLOGFILE", file.display().to_string())],
    );
    assert!(told.contains("outcome: paid"), "{told}");
    assert_eq!(ovo.net("INV-1"), AMOUNT);
    assert!(!file.exists());
}

#[test]
fn b6_a_forged_success_with_a_wrong_echo_is_not_accepted() {
    let shop = Shop::open(SCALE);
    let set = |path: &str, value: serde_json::Value| push().pretend().set(path, value);
    let forgeries = [
        ("AMOUNT", set("amount", 1.into()), Mismatch::Amount),
        ("INVOICE", set("transactionRequestData.merchantInvoice", "X".into()), Mismatch::Invoice),
        ("BATCH", set("transactionRequestData.batchNo", "000001".into()), Mismatch::Batch),
        ("REFERENCE", set("referenceNumber", 999_999.into()), Mismatch::Reference),
        ("TID", set("tid", "00000002".into()), Mismatch::Tid),
        ("MID", set("mid", "000000000000002".into()), Mismatch::Mid),
        ("PHONE", set("transactionRequestData.phone", "081299999999".into()), Mismatch::Phone),
        ("TYPE", set("type", "0410".into()), Mismatch::MessageType),
        ("CODE", set("processingCode", "020040".into()), Mismatch::ProcessingCode),
    ];
    for (name, step, _) in &forgeries {
        shop.script(step.clone().invoice(name));
    }
    std::thread::scope(|scope| {
        for (number, (name, ..)) in forgeries.iter().enumerate() {
            let shop = &shop;
            scope.spawn(move || {
                let told = shop.pay(name, &customer(number));
                assert!(matches!(told, Outcome::NotCompleted(_)), "{name}: {told:?}");
            });
        }
    });
    for (name, _, field) in &forgeries {
        assert!(shop.alerted(name, |alert| *alert == Alert::WrongEcho(*field)), "{name}");
    }
    shop.settle_and_compare();
}

/// The residual risk, as it is: OVO's answers are not signed, so whoever holds a certificate for
/// OVO's name can invent one. What is left is to compare with OVO's own account.
#[test]
fn b6_a_perfect_forgery_is_believed_and_found_only_by_asking_ovo_itself() {
    let shop = Shop::open(SCALE);
    shop.script(push().pretend());
    assert!(shop.pay("INV-1", APPROVES).is_paid());
    assert_eq!(shop.ovo.net("INV-1"), 0, "nobody was debited");
    std::thread::sleep(Duration::from_secs(61).mul_f64(SCALE));
    let status = shop.client().check(&"INV-1".parse().unwrap()).unwrap();
    assert_eq!(status.at_ovo, StatusAnswer::NotFound);
    assert!(shop.report("INV-1").outcome.unwrap().is_paid(), "a verdict is never taken back");
}

#[test]
fn b9_proxies_in_the_environment_are_ignored() {
    if child::is_child() {
        return;
    }
    let ovo = ovo(SCALE);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let names =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let environment = names.map(|name| (name, url.clone()));
    let told = child::run(
        "b9_proxies_in_the_environment_are_ignored",
        &ovo,
        Some(ovo.ca_pem()),
        &environment,
    );
    assert!(told.contains("outcome: paid"), "{told}");
    assert_eq!(ovo.net("INV-1"), AMOUNT);
    assert!(proxy.accept().is_err(), "nobody asked the proxy");
}

#[test]
fn b11_json_bombs_are_no_answer() {
    let shop = Shop::open(SCALE);
    let mangled =
        |mangle| push().answer(AnswerPlan { mangle: Some(mangle), ..AnswerPlan::default() });
    unusable_answers(
        &shop,
        &[
            ("DEEP-200", mangled(Mangle::Deep(200))),
            ("DEEP-10K", mangled(Mangle::Deep(10_000))),
            ("DEEP-1M", mangled(Mangle::Deep(1_000_000))),
            ("MILLION-KEYS", mangled(Mangle::ManyKeys(1_000_000))),
            ("SAME-KEY", mangled(Mangle::DuplicateCode("00".to_owned()))),
        ],
    );
}

#[test]
fn b12_headers_without_measure_are_no_answer() {
    let shop = Shop::open(SCALE);
    let hundred = (0..100).map(|number| (format!("X-{number}"), "1".to_owned())).collect();
    unusable_answers(
        &shop,
        &[
            ("MEGABYTE", push().deliver(Delivery::HugeHeader { bytes: 1_000_000 })),
            ("OVER-16-K", push().deliver(Delivery::HugeHeader { bytes: 16_384 })),
            ("HUNDRED", push().answer(AnswerPlan { headers: hundred, ..AnswerPlan::default() })),
        ],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_journal_in_memory_is_refused_unless_the_host_is_a_sandbox() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let is_memory = |at: &str| mounts.lines().any(|line| line.contains(&format!(" {at} tmpfs ")));
    let Some(memory) = ["/dev/shm", "/run", "/tmp"].into_iter().find(|at| is_memory(at)) else {
        println!("skipped: no file system in memory here");
        return;
    };
    let directory = tempfile::tempdir_in(memory).unwrap();
    let path = directory.path().join("ovo.db");
    let open = |environment| {
        let credentials = credentials(ovo_sandbox::DEMO_TID);
        ovo_ptp::Client::builder(environment, credentials).journal(&path).background(false).open()
    };
    let refused = open(ovo_ptp::Environment::Staging).unwrap_err();
    assert_eq!(refused.kind(), ovo_ptp::ErrorKind::Journal);
    assert!(refused.to_string().contains("in memory"), "{refused}");
    assert!(!path.exists(), "nothing was written");
    open(ovo_ptp::Environment::custom("https://localhost:1")).unwrap();
}
