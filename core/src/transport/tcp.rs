//! A TCP connection whose every read and write ends in time.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::Watch;
use super::deadline::Deadline;
use super::delivery::Delivery;

/// Longest attempt at one address while others are left: time for two lost SYNs.
const MAX_ATTEMPT: Duration = Duration::from_secs(4);

/// How often the watch is asked, before the request, whether anybody still wants it.
pub(super) const SLICE: Duration = Duration::from_millis(200);

/// A socket with a deadline.
///
/// A read or write that cannot be done by then fails with [`ErrorKind::TimedOut`] and loses
/// nothing: it may be repeated. Signals neither end a wait early nor prolong it. Until the request
/// begins, one that nobody wants any more fails with [`Unwanted`].
pub(super) struct Socket {
    stream: TcpStream,
    deadline: Deadline,
    /// The end of the wait for the first byte: of an address that has others behind it.
    first_byte: Option<Deadline>,
    /// Who is asked, until the request begins.
    watch: Option<Arc<dyn Watch>>,
    /// When that is asked next, however busily bytes trickle in.
    question: Deadline,
    /// Whether reads and writes wait.
    waiting: bool,
    /// Bytes that the operating system took since [`begin_request`](Self::begin_request).
    written: usize,
    delivery: Delivery,
}

impl Socket {
    /// Connects to one address that has `others` behind it: it leaves them time. One that connects
    /// and is then silent is given half of it; one that speaks, all.
    pub(super) fn connect(
        address: &SocketAddr,
        others: usize,
        by: Deadline,
        watch: &Arc<dyn Watch>,
    ) -> io::Result<Socket> {
        let left = by.left().ok_or(ErrorKind::TimedOut)?;
        let (deadline, first_byte) = match u32::try_from(others).unwrap_or(u32::MAX) {
            0 => (by, None),
            others => {
                let share = left / others.saturating_add(1);
                (Deadline::after(share.min(MAX_ATTEMPT)), Some(Deadline::after(left / 2)))
            }
        };
        let stream = connected(address, deadline, watch.as_ref())?;
        // Handshake messages are small and each waits for the other side's: Nagle's algorithm would
        // only add round trips. Without it things still work.
        let _ = stream.set_nodelay(true);
        Ok(Socket {
            stream,
            deadline: by,
            first_byte,
            watch: Some(Arc::clone(watch)),
            question: Deadline::after(SLICE),
            waiting: true,
            written: 0,
            delivery: Delivery::default(),
        })
    }

    /// Sets the end of the reads and writes to come.
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Whether reads and writes wait. One that does not, and would have to, fails with
    /// [`ErrorKind::TimedOut`].
    pub(super) fn set_waiting(&mut self, waiting: bool) -> io::Result<()> {
        self.waiting = waiting;
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
        (self.watch, self.first_byte) = (None, None);
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

    /// How long may be waited until the watch is asked, which is done here when it is time. `None` where
    /// nobody is asked.
    fn slice(&mut self) -> io::Result<Option<Duration>> {
        let Some(watch) = self.watch.as_ref().filter(|_| self.waiting) else { return Ok(None) };
        if let Some(left) = self.question.left() {
            return Ok(Some(left));
        }
        still_wanted(watch.as_ref())?;
        self.question = Deadline::after(SLICE);
        Ok(Some(SLICE))
    }

    /// One system call, repeated with the time that is left when a signal interrupts it.
    fn timed<T>(
        &mut self,
        set_timeout: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut call: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let slice = self.slice()?;
            let deadline = self.first_byte.map_or(self.deadline, |first| first.min(self.deadline));
            let left = deadline.left().ok_or(ErrorKind::TimedOut)?;
            set_timeout(&self.stream, Some(slice.map_or(left, |slice| left.min(slice))))?;
            match call(&mut self.stream) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Unix says WouldBlock where Windows says TimedOut.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if slice.is_none() {
                        return Err(ErrorKind::TimedOut.into());
                    }
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
        let result = self.timed(TcpStream::set_read_timeout, |stream| stream.read(buffer));
        if matches!(result, Ok(1..)) {
            self.first_byte = None;
        }
        result
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

/// Connects, and asks the watch meanwhile.
#[cfg(target_os = "linux")]
fn connected(address: &SocketAddr, by: Deadline, watch: &dyn Watch) -> io::Result<TcpStream> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let stream = TcpStream::from(socket_with(family, SocketType::STREAM, flags, None)?);
    match connect(&stream, address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    loop {
        let slice = by.left().ok_or(ErrorKind::TimedOut)?.min(SLICE);
        let slice = Timespec::try_from(slice).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&stream, PollFlags::OUT)], Some(&slice)) {
            Ok(0) => still_wanted(watch)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    match stream.take_error()? {
        Some(error) => Err(error),
        None => stream.set_nonblocking(false).map(|()| stream),
    }
}

/// Elsewhere the wait for it has no slices.
#[cfg(not(target_os = "linux"))]
fn connected(address: &SocketAddr, by: Deadline, _: &dyn Watch) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(address, by.left().ok_or(ErrorKind::TimedOut)?)
}

fn still_wanted(watch: &dyn Watch) -> io::Result<()> {
    if watch.connecting() { Ok(()) } else { Err(io::Error::other(Unwanted)) }
}

/// The watch said that nobody wants the request any more.
#[derive(Debug)]
pub(super) struct Unwanted;

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was given up")
    }
}

impl std::error::Error for Unwanted {}
