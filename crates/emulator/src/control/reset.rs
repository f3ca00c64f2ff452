//! Back to the start state, between two tests for instance.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;

use super::clock;
use super::refusal::Refusal;
use super::wanted::Wanted;
use crate::Emulator;

/// Nothing can be chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The store first: when it fails, nothing else has changed. Signing keys stay
/// as they are, so that validators need not fetch them again.
pub(super) async fn reset(
    State(emulator): State<Arc<Emulator>>,
    Wanted(Nothing {}): Wanted<Nothing>,
) -> Result<Json<Value>, Refusal> {
    emulator.store.reset().await?;
    emulator.people.reset();
    emulator.publish_claim_names();
    emulator.provider.reset();
    emulator.faults.replace(vec![]);
    emulator.recorder.clear();
    emulator.mailbox.clear();
    // A process on the machine's clock has nothing to set back.
    let _ = emulator.clock.reset();
    Ok(clock::shown(&emulator.clock))
}
