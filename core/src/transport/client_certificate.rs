//! Who this side is, for hosts that ask: acquirers that terminate mutual TLS.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::{CertifiedKey, SigningKey};
use zeroize::Zeroizing;

use super::Validity;
use crate::error::{Error, ErrorKind};
use crate::secret_file;

/// A certificate with its chain, and the private key that belongs to it. The key is a secret:
/// neither `Debug` nor an error shows it, and all that was read of it is wiped. What TLS signs with
/// lives as long as the last copy of this value.
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

impl ClientCertificate {
    /// From PEM texts: the certificate, followed by its intermediates if it has any, and the key
    /// (PKCS #8, PKCS #1 or SEC 1; RSA, P-256, P-384 or Ed25519), not encrypted. They may be the same
    /// text. Wiping the caller's own copy is the caller's.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), naming `client_certificate` or `client_key`
    /// and the rule, never content.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let unusable = || invalid("client_certificate", "is not valid PEM of a certificate");
        let text = in_ascii(certificate);
        let sections = text.split("-----BEGIN CERTIFICATE-----").skip(1);
        let chain: Option<Vec<CertificateDer<'static>>> =
            sections.map(|section| Some(decoded(section)?.to_vec().into())).collect();
        let chain = chain.ok_or_else(unusable)?;
        if chain.is_empty() {
            return Err(invalid("client_certificate", "holds no certificate"));
        }
        let certified = CertifiedKey::new(chain, signing_key(key)?);
        if belong_together(&certified).ok_or_else(unusable)? {
            Ok(ClientCertificate(Arc::new(certified)))
        } else {
            Err(invalid("client_key", "does not belong to the first certificate"))
        }
    }

    /// From PEM files of at most 64 KiB, which may be the same. Read once, now.
    ///
    /// ```no_run
    /// use ovo_ptp::transport::ClientCertificate;
    ///
    /// let ours = ClientCertificate::from_files("/etc/shop/till.pem", "/etc/shop/till.key")?;
    /// # Ok::<(), ovo_ptp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem), and if a file cannot be read or the key's can be read or
    /// written by other users of the machine (mode `o+r`, `o+w`).
    pub fn from_files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        let named = |field: &'static str, path: &Path, rule: String| {
            invalid(field, &format!("{}: {rule}", path.display()))
        };
        let chain = secret_file::read(certificate, secret_file::MAX_FILE)
            .map_err(|rule| named("client_certificate", certificate, rule))?;
        let secret = secret_file::read_own(key).map_err(|rule| named("client_key", key, rule))?;
        ClientCertificate::from_pem(&chain, &secret)
    }

    /// The certificate itself, DER.
    pub(super) fn der(&self) -> &[u8] {
        self.0.cert.first().map_or(&[], |certificate| certificate)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// Whether the key is the first certificate's; `None` if that is no certificate.
fn belong_together(certified: &CertifiedKey) -> Option<bool> {
    match certified.keys_match() {
        Ok(()) => Some(true),
        Err(rustls::Error::InconsistentKeys(_)) => Some(false),
        // Of X.509 version 1, which the TLS library reads of nobody and acquirers still issue: it is the
        // host's to like. The public key stands in it as it is, whatever the version.
        Err(_) => {
            let certificate = certified.cert.first()?;
            Validity::of(certificate)?;
            let own = certified.key.public_key()?;
            Some(certificate.windows(own.len()).any(|part| part == own.as_ref()))
        }
    }
}

/// A PEM text for reading: only its comments may be in another alphabet, and none of them counts.
fn in_ascii(pem: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(pem.len()));
    text.extend(pem.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '?' }));
    text
}

/// What a PEM section holds, from behind its first line on. Decoded here, keys and all else that their
/// files hold: the TLS library's own reader leaves copies in freed memory.
fn decoded(section: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (body, _) = section.split_once("-----END ")?;
    let mut encoded = Zeroizing::new(Vec::with_capacity(body.len()));
    encoded.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; encoded.len()]);
    let length = BASE64_STANDARD.decode_slice(&*encoded, &mut der).ok()?;
    der.truncate(length);
    Some(der)
}

/// The first private key of a PEM text, for TLS. What else was read of it is wiped.
fn signing_key(pem: &[u8]) -> Result<Arc<dyn SigningKey>, Error> {
    let unsuitable = || invalid("client_key", "is of no kind that TLS can sign with");
    let unusable = || invalid("client_key", "is not valid PEM of a private key");
    let text = in_ascii(pem);
    let (begin, end) = ("-----BEGIN ", "PRIVATE KEY-----");
    let found = text.split(begin).skip(1).find_map(|section| {
        let (kind, rest) = section.split_once(end)?;
        (!kind.contains('\n')).then_some((kind, rest))
    });
    let (kind, rest) = found.ok_or_else(|| invalid("client_key", "holds no private key"))?;
    let header = rest.split("-----END ").next().unwrap_or_default();
    if kind == "ENCRYPTED " || header.contains("ENCRYPTED") {
        return Err(invalid(
            "client_key",
            "is encrypted; decrypt it into a file of mode 0600 (openssl pkey)",
        ));
    }
    let der = decoded(rest).ok_or_else(unusable)?;
    let der = der.as_slice();
    let key: PrivateKeyDer<'_> = match kind {
        "" => PrivatePkcs8KeyDer::from(der).into(),
        "RSA " => PrivatePkcs1KeyDer::from(der).into(),
        "EC " => PrivateSec1KeyDer::from(der).into(),
        _ => return Err(unsuitable()),
    };
    any_supported_type(&key).map_err(|_| unsuitable())
}

fn invalid(field: &'static str, rule: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{field}: {rule}")).about_field(field)
}

/// Shows the certificate to hosts that ask for one, and remembers that one asked.
pub(super) struct Presenter {
    certificate: Option<ClientCertificate>,
    asked: AtomicBool,
}

impl Presenter {
    pub(super) fn new(certificate: Option<ClientCertificate>) -> Arc<Self> {
        Arc::new(Presenter { certificate, asked: AtomicBool::new(false) })
    }

    pub(super) fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_ref()
    }

    /// Whether a host has ever asked.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Presenter {
    /// The host's hints are not heeded: it refuses what it does not like, and says why.
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certificate.as_ref().map(|certificate| Arc::clone(&certificate.0))
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}

impl fmt::Debug for Presenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presenter")
    }
}
