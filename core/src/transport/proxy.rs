//! The way out through the merchant's network: OVO admits merchants by address, so their hosts leave
//! through one.
//!
//! Written here and not left to ureq, whose proxies keep the socket to themselves: this library
//! must know what left it, abort it, and wait on the clock that counts suspend time. Everything here
//! happens before a request exists: whatever goes wrong, nothing was sent.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::connection::{Connection, Tls, kind_of};
use super::deadline::Deadline;
use super::endpoint::{Endpoint, split_authority};
use super::trust::{TlsPeer, Trust};
use super::{Failure, FailureKind, failure};
use crate::error::{Error, ErrorKind as Kind};

/// Longest head of a proxy's answer to CONNECT.
const MAX_HEAD: usize = 8 * 1024;
/// Longest user name and password: what SOCKS 5 can carry.
const MAX_LOGIN: usize = 255;

/// A proxy, and who one is for it. Its password is a secret: neither `Debug` nor an error shows it.
#[derive(Clone)]
pub struct Proxy {
    scheme: Scheme,
    pub(super) host: String,
    pub(super) port: u16,
    /// The host as an address, if that is how it was written.
    pub(super) literal: Option<IpAddr>,
    name: ServerName<'static>,
    login: Option<Login>,
    trust: Trust,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Socks5,
}

#[derive(Clone)]
struct Login {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`, `https://` (TLS to the proxy; the operating system's
    /// authorities vouch for its certificate, or [`with_trust`](Self::with_trust)) or `socks5://`. Reserved characters in user and password are
    /// percent-encoded. Ports are 80, 443 and 1080 where none is given. OVO's name is resolved by the
    /// proxy.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), which never repeats the text.
    ///
    /// ```
    /// let proxy = ovo_ptp::transport::Proxy::new("http://till:s3cret@proxy.shop.internal:3128")?;
    /// assert_eq!(proxy.to_string(), "http://proxy.shop.internal:3128");
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    pub fn new(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "socks5" => (Scheme::Socks5, 1080),
            _ => return Err(invalid("the scheme is none of http, https, socks5")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, authority) = match rest.rsplit_once('@') {
            Some((login, authority)) => (Some(Login::read(login)?), authority),
            None => (None, rest),
        };
        let (host, port) = split_authority(authority, default_port)
            .map_err(|_| invalid("its host or port cannot be read"))?;
        let host = host.to_ascii_lowercase();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| invalid("the host is neither a name nor an address"))?;
        let literal = host.parse().ok();
        Ok(Proxy { scheme, literal, host, port, name, login, trust: Trust::Platform })
    }

    /// Who may vouch for the certificate of an `https://` proxy, and for nothing else: an authority of
    /// the merchant's own network must not vouch for OVO, or the proxy could answer in its place.
    ///
    /// ```no_run
    /// use ovo_ptp::transport::{Proxy, Trust};
    ///
    /// let proxy = Proxy::new("https://proxy.shop.internal")?
    ///     .with_trust(Trust::PemFile("/etc/shop/own-authority.pem".into()));
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    #[must_use]
    pub fn with_trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Itself, if TLS is spoken with it.
    pub(super) fn tls_peer(&self) -> Result<Option<TlsPeer>, Error> {
        let peer = || TlsPeer::proxy(self.name.clone(), &self.trust);
        (self.scheme == Scheme::Https).then(peer).transpose()
    }

    /// Leads a connection to the proxy on to the host.
    pub(super) fn lead_on(
        &self,
        mut line: Connection,
        to: &Endpoint,
        tls: Option<&TlsPeer>,
        by: Deadline,
    ) -> Result<Connection, Failure> {
        if let Some(peer) = tls {
            line = Tls::handshake(line, peer, by)?;
        }
        line.set_deadline(by);
        let led = match self.scheme {
            Scheme::Http | Scheme::Https => self.connect(&mut line, to),
            Scheme::Socks5 => self.socks5(&mut line, to),
        };
        match led {
            Ok(()) => Ok(line),
            Err(error) => {
                let kind = match kind_of(&error) {
                    kind @ (FailureKind::Stopped | FailureKind::Timeout | FailureKind::Tls) => kind,
                    _ => FailureKind::Connect,
                };
                Err(failure(kind, format_args!("the proxy leads nowhere: {error}")))
            }
        }
    }

    /// CONNECT (RFC 9110 9.3.6).
    fn connect(&self, line: &mut Connection, to: &Endpoint) -> io::Result<()> {
        let host = to.authority();
        let login = self.login.as_ref().map(|Login { user, password }| {
            let plain = Zeroizing::new([user.as_str(), ":", password].concat());
            Zeroizing::new(BASE64_STANDARD.encode(plain.as_bytes()))
        });
        let [field, login, end] = login
            .as_ref()
            .map_or(["", "", ""], |login| ["Proxy-Authorization: Basic ", login.as_str(), "\r\n"]);
        // At once, and not piece by piece: a text that grows leaves copies of the login behind.
        let head = Zeroizing::new(
            ["CONNECT ", &host, " HTTP/1.1\r\nHost: ", &host, "\r\n", field, login, end, "\r\n"]
                .concat(),
        );
        line.write_all(head.as_bytes())?;
        line.flush()?;
        let (mut answer, mut read) = (Vec::new(), 0);
        // Interim answers come before the one that counts.
        while !answer.ends_with(b"\r\n\r\n") || answer.get(8..10) == Some(b" 1") {
            if answer.ends_with(b"\r\n\r\n") {
                answer.clear();
            }
            // Byte by byte: what follows the head is the host's and must stay in the line.
            let mut byte = [0];
            line.read_exact(&mut byte)?;
            answer.push(byte[0]);
            read += 1;
            if read > MAX_HEAD || !b"HTTP/1.".starts_with(&answer[..answer.len().min(7)]) {
                return Err(said("it does not speak HTTP/1"));
            }
        }
        match answer.get(8..12) {
            Some([b' ', status @ ..]) if status.iter().all(u8::is_ascii_digit) => match status {
                [b'2', ..] => Ok(()),
                // Some say 401, which is a host's word, for the same.
                b"407" | b"401" => Err(said("it wants another user or password")),
                _ => Err(said(&format!("it answers {}", String::from_utf8_lossy(status)))),
            },
            _ => Err(said("it does not speak HTTP/1")),
        }
    }

    /// SOCKS 5 (RFC 1928), with user and password where they are given (RFC 1929).
    fn socks5(&self, line: &mut Connection, to: &Endpoint) -> io::Result<()> {
        line.write_all(if self.login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] })?;
        line.flush()?;
        let [version, method] = read(line)?;
        match (version, method, &self.login) {
            (5, 0, _) => {}
            (5, 2, Some(Login { user, password })) => {
                let mut bytes = Zeroizing::new(vec![1]);
                for text in [user, password] {
                    bytes.push(text.len() as u8);
                    bytes.extend_from_slice(text.as_bytes());
                }
                line.write_all(&bytes)?;
                line.flush()?;
                let [_, status] = read(line)?;
                if status != 0 {
                    return Err(said("it wants another user or password"));
                }
            }
            (5, 0xff, _) => return Err(said("it wants a user and a password")),
            _ => return Err(said("it does not speak SOCKS 5")),
        }
        let mut request = vec![5, 1, 0];
        match to.literal {
            Some(IpAddr::V4(ip)) => {
                request.push(1);
                request.extend_from_slice(&ip.octets());
            }
            Some(IpAddr::V6(ip)) => {
                request.push(4);
                request.extend_from_slice(&ip.octets());
            }
            None => {
                let length = u8::try_from(to.host.len());
                request.extend_from_slice(&[3, length.map_err(|_| said("the name is too long"))?]);
                request.extend_from_slice(to.host.as_bytes());
            }
        }
        request.extend_from_slice(&to.port.to_be_bytes());
        line.write_all(&request)?;
        line.flush()?;
        let [version, reply, _, kind] = read(line)?;
        if version != 5 {
            return Err(said("it does not speak SOCKS 5"));
        }
        if reply != 0 {
            return Err(said(&format!("it refuses ({reply})")));
        }
        // The address that it uses: of no interest, but not the host's either.
        let length = match kind {
            1 => 4,
            4 => 16,
            3 => usize::from(read::<1>(line)?[0]),
            _ => return Err(said("it does not speak SOCKS 5")),
        };
        line.read_exact(&mut vec![0; length + 2])
    }
}

impl Login {
    fn read(text: &str) -> Result<Login, Error> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        match (percent_decoded(user), percent_decoded(password)) {
            (Some(user), Some(password)) if user.len().max(password.len()) > MAX_LOGIN => {
                Err(invalid("user and password are at most 255 bytes long each"))
            }
            (Some(user), Some(password)) if !user.is_empty() => Ok(Login { user, password }),
            _ => Err(invalid("user and password are not visible, percent-encoded UTF-8")),
        }
    }
}

fn percent_decoded(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (*first, after) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                u8::try_from(digit(high)? * 16 + digit(low)?).ok()?
            }
            (b'%', _) => return None,
            (byte, _) => byte,
        });
    }
    let text = std::str::from_utf8(&bytes).ok()?;
    text.chars().all(|c| !c.is_control()).then(|| Zeroizing::new(text.to_owned()))
}

fn read<const N: usize>(line: &mut Connection) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    line.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn said(what: &str) -> io::Error {
    io::Error::new(ErrorKind::ConnectionRefused, what)
}

/// The URL itself is not repeated: it may hold a password.
fn invalid(rule: &str) -> Error {
    Error::new(Kind::Configuration, format!("proxy cannot be used: {rule}")).about_field("proxy")
}

impl fmt::Display for Proxy {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
        };
        match self.literal {
            Some(IpAddr::V6(ip)) => write!(f, "{scheme}://[{ip}]:{}", self.port),
            _ => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_its_password_never_shown() {
        let proxy = Proxy::new("HTTP://till%40shop:p%3Ass%20w@Proxy.Shop.internal:3128/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.shop.internal", 3128));
        let login = proxy.login.as_ref().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("till@shop", "p:ss w"));
        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.shop.internal:3128)");
        assert_eq!(Proxy::new("socks5://[::1]").unwrap().to_string(), "socks5://[::1]:1080");
        assert_eq!(Proxy::new("https://10.0.0.1").unwrap().port, 443);
    }

    #[test]
    fn b13_nonsense_is_refused_and_not_repeated() {
        for bad in [
            "",
            "proxy:3128",
            "socks4://proxy",
            "ftp://s3cret@proxy",
            "http://",
            "http://a:s3cret@",
            "http://:s3cret@proxy",
            "http://a:s3cret%2@proxy",
            "http://a:s3cret%0d%0a@proxy",
            "http://a:s3cret%ff@proxy",
            "http://a:s3cret@proxy:0",
            "http://a:s3cret@proxy:3128/path",
            "http://pro xy",
            &format!("http://till:s3cret{}@proxy", "x".repeat(250)),
        ] {
            let error = Proxy::new(bad).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration, "{bad}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
