//! The admin door: health, readiness, metrics, and who may call anything at
//! all there. What is asked of it by resource (the Cloudflare API, the
//! emulator's control API) is mounted behind the same guards; the crate knows
//! nothing of how requests reach applications.

mod bearer;
mod envelope;
mod guard;
mod health;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::Response;
use axum::routing::{any, get};
use doorward_model::secret::Secret;
use http::{StatusCode, Uri};
use prometheus_client::registry::Registry;

pub use crate::bearer::require_token;
pub use crate::health::{Check, Readiness};

/// The longest body a call may send.
pub const BODY_LIMIT: usize = 64 * 1024;

/// What the admin listener is made of.
pub struct Parts {
    /// The metrics that `/metrics` shows.
    pub registry: Arc<Registry>,
    /// Says whether this process can serve.
    pub readiness: Readiness,
    /// Names, beside the loopback ones, by which callers may address the
    /// listener, without ports. An unspecified address (`0.0.0.0`, `::`)
    /// stands for every address of this machine.
    pub hosts: Vec<String>,
    /// What callers of the Cloudflare API must present.
    pub token: Option<Secret>,
    /// More of the site, already behind [`require_token`].
    pub nested: Option<Router>,
}

/// The whole admin listener.
pub fn router(parts: Parts) -> Router {
    let cloudflare = Router::new().route("/client/v4", any(no_route)).route("/client/v4/{*path}", any(no_route));
    let cloudflare = match parts.token {
        Some(token) => require_token(cloudflare, &token),
        None => cloudflare,
    };
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(parts.readiness))
        .route("/metrics", get(health::metrics).with_state(parts.registry))
        .merge(cloudflare)
        .merge(parts.nested.unwrap_or_default())
        .fallback(no_route)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::json_only))
        .layer(middleware::from_fn_with_state(Arc::new(guard::AllowedHosts::new(&parts.hosts)), guard::same_machine))
        .layer(middleware::map_response(guard::quiet_headers))
}

async fn no_route(uri: Uri) -> Response {
    let message = format!("Could not route to {}, perhaps your object identifier is invalid?", uri.path());
    envelope::refusal(StatusCode::NOT_FOUND, envelope::NO_ROUTE, &message)
}

#[cfg(test)]
mod tests;
