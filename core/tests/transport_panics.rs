//! A panic inside ureq, before and behind the one write: what has left is known all the same (C13).
//!
//! ureq logs the head that it writes and the one that it reads: a logger that panics there is a panic
//! in its midst. A program of its own, since the logger is the process's.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "transport/host.rs"]
mod host;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::Host;
use ovo_ptp::transport::{Exchange, Transport, Watch};

/// What a record of ureq must hold for a panic.
static PANICS_AT: Mutex<&str> = Mutex::new("");

struct Panicking;

impl log::Log for Panicking {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let at = *PANICS_AT.lock().unwrap();
        let said = record.args().to_string();
        if record.target().starts_with("ureq") && !at.is_empty() && said.contains(at) {
            panic!("in the midst of ureq");
        }
    }

    fn flush(&self) {}
}

#[derive(Default)]
struct Asked {
    to_send: AtomicUsize,
    sent: AtomicUsize,
}

impl Watch for Asked {
    fn may_send(&self) -> bool {
        self.to_send.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn sent(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn c13_a_panic_in_the_http_engine_says_what_has_left() {
    log::set_logger(&Panicking).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let host = Host::https(move |peer| {
        peer.read_request()?;
        peer.write_all(answer.as_bytes())
    });
    let transport = host.transport();
    // Where it panics, how often the watch is asked and told, and the requests that the host has.
    for (at, asked, requests) in [("POST ", 0, 0), ("200", 1, 1), ("103", 1, 2), ("", 1, 3)] {
        *PANICS_AT.lock().unwrap() = at;
        let request = host::push(&host::signature, Duration::from_secs(5));
        let watch = Arc::new(Asked::default());
        let as_watch: Arc<dyn Watch> = watch.clone();
        let result = transport.exchange(&request, &as_watch);
        match (&result, asked, at) {
            (Exchange::NotSent(why), 0, _) => assert!(why.message.contains("panicked"), "{why:?}"),
            (Exchange::NoAnswer(why), 1, "200" | "103") => {
                assert!(why.message.contains("panicked"), "{why:?}");
            }
            (Exchange::Answered(answer), 1, "") => assert_eq!(answer.body, b"{}"),
            _ => panic!("{at:?}: {result:?}"),
        }
        assert_eq!(watch.to_send.load(Ordering::SeqCst), asked, "{at:?}");
        assert_eq!(watch.sent.load(Ordering::SeqCst), asked, "{at:?}");
        assert_eq!(host.requests().len(), requests, "{at:?}");
    }
}
