//! How the provider answers browsers: pages with their policy, and redirects
//! that never repeat a POST.

use axum::response::{Html, IntoResponse, Response};
use doorward_pages::{ERROR_TITLE, Notice, Page, content_security_policy};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::FORM_ACTION;

pub(super) fn page(status: StatusCode, page: &impl Page) -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, content_security_policy(FORM_ACTION)),
        (CACHE_CONTROL, "no-store".to_owned()),
        // Not `no-referrer`, under which browsers send our own form with `Origin: null`.
        (REFERRER_POLICY, "same-origin".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
    ];
    (status, headers, Html(page.html())).into_response()
}

/// A request that cannot be answered to its client.
pub(super) fn refusal(status: StatusCode, text: &str) -> Response {
    let notice = Notice { title: ERROR_TITLE, heading: "This sign-in cannot go on", text, ..Notice::default() };
    page(status, &notice)
}

/// 303 and not 307: what was posted here is not posted there (I-11, RFC 9700 §4.12).
pub(super) fn see_other(location: String) -> Response {
    let headers = [(LOCATION, location), (CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}
