//! How the provider answers browsers: pages with their policy, and redirects
//! that never repeat a POST.

use std::collections::BTreeSet;

use axum::response::{Html, IntoResponse, Response};
use doorward_model::catalog::Catalog;
use doorward_pages::{Action, ERROR_TITLE, Notice, Page, content_security_policy};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// More hosts than this are not listed one by one in a header.
const MOST_HOSTS: usize = 100;

pub(super) fn page(status: StatusCode, page: &impl Page, catalog: &Catalog) -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, content_security_policy(&form_action(catalog))),
        (CACHE_CONTROL, "no-store".to_owned()),
        // Not `no-referrer`, under which browsers send our own form with `Origin: null`.
        (REFERRER_POLICY, "same-origin".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
    ];
    (status, headers, Html(page.html())).into_response()
}

/// A request that cannot be answered to its client.
pub(super) fn refusal(status: StatusCode, text: &str, catalog: &Catalog) -> Response {
    let notice = Notice {
        title: ERROR_TITLE,
        heading: "This sign-in cannot go on",
        text,
        action: None::<Action>,
        ray: None,
        links: vec![],
    };
    page(status, &notice, catalog)
}

/// 303 and not 307: what was posted here is not posted there (I-11, RFC 9700 §4.12).
pub(super) fn see_other(location: String) -> Response {
    let headers = [(LOCATION, location), (CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Browsers hold a form to its `form-action` through every redirect, and a
/// sign-in ends on the application's host.
fn form_action(catalog: &Catalog) -> String {
    let hosts: BTreeSet<String> =
        catalog.apps().flat_map(|app| &app.domains).map(|domain| source(domain.host.as_str())).collect();
    if hosts.len() > MOST_HOSTS {
        return "'self' http: https:".into();
    }
    hosts.into_iter().fold("'self'".to_owned(), |list, host| list + " " + &host)
}

/// A host pattern as a source: there a star can only stand for whole leading labels.
fn source(pattern: &str) -> String {
    let host = match pattern.rfind('*') {
        None => pattern.to_owned(),
        Some(star) => match pattern[star..].split_once('.') {
            Some((_, suffix)) => format!("*.{suffix}"),
            None => return "http: https:".into(),
        },
    };
    format!("{host}:*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_of_an_application_is_within_reach_of_the_form() {
        for (pattern, wanted) in [
            ("wiki.example.com", "wiki.example.com:*"),
            ("*.example.com", "*.example.com:*"),
            ("test*.example.com", "*.example.com:*"),
            ("a.*.example.com", "*.example.com:*"),
            ("app.*", "http: https:"),
        ] {
            assert_eq!(source(pattern), wanted);
        }
    }
}
