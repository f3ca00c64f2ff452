//! The public halves of the signing keys, for everybody who verifies tokens
//! (Access docs, "validate JWTs"). Needs no store: it goes on when that is away.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::Login;

/// Short: the next key is published well before it signs, yet a validator that
/// meets an unknown key must be able to find it at once.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=60");

pub(crate) async fn certs(State(login): State<Arc<Login>>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, CACHING),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, login.signer.load().published().to_owned()).into_response()
}
