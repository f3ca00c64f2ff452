//! What of an origin's answer reaches the client, and the pages for origins
//! that give none: they say nothing about the inside (S-02).

use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, EXPIRES, HeaderMap, HeaderValue, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::arrive::Visit;
use crate::body::Body;
use crate::respond;
use crate::upstream::download::Download;
use crate::upstream::exchange::Trouble;
use crate::upstream::pool::Lease;
use crate::watch::flow::Failure;
use crate::watch::signal::Cut;

/// The answer as the client gets it. Its body is handed through as it arrives.
///
/// `exclusive`: the request authenticated its connection, which is then
/// nobody else's (I6).
pub(crate) fn handed_through(
    response: Response<Incoming>,
    lease: Lease,
    visit: &Visit,
    exclusive: bool,
    download: impl FnOnce(Incoming, Lease) -> Download,
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
    head.extensions.clear();
    Response::from_parts(head, Body::Origin(download(incoming, lease)))
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

/// The page for a request that got no answer from its origin.
pub(crate) fn trouble(trouble: &Trouble, visit: &Visit) -> Response<Body> {
    if matches!(trouble, Trouble::Cut(Cut::Unchecked)) {
        return respond::unavailable(visit);
    }
    let Words { status, why, heading, text } = words(trouble);
    let detail = match trouble {
        Trouble::Unreachable(detail) | Trouble::Broken(detail) => detail,
        Trouble::Slow | Trouble::Upload(_) | Trouble::Cut(_) => "",
    };
    let app = visit.arrival.app.as_ref().map_or("", |app| app.name.as_str());
    tracing::warn!(ray.id = %visit.arrival.ray, app.name = app, http.status = status.as_u16(), detail, "{why}");
    let mut response = respond::notice(status, heading, text, visit);
    if status.is_client_error() {
        // The rest of the body may still be on its way; it is no request (D-07).
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What the log and the page say.
struct Words {
    status: StatusCode,
    why: &'static str,
    heading: &'static str,
    text: &'static str,
}

const fn words(trouble: &Trouble) -> Words {
    const AWAY: &str = "The application cannot be reached";
    const AWAY_TEXT: &str =
        "The gateway is up, but the application behind it is not answering as it should. Try again in a moment.";
    let (status, why, heading, text) = match trouble {
        Trouble::Slow => (
            StatusCode::GATEWAY_TIMEOUT,
            "the origin did not answer in time",
            "The application did not answer in time",
            "It may be busy. Try again in a moment.",
        ),
        Trouble::Unreachable(_) => (StatusCode::BAD_GATEWAY, "the origin cannot be reached", AWAY, AWAY_TEXT),
        Trouble::Broken(_) => (StatusCode::BAD_GATEWAY, "the origin's answer is not usable", AWAY, AWAY_TEXT),
        Trouble::Upload(Failure::Malformed) => (
            StatusCode::BAD_REQUEST,
            "the client's body is malformed or broke off",
            "The request is not complete",
            "What was sent broke off, or was not what its head announced. Send it again.",
        ),
        Trouble::Upload(Failure::TooLarge) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the client's body is longer than limits.max_body_size",
            "That is too large",
            "What was sent is larger than is accepted here.",
        ),
        Trouble::Cut(Cut::Ended | Cut::Unchecked) => (
            StatusCode::FORBIDDEN,
            "the session ended during the request",
            "Your session has ended",
            "It ended while the request was under way. Reload the page to sign in again.",
        ),
        Trouble::Cut(_) => (
            StatusCode::REQUEST_TIMEOUT,
            "the client's body came too slowly",
            "That took too long",
            "What was announced did not arrive in time. Send it again.",
        ),
    };
    Words { status, why, heading, text }
}
