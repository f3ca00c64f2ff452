//! One sign-in with an OpenID provider, by the authorization code flow: the
//! request, the exchange of the code, and the proof in the ID token. What the
//! claims of a proven token mean is `claims`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::idp::OidcProvider;
use doorward_model::login::AtProvider;
use doorward_model::time::{Clock, Timestamp};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims,
    CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, SubjectIdentifier,
    TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::provider::claims::{self, Person};
use crate::provider::discovery::{Directory, Metadata, chain};
use crate::provider::{Answer, Prompt, ProviderError};

/// What Access accepts, less ES512, which `openidconnect` cannot verify (Access docs, "generic OIDC").
const SIGNATURES: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];
/// How far a provider's clock may be ahead of ours.
const TOLERANCE: Duration = Duration::from_secs(120);

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// This gateway as a client ("relying party") of one provider.
pub(crate) struct Relying<'a> {
    pub(crate) provider: &'a OidcProvider,
    pub(crate) metadata: &'a Metadata,
    pub(crate) callback: &'a str,
}

impl Relying<'_> {
    pub(crate) fn sign_in_url(
        &self,
        attempt: &AtProvider,
        state: String,
        prompt: Prompt,
    ) -> Result<Url, ProviderError> {
        let client = self.client()?;
        let nonce = Nonce::new(attempt.nonce.clone());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client.authorize_url(flow, || CsrfToken::new(state), || nonce);
        // The client asks for `openid` itself.
        for scope in self.provider.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if let Some(verifier) = &attempt.pkce_verifier {
            let verifier = PkceCodeVerifier::new(verifier.clone());
            request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        if prompt == Prompt::Again {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        Ok(request.url().0)
    }

    pub(crate) async fn person(
        &self,
        directory: &Directory,
        attempt: &AtProvider,
        answer: Answer,
        clock: &Clock,
    ) -> Result<Person, ProviderError> {
        self.check_iss(answer.iss.as_deref())?;
        let tokens = self.exchange(directory, attempt, answer.code).await?;
        let token = tokens.id_token().ok_or_else(|| ProviderError::Untrusted("there is no ID token".into()))?;
        let nonce = Nonce::new(attempt.nonce.clone());
        let now = clock.now();
        let proven = match self.proven(token, tokens.access_token(), &nonce, now) {
            Err(Unproven::UnknownKey) => {
                let unknown = || ProviderError::Untrusted("no published key made the signature".into());
                let metadata = directory.with_new_keys(&self.provider.endpoints).await.ok_or_else(unknown)?;
                let renewed = Relying { metadata: &metadata, ..*self };
                renewed.proven(token, tokens.access_token(), &nonce, now).map_err(ProviderError::from)?
            }
            other => other.map_err(ProviderError::from)?,
        };
        let mut claims = payload(token)?;
        if claims::incomplete(&claims, self.provider) {
            self.complete(&mut claims, directory, tokens.access_token(), proven.subject()).await?;
        }
        Ok(claims::person(&claims, self.provider)?)
    }

    /// Mix-up: the answer must come from the provider that was asked (RFC 9207 §2.4).
    fn check_iss(&self, iss: Option<&str>) -> Result<(), ProviderError> {
        match (iss, &self.metadata.issuer) {
            (Some(iss), Some(issuer)) if iss != issuer.as_str() => {
                Err(ProviderError::Untrusted("another issuer answered than was asked".into()))
            }
            (None, _) if self.metadata.promises_iss => {
                Err(ProviderError::Untrusted("the answer lacks the issuer that the metadata promises".into()))
            }
            _ => Ok(()),
        }
    }

    async fn exchange(
        &self,
        directory: &Directory,
        attempt: &AtProvider,
        code: String,
    ) -> Result<CoreTokenResponse, ProviderError> {
        let client = self.client()?;
        let mut request = client.exchange_code(AuthorizationCode::new(code));
        if let Some(verifier) = &attempt.pkce_verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.clone()));
        }
        request.request_async(directory.outbound()).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => ProviderError::Refused(said.to_string()),
            RequestTokenError::Request(error) => ProviderError::Unreachable(chain(&error)),
            // The body may hold tokens; only where it went wrong is told.
            RequestTokenError::Parse(error, _) => ProviderError::Untrusted(format!("token response: {}", error.path())),
            RequestTokenError::Other(why) => ProviderError::Untrusted(why),
        })
    }

    /// The ID token's claims, once everything about it holds (OIDC Core §3.1.3.7).
    fn proven<'t>(
        &self,
        token: &'t CoreIdToken,
        access_token: &AccessToken,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<&'t CoreIdTokenClaims, Unproven> {
        let client = self.client().map_err(|error| Unproven::Lie(error.to_string()))?;
        let now = UNIX_EPOCH + Duration::from_millis(now.0.unsigned_abs());
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(SIGNATURES)
            .require_issuer_match(self.metadata.issuer.is_some())
            // Who else the token is for is judged by `azp`, just below.
            .set_other_audience_verifier_fn(|_| true)
            .set_time_fn(move || now.into())
            .set_issue_time_verifier_fn(move |iat| {
                let early = SystemTime::from(iat) > now + TOLERANCE;
                if early { Err("it was issued in the future".into()) } else { Ok(()) }
            });
        let claims = token.claims(&verifier, nonce).map_err(Unproven::from)?;
        self.check_authorized_party(claims)?;
        check_access_token_hash(token, claims, access_token, &verifier)?;
        if claims.subject().is_empty() {
            return Err(Unproven::Lie("the subject is empty".into()));
        }
        Ok(claims)
    }

    fn check_authorized_party(&self, claims: &CoreIdTokenClaims) -> Result<(), Unproven> {
        match claims.authorized_party() {
            Some(party) if party.as_str() != self.provider.client_id => {
                Err(Unproven::Lie("another client is the authorized party".into()))
            }
            None if claims.audiences().len() > 1 => {
                Err(Unproven::Lie("it is for several audiences and names no authorized party".into()))
            }
            _ => Ok(()),
        }
    }

    /// Adds what only userinfo tells. It never replaces what the ID token proves.
    async fn complete(
        &self,
        claims: &mut Map<String, Value>,
        directory: &Directory,
        access_token: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> Result<(), ProviderError> {
        let Some(endpoint) = self.metadata.userinfo_endpoint.clone() else { return Ok(()) };
        // The library puts it into a header as it is.
        if !access_token.secret().bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ProviderError::UserInfo("the access token has characters that no header can carry".into()));
        }
        let client = self.client()?.set_user_info_url(endpoint);
        let found: UserInfoClaims<AnyClaims, CoreGenderClaim> = client
            .user_info(access_token.clone(), Some(subject.clone()))
            .request_async(directory.outbound())
            .await
            .map_err(|error| ProviderError::UserInfo(chain(&error)))?;
        if let Ok(Value::Object(found)) = serde_json::to_value(&found) {
            claims::add_userinfo(claims, found);
        }
        Ok(())
    }

    fn client(&self) -> Result<Client, ProviderError> {
        let unusable = |error: openidconnect::url::ParseError| ProviderError::Unreachable(error.to_string());
        // Without an issuer in the configuration the match is switched off; the library wants one all the same.
        let issuer = self.metadata.issuer.clone().map_or_else(|| IssuerUrl::new("https://unknown.invalid".into()), Ok);
        let client = CoreClient::new(
            ClientId::new(self.provider.client_id.clone()),
            issuer.map_err(unusable)?,
            self.metadata.keys.clone(),
        )
        .set_auth_uri(self.metadata.authorization_endpoint.clone())
        .set_token_uri(self.metadata.token_endpoint.clone())
        .set_redirect_uri(RedirectUrl::new(self.callback.to_owned()).map_err(unusable)?)
        .set_auth_type(if self.metadata.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth });
        let secret = &self.provider.client_secret;
        Ok(if secret.is_empty() {
            client
        } else {
            client.set_client_secret(ClientSecret::new(secret.expose().to_owned()))
        })
    }
}

fn check_access_token_hash(
    token: &CoreIdToken,
    claims: &CoreIdTokenClaims,
    access_token: &AccessToken,
    verifier: &CoreIdTokenVerifier<'_>,
) -> Result<(), Unproven> {
    let Some(expected) = claims.access_token_hash() else { return Ok(()) };
    let lie = |why: String| Unproven::Lie(why);
    let algorithm = token.signing_alg().map_err(|error| lie(error.to_string()))?;
    let key = token.signing_key(verifier).map_err(|error| lie(error.to_string()))?;
    let actual = AccessTokenHash::from_token(access_token, algorithm, key).map_err(|error| lie(error.to_string()))?;
    (actual == *expected).then_some(()).ok_or_else(|| lie("it came with another access token".into()))
}

/// All claims of a token that was verified, the ones the library has no name for too.
fn payload(token: &CoreIdToken) -> Result<Map<String, Value>, ProviderError> {
    let text = token.to_string();
    let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    payload
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| ProviderError::Untrusted("the payload is not an object".into()))
}

/// Why an ID token proves nobody.
enum Unproven {
    /// Signed by a key that is not among those fetched: perhaps a new one.
    UnknownKey,
    Lie(String),
}

impl From<ClaimsVerificationError> for Unproven {
    fn from(error: ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Self::UnknownKey
            }
            other => Self::Lie(chain(&other)),
        }
    }
}

impl From<Unproven> for ProviderError {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::UnknownKey => Self::Untrusted("no published key made the signature".into()),
            Unproven::Lie(why) => Self::Untrusted(why),
        }
    }
}

/// Whatever userinfo tells beyond the standard claims.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct AnyClaims {
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl AdditionalClaims for AnyClaims {}
