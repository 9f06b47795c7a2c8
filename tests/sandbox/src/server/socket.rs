//! A TCP connection with or without TLS: plain bytes in, plain bytes out, never blocking.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

/// More than any request: beyond it the peer is not a merchant.
pub(super) const MOST_UNREAD: usize = 128 * 1024;

pub(super) struct Socket {
    tcp: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// Bytes for the wire that it has not taken yet (without TLS).
    out: Vec<u8>,
    /// Read but do not interpret: the connection plays dead.
    pub(super) deaf: bool,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, config: Option<&Arc<ServerConfig>>) -> io::Result<Socket> {
        let tls = match config {
            None => None,
            Some(config) => {
                let mut tls =
                    ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                // What is sent is bounded by the plan, which waits for the wire.
                tls.set_buffer_limit(None);
                Some(Box::new(tls))
            }
        };
        // Small answers must not wait for an acknowledgement.
        tcp.set_nodelay(true)?;
        Ok(Socket { tcp, tls, out: Vec::new(), deaf: false })
    }

    pub(super) fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Whether application bytes can be exchanged.
    pub(super) fn is_established(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// Appends what has arrived to `into`. `true` when the peer has ended its side.
    pub(super) fn read(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let mut block = [0_u8; 8 * 1024];
        loop {
            if into.len() > MOST_UNREAD {
                return Err(io::Error::other("a request without end"));
            }
            let read = match (&mut self.tls, self.deaf) {
                (Some(tls), false) => tls.read_tls(&mut self.tcp),
                (_, deaf) => self.tcp.read(&mut block).inspect(|count| {
                    if !deaf {
                        into.extend_from_slice(&block[..*count]);
                    }
                }),
            };
            match read {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if self.deaf {
                continue;
            }
            if let Some(tls) = &mut self.tls {
                match tls.process_new_packets() {
                    Ok(state) => {
                        let fresh = state.plaintext_bytes_to_read();
                        let start = into.len();
                        into.resize(start + fresh, 0);
                        tls.reader().read_exact(&mut into[start..])?;
                        if state.peer_has_closed() {
                            return Ok(true);
                        }
                    }
                    Err(error) => {
                        // The peer shall learn why, as far as it still listens.
                        let _ = tls.write_tls(&mut self.tcp);
                        return Err(io::Error::new(ErrorKind::InvalidData, error));
                    }
                }
            }
        }
    }

    /// Takes bytes for the peer; [`Socket::flush`] moves them.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes),
            None => {
                self.out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Puts bytes on the wire beside TLS.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.tcp.write(bytes);
    }

    /// Moves bytes to the wire. `false` if it is full; it will say when it is not.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        loop {
            let written = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.tcp).map(|_| ()),
                None if !self.out.is_empty() => {
                    self.tcp.write(&self.out).map(|count| drop(self.out.drain(..count)))
                }
                _ => return Ok(true),
            };
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Says good-bye in order, as far as the wire takes it at once.
    pub(super) fn close(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|_| !self.deaf) {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.tcp);
        }
        let _ = self.tcp.shutdown(std::net::Shutdown::Write);
    }

    /// Makes the coming drop a reset (RST).
    pub(super) fn arm_reset(&mut self) {
        let _ = socket2::SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
    }
}
