//! Applications. The three views of what one covers are derived from each
//! other; its own policies are part of it, see [`super::app_policies`].

mod addresses;
mod provisioning;
mod saas;
pub(super) mod second_factor;
mod shown;
mod values;
pub(super) mod written_policies;

use axum::extract::{Path, State};
use doorward_model::document::{AppDocument, AppExtension, AppPolicy, Content, Key, Kind, Object};
use doorward_model::id::{AppId, Aud};
use doorward_model::secret::random_hex;
use doorward_model::session::Revoked;
use doorward_model::time::Timestamp;
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use self::saas::NewClient;
use self::shown::shown;
pub(super) use self::shown::whole;
use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, document, field, kept, needed, notes, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::zones::ByZone;
use super::{Api, At, found, in_order, usage};

pub(super) const FIELDS: &[Field] = &[
    field("type", Shape::Text),
    field("name", Shape::Name),
    field("domain", Shape::Text),
    field("self_hosted_domains", Shape::Texts),
    field("destinations", Shape::List),
    field("session_duration", Shape::Session),
    field("policies", Shape::List),
    field("allowed_idps", Shape::Texts),
    field("auto_redirect_to_identity", Shape::Flag),
    field("http_only_cookie_attribute", Shape::Flag),
    field("same_site_cookie_attribute", Shape::Text),
    field("options_preflight_bypass", Shape::Flag),
    field("service_auth_401_redirect", Shape::Flag),
    field("custom_deny_message", Shape::Text),
    field("custom_deny_url", Shape::WebUrl),
    field("custom_non_identity_deny_url", Shape::WebUrl),
    field("logo_url", Shape::HttpsUrl),
    field("tags", Shape::Texts),
    field("app_launcher_visible", Shape::Flag),
    kept("allow_authenticate_via_warp", Shape::Flag),
    field("allow_iframe", Shape::Flag),
    field("skip_interstitial", Shape::Flag),
    field("path_cookie_attribute", Shape::Flag),
    field("enable_binding_cookie", Shape::Flag),
    field("eager_redirect_cookie_setting", Shape::Flag),
    field("cors_headers", Shape::Object),
    field("custom_pages", Shape::Texts),
    field("read_service_tokens_from_header", Shape::Text),
    field("app_launcher_logo_url", Shape::HttpsUrl),
    field("bg_color", Shape::Text),
    field("header_bg_color", Shape::Text),
    field("footer_links", Shape::List),
    field("landing_page_design", Shape::Object),
    field("skip_app_launcher_login_page", Shape::Flag),
    // What is said of the type says all of it.
    field("saas_app", Shape::Object),
    kept("scim_config", Shape::Object),
    kept("target_criteria", Shape::List),
    kept("oauth_configuration", Shape::Object),
    kept("mfa_config", Shape::Object),
];

/// What would make an application do something that is not there, and what to
/// do instead. It is kept for applications that open nothing.
const NOT_THERE: [(&str, &str); 2] = [
    ("oauth_configuration", "leave it out; programs enter with service tokens, or with cloudflared"),
    ("target_criteria", "leave it out; it belongs to applications of type infrastructure and rdp"),
];

const TYPES: [&str; 3] = ["self_hosted", "bookmark", "app_launcher"];
/// These are objects and no more: nobody is let in to them here.
const OTHER_TYPES: [&str; 12] = [
    "saas",
    "ssh",
    "vnc",
    "rdp",
    "warp",
    "biso",
    "dash_sso",
    "infrastructure",
    "mcp",
    "mcp_portal",
    "proxy_endpoint",
    "end_user",
];
/// What makes an application one of its type.
const NEEDED: [(&str, &str); 2] = [("saas", "saas_app"), ("infrastructure", "target_criteria")];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let set = api.set();
    let exactly = wanted.text("exact").is_none_or(|exact| exact != "false");
    let is = |filter: &str, value: &str| match wanted.text(filter) {
        Some(text) if !exactly => value.contains(text),
        _ => wanted.is(filter, value),
    };
    let apps = in_order(&set, Kind::App).into_iter().map(|app| shown(&api, &set, &app));
    let matching = apps.filter(|app| {
        let [name, domain, aud] = ["name", "domain", "aud"].map(|field| app[field].as_str().unwrap_or_default());
        is("name", name) && is("domain", domain) && wanted.is("aud", aud) && wanted.searched([name, domain, aud])
    });
    wanted.page(matching.collect(), 1000)
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let set = api.set();
    found(&set, &Key::new(Kind::App, id)).map(|app| Answer::ok(shown(&api, &set, app)))
}

pub(super) async fn create(
    State(api): State<Api>,
    by_zone: ByZone,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let id = AppId::random();
    let aud = Aud::try_from(random_hex::<32>()).expect("64 hex characters are an audience");
    let (key, client, now) = (Key::new(Kind::App, id), NewClient::random(), api.now());
    let app = api.create(&caller, &key, |set| {
        let keeps = Keeps { id, aud: aud.clone(), client: &client, before: None };
        content(&api, set, &written, &by_zone, &keeps, now)
    });
    let app = app.await?;
    Ok(Answer::created(told(&api, &app, &client)).noting(said(&api, &written, &app)))
}

/// The whole application anew, but for its policies where none are written.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    by_zone: ByZone,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let (key, client, now) = (Key::new(Kind::App, id), NewClient::random(), api.now());
    let app = api.replace(&caller, &key, |set, before| {
        let document = kept_app(before)?;
        let (id, aud) = (document.id, document.aud.clone());
        let keeps = Keeps { id, aud, client: &client, before: Some((before, &document)) };
        content(&api, set, &written, &by_zone, &keeps, now)
    });
    let app = app.await?;
    Ok(Answer::ok(told(&api, &app, &client)).noting(said(&api, &written, &app)))
}

/// The application, and the secret of its client where it was just made.
fn told(api: &Api, app: &Object, client: &NewClient) -> Value {
    let mut shown = shown(api, &api.set(), app);
    client.tell(app, &mut shown);
    shown
}

pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::App, &id);
    api.remove(&caller, &key, usage::unused).await.map(|_| Answer::removed(&id))
}

/// Every token of the application ends; it is no change of what is configured.
pub(super) async fn revoke_tokens(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let set = api.set();
    let object = found(&set, &Key::new(Kind::App, id))?;
    let app = kept_app(object)?;
    let now = api.now();
    api.0.store.revoke_telling(&Revoked::App(app.aud), &[caller.deed("app", &object.key.id, now)], now).await?;
    Ok(Answer::accepted(json!({})))
}

/// An application's content with another document; what is ours beside it stays.
pub(super) fn rewritten(before: &Object, app: &AppDocument) -> Content {
    Content { document: Content::new(app, &(), None).document, ..before.content.clone() }
}

pub(super) const SETTINGS: &[Field] = &[field("allow_iframe", Shape::Flag), field("skip_interstitial", Shape::Flag)];

/// Both settings; one that is not written is unset.
pub(super) async fn set_settings(
    State(api): State<Api>,
    path: Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    settings(api, path, caller, written, |_, _| true).await
}

/// Those that are written.
pub(super) async fn change_settings(
    State(api): State<Api>,
    path: Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    settings(api, path, caller, written, |written, name| {
        written.fields.contains_key(name) || written.nulls.contains(name)
    })
    .await
}

async fn settings(
    api: Api,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
    concerns: impl Fn(&Written, &str) -> bool + Send + Sync,
) -> Result<Answer, Refusal> {
    let key = Key::new(Kind::App, id);
    let fields = shaped(&written, SETTINGS)?;
    let object = api.replace(&caller, &key, |_, before| {
        let mut app = kept_app(before)?;
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool);
        if concerns(&written, "allow_iframe") {
            app.allow_iframe = flag("allow_iframe");
        }
        if concerns(&written, "skip_interstitial") {
            app.skip_interstitial = flag("skip_interstitial");
        }
        Ok(rewritten(before, &app))
    });
    let app = kept_app(&object.await?)?;
    let shown = json!({
        "allow_iframe": app.allow_iframe.unwrap_or_default(),
        "skip_interstitial": app.skip_interstitial.unwrap_or_default(),
    });
    Ok(Answer::accepted(shown).noting(notes(&fields, SETTINGS)))
}

/// What an application keeps whatever is written.
struct Keeps<'a> {
    id: AppId,
    aud: Aud,
    /// For one that has no client yet and is to have one.
    client: &'a NewClient,
    before: Option<(&'a Object, &'a AppDocument)>,
}

/// A kept application; one that this version cannot read cannot be changed by it.
pub(super) fn kept_app(object: &Object) -> Result<AppDocument, Refusal> {
    object.document().map_err(|error| Refusal::conflict(error.to_string()))
}

/// The application that was written.
fn content(
    api: &Api,
    set: &Set,
    written: &Written,
    by_zone: &ByZone,
    keeps: &Keeps<'_>,
    now: Timestamp,
) -> Result<Content, Refusal> {
    let mut fields = shaped(written, FIELDS)?;
    let kind = kind(&fields)?;
    let is_entered = TYPES.contains(&kind);
    if let Some((name, mend)) = NOT_THERE.into_iter().find(|(name, _)| is_entered && fields.contains_key(*name)) {
        return Err(Refusal::not_there_yet(format!("/{name}"), name, mend));
    }
    second_factor::checked(&mut fields, is_entered)?;
    needed(&fields, "name")?;
    NEEDED.iter().filter(|(of, _)| *of == kind).try_for_each(|(_, name)| needed(&fields, name))?;
    addresses::derive(&mut fields, kind)?;
    values::checked(api, set, &mut fields)?;
    let before = keeps.before.map(|(object, _)| object);
    let saas_client_secret = saas::read(&mut fields, before, keeps.client)?;
    let provisioning = provisioning::read(api, set, &mut fields, before)?;
    let policies = match (fields.remove("policies"), keeps.before.map(|(_, document)| document)) {
        (Some(Value::Array(entries)), before) => written_policies::read(api, set, &entries, before, now)?,
        (_, Some(before)) => before.policies.clone(),
        (_, None) => Vec::new(),
    };
    fields.insert("policies".into(), json!(policies));
    fields.insert("id".into(), json!(keeps.id));
    fields.insert("aud".into(), json!(keeps.aud));
    let app: AppDocument = document(fields)?;
    addresses::free(api, &app)?;
    only_launcher(set, &app)?;
    by_zone.holds(&app)?;
    let extension = before.map_or_else(|| Ok(AppExtension::default()), Object::extension);
    let extension = extension.map_err(|error| Refusal::conflict(error.to_string()))?;
    Ok(Content::new(&app, &AppExtension { saas_client_secret, ..extension }, provisioning))
}

/// The team domain has one front page.
fn only_launcher(set: &Set, app: &AppDocument) -> Result<(), Refusal> {
    if !app.is_launcher() {
        return Ok(());
    }
    let others = set.of(Kind::App).filter_map(|object| kept_app(object).ok());
    match others.into_iter().find(|other| other.is_launcher() && other.id != app.id) {
        Some(other) => {
            Err(Refusal::invalid("/type", format!("there is an App Launcher already, {}; change that one", other.name)))
        }
        None => Ok(()),
    }
}

fn kind(fields: &Map<String, Value>) -> Result<&'static str, Refusal> {
    let written = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = TYPES.into_iter().chain(OTHER_TYPES).find(|kind| *kind == written);
    known.ok_or_else(|| Refusal::invalid("/type", "app type is missing or invalid"))
}

fn said(api: &Api, written: &Written, app: &Object) -> Vec<String> {
    let fields = shaped(written, FIELDS).unwrap_or_default();
    let own = kept_app(app).map(|app| app.policies).unwrap_or_default();
    let restricted = own.iter().filter_map(|policy| match policy {
        AppPolicy::Own(policy) => Some(super::policies::restrictions(&policy.more)),
        AppPolicy::Link(_) => None,
    });
    let kind = fields.get("type").and_then(Value::as_str).filter(|kind| OTHER_TYPES.contains(kind));
    let closed = kind.map(|kind| format!("this version serves no application of type {kind}: nobody is let in"));
    [notes(&fields, FIELDS), closed.into_iter().collect(), restricted.flatten().collect(), addresses::said(api, app)]
        .concat()
}
