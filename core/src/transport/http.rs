//! The heads of one exchange: `ureq` writes the request's and reads the answer's.
//!
//! Everything that money depends on stays here: the connection, the one write, the watch, the
//! deadline, the phase of a failure, and how an answer ends. ureq never has the connection: what it
//! writes ends in memory, and it reads a head when that is whole. So nothing of it is on the stack or
//! in memory while a customer decides, it cannot send anything, and a panic of its has one meaning on
//! either side of the write.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
use super::response::{Head, Input, MAX_HEAD, malformed, unix_seconds};
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
        let scheme = if endpoint.tls_name.is_some() { "https" } else { "http" };
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
        mut connection: Connection,
        request: &HttpRequest<'_>,
        signature: &Signature,
        watch: &Arc<dyn Watch>,
        send_by: Deadline,
        total: Deadline,
    ) -> Exchange {
        let bytes = match self.write(request, signature) {
            Ok(bytes) => bytes,
            Err(failure) => return Exchange::NotSent(failure),
        };
        if !watch.may_send() {
            return Exchange::NotSent(failure(FailureKind::Stopped, "sending was not allowed"));
        }
        if let Err(error) = connection.send(&bytes, send_by) {
            let why = format_args!("the request could not be written: {error}");
            let failure = failure(kind_of(&error), why);
            // Elsewhere than on Unix a failed write may have sent something all the same.
            let nothing_left = cfg!(unix) && connection.written() == 0;
            return match nothing_left {
                true => Exchange::NotSent(failure),
                false => Exchange::NoAnswer(failure),
            };
        }
        drop(bytes);
        watch.sent();
        let input = Input { connection, watch: Arc::clone(watch), total, bytes: Vec::new() };
        match self.read(input) {
            Ok(answer) => Exchange::Answered(answer),
            Err(failure) => Exchange::NoAnswer(failure),
        }
    }

    /// The whole request. ureq sees neither secrets nor body, and logs none: they are put in behind it.
    fn write(
        &self,
        request: &HttpRequest<'_>,
        signature: &Signature,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let secrets = [("random", &signature.random), ("hmac", &signature.hmac)];
        let mut headers = self.headers.clone();
        let unusable = |_| failure(FailureKind::Malformed, "a header value cannot be written");
        headers.insert("app-id", HeaderValue::from_str(request.app_id).map_err(unusable)?);
        for (name, value) in secrets {
            headers.insert(name, HeaderValue::from_str(&mask(value.len())).map_err(unusable)?);
        }
        let secret = signature.random.len() + signature.hmac.len();
        let known = HEAD_ROOM + self.uri.path().len() + request.app_id.len();
        let room = known + secret + request.body.len();
        let page = Page { written: vec![0; room], ..Page::default() };
        let (result, page) = self.run(page, headers, mask(request.body.len()));
        let unwritten = |why: &dyn fmt::Display| {
            failure(FailureKind::Malformed, format_args!("the request cannot be written: {why}"))
        };
        if page.asked == 0 {
            let why = result.err().map_or("it has no end".to_owned(), |error| error.to_string());
            return Err(unwritten(&why));
        }
        let mut bytes = Zeroizing::new(page.written);
        bytes.truncate(page.length);
        for (name, value) in secrets {
            let marker = format!("\r\n{name}: ");
            let at = bytes.windows(marker.len()).position(|part| part == marker.as_bytes());
            let place = at.map(|at| at + marker.len()..at + marker.len() + value.len());
            let place = place.and_then(|place| bytes.get_mut(place));
            place
                .ok_or_else(|| unwritten(&"a header is missing"))?
                .copy_from_slice(value.as_bytes());
        }
        let body = bytes.len().checked_sub(request.body.len());
        let body = body.ok_or_else(|| unwritten(&"the body is missing"))?;
        bytes[body..].copy_from_slice(request.body);
        Ok(bytes)
    }

    /// Waits for the answer.
    fn read(&self, mut input: Input) -> Result<HttpAnswer, Failure> {
        let mut read = 0;
        let head = loop {
            let head = input.head(read)?;
            read += head.len();
            if let Some(head) = self.judge(head)? {
                break head;
            }
        };
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

    /// Judges a whole head; `None`: an interim one, another follows.
    fn judge(&self, mut head: Vec<u8>) -> Result<Option<Head>, Failure> {
        judge_bodiless(&mut head)?;
        // ureq takes no 100 with headers, which hosts send and HTTP allows.
        if head.len() > 12 && head[9..].starts_with(b"100") {
            head[9..12].copy_from_slice(b"102");
        }
        hide(&mut head);
        // Nobody sees this request: an answer is judged by the method alone.
        let page =
            Page { written: vec![0; HEAD_ROOM + self.uri.path().len()], head, ..Page::default() };
        let (result, page) = self.run(page, HeaderMap::new(), String::new());
        match result {
            Ok(head) => head.map(Some),
            // It took the head and asked for the next one.
            Err(_) if page.asked > 1 && page.head.is_empty() => Ok(None),
            Err(error) => Err(malformed(&error.to_string())),
        }
    }

    /// ureq's part, over a page instead of a connection. What it needs of the stack is free again when
    /// this returns.
    #[inline(never)]
    fn run(
        &self,
        page: Page,
        headers: HeaderMap,
        body: String,
    ) -> (Result<Result<Head, Failure>, ureq::Error>, Page) {
        let left = Arc::new(Mutex::default());
        let connector = OnePage(Mutex::new(Some(page)), Arc::clone(&left));
        let mut question = http::Request::new(body);
        *question.method_mut() = Method::POST;
        *question.uri_mut() = self.uri.clone();
        *question.headers_mut() = headers;
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let agent = Agent::with_parts(self.config.clone(), connector, NoNames);
            let response = agent.run(question)?;
            let headers = response.headers().iter();
            let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
            let http_1_0 = response.version() == Version::HTTP_10;
            Ok(Head::judge(response.status().as_u16(), http_1_0, headers))
        }));
        let asked =
            asked.unwrap_or_else(|_| Err(ureq::Error::Other("the HTTP engine panicked".into())));
        let page = std::mem::take(&mut *lock(&left));
        (asked, page)
    }
}

/// What ureq sees, and may log, in place of a secret.
fn mask(length: usize) -> String {
    "*".repeat(length)
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

/// What ureq takes for a connection.
#[derive(Default)]
struct Page {
    /// Head and body of the request, and room for more of them.
    written: Vec<u8>,
    length: usize,
    /// The head of the answer, or what is left of it.
    head: Vec<u8>,
    /// How often input was asked for.
    asked: usize,
}

/// A page that comes back when ureq drops it.
struct Lent(Page, Arc<Mutex<Page>>);

impl Transport for Lent {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.0.length += amount;
        Ok(())
    }

    /// The whole head, once.
    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.asked += 1;
        if self.0.asked == 1 && !self.0.head.is_empty() {
            return Ok(true);
        }
        Err(ureq::Error::Other("there is no more".into()))
    }

    fn is_open(&mut self) -> bool {
        false
    }

    /// TLS is behind the page, where the URL asks for it.
    fn is_tls(&self) -> bool {
        true
    }
}

impl Buffers for Lent {
    fn output(&mut self) -> &mut [u8] {
        &mut self.0.written[self.0.length..]
    }

    fn input(&self) -> &[u8] {
        &self.0.head
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut []
    }

    fn input_appended(&mut self, _: usize) {}

    fn input_consume(&mut self, amount: usize) {
        self.0.head.drain(..amount);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], &mut self.0.written[self.0.length..])
    }

    /// A head is looked at once, when it is whole.
    fn can_use_input(&self) -> bool {
        false
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *lock(&self.1) = std::mem::take(&mut self.0);
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

/// Gives its page away, once.
struct OnePage(Mutex<Option<Page>>, Arc<Mutex<Page>>);

impl Connector for OnePage {
    type Out = Lent;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Lent>, ureq::Error> {
        Ok(lock(&self.0).take().map(|page| Lent(page, Arc::clone(&self.1))))
    }
}

impl fmt::Debug for OnePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnePage")
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
