//! The `random` and `hmac` headers ([protocol 1.3]).
//!
//! [protocol 1.3]: crate::manual::protocol#13-what-the-signature-covers

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use crate::credentials::AppKey;
use crate::wib::WallTime;

/// What the HMAC covers. OVO's page contradicts itself: its text says app id, random and body;
/// its own test vector and every implementation that was found leave the body out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SigningMode {
    /// App id and random. The published vector; the default.
    #[default]
    WithoutBody,
    /// App id, random and the exact bytes of the body. The page's text.
    WithBody,
}

/// Signs requests for one app id. Holds the key in its keyed form only; the key's text is the HMAC
/// key as it stands, never hex-decoded ([protocol 1.3]).
///
/// [protocol 1.3]: crate::manual::protocol#13-what-the-signature-covers
#[derive(Clone)]
pub struct Signer {
    app_id: String,
    mode: SigningMode,
    keyed: Hmac<Sha256>,
}

/// The two headers of one attempt. Made anew for every attempt from one reading of the clock, in seconds:
/// attempts of one second have the same `random` and, without the body, the same `hmac` ([protocol 1.3]).
/// Wiped from memory when dropped.
///
/// [protocol 1.3]: crate::manual::protocol#13-what-the-signature-covers
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    /// `random`: Unix seconds, ten digits.
    pub random: String,
    /// `hmac`: 64 lower-case hexadecimal digits.
    pub hmac: String,
}

impl Signer {
    /// A signer for an app id.
    pub fn new(app_id: &str, key: &AppKey, mode: SigningMode) -> Self {
        let keyed = Hmac::new_from_slice(key.text().as_bytes())
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        Signer { app_id: app_id.to_owned(), mode, keyed }
    }

    /// The app id that is sent and signed.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// What the signatures cover.
    pub fn mode(&self) -> SigningMode {
        self.mode
    }

    /// The same signer covering something else.
    pub fn with_mode(&self, mode: SigningMode) -> Self {
        Signer { mode, ..self.clone() }
    }

    /// The headers for `body`, sent at `now`.
    pub fn sign(&self, body: &[u8], now: WallTime) -> Signature {
        self.sign_text(body, now.unix_seconds().to_string())
    }

    /// Like [`sign`](Self::sign) with the text of `random` given: for vectors and for hosts.
    pub fn sign_text(&self, body: &[u8], random: String) -> Signature {
        let mut mac = self.keyed.clone();
        mac.update(self.app_id.as_bytes());
        mac.update(random.as_bytes());
        if self.mode == SigningMode::WithBody {
            mac.update(body);
        }
        let digest = mac.finalize().into_bytes();
        let mut hmac = String::with_capacity(64);
        for byte in digest {
            for nibble in [byte >> 4, byte & 15] {
                hmac.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Signature { random, hmac }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Drop for Signature {
    fn drop(&mut self) {
        self.hmac.zeroize();
    }
}

impl std::fmt::Debug for Signature {
    /// An hmac is as good as a password for as long as OVO accepts its `random`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(..)")
    }
}
