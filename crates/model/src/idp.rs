//! A configured identity provider.

use serde::{Deserialize, Serialize};

use crate::id::IdpId;
use crate::secret::Secret;

/// A provider people can sign in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    pub id: IdpId,
    pub name: String,
    pub kind: IdpKind,
}

impl IdentityProvider {
    /// Cloudflare's word for the type: `oidc`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            IdpKind::Oidc(_) => "oidc",
        }
    }
}

/// What each type of provider needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdpKind {
    Oidc(OidcProvider),
}

/// A generic OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProvider {
    pub client_id: String,
    pub client_secret: Secret,
    pub endpoints: OidcEndpoints,
    pub scopes: Vec<String>,
    /// Claims copied into the identity and into `custom` of the token.
    pub claims: Vec<String>,
    /// The claim that holds the address; `email` when none is named.
    pub email_claim_name: Option<String>,
    pub pkce_enabled: bool,
    /// Whether an address counts although the provider does not say
    /// `email_verified`. An `email_verified` of `false` never counts.
    pub trust_unverified_email: bool,
}

/// Where a provider's endpoints are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OidcEndpoints {
    /// Read from `<issuer>/.well-known/openid-configuration`.
    Discovered { issuer: String },
    /// Named one by one. Without an issuer, the ID token's `iss` is taken to
    /// be whatever the keys at `certs_url` vouch for, as Access does.
    Explicit { issuer: Option<String>, auth_url: String, token_url: String, certs_url: String },
}
