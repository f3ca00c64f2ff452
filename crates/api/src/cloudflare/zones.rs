//! Accounts and zones, for clients that look for them first. There is one
//! account. Its zones are the domains of the hosts that are configured; they
//! are names for a part of the account, which has everything.

use std::collections::BTreeSet;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use doorward_model::document::{AppDocument, Kind, Object, RouteDocument};
use doorward_model::secret::sha256_hex;
use doorward_objects::Set;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::Answer;
use super::apps::kept_app;
use super::caller::Caller;
use super::paging::{Page, Wanted};
use super::refusal::Refusal;

/// Nothing here has a moment of its own; clients want one.
const SINCE: &str = "2026-01-01T00:00:00Z";

#[derive(Deserialize)]
pub(super) struct AtAccount {
    account: String,
}

#[derive(Deserialize)]
pub(super) struct AtZone {
    zone: String,
}

/// One domain.
#[derive(Clone, Debug)]
struct Zone {
    id: String,
    name: String,
}

/// The zone by which a call came, if it did not come by the account.
pub(super) struct ByZone(Option<Zone>);

impl<S: Send + Sync> FromRequestParts<S> for ByZone {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

impl ByZone {
    /// Whether all that an application covers is in the zone.
    pub(super) fn holds(&self, app: &AppDocument) -> Result<(), Refusal> {
        let Some(zone) = self.0.as_ref().filter(|_| app.covers_addresses()) else { return Ok(()) };
        let domains = app.domains().map_err(|error| Refusal::invalid("/domain", error))?;
        match domains.iter().all(|domain| zone.holds(domain.host.as_str())) {
            true => Ok(()),
            false => Err(Refusal::invalid("/domain", "domain does not belong to zone")),
        }
    }
}

/// A zone of nobody's is as little there as another account.
pub(super) async fn own(State(api): State<Api>, Path(at): Path<AtZone>, mut request: Request, next: Next) -> Response {
    let Some(zone) = of_id(&api, &at.zone) else {
        return Refusal::no_route(&format!("/client/v4/zones/{}", at.zone)).into_response();
    };
    request.extensions_mut().insert(zone);
    next.run(request).await
}

pub(super) async fn accounts(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let account = account(&api);
    let found = wanted.is("name", account["name"].as_str().unwrap_or_default());
    wanted.page(found.then_some(account).into_iter().collect(), 20)
}

pub(super) async fn one_account(State(api): State<Api>, Path(at): Path<AtAccount>) -> Result<Answer, Refusal> {
    match at.account == api.0.account.as_str() {
        true => Ok(Answer::ok(account(&api))),
        false => Err(Refusal::no_route(&format!("/client/v4/accounts/{}", at.account))),
    }
}

/// Whoever calls is a member of the one account.
pub(super) async fn memberships(State(api): State<Api>, caller: Caller, wanted: Wanted) -> Result<Page, Refusal> {
    let membership = json!({ "id": caller.id, "status": "accepted", "account": account(&api), "roles": [] });
    wanted.page(vec![membership], 20)
}

pub(super) async fn list(State(api): State<Api>, wanted: Wanted) -> Result<Page, Refusal> {
    let own = wanted.is("account.id", api.0.account.as_str());
    let zones = all(&api).into_iter().filter(|zone| own && wanted.is("name", &zone.name));
    wanted.page(zones.map(|zone| shown(&api, &zone)).collect(), 20)
}

pub(super) async fn show(State(api): State<Api>, Path(at): Path<AtZone>) -> Result<Answer, Refusal> {
    let zone = of_id(&api, &at.zone).ok_or_else(|| Refusal::no_route(&format!("/client/v4/zones/{}", at.zone)))?;
    Ok(Answer::ok(shown(&api, &zone)))
}

/// The zone with this id, if it is one.
fn of_id(api: &Api, id: &str) -> Option<Zone> {
    all(api).into_iter().find(|zone| zone.id == id)
}

impl Zone {
    /// Whether a host is this domain or below it.
    fn holds(&self, host: &str) -> bool {
        host.strip_suffix(self.name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// In alphabetical order. The same name always has the same id.
fn all(api: &Api) -> Vec<Zone> {
    let account = api.0.account.as_str();
    let id = |name: &str| sha256_hex(&format!("zone:{account}:{name}"))[..32].to_owned();
    names(&api.set()).into_iter().map(|name| Zone { id: id(&name), name }).collect()
}

/// The domain of each host that has a route or an application.
fn names(set: &Set) -> BTreeSet<String> {
    let routed = set.of(Kind::Route).filter_map(|route| route.document::<RouteDocument>().ok());
    let routed = routed.map(|route| route.hostname);
    let of_app = |app: &std::sync::Arc<Object>| {
        let app = kept_app(app).ok().filter(|app| app.covers_addresses())?;
        Some(app.domains().ok()?.into_iter().map(|domain| domain.host.as_str().to_owned()))
    };
    let covered = set.of(Kind::App).filter_map(of_app).flatten();
    routed.chain(covered).filter_map(|host| domain(&host)).collect()
}

/// What somebody can register, by the Public Suffix List: one label more than
/// the suffix under which everybody registers. Under a suffix that is not in it, two labels.
fn domain(host: &str) -> Option<String> {
    let host = host.trim_start_matches("*.").trim_end_matches('.').to_lowercase();
    let host = host.split(':').next()?;
    if host.contains('*') || host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
        return None;
    }
    psl::domain_str(host).map(str::to_owned)
}

fn account(api: &Api) -> Value {
    let name = api.0.objects.catalog().load().team().name.clone();
    json!({
        "id": api.0.account.as_str(), "name": name, "type": "standard", "created_on": SINCE,
        "settings": { "enforce_twofactor": false },
    })
}

fn shown(api: &Api, zone: &Zone) -> Value {
    let account = account(api);
    json!({
        "id": zone.id, "name": zone.name, "status": "active", "paused": false, "type": "full", "development_mode": 0,
        "name_servers": [], "original_name_servers": [], "activated_on": SINCE, "created_on": SINCE,
        "modified_on": SINCE, "account": { "id": account["id"], "name": account["name"] },
        "owner": { "id": account["id"], "name": account["name"], "type": "organization" },
        "meta": {}, "permissions": [], "plan": {},
    })
}
