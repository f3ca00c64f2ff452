//! What of an origin's answer reaches the client, and the pages for origins
//! that give none: they say nothing about the inside (S-02).

use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, EXPIRES, HeaderMap, HeaderValue, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::arrive::Visit;
use crate::body::Body;
use crate::respond;
use crate::upstream::exchange::Trouble;
use crate::upstream::pool::Lease;

/// The answer as the client gets it. Its body is handed through as it arrives.
///
/// `exclusive`: the request authenticated its connection, which is then
/// nobody else's (I6).
pub(crate) fn handed_through(
    response: Response<Incoming>,
    lease: Lease,
    visit: &Visit,
    exclusive: bool,
) -> Response<Body> {
    let both_framings =
        response.headers().contains_key(TRANSFER_ENCODING) && response.headers().contains_key(CONTENT_LENGTH);
    if both_framings || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Two framings are two readings (F-06), and nobody asked for another
        // protocol. Dropping the lease closes the connection.
        return trouble(&Trouble::Broken("the answer's framing is ambiguous".into()), visit);
    }
    let exclusive = exclusive || authenticates_connections(response.headers().get(WWW_AUTHENTICATE));
    let lease = if exclusive { lease.for_one_answer() } else { lease };
    let (mut head, incoming) = response.into_parts();
    crate::headers::remove_hop_by_hop(&mut head.headers);
    crate::cookies::remove_ours_from_answer(&mut head.headers);
    let body = if http_body::Body::is_end_stream(&incoming) {
        lease.give_back();
        Body::Origin(incoming, None)
    } else {
        Body::Origin(incoming, Some(lease))
    };
    head.extensions.clear();
    Response::from_parts(head, body)
}

/// Whether this is an authentication scheme whose proof stays with the
/// connection: the next request over it would be taken for the same person.
pub(crate) fn authenticates_connections(value: Option<&HeaderValue>) -> bool {
    let scheme =
        value.map(HeaderValue::as_bytes).unwrap_or_default().split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"NTLM") || scheme.eq_ignore_ascii_case(b"Negotiate")
}

/// An answer that carries somebody's token is for nobody else, whatever the
/// origin said about caching it.
pub(crate) fn keep_from_caches(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.remove(EXPIRES);
    for name in ["surrogate-control", "cdn-cache-control"] {
        headers.remove(name);
    }
}

/// The page for an origin that gave no answer.
pub(crate) fn trouble(trouble: &Trouble, visit: &Visit) -> Response<Body> {
    let (status, why) = match trouble {
        Trouble::Slow => (StatusCode::GATEWAY_TIMEOUT, "the origin did not answer in time"),
        Trouble::Unreachable(_) => (StatusCode::BAD_GATEWAY, "the origin cannot be reached"),
        Trouble::Broken(_) => (StatusCode::BAD_GATEWAY, "the origin's answer is not usable"),
    };
    let detail = match trouble {
        Trouble::Slow => "",
        Trouble::Unreachable(detail) | Trouble::Broken(detail) => detail,
    };
    let app = visit.arrival.app.as_ref().map_or("", |app| app.name.as_str());
    tracing::warn!(ray.id = %visit.arrival.ray, app.name = app, http.status = status.as_u16(), detail, "{why}");
    let (heading, text) = if status == StatusCode::GATEWAY_TIMEOUT {
        ("The application did not answer in time", "It may be busy. Try again in a moment.")
    } else {
        (
            "The application cannot be reached",
            "The gateway is up, but the application behind it is not answering as it should. Try again in a moment.",
        )
    };
    respond::notice(status, heading, text, visit)
}
