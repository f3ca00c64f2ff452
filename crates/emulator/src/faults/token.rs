//! The ways in which a token can be wrong. Each is wrong in one way alone: a
//! validator that lets one in forgets exactly that check.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::secret::sha256_hex;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_signer::{Keyring, SigningKey};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    Expired,
    NotYetValid,
    WrongAud,
    WrongIss,
    AlgNone,
    Hs256,
    Tampered,
    UnknownKid,
    Missing,
}

/// Well beyond what validators forgive: 30 s is common, 5 min is the most known.
const FAR: Lifetime = Lifetime::from_hours(1);

/// A key that is published nowhere, made when it is first needed.
#[derive(Default)]
pub(crate) struct Stranger(OnceLock<Arc<Keyring>>);

impl Stranger {
    /// Takes 25 to 200 ms the first time.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        let made = || {
            let key = SigningKey::generate("nobody.cloudflareaccess.com", Timestamp::from_secs(0));
            Arc::new(Keyring::new(Arc::new(key), Vec::new()))
        };
        Arc::clone(self.0.get_or_init(made))
    }
}

impl Defect {
    /// Whether it needs a key that nobody knows.
    pub(crate) const fn needs_stranger(self) -> bool {
        matches!(self, Self::UnknownKid)
    }

    /// A good token of ours with this defect; none where the defect is that
    /// there is none.
    pub(crate) fn applied(self, token: &str, ring: &Keyring, stranger: &Stranger, now: Timestamp) -> Option<String> {
        let mut claims = claims(token)?;
        let signed = |claims: &Map<String, Value>| Some(ring.sign(claims));
        let header = |alg: &str| json!({ "alg": alg, "kid": ring.current_kid(), "typ": "JWT" });
        match self {
            Self::Missing => None,
            Self::Expired => {
                shift(&mut claims, now.minus(FAR), now.minus(FAR).minus(FAR));
                signed(&claims)
            }
            Self::NotYetValid => {
                shift(&mut claims, now.plus(FAR).plus(FAR), now.plus(FAR));
                claims.insert("nbf".into(), json!(now.plus(FAR).secs()));
                signed(&claims)
            }
            Self::WrongAud => {
                let other = sha256_hex("another application");
                let aud = if claims.get("aud").is_some_and(Value::is_array) { json!([other]) } else { json!(other) };
                claims.insert("aud".into(), aud);
                signed(&claims)
            }
            Self::WrongIss => {
                claims.insert("iss".into(), json!("https://another-team.cloudflareaccess.com"));
                signed(&claims)
            }
            Self::AlgNone => Some(format!("{}.", unsigned(&json!({ "alg": "none", "typ": "JWT" }), &claims))),
            Self::Hs256 => {
                let message = unsigned(&header("HS256"), &claims);
                let key = EncodingKey::from_secret(ring.public_key_pem().as_bytes());
                let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).ok()?;
                Some(format!("{message}.{signature}"))
            }
            Self::Tampered => {
                let (_, signature) = token.rsplit_once('.')?;
                claims.insert("email".into(), json!("somebody.else@example.com"));
                claims.insert("sub".into(), json!("00000000-0000-4000-8000-000000000000"));
                Some(format!("{}.{signature}", unsigned(&header("RS256"), &claims)))
            }
            Self::UnknownKid => Some(stranger.keyring().sign(&claims)),
        }
    }
}

fn shift(claims: &mut Map<String, Value>, exp: Timestamp, iat: Timestamp) {
    claims.insert("exp".into(), json!(exp.secs()));
    claims.insert("iat".into(), json!(iat.secs()));
    if claims.contains_key("nbf") {
        claims.insert("nbf".into(), json!(iat.secs()));
    }
}

fn unsigned(header: &Value, claims: &Map<String, Value>) -> String {
    let claims = Value::Object(claims.clone()).to_string();
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims))
}

/// The claims of a token that we made.
fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}
