//! The keys in force: one that signs, and those that are published and
//! accepted beside it. Immutable; a rotation makes another keyring.

use std::sync::Arc;

use serde::Serialize;

use crate::key::SigningKey;
use crate::{published, token};

/// The keys in force. Previous ones are among the others as long as they
/// overlap; so is the next one, ahead of its time, because validators that read
/// the certs endpoint seldom must know it before it signs.
#[derive(Debug)]
pub struct Keyring {
    current: Arc<SigningKey>,
    others: Vec<Arc<SigningKey>>,
    accepted: Vec<Arc<SigningKey>>,
    encoded_header: String,
    published: String,
}

impl Keyring {
    #[must_use]
    pub fn new(current: Arc<SigningKey>, mut others: Vec<Arc<SigningKey>>) -> Self {
        others.retain(|key| key.kid() != current.kid());
        Self {
            encoded_header: token::encoded_header(current.kid()),
            published: published::document(&current, &others),
            current,
            others,
            accepted: Vec::new(),
        }
    }

    /// Accepts more keys than are published: the next one on a node that may
    /// not have heard yet that another node signs with it.
    #[must_use]
    pub fn also_accepting(mut self, keys: Vec<Arc<SigningKey>>) -> Self {
        self.accepted = keys;
        self
    }

    /// The body of the certs endpoint, made once.
    #[must_use]
    pub fn published(&self) -> &str {
        &self.published
    }

    /// The name of the key that signs.
    #[must_use]
    pub fn current_kid(&self) -> &str {
        self.current.kid()
    }

    /// The public half of the key that signs, as a PEM file.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.current.public_key_pem()
    }

    /// The certificate of the key that signs, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        self.current.certificate_pem()
    }

    /// A token of these claims, signed by the current key.
    ///
    /// # Panics
    /// When the claims have no JSON form; those of [`crate::claims`] and JSON
    /// values have one.
    #[must_use]
    pub fn sign(&self, claims: &impl Serialize) -> String {
        let payload = serde_json::to_vec(claims).expect("claims have a JSON form");
        token::signed(&self.encoded_header, &payload, &self.current)
    }

    /// Whether a token that was verified before is signed by a key that is
    /// still in force: a key keeps its name, so that its name is enough.
    #[must_use]
    pub fn still_accepts(&self, verified: &str) -> bool {
        token::Unverified::read(verified).is_ok_and(|token| self.key(&token.kid).is_some())
    }

    /// The key of exactly this name. A `kid` is compared with what we hold and
    /// used for nothing else (K-03).
    pub(crate) fn key(&self, kid: &str) -> Option<&SigningKey> {
        std::iter::once(&self.current)
            .chain(&self.others)
            .chain(&self.accepted)
            .find(|key| key.kid() == kid)
            .map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::time::Lifetime;

    use super::*;
    use crate::Rejection;
    use crate::testing::{CURRENT, NOW, PREVIOUS, aud, issuers, user_claims};

    #[test]
    fn a_token_keeps_its_validity_when_the_key_rotates_and_loses_it_when_the_key_retires() {
        let accepts = |keyring: &Keyring, token: &str| {
            keyring.verify_app(token, &issuers(), &aud(), NOW, Lifetime::ZERO).map(|_| ())
        };
        let before = Keyring::new(PREVIOUS.clone(), vec![CURRENT.clone()]);
        let after = Keyring::new(CURRENT.clone(), vec![PREVIOUS.clone()]);
        let retired = Keyring::new(CURRENT.clone(), Vec::new());
        let (old, new) = (before.sign(&user_claims()), after.sign(&user_claims()));

        assert_eq!(accepts(&after, &old), Ok(()));
        assert_eq!(accepts(&before, &new), Ok(()), "a node that has not rotated yet knows the next key");
        assert_eq!(accepts(&retired, &old), Err(Rejection::WrongKey));
        assert_eq!(accepts(&retired, &new), Ok(()));
    }

    #[test]
    fn a_key_that_is_only_accepted_is_not_published() {
        let token = Keyring::new(PREVIOUS.clone(), Vec::new()).sign(&user_claims());
        let keyring = Keyring::new(CURRENT.clone(), Vec::new()).also_accepting(vec![PREVIOUS.clone()]);
        assert!(keyring.verify_app(&token, &issuers(), &aud(), NOW, Lifetime::ZERO).is_ok());
        assert_eq!(keyring.published(), Keyring::new(CURRENT.clone(), Vec::new()).published());
    }

    #[test]
    fn a_key_is_published_once_even_when_it_is_given_twice() {
        let keyring = Keyring::new(CURRENT.clone(), vec![CURRENT.clone(), PREVIOUS.clone()]);
        assert_eq!(keyring.published(), Keyring::new(CURRENT.clone(), vec![PREVIOUS.clone()]).published());
    }
}
