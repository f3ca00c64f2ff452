//! The built-in identity provider: an OpenID provider (OpenID Connect Core and
//! Discovery, code flow alone) whose people prove nothing and only say who
//! they are. To the login door it is a provider like any other.
//!
//! It is strict where a real one is, so that what works here works there. Its
//! codes and tokens live in the memory of one process: nodes that share a
//! store need the browser and the token request to reach the same one.

mod answer;
mod authorize;
mod client;
mod grants;
mod id_token;
mod params;
mod person_form;
mod request;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use doorward_model::site::Team;
use serde_json::{Value, json};

use crate::{Emulator, Site};

pub(crate) use self::client::{Client, GATEWAY_CLIENT_ID};
pub(crate) use self::id_token::subject;

/// Where the provider is mounted on the team host.
pub const IDP_PATH: &str = "/cdn-cgi/doorward/idp";

/// Whoever the provider's `iss` is.
pub(crate) fn issuer(team: &Team) -> String {
    format!("{}{IDP_PATH}", team.url)
}

pub(crate) fn router(site: Site) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/authorize", get(authorize::show).post(authorize::pick))
        .route("/token", post(token::exchange))
        .route("/jwks", get(jwks))
        .route("/userinfo", get(userinfo::show).post(userinfo::show))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(site)
}

/// What the provider keeps: who may ask it, its key, and what it has granted.
pub(crate) struct Provider {
    clients: Vec<Client>,
    key: id_token::IdTokenKey,
    grants: grants::Grants,
}

impl Provider {
    pub(crate) fn new(clients: Vec<Client>) -> Self {
        Self { clients, key: id_token::IdTokenKey::generate(), grants: grants::Grants::default() }
    }

    /// Forgets every code and token, keeps the key.
    pub(crate) fn reset(&self) {
        self.grants.clear();
    }
}

async fn discovery(State(site): State<Site>) -> Json<Value> {
    let issuer = issuer(site.catalog.load().team());
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email", "profile", "groups"],
        "claims_supported": ["sub", "email", "email_verified", "name", "groups", "amr", "auth_time", "country"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(State(emulator): State<Arc<Emulator>>) -> Json<Value> {
    Json(json!({ "keys": [emulator.provider.key.published()] }))
}

#[cfg(test)]
mod tests;
