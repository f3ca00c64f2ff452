//! One type per kind of identifier, so that an application's id can never be
//! passed where a policy's is wanted.
//!
//! Objects that a configuration file declares get their ids by derivation from
//! the account and their name (UUID version 5): the same file gives the same
//! ids on every node and after every restart, with or without a store.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::secret::random_hex;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id of the object of this kind that a file declares under `name`.
            #[must_use]
            pub fn derived(account: &AccountId, name: &str) -> Self {
                Self(Uuid::new_v5(&account.namespace(), format!("{}:{name}", $kind).as_bytes()))
            }

            /// An id nobody has had before.
            #[must_use]
            pub fn random() -> Self {
                Self(crate::secret::random_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// An Access application.
    AppId "app";
    /// An access policy.
    PolicyId "policy";
    /// A rule group ("Access group").
    GroupId "group";
    /// A configured identity provider.
    IdpId "identity_provider";
    /// A service token object (not its client id).
    ServiceTokenId "service_token";
    /// A person; the `sub` of their tokens, stable per e-mail and account.
    UserId "user";
    /// A list of addresses or networks that rules refer to.
    ListId "list";
    /// A root of client certificates.
    CertificateId "certificate";
    /// A page of the operator's own.
    CustomPageId "custom_page";
    /// An application's certificate authority for SSH.
    SshCaId "ssh_ca";
    /// Somebody's request to be let in for a while.
    ApprovalId "approval";
}

impl IdpId {
    /// The identity provider that an emulator has without being told.
    #[must_use]
    pub fn built_in(account: &AccountId) -> Self {
        Self::derived(account, "doorward:built-in")
    }
}

/// The account that owns everything: 32 lower-case hex characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The account id used when none is configured.
    #[must_use]
    pub fn derived(team_name: &str) -> Self {
        let digest = Sha256::digest(format!("account:{team_name}").as_bytes());
        Self(hex::encode(&digest[..16]))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn namespace(&self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.0.as_bytes())
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        lower_hex(&text, 32).then_some(Self(text)).ok_or(InvalidId("an account id is 32 lower-case hex characters"))
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

/// The audience tag of an application: 64 lower-case hex characters, unique
/// per application, unchanged for its life (Access docs, "application token").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Aud(String);

impl Aud {
    /// The tag of an application, derived from its id.
    #[must_use]
    pub fn of_app(account: &AccountId, app: AppId) -> Self {
        Self(hex::encode(Sha256::digest(format!("aud:{}:{app}", account.as_str()).as_bytes())))
    }

    /// The tag that organisation tokens carry: one per team.
    #[must_use]
    pub fn of_team(account: &AccountId) -> Self {
        Self(hex::encode(Sha256::digest(format!("aud:{}:org", account.as_str()).as_bytes())))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Aud {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        lower_hex(&text, 64).then_some(Self(text)).ok_or(InvalidId("an audience tag is 64 lower-case hex characters"))
    }
}

impl From<Aud> for String {
    fn from(aud: Aud) -> Self {
        aud.0
    }
}

impl fmt::Display for Aud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one sign-in: the key under which its identity is kept, and the
/// `identity_nonce` of every token that came from it. 16 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityNonce(String);

impl IdentityNonce {
    #[must_use]
    pub fn random() -> Self {
        Self(random_hex::<8>())
    }

    /// Reads a nonce out of a token or a row; any text is a nonce that nobody has.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names one request, on pages, in logs and in `Cf-Ray`: 16 hex characters.
/// Every request has one, so it is a value without an allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RayId([u8; 16]);

impl RayId {
    #[must_use]
    pub fn random() -> Self {
        Self::of(u64::from_le_bytes(crate::secret::random_bytes()))
    }

    fn of(number: u64) -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut text = [0; 16];
        let mut rest = number;
        for digit in text.iter_mut().rev() {
            *digit = DIGITS[(rest & 15) as usize];
            rest >>= 4;
        }
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are ASCII")
    }
}

impl fmt::Debug for RayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RayId({})", self.as_str())
    }
}

/// Makes ray ids without asking the operating system for each: unique within
/// the process, spread over all nodes by a random start, and no secret.
#[derive(Debug)]
pub struct Rays {
    start: u64,
    next: AtomicU64,
}

impl Rays {
    #[must_use]
    pub fn new() -> Self {
        Self { start: u64::from_le_bytes(crate::secret::random_bytes()), next: AtomicU64::new(0) }
    }

    #[must_use]
    pub fn next(&self) -> RayId {
        // The finaliser of splitmix64 is a bijection: no two counts give one id.
        let mut id =
            self.start.wrapping_add(self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RayId::of(id ^ (id >> 31))
    }
}

impl Default for Rays {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not an id; the message says what one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

fn lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_derived_twice_from_one_name_is_the_same() {
        let account = AccountId::derived("acme");
        assert_eq!(AppId::derived(&account, "Wiki"), AppId::derived(&account, "Wiki"));
        assert_ne!(AppId::derived(&account, "Wiki"), AppId::derived(&account, "wiki"));
        assert_ne!(AppId::derived(&account, "Wiki").0, PolicyId::derived(&account, "Wiki").0);
    }

    #[test]
    fn ray_ids_do_not_repeat() {
        let rays = Rays::new();
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| rays.next().to_string()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 16));
    }

    #[test]
    fn an_audience_tag_is_64_lower_case_hex_characters() {
        let aud = Aud::of_app(&AccountId::derived("acme"), AppId::random());
        assert!(Aud::try_from(aud.as_str().to_owned()).is_ok());
        assert!(Aud::try_from(aud.as_str().to_uppercase()).is_err());
        assert!(Aud::try_from("abc".to_owned()).is_err());
    }
}
