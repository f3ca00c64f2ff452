//! Results in the envelope of the API.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::paging::Page;

/// One result, and what there is to say about it.
pub(super) struct Answer {
    status: StatusCode,
    result: Value,
    notes: Vec<String>,
}

impl Answer {
    pub(super) fn ok(result: Value) -> Self {
        Self { status: StatusCode::OK, result, notes: Vec::new() }
    }

    pub(super) fn created(result: Value) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(result) }
    }

    /// What was removed, by its id.
    pub(super) fn removed(id: &str) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(json!({ "id": id })) }
    }

    /// What was done, or will have been in a moment.
    pub(super) fn accepted(result: Value) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(result) }
    }

    /// What was removed, where the name is the id.
    pub(super) fn named(name: &str) -> Self {
        Self::accepted(json!({ "name": name }))
    }

    /// For people who look: SDKs do not show it.
    pub(super) fn noting(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }
}

/// A note is no error, and has the code that says so.
const NOTE: u32 = 1000;

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let notes: Vec<Value> = self.notes.iter().map(|note| json!({ "code": NOTE, "message": note })).collect();
        let body = json!({ "success": true, "errors": [], "messages": notes, "result": self.result });
        (self.status, Json(body)).into_response()
    }
}

/// One page of a list. SDKs ask on until a page is empty, older ones read the numbers.
impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let info = json!({
            "page": self.page,
            "per_page": self.per_page,
            "count": self.items.len(),
            "total_count": self.total,
            "total_pages": self.total.div_ceil(self.per_page),
        });
        let body = json!({
            "success": true, "errors": [], "messages": [], "result": self.items, "result_info": info,
        });
        Json(body).into_response()
    }
}
