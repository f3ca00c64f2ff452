//! People: whoever signed in, and whoever was entered by hand. What they may
//! do is said by policies alone.

use std::collections::HashMap;

use axum::extract::{Path, State};
use doorward_model::access_request::{AccessRequest, Action};
use doorward_model::audit::AuditEntry;
use doorward_model::certificate::Presented;
use doorward_model::document::{Key, Kind};
use doorward_model::email::Email;
use doorward_model::id::{AppId, UserId};
use doorward_model::identity::Identity;
use doorward_model::session::Session;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_signer::claims::MtlsAuth;
use doorward_store::{AccessQuery, Filter, PeopleQuery, Person};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Field, Shape, field, needed, shaped};
use super::paging::{Page, Wanted};
use super::refusal::Refusal;
use super::written::Written;
use super::{Api, At, seats};

pub(super) const FIELDS: &[Field] = &[field("email", Shape::Name), field("name", Shape::Text)];

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let (page, per_page) = wanted.place(1000)?;
    let text = |name: &str| wanted.text(name).unwrap_or_default().to_owned();
    let query = PeopleQuery {
        email: text("email").to_lowercase(),
        name: text("name"),
        search: text("search"),
        offset: u32::try_from((page - 1).saturating_mul(per_page)).unwrap_or(u32::MAX),
        limit: u32::try_from(per_page).unwrap_or(u32::MAX),
    };
    let (people, total) = api.0.store.people(&query).await?;
    let items = people.iter().map(|person| shown(&api, person)).collect();
    Ok(Page { page, per_page, total, items })
}

pub(super) async fn show(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    api.person(&id).await.map(|person| Answer::ok(shown(&api, &person)))
}

pub(super) async fn create(State(api): State<Api>, caller: Caller, written: Written) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    let email = email(&fields)?;
    let (id, name) = (UserId::derived(&api.0.account, email.as_str()), name(&fields));
    let now = api.now();
    let told = AuditEntry { after: noted(&email, name), ..caller.deed("user", &id.to_string(), now) };
    if !api.0.store.add_person(id, &email, name, &[told], now).await? {
        return Err(Refusal::conflict(format!("{email} is known already")));
    }
    let person = api.person(&id.to_string()).await?;
    Ok(Answer::created(shown(&api, &person)))
}

/// Another name. The address is asked for so that the right person gets it.
pub(super) async fn update(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
    written: Written,
) -> Result<Answer, Refusal> {
    let fields = shaped(&written, FIELDS)?;
    let person = api.person(&id).await?;
    if email(&fields)? != person.email {
        return Err(Refusal::invalid("/email", "email is another person's; an address cannot change"));
    }
    needed(&fields, "name")?;
    let (new, now) = (name(&fields).unwrap_or_default(), api.now());
    let told = AuditEntry {
        before: noted(&person.email, person.name.as_deref()),
        after: noted(&person.email, Some(new)),
        ..caller.deed("user", &person.id.to_string(), now)
    };
    if !api.0.store.rename_person(&person, new, &[told], now).await? {
        return Err(Refusal::nobody());
    }
    let person = api.person(&id).await?;
    Ok(Answer::ok(shown(&api, &person)))
}

/// Everything of theirs ends with it, so that no token outlives its person.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(At { id }): Path<At>,
    caller: Caller,
) -> Result<Answer, Refusal> {
    let (person, now) = (api.person(&id).await?, api.now());
    let before = noted(&person.email, person.name.as_deref());
    let told = AuditEntry { before, ..caller.deed("user", &person.id.to_string(), now) };
    match api.0.store.remove_person(person.id, &[told], now).await? {
        true => Ok(Answer::removed(&id)),
        false => Err(Refusal::nobody()),
    }
}

/// Somebody as the audit log tells of them.
fn noted(email: &Email, name: Option<&str>) -> Option<Value> {
    Some(json!({ "email": email, "name": name }))
}

pub(super) async fn active_sessions(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let person = api.person(&id).await?;
    let sessions = api.0.store.active_sessions(person.id, api.now()).await?;
    let mut entered = entered(&api, &person, &sessions).await?;
    let shown = |session: &Session| {
        let apps = entered.remove(session.nonce.as_str()).unwrap_or_default();
        let (begun, ends) = (session.created_at.secs(), session.expires_at.secs());
        json!({
            "name": session.nonce.as_str(),
            "expiration": ends,
            "metadata": {
                "apps": apps, "nonce": session.nonce.as_str(), "iat": begun, "expires": ends, "ttl": ends - begun,
            },
        })
    };
    Ok(Answer::ok(sessions.iter().map(shown).collect()))
}

/// The applications that were entered with each sign-in, by its nonce, as far
/// as the log of them goes back and they are still there.
async fn entered(
    api: &Api,
    person: &Person,
    sessions: &[Session],
) -> Result<HashMap<String, Map<String, Value>>, Refusal> {
    const MOST: u32 = 1000;
    let mut entered: HashMap<String, Map<String, Value>> = HashMap::new();
    let Some(since) = sessions.iter().map(|session| session.created_at).min() else { return Ok(entered) };
    let query = AccessQuery {
        // A sign-in after a revocation is dated a second later than its first entry.
        since: Some(since.minus(Lifetime::from_secs(1))),
        user_id: Some(Filter { value: person.id, negated: false }),
        allowed: Some(true),
        of_app: Some(true),
        action: Some(Action::Login),
        limit: MOST,
        ..AccessQuery::default()
    };
    let set = api.set();
    for line in api.0.store.access_requests(&query).await? {
        let app = line.app_uid.and_then(|id: AppId| set.get(&Key::new(Kind::App, id)));
        let app = app.and_then(|app| app.document::<Value>().ok());
        let (Some(app), Some(nonce)) = (app, line.detail.session) else { continue };
        let hostname = line.app_domain.split('/').next().unwrap_or_default();
        let shown = json!({ "uid": line.app_uid, "name": app["name"], "type": app["type"], "hostname": hostname });
        let apps = entered.entry(nonce).or_default();
        apps.entry(app["id"].as_str().unwrap_or_default()).or_insert(shown);
    }
    Ok(entered)
}

/// A sign-in of a person, by both their names.
#[derive(Deserialize)]
pub(super) struct AtSession {
    id: String,
    nonce: String,
}

pub(super) async fn active_session(State(api): State<Api>, Path(at): Path<AtSession>) -> Result<Answer, Refusal> {
    let person = api.person(&at.id).await?;
    let sessions = api.0.store.active_sessions(person.id, api.now()).await?;
    let session = sessions.into_iter().find(|session| session.nonce.as_str() == at.nonce);
    let session = session.ok_or_else(|| Refusal::absent("session"))?;
    let mut told = told(&api, &session.identity);
    told["isActive"] = json!(true);
    Ok(Answer::ok(told))
}

pub(super) async fn last_seen_identity(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    let person = api.person(&id).await?;
    let identity = person.identity.ok_or_else(|| Refusal::absent("identity: they never proved who they are"))?;
    Ok(Answer::ok(told(&api, &identity)))
}

/// As far back as the log reaches.
pub(super) async fn failed_logins(State(api): State<Api>, Path(At { id }): Path<At>) -> Result<Answer, Refusal> {
    const MOST: u32 = 1000;
    let person = api.person(&id).await?;
    let query = AccessQuery {
        user_id: Some(Filter { value: person.id, negated: false }),
        allowed: Some(false),
        action: Some(Action::Login),
        limit: MOST,
        ..AccessQuery::default()
    };
    let lines = api.0.store.access_requests(&query).await?;
    Ok(Answer::ok(lines.iter().map(|line| failed_login(&api, line)).collect()))
}

fn failed_login(api: &Api, line: &AccessRequest) -> Value {
    let catalog = api.0.objects.catalog().load();
    let app = line.app_uid.and_then(|id: AppId| catalog.app(id));
    json!({
        "expiration": line.at.plus(api.0.log_retention).secs(),
        "metadata": {
            "app_name": app.map(|app| app.name.clone()).unwrap_or_default(),
            "aud": app.map(|app| app.aud.as_str().to_owned()).unwrap_or_default(),
            "datetime": line.at.to_rfc3339(),
            "ray_id": line.ray_id,
            "user_email": line.user_email,
            "user_uuid": line.user_id,
        },
    })
}

impl Api {
    pub(super) async fn person(&self, id: &str) -> Result<Person, Refusal> {
        let id: UserId = id.parse().map_err(|_| Refusal::nobody())?;
        self.0.store.person(id).await?.ok_or_else(Refusal::nobody)
    }
}

fn email(fields: &Map<String, Value>) -> Result<Email, Refusal> {
    needed(fields, "email")?;
    let text = fields["email"].as_str().unwrap_or_default();
    text.parse().map_err(|error| Refusal::invalid("/email", format!("the text is {error}")))
}

fn name(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("name").and_then(Value::as_str)
}

/// No certificate is at hand: this is not a request of theirs.
fn told(api: &Api, identity: &Identity) -> Value {
    let nothing = MtlsAuth::of(&Presented::Nothing);
    let mtls_auth = json!({
        "auth_status": nothing.auth_status,
        "cert_issuer_dn": nothing.cert_issuer_dn,
        "cert_issuer_ski": nothing.cert_issuer_ski,
        "cert_presented": nothing.cert_presented,
        "cert_serial": nothing.cert_serial,
    });
    identity.told(&api.0.account, "", &mtls_auth)
}

fn shown(api: &Api, person: &Person) -> Value {
    let mut shown = json!({
        "id": person.id,
        "uid": person.id,
        "email": person.email,
        "name": person.name.clone().unwrap_or_default(),
        "access_seat": seats::taken(api, person),
        "gateway_seat": false,
        "seat_uid": person.id,
        "active_device_count": 0,
        "created_at": person.created_at.to_rfc3339(),
        "updated_at": person.updated_at.to_rfc3339(),
    });
    if let Some(moment) = person.signed_in_at.map(Timestamp::to_rfc3339) {
        shown["last_successful_login"] = json!(moment);
    }
    shown
}
