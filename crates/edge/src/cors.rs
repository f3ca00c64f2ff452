//! CORS answers in an origin's place (Access docs, "CORS"). As Go's `rs/cors`,
//! which Access is seen to use, a preflight that is not allowed gets the same
//! answer without the fields that would allow it, and one that is gets back
//! exactly what it asked for, never the whole list.

use doorward_model::app::{Allowed, Cors};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    CONTENT_LENGTH, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Response};

use crate::arrive::Visit;
use crate::body::Body;
use crate::respond::header;
use crate::upstream::request::CF_RAY;

const VARIES: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// More names than any page asks for are not looked at.
const MOST_HEADERS: usize = 64;

/// The answer to a preflight. Its status is 200 in any case.
pub(crate) fn preflight(cors: &Cors, asked: &HeaderMap, visit: &Visit) -> Response<Body> {
    let mut response = Response::new(Body::from(String::new()));
    let headers = response.headers_mut();
    if let Some(allowed) = allowed(cors, asked) {
        *headers = allowed;
    }
    headers.insert(VARY, VARIES);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(CF_RAY, header(visit.arrival.ray.as_str()));
    response
}

/// Lets the page that asked read an answer of our own, a refusal for instance.
/// What origins answer is theirs.
pub(crate) fn expose(cors: &Cors, method: &Method, asked: &HeaderMap, answer: &mut HeaderMap) {
    answer.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin(cors, asked)
        && is_method_allowed(cors, method.as_str())
    {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if cors.credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
    }
}

fn allowed(cors: &Cors, asked: &HeaderMap) -> Option<HeaderMap> {
    let origin = origin(cors, asked)?;
    let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?.to_ascii_uppercase();
    let names = requested_headers(asked)?;
    let may = is_method_allowed(cors, &method) && names.iter().all(|name| is_header_allowed(cors, name));
    if !may {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, header(&method));
    if !names.is_empty() {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, header(&names.join(", ")));
    }
    if cors.credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    }
    match cors.max_age {
        Some(seconds) if seconds > 0 => drop(headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds))),
        Some(seconds) if seconds < 0 => drop(headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("0"))),
        _ => {}
    }
    Some(headers)
}

/// What is said to whom: the origin itself, or `*` where it is all the same.
fn origin(cors: &Cors, asked: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = asked.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    match &cors.origins {
        Allowed::All => Some(ANY),
        these => these.holds(&origin.to_str().ok()?.to_ascii_lowercase()).then(|| origin.clone()),
    }
}

fn is_method_allowed(cors: &Cors, method: &str) -> bool {
    method == "OPTIONS" || cors.methods.holds(method)
}

/// `Origin` comes with every request across origins.
fn is_header_allowed(cors: &Cors, name: &str) -> bool {
    name == "origin" || cors.headers.holds(name)
}

/// The names in lower case; `None` when they cannot be read or are too many.
fn requested_headers(asked: &HeaderMap) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for line in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        let line = line.to_str().ok()?;
        names.extend(line.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()));
        if names.len() > MOST_HEADERS {
            return None;
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use serde_json::{Value, json};

    use super::*;

    fn cors(change: &Value) -> Cors {
        let mut written = json!({
            "allowed_origins": ["https://a.test"], "allowed_methods": ["GET", "PUT"], "allowed_headers": ["X-Token"],
            "allow_credentials": true, "max_age": 60,
        });
        written.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(written).unwrap()
    }

    fn asked(fields: &[(&str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    fn ask<'a>(origin: &'a str, method: &'a str, headers: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut fields = vec![("origin", origin), ("access-control-request-method", method)];
        fields.extend((!headers.is_empty()).then_some(("access-control-request-headers", headers)));
        fields
    }

    fn answer(cors: &Cors, fields: &[(&str, &str)]) -> Option<Vec<String>> {
        let headers = allowed(cors, &asked(fields))?;
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort_unstable();
        Some(lines)
    }

    #[test]
    fn what_is_allowed_is_given_back_as_it_was_asked_for() {
        assert_eq!(
            answer(&cors(&json!({})), &ask("https://a.test", "put", "x-token, X-TOKEN")).unwrap(),
            [
                "access-control-allow-credentials: true",
                "access-control-allow-headers: x-token, x-token",
                "access-control-allow-methods: PUT",
                "access-control-allow-origin: https://a.test",
                "access-control-max-age: 60",
            ]
        );
        let all = json!({"allowed_origins": null, "allow_all_origins": true, "allowed_methods": null, "allow_all_methods": true,
            "allowed_headers": null, "allow_all_headers": true, "allow_credentials": false, "max_age": -1});
        assert_eq!(
            answer(&cors(&all), &ask("null", "PURGE", "anything")).unwrap(),
            [
                "access-control-allow-headers: anything",
                "access-control-allow-methods: PURGE",
                "access-control-allow-origin: *",
                "access-control-max-age: 0",
            ]
        );
    }

    #[test]
    fn what_is_not_allowed_gets_nothing() {
        let cors = cors(&json!({}));
        for fields in [
            ask("https://b.test", "GET", ""),
            ask("https://a.test.evil.test", "GET", ""),
            ask("http://a.test", "GET", ""),
            ask("https://a.test:8443", "GET", ""),
            ask("null", "GET", ""),
            ask("https://a.test", "DELETE", ""),
            ask("https://a.test", "GET", "x-token, x-other"),
            vec![("origin", "https://a.test"), ("origin", "https://a.test"), ("access-control-request-method", "GET")],
            vec![("origin", "https://a.test")],
        ] {
            assert_eq!(answer(&cors, &fields), None, "{fields:?}");
        }
        assert!(answer(&cors, &ask("https://a.test", "OPTIONS", "origin")).is_some());
        let many = vec!["x-token"; MOST_HEADERS + 1].join(",");
        assert_eq!(answer(&cors, &ask("https://a.test", "GET", &many)), None);
    }

    #[test]
    fn our_own_answers_can_be_read_by_pages_that_may_ask() {
        let exposed = |origin: &str, method: Method| {
            let mut headers = HeaderMap::new();
            expose(&cors(&json!({})), &method, &asked(&[("origin", origin)]), &mut headers);
            (headers[VARY].clone(), headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned())
        };
        assert_eq!(
            exposed("https://a.test", Method::GET),
            ("Origin".parse().unwrap(), Some("https://a.test".parse().unwrap()))
        );
        assert_eq!(exposed("https://b.test", Method::GET).1, None);
        assert_eq!(exposed("https://a.test", Method::DELETE).1, None);
    }
}
