//! One connection and where it stands.

use std::collections::VecDeque;
use std::time::Instant;

use super::feed::Feed;
use super::socket::Socket;
use crate::delivery::Part;
use crate::host::Ticket;
use crate::script::ConnectionFault;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A merchant's, to OVO.
    Ovo,
    /// A test's, to the control endpoints.
    Control,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A request.
    Reading,
    /// The engine's answer.
    Waiting(Ticket),
    /// The wire, or the next piece's time.
    Sending,
    /// News, which are sent as they come.
    Feeding,
    /// The client to leave; nothing is ever sent.
    Mute,
    /// The next byte, which is met with a reset.
    Trap,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Closes,
    Resets,
}

pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) kind: Kind,
    /// Counts merchants' connections from 1, for the log.
    pub(super) number: u64,
    pub(super) served: u32,
    pub(super) inbox: Vec<u8>,
    /// The peer has ended its side.
    pub(super) ended: bool,
    pub(super) stage: Stage,
    pub(super) plan: VecDeque<Part>,
    pub(super) deadline: Option<Instant>,
    pub(super) fault: Option<ConnectionFault>,
    pub(super) established: bool,
    pub(super) continued: bool,
    /// The client wants the connection kept after the answer.
    pub(super) keep: bool,
    pub(super) feed: Option<Feed>,
}

impl Connection {
    pub(super) fn new(socket: Socket, kind: Kind, number: u64) -> Connection {
        Connection {
            socket,
            kind,
            number,
            served: 0,
            inbox: Vec::new(),
            ended: false,
            stage: Stage::Reading,
            plan: VecDeque::new(),
            deadline: None,
            fault: None,
            established: false,
            continued: false,
            keep: false,
            feed: None,
        }
    }

    /// Sends as much of the plan as the wire and the times allow. `None` when all is sent and the
    /// connection may serve again; `wait` turns a pause of the host's time into a deadline.
    pub(super) fn run_plan(&mut self, wait: impl Fn(u64) -> Instant) -> Option<Fate> {
        if let Some(deadline) = self.deadline {
            if Instant::now() < deadline {
                return Some(Fate::Stays);
            }
            self.deadline = None;
        }
        loop {
            match self.socket.flush() {
                Ok(true) => {}
                Ok(false) => return Some(Fate::Stays),
                Err(_) => return Some(Fate::Closes),
            }
            match self.plan.pop_front()? {
                Part::Bytes(bytes) => {
                    if self.socket.send(&bytes).is_err() {
                        return Some(Fate::Closes);
                    }
                }
                Part::Repeat { times: 0, .. } => {}
                Part::Repeat { bytes, times, every_ms } => {
                    if self.socket.send(&bytes).is_err() {
                        return Some(Fate::Closes);
                    }
                    let left = if times == u64::MAX { times } else { times - 1 };
                    self.plan.push_front(Part::Repeat { bytes, times: left, every_ms });
                    if every_ms > 0 {
                        match self.socket.flush() {
                            Ok(_) => self.deadline = Some(wait(every_ms)),
                            Err(_) => return Some(Fate::Closes),
                        }
                        return Some(Fate::Stays);
                    }
                }
                Part::Close => return Some(Fate::Closes),
                Part::Reset => return Some(Fate::Resets),
                Part::Hang => {
                    self.stage = Stage::Mute;
                    return Some(Fate::Stays);
                }
                Part::ResetAtNextByte => {
                    self.stage = Stage::Trap;
                    return Some(Fate::Stays);
                }
            }
        }
    }
}
