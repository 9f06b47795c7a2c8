//! What must not be seen: logs, environment, errors.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovo_ptp::message::Signature;
use ovo_ptp::transport::{Exchange, HttpRequest, Transport, Unwatched, Watch};

use crate::host::{Host, transport};
use crate::*;

const HMAC: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7cafe";
const PHONE: &str = "089876543210";
const NAME: &str = "SITI RAHAYU KUSUMAWARDHANI";

/// Everything that anyone logs in this process.
static LOG: Mutex<String> = Mutex::new(String::new());

struct Collector;

impl log::Log for Collector {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}\n", record.target(), record.args());
        LOG.lock().unwrap().push_str(&line);
    }

    fn flush(&self) {}
}

/// Whether `text` shows any eight characters of `secret`, as text or in hexadecimal. Whole values
/// would not do: a log that dumps bytes in rows tears them apart.
fn shows(text: &str, secret: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = secret.to_ascii_lowercase();
    secret.as_bytes().windows(8).any(|part| {
        let plain = String::from_utf8_lossy(part).into_owned();
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let list: Vec<_> = part.iter().map(u8::to_string).collect();
        text.contains(&plain) || squeezed.contains(&hex) || squeezed.contains(&list.join(","))
    })
}

#[test]
fn b7_no_log_level_shows_signature_phone_or_answer() {
    log::set_logger(&Collector).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let body = format!("{{\"phone\":\"{PHONE}\"}}");
    let signature = || Signature { random: "1735689600".into(), hmac: HMAC.into() };
    let request = HttpRequest { body: body.as_bytes(), ..request(&signature) };
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let answer = format!("{{\"fullName\":\"{NAME}\"}}");
    let garbage = format!("HTTP/1.1 200 OK\r\n{NAME}\r\n\r\n{NAME}");
    let hosts = [
        Host::answering(ok(&answer)),
        Host::answering(garbage),
        Host::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {NAME}\r\n\r\n")),
        Host::answering(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{NAME}")),
        Host::answering(format!("HTTP/1.1 200 OK\r\nContent-Encoding: {NAME}\r\n\r\n")),
        Host::answering(NAME),
        Host::https(|peer| {
            peer.read_request()?;
            peer.reset();
            Ok(())
        }),
    ];
    let mut seen = String::new();
    for host in &hosts {
        let transport = host.transport();
        let result = transport.exchange(&request, &watch);
        seen.push_str(&format!("{transport:?} {result:?}\n"));
        if let Exchange::NoAnswer(failure) | Exchange::NotSent(failure) = &result {
            seen.push_str(&format!("{failure:?}\n"));
        }
    }
    log::set_max_level(log::LevelFilter::Off);

    let log = LOG.lock().unwrap();
    assert!(log.contains("rustls"), "the collector collects");
    for secret in [HMAC, PHONE, NAME] {
        assert!(!shows(&log, secret), "a secret is in the log");
        assert!(!shows(&seen, secret), "a secret is in {seen}");
    }
    // The search itself finds what it looks for.
    assert!(shows("504f 4fxx: 5ec2e75e", HMAC));
    assert!(shows("3536 3738 3938 3736 3534 3332 3130", PHONE));
}

/// Runs `test` of this program again, with `variables`.
fn again_with(test: &str, variables: &[(&str, &str)]) {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by the tests below, with a changed environment"]
fn an_exchange_in_this_environment_goes_straight_to_the_host() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())
    });
    let transport = transport(&format!("https://localhost:{}/pos", host.address.port()));
    answered(exchange(&transport));
    assert_eq!(host.connections(), 1);
}

const STRAIGHT: &str = "secrets::an_exchange_in_this_environment_goes_straight_to_the_host";

#[test]
fn b9_a_proxy_from_the_environment_is_ignored() {
    let proxy = Host::start(None, |peer| {
        peer.read_request()?;
        Ok(())
    });
    let url = format!("http://{}", proxy.address);
    let names =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let variables: Vec<_> = names.iter().map(|name| (*name, url.as_str())).collect();
    again_with(STRAIGHT, &variables);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn b5_a_key_log_file_from_the_environment_is_ignored() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("transport-key-log");
    let _ = std::fs::remove_file(&file);
    again_with(STRAIGHT, &[("SSLKEYLOGFILE", file.to_str().unwrap())]);
    assert!(!file.exists());
}
