//! What of an origin's answer reaches the client, and the pages for origins
//! that give none: they say nothing about the inside (S-02).

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::arrive::Visit;
use crate::body::Body;
use crate::respond;
use crate::upstream::exchange::Trouble;
use crate::upstream::pool::Lease;

/// The answer as the client gets it. Its body is handed through as it arrives.
pub(crate) fn handed_through(response: Response<Incoming>, lease: Lease, visit: &Visit) -> Response<Body> {
    let both_framings =
        response.headers().contains_key(TRANSFER_ENCODING) && response.headers().contains_key(CONTENT_LENGTH);
    if both_framings || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Two framings are two readings (F-06), and nobody asked for another
        // protocol. Dropping the lease closes the connection.
        return trouble(&Trouble::Broken("the answer's framing is ambiguous".into()), visit);
    }
    let (mut head, incoming) = response.into_parts();
    crate::headers::remove_hop_by_hop(&mut head.headers);
    let body = if http_body::Body::is_end_stream(&incoming) {
        lease.give_back();
        Body::Origin(incoming, None)
    } else {
        Body::Origin(incoming, Some(lease))
    };
    head.extensions.clear();
    Response::from_parts(head, body)
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
