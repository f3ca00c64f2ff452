//! A browser that is signed in, as a file for tests: the storage state that
//! Playwright and its like load.

use doorward_model::app::SameSite;
use doorward_model::cookie::{AUTHORIZATION, BINDING};
use serde_json::{Value, json};

/// Where a cookie belongs and how it is guarded.
pub(super) struct Jar<'a> {
    pub(super) host: &'a str,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
    /// Below which path of the host.
    pub(super) path: &'a str,
    /// What ties the token to its browser, where the application asks for that.
    pub(super) binding: Option<&'a str>,
}

/// `{"cookies":[…],"origins":[]}` with the token's cookie and what binds it. `expires` is in seconds.
pub(super) fn storage_state(jar: &Jar<'_>, token: &str, expires: i64) -> Value {
    let cookie = |name: &str, value: &str, http_only: bool, same_site: SameSite| {
        json!({
            "name": name,
            "value": value,
            "domain": jar.host,
            "path": jar.path,
            "expires": expires,
            "httpOnly": http_only,
            "secure": true,
            "sameSite": same_site.as_str(),
        })
    };
    let mut cookies = vec![cookie(AUTHORIZATION, token, jar.http_only, jar.same_site)];
    cookies.extend(jar.binding.map(|binding| cookie(BINDING, binding, true, SameSite::None)));
    json!({ "cookies": cookies, "origins": [] })
}
