//! The wait for the answer: slices, stops, nested exchanges, small stacks.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ovo_ptp::message::Operation;
use ovo_ptp::transport::{HttpRequest, HttpsOptions, HttpsTransport, Proxy, Transport, Watch};

use crate::host::{Host, transport};
use crate::*;

/// A host that answers after `delay`.
fn slow(delay: Duration) -> Host {
    Host::https(move |peer| {
        peer.read_request()?;
        std::thread::sleep(delay);
        peer.write_all(ok("{}").as_bytes())?;
        peer.close();
        Ok(())
    })
}

#[test]
fn the_watch_is_asked_before_every_slice() {
    let host = slow(Duration::from_millis(500));
    let slice = Some(Duration::from_millis(50));
    let (result, watch) = watched(&host.transport(), Counting { slice, ..Default::default() });
    answered(result);
    let waits = watch.waits.load(Ordering::SeqCst);
    assert!((5..=50).contains(&waits), "{waits} waits of 50 ms in 500 ms");
}

#[test]
fn the_watch_can_end_the_wait() {
    let host = slow(Duration::from_secs(10));
    let started = Instant::now();
    let (result, watch) = watched(
        &host.transport(),
        Counting { stop_at: Some(4), slice: Some(Duration::from_millis(20)), ..Default::default() },
    );
    assert_eq!(no_answer(result).kind, FailureKind::Stopped);
    assert_eq!(watch.waits.load(Ordering::SeqCst), 4);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_slice_of_nothing_does_not_spin() {
    let host = slow(Duration::from_millis(300));
    let slice = Some(Duration::ZERO);
    let (result, watch) = watched(&host.transport(), Counting { slice, ..Default::default() });
    answered(result);
    assert!(watch.waits.load(Ordering::SeqCst) <= 350);
}

#[test]
fn a_slice_longer_than_the_budget_is_cut() {
    let host = slow(Duration::from_secs(10));
    let watch: Arc<dyn Watch> =
        Arc::new(Counting { slice: Some(Duration::MAX), ..Default::default() });
    let started = Instant::now();
    let result = host.transport().exchange(
        &HttpRequest { total_budget: Duration::from_millis(400), ..request(&signature) },
        &watch,
    );
    assert_eq!(no_answer(result).kind, FailureKind::Timeout);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn reading_goes_on_after_a_slice_ends_in_the_middle_of_a_tls_record() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        let bytes = peer.encrypt(ok("{\"responseCode\":\"00\"}").as_bytes());
        for cut in
            [&bytes[..3], &bytes[3..20], &bytes[20..bytes.len() - 1], &bytes[bytes.len() - 1..]]
        {
            peer.socket.write_all(cut)?;
            std::thread::sleep(Duration::from_millis(100));
        }
        peer.drain();
        Ok(())
    });
    let slice = Some(Duration::from_millis(15));
    let (result, watch) = watched(&host.transport(), Counting { slice, ..Default::default() });
    assert_eq!(answered(result).body, b"{\"responseCode\":\"00\"}");
    assert!(watch.waits.load(Ordering::SeqCst) > 10);
}

/// A watch that asks the host for the state of the payment while the push waits.
struct Asking {
    transport: Arc<HttpsTransport>,
    waits: AtomicUsize,
    answers: Mutex<Vec<Vec<u8>>>,
}

impl Watch for Asking {
    fn wait(&self) -> Option<Duration> {
        if self.waits.fetch_add(1, Ordering::SeqCst) == 1 {
            let check = HttpRequest {
                operation: Operation::CheckPayment,
                body: b"{\"type\":\"0100\"}",
                ..request(&signature)
            };
            let unwatched: Arc<dyn Watch> = Arc::new(ovo_ptp::transport::Unwatched);
            let answer = answered(self.transport.exchange(&check, &unwatched));
            self.answers.lock().unwrap().push(answer.body);
        }
        Some(Duration::from_millis(50))
    }
}

#[test]
fn n6_a_status_check_runs_inside_the_wait_on_a_small_stack() {
    let host = Host::https(|peer| {
        let request = peer.read_request()?;
        if request.ends_with(BODY) {
            std::thread::sleep(Duration::from_millis(600));
            peer.write_all(ok("push").as_bytes())?;
        } else {
            peer.write_all(ok("check").as_bytes())?;
        }
        peer.close();
        Ok(())
    });
    let transport =
        Arc::new(crate::host::transport(&format!("https://localhost:{}/pos", host.address.port())));
    // Half of what is promised to be enough, in an unoptimised build.
    let thread = std::thread::Builder::new().stack_size(128 * 1024);
    let thread = thread.spawn(move || {
        let watch = Arc::new(Asking {
            transport: Arc::clone(&transport),
            waits: AtomicUsize::new(0),
            answers: Mutex::default(),
        });
        let as_watch: Arc<dyn Watch> = watch.clone();
        let push = transport.exchange(&request(&signature), &as_watch);
        assert_eq!(answered(push).body, b"push");
        assert_eq!(*watch.answers.lock().unwrap(), [b"check"]);
    });
    thread.unwrap().join().unwrap();
    assert_eq!(host.connections(), 2);
}

#[test]
fn c13_a_panic_of_the_watch_comes_out_as_it_was() {
    struct Panicking;
    impl Watch for Panicking {
        fn wait(&self) -> Option<Duration> {
            panic!("the caller's own")
        }
    }
    let host = Host::https(|peer| {
        peer.read_request()?;
        peer.drain();
        Ok(())
    });
    let transport = host.transport();
    let watch: Arc<dyn Watch> = Arc::new(Panicking);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(transport.exchange(&request(&signature), &watch));
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the caller's own"));
}

#[test]
fn a_watch_that_takes_its_time_does_not_stretch_the_total_budget() {
    struct Dawdling;
    impl Watch for Dawdling {
        fn wait(&self) -> Option<Duration> {
            std::thread::sleep(Duration::from_millis(200));
            Some(Duration::from_millis(10))
        }
    }
    let host = slow(Duration::from_secs(10));
    let watch: Arc<dyn Watch> = Arc::new(Dawdling);
    let started = Instant::now();
    let result = host.transport().exchange(
        &HttpRequest { total_budget: Duration::from_millis(500), ..request(&signature) },
        &watch,
    );
    assert_eq!(no_answer(result).kind, FailureKind::Timeout);
    assert!(started.elapsed() < Duration::from_millis(900));
}

#[test]
#[cfg(target_os = "linux")]
fn signals_neither_end_a_wait_nor_prolong_it() {
    use std::io::{ErrorKind, Read};
    use std::sync::atomic::AtomicBool;

    use nix::sys::pthread::{pthread_kill, pthread_self};

    // A handler that does nothing but return; one signal every millisecond for this thread.
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::default()).unwrap();
    let over = AtomicBool::new(false);
    let this = pthread_self();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                pthread_kill(this, nix::sys::signal::Signal::SIGUSR1).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });

        // The storm does interrupt reads of this thread.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut silent = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        silent.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let interrupted = silent.read(&mut [0]).unwrap_err().kind();

        let host = slow(Duration::from_millis(700));
        let slice = Some(Duration::from_millis(100));
        let (result, watch) = watched(&host.transport(), Counting { slice, ..Default::default() });
        let host = slow(Duration::from_secs(10));
        let timeout = exchange_within(&host.transport(), Duration::from_millis(500));
        over.store(true, Ordering::SeqCst);

        assert_eq!(interrupted, ErrorKind::Interrupted);
        answered(result);
        let waits = watch.waits.load(Ordering::SeqCst);
        assert!((5..=50).contains(&waits), "{waits} slices of 100 ms in 700 ms");
        assert_eq!(no_answer(timeout).kind, FailureKind::Timeout);
    });
}

/// Gives a request up behind some questions whether it is still wanted.
struct Unwanted(AtomicUsize);

impl Watch for Unwanted {
    fn connecting(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) < 2
    }

    fn may_send(&self) -> bool {
        panic!("there is no connection")
    }
}

#[test]
fn whoever_wants_a_request_no_more_does_not_wait_for_its_connection() {
    // Silent at once, silent behind TCP, a handshake that trickles in, and a listener whose queue is full:
    // the nearest thing to a network that drops everything.
    let silent = Host::http(|peer| {
        peer.drain();
        Ok(())
    });
    let trickling = TcpListener::bind("127.0.0.1:0").unwrap();
    let trickle = trickling.local_addr().unwrap();
    std::thread::spawn(move || {
        let Ok((mut peer, _)) = trickling.accept() else { return };
        let record = [&[22, 3, 3, 16, 0][..], &[0; 4096]].concat();
        for byte in record {
            if peer.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = full.local_addr().unwrap();
    let _full: Vec<_> = (0..300)
        .map_while(|_| TcpStream::connect_timeout(&nowhere, Duration::from_millis(50)).ok())
        .collect();
    let through = |scheme: &str| {
        let mut options = HttpsOptions::default();
        let proxy = Proxy::new(&format!("{scheme}://{}", silent.address)).unwrap();
        options.proxy = Some(proxy);
        HttpsTransport::new("https://localhost/", options).unwrap()
    };
    let ways = [
        transport(&format!("https://{}/", silent.address)),
        transport(&format!("https://{nowhere}/")),
        transport(&format!("https://{trickle}/")),
        through("http"),
        through("https"),
        through("socks5"),
    ];
    for (number, way) in ways.iter().enumerate() {
        let watch: Arc<dyn Watch> = Arc::new(Unwanted(AtomicUsize::new(0)));
        let (began, hour) = (Instant::now(), Duration::from_secs(3600));
        let request = HttpRequest { send_budget: hour, total_budget: hour, ..request(&signature) };
        assert_eq!(not_sent(way.exchange(&request, &watch)).kind, FailureKind::Stopped, "{number}");
        assert!(began.elapsed() < Duration::from_secs(5), "{number}: {:?}", began.elapsed());
        assert!(way.inspect(hour, &watch).is_some());
    }
}
