//! A service token: its secret is kept as a digest, beside the document.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::ServiceTokenId;
use crate::secret::SecretDigest;
use crate::service_token::{ClientId, ReplacedSecret, ServiceToken};
use crate::time::Timestamp;

/// `…/access/service_tokens/{id}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceTokenDocument {
    pub id: ServiceTokenId,
    pub name: String,
    pub client_id: ClientId,
    /// As written; `forever` when it never ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// RFC 3339; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

const fn yes() -> bool {
    true
}

/// What is kept of the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTokenExtension {
    /// SHA-256 of the secret, in hex.
    pub client_secret: String,
    /// Counts the secrets the token has had.
    #[serde(default = "first")]
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// The secret before a rotation, which works for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    pub client_secret: String,
    /// RFC 3339.
    pub expires_at: String,
}

const fn first() -> u64 {
    1
}

impl ServiceTokenExtension {
    /// Of a token that was just made.
    #[must_use]
    pub fn of(secret: SecretDigest) -> Self {
        Self { client_secret: secret.to_hex(), version: first(), previous: None }
    }
}

impl ServiceTokenDocument {
    /// The token; the error says what is wrong with it.
    ///
    /// # Errors
    /// When the digest or the end cannot be read. A token whose end is
    /// unknown must not be taken for one that never ends.
    pub fn token(self, extension: &ServiceTokenExtension) -> Result<ServiceToken, &'static str> {
        let expires_at =
            self.expires_at.as_deref().map(|text| Timestamp::from_rfc3339(text).ok_or("expires_at is no moment"));
        Ok(ServiceToken {
            id: self.id,
            name: self.name,
            client_id: self.client_id,
            client_secret: digest(&extension.client_secret)?,
            previous: extension.previous.as_ref().map(PreviousSecret::replaced).transpose()?,
            enabled: self.enabled,
            expires_at: expires_at.transpose()?,
        })
    }
}

impl PreviousSecret {
    fn replaced(&self) -> Result<ReplacedSecret, &'static str> {
        let until = Timestamp::from_rfc3339(&self.expires_at).ok_or("the end of the previous secret is no moment")?;
        Ok(ReplacedSecret { client_secret: digest(&self.client_secret)?, until })
    }
}

fn digest(text: &str) -> Result<SecretDigest, &'static str> {
    SecretDigest::from_hex(text).ok_or("the digest is none")
}

impl From<&ServiceToken> for ServiceTokenDocument {
    fn from(token: &ServiceToken) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            client_id: token.client_id.clone(),
            duration: token.expires_at.is_none().then(|| "forever".to_owned()),
            expires_at: token.expires_at.map(Timestamp::to_rfc3339),
            enabled: token.enabled,
            more: Map::new(),
        }
    }
}

impl From<&ServiceToken> for ServiceTokenExtension {
    fn from(token: &ServiceToken) -> Self {
        let previous = token.previous.as_ref().map(|previous| PreviousSecret {
            client_secret: previous.client_secret.to_hex(),
            expires_at: previous.until.to_rfc3339(),
        });
        Self { previous, ..Self::of(token.client_secret) }
    }
}
