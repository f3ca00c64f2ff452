//! Identity providers: where a browser is sent, and what comes back about a
//! person. The flow around it (cookies, state, policies) is `begin` and
//! `callback`; another type of provider gets another file below this one.

mod claims;
mod discovery;
mod oidc;

use doorward_model::idp::{IdentityProvider, IdpKind};
use doorward_model::login::AtProvider;
use doorward_model::time::Clock;
use url::Url;

pub(crate) use claims::{ClaimProblem, Person};
pub(crate) use discovery::chain;

use crate::outbound::Outbound;
use crate::provider::discovery::Directory;

/// Speaks to all configured providers.
#[derive(Debug)]
pub(crate) struct Providers {
    directory: Directory,
    clock: Clock,
}

/// Whether the person is to prove themselves even if the provider knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    AsProviderLikes,
    Again,
}

/// What the provider sent along with the browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: String,
    /// The issuer that answers (RFC 9207).
    pub(crate) iss: Option<String>,
}

/// Why nobody was proven. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the provider refused: {0}")]
    Refused(String),
    #[error("what the provider said is not to be trusted: {0}")]
    Untrusted(String),
    #[error("userinfo failed: {0}")]
    UserInfo(String),
    #[error("the provider's claims do not name a person: {0}")]
    Claims(#[from] ClaimProblem),
}

impl Providers {
    pub(crate) fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { directory: Directory::new(outbound), clock }
    }

    /// Where the browser goes to sign in. `state` comes back with it.
    pub(crate) async fn sign_in_url(
        &self,
        provider: &IdentityProvider,
        attempt: &AtProvider,
        state: String,
        callback: &str,
        prompt: Prompt,
    ) -> Result<Url, ProviderError> {
        let IdpKind::Oidc(oidc) = &provider.kind;
        let metadata = self.directory.metadata(&oidc.endpoints).await?;
        oidc::Relying { provider: oidc, metadata: &metadata, callback }.sign_in_url(attempt, state, prompt)
    }

    /// Who the browser's person is, by the word of the provider that began.
    pub(crate) async fn person(
        &self,
        provider: &IdentityProvider,
        attempt: &AtProvider,
        answer: Answer,
        callback: &str,
    ) -> Result<Person, ProviderError> {
        let IdpKind::Oidc(oidc) = &provider.kind;
        let metadata = self.directory.metadata(&oidc.endpoints).await?;
        oidc::Relying { provider: oidc, metadata: &metadata, callback }
            .person(&self.directory, attempt, answer, &self.clock)
            .await
    }
}

/// A new PKCE verifier, for providers that take one (RFC 7636 §4.1).
pub(crate) fn pkce_verifier(provider: &IdentityProvider) -> Option<String> {
    let IdpKind::Oidc(oidc) = &provider.kind;
    oidc.pkce_enabled.then(|| doorward_model::secret::Secret::random().expose().to_owned())
}
