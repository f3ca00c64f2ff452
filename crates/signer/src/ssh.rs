//! The key of an application's certificate authority for SSH (Access docs,
//! "short-lived certificates"): servers trust its public half, and its private
//! half vouches for people for minutes.

mod certificate;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_model::secret::Secret;

pub use self::certificate::{CannotCertify, Vouched};

/// As SSH names keys of this curve (RFC 5656 §3.1).
const TYPE: &str = "ecdsa-sha2-nistp256";
const CURVE: &str = "nistp256";

/// An ECDSA key on P-256.
pub struct SshCaKey {
    pair: EcdsaKeyPair,
}

impl SshCaKey {
    /// A key that nobody has had before.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self { pair: pair.expect("the operating system gives random bytes") }
    }

    /// A key as it was stored; `None` when it is none of this kind.
    #[must_use]
    pub fn from_stored(stored: &Secret) -> Option<Self> {
        let pkcs8 = zeroize::Zeroizing::new(STANDARD.decode(stored.expose()).ok()?);
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).ok().map(|pair| Self { pair })
    }

    /// The private key, PKCS#8 in base64, for sealed storage.
    ///
    /// # Panics
    /// Never: a key that exists can be written.
    #[must_use]
    pub fn to_stored(&self) -> Secret {
        let pkcs8 = self.pair.to_pkcs8v1().expect("a P-256 key has a PKCS#8 form");
        Secret::new(STANDARD.encode(pkcs8.as_ref()))
    }

    /// The line that servers are given in `TrustedUserCAKeys`: the type, and
    /// the key in base64 (RFC 4253 §6.6, RFC 5656 §3.1).
    #[must_use]
    pub fn public_key(&self) -> String {
        format!("{TYPE} {}", STANDARD.encode(self.public_blob()))
    }

    fn uncompressed_point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn public_blob(&self) -> Vec<u8> {
        let parts = [TYPE.as_bytes(), CURVE.as_bytes(), self.uncompressed_point()];
        // Each part is a few dozen bytes long.
        let sized = |part: &[u8]| [&(part.len() as u32).to_be_bytes()[..], part].concat();
        parts.into_iter().flat_map(sized).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_published_as_ssh_writes_it_and_survives_its_stored_form() {
        let key = SshCaKey::generate();
        let line = key.public_key();
        let blob = STANDARD.decode(line.strip_prefix("ecdsa-sha2-nistp256 ").unwrap()).unwrap();
        let head = b"\0\0\0\x13ecdsa-sha2-nistp256\0\0\0\x08nistp256\0\0\0\x41\x04";
        assert_eq!((&blob[..head.len()], blob.len()), (&head[..], head.len() + 64));
        assert_eq!(SshCaKey::from_stored(&key.to_stored()).unwrap().public_key(), line);
        assert_ne!(SshCaKey::generate().public_key(), line);
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "AAAA", "not base64"] {
            assert!(SshCaKey::from_stored(&Secret::new(text.into())).is_none(), "{text}");
        }
    }
}
