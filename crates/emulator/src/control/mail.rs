//! The mailbox: what the gateway mailed to whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use doorward_model::email::Email;
use serde::Deserialize;
use serde_json::Value;

use super::refusal::Refusal;
use crate::Emulator;

#[derive(Deserialize)]
pub(super) struct Whose {
    to: Option<String>,
}

pub(super) async fn show(
    State(emulator): State<Arc<Emulator>>,
    Query(whose): Query<Whose>,
) -> Result<Json<Value>, Refusal> {
    let to = whose.to.map(|text| text.parse::<Email>().map_err(|error| Refusal::unusable(&format!("to: {error}"))));
    Ok(Json(emulator.mailbox.shown(to.transpose()?.as_ref())))
}

pub(super) async fn clear(State(emulator): State<Arc<Emulator>>) -> Json<Value> {
    emulator.mailbox.clear();
    Json(emulator.mailbox.shown(None))
}
