//! The recorder: what was decided at the edge, and how often keys and
//! identities were fetched.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::Value;

use super::app_name::named;
use super::refusal::Refusal;
use crate::Emulator;

#[derive(Deserialize)]
pub(super) struct Which {
    app: Option<String>,
}

pub(super) async fn show(
    State(emulator): State<Arc<Emulator>>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let app = match which.app {
        Some(text) => Some(named(&text, &emulator.catalog.load())?.app.id),
        None => None,
    };
    Ok(Json(emulator.recorder.shown(app)))
}

pub(super) async fn clear(State(emulator): State<Arc<Emulator>>) -> Json<Value> {
    emulator.recorder.clear();
    Json(emulator.recorder.shown(None))
}
