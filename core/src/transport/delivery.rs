//! What the operating system does with a written request.
//!
//! Left alone it delivers written bytes for a quarter of an hour, also for a process that has
//! closed the connection or died: a push would arrive behind everything that was decided about it,
//! and D would bound nothing (fault N24).

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt;

/// A request that the host has not acknowledged for so long is not delivered any more.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// By then the system has given it up, if it was to: the time-out is looked at when something is
/// sent once more.
const SETTLED: Duration = Duration::from_secs(18);
/// Silence after which a waiting connection is shown to the routers on the way, and how often then.
/// They forget one in minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// More unanswered signs of life than fit into any wait: a waiting push is never ended by them.
const PATIENCE: u32 = 100;

/// The delivery of one request.
#[derive(Default)]
pub(super) struct Delivery {
    /// When it was written, while it is not known to have been acknowledged. The clock that stops
    /// with the machine: so does the system's time-out.
    written: Option<Instant>,
}

impl Delivery {
    /// Before the first byte: from now on closing aborts, whoever closes, and with that the system
    /// forgets what it has not delivered.
    pub(super) fn begin(&mut self, stream: &TcpStream) -> Result<(), Errno> {
        sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
        #[cfg(target_os = "linux")]
        sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED.as_millis() as u32)?;
        self.written = Some(Instant::now());
        Ok(())
    }

    /// While the answer is awaited. The time-out ends a request that is not acknowledged; one that
    /// lives longer was acknowledged, and then a link that is down must not end the wait for the
    /// answer. (No sign of life is sent before: the time-out would hold for it as well.)
    pub(super) fn watch(&mut self, stream: &TcpStream) -> Result<(), Errno> {
        if self.written.is_none_or(|written| written.elapsed() < SETTLED) {
            return Ok(());
        }
        self.written = None;
        #[cfg(target_os = "linux")]
        {
            sockopt::set_tcp_user_timeout(stream, 0)?;
            sockopt::set_tcp_keepidle(stream, KEEP_ALIVE)?;
            sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE)?;
            sockopt::set_tcp_keepcnt(stream, PATIENCE)?;
        }
        sockopt::set_socket_keepalive(stream, true)
    }

    /// The answer is there, so the request arrived: the connection may be closed in order.
    pub(super) fn end(&mut self, stream: &TcpStream) -> Result<(), Errno> {
        sockopt::set_socket_linger(stream, None)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What the system is to do with a connection: for how many milliseconds an unacknowledged request
    /// is sent again, and when signs of life begin, how often they come and how many may stay unanswered.
    fn settings(stream: &TcpStream) -> (u32, Option<(Duration, Duration, u32)>) {
        let alive = sockopt::socket_keepalive(stream).unwrap().then(|| {
            (
                sockopt::tcp_keepidle(stream).unwrap(),
                sockopt::tcp_keepintvl(stream).unwrap(),
                sockopt::tcp_keepcnt(stream).unwrap(),
            )
        });
        (sockopt::tcp_user_timeout(stream).unwrap(), alive)
    }

    #[test]
    fn n24_an_acknowledged_request_is_kept_alive_and_its_wait_never_ended_by_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut delivery = Delivery::default();
        delivery.begin(&stream).unwrap();
        delivery.watch(&stream).unwrap();
        assert_eq!(settings(&stream), (15_000, None), "it may not be acknowledged yet");
        delivery.written = Instant::now().checked_sub(SETTLED);
        delivery.watch(&stream).unwrap();
        // Routers forget in minutes; fifty minutes of silence are beyond every wait.
        assert_eq!(settings(&stream), (0, Some((KEEP_ALIVE, KEEP_ALIVE, 100))));
        assert_eq!(sockopt::socket_linger(&stream).unwrap(), Some(Duration::ZERO));
        delivery.end(&stream).unwrap();
        assert_eq!(sockopt::socket_linger(&stream).unwrap(), None);
    }
}
