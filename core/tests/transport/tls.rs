//! Whom we talk to.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ovo_ptp::ErrorKind;
use ovo_ptp::transport::{FailureKind, HttpsOptions, HttpsTransport, Trust};
use rcgen::date_time_ymd;
use rustls::ServerConfig;

use crate::host::{AUTHORITY, Authority, GOOD, Host, only_tls_1_2, self_signed, transport};
use crate::*;

/// A host with this certificate gets nothing and is asked nothing; the message says `why`.
fn sends_nothing_to(config: Arc<ServerConfig>, why: &str) {
    let host = Host::start(Some(config), |peer| {
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())
    });
    let (result, watch) = watched(&host.transport(), Counting::default());
    let failure = not_sent(result);
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.message.contains(why), "{}", failure.message);
    assert_eq!(watch.asked.load(Ordering::SeqCst), 0);
    assert!(host.requests().is_empty());
}

#[test]
fn b4_an_expired_certificate_sends_nothing() {
    let config = AUTHORITY.certify(|params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    sends_nothing_to(config, "expired");
}

#[test]
fn b4_a_certificate_from_the_future_sends_nothing() {
    let config = AUTHORITY.certify(|params| params.not_before = date_time_ymd(2999, 1, 1));
    sends_nothing_to(config, "not valid yet");
}

#[test]
fn b4_a_certificate_for_another_host_sends_nothing() {
    let config = AUTHORITY.certify(|params| {
        params.subject_alt_names =
            vec![rcgen::SanType::DnsName("apigw.ovo.id".try_into().unwrap())];
    });
    sends_nothing_to(config, "not valid for name");
}

#[test]
fn b4_a_self_signed_certificate_sends_nothing() {
    sends_nothing_to(self_signed(), "certificate");
}

#[test]
fn b4_a_certificate_of_an_unknown_authority_sends_nothing() {
    sends_nothing_to(Authority::new("Another Root").certify(|_| {}), "UnknownIssuer");
}

#[test]
fn n1_garbage_in_place_of_a_handshake_sends_nothing() {
    for garbage in [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        vec![0; 100_000],
        vec![0x16, 3, 3, 0x40, 0],
    ] {
        let host = Host::start(None, move |peer| {
            peer.write_all(&garbage)?;
            peer.close();
            Ok(())
        });
        let (result, watch) =
            watched(&transport(&format!("https://{}/", host.address)), Counting::default());
        // The last one is cut.
        let kind = not_sent(result).kind;
        assert!(matches!(kind, FailureKind::Tls | BROKEN), "{kind:?}");
        assert_eq!(watch.asked.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn n1_a_close_or_reset_during_the_handshake_sends_nothing() {
    let scripts: [fn(&mut host::Peer); 2] = [|peer| peer.close(), |peer| peer.reset()];
    for script in scripts {
        let host = Host::start(None, move |peer| {
            script(peer);
            Ok(())
        });
        let result = exchange(&transport(&format!("https://{}/", host.address)));
        // A fast reset may come while the connection is still being made. Neither is for want of trust.
        let kind = not_sent(result).kind;
        assert!(matches!(kind, FailureKind::Connect | BROKEN), "{kind:?}");
    }
}

#[test]
fn b5_a_host_that_only_knows_old_tls_is_refused() {
    // A ServerHello that chooses TLS 1.1, and the alert that an old host sends instead of one.
    let hello =
        [[0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2].as_slice(), &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
    for bytes in [hello, vec![0x15, 3, 1, 0, 2, 2, 70]] {
        let host = Host::start(None, move |peer| {
            peer.write_all(&bytes)?;
            peer.drain();
            Ok(())
        });
        let result = exchange(&transport(&format!("https://{}/", host.address)));
        let failure = not_sent(result);
        assert_eq!(failure.kind, FailureKind::Tls, "{}", failure.message);
    }
}

/// A resumed session shows no certificate.
#[test]
fn b4_a_certificate_that_ends_while_sessions_are_resumed_sends_nothing_more() {
    let config = AUTHORITY.certify(|params| {
        params.not_before = (SystemTime::now() - Duration::from_secs(60)).into();
        params.not_after = (SystemTime::now() + Duration::from_secs(3)).into();
    });
    let host = Host::start(Some(config), |peer| {
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())?;
        peer.close();
        Ok(())
    });
    let transport = host.transport();
    for _ in 0..2 {
        answered(exchange(&transport));
    }
    std::thread::sleep(Duration::from_secs(5));
    let failure = not_sent(exchange(&transport));
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.message.contains("xpired"), "{}", failure.message);
    assert_eq!(host.requests().len(), 2);
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let route = transport.inspect(Duration::from_secs(5), &watch).unwrap();
    assert!(route.failure.is_some_and(|why| why.contains("xpired")), "and doctor says why");
}

#[test]
fn b5_no_early_data_is_offered_when_a_session_is_resumed() {
    // The host would take early data.
    let early = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&early);
    let mut config = ServerConfig::clone(&GOOD);
    config.max_early_data_size = 16 * 1024;
    let host = Host::start(Some(Arc::new(config)), move |peer| {
        counter.fetch_add(usize::from(peer.took_early_data()), Ordering::SeqCst);
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())?;
        peer.close();
        Ok(())
    });
    let transport = host.transport();
    for round in 0..3 {
        let (result, watch) =
            watched(&transport, Counting { forbid: round == 1, ..Default::default() });
        if round == 1 {
            // The session is resumed here; nothing may have left with the handshake.
            not_sent(result);
        } else {
            answered(result);
        }
        assert_eq!(watch.asked.load(Ordering::SeqCst), 1);
    }
    assert_eq!(host.requests().len(), 2);
    assert_eq!(early.load(Ordering::SeqCst), 0);
}

#[test]
fn tls_1_2_alone_is_enough() {
    let host = Host::start(Some(only_tls_1_2()), |peer| {
        peer.read_request()?;
        peer.write_all(ok("{}").as_bytes())?;
        peer.close();
        Ok(())
    });
    let transport = host.transport();
    for _ in 0..2 {
        assert_eq!(answered(exchange(&transport)).status, 200);
    }
}

#[test]
fn n23_an_answer_that_comes_with_the_handshake_stops_the_request() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let host = Host::start_early(Some(only_tls_1_2()), answer, |peer| {
        peer.drain();
        Ok(())
    });
    let (result, watch) = watched(&host.transport(), Counting::default());
    assert_eq!(not_sent(result).kind, MALFORMED);
    assert_eq!(watch.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_record_that_was_tampered_with_is_no_answer() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        let mut bytes = peer.encrypt(ok("{}").as_bytes());
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        peer.socket.write_all(&bytes)?;
        peer.drain();
        Ok(())
    });
    assert_eq!(no_answer(exchange(&host.transport())).kind, FailureKind::Tls);
}

#[test]
fn a_trust_store_is_read_from_text_or_file_or_refused() {
    let new = |trust| {
        HttpsTransport::new("https://127.0.0.1/", HttpsOptions::with_trust(trust)).map(drop)
    };
    let pem = &AUTHORITY.pem;
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("transport-roots.pem");
    std::fs::write(&file, format!("# a comment\n{pem}{pem}")).unwrap();
    new(Trust::PemFile(file)).unwrap();
    new(Trust::Pem(pem.clone().into_bytes())).unwrap();

    let cut = pem.replace("-----END CERTIFICATE-----", "");
    let garbled = pem.replace("MII", "AAA");
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let mixed = format!("{pem}{garbled}");
    for bad in ["", "nonsense", &cut, &garbled, &key, &mixed] {
        let error = new(Trust::Pem(bad.as_bytes().to_vec())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
    }
    let error = new(Trust::PemFile("/does/not/exist.pem".into())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("/does/not/exist.pem"));
}

#[test]
fn a_certificate_with_a_thousand_names_does_not_flood_the_message() {
    let config = AUTHORITY.certify(|params| {
        params.subject_alt_names = (0..1000)
            .map(|n| rcgen::SanType::DnsName(format!("h{n}.example").try_into().unwrap()))
            .collect();
    });
    let host = Host::start(Some(config), |_| Ok(()));
    let failure = not_sent(exchange(&host.transport()));
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.message.chars().count() <= 200, "{}", failure.message.len());
}

#[test]
fn a_handshake_that_drips_ends_with_the_send_budget() {
    let host = Host::start(None, |peer| {
        peer.write_all(&[0x16, 3, 3, 0x10, 0])?;
        loop {
            peer.write_all(&[2])?;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let transport = transport(&format!("https://{}/", host.address));
    let result = exchange_within(&transport, Duration::from_millis(500));
    assert_eq!(not_sent(result).kind, FailureKind::Timeout);
}
