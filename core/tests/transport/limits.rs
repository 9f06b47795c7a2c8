//! However much comes, little is kept, and no longer than agreed.

use std::io::Write;
use std::time::Duration;

use ovo_ptp::message::MAX_RESPONSE_BODY;

use crate::host::{Host, Peer};
use crate::*;

/// A host that says `start` and then `more` without end.
fn endless(start: &'static str, more: &'static [u8], pause: Duration) -> Host {
    Host::https(move |peer| {
        peer.read_request()?;
        peer.write_all(start.as_bytes())?;
        loop {
            peer.write_all(more)?;
            std::thread::sleep(pause);
        }
    })
}

const NO_PAUSE: Duration = Duration::ZERO;

#[test]
fn n15_a_host_that_drips_does_not_outlast_the_total_budget() {
    let drip = Duration::from_millis(30);
    for (start, more) in [
        ("", b"HTTP/1.1 200 OK\r\n".as_slice()),
        ("HTTP/1.1 200 OK\r\nX: ", b"x"),
        ("HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x"),
        ("HTTP/1.1 200 OK\r\n\r\n", b"x"),
        ("", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ] {
        let host = endless(start, more, drip);
        let failure = no_answer(exchange_within(&host.transport(), Duration::from_millis(600)));
        // A status line repeated is a header without a colon, once an empty line shows it.
        assert_eq!(failure.kind, FailureKind::Timeout, "{start:?} {}", failure.message);
    }
}

#[test]
fn n15_headers_and_chunks_without_end_are_cut_long_before_the_budget() {
    for (start, more) in [
        ("HTTP/1.1 200 OK\r\nX: ", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".as_slice()),
        ("HTTP/1.1 200 OK\r\n", b"X-Header: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"),
        ("", b"HTTP/1.1 103 Early Hints\r\nLink: </aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"a\r\n0123456789\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"xxxxxxxxxxxxxxxxxxxxx"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ] {
        let host = endless(start, more, NO_PAUSE);
        assert_eq!(no_answer(exchange(&host.transport())).kind, MALFORMED, "{start:?}");
    }
}

#[test]
fn n16_a_huge_body_is_cut_at_the_limit_however_it_is_framed() {
    let body = "x".repeat(MAX_RESPONSE_BODY);
    let huge = "x".repeat(10 << 20);
    let with_length = |body: &str| ok(body);
    let chunked = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    let until_closed = |body: &str| format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for frame in [&with_length as &dyn Fn(&str) -> String, &chunked, &until_closed] {
        let host = Host::answering(frame(&body));
        assert_eq!(answered(exchange(&host.transport())).body.len(), MAX_RESPONSE_BODY);
        for too_large in [&format!("{body}x"), &huge] {
            let host = Host::answering(frame(too_large));
            assert_eq!(no_answer(exchange(&host.transport())).kind, MALFORMED);
        }
    }
}

#[test]
fn b12_one_header_of_a_megabyte_is_no_answer() {
    let host = Host::answering(format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 2\r\n\r\n{{}}",
        "x".repeat(1 << 20)
    ));
    assert_eq!(no_answer(exchange(&host.transport())).kind, MALFORMED);
}

#[test]
fn b12_a_thousand_headers_are_no_answer() {
    let headers: String = (0..1000).map(|n| format!("H{n}: x\r\n")).collect();
    let host = Host::answering(format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n"));
    assert_eq!(no_answer(exchange(&host.transport())).kind, MALFORMED);
}

#[test]
fn headers_up_to_sixteen_kilobytes_are_read() {
    let host = Host::answering(format!(
        "HTTP/1.1 200 OK\r\nSet-Cookie: {}\r\nContent-Length: 2\r\n\r\n{{}}",
        "x".repeat(16_000)
    ));
    assert_eq!(answered(exchange(&host.transport())).body, b"{}");
}

#[test]
fn empty_tls_records_without_end_do_not_outlast_the_total_budget() {
    let host = Host::https(|peer: &mut Peer| {
        peer.read_request()?;
        loop {
            // A warning-free way to keep a reader busy: records that carry nothing we want.
            let bytes = peer.encrypt(b"HTTP/1.1 102 P\r\n\r\n");
            peer.socket.write_all(&bytes)?;
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let failure = no_answer(exchange_within(&host.transport(), Duration::from_millis(500)));
    assert_eq!(failure.kind, FailureKind::Timeout);
}
