//! Key rotation on demand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::wanted::Wanted;
use crate::Emulator;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// Ends the overlap at once: tokens of the previous key stop verifying.
    #[serde(default)]
    drop_previous: bool,
}

pub(super) async fn rotate(
    State(emulator): State<Arc<Emulator>>,
    Wanted(rotation): Wanted<Rotation>,
) -> Result<Json<Value>, Refusal> {
    (emulator.rotate)(rotation.drop_previous).await.map_err(|error| {
        tracing::error!(%error, "a rotation was asked for and failed");
        Refusal::unavailable("the keys were not rotated").hint("the log says why; the call may be repeated")
    })?;
    Ok(Json(json!({ "kid": emulator.signer.load().current_kid() })))
}
