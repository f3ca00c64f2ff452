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
use axum::routing::{get, post};
use doorward_model::session::Revoked;
use doorward_pages::{Action, CONTENT_SECURITY_POLICY, ERROR_TITLE, Notice, Page};
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};

use self::caller::Visit;
use crate::Emulator;

pub(crate) fn router(emulator: Arc<Emulator>) -> Router {
    Router::new()
        .route("/", get(show::page))
        .route("/api/me", get(show::json))
        .route("/expire", post(expire))
        .route("/rotate", post(rotate))
        .fallback(nothing_here)
        .with_state(emulator)
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
        Ok(()) => Redirect::to("/").into_response(),
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
        ray: None,
        links: vec![],
    };
    html(status, &page)
}

fn html(status: StatusCode, page: &impl Page) -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, HEADERS, axum::response::Html(page.html())).into_response()
}

#[cfg(test)]
mod tests;
