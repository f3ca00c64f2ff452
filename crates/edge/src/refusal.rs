//! What a caller gets who may not pass: a way to sign in where that could
//! help, a plain no where it could not.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::cookie;
use doorward_model::site::ACCESS_PREFIX;
use doorward_pages::{Action, Forbidden, forbidden_json};
use doorward_policy::{Refusal, RefusalKind};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::arrive::Visit;
use crate::body::Body;
use crate::caller::Caller;
use crate::respond::{CF_ACCESS_AUD, CF_ACCESS_DOMAIN, header};
use crate::{Edge, challenge, respond};

/// A preflight carries no credentials, so nobody can be found behind it.
pub(crate) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a caller the policies refuse.
pub(crate) async fn respond(
    edge: &Arc<Edge>,
    refusal: &Refusal,
    caller: &Caller,
    app: &Arc<App>,
    visit: &Visit,
    head: &Parts,
    catalog: &Catalog,
) -> Response<Body> {
    log(refusal, caller, app, visit);
    let mut response = match caller {
        Caller::Unavailable => return respond::unavailable(visit),
        Caller::BadServiceToken => unauthorized(visit),
        Caller::Machine(_) => forbidden(app, visit, None),
        Caller::Conflict => conflict(app, visit),
        Caller::Nobody if is_preflight(head) => forbidden(app, visit, None),
        Caller::Person { person, .. } if refusal.kind == RefusalKind::Denied => {
            forbidden(app, visit, Some(person.identity.email.as_str()))
        }
        // Somebody who signed in with a provider this application does not allow is nobody to it.
        Caller::Nobody | Caller::Linked(_) | Caller::Person { .. } => match refusal.kind {
            RefusalKind::NeedsLogin if is_xhr(&head.headers) => needs_login_xhr(app, visit),
            RefusalKind::NeedsLogin => challenge::redirect(edge, app, visit, head, catalog).await,
            RefusalKind::Forbidden | RefusalKind::Denied => nobody_forbidden(app, visit),
        },
    };
    response.headers_mut().insert(CF_ACCESS_AUD, header(app.aud.as_str()));
    response.headers_mut().insert(CF_ACCESS_DOMAIN, header(&app.domain()));
    response
}

/// A host or path that belongs to no application: nothing is behind it.
pub(crate) fn unmatched(edge: &Edge, visit: &Visit, catalog: &Catalog) -> Response<Body> {
    let host = visit.arrival.host.name();
    tracing::info!(ray.id = %visit.arrival.ray, client.ip = %visit.arrival.client_ip, host, "refused: no application covers this address");
    if visit.path.as_str().starts_with(ACCESS_PREFIX) {
        let text = format!("{host} is neither the team's domain nor the host of an application.");
        let heading = "Unable to find your Access organization";
        return respond::notice(StatusCode::NOT_FOUND, heading, &text, visit);
    }
    let text = format!("No application is configured for {host} at this address.");
    // In emulator mode the person at the keyboard mistyped; show what there is.
    let links = if edge.emulator { known_apps(visit, catalog) } else { Vec::new() };
    respond::notice_with_links(StatusCode::NOT_FOUND, "There is nothing here", &text, links, visit)
}

fn known_apps(visit: &Visit, catalog: &Catalog) -> Vec<Action> {
    let exact = catalog.apps().filter_map(|app| app.domains.first().map(|domain| (app, domain)));
    let mut links: Vec<_> = exact
        .filter(|(_, domain)| domain.host.is_exact())
        .map(|(app, domain)| {
            let host = visit.arrival.host.with_name(domain.host.as_str());
            let scheme = if visit.arrival.https { "https" } else { "http" };
            Action::new(app.name.clone(), format!("{scheme}://{host}/"))
        })
        .collect();
    links.sort_by(|a, b| a.label.cmp(&b.label));
    links
}

fn unauthorized(visit: &Visit) -> Response<Body> {
    respond::notice(
        StatusCode::UNAUTHORIZED,
        "The service token is not valid",
        "The credentials of this request are unknown, wrong, expired, disabled or incomplete. (Cloudflare Access)",
        visit,
    )
}

fn nobody_forbidden(app: &App, visit: &Visit) -> Response<Body> {
    if app.service_auth_401_redirect {
        return unauthorized(visit);
    }
    match &app.custom_non_identity_deny_url {
        Some(url) => respond::redirect(url, visit),
        None => forbidden(app, visit, None),
    }
}

fn forbidden(app: &App, visit: &Visit, email: Option<&str>) -> Response<Body> {
    let ray = visit.arrival.ray.as_str();
    let mut response = if visit.wants_json {
        respond::json(StatusCode::FORBIDDEN, forbidden_json(Some(app.aud.as_str()), ray), visit)
    } else {
        let page = Forbidden {
            app: Some(&app.name),
            message: email.and(app.custom_deny_message.as_deref()),
            email,
            aud: Some(app.aud.as_str()),
            ray,
            sign_in_other: email.map(|_| "/cdn-cgi/access/logout".to_owned()),
        };
        respond::html(StatusCode::FORBIDDEN, &page, visit)
    };
    response.headers_mut().insert("cf-access-error", HeaderValue::from_static("1"));
    response
}

/// Two people's tokens in one request: neither is believed, both are taken away.
fn conflict(app: &App, visit: &Visit) -> Response<Body> {
    let mut response = forbidden(app, visit, None);
    response.headers_mut().append(SET_COOKIE, header(&cookie::cleared_app_cookie(app)));
    response
}

/// A script cannot follow a redirect to another origin; it is told so with a
/// status it can read (Access docs, "CORS").
fn needs_login_xhr(app: &App, visit: &Visit) -> Response<Body> {
    let text = format!("Your session for {} has ended. Reload the page to sign in again.", app.name);
    let mut response = respond::notice(StatusCode::UNAUTHORIZED, "Sign in again", &text, visit);
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, challenge::resource_metadata(visit));
    headers.insert("access-control-allow-headers", HeaderValue::from_static("x-requested-with"));
    headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
    response
}

fn is_xhr(headers: &HeaderMap) -> bool {
    headers.get("x-requested-with").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest"))
}

fn log(refusal: &Refusal, caller: &Caller, app: &App, visit: &Visit) {
    let why = match caller {
        Caller::Person { .. } => "the policies refuse this person",
        Caller::Machine(_) => "no policy lets this service token in",
        Caller::Linked(_) => "no policy lets this person of another application in",
        Caller::BadServiceToken => "the service token does not hold",
        Caller::Conflict => "two people's tokens in one request",
        Caller::Unavailable => "who is calling cannot be checked now",
        Caller::Nobody => match refusal.kind {
            RefusalKind::NeedsLogin => "nobody has signed in",
            RefusalKind::Forbidden | RefusalKind::Denied => "no sign-in could help",
        },
    };
    tracing::info!(
        ray.id = %visit.arrival.ray, app.name = app.name, client.ip = %visit.arrival.client_ip, caller = caller.name(),
        policy = refusal.policy.as_deref(), rule = refusal.rule.as_deref(), "refused: {why}"
    );
}
