//! The envelope of Cloudflare's API, in which this door puts every refusal,
//! and the codes it uses.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// "Could not route to …".
pub(crate) const NO_ROUTE: u32 = 7003;
/// "Authentication error": says no more than that, whatever was wrong.
pub(crate) const AUTHENTICATION: u32 = 10000;
/// The request was refused before anybody asked what it wanted.
pub(crate) const BAD_REQUEST: u32 = 10001;

/// Nothing was done, and may be done later.
pub(crate) const UNAVAILABLE: u32 = 10002;

/// Why a body is not read.
pub(crate) const TOO_LONG: &str = "the body is longer than 64 KiB";

pub(crate) fn refusal(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({
        "success": false,
        "errors": [{ "code": code, "message": message }],
        "messages": [],
        "result": null,
    });
    (status, Json(body)).into_response()
}
