//! What of an HTTP/1.1 answer is believed (RFC 9112), strictly.
//!
//! An answer decides about money, so there is none unless it is whole and framed beyond doubt;
//! anything else is "unknown", which costs a status check and nothing more.

use super::chunked::Chunked;
use super::connection::{Connection, Received, kind_of};
use super::deadline::Deadline;
use super::{Failure, FailureKind, Watch, failure};
use crate::message::MAX_RESPONSE_BODY;

use std::sync::Arc;
use std::time::Duration;

/// Bytes of status line and headers, interim answers included. OVO's are below 1 KiB.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Longest wait before the clock is looked at again, whatever the watch asks for: the kernel does
/// not count the time that a terminal sleeps, so a long wait could outlast its deadline.
const MAX_SLICE: Duration = Duration::from_secs(5);

/// A wait of nothing would be a busy loop.
const MIN_SLICE: Duration = Duration::from_millis(1);

/// Headers of one head.
const MAX_HEADERS: usize = 64;

/// What has come and is not used yet.
pub(super) struct Input {
    pub(super) connection: Connection,
    pub(super) watch: Arc<dyn Watch>,
    pub(super) total: Deadline,
    pub(super) bytes: Vec<u8>,
}

/// The part of a head that matters.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) framing: Framing,
    pub(super) date: Option<i64>,
    pub(super) retry_after: Option<u32>,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
}

impl Input {
    /// Waits until more has come. `false`: the host ended the stream properly.
    pub(super) fn more(&mut self) -> Result<bool, Failure> {
        loop {
            if self.total.left().is_none() {
                return Err(failure(FailureKind::Timeout, "no whole answer in time"));
            }
            let Some(slice) = self.watch.wait() else {
                return Err(failure(FailureKind::Stopped, "the wait for the answer was ended"));
            };
            let until = self.total.at_most(slice.clamp(MIN_SLICE, MAX_SLICE));
            match self.connection.receive(&mut self.bytes, until) {
                Ok(Received::Bytes) => {
                    self.watch.answering();
                    return Ok(true);
                }
                Ok(Received::Closed) => return Ok(false),
                Ok(Received::Nothing) => {}
                Err(error) => {
                    return Err(failure(kind_of(&error), format_args!("no whole answer: {error}")));
                }
            }
        }
    }

    /// Waits for a whole head, so that it is parsed once, and takes it. `before`: the length of those
    /// that came before it.
    pub(super) fn head(&mut self, before: usize) -> Result<Vec<u8>, Failure> {
        let mut searched = 0;
        loop {
            // Told from the first bytes: something else may never send an empty line.
            if !b"HTTP/1.".starts_with(&self.bytes[..self.bytes.len().min(7)]) {
                return Err(malformed("the answer is not HTTP/1"));
            }
            let length = head_length(&self.bytes, searched);
            if before + length.unwrap_or(self.bytes.len()) > MAX_HEAD {
                return Err(malformed("the headers are too large"));
            }
            if let Some(length) = length {
                return Ok(self.bytes.drain(..length).collect());
            }
            searched = self.bytes.len();
            if !self.more()? {
                return Err(cut());
            }
        }
    }

    /// Reads a body and leaves what follows it.
    pub(super) fn body(&mut self, framing: Framing) -> Result<Vec<u8>, Failure> {
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
    pub(super) fn nothing_follows(&mut self) -> Result<(), Failure> {
        if self.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
            && !self.connection.has_more()
        {
            return Ok(());
        }
        Err(malformed("more than one answer came"))
    }
}

impl Head {
    /// Judges a head by its status, version and headers.
    pub(super) fn judge<'a>(
        status: u16,
        http_1_0: bool,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Head, Failure> {
        // Nobody offered to switch protocols.
        if status == 101 {
            return Err(malformed("the host switched protocols"));
        }
        let mut length = None;
        let mut chunked = false;
        let mut date = None;
        let mut retry_after = None;
        for (count, (name, value)) in headers.enumerate() {
            if count >= MAX_HEADERS {
                return Err(malformed("there are too many headers"));
            }
            let value = value.trim_ascii();
            if name.eq_ignore_ascii_case("content-length") {
                let this = content_length(value)?;
                if length.is_some_and(|other| other != this) {
                    return Err(malformed("it has two lengths"));
                }
                length = Some(this);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(malformed("its transfer coding is not chunked"));
                }
                chunked = true;
            } else if name.eq_ignore_ascii_case("content-encoding") {
                // None was asked for, and none is undone: a bomb stays as small as it came.
                if !value.eq_ignore_ascii_case(b"identity") && !value.is_empty() {
                    return Err(malformed("the body is compressed"));
                }
            } else if name.eq_ignore_ascii_case("date") {
                date = unix_seconds(value);
            } else if name.eq_ignore_ascii_case("retry-after") {
                retry_after = seconds(value);
            }
        }
        let framing = match (chunked, length) {
            // Two framings are how one answer is made to look like two (RFC 9112 6.3, 11.2).
            (true, Some(_)) => return Err(malformed("it is chunked and has a length")),
            (true, None) if http_1_0 => {
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

/// A `Date` in the one form that is still written. Read back, so that nothing is forgiven: a clock
/// that decides about voids is set by it.
pub(super) fn unix_seconds(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    (httpdate::fmt_http_date(time) == text).then(|| i64::try_from(seconds).ok())?
}

/// `Retry-After` as a number; its other form, a date, is not used.
fn seconds(value: &[u8]) -> Option<u32> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

pub(super) fn malformed(why: &str) -> Failure {
    failure(FailureKind::Malformed, format_args!("the answer cannot be used: {why}"))
}

pub(super) fn too_large() -> Failure {
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
        let mut headers = [httparse::EMPTY_HEADER; 8];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(head.as_bytes()).ok()?;
        let headers = response.headers.iter().map(|header| (header.name, header.value));
        Head::judge(response.code?, response.version == Some(0), headers)
            .ok()
            .map(|head| head.framing)
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

    #[test]
    fn known_dates_are_read() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Mon, 01 Jan 2035 00:00:00 GMT", 2_051_222_400),
        ] {
            assert_eq!(unix_seconds(text.as_bytes()), Some(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Mon, 31 Apr 2024 00:00:00 GMT",
            "Sun, 06 Xyz 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(unix_seconds(text.as_bytes()), None, "{text}");
        }
    }
}
