//! Origins that do not speak HTTP: the client's WebSocket ends here, and what
//! it carries are the bytes of a TCP connection, as `cloudflared access tcp`,
//! `ssh` and `rdp` have it. It opens like a request to any origin, with a
//! permit, and is watched like any other WebSocket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use doorward_model::route::{Destination, Service};
use http::header::{CONNECTION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::arrive::Visit;
use crate::body::Body;
use crate::record::Record;
use crate::upstream::exchange::Trouble;
use crate::upstream::{answer, carried, connect, upgrade};
use crate::watch::flow::Flow;
use crate::watch::pace::Kind;
use crate::watch::stay::Stay;
use crate::{Entrance, Worker, respond};

/// After this silence an origin is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Why the client has no connection.
enum Unmet {
    /// The words for a client that did not say as it should where it wants to go.
    Unsaid(String),
    /// It may not go there.
    Forbidden,
    Trouble(Trouble),
}

impl From<Trouble> for Unmet {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Connects to the origin and gives the client its 101.
///
/// `jump`: the client's words for where it wants to go, which a bastion asks for.
pub(crate) async fn open(
    entrance: &Arc<Entrance>,
    stay: &Arc<Stay>,
    service: &Service,
    mut head: Parts,
    jump: &[HeaderValue],
    record: &mut Record,
) -> Response<Body> {
    let Some((client, accept)) = handshake(&mut head) else { return not_a_websocket(head.version, &stay.visit) };
    if is_of_another_site(&head.headers, &stay.visit) {
        return of_another_site(&stay.visit);
    }
    record.calls_origin(&mut HeaderMap::new());
    let opened = reach(&entrance.worker, stay, service, jump, record).await;
    // It may have been waited for: it is for nobody whose session ended meanwhile.
    let opened = stay.holds(&entrance.worker.edge).map_err(|cut| Unmet::Trouble(Trouble::Cut(cut))).and(opened);
    record.origin_answered(match &opened {
        Err(Unmet::Trouble(trouble)) => Some(trouble),
        _ => None,
    });
    match opened {
        Ok(origin) => {
            go_on(entrance, stay, client, origin, record.of_tunnel());
            switched(&accept)
        }
        Err(Unmet::Unsaid(why)) => respond::notice(StatusCode::BAD_REQUEST, "Where to?", &why, &stay.visit),
        Err(Unmet::Forbidden) => forbidden(&stay.visit),
        Err(Unmet::Trouble(trouble)) => answer::trouble(&trouble, &stay.visit),
    }
}

/// The client's side, once it is told that it has switched, and what it is told as a proof.
fn handshake(head: &mut Parts) -> Option<(OnUpgrade, String)> {
    let key = head.headers.get(SEC_WEBSOCKET_KEY).filter(|_| upgrade::is_websocket(head))?;
    let accept = derive_accept_key(key.as_bytes());
    Some((head.extensions.remove::<OnUpgrade>()?, accept))
}

/// Browsers send cookies along with WebSockets that any page opens, and say
/// whose page it was. An HTTP origin can look at that; a TCP origin has nobody
/// who could, so that a foreign page would speak to it with its visitor's right.
fn is_of_another_site(headers: &HeaderMap, visit: &Visit) -> bool {
    let own = visit.arrival.origin();
    headers.get_all(ORIGIN).iter().any(|origin| !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
}

/// A connection to where the route leads, or to where the client may go.
async fn reach(
    worker: &Worker,
    stay: &Stay,
    service: &Service,
    jump: &[HeaderValue],
    record: &mut Record,
) -> Result<TcpStream, Unmet> {
    let destination = match service {
        Service::Tcp(destination) => destination.clone(),
        Service::Bastion(allowed) => {
            let asked = asked(jump)?;
            if !allowed.name(&asked) {
                log_forbidden(stay, &asked, "allowed_destinations does not list it");
                return Err(Unmet::Forbidden);
            }
            asked
        }
        Service::Http { .. } | Service::Demo => {
            return Err(Trouble::Unreachable("it is no origin for a TCP connection".into()).into());
        }
    };
    let limit = worker.edge.limits.upstream_connect_timeout.as_std();
    let dialled = tokio::time::timeout(limit, dial(service, &destination)).await;
    let dialled = dialled.unwrap_or(Err(Unmet::Trouble(Trouble::Slow)));
    record.connected(dialled.is_ok());
    match &dialled {
        Ok(_) => tracing::info!(
            ray.id = %stay.visit.arrival.ray, app.name = stay.permit.app().name, caller = stay.caller.name(),
            client.ip = %stay.visit.arrival.client_ip, destination = %destination, "opened a TCP connection"
        ),
        Err(Unmet::Forbidden) => log_forbidden(stay, &destination, "its name leads to addresses that are not listed"),
        Err(_) => {}
    }
    dialled
}

/// Where the client says that it wants to go.
fn asked(jump: &[HeaderValue]) -> Result<Destination, Unmet> {
    let unsaid = |why: &str| {
        Unmet::Unsaid(format!(
            "{why} Name it with: cloudflared access tcp --destination HOST:PORT (Cf-Access-Jump-Destination)."
        ))
    };
    match jump {
        [] => Err(unsaid("This is a bastion, and the request does not say where it should lead.")),
        [one] => {
            let parsed = one.to_str().ok().and_then(|text| text.trim().parse().ok());
            parsed.ok_or_else(|| unsaid("The destination cannot be read: it has to be a host and a port."))
        }
        _ => Err(unsaid("The request names more than one destination.")),
    }
}

async fn dial(service: &Service, destination: &Destination) -> Result<TcpStream, Unmet> {
    let unreachable = |error: io::Error| Unmet::Trouble(Trouble::Unreachable(error.to_string()));
    // What is looked at is what is dialled: no name is asked for twice (P-08).
    let mut addresses = connect::resolve(&destination.host(), destination.port()).await.map_err(unreachable)?;
    if let Service::Bastion(allowed) = service {
        addresses.retain(|address| allowed.lead_to(destination, address.ip()));
        if addresses.is_empty() {
            return Err(Unmet::Forbidden);
        }
    }
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    // The client is asked whether it is still there; this asks the origin.
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)).map_err(unreachable)?;
    Ok(stream)
}

fn log_forbidden(stay: &Stay, destination: &Destination, why: &str) {
    tracing::warn!(
        ray.id = %stay.visit.arrival.ray, app.name = stay.permit.app().name, caller = stay.caller.name(),
        client.ip = %stay.visit.arrival.client_ip, destination = %destination, "refused to lead there: {why}"
    );
}

/// Joins both sides once the client has its 101.
fn go_on(entrance: &Arc<Entrance>, stay: &Arc<Stay>, client: OnUpgrade, origin: TcpStream, mut record: Record) {
    let entrance = Arc::clone(entrance);
    let watch = Arc::clone(&entrance.worker.watch);
    let flow = watch.flow(Flow::new(Kind::Tunnel, Some(Arc::clone(stay)), watch.now()));
    let idle = entrance.worker.edge.limits.tunnel_idle_timeout.as_std();
    tokio::spawn(async move {
        // It keeps the places of the connection that it was, its client's too.
        let _counted = entrance.worker.edge.metrics.tunnel();
        if let Ok(client) = client.await {
            let (received, sent) = carried::carry(TokioIo::new(client), origin, &watch, &flow, idle).await;
            record.carried(received, sent);
        }
    });
}

fn switched(accept: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, respond::header(accept));
    response
}

/// For browsers above all; also what cloudflared's check of a token meets.
fn not_a_websocket(version: Version, visit: &Visit) -> Response<Body> {
    let host = visit.arrival.host.name();
    let text = format!(
        "A browser cannot show it. Reach it with: cloudflared access tcp --hostname {host} --url 127.0.0.1:PORT, \
         and point your program at 127.0.0.1:PORT."
    );
    let heading = "This application does not speak HTTP";
    let mut response = respond::notice(StatusCode::UPGRADE_REQUIRED, heading, &text, visit);
    // HTTP/2 has no such headers (RFC 9113 §8.2.2).
    if version == Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    response
}

fn of_another_site(visit: &Visit) -> Response<Body> {
    let text = "A page of another site asked for this connection. Pages cannot use it; programs do not send Origin.";
    respond::notice(StatusCode::FORBIDDEN, "Not from there", text, visit)
}

fn forbidden(visit: &Visit) -> Response<Body> {
    let text = "This bastion does not lead to that destination. Whoever runs it can list it.";
    respond::notice(StatusCode::FORBIDDEN, "Not there", text, visit)
}
