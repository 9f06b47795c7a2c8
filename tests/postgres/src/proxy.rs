//! Something between a node and its server that breaks connections where it is told to.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::protocol::{self, Message};

/// Where a connection breaks at a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// The server hears nothing of it.
    Before,
    /// The server hears half of it.
    Inside,
    /// The server hears all of it; the connection is gone before it answers, or while.
    During,
    /// The server has carried it out and answered; nobody hears that.
    Behind,
    /// As [`Cut::Behind`], and the connection stays open and silent.
    Silent,
}

impl Cut {
    /// All of them.
    pub const ALL: [Cut; 5] = [Cut::Before, Cut::Inside, Cut::During, Cut::Behind, Cut::Silent];
}

/// Where a statement is held up until [`Proxy::lets_go`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// The server has heard nothing of it.
    Before,
    /// The server has carried it out and answered; nobody has heard that.
    Behind,
}

#[derive(Clone, Copy)]
enum Act {
    Cut(Cut),
    Hold(Hold),
}

struct Rule {
    /// What the statement and its parameters contain.
    texts: Vec<String>,
    /// So many are carried before.
    skip: u64,
    act: Act,
}

struct State {
    server: Mutex<SocketAddr>,
    rules: Mutex<Vec<Rule>>,
    is_silent: AtomicBool,
    /// Connections that were made before so many were forgotten carry nothing any more.
    forgotten: AtomicU64,
    cuts: AtomicU64,
    held: AtomicU64,
    lets_go: AtomicBool,
    cancels: AtomicU64,
    connections: Mutex<Vec<TcpStream>>,
    statements: Mutex<Vec<String>>,
}

/// A proxy; it serves until the process ends.
#[derive(Clone)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

const PASSES: u8 = 0;
const SWALLOWS: u8 = 1;
const SWALLOWS_AND_ENDS: u8 = 2;
const HOLDS: u8 = 3;

/// When a connection is broken whose client is not listened to any more.
enum End {
    Now,
    WhenAnswered,
}

impl Proxy {
    /// Passes on what comes to a port of this machine to `port`.
    ///
    /// # Panics
    /// Without a free port.
    pub fn start(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let state = Arc::new(State {
            server: Mutex::new(SocketAddr::from(([127, 0, 0, 1], port))),
            rules: Mutex::default(),
            is_silent: AtomicBool::new(false),
            forgotten: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            held: AtomicU64::new(0),
            lets_go: AtomicBool::new(false),
            cancels: AtomicU64::new(0),
            connections: Mutex::default(),
            statements: Mutex::default(),
        });
        let proxy =
            Proxy { port: listener.local_addr().expect("its number").port(), state: state.clone() };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || state.serves(client));
            }
        });
        proxy
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections go to another server.
    pub fn leads_to(&self, port: u16) {
        lock(&self.state.server).set_port(port);
    }

    /// Once: the statement that contains `text` behind `skip` such statements.
    pub fn cuts(&self, cut: Cut, text: &str, skip: u64) {
        let texts = vec![text.to_owned()];
        lock(&self.state.rules).push(Rule { texts, skip, act: Act::Cut(cut) });
    }

    /// Once: holds up the statement that contains, itself or in its parameters, all of `texts`, behind `skip`
    /// such statements.
    pub fn holds(&self, hold: Hold, texts: &[&str], skip: u64) {
        let texts = texts.iter().map(|&text| text.to_owned()).collect();
        lock(&self.state.rules).push(Rule { texts, skip, act: Act::Hold(hold) });
    }

    /// Whether a statement was held up.
    pub fn has_held(&self) -> bool {
        self.state.held.load(Ordering::SeqCst) > 0
    }

    /// What is held up goes on, also if nobody is there any more who sent it.
    pub fn lets_go(&self) {
        self.state.lets_go.store(true, Ordering::SeqCst);
    }

    /// Forgets what was to be cut and has not come.
    pub fn cuts_nothing(&self) {
        lock(&self.state.rules).clear();
    }

    /// How many rules have hit.
    pub fn hits(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }

    /// How many wishes to break a statement off came by. A write must never be broken off.
    pub fn cancel_requests(&self) -> u64 {
        self.state.cancels.load(Ordering::SeqCst)
    }

    /// The statements so far, as their clients prepared them.
    pub fn statements(&self) -> Vec<String> {
        lock(&self.state.statements).clone()
    }

    /// Carries nothing any more in either direction, and breaks nothing; new connections, too. Or goes on.
    pub fn is_silent(&self, silent: bool) {
        self.state.is_silent.store(silent, Ordering::SeqCst);
    }

    /// Forgets the connections that there are: it swallows what comes, and breaks nothing. New ones are carried.
    pub fn forgets(&self) {
        self.state.forgotten.fetch_add(1, Ordering::SeqCst);
    }

    /// Breaks every connection.
    pub fn breaks_all(&self) {
        for stream in lock(&self.state.connections).drain(..) {
            // It may be gone.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn serves(self: Arc<Self>, client: TcpStream) {
        // A server that is not there refuses: so does this.
        let Ok(server) = TcpStream::connect(*lock(&self.server)) else { return };
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            let Ok(copy) = stream.try_clone() else { return };
            lock(&self.connections).push(copy);
        }
        let manner = Arc::new(AtomicU8::new(PASSES));
        let since = self.forgotten.load(Ordering::SeqCst);
        let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone())
        else {
            return;
        };
        let back = Arc::clone(&self);
        let heard = Arc::clone(&manner);
        let carrier = std::thread::spawn(move || {
            let _ = back.carries_back(&mut from_server, &mut to_client, &heard, since);
            let _ = from_server.shutdown(Shutdown::Both);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let end = self.carries(&client, &server, &manner, since);
        if !matches!(end, Ok(End::WhenAnswered)) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
        let _ = carrier.join();
    }

    fn waits_while_silent(&self) {
        while self.is_silent.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn carries(
        &self,
        mut client: &TcpStream,
        mut server: &TcpStream,
        manner: &AtomicU8,
        since: u64,
    ) -> io::Result<End> {
        let mut is_first = true;
        let mut exchange = Vec::new();
        while let Some(message) = protocol::read(&mut client, is_first)? {
            self.waits_while_silent();
            if self.is_forgotten(since) {
                // Until the client gives up.
                io::copy(&mut client, &mut io::sink())?;
                return Ok(End::Now);
            }
            if message.asks_for_encryption() {
                server.write_all(&message.bytes)?;
                // Nothing can be read from here on.
                io::copy(&mut client, &mut server)?;
                return Ok(End::Now);
            }
            if message.is_a_cancel_request() {
                self.cancels.fetch_add(1, Ordering::SeqCst);
            }
            if message.letter == Some(b'P') || message.letter == Some(b'Q') {
                let text = String::from_utf8_lossy(&message.bytes[5..]);
                lock(&self.statements).push(text.trim_matches('\0').to_owned());
            }
            let is_statement = !is_first && message.letter != Some(b'p');
            is_first = false;
            if !is_statement {
                server.write_all(&message.bytes)?;
                continue;
            }
            let is_over = message.ends_an_exchange();
            exchange.push(message);
            if !is_over {
                continue;
            }
            let act = self.act_for(&exchange);
            let bytes: Vec<u8> = exchange.drain(..).flat_map(|message| message.bytes).collect();
            let cut = match act {
                None => {
                    server.write_all(&bytes)?;
                    continue;
                }
                Some(Act::Hold(Hold::Before)) => {
                    self.holds_up();
                    server.write_all(&bytes)?;
                    continue;
                }
                Some(Act::Hold(Hold::Behind)) => {
                    manner.store(HOLDS, Ordering::SeqCst);
                    server.write_all(&bytes)?;
                    continue;
                }
                Some(Act::Cut(cut)) => cut,
            };
            match cut {
                Cut::Before => return Ok(End::Now),
                Cut::Inside => {
                    server.write_all(&bytes[..bytes.len() / 2])?;
                    return Ok(End::Now);
                }
                Cut::During => {
                    manner.store(SWALLOWS, Ordering::SeqCst);
                    server.write_all(&bytes)?;
                    return Ok(End::Now);
                }
                Cut::Behind => {
                    manner.store(SWALLOWS_AND_ENDS, Ordering::SeqCst);
                    server.write_all(&bytes)?;
                    return Ok(End::WhenAnswered);
                }
                Cut::Silent => {
                    manner.store(SWALLOWS, Ordering::SeqCst);
                    server.write_all(&bytes)?;
                    // Until the client gives up.
                    io::copy(&mut client, &mut io::sink())?;
                    return Ok(End::Now);
                }
            }
        }
        // The end of a session without a last exchange.
        for message in exchange {
            server.write_all(&message.bytes)?;
        }
        Ok(End::Now)
    }

    fn is_forgotten(&self, since: u64) -> bool {
        self.forgotten.load(Ordering::SeqCst) > since
    }

    fn holds_up(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
        while !self.lets_go.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn act_for(&self, exchange: &[Message]) -> Option<Act> {
        let mut rules = lock(&self.rules);
        let position = rules.iter_mut().position(|rule| {
            let is_there = |text: &String| exchange.iter().any(|message| message.contains(text));
            let is_meant = rule.texts.iter().all(is_there);
            if is_meant && rule.skip > 0 {
                rule.skip -= 1;
                return false;
            }
            is_meant
        })?;
        self.cuts.fetch_add(1, Ordering::SeqCst);
        Some(rules.remove(position).act)
    }

    fn carries_back(
        &self,
        server: &mut TcpStream,
        client: &mut TcpStream,
        manner: &AtomicU8,
        since: u64,
    ) -> io::Result<()> {
        let mut first = [0];
        if io::Read::read(&mut *server, &mut first)? == 0 {
            return Ok(());
        }
        self.waits_while_silent();
        // The answer to a wish for encryption is one letter. No session's first message begins with these two: that
        // one asks for a password, or says that none is needed.
        if matches!(&first, b"N" | b"S") {
            client.write_all(&first)?;
            return io::copy(server, client).map(|_| ());
        }
        let mut stream = io::Read::chain(&first[..], &mut *server);
        let mut kept = Vec::new();
        while let Some(message) = protocol::read(&mut stream, false)? {
            self.waits_while_silent();
            if self.is_forgotten(since) {
                continue;
            }
            match manner.load(Ordering::SeqCst) {
                PASSES => client.write_all(&message.bytes)?,
                SWALLOWS_AND_ENDS if message.is_the_end_of_an_answer() => return Ok(()),
                HOLDS => {
                    kept.extend_from_slice(&message.bytes);
                    if message.is_the_end_of_an_answer() {
                        self.holds_up();
                        manner.store(PASSES, Ordering::SeqCst);
                        client.write_all(&std::mem::take(&mut kept))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
