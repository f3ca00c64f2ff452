//! Header hygiene: what a client may not say to an origin, and what belongs to
//! one connection only.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::machine::single::Sent;

/// Everything below these is ours: identity, and what is told of client
/// certificates by us or by Cloudflare.
const PREFIXES: &[&str] = &["cf-access-", "cf-client-cert-", "cf-cert-"];

/// Other names that only we may say to an origin, and the rewrite headers by which origins are told another path (C-09).
const OURS: &[&str] = &[
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-ipcountry",
    "cf-pseudo-ipv4",
    "cf-ray",
    "cf-visitor",
    "client-cert",
    "client-cert-chain",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-envoy-original-path",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-original-forwarded-for",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// What the client said under names that are ours, moved out of its headers:
/// nothing downstream can mistake it for our word (invariant "strip first").
#[derive(Debug, Default)]
pub(crate) struct ClientClaims {
    /// `cf-access-token`: an application token, as command line tools send it.
    pub(crate) tokens: Vec<HeaderValue>,
    pub(crate) client_ids: Vec<HeaderValue>,
    pub(crate) client_secrets: Vec<HeaderValue>,
    /// The two in the application's own header.
    pub(crate) single: Option<Sent>,
    /// `cf-access-jump-destination`: where a client of a bastion wants to go.
    pub(crate) destinations: Vec<HeaderValue>,
    /// `cf-access-metadata-request`: not to be let in, but to be told what is here.
    pub(crate) asks_metadata: bool,
}

impl ClientClaims {
    /// Whether any part of one came.
    pub(crate) const fn sends_service_token(&self) -> bool {
        !self.client_ids.is_empty() || !self.client_secrets.is_empty() || self.single.is_some()
    }
}

/// Takes every header out that looks like ours, under any folding an origin
/// might apply: CGI, WSGI, Rack and PHP all read `Cf_Access_X` as `CF-Access-X`.
pub(crate) fn strip(headers: &mut HeaderMap) -> ClientClaims {
    let mut claims = ClientClaims::default();
    let spoofed: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name.as_str())).cloned().collect();
    for name in spoofed {
        let values = match headers.entry(&name) {
            http::header::Entry::Occupied(entry) => entry.remove_entry_mult().1.collect::<Vec<_>>(),
            http::header::Entry::Vacant(_) => continue,
        };
        match name.as_str() {
            "cf-access-token" => claims.tokens = values,
            "cf-access-client-id" => claims.client_ids = values,
            "cf-access-client-secret" => claims.client_secrets = values,
            "cf-access-jump-destination" => claims.destinations = values,
            "cf-access-metadata-request" => {
                claims.asks_metadata = values.iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
            }
            _ => {}
        }
    }
    claims
}

fn is_ours(name: &str) -> bool {
    // Most names of a browser start with other letters; look closer only where it could match.
    if !matches!(name.as_bytes().first(), Some(b'c' | b'f' | b't' | b'x')) {
        return false;
    }
    PREFIXES.iter().any(|ours| starts_canonically(name, ours))
        || OURS.iter().any(|ours| name.len() == ours.len() && starts_canonically(name, ours))
}

/// `HeaderName` is lower-case already; every other byte outside `[a-z0-9]` counts as a hyphen.
fn starts_canonically(name: &str, prefix: &str) -> bool {
    let canon = |b: u8| if b.is_ascii_lowercase() || b.is_ascii_digit() { b } else { b'-' };
    name.len() >= prefix.len() && name.bytes().map(canon).zip(prefix.bytes()).all(|(a, b)| a == b)
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Removes what belongs to the client's connection (RFC 9110 §7.6.1). A
/// `Connection` header cannot take away what framing or identity rest on.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .filter(|name| ![HOST, CONTENT_LENGTH, COOKIE].contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [TE, TRAILER, TRANSFER_ENCODING, UPGRADE, EXPECT, PROXY_AUTHORIZATION] {
        headers.remove(name);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, HTTP2_SETTINGS] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_01_a_02_no_spelling_of_our_headers_survives() {
        let mut map = headers(&[
            ("Cf-Access-Jwt-Assertion", "x"),
            ("cf_access_jwt_assertion", "x"),
            ("cf-access_authenticated.user-email", "x"),
            ("X_Forwarded_For", "x"),
            ("x-original-url", "/admin"),
            ("forwarded", "host=evil"),
            ("Client-Cert", ":AAAA:"),
            ("client_cert_chain", ":AAAA:"),
            ("CF_Client_Cert_SHA256", "00"),
            ("cf-cert-verified", "true"),
            ("cf-access", "kept: it is no header of ours"),
            ("accept", "*/*"),
        ]);
        strip(&mut map);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "cf-access"]);
    }

    #[test]
    fn credentials_are_moved_out_of_the_headers() {
        let mut map =
            headers(&[("CF-Access-Client-Id", "a"), ("CF-Access-Client-Secret", "b"), ("cf-access-token", "t")]);
        let claims = strip(&mut map);
        assert_eq!((claims.client_ids.len(), claims.client_secrets.len(), claims.tokens.len()), (1, 1, 1));
        assert!(map.is_empty());
    }

    #[test]
    fn a_06_a_connection_header_cannot_remove_what_identity_and_framing_rest_on() {
        let mut map = headers(&[
            ("connection", "close, cookie, host, content-length, x-custom"),
            ("cookie", "a=1"),
            ("host", "app.test"),
            ("content-length", "2"),
            ("x-custom", "1"),
            ("te", "trailers"),
            ("keep-alive", "5"),
        ]);
        remove_hop_by_hop(&mut map);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "cookie", "host"]);
    }

    proptest! {
        #[test]
        fn whatever_the_name_nothing_that_folds_to_ours_survives(name in "[cC][fF][-_.][aA]ccess[-_.!~][-a-zA-Z0-9_.!]{0,20}") {
            let mut map = headers(&[(&name, "x")]);
            strip(&mut map);
            prop_assert!(map.is_empty());
        }
    }
}
