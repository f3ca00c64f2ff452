//! An OpenID provider that lets everybody in at once: each sign-in is another
//! person. It stands behind the gateway and behind mod_auth_openidc alike, and
//! runs in this program, so that its own time is nobody's whom we measure.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::Outcome;

pub(crate) const CLIENT_ID: &str = "bench";
pub(crate) const CLIENT_SECRET: &str = "of-no-importance-0123456789abcdef";
const KID: &str = "the-only-key";

/// A provider that runs as long as the program.
pub(crate) struct Provider {
    pub(crate) issuer: String,
}

struct Inside {
    issuer: String,
    key: EncodingKey,
    jwks: Value,
    people: AtomicUsize,
    /// Codes under way: the nonce of the request, and who signed in.
    codes: Mutex<HashMap<String, (Option<String>, String)>>,
}

impl Provider {
    pub(crate) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        // The point is not compressed: a byte that says so, then x and y.
        let (x, y) = key.public_key_raw()[1..].split_at(32);
        let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwks = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KID, "x": encoded(x), "y": encoded(y),
        }] });
        let inside = Inside {
            issuer: issuer.clone(),
            key: EncodingKey::from_ec_der(&key.serialize_der()),
            jwks,
            people: AtomicUsize::new(0),
            codes: Mutex::default(),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/jwks", get(keys))
            .with_state(Arc::new(inside));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { issuer })
    }
}

async fn metadata(State(inside): State<Arc<Inside>>) -> Json<Value> {
    let issuer = &inside.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }))
}

async fn keys(State(inside): State<Arc<Inside>>) -> Json<Value> {
    Json(inside.jwks.clone())
}

#[derive(Deserialize)]
struct Asked {
    redirect_uri: Url,
    state: String,
    nonce: Option<String>,
}

async fn authorize(State(inside): State<Arc<Inside>>, Query(asked): Query<Asked>) -> impl IntoResponse {
    let number = inside.people.fetch_add(1, Ordering::Relaxed);
    let (code, email) = (format!("code-{number}"), format!("person-{number}@example.com"));
    inside.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code.clone(), (asked.nonce, email));
    let mut back = asked.redirect_uri;
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked.state);
    (StatusCode::FOUND, [(LOCATION, back.to_string())])
}

#[derive(Deserialize)]
struct Exchange {
    code: String,
}

async fn token(State(inside): State<Arc<Inside>>, Form(exchange): Form<Exchange>) -> impl IntoResponse {
    let known = inside.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(&exchange.code);
    let Some((nonce, email)) = known else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    };
    let now = jsonwebtoken::get_current_timestamp();
    let claims = json!({
        "iss": inside.issuer, "aud": CLIENT_ID, "sub": email, "iat": now, "exp": now + 3600, "nonce": nonce,
        "email": email, "email_verified": true, "name": "Somebody", "groups": ["staff"],
    });
    let header = Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::ES256) };
    match jsonwebtoken::encode(&header, &claims, &inside.key) {
        Ok(token) => {
            let answer =
                json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": token });
            (StatusCode::OK, Json(answer))
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))),
    }
}
