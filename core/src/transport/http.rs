//! The heads of one exchange, written and parsed by `ureq` over a connection of ours.
//!
//! Everything that money depends on stays here: the connection (which is ready before ureq hears of
//! the request), the one write, the watch, the deadline, the phase of a failure, and how an answer
//! ends. There is no way to a second connection: the connector holds one and gives it away.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{self, HeaderMap, HeaderValue, Method, Uri, Version, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use zeroize::Zeroizing;

use super::connection::{Connection, kind_of};
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::response::{Head, Input, MAX_HEAD, cut, head_length, malformed, unix_seconds};
use super::{Exchange, Failure, FailureKind, HttpAnswer, HttpRequest, Watch, failure};
use crate::error::{Error, ErrorKind};
use crate::lock::lock;
use crate::message::Signature;

/// Room for the lines of a request's head whose length does not vary.
const HEAD_ROOM: usize = 512;

/// What all exchanges of a transport have in common.
pub(super) struct Http {
    config: Config,
    uri: Uri,
    headers: HeaderMap,
}

impl Http {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let encrypted = endpoint.tls_name.is_some();
        let scheme = if encrypted { "https" } else { "http" };
        let host = endpoint.host_header();
        let invalid = || Error::new(ErrorKind::Configuration, "the base URL cannot be used");
        let uri =
            Uri::try_from(format!("{scheme}://{host}{}", endpoint.path)).map_err(|_| invalid())?;
        let host = HeaderValue::from_str(&host).map_err(|_| invalid())?;
        let json = HeaderValue::from_static("application/json");
        let agent = HeaderValue::from_static(concat!("ovo-ptp/", env!("CARGO_PKG_VERSION")));
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(header::HOST, host);
        headers.insert(header::USER_AGENT, agent);
        headers.insert(header::CONTENT_TYPE, json.clone());
        headers.insert(header::ACCEPT, json);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        let config = Config::builder()
            .proxy(None)
            .https_only(encrypted)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .accept_encoding("")
            .max_response_header_size(MAX_HEAD)
            .build();
        Ok(Http { config, uri, headers })
    }

    /// One request over one connection, on which it can be written at once.
    pub(super) fn exchange(
        &self,
        connection: Connection,
        request: &HttpRequest<'_>,
        signature: &Signature,
        watch: &Arc<dyn Watch>,
        send_by: Deadline,
        total: Deadline,
    ) -> Exchange {
        let secrets = [("random", &signature.random), ("hmac", &signature.hmac)]
            .map(|(name, value)| (name, Zeroizing::new(value.clone())));
        let room = HEAD_ROOM
            + self.uri.path().len()
            + request.app_id.len()
            + secrets.iter().map(|(_, value)| value.len()).sum::<usize>()
            + request.body.len();
        let input = Input { connection, watch: Arc::clone(watch), total, bytes: Vec::new() };
        let told = Arc::new(Mutex::default());
        let carrier = Carrier {
            input: Some(input),
            send_by,
            secrets,
            body: Zeroizing::new(request.body.to_vec()),
            request: Zeroizing::new(vec![0; room]),
            written: 0,
            consumed: 0,
            told: Arc::clone(&told),
        };
        let connector = OneConnection(Mutex::new(Some(carrier)));
        let agent = Agent::with_parts(self.config.clone(), connector, NoNames);
        let answer = catch_unwind(AssertUnwindSafe(|| self.ask(&agent, request, signature)));
        let answer = match answer {
            Ok(answer) => answer,
            // The watch is not ureq's: whoever panics in it finds his own panic again.
            Err(panic) if lock(&told).in_watch => resume_unwind(panic),
            // What ureq was about to do is anybody's guess. What has left is known.
            Err(_) => Err(ureq::Error::Other("the HTTP engine panicked".into())),
        };
        let answer = answer.map(|response| {
            let headers = response.headers().iter();
            let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
            Head::judge(response.status().as_u16(), response.version() == Version::HTTP_10, headers)
        });
        // ureq has nothing of ours any more.
        drop(agent);
        let Told { may_have_left, failure: reason, input, .. } = std::mem::take(&mut *lock(&told));
        let failure = match (answer, input) {
            (Ok(Ok(head)), Some(input)) => match read(head, input) {
                Ok(answer) => return Exchange::Answered(answer),
                Err(failure) => failure,
            },
            (Ok(Err(failure)), _) => failure,
            (Err(error), _) => reason.unwrap_or_else(|| malformed(&error.to_string())),
            (Ok(Ok(_)), None) => malformed("the connection is lost"),
        };
        if may_have_left { Exchange::NoAnswer(failure) } else { Exchange::NotSent(failure) }
    }

    fn ask(
        &self,
        agent: &Agent,
        request: &HttpRequest<'_>,
        signature: &Signature,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let mut headers = self.headers.clone();
        let mut set = |name: &'static str, value: HeaderValue| headers.insert(name, value);
        set("app-id", HeaderValue::from_str(request.app_id).map_err(http::Error::from)?);
        // ureq sees neither secrets nor body, and logs none: the carrier puts them in.
        set(
            "random",
            HeaderValue::from_str(&mask(signature.random.len())).map_err(http::Error::from)?,
        );
        set("hmac", HeaderValue::from_str(&mask(signature.hmac.len())).map_err(http::Error::from)?);
        let mut question = http::Request::new(mask(request.body.len()));
        *question.method_mut() = Method::POST;
        *question.uri_mut() = self.uri.clone();
        *question.headers_mut() = headers;
        agent.run(question)
    }
}

/// What ureq sees, and may log, in place of a secret.
fn mask(length: usize) -> String {
    "*".repeat(length)
}

/// Reads what follows a head.
fn read(head: Head, mut input: Input) -> Result<HttpAnswer, Failure> {
    let body = input.body(head.framing)?;
    input.nothing_follows()?;
    input.connection.end();
    Ok(HttpAnswer {
        status: head.status,
        body,
        server_date: if input.connection.is_encrypted() { head.date } else { None },
        retry_after: head.retry_after,
    })
}

/// What the carrier tells the exchange, with ureq between them.
#[derive(Default)]
struct Told {
    /// A byte of the request may have left.
    may_have_left: bool,
    /// The watch is being asked or told something.
    in_watch: bool,
    /// Why the carrier failed.
    failure: Option<Failure>,
    /// The connection, back from ureq, and what it has read behind the head.
    input: Option<Input>,
}

/// The connection as ureq sees it. It comes home when ureq drops it.
struct Carrier {
    input: Option<Input>,
    send_by: Deadline,
    secrets: [(&'static str, Zeroizing<String>); 2],
    body: Zeroizing<Vec<u8>>,
    /// Head and body until they are sent.
    request: Zeroizing<Vec<u8>>,
    written: usize,
    consumed: usize,
    told: Arc<Mutex<Told>>,
}

impl Carrier {
    /// Writes the whole request at once.
    fn send(&mut self) -> Result<(), Failure> {
        let Some(input) = &mut self.input else { return Err(cut()) };
        self.request.truncate(self.written);
        for (name, value) in &self.secrets {
            let marker = format!("\r\n{name}: ");
            let at = self.request.windows(marker.len()).position(|part| part == marker.as_bytes());
            let place = at.map(|at| at + marker.len()..at + marker.len() + value.len());
            let Some(place) = place.and_then(|place| self.request.get_mut(place)) else {
                return Err(failure(FailureKind::Malformed, "a header is missing"));
            };
            place.copy_from_slice(value.as_bytes());
        }
        let Some(body) = self.written.checked_sub(self.body.len()) else { return Err(cut()) };
        self.request[body..].copy_from_slice(&self.body);
        if !watching(&self.told, || input.watch.may_send()) {
            return Err(failure(FailureKind::Stopped, "sending was not allowed"));
        }
        // Until the opposite is proven.
        lock(&self.told).may_have_left = true;
        if let Err(error) = input.connection.send(&self.request, self.send_by) {
            // Elsewhere than on Unix a failed write may have sent something all the same.
            let proven = cfg!(unix) && input.connection.written() == 0;
            lock(&self.told).may_have_left = !proven;
            return Err(failure(
                kind_of(&error),
                format_args!("the request could not be written: {error}"),
            ));
        }
        self.request = Zeroizing::default();
        self.written = 0;
        watching(&self.told, || input.watch.sent());
        Ok(())
    }

    /// Waits for a whole head, so that it is parsed once.
    fn wait(&mut self) -> Result<(), Failure> {
        if self.written > 0 {
            self.send()?;
        }
        if self.consumed > MAX_HEAD {
            return Err(malformed("the headers are too large"));
        }
        let Some(input) = &mut self.input else { return Err(cut()) };
        let mut searched = 0;
        loop {
            // Told from the first bytes: something else may never send an empty line.
            if !b"HTTP/1.".starts_with(&input.bytes[..input.bytes.len().min(7)]) {
                return Err(malformed("the answer is not HTTP/1"));
            }
            if let Some(length) = head_length(&input.bytes, searched) {
                judge_bodiless(&mut input.bytes[..length])?;
                // ureq takes no 100 with headers, which hosts send and HTTP allows.
                if length > 12 && input.bytes[9..].starts_with(b"100") {
                    input.bytes[9..12].copy_from_slice(b"102");
                }
                hide(&mut input.bytes[..length]);
                return Ok(());
            }
            if self.consumed + input.bytes.len() > MAX_HEAD {
                return Err(malformed("the headers are too large"));
            }
            searched = input.bytes.len();
            if !watching(&self.told, || input.more())? {
                return Err(cut());
            }
        }
    }
}

/// Runs what calls the watch, so that its panic can be told from ureq's.
fn watching<T>(told: &Mutex<Told>, call: impl FnOnce() -> T) -> T {
    lock(told).in_watch = true;
    let result = call();
    lock(told).in_watch = false;
    result
}

/// Judges the head of an answer that has no body, interim ones with it, and takes from it what ureq
/// would judge in another way: it passes interim heads over, and refuses lengths that frame nothing.
fn judge_bodiless(head: &mut [u8]) -> Result<(), Failure> {
    let (Some(version), Some(status)) = (head.get(7), head.get(9..12)) else { return Ok(()) };
    if !(status.starts_with(b"1") || status == b"204" || status == b"304") {
        return Ok(());
    }
    // Lines that are none are ureq's to refuse.
    let headers = head.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
    });
    Head::judge(100, *version == b'0', headers)?;
    for line in head.split_mut(|byte| *byte == b'\n').skip(1) {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let frames = [b"content-length".as_slice(), b"transfer-encoding"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        if let (true, Some(first)) = (frames, line.first_mut()) {
            *first = b'x';
        }
    }
    Ok(())
}

/// Makes every value unreadable that is not one of the few that are read: ureq logs heads. What was
/// wrong stays wrong.
fn hide(head: &mut [u8]) {
    for (number, line) in head.split_mut(|byte| *byte == b'\n').enumerate() {
        let colon = line.iter().position(|byte| *byte == b':');
        let from = match colon {
            // The reason behind the status.
            _ if number == 0 => 13,
            Some(at) if !is_read(&line[..at], line[at + 1..].trim_ascii()) => at,
            _ => continue,
        };
        for byte in line.iter_mut().skip(from).filter(|byte| byte.is_ascii_alphanumeric()) {
            *byte = b'x';
        }
    }
}

fn is_read(name: &[u8], value: &[u8]) -> bool {
    let is = |text: &str| name.eq_ignore_ascii_case(text.as_bytes());
    if is("content-length") || is("retry-after") {
        value.iter().all(u8::is_ascii_digit)
    } else if is("transfer-encoding") {
        value.eq_ignore_ascii_case(b"chunked")
    } else if is("content-encoding") {
        value.eq_ignore_ascii_case(b"identity")
    } else {
        is("date") && unix_seconds(value).is_some()
    }
}

impl Transport for Carrier {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    /// Keeps it: head and body leave in one write.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.written += amount;
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        match self.wait() {
            Ok(()) => Ok(true),
            Err(failure) => {
                lock(&self.told).failure = Some(failure);
                Err(ureq::Error::Other("the exchange ended".into()))
            }
        }
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.connection.is_encrypted())
    }
}

impl Buffers for Carrier {
    fn output(&mut self) -> &mut [u8] {
        &mut self.request[self.written..]
    }

    fn input(&self) -> &[u8] {
        self.input.as_ref().map_or(&[], |input| &input.bytes)
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut []
    }

    fn input_appended(&mut self, _: usize) {}

    fn input_consume(&mut self, amount: usize) {
        if let Some(input) = &mut self.input {
            input.bytes.drain(..amount);
        }
        self.consumed += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], &mut self.request[self.written..])
    }

    /// A head is looked at once, when it is whole.
    fn can_use_input(&self) -> bool {
        false
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        lock(&self.told).input = self.input.take();
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}

/// Gives its connection away, once.
struct OneConnection(Mutex<Option<Carrier>>);

impl Connector for OneConnection {
    type Out = Carrier;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Carrier>, ureq::Error> {
        Ok(lock(&self.0).take())
    }
}

impl fmt::Debug for OneConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneConnection")
    }
}

/// No name is looked up: the connection is made.
#[derive(Debug)]
struct NoNames;

impl Resolver for NoNames {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
