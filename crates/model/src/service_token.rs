//! A service token: the credential of a machine.

use serde::{Deserialize, Serialize};

use crate::id::ServiceTokenId;
use crate::secret::{Secret, SecretDigest, random_alphanumeric, sha256_hex};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplacedSecret {
    pub client_secret: SecretDigest,
    pub until: Timestamp,
}

impl ServiceToken {
    /// Whether the secret is this token's and the token is in force.
    #[must_use]
    pub fn accepts(&self, secret: &Secret, now: Timestamp) -> bool {
        self.accepts_digest(secret.digest(), now)
    }

    /// The same for a secret of which only the digest is there any more.
    #[must_use]
    pub fn accepts_digest(&self, digest: SecretDigest, now: Timestamp) -> bool {
        // Both are always compared: how long it takes tells nothing (M-05).
        let previous = self.previous.unwrap_or(NO_PREVIOUS);
        let is_previous = (previous.client_secret == digest) & (now < previous.until);
        ((self.client_secret == digest) | is_previous) & self.in_force(now)
    }

    /// Whether it is enabled and has not expired.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }
}

/// In the place of a previous secret where there is none; it has always ended.
const NO_PREVIOUS: ReplacedSecret =
    ReplacedSecret { client_secret: SecretDigest::OF_NOTHING, until: Timestamp(i64::MIN) };

/// What a request with an unknown client id is compared with: it costs what a
/// known one costs.
#[must_use]
pub fn accepts_nothing(secret: SecretDigest) -> bool {
    let compared = (SecretDigest::OF_NOTHING == secret) | (NO_PREVIOUS.client_secret == secret);
    compared & false
}

/// Begins the secrets that Access makes since August 2026, so that scanners
/// find them where they do not belong.
pub const SECRET_PREFIX: &str = "cfast_";
const SECRET_LENGTH: usize = 40;
const CHECKSUM_LENGTH: usize = 8;

/// A new client secret: the prefix, 40 letters and digits of chance (238 bits),
/// and a checksum. Which one Cloudflare takes is not published; ours are the
/// first eight hex digits of the SHA-256 of what stands before them.
#[must_use]
pub fn new_secret() -> Secret {
    let mut text = format!("{SECRET_PREFIX}{}", random_alphanumeric(SECRET_LENGTH));
    let checksum = checksum(&text);
    text.push_str(&checksum);
    Secret::new(text)
}

/// Whether a text with the prefix has the shape and the checksum of a secret
/// that [`new_secret`] made: mistyped ones do not. Other secrets have none.
#[must_use]
pub fn is_intact(secret: &Secret) -> bool {
    let text = secret.expose();
    if !text.starts_with(SECRET_PREFIX) {
        return true;
    }
    let length = SECRET_PREFIX.len() + SECRET_LENGTH;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain && text.len() == length + CHECKSUM_LENGTH && checksum(&text[..length]) == text[length..]
}

fn checksum(text: &str) -> String {
    sha256_hex(text)[..CHECKSUM_LENGTH].to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn rotated() -> (ServiceToken, SecretDigest, SecretDigest) {
        let (new, old) = (new_secret().digest(), new_secret().digest());
        let token = ServiceToken {
            id: ServiceTokenId::random(),
            name: "robot".into(),
            client_id: ClientId::try_from(format!("{}.access", "0".repeat(32))).unwrap(),
            client_secret: new,
            previous: Some(ReplacedSecret { client_secret: old, until: NOW }),
            enabled: true,
            expires_at: None,
        };
        (token, new, old)
    }

    #[test]
    fn m_07_a_replaced_secret_holds_until_its_grace_ends() {
        let (token, new, old) = rotated();
        let before = Timestamp(NOW.0 - 1);
        assert!(token.accepts_digest(new, NOW) && token.accepts_digest(old, before));
        assert!(!token.accepts_digest(old, NOW));
        assert!(!ServiceToken { previous: None, ..token.clone() }.accepts_digest(old, before));
        assert!(!token.accepts_digest(SecretDigest::OF_NOTHING, before));
    }

    #[test]
    fn m_07_disabling_or_the_end_stops_both_secrets() {
        let (token, new, old) = rotated();
        let before = Timestamp(NOW.0 - 1);
        let disabled = ServiceToken { enabled: false, ..token.clone() };
        let ended = ServiceToken { expires_at: Some(before), ..token };
        for token in [disabled, ended] {
            assert!(!token.accepts_digest(new, before) && !token.accepts_digest(old, before));
        }
    }

    #[test]
    fn m_05_an_unknown_client_id_is_compared_and_accepts_nothing() {
        assert!(!accepts_nothing(SecretDigest::OF_NOTHING) && !accepts_nothing(new_secret().digest()));
    }

    #[test]
    fn a_new_secret_has_the_form_of_access_and_a_checksum_that_finds_slips() {
        let secret = new_secret();
        let text = secret.expose();
        assert!(text.len() == 54 && text.starts_with("cfast_"), "{} characters", text.len());
        assert!(is_intact(&secret) && secret != new_secret());
        for at in 6..text.len() {
            let mut slip = text.to_owned();
            let other = if &text[at..=at] == "a" { "b" } else { "a" };
            slip.replace_range(at..=at, other);
            assert!(!is_intact(&Secret::new(slip)), "at {at}");
        }
        assert!(!is_intact(&Secret::new(text[..53].to_owned())));
        assert!(is_intact(&Secret::new("0".repeat(64))), "the older form has no checksum");
    }
}
