//! The verifiers: one per kind of token, each with its own result (invariant
//! I7). They state who signed what, for whom and until when. Whether it was
//! revoked, and what its bearer may do, is for others to say.
//!
//! The cheap checks come first and the signature after them, so that a flood
//! of worthless tokens costs little; nothing is handed out before both.

use doorward_model::email::Email;
use doorward_model::id::{Aud, IdentityNonce, UserId};
use doorward_model::session::Bearings;
use doorward_model::time::{Lifetime, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::claims::{META_LIFETIME, MtlsAuth};
use crate::keyring::Keyring;
use crate::numeric_date::NumericDate;
use crate::rejection::Rejection;
use crate::strict_json;
use crate::token::Unverified;

/// How far ahead of ours the clock of the node that issued a token may be.
pub const CLOCK_TOLERANCE: Lifetime = Lifetime::from_secs(30);

/// The longest life a token may state, a month of sessions; whatever claims
/// more was not minted by us in earnest (K-05).
pub const MAX_LIFETIME: Lifetime = Lifetime::from_days(31);

/// An application's token, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppToken {
    pub subject: Subject,
    pub aud: Aud,
    pub iat: i64,
    pub exp: i64,
}

/// Whom an application's token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    User { id: UserId, email: Email, nonce: IdentityNonce },
    Service { common_name: String },
}

/// The token of a session on the team domain, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgToken {
    pub user: UserId,
    pub email: Email,
    pub nonce: IdentityNonce,
    pub aud: Aud,
    pub iat: i64,
    pub exp: i64,
}

/// What the edge told the sign-in page about the request that it turned away,
/// verified. The texts are still the visitor's: parse them before use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub aud: Aud,
    pub hostname: String,
    pub redirect_url: String,
    pub app_session_hash: String,
    pub auth_status: String,
    pub service_token_status: bool,
    pub is_warp: bool,
    pub is_gateway: bool,
    pub real_country: String,
    pub mtls_auth: MtlsAuth,
    pub iat: i64,
    pub exp: i64,
}

impl AppToken {
    /// What a revocation may concern.
    #[must_use]
    pub fn bearings(&self) -> Bearings {
        let (session, user) = match &self.subject {
            Subject::User { id, nonce, .. } => (Some(nonce.clone()), Some(*id)),
            Subject::Service { .. } => (None, None),
        };
        Bearings { session, user, app: Some(self.aud.clone()), iat: self.iat }
    }
}

impl OrgToken {
    /// What a revocation may concern.
    #[must_use]
    pub fn bearings(&self) -> Bearings {
        Bearings { session: Some(self.nonce.clone()), user: Some(self.user), app: None, iat: self.iat }
    }
}

impl Keyring {
    /// An application's token, of a person or of a service. It verifies until
    /// `grace` after its `exp`; without renewal that is zero.
    ///
    /// # Errors
    /// When it is not to be believed, for whatever reason.
    pub fn verify_app(
        &self,
        token: &str,
        issuers: &[String],
        aud: &Aud,
        now: Timestamp,
        grace: Lifetime,
    ) -> Result<AppToken, Rejection> {
        let expected =
            Expected { kind: "app", issuers: Some(issuers), aud: Some(aud), max_lifetime: MAX_LIFETIME, grace };
        let (registered, claims) = self.verified::<AppClaims>(token, &expected, now)?;
        let subject = claims.subject().ok_or(Rejection::Malformed)?;
        Ok(AppToken { subject, aud: aud.clone(), iat: registered.iat.0.secs(), exp: registered.exp.0.secs() })
    }

    /// The token of a session on the team domain; `aud` is the team's.
    ///
    /// # Errors
    /// When it is not to be believed, for whatever reason.
    pub fn verify_org(
        &self,
        token: &str,
        issuers: &[String],
        aud: &Aud,
        now: Timestamp,
    ) -> Result<OrgToken, Rejection> {
        let expected = Expected {
            kind: "org",
            issuers: Some(issuers),
            aud: Some(aud),
            max_lifetime: MAX_LIFETIME,
            grace: Lifetime::ZERO,
        };
        let (registered, claims) = self.verified::<OrgClaims>(token, &expected, now)?;
        let (user, email, nonce) =
            person(&claims.sub, claims.email, &claims.identity_nonce).ok_or(Rejection::Malformed)?;
        let (iat, exp) = (registered.iat.0.secs(), registered.exp.0.secs());
        Ok(OrgToken { user, email, nonce, aud: aud.clone(), iat, exp })
    }

    /// The `meta` of a redirect to the sign-in page. It names no issuer; that
    /// one of our keys signed it says enough.
    ///
    /// # Errors
    /// When it is not to be believed, for whatever reason.
    pub fn verify_meta(&self, token: &str, now: Timestamp) -> Result<Meta, Rejection> {
        let expected =
            Expected { kind: "meta", issuers: None, aud: None, max_lifetime: META_LIFETIME, grace: Lifetime::ZERO };
        let (registered, claims) = self.verified::<MetaClaims>(token, &expected, now)?;
        Ok(Meta {
            aud: claims.aud,
            hostname: claims.hostname,
            redirect_url: claims.redirect_url,
            app_session_hash: claims.app_session_hash,
            auth_status: claims.auth_status,
            service_token_status: claims.service_token_status,
            is_warp: claims.is_warp,
            is_gateway: claims.is_gateway,
            real_country: claims.real_country,
            mtls_auth: claims.mtls_auth,
            iat: registered.iat.0.secs(),
            exp: registered.exp.0.secs(),
        })
    }

    fn verified<C: DeserializeOwned>(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<(Registered, C), Rejection> {
        let unverified = Unverified::read(token)?;
        let key = self.key(&unverified.kid).ok_or(Rejection::WrongKey)?;
        let registered: Registered = strict_json::object(&unverified.payload).ok_or(Rejection::Malformed)?;
        expected.check(&registered, now)?;
        if !unverified.is_signed_by(&key.public().verifying) {
            return Err(Rejection::BadSignature);
        }
        let claims = serde_json::from_slice(&unverified.payload).map_err(|_| Rejection::Malformed)?;
        Ok((registered, claims))
    }
}

/// What one kind of token must state.
struct Expected<'a> {
    kind: &'static str,
    issuers: Option<&'a [String]>,
    aud: Option<&'a Aud>,
    max_lifetime: Lifetime,
    grace: Lifetime,
}

/// The claims that every kind has (RFC 7519 §4.1).
#[derive(Deserialize)]
struct Registered {
    #[serde(rename = "type")]
    kind: Option<String>,
    iss: Option<String>,
    aud: Audience,
    exp: NumericDate,
    iat: NumericDate,
    /// A service's token has none.
    #[serde(default, deserialize_with = "present")]
    nbf: Option<NumericDate>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Expected<'_> {
    fn check(&self, claims: &Registered, now: Timestamp) -> Result<(), Rejection> {
        if claims.kind.as_deref() != Some(self.kind) {
            return Err(Rejection::WrongKind);
        }
        if self.issuers.is_some_and(|issuers| !issuers.iter().any(|issuer| Some(issuer) == claims.iss.as_ref())) {
            return Err(Rejection::WrongIssuer);
        }
        if self.aud.is_some_and(|aud| !claims.aud.has(aud)) {
            return Err(Rejection::WrongAudience);
        }
        self.check_times(claims, now)
    }

    fn check_times(&self, claims: &Registered, now: Timestamp) -> Result<(), Rejection> {
        let (iat, exp) = (claims.iat.0, claims.exp.0);
        if iat > exp {
            return Err(Rejection::Malformed);
        }
        if exp.since(iat) > self.max_lifetime {
            return Err(Rejection::TooLongLived);
        }
        if now >= exp.plus(self.grace) {
            return Err(Rejection::Expired);
        }
        let latest = now.plus(CLOCK_TOLERANCE);
        if iat > latest || claims.nbf.is_some_and(|nbf| nbf.0 > latest) {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }
}

impl Audience {
    /// Whether the audience is among them: the whole text, never a part of it (K-04).
    fn has(&self, aud: &Aud) -> bool {
        match self {
            Self::One(one) => one == aud.as_str(),
            Self::Many(many) => many.iter().any(|one| one == aud.as_str()),
        }
    }
}

/// An optional claim may be absent, but not `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<NumericDate>, D::Error> {
    NumericDate::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct AppClaims {
    sub: String,
    email: Option<Email>,
    identity_nonce: Option<String>,
    common_name: Option<String>,
}

impl AppClaims {
    /// A person or a service, and not a bit of both (K-12).
    fn subject(self) -> Option<Subject> {
        match (self.email, self.identity_nonce, self.common_name) {
            (Some(email), Some(nonce), None) => {
                person(&self.sub, email, &nonce).map(|(id, email, nonce)| Subject::User { id, email, nonce })
            }
            (None, None, Some(common_name)) if self.sub.is_empty() && !common_name.is_empty() => {
                Some(Subject::Service { common_name })
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct OrgClaims {
    sub: String,
    email: Email,
    identity_nonce: String,
}

fn person(sub: &str, email: Email, nonce: &str) -> Option<(UserId, Email, IdentityNonce)> {
    let user = sub.parse().ok()?;
    (!nonce.is_empty()).then(|| (user, email, IdentityNonce::from_text(nonce)))
}

#[derive(Deserialize)]
struct MetaClaims {
    /// A plain text, never a list.
    aud: Aud,
    hostname: String,
    redirect_url: String,
    app_session_hash: String,
    auth_status: String,
    service_token_status: bool,
    is_warp: bool,
    is_gateway: bool,
    real_country: String,
    mtls_auth: MtlsAuth,
}

#[cfg(test)]
mod tests;
