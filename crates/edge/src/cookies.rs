//! The `Cookie` header as it comes from browsers and as origins get it.

use doorward_model::cookie::{self, AUTHORIZATION, Pair};
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// Every value of a cookie, in the order they were sent.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    cookie::values(lines(headers), name)
}

/// The application tokens a browser presents.
pub(crate) fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    values(headers, AUTHORIZATION)
}

/// Leaves for the origin one `Cookie` line: the application's own cookies as
/// they were sent, and the token only if it is the one that was verified.
/// Cookies of the sign-in itself are no business of origins.
pub(crate) fn rewrite_for_origin(headers: &mut HeaderMap, token: Option<&str>) {
    if !headers.contains_key(COOKIE) || is_already_right(headers, token) {
        return;
    }
    let mut kept = Vec::new();
    let mut keep = |name: &[u8], value: &[u8]| {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(name);
        kept.push(b'=');
        kept.extend_from_slice(value);
    };
    for pair in pairs(headers).filter(|pair| !cookie::is_ours(pair.name)) {
        keep(pair.name, pair.value);
    }
    if let Some(token) = token {
        keep(AUTHORIZATION.as_bytes(), token.as_bytes());
    }
    headers.remove(COOKIE);
    if let (false, Ok(value)) = (kept.is_empty(), HeaderValue::from_bytes(&kept)) {
        headers.insert(COOKIE, value);
    }
}

/// The common case: one line, one token, the verified one, nothing else of ours.
fn is_already_right(headers: &HeaderMap, token: Option<&str>) -> bool {
    let one_line = headers.get_all(COOKIE).iter().nth(1).is_none();
    let mut ours = pairs(headers).filter(|pair| cookie::is_ours(pair.name));
    let first = ours.next().map(|pair| (pair.name, pair.value));
    one_line && ours.next().is_none() && first == token.map(|token| (AUTHORIZATION.as_bytes(), token.as_bytes()))
}

/// Removes what an origin would set under our names: a token of its choice
/// would make its visitors somebody else on other applications.
pub(crate) fn remove_ours_from_answer(headers: &mut HeaderMap) {
    let ours = |value: &HeaderValue| {
        let mut parts = value.as_bytes().split(|byte| matches!(byte, b'=' | b';'));
        // Without a name, browsers send the value back as it is: its beginning is then read as the name.
        let name = parts.find(|part| !part.trim_ascii().is_empty()).unwrap_or_default();
        cookie::is_ours(name.trim_ascii())
    };
    if !headers.get_all(SET_COOKIE).iter().any(ours) {
        return;
    }
    let kept: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().filter(|value| !ours(value)).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = Pair<'_>> {
    cookie::pairs(lines(headers))
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)
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
    fn a_cookie_in_another_encoding_hides_no_other_and_reaches_the_origin_as_it_was() {
        let line = b"name=M\xfcller; CF_AppSession=n1; CF_Authorization=t".as_slice();
        let mut map = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(line).unwrap())]);
        assert_eq!(tokens(&map).collect::<Vec<_>>(), ["t"]);
        rewrite_for_origin(&mut map, Some("t"));
        assert_eq!(map[COOKIE].as_bytes(), b"name=M\xfcller; CF_Authorization=t");
    }

    #[test]
    fn an_origin_cannot_set_the_cookies_that_are_ours() {
        let mut map = HeaderMap::new();
        let evil = ["CF_Authorization=evil; Domain=test", " CF_AppSession =x", "CF_Login_1_x=y", "=CF_Authorization=e"];
        for line in ["sid=1; Path=/"].iter().chain(&evil) {
            map.append(SET_COOKIE, line.parse().unwrap());
        }
        remove_ours_from_answer(&mut map);
        assert_eq!(map.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), ["sid=1; Path=/"]);
    }

    #[test]
    fn e_06_cookie_crumbs_become_one_line() {
        assert_eq!(rewritten(&["a=1", "CF_Authorization=t"], Some("t")), ["a=1; CF_Authorization=t"]);
    }
}
