//! The gateway under the names that only the real service has: a second way
//! in, through the CONNECT proxy, to the same applications, people and store.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use doorward_edge::{Edge, Guests, PublicListener};
use doorward_emulator::names::{Certificates, Emulates, Proxy, TRANSFER_HOSTS, Ways};
use doorward_model::host::Host;
use doorward_model::live::LiveCatalog;

use super::StartError;
use super::listen::bind;
use crate::authority::Kept;

/// Requests under these names come from tests and from one person.
const WORKERS: usize = 1;

/// The second way in, while it is open.
pub(super) struct Names {
    proxy: Proxy,
    listener: doorward_edge::Running,
}

impl Names {
    /// Opens it. `edge` is the one that knows the team by its domain.
    pub(super) fn serve(
        socket: TcpListener,
        edge: &Arc<Edge>,
        emulates: Emulates,
        plain: SocketAddr,
        kept: &Kept,
    ) -> Result<Self, StartError> {
        let certificates = Certificates::new(Arc::clone(&kept.authority), Arc::clone(&emulates));
        let inner = bind("the listener behind the proxy", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let encrypted = inner.local_addr().map_err(StartError::Threads)?;
        let listener = PublicListener { socket: inner, tls: Some(certificates.server_config()) };
        let listener = doorward_edge::serve(edge, listener, WORKERS).map_err(StartError::Threads)?;
        let proxy = Proxy::serve(socket, Ways { emulates, encrypted, plain }).map_err(StartError::Threads)?;
        Ok(Self { proxy, listener })
    }

    /// Lets requests in flight end; says whether all of them did.
    pub(super) async fn drain(self, limit: Duration) -> bool {
        let ended = self.listener.drain(limit).await;
        drop(self.proxy);
        ended
    }
}

/// The names that are not their own any more for those who use the proxy.
pub(super) fn emulated(catalog: LiveCatalog, domain: String, guests: Option<Arc<Guests>>) -> Emulates {
    Arc::new(move |host: &Host| {
        let ours = host.name() == domain || TRANSFER_HOSTS.contains(&host.name()) || catalog.load().serves_host(host);
        ours || guests.as_ref().is_some_and(|guests| guests.serve(host))
    })
}
