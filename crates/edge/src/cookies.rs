//! The `Cookie` header as it comes from browsers and as origins get it.

use doorward_model::cookie::{self, APP_SESSION, AUTHORIZATION, DEVICE, PENDING_PREFIX, SESSION};
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// Cookies of the sign-in itself: an origin has no business with them.
const NOT_FOR_ORIGINS: &[&str] = &[APP_SESSION, SESSION, DEVICE, "CF_Binding"];

fn is_for_origins(name: &str) -> bool {
    !NOT_FOR_ORIGINS.contains(&name) && !name.starts_with(PENDING_PREFIX)
}

/// Every value of a cookie, in the order they were sent.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    cookie::values(lines(headers), name)
}

/// The application tokens a browser presents.
pub(crate) fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    values(headers, AUTHORIZATION)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    cookie::pairs(lines(headers))
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok())
}

/// Leaves for the origin one `Cookie` line: the application's own cookies, and
/// the token only if it is the one that was verified.
pub(crate) fn rewrite_for_origin(headers: &mut HeaderMap, token: Option<&str>) {
    if !headers.contains_key(COOKIE) || is_already_right(headers, token) {
        return;
    }
    let mut kept = String::new();
    let mut keep = |name: &str, value: &str| {
        if !kept.is_empty() {
            kept.push_str("; ");
        }
        kept.push_str(name);
        kept.push('=');
        kept.push_str(value);
    };
    for (name, value) in pairs(headers) {
        if name != AUTHORIZATION && is_for_origins(name) {
            keep(name, value);
        }
    }
    if let Some(token) = token {
        keep(AUTHORIZATION, token);
    }
    headers.remove(COOKIE);
    if let (false, Ok(value)) = (kept.is_empty(), HeaderValue::try_from(kept)) {
        headers.insert(COOKIE, value);
    }
}

/// The common case: one line, one token, the verified one, nothing of the sign-in.
fn is_already_right(headers: &HeaderMap, token: Option<&str>) -> bool {
    let mut lines = headers.get_all(COOKIE).iter();
    let one_line = lines.next().is_some_and(|line| line.to_str().is_ok()) && lines.next().is_none();
    let mut tokens = values(headers, AUTHORIZATION);
    let right_token = tokens.next() == token && tokens.next().is_none();
    one_line && right_token && pairs(headers).all(|(name, _)| is_for_origins(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, line.parse().unwrap())).collect()
    }

    fn rewritten(lines: &[&str], token: Option<&str>) -> Vec<String> {
        let mut map = headers(lines);
        rewrite_for_origin(&mut map, token);
        map.get_all(COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn g_01_every_token_is_found_in_every_line() {
        let map = headers(&["a=1; CF_Authorization=junk; CF_Authorization=good", "CF_Authorization=third"]);
        assert_eq!(tokens(&map).collect::<Vec<_>>(), ["junk", "good", "third"]);
    }

    #[test]
    fn g_03_quotes_do_not_hide_or_merge_cookies() {
        let map = headers(&["$Version=1; CF_Authorization=\"x; other=secret; z=y\""]);
        assert_eq!(tokens(&map).collect::<Vec<_>>(), ["\"x"]);
    }

    #[test]
    fn a_08_cookies_of_the_sign_in_do_not_reach_the_origin() {
        assert_eq!(
            rewritten(&["a=1; CF_AppSession=n1; CF_Binding=b; CF_Authorization=t"], Some("t")),
            ["a=1; CF_Authorization=t"]
        );
        assert_eq!(rewritten(&["CF_AppSession=n1"], None), Vec::<String>::new());
    }

    #[test]
    fn only_the_verified_token_reaches_the_origin() {
        assert_eq!(
            rewritten(&["CF_Authorization=junk; a=1; CF_Authorization=t"], Some("t")),
            ["a=1; CF_Authorization=t"]
        );
        assert_eq!(rewritten(&["CF_Authorization=junk; a=1"], None), ["a=1"]);
        assert_eq!(rewritten(&["CF_Authorization=t; a=1"], Some("t")), ["CF_Authorization=t; a=1"]);
    }

    #[test]
    fn e_06_cookie_crumbs_become_one_line() {
        assert_eq!(rewritten(&["a=1", "CF_Authorization=t"], Some("t")), ["a=1; CF_Authorization=t"]);
    }
}
