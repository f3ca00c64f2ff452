//! Answers of our own: pages, JSON and plain lines, never cached, never framed.

use doorward_model::custom_page::CustomPage;
use doorward_pages::{
    Action, CONTENT_SECURITY_POLICY, CUSTOM_CONTENT_SECURITY_POLICY, ERROR_TITLE, FRAMED_CONTENT_SECURITY_POLICY,
    Notice, Page, Variables,
};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY as CSP, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};

use crate::arrive::{Unreadable, Visit};
use crate::body::Body;
use crate::upstream::request::CF_RAY;

/// What Access says on redirects and refusals.
pub(crate) const NO_STORE: &str = "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0";

/// A page with the headers every page of ours has.
pub(crate) fn html(status: StatusCode, page: &impl Page, visit: &Visit) -> Response<Body> {
    let mut response = with_type(status, "text/html; charset=utf-8", page.html(), visit);
    let headers = response.headers_mut();
    // An application that is shown in frames says there, too, why it cannot be shown.
    if visit.arrival.app.as_ref().is_some_and(|app| app.allow_iframe) {
        headers.insert(CSP, HeaderValue::from_static(FRAMED_CONTENT_SECURITY_POLICY));
    } else {
        headers.insert(CSP, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A page of the operator's own; `None` when it cannot be filled in.
pub(crate) fn custom(
    status: StatusCode,
    page: &CustomPage,
    variables: &Variables<'_>,
    visit: &Visit,
) -> Option<Response<Body>> {
    let html = doorward_pages::custom(page, variables);
    let html = html.inspect_err(|error| tracing::warn!(page = page.name, %error, "a custom page is not shown")).ok()?;
    let mut response = with_type(status, "text/html; charset=utf-8", html, visit);
    let headers = response.headers_mut();
    headers.insert(CSP, HeaderValue::from_static(CUSTOM_CONTENT_SECURITY_POLICY));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Some(response)
}

pub(crate) fn json(status: StatusCode, body: String, visit: &Visit) -> Response<Body> {
    with_type(status, "application/json", body, visit)
}

/// A page that says what happened and what to do now.
pub(crate) fn notice(status: StatusCode, heading: &str, text: &str, visit: &Visit) -> Response<Body> {
    notice_with_links(status, heading, text, Vec::new(), visit)
}

/// The same with links. Programs get the same in JSON.
pub(crate) fn notice_with_links(
    status: StatusCode,
    heading: &str,
    text: &str,
    links: Vec<Action>,
    visit: &Visit,
) -> Response<Body> {
    let ray = visit.arrival.ray.as_str();
    if visit.wants_json {
        let message = format!("{heading}. {text}");
        let body = serde_json::json!({ "message": message, "status_code": status.as_u16(), "ray_id": ray });
        return json(status, body.to_string(), visit);
    }
    html(status, &Notice { title: ERROR_TITLE, heading, text, ray: Some(ray), links, ..Notice::default() }, visit)
}

/// Fail closed: something we need to decide is not there. Nothing opens, nothing is set.
pub(crate) fn unavailable(visit: &Visit) -> Response<Body> {
    let mut response = notice(
        StatusCode::SERVICE_UNAVAILABLE,
        "Sign-ins cannot be checked right now",
        "The gateway cannot reach what it needs to check who you are, so it lets nobody in. Try again in a moment.",
        visit,
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// Too many at once; those who are signed in come first.
pub(crate) fn busy(visit: &Visit) -> Response<Body> {
    let text = "Many people are signing in at this moment. Try again in a few seconds.";
    let mut response = notice(StatusCode::SERVICE_UNAVAILABLE, "One moment", text, visit);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// A redirect. The caller has made sure where it leads.
pub(crate) fn redirect(location: &str, visit: &Visit) -> Response<Body> {
    let mut response = with_type(StatusCode::FOUND, "text/html", String::new(), visit);
    response.headers_mut().insert(LOCATION, header(location));
    response
}

/// Nothing but headers.
pub(crate) fn empty(visit: &Visit) -> Response<Body> {
    with_type(StatusCode::OK, "text/plain; charset=utf-8", String::new(), visit)
}

/// The plain answer to a request that could not be read; the connection ends with it.
pub(crate) fn unreadable(why: Unreadable) -> Response<Body> {
    plain(why.status(), why.text())
}

/// More requests than are served at once.
pub(crate) fn overloaded() -> Response<Body> {
    let mut response =
        plain(StatusCode::SERVICE_UNAVAILABLE, "Too many requests are being served. Try again in a moment.\n");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// A fault of ours; nothing is said about the inside (S-02).
pub(crate) fn fault() -> Response<Body> {
    plain(StatusCode::INTERNAL_SERVER_ERROR, "The gateway met a fault of its own. Try again in a moment.\n")
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A header value of ours; what cannot be one becomes empty rather than a panic.
pub(crate) fn header(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn with_type(status: StatusCode, kind: &'static str, body: String, visit: &Visit) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    headers.insert(VARY, HeaderValue::from_static("Cookie"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CF_RAY, header(visit.arrival.ray.as_str()));
    response
}

/// Names the application on refusals: command line clients read these two.
pub(crate) const CF_ACCESS_AUD: HeaderName = HeaderName::from_static("cf-access-aud");
pub(crate) const CF_ACCESS_DOMAIN: HeaderName = HeaderName::from_static("cf-access-domain");
