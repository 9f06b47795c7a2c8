//! Certificates: an authority made at the start, a good leaf, leaves that must be refused (B4), and
//! a pair for the merchant, if one is asked for.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
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
    /// Good for three days more.
    pub(super) ending: Arc<ServerConfig>,
    /// What a merchant must show, certificate and key; `None` if nothing.
    pub(super) client_pem: Option<String>,
}

struct Authority {
    certificate: Certificate,
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
    let certificate = params.self_signed(&key)?;
    Ok(Authority { certificate, issuer: Issuer::new(params, key) })
}

fn leaf(
    authority: &Authority,
    names: &[&str],
    from: Duration,
    until: Duration,
) -> Result<(Certificate, KeyPair), rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "ovo-sandbox");
    params.not_before = OffsetDateTime::now_utc() + from;
    params.not_after = OffsetDateTime::now_utc() + until;
    // Without it, Python from 3.13 on refuses the chain.
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, &authority.issuer)?, key))
}

/// A server that shows this certificate, and asks for one of `clients` if there are any.
fn server(
    (certificate, key): (Certificate, KeyPair),
    clients: Option<&Arc<dyn ClientCertVerifier>>,
) -> io::Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
        .map_err(io::Error::other)?;
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => config.with_client_cert_verifier(Arc::clone(clients)),
    };
    let config =
        config.with_single_cert(vec![certificate.der().clone()], key).map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

/// An authority for merchants' certificates: how they are verified, and one with its key, PEM.
fn clients() -> io::Result<(Arc<dyn ClientCertVerifier>, String)> {
    let ours = authority("ovo-sandbox merchants' authority").map_err(io::Error::other)?;
    let (from, until) = (Duration::days(-2), Duration::days(3650));
    let (certificate, key) =
        leaf(&ours, &["merchant.invalid"], from, until).map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(ours.certificate.der().clone()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().map_err(io::Error::other)?;
    Ok((verifier, format!("{}{}", certificate.pem(), key.serialize_pem())))
}

impl Certificates {
    /// The good leaf is for this machine, and for these names and addresses. `asks`: merchants must
    /// show a certificate, too.
    pub(super) fn make(names: &[String], asks: bool) -> io::Result<Certificates> {
        let trusted = authority("ovo-sandbox test authority").map_err(io::Error::other)?;
        let unknown = authority("an authority nobody knows").map_err(io::Error::other)?;
        let loopback = ["localhost", "127.0.0.1", "::1"];
        let more = names.iter().map(String::as_str).filter(|name| !loopback.contains(name));
        let here: Vec<&str> = loopback.into_iter().chain(more).collect();
        let (clients, client_pem) = asks.then(clients).transpose()?.unzip();
        let show = |authority: &Authority, names: &[&str], from, until| {
            // An hour more, so that so many whole days are left while the sandbox runs.
            let (from, until) = (Duration::days(from), Duration::days(until) + Duration::HOUR);
            let leaf = leaf(authority, names, from, until).map_err(io::Error::other)?;
            server(leaf, clients.as_ref())
        };
        // A validity in the past by two days allows for a client clock that lags.
        Ok(Certificates {
            good: show(&trusted, &here, -2, 3650)?,
            expired: show(&trusted, &here, -30, -1)?,
            wrong_host: show(&trusted, &["elsewhere.invalid"], -2, 3650)?,
            unknown_authority: show(&unknown, &here, -2, 3650)?,
            ending: show(&trusted, &here, -2, 3)?,
            client_pem,
            authority_pem: trusted.certificate.pem(),
        })
    }
}
