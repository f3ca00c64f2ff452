//! What each client address has open, so that one client cannot take all
//! places. An IPv6 client has a whole network of addresses; it counts as one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The clients that are connected.
#[derive(Clone, Default)]
pub(crate) struct Clients(Arc<Mutex<HashMap<IpAddr, Open>>>);

#[derive(Default)]
struct Open {
    connections: usize,
    requests: Arc<AtomicUsize>,
}

/// One connection's place, as long as it lives.
pub(crate) struct Place {
    clients: Clients,
    client: IpAddr,
    requests: Arc<AtomicUsize>,
}

impl Clients {
    /// A place, unless the client has as many as it may; 0 sets no bound.
    pub(crate) fn admit(&self, peer: IpAddr, most: usize) -> Option<Place> {
        let client = network(peer);
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = clients.entry(client).or_default();
        if most != 0 && open.connections >= most {
            return None;
        }
        open.connections += 1;
        let requests = Arc::clone(&open.requests);
        drop(clients);
        Some(Place { clients: self.clone(), client, requests })
    }
}

impl Place {
    /// The requests of this client that are being served, on all its connections.
    pub(crate) fn requests(&self) -> &AtomicUsize {
        &self.requests
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = clients.get_mut(&self.client) {
            open.connections -= 1;
            if open.connections == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

/// Something of which there may be so many, counted as long as it lasts.
/// Says how many others there were when it began.
pub(crate) fn enter(count: &AtomicUsize) -> usize {
    count.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn leave(count: &AtomicUsize) {
    count.fetch_sub(1, Ordering::Relaxed);
}

/// The network that one client has for itself.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_as_many_places_as_the_bound_says_and_gets_them_back() {
        let clients = Clients::default();
        let [one, neighbour, other] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|ip| ip.parse().unwrap());
        let held = clients.admit(one, 2).unwrap();
        let second = clients.admit(neighbour, 2).unwrap();
        enter(second.requests());
        assert_eq!(enter(held.requests()), 1, "one client's requests are counted together");
        assert!(clients.admit(one, 2).is_none());
        let elsewhere = clients.admit(other, 2).expect("another network is another client");
        assert_eq!(enter(elsewhere.requests()), 0);
        assert!(clients.admit(one, 0).is_some(), "no bound");
        drop(held);
        assert!(clients.admit(one, 2).is_some());
    }

    #[test]
    fn a_client_that_left_is_forgotten() {
        let clients = Clients::default();
        drop(clients.admit("192.0.2.1".parse().unwrap(), 1));
        assert!(clients.0.lock().unwrap().is_empty());
    }
}
