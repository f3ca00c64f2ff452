//! What a call is told that cannot be done: what is wrong, and the mend.

use axum::Json;
use axum::response::{IntoResponse, Response};
use doorward_store::StoreError;
use http::StatusCode;
use serde_json::json;

/// `{"error":"…","hint":"…"}` under a status.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: String,
    hint: Option<String>,
}

impl Refusal {
    /// The body is not JSON.
    pub(super) fn malformed(error: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// The body is JSON that does not say something that can be done.
    pub(super) fn unusable(error: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    pub(super) fn not_found(error: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    pub(super) fn wrong_method(error: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, error)
    }

    pub(super) fn conflict(error: &str) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    pub(super) fn unavailable(error: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    pub(super) fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    pub(super) fn with_status(status: StatusCode, error: &str) -> Self {
        Self::new(status, error)
    }

    fn new(status: StatusCode, error: &str) -> Self {
        Self { status, error: error.to_owned(), hint: None }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the control API could not use the store");
        Self::unavailable("the store did not take the change").hint("the log says why; the call may be repeated")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = match self.hint {
            Some(hint) => json!({ "error": self.error, "hint": hint }),
            None => json!({ "error": self.error }),
        };
        (self.status, Json(body)).into_response()
    }
}
