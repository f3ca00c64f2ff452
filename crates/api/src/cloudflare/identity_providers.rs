//! Identity providers. The client secret goes in and never comes out; the one
//! for SCIM, see [`super::scim`], is told by the call that makes it.

use axum::extract::{Path, State};
use doorward_model::document::{Content, IdentityProviderDocument, IdentityProviderExtension, Key, Kind, Object};
use doorward_model::id::IdpId;
use doorward_model::secret::Secret;
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, document, field, needed, shaped, web_url};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, found, in_order, outside, scim, usage};

pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("type", Shape::Text),
    field("config", Shape::Object),
    field("scim_config", Shape::Object),
];

const CONFIG_OF_OIDC: &[Field] = &[
    field("client_id", Shape::Name),
    field("auth_url", Shape::WebUrl),
    field("token_url", Shape::WebUrl),
    field("certs_url", Shape::WebUrl),
    field("scopes", Shape::Texts),
    field("claims", Shape::Texts),
    field("email_claim_name", Shape::Text),
    field("pkce_enabled", Shape::Flag),
];

const TYPES: [&str; 15] = [
    "oidc",
    "onetimepin",
    "saml",
    "azureAD",
    "centrify",
    "cloudflare",
    "facebook",
    "github",
    "google",
    "google-apps",
    "linkedin",
    "okta",
    "onelogin",
    "pingone",
    "yandex",
];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let idps = in_order(&api.set(), Kind::IdentityProvider).into_iter().map(|idp| shown(&api, &idp));
    let matching = idps.filter(|idp| wanted.is("scim_enabled", if scim::is_enabled(idp) { "true" } else { "false" }));
    wanted.page(matching.collect(), 200)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    found(&api.set(), &Key::new(Kind::IdentityProvider, id)).map(|idp| Answer::ok(shown(&api, idp)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let (key, scim) = (Key::new(Kind::IdentityProvider, IdpId::random()), Secret::random());
    let idp = api.create(&caller, &key, |set| content(&api, set, &key, &written, None, &scim)).await?;
    Ok(Answer::created(told(&api, &idp, &scim)).noting(said(&idp, &written)))
}

/// The whole provider anew, but for a secret that is not written.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let (key, scim) = (Key::new(Kind::IdentityProvider, id), Secret::random());
    let replaced = api.replace(&caller, &key, |set, before| content(&api, set, &key, &written, Some(before), &scim));
    let idp = replaced.await?;
    Ok(Answer::ok(told(&api, &idp, &scim)).noting(said(&idp, &written)))
}

/// The provider, and its secret for SCIM where it was just made.
pub(super) fn told(api: &Api, idp: &Object, scim: &Secret) -> Value {
    let mut shown = shown(api, idp);
    scim::tell(idp, scim, &mut shown);
    shown
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::IdentityProvider, &id);
    api.remove(&caller, &key, usage::unused).await.map(|_| Answer::removed(&id))
}

fn content(
    api: &Api,
    set: &Set,
    key: &Key,
    written: &Written,
    before: Option<&Object>,
    new_scim_secret: &Secret,
) -> Result<Content, Refusal> {
    let mut fields = shaped(written, FIELDS)?;
    ["name", "type", "config"].into_iter().try_for_each(|name| needed(&fields, name))?;
    let kind = kind(&fields)?;
    one_pin(set, key, kind)?;
    if let Some(before) = before
        && before.document::<IdentityProviderDocument>().is_ok_and(|before| before.kind != kind)
    {
        return Err(Refusal::invalid("/type", "the type of an identity provider cannot change; make another one"));
    }
    let scim_secret = scim::read(&mut fields, kind, before, new_scim_secret)?;
    let mut config = fields["config"].as_object().cloned().unwrap_or_default();
    let secret = secret(&mut config, before)?;
    if kind == "oidc" {
        config = oidc(api, config, secret.as_ref()).map_err(|refusal| refusal.below("/config"))?;
    }
    fields.insert("config".into(), Value::Object(config));
    fields.insert("id".into(), json!(*key.id));
    let idp: IdentityProviderDocument = document(fields)?;
    Ok(Content::new(&idp, &IdentityProviderExtension { scim_secret, ..IdentityProviderExtension::default() }, secret))
}

fn kind(fields: &Map<String, Value>) -> Result<&'static str, Refusal> {
    let written = fields["type"].as_str().unwrap_or_default();
    let known = TYPES.into_iter().find(|kind| *kind == written);
    known.ok_or_else(|| Refusal::invalid("/type", format!("\"{written}\" is no type of identity provider")))
}

fn one_pin(set: &Set, key: &Key, kind: &str) -> Result<(), Refusal> {
    let others = set.of(Kind::IdentityProvider).filter(|other| other.key != *key);
    let mut kinds = others.filter_map(|other| other.document::<IdentityProviderDocument>().ok()).map(|idp| idp.kind);
    match kind == "onetimepin" && kinds.any(|other| other == "onetimepin") {
        true => Err(Refusal::conflict("a onetimepin connection already exists")),
        false => Ok(()),
    }
}

/// Taken out of the config; the one before, where none is written.
fn secret(config: &mut Map<String, Value>, before: Option<&Object>) -> Result<Option<Secret>, Refusal> {
    // The API derives it, and callers send back what they were shown.
    config.remove("redirect_url");
    match config.remove("client_secret") {
        None => Ok(before.and_then(|before| before.content.secret.clone())),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Secret::new(text))),
        Some(_) => Err(Refusal::invalid("/config/client_secret", "client_secret is a text that is not empty")),
    }
}

fn oidc(api: &Api, config: Map<String, Value>, secret: Option<&Secret>) -> Result<Map<String, Value>, Refusal> {
    let written = Written { fields: config, nulls: Default::default() };
    let config = shaped(&written, CONFIG_OF_OIDC)?;
    ["client_id", "auth_url", "token_url", "certs_url"].into_iter().try_for_each(|name| needed(&config, name))?;
    if secret.is_none() {
        return Err(Refusal::invalid("/client_secret", "client_secret is a required field"));
    }
    for name in ["auth_url", "token_url", "certs_url"] {
        let url = web_url(name, config[name].as_str().unwrap_or_default());
        let checked = url.and_then(|url| outside::allowed(name, &url, api.0.allow_http));
        checked.map_err(|detail| Refusal::invalid(format!("/{name}"), detail))?;
    }
    Ok(config)
}

fn said(idp: &Object, written: &Written) -> Vec<String> {
    let kind = written.fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let unusable =
        (kind != "oidc").then(|| format!("this version cannot sign anybody in with a provider of type {kind}"));
    unusable.into_iter().chain(scim::said(idp)).collect()
}

fn shown(api: &Api, idp: &Object) -> Value {
    let mut shown = idp.document::<Value>().unwrap_or_default();
    shown["config"]["redirect_url"] = json!(api.0.objects.catalog().load().team().callback());
    scim::complete(api, &mut shown);
    shown
}
