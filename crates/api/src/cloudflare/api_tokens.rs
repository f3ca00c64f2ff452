//! The API's own tokens: named, for reading or for changing, shown once. It is
//! no part of Cloudflare's API, whose tokens belong to a whole Cloudflare
//! account; `doorward api-token` calls it.

use axum::extract::{Path, State};
use doorward_model::document::{ApiTokenDocument, Kind, Object, Owner, Scope};
use doorward_model::secret::Secret;
use doorward_model::time::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, duration, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, in_order};

pub(super) const FIELDS: &[Field] =
    &[field("name", Shape::Name), field("scope", Shape::Text), field("expires_in", Shape::Duration)];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let tokens = in_order(&api.set(), Kind::ApiToken).into_iter().map(|token| shown(&token, None));
    wanted.page(tokens.collect(), 100)
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let now = api.now();
    let (token, object) = object(&shaped(&written, FIELDS)?, now)?;
    let name = name_of(&object);
    let object = api.put(&caller, |set| {
        if set.of(Kind::ApiToken).any(|other| name_of(other) == name) {
            return Err(Refusal::conflict(format!("there is a token named \"{name}\" already")));
        }
        Ok(object.clone())
    });
    object.await.map(|object| Answer::created(shown(&object, Some(&token))))
}

/// By its name: people do not know ids.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = api.set().of(Kind::ApiToken).find(|token| name_of(token) == id).map(|token| token.key.clone());
    let key = key.ok_or_else(|| Refusal::not_found(Kind::ApiToken))?;
    api.remove(&caller, &key, |_, _| Ok(())).await.map(|_| Answer::named(&id))
}

fn object(fields: &serde_json::Map<String, Value>, now: Timestamp) -> Result<(Secret, Object), Refusal> {
    needed(fields, "name")?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let scope = match text("scope") {
        Some("read") => Scope::Read,
        Some("edit") => Scope::Edit,
        _ => return Err(Refusal::invalid("/scope", "scope is read or edit")),
    };
    let life = text("expires_in").map(|text| duration("expires_in", text));
    let life = life.transpose().map_err(|detail| Refusal::invalid("/expires_in", detail))?;
    let document = ApiTokenDocument {
        name: text("name").unwrap_or_default().to_owned(),
        scope,
        expires_on: life.map(|life| now.plus(life).to_rfc3339()),
    };
    let (token, key, content) = document.minted();
    Ok((token, Object { key, owner: Owner::Api, content, created_at: now, updated_at: now }))
}

fn name_of(token: &Object) -> String {
    token.document::<ApiTokenDocument>().map(|document| document.name).unwrap_or_default()
}

fn shown(token: &Object, secret: Option<&Secret>) -> Value {
    let mut shown = token.document::<Value>().unwrap_or_default();
    shown["id"] = json!(*token.key.id);
    shown["created_at"] = json!(token.created_at.to_rfc3339());
    if let Some(secret) = secret {
        shown["value"] = json!(secret.expose());
    }
    shown
}
