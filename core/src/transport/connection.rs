//! A connection that is ready for one request: TLS, or plain TCP to a sandbox on this machine.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::time::Duration;

use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};

use super::deadline::Deadline;
use super::tcp::{Socket, Unwanted};
use super::trust::TlsPeer;
use super::{Failure, FailureKind, failure};

/// Plaintext that is taken at once: an OVO answer whole.
const PIECE: usize = 2048;

/// Longest wait for what a host says to our certificate: a round trip, and some patience. Hosts that
/// send no session tickets say nothing, and take this of every exchange.
const VERDICT: Duration = Duration::from_millis(500);

/// The way to the host and back, or to a proxy before it.
pub(super) enum Connection {
    Plain(Socket),
    /// Boxed: a session is large, and waiting payments live on small stacks.
    Tls(Box<Tls>),
}

/// A TLS session and what carries it: the network, or a session with a proxy.
pub(super) struct Tls {
    session: ClientConnection,
    carrier: Connection,
}

/// What a wait for input brought.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Received {
    /// Bytes were added.
    Bytes,
    /// The host ended the stream properly: with TLS, by saying so. A TCP connection that just ends
    /// is an error there, for anyone on the way can end it.
    Closed,
    /// Nothing yet; call again.
    Nothing,
}

impl Connection {
    /// The socket at the bottom: deadlines, counts and delivery are its.
    fn socket(&mut self) -> &mut Socket {
        match self {
            Connection::Plain(socket) => socket,
            Connection::Tls(tls) => tls.carrier.socket(),
        }
    }

    /// Sets the end of the reads and writes to come.
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        self.socket().set_deadline(deadline);
    }

    fn without_waiting<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> io::Result<T>,
    ) -> io::Result<T> {
        self.socket().set_waiting(false)?;
        let result = work(self);
        self.socket().set_waiting(true)?;
        result
    }

    /// Looks, without waiting, whether the host is still there and silent.
    ///
    /// A host that hangs up or talks before it was asked (a load balancer's time-out page, a TLS
    /// alert about our side of the handshake) cannot answer the request: better found out while
    /// nothing was sent.
    ///
    /// A host that `asks` for our certificate judges it behind the handshake's end (TLS 1.3), and
    /// its first word behind that, most often a session ticket, is the verdict: it is waited for,
    /// briefly. Later, the same refusal would leave the request unknown.
    pub(super) fn look(&mut self, asks: bool, by: Deadline) -> Result<(), Failure> {
        let silent = match self {
            Connection::Plain(socket) => match socket.peek_at_once() {
                Ok(0) => Err(closed_early()),
                Ok(_) => Err(spoke_early()),
                Err(error) => Err(error),
            },
            Connection::Tls(tls) if asks => tls.hear_verdict(by).and_then(|()| tls.look()),
            Connection::Tls(tls) => tls.look(),
        };
        match silent {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
            Err(error) => Err(failure(
                kind_of(&error),
                format_args!("the connection failed before the request: {error}"),
            )),
        }
    }

    /// Writes the whole request and sees it accepted by the operating system: one TLS record, one
    /// segment. After a failure [`written`](Self::written) tells whether anything left.
    pub(super) fn send(&mut self, request: &[u8], by: Deadline) -> io::Result<()> {
        self.set_deadline(by);
        self.socket().begin_request()?;
        match self {
            Connection::Plain(socket) => socket.write_all(request),
            Connection::Tls(tls) => {
                tls.session.writer().write_all(request)?;
                tls.flush()
            }
        }
    }

    /// How many bytes of the request (encrypted, if so) the operating system took.
    pub(super) fn written(&mut self) -> usize {
        self.socket().written()
    }

    /// The answer is whole.
    pub(super) fn end(&mut self) {
        // If that fails, the host sees an abort where it could see an end.
        let _ = self.socket().end_request();
    }

    /// Whether the host's certificate was verified.
    pub(super) fn is_encrypted(&self) -> bool {
        self.session().is_some()
    }

    /// The TLS session with the host.
    pub(super) fn session(&self) -> Option<&ClientConnection> {
        match self {
            Connection::Plain(_) => None,
            Connection::Tls(tls) => Some(&tls.session),
        }
    }

    /// The TLS session with the proxy before it.
    pub(super) fn session_with_proxy(&self) -> Option<&ClientConnection> {
        match self {
            Connection::Plain(_) => None,
            Connection::Tls(tls) => tls.carrier.session(),
        }
    }

    /// Adds some of what the host sent to `input`, waiting for it at most until `until`.
    pub(super) fn receive(&mut self, input: &mut Vec<u8>, until: Deadline) -> io::Result<Received> {
        self.socket().await_answer()?;
        self.set_deadline(until);
        let result = match self {
            Connection::Plain(socket) => {
                let start = input.len();
                input.resize(start + PIECE, 0);
                let result = socket.read(&mut input[start..]);
                input.truncate(start + result.as_ref().unwrap_or(&0));
                result.map(|count| if count == 0 { Received::Closed } else { Received::Bytes })
            }
            Connection::Tls(tls) => tls.receive(input),
        };
        match result {
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(Received::Nothing),
            result => result,
        }
    }

    /// Whether decrypted bytes are waiting to be received.
    pub(super) fn has_more(&mut self) -> bool {
        match self {
            Connection::Plain(_) => false,
            Connection::Tls(tls) => {
                tls.session.reader().fill_buf().is_ok_and(|bytes| !bytes.is_empty())
            }
        }
    }
}

/// How a session is carried, and how one speaks with a proxy.
impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Plain(socket) => socket.read(buffer),
            Connection::Tls(tls) => loop {
                match tls.session.reader().read(buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => tls.read_more()?,
                    result => return result,
                }
            },
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Plain(socket) => socket.write(bytes),
            Connection::Tls(tls) => {
                // What a write before could not get rid of comes first.
                tls.flush()?;
                let count = tls.session.writer().write(bytes)?;
                tls.flush()?;
                Ok(count)
            }
        }
    }

    /// A flight of a handshake is one segment, not one for each record.
    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Connection::Plain(socket) => socket.write_vectored(parts),
            Connection::Tls(_) => {
                let first = parts.iter().find(|part| !part.is_empty());
                first.map_or(Ok(0), |part| self.write(part))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tls {
    /// Does the TLS handshake, to its very end and before any request exists: whatever goes wrong
    /// here goes wrong with nothing sent.
    pub(super) fn handshake(
        mut carrier: Connection,
        peer: &TlsPeer,
        by: Deadline,
    ) -> Result<Connection, Failure> {
        carrier.set_deadline(by);
        let failed = |error: io::Error| {
            let whose = peer.whose;
            failure(kind_of(&error), format_args!("the TLS handshake{whose} failed: {error}"))
        };
        let session = peer.session().map_err(|error| failed(broken_tls(error)))?;
        let mut tls = Box::new(Tls { session, carrier });
        loop {
            tls.flush().map_err(failed)?;
            if !tls.session.is_handshaking() {
                peer.remember(&tls.session);
                return Ok(Connection::Tls(tls));
            }
            if tls.session.read_tls(&mut tls.carrier).map_err(failed)? == 0 {
                return Err(failed(closed_early()));
            }
            if let Err(error) = tls.session.process_new_packets() {
                // Tell the host why, if that costs no time: it is what its operator will see.
                let Tls { session, carrier } = &mut *tls;
                let _ = carrier.without_waiting(|carrier| {
                    // Record by record: the alert is not the first that is due.
                    while session.wants_write() && session.write_tls(carrier)? > 0 {}
                    Ok(())
                });
                return Err(failed(broken_tls(error)));
            }
        }
    }

    fn look(&mut self) -> io::Result<()> {
        // The handshake may have read more than its own messages.
        self.process()?;
        let session = &mut self.session;
        if self.carrier.without_waiting(|carrier| session.read_tls(carrier))? == 0 {
            return Err(closed_early());
        }
        self.process()
    }

    /// A host that is silent for so long is asked all the same.
    fn hear_verdict(&mut self, by: Deadline) -> io::Result<()> {
        let is_open = self.session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && self.session.handshake_kind() != Some(HandshakeKind::Resumed);
        if !is_open {
            return Ok(());
        }
        self.carrier.set_deadline(by.at_most(VERDICT));
        match self.session.read_tls(&mut self.carrier) {
            Ok(0) => Err(closed_early()),
            Ok(_) => self.process(),
            result => result.map(drop),
        }
    }

    /// Handles what was read before the request; there should be nothing but session tickets.
    fn process(&mut self) -> io::Result<()> {
        let state = self.session.process_new_packets().map_err(broken_tls)?;
        if state.plaintext_bytes_to_read() > 0 {
            return Err(spoke_early());
        }
        if state.peer_has_closed() {
            return Err(closed_early());
        }
        Ok(())
    }

    fn receive(&mut self, input: &mut Vec<u8>) -> io::Result<Received> {
        loop {
            let mut reader = self.session.reader();
            match reader.fill_buf() {
                Ok([]) => return Ok(Received::Closed),
                Ok(bytes) => {
                    let count = bytes.len().min(PIECE);
                    input.extend_from_slice(&bytes[..count]);
                    reader.consume(count);
                    return Ok(Received::Bytes);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(error.kind(), "the host closed the connection"));
                }
                Err(error) => return Err(error),
            }
            // A time-out may fall in the middle of a record; the part that came is kept. What the
            // session itself would like to say (a key update's echo) only matters before our next
            // data, and there is none.
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        self.session.read_tls(&mut self.carrier)?;
        self.session.process_new_packets().map(drop).map_err(broken_tls)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut self.carrier)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// What a failure after the handshake means. TLS itself can still fail: an alert may be the host's
/// late word about our side of the handshake, and a record may have been tampered with.
pub(super) fn kind_of(error: &io::Error) -> FailureKind {
    match error.kind() {
        ErrorKind::TimedOut => FailureKind::Timeout,
        _ if error.get_ref().is_some_and(|error| error.is::<Unwanted>()) => FailureKind::Stopped,
        ErrorKind::InvalidData if error.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => {
            FailureKind::Tls
        }
        ErrorKind::InvalidData => FailureKind::Malformed,
        _ => FailureKind::Broken,
    }
}

fn broken_tls(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

fn closed_early() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the other side closed it")
}

fn spoke_early() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the host spoke first")
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use std::sync::Arc;

    use super::*;
    use crate::transport::{Unwatched, Watch};

    /// Both ends of a plain connection.
    fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let by = Deadline::after(Duration::from_secs(5));
        let watch: Arc<dyn Watch> = Arc::new(Unwatched);
        let socket = Socket::connect(&listener.local_addr().unwrap(), 0, by, &watch).unwrap();
        (Connection::Plain(socket), listener.accept().unwrap().0)
    }

    fn look_after_a_while(connection: &mut Connection) -> Result<(), FailureKind> {
        std::thread::sleep(Duration::from_millis(50));
        let by = Deadline::after(Duration::from_secs(5));
        connection.look(false, by).map_err(|failure| failure.kind)
    }

    #[test]
    fn a_silent_host_may_be_asked_and_looking_does_not_wait() {
        let (mut connection, mut host) = pair();
        assert_eq!(look_after_a_while(&mut connection), Ok(()));
        connection.send(b"question", Deadline::after(Duration::from_secs(5))).unwrap();
        assert_eq!(connection.written(), 8);
        host.write_all(b"answer").unwrap();
        let mut input = Vec::new();
        let by = Deadline::after(Duration::from_secs(5));
        assert_eq!(connection.receive(&mut input, by).unwrap(), Received::Bytes);
        assert_eq!(input, b"answer");
    }

    #[test]
    fn n9_n23_a_host_that_hung_up_or_spoke_first_is_not_asked() {
        let (mut connection, host) = pair();
        drop(host);
        assert_eq!(look_after_a_while(&mut connection), Err(FailureKind::Broken));

        let (mut connection, mut host) = pair();
        host.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
        assert_eq!(look_after_a_while(&mut connection), Err(FailureKind::Malformed));
    }

    #[test]
    fn a_wait_that_ends_without_input_loses_nothing() {
        let (mut connection, mut host) = pair();
        let mut input = Vec::new();
        let soon = Deadline::after(Duration::from_millis(20));
        assert_eq!(connection.receive(&mut input, soon).unwrap(), Received::Nothing);
        assert!(soon.left().is_none());
        host.write_all(b"late").unwrap();
        drop(host);
        let by = Deadline::after(Duration::from_secs(5));
        assert_eq!(connection.receive(&mut input, by).unwrap(), Received::Bytes);
        assert_eq!(connection.receive(&mut input, by).unwrap(), Received::Closed);
        assert_eq!(input, b"late");
    }
}
