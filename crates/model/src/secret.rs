//! Secrets, and the one place where chance comes from.

use std::fmt;

use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A text that must not be printed, logged or compared byte by byte. It has no
/// `Display`, its `Debug` shows nothing, and it is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// 256 bits of chance as 43 URL-safe characters.
    #[must_use]
    pub fn random() -> Self {
        use base64::Engine as _;
        Self::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
    }

    /// The text itself. Each call is a place where the secret leaves the type.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is stored instead of the secret.
    #[must_use]
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// SHA-256 of a random secret. A slow hash would add nothing to 256 bits of
/// chance, and would hand strangers a way to burn our processors.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// What no secret has: to be compared with where there is none.
    pub const OF_NOTHING: Self = Self([0; 32]);

    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// `None` when the text is not 64 hex characters.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

impl PartialEq for SecretDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretDigest {}

/// Bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that needs
/// chance can go on safely.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that chance comes from")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `2 * N` hex characters of chance.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random_bytes::<N>())
}

/// So many letters and digits of chance, each as likely as the others.
pub(crate) fn random_alphanumeric(length: usize) -> String {
    const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // The bytes beyond the last whole multiple of 62 would favour some.
    let fair = std::iter::repeat_with(random_bytes::<64>).flatten().filter(|byte| *byte < 248);
    fair.take(length).map(|byte| char::from(CHARACTERS[usize::from(byte % 62)])).collect()
}

pub(crate) fn random_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(random_bytes()).into_uuid()
}

/// The hex SHA-256 of a text, for values that are looked up by digest.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself_when_formatted() {
        let secret = Secret::new("hunter2".into());
        assert!(!format!("{secret:?} {:?}", secret.digest()).contains("hunter2"));
    }

    #[test]
    fn a_digest_survives_its_hex_form() {
        let digest = Secret::new("s".into()).digest();
        assert_eq!(SecretDigest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(SecretDigest::from_hex("zz"), None);
    }
}
