//! Where OVO is.

use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// OVO's hosts, or a sandbox.
///
/// OVO's page names new hosts; every implementation in the field uses the old ones, one of them in
/// production in October 2025 ([protocol 1.1]). The new ones are the default; the old ones are
/// one name away.
///
/// [protocol 1.1]: crate::manual::protocol#11-hosts
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Environment {
    /// OVO's staging, new host.
    Staging,
    /// OVO's staging, old host.
    StagingOldHost,
    /// OVO's production, new host.
    Production,
    /// OVO's production, old host.
    ProductionOldHost,
    /// Another base URL: `https://...`, or `http://` to this machine only (a sandbox).
    Custom(String),
}

impl Environment {
    /// A host of one's own, for example a sandbox: `http://127.0.0.1:8080`.
    ///
    /// ```
    /// use ovo_ptp::Environment;
    ///
    /// assert!(Environment::custom("http://127.0.0.1:8080").is_loopback());
    /// assert_eq!(Environment::custom("https://ovo.example/").url(), "https://ovo.example/pos");
    /// ```
    pub fn custom(base_url: &str) -> Environment {
        Environment::Custom(base_url.to_owned())
    }

    /// The base URL, without the path.
    pub fn base_url(&self) -> &str {
        match self {
            Environment::Staging => "https://app.byte-stack.net",
            Environment::StagingOldHost => "https://api.byte-stack.net",
            Environment::Production => "https://apigw.ovo.id",
            Environment::ProductionOldHost => "https://api.ovo.id",
            Environment::Custom(base_url) => base_url.trim_end_matches('/'),
        }
    }

    /// Whose payments they are, for the journal: `production`, `staging` and `loopback` know
    /// nothing of each other, and a host of one's own is a kind by itself. OVO's old and new hosts
    /// are one kind.
    pub fn class(&self) -> &str {
        match self {
            Environment::Staging | Environment::StagingOldHost => "staging",
            Environment::Production | Environment::ProductionOldHost => "production",
            Environment::Custom(_) if self.is_loopback() => "loopback",
            Environment::Custom(_) => self.base_url(),
        }
    }

    /// The kind of one of OVO's own hosts, also where it is written as a host of one's own.
    pub(crate) fn ovos_class(&self) -> Option<&'static str> {
        let host = self.host();
        [
            Environment::Staging,
            Environment::StagingOldHost,
            Environment::Production,
            Environment::ProductionOldHost,
        ]
        .iter()
        .find(|ovos| host.trim_end_matches('.').eq_ignore_ascii_case(ovos.host()))
        .map(|ovos| match ovos {
            Environment::Production | Environment::ProductionOldHost => "production",
            _ => "staging",
        })
    }

    /// The host alone, without scheme, port and path.
    fn host(&self) -> &str {
        let rest = self.base_url().split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        host.split(':').next().unwrap_or("")
    }

    /// The address of all six operations.
    pub fn url(&self) -> String {
        format!("{}/pos", self.base_url())
    }

    /// Whether requests cannot leave this machine: only then may waits be scaled and TLS left out.
    pub fn is_loopback(&self) -> bool {
        let Environment::Custom(_) = self else { return false };
        let authority = self
            .base_url()
            .split_once("://")
            .map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
        if authority.contains('@') {
            return false;
        }
        let host = match authority.strip_prefix('[') {
            Some(bracketed) => bracketed.split(']').next().unwrap_or(""),
            None => authority.split(':').next().unwrap_or(""),
        };
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Environment {
    type Err = Error;

    /// Reads `staging`, `staging-old`, `production`, `production-old`, or a URL.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "staging" => Ok(Environment::Staging),
            "staging-old" => Ok(Environment::StagingOldHost),
            "production" => Ok(Environment::Production),
            "production-old" => Ok(Environment::ProductionOldHost),
            url if url.starts_with("https://") || url.starts_with("http://") => {
                Ok(Environment::custom(url))
            }
            _ => Err(Error::new(
                ErrorKind::Configuration,
                "environment: must be staging, staging-old, production, production-old or a URL",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j26_ovo_s_own_hosts_are_known_in_every_spelling() {
        for (url, class) in [
            ("https://apigw.ovo.id", Some("production")),
            ("https://APIGW.ovo.id:443/pos", Some("production")),
            ("https://user@api.ovo.id./", Some("production")),
            ("https://api.byte-stack.net", Some("staging")),
            ("https://apigw.ovo.id.example", None),
            ("https://pay.example/apigw.ovo.id", None),
            ("http://[::1]:8080", None),
            ("http://127.0.0.1:8080", None),
        ] {
            assert_eq!(Environment::custom(url).ovos_class(), class, "{url}");
        }
        for environment in [
            Environment::Staging,
            Environment::StagingOldHost,
            Environment::Production,
            Environment::ProductionOldHost,
        ] {
            assert_eq!(environment.ovos_class(), Some(environment.class()));
        }
    }
}
