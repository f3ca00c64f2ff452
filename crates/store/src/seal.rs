//! Sealing of what must not be readable in the database or in a cookie:
//! AES-256-GCM under keys derived from the installation's encryption key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::secret::{Secret, random_bytes};

const VERSION: &str = "v1.";
const CONTEXT: &[u8] = b"doorward seal v1: ";

/// Seals and opens under one encryption key. Each purpose has a key of its
/// own, so that a value sealed for one purpose never opens for another.
#[derive(Clone)]
pub struct Seal {
    root: Arc<Prk>,
    kind: SealKind,
}

/// Whether the key is worth anything. The database remembers it, so that the
/// emulator's data never serve production, nor the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealKind {
    Key,
    Emulator,
}

impl Seal {
    /// The seal of an installation. The key should carry 256 bits of chance:
    /// it is derived from, not stretched.
    #[must_use]
    pub fn from_key(key: &Secret) -> Self {
        Self::derived(key.expose().as_bytes(), SealKind::Key)
    }

    /// The emulator's seal: its key is public, so that it works with nothing
    /// configured. It hides nothing.
    #[must_use]
    pub fn for_emulator() -> Self {
        Self::derived(b"the emulator has no secrets", SealKind::Emulator)
    }

    /// The sealed form: `v1.` and URL-safe characters.
    ///
    /// # Panics
    /// Never for what fits into memory.
    #[must_use]
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> String {
        let nonce = random_bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.key(purpose)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose.as_bytes()), &mut sealed)
            .expect("a text below 64 GiB can be sealed");
        format!("{VERSION}{}", URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed; `None` when it was changed, or sealed under another
    /// key or for another purpose.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(VERSION)?).ok()?;
        let (nonce, body) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
        let plain = self
            .key(purpose)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose.as_bytes()), body)
            .ok()?;
        Some(plain.to_vec())
    }

    pub(crate) const fn kind(&self) -> SealKind {
        self.kind
    }

    fn derived(key: &[u8], kind: SealKind) -> Self {
        Self { root: Arc::new(Salt::new(HKDF_SHA256, b"doorward").extract(key)), kind }
    }

    fn key(&self, purpose: &str) -> LessSafeKey {
        let info = [CONTEXT, purpose.as_bytes()];
        let derived = self.root.expand(&info, &AES_256_GCM).expect("HKDF gives as many bytes as an AES key has");
        LessSafeKey::new(UnboundKey::from(derived))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl SealKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Emulator => "emulator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::from_key(&Secret::new("correct horse".into()))
    }

    #[test]
    fn what_was_sealed_opens_again() {
        let sealed = seal().seal("cookie", b"plain");
        assert!(sealed.starts_with("v1.") && !sealed.contains("plain"));
        assert_eq!(seal().open("cookie", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(seal().open("cookie", &seal().seal("cookie", b"")).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn i11_another_key_or_another_purpose_opens_nothing() {
        let sealed = seal().seal("cookie", b"plain");
        assert!(seal().open("key", &sealed).is_none());
        assert!(Seal::from_key(&Secret::new("other".into())).open("cookie", &sealed).is_none());
        assert!(Seal::for_emulator().open("cookie", &sealed).is_none());
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let sealed = seal().seal("cookie", b"plain");
        for (index, _) in sealed.char_indices() {
            let mut changed = sealed.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(seal().open("cookie", &changed).is_none(), "{changed}");
        }
        for text in ["", "v1.", "v1.AAAA", "v2.AAAA", &sealed[..sealed.len() - 2]] {
            assert!(seal().open("cookie", text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        assert_ne!(seal().seal("cookie", b"plain"), seal().seal("cookie", b"plain"));
    }
}
