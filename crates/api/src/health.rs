//! What probes and scrapers read: alive, able to serve, and the metrics. No
//! token is asked for, so no answer names more than the part that is not well.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::json;

/// The state of one thing that serving depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Check {
    /// The thing is well.
    #[must_use]
    pub const fn passed(name: &'static str) -> Self {
        Self { name, ok: true, reason: None }
    }

    /// The thing is not well. The reason is shown to anybody who can reach the
    /// listener: it must hold no secret.
    #[must_use]
    pub fn failed(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, ok: false, reason: Some(reason.into()) }
    }
}

type Checking = Pin<Box<dyn Future<Output = Vec<Check>> + Send>>;

/// Asks all that serving depends on.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> Checking + Send + Sync>);

impl Readiness {
    /// `checks` is run for each probe: it should answer within a second.
    pub fn new<F, R>(checks: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Vec<Check>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(checks())))
    }
}

pub(crate) async fn alive() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

pub(crate) async fn ready(State(readiness): State<Readiness>) -> Response {
    let checks = (readiness.0)().await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": checks }))).into_response()
}

/// Metrics that are somebody's own, at a path of theirs.
pub fn metrics_at(path: &str, registry: Arc<Registry>) -> Router {
    Router::new().route(path, get(metrics)).with_state(registry)
}

pub(crate) async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
