//! What a merchant sees on the wire when nothing goes wrong there.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod till;

use std::io::Write;
use std::time::{Duration, Instant};

use ovo_ptp::message::Operation;
use ovo_sandbox::{DEMO_APP_KEY, HostConfig, Sandbox, SandboxConfig, Security, State, sign};
use till::*;

const APPROVES: &str = "081200000000";

#[test]
fn a_push_is_paid_over_tls_and_stands_in_the_books() {
    let sandbox = Sandbox::start(SandboxConfig::https()).unwrap();
    let mut wire = tls(&trusting(&sandbox), &sandbox).unwrap();
    wire.write_all(&push(1, APPROVES)).unwrap();
    let answer = read_answer(&mut wire).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (200, "00"));
    assert_eq!(sandbox.net("INV-1"), 12_500);
    assert_eq!(sandbox.counters().established, 1);
}

#[test]
fn plain_and_tls_ports_share_the_books() {
    let config = SandboxConfig { security: Security::Both, ..SandboxConfig::https() };
    let sandbox = Sandbox::start(config).unwrap();
    assert!(sandbox.base_url().starts_with("https://127.0.0.1:"));
    let plain = sandbox.http_url().unwrap();
    let mut wire = std::net::TcpStream::connect(plain.strip_prefix("http://").unwrap()).unwrap();
    wire.write_all(&push(1, APPROVES)).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().code(), "00");
    let mut wire = tls(&trusting(&sandbox), &sandbox).unwrap();
    wire.write_all(&push(1, APPROVES)).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().code(), "94");
}

#[test]
fn a_kept_connection_serves_again_and_close_closes() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let mut wire = tcp(&sandbox);
    for number in 1..=3 {
        wire.write_all(&push(number, APPROVES)).unwrap();
        let answer = read_answer(&mut wire).unwrap();
        assert!(answer.head.contains("Connection: keep-alive\r\n"), "{}", answer.head);
    }
    let last = body(Operation::PushToPay, 4, APPROVES, &now_text());
    wire.write_all(&request(&last, "Connection: close\r\n")).unwrap();
    let answer = read_answer(&mut wire).unwrap();
    assert!(answer.head.contains("Connection: close\r\n"));
    assert_eq!(read_to_end(&mut wire), (Vec::new(), None), "closed in order");
    let log = sandbox.requests();
    assert_eq!(log.iter().map(|record| record.nth).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(log.iter().all(|record| record.connection == 1));
}

#[test]
fn two_requests_in_one_write_are_answered_in_order() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let mut wire = tcp(&sandbox);
    let both = [push(1, APPROVES), push(1, APPROVES)].concat();
    wire.write_all(&both).unwrap();
    let (first, mut rest) = (read_answer(&mut wire), wire);
    // The second answer may have come with the first read; only the first is sure.
    assert!(first.unwrap().body.starts_with(b"{"));
    rest.shutdown(std::net::Shutdown::Write).unwrap();
    read_to_end(&mut rest);
    let codes: Vec<_> = sandbox.requests().into_iter().flat_map(|record| record.code).collect();
    assert_eq!(codes, ["00", "94"]);
}

#[test]
fn a_request_in_small_pieces_is_one_request() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let mut wire = tcp(&sandbox);
    wire.set_nodelay(true).unwrap();
    for piece in push(1, APPROVES).chunks(50) {
        wire.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(read_answer(&mut wire).unwrap().code(), "00");
}

#[test]
fn an_ignored_prompt_ends_in_an_empty_404_after_the_scaled_session() {
    let sandbox = Sandbox::start(SandboxConfig::http().time_scale(0.01)).unwrap();
    let started = Instant::now();
    let answer = exchange(&sandbox, &push(1, "081200009000")).unwrap();
    let took = started.elapsed();
    assert_eq!((answer.status, answer.body.len()), (404, 0));
    assert!(took >= Duration::from_millis(590), "60 s at 0.01 are 0.6 s, not {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_lost_answer_leaves_a_debit_that_a_check_finds_and_a_reversal_returns() {
    let sandbox = Sandbox::start(SandboxConfig::http().time_scale(0.01)).unwrap();
    let date = now_text();
    let mut wire = tcp(&sandbox);
    let phone = "081200009201";
    wire.write_all(&request(&body(Operation::PushToPay, 1, phone, &date), "")).unwrap();
    wire.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    assert!(read_answer(&mut wire).is_none());
    assert_eq!(sandbox.ledger()[0].state, State::Debited);
    let check = request(&body(Operation::CheckPayment, 1, phone, &date), "");
    assert_eq!(exchange(&sandbox, &check).unwrap().code(), "00");
    let reversal = request(&body(Operation::Reversal, 1, phone, &now_text()), "");
    assert_eq!(exchange(&sandbox, &reversal).unwrap().code(), "00");
    assert_eq!(sandbox.net("INV-1"), 0);
}

#[test]
fn a_session_goes_on_when_the_client_has_vanished() {
    for (cancels, net) in [(false, 12_500), (true, 0)] {
        let host = HostConfig { drop_cancels_session: cancels, ..HostConfig::default() };
        let sandbox = Sandbox::start(SandboxConfig::http().time_scale(0.05).host(host)).unwrap();
        let mut wire = tcp(&sandbox);
        wire.write_all(&push(1, "081200000110")).unwrap();
        while sandbox.ledger().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(wire);
        std::thread::sleep(Duration::from_millis(800));
        assert_eq!(sandbox.net("INV-1"), net);
        assert!(sandbox.requests()[0].client_gone);
        assert_eq!(sandbox.counters().open, 0);
    }
}

#[test]
fn the_published_vector_is_a_valid_signature() {
    // The host's clock stands where the vector's random is: 2016-07-19.
    let mut host = HostConfig::default();
    let merchant = &mut host.merchants[0];
    merchant.app_id = "hypermart".to_owned();
    merchant.app_key =
        "a4f6bf89b2a85781b7c1cab997b7ee0c89be03f7ac6ef29b63a45d07253cc401".to_owned();
    host.clock_window_s = 0;
    let sandbox = Sandbox::start(SandboxConfig::http().host(host)).unwrap();
    let text = body(Operation::Inquiry, 1, APPROVES, &now_text()).to_string();
    let send = |hmac: &str| {
        let request = format!(
            "POST /pos HTTP/1.1\r\nContent-Type: application/json\r\nApp-Id: hypermart\r\n\
             RANDOM: 1468914526\r\nhmac: {hmac}\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        exchange(&sandbox, request.as_bytes()).unwrap()
    };
    let vector = "8087f83ffc6a6564b8161e6dce1ee9a82dfc514c83de341587f16abd512fcfd6";
    assert_eq!(send(vector).code(), "00");
    let wrong = send(&sign("hypermart", DEMO_APP_KEY, "1468914526", None));
    assert_eq!((wrong.code().as_str(), wrong.status), ("63", 401));
}

#[test]
fn other_paths_and_methods_get_a_bare_status() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    for (start, status) in [("POST /po", 404), ("GET /pos", 405)] {
        let request = format!("{start} HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        let answer = exchange(&sandbox, request.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
    let answer = exchange(&sandbox, b"nonsense\r\n\r\n").unwrap();
    assert_eq!(answer.status, 400);
}

#[test]
fn the_date_header_follows_the_hosts_clock() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    sandbox.set_wall_offset(-(wall_ms() - 784_111_777_000));
    let answer = exchange(&sandbox, &push(1, APPROVES)).unwrap();
    assert!(answer.head.contains("Date: Sun, 06 Nov 1994 08:49:3"), "{}", answer.head);
    assert_eq!(answer.code(), "63", "to this clock the signature is decades old");
}

#[test]
fn dropping_the_sandbox_closes_everything_at_once() {
    let sandbox = Sandbox::start(SandboxConfig::http()).unwrap();
    let file = sandbox.ca_pem_path().to_owned();
    let mut wire = tcp(&sandbox);
    wire.write_all(&push(1, "081200009100")).unwrap();
    while sandbox.ledger().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    drop(sandbox);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(read_answer(&mut wire).is_none());
    assert!(!file.exists());
}
