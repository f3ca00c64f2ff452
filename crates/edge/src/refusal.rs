//! What a caller gets who may not pass: a way to sign in where that could
//! help, a plain no where it could not.

use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::Catalog;
use doorward_model::cookie;
use doorward_model::custom_page::PageKind;
use doorward_model::site::ACCESS_PREFIX;
use doorward_pages::{Action, Forbidden, Variables, forbidden_json};
use doorward_policy::{Refusal, RefusalKind};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri};

use crate::arrive::Visit;
use crate::body::Body;
use crate::caller::Caller;
use crate::respond::{CF_ACCESS_AUD, CF_ACCESS_DOMAIN, header};
use crate::{Edge, challenge, cors, respond};

/// The target of the log's lines that tell of somebody being kept out.
pub const REFUSALS: &str = module_path!();

/// On every application's host.
const LOGOUT: &str = "/cdn-cgi/access/logout";

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
    log(edge, refusal, caller, app, visit, catalog);
    let strict = catalog.organization().strict_service_token_auth;
    let mut response = match caller {
        Caller::Unavailable => return respond::unavailable(visit),
        Caller::BadServiceToken => unauthorized(visit),
        Caller::Machine(_) if strict => forbidden(app, visit, None, catalog),
        Caller::Conflict => conflict(app, visit, catalog),
        Caller::Nobody if is_preflight(head) => forbidden(app, visit, None, catalog),
        Caller::Person { person, .. } if refusal.kind == RefusalKind::Denied => {
            denied(app, visit, person.identity.email.as_str(), catalog)
        }
        // Somebody who signed in with a provider this application does not allow is nobody to it;
        // in legacy mode so is a service token that no policy names.
        Caller::Nobody | Caller::Linked(_) | Caller::Person { .. } | Caller::Machine(_) => match refusal.kind {
            // What for, too, is asked on the pages of the sign-in.
            RefusalKind::NeedsLogin | RefusalKind::NeedsPurpose if is_xhr(&head.headers) => needs_login_xhr(app, visit),
            RefusalKind::NeedsLogin | RefusalKind::NeedsPurpose => {
                let service_token = matches!(caller, Caller::Machine(_));
                challenge::redirect(edge, app, visit, head, catalog, service_token).await
            }
            RefusalKind::Forbidden | RefusalKind::Denied => nobody_forbidden(app, visit, catalog),
        },
    };
    if let Some(cors) = &app.cors_headers {
        cors::expose(cors, &head.method, &head.headers, response.headers_mut());
    }
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

/// Somebody who signed in, and whom the policies refuse here and now.
fn denied(app: &App, visit: &Visit, email: &str, catalog: &Catalog) -> Response<Body> {
    match elsewhere(app.custom_deny_url.as_deref(), app, catalog) {
        Some(url) if !visit.wants_json => respond::redirect(url, visit),
        _ => forbidden(app, visit, Some(email), catalog),
    }
}

fn nobody_forbidden(app: &App, visit: &Visit, catalog: &Catalog) -> Response<Body> {
    if app.service_auth_401_redirect {
        return unauthorized(visit);
    }
    match elsewhere(app.custom_non_identity_deny_url.as_deref(), app, catalog) {
        Some(url) => respond::redirect(url, visit),
        None => forbidden(app, visit, None, catalog),
    }
}

/// Where an application sends those whom it refuses, unless that is itself:
/// they would go in circles.
fn elsewhere<'a>(url: Option<&'a str>, app: &App, catalog: &Catalog) -> Option<&'a str> {
    let leads_back = |url: &Uri| {
        let host = url.authority()?.as_str().parse().ok()?;
        let found = catalog.app_at(&host, &url.path().parse().ok()?)?;
        Some(found.id == app.id)
    };
    url.filter(|url| url.parse().is_ok_and(|url| !leads_back(&url).unwrap_or(false)))
}

fn forbidden(app: &App, visit: &Visit, email: Option<&str>, catalog: &Catalog) -> Response<Body> {
    let ray = visit.arrival.ray.as_str();
    let mut response = if visit.wants_json {
        respond::json(StatusCode::FORBIDDEN, forbidden_json(Some(app.aud.as_str()), ray), visit)
    } else if let Some(page) = custom_page(app, visit, email, catalog) {
        page
    } else {
        let page = Forbidden {
            app: Some(&app.name),
            message: email.and(app.custom_deny_message.as_deref()),
            email,
            aud: Some(app.aud.as_str()),
            ray,
            sign_in_other: email.map(|_| LOGOUT.to_owned()),
        };
        respond::html(StatusCode::FORBIDDEN, &page, visit)
    };
    response.headers_mut().insert("cf-access-error", HeaderValue::from_static("1"));
    response
}

/// The operator's own page in the place of ours.
fn custom_page(app: &App, visit: &Visit, email: Option<&str>, catalog: &Catalog) -> Option<Response<Body>> {
    let kind = if email.is_some() { PageKind::IdentityDenied } else { PageKind::Forbidden };
    let page = catalog.custom_page(app, kind)?;
    let (client_ip, domain) = (visit.arrival.client_ip.to_string(), app.domain());
    let variables = Variables {
        organization: &catalog.team().name,
        app: &app.name,
        app_domain: &domain,
        aud: app.aud.as_str(),
        ray: visit.arrival.ray.as_str(),
        message: email.and(app.custom_deny_message.as_deref()).unwrap_or_default(),
        email: email.unwrap_or_default(),
        client_ip: &client_ip,
        country: visit.arrival.country.as_deref().unwrap_or_default(),
        other_account: email.map_or("", |_| LOGOUT),
        login_options: &[],
    };
    respond::custom(StatusCode::FORBIDDEN, page, &variables, visit)
}

/// Two people's tokens in one request: neither is believed, both are taken away.
fn conflict(app: &App, visit: &Visit, catalog: &Catalog) -> Response<Body> {
    let mut response = forbidden(app, visit, None, catalog);
    let path = app.cookie_path(&visit.arrival.host, &visit.path);
    for cleared in cookie::cleared_app_cookies(app, path) {
        response.headers_mut().append(SET_COOKIE, header(&cleared));
    }
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

fn log(edge: &Edge, refusal: &Refusal, caller: &Caller, app: &Arc<App>, visit: &Visit, catalog: &Catalog) {
    let why = match caller {
        Caller::Person { .. } if refusal.kind == RefusalKind::NeedsPurpose => "this person has to say what for",
        Caller::Person { .. } => "the policies refuse this person",
        Caller::Machine(_) => "no policy lets this service token in",
        Caller::Linked(_) => "no policy lets this person of another application in",
        Caller::BadServiceToken => "the service token does not hold",
        Caller::Conflict => "two people's tokens in one request",
        Caller::Unavailable => "who is calling cannot be checked now",
        Caller::Nobody => match refusal.kind {
            RefusalKind::NeedsLogin => "nobody has signed in",
            RefusalKind::Forbidden | RefusalKind::NeedsPurpose | RefusalKind::Denied => "no sign-in could help",
        },
    };
    let rules = was_judged(refusal, caller).then(|| {
        let arrival = &visit.arrival;
        edge.rule_trees.of(app, catalog, &caller.facts(arrival), arrival.now)
    });
    tracing::info!(
        ray.id = %visit.arrival.ray, app.name = app.name, client.ip = %visit.arrival.client_ip, caller = caller.name(),
        policy = refusal.policy.as_deref(), rule = refusal.rule.as_deref(), rules = rules.flatten(), "refused: {why}"
    );
}

/// Whether it was the policies' rules that refused, and not what came before
/// them. Of whoever is only asked to sign in, or what for, nothing is decided yet.
const fn was_judged(refusal: &Refusal, caller: &Caller) -> bool {
    match caller {
        Caller::BadServiceToken | Caller::Conflict | Caller::Unavailable => false,
        Caller::Nobody | Caller::Linked(_) | Caller::Person { .. } | Caller::Machine(_) => {
            !matches!(refusal.kind, RefusalKind::NeedsLogin | RefusalKind::NeedsPurpose)
        }
    }
}
