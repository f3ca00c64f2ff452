//! Save and restore: people, sign-ins, revocations, the clock and the faults,
//! as one document that can be sent back later or kept here by its id.
//!
//! Keys are no part of it, so that validators need not fetch them again; nor
//! is what is configured. A process with the same seed has the same keys.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use doorward_model::id::RayId;
use doorward_model::time::{Clock, Timestamp};
use doorward_store::Saved;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refusal::Refusal;
use super::wanted::{self, Wanted};
use super::{clock, faults, users};
use crate::Emulator;

/// Snapshots that can be named by their id; the oldest are forgotten first.
const MOST_KEPT: usize = 64;

/// The snapshots that were taken from this process.
#[derive(Default)]
pub(crate) struct Snapshots(Mutex<VecDeque<Snapshot>>);

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    id: String,
    clock: SavedClock,
    people: Value,
    faults: Vec<Value>,
    store: Saved,
}

/// A clock that stands has a moment; one that runs, a distance from the machine's.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedClock {
    ahead_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    frozen_at: Option<String>,
}

/// Restored by its id alone, or whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ById {
    id: String,
}

pub(super) async fn take(State(emulator): State<Arc<Emulator>>) -> Result<Json<Value>, Refusal> {
    let snapshot = Snapshot {
        // Unique, and no secret.
        id: RayId::random().to_string(),
        clock: SavedClock::of(&emulator.clock),
        people: json(&emulator.people.all())?,
        faults: emulator.faults.all().iter().map(|fault| fault.asked()).collect(),
        store: emulator.store.saved().await?,
    };
    let shown = json(&snapshot)?;
    let mut kept = emulator.snapshots.0.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() == MOST_KEPT {
        kept.pop_front();
    }
    kept.push_back(snapshot);
    Ok(Json(shown))
}

pub(super) async fn restore(
    State(emulator): State<Arc<Emulator>>,
    Wanted(body): Wanted<Value>,
) -> Result<Json<Value>, Refusal> {
    let snapshot = match body.as_object().is_some_and(|members| members.len() > 1) {
        true => wanted::from::<Snapshot, _>(body)?,
        false => emulator.kept(&wanted::from::<ById, _>(body)?.id)?,
    };
    let people = users::people(snapshot.people)?;
    let faults = faults::read(snapshot.faults, &emulator.catalog.load())?;
    let now = snapshot.clock.now()?;
    // The store first: when it fails, nothing else has changed.
    emulator.store.restore(snapshot.store).await?;
    emulator.people.replace(people);
    emulator.publish_claim_names();
    emulator.provider.reset();
    emulator.faults.replace(faults);
    emulator.recorder.clear();
    emulator.mailbox.clear();
    // A process on the machine's clock has nothing to set.
    let _ = emulator.clock.set(now) && emulator.clock.freeze(snapshot.clock.frozen_at.is_some());
    Ok(clock::shown(&emulator.clock))
}

impl Emulator {
    fn kept(&self, id: &str) -> Result<Snapshot, Refusal> {
        let kept = self.snapshots.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|snapshot| snapshot.id == id).cloned().ok_or_else(|| {
            Refusal::not_found(&format!("there is no snapshot \"{id}\""))
                .hint("GET /emulator/v1/snapshot takes one; send its id, or all of it")
        })
    }
}

impl SavedClock {
    fn of(clock: &Clock) -> Self {
        let now = clock.now();
        Self { ahead_ms: now.0 - Clock::system().now().0, frozen_at: clock.is_frozen().then(|| now.to_rfc3339()) }
    }

    /// What the clock is to say now.
    fn now(&self) -> Result<Timestamp, Refusal> {
        match &self.frozen_at {
            Some(text) => Timestamp::from_rfc3339(text)
                .ok_or_else(|| Refusal::unusable(&format!("clock.frozen_at: \"{text}\" is not a moment"))),
            None => Ok(Timestamp(Clock::system().now().0.saturating_add(self.ahead_ms))),
        }
    }
}

fn json(value: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value)
        .map_err(|error| Refusal::unavailable(&format!("the snapshot cannot be written: {error}")))
}
