//! Certificates: an authority made at the start, a good leaf, and leaves that must be refused
//! (B4).

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

/// The alert of a host that does not speak TLS 1.2: `protocol_version`, in a TLS 1.1 record.
pub(super) const OLD_TLS_ALERT: [u8; 7] = [0x15, 0x03, 0x02, 0x00, 0x02, 0x02, 0x46];

/// One configuration for each certificate that can be shown.
pub(super) struct Certificates {
    pub(super) authority_pem: String,
    pub(super) good: Arc<ServerConfig>,
    pub(super) expired: Arc<ServerConfig>,
    pub(super) wrong_host: Arc<ServerConfig>,
    pub(super) unknown_authority: Arc<ServerConfig>,
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::now_utc() - Duration::days(2);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(3650);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok(Authority { pem, issuer: Issuer::new(params, key) })
}

fn leaf(
    authority: &Authority,
    names: &[&str],
    from: Duration,
    until: Duration,
) -> io::Result<Arc<ServerConfig>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = || -> Result<_, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "ovo-sandbox");
        params.not_before = OffsetDateTime::now_utc() + from;
        params.not_after = OffsetDateTime::now_utc() + until;
        // Without it, Python from 3.13 on refuses the chain.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &authority.issuer)?, key))
    };
    let (certificate, key) = made().map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

impl Certificates {
    /// The good leaf is for this machine, and for these names and addresses.
    pub(super) fn make(names: &[String]) -> io::Result<Certificates> {
        let trusted = authority("ovo-sandbox test authority").map_err(io::Error::other)?;
        let unknown = authority("an authority nobody knows").map_err(io::Error::other)?;
        let loopback = ["localhost", "127.0.0.1", "::1"];
        let more = names.iter().map(String::as_str).filter(|name| !loopback.contains(name));
        let here: Vec<&str> = loopback.into_iter().chain(more).collect();
        // A validity in the past by two days allows for a client clock that lags.
        let (from, until) = (Duration::days(-2), Duration::days(3650));
        Ok(Certificates {
            good: leaf(&trusted, &here, from, until)?,
            expired: leaf(&trusted, &here, Duration::days(-30), Duration::days(-1))?,
            wrong_host: leaf(&trusted, &["elsewhere.invalid"], from, until)?,
            unknown_authority: leaf(&unknown, &here, from, until)?,
            authority_pem: trusted.pem,
        })
    }
}
