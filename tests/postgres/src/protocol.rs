//! As much of PostgreSQL's protocol (version 3) as somebody in between has to know: where a message ends.

use std::io::{self, Read};

/// A message: its letter (none in the first one), and all its bytes.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) letter: Option<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// Longest message that is carried.
const MAX_LENGTH: usize = 64 << 20;
/// What a client asks for in place of the first message (`SSLRequest`).
const ENCRYPTION: u32 = 80_877_103;
/// A wish to break something off (`CancelRequest`).
const CANCEL: u32 = 80_877_102;

/// Reads a message; `None` at the connection's end.
pub(crate) fn read(stream: &mut impl Read, is_first: bool) -> io::Result<Option<Message>> {
    let head = if is_first { 4 } else { 5 };
    let mut bytes = vec![0; head];
    match stream.read(&mut bytes[..1])? {
        0 => return Ok(None),
        _ => stream.read_exact(&mut bytes[1..])?,
    }
    let length: [u8; 4] = bytes[head - 4..].try_into().expect("four bytes");
    let length = u32::from_be_bytes(length) as usize;
    if !(4..MAX_LENGTH).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.resize(head + length - 4, 0);
    stream.read_exact(&mut bytes[head..])?;
    let letter = if is_first { None } else { Some(bytes[0]) };
    Ok(Some(Message { letter, bytes }))
}

impl Message {
    fn code(&self) -> Option<u32> {
        if self.letter.is_some() {
            return None;
        }
        Some(u32::from_be_bytes(self.bytes.get(4..8)?.try_into().ok()?))
    }

    pub(crate) fn asks_for_encryption(&self) -> bool {
        self.code() == Some(ENCRYPTION)
    }

    pub(crate) fn is_a_cancel_request(&self) -> bool {
        self.code() == Some(CANCEL)
    }

    /// Whether the server is to answer now: `Sync`, `Query`.
    pub(crate) fn ends_an_exchange(&self) -> bool {
        matches!(self.letter, Some(b'S' | b'Q'))
    }

    /// `ReadyForQuery`: the server has answered.
    pub(crate) fn is_the_end_of_an_answer(&self) -> bool {
        self.letter == Some(b'Z')
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
    }
}
