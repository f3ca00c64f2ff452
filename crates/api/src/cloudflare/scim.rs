//! SCIM of identity providers: the switch, and the secret by which a provider
//! would prove itself. Nothing answers a provider yet, so that what it would
//! have told is empty.

use axum::extract::{Path, State};
use doorward_model::document::{Content, IdentityProviderDocument, IdentityProviderExtension, Key, Kind, Object};
use doorward_model::secret::Secret;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, shaped};
use super::identity_providers::told;
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At};

const NAME: &str = "scim_config";
const BEHAVIOURS: [&str; 3] = ["automatic", "reauth", "no_action"];
const CONFIG: &[Field] = &[
    field("enabled", Shape::Flag),
    field("user_deprovision", Shape::Flag),
    field("seat_deprovision", Shape::Flag),
    field("identity_update_behavior", Shape::Text),
];

pub(super) async fn list(State(api): State<Api>, Path(At { id }): Path<At>, wanted: Wanted) -> Result<Page, Refusal> {
    match api.has_provider(&api.set(), &id) {
        true => wanted.page(Vec::new(), 100),
        false => Err(Refusal::not_found(Kind::IdentityProvider)),
    }
}

/// Another secret in the place of the one that was lost.
pub(super) async fn refresh_secret(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let off =
        || Refusal::conflict("SCIM is not enabled for this identity provider; enable it in its scim_config first");
    let (key, secret) = (Key::new(Kind::IdentityProvider, &id), Secret::random());
    // The emulator's own provider is in no store, and has none.
    if api.set().get(&key).is_none() && api.has_provider(&api.set(), &id) {
        return Err(off());
    }
    let replaced = api.replace(&caller, &key, |_, before| {
        let extension = extension(before)?;
        if extension.scim_secret.is_none() {
            return Err(off());
        }
        let extension = IdentityProviderExtension { scim_secret: Some(secret.digest().to_hex()), ..extension };
        let document = Content::new(&(), &extension, None);
        Ok(Content { extension: document.extension, ..before.content.clone() })
    });
    Ok(Answer::ok(told(&api, &replaced.await?, &secret)))
}

/// What is kept of a `scim_config` takes the place of the one that was written.
/// Gives the digest of the secret that counts: the one before as long as SCIM
/// stays on, `new` where it is turned on.
pub(super) fn read(
    fields: &mut Map<String, Value>,
    kind: &str,
    before: Option<&Object>,
    new: &Secret,
) -> Result<Option<String>, Refusal> {
    let Some(Value::Object(written)) = fields.remove(NAME) else { return Ok(None) };
    let config = config(written, kind).map_err(|refusal| refusal.below(&format!("/{NAME}")))?;
    let enabled = is_set(&config, "enabled");
    fields.insert(NAME.into(), Value::Object(config));
    if !enabled {
        return Ok(None);
    }
    let known = before.map(extension).transpose()?.and_then(|extension| extension.scim_secret);
    Ok(Some(known.unwrap_or_else(|| new.digest().to_hex())))
}

fn config(written: Map<String, Value>, kind: &str) -> Result<Map<String, Value>, Refusal> {
    let config = shaped(&Written::part(written), CONFIG)?;
    if is_set(&config, "enabled") && kind == "onetimepin" {
        return Err(Refusal::invalid("/enabled", "a one-time PIN knows nobody whom it could tell of by SCIM"));
    }
    if is_set(&config, "seat_deprovision") && !is_set(&config, "user_deprovision") {
        return Err(Refusal::invalid("/seat_deprovision", "seat_deprovision needs user_deprovision"));
    }
    let behaviour = config.get("identity_update_behavior").and_then(Value::as_str);
    if behaviour.is_some_and(|word| !BEHAVIOURS.contains(&word)) {
        let text = format!("identity_update_behavior is one of {}", BEHAVIOURS.join(", "));
        return Err(Refusal::invalid("/identity_update_behavior", text));
    }
    Ok(config)
}

fn is_set(config: &Map<String, Value>, name: &str) -> bool {
    config.get(name) == Some(&Value::Bool(true))
}

fn extension(object: &Object) -> Result<IdentityProviderExtension, Refusal> {
    object.extension().map_err(|error| Refusal::conflict(error.to_string()))
}

/// Whether a provider has SCIM turned on.
pub(super) fn is_enabled(idp: &Value) -> bool {
    idp[NAME]["enabled"] == true
}

/// A provider's `scim_config` as it is shown.
pub(super) fn complete(api: &Api, idp: &mut Value) {
    let (enabled, id) = (is_enabled(idp), idp["id"].clone());
    let Some(config) = idp.get_mut(NAME).and_then(Value::as_object_mut) else { return };
    config.entry("identity_update_behavior").or_insert_with(|| json!("no_action"));
    if let (true, Some(id)) = (enabled, id.as_str()) {
        let team = &api.0.objects.catalog().load().team().url.clone();
        config.insert("scim_base_url".into(), json!(format!("{team}/populations/{id}/scim/v2")));
    }
}

/// Tells the secret in the answer to the call that made it.
pub(super) fn tell(object: &Object, secret: &Secret, idp: &mut Value) {
    let digest = extension(object).ok().and_then(|extension| extension.scim_secret);
    if digest.is_some_and(|digest| digest == secret.digest().to_hex()) {
        idp[NAME]["secret"] = json!(secret.expose());
    }
}

/// What somebody who turns it on has to know.
pub(super) fn said(object: &Object) -> Option<String> {
    let idp = object.document::<IdentityProviderDocument>().ok()?;
    let enabled = idp.more.get(NAME)?.get("enabled")? == true;
    let text = "SCIM is kept, but this version does not act on it: nothing answers at scim_base_url, and whoever is \
                deprovisioned keeps their sessions until they are revoked or end";
    enabled.then(|| text.to_owned())
}
