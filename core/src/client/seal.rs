//! Phones at rest: encrypted with a key derived from the app key ([operations 3.5], I13).
//!
//! A stolen journal does not show who paid, and no extra key has to be kept: whoever may send
//! requests for these payments has the app key. When the app key changes, what was derived from the
//! former one goes into the journal, sealed with the new one: old phones stay readable. With a
//! former key that nobody gave, they are not, and requests about those payments leave the phone out.
//!
//! [operations 3.5]: crate::manual::operations#35-people

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::credentials::AppKey;
use crate::error::{Error, ErrorKind};
use crate::hex::hex;
use crate::invoice::MerchantInvoice;
use crate::journal::SealedPhone;
use crate::phone::PhoneNumber;

const NONCE_LENGTH: usize = 24;

/// What the phones of a journal are sealed with: the present app key's, and former ones'.
pub(super) struct PhoneSeal {
    present: Derived,
    former: Vec<Derived>,
    /// Former keys in the journal that none of these keys opens. Whoever knows the right one may come
    /// yet, so they stay.
    unopened: Vec<Vec<u8>>,
}

/// What is derived from one app key.
struct Derived {
    secret: Zeroizing<[u8; 64]>,
    cipher: XChaCha20Poly1305,
    tags: Hmac<Sha256>,
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"))
}

impl Derived {
    fn from(app_key: &AppKey) -> Derived {
        let derive = |purpose: &[u8]| {
            let mut mac = keyed(app_key.text().as_bytes());
            mac.update(purpose);
            Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()))
        };
        let mut secret = Zeroizing::new([0; 64]);
        secret[..32].copy_from_slice(&*derive(b"ovo-ptp journal phone encryption v1"));
        secret[32..].copy_from_slice(&*derive(b"ovo-ptp journal phone tag v1"));
        Derived::of(secret)
    }

    fn of(secret: Zeroizing<[u8; 64]>) -> Derived {
        let cipher = XChaCha20Poly1305::new(secret[..32].into());
        let tags = keyed(&secret[32..]);
        Derived { secret, cipher, tags }
    }

    fn tag(&self, text: &[u8]) -> [u8; 16] {
        let mut mac = self.tags.clone();
        mac.update(text);
        let digest = mac.finalize().into_bytes();
        let mut tag = [0u8; 16];
        tag.copy_from_slice(&digest[..16]);
        tag
    }

    /// A name that says nothing about the key. No phone has letters.
    fn name(&self) -> String {
        hex(&self.tag(b"name of the key"))
    }

    fn seal(&self, text: &[u8], belongs_to: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0u8; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| {
            Error::new(ErrorKind::Configuration, "the machine has no source of random numbers")
        })?;
        let payload = Payload { msg: text, aad: belongs_to };
        let ciphertext = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Error::new(ErrorKind::Internal, "journal: nothing can be sealed"))?;
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    fn open(&self, sealed: &[u8], belongs_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LENGTH)?;
        let payload = Payload { msg: ciphertext, aad: belongs_to };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }
}

/// What a former key in the journal is sealed for.
const RING: &[u8] = b"ovo-ptp journal key ring v1";

impl PhoneSeal {
    pub(super) fn new(app_key: &AppKey, previous: &[AppKey]) -> Self {
        let former = previous.iter().map(Derived::from).collect();
        PhoneSeal { present: Derived::from(app_key), former, unopened: Vec::new() }
    }

    /// The name of the present key.
    pub(super) fn key(&self) -> String {
        self.present.name()
    }

    /// The names of the former keys.
    pub(super) fn former_keys(&self) -> Vec<String> {
        self.former.iter().map(Derived::name).collect()
    }

    /// Takes up the former keys that a journal holds, those that can be opened. Returns whether the
    /// journal holds all former ones that are known now, sealed with the present one: then it needs
    /// nobody to give them again.
    pub(super) fn take_up(&mut self, ring: &[Vec<u8>]) -> bool {
        let derived = |secret: Zeroizing<Vec<u8>>| {
            Some(Derived::of(Zeroizing::new(secret.as_slice().try_into().ok()?)))
        };
        let mut held = Vec::new();
        self.unopened = ring.to_vec();
        // One of them may be what opens another.
        loop {
            let before = self.unopened.len();
            for sealed in std::mem::take(&mut self.unopened) {
                let own = self.present.open(&sealed, RING).and_then(derived);
                held.extend(own.as_ref().map(Derived::name));
                let by_former = || {
                    let secret = self.former.iter().find_map(|key| key.open(&sealed, RING))?;
                    derived(secret)
                };
                match own.or_else(by_former) {
                    None => self.unopened.push(sealed),
                    Some(key) if self.knows(&key.name()) => {}
                    Some(key) => self.former.push(key),
                }
            }
            if self.unopened.len() == before {
                break;
            }
        }
        self.former_keys().iter().all(|name| held.contains(name))
    }

    fn knows(&self, name: &str) -> bool {
        name == self.key() || self.former_keys().iter().any(|former| former == name)
    }

    /// The former keys, sealed with the present one, for the journal; and those that it holds and
    /// nobody here can open.
    pub(super) fn ring(&self) -> Result<Vec<Vec<u8>>, Error> {
        let known = self.former.iter().map(|key| self.present.seal(&*key.secret, RING));
        known.chain(self.unopened.iter().map(|sealed| Ok(sealed.clone()))).collect()
    }

    /// Seals a phone for one payment: it opens only together with the payment's invoice.
    pub(super) fn seal(
        &self,
        phone: &PhoneNumber,
        invoice: &MerchantInvoice,
    ) -> Result<SealedPhone, Error> {
        // Always the longest number's length: the size must not tell how long the number is.
        let padded = Zeroizing::new(format!("{:<13}", phone.digits()));
        let sealed = self.present.seal(padded.as_bytes(), invoice.as_str().as_bytes())?;
        Ok(SealedPhone { sealed, tag: self.tag(phone) })
    }

    /// Opens a sealed phone; `None` if it was sealed under an app key that is not known, or for
    /// another invoice.
    pub(super) fn open(
        &self,
        phone: &SealedPhone,
        invoice: &MerchantInvoice,
    ) -> Option<PhoneNumber> {
        let mut keys = [&self.present].into_iter().chain(&self.former);
        let padded = keys.find_map(|key| key.open(&phone.sealed, invoice.as_str().as_bytes()))?;
        std::str::from_utf8(&padded).ok()?.trim_end().parse().ok()
    }

    /// The tag that all payments of one customer share.
    pub(super) fn tag(&self, phone: &PhoneNumber) -> [u8; 16] {
        self.present.tag(phone.digits().as_bytes())
    }

    /// The tags that the customer's payments have under former keys.
    pub(super) fn former_tags(&self, phone: &PhoneNumber) -> Vec<[u8; 16]> {
        self.former.iter().map(|key| key.tag(phone.digits().as_bytes())).collect()
    }

    /// Whether a sealed phone is certainly another one than this. One that nobody here can read is
    /// not.
    pub(super) fn is_another(
        &self,
        sealed: &SealedPhone,
        invoice: &MerchantInvoice,
        phone: &PhoneNumber,
    ) -> bool {
        sealed.tag != self.tag(phone)
            && self.open(sealed, invoice).is_some_and(|sealed| sealed != *phone)
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
        let seal = PhoneSeal::new(&key("a"), &[]);
        let phone: PhoneNumber = "081234567890".parse().unwrap();
        let invoice: MerchantInvoice = "INV-1".parse().unwrap();
        let sealed = seal.seal(&phone, &invoice).unwrap();
        assert_eq!(seal.open(&sealed, &invoice), Some(phone.clone()));
        assert_eq!(seal.open(&sealed, &"INV-2".parse().unwrap()), None);
        assert_eq!(PhoneSeal::new(&key("b"), &[]).open(&sealed, &invoice), None);
        assert_ne!(PhoneSeal::new(&key("b"), &[]).tag(&phone), sealed.tag);
    }

    #[test]
    fn two_payments_of_a_customer_share_the_tag_and_nothing_else() {
        let seal = PhoneSeal::new(&key("a"), &[]);
        let phone: PhoneNumber = "0812345678".parse().unwrap();
        let longer: PhoneNumber = "0812345678901".parse().unwrap();
        let invoice: MerchantInvoice = "INV-1".parse().unwrap();
        let (first, second) =
            (seal.seal(&phone, &invoice).unwrap(), seal.seal(&phone, &invoice).unwrap());
        assert_eq!(first.tag, second.tag);
        assert_ne!(first.sealed, second.sealed);
        assert_eq!(first.sealed.len(), seal.seal(&longer, &invoice).unwrap().sealed.len());
    }

    #[test]
    fn j27_phones_stay_readable_over_changes_of_the_key() {
        let phone: PhoneNumber = "081234567890".parse().unwrap();
        let other: PhoneNumber = "081234567891".parse().unwrap();
        let invoice: MerchantInvoice = "INV-1".parse().unwrap();
        let first = PhoneSeal::new(&key("a"), &[]);
        let sealed = first.seal(&phone, &invoice).unwrap();
        // The second key is told the first one, and leaves a ring; the third one is told the second.
        let second = PhoneSeal::new(&key("b"), &[key("a")]);
        let mut third = PhoneSeal::new(&key("c"), &[key("b")]);
        assert_eq!(third.open(&sealed, &invoice), None);
        assert!(!third.is_another(&sealed, &invoice, &other), "who knows?");
        third.take_up(&second.ring().unwrap());
        // The fourth is told nothing but what the third one left.
        let mut third_again = PhoneSeal::new(&key("c"), &[]);
        third_again.take_up(&third.ring().unwrap());
        for seal in [&first, &second, &third, &third_again] {
            assert_eq!(seal.open(&sealed, &invoice), Some(phone.clone()));
            assert!(seal.is_another(&sealed, &invoice, &other));
            assert!(!seal.is_another(&sealed, &invoice, &phone));
        }
        assert!(third_again.former_tags(&phone).contains(&sealed.tag), "the customer is known");
        let mut stranger = PhoneSeal::new(&key("d"), &[]);
        stranger.take_up(&third.ring().unwrap());
        assert_eq!(stranger.open(&sealed, &invoice), None);
    }
}
