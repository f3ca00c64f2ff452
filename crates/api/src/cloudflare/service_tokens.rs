//! Service tokens: the secret is shown when it is made, and never again.

use axum::extract::{Path, State};
use doorward_model::document::{
    Content, Key, Kind, Object, PreviousSecret, ServiceTokenDocument, ServiceTokenExtension,
};
use doorward_model::id::ServiceTokenId;
use doorward_model::secret::{Secret, random_hex};
use doorward_model::service_token::new_secret;
use doorward_model::time::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, duration, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, in_order, usage};

pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("duration", Shape::Text),
    field("enabled", Shape::Flag),
    field("client_secret_version", Shape::Number),
    field("previous_client_secret_expires_at", Shape::Text),
];

const A_YEAR: &str = "8760h";
const FOREVER: &str = "forever";

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let tokens = in_order(&api.set(), Kind::ServiceToken).into_iter().map(|token| shown(&token, None));
    let matching = tokens.filter(|token| {
        let [name, client_id] = ["name", "client_id"].map(|field| token[field].as_str().unwrap_or_default());
        wanted.is("name", name) && wanted.searched([name, client_id])
    });
    wanted.page(matching.collect(), 1000)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    found(&api.set(), &Key::new(Kind::ServiceToken, id)).map(|token| Answer::ok(shown(token, None)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let (id, secret, now) = (ServiceTokenId::random(), new_secret(), api.now());
    let fields = shaped(&written, FIELDS)?;
    needed(&fields, "name")?;
    let mut token = ServiceTokenDocument {
        id,
        name: String::new(),
        client_id: new_client_id(),
        duration: Some(A_YEAR.to_owned()),
        expires_at: None,
        enabled: true,
        more: Map::new(),
    };
    take(&mut token, &fields, now)?;
    let version = fields.get("client_secret_version").and_then(Value::as_u64).unwrap_or(1);
    let extension = ServiceTokenExtension { version, ..ServiceTokenExtension::of(secret.digest()) };
    let content = Content::new(&token, &extension, None);
    let key = Key::new(Kind::ServiceToken, id);
    let object = api.create(&caller, &key, |_| Ok(content.clone())).await?;
    Ok(Answer::created(shown(&object, Some(&secret))))
}

/// A higher version of the secret than before is a wish for a new one.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::ServiceToken, id);
    let (secret, now) = (new_secret(), api.now());
    let fields = shaped(&written, FIELDS)?;
    let version = fields.get("client_secret_version").and_then(Value::as_u64).unwrap_or_default();
    let rotates = |before: &ServiceTokenExtension| version > before.version;
    let rotated = found(&api.set(), &key)?.extension::<ServiceTokenExtension>().is_ok_and(|before| rotates(&before));
    let object = api.replace(&caller, &key, |_, before| {
        let (mut token, mut extension) = parts(before)?;
        take(&mut token, &fields, now)?;
        if rotates(&extension) {
            extension = renewed(&extension, &secret, version, grace(&fields, now)?);
        }
        Ok(Content::new(&token, &extension, None))
    });
    let object = object.await?;
    Ok(Answer::ok(shown(&object, rotated.then_some(&secret))))
}

/// 200 with what was removed, unlike other kinds.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::ServiceToken, id);
    api.remove(&caller, &key, usage::unused).await.map(|token| Answer::ok(shown(&token, None)))
}

/// A new life of the same length, from now on.
pub(super) async fn refresh(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::ServiceToken, id);
    let now = api.now();
    let object = api.replace(&caller, &key, |_, before| {
        let (mut token, extension) = parts(before)?;
        token.expires_at = end(token.duration.as_deref().unwrap_or(A_YEAR), now)?;
        Ok(Content::new(&token, &extension, None))
    });
    object.await.map(|object| Answer::ok(shown(&object, None)))
}

/// A new secret. The one before it works until it is told, which is now unless
/// the caller says otherwise.
pub(super) async fn rotate(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::ServiceToken, id);
    let (secret, now) = (new_secret(), api.now());
    let fields = shaped(&written, FIELDS)?;
    let object = api.replace(&caller, &key, |_, before| {
        let (token, extension) = parts(before)?;
        let extension = renewed(&extension, &secret, extension.version + 1, grace(&fields, now)?);
        Ok(Content::new(&token, &extension, None))
    });
    object.await.map(|object| Answer::ok(shown(&object, Some(&secret))))
}

fn parts(object: &Object) -> Result<(ServiceTokenDocument, ServiceTokenExtension), Refusal> {
    let read = (object.document(), object.extension());
    let (Ok(document), Ok(extension)) = read else { return Err(Refusal::not_found(Kind::ServiceToken)) };
    Ok((document, extension))
}

/// What was written, on what there was.
fn take(token: &mut ServiceTokenDocument, fields: &Map<String, Value>, now: Timestamp) -> Result<(), Refusal> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    if let Some(name) = text("name") {
        name.clone_into(&mut token.name);
    }
    let before = token.duration.clone();
    if let Some(duration) = text("duration") {
        token.duration = Some(duration.to_owned());
    }
    if token.expires_at.is_none() || token.duration != before {
        token.expires_at = end(token.duration.as_deref().unwrap_or(A_YEAR), now)?;
    }
    // It means something only when the secret changes, and is held to its form always.
    grace(fields, now)?;
    token.enabled = fields.get("enabled").and_then(Value::as_bool).unwrap_or(token.enabled);
    Ok(())
}

fn end(text: &str, now: Timestamp) -> Result<Option<String>, Refusal> {
    if text == FOREVER {
        return Ok(None);
    }
    let life = duration("duration", text).map_err(|detail| Refusal::invalid("/duration", detail))?;
    if life.secs() == 0 {
        return Err(Refusal::invalid("/duration", "duration is shorter than a second"));
    }
    Ok(Some(now.plus(life).to_rfc3339()))
}

/// Until when the secret that is replaced still works.
fn grace(fields: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, Refusal> {
    const FIELD: &str = "previous_client_secret_expires_at";
    let Some(text) = fields.get(FIELD).and_then(Value::as_str) else { return Ok(now) };
    let moment = Timestamp::from_rfc3339(text);
    moment
        .ok_or_else(|| Refusal::invalid(format!("/{FIELD}"), format!("{FIELD} is a moment like 2027-01-31T00:00:00Z")))
}

fn renewed(before: &ServiceTokenExtension, secret: &Secret, version: u64, until: Timestamp) -> ServiceTokenExtension {
    let previous = PreviousSecret { client_secret: before.client_secret.clone(), expires_at: until.to_rfc3339() };
    ServiceTokenExtension { version, previous: Some(previous), ..ServiceTokenExtension::of(secret.digest()) }
}

fn new_client_id() -> doorward_model::service_token::ClientId {
    format!("{}.access", random_hex::<16>()).try_into().expect("32 hex characters and .access are a client id")
}

/// `secret` where it was just made.
fn shown(token: &Object, secret: Option<&Secret>) -> Value {
    let mut shown = token.document::<Value>().unwrap_or_default();
    if let Some(secret) = secret {
        shown["client_secret"] = json!(secret.expose());
        let version = token.extension::<ServiceTokenExtension>().map_or(1, |extension| extension.version);
        shown["client_secret_version"] = json!(version);
    }
    shown["created_at"] = json!(token.created_at.to_rfc3339());
    shown["updated_at"] = json!(token.updated_at.to_rfc3339());
    shown
}
