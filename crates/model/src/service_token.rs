//! A service token: the credential of a machine.

use serde::{Deserialize, Serialize};

use crate::id::ServiceTokenId;
use crate::secret::{Secret, SecretDigest};
use crate::time::Timestamp;

/// A service token as it is kept: the secret only as a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceToken {
    pub id: ServiceTokenId,
    pub name: String,
    /// `<32 hex>.access`, sent in `CF-Access-Client-Id`.
    pub client_id: ClientId,
    pub client_secret: SecretDigest,
    /// The secret before the last rotation.
    pub previous: Option<ReplacedSecret>,
    pub enabled: bool,
    /// `None` lasts for ever.
    pub expires_at: Option<Timestamp>,
}

/// A secret that was replaced, and works until a moment all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedSecret {
    pub client_secret: SecretDigest,
    pub until: Timestamp,
}

impl ServiceToken {
    /// Whether the secret is this token's and the token is in force.
    #[must_use]
    pub fn accepts(&self, secret: &Secret, now: Timestamp) -> bool {
        let digest = secret.digest();
        let previous = self.previous.as_ref().is_some_and(|one| (one.client_secret == digest) & (now < one.until));
        ((self.client_secret == digest) | previous) & self.in_force(now)
    }

    /// Whether it is enabled and has not expired.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The public half of a service token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text does not look like a client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client id is 32 lower-case hex characters followed by .access")]
pub struct InvalidClientId;

impl TryFrom<String> for ClientId {
    type Error = InvalidClientId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hex = text.strip_suffix(".access").unwrap_or_default();
        let valid = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then_some(Self(text)).ok_or(InvalidClientId)
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}
