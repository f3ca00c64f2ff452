//! WebSocket: recognising a handshake that really is one (F-02), and the
//! tunnel once the origin has agreed. Until its 101 everything stays HTTP (F-01).

use std::sync::Arc;

use http::header::{CONNECTION, HeaderMap, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::Entrance;
use crate::body::Body;
use crate::cookies;
use crate::record::Record;
use crate::upstream::pool::Lease;
use crate::upstream::tunnel;
use crate::watch::flow::Flow;
use crate::watch::pace::Kind;
use crate::watch::stay::Stay;

/// Whether the head is a WebSocket handshake (RFC 6455 §4.2.1).
pub(crate) fn is_websocket(head: &Parts) -> bool {
    head.method == Method::GET
        && head.version == Version::HTTP_11
        && has_token(&head.headers, "upgrade")
        && only(&head.headers, &UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        && only(&head.headers, &SEC_WEBSOCKET_VERSION) == Some(b"13")
        && only(&head.headers, &SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24)
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let mut values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

fn only<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.as_bytes();
    values.next().is_none().then_some(first)
}

/// Whether the origin agreed to a WebSocket.
pub(crate) fn is_accepted(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
        && only(response.headers(), &UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
}

/// Joins both sides and gives the client its 101. The connection to the origin
/// never returns to the pool.
pub(crate) fn tunnel(
    entrance: &Arc<Entrance>,
    stay: &Arc<Stay>,
    client: OnUpgrade,
    mut response: Response<Incoming>,
    lease: Lease,
    mut record: Record,
) -> Response<Body> {
    let origin = hyper::upgrade::on(&mut response);
    let entrance = Arc::clone(entrance);
    let watch = Arc::clone(&entrance.worker.watch);
    let flow = watch.flow(Flow::new(Kind::Tunnel, Some(Arc::clone(stay)), watch.now()));
    tokio::spawn(async move {
        // It keeps the places of the connection that it was, its client's too.
        let _counted = entrance.worker.edge.metrics.tunnel();
        // The lease lives as long as the tunnel: dropping it would end the origin's side.
        let _lease = lease;
        if let (Ok(client), Ok(origin)) = (client.await, origin.await) {
            let (received, sent) = tunnel::relay(TokioIo::new(client), TokioIo::new(origin), &watch, &flow).await;
            record.carried(received, sent);
        }
    });
    let (mut head, _) = response.into_parts();
    head.extensions.clear();
    cookies::remove_ours_from_answer(&mut head.headers);
    Response::from_parts(head, Body::empty())
}
