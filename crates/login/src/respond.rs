//! Answers: pages with the headers that every page has, redirects, and the one
//! table from what went wrong to what a person reads.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use doorward_model::app::App;
use doorward_model::custom_page::CustomPage;
use doorward_pages::{
    Action, CONTENT_SECURITY_POLICY, CUSTOM_CONTENT_SECURITY_POLICY, ERROR_TITLE, Forbidden, Notice, Page, Variables,
    forbidden_json,
};
use doorward_store::StoreError;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY as POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::visit::Visit;

const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store, max-age=0");
const CF_ACCESS_AUD: HeaderName = HeaderName::from_static("cf-access-aud");
const CF_ACCESS_DOMAIN: HeaderName = HeaderName::from_static("cf-access-domain");

/// Why a request ends here. `back` leads to where it may start anew.
#[derive(Debug)]
pub(crate) struct Stop {
    what: Trouble,
    back: Option<String>,
}

/// What went wrong, as far as a person is told different things.
#[derive(Debug)]
pub(crate) enum Trouble {
    UnknownApp,
    /// There is nothing to decide under this address.
    UnknownRequest,
    /// The browser is not one that began this sign-in, or took too long.
    InvalidSession,
    /// The sign-in or its hand-over was used before, or is not for here.
    UsedLogin,
    /// In the provider's words, which are a stranger's.
    ProviderSaid(String),
    ProviderFailed,
    ProviderUnreachable,
    UserInfoFailed,
    /// The claims name nobody; the sentence says why.
    Nobody(String),
    /// No sign-in could help.
    Forbidden(Arc<App>),
    /// Everything of this person was revoked a moment ago.
    JustRevoked,
    StoreUnavailable,
}

impl Trouble {
    /// Stops here, with a way back to the start.
    pub(crate) fn back_to(self, href: impl Into<String>) -> Stop {
        Stop { what: self, back: Some(href.into()) }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownApp | Self::UnknownRequest => StatusCode::NOT_FOUND,
            Self::Forbidden(_) | Self::JustRevoked => StatusCode::FORBIDDEN,
            Self::ProviderUnreachable => StatusCode::BAD_GATEWAY,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The texts of Access, where it has one (Access docs, "error messages").
    fn words(&self) -> (&str, &str) {
        match self {
            Self::UnknownApp => (
                "Unable to find your Access application!",
                "No application is known under this address. Check the link, or ask whoever gave it to you.",
            ),
            Self::UnknownRequest => (
                "There is no such request for access",
                "It may be over, or the link is not complete. Ask whoever sent it to you.",
            ),
            Self::InvalidSession => (
                "Invalid session. Please try logging in again",
                "This sign-in was started in another browser, took more than ten minutes, or this browser does not keep \
                 cookies.",
            ),
            Self::UsedLogin => ("Invalid login session", "Please try going to the URL of your application again"),
            Self::ProviderSaid(said) => ("Your identity provider did not sign you in", said),
            Self::ProviderFailed => (
                "Your identity provider did not sign you in",
                "Its answer could not be verified. Please try again; if it stays like this, tell your administrator.",
            ),
            Self::ProviderUnreachable => (
                "Your identity provider does not answer",
                "Please try again in a moment; if it stays like this, tell your administrator.",
            ),
            Self::UserInfoFailed => (
                "Failed to fetch user/group information from the identity provider",
                "Please try again; if it stays like this, tell your administrator.",
            ),
            Self::Nobody(why) => ("Your identity provider did not say who you are", why),
            Self::Forbidden(_) => ("Forbidden", ""),
            Self::JustRevoked => (
                "You cannot sign in right now",
                "Your sessions were ended by an administrator less than a minute ago. Try again in a minute.",
            ),
            Self::StoreUnavailable => {
                ("This did not work", "The gateway cannot reach its store at the moment. Please try again shortly.")
            }
        }
    }
}

impl Stop {
    /// The answer that a person, or a program, gets.
    pub(crate) fn respond(self, visit: &Visit) -> Response {
        if let Trouble::Forbidden(app) = &self.what {
            return forbidden(visit, app);
        }
        let action = self.back.as_ref().map(|href| Action::new("Try again", href));
        let mut answer = failure(visit, self.what.status(), self.what.words(), action);
        if matches!(self.what, Trouble::StoreUnavailable) {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        answer
    }
}

impl From<Trouble> for Stop {
    fn from(what: Trouble) -> Self {
        Self { what, back: None }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed during a sign-in");
        Trouble::StoreUnavailable.into()
    }
}

/// A page, with the headers of all pages (P-10, S-03).
pub(crate) fn page(status: StatusCode, page: &impl Page) -> Response {
    html(status, page.html(), CONTENT_SECURITY_POLICY)
}

/// The same under a policy that vouches for what the organisation adds to the page's style.
pub(crate) fn designed_page(status: StatusCode, page: &impl Page, policy: &str) -> Response {
    html(status, page.html(), policy)
}

/// A page of the operator's own; `None` when it cannot be filled in.
pub(crate) fn custom(status: StatusCode, page: &CustomPage, variables: &Variables<'_>) -> Option<Response> {
    let document = doorward_pages::custom(page, variables);
    let document = document.inspect_err(|error| tracing::warn!(page = page.name, %error, "a custom page is not shown"));
    Some(html(status, document.ok()?, CUSTOM_CONTENT_SECURITY_POLICY))
}

fn html(status: StatusCode, document: String, policy: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, NO_STORE),
        (POLICY, HeaderValue::try_from(policy).expect("a policy is plain text")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        // The address of a page may hold a state or a code.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, headers, document).into_response()
}

/// Exactly 302: cloudflared and wrangler know no other redirect.
pub(crate) fn redirect(location: &str) -> Response {
    let headers = [(CACHE_CONTROL, NO_STORE), (REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::FOUND, headers, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// JSON about one caller.
pub(crate) fn private_json(status: StatusCode, body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, NO_STORE),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}

/// Says which application an answer is about, as older cloudflared asks.
pub(crate) fn name_app(answer: &mut Response, app: &App) {
    answer.headers_mut().insert(CF_ACCESS_AUD, HeaderValue::try_from(app.aud.as_str()).expect("a tag is hex"));
    if let Ok(domain) = HeaderValue::try_from(app.domain()) {
        answer.headers_mut().insert(CF_ACCESS_DOMAIN, domain);
    }
}

/// The refusal before any sign-in (Access docs, "Forbidden").
fn forbidden(visit: &Visit, app: &App) -> Response {
    if let Some(url) = &app.custom_non_identity_deny_url {
        return redirect(url);
    }
    let (aud, ray) = (Some(app.aud.as_str()), visit.arrival.ray.as_str());
    let mut answer = if visit.wants_json() {
        private_json(StatusCode::FORBIDDEN, forbidden_json(aud, ray))
    } else if let Some(page) = visit.own_forbidden_page(app) {
        page
    } else {
        page(StatusCode::FORBIDDEN, &Forbidden { app: Some(&app.name), aud, ray, ..Forbidden::default() })
    };
    name_app(&mut answer, app);
    answer
}

pub(crate) async fn not_found(visit: Visit) -> Response {
    let words = ("There is nothing here", "Check the address, or go back to your application.");
    failure(&visit, StatusCode::NOT_FOUND, words, None)
}

/// What went wrong: for a person a page, for a program the same in JSON.
fn failure(visit: &Visit, status: StatusCode, words: (&str, &str), action: Option<Action>) -> Response {
    let ((heading, text), ray) = (words, visit.arrival.ray.as_str());
    if visit.wants_json() {
        let stop = if heading.ends_with(['.', '!', '?']) { "" } else { "." };
        let message = format!("{heading}{stop} {text}");
        let body = json!({ "message": message, "status_code": status.as_u16(), "ray_id": ray });
        return private_json(status, body.to_string());
    }
    page(status, &Notice { title: ERROR_TITLE, heading, text, action, ray: Some(ray), ..Notice::default() })
}
