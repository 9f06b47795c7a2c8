//! A TCP connection whose every read and write ends in time.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::deadline::Deadline;
use super::delivery::Delivery;
use super::{Failure, FailureKind, failure};

/// Longest attempt at one address while others are left: time for two lost SYNs.
const MAX_ATTEMPT: Duration = Duration::from_secs(4);

/// A socket with a deadline.
///
/// A read or write that cannot be done by then fails with [`ErrorKind::TimedOut`] and loses
/// nothing: it may be repeated. Signals neither end a wait early nor prolong it.
pub(super) struct Socket {
    stream: TcpStream,
    deadline: Deadline,
    /// Bytes that the operating system took since [`begin_request`](Self::begin_request).
    written: usize,
    delivery: Delivery,
}

impl Socket {
    /// Connects to the first address that answers by the deadline.
    pub(super) fn connect(
        addresses: &[SocketAddr],
        by: Deadline,
    ) -> Result<(Socket, SocketAddr), Failure> {
        let mut last = "time ran out".to_owned();
        for (tried, address) in addresses.iter().enumerate() {
            let Some(left) = by.left() else { break };
            let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let limit = if others == 1 { left } else { (left / others).min(MAX_ATTEMPT) };
            match TcpStream::connect_timeout(address, limit) {
                Ok(stream) => {
                    // Handshake messages are small and each waits for the other side's: Nagle's
                    // algorithm would only add round trips. Without it things still work.
                    let _ = stream.set_nodelay(true);
                    return Ok((
                        Socket { stream, deadline: by, written: 0, delivery: Delivery::default() },
                        *address,
                    ));
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(failure(FailureKind::Connect, format_args!("no TCP connection: {last}")))
    }

    /// Sets the end of the reads and writes to come.
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Whether reads and writes wait. One that does not, and would have to, fails with
    /// [`ErrorKind::TimedOut`].
    pub(super) fn set_waiting(&mut self, waiting: bool) -> io::Result<()> {
        self.stream.set_nonblocking(!waiting)
    }

    /// Whether input can be read at once; looks without taking it. Zero is the end of the stream.
    pub(super) fn peek_at_once(&mut self) -> io::Result<usize> {
        self.set_waiting(false)?;
        let result = self.timed(TcpStream::set_read_timeout, |stream| stream.peek(&mut [0]));
        self.set_waiting(true)?;
        result
    }

    /// The bytes written from now on are a request.
    pub(super) fn begin_request(&mut self) -> io::Result<()> {
        self.written = 0;
        Ok(self.delivery.begin(&self.stream)?)
    }

    /// Its answer is awaited.
    pub(super) fn await_answer(&mut self) -> io::Result<()> {
        Ok(self.delivery.watch(&self.stream)?)
    }

    /// Its answer is there.
    pub(super) fn end_request(&mut self) -> io::Result<()> {
        Ok(self.delivery.end(&self.stream)?)
    }

    /// The bytes that the operating system took since then.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// One system call, repeated with the time that is left when a signal interrupts it.
    fn timed<T>(
        &mut self,
        set_timeout: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut call: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self.deadline.left().ok_or(ErrorKind::TimedOut)?;
            set_timeout(&self.stream, Some(left))?;
            match call(&mut self.stream) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Unix says WouldBlock where Windows says TimedOut.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(ErrorKind::TimedOut.into());
                }
                result => return result,
            }
        }
    }

    fn counted(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        self.written += *result.as_ref().unwrap_or(&0);
        result
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.timed(TcpStream::set_read_timeout, |stream| stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.timed(TcpStream::set_write_timeout, |stream| stream.write(bytes));
        self.counted(result)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let result =
            self.timed(TcpStream::set_write_timeout, |stream| stream.write_vectored(parts));
        self.counted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
