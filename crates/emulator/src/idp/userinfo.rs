//! The userinfo endpoint (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

use super::id_token;
use crate::Emulator;

pub(super) async fn show(State(emulator): State<Arc<Emulator>>, headers: HeaderMap) -> Response {
    let now = emulator.clock.now();
    match bearer(&headers).and_then(|token| emulator.provider.grants.holder(token, now)) {
        Some(grant) => {
            let claims = id_token::person_claims(&grant, emulator.catalog.load().team());
            ([(CACHE_CONTROL, "no-store")], Json(claims)).into_response()
        }
        None => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")]).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
