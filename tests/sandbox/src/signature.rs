//! Checks the `hmac` header (protocol 1.3). Written apart from the core's signer: a client
//! and a host that share their arithmetic would agree on a mistake.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the host accepts as the signed data. OVO's page contradicts itself (protocol 1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// App id and random: the published vector and every implementation that was found.
    WithoutBody,
    /// App id, random and the exact bytes of the body: the page's text.
    WithBody,
    /// Either of the two.
    #[default]
    Either,
    /// Any text at all (OV22). The log still tells what it was.
    Unchecked,
}

/// What the signature of a request turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signed {
    /// Right, over app id and random.
    WithoutBody,
    /// Right, over app id, random and body.
    WithBody,
    /// A header is missing, the app id is not known, or the host did not listen.
    Unread,
    /// `random` is not ten digits or too far from the host's clock.
    Stale,
    /// Wrong; a host that checks none accepts it all the same.
    Wrong,
}

/// 64 lower-case hexadecimal digits. The key is its own text, never hex-decoded (1.3, recomputed
/// from the published vector).
pub(crate) fn hmac_hex(key: &str, parts: &[&[u8]]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        unreachable!("HMAC takes keys of every length")
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Signs as a merchant would, for tests that speak to the host without the core.
pub fn sign(app_id: &str, app_key: &str, random: &str, body: Option<&[u8]>) -> String {
    hmac_hex(app_key, &[app_id.as_bytes(), random.as_bytes(), body.unwrap_or_default()])
}

/// Compares a request's `hmac` with what `accepted` allows.
pub(crate) fn check(
    accepted: Signing,
    app_id: &str,
    app_key: &str,
    random: &str,
    hmac: &str,
    body: &[u8],
) -> Signed {
    let bare = accepted != Signing::WithBody;
    if bare && sign(app_id, app_key, random, None) == hmac {
        return Signed::WithoutBody;
    }
    let whole = accepted != Signing::WithoutBody;
    if whole && sign(app_id, app_key, random, Some(body)) == hmac {
        return Signed::WithBody;
    }
    Signed::Wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key of OVO's own page, printed there for testing a generator.
    const KEY: &str = "a4f6bf89b2a85781b7c1cab997b7ee0c89be03f7ac6ef29b63a45d07253cc401";

    #[test]
    fn the_vectors_of_the_fact_sheet_hold() {
        assert_eq!(
            sign("hypermart", KEY, "1468914526", None),
            "8087f83ffc6a6564b8161e6dce1ee9a82dfc514c83de341587f16abd512fcfd6"
        );
        assert_eq!(
            sign("hypermart", KEY, "1468914526", Some(br#"{"type":"0100"}"#)),
            "a3acc68c1b686095a368315b37bc95ab0f68a3e4e2f7b3977b68af6b7b7f5982"
        );
    }

    #[test]
    fn each_mode_accepts_its_own_signature_only() {
        let body = br#"{"type":"0100"}"#;
        let bare = sign("sandbox", KEY, "1468914526", None);
        let whole = sign("sandbox", KEY, "1468914526", Some(body));
        let verdict =
            |accepted, hmac: &str| check(accepted, "sandbox", KEY, "1468914526", hmac, body);
        assert_eq!(verdict(Signing::WithoutBody, &bare), Signed::WithoutBody);
        assert_eq!(verdict(Signing::WithoutBody, &whole), Signed::Wrong);
        assert_eq!(verdict(Signing::WithBody, &whole), Signed::WithBody);
        assert_eq!(verdict(Signing::WithBody, &bare), Signed::Wrong);
        assert_eq!(verdict(Signing::Either, &bare), Signed::WithoutBody);
        assert_eq!(verdict(Signing::Either, &whole), Signed::WithBody);
    }

    #[test]
    fn the_key_is_text_and_the_digest_is_lower_case() {
        let hmac = sign("sandbox", KEY, "1468914526", None);
        assert_eq!(hmac.len(), 64);
        assert_ne!(hmac, sign("sandbox", &KEY.to_uppercase(), "1468914526", None));
        assert_eq!(hmac, hmac.to_lowercase());
    }
}
