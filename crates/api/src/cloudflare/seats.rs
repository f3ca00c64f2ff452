//! Seats: who counts. Nobody is kept out for want of one, so that a seat says
//! no more than that somebody signed in not too long ago.

use axum::extract::State;
use doorward_model::audit::AuditEntry;
use doorward_model::document::{Key, Kind, ORGANIZATION};
use doorward_model::id::UserId;
use doorward_model::time::Lifetime;
use doorward_store::Person;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::refusal::Refusal;
use super::written::WrittenList;

pub(super) const FIELDS: &[Field] = &[
    field("seat_uid", Shape::Name),
    field("access_seat", Shape::Flag),
    // There is no gateway to have a seat of.
    field("gateway_seat", Shape::Flag),
];

/// Takes seats away, or gives them back. Sessions stay: they are ended elsewhere.
pub(super) async fn change(
    State(api): State<Api>,
    caller: Caller,
    WrittenList(written): WrittenList,
) -> Result<Answer, Refusal> {
    let mut wanted: Vec<(Person, bool)> = Vec::new();
    for (written, index) in written.iter().zip(0..) {
        let below = |refusal: Refusal| refusal.below(&format!("/{index}"));
        let fields = shaped(written, FIELDS).map_err(below)?;
        FIELDS.iter().try_for_each(|field| needed(&fields, field.name)).map_err(below)?;
        let person = api.person(fields["seat_uid"].as_str().unwrap_or_default()).await;
        wanted.push((person.map_err(|_| Refusal::absent("seat"))?, fields["access_seat"] == json!(true)));
    }
    let now = api.now();
    let told: Vec<AuditEntry> = wanted
        .iter()
        .map(|(person, seated)| {
            let (before, after) = (taken(&api, person), *seated && person.signed_in_at.is_some());
            let seat = |seated: bool| Some(json!({ "email": person.email, "access_seat": seated }));
            let deed = caller.deed("seat", &person.id.to_string(), now);
            AuditEntry { before: seat(before), after: seat(after), ..deed }
        })
        .collect();
    let seats: Vec<(UserId, bool)> = wanted.iter().map(|(person, seated)| (person.id, *seated)).collect();
    if !seats.is_empty() && !api.0.store.set_seats(&seats, &told, now).await? {
        return Err(Refusal::absent("seat"));
    }
    let mut changed = Vec::new();
    for (person, _) in wanted {
        changed.push(shown(&api, &api.person(&person.id.to_string()).await?));
    }
    Ok(Answer::ok(Value::Array(changed)))
}

/// Whether somebody takes one: since their last sign-in it was not taken away,
/// and that is not longer ago than the organisation says.
pub(super) fn taken(api: &Api, person: &Person) -> bool {
    let Some(signed_in_at) = person.signed_in_at else { return false };
    let removed = person.seat_removed_at.is_some_and(|removed_at| signed_in_at <= removed_at);
    let idle = inactivity(api).is_some_and(|limit| api.now() >= signed_in_at.plus(limit));
    !removed && !idle
}

fn inactivity(api: &Api) -> Option<Lifetime> {
    let set = api.set();
    let organization: Map<String, Value> = set.get(&Key::new(Kind::Organization, ORGANIZATION))?.document().ok()?;
    organization.get("user_seat_expiration_inactive_time")?.as_str()?.parse().ok()
}

fn shown(api: &Api, person: &Person) -> Value {
    json!({
        "seat_uid": person.id,
        "access_seat": taken(api, person),
        "gateway_seat": false,
        "created_at": person.created_at.to_rfc3339(),
        "updated_at": person.updated_at.to_rfc3339(),
    })
}
