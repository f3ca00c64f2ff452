//! The admin door: health, readiness, metrics, and who may call anything at
//! all there. What is asked of it by resource (the Cloudflare API, the
//! emulator's control API) is mounted behind the same guards; the crate knows
//! nothing of how requests reach applications.

mod bearer;
pub mod cloudflare;
mod envelope;
mod guard;
mod health;
mod unread;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use http::{StatusCode, Uri};
use prometheus_client::registry::Registry;

pub use crate::bearer::require_token;
pub use crate::health::{Check, Readiness, metrics_at};

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
    /// More of the site, which has its own guard: [`cloudflare::router`], [`require_token`].
    pub nested: Vec<Router>,
}

/// The whole admin listener.
pub fn router(parts: Parts) -> Router {
    let site = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(parts.readiness))
        .route("/metrics", get(health::metrics).with_state(parts.registry));
    let site = parts.nested.into_iter().fold(site, Router::merge);
    site.fallback(no_route)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::json_only))
        .layer(middleware::from_fn_with_state(Arc::new(guard::AllowedHosts::new(&parts.hosts)), guard::same_machine))
        .layer(middleware::map_response(guard::quiet_headers))
        .layer(middleware::from_fn(unread::discard))
}

async fn no_route(uri: Uri) -> Response {
    let message = format!("Could not route to {}, perhaps your object identifier is invalid?", uri.path());
    envelope::refusal(StatusCode::NOT_FOUND, envelope::NO_ROUTE, &message)
}

#[cfg(test)]
mod tests;
