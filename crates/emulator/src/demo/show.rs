//! What the visitor gets to see: the page, or the same as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use doorward_model::catalog::Catalog;
use doorward_model::identity::{IdentityGroup, IdpRef};
use doorward_model::redirect::ReturnPath;
use doorward_model::session::Session;
use doorward_model::site;
use doorward_pages::{Actions, Caller, Demo, Shown, Token};
use doorward_signer::Subject;
use http::header::{ACCEPT, CACHE_CONTROL, VARY};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::caller::{ASSERTION, Place, Visit};
use super::curl;
use crate::{Emulator, Site};

/// As much of a credential as the page shows; the JSON has it whole.
const SHOWN: usize = 32;

pub(super) async fn page(State(site): State<Site>, request: Request) -> Response {
    let emulator = &*site.emulator;
    let headers = request.headers();
    if headers.get(ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(wants_json)) {
        return data(emulator, &request);
    }
    let Some(place) = Place::of(&request, emulator) else {
        let text = "No application of the configuration has this address.";
        return super::notice(StatusCode::NOT_FOUND, "There is nothing here", text);
    };
    let visit = Visit::of(&request, emulator);
    let catalog = emulator.catalog.snapshot();
    let session = emulator.session_of(visit.as_ref()).await;
    let done = request.uri().query().is_some_and(|query| query == "done=rotated");
    let demo = Demo {
        app: &place.app,
        host: &place.host.to_string(),
        admin: &emulator.admin_url,
        caller: caller(visit.as_ref(), session.as_ref(), &catalog),
        token: visit.as_ref().map(token),
        now: emulator.clock.now(),
        headers: shown_headers(headers),
        curl: visit.as_ref().map(|visit| command(visit, &place, emulator)),
        actions: actions(&site, visit.as_ref(), &place),
        done: done.then_some("The keys were rotated. Your token was signed by the previous one, which still counts."),
    };
    super::html(StatusCode::OK, &demo)
}

pub(super) async fn json(State(emulator): State<Arc<Emulator>>, request: Request) -> Response {
    data(&emulator, &request)
}

fn data(emulator: &Emulator, request: &Request) -> Response {
    let visit = Visit::of(request, emulator);
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.get_mut(name.as_str()) {
            Some(Value::String(known)) => *known = format!("{known}, {value}"),
            _ => {
                headers.insert(name.as_str().to_owned(), json!(value));
            }
        }
    }
    let body = json!({
        "verified": visit.is_some(),
        "claims": visit.map(|visit| visit.claims).unwrap_or_default(),
        "headers": headers,
    });
    ([(CACHE_CONTROL, "no-store"), (VARY, "Accept")], Json(body)).into_response()
}

/// The first type named decides: browsers name HTML first, programs JSON.
fn wants_json(accept: &str) -> bool {
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    first.eq_ignore_ascii_case("application/json")
}

fn caller<'a>(visit: Option<&'a Visit>, session: Option<&'a Session>, catalog: &'a Catalog) -> Caller<'a> {
    match visit.map(|visit| &visit.token.subject) {
        None => Caller::Nobody,
        Some(Subject::Service { common_name }) => Caller::Service { common_name },
        Some(Subject::User { email, .. }) => {
            let identity = session.map(|session| &session.identity);
            Caller::Person {
                name: identity.and_then(|identity| identity.name.as_deref()),
                email: email.as_str(),
                provider: identity.map(|identity| provider(&identity.idp, catalog)),
                groups: identity.map(|identity| identity.groups.iter().map(group).collect()).unwrap_or_default(),
            }
        }
    }
}

/// Its name, or its type where the configuration no longer has it.
fn provider<'a>(idp: &'a IdpRef, catalog: &'a Catalog) -> &'a str {
    catalog.idp(idp.id).map_or(idp.kind.as_str(), |known| known.name.as_str())
}

fn group(group: &IdentityGroup) -> &str {
    match group {
        IdentityGroup::Name(name) => name,
        IdentityGroup::Object { id, name, .. } => name.as_deref().unwrap_or(id),
    }
}

fn token(visit: &Visit) -> Token {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let issuer = visit.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    Token {
        issued: visit.issued(),
        expires: visit.expires(),
        certs_url: format!("{issuer}/cdn-cgi/access/certs"),
        kid: visit.kid.clone(),
        claims: visit.claims.iter().map(|(name, value)| Shown::new(name, text(value))).collect(),
    }
}

fn shown_headers(headers: &HeaderMap) -> Vec<Shown> {
    headers.iter().map(|(name, value)| Shown::new(name.as_str(), shortened(name.as_str(), value.as_bytes()))).collect()
}

/// Credentials are shown as far as to be told apart: pages end up in screenshots.
fn shortened(name: &str, value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let length = text.chars().count();
    if ![ASSERTION, "cookie", "authorization"].contains(&name) || length <= SHOWN {
        return text.into_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}… ({length} characters)")
}

fn command(visit: &Visit, place: &Place, emulator: &Emulator) -> String {
    let (host, admin) = (place.host.to_string(), &emulator.admin_url);
    let url = site::app_url(&site::origin(place.https, &place.host), &ReturnPath::root());
    match &visit.token.subject {
        Subject::User { email, .. } => curl::command(&url, &host, admin, ("--user", email.as_str())),
        Subject::Service { common_name } => {
            let catalog = emulator.catalog.load();
            let known = catalog.service_tokens().find(|token| token.client_id.as_str() == common_name);
            curl::command(&url, &host, admin, ("--service-token", known.map_or(common_name, |token| &token.name)))
        }
    }
}

fn actions(site: &Site, visit: Option<&Visit>, place: &Place) -> Actions {
    let catalog = site.catalog.load();
    let team = catalog.team();
    let here = site::app_url(&site::origin(place.https, &place.host), &ReturnPath::root());
    let return_to: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    let person = visit.is_some_and(|visit| visit.session().is_some());
    Actions {
        sign_in: visit.is_none().then(|| team.login(&place.host)),
        sign_out: person.then(|| "/cdn-cgi/access/logout".to_owned()),
        become_other: person.then(|| format!("{}?returnTo={return_to}", team.logout())),
        expire_session: person.then(|| "/expire".to_owned()),
        rotate_keys: visit.map(|_| "/rotate".to_owned()),
    }
}

impl Emulator {
    /// The token names an address; the sign-in knows the rest of the person.
    async fn session_of(&self, visit: Option<&Visit>) -> Option<Session> {
        let nonce = visit?.session()?;
        match self.store.session(&nonce).await {
            Ok(session) => session,
            Err(error) => {
                tracing::warn!(%error, "the demonstration shows a visitor without name and groups");
                None
            }
        }
    }
}
