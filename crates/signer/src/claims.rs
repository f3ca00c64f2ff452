//! What is minted: the claims of each kind of token, with the names, types and
//! order that Access gives them (Access docs, "application token"). Each kind
//! is a type of its own.

use doorward_model::certificate::{ClientCertificate, Presented};
use doorward_model::email::Email;
use doorward_model::id::{Aud, IdentityNonce, UserId};
use doorward_model::identity::Identity;
use doorward_model::time::Lifetime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How long a browser may take from the redirect to the sign-in page.
pub const META_LIFETIME: Lifetime = Lifetime::from_secs(300);

/// How large `custom` may be, serialized.
const CUSTOM_LIMIT: usize = 1000;

/// Cloudflare's code for a country that is not known. Validators take the
/// claim for a text that is always there.
const UNKNOWN_COUNTRY: &str = "XX";

/// Access writes `aud` as a list in tokens for people and as a text in tokens
/// for services; some validators take only one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudShape {
    Array,
    String,
}

/// A person's token for an application.
#[derive(Clone, Debug, Serialize)]
pub struct AppClaims {
    aud: Audience,
    email: Email,
    exp: i64,
    iat: i64,
    nbf: i64,
    iss: String,
    #[serde(rename = "type")]
    kind: &'static str,
    identity_nonce: IdentityNonce,
    sub: UserId,
    country: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    custom: Map<String, Value>,
}

/// A service's token for an application: no person, no session, no `nbf`.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceClaims {
    #[serde(rename = "type")]
    kind: &'static str,
    iat: i64,
    exp: i64,
    iss: String,
    /// Empty: this is how validators tell a service from a person.
    sub: &'static str,
    aud: Audience,
    common_name: String,
    #[serde(rename = "h_INTERNAL_DO_NOT_USE")]
    hostname: String,
}

/// The token of a session on the team domain.
#[derive(Clone, Debug, Serialize)]
pub struct OrgClaims {
    aud: Audience,
    email: Email,
    exp: i64,
    iat: i64,
    nbf: i64,
    iss: String,
    #[serde(rename = "type")]
    kind: &'static str,
    identity_nonce: IdentityNonce,
    sub: UserId,
    country: String,
}

/// What the edge tells the sign-in page.
#[derive(Clone, Debug, Serialize)]
pub struct MetaClaims {
    #[serde(rename = "type")]
    kind: &'static str,
    aud: Aud,
    hostname: String,
    redirect_url: String,
    service_token_status: bool,
    is_warp: bool,
    is_gateway: bool,
    exp: i64,
    nbf: i64,
    iat: i64,
    auth_status: String,
    mtls_auth: MtlsAuth,
    real_country: String,
    app_session_hash: String,
}

/// What a command line is told about the application at an address.
#[derive(Clone, Debug, Serialize)]
pub struct MetadataClaims {
    #[serde(rename = "type")]
    kind: &'static str,
    hostname: String,
    auth_domain: String,
    /// A text: clients read nothing else here.
    aud: Aud,
    app_hostname: String,
    iat: i64,
}

/// The `auth_status` of a valid certificate.
const SUCCESS: &str = "SUCCESS";

/// The client certificate of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtlsAuth {
    pub cert_issuer_dn: String,
    pub cert_serial: String,
    pub cert_issuer_ski: String,
    pub cert_presented: bool,
    pub common_name: String,
    pub auth_status: String,
}

impl MtlsAuth {
    /// What was presented. Of a certificate that nobody vouches for nothing is told.
    #[must_use]
    pub fn of(presented: &Presented) -> Self {
        let (cert_presented, auth_status) = match presented {
            Presented::Nothing => (false, "NONE"),
            Presented::Invalid => (true, "FAILED"),
            Presented::Valid(_) => (true, SUCCESS),
        };
        let valid = presented.valid();
        let told = |part: fn(&ClientCertificate) -> &String| valid.map(|own| part(own).clone()).unwrap_or_default();
        Self {
            cert_issuer_dn: told(|own| &own.issuer_dn),
            cert_serial: told(|own| &own.serial),
            cert_issuer_ski: told(|own| &own.issuer_ski),
            cert_presented,
            common_name: told(|own| &own.common_name),
            auth_status: auth_status.to_owned(),
        }
    }

    /// The common name of a valid certificate.
    #[must_use]
    pub fn valid(&self) -> Option<&str> {
        (self.cert_presented && self.auth_status == SUCCESS).then_some(&self.common_name)
    }
}

/// The request that is turned away to the sign-in page.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    pub aud: &'a Aud,
    /// The host that was asked for, not the application's pattern.
    pub hostname: &'a str,
    /// Path and query.
    pub redirect_url: &'a str,
    /// Digest of the browser's `CF_AppSession`.
    pub app_session_hash: &'a str,
    /// Whether a service token was presented and accepted.
    pub service_token_status: bool,
    /// `NONE`, or what was wrong with the service token (`SERVICE_TOKEN_INVALID`).
    pub auth_status: &'a str,
    pub certificate: &'a Presented,
    pub country: Option<&'a str>,
}

/// A person's token for an application. `custom` is what [`custom`] gave.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "each is a claim, and none may be forgotten")]
pub fn app(
    identity: &Identity,
    nonce: &IdentityNonce,
    aud: &Aud,
    issuer: &str,
    iat: i64,
    exp: i64,
    shape: AudShape,
    custom: &Map<String, Value>,
) -> AppClaims {
    AppClaims {
        aud: Audience::new(aud, shape),
        email: identity.email.clone(),
        exp,
        iat,
        nbf: iat,
        iss: issuer.to_owned(),
        kind: "app",
        identity_nonce: nonce.clone(),
        sub: identity.user_uuid,
        country: country(identity.country.as_deref()),
        amr: identity.amr.clone(),
        custom: custom.clone(),
    }
}

/// A service's token for an application. `client_id` ends in `.access`.
#[must_use]
pub fn service(
    client_id: &str,
    aud: &Aud,
    issuer: &str,
    hostname: &str,
    iat: i64,
    exp: i64,
    shape: AudShape,
) -> ServiceClaims {
    ServiceClaims {
        kind: "app",
        iat,
        exp,
        iss: issuer.to_owned(),
        sub: "",
        aud: Audience::new(aud, shape),
        common_name: client_id.to_owned(),
        hostname: hostname.to_owned(),
    }
}

/// The token of a session on the team domain; `aud` is the team's.
#[must_use]
pub fn org(identity: &Identity, nonce: &IdentityNonce, aud: &Aud, issuer: &str, iat: i64, exp: i64) -> OrgClaims {
    OrgClaims {
        aud: Audience::new(aud, AudShape::Array),
        email: identity.email.clone(),
        exp,
        iat,
        nbf: iat,
        iss: issuer.to_owned(),
        kind: "org",
        identity_nonce: nonce.clone(),
        sub: identity.user_uuid,
        country: country(identity.country.as_deref()),
    }
}

/// The `meta` of a redirect to the sign-in page; it lives for [`META_LIFETIME`].
#[must_use]
pub fn meta(challenge: &Challenge<'_>, iat: i64) -> MetaClaims {
    MetaClaims {
        kind: "meta",
        aud: challenge.aud.clone(),
        hostname: challenge.hostname.to_owned(),
        redirect_url: challenge.redirect_url.to_owned(),
        service_token_status: challenge.service_token_status,
        is_warp: false,
        is_gateway: false,
        exp: iat.saturating_add(META_LIFETIME.secs()),
        nbf: iat,
        iat,
        auth_status: challenge.auth_status.to_owned(),
        mtls_auth: MtlsAuth::of(challenge.certificate),
        real_country: country(challenge.country),
        app_session_hash: challenge.app_session_hash.to_owned(),
    }
}

/// What is at a host: the application, and the pattern by which it covers the host.
#[must_use]
pub fn metadata(aud: &Aud, hostname: &str, pattern: &str, auth_domain: &str, iat: i64) -> MetadataClaims {
    MetadataClaims {
        kind: "match",
        hostname: hostname.to_owned(),
        auth_domain: auth_domain.to_owned(),
        aud: aud.clone(),
        app_hostname: pattern.to_owned(),
        iat,
    }
}

/// The configured claims that the provider gave, small enough for a cookie:
/// names are dropped from the end of the configured list until they fit.
#[must_use]
pub fn custom(identity: &Identity, configured: &[String]) -> Map<String, Value> {
    (0..=configured.len())
        .rev()
        .map(|kept| given(identity, &configured[..kept]))
        .find(|claims| serde_json::to_vec(claims).is_ok_and(|json| json.len() <= CUSTOM_LIMIT))
        .unwrap_or_default()
}

fn given(identity: &Identity, names: &[String]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some((name.clone(), identity.oidc_fields.get(name)?.clone()))).collect()
}

fn country(known: Option<&str>) -> String {
    known.filter(|country| !country.is_empty()).unwrap_or(UNKNOWN_COUNTRY).to_owned()
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Audience {
    Array([Aud; 1]),
    String(Aud),
}

impl Audience {
    fn new(aud: &Aud, shape: AudShape) -> Self {
        match shape {
            AudShape::Array => Self::Array([aud.clone()]),
            AudShape::String => Self::String(aud.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
