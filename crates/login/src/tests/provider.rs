//! A small OpenID provider on a loopback port that lies in whatever way a test
//! asks of it.

use std::sync::{Arc, LazyLock, Mutex};

use axum::extract::{RawForm, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use doorward_signer::{Keyring, SigningKey};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::gateway::NOW;

pub(super) const CLIENT: &str = "client";
pub(super) const SECRET: &str = "a client secret";

static KEYS: LazyLock<[Arc<SigningKey>; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Arc::new(SigningKey::generate("idp.test", NOW))));

/// What the provider says, and what it was asked.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Laid over the claims of the ID token; `null` takes one away.
    pub(super) claims: Value,
    /// Laid over the discovery document.
    pub(super) metadata: Value,
    pub(super) signature: Signature,
    /// Type and text of the userinfo answer.
    pub(super) userinfo: (u16, &'static str, String),
    /// The nonce of the last authorization request; the test copies it here.
    pub(super) nonce: String,
    /// Bodies that the token endpoint received.
    pub(super) exchanges: Vec<String>,
    /// How often the discovery document was asked for.
    pub(super) discoveries: u32,
    /// Which key signs and is published.
    pub(super) key: usize,
}

/// Who signs the ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    Own,
    /// A key that is not published, under the name of the one that is.
    Forged,
    /// HS256 with the client secret.
    Symmetric,
    None,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    script: Arc<Mutex<Script>>,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let script = Script {
            claims: json!({}),
            metadata: json!({}),
            signature: Signature::Own,
            userinfo: (404, "text/plain", String::new()),
            nonce: String::new(),
            exchanges: vec![],
            discoveries: 0,
            key: 0,
        };
        let provider = Self { issuer, script: Arc::new(Mutex::new(script)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    pub(super) fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

fn laid_over(mut base: Value, patch: &Value) -> Map<String, Value> {
    let all = base.as_object_mut().unwrap();
    all.extend(patch.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    all.clone()
}

async fn metadata(State(provider): State<Provider>) -> Json<Map<String, Value>> {
    provider.script().discoveries += 1;
    let issuer = &provider.issuer;
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    Json(laid_over(document, &provider.script().metadata))
}

async fn jwks(State(provider): State<Provider>) -> impl IntoResponse {
    let keyring = Keyring::new(KEYS[provider.script().key].clone(), vec![]);
    ([(CONTENT_TYPE, "application/json")], keyring.published().to_owned())
}

async fn token(State(provider): State<Provider>, RawForm(body): RawForm) -> Json<Value> {
    let mut script = provider.script();
    script.exchanges.push(String::from_utf8(body.to_vec()).unwrap());
    let claims = json!({
        "iss": provider.issuer,
        "aud": CLIENT,
        "sub": "s1",
        "nonce": script.nonce,
        "iat": NOW.secs(),
        "exp": NOW.secs() + 300,
        "email": "Alice@corp.test",
        "email_verified": true,
        "name": "Alice",
        "groups": ["staff"],
    });
    let claims = laid_over(claims, &script.claims);
    let id_token = signed(&claims, script.signature, script.key);
    Json(json!({"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}))
}

fn signed(claims: &Map<String, Value>, signature: Signature, key: usize) -> String {
    let sign = |key: usize| Keyring::new(KEYS[key].clone(), vec![]).sign(claims);
    match signature {
        Signature::Own => sign(key),
        Signature::Forged => {
            let header = sign(key).split('.').next().unwrap().to_owned();
            let forged = sign(1 - key);
            format!("{header}.{}", forged.split_once('.').unwrap().1)
        }
        Signature::Symmetric => {
            let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
            jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
        }
        Signature::None => {
            use base64::Engine as _;
            let part = |json: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
            format!("{}.{}.", part(r#"{"alg":"none"}"#.into()), part(Value::Object(claims.clone()).to_string()))
        }
    }
}

async fn userinfo(State(provider): State<Provider>) -> impl IntoResponse {
    let (status, kind, body) = provider.script().userinfo.clone();
    (http::StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, kind)], body)
}
