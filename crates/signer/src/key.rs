//! One RSA key: its private half, which signs and never leaves unasked, and
//! everything that is published about it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::time::{Lifetime, Timestamp};
use jsonwebtoken::DecodingKey;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

use crate::certificate;

/// How names of keys begin that an emulator made.
pub const EMULATOR_MARK: &str = "d00d0000";

/// A key waits for one interval and signs for another, a year each at most, and is believed for some time after.
const CERTIFICATE_LIFE: Lifetime = Lifetime::from_days(2 * 365 + 31);

/// An RSA-2048 key with the certificate that is published for it.
pub struct SigningKey {
    /// Shared with the same key under another name.
    pair: Arc<KeyPair>,
    public: PublicKey,
    certificate_pem: String,
}

/// What everybody may know of a key.
#[derive(Clone)]
pub(crate) struct PublicKey {
    /// 64 hex characters: SHA-256 of the key as SubjectPublicKeyInfo.
    pub(crate) kid: String,
    /// Modulus and exponent as a JWK writes them (RFC 7518 §6.3.1).
    pub(crate) n: String,
    pub(crate) e: String,
    /// Made once; the hot path only looks it up.
    pub(crate) verifying: DecodingKey,
}

/// Why a stored key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the stored private key is not an RSA key of 2048 bits in PKCS#8; restore the row, or remove it for a new key"
    )]
    PrivateKey,
    #[error("the stored certificate is not one of the key beside it; restore the row, or remove it for a new key")]
    Certificate,
}

impl SigningKey {
    /// A new key, with a certificate for the team domain that outlasts its use. Takes 25 to 200 ms: call it on a blocking thread.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn generate(team_domain: &str, now: Timestamp) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the operating system gives random bytes");
        let certificate_pem = certificate::issue(&pair, team_domain, now, CERTIFICATE_LIFE);
        Self::of(pair, certificate_pem).expect("a new RSA key has 2048 bits and a public half")
    }

    /// A key that was made elsewhere, with a certificate of its own.
    ///
    /// # Errors
    /// When it is not an RSA key of 2048 bits.
    pub fn from_pkcs8(pkcs8: &[u8], team_domain: &str, since: Timestamp, life: Lifetime) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::PrivateKey)?;
        let certificate_pem = certificate::issue(&pair, team_domain, since, life);
        Self::of(pair, certificate_pem)
    }

    /// A key as it was stored: with the certificate it was made with, so that
    /// every node publishes the same one.
    ///
    /// # Errors
    /// When the private key is unreadable, or the certificate is of another key.
    pub fn from_stored(pkcs8: &[u8], certificate_pem: &str) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::PrivateKey)?;
        let key = Self::of(pair, certificate_pem.to_owned())?;
        match certificate::certified_key(certificate_pem) == subject_public_key_info(&key.pair) {
            true => Ok(key),
            false => Err(KeyError::Certificate),
        }
    }

    /// A pair with its certificate.
    fn of(pair: KeyPair, certificate_pem: String) -> Result<Self, KeyError> {
        if pair.public_modulus_len() != KeySize::Rsa2048.len() {
            return Err(KeyError::PrivateKey);
        }
        let public = PublicKey::of(&pair).ok_or(KeyError::PrivateKey)?;
        Ok(Self { pair: Arc::new(pair), public, certificate_pem })
    }

    /// The same key under a name that shows that an emulator made it: what it
    /// signs can be refused by its looks where it has no business.
    #[must_use]
    pub fn marked(&self) -> Self {
        let mut public = self.public.clone();
        public.kid.replace_range(..EMULATOR_MARK.len(), EMULATOR_MARK);
        Self { pair: Arc::clone(&self.pair), public, certificate_pem: self.certificate_pem.clone() }
    }

    /// The key's name in token headers: 64 hex characters.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The private key, for sealed storage. It is wiped when dropped.
    ///
    /// # Panics
    /// Never: a key that exists can be written.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().expect("an RSA key has a PKCS#8 form");
        Zeroizing::new(der.as_ref().to_vec())
    }

    /// The certificate of this key, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The public key as SubjectPublicKeyInfo in PEM (RFC 7468 §13).
    ///
    /// # Panics
    /// Never: a key that exists has a public half.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        let der = subject_public_key_info(&self.pair).expect("an RSA key has a public half");
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, which a JWS calls RS256.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        rs256(&self.pair, message)
    }

    #[cfg(test)]
    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

impl PublicKey {
    fn of(pair: &KeyPair) -> Option<Self> {
        let key = rsa::PublicKey::from_pkcs1_der(pair.public_key().as_ref()).ok()?;
        let (n, e) = (key.n_bytes(), key.e_bytes());
        Some(Self {
            kid: hex::encode(digest(&SHA256, &subject_public_key_info(pair)?)),
            verifying: DecodingKey::from_rsa_raw_components(&n, &e),
            n: URL_SAFE_NO_PAD.encode(n),
            e: URL_SAFE_NO_PAD.encode(e),
        })
    }
}

pub(crate) fn rs256(pair: &KeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .expect("a checked RSA-2048 key signs a message of any length");
    signature
}

fn subject_public_key_info(pair: &KeyPair) -> Option<Vec<u8>> {
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some(der.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CURRENT, NOW, STRANGER, TEAM_DOMAIN};

    #[test]
    fn a_key_comes_back_from_storage_as_it_was() {
        let stored = SigningKey::from_stored(&CURRENT.to_pkcs8(), CURRENT.certificate_pem()).unwrap();
        assert_eq!(stored.kid(), CURRENT.kid());
        assert_eq!(stored.certificate_pem(), CURRENT.certificate_pem());
        assert_eq!(stored.sign(b"message"), CURRENT.sign(b"message"));
    }

    #[test]
    fn a_stored_key_is_refused_with_the_certificate_of_another() {
        let pkcs8 = CURRENT.to_pkcs8();
        for pem in [STRANGER.certificate_pem(), "", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"] {
            assert_eq!(SigningKey::from_stored(&pkcs8, pem).unwrap_err(), KeyError::Certificate, "{pem}");
        }
    }

    #[test]
    fn a_stored_key_that_is_not_rsa_2048_is_refused() {
        let larger = KeyPair::generate(KeySize::Rsa3072).unwrap();
        let pem = certificate::issue(&larger, TEAM_DOMAIN, NOW, CERTIFICATE_LIFE);
        let pkcs8: Pkcs8V1Der<'_> = larger.as_der().unwrap();
        assert_eq!(SigningKey::from_stored(pkcs8.as_ref(), &pem).unwrap_err(), KeyError::PrivateKey);
        assert_eq!(SigningKey::from_stored(b"", CURRENT.certificate_pem()).unwrap_err(), KeyError::PrivateKey);
    }

    #[test]
    fn a_kid_is_64_lower_case_hex_characters_and_differs_per_key() {
        assert!(CURRENT.kid().len() == 64 && CURRENT.kid().bytes().all(|b| b"0123456789abcdef".contains(&b)));
        assert_ne!(CURRENT.kid(), STRANGER.kid());
    }

    #[test]
    fn a_marked_name_is_recognised_and_still_the_keys_own() {
        let stored = |key: &SigningKey| SigningKey::from_stored(&key.to_pkcs8(), key.certificate_pem()).unwrap();
        let (one, other) = (stored(&CURRENT).marked(), stored(&STRANGER).marked());
        assert!(one.kid().len() == 64 && one.kid().starts_with(EMULATOR_MARK) && one.kid() != other.kid());
        assert_eq!(one.kid()[8..], CURRENT.kid()[8..]);
    }

    #[test]
    fn a_key_shows_no_more_than_its_name_when_formatted() {
        assert_eq!(format!("{:?}", *CURRENT), format!("SigningKey {{ kid: {:?}, .. }}", CURRENT.kid()));
    }
}
