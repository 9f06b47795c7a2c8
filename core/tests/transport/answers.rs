//! What is an answer and what is not.

use std::io::Write;
use std::time::Duration;

use crate::host::Host;
use crate::*;

/// The failure kind of a host that says `answer` and closes properly.
fn kind_for(answer: impl Into<Vec<u8>>) -> FailureKind {
    no_answer(exchange(&Host::answering(answer).transport())).kind
}

#[test]
fn n17_a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Host::answering(ok("{}"));
        let host = Host::answering(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            elsewhere.url()
        ));
        let answer = answered(exchange(&host.transport()));
        assert_eq!(answer.status, status);
        assert_eq!((host.connections(), elsewhere.connections()), (1, 0));
    }
}

#[test]
fn n18_n19_whatever_page_comes_is_handed_over_as_it_is() {
    for (status, body) in [
        (502, "<html>Bad Gateway</html>"),
        (200, "<html>Please log in to the hotel network</html>"),
        (404, ""),
    ] {
        let host = Host::answering(format!(
            "HTTP/1.1 {status} X\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let answer = answered(exchange(&host.transport()));
        assert_eq!((answer.status, answer.body.as_slice()), (status, body.as_bytes()));
    }
}

#[test]
fn an_answer_may_come_in_any_pieces() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nTrailer: 1\r\n\r\n";
    for size in [1, 2, 7, 1000] {
        let host = Host::https(move |peer| {
            peer.read_request()?;
            for piece in answer.as_bytes().chunks(size) {
                peer.write_all(piece)?;
                if size > 2 {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            peer.drain();
            Ok(())
        });
        assert_eq!(answered(exchange(&host.transport())).body, b"hello, world");
    }
}

#[test]
fn a_body_that_ends_with_the_connection_counts_only_if_the_host_said_so() {
    let answer = "HTTP/1.1 200 OK\r\n\r\n{\"responseCode\":\"00\"}";
    let host = Host::answering(answer);
    assert_eq!(answered(exchange(&host.transport())).body, b"{\"responseCode\":\"00\"}");

    // Anyone on the way can end a TCP connection; only the host can say goodbye.
    let host = Host::https(move |peer| {
        peer.read_request()?;
        peer.write_all(answer.as_bytes())?;
        peer.cut();
        Ok(())
    });
    assert_eq!(no_answer(exchange(&host.transport())).kind, BROKEN);
}

#[test]
fn n16_a_length_that_promises_more_than_comes_is_no_answer() {
    assert_eq!(kind_for("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}"), BROKEN);
    assert_eq!(
        kind_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
        BROKEN
    );
    assert_eq!(
        kind_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"),
        BROKEN
    );
}

#[test]
fn n16_a_length_that_promises_less_than_comes_is_no_answer() {
    assert_eq!(kind_for("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}garbage"), MALFORMED);
}

#[test]
fn n16_chunks_that_do_not_add_up_are_no_answer() {
    for chunks in ["x\r\n{}\r\n", "2\r\n{}}\r\n0\r\n\r\n", "2\n{}\n0\n\n", "-2\r\n{}\r\n0\r\n\r\n"]
    {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        assert_eq!(kind_for(answer), MALFORMED, "{chunks:?}");
    }
}

#[test]
fn n16_a_compressed_body_is_no_answer() {
    // The start of a gzip bomb; it is never looked into.
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n".to_vec();
    answer.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(kind_for(answer), MALFORMED);
}

#[test]
fn n23_interim_answers_are_passed_over() {
    let host = Host::answering(format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
         HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 900\r\n\r\n{}",
        ok("{}")
    ));
    let answer = answered(exchange(&host.transport()));
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"{}".as_slice()));
    assert_eq!(kind_for("HTTP/1.1 100 Continue\r\n\r\n"), BROKEN);
    assert_eq!(kind_for("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), MALFORMED);
}

#[test]
fn n23_a_second_answer_behind_the_first_makes_both_worthless() {
    for first in [
        ok("{\"responseCode\":\"00\"}"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".into(),
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
    ] {
        assert_eq!(kind_for(format!("{first}{}", ok("{}"))), MALFORMED);
    }
    // Also when the second starts where a read of the first ends.
    for length in 1900..2048 {
        let first = ok(&"x".repeat(length));
        if first.len() == 2048 {
            assert_eq!(kind_for(format!("{first}{}", ok("{}"))), MALFORMED);
        }
    }
    // Old hosts end with an empty line.
    let host = Host::answering(format!("{}\r\n", ok("{}")));
    answered(exchange(&host.transport()));
}

#[test]
fn n23_a_body_where_none_belongs_is_no_answer() {
    assert_eq!(kind_for("HTTP/1.1 204 No Content\r\n\r\n{}"), MALFORMED);
    let host = Host::answering("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(answered(exchange(&host.transport())).body, b"");
}

#[test]
fn what_is_not_http_is_no_answer_and_is_not_waited_for() {
    for garbage in
        ["SSH-2.0-OpenSSH\r\n", "\r\n\r\n", "{\"responseCode\":\"00\"}", "HTTP/2 200\r\n"]
    {
        let host = Host::https(move |peer| {
            peer.read_request()?;
            peer.write_all(garbage.as_bytes())?;
            peer.drain();
            Ok(())
        });
        let started = std::time::Instant::now();
        assert_eq!(no_answer(exchange(&host.transport())).kind, MALFORMED, "{garbage:?}");
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(kind_for("HTTP/1.1 2xx OK\r\n\r\n"), MALFORMED);
    assert_eq!(kind_for("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), MALFORMED);
}

#[test]
fn two_ways_to_find_the_end_of_a_body_are_one_too_many() {
    for headers in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length: 2\r\nContent-Length: 3",
        "Transfer-Encoding: gzip, chunked",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
        assert_eq!(kind_for(answer), MALFORMED, "{headers}");
    }
}
