//! From the host's name to its addresses: looked up once a minute, in a thread of its own unless
//! threads are forbidden.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::proxy::Proxy;
use super::tcp::SLICE;
use super::{Failure, FailureKind, Watch, failure};
use crate::lock::{lock, wait_at_most};

/// How long a name's addresses are believed. A wrong one does no harm (the certificate proves the
/// host, fault N21), so this only balances look-ups against failed connections.
const FRESH: Duration = Duration::from_secs(60);

/// Addresses that are kept of one look-up.
const MAX_ADDRESSES: usize = 8;

/// The system's resolver is C code of unknown appetite.
const LOOKUP_STACK: usize = 256 * 1024;

pub(super) type Lookup = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// The addresses of one host.
///
/// A look-up cannot be interrupted and may hang for half a minute, so it runs in a thread of its
/// own; at most one at a time, however many exchanges wait for it. An exchange whose time runs out
/// leaves the thread to finish and to fill the cache for the next. Where no thread may be started
/// it runs in the caller's, and takes as long as the system's resolver takes.
pub(super) struct Resolver {
    host: String,
    port: u16,
    literal: Option<IpAddr>,
    /// For plain HTTP: whatever the hosts file makes of `localhost`, nothing leaves this machine.
    loopback_only: bool,
    /// Whether a thread may be started for a look-up.
    threads: bool,
    lookup: Lookup,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    finished: Condvar,
}

#[derive(Default)]
struct State {
    addresses: Vec<SocketAddr>,
    /// The one that led to the host last.
    preferred: Option<SocketAddr>,
    fresh: Option<Deadline>,
    looking: bool,
    /// Counts finished look-ups, so that a waiter knows that the one it waited for has ended.
    finished: u64,
    error: String,
}

impl State {
    fn put_preferred_first(&mut self) {
        let is_preferred = |known: &SocketAddr| Some(*known) == self.preferred;
        if let Some(place) = self.addresses.iter().position(is_preferred) {
            self.addresses[..=place].rotate_right(1);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A look-up ended: everybody who waits for it goes on.
    fn finish(&self, result: io::Result<Vec<SocketAddr>>, loopback_only: bool) {
        let mut state = self.lock();
        state.looking = false;
        state.finished += 1;
        state.addresses.clear();
        state.fresh = None;
        match result {
            Ok(found) => {
                let found = found
                    .into_iter()
                    .filter(|address| !loopback_only || address.ip().is_loopback());
                state.addresses = by_turns(found.collect());
                state.put_preferred_first();
                if state.addresses.is_empty() {
                    state.error = "the name has no usable address".into();
                } else {
                    state.fresh = Some(Deadline::after(FRESH));
                }
            }
            Err(error) => state.error = error.to_string(),
        }
        drop(state);
        self.finished.notify_all();
    }
}

impl Resolver {
    pub(super) fn new(endpoint: &Endpoint, threads: bool) -> Self {
        Resolver {
            threads,
            host: endpoint.host.clone(),
            port: endpoint.port,
            literal: endpoint.literal,
            loopback_only: endpoint.tls_name.is_none(),
            lookup: |host, port| (host, port).to_socket_addrs().map(Iterator::collect),
            shared: Arc::default(),
        }
    }

    /// With the answers of a test.
    #[cfg(test)]
    pub(super) fn looking_up(endpoint: &Endpoint, lookup: Lookup) -> Self {
        Resolver { lookup, ..Resolver::new(endpoint, true) }
    }

    /// For the way to a proxy in front of an endpoint.
    pub(super) fn to_proxy(proxy: &Proxy, endpoint: &Endpoint, threads: bool) -> Self {
        Resolver {
            host: proxy.host.clone(),
            port: proxy.port,
            literal: proxy.literal,
            ..Resolver::new(endpoint, threads)
        }
    }

    /// The addresses to try, best first; at least one. The watch is asked while they are looked up.
    pub(super) fn addresses(
        &self,
        by: Deadline,
        watch: &dyn Watch,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if let Some(ip) = self.literal {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let mut state = self.shared.lock();
        if state.fresh.is_some_and(|fresh| fresh.left().is_some()) {
            return Ok(state.addresses.clone());
        }
        let before = state.finished;
        if !state.looking {
            state.looking = true;
            if self.threads {
                if let Err(failure) = self.start_lookup() {
                    state.looking = false;
                    return Err(failure);
                }
            } else {
                drop(state);
                self.shared.finish((self.lookup)(&self.host, self.port), self.loopback_only);
                state = self.shared.lock();
            }
        }
        while state.finished == before {
            let Some(left) = by.left() else {
                return Err(failed("time ran out"));
            };
            drop(wait_at_most(&self.shared.finished, state, left.min(SLICE)));
            // Not under the lock: nobody knows what a watch does.
            if !watch.connecting() {
                return Err(failure(FailureKind::Stopped, "the look-up of the host was given up"));
            }
            state = self.shared.lock();
        }
        if state.addresses.is_empty() {
            return Err(failed(&state.error));
        }
        Ok(state.addresses.clone())
    }

    /// An address led to the host: try it first from now on, behind the next look-up too, so that one
    /// that leads nowhere (an IPv6 route, a host that accepts and is silent: fault N21) costs its time
    /// once.
    pub(super) fn prefer(&self, address: SocketAddr) {
        let mut state = self.shared.lock();
        state.preferred = Some(address);
        state.put_preferred_first();
    }

    /// No address led to the host: look the name up again next time.
    pub(super) fn forget(&self) {
        self.shared.lock().fresh = None;
    }

    /// Starts the thread. The caller holds the lock, so the thread cannot finish before the caller
    /// waits for it.
    fn start_lookup(&self) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let (host, port, lookup) = (self.host.clone(), self.port, self.lookup);
        let loopback_only = self.loopback_only;
        std::thread::Builder::new()
            .name("ovo-ptp-resolve".into())
            .stack_size(LOOKUP_STACK)
            .spawn(move || shared.finish(lookup(&host, port), loopback_only))
            .map(drop)
            .map_err(|error| failed(&format!("no thread for it: {error}")))
    }
}

/// IPv6 and IPv4 by turns, each in the system's order of preference: when one kind leads nowhere,
/// the second attempt is already of the other.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed = Vec::with_capacity(MAX_ADDRESSES);
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed.truncate(MAX_ADDRESSES);
    mixed
}

fn failed(why: &str) -> Failure {
    failure(FailureKind::Resolve, format_args!("the host name cannot be resolved: {why}"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::transport::Unwatched;

    fn resolver(lookup: Lookup) -> Resolver {
        let endpoint = Endpoint::parse("https://ovo.test").unwrap();
        Resolver::looking_up(&endpoint, lookup)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_looked_up_once_until_it_is_forgotten() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        let resolver = resolver(|_, port| {
            LOOKUPS.fetch_add(1, Ordering::SeqCst);
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
        });
        for _ in 0..3 {
            assert_eq!(resolver.addresses(soon(), &Unwatched).unwrap(), [address("192.0.2.1:443")]);
        }
        assert_eq!(LOOKUPS.load(Ordering::SeqCst), 1);
        resolver.forget();
        resolver.addresses(soon(), &Unwatched).unwrap();
        assert_eq!(LOOKUPS.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failure_is_not_remembered() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        let resolver = resolver(|_, port| match LOOKUPS.fetch_add(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("no such name")),
            1 => Ok(vec![]),
            _ => Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))]),
        });
        assert_eq!(resolver.addresses(soon(), &Unwatched).unwrap_err().kind, FailureKind::Resolve);
        assert_eq!(resolver.addresses(soon(), &Unwatched).unwrap_err().kind, FailureKind::Resolve);
        assert!(resolver.addresses(soon(), &Unwatched).is_ok());
    }

    #[test]
    fn a_hanging_lookup_ends_with_the_budget_and_is_not_started_twice() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        let resolver = resolver(|_, port| {
            LOOKUPS.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(600));
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
        });
        for _ in 0..2 {
            let by = Deadline::after(Duration::from_millis(100));
            let failure = resolver.addresses(by, &Unwatched).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Resolve);
            assert!(by.left().is_none());
        }
        assert!(
            resolver.addresses(soon(), &Unwatched).is_ok(),
            "the late answer serves the next exchange"
        );
        assert_eq!(LOOKUPS.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn without_threads_the_name_is_looked_up_by_the_caller() {
        static LOOKED_UP_BY: Mutex<Option<std::thread::ThreadId>> = Mutex::new(None);
        let resolver = Resolver {
            threads: false,
            ..resolver(|_, port| {
                *LOOKED_UP_BY.lock().unwrap() = Some(std::thread::current().id());
                Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
            })
        };
        assert_eq!(resolver.addresses(soon(), &Unwatched).unwrap(), [address("192.0.2.1:443")]);
        assert_eq!(*LOOKED_UP_BY.lock().unwrap(), Some(std::thread::current().id()));
    }

    #[test]
    fn n21_the_address_that_answered_is_tried_first_also_behind_the_next_look_up() {
        let resolver = resolver(|_, _| {
            Ok(vec![
                address("[2001:db8::1]:443"),
                address("[2001:db8::2]:443"),
                address("192.0.2.1:443"),
            ])
        });
        assert_eq!(
            resolver.addresses(soon(), &Unwatched).unwrap(),
            [address("[2001:db8::1]:443"), address("192.0.2.1:443"), address("[2001:db8::2]:443")]
        );
        resolver.prefer(address("192.0.2.1:443"));
        for _ in 0..2 {
            assert_eq!(
                resolver.addresses(soon(), &Unwatched).unwrap(),
                [
                    address("192.0.2.1:443"),
                    address("[2001:db8::1]:443"),
                    address("[2001:db8::2]:443")
                ]
            );
            resolver.forget();
        }
    }

    #[test]
    fn plain_http_never_leaves_the_machine_whatever_the_hosts_file_says() {
        let endpoint = Endpoint::parse("http://localhost").unwrap();
        let lookup: Lookup = |_, port| Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))]);
        let resolver = Resolver::looking_up(&endpoint, lookup);
        assert_eq!(resolver.addresses(soon(), &Unwatched).unwrap_err().kind, FailureKind::Resolve);
    }
}
