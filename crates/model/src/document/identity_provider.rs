//! An identity provider: its client secret is kept sealed, beside the document.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::IdpId;
use crate::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use crate::secret::Secret;

/// `…/access/identity_providers/{id}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityProviderDocument {
    pub id: IdpId,
    pub name: String,
    /// Cloudflare's word: `oidc`, `saml`, `onetimepin` …
    #[serde(rename = "type")]
    pub kind: String,
    pub config: IdentityProviderConfig,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the types we know read in `config`; each type has more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityProviderConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certs_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_claim_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkce_enabled: Option<bool>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What a provider has beyond Access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityProviderExtension {
    /// Its place in the file; people choose in this order, and what the API made comes last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// Where the endpoints are discovered, or what `iss` has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trust_unverified_email: bool,
    /// SHA-256 of the secret by which the provider proves itself to SCIM, in
    /// hex; there is one as long as SCIM is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scim_secret: Option<String>,
}

impl IdentityProviderDocument {
    /// The provider people can sign in with; `None` for a type that cannot be used yet.
    ///
    /// # Errors
    /// When a part is missing that the type needs.
    pub fn provider(
        self,
        extension: IdentityProviderExtension,
        secret: Option<Secret>,
    ) -> Result<Option<IdentityProvider>, &'static str> {
        if self.kind != "oidc" {
            return Ok(None);
        }
        let config = self.config;
        let endpoints = match (config.auth_url, config.token_url, config.certs_url, extension.issuer) {
            (Some(auth_url), Some(token_url), Some(certs_url), issuer) => {
                OidcEndpoints::Explicit { issuer, auth_url, token_url, certs_url }
            }
            (None, None, None, Some(issuer)) => OidcEndpoints::Discovered { issuer },
            _ => return Err("its endpoints are not complete"),
        };
        Ok(Some(IdentityProvider {
            id: self.id,
            name: self.name,
            kind: IdpKind::Oidc(OidcProvider {
                client_id: config.client_id.ok_or("it has no client_id")?,
                client_secret: secret.ok_or("it has no client_secret")?,
                endpoints,
                scopes: config.scopes.unwrap_or_else(|| ["openid", "email", "profile"].map(str::to_owned).to_vec()),
                claims: config.claims.unwrap_or_default(),
                email_claim_name: config.email_claim_name,
                pkce_enabled: config.pkce_enabled.unwrap_or(true),
                trust_unverified_email: extension.trust_unverified_email,
            }),
        }))
    }

    /// The document of a provider, what it has beyond Access, and its secret.
    #[must_use]
    pub fn of(provider: &IdentityProvider, place: usize) -> (Self, IdentityProviderExtension, Secret) {
        let IdpKind::Oidc(oidc) = &provider.kind;
        let (issuer, [auth_url, token_url, certs_url]) = match oidc.endpoints.clone() {
            OidcEndpoints::Discovered { issuer } => (Some(issuer), [None, None, None]),
            OidcEndpoints::Explicit { issuer, auth_url, token_url, certs_url } => {
                (issuer, [auth_url, token_url, certs_url].map(Some))
            }
        };
        let config = IdentityProviderConfig {
            client_id: Some(oidc.client_id.clone()),
            auth_url,
            token_url,
            certs_url,
            scopes: Some(oidc.scopes.clone()),
            claims: Some(oidc.claims.clone()),
            email_claim_name: oidc.email_claim_name.clone(),
            pkce_enabled: Some(oidc.pkce_enabled),
            more: Map::new(),
        };
        let kind = provider.type_name().to_owned();
        let document = Self { id: provider.id, name: provider.name.clone(), kind, config, more: Map::new() };
        let extension = IdentityProviderExtension {
            place: Some(place),
            issuer,
            trust_unverified_email: oidc.trust_unverified_email,
            scim_secret: None,
        };
        (document, extension, oidc.client_secret.clone())
    }
}
