//! Reads HTTP/1.x requests from a buffer.

/// A head longer than this is refused (431).
const LONGEST_HEAD: usize = 16 * 1024;
/// A body longer than this is refused (413); OVO's requests are below 1 KiB.
const LONGEST_BODY: usize = 64 * 1024;

/// A whole request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HttpRequest {
    pub(super) method: String,
    pub(super) path: String,
    query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) keep_alive: bool,
}

impl HttpRequest {
    /// A header by its lower-case name; the case on the wire does not matter (protocol 1.2).
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, as it is written: those that are asked for need no escapes.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What a buffer holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// More bytes are needed.
    Partial {
        /// Whether the head is complete.
        head_done: bool,
        /// Whether the client waits for `100 Continue` before it sends the body.
        wants_continue: bool,
    },
    /// A request, which took this many bytes of the buffer.
    Whole(HttpRequest, usize),
    /// It is not to be served; answer with this status and close.
    Refused(u16),
}

/// Reads one request from the start of a buffer.
pub(super) fn parse(buffer: &[u8]) -> Parsed {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut slots);
    let head_length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if buffer.len() > LONGEST_HEAD => {
            return Parsed::Refused(431);
        }
        Ok(httparse::Status::Partial) => {
            return Parsed::Partial { head_done: false, wants_continue: false };
        }
        Err(httparse::Error::TooManyHeaders) => return Parsed::Refused(431),
        Err(_) => return Parsed::Refused(400),
    };
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).trim().to_owned();
            (header.name.to_ascii_lowercase(), value)
        })
        .collect();
    let find = |name: &str| {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    if find("transfer-encoding").is_some() {
        return Parsed::Refused(411);
    }
    let length = match find("content-length").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(length)) if length <= LONGEST_BODY => length,
        Some(Ok(_)) => return Parsed::Refused(413),
        Some(Err(_)) => return Parsed::Refused(400),
    };
    let end = head_length + length;
    if buffer.len() < end {
        let wants_continue =
            find("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        return Parsed::Partial { head_done: true, wants_continue };
    }
    let connection = find("connection").unwrap_or("").to_ascii_lowercase();
    let says = |word: &str| connection.split(',').any(|part| part.trim() == word);
    let keep_alive = if head.version == Some(1) { !says("close") } else { says("keep-alive") };
    let target = head.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = HttpRequest {
        method: head.method.unwrap_or("").to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: buffer[head_length..end].to_vec(),
        keep_alive,
        headers,
    };
    Parsed::Whole(request, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_whatever_follows_it() {
        let bytes =
            b"POST /pos?x=1 HTTP/1.1\r\nHOST: a\r\nApp-Id: m\r\ncontent-length: 2\r\n\r\n{}GET";
        let Parsed::Whole(request, used) = parse(bytes) else { panic!("not whole") };
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/pos"));
        assert_eq!(request.header("app-id"), Some("m"));
        assert_eq!(request.body, b"{}");
        assert_eq!(&bytes[used..], b"GET");
        assert!(request.keep_alive);
    }

    #[test]
    fn the_connection_header_decides_what_the_version_does_not() {
        let keeps = |text: &str| match parse(text.as_bytes()) {
            Parsed::Whole(request, _) => request.keep_alive,
            other => panic!("{other:?}"),
        };
        assert!(!keeps("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parse(chunked), Parsed::Refused(411));
        assert_eq!(parse(b"\x16\x03\x01\x00\x00"), Parsed::Refused(400));
        let long = b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n";
        assert_eq!(parse(long), Parsed::Refused(413));
        let expecting = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(parse(expecting), Parsed::Partial { head_done: true, wants_continue: true });
    }
}
