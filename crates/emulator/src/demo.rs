//! The demonstration application: an origin like any other, behind the edge,
//! that shows its visitor what it was told about them. It believes the signed
//! header and nothing else, as every application should.

mod caller;
mod curl;
mod same_origin;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use doorward_model::session::Revoked;
use doorward_pages::{Action, ERROR_TITLE, Notice, Page, content_security_policy};
use http::StatusCode;
use http::header;

pub(crate) use self::caller::{ASSERTION, Visit};
use crate::{Emulator, FORM_ACTION, Site};

pub(crate) fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(show::page))
        .route("/api/me", get(show::json))
        // A GET is a browser that had to sign in on its way here: the POST is gone by then.
        .route("/expire", get(start).post(expire))
        .route("/rotate", get(start).post(rotate))
        .fallback(nothing_here)
        .with_state(site)
}

/// Ends the visitor's session, as a sign-out elsewhere would.
async fn expire(State(emulator): State<Arc<Emulator>>, request: Request) -> Response {
    if !same_origin::is_own_form(request.headers()) {
        return foreign_form();
    }
    let visit = Visit::of(&request, &emulator);
    let Some((nonce, issued)) = visit.and_then(|visit| Some((visit.session()?, visit.issued()))) else {
        let text = "Only a person who signed in has a session. Nothing was changed.";
        return notice(StatusCode::FORBIDDEN, "There is no session to end", text);
    };
    let now = emulator.clock.now().max(issued);
    match emulator.store.revoke(&Revoked::Session(nonce), now).await {
        Ok(()) => ended(),
        Err(error) => {
            tracing::error!(%error, "the demonstration could not end a session");
            notice(StatusCode::SERVICE_UNAVAILABLE, "Your session was not ended", "Try once more in a moment.")
        }
    }
}

/// Rotates the signing keys; the token at hand stays good, by the previous one.
async fn rotate(State(emulator): State<Arc<Emulator>>, request: Request) -> Response {
    if !same_origin::is_own_form(request.headers()) {
        return foreign_form();
    }
    if Visit::of(&request, &emulator).is_none() {
        let text = "Only a visitor with a token may do this here. Nothing was changed.";
        return notice(StatusCode::FORBIDDEN, "The keys were not rotated", text);
    }
    match (emulator.rotate)(false).await {
        Ok(()) => Redirect::to("/?done=rotated").into_response(),
        Err(error) => {
            tracing::error!(%error, "the demonstration could not rotate the keys");
            notice(StatusCode::SERVICE_UNAVAILABLE, "The keys were not rotated", "Try once more in a moment.")
        }
    }
}

async fn start() -> Redirect {
    Redirect::to("/")
}

/// A page and not a redirect: whoever pressed the button sees that it worked,
/// and the way back leads through a sign-in on other hosts.
fn ended() -> Response {
    let page = Notice {
        title: "Your session has ended ・ Doorward",
        heading: "Your session has ended",
        text: "It has ended for all applications. The next request has to sign in again.",
        action: Some(Action::new("Back to the demonstration", "/")),
        ..Notice::default()
    };
    html(StatusCode::OK, &page)
}

async fn nothing_here() -> Response {
    notice(StatusCode::NOT_FOUND, "There is nothing here", "The demonstration has one page, and its data at /api/me.")
}

fn foreign_form() -> Response {
    let text = "This was asked for by a page of another site. Nothing was changed.";
    notice(StatusCode::FORBIDDEN, "That did not come from here", text)
}

fn notice(status: StatusCode, heading: &str, text: &str) -> Response {
    let page = Notice {
        title: ERROR_TITLE,
        heading,
        text,
        action: Some(Action::new("To the demonstration", "/")),
        ..Notice::default()
    };
    html(status, &page)
}

pub(crate) fn html(status: StatusCode, page: &impl Page) -> Response {
    let headers = [
        // A button pressed after the token's end goes through a sign-in.
        (header::CONTENT_SECURITY_POLICY, content_security_policy(FORM_ACTION)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "same-origin".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (status, headers, axum::response::Html(page.html())).into_response()
}

#[cfg(test)]
mod tests;
