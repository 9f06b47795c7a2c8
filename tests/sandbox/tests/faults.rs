//! What goes wrong on the wire when a script says so.

#![allow(clippy::unwrap_used)] // A test that cannot go on shall say where.

mod till;

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use ovo_ptp::message::Operation;
use ovo_sandbox::{
    AnswerPlan, ConnectionFault, ConnectionStep, Delivery, Sandbox, SandboxConfig, Script, Step,
    Then,
};
use till::*;

const APPROVES: &str = "081200000000";

fn sandbox() -> Sandbox {
    Sandbox::start(SandboxConfig::http().time_scale(0.01)).unwrap()
}

/// What arrives for a push that is delivered so; the debit stands whatever arrives.
fn delivered(delivery: Delivery) -> (Vec<u8>, Option<ErrorKind>) {
    let sandbox = sandbox();
    sandbox.script(Step::on(Operation::PushToPay).deliver(delivery));
    let mut wire = tcp(&sandbox);
    wire.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    let push = body(Operation::PushToPay, 1, APPROVES, &now_text());
    wire.write_all(&request(&push, "Connection: close\r\n")).unwrap();
    let read = read_to_end(&mut wire);
    assert_eq!(sandbox.net("INV-1"), 12_500);
    read
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn drop_reset_and_hang_give_no_byte() {
    assert_eq!(delivered(Delivery::Drop), (Vec::new(), None));
    assert_eq!(delivered(Delivery::Reset), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    let (bytes, end) = delivered(Delivery::Hang);
    assert!(bytes.is_empty());
    assert!(matches!(end, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{end:?}");
}

#[test]
fn a_half_body_ends_as_it_is_told() {
    let (bytes, end) = delivered(Delivery::HalfBody { then: Then::Close });
    assert_eq!(end, None);
    assert!(text(&bytes).starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(!text(&bytes).ends_with('}'));
    let (_, end) = delivered(Delivery::HalfBody { then: Then::Reset });
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    let (bytes, _) = delivered(Delivery::HeadOnly { then: Then::Hang });
    assert!(text(&bytes).ends_with("\r\n\r\n"));
}

#[test]
fn slow_bytes_take_their_time() {
    let started = std::time::Instant::now();
    // 0.01 of 500 ms each: about 800 bytes in pieces of 100.
    let (bytes, end) = delivered(Delivery::Slow { bytes: 100, every_ms: 500 });
    assert_eq!(end, None);
    assert!(text(&bytes).ends_with('}'));
    assert!(started.elapsed() >= Duration::from_millis(35), "{:?}", started.elapsed());
}

#[test]
fn huge_and_endless_answers_keep_coming() {
    let (bytes, end) = delivered(Delivery::HugeBody { bytes: 10_000_000 });
    assert!(bytes.len() > 10_000_000 && end.is_none());
    let (bytes, _) = delivered(Delivery::HugeHeader { bytes: 1_000_000 });
    assert!(bytes.len() > 1_000_000);
    let sandbox = sandbox();
    sandbox
        .script(Step::on(Operation::PushToPay).deliver(Delivery::EndlessHeaders { every_ms: 100 }));
    let mut wire = tcp(&sandbox);
    wire.write_all(&push(1, APPROVES)).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    drop(wire);
    // The host notices that nobody listens any more.
    for _ in 0..200 {
        if sandbox.counters().open == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("an endless answer is sent to nobody");
}

#[test]
fn framings_lie_as_told() {
    let (bytes, _) = delivered(Delivery::ChunkError);
    assert!(text(&bytes).contains("Transfer-Encoding: chunked") && text(&bytes).contains("zz\r\n"));
    let (bytes, _) = delivered(Delivery::LengthMissing);
    assert!(!text(&bytes).contains("Content-Length"));
    let (bytes, _) = delivered(Delivery::Interim { status: 103, times: 2 });
    assert!(text(&bytes).starts_with("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103"));
    let (bytes, _) = delivered(Delivery::Twice);
    assert_eq!(text(&bytes).matches("HTTP/1.1 200 OK").count(), 2);
    let (bytes, _) = delivered(Delivery::Garbage);
    assert!(bytes.starts_with(b"\x16\x03\xff"));
}

#[test]
fn a_stale_connection_is_closed_or_reset_at_the_next_request() {
    for delivery in [Delivery::ThenClose, Delivery::ThenReset] {
        let sandbox = sandbox();
        sandbox.script(Step::on(Operation::PushToPay).deliver(delivery));
        let mut wire = tcp(&sandbox);
        wire.write_all(&push(1, APPROVES)).unwrap();
        let answer = read_answer(&mut wire).unwrap();
        assert!(answer.head.contains("Connection: keep-alive"));
        std::thread::sleep(Duration::from_millis(20));
        let _ = wire.write_all(&push(2, APPROVES));
        assert!(read_answer(&mut wire).is_none());
        assert_eq!(sandbox.ledger().len(), 1, "the second push was not heard");
    }
}

#[test]
fn a_delayed_push_acts_although_its_connection_is_long_gone() {
    let sandbox = sandbox();
    sandbox.script(Step::on(Operation::PushToPay).queue_ms(20_000).deliver(Delivery::CutMs(0)));
    let mut wire = tcp(&sandbox);
    wire.write_all(&push(1, APPROVES)).unwrap();
    assert_eq!(read_to_end(&mut wire), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    let reversal = request(&body(Operation::Reversal, 1, APPROVES, &now_text()), "");
    assert_eq!(exchange(&sandbox, &reversal).unwrap().code(), "00");
    assert_eq!(sandbox.net("INV-1"), 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(sandbox.net("INV-1"), 12_500, "debited after its own reversal");
}

#[test]
fn pages_redirects_and_retry_after_are_sent() {
    let sandbox = sandbox();
    let plan = |text: &str| serde_json::from_str::<AnswerPlan>(text).unwrap();
    sandbox.script([
        Step::any().unheard().answer(plan(r#"{"html":502}"#)),
        Step::any()
            .unheard()
            .answer(plan(r#"{"redirect":{"status":302,"to":"https://x.invalid/"}}"#)),
        Step::any().unheard().answer(plan(r#"{"empty":429,"headers":{"Retry-After":"30"}}"#)),
    ]);
    let page = exchange(&sandbox, &push(1, APPROVES)).unwrap();
    assert_eq!(page.status, 502);
    assert!(page.head.contains("text/html"));
    let redirect = exchange(&sandbox, &push(1, APPROVES)).unwrap();
    assert!(redirect.head.contains("Location: https://x.invalid/\r\n"));
    let busy = exchange(&sandbox, &push(1, APPROVES)).unwrap();
    assert_eq!(busy.status, 429);
    assert!(busy.head.contains("Retry-After: 30\r\n"));
    assert!(sandbox.ledger().is_empty());
}

fn with_fault(sandbox: &Sandbox, fault: ConnectionFault) {
    let step = ConnectionStep { fault, skip: 0, times: 1 };
    sandbox.script(Script { connections: [step].into(), ..Script::default() });
}

#[test]
fn certificates_that_must_be_refused_are_shown_once() {
    let sandbox = Sandbox::start(SandboxConfig::https()).unwrap();
    let config = trusting(&sandbox);
    for (fault, word) in [
        (ConnectionFault::ExpiredCertificate, "expired"),
        (ConnectionFault::WrongHostCertificate, "not valid for name"),
        (ConnectionFault::UnknownAuthority, "UnknownIssuer"),
        (ConnectionFault::OldTls, "ProtocolVersion"),
    ] {
        with_fault(&sandbox, fault);
        let error = tls(&config, &sandbox).err().unwrap().to_string();
        assert!(error.contains(word), "{fault:?}: {error}");
    }
    let mut wire = tls(&config, &sandbox).unwrap();
    wire.write_all(&push(1, APPROVES)).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().code(), "00");
    let counters = sandbox.counters();
    assert_eq!((counters.accepted, counters.established), (5, 1));
    assert_eq!(counters.handshakes_failed, 4);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn connections_fail_before_any_request_is_heard() {
    let sandbox = sandbox();
    for fault in [
        ConnectionFault::ResetAtAccept,
        ConnectionFault::CloseAtAccept,
        ConnectionFault::Stall,
        ConnectionFault::ResetAfterHead,
        ConnectionFault::ResetAfterRequest,
    ] {
        with_fault(&sandbox, fault);
        let mut wire = TcpStream::connect(sandbox.address()).unwrap();
        wire.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let whole = push(1, APPROVES);
        // The body stays behind where only the head shall have arrived.
        let sent =
            if fault == ConnectionFault::ResetAfterHead { whole.len() - 10 } else { whole.len() };
        let _ = wire.write_all(&whole[..sent]);
        assert!(read_answer(&mut wire).is_none(), "{fault:?}");
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn an_answer_can_lie_there_before_the_request() {
    let sandbox = Sandbox::start(SandboxConfig::https()).unwrap();
    with_fault(&sandbox, ConnectionFault::SpeaksFirst);
    let mut wire = tls(&trusting(&sandbox), &sandbox).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().body, br#"{"responseCode":"00"}"#);
    wire.write_all(&push(1, "081200001700")).unwrap();
    assert_eq!(read_answer(&mut wire).unwrap().code(), "17");
}

#[test]
fn cutting_all_connections_ends_no_session() {
    let sandbox = sandbox();
    let mut wire = tcp(&sandbox);
    wire.write_all(&push(1, "081200000120")).unwrap();
    while sandbox.ledger().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    sandbox.cut_all();
    assert_eq!(read_to_end(&mut wire), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(sandbox.net("INV-1"), 12_500);
}
