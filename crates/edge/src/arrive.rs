//! The first reading of a request: one authority, one path, one client
//! address. Whatever two servers could read differently is refused here.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_model::arrival::Arrival;
use doorward_model::certificate::Presented;
use doorward_model::host::Host;
use doorward_model::id::RayId;
use doorward_model::path::NormPath;
use doorward_model::time::Timestamp;
use http::header::{ACCEPT, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use ipnet::IpNet;

use crate::countries::Countries;

/// What the connection itself tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Socket {
    /// Canonical: an IPv4-mapped IPv6 address is an IPv4 address here.
    pub(crate) peer: IpAddr,
    pub(crate) tls: bool,
}

/// Whose word about clients is taken, and how far.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    pub(crate) proxies: Vec<IpNet>,
    /// Take `Cf-Ipcountry` from anybody: a test header in emulator mode.
    pub(crate) country_from_anybody: bool,
    /// Asked where nobody who is believed says a country.
    pub(crate) countries: Arc<Countries>,
}

impl Trust {
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// A request whose place is known.
pub(crate) struct Visit {
    pub(crate) arrival: Arrival,
    pub(crate) path: NormPath,
    /// Who is on the other end of the socket.
    pub(crate) peer: IpAddr,
    /// The way as trusted proxies tell it, each followed by a comma.
    pub(crate) way: String,
    /// Whether the origin is told of the client certificate.
    pub(crate) tells_certificate: bool,
    /// The client is a program that asks for JSON, not for a page.
    pub(crate) wants_json: bool,
    /// A service token came with the request, whether it holds or not.
    pub(crate) sends_service_token: bool,
}

/// Why a request is turned away before it has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// CONNECT and TRACE: we are no tunnel and no echo (F-04).
    Method,
    Host,
    Path,
    Expectation,
    /// The handshake named another host.
    Misdirected,
}

impl Unreadable {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host | Self::Path => StatusCode::BAD_REQUEST,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Method => "This method is not served here.\n",
            Self::Host => "The request must name exactly one valid host.\n",
            Self::Path => "The path of the request is ambiguous or malformed.\n",
            Self::Expectation => "The request expects something that is not offered here.\n",
            Self::Misdirected => "This connection was opened for another host; open one for this host.\n",
        }
    }
}

/// Reads a request's place and sender. The application is filled in by the caller.
pub(crate) fn read(
    head: &Parts,
    socket: Socket,
    trust: &Trust,
    ray: RayId,
    now: Timestamp,
) -> Result<Visit, Unreadable> {
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(Unreadable::Method);
    }
    if head.headers.get(EXPECT).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Unreadable::Expectation);
    }
    let host = authority(&head.headers, &head.uri, head.version)?;
    let path = head.uri.path().parse().map_err(|_| Unreadable::Path)?;
    let trusted = trust.covers(socket.peer);
    let client_ip = if trusted { client_behind_proxies(&head.headers, socket.peer, trust) } else { socket.peer };
    // A proxy in front may know better than a file that ages.
    let said = (trusted || trust.country_from_anybody).then(|| country(&head.headers)).flatten();
    let arrival = Arrival {
        now,
        ray,
        client_ip,
        country: said.or_else(|| trust.countries.of(client_ip)),
        certificate: Presented::Nothing,
        https: socket.tls || (trusted && says_https(&head.headers)),
        host,
        app: None,
    };
    let way = if trusted { way(&head.headers) } else { String::new() };
    let wants_json = wants_json(&head.headers);
    Ok(Visit {
        arrival,
        path,
        peer: socket.peer,
        way,
        tells_certificate: false,
        wants_json,
        sends_service_token: false,
    })
}

/// Exactly one host, however it is spelled: `Host`, `:authority` or an
/// absolute request target. Two that differ are two readings (RFC 9112 §3.2).
pub(crate) fn authority(headers: &HeaderMap, target: &Uri, version: Version) -> Result<Host, Unreadable> {
    let mut named = headers.get_all(HOST).iter();
    let header = named.next().map(|value| value.to_str().ok().and_then(|text| text.parse::<Host>().ok()));
    if named.next().is_some() {
        return Err(Unreadable::Host);
    }
    let target = target.authority().map(|authority| authority.as_str().parse::<Host>().ok());
    match (header, target) {
        (Some(Some(host)), None) => Ok(host),
        // Over HTTP/2 the authority is the host; over HTTP/1 a request without `Host` is none (RFC 9112 §3.2).
        (None, Some(Some(host))) if version == Version::HTTP_2 => Ok(host),
        (Some(Some(host)), Some(Some(target))) if host == target => Ok(host),
        _ => Err(Unreadable::Host),
    }
}

/// The right-most address that is not a trusted proxy; an unreadable entry
/// ends the walk, since nothing left of it can be believed (J-10).
fn client_behind_proxies(headers: &HeaderMap, peer: IpAddr, trust: &Trust) -> IpAddr {
    let mut client = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for entry in value.to_str().unwrap_or_default().rsplit(',') {
            let Ok(address) = entry.trim().parse::<IpAddr>() else { return client };
            client = address.to_canonical();
            if !trust.covers(client) {
                return client;
            }
        }
    }
    client
}

fn says_https(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all("x-forwarded-proto").iter();
    let https = values.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
    https && values.next().is_none()
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Browsers name pages first when they ask for one.
    !accept.starts_with("text/html") && accept.contains("application/json") && !accept.contains("text/html")
}

fn country(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("cf-ipcountry")?.to_str().ok()?;
    let code = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    code.then(|| text.to_ascii_uppercase())
}

fn way(headers: &HeaderMap) -> String {
    let mut way = String::new();
    for value in headers.get_all("x-forwarded-for") {
        way.push_str(value.to_str().unwrap_or_default());
        way.push_str(", ");
    }
    way
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn visit(
        build: impl FnOnce(http::request::Builder) -> http::request::Builder,
        peer: &str,
        proxies: &[&str],
    ) -> Result<Visit, Unreadable> {
        let (head, ()) = build(Request::builder()).body(()).unwrap().into_parts();
        let trust = Trust {
            proxies: proxies.iter().map(|net| net.parse().unwrap()).collect(),
            country_from_anybody: false,
            countries: Arc::default(),
        };
        let socket = Socket { peer: peer.parse::<IpAddr>().unwrap().to_canonical(), tls: false };
        read(&head, socket, &trust, RayId::random(), Timestamp(0))
    }

    fn refusal(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Option<Unreadable> {
        visit(build, "192.0.2.1", &[]).err()
    }

    #[test]
    fn b_01_b_03_a_request_names_exactly_one_host() {
        assert_eq!(refusal(|r| r.uri("/")), Some(Unreadable::Host));
        assert_eq!(refusal(|r| r.uri("/").header("host", "")), Some(Unreadable::Host));
        assert_eq!(refusal(|r| r.uri("/").header("host", "a.test").header("host", "a.test")), Some(Unreadable::Host));
        assert_eq!(refusal(|r| r.uri("http://b.test/").header("host", "a.test")), Some(Unreadable::Host));
        assert_eq!(refusal(|r| r.uri("http://A.test/").header("host", "a.test")), None);
        assert_eq!(refusal(|r| r.uri("http://x@a.test/")), Some(Unreadable::Host));
    }

    #[test]
    fn f_04_connect_and_trace_are_no_methods_here() {
        assert_eq!(refusal(|r| r.method("TRACE").uri("/").header("host", "a.test")), Some(Unreadable::Method));
        assert_eq!(
            refusal(|r| r.method("CONNECT").uri("a.test:443").header("host", "a.test")),
            Some(Unreadable::Method)
        );
    }

    #[test]
    fn j_10_the_client_is_the_right_most_address_that_no_trusted_proxy_has() {
        let two = |r: http::request::Builder| {
            r.uri("/")
                .header("host", "a.test")
                .header("x-forwarded-for", "198.51.100.9")
                .header("x-forwarded-for", "203.0.113.7, 10.0.0.2")
        };
        let ip = |peer, proxies: &[&str]| visit(two, peer, proxies).unwrap().arrival.client_ip.to_string();
        assert_eq!(ip("10.0.0.1", &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(ip("::ffff:10.0.0.1", &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(ip("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(ip("192.0.2.1", &["10.0.0.0/8"]), "192.0.2.1");
        let garbage =
            |r: http::request::Builder| r.uri("/").header("host", "a.test").header("x-forwarded-for", "1.2.3.4, a");
        assert_eq!(visit(garbage, "10.0.0.1", &["10.0.0.0/8"]).unwrap().arrival.client_ip.to_string(), "10.0.0.1");
    }

    #[test]
    fn h_06_only_a_trusted_proxy_makes_a_request_https() {
        let claim =
            |r: http::request::Builder| r.uri("/").header("host", "a.test").header("x-forwarded-proto", "https");
        assert!(!visit(claim, "192.0.2.1", &["10.0.0.0/8"]).unwrap().arrival.https);
        assert!(visit(claim, "10.0.0.1", &["10.0.0.0/8"]).unwrap().arrival.https);
    }
}
