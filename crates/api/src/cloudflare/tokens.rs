//! Whether a token is good: what clients ask before anything else.

use serde_json::json;

use super::answer::Answer;
use super::caller::Caller;

pub(super) async fn verify(caller: Caller) -> Answer {
    Answer::ok(json!({ "id": caller.id, "status": "active" }))
}
