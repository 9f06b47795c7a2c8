//! The way between one node and OVO, which can be cut while everybody else's is whole.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// It carries bytes, and serves until the process ends.
pub struct Wire {
    address: String,
    is_cut: Arc<AtomicBool>,
    carried: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    /// To OVO at `address`, `https://host:port`.
    ///
    /// # Panics
    /// If that is none, or no port is free.
    #[must_use]
    pub fn to(address: &str) -> Wire {
        let (host, port) = address.rsplit_once(':').expect("a host and a port");
        let port: u16 = port.parse().expect("a port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let here = listener.local_addr().expect("its number").port();
        let is_cut = Arc::new(AtomicBool::new(false));
        let carried: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let wire = Wire {
            address: format!("{host}:{here}"),
            is_cut: Arc::clone(&is_cut),
            carried: Arc::clone(&carried),
        };
        std::thread::spawn(move || {
            for node in listener.incoming().flatten() {
                // Who connects to a wire that is cut hears nothing but the end.
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(ovo) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let ways = [(&node, &ovo), (&ovo, &node)];
                for (from, to) in ways {
                    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
                        continue;
                    };
                    std::thread::spawn(move || {
                        // However it ends, the other side sees the end.
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                carried.lock().unwrap_or_else(PoisonError::into_inner).extend([node, ovo]);
            }
        });
        wire
    }

    /// Where a node finds OVO behind it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Breaks every connection, and lets no new one through while it is cut.
    pub fn is_cut(&self, cut: bool) {
        self.is_cut.store(cut, Ordering::SeqCst);
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        for end in carried.drain(..).filter(|_| cut) {
            // It may have ended already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
