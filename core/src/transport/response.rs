//! Reading one HTTP/1.1 answer (RFC 9112), strictly.
//!
//! An answer decides about money, so there is none unless it is whole and framed beyond doubt;
//! anything else is "unknown", which costs a status check and nothing more. Heads are parsed by
//! `httparse`; the framing is done here, where its limits and its strictness can be read.

use super::chunked::Chunked;
use super::connection::{Connection, Received, kind_of};
use super::date::parse_imf_fixdate;
use super::deadline::Deadline;
use super::{Failure, FailureKind, HttpAnswer, Watch, failure};
use crate::message::MAX_RESPONSE_BODY;

use std::time::Duration;

/// Bytes of status line and headers, interim answers included. OVO's are below 1 KiB.
const MAX_HEAD: usize = 16 * 1024;

/// Headers of one head.
const MAX_HEADERS: usize = 64;

/// Longest wait before the clock is looked at again, whatever the watch asks for: the kernel does
/// not count the time that a terminal sleeps, so a long wait could outlast its deadline.
const MAX_SLICE: Duration = Duration::from_secs(5);

/// A wait of nothing would be a busy loop.
const MIN_SLICE: Duration = Duration::from_millis(1);

/// Waits for the answer to a request that was sent whole, and reads it.
pub(super) fn read_answer(
    connection: &mut Connection,
    watch: &dyn Watch,
    total: Deadline,
) -> Result<HttpAnswer, Failure> {
    let mut input = Input { connection, watch, total, bytes: Vec::new(), head_bytes: 0 };
    let head = loop {
        let head = input.head()?;
        match head.status {
            // Nobody offered to switch protocols.
            101 => return Err(malformed("the host switched protocols")),
            // Interim: the answer is still to come.
            100..=199 => {}
            _ => break head,
        }
    };
    let body = input.body(head.framing)?;
    input.nothing_follows()?;
    Ok(HttpAnswer {
        status: head.status,
        body,
        server_date: if input.connection.is_encrypted() { head.date } else { None },
        retry_after: head.retry_after,
    })
}

/// What has come and is not used yet.
struct Input<'a> {
    connection: &'a mut Connection,
    watch: &'a dyn Watch,
    total: Deadline,
    bytes: Vec<u8>,
    head_bytes: usize,
}

/// The part of a head that matters.
struct Head {
    status: u16,
    framing: Framing,
    date: Option<i64>,
    retry_after: Option<u32>,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
}

impl Input<'_> {
    /// Waits until more has come. `false`: the host ended the stream properly.
    fn more(&mut self) -> Result<bool, Failure> {
        loop {
            if self.total.left().is_none() {
                return Err(failure(FailureKind::Timeout, "no whole answer in time"));
            }
            let Some(slice) = self.watch.wait() else {
                return Err(failure(FailureKind::Stopped, "the wait for the answer was ended"));
            };
            let until = self.total.at_most(slice.clamp(MIN_SLICE, MAX_SLICE));
            match self.connection.receive(&mut self.bytes, until) {
                Ok(Received::Bytes) => return Ok(true),
                Ok(Received::Closed) => return Ok(false),
                Ok(Received::Nothing) => {}
                Err(error) => {
                    return Err(failure(kind_of(&error), format_args!("no whole answer: {error}")));
                }
            }
        }
    }

    /// Reads a head and leaves what follows it.
    fn head(&mut self) -> Result<Head, Failure> {
        let mut searched = 0;
        loop {
            // Told from the first bytes: something else may never send an empty line.
            let start = &self.bytes[..self.bytes.len().min(7)];
            if !b"HTTP/1.".starts_with(start) {
                return Err(malformed("the answer is not HTTP/1"));
            }
            // Parsed once, when it is whole: a host that sends a byte at a time must not make us
            // parse sixteen thousand times.
            if let Some(length) = head_length(&self.bytes, searched) {
                self.head_bytes += length;
                let head = Head::parse(&self.bytes[..length])?;
                self.bytes.drain(..length);
                return Ok(head);
            }
            if self.head_bytes + self.bytes.len() > MAX_HEAD {
                return Err(malformed("the headers are too large"));
            }
            searched = self.bytes.len();
            if !self.more()? {
                return Err(cut());
            }
        }
    }

    /// Reads a body and leaves what follows it.
    fn body(&mut self, framing: Framing) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        match framing {
            Framing::Length(length) => loop {
                // Room grows with what comes, not with what a header claims.
                let part = self.bytes.len().min(length - body.len());
                extend_body(&mut body, &self.bytes[..part]);
                self.bytes.drain(..part);
                if body.len() == length {
                    break;
                }
                if !self.more()? {
                    return Err(cut());
                }
            },
            Framing::Chunked => {
                let mut chunked = Chunked::new(MAX_RESPONSE_BODY);
                loop {
                    let taken = chunked.decode(&self.bytes, &mut body).map_err(malformed)?;
                    self.bytes.drain(..taken);
                    if chunked.is_done() {
                        break;
                    }
                    if !self.more()? {
                        return Err(cut());
                    }
                }
            }
            // Over TLS only a proper close ends such a body: the connection's end alone, which
            // anyone on the way can cause, is an error of `more`.
            Framing::UntilClosed => loop {
                if self.bytes.len() > MAX_RESPONSE_BODY - body.len() {
                    return Err(too_large());
                }
                extend_body(&mut body, &self.bytes);
                self.bytes.clear();
                if !self.more()? {
                    break;
                }
            },
        }
        Ok(body)
    }

    /// An answer with a second one behind it (fault N23) is nobody's answer to one request. Empty
    /// lines are forgiven: old hosts sent them. Nothing is waited for.
    fn nothing_follows(&mut self) -> Result<(), Failure> {
        if self.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
            && !self.connection.has_more()
        {
            return Ok(());
        }
        Err(malformed("more than one answer came"))
    }
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Head, Failure> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(malformed("the headers end in an unexpected place")),
            Err(error) => {
                return Err(failure(
                    FailureKind::Malformed,
                    format_args!("the headers cannot be read: {error}"),
                ));
            }
        }
        let status = response.code.unwrap_or(0);
        if status < 100 {
            return Err(malformed("the status is not one"));
        }
        let mut length = None;
        let mut chunked = false;
        let mut date = None;
        let mut retry_after = None;
        for header in response.headers.iter() {
            let value = header.value.trim_ascii();
            if header.name.eq_ignore_ascii_case("content-length") {
                let this = content_length(value)?;
                if length.is_some_and(|other| other != this) {
                    return Err(malformed("it has two lengths"));
                }
                length = Some(this);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(malformed("its transfer coding is not chunked"));
                }
                chunked = true;
            } else if header.name.eq_ignore_ascii_case("content-encoding") {
                // None was asked for, and none is undone: a bomb stays as small as it came.
                if !value.eq_ignore_ascii_case(b"identity") && !value.is_empty() {
                    return Err(malformed("the body is compressed"));
                }
            } else if header.name.eq_ignore_ascii_case("date") {
                date = parse_imf_fixdate(value);
            } else if header.name.eq_ignore_ascii_case("retry-after") {
                retry_after = seconds(value);
            }
        }
        let framing = match (chunked, length) {
            // Two framings are how one answer is made to look like two (RFC 9112 6.3, 11.2).
            (true, Some(_)) => return Err(malformed("it is chunked and has a length")),
            (true, None) if response.version == Some(0) => {
                return Err(malformed("HTTP/1.0 knows no chunks"));
            }
            _ if matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
            (true, None) => Framing::Chunked,
            (false, Some(length)) if length > MAX_RESPONSE_BODY => return Err(too_large()),
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClosed,
        };
        Ok(Head { status, framing, date, retry_after })
    }
}

/// Adds to a body that stays within [`MAX_RESPONSE_BODY`]. Doubles like any vector, but not beyond
/// that limit: on a terminal 64 KiB more for nothing are many.
pub(super) fn extend_body(body: &mut Vec<u8>, part: &[u8]) {
    let length = body.len() + part.len();
    if length > body.capacity() {
        let capacity = (2 * body.capacity()).clamp(length, length.max(MAX_RESPONSE_BODY));
        body.reserve_exact(capacity - body.len());
    }
    body.extend_from_slice(part);
}

/// Where a head that starts at 0 ends, its empty line included. Bytes before `searched` were
/// looked at before.
fn head_length(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    let line_feeds = (from..bytes.len()).filter(|at| bytes[*at] == b'\n');
    for at in line_feeds {
        match &bytes[at + 1..] {
            [b'\n', ..] => return Some(at + 2),
            [b'\r', b'\n', ..] => return Some(at + 3),
            _ => {}
        }
    }
    None
}

/// Digits only. What does not fit is as good as any other number that is too large.
fn content_length(value: &[u8]) -> Result<usize, Failure> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(malformed("its length is not a number"));
    }
    Ok(value.iter().fold(0usize, |sum, digit| {
        sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    }))
}

/// `Retry-After` as a number; its other form, a date, is not used.
fn seconds(value: &[u8]) -> Option<u32> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn malformed(why: &str) -> Failure {
    failure(FailureKind::Malformed, format_args!("the answer cannot be used: {why}"))
}

fn too_large() -> Failure {
    malformed("the body is too large")
}

/// The stream ended where an answer does not.
fn cut() -> Failure {
    failure(FailureKind::Broken, "no whole answer: the host closed the connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(head: &str) -> Option<Framing> {
        Head::parse(head.as_bytes()).ok().map(|head| head.framing)
    }

    #[test]
    fn a_head_ends_at_its_empty_line() {
        let bytes = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
        for searched in 0..24 {
            assert_eq!(head_length(bytes, searched), Some(25), "{searched}");
        }
        assert_eq!(head_length(b"HTTP/1.1 200 OK\nA: b\n\nbody", 0), Some(22));
        assert_eq!(head_length(&bytes[..24], 0), None);
        assert_eq!(head_length(b"", 0), None);
    }

    #[test]
    fn framing_is_beyond_doubt_or_refused() {
        let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        assert_eq!(framing(&head("Content-Length: 5\r\n")), Some(Framing::Length(5)));
        assert_eq!(
            framing(&head("content-length: 5\r\nContent-Length: 05\r\n")),
            Some(Framing::Length(5))
        );
        assert_eq!(framing(&head("Transfer-Encoding: Chunked\r\n")), Some(Framing::Chunked));
        assert_eq!(framing(&head("")), Some(Framing::UntilClosed));
        assert_eq!(framing("HTTP/1.0 200 OK\r\n\r\n"), Some(Framing::UntilClosed));
        assert_eq!(framing("HTTP/1.1 204 No\r\n\r\n"), Some(Framing::Length(0)));
        assert_eq!(framing("HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n"), Some(Framing::Length(0)));
        for bad in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 65537\r\n",
            "Content-Length: 99999999999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Content-Encoding: gzip\r\n",
            "Folded: a\r\n b\r\n",
            "No colon\r\n",
            "Na me: x\r\n",
            "Name : x\r\n",
            "N: a\0b\r\n",
        ] {
            assert_eq!(framing(&head(bad)), None, "{bad}");
        }
        assert_eq!(framing("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), None);
        assert_eq!(framing("HTTP/1.1 099 OK\r\n\r\n"), None);
        assert_eq!(framing("HTTP/2 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn n20_retry_after_is_read_as_a_number() {
        assert_eq!(seconds(b"120"), Some(120));
        assert_eq!(seconds(b"Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert_eq!(seconds(b"-1"), None);
        assert_eq!(seconds(b""), None);
        assert_eq!(seconds(b"99999999999"), None);
    }
}
