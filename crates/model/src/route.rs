//! Which origin serves a host name. A route says where requests go; an
//! application says who may send them.

mod destination;

use std::sync::Arc;

pub use self::destination::{Allowed, Destination, Destinations, InvalidDestination};
use crate::host::HostPattern;
use crate::path::PathPattern;

/// One ingress rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub hostname: HostPattern,
    pub path: PathPattern,
    pub service: Service,
}

/// The origin behind a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// An HTTP server. The authority is what we connect to; the `Host` of the
    /// request stays the one the client sent.
    Http { tls: bool, host: String, port: u16 },
    /// A server of any protocol over TCP. Its clients come with a WebSocket
    /// that ends here and carries their bytes, as cloudflared does it.
    Tcp(Destination),
    /// The same, where each client says which of these servers it means.
    Bastion(Arc<Destinations>),
    /// The demonstration application that is part of the program (emulator mode).
    Demo,
}

/// Why a text is not a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a service: {why}")]
pub struct InvalidService {
    text: String,
    why: &'static str,
}

impl std::str::FromStr for Service {
    type Err = InvalidService;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why| InvalidService { text: text.to_owned(), why };
        let url = url::Url::parse(text).map_err(|_| invalid("write it like http://127.0.0.1:3000"))?;
        if !matches!(url.scheme(), "http" | "https" | "tcp" | "ssh" | "rdp" | "smb") {
            return Err(invalid("only http://, https://, tcp://, ssh://, rdp:// and smb:// origins can be served"));
        }
        if !matches!(url.path(), "/" | "") || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("the path of the request is kept as it is; leave out path and query here"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("user name and password do not belong here"));
        }
        let host = url.host_str().ok_or_else(|| invalid("it names no host"))?;
        if let "http" | "https" = url.scheme() {
            let port = url.port_or_known_default().unwrap_or(80);
            return Ok(Self::Http { tls: url.scheme() == "https", host: host.to_owned(), port });
        }
        let port = url.port().or_else(|| destination::default_port(url.scheme()));
        let port = port.ok_or_else(|| invalid("it names no port; write it like tcp://127.0.0.1:5432"))?;
        Destination::of(host, port).map(Self::Tcp).ok_or_else(|| invalid("it names no host"))
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { tls, host, port } => write!(f, "{}://{host}:{port}", if *tls { "https" } else { "http" }),
            Self::Tcp(destination) => write!(f, "tcp://{destination}"),
            Self::Bastion(_) => f.write_str("a bastion"),
            Self::Demo => f.write_str("the built-in demo application"),
        }
    }
}
