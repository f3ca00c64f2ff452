//! Cloudflare's API for Access: the objects of the account, as SDKs and
//! Terraform drive them. The table of routes is the site map; who may call is
//! decided before any of them is reached, by their method and their path alone.

mod access_requests;
mod answer;
mod api_tokens;
mod app_policies;
mod apps;
mod audit_logs;
mod caller;
mod certificates;
mod custom_pages;
mod fields;
mod groups;
mod identity_providers;
mod keys;
mod lists;
mod openapi;
mod organizations;
mod outside;
mod paging;
mod policies;
mod policy_tests;
mod refusal;
mod rules;
mod scim;
mod seats;
mod service_tokens;
mod ssh_cas;
mod tags;
mod tokens;
mod unambiguous;
mod usage;
mod user_policy_checks;
mod users;
mod written;
mod zones;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use doorward_model::document::{Content, Key, Kind, Object, Owner};
use doorward_model::id::AccountId;
use doorward_model::secret::Secret;
use doorward_model::time::{Clock, Lifetime, Timestamp};
use doorward_objects::{Objects, Set};
use doorward_store::{ObjectChange, Store};
use http::Method;
use serde::Deserialize;

use self::caller::Caller;
pub use self::keys::{Rotation, SigningKeys};
use self::refusal::Refusal;

/// Whether requests to a host can get here, whatever is configured: a reason when they cannot.
pub type LeadsHere = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What the API is made of.
pub struct Parts {
    pub objects: Objects,
    pub store: Store,
    pub clock: Clock,
    pub account: AccountId,
    /// The token of the configuration file, which may change everything.
    pub token: Option<Secret>,
    /// Whether providers may be reached without TLS, as on one machine.
    pub allow_http: bool,
    pub signing_keys: SigningKeys,
    /// Whether a certificate can vouch for others: a reason when it cannot.
    pub can_vouch: fn(&[u8]) -> Result<(), String>,
    pub leads_here: LeadsHere,
    /// How long the authentication log is kept.
    pub log_retention: Lifetime,
}

/// The API, shared by its handlers.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

/// One thing that can be asked for.
type Route = (Method, &'static str, MethodRouter<Api>);

/// Below `/client/v4/accounts/{account}`. A path that is not here is not there.
fn routes() -> Vec<Route> {
    vec![
        (Method::GET, "/tokens/verify", get(tokens::verify)),
        (Method::GET, "/audit_logs", get(audit_logs::list)),
        (Method::GET, "/doorward/api_tokens", get(api_tokens::list)),
        (Method::POST, "/doorward/api_tokens", post(api_tokens::create)),
        (Method::DELETE, "/doorward/api_tokens/{id}", delete(api_tokens::remove)),
        (Method::GET, "/access/apps", get(apps::list)),
        (Method::POST, "/access/apps", post(apps::create)),
        (Method::GET, "/access/apps/ca", get(ssh_cas::list)),
        (Method::GET, "/access/apps/{id}", get(apps::show)),
        (Method::PUT, "/access/apps/{id}", put(apps::update)),
        (Method::DELETE, "/access/apps/{id}", delete(apps::remove)),
        (Method::GET, "/access/apps/{id}/ca", get(ssh_cas::show)),
        (Method::POST, "/access/apps/{id}/ca", post(ssh_cas::create)),
        (Method::DELETE, "/access/apps/{id}/ca", delete(ssh_cas::remove)),
        (Method::POST, "/access/apps/{id}/revoke_tokens", post(apps::revoke_tokens)),
        (Method::GET, "/access/apps/{id}/user_policy_checks", get(user_policy_checks::show)),
        (Method::PUT, "/access/apps/{id}/settings", put(apps::set_settings)),
        (Method::PATCH, "/access/apps/{id}/settings", patch(apps::change_settings)),
        (Method::GET, "/access/apps/{id}/policies", get(app_policies::list)),
        (Method::POST, "/access/apps/{id}/policies", post(app_policies::create)),
        (Method::GET, "/access/apps/{id}/policies/{policy}", get(app_policies::show)),
        (Method::PUT, "/access/apps/{id}/policies/{policy}", put(app_policies::update)),
        (Method::DELETE, "/access/apps/{id}/policies/{policy}", delete(app_policies::remove)),
        (Method::PUT, "/access/apps/{id}/policies/{policy}/make_reusable", put(app_policies::make_reusable)),
        (Method::GET, "/access/certificates", get(certificates::list)),
        (Method::POST, "/access/certificates", post(certificates::create)),
        (Method::GET, "/access/certificates/settings", get(certificates::settings)),
        (Method::PUT, "/access/certificates/settings", put(certificates::set_settings)),
        (Method::GET, "/access/certificates/{id}", get(certificates::show)),
        (Method::PUT, "/access/certificates/{id}", put(certificates::update)),
        (Method::DELETE, "/access/certificates/{id}", delete(certificates::remove)),
        (Method::GET, "/access/custom_pages", get(custom_pages::list)),
        (Method::POST, "/access/custom_pages", post(custom_pages::create)),
        (Method::GET, "/access/custom_pages/{id}", get(custom_pages::show)),
        (Method::PUT, "/access/custom_pages/{id}", put(custom_pages::update)),
        (Method::DELETE, "/access/custom_pages/{id}", delete(custom_pages::remove)),
        (Method::GET, "/access/groups", get(groups::list)),
        (Method::POST, "/access/groups", post(groups::create)),
        (Method::GET, "/access/groups/{id}", get(groups::show)),
        (Method::PUT, "/access/groups/{id}", put(groups::update)),
        (Method::DELETE, "/access/groups/{id}", delete(groups::remove)),
        (Method::GET, "/access/identity_providers", get(identity_providers::list)),
        (Method::POST, "/access/identity_providers", post(identity_providers::create)),
        (Method::GET, "/access/identity_providers/{id}", get(identity_providers::show)),
        (Method::PUT, "/access/identity_providers/{id}", put(identity_providers::update)),
        (Method::DELETE, "/access/identity_providers/{id}", delete(identity_providers::remove)),
        (Method::GET, "/access/identity_providers/{id}/scim/groups", get(scim::list)),
        (Method::GET, "/access/identity_providers/{id}/scim/users", get(scim::list)),
        (Method::POST, "/access/identity_providers/{id}/refresh_scim_secret", post(scim::refresh_secret)),
        (Method::GET, "/access/keys", get(keys::show)),
        (Method::PUT, "/access/keys", put(keys::update)),
        (Method::POST, "/access/keys/rotate", post(keys::rotate)),
        (Method::GET, "/access/logs/access_requests", get(access_requests::list)),
        (Method::GET, "/access/organizations", get(organizations::show)),
        (Method::POST, "/access/organizations", post(organizations::create)),
        (Method::PUT, "/access/organizations", put(organizations::update)),
        (Method::POST, "/access/organizations/revoke_user", post(organizations::revoke_user)),
        (Method::GET, "/access/policies", get(policies::list)),
        (Method::POST, "/access/policies", post(policies::create)),
        (Method::GET, "/access/policies/{id}", get(policies::show)),
        (Method::PUT, "/access/policies/{id}", put(policies::update)),
        (Method::DELETE, "/access/policies/{id}", delete(policies::remove)),
        (Method::POST, "/access/policy-tests", post(policy_tests::create)),
        (Method::GET, "/access/policy-tests/{id}", get(policy_tests::show)),
        (Method::GET, "/access/policy-tests/{id}/users", get(policy_tests::users)),
        (Method::PATCH, "/access/seats", patch(seats::change)),
        (Method::GET, "/access/service_tokens", get(service_tokens::list)),
        (Method::POST, "/access/service_tokens", post(service_tokens::create)),
        (Method::GET, "/access/service_tokens/{id}", get(service_tokens::show)),
        (Method::PUT, "/access/service_tokens/{id}", put(service_tokens::update)),
        (Method::DELETE, "/access/service_tokens/{id}", delete(service_tokens::remove)),
        (Method::POST, "/access/service_tokens/{id}/refresh", post(service_tokens::refresh)),
        (Method::POST, "/access/service_tokens/{id}/rotate", post(service_tokens::rotate)),
        (Method::GET, "/access/tags", get(tags::list)),
        (Method::POST, "/access/tags", post(tags::create)),
        (Method::GET, "/access/tags/{id}", get(tags::show)),
        (Method::PUT, "/access/tags/{id}", put(tags::update)),
        (Method::DELETE, "/access/tags/{id}", delete(tags::remove)),
        (Method::GET, "/access/users", get(users::list)),
        (Method::POST, "/access/users", post(users::create)),
        (Method::GET, "/access/users/{id}", get(users::show)),
        (Method::PUT, "/access/users/{id}", put(users::update)),
        (Method::DELETE, "/access/users/{id}", delete(users::remove)),
        (Method::GET, "/access/users/{id}/active_sessions", get(users::active_sessions)),
        (Method::GET, "/access/users/{id}/active_sessions/{nonce}", get(users::active_session)),
        (Method::GET, "/access/users/{id}/failed_logins", get(users::failed_logins)),
        (Method::GET, "/access/users/{id}/last_seen_identity", get(users::last_seen_identity)),
        (Method::GET, "/gateway/lists", get(lists::list)),
        (Method::POST, "/gateway/lists", post(lists::create)),
        (Method::GET, "/gateway/lists/{id}", get(lists::show)),
        (Method::PUT, "/gateway/lists/{id}", put(lists::update)),
        (Method::PATCH, "/gateway/lists/{id}", patch(lists::change)),
        (Method::DELETE, "/gateway/lists/{id}", delete(lists::remove)),
        (Method::GET, "/gateway/lists/{id}/items", get(lists::items)),
    ]
}

/// What belongs to no account.
fn routes_beside() -> Vec<Route> {
    vec![
        (Method::GET, "/accounts", get(zones::accounts)),
        (Method::GET, "/accounts/{account}", get(zones::one_account)),
        (Method::GET, "/memberships", get(zones::memberships)),
        (Method::GET, "/openapi.json", get(openapi::show)),
        (Method::GET, "/user/tokens/verify", get(tokens::verify)),
        (Method::GET, "/zones", get(zones::list)),
        (Method::GET, "/zones/{zone}", get(zones::show)),
    ]
}

/// What is below `/client/v4/zones/{zone}` too: the same things of the same account.
fn routes_of_zones() -> Vec<Route> {
    const TWINS: [&str; 6] =
        ["apps", "certificates", "groups", "identity_providers", "organizations", "service_tokens"];
    const ALONE: [&str; 6] = ["make_reusable", "refresh", "refresh_scim_secret", "rotate", "groups", "users"];
    let is_twin = |path: &str| {
        let parts: Vec<&str> = path.trim_start_matches("/access/").split('/').collect();
        let is_alone = parts.len() > 1 && parts.last().is_some_and(|last| ALONE.contains(last));
        TWINS.contains(&parts[0]) && !is_alone
    };
    routes().into_iter().filter(|(_, path, _)| is_twin(path)).collect()
}

/// Everything that is served below `/client/v4`: the router and the OpenAPI
/// document are made of the same tables.
fn site() -> Vec<(Method, String)> {
    let below = |prefix: &'static str| move |(method, path, _): Route| (method, format!("{prefix}{path}"));
    let beside = routes_beside().into_iter().map(below(""));
    let of_account = routes().into_iter().map(below("/accounts/{account}"));
    beside.chain(of_account).chain(routes_of_zones().into_iter().map(below("/zones/{zone}"))).collect()
}

/// The API at `/client/v4`, behind its own check of who calls.
pub fn router(parts: Parts) -> Router {
    let api = Api(Arc::new(parts));
    let table = |routes: Vec<Route>| {
        let table = routes.into_iter().fold(Router::new(), |router, (_, path, method)| router.route(path, method));
        table.fallback(no_route).method_not_allowed_fallback(wrong_method)
    };
    let account = table(routes()).layer(middleware::from_fn_with_state(api.clone(), own_account));
    let zone = table(routes_of_zones()).layer(middleware::from_fn_with_state(api.clone(), zones::own));
    let version = table(routes_beside())
        .nest("/accounts/{account}", account)
        .nest("/zones/{zone}", zone)
        .layer(middleware::from_fn_with_state(api.clone(), caller::check))
        .with_state(api);
    Router::new().nest("/client/v4", version)
}

#[derive(Deserialize)]
struct InAccount {
    account: String,
}

/// P-02: another account's things are as little there as things nobody has.
async fn own_account(
    State(api): State<Api>,
    Path(InAccount { account }): Path<InAccount>,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    match account == api.0.account.as_str() {
        true => next.run(request).await,
        false => Refusal::no_route(uri.path()).into_response(),
    }
}

async fn no_route(OriginalUri(uri): OriginalUri) -> Refusal {
    Refusal::no_route(uri.path())
}

async fn wrong_method(OriginalUri(uri): OriginalUri) -> Refusal {
    Refusal::wrong_method(uri.path())
}

/// The id in a path.
#[derive(Deserialize)]
struct At {
    id: String,
}

impl Api {
    fn set(&self) -> Arc<Set> {
        self.0.objects.current()
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Makes an object of the API's own, with the content that fits the state it is shown.
    async fn create(
        &self,
        caller: &Caller,
        key: &Key,
        content: impl Fn(&Set) -> Result<Content, Refusal> + Send + Sync,
    ) -> Result<Object, Refusal> {
        let now = self.now();
        let plan = |set: &Set| {
            Ok(Object { key: key.clone(), owner: Owner::Api, content: content(set)?, created_at: now, updated_at: now })
        };
        self.put(caller, plan).await
    }

    /// Gives an object other content, derived from the state and from what it was.
    async fn replace(
        &self,
        caller: &Caller,
        key: &Key,
        content: impl Fn(&Set, &Object) -> Result<Content, Refusal> + Send + Sync,
    ) -> Result<Object, Refusal> {
        let now = self.now();
        let plan = |set: &Set| {
            let before = self.writable(set, key)?;
            Ok(Object { content: content(set, before)?, updated_at: now, ..(**before).clone() })
        };
        self.put(caller, plan).await
    }

    /// Puts the object that the plan makes out of the state it is shown. When
    /// this returns, the change is in force.
    async fn put(
        &self,
        caller: &Caller,
        plan: impl Fn(&Set) -> Result<Object, Refusal> + Send + Sync,
    ) -> Result<Object, Refusal> {
        let planned = |set: &Set| plan(set).map(|object| (vec![ObjectChange::Put(object.clone())], object));
        self.0.objects.change(&caller.author(), self.now(), planned).await
    }

    /// Takes an object away, with what belongs to it, unless `allowed` has something against it.
    async fn remove(
        &self,
        caller: &Caller,
        key: &Key,
        allowed: impl Fn(&Set, &Object) -> Result<(), Refusal> + Send + Sync,
    ) -> Result<Arc<Object>, Refusal> {
        let plan = |set: &Set| {
            let object = self.writable(set, key)?;
            allowed(set, object)?;
            let gone = usage::goes_with(set, key).chain([key.clone()]).map(ObjectChange::Remove);
            Ok::<_, Refusal>((gone.collect(), Arc::clone(object)))
        };
        self.0.objects.change(&caller.author(), self.now(), plan).await
    }

    /// An object that may be changed here.
    fn writable<'a>(&self, set: &'a Set, key: &Key) -> Result<&'a Arc<Object>, Refusal> {
        let object = found(set, key)?;
        match object.owner {
            Owner::Api => Ok(object),
            Owner::File => Err(Refusal::read_only(key.kind, &self.0.objects.file())),
        }
    }
}

fn found<'a>(set: &'a Set, key: &Key) -> Result<&'a Arc<Object>, Refusal> {
    set.get(key).ok_or_else(|| Refusal::not_found(key.kind))
}

/// All objects of a kind, the oldest first.
fn in_order(set: &Set, kind: Kind) -> Vec<Arc<Object>> {
    let mut objects: Vec<Arc<Object>> = set.of(kind).cloned().collect();
    objects.sort_by(|one, other| (one.created_at, &one.key.id).cmp(&(other.created_at, &other.key.id)));
    objects
}
