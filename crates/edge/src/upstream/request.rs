//! The request an origin gets. It can only be made from a permit, starts with
//! no identity, and is framed anew (invariants I1, I2, I5).

use std::fmt::{Display, Write as _};

use bytes::BytesMut;
use doorward_model::path::NormPath;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::arrive::Visit;
use crate::assertion::Assertion;
use crate::upstream::upload::Upload;
use crate::watch::stay::Stay;
use crate::{certificate, cookies, headers};

pub(crate) const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
pub(crate) const CF_IPCOUNTRY: HeaderName = HeaderName::from_static("cf-ipcountry");
pub(crate) const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");
pub(crate) const CF_VISITOR: HeaderName = HeaderName::from_static("cf-visitor");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Builds it from what the client sent, already stripped of its claims.
///
/// The stay holds a permit, and that is the point: without one there is nothing to send.
pub(crate) fn build(
    stay: &Stay,
    assertion: &Assertion,
    mut head: Parts,
    body: Incoming,
    websocket: bool,
    upload: impl FnOnce(Incoming) -> Upload,
) -> Request<Upload> {
    let visit = &stay.visit;
    headers::remove_hop_by_hop(&mut head.headers);
    cookies::rewrite_for_origin(&mut head.headers, assertion.token());
    frame(&mut head, &body);
    forwarded(&mut head.headers, visit);
    assertion.write(&mut head.headers);
    if let Some(presented) = visit.arrival.certificate.valid().filter(|_| visit.tells_certificate) {
        certificate::forward(presented, &mut head.headers);
    }
    if websocket {
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    head.uri = origin_form(&head.uri, &visit.path);
    head.version = Version::HTTP_11;
    // What the connection and the edge noted about the request is not for others.
    head.extensions.clear();
    Request::from_parts(head, upload(body))
}

/// The length is written from what was parsed, never copied: `005` becomes `5`,
/// and a body of unknown length becomes chunks.
fn frame(head: &mut Parts, body: &Incoming) {
    let had_length = head.headers.remove(CONTENT_LENGTH).is_some();
    match body.size_hint().exact() {
        Some(0) if !had_length && !matches!(head.method, Method::POST | Method::PUT | Method::PATCH) => {}
        Some(length) => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        // Said outright: the client would take a GET without a length for one without a body (D-09).
        None => {
            head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

fn forwarded(headers: &mut HeaderMap, visit: &Visit) {
    let arrival = &visit.arrival;
    let mut values = Values(BytesMut::with_capacity(256));
    let host = values.of(&arrival.host);
    let client = values.of(arrival.client_ip);
    let (scheme, visitor) =
        if arrival.https { ("https", r#"{"scheme":"https"}"#) } else { ("http", r#"{"scheme":"http"}"#) };
    headers.insert(HOST, host.clone());
    headers.insert(X_FORWARDED_HOST, host);
    headers.insert(X_FORWARDED_FOR, values.of(format_args!("{}{}", visit.way, visit.peer)));
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(X_REAL_IP, client.clone());
    headers.insert(CF_CONNECTING_IP, client);
    headers.insert(CF_VISITOR, HeaderValue::from_static(visitor));
    headers.insert(CF_RAY, values.of(arrival.ray));
    if let Some(country) = &arrival.country {
        headers.insert(CF_IPCOUNTRY, values.of(country));
    }
}

/// Makes the values of one request's headers in one piece of memory that they share.
struct Values(BytesMut);

impl Values {
    /// What cannot be a header value becomes empty rather than a panic.
    fn of(&mut self, text: impl Display) -> HeaderValue {
        write!(self.0, "{text}").expect("the buffer grows as it must");
        HeaderValue::from_maybe_shared(self.0.split().freeze()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// What was matched is what is sent: the normalised path, and the query as it came.
pub(crate) fn origin_form(uri: &Uri, path: &NormPath) -> Uri {
    if uri.authority().is_none() && uri.path() == path.as_str() {
        return uri.clone();
    }
    let target = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path.as_str()),
    };
    Uri::from(target.expect("a normalised path and a query that was parsed before"))
}
