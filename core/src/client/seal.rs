//! Phones at rest: encrypted with a key derived from the app key ([operations 3.5], I13).
//!
//! A stolen journal does not show who paid, and no extra key has to be kept: whoever may send
//! requests for these payments has the app key. After a change of the app key, old phones cannot
//! be read; requests about those payments then leave the phone out.
//!
//! [operations 3.5]: crate::manual::operations#35-people

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::credentials::AppKey;
use crate::error::{Error, ErrorKind};
use crate::invoice::MerchantInvoice;
use crate::journal::SealedPhone;
use crate::phone::PhoneNumber;

const NONCE_LENGTH: usize = 24;

pub(super) struct PhoneSeal {
    cipher: XChaCha20Poly1305,
    tags: Hmac<Sha256>,
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"))
}

impl PhoneSeal {
    pub(super) fn new(app_key: &AppKey) -> Self {
        let derive = |purpose: &[u8]| {
            let mut mac = keyed(app_key.text().as_bytes());
            mac.update(purpose);
            Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()))
        };
        let encryption = derive(b"ovo-ptp journal phone encryption v1");
        PhoneSeal {
            cipher: XChaCha20Poly1305::new((&*encryption).into()),
            tags: keyed(&*derive(b"ovo-ptp journal phone tag v1")),
        }
    }

    /// Seals a phone for one payment: it opens only together with the payment's invoice.
    pub(super) fn seal(
        &self,
        phone: &PhoneNumber,
        invoice: &MerchantInvoice,
    ) -> Result<SealedPhone, Error> {
        let failed = || Error::new(ErrorKind::Internal, "phone: cannot be sealed");
        let mut nonce = [0u8; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| {
            Error::new(ErrorKind::Configuration, "the machine has no source of random numbers")
        })?;
        // Always the longest number's length: the size must not tell how long the number is.
        let padded = Zeroizing::new(format!("{:<13}", phone.digits()));
        let payload = Payload { msg: padded.as_bytes(), aad: invoice.as_str().as_bytes() };
        let ciphertext =
            self.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| failed())?;
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(&ciphertext);
        Ok(SealedPhone { sealed, tag: self.tag(phone) })
    }

    /// Opens a sealed phone; `None` if it was sealed under another app key or for another invoice.
    pub(super) fn open(
        &self,
        phone: &SealedPhone,
        invoice: &MerchantInvoice,
    ) -> Option<PhoneNumber> {
        let (nonce, ciphertext) = phone.sealed.split_at_checked(NONCE_LENGTH)?;
        let payload = Payload { msg: ciphertext, aad: invoice.as_str().as_bytes() };
        let padded = Zeroizing::new(self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?);
        std::str::from_utf8(&padded).ok()?.trim_end().parse().ok()
    }

    /// The tag that all payments of one customer share.
    pub(super) fn tag(&self, phone: &PhoneNumber) -> [u8; 16] {
        let mut mac = self.tags.clone();
        mac.update(phone.digits().as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut tag = [0u8; 16];
        tag.copy_from_slice(&digest[..16]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> AppKey {
        AppKey::new(&digit.repeat(64)).unwrap()
    }

    #[test]
    fn a_sealed_phone_opens_only_with_its_key_and_its_invoice() {
        let seal = PhoneSeal::new(&key("a"));
        let phone: PhoneNumber = "081234567890".parse().unwrap();
        let invoice: MerchantInvoice = "INV-1".parse().unwrap();
        let sealed = seal.seal(&phone, &invoice).unwrap();
        assert_eq!(seal.open(&sealed, &invoice), Some(phone.clone()));
        assert_eq!(seal.open(&sealed, &"INV-2".parse().unwrap()), None);
        assert_eq!(PhoneSeal::new(&key("b")).open(&sealed, &invoice), None);
        assert_ne!(PhoneSeal::new(&key("b")).tag(&phone), sealed.tag);
    }

    #[test]
    fn two_payments_of_a_customer_share_the_tag_and_nothing_else() {
        let seal = PhoneSeal::new(&key("a"));
        let phone: PhoneNumber = "0812345678".parse().unwrap();
        let longer: PhoneNumber = "0812345678901".parse().unwrap();
        let invoice: MerchantInvoice = "INV-1".parse().unwrap();
        let (first, second) =
            (seal.seal(&phone, &invoice).unwrap(), seal.seal(&phone, &invoice).unwrap());
        assert_eq!(first.tag, second.tag);
        assert_ne!(first.sealed, second.sealed);
        assert_eq!(first.sealed.len(), seal.seal(&longer, &invoice).unwrap().sealed.len());
    }
}
