//! Whether a POST comes from a page of this very application: it carries the
//! visitor's cookie, whoever sent it.

use doorward_model::host::Host;
use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Browsers say it in `Sec-Fetch-Site`; where they do not (plain HTTP), the
/// `Origin` has to be the host that was called. Who says nothing of either
/// kind is not a page.
pub(super) fn is_own_form(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let called = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Host>().ok());
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.all(|origin| {
        let text = origin.to_str().unwrap_or_default();
        let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        authority
            .and_then(|authority| authority.parse::<Host>().ok())
            .is_some_and(|host| Some(&host) == called.as_ref())
    })
}
