//! The way to the host, for those who set a till up.

use std::fmt;

use crate::wib::WallTime;

/// What [`Transport::inspect`](super::Transport::inspect) found of the way to the host. What could
/// not be found out is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Route {
    /// The proxy on the way, as a URL without user and password.
    pub proxy: Option<String>,
    /// Why it did not lead to the host.
    pub failure: Option<String>,
    /// The protocol that keeps the connection secret: `TLS 1.3` or `TLS 1.2`.
    pub tls: Option<&'static str>,
    /// The protocol in which the host is asked: `HTTP/1.1`.
    pub http: Option<&'static str>,
    /// How long the host's certificate is good.
    pub host_certificate: Option<Validity>,
    /// How long the proxy's is, if TLS is spoken with it.
    pub proxy_certificate: Option<Validity>,
    /// How long this client's own is, if it has one.
    pub client_certificate: Option<Validity>,
    /// Whether the host asked for a client's certificate.
    pub asks_for_certificate: bool,
}

/// How long a certificate is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Validity {
    /// Its first second; `None`: it is not known.
    pub begins: Option<WallTime>,
    /// Its last second.
    pub ends: WallTime,
    /// Whole days from now until then, rounded down; below 0: it has ended.
    pub days_left: i64,
}

impl Validity {
    /// Fewer days than these are told as a problem: time enough to have a certificate renewed.
    pub const WARNING_DAYS: i64 = 14;

    /// From the certificate's last second, counted from now.
    pub fn until(ends: WallTime) -> Self {
        let left = ends.unix_seconds() - WallTime::now().unix_seconds();
        Validity { begins: None, ends, days_left: left.div_euclid(24 * 3600) }
    }

    /// Whether it is good already.
    pub fn has_begun(&self) -> bool {
        self.begins.is_none_or(|begins| begins <= WallTime::now())
    }

    /// Whether it must be renewed now.
    pub fn is_ending(&self) -> bool {
        self.days_left < Self::WARNING_DAYS
    }

    /// Of a certificate in DER; `None` if it is none.
    #[cfg(feature = "https")]
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let at = |seconds: i64| WallTime::from_unix_millis(seconds.saturating_mul(1000));
        let (begins, ends) = der_dates::of(certificate)?;
        Some(Validity { begins: Some(at(begins)), ..Validity::until(at(ends)) })
    }

    /// Of the certificate that the other side of a session has shown, or showed when it began.
    #[cfg(feature = "https")]
    pub(super) fn of_peer(session: &rustls::ClientConnection) -> Option<Self> {
        Validity::of(session.peer_certificates()?.first()?)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(begins) = self.begins.filter(|_| !self.has_begun()) {
            let (year, month, day) = begins.wib_date();
            return write!(f, "is not good before {year:04}-{month:02}-{day:02}");
        }
        let (year, month, day) = self.ends.wib_date();
        if self.days_left < 0 {
            write!(f, "ended on {year:04}-{month:02}-{day:02}")
        } else {
            write!(f, "ends on {year:04}-{month:02}-{day:02}, in {} days", self.days_left)
        }
    }
}

#[cfg(feature = "https")]
mod der_dates {
    use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
    use der::{Decode, Reader, Tagged};

    /// The first and the last second of a certificate, Unix time (RFC 5280 4.1). The rest of it was verified by
    /// whoever shows it here.
    pub(super) fn of(certificate: &[u8]) -> Option<(i64, i64)> {
        let certificate = parts(AnyRef::from_der(certificate).ok()?)?;
        let signed = parts(*certificate.first()?)?;
        // The version comes first if it is there at all; serial number, algorithm and issuer follow.
        let versioned = signed.first()?.tag().is_context_specific();
        let validity = parts(*signed.get(if versioned { 4 } else { 3 })?)?;
        Some((seconds(validity.first()?)?, seconds(validity.get(1)?)?))
    }

    fn seconds(time: &AnyRef<'_>) -> Option<i64> {
        let time = match time.decode_as::<UtcTime>() {
            Ok(time) => time.to_unix_duration(),
            Err(_) => time.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        };
        i64::try_from(time.as_secs()).ok()
    }

    fn parts(sequence: AnyRef<'_>) -> Option<Vec<AnyRef<'_>>> {
        let all = sequence.sequence(|reader| -> der::Result<_> {
            let mut parts = Vec::new();
            while !reader.is_finished() {
                parts.push(reader.decode()?);
            }
            Ok(parts)
        });
        all.ok()
    }
}

#[cfg(test)]
#[cfg(feature = "https")]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32, month: u8, day: u8) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["ovo.test".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_s_end_is_read_in_both_forms_of_a_date() {
        // From 2050 on the longer form is written.
        for (year, month, day, seconds) in [
            (2024, 2, 29, 1_709_164_800),
            (2049, 12, 31, 2_524_521_600),
            (2051, 1, 1, 2_556_144_000),
        ] {
            let validity = Validity::of(&certificate(year, month, day)).unwrap();
            assert_eq!(validity.ends.unix_seconds(), seconds, "{year}");
        }
    }

    #[test]
    fn days_are_whole_and_a_warning_comes_two_weeks_before_the_end() {
        let in_hours = |hours: i64| {
            let ends = WallTime::now().unix_millis() + hours * 3_600_000 + 60_000;
            Validity::until(WallTime::from_unix_millis(ends))
        };
        assert_eq!(in_hours(14 * 24).days_left, 14);
        assert!(!in_hours(14 * 24).is_ending());
        assert_eq!(in_hours(14 * 24 - 1).days_left, 13);
        assert!(in_hours(14 * 24 - 1).is_ending());
        assert_eq!(in_hours(-1).days_left, -1);
        assert!(in_hours(-1).to_string().starts_with("ended on "));
    }

    #[test]
    fn a_certificate_that_is_not_good_yet_says_from_when_on_it_is() {
        let mut params = CertificateParams::new(vec!["ovo.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2090, 5, 2);
        params.not_after = date_time_ymd(2091, 5, 2);
        let key = KeyPair::generate().unwrap();
        let validity = Validity::of(params.self_signed(&key).unwrap().der()).unwrap();
        assert!(!validity.has_begun() && !validity.is_ending());
        assert_eq!(validity.to_string(), "is not good before 2090-05-02");
        assert!(Validity::of(&certificate(2090, 1, 1)).unwrap().has_begun());
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let whole = certificate(2030, 1, 1);
        for bad in [&b""[..], b"0", b"\x30\x00", b"nonsense", &whole[1..], &whole[4..]] {
            assert_eq!(Validity::of(bad), None);
        }
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..length]), None, "{length}");
        }
    }
}
