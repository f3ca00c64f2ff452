//! A token of the management API: only its digest is kept, beside the document.

use serde::{Deserialize, Serialize};

use super::{Content, Key, Kind};
use crate::secret::{Secret, random_uuid};
use crate::time::Timestamp;

/// Whose token it is, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokenDocument {
    pub name: String,
    pub scope: Scope,
    /// RFC 3339; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<String>,
}

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Read,
    Edit,
}

/// What is kept of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokenExtension {
    /// SHA-256, in hex.
    pub digest: String,
}

impl ApiTokenDocument {
    /// A token that nobody has had before, and the object to be kept of it.
    #[must_use]
    pub fn minted(&self) -> (Secret, Key, Content) {
        let token = Secret::random();
        let content = Content::new(self, &ApiTokenExtension { digest: token.digest().to_hex() }, None);
        (token, Key::new(Kind::ApiToken, random_uuid()), content)
    }

    /// Whether it still counts. An end that cannot be read has come.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        let end = self.expires_on.as_deref().map(Timestamp::from_rfc3339);
        end.is_none_or(|end| end.is_some_and(|end| now < end))
    }
}
