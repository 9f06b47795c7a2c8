//! The one thread that serves every connection: a waiting session costs a socket and no thread.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rustls::ServerConfig;

use super::connection::{Connection, Fate, Kind, Stage};
use super::feed::{self, Feed};
use super::http::{HttpRequest, Parsed, parse};
use super::socket::Socket;
use super::tls::OLD_TLS_ALERT;
use super::{Shared, control};
use crate::delivery::{Part, parts};
use crate::host::{Head, Progress, Ticket};
use crate::reply::Reply;
use crate::script::ConnectionFault;

pub(super) const WAKE: Token = Token(0);
/// Tokens of connections start here; the ones between are listeners.
const FIRST_CONNECTION: usize = 16;
/// So many pages may watch at the same time.
const MOST_WATCHERS: usize = 16;

pub(super) struct Listener {
    pub(super) tcp: TcpListener,
    pub(super) kind: Kind,
    pub(super) tls: bool,
}

pub(super) struct EventLoop {
    poll: Poll,
    listeners: Vec<Listener>,
    connections: HashMap<usize, Connection>,
    tickets: HashMap<Ticket, usize>,
    timers: BTreeSet<(Instant, usize)>,
    shared: Arc<Shared>,
    next_token: usize,
    next_number: u64,
}

impl EventLoop {
    pub(super) fn new(
        poll: Poll,
        mut listeners: Vec<Listener>,
        shared: Arc<Shared>,
    ) -> io::Result<EventLoop> {
        for (place, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(&mut listener.tcp, Token(place + 1), Interest::READABLE)?;
        }
        Ok(EventLoop {
            poll,
            listeners,
            connections: HashMap::new(),
            tickets: HashMap::new(),
            timers: BTreeSet::new(),
            shared,
            next_token: FIRST_CONNECTION,
            next_number: 0,
        })
    }

    /// Serves until told to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            let next = self.timers.first().map(|(at, _)| *at);
            let wait = next.map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Nothing can be served without it; dropping everything closes all connections.
                Err(_) => return,
                Ok(()) => {}
            }
            if self.shared.stop.load(Ordering::Acquire) {
                return;
            }
            for event in &events {
                match event.token() {
                    WAKE => {}
                    Token(token) if token < FIRST_CONNECTION => self.accept(token - 1),
                    Token(token) => {
                        let news =
                            event.is_readable() || event.is_read_closed() || event.is_error();
                        self.drive(token, news);
                    }
                }
            }
            let now = Instant::now();
            while let Some((at, token)) = self.timers.first().copied() {
                if at > now {
                    break;
                }
                self.timers.remove(&(at, token));
                if token < FIRST_CONNECTION {
                    self.accept(token - 1);
                } else {
                    self.drive(token, false);
                }
            }
            if self.shared.cut_all.swap(false, Ordering::AcqRel) {
                let merchants: Vec<usize> = self
                    .connections
                    .iter()
                    .filter(|(_, connection)| connection.kind == Kind::Ovo)
                    .map(|(token, _)| *token)
                    .collect();
                merchants.into_iter().for_each(|token| self.end(token, Fate::Resets));
            }
            self.follow_host();
            self.tell_feeds();
        }
    }

    /// Something may have happened that those who watch have not been told.
    fn tell_feeds(&mut self) {
        let watching = |(token, connection): (&usize, &Connection)| {
            (connection.stage == Stage::Feeding).then_some(*token)
        };
        // Without a watcher nothing is looked through.
        if self.shared.watchers.load(Ordering::Relaxed) > 0 {
            let tokens: Vec<usize> = self.connections.iter().filter_map(watching).collect();
            tokens.into_iter().for_each(|token| self.drive(token, false));
        }
    }

    /// Attends to requests whose fate another request (or a test) has changed.
    fn follow_host(&mut self) {
        loop {
            let woken = self.shared.host().take_woken();
            // A ticket may be woken by its own progress; those with no connection are done with.
            let tokens: Vec<usize> =
                woken.iter().filter_map(|ticket| self.tickets.get(ticket).copied()).collect();
            if tokens.is_empty() {
                break;
            }
            for token in tokens {
                self.drive(token, false);
            }
        }
        self.shared.report_answers();
    }

    fn accept(&mut self, place: usize) {
        loop {
            let (kind, tls) = (self.listeners[place].kind, self.listeners[place].tls);
            let tcp = match self.listeners[place].tcp.accept() {
                Ok((tcp, _)) => tcp,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    // Out of descriptors, most likely. Those who wait in the queue will not be
                    // announced again, so they are asked for a little later.
                    self.timers.insert((Instant::now() + Duration::from_millis(50), place + 1));
                    return;
                }
            };
            let fault = match kind {
                Kind::Ovo => {
                    self.next_number += 1;
                    self.shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
                    self.shared.host().connected()
                }
                Kind::Control => None,
            };
            // To speak as if TLS were too old, no TLS is needed; over plain HTTP there is none.
            let fault = fault.filter(|fault| tls || *fault != ConnectionFault::OldTls);
            let config =
                (tls && fault != Some(ConnectionFault::OldTls)).then(|| self.certificate(fault));
            let Ok(socket) = Socket::new(tcp, config.as_ref()) else { continue };
            let mut connection = Connection::new(socket, kind, self.next_number);
            connection.fault = fault;
            match fault {
                Some(ConnectionFault::ResetAtAccept) => {
                    connection.socket.arm_reset();
                    continue;
                }
                Some(ConnectionFault::CloseAtAccept) => {
                    connection.socket.deaf = true;
                    connection.socket.close();
                    continue;
                }
                Some(ConnectionFault::Stall) => {
                    connection.socket.deaf = true;
                    connection.stage = Stage::Mute;
                }
                _ => {}
            }
            let token = self.next_token;
            self.next_token += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            if registry.register(connection.socket.tcp_mut(), Token(token), interest).is_ok() {
                if kind == Kind::Ovo {
                    self.shared.counters.open.fetch_add(1, Ordering::Relaxed);
                }
                self.connections.insert(token, connection);
                self.drive(token, true);
            }
        }
    }

    fn certificate(&self, fault: Option<ConnectionFault>) -> Arc<ServerConfig> {
        let certificates = &self.shared.certificates;
        Arc::clone(match fault {
            Some(ConnectionFault::ExpiredCertificate) => &certificates.expired,
            Some(ConnectionFault::WrongHostCertificate) => &certificates.wrong_host,
            Some(ConnectionFault::UnknownAuthority) => &certificates.unknown_authority,
            Some(ConnectionFault::EndingCertificate) => &certificates.ending,
            _ => &certificates.good,
        })
    }

    /// Brings a connection as far as it can go now.
    fn drive(&mut self, token: usize, readable: bool) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        if let Some(deadline) = connection.deadline {
            self.timers.remove(&(deadline, token));
        }
        let shared = Arc::clone(&self.shared);
        let fate = if readable { Self::take_in(connection, &shared) } else { Fate::Stays };
        let before = connection.stage;
        let fate = match fate {
            Fate::Stays => Self::go_on(connection, &shared),
            other => other,
        };
        let (stage, deadline) = (connection.stage, connection.deadline);
        if before != stage || fate != Fate::Stays {
            if let Stage::Waiting(ticket) = before {
                self.tickets.remove(&ticket);
            }
        }
        match (fate, stage) {
            (Fate::Stays, Stage::Waiting(ticket)) => {
                self.tickets.insert(ticket, token);
            }
            (Fate::Stays, _) => {}
            (other, _) => {
                self.end(token, other);
                return;
            }
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, token));
        }
    }

    /// Reads what has come, and lets TLS answer what it must.
    fn take_in(connection: &mut Connection, shared: &Shared) -> Fate {
        match connection.socket.read(&mut connection.inbox) {
            Ok(ended) => connection.ended |= ended,
            Err(_) => {
                if !connection.established && !connection.socket.deaf {
                    shared.counters.handshakes_failed.fetch_add(1, Ordering::Relaxed);
                }
                return Fate::Closes;
            }
        }
        if connection.fault == Some(ConnectionFault::OldTls) {
            if connection.inbox.is_empty() && !connection.ended {
                return Fate::Stays;
            }
            // Any bytes at all are the client's hello; the refusal needs nothing from it.
            connection.socket.send_raw(&OLD_TLS_ALERT);
            shared.counters.handshakes_failed.fetch_add(1, Ordering::Relaxed);
            return Fate::Closes;
        }
        if !connection.established && connection.socket.is_established() {
            connection.established = true;
            shared.counters.established.fetch_add(
                u64::from(connection.kind == Kind::Ovo && !connection.socket.deaf),
                Ordering::Relaxed,
            );
            if connection.fault == Some(ConnectionFault::SpeaksFirst) {
                let early =
                    Reply { body: br#"{"responseCode":"00"}"#.to_vec(), ..Reply::empty(200) };
                for part in parts(&early, &shared.clock.date_header(), true) {
                    if let Part::Bytes(bytes) = part {
                        let _ = connection.socket.send(&bytes);
                    }
                }
            }
        }
        match connection.socket.flush() {
            Ok(_) => Fate::Stays,
            Err(_) => Fate::Closes,
        }
    }

    fn go_on(connection: &mut Connection, shared: &Shared) -> Fate {
        loop {
            match connection.stage {
                Stage::Reading => match parse(&connection.inbox) {
                    Parsed::Whole(request, used) => {
                        connection.inbox.drain(..used);
                        connection.continued = false;
                        if connection.fault == Some(ConnectionFault::ResetAfterRequest) {
                            return Fate::Resets;
                        }
                        Self::serve(connection, shared, &request);
                    }
                    Parsed::Partial { head_done, wants_continue } => {
                        if head_done && connection.fault == Some(ConnectionFault::ResetAfterHead) {
                            return Fate::Resets;
                        }
                        if connection.ended {
                            return Fate::Closes;
                        }
                        if wants_continue && !connection.continued {
                            connection.continued = true;
                            let sent = connection.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n");
                            if sent.and_then(|()| connection.socket.flush()).is_err() {
                                return Fate::Closes;
                            }
                        }
                        return Fate::Stays;
                    }
                    Parsed::Refused(status) => {
                        // Once the framing is lost, nothing that follows can be trusted.
                        connection.inbox.clear();
                        let date = shared.clock.date_header();
                        connection.plan = parts(&Reply::empty(status), &date, false).into();
                        connection.stage = Stage::Sending;
                    }
                },
                Stage::Waiting(ticket) => {
                    let now = shared.clock.now();
                    let progress = shared.host().progress(ticket, now);
                    match progress {
                        // Hung up (a half-closed client counts as one: no HTTP library is it). The
                        // engine decides what that means for the session.
                        Progress::WaitUntil(_) if connection.ended => return Fate::Closes,
                        Progress::WaitUntil(at) => {
                            connection.deadline = Some(shared.clock.instant(at));
                            return Fate::Stays;
                        }
                        Progress::Reply(reply) => {
                            let date = shared.clock.date_header();
                            let keep = connection.keep && !connection.ended;
                            connection.plan = parts(&reply, &date, keep).into();
                            connection.deadline = None;
                            connection.stage = Stage::Sending;
                        }
                        Progress::Silence => {
                            connection.deadline = None;
                            connection.stage = Stage::Mute;
                        }
                    }
                }
                Stage::Sending => {
                    let wait = |pause| Instant::now() + shared.clock.real(pause);
                    match connection.run_plan(wait) {
                        Some(Fate::Stays) if connection.stage != Stage::Sending => {}
                        Some(fate) => return fate,
                        // A plan for a connection that is not kept ends in its close.
                        None => connection.stage = Stage::Reading,
                    }
                }
                Stage::Feeding => {
                    connection.inbox.clear();
                    match connection.socket.flush() {
                        _ if connection.ended => return Fate::Closes,
                        Err(_) => return Fate::Closes,
                        // A watcher that does not keep up misses nothing: it is told the rest later.
                        Ok(false) => return Fate::Stays,
                        Ok(true) => {}
                    }
                    let Some(feed) = &mut connection.feed else { return Fate::Closes };
                    let (message, next) = feed.message(shared);
                    connection.deadline = Some(next);
                    let Some(message) = message else { return Fate::Stays };
                    if connection.socket.send(message.as_bytes()).is_err() {
                        return Fate::Closes;
                    }
                }
                Stage::Mute => {
                    connection.inbox.clear();
                    return if connection.ended { Fate::Closes } else { Fate::Stays };
                }
                Stage::Trap => {
                    return match (connection.inbox.is_empty(), connection.ended) {
                        (false, _) => Fate::Resets,
                        (true, true) => Fate::Closes,
                        (true, false) => Fate::Stays,
                    };
                }
            }
        }
    }

    fn serve(connection: &mut Connection, shared: &Shared, request: &HttpRequest) {
        connection.served += 1;
        connection.keep = request.keep_alive;
        match connection.kind {
            Kind::Control => {
                let watches = (request.method.as_str(), request.path.as_str()) == ("GET", "/feed");
                let reply = match control::turned_away(shared, request) {
                    Some(reply) => reply,
                    None if watches && shared.watchers.load(Ordering::Relaxed) >= MOST_WATCHERS => {
                        Reply::empty(503)
                    }
                    None if watches => {
                        let _ = connection.socket.send(feed::HEAD.as_bytes());
                        connection.feed = Some(Feed::new());
                        connection.stage = Stage::Feeding;
                        shared.watchers.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    None => control::respond(shared, request),
                };
                let date = shared.clock.date_header();
                connection.plan = parts(&reply, &date, request.keep_alive).into();
                connection.stage = Stage::Sending;
            }
            Kind::Ovo => {
                let header = |name: &str| request.header(name).map(str::to_owned);
                let head = Head {
                    method: request.method.clone(),
                    path: request.path.clone(),
                    app_id: header("app-id"),
                    random: header("random"),
                    hmac: header("hmac"),
                    content_type: header("content-type"),
                    connection: connection.number,
                    nth: connection.served,
                };
                let now = shared.clock.now();
                let ticket = shared.host().receive(now, &head, &request.body);
                connection.stage = Stage::Waiting(ticket);
            }
        }
    }

    fn end(&mut self, token: usize, fate: Fate) {
        let Some(mut connection) = self.connections.remove(&token) else { return };
        if let Some(deadline) = connection.deadline {
            self.timers.remove(&(deadline, token));
        }
        if let Stage::Waiting(ticket) = connection.stage {
            self.tickets.remove(&ticket);
            self.shared.note_gone(ticket);
        }
        if connection.feed.is_some() {
            self.shared.watchers.fetch_sub(1, Ordering::Relaxed);
        }
        if connection.kind == Kind::Ovo {
            self.shared.counters.open.fetch_sub(1, Ordering::Relaxed);
        }
        let _ = self.poll.registry().deregister(connection.socket.tcp_mut());
        match fate {
            Fate::Resets => connection.socket.arm_reset(),
            Fate::Closes | Fate::Stays => connection.socket.close(),
        }
    }
}
