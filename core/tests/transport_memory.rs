//! What an exchange costs in memory, counted at the allocator (N15, N16).

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "transport/host.rs"]
mod host;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use host::{Host, Peer};
use ovo_ptp::transport::{Exchange, Transport, Watch};

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Counts what the current thread holds: the host in the same process has its own threads.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // Not there while a thread ends: nothing is measured then.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it came; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are the ones that are asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Moving needs both for a moment.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Remembers how much the waiting thread holds, and how deep its stack is.
#[derive(Default)]
struct Weighing {
    live: AtomicIsize,
    stack: AtomicUsize,
}

impl Watch for Weighing {
    fn wait(&self) -> Option<Duration> {
        self.live.store(LIVE.get(), Ordering::SeqCst);
        self.stack.store(stack_pointer(), Ordering::SeqCst);
        Some(Duration::from_millis(100))
    }
}

/// About where the stack of the current thread ends.
#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// What one exchange took, in bytes.
struct Weight {
    peak: isize,
    /// Held in its last wait.
    waiting: isize,
    /// Of the stack, in its last wait.
    stack: usize,
}

/// The weight of one exchange; and how it ended.
fn weigh(host: &Host) -> (Weight, Exchange) {
    let transport = host.transport();
    let request = host::push(&host::signature, Duration::from_secs(2));
    let watch = Arc::new(Weighing::default());
    let as_watch: Arc<dyn Watch> = watch.clone();
    let (before, above) = (LIVE.get(), stack_pointer());
    PEAK.set(before);
    let result = transport.exchange(&request, &as_watch);
    let waiting = watch.live.load(Ordering::SeqCst) - before;
    let stack = above.saturating_sub(watch.stack.load(Ordering::SeqCst));
    (Weight { peak: PEAK.get() - before, waiting, stack }, result)
}

/// A host that says `start` and then `more` without end.
fn endless(start: &'static str, more: &'static [u8], pause: Duration) -> Host {
    Host::https(move |peer: &mut Peer| {
        peer.read_request()?;
        peer.write_all(start.as_bytes())?;
        loop {
            peer.write_all(more)?;
            std::thread::sleep(pause);
        }
    })
}

#[test]
fn a_waiting_exchange_holds_little() {
    let host = Host::https(|peer| {
        peer.read_request()?;
        peer.drain();
        Ok(())
    });
    let (Weight { peak, waiting, stack }, result) = weigh(&host);
    assert!(matches!(result, Exchange::NoAnswer(_)), "{result:?}");
    println!("peak {peak}, waiting {waiting} and {stack} of the stack");
    assert!(waiting < 12 * 1024, "{waiting} bytes while waiting");
    // Pages once touched stay the thread's: whatever the watch does comes on top of this.
    assert!(stack < 6 * 1024, "{stack} bytes of the stack while waiting");
    assert!(peak < 64 * 1024, "{peak} bytes at most");
}

#[test]
fn n15_what_drips_in_never_fills_the_memory() {
    let drip = Duration::from_millis(5);
    for (start, more) in [
        ("HTTP/1.1 200 OK\r\nX: ", b"x".as_slice()),
        ("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        ("", b"HTTP/1.1 102 P\r\n\r\n"),
    ] {
        let (Weight { peak, .. }, result) = weigh(&endless(start, more, drip));
        assert!(matches!(result, Exchange::NoAnswer(_)), "{result:?}");
        assert!(peak < 96 * 1024, "{peak} bytes for {start:?}");
    }
}

#[test]
fn n16_garbage_without_end_never_fills_the_memory() {
    static GARBAGE: [u8; 16 * 1024] = [b'x'; 16 * 1024];
    for start in [
        "",
        "HTTP/1.1 200 OK\r\nX: ",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 65535\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    ] {
        let (Weight { peak, .. }, result) = weigh(&endless(start, &GARBAGE, Duration::ZERO));
        assert!(matches!(result, Exchange::NoAnswer(_)), "{result:?}");
        println!("peak {peak} for {start:?}");
        // The whole body that is allowed, and TLS's two copies of one record.
        assert!(peak < 160 * 1024, "{peak} bytes for {start:?}");
    }
}
