//! What was sent, and what of it is known.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use ovo_ptp::ErrorKind;
use ovo_ptp::transport::{
    FailureKind, HttpRequest, HttpsOptions, HttpsTransport, Transport, Trust, Unwatched, Watch,
};

use crate::host::{Host, transport};
use crate::*;

#[test]
fn an_answer_comes_back_with_status_body_date_and_retry_after() {
    let host = Host::answering(
        "HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: 7\r\n\
         Content-Length: 4\r\n\r\nbusy",
    );
    let (result, watch) = watched(&host.transport(), Counting::default());
    let answer = answered(result);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, b"busy");
    assert_eq!(answer.server_date, Some(784_111_777));
    assert_eq!(answer.retry_after, Some(7));
    assert_eq!(watch.asked.load(Ordering::SeqCst), 1);
    assert_eq!(watch.sent.load(Ordering::SeqCst), 1);
}

#[test]
fn the_request_is_exactly_what_the_protocol_asks_for() {
    let host = Host::answering(ok("{}"));
    answered(exchange(&host.transport()));
    let requests = host.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    let expected = format!(
        "POST /pos HTTP/1.1\r\ncontent-length: {}\r\nhost: {}\r\nuser-agent: ovo-ptp/{}\r\n\
         content-type: application/json\r\naccept: application/json\r\nconnection: close\r\n\
         app-id: test-app\r\nrandom: 1735689600\r\nhmac: {}\r\n\r\n{}",
        BODY.len(),
        host.address,
        env!("CARGO_PKG_VERSION"),
        "ab".repeat(32),
        String::from_utf8_lossy(BODY),
    );
    assert_eq!(String::from_utf8_lossy(request), expected);
}

#[test]
fn a_request_leaves_as_one_tls_record() {
    let host = Host::answering(ok("{}"));
    // Someone on the way who sees the records of the client.
    let tap = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tap.local_addr().unwrap();
    let behind = host.address;
    let seen = std::thread::spawn(move || {
        let (mut client, _) = tap.accept().unwrap();
        let mut server = TcpStream::connect(behind).unwrap();
        let (mut back_from, mut back_to) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
            server.write_all(&buffer[..count]).unwrap();
        }
        let _ = server.shutdown(std::net::Shutdown::Both);
        seen
    });
    answered(exchange(&transport(&format!("https://{address}/pos"))));
    let seen = seen.join().unwrap();
    let mut rest = seen.as_slice();
    let mut protected = 0;
    while let [kind, _, _, high, low, ..] = rest {
        protected += usize::from(*kind == 23);
        rest = &rest[5 + usize::from(u16::from_be_bytes([*high, *low]))..];
    }
    assert_eq!(protected, 2, "the handshake's last message and the request");
}

#[test]
fn budgets_without_end_are_budgets() {
    let host = Host::answering(ok("{}"));
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let result = transport(&format!("https://localhost:{}/", host.address.port())).exchange(
        &HttpRequest {
            send_budget: Duration::MAX,
            total_budget: Duration::MAX,
            ..request(&signature)
        },
        &watch,
    );
    answered(result);
}

#[test]
fn every_exchange_has_a_connection_of_its_own() {
    let host = Host::https(|peer| {
        loop {
            peer.read_request()?;
            peer.write_all(ok("{}").as_bytes())?;
        }
    });
    let transport = host.transport();
    for _ in 0..3 {
        answered(exchange(&transport));
    }
    assert_eq!(host.connections(), 3);
    assert_eq!(host.requests().len(), 3);
}

#[test]
fn n1_a_refused_connection_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (result, watch) =
        watched(&transport(&format!("https://{address}/pos")), Counting::default());
    assert_eq!(not_sent(result).kind, FailureKind::Connect);
    assert_eq!(watch.asked.load(Ordering::SeqCst), 0);
    assert_eq!(watch.sent.load(Ordering::SeqCst), 0);
}

#[test]
fn n1_an_unknown_name_sends_nothing() {
    let transport = transport("https://does-not-exist.invalid/pos");
    let started = Instant::now();
    assert_eq!(not_sent(exchange(&transport)).kind, FailureKind::Resolve);
    assert!(started.elapsed() < Duration::from_secs(6), "the send budget bounds the look-up");
}

#[test]
fn a_name_is_resolved_and_its_certificate_checked_for_that_name() {
    let host = Host::answering(ok("{}"));
    let transport = transport(&format!("https://LocalHost:{}/pos", host.address.port()));
    answered(exchange(&transport));
}

#[test]
fn n21_an_address_that_never_answers_costs_the_connect_budget_and_no_more() {
    // A listener whose queue is full drops what comes: the nearest thing to a black hole.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _full: Vec<_> = (0..300)
        .map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok())
        .collect();
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let started = Instant::now();
    let result = transport(&format!("https://{address}/")).exchange(
        &HttpRequest { send_budget: Duration::from_millis(400), ..request(&signature) },
        &watch,
    );
    assert_eq!(not_sent(result).kind, FailureKind::Connect);
    assert!(started.elapsed() < Duration::from_millis(900));
}

#[test]
fn when_sending_is_not_allowed_nothing_is_written() {
    let (tell, told) = mpsc::channel();
    let host = Host::https(move |peer| {
        let mut byte = [0];
        let _ = tell.send(peer.read(&mut byte).unwrap_or(0));
        Ok(())
    });
    let (result, watch) =
        watched(&host.transport(), Counting { forbid: true, ..Default::default() });
    assert_eq!(not_sent(result).kind, FailureKind::Stopped);
    assert_eq!(watch.asked.load(Ordering::SeqCst), 1);
    assert_eq!(watch.sent.load(Ordering::SeqCst), 0);
    assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), 0, "the host saw no byte");
}

#[test]
fn sent_is_reported_once_and_only_after_the_host_can_have_the_whole_request() {
    for host in [Host::https(answer_late), Host::http(answer_late)] {
        let (result, watch) = watched(&host.transport(), Counting::default());
        answered(result);
        assert_eq!(watch.sent.load(Ordering::SeqCst), 1);
    }

    fn answer_late(peer: &mut host::Peer) -> std::io::Result<()> {
        peer.read_request()?;
        std::thread::sleep(Duration::from_millis(50));
        peer.write_all(ok("{}").as_bytes())
    }
}

#[test]
fn a_request_that_cannot_be_written_whole_is_not_reported_as_sent() {
    // Larger than every buffer on the way, to a host that does not read.
    let (keep, kept) = mpsc::channel::<()>();
    let kept = std::sync::Mutex::new(kept);
    let host = Host::http(move |_| {
        let _ = kept.lock().unwrap().recv();
        Ok(())
    });
    let body = vec![b' '; 16 << 20];
    let watch = Arc::new(Counting::default());
    let as_watch: Arc<dyn Watch> = watch.clone();
    let result = host.transport().exchange(
        &HttpRequest { body: &body, send_budget: Duration::from_secs(2), ..request(&signature) },
        &as_watch,
    );
    assert_eq!(no_answer(result).kind, FailureKind::Timeout);
    assert_eq!(watch.sent.load(Ordering::SeqCst), 0);
    drop(keep);
}

#[test]
fn n9_a_host_that_hangs_up_before_the_request_is_found_out_with_nothing_sent() {
    for host in [
        Host::https(|peer| {
            peer.close();
            Ok(())
        }),
        Host::http(|_| Ok(())),
    ] {
        let transport = host.transport();
        let kinds: Vec<_> = (0..20)
            .map(|_| {
                // The watch is asked after the look; by then nothing was written. A hang-up that
                // comes between look and write is honestly unknown.
                match exchange(&transport) {
                    ovo_ptp::transport::Exchange::NotSent(failure) => Some(failure.kind),
                    ovo_ptp::transport::Exchange::NoAnswer(_) => None,
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        assert!(kinds.iter().flatten().all(|kind| *kind == FailureKind::Broken), "{kinds:?}");
    }
}

#[test]
fn n2_a_reset_before_the_answer_is_no_answer() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        peer.reset();
        Ok(())
    });
    let (result, watch) = watched(&host.transport(), Counting::default());
    assert_eq!(no_answer(result).kind, BROKEN);
    assert_eq!(watch.sent.load(Ordering::SeqCst), 1);
}

#[test]
fn n2_a_reset_in_the_middle_of_the_request_is_no_answer() {
    let host = Host::http(|peer| {
        let mut some = [0; 10];
        peer.read_exact(&mut some)?;
        peer.reset();
        Ok(())
    });
    assert_eq!(no_answer(exchange(&host.transport())).kind, BROKEN);
}

#[test]
fn n2_a_reset_in_the_middle_of_the_answer_is_no_answer() {
    for part in [1, 12, 30, 40] {
        let host = Host::https(move |peer| {
            peer.read_request()?;
            peer.write_all(&ok("{\"responseCode\":\"00\"}").as_bytes()[..part])?;
            std::thread::sleep(Duration::from_millis(20));
            peer.reset();
            Ok(())
        });
        assert_eq!(no_answer(exchange(&host.transport())).kind, BROKEN, "{part}");
    }
}

#[test]
fn n3_a_close_right_after_the_last_byte_of_the_request_is_no_answer() {
    let scripts: [fn(&mut host::Peer); 3] =
        [host::Peer::close, host::Peer::cut, |peer| peer.reset()];
    for script in scripts {
        let host = Host::https(move |peer| {
            peer.read_request()?;
            script(peer);
            Ok(())
        });
        assert_eq!(no_answer(exchange(&host.transport())).kind, BROKEN);
    }
}

#[test]
fn n4_silence_ends_with_the_total_budget() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        peer.drain();
        Ok(())
    });
    let result = exchange_within(&host.transport(), Duration::from_millis(700));
    assert_eq!(no_answer(result).kind, FailureKind::Timeout);
}

#[test]
fn the_total_budget_also_bounds_sending() {
    let host = Host::start(None, |peer| {
        peer.drain();
        Ok(())
    });
    // A host that never does its part of the handshake.
    let transport = transport(&format!("https://{}/", host.address));
    let result = exchange_within(&transport, Duration::from_millis(400));
    assert_eq!(not_sent(result).kind, FailureKind::Timeout);
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_happens() {
    for url in ["http://apigw.ovo.id/pos", "http://192.0.2.1/pos", "apigw.ovo.id"] {
        let error = HttpsTransport::new(url, HttpsOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

#[test]
fn plain_http_to_a_sandbox_on_this_machine_works_without_a_trusted_date() {
    let host = Host::http(|peer| {
        peer.read_request()?;
        peer.write_all(
            b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}",
        )
    });
    let answer = answered(exchange(&host.transport()));
    assert_eq!(answer.body, b"{}");
    assert_eq!(answer.server_date, None);
}

#[test]
fn n26_a_request_is_signed_once_and_only_with_the_connection_ready() {
    let signed = AtomicUsize::new(0);
    let sign = || {
        signed.fetch_add(1, Ordering::SeqCst);
        signature()
    };
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    not_sent(transport(&format!("https://{nobody}")).exchange(&request(&sign), &watch));
    assert_eq!(signed.load(Ordering::SeqCst), 0);
    let host = Host::answering(ok("{}"));
    answered(host.transport().exchange(&request(&sign), &watch));
    assert_eq!(signed.load(Ordering::SeqCst), 1);
}

#[test]
fn b1_a_line_break_in_a_header_value_sends_nothing() {
    let host = Host::answering(ok("{}"));
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    for app_id in ["app\r\nX-Forged: 1", "app\0", "app\n", "\u{e4}pp"] {
        let result =
            host.transport().exchange(&HttpRequest { app_id, ..request(&signature) }, &watch);
        not_sent(result);
    }
    assert_eq!(host.connections(), 0);
}

#[test]
fn many_exchanges_share_one_transport() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        std::thread::sleep(Duration::from_millis(100));
        peer.write_all(ok("{}").as_bytes())
    });
    let transport = transport(&format!("https://localhost:{}/pos", host.address.port()));
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| answered(exchange(&transport)));
        }
    });
    assert_eq!(host.requests().len(), 32);
}

#[test]
fn the_platforms_trust_does_not_include_the_test_authority() {
    let host = Host::answering(ok("{}"));
    let options = HttpsOptions::with_trust(Trust::Platform);
    // A machine without any trusted certificates cannot make such a transport at all.
    match HttpsTransport::new(&host.url(), options) {
        Ok(transport) => assert_eq!(not_sent(exchange(&transport)).kind, FailureKind::Tls),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Configuration),
    }
}
