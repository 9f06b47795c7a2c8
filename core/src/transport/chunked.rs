//! The chunked transfer coding (RFC 9112 7.1), read strictly and without a buffer.

use super::response::extend_body;

/// Extensions and trailers mean nothing to us; more than this is someone wasting our time.
const MAX_EXTENSION: usize = 256;
const MAX_TRAILERS: usize = 4 * 1024;

/// A decoder that takes the bytes as they come.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of body that may still come.
    room: usize,
    trailer_bytes: usize,
}

#[derive(Debug)]
enum State {
    /// In a chunk's size, with the number of digits seen.
    Size {
        digits: u32,
        size: usize,
    },
    /// Between the size and its line's end.
    Extension {
        size: usize,
        length: usize,
    },
    /// The line feed of a size line.
    SizeEnd {
        size: usize,
    },
    Data {
        left: usize,
    },
    DataReturn,
    DataEnd,
    /// At the start of a trailer line, or of the empty line that ends the body.
    TrailerStart,
    Trailer,
    TrailerEnd,
    LastEnd,
    Done,
}

/// Why a chunked body cannot be read: for an operator.
pub(super) type Reason = &'static str;

impl Chunked {
    /// A decoder for a body of at most `room` bytes.
    pub(super) fn new(room: usize) -> Self {
        Chunked { state: State::Size { digits: 0, size: 0 }, room, trailer_bytes: 0 }
    }

    /// Whether the whole body was read, its last line end included.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes bytes from `input` until it is empty or the body ends, adds what they carry to
    /// `body`, and returns how many were taken.
    pub(super) fn decode(&mut self, input: &[u8], body: &mut Vec<u8>) -> Result<usize, Reason> {
        let mut taken = 0;
        while let Some(&byte) = input.get(taken) {
            self.state = match self.state {
                State::Size { digits, size } => match (byte as char).to_digit(16) {
                    // Six digits are 16 MiB: enough to be refused, too few to overflow.
                    Some(digit) if digits < 6 => {
                        State::Size { digits: digits + 1, size: size * 16 + digit as usize }
                    }
                    Some(_) => return Err("a chunk's size is too long"),
                    None if digits == 0 => return Err("a chunk has no size"),
                    None => match byte {
                        b'\r' => State::SizeEnd { size },
                        b';' | b' ' | b'\t' => State::Extension { size, length: 0 },
                        _ => return Err("a chunk's size is not a number"),
                    },
                },
                State::Extension { size, length } => match byte {
                    b'\r' => State::SizeEnd { size },
                    b'\n' => return Err("a chunk's size line ends without a return"),
                    _ if length >= MAX_EXTENSION => return Err("a chunk's extension is too long"),
                    _ => State::Extension { size, length: length + 1 },
                },
                State::SizeEnd { size } => match (byte, size) {
                    (b'\n', 0) => State::TrailerStart,
                    (b'\n', size) if size > self.room => return Err("the body is too large"),
                    (b'\n', size) => {
                        self.room -= size;
                        State::Data { left: size }
                    }
                    _ => return Err("a chunk's size line ends without a line feed"),
                },
                State::Data { left } => {
                    let available = &input[taken..];
                    let part = &available[..left.min(available.len())];
                    extend_body(body, part);
                    taken += part.len();
                    self.state = if part.len() == left {
                        State::DataReturn
                    } else {
                        State::Data { left: left - part.len() }
                    };
                    continue;
                }
                State::DataReturn if byte == b'\r' => State::DataEnd,
                State::DataEnd if byte == b'\n' => State::Size { digits: 0, size: 0 },
                State::DataReturn | State::DataEnd => {
                    return Err("a chunk is longer than its size");
                }
                State::TrailerStart if byte == b'\r' => State::LastEnd,
                State::TrailerStart | State::Trailer => {
                    self.trailer_bytes += 1;
                    match byte {
                        _ if self.trailer_bytes > MAX_TRAILERS => {
                            return Err("the trailers are too long");
                        }
                        b'\r' => State::TrailerEnd,
                        b'\n' => return Err("a trailer ends without a return"),
                        _ => State::Trailer,
                    }
                }
                State::TrailerEnd if byte == b'\n' => State::TrailerStart,
                State::LastEnd if byte == b'\n' => State::Done,
                State::TrailerEnd | State::LastEnd => return Err("a trailer ends badly"),
                State::Done => break,
            };
            taken += 1;
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces of `size` bytes: body, bytes taken, whether it ended.
    fn decode(input: &[u8], size: usize) -> Result<(Vec<u8>, usize, bool), Reason> {
        let mut chunked = Chunked::new(1000);
        let mut body = Vec::new();
        let mut taken = 0;
        for piece in input.chunks(size) {
            let used = chunked.decode(piece, &mut body)?;
            taken += used;
            if used < piece.len() {
                break;
            }
        }
        Ok((body, taken, chunked.is_done()))
    }

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        let input = b"4\r\nWiki\r\n6;a=b\r\npedia \r\nE \r\nin \r\n\r\nchunks.\r\n0\r\nExpires: 0\r\n\r\nmore";
        for size in 1..=input.len() {
            let (body, taken, done) = decode(input, size).unwrap();
            assert_eq!(body, b"Wikipedia in \r\n\r\nchunks.");
            assert_eq!(taken, input.len() - 4);
            assert!(done);
        }
    }

    #[test]
    fn a_cut_body_is_not_done() {
        let input = b"4\r\nWiki\r\n0\r\n\r\n";
        for length in 0..input.len() {
            let (_, _, done) = decode(&input[..length], 1).unwrap();
            assert!(!done, "{length}");
        }
    }

    #[test]
    fn what_is_not_chunked_is_refused() {
        let extension = [b"1;".as_slice(), &[b'x'; 300]].concat();
        let trailers = [b"0\r\n".as_slice(), &[b'x'; 5000]].concat();
        for input in [
            b"\r\n".as_slice(),
            b"x\r\n",
            b"-1\r\n",
            b"0x1\r\n",
            b"1\nA",
            b"1\rA",
            b"1;x\nA",
            b"1\r\nAB",
            b"1\r\nA\n",
            b"1\r\nA\rB",
            b"0\r\n\rx",
            b"0\r\nTrailer\n",
            b"0\r\nTrailer\rx",
            b"3e9\r\n",
            b"0000001\r\n",
            b"ffffffffffffffff1\r\n",
            &extension,
            &trailers,
        ] {
            assert!(decode(input, 7).is_err(), "{}", String::from_utf8_lossy(input));
        }
    }
}
