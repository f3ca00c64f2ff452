//! A browser that is signed in, as a file for tests: the storage state that
//! Playwright and its like load.

use doorward_model::app::SameSite;
use doorward_model::cookie::AUTHORIZATION;
use serde_json::{Value, json};

/// Where a cookie belongs and how it is guarded.
pub(super) struct Jar<'a> {
    pub(super) host: &'a str,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
}

/// `{"cookies":[…],"origins":[]}` with the one cookie. `expires` is in seconds.
pub(super) fn storage_state(jar: &Jar<'_>, token: &str, expires: i64) -> Value {
    json!({
        "cookies": [{
            "name": AUTHORIZATION,
            "value": token,
            "domain": jar.host,
            "path": "/",
            "expires": expires,
            "httpOnly": jar.http_only,
            "secure": true,
            "sameSite": jar.same_site.as_str(),
        }],
        "origins": [],
    })
}
