//! Time: everything that reads the product's clock moves with it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::wanted::Wanted;
use crate::Emulator;

/// The moments that a clock may be set to: JWT libraries and cookies can say no more.
const EARLIEST: Timestamp = Timestamp::from_secs(0);
const LATEST: Timestamp = Timestamp::from_secs(253_402_300_799);

/// Taken in this order: set, then advanced, then frozen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    set: Option<String>,
    advance: Option<Lifetime>,
    freeze: Option<bool>,
}

pub(super) async fn show(State(emulator): State<Arc<Emulator>>) -> Json<Value> {
    shown(&emulator.clock)
}

pub(super) async fn change(
    State(emulator): State<Arc<Emulator>>,
    Wanted(change): Wanted<Change>,
) -> Result<Json<Value>, Refusal> {
    if change.set.is_none() && change.advance.is_none() && change.freeze.is_none() {
        let hint = "send {\"advance\":\"25h\"}, {\"freeze\":true} or {\"set\":\"2027-01-01T00:00:00Z\"}";
        return Err(Refusal::unusable("the change is empty").hint(hint));
    }
    let clock = &emulator.clock;
    let target = target(&change, clock.now())?;
    let mut moved = true;
    if change.set.is_some() || change.advance.is_some() {
        moved = clock.set(target);
    }
    if let Some(freeze) = change.freeze {
        moved &= clock.freeze(freeze);
    }
    if !moved {
        return Err(Refusal::conflict("this process runs on the machine's clock, which cannot be moved"));
    }
    Ok(shown(clock))
}

fn target(change: &Change, now: Timestamp) -> Result<Timestamp, Refusal> {
    let start = match &change.set {
        None => now,
        Some(text) => Timestamp::from_rfc3339(text).ok_or_else(|| {
            Refusal::unusable(&format!("set: \"{text}\" is not a moment")).hint("write it like 2027-01-01T00:00:00Z")
        })?,
    };
    let target = start.plus(change.advance.unwrap_or(Lifetime::ZERO));
    if target < EARLIEST || target > LATEST {
        return Err(Refusal::unusable("the clock cannot leave the years 1970 to 9999"));
    }
    Ok(target)
}

pub(super) fn shown(clock: &Clock) -> Json<Value> {
    Json(json!({ "now": clock.now().to_rfc3339(), "frozen": clock.is_frozen() }))
}
