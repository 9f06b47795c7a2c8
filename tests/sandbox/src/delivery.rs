//! How an answer travels: whole, late by pieces, cut, or not at all.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::reply::Reply;
use crate::status::reason;

/// What happens to the connection after the bytes that were still sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Closed in order.
    Close,
    /// Reset (RST).
    #[default]
    Reset,
    /// Left open and mute until the client leaves.
    Hang,
}

/// The way of an answer to the client. The engine only carries it; whoever owns the bytes executes
/// it: the server does, and users in memory may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Delivery {
    /// As HTTP wants it.
    #[default]
    Plain,
    /// The connection is closed without a byte.
    Drop,
    /// The connection is reset without a byte.
    Reset,
    /// No byte, and the connection stays open until the client leaves.
    Hang,
    /// The connection is reset this long after the request was heard, whatever the answer; the
    /// session goes on.
    CutMs(u64),
    /// The status line and headers, then the end.
    HeadOnly {
        /// How it ends.
        #[serde(default)]
        then: Then,
    },
    /// Half of the body that the headers announce, then the end.
    HalfBody {
        /// How it ends.
        #[serde(default)]
        then: Then,
    },
    /// A few bytes at a time.
    Slow {
        /// Bytes in each piece.
        bytes: usize,
        /// Milliseconds between pieces.
        every_ms: u64,
    },
    /// The body grows by a string field of this many bytes; its length is announced truthfully.
    HugeBody {
        /// Bytes of padding.
        bytes: u64,
    },
    /// One more header with this many bytes.
    HugeHeader {
        /// Bytes of padding.
        bytes: u64,
    },
    /// Headers without end.
    EndlessHeaders {
        /// Milliseconds between headers.
        every_ms: u64,
    },
    /// A chunked body without end: white space.
    EndlessChunks {
        /// Milliseconds between chunks.
        every_ms: u64,
    },
    /// Bytes that are no HTTP, then a close.
    Garbage,
    /// The announced length is longer than the body by this much; then a close.
    LengthTooLong(u64),
    /// The announced length is shorter than the body by this much.
    LengthTooShort(u64),
    /// No length: the body ends with the connection.
    LengthMissing,
    /// Two different lengths.
    LengthTwice,
    /// A chunked body, in order.
    Chunked,
    /// A chunked body with a broken chunk size in its middle.
    ChunkError,
    /// The body compressed although nobody asked, padded with white space to this many bytes.
    Gzip {
        /// The length it inflates to, at most 256 MiB.
        inflated_bytes: u64,
    },
    /// Interim responses first, then the answer.
    Interim {
        /// 100 or 103, for example.
        status: u16,
        /// How many.
        times: u32,
    },
    /// The whole answer twice on one connection.
    Twice,
    /// The answer promises to keep the connection, and it is closed.
    ThenClose,
    /// The answer promises to keep the connection; the next byte on it is met with a reset.
    ThenReset,
}

impl Delivery {
    /// Whether the client gets the whole answer as HTTP wants it.
    pub fn is_plain(&self) -> bool {
        *self == Delivery::Plain
    }

    /// The name in scripts and in the request log.
    pub fn name(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            Ok(serde_json::Value::Object(fields)) => {
                fields.keys().next().cloned().unwrap_or_default()
            }
            _ => String::new(),
        }
    }
}

/// One step of sending an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Send these bytes.
    Bytes(Vec<u8>),
    /// Send these bytes so many times, waiting between them.
    Repeat {
        /// The bytes.
        bytes: Vec<u8>,
        /// How often; `u64::MAX` is for ever.
        times: u64,
        /// Milliseconds of the host's time between two.
        every_ms: u64,
    },
    /// Close in order.
    Close,
    /// Reset.
    Reset,
    /// Stay mute until the client leaves.
    Hang,
    /// Keep the connection and reset it at the next byte.
    ResetAtNextByte,
}

/// The head of an answer.
struct Head<'a> {
    reply: &'a Reply,
    date: &'a str,
    keep: bool,
}

impl Head<'_> {
    /// The status line and headers, with `framing` (for example a content length) among them.
    fn text(&self, framing: &[(&str, String)], keep: bool) -> Vec<u8> {
        let status = self.reply.status;
        let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        text.push_str(&format!("Date: {}\r\nServer: ovo-sandbox\r\n", self.date));
        for (name, value) in &self.reply.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in framing {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(if keep { "Connection: keep-alive\r\n" } else { "Connection: close\r\n" });
        text.push_str("\r\n");
        text.into_bytes()
    }

    fn sized(&self, length: u64, keep: bool) -> Vec<u8> {
        self.text(&[("Content-Length", length.to_string())], keep)
    }
}

/// The bytes and acts that deliver `reply`. `keep` tells whether the client wants the connection
/// kept; the list ends in [`Part::Close`] whenever it is not.
pub fn parts(reply: &Reply, date: &str, keep: bool) -> Vec<Part> {
    let head = Head { reply, date, keep };
    let body = &reply.body;
    let length = body.len() as u64;
    let end = |then| match then {
        Then::Close => Part::Close,
        Then::Reset => Part::Reset,
        Then::Hang => Part::Hang,
    };
    let join = |head: Vec<u8>, body: &[u8]| Part::Bytes([&head, body].concat());
    let mut parts = match &reply.delivery {
        Delivery::Plain => vec![join(head.sized(length, head.keep), body)],
        Delivery::Drop => return vec![Part::Close],
        Delivery::Reset | Delivery::CutMs(_) => return vec![Part::Reset],
        Delivery::Hang => return vec![Part::Hang],
        Delivery::HeadOnly { then } => {
            return vec![Part::Bytes(head.sized(length.max(1), keep)), end(*then)];
        }
        Delivery::HalfBody { then } => {
            // An empty body has no half; announcing one byte keeps the fault a fault.
            let half = &body[..body.len() / 2];
            return vec![join(head.sized(length.max(1), keep), half), end(*then)];
        }
        Delivery::Slow { bytes, every_ms } => {
            let whole = [&head.sized(length, keep), body.as_slice()].concat();
            whole
                .chunks((*bytes).max(1))
                .map(|piece| Part::Repeat { bytes: piece.to_vec(), times: 1, every_ms: *every_ms })
                .collect()
        }
        Delivery::HugeBody { bytes } => return padded_body(&head, *bytes, keep),
        Delivery::HugeHeader { bytes } => {
            let whole = head.sized(length, keep);
            let line_end = whole.windows(2).position(|pair| pair == b"\r\n").unwrap_or(0) + 2;
            let (first, rest) = whole.split_at(line_end);
            let mut parts = vec![join(first.to_vec(), b"X-Padding: ")];
            parts.extend(padding(b'x', *bytes));
            parts.push(Part::Bytes([b"\r\n", rest, body.as_slice()].concat()));
            parts
        }
        Delivery::EndlessHeaders { every_ms } => {
            let whole = head.sized(length, keep);
            // Without the empty line that would end the head.
            let open = whole[..whole.len() - 2].to_vec();
            let line = b"X-More: 1\r\n".to_vec();
            return vec![
                Part::Bytes(open),
                Part::Repeat { bytes: line, times: u64::MAX, every_ms: *every_ms },
            ];
        }
        Delivery::EndlessChunks { every_ms } => {
            return vec![
                Part::Bytes(head.text(&[("Transfer-Encoding", "chunked".to_owned())], keep)),
                Part::Repeat {
                    bytes: b"1\r\n \r\n".to_vec(),
                    times: u64::MAX,
                    every_ms: *every_ms,
                },
            ];
        }
        Delivery::Garbage => {
            return vec![
                Part::Bytes(b"\x16\x03\xff\x00OVO?\r\n\r\n\x00\x01".to_vec()),
                Part::Close,
            ];
        }
        Delivery::LengthTooLong(by) => {
            return vec![join(head.sized(length.saturating_add(*by), keep), body), Part::Close];
        }
        Delivery::LengthTooShort(by) => {
            vec![join(head.sized(length.saturating_sub(*by), keep), body)]
        }
        Delivery::LengthMissing => return vec![join(head.text(&[], false), body), Part::Close],
        Delivery::LengthTwice => {
            let lengths = [
                ("Content-Length", length.to_string()),
                ("Content-Length", (length + 1).to_string()),
            ];
            return vec![join(head.text(&lengths, keep), body), Part::Close];
        }
        Delivery::Chunked | Delivery::ChunkError => {
            let broken = reply.delivery == Delivery::ChunkError;
            let mut bytes = head.text(&[("Transfer-Encoding", "chunked".to_owned())], keep);
            let (first, second) = body.split_at(body.len() / 2);
            for (place, piece) in [first, second].into_iter().enumerate() {
                if broken && place == 1 {
                    bytes.extend_from_slice(b"zz\r\n");
                } else if !piece.is_empty() {
                    bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                } else {
                    continue;
                }
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            if broken {
                return vec![Part::Bytes(bytes), Part::Close];
            }
            vec![Part::Bytes(bytes)]
        }
        Delivery::Gzip { inflated_bytes } => {
            let packed = gzip(body, *inflated_bytes);
            let framing = [
                ("Content-Encoding", "gzip".to_owned()),
                ("Content-Length", packed.len().to_string()),
            ];
            vec![join(head.text(&framing, keep), &packed)]
        }
        Delivery::Interim { status, times } => {
            let interim = format!("HTTP/1.1 {status} {}\r\n\r\n", reason(*status)).into_bytes();
            vec![
                Part::Repeat { bytes: interim, times: u64::from(*times), every_ms: 0 },
                join(head.sized(length, keep), body),
            ]
        }
        Delivery::Twice => {
            let whole = [&head.sized(length, keep), body.as_slice()].concat();
            vec![Part::Bytes([whole.as_slice(), whole.as_slice()].concat())]
        }
        Delivery::ThenClose => return vec![join(head.sized(length, true), body), Part::Close],
        Delivery::ThenReset => {
            return vec![join(head.sized(length, true), body), Part::ResetAtNextByte];
        }
    };
    if !keep {
        parts.push(Part::Close);
    }
    parts
}

/// Beyond this, compressing would hold up every other connection: 256 MiB.
const MOST_INFLATED: u64 = 256 << 20;

/// `count` times the byte, in blocks, so that a huge answer needs no huge memory here.
fn padding(byte: u8, count: u64) -> Vec<Part> {
    const BLOCK: u64 = 16 * 1024;
    let block = vec![byte; BLOCK as usize];
    let rest = vec![byte; (count % BLOCK) as usize];
    vec![Part::Repeat { bytes: block, times: count / BLOCK, every_ms: 0 }, Part::Bytes(rest)]
}

fn padded_body(head: &Head<'_>, bytes: u64, keep: bool) -> Vec<Part> {
    // A JSON object gets one more field; any other body gets blanks at its end.
    let body = &head.reply.body;
    let (start, fill, end): (Vec<u8>, u8, &[u8]) = match body.strip_suffix(b"}") {
        Some(open) if open.len() > 1 => ([open, b",\"padding\":\""].concat(), b'x', b"\"}"),
        _ => (body.clone(), b' ', b""),
    };
    let length = bytes.saturating_add((start.len() + end.len()) as u64);
    let mut parts = vec![Part::Bytes([head.sized(length, keep), start].concat())];
    parts.extend(padding(fill, bytes));
    parts.push(Part::Bytes(end.to_vec()));
    if !keep {
        parts.push(Part::Close);
    }
    parts
}

fn gzip(body: &[u8], inflated: u64) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let blanks = [b' '; 4096];
    let mut left = inflated.min(MOST_INFLATED).saturating_sub(body.len() as u64);
    // Writing into memory cannot fail; an encoder that did would yield a broken body, which is
    // what this delivery is for.
    let _ = encoder.write_all(body);
    while left > 0 {
        let piece = left.min(blanks.len() as u64);
        let _ = encoder.write_all(&blanks[..piece as usize]);
        left -= piece;
    }
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(delivery: Delivery) -> Reply {
        Reply {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: br#"{"responseCode":"00"}"#.to_vec(),
            delivery,
        }
    }

    fn bytes(delivery: Delivery) -> (Vec<u8>, Vec<Part>) {
        let parts = parts(&reply(delivery), "today", true);
        let mut sent = Vec::new();
        for part in &parts {
            match part {
                Part::Bytes(bytes) => sent.extend_from_slice(bytes),
                Part::Repeat { bytes, times, .. } => {
                    for _ in 0..(*times).min(1_000) {
                        sent.extend_from_slice(bytes);
                    }
                }
                _ => {}
            }
        }
        (sent, parts)
    }

    fn body_of(sent: &[u8]) -> &[u8] {
        let head = sent.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        &sent[head + 4..]
    }

    #[test]
    fn a_plain_answer_keeps_the_connection_only_if_wanted() {
        let (sent, parts) = bytes(Delivery::Plain);
        assert!(sent.starts_with(b"HTTP/1.1 200 OK\r\nDate: today\r\n"));
        assert_eq!(parts.len(), 1);
        let closing = super::parts(&reply(Delivery::Plain), "today", false);
        assert_eq!(closing.last(), Some(&Part::Close));
    }

    #[test]
    fn slow_bytes_are_the_same_bytes() {
        let (plain, _) = bytes(Delivery::Plain);
        let (slow, parts) = bytes(Delivery::Slow { bytes: 1, every_ms: 5_000 });
        assert_eq!(plain, slow);
        assert_eq!(parts.len(), plain.len());
    }

    #[test]
    fn a_huge_body_is_valid_json_of_the_announced_length() {
        let (sent, _) = bytes(Delivery::HugeBody { bytes: 100_000 });
        let body = body_of(&sent);
        let value: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(value["responseCode"], "00");
        let announced = format!("Content-Length: {}\r\n", body.len());
        assert!(String::from_utf8_lossy(&sent[..500]).contains(&announced));
    }

    #[test]
    fn a_compression_bomb_is_small_on_the_wire() {
        let (sent, _) = bytes(Delivery::Gzip { inflated_bytes: 10_000_000 });
        assert!(sent.len() < 20_000);
        let mut inflated = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(body_of(&sent));
        std::io::Read::read_to_end(&mut decoder, &mut inflated).unwrap();
        assert_eq!(inflated.len(), 10_000_000);
        assert!(inflated.starts_with(br#"{"responseCode":"00"}"#));
    }

    #[test]
    fn half_a_body_announces_the_whole() {
        let (sent, parts) = bytes(Delivery::HalfBody { then: Then::Reset });
        assert_eq!(body_of(&sent).len(), 10);
        assert!(String::from_utf8_lossy(&sent).contains("Content-Length: 21\r\n"));
        assert_eq!(parts.last(), Some(&Part::Reset));
    }
}
