//! Where OVO is: the URL, taken apart and checked once.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

use crate::error::{Error, ErrorKind};

/// The host that every request of one transport goes to.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// Lower case, an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Starts with a slash.
    pub(super) path: String,
    /// The name that the certificate must carry; `None` for plain HTTP to a sandbox on this machine.
    pub(super) tls_name: Option<ServerName<'static>>,
    /// The host as an address, if that is how it was written.
    pub(super) literal: Option<IpAddr>,
}

impl Endpoint {
    /// Takes `https://host[:port][/path]` apart. `http://` is for loopback hosts alone: a request
    /// carries a phone number and a signature, and its answer decides about money.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let encrypted = if scheme.eq_ignore_ascii_case("https") {
            true
        } else if scheme.eq_ignore_ascii_case("http") {
            false
        } else {
            return Err(invalid("the scheme is not https"));
        };
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#') {
            return Err(invalid("the path must be visible ASCII without query and fragment"));
        }
        let (host, port) = split_authority(authority, if encrypted { 443 } else { 80 })?;
        let host = host.to_ascii_lowercase();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| invalid("the host is neither a name nor an address"))?;
        let literal = host.parse().ok();
        if !encrypted && host != "localhost" && !literal.is_some_and(|ip: IpAddr| ip.is_loopback())
        {
            return Err(invalid("plain http is only for a sandbox on this machine; use https"));
        }
        Ok(Endpoint {
            host,
            port,
            path: path.to_owned(),
            tls_name: encrypted.then_some(name),
            literal,
        })
    }

    /// `host:port`, for a proxy.
    pub(super) fn authority(&self) -> String {
        match self.literal {
            Some(IpAddr::V6(ip)) => format!("[{ip}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// The `Host` header: the port only where it is not the scheme's own.
    pub(super) fn host_header(&self) -> String {
        let host = match self.literal {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => self.host.clone(),
        };
        match (self.tls_name.is_some(), self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// Host (an IPv6 address without brackets) and port of `host[:port]`.
pub(super) fn split_authority(authority: &str, default_port: u16) -> Result<(&str, u16), Error> {
    if authority.contains('@') {
        return Err(invalid("it carries user information"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(|| invalid("a bracket is open"))?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(invalid("something follows the bracket")),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        None => default_port,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|port| *port != 0).ok_or_else(|| invalid("the port is bad"))?
        }
        Some(_) => return Err(invalid("the port is bad")),
    };
    Ok((host, port))
}

/// The URL itself is not repeated: it may hold a password by mistake.
fn invalid(rule: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("the base URL cannot be used: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let endpoint = Endpoint::parse("https://APIGW.ovo.id/pos").unwrap();
        assert_eq!(endpoint.host, "apigw.ovo.id");
        assert_eq!(endpoint.port, 443);
        assert_eq!(endpoint.path, "/pos");
        assert_eq!(endpoint.host_header(), "apigw.ovo.id");
        assert!(endpoint.tls_name.is_some());

        let endpoint = Endpoint::parse("HTTPS://[2001:db8::1]:8443").unwrap();
        assert_eq!(endpoint.host, "2001:db8::1");
        assert_eq!(endpoint.path, "/");
        assert_eq!(endpoint.host_header(), "[2001:db8::1]:8443");
        assert_eq!(endpoint.literal, Some("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn plain_http_is_only_for_loopback() {
        for good in
            ["http://127.0.0.1:8080/pos", "http://127.9.9.9", "http://[::1]:1", "http://localhost"]
        {
            assert!(Endpoint::parse(good).unwrap().tls_name.is_none(), "{good}");
        }
        for bad in [
            "http://ovo.id/pos",
            "http://10.0.0.1",
            "http://localhost.ovo.id",
            "http://127.0.0.1.ovo.id",
            "http://[::ffff:10.0.0.1]",
            "http://0.0.0.0",
        ] {
            assert_eq!(Endpoint::parse(bad).unwrap_err().kind(), ErrorKind::Configuration, "{bad}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "ovo.id/pos",
            "ftp://ovo.id",
            "https://",
            "https:///pos",
            "https://user:secret@ovo.id/",
            "https://ovo.id:0/",
            "https://ovo.id:65536/",
            "https://ovo.id:+1/",
            "https://ovo.id:/",
            "https://[::1/",
            "https://[::1]x/",
            "https://ovo .id/",
            "https://ovo.id/p os",
            "https://ovo.id/pos\r\nX: y",
            "https://ovo.id\r\n/pos",
            "https://ovo.id/pos?x=1",
            "https://ovo.id/pos#x",
            "https://ovo.id/p\u{f6}s",
        ] {
            let error = Endpoint::parse(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
