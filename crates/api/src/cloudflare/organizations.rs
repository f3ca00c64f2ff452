//! The organisation: what it decides for all its applications, and ending
//! everything of a person. Where the team is reached is the configuration
//! file's to say, and so is all the rest as soon as its `[team]` says any of it.

use std::collections::BTreeSet;

use axum::extract::State;
use doorward_model::document::{Content, Key, Kind, NoExtension, ORGANIZATION, Object, OrganizationDocument, Owner};
use doorward_model::email::Email;
use doorward_model::host::Host;
use doorward_model::id::UserId;
use doorward_model::session::Revoked;
use doorward_model::time::Lifetime;
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::Answer;
use super::apps::second_factor::MEND;
use super::caller::Caller;
use super::fields::{Field, Shape, document, duration, field, https_url, kept, needed, notes, shaped};
use super::refusal::Refusal;
use super::written::Written;

pub(super) const FIELDS: &[Field] = &[
    field("name", Shape::Name),
    field("auth_domain", Shape::Text),
    field("session_duration", Shape::Session),
    field("auto_redirect_to_identity", Shape::Flag),
    field("deny_unmatched_requests", Shape::Flag),
    field(EXEMPTED, Shape::Texts),
    field("strict_service_token_auth", Shape::Flag),
    field("login_design", Shape::Object),
    field("custom_pages", Shape::Object),
    // There is no dashboard to lock, and no mistake in saying it.
    field("is_ui_read_only", Shape::Flag),
    field("ui_read_only_toggle_reason", Shape::Text),
    field(SEAT_EXPIRATION, Shape::Duration),
    kept("allow_authenticate_via_warp", Shape::Flag),
    kept("warp_auth_session_duration", Shape::Duration),
    kept("warp_auth_non_browser_401", Shape::Flag),
    kept("mfa_piv_key_requirements", Shape::Object),
    field("mfa_config", Shape::Object),
    field("mfa_required_for_all_apps", Shape::Flag),
    field("service_token_inactivity", Shape::Object),
];

const EXEMPTED: &str = "deny_unmatched_requests_exempted_zone_names";
const SEAT_EXPIRATION: &str = "user_seat_expiration_inactive_time";
/// What Access takes at least for a session of the organisation.
const SHORTEST_SESSION: Lifetime = Lifetime::from_secs(15 * 60);
/// A month, in the words of the API: seats are not taken away from people on holiday.
const SHORTEST_SEAT: Lifetime = Lifetime::from_hours(730);

/// There always is one: the team of the configuration file.
pub(super) async fn show(State(api): State<Api>) -> Answer {
    Answer::ok(shown(&api))
}

pub(super) async fn create() -> Refusal {
    Refusal::organization_exists()
}

/// Fields that are not written stay; those that are `null` are as usual again.
pub(super) async fn update(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let mut fields = shaped(&written, FIELDS)?;
    checked(&api, &mut fields)?;
    let key = Key::new(Kind::Organization, ORGANIZATION);
    let now = api.now();
    let plan = |set: &Set| {
        refers(set, &fields)?;
        let before = set.get(&key);
        if before.is_some_and(|before| before.owner == Owner::File) {
            return Err(Refusal::read_only(Kind::Organization, &api.0.objects.file()));
        }
        let content = Content::new(&merged(before, &fields, &written.nulls)?, &NoExtension {}, None);
        let created_at = before.map_or(now, |before| before.created_at);
        Ok(Object { key: key.clone(), owner: Owner::Api, content, created_at, updated_at: now })
    };
    api.put(&caller, plan).await?;
    Ok(Answer::ok(shown(&api)).noting(notes(&fields, FIELDS)))
}

/// What was, with what is written in its place.
fn merged(
    before: Option<&std::sync::Arc<Object>>,
    written: &Map<String, Value>,
    nulls: &BTreeSet<String>,
) -> Result<OrganizationDocument, Refusal> {
    let before = before.and_then(|before| before.document::<Map<String, Value>>().ok());
    let mut fields = before.unwrap_or_default();
    fields.retain(|name, _| !nulls.contains(name));
    fields.extend(written.clone());
    document(fields)
}

/// What one field cannot say by its shape alone.
fn checked(api: &Api, fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    not_there(fields)?;
    let domain = api.0.objects.catalog().load().team().domain.clone();
    if fields.remove("auth_domain").is_some_and(|written| written != json!(domain)) {
        let text =
            format!("the team is reached at {domain}, as [team] of the configuration file says; change it there");
        return Err(Refusal::invalid("/auth_domain", text));
    }
    at_least(fields, "session_duration", SHORTEST_SESSION, "a quarter of an hour: 15m")?;
    at_least(fields, SEAT_EXPIRATION, SHORTEST_SEAT, "a month: 730h")?;
    if let Some(Value::Array(zones)) = fields.get_mut(EXEMPTED) {
        for (zone, index) in zones.iter_mut().zip(0..) {
            let host: Option<Host> = zone.as_str().and_then(|zone| zone.parse().ok());
            let host = host.filter(|host| host.port().is_none());
            let wrong = || Refusal::invalid(format!("/{EXEMPTED}/{index}"), "a zone is a name like example.com");
            *zone = json!(host.ok_or_else(wrong)?.name());
        }
    }
    match fields.get("login_design").and_then(|design| design.get("logo_path")) {
        Some(logo) => https_url("logo_path", logo.as_str().unwrap_or_default())
            .map_err(|detail| Refusal::invalid("/login_design/logo_path", detail)),
        None => Ok(()),
    }
}

fn at_least(fields: &Map<String, Value>, name: &str, least: Lifetime, in_words: &str) -> Result<(), Refusal> {
    let written = fields.get(name).and_then(Value::as_str);
    match written.is_some_and(|text| duration(name, text).is_ok_and(|written| written < least)) {
        true => Err(Refusal::invalid(format!("/{name}"), format!("{name} is at least {in_words}"))),
        false => Ok(()),
    }
}

/// What would close something that stayed open.
fn not_there(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let asks = |name: &str| match fields.get(name) {
        Some(Value::Bool(asked)) => *asked,
        Some(Value::Object(config)) if name == "service_token_inactivity" => {
            config.get("enabled") == Some(&json!(true))
        }
        Some(Value::Object(config)) => !config.is_empty(),
        _ => false,
    };
    let tokens = "leave it out or disabled, and take away tokens that nobody uses by their last_seen_at";
    let mends = [("mfa_config", MEND), ("mfa_required_for_all_apps", MEND), ("service_token_inactivity", tokens)];
    let asked = mends.into_iter().find(|(name, _)| asks(name));
    asked.map_or(Ok(()), |(name, mend)| Err(Refusal::not_there_yet(format!("/{name}"), name, mend)))
}

fn refers(set: &Set, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let pages = fields.get("custom_pages").and_then(Value::as_object);
    for (kind, page) in pages.into_iter().flatten() {
        let id = page.as_str().unwrap_or_default();
        if set.get(&Key::new(Kind::CustomPage, id.to_lowercase())).is_none() {
            return Err(Refusal::invalid(format!("/custom_pages/{kind}"), format!("there is no custom page {id}")));
        }
    }
    Ok(())
}

/// What is in force, and beside it what is only kept. Whether requests of no
/// application are refused shows where somebody decided it alone: they are, and
/// to Access an organisation that says nothing lets them pass. Whoever reads
/// this and writes it back must not open anything by that, and Terraform must
/// not find what it did not write.
fn shown(api: &Api) -> Value {
    let set = api.set();
    let object = set.get(&Key::new(Kind::Organization, ORGANIZATION));
    let catalog = api.0.objects.catalog().load();
    let (team, organization) = (catalog.team(), catalog.organization());
    let mut fields = Map::new();
    for flag in ["allow_authenticate_via_warp", "is_ui_read_only"] {
        fields.insert(flag.into(), json!(false));
    }
    let kept = object.and_then(|object| object.document::<Map<String, Value>>().ok());
    fields.extend(kept.unwrap_or_default());
    fields.retain(|_, value| value.as_object().is_none_or(|part| !part.is_empty()));
    fields.insert("name".into(), json!(team.name));
    fields.insert("auth_domain".into(), json!(team.domain));
    fields.entry("session_duration").or_insert_with(|| json!(team.session_duration.to_string()));
    fields.insert("auto_redirect_to_identity".into(), json!(organization.auto_redirect_to_identity));
    fields.insert("strict_service_token_auth".into(), json!(organization.strict_service_token_auth));
    if let Some(object) = object {
        fields.insert("created_at".into(), json!(object.created_at.to_rfc3339()));
        fields.insert("updated_at".into(), json!(object.updated_at.to_rfc3339()));
    }
    Value::Object(fields)
}

pub(super) const REVOCATION: &[Field] = &[
    field("email", Shape::Name),
    // There are no devices whose session could be ended.
    kept("devices", Shape::Flag),
    kept("warp_session_reauth", Shape::Flag),
    kept("user_uid", Shape::Text),
];

/// Every session and token of an address ends, known here or not.
pub(super) async fn revoke_user(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let fields = shaped(&written, REVOCATION)?;
    needed(&fields, "email")?;
    let email: Email = fields["email"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error| Refusal::invalid("/email", format!("the text is {error}")))?;
    let (now, account) = (api.now(), &api.0.account);
    let user = api.0.store.user(&email, UserId::derived(account, email.as_str()), now).await?;
    api.0.store.revoke_telling(&Revoked::User(user), &[caller.deed("user", email.as_str(), now)], now).await?;
    Ok(Answer::ok(json!(true)).noting(notes(&fields, REVOCATION)))
}
