//! The ID token: what it says of a person, and the key that vouches for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::id::UserId;
use doorward_model::secret::{Secret, random_bytes};
use doorward_model::site::Team;
use doorward_model::time::{Lifetime, Timestamp};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::grants::Grant;
use crate::people::Person;

/// How long an ID token is good for.
const LIFETIME: Lifetime = Lifetime::from_secs(600);

/// The claims of the ID token that a redeemed code gives.
pub(super) fn claims(grant: &Grant, access: &Secret, team: &Team, now: Timestamp) -> Map<String, Value> {
    let mut claims = person_claims(grant, team);
    claims.extend(object(json!({
        "iss": super::issuer(team),
        "aud": grant.client,
        "iat": now.secs(),
        "exp": now.plus(LIFETIME).secs(),
        "auth_time": grant.auth_time.secs(),
        "amr": grant.person.methods(),
        "at_hash": at_hash(access),
    })));
    if let Some(nonce) = &grant.nonce {
        claims.insert("nonce".into(), json!(nonce));
    }
    claims
}

/// What the granted scopes show of the person: the same in the ID token and at
/// `/userinfo`. The provider's own claims are written last, so that no extra
/// claim can stand in for one.
pub(super) fn person_claims(grant: &Grant, team: &Team) -> Map<String, Value> {
    let person = &grant.person;
    let mut claims = person.claims.clone();
    let mut own = |name: &str, scope: &str, value: Option<Value>| {
        claims.remove(name);
        if let Some(value) = value.filter(|_| grant.has_scope(scope)) {
            claims.insert(name.into(), value);
        }
    };
    own("sub", "openid", Some(json!(subject(person, team))));
    own("email", "email", Some(json!(person.email)));
    own("email_verified", "email", Some(json!(true)));
    own("name", "profile", person.name.as_ref().map(|name| json!(name)));
    own("groups", "groups", Some(json!(person.groups)));
    if let Some(country) = &person.country {
        claims.insert("country".into(), json!(country));
    }
    claims
}

/// The provider's own name for a person, stable per address.
pub(crate) fn subject(person: &Person, team: &Team) -> String {
    UserId::derived(&team.account, &format!("built-in:{}", person.email)).to_string()
}

/// OpenID Connect Core §3.1.3.6.
fn at_hash(access: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access.expose().as_bytes())[..16])
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The provider's ES256 key, made anew by each process: clients find it by its
/// `kid` whenever they meet one they do not know.
pub(super) struct IdTokenKey {
    key: SigningKey,
    kid: String,
}

impl IdTokenKey {
    pub(super) fn generate() -> Self {
        // All but one in 2^32 numbers of 256 bits are keys of this curve.
        let key = loop {
            if let Ok(key) = SigningKey::from_slice(&random_bytes::<32>()) {
                break key;
            }
        };
        let (x, y) = coordinates(&key);
        // The thumbprint of RFC 7638: members in the order of their names, no spaces.
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Self { key, kid: URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint.as_bytes())) }
    }

    /// The public half, as a JWK.
    pub(super) fn published(&self) -> Value {
        let (x, y) = coordinates(&self.key);
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig" })
    }

    /// A compact JWS over these claims.
    pub(super) fn sign(&self, claims: Map<String, Value>) -> String {
        let header = json!({ "alg": "ES256", "kid": self.kid, "typ": "JWT" }).to_string();
        let payload = Value::Object(claims).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

fn coordinates(key: &SigningKey) -> (String, String) {
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |bytes: Option<&[u8]>| {
        URL_SAFE_NO_PAD.encode(bytes.expect("an uncompressed point of a public key has both coordinates"))
    };
    (coordinate(point.x().map(AsRef::as_ref)), coordinate(point.y().map(AsRef::as_ref)))
}
