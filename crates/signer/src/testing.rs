//! What the tests of this crate share: keys, which are slow to make, one
//! person, one application, and tokens that the minting side would not write.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::id::{AccountId, AppId, Aud, IdentityNonce, IdpId, UserId};
use doorward_model::identity::{Identity, IdpRef};
use doorward_model::time::{Lifetime, Timestamp};
use serde_json::{Map, Value, json};

use crate::claims::{self, AppClaims, AudShape};
use crate::{AppToken, Keyring, Rejection, SigningKey};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(crate) const TEAM_DOMAIN: &str = "acme.cloudflareaccess.com";
pub(crate) const ISSUER: &str = "https://acme.cloudflareaccess.com";
pub(crate) const CLIENT_ID: &str = "0123456789abcdef0123456789abcdef.access";

/// Signs.
pub(crate) static CURRENT: LazyLock<Arc<SigningKey>> = LazyLock::new(key);
/// Is still accepted.
pub(crate) static PREVIOUS: LazyLock<Arc<SigningKey>> = LazyLock::new(key);
/// Is nobody's.
pub(crate) static STRANGER: LazyLock<Arc<SigningKey>> = LazyLock::new(key);

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(TEAM_DOMAIN, NOW))
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(CURRENT.clone(), vec![PREVIOUS.clone()])
}

pub(crate) fn issuers() -> Vec<String> {
    vec!["http://acme.localhost:8787".to_owned(), ISSUER.to_owned()]
}

pub(crate) fn aud() -> Aud {
    aud_of("Wiki")
}

pub(crate) fn aud_of(app: &str) -> Aud {
    let account = AccountId::derived("acme");
    Aud::of_app(&account, AppId::derived(&account, app))
}

pub(crate) fn nonce() -> IdentityNonce {
    IdentityNonce::from_text("0123456789abcdef")
}

pub(crate) fn alice() -> Identity {
    let account = AccountId::derived("acme");
    Identity {
        user_uuid: UserId::derived(&account, "alice@corp.test"),
        id: "alice".to_owned(),
        email: "alice@corp.test".parse().unwrap(),
        name: Some("Alice".to_owned()),
        groups: Vec::new(),
        amr: Vec::new(),
        idp: IdpRef { id: IdpId::derived(&account, "Keycloak"), kind: "oidc".to_owned() },
        ip: "192.0.2.1".parse().unwrap(),
        country: Some("PT".to_owned()),
        oidc_fields: Map::new(),
        saml_attributes: serde_json::Map::new(),
        evaluations: Vec::new(),
        iat: NOW.secs(),
    }
}

/// Alice's claims for the application, good for an hour.
pub(crate) fn user_claims() -> AppClaims {
    let exp = NOW.plus(Lifetime::from_hours(1)).secs();
    claims::app(&alice(), &nonce(), &aud(), ISSUER, NOW.secs(), exp, AudShape::Array, &Map::new())
}

/// Alice's claims with one of them changed; `None` removes it.
pub(crate) fn user_claims_with(claim: &str, value: Option<Value>) -> Value {
    let mut claims = json!(user_claims());
    let members = claims.as_object_mut().unwrap();
    members.remove(claim);
    members.extend(value.map(|value| (claim.to_owned(), value)));
    claims
}

/// A header of the current key.
pub(crate) fn header() -> Value {
    json!({"alg": "RS256", "kid": CURRENT.kid(), "typ": "JWT"})
}

/// Any header and any payload, as a token that the key has really signed.
pub(crate) fn forged(header: &str, payload: &str, key: &SigningKey) -> String {
    let message = message(header, payload);
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The part of a token that is signed.
pub(crate) fn message(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// What the application's verifier makes of a token now.
pub(crate) fn verified(token: &str) -> Result<AppToken, Rejection> {
    keyring().verify_app(token, &issuers(), &aud(), NOW, Lifetime::ZERO)
}
