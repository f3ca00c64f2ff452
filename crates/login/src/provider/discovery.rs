//! What is known of each provider's endpoints and keys: fetched when first
//! needed, kept for minutes, and never asked for more often than is polite
//! (L-01, L-02).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_model::idp::OidcEndpoints;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, IssuerUrl, JsonWebKeySet, JsonWebKeySetUrl, ProviderMetadata, TokenUrl,
    UserInfoUrl,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::outbound::Outbound;
use crate::provider::ProviderError;

/// How long what was fetched is used without asking again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long it serves while the provider cannot be asked.
const LAST_GOOD: Duration = Duration::from_secs(24 * 60 * 60);
/// The pause after a failure, and between two looks for unknown keys.
const COOL_DOWN: Duration = Duration::from_secs(30);

/// Everything needed to speak to one provider.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    /// Unknown only where the configuration names the endpoints without it.
    pub(crate) issuer: Option<IssuerUrl>,
    pub(crate) authorization_endpoint: AuthUrl,
    pub(crate) token_endpoint: TokenUrl,
    pub(crate) userinfo_endpoint: Option<UserInfoUrl>,
    pub(crate) jwks_uri: JsonWebKeySetUrl,
    pub(crate) keys: CoreJsonWebKeySet,
    /// Every answer carries `iss` (RFC 9207 §3).
    pub(crate) promises_iss: bool,
    /// The token endpoint takes the secret in the body only.
    pub(crate) secret_in_body: bool,
}

/// The providers' metadata, by their endpoints as configured.
#[derive(Debug)]
pub(crate) struct Directory {
    outbound: Outbound,
    entries: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Entry>>>>,
}

/// One provider. Whoever holds its lock is the one that asks; all others wait
/// for that answer.
#[derive(Debug, Default)]
struct Entry {
    known: Option<(Arc<Metadata>, Instant)>,
    failed_at: Option<Instant>,
    keys_sought_at: Option<Instant>,
}

impl Directory {
    pub(crate) fn new(outbound: Outbound) -> Self {
        Self { outbound, entries: Mutex::default() }
    }

    pub(crate) const fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    pub(crate) async fn metadata(&self, endpoints: &OidcEndpoints) -> Result<Arc<Metadata>, ProviderError> {
        let entry = self.entry(endpoints);
        let mut entry = entry.lock().await;
        let now = Instant::now();
        if let Some(known) = entry.younger_than(FRESH, now) {
            return Ok(known);
        }
        if entry.failed_at.is_none_or(|failed| now - failed >= COOL_DOWN) {
            match self.fetch(endpoints).await {
                Ok(metadata) => {
                    let metadata = Arc::new(metadata);
                    *entry = Entry { known: Some((metadata.clone(), now)), failed_at: None, ..*entry };
                    return Ok(metadata);
                }
                Err(why) => {
                    tracing::warn!(%why, "an identity provider's metadata could not be fetched");
                    entry.failed_at = Some(now);
                }
            }
        }
        let waiting =
            || ProviderError::Unreachable("its metadata could not be fetched; waiting before the next try".into());
        entry.younger_than(LAST_GOOD, now).ok_or_else(waiting)
    }

    /// The same metadata with keys fetched anew, for a token signed by a key
    /// that is not among them. `None`: it is too early to ask again.
    pub(crate) async fn with_new_keys(&self, endpoints: &OidcEndpoints) -> Option<Arc<Metadata>> {
        let entry = self.entry(endpoints);
        let mut entry = entry.lock().await;
        let now = Instant::now();
        if entry.keys_sought_at.is_some_and(|sought| now - sought < COOL_DOWN) {
            return None;
        }
        entry.keys_sought_at = Some(now);
        let (known, _) = entry.known.clone()?;
        let keys = self.keys(&known.jwks_uri).await.ok()?;
        let metadata = Arc::new(Metadata { keys, ..(*known).clone() });
        entry.known = Some((metadata.clone(), now));
        Some(metadata)
    }

    fn entry(&self, endpoints: &OidcEndpoints) -> Arc<tokio::sync::Mutex<Entry>> {
        let key = format!("{endpoints:?}");
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    async fn fetch(&self, endpoints: &OidcEndpoints) -> Result<Metadata, String> {
        match endpoints {
            OidcEndpoints::Discovered { issuer } => self.discover(issuer).await,
            OidcEndpoints::Explicit { issuer, auth_url, token_url, certs_url } => {
                let jwks_uri = JsonWebKeySetUrl::new(certs_url.clone()).map_err(|error| error.to_string())?;
                Ok(Metadata {
                    issuer: issuer.clone().map(IssuerUrl::new).transpose().map_err(|error| error.to_string())?,
                    authorization_endpoint: AuthUrl::new(auth_url.clone()).map_err(|error| error.to_string())?,
                    token_endpoint: TokenUrl::new(token_url.clone()).map_err(|error| error.to_string())?,
                    userinfo_endpoint: None,
                    keys: self.keys(&jwks_uri).await?,
                    jwks_uri,
                    promises_iss: false,
                    secret_in_body: false,
                })
            }
        }
    }

    async fn discover(&self, issuer: &str) -> Result<Metadata, String> {
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|error| error.to_string())?;
        let found = Document::discover_async(issuer, &self.outbound).await.map_err(|error| chain(&error))?;
        let methods = found.token_endpoint_auth_methods_supported();
        Ok(Metadata {
            issuer: Some(found.issuer().clone()),
            authorization_endpoint: found.authorization_endpoint().clone(),
            token_endpoint: found.token_endpoint().cloned().ok_or("it names no token endpoint")?,
            userinfo_endpoint: found.userinfo_endpoint().cloned(),
            jwks_uri: found.jwks_uri().clone(),
            keys: found.jwks().clone(),
            promises_iss: found.additional_metadata().authorization_response_iss_parameter_supported,
            // Without a word about it, the header is what everybody takes (OIDC Discovery §3).
            secret_in_body: methods.is_some_and(|methods| {
                !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                    && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            }),
        })
    }

    async fn keys(&self, url: &JsonWebKeySetUrl) -> Result<CoreJsonWebKeySet, String> {
        JsonWebKeySet::fetch_async(url, &self.outbound).await.map_err(|error| chain(&error))
    }
}

impl Entry {
    fn younger_than(&self, age: Duration, now: Instant) -> Option<Arc<Metadata>> {
        self.known.as_ref().filter(|(_, since)| now - *since < age).map(|(metadata, _)| metadata.clone())
    }
}

/// An error with its causes, in one line for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What RFC 9207 adds to a discovery document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Promises {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Promises {}

type Document = ProviderMetadata<
    Promises,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
