//! Everything that is answered instead of a result: one constructor for each
//! row of Cloudflare's errors, and the one table of their codes.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use doorward_model::document::Kind;
use doorward_objects::ObjectsError;
use doorward_store::StoreError;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::envelope;

/// A refusal in the envelope of the API.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: u32,
    message: String,
    /// The field that is wrong, as a JSON pointer (RFC 6901).
    pointer: Option<String>,
}

impl Refusal {
    /// The field at `pointer` cannot be what it is.
    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        let message = format!("access.api.error.invalid_request: {detail}");
        Self { pointer: Some(pointer.into()), ..Self::new(StatusCode::BAD_REQUEST, 12130, message) }
    }

    /// The same about a part of what was written.
    pub(crate) fn below(self, pointer: &str) -> Self {
        Self { pointer: self.pointer.map(|inner| format!("{pointer}{inner}")), ..self }
    }

    /// A rule names a group that is not there.
    pub(crate) fn no_such_group(pointer: impl Into<String>, id: &str) -> Self {
        let message = format!("access.api.error.failed_to_load_group: there is no group {id}");
        Self { pointer: Some(pointer.into()), ..Self::new(StatusCode::BAD_REQUEST, 11020, message) }
    }

    pub(crate) fn not_found(kind: Kind) -> Self {
        let code = match kind {
            Kind::App => 11021,
            Kind::Group => 12152,
            _ => 12135,
        };
        Self::new(StatusCode::NOT_FOUND, code, format!("access.api.error.not_found: there is no such {kind}"))
    }

    /// The same of what is no object of the configuration.
    pub(crate) fn absent(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 12135, format!("access.api.error.not_found: there is no such {what}"))
    }

    pub(crate) fn nobody() -> Self {
        Self::absent("user")
    }

    /// The address at the pointer belongs to another application.
    pub(crate) fn application_already_exists(pointer: impl Into<String>, address: &str) -> Self {
        let message = format!("access.api.error.application_already_exists: another application covers {address}");
        Self { pointer: Some(pointer.into()), ..Self::new(StatusCode::CONFLICT, 11010, message) }
    }

    /// There is one for each account, from the start.
    pub(crate) fn organization_exists() -> Self {
        let message = "access.api.error.organization_exists: the account has its organization; change it with PUT";
        Self::new(StatusCode::CONFLICT, 11002, message)
    }

    pub(crate) fn conflict(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, 12132, format!("access.api.error.conflict: {detail}"))
    }

    /// What a configuration file declares is changed there.
    pub(crate) fn read_only(kind: Kind, file: &str) -> Self {
        Self::conflict(format!("the configuration file {file} declares this {kind}; change it there"))
    }

    /// What Access can do and this version cannot, and what can be done instead.
    pub(crate) fn not_there_yet(pointer: impl Into<String>, what: &str, mend: &str) -> Self {
        let message = format!("access.api.error.not_enabled: {what} is not there in this version; {mend}");
        Self { pointer: Some(pointer.into()), ..Self::new(StatusCode::NOT_IMPLEMENTED, 9999, message) }
    }

    /// The same answer whether the credential is missing, malformed or wrong (P-01).
    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, envelope::AUTHENTICATION, "Authentication error")
    }

    /// The caller is known and may only read.
    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, envelope::AUTHENTICATION, "Authentication error")
    }

    pub(crate) fn no_route(path: &str) -> Self {
        let message = format!("Could not route to {path}, perhaps your object identifier is invalid?");
        Self::new(StatusCode::NOT_FOUND, envelope::NO_ROUTE, message)
    }

    pub(crate) fn wrong_method(path: &str) -> Self {
        let message = format!("{path} does not take this method; the Allow header names those it takes");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, envelope::BAD_REQUEST, message)
    }

    /// What was asked for did not happen, and why is for the log.
    pub(crate) fn unavailable(error: &str) -> Self {
        tracing::error!(error, "what the API was asked for was not done");
        let message = "access.api.error.unavailable: nothing was changed; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, envelope::UNAVAILABLE, message)
    }

    /// The request cannot be read at all.
    pub(crate) fn unreadable(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, envelope::BAD_REQUEST, detail.to_string())
    }

    /// The body is too long, or did not come whole.
    pub(crate) fn unread(error: BytesRejection) -> Self {
        let detail = match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => envelope::TOO_LONG.to_owned(),
            _ => error.body_text(),
        };
        Self::new(error.status(), envelope::BAD_REQUEST, detail)
    }

    fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), pointer: None }
    }
}

/// Why an answer is a refusal, for whoever comes by with it.
#[derive(Clone, Debug)]
pub(crate) struct Refused(pub(crate) String);

/// What went wrong inside is for the log; callers may try again.
impl From<ObjectsError> for Refusal {
    fn from(error: ObjectsError) -> Self {
        tracing::error!(%error, "a change through the API was not made");
        let message = match error {
            ObjectsError::Contended => "access.api.error.busy: others change the same without a pause; try again",
            _ => "access.api.error.unavailable: nothing was changed; try again later",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, envelope::UNAVAILABLE, message)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        ObjectsError::Store(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": &self.message });
        if let Some(pointer) = self.pointer {
            error["source"] = json!({ "pointer": pointer });
        }
        let refused = Refused(self.message);
        let body = json!({ "success": false, "errors": [error], "messages": [], "result": Value::Null });
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(refused);
        // SDKs try conflicts and failures twice more; only a failure of ours may pass by itself.
        if self.status != StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"doorward\"");
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
