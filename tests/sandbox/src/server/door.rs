//! Who may use the control endpoints. They are reached from this machine, and any web page that is
//! open on it could reach them, too: by a form, by a script, by a name that suddenly points here.

use std::net::IpAddr;

use rustls::crypto::ring;

use super::http::HttpRequest;

/// The cookie that carries the key of a page opened from another machine.
const COOKIE: &str = "ovo-sandbox-key";
/// The header that carries the key of a program.
const HEADER: &str = "x-sandbox-key";

pub(super) struct Door {
    /// Names under which this machine is called.
    names: Vec<String>,
    /// Asked for when others than this machine can knock.
    key: Option<String>,
}

/// 128 random bits, in hexadecimal digits.
pub(super) fn secret() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    let random = ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| std::io::Error::other("no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Door {
    pub(super) fn new(
        listen: IpAddr,
        names: &[String],
        key: Option<String>,
    ) -> std::io::Result<Door> {
        let mut known: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into();
        known.extend(names.iter().cloned());
        let key = match (listen.is_loopback(), key) {
            (true, None) => None,
            (_, Some(key)) => Some(key),
            (false, None) => Some(secret()?),
        };
        Ok(Door { names: known, key })
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The key as a cookie, for a page that was opened with it.
    pub(super) fn cookie(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(format!("{COOKIE}={key}; HttpOnly; SameSite=Strict; Path=/"))
    }

    /// Why a request is turned away, if it is.
    pub(super) fn refusal(&self, request: &HttpRequest) -> Option<&'static str> {
        let host = request.header("host").unwrap_or("");
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        // A name that an attacker's server resolves to this machine is not ours. Where a key is
        // asked for, that is the guard: others call this machine by names that it does not know.
        let ours = self.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !ours && self.key.is_none() {
            return Some("Host is not this machine's name");
        }
        if request.header("origin").is_some_and(|origin| origin != format!("http://{host}")) {
            return Some("Origin is another page");
        }
        // A form or a picture of another page may come without an origin.
        let from = request.header("sec-fetch-site").unwrap_or("none");
        if request.method != "GET" && !matches!(from, "none" | "same-origin") {
            return Some("Sec-Fetch-Site is another page");
        }
        let key = self.key.as_deref()?;
        let cookies = request.header("cookie").unwrap_or("").split("; ");
        let mut shown = cookies
            .filter_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
            .chain(request.header(HEADER))
            .chain(request.query("key"));
        if shown.any(|shown| shown == key) {
            None
        } else {
            Some("the key of this sandbox is missing")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::{Parsed, parse};
    use super::*;

    fn refusal(door: &Door, head: &str) -> Option<&'static str> {
        match parse(format!("{head}\r\n\r\n").as_bytes()) {
            Parsed::Whole(request, _) => door.refusal(&request),
            other => panic!("{other:?}"),
        }
    }

    fn loopback() -> Door {
        Door::new(IpAddr::from([127, 0, 0, 1]), &[], None).unwrap()
    }

    #[test]
    fn programs_and_the_sandboxs_own_page_come_in() {
        for head in [
            "GET /ledger HTTP/1.1\r\nHost: 127.0.0.1:4711",
            "POST /reset HTTP/1.1\r\nHost: LOCALHOST",
            "POST /reset HTTP/1.1\r\nHost: [::1]:4711\r\nOrigin: http://[::1]:4711",
            "POST /reset HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:1\r\n\
             Sec-Fetch-Site: same-origin",
            "GET / HTTP/1.1\r\nHost: localhost:1\r\nSec-Fetch-Site: cross-site",
        ] {
            assert_eq!(refusal(&loopback(), head), None, "{head}");
        }
    }

    #[test]
    fn other_pages_and_borrowed_names_stay_out() {
        for head in [
            "GET /ledger HTTP/1.1\r\nHost: evil.example:4711",
            "GET /ledger HTTP/1.0",
            "GET /ledger HTTP/1.1\r\nHost: 192.168.1.5:4711",
            "POST /reset HTTP/1.1\r\nHost: localhost:1\r\nOrigin: https://evil.example",
            "POST /reset HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:2",
            "POST /reset HTTP/1.1\r\nHost: localhost:1\r\nOrigin: null",
            "POST /reset HTTP/1.1\r\nHost: localhost:1\r\nSec-Fetch-Site: same-site",
        ] {
            assert!(refusal(&loopback(), head).is_some(), "{head}");
        }
    }

    #[test]
    fn other_machines_must_show_the_key() {
        let door = Door::new(IpAddr::from([192, 168, 1, 5]), &[], Some("k3y".to_owned())).unwrap();
        let with = |more: &str| refusal(&door, &format!("{more}\r\nHost: 192.168.1.5:1"));
        assert!(with("GET /ledger HTTP/1.1").is_some());
        assert!(with("GET /ledger?key=k3x HTTP/1.1").is_some());
        assert!(with("GET /ledger HTTP/1.1\r\nCookie: x=k3y").is_some());
        assert_eq!(with("GET /?date=1&key=k3y HTTP/1.1"), None);
        assert_eq!(with("GET /ledger HTTP/1.1\r\nCookie: a=b; ovo-sandbox-key=k3y"), None);
        assert_eq!(with("GET /ledger HTTP/1.1\r\nX-Sandbox-Key: k3y"), None);
        let made = Door::new(IpAddr::from([0, 0, 0, 0]), &[], None).unwrap();
        assert_eq!(made.key().map(str::len), Some(32), "a key is made where none is given");
    }
}
