//! What the edge found out about a request before anybody else may look at it.

use std::net::IpAddr;
use std::sync::Arc;

use crate::app::App;
use crate::certificate::Presented;
use crate::host::Host;
use crate::id::RayId;
use crate::site;
use crate::time::Timestamp;

/// The facts of one request that come from the connection and not from what
/// the client claims. Handlers behind the edge find it among the request's extensions.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub now: Timestamp,
    pub ray: RayId,
    /// Canonical: never an IPv4-mapped IPv6 address.
    pub client_ip: IpAddr,
    /// ISO 3166-1 alpha-2, where it is known.
    pub country: Option<String>,
    /// Presented on this very connection, and checked for this very host.
    pub certificate: Presented,
    /// How the client reaches us, by the socket or by a trusted proxy's word.
    pub https: bool,
    pub host: Host,
    /// The application the host and path belong to; none on the team domain.
    pub app: Option<Arc<App>>,
}

impl Arrival {
    /// Scheme and authority as the client sees them.
    #[must_use]
    pub fn origin(&self) -> String {
        site::origin(self.https, &self.host)
    }
}
