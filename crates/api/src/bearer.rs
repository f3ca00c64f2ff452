//! The check of the bearer token (RFC 6750) before anything that reads or
//! changes state.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use doorward_model::secret::{Secret, SecretDigest};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::envelope;

/// Puts everything in `router` behind the token, its 404 included.
pub fn require_token(router: Router, token: &Secret) -> Router {
    router.layer(middleware::from_fn_with_state(token.digest(), check))
}

async fn check(State(expected): State<SecretDigest>, request: Request, next: Next) -> Response {
    if presented(request.headers()) == Some(expected) {
        return next.run(request).await;
    }
    // P-01: the same answer whether the token is missing, malformed or wrong.
    let mut response = envelope::refusal(StatusCode::UNAUTHORIZED, envelope::AUTHENTICATION, "Authentication error");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"doorward\""));
    response
}

/// The digest of the one token presented: digests have one length, so that the
/// comparison tells nothing about the length of the secret either.
fn presented(headers: &HeaderMap) -> Option<SecretDigest> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SecretDigest::of(token.trim_start().as_bytes()))
}
