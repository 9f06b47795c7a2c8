//! Something on the way between a till and OVO. It sees TLS records and no more.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::lock;

/// What it does to its first connection. Every later one it treats honestly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Passes everything on.
    Honest,
    /// Passes the handshake on, and half of the record that holds the request; then the connection
    /// breaks.
    BreaksInTheRequest,
    /// Passes the request on and breaks the connection before any answer.
    BreaksAfterTheRequest,
}

/// A relay; it serves until the process ends.
pub(crate) struct Relay {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

const HEADER: usize = 5;
const APPLICATION_DATA: u8 = 23;

impl Relay {
    /// Listens on `here` (an address of this machine) and passes on to `there`.
    pub(crate) fn start(here: &str, there: SocketAddr, manner: Manner) -> Relay {
        let listener = TcpListener::bind((here, 0)).unwrap();
        let relay = Relay { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = Arc::clone(&relay.seen);
        let mut first = Some(manner);
        std::thread::spawn(move || {
            for till in listener.incoming().flatten() {
                let Ok(ovo) = TcpStream::connect(there) else { continue };
                let place = {
                    let mut seen = lock(&seen);
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                // A defect hits one connection: no test shall have to mend it in time.
                let manner = first.take().unwrap_or(Manner::Honest);
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || {
                    // However it ends, both sides see the end.
                    let _ = carry(&till, &ovo, manner, &seen, place);
                    let _ = till.shutdown(Shutdown::Both);
                    let _ = ovo.shutdown(Shutdown::Both);
                });
            }
        });
        relay
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes that tills sent, by connection.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        lock(&self.seen).clone()
    }
}

/// Passes the till's records on one by one, and OVO's bytes as they come.
fn carry(
    till: &TcpStream,
    ovo: &TcpStream,
    manner: Manner,
    seen: &Mutex<Vec<Vec<u8>>>,
    place: usize,
) -> io::Result<()> {
    till.set_nodelay(true)?;
    ovo.set_nodelay(true)?;
    let (mut back_from, mut back_to) = (ovo.try_clone()?, till.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut back_from, &mut back_to);
        let _ = back_to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (till, ovo);
    let mut encrypted = 0;
    loop {
        let mut header = [0; HEADER];
        from.read_exact(&mut header)?;
        let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        encrypted += u32::from(header[0] == APPLICATION_DATA);
        // The till's first encrypted record ends its handshake (TLS 1.3), the second is the
        // request. What is not read of it makes the coming close a reset.
        let is_request = encrypted == 2 && header[0] == APPLICATION_DATA;
        if is_request && manner == Manner::BreaksInTheRequest {
            let half = record.len() / 2;
            from.read_exact(&mut record[..half])?;
            to.write_all(&header)?;
            return to.write_all(&record[..half]);
        }
        from.read_exact(&mut record)?;
        lock(seen)[place].extend_from_slice(&[&header, &*record].concat());
        to.write_all(&[&header, &*record].concat())?;
        if is_request && manner == Manner::BreaksAfterTheRequest {
            return Ok(());
        }
    }
}
