//! Cookies as both doors read them, and the application's cookie as both write
//! it: the login door at the end of a sign-in, the edge when it renews a token.

use std::time::{Duration, UNIX_EPOCH};

use crate::app::App;
use crate::time::Timestamp;

/// The cookie that holds a token: the application's on its own host, the
/// organisation's on the team domain.
pub const AUTHORIZATION: &str = "CF_Authorization";
/// Names a browser on an application's host while it signs in.
pub const APP_SESSION: &str = "CF_AppSession";
/// Names a browser on the team domain while it signs in.
pub const SESSION: &str = "CF_Session";
/// Names a browser on the team domain across sign-ins.
pub const DEVICE: &str = "CF_Device";

/// Ties a token to the browser it was given to.
pub const BINDING: &str = "CF_Binding";
/// Begins the names of cookies that each bind one sign-in under way to its browser.
pub const PENDING_PREFIX: &str = "CF_Login_";
/// The same where the team domain is reached by https: browsers take a cookie
/// of such a name from its own host alone, so that no sibling host can plant
/// one (I-02). Over plain http not every browser takes it, on `localhost` either.
pub const HOST_PENDING_PREFIX: &str = "__Host-CF_Login_";

/// The last second of the year 9999, the end of what an HTTP date can say.
const LAST_HTTP_SECOND: u64 = 253_402_300_799;

/// More candidates than any honest browser sends are not looked at (G-01).
const MOST_CANDIDATES: usize = 10;

/// Every cookie in these `Cookie` lines, byte by byte: quotes are not special
/// (G-03), and what an application puts into its own cookies, in whatever
/// encoding, does not hide others.
pub fn pairs<'a>(lines: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = Pair<'a>> {
    lines.flat_map(parts).filter_map(|text| {
        let text = text.trim_ascii();
        let equals = memchr::memchr(b'=', text)?;
        Some(Pair { name: &text[..equals], value: &text[equals + 1..] })
    })
}

/// What stands between the semicolons. A token is a thousand bytes that are
/// looked through several times for each request, hence not one by one.
fn parts(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = memchr::memchr(b';', line);
        rest = end.map(|end| &line[end + 1..]);
        Some(&line[..end.unwrap_or(line.len())])
    })
}

/// One cookie as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// Every value of a cookie that is a text, in the order they were sent: none
/// of several hides another (G-01).
pub fn values<'a>(lines: impl Iterator<Item = &'a [u8]>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = pairs(lines).filter(move |pair| pair.name == name.as_bytes() && !pair.value.is_empty());
    named.filter_map(|pair| std::str::from_utf8(pair.value).ok()).take(MOST_CANDIDATES)
}

/// Whether a cookie of this name is the gateway's own. Origins neither get it,
/// but for the verified token, nor may they set it.
#[must_use]
pub fn is_ours(name: &[u8]) -> bool {
    [AUTHORIZATION, APP_SESSION, SESSION, DEVICE, BINDING].iter().any(|ours| name == ours.as_bytes())
        || is_pending(name)
}

/// Whether a cookie of this name binds a sign-in under way.
#[must_use]
pub fn is_pending(name: &[u8]) -> bool {
    [PENDING_PREFIX, HOST_PENDING_PREFIX].iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

/// The `Set-Cookie` value that gives a browser the application's token.
///
/// `Expires` is there because Go's clients ignore a cookie without it;
/// `Max-Age` because it also holds when the gateway's clock was moved. There
/// is never a `Domain`: the token is for this one host (G-07). `path` is the
/// application's [cookie path](App::cookie_path) where the browser is.
#[must_use]
pub fn app_cookie(app: &App, path: &str, token: &str, now: Timestamp, expires: Timestamp) -> String {
    format!("{AUTHORIZATION}={token}; {}; {}", lasting(now, expires), app_attributes(app, path))
}

/// The `Set-Cookie` value that ties the token to the browser: no script reads
/// it, and it goes wherever the token goes (Access docs, "binding cookie").
#[must_use]
pub fn binding_cookie(path: &str, binding: &str, now: Timestamp, expires: Timestamp) -> String {
    format!("{BINDING}={binding}; {}; {}", lasting(now, expires), binding_attributes(path))
}

/// The `Set-Cookie` values that take the application's token away again.
#[must_use]
pub fn cleared_app_cookies(app: &App, path: &str) -> Vec<String> {
    let over = format!("Expires={}; Max-Age=0", http_date(Timestamp(0)));
    let mut cleared = vec![format!("{AUTHORIZATION}=; {over}; {}", app_attributes(app, path))];
    if app.enable_binding_cookie {
        cleared.push(format!("{BINDING}=; {over}; {}", binding_attributes(path)));
    }
    cleared
}

fn lasting(now: Timestamp, expires: Timestamp) -> String {
    format!("Expires={}; Max-Age={}", http_date(expires), expires.since(now).secs())
}

fn app_attributes(app: &App, path: &str) -> String {
    let http_only = if app.http_only_cookie_attribute { "HttpOnly; " } else { "" };
    format!("Path={path}; Secure; {http_only}SameSite={}", app.same_site_cookie_attribute.as_str())
}

fn binding_attributes(path: &str) -> String {
    format!("Path={path}; Secure; HttpOnly; SameSite=None")
}

/// An IMF-fixdate (RFC 9110 §5.6.7), as `Expires` wants it.
#[must_use]
pub fn http_date(moment: Timestamp) -> String {
    let seconds = u64::try_from(moment.secs()).unwrap_or(0).min(LAST_HTTP_SECOND);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SameSite;
    use crate::id::AccountId;
    use crate::time::Lifetime;

    fn app() -> App {
        App::new(&AccountId::derived("acme"), "Wiki", vec!["app.test".parse().unwrap()], vec![])
    }

    #[test]
    fn g_07_the_application_cookie_has_the_attributes_of_access_and_no_domain() {
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(
            app_cookie(&app(), "/", "a.b.c", now, now.plus(Lifetime::from_hours(24))),
            "CF_Authorization=a.b.c; Expires=Sat, 16 Jan 2027 08:00:00 GMT; Max-Age=86400; Path=/; Secure; HttpOnly; \
             SameSite=None"
        );
    }

    #[test]
    fn g_07_what_the_application_says_about_its_cookie_holds() {
        let lax = App { http_only_cookie_attribute: false, same_site_cookie_attribute: SameSite::Lax, ..app() };
        let cookie = app_cookie(&lax, "/docs", "a.b.c", Timestamp(0), Timestamp::from_secs(60));
        assert!(cookie.ends_with("Max-Age=60; Path=/docs; Secure; SameSite=Lax"), "{cookie}");
    }

    #[test]
    fn a_cleared_cookie_is_over_and_matches_the_one_that_was_set() {
        let bound = App { enable_binding_cookie: true, ..app() };
        for (cookies, names) in [
            (cleared_app_cookies(&app(), "/"), &["CF_Authorization"][..]),
            (cleared_app_cookies(&bound, "/"), &["CF_Authorization", "CF_Binding"][..]),
        ] {
            assert_eq!(cookies.len(), names.len(), "{cookies:?}");
            for (cookie, name) in cookies.iter().zip(names) {
                let over = format!("{name}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/;");
                assert!(cookie.starts_with(&over), "{cookie}");
            }
        }
    }
}
