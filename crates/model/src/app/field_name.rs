//! The name of a header field that a setting mentions.

use serde::{Deserialize, Serialize};

/// A header's name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldName(String);

/// The text is not the name of a header (RFC 9110 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header's name has letters, digits and hyphens only")]
pub struct InvalidFieldName;

impl FieldName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a service token may be read from it and taken out: not where the
    /// header has a meaning of its own to the gateway.
    #[must_use]
    pub fn may_carry_a_service_token(&self) -> bool {
        const NEEDED: [&str; 6] = ["connection", "content-length", "cookie", "host", "transfer-encoding", "upgrade"];
        !self.0.starts_with("cf-access-") && !NEEDED.contains(&self.as_str())
    }
}

impl TryFrom<String> for FieldName {
    type Error = InvalidFieldName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let is_name = !text.is_empty() && text.bytes().all(valid);
        is_name.then(|| Self(text.to_ascii_lowercase())).ok_or(InvalidFieldName)
    }
}

impl From<FieldName> for String {
    fn from(name: FieldName) -> Self {
        name.0
    }
}
