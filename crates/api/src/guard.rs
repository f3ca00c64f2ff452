//! What every request to this door must show before anything looks at it: an
//! address that is ours (P-03, DNS rebinding), an origin that is ours, and a
//! body that no plain form of a foreign page could send (P-04).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use doorward_model::host::Host;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use crate::{BODY_LIMIT, envelope};

/// The names under which this listener is rightly addressed.
pub(crate) struct AllowedHosts {
    names: Vec<String>,
    /// The listener is on an unspecified address, and probes call each of this
    /// machine's by number. A foreign page can rebind a name, never a number.
    any_address: bool,
}

impl AllowedHosts {
    pub(crate) fn new(configured: &[String]) -> Self {
        let mut allowed =
            Self { names: ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec(), any_address: false };
        for name in configured {
            match address(name) {
                Some(ip) if ip.is_unspecified() => allowed.any_address = true,
                Some(IpAddr::V6(ip)) => allowed.names.push(format!("[{ip}]")),
                _ => allowed.names.extend(name.parse::<Host>().map(|host| host.name().to_owned())),
            }
        }
        allowed
    }

    fn addresses_us(&self, host: &Host) -> bool {
        self.names.iter().any(|name| name == host.name()) || (self.any_address && address(host.name()).is_some())
    }

    /// The origin of a page that may call: one under our own names. A number
    /// that only an unspecified address admits has to be the one that was called.
    fn admits(&self, origin: &str, called: &Host) -> bool {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let Some(Ok(host)) = authority.map(str::parse::<Host>) else { return false };
        self.names.iter().any(|name| name == host.name()) || host.name() == called.name()
    }
}

/// Host and Origin of every request, upgrades included.
pub(crate) async fn same_machine(State(allowed): State<Arc<AllowedHosts>>, request: Request, next: Next) -> Response {
    let Some(host) = called_host(&request).filter(|host| allowed.addresses_us(host)) else {
        return forbidden(
            "this listener does not answer to that Host; if it is its own, add the name to listen.admin_hosts",
        );
    };
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    if !origins.all(|origin| origin.to_str().is_ok_and(|origin| allowed.admits(origin, &host))) {
        return forbidden("pages of that Origin may not call this listener");
    }
    next.run(request).await
}

/// A write carries JSON and says so, or carries nothing: neither is in reach
/// of a foreign page's form without a preflight, which nothing here answers.
pub(crate) async fn json_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if !reads && (has_body(headers) || headers.contains_key(header::CONTENT_TYPE)) && !is_json(headers) {
        let message = "send JSON, with Content-Type: application/json";
        return envelope::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, envelope::BAD_REQUEST, message);
    }
    if content_length(headers).is_some_and(|length| length > BODY_LIMIT as u64) {
        return envelope::refusal(StatusCode::PAYLOAD_TOO_LARGE, envelope::BAD_REQUEST, envelope::TOO_LONG);
    }
    next.run(request).await
}

/// Nothing here is kept by caches or guessed to be another type.
pub(crate) async fn quiet_headers(mut response: Response) -> Response {
    const QUIET: [(HeaderName, HeaderValue); 2] = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    response.headers_mut().extend(QUIET);
    response
}

fn forbidden(message: &str) -> Response {
    envelope::refusal(StatusCode::FORBIDDEN, envelope::BAD_REQUEST, message)
}

/// The one host a request names: by its target, by its one `Host` line, or by
/// both in agreement (RFC 9112 §3.2).
fn called_host(request: &Request) -> Option<Host> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let line = match (lines.next(), lines.next()) {
        (Some(line), None) => Some(line.to_str().ok()?.parse::<Host>().ok()?),
        (None, None) => None,
        _ => return None,
    };
    let target = match authority(request.uri()) {
        Some(text) => Some(text.parse::<Host>().ok()?),
        None => None,
    };
    match (line, target) {
        (Some(line), Some(target)) => (line == target).then_some(line),
        (line, target) => line.or(target),
    }
}

fn authority(uri: &Uri) -> Option<&str> {
    uri.authority().map(http::uri::Authority::as_str)
}

fn address(name: &str) -> Option<IpAddr> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse().ok()
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING) || content_length(headers).is_some_and(|length| length > 0)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}
